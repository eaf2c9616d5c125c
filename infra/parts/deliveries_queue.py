"""The queue of deliveries to webhook endpoints."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.parts.call_queue import QueueAccess, variable_of


class DeliveriesQueue(Construct):
    """A FIFO queue whose groups are endpoints' lanes, and its dead letters.

    A message only has a turn made that is due anyway, so one that is lost is made again by the minute's job.
    """

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, deliver_timeout: cdk.Duration) -> None:
        super().__init__(scope, id_)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            fifo=True,
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            retention_period=cdk.Duration.days(14),
        )
        self.queue = sqs.Queue(
            self,
            "Turns",
            fifo=True,
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
            fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
            retention_period=cdk.Duration.days(4),
            # A worker that dies holds up one lane of one endpoint for so long. Lambda refuses less.
            visibility_timeout=deliver_timeout,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=5),
        )
        self.access = QueueAccess(variable_of("deliveries"), self.queue.queue_url, self.queue.queue_arn, key)
