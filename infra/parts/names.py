"""How one stack learns the names of another's resources: SSM parameters, never CloudFormation exports.

An export ties two stacks together: the one that exports cannot change while the other imports. A parameter is read
when the second stack is deployed, so each can be replaced by itself.
"""

from __future__ import annotations

from typing import Literal

from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra.stages import Stage

Publisher = Literal["data", "core", "api"]


def publish(scope: Construct, stage: Stage, publisher: Publisher, what: str, value: str) -> None:
    """Let other stacks of `stage` read `value` as `publisher`'s `what` (for example `tables/pace`)."""
    ssm.StringParameter(
        scope,
        "Name" + "".join(part.title() for part in what.replace("-", "/").replace("_", "/").split("/")),
        parameter_name=_path(stage, publisher, what),
        string_value=value,
    )


def learn(scope: Construct, stage: Stage, publisher: Publisher, what: str) -> str:
    """Return what `publisher` published as `what`, read from SSM when the stack of `scope` is deployed."""
    return ssm.StringParameter.value_for_string_parameter(scope, _path(stage, publisher, what))


def _path(stage: Stage, publisher: str, what: str) -> str:
    return f"/open-dental-gateway/{stage.name}/{publisher}/{what}"
