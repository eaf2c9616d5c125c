"""The account of a family: what is owed, and the balances that the program keeps beside it.

Rules: https://www.opendental.com/manual/aging.html and https://www.opendental.com/manual/allocationssetup.html.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from infra.sandbox.practice.behaviours.ground import Row, family, money, row_of, stored_cents
from infra.sandbox.practice.enums import ClaimProcStatus, ProcStatus
from infra.sandbox.practice.office import Office

PAID = (ClaimProcStatus.RECEIVED, ClaimProcStatus.SUPPLEMENTAL, ClaimProcStatus.CAP_COMPLETE)
EXPECTED = (ClaimProcStatus.NOT_RECEIVED, ClaimProcStatus.ESTIMATE)


@dataclass(frozen=True, slots=True)
class Charge:
    """Something owed: a procedure, a charge adjustment, or a due charge of a payment plan. Money in cents."""

    day: str
    patient: int
    provider: int
    clinic: int
    open: int
    """What nobody has paid or written off, before what an insurer is still expected to pay."""
    due: int
    """The same, less what an insurer is expected to pay: the patient's part."""
    procedure: int = 0
    adjustment: int = 0
    plan: int = 0
    plan_charge: int = 0


def outstanding(office: Office, patient: int, *, without_payment: int = 0) -> list[Charge]:
    """Open charges of the patient's family, oldest first.

    `without_payment`: a PayNum whose splits are looked through, as if it had not been allocated yet.
    """
    members = family(office, row_of(office, "patient", patient))
    found = [
        *_procedures(office, members, without_payment),
        *_adjustments(office, members, without_payment),
        *plan_charges(office, members, without_payment=without_payment),
    ]
    return sorted(found, key=lambda charge: (charge.day, charge.procedure, charge.adjustment, charge.plan_charge))


def _split_sums(office: Office, column: str, members: list[int], without: int) -> dict[int, int]:
    sums: dict[int, int] = defaultdict(int)
    for split in office.store.find(
        "paysplit", {"PatNum": members}, sql=f'"{column}" <> 0 AND "PayNum" <> {int(without)}'
    ):
        sums[split[column]] += stored_cents(split["SplitAmt"])
    return sums


def charge_of(procedure: Row) -> int:
    """What a procedure costs, in cents."""
    return stored_cents(procedure["ProcFee"] * max(1, procedure["UnitQty"] + procedure["BaseUnits"]))


def _procedures(office: Office, members: list[int], without: int) -> list[Charge]:
    store = office.store
    procedures = store.find("procedurelog", {"PatNum": members, "ProcStatus": int(ProcStatus.C)})
    paid = _split_sums(office, "ProcNum", members, without)
    insured: dict[int, int] = defaultdict(int)
    expected: dict[int, int] = defaultdict(int)
    for line in store.find("claimproc", {"PatNum": members}, sql='"ProcNum" <> 0'):
        if line["Status"] in PAID:
            insured[line["ProcNum"]] += stored_cents(line["InsPayAmt"]) + stored_cents(line["WriteOff"])
        elif line["Status"] == ClaimProcStatus.NOT_RECEIVED:
            expected[line["ProcNum"]] += stored_cents(line["InsPayEst"]) + stored_cents(line["WriteOff"])
        elif line["Status"] == ClaimProcStatus.ESTIMATE:
            expected[line["ProcNum"]] += stored_cents(line["InsEstTotal"]) + max(0, stored_cents(line["WriteOffEst"]))
    by_key = {procedure["ProcNum"]: procedure for procedure in procedures}
    adjusted: dict[int, int] = defaultdict(int)
    for row in store.find("adjustment", {"PatNum": members}, sql='"ProcNum" <> 0'):
        procedure = by_key.get(row["ProcNum"])
        if procedure and row["ProvNum"] == procedure["ProvNum"] and row["ClinicNum"] == procedure["ClinicNum"]:
            adjusted[row["ProcNum"]] += stored_cents(row["AdjAmt"])
    financed = _financed(office, members)
    charges = []
    for key, row in by_key.items():
        open_ = charge_of(row) + adjusted[key] - insured[key] - paid[key]
        due = open_ - expected[key]
        if open_ > 0 and key not in financed:
            charges.append(
                Charge(
                    row["ProcDate"], row["PatNum"], row["ProvNum"], row["ClinicNum"], open_, max(due, 0), procedure=key
                )
            )
    return charges


