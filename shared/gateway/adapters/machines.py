"""State machines, and functions that are asked beside the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.aws_errors import AwsError, code_of, unavailable

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_stepfunctions import SFNClient

_STARTED: Final = frozenset({"ExecutionAlreadyExists"})
_GONE: Final = frozenset({"ExecutionDoesNotExist"})


class SfnMachines:
    """Fills `core.workflows.records.Machines`. `prefix` is the ARN of the stage's machines up to their own names."""

    def __init__(self, client: SFNClient, *, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def start(self, workflow: str, *, name: str, input_: Mapping[str, Any]) -> None:
        """See `Machines.start`."""
        try:
            self._client.start_execution(
                stateMachineArn=self._prefix + workflow, name=name, input=json.dumps(input_, sort_keys=True)
            )
        except AwsError as error:
            if code_of(error) not in _STARTED:
                raise unavailable("the service that runs workflows") from error

    def stop(self, workflow: str, *, name: str) -> None:
        """See `Machines.stop`."""
        arn = f"{self._prefix.replace(':stateMachine:', ':execution:')}{workflow}:{name}"
        try:
            self._client.stop_execution(executionArn=arn)
        except AwsError as error:
            if code_of(error) not in _GONE:
                raise unavailable("the service that runs workflows") from error


class LambdaRoutes:
    """Fills `core.workflows.records.Routes`. `prefix` is what the names of the stage's functions begin with, and
    `stacks` says which stack's name comes behind it."""

    def __init__(self, client: LambdaClient, *, prefix: str, stacks: Mapping[str, str]) -> None:
        self._client = client
        self._prefix = prefix
        self._stacks = stacks

    def ask(self, function: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Routes.ask`."""
        try:
            answer = self._client.invoke(
                FunctionName=f"{self._prefix}{self._stacks[function]}-{function}:live",
                Payload=json.dumps(event).encode(),
            )
            told = json.loads(answer["Payload"].read())
        except AwsError as error:
            raise unavailable("the function behind the route") from error
        if answer.get("FunctionError") or "statusCode" not in told:
            raise unavailable("the function behind the route")
        return dict(told)
