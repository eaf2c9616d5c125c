"""Which adapter fills which port of the function that archives the audit trail."""

# ruff: noqa: PLC0415 - what is imported where it is used costs a cold start nothing.
from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from gateway.wiring.aws import AwsServices
from gateway.wiring.held import Held

if TYPE_CHECKING:
    from gateway.adapters.archive import S3Archive


class ArchiveServices(AwsServices):
    """Fills `core.audit.archiving.ArchiveServices`."""

    @cached_property
    def archive(self) -> S3Archive:
        """The bucket with Object Lock."""
        from gateway.adapters.archive import S3Archive

        return S3Archive(lambda: self._s3, bucket=os.environ["AUDIT_ARCHIVE_BUCKET"])


archive_services = Held(ArchiveServices)
"""All ports of this process."""

use = archive_services.use
"""Have others handed out; None goes back to AWS. For tests."""
