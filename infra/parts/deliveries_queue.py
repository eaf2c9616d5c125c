"""The queue of deliveries to webhook endpoints."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.parts.call_queue import QueueAccess, variable_of
from infra.parts.fifo_queue import fifo_queue


class DeliveriesQueue(Construct):
    """A FIFO queue whose groups are endpoints' lanes, and its dead letters.

    A message only has a turn made that is due anyway, so one that is lost is made again by the minute's job.
    """

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey, deliver_timeout: cdk.Duration) -> None:
        super().__init__(scope, id_)
        # A worker that dies holds up one lane of one endpoint for so long.
        self.queue, self.dead_letters = fifo_queue(self, key=key, kept_days=4, hidden_for=deliver_timeout, receives=5)
        self.access = QueueAccess(variable_of("deliveries"), self.queue.queue_url, self.queue.queue_arn, key)
