"""Free time -> Slot (https://hl7.org/fhir/R4/slot.html).

A time at which a visit can be booked as it is: always `free`, for nothing is kept of others. It is nothing of Open
Dental's, so its id says what it is: practice, start, chair, provider, length and kind of visit. Its Schedule is the
stretch of hours that it lies in.

| field | element |
|---|---|
| practice_id | id |
| location_id | extension.valueReference.reference |
| start_at | start |
| end_at | end |
| time_zone | extension.valueCode |
| provider_id | extension.valueReference.reference |
| operatory_id | extension.valueReference.reference |
| schedule_id | schedule.reference |
| appointment_type_id | appointmentType.coding.code |
| duration_minutes | id |
| local_start, local_end | - (follow from the instants and the zone) |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway.core.fhir.elements import absent, concept, extension, fhir_id, made, own_system, reference, several
from gateway.core.fhir.location import TIME_ZONE
from gateway.core.ids import PREFIXES, parse_row_id, row_id

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID = re.compile(
    r"slot-(?P<practice>[a-z2-7]{16})\.(?P<start>[0-9a-z]{1,7})\.(?P<op>[0-9a-z]{1,13})\.(?P<provider>[0-9a-z]{1,13})"
    r"\.(?P<minutes>[0-9]{1,3})(?:\.(?P<type>[0-9a-z]{1,13}))?"
)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LONGEST_ID: Final = 64
_LARGEST_KEY: Final = 2**63


@dataclass(frozen=True, slots=True)
class SlotId:
    """What the id of a Slot says."""

    practice_id: str
    start: datetime
    operatory_id: str
    provider_id: str
    minutes: int
    appointment_type_id: str | None


def slot(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Slot of a free time that has its `schedule_id`, and `appointment_type_id` where a kind was asked for."""
    practice, kind = shown["practice_id"], shown.get("appointment_type_id")
    return made(
        {
            "resourceType": "Slot",
            "id": slot_id(shown),
            "extension": several(
                [
                    extension("practitioner", "Reference", reference(shown["provider_id"])),
                    extension("operatory", "Reference", reference(shown["operatory_id"])),
                    extension("location", "Reference", reference(shown["location_id"])),
                    {"url": TIME_ZONE, "valueCode": shown["time_zone"]},
                ]
            ),
            "appointmentType": concept(own_system(practice, "appointment-type"), fhir_id(kind)) if kind else None,
            "schedule": reference(shown.get("schedule_id")) or absent(),
            "status": "free",
            "start": shown["start_at"],
            "end": shown["end_at"],
        }
    )


def slot_id(shown: Mapping[str, Any]) -> str:
    """The id of a free time. The kind of visit is left out where keys of 19 digits make it too long."""
    start = datetime.fromisoformat(shown["start_at"].replace("Z", "+00:00"))
    kind = shown.get("appointment_type_id")
    parts = [
        f"slot-{shown['practice_id'].partition('_')[2]}",
        _short(int((start - _EPOCH).total_seconds()) // 60),
        _short(parse_row_id(shown["operatory_id"], "operatory").key),
        _short(parse_row_id(shown["provider_id"], "provider").key),
        str(shown["duration_minutes"]),
    ]
    whole = ".".join([*parts, _short(parse_row_id(kind, "appointment_type").key)] if kind else parts)
    return whole if len(whole) <= _LONGEST_ID else ".".join(parts)


def read_slot_id(text: str) -> SlotId | None:
    """What an id says; None where it is none of a Slot's."""
    match = _ID.fullmatch(text)
    if match is None:
        return None
    practice_id = f"{PREFIXES['practice']}_{match['practice']}"
    keys = {name: int(match[name] or "0", 36) for name in ("op", "provider", "type")}
    if max(keys.values()) >= _LARGEST_KEY or not keys["op"] or not keys["provider"]:
        return None
    return SlotId(
        practice_id,
        _EPOCH + timedelta(minutes=int(match["start"], 36)),
        row_id("operatory", practice_id, keys["op"]),
        row_id("provider", practice_id, keys["provider"]),
        int(match["minutes"]),
        row_id("appointment_type", practice_id, keys["type"]) if keys["type"] else None,
    )


def _short(number: int) -> str:
    """A number in base 36: ids have 64 characters at most, and keys of Open Dental up to 19 digits."""
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits
