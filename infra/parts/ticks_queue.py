"""The queue that gives background turns their second within the minute."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.parts.queue_access import QueueAccess, variable_of


class TicksQueue(Construct):
    """A standard queue, because FIFO queues cannot delay single messages.

    It stands between `lane` and the calls queue, so no function's messages ever come back to itself.
    """

    def __init__(
        self, scope: Construct, id_: str, *, key: kms.IKey, forward_timeout: cdk.Duration, dead_letters: sqs.IQueue
    ) -> None:
        super().__init__(scope, id_)
        self.queue = sqs.Queue(
            self,
            "Ticks",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            # The lane makes every tick again while its work is due, so an old one is worth nothing.
            retention_period=cdk.Duration.minutes(15),
            visibility_timeout=cdk.Duration.seconds(6 * forward_timeout.to_seconds()),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=3),
        )
        self.access = QueueAccess(variable_of("ticks"), self.queue.queue_url, self.queue.queue_arn, key)
