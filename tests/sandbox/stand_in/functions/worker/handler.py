"""Writes each turn to the ledger; fails the first delivery of a turn that asks for it."""

import json
import os
import time
from typing import Any

import boto3


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    table = boto3.resource("dynamodb").Table(os.environ["LEDGER_TABLE"])
    failures = []
    for record in event["Records"]:
        turn = json.loads(record["body"])
        received = int(record["attributes"]["ApproximateReceiveCount"])
        boto3.client("sqs").change_message_visibility(
            QueueUrl=os.environ["CALLS_QUEUE_URL"],
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=1 if turn.get("fail") else 20,
        )
        if turn.get("fail") == "item" and received == 1:
            failures.append({"itemIdentifier": record["messageId"]})
            continue
        if turn.get("fail") == "crash" and received == 1:
            os._exit(1)
        time.sleep(turn.get("seconds", 0))
        table.put_item(
            Item={
                "pk": "turns",
                "sk": turn["id"],
                "received": received,
                "group": record["attributes"]["MessageGroupId"],
                "ended_ms": int(time.time() * 1000),
            }
        )
    return {"batchItemFailures": failures}
