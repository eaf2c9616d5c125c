"""Claims and their lines: billing, the insurer's answer, and what a check locks.

Source: https://www.opendental.com/site/apiclaims.html, apiclaimprocs.html and apiclaimpayments.html beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.sandbox.practice.behaviours.ground import (
    Row,
    body_of,
    cents,
    columns,
    definition,
    living_patient,
    money,
    number,
    numbers,
    of_category,
    preference_number,
    preferred,
    row_of,
    shown,
    stored_cents,
    total,
)
from infra.sandbox.practice.enums import NO_DATE, ClaimProcStatus, ProcStatus
from infra.sandbox.practice.handlers import Rejected, Reply, Request, handles
from infra.sandbox.practice.office import Office

CLOSED_LINES = (
    ClaimProcStatus.ADJUSTMENT,
    ClaimProcStatus.INS_HIST,
    ClaimProcStatus.CAP_CLAIM,
    ClaimProcStatus.CAP_COMPLETE,
    ClaimProcStatus.CAP_ESTIMATE,
)
ANSWERED = (ClaimProcStatus.RECEIVED, ClaimProcStatus.SUPPLEMENTAL)
TOTALS = {
    "ClaimFee": "FeeBilled",
    "InsPayEst": "InsPayEst",
    "InsPayAmt": "InsPayAmt",
    "DedApplied": "DedApplied",
    "WriteOff": "WriteOff",
}


def lines_of(office: Office, claim: int) -> list[Row]:
    """The claim's lines, supplementals among them."""
    return office.store.find("claimproc", {"ClaimNum": claim}) if claim else []


def retotal(office: Office, claim: int) -> None:
    """Bring a claim's amounts to the sum of its lines."""
    if not claim:
        return
    lines = lines_of(office, claim)
    office.store.update(
        "claim", claim, {column: total(line[source] for line in lines) for column, source in TOTALS.items()}
    )


# Claims


@handles("claims.create")
def create_claim(office: Office, request: Request) -> Reply:
    """Bill procedures to one of the patient's plans.

    A secondary claim waits (H) until the plan's primary claim for these procedures is received; the page does not say
    which status a new claim gets, its example shows W.
    """
    given = columns(office, request)
    patient = living_patient(office, given["PatNum"])
    kind = given["ClaimType"]
    if kind not in ("P", "S", "PreAuth"):
        raise Rejected(400, "ClaimType is invalid.")
    cover = _cover(office, patient, kind, given)
    plan = row_of(office, "insplan", cover["PlanNum"])
    procedures = [_billable(office, patient, plan, kind, key) for key in numbers(request, "procNums")]
    if not procedures:
        raise Rejected(400, "procNums is required.")
    first = min(procedures, key=lambda row: (row["ProcDate"], row["ProcNum"]))
    other = _other_cover(office, patient, kind, cover["InsSubNum"], given)
    preauth = kind == "PreAuth"
    waits = kind == "S" and _primary_open(office, plan["PlanNum"], procedures)
    claim = {
        "PatNum": patient["PatNum"],
        "DateService": NO_DATE if preauth else given.get("DateService", first["ProcDate"]),
        "DateSent": given.get("DateSent", office.today()),
        "DateSentOrig": NO_DATE,
        "ClaimStatus": "H" if waits else "W",
        "ClaimType": kind,
        "PlanNum": plan["PlanNum"],
        "InsSubNum": cover["InsSubNum"],
        "PatRelat": given.get("PatRelat", cover["Relationship"]),
        "ProvTreat": given.get("ProvTreat", _treating(office, procedures)),
        "ProvBill": given.get("ProvBill", _billing(office, first["ProvNum"])),
        "ClaimForm": given.get("ClaimForm", plan["ClaimFormNum"]),
        "ClinicNum": first["ClinicNum"],
        "IsProsthesis": "N",
        **other,
    }
    key = office.store.insert("claim", claim)
    for row in procedures:
        _put_on_claim(office, row, key, cover, plan, preauth=preauth)
    retotal(office, key)
    office.log("ClaimEdit", patient["PatNum"], "Claim created.", key)
    return shown(office, request, key)


