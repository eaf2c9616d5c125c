"""Which adapter fills which port of the steps of workflows."""

# ruff: noqa: PLC0415 - what is imported where it is used costs a cold start nothing.
from __future__ import annotations

import json
import os
from functools import cached_property
from typing import TYPE_CHECKING, cast

from gateway.wiring.aws import AwsServices
from gateway.wiring.held import Held

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from gateway.adapters.machines import LambdaRoutes


class TaskServices(AwsServices):
    """Fills `core.workflows.tasking.TaskServices`."""

    @cached_property
    def routes(self) -> LambdaRoutes:
        """The functions behind the routes: ROUTES_PREFIX, and ROUTES_STACKS (JSON, by function)."""
        from gateway.adapters.machines import LambdaRoutes

        # Such a function may take 28 s itself; one that was cut off must not be asked beside itself by a retry.
        client = cast("LambdaClient", self._client("lambda", read_timeout=32, retries={"total_max_attempts": 1}))
        return LambdaRoutes(client, prefix=os.environ["ROUTES_PREFIX"], stacks=json.loads(os.environ["ROUTES_STACKS"]))


task_services = Held(TaskServices)
"""All ports of this process."""

use = task_services.use
"""Have others handed out; None goes back to AWS. For tests."""
