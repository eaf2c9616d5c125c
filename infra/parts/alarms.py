"""The alarms of `infra/alarms.py`, and the topic they call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.alarms import AlarmRow
from infra.stages import Stage


class Alarms(Construct):
    """One alarm a row, all calling one encrypted topic, which mails the stage's `alarm_email`.

    Mails that the mailbox never took lie in `undelivered`.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        rows: Iterable[AlarmRow],
        dimensions: Mapping[str, Mapping[str, str]],
        key: kms.IKey,
        undelivered: sqs.IQueue,
        stage: Stage,
    ) -> None:
        super().__init__(scope, id_)
        topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        # Refusing plain http gives the topic a policy, and with a policy of its own nobody may publish unless named.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )
        if stage.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email, dead_letter_queue=undelivered))
        for row in rows:
            if row.of not in dimensions:
                raise KeyError(f"alarm {row.name} measures {row.of!r}; there are {', '.join(sorted(dimensions))}")
            is_ours = not row.namespace.startswith("AWS/")
            alarm = cloudwatch.Alarm(
                self,
                row.name,
                alarm_description=row.means,
                metric=cloudwatch.Metric(
                    namespace=row.namespace,
                    metric_name=row.metric,
                    # Powertools names the function that wrote a metric `service`.
                    dimensions_map={"service": row.of} if is_ours else dict(dimensions[row.of]),
                    statistic=row.statistic,
                    period=cdk.Duration.minutes(row.minutes),
                ),
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
                threshold=row.above,
                evaluation_periods=row.periods,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            alarm.add_alarm_action(actions.SnsAction(topic))