def _cover(office: Office, patient: Row, kind: str, given: Row) -> Row:
    """The patient's place in the plan that is billed, as a patplan row with its PlanNum."""
    places = office.store.find("patplan", {"PatNum": patient["PatNum"]}, order='"Ordinal", "PatPlanNum"')
    wanted = given.get("InsSubNum", 0)
    if kind == "PreAuth" and not (wanted and "PatRelat" in given):
        raise Rejected(400, "InsSubNum and PatRelat are required for a PreAuth claim.")
    if wanted:
        row_of(office, "inssub", wanted)
        found = [place for place in places if place["InsSubNum"] == wanted]
    else:
        found = places[:1] if kind == "P" else places[1:2]
    if not found:
        raise Rejected(400, "The insurance plan does not belong to the patient.")
    return found[0] | {"PlanNum": row_of(office, "inssub", found[0]["InsSubNum"])["PlanNum"]}


def _other_cover(office: Office, patient: Row, kind: str, billed: int, given: Row) -> Row:
    wanted = given.get("InsSubNum2", 0)
    places = office.store.find("patplan", {"PatNum": patient["PatNum"]}, order='"Ordinal", "PatPlanNum"')
    if not wanted and kind != "PreAuth":
        wanted = next((place["InsSubNum"] for place in places if place["InsSubNum"] != billed), 0)
    if not wanted:
        return {"InsSubNum2": 0, "PlanNum2": 0, "PatRelat2": 0}
    relation = next((place["Relationship"] for place in places if place["InsSubNum"] == wanted), 0)
    plan = row_of(office, "inssub", wanted)["PlanNum"]
    return {"InsSubNum2": wanted, "PlanNum2": plan, "PatRelat2": given.get("PatRelat2", relation)}


def _billable(office: Office, patient: Row, plan: Row, kind: str, key: int) -> Row:
    row = row_of(office, "procedurelog", key)
    if row["PatNum"] != patient["PatNum"]:
        raise Rejected(400, "procNums is invalid. A procedure belongs to another patient.")
    if kind == "PreAuth":
        if row["ProcStatus"] != ProcStatus.TP:
            raise Rejected(400, "procNums is invalid. A preauthorization takes planned procedures.")
        return row
    if row["ProcStatus"] != ProcStatus.C:
        raise Rejected(400, "procNums is invalid. A procedure is not complete.")
    if row_of(office, "procedurecode", row["CodeNum"])["NoBillIns"]:
        raise Rejected(400, "procNums is invalid. A procedure is not billed to insurance.")
    for line in office.store.find("claimproc", {"ProcNum": key, "PlanNum": plan["PlanNum"]}):
        if line["ClaimNum"] and line["Status"] != ClaimProcStatus.PREAUTH:
            raise Rejected(400, "procNums is invalid. A procedure is on a claim of this plan already.")
        if line["NoBillIns"]:
            raise Rejected(400, "procNums is invalid. A procedure is not billed to insurance.")
    return row


def _primary_open(office: Office, plan: int, procedures: list[Row]) -> bool:
    keys = [row["ProcNum"] for row in procedures]
    lines = office.store.find("claimproc", {"ProcNum": keys, "Status": int(ClaimProcStatus.NOT_RECEIVED)})
    return any(line["PlanNum"] != plan and line["ClaimNum"] for line in lines)


def _treating(office: Office, procedures: list[Row]) -> int:
    """The dentist of the first procedure that has one, else whoever did the first."""
    for row in procedures:
        provider = office.store.get("provider", row["ProvNum"])
        if provider and not provider["IsSecondary"]:
            return int(row["ProvNum"])
    return int(procedures[0]["ProvNum"])


def _billing(office: Office, treating: int) -> int:
    choice = preference_number(office, "InsBillingProv")
    return treating if choice == -1 else choice or preference_number(office, "PracticeDefaultProv")


