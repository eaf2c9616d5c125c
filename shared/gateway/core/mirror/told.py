"""Parts of what an operator is told of a mirror: its load, its server's clock, and what has befallen it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from gateway.core import pacing
from gateway.core.mirror import progress
from gateway.core.mirror.syncing import Incident, Phase, PracticeSync, ResourceSync, ServerZone, Wanted
from gateway.core.practices import Practice
from gateway.core.walltime import optional_instant_text

CLOCK_LEEWAY_S: Final = 120.0
"""Seconds that a server's clock may be off before it is worth a word."""

MACHINES_SILENT: Final = "machines-silent"
"""Of what a practice's machines tell by themselves: the mirror is as young as its polls, with them or without."""

_LONG_MINUTES: Final = 120

_HAPPENED: Final = {
    "silence": "nothing could be read from the practice for more than an hour: what changed meanwhile is asked for "
    "first, and lists that do not tell what changed are read again when they are due",
    "paused": "an operator had paused this mirror: what changed meanwhile is asked for first, and lists that do not "
    "tell what changed are read again when they are due",
    "server-clock-back": "the clock of the office's server was set back by hours: what changed since is read again",
    "backup-restored": "the office's data are older than they were, as after a restored backup: everything is read "
    "again",
    "database-moved": "the practice is on another database, with other rows under the same keys: everything is read "
    "again, and what this database lacks is taken out",
    "gateway-restored": "what is kept here was restored from a backup of the gateway's own: everything is read again",
    "machines-silent": "for more than a day none of the practice's machines has told what changed: is the one with the "
    "API service on, and does it get through to here? What nobody takes for three days Open Dental never tells any "
    "more. Nothing is lost by that, because changes are polled all the while; they are only noticed later",
}
"""Code of what befell a mirror -> what it means, for people."""


def load(
    state: PracticeSync, shown: Sequence[dict[str, Any]], practice: Practice, now: datetime, *, is_working: bool
) -> dict[str, Any]:
    """How much of all rows is here, how fast more come, and when all of them will be.

    Beside that it is written into `shown`, the resources: of how many rows a load will probably be, and when. Without
    `is_working` nothing is loaded now, and nobody knows when it will be.
    """
    sized = progress.sizes(state) if state.wanted is not Wanted.OFF else {}
    pace, page_limit = progress.pages_per_minute(state), practice.page_limit
    etas = progress.etas(sized, state, now, page_limit=page_limit) if is_working else {}
    for one in shown:
        name, running = one["resource"], one["progress"]
        if one["why"] in {"loading", "waiting"}:
            one["fresh_at"] = optional_instant_text(etas.get(name))
        if running is not None:
            size = sized.get(name)
            is_load = running["purpose"] == "load"
            if is_load and size is not None:
                running["percent"] = size.percent
            running["rows_expected"] = _expected(size, state.resources[name]) if is_load else one["rows"] or None
    eta_at = list(etas.values())[-1] if etas else None
    interval_s = pacing.floor_of(practice)
    least = progress.least(sized, state, now, page_limit=page_limit, interval_s=interval_s) if is_working else None
    loaded = [of for of in state.resources.values() if of.phase is Phase.LOADED]
    return {
        "percent_of_rows": progress.percent(sized, loaded),
        "pages_per_minute": None if not sized or pace is None else round(pace, 1),
        "eta_at": optional_instant_text(eta_at),
        "eta_seconds": None if eta_at is None else round((eta_at - now).total_seconds()),
        "not_before": optional_instant_text(least),
        "of_unknown_size": [name for name, size in sized.items() if size is None],
    }


def _expected(size: progress.Size | None, of: ResourceSync) -> int | None:
    """Rows, also where progress is measured in parents."""
    return of.expected if size is None or size.is_by_parent else size.rows


def of_the_rows(state: PracticeSync) -> Incident | None:
    """The youngest that is not over and keeps what is here from being young."""
    return next(
        (one for one in reversed(state.incidents) if one.healed_at is None and one.code != MACHINES_SILENT), None
    )


def incident(one: Incident) -> dict[str, Any]:
    """What befell the mirror, when, and whether it is over."""
    said = _HAPPENED.get(one.code)
    return {
        "code": one.code,
        "explanation": said if one.healed_at is None or said is None else f"{said}; that is done",
        "since": optional_instant_text(one.since),
        "noticed_at": optional_instant_text(one.noticed_at),
        "resources_read_again": len(one.resources),
        "healed_at": optional_instant_text(one.healed_at),
    }


def clock(state: PracticeSync, practice: Practice) -> dict[str, Any]:
    """The server's clock beside ours: whether it goes by the practice's zone, and how wrong it is besides.

    The two are told apart where the server says its zone; else their sum is all that is known.
    """
    offset, zone = state.server_offset_s, state.zone
    if offset is None or state.server_clock_at is None:
        nothing = ("server_offset_seconds", "measured_at", "agrees", "server_utc_offset_seconds", "skew_seconds")
        return {**dict.fromkeys(nothing), "explanation": None}
    told = zone if zone is not None and zone.offset_s is not None and zone.skew_s is not None else None
    if told is not None and state.server_clock_at > told.measured_at:
        assert told.offset_s is not None
        assert told.skew_s is not None
        if abs(offset - told.offset_s - told.skew_s) > CLOCK_LEEWAY_S:
            # The clock was set since it was asked for its zone, which is done once a day.
            told = None
    if told is None:
        said = _sum_said(offset - _offset_of(practice, state.server_clock_at), practice)
    else:
        said = _zone_said(told, practice)
    return {
        "server_offset_seconds": round(offset),
        "measured_at": optional_instant_text(state.server_clock_at),
        "agrees": said is None,
        "server_utc_offset_seconds": None if told is None else told.offset_s,
        "skew_seconds": None if told is None else told.skew_s,
        "explanation": said,
    }


def _offset_of(practice: Practice, at: datetime) -> float:
    """The practice's zone's own, in seconds from UTC."""
    offset = at.astimezone(practice.zone()).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def _sum_said(difference: float, practice: Practice) -> str | None:
    if abs(difference) <= CLOCK_LEEWAY_S:
        return None
    return (
        f"the clock of the office's server is {_span(difference)} from the wall clock of {practice.time_zone}: "
        "either it is wrong, or the practice's time_zone is. Changes are found all the same; visits are shown by "
        "time_zone"
    )


def _zone_said(zone: ServerZone, practice: Practice) -> str | None:
    assert zone.offset_s is not None
    assert zone.skew_s is not None
    said = []
    if zone.offset_s != _offset_of(practice, zone.measured_at):
        said.append(
            f"the office's server goes by UTC{_hours(zone.offset_s)}, which {practice.time_zone} is not now: check the "
            "practice's time_zone. Changes are found all the same; visits are shown by time_zone"
        )
    if abs(zone.skew_s) > CLOCK_LEEWAY_S:
        way = "ahead" if zone.skew_s > 0 else "behind"
        said.append(
            f"the clock of the office's server is {_span(zone.skew_s)} {way}: somebody at the office should set "
            "it; changes are found all the same"
        )
    return "; ".join(said) or None


def _span(seconds: float) -> str:
    """How wrong a clock is: in seconds, and from two hours on in hours and minutes."""
    minutes = round(abs(seconds) / 60)
    if minutes < _LONG_MINUTES:
        return f"{round(abs(seconds))} seconds"
    return f"{minutes // 60} hours" + (f" and {minutes % 60} minutes" if minutes % 60 else "")


def _hours(seconds: int) -> str:
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
