"""The families of a patient's medical history: allergies, medications, conditions.

Open Dental lists them for one patient at a time and, but for the conditions of newer offices, has no call for a single
one: that is found with `patient_id` as a hint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import Field

from gateway.core.capability import require
from gateway.core.errors import PermissionMissing
from gateway.core.normalize import clinical
from gateway.core.normalize.values import flag, key
from gateway.core.office_words import NONE_OF, input_of_preferences
from gateway.core.reads.families import Bound, Family, Relate, Related, expands, set_up
from gateway.core.reads.lists import Reading, Row
from gateway.core.reads.queries import Id, ListQuery, ObjectQuery
from open_dental.fhir import RESOURCE

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
        definitions = set_up(reading, resource, (key(row.get(column)) for row in rows))
        if definitions is None or any(RESOURCE in row for row in rows):
            # FHIR does not say which definition a row has.
            return {}, fields
        return {"definitions": definitions, "none": _none(reading, preference) if rows else None}, ()

    return relate


def _none(reading: Reading, preference: str) -> int | None:
    """The definition by which the office says that there is none; None where it has not said, or cannot be asked."""
    try:
        require(reading.practice, "preferences.list")
    except PermissionMissing:
        return None
    bound = input_of_preferences([preference])
    found = reading.words_beside("fetch.preferences", bound)
    rows = [] if found is None else found["preferences"]
    return next((number for row in rows if (number := key(row.get("ValueString")))), None)


_OF_PATIENT: Final = (Bound("patient_id", "PatNum", "patient"),)

ALLERGIES: Final = Family(
    obj="allergies",
    kind="allergy",
    resource="allergies",
    row_key="AllergyNum",
    normalize=clinical.allergy,
    bounds=_OF_PATIENT,
    tests={"status": lambda row, wanted, _: flag(row.get("StatusIsActive")) is (wanted == "active")},
    relate=_defined("allergydefs", "AllergyDefNum", NONE_OF["allergies"], "codes", "says_none"),
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
    relate=_defined("medications", "MedicationNum", NONE_OF["medications"], "generic_name", "says_none"),
)

CONDITIONS: Final = Family(
    obj="conditions",
    kind="condition",
    resource="diseases",
    row_key="DiseaseNum",
    normalize=clinical.condition,
    bounds=_OF_PATIENT,
    tests={"status": lambda row, wanted, _: clinical.PROBLEM_STATUS[row.get("ProbStatus")] in wanted},
    relate=_defined("diseasedefs", "DiseaseDefNum", NONE_OF["conditions"], "codes", "says_none"),
    watched=clinical.CONDITIONS,
)
