"""What the account module shows of a family's balances and entries, and reports over all accounts.

Source: https://www.opendental.com/site/apiaccountmodules.html and apireports.html beside it. The module's balances
repeat the patient rows', which are as old as the last aging; opening the account in the program itself would refresh
them first.
"""

from __future__ import annotations

from datetime import date

from infra.sandbox.practice.behaviours.ground import (
    Row,
    asked,
    full_name,
    living_patient,
    money,
    page,
    row_of,
    stored_cents,
)
from infra.sandbox.practice.behaviours.ledger import PAID, aged, charge_of
from infra.sandbox.practice.enums import ProcStatus
from infra.sandbox.practice.handlers import Rejected, Reply, Request, handles
from infra.sandbox.practice.office import Office


@handles("accountmodules.Aging")
def family_aging(office: Office, request: Request) -> Reply:
    """The family's balance by age, from its guarantor's row, and the patient's own."""
    patient = living_patient(office, request.id())
    head = row_of(office, "patient", patient["Guarantor"])
    members = [row["PatNum"] for row in office.store.find("patient", {"Guarantor": head["PatNum"]})]
    unearned = office.store.find("paysplit", {"PatNum": members}, sql='"UnearnedType" <> 0')
    buckets = {name: head[name] for name in ("Bal_0_30", "Bal_31_60", "Bal_61_90", "BalOver90")}
    expected = office.store.find("claimproc", {"PatNum": patient["PatNum"], "Status": 0})
    pending = sum(stored_cents(line["InsPayEst"]) + stored_cents(line["WriteOff"]) for line in expected)
    answer: Row = {
        **buckets,
        "Total": head["BalTotal"],
        "InsEst": head["InsEst"],
        "EstBal": money(stored_cents(head["BalTotal"]) - stored_cents(head["InsEst"])),
        "PatEstBal": money(stored_cents(patient["EstBalance"]) - pending),
        "Unearned": money(sum(stored_cents(split["SplitAmt"]) for split in unearned)),
    }
    return Reply(request.operation.status, answer)


@handles("accountmodules.PatientBalances")
def patient_balances(office: Office, request: Request) -> Reply:
    """Each member's balance, and the family's under its guarantor's number."""
    patient = row_of(office, "patient", request.id())
    members = office.store.find("patient", {"Guarantor": patient["Guarantor"]})
    shown = [{"PatNum": row["PatNum"], "Name": full_name(row), "Balance": row["EstBalance"]} for row in members]
    total = money(sum(stored_cents(row["EstBalance"]) for row in members))
    whole = {"PatNum": patient["Guarantor"], "Name": "Entire Family", "Balance": total}
    return Reply(request.operation.status, [*shown, whole])


@handles("accountmodules.ServiceDateView")
def service_dates(office: Office, request: Request) -> Reply:
    """Charges and credits by the day of the work they belong to, with a total after each day and at the end."""
    patient = living_patient(office, request.id())
    whole = request.query.get("isFamily", "false").lower() == "true"
    members = office.store.find("patient", {"Guarantor": patient["Guarantor"]}) if whole else [patient]
    entries = sorted(
        (entry for member in members for entry in _entries(office, member)),
        key=lambda entry: (entry["ServiceDate"], entry["TransDate"]),
    )
    rows: list[Row] = []
    balance = day = 0
    for at, entry in enumerate(entries):
        charge, credit = entry.pop("cents"), 0
        charge, credit = (charge, 0) if charge >= 0 else (0, -charge)
        day += charge - credit
        balance += charge - credit
        amounts = {"Charge": _amount(charge), "Credit": _amount(credit), "AcctBal": f"{money(balance):.2f}"}
        rows.append(_BLANK | entry | amounts)
        if at + 1 == len(entries) or entries[at + 1]["ServiceDate"] != entry["ServiceDate"]:
            total = {"Type": "Day Total", "ServiceDate": entry["ServiceDate"], "AcctBal": f"{money(day):.2f}"}
            rows.append(_BLANK | total)
            day = 0
    rows.append(_BLANK | {"Type": "Overall Total", "AcctBal": f"{money(balance):.2f}"})
    return page(request, rows)


_BLANK = dict.fromkeys(
    (
        "ObjectType",
        "PrimaryKey",
        "Type",
        "ServiceDate",
        "TransDate",
        "Patient",
        "PatNum",
        "Reference",
        "Charge",
        "Credit",
        "Provider",
        "InsBal",
        "AcctBal",
    ),
    "",
)


def _amount(value: int) -> str:
    return f"{money(value):.2f}" if value else ""


