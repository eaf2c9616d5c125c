"""Removals, in memory, and an eraser of what the other fakes have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.core.callers import ClientKind
from gateway.core.removal.records import Erased, Removal, Superseded


@dataclass
class FakeRemovals:
    """Fills `core.removal.records.Removals`."""

    kept: dict[str, Removal] = field(default_factory=dict)

    def load(self, practice_id: str) -> Removal | None:
        return self.kept.get(practice_id)

    def save(self, removal: Removal) -> Removal:
        was = self.kept.get(removal.practice_id)
        if (0 if was is None else was.rev) != removal.rev:
            raise Superseded
        saved = self.kept[removal.practice_id] = replace(removal, rev=removal.rev + 1)
        return saved


@dataclass
class FakeErasing:
    """Fills `core.removal.steps.ErasingServices`. Each kind takes two calls; what is erased of the fakes is what tests
    look at: clients, onboardings, fingerprints, keys."""

    on: Any
    erased: list[tuple[str, str]] = field(default_factory=list)
    archived: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    @property
    def eraser(self) -> FakeErasing:
        return self

    @property
    def archive(self) -> FakeErasing:
        return self

    def erase(self, practice_id: str, kind: str, *, after: str | None, keep: str, most_s: float) -> Erased:
        assert keep and most_s > 0
        if after is None:
            return Erased(1, "more")
        self.erased.append((practice_id, kind))
        if kind == "clients":
            for client in self.on.callers.all_clients():
                if client.kind is not ClientKind.OPERATOR:
                    self.on.callers.take(client.id, practices=(practice_id,))
        if kind == "knowledge":
            self.on.onboardings.kept.pop(practice_id, None)
            marks = self.on.practices.fingerprints
            self.on.practices.fingerprints = {name: of for name, of in marks.items() if of != practice_id}
        return Erased(2, None)

    def delete_keys(self, practice_id: str) -> bool:
        return self.on.vault.current.pop(practice_id, None) is not None

    def keep(self, name: str, lines: Sequence[dict[str, Any]]) -> None:
        self.archived[name] = lines
