"""One state machine: its definition, its role, its log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.catalogue import MachineRow
from infra.implied import LOG_DELIVERY
from infra.parts.names import machine_arn, machine_name
from infra.parts.sealed_log import SealedLog
from infra.stages import Stage

WORKFLOWS = Path(__file__).parents[1] / "workflows"


def definition_of(name: str) -> dict[str, Any]:
    """Return what `infra/workflows/{name}.asl.json` says.

    Raises: FileNotFoundError.
    """
    definition: dict[str, Any] = json.loads((WORKFLOWS / f"{name}.asl.json").read_text())
    return definition


class Machine(Construct):
    """The state machine of one row. It may invoke the functions that the row names, and do nothing else.

    Its log has what happened and none of the data; those lie in executions' histories, for 90 days, under a key of
    AWS's own: they are ids, words and times, which is all that `task` tells.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        row: MachineRow,
        functions: Mapping[str, str],
        traces_key: kms.IKey,
        stage: Stage,
    ) -> None:
        """`functions`: ARNs of the live aliases of what it calls."""
        super().__init__(scope, id_)
        self.row = row
        log = SealedLog(
            self, "Logs", key=traces_key, stage=stage, name=f"/aws/vendedlogs/states/{machine_name(row.name, stage)}"
        )
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "states.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            ),
        )
        permissions = iam.ManagedPolicy(
            self,
            "Permissions",
            roles=[role],
            statements=[
                iam.PolicyStatement(
                    actions=["lambda:InvokeFunction"], resources=[functions[name] for name in row.calls]
                ),
                # CloudWatch Logs ties what it asks of a machine's role to no log group.
                iam.PolicyStatement(actions=list(LOG_DELIVERY), resources=["*"]),
            ],
        )
        self.arn = machine_arn(self, stage, row.name)
        if row.distributed:
            permissions.add_statements(
                iam.PolicyStatement(actions=["states:StartExecution"], resources=[self.arn]),
                iam.PolicyStatement(
                    actions=["states:DescribeExecution", "states:StopExecution"],
                    resources=[machine_arn(self, stage, row.name, of="execution")],
                ),
            )
        machine = sfn.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=machine_name(row.name, stage),
            state_machine_type="STANDARD",
            role_arn=role.role_arn,
            definition_string=json.dumps(definition_of(row.name)),
            definition_substitutions={name: functions[name] for name in row.calls},
            logging_configuration=sfn.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL",
                include_execution_data=False,
                destinations=[
                    sfn.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group=sfn.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                            log_group_arn=log.group.log_group_arn
                        )
                    )
                ],
            ),
        )
        machine.node.add_dependency(permissions)
