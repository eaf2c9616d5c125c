"""Reconciles one practice for a workflow, or says which practices there are. Roles of machines alone may invoke it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.reconciliation.stepping import Step, do_step
from gateway.wiring.services import services


def lambda_handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Do the step. What may succeed if it is tried again is an exception, which the machine retries."""
    return do_step(Step.model_validate(event), on=services())
