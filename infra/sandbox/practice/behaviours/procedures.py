"""Procedures: fees, estimates, what completing one means, and what may not be changed or deleted any more.

Source: https://www.opendental.com/site/apiprocedurelogs.html and https://www.opendental.com/manual/procedureedit.html.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from infra.sandbox.practice.behaviours.claims import estimate_of
from infra.sandbox.practice.behaviours.ground import (
    Row,
    body_of,
    columns,
    definition,
    living_patient,
    named_definition,
    preference_number,
    preferred,
    row_of,
    shown,
)
from infra.sandbox.practice.behaviours.recalls import sync_recalls
from infra.sandbox.practice.enums import ClaimProcStatus, ProcStatus, TreatArea
from infra.sandbox.practice.handlers import Rejected, Reply, Request, before, handles
from infra.sandbox.practice.office import Office

ESTIMATED = (ProcStatus.TP, ProcStatus.C, ProcStatus.TPI)
LOCKED_WHEN_COMPLETE = ("CodeNum", "ToothNum", "Surf", "ToothRange", "Discount")


def office_fee(office: Office, patient: int, code: int, provider: int, clinic: int = 0) -> float:
    """What a code is billed at; a schedule without a fee for it leaves the question to the next one, and then it is 0.

    A first plan decides: a PPO bills the primary provider's fee, or its own where that is higher; a capitation plan
    its copay; other plans their own schedule if they have one. Else the patient's schedule, the provider's and the
    primary or default provider's, in this order (https://www.opendental.com/manual/feeschedulelogic.html).
    """
    person = row_of(office, "patient", patient)
    doctors = (provider, person["PriProv"], preference_number(office, "PracticeDefaultProv"))
    ladder = [person["FeeSched"], *map(partial(_schedule_of, office), doctors)]
    plan = _first_plan(office, patient)
    if plan is not None and plan["PlanType"] == "c":
        return _fee(office, plan["CopayFeeSched"], code, clinic, provider) or 0.0
    own = _fee(office, plan["FeeSched"], code, clinic, provider) if plan is not None else None
    if plan is not None and plan["PlanType"] == "p":
        usual = _first(_fee(office, schedule, code, clinic, provider) for schedule in ladder[2:])
        return usual if preferred(office, "InsPpoAlwaysUseUcrFee") else max(usual, own or 0.0)
    if own is not None:
        return own
    return _first(_fee(office, schedule, code, clinic, provider) for schedule in ladder)


def _first(fees: Iterable[float | None]) -> float:
    return next((fee for fee in fees if fee is not None), 0.0)


def _first_plan(office: Office, patient: int) -> Row | None:
    for place in office.store.find("patplan", {"PatNum": patient}, order='"Ordinal"'):
        subscription = office.store.get("inssub", place["InsSubNum"])
        return office.store.get("insplan", subscription["PlanNum"]) if subscription else None
    return None


def _schedule_of(office: Office, provider: int) -> int:
    row = office.store.get("provider", provider) if provider else None
    return int(row["FeeSched"]) if row else 0


def _fee(office: Office, schedule: int, code: int, clinic: int, provider: int) -> float | None:
    """The most particular fee of a schedule: clinic and provider, provider, clinic, all."""
    if not schedule:
        return None
    fees = {
        (row["ClinicNum"], row["ProvNum"]): float(row["Amount"])
        for row in office.store.find("fee", {"FeeSched": schedule, "CodeNum": code})
    }
    for place in ((clinic, provider), (0, provider), (clinic, 0), (0, 0)):
        if place in fees and fees[place] >= 0:
            return fees[place]
    return None


def chart(office: Office, row: Row) -> int:
    """Add a procedure with its estimates, and return its ProcNum."""
    complete = row["ProcStatus"] == ProcStatus.C
    code = row_of(office, "procedurecode", row["CodeNum"])
    stamps: Row = {"SecDateEntry": office.now(), "SecDateTEntry": office.now(), "DateTP": office.today()}
    if complete:
        stamps |= {"DateComplete": office.today()}
    if row["ProcStatus"] in (ProcStatus.C, ProcStatus.EC, ProcStatus.EO):
        stamps |= {"DateEntryC": office.today()}
    key = office.store.insert("procedurelog", {"UnitQty": 1, "BaseUnits": code["BaseUnits"]} | stamps | row)
    estimate(office, key)
    return key


def estimate(office: Office, key: int) -> None:
    """Keep one Estimate line per plan for planned and completed work that no claim holds yet."""
    procedure = row_of(office, "procedurelog", key)
    code = row_of(office, "procedurecode", procedure["CodeNum"])
    lines = office.store.find("claimproc", {"ProcNum": key})
    if procedure["ProcStatus"] not in ESTIMATED or code["NoBillIns"]:
        for line in lines:
            if line["Status"] == ClaimProcStatus.ESTIMATE:
                office.store.delete("claimproc", line["ClaimProcNum"])
        return
    for place in office.store.find("patplan", {"PatNum": procedure["PatNum"]}, order='"Ordinal"'):
        plan = row_of(office, "insplan", row_of(office, "inssub", place["InsSubNum"])["PlanNum"])
        held = [
            line for line in lines if line["PlanNum"] == plan["PlanNum"] and line["Status"] != ClaimProcStatus.PREAUTH
        ]
        fresh = estimate_of(office, procedure, place, plan)
        if not held:
            office.store.insert("claimproc", fresh)
        elif held[0]["Status"] == ClaimProcStatus.ESTIMATE:
            moving = ("BaseEst", "InsEstTotal", "WriteOffEst", "ProcDate", "DateCP", "ProvNum", "ClinicNum")
            office.store.update("claimproc", held[0]["ClaimProcNum"], {name: fresh[name] for name in moving})


def attach_codes(office: Office, visit: Row, codes: list[str], *, column: str = "AptNum") -> None:
    """Put an appointment type's procedures on a visit: planned ones that wait for a visit first, else new ones."""
    for code in codes:
        found = office.store.find("procedurecode", {"ProcCode": code})
        if not found:
            continue
        where = {"PatNum": visit["PatNum"], "CodeNum": found[0]["CodeNum"], "ProcStatus": int(ProcStatus.TP), column: 0}
        waiting = office.store.find("procedurelog", where)
        if waiting:
            office.store.update("procedurelog", waiting[0]["ProcNum"], {column: visit["AptNum"]})
            continue
        chart(
            office,
            {
                "PatNum": visit["PatNum"],
                "CodeNum": found[0]["CodeNum"],
                "ProcStatus": int(ProcStatus.TP),
                "ProcDate": visit["AptDateTime"][:10],
                "ProcFee": office_fee(
                    office, visit["PatNum"], found[0]["CodeNum"], visit["ProvNum"], visit["ClinicNum"]
                ),
                "ProvNum": visit["ProvNum"],
                "ClinicNum": visit["ClinicNum"],
                "Priority": definition(office, "TxPriorities"),
                column: visit["AptNum"],
            },
        )


