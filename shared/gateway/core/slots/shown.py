"""A free time as callers see it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from gateway.core.ids import optional_row_id, row_id
from gateway.core.practices import Practice
from gateway.core.walltime import zone_clock


def slot(
    practice: Practice, *, start: datetime, units: int, provider: int, op: int, location: int = 0
) -> dict[str, Any]:
    """A free time of `units` of five minutes. `location` says in which zone `start` is."""
    zone = practice.zone(location)
    minutes = 5 * units
    span = zone_clock(zone.key).span(start.isoformat(sep=" "), minutes)
    assert span is not None
    start_at, end_at, local_start, local_end, _, _ = span
    return {
        "practice_id": practice.id,
        "location_id": optional_row_id("location", practice.id, location),
        "start_at": start_at,
        "end_at": end_at,
        "local_start": local_start,
        "local_end": local_end,
        "time_zone": zone.key,
        "duration_minutes": minutes,
        "provider_id": row_id("provider", practice.id, provider),
        "operatory_id": row_id("operatory", practice.id, op),
    }
