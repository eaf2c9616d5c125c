"""What an HTTP function does before it imports anything else."""

from __future__ import annotations

import gc

OBJECTS_BETWEEN_COLLECTIONS = 200_000
"""New containers after which Python looks for garbage: tens of megabytes at the most, of the function's 1024."""


def collect_seldom() -> None:
    """Look for garbage a two-hundredth as often as Python would.

    Imports and service descriptions make objects that stay. Looking through all of them again after every 700 was an
    eighth of a cold start, and found nothing.
    """
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
