"""A queue of turns that wait for Open Dental, and the only ways to touch it. Each network has one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.parts.fifo_queue import fifo_queue
from infra.parts.function import Function
from infra.parts.names import learn, publish
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


class CallQueue(Construct):
    """The FIFO queue of turns (the practice is the message group) and its dead letters.

    `name` is what other stacks find it by; whoever has this queue and no other reads its URL from CALLS_QUEUE_URL.
    """

    def __init__(
        self, scope: Construct, id_: str, *, name: str, key: kms.IKey, worker_timeout: cdk.Duration, stage: Stage
    ) -> None:
        super().__init__(scope, id_)
        # The worker hides a turn for less, call by call, or a crash would lock a practice. Waiting for a slot counts
        # as a receive; real failures are counted in the ledger.
        self.queue, self.dead_letters = fifo_queue(
            self, key=key, kept_days=14, hidden_for=worker_timeout, receives=1000
        )
        self.access = QueueAccess(variable_of("calls"), self.queue.queue_url, self.queue.queue_arn, key)
        publish(self, stage, "core", f"queues/{name}/url", self.queue.queue_url)
        publish(self, stage, "core", f"queues/{name}/arn", self.queue.queue_arn)


def variable_of(name: str) -> str:
    """Return the environment variable that holds the URL of the queue called `name`."""
    return f"{name.upper()}_QUEUE_URL"
