"""Tables of DynamoDB as they were at a moment, under names of their own, and complete again.

What comes out of a backup has neither TTL nor stream, no backups of its own and no protection: AWS restores items and
indexes alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateway.adapters.aws_errors import AwsError, unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PRACTICE = "practice#"


def begin_restore(client: DynamoDBClient, *, table: str, to: str, at: datetime) -> None:
    """Have AWS make the table `to` with what `table` held `at` that second; it takes minutes to hours.

    Raises: Unavailable.
    """
    try:
        client.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=to, RestoreDateTime=at)
    except AwsError as error:
        raise unavailable(f"the restore of {table}") from error


def is_there(client: DynamoDBClient, table: str) -> bool:
    """Whether AWS is done with it. Raises: Unavailable."""
    try:
        return client.describe_table(TableName=table)["Table"].get("TableStatus") == "ACTIVE"
    except AwsError as error:
        raise unavailable(table) from error


def arns(client: DynamoDBClient, *, table: str, path: str) -> dict[str, str]:
    """What a stage's stacks would say of `table` under `path`, and of its stream beside it. Raises: Unavailable."""
    try:
        told: Any = client.describe_table(TableName=table)["Table"]
    except AwsError as error:
        raise unavailable(table) from error
    stream = {f"{path}/stream": told["LatestStreamArn"]} if told.get("StreamSpecification") else {}
    return {path: told["TableArn"], **stream}


def complete(client: DynamoDBClient, *, table: str, like: str) -> None:
    """Give a restored table what `like` has and a backup does not keep. May be done again.

    Raises: Unavailable.
    """
    try:
        was: Any = client.describe_table(TableName=like)["Table"]
        now: Any = client.describe_table(TableName=table)["Table"]
        spent = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"].get("TimeToLiveStatus")
        if spent not in {"ENABLED", "ENABLING"}:
            client.update_time_to_live(
                TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
            )
        client.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
        if was.get("StreamSpecification") and not now.get("StreamSpecification", {}).get("StreamEnabled"):
            client.update_table(TableName=table, StreamSpecification=was["StreamSpecification"])
        if was.get("DeletionProtectionEnabled"):
            client.update_table(TableName=table, DeletionProtectionEnabled=True)
    except AwsError as error:
        raise unavailable(table) from error


def practice_ids(client: DynamoDBClient, *, table: str) -> Iterator[str]:
    """The ids of all practices in the table `practices`: for an operator's command, who may look through a table.

    Raises: Unavailable.
    """
    try:
        pages = client.get_paginator("scan").paginate(
            TableName=table,
            # Beside a practice's own item lie its agreements, drift, group and others.
            FilterExpression="begins_with(pk, :practice) AND sk = :own",
            ExpressionAttributeValues={":practice": {"S": _PRACTICE}, ":own": {"S": "practice"}},
            ProjectionExpression="pk",
        )
        for page in pages:
            for item in page["Items"]:
                yield item["pk"]["S"].removeprefix(_PRACTICE)
    except AwsError as error:
        raise unavailable("the table of practices") from error