def _put_on_claim(office: Office, procedure: Row, claim: int, cover: Row, plan: Row, *, preauth: bool) -> None:
    where = {"ProcNum": procedure["ProcNum"], "PlanNum": plan["PlanNum"], "Status": int(ClaimProcStatus.ESTIMATE)}
    found = office.store.find("claimproc", where)
    estimate = found[0] if found else estimate_of(office, procedure, cover, plan)
    expected = estimate["InsEstTotal"] if estimate["InsEstTotalOverride"] < 0 else estimate["InsEstTotalOverride"]
    code = row_of(office, "procedurecode", procedure["CodeNum"])["ProcCode"]
    line = {
        "ClaimNum": claim,
        "Status": int(ClaimProcStatus.PREAUTH if preauth else ClaimProcStatus.NOT_RECEIVED),
        "FeeBilled": procedure["ProcFee"] * max(1, procedure["UnitQty"] + procedure["BaseUnits"]),
        "InsPayEst": expected,
        "DedApplied": max(0.0, estimate["DedEst"]),
        "WriteOff": 0.0 if preauth else max(0.0, estimate["WriteOffEst"]),
        "CodeSent": code[:5] if code.startswith("D") else code,
    }
    # The answer to a preauthorization comes back to the estimate, so that one stays.
    if found and not preauth:
        office.store.update("claimproc", estimate["ClaimProcNum"], line)
    else:
        office.store.insert("claimproc", {k: v for k, v in estimate.items() if k != "ClaimProcNum"} | line)


def estimate_of(office: Office, procedure: Row, cover: Mapping[str, Any], plan: Row) -> Row:
    """A plan's estimate of one procedure, as a claimproc row that is not stored yet.

    Simpler than the program: the percentage of the category, the PPO fee where there is one, no deductible, no
    maximum and no frequency limit; a plan that is not the patient's first is estimated like a first one.
    """
    code = row_of(office, "procedurecode", procedure["CodeNum"])["ProcCode"]
    fee = stored_cents(procedure["ProcFee"] * max(1, procedure["UnitQty"] + procedure["BaseUnits"]))
    percent = percentage(office, plan["PlanNum"], code)
    allowed = fee
    discounts = plan["PlanType"] in ("p", "f")
    if discounts and plan["FeeSched"]:
        fees = office.store.find("fee", {"FeeSched": plan["FeeSched"], "CodeNum": procedure["CodeNum"]})
        allowed = min(fee, stored_cents(fees[0]["Amount"])) if fees else fee
    estimate = allowed * max(percent, 0) // 100
    none = -1.0
    return {
        "ProcNum": procedure["ProcNum"],
        "ClaimNum": 0,
        "PatNum": procedure["PatNum"],
        "ProvNum": procedure["ProvNum"],
        "Status": int(ClaimProcStatus.ESTIMATE),
        "PlanNum": plan["PlanNum"],
        "InsSubNum": cover["InsSubNum"],
        "DateCP": procedure["ProcDate"],
        "ProcDate": procedure["ProcDate"],
        "ClinicNum": procedure["ClinicNum"],
        "DateEntry": NO_DATE,
        "AllowedOverride": none,
        "Percentage": percent,
        "PercentOverride": -1,
        "CopayAmt": none,
        "CopayOverride": none,
        "PaidOtherIns": none,
        "PaidOtherInsOverride": none,
        "DedEst": 0.0,
        "DedEstOverride": none,
        "BaseEst": money(estimate),
        "InsEstTotal": money(estimate),
        "InsEstTotalOverride": none,
        "WriteOffEst": money(fee - allowed) if discounts else none,
        "WriteOffEstOverride": none,
    }


def percentage(office: Office, plan: int, code: str) -> int:
    """What a plan pays for a code, in percent; -1 where it does not say. The later category in the list wins."""
    best, order = -1, -1
    for benefit in office.store.find("benefit", {"PlanNum": plan, "BenefitType": 1}):
        category = office.store.get("covcat", benefit["CovCatNum"])
        if category is None or category["CovOrder"] < order or benefit["Percent"] < 0:
            continue
        for span in office.store.find("covspan", {"CovCatNum": benefit["CovCatNum"]}):
            if span["FromCode"] <= code[:5] <= span["ToCode"]:
                best, order = benefit["Percent"], category["CovOrder"]
    return int(best)


