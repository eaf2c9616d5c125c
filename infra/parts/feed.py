"""What hands a queue's messages to a function."""

from __future__ import annotations

from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.catalogue import Consumes
from infra.implied import POLLING
from infra.parts.function import Function
from infra.stages import Stage


class Feed(Construct):
    """Lambda's poller of one queue. A failed message comes back alone, not with its whole batch."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        queue: sqs.IQueue,
        key: kms.IKey,
        function: Function,
        trigger: Consumes,
        stage: Stage,
    ) -> None:
        super().__init__(scope, id_)
        function.allow(list(POLLING), on=[queue.queue_arn], sealed_with=key)
        mapping = lambda_.EventSourceMapping(
            self,
            "Mapping",
            target=function.live,
            event_source_arn=queue.queue_arn,
            batch_size=trigger.batch_size,
            report_batch_item_failures=True,
            max_concurrency=stage.worker_concurrency if trigger.limited else None,
        )
        # Lambda checks the role when the mapping is made.
        mapping.node.add_dependency(function.permissions)
