"""What starts a function once in so many minutes."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.catalogue import Every


class Clock(Construct):
    """An EventBridge rule, its target (once for each part of the work), and its permission to call that target.

    A stroke that reaches nobody goes to the queue of `failed_arn`, which an alarm watches. `target_arn` is the alias's;
    it lives in another stack, so the permission is made here by name.
    """

    def __init__(self, scope: Construct, id_: str, *, target_arn: str, failed_arn: str, every: Every) -> None:
        super().__init__(scope, id_)
        rule = events.CfnRule(
            self,
            "Rule",
            description=f"Starts {id_} every {every.minutes} min",
            schedule_expression=events.Schedule.rate(cdk.Duration.minutes(every.minutes)).expression_string,
            state="ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    id="Function" if every.parts == 1 else f"Part{part}",
                    arn=target_arn,
                    input=None if every.parts == 1 else json.dumps({"part": part, "of": every.parts}),
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=failed_arn),
                    # A missed minute is made up for by the next one, so an old event is not worth another try.
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=60, maximum_retry_attempts=1
                    ),
                )
                for part in range(every.parts)
            ],
        )
        lambda_.CfnPermission(
            self,
            "Permission",
            action="lambda:InvokeFunction",
            function_name=target_arn,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )
