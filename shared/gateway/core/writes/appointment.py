"""Booking an appointment: look at the day, check, post, look again. One turn of the practice.

Calls when all goes well: appointments of the day, schedules of the day, the POST, appointments of the day again; four
in all, plus one for an appointment type's pattern, for an operatory's default providers, or for the meaning of
blockouts, each only where the answer decides something.
Sources: https://www.opendental.com/site/apiappointments.html, https://www.opendental.com/site/apischedules.html.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway.core import chairs, normalize
from gateway.core.errors import Clash, Invalid, NotFound, OutsideSchedule
from gateway.core.ids import row_id
from gateway.core.plans import Evidence, Outcome, Plan, PlanContext, UpstreamAnswer, UpstreamCall
from gateway.core.walltime import instant_text, read_wall
from gateway.core.writes.common import blames, listed, with_reference
from open_dental import wire

ALTERNATIVE_STEP = timedelta(minutes=10)
"""Free starts are offered on the office's usual increment, 10 minutes unless changed."""

BLOCKOUT_CATEGORY = 25
NO_APPOINTMENTS = "NS"
"""A definition of category 25 with this in its ItemValue forbids appointments; other blockouts are advice."""


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
    `allow_outside_schedule`.

    Raises:
        Clash, OutsideSchedule: with up to three free alternatives in `alternatives`.
        Invalid: the appointment type brings no length.
    """
    start = datetime.fromisoformat(input_["local_start"])
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

    created = (yield _post(input_, pattern, before, context)).row
    key = wire.key(created.get("AptNum"))
    after = yield from day_around(wanted, context)
    row = next((one for one in after if wire.key(one.get("AptNum")) == key), None)
    if row is None:  # A list is no snapshot: a page may miss a row that is there.
        row = (yield UpstreamCall("appointments.get", path={"AptNum": key or 0})).row
    warnings: tuple[Mapping[str, Any], ...] = ()
    if not input_["allow_double_booking"]:
        warnings = double_booked(_with_key(wanted, key or 0), after, context, "was being made")
    body = normalize.appointment(row, practice=context.practice, synced_at=context.accepted_at)
    return Outcome(body=body, created=True, warnings=warnings)


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
    if wanted.start.hour < 6:
        first -= timedelta(days=1)
    query = {"date": f"{first}"} if first == last else {"dateStart": f"{first}", "dateEnd": f"{last}"}
    return (yield from listed("appointments.list", query, context))


def check_place(
    wanted: chairs.Visit, input_: Mapping[str, Any], appointments: list[Any], context: PlanContext
) -> Generator[UpstreamCall, UpstreamAnswer, None]:
    """Check that the chair and the providers are free and there, unless `input_` allows that they are not.

    `appointments` are those of the day. The visit itself, by its key, is in nobody's way.

    Raises: Clash, OutsideSchedule: with up to three free alternatives.
    """
    taken = bool(chairs.clashes(wanted, chairs.visits_of(appointments)))
    if not (taken and not input_["allow_double_booking"]) and input_["allow_outside_schedule"]:
        return
    day = wanted.start.date()
    schedules = yield from listed("schedules.list", {"date": f"{day}"}, context)
    blocks = chairs.blocks_of(schedules)
    main = input_["hygienist"] if input_["is_hygiene"] else input_["provider"]
    is_default = False
    if any(block.provider == main and not block.ops for block in blocks):
        # A block without operatories counts where the provider is the operatory's own: only then ask which that is.
        operatories = yield from listed("operatories.list", {}, context)
        is_default = any(
            wire.key(row.get("OperatoryNum")) == wanted.op
            and main in {wire.key(row.get("ProvDentist")), wire.key(row.get("ProvHygienist"))}
            for row in operatories
        )
    closing: frozenset[int] = frozenset()
    if chairs.blockouts_over(schedules, wanted.op, (datetime.combine(day, datetime.min.time()), wanted.end)):
        query = {"Category": BLOCKOUT_CATEGORY, "includeHidden": True}
        definitions = yield from listed("definitions.list", query, context)
        closing = frozenset(
            wire.key(row.get("DefNum")) or 0
            for row in definitions
            if NO_APPOINTMENTS in str(row.get("ItemValue") or "").upper().split(",")
        )
    hours = chairs.working_hours(blocks, main, wanted.op, is_default=is_default)
    closed = chairs.closures_of(schedules, wanted.op, closing)
    span = (wanted.start, wanted.end)
    outside = not chairs.is_within(span, hours) or any(a < span[1] and span[0] < b for a, b in closed)
    refuse_outside = outside and not input_["allow_outside_schedule"]
    if not refuse_outside and not (taken and not input_["allow_double_booking"]):
        return
    now = context.accepted_at.astimezone(context.practice.zone()).replace(tzinfo=None)
    free = chairs.alternatives(
        wanted, chairs.visits_of(appointments), hours, closed, step=ALTERNATIVE_STEP, not_before=now
    )
    offers = [_offer(start, context) for start in free]
    if refuse_outside:
        raise OutsideSchedule(
            "the provider is not scheduled in this operatory at that time", param="local_start", alternatives=offers
        )
    raise Clash("the operatory or the provider is taken at that time", param="local_start", alternatives=offers)


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
