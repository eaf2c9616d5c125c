"""What a practice's key and version allow, told before a call is spent on finding out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gateway.core.errors import PermissionMissing, VersionTooOld
from gateway.core.fhir_source import reads_by_fhir
from gateway.core.practices import Practice
from open_dental import catalogue
from open_dental.versions import Version

PRICE_TIERS = {
    "ReadAll": "0 USD",
    "AllOthers": "30 USD",
    "Comm": "15 USD",
    "Documents": "15 USD",
    "InsuranceSimple": "15 USD",
    "Setup": "15 USD",
    "Queries": "15 USD",
    "Appointments": "30 USD",
    "Insurance": "30 USD",
    "Patients": "30 USD",
    "ProcedureLogs": "30 USD",
    "Payments": "35 USD",
    "PayPlans": "35 USD",
    "TextingASAP": "special permission",
}
"""Permission -> the cheapest price per location and month that has it.

Source: https://www.opendental.com/site/apipermissions.html, price table.
"""


def price_tier(permission: str | None) -> str:
    """What a key with `permission` costs at least; `unknown` for a permission that the price table does not name."""
    return PRICE_TIERS.get(permission or "", "unknown")


def require(practice: Practice, *operations: str) -> None:
    """Check that the practice can do all of `operations`. What is not known about it is not held against it.

    Raises:
        PermissionMissing: names the permission and the price tier that has it.
        VersionTooOld: names the first version that has the operation.
    """
    for name in operations:
        operation = catalogue.operation(name)
        if operation.effect == "read" and reads_by_fhir(practice, operation.resource):
            continue
        if practice.permissions and operation.permission not in practice.permissions:
            raise PermissionMissing(
                f"the practice's Open Dental key lacks the permission {operation.permission}",
                permission=operation.permission,
                tier=price_tier(operation.permission),
            )
        if practice.version and not Version.parse(practice.version).has(operation.since):
            raise VersionTooOld(
                f"the office's Open Dental is older than {operation.since}, which this needs",
                version=f"{operation.since}",
            )


def require_fields(
    practice: Practice, operation_id: str, names: Iterable[str], blame: Mapping[str, str] | None = None
) -> None:
    """Check that the office's version knows these fields of the operation's body: an older one ignores them.

    `blame`: the caller's words for them.

    Raises:
        VersionTooOld: names the first version that knows the field.
    """
    if not practice.version:
        return
    version, operation = Version.parse(practice.version), catalogue.operation(operation_id)
    for name in names:
        field = operation.param(name)
        if field is not None and not version.has(field.since):
            raise VersionTooOld(
                f"the office's Open Dental is older than {field.since}, which knows a field that this needs",
                version=f"{field.since}",
                param=(blame or {}).get(name),
            )
