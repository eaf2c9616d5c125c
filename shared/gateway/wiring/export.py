"""Which adapter fills which port of the steps of an export."""

# ruff: noqa: PLC0415 - what is imported where it is used costs a cold start nothing.
from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from gateway.wiring.aws import AwsServices
from gateway.wiring.held import Held

if TYPE_CHECKING:
    from gateway.adapters.parquet import DuckColumnar


class ExportServices(AwsServices):
    """Fills `core.export.stepping.ExportServices`."""

    @cached_property
    def columnar(self) -> DuckColumnar:
        """What makes Parquet; only the function with its layer has it."""
        from gateway.adapters.parquet import DuckColumnar

        return DuckColumnar()


export_services = Held(ExportServices)
"""All ports of this process."""

use = export_services.use
"""Have others handed out; None goes back to AWS. For tests."""
