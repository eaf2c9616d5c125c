"""The queue by which the bodies bucket tells of calls that offices' machines made."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.parts.names import learn, publish
from infra.stages import Stage

_RECEIVES = 5


class HooksQueue(Construct):
    """A standard queue, because S3 tells no other, and its dead letters. Messages name objects, and nothing in them.

    It lies beside the bucket, which cannot be made before it; other stacks learn of it by name.
    """

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, take_timeout: cdk.Duration, stage: Stage) -> None:
        super().__init__(scope, id_)
        stack = cdk.Stack.of(self)
        dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            retention_period=cdk.Duration.days(14),
        )
        self.queue = sqs.Queue(
            self,
            "Hooks",
            enforce_ssl=True,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            retention_period=cdk.Duration.days(4),
            # A function that dies has its message come back; what it told is in the mirror by a poll before that.
            visibility_timeout=cdk.Duration.seconds(2 * take_timeout.to_seconds()),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=_RECEIVES),
        )
        # Of no bucket by name: the bucket's own policy of telling names this queue, and one of them must come first.
        ours = {
            "StringEquals": {"aws:SourceAccount": stack.account},
            "ArnLike": {"aws:SourceArn": f"arn:{stack.partition}:s3:::open-dental-gateway-*"},
        }
        s3 = iam.ServicePrincipal("s3.amazonaws.com")
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[s3], actions=["sqs:SendMessage"], resources=[self.queue.queue_arn], conditions=ours
            )
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[s3],
                actions=["kms:GenerateDataKey", "kms:Decrypt"],
                resources=["*"],  # In a key's policy this means the key itself.
                conditions=ours,
            )
        )
        for what, one in (("hooks", self.queue), ("hooks-dead", dead_letters)):
            publish(self, stage, "data", f"queues/{what}/arn", one.queue_arn)


def hooks_queue(scope: Construct, stage: Stage) -> tuple[sqs.IQueue, sqs.IQueue]:
    """Return the queue and its dead letters, in a stack other than `data`."""
    arns = [learn(scope, stage, "data", f"queues/{name}/arn") for name in ("hooks", "hooks-dead")]
    first, second = (
        sqs.Queue.from_queue_arn(scope, id_, arn) for id_, arn in zip(("Hooks", "HooksDead"), arns, strict=True)
    )
    return first, second
