"""What callers reach: the API, its firewall, and the functions behind its routes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.catalogue import FunctionRow, TableRow
from infra.parts.api import Api
from infra.parts.bodies_bucket import BodiesAccess
from infra.parts.call_queue import CallsAccess, QueueAccess
from infra.parts.function import Function
from infra.parts.grants import Grants
from infra.parts.keys import records_key, traces_key
from infra.parts.layer import Layer
from infra.parts.names import learn
from infra.parts.signing_secret import SigningAccess
from infra.parts.table import TableAccess
from infra.parts.vault import Vault
from infra.parts.waf import Waf
from infra.stacks.data import camel
from infra.stages import Stage


class ApiStack(cdk.Stack):
    """Functions that callers reach, and everything between the callers and them."""

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
            bodies=BodiesAccess(records, stage),
            signing=SigningAccess(records, stage),
            vault=Vault(records, stage),
            stage=stage,
        )
        shared = Layer(self, "Layer", folder=layer)
        functions: dict[str, Function] = {}
        for row in rows:
            function = functions[row.name] = Function(
                self,
                camel(row.name),
                row=row,
                code=code,
                layer=shared.version,
                failed_events=failed_events,
                traces_key=traces,
                stage=stage,
            )
            grants.give(function)
        api = Api(self, "Api", functions=functions, key=traces, stage=stage)
        Waf(self, "Waf", protects=api.stage_arn, key=traces, stage=stage)
        cdk.CfnOutput(self, "ApiUrl", value=api.rest_api.url, description="Where callers find the gateway")
