"""Posting a patient's payment: everything that can be refused is refused before the first POST.

Open Dental spreads a new payment by the office's own rules; where the caller said what it is for, the splits are read
and, where they differ, replaced (`payments.Partial`), each write with a ledger row of its own.
Sources: https://www.opendental.com/site/apipayments.html, https://www.opendental.com/site/apipaysplits.html.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from gateway.core import normalize
from gateway.core.errors import Conflict, NotFound
from gateway.core.fetches import knows
from gateway.core.ids import row_id
from gateway.core.normalize.values import money_of
from gateway.core.plans import Evidence, Outcome, Plan, PlanContext, UpstreamAnswer, UpstreamCall
from gateway.core.writes.common import blames, day_of, listed, not_by_us, with_reference
from open_dental import wire

_OPEN_LINES = frozenset({"Received", "Supplemental", "CapComplete"})
"""Statuses of claim lines that have lowered what is due on a procedure."""


@blames(
    PatNum="patient_id",
    PayAmt="amount",
    PayDate="received_on",
    PayType="payment_type_id",
    CheckNum="check_number",
    BankBranch="bank_branch",
    PayNote="note",
    ClinicNum="location_id",
)
def create_for_patient(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `POST /create_payment` with `kind: patient`.

    `input_`: `patient`, `amount` (text), `received_on` (text), `payment_type`, `location` (keys, 0 for none),
    `check_number`, `bank_branch`, `note`, `only_this_patient`, `is_prepayment`, `allocations` (`[[ProcNum, text]]`).

    Raises:
        NotFound: a procedure that is not there or not in the patient's family.
        Conflict: `reason`: `plan-financed`; `more-than-due` or `nothing-due`, with `procedure_id` and what is `due`.
    """
    practice = context.practice
    wanted = {int(key): Decimal(amount) for key, amount in input_["allocations"]}
    if wanted:
        yield from _check_allocations(input_["patient"], wanted, context)
    # By the day of entry, which is the server's: one day of leeway covers a server in another zone.
    since = day_of(None, context) - timedelta(days=1)
    look = UpstreamCall("payments.list", query={"PatNum": input_["patient"], "DateEntry": f"{since}"})
    before = yield from listed(look.operation, look.query, context)

    created = (yield _post(input_, list(wanted), look, before, context)).row
    key = wire.key(created.get("PayNum")) or 0
    splits = yield from _splits(key, context)
    if wanted and _by_procedure(splits) != wanted:
        lines = [{"ProcNum": procedure, "Amount": f"{amount}"} for procedure, amount in wanted.items()]
        body = {"procNumsAndAmounts": lines}
        yield UpstreamCall("payments.Partial", path={"PayNum": key}, body=body, step="allocate")
        splits = yield from _splits(key, context)
        if _by_procedure(splits) != wanted:
            raise Conflict("the office did not allocate the payment as asked", param="allocations")
    # There is no GET of one payment: the list of the patient's days has the row as it now stands.
    after = yield from listed(look.operation, look.query, context)
    row = next((one for one in after if wire.key(one.get("PayNum")) == key), created)
    return Outcome(
        body=normalize.patient_payment(row, practice=practice, splits=splits, synced_at=context.accepted_at),
        created=True,
        warnings=not_by_us(row, "PayNote", context),
    )


def _check_allocations(
    patient: int, wanted: Mapping[int, Decimal], context: PlanContext
) -> Generator[UpstreamCall, UpstreamAnswer, None]:
    person = (yield UpstreamCall("patients.get", path={"PatNum": patient})).row
    guarantor = wire.key(person.get("Guarantor")) or patient
    members = yield from listed("patients.Simple", {"Guarantor": guarantor}, context)
    # An office too old for the filter ignores it and lists everybody, so it is applied here as well.
    family = {patient} | {wire.key(one.get("PatNum")) for one in members if wire.key(one.get("Guarantor")) == guarantor}
    financed = yield from _financed(patient, guarantor, context)
    for procedure, amount in wanted.items():
        row = (yield UpstreamCall("procedurelogs.get", path={"ProcNum": procedure})).row
        if wire.key(row.get("PatNum")) not in family:
            raise NotFound("an allocation names a procedure outside the patient's family", param="allocations")
        if procedure in financed:
            raise Conflict("a procedure is financed by a payment plan", param="allocations", reason="plan-financed")
        due = yield from _due(row, context)
        if amount > due:
            raise Conflict(
                "an allocation is more than what is due on its procedure",
                param="allocations",
                reason="more-than-due" if due > 0 else "nothing-due",
                procedure_id=row_id("procedure", context.practice.id, procedure),
                due=money_of(max(due, Decimal(0))),
            )


