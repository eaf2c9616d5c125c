"""What all reads share: which practice, which rows, which page, and how old the answer is."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from gateway.core.access import allow, only_practice
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.errors import AppError, FilterTooWide, Invalid, NotFound, NotKept, Unavailable
from gateway.core.ids import parse_row_id, practice_of_row
from gateway.core.mirror.counted import CountedRecords
from gateway.core.normalize.by_fhir import LACKS, OBJECT_OF
from gateway.core.normalize.values import Drift, key
from gateway.core.office_words import OfficeWords, Table, input_of
from gateway.core.operations import RowSet
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.queries import ALL, ListQuery, PagedQuery, PracticeQuery
from gateway.core.requests import (
    DAY_S,
    MIRROR_OFF,
    Fetched,
    Freshness,
    Road,
    at_hand,
    fetch,
    from_mirror,
    kept_reference,
    key_of_fetch,
    mirror_of,
)
from gateway.core.walltime import instant_text
from open_dental.fhir import RESOURCE

if TYPE_CHECKING:
    from gateway.core.mirror.answers import Look

Row = Mapping[str, Any]
T = TypeVar("T")
Filter = Callable[[Row], bool]
SortKey = tuple[str | int, ...]
Where = Sequence[tuple[str, str, str]]
"""The name of a way (`mirror.lookups`), the same in all, and the first and last text of each stretch of it."""

MOST_DAYS: Final = 31
"""Days that a list of appointments may cover where nothing else bounds it."""

MOST_EXTRA_CALLS: Final = 100
"""Calls that one page may cost for something that Open Dental gives only row by row."""

AGAIN_S: Final = 60.0
"""How often an office's own set-up may be read again because somebody asks for it or something is not in it."""

_log = logging.getLogger("gateway.drift")


def practice_of(query: PracticeQuery, obj: str, *, caller: Caller, on: Services) -> Practice:
    """The practice a list is about, if the caller may read `obj` there: the one named, else that of the first id among
    the filters, else the only one the client has. That all ids are of one practice is seen to by `key_of`.

    Raises:
        NotFound: an id that is none, or of a practice that is not the caller's.
        Invalid: the client has several practices and nothing names one, or several are named. And what `allow` raises.
    """
    practice_id, param = query.practice_id, "practice_id"
    if practice_id == ALL or "," in (practice_id or ""):
        raise Invalid("this list is of one practice: send its id", param=param)
    if practice_id is None:
        for param, text in query.row_ids():
            practice_id = practice_of_row(text)
            if practice_id is None:
                raise NotFound("no such record", param=param)
            break
    if practice_id is None:
        practice_id = only_practice(caller)
    try:
        return allow(caller, practice_id, obj, Verb.READ, on=on)
    except NotFound as error:
        raise NotFound(error.detail, param=param) from None


def key_of(text: str | None, kind: str, practice: Practice, *, param: str) -> int | None:
    """Open Dental's key behind an id given as a filter; None where none is given.

    Raises:
        NotFound: it is no id of a `kind`, or of another practice.
    """
    if text is None:
        return None
    try:
        found = parse_row_id(text, kind)
    except NotFound as error:
        raise NotFound(error.detail, param=param) from None
    if found.practice_id != practice.id:
        raise NotFound(f"no such {kind.replace('_', ' ')}", param=param)
    return found.key


def keys_of(query: ListQuery, kind: str, practice: Practice) -> list[int] | None:
    """The keys of `ids`, each once. An id of another practice is refused like one that does not exist."""
    if query.ids is None:
        return None
    found = (key_of(one, kind, practice, param="ids") for one in query.ids)
    return list(dict.fromkeys(one for one in found if one is not None))


