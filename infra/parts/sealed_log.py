"""A log group, sealed and forgotten in time, as every log of the gateway is."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.stages import Stage

# CloudWatch keeps logs for one of these times only.
_KEPT = {7: logs.RetentionDays.ONE_WEEK, 30: logs.RetentionDays.ONE_MONTH, 365: logs.RetentionDays.ONE_YEAR}


class SealedLog(Construct):
    """A log group encrypted with the traces key and kept for the stage's `log_days`."""

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, stage: Stage, name: str | None = None) -> None:
        super().__init__(scope, id_)
        self.group = logs.LogGroup(
            self,
            "Group",
            log_group_name=name,
            encryption_key=key,
            retention=_KEPT[stage.log_days],
            removal_policy=cdk.RemovalPolicy.RETAIN if stage.keep_data else cdk.RemovalPolicy.DESTROY,
        )
