"""What the inbox promises, whoever keeps it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from gateway.adapters.inbox import S3Inbox, name_of, names_from
from gateway.core.errors import Unavailable
from gateway.core.native.ports import Post
from tests.contract.conftest import BUCKET, REGION
from tests.fakes.inbox import FakeInbox

POST = Post(
    practice_id="prac_aaaaaaaaaaaaaaaa",
    received_at=datetime(2026, 3, 2, 12, 0, 0, 123_456, tzinfo=UTC),
    event="WatchTable: Appointment",
    workstation="SERVER-1",
    key_fingerprint="f" * 32,
    body='[{"AptNum": 1, "Note": "é\\u0000"}]'.encode() + b"\xff\x00",
)


@pytest.fixture(params=["fake", "s3"])
def inbox(request: pytest.FixtureRequest) -> Any:
    if request.param == "fake":
        return FakeInbox()
    request.getfixturevalue("aws")
    client: Any = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=BUCKET)
    return S3Inbox(lambda: client, bucket=BUCKET)


def kept(inbox: Any) -> list[str]:
    """The names of what is there."""
    if isinstance(inbox, FakeInbox):
        return sorted(inbox.posts)
    found: list[dict[str, Any]] = inbox._client().list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [one["Key"] for one in found]


@pytest.mark.parametrize("post", [POST, replace(POST, event="", workstation="", body=b"")])
def test_a_call_comes_back_byte_for_byte_with_its_practice_and_its_moment(inbox: Any, post: Post) -> None:
    inbox.put(post)

    (name,) = kept(inbox)
    assert inbox.get(name) == post


def test_names_have_the_order_in_which_calls_came_and_two_of_one_moment_are_two(inbox: Any) -> None:
    later = replace(POST, received_at=POST.received_at + timedelta(microseconds=1))
    for post in (later, POST, POST):
        inbox.put(post)

    names = kept(inbox)
    assert len(names) == 3
    assert [getattr(inbox.get(name), "received_at", None) for name in names] == [
        POST.received_at,
        POST.received_at,
        later.received_at,
    ]
    assert all(name.startswith("hooks/prac_aaaaaaaaaaaaaaaa/") for name in names)


def test_what_was_dropped_is_gone_and_may_be_dropped_again(inbox: Any) -> None:
    inbox.put(POST)
    (name,) = kept(inbox)
    for _ in range(2):
        inbox.drop(name)

    assert inbox.get(name) is None
    assert kept(inbox) == []


@pytest.mark.parametrize(
    "name", ["", "hooks/", "prac_aaaaaaaaaaaaaaaa/0f", "hooks/../x/1772452800123456-00", "hooks/prac_a/1-", "hooks/a/b"]
)
def test_nothing_else_of_the_bucket_is_read_or_deleted(inbox: Any, name: str) -> None:
    """Requests and answers of callers lie there, too; who could name one in a message could have it deleted."""
    for do in (inbox.get, inbox.drop):
        with pytest.raises(ValueError, match="no call is called so"):
            do(name)


def test_a_bucket_that_does_not_answer_is_unavailable_and_says_nothing_of_the_call(aws: None) -> None:
    client: Any = boto3.client("s3", region_name=REGION)
    inbox = S3Inbox(lambda: client, bucket="no-such-bucket")
    name = name_of(POST)
    does: list[Callable[[], object]] = [lambda: inbox.put(POST), lambda: inbox.get(name), lambda: inbox.drop(name)]
    for do in does:
        with pytest.raises(Unavailable, match=r"^the inbox did not answer$"):
            do()


def test_the_names_in_a_message_of_s3_are_read_as_they_are_encoded() -> None:
    records = [{"s3": {"object": {"key": key}}} for key in ("hooks/prac_a/1772452800123456-0f", "hooks/a%2Bb+c")]

    assert names_from(json.dumps({"Records": records})) == ["hooks/prac_a/1772452800123456-0f", "hooks/a+b c"]
    assert names_from(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})) == []


@pytest.mark.parametrize("message", ["", "[]", "null", '{"Records": [{}]}', '{"Records": [1]}', '{"Records": 1}'])
def test_a_message_of_somebody_else_is_none(message: str) -> None:
    with pytest.raises(ValueError, match=r"S3|JSON|value|found"):
        names_from(message)
