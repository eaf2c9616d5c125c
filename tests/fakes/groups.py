"""Groups of practices and audit trails, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway.core.audit import AuditEntry
from gateway.core.errors import AuditUnavailable, NotFound
from gateway.core.groups.records import Group, InAnotherGroup, Superseded


@dataclass
class FakeGroups:
    """Fills `Groups`."""

    groups: dict[str, Group] = field(default_factory=dict)

    def make(self, group: Group) -> Group:
        if group.id in self.groups:
            return self.groups[group.id]
        self._hold(group)
        return group

    def change(self, group: Group) -> Group:
        was = self.groups.get(group.id)
        if was is None or was.rev != group.rev:
            raise Superseded
        changed = replace(group, rev=group.rev + 1)
        self._hold(changed)
        return changed

    def get(self, group_id: str) -> Group:
        if group_id not in self.groups:
            raise NotFound("no such group")
        return self.groups[group_id]

    def of(self, practice_id: str) -> Group | None:
        return next((one for one in self.groups.values() if practice_id in one.holds), None)

    def page(self, *, after: str | None, limit: int) -> list[Group]:
        return [self.groups[id_] for id_ in sorted(self.groups) if after is None or id_ > after][:limit]

    def _hold(self, group: Group) -> None:
        if any(one.id != group.id and one.holds & group.holds for one in self.groups.values()):
            raise InAnotherGroup
        self.groups[group.id] = group


@dataclass
class FakeAudit:
    """Fills `Audit`. `refuses`: practices whose entries cannot be written."""

    entries: list[AuditEntry] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    def note(self, entry: AuditEntry) -> None:
        if entry.practice_id in self.refuses:
            raise AuditUnavailable("the audit log did not answer", retry_after=2.0)
        if all(one.id != entry.id for one in self.entries):
            self.entries.append(entry)

    def of(self, practice_id: str) -> list[AuditEntry]:
        """The trail of one practice, in order."""
        return [one for one in self.entries if one.practice_id == practice_id]
