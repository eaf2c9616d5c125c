"""What an operator is told of a practice's mirror: what is stale, why, and when it will not be. No health data."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.core.mirror import schedule, told
from gateway.core.mirror.mirrored import MIRRORED, Mirrored
from gateway.core.mirror.syncing import Pass, Phase, PracticeSync, ResourceSync, Wanted
from gateway.core.ports import PaceView
from gateway.core.practices import Practice
from gateway.core.queries.statement import may_query
from gateway.core.walltime import instant_text

LATE: Final = timedelta(minutes=5)
"""A resource that is followed is late when nothing was heard of it for so long after it was due."""

NOT_ASKABLE: Final = "tables-not-askable"

_WHY: Final = {
    "paused": "an operator has paused this mirror; nothing grows younger until it is on again",
    "agreement-expired": "no agreement covers today; nothing is read until a current one is on record",
    "practice-offline": "the practice does not answer; it is tried again every minute",
    "key-refused": "Open Dental refuses the practice's key; it is tried again once an hour",
    "killed": "an operator has stopped all calls of this practice",
    "loading": "the first load has not come to its end",
    "waiting": "other resources are loaded before this one",
    "behind": "calls of this practice are scarce, and people's requests go first",
    "only-by-parent": "Open Dental lists this only under what it belongs to; rows are kept as they are read",
    "not-offered": "the practice's key or version does not have this list",
    "server-clock-back": "the office's server clock fell back by hours; what is followed by stamps is read again",
    "database-moved": "the practice is on another database; everything is read again",
    "backup-restored": "the office's highest keys are gone, as after a restored backup; everything is read again",
    "list-incomplete": "the list does not show rows that live; deletions cannot be told until it does",
    "order-unknown": "the list comes in no order; deletions cannot be told from it",
    "paging-broken": "the list gives the same page whatever is asked for; it is tried again later",
    "pages-moved": "the list moved while it was read; it is tried again",
    "timed-out": "Open Dental did not finish within its minute; smaller pages are asked for",
    "unauthorized": "Open Dental refuses the list without saying why; it is tried again, more and more seldom",
    "invalid": "Open Dental calls the question invalid; it is tried again, more and more seldom",
    "queries-refused": "Open Dental refuses queries, though the key is said to have them; filters are used for a day",
    "queries-failing": "queries did not go well several times in a row; filters are used for an hour",
    "tables-not-askable": "the office's database does not answer for some tables; their lists' filters are used",
    "not-understood": "the answer of a query is not what was asked for",
    "sums-differ": "the office's checksums do not agree with its rows; whole readings look for deletions instead",
    "no-feed": "Open Dental tells no changes of this; it is as young as its last full reading",
}
"""Code -> what it means, for people."""


def sync_view(state: PracticeSync, practice: Practice, pace: PaceView, now: datetime) -> dict[str, Any]:
    """How far the mirror of `practice` is. Times are ISO 8601 in UTC, durations in seconds, counts in rows and calls.

    `fresh_at` is when a stale resource is expected to be young again: null where that depends on somebody, or cannot
    be said.
    """
    if state.wanted is Wanted.ON and practice.agreement_expired(now.date()):
        blocked: str | None = "agreement-expired"
    else:
        blocked = _blocked(state, pace)
    asked = schedule.by_query(practice, state, now)
    shown = [_resource(state.resources.get(name, ResourceSync(name)), state, blocked, now, asked) for name in MIRRORED]
    offered = [one for one in shown if one["phase"] != Phase.NOT_OFFERED]
    loaded = [one for one in offered if one["phase"] == Phase.LOADED]
    return {
        "practice_id": practice.id,
        "state": state.wanted.value,
        "phase": _phase(state, len(loaded), len(offered)),
        "started_at": _at(state.started_at),
        "changed_at": _at(state.changed_at),
        "epoch": state.epoch,
        "rows": sum(one["rows"] for one in shown),
        "upstream_calls": state.probing.calls + sum(one["upstream_calls"] for one in shown),
        "resources_loaded": len(loaded),
        "resources_offered": len(offered),
        "percent": _percent_of_all(offered),
        **told.load(state, shown, practice, now, is_working=state.wanted is Wanted.ON and blocked is None),
        "stale": [one["resource"] for one in shown if one["is_stale"]],
        "clock": told.clock(state, practice),
        "incidents": [told.incident(one) for one in reversed(state.incidents)],
        "queries": _queries(state, practice, asked, now),
        "pace": {
            "interval_seconds": pace.interval_s,
            "waiting": pace.waiting,
            "offline": pace.offline,
            "key_refused": pace.key_refused,
            "stopped": pace.killed,
        },
        "resources": shown,
    }


def _phase(state: PracticeSync, loaded: int, offered: int) -> str:
    if state.wanted is Wanted.OFF:
        return "off"
    if not offered or loaded == offered:
        return "complete" if offered else "loading"
    return "loading"


def _resource(
    of: ResourceSync, state: PracticeSync, blocked: str | None, now: datetime, asked: frozenset[str]
) -> dict[str, Any]:
    followed_by = "query" if of.resource in asked else _followed_by(MIRRORED[of.resource])
    why = None if state.wanted is Wanted.OFF else _why_stale(of, followed_by, blocked, now)
    due_at = state.probing.due_at if followed_by == "query" else of.due_at
    return {
        "resource": of.resource,
        "phase": of.phase.value,
        "rows": of.rows,
        "upstream_calls": of.calls,
        "as_of": _at(of.as_of),
        "age_seconds": None if of.as_of is None else max(0, round((now - of.as_of).total_seconds())),
        "deletions_as_of": _at(of.swept_at),
        "followed_by": followed_by,
        "is_stale": why is not None,
        "why": why,
        "explanation": None if why is None else _WHY.get(why),
        "fresh_at": _at(_fresh_at(of, why, due_at, now)),
        "due_at": _at(due_at),
        "sweep_due_at": _at(of.sweep_due_at),
        "trouble": None if of.trouble is None else {"code": of.trouble, "since": _at(of.trouble_since)},
        "progress": None if of.running is None else _progress(of.running, of.rows),
    }


def _followed_by(how: Mirrored) -> str:
    """How changes are noticed without queries: by a stamp of its own, by what it belongs to, or by full readings."""
    if how.stamp is not None:
        return "stamp"
    return "parent" if how.followed_by is not None else "sweep"


def _why_stale(of: ResourceSync, followed_by: str, blocked: str | None, now: datetime) -> str | None:
    """The code of what keeps it from being young; None where it is young enough."""
    if of.phase is Phase.NOT_OFFERED:
        by_parent = of.trouble == "only-by-parent" or MIRRORED[of.resource].list_operation is None
        return "only-by-parent" if by_parent else "not-offered"
    if of.phase is Phase.LOADED and not _is_late(of, followed_by, now):
        return None
    if blocked is not None:
        return blocked
    if of.phase is not Phase.LOADED:
        return "loading" if of.running is not None else "waiting"
    return of.trouble or ("no-feed" if followed_by == "sweep" else "behind")


def _blocked(state: PracticeSync, pace: PaceView) -> str | None:
    """The code of what keeps all of the practice from being read."""
    codes = (
        ("paused", state.wanted is Wanted.PAUSED),
        ("killed", pace.killed),
        ("key-refused", pace.key_refused),
        ("practice-offline", pace.offline),
    )
    return next((code for code, holds in codes if holds), None)


def _is_late(of: ResourceSync, followed_by: str, now: datetime) -> bool:
    """Whether what was due did not happen, or what was heard is too old."""
    if of.as_of is None or of.trouble not in {None, "sums-differ"}:
        return True
    if of.due_at is not None and followed_by != "query":
        return now > of.due_at + LATE
    return followed_by in {"query", "stamp"} and now > of.as_of + LATE


def _fresh_at(of: ResourceSync, why: str | None, due_at: datetime | None, now: datetime) -> datetime | None:
    """When it is expected to be young again."""
    if why in {None, "paused", "killed", "agreement-expired", "only-by-parent", "not-offered"}:
        return None
    if why == "no-feed":
        return of.sweep_due_at
    if why == "key-refused":
        return None
    return max(due_at, now) if due_at is not None else None


def _progress(running: Pass, rows: int) -> dict[str, Any]:
    return {
        "purpose": running.purpose,
        "part": running.part,
        "rows": running.seen,
        "pages": running.pages,
        "started_at": _at(running.started_at),
        # How many there are is known from the last full reading only: Open Dental counts nothing for anybody.
        # Of parents it can be asked.
        "percent": _percent_done(running, rows),
    }


def _percent_done(running: Pass, rows: int) -> int | None:
    if running.of_all:
        return min(99, running.offset * 100 // running.of_all)
    return min(99, running.seen * 100 // rows) if running.purpose in {"sweep", "check"} and rows else None


def _percent_of_all(offered: Iterable[dict[str, Any]]) -> int | None:
    """How many of the resources are loaded, in percent."""
    phases = [Phase(one["phase"]) for one in offered]
    return phases.count(Phase.LOADED) * 100 // len(phases) if phases else None


def _queries(state: PracticeSync, practice: Practice, asked: frozenset[str], now: datetime) -> dict[str, Any]:
    """How changes are asked for by SQL, and what stands in its way."""
    probing = state.probing
    refused = probing.refused_until is not None and probing.refused_until > now
    left_out = {name: until for name, until in probing.not_askable.items() if until > now}
    trouble = probing.trouble if refused else NOT_ASKABLE if left_out else None
    again = probing.refused_until if refused else min(left_out.values(), default=None)
    return {
        "state": "on" if state.queries else "off",
        "allowed": may_query(practice),
        "in_use": bool(asked),
        "asked_at": _at(probing.at),
        "next_at": _at(probing.due_at) if asked else None,
        "upstream_calls": probing.calls,
        "trouble": trouble,
        "explanation": None if trouble is None else _WHY.get(trouble),
        "not_askable": sorted(left_out),
        "tried_again_at": _at(again),
    }


def _at(moment: datetime | None) -> str | None:
    return None if moment is None else instant_text(moment)