def set_complete(office: Office, procedure: Row, visit: Row) -> None:
    """Complete a planned procedure with its visit: dated today, hygiene work by the hygienist."""
    code = row_of(office, "procedurecode", procedure["CodeNum"])
    hygienist = visit["ProvHyg"] if code["IsHygiene"] and visit["ProvHyg"] else visit["ProvNum"]
    changes = {"ProcStatus": int(ProcStatus.C), "ProcDate": office.today(), "ProvNum": hygienist}
    changes |= {"DateEntryC": office.today(), "DateComplete": office.today(), "ClinicNum": visit["ClinicNum"]}
    office.store.update("procedurelog", procedure["ProcNum"], changes)
    _after_completion(office, procedure["ProcNum"])
    office.log("ProcComplCreate", procedure["PatNum"], "Procedure completed.", procedure["ProcNum"])


def _after_completion(office: Office, key: int) -> None:
    procedure = row_of(office, "procedurelog", key)
    code = row_of(office, "procedurecode", procedure["CodeNum"])["ProcCode"]
    estimate(office, key)
    _earn_deposit(office, procedure)
    tooth = procedure["ToothNum"]
    if code.startswith(("D7140", "D72")) and tooth:
        missing = {"PatNum": procedure["PatNum"], "ToothNum": tooth, "InitialType": 0}
        if not office.store.find("toothinitial", missing):
            office.store.insert("toothinitial", missing)


