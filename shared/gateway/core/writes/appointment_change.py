"""Changing an appointment: look at it, check what it would become, change only what is named, look again. One turn.

Up to two writes: the visit itself (`appointments.update`), then its confirmation, which also says whether somebody has
come, or its breaking. Everything that can be refused is refused before the first.
Sources: https://www.opendental.com/site/apiappointments.html, https://www.opendental.com/manual/confirmationsetup.html,
https://www.opendental.com/manual/apptbreak.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from gateway.core import chairs, fetches, normalize
from gateway.core.errors import Conflict, Invalid, VersionTooOld
from gateway.core.fetches import Steps, knows
from gateway.core.plans import HELD_TIMES, Evidence, Outcome, Plan, PlanContext, Row, UpstreamCall
from gateway.core.slots.holds import held, visits_from
from gateway.core.walltime import to_wall
from gateway.core.writes.appointment import check_place, day_around, double_booked, said
from gateway.core.writes.common import blames, day_of
from gateway.core.writes.words import definitions, number_preference, require_definition
from open_dental import wire

CONFIRMATIONS: Final = 2
"""The category of definitions that confirmation statuses are."""

CONFIRM_PREFERENCE: Final = {
    "sent": "ApptEConfirmStatusSent",
    "confirmed": "ApptEConfirmStatusAccepted",
    "declined": "ApptEConfirmStatusDeclined",
    "failed": "ApptEConfirmStatusSendFailed",
}
"""Preferences that hold the definition which an office uses for each."""

PRESENCE: Final = {
    "arrived": ("AppointmentTimeArrivedTrigger", "DateTimeArrived"),
    "in_chair": ("AppointmentTimeSeatedTrigger", "DateTimeSeated"),
    "dismissed": ("AppointmentTimeDismissedTrigger", "DateTimeDismissed"),
}
"""The preference whose confirmation status stamps a time, and the column of that time."""

BREAK_TYPE: Final = {"no_show": "Missed", "cancelled": "Cancelled"}
_CHARTED: Final = {"no_show": (1, 3), "cancelled": (2, 3)}
"""Values of BrokenApptProcedure under which a broken visit may be charted so."""

_NOTES: Final = frozenset({"PtNote", "PtNoteCompleted"})
_ON_SCHEDULE: Final = frozenset({"Scheduled", "ASAP"})
_PLACE: Final = frozenset({"AptDateTime", "Op", "ProvNum", "ProvHyg", "IsHygiene", "Pattern"})
_KEYS: Final = frozenset({"Op", "ProvNum", "ProvHyg", "AppointmentTypeNum"})
_FLAGS: Final = frozenset({"IsHygiene", "IsNewPatient"})
_MIDNIGHT: Final = "00:00:00"

_FIELDS: Final = {
    "Op": "operatory_id",
    "ProvNum": "provider_id",
    "ProvHyg": "hygienist_id",
    "AptDateTime": "local_start",
    "Pattern": "pattern",
    "Note": "note",
    "IsHygiene": "is_hygiene",
    "IsNewPatient": "is_new_patient",
    "Priority": "is_asap",
    "AppointmentTypeNum": "appointment_type_id",
    "AptStatus": "status",
    "Confirmed": "confirmation",
    "defNum": "confirmation",
    "DateTimeArrived": "status",
    "DateTimeSeated": "status",
    "DateTimeDismissed": "status",
    "confirmVal": "confirmation",
    "breakType": "status",
}


@blames(**_FIELDS)
def update(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plan of `PATCH /appointments/{id}`.

    `input_`: `appointment` (key), `put` (columns as Open Dental spells them), `status`, `to_unscheduled_list`,
    `confirmation` (our word) or `confirmed` (DefNum, 0 for none), `allow_double_booking`, `allow_outside_schedule`,
    `allow_past`; where it was sent `allow_other_day`.

    Raises:
        NotFound: no such visit, or no such confirmation status.
        Conflict: what the visit is does not allow it; `reason` says what it is.
        Clash, OutsideSchedule: with up to three free alternatives.
        VersionTooOld: no confirmation status stamps the time, and the office cannot be told the time itself, or that
            there is none.
    """
    number = input_["appointment"]
    row = (yield UpstreamCall("appointments.get", path={"AptNum": number})).row
    changes = {name: value for name, value in input_["put"].items() if not _same(row, name, value)}
    _check_standing(row, changes, input_)
    _check_day(row, input_, context)
    changes |= _nobody_came(row, input_, context)
    if _becomes(row, input_) != row.get("AptStatus"):
        changes["AptStatus"] = _becomes(row, input_)
    _keep_length(row, changes, context)
    _check_not_over(changes, input_, context)
    wanted = _wanted(row, changes)
    if changes.keys().isdisjoint({*_PLACE, "AptStatus"}) or (wanted and _gives_way(row, changes, wanted)):
        # It takes no time that it did not have.
        wanted = None
    if wanted is not None:
        before = yield from day_around(wanted, context)
        yield from check_place(wanted, {**input_, **_people(row, changes)}, before, context)
    confirm = yield from _confirmation(row, input_, context, is_alone=not changes)
    broken = yield from _breaking(input_, context)
    stamp = yield from _presence(row, input_, context)
    if confirm is None and any(changes.get(column) == _MIDNIGHT for _, column in PRESENCE.values()):
        changes |= yield from _not_here(row, context)

    if wanted is not None and not input_["allow_double_booking"]:
        yield from _check_holds(wanted)
    if changes:
        yield UpstreamCall("appointments.update", path={"AptNum": number}, body=changes, step="change")
    if confirm is not None:
        yield UpstreamCall("appointments.Confirm", path={"AptNum": number}, body=confirm, step="confirm")
    if broken is not None:
        yield _break(row, broken, context)
    if stamp is not None:
        yield from _stamp(number, stamp, context)

    warnings: tuple[Mapping[str, Any], ...] = ()
    if wanted is not None and not input_["allow_double_booking"]:
        warnings = double_booked(wanted, (yield from day_around(wanted, context)), context, "was being moved")
    body = yield from read_back(number, context)
    if input_["status"] == "scheduled" and body["status"] != "scheduled":
        raise Conflict(
            "Open Dental still has it that the patient came; the times can be cleared in the office",
            param="status",
            reason=body["status"],
        )
    return Outcome(body=body, warnings=warnings)


