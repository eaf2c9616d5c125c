"""Cents as the API shows money."""

from __future__ import annotations

from gateway.core.normalize.values import CURRENCY
from gateway.core.reconciliation.journal import text_of


def money(cents: int) -> dict[str, str]:
    """An amount with its currency."""
    return {"amount": text_of(cents), "currency": CURRENCY}
