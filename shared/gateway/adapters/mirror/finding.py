"""How rows are found other than by their keys: the indexes, what the indexes do not know yet, and which months exist.

An index of days or changes has a partition for each month, so that none grows without end and a range of days is a
few of them; which months there are is noted beside the rows, so that a range without an end is no guess. Indexes hold
keys only: what they say is a hint, and the row itself decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from gateway.adapters.codec import pack, unpack
from gateway.adapters.mirror import items
from gateway.adapters.mirror.items import Places
from gateway.adapters.mirror.table import Table
from gateway.core.mirror.lookups import WAYS
from gateway.core.mirror.mirrored import MIRRORED

DAY: Final = ("day", "day_month", "day_place")
CHANGE: Final = ("change", "change_month", "change_place")
PARENTS: Final = (("parent_1", "parent_1", "sk"), ("parent_2", "parent_2", "sk"))

LAG: Final = timedelta(seconds=60)
"""How far behind an index may be for a row that was just stored to be found all the same."""
_CLOCKS_APART: Final = timedelta(seconds=5)
_KEPT: Final = timedelta(minutes=10)
_REMEMBERED: Final = timedelta(seconds=10)

_FEW_MONTHS: Final = 3
"""So many are asked for without looking which there are."""
_POINTERS_AT_ONCE: Final = 2_000


class Finding:
    """The ways to the rows of one table."""

    def __init__(self, table: Table, *, now: Callable[[], datetime]) -> None:
        self._table = table
        self._now = now
        self._ways: dict[tuple[str, str], tuple[datetime, frozenset[str]]] = {}

    # -- before a row is stored -------------------------------------------------------------------------------------

    def prepare(self, practice_id: str, resource: str, days: Iterable[date | None]) -> bool:
        """Note that rows of the resource exist, and in which months; returns whether all of them are here."""
        months = {items.month_of(day) for day in days if day is not None}
        kept = self._kept(practice_id, resource)
        missing = months - _months(kept)
        is_first = kept is None or "change_from" not in kept
        if not is_first and not missing:
            return _all_here(kept)
        expression = "SET change_from = if_not_exists(change_from, :now)"
        values: dict[str, Any] = {":now": {"S": items.month_of(self._now())}}
        if is_first and (ways := [way.name for way in WAYS.get(resource, ())]):
            # Whoever comes later with more ways finds that rows were stored without them.
            expression += ", ways = if_not_exists(ways, :ways)"
            values[":ways"] = {"SS": sorted(ways)}
        if missing:
            expression += " ADD day_months :missing"
            values[":missing"] = {"SS": sorted(missing)}
        self._table.update(items.kept_pk(practice_id), resource, expression, values=values)
        return _all_here(kept)

    def all_here(self, practice_id: str, resource: str) -> bool:
        """Whether all rows of the resource are here."""
        return _all_here(self._kept(practice_id, resource))

    def note_all_here(self, practice_id: str, resource: str, *, are: bool) -> None:
        """Note whether they are."""
        expression = "SET all_here = :are"
        self._table.update(items.kept_pk(practice_id), resource, expression, values={":are": {"BOOL": are}})

    def point_to(self, practice_id: str, resource: str, rows: Sequence[tuple[int, Places]]) -> None:
        """Have `pointed_to` name these rows until the indexes know them."""
        if not MIRRORED[resource].parents and MIRRORED[resource].day is None:
            return
        now = self._now()
        for start in range(0, len(rows), _POINTERS_AT_ONCE):
            pointers = [[key, of.parents, of.day] for key, of in rows[start : start + _POINTERS_AT_ONCE]]
            self._table.put(
                {
                    "pk": {"S": items.fresh_pk(practice_id, resource)},
                    "sk": {"S": f"{items.time_text(now)}#{items.new_token()}"},
                    "body": {"B": pack(pointers)},
                    "expires_at": {"N": str(int((now + _KEPT).timestamp()))},
                }
            )

    # -- ways to rows -----------------------------------------------------------------------------------------------

    def pointed_to(self, practice_id: str, resource: str) -> Iterator[tuple[int, Places]]:
        """Rows that were stored within the last minute, but by a first load, strongly consistent."""
        since = items.time_text(self._now() - LAG - _CLOCKS_APART)
        for item in self._table.query(items.fresh_pk(practice_id, resource), above=since):
            for key, parents, day in unpack(bytes(item["body"]["B"])):
                if len(parents) == len(MIRRORED[resource].parents):
                    yield key, Places(tuple(parents), day)

    def under(self, practice_id: str, resource: str, number: int, value: int) -> set[int]:
        """Keys of rows with this parent, by the place of its column in `Mirrored.parents`."""
        place = items.parent_place(practice_id, resource, MIRRORED[resource].parents[number], value)
        return {_key(item) for item in self._table.query(place, index=PARENTS[number])}

    def under_each(self, practice_id: str, resource: str, number: int, values: Sequence[int]) -> set[int]:
        """The same for several parents, some of them at a time."""
        return set[int]().union(
            *self._table.each(lambda value: self.under(practice_id, resource, number, value), values)
        )

    def between(self, practice_id: str, resource: str, first: date, last: date) -> set[int]:
        """Keys of rows with a day within, both ends included."""
        months = self._months_between(practice_id, resource, items.month_of(first), items.month_of(last))
        days = f"{first.isoformat()}#", f"{last.isoformat()}#~"

        def of_month(month: str) -> set[int]:
            place = items.month_place(practice_id, resource, month)
            return {_key(item) for item in self._table.query(place, index=DAY, between=days)}

        return set[int]().union(*self._table.each(of_month, months))

    def months(self, practice_id: str, resource: str) -> list[date]:
        """The months in which rows have a day, strongly consistent: noted before a row is stored, never taken back."""
        return sorted(date.fromisoformat(f"{month}-01") for month in _months(self._kept(practice_id, resource)))

    def changed(
        self, practice_id: str, resource: str, since: datetime, *, after: tuple[datetime, int] | None, limit: int
    ) -> Iterator[tuple[datetime, int]]:
        """Times and keys of changed rows in that order. `limit` is how many are read at a time."""
        above = items.time_text(since)
        if after is not None:
            above = max(above, f"{items.time_text(after[0])}#{items.row_sk(after[1])}")
        first = items.month_of(items.moment_from(above.partition("#")[0]))
        last = items.month_of(self._now() + _CLOCKS_APART)
        if _next(first) < last:
            # The clock of another worker may have been behind when the first row was stored.
            kept = self._kept(practice_id, resource)
            # Of an empty list it is noted that all of it is here, and no change.
            since_month = None if kept is None else kept.get("change_from")
            first = last if since_month is None else max(first, _previous(since_month["S"]))
        month = first
        while month <= last:
            place = items.month_place(practice_id, resource, month)
            for item in self._table.query(place, index=CHANGE, above=above, limit=limit):
                yield items.change_time_from(item["change_place"]["S"]), _key(item)
            month = _next(month)

    def has_way(self, practice_id: str, resource: str, way: str) -> bool:
        """Whether the way leads to every row of the resource that there is."""
        now, of = self._now(), (practice_id, resource)
        seen_at, ways = self._ways.get(of, (now, frozenset[str]()))
        if way not in ways or now - seen_at > _REMEMBERED:
            # Ways that there are do not end, so several questions of one answer look once.
            kept = self._kept(practice_id, resource)
            ways = frozenset(kept["ways"]["SS"]) if kept is not None and "ways" in kept else frozenset()
            self._ways[of] = now, ways
        return way in ways

    # -- what a practice has rows of --------------------------------------------------------------------------------

    def resources(self, practice_id: str) -> list[str]:
        """Resources that rows were ever stored of, known to this release or not."""
        return [item["sk"]["S"] for item in self._table.query(items.kept_pk(practice_id))]

    def forget(self, practice_id: str, resource: str) -> None:
        """Forget that rows of it exist, once none does."""
        self._table.delete_all([{"pk": {"S": items.kept_pk(practice_id)}, "sk": {"S": resource}}])

    def _kept(self, practice_id: str, resource: str) -> Mapping[str, Any] | None:
        return self._table.get(items.kept_pk(practice_id), resource)

    def _months_between(self, practice_id: str, resource: str, first: str, last: str) -> list[str]:
        few = [first]
        while few[-1] < last and len(few) < _FEW_MONTHS:
            few.append(_next(few[-1]))
        if few[-1] >= last:
            return few
        return sorted(month for month in _months(self._kept(practice_id, resource)) if first <= month <= last)


def _all_here(kept: Mapping[str, Any] | None) -> bool:
    return kept is not None and bool(kept.get("all_here", {}).get("BOOL"))


def _key(item: Mapping[str, Any]) -> int:
    return items.key_from(item["sk"]["S"])


def _months(kept: Mapping[str, Any] | None) -> set[str]:
    return set(kept["day_months"]["SS"]) if kept is not None and "day_months" in kept else set()


def _next(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


def _previous(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year - (number == 1):04}-{(number - 2) % 12 + 1:02}"
