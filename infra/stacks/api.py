"""What callers reach: the API and its firewall."""

from __future__ import annotations

from collections.abc import Iterable

import aws_cdk as cdk
from constructs import Construct

from infra.catalogue import FunctionRow
from infra.parts.api import Api
from infra.parts.keys import traces_key
from infra.parts.waf import Waf
from infra.stages import Stage


class ApiStack(cdk.Stack):
    """Everything between the callers and the functions of `rows`, which lie in other stacks."""

    def __init__(
        self, scope: Construct, id_: str, *, rows: Iterable[FunctionRow], stage: Stage, **props: object
    ) -> None:
        super().__init__(scope, id_, **props)  # type: ignore[arg-type]
        traces = traces_key(self, stage)
        api = Api(self, "Api", rows=rows, key=traces, stage=stage)
        Waf(self, "Waf", protects=api.stage_arn, key=traces, stage=stage)
        cdk.CfnOutput(self, "ApiUrl", value=api.rest_api.url, description="Where callers find the gateway")