def read_back(number: int, context: PlanContext) -> Steps[dict[str, Any]]:
    """The visit as `GET /appointments/{id}` shows it, by the same calls."""
    rows = (yield from fetches.appointment({"key": number}, context)).rows or {}
    return normalize.appointment(
        rows["appointments"][0],
        practice=context.practice,
        synced_at=context.accepted_at,
        procedures=rows.get("procedurelogs", []),
        history=rows.get("histappointments"),
        **(yield from said()),
    )


def _check_holds(wanted: chairs.Visit) -> Steps[None]:
    """Look once more at what other callers keep: the office was asked a few things since. Raises: Clash."""
    span = {"first": f"{wanted.start.date()}", "last": f"{wanted.end.date()}", "but": None}
    kept = (yield UpstreamCall(HELD_TIMES, query=span)).rows
    if chairs.clashes(wanted, visits_from(kept)):
        raise held()


def _same(row: Row, name: str, value: Any) -> bool:
    """Whether the row says so already: what stands is not written again, so nothing follows from it twice."""
    if name in _KEYS:
        return bool((wire.key(row.get(name)) or 0) == value)
    if name in _FLAGS:
        return wire.flag(row.get(name)) is value
    if name == "AptDateTime":
        return wire.moment(row.get(name)) == datetime.fromisoformat(value)
    return str(row.get(name) or "") == str(value)


