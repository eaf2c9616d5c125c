"""Where the audit trail lies for six years, and nobody can change it or take it away."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.parts.bucket_access import BucketAccess
from infra.parts.names import publish
from infra.parts.sealed_bucket import sealed_bucket
from infra.stages import Stage

KEPT_DAYS = 6 * 365 + 2
"""Six years (45 CFR 164.316(b)(2)(i)), two leap days among them."""


class AuditArchive(Construct):
    """A sealed bucket with S3 Object Lock, and the bucket that logs who touched it.

    Where data are kept the lock is in compliance mode: not even the root user ends it early. Outside the sandbox it
    stays when its stack goes, because CloudFormation cannot delete what is locked. No rule ends objects: what six years
    have passed of may be deleted by people, who have to look first whether a contract or a state wants it longer.
    """

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, stage: Stage) -> None:
        super().__init__(scope, id_)
        kept = cdk.Duration.days(KEPT_DAYS)
        bucket = sealed_bucket(
            self,
            "Bucket",
            key=key,
            logged_as="audit",
            stage=stage,
            object_lock_enabled=True,
            object_lock_default_retention=s3.ObjectLockRetention.compliance(kept)
            if stage.keep_data
            else s3.ObjectLockRetention.governance(kept),
            removal_policy=cdk.RemovalPolicy.DESTROY if stage.name == "sandbox" else cdk.RemovalPolicy.RETAIN,
        )
        publish(self, stage, "data", "audit-archive/name", bucket.bucket_name)
        publish(self, stage, "data", "audit-archive/arn", bucket.bucket_arn)


def archive_access(key: kms.IKey, stage: Stage) -> BucketAccess:
    """The bucket as other stacks see it."""
    return BucketAccess("audit-archive", "AUDIT_ARCHIVE_BUCKET", key, stage)