def _financed(office: Office, members: list[int]) -> set[int]:
    """Procedures whose charge moved to a payment plan."""
    plans = [row["PayPlanNum"] for row in office.store.find("payplan", {"PatNum": members})]
    links = office.store.find("payplanlink", {"PayPlanNum": plans, "LinkType": 2}) if plans else []
    credits = office.store.find("payplancharge", {"PayPlanNum": plans, "ChargeType": 1}) if plans else []
    return {row["FKey"] for row in links} | {row["ProcNum"] for row in credits if row["ProcNum"]}


def _adjustments(office: Office, members: list[int], without: int) -> list[Charge]:
    paid = _split_sums(office, "AdjNum", members, without)
    charges = []
    for row in office.store.find("adjustment", {"PatNum": members, "ProcNum": 0}):
        open_ = stored_cents(row["AdjAmt"]) - paid[row["AdjNum"]]
        if row["AdjAmt"] > 0 and open_ > 0:
            key = row["AdjNum"]
            charges.append(
                Charge(row["AdjDate"], row["PatNum"], row["ProvNum"], row["ClinicNum"], open_, open_, adjustment=key)
            )
    return charges


def plan_charges(office: Office, members: list[int], *, plan: int = 0, without_payment: int = 0) -> list[Charge]:
    """Due and unpaid charges of open patient payment plans, of one plan or of all of the family, oldest first."""
    where: Row = {"PayPlanNum": plan} if plan else {"PatNum": members}
    plans = office.store.find("payplan", where | {"IsClosed": 0, "PlanNum": 0})
    if not plans:
        return []
    paid: dict[int, int] = defaultdict(int)
    numbers = [row["PayPlanNum"] for row in plans]
    for split in office.store.find("paysplit", {"PayPlanNum": numbers}, sql=f'"PayNum" <> {int(without_payment)}'):
        paid[split["PayPlanChargeNum"]] += stored_cents(split["SplitAmt"])
    charges = []
    rows = office.store.find(
        "payplancharge", {"PayPlanNum": numbers, "ChargeType": 0}, order='"ChargeDate", "PayPlanChargeNum"'
    )
    for row in rows:
        open_ = stored_cents(row["Principal"]) + stored_cents(row["Interest"]) - paid[row["PayPlanChargeNum"]]
        if open_ > 0 and row["ChargeDate"] <= office.today():
            charges.append(
                Charge(
                    row["ChargeDate"],
                    row["PatNum"],
                    row["ProvNum"],
                    row["ClinicNum"],
                    open_,
                    open_,
                    procedure=row["ProcNum"],
                    plan=row["PayPlanNum"],
                    plan_charge=row["PayPlanChargeNum"],
                )
            )
    return charges


@dataclass(frozen=True, slots=True)
class Aged:
    """What a family owes on a day; money in cents."""

    guarantor: int
    members: list[Row]
    balances: dict[int, int]
    """Of each member."""
    buckets: tuple[int, int, int, int]
    """Unpaid charges of 0 to 30, 31 to 60, 61 to 90 and more days."""
    insured: int
    writeoff: int

    @property
    def total(self) -> int:
        """The family's balance."""
        return sum(self.balances.values())