def _check_standing(row: Row, changes: Mapping[str, Any], input_: Mapping[str, Any]) -> None:
    """Refuse what cannot be done to a visit that stands like this one.

    Raises: Conflict, Invalid.
    """
    stands, status = str(row.get("AptStatus") or ""), input_["status"]
    says = input_["confirmation"] is not None or input_["confirmed"]
    if stands in _NOTES and (status is not None or says or "Priority" in changes):
        raise Conflict("a note in the schedule is no visit", param="status", reason="note")
    for words, may, detail in _MAY_BECOME:
        if status in words and stands not in may:
            raise Conflict(detail, param="status", reason=_word(row))
    if status == "scheduled" and stands == "UnschedList":
        for column in ("AptDateTime", "Op"):
            if column not in input_["put"]:
                param = _FIELDS[column]
                raise Invalid(f"an unscheduled visit needs {param} to be scheduled", param=param)
    _check_moves(
        row,
        changes,
        stands,
        is_scheduled_by_it=status == "scheduled",
        is_other_day=bool(input_.get("allow_other_day")),
    )


_MAY_BECOME: Final = (
    ({*BREAK_TYPE, "broken"}, {"Scheduled"}, "only a scheduled visit can be broken"),
    (set(PRESENCE), _ON_SCHEDULE, "nobody can come to a visit that is not scheduled"),
    ({"unscheduled"}, {*_ON_SCHEDULE, "Broken", "UnschedList"}, "only a scheduled or broken visit can be unscheduled"),
    ({"scheduled"}, {*_ON_SCHEDULE, "Broken", "UnschedList"}, "this visit cannot be scheduled"),
)


def _changes_day(row: Row, changes: Mapping[str, Any]) -> bool:
    return "AptDateTime" in changes and str(changes["AptDateTime"])[:10] != str(row.get("AptDateTime") or "")[:10]


def _check_moves(
    row: Row, changes: Mapping[str, Any], stands: str, *, is_scheduled_by_it: bool, is_other_day: bool
) -> None:
    moves = sorted(changes.keys() & {*_PLACE, "AppointmentTypeNum"})
    if moves and stands == "Complete":
        raise Conflict("a completed visit stays as it was", param=_FIELDS[moves[0]], reason="completed")
    if stands in {"Broken", "UnschedList", "Planned"} and not is_scheduled_by_it:
        for column in ("AptDateTime", "Op"):
            if column in changes:
                raise Conflict(
                    "this visit is not on the schedule; with status scheduled it can be put there",
                    param=_FIELDS[column],
                    reason=_word(row),
                )
    came = any(_is_stamped(row, column) for _, column in PRESENCE.values())
    if came and _changes_day(row, changes) and not is_scheduled_by_it and not is_other_day:
        raise Conflict(
            "the patient has come already: with status scheduled that is taken back",
            param="local_start",
            reason="arrived",
        )
    people = _people(row, changes)
    if people["is_hygiene"] and not people["hygienist"] and "IsHygiene" in changes:
        raise Invalid("is_hygiene needs a hygienist", param="hygienist_id")


def _check_not_over(changes: Mapping[str, Any], input_: Mapping[str, Any], context: PlanContext) -> None:
    """Move nothing by mistake to a day that is over. Raises: Invalid."""
    if "AptDateTime" not in changes or input_["allow_past"]:
        return
    if datetime.fromisoformat(changes["AptDateTime"]).date() < day_of(None, context):
        raise Invalid("this day is over: send allow_past to enter a visit late", param="local_start")


def _word(row: Row) -> str:
    return normalize.appointments.STATUS[row.get("AptStatus")] or "other"


def _becomes(row: Row, input_: Mapping[str, Any]) -> str:
    if input_["status"] == "unscheduled":
        return "UnschedList"
    stands = str(row.get("AptStatus") or "")
    return "Scheduled" if input_["status"] == "scheduled" and stands not in _ON_SCHEDULE else stands


