"""Calls of offices' machines, each an object of the bodies bucket until it is worked off:

    hooks/{practice}/{received, microseconds since 1970}-{token}

The body lies there as it came, sealed with the bucket's key; beside it, which S3 does not seal, stand the event's name,
the machine's and the fingerprint of the key, and nothing else. The bucket tells a queue of each object by itself, so
that nobody has to send a message for it.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from gateway.adapters.aws_errors import AwsError, code_of, unavailable
from gateway.core.native.ports import Post

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

FOLDER: Final = "hooks/"
_NAME: Final = re.compile(r"hooks/([a-z0-9_]+)/(\d{16})-[0-9a-f]+")
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_GONE: Final = frozenset({"NoSuchKey", "404"})
_WHAT: Final = "the inbox"


class S3Inbox:
    """Fills `core.native.ports.Inbox`."""

    def __init__(self, client: Callable[[], S3Client], *, bucket: str) -> None:
        """`client` makes the client, or hands out the one that is there."""
        self._client = client
        self._bucket = bucket

    def put(self, post: Post) -> None:
        """See `Inbox.put`."""
        try:
            self._client().put_object(
                Bucket=self._bucket,
                Key=name_of(post),
                Body=post.body,
                Metadata={"event": post.event, "workstation": post.workstation, "key": post.key_fingerprint},
            )
        except AwsError as error:
            raise unavailable(_WHAT) from error

    def get(self, name: str) -> Post | None:
        """See `Inbox.get`."""
        practice_id, received_at = read_name(name)
        try:
            found = self._client().get_object(Bucket=self._bucket, Key=name)
            body = found["Body"].read()
        except AwsError as error:
            if code_of(error) in _GONE:
                return None
            raise unavailable(_WHAT) from error
        beside = found.get("Metadata", {})
        return Post(
            practice_id,
            received_at,
            beside.get("event", ""),
            beside.get("workstation", ""),
            beside.get("key", ""),
            body,
        )

    def drop(self, name: str) -> None:
        """See `Inbox.drop`."""
        read_name(name)
        try:
            self._client().delete_object(Bucket=self._bucket, Key=name)
        except AwsError as error:
            raise unavailable(_WHAT) from error


def name_of(post: Post) -> str:
    """A new name for a call, in the order in which a practice's calls came."""
    micros = (post.received_at - _FIRST) // timedelta(microseconds=1)
    return f"{FOLDER}{post.practice_id}/{micros:016}-{secrets.token_hex(8)}"


def names_from(message: str) -> list[str]:
    """The names in a message that S3 sent; none of the one by which it tries a queue.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html; keys are
    encoded as in a URL.

    Raises: ValueError: it is no such message.
    """
    try:
        records = json.loads(message).get("Records", [])
        return [unquote_plus(str(record["s3"]["object"]["key"])) for record in records]
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("not a message of S3's") from error


def read_name(name: str) -> tuple[str, datetime]:
    """Whose call it is, and when it was received. Raises: ValueError: no call is called so."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError("no call is called so")
    return match[1], _FIRST + timedelta(microseconds=int(match[2]))
