"""Puts a turn on the queue, tries what it may not do, and answers with what it saw."""

import json
import os
from typing import Any

import boto3
import stand_in_layer  # type: ignore[import-not-found]
from botocore.exceptions import ClientError


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    if event["path"] == "/crash":
        raise RuntimeError("as asked")
    if event["httpMethod"] == "POST":
        body = json.loads(event["body"])
        boto3.client("sqs").send_message(
            QueueUrl=os.environ["CALLS_QUEUE_URL"],
            MessageBody=json.dumps(body),
            MessageGroupId=body["group"],
            MessageDeduplicationId=body["id"],
        )
        return {"statusCode": 202, "body": "{}"}
    table = boto3.resource("dynamodb").Table(os.environ["LEDGER_TABLE"])
    try:
        boto3.client("s3").list_objects_v2(Bucket=os.environ["BODIES_BUCKET"])
        forbidden = "allowed"
    except ClientError as error:
        forbidden = error.response["Error"]["Code"]
    rows = table.query(KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": "turns"})["Items"]
    answer = {
        "layer": stand_in_layer.VERSION,
        "stage": os.environ["STAGE"],
        "client": event["requestContext"]["authorizer"]["client_id"],
        "turns": sorted(str(row["sk"]) for row in rows),
        "list_bucket": forbidden,
    }
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(answer)}