@handles("claims.update")
def update_claim(office: Office, request: Request) -> Reply:
    """Change what the page allows. Sending for the first time dates the claim; receiving it does so too.

    A claim with a check on it stays received.
    """
    claim = row_of(office, "claim", request.id())
    changes = columns(office, request, AccidentRelated=None)
    if "AccidentRelated" in body_of(request):
        word = body_of(request)["AccidentRelated"]
        if word not in ("No", "A", "E", "O"):
            raise Rejected(400, "AccidentRelated is invalid.")
        changes["AccidentRelated"] = "" if word == "No" else word
    for name in ("OrthoRemainM", "OrthoTotalM"):
        if name in changes and not 1 <= changes[name] <= 36:
            raise Rejected(400, f"{name} is invalid.")
    status = changes.get("ClaimStatus", claim["ClaimStatus"])
    if status not in ("U", "H", "W", "S", "R") and "ClaimStatus" in changes:
        raise Rejected(400, "ClaimStatus is invalid.")
    if (
        claim["ClaimStatus"] == "R"
        and status != "R"
        and any(line["ClaimPaymentNum"] for line in lines_of(office, claim["ClaimNum"]))
    ):
        raise Rejected(400, "ClaimStatus is invalid. An insurance payment is attached to the claim.")
    if status == "S" and claim["ClaimStatus"] != "S":
        changes |= _sending(claim, office.today())
    if status == "R" and claim["ClaimStatus"] != "R" and "DateReceived" not in changes:
        changes["DateReceived"] = office.today()
    if "InsSubNum2" in changes:
        second = changes["InsSubNum2"]
        changes["PlanNum2"] = row_of(office, "inssub", second)["PlanNum"] if second else 0
    office.store.update("claim", claim["ClaimNum"], changes)
    office.log("ClaimEdit", claim["PatNum"], "Claim changed.", claim["ClaimNum"])
    return shown(office, request, claim["ClaimNum"])


def _sending(claim: Row, day: str, first: str = "") -> Row:
    original = claim["DateSentOrig"] if claim["DateSentOrig"] > NO_DATE else first or day
    return {"ClaimStatus": "S", "DateSent": day, "DateSentOrig": original}


@handles("claims.Status")
def mark_claim_sent(office: Office, request: Request) -> Reply:
    """Mark a claim as sent and leave a trace among the electronic transactions."""
    claim = row_of(office, "claim", request.id())
    given = columns(office, request)
    if claim["ClaimStatus"] == "R":
        raise Rejected(400, "The claim has been received already.")
    first = str(body_of(request).get("DateSentOrig") or "")
    office.store.update("claim", claim["ClaimNum"], _sending(claim, given["DateSent"], first))
    office.store.insert(
        "etrans",
        {
            "DateTimeTrans": office.now(),
            "Etype": 1,
            "ClaimNum": claim["ClaimNum"],
            "PatNum": claim["PatNum"],
            "PlanNum": claim["PlanNum"],
            "InsSubNum": claim["InsSubNum"],
            "CarrierNum": row_of(office, "insplan", claim["PlanNum"])["CarrierNum"],
            "Note": "Marked as sent.",
        },
    )
    office.log("ClaimSend", claim["PatNum"], "Claim marked as sent.", claim["ClaimNum"])
    return shown(office, request, claim["ClaimNum"])


@handles("claims.Split")
def split_claim(office: Office, request: Request) -> Reply:
    """Move some lines, not all, to a new claim that is otherwise the same."""
    claim = row_of(office, "claim", request.id())
    lines = lines_of(office, claim["ClaimNum"])
    wanted = numbers(request, "ProcNums")
    moving = [line for line in lines if line["ProcNum"] in wanted]
    if not wanted or {line["ProcNum"] for line in moving} != set(wanted):
        raise Rejected(400, "ProcNums is invalid. A procedure is not on the claim.")
    if len(moving) == len(lines):
        raise Rejected(400, "ProcNums is invalid. A procedure must stay on the claim.")
    if any(line["ClaimPaymentNum"] for line in moving):
        raise Rejected(400, "ProcNums is invalid. A procedure is on an insurance payment.")
    copy = {name: value for name, value in claim.items() if name not in ("ClaimNum", "SecDateTEdit", "SecDateEntry")}
    key = office.store.insert("claim", copy)
    for line in moving:
        office.store.update("claimproc", line["ClaimProcNum"], {"ClaimNum": key})
    retotal(office, claim["ClaimNum"])
    retotal(office, key)
    office.log("ClaimEdit", claim["PatNum"], "Claim split.", claim["ClaimNum"])
    return Reply(request.operation.status, {"ClaimNum": key, "ProcNums": wanted})


