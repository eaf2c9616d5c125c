"""What runs workflows: asking the functions behind the routes, starting and stopping state machines."""

from __future__ import annotations

import json
from collections.abc import Iterable

import aws_cdk as cdk

from infra.catalogue import FUNCTIONS, Http, stack_of
from infra.parts.function import Function
from infra.parts.names import LIVE, machine_arn
from infra.stages import Stage


def ask_routes(function: Function, stage: Stage) -> None:
    """Let `function` invoke every function behind a route that takes a token, and tell it their names.

    They lie in stacks that are made later. One ARN stands for all: a policy has no room for each function's.
    """
    prefix = f"open-dental-gateway-{stage.name}-"
    stacks = {row.name: stack_of(row) for row in FUNCTIONS if isinstance(row.trigger, Http) and not row.trigger.public}
    arn = cdk.Stack.of(function).format_arn(
        service="lambda",
        resource="function",
        resource_name=f"{prefix}http-*:{LIVE}",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    function.allow(["lambda:InvokeFunction"], on=[arn], sealed_with=None)
    function.tell("ROUTES_PREFIX", prefix)
    function.tell("ROUTES_STACKS", json.dumps(stacks, separators=(",", ":")))


def run_machines(function: Function, names: Iterable[str], stage: Stage) -> None:
    """Let `function` start and stop these machines, and tell it what their ARNs begin with."""
    names = tuple(names)
    function.allow(
        ["states:StartExecution"], on=[machine_arn(function, stage, name) for name in names], sealed_with=None
    )
    # Each execution has a name of its own.
    function.allow(["states:StopExecution"], on=[machine_arn(function, stage, "*", of="execution")], sealed_with=None)
    function.tell("MACHINES_PREFIX", machine_arn(function, stage, ""))
