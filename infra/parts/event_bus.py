"""The bus on which anybody in the account may listen to what happened at the practices."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.parts.function import Function
from infra.parts.names import learn, publish
from infra.stages import Stage

SOURCE = "open-dental-gateway"
_ARCHIVED_DAYS = 30
"""As long as the event log is: what is older was meant to be forgotten."""


class EventBus(Construct):
    """A bus of our own, sealed with our key, and an archive from which its rules can be run again.

    It has no rule: whoever wants events makes one, with dead letters of its own.
    """

    def __init__(self, scope: Construct, id_: str, *, key: kms.Key, stage: Stage) -> None:
        super().__init__(scope, id_)
        stack = cdk.Stack.of(self)
        # EventBridge seals and opens events under its own name; without this it drops them, and says nothing.
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
                resources=["*"],  # In a key's policy this means the key itself.
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            )
        )
        # CDK's own construct would name the bus in the policy of the key that it needs itself.
        bus = events.CfnEventBus(
            self,
            "Bus",
            name=f"open-dental-gateway-{stage.name}",
            description=f"What happened at the practices of the Open Dental gateway ({stage.name})",
            kms_key_identifier=key.key_arn,
        )
        events.CfnArchive(
            self,
            "Archive",
            source_arn=bus.attr_arn,
            description="Events of 30 days, to run rules over again",
            event_pattern={"source": [SOURCE]},
            retention_days=_ARCHIVED_DAYS,
            kms_key_identifier=key.key_arn,
        )
        publish(self, stage, "data", "event-bus/name", bus.name)
        publish(self, stage, "data", "event-bus/arn", bus.attr_arn)


@dataclass(frozen=True)
class BusAccess:
    """The bus as other stacks see it."""

    stage: Stage

    def let_put(self, function: Function) -> None:
        """Let `function` put events on the bus, and tell it the bus's name."""
        function.allow(
            ["events:PutEvents"], on=[learn(function, self.stage, "data", "event-bus/arn")], sealed_with=None
        )
        function.tell("EVENT_BUS", learn(function, self.stage, "data", "event-bus/name"))