@dataclass(slots=True)
class Reading:
    """The fetches that one answer needed, and what they say of it together."""

    practice: Practice
    caller: Caller
    freshness: Freshness
    on: Services
    _done: list[Fetched] = field(default_factory=list)
    _lacking: set[str] = field(default_factory=set)
    _by_bound: dict[str, Fetched] = field(default_factory=dict)
    _reference: dict[Table, RowSet | None] = field(default_factory=dict)
    _reference_calls: int = 0
    _walks: bool = False
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.on.clock.monotonic()

    def rows(
        self,
        kind: str,
        bound: Mapping[str, Any],
        *,
        of: str | None = None,
        reference: bool = False,
        aged: bool = True,
    ) -> Mapping[str, list[Row]]:
        """The rows of one fetch; what was asked before is not asked again, however fresh it must be.

        `of` names the filter whose row Open Dental may not find. `reference` rows are those of the office's own set-up,
        a day old at most where the caller does not say how old. Unless `aged` their age is no part of the answer's.

        Raises: what `requests.fetch` raises.
        """
        return self.fetched_by(kind, bound, of=of, reference=reference, aged=aged).rows.rows

    def fetched_by(
        self,
        kind: str,
        bound: Mapping[str, Any],
        *,
        of: str | None = None,
        reference: bool = False,
        aged: bool = True,
    ) -> Fetched:
        """See `rows`: the same, and how they came."""
        asked = json.dumps([kind, bound], sort_keys=True, default=str)
        if asked in self._by_bound:
            return self._by_bound[asked]
        freshness = replace(self.freshness, wait_s=self._left_s())
        if reference and not freshness.asked:
            freshness = replace(freshness, max_age_s=DAY_S, asked=True)
        try:
            fetched = fetch(
                kind,
                bound,
                practice=self.practice,
                caller=self.caller,
                freshness=freshness,
                on=self.on,
                reference=reference,
                since=self._began,
            )
        except NotFound as error:
            if of is None:
                raise
            raise NotFound("no such record to filter by", param=of, upstream=error.upstream) from error
        if aged:
            self._done.append(fetched)
        else:
            self._reference_calls += fetched.upstream_calls
        for resource, found in fetched.rows.rows.items():
            if found and RESOURCE in found[0]:
                self._lacking.update(LACKS.get(OBJECT_OF.get(resource, ""), ()))
        self._by_bound[asked] = fetched
        return fetched

    def or_without(self, read: Callable[[], T]) -> T | None:
        """What `read` finds of what an object can be shown without; None where the mirror cannot say it, and nobody
        else may be asked (`Road.MIRROR`).

        Raises: what `read` raises.
        """
        try:
            return read()
        except NotKept:
            if self.freshness.road is not Road.MIRROR:
                raise
            return None

    def is_mirrored(self, resource: str) -> bool:
        """Whether the practice's mirror has all rows of a resource that its list shows."""
        state = mirror_of(self.practice, self.freshness, on=self.on, since=self._began)
        sync = None if state is None else state.resources.get(resource)
        return sync is not None and sync.phase == "loaded"

    def at_hand(self, kind: str, bound: Mapping[str, Any], *, calm_s: float | None = None) -> Fetched | None:
        """What a fetch would bring, where it costs no call; None where it would.

        `calm_s` is how old it may be for a caller who does not say, where that is more than usual.
        """
        freshness = self.freshness
        if calm_s is not None and not freshness.asked:
            freshness = replace(freshness, max_age_s=calm_s, asked=True)
        found = at_hand(kind, bound, practice=self.practice, freshness=freshness, on=self.on, since=self._began)
        if found is not None:
            self._done.append(found)
        return found

    def mirrored(self, kind: str, bound: Mapping[str, Any]) -> Fetched | None:
        """What a fetch would bring, if the practice's mirror has it, young enough; None where it has not."""
        found = from_mirror(
            kind, bound, practice=self.practice, freshness=self.freshness, on=self.on, since=self._began
        )
        if found is not None:
            self._done.append(found)
        return found

    def walk(self, walk: Callable[[Look], Page], *, is_only_road: bool = True) -> Page | None:
        """The page that `walk` makes of the practice's mirror; None where the mirror is off or cannot say.

        For lists that nothing bounds, which have no other road, and for those that are dear on the other one.

        Raises: NotKept, where the caller takes nothing but the mirror's and has it on no other road either.
        """
        no_other = is_only_road and self.freshness.road is Road.MIRROR
        state = mirror_of(self.practice, self.freshness, on=self.on, since=self._began)
        if state is None:
            if no_other:
                raise NotKept("this practice has no mirror", reason=MIRROR_OFF)
            return None
        # What a list that something bounds never needs.
        from gateway.core.mirror.answers import not_kept  # noqa: PLC0415
        from gateway.core.mirror.asked import Elsewhere  # noqa: PLC0415
        from gateway.core.mirror.walks import look_of  # noqa: PLC0415

        look = look_of(self.practice, state, self.freshness, self.on, is_only_road=is_only_road)
        self._walks = True
        try:
            page = walk(look)
        except Elsewhere as error:
            if no_other:
                raise not_kept(error) from error
            return None
        except Unavailable:
            if no_other:
                raise
            return None
        finally:
            self._walks = False
        as_of = look.as_of or look.now
        age_s = max(0.0, (look.now - as_of).total_seconds())
        self._done.append(Fetched(RowSet({}, as_of, 0), age_s, "mirror", 0))
        return page

    def _left_s(self) -> float:
        """How long the caller still waits: an answer of several fetches waits no longer than one of one."""
        return max(0.0, self.freshness.wait_s - (self.on.clock.monotonic() - self._began))

    def kept_row(self, kind: str, bound: Mapping[str, Any], fits: Filter) -> Row | None:
        """The row that fits among the reference rows of a fetch, if they are at hand and young enough for the caller.

        A row that was made since is not among them.
        """
        kept = self.on.cache.get(self.practice.id, key_of_fetch(kind, bound, practice=self.practice, reference=True))
        if kept is None:
            return None
        age_s = (self.on.clock.now() - kept.as_of).total_seconds()
        if not self.freshness.takes(age_s, unasked_s=DAY_S):
            return None
        found = next((row for rows in kept.rows.values() for row in rows if fits(row)), None)
        if found is not None:
            self._done.append(Fetched(kept, max(0.0, age_s), "cache", 0))
        return found

    def words(
        self,
        *tables: Table,
        definitions: Iterable[int] = (),
        types: Iterable[int] = (),
        codes: Iterable[int] = (),
        categories: Iterable[int] = (),
        groups: Iterable[int] = (),
        only_if_cached: bool = False,
    ) -> OfficeWords:
        """What the office calls things: `tables` of its own set-up, a day old at most.

        Beside rows of the mirror they cost no call: what is not at hand is left out.

        They are read again for a caller who takes no cached answer, and where rows name `definitions`, appointment
        `types`, procedure `codes`, `categories` of coverage or `groups` of codes that are not among them, but no more
        than once a minute. An answer never fails for
        want of them, and never waits for them longer than its caller waits at all: what does not come in time is left
        out and comes with a later answer. Their age is no part of the answer's age; what they cost is part of its cost.
        """
        no_cache = self.freshness.max_age_s == 0 and not only_if_cached
        for table in tables:
            if table not in self._reference:
                rows = self._reference_rows(table, AGAIN_S if no_cache else DAY_S, only_if_cached=only_if_cached)
                # What is not at hand may be asked for later.
                if rows is not None or not only_if_cached:
                    self._reference[table] = rows
        if not only_if_cached:
            self._look_again(Table.DEFINITIONS, "DefNum", definitions)
            self._look_again(Table.APPOINTMENT_TYPES, "AppointmentTypeNum", types)
            self._look_again(Table.PROCEDURE_CODES, "CodeNum", codes)
            self._look_again(Table.COVERAGE_CATEGORIES, "CovCatNum", categories)
            self._look_again(Table.CODE_GROUPS, "CodeGroupNum", groups)
        found = {table: rows.rows[table] for table, rows in self._reference.items() if rows is not None}
        return OfficeWords(found)

    def words_beside(self, kind: str, bound: Mapping[str, Any]) -> Mapping[str, list[Row]] | None:
        """Rows of the office's own set-up, as `rows` brings them with `reference`; beside rows of the mirror only what
        is at hand, or None. Their age is no part of the answer's.

        Raises: what `rows` raises.
        """
        if not self.is_of_mirror:
            return self.rows(kind, bound, reference=True, aged=False)
        kept = kept_reference(kind, bound, practice=self.practice, on=self.on, since=self._began)
        return None if kept is None else kept.rows

    @property
    def is_of_mirror(self) -> bool:
        """Whether all that was fetched came from the mirror: such an answer costs no call, nor do its words."""
        return self._walks or (bool(self._done) and all(one.served_from == "mirror" for one in self._done))

    def _look_again(self, table: Table, column: str, named: Iterable[int]) -> None:
        kept = self._reference.get(table)
        if kept is None or self.on.clock.now() - kept.as_of <= timedelta(seconds=AGAIN_S):
            return
        known = {key(row.get(column)) for row in kept.rows[table]}
        if any(number and number not in known for number in named):
            self._reference[table] = self._reference_rows(table, AGAIN_S, only_if_cached=False)

    def _reference_rows(self, table: Table, max_age_s: float, *, only_if_cached: bool) -> RowSet | None:
        kind, bound = f"fetch.{table}", input_of(table)
        if not only_if_cached:
            wait_s = self._left_s()
            # Names are no part of what a list across practices is made of: any copy of them will do. What the mirror
            # answers has those that the background reads.
            road = Road.ANY if self.freshness.road is Road.ANY and not self.is_of_mirror else Road.KEPT
            try:
                require(self.practice, table.operation)
                fetched = fetch(
                    kind,
                    bound,
                    practice=self.practice,
                    caller=self.caller,
                    freshness=Freshness(max_age_s, wait_s, asked=True, road=road),
                    on=self.on,
                    reference=True,
                    since=self._began,
                )
            except AppError as error:
                _log.info("no words", extra={"object": table.value, "code": error.code})
            else:
                self._reference_calls += fetched.upstream_calls
                return fetched.rows
        return kept_reference(kind, bound, practice=self.practice, on=self.on, since=self._began)

    @property
    def upstream_calls(self) -> int:
        """What the fetches cost."""
        return self._reference_calls + sum(fetched.upstream_calls for fetched in self._done)

    @property
    def as_of(self) -> datetime:
        """Nothing in the answer is older; what the office calls things may be. Now, where nothing had to be read."""
        return min((fetched.rows.as_of for fetched in self._done), default=self.on.clock.now())

    @property
    def fetched(self) -> Sequence[Fetched]:
        """What was fetched so far, the office's words aside."""
        return self._done

    def meta(self, omitted: Iterable[str]) -> dict[str, Any]:
        """What every answer says of itself. `omitted` are fields that would have cost calls, or that upstream hides."""
        return {
            "as_of": instant_text(self.as_of),
            "age_seconds": round(max((fetched.age_seconds for fetched in self._done), default=0.0), 1),
            "served_from": served_from(one.served_from for one in self._done) if self._done else None,
            "practice_id": self.practice.id,
            "upstream_calls": self.upstream_calls,
            "omitted": sorted({*omitted, *self._lacking}),
        }


