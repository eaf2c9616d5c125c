"""The mirror's two ports, in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from threading import RLock

from gateway.core.events.changes import RowChange, Was
from gateway.core.mirror.lookups import way_to
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import (
    LOAD,
    NATIVE,
    OWN_WRITE,
    Hearsay,
    Order,
    ReadAt,
    Record,
    Row,
    Stored,
    StoredNative,
    Whole,
    stamp_of,
)
from gateway.core.mirror.syncing import PracticeSync, ResourceSync, Standing, Superseded, lifted, standing_of
from gateway.core.normalize.values import SERVER_CLOCK, content_version

MOST_MARKS = 500
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def _alive() -> None:
    """Nothing happens between two rows."""


class FakeRecords:
    """Fills `Records`."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], dict[int, Record]] = defaultdict(dict)
        self.noted: dict[tuple[str, str, str, int], Whole] = {}
        self.causes: list[tuple[str, str, int, int, str]] = []
        """Every change there was: practice, resource, key, the new `seq`, cause."""
        self.outbox: list[RowChange] = []
        """What the stream of a table would show, in order."""
        self.between_rows: Callable[[], None] = _alive
        """Called before each row that is written; a test may die in it."""
        self.now: Callable[[], datetime] = lambda: datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
        self._lock = RLock()
        self._all_here: set[tuple[str, str]] = set()

    def store(self, practice_id: str, resource: str, rows: Sequence[Row], *, read: ReadAt, cause: str) -> Stored:
        changed = same = older = 0
        kept = self.kept[practice_id, resource]
        cause = self._as_known(practice_id, resource, cause)
        # Of rows with one key the last counts.
        for key, content in {MIRRORED[resource].key_of(row): _content(row) for row in rows}.items():
            version = content_version(content)
            with self._lock:
                was = kept.get(key)
                if was is not None and was.is_living and was.version == version:
                    same += 1
                elif was is not None and (
                    read.order < was.read.order or (was.told is not None and was.told.outdates(content, read.at))
                ):
                    older += 1
                else:
                    self.between_rows()
                    seq = self._seq_after(was)
                    kept[key] = Record(resource, key, content, version, seq, read, self.now(), cause=cause)
                    self._tell(practice_id, was, kept[key])
                    changed += 1
        return Stored(changed, same, older)

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
        kept = self.kept[practice_id, resource]
        newest: dict[int, tuple[datetime, Row]] = {}
        unsure = set[int]()
        for row in rows:
            key, stamp = MIRRORED[resource].key_of(row), stamp_of(row, column)
            if stamp is None:
                unsure.add(key)
            elif key not in newest or newest[key][0] <= stamp:
                newest[key] = stamp, _content(row)
        if (practice_id, resource) not in self._all_here:
            return StoredNative(unsure=tuple(sorted({*newest, *unsure})))
        changed = same = stale = 0
        for key in sorted(newest.keys() - unsure):
            stamp, content = newest[key]
            version = content_version(content)
            with self._lock:
                was = kept.get(key)
                was_stamp = None if was is None else stamp_of(was.row, column)
                if was is not None and was.is_living and was.version == version:
                    same += 1
                elif was_stamp is not None and stamp < was_stamp:
                    stale += 1
                elif (was is None and not takes_new) or (
                    was is not None
                    and (
                        not was.is_living
                        or was_stamp is None
                        or stamp == was_stamp
                        or (was.told is None and was.read.at >= at)
                    )
                ):
                    unsure.add(key)
                else:
                    self.between_rows()
                    read = ReadAt(Order(epoch, 0) if was is None else was.read.order, at)
                    seq, told = self._seq_after(was), Hearsay(at, column, stamp)
                    kept[key] = Record(resource, key, content, version, seq, read, self.now(), cause=NATIVE, told=told)
                    self._tell(practice_id, was, kept[key])
                    changed += 1
        return StoredNative(changed, same, stale, tuple(sorted(unsure)))

    def bury(
        self, practice_id: str, resource: str, keys: Iterable[int], *, read: ReadAt, cause: str, at: datetime
    ) -> int:
        buried = 0
        kept = self.kept[practice_id, resource]
        cause = self._as_known(practice_id, resource, cause)
        for key in sorted(set(keys)):
            with self._lock:
                was = kept.get(key)
                if was is None or not was.is_living or read.order < was.read.order:
                    continue
                if was.told is not None and read.at < was.told.at:
                    continue
                self.between_rows()
                seq = self._seq_after(was)
                now = replace(was, seq=seq, read=read, changed_at=self.now(), deleted_at=at, cause=cause, told=None)
                kept[key] = now
                self._tell(practice_id, was, kept[key])
                buried += 1
        return buried

    def _tell(self, practice_id: str, was: Record | None, now: Record) -> None:
        self.causes.append((practice_id, now.resource, now.key, now.seq, now.cause))
        self.outbox.append(
            RowChange(
                practice_id,
                now.resource,
                now.key,
                now.seq,
                now.row,
                Was.NOTHING if was is None else Was.LIVING if was.is_living else Was.BURIED,
                is_dead=not now.is_living,
                cause=now.cause,
                stored_at=now.changed_at,
                before=None if was is None else was.row,
                before_seq=None if was is None else was.seq,
                before_cause=None if was is None else was.cause,
                before_at=None if was is None else was.changed_at,
                correlation_id=now.read.by if now.cause == "own_write" else None,
            )
        )

    def tell_again(self, practice_id: str, resource: str, states: Mapping[int, int]) -> None:
        for key, seq in states.items():
            now = self.kept[practice_id, resource][key]
            if now.seq == seq:
                change = next(one for one in reversed(self.outbox) if (one.resource, one.key) == (resource, key))
                self.outbox.append(
                    replace(change, was=Was.UNSEEN, before=None, before_seq=None, before_cause=None, before_at=None)
                )

    def all_here(self, practice_id: str, resource: str, *, are: bool) -> None:
        (self._all_here.add if are else self._all_here.discard)((practice_id, resource))

    def _as_known(self, practice_id: str, resource: str, cause: str) -> str:
        return cause if cause == OWN_WRITE or (practice_id, resource) in self._all_here else LOAD

    def _seq_after(self, was: Record | None) -> int:
        now = (self.now() - _FIRST) // timedelta(microseconds=1)
        return now if was is None else max(now, was.seq + 1)

    def get(self, practice_id: str, resource: str, keys: Iterable[int], *, dead: bool = False) -> list[Record]:
        kept = self.kept[practice_id, resource]
        return [_copy(kept[key]) for key in sorted(set(keys)) if key in kept and (dead or kept[key].is_living)]

    def pieces(self, practice_id: str, resource: str, sk: str, parts: str) -> Row | None:
        """No content is long here."""
        return None

    def page(self, practice_id: str, resource: str, *, after: int | None, limit: int) -> list[Record]:
        return [_copy(one) for one in self._living(practice_id, resource, after=after, limit=limit)]

    def under(self, practice_id: str, resource: str, column: str, value: int) -> list[Record]:
        if column not in MIRRORED[resource].parents:
            raise ValueError("rows are not found under this column")
        return [
            one
            for one in self._all(practice_id, resource)
            if one.is_living and MIRRORED[resource].parents_of(one.row).get(column) == value
        ]

    def under_each(self, practice_id: str, resource: str, column: str, values: Iterable[int]) -> list[Record]:
        wanted = frozenset(values)
        if column not in MIRRORED[resource].parents:
            raise ValueError("rows are not found under this column")
        return [
            one
            for one in self._all(practice_id, resource)
            if one.is_living and MIRRORED[resource].parents_of(one.row).get(column) in wanted
        ]

    def between(
        self, practice_id: str, resource: str, first: date | None, last: date | None, *, dead: bool = False
    ) -> list[Record]:
        found = [
            (day, key, one)
            for key, one in list(self.kept[practice_id, resource].items())
            if (dead or one.is_living)
            and (day := MIRRORED[resource].day_of(one.row)) is not None
            and (first is None or day >= first)
            and (last is None or day <= last)
        ]
        return [_copy(one) for _, _, one in sorted(found, key=lambda each: each[:2])]

    def months(self, practice_id: str, resource: str) -> list[date]:
        """See `Records.months`."""
        days = (MIRRORED[resource].day_of(one.row) for one in list(self.kept[practice_id, resource].values()))
        return sorted({day.replace(day=1) for day in days if day is not None})

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
        of = way_to(resource, way)
        if of.is_secret and first != last:
            raise ValueError("texts that nobody can read have no order")
        found = [
            one.key
            for one in self._living(practice_id, resource, after=after if first == last else None, limit=None)
            if any(first <= text <= last and _goes_on(text, behind) for text in of.texts(one.row))
        ]
        if first == last:
            return found[:limit]
        return None if len(found) > limit else found

    def changed(
        self, practice_id: str, resource: str, since: datetime, *, after: tuple[datetime, int] | None, limit: int
    ) -> list[Record]:
        places = [((one.changed_at, one.key), one) for one in self._all(practice_id, resource)]
        return [
            one
            for place, one in sorted(places, key=lambda each: each[0])
            if place[0] >= since and (after is None or place > after)
        ][:limit]

    def note_whole(
        self, practice_id: str, resource: str, column: str, value: int, keys: Iterable[int], *, read: ReadAt
    ) -> None:
        with self._lock:
            was = self.noted.get((practice_id, resource, column, value))
            if was is None or read.order >= was.read.order:
                self.noted[practice_id, resource, column, value] = Whole(frozenset(keys), read)

    def wholes(self, practice_id: str, resource: str, column: str, values: Iterable[int]) -> dict[int, Whole]:
        found = {value: self.noted.get((practice_id, resource, column, value)) for value in values}
        return {value: one for value, one in found.items() if one is not None}

    def versions(self, practice_id: str, resource: str, *, after: int | None, limit: int) -> list[tuple[int, str]]:
        return [(one.key, one.version) for one in self._living(practice_id, resource, after=after, limit=limit)]

    def forget(self, practice_id: str, resource: str | None = None, *, limit: int = 1000) -> bool:
        left = limit
        for noted in [one for one in self.noted if one[0] == practice_id and resource in {None, one[1]}]:
            del self.noted[noted]
        for where, kept in list(self.kept.items()):
            if where[0] == practice_id and resource in {None, where[1]}:
                for key in sorted(kept)[:left]:
                    del kept[key]
                    left -= 1
                if kept:
                    return False
        self._all_here -= {one for one in self._all_here if one[0] == practice_id and resource in {None, one[1]}}
        return True

    def _living(self, practice_id: str, resource: str, *, after: int | None, limit: int | None) -> Iterator[Record]:
        kept = self.kept[practice_id, resource]
        keys = sorted(kept)
        start = 0 if after is None else bisect_right(keys, after)
        return islice((kept[key] for key in keys[start:] if kept[key].is_living), limit)

    def _all(self, practice_id: str, resource: str) -> list[Record]:
        return [_copy(one) for _, one in sorted(self.kept[practice_id, resource].items())]


