"""The rows of many patients that filters look at, read from the mirror together. Nothing here asks Open Dental."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from gateway.core.audiences.consent import Row, folded, guarantor_of, is_minor
from gateway.core.audiences.evidence import About, When
from gateway.core.audiences.filters import Filter, names_in, resources_of
from gateway.core.errors import Conflict
from gateway.core.mirror.records import Record
from gateway.core.mirror.syncing import Phase, Standing, Wanted
from gateway.core.normalize.values import key, text
from gateway.core.ports import Services

_UNDER_PATIENTS: Final = ("recalls", "appointments", "procedurelogs", "patplans")
_AT_ONCE: Final = 1000


def be_complete(standing: Standing, wanted: Filter) -> None:
    """See that all rows are here that the filters look at: of a part nobody can say who is missing.

    Raises: Conflict: `resources` names those that are not.
    """
    if standing.wanted is Wanted.OFF:
        raise Conflict("this practice has no mirror, and no other road leads to everybody", reason="mirror-off")
    missing = [one for one in ("patients", *resources_of(wanted)) if not is_here(standing, one)]
    if missing:
        raise Conflict(
            "the practice's mirror is not complete, so that people would be missing",
            reason="not-loaded",
            resources=missing,
        )


def is_here(standing: Standing, resource: str) -> bool:
    """Whether all rows of a resource are mirrored."""
    of = standing.resources.get(resource)
    return of is not None and of.phase is Phase.LOADED


def joined(rows: Sequence[Row], wanted: Filter, *, practice_id: str, standing: Standing, on: Services) -> list[About]:
    """Each patient of `rows` with what the filters look at, in their order."""
    names = names_in(wanted)
    resources = {one for one in resources_of(wanted) if one in _UNDER_PATIENTS}
    if names == {"open_balance"}:
        # What matters of it is the family's.
        resources.discard("procedurelogs")
    numbers = [key(row.get("PatNum")) for row in rows]
    found = {one: _under(practice_id, one, numbers, on) for one in resources}
    families = _Families(rows, wanted, practice_id, standing, on)
    carriers = _carriers_by_sub(found.get("patplans", {}), wanted, practice_id, on)
    return [
        About(
            row,
            recalls=_of(found, "recalls", number),
            visits=_of(found, "appointments", number),
            procedures=_of(found, "procedurelogs", number),
            coverages=_of(found, "patplans", number),
            carriers=frozenset(
                carriers[sub]
                for plan in _of(found, "patplans", number)
                if (sub := key(plan.get("InsSubNum"))) in carriers
            ),
            family_procedures=families.procedures(number),
            family_adjustments=families.adjustments(number),
        )
        for number, row in zip(numbers, rows, strict=True)
    ]


def guarantors_of(rows: Iterable[Row], when: When, *, on: Services) -> dict[int, Row]:
    """The rows of those who pay for the minors among `rows`, by key."""
    wanted = {found for row in rows if is_minor(row, when.today) and (found := guarantor_of(row)) is not None}
    kept = on.records.get(when.practice_id, "patients", wanted) if wanted else []
    return {one.key: one.row for one in kept}


def names_of_carriers(practice_id: str, *, on: Services) -> frozenset[str]:
    """All carriers' names, folded."""
    found = set[str]()
    after: int | None = None
    while page := on.records.page(practice_id, "carriers", after=after, limit=_AT_ONCE):
        after = page[-1].key
        found.update(folded(text(one.row.get("CarrierName")) or "") for one in page)
        if len(page) < _AT_ONCE:
            break
    return frozenset(found - {""})


class _Families:
    """What the families of guarantors were charged, where a filter asks how old a balance is."""

    def __init__(self, rows: Sequence[Row], wanted: Filter, practice_id: str, standing: Standing, on: Services) -> None:
        self._members: dict[int, list[int]] = {}
        self._procedures: Mapping[int, list[Row]] = {}
        self._adjustments: Mapping[int, list[Row]] = {}
        if not any(part.open_balance is not None and part.open_balance.older_than_days for part in wanted.parts()):
            return
        heads = [number for row in rows if (number := key(row.get("PatNum"))) == key(row.get("Guarantor"))]
        families = _under(practice_id, "patients", heads, on, column="Guarantor")
        self._members = {head: [key(row.get("PatNum")) for row in families.get(head, ())] for head in heads}
        everybody = sorted({one for members in self._members.values() for one in members})
        self._procedures = _under(practice_id, "procedurelogs", everybody, on)
        if is_here(standing, "adjustments"):
            # Elsewhere what was charged without work counts as old, which it hardly ever is.
            self._adjustments = _under(practice_id, "adjustments", everybody, on)

    def procedures(self, head: int) -> list[Row]:
        return [row for one in self._members.get(head, ()) for row in self._procedures.get(one, ())]

    def adjustments(self, head: int) -> list[Row]:
        return [row for one in self._members.get(head, ()) for row in self._adjustments.get(one, ())]


def _carriers_by_sub(
    coverages: Mapping[int, list[Row]], wanted: Filter, practice_id: str, on: Services
) -> dict[int, int]:
    """InsSubNum -> CarrierNum, where a filter names a carrier."""
    if not any(part.insurance is not None and part.insurance.carrier_id for part in wanted.parts()):
        return {}
    subs = {key(row.get("InsSubNum")) for rows in coverages.values() for row in rows} - {0}
    plan_of = {one.key: key(one.row.get("PlanNum")) for one in on.records.get(practice_id, "inssubs", subs)}
    plans = on.records.get(practice_id, "insplans", set(plan_of.values()) - {0})
    carrier_of = {one.key: key(one.row.get("CarrierNum")) for one in plans}
    return {sub: carrier for sub, plan in plan_of.items() if (carrier := carrier_of.get(plan, 0))}


def _under(
    practice_id: str, resource: str, parents: Sequence[int], on: Services, *, column: str = "PatNum"
) -> dict[int, list[Row]]:
    found = defaultdict[int, list[Row]](list)
    records: Iterable[Record] = on.records.under_each(practice_id, resource, column, parents) if parents else ()
    for one in records:
        found[key(one.row.get(column))].append(one.row)
    return found


def _of(found: Mapping[str, Mapping[int, list[Row]]], resource: str, number: int) -> list[Row]:
    return found.get(resource, {}).get(number, [])
