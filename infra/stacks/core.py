"""What works: the queues, the worker, the jobs, and the alarms over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.alarms import AlarmRow, alarms_of
from infra.catalogue import Consumes, Every, Follows, FollowsNew, FunctionRow, Hears, Steps, TableRow
from infra.parts.alarms import Alarms
from infra.parts.api import API_STAGE, api_name
from infra.parts.audit_archive import archive_access
from infra.parts.bodies_bucket import bodies_access
from infra.parts.dashboard import FleetDashboard
from infra.parts.event_bus import BusAccess
from infra.parts.exports_bucket import exports_access
from infra.parts.failed_events import FailedEvents
from infra.parts.feed import Feed
from infra.parts.fifo_queue import FifoQueue
from infra.parts.function import Function
from infra.parts.grants import Grants
from infra.parts.hooks_queue import hooks_queue
from infra.parts.keys import records_key, traces_key
from infra.parts.layer import Layer
from infra.parts.names import camel
from infra.parts.practice_network import PracticeNetwork
from infra.parts.queue_access import CallsAccess
from infra.parts.signing_secret import SigningAccess
from infra.parts.stream_feed import StreamFeed
from infra.parts.table import TableAccess
from infra.parts.ticks_queue import TicksQueue
from infra.parts.vault import Vault
from infra.parts.waf import firewall_name
from infra.stages import Stage


class CoreStack(cdk.Stack):
    """Functions that no caller reaches."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        rows: Iterable[FunctionRow],
        tables: Iterable[TableRow],
        alarms: Iterable[AlarmRow],
        code: Path,
        layer: Path,
        parquet_layer: Path,
        stage: Stage,
        **props: object,
    ) -> None:
        super().__init__(scope, id_, **props)  # type: ignore[arg-type]
        rows = tuple(rows)
        records, traces = records_key(self, stage), traces_key(self, stage)
        calls = self._calls("calls", rows, key=records, stage=stage)
        inside = {network: self._calls(network.queue, rows, key=records, stage=stage) for network in stage.networks}
        failed_events = FailedEvents(self, "FailedEvents", key=traces, stage=stage)
        ticks = TicksQueue(
            self,
            "Ticks",
            key=traces,
            forward_timeout=timeout_of(rows, "ticks"),
            dead_letters=failed_events.queue,
        )
        # A worker that dies holds up one lane of one endpoint. A message only has a turn made that is due anyway, so
        # one that is lost is made again by the minute's job.
        deliveries = FifoQueue(
            self,
            "Deliveries",
            name="deliveries",
            key=records,
            kept_days=4,
            hidden_for=timeout_of(rows, "deliveries"),
            receives=5,
        )
        hooks, hooks_dead = hooks_queue(self, stage)
        fed: dict[str, tuple[sqs.IQueue, kms.IKey]] = {
            "calls": (calls.queue, records),
            "ticks": (ticks.queue, traces),
            "deliveries": (deliveries.queue, records),
            "hooks": (hooks, traces),
        }
        grants = Grants(
            tables={row.name: TableAccess(row, records, stage) for row in tables},
            queues={
                "calls": CallsAccess(calls.access, {network.name: own.access for network, own in inside.items()}),
                "ticks": ticks.access,
                "deliveries": deliveries.access,
            },
            bodies=bodies_access(records, stage),
            bus=BusAccess(stage),
            archive=archive_access(records, stage),
            exports=exports_access(records, stage),
            signing=SigningAccess(records, stage),
            vault=Vault(records, stage),
            stage=stage,
        )
        shared = Layer(self, "Layer", folder=layer).version
        parquet = Layer(self, "ParquetLayer", folder=parquet_layer, holds="DuckDB, which makes Parquet").version
        functions: dict[str, Function] = {}
        for row in rows:
            function = functions[row.name] = Function(
                self,
                camel(row.name),
                row=row,
                code=code,
                layers=[shared, parquet] if row.makes_parquet else [shared],
                failed_events=failed_events.topic,
                traces_key=traces,
                stage=stage,
            )
            grants.give(function)
            match row.trigger:
                case Consumes(queue=queue):
                    source, key = fed[queue]
                    Feed(function, "Feed", queue=source, key=key, function=function, trigger=row.trigger, stage=stage)
                case Follows() | FollowsNew():
                    StreamFeed(function, "Feed", function=function, trigger=row.trigger, key=records, stage=stage)
                case Every() | Hears() | Steps():
                    pass  # What starts it is in a stack that is deployed later.
                case _:
                    raise ValueError(f"{row.name} is called by the API, so it is not part of the core stack")
        worker, trigger = _consumer_of(rows, "calls")
        for network, own in inside.items():
            function = functions[f"{worker.name}-{network.name}"] = Function(
                self,
                camel(f"{worker.name}-{network.name}"),
                row=worker,
                code=code,
                layers=[shared],
                failed_events=failed_events.topic,
                traces_key=traces,
                stage=stage,
                inside=PracticeNetwork(self, camel(f"network-{network.name}"), network=network),
            )
            # It has its own queue in the place of all, so it can neither read nor extend a turn of another network.
            replace(grants, queues={"calls": own.access}, network=network.name).give(function)
            Feed(function, "Feed", queue=own.queue, key=records, function=function, trigger=trigger, stage=stage)
        measured: dict[str, sqs.IQueue] = {"hooks": hooks, "hooks-dead": hooks_dead}
        measured |= {"calls": calls.queue, "calls-dead": calls.dead_letters, "ticks": ticks.queue}
        measured |= {"deliveries": deliveries.queue, "deliveries-dead": deliveries.dead_letters}
        measured["failed-events"] = failed_events.queue
        measured["undelivered"] = failed_events.undelivered
        for network, own in inside.items():
            measured |= {network.queue: own.queue, f"calls-dead-{network.name}": own.dead_letters}
        alarms = tuple(alarms)
        dimensions = {name: {"QueueName": queue.queue_name} for name, queue in measured.items()}
        dimensions |= {name: {"FunctionName": function.function.function_name} for name, function in functions.items()}
        # Of what other stacks hold, by the names that it has there.
        dimensions["api"] = {"ApiName": api_name(stage), "Stage": API_STAGE}
        dimensions["waf"] = {"WebACL": firewall_name(stage), "Region": stage.region, "Rule": "ALL"}
        Alarms(
            self,
            "Alarms",
            rows=[*alarms, *(row for network in inside for row in alarms_of(network.name, alarms))],
            dimensions=dimensions,
            key=traces,
            undelivered=failed_events.undelivered,
            stage=stage,
        )
        FleetDashboard(self, "Fleet", dimensions=dimensions, tables=grants.tables)

    def _calls(self, name: str, rows: Iterable[FunctionRow], *, key: kms.IKey, stage: Stage) -> FifoQueue:
        """A queue of turns that wait for Open Dental; each network has one, and a practice is a group.

        `name` is what other stacks find it by. Whoever has this queue and no other reads its URL from CALLS_QUEUE_URL.
        """
        # The worker hides a turn for less, call by call, or a crash would lock a practice. Waiting for a slot counts
        # as a receive; real failures are counted in the ledger.
        queue = FifoQueue(
            self,
            camel(name),
            name="calls",
            key=key,
            kept_days=14,
            hidden_for=timeout_of(rows, "calls"),
            receives=1000,
        )
        queue.publish(stage, name)
        return queue


def timeout_of(rows: Iterable[FunctionRow], queue: str) -> cdk.Duration:
    """The timeout of the function that consumes `queue`."""
    return cdk.Duration.seconds(_consumer_of(rows, queue)[0].timeout_s)


def _consumer_of(rows: Iterable[FunctionRow], queue: str) -> tuple[FunctionRow, Consumes]:
    (found,) = ((row, row.trigger) for row in rows if isinstance(row.trigger, Consumes) and row.trigger.queue == queue)
    return found
