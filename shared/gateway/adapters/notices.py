"""What operators have to know of a practice, beside the ledger."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateway.adapters.aws_errors import AwsError, unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT = timedelta(days=30)


class DynamoNotices:
    """Fills `core.worker.Notices`: one item a notice, newest last, until an event bus takes them."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def note(self, practice_id: str, what: str, at: datetime) -> None:
        """See `Notices.note`."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": f"notice#{practice_id}"},
                    "sk": {"S": f"{at.isoformat()}#{what}"},
                    "what": {"S": what},
                    "expires_at": {"N": str(int((at + KEPT).timestamp()))},
                },
            )
        except AwsError as error:
            raise unavailable("the ledger") from error
