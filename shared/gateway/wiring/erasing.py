"""Which adapter fills which port of what erases practices."""

# ruff: noqa: PLC0415 - what is imported where it is used costs a cold start nothing.
from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from gateway.wiring.held import Held
from gateway.wiring.services import Services

if TYPE_CHECKING:
    from gateway.adapters.archive import S3Archive
    from gateway.adapters.erasing import AwsEraser

TABLES = ("callers", "practices", "pace", "ledger", "holds", "groups", "cache", "records", "events", "webhooks", "runs")
"""Those with something that is erased; a test holds them to `core.removal.kinds`."""


class ErasingServices(Services):
    """Fills `core.removal.steps.ErasingServices`, and all that other steps take."""

    @cached_property
    def eraser(self) -> AwsEraser:
        """What deletes."""
        from gateway.adapters.erasing import AwsEraser

        return AwsEraser(
            dynamodb=self._dynamodb,
            s3=self._s3,
            secretsmanager=self._secrets_manager,
            tables={name: os.environ[f"{name.upper()}_TABLE"] for name in TABLES},
            bucket=os.environ["BODIES_BUCKET"],
            prefix=os.environ["VAULT_PREFIX"],
        )

    @cached_property
    def archive(self) -> S3Archive:
        """Where certificates lie for six years."""
        from gateway.adapters.archive import S3Archive

        return S3Archive(lambda: self._s3, bucket=os.environ["AUDIT_ARCHIVE_BUCKET"])


erasing_services = Held(ErasingServices)
"""All ports of this process."""

use = erasing_services.use
"""Have others handed out; None goes back to AWS. For tests."""
