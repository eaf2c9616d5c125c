"""Booking an appointment: look at the day, check, post, look again. One turn of the practice.

Calls when all goes well: appointments of the day, schedules of the day, the POST, appointments of the day again; four
in all, plus one for an appointment type's pattern, for an operatory's default providers, or for the meaning of
blockouts, each only where the answer decides something.
Sources: https://www.opendental.com/site/apiappointments.html, https://www.opendental.com/site/apischedules.html.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.core import chairs, normalize
from gateway.core.errors import Clash, Invalid, NotFound, OutsideSchedule
from gateway.core.fetches import Steps, knows
from gateway.core.ids import row_id
from gateway.core.office_words import Table
from gateway.core.plans import HELD_TIMES, Evidence, Outcome, Plan, PlanContext, UpstreamAnswer, UpstreamCall
from gateway.core.slots.calendar import (
    BLOCKOUT_CATEGORY,
    BlockoutRules,
    Calendar,
    alternatives,
    blockout_rules,
    own_providers,
)
from gateway.core.slots.holds import HELD_KEY, held, visits_from
from gateway.core.slots.plan import REACHES_OVER
from gateway.core.slots.search import keeps_its_length
from gateway.core.walltime import instant_text, read_wall
from gateway.core.writes.common import blames, day_of, listed, with_reference
from gateway.core.writes.words import at_hand, own_fields
from open_dental import wire

ALTERNATIVE_STEP: Final = timedelta(minutes=10)
"""Free starts are offered on the office's usual increment, 10 minutes unless changed."""

MOST_ALTERNATIVES: Final = 3


