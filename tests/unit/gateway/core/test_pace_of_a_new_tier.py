"""A key whose tier changes: the pace follows at once."""

from __future__ import annotations

from gateway.core import pacing
from gateway.core.pacing import Call, PaceItem


def after_a_call(item: PaceItem, *, floor_s: float, throttled: bool = False) -> PaceItem:
    item = pacing.take_lease(item, "worker", 0.0)
    item, slot = pacing.reserve(item, "key", holder="worker", floor_s=floor_s, now=0.0)
    return pacing.finished(item, "key", Call(slot, slot + 0.05, throttled=throttled), floor_s=floor_s)


def test_a_key_connected_at_5_seconds_is_called_at_its_own_pace_at_once() -> None:
    """A practice is proven at 5 s; its first callers must not wait minutes until the pace has crept to 1 s."""
    item = after_a_call(PaceItem("practice"), floor_s=5.0)

    assert pacing.key_pace(item, "key", 1.0).interval_s == 1.0


def test_a_key_that_was_refused_keeps_its_wider_interval_under_another_tier() -> None:
    item = after_a_call(PaceItem("practice"), floor_s=1.0, throttled=True)

    assert pacing.key_pace(item, "key", 0.5).interval_s == 1.5


def test_a_key_that_loses_its_tier_slows_down_at_once() -> None:
    item = after_a_call(PaceItem("practice"), floor_s=0.5)

    assert pacing.key_pace(item, "key", 5.0).interval_s == 5.0
