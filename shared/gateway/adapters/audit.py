"""The audit trails of practices, in DynamoDB: `audit#{practice}` / `{moment}#{entry}`, in the order of time.

Entries are put and never updated or deleted: each put demands that there is none of its key, and roles have no other
call. They have no TTL: HIPAA wants six years (45 CFR 164.316(b)(2)(i)), contracts and states may want more, and what
has disappeared cannot be shown.
"""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any

from gateway.adapters.aws_errors import AwsError, is_condition
from gateway.core.audit import MOST_OBJECTS, AuditEntry
from gateway.core.errors import AuditUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoAudit:
    """Fills `core.audit.Audit`."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def note(self, entry: AuditEntry) -> None:
        """See `Audit.note`."""
        if len(entry.object_ids) > MOST_OBJECTS:
            raise AuditUnavailable("an audit entry names more than it can", retry_after=60.0)
        try:
            self._client.put_item(
                TableName=self._table, Item=_item(entry), ConditionExpression="attribute_not_exists(pk)"
            )
        except AwsError as error:
            # The SDK repeats what it heard no answer to: then this entry is there.
            if not is_condition(error):
                raise AuditUnavailable("the audit log did not answer", retry_after=2.0) from error


def _item(entry: AuditEntry) -> dict[str, Any]:
    said: dict[str, Any] = {
        "practice_id": entry.practice_id,
        "client_id": entry.client_id,
        "action": entry.action,
        "request_id": entry.request_id,
        "group_id": entry.group_id,
        "agreement": entry.agreement,
    }
    # Always as many digits, so that text sorts like time.
    at = entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "pk": {"S": f"audit#{entry.practice_id}"},
        "sk": {"S": f"{at}#{entry.id}"},
        "id": {"S": entry.id},
        "at": {"S": at},
        **{name: {"S": value} for name, value in said.items() if value is not None},
        "object_ids": {"S": json.dumps(list(entry.object_ids))},
        "outcome": {"S": json.dumps(dict(entry.outcome), sort_keys=True)},
    }
