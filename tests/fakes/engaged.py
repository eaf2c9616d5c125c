"""A practice whose mirror is complete, with patients, visits and rules: a small world for messages to patients."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from gateway.core.callers import Caller, Client
from gateway.core.engagement.hearing import hear
from gateway.core.engagement.messages import Message, State
from gateway.core.engagement.minute import Minute, run_minute
from gateway.core.engagement.rules import Channel, Filters, Kind, Offset, Quiet, Rule, Window
from gateway.core.events.facts import MESSAGES
from gateway.core.ids import row_id
from gateway.core.mirror.records import Order, ReadAt
from gateway.core.mirror.syncing import Phase, PracticeSync, ResourceSync, Wanted
from gateway.core.practices import Baa, Practice, Tier
from tests.fakes.services import FakeServices

NOON = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
"""A Monday, noon in Chicago."""

OFFICE = Practice(
    id="prac_mvwg2llton2hezlf",
    name="Elm Street Dental",
    time_zone="America/Chicago",
    tier=Tier.STANDARD,
    version="25.3.12.0",
    baa=Baa("test-baa", "A. Test", date(2026, 1, 1)),
    key_fingerprint="f" * 32,
)
SENDER = Client(
    "cli_sender",
    "Sender",
    frozenset({OFFICE.id}),
    frozenset({"messages:read", "messages:write", "messages.rules:write"}),
)
ALL = ("patients", "appointments", "recalls", "claimprocs", "clinics")


def a_rule(kind: Kind = Kind.REMINDER, id_: str = "rul_a", **changes: Any) -> Rule:
    """A rule of the office: the day before, whole days, no quiet hours."""
    said: dict[str, Any] = {
        "id": id_,
        "practice_id": OFFICE.id,
        "name": "Day before",
        "kind": kind,
        "offset": Offset(days=1),
        "made_at": NOON,
        "changed_at": NOON,
        "window": Window(since=0, until=1440),
        "quiet": Quiet(0, 0),
        "channels": (Channel.TEXT, Channel.EMAIL),
        "filters": Filters(),
    }
    return Rule(**(said | changes))


class Engaged:
    """The world. `on` has every port."""

    def __init__(self, practice: Practice = OFFICE) -> None:
        self.practice = practice
        self.on: Any = FakeServices((practice,), "dev")
        self.on.clock.start = NOON
        self.caller = Caller(SENDER)
        self.on.callers.put_client(SENDER)
        self.on.syncs.save_practice(PracticeSync(practice.id, wanted=Wanted.ON))
        for name in ALL:
            self.on.syncs.save(practice.id, ResourceSync(name, phase=Phase.LOADED, as_of=NOON))
        self._turn = 0

    @property
    def now(self) -> datetime:
        """The present moment."""
        found: datetime = self.on.clock.now()
        return found

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.on.clock.seconds += timedelta(**span).total_seconds()

    def until(self, moment: datetime) -> None:
        """Let time pass until then."""
        self.on.clock.seconds = (moment - self.on.clock.start).total_seconds()

    # What is at the office

    def store(self, resource: str, *rows: dict[str, Any]) -> None:
        """Have rows in the mirror."""
        self._turn += 1
        read = ReadAt(Order(1, self._turn), self.now)
        self.on.records.store(self.practice.id, resource, rows, read=read, cause="poll")

    def bury(self, resource: str, key: int) -> None:
        """Have a row deleted."""
        self._turn += 1
        read = ReadAt(Order(1, self._turn), self.now)
        self.on.records.bury(self.practice.id, resource, [key], read=read, cause="sweep", at=self.now)

    def patient(self, number: int = 15, **columns: Any) -> None:
        """Somebody who takes texts, and has an e-mail address."""
        row = {
            "PatNum": number,
            "FName": "Zoe",
            "LName": "Marker",
            "Guarantor": number,
            "PatStatus": "Patient",
            "Birthdate": "1980-04-01",
            "WirelessPhone": "(555)555-0143",
            "Email": "zoe@example.com",
            "TxtMsgOk": "Yes",
            "BalTotal": "0.0",
            "ClinicNum": 0,
        }
        self.store("patients", row | columns)

    def visit(
        self, number: int = 34, start: str = "2026-03-09 10:00:00", status: str = "Scheduled", **more: Any
    ) -> None:
        """A visit of an hour, by the office's wall."""
        row = {"AptNum": number, "PatNum": 15, "AptStatus": status, "AptDateTime": start, "Pattern": "X" * 12}
        self.store("appointments", row | {"ProvNum": 1, "Op": 1, "ClinicNum": 0} | more)

    def recall(self, number: int = 7, due: str = "2026-03-20", **more: Any) -> None:
        """A recall."""
        row = {"RecallNum": number, "PatNum": 15, "DateDue": due, "RecallTypeNum": 1, "IsDisabled": "false"}
        self.store("recalls", row | more)

    def rule(self, kind: Kind = Kind.REMINDER, id_: str = "rul_a", **changes: Any) -> Rule:
        """A rule of the office."""
        rule: Rule = self.on.messages.make_rule(a_rule(kind, id_, **changes))
        return rule

    # What happens

    def hear(self, type_: str = "appointment.updated", patient: int = 15, on: Any = None) -> None:
        """An event comes."""
        related = {"patient_id": row_id("patient", self.practice.id, patient)}
        object_ = type_.partition(".")[0]
        if object_ == "balance":
            related["guarantor_id"] = related["patient_id"]
        event = {"type": type_, "object": object_, "practice_id": self.practice.id, "related": related}
        hear(event, on or self.on)

    def minute(self, on: Any = None) -> Minute:
        """The minute's job runs."""
        return run_minute(on or self.on)

    # What there is

    @property
    def messages(self) -> list[Message]:
        """All messages, in the order in which they go out."""
        found: list[Message] = list(self.on.messages.kept.values())
        return sorted(found, key=lambda one: (one.send_after or one.changed_at, one.id))

    @property
    def only(self) -> Message:
        """The one message there is."""
        (found,) = self.messages
        return found

    def in_state(self, *states: State) -> list[Message]:
        """Messages in these states."""
        return [one for one in self.messages if one.state in states]

    @property
    def told(self) -> list[tuple[str, str]]:
        """What was told: message and state, in order."""
        return [(key, str(said["state"])) for _, kind, key, said in self.on.facts.changes if kind == MESSAGES]


def at(text: str) -> datetime:
    """A moment, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
