"""The families of a patient's medical history: allergies, medications, conditions.

Open Dental lists them for one patient at a time and, but for the conditions of newer offices, has no call for a single
one: that is found with `patient_id` as a hint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import Field

from gateway.core.normalize import clinical
from gateway.core.normalize.values import flag, key
from gateway.core.reads.families import Bound, Family, Relate, Related, beside, expands
from gateway.core.reads.lists import Reading, Row
from gateway.core.reads.queries import Id, ListQuery, ObjectQuery

FEW_DEFINITIONS: Final = 3
"""Up to so many definitions are read one by one where Open Dental can; more by their list, 100 or 1000 a call."""

Expand = Annotated[list[Literal["definition"]], Field(max_length=1)]


class HistoryQuery(ObjectQuery):
    """What one row of a patient's history can be asked for."""

    patient_id: Id | None = None
    """Whose it is: Open Dental lists these rows by patient and finds a single one no other way."""
    expand: Expand = Field(default_factory=list)
    """Single objects have it in any case."""


class _HistoriesQuery(ListQuery):
    patient_id: Id | None = None
    expand: Expand = Field(default_factory=list)
    """`definition` adds what the office's definition says of it: codes, generic name, whether it stands for "none"."""


class AllergiesQuery(_HistoriesQuery):
    """Filters of `GET /allergies`."""

    status: Literal["active", "inactive"] | None = None


class MedicationsQuery(_HistoriesQuery):
    """Filters of `GET /medications`."""

    is_current: bool | None = None


class ConditionsQuery(_HistoriesQuery):
    """Filters of `GET /conditions`."""

    status: list[Literal["active", "resolved", "inactive", "other"]] | None = None


def _defined(resource: str, column: str, preference: str, *fields: str) -> Relate:
    """What reads the definitions that the rows name, and which of them the office uses to say "none"."""

    def relate(rows: Sequence[Row], reading: Reading, query: ObjectQuery, single: bool) -> Related:  # noqa: FBT001
        if not (single or expands(query, "definition")):
            return {}, fields
        wanted = sorted({found for row in rows if (found := key(row.get(column)))})
        named = beside(reading, resource, [{}] if wanted else [], few=wanted, most=FEW_DEFINITIONS)
        if named is None:
            return {}, fields
        stated = beside(reading, "preferences", [{"PrefName": preference}] if rows else [], params=("PrefName",))
        numbers = [key(one.get("ValueString")) for one in stated or () if one.get("PrefName") == preference]
        definitions = {key(one.get(column)): one for one in named}
        return {"definitions": definitions, "none": next((number for number in numbers if number), None)}, ()

    return relate


_OF_PATIENT: Final = (Bound("patient_id", "PatNum", "patient"),)

ALLERGIES: Final = Family(
    obj="allergies",
    kind="allergy",
    resource="allergies",
    row_key="AllergyNum",
    normalize=clinical.allergy,
    bounds=_OF_PATIENT,
    tests={"status": lambda row, wanted, _: flag(row.get("StatusIsActive")) is (wanted == "active")},
    relate=_defined("allergydefs", "AllergyDefNum", "AllergiesIndicateNone", "codes", "says_none"),
    watched=clinical.ALLERGIES,
)

MEDICATIONS: Final = Family(
    obj="medications",
    kind="medication",
    resource="medicationpats",
    row_key="MedicationPatNum",
    normalize=clinical.medication,
    bounds=_OF_PATIENT,
    today={"is_current": lambda row, wanted, today: clinical.is_current(row, today) is wanted},
    relate=_defined("medications", "MedicationNum", "MedicationsIndicateNone", "generic_name", "says_none"),
)

CONDITIONS: Final = Family(
    obj="conditions",
    kind="condition",
    resource="diseases",
    row_key="DiseaseNum",
    normalize=clinical.condition,
    bounds=_OF_PATIENT,
    tests={"status": lambda row, wanted, _: clinical.PROBLEM_STATUS[row.get("ProbStatus")] in wanted},
    relate=_defined("diseasedefs", "DiseaseDefNum", "ProblemsIndicateNone", "codes", "says_none"),
    watched=clinical.CONDITIONS,
)
