"""Which of Open Dental's tables can tell by themselves that a row has changed, since when, and what we make of it.

Source: https://www.opendental.com/site/apisubscriptions.html (WatchTable, and from which version each is there) and
https://www.opendental.com/site/apievents.html (what a call carries). What rows of the deletions look like is not
published, nor from when on those but LabCaseDeleted and AppointmentDeleted are there: some version between 25.4 and
26.1, so that 26.1 is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from open_dental.versions import Version

SUBSCRIPTIONS_SINCE: Final = "22.1"
NAMED_WORKSTATION_SINCE: Final = "26.2.1"
"""From then on a subscription says which machine fires, or `ALL_WORKSTATIONS`; before, blank is every machine."""

ALL_WORKSTATIONS: Final = "All Workstations"


@dataclass(frozen=True, slots=True)
class Watched:
    """One WatchTable. `resource`: the mirrored resource that its rows are of; `stamp`: the column that says when a row
    was changed, by which it is known whether a copy is older. `is_deletion`: its rows are gone, and only their key is
    certain."""

    table: str
    resource: str
    since: str
    stamp: str = "DateTStamp"
    is_deletion: bool = False


WATCHED: Final[dict[str, Watched]] = {
    one.table: one
    for one in (
        Watched("Appointment", "appointments", "22.1"),
        Watched("AppointmentDeleted", "appointments", "22.4.35", is_deletion=True),
        Watched("Patient", "patients", "22.1"),
        Watched("ProcedureLog", "procedurelogs", "26.3"),
        Watched("Provider", "providers", "24.2.11"),
        Watched("Operatory", "operatories", "24.2.11"),
        Watched("Schedule", "schedules", "24.2.11"),
        Watched("ScheduleDeleted", "schedules", "26.1", is_deletion=True),
        Watched("PatField", "patfields", "22.4.8", stamp="SecDateTEdit"),
        Watched("PatFieldDeleted", "patfields", "26.1", is_deletion=True),
        Watched("MedicationPat", "medicationpats", "26.1"),
        Watched("MedicationPatDeleted", "medicationpats", "26.1", is_deletion=True),
    )
}
"""By WatchTable: those whose rows are mirrored. LabCase and ToothInitial are not, and nobody subscribes to them."""


def watched_at(version: str | None) -> tuple[Watched, ...]:
    """What an office of this version can be asked to tell; of one that is not known, what every version can."""
    at = Version.parse(version or SUBSCRIPTIONS_SINCE)
    return tuple(one for one in WATCHED.values() if at.has(Version.parse(one.since)))