@handles("claims.delete")
def delete_claim(office: Office, request: Request) -> Reply:
    """Take a claim back for good: its lines are estimates again. Refused once it is received or paid."""
    claim = row_of(office, "claim", request.id())
    lines = lines_of(office, claim["ClaimNum"])
    if claim["ClaimStatus"] == "R":
        raise Rejected(400, "A received claim cannot be deleted.")
    if any(line["ClaimPaymentNum"] or line["InsPayAmt"] for line in lines):
        raise Rejected(400, "A claim with insurance payments cannot be deleted.")
    for line in lines:
        if line["Status"] == ClaimProcStatus.NOT_RECEIVED and line["ProcNum"]:
            back = {"ClaimNum": 0, "Status": int(ClaimProcStatus.ESTIMATE), "FeeBilled": 0.0, "InsPayEst": 0.0}
            office.store.update("claimproc", line["ClaimProcNum"], back | {"WriteOff": 0.0, "DedApplied": 0.0})
        else:
            office.store.delete("claimproc", line["ClaimProcNum"])
    office.store.delete("claim", claim["ClaimNum"])
    office.log("ClaimDelete", claim["PatNum"], "Claim deleted.", claim["ClaimNum"])
    return Reply(request.operation.status)


# Lines


@handles("claimprocs.update")
def update_line(office: Office, request: Request) -> Reply:
    """Enter what an insurer paid, or change an estimate. Amounts are locked once a check holds the line."""
    line = row_of(office, "claimproc", request.id())
    if line["IsTransfer"] or line["Status"] in CLOSED_LINES:
        raise Rejected(400, "This claimproc cannot be changed.")
    changes = columns(office, request)
    attaching = changes.pop("ClaimPaymentNum", None)
    _check_line(office, line, changes)
    claim = office.store.get("claim", line["ClaimNum"]) if line["ClaimNum"] else None
    new = line | changes
    if new["Status"] in ANSWERED and line["Status"] not in ANSWERED:
        changes |= {"DateEntry": office.today(), "DateCP": office.today()}
        if line["DateSuppReceived"] <= NO_DATE:
            changes["DateSuppReceived"] = office.today()
    elif line["Status"] in ANSWERED and new["Status"] not in ANSWERED:
        changes |= {"DateEntry": NO_DATE, "DateSuppReceived": NO_DATE, "InsPayAmt": 0.0}
    if changes.get("NoBillIns"):
        blank = {"BaseEst": 0.0, "InsEstTotal": 0.0, "InsPayEst": 0.0, "WriteOffEst": -1.0, "InsEstTotalOverride": -1.0}
        changes |= blank | {"PercentOverride": -1, "DedEstOverride": -1.0, "CopayOverride": -1.0}
        changes |= {"WriteOffEstOverride": -1.0, "PaidOtherInsOverride": -1.0}
    elif new["Status"] in (ClaimProcStatus.NOT_RECEIVED, ClaimProcStatus.ESTIMATE, ClaimProcStatus.PREAUTH):
        changes |= _estimated(office, new)
    if line["Status"] in ANSWERED and any(line[name] != value for name, value in changes.items()):
        # Transfers were made of the old amounts.
        for other in lines_of(office, line["ClaimNum"]):
            if other["IsTransfer"]:
                office.store.delete("claimproc", other["ClaimProcNum"])
    office.store.update("claimproc", line["ClaimProcNum"], changes)
    if attaching is not None:
        _attach(office, line, attaching)
    if claim:
        retotal(office, claim["ClaimNum"])
    office.log("InsPayEdit", line["PatNum"], "Claim procedure changed.", line["ClaimProcNum"])
    return shown(office, request, line["ClaimProcNum"])


