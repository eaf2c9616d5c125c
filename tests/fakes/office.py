"""A small Open Dental in memory: rows by resource, the throttle in both readings, and faults on demand.

It knows no business rules. What it does know is what the engine must survive: slow answers, lost requests, lost
answers, an office that is off, keys that are refused, nonsense, and a throttle that counts what comes too early.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gateway.core.plans import UpstreamAnswer, UpstreamCall
from open_dental import catalogue, errors

if TYPE_CHECKING:
    from gateway.core.practices import Practice
    from tests.fakes.services import FakeClock


class Killed(BaseException):
    """The process is gone: no handler of the code under test runs any more."""


class Fault(StrEnum):
    """What goes wrong with one call, or with the process that makes it."""

    DIE_BEFORE = "die_before"
    DIE_AFTER = "die_after"  # done, and whoever asked is dead

    LOSE_REQUEST = "lose_request"  # never done, and nobody knows
    LOSE_ANSWER = "lose_answer"  # done, and nobody knows
    NOT_SENT = "not_sent"
    TIMED_OUT = "timed_out"  # not done, and nobody knows
    TIMED_OUT_DONE = "timed_out_done"
    OFFLINE = "offline"
    THROTTLED = "throttled"
    GARBAGE = "garbage"  # done (a write) or nonsense (a read)
    EMPTY = "empty"  # done, and answered without a word of it
    KEY_REFUSED = "key_refused"
    UNAUTHORIZED = "unauthorized"
    INVALID = "invalid"
    VERSION = "version"


class FakePractice:
    """One office. `faults` are used up one a call; `on_call` may choose a fault for any call."""

    def __init__(
        self,
        clock: FakeClock,
        *,
        execution_s: float = 0.3,
        interval_s: float = 0.0,
        throttle_from: str = "start",
        queue_depth: int = 10,
    ) -> None:
        self._clock = clock
        self.execution_s = execution_s
        self.interval_s = interval_s
        self.throttle_from = throttle_from
        self.queue_depth = queue_depth
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.calls: list[tuple[float, UpstreamCall]] = []
        self.faults: deque[Fault | None] = deque()
        self.on_call: Callable[[UpstreamCall], Fault | None] = lambda call: None
        self.offline = False
        self.refuses_key = False
        self.permissions: dict[str, bool] = {}
        self.violations = 0
        self._next_key = 1000
        self._last_start = self._last_end = -1e9

    def add(self, resource: str, **row: Any) -> dict[str, Any]:
        """Put a row into the office, as somebody at the front desk does."""
        key = catalogue.resource(resource).key or "Key"
        self._next_key += 1
        made = {key: self._next_key, **row}
        self.rows[resource].append(made)
        return made

    def send(self, practice: Practice, call: UpstreamCall, gate: Callable[[], None] | None = None) -> UpstreamAnswer:
        """Answer like `Upstream.send`; time passes while it does."""
        if gate is not None:
            gate()
        arrived = self._clock.monotonic()
        started_at = self._clock.now()
        self.calls.append((arrived, call))
        fault = self._fault(call)
        self._throttle(arrived, call)
        if fault is Fault.DIE_BEFORE:
            raise Killed
        if self.offline or fault is Fault.OFFLINE:
            self._clock.sleep(0.1)
            raise errors.PracticeOffline(operation=call.operation, status=400)
        if self.refuses_key or fault is Fault.KEY_REFUSED:
            raise errors.KeyRefused(operation=call.operation, status=401)
        if fault is Fault.NOT_SENT:
            raise errors.NotSent(operation=call.operation)
        if fault is Fault.THROTTLED:
            raise errors.Throttled(operation=call.operation, status=429, retry_after=3)
        if fault is Fault.UNAUTHORIZED:
            raise errors.Unauthorized(operation=call.operation, status=401)
        if fault is Fault.INVALID:
            raise errors.Invalid(operation=call.operation, status=400, message="PatNum is required", param="PatNum")
        if fault is Fault.VERSION:
            raise errors.VersionTooOld(operation=call.operation, status=400, since="24.1")
        if fault is Fault.LOSE_REQUEST:
            self._clock.sleep(1.0)
            raise errors.LostAnswer(operation=call.operation)
        if fault is Fault.TIMED_OUT:
            self._clock.sleep(60.0)
            raise errors.TimedOut(operation=call.operation, status=504)
        self._clock.sleep(self.execution_s)
        data = self._do(call)
        self._last_end = self._clock.monotonic()
        if fault is Fault.DIE_AFTER:
            raise Killed
        if fault is Fault.LOSE_ANSWER:
            raise errors.LostAnswer(operation=call.operation)
        if fault is Fault.TIMED_OUT_DONE:
            self._clock.sleep(60.0)
            raise errors.TimedOut(operation=call.operation, status=504)
        if fault is Fault.GARBAGE:
            raise errors.Garbage(operation=call.operation, status=200)
        if fault is Fault.EMPTY:
            return UpstreamAnswer(200, None, started_at)
        return UpstreamAnswer(201 if call.operation.endswith(".create") else 200, data, started_at)

    def _fault(self, call: UpstreamCall) -> Fault | None:
        chosen = self.on_call(call)
        return chosen if chosen is not None else (self.faults.popleft() if self.faults else None)

    def _throttle(self, arrived: float, call: UpstreamCall) -> None:
        if not self.interval_s:
            return
        if self.throttle_from == "start":
            if arrived < self._last_start + self.interval_s - 0.010:
                self.violations += 1
            self._last_start = arrived
            return
        free = self._last_end + self.interval_s
        if arrived < free:
            if self.queue_depth < 1:
                self.violations += 1
                raise errors.Throttled(operation=call.operation, status=429, retry_after=max(1, round(free - arrived)))
            self._clock.sleep(free - arrived)

    def _do(self, call: UpstreamCall) -> Any:
        if call.operation == "securityperms.list":
            return [{"Permission": name, "HasPermission": str(has).lower()} for name, has in self.permissions.items()]
        resource, _, verb = call.operation.partition(".")
        rows = self.rows[resource]
        if verb == "create":
            return dict(self.add(resource, **dict(call.body or {})))
        if verb in {"get", "update", "delete"}:
            wanted = next(iter(call.path.values()))
            key = catalogue.resource(resource).key or "Key"
            row = next((one for one in rows if one[key] == wanted), None)
            if row is None:
                raise errors.NotFound(operation=call.operation, status=404)
            if verb == "update":
                row.update(call.body or {})
            return dict(row)
        query = dict(call.query)
        limit, offset = int(query.pop("Limit", 100)), int(query.pop("Offset", 0))
        found = [dict(row) for row in rows if all(row.get(name, value) == value for name, value in query.items())]
        return found[offset : offset + limit]