def _entries(office: Office, patient: Row) -> list[Row]:
    store, who = office.store, {"PatNum": patient["PatNum"]}
    days = {
        row["ProcNum"]: row["ProcDate"] for row in store.find("procedurelog", who | {"ProcStatus": int(ProcStatus.C)})
    }

    def entry(source: tuple[str, int], word: str, row: Row, day: str, amount: int) -> Row:
        provider = store.get("provider", row["ProvNum"]) if row.get("ProvNum") else None
        return {
            "ObjectType": source[0],
            "PrimaryKey": str(source[1]),
            "Type": word,
            "ServiceDate": days.get(row.get("ProcNum", 0), day),
            "TransDate": day,
            "Patient": patient["FName"],
            "PatNum": str(patient["PatNum"]),
            "Provider": provider["Abbr"] if provider else "",
            "cents": amount,
        }

    found = []
    for row in store.find("procedurelog", who | {"ProcStatus": int(ProcStatus.C)}):
        code = store.get("procedurecode", row["CodeNum"]) or {"ProcCode": "", "Descript": ""}
        line = entry(("Procedure", row["ProcNum"]), "Proc", row, row["ProcDate"], charge_of(row))
        found.append(line | {"Reference": f"{code['ProcCode']} {code['Descript']}".strip()})
    for row in store.find("adjustment", who):
        word = "Adj-Att." if row["ProcNum"] else "Adj"
        found.append(entry(("Adjustment", row["AdjNum"]), word, row, row["AdjDate"], stored_cents(row["AdjAmt"])))
    for row in store.find("paysplit", who):
        word = "PatPay PayPlan" if row["PayPlanNum"] else "PatPay Att." if row["ProcNum"] else "Unallocated"
        found.append(entry(("PaySplit", row["SplitNum"]), word, row, row["DatePay"], -stored_cents(row["SplitAmt"])))
    for row in store.find("claimproc", who | {"Status": [int(status) for status in PAID]}):
        attached = "-Att." if row["ProcNum"] else ""
        for name, word in (("InsPayAmt", "InsPay"), ("WriteOff", "WriteOff")):
            if row[name]:
                line = entry(
                    ("ClaimProc", row["ClaimProcNum"]), word + attached, row, row["DateCP"], -stored_cents(row[name])
                )
                found.append(line)
    return found


@handles("reports.Aging")
def aging_report(office: Office, request: Request) -> Reply:
    """What every family owes by age, reckoned for the answer: the patients' rows keep what the last aging wrote."""
    day = _day(request, "DateAsOf", office.today())
    clinic = asked(request, "ClinicNum") if "ClinicNum" in request.query else None
    rows = []
    for family in aged(office, day, clinic):
        if not family.total:
            continue
        head = row_of(office, "patient", family.guarantor)
        names = ("Bal_0_30", "Bal_31_60", "Bal_61_90", "BalOver90")
        rows.append(
            {
                "PatNum": family.guarantor,
                "patName": full_name(head),
                **{name: money(amount) for name, amount in zip(names, family.buckets, strict=True)},
                "BalTotal": money(family.total),
                "InsWoEst": money(family.writeoff),
                "InsPayEst": money(family.insured),
                "PatientPortion": money(family.total - family.insured - family.writeoff),
            }
        )
    return page(request, rows)


@handles("reports.FinanceCharges")
def finance_charges(office: Office, request: Request) -> Reply:
    """Finance charges of some days, of today where none are named."""
    first, last = _day(request, "DateFrom", office.today()), _day(request, "DateTo", office.today())
    providers, billing = _keys(request, "ProvNums"), _keys(request, "BillingTypes")
    kind = office.store.preference("FinanceChargeAdjustmentType", "0")
    rows = []
    for row in office.store.find(
        "adjustment", {"AdjType": int(kind)}, sql='"AdjDate" BETWEEN ? AND ?', args=(first, last)
    ):
        patient = row_of(office, "patient", row["PatNum"])
        if (providers and row["ProvNum"] not in providers) or (billing and patient["BillingType"] not in billing):
            continue
        rows.append(
            {
                "PatNum": patient["PatNum"],
                "PatName": full_name(patient),
                "Preferred": patient["Preferred"],
                "AdjAmt": row["AdjAmt"],
            }
        )
    return page(request, rows)


def _day(request: Request, name: str, default: str) -> str:
    try:
        return str(date.fromisoformat((request.query.get(name) or default)[:10]))
    except ValueError:
        raise Rejected(400, f"{name} format must be yyyy-MM-dd.") from None


def _keys(request: Request, name: str) -> set[int]:
    """A list of keys, with and without brackets."""
    return {
        int(part) for part in request.query.get(name, "").strip("[]").split(",") if part.strip().lstrip("-").isdigit()
    }
