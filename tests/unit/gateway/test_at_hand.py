"""An office's own set-up, remembered by the process that read it."""

from __future__ import annotations

from gateway.core import at_hand
from gateway.core.operations import RowSet
from gateway.core.requests import Fetched
from tests.fakes.services import FakeServices


def fetched(on: FakeServices, name: str = "x") -> Fetched:
    return Fetched(RowSet({"definitions": [{"DefNum": 1, "ItemName": name}]}, on.clock.now(), 0), 0.0, "mirror", 0)


def test_it_is_remembered_for_half_a_minute_and_not_longer() -> None:
    on = FakeServices()
    at_hand.remember("prac_a", "k", fetched(on), on=on)
    on.clock.seconds += at_hand.REMEMBERED_S - 1
    assert at_hand.remembered("prac_a", "k", on=on) is not None

    on.clock.seconds += 1
    assert at_hand.remembered("prac_a", "k", on=on) is None


def test_nothing_is_remembered_for_another_practice_or_another_deployment() -> None:
    on, other = FakeServices(), FakeServices()
    at_hand.remember("prac_a", "k", fetched(on), on=on)

    assert at_hand.remembered("prac_b", "k", on=on) is None
    assert at_hand.remembered("prac_a", "k", on=other) is None


def test_the_table_that_was_not_asked_for_the_longest_is_forgotten_first() -> None:
    on = FakeServices()
    for number in range(at_hand.MOST):
        at_hand.remember("prac_a", str(number), fetched(on), on=on)
    assert at_hand.remembered("prac_a", "0", on=on) is not None

    at_hand.remember("prac_a", "one more", fetched(on), on=on)

    assert at_hand.remembered("prac_a", "0", on=on) is not None
    assert at_hand.remembered("prac_a", "1", on=on) is None
