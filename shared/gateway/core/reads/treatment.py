"""The families of treatment plans and of gum charting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field

from gateway.core.capability import require
from gateway.core.inputs import Day
from gateway.core.normalize import treatment
from gateway.core.normalize.values import day, drift, key
from gateway.core.reads.families import Bound, Family, Related, beside, expands
from gateway.core.reads.lists import Reading, Row, report_drift
from gateway.core.reads.queries import Id, ListQuery, ObjectQuery

_OF_PATIENT: Final = Bound("patient_id", "PatNum", "patient")


class TreatmentPlansQuery(ListQuery):
    """Filters of `GET /treatment_plans`."""

    patient_id: Id | None = None
    status: list[Literal["active", "inactive", "saved"]] | None = None
    expand: Annotated[list[Literal["procedures"]], Field(max_length=1)] = Field(default_factory=list)
    """`procedures` costs a call for each plan of the page, and two for each patient."""


class TreatmentPlanQuery(ObjectQuery):
    """What one treatment plan can be asked for."""

    patient_id: Id | None = None
    """Whose it is: Open Dental lists plans by patient and finds a single one no other way."""


class PerioExamsQuery(ListQuery):
    """Filters of `GET /perio_exams`."""

    patient_id: Id | None = None
    date_from: Day | None = None
    date_to: Day | None = None
    """Days of `examined_on`, both included. The first bounds a list of the whole practice."""
    expand: Annotated[list[Literal["measures"]], Field(max_length=1)] = Field(default_factory=list)
    """`measures` costs a call or two for each exam of the page."""


def _procedures(rows: Sequence[Row], reading: Reading, query: ObjectQuery, single: bool) -> Related:  # noqa: FBT001
    """What the plans propose, in one turn."""
    if not (single or expands(query, "procedures")):
        return {}, ("procedures",)
    require(reading.practice, "treatplanattaches.list", "proctps.list", "procedurelogs.list")
    if not rows:
        return {"items": {}}, ()
    saved = [row for row in rows if row.get("TPStatus") == "Saved"]
    live = [row for row in rows if row.get("TPStatus") != "Saved"]
    input_ = {
        "saved": sorted(key(row.get("TreatPlanNum")) for row in saved),
        "live": sorted(key(row.get("TreatPlanNum")) for row in live),
        "patients": sorted({key(row.get("PatNum")) for row in live}),
    }

    def read() -> Mapping[str, list[Row]]:
        return reading.rows("fetch.treatment_items", input_)

    found = reading.or_without(read) if single else read()
    if found is None:
        return {}, ("procedures",)
    items, estimates = defaultdict[int, list[Row]](list), defaultdict[int, list[Row]](list)
    for one in (*found["proctps"], *found["treatplanattaches"]):
        items[key(one.get("TreatPlanNum"))].append(one)
    for one in found.get("claimprocs", ()):
        estimates[key(one.get("ProcNum"))].append(one)
    related = {
        "items": items,
        "procedures": {key(one.get("ProcNum")): one for one in found["procedurelogs"]},
        "estimates": estimates if "claimprocs" in found else None,
    }
    return related, ("procedures.estimates",) if found["treatplanattaches"] and "claimprocs" not in found else ()


def _measures(rows: Sequence[Row], reading: Reading, query: ObjectQuery, single: bool) -> Related:  # noqa: FBT001
    found = None
    if single or expands(query, "measures"):
        queries = [{"PerioExamNum": key(row.get("PerioExamNum"))} for row in rows]
        found = beside(reading, "periomeasures", queries, params=("PerioExamNum",))
    if found is None:
        return {}, ("measures",)
    report_drift(drift("perio_exam", treatment.PERIO_MEASURES, found))
    measures = defaultdict[int, list[Row]](list)
    for one in found:
        measures[key(one.get("PerioExamNum"))].append(one)
    return {"measures": measures}, ()


TREATMENT_PLANS: Final = Family(
    obj="treatment_plans",
    kind="treatment_plan",
    resource="treatplans",
    row_key="TreatPlanNum",
    normalize=treatment.treatment_plan,
    bounds=(_OF_PATIENT,),
    matches=(Bound("status", "TPStatus", words=treatment.STATUS),),
    stamp="SecDateTEdit",
    relate=_procedures,
    watched=treatment.TREATMENT_PLANS,
)

PERIO_EXAMS: Final = Family(
    obj="perio_exams",
    kind="perio_exam",
    resource="perioexams",
    row_key="PerioExamNum",
    normalize=treatment.perio_exam,
    bounds=(_OF_PATIENT,),
    # Open Dental takes the first day; the range compares both.
    narrows=(Bound("date_from", "ExamDate", column=""),),
    ranges={"date": lambda row: day(row.get("ExamDate"))},
    stamp="DateTMeasureEdit",
    relate=_measures,
)
