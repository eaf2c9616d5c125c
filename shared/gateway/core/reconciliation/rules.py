"""All rules, and what they find in a practice's books. Pure; none of them knows of another.

What a rule goes by stands in its docstring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from gateway.core.reconciliation import carrier_money, patient_money
from gateway.core.reconciliation.books import Books
from gateway.core.reconciliation.finding import Found, Kind
from gateway.core.reconciliation.settings import DEFAULT, Settings

Rule = Callable[[Books, Settings], Iterable[Found]]

RULES: Final[Mapping[Kind, Rule]] = {
    Kind.UNAPPLIED_PATIENT_MONEY: patient_money.unapplied_patient_money,
    Kind.OVERPAID_PROCEDURE: patient_money.overpaid_procedure,
    Kind.CREDIT_BALANCE: patient_money.credit_balance,
    Kind.PAYMENT_MISMATCH: patient_money.payment_mismatch,
    Kind.PAYMENT_PLAN_BEHIND: patient_money.payment_plan_behind,
    Kind.BALANCE_MISMATCH: patient_money.balance_mismatch,
    Kind.BROKEN_APPOINTMENT_OPEN: patient_money.broken_appointment_open,
    Kind.UNDERPAID_BY_CARRIER: carrier_money.underpaid_by_carrier,
    Kind.OVERPAID_BY_CARRIER: carrier_money.overpaid_by_carrier,
    Kind.CLAIM_SILENT: carrier_money.claim_silent,
    Kind.CLAIM_UNSENT: carrier_money.claim_unsent,
    Kind.CLAIM_DENIED: carrier_money.claim_denied,
    Kind.RECEIVED_NOT_FINALISED: carrier_money.received_not_finalised,
    Kind.CLAIM_PAYMENT_MISMATCH: carrier_money.claim_payment_mismatch,
    Kind.SECONDARY_NOT_BILLED: carrier_money.secondary_not_billed,
}
"""One for each kind."""


def find(books: Books, settings: Settings = DEFAULT) -> list[Found]:
    """Everything that does not add up, each once."""
    return [one for rule in RULES.values() for one in rule(books, settings)]
