"""Copies of rows in DynamoDB. `items.py` says how they lie there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.codec import pack, unpack
from gateway.adapters.mirror import items
from gateway.adapters.mirror.finding import Finding
from gateway.adapters.mirror.items import Head
from gateway.adapters.mirror.lookups import Ways
from gateway.adapters.mirror.rows import Because, Outcome, Reading, Rows, judged
from gateway.adapters.mirror.table import Table, key_of
from gateway.core.events.facts import OF_PATIENTS
from gateway.core.mirror.lookups import WAYS
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

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LISTED_LATER: Final = frozenset({"load"})
"""Causes of rows that nobody lists before the indexes know them, and that come by the thousand.

Whatever else is stored is named by pointers for a minute: what a poll brought is part of what `as_of` says is here.
"""

PAGE_BY_PAGE: Final = frozenset({"load", "sweep"})
"""Causes of rows that come by whole pages, whose keys mostly lie close together."""

_CHUNK: Final = 100

WHOLE_KEPT: Final = timedelta(days=7)
"""How long a list under a parent stays noted: longer than anybody takes it for young."""


class DynamoRecords:
    """Fills `core.mirror.records.Records`. `fingerprint` hides what a row is found by but nobody may read."""

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        table: str,
        fingerprint: Callable[[str], str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = Table(client, name=table, sleep=sleep)
        self._finding = Finding(self._table, now=now)
        self._now = now
        self._fingerprint = fingerprint

    # -- writing ----------------------------------------------------------------------------------------------------

    def store(self, practice_id: str, resource: str, rows: Sequence[Row], *, read: ReadAt, cause: str) -> Stored:
        """See `Records.store`."""
        readings = {one.key: one for one in (Reading.of(resource, row) for row in rows)}
        kept = self._rows(practice_id, resource)
        heads = kept.heads(readings, are_near=cause in PAGE_BY_PAGE)
        expected = {key: judged(heads.get(key), one, read) for key, one in readings.items()}
        outcomes: Counter[Outcome] = Counter(outcome for outcome in expected.values() if outcome is not Outcome.CHANGED)
        changing = [readings[key] for key, outcome in expected.items() if outcome is Outcome.CHANGED]
        if changing:
            # First the ways that lead to a row, then the row: whoever comes between them finds what was there before.
            are_all_here = self._finding.prepare(practice_id, resource, [one.places.day for one in changing])
            if cause not in LISTED_LATER:
                self._finding.point_to(practice_id, resource, [(one.key, one.places) for one in changing])
            because = self._because(read, cause, are_all_here=are_all_here)
            outcomes.update(self._keep_all(practice_id, resource, changing, heads, because))
        return Stored(outcomes[Outcome.CHANGED], outcomes[Outcome.SAME], outcomes[Outcome.OLDER])

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
        readings, unsure = _told_of(resource, rows, column=column, at=at)
        if not self._finding.all_here(practice_id, resource):
            return StoredNative(unsure=tuple(sorted({*readings, *unsure})))
        kept, read = self._rows(practice_id, resource), ReadAt(Order(epoch, 0), at)
        heads = kept.heads(readings)
        if not takes_new:
            unsure |= readings.keys() - heads.keys()
            readings = {key: one for key, one in readings.items() if key in heads}
        # Both together: what has been changed between them is looked at once more.
        met = kept.get(key for key, head in heads.items() if head.dead or head.version != readings[key].version)
        outcomes = {key: kept.judge(one, heads.get(key), read, kept=met.get(key)) for key, one in readings.items()}
        changing = [readings[key] for key, outcome in outcomes.items() if outcome is Outcome.CHANGED]
        if changing:
            self._finding.prepare(practice_id, resource, [one.places.day for one in changing])
            self._finding.point_to(practice_id, resource, [(one.key, one.places) for one in changing])
            because = self._because(read, NATIVE, are_all_here=True)
            became = self._keep_all(practice_id, resource, changing, heads, because)
            outcomes.update(zip((one.key for one in changing), became, strict=True))
        count: Counter[Outcome] = Counter(outcomes.values())
        unsure |= {key for key, outcome in outcomes.items() if outcome is Outcome.UNSURE}
        return StoredNative(count[Outcome.CHANGED], count[Outcome.SAME], count[Outcome.OLDER], tuple(sorted(unsure)))

    def _keep_all(
        self,
        practice_id: str,
        resource: str,
        changing: Sequence[Reading],
        heads: Mapping[int, Head],
        because: Because,
    ) -> list[Outcome]:
        """What became of each; what is there of these rows has been looked at, and months are noted."""
        kept, ways = self._rows(practice_id, resource), self._ways(practice_id, resource)
        return self._table.each(self._keeper(kept, ways, changing, heads, because), changing)

    def _keeper(
        self, kept: Rows, ways: Ways | None, changing: Sequence[Reading], heads: Mapping[int, Head], because: Because
    ) -> Callable[[Reading], Outcome]:
        """What keeps one of the readings; the ways to rows that are new are laid already."""
        if ways is None:
            return lambda one: kept.keep(one, heads.get(one.key), because)[0]
        new = {one.key: ways.to(one.row) for one in changing}
        was = {key: ways.to(one.row) for key, one in kept.get(new.keys() & heads.keys()).items() if one.is_living}
        ways.lay_first(((key, to) for key, to in new.items() if key not in heads), seq=because.seq)

        def keep(one: Reading) -> Outcome:
            head, old, to = heads.get(one.key), was.get(one.key, frozenset[str]()), new[one.key]

            def again(seq: int) -> None:
                nonlocal old
                old = old.union(*(ways.to(row.row) for row in kept.get([one.key]).values()))
                ways.lay(one.key, to, seq=seq)

            if head is not None:
                ways.lay(one.key, to - old, seq=because.seq_after(head))
            outcome, seq = kept.keep(one, head, because, again=again)
            if outcome is Outcome.CHANGED:
                ways.clear(one.key, old - to, seq=seq)
            return outcome

        return keep

    def bury(
        self, practice_id: str, resource: str, keys: Iterable[int], *, read: ReadAt, cause: str, at: datetime
    ) -> int:
        """See `Records.bury`."""
        kept = self._rows(practice_id, resource)
        heads = kept.heads(keys)
        if not heads:
            return 0
        because = self._because(read, cause, are_all_here=self._finding.all_here(practice_id, resource))
        ways = self._ways(practice_id, resource)
        rows = {} if ways is None else kept.get(heads)

        def bury(key: int) -> bool:
            seq = kept.bury(key, heads[key], because, at)
            if seq is not None and ways is not None and key in rows:
                ways.clear(key, ways.to(rows[key].row), seq=seq)
            return seq is not None

        return sum(self._table.each(bury, sorted(heads)))

    def all_here(self, practice_id: str, resource: str, *, are: bool) -> None:
        """See `Records.all_here`."""
        self._finding.note_all_here(practice_id, resource, are=are)

    def tell_again(self, practice_id: str, resource: str, states: Mapping[int, int]) -> None:
        """See `Records.tell_again`."""
        kept = self._rows(practice_id, resource)
        self._table.each(lambda one: kept.tell_again(*one), list(states.items()))

    def _because(self, read: ReadAt, cause: str, *, are_all_here: bool) -> Because:
        is_news = are_all_here or cause == OWN_WRITE
        return Because(read, cause if is_news else LOAD, items.micros(self._now()))

    def forget(self, practice_id: str, resource: str | None = None, *, limit: int = 1000) -> bool:
        """See `Records.forget`."""
        left = limit
        noted = self._table.query(
            items.whole_pk(practice_id),
            starts=None if resource is None else f"{resource}#",
            only=("pk", "sk"),
            limit=left + 1,
        )
        found = [dict(key) for key in islice(noted, left + 1)]
        self._table.delete_all(found[:left])
        if len(found) > left:
            return False
        left -= len(found)
        # Also what somebody stored behind an erasure's back, when nobody knew any more that there are such rows.
        kept = self._finding.resources(practice_id)
        for one in dict.fromkeys((*kept, *MIRRORED, *sorted(OF_PATIENTS))) if resource is None else [resource]:
            for pk in (items.rows_pk, items.ways_pk, items.parts_pk, items.fresh_pk):
                # One more than may go says whether that was all.
                keys = self._table.query(pk(practice_id, one), only=("pk", "sk"), limit=left + 1)
                found = [dict(key) for key in islice(keys, left + 1)]
                self._table.delete_all(found[:left])
                if len(found) > left:
                    return False
                left -= len(found)
            if one in kept:
                self._finding.forget(practice_id, one)
        return True

    # -- reading ----------------------------------------------------------------------------------------------------

    def get(self, practice_id: str, resource: str, keys: Iterable[int], *, dead: bool = False) -> list[Record]:
        """See `Records.get`."""
        found = self._rows(practice_id, resource).get(keys)
        return [one for _, one in sorted(found.items()) if dead or one.is_living]

    def pieces(self, practice_id: str, resource: str, sk: str, parts: str) -> Row | None:
        """A content that lies in pieces, as a row's item names them; None once the row has been replaced."""
        return self._rows(practice_id, resource).from_pieces(sk, parts)

    def page(self, practice_id: str, resource: str, *, after: int | None, limit: int) -> list[Record]:
        """See `Records.page`."""
        return list(islice(self._rows(practice_id, resource).living(after=after, limit=limit), limit))

    def under(self, practice_id: str, resource: str, column: str, value: int) -> list[Record]:
        """See `Records.under`."""
        return self.under_each(practice_id, resource, column, [value])

    def under_each(self, practice_id: str, resource: str, column: str, values: Iterable[int]) -> list[Record]:
        """See `Records.under_each`."""
        mirrored = MIRRORED[resource]
        if column not in mirrored.parents:
            raise ValueError("rows are not found under this column")
        number, wanted = mirrored.parents.index(column), frozenset(values)
        keys = self._finding.under_each(practice_id, resource, number, sorted(wanted))
        keys |= {key for key, of in self._finding.pointed_to(practice_id, resource) if of.parents[number] in wanted}
        found = self.get(practice_id, resource, keys)
        return [one for one in found if mirrored.parents_of(one.row).get(column) in wanted]

    def between(
        self, practice_id: str, resource: str, first: date | None, last: date | None, *, dead: bool = False
    ) -> list[Record]:
        """See `Records.between`."""
        mirrored = MIRRORED[resource]
        if mirrored.day is None:
            return []
        first, last = first or date.min, last or date.max
        keys = self._finding.between(practice_id, resource, first, last)
        keys |= {
            key
            for key, of in self._finding.pointed_to(practice_id, resource)
            if of.day is not None and first <= of.day <= last
        }
        days = [(mirrored.day_of(one.row), one) for one in self.get(practice_id, resource, keys, dead=dead)]
        within = [(day, one) for day, one in days if day is not None and first <= day <= last]
        return [one for _, one in sorted(within, key=lambda each: (each[0], each[1].key))]

    def months(self, practice_id: str, resource: str) -> list[date]:
        """See `Records.months`."""
        return self._finding.months(practice_id, resource)

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
        ways = self._ways(practice_id, resource)
        if ways is None or not self._finding.has_way(practice_id, resource, way):
            return None
        if first == last:
            return ways.behind(way, first, after=after, limit=limit)
        return ways.within(way, first, last, behind=behind, limit=limit)

    def changed(
        self, practice_id: str, resource: str, since: datetime, *, after: tuple[datetime, int] | None, limit: int
    ) -> list[Record]:
        """See `Records.changed`."""
        kept = self._rows(practice_id, resource)
        entries = self._finding.changed(practice_id, resource, since, after=after, limit=min(limit, _CHUNK))
        found: list[Record] = []
        while chunk := list(islice(entries, min(limit - len(found), _CHUNK))):
            rows = kept.get(key for _, key in chunk)
            # What has changed again since the index was written comes later, in its new place.
            found += [rows[key] for at, key in chunk if key in rows and rows[key].changed_at == at]
        new = {key for key, _ in self._finding.pointed_to(practice_id, resource)} - {one.key for one in found}
        behind = max([(since, items.LOWEST_KEY - 1), *([] if after is None else [after])])
        found += [one for one in kept.get(new).values() if (one.changed_at, one.key) > behind]
        return sorted(found, key=lambda one: (one.changed_at, one.key))[:limit]

    def note_whole(
        self, practice_id: str, resource: str, column: str, value: int, keys: Iterable[int], *, read: ReadAt
    ) -> None:
        """See `Records.note_whole`."""
        sk = items.whole_sk(resource, column, value)
        order = items.order_attributes(read)
        self._table.put(
            {
                **key_of(items.whole_pk(practice_id), sk),
                **order,
                "body": {"B": pack(sorted(keys))},
                "expires_at": {"N": str(int((self._now() + WHOLE_KEPT).timestamp()))},
            },
            condition="attribute_not_exists(pk) OR epoch < :epoch OR (epoch = :epoch AND turn <= :turn)",
            values={":epoch": order["epoch"], ":turn": order["turn"]},
        )

    def wholes(self, practice_id: str, resource: str, column: str, values: Iterable[int]) -> dict[int, Whole]:
        """See `Records.wholes`."""
        wanted = {items.whole_sk(resource, column, value): value for value in values}
        found = self._table.get_all(items.whole_pk(practice_id), wanted)
        return {wanted[sk]: _whole_from(item) for sk, item in found.items()}

    def versions(self, practice_id: str, resource: str, *, after: int | None, limit: int) -> list[tuple[int, str]]:
        """See `Records.versions`."""
        return list(islice(self._rows(practice_id, resource).versions(after=after, limit=limit), limit))

    def _ways(self, practice_id: str, resource: str) -> Ways | None:
        return None if resource not in WAYS else Ways(self._table, practice_id, resource, fingerprint=self._fingerprint)

    def _rows(self, practice_id: str, resource: str) -> Rows:
        return Rows(self._table, practice_id, resource, now=self._now)


def _told_of(resource: str, rows: Sequence[Row], *, column: str, at: datetime) -> tuple[dict[int, Reading], set[int]]:
    """The latest of these rows by key, and the keys of those without a stamp."""
    readings: dict[int, Reading] = {}
    unsure = set[int]()
    for row in rows:
        stamp = stamp_of(row, column)
        if stamp is None:
            unsure.add(MIRRORED[resource].key_of(row))
            continue
        one = Reading.of(resource, row, Hearsay(at, column, stamp))
        before = readings.get(one.key)
        if before is None or before.told is None or before.told.stamp <= stamp:
            readings[one.key] = one
    return {key: one for key, one in readings.items() if key not in unsure}, unsure


def _whole_from(item: Mapping[str, Any]) -> Whole:
    order = Order(int(item["epoch"]["N"]), int(item["turn"]["N"]))
    keys = frozenset(int(key) for key in unpack(bytes(item["body"]["B"])))
    return Whole(keys, ReadAt(order, items.moment_from(item["read_at"]["N"])))
