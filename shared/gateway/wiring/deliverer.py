"""Which adapter fills which port of the functions that deliver to webhook endpoints."""

from __future__ import annotations

import os
import random
from functools import cached_property

from gateway.wiring.aws import AwsServices
from gateway.wiring.held import Held


class DelivererServices(AwsServices):
    """Fills `core.webhooks.ports.DeliveryServices` and `RetryServices`."""

    @cached_property
    def stage(self) -> str:
        """The deployment's stage."""
        return os.environ["STAGE"]

    def chance(self) -> float:
        """See `DeliveryServices.chance`."""
        return random.random()  # noqa: S311 - no secret hangs on it


deliverer_services = Held(DelivererServices)
"""All ports of this process."""

use = deliverer_services.use
"""Have others handed out; None goes back to AWS. For tests."""