def _earn_deposit(office: Office, procedure: Row) -> None:
    """A hidden prepayment on planned work becomes an ordinary payment of it once the work is done."""
    for split in office.store.find("paysplit", {"ProcNum": procedure["ProcNum"]}, sql='"UnearnedType" <> 0'):
        office.store.update("paysplit", split["SplitNum"], {"UnearnedType": 0, "ProvNum": procedure["ProvNum"]})


@before("procedurecodes.create")
def in_a_category(_office: Office, request: Request) -> None:
    """A code belongs to a category, told by number or by name (https://www.opendental.com/site/apiprocedurecodes.html)."""
    if not body_of(request).get("ProcCat") and not body_of(request).get("procCat"):
        raise Rejected(400, "ProcCat or procCat is required.")


@handles("procedurelogs.create")
def create_procedure(office: Office, request: Request) -> Reply:
    """Chart a procedure: code, place in the mouth, fee and provider as the office would fill them."""
    body = body_of(request)
    chosen: Row = {}
    for first, second, category in (("Priority", "priority", "TxPriorities"), ("Dx", "dxName", "Diagnosis")):
        if first in body and second in body:
            raise Rejected(400, f"{first} and {second} exclude each other.")
        if body.get(second):
            chosen[first] = named_definition(office, second, category, body[second], status=404)
    given = columns(office, request, procCode=None, priority=None, dxName=None) | chosen
    patient = living_patient(office, given["PatNum"])
    code = _code(office, request, given)
    if not office.at_least("25.1.14") and body["ProcStatus"] in ("EC", "R", "Cn"):
        raise Rejected(400, "ProcStatus is invalid.")
    if given["ProcStatus"] in (ProcStatus.D, ProcStatus.TPI):
        raise Rejected(400, "ProcStatus is invalid.")
    if given["ProcStatus"] == ProcStatus.C and not given.get("AptNum") and not office.at_least("25.3"):
        raise Rejected(400, "AptNum is required for completed procedures.")
    _check_place(code, given)
    visit = _visit(office, patient, given)
    fallback = patient["PriProv"] or preference_number(office, "PracticeDefaultProv")
    provider = given.get("ProvNum") or (visit["ProvNum"] if visit else 0) or fallback
    # Existing work and work referred out carry no fee.
    priced = given["ProcStatus"] in (ProcStatus.TP, ProcStatus.C)
    clinic = int(({"ClinicNum": patient["ClinicNum"]} | given)["ClinicNum"] or 0)
    fee = office_fee(office, patient["PatNum"], code["CodeNum"], provider, clinic) if priced else 0.0
    row = {
        "ProcFee": fee,
        "Priority": definition(office, "TxPriorities"),
        "Dx": definition(office, "Diagnosis"),
        "ClinicNum": patient["ClinicNum"],
        "PlaceService": preference_number(office, "DefaultProcedurePlaceService"),
        **given,
        "CodeNum": code["CodeNum"],
        "ProvNum": provider,
    }
    key = chart(office, row)
    if row["ProcStatus"] == ProcStatus.C:
        _after_completion(office, key)
    _plan_it(office, row, key)
    sync_recalls(office, patient["PatNum"])
    kind = "ProcComplCreate" if row["ProcStatus"] == ProcStatus.C else "ProcEdit"
    office.log(kind, patient["PatNum"], "Procedure charted.", key)
    return shown(office, request, key)


def _code(office: Office, request: Request, given: Row) -> Row:
    body = body_of(request)
    if not body.get("procCode") and not given.get("CodeNum"):
        raise Rejected(400, "CodeNum or procCode is required.")
    if body.get("procCode"):
        found = office.store.find("procedurecode", {"ProcCode": str(body["procCode"])})
        if not found:
            raise Rejected(404, "ProcedureCode not found")
        return found[0]
    return row_of(office, "procedurecode", given["CodeNum"])


def _check_place(code: Row, given: Row) -> None:
    """Each code's treatment area says which of tooth, surface and range it takes."""
    area = code["TreatArea"]
    needs = {
        TreatArea.SURF: ("ToothNum", "Surf"),
        TreatArea.TOOTH: ("ToothNum",),
        TreatArea.QUAD: ("Surf",),
        TreatArea.SEXTANT: ("Surf",),
        TreatArea.ARCH: ("Surf",),
        TreatArea.TOOTH_RANGE: ("ToothRange",),
    }
    for name in needs.get(area, ()):
        if not given.get(name):
            raise Rejected(400, f"{name} is required for this procedure code.")
    allowed = {
        TreatArea.QUAD: {"UR", "UL", "LR", "LL"},
        TreatArea.SEXTANT: set("123456"),
        TreatArea.ARCH: {"U", "L"},
    }
    surf = given.get("Surf", "")
    if (area in allowed and surf not in allowed[area]) or (area == TreatArea.SURF and not set(surf) <= set("MODBLFIV")):
        raise Rejected(400, "Surf is invalid.")
    tooth = given.get("ToothNum", "")
    if area in (TreatArea.SURF, TreatArea.TOOTH) and not valid_tooth(tooth):
        raise Rejected(400, "ToothNum is invalid.")


def valid_tooth(tooth: str) -> bool:
    """Universal numbers: 1 to 32, A to T, and the supernumerary 51 to 82 and AS to TS."""
    if tooth.isdigit():
        return 1 <= int(tooth) <= 32 or 51 <= int(tooth) <= 82
    return tooth[:1] in tuple("ABCDEFGHIJKLMNOPQRST") and tooth[1:] in ("", "S")


def _visit(office: Office, patient: Row, given: Row) -> Row | None:
    """The visit a procedure goes on: one of the same patient."""
    visit = None
    for name in ("PlannedAptNum", "AptNum"):
        if given.get(name):
            visit = row_of(office, "appointment", given[name])
            if visit["PatNum"] != patient["PatNum"]:
                raise Rejected(400, f"{name} is invalid. The appointment belongs to another patient.")
    return visit


def _plan_it(office: Office, row: Row, key: int) -> None:
    """Planned work joins the patient's active treatment plan, which is made when there is none."""
    if row["ProcStatus"] != ProcStatus.TP:
        return
    active = office.store.find("treatplan", {"PatNum": row["PatNum"], "TPStatus": 1})
    plan = (
        active[0]["TreatPlanNum"]
        if active
        else office.store.insert(
            "treatplan",
            {"PatNum": row["PatNum"], "Heading": "Active Treatment Plan", "TPStatus": 1, "DateTP": office.today()},
        )
    )
    office.store.insert("treatplanattach", {"TreatPlanNum": plan, "ProcNum": key, "Priority": row.get("Priority", 0)})


@handles("procedurelogs.update")
def update_procedure(office: Office, request: Request) -> Reply:
    """Change a procedure. On a claim its status, fee and code are fixed; done, its code and place are."""
    row = row_of(office, "procedurelog", request.id())
    patient = living_patient(office, row["PatNum"])
    body = body_of(request)
    ignored = {name: None for name in ("ToothNum", "Surf", "ToothRange") if body.get(name) == ""}
    changes = columns(office, request, procCode=None, **ignored)
    if "CodeNum" in body and "procCode" in body:
        raise Rejected(400, "CodeNum and procCode exclude each other.")
    if "procCode" in body:
        code = _code(office, request, {})
        if code["TreatArea"] != row_of(office, "procedurecode", row["CodeNum"])["TreatArea"]:
            raise Rejected(400, "procCode is invalid. Its treatment area differs.")
        changes["CodeNum"] = code["CodeNum"]
    changes = {name: value for name, value in changes.items() if value != row[name]}
    _check_changes(office, row, changes)
    _visit(office, patient, changes)
    if "ProcStatus" in changes:
        changes |= _status_dates(office, row, changes)
    office.store.update("procedurelog", row["ProcNum"], changes)
    if {"ProcDate", "ProvNum"} & changes.keys():
        _follow(office, row["ProcNum"])
    if changes.get("ProcStatus") == ProcStatus.C:
        _after_completion(office, row["ProcNum"])
    elif changes:
        estimate(office, row["ProcNum"])
    sync_recalls(office, row["PatNum"])
    kind = "ProcCompleteEdit" if row["ProcStatus"] == ProcStatus.C else "ProcEdit"
    office.log(kind, row["PatNum"], "Procedure changed.", row["ProcNum"])
    return shown(office, request, row["ProcNum"])


