"""The first step of an export: which run it is, and of which practices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.export.stepping import prepare
from gateway.wiring.export import export_services


def lambda_handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """`{run_id}` of a run that was asked for, or `{scheduled}`, the name of the clock's execution."""
    return prepare(event.get("run_id"), scheduled=event.get("scheduled"), on=export_services())
