"""Figures of the deployment and practices in trouble, in memory and in DynamoDB."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.adapters.fleet import DynamoFleet
from gateway.core.health.fleet import Fleet, Noted, Trouble, Troubled
from tests.contract.conftest import make_table
from tests.fakes.fleet import FakeFleet

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ELM, OAK = "prac_aaaaaaaaaaaaaaaa", "prac_zzzzzzzzzzzzzzzz"


@pytest.fixture(params=["fake", "dynamodb"])
def fleet(request: pytest.FixtureRequest) -> Fleet:
    if request.param == "fake":
        return FakeFleet()
    request.getfixturevalue("aws")
    return DynamoFleet(make_table("pace", due=True), table="pace")


def test_figures_are_the_last_that_each_writer_noted(fleet: Fleet) -> None:
    fleet.note("queues", {"queued": 3}, at=AT)
    fleet.note("queues", {"queued": 4, "oldest_s": 1.5}, at=AT + timedelta(minutes=1))
    fleet.note("lanes", {"offered": 1}, at=AT)

    assert fleet.noted() == {
        "queues": Noted(AT + timedelta(minutes=1), {"queued": 4, "oldest_s": 1.5}),
        "lanes": Noted(AT, {"offered": 1}),
    }


def test_a_trouble_is_as_old_as_when_it_was_first_seen(fleet: Fleet) -> None:
    fleet.begin(Trouble.OFFLINE, ELM, since=AT)
    fleet.begin(Trouble.OFFLINE, ELM, since=AT + timedelta(hours=1))
    fleet.begin(Trouble.OFFLINE, OAK, since=AT + timedelta(hours=2))

    assert fleet.troubled(Trouble.OFFLINE) == Troubled(2, AT)
    assert fleet.troubled(Trouble.FAILING) == Troubled()


def test_what_ended_is_counted_no_more_and_may_end_twice(fleet: Fleet) -> None:
    fleet.begin(Trouble.OFFLINE, ELM, since=AT)
    for _ in range(2):
        fleet.end(Trouble.OFFLINE, ELM)

    assert fleet.troubled(Trouble.OFFLINE) == Troubled()


def test_some_are_of_that_trouble_and_no_more_than_asked_for(fleet: Fleet) -> None:
    fleet.begin(Trouble.FAILING, ELM, since=AT)
    for practice_id in (ELM, OAK):
        fleet.begin(Trouble.OFFLINE, practice_id, since=AT)

    assert fleet.some(Trouble.FAILING, limit=10) == [ELM]
    assert {*fleet.some(Trouble.OFFLINE, limit=10)} == {ELM, OAK}
    assert len(fleet.some(Trouble.OFFLINE, limit=1)) == 1


def test_more_than_a_page_of_practices_is_counted_whole(aws: None) -> None:
    client: Any = make_table("pace", due=True)
    fleet = DynamoFleet(client, table="pace")
    padding = {"S": "x" * 300_000}
    for number in range(5):
        item = {"pk": {"S": "trouble#offline"}, "sk": {"S": f"prac_{number}"}, "since": {"S": AT.isoformat()}}
        client.put_item(TableName="pace", Item={**item, "padding": padding})

    assert fleet.troubled(Trouble.OFFLINE).practices == 5
