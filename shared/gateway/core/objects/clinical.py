"""A patient's medical history: allergies, medications, conditions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from gateway.core.objects.values import (
    AllergyId,
    ConditionId,
    Day,
    MedicationId,
    Note,
    Object,
    Part,
    PatientId,
    ProviderId,
)

Key = Annotated[str, StringConstraints(pattern=r"^-?\d+$")]
"""Open Dental's key of something that is no object here: a 64-bit number, as text."""


class Code(Part):
    """A code of a published system, as the office's definition has it."""

    system: Literal["ICD-9-CM", "ICD-10-CM", "SNOMED-CT", "UNII"]
    value: str


class Allergy(Object):
    """What a patient must not be given. No row means that nobody asked; see `says_none`."""

    id: AllergyId
    patient_id: PatientId | None
    label: str | None
    """The name of the office's definition."""
    definition_key: Key | None = None
    """Which of the office's definitions (AllergyDefNum)."""
    kind: (
        Literal[
            "allergy_to_substance",
            "drug_allergy",
            "drug_intolerance",
            "food_allergy",
            "food_intolerance",
            "adverse_reaction",
            "adverse_reaction_to_drug",
            "adverse_reaction_to_food",
            "adverse_reaction_to_substance",
            "other",
        ]
        | None
    ) = None
    reaction: str | None
    """Free text."""
    status: Literal["active", "inactive"] | None
    reacted_on: Day | None
    """The last adverse reaction."""
    codes: list[Code] | None = None
    """On single objects and with `expand=definition`. Most offices give no code."""
    says_none: bool | None = None
    """On single objects and with `expand=definition`: the row stands for "no known allergies", as the office's
    preference says. Null where the preference is not set."""


class Medication(Object):
    """A medicine that a patient takes or took. Open Dental's API shows no RxNorm code."""

    id: MedicationId
    patient_id: PatientId | None
    name: str | None
    """Null or free text where the row came from electronic prescribing and is not in the office's own list."""
    definition_key: Key | None = None
    """Which medicine of the office's list (MedicationNum); null for what came from electronic prescribing."""
    note: Note | None
    started_on: Day | None
    stopped_on: Day | None
    is_current: bool
    """Not stopped before the office's present day."""
    provider_id: ProviderId | None = None
    generic_name: str | None = None
    """On single objects and with `expand=definition`."""
    says_none: bool | None = None
    """As for allergies: the row stands for "takes none"."""


class Condition(Object):
    """A problem on a patient's problem list."""

    id: ConditionId
    patient_id: PatientId | None
    label: str | None
    definition_key: Key | None = None
    """Which of the office's definitions (DiseaseDefNum)."""
    status: Literal["active", "resolved", "inactive", "other"] | None
    """`resolved` is over, `inactive` may come back. Goes by the office's word, not by `stopped_on`."""
    status_source: str | None
    started_on: Day | None
    stopped_on: Day | None
    note: Note | None
    codes: list[Code] | None = None
    """On single objects and with `expand=definition`."""
    says_none: bool | None = None
    """As for allergies: the row stands for "no problems"."""
