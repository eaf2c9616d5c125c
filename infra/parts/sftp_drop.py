"""What functions may do with an SFTP server of the user's own, and with the bucket behind it. Nothing is made here."""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_kms as kms

from infra.parts.function import Function
from infra.stages import SftpDrop


def let_reach(function: Function, drop: SftpDrop, verbs: Iterable[str]) -> None:
    """Let `function` make the S3 calls in `verbs` below the drop's prefix, and tell it where that is."""
    verbs = set(verbs)
    bucket = f"arn:{cdk.Aws.PARTITION}:s3:::{drop.bucket}"
    key = _key(function, "DropKey", drop.bucket_key_arn)
    if "ListBucket" in verbs:
        function.allow(
            ["s3:ListBucket"],
            on=[bucket],
            sealed_with=None,
            only_if={"StringLike": {"s3:prefix": [f"{drop.prefix}*"]}},
        )
    below = sorted(f"s3:{verb}" for verb in verbs - {"ListBucket"})
    function.allow(below, on=[f"{bucket}/{drop.prefix}*"], sealed_with=key)
    function.tell("DROP_BUCKET", drop.bucket)
    function.tell("DROP_PREFIX", drop.prefix)


def let_log_in(function: Function, drop: SftpDrop) -> None:
    """Let `function` read the password, and tell it what else Open Dental needs to sign in at the server."""
    key = _key(function, "DropSecretKey", drop.secret_key_arn)
    function.allow(["secretsmanager:GetSecretValue"], on=[drop.secret_arn], sealed_with=key)
    function.tell("DROP_ADDRESS", drop.address)
    function.tell("DROP_USERNAME", drop.username)
    function.tell("DROP_SECRET_ARN", drop.secret_arn)


def _key(function: Function, id_: str, arn: str | None) -> kms.IKey | None:
    return None if arn is None else kms.Key.from_key_arn(function, id_, arn)
