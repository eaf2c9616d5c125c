"""The practice behind its door: who may come in, when, and what they are told.

The order of the checks and the texts follow what is documented and observed of the vendor's gateway
(https://www.opendental.com/site/apispecification.html); texts nobody has published are our own.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl, urlsplit

from infra.sandbox.practice import behaviours, fhir, generic, short_query
from infra.sandbox.practice.faults import Fault, Faults
from infra.sandbox.practice.firing import Firing
from infra.sandbox.practice.handlers import Rejected, Reply, Request
from infra.sandbox.practice.keys import INTERVAL_S, PERMISSIONS, PORTAL_KEY, ApiKey, Issued, KeyState, Tier
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.routes import route
from infra.sandbox.practice.throttle import Throttle, Throttled, ThrottleFrom, WaitedTooLong

# Importing them registers the behaviours and the query handler.
_REGISTERED = (behaviours, short_query)

Mode = Literal["Remote", "Service", "Local", "Cloud"]

API_ROOT = "/api/v1"
MAX_BODY = 16_800_000
_LOG_LENGTH = 200_000

OFFLINE = "The office's eConnector is not running. Please contact the office and ask them to start it."
UNEXPECTED = "An unexpected error occurred. Please try again."
VERSION = "Error. This is most likely a version issue. The office must update to at least version {}."

# Page limits (https://www.opendental.com/site/apipagination.html), plain and with the Enterprise tier.
_PAGE_LIMIT: dict[Mode, tuple[int, int]] = {
    "Remote": (100, 1000),
    "Service": (1000, 10_000),
    "Local": (1000, 10_000),
    "Cloud": (1000, 10_000),
}


@dataclass(slots=True)
class Settings:
    """What can be turned while the practice runs. Times are practice time."""

    mode: Mode = "Remote"
    interval_s: float | None = None
    """Seconds between calls; None follows the key's tier and permissions."""
    throttle_from: ThrottleFrom = "start"
    queue_depth: int = 10
    latency_ms: float = 0.0
    latency_per_row_ms: float = 0.0
    request_limit_s: float = 60.0
    offline: bool = False
    suspend_after: int = 0
    """Refusals (401 and 429) from one address within a minute that suspend it; 0 never does."""
    suspend_s: float = 3600.0
    programs: tuple[str, ...] = ("FRONTDESK",)
    """Machines that run the program, which fires events of tables and of the screen; a machine that is off is left out.
    Each entry is one sender: a machine named twice, or here and in `services`, sends everything twice."""
    services: tuple[str, ...] = ()
    """Machines that run the API service, which fires events of tables only."""
    event_limit_s: float = 60.0
    """How long a subscriber may take for its answer."""
    event_retry_s: float = 60.0
    """How long a call that failed is put off, in versions that keep failures."""
    shapes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By resource, fields of its rows as another version would send them: each with the value that it has in all rows,
    or null where rows lack it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes over the wire; `drop` closes the connection without a byte."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False


@dataclass(slots=True)
class Arrival:
    """One call in the log: never its body, its query or its keys."""

    operation: str
    method: str
    key: str
    start: float
    wall_start: float
    begun: float = 0.0
    end: float = 0.0
    wall_end: float = 0.0
    status: int = 0
    fault: str = ""

    def json(self) -> dict[str, Any]:
        """As the control endpoint shows it. `begun` is the end of the queue; monotonic seconds of this machine."""
        return {name: getattr(self, name) for name in self.__slots__}


