"""How a use case says what it needs from Open Dental, without sending anything itself.

A *plan* is a generator. It yields one `UpstreamCall` at a time and is resumed with its `UpstreamAnswer`; what it
returns is its `Outcome`. The engine runs it inside a turn: it reserves a slot of the practice's pace for each call,
marks writes in the ledger before they are sent, and answers a call that was already made from the journal. So a plan
may be started again from the top at any time (after a crash, a pause, a settled write) and must be deterministic in
its input, its context and the answers it got: no clock, no random, no I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

from gateway.core.practices import Practice

HELD_TIMES: Final = "gateway.holds"
"""Not one of Open Dental's operations: what other callers keep on the days `first` to `last`, leaving out the hold
`but`. It costs no slot, is asked afresh at every restart, and answers nothing once a write has been sent."""

PUSH: Final = "documents.DownloadSftp"
"""Plans say its `SftpAddress` without the server: whoever sends it adds that, the user's name and the password, so that
no ledger, journal or queue ever holds them."""

OFFICE_WORDS: Final = "gateway.words"
"""Not one of Open Dental's operations: the rows of the office's own set-up that are at hand, by `tables` (names of
`office_words.Table`): `{table: rows}`, without those that are not. It costs no slot and is asked afresh at every
restart, so it may say how a result is shown, and nothing that is written may hang on it."""

Row: TypeAlias = Mapping[str, Any]
"""A row as Open Dental sent it, numbers as int or Decimal, nothing else changed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """How to find out whether an `add` whose answer was lost was done.

    `look` reads the rows among which the new one would be. A row is a match if it carries `reference` in the text
    field `reference_field`; or else if its key (`key_field`) is not in `known_keys`, the keys that `look` gave in this
    turn right before the write, and all of `natural` equals the row's fields, compared as normalized text.
    """

    look: UpstreamCall
    key_field: str
    natural: Mapping[str, Any]
    known_keys: frozenset[int]
    reference: str | None = None
    reference_field: str | None = None
    leaves_doubt: bool = False
    """Whether a new row that differs from `natural` may be ours all the same, changed by Open Dental as it stored it:
    then "it is not there" is said only where no new row came at all."""
    lines: tuple[Mapping[str, Any], ...] = ()
    """Where `look` reads not the new row but rows that name it by `key_field` (a claim's lines name their claim): what
    those rows must hold. A key whose rows have all of it is ours, one whose rows have none of it is not, and one whose
    rows have a part decides nothing. Further rows of the key do not matter."""


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """One call of Open Dental's API, by the catalogue's operation id (`appointments.create`).

    `path` fills the URL's ids, `query` and `body` are spelled as the vendor spells them, values as Python values
    (the client writes them in the catalogue's wire form). A write names its `step`, unique within the operation: the
    ledger keeps one row for each. An `add` carries the `evidence` by which a lost answer is settled, or says that it
    `is_blind`.
    """

    operation: str
    path: Mapping[str, int] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    step: str | None = None
    evidence: Evidence | None = None
    is_blind: bool = False
    """An `add` for which there can be no evidence. If its answer is lost it stays unknown, until people look."""

    elsewhere: bool = False
    """Whether it goes by a way that the practice does not use yet (`registry.Kind.elsewhere`); only reads may."""

    @property
    def makes_a_row(self) -> bool:
        """Whether what the evidence looks for is a new row, and not a change of the row that the path names.

        A new row is one operation's for good; a row that was changed may be changed by another operation tomorrow.
        """
        return self.evidence is not None and self.evidence.key_field not in self.path


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """What Open Dental answered: a row, rows, or nothing."""

    status: int
    data: Any = None
    started_at: datetime | None = None
    """When the call was sent, UTC: nothing in `data` is older than this."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The answer as a list: one bare object where a list is usual counts as a list of one."""
        if self.data is None:
            return []
        return [self.data] if isinstance(self.data, dict) else list(self.data)

    @property
    def row(self) -> dict[str, Any]:
        """The answer as one row; an empty one where Open Dental sent nothing."""
        rows = self.rows
        return rows[0] if rows else {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a plan ends with.

    `rows`: for a fetch, the raw rows by catalogue resource (`{"appointments": [...], "schedules": [...]}`); they are
    kept in the short-lived cache and normalized when read. `body`: for a write, the normalized object as JSON values;
    it is the operation's result. `created` tells 201 from 200. `warnings` are problems that did not stop it
    (`{"code": "double-booked", "detail": ...}`).
    """

    rows: Mapping[str, list[Row]] | None = None
    body: Mapping[str, Any] | None = None
    created: bool = False
    warnings: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What a plan may know beside its input; the same at every restart of the same operation."""

    practice: Practice
    operation_id: str
    accepted_at: datetime
    """When the caller's request was accepted, UTC."""
    reference: str
    """12 characters that find this operation's rows again; put into free text unless the practice switched it off."""


Plan: TypeAlias = Generator[UpstreamCall, UpstreamAnswer, Outcome]
PlanFunction: TypeAlias = Callable[[Mapping[str, Any], PlanContext], Plan]
