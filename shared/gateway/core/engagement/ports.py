"""What engagement needs from outside, as contracts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, Protocol

from gateway.core.engagement.messages import Message
from gateway.core.engagement.rules import Rule
from gateway.core.events.facts import Facts
from gateway.core.mirror.records import Records
from gateway.core.mirror.syncing import SyncStates
from gateway.core.ports import Cache, Clock, Practices


class Superseded(Exception):
    """Somebody changed it meanwhile; read it again."""


class Due(NamedTuple):
    """What the minute's job has to look at: a message; or a practice's look ahead, where `message_id` is None."""

    practice_id: str
    patient: int
    message_id: str | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Ahead:
    """How far a practice's look ahead has come: for what no event told of. `step` is which of the lists it goes
    through, `after` the place in it; `day`: the office's day that it was last done for.
    """

    practice_id: str
    due_at: datetime | None
    day: date | None = None
    step: int = 0
    after: int | None = None
    rev: int = 0


class Messages(Protocol):
    """Rules, messages, and how far each practice's look ahead is. Nothing of it is health data."""

    def make_rule(self, rule: Rule) -> Rule:
        """Store `rule`, whose `rev` is 0. If there is one of its id, deleted or not, that one is returned."""
        ...

    def change_rule(self, rule: Rule) -> Rule:
        """Store `rule` over the one of its `rev`; returned with the new one. Raises: Superseded."""
        ...

    def rule(self, practice_id: str, rule_id: str) -> Rule:
        """A rule, strongly consistent; also a deleted one as long as it is kept. Raises: NotFound."""
        ...

    def rules(self, practice_id: str) -> list[Rule]:
        """All rules of a practice in the order of their ids, deleted ones among them, strongly consistent."""
        ...

    def get(self, practice_id: str, patient: int, message_id: str) -> Message:
        """A message, strongly consistent. Raises: NotFound."""
        ...

    def of_patient(self, practice_id: str, patient: int) -> list[Message]:
        """All that are kept of a patient, strongly consistent, in the order of their ids."""
        ...

    def add(self, message: Message) -> bool:
        """Store a message whose `rev` is 0; False where there is one of its id, which stays as it is."""
        ...

    def save(self, message: Message) -> Message:
        """Store `message` over the one of its `rev`; returned with the new one. Raises: Superseded."""
        ...

    def due(self, now: datetime, *, part: int, of: int, limit: int) -> list[Due]:
        """What is to be looked at by now, the longest due first, `limit` at most, of one of `of` parts that make up all
        of it. What was stored within the last seconds may be missing, and what has been done since may be among them.
        """
        ...

    def page(
        self, practice_id: str, *, since: datetime, until: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> list[Message]:
        """Messages of a practice with `send_after` (the moment of the refusal, where there is none) from `since` to
        before `until`, in the order of (that, id), behind `after`; fewer only at the end. May lag by seconds.
        """
        ...

    def ahead(self, practice_id: str) -> Ahead | None:
        """How far the look ahead is, strongly consistent; None where there has never been one."""
        ...

    def save_ahead(self, ahead: Ahead) -> Ahead:
        """Store it over the one of its `rev`, 0 where there is none; returned with the new one. Raises: Superseded."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Letter:
    """What goes out. No repr on purpose. `to`: E.164 or an e-mail address."""

    to: str
    text: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Carried:
    """What a carrier said. `is_certain` is False where it may have taken the message all the same."""

    is_sent: bool
    is_certain: bool = True
    provider_message_id: str | None = field(default=None, repr=False)


class Carrier(Protocol):
    """A way out to patients: telephone companies, mail."""

    def text(self, letter: Letter) -> Carried:
        """Send a text message, once. Never raises: whatever happens is an answer."""
        ...

    def email(self, letter: Letter) -> Carried:
        """Send an e-mail, once. Never raises."""
        ...


class PlanServices(Protocol):
    """Ports of whoever plans messages."""

    @property
    def clock(self) -> Clock: ...
    @property
    def practices(self) -> Practices: ...
    @property
    def records(self) -> Records: ...
    @property
    def syncs(self) -> SyncStates: ...
    @property
    def cache(self) -> Cache: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def facts(self) -> Facts: ...
