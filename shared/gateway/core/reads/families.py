"""Lists and single objects of the families whose rows come from one list of Open Dental: a family is data.

What differs between them stands in a `Family`: which filters Open Dental can be asked by, how a row is held against
each filter, how it is shown. What is the same is here: who may ask, what bounds the list, all filters over all pages,
the page, the age. A family with rules of its own (patients, appointments, procedures, claims) has a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any, Final, TypeAlias

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.errors import FilterTooWide, NotFound, PermissionMissing, VersionTooOld
from gateway.core.fetches import knows
from gateway.core.fhir_source import reads_by_fhir
from gateway.core.ids import parse_row_id
from gateway.core.normalize.by_fhir import only_known
from gateway.core.normalize.values import Words, day, drift, key
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.across import list_across
from gateway.core.reads.lists import (
    Filter,
    Pager,
    Reading,
    Row,
    SortKey,
    Where,
    key_of,
    keys_of,
    not_before,
    on_days,
    practice_of,
    report_drift,
    walk_by_key,
)
from gateway.core.reads.queries import ListQuery, ObjectQuery
from gateway.core.requests import Freshness
from gateway.core.walltime import changed_since, to_wall
from open_dental import catalogue

ONE_CALL_EACH: Final = 20
"""Up to so many `ids` are read one by one rather than with a list that nothing else bounds."""

Related: TypeAlias = tuple[Mapping[str, Any], Iterable[str]]
"""What the normalizer is given beside the row, and the fields that were left out because they would cost calls."""

Relate: TypeAlias = Callable[[Sequence[Row], Reading, ObjectQuery, bool], Related]
"""`(rows of the page, reading, query, whether it is a single object) -> what belongs to them`."""

Normalizer: TypeAlias = Callable[..., dict[str, Any]]
"""`(row, *, practice, synced_at, raw, **related) -> object`; more keywords are what the family's `relate` found."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A filter that Open Dental takes as well, so that it need not send the whole table.

    `filter`: the query's field. `param`: Open Dental's. `kind`: what an id must be of. `words`: the vendor's words for
    one of ours. `column`: what rows are held against, where it has another name than the parameter; "" where rows do
    not tell. The column is compared here as well: an older office ignores parameters that it does not know.
    `also`: what else must be sent, and must stand in the row, for the parameter to mean that. `written`: how Open
    Dental takes a day, where not as one.
    """

    filter: str
    param: str
    kind: str | None = None
    words: Words | None = None
    column: str | tuple[str, ...] | None = None
    also: Mapping[str, str] = field(default_factory=dict)
    written: Callable[[date], str] = date.isoformat

    def asked(self, query: ObjectQuery, practice: Practice) -> list[Any] | None:
        """The values Open Dental is asked for, one list each; None where the filter is not given or cannot be asked.

        Raises:
            NotFound: an id that is none, or another practice's.
        """
        given = getattr(query, self.filter, None)
        if given is None:
            return None
        if self.kind is not None:
            return [key_of(given, self.kind, practice, param=self.filter)]
        if self.words is not None:
            theirs = [word for ours in _several(given) for word in self.words.upstream(ours)]
            # Words that nobody knew are all `other`, and cannot be asked for by name.
            return None if "other" in _several(given) and not theirs else theirs
        return [self.written(given) if isinstance(given, date) else given]

    def queries(self, values: Sequence[Any]) -> list[dict[str, Any]]:
        """What is sent for each of the values that `asked` found."""
        return [{**self.also, self.param: value} for value in values]

    def fits(self, query: ObjectQuery, practice: Practice) -> Filter | None:
        """Whether a row is one of those asked for, by its own column; None where the filter is not given.

        Raises: what `asked` raises.
        """
        found = self._fits(query, practice)
        if found is None or not self.also:
            return found
        return lambda row: found(row) and all(row.get(name) == value for name, value in self.also.items())

    def _fits(self, query: ObjectQuery, practice: Practice) -> Filter | None:
        given = getattr(query, self.filter, None)
        column = self.param if self.column is None else self.column
        if given is None or not column:
            return None
        if self.kind is not None:
            wanted = key_of(given, self.kind, practice, param=self.filter)
            columns = (column,) if isinstance(column, str) else column
            return lambda row: any(key(row.get(one)) == wanted for one in columns)
        assert isinstance(column, str)
        if self.words is not None:
            words, ours = self.words, frozenset(_several(given))
            return lambda row: words[row.get(column)] in ours
        if isinstance(given, date):
            return lambda row: day(row.get(column)) == given.isoformat()
        return lambda row: str(row.get(column)) == str(given)


def _several(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


@dataclass(frozen=True, slots=True)
class Wide:
    """How a list is read from a large mirror that asks Open Dental for `params` at most, or for the whole table.

    `where`: where in the mirror rows lie that fit; nowhere in particular: they are looked for in the order of keys.
    Such a family has that order, and no tests of today.
    """

    params: frozenset[str]
    where: Callable[[Any, Practice], Where]

    def has(self, bound: Mapping[str, Any]) -> bool:
        """Whether no more bounds the list than that."""
        queries = bound.get("queries", ())
        return bool(queries) and all(one.keys() <= self.params for one in queries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How objects of one kind are read.

    `obj`: the scope's word. `kind`: the object's name, which its ids are made of. `resource`: the catalogue's, whose
    `.list` and `.get` are asked unless `list_operation` says otherwise. `bounds`: in the order they are preferred.
    `narrows`: filters that bound a list too, and are sent beside whatever bounds it. `matches`: filters that Open
    Dental cannot be asked by; their `param` is a column. `whole`: the table is small or paged, and is read whole where
    nothing bounds the list; `parts`: the lists that together are the whole. `get_whole`: and it is small enough to look
    through for one row. `fixed`: parameters sent with every list. `tests`: the query's other filters, each a test of a
    row against the value given; `today`: those that depend on the office's calendar day. `ranges`: the day of a row
    that `..._from` and `..._to` are about. `second_key`: where `row_key` is 0, the row is one of another table, with
    this key; outward it is negative. `stamp`: the column of the last change. `relate`: rows of other resources that the
    objects of a page need. `place`: the order of a list, the key unless told. `hides`: rows that come only where they
    are asked for. `none_is_404`: Open Dental answers 404 where nothing is found, so that says nothing of the filter's
    id. `complete`: adds to the query what another row says that it names, such as whose a procedure is. `reference`:
    the office's own set-up, read whole once a day and kept (`ports.REFERENCE`). `wide`: how much of a practice's table
    is read where it is mirrored and large.
    """

    obj: str
    kind: str
    resource: str
    row_key: str
    normalize: Normalizer
    bounds: tuple[Bound, ...] = ()
    narrows: tuple[Bound, ...] = ()
    matches: tuple[Bound, ...] = ()
    whole: bool = False
    parts: tuple[Mapping[str, Any], ...] = ({},)
    get_whole: bool = True
    second_key: str | None = None
    list_operation: str | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    tests: Mapping[str, Callable[[Row, Any, Practice], bool]] = field(default_factory=dict)
    today: Mapping[str, Callable[[Row, Any, str], bool]] = field(default_factory=dict)
    ranges: Mapping[str, Callable[[Row], str | None]] = field(default_factory=dict)
    stamp: str | None = None
    relate: Relate | None = None
    watched: Mapping[str, Words] = field(default_factory=dict)
    place: Callable[[Row], SortKey] | None = None
    hides: Callable[[ListQuery], Filter | None] | None = None
    none_is_404: bool = False
    complete: Callable[[Any, Practice, Reading], Any] | None = None
    reference: bool = False
    wide: Wide | None = None

    @property
    def lists(self) -> str:
        """The operation that lists."""
        return self.list_operation or f"{self.resource}.list"

    @property
    def gets(self) -> str | None:
        """The operation that gets one row; None where Open Dental has none."""
        id_ = f"{self.resource}.get"
        return id_ if any(one.id == id_ for one in catalogue.resource(self.resource).operations) else None

    def number(self, row: Row) -> int:
        """The key of a row as its id has it."""
        own = key(row.get(self.row_key))
        return own if own or self.second_key is None else -key(row.get(self.second_key))

    @property
    def stamp_param(self) -> str | None:
        """The list's own filter by the time of change, where it has one."""
        sync = catalogue.resource(self.resource).sync
        return sync.cursor_param if sync is not None and self.stamp is not None else None


