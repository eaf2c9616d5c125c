"""State machines as they are deployed, run by moto's interpreter; what they call is Python.

Waits take no time: they are handed to whoever keeps the clock.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest import mock

import boto3
from moto import mock_aws
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from infra.parts.machine import definition_of

Function = Callable[[dict[str, Any]], Any]

ACCOUNT = "123456789012"
_CONFIG: Any = {"lambda": {"use_docker": False}, "stepfunctions": {"execute_state_machine": True}}


@dataclass(frozen=True)
class Ended:
    """How an execution ended: `SUCCEEDED`, `FAILED`, `TIMED_OUT`, and what its last state said."""

    status: str
    output: Any
    error: str | None
    states: list[str]
    """Those that it went through, in their order; of a Map's items as they came."""


# A second of each execution otherwise: the definition is parsed when it is made, checked and run.
_parsed = staticmethod(cache(AmazonStateLanguageParser.parse))


@contextmanager
def _calls(functions: Mapping[str, Function], waits: Callable[[float], None]) -> Iterator[None]:
    def invoke(_backend: object, function_name: str, _qualifier: object, body: Any, *_: object) -> bytes:
        name = function_name.rpartition(":")[2]
        return json.dumps(functions[name](json.loads(body))).encode()

    def wait(_self: object, env: object, wait_seconds: float) -> None:
        waits(wait_seconds)

    parser = "moto.stepfunctions.parser.asl.parse.asl_parser.AmazonStateLanguageParser.parse"
    simple = "moto.awslambda_simple.models.LambdaSimpleBackend.invoke"
    waiting = "moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function.WaitFunction"
    retrying = "moto.stepfunctions.parser.asl.component.common.retry.retrier_decl.time.sleep"
    replaced = ((parser, _parsed), (simple, invoke), (f"{waiting}._wait_interval", wait), (retrying, waits))
    with ExitStack() as patched:
        for name, one in replaced:
            patched.enter_context(mock.patch(name, one))
        yield


def run_machine(
    name: str,
    input_: Mapping[str, Any],
    functions: Mapping[str, Function],
    *,
    execution: str = "one",
    waits: Callable[[float], None] = lambda _: None,
) -> Ended:
    """Run `infra/workflows/{name}.asl.json` to its end. `functions` are what it calls, by their names in the catalogue;
    one that raises is a function that died. `execution` is what the execution is called."""
    text = json.dumps(definition_of(name))
    for one in functions:
        text = text.replace(f"${{{one}}}", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{one}")
    with mock_aws(config=_CONFIG), _calls(functions, waits):
        client = boto3.client("stepfunctions", region_name="us-east-1")
        machine = client.create_state_machine(
            name=f"open-dental-gateway-test-{name}", definition=text, roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine"
        )
        begun = client.start_execution(
            stateMachineArn=machine["stateMachineArn"], name=execution, input=json.dumps(input_)
        )
        while (told := client.describe_execution(executionArn=begun["executionArn"]))["status"] == "RUNNING":
            # Not `time.sleep`, which is replaced meanwhile: the clock would move by how long this waits.
            threading.Event().wait(0.005)
        history = client.get_execution_history(executionArn=begun["executionArn"], maxResults=1000)["events"]
    entered = [one["stateEnteredEventDetails"]["name"] for one in history if "stateEnteredEventDetails" in one]
    output = told.get("output")
    return Ended(told["status"], None if output is None else json.loads(output), told.get("error"), entered)
