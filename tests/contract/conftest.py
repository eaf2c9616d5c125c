"""Ports under test: the in-memory one and the AWS one, which runs against moto inside this process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from threading import RLock
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb.responses import DynamoHandler

from gateway.adapters.bodies import Bodies
from gateway.adapters.cache import DynamoCache
from gateway.adapters.ledger import DynamoLedger
from gateway.adapters.pace import DynamoPace
from tests.fakes import FakeLedger, FakePace
from tests.fakes.services import FakeCache, FakeClock

REGION = "us-east-1"
BUCKET = "test-bodies"


_ONE_REQUEST = RLock()


def _one_at_a_time(self: Any, *args: Any, _call: Any = DynamoHandler.call_action, **kwargs: Any) -> Any:
    with _ONE_REQUEST:
        return _call(self, *args, **kwargs)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS in this process, with obviously false credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    # DynamoDB's writes are atomic, moto's check and write are two steps between which another thread may come. Threads
    # still take turns between any two requests, which is where an adapter could go wrong.
    monkeypatch.setattr(DynamoHandler, "call_action", _one_at_a_time)
    with mock_aws():
        yield


def make_table(name: str, *, due: bool) -> Any:
    """A table as `infra/` makes it; returns the client."""
    client: Any = boto3.client("dynamodb", region_name=REGION)
    attributes = {"pk": "S", "sk": "S"} | ({"due_shard": "S", "due_at": "N"} if due else {})
    more: dict[str, Any] = {}
    if due:
        more["GlobalSecondaryIndexes"] = [
            {
                "IndexName": "due",
                "KeySchema": [
                    {"AttributeName": "due_shard", "KeyType": "HASH"},
                    {"AttributeName": "due_at", "KeyType": "RANGE"},
                ],
                "Projection": {
                    "ProjectionType": "INCLUDE",
                    "NonKeyAttributes": ["practice_id", "attempt", "state"],
                },
            }
        ]
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in attributes.items()],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )
    return client


def make_bodies() -> Bodies:
    """Where large bodies go."""
    client: Any = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=BUCKET)
    return Bodies(lambda: client, bucket=BUCKET)


@pytest.fixture(params=["fake", "dynamodb"])
def ledger(request: pytest.FixtureRequest) -> Any:
    """The ledger, as callers and the worker see it."""
    if request.param == "fake":
        return FakeLedger()
    request.getfixturevalue("aws")
    return DynamoLedger(make_table("ledger", due=True), table="ledger", bodies=make_bodies())


@pytest.fixture(params=["fake", "dynamodb"])
def pace(request: pytest.FixtureRequest) -> Any:
    """The pace items."""
    if request.param == "fake":
        return FakePace()
    request.getfixturevalue("aws")
    return DynamoPace(make_table("pace", due=True), table="pace")


@pytest.fixture
def clock() -> FakeClock:
    """The time that the cache goes by."""
    return FakeClock(datetime.now(UTC))


@pytest.fixture(params=["fake", "dynamodb"])
def cache(request: pytest.FixtureRequest, clock: FakeClock) -> Any:
    """The short-lived cache."""
    if request.param == "fake":
        fake = FakeCache()
        fake.now = clock.now
        return fake
    request.getfixturevalue("aws")
    return DynamoCache(make_table("cache", due=False), table="cache", bodies=make_bodies(), now=clock.now)
