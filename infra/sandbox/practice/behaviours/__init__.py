"""What the practice does beyond plain rows, one module a subject; importing this package registers all of them."""

from infra.sandbox.practice.behaviours import (
    accounts,
    adjustments,
    appointments,
    claims,
    commlogs,
    coverage,
    groupnotes,
    patients,
    payments,
    procedures,
    recalls,
    subscriptions,
)

__all__ = [
    "accounts",
    "adjustments",
    "appointments",
    "claims",
    "commlogs",
    "coverage",
    "groupnotes",
    "patients",
    "payments",
    "procedures",
    "recalls",
    "subscriptions",
]
