"""What hands the changes of a table to a function."""

from __future__ import annotations

import json

from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.catalogue import Follows, FollowsNew
from infra.implied import FINDING_STREAMS, FOLLOWING, SETTING_ASIDE
from infra.parts.function import Function
from infra.parts.names import learn
from infra.stages import Stage

_TRIES = 8
"""With pauses that Lambda makes longer each time; after that a batch is halved until one record stands alone."""


class StreamFeed(Construct):
    """Lambda's poller of one table's stream, from the oldest change that is there.

    One change that cannot be told holds up its shard for as long as it is tried, and then lies in the bucket, whole:
    a queue would get no more than a pointer into a stream that has forgotten by then.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        function: Function,
        trigger: Follows | FollowsNew,
        key: kms.IKey,
        stage: Stage,
    ) -> None:
        super().__init__(scope, id_)
        stream = learn(function, stage, "data", f"tables/{trigger.table}/stream")
        bucket = learn(function, stage, "data", "bodies/arn")
        function.allow(list(FOLLOWING), on=[stream], sealed_with=key)
        function.allow(list(FINDING_STREAMS), on=["*"], sealed_with=None)
        function.allow(list(SETTING_ASIDE), on=[bucket, f"{bucket}/*"], sealed_with=key)
        mapping = lambda_.CfnEventSourceMapping(
            self,
            "Mapping",
            function_name=function.live.function_arn,
            event_source_arn=stream,
            starting_position="TRIM_HORIZON",
            batch_size=trigger.batch_size,
            parallelization_factor=4,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=_TRIES,
            function_response_types=["ReportBatchItemFailures"],
            filter_criteria=lambda_.CfnEventSourceMapping.FilterCriteriaProperty(
                filters=[lambda_.CfnEventSourceMapping.FilterProperty(pattern=_pattern(trigger))]
            ),
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(destination=bucket)
            ),
        )
        # Lambda checks the role when the mapping is made.
        mapping.node.add_dependency(function.permissions)


def _pattern(trigger: Follows | FollowsNew) -> str:
    """Which records start the function at all: most changes are of kinds that nobody is told of, or a first load's.

    `row#{practice}#{kind}` is told from all else in the table by its `cause`. One pattern of five that a mapping may
    have; 4,096 characters are the limit.
    """
    if isinstance(trigger, FollowsNew):
        new = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": trigger.begins}]}}}}
        return json.dumps(new, separators=(",", ":"))
    kinds = [{"suffix": f"#{kind}"} for kind in trigger.kinds]
    told = {"Keys": {"pk": {"S": kinds}}, "NewImage": {"cause": {"S": [{"anything-but": [trigger.no_news]}]}}}
    return json.dumps({"dynamodb": told}, separators=(",", ":"))
