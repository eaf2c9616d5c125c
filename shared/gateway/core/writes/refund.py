"""Giving a patient's payment back: everything that can be refused is refused before the POST.

Open Dental refunds whole payments only, and would refund one twice. There is no GET of one payment: its splits say in
whose list it stands. Costs five calls.
Sources: https://www.opendental.com/site/apipayments.html, https://www.opendental.com/manual/refunds.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from gateway.core import normalize
from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.fetches import Steps
from gateway.core.ids import row_id
from gateway.core.plans import Evidence, Outcome, Plan, PlanContext, Row, UpstreamCall
from gateway.core.writes.common import blames, day_of, listed
from open_dental import wire


@blames(PayNum="payment_id")
def refund(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `POST /payments` with `kind: refund`.

    `input_`: `payment` (key), `patient` (key, 0 for none), `amount` (text or None), `allow_duplicate`.

    Raises:
        NotFound: no such payment of a patient.
        Invalid: the amount is not the payment's.
        Conflict: `reason` says why it cannot be refunded: `not-a-payment`, `plan-financed`, `negative-splits`,
            `refunded-already` (with `payment_ids`).
    """
    number = input_["payment"]
    splits = yield from _splits(number, context)
    row, beside = yield from _find(number, input_["patient"], splits, context)
    paid = wire.money(row.get("PayAmt")) or Decimal(0)
    _check(paid, splits, input_)
    again = _refunds(row, paid, beside)
    if again and not input_["allow_duplicate"]:
        raise Conflict(
            "a payment of the same amount below zero stands already, later than this one",
            param="payment_id",
            reason="refunded-already",
            payment_ids=[row_id("payment", context.practice.id, key) for key in again],
        )
    patient = wire.key(row.get("PatNum")) or 0
    # By the day of entry, which is the server's: one day of leeway covers a server in another zone.
    since = day_of(None, context) - timedelta(days=1)
    look = UpstreamCall("payments.list", query={"PatNum": patient, "DateEntry": f"{since}"})
    made = (
        yield UpstreamCall(
            "payments.Refund",
            body={"PayNum": number},
            step="refund",
            evidence=Evidence(
                look=look,
                key_field="PayNum",
                natural={"PatNum": patient, "PayAmt": f"{-paid}"},
                known_keys=frozenset(wire.key(one.get("PayNum")) or 0 for one in beside),
                # The row carries no reference of ours, whatever its note may hold.
                reference_field="PayNum",
            ),
        )
    ).row
    key = wire.key(made.get("PayNum")) or 0
    after = yield from listed(look.operation, look.query, context)
    shown = next((one for one in after if wire.key(one.get("PayNum")) == key), made)
    body = normalize.patient_payment(
        shown, practice=context.practice, splits=(yield from _splits(key, context)), synced_at=context.accepted_at
    )
    return Outcome(body=body, created=True)


def _splits(number: int, context: PlanContext) -> Steps[list[Row]]:
    rows = yield from listed("paysplits.list", {"PayNum": number}, context)
    return [row for row in rows if wire.key(row.get("PayNum")) == number]


def _find(number: int, patient: int, splits: list[Row], context: PlanContext) -> Steps[tuple[Row, list[Row]]]:
    """The payment, and all payments of its patient."""
    people = [patient] if patient else sorted({wire.key(split.get("PatNum")) or 0 for split in splits} - {0})
    for one in people:
        rows = yield from listed("payments.list", {"PatNum": one}, context)
        for row in rows:
            if wire.key(row.get("PayNum")) == number:
                return row, rows
    if people and not patient:
        raise NotFound(
            "the payment is in none of the lists of those it is split among; send patient_id", param="patient_id"
        )
    raise NotFound("no such payment", param="payment_id")


def _check(paid: Decimal, splits: list[Row], input_: Mapping[str, Any]) -> None:
    if paid <= 0:
        raise Conflict("this is a refund or a transfer itself", param="payment_id", reason="not-a-payment")
    if input_["amount"] is not None and Decimal(input_["amount"]) != paid:
        raise Invalid("Open Dental refunds a payment whole, and this is not its amount", param="amount")
    if any(wire.key(split.get("PayPlanNum")) for split in splits):
        raise Conflict("the payment is on a payment plan", param="payment_id", reason="plan-financed")
    if any((wire.money(split.get("SplitAmt")) or 0) < 0 for split in splits):
        raise Conflict("money of this payment was moved on already", param="payment_id", reason="negative-splits")


def _refunds(row: Row, paid: Decimal, beside: list[Row]) -> list[int]:
    """Later payments that take the same amount back."""
    own = wire.key(row.get("PayNum")) or 0
    return sorted(
        wire.key(one.get("PayNum")) or 0
        for one in beside
        if wire.money(one.get("PayAmt")) == -paid
        and str(one.get("PayDate") or "") >= str(row.get("PayDate") or "")
        and wire.key(one.get("PayNum")) != own
    )