def _check_line(office: Office, line: Row, changes: Row) -> None:
    status = changes.get("Status", line["Status"])
    if line["ClaimPaymentNum"]:
        for name in ("InsPayAmt", "Status"):
            if name in changes and changes[name] != line[name]:
                raise Rejected(400, f"{name} cannot be changed, an insurance payment is attached.")
    if "Status" in changes and status != line["Status"]:
        claim = office.store.get("claim", line["ClaimNum"]) if line["ClaimNum"] else None
        allowed: tuple[int, ...] = (ClaimProcStatus.ESTIMATE,)
        if claim and claim["ClaimType"] == "PreAuth":
            allowed = (ClaimProcStatus.PREAUTH,)
        elif claim:
            allowed = (ClaimProcStatus.NOT_RECEIVED, *ANSWERED)
        if status not in allowed:
            raise Rejected(400, "Status is invalid for this claimproc.")
    if changes.get("InsPayAmt") and status not in ANSWERED:
        raise Rejected(400, "InsPayAmt is only for claimprocs that are Received or Supplemental.")
    percent = changes.get("PercentOverride", -1)
    if not -1 <= percent <= 100:
        raise Rejected(400, "PercentOverride is invalid.")
    if "CodeSent" in changes and not office.store.find("procedurecode", {"ProcCode": changes["CodeSent"]}):
        raise Rejected(400, "CodeSent is invalid.")
    if changes.get("ClaimPaymentTracking"):
        of_category(office, changes["ClaimPaymentTracking"], "ClaimPaymentTracking", "ClaimPaymentTracking")


def _estimated(office: Office, line: Row) -> Row:
    """The estimate that the overrides leave; on a claim it is also what the insurer is expected to pay."""
    percent = line["PercentOverride"] if line["PercentOverride"] >= 0 else max(line["Percentage"], 0)
    deductible = line["DedEstOverride"] if line["DedEstOverride"] >= 0 else max(line["DedEst"], 0.0)
    copay = line["CopayOverride"] if line["CopayOverride"] >= 0 else max(line["CopayAmt"], 0.0)
    changed: Row = {}
    overridden = line["PercentOverride"] >= 0 or line["DedEstOverride"] >= 0 or line["CopayOverride"] >= 0
    if overridden:
        procedure = office.store.get("procedurelog", line["ProcNum"])
        fee = stored_cents(procedure["ProcFee"]) if procedure else stored_cents(line["FeeBilled"])
        allowed = fee - max(0, stored_cents(line["WriteOffEst"]))
        left = max(0, allowed - stored_cents(deductible))
        changed["InsEstTotal"] = money(max(0, round(left * percent / 100) - stored_cents(copay)))
    estimate = changed.get("InsEstTotal", line["InsEstTotal"])
    expected = line["InsEstTotalOverride"] if line["InsEstTotalOverride"] >= 0 else estimate
    if line["Status"] != ClaimProcStatus.ESTIMATE:
        changed["InsPayEst"] = expected
        if line["DedEstOverride"] >= 0:
            changed["DedApplied"] = line["DedEstOverride"]
        if line["WriteOffEstOverride"] >= 0 and line["Status"] == ClaimProcStatus.NOT_RECEIVED:
            changed["WriteOff"] = line["WriteOffEstOverride"]
    return changed


def _attach(office: Office, line: Row, payment: int) -> None:
    """Tie all answered, unpaid lines of the claim to a partial check, or free all of them from theirs."""
    if payment == 0:
        for other in lines_of(office, line["ClaimNum"]):
            if line["ClaimPaymentNum"] and other["ClaimPaymentNum"] == line["ClaimPaymentNum"]:
                office.store.update(
                    "claimproc", other["ClaimProcNum"], {"ClaimPaymentNum": 0, "DateInsFinalized": NO_DATE}
                )
        return
    check = row_of(office, "claimpayment", payment)
    if not check["IsPartial"]:
        raise Rejected(400, "ClaimPaymentNum is invalid. The payment is not partial.")
    eligible = payable(office, [line["ClaimNum"]])
    if not eligible:
        raise Rejected(400, "ClaimPaymentNum is invalid. The claim has no received and unpaid procedures.")
    _lock(office, check, eligible)
    _settle(office, check["ClaimPaymentNum"])


