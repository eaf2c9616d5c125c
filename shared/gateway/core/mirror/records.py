"""A copy of one upstream row: what is kept of it, in which order reads of it count, and the port that keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from open_dental import wire

Row: TypeAlias = Mapping[str, Any]

LOAD: Final = "load"
"""The cause of what is stored while not all rows of a resource are here: no news to anybody."""

OWN_WRITE: Final = "own_write"

NATIVE: Final = "native"
"""The cause of what Open Dental told by itself."""


@dataclass(frozen=True, slots=True, order=True)
class Order:
    """When a row was read, in the order that decides: `epoch` of the practice's database, then the turn of its pace.

    Stamps do not decide: they have whole seconds, are often missing, and go back in autumn or after a restore. Turns
    of a practice never overlap, so the later one read later; within a turn the later call did, and wins a tie.
    """

    epoch: int
    turn_no: int


@dataclass(frozen=True, slots=True)
class ReadAt:
    """Where rows come from: the turn that read them, and the moment its call was sent (UTC).

    `by`: the correlation id of the request whose own write was read back; it is kept with that change and no other.
    """

    order: Order
    at: datetime
    by: str | None = None


class Hearsay(NamedTuple):
    """How Open Dental told of a row by itself: when its call came in (UTC), and the row's stamp in `column` then."""

    at: datetime
    column: str
    stamp: datetime

    def outdates(self, row: Row, asked_at: datetime) -> bool:
        """Whether what was asked for `asked_at` may be from before: asked earlier, and without a stamp as late.

        A reading that was on its way when the row was told of would put back what the row no longer is.
        """
        if asked_at >= self.at:
            return False
        stamp = stamp_of(row, self.column)
        return stamp is None or stamp < self.stamp


def stamp_of(row: Row, column: str) -> datetime | None:
    """When a row says that it was last changed, by the office's wall; None where it says nothing that can be read."""
    try:
        return wire.moment(row.get(column))
    except wire.Malformed:
        return None


@dataclass(frozen=True, slots=True)
class Record:
    """A row as the mirror has it.

    `row` is what Open Dental sent, without its clock, numbers as int or Decimal; a tombstone keeps the last one that
    was seen. `version` is its content hash (`normalize.values.content_version`). `seq` rises with every stored change
    of this row, its burial and its return included: two equal numbers are one state. It is the moment of storing in
    microseconds since 1970, or one more than it was: so what is erased and mirrored again goes on above where it was,
    and states of several rows that make one object are in the order in which they were stored. `cause` is what the
    change was stored with, `load` where it is no news. `read` is the first
    reading of the stored state, for a tombstone the one that missed the row: it may have been read again since,
    unchanged, which writes nothing. `changed_at` is when that state was stored, by our clock. `told`: nobody read this
    state, Open Dental told of it; `read` then has the order of what was there, and the moment of the call.
    """

    resource: str
    key: int
    row: Row
    version: str
    seq: int
    read: ReadAt
    changed_at: datetime
    deleted_at: datetime | None = None
    cause: str = ""
    told: Hearsay | None = None

    @property
    def is_living(self) -> bool:
        """Whether it is no tombstone."""
        return self.deleted_at is None


@dataclass(frozen=True, slots=True)
class Stored:
    """What a store made of rows: `changed` content or new, `same` as before, `older` than what is kept."""

    changed: int = 0
    same: int = 0
    older: int = 0


@dataclass(frozen=True, slots=True)
class StoredNative:
    """What a store made of rows that Open Dental told of: `changed`, `same` as kept, `stale` (their stamp is earlier);
    and the keys of those of which nothing is certain, which have to be read."""

    changed: int = 0
    same: int = 0
    stale: int = 0
    unsure: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Whole:
    """All rows under one parent, as one reading of its list showed them: their `keys`, and where they come from."""

    keys: frozenset[int]
    read: ReadAt


