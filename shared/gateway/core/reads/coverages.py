"""The family of coverages: what a patient's places, plans, carriers and benefits say together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from pydantic import Field

from gateway.core.capability import require
from gateway.core.errors import VersionTooOld
from gateway.core.fetches import knows
from gateway.core.normalize import coverages
from gateway.core.normalize.office import office
from gateway.core.normalize.values import key
from gateway.core.office_words import Table
from gateway.core.practices import Practice
from gateway.core.reads.families import Bound, Family, Related
from gateway.core.reads.lists import Reading, Row, key_of, too_many_calls
from gateway.core.reads.queries import Id, ListQuery, ObjectQuery

Extra = Literal["overrides", "verification"]
Expansion = Literal["plan", "patients", "benefits", "overrides", "verification"]


class CoverageQuery(ObjectQuery):
    """What one coverage can be asked for; its plan, carrier, patients and benefits are always there.

    `overrides` adds benefits of single patients, a call each; `verification` when it was last verified, a call for the
    plan and one a patient.
    """

    expand: list[Extra] = Field(default=[], max_length=2)


class CoveragesQuery(ListQuery):
    """Filters of `GET /coverages`."""

    patient_id: Id | None = None
    """What covers this patient now."""
    subscriber_id: Id | None = None
    expand: list[Expansion] = Field(default=[], max_length=5)
    """`plan` costs two calls a plan, `benefits` one and one or two for all, `patients` one a coverage; the others as
    for a single coverage."""


def _of_the_patient(query: Any, practice: Practice, reading: Reading) -> Any:
    """The query with the coverages that the patient is in: the patient's places name them."""
    patient = getattr(query, "patient_id", None)
    if patient is None:
        return query
    places = _places_of(key_of(patient, "patient", practice, param="patient_id"), reading)
    here = office(practice)
    ids = [here.coverage(found) for place in places if (found := key(place.get("InsSubNum")))]
    if query.ids is not None:
        ids = [one for one in ids if one in query.ids]
    return query.model_copy(update={"ids": ids})


def _places_of(patient: int | None, reading: Reading) -> list[Row]:
    require(reading.practice, "patplans.list")
    asked = {"resource": "patplans", "queries": [{"PatNum": patient}]}
    rows = reading.rows("fetch.patplans", asked, of="patient_id")["patplans"]
    return [row for row in rows if key(row.get("PatNum")) == patient]


def _with_the_rest(rows: Sequence[Row], reading: Reading, query: Any, single: bool) -> Related:  # noqa: FBT001 - the engine's
    practice = reading.practice
    wanted = set(query.expand)
    patient = key_of(getattr(query, "patient_id", None), "patient", practice, param="patient_id")
    if single:
        wanted |= {"plan", "patients", "benefits"}
    elif patient is not None:
        # Few coverages, and who asks for a patient's wants to know whose they are.
        wanted.add("plan")
    related: dict[str, Any] = {}
    if patient is not None and "patients" not in wanted:
        related["places"] = _places_of(patient, reading)
    elif wanted & {"patients", "overrides", "verification"}:
        too_many_calls(len(rows), "expand=patients")
        numbers = [key(row.get("InsSubNum")) for row in rows]
        related["places"] = _listed(reading, "patplans", [{"InsSubNum": one} for one in numbers])
    omitted = {name for extra, names in coverages.NEEDS.items() if extra not in wanted for name in names}
    if "places" in related:
        omitted.discard("patients")
    plans = sorted({found for row in rows if (found := key(row.get("PlanNum")))})
    too_many_calls(_extra(wanted, rows, plans, related), "expand")
    if "plan" in wanted:
        read = reading.rows("fetch.carriers_of_plans", {"keys": plans}) if plans else {}
        related |= {"plans": read.get("insplans", []), "carriers": read.get("carriers", [])}
    covered = {key(row.get("InsSubNum")) for row in rows}
    places = [key(one.get("PatPlanNum")) for one in related.get("places", ()) if key(one.get("InsSubNum")) in covered]
    if wanted & {"benefits", "overrides"}:
        related |= _benefits(plans, places if "overrides" in wanted else [], reading)
        omitted.discard("benefits")
    if "verification" in wanted:
        if not knows(practice, "insverifies.list", "FKey"):
            raise VersionTooOld("the office's Open Dental cannot look up one verification yet", version="24.4.17")
        queries = [{"VerifyType": "InsuranceBenefit", "FKey": one} for one in plans]
        queries += [{"VerifyType": "PatientEnrollment", "FKey": one} for one in places]
        related["verified"] = _listed(reading, "insverifies", queries)
    return related, omitted


def _extra(wanted: set[str], rows: Sequence[Row], plans: Sequence[int], related: dict[str, Any]) -> int:
    """About how many calls the rest of a page costs."""
    places = len(related.get("places", ()))
    of_plans = 2 * ("plan" in wanted) + ("benefits" in wanted) + ("verification" in wanted)
    of_places = ("overrides" in wanted) + ("verification" in wanted)
    return len(plans) * of_plans + places * of_places + len(rows) * ("patients" in wanted)


def _benefits(plans: Sequence[int], places: Sequence[int], reading: Reading) -> dict[str, list[Row]]:
    """The plans' benefits with the names of their categories and groups, as far as the office can list them."""
    queries = [{"PlanNum": one} for one in plans] + [{"PatPlanNum": one} for one in places]
    found: dict[str, list[Row]] = {"benefits": _listed(reading, "benefits", queries)}
    categories, groups = (
        {number for row in found["benefits"] if (number := key(row.get(column)))}
        for column in ("CovCatNum", "CodeGroupNum")
    )
    tables = [*([Table.COVERAGE_CATEGORIES] if categories else []), *([Table.CODE_GROUPS] if groups else [])]
    words = reading.words(*tables, categories=categories, groups=groups)
    found |= {"categories": words.coverage_categories, "groups": words.code_groups}
    return found


def _listed(reading: Reading, resource: str, queries: Sequence[dict[str, Any]]) -> list[Row]:
    if not queries:
        return []
    require(reading.practice, f"{resource}.list")
    asked = {"resource": resource, "queries": list(queries), "none_is_404": True}
    return reading.rows(f"fetch.{resource}", asked)[resource]


COVERAGES: Final = Family(
    obj="coverages",
    kind="coverage",
    resource="inssubs",
    row_key="InsSubNum",
    normalize=coverages.coverage,
    # `complete` asks by the patient, whom neither list nor row names.
    bounds=(Bound("patient_id", "PatNum", "patient", column=""), Bound("subscriber_id", "Subscriber", "patient")),
    complete=_of_the_patient,
    stamp="SecDateTEdit",
    relate=_with_the_rest,
)
