"""Free times for FHIR: the slots of the REST side, each with the stretch of hours that it lies in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from gateway.core.callers import Caller
from gateway.core.errors import Invalid, NotFound
from gateway.core.fhir.slot import read_slot_id
from gateway.core.ports import Services
from gateway.core.reads.queries import ObjectQuery
from gateway.core.reads.schedules import SchedulesQuery, list_schedules
from gateway.core.reads.slots import SlotsQuery, list_slots
from gateway.core.requests import Freshness

_NOBODY = "no such Slot"


def list_free_times(query: SlotsQuery, *, caller: Caller, freshness: Freshness, on: Services) -> dict[str, Any]:
    """A page of free times, with `schedule_id`. Needs both scopes: `slots:read` and `schedules:read`.

    Raises: what `list_slots` and `list_schedules` raise.
    """
    listed = list_slots(query, caller=caller, freshness=freshness, on=on)
    found: Sequence[dict[str, Any]] = listed["data"]
    hours = _hours(found, caller=caller, freshness=freshness, on=on) if found else []
    kind = {} if query.appointment_type_id is None else {"appointment_type_id": query.appointment_type_id}
    return {**listed, "data": [{**one, **kind, "schedule_id": _stretch(one, hours)} for one in found]}


def get_free_time(
    slot_id: str, _query: ObjectQuery | None = None, *, caller: Caller, freshness: Freshness, on: Services
) -> dict[str, Any]:
    """The free time that an id of a Slot says, as long as it is free.

    Raises:
        NotFound: it is no such id, or not free any more. And what `list_slots` raises.
    """
    named = read_slot_id(slot_id)
    if named is None:
        raise NotFound(_NOBODY)
    day = named.start.date()
    length: dict[str, Any] = {"duration_minutes": named.minutes}
    if named.appointment_type_id is not None:
        length["appointment_type_id"] = named.appointment_type_id
    query = SlotsQuery(
        practice_id=named.practice_id,
        provider_id=[named.provider_id],
        operatory_id=[named.operatory_id],
        # The office's day may be the one before or after UTC's.
        date_from=day - timedelta(days=1),
        date_to=day + timedelta(days=1),
        step_minutes=5,
        limit=500,
        **length,
    )
    try:
        listed = list_slots(query, caller=caller, freshness=freshness, on=on)
    except Invalid:
        # The days are over.
        raise NotFound(_NOBODY) from None
    start = f"{named.start:%Y-%m-%dT%H:%M:%SZ}"
    for one in listed["data"]:
        if one["start_at"] == start:
            hours = _hours([one], caller=caller, freshness=freshness, on=on)
            kind = {"appointment_type_id": named.appointment_type_id}
            return {**one, **kind, "schedule_id": _stretch(one, hours), "meta": listed["meta"]}
    raise NotFound(_NOBODY)


def _hours(
    found: Sequence[dict[str, Any]], *, caller: Caller, freshness: Freshness, on: Services
) -> list[dict[str, Any]]:
    """All stretches of the days that these times are on."""
    days = [date.fromisoformat(one["local_start"][:10]) for one in found]
    query = SchedulesQuery(
        practice_id=found[0]["practice_id"],
        date_from=min(days),
        date_to=max(days),
        kind=["provider_hours"],
        limit=500,
    )
    hours: list[dict[str, Any]] = []
    while True:
        page = list_schedules(query, caller=caller, freshness=freshness, on=on)
        hours += page["data"]
        if not page["has_more"]:
            return hours
        query = query.model_copy(update={"cursor": page["next_cursor"]})


def _stretch(one: dict[str, Any], hours: Sequence[dict[str, Any]]) -> str | None:
    """The stretch that a free time lies in: of its provider, in its chair or in none by name."""
    fits = (
        (one["operatory_id"] not in stretch["operatory_ids"], stretch["id"])
        for stretch in hours
        if stretch["provider_id"] == one["provider_id"]
        and (not stretch["operatory_ids"] or one["operatory_id"] in stretch["operatory_ids"])
        and stretch["start_at"] is not None
        and stretch["start_at"] <= one["start_at"]
        and one["end_at"] <= stretch["end_at"]
    )
    return min(fits, default=(False, None))[1]
