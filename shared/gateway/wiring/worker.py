"""Which adapter fills which port of the worker, the sweeper, the lane and the tick function."""

# ruff: noqa: PLC0415 - what is imported where it is used costs a cold start nothing.
from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from gateway.wiring.aws import AwsServices
from gateway.wiring.held import Held

if TYPE_CHECKING:
    from gateway.adapters.drop import DropLogin
    from gateway.adapters.ledger import DynamoLedger
    from gateway.adapters.notices import DynamoNotices
    from gateway.adapters.pace import DynamoGovernor, DynamoPace
    from gateway.adapters.ticks import SqsTicks
    from gateway.adapters.upstream import OpenDentalUpstream


class WorkerServices(AwsServices):
    """Fills `core.worker.WorkerServices`."""

    @cached_property
    def network(self) -> str | None:
        """From where this worker calls offices: NETWORK."""
        return os.environ.get("NETWORK")

    @cached_property
    def ledger(self) -> DynamoLedger:
        """Operations, steps, journals."""
        return self._ledger

    @cached_property
    def pace(self) -> DynamoPace:
        """The pace items."""
        return self._pace

    @cached_property
    def governor(self) -> DynamoGovernor:
        """Counts of the deployment."""
        from gateway.adapters.pace import DynamoGovernor

        return DynamoGovernor(self.pace)

    @cached_property
    def upstream(self) -> OpenDentalUpstream:
        """Open Dental."""
        from gateway.adapters.upstream import OpenDentalUpstream

        return OpenDentalUpstream(self.vault, self._drop_login)

    @cached_property
    def _drop_login(self) -> DropLogin | None:
        address = os.environ.get("DROP_ADDRESS")
        if address is None:
            return None
        from gateway.adapters.drop import DropLogin

        return DropLogin(
            lambda: self._secrets_manager,
            address=address,
            username=os.environ["DROP_USERNAME"],
            secret_arn=os.environ["DROP_SECRET_ARN"],
        )

    @cached_property
    def notices(self) -> DynamoNotices:
        """What operators have to know."""
        from gateway.adapters.notices import DynamoNotices

        return DynamoNotices(self._dynamodb, table=os.environ["LEDGER_TABLE"])

    @cached_property
    def ticks(self) -> SqsTicks:
        """The queue of background turns to come."""
        from gateway.adapters.ticks import SqsTicks

        return SqsTicks(self._sqs, queue_url=os.environ["TICKS_QUEUE_URL"])


worker_services = Held(WorkerServices)
"""All ports of this process."""

use = worker_services.use
"""Have others handed out; None goes back to AWS. For tests."""
