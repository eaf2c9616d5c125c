"""Keeping a time: the fake and the table keep one contract."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from gateway.adapters.holds import DynamoHolds
from gateway.core.errors import AppError, Clash, NotFound, Unavailable
from gateway.core.ids import new_id
from gateway.core.ports import Holds
from gateway.core.slots.holds import CHAIR, PROVIDER, Hold, Place
from tests.contract.conftest import make_table
from tests.fakes.holds import FakeHolds

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NINE = datetime(2026, 3, 9, 9)  # noqa: DTZ001 - an office's wall clock
ELM, OAK = new_id("practice"), new_id("practice")


def a_hold(**changes: Any) -> Hold:
    made = Hold(
        id=new_id("slot_hold"),
        practice_id=ELM,
        client_id="cli_ada",
        start=NINE,
        pattern="X" * 6,
        op=3,
        provider=1,
        hygienist=0,
        is_hygiene=False,
        expires_at=NOON + timedelta(minutes=3),
        made_at=NOON,
        body_hash="b" * 32,
    )
    return replace(made, **changes)


@pytest.fixture(params=["fake", "dynamodb"])
def holds(request: pytest.FixtureRequest) -> Holds:
    if request.param == "fake":
        return FakeHolds()
    request.getfixturevalue("aws")
    return DynamoHolds(make_table("holds", due=False), table="holds", sleep=lambda _: None)


def taken(holds: Holds, hold: Hold, *, now: datetime = NOON) -> bool:
    try:
        return holds.take(hold, now=now) == hold
    except Clash as clash:
        assert clash.more["reason"] == "held"
        return False


def places(holds: Holds, practice_id: str = ELM, *, now: datetime = NOON) -> set[Place]:
    return set(holds.kept(practice_id, date(2026, 3, 1), date(2026, 3, 31), now=now))


@pytest.mark.parametrize("rivals_in", ["the chair", "the provider"])
def test_of_twenty_rivals_for_one_time_exactly_one_gets_it(rivals_in: str, holds: Holds) -> None:
    """Two patients must not be promised one chair, however close together their clicks are."""
    differs = "provider" if rivals_in == "the chair" else "op"
    rivals = [a_hold(**{differs: number}) for number in range(1, 21)]
    with ThreadPoolExecutor(20) as pool:
        won = list(pool.map(lambda hold: taken(holds, hold), rivals))

    assert won.count(True) == 1
    kept = holds.kept(ELM, NINE.date(), NINE.date(), now=NOON)
    assert {one.hold for cell in kept.values() for one in cell} == {rivals[won.index(True)].id}
    assert {place.kind for place in kept} == {CHAIR, PROVIDER}


def test_neighbours_in_one_day_of_a_chair_all_get_their_times(holds: Holds) -> None:
    neighbours = [a_hold(start=NINE + timedelta(minutes=30 * number)) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        won = list(pool.map(lambda hold: taken(holds, hold), neighbours))

    assert won == [True] * 6
    kept = holds.kept(ELM, NINE.date(), NINE.date(), now=NOON)
    assert {one.hold for one in kept[Place(NINE.date(), CHAIR, 3)]} == {hold.id for hold in neighbours}


def test_a_hold_that_has_run_out_is_in_nobodys_way(holds: Holds) -> None:
    assert taken(holds, a_hold())
    later = NOON + timedelta(minutes=3)
    second = a_hold(made_at=later, expires_at=later + timedelta(minutes=2))

    assert not taken(holds, a_hold(), now=later - timedelta(seconds=1))
    assert places(holds, now=later) == set()
    assert taken(holds, second, now=later)
    kept = holds.kept(ELM, NINE.date(), NINE.date(), now=NOON)
    assert {one.hold for cell in kept.values() for one in cell} == {second.id}


def test_a_hold_that_is_let_go_is_in_nobodys_way(holds: Holds) -> None:
    hold = a_hold()
    holds.take(hold, now=NOON)
    for _ in range(2):
        holds.release(hold.id, now=NOON + timedelta(seconds=1))
    holds.release(new_id("slot_hold"), now=NOON)

    assert places(holds) == set()
    assert holds.get(hold.id).released_at == NOON + timedelta(seconds=1)
    assert taken(holds, a_hold())


def test_letting_go_late_leaves_the_next_ones_hold_alone(holds: Holds) -> None:
    first = a_hold()
    later = NOON + timedelta(minutes=4)
    second = a_hold(made_at=later, expires_at=later + timedelta(minutes=2))
    holds.take(first, now=NOON)
    holds.take(second, now=later)
    holds.release(first.id, now=later)

    assert not taken(holds, a_hold(), now=later)


def test_a_repeat_of_a_hold_finds_the_first_whatever_became_of_it(holds: Holds) -> None:
    first = a_hold()
    holds.take(first, now=NOON)
    holds.release(first.id, now=NOON)
    holds.take(a_hold(), now=NOON)
    again = replace(first, start=NINE + timedelta(hours=1), made_at=NOON + timedelta(minutes=1))

    assert holds.take(again, now=NOON + timedelta(minutes=1)) == replace(first, released_at=NOON)
    assert len(places(holds)) == 2


def test_a_clash_keeps_nothing(holds: Holds) -> None:
    holds.take(a_hold(op=4), now=NOON)
    rival = a_hold()

    assert not taken(holds, rival)
    assert Place(NINE.date(), CHAIR, 3) not in places(holds)
    with pytest.raises(NotFound):
        holds.get(rival.id)


def test_practices_with_equal_keys_do_not_meet(holds: Holds) -> None:
    assert taken(holds, a_hold())
    assert taken(holds, a_hold(practice_id=OAK))
    holds.release(next(iter(holds.kept(OAK, NINE.date(), NINE.date(), now=NOON).values()))[0].hold, now=NOON)

    assert places(holds, OAK) == set()
    assert len(places(holds, ELM)) == 2


def test_a_visit_over_midnight_is_kept_on_both_days(holds: Holds) -> None:
    late = datetime(2026, 3, 9, 23, 30)  # noqa: DTZ001
    holds.take(a_hold(start=late, pattern="X" * 12), now=NOON)

    assert {place.day.day for place in places(holds)} == {9, 10}
    assert not taken(holds, a_hold(start=late + timedelta(minutes=30), provider=2))
    assert taken(holds, a_hold(start=late + timedelta(minutes=60)))


def test_only_the_days_that_are_asked_for_are_told(holds: Holds) -> None:
    for day in (8, 9, 10):
        holds.take(a_hold(start=NINE.replace(day=day)), now=NOON)

    found = holds.kept(ELM, date(2026, 3, 9), date(2026, 3, 9), now=NOON)
    assert {place.day.day for place in found} == {9}


# -- what only the table shows ---------------------------------------------------------------------------------------


def test_no_interval_outlives_its_item(aws: None) -> None:
    """An item that goes while somebody's time is in it would let another caller have that time."""
    client = make_table("holds", due=False)
    holds = DynamoHolds(client, table="holds")
    holds.take(a_hold(expires_at=NOON + timedelta(minutes=5)), now=NOON)
    second = a_hold(start=NINE + timedelta(hours=1), expires_at=NOON + timedelta(minutes=2))
    holds.take(second, now=NOON)
    holds.release(second.id, now=NOON)

    for item in client.scan(TableName="holds")["Items"]:
        assert int(item["expires_at"]["N"]) >= (NOON + timedelta(minutes=5)).timestamp()


def test_a_cell_without_holds_keeps_its_version(aws: None) -> None:
    client = make_table("holds", due=False)
    holds = DynamoHolds(client, table="holds")
    hold = a_hold()
    holds.take(hold, now=NOON)
    holds.release(hold.id, now=NOON)
    cells = [item for item in client.scan(TableName="holds")["Items"] if "version" in item]

    assert [int(item["version"]["N"]) for item in cells] == [2, 2]


def test_a_table_that_does_not_answer_is_ours_to_say() -> None:
    client: Any = boto3.client("dynamodb", "us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
    holds = DynamoHolds(client, table="holds")
    calls: list[tuple[str, Any]] = [
        ("get_item", lambda: holds.get("hld_x")),
        ("query", lambda: holds.kept(ELM, NINE.date(), NINE.date(), now=NOON)),
        ("get_item", lambda: holds.take(a_hold(), now=NOON)),
    ]
    for method, call in calls:
        with Stubber(client) as stubber:
            stubber.add_client_error(method, "ThrottlingException")
            with pytest.raises(Unavailable) as failed:
                call()
            assert isinstance(failed.value, AppError)
