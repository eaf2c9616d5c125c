"""What starts a function or a state machine when something happened, and a state machine by the clock."""

from __future__ import annotations

import json

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.catalogue import Hears
from infra.parts.event_bus import SOURCE
from infra.parts.machine import Machine
from infra.parts.names import learn, machine_arn
from infra.stages import Stage

ENDS = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


def workflow_client(name: str) -> str:
    """Return the id of the client that a machine's steps are done for where an event or a clock starts it."""
    return f"cli_{name}"


class Listener(Construct):
    """A rule for events, its target, and its permission to call that. What reaches nobody goes to `failed_arn`."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        hears: Hears,
        target: str | Machine,
        failed_arn: str,
        stage: Stage,
    ) -> None:
        """`target`: a machine, or the ARN of a function's alias."""
        super().__init__(scope, id_)
        on_account = hears.bus == "account"
        pattern: dict[str, object] = {"source": ["aws.states" if on_account else SOURCE]}
        pattern["detail-type"] = list(hears.types)
        if on_account:
            machines = machine_arn(self, stage, "")
            pattern["detail"] = {"stateMachineArn": [{"prefix": machines}], "status": list(ENDS)}
        rule = events.CfnRule(
            self,
            "Rule",
            description=f"Starts {id_} when something happened",
            event_bus_name=None if on_account else learn(self, stage, "data", "event-bus/name"),
            event_pattern=pattern,
            state="ENABLED",
            targets=[_target(self, target, failed_arn=failed_arn, with_input=True)],
        )
        if isinstance(target, str):
            _let_call(self, target, rule)


class MachineClock(Construct):
    """A rule that starts a machine when its time has come."""

    def __init__(self, scope: Construct, id_: str, *, at: str, machine: Machine, failed_arn: str) -> None:
        super().__init__(scope, id_)
        events.CfnRule(
            self,
            "Rule",
            description=f"Starts {id_} by the clock",
            schedule_expression=at,
            state="ENABLED",
            targets=[_target(self, machine, failed_arn=failed_arn, with_input=False)],
        )


def _target(
    scope: Construct, target: str | Machine, *, failed_arn: str, with_input: bool
) -> events.CfnRule.TargetProperty:
    dead = events.CfnRule.DeadLetterConfigProperty(arn=failed_arn)
    if isinstance(target, str):
        return events.CfnRule.TargetProperty(id="Function", arn=target, dead_letter_config=dead)
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("events.amazonaws.com"))
    iam.ManagedPolicy(
        scope,
        "Permissions",
        roles=[role],
        statements=[iam.PolicyStatement(actions=["states:StartExecution"], resources=[target.arn])],
    )
    as_client = workflow_client(target.row.name)
    transformer = None
    if with_input:
        transformer = events.CfnRule.InputTransformerProperty(
            input_paths_map={"event": "$.detail"},
            input_template=f'{{"as": "{as_client}", "event": <event>}}',
        )
    return events.CfnRule.TargetProperty(
        id="Machine",
        arn=target.arn,
        role_arn=role.role_arn,
        dead_letter_config=dead,
        input=None if with_input else json.dumps({"as": as_client}),
        input_transformer=transformer,
    )


def _let_call(scope: Construct, target_arn: str, rule: events.CfnRule) -> None:
    lambda_.CfnPermission(
        scope,
        "Permission",
        action="lambda:InvokeFunction",
        function_name=target_arn,
        principal="events.amazonaws.com",
        source_arn=rule.attr_arn,
    )