def list_objects(
    family: Family, query: ListQuery, *, caller: Caller, freshness: Freshness, on: Services
) -> dict[str, Any]:
    """The objects of a family that all filters fit, in its order.

    Raises:
        FilterTooWide: nothing bounds the list. NotFound, Invalid, PermissionMissing,
        VersionTooOld, and what `allow` and `requests.fetch` raise.
    """
    if query.is_of_several:
        each = partial(list_objects, family)
        return list_across(each, query, family.obj, caller=caller, freshness=freshness, on=on)
    practice = practice_of(query, family.obj, caller=caller, on=on)
    pager = Pager(query, family.obj, practice, on=on)
    reading = Reading(practice, caller, freshness, on)
    if family.complete is not None:
        query = family.complete(query, practice, reading)
    keys = keys_of(query, family.kind, practice)
    since = None if query.updated_since is None else changed_since(query.updated_since, practice.zone())

    wanted: list[Filter] = []
    bound: dict[str, Any] | None = None
    parent: str | None = None
    narrow = _narrow(family, query, practice)
    for one in family.bounds:
        if (fits := one.fits(query, practice)) is not None:
            wanted.append(fits)
        asked = one.asked(query, practice)
        if asked is not None and bound is None and knows(practice, family.lists, one.param):
            bound = {"queries": [{**family.fixed, **narrow, **sent} for sent in one.queries(asked)]}
            parent = one.filter if one.kind is not None and not family.none_is_404 else None
    wanted.extend(fits for one in (*family.narrows, *family.matches) if (fits := one.fits(query, practice)) is not None)
    bound = bound or _unbounded(family, practice, narrow, keys=keys, since=since)

    if family.stamp is not None:
        wanted.append(not_before(since, family.stamp))
    if keys is not None:
        among = frozenset(keys)
        wanted.append(lambda row: family.number(row) in among)
    wanted.extend(_ranges(family, query))
    wanted.extend(_tests(family, query, practice))
    if family.hides is not None and (seen := family.hides(query)) is not None:
        wanted.append(seen)

    page = None
    if family.wide is not None and family.wide.has(bound):
        where = family.wide.where(query, practice)
        page = walk_by_key(family.resource, family.lists, wanted, pager, reading, where=where, is_only_road=False)
    if page is None:
        rows = _rows(family, bound, reading, of=parent)
        report_drift(drift(family.kind, family.watched, rows))
        wanted.extend(_tests_of_today(family, query, reading))
        place = family.place or (lambda row: (family.number(row),))
        page = pager.cut((row for row in rows if all(fits(row) for fits in wanted)), place)
    data, omitted = _shown(family, page.rows, reading, query, single=False)
    return page.envelope(data, reading.meta(omitted))


