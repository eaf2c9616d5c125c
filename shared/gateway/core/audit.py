"""The audit trail of a practice: who was shown what, and the port that keeps it.

So far it has the matching of patients across practices. An entry is written before what it tells of leaves the house;
if it cannot be written, that does not leave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

PATIENTS_MATCH: Final = "patients.match"
"""The action of looking for a person at the practices of a group."""

MOST_OBJECTS: Final = 500
"""Ids that one entry names."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One answer, as far as it shows this practice's data. No name, no number and nothing that was searched for.

    `object_ids` are of this practice only; `outcome` counts. `request_id` is the same in the entries that one request
    left at several practices.
    """

    id: str
    practice_id: str
    at: datetime
    client_id: str
    action: str
    request_id: str
    object_ids: tuple[str, ...] = ()
    group_id: str | None = None
    agreement: str | None = None
    """The reference of the agreement that the action was done under."""
    outcome: Mapping[str, int] = field(default_factory=dict)


class Audit(Protocol):
    """Where entries are kept: added one by one, changed and deleted by nobody."""

    def note(self, entry: AuditEntry) -> None:
        """Add an entry. One that is there already (the answer to the first attempt was lost) is left as it is.

        Raises: AuditUnavailable: it is not known to be kept.
        """
        ...