class Records(Protocol):
    """The copies. Every method is about one practice; nobody can name two.

    All reads leave tombstones out unless told otherwise. `store` and `bury` may be cut off between any two rows and
    done again: they come to the same.
    """

    def store(self, practice_id: str, resource: str, rows: Sequence[Row], *, read: ReadAt, cause: str) -> Stored:
        """Keep `rows` of `resource` (the catalogue's name), each by its own conditional put.

        A row whose content differs from what is kept is stored if `read.order` is not lower than the kept one's, and
        its `seq` rises by one. A row that is the same writes nothing, unless it is a tombstone that came back: that is
        a change. Of rows with one key only the last counts, for it was read last. `cause`: `load`, `poll`, `sweep`,
        `read`, `own_write`, for whoever reads the table's stream. Until `all_here` it is `load` whatever is said here,
        but for own writes.

        Raises:
            Malformed: a row whose key or parent cannot be read; other rows may have been stored.
            Unavailable: some rows may have been stored; do it again.
        """
        ...

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
        """Keep `rows` that Open Dental told of by itself in a call that came in `at`, with the cause `native`.

        Calls come in any order, twice, and from several machines, so that nothing but stamps can say which of two is
        the later one: their whole seconds, in `column`. Stored is, while `all_here`, what is not kept and whose stamp
        can be read, or has a later stamp than the living row that is kept. It takes the order of what was there, or of
        a practice's first turn in this `epoch`, and `told`. An earlier stamp is `stale`. All else is `unsure` and
        stores nothing: the same stamp with other content, none, a tombstone, what was read since the call came in (a
        clock or a database was set back), rows of a resource that is not all here, and without `takes_new` what is not
        kept: it may have been deleted since.
        Of rows with one key the one with the latest stamp counts, of equal stamps the last.

        Raises: as `store`.
        """
        ...

    def bury(
        self, practice_id: str, resource: str, keys: Iterable[int], *, read: ReadAt, cause: str, at: datetime
    ) -> int:
        """Make tombstones of these rows, `deleted_at` = `at`, where `read.order` is not lower; returns how many.

        A row that is not kept, or is buried already, or was told of after `read.at`, is left alone.
        """
        ...

    def all_here(self, practice_id: str, resource: str, *, are: bool) -> None:
        """Say whether all rows that there were at the office are here: what changes from then on is news.

        To be said before anybody may take the resource for loaded, and taken back before it is loaded anew; `forget`
        forgets it. Strongly consistent.
        """
        ...

    def tell_again(self, practice_id: str, resource: str, states: Mapping[int, int]) -> None:
        """Have the outbox show these rows once more, by key, where their `seq` is still this one; nothing changes."""
        ...

    def get(self, practice_id: str, resource: str, keys: Iterable[int], *, dead: bool = False) -> list[Record]:
        """These rows, strongly consistent, in the order of their keys; missing ones are missing."""
        ...

    def page(self, practice_id: str, resource: str, *, after: int | None, limit: int) -> list[Record]:
        """Up to `limit` rows in ascending order of key behind `after`, strongly consistent; fewer only at the end."""
        ...

    def under(self, practice_id: str, resource: str, column: str, value: int) -> list[Record]:
        """All rows whose `column` (one of `Mirrored.parents`) is `value`, in the order of their keys.

        The index may be behind by milliseconds to seconds; what was stored within the last minute is among them all the
        same, but by a first load, and rows that have moved to another parent since are not: content decides. 0 is no
        parent, nothing is under it.
        """
        ...

    def under_each(self, practice_id: str, resource: str, column: str, values: Iterable[int]) -> list[Record]:
        """As `under`, for several parents together, which takes about as long as for one."""
        ...

    def between(
        self, practice_id: str, resource: str, first: date | None, last: date | None, *, dead: bool = False
    ) -> list[Record]:
        """All rows whose `Mirrored.day` lies within, both ends included, in the order of day and key; as `under`.

        Rows without a day (unset, or unreadable) are never among them, not even without bounds.
        """
        ...

    def months(self, practice_id: str, resource: str) -> list[date]:
        """The first day of each month in which a row may have its `Mirrored.day`, ascending; no other month has any."""
        ...

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
        """Keys of rows that a text of the `way` (`lookups.WAYS`) from `first` to `last`, both included, leads to, in
        ascending order, strongly consistent; of a secret way only one text can be asked for.

        None where there are more than `limit`, or where rows were stored before there was this way: nobody knows then.
        Where `first` is `last`, there may be more: the first `limit` behind the key `after` come. `behind`: only by
        texts that go on so behind their first space. Rows that have changed since, or are gone, may be among them:
        content decides.
        """
        ...

    def changed(
        self, practice_id: str, resource: str, since: datetime, *, after: tuple[datetime, int] | None, limit: int
    ) -> list[Record]:
        """Up to `limit` rows that were stored or buried (tombstones included) at or after `since` by our clock, in the
        order of (`changed_at`, key), behind `after`; fewer only at the end.

        The index may be behind as that of `under`, and the clocks of two workers differ by milliseconds: who goes on
        from where he ended begins some seconds earlier.
        """
        ...

    def note_whole(
        self, practice_id: str, resource: str, column: str, value: int, keys: Iterable[int], *, read: ReadAt
    ) -> None:
        """Note that a list under this parent showed these rows and no others, unless a later list is noted already.

        To be called once the rows are stored. A note may be forgotten after some days. Idempotent.
        """
        ...

    def wholes(self, practice_id: str, resource: str, column: str, values: Iterable[int]) -> dict[int, Whole]:
        """What is noted of these parents, strongly consistent; who is missing was not noted, or long ago."""
        ...

    def versions(self, practice_id: str, resource: str, *, after: int | None, limit: int) -> list[tuple[int, str]]:
        """Keys and content hashes of up to `limit` living rows in the order of key, without their content; fewer only
        at the end. Strongly consistent.
        """
        ...

    def forget(self, practice_id: str, resource: str | None = None, *, limit: int = 1000) -> bool:
        """Erase up to `limit` rows, of one resource or of the practice; True once nothing is left."""
        ...
