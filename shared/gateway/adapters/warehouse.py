"""Where exports lie: files in S3, each put once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gateway.adapters.aws_errors import AwsError, code_of, unavailable
from gateway.core.export.runs import Stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_THERE = frozenset({"PreconditionFailed", "412"})
_NONE = frozenset({"NoSuchKey", "404"})


class S3Warehouse:
    """Fills `core.export.runs.Warehouse`. S3 itself refuses the second put of a name."""

    def __init__(self, client: Callable[[], S3Client], *, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, body: bytes, facts: Mapping[str, str] | None = None) -> bool:
        """See `Warehouse.put`."""
        try:
            self._client().put_object(
                Bucket=self._bucket, Key=key, Body=body, Metadata=dict(facts or {}), IfNoneMatch="*"
            )
        except AwsError as error:
            # Two at once: one of them is told of a conflict, and finds the other's at the next try.
            if code_of(error) in _THERE:
                return False
            raise unavailable("the store of exports") from error
        return True

    def get(self, key: str) -> Stored | None:
        """See `Warehouse.get`."""
        try:
            found = self._client().get_object(Bucket=self._bucket, Key=key)
            return Stored(found["Body"].read(), dict(found.get("Metadata", {})))
        except AwsError as error:
            if code_of(error) in _NONE:
                return None
            raise unavailable("the store of exports") from error
