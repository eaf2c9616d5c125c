"""Where exports lie for a warehouse to read."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.parts.bucket_access import BucketAccess
from infra.parts.names import publish
from infra.parts.sealed_bucket import sealed_bucket
from infra.stages import Stage


class ExportsBucket(Construct):
    """A sealed bucket that forgets after the stage's `export_days`, and the bucket that logs who touched it.

    Every object comes whole once a week, so what ends is nowhere the only copy of what is current. Nothing is put
    twice, so there are no older versions but of what somebody deleted.
    """

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, stage: Stage) -> None:
        super().__init__(scope, id_)
        bucket = sealed_bucket(
            self,
            "Exports",
            key=key,
            logged_as="exports",
            stage=stage,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=cdk.Duration.days(stage.export_days),
                    noncurrent_version_expiration=cdk.Duration.days(1),
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                )
            ],
            removal_policy=cdk.RemovalPolicy.RETAIN if stage.keep_data else cdk.RemovalPolicy.DESTROY,
        )
        publish(self, stage, "data", "exports/name", bucket.bucket_name)
        publish(self, stage, "data", "exports/arn", bucket.bucket_arn)


def exports_access(key: kms.IKey, stage: Stage) -> BucketAccess:
    """The bucket as other stacks see it."""
    return BucketAccess("exports", "EXPORTS_BUCKET", key, stage)
