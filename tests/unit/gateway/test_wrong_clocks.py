"""Clocks that are wrong by an hour, of one process or of all: nothing is lost or twice, and nobody waits an hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import pacing
from gateway.core.errors import Unauthenticated
from gateway.core.pacing import LEASE_AT_MOST_S, Call, PaceItem
from gateway.core.practices import Baa
from gateway.core.requests import submit
from gateway.core.rotation import rule
from gateway.core.rotation.records import Rotation
from gateway.core.sessions import SESSION_LIFETIME, open_session, session_of, token_hash
from tests.fakes.faults import run_faults
from tests.fakes.office import Fault
from tests.fakes.plans import KINDS
from tests.fakes.services import ELM_STREET, FakeServices, Life, a_caller
from tests.fakes.world import World

HOUR_S = 3600.0
T0 = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()
KEY = "f" * 32


def test_days_on_which_clocks_are_wrong_and_functions_die_lose_nothing_and_write_nothing_twice() -> None:
    """`uv run bench faults` plays many more."""
    tally = run_faults(50, seed=23, clocks=True)

    assert tally.is_clean, tally
    assert tally.jumps > 600
    assert tally.lost_calls > 30
    assert tally.crashes > 30


def booked(on: FakeServices, key: str, at: str) -> str:
    input_ = {"patient": 7, "at": at}
    return submit("test.book", input_, practice=ELM_STREET, caller=a_caller(), idempotency_key=key * 16, on=on).id


@pytest.mark.parametrize("off_s", [HOUR_S, -HOUR_S, 12 * HOUR_S])
@pytest.mark.parametrize("left", [None, 14, 24, 30])
def test_a_worker_whose_clock_is_wrong_keeps_nobody_waiting_longer_than_one_that_dies(
    off_s: float, left: int | None
) -> None:
    on = FakeServices()
    world = World(on, KINDS)
    booked(on, "a", "2026-03-03 09:00:00")
    world.next_life = lambda: Life(off_s=off_s, left=left)
    world.run(3.0)
    world.next_life = lambda: None
    second = booked(on, "b", "2026-03-03 10:00:00")
    world.run(LEASE_AT_MOST_S)

    assert on.ledger.load(second).record.state.is_settled


def test_a_pause_that_open_dental_asked_for_is_kept_however_long_it_is() -> None:
    item = pacing.take_lease(PaceItem("prac_a"), "one", T0)
    item, slot = pacing.reserve(item, KEY, holder="one", floor_s=1.0, now=T0)
    call = Call(slot, slot + 1, throttled=True, retry_after_s=2 * HOUR_S)
    item = pacing.release(pacing.finished(item, KEY, call, floor_s=1.0), "one")
    item = pacing.take_lease(item, "two", T0 + 60)

    assert pacing.reserve(item, KEY, holder="two", floor_s=1.0, now=T0 + 60)[1] == slot + 1 + 2 * HOUR_S


OFF = st.sampled_from([0.0, 0.0, 0.0, HOUR_S, -HOUR_S, 2.0])


@settings(deadline=None)
@given(
    offs=st.lists(OFF, min_size=2, max_size=30),
    takes=st.floats(0.05, 70.0),
    interval_s=st.sampled_from([0.5, 1.0, 5.0]),
)
def test_calls_of_one_clock_keep_the_pace_whatever_the_others_show_and_no_pause_is_long(
    offs: list[float], takes: float, interval_s: float
) -> None:
    """Right clocks see each other's calls. Nobody can keep a distance from a wrong one, and nobody stops for it."""
    item, now, last = PaceItem("prac_a"), T0, dict[float, float]()
    for number, off in enumerate(offs):
        asked = now
        item = pacing.take_lease(item, f"w{number}", now + off)
        item, slot = pacing.reserve(item, KEY, holder=f"w{number}", floor_s=interval_s, now=now + off)
        sent = max(now, slot - off)
        assert sent - asked <= LEASE_AT_MOST_S
        if number and offs[number - 1] == off:
            assert sent - last[off] >= interval_s
        last[off] = sent
        now = sent + takes
        call = Call(sent + off, now + off)
        item = pacing.release(pacing.finished(item, KEY, call, floor_s=interval_s), f"w{number}")


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_session_moves_its_end_by_no_more_than_the_clock_and_an_ended_one_stays_ended(jump: timedelta) -> None:
    on = FakeServices()
    client = a_caller().client
    on.callers.put_client(client)
    on.clock.start += jump
    opened = open_session(client, on=on)
    on.clock.start -= jump
    last = on.clock.now() + SESSION_LIFETIME + jump

    assert session_of(opened.token, callers=on.callers, now=last - timedelta(seconds=1)).client_id == client.id
    with pytest.raises(Unauthenticated):
        session_of(opened.token, callers=on.callers, now=last)
    on.callers.revoke(token_hash(opened.token), on.clock.now())
    for now in (on.clock.now() - timedelta(hours=1), on.clock.now() + jump):
        with pytest.raises(Unauthenticated):
            session_of(opened.token, callers=on.callers, now=now)


@given(
    used=st.integers(-48, 48),
    wrong=st.integers(-1, 1),
    promoted=st.sampled_from([datetime(2026, 3, 7, 20, tzinfo=UTC), datetime(2026, 10, 31, 20, tzinfo=UTC)]),
)
def test_an_old_key_is_kept_for_a_day_less_what_a_clock_was_wrong_also_when_clocks_change(
    used: int, wrong: int, promoted: datetime
) -> None:
    """The two days are those on which American clocks change: 24 hours are counted, not a calendar's day."""
    used_at = promoted + timedelta(hours=used)
    asked = promoted - timedelta(hours=1)
    rotation = Rotation("rot_a", "prac_a", "a" * 32, "cli_ada", asked, by_portal=True, former=KEY, promoted_at=promoted)
    ends = rule.disabled_from(rotation, used_at + timedelta(hours=wrong))

    assert ends - max(promoted, used_at) >= timedelta(hours=24 - abs(wrong))


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_an_agreement_ends_with_its_last_day_give_or_take_the_jump(jump: timedelta) -> None:
    practice = replace(ELM_STREET, baa=Baa("r", "A. Test", date(2026, 1, 1), expires_on=date(2026, 3, 8)))
    midnight = datetime(2026, 3, 9, tzinfo=UTC)

    assert practice.is_open((midnight - timedelta(hours=2) + jump).date())
    assert not practice.is_open((midnight + timedelta(hours=1) + jump).date())


def test_an_answer_that_was_lost_is_looked_for_also_when_the_clock_went_back_meanwhile() -> None:
    on = FakeServices()
    world = World(on, KINDS)
    faults = iter([None, Fault.LOSE_ANSWER])
    on.office.on_call = lambda _: next(faults, None)
    world.next_life = lambda: Life(off_s=HOUR_S)
    lost = booked(on, "a", "2026-03-03 09:00:00")
    world.run(30.0)
    world.next_life = lambda: None
    world.run(2 * HOUR_S)

    assert on.ledger.load(lost).record.state.value == "succeeded"
    assert len(on.office.rows["appointments"]) == 1
