"""Adjustments: discounts and extra charges, whose sign their type fixes.

Source: https://www.opendental.com/site/apiadjustments.html.
"""

from __future__ import annotations

from infra.sandbox.practice.behaviours.ground import Row, columns, living_patient, of_category, row_of, shown
from infra.sandbox.practice.handlers import Rejected, Reply, Request, handles
from infra.sandbox.practice.office import Office

DISCOUNT_PLAN = "dp"


def _check(office: Office, row: Row, *, discount_plan: bool = False) -> None:
    of_category(office, row["AdjType"], "AdjTypes", "AdjType")
    sign = row_of(office, "definition", row["AdjType"])["ItemValue"]
    if sign not in ("+", "-") and not discount_plan:
        raise Rejected(400, "AdjType is invalid.")
    if (sign == "+" and row["AdjAmt"] <= 0) or (sign != "+" and row["AdjAmt"] >= 0):
        raise Rejected(400, "AdjAmt is invalid. Its sign must agree with AdjType.")
    if row["AdjDate"] > office.today():
        raise Rejected(400, "AdjDate cannot be in the future.")
    if row.get("ProcNum") and row_of(office, "procedurelog", row["ProcNum"])["PatNum"] != row["PatNum"]:
        raise Rejected(400, "ProcNum is invalid. The procedure belongs to another patient.")


@handles("adjustments.create")
def create_adjustment(office: Office, request: Request) -> Reply:
    """Add an adjustment dated today or earlier, for one procedure or for the account."""
    given = columns(office, request)
    patient = living_patient(office, given["PatNum"])
    row: Row = {"ProvNum": patient["PriProv"], "ClinicNum": patient["ClinicNum"], **given}
    _check(office, row)
    if "ProcDate" not in row:
        procedure = row_of(office, "procedurelog", row["ProcNum"]) if row.get("ProcNum") else None
        row["ProcDate"] = procedure["ProcDate"] if procedure else office.today()
    key = office.store.insert("adjustment", row | {"DateEntry": office.today()})
    office.log("AdjustmentCreate", patient["PatNum"], "Adjustment created.", key)
    return shown(office, request, key)


@handles("adjustments.update")
def update_adjustment(office: Office, request: Request) -> Reply:
    """Change an adjustment; attached to another procedure, it takes over that one's date."""
    row = row_of(office, "adjustment", request.id())
    changes = columns(office, request)
    discount_plan = row_of(office, "definition", row["AdjType"])["ItemValue"] == DISCOUNT_PLAN
    if discount_plan and changes.get("AdjType", row["AdjType"]) != row["AdjType"]:
        raise Rejected(400, "AdjType cannot be changed on a discount plan adjustment.")
    if changes.get("ProvNum") and row_of(office, "provider", changes["ProvNum"])["IsHidden"]:
        raise Rejected(400, "ProvNum is invalid. The provider is hidden.")
    _check(office, row | changes, discount_plan=discount_plan)
    if changes.get("ProcNum"):
        changes["ProcDate"] = row_of(office, "procedurelog", changes["ProcNum"])["ProcDate"]
    office.store.update("adjustment", row["AdjNum"], changes)
    office.log("AdjustmentEdit", row["PatNum"], "Adjustment changed.", row["AdjNum"])
    return shown(office, request, row["AdjNum"])
