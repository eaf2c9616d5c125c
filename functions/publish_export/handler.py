"""The last step of an export: makes it visible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.export.stepping import publish
from gateway.wiring.export import export_services


def lambda_handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """`{run_id}`."""
    return publish(event["run_id"], on=export_services())
