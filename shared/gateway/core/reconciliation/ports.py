"""Where findings are kept, and what a run found of balances and entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, Protocol

from gateway.core.events.facts import FINDINGS
from gateway.core.reconciliation.finding import Kept

__all__ = ["FINDINGS", "PART", "RESOLVED_KEPT_DAYS", "Reconciliations", "Report", "cut"]

PART: Final = 500
"""Rows of one part."""

RESOLVED_KEPT_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class Report:
    """What the last run of a practice left beside its findings.

    `parts`: name (`aging/patient`, `journal/2026-11`) -> a version that never comes back, and in how many pieces of
    `PART` rows each it is kept.
    `counts`: findings that are open, by kind. `rev` rises with each run that was published.
    """

    as_of: date
    ran_at: datetime
    plan_rule: str
    rows: int
    counts: Mapping[str, int] = field(default_factory=dict)
    practice: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    rev: int = 0


class Reconciliations(Protocol):
    """Per practice: findings by their ids, and one report. Nobody can name two practices."""

    def page(self, practice_id: str, *, after: str | None, limit: int) -> list[Kept]:
        """Up to `limit` findings in the order of their ids, behind `after`, strongly consistent; fewer only at the end.
        Resolved ones are forgotten a year later."""
        ...

    def get(self, practice_id: str, finding_id: str) -> Kept | None:
        """One finding, strongly consistent."""
        ...

    def of(self, practice_id: str, name: str, object_id: str) -> list[Kept]:
        """All findings whose place `name` (`patient_id`, `claim_id`) is this, in the order of their ids. The index may
        be behind by seconds."""
        ...

    def keep(self, practice_id: str, finding: Kept, *, was: Kept | None, at: datetime) -> bool:
        """Store a finding if what is there is still `was` (by `seq`; None: nothing); False if it is not.

        Its `seq` is the moment in microseconds, or one more than it was. The change comes out of the table's stream.

        Raises: Unavailable: do it again.
        """
        ...

    def report(self, practice_id: str) -> Report | None:
        """The last report, strongly consistent."""
        ...

    def part(self, practice_id: str, name: str, version: str, number: int) -> Sequence[Any] | None:
        """Part `number` (from 0) of what a report names; None once a later report has replaced it."""
        ...

    def publish(
        self, practice_id: str, report: Report, parts: Mapping[str, Iterable[Any]], *, was: Report | None
    ) -> bool:
        """Make `report` the last one, if that still is `was`; False if it is not. `parts`: by name the rows of what
        `was` does not have in the same version; they are stored before the report is, so that a reader never sees half
        a run, and what nothing names any more goes afterwards. May be cut off anywhere and done again.

        Raises: Unavailable: do it again.
        """
        ...


def cut(rows: Iterable[Any], size: int = PART) -> Iterator[list[Any]]:
    """Rows in parts of a size."""
    left = iter(rows)
    while part := list(islice(left, size)):
        yield part
