"""What is no row of Open Dental, in the form the API shows: operations and practices."""

from __future__ import annotations

from typing import Any

from gateway.core.operations import Operation
from gateway.core.ports import PaceView
from gateway.core.practices import Practice, WayName
from gateway.core.walltime import instant_text, optional_instant_text


def operation_view(operation: Operation) -> dict[str, Any]:
    """An operation as its caller sees it. A fetch has no `result`: asking again is answered from what it brought."""
    return {
        "id": operation.id,
        "kind": operation.request.kind,
        "practice_id": operation.request.practice_id,
        "state": operation.state.value,
        "submitted_at": instant_text(operation.submitted_at),
        "queue_position": operation.queue_position,
        "eta_at": optional_instant_text(operation.eta_at),
        "finished_at": optional_instant_text(operation.finished_at),
        "result": None if operation.result is None else dict(operation.result),
        "warnings": [dict(warning) for warning in operation.warnings],
        "error": None if operation.error is None else dict(operation.error),
        "idempotency_key": operation.request.idempotency_key,
        "upstream_calls": operation.upstream_calls,
    }


def practice_view(practice: Practice, pace: PaceView | None = None) -> dict[str, Any]:
    """A practice as its callers see it: no key, no fingerprint, no address of an office's own network.

    `pace` says which of two ways is in use; without it, that of a practice with two is not told.
    """
    return {
        "id": practice.id,
        "name": practice.name,
        "time_zone": practice.time_zone,
        "mode": practice.mode.value,
        "ways": _ways(practice, pace),
        "upstream": practice.upstream,
        "version": practice.version,
        "permissions": sorted(practice.permissions),
        "state": practice.state,
        "connected_at": optional_instant_text(practice.connected_at),
    }


def _ways(practice: Practice, pace: PaceView | None) -> list[dict[str, Any]]:
    fallback = practice.fallback
    said = [(WayName.FIRST, practice.mode)] + ([] if fallback is None else [(WayName.FALLBACK, fallback.mode)])
    shown = []
    for name, mode in said:
        only = len(said) == 1
        is_used = True if only else None if pace is None else pace.way is name
        since = pace.way_since if is_used and pace is not None and not only else None
        shown.append({"name": name.value, "mode": mode.value, "in_use": is_used, "since": optional_instant_text(since)})
    return shown