def aged(office: Office, day: str, clinic: int | None = None) -> list[Aged]:
    """Every family's balance by age on `day`, of one clinic's entries or of all; nothing is written."""
    balances: dict[int, int] = defaultdict(int)
    charges: dict[int, list[tuple[str, int]]] = defaultdict(list)
    credits: dict[int, int] = defaultdict(int)
    for patient, entry_day, amount, entry_clinic in _movements(office):
        if clinic is not None and entry_clinic != clinic:
            continue
        balances[patient] += amount
        if amount > 0 and entry_day <= day:
            charges[patient].append((entry_day, amount))
        elif amount < 0:
            credits[patient] -= amount
    pending: dict[int, tuple[int, int]] = {}
    for patient, insured, writeoff in office.store.tuples(
        'SELECT "PatNum", round(sum("InsPayEst") * 100), round(sum("WriteOff") * 100) '
        'FROM "claimproc" WHERE "Status" = 0 GROUP BY 1'
    ):
        pending[patient] = (int(insured), int(writeoff))
    families: dict[int, list[Row]] = defaultdict(list)
    for row in office.store.find("patient"):
        families[row["Guarantor"]].append(row)
    found = []
    for guarantor, members in families.items():
        keys = [row["PatNum"] for row in members]
        credit = sum(credits[key] for key in keys)
        found.append(
            Aged(
                guarantor,
                members,
                {key: balances[key] for key in keys},
                _buckets(date.fromisoformat(day), [c for key in keys for c in charges[key]], credit),
                sum(pending.get(key, (0, 0))[0] for key in keys),
                sum(pending.get(key, (0, 0))[1] for key in keys),
            )
        )
    return found


def age(office: Office, *, keep_stamps: bool = False) -> int:
    """Refresh the balances kept on patients' rows, as the nightly aging does; returns how many rows changed.

    Until then they are stale: no write of the API touches them. A patient's own balance is on each row; everything
    else is the family's and stands on the guarantor's row alone. `keep_stamps` leaves the change stamps alone, which
    the database itself would not.
    """
    changed = 0
    for family_ in aged(office, office.today()):
        keys = list(family_.balances)
        plan_due = sum(charge.open for charge in plan_charges(office, keys)) if _has_plans(office) else 0
        for row in family_.members:
            head = row["PatNum"] == family_.guarantor
            new: Row = {
                "EstBalance": money(family_.balances[row["PatNum"]]),
                "BalTotal": money(family_.total) if head else 0.0,
                "InsEst": money(family_.insured + family_.writeoff) if head else 0.0,
                "PayPlanDue": money(plan_due) if head else 0.0,
            }
            for name, amount in zip(("Bal_0_30", "Bal_31_60", "Bal_61_90", "BalOver90"), family_.buckets, strict=True):
                new[name] = money(amount) if head else 0.0
            if any(row[name] != value for name, value in new.items()):
                stamps = {"DateTStamp": row["DateTStamp"]} if keep_stamps else {}
                changed += office.store.update("patient", row["PatNum"], new | stamps)
    office.store.set_preference("DateLastAging", office.today())
    if not keep_stamps:
        office.log("AgingRan", 0, "Aging ran.")
    return changed


def _has_plans(office: Office) -> bool:
    return office.store.count("payplan") > 0


def _movements(office: Office) -> list[tuple[int, str, int, int]]:
    """Everything that moves a patient's balance: (PatNum, day, cents, ClinicNum), charges positive."""
    hidden = "SELECT DefNum FROM definition WHERE Category = 29 AND ItemValue LIKE '%X%'"
    parts = (
        'SELECT "PatNum", "ProcDate", "ProcFee" * max(1, "UnitQty" + "BaseUnits"), "ClinicNum" '
        'FROM "procedurelog" WHERE "ProcStatus" = 2',
        'SELECT "PatNum", "AdjDate", "AdjAmt", "ClinicNum" FROM "adjustment"',
        'SELECT "PatNum", "DateCP", -"InsPayAmt" - "WriteOff", "ClinicNum" FROM "claimproc" '
        'WHERE "Status" IN (1, 4, 7)',
        f'SELECT "PatNum", "DatePay", -"SplitAmt", "ClinicNum" FROM "paysplit" WHERE "UnearnedType" NOT IN ({hidden})',  # noqa: S608
    )
    return [
        (patient, day, round(amount * 100), clinic)
        for part in parts
        for patient, day, amount, clinic in office.store.tuples(part)
        if amount
    ]


def _buckets(today: date, charges: list[tuple[str, int]], credit: int) -> tuple[int, int, int, int]:
    """Unpaid charges by age; all credits of the family go to the oldest charge first."""
    sums = [0, 0, 0, 0]
    for day, amount in sorted(charges):
        left = max(0, amount - credit)
        credit = max(0, credit - amount)
        old = (today - date.fromisoformat(day)).days
        sums[0 if old <= 30 else 1 if old <= 60 else 2 if old <= 90 else 3] += left
    return sums[0], sums[1], sums[2], sums[3]
