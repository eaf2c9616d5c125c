"""What was recorded of a practice's agreements, entry after entry, and the port that keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.core.practices import Baa


class Superseded(Exception):
    """Somebody recorded something meanwhile: read the history again."""


@dataclass(frozen=True, slots=True)
class BaaEntry:
    """One thing that was said of a practice's agreements: that there is one, or that it is closed.

    `number` counts a practice's entries from 1. `baa`: the agreement as it stands from then on. `body_hash` tells a
    repeat of the request from another one under the same key; None where it closes.
    """

    number: int
    at: datetime
    by: str
    baa: Baa
    body_hash: str | None = None


class Agreements(Protocol):
    """Where they are kept: added one by one, changed and deleted by nobody."""

    def history(self, practice_id: str) -> tuple[BaaEntry, ...]:
        """All entries, in their order, strongly consistent."""
        ...

    def add(self, practice_id: str, entry: BaaEntry) -> None:
        """Add an entry; from the same moment on `Practices.get` shows its agreement.

        Raises:
            Superseded: there is an entry of this number. Nothing was kept. NotFound: there is no such practice.
        """
        ...
