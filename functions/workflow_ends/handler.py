"""Notes of each run what became of it, when Step Functions tells that its execution is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.workflows.ending import note_end
from gateway.wiring.task import task_services


def lambda_handler(event: Mapping[str, Any], _context: object) -> None:
    """Take one event of Step Functions; a repeat changes nothing. What fails is tried again by Lambda, twice."""
    note_end(event["detail"], runs=task_services().runs)
