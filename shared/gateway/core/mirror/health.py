"""What an operator is told of a practice's mirror: what is stale, why, and when it will not be. No health data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from gateway.core.mirror import schedule, told
from gateway.core.mirror.mirrored import MIRRORED, Mirrored
from gateway.core.mirror.syncing import Pass, Phase, PracticeSync, ResourceSync, Wanted
from gateway.core.native.shown import native_view
from gateway.core.ports import PaceView
from gateway.core.practices import Practice
from gateway.core.queries.statement import PERMISSION
from gateway.core.walltime import optional_instant_text

LATE: Final = timedelta(minutes=5)
"""A resource that is followed is late when nothing was heard of it for so long after it was due."""

NOT_ASKABLE: Final = "tables-not-askable"
OFF: Final = "off"
ERASING: Final = "erasing"

_WHY: Final = {
    # Of the whole
    "off": "the mirror is off: nothing is kept, and every read goes to Open Dental",
    "erasing": "the mirror was turned off: what was kept is being erased here, and nothing at the office; every read "
    "goes to Open Dental",
    "paused": "an operator has paused this mirror: what is here stays and grows old until the state is set to on",
    "agreement-expired": "the practice's agreement (BAA) does not cover today: nothing is read until a current one is "
    "on record, and within an hour of that it goes on by itself",
    "agreement-closed": "an operator has closed the practice's agreement (BAA): nothing is read until a current one is "
    "on record, and within an hour of that it goes on by itself",
    "agreement-missing": "no agreement (BAA) of the practice is on record: nothing is read until one is, and within an "
    "hour of that it goes on by itself",
    "killed": "an operator has stopped all calls of this practice: nothing is read until they are allowed again",
    "key-refused": "Open Dental refuses the practice's API key: somebody at the office has to allow it again; it is "
    "tried once an hour",
    "practice-offline": "the practice does not answer (its server, its eConnector or its internet is down): it is "
    "tried every minute, and what was missed is read once it answers",
    "failing": "Open Dental's answers for this practice make no sense, five and more in a row: it is tried again after "
    "ever longer pauses, of a quarter of an hour at most",
    "loading": "it is being read for the first time, and reads go to Open Dental until all of it is here",
    "stale": "some resources are older than they should be, for several reasons; each says its own",
    # Of a resource
    "waiting": "others are read for the first time before it; until its own turn reads go to Open Dental",
    "behind": "it is due and comes next: this practice may be called only so often, and people's requests go first",
    "only-by-parent": "Open Dental tells this of one patient (or plan) at a time: what somebody read is kept, and all "
    "of it only where the practice's key has the permission Queries",
    "permission-missing": "the practice's key lacks the permission that Open Dental wants for this list",
    "version-too-old": "the practice's Open Dental is too old to have this list",
    "gone": "Open Dental has withdrawn this list",
    "by-fhir": "this practice is read by FHIR, which has no such list",
    "not-offered": "the practice's key, or its version of Open Dental, does not have this list",
    "server-clock-back": "the clock of the office's server was set back by hours: what changed since is read again",
    "database-moved": "the practice is on another database: everything is read again",
    "backup-restored": "the office's latest rows are gone, as after a restored backup: everything is read again",
    "gateway-restored": "what is kept here was restored from a backup of the gateway's: everything is read again",
    "list-incomplete": "Open Dental's list lacks rows that exist, so that it does not tell what was deleted; it is "
    "read again when it is due",
    "order-unknown": "Open Dental's list comes in no order, so that it does not tell what was deleted",
    "paging-broken": "Open Dental's list shows the same page whatever is asked for; it is tried again later",
    "pages-moved": "the list changed too much while it was read; it is tried again",
    "timed-out": "Open Dental did not finish within its minute; smaller pages are asked for",
    "unauthorized": "Open Dental refuses the list without saying why; it is tried again, more and more seldom",
    "invalid": "Open Dental calls the question invalid; it is tried again, more and more seldom",
    "not-understood": "Open Dental's answer is not what was asked for; it is tried again",
    "garbage": "Open Dental's answer cannot be read; it is tried again",
    "interrupted": "the connection broke while Open Dental answered; it is tried again",
    "lost-answer": "Open Dental took the question and its answer was lost; it is tried again",
    "sums-differ": "the office's checksums do not agree with its rows; the whole list is read for deletions instead",
    # Of queries
    "queries-refused": "Open Dental refuses queries, though the key should have the permission: for a day changes are "
    "asked for list by list",
    "queries-failing": "queries failed several times in a row: for an hour changes are asked for list by list",
    "tables-not-askable": "the office's database does not answer for some tables: changes of theirs are asked for list "
    "by list",
}
"""Code -> what it means, for people who know the practice and not this program."""

_OF_ALL: Final = {
    "loading": "the practice is being read for the first time: what is here already is answered from here, everything "
    "else goes to Open Dental",
}
"""The same where it is said of the whole and means something else there."""


_OF_AGREEMENT: Final = frozenset({"agreement-expired", "agreement-closed", "agreement-missing"})
_UNTIL_SOMEBODY: Final = _OF_AGREEMENT | frozenset({"paused", "killed", "key-refused", "practice-offline", "failing"})


def sync_view(state: PracticeSync, practice: Practice, pace: PaceView, now: datetime) -> dict[str, Any]:
    """How far the mirror of `practice` is. Times are ISO 8601 in UTC, durations in seconds, counts in rows and calls.

    `fresh_at` is when what is stale is expected to be young again: null where that depends on somebody, or cannot be
    said.
    """
    blocked = _blocked(state, practice, pace, now)
    since = None if blocked is None else _blocked_since(blocked, state, practice, pace)
    asked = schedule.by_query(practice, state, now)
    shown = [_resource(state.resources.get(name, ResourceSync(name)), state, blocked, now, asked) for name in MIRRORED]
    offered = [one for one in shown if one["phase"] != Phase.NOT_OFFERED]
    loaded = [one for one in offered if one["phase"] == Phase.LOADED]
    phase = _phase(state, len(loaded), len(offered))
    load = told.load(state, shown, practice, now, is_working=state.wanted is Wanted.ON and blocked is None)
    stale = [one for one in shown if one["is_stale"]]
    return {
        "practice_id": practice.id,
        "state": state.wanted.value,
        "phase": phase,
        **_whole(state, phase=phase, blocked=blocked, blocked_since=since, stale=stale, eta_at=load["eta_at"]),
        "started_at": optional_instant_text(state.started_at),
        "changed_at": optional_instant_text(state.changed_at),
        "epoch": state.epoch,
        "rows": sum(one["rows"] for one in shown),
        "upstream_calls": state.probing.calls + sum(one["upstream_calls"] for one in shown),
        "resources_loaded": len(loaded),
        "resources_offered": len(offered),
        "percent": None if state.wanted is Wanted.OFF else _percent_of_all(offered),
        **load,
        "stale": [one["resource"] for one in stale],
        "not_offered": [one["resource"] for one in shown if one["phase"] == Phase.NOT_OFFERED],
        "erasing": _erasing(state, now) if phase == ERASING else None,
        "clock": told.clock(state, practice),
        "incidents": [told.incident(one) for one in reversed(state.incidents)],
        "queries": _queries(state, practice, asked, now),
        "native_events": native_view(state, practice, now),
        "pace": {
            "interval_seconds": pace.interval_s,
            "waiting": pace.waiting,
            "offline": pace.trouble == "offline",
            "key_refused": pace.trouble == "key-refused",
            "stopped": pace.killed,
            "failing": pace.trouble == "failing",
            "trouble_since": optional_instant_text(pace.trouble_since),
            "tried_again_at": optional_instant_text(pace.tried_again_at),
        },
        "resources": shown,
    }


def _phase(state: PracticeSync, loaded: int, offered: int) -> str:
    if state.wanted is Wanted.OFF:
        return ERASING if state.is_kept else OFF
    if offered and loaded == offered:
        return "complete"
    return "incomplete" if state.wanted is Wanted.PAUSED else "loading"


def _erasing(state: PracticeSync, now: datetime) -> dict[str, Any]:
    return {
        "rows_left": sum(of.rows for of in state.resources.values()),
        "begins_at": optional_instant_text(at)
        if (at := schedule.erasure_due(state, now)) is not None and at > now
        else None,
    }


def _whole(
    state: PracticeSync,
    *,
    phase: str,
    blocked: str | None,
    blocked_since: datetime | None,
    stale: Sequence[dict[str, Any]],
    eta_at: str | None,
) -> dict[str, Any]:
    """What is to be known of the mirror before anything else: what keeps it from being young, since and until when."""
    why, since, fresh_at = None, None, None
    incident = told.of_the_rows(state)
    if phase in {OFF, ERASING}:
        why, since = phase, state.changed_at
    elif blocked is not None:
        why, since = blocked, blocked_since
    elif incident is not None:
        return {
            "why": incident.code,
            "explanation": told.incident(incident)["explanation"],
            "since": optional_instant_text(incident.since or incident.noticed_at),
            "fresh_at": _latest(stale) if phase == "complete" else eta_at,
        }
    elif phase == "loading":
        why, since, fresh_at = "loading", state.started_at, eta_at
    elif stale:
        # One word for all of them, if there is one.
        codes = {one["why"] for one in stale}
        code = codes.pop() if len(codes) == 1 else "stale"
        return _said(code, since=_trouble_since(stale), fresh_at=_latest(stale))
    return _said(why, since=optional_instant_text(since), fresh_at=fresh_at)


def _said(code: str | None, *, since: str | None, fresh_at: str | None) -> dict[str, Any]:
    explanation = None if code is None else _OF_ALL.get(code) or _WHY[code]
    return {"why": code, "explanation": explanation, "since": since, "fresh_at": fresh_at}


def _trouble_since(stale: Sequence[dict[str, Any]]) -> str | None:
    """When the first of them got into trouble; None where one has none, but is late."""
    times = [one["trouble"]["since"] for one in stale if one["trouble"] is not None]
    return min(times, default=None) if len(times) == len(stale) and None not in times else None


def _latest(stale: Sequence[dict[str, Any]]) -> str | None:
    """When the last of them will be young; None where that of one is not known."""
    times = [one["fresh_at"] for one in stale]
    return max(times, default=None) if None not in times else None


def _blocked_since(code: str, state: PracticeSync, practice: Practice, pace: PaceView) -> datetime | None:
    if code == "paused":
        return state.changed_at
    if code in _OF_AGREEMENT:
        if practice.baa is not None and practice.baa.closed_at is not None:
            return practice.baa.closed_at
        ended = None if practice.baa is None else practice.baa.expires_on
        return None if ended is None else datetime.combine(ended + timedelta(days=1), time(), UTC)
    return pace.trouble_since if code != "killed" else None


def _resource(
    of: ResourceSync, state: PracticeSync, blocked: str | None, now: datetime, asked: frozenset[str]
) -> dict[str, Any]:
    followed_by = "query" if of.resource in asked else _followed_by(MIRRORED[of.resource])
    if state.wanted is Wanted.OFF:
        # What is left answers nobody, so that its age is nobody's business.
        of = ResourceSync(of.resource, rows=of.rows, calls=of.calls)
    why = None if state.wanted is Wanted.OFF else _why_stale(of, followed_by, blocked, now)
    due_at = state.probing.due_at if followed_by == "query" and state.wanted is not Wanted.OFF else of.due_at
    return {
        "resource": of.resource,
        "phase": ERASING if state.wanted is Wanted.OFF and of.rows else of.phase.value,
        "rows": of.rows,
        "upstream_calls": of.calls,
        "as_of": optional_instant_text(of.as_of),
        "age_seconds": None if of.as_of is None else max(0, round((now - of.as_of).total_seconds())),
        "deletions_as_of": optional_instant_text(of.swept_at),
        "followed_by": followed_by,
        "is_stale": why is not None and of.phase is not Phase.NOT_OFFERED,
        "why": why,
        "explanation": None if why is None else _WHY.get(why),
        "fresh_at": optional_instant_text(_fresh_at(of, why, due_at, now)),
        "due_at": optional_instant_text(due_at),
        "sweep_due_at": optional_instant_text(of.sweep_due_at),
        "trouble": None if of.trouble is None else _trouble(of),
        "progress": None if of.running is None else _progress(of.running, of.rows),
    }


def _trouble(of: ResourceSync) -> dict[str, Any]:
    return {
        "code": of.trouble,
        "since": optional_instant_text(of.trouble_since),
        "explanation": _WHY.get(of.trouble or ""),
    }


def _followed_by(how: Mirrored) -> str:
    """How changes are noticed without queries: by a stamp of its own, by what it belongs to, or by full readings."""
    if how.stamp is not None:
        return "stamp"
    return "parent" if how.followed_by is not None else "sweep"


def _why_stale(of: ResourceSync, followed_by: str, blocked: str | None, now: datetime) -> str | None:
    """The code of what keeps it from being young; None where it is young enough."""
    if of.phase is Phase.NOT_OFFERED:
        if of.trouble in _WHY:
            return of.trouble
        return "only-by-parent" if MIRRORED[of.resource].list_operation is None else "not-offered"
    if of.phase is Phase.LOADED and not _is_late(of, followed_by, now, is_blocked=blocked is not None):
        return None
    if blocked is not None:
        return blocked
    if of.phase is not Phase.LOADED:
        return "loading" if of.running is not None else "waiting"
    return of.trouble or "behind"


def _blocked(state: PracticeSync, practice: Practice, pace: PaceView, now: datetime) -> str | None:
    """The code of what keeps all of the practice from being read."""
    codes = (
        ("paused", state.wanted is Wanted.PAUSED),
        (_agreement_code(practice), not practice.is_open(now.date())),
        ("killed", pace.killed),
        ("key-refused", pace.trouble == "key-refused"),
        ("practice-offline", pace.trouble == "offline"),
        ("failing", pace.trouble == "failing"),
    )
    return next((code for code, holds in codes if holds), None)


def _agreement_code(practice: Practice) -> str:
    """How an agreement that does not cover today came not to."""
    if practice.baa is None:
        return "agreement-missing"
    return "agreement-expired" if practice.baa.closed_at is None else "agreement-closed"


def _is_late(of: ResourceSync, followed_by: str, now: datetime, *, is_blocked: bool) -> bool:
    """Whether what was due did not happen, or what was heard is too old."""
    if of.as_of is None or of.trouble not in {None, "sums-differ"}:
        return True
    if of.due_at is None and followed_by in {"sweep", "parent"} and of.sweep_due_at is not None:
        # A long list waits for the night, and longer only where nothing is read at all.
        return now > of.sweep_due_at + (LATE if is_blocked else schedule.SWEEP_LATEST + LATE)
    if of.due_at is not None and followed_by != "query":
        return now > of.due_at + LATE
    return followed_by in {"query", "stamp"} and now > of.as_of + LATE


def _fresh_at(of: ResourceSync, why: str | None, due_at: datetime | None, now: datetime) -> datetime | None:
    """When it is expected to be young again; None where that depends on somebody, or is due already and so unknown."""
    if why is None or why in _UNTIL_SOMEBODY or of.phase is Phase.NOT_OFFERED:
        return None
    again = of.not_before or due_at or of.sweep_due_at
    return again if again is not None and again > now else None


def _progress(running: Pass, rows: int) -> dict[str, Any]:
    return {
        "purpose": running.purpose,
        "part": running.part,
        "rows": running.seen,
        "pages": running.pages,
        "started_at": optional_instant_text(running.started_at),
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
        "allowed": PERMISSION in practice.permissions,
        "in_use": bool(asked),
        "asked_at": optional_instant_text(probing.at),
        "next_at": optional_instant_text(probing.due_at) if asked else None,
        "upstream_calls": probing.calls,
        "trouble": trouble,
        "explanation": None if trouble is None else _WHY.get(trouble),
        "not_askable": sorted(left_out),
        "tried_again_at": optional_instant_text(again),
    }
