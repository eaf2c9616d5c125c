"""What normalizers need of a practice, prepared once and not for every row: ids, clocks, and what values mean that many
rows share. Bounded, and nothing here names a person or says how to reach one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, TypeVar

from gateway.core import ids
from gateway.core.normalize.values import Memo, key, raw_row, shown_version
from gateway.core.practices import Practice
from gateway.core.walltime import ZoneClock, instant_text, zone_clock

MOST_COMBINATIONS: Final = 8192
"""Of all offices together, some 2 kB each."""

Made = TypeVar("Made")
_KINDS = (
    "adjustment",
    "allergy",
    "appointment",
    "appointment_type",
    "carrier",
    "claim",
    "claim_line",
    "communication",
    "condition",
    "coverage",
    "definition",
    "deposit",
    "document",
    "location",
    "medication",
    "operatory",
    "patient",
    "payment",
    "payment_plan",
    "perio_exam",
    "plan_charge",
    "procedure",
    "procedure_code",
    "provider",
    "recall",
    "recall_type",
    "schedule",
    "task",
    "task_list",
    "treatment_plan",
)
_FEW = frozenset(
    {"appointment_type", "carrier", "definition", "location", "operatory", "provider", "recall_type", "task_list"}
)


@dataclass(frozen=True, slots=True)
class Booking:
    """What the columns that say how a visit was booked make of it, for one combination of their values."""

    shown: dict[str, Any]
    """The visit, with what the combination does not say left None."""
    template: str
    clock: ZoneClock
    minutes: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What the columns that say how a patient stands with the office make of them, for one combination."""

    shown: dict[str, Any]
    """The patient, with what the combination does not say left None."""
    template: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a patient wishes to be reached."""

    preferred: str | None
    """The type of the preferred telephone."""
    preferences: dict[str, Any]
    language: str | None
    language_source: str | None


class Office:
    """Ids and clocks of one practice. `patient(12)` is the id of PatNum 12, and so on."""

    kept: ClassVar[int] = 0
    """How many combinations all offices remember."""

    adjustment: Callable[[int], str]
    allergy: Callable[[int], str]
    appointment: Callable[[int], str]
    appointment_type: Callable[[int], str]
    carrier: Callable[[int], str]
    claim: Callable[[int], str]
    claim_line: Callable[[int], str]
    communication: Callable[[int], str]
    condition: Callable[[int], str]
    coverage: Callable[[int], str]
    definition: Callable[[int], str]
    deposit: Callable[[int], str]
    document: Callable[[int], str]
    location: Callable[[int], str]
    medication: Callable[[int], str]
    operatory: Callable[[int], str]
    patient: Callable[[int], str]
    payment: Callable[[int], str]
    payment_plan: Callable[[int], str]
    perio_exam: Callable[[int], str]
    plan_charge: Callable[[int], str]
    procedure: Callable[[int], str]
    procedure_code: Callable[[int], str]
    provider: Callable[[int], str]
    recall: Callable[[int], str]
    recall_type: Callable[[int], str]
    schedule: Callable[[int], str]
    task: Callable[[int], str]
    task_list: Callable[[int], str]
    treatment_plan: Callable[[int], str]

    def __init__(self, practice: Practice) -> None:
        self.practice = practice
        self.practice_id = practice.id
        for kind in _KINDS:
            make = ids.row_ids(kind, practice.id)
            setattr(self, kind, Memo(make).__getitem__ if kind in _FEW else make)
        self.clock = zone_clock(practice.time_zone)
        """The practice's clock, which stamps are read by: the database server's zone is taken to be the same."""
        self.usual_clock = (practice.time_zone, self.clock)
        self.clocks: dict[int, tuple[str, ZoneClock]] = {
            clinic: (zone, zone_clock(zone)) for clinic, zone in practice.location_zones.items()
        }
        """ClinicNum -> zone and clock, where a location's differ."""
        self.bookings: dict[tuple[Any, ...], Booking] = {}
        """What `normalize.appointments` remembers of combinations of values that visits share. Nothing personal."""
        self.standings: dict[tuple[Any, ...], Standing] = {}
        """What `normalize.patients` remembers of how patients stand with the office."""
        self.wishes: dict[tuple[Any, ...], Wishes] = {}
        """And of how they wish to be reached: methods and languages, never a number."""

    def remember(self, combinations: dict[tuple[Any, ...], Made], values: tuple[Any, ...], made: Made) -> Made:
        """Keep `made` for these values in one of the office's memories, which are bounded together; return it."""
        Office.kept += 1
        if Office.kept > MOST_COMBINATIONS:
            Office.kept = 1
            for known in (self, *_OFFICES.values()):
                known.forget()
        combinations[values] = made
        return made

    @property
    def remembered(self) -> int:
        """How many combinations are kept."""
        return len(self.bookings) + len(self.standings) + len(self.wishes)

    def forget(self) -> None:
        """Drop all combinations; they are made anew when they come again."""
        for combinations in (self.bookings, self.standings, self.wishes):
            combinations.clear()


_OFFICES: dict[str, Office] = {}
_MOST_OFFICES = 1000


def office(practice: Practice) -> Office:
    """The prepared office of `practice`, made anew when the practice's record changed."""
    known = _OFFICES.get(practice.id)
    if known is not None and (known.practice is practice or known.practice == practice):
        return known
    if len(_OFFICES) >= _MOST_OFFICES:
        _OFFICES.clear()
    made = _OFFICES[practice.id] = Office(practice)
    return made


def row_object(
    here: Office, row: Mapping[str, Any], *, kind: str, table: str, column: str, synced_at: datetime, raw: bool
) -> dict[str, Any]:
    """What every object has. Families with a stamp or tombstones overwrite `updated_at` and `deleted_at`."""
    number = key(row.get(column))
    practice = here.practice
    shown: dict[str, Any] = {
        "id": getattr(here, kind)(number),
        "source": {"system": "open_dental", "table": table, "key": str(number), "practice_id": practice.id},
        "practice_id": practice.id,
        "updated_at": None,
        "synced_at": instant_text(synced_at),
        "deleted_at": None,
        "version": shown_version(row),
    }
    if raw:
        shown["raw"] = raw_row(row)
    return shown
