"""What starts by itself: the clocks of the jobs, and later the workflows.

A stack of its own, deployed last, so no clock strikes before everything it starts is there; and one can be taken away
(deleting this stack stops all background work) without touching what serves callers.
"""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from constructs import Construct

from infra.catalogue import Every, FunctionRow
from infra.parts.clock import Clock
from infra.parts.names import camel, learn, live_arn
from infra.stages import Stage


class FlowsStack(cdk.Stack):
    """One clock for each row that has one."""

    def __init__(
        self, scope: Construct, id_: str, *, rows: Iterable[FunctionRow], stage: Stage, **props: object
    ) -> None:
        super().__init__(scope, id_, **props)  # type: ignore[arg-type]
        failed = learn(self, stage, "core", "failed-events-queue")
        for row in rows:
            if isinstance(row.trigger, Every):
                target = live_arn(self, stage, row)
                Clock(self, camel(row.name), target_arn=target, failed_arn=failed, every=row.trigger)
