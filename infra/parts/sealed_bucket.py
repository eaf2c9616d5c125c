"""A bucket that nobody reads but with our key, and the bucket that logs who touched it."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.stages import Stage

_private: Final = partial(
    s3.Bucket,
    enforce_ssl=True,
    block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
    object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    versioned=True,
)


def sealed_bucket(scope: Construct, id_: str, *, key: kms.IKey, logged_as: str, stage: Stage, **more: Any) -> s3.Bucket:
    """The bucket, with `more` of its own settings, and beside it `AccessLogs`, where S3 names it `logged_as`."""
    access_logs = _private(
        scope,
        "AccessLogs",
        # S3 delivers access logs only to buckets with its own kind of key.
        encryption=s3.BucketEncryption.S3_MANAGED,
        lifecycle_rules=[
            s3.LifecycleRule(
                expiration=cdk.Duration.days(stage.log_days), noncurrent_version_expiration=cdk.Duration.days(1)
            )
        ],
        removal_policy=cdk.RemovalPolicy.RETAIN if stage.keep_data else cdk.RemovalPolicy.DESTROY,
    )
    return _private(
        scope,
        id_,
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key,
        bucket_key_enabled=True,
        server_access_logs_bucket=access_logs,
        server_access_logs_prefix=f"{logged_as}/",
        **more,
    )
