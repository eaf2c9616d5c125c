"""Counting a client's requests: the fake and the table keep one contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from gateway.adapters.callers import DynamoCallers
from gateway.core.callers import Client
from gateway.core.errors import NotFound, Unavailable
from gateway.core.ports import Callers
from tests.contract.conftest import make_table
from tests.fakes.identity import FakeCallers

HALF_PAST = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)
ADA, BEN = "cli_ada", "cli_ben"


@pytest.fixture(params=["fake", "dynamodb"])
def callers(request: pytest.FixtureRequest) -> Callers:
    if request.param == "fake":
        return FakeCallers()
    request.getfixturevalue("aws")
    return DynamoCallers(make_table("callers", due=False), table="callers")


def test_requests_that_come_at_once_are_all_counted_and_none_twice(callers: Callers) -> None:
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda _: callers.count_request(ADA, at=HALF_PAST), range(40)))

    assert sorted(counts) == list(range(1, 41))


def test_a_minute_is_the_clocks_and_the_next_one_starts_at_one(callers: Callers) -> None:
    seconds = (-30, 0, 29.999, 30, 89)
    counts = [callers.count_request(ADA, at=HALF_PAST + timedelta(seconds=s)) for s in seconds]

    assert counts == [1, 2, 3, 1, 2]


def test_a_moment_is_in_the_same_minute_whatever_its_zone(callers: Callers) -> None:
    callers.count_request(ADA, at=HALF_PAST)

    assert callers.count_request(ADA, at=HALF_PAST.astimezone()) == 2


def test_clients_do_not_share_a_count(callers: Callers) -> None:
    counts = [(who, callers.count_request(who, at=HALF_PAST)) for who in (ADA, BEN, ADA, ADA, BEN)]

    assert Counter(counts) == Counter({(ADA, 1): 1, (ADA, 2): 1, (ADA, 3): 1, (BEN, 1): 1, (BEN, 2): 1})


def test_counting_makes_no_client_and_changes_none(callers: Callers) -> None:
    ada = Client(id=ADA, name="Ada", practices=frozenset(), scopes=frozenset({"*:read"}), requests_per_minute=1)
    callers.put_client(ada)
    for who in (ADA, BEN):
        callers.count_request(who, at=HALF_PAST)

    assert callers.client(ADA) == ada
    with pytest.raises(NotFound):
        callers.client(BEN)


# -- what only the table shows ---------------------------------------------------------------------------------------


def test_a_count_is_gone_some_minutes_later(aws: None) -> None:
    client = make_table("callers", due=False)
    DynamoCallers(client, table="callers").count_request(ADA, at=HALF_PAST)
    (item,) = client.scan(TableName="callers")["Items"]
    kept_s = int(item["expires_at"]["N"]) - HALF_PAST.timestamp()

    assert 60 < kept_s <= 600


@pytest.fixture
def counted_with() -> Iterator[tuple[DynamoCallers, Stubber]]:
    client: Any = boto3.client("dynamodb", "us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
    with Stubber(client) as stubber:
        yield DynamoCallers(client, table="callers"), stubber


def test_a_request_costs_one_call_and_a_failure_of_it_is_ours(
    counted_with: tuple[DynamoCallers, Stubber],
) -> None:
    callers, stubber = counted_with
    stubber.add_response("update_item", {"Attributes": {"requests": {"N": "7"}, "expires_at": {"N": "0"}}})
    stubber.add_client_error("update_item", "ThrottlingException")

    assert callers.count_request(ADA, at=HALF_PAST) == 7
    with pytest.raises(Unavailable):
        callers.count_request(ADA, at=HALF_PAST)
    stubber.assert_no_pending_responses()
