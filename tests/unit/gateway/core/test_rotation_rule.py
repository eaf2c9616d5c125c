"""Which step of an exchange of keys may follow which, and when it is looked again."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.rotation import rule
from gateway.core.rotation.records import Book, Rotation, State
from tests.fakes.identity import NOON

ASKED = Rotation("rot_a", "prac_elm", "a" * 32, "cli_ada", NOON, by_portal=True, former="f" * 32, due_at=NOON)
PROMOTED = {State.PROMOTING, State.ENDING, State.DRAINING, State.DONE}


@given(st.lists(st.sampled_from(State), max_size=12))
def test_whatever_is_tried_nothing_leads_back_from_a_promoted_key_and_every_end_is_one(tried: list[State]) -> None:
    rotation, been = ASKED, [ASKED.state]
    for state in tried:
        try:
            rotation = rule.to(rotation, state, NOON)
        except ValueError:
            continue
        been.append(state)

    promoted = [state in PROMOTED for state in been]
    assert promoted == sorted(promoted)
    assert all(state not in PROMOTED or before in PROMOTED | {State.SUBSCRIBING} for before, state in pairwise(been))
    assert not any(state.is_over for state in been[:-1])
    assert (rotation.ended_at is not None) is rotation.state.is_over
    assert rotation.state in PROMOTED or rotation.state.is_over or rule.may_cancel(rotation)


def test_every_state_has_a_way_to_an_end() -> None:
    ends = {state for state in State if state.is_over}
    for _ in State:
        ends |= {state for state, after in rule.FOLLOWS.items() if after & ends}

    assert ends == set(State)


def test_an_office_is_looked_for_ever_more_seldom_for_thirty_days() -> None:
    rotation, looks = rule.to(ASKED, State.WAITING, NOON), [NOON]
    while rotation.state is State.WAITING:
        assert rotation.due_at is not None
        rotation = rule.not_yet(rotation, rotation.due_at)
        if rotation.due_at is not None:
            looks.append(rotation.due_at)

    pauses = [later - earlier for earlier, later in pairwise(looks[1:-1])]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=15), timedelta(minutes=30))
    assert (rotation.state, rotation.reason) == (State.CANCELLING, "office-did-not-add-it")
    assert looks[-1] - NOON >= timedelta(days=30)
    assert rule.over(rotation, looks[-1]).state is State.FAILED


@given(st.lists(st.integers(0, 40), min_size=1))
def test_the_old_key_is_disabled_a_day_after_its_last_use_whenever_that_is(hours: list[int]) -> None:
    rotation = Rotation(
        "rot_a", "prac_elm", "a" * 32, "cli_ada", NOON, by_portal=True, former="f" * 32, promoted_at=NOON
    )
    used_at = max(NOON + timedelta(hours=one) for one in hours)

    assert rule.disabled_from(rotation, used_at) - used_at == timedelta(hours=24)
    assert rule.disabled_from(rotation, None) == NOON + timedelta(hours=24)
    before = NOON - timedelta(hours=1)
    assert rule.disabled_from(rotation, before) == NOON + timedelta(hours=24), "its last use was before the exchange"


def test_a_book_remembers_the_last_twenty_exchanges() -> None:
    book = Book("prac_elm")
    for number in range(25):
        over = Rotation(f"rot_{number}", "prac_elm", "a", "cli", NOON, True, "f", state=State.DONE)
        book = rule.noted(book, over)

    assert [one.id for one in book.rotations] == [f"rot_{number}" for number in range(5, 25)]


@pytest.mark.parametrize("state", [State.DONE, State.FAILED, State.CANCELLED])
def test_what_is_over_is_not_open(state: State) -> None:
    over = Rotation("rot_a", "prac_elm", "a", "cli", NOON, by_portal=True, former="f", state=state)
    assert rule.noted(Book("prac_elm"), over).open is None
