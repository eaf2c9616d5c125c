"""Which adapter fills which port of the functions that take the calls of offices' machines."""

# ruff: noqa: PLC0415 - what is imported where it is used costs a cold start nothing.
from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from gateway.wiring.aws import AwsServices
from gateway.wiring.held import Held

if TYPE_CHECKING:
    from gateway.adapters.inbox import S3Inbox
    from gateway.adapters.pace import DynamoPace


class HookServices(AwsServices):
    """Fills `core.native.ports.ReceivingServices` and `TakingServices`."""

    @cached_property
    def inbox(self) -> S3Inbox:
        """Calls that were received."""
        from gateway.adapters.inbox import S3Inbox

        return S3Inbox(lambda: self._s3, bucket=os.environ["BODIES_BUCKET"])

    @cached_property
    def paces(self) -> DynamoPace:
        """The practices' pace."""
        return self._pace


hook_services = Held(HookServices)
"""All ports of this process."""

use = hook_services.use
"""Have others handed out; None goes back to AWS. For tests."""
