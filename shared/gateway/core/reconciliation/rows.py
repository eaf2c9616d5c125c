"""The rows that the rules are about, as small as they can be: keys, days, cents and words of status. No names.

A practice with 100,000 procedures has half a million of them, and all are held at once.
Sources: https://www.opendental.com/site/apiprocedurelogs.html, apiclaims, apiclaimprocs, apiclaimpayments, apipayments,
apipaysplits, apiadjustments, apipayplans, apipayplancharges, apipatients, apipatplans, apiinsplans, apicarriers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, Final, TypeAlias

from gateway.core.normalize import values
from gateway.core.normalize.payments import category_of

Row: TypeAlias = Mapping[str, Any]

BROKEN_CODES: Final = frozenset({"D9986", "D9987"})
"""What an office charts of visits that were missed or cancelled late: completed procedures, and no production."""

PAID: Final = frozenset({"Received", "Supplemental", "CapComplete"})
"""Statuses of claim lines whose payments and write-offs count in a balance."""

ANSWERED: Final = frozenset({"Received", "Supplemental"})

COVERED: Final = "Procedure"
PLANNED: Final = frozenset({"TP", "TPi"})

_CENTS: Final = Decimal(100)
_WHOLE: Final = Decimal(1)


def cents(value: object) -> int:
    """An amount of the wire in cents, halves away from zero; 0 for nothing, and for what is no amount."""
    if value.__class__ is int:
        return int(value) * 100
    found = value if isinstance(value, Decimal) and value.is_finite() else values.exact(value)
    return int((found * _CENTS).quantize(_WHOLE, ROUND_HALF_UP))


def set_cents(value: object) -> int | None:
    """The same where -1 stands for "not set"; None for that and for nothing."""
    found = values.exact_or_unset(value)
    return None if found is None else cents(found)


@lru_cache(maxsize=65536)
def _day_of(text: str) -> date | None:
    found = values.day(text)
    return None if found is None else date.fromisoformat(found)


def day(value: object) -> date | None:
    """A calendar day of the wire (of a moment, its day); None where it is unset or none."""
    return _day_of(value[:10]) if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Procedure:
    """A completed one. `cost`: fee times units."""

    key: int
    patient: int
    day: date | None
    cost: int
    provider: int
    clinic: int
    is_broken: bool
    edited: date | None


@dataclass(frozen=True, slots=True)
class Claim:
    """`kind`, `status`: the vendor's words (P, S, PreAuth, Cap, Other; U, H, W, S, R, I). `row`: as it came, of those
    alone that were answered with nothing, because only its words tell a denial."""

    key: int
    patient: int
    kind: str
    status: str
    service: date | None
    sent: date | None
    received: date | None
    plan: int
    other_plan: int
    fee: int
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Of a claim, or an estimate. `expected_write_off` is None where nobody estimated one. `row`: as of `Claim`."""

    key: int
    procedure: int
    claim: int
    patient: int
    status: str
    billed: int
    expected: int
    estimate: int
    paid: int
    write_off: int
    expected_write_off: int | None
    deductible: int
    payment: int
    day: date | None
    plan: int
    pay_plan: int
    is_transfer: bool
    clinic: int
    edited: date | None
    row: Row | None = None

    @property
    def counts(self) -> bool:
        """Whether its payment and write-off are in the balance."""
        return self.status in PAID


@dataclass(frozen=True, slots=True)
class Check:
    """A carrier's payment."""

    key: int
    day: date | None
    amount: int
    is_partial: bool
    method: str


@dataclass(frozen=True, slots=True)
class Payment:
    """A patient's payment, a refund or a transfer: only its header."""

    key: int
    patient: int
    day: date | None
    amount: int
    method: str
    has_type: bool


@dataclass(frozen=True, slots=True)
class Split:
    """Part of a payment. `unearned`: DefNum of the type, 0 for earned money."""

    key: int
    payment: int
    patient: int
    amount: int
    day: date | None
    provider: int
    procedure: int
    adjustment: int
    pay_plan: int
    plan_charge: int
    unearned: int
    edited: date | None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Signed: above zero it is a charge."""

    key: int
    patient: int
    day: date | None
    amount: int
    provider: int
    clinic: int
    procedure: int
    edited: date | None


@dataclass(frozen=True, slots=True)
class PayPlan:
    """`insurance_plan` is set where a carrier is to pay it; `credits`: what was moved to it."""

    key: int
    patient: int
    guarantor: int
    day: date | None
    insurance_plan: int
    is_closed: bool
    is_dynamic: bool
    credits: int


@dataclass(frozen=True, slots=True)
class PlanCharge:
    """A debit (due) or a credit (work that moved to the plan)."""

    key: int
    plan: int
    patient: int
    guarantor: int
    day: date | None
    amount: int
    is_credit: bool
    procedure: int


@dataclass(frozen=True, slots=True)
class Patient:
    """`stored`: BalTotal, the family's, which stands on the guarantor's row alone."""

    key: int
    guarantor: int
    stored: int
    own: int


@dataclass(frozen=True, slots=True)
class Plan:
    """An insurance plan."""

    key: int
    carrier: int
    kind: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """That a patient is covered, as the `ordinal`th, by a subscription."""

    patient: int
    ordinal: int
    subscription: int


_key = values.key


def _edited(row: Row, column: str) -> date | None:
    return day(row.get(column))


def procedure(row: Row) -> Procedure | None:
    """None for all that is not completed: only that is a charge. Fee times (UnitQty + BaseUnits), normally 1 and 0."""
    get = row.get
    if get("ProcStatus") != "C":
        return None
    units = max(1, _key(get("UnitQty")) + _key(get("BaseUnits")))
    return Procedure(
        _key(get("ProcNum")),
        _key(get("PatNum")),
        day(get("ProcDate")),
        cents(get("ProcFee")) * units,
        _key(get("ProvNum")),
        _key(get("ClinicNum")),
        get("procCode") in BROKEN_CODES,
        _edited(row, "DateTStamp"),
    )


def claim(row: Row) -> Claim:
    """See `Claim`."""
    get = row.get
    kind, status = str(get("ClaimType") or ""), str(get("ClaimStatus") or "")
    is_nothing = status == "R" and kind not in {"PreAuth", "Cap"} and cents(get("InsPayAmt")) <= 0
    return Claim(
        _key(get("ClaimNum")),
        _key(get("PatNum")),
        kind,
        status,
        day(get("DateService")),
        day(get("DateSent")),
        day(get("DateReceived")),
        _key(get("PlanNum")),
        _key(get("PlanNum2")),
        cents(get("ClaimFee")),
        row if is_nothing else None,
    )


def line(row: Row, *, keep: Callable[[int], bool] = lambda _: False) -> Line:
    """`keep`: whether the row itself is kept, by its claim."""
    get = row.get
    number = _key(get("ClaimNum"))
    override = set_cents(get("WriteOffEstOverride"))
    estimate = set_cents(get("InsEstTotalOverride"))
    return Line(
        _key(get("ClaimProcNum")),
        _key(get("ProcNum")),
        number,
        _key(get("PatNum")),
        str(get("Status") or ""),
        cents(get("FeeBilled")),
        cents(get("InsPayEst")),
        cents(get("InsEstTotal")) if estimate is None else estimate,
        cents(get("InsPayAmt")),
        cents(get("WriteOff")),
        set_cents(get("WriteOffEst")) if override is None else override,
        cents(get("DedApplied")),
        _key(get("ClaimPaymentNum")),
        day(get("DateCP")),
        _key(get("PlanNum")),
        _key(get("PayPlanNum")),
        values.flag(get("IsTransfer")) is True,
        _key(get("ClinicNum")),
        _edited(row, "SecDateTEdit"),
        row if number and keep(number) else None,
    )


def check(row: Row) -> Check:
    """See `Check`."""
    get = row.get
    return Check(
        _key(get("ClaimPaymentNum")),
        day(get("CheckDate")),
        cents(get("CheckAmt")),
        values.flag(get("IsPartial")) is True,
        category_of(row),
    )


def payment(row: Row) -> Payment:
    """See `Payment`."""
    get = row.get
    return Payment(
        _key(get("PayNum")),
        _key(get("PatNum")),
        day(get("PayDate")),
        cents(get("PayAmt")),
        category_of(row),
        bool(_key(get("PayType"))),
    )


def split(row: Row) -> Split:
    """See `Split`."""
    get = row.get
    return Split(
        _key(get("SplitNum")),
        _key(get("PayNum")),
        _key(get("PatNum")),
        cents(get("SplitAmt")),
        day(get("DatePay")),
        _key(get("ProvNum")),
        _key(get("ProcNum")),
        _key(get("AdjNum")),
        _key(get("PayPlanNum")),
        _key(get("PayPlanChargeNum")),
        _key(get("UnearnedType")),
        _edited(row, "SecDateTEdit"),
    )


def adjustment(row: Row) -> Adjustment:
    """See `Adjustment`."""
    get = row.get
    return Adjustment(
        _key(get("AdjNum")),
        _key(get("PatNum")),
        day(get("AdjDate")),
        cents(get("AdjAmt")),
        _key(get("ProvNum")),
        _key(get("ClinicNum")),
        _key(get("ProcNum")),
        _edited(row, "SecDateTEdit"),
    )


def pay_plan(row: Row) -> PayPlan:
    """See `PayPlan`."""
    get = row.get
    return PayPlan(
        _key(get("PayPlanNum")),
        _key(get("PatNum")),
        _key(get("Guarantor")),
        day(get("PayPlanDate")),
        _key(get("PlanNum")),
        values.flag(get("IsClosed")) is True,
        values.flag(get("IsDynamic")) is True,
        cents(get("CompletedAmt")),
    )


def plan_charge(row: Row) -> PlanCharge:
    """See `PlanCharge`."""
    get = row.get
    linked = _key(get("FKey")) if get("LinkType") == COVERED else 0
    return PlanCharge(
        _key(get("PayPlanChargeNum")),
        _key(get("PayPlanNum")),
        _key(get("PatNum")),
        _key(get("Guarantor")),
        day(get("ChargeDate")),
        cents(get("Principal")) + cents(get("Interest")),
        get("ChargeType") == "Credit",
        _key(get("ProcNum")) or linked,
    )


def patient(row: Row) -> Patient:
    """See `Patient`."""
    get = row.get
    number = _key(get("PatNum"))
    return Patient(number, _key(get("Guarantor")) or number, cents(get("BalTotal")), cents(get("EstBalance")))


def plan(row: Row) -> Plan:
    """See `Plan`."""
    return Plan(_key(row.get("PlanNum")), _key(row.get("CarrierNum")), str(row.get("PlanType") or ""))


def coverage(row: Row) -> Coverage:
    """See `Coverage`."""
    return Coverage(_key(row.get("PatNum")), _key(row.get("Ordinal")), _key(row.get("InsSubNum")))


def takes_paper(row: Row) -> bool:
    """Whether a carrier's claims go by post."""
    return row.get("NoSendElect") == "NoSendElect"


def is_hidden_type(row: Row) -> bool:
    """Whether a definition is a type of unearned money that balances leave out until it is moved: X in its value."""
    return row.get("category") == "PaySplitUnearnedType" and "X" in str(row.get("ItemValue") or "").upper()
