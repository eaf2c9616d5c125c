"""Answering a fetch from the mirror: its own plan is run, and what it would call is looked up instead.

So an answer of the mirror is made of the same rows, by the same steps, as Open Dental's would be, and money that is
spread over four resources composes here as it does there. The first call that the mirror cannot answer for certain, or
not young enough, ends it, and the fetch takes the live road; nothing is ever answered from both.

Young enough is what the caller says (`Cache-Control`). Where nobody says, `DEFAULT_AGE_S`; less where a row that is
missing could hurt somebody, more for an office's own set-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gateway.core import registry
from gateway.core.errors import AppError, NotKept, Unavailable
from gateway.core.mirror.asked import PAGING, Asked, Elsewhere, asked, in_order, is_listed, is_within
from gateway.core.mirror.effects import EVERYBODY, mark
from gateway.core.mirror.lookups import Named, named, named_anyhow, stretches
from gateway.core.mirror.mirrored import MIRRORED, NOTED, Mirrored, Rank, mirrored_by
from gateway.core.mirror.shortcuts import LED, ROW, SHORTCUTS, Led
from gateway.core.mirror.syncing import Here, Phase, Standing
from gateway.core.normalize.values import key
from gateway.core.operations import RowSet
from gateway.core.plans import PlanContext, PlanFunction, UpstreamAnswer, UpstreamCall
from gateway.core.requests import Road
from gateway.core.walltime import read_wall

if TYPE_CHECKING:
    from gateway.core.mirror.records import Record, Whole
    from gateway.core.ports import Services
    from gateway.core.practices import Practice
    from gateway.core.requests import Freshness

Row: TypeAlias = Mapping[str, Any]

DEFAULT_AGE_S: Final = 300.0
"""How old an answer may be for a caller who does not say."""

ALERT_AGE_S: Final = 60.0
"""The same for what may harm a patient if it is missing, and for times that two people may want at once."""

SETUP_AGE_S: Final = 7200.0
"""The same for an office's own set-up, which hardly changes and is read as a whole once an hour."""

ALERTS: Final = frozenset({"allergies", "diseases", "medicationpats"})
_SOON_TAKEN: Final = frozenset({"fetch.slots"})

MOST_SCANNED: Final = 3000
"""Rows that one answer looks through where nothing leads to those it wants, or where what leads there has so many."""

MOST_SET_UP: Final = 10_000
"""The same for an office's own set-up, which does not grow with its patients: codes, carriers."""

_DENSE: Final = 5
"""Rows read in order for the price of one that is read by its key."""

TOO_OLD: Final = "too-old"
NOT_LOADED: Final = "not-loaded"
NOT_MIRRORED: Final = "not-mirrored"
"""Why the mirror cannot say; the last where it has no way to what is asked."""

_PAGE: Final = 1000
_STAMPS_OFF: Final = timedelta(hours=3)
"""How far before a stamp, read by the office's clock, its row may have been stored by ours: a stamp in the hour that
occurs twice is read as the first, and two hours are left for whatever else is odd about an office's clock."""

_RAW: Final = frozenset({"fetch.resource"})
"""Rows as Open Dental answers them, which the mirror's are not: its clock is missing."""

_PARENTS: Final = {
    "PatNum": "patients",
    "Guarantor": "patients",
    "Subscriber": "patients",
    "AptNum": "appointments",
    "ClaimNum": "claims",
    "PayNum": "payments",
    "PerioExamNum": "perioexams",
    "PayPlanNum": "payplans",
    "CarrierNum": "carriers",
    "PlanNum": "insplans",
    "InsSubNum": "inssubs",
    "TaskListNum": "tasklists",
}
"""What a parent's column names."""


