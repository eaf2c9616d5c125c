"""The secret that signs cursors and fingerprints keys."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.catalogue import READ_SECRET
from infra.parts.function import Function
from infra.parts.names import learn, publish
from infra.stages import Stage


class SigningSecret(Construct):
    """64 random characters that AWS makes and nobody sees.

    Never rotated: the fingerprints of all customer keys are made with it, and a practice is found by them.
    """

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, stage: Stage) -> None:
        super().__init__(scope, id_)
        secret = secretsmanager.Secret(
            self,
            "Secret",
            description="HMAC key for cursors and for fingerprints of customer keys",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=64, exclude_punctuation=True),
            removal_policy=cdk.RemovalPolicy.RETAIN if stage.keep_data else cdk.RemovalPolicy.DESTROY,
        )
        publish(self, stage, "data", "signing-secret", secret.secret_arn)


@dataclass(frozen=True)
class SigningAccess:
    """The secret as other stacks see it."""

    key: kms.IKey
    stage: Stage

    def let_read(self, function: Function) -> None:
        """Let `function` read the secret, and tell it where it is."""
        arn = learn(function, self.stage, "data", "signing-secret")
        function.allow([f"secretsmanager:{verb}" for verb in READ_SECRET], on=[arn], sealed_with=self.key)
        function.tell("HMAC_SECRET_ARN", arn)
