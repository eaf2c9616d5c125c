"""Payment plans: what is financed, in which instalments, and closing them.

Source: https://www.opendental.com/site/apipayplans.html, apipayplanlinks.html and
https://www.opendental.com/manual/paymentplandynamic.html. The charges of a dynamic plan are made when they are due,
by a service that runs at night; here by `charge_plans`.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta

from infra.sandbox.practice.behaviours.ground import (
    Row,
    body_of,
    cents,
    columns,
    family,
    flag,
    living_patient,
    money,
    number,
    numbers,
    of_category,
    one_of,
    preferred,
    row_of,
    shown,
    stored_cents,
)
from infra.sandbox.practice.behaviours.ledger import charge_of
from infra.sandbox.practice.enums import NO_DATE, ProcStatus
from infra.sandbox.practice.handlers import Rejected, Reply, Request, before, handles
from infra.sandbox.practice.office import Office

ADJUSTMENT, PROCEDURE = 1, 2
_TABLES = {ADJUSTMENT: "adjustment", PROCEDURE: "procedurelog"}
DEBIT, CREDIT = 0, 1
_DOWN_PAYMENT = "Down payment"
_A_YEAR = {"Weekly": 52, "EveryOtherWeek": 26, "OrdinalWeekday": 12, "Monthly": 12, "Quarterly": 4}
MOST = 1000
"""Instalments nobody agrees on; also what keeps a plan of a cent a time from running away."""


@handles("payplans.DynamicCreate")
def create_dynamic(office: Office, request: Request) -> Reply:
    """Finance procedures and adjustments of a family: at least one, none of them on a plan yet."""
    body = body_of(request)
    given = columns(office, request)
    patient = living_patient(office, given["PatNum"])
    way = one_of(request, "PayAmt", "NumberOfPayments")
    links = _links(office, request, family(office, patient))
    if not links:
        raise Rejected(400, "procNums or adjNums is required.")
    locked = flag(request, "IsLocked") if "IsLocked" in body else True
    if given.get("APR", 0.0) > 0 and not locked:
        raise Rejected(400, "IsLocked must be true when APR is above 0.")
    principal = sum(amount for _, _, amount in links) - cents(body.get("DownPayment") or 0, "DownPayment")
    if principal < 0:
        raise Rejected(400, "DownPayment is invalid.")
    if given.get("PlanCategory"):
        of_category(office, given["PlanCategory"], "PayPlanCategories", "PlanCategory")
    row: Row = {
        "Guarantor": patient["PatNum"],
        "PayPlanDate": office.today(),
        "DatePayPlanStart": office.today(),
        "DateInterestStart": NO_DATE,
        "ChargeFrequency": office.code("payplan", "ChargeFrequency", "Monthly"),
        "DynamicPayPlanTPOption": office.code("payplan", "DynamicPayPlanTPOption", "AwaitComplete"),
        **given,
        "PayAmt": money(_instalment(request, way, principal)),
        "NumberOfPayments": 0,
        "IsDynamic": 1,
        "IsLocked": int(locked),
    }
    row["Note"] = " ".join(part for part in (_terms(row, principal), str(body.get("Note") or "")) if part)
    key = office.store.insert("payplan", row)
    for kind, fkey, _ in links:
        office.store.insert("payplanlink", {"PayPlanNum": key, "LinkType": kind, "FKey": fkey})
    if row.get("DownPayment"):
        down = _charge(office, row | {"PayPlanNum": key}, office.today(), cents(row["DownPayment"]), 0)
        office.store.update("payplancharge", down, {"Note": _DOWN_PAYMENT})
    office.log("PayPlanEdit", patient["PatNum"], "Payment plan created.", key)
    return shown(office, request, key)


def _links(office: Office, request: Request, members: list[int]) -> list[tuple[int, int, int]]:
    """(kind, key, cents) of what the body puts on the plan."""
    found = []
    for name, kind in (("procNums", PROCEDURE), ("adjNums", ADJUSTMENT)):
        for key in numbers(request, name):
            found.append((kind, key, _financeable(office, kind, key, members, name)))
    return found


def _financeable(office: Office, kind: int, key: int, members: list[int], name: str) -> int:
    """What the row is worth in cents. Raises Rejected where no plan can hold it."""
    row = row_of(office, _TABLES[kind], key)
    if row["PatNum"] not in members:
        raise Rejected(400, f"{name} is invalid. It belongs to another family.")
    if office.store.find("payplanlink", {"LinkType": kind, "FKey": key}):
        raise Rejected(400, f"{name} is invalid. It is on a payment plan already.")
    if kind == PROCEDURE:
        if row["ProcStatus"] not in (ProcStatus.C, ProcStatus.TP):
            raise Rejected(400, f"{name} is invalid. The procedure is neither complete nor planned.")
        return charge_of(row)
    return stored_cents(row["AdjAmt"])


def _instalment(request: Request, way: str, principal: int) -> int:
    if way == "PayAmt":
        amount = cents(body_of(request)["PayAmt"], "PayAmt")
        if amount <= 0 or principal > amount * MOST:
            raise Rejected(400, "PayAmt is invalid.")
        return amount
    count = number(request, "NumberOfPayments")
    if not 0 < count <= MOST:
        raise Rejected(400, "NumberOfPayments is invalid.")
    return -(-principal // count)


def _terms(row: Row, principal: int) -> str:
    """The terms that the server writes into a plan's note; the vendor's words are not published."""
    return f"Terms: {money(principal):.2f} at {row.get('APR', 0.0):g}% in payments of {row['PayAmt']:.2f}."


def _charge(office: Office, plan: Row, day: str, principal: int, interest: int) -> int:
    patient = row_of(office, "patient", plan["PatNum"])
    return office.store.insert(
        "payplancharge",
        {
            "PayPlanNum": plan["PayPlanNum"],
            "Guarantor": plan["Guarantor"],
            "PatNum": plan["PatNum"],
            "ChargeDate": day,
            "Principal": money(principal),
            "Interest": money(interest),
            "ProvNum": patient["PriProv"],
            "ClinicNum": patient["ClinicNum"],
            "ChargeType": DEBIT,
        },
    )


def financed(office: Office, plan: Row) -> int:
    """What a plan finances, in cents: its links, or the credits of an old one."""
    if not plan["IsDynamic"]:
        credits = office.store.find("payplancharge", {"PayPlanNum": plan["PayPlanNum"], "ChargeType": CREDIT})
        return sum(stored_cents(row["Principal"]) for row in credits)
    amount = 0
    for link in office.store.find("payplanlink", {"PayPlanNum": plan["PayPlanNum"]}):
        table = _TABLES.get(link["LinkType"])
        row = office.store.get(table, link["FKey"]) if table else None
        if link["AmountOverride"]:
            amount += stored_cents(link["AmountOverride"])
        elif row is not None:
            amount += charge_of(row) if link["LinkType"] == PROCEDURE else stored_cents(row["AdjAmt"])
    return amount


def _debits(office: Office, plan: int) -> list[Row]:
    return office.store.find("payplancharge", {"PayPlanNum": plan, "ChargeType": DEBIT}, order='"ChargeDate"')


def charge_plans(office: Office) -> int:
    """Make the charges of dynamic plans that are due by now, as the nightly service does; returns how many."""
    made = 0
    for plan in office.store.find("payplan", {"IsDynamic": 1, "IsClosed": 0}):
        frequency = office.word("payplan", "ChargeFrequency", plan["ChargeFrequency"])
        debits = [row for row in _debits(office, plan["PayPlanNum"]) if row["Note"] != _DOWN_PAYMENT]
        left = financed(office, plan) - sum(
            stored_cents(row["Principal"]) for row in _debits(office, plan["PayPlanNum"])
        )
        count = len(debits)
        while left > 0 and count < MOST:
            day = _due(plan["DatePayPlanStart"], frequency, count)
            if day > office.today():
                break
            interest = _interest(plan, frequency, left, day)
            principal = min(left, max(1, stored_cents(plan["PayAmt"]) - interest))
            _charge(office, plan, day, principal, interest)
            left -= principal
            count += 1
            made += 1
    return made


def _interest(plan: Row, frequency: str, left: int, day: str) -> int:
    return round(left * plan["APR"] / 100 / _A_YEAR[frequency]) if day >= plan["DateInterestStart"] else 0


def _due(start: str, frequency: str, count: int) -> str:
    """The day of the `count`-th charge. An ordinal weekday keeps its place in the month."""
    first = date.fromisoformat(start)
    if frequency in ("Weekly", "EveryOtherWeek"):
        return str(first + timedelta(weeks=count * (1 if frequency == "Weekly" else 2)))
    months = first.year * 12 + first.month - 1 + count * (3 if frequency == "Quarterly" else 1)
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    if frequency != "OrdinalWeekday":
        return str(date(year, month + 1, min(first.day, last)))
    days = [day for day in range(1, last + 1) if date(year, month + 1, day).weekday() == first.weekday()]
    return str(date(year, month + 1, days[min((first.day - 1) // 7, len(days) - 1)]))


@handles("payplans.create")
def create_old(office: Office, request: Request) -> Reply:
    """Make an old-style plan: all charges at once, tied to no procedure. Answers its terms, which are its note too."""
    body = body_of(request)
    given: Row = columns(office, request)
    patient = living_patient(office, given["PatNum"])
    if one_of(request, "useEstBalance", "principalAmount") == "useEstBalance":
        principal = stored_cents(patient["EstBalance"])
    else:
        principal = cents(body["principalAmount"], "principalAmount")
    principal -= cents(body.get("DownPayment") or 0, "DownPayment")
    if principal <= 0:
        raise Rejected(400, "The plan has no principal.")
    amount = _instalment(request, one_of(request, "PayAmt", "NumberOfPayments"), principal)
    monthly = office.code("payplan", "ChargeFrequency", "Monthly")
    row: Row = {"Guarantor": patient["PatNum"], "PayPlanDate": office.today(), "ChargeFrequency": monthly, **given}
    row = {"DatePayPlanStart": row["PayPlanDate"], **row, "PayAmt": money(amount), "CompletedAmt": money(principal)}
    terms = _terms(row, principal)
    row["Note"] = " ".join(part for part in (terms, str(body.get("Note") or "")) if part)
    key = office.store.insert("payplan", row)
    plan = row_of(office, "payplan", key)
    frequency = office.word("payplan", "ChargeFrequency", plan["ChargeFrequency"])
    credit = _charge(office, plan, plan["PayPlanDate"], principal, 0)
    office.store.update("payplancharge", credit, {"ChargeType": CREDIT})
    left, count = principal, 0
    while left > 0 and count < MOST:
        day = _due(plan["DatePayPlanStart"], frequency, count)
        interest = _interest(plan, frequency, left, day)
        part = min(left, max(1, amount - interest))
        _charge(office, plan, day, part, interest)
        left, count = left - part, count + 1
    office.log("PayPlanEdit", patient["PatNum"], "Payment plan created.", key)
    return Reply(request.operation.status, row["Note"])


@handles("payplans.Close")
def close_plan(office: Office, request: Request) -> Reply:
    """Close a patient's plan: what is not charged yet becomes one charge of today, with the interest outstanding.

    Of an old plan that is the interest of its future charges, of a dynamic one that of the running period.
    """
    plan = row_of(office, "payplan", request.id())
    if plan["PlanNum"]:
        raise Rejected(400, "Insurance payment plans cannot be closed.")
    if plan["IsClosed"]:
        raise Rejected(400, "The payment plan is closed already.")
    debits = _debits(office, plan["PayPlanNum"])
    future = [row for row in debits if row["ChargeDate"] > office.today()]
    left = financed(office, plan) - sum(stored_cents(row["Principal"]) for row in debits if row not in future)
    interest = sum(stored_cents(row["Interest"]) for row in future)
    if plan["IsDynamic"] and left > 0:
        frequency = office.word("payplan", "ChargeFrequency", plan["ChargeFrequency"])
        interest = _interest(plan, frequency, left, office.today())
    for row in future:
        office.store.delete("payplancharge", row["PayPlanChargeNum"])
    if left > 0 or interest:
        _charge(office, plan, office.today(), max(0, left), interest)
    office.store.update("payplan", plan["PayPlanNum"], {"IsClosed": 1})
    office.log("PayPlanEdit", plan["PatNum"], "Payment plan closed.", plan["PayPlanNum"])
    return shown(office, request, plan["PayPlanNum"])


@handles("payplans.DynamicUpdate")
def update_dynamic(office: Office, request: Request) -> Reply:
    """Change the terms of a dynamic plan; once it has charges, its payer and its start are fixed."""
    plan = row_of(office, "payplan", request.id())
    if not plan["IsDynamic"]:
        raise Rejected(400, "The payment plan is not dynamic.")
    body = body_of(request)
    changes = columns(office, request, NumberOfPayments=None)
    charged = bool(_debits(office, plan["PayPlanNum"]))
    paid = bool(office.store.find("paysplit", {"PayPlanNum": plan["PayPlanNum"]}))
    if changes.get("Guarantor", plan["Guarantor"]) != plan["Guarantor"] and (charged or paid):
        raise Rejected(400, "Guarantor cannot be changed, the plan has charges or payments.")
    if changes.get("DatePayPlanStart", plan["DatePayPlanStart"]) != plan["DatePayPlanStart"] and charged:
        raise Rejected(400, "DatePayPlanStart cannot be changed, the plan has charges.")
    if changes.get("PayPlanDate", "") > office.today() and not preferred(office, "FutureTransDatesAllowed"):
        raise Rejected(400, "PayPlanDate cannot be in the future.")
    rate = float((plan | changes)["APR"])
    if rate > 0 and preferred(office, "PayPlanRequireLockForAPR"):
        locked = changes.get("IsLocked", plan["IsLocked"] if "APR" not in changes else 0)
        if not locked:
            raise Rejected(400, "IsLocked must be true when APR is above 0.")
    if "DateInterestStart" in changes and rate <= 0:
        raise Rejected(400, "DateInterestStart is only for plans with an APR.")
    if changes.get("SheetDefNum") and not preferred(office, "PayPlansUseSheets"):
        raise Rejected(400, "SheetDefNum is invalid.")
    if changes.get("PlanCategory"):
        of_category(office, changes["PlanCategory"], "PayPlanCategories", "PlanCategory")
    if "PayAmt" in body or "NumberOfPayments" in body:
        changes["PayAmt"] = money(
            _instalment(request, one_of(request, "PayAmt", "NumberOfPayments"), financed(office, plan))
        )
    office.store.update("payplan", plan["PayPlanNum"], changes)
    office.log("PayPlanEdit", plan["PatNum"], "Payment plan changed.", plan["PayPlanNum"])
    return shown(office, request, plan["PayPlanNum"])


@before("payplanlinks.create")
def link_once(office: Office, request: Request) -> None:
    """One more procedure or adjustment of the family, on a dynamic plan only."""
    plan = row_of(office, "payplan", number(request, "PayPlanNum"))
    if not plan["IsDynamic"] or plan["IsClosed"]:
        raise Rejected(400, "PayPlanNum is invalid. The plan is not dynamic, or closed.")
    kind = PROCEDURE if body_of(request)["LinkType"] == "Procedure" else ADJUSTMENT
    members = family(office, row_of(office, "patient", plan["PatNum"]))
    _financeable(office, kind, number(request, "FKey"), members, "FKey")
