"""By which way an office is called, where there are two: pure rules.

An office has the way it was connected by, and may have a second one to the same database with the same keys: its own
server first, say, and the vendor's relay while that does not answer. Which one is in use is part of the pace item: the
lease that keeps calls of a practice apart is the same on both, whichever network's worker holds it.

* A way is left when its office is said to be offline, when its answers cannot be used (`pacing.Trip`), or when two
  connections in a row did not come about. While the other way has not just failed as well, it is tried at once.
* If it has, the practice does not answer: its breaker is open, and each probe goes the other way than the one before.
* While the fallback is in use, the first way is tried once a minute, and taken again as soon as it answers.

What follows from a way follows from each call: the length of pages, the throttle, FHIR, the worker that may send.
Nothing that is read page by page goes on by another way, and no write that was sent is sent again because of one.
"""

from __future__ import annotations

from dataclasses import replace

from gateway.core.connect import tier_of
from gateway.core.pacing import OFFLINE_PROBE_S, Answer, Breaker, InUse, PaceItem, Trip
from gateway.core.practices import Practice, Way, WayName

FIRST_PROBE_S = 60.0
"""How often the first way is tried while the fallback is in use."""

MISSED_IN_A_ROW = 2
"""Connections that do not come about before a way is left; one alone may be the network's hiccup."""


def way_of(practice: Practice) -> Way:
    """The way by which `practice` says that it is reached."""
    return Way(practice.mode, practice.base_url, practice.network)


def as_reached(practice: Practice, by: WayName) -> Practice:
    """`practice` as it is reached `by` that way; its `fallback` is then the other one. As it is, where it has one way.

    The tier follows from what its key may do: the vendor's relay has a throttle, an office's own server has none.
    """
    if practice.by is by or practice.fallback is None:
        return practice
    way = practice.fallback
    return replace(
        practice,
        mode=way.mode,
        base_url=way.base_url,
        network=way.network,
        tier=tier_of(practice.permissions, way.mode),
        fallback=way_of(practice),
        by=by,
    )


def told(practice: Practice, by: WayName) -> dict[str, str]:
    """What is told of a practice that is called `by` that way, `practice` being said by any."""
    return {"way": by.value, "mode": as_reached(practice, by).mode.value}


def mended(item: PaceItem, known: Practice) -> PaceItem:
    """The item of a practice whose ways were changed meanwhile: `known` is its record, by the first way."""
    if item.way.by is WayName.FIRST:
        return item
    if known.fallback is None:
        return replace(item, way=InUse(network=known.network))
    if item.way.network == known.fallback.network:
        return item
    return replace(item, way=replace(item.way, network=known.fallback.network))


def heard(item: PaceItem, practice: Practice, answer: Answer, *, missed: bool, now: float) -> PaceItem:
    """Keep the way in use or take the other one, by what a call said that `pacing.heard` has heard already.

    `practice`: as it was called. `missed`: no connection came about.
    """
    way = item.way
    if practice.fallback is None or way.by is not practice.by:
        return item
    if answer is Answer.FINE:
        return replace(item, way=replace(way, answered=True, missed=0))
    if answer is Answer.KEY_REFUSED or answer is Answer.NEUTRAL:
        return item
    way = replace(way, missed=way.missed + 1 if missed else way.missed)
    # The other way has just failed as well: nobody gains by a second try.
    enough = way.missed >= (MISSED_IN_A_ROW if way.answered else 1)
    if item.breaker.trip not in {Trip.OFFLINE, Trip.FAILING} and not enough:
        return replace(item, way=way)
    return _other(replace(item, way=way), practice.fallback, now)


def _other(item: PaceItem, other: Way, now: float) -> PaceItem:
    by = WayName.FALLBACK if item.way.by is WayName.FIRST else WayName.FIRST
    taken = InUse(by, other.network, since=now, probe_at=now + FIRST_PROBE_S, answered=False)
    breaker = Breaker()
    if not item.way.answered:
        breaker = item.breaker
        if breaker.trip is None:
            breaker = replace(breaker, trip=Trip.OFFLINE, since=now, probe_at=now + OFFLINE_PROBE_S)
    return replace(item, way=taken, breaker=breaker)


def first_is_due(item: PaceItem, now: float) -> bool:
    """Whether the first way is to be tried, while the fallback is in use."""
    way = item.way
    return way.by is WayName.FALLBACK and item.breaker.trip is None and way.probe_at <= now


def first_tried(item: PaceItem, known: Practice, *, answers: bool, now: float) -> PaceItem:
    """Take the first way again where it answers, else put off the next try. `known`: the record, by the first way."""
    if item.way.by is WayName.FIRST:
        return item
    if answers:
        return replace(item, way=InUse(network=known.network, since=now), breaker=Breaker())
    return replace(item, way=replace(item.way, probe_at=now + FIRST_PROBE_S))