def _keep_length(row: Row, changes: dict[str, Any], context: PlanContext) -> None:
    """Have the length change only where it is named, and the second provider's time with it."""
    pattern, second = str(row.get("Pattern") or ""), str(row.get("PatternSecondary") or "")
    if changes.get("AppointmentTypeNum") and "Pattern" not in changes and pattern:
        # A type brings its own length, unless one is sent.
        changes["Pattern"] = pattern
    new = changes.get("Pattern", pattern)
    can_say = knows(context.practice, "appointments.update", "PatternSecondary")
    if len(new) != len(pattern) and "X" in second and can_say:
        changes["PatternSecondary"] = second[: len(new)].ljust(len(new), "/")


def _people(row: Row, changes: Mapping[str, Any]) -> dict[str, Any]:
    new = {**row, **changes}
    return {
        "provider": wire.key(new.get("ProvNum")) or 0,
        "hygienist": wire.key(new.get("ProvHyg")) or 0,
        "is_hygiene": bool(wire.flag(new.get("IsHygiene"))),
        "type": wire.key(new.get("AppointmentTypeNum")) or 0,
    }


def _wanted(row: Row, changes: Mapping[str, Any]) -> chairs.Visit | None:
    """What the visit will take; None where it takes no chair."""
    return chairs.visit_of({**row, **changes})


def _gives_way(row: Row, changes: Mapping[str, Any], wanted: chairs.Visit) -> bool:
    """Whether the visit only takes less than it took: whatever stands beside it stood there before."""
    was = chairs.visit_of(row)
    return (
        was is not None
        and "IsHygiene" not in changes
        and was.op == wanted.op
        and was.start <= wanted.start
        and wanted.end <= was.end
        and all(
            any(start <= mine[0] and mine[1] <= end for start, end in was.provider_spans.get(who, ()))
            for who, spans in wanted.provider_spans.items()
            for mine in spans
        )
    )


# Confirmation


def _confirmation(
    row: Row, input_: Mapping[str, Any], context: PlanContext, *, is_alone: bool
) -> Steps[dict[str, Any] | None]:
    """The body of the confirmation; None where there is nothing to say."""
    chosen, word = input_["confirmed"], input_["confirmation"]
    if word == "unconfirmed":
        return {"confirmVal": "None"}
    if word is not None:
        chosen = yield from number_preference(CONFIRM_PREFERENCE[word], context)
        if not chosen:
            raise Conflict("the office has no confirmation status for this", param="confirmation", reason="not-set-up")
    elif chosen and not is_alone:
        # Alone it is Open Dental that refuses it; behind another step that would be too late.
        yield from require_definition(chosen, CONFIRMATIONS, context, param="confirmation")
    if not chosen or chosen == wire.key(row.get("Confirmed")):
        return None
    return {"defNum": chosen}


# Presence


def _presence(row: Row, input_: Mapping[str, Any], context: PlanContext) -> Steps[tuple[str, int, str] | None]:
    """How to say that somebody came, sat or left: the column, the status that stamps it (0: none), the time."""
    if input_["status"] not in PRESENCE:
        return None
    preference, column = PRESENCE[input_["status"]]
    trigger = yield from number_preference(preference, context)
    if _is_stamped(row, column) and trigger in {0, wire.key(row.get("Confirmed"))}:
        return None
    if trigger == wire.key(row.get("Confirmed")):
        trigger = 0
    if not trigger and not knows(context.practice, "appointments.update", column):
        raise VersionTooOld(
            "no confirmation status of the office stamps this time, and its Open Dental is too old to be told it",
            version="25.2.10",
            param="status",
        )
    zone = context.practice.zone(wire.key(row.get("ClinicNum")) or 0)
    return column, trigger, f"{to_wall(context.accepted_at, zone):%H:%M:%S}"


def _stamp(number: int, stamp: tuple[str, int, str], context: PlanContext) -> Steps[None]:
    """Set the status that stamps the time; where none does, or it did not, the time itself."""
    column, trigger, clock = stamp
    if trigger:
        yield UpstreamCall("appointments.Confirm", path={"AptNum": number}, body={"defNum": trigger}, step="confirm")
        row = (yield UpstreamCall("appointments.get", path={"AptNum": number})).row
        if _is_stamped(row, column) or not knows(context.practice, "appointments.update", column):
            return
    yield UpstreamCall("appointments.update", path={"AptNum": number}, body={column: clock}, step="stamp")


