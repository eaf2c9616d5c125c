"""The copies, with a count of the partition queries that an answer has cost, and an end to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from datetime import date, datetime
from typing import Any, Final, TypeVar

from gateway.core.mirror.records import ReadAt, Record, Records, Row, Stored, StoredNative, Whole
from gateway.core.ports import Services

DEAREST_STRETCH: Final = 7
"""Partition queries of one stretch of days at most (`walks.by_day`): six months and what no index knows yet."""

_FEW_MONTHS: Final = 3
"""So many are asked for whether there are rows in them or not (`adapters.mirror.finding`)."""

_DENSE: Final = 5
"""Rows read in order for the price of one that is read by its key."""

_Found = TypeVar("_Found", bound=Sized)


class Spent(Exception):
    """The answer has cost as much as it may."""


class CountedRecords:
    """Copies of which one answer asks so much and no more.

    A partition query is one request of a stretch of one partition. Rows by their keys are none: they are read in
    batches, and counted as `read`, of which those that are read in order are a fifth. What a call of the port costs is
    said here, beside the table of `adapters/mirror/README.md`.

    `is_hard`: whether a call that would cost more than `limit` raises `Spent`; else `is_spent` says when to stop. Of
    rows, `most_read` says when to stop: how many there are is known once they are read.
    """

    def __init__(self, records: Records, *, limit: int, now: datetime, most_read: float = float("inf")) -> None:
        self._records, self._now = records, now
        self.limit, self.queries, self.is_hard = limit, 0, False
        self.most_read, self.read = most_read, 0.0
        self._known_months: dict[tuple[str, str], list[date]] = {}

    @property
    def left(self) -> int:
        """How many queries there are to go."""
        return self.limit - self.queries

    @property
    def is_spent(self) -> bool:
        """Whether another stretch may be too much."""
        return self.left < DEAREST_STRETCH or self.read >= self.most_read

    def spend(self, queries: int) -> None:
        """Count what is about to be asked. Raises: Spent."""
        if self.is_hard and queries > self.left:
            raise Spent
        self.queries += queries

    def store(self, practice_id: str, resource: str, rows: Sequence[Row], *, read: ReadAt, cause: str) -> Stored:
        """See `Records.store`."""
        return self._records.store(practice_id, resource, rows, read=read, cause=cause)

    def store_native(
        self,
        practice_id: str,
        resource: str,
        rows: Sequence[Row],
        *,
        column: str,
        at: datetime,
        epoch: int,
        takes_new: bool = True,
    ) -> StoredNative:
        """See `Records.store_native`."""
        return self._records.store_native(
            practice_id, resource, rows, column=column, at=at, epoch=epoch, takes_new=takes_new
        )

    def bury(
        self, practice_id: str, resource: str, keys: Iterable[int], *, read: ReadAt, cause: str, at: datetime
    ) -> int:
        """See `Records.bury`."""
        return self._records.bury(practice_id, resource, keys, read=read, cause=cause, at=at)

    def all_here(self, practice_id: str, resource: str, *, are: bool) -> None:
        """See `Records.all_here`."""
        self._records.all_here(practice_id, resource, are=are)

    def tell_again(self, practice_id: str, resource: str, states: Mapping[int, int]) -> None:
        """See `Records.tell_again`."""
        self._records.tell_again(practice_id, resource, states)

    def get(self, practice_id: str, resource: str, keys: Iterable[int], *, dead: bool = False) -> list[Record]:
        """See `Records.get`."""
        return self._have_read(self._records.get(practice_id, resource, keys, dead=dead))

    def page(self, practice_id: str, resource: str, *, after: int | None, limit: int) -> list[Record]:
        """See `Records.page`."""
        self.spend(1)
        return self._have_read(self._records.page(practice_id, resource, after=after, limit=limit), _DENSE)

    def under(self, practice_id: str, resource: str, column: str, value: int) -> list[Record]:
        """See `Records.under`."""
        self.spend(2)
        return self._have_read(self._records.under(practice_id, resource, column, value))

    def under_each(self, practice_id: str, resource: str, column: str, values: Iterable[int]) -> list[Record]:
        """See `Records.under_each`."""
        several = list(values)
        self.spend(len(several) + 1)
        return self._have_read(self._records.under_each(practice_id, resource, column, several))

    def between(
        self, practice_id: str, resource: str, first: date | None, last: date | None, *, dead: bool = False
    ) -> list[Record]:
        """See `Records.between`."""
        self.spend(self._months_between(practice_id, resource, first, last) + 1)
        return self._have_read(self._records.between(practice_id, resource, first, last, dead=dead))

    def months(self, practice_id: str, resource: str) -> list[date]:
        """See `Records.months`; of one answer, looked up once."""
        of = practice_id, resource
        if of not in self._known_months:
            self._known_months[of] = self._records.months(*of)
        return self._known_months[of]

    def led(
        self,
        practice_id: str,
        resource: str,
        way: str,
        first: str,
        last: str,
        *,
        behind: str = "",
        after: int | None = None,
        limit: int,
    ) -> list[int] | None:
        """See `Records.led`."""
        self.spend(1)
        return self._records.led(practice_id, resource, way, first, last, behind=behind, after=after, limit=limit)

    def changed(
        self, practice_id: str, resource: str, since: datetime, *, after: tuple[datetime, int] | None, limit: int
    ) -> list[Record]:
        """See `Records.changed`."""
        self.spend(_months(since.date(), self._now.date()) + 1)
        return self._have_read(self._records.changed(practice_id, resource, since, after=after, limit=limit))

    def note_whole(
        self, practice_id: str, resource: str, column: str, value: int, keys: Iterable[int], *, read: ReadAt
    ) -> None:
        """See `Records.note_whole`."""
        self._records.note_whole(practice_id, resource, column, value, keys, read=read)

    def wholes(self, practice_id: str, resource: str, column: str, values: Iterable[int]) -> dict[int, Whole]:
        """See `Records.wholes`."""
        return self._records.wholes(practice_id, resource, column, values)

    def versions(self, practice_id: str, resource: str, *, after: int | None, limit: int) -> list[tuple[int, str]]:
        """See `Records.versions`."""
        self.spend(1)
        return self._records.versions(practice_id, resource, after=after, limit=limit)

    def forget(self, practice_id: str, resource: str | None = None, *, limit: int = 1000) -> bool:
        """See `Records.forget`."""
        return self._records.forget(practice_id, resource, limit=limit)

    def _have_read(self, found: _Found, dense: int = 1) -> _Found:
        self.read += len(found) / dense
        return found

    def _months_between(self, practice_id: str, resource: str, first: date | None, last: date | None) -> int:
        """How many months are asked for: a few as they are, of a longer or open range those in which there are rows."""
        if first is not None and last is not None and (few := _months(first, last)) <= _FEW_MONTHS:
            return few
        begin = date.min if first is None else first.replace(day=1)
        return sum(begin <= month <= (last or date.max) for month in self.months(practice_id, resource))


class CountedServices:
    """Services whose records are counted."""

    def __init__(self, on: Services, records: CountedRecords) -> None:
        self._on, self.records = on, records

    def __getattr__(self, name: str) -> Any:
        return getattr(self._on, name)


def _months(first: date, last: date) -> int:
    """Months that days lie in."""
    return max(0, (last.year - first.year) * 12 + last.month - first.month) + 1


_IS_ALL_OF_THE_PORT: type[Records] = CountedRecords
