"""Customer keys as the practice sees them: who asks, and what the key may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KeyState = Literal[
    "enabled", "read-only", "disabled-by-customer", "disabled-by-developer", "disabled-by-vendor", "unassigned"
]
Tier = Literal["read", "standard", "enterprise"]

DEVELOPER_KEY = "DEMOdevKEY000001"
CUSTOMER_KEY = "DEMOcusKEY000001"
PORTAL_KEY = "DEMOporKEY000001"
"""By which the developer makes customer keys; it opens `/apikeys` and nothing else."""

PERMISSIONS = (
    "ReadAll",
    "AllOthers",
    "Comm",
    "Documents",
    "Queries",
    "Appointments",
    "InsuranceSimple",
    "Insurance",
    "Patients",
    "Payments",
    "PayPlans",
    "ProcedureLogs",
    "Setup",
    "TextingASAP",
)
FHIR_PERMISSIONS = (
    "AllergyIntoleranceRead",
    "AppointmentRead",
    "CommunicationRead",
    "ConditionRead",
    "LocationRead",
    "MedicationRead",
    "OrganizationRead",
    "PatientRead",
    "PractitionerRead",
    "ProcedureRead",
    "ScheduleRead",
    "ServiceRequestRead",
)
ENTERPRISE = "Enterprise"
"""The special permission behind the tier of that name."""

# Seconds between calls of one key (https://www.opendental.com/site/apithrottle.html).
INTERVAL_S: dict[Tier, float] = {"read": 5.0, "standard": 1.0, "enterprise": 0.5}


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A customer key with the developer it belongs to."""

    developer: str = DEVELOPER_KEY
    customer: str = CUSTOMER_KEY
    developer_name: str = "Demo Developer"
    state: KeyState = "enabled"
    permissions: frozenset[str] = frozenset(PERMISSIONS)
    tier: Tier = "standard"
    fhir_permissions: frozenset[str] = frozenset(FHIR_PERMISSIONS)
    """What the key may read by FHIR: by resource, and apart from what it may do by REST."""

    def __repr__(self) -> str:
        return f"ApiKey(state={self.state!r}, tier={self.tier!r})"


@dataclass(slots=True)
class Issued:
    """What the developer's portal knows of a customer key besides what it may do. Times are practice time, as text."""

    created: str
    reference: str = ""
    assigned: str = ""
    disabled: str = ""
