"""A FIFO queue whose groups do not wait for each other, and its dead letters."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct


def fifo_queue(
    scope: Construct, *, key: kms.IKey, kept_days: int, hidden_for: cdk.Duration, receives: int
) -> tuple[sqs.Queue, sqs.Queue]:
    """Return the queue and its dead letters.

    A message lies there for `kept_days`, is hidden for `hidden_for` once it is received (Lambda refuses less than its
    function's timeout), and is set aside after so many `receives`.
    """
    dead_letters = sqs.Queue(
        scope,
        "DeadLetters",
        fifo=True,
        enforce_ssl=True,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        retention_period=cdk.Duration.days(14),
    )
    queue = sqs.Queue(
        scope,
        "Turns",
        fifo=True,
        enforce_ssl=True,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
        fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
        retention_period=cdk.Duration.days(kept_days),
        visibility_timeout=hidden_for,
        dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=receives),
    )
    return queue, dead_letters
