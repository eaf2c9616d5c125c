"""Groups of practices, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway.core.errors import NotFound
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
