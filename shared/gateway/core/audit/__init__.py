"""The audit trail: who was shown what of whom, who changed it and what became of that; and the ports that keep it.

An answer is in the trail before it leaves, a write before it is sent, its outcome before it is believed. What cannot be
written there does not happen. HIPAA asks for such a trail (45 CFR 164.312(b)) and for six years of it (164.316(b)(2)).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

PATIENTS_MATCH: Final = "patients.match"
"""The action of looking for a person at the practices of a group."""

WEBHOOK: Final = "WEBHOOK"
"""Stands in the place of a method where a whole object is sent to a webhook: `WEBHOOK /appointments`."""

MOST_PATIENTS: Final = 500
"""Ids that one entry names; an answer of more leaves several."""

GATEWAY: Final = "gateway"
"""Stands in the place of a client where the gateway itself keeps something up at an office."""


class Phase(StrEnum):
    """What an entry tells of."""

    ANSWERED = "answered"
    """A request was answered, or what it asked for is about to be shown."""
    INTENT = "intent"
    """A request to change something came (`request_id`), or one of its writes (`operation_id`) is about to be sent."""
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """Sent, and the answer was lost; a later entry says what settled it."""
    NOT_DONE = "not_done"
    """Looked for and not there."""
    NOT_SENT = "not_sent"
    """It certainly did nothing, and may be sent again."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One answer or one step of a write, in ids and words of ours: no name, no number, nothing that was searched for.

    It lies in the trail of its practice, whose patients alone it names, or where it is about none, or about none that
    the client has, in that of the client: nobody writes into the trail of a practice that is not theirs. `request_id`
    is the same in all entries of one request, `operation_id` in all of one write.
    """

    id: str
    practice_id: str | None
    at: datetime
    client_id: str
    action: str
    """`GET /patients/{id}`: method and route, never the path; of a write at Open Dental the catalogue's operation."""
    request_id: str
    phase: Phase = Phase.ANSWERED
    purpose: str | None = None
    status: int | None = None
    code: str | None = None
    """Of a problem."""
    served_from: str | None = None
    operation_id: str | None = None
    step: str | None = None
    patient_ids: tuple[str, ...] = ()
    object_ids: tuple[str, ...] = ()
    """What else it is about: a webhook."""
    part: int = 1
    parts: int = 1
    group_id: str | None = None
    agreement: str | None = None
    """The reference of the agreement that the action was done under."""
    outcome: Mapping[str, int] = field(default_factory=dict)
    """Counts."""

    @property
    def trail(self) -> str:
        """Whose trail it lies in: a practice's id or the client's."""
        return self.practice_id or self.client_id


class Audit(Protocol):
    """Where entries are kept: added, and changed and deleted by nobody."""

    def note(self, *entries: AuditEntry, once: bool = False) -> None:
        """Add entries, all or none. One that is there already (an answer to us was lost) stays as it is.

        With `once` an id is added once at whatever time: for what is told again after a crash, with its id made of what
        it tells.

        Raises: AuditUnavailable: it is not known whether they are kept.
        """
        ...

    def page(
        self, trail: str, *, since: datetime, until: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> list[AuditEntry]:
        """Entries of a trail from `since` to before `until`, the youngest first, strongly consistent.

        `after`: the time and id of the last one of the page before.
        """
        ...


@dataclass(frozen=True, slots=True)
class Mention:
    """One entry that names a patient, as far as the index by patient has it."""

    patient_id: str
    practice_id: str
    at: datetime
    entry_id: str
    client_id: str
    action: str
    phase: Phase = Phase.ANSWERED
    purpose: str | None = None
    status: int | None = None
    request_id: str = ""
    operation_id: str | None = None


class AuditIndex(Protocol):
    """Entries by the patients whom they name: made from the trails by their stream, seconds behind them."""

    def add(self, mentions: Sequence[Mention], *, up_to: datetime) -> None:
        """Add what is not there yet, and note that the trails have been read up to that moment."""
        ...

    def page(
        self, patient_id: str, *, since: datetime, until: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> list[Mention]:
        """Mentions of a patient from `since` to before `until`, the youngest first."""
        ...

    def up_to(self) -> datetime | None:
        """The moment that the last part of the trails that was read ends with; None: nothing was read so far."""
        ...
