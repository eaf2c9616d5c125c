"""Requests that nobody thought of: schemathesis makes them of the API's description, and holds the answers against it.

They go through WSGI into the deployment's functions, as the events that API Gateway would make of them.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.core.result import Err
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.core.callers import OPERATOR_SCOPES, Verb
from gateway.core.events.publishing import publish
from gateway.core.ids import PREFIXES, row_id
from gateway.core.pacing import Breaker
from gateway.core.ports import Session
from gateway.core.sessions import token_hash
from gateway.wiring.services import using
from infra.problems import GATEWAY_PROBLEMS, GatewayProblem
from open_dental.catalogue import resource, resources
from tests.fakes.deployment import CLIENT, Deployment, route_of
from tests.fakes.described import document
from tests.fakes.events import LivingPublisher
from tests.fakes.gateway_events import Context, event
from tests.fakes.seeds import OTHER, Seed, Seeds

TOKEN = "a-token-that-the-authorizer-knows"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
_WRITTEN = (
    *("audiences", "claims", "communications", "groups", "intakes", "patients", "payments"),
    *("practices", "procedures", "recalls", "sync", "webhooks"),
)
SCOPES = (
    {"*", "*:read", "*:write", "patients.ssn", "patients.match", "practices:connect", "document_contents:read"}
    | {"resources:*", "resources:read"}
    | OPERATOR_SCOPES
    | {f"{name}:{verb}" for name in (*_WRITTEN, *resources()) for verb in Verb}
    | {f"resources:{one.id}" for name in resources() for one in resource(name).operations}
)
_UNAVAILABLE = {"unavailable", "throttled", "queue-full"}

Environ = Mapping[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Api:
    """The deployment as a WSGI application, with its description at `/openapi.json`."""

    def __init__(self, office: Deployment) -> None:
        self._office = office

    def __call__(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        path, query = str(environ["REQUEST_URI"]).partition("?")[0], str(environ["QUERY_STRING"])
        if path == "/openapi.json":
            return _sent(start, 200, {"Content-Type": "application/json"}, json.dumps(document()))
        method = str(environ["REQUEST_METHOD"])
        try:
            function, route, params = route_of(method, path)
        except LookupError:
            return _refused(start, GATEWAY_PROBLEMS["MISSING_AUTHENTICATION_TOKEN"])
        headers = _headers(environ)
        is_known = headers.get("Authorization") == f"Bearer {TOKEN}"
        if not is_known and "security" not in document()["paths"].get(route, {}).get(method.lower(), {}):
            return _refused(start, GATEWAY_PROBLEMS["UNAUTHORIZED"])
        sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        made = event(
            method,
            route,
            # The gateway hands parts of a path over as they are meant.
            params={name: unquote(value) for name, value in params.items()},
            query=parse_qs(query, keep_blank_values=True),
            headers=headers,
            body=sent.decode("utf-8", errors="replace") or None,
            client_id=CLIENT if is_known else None,
        )
        with using(self._office.on):
            answer = import_module(f"functions.{function}.handler").lambda_handler(made, Context())
        return _sent(start, answer["statusCode"], answer["headers"], answer["body"])


def _headers(environ: Environ) -> dict[str, str]:
    found = {
        name.removeprefix("HTTP_").replace("_", "-").title(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    return found | ({"Content-Type": environ["CONTENT_TYPE"]} if environ.get("CONTENT_TYPE") else {})


def _refused(start: StartResponse, problem: GatewayProblem) -> Iterable[bytes]:
    return _sent(start, problem.status, {"Content-Type": "application/problem+json", **problem.headers}, problem.body())


def _sent(start: StartResponse, status: int, headers: Mapping[str, str], body: str) -> Iterable[bytes]:
    start(f"{status} {status}", list(headers.items()))
    return [body.encode()]


@dataclass
class Walked:
    """What a walk met: answers of each operation by status, and what was wrong."""

    answers: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    faults: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    """What was said last of a request that was meant to be right."""

    @property
    def statuses(self) -> Counter[int]:
        """All answers by status."""
        return sum(self.answers.values(), Counter())

    @property
    def never(self) -> list[str]:
        """Operations that had no answer of 2xx."""
        return [name for name, found in self.answers.items() if not any(200 <= one < 300 for one in found)]

    def add(self, other: Walked) -> None:
        """Count another walk in."""
        for name, found in other.answers.items():
            self.answers[name] += found
        self.faults |= other.faults
        self.refusals |= other.refusals

    def lines(self) -> Iterator[str]:
        """Each operation with its answers, as a person reads them."""
        for name, found in sorted(self.answers.items(), key=lambda one: one[0].split()[::-1]):
            kinds = Counter[str]()
            for status, number in found.items():
                kinds[f"{status // 100}xx"] += number
            yield f"{name:70} " + " ".join(f"{kind} {kinds[kind]:3}" for kind in ("2xx", "3xx", "4xx", "5xx"))


def operations(api: Api) -> Iterator[Any]:
    """All operations of the description."""
    load_all_checks()
    schema = schemathesis.openapi.from_wsgi("/openapi.json", api)
    for found in schema.get_all_operations():
        if isinstance(found, Err):
            raise found.err()
        yield found.ok()


def walk(
    office: Deployment, *, examples: int, wrong: int | None = None, chosen: Callable[[str], bool] = lambda _: True
) -> Walked:
    """Send each operation that is chosen by its name so many right requests, and as many wrong ones or `wrong`.

    Those that make something come first, those that take it away last, so that ids and cursors of answers can be used.
    """
    api, walked, seeds = Api(office), Walked(), Seeds(office)
    found = [one for one in operations(api) if chosen(_name(one))]
    office_was = _Office(office)
    for operation in sorted(found, key=_turn):
        for mode, many in ((GenerationMode.POSITIVE, examples), (GenerationMode.NEGATIVE, wrong)):
            _try(office, operation, mode, examples if many is None else many, seeds, walked)
        office_was.again()
    return walked


def _name(operation: Any) -> str:
    return f"{operation.method.upper()} {operation.path}"


_FORMS = (("POST", False), ("POST", True), ("GET", False), ("GET", True), ("PATCH", False), ("PATCH", True))


def _turn(operation: Any) -> tuple[int, str]:
    form = (operation.method.upper(), "{" in operation.path)
    return (_FORMS.index(form) if form in _FORMS else len(_FORMS), operation.path)


class _Office:
    """What one operation must not take away from all that come after it."""

    def __init__(self, office: Deployment) -> None:
        self._office, self._records = office, len(office.on.records.outbox)
        self._client = office.on.callers.client(CLIENT)
        office.on.callers.put_client(replace(self._client, id=OTHER))
        self._practices = [office.on.practices.get(one) for one in office.servers]
        self._publisher = LivingPublisher(office.on)
        self.again()

    def again(self) -> None:
        """Have agreements, ways and scopes as they were, no breaker open, and what changed published."""
        on = self._office.on
        on.callers.put_client(self._client)
        on.callers.put_session(token_hash(TOKEN), Session(CLIENT, None))
        on.practices.agreed.clear()
        for endpoint in list(on.webhooks.endpoints.values()):
            on.webhooks.endpoints[endpoint.id] = replace(endpoint, client_id=CLIENT)
        for practice in self._practices:
            on.practices.put(replace(practice, key_fingerprint=on.practices.get(practice.id).key_fingerprint))
            on.pace.switch(practice.id, killed=False, by="walk", at=on.clock.now())
            on.pace.update(practice.id, lambda item: (replace(item, breaker=Breaker()), None))
        changes = on.records.outbox[self._records :]
        self._records += len(changes)
        publish(changes, self._publisher)


def _try(office: Deployment, operation: Any, mode: GenerationMode, examples: int, seeds: Seeds, to: Walked) -> None:
    name, numbers = _name(operation), count()
    ids = _ids(office)

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), pick=st.integers(0, 7))
    def send(case: Any, pick: int) -> None:
        number = next(numbers)
        if mode is GenerationMode.POSITIVE and number % 4 == 0:
            _fill(case, ids, pick)
        elif mode is GenerationMode.POSITIVE:
            _plant(case, seeds.of(name, number), with_more=number % 4 == 1, at=pick)
        response = case.call(headers={"Authorization": f"Bearer {TOKEN}"})
        to.answers[name][response.status_code] += 1
        if response.status_code < 300 and "json" in response.headers.get("content-type", [""])[0]:
            seeds.learn(name, dict(case.query or {}), response.json())
        elif mode is GenerationMode.POSITIVE and number % 4 > 1 and response.status_code >= 400:
            told = response.json()
            to.refusals[name] = f"{response.status_code} {told.get('code', '')}: {told.get('detail', '')}"
        _pass_time(office)
        try:
            # It may find nothing to make wrong, and says that it did.
            nothing = {ParameterLocation.BODY} if case.body is NOT_SET and not response.request.body else set()
            is_wrong = mode is GenerationMode.NEGATIVE and any(
                case.meta.is_negative_at(one) for one in ParameterLocation if one not in nothing
            )
            case.validate_response(response, checks=CHECKS if is_wrong else CHECKS[:-1])
        except FailureGroup as error:
            error.add_note(
                f"{response.status_code} to {response.request.method} {response.request.url}\n{case.body!r:.500}"
            )
            raise

    try:
        send()
    except Unsatisfiable:
        # Nothing of it can be wrong.
        return
    except (Exception, FailureGroup) as error:  # noqa: BLE001 - whatever it is, it is told with all others
        several = error.exceptions if isinstance(error, BaseExceptionGroup) else [error]
        told = [f"{type(one).__name__}: {one}"[:2000] for one in several]
        to.faults[f"{name} ({mode.name.lower()})"] = "\n".join([*told, *getattr(error, "__notes__", ())])


def _plant(case: Any, seed: Seed, *, with_more: bool, at: int) -> None:
    """Make the case the seed, or the seed with one thing that was made up: a filter or a member."""
    more, said = case.query or {}, case.body if isinstance(case.body, dict) else {}
    case.path_parameters = dict(seed.path)
    case.query = _one_more(seed.query, more, at) if with_more else dict(seed.query)
    if seed.body is not None:
        body = _one_more(seed.body, said, at) if with_more else dict(seed.body)
        case.body, case.media_type = body, case.media_type or "application/json"
    if not with_more:
        case.headers = {"Idempotency-Key": f"walk-{next(_KEYS)}"}


_KEYS = count()


def _one_more(seed: Mapping[str, Any], made_up: Mapping[str, Any], at: int) -> dict[str, Any]:
    # What is left out names another practice, or a page of another list.
    others = sorted(made_up.keys() - seed.keys() - {"practice_id", "cursor", "_cursor"})
    return {**seed, **({others[at % len(others)]: made_up[others[at % len(others)]]} if others else {})}


def _pass_time(office: Deployment) -> None:
    """Nobody asks so fast that the client's own limit or the practice's queue would be all that answers."""
    office.on.clock.seconds += 1


def _ids(office: Deployment) -> dict[str, list[str]]:
    """Prefix -> ids of rows that the office has, or may have."""
    found = {
        prefix: [row_id(kind, office.practice_id, number) for number in range(1, 9)]
        for kind, prefix in PREFIXES.items()
    }
    return found | {"prac": [office.practice_id]}


@cache
def _prefix_of(name: str) -> str | None:
    """The prefix of the ids that a parameter or member of that name takes."""
    word = name.removesuffix("s").removesuffix("_id")
    return PREFIXES.get(_MEANT.get(word, word)) if name.endswith(("_id", "_ids")) else None


_WHOSE = {"patient_id": "_", "patient": "-"}
_IS_OURS = re.compile("^[a-z]+_[a-z2-7]{16,}$")
_MEANT = {
    "hygienist": "provider",
    "billing_provider": "provider",
    "treating_provider": "provider",
    "guarantor": "patient",
    "payment_type": "definition",
    "hold": "slot_hold",
    "other_coverage": "coverage",
    "type": "definition",
}


def _fill(case: Any, ids: Mapping[str, list[str]], pick: int) -> None:
    """Ask for what there may be: ids of rows that are there, few filters, days near by.

    `pick` chooses among them.
    """
    path, query = case.path_parameters or {}, case.query or {}
    for name, value in path.items():
        path[name] = _real(name, value, ids, pick)
    taken = {one.name for one in case.operation.query}
    if taken:
        needed = {one.name for one in case.operation.query if one.is_required}
        kept = {
            name: _real(name, value, ids, pick)
            for at, (name, value) in enumerate(query.items())
            if name in needed or (name not in {"cursor", "_cursor"} and (at + pick) % 6 == 0)
        }
        # Most lists are bounded by nothing else.
        whose = {name: one for name, one in _WHOSE.items() if name in taken}
        case.query = kept | {name: ids["pat"][pick].replace("_", one) for name, one in whose.items()}
    case.body = _real("", case.body, ids, pick)


def _real(name: str, value: Any, ids: Mapping[str, list[str]], pick: int) -> Any:
    if isinstance(value, dict):
        return {key: _real(key, one, ids, pick) for key, one in value.items()}
    if isinstance(value, list):
        return [_real(name, one, ids, (pick + at) % 8) for at, one in enumerate(value)]
    if not isinstance(value, str):
        return value
    if name.endswith(("_on", "_from", "_to", "date", "day")) and value[4:5] == "-":
        return f"2026-11-{10 + pick}"
    if name in {"updated_since", "since", "until", "_lastUpdated"}:
        return f"2026-11-{10 + pick}T00:00:00Z"
    if name in {"id", "_id", "patient", "subject", "actor", "beneficiary"} and not _IS_OURS.match(value):
        # FHIR's spelling of a patient's or a provider's id.
        return ids["pat"][pick].replace("_", "-")
    prefix = _prefix_of(name) or (value.partition("_")[0] if name == "id" else None)
    theirs = ids.get(prefix or "", [])
    if name and name[0].isupper() and value.lstrip("-").isdigit():
        return str(pick + 1)
    return theirs[pick % len(theirs)] if theirs else value