def _check_day(row: Row, input_: Mapping[str, Any], context: PlanContext) -> None:
    """Nobody comes to a visit of another day: mostly it is the wrong visit. Raises: Conflict."""
    starts = wire.moment(row.get("AptDateTime"))
    if input_["status"] not in PRESENCE or input_.get("allow_other_day") or starts is None:
        return
    today = to_wall(context.accepted_at, context.practice.zone(wire.key(row.get("ClinicNum")) or 0)).date()
    if starts.date() != today:
        raise Conflict(
            "this visit is not today: send allow_other_day if the patient came all the same",
            param="status",
            reason="other-day",
        )


def _nobody_came(row: Row, input_: Mapping[str, Any], context: PlanContext) -> dict[str, str]:
    """What takes back that somebody came, sat and left, where a visit is to be scheduled and nothing more.

    Raises: VersionTooOld: the office cannot be told these times.
    """
    if input_["status"] != "scheduled":
        return {}
    stamped = [column for _, column in PRESENCE.values() if _is_stamped(row, column)]
    for column in stamped:
        if not knows(context.practice, "appointments.update", column):
            raise VersionTooOld(
                "the patient has come already, and the office's Open Dental is too old to have that taken back here",
                version="25.2.10",
                param="status",
            )
    return dict.fromkeys(stamped, _MIDNIGHT)


def _not_here(row: Row, context: PlanContext) -> Steps[dict[str, Any]]:
    """The office's first confirmation status, that of new visits, in place of one that says that somebody is here.

    What it was before is not kept.
    """
    confirmed = wire.key(row.get("Confirmed"))
    for preference, _ in PRESENCE.values():
        trigger = yield from number_preference(preference, context)
        if trigger and trigger == confirmed:
            rows = yield from definitions(CONFIRMATIONS, context)
            shown = [one for one in rows if not wire.flag(one.get("isHidden"))]
            first = min(shown, key=lambda one: wire.key(one.get("ItemOrder")) or 0, default={})
            return {"Confirmed": first["DefNum"]} if first else {}
    return {}


def _is_stamped(row: Row, column: str) -> bool:
    """Midnight sharp, of whatever day, means: not yet."""
    value = str(row.get(column) or "")
    return len(value) > 10 and value[11:] != _MIDNIGHT


# Breaking


def _breaking(input_: Mapping[str, Any], context: PlanContext) -> Steps[dict[str, Any] | None]:
    """The body that breaks the visit; None where it is not to be broken."""
    status = input_["status"]
    if status not in {"broken", "no_show", "cancelled"}:
        return None
    body: dict[str, Any] = {"sendToUnscheduledList": input_["to_unscheduled_list"]}
    if status in BREAK_TYPE:
        charts = yield from number_preference("BrokenApptProcedure", context)
        if charts not in _CHARTED[status]:
            raise Conflict(
                "the office does not chart visits that were not kept this way; broken is what it has",
                param="status",
                reason="not-set-up",
            )
        body["breakType"] = BREAK_TYPE[status]
    return body


def _break(row: Row, body: Mapping[str, Any], context: PlanContext) -> UpstreamCall:  # noqa: ARG001
    number, patient = wire.key(row.get("AptNum")) or 0, wire.key(row.get("PatNum")) or 0
    stands = "UnschedList" if body["sendToUnscheduledList"] else "Broken"
    return UpstreamCall(
        "appointments.Break",
        path={"AptNum": number},
        body=body,
        step="break",
        evidence=Evidence(
            look=UpstreamCall("appointments.list", query={"PatNum": patient}),
            # It adds no row of its own: it was scheduled a moment ago, so if it is broken now, this broke it.
            key_field="AptNum",
            natural={"AptNum": number, "AptStatus": stands},
            known_keys=frozenset(),
            # The visit's note may hold the reference of the operation that made it.
            reference_field="AptStatus",
        ),
    )
