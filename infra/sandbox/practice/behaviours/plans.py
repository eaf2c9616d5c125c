"""Insurance as it is set up: benefits, fees, subscriptions, verification, claim history, deposits, past treatment.

Sources: the page of each resource under https://www.opendental.com/site/apispecification.html, such as
apibenefits.html, apifees.html, apiinssubs.html, apiinsverifies.html, apiclaimtrackings.html and apideposits.html.
"""

from __future__ import annotations

from infra.sandbox.practice.behaviours.ground import (
    Row,
    asked,
    body_of,
    columns,
    living_patient,
    money,
    number,
    numbers,
    one_of,
    page,
    row_of,
    shown,
    stored_cents,
)
from infra.sandbox.practice.enums import NO_DATE, ClaimProcStatus, ProcStatus
from infra.sandbox.practice.handlers import Rejected, Reply, Request, after, before, handles
from infra.sandbox.practice.office import Office


@before("benefits.create")
def belong_to_one(_office: Office, request: Request) -> None:
    """A benefit is a plan's, or one patient's exception to it."""
    one_of(request, "PlanNum", "PatPlanNum")


@before("fees.create")
def no_new_group_fee(office: Office, request: Request) -> None:
    """Fees that a group of clinics shares are the office's own business."""
    _no_group(office, number(request, "FeeSched"), number(request, "ClinicNum"))


@before("fees.update", "fees.delete")
def keep_group_fees(office: Office, request: Request) -> None:
    """Fees that a group of clinics shares are neither changed nor deleted from outside."""
    row = office.store.get("fee", request.id())
    if row:
        _no_group(office, row["FeeSched"], row["ClinicNum"])


def _no_group(office: Office, schedule: int, clinic: int) -> None:
    for group in office.store.find("feeschedgroup", {"FeeSchedNum": schedule}):
        if str(clinic) in group["ClinicNums"].split(","):
            raise Rejected(400, "The fee belongs to a FeeSchedGroup.")


@before("employers.delete")
def keep_used_employers(office: Office, request: Request) -> None:
    """An employer stays while a patient or a plan names it."""
    where = {"EmployerNum": request.id()}
    if office.store.find("patient", where) or office.store.find("insplan", where):
        raise Rejected(400, "The employer is in use.")


@before("inssubs.delete")
def keep_used_subscriptions(office: Office, request: Request) -> None:
    """A subscription stays while it covers somebody."""
    if office.store.find("patplan", {"InsSubNum": request.id()}):
        raise Rejected(400, "The InsSub is in use by a PatPlan.")


@before("insverifies.update")
def keep_the_past(office: Office, request: Request) -> None:
    """What was verified before goes to the history."""
    kind = office.code("insverify", "VerifyType", str(body_of(request)["VerifyType"]))
    found = office.store.find("insverify", {"VerifyType": kind, "FKey": number(request, "FKey")})
    if not found:
        raise Rejected(400, "FKey is invalid.")
    office.store.insert("insverifyhist", {name: value for name, value in found[0].items() if name != "SecDateTEdit"})


@after("covcats.create")
def take_the_last_place(office: Office, _request: Request, key: int) -> None:
    """A new category comes after all others, where it wins over them."""
    last = max((row["CovOrder"] for row in office.store.find("covcat") if row["CovCatNum"] != key), default=-1)
    office.store.update("covcat", key, {"CovOrder": last + 1})


@handles("etrans.create")
def receive_era(office: Office, request: Request) -> Reply:
    """Take in an electronic remittance; it is not matched with claims."""
    body = body_of(request)
    row = columns(office, request)
    row["EtransMessageTextNum"] = office.store.insert(
        "etransmessagetext", {"MessageText": str(body.get("MessageText") or "")}
    )
    office.store.insert(
        "etrans", {"DateTimeTrans": office.now(), **row, "Etype": office.code("etrans", "Etype", "ERA_835")}
    )
    return Reply(request.operation.status)


# Claim history


@before("claimtrackings.create")
def history_is_set_up(office: Office, _request: Request) -> None:
    """The office has to define what can be said of a claim first."""
    if not office.definitions("ClaimCustomTracking"):
        raise Rejected(400, "Claim status history is not set up in this office.")


@before("claimtrackings.update")
def touch(office: Office, request: Request) -> None:
    """An entry carries the time it was last changed."""
    row = row_of(office, "claimtracking", request.id())
    if any(row[name] != value for name, value in columns(office, request).items()):
        office.store.update("claimtracking", row["ClaimTrackingNum"], {"DateTimeEntry": office.now()})


# Deposits


@handles("deposits.create")
def create_deposit(office: Office, request: Request) -> Reply:
    """Bring payments to the bank: the amount is theirs, and each goes there once."""
    given = columns(office, request)
    chosen = [
        (table, row_of(office, table, key))
        for name, table in (("payNums", "payment"), ("claimPaymentNums", "claimpayment"))
        for key in numbers(request, name)
    ]
    if not chosen:
        raise Rejected(400, "payNums or claimPaymentNums is required.")
    if any(row["DepositNum"] for _, row in chosen):
        raise Rejected(400, "A payment is on a deposit already.")
    amounts = {"payment": "PayAmt", "claimpayment": "CheckAmt"}
    amount = sum(stored_cents(row[amounts[table]]) for table, row in chosen)
    key = office.store.insert("deposit", {"DateDeposit": office.today(), **given, "Amount": money(amount)})
    keys = {"payment": "PayNum", "claimpayment": "ClaimPaymentNum"}
    for table, row in chosen:
        office.store.update(table, row[keys[table]], {"DepositNum": key})
    return shown(office, request, key)


