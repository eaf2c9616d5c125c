"""What is known of practices beside their records: one contract over the fake and DynamoDB, and records that change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from gateway.adapters.drifts import DynamoDrifts
from gateway.adapters.practices import DynamoPractices, from_record, to_record
from gateway.core.drift.known import Drifts, Known, Odd, Oddity
from gateway.core.errors import NotFound
from tests.fakes.drifts import FakeDrifts
from tests.fakes.identity import NOON
from tests.fakes.services import ELM_STREET

TABLE = "practices"
ODD = Odd("patients.Simple", Oddity.NEW, "ShinyNew")


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


@pytest.fixture(params=["fake", "dynamodb"])
def drifts(request: pytest.FixtureRequest) -> Drifts:
    if request.param == "fake":
        return FakeDrifts()
    return DynamoDrifts(request.getfixturevalue("dynamodb"), table=TABLE)


def test_nothing_is_known_of_a_practice_that_was_never_looked_at(drifts: Drifts) -> None:
    assert drifts.load("prac_a") == Known()
    assert drifts.odd("prac_a", now=NOON) == []


def test_what_is_saved_is_loaded_and_is_one_practices_own(drifts: Drifts) -> None:
    known = Known(NOON, NOON, NOON, 2, {"clinics": "abc", "shapes": {"a.b": {"new": ["X"]}}}, {"version": None}, NOON)
    drifts.save("prac_a", known)

    assert drifts.load("prac_a") == known
    assert drifts.load("prac_b") == Known()


def test_differences_are_counted_and_forgotten_after_a_month(drifts: Drifts) -> None:
    later = NOON + timedelta(days=3)
    drifts.note_odd("prac_a", {ODD: 2}, at=NOON)
    drifts.note_odd("prac_a", {ODD: 3, Odd("claims.list", Oddity.RETYPED, "ClaimFee"): 1}, at=later)
    drifts.note_odd("prac_b", {ODD: 1}, at=NOON)

    other, seen = drifts.odd("prac_a", now=later)
    assert (other.odd.operation, other.odd.kind) == ("claims.list", Oddity.RETYPED)
    assert (seen.odd, seen.first_at, seen.last_at, seen.count) == (ODD, NOON, later, 5)
    assert drifts.odd("prac_a", now=later + timedelta(days=30)) == []


def test_what_another_release_has_kept_besides_is_passed_over(dynamodb: Any) -> None:
    dynamodb.put_item(
        TableName=TABLE,
        Item={"pk": {"S": "practice#prac_a"}, "sk": {"S": "drift"}, "known": {"S": '{"failures": 1, "more": 2}'}},
    )
    assert DynamoDrifts(dynamodb, table=TABLE).load("prac_a") == Known(failures=1)


def test_a_record_is_changed_where_it_stands_and_two_who_change_it_lose_nothing(dynamodb: Any) -> None:
    practices = DynamoPractices(dynamodb, table=TABLE)
    practices.put(ELM_STREET)
    met: list[str] = []

    def rule(practice: Any) -> Any:
        if not met:
            met.append("once")
            practices.change(ELM_STREET.id, lambda one: replace(one, time_zone="America/Denver"))
        return replace(practice, version="25.4.2")

    changed = practices.change(ELM_STREET.id, rule)
    assert (changed.version, changed.time_zone) == ("25.4.2", "America/Denver")
    assert practices.get(ELM_STREET.id) == changed
    with pytest.raises(NotFound):
        practices.change("prac_nobody", rule)


def test_a_record_of_a_release_without_queries_lets_the_office_be_asked() -> None:

    old = to_record(ELM_STREET)
    del old["queries"]
    assert from_record(old) == ELM_STREET
