"""Treatment plans: made inactive, saved as frozen copies, signed, taken away.

Source: https://www.opendental.com/site/apitreatplans.html, apiproctps.html and
https://www.opendental.com/manual/treatmentplan.html.
"""

from __future__ import annotations

from infra.sandbox.practice.behaviours.ground import (
    Row,
    body_of,
    columns,
    definition,
    flag,
    living_patient,
    money,
    number,
    preference_number,
    preferred,
    row_of,
    shown,
    stored_cents,
)
from infra.sandbox.practice.behaviours.ledger import charge_of
from infra.sandbox.practice.enums import ClaimProcStatus
from infra.sandbox.practice.handlers import Rejected, Reply, Request, before, handles
from infra.sandbox.practice.office import Office

SAVED, ACTIVE, INACTIVE = 0, 1, 2


@handles("treatplans.create")
def create_plan(office: Office, request: Request) -> Reply:
    """Make an inactive plan without procedures; those are attached afterwards."""
    given = columns(office, request)
    patient = living_patient(office, given["PatNum"])["PatNum"]
    discount = bool(office.store.find("discountplansub", {"PatNum": patient}))
    row = {"Note": office.store.preference("TreatmentPlanNote"), "TPType": int(discount), **given, "TPStatus": INACTIVE}
    key = office.store.insert("treatplan", row)
    office.log("TreatPlanEdit", patient, "Treatment plan created.", key)
    return shown(office, request, key)


@handles("treatplans.Saved")
def save_plan(office: Office, request: Request) -> Reply:
    """Freeze a plan: a saved, unsigned one beside it, with a copy of each of its procedures and its estimates."""
    plan = row_of(office, "treatplan", number(request, "TreatPlanNum"))
    living_patient(office, plan["PatNum"])
    if plan["TPStatus"] == SAVED:
        raise Rejected(400, "TreatPlanNum is invalid. The treatment plan is saved already.")
    saved = {name: plan[name] for name in ("PatNum", "Heading", "Note", "ResponsParty", "TPType")}
    saved |= {"TPStatus": SAVED, "DateTP": office.today(), "UserNumPresenter": number(request, "UserNumPresenter")}
    if body_of(request).get("Heading"):
        saved["Heading"] = str(body_of(request)["Heading"])
    key = office.store.insert("treatplan", saved)
    attached = office.store.find(
        "treatplanattach", {"TreatPlanNum": plan["TreatPlanNum"]}, order='"Priority", "ProcNum"'
    )
    for place, attach in enumerate(attached):
        procedure = office.store.get("procedurelog", attach["ProcNum"])
        if procedure is not None:
            office.store.insert("proctp", _copy(office, key, procedure, attach["Priority"], place))
    office.log("TreatPlanEdit", plan["PatNum"], "Treatment plan saved.", key)
    return shown(office, request, key)


def _copy(office: Office, plan: int, procedure: Row, priority: int, place: int) -> Row:
    code = row_of(office, "procedurecode", procedure["CodeNum"])
    fee = charge_of(procedure)
    estimates = [0, 0]
    writeoff = 0
    lines = {
        line["InsSubNum"]: line
        for line in office.store.find(
            "claimproc", {"ProcNum": procedure["ProcNum"], "Status": int(ClaimProcStatus.ESTIMATE)}
        )
    }
    covers = office.store.find("patplan", {"PatNum": procedure["PatNum"]}, order='"Ordinal"')
    for at, cover in enumerate(covers[:2]):
        line = lines.get(cover["InsSubNum"])
        if line:
            estimates[at] = stored_cents(line["InsEstTotal"])
            writeoff += max(0, stored_cents(line["WriteOffEst"]))
    return {
        "TreatPlanNum": plan,
        "PatNum": procedure["PatNum"],
        "ProcNumOrig": procedure["ProcNum"],
        "ItemOrder": place,
        "Priority": priority,
        "ToothNumTP": procedure["ToothNum"],
        "Surf": procedure["Surf"],
        "ProcCode": code["ProcCode"],
        "Descript": code["Descript"],
        "ProcAbbr": code["AbbrDesc"],
        "FeeAmt": money(fee),
        "PriInsAmt": money(estimates[0]),
        "SecInsAmt": money(estimates[1]),
        "PatAmt": money(max(0, fee - sum(estimates) - writeoff)),
        "FeeAllowed": money(fee - writeoff) if writeoff else -1.0,
        "ProvNum": procedure["ProvNum"],
        "DateTP": office.today(),
        "ClinicNum": procedure["ClinicNum"],
    }


