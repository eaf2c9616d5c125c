"""What happens at an office while nobody of ours looks: rows come, change with and without a stamp, move, and go."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from gateway.core.mirror.mirrored import MIRRORED
from infra.sandbox.practice import schema
from open_dental import catalogue
from tests.fakes.mirrored_office import MirroredOffice

_NEVER_DELETED = {"patients", "procedurelogs", "definitions", "providers", "clinics"}
"""A row of these that is not wanted any more is marked, not deleted."""

_REMARKS = {"appointments": "Note", "patients": "Address", "procedurelogs": "ClaimNote", "claims": "ClaimNote"}
_AMOUNTS = {"paysplits": "SplitAmt", "periomeasures": "ToothValue"}

LISTED = tuple(name for name, one in MIRRORED.items() if one.list_operation is not None)


class OfficeHistory:
    """Random but repeatable days of one office."""

    def __init__(self, office: MirroredOffice, seed: int) -> None:
        self.office = office
        self.store = office.store
        self.random = random.Random(seed)
        self.happened: list[str] = []
        self.untold: dict[str, set[int]] = {}
        """Keys of rows, by resource, whose last change no filter tells: edits without a stamp, and deletions."""

    def something(self, name: str | None = None) -> None:
        """One change of a random kind."""
        name = name or self.random.choice(LISTED)
        kind = self.random.choice((self.insert, self.edit, self.edit, self.edit_silently, self.delete))
        kind(name)

    def insert(self, name: str) -> int | None:
        """A new row, like one that is there."""
        like = self._any(name)
        if like is None:
            return None
        self._note("insert", name)
        given = self._stamps(name) | schema.ENTRY_STAMPS
        row = {column: value for column, value in like.items() if column not in given}
        row.pop(self._shape(name).key)
        if name == "appointments":
            row["AptDateTime"] = self._some_time()
        return self.store.insert(self._shape(name).name, row)

    def edit(self, name: str) -> int | None:
        """An edit that moves the row's stamp, where it has one."""
        row = self._any(name)
        column = self._column(name)
        if row is None or column is None:
            return None
        self._note("edit", name)
        key: int = row[self._shape(name).key]
        self.store.update(self._shape(name).name, key, self._new(name, column))
        self._named_anew(name, key)
        return key

    def edit_silently(self, name: str) -> int | None:
        """An edit behind the program's back: no stamp moves."""
        row = self._any(name)
        column = self._column(name)
        if row is None or column is None:
            return None
        self._note("silent edit", name)
        key: int = row[self._shape(name).key]
        self.untold.setdefault(name, set()).add(key)
        same = {stamp: row[stamp] for stamp in self._stamps(name)}
        changes = {column: f"silent {self.random.random()}"} if name not in _AMOUNTS else self._new(name, column)
        self.store.update(self._shape(name).name, key, {**changes, **same})
        self._named_anew(name, key)
        return key

    def delete(self, name: str) -> int | None:
        """A row that goes, for good or by a mark."""
        row = self._any(name)
        if row is None:
            return None
        key: int = row[self._shape(name).key]
        self.untold.setdefault(name, set()).add(key)
        if name == "patients":
            self._note("mark", name)
            self.store.update("patient", key, {"PatStatus": self.random.choice((2, 4))})
        elif name in _NEVER_DELETED:
            return self.edit(name)
        else:
            self._note("delete", name)
            self.store.delete(self._shape(name).name, key)
            self._take_along(name, key)
        return key

    def _take_along(self, name: str, key: int) -> None:
        """An exam goes with its measurements: nobody at an office sees one without the other."""
        if name == "perioexams":
            measured = self.store.rows('SELECT "PerioMeasureNum" FROM periomeasure WHERE "PerioExamNum" = ?', (key,))
            for row in measured:
                self.untold.setdefault("periomeasures", set()).add(row["PerioMeasureNum"])
                self.store.delete("periomeasure", row["PerioMeasureNum"])

    def _named_anew(self, name: str, key: int) -> None:
        """Patients show the name of their billing type, and no stamp of theirs moves with it."""
        if name == "definitions":
            named = self.store.rows('SELECT "PatNum" FROM patient WHERE "BillingType" = ?', (key,))
            self.untold.setdefault("patients", set()).update(row["PatNum"] for row in named)

    def _new(self, name: str, column: str) -> dict[str, Any]:
        if name == "appointments" and self.random.random() < 0.5:
            return {"AptDateTime": self._some_time()}
        if name in _AMOUNTS:
            return {column: self.random.randrange(1, 9)}
        return {column: f"edited {self.random.random()}"}

    def _some_time(self) -> str:
        shift = timedelta(days=self.random.randrange(-40, 40), minutes=5 * self.random.randrange(100))
        return str(self.office.clock.now() + shift)

    def _any(self, name: str) -> dict[str, Any] | None:
        rows = self.store.rows(f'SELECT * FROM "{self._shape(name).name}"')
        return self.random.choice(rows) if rows else None

    def _column(self, name: str) -> str | None:
        if (known := _REMARKS.get(name) or _AMOUNTS.get(name)) is not None:
            return known
        return next((column.name for column in self._shape(name).columns.values() if column.kind == "text"), None)

    def _stamps(self, name: str) -> set[str]:
        return schema.CHANGE_STAMPS & self._shape(name).columns.keys()

    def _shape(self, name: str) -> schema.Table:
        return schema.tables()[str(catalogue.resource(name).table)]

    def _note(self, what: str, name: str) -> None:
        self.happened.append(f"{what} {name}")
