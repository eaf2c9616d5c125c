"""Who is covered by what: taking and dropping a plan, and benefits used elsewhere.

Source: https://www.opendental.com/site/apipatplans.html and apiclaimprocs.html beside it.
"""

from __future__ import annotations

from infra.sandbox.practice.behaviours.ground import (
    Row,
    body_of,
    cents,
    columns,
    living_patient,
    money,
    number,
    row_of,
    shown,
    stored_cents,
)
from infra.sandbox.practice.behaviours.procedures import estimate
from infra.sandbox.practice.enums import ClaimProcStatus
from infra.sandbox.practice.handlers import Rejected, Reply, Request, handles
from infra.sandbox.practice.office import Office

USED = (ClaimProcStatus.RECEIVED, ClaimProcStatus.SUPPLEMENTAL)


def _places(office: Office, patient: int) -> list[Row]:
    return office.store.find("patplan", {"PatNum": patient}, order='"Ordinal", "PatPlanNum"')


def _estimate_again(office: Office, patient: int) -> None:
    for procedure in office.store.find("procedurelog", {"PatNum": patient, "ProcStatus": [1, 2, 8]}):
        lines = office.store.find("claimproc", {"ProcNum": procedure["ProcNum"]}, sql='"ClaimNum" <> 0')
        if not lines:
            estimate(office, procedure["ProcNum"])


@handles("patplans.create")
def take_plan(office: Office, request: Request) -> Reply:
    """Cover a patient by a subscription; at a place that is taken, the others move down."""
    given = columns(office, request)
    patient = living_patient(office, given["PatNum"])["PatNum"]
    row_of(office, "inssub", given["InsSubNum"])
    places = _places(office, patient)
    if any(place["InsSubNum"] == given["InsSubNum"] for place in places):
        raise Rejected(400, "The patient is covered by this InsSub already.")
    ordinal = min(max(1, given.get("Ordinal", len(places) + 1)), len(places) + 1)
    for place in places[ordinal - 1 :]:
        office.store.update("patplan", place["PatPlanNum"], {"Ordinal": place["Ordinal"] + 1})
    key = office.store.insert("patplan", given | {"Ordinal": ordinal})
    _estimate_again(office, patient)
    office.log("PatPlanCreate", patient, "Insurance added.", key)
    return shown(office, request, key)


@handles("patplans.delete")
def drop_plan(office: Office, request: Request) -> Reply:
    """End coverage: the row goes, and with it the estimates of work that no claim holds. The plan stays."""
    row = office.store.get("patplan", request.id())
    if row is None:
        raise Rejected(404, "PatPlan not found")
    office.store.delete("patplan", row["PatPlanNum"])
    for ordinal, place in enumerate(_places(office, row["PatNum"]), start=1):
        office.store.update("patplan", place["PatPlanNum"], {"Ordinal": ordinal})
    where = {"PatNum": row["PatNum"], "InsSubNum": row["InsSubNum"], "Status": int(ClaimProcStatus.ESTIMATE)}
    for line in office.store.find("claimproc", where):
        office.store.delete("claimproc", line["ClaimProcNum"])
    office.log("InsPlanDropPat", row["PatNum"], "Insurance dropped.", row["PatPlanNum"])
    return Reply(request.operation.status)


def _adjustment(office: Office, request: Request) -> Row:
    """The start of an Adjustment line for the coverage that the body names."""
    place = office.store.get("patplan", number(request, "PatPlanNum"))
    if place is None:
        raise Rejected(404, "PatPlan not found")
    plan = row_of(office, "inssub", place["InsSubNum"])["PlanNum"]
    day = str(body_of(request).get("date") or office.today())
    return {
        "PatNum": place["PatNum"],
        "PlanNum": plan,
        "InsSubNum": place["InsSubNum"],
        "Status": int(ClaimProcStatus.ADJUSTMENT),
        "ProcDate": day,
        "DateCP": day,
        "DateEntry": office.today(),
    }


@handles("claimprocs.InsAdjustCreate")
def add_used_benefits(office: Office, request: Request) -> Reply:
    """Add benefits used elsewhere, whatever was paid here."""
    body = body_of(request)
    row = _adjustment(office, request)
    row |= {
        "InsPayAmt": money(cents(body.get("insUsed") or 0)),
        "DedApplied": money(cents(body.get("deductibleUsed") or 0)),
    }
    key = office.store.insert("claimproc", row)
    office.log("InsPayEdit", row["PatNum"], "Insurance adjustment created.", key)
    return shown(office, request, key)


@handles("claimprocs.InsAdjustUpdate")
def set_used_benefits(office: Office, request: Request) -> Reply:
    """Bring the benefits used in a calendar year to a total: what claims paid in it is taken off first."""
    body = body_of(request)
    if body.get("insUsed") in (None, "") and body.get("deductibleUsed") in (None, ""):
        raise Rejected(400, "insUsed or deductibleUsed is required.")
    row = _adjustment(office, request)
    year = f"{row['ProcDate'][:4]}%"
    lines = office.store.find(
        "claimproc", {"PatNum": row["PatNum"], "PlanNum": row["PlanNum"]}, sql='"ProcDate" LIKE ?', args=(year,)
    )
    old = [line for line in lines if line["Status"] == ClaimProcStatus.ADJUSTMENT]
    for column, name in (("InsPayAmt", "insUsed"), ("DedApplied", "deductibleUsed")):
        if body.get(name) in (None, ""):
            row[column] = old[0][column] if old else 0.0
            continue
        paid = sum(stored_cents(line[column]) for line in lines if line["Status"] in USED)
        row[column] = money(cents(body[name], name) - paid)
    for line in old:
        office.store.delete("claimproc", line["ClaimProcNum"])
    if row["InsPayAmt"] or row["DedApplied"]:
        office.store.insert("claimproc", row)
    office.log("InsPayEdit", row["PatNum"], "Insurance adjustment changed.")
    return Reply(request.operation.status)
