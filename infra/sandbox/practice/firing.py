"""Subscriptions at work: the program and the API service poll tables, and post what changed to whoever subscribed.

What is known of it: https://www.opendental.com/site/apisubscriptions.html and
https://www.opendental.com/site/apievents.html. Where they are silent, this is assumed: the versions of MedicationPat
and of the deleted tables but LabCaseDeleted (26.1), that the failure fields came with 26.1, how long a failed call
then waits, that an event of the screen is not sent again, that redirects are not followed, what the reasons of
failures say, and that rows of deletions hold their key alone (visits: the row of their history).
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from infra.sandbox.practice import facts
from infra.sandbox.practice.faults import Faults
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.wire import NO_TIME, WITH_FAILURES

ALL_MACHINES: Final = "All Workstations"
NAMED_MACHINES_SINCE: Final = "26.2.1"
PATIENT_SELECTED: Final = "PatientSelected"
_BLOCK: Final = 1000
_BLOCKS_SINCE: Final = "23.2.1"
_WORKSTATION_SINCE: Final = "22.4.28"
_EVENT_TYPE_SINCE: Final = "22.4.35"
_HORIZON: Final = timedelta(days=3)
_LOG_LENGTH: Final = 10_000


@dataclass(frozen=True, slots=True)
class Watched:
    """One WatchTable: the resource whose rows are told, by which stamp, and from which version on."""

    resource: str
    since: str
    stamp: str = "DateTStamp"
    deleted: bool = False


WATCHED: Final[dict[str, Watched]] = {
    "Appointment": Watched("appointments", "22.1"),
    "AppointmentDeleted": Watched("histappointments", "22.4.35", stamp="HistDateTStamp", deleted=True),
    "LabCase": Watched("labcases", "25.4.14"),
    "LabCaseDeleted": Watched("labcases", "26.1.6", deleted=True),
    "MedicationPat": Watched("medicationpats", "26.1"),
    "MedicationPatDeleted": Watched("medicationpats", "26.1", deleted=True),
    "Operatory": Watched("operatories", "24.2.11"),
    "PatField": Watched("patfields", "22.4.8", stamp="SecDateTEdit"),
    "PatFieldDeleted": Watched("patfields", "26.1", deleted=True),
    "Patient": Watched("patients", "22.1"),
    "ProcedureLog": Watched("procedurelogs", "26.3"),
    "Provider": Watched("providers", "24.2.11"),
    "Schedule": Watched("schedules", "24.2.11"),
    "ScheduleDeleted": Watched("schedules", "26.1", deleted=True),
    "ToothInitial": Watched("toothinitials", "24.4.30", stamp="SecDateTEdit"),
    "ToothInitialDeleted": Watched("toothinitials", "26.1", deleted=True),
}


class Senders(Protocol):
    """The settings that firing goes by."""

    programs: tuple[str, ...]
    services: tuple[str, ...]
    event_limit_s: float
    event_retry_s: float


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a subscriber, about to be made."""

    url: str
    headers: dict[str, str]
    body: bytes
    limit_s: float
    """Real seconds that the subscriber has to answer in."""


@dataclass(frozen=True, slots=True)
class Fired:
    """One call in the log: never its body or its key."""

    at: str
    subscription: int
    event: str
    machine: str
    rows: int
    outcome: str
    """ "200", or the reason of the failure."""


Post = Callable[[Call], int]
"""Makes a call and returns the status of its answer. Raises OSError where there was none."""


