"""How the deployment is as a whole: components, each with what it says of itself. No practice is named or guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.core.callers import Caller
from gateway.core.errors import Unavailable
from gateway.core.health import fleet
from gateway.core.health.fleet import Noted, Trouble, Troubled
from gateway.core.ports import Services
from gateway.core.walltime import optional_instant_text

SILENT: Final = timedelta(minutes=5)
"""A job of each minute that has said nothing for so long does not run."""

WAITED_S: Final = 1800.0
DELIVERED_S: Final = 900.0
TOLD_S: Final = 900.0
MIRRORS_LATE_S: Final = 3600.0
ABSENT_S: Final = 4 * 86400.0
"""Offices turn their servers off for nights and long weekends. A refused key is told at once: it works again by people
alone."""
SENSELESS_S: Final = 3600.0
UNKNOWN_MANY: Final = 20
HEARD_LATELY: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Component:
    """One part of the deployment; `why` says what is amiss, in words for people, and is None where nothing is."""

    name: str
    why: str | None
    figures: Mapping[str, float] = field(default_factory=dict)
    as_of: datetime | None = None


def health_of_deployment(caller: Caller, *, on: Services) -> dict[str, Any]:
    """How the deployment is: for any client, whatever its scopes, since it names nobody."""
    del caller  # That there is one is all that is asked.
    now = on.clock.now()
    try:
        noted = on.fleet.noted()
        troubles = {one: on.fleet.troubled(one) for one in Trouble}
    except Unavailable:
        # Whoever asks how we are is told so, not that we cannot be asked.
        return shown([Component("figures", "the table of figures did not answer")], now)
    return shown(components(noted, troubles, now), now)


def components(noted: Mapping[str, Noted], troubles: Mapping[Trouble, Troubled], now: datetime) -> list[Component]:
    """What the figures say of each part."""
    return [
        _queues(noted.get(fleet.QUEUES), now),
        _ledger(noted.get(fleet.QUEUES), now),
        _lanes(fleet.all_parts(noted, fleet.LANES), now),
        _upstream(noted.get(fleet.QUEUES), troubles, now),
        _mirrors(troubles, now),
        _publisher(noted.get(fleet.PUBLISHER), now),
        _webhooks(noted.get(fleet.WEBHOOKS), now),
        _vault(noted.get(fleet.VAULT), now),
    ]


def shown(parts: list[Component], now: datetime) -> dict[str, Any]:
    """As the API answers it."""
    return {
        "status": "degraded" if any(one.why for one in parts) else "ok",
        "checked_at": optional_instant_text(now),
        "components": [
            {
                "name": one.name,
                "status": "degraded" if one.why else "ok",
                "explanation": one.why,
                "figures": {name: round(value) for name, value in one.figures.items()},
                "as_of": optional_instant_text(one.as_of),
            }
            for one in parts
        ],
    }


def _silence(of: Noted | None, now: datetime, who: str) -> str | None:
    """None where the job lives."""
    if of is None:
        return f"{who} has not said anything yet"
    silent = now - of.at
    if silent <= SILENT:
        return None
    return f"{who} has not run for {round(silent.total_seconds() / 60)} minutes"


def _first(*whys: str | None) -> str | None:
    return next((one for one in whys if one), None)


def _component(name: str, of: Noted | None, why: str | None, *figures: str) -> Component:
    values = {} if of is None else {one: of.value(one) for one in figures}
    return Component(name, why, values, None if of is None else of.at)


def _queues(of: Noted | None, now: datetime) -> Component:
    why = _silence(of, now, "the sweeper")
    if of is not None and why is None:
        why = _first(
            "a queue of calls takes no turns: they stay in the ledger and are put again each minute"
            if of.value("not_put")
            else None,
            f"the turn that is most overdue has been so for {_minutes(of.value('oldest_s'))}"
            if of.value("oldest_s") > WAITED_S
            else None,
        )
    return _component("queues", of, why, "queued", "parked", "not_put", "oldest_s")


def _ledger(of: Noted | None, now: datetime) -> Component:
    why = _silence(of, now, "the sweeper")
    unknown = 0.0 if of is None else of.value("unknown")
    if why is None and unknown > UNKNOWN_MANY:
        why = f"{round(unknown)} writes lost their answers and are being looked for at the practices"
    return _component("ledger", of, why, "unknown")


def _lanes(of: Noted | None, now: datetime) -> Component:
    return _component("background", of, _silence(of, now, "the lane of background work"), "offered")


def _upstream(of: Noted | None, troubles: Mapping[Trouble, Troubled], now: datetime) -> Component:
    brakes = of is not None and now - of.at <= SILENT and of.value("brakes")
    why = _first(
        "Open Dental refuses so many calls that background work runs at half speed" if brakes else None,
        _some(troubles[Trouble.KEY_REFUSED], now, "Open Dental refuses the key of {}", after=0.0),
        _some(troubles[Trouble.OFFLINE], now, "{} offline", after=ABSENT_S),
        _some(troubles[Trouble.FAILING], now, "what Open Dental answers makes no sense for {}", after=SENSELESS_S),
    )
    figures = {str(one).replace("-", "_"): float(troubles[one].practices) for one in sorted(fleet.BREAKERS)}
    called = {} if of is None else {name: of.value(name) for name in ("calls", "refused")}
    return Component("open_dental", why, called | figures, None if of is None else of.at)


def _some(of: Troubled, now: datetime, said: str, *, after: float) -> str | None:
    """None where no practice is in that trouble, or none for longer than `after` seconds."""
    longest = of.for_s(now)
    if not of.practices or longest < after:
        return None
    who = "1 practice" if of.practices == 1 else f"{of.practices} practices"
    return f"{said.format(who)}, the longest for {_minutes(longest)}"


def _mirrors(troubles: Mapping[Trouble, Troubled], now: datetime) -> Component:
    late, silent = troubles[Trouble.MIRROR_LATE], troubles[Trouble.MACHINES_SILENT]
    longest = late.for_s(now)
    why = None
    if longest > MIRRORS_LATE_S:
        why = f"{late.practices} mirrors are late, one of them for {_minutes(longest)}, though their practices answer"
    figures = {"late": float(late.practices), "latest_s": longest, "machines_silent": float(silent.practices)}
    return Component("mirrors", why, figures, now)


def _publisher(of: Noted | None, now: datetime) -> Component:
    """Where nothing was told for a while nothing may have changed, so that silence says nothing. That it fails shows in
    the age of its stream, which CloudWatch watches."""
    why = None
    if of is not None and now - of.at <= HEARD_LATELY and of.value("oldest_s") > TOLD_S:
        why = f"changes waited {_minutes(of.value('oldest_s'))} to be told"
    return _component("publisher", of, why, "oldest_s")


def _webhooks(of: Noted | None, now: datetime) -> Component:
    why = _silence(of, now, "the job that sends webhooks again")
    if of is not None and why is None:
        why = _first(
            "the queue of webhook deliveries takes none; they stay due" if of.value("not_sent") else None,
            f"a webhook delivery has been due for {_minutes(of.value('oldest_s'))}"
            if of.value("oldest_s") > DELIVERED_S
            else None,
        )
    return _component("webhooks", of, why, "due", "not_sent", "oldest_s")


def _vault(of: Noted | None, now: datetime) -> Component:
    """Only its failures are noted."""
    erred = of is not None and now - of.at <= HEARD_LATELY
    return _component("vault", of, "the vault of keys did not answer within the last minutes" if erred else None)


def _minutes(seconds: float) -> str:
    return f"{round(seconds / 60)} minutes"
