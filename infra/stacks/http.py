"""A share of the functions that the API calls."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.catalogue import FunctionRow, TableRow
from infra.parts.audit_archive import archive_access
from infra.parts.bodies_bucket import bodies_access
from infra.parts.event_bus import BusAccess
from infra.parts.exports_bucket import exports_access
from infra.parts.function import Function
from infra.parts.grants import Grants
from infra.parts.keys import records_key, traces_key
from infra.parts.layer import Layer
from infra.parts.names import camel, learn
from infra.parts.queue_access import CallsAccess, QueueAccess
from infra.parts.signing_secret import SigningAccess
from infra.parts.table import TableAccess
from infra.parts.vault import Vault
from infra.stages import Stage


class HttpStack(cdk.Stack):
    """The functions of some rows; there are several of these stacks because CloudFormation bounds what one holds.

    Which rows is said by `catalogue.stack_of`. That the API may call the functions is said in its own stack.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        rows: Iterable[FunctionRow],
        tables: Iterable[TableRow],
        code: Path,
        layer: Path,
        stage: Stage,
        **props: object,
    ) -> None:
        super().__init__(scope, id_, **props)  # type: ignore[arg-type]
        records, traces = records_key(self, stage), traces_key(self, stage)
        failed_events = sns.Topic.from_topic_arn(self, "FailedEvents", learn(self, stage, "core", "failed-events"))
        grants = Grants(
            tables={row.name: TableAccess(row, records, stage) for row in tables},
            # The ticks queue is the lane's alone.
            queues={
                "calls": CallsAccess(
                    QueueAccess.learn(self, "calls", key=records, stage=stage),
                    {
                        network.name: QueueAccess.learn(self, network.queue, key=records, stage=stage)
                        for network in stage.networks
                    },
                )
            },
            bodies=bodies_access(records, stage),
            bus=BusAccess(stage),
            archive=archive_access(records, stage),
            exports=exports_access(records, stage),
            signing=SigningAccess(records, stage),
            vault=Vault(records, stage),
            stage=stage,
        )
        shared = Layer(self, "Layer", folder=layer)
        for row in rows:
            function = Function(
                self,
                camel(row.name),
                row=row,
                code=code,
                layers=[shared.version],
                failed_events=failed_events,
                traces_key=traces,
                stage=stage,
            )
            grants.give(function)