@blames(
    PatNum="patient_id",
    Op="operatory_id",
    ProvNum="provider_id",
    ProvHyg="hygienist_id",
    AptDateTime="local_start",
    Pattern="pattern",
    Note="note",
    AppointmentTypeNum="appointment_type_id",
)
def create(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `POST /create_appointment`.

    `input_`: `patient`, `provider`, `operatory`, `hygienist`, `type` (upstream keys, 0 for none), `local_start`,
    `pattern` (None: the type's), `note`, `is_hygiene`, `is_new_patient`, `is_asap`, `allow_double_booking`,
    `allow_outside_schedule`; where they were sent `allow_past` and `hold`, the hold that does not stand in the way.

    Raises:
        Clash, OutsideSchedule: with up to three free alternatives in `alternatives`. A clash's `reason` is `held`
        where nothing but other callers' holds are in the way, else `taken`.
        Invalid: the appointment type brings no length, or the day is over.
    """
    start = datetime.fromisoformat(input_["local_start"])
    if start.date() < day_of(None, context) and not input_.get("allow_past"):
        raise Invalid("this day is over: send allow_past to enter a visit late", param="local_start")
    pattern = input_["pattern"] or (yield from _pattern_of_type(input_["type"], context))
    wanted = chairs.visit(
        key=0,
        op=input_["operatory"],
        start=start,
        pattern=pattern,
        provider=input_["provider"],
        hygienist=input_["hygienist"],
        is_hygiene=input_["is_hygiene"],
    )
    before = yield from day_around(wanted, context)
    yield from check_place(wanted, input_, before, context)
    try:
        created = (yield _post(input_, pattern, before, context)).row
    except Clash:
        # Somebody took a hold while this turn waited for its slot.
        yield from check_place(wanted, input_, before, context)
        raise
    key = wire.key(created.get("AptNum"))
    after = yield from day_around(wanted, context)
    row = next((one for one in after if wire.key(one.get("AptNum")) == key), None)
    if row is None:  # A list is no snapshot: a page may miss a row that is there.
        row = (yield UpstreamCall("appointments.get", path={"AptNum": key or 0})).row
    warnings: tuple[Mapping[str, Any], ...] = ()
    if not input_["allow_double_booking"]:
        warnings = double_booked(_with_key(wanted, key or 0), after, context, "was being made")
    body = normalize.appointment(row, practice=context.practice, synced_at=context.accepted_at, **(yield from said()))
    return Outcome(body=body, created=True, warnings=warnings)


def said() -> Steps[dict[str, Any]]:
    """What a visit's own row does not say, as far as that is at hand: keywords of `normalize.appointment`."""
    fields = Table.APPOINTMENT_FIELDS
    words = yield from at_hand(Table.DEFINITIONS, Table.PREFERENCES, Table.APPOINTMENT_TYPES, fields)
    return {"words": words, "fields": own_fields(words, fields)}


def double_booked(
    visit: chairs.Visit, day: list[Any], context: PlanContext, what: str
) -> tuple[Mapping[str, Any], ...]:
    """The warning that somebody else took the time meanwhile; nothing where nobody did."""
    others = chairs.clashes(visit, chairs.visits_of(day))
    if not others:
        return ()
    return (
        {
            "code": "double-booked",
            "detail": f"another appointment took the same time while this one {what}; both stand",
            "appointment_ids": [row_id("appointment", context.practice.id, other.key) for other in others],
        },
    )


def _with_key(visit: chairs.Visit, key: int) -> chairs.Visit:
    return chairs.Visit(key, visit.op, visit.start, visit.end, visit.provider_spans)


def _pattern_of_type(type_num: int, context: PlanContext) -> Generator[UpstreamCall, UpstreamAnswer, str]:
    rows = yield from listed("appointmenttypes.list", {}, context)
    for row in rows:
        if wire.key(row.get("AppointmentTypeNum")) == type_num:
            pattern = str(row.get("Pattern") or "")
            if not pattern:
                raise Invalid("this appointment type has no length of its own; send one", param="duration_minutes")
            return pattern[: chairs.LONGEST_UNITS]
    raise NotFound("no such appointment type", param="appointment_type_id")


def day_around(wanted: chairs.Visit, context: PlanContext) -> Generator[UpstreamCall, UpstreamAnswer, list[Any]]:
    """All appointments of the days the visit touches; before 6:00 also of the day before, whose last may reach over."""
    first, last = wanted.start.date(), (wanted.end - chairs.UNIT).date()
    if wanted.start.time() < REACHES_OVER:
        first -= timedelta(days=1)
    query = {"date": f"{first}"} if first == last else {"dateStart": f"{first}", "dateEnd": f"{last}"}
    return (yield from listed("appointments.list", query, context))


def check_place(
    wanted: chairs.Visit, input_: Mapping[str, Any], appointments: list[Any], context: PlanContext
) -> Generator[UpstreamCall, UpstreamAnswer, None]:
    """Check that the chair and the providers are free and there, unless `input_` allows that they are not.

    `appointments` are those of the day. The visit itself, by its key, is in nobody's way, nor is the hold that `input_`
    names. Set-up is read only where the answer decides something.

    Raises: Clash, OutsideSchedule: with up to three free alternatives.
    """
    main, span = _main(input_), (wanted.start, wanted.end)
    kept = yield UpstreamCall(
        HELD_TIMES,
        query={"first": f"{span[0].date()}", "last": f"{span[1].date()}", "but": input_.get("hold")},
    )
    taken = [*chairs.visits_of(appointments), *visits_from(kept.rows)]
    clashes = [] if input_["allow_double_booking"] else chairs.clashes(wanted, taken)
    if not clashes and input_["allow_outside_schedule"]:
        return
    rows = yield from _schedules(wanted, context)
    calendar = Calendar(chairs.blocks_of(rows), chairs.blockouts_of(rows), taken=taken, type_num=input_.get("type", 0))
    if any(block.provider == main and not block.ops for block in calendar.blocks):
        # A block without operatories counts where the provider is the operatory's own: only then ask which that is.
        calendar = replace(calendar, own=own_providers((yield from listed("operatories.list", {}, context))))
    nearby = [one for one in calendar.blockouts if wanted.op in one.ops or not one.ops]
    if any(chairs.overlap(span, (one.start, one.end)) for one in nearby):
        calendar = replace(calendar, rules=(yield from _blockout_rules(nearby, context)))
        nearby = []
    is_outside = not input_["allow_outside_schedule"] and not calendar.is_open(span, main, wanted.op)
    if not is_outside and not clashes:
        return
    if nearby:
        calendar = replace(calendar, rules=(yield from _blockout_rules(nearby, context)))
    offers = _offers(calendar, wanted, main, context)
    if is_outside:
        raise OutsideSchedule(
            "the provider is not scheduled in this operatory at that time", param="local_start", alternatives=offers
        )
    raise _clash(clashes, offers)


def _main(input_: Mapping[str, Any]) -> int:
    """The provider whose hours a visit needs."""
    return int(input_["hygienist"] if input_["is_hygiene"] else input_["provider"])


def _schedules(wanted: chairs.Visit, context: PlanContext) -> Generator[UpstreamCall, UpstreamAnswer, list[Any]]:
    first, last = wanted.start.date(), (wanted.end - chairs.UNIT).date()
    query = {"date": f"{first}"} if first == last else {"dateStart": f"{first}", "dateEnd": f"{last}"}
    return (yield from listed("schedules.list", query, context))


def _blockout_rules(
    blockouts: list[chairs.Blockout], context: PlanContext
) -> Generator[UpstreamCall, UpstreamAnswer, BlockoutRules]:
    """What these blockouts mean: one call, and a second where one of them may be dedicated to some kind of visit."""
    query = {"Category": BLOCKOUT_CATEGORY, "includeHidden": True}
    definitions = yield from listed("definitions.list", query, context)
    rules = blockout_rules(definitions)
    if all(one.kind in rules.forbidden for one in blockouts) or not knows(context.practice, "appointmenttypes.list"):
        return rules
    return blockout_rules(definitions, (yield from listed("appointmenttypes.list", {}, context)))


def _offers(calendar: Calendar, wanted: chairs.Visit, main: int, context: PlanContext) -> list[dict[str, str]]:
    midnight = datetime.combine(wanted.start.date(), datetime.min.time())
    free = alternatives(
        calendar,
        wanted,
        main,
        step=ALTERNATIVE_STEP,
        within=(midnight, midnight + timedelta(days=1)),
        notice=context.accepted_at.astimezone(context.practice.zone()).replace(tzinfo=None),
        count=MOST_ALTERNATIVES,
        suits=lambda start: keeps_its_length(start, wanted.end - wanted.start, context.practice.zone()),
    )
    return [_offer(start, context) for start in free]


def _clash(clashes: list[chairs.Visit], offers: list[dict[str, str]]) -> Clash:
    if all(one.key == HELD_KEY for one in clashes):
        return held(alternatives=offers)
    return Clash(
        "the operatory or the provider is taken at that time",
        param="local_start",
        reason="taken",
        alternatives=offers,
    )


def _offer(start: datetime, context: PlanContext) -> dict[str, str]:
    """A free start, as an appointment shows its own."""
    return {
        "start_at": instant_text(read_wall(start, context.practice.zone()).instant),
        "local_start": start.isoformat(timespec="seconds"),
        "time_zone": context.practice.time_zone,
    }


def _post(input_: Mapping[str, Any], pattern: str, before: list[Any], context: PlanContext) -> UpstreamCall:
    body: dict[str, Any] = {
        "PatNum": input_["patient"],
        "Op": input_["operatory"],
        "AptDateTime": input_["local_start"].replace("T", " "),
        "Pattern": pattern,
        "ProvNum": input_["provider"],
        "Note": with_reference(input_["note"], context),
    }
    if input_["hygienist"]:
        body["ProvHyg"] = input_["hygienist"]
    if input_["is_hygiene"]:
        body["IsHygiene"] = True
    if input_["is_new_patient"]:
        body["IsNewPatient"] = True
    if input_["is_asap"]:
        body["Priority"] = "ASAP"
    if input_["type"]:
        body["AppointmentTypeNum"] = input_["type"]
    natural = {name: body[name] for name in ("PatNum", "Op", "AptDateTime", "ProvNum")}
    return UpstreamCall(
        "appointments.create",
        body=body,
        step="create",
        evidence=Evidence(
            # By patient, not by day: an appointment that was moved since is still found by its reference.
            look=UpstreamCall("appointments.list", query={"PatNum": input_["patient"]}),
            key_field="AptNum",
            natural=natural,
            known_keys=frozenset(wire.key(row.get("AptNum")) or 0 for row in before),
            reference=context.reference if context.practice.writes_reference else None,
            reference_field="Note",
        ),
    )