def get_object(
    family: Family,
    object_id: str,
    query: ObjectQuery | None = None,
    *,
    caller: Caller,
    freshness: Freshness,
    on: Services,
) -> dict[str, Any]:
    """One object. Where Open Dental has no call for a single row, `query` names what the row is listed under.

    Raises:
        NotFound: no such object, or another's. FilterTooWide: it can be found only under something the query does not
        name. PermissionMissing, VersionTooOld, and what `allow` and `requests.fetch` raise.
    """
    query = query or ObjectQuery()
    named = parse_row_id(object_id, family.kind)
    practice = allow(caller, named.practice_id, family.obj, Verb.READ, on=on)
    reading = Reading(practice, caller, freshness, on)
    if family.complete is not None:
        query = family.complete(query, practice, reading)
    parents = [(one, asked) for one in family.bounds if (asked := one.asked(query, practice)) is not None]
    wanted = [fits for one, _ in parents if (fits := one.fits(query, practice)) is not None]
    nobody = f"no such {family.kind.replace('_', ' ')}"
    if family.reference and (kept := _kept(family, named.key, reading)) is not None:
        return _single(family, kept, reading, query)
    if _gets(family, practice, [named.key]):
        bound: dict[str, Any] = {"keys": [named.key]}
    elif parents:
        one, asked = parents[0]
        bound = {"queries": [{**family.fixed, **sent} for sent in one.queries(asked)]}
    elif family.whole and family.get_whole:
        bound = {"queries": [{**family.fixed, **part} for part in family.parts]}
    else:
        names = [one.filter for one in family.bounds]
        raise FilterTooWide(
            f"Open Dental finds this only under what it belongs to: send {' or '.join(names)} as well", bounds=names
        )
    found = (row for row in _rows(family, bound, reading, of=None) if family.number(row) == named.key)
    rows = [row for row in found if all(fits(row) for fits in wanted)]
    if not rows:
        raise NotFound(nobody)
    return _single(family, rows[0], reading, query)


