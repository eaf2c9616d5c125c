"""What an operator is told of what a practice's machines tell: what is subscribed, whether it works, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from gateway.core.mirror.syncing import Native, Phase, PracticeSync, Told, Wanted
from gateway.core.native.wanting import (
    FAILING,
    MACHINE_SILENT,
    NOT_TAKEN,
    UNREACHABLE,
    is_ending,
    is_refused,
    why_not,
)
from gateway.core.native.watched import WATCHED, Watched, watched_at
from gateway.core.practices import Practice
from gateway.core.walltime import optional_instant_text

UNPROVEN: Final = "unproven"
NOT_LOADED: Final = "not-loaded"
NOT_MIRRORED: Final = "not-mirrored"
MIRROR_PAUSED: Final = "mirror-paused"
VERSION_TOO_OLD: Final = "version-too-old"
NOT_LISTED: Final = "not-listed"

WHY: Final = {
    "permission-missing": "the practice's key lacks the permission that Open Dental wants for subscriptions, ReadAll, "
    "which costs nothing",
    VERSION_TOO_OLD: "the practice's Open Dental is too old to tell of this",
    "by-fhir": "this practice is read by FHIR, which tells nothing by itself",
    MIRROR_PAUSED: "the mirror takes nothing while it is paused, or the practice's agreement does not cover today",
    UNREACHABLE: "the practice does not answer: it is tried again, and what its machines tell until then is dropped",
    NOT_LISTED: "Open Dental did not say what is subscribed: it is asked again, more and more seldom",
    FAILING: "a machine of the practice tried to tell and did not get through; it tries again by itself",
    MACHINE_SILENT: "no machine of the practice looks for changes: neither Open Dental nor its API service runs where "
    "it should, or nothing gets from there to here. Changes are polled meanwhile, and noticed later",
    UNPROVEN: "it was subscribed a short while ago: within minutes it is seen whether a machine takes it up",
    NOT_TAKEN: "the office's Open Dental did not take it: it is asked again after a day",
    NOT_LOADED: "it is subscribed as soon as the mirror holds all of it",
    NOT_MIRRORED: "the mirror has no copy of this that could be kept young",
}
"""Code -> what it means, for people."""

_OF_ALL: Final = (FAILING, MACHINE_SILENT)


def native_view(state: PracticeSync, practice: Practice, now: datetime) -> dict[str, Any]:
    """What a practice's machines are asked to tell; times in UTC, no secret part of an address."""
    native = state.native
    offered = {one.table for one in watched_at(practice.version)}
    tables = [_table(one, state, now, is_offered=one.table in offered) for one in WATCHED.values()]
    phase, why = _phase(state, practice, now, tables)
    return {
        "state": "on" if native.wanted and state.wanted is not Wanted.OFF else "off",
        "phase": phase,
        "why": why,
        "explanation": _explained(why, native),
        "since": optional_instant_text(_since(state, why)),
        "address": native.base_url,
        "workstation": native.workstation,
        "changed_at": optional_instant_text(native.changed_at),
        "checked_at": optional_instant_text(native.cared_at),
        "next_check_at": optional_instant_text(native.due_at) if native.base_url is not None else None,
        "ended_at": optional_instant_text(native.ended_at),
        "tables": tables,
    }


def _phase(
    state: PracticeSync, practice: Practice, now: datetime, tables: Sequence[dict[str, Any]]
) -> tuple[str, str | None]:
    native = state.native
    trouble = native.trouble if native.trouble in WHY or native.trouble is None else NOT_LISTED
    blocked = why_not(practice) or trouble
    if is_ending(state):
        return "ending", blocked
    if not native.wanted or native.base_url is None:
        return "off", None
    if state.wanted is Wanted.PAUSED or not practice.is_open(now.date()):
        blocked = MIRROR_PAUSED
    if blocked is not None:
        return "blocked", blocked
    said = {one["why"] for one in tables if one["state"] == "subscribed"}
    for code, phase in ((FAILING, "impaired"), (MACHINE_SILENT, "impaired"), (UNPROVEN, "starting")):
        if code in said:
            return phase, code
    return ("working", None) if said else ("starting", NOT_LOADED)


def _explained(why: str | None, native: Native) -> str | None:
    """In words; of silence also the machine that was named, whose name may be wrong."""
    if why == MACHINE_SILENT and native.workstation is not None:
        return f"{WHY[why]}. The machine that was named is {native.workstation}"
    return None if why is None else WHY[why]


def _since(state: PracticeSync, why: str | None) -> datetime | None:
    """Since when the trouble is that is named; None where nobody noted it."""
    if why in _OF_ALL:
        times = [one.trouble_since for one in state.native.tables.values() if one.trouble == why]
        return min((at for at in times if at is not None), default=None)
    return None if why is None else state.native.trouble_since


def _table(one: Watched, state: PracticeSync, now: datetime, *, is_offered: bool) -> dict[str, Any]:
    told = state.native.tables.get(one.table)
    how, why = _state(one, state, told, now, is_offered=is_offered)
    return {
        "table": one.table,
        "resource": one.resource,
        "state": how,
        "is_healthy": None if told is None or why == UNPROVEN else why is None,
        "why": why,
        "explanation": _explained(why, state.native),
        "since": optional_instant_text(told.trouble_since) if told is not None else None,
        "sign_of_life_at": optional_instant_text(told.moved_at) if told is not None and told.has_moved else None,
        "failures": told.failures if told is not None else 0,
        "failed_with": told.status if told is not None else None,
        "offered_since": one.since,
    }


def _state(
    one: Watched, state: PracticeSync, told: Told | None, now: datetime, *, is_offered: bool
) -> tuple[str, str | None]:
    if told is not None:
        return "subscribed", told.trouble or (None if told.has_moved else UNPROVEN)
    if not is_offered:
        return "not_offered", VERSION_TOO_OLD
    if not state.native.wanted or state.wanted is Wanted.OFF:
        return "off", None
    of = state.resources.get(one.resource)
    if of is not None and of.phase is Phase.NOT_OFFERED:
        return "not_offered", NOT_MIRRORED
    if is_refused(state.native, one.table, now):
        return "refused", NOT_TAKEN
    return "waiting", NOT_LOADED if of is None or of.phase is not Phase.LOADED else UNPROVEN