@handles("claimprocs.Supplemental")
def add_supplemental(office: Office, request: Request) -> Reply:
    """Add a line for a further payment on an answered one; the first line stays as it is."""
    line = row_of(office, "claimproc", number(request, "ClaimProcNum"))
    if line["Status"] not in ANSWERED or not line["ClaimNum"]:
        raise Rejected(400, "ClaimProcNum is invalid. Only a received claimproc takes a supplemental payment.")
    amount = cents(body_of(request).get("InsPayAmt") or 0, "InsPayAmt")
    copy = {name: value for name, value in line.items() if name not in ("ClaimProcNum", "SecDateTEdit", "SecDateEntry")}
    copy |= {
        "Status": int(ClaimProcStatus.SUPPLEMENTAL),
        "FeeBilled": 0.0,
        "InsPayEst": 0.0,
        "DedApplied": 0.0,
        "WriteOff": 0.0,
        "InsPayAmt": money(amount),
        "Remarks": "",
        "ClaimPaymentNum": 0,
        "ClaimPaymentTracking": 0,
        "DateCP": office.today(),
        "DateEntry": office.today(),
        "DateSuppReceived": office.today(),
        "DateInsFinalized": NO_DATE,
        "ClaimAdjReasonCodes": "",
    }
    key = office.store.insert("claimproc", copy)
    retotal(office, line["ClaimNum"])
    office.log("InsPayCreate", line["PatNum"], "Supplemental payment entered.", key)
    return shown(office, request, key)


# Checks


def payable(office: Office, claims: list[int]) -> list[Row]:
    """Answered lines of these claims that no check holds yet."""
    where = {"ClaimNum": claims, "ClaimPaymentNum": 0, "IsTransfer": 0, "Status": [int(status) for status in ANSWERED]}
    return office.store.find("claimproc", where)


def _lock(office: Office, check: Row, lines: list[Row]) -> None:
    for line in lines:
        changes = {"ClaimPaymentNum": check["ClaimPaymentNum"], "DateCP": check["CheckDate"]}
        if line["DateInsFinalized"] <= NO_DATE:
            changes["DateInsFinalized"] = check["CheckDate"]
        office.store.update("claimproc", line["ClaimProcNum"], changes)


def _settle(office: Office, check: int) -> None:
    """A check is partial while its amount is not what its lines hold."""
    held = office.store.find("claimproc", {"ClaimPaymentNum": check})
    amount = office.store.get("claimpayment", check) or {}
    partial = stored_cents(amount["CheckAmt"]) != stored_cents(total(line["InsPayAmt"] for line in held))
    office.store.update("claimpayment", check, {"IsPartial": int(partial)})


def _claim_to_pay(office: Office, key: int) -> Row:
    claim = row_of(office, "claim", key)
    if claim["ClaimType"] == "PreAuth":
        raise Rejected(400, "A preauthorization cannot be paid.")
    if claim["ClaimStatus"] != "R":
        raise Rejected(400, "The claim must be received first.")
    return claim


def _check_row(office: Office, request: Request, first: Row, amount: int, **more: object) -> Row:
    given = columns(office, request)
    plan = row_of(office, "insplan", first["PlanNum"])
    carrier = office.store.get("carrier", plan["CarrierNum"]) or {}
    for name, category in (("PayType", "InsurancePaymentType"), ("PayGroup", "ClaimPaymentGroups")):
        if given.get(name):
            of_category(office, given[name], category, name)
        else:
            given[name] = definition(office, category)
    row = {
        "CheckDate": office.today(),
        "CarrierName": carrier.get("CarrierName", ""),
        "SecUserNumEntry": 0,
        **more,
        **given,
        "CheckAmt": money(amount),
    }
    if row["CheckDate"] > office.today() and not preferred(office, "FutureTransDatesAllowed"):
        raise Rejected(400, "CheckDate cannot be in the future.")
    return row