def _goes_on(text: str, behind: str) -> bool:
    return not behind or text.partition(" ")[2].startswith(behind)


def _content(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != SERVER_CLOCK}


def _copy(record: Record) -> Record:
    return replace(record, row=dict(record.row))


class FakeSyncStates:
    """Fills `SyncStates`."""

    def __init__(self) -> None:
        self.practices: dict[str, PracticeSync] = {}
        self.resources: dict[str, dict[str, ResourceSync]] = defaultdict(dict)
        self.touched: dict[str, dict[str, datetime]] = defaultdict(dict)
        self.floors: dict[str, datetime] = {}
        self._lock = RLock()

    def load(self, practice_id: str) -> PracticeSync:
        with self._lock:
            own = self.practices.get(practice_id) or PracticeSync(practice_id)
            return lifted(
                replace(
                    own,
                    resources=dict(self.resources[practice_id]),
                    touched=dict(self.touched[practice_id]),
                    touched_floor=self.floors.get(practice_id),
                )
            )

    def standing(self, practice_id: str) -> Standing:
        return standing_of(self.load(practice_id))

    def save_practice(self, state: PracticeSync) -> PracticeSync:
        with self._lock:
            kept = self.practices.get(state.practice_id)
            if state.rev != (0 if kept is None else kept.rev):
                raise Superseded
            self.practices[state.practice_id] = replace(state, rev=state.rev + 1, resources={})
            return replace(state, rev=state.rev + 1)

    def save(self, practice_id: str, state: ResourceSync) -> ResourceSync:
        with self._lock:
            kept = self.resources[practice_id].get(state.resource)
            if state.rev != (0 if kept is None else kept.rev):
                raise Superseded
            self.resources[practice_id][state.resource] = replace(state, rev=state.rev + 1)
            return self.resources[practice_id][state.resource]

    def touch(self, practice_id: str, marks: Iterable[str], at: datetime) -> None:
        with self._lock:
            kept = self.touched[practice_id]
            kept.update({mark: max(at, kept.get(mark, at)) for mark in marks})
            for mark in sorted(kept, key=lambda one: kept[one])[:-MOST_MARKS]:
                self.floors[practice_id] = max(kept[mark], self.floors.get(practice_id, kept[mark]))
                del kept[mark]

    def forget(self, practice_id: str) -> None:
        with self._lock:
            self.resources[practice_id].clear()
            self.touched[practice_id].clear()
            self.floors.pop(practice_id, None)