class Practice:
    """One simulated practice: an office, its keys and its door.

    `key` is the one it began with. Others are made by the developer's portal (`POST /apikeys`) or by `put_key`, and
    are of no use before an office has added them.
    """

    def __init__(self, office: Office, *, key: ApiKey | None = None, settings: Settings | None = None) -> None:
        self.office = office
        self.key = key or ApiKey()
        self.settings = settings or Settings()
        self.faults = Faults()
        self.base_url = ""
        self._log: deque[Arrival] = deque(maxlen=_LOG_LENGTH)
        self._one_at_a_time = threading.Lock()
        self._refusals: dict[str, deque[float]] = {}
        self._suspended: dict[str, float] = {}
        self.throttle = Throttle(
            office.clock,
            interval_s=self.interval_s,
            counted_from=self.settings.throttle_from,
            depth=self.settings.queue_depth,
        )
        office.key = self.key
        self.portal_key = PORTAL_KEY
        self._others: dict[str, ApiKey] = {}
        self._issued = {self.key.customer: Issued(office.now(), assigned=office.now())}
        self._lanes: dict[str, Throttle] = {}
        self.firing = Firing(office, self.faults, settings=lambda: self.settings)

    def beside(self, mode: Mode) -> Practice:
        """Another door of the same office: the same rows and the same key, with the pages, pace and headers of `mode`.

        It has a log and faults of its own. A key that is changed later is changed at each door.
        """
        return Practice(self.office, key=self.key, settings=replace(self.settings, mode=mode))

    @property
    def interval_s(self) -> float:
        """Seconds between the key's calls."""
        return self._interval_of(self.key)

    def _interval_of(self, key: ApiKey) -> float:
        if self.settings.interval_s is not None:
            return self.settings.interval_s
        tier: Tier = "read" if key.permissions <= {"ReadAll"} and key.tier != "enterprise" else key.tier
        return INTERVAL_S[tier]

    @property
    def max_limit(self) -> int:
        """The longest page."""
        return _PAGE_LIMIT[self.settings.mode][self.key.tier == "enterprise"]

    def change(self, told: Mapping[str, Any]) -> None:
        """Apply settings in their JSON form. Raises ValueError naming what is wrong; then nothing has changed."""
        settings, key, version = replace(self.settings), self.key, self.office.version
        for name, value in told.items():
            if name == "version":
                version = str(value)
            elif name == "key_state":
                key = replace(key, state=_one_of(name, value, KeyState))
            elif name == "tier":
                key = replace(key, tier=_one_of(name, value, Tier))
            elif name == "permissions":
                unknown = set(value) - set(PERMISSIONS)
                if unknown:
                    raise ValueError(f"permissions must be of {', '.join(PERMISSIONS)}")
                key = replace(key, permissions=frozenset(value))
            elif name == "shapes":
                if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
                    raise ValueError("shapes must have, by resource, fields and their values")
                settings.shapes = value
            elif name in Settings.__slots__:
                setattr(settings, name, _setting(name, value))
            else:
                raise ValueError(f"unknown setting: {name}")
        if version != self.office.version:
            self.office.store.set_preference("ProgramVersion", version)
        self.settings, self.key, self.office.version = settings, key, version
        self.office.key = key
        self.throttle.settings(
            interval_s=self.interval_s, counted_from=settings.throttle_from, depth=settings.queue_depth
        )
        self._lanes.clear()

    def keys(self) -> list[dict[str, Any]]:
        """All keys of this office and of none, as the control endpoint shows them."""
        return [
            {"customer_key": one.customer, "state": one.state, "reference": self._issued[one.customer].reference}
            for one in (self.key, *self._others.values())
        ]

    def put_key(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Make a key that the portal made by hand (`unassigned`), or do to one what its office, the developer or the
        vendor does: `{customer_key, state}`, and `permissions` where it may do something else than the first key.

        Raises: ValueError, naming what is wrong.
        """
        customer = str(told["customer_key"])
        was = self.key_of(customer) or replace(self.key, customer=customer, state="unassigned")
        permissions = frozenset(told.get("permissions", was.permissions))
        if permissions - set(PERMISSIONS):
            raise ValueError(f"permissions must be of {', '.join(PERMISSIONS)}")
        state = _one_of("state", told["state"], KeyState) if "state" in told else was.state
        self._keep(replace(was, state=state, permissions=permissions))
        return next(one for one in self.keys() if one["customer_key"] == customer)

    def key_of(self, customer: str) -> ApiKey | None:
        """The customer key that is spelled so."""
        return self.key if customer == self.key.customer else self._others.get(customer)

    def _keep(self, key: ApiKey, *, reference: str | None = None) -> None:
        now = self.office.now()
        issued = self._issued.setdefault(key.customer, Issued(now))
        if reference is not None:
            issued.reference = reference
        if key.state != "unassigned" and not issued.assigned:
            issued.assigned = now
        issued.disabled = (issued.disabled or now) if key.state.startswith("disabled") else ""
        if key.customer == self.key.customer:
            self.key = self.office.key = key
        else:
            self._others[key.customer] = key

    def _lane_of(self, key: ApiKey) -> Throttle:
        if key.customer == self.key.customer:
            return self.throttle
        lane = self._lanes.get(key.customer)
        if lane is None:
            lane = self._lanes[key.customer] = Throttle(
                self.office.clock,
                interval_s=self._interval_of(key),
                counted_from=self.settings.throttle_from,
                depth=self.settings.queue_depth,
            )
        return lane

    def log(self) -> list[Arrival]:
        """Calls that have been answered or dropped, in order of arrival."""
        return sorted(self._log, key=lambda arrival: arrival.start)

    def clear_log(self) -> None:
        """Forget the calls and what was counted of them."""
        self._log.clear()
        self.throttle.reset()

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes, source: str) -> Answer:
        """Answer one call. `headers` have lower-case names."""
        path, _, query = target.partition("?")
        arrival = Arrival(
            operation=_operation_at(method, path),
            method=method,
            key=fingerprint(headers.get("authorization", "")),
            start=time.monotonic(),
            wall_start=time.time(),
        )
        answer = self._answer(arrival, path, query, headers, body, source)
        arrival.end, arrival.wall_end, arrival.status = time.monotonic(), time.time(), answer.status
        arrival.begun = arrival.begun or arrival.end
        self._log.append(arrival)
        if answer.status in (401, 429):
            self._refused(source)
        return answer

    def _answer(  # noqa: PLR0917
        self, arrival: Arrival, path: str, query: str, headers: Mapping[str, str], body: bytes, source: str
    ) -> Answer:
        clock = self.office.clock
        if self._suspended.get(source, 0.0) > clock.monotonic():
            return _text(403, "This address is suspended.")
        fault = self.faults.next(arrival.operation)
        arrival.fault = fault.kind if fault else ""
        if fault is not None and fault.kind == "lose_request" and not fault.works:
            return Answer(0, drop=True)
        came = clock.monotonic()
        try:
            key = self._asker(headers)
            with self._lane(key), self.office.asked_by(key):
                arrival.begun = time.monotonic()
                answer = self._execute(arrival, path, query, body, fault)
                spent = clock.monotonic() - came
        except Rejected as refusal:
            answer, spent = _text(refusal.status, refusal.text), 0.0
        except Throttled as refusal:
            retry_after = {"Retry-After": str(refusal.retry_after_s)}
            answer, spent = _text(429, "Too many requests are waiting for this key.", retry_after), 0.0
        except WaitedTooLong:
            answer, spent = Answer(504), 0.0
        return Answer(504) if spent > self.settings.request_limit_s and not answer.drop else answer

    def _lane(self, key: ApiKey) -> AbstractContextManager[object]:
        if self.settings.mode == "Remote":
            return self._lane_of(key).turn(patience_s=self.settings.request_limit_s)
        # The desktop program answers one call after the other.
        return self._one_at_a_time if self.settings.mode == "Local" else nullcontext()

    def _asker(self, headers: Mapping[str, str]) -> ApiKey:
        """The key of a call that is well formed. Raises Rejected: it has none that works here."""
        scheme, _, keys = headers.get("authorization", "").strip().partition(" ")
        developer, slash, customer = keys.strip().partition("/")
        media = headers.get("content-type", "").partition(";")[0].strip().lower()
        if scheme.upper() != "ODFHIR" or not slash or not developer or not customer:
            raise Rejected(400, self._unreadable("The Authorization header is missing or not well formed."))
        if media != "application/json":
            raise Rejected(400, self._unreadable("The Content-Type must be application/json."))
        if (developer, customer) == (self.key.developer, self.portal_key):
            of_the_portal = frozenset({"PortalKey"})
            return replace(self.key, customer=customer, permissions=of_the_portal, fhir_permissions=frozenset())
        key = self.key_of(customer)
        if key is None or developer != key.developer:
            raise Rejected(401, "The developer key or the customer key is not valid.")
        if key.state == "unassigned":
            raise Rejected(400, "API key has not been assigned.")
        if key.state.startswith("disabled"):
            raise Rejected(401, "The key is disabled.")
        return key

    def _unreadable(self, text: str) -> str:
        return "Local API. Unable to convert request." if self.settings.mode == "Local" else text

    def _execute(self, arrival: Arrival, path: str, query: str, body: bytes, fault: Fault | None) -> Answer:
        if fault is not None and not fault.works:
            self._spend(fault.seconds)
            return _spoiled(fault, Answer(200))
        if self.settings.offline and not arrival.operation.startswith("apikeys."):
            raise Rejected(400, OFFLINE)
        limit = self.settings.request_limit_s
        answer = self._work(arrival.method, path, query, body)
        rows = self.settings.latency_per_row_ms * answer.body.count(b"},{") if self.settings.latency_per_row_ms else 0.0
        slow = fault.seconds if fault is not None else 0.0
        # Nobody waits longer for an answer than until the gateway gives up.
        self._spend(min((self.settings.latency_ms + rows) / 1000 + slow, limit + 0.001))
        return answer if fault is None else _spoiled(fault, answer)

    def _spend(self, seconds: float) -> None:
        self.office.clock.sleep(seconds)

    def _work(self, method: str, path: str, query: str, body: bytes) -> Answer:
        try:
            return self._reply(self._do(method, path, query, body))
        except Rejected as refusal:
            return _text(refusal.status, refusal.text)
        except (OverflowError, UnicodeEncodeError):
            return _text(400, "A number is too large, or a text is not valid.")
        except Exception as error:  # noqa: BLE001  (a bug in a behaviour must not take the practice down)
            where = traceback.extract_tb(error.__traceback__)[-1]
            print(f"practice: {type(error).__name__} at {where.filename}:{where.lineno}", file=sys.stderr)
            return _text(500, UNEXPECTED)

    def _do(self, method: str, path: str, query: str, body: bytes) -> Reply:
        if path.lower().startswith(fhir.ROOT):
            if self.settings.mode != "Remote":
                # The hosted gateway alone speaks it.
                raise Rejected(404, "Not found.")
            return fhir.answer(self.office, method, path[len(fhir.ROOT) :], query)
        if not path.startswith(f"{API_ROOT}/"):
            raise Rejected(404, "Not found.")
        operation, ids = route(method, path[len(API_ROOT) :])
        if operation.since and not self.office.at_least(operation.since):
            raise Rejected(400, VERSION.format(operation.since))
        if operation.deprecated and self.office.at_least(operation.deprecated):
            raise Rejected(410, f"{operation.resource} {operation.method} is deprecated.")
        key = self.office.key
        if operation.permission not in key.permissions:
            raise Rejected(401, "The API key does not have the permission this method needs.")
        if key.state == "read-only" and method != "GET":
            raise Rejected(401, "The API key is read-only.")
        if operation.resource == "apikeys":
            return self._portal(operation.id, _parsed(method, body))
        given = dict(parse_qsl(query, keep_blank_values=True))
        request = Request(
            operation=operation,
            path=ids,
            query=generic.known(self.office, operation, given),
            body=generic.known_body(self.office, operation, _parsed(method, body)),
            key=key,
        )
        base_url = f"{self.base_url}{API_ROOT}"
        reply = generic.answer(self.office, request, base_url=base_url, max_limit=self.max_limit)
        shape = self.settings.shapes.get(operation.resource)
        return replace(reply, body=_reshaped(reply.body, shape)) if shape and operation.method == "GET" else reply

    def _portal(self, operation: str, body: Any) -> Reply:
        """The developer's portal as an API; the gateway itself answers, so that no office need be there.

        https://www.opendental.com/site/apikeys.html
        """
        told = body if isinstance(body, dict) else {}
        if operation == "apikeys.create":
            customer = f"MADE{secrets.token_hex(6)}"
            self._keep(
                replace(self.key, customer=customer, state="unassigned"), reference=str(told.get("DevRefId", ""))
            )
            return Reply(200, self._shown(customer))
        if operation == "apikeys.update":
            customer = str(told.get("CustomerKey", ""))
            key = self.key_of(customer)
            if key is None:
                raise Rejected(400, "CustomerKey is invalid.")
            status = told.get("KeyStatus")
            if status not in {None, "Enabled", "DisabledByDeveloper"}:
                raise Rejected(400, "KeyStatus is invalid.")
            if status is not None:
                enabled: KeyState = "enabled" if self._issued[customer].assigned else "unassigned"
                key = replace(key, state=enabled if status == "Enabled" else "disabled-by-developer")
            self._keep(key, reference=told.get("DevRefId"))
            return Reply(200, self._shown(customer))
        return Reply(200, [self._shown(one.customer) for one in (self.key, *self._others.values())])

    def _shown(self, customer: str) -> dict[str, Any]:
        key, issued = self.key_of(customer), self._issued[customer]
        by_developer = key is not None and key.state == "disabled-by-developer"
        return {
            "CustomerKey": customer,
            "KeyStatus": "DisabledByDeveloper" if by_developer else "Enabled",
            "DateCreated": issued.created[:10],
            "DateDisabled": (issued.disabled or "0001-01-01")[:10],
            "DateTimeAssigned": issued.assigned or "0001-01-01 00:00:00",
            "DevRefId": issued.reference,
        }

    def _reply(self, reply: Reply) -> Answer:
        headers = dict(reply.headers)
        if reply.location and self.settings.mode == "Remote":
            # Behaviours know their row, not where the practice listens.
            inside = reply.location.startswith("/")
            headers["Location"] = f"{self.base_url}{API_ROOT}{reply.location}" if inside else reply.location
        body = b"" if reply.body is None else json.dumps(reply.body, ensure_ascii=False, separators=(",", ":")).encode()
        return Answer(reply.status, body, headers=headers)

    def _refused(self, source: str) -> None:
        if not self.settings.suspend_after:
            return
        now = self.office.clock.monotonic()
        recent = self._refusals.setdefault(source, deque())
        recent.append(now)
        while recent and recent[0] < now - 60:
            recent.popleft()
        if len(recent) >= self.settings.suspend_after:
            self._suspended[source] = now + self.settings.suspend_s


def fingerprint(authorization: str) -> str:
    """Eight characters that tell keys apart and give none away."""
    return hashlib.sha256(authorization.encode()).hexdigest()[:8] if authorization else ""


def _operation_at(method: str, path: str) -> str:
    if path.lower().startswith(fhir.ROOT):
        return "fhir"
    try:
        return route(method, urlsplit(path).path.removeprefix(API_ROOT))[0].id
    except Rejected:
        return "unknown"


def _parsed(method: str, body: bytes) -> Any:
    if method in ("GET", "DELETE") or not body.strip():
        return {} if method in ("POST", "PUT") else None
    if len(body) > MAX_BODY:
        raise Rejected(400, "The body is too long.")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Rejected(400, "The body is not valid JSON.") from None


def _text(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(text, ensure_ascii=False).encode(), headers=headers or {})


def _spoiled(fault: Fault, answer: Answer) -> Answer:
    """What is left of `answer`."""
    page = f"<html><head><title>{fault.status}</title></head><body><h1>Bad Gateway</h1></body></html>".encode()
    spoiled = {
        "drop_answer": Answer(answer.status, drop=True),
        "lose_request": Answer(answer.status, drop=True),
        "half_json": replace(answer, body=answer.body[: max(len(answer.body) // 2, 1)] or b"["),
        "empty": replace(answer, body=b""),
        "html": Answer(fault.status, page, content_type="text/html"),
        "offline": _text(400, fault.text or OFFLINE),
        "unexpected": _text(400, fault.text or UNEXPECTED),
        "status": _text(fault.status, fault.text),
        "429": _text(429, "Too many requests are waiting for this key.", {"Retry-After": str(fault.retry_after)}),
    }
    return spoiled.get(fault.kind, answer)


def _reshaped(body: Any, shape: Mapping[str, Any]) -> Any:
    """The rows of an answer with these fields, and without those that are null."""
    if isinstance(body, list):
        return [_reshaped(row, shape) for row in body]
    if not isinstance(body, dict):
        return body
    return {name: value for name, value in (body | dict(shape)).items() if shape.get(name, value) is not None}


def _one_of(name: str, value: Any, words: Any) -> Any:
    if value not in get_args(words):
        raise ValueError(f"{name} must be one of {', '.join(get_args(words))}")
    return value


def _setting(name: str, value: Any) -> Any:
    if name == "mode":
        return _one_of(name, value, Mode)
    if name == "throttle_from":
        return _one_of(name, value, ThrottleFrom)
    if name in {"programs", "services"}:
        if not isinstance(value, list | tuple) or not all(isinstance(machine, str) and machine for machine in value):
            raise ValueError(f"{name} must be a list of names of machines")
        return tuple(value)
    if name == "offline":
        return bool(value)
    if name == "interval_s" and value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError(f"{name} must be a number, 0 or more")
    return int(value) if name in ("queue_depth", "suspend_after") else float(value)