def answer(
    kind: str,
    bound: Mapping[str, Any],
    *,
    practice: Practice,
    freshness: Freshness,
    on: Services,
    state: Standing,
) -> RowSet | None:
    """The rows of the fetch `kind` for `bound`, or None where Open Dental has to be asked.

    `as_of` is that of the oldest part. A row that the mirror does not have, or that it knows to be gone, is asked for
    at Open Dental: only there can somebody have made it, or say that it is gone. Rows of FHIR are never mirrored.
    `state` is how far the mirror is, read just now.

    Raises:
        NotKept: where there is no other road; `reason` says why. Unavailable: there, and the mirror does not answer.
    """
    no_other = freshness.road is Road.MIRROR
    of = registry.KINDS.get(kind)
    if of is None or kind in _RAW or not kind.startswith("fetch."):
        if no_other:
            raise not_kept(Elsewhere())
        return None
    try:
        look = Look(practice, state, freshness, on, soon_taken=kind in _SOON_TAKEN, any_age=no_other)
        look.expect(bound)
        rows = _run(SHORTCUTS.get(kind) or registry.plan_function(of), bound, look)
    except Elsewhere as error:
        if no_other:
            raise not_kept(error) from error
        return None
    except Unavailable:
        if no_other:
            raise
        # The mirror is there to make answers cheap; without it they come all the same.
        return None
    if rows is None and no_other:
        raise not_kept(Elsewhere())
    # A plan that has nothing to ask about needs no rows, and so none that could be old.
    return None if rows is None else RowSet(rows, as_of=look.as_of or look.now, upstream_calls=0)


def not_kept(why: Elsewhere) -> NotKept:
    """The mirror's way to say that it cannot, where nobody else is asked."""
    return NotKept("the mirror of this practice cannot say", reason=str(why) or NOT_MIRRORED)


def _run(function: PlanFunction, bound: Mapping[str, Any], look: Look) -> dict[str, list[Row]] | None:
    plan = function(bound, PlanContext(look.practice, "", look.now, ""))
    try:
        call = next(plan)
        while True:
            call = plan.send(look.up(call))
    except StopIteration as stop:
        found = stop.value.rows
        return None if found is None else {name: [dict(row) for row in rows] for name, rows in found.items()}
    except AppError:
        # What the plan makes of it is Open Dental's to say.
        return None
    finally:
        plan.close()