def _single(family: Family, row: Row, reading: Reading, query: ObjectQuery) -> dict[str, Any]:
    report_drift(drift(family.kind, family.watched, [row]))
    data, omitted = _shown(family, [row], reading, query, single=True)
    return {**data[0], "meta": reading.meta(omitted)}


def _narrow(family: Family, query: ListQuery, practice: Practice) -> dict[str, Any]:
    """What is sent beside whatever bounds the list."""
    sent: dict[str, Any] = {}
    for one in family.narrows:
        asked = one.asked(query, practice)
        if asked is not None and len(asked) == 1 and knows(practice, family.lists, one.param):
            sent |= one.queries(asked)[0]
    return sent


def _unbounded(
    family: Family, practice: Practice, narrow: Mapping[str, Any], *, keys: list[int] | None, since: str | None
) -> dict[str, Any]:
    """What Open Dental is asked where none of the family's bounds is given."""
    few = keys is not None and not family.reference and (not family.whole or len(keys) <= ONE_CALL_EACH)
    if keys is not None and few and _gets(family, practice, keys):
        return {"keys": keys}
    if since is not None and family.stamp_param is not None and knows(practice, family.lists, family.stamp_param):
        return {"queries": [{**family.fixed, **narrow, family.stamp_param: since}]}
    if family.whole or narrow:
        return {"queries": [{**family.fixed, **narrow, **part} for part in family.parts]}
    names = [one.filter for one in (*family.bounds, *family.narrows)]
    names += ["updated_since"] if family.stamp_param is not None else []
    names += ["ids"] if family.gets is not None else []
    raise FilterTooWide(f"send at least one of {', '.join(names)}", bounds=names)


def _kept(family: Family, number: int, reading: Reading) -> Row | None:
    """The row of this key in the copy of the whole table, if there is one."""
    bound = _input(family, {"queries": [dict(family.fixed)]})
    return reading.kept_row(f"fetch.{family.resource}", bound, lambda row: key(row.get(family.row_key)) == number)


def _gets(family: Family, practice: Practice, keys: Sequence[int]) -> bool:
    """Whether Open Dental can be asked for these rows one by one. Those of a second table cannot."""
    # FHIR gets every row by itself.
    if reads_by_fhir(practice, family.resource):
        return True
    own = family.second_key is None or all(number > 0 for number in keys)
    return own and family.gets is not None and knows(practice, family.gets)


def _rows(family: Family, bound: dict[str, Any], reading: Reading, *, of: str | None) -> list[Row]:
    require(reading.practice, family.gets if "keys" in bound and family.gets else family.lists)
    reference = family.reference and bound == {"queries": [dict(family.fixed)]}
    return reading.rows(f"fetch.{family.resource}", _input(family, bound), of=of, reference=reference)[family.resource]


def _input(family: Family, bound: dict[str, Any]) -> dict[str, Any]:
    """What the fetch is asked."""
    input_ = {"resource": family.resource, **bound}
    if "queries" in bound and family.list_operation is not None:
        input_["operation"] = family.list_operation
    if family.none_is_404:
        input_["none_is_404"] = True
    if family.second_key is not None:
        input_["second_key"] = family.second_key
    return input_


