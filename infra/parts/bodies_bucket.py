"""Where requests and answers lie that are too long for an item."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.parts.bucket_access import BucketAccess
from infra.parts.hooks_queue import HooksQueue
from infra.parts.names import publish
from infra.parts.sealed_bucket import sealed_bucket
from infra.stages import Stage

# Operations are kept 30 days; their bodies a little longer, so none disappears before its operation. The bodies of
# an operation that is not settled are written again each day, and their days are counted anew.
_KEPT_DAYS = 35

# What cannot be worked off is told again out of the dead letters, which know of it for 14 days in all.
_HOOKS_KEPT_DAYS = 15

HOOKS = "hooks/"
"""Under which calls of offices' machines lie until they are worked off."""


class BodiesBucket(Construct):
    """A sealed bucket that forgets after 35 days (calls of machines: 15), and the bucket that logs who touched it."""

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, hooks: HooksQueue, stage: Stage) -> None:
        super().__init__(scope, id_)
        bucket = sealed_bucket(
            self,
            "Bodies",
            key=key,
            logged_as="bodies",
            stage=stage,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=cdk.Duration.days(_KEPT_DAYS),
                    noncurrent_version_expiration=cdk.Duration.days(1),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                ),
                s3.LifecycleRule(prefix=HOOKS, expiration=cdk.Duration.days(_HOOKS_KEPT_DAYS)),
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN if stage.keep_data else cdk.RemovalPolicy.DESTROY,
        )
        plain = bucket.node.default_child
        assert isinstance(plain, s3.CfnBucket)
        # In the bucket's own words: CDK's would be said by a function that it makes for the purpose.
        plain.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
            queue_configurations=[
                s3.CfnBucket.QueueConfigurationProperty(
                    event="s3:ObjectCreated:*",
                    queue=hooks.queue.queue_arn,
                    filter=s3.CfnBucket.NotificationFilterProperty(
                        s3_key=s3.CfnBucket.S3KeyFilterProperty(
                            rules=[s3.CfnBucket.FilterRuleProperty(name="prefix", value=HOOKS)]
                        )
                    ),
                )
            ]
        )
        # S3 tries the queue when it is told of it.
        bucket.node.add_dependency(hooks)
        publish(self, stage, "data", "bodies/name", bucket.bucket_name)
        publish(self, stage, "data", "bodies/arn", bucket.bucket_arn)


def bodies_access(key: kms.IKey, stage: Stage) -> BucketAccess:
    """The bucket as other stacks see it."""
    return BucketAccess("bodies", "BODIES_BUCKET", key, stage)
