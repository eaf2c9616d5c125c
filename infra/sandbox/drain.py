"""Stands in for the event source mappings that the emulator would work off one message at a time.

On AWS a mapping of a FIFO queue runs as many invocations side by side as there are message groups. MiniStack runs one,
so a turn that waits for one practice's slot would hold up every other practice. A `Drain` receives from the queue with
a handful of threads and invokes the mapping's function with the event Lambda itself would make.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

Clients = Callable[[str], Any]

MOST_THREADS = 16
_ASKING = 3


@dataclass(frozen=True)
class Mapping:
    """What the deployed mapping says."""

    uuid: str
    queue_arn: str
    function_arn: str
    batch_size: int
    partial_batches: bool
    concurrency: int


def serial_mappings(clients: Clients) -> list[Mapping]:
    """Return the deployed mappings that want more than the emulator's one invocation at a time."""
    found = []
    for page in clients("lambda").get_paginator("list_event_source_mappings").paginate():
        for entry in page["EventSourceMappings"]:
            arn = entry["EventSourceArn"]
            most = entry.get("ScalingConfig", {}).get("MaximumConcurrency")
            if ":sqs:" in arn and (arn.endswith(".fifo") or most):
                found.append(
                    Mapping(
                        entry["UUID"],
                        arn,
                        entry["FunctionArn"],
                        entry["BatchSize"],
                        "ReportBatchItemFailures" in entry.get("FunctionResponseTypes", ()),
                        min(most or MOST_THREADS, MOST_THREADS),
                    )
                )
    return found


def switch_off(clients: Clients, mapping: Mapping) -> None:
    """Stop the emulator's own poller of `mapping`."""
    clients("lambda").update_event_source_mapping(UUID=mapping.uuid, Enabled=False)


class Drain:
    """Works off one mapping's queue until it is stopped."""

    def __init__(self, clients: Clients, mapping: Mapping, *, wait_s: int = 1) -> None:
        """Start receiving; `wait_s` is the long poll of each receive, and so the longest that `stop` has to wait."""
        self._sqs, self._lambda = clients("sqs"), clients("lambda")
        self._mapping = mapping
        self._wait_s = wait_s
        self._queue_url = self._sqs.get_queue_url(QueueName=mapping.queue_arn.rsplit(":", 1)[1])["QueueUrl"]
        self._ending = threading.Event()
        # Some ask for all: while nothing is there the emulator, which looks ten times a second for each, has better to
        # do.
        self._receiving = threading.Semaphore(_ASKING)
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(mapping.concurrency)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Receive nothing more; what is being worked on comes back when its visibility ends."""
        self._ending.set()
        for thread in self._threads:
            thread.join(self._wait_s + 1)

    def _work(self) -> None:
        while not self._ending.is_set():
            try:
                if received := self._received():
                    self._deliver(received)
            except (ClientError, BotoCoreError):
                # The queue is there as long as the sandbox is; a refusal while it stops is no news.
                self._ending.wait(0.5)

    def _received(self) -> list[dict[str, Any]]:
        with self._receiving:
            if self._ending.is_set():
                return []
            found: list[dict[str, Any]] = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=min(self._mapping.batch_size, 10),
                WaitTimeSeconds=self._wait_s,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            return found

    def _deliver(self, messages: list[dict[str, Any]]) -> None:
        answer = self._lambda.invoke(
            FunctionName=self._mapping.function_arn,
            Payload=json.dumps(sqs_event(messages, queue_arn=self._mapping.queue_arn)).encode(),
        )
        failed = failed_items(
            answer["Payload"].read(),
            errored="FunctionError" in answer,
            message_ids=[message["MessageId"] for message in messages],
            partial_batches=self._mapping.partial_batches,
        )
        for message in messages:
            if message["MessageId"] not in failed:
                with contextlib.suppress(ClientError):
                    self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])


def sqs_event(messages: list[dict[str, Any]], *, queue_arn: str) -> dict[str, Any]:
    """Return the event that Lambda makes of received SQS messages.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message.get("Attributes", {}),
                "messageAttributes": {
                    name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
                },
                "md5OfBody": message.get("MD5OfBody", ""),
                "eventSource": "aws:sqs",
                "eventSourceARN": queue_arn,
                "awsRegion": queue_arn.split(":")[3],
            }
            for message in messages
        ]
    }


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        made["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        made["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return made


def failed_items(payload: bytes, *, errored: bool, message_ids: list[str], partial_batches: bool) -> set[str]:
    """Return the ids of the messages that must stay on the queue, by Lambda's own rules.

    All of them after an error, and after an answer that names no valid id; none after an empty or null answer.
    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    if errored:
        return set(message_ids)
    if not partial_batches:
        return set()
    answer = json.loads(payload) if payload else None
    if answer is None or answer == {}:
        return set()
    items = answer.get("batchItemFailures") if isinstance(answer, dict) else []
    if items is None:
        return set()
    try:
        named = {item["itemIdentifier"] for item in items}
    except (TypeError, KeyError):
        return set(message_ids)
    return named if named <= set(message_ids) else set(message_ids)
