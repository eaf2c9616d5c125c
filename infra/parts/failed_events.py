"""Where events end that a function could not handle and nobody waits for."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.parts.names import publish
from infra.stages import Stage


class FailedEvents(Construct):
    """A topic that Lambda publishes failed events to, and the queue that keeps them, failed ticks, and strokes of the
    clock that reached no function, for 14 days.

    A topic, because a role that may send to any queue at all makes "the worker never sends to a queue" hard to see.
    Only events of the clock and ticks come here; neither holds health data.
    """

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, stage: Stage) -> None:
        super().__init__(scope, id_)
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        self.undelivered = self._queue("Undelivered", key)
        """What SNS could hand to nobody: failed events that the queue did not take, alarms that no mailbox took."""
        # Nothing reads the queue but people, who never look at a message so often.
        aside = sqs.DeadLetterQueue(queue=self.undelivered, max_receive_count=100)
        self.queue = self._queue("Queue", key, dead_letter_queue=aside)
        self.topic.add_subscription(subscriptions.SqsSubscription(self.queue, dead_letter_queue=self.undelivered))
        stack = cdk.Stack.of(self)
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    # Clocks lie in a stack that is made after this one, and their rules have names that AWS gives.
                    "ArnLike": {
                        "aws:SourceArn": stack.format_arn(service="events", resource="rule", resource_name="*")
                    },
                },
            )
        )
        publish(self, stage, "core", "failed-events", self.topic.topic_arn)
        publish(self, stage, "core", "failed-events-queue", self.queue.queue_arn)

    def _queue(self, id_: str, key: kms.IKey, *, dead_letter_queue: sqs.DeadLetterQueue | None = None) -> sqs.Queue:
        return sqs.Queue(
            self,
            id_,
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            retention_period=cdk.Duration.days(14),
            dead_letter_queue=dead_letter_queue,
        )
