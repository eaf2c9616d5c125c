"""Holds the place of this function until its handler is written."""

from __future__ import annotations

from typing import Any


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Refuse: there is nothing here yet."""
    raise NotImplementedError
