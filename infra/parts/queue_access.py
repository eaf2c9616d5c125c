"""Queues as functions see them, and the only ways to touch them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.parts.function import Function
from infra.parts.names import learn
from infra.stages import Stage


@dataclass(frozen=True)
class QueueAccess:
    """A queue as functions see it, in whichever stack they are."""

    variable: str
    url: str
    arn: str
    key: kms.IKey

    @classmethod
    def learn(cls, scope: Construct, name: str, *, key: kms.IKey, stage: Stage) -> QueueAccess:
        """Find the queue that the core stack published."""
        url, arn = (learn(scope, stage, "core", f"queues/{name}/{what}") for what in ("url", "arn"))
        return cls(variable_of(name), url, arn, key)

    def let(self, function: Function, verbs: Iterable[str]) -> None:
        """Let `function` make the SQS calls in `verbs`, and tell it the queue's URL."""
        function.allow(sorted(f"sqs:{verb}" for verb in verbs), on=[self.arn], sealed_with=self.key)
        function.tell(self.variable, self.url)


@dataclass(frozen=True)
class CallsAccess:
    """All queues of turns, for whoever sends: which one it is depends on the practice's network.

    The worker of a network gets its own queue as a `QueueAccess`, and knows of no other.
    """

    remote: QueueAccess
    networks: Mapping[str, QueueAccess]

    def let(self, function: Function, verbs: Iterable[str]) -> None:
        """Let `function` make the SQS calls in `verbs`; a sender is told the queue of each network."""
        self.remote.let(function, verbs)
        if not self.networks or "SendMessage" not in verbs:
            return
        arns = [access.arn for access in self.networks.values()]
        function.allow(sorted(f"sqs:{verb}" for verb in verbs), on=arns, sealed_with=self.remote.key)
        urls = {name: access.url for name, access in self.networks.items()}
        function.tell(f"{self.remote.variable}S", cdk.Stack.of(function).to_json_string(urls))


def variable_of(name: str) -> str:
    """Return the environment variable that holds the URL of the queue called `name`."""
    return f"{name.upper()}_QUEUE_URL"
