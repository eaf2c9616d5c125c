"""The whole road in one process: function handlers, use cases, engine, the upstream client, the simulated practice.

Queues, tables and secrets are the fakes of this package; what is called is the practice that `uv run practice` serves,
through the real client over httpx's `MockTransport`: no socket, and time that passes without waiting.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from importlib import import_module
from itertools import product
from typing import Any
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

import httpx

from gateway.adapters.drop import DropLogin
from gateway.adapters.upstream import OpenDentalUpstream
from gateway.core.callers import OPERATOR_SCOPES, Caller, Client, ClientKind
from gateway.core.errors import NotFound
from gateway.core.ids import row_id
from gateway.core.office_words import Table, input_of
from gateway.core.ports import Keys
from gateway.core.practices import Baa, Mode, Practice, Tier
from gateway.core.requests import Freshness, fetch
from gateway.wiring.services import using
from infra.catalogue import FUNCTIONS, Http
from infra.sandbox.practice.__main__ import build, parser
from infra.sandbox.practice.keys import PERMISSIONS
from infra.sandbox.practice.practice import Practice as SimulatedPractice
from infra.sandbox.practice.server import PracticeServer
from open_dental.client import Client as UpstreamClient
from open_dental.client import Keys as UpstreamKeys
from open_dental.errors import KeyRefused
from tests.fakes import described
from tests.fakes.gateway_events import Context, event, read
from tests.fakes.living import LivingServices

ZONE = "America/Chicago"
_SAID = datetime.fromisoformat(os.environ.get("TESTS_NOW", "2026-11-18"))
NOW = _SAID if _SAID.tzinfo else _SAID.replace(hour=12, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
"""When a deployment begins: noon at the office, so that no test sees another day than it began on.

`TESTS_NOW` names another day, or an instant with its zone: `TESTS_NOW=2027-03-14T07:30:00+00:00 uv run pytest
tests/functions`.
"""
ALL_PERMISSIONS = frozenset(PERMISSIONS)
IDS = ("prac_aaaaaaaaaaaaaaaa", "prac_bbbbbbbbbbbbbbbb", "prac_cccccccccccccccc")
CLIENT = "cli_ada"


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of the API."""

    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass
class Deployment:
    """A deployment with one client and as many simulated practices as it was asked for."""

    on: LivingServices
    servers: dict[str, PracticeServer]
    upstream_calls: list[str] = field(default_factory=list)
    """Operations that the practices were called with, in order."""
    drop_login: DropLogin | None = None
    """How the practices sign in at the stage's SFTP server, where it has one."""
    doors: dict[str, SimulatedPractice] = field(default_factory=dict)
    """Who answers at an address, where that is not the practice's own simulated one."""
    down: set[str] = field(default_factory=set)
    """Addresses at which no connection comes about."""
    office_of_key: dict[str, SimulatedPractice] = field(default_factory=dict)
    """Customer key -> the office that it leads to, where that is not its practice's."""
    before_call: Callable[[str], None] = lambda operation: None
    """Told of each call right before it goes out: what happens at the office meanwhile."""

    @property
    def practice_id(self) -> str:
        """The first practice's id."""
        return next(iter(self.servers))

    @property
    def simulated(self) -> SimulatedPractice:
        """The first practice, to look at and to change behind the gateway's back."""
        return self.servers[self.practice_id].practice

    @property
    def today(self) -> date:
        """The calendar day at the first practice's office."""
        zone = self.on.practices.get(self.practice_id).zone()
        return self.on.clock.now().astimezone(zone).date()

    def rows(self, table: str, where: str = "1=1") -> list[dict[str, Any]]:
        """Rows of the first practice's database, in database form."""
        return self.simulated.office.store.rows(f"SELECT * FROM {table} WHERE {where}")

    def id_of(self, kind: str, number: int) -> str:
        """The id of a row of the first practice."""
        return row_id(kind, self.practice_id, number)

    def grant(self, *scopes: str) -> None:
        """Give the client these scopes and `notes`, and no others."""
        client = self.on.callers.client(CLIENT)
        self.on.callers.put_client(replace(client, scopes=frozenset({"notes", *scopes}), kind=kind_for(scopes)))

    def know(self, **facts: Any) -> None:
        """Change what the gateway knows of the first practice (`version`, `permissions`, `tier` ...)."""
        self.on.practices.put(replace(self.on.practices.get(self.practice_id), **facts))

    def read_up(self) -> None:
        """Have the offices' own set-up at hand, as it is once somebody has read what needs it."""
        caller = Caller(self.on.callers.client(CLIENT))
        for practice_id, table in product(self.servers, Table):
            fetch(
                f"fetch.{table}",
                input_of(table),
                practice=self.on.practices.get(practice_id),
                caller=caller,
                freshness=Freshness(),
                on=self.on,
                reference=True,
            )
        self.upstream_calls.clear()

    def know_anew(self, **facts: Any) -> None:
        """Like `know`, a minute later, so that nothing is answered from what was read before."""
        self.know(**facts)
        self.on.clock.seconds += 60

    def get(self, path: str, **query: Any) -> Answered:
        """GET `path`; values of several are lists. Waits for Open Dental as any caller does."""
        return self.send("GET", path, query=query)

    def post(self, path: str, body: Any = None, *, key: str | None = None, **query: Any) -> Answered:
        """POST `path`, with an `Idempotency-Key` of its own unless one is given."""
        return self.send("POST", path, body=body, key=key or f"key-{next(self._numbers)}", query=query)

    def patch(self, path: str, body: Any, *, key: str | None = None) -> Answered:
        """PATCH `path`, with an `Idempotency-Key` of its own unless one is given."""
        return self.send("PATCH", path, body=body, key=key or f"key-{next(self._numbers)}")

    def faulty(self, kind: str, match: str, **more: Any) -> None:
        """Have the first practice answer the next call of `match` badly, as its control endpoint would."""
        self.simulated.faults.add({"kind": kind, "match": match, **more})

    def settled(self, answered: Answered, *, seconds: float = 7200.0) -> dict[str, Any]:
        """The operation of an answer to a write, once it is settled or that much time has passed."""
        self.on.world.run(seconds)
        shown: dict[str, Any] = self.get(f"/operations/{answered.body['id']}").body
        return shown

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        client_id: str | None = CLIENT,
    ) -> Answered:
        """One request, to whichever function has its route."""
        function, route, params = route_of(method, path)
        texts = {
            name: [str(one) for one in value] if isinstance(value, list) else _text(value)
            for name, value in (query or {}).items()
        }
        sent = {**({"Idempotency-Key": key} if key else {}), **(headers or {})}
        made = event(method, route, params=params, query=texts, headers=sent, body=body, client_id=client_id)
        with using(self.on):
            answer = import_module(f"functions.{function}.handler").lambda_handler(made, Context())
        answered = Answered(answer["statusCode"], read(answer) if answer["body"] else None, answer["headers"])
        # Whatever a test is about, what it is answered must be what the API says that it answers.
        described.check(method, path, answered.status, answered.headers, answered.body)
        return answered

    def follow(self, answered: Answered, path: str) -> Answered:
        """GET what `Location` says of an answer to a request of `path`."""
        return self.get(urlsplit(urljoin(f"https://gateway.test{path}", answered.headers["Location"])).path)

    def __post_init__(self) -> None:
        self._numbers = iter(range(1, 1_000_000))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def route_of(method: str, path: str) -> tuple[str, str, dict[str, str]]:
    """The function, the route's template and the path's parameters. A template without braces goes first."""
    found = [
        (row.name, route.path, match.groupdict())
        for row in FUNCTIONS
        if isinstance(row.trigger, Http)
        for route in row.trigger.all_routes()
        if route.method == method and (match := re.fullmatch(_pattern(route.path), path)) is not None
    ]
    if not found:
        raise LookupError(f"no function has the route {method} {path}")
    return min(found, key=lambda one: one[1].count("{"))


def _pattern(template: str) -> str:
    return re.sub(r"{(\w+)(\+?)}", lambda match: f"(?P<{match[1]}>{'.+' if match[2] else '[^/]+'})", template)


