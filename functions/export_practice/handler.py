"""The step of an export that writes one practice's files; where its time ends first, it is called again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from gateway.core.export.stepping import export_practice
from gateway.wiring.export import export_services


class Context(Protocol):
    """What Lambda tells of the invocation."""

    def get_remaining_time_in_millis(self) -> int: ...


def lambda_handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """`{run_id, practice_id}`."""
    return export_practice(
        event["run_id"],
        event["practice_id"],
        time_left_s=lambda: context.get_remaining_time_in_millis() / 1000,
        on=export_services(),
    )