@handles("claimpayments.create")
def finalize_claim(office: Office, request: Request) -> Reply:
    """Pay one claim with one check: its amount must be what the claim's answered, unpaid lines hold."""
    if preferred(office, "ClaimPaymentBatchOnly"):
        raise Rejected(400, "Insurance payments must be entered as a batch in this office.")
    claim = _claim_to_pay(office, number(request, "claimNum"))
    amount = cents(body_of(request)["CheckAmt"], "CheckAmt")
    lines = payable(office, [claim["ClaimNum"]])
    if not lines:
        raise Rejected(400, "The claim has no received procedures without an insurance payment.")
    if amount != stored_cents(total(line["InsPayAmt"] for line in lines)):
        raise Rejected(400, "CheckAmt must equal the sum of InsPayAmt of the claim's procedures without a payment.")
    row = _check_row(office, request, claim, amount, ClinicNum=claim["ClinicNum"], DateIssued=NO_DATE)
    return _finalized(office, request, row, lines, claim["PatNum"])


@handles("claimpayments.Batch")
def finalize_claims(office: Office, request: Request) -> Reply:
    """Pay several claims with one check; an amount that does not fit makes it partial."""
    claims = [_claim_to_pay(office, key) for key in numbers(request, "claimNums")]
    if not claims:
        raise Rejected(400, "claimNums is required.")
    amount = cents(body_of(request)["CheckAmt"], "CheckAmt")
    lines = payable(office, [claim["ClaimNum"] for claim in claims])
    if not lines:
        raise Rejected(400, "The claims have no received procedures without an insurance payment.")
    row = _check_row(office, request, claims[0], amount, ClinicNum=0, DateIssued=NO_DATE)
    if preferred(office, "ShowAutoDeposit"):
        row["DepositNum"] = office.store.insert(
            "deposit", {"DateDeposit": row["CheckDate"], "Amount": money(amount), "Memo": "Automatic"}
        )
    return _finalized(office, request, row, lines, claims[0]["PatNum"])


def _finalized(office: Office, request: Request, row: Row, lines: list[Row], patient: int) -> Reply:
    key = office.store.insert("claimpayment", row)
    _lock(office, row | {"ClaimPaymentNum": key}, lines)
    _settle(office, key)
    office.log("InsPayCreate", patient, "Insurance payment entered.", key)
    return shown(office, request, key)


@handles("claimpayments.update")
def update_check(office: Office, request: Request) -> Reply:
    """Change a check; another amount than its lines hold makes it partial. One on a deposit keeps its amount."""
    check = row_of(office, "claimpayment", request.id())
    changes = columns(office, request)
    if "CheckAmt" in changes and check["DepositNum"] and changes["CheckAmt"] != check["CheckAmt"]:
        raise Rejected(400, "CheckAmt cannot be changed, the payment is on a deposit.")
    for name, category in (("PayType", "InsurancePaymentType"), ("PayGroup", "ClaimPaymentGroups")):
        if changes.get(name):
            of_category(office, changes[name], category, name)
    office.store.update("claimpayment", check["ClaimPaymentNum"], changes)
    if "CheckAmt" in changes:
        _settle(office, check["ClaimPaymentNum"])
    office.log("InsPayEdit", 0, "Insurance payment changed.", check["ClaimPaymentNum"])
    return shown(office, request, check["ClaimPaymentNum"])


@handles("claimpayments.delete")
def delete_check(office: Office, request: Request) -> Reply:
    """Take a check back: its lines stay received and are open to another check."""
    check = row_of(office, "claimpayment", request.id())
    if check["DepositNum"]:
        raise Rejected(400, "The payment is on a deposit.")
    if office.store.find("eobattach", {"ClaimPaymentNum": check["ClaimPaymentNum"]}):
        raise Rejected(400, "The payment has an EOB attached.")
    for line in office.store.find("claimproc", {"ClaimPaymentNum": check["ClaimPaymentNum"]}):
        office.store.update("claimproc", line["ClaimProcNum"], {"ClaimPaymentNum": 0, "DateInsFinalized": NO_DATE})
    office.store.delete("claimpayment", check["ClaimPaymentNum"])
    office.log("InsPayEdit", 0, "Insurance payment deleted.", check["ClaimPaymentNum"])
    return Reply(request.operation.status)
