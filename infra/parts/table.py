"""One table of the database, and the only way to touch it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.catalogue import Index, TableRow
from infra.parts.function import Function
from infra.parts.names import learn, publish
from infra.stages import Stage


class Table(Construct):
    """An on-demand table with string keys `pk` and `sk`, sealed with our key, restorable to any second of 35 days.

    Items whose `expires_at` (epoch seconds) has passed disappear within days; readers filter until then.
    """

    def __init__(self, scope: Construct, id_: str, *, row: TableRow, key: kms.IKey, stage: Stage) -> None:
        super().__init__(scope, id_)
        table = dynamodb.TableV2(
            self,
            "Table",
            partition_key=_string("pk"),
            sort_key=_string("sk"),
            billing=dynamodb.Billing.on_demand(),
            encryption=dynamodb.TableEncryptionV2.customer_managed_key(key),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            time_to_live_attribute="expires_at",
            deletion_protection=stage.keep_data,
            removal_policy=cdk.RemovalPolicy.RETAIN if stage.keep_data else cdk.RemovalPolicy.DESTROY,
            global_secondary_indexes=[_index(index) for index in row.indexes],
            dynamo_stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if row.stream else None,
        )
        publish(self, stage, "data", f"tables/{row.name}", table.table_arn)
        if row.stream:
            publish(self, stage, "data", f"tables/{row.name}/stream", str(table.table_stream_arn))


@dataclass(frozen=True)
class TableAccess:
    """A table as other stacks see it."""

    row: TableRow
    key: kms.IKey
    stage: Stage

    def name_in(self, scope: Construct) -> str:
        """The table's name, as a construct of another stack learns it."""
        return cdk.Fn.select(1, cdk.Fn.split("/", learn(scope, self.stage, "data", f"tables/{self.row.name}")))

    def let(self, function: Function, verbs: Iterable[str]) -> None:
        """Let `function` make the DynamoDB calls in `verbs`, and tell it the table's name."""
        arn = learn(function, self.stage, "data", f"tables/{self.row.name}")
        actions = sorted(f"dynamodb:{verb}" for verb in verbs)
        function.allow(actions, on=[arn], sealed_with=self.key)
        if "Query" in verbs and self.row.indexes:
            indexes = [f"{arn}/index/{index.name}" for index in self.row.indexes]
            function.allow(["dynamodb:Query"], on=indexes, sealed_with=self.key)
        function.tell(f"{self.row.name.upper()}_TABLE", cdk.Fn.select(1, cdk.Fn.split("/", arn)))

    def let_count(self, function: Function, prefix: str) -> None:
        """Let `function`, which reads the table, count in items whose `pk` starts with `prefix`, and write no other.

        Beside counters may lie what decides over permissions.
        """
        self._let_within(function, "UpdateItem", f"{prefix}*")

    def let_put(self, function: Function, partitions: str) -> None:
        """Let `function` put items whose `pk` is spelled like `partitions`, and no other, and tell it the table."""
        self._let_within(function, "PutItem", partitions)

    def _let_within(self, function: Function, verb: str, partitions: str) -> None:
        arn = learn(function, self.stage, "data", f"tables/{self.row.name}")
        function.allow(
            [f"dynamodb:{verb}"],
            on=[arn],
            sealed_with=self.key,
            only_if={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [partitions]}},
        )
        function.tell(f"{self.row.name.upper()}_TABLE", cdk.Fn.select(1, cdk.Fn.split("/", arn)))


_SORT_TYPES = {"number": dynamodb.AttributeType.NUMBER, "text": dynamodb.AttributeType.STRING}


def _string(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def _index(index: Index) -> dynamodb.GlobalSecondaryIndexPropsV2:
    return dynamodb.GlobalSecondaryIndexPropsV2(
        index_name=index.name,
        partition_key=_string(index.partition),
        sort_key=dynamodb.Attribute(name=index.sort, type=_SORT_TYPES[index.sort_type]),
        projection_type=dynamodb.ProjectionType.INCLUDE if index.include else dynamodb.ProjectionType.KEYS_ONLY,
        non_key_attributes=list(index.include) or None,
    )