def _financed(
    patient: int, guarantor: int, context: PlanContext
) -> Generator[UpstreamCall, UpstreamAnswer, frozenset[int]]:
    """Procedures on open payment plans of the family: their money is due on the plan, not on them."""
    plans = yield from listed("payplans.list", {"Guarantor": guarantor}, context)
    if patient != guarantor:
        plans += yield from listed("payplans.list", {"PatNum": patient}, context)
    found: set[int] = set()
    for number in sorted(
        {wire.key(plan.get("PayPlanNum")) or 0 for plan in plans if not wire.flag(plan.get("IsClosed"))}
    ):
        charges = yield from listed("payplancharges.list", {"PayPlanNum": number}, context)
        found |= {wire.key(charge.get("ProcNum")) or 0 for charge in charges}
        if knows(context.practice, "payplanlinks.list"):
            links = yield from listed("payplanlinks.list", {"PayPlanNum": number}, context)
            found |= {wire.key(link.get("FKey")) or 0 for link in links if link.get("LinkType") == "Procedure"}
    return frozenset(found - {0})


def _due(row: Mapping[str, Any], context: PlanContext) -> Generator[UpstreamCall, UpstreamAnswer, Decimal]:
    """What is due on one procedure: its charge, less what insurance, patients and adjustments took off it.

    Only a completed procedure is due; money for planned work is a prepayment.
    """
    if row.get("ProcStatus") != "C":
        return Decimal(0)
    key = wire.key(row["ProcNum"]) or 0
    units = max(1, (wire.integer(row.get("UnitQty")) or 0) + (wire.integer(row.get("BaseUnits")) or 0))
    due = (wire.money(row.get("ProcFee")) or Decimal(0)) * units
    for line in (yield from listed("claimprocs.list", {"ProcNum": key}, context)):
        if line.get("Status") in _OPEN_LINES and wire.key(line.get("ProcNum")) == key:
            due -= (wire.money(line.get("InsPayAmt")) or 0) + (wire.money(line.get("WriteOff")) or 0)
    for split in (yield from listed("paysplits.list", {"ProcNum": key}, context)):
        if wire.key(split.get("ProcNum")) == key:
            due -= wire.money(split.get("SplitAmt")) or 0
    asked = {"PatNum": wire.key(row["PatNum"]) or 0, "ProcNum": key}
    for one in (yield from listed("adjustments.list", asked, context)):
        if wire.key(one.get("ProcNum")) == key:
            due += wire.money(one.get("AdjAmt")) or 0
    return due


def _splits(key: int, context: PlanContext) -> Generator[UpstreamCall, UpstreamAnswer, list[Any]]:
    if not knows(context.practice, "paysplits.list"):
        return []
    rows = yield from listed("paysplits.list", {"PayNum": key}, context)
    return [row for row in rows if wire.key(row.get("PayNum")) == key]


def _by_procedure(splits: list[Any]) -> dict[int, Decimal]:
    """Split amounts by procedure; 0 collects what is on none, and is missing where that is nothing."""
    sums: dict[int, Decimal] = {}
    for split in splits:
        key = wire.key(split.get("ProcNum")) or 0
        sums[key] = sums.get(key, Decimal(0)) + (wire.money(split.get("SplitAmt")) or 0)
    return {key: amount for key, amount in sums.items() if amount}


def _post(
    input_: Mapping[str, Any],
    procedures: list[int],
    look: UpstreamCall,
    before: list[Any],
    context: PlanContext,
) -> UpstreamCall:
    body: dict[str, Any] = {
        "PayAmt": input_["amount"],
        "PatNum": input_["patient"],
        "PayDate": day_of(input_["received_on"], context).isoformat(),
        "PayNote": with_reference(input_["note"], context),
    }
    optional = {
        "PayType": input_["payment_type"],
        "CheckNum": input_["check_number"],
        "BankBranch": input_["bank_branch"],
        "ClinicNum": input_["location"],
        "isPatientPreferred": input_["only_this_patient"],
        "isPrepayment": input_["is_prepayment"],
        "procNums": procedures,
    }
    body |= {name: value for name, value in optional.items() if value}
    natural = {name: body[name] for name in ("PatNum", "PayAmt", "PayDate")}
    natural["CheckNum"] = input_["check_number"] or ""
    return UpstreamCall(
        "payments.create",
        body=body,
        step="create",
        evidence=Evidence(
            look=look,
            key_field="PayNum",
            natural=natural,
            known_keys=frozenset(wire.key(row.get("PayNum")) or 0 for row in before),
            reference=context.reference if context.practice.writes_reference else None,
            reference_field="PayNote",
        ),
    )
