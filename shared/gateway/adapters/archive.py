"""Where the audit trail lies for six years: lines of JSON, packed, in a bucket with S3 Object Lock."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gateway.adapters.audit import entry_of
from gateway.adapters.aws_errors import AwsError, unavailable
from gateway.core.audit.archiving import Added

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Archive:
    """Fills `core.audit.archiving.Archive`. The bucket's own rule locks what is put."""

    def __init__(self, client: Callable[[], S3Client], *, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep(self, name: str, lines: Sequence[dict[str, Any]]) -> None:
        """See `Archive.keep`."""
        text = "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines)
        try:
            self._client().put_object(
                Bucket=self._bucket,
                Key=name,
                # Without the time of day the same lines are the same bytes.
                Body=gzip.compress(text.encode(), mtime=0),
                # A bucket with Object Lock takes nothing without.
                ChecksumAlgorithm="SHA256",
            )
        except AwsError as error:
            raise unavailable("the archive of the audit trail") from error


def added_in(record: Mapping[str, Any]) -> Added | None:
    """The entry in a record of the trails' stream, as Lambda gets it; None for what is none."""
    told = record["dynamodb"]
    if record.get("eventName") != "INSERT" or not told["Keys"]["pk"]["S"].startswith("audit#"):
        return None
    at = datetime.fromtimestamp(float(told["ApproximateCreationDateTime"]), UTC)
    return Added(str(told["SequenceNumber"]), at, entry_of(told["NewImage"]))
