"""Practices in trouble are counted while they are in it: by who sees it begin and end, and by the minute's sweep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.core import background
from gateway.core.health.counting import count_troubles
from gateway.core.health.fleet import Trouble, Troubled
from gateway.core.mirror.changes import Feeds
from tests.fakes.deployment import Deployment, deployed


@pytest.fixture
def one() -> Iterator[Deployment]:
    with deployed(scopes=("*:read", "sync:write")) as deployment:
        yield deployment


def troubled(one: Deployment) -> dict[Trouble, int]:
    return {trouble: of.practices for trouble, of in count_troubles(one.on).items() if of.practices}


def test_a_practice_that_stops_answering_is_counted_until_it_answers(one: Deployment) -> None:
    one.faulty("offline", "*", count=1)
    one.get("/providers")
    assert troubled(one) == {Trouble.OFFLINE: 1}
    assert one.on.fleet.troubled(Trouble.OFFLINE).since == one.on.fleet.troubles[Trouble.OFFLINE, one.practice_id]

    one.on.world.run(120)

    assert troubled(one) == {}


def test_an_end_that_was_lost_is_found_by_the_sweep(one: Deployment) -> None:
    for trouble in (Trouble.OFFLINE, Trouble.FAILING, Trouble.KEY_REFUSED, Trouble.MIRROR_LATE):
        one.on.fleet.begin(trouble, one.practice_id, since=one.on.clock.now())

    assert troubled(one) == {}


def test_a_mirror_that_is_kept_up_is_not_late(one: Deployment) -> None:
    one.patch(f"/practices/{one.practice_id}/sync", {"state": "on"})
    one.on.world.run(900)

    assert troubled(one) == {}


def test_a_mirror_that_nobody_kept_up_is_late_until_somebody_does(
    one: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.patch(f"/practices/{one.practice_id}/sync", {"state": "on"})
    one.on.world.run(900)
    with monkeypatch.context() as stuck:
        stuck.setattr(background, "WORK", ())
        stuck.setattr(Feeds, "next_due", lambda *_: one.on.clock.now() - timedelta(minutes=20))
        one.on.pace.update(one.practice_id, lambda item: (replace(item, next_due_at=0.0, lane_until=0.0), None))
        one.on.world.run(70)
        assert troubled(one) == {Trouble.MIRROR_LATE: 1}
        assert one.on.fleet.troubled(Trouble.MIRROR_LATE).for_s(one.on.clock.now()) > 1190
    one.on.pace.update(one.practice_id, lambda item: (replace(item, next_due_at=0.0, lane_until=0.0), None))
    one.on.world.run(130)

    assert one.on.fleet.troubled(Trouble.MIRROR_LATE) == Troubled()
