"""A FIFO queue whose groups do not wait for each other, and its dead letters."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.parts.names import publish
from infra.parts.queue_access import QueueAccess, variable_of
from infra.stages import Stage


class FifoQueue(Construct):
    """The queue and its dead letters. Functions read its URL from `{NAME}_QUEUE_URL`.

    A message lies there for `kept_days`, is hidden for `hidden_for` once it is received (Lambda refuses less than its
    function's timeout), and is set aside after so many `receives`.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        name: str,
        key: kms.IKey,
        kept_days: int,
        hidden_for: cdk.Duration,
        receives: int,
    ) -> None:
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
            retention_period=cdk.Duration.days(kept_days),
            visibility_timeout=hidden_for,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=receives),
        )
        self.access = QueueAccess(variable_of(name), self.queue.queue_url, self.queue.queue_arn, key)

    def publish(self, stage: Stage, name: str) -> None:
        """Let functions of other stacks find it by `name`."""
        publish(self, stage, "core", f"queues/{name}/url", self.queue.queue_url)
        publish(self, stage, "core", f"queues/{name}/arn", self.queue.queue_arn)
