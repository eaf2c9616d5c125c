"""Everything of one practice in one answer, from what is kept of it: Open Dental is not asked, nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from gateway.core.access import allow
from gateway.core.baa.control import state_of
from gateway.core.callers import Caller, Verb
from gateway.core.drift.changes import standing
from gateway.core.drift.known import Known
from gateway.core.mirror.health import sync_view
from gateway.core.pacing import MAX_WAITING
from gateway.core.ports import PaceView, Services
from gateway.core.practices import Practice, WayName
from gateway.core.rotation import rule
from gateway.core.rotation.records import Rotation, State
from gateway.core.walltime import optional_instant_text
from gateway.core.webhooks.deliveries import Delivery, DeliveryState, Health
from gateway.core.webhooks.endpoints import Endpoint, EndpointState

OK: Final = "ok"
OFF: Final = "off"
DEGRADED: Final = "degraded"
DOWN: Final = "down"
_WORST: Final = (DOWN, DEGRADED, OK, OFF)

CROWDED: Final = MAX_WAITING // 2
"""So many waiting turns are worth a word: at 200 the next caller is refused."""
DELIVERIES: Final = 100
"""Of an endpoint, the latest that are looked at."""

LOOKS_FAILED: Final = 3
"""So many looks in a row without a usable answer, over an hour and more, are worth a word."""

_CONNECTION: Final[Mapping[str, tuple[str, str]]] = {
    "offline": (
        DOWN,
        "the practice does not answer (its server, its eConnector or its internet is down); it is tried every minute, "
        "writes wait meanwhile, and reads are answered from the mirror where there is one",
    ),
    "key-refused": (
        DOWN,
        "Open Dental refuses the practice's key: its office has to allow it again; it is tried every hour",
    ),
    "failing": (DEGRADED, "Open Dental's answers for this practice make no sense, five and more in a row"),
    "stopped": (DOWN, "an operator has stopped all calls of this practice"),
}
"""State -> how bad it is, and what it means for people."""


_BY_FALLBACK: Final = (
    DEGRADED,
    "the way that the practice was connected by does not answer; it is called by its fallback, and the first way is "
    "tried every minute",
)


_AGREEMENT: Final[Mapping[str, tuple[str, str | None]]] = {
    "current": (OK, None),
    "expiring": (DEGRADED, "the agreement (BAA) ends soon: from then on nothing protected is read or shown"),
    "expired": (DOWN, "the agreement (BAA) does not cover today: nothing protected is read or shown"),
    "missing": (DOWN, "no current agreement (BAA) is on record: nothing protected is read or shown until one is"),
}


_OPEN_CHANGES: Final[Mapping[str, str]] = {
    "fields-missing": "answers lack fields that they should have",
    "fields-retyped": "answers have fields that cannot be read as what they were",
    "permission-lost": "the practice's key lacks permissions that it had: its capabilities say what does not work",
    "version-changed": "the office runs an older Open Dental than it did: what came since may not work",
    "held-back": "Open Dental asks for pauses though the practice's pace is kept: somebody else may use its key",
    "clock-wrong": "the office's clock does not go by the practice's time zone",
}
"""Those that somebody should look at, with what they mean for people; new fields do no harm."""


def health_of_practice(practice_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """How the practice is: scope `practices:read`. No health data, so that no agreement is asked for.

    Raises: NotFound, ScopeMissing.
    """
    practice = allow(caller, practice_id, "practices", Verb.READ, on=on, protected=False)
    now = on.clock.now()
    pace = on.paces.view(practice.id)
    sync = sync_view(on.syncs.load(practice.id), practice, pace, now)
    parts: dict[str, dict[str, Any]] = {
        "connection": _connection(practice, pace),
        "key": _key(practice, pace),
        "agreement": _agreement(practice, now.date()),
        "queue": _queue(pace, now),
        "writes": _writes(len(on.operations.unsettled(practice.id))),
        "mirror": _mirror(sync),
        "native_events": _native(sync["native_events"]),
        "webhooks": _webhooks(practice, caller, on),
        "rotation": _rotation(None if practice.rotation is None else on.rotations.load(practice.id).open, now),
        "drift": _drift(on.drifts.load(practice.id), practice),
    }
    return {
        "practice_id": practice.id,
        "status": min((one["status"] for one in parts.values() if one["status"] != OFF), key=_WORST.index),
        "checked_at": optional_instant_text(now),
        "problems": sorted(
            (
                {"about": name, "status": one["status"], "explanation": one["explanation"]}
                for name, one in parts.items()
                if one["status"] in {DOWN, DEGRADED}
            ),
            key=lambda one: _WORST.index(one["status"]),
        ),
        **parts,
    }


def _connection(practice: Practice, pace: PaceView) -> dict[str, Any]:
    state = "stopped" if pace.killed else pace.trouble or "online"
    by = WayName.FIRST if practice.fallback is None else pace.way
    since = pace.way_since if by is WayName.FALLBACK and state == "online" else pace.trouble_since
    status, explanation = _CONNECTION.get(state, (OK, None) if by is WayName.FIRST else _BY_FALLBACK)
    return {
        "status": status,
        "state": state,
        "way": by.value,
        "since": optional_instant_text(since),
        "tried_again_at": None if pace.killed else optional_instant_text(pace.tried_again_at),
        "explanation": explanation,
    }


def _key(practice: Practice, pace: PaceView) -> dict[str, Any]:
    refused = pace.trouble == "key-refused"
    return {
        "status": DOWN if refused else OK,
        "state": "refused" if refused else "working",
        "tier": practice.tier.value,
        "explanation": _CONNECTION["key-refused"][1] if refused else None,
    }


def _agreement(practice: Practice, today: date) -> dict[str, Any]:
    state, left = state_of(practice, today)
    status, explanation = _AGREEMENT[state]
    if state == "missing" and practice.is_open(today):
        status, explanation = OK, "no agreement is on record; the sandbox asks for none"
    ends = None if practice.baa is None or practice.baa.closed_at is not None else practice.baa.expires_on
    return {
        "status": status,
        "state": state,
        "expires_on": None if ends is None else ends.isoformat(),
        "days_left": left,
        "explanation": explanation,
    }


def _queue(pace: PaceView, now: datetime) -> dict[str, Any]:
    free_s = 0.0 if pace.next_free_at is None else max(0.0, (pace.next_free_at - now).total_seconds())
    free_s += pace.waiting * pace.interval_s
    crowded = pace.waiting >= CROWDED
    return {
        "status": DEGRADED if crowded else OK,
        "waiting": pace.waiting,
        "most": MAX_WAITING,
        "interval_seconds": pace.interval_s,
        "free_in_seconds": round(free_s),
        "explanation": f"{pace.waiting} requests wait for this practice; at {MAX_WAITING} the next one is refused"
        if crowded
        else None,
    }


def _writes(unknown: int) -> dict[str, Any]:
    return {
        "status": DEGRADED if unknown else OK,
        "unknown": unknown,
        "explanation": f"{unknown} writes lost their answers: it is looked for in the practice's rows whether they "
        "were done, and they are not sent again until that is known"
        if unknown
        else None,
    }


def _mirror(sync: Mapping[str, Any]) -> dict[str, Any]:
    is_off = sync["state"] == "off"
    ages = [
        one["age_seconds"]
        for one in sync["resources"]
        if one["phase"] == "loaded" and one["followed_by"] in {"query", "stamp"} and one["age_seconds"] is not None
    ]
    return {
        "status": OFF if is_off else DEGRADED if sync["why"] is not None else OK,
        "phase": sync["phase"],
        **{name: sync[name] for name in ("why", "explanation", "since", "fresh_at")},
        "oldest_age_seconds": None if is_off else max(ages, default=None),
        "stale": sync["stale"],
    }


def _native(shown: Mapping[str, Any]) -> dict[str, Any]:
    status = {"blocked": DEGRADED, "impaired": DEGRADED, "off": OFF, "ending": OFF}.get(shown["phase"], OK)
    return {"status": status, **{name: shown[name] for name in ("phase", "why", "explanation", "since")}}


def _rotation(rotation: Rotation | None, now: datetime) -> dict[str, Any]:
    """What waits for the office is no trouble for a day; it has to be seen to it from then on."""
    if rotation is None:
        names = ("id", "state", "since", "days_waiting", "given_up_at", "explanation")
        return {"status": OFF} | dict.fromkeys(names)
    waits = rotation.state is State.WAITING
    waited = now - (rotation.since or rotation.requested_at)
    explanation = None
    if rotation.lacks:
        explanation = "the new key that the office added cannot do all that the present one can: the exchange waits"
    elif waits and waited >= rule.TELL_AFTER:
        explanation = f"the office has not added the practice's new key for {_days(waited.days)}"
    return {
        "status": DEGRADED if explanation else OK,
        "id": rotation.id,
        "state": rotation.state.value,
        "since": optional_instant_text(rotation.since),
        "days_waiting": waited.days if waits else None,
        "given_up_at": optional_instant_text(rotation.requested_at + rule.OFFICE_HAS) if waits else None,
        "explanation": explanation,
    }


def _drift(known: Known, practice: Practice) -> dict[str, Any]:
    changes = standing(known.parts, practice)
    said = [f"for {known.failures} times nothing could be learned of the practice"] * (known.failures >= LOOKS_FAILED)
    said += [meaning for code, meaning in _OPEN_CHANGES.items() if code in changes]
    return {
        "status": DEGRADED if said else OK,
        "looked_at": optional_instant_text(known.looked_at),
        "tried_at": optional_instant_text(known.tried_at),
        "failures": known.failures,
        "open_changes": [
            {
                "code": code,
                "fields": count if code.startswith("fields") else None,
                "permissions": count if code == "permission-lost" else None,
            }
            for code, count in changes.items()
        ],
        "explanation": "; ".join(said) or None,
    }


def _days(count: int) -> str:
    return "a day" if count == 1 else f"{count} days"


def _webhooks(practice: Practice, caller: Caller, on: Services) -> dict[str, Any]:
    """Of the caller's endpoints alone: how another client's do is that client's business."""
    mine = [
        one
        for one in on.webhooks.all()
        if one.client_id == caller.id and one.deleted_at is None and practice.id in one.practices_of(caller.client)
    ]
    disabled = [one for one in mine if one.state is EndpointState.DISABLED]
    healths = [on.webhooks.health(one.id) for one in mine if one.is_open]
    latest = [
        delivery
        for one in mine
        for delivery in on.webhooks.page(one.id, after=None, limit=DELIVERIES)
        if delivery.practice_id == practice.id
    ]
    return _delivered(mine, disabled, healths, latest)


def _delivered(
    mine: list[Endpoint], disabled: list[Endpoint], healths: list[Health], latest: list[Delivery]
) -> dict[str, Any]:
    states = Counter(one.state for one in latest)
    ended = states[DeliveryState.SUCCEEDED] + states[DeliveryState.FAILED]
    failing = sum(one.failing_since is not None for one in healths)
    explanation = None
    if failing:
        explanation = (
            f"{failing} of your webhooks fail: each says why in its deliveries; what they missed is kept 30 days"
        )
    elif disabled:
        explanation = f"{len(disabled)} of your webhooks are disabled and get nothing"
    return {
        "status": OFF if not mine else DEGRADED if explanation else OK,
        "endpoints": len(mine),
        "disabled": len(disabled),
        "failing": failing,
        "delivered": states[DeliveryState.SUCCEEDED],
        "failed": states[DeliveryState.FAILED],
        "pending": states[DeliveryState.PENDING],
        "success_percent": states[DeliveryState.SUCCEEDED] * 100 // ended if ended else None,
        "explanation": explanation,
    }