def _check_changes(office: Office, row: Row, changes: Row) -> None:
    if row["ProcStatus"] == ProcStatus.D:
        raise Rejected(400, "The procedure is deleted.")
    if changes.get("ProcStatus") in (ProcStatus.D, ProcStatus.TPI):
        raise Rejected(400, "ProcStatus is invalid.")
    if row["ProcStatus"] == ProcStatus.C:
        for name in LOCKED_WHEN_COMPLETE:
            if name in changes:
                raise Rejected(400, f"{name} cannot be changed, the procedure is complete.")
    claimed = [line for line in office.store.find("claimproc", {"ProcNum": row["ProcNum"]}) if line["ClaimNum"]]
    # A preauthorization asks about planned work, so completing it stays possible.
    claimed = [line for line in claimed if line["Status"] != ClaimProcStatus.PREAUTH]
    for name in ("ProcStatus", "ProcFee", "CodeNum"):
        if claimed and name in changes:
            raise Rejected(400, f"{name} cannot be changed, the procedure is attached to a claim.")


def _status_dates(office: Office, row: Row, changes: Row) -> Row:
    """Dates that go with a status; put back to planned, a procedure leaves its visit."""
    if changes["ProcStatus"] == ProcStatus.C:
        return {"DateEntryC": office.today(), "DateComplete": office.today()}
    if row["ProcStatus"] == ProcStatus.C:
        return {"DateComplete": "0001-01-01", "AptNum": changes.get("AptNum", 0)}
    return {}


def _follow(office: Office, key: int) -> None:
    """Lines and splits keep the date and the provider of their procedure."""
    row = row_of(office, "procedurelog", key)
    for line in office.store.find("claimproc", {"ProcNum": key}):
        changes: Row = {"ProcDate": row["ProcDate"]}
        if not line["ClaimPaymentNum"]:
            changes["ProvNum"] = row["ProvNum"]
        office.store.update("claimproc", line["ClaimProcNum"], changes)
    for split in office.store.find("paysplit", {"ProcNum": key, "UnearnedType": 0}):
        office.store.update("paysplit", split["SplitNum"], {"ProvNum": row["ProvNum"]})


@handles("procedurelogs.delete")
def delete_procedure(office: Office, request: Request) -> Reply:
    """Delete planned or completed work that nothing hangs on; the row stays, in status D."""
    row = row_of(office, "procedurelog", request.id())
    allowed = [ProcStatus.TP, ProcStatus.TPI] + ([ProcStatus.C] if office.at_least("23.1.11") else [])
    if row["ProcStatus"] not in allowed:
        raise Rejected(400, "Only treatment planned and completed procedures can be deleted.")
    key = row["ProcNum"]
    lines = office.store.find("claimproc", {"ProcNum": key})
    held = {
        "a claim": any(line["ClaimNum"] for line in lines),
        "a payment": bool(office.store.find("paysplit", {"ProcNum": key})),
        "an adjustment": bool(office.store.find("adjustment", {"ProcNum": key})),
        "a prescription": bool(office.store.find("rxpat", {"ProcNum": key})),
        "a referral": bool(office.store.find("refattach", {"ProcNum": key})),
        "a payment plan": bool(
            office.store.find("payplanlink", {"FKey": key, "LinkType": 2})
            or office.store.find("payplancharge", {"ProcNum": key})
        ),
    }
    for what, attached in held.items():
        if attached:
            raise Rejected(400, f"The procedure is attached to {what}.")
    for line in lines:
        office.store.delete("claimproc", line["ClaimProcNum"])
    for attach in office.store.find("treatplanattach", {"ProcNum": key}):
        office.store.delete("treatplanattach", attach["TreatPlanAttachNum"])
    office.store.update("procedurelog", key, {"ProcStatus": int(ProcStatus.D), "AptNum": 0, "PlannedAptNum": 0})
    sync_recalls(office, row["PatNum"])
    office.log("ProcDelete", row["PatNum"], "Procedure deleted.", key)
    return Reply(request.operation.status)
