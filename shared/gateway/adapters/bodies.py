"""Values of any size in DynamoDB items: compressed in the item while they fit, else in S3 with a pointer."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from gateway.adapters.aws_errors import AwsError, unavailable
from gateway.adapters.codec import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

IN_ITEM_BYTES = 300_000
"""Compressed bytes up to which a body lies in its item, whose own limit is 400 kB."""


class Bodies:
    """Puts a value into attributes of an item and takes it out again.

    Objects are named by their content, so that a repeat writes the same one. The bucket's lifecycle rule ends them
    35 days after they were last written: they are not deleted with their items, and `renew` keeps them longer.
    """

    def __init__(self, client: Callable[[], S3Client], *, bucket: str) -> None:
        """`client` makes the client, or hands out the one that is there: it costs a cold start 30 to 60 ms, and
        hardly any body is so large."""
        self._client = client
        self._bucket = bucket

    def attributes(self, value: Any, *, owner: str) -> dict[str, Any]:
        """The attributes that hold `value`; `owner` (an id) is the folder of the object, if it needs one."""
        raw = pack(value)
        if len(raw) <= IN_ITEM_BYTES:
            return {"body": {"B": raw}}
        key = f"{owner}/{hashlib.sha256(raw).hexdigest()}"
        self._put(key, raw)
        return {"body_at": {"S": key}}

    def renew(self, item: Any) -> None:
        """Write the object of `item`, if it has one, once more: its days are counted from now."""
        if "body_at" in item:
            self._put(item["body_at"]["S"], self._raw(item["body_at"]["S"]))

    def value(self, item: Any) -> Any:
        """What `attributes` was given."""
        if "body" in item:
            return unpack(bytes(item["body"]["B"]))
        return unpack(self._raw(item["body_at"]["S"]))

    def _put(self, key: str, raw: bytes) -> None:
        try:
            self._client().put_object(Bucket=self._bucket, Key=key, Body=raw)
        except AwsError as error:
            raise unavailable("the store of large bodies") from error

    def _raw(self, key: str) -> bytes:
        try:
            return self._client().get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except AwsError as error:
            raise unavailable("the store of large bodies") from error