def served_from(roads: Iterable[str | None]) -> str:
    """What an answer of several fetches says of where it is from: the dearest road of any; None is that of nothing."""
    taken = set(roads)
    return next((road for road in ("live", "mirror") if road in taken), "cache")


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of one page and where the next begins."""

    rows: list[Row]
    has_more: bool
    next_cursor: str | None

    def envelope(self, data: list[dict[str, Any]], meta: dict[str, Any]) -> dict[str, Any]:
        """The answer of a list."""
        return {"data": data, "has_more": self.has_more, "next_cursor": self.next_cursor, "meta": meta}


class Pager:
    """Cuts a list into pages by keyset: a page begins behind the last row of the one before, wherever that now stands.

    So rows that come between two pages never make another row come twice or not at all. A cursor is bound to its
    practice and to the filters: it carries a hash of them, and of a row only its place in the order: nobody's name.
    """

    def __init__(self, query: PagedQuery, obj: str, practice: Practice, *, on: Services) -> None:
        """Raises:
        NotFound: the cursor is another practice's. Invalid: it is another query's, or none of ours.
        """
        self._limit = query.limit
        self._practice = practice
        self._query = query
        self._obj = obj
        self._on = on
        self._after = None if query.cursor is None else self._read(query.cursor)

    def cut(self, rows: Iterable[Row], place: Callable[[Row], SortKey]) -> Page:
        """The page of `rows`, which come in any order. No two rows may have one place."""
        placed = sorted(((place(row), row) for row in rows), key=lambda pair: pair[0])
        if self._after is not None:
            after = self._after
            placed = [pair for pair in placed if pair[0] > after]
        page, more = placed[: self._limit], len(placed) > self._limit
        cursor = self._write(page[-1][0]) if more else None
        return Page([row for _, row in page], more, cursor)

    @property
    def after(self) -> SortKey | None:
        """Where the page before ended."""
        return self._after

    @property
    def limit(self) -> int:
        """How many rows a page has at most."""
        return self._limit

    def walk(
        self,
        stretches: Iterable[tuple[list[Row], SortKey | None]],
        place: Callable[[Row], SortKey],
        fits: Filter,
        *,
        most_rows: int,
        most_stretches: int,
    ) -> Page:
        """The page of rows that come in the order of their places, a stretch at a time, each with where it ends: None
        at the end of all.

        It is short where so many have been looked at that the next page has to go on.
        """
        page: list[Row] = []
        looked = 0
        for number, (rows, end) in enumerate(stretches, start=1):
            for row in rows:
                if (self._after is None or place(row) > self._after) and fits(row):
                    if len(page) == self._limit:
                        return Page(page, has_more=True, next_cursor=self._write(place(page[-1])))
                    page.append(row)
            looked += len(rows)
            if end is None:
                break
            if looked >= most_rows or number >= most_stretches or self._is_spent():
                return Page(page, has_more=True, next_cursor=self._write(end))
        return Page(page, has_more=False, next_cursor=None)

    def _is_spent(self) -> bool:
        """Whether the page has cost as much as it may, over several practices."""
        records = self._on.records
        return isinstance(records, CountedRecords) and records.is_spent

    def _fingerprint(self) -> str:
        """What the cursor is bound to. Most lists fit on one page: they neither sign nor fetch the key for it."""
        # How an answer looks is no part of which rows it has.
        asked = self._query.model_dump(
            mode="json", exclude={"cursor", "limit", "practice_id", "include", "expand"}, exclude_none=True
        )
        return self._on.signer.fingerprint(json.dumps([self._obj, asked], sort_keys=True))

    def _write(self, place: SortKey) -> str:
        return self._on.signer.sign(json.dumps([self._practice.id, self._fingerprint(), *place]).encode())

    def _read(self, cursor: str) -> SortKey:
        payload = self._on.signer.verify(cursor)
        if payload is None:
            raise Invalid("send next_cursor of the page before, as it came", param="cursor")
        practice_id, fingerprint, *place = json.loads(payload)
        if practice_id != self._practice.id:
            raise NotFound("no such page", param="cursor")
        if fingerprint != self._fingerprint():
            raise Invalid("this cursor belongs to other filters: send the filters of the page before", param="cursor")
        return tuple(place)


def walk_by_key(
    resource: str,
    operation: str,
    wanted: Sequence[Filter],
    pager: Pager,
    reading: Reading,
    *,
    where: Where = (),
    days: tuple[date, date] | None = None,
    is_only_road: bool = True,
) -> Page | None:
    """The page of all rows of `resource` that fit, in the order of their keys; None where no mirror has them all.

    `where`: texts on one of the resource's ways that those lie on which can fit; `days`: or the days. Unless it
    `is_only_road`, None as well where the mirror is small enough for the other one.

    Raises: what `require` raises for the `operation` that lists them.
    """

    def walk(look: Look) -> Page:
        from gateway.core.mirror.mirrored import MIRRORED  # noqa: PLC0415
        from gateway.core.mirror.walks import MOST_EXAMINED, MOST_STRETCHES, Stretches, by_key  # noqa: PLC0415

        require(reading.practice, operation)
        column = MIRRORED[resource].key
        after = None if pager.after is None else int(pager.after[0])
        along = Stretches(where[0][0] if where else "", tuple((first, last) for _, first, last in where), days)
        return pager.walk(
            by_key(look, resource, along, after=after, first=pager.limit + 1),
            lambda row: (key(row.get(column)),),
            lambda row: all(fits(row) for fits in wanted),
            most_rows=MOST_EXAMINED,
            most_stretches=MOST_STRETCHES,
        )

    return reading.walk(walk, is_only_road=is_only_road)


def along(way: str, values: Iterable[object]) -> Where:
    """Where rows lie that have one of the values."""
    texts = [str(value).casefold() for value in values]
    return tuple((way, text, text) for text in texts)


def on_days(query_from: date | None, query_to: date | None, *, param: str = "date_to") -> Callable[[str | None], bool]:
    """Whether a calendar day (`yyyy-MM-dd` or None) lies in the asked range, ends included.

    Raises:
        Invalid: the range ends before it begins.
    """
    first = None if query_from is None else query_from.isoformat()
    last = None if query_to is None else query_to.isoformat()
    if first is not None and last is not None and last < first:
        raise Invalid("the last day is before the first", param=param)

    def within(day: str | None) -> bool:
        if first is None and last is None:
            return True
        return day is not None and (first is None or day >= first) and (last is None or day <= last)

    return within


def not_before(stamp: str | None, column: str) -> Filter:
    """Whether a row's stamp is at or after `stamp`, both in the office's clock. A row without one passes."""

    def late_enough(row: Row) -> bool:
        changed = str(row.get(column) or "").replace("T", " ")
        return stamp is None or changed[:4] in {"", "0001"} or changed >= stamp

    return late_enough


def too_many_calls(calls: int, what: str) -> None:
    """Refuse what would cost a page more than `MOST_EXTRA_CALLS`.

    Raises:
        FilterTooWide: it would.
    """
    if calls > MOST_EXTRA_CALLS:
        raise FilterTooWide(f"{what} would cost this page {calls} calls: send a lower limit", bounds=["limit"])


def report_drift(found: Iterable[Drift]) -> None:
    """Log words of enumerations that nobody knew: the vendor's words, with object and column, never a person's."""
    for one in found:
        _log.warning("unknown word", extra={"object": one.obj, "field": one.field, "word": one.word[:40]})
