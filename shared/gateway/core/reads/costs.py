"""What one page may cost beyond its rows."""

from __future__ import annotations

from typing import Final

from gateway.core.errors import FilterTooWide

MOST_EXTRA_CALLS: Final = 100
"""Calls that one page may cost for what Open Dental gives only row by row. At one a second that is well over a minute
of the practice's whole pace."""


def affordable(calls: int, what: str) -> None:
    """Refuse what would cost a page more than `MOST_EXTRA_CALLS`.

    Raises:
        FilterTooWide: it would.
    """
    if calls > MOST_EXTRA_CALLS:
        raise FilterTooWide(f"{what} would cost this page {calls} calls: send a lower limit", bounds=["limit"])