@after("deposits.delete")
def free_payments(office: Office, _request: Request, key: int) -> None:
    """The payments of a deposit that is taken back can go on another one."""
    for table, own in (("payment", "PayNum"), ("claimpayment", "ClaimPaymentNum")):
        for row in office.store.find(table, {"DepositNum": key}):
            office.store.update(table, row[own], {"DepositNum": 0})


# Treatment before the patient came here


_HISTORY = (
    "InsHistBWCodes",
    "InsHistPanoCodes",
    "InsHistExamCodes",
    "InsHistProphyCodes",
    "InsHistPerioURCodes",
    "InsHistPerioULCodes",
    "InsHistPerioLRCodes",
    "InsHistPerioLLCodes",
    "InsHistPerioMaintCodes",
    "InsHistDebridementCodes",
)
_QUADRANTS = {
    "InsHistPerioURCodes": "UR",
    "InsHistPerioULCodes": "UL",
    "InsHistPerioLRCodes": "LR",
    "InsHistPerioLLCodes": "LL",
}


def _codes(office: Office, preference: str) -> list[str]:
    return sorted(code.strip() for code in office.store.preference(preference).split(",") if code.strip())


def _of_the_patient(office: Office, patient: int, subscription: int) -> Row:
    living_patient(office, patient)
    row = office.store.get("inssub", subscription)
    if row is None:
        raise Rejected(404, "InsSub not found")
    if not office.store.find("patplan", {"PatNum": patient, "InsSubNum": subscription}):
        raise Rejected(400, "InsSubNum is invalid. It does not cover the patient.")
    return row


@handles("procedurelogs.InsuranceHistoryList")
def list_history(office: Office, request: Request) -> Reply:
    """When each kind of work that insurers count was done last under a plan."""
    patient, subscription = asked(request, "PatNum"), asked(request, "InsSubNum")
    _of_the_patient(office, patient, subscription)
    rows = []
    for preference in _HISTORY:
        codes = [row["CodeNum"] for row in office.store.find("procedurecode", {"ProcCode": _codes(office, preference)})]
        where = {"PatNum": patient, "CodeNum": codes, "ProcStatus": [ProcStatus.C, ProcStatus.EC, ProcStatus.EO]}
        if preference in _QUADRANTS:
            where["Surf"] = _QUADRANTS[preference]
        counted = [
            row
            for row in office.store.find("procedurelog", where, order='"ProcDate" DESC, "ProcNum" DESC')
            if office.store.find("claimproc", {"ProcNum": row["ProcNum"], "InsSubNum": subscription})
        ]
        # The two phrases an office sees instead of a date; the vendor's spelling of them is not certain.
        none = "No History" if codes else "Not Set"
        last = {"procDate": counted[0]["ProcDate"], "ProcNum": counted[0]["ProcNum"]} if counted else {}
        rows.append({"insHistPrefName": preference, "procDate": none, "ProcNum": 0} | last)
    return page(request, rows)


@handles("procedurelogs.InsuranceHistoryCreate")
def add_history(office: Office, request: Request) -> Reply:
    """Note work done elsewhere that a plan counts: an existing procedure of the first code, and a line for the plan."""
    given = columns(office, request)
    patient = living_patient(office, given["PatNum"])
    preference = str(body_of(request)["insHistPrefName"])
    subscription = _of_the_patient(office, patient["PatNum"], number(request, "InsSubNum"))
    codes = _codes(office, preference)
    found = office.store.find("procedurecode", {"ProcCode": codes[0]}) if codes else []
    if not found:
        raise Rejected(400, "insHistPrefName is invalid. The preference holds no procedure code.")
    procedure = {
        "PatNum": patient["PatNum"],
        "ProcDate": given["ProcDate"],
        "ProcStatus": int(ProcStatus.EO),
        "CodeNum": found[0]["CodeNum"],
        "ProvNum": patient["PriProv"],
        "ClinicNum": patient["ClinicNum"],
        "Surf": _QUADRANTS.get(preference, ""),
        "UnitQty": 1,
        "DateEntryC": office.today(),
        "DateTP": office.today(),
        "SecDateEntry": office.now(),
    }
    key = office.store.insert("procedurelog", procedure)
    line = {name: procedure[name] for name in ("PatNum", "ProvNum", "ClinicNum", "ProcDate")}
    line |= {"PlanNum": subscription["PlanNum"], "InsSubNum": subscription["InsSubNum"], "DateEntry": NO_DATE}
    line |= {"ProcNum": key, "Status": int(ClaimProcStatus.INS_HIST), "DateCP": given["ProcDate"]}
    office.store.insert("claimproc", line)
    office.log("ProcEdit", patient["PatNum"], "Insurance history added.", key)
    return shown(office, request, key)
