"""Where events end that a function could not handle and nobody waits for."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.parts.names import publish
from infra.stages import Stage


class FailedEvents(Construct):
    """A topic that Lambda publishes failed events to, and the queue that keeps them, and failed ticks, for 14 days.

    A topic, because a role that may send to any queue at all makes "the worker never sends to a queue" hard to see.
    Only events of the clock and ticks come here; neither holds health data.
    """

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, stage: Stage) -> None:
        super().__init__(scope, id_)
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        self.queue = sqs.Queue(
            self,
            "Queue",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            retention_period=cdk.Duration.days(14),
        )
        self.topic.add_subscription(subscriptions.SqsSubscription(self.queue))
        publish(self, stage, "core", "failed-events", self.topic.topic_arn)