@handles("treatplans.update")
def update_plan(office: Office, request: Request) -> Reply:
    """Change a plan's words, or sign it: only a saved one has a date and takes signatures."""
    plan = row_of(office, "treatplan", request.id())
    living_patient(office, plan["PatNum"])
    body = body_of(request)
    changes = columns(office, request)
    signing = [
        name for name in ("isSigned", "isSignedPractice", "SignatureText", "SignaturePracticeText") if name in body
    ]
    if plan["TPStatus"] != SAVED:
        for name in ("DateTP", *signing):
            if name in body:
                raise Rejected(400, f"{name} is only for saved treatment plans.")
    fields = _sheet_fields(office)
    for name in ("SignatureText", "SignaturePracticeText"):
        if body.get(name) and name not in {field["FieldName"] for field in fields}:
            raise Rejected(400, f"{name} is invalid. The office's sheet has no such field.")
    box = office.code("sheetfielddef", "FieldType", "SigBoxPractice")
    if "isSignedPractice" in body and not any(field["FieldType"] == box for field in fields):
        raise Rejected(400, "isSignedPractice is invalid. The office's sheet has no box for it.")
    for name, column, stamp in (
        ("isSigned", "Signature", "DateTSigned"),
        ("isSignedPractice", "SignaturePractice", "DateTPracticeSigned"),
    ):
        if name in body:
            signed = flag(request, name)
            # The text of a signature given over the API names who sent it, not a person.
            changes[column] = f"{office.key.developer_name} {office.now()}" if signed else ""
            changes[stamp] = office.now() if signed else "0001-01-01 00:00:00"
    if changes.get("Signature") and preferred(office, "TreatPlanSaveSignedToPdf"):
        changes["DocNum"] = _store_pdf(office, plan)
    office.store.update("treatplan", plan["TreatPlanNum"], changes)
    office.log("TreatPlanEdit", plan["PatNum"], "Treatment plan changed.", plan["TreatPlanNum"])
    return shown(office, request, plan["TreatPlanNum"])


def _sheet_fields(office: Office) -> list[Row]:
    sheet = preference_number(office, "SheetsDefaultTreatmentPlan")
    return office.store.find("sheetfielddef", {"SheetDefNum": sheet}) if sheet else []


def _store_pdf(office: Office, plan: Row) -> int:
    document = {"PatNum": plan["PatNum"], "Description": "Treatment plan", "DateCreated": office.now()}
    document |= {"DocCategory": definition(office, "ImageCats"), "FileName": f"TreatPlan{plan['TreatPlanNum']}.pdf"}
    return office.store.insert("document", document)


@handles("treatplans.delete")
def delete_plan(office: Office, request: Request) -> Reply:
    """Take a plan away with its links or its frozen copies; the procedures themselves stay."""
    plan = row_of(office, "treatplan", request.id())
    living_patient(office, plan["PatNum"])
    for table, column in (("proctp", "ProcTPNum"), ("treatplanattach", "TreatPlanAttachNum")):
        for row in office.store.find(table, {"TreatPlanNum": plan["TreatPlanNum"]}):
            office.store.delete(table, row[column])
    office.store.delete("treatplan", plan["TreatPlanNum"])
    office.log("TreatPlanEdit", plan["PatNum"], "Treatment plan deleted.", plan["TreatPlanNum"])
    return Reply(request.operation.status)


@before("proctps.update", "proctps.delete")
def keep_what_is_signed(office: Office, request: Request) -> None:
    """What somebody signed stays as it was signed."""
    row = row_of(office, "proctp", request.id())
    plan = office.store.get("treatplan", row["TreatPlanNum"]) or {}
    if plan.get("Signature") or plan.get("SignaturePractice"):
        raise Rejected(400, "The treatment plan is signed.")