class _Upstream(OpenDentalUpstream):
    """The real adapter, whose clients reach the simulated practices without a socket."""

    def __init__(self, deployment: Deployment) -> None:
        super().__init__(deployment.on.vault, deployment.drop_login)
        self._deployment = deployment

    def send(self, practice: Practice, call: Any, gate: Any = None) -> Any:
        """See `Upstream.send`."""
        # Keys are sent by nobody but the worker of the network that the address is in.
        assert self._deployment.on.world.at in {None, practice.network}
        self._deployment.before_call(call.operation)
        self._deployment.upstream_calls.append(call.operation)
        # Calls take a moment of the deployment's time, as they do of everybody's.
        sent_at = self._deployment.on.clock.now()
        self._deployment.on.clock.sleep(0.05)
        # The client stamps what it sends by the machine's clock, and a test's time passes on its own.
        return replace(super().send(practice, call, gate), started_at=sent_at)

    def _client(self, practice: Practice) -> UpstreamClient:
        where = (practice.id, practice.base_url, practice.state, practice.key_fingerprint)
        if where not in self._clients:
            try:
                pair = self._pair(practice)
            except NotFound as error:
                raise KeyRefused(reason="no keys are kept") from error
            # A practice that is connected meanwhile is the first one's office, under another id.
            servers = self._deployment.servers
            own = servers.get(practice.id, servers[self._deployment.practice_id]).practice
            simulated = self._deployment.doors.get(practice.base_url, own)

            def answer(request: httpx.Request) -> httpx.Response:
                if practice.base_url in self._deployment.down:
                    raise httpx.ConnectError("refused", request=request)
                headers = {name.lower(): value for name, value in request.headers.items()}
                # A key leads to its office, whoever is meant.
                customer = headers["authorization"].rpartition("/")[2]
                office = self._deployment.office_of_key.get(customer, simulated)
                target = request.url.raw_path.decode()
                got = office.handle(request.method, target, headers, request.read(), "127.0.0.1")
                if got.drop:
                    raise httpx.RemoteProtocolError("the practice closed the connection", request=request)
                return httpx.Response(
                    got.status, content=got.body, headers={"Content-Type": got.content_type, **got.headers}
                )

            self._clients[where] = UpstreamClient(
                UpstreamKeys(pair.developer, pair.customer), practice.base_url, transport=httpx.MockTransport(answer)
            )
        return self._clients[where]


@contextmanager
def deployed(
    *options: str,
    practices: int = 1,
    scopes: Iterable[str] = ("*:read",),
    tier: Tier = Tier.ENTERPRISE,
    drop_login: DropLogin | None = None,
) -> Iterator[Deployment]:
    """A deployment whose practices are made with the command line `options` of `uv run practice` (40 patients each).

    Its client has `scopes` and `notes`.

    Practices have the same seed, so their rows have equal keys. `drop_login`: how they sign in at the stage's SFTP
    server; the bucket behind it, `on.drop`, is the test's to make.
    """
    with ExitStack() as stack:
        on = LivingServices(*(_practice(id_, tier) for id_ in IDS[:practices]))
        on.clock.start = NOW
        deployment = Deployment(on, {}, drop_login=drop_login)
        for id_ in IDS[:practices]:
            asked = [
                "--patients",
                "40",
                # As the gateway knows it, or a look at what the key may do would find another.
                "--tier",
                "enterprise" if tier is Tier.ENTERPRISE else "standard",
                "--interval",
                "0",
                "--latency-ms",
                "0",
                "--zone",
                ZONE,
                "--now",
                NOW.isoformat(),
            ]
            asked += options
            chosen = parser().parse_args(asked)
            server = deployment.servers[id_] = build(chosen)
            stack.callback(server.stop)
            on.vault.current[id_] = Keys(chosen.developer_key, chosen.customer_key)
            on.vault.portal_key = server.practice.portal_key
            on.practices.put(replace(on.practices.get(id_), version=chosen.version))
        upstream = _Upstream(deployment)
        stack.callback(upstream.close)
        on.upstream = upstream
        on.callers.put_client(
            Client(CLIENT, "Ada", frozenset(deployment.servers), frozenset({"notes", *scopes}), kind_for(scopes))
        )
        yield deployment


def kind_for(scopes: Iterable[str]) -> ClientKind:
    """The kind of client for which all these scopes count."""
    return ClientKind.APP if OPERATOR_SCOPES.isdisjoint(scopes) else ClientKind.OPERATOR


def _practice(id_: str, tier: Tier) -> Practice:
    return Practice(
        id=id_,
        name="Elm Street Dental",
        time_zone=ZONE,
        mode=Mode.REMOTE,
        base_url="http://127.0.0.1:1/api/v1",
        tier=tier,
        permissions=ALL_PERMISSIONS,
        baa=Baa("test-baa", "A. Test", date(2026, 1, 1)),
        key_fingerprint=id_[-1] * 32,
    )
