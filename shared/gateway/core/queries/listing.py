"""All statements, for those who hold each to its rules and try it on a real database."""

from __future__ import annotations

from typing import Final

from gateway.core.queries import buckets, changes, counts, day, preferences, unlisted
from gateway.core.queries.statement import Statement

STATEMENTS: Final[tuple[Statement, ...]] = (
    *changes.ALL, *buckets.ALL, *day.ALL, *counts.ALL, *preferences.ALL, *unlisted.ALL,
)  # fmt: skip
"""Every module of this folder that has statements adds its `ALL` here."""
