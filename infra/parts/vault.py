"""The practices' keys: one secret a practice, made by the gateway itself when a practice is connected.

The developer's own key lies once beside them (`developer/...`), and so does the portal key (`portal`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_kms as kms

from infra.parts.function import Function
from infra.stages import Stage


@dataclass(frozen=True)
class Vault:
    """All secrets under the stage's prefix, sealed with the records key."""

    key: kms.IKey
    stage: Stage

    def let(self, function: Function, verbs: Iterable[str]) -> None:
        """Let `function` make the Secrets Manager calls in `verbs` on secrets of this stage's practices.

        It is told what their names begin with (`{prefix}/{practice id}`), and the key that seals a new one.
        """
        prefix = f"open-dental-gateway/{self.stage.name}/practices"
        secrets = cdk.Stack.of(function).format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{prefix}/*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        function.allow(sorted(f"secretsmanager:{verb}" for verb in verbs), on=[secrets], sealed_with=self.key)
        function.tell("VAULT_PREFIX", prefix)
        function.tell("VAULT_KEY_ARN", self.key.key_arn)
