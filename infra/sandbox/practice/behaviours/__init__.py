"""What the practice does beyond plain rows, one module a subject; importing this package registers all of them."""

from infra.sandbox.practice.behaviours import appointments, claims, patients, payments, procedures, recalls

__all__ = ["appointments", "claims", "patients", "payments", "procedures", "recalls"]
