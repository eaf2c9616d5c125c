"""The two keys of a deployment."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.parts.names import learn, publish
from infra.stages import Stage

_USE = ["kms:Decrypt", "kms:GenerateDataKey"]
# Logs re-encrypts and describes besides; AWS's own example spells these with wildcards.
_LOG_USE = [
    *_USE,
    "kms:Encrypt",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:DescribeKey",
]


class Keys(Construct):
    """`records` seals what patients and practices entrusted; `traces` seals logs, alarms and failed events.

    Whoever may read logs needs `traces` only and can open no record.
    """

    def __init__(self, scope: Construct, id_: str, *, stage: Stage) -> None:
        super().__init__(scope, id_)
        stack = cdk.Stack.of(self)
        removal = cdk.RemovalPolicy.RETAIN if stage.keep_data else cdk.RemovalPolicy.DESTROY
        self.records = kms.Key(
            self,
            "Records",
            description=f"Records of the Open Dental gateway ({stage.name})",
            enable_key_rotation=True,
            removal_policy=removal,
        )
        self.traces = kms.Key(
            self,
            "Traces",
            description=f"Logs and alarms of the Open Dental gateway ({stage.name})",
            enable_key_rotation=True,
            removal_policy=removal,
        )
        self.traces.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
                actions=_LOG_USE,
                resources=["*"],  # In a key's policy this means the key itself.
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": stack.format_arn(
                            service="logs", resource="log-group", resource_name="*", arn_format=_COLON
                        )
                    }
                },
            )
        )
        # Alarms publish to an encrypted topic, the failed-events topic fills an encrypted queue, and so do clocks whose
        # stroke reached no function.
        self.traces.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[
                    iam.ServicePrincipal("cloudwatch.amazonaws.com"),
                    iam.ServicePrincipal("events.amazonaws.com"),
                    iam.ServicePrincipal("sns.amazonaws.com"),
                ],
                actions=_USE,
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            )
        )
        publish(self, stage, "data", "keys/records", self.records.key_arn)
        publish(self, stage, "data", "keys/traces", self.traces.key_arn)


_COLON = cdk.ArnFormat.COLON_RESOURCE_NAME


def records_key(scope: Construct, stage: Stage) -> kms.IKey:
    """Return the records key, in a stack other than `data`."""
    return kms.Key.from_key_arn(scope, "RecordsKey", learn(scope, stage, "data", "keys/records"))


def traces_key(scope: Construct, stage: Stage) -> kms.IKey:
    """Return the traces key, in a stack other than `data`."""
    return kms.Key.from_key_arn(scope, "TracesKey", learn(scope, stage, "data", "keys/traces"))
