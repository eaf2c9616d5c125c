"""Ports under test: the in-memory one and the AWS one, which runs against moto inside this process."""

from __future__ import annotations

import hmac
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
from gateway.adapters.mirror.records import DynamoRecords
from gateway.adapters.mirror.syncs import DynamoSyncStates
from gateway.adapters.pace import DynamoPace
from gateway.wiring.aws import AwsServices
from infra.catalogue import TABLES, Index
from tests.fakes import FakeLedger, FakePace
from tests.fakes.mirror import FakeRecords, FakeSyncStates
from tests.fakes.services import FakeCache, FakeClock

REGION = "us-east-1"
BUCKET = "test-bodies"


_ONE_REQUEST = RLock()
_STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


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


def fingerprint(text: str) -> str:
    """What `HmacSigner.fingerprint` does, under a key that is obviously false."""
    return hmac.new(b"test-key-not-a-secret", text.encode(), "sha256").hexdigest()[:32]


def deployed_client() -> Any:
    """DynamoDB's client as functions have it, with what it does otherwise than the SDK's own."""
    return AwsServices()._dynamodb


def make_table(name: str, *, due: bool) -> Any:
    """A table as `infra/` makes it; returns the client."""
    client = deployed_client()
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


def make_records_table(name: str = "records") -> Any:
    """The mirror's table with the indexes that `infra/` gives it; returns the client."""
    return make_deployed_table("records", name=name)


def make_deployed_table(deployed: str, *, name: str | None = None) -> Any:
    """A table with the indexes and the stream that `infra/` gives it; returns the client."""
    client = deployed_client()
    (row,) = (table for table in TABLES if table.name == deployed)
    types = {"pk": "S", "sk": "S"}
    for index in row.indexes:
        types |= {index.partition: "S", index.sort: "S" if index.sort_type == "text" else "N"}
    client.create_table(
        TableName=name or deployed,
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in types.items()],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": [_index(index) for index in row.indexes]} if row.indexes else {}),
        **({"StreamSpecification": _STREAM} if row.stream else {}),
    )
    return client


def _index(index: Index) -> dict[str, Any]:
    kept: dict[str, Any] = {"ProjectionType": "KEYS_ONLY"}
    if index.include:
        kept = {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.include)}
    return {
        "IndexName": index.name,
        "KeySchema": [
            {"AttributeName": index.partition, "KeyType": "HASH"},
            {"AttributeName": index.sort, "KeyType": "RANGE"},
        ],
        "Projection": kept,
    }


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


@pytest.fixture(params=["fake", "dynamodb"])
def records(request: pytest.FixtureRequest, clock: FakeClock) -> Any:
    """The mirror's copies."""
    if request.param == "fake":
        fake = FakeRecords()
        fake.now = clock.now
        return fake
    request.getfixturevalue("aws")
    return DynamoRecords(
        make_records_table(), table="records", fingerprint=fingerprint, now=clock.now, sleep=clock.sleep
    )


@pytest.fixture(params=["fake", "dynamodb"])
def syncs(request: pytest.FixtureRequest) -> Any:
    """How far the mirror is."""
    if request.param == "fake":
        return FakeSyncStates()
    request.getfixturevalue("aws")
    return DynamoSyncStates(make_records_table(), table="records")
