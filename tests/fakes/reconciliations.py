"""Findings and reports of reconciliation, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from gateway.core.events.changes import RowChange, Was
from gateway.core.reconciliation.finding import Kept
from gateway.core.reconciliation.ports import FINDINGS, PART, Report, cut


@dataclass
class FakeReconciliations:
    """Fills `Reconciliations`; `changes` are what the table's stream would show."""

    findings: dict[tuple[str, str], Kept] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)
    parts: dict[tuple[str, str, str, int], list[Any]] = field(default_factory=dict)
    changes: list[RowChange] = field(default_factory=list)
    at_each: Callable[[], None] = lambda: None

    def page(self, practice_id: str, *, after: str | None, limit: int) -> list[Kept]:
        found = sorted(id_ for of, id_ in self.findings if of == practice_id and id_ > (after or ""))
        return [self.findings[practice_id, id_] for id_ in found[:limit]]

    def get(self, practice_id: str, finding_id: str) -> Kept | None:
        return self.findings.get((practice_id, finding_id))

    def of(self, practice_id: str, name: str, object_id: str) -> list[Kept]:
        return [
            one
            for (of, _), one in sorted(self.findings.items())
            if of == practice_id and one.places.get(name) == object_id
        ]

    def keep(self, practice_id: str, finding: Kept, *, was: Kept | None, at: datetime) -> bool:
        self.at_each()
        there = self.findings.get((practice_id, finding.id))
        if (None if there is None else there.seq) != (None if was is None else was.seq):
            return False
        seq = int(at.timestamp() * 1e6)
        made = replace(finding, seq=seq if there is None else max(seq, there.seq + 1))
        self.findings[practice_id, finding.id] = made
        self.changes.append(
            RowChange(
                practice_id=practice_id,
                resource=FINDINGS,
                key=finding.id,
                seq=made.seq,
                row=dict(made.body),
                was=Was.NOTHING if there is None else Was.LIVING,
                is_dead=False,
                cause="gateway",
                stored_at=at,
                before=None if there is None else dict(there.body),
                before_seq=None if there is None else there.seq,
                before_cause=None if there is None else "gateway",
                before_at=None,
            )
        )
        return True

    def report(self, practice_id: str) -> Report | None:
        return self.reports.get(practice_id)

    def part(self, practice_id: str, name: str, version: str, number: int) -> Sequence[Any] | None:
        return self.parts.get((practice_id, name, version, number))

    def publish(
        self, practice_id: str, report: Report, parts: Mapping[str, Iterable[Any]], *, was: Report | None
    ) -> bool:
        self.at_each()
        for name, (version, _) in report.parts.items():
            if was is None or was.parts.get(name) != report.parts[name]:
                for number, some in enumerate(cut(parts[name], PART)):
                    self.parts[practice_id, name, version, number] = [
                        list(one) if isinstance(one, tuple) else one for one in some
                    ]
        there = self.reports.get(practice_id)
        if (None if there is None else there.rev) != (None if was is None else was.rev):
            return False
        self.reports[practice_id] = replace(report, rev=1 if was is None else was.rev + 1)
        named = {(name, version) for name, (version, _) in report.parts.items()}
        self.parts = {key: some for key, some in self.parts.items() if key[0] != practice_id or key[1:3] in named}
        return True