class Firing:
    """The senders of one practice. `tick` is one round of their loop, about one a second."""

    def __init__(self, office: Office, faults: Faults, *, settings: Callable[[], Senders]) -> None:
        self._office = office
        self._faults = faults
        self._settings = settings
        self.post: Post = post
        self._failing: set[int] = set()
        self._log: deque[Fired] = deque(maxlen=_LOG_LENGTH)
        self._one_round = threading.Lock()
        deletions = (watched.resource for watched in WATCHED.values() if watched.deleted)
        self._mourned = {str(facts.resources()[name].table): facts.resources()[name].key for name in deletions}
        # The program keeps a history of visits itself.
        del self._mourned["histappointment"]
        office.store.watch(self._bury)

    def log(self) -> list[dict[str, Any]]:
        """The calls made, oldest first."""
        return [asdict(fired) for fired in self._log]

    def clear_log(self) -> None:
        """Forget the calls made."""
        self._log.clear()

    def tick(self, now: datetime) -> None:
        """Poll what is due at `now`, the office's wall clock; what failed before comes after the others."""
        with self._one_round:
            due = [row for row in self._office.store.find("apisubscription") if self._is_due(row, now)]
            for row in sorted(due, key=lambda row: row["SubscriptionNum"] in self._failing):
                self._poll(row, now)

    def select(self, patient: int, *, machine: str) -> int:
        """Somebody opens a patient in the program on `machine`; the number of calls that were answered 200.

        Raises ValueError for a machine that does not run the program and for an unknown patient.
        """
        if machine not in self._settings().programs:
            raise ValueError(f"no program runs on this machine; programs: {', '.join(self._settings().programs)}")
        found = self._office.store.get("patient", patient)
        if found is None:
            raise ValueError("no such patient")
        now = str(self._office.clock.now())
        sent = 0
        for row in self._office.store.find("apisubscription", {"UiEventType": PATIENT_SELECTED}):
            if row["DateTimeStart"] <= now and not _expired(row, now) and self._heeds(row, machine):
                reason = self._call(
                    row, f"UiEventType: {PATIENT_SELECTED}", machine, self._wire("patients", [found])[0]
                )
                self._remember(row, reason, now, {})
                sent += not reason
        return sent

    def _is_due(self, row: dict[str, Any], now: datetime) -> bool:
        watched = WATCHED.get(row["WatchTable"])
        if watched is None or not self._office.at_least(watched.since) or _expired(row, str(now)):
            return False
        if self._office.at_least(WITH_FAILURES) and row["DateTimeNextRetry"] > str(now):
            return False
        return now >= datetime.fromisoformat(row["DateTimeStart"]) + timedelta(seconds=row["PollingSeconds"])

    def _poll(self, row: dict[str, Any], now: datetime) -> None:
        """Every sender of a machine that the subscription names tells the same, each for itself."""
        for machine in (*self._settings().programs, *self._settings().services):
            if self._heeds(row, machine):
                reason = self._tell(row, machine, now)
                self._remember(row, reason, str(now), {"DateTimeStart": str(now)})

    def _heeds(self, row: dict[str, Any], machine: str) -> bool:
        named = row["Workstation"]
        # What was left blank before an upgrade goes on to mean all.
        everyone = not named or (named == ALL_MACHINES and self._office.at_least(NAMED_MACHINES_SINCE))
        return bool(everyone or named.lower() == machine.lower())

    def _tell(self, row: dict[str, Any], machine: str, now: datetime) -> str:
        """Send what changed up to `now`, block by block; the reason why one failed, after which none is tried."""
        name = row["WatchTable"]
        start = max(row["DateTimeStart"], str(now - _HORIZON))
        size, skip = _BLOCK if self._office.at_least(_BLOCKS_SINCE) else -1, 0
        while rows := self._changed(WATCHED[name], start, str(now), size, skip):
            if reason := self._call(row, f"WatchTable: {name}", machine, rows):
                return reason
            if len(rows) != size:
                break
            # Each block is a query of its own: a row that is edited meanwhile shifts the rest by one.
            skip += size
        return ""

    def _changed(self, watched: Watched, start: str, end: str, size: int, skip: int) -> list[dict[str, Any]]:
        resource = facts.resources()[watched.resource]
        table, stamp, args = str(resource.table), watched.stamp, [start, end]
        also = ""
        if watched.resource == "histappointments":
            also = ' AND "HistApptAction" = ?'
            args.append(str(self._office.code(table, "HistApptAction", "Deleted")))
        elif watched.deleted:
            also, stamp = ' AND "TableName" = ?', "DateTDeleted"
            args.append(table)
            table = "deletedrow"
        statement = (
            f'SELECT * FROM "{table}" WHERE "{stamp}" >= ? AND "{stamp}" < ?{also} '  # noqa: S608  (names of ours)
            f'ORDER BY "{stamp}" LIMIT {size} OFFSET {skip}'
        )
        rows = self._office.store.rows(statement, args)
        if table == "deletedrow":
            return [{str(resource.key): row["FKey"]} for row in rows]
        return self._wire(watched.resource, rows)

    def _wire(self, resource: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        shown = self._office.render_many(resource, rows)
        for row in shown:
            row.pop("serverDateTime", None)
        return shown

    def _call(self, row: dict[str, Any], event: str, machine: str, body: Any) -> str:
        """Make one call, or what a fault leaves of it; "" for an answer of 200, else the reason of the failure."""
        headers = {"Authorization": row["CustomerKey"], "Content-Type": "application/json"}
        if self._office.at_least(_WORKSTATION_SINCE):
            headers["Workstation"] = machine
        if self._office.at_least(_EVENT_TYPE_SINCE):
            headers["Event-Type"] = event
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        call = Call(row["EndPointUrl"], headers, text, self._settings().event_limit_s / self._office.clock.scale)
        reason = self._outcome(call, event)
        rows = len(body) if isinstance(body, list) else 1
        self._log.append(Fired(self._office.now(), row["SubscriptionNum"], event, machine, rows, reason or "200"))
        return reason

    def _outcome(self, call: Call, event: str) -> str:
        fault = self._faults.next(f"event.{event.rpartition(' ')[2]}")
        if fault is not None and fault.kind == "slow":
            self._office.clock.sleep(fault.seconds)
        elif fault is not None and not fault.works:
            return "The connection failed."
        try:
            status = self.post(call)
        except TimeoutError:
            return "No answer in time."
        except (OSError, ValueError, http.client.HTTPException):
            return "The connection failed."
        if fault is not None and fault.kind != "slow":
            return "The answer was lost."
        return "" if status == http.client.OK else f"The answer was {status}."

    def _remember(self, row: dict[str, Any], reason: str, now: str, moves: dict[str, object]) -> None:
        key = row["SubscriptionNum"]
        store, changes = self._office.store, {} if reason else dict(moves)
        (self._failing.add if reason else self._failing.discard)(key)
        if self._office.at_least(WITH_FAILURES):
            failures = (store.get("apisubscription", key) or row)["SubsequentFailures"]
            retry = datetime.fromisoformat(now) + timedelta(seconds=self._settings().event_retry_s)
            changes |= {"SubsequentFailures": failures + 1 if reason else 0}
            changes |= {"DateTimeNextRetry": str(retry.replace(microsecond=0)) if reason and moves else NO_TIME}
            changes |= {"DateTimeLastFailure": now, "FailureReason": reason} if reason else {}
        if changes:
            store.update("apisubscription", key, changes)

    def _bury(self, table: str, before: Any, after: Any) -> None:
        """Keep the key of a row that is gone, where a WatchTable will ask for it."""
        if after is None and table in self._mourned:
            key = before[self._mourned[table]]
            told = {"TableName": table, "FKey": key, "DateTDeleted": self._office.now()}
            self._office.store.insert("deletedrow", told)


class Loop:
    """Rounds once a second of the practice's time, in a thread of their own."""

    def __init__(self, office: Office, firing: Firing) -> None:
        self._office = office
        self._firing = firing
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round at hand; one that waits for a subscriber is left behind."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def _run(self) -> None:
        # Clocks that run far ahead would leave this machine nothing but rounds.
        while not self._over.wait(max(1.0 / self._office.clock.scale, 0.02)):
            self._firing.tick(self._office.clock.now())


def post(call: Call) -> int:
    """See `Post`. No proxy, and no redirect is followed. Raises ValueError for a URL that is none."""
    parts = urlsplit(call.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not an address on the web")
    begun = time.monotonic()
    connection = (
        http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=call.limit_s, context=ssl.create_default_context()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=call.limit_s)
    )
    try:
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        connection.request("POST", target, body=call.body, headers=call.headers)
        status = connection.getresponse().status
    finally:
        connection.close()
    if time.monotonic() - begun > call.limit_s:
        raise TimeoutError
    return status


def _expired(row: dict[str, Any], now: str) -> bool:
    return bool(row["DateTimeStop"] > NO_TIME and row["DateTimeStop"] <= now)
