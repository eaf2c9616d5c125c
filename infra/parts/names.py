"""How one stack names what lies in another: by SSM parameters, and functions by their own names; never by exports.

An export ties two stacks together: the one that exports cannot change while the other imports. A parameter is read
when the second stack is deployed, so each can be replaced by itself.

Functions are the exception. API Gateway calls what its last deployment named, and makes another deployment only when
its template says something else than before: a learnt name could change without its noticing.
"""

from __future__ import annotations

from typing import Literal

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.catalogue import FunctionRow, stack_of
from infra.stages import Stage

Publisher = Literal["data", "core"]

LIVE = "live"
"""The alias by which everyone calls a function."""


def camel(name: str) -> str:
    """Return `upstream_worker` as `UpstreamWorker`, the way construct ids are spelled."""
    return "".join(part.title() for part in name.replace("-", "_").split("_"))


def publish(scope: Construct, stage: Stage, publisher: Publisher, what: str, value: str) -> None:
    """Let other stacks of `stage` read `value` as `publisher`'s `what` (for example `tables/pace`)."""
    ssm.StringParameter(
        scope,
        "Name" + camel(what.replace("/", "_")),
        parameter_name=_path(stage, publisher, what),
        string_value=value,
    )


def learn(scope: Construct, stage: Stage, publisher: Publisher, what: str) -> str:
    """Return what `publisher` published as `what`, read from SSM when the stack of `scope` is deployed."""
    return ssm.StringParameter.value_for_string_parameter(scope, _path(stage, publisher, what))


def function_name(row: FunctionRow, stage: Stage) -> str:
    """Return what the function of `row` is called, if another stack calls it.

    Its stack is in the name: a function that moves to another stack has another name there, so it can be made, and
    whatever calls it changes with it.
    """
    return f"open-dental-gateway-{stage.name}-{stack_of(row)}-{row.name}"


def live_arn(scope: Construct, stage: Stage, row: FunctionRow) -> str:
    """Return the ARN by which the stack of `scope` calls the function of `row`, which lies in another."""
    return cdk.Stack.of(scope).format_arn(
        service="lambda",
        resource="function",
        resource_name=f"{function_name(row, stage)}:{LIVE}",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )


def machine_name(name: str, stage: Stage) -> str:
    """Return what the state machine `name` is called; it says to functions which workflow it is."""
    return f"open-dental-gateway-{stage.name}-{name}"


def machine_arn(scope: Construct, stage: Stage, name: str, *, of: str = "stateMachine") -> str:
    """Return the ARN of a state machine that may lie in a later stack; `of` `execution`: of all its executions."""
    return cdk.Stack.of(scope).format_arn(
        service="states",
        resource=of,
        resource_name=machine_name(name, stage) + (":*" if of == "execution" else ""),
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )


def _path(stage: Stage, publisher: str, what: str) -> str:
    return f"/open-dental-gateway/{stage.name}/{publisher}/{what}"