@dataclass
class Look:
    """The mirror of one practice as it is now, for one answer. `as_of`: nothing that was looked up is older."""

    practice: Practice
    state: Standing
    freshness: Freshness
    on: Services
    soon_taken: bool = False
    any_age: bool = False
    """Whether there is no other road: a caller who says nothing takes it however old, and without what own writes have
    changed since; `as_of` tells."""
    as_of: datetime | None = None
    now: datetime = field(init=False)
    _got: dict[tuple[str, int], Record] = field(default_factory=dict)
    _lists: dict[str, tuple[list[Row], datetime]] = field(default_factory=dict)
    _parents: dict[str, set[int]] = field(default_factory=dict)
    _families: dict[tuple[str, str], dict[int, list[Record]]] = field(default_factory=dict)
    _present: dict[tuple[str, int], bool] = field(default_factory=dict)
    _wholes: dict[tuple[str, int], Whole | None] = field(default_factory=dict)
    _of_wholes: dict[tuple[str, int], Record | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.now = self.on.clock.now()

    def expect(self, bound: Mapping[str, Any]) -> None:
        """Learn which keys the plan will get one by one, and lists of which parents, so that they are read together."""
        self._keys = [number for number in bound.get("keys", ()) if isinstance(number, int) and number > 0]
        for query in bound.get("queries", ()):
            if len(query) == 1 and not _PARENTS.keys().isdisjoint(query):
                ((column, value),) = query.items()
                self._parents.setdefault(column, set()).add(key(value))

    def up(self, call: UpstreamCall) -> UpstreamAnswer:
        """What Open Dental would answer.

        Raises: Elsewhere.
        """
        if call.operation == ROW:
            ((resource, number),) = call.path.items()
            row, as_of = self._one(MIRRORED[resource], number)
            return UpstreamAnswer(200, row, started_at=as_of)
        if call.operation == LED:
            rows, as_of = self._led_anyhow(Led(**call.query))
            return UpstreamAnswer(200, rows, started_at=as_of)
        mirrored = mirrored_by(call.operation)
        if mirrored is None or call.body is not None:
            raise Elsewhere
        if call.operation == f"{mirrored.resource}.get":
            if call.query or set(call.path) != {mirrored.key}:
                raise Elsewhere
            row, as_of = self._one(mirrored, call.path[mirrored.key])
            return UpstreamAnswer(200, row, started_at=as_of)
        if call.path:
            raise Elsewhere
        asked_for = {name: value for name, value in call.query.items() if name not in PAGING}
        name = f"{call.operation} {sorted(asked_for.items(), key=lambda pair: pair[0])!r}"
        if name not in self._lists:
            self._lists[name] = self._listed(mirrored, call.operation, asked_for)
        rows, as_of = self._lists[name]
        offset = int(call.query.get("Offset", 0))
        limit = int(call.query.get("Limit", len(rows)))
        return UpstreamAnswer(200, rows[offset : offset + limit], started_at=as_of)

    def complete(self, mirrored: Mirrored) -> Here:
        """The state of a resource whose rows are all here, young enough for the caller.

        Raises: Elsewhere.
        """
        sync = self.state.resources.get(mirrored.resource)
        if sync is None or sync.phase is not Phase.LOADED or sync.as_of is None:
            raise Elsewhere(NOT_LOADED)
        self._heed_age(mirrored.resource, sync.as_of)
        return sync

    def used(self, as_of: datetime) -> None:
        """Note how old a part of the answer is."""
        self.as_of = as_of if self.as_of is None else min(self.as_of, as_of)

    def heed_marks(self, resource: str, as_of: datetime) -> None:
        """Refuse what an own write may have changed since, where somebody else can answer. Raises: Elsewhere."""
        if not self.any_age and self._marked(resource, as_of, 0, {}) is not None:
            raise Elsewhere

    # One row

    def _one(self, mirrored: Mirrored, number: int) -> tuple[Row, datetime]:
        resource = mirrored.resource
        if (resource, number) not in self._got:
            keys = self._keys if number in self._keys else [number]
            for record in self.on.records.get(self.practice.id, resource, keys):
                self._got[resource, record.key] = record
        kept = self._got.get((resource, number))
        if kept is None or not kept.is_living:
            raise Elsewhere
        # What was read of another database says nothing of this one.
        own_at = kept.read.at if kept.read.order.epoch == self.state.epoch else None
        of_all = self._as_of_all(mirrored, kept.row)
        times = [one for one in (own_at, of_all) if one is not None]
        if not times:
            raise Elsewhere
        marked_at = self._marked(resource, of_all or max(times), key(kept.row.get("PatNum")), kept.row)
        if marked_at is not None and (own_at is None or own_at < marked_at) and not self.any_age:
            raise Elsewhere
        as_of = max(times)
        self._heed_age(resource, as_of)
        self.used(as_of)
        return kept.row, as_of

    def _as_of_all(self, mirrored: Mirrored, row: Row) -> datetime | None:
        """As of when all rows like this one are here; None where they are not."""
        sync = self.state.resources.get(mirrored.resource)
        if sync is None or sync.phase is not Phase.LOADED or not is_listed(mirrored, row):
            return None
        day = mirrored.day_of(row)
        return sync.as_of if sync.as_of is None or is_within(mirrored, day, day, sync.as_of) else None

    # A list

    def _listed(self, mirrored: Mirrored, operation: str, query: Mapping[str, Any]) -> tuple[list[Row], datetime]:
        wanted = asked(mirrored, operation, query)
        noted = self._noted(mirrored, wanted)
        if noted is not None:
            return noted
        sync, resource = self.complete(mirrored), mirrored.resource
        assert sync.as_of is not None
        if not is_within(mirrored, *(wanted.days or (None, None)), sync.as_of):
            raise Elsewhere
        marked = None if self.any_age else self._marked(resource, sync.as_of, wanted.patient or 0, wanted.named)
        if marked is not None:
            raise Elsewhere
        rows = in_order(mirrored.resource, (one.row for one in self._looked_for(mirrored, sync, wanted)))
        rows = [row for row in rows if wanted.fits(row)]
        if not rows and wanted.parent is not None:
            self._be_sure_of(*wanted.parent)
        self.used(sync.as_of)
        return rows, sync.as_of

    def _noted(self, mirrored: Mirrored, wanted: Asked) -> tuple[list[Row], datetime] | None:
        """The rows under a parent whose list was read as a whole later than the resource was; None where it was not.

        Raises: Elsewhere: that is too long ago, or an own write came after it.
        """
        resource = mirrored.resource
        if resource not in NOTED or wanted.parent is None:
            return None
        column, value = wanted.parent
        whole = self._whole(resource, column, value)
        sync = self.state.resources.get(resource)
        of_all = None if sync is None or sync.phase is not Phase.LOADED else sync.as_of
        if whole is None or whole.read.order.epoch != self.state.epoch:
            return None
        as_of = whole.read.at
        if of_all is not None and of_all >= as_of:
            return None
        self._heed_age(resource, as_of)
        marked = None if self.any_age else self._marked(resource, as_of, wanted.patient or 0, wanted.named)
        if marked is not None:
            raise Elsewhere
        records = {one.key: one for one in self._living(resource, whole.keys)}
        # What was stored since is newer than the list, whether it had the row or not.
        under = self._under(resource, column, value)
        records |= {one.key: one for one in under if one.read.at > as_of}
        rows = in_order(
            resource, (one.row for one in records.values() if mirrored.parents_of(one.row).get(column) == value)
        )
        rows = [row for row in rows if wanted.fits(row)]
        if not rows:
            self._be_sure_of(column, value)
        self.used(as_of)
        return rows, as_of

    def _whole(self, resource: str, column: str, value: int) -> Whole | None:
        together = self._parents.get(column, set())
        whom = together if value in together else {value}
        if (resource, value) not in self._wholes:
            noted = self.on.records.wholes(self.practice.id, resource, column, whom - {0})
            self._wholes |= {(resource, one): noted.get(one) for one in whom}
        return self._wholes[resource, value]

    def _living(self, resource: str, keys: Iterable[int]) -> list[Record]:
        """The living rows of these keys, which are those of a list; those of the other lists are read along."""
        wanted = sorted(keys)
        if any((resource, number) not in self._of_wholes for number in wanted):
            numbers = {number for (of, _), one in self._wholes.items() if of == resource and one for number in one.keys}
            kept = {one.key: one for one in self.on.records.get(self.practice.id, resource, numbers.union(wanted))}
            self._of_wholes |= {(resource, number): kept.get(number) for number in numbers.union(wanted)}
        return [one for number in wanted if (one := self._of_wholes[resource, number]) is not None]

    def _looked_for(self, mirrored: Mirrored, sync: Here, wanted: Asked) -> Iterable[Record]:
        records, practice_id, resource = self.on.records, self.practice.id, mirrored.resource
        if wanted.parent is not None:
            return self._under(resource, *wanted.parent)
        if wanted.days is not None:
            return records.between(practice_id, resource, *wanted.days)
        if wanted.way is not None:
            way, first, last = wanted.way
            keys = records.led(practice_id, resource, way.name, first, last, limit=MOST_SCANNED + 1)
            if keys is not None and len(keys) <= MOST_SCANNED and len(keys) * _DENSE <= sync.rows:
                return records.get(practice_id, resource, keys)
        most = MOST_SET_UP if mirrored.rank is Rank.SETUP else MOST_SCANNED
        if sync.rows <= most:
            return self._every(resource, most)
        if wanted.since is None:
            raise Elsewhere
        return self._changed(resource, wanted.since)

    def _under(self, resource: str, column: str, value: int) -> list[Record]:
        if value not in self._parents.get(column, ()):
            return self.on.records.under(self.practice.id, resource, column, value)
        if (resource, column) not in self._families:
            families: dict[int, list[Record]] = {}
            for one in self.on.records.under_each(self.practice.id, resource, column, self._parents[column]):
                families.setdefault(key(one.row.get(column)), []).append(one)
            self._families[resource, column] = families
        return self._families[resource, column].get(value, [])

    def _led_anyhow(self, led: Led) -> tuple[list[Row], datetime]:
        """The rows of a complete list that any of the ways leads to, and that one of the list's `queries` has.

        Who asks holds them against what he means by it: names are looked up by how their words begin, which is what
        callers ask, while Open Dental looks for a part of one anywhere.
        """
        resource = led.operation.partition(".")[0]
        mirrored = MIRRORED[resource]
        sync = self.complete(mirrored)
        assert sync.as_of is not None
        lists = [asked(mirrored, led.operation, query) for query in led.queries]
        if not (led.values or led.name or led.any_name):
            raise Elsewhere
        self.heed_marks(resource, sync.as_of)
        keys = set[int]()
        for name, value in led.values:
            keys.update(self._led(resource, name, value, value))
        for one in (*(named(led.name) if led.name else ()), *(named_anyhow(led.any_name) if led.any_name else ())):
            keys.update(self._named(resource, one))
        found = (one.row for one in self.on.records.get(self.practice.id, resource, keys))
        self.used(sync.as_of)
        return in_order(resource, (row for row in found if any(one.fits(row) for one in lists))), sync.as_of

    def _named(self, resource: str, one: Named) -> set[int]:
        return set[int]().union(
            *(self._led(resource, one.way, first, last, behind) for first, last, behind in stretches(one))
        )

    def _led(self, resource: str, name: str, first: str, last: str, behind: str = "") -> list[int]:
        keys = self.on.records.led(self.practice.id, resource, name, first, last, behind=behind, limit=MOST_SCANNED + 1)
        if keys is None or len(keys) > MOST_SCANNED:
            raise Elsewhere
        return keys

    def _every(self, resource: str, most: int) -> list[Record]:
        found: list[Record] = []
        while True:
            after = found[-1].key if found else None
            page = self.on.records.page(self.practice.id, resource, after=after, limit=_PAGE)
            found += page
            if len(page) < _PAGE:
                return found
            if len(found) > most:
                raise Elsewhere

    def _changed(self, resource: str, since: str) -> list[Record]:
        """Living rows that may have a stamp of `since` or later: none was stored before it was made."""
        if self.state.server_offset_s is None:
            raise Elsewhere
        try:
            wall = datetime.fromisoformat(since).replace(tzinfo=None)
        except ValueError:
            raise Elsewhere from None
        at = read_wall(wall, self.practice.zone()).instant
        at -= timedelta(seconds=max(0.0, self.state.server_offset_s)) + _STAMPS_OFF
        found: list[Record] = []
        after: tuple[datetime, int] | None = None
        while True:
            page = self.on.records.changed(self.practice.id, resource, at, after=after, limit=_PAGE)
            found += (one for one in page if one.is_living)
            if len(page) < _PAGE:
                return found
            if len(found) > MOST_SCANNED:
                raise Elsewhere
            after = (page[-1].changed_at, page[-1].key)

    def _be_sure_of(self, column: str, value: int) -> None:
        """An empty list under somebody who is not there is Open Dental's to refuse."""
        of = MIRRORED.get(_PARENTS.get(column, ""))
        if of is None:
            raise Elsewhere
        # As a rule they are asked for one after another: all of them together cost what one does.
        together = self._parents.get(column, set())
        whom = together if value in together else {value}
        if (of.resource, value) not in self._present:
            kept = {one.key for one in self.on.records.get(self.practice.id, of.resource, whom - {0})}
            self._present |= {(of.resource, one): one in kept for one in whom}
        if not self._present[of.resource, value]:
            raise Elsewhere

    # Age, and what own writes have touched

    def _heed_age(self, resource: str, as_of: datetime) -> None:
        if self.any_age and not self.freshness.asked:
            return
        most_s = SETUP_AGE_S if MIRRORED[resource].rank is Rank.SETUP else DEFAULT_AGE_S
        most_s = ALERT_AGE_S if self.soon_taken or resource in ALERTS else most_s
        if not self.freshness.takes((self.now - as_of).total_seconds(), unasked_s=most_s):
            raise Elsewhere(TOO_OLD)

    def _marked(self, resource: str, as_of: datetime, patient: int, row: Row) -> datetime | None:
        """When an own write since `as_of` last may have changed what is looked for; None where none did."""
        state = self.state
        since = {name: at for name, at in state.touched.items() if at >= as_of and name.startswith(f"{resource}:")}
        times = [] if state.touched_floor is None or as_of > state.touched_floor else [state.touched_floor]
        if since:
            family = key(row.get("Guarantor")) if resource == "patients" else self._family(patient)
            names = (mark(resource, family), mark(resource, EVERYBODY)) if family else tuple(since)
            times += (since[name] for name in names if name in since)
        return max(times, default=None)

    def _family(self, patient: int) -> int:
        found = self.on.records.get(self.practice.id, "patients", [patient]) if patient else []
        return key(found[0].row.get("Guarantor")) if found else EVERYBODY
