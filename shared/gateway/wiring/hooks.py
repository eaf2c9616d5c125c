"""Which adapter fills which port of the functions that take the calls of offices' machines."""

# ruff: noqa: PLC0415 - what is imported where it is used costs a cold start nothing.
from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gateway.wiring.aws import AwsServices

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


class _Holder:
    current: Any = None


def hook_services() -> HookServices:
    """All ports of this process."""
    if _Holder.current is None:
        _Holder.current = HookServices()
    found: HookServices = _Holder.current
    return found


def use(services: Any) -> None:
    """Have `hook_services` hand out `services`; None goes back to AWS. For tests."""
    _Holder.current = services
