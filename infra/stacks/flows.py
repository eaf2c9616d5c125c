"""What starts by itself: the clocks of the jobs, the state machines, and what events start.

A stack of its own, deployed last, so no clock strikes before everything it starts is there; and one can be taken away
(deleting this stack stops all background work) without touching what serves callers.
"""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from constructs import Construct

from infra.catalogue import Every, FunctionRow, Hears, MachineRow
from infra.parts.clock import Clock
from infra.parts.keys import traces_key
from infra.parts.listener import Listener, MachineClock
from infra.parts.machine import Machine
from infra.parts.names import camel, learn, live_arn
from infra.stages import Stage


class FlowsStack(cdk.Stack):
    """One clock for each row that has one, one rule for each that hears of events, one machine for each of theirs."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        rows: Iterable[FunctionRow],
        machines: Iterable[MachineRow],
        stage: Stage,
        **props: object,
    ) -> None:
        super().__init__(scope, id_, **props)  # type: ignore[arg-type]
        failed = learn(self, stage, "core", "failed-events-queue")
        named = {row.name: row for row in rows}
        for row in named.values():
            target = live_arn(self, stage, row)
            match row.trigger:
                case Every():
                    Clock(self, camel(row.name), target_arn=target, failed_arn=failed, every=row.trigger)
                case Hears():
                    Listener(self, camel(row.name), hears=row.trigger, target=target, failed_arn=failed, stage=stage)
                case _:
                    pass  # Something else starts it, or somebody.
        traces = traces_key(self, stage)
        for one in machines:
            functions = {name: live_arn(self, stage, named[name]) for name in one.calls}
            machine = Machine(
                self, camel(one.name) + "Machine", row=one, functions=functions, traces_key=traces, stage=stage
            )
            if one.by is not None:
                name = camel(one.name) + "Heard"
                Listener(self, name, hears=one.by, target=machine, failed_arn=failed, stage=stage)
            if (at := stage.clocks.get(one.name, one.at)) is not None:
                MachineClock(self, camel(one.name) + "Clock", at=at, machine=machine, failed_arn=failed)