def _tests(family: Family, query: ListQuery, practice: Practice) -> list[Filter]:
    """The family's tests, each bound to the value that was given."""
    found: list[Filter] = []
    for name, test in family.tests.items():
        given = getattr(query, name)
        if given is not None:
            found.append(lambda row, test=test, given=given: test(row, given, practice))  # type: ignore[misc]
    return found


def _tests_of_today(family: Family, query: ListQuery, reading: Reading) -> list[Filter]:
    """The family's tests that ask which day the office has, each bound to the value that was given."""
    given = {name: value for name in family.today if (value := getattr(query, name)) is not None}
    if not given:
        return []
    today = to_wall(reading.as_of, reading.practice.zone()).date().isoformat()
    return [lambda row: all(family.today[name](row, value, today) for name, value in given.items())]


def _ranges(family: Family, query: ListQuery) -> list[Filter]:
    """Raises: Invalid: a range ends before it begins."""
    found: list[Filter] = []
    for name, day_of in family.ranges.items():
        first, last = getattr(query, f"{name}_from"), getattr(query, f"{name}_to")
        if first is not None or last is not None:
            within = on_days(first, last, param=f"{name}_to")
            found.append(lambda row, within=within, day_of=day_of: within(day_of(row)))  # type: ignore[misc]
    return found


def expands(query: ObjectQuery, word: str) -> bool:
    """Whether the query's `expand` has `word`."""
    return word in getattr(query, "expand", ())


def beside(
    reading: Reading,
    resource: str,
    queries: Sequence[Mapping[str, Any]],
    *,
    params: Sequence[str] = (),
) -> list[Row] | None:
    """Rows of another resource that objects need; None where the office's version cannot be asked so.

    `params` are those of `queries` that must not be ignored: without them the whole table would come.

    Raises: PermissionMissing, and what `requests.fetch` raises.
    """
    practice, lists = reading.practice, f"{resource}.list"
    if not knows(practice, lists) or not all(knows(practice, lists, one) for one in params):
        return None
    require(practice, lists)
    if not queries:
        return []
    input_ = {"resource": resource, "queries": [dict(one) for one in queries], "none_is_404": True}
    return list(reading.rows(f"fetch.{resource}", input_)[resource])


def set_up(reading: Reading, resource: str, named: Iterable[int]) -> dict[int, Row] | None:
    """The office's definitions of a kind by their key, where rows name any; None where they cannot be had.

    They are read whole and kept for a day, and once more where one that is `named` is not among them; beside rows of
    the mirror only what is at hand, which costs no call. Their age is no
    part of the answer's; that they cannot be had leaves fields out and fails nothing.

    Raises: what `requests.fetch` raises.
    """
    numbers = {number for number in named if number}
    try:
        require(reading.practice, f"{resource}.list")
    except (PermissionMissing, VersionTooOld):
        return None
    if not numbers:
        return {}
    row_key = catalogue.resource(resource).key or ""
    # The first as the family of these rows asks for them, so that it is kept once.
    for more in ({}, {"none_is_404": True}):
        input_ = {"resource": resource, "queries": [{}], **more}
        if not more:
            kept = reading.words_beside(f"fetch.{resource}", input_)
            if kept is None:
                return None
            rows = kept[resource]
        elif reading.is_of_mirror:
            break
        else:
            rows = reading.rows(f"fetch.{resource}", input_)[resource]
        found = {key(row.get(row_key)): row for row in rows}
        if numbers <= found.keys():
            break
    return found


def _shown(
    family: Family, rows: Sequence[Row], reading: Reading, query: ObjectQuery, *, single: bool
) -> tuple[list[dict[str, Any]], Iterable[str]]:
    related, omitted = ({}, ()) if family.relate is None else family.relate(rows, reading, query, single)
    raw = "raw" in query.include
    made = (
        only_known(
            family.kind,
            family.normalize(row, practice=reading.practice, synced_at=reading.as_of, raw=raw, **related),
            row,
        )
        for row in rows
    )
    return list(made), omitted
