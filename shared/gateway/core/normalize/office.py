"""What normalizers need of a practice, prepared once and not for every row: ids and clocks."""

from __future__ import annotations

from collections.abc import Callable

from gateway.core import ids
from gateway.core.normalize.values import Memo
from gateway.core.practices import Practice
from gateway.core.walltime import ZoneClock, zone_clock

_KINDS = (
    "adjustment",
    "appointment",
    "appointment_type",
    "carrier",
    "claim",
    "claim_line",
    "coverage",
    "definition",
    "deposit",
    "location",
    "operatory",
    "patient",
    "payment",
    "procedure",
    "provider",
)
_FEW = frozenset({"appointment_type", "carrier", "definition", "location", "operatory", "provider"})


class Office:
    """Ids and clocks of one practice. `patient(12)` is the id of PatNum 12, and so on."""

    adjustment: Callable[[int], str]
    appointment: Callable[[int], str]
    appointment_type: Callable[[int], str]
    carrier: Callable[[int], str]
    claim: Callable[[int], str]
    claim_line: Callable[[int], str]
    coverage: Callable[[int], str]
    definition: Callable[[int], str]
    deposit: Callable[[int], str]
    location: Callable[[int], str]
    operatory: Callable[[int], str]
    patient: Callable[[int], str]
    payment: Callable[[int], str]
    procedure: Callable[[int], str]
    provider: Callable[[int], str]

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
