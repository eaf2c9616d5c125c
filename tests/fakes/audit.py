"""Audit trails and their index by patient, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.core.audit import PATIENTS_MATCH, AuditEntry, Mention, Phase
from gateway.core.errors import AuditUnavailable


@dataclass
class FakeAudit:
    """Fills `Audit`. `refuses`: trails (practices' and clients' ids) whose entries cannot be written."""

    entries: list[AuditEntry] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    is_down: bool = False

    def note(self, *entries: AuditEntry, once: bool = False) -> None:
        if self.is_down or any(entry.trail in self.refuses for entry in entries):
            raise AuditUnavailable("the audit log did not answer", retry_after=2.0)
        for entry in entries:
            is_there = any(
                one.id == entry.id and (once or one.at == entry.at) for one in self.entries if one.trail == entry.trail
            )
            if not is_there:
                self.entries.append(entry)

    def page(
        self, trail: str, *, since: datetime, until: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> list[AuditEntry]:
        found = [one for one in self.entries if one.trail == trail and since <= one.at < until]
        found = [one for one in found if after is None or (one.at, one.id) < after]
        return sorted(found, key=lambda one: (one.at, one.id), reverse=True)[:limit]

    def of(self, trail: str) -> list[AuditEntry]:
        """One trail, in order."""
        return [one for one in self.entries if one.trail == trail]

    @property
    def matches(self) -> list[AuditEntry]:
        """What was looked for across practices."""
        return [one for one in self.entries if one.action == PATIENTS_MATCH]

    @property
    def special(self) -> list[AuditEntry]:
        """Entries that use cases add by themselves, beside those of each answer and each write."""
        return [one for one in self.entries if one.phase is Phase.ANSWERED and one.status is None]


@dataclass
class FakeAuditIndex:
    """Fills `AuditIndex`."""

    mentions: dict[tuple[str, str], Mention] = field(default_factory=dict)
    read_up_to: datetime | None = None

    def add(self, mentions: Sequence[Mention], *, up_to: datetime) -> None:
        for one in mentions:
            self.mentions[one.patient_id, one.entry_id] = one
        self.read_up_to = up_to

    def page(
        self, patient_id: str, *, since: datetime, until: datetime, after: tuple[datetime, str] | None, limit: int
    ) -> list[Mention]:
        found = [one for one in self.mentions.values() if one.patient_id == patient_id and since <= one.at < until]
        found = [one for one in found if after is None or (one.at, one.entry_id) < after]
        return sorted(found, key=lambda one: (one.at, one.entry_id), reverse=True)[:limit]

    def up_to(self) -> datetime | None:
        return self.read_up_to


@dataclass
class FakeArchive:
    """Fills `Archive`: lines by name."""

    kept: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def keep(self, name: str, lines: Sequence[dict[str, Any]]) -> None:
        self.kept[name] = list(lines)
