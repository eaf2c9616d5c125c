"""Visits: what a new one is filled with, what completing or breaking one sets off, where time is free.

Source: https://www.opendental.com/site/apiappointments.html and https://www.opendental.com/manual/aptedit.html.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any

from infra.sandbox.practice.behaviours.ground import (
    Row,
    asked,
    body_of,
    columns,
    definition,
    flag,
    living_patient,
    number,
    numbers,
    of_category,
    only,
    page,
    preference_number,
    preferred,
    row_of,
    shown,
)
from infra.sandbox.practice.behaviours.procedures import attach_codes, chart, office_fee, set_complete
from infra.sandbox.practice.behaviours.recalls import sync_recalls
from infra.sandbox.practice.enums import AptStatus, HistApptAction, ProcStatus, SchedType
from infra.sandbox.practice.handlers import Rejected, Reply, Request, handles
from infra.sandbox.practice.office import Office

LONGEST = 9 * 12
"""Nine hours in characters of five minutes; longer patterns are cut."""
TIMES = ("DateTimeArrived", "DateTimeSeated", "DateTimeDismissed")
TRIGGERS = {
    "AppointmentTimeArrivedTrigger": "DateTimeArrived",
    "AppointmentTimeSeatedTrigger": "DateTimeSeated",
    "AppointmentTimeDismissedTrigger": "DateTimeDismissed",
}
CONFIRMATIONS = {
    "Sent": "ApptEConfirmStatusSent",
    "Confirmed": "ApptEConfirmStatusAccepted",
    "Not Accepted": "ApptEConfirmStatusDeclined",
    "Failed": "ApptEConfirmStatusSendFailed",
}
OCCUPYING = (AptStatus.SCHEDULED, AptStatus.COMPLETE, AptStatus.ASAP)
NOTES = (AptStatus.PT_NOTE, AptStatus.PT_NOTE_COMPLETED)


def ends(row: Row) -> datetime:
    """When a visit is over: there is no column for it, each character of the pattern is five minutes."""
    return datetime.fromisoformat(row["AptDateTime"]) + timedelta(minutes=5 * len(row["Pattern"]))


def _history(office: Office, key: int, action: HistApptAction) -> None:
    """Keep the row as it is after a change; a deleted visit's last state."""
    row = row_of(office, "appointment", key)
    kept = only("histappointment", {name: value for name, value in row.items() if name != "HistApptNum"})
    kept |= {"HistDateTStamp": office.now(), "HistApptAction": int(action), "HistUserNum": 0}
    kept["ApptSource"] = office.code("histappointment", "ApptSource", "OpenDentalAPIService")
    office.store.insert("histappointment", kept)


def _pattern(row: Row) -> None:
    """Check and cut the patterns of `row`."""
    for name in ("Pattern", "PatternSecondary"):
        if row.get(name) and not re.fullmatch(r"[X/]+", row[name]):
            raise Rejected(400, f"{name} is invalid. Only X and / are allowed.")
    if "Pattern" in row:
        row["Pattern"] = row["Pattern"][:LONGEST]


def _times(row: Row, changes: Row, *, moved: bool = True) -> None:
    """Join times of day with the visit's date; midnight there means empty, and follows a visit that is `moved`."""
    day = row["AptDateTime"][:10]
    for name in TIMES:
        if name in changes:
            changes[name] = f"{day} {changes[name][11:]}"
        elif moved and row.get(name, "")[11:] in ("", "00:00:00"):
            changes[name] = f"{day} 00:00:00"


def _no_overlap(office: Office, row: Row) -> None:
    """Two visits in one chair at one time are normal, unless the office forbids them."""
    if preferred(office, "ApptsAllowOverlap") or row["AptStatus"] not in OCCUPYING:
        return
    start, end = datetime.fromisoformat(row["AptDateTime"]), ends(row)
    day = row["AptDateTime"][:10]
    others = office.store.find(
        "appointment",
        {"Op": row["Op"], "AptStatus": [int(status) for status in OCCUPYING]},
        sql='"AptDateTime" >= ? AND "AptDateTime" < ?',
        args=(f"{day} 00:00:00", f"{day} 24"),
    )
    for other in others:
        if other["AptNum"] == row.get("AptNum"):
            continue
        if datetime.fromisoformat(other["AptDateTime"]) < end and start < ends(other):
            raise Rejected(400, "The appointment overlaps another one in this operatory.")


def _complete_allowed(office: Office, row: Row, *, procedures: bool) -> None:
    if row["AptStatus"] != AptStatus.COMPLETE:
        return
    if row["AptDateTime"][:10] > office.today() and not preferred(office, "ApptAllowFutureComplete"):
        raise Rejected(400, "AptStatus is invalid. A future appointment cannot be complete.")
    if not procedures and office.store.preference("ApptAllowEmptyComplete", "1") == "0":
        raise Rejected(400, "AptStatus is invalid. An appointment without procedures cannot be complete.")


def _first_visit(office: Office, row: Row) -> None:
    """A new patient's visit is the first one, as long as nothing has been completed."""
    if row.get("IsNewPatient") and not _treated(office, row["PatNum"]):
        office.store.update("patient", row["PatNum"], {"DateFirstVisit": row["AptDateTime"][:10]})


def _treated(office: Office, patient: int) -> bool:
    return bool(office.store.find("procedurelog", {"PatNum": patient, "ProcStatus": int(ProcStatus.C)}))


def describe(office: Office, apt: int, column: str = "AptNum") -> None:
    """Write the short summary of the visit's procedures."""
    words = []
    for procedure in office.store.find("procedurelog", {column: apt}):
        code = row_of(office, "procedurecode", procedure["CodeNum"])
        place = f"#{procedure['ToothNum']}-" if procedure["ToothNum"] else ""
        words.append(f"{place}{code['AbbrDesc'] or code['ProcCode']}")
    office.store.update("appointment", apt, {"ProcDescript": ", ".join(words)})


def _visit_type(office: Office, given: Row) -> Row:
    """What an appointment type brings: its pattern if none was sent, its colour."""
    key = given.get("AppointmentTypeNum", 0)
    if not key:
        return {}
    kind = office.store.get("appointmenttype", key)
    if kind is None or kind["IsHidden"]:
        raise Rejected(400, "AppointmentTypeNum is invalid.")
    brought: Row = {}
    if kind["Pattern"] and "Pattern" not in given:
        brought["Pattern"] = kind["Pattern"]
    if "ColorOverride" not in given:
        brought["ColorOverride"] = kind["AppointmentTypeColor"]
    return brought


def _codes_of_type(office: Office, key: int) -> list[str]:
    kind = office.store.get("appointmenttype", key) if key else None
    return [code.strip() for code in (kind["CodeStr"] if kind else "").split(",") if code.strip()]


def _filled(office: Office, patient: Row, given: Row) -> Row:
    """A new visit with the office's defaults under what was sent."""
    operatory = office.store.get("operatory", given.get("Op", 0)) or {}
    row: Row = {
        "AptStatus": int(AptStatus.SCHEDULED),
        "Pattern": "/XX/",
        "Confirmed": definition(office, "ApptConfirmed"),
        "Note": "",
        "ProvNum": patient["PriProv"] or preference_number(office, "PracticeDefaultProv"),
        "ClinicNum": operatory.get("ClinicNum") or patient["ClinicNum"],
        "SecUserNumEntry": 0,
        **_visit_type(office, given),
        **given,
    }
    of_category(office, row["Confirmed"], "ApptConfirmed", "Confirmed")
    _pattern(row)
    row["PatternSecondary"] = row.get("PatternSecondary") or "/" * len(row["Pattern"])
    if len(row["PatternSecondary"]) != len(row["Pattern"]):
        raise Rejected(400, "PatternSecondary must be as long as Pattern.")
    return row


@handles("appointments.create")
def create_appointment(office: Office, request: Request) -> Reply:
    """Book a visit; overlaps are no reason to refuse it unless the office says so."""
    given = columns(office, request)
    patient = living_patient(office, given["PatNum"])
    row_of(office, "operatory", given["Op"])
    row = _filled(office, patient, given)
    if row["AptStatus"] in (AptStatus.BROKEN, AptStatus.PLANNED, AptStatus.ASAP):
        raise Rejected(400, "AptStatus is invalid.")
    times: Row = {name: row.pop(name) for name in TIMES if name in row}
    _times(row, times)
    row |= times
    codes = _codes_of_type(office, row.get("AppointmentTypeNum", 0))
    _complete_allowed(office, row, procedures=bool(codes))
    _no_overlap(office, row)
    if row["AptStatus"] == AptStatus.UNSCHED_LIST:
        row["Op"] = 0
    key = office.store.insert("appointment", row)
    return _booked(office, request, key, codes)


def _booked(office: Office, request: Request, key: int, codes: list[str]) -> Reply:
    row = row_of(office, "appointment", key)
    if codes:
        attach_codes(office, row, codes)
    describe(office, key)
    if row["AptStatus"] == AptStatus.COMPLETE:
        _complete(office, row)
    _stamp_confirmation(office, key, row["Confirmed"], "")
    _first_visit(office, row)
    sync_recalls(office, row["PatNum"])
    _history(office, key, HistApptAction.CREATED)
    office.log("AppointmentCreate", row["PatNum"], "Appointment created.", key)
    return shown(office, request, key)


def _complete(office: Office, row: Row) -> None:
    """Completing a visit completes its planned procedures and freezes the plans it was made under."""
    for procedure in office.store.find("procedurelog", {"AptNum": row["AptNum"], "ProcStatus": int(ProcStatus.TP)}):
        set_complete(office, procedure, row)
    places = office.store.find("patplan", {"PatNum": row["PatNum"]}, order='"Ordinal"')
    plans = [row_of(office, "inssub", place["InsSubNum"])["PlanNum"] for place in places[:2]]
    frozen = dict(zip(("InsPlan1", "InsPlan2"), [*plans, 0, 0], strict=False))
    office.store.update("appointment", row["AptNum"], frozen)


def _stamp_confirmation(office: Office, key: int, confirmed: int, before: object) -> None:
    """A trigger status stamps its time with now; going back clears nothing."""
    if confirmed == before:
        return
    for preference, column in TRIGGERS.items():
        if confirmed and preference_number(office, preference) == confirmed:
            office.store.update("appointment", key, {column: office.now()})


@handles("appointments.update")
def update_appointment(office: Office, request: Request) -> Reply:
    """Change a visit, whatever it takes: move, complete, unschedule. The vendor prefers the narrow actions."""
    row = row_of(office, "appointment", request.id())
    living_patient(office, row["PatNum"])
    given = columns(office, request)
    changes = _visit_type(office, given) | given
    if changes.get("Confirmed"):
        of_category(office, changes["Confirmed"], "ApptConfirmed", "Confirmed")
    _pattern(changes)
    if "Pattern" in changes and len(changes["Pattern"]) != len(row["Pattern"]) and "PatternSecondary" not in changes:
        changes["PatternSecondary"] = "/" * len(changes["Pattern"])
    new = row | changes
    if len(new["PatternSecondary"] or new["Pattern"]) != len(new["Pattern"]):
        raise Rejected(400, "PatternSecondary must be as long as Pattern.")
    codes = (
        _codes_of_type(office, changes.get("AppointmentTypeNum", 0))
        if changes.get("AppointmentTypeNum") != row["AppointmentTypeNum"]
        else []
    )
    _check_move(office, row, new, codes)
    _times(new, changes, moved=new["AptDateTime"] != row["AptDateTime"])
    if new["AptStatus"] in (AptStatus.UNSCHED_LIST, AptStatus.PLANNED):
        changes["Op"] = 0
    office.store.update("appointment", row["AptNum"], changes)
    if codes:
        attach_codes(office, row_of(office, "appointment", row["AptNum"]), codes)
        describe(office, row["AptNum"])
    if new["AptStatus"] == AptStatus.COMPLETE and row["AptStatus"] != AptStatus.COMPLETE:
        _complete(office, new)
    _stamp_confirmation(office, row["AptNum"], new["Confirmed"], row["Confirmed"])
    _first_visit(office, new)
    sync_recalls(office, row["PatNum"])
    _history(office, row["AptNum"], HistApptAction.CHANGED)
    moved = (new["AptDateTime"], new["Op"]) != (row["AptDateTime"], row["Op"])
    was_complete = row["AptStatus"] == AptStatus.COMPLETE
    kind = "AppointmentCompleteEdit" if was_complete else "AppointmentMove" if moved else "AppointmentEdit"
    office.log(kind, row["PatNum"], "Appointment changed.", row["AptNum"])
    return shown(office, request, row["AptNum"])


def _check_move(office: Office, row: Row, new: Row, codes: list[str]) -> None:
    before, after = row["AptStatus"], new["AptStatus"]
    attached = bool(codes or office.store.find("procedurelog", {"AptNum": row["AptNum"]}))
    if after == AptStatus.ASAP:
        raise Rejected(400, "AptStatus is invalid.")
    if before != after:
        if before == AptStatus.COMPLETE and attached and preferred(office, "ApptPreventChangesToCompleted"):
            raise Rejected(400, "AptStatus cannot be changed, the appointment is complete.")
        if AptStatus.PLANNED in (before, after):
            raise Rejected(400, "AptStatus is invalid. Planned appointments stay planned.")
        if (before in NOTES) != (after in NOTES):
            raise Rejected(400, "AptStatus is invalid. A note is no appointment.")
    if after in OCCUPYING and not new["Op"]:
        raise Rejected(400, "Op is required.")
    if before != after:
        _complete_allowed(office, new, procedures=attached)
    if any(new[name] != row[name] for name in ("AptDateTime", "Op", "Pattern", "AptStatus")):
        _no_overlap(office, new)


@handles("appointments.Note")
def add_note(office: Office, request: Request) -> Reply:
    """Put a line under the visit's note; sent twice, it stands there twice."""
    row = row_of(office, "appointment", request.id())
    text = str(body_of(request)["Note"])
    office.store.update("appointment", row["AptNum"], {"Note": f"{row['Note']}\n{text}" if row["Note"] else text})
    _history(office, row["AptNum"], HistApptAction.CHANGED)
    office.log("AppointmentEdit", row["PatNum"], "Note added.", row["AptNum"])
    return Reply(request.operation.status)


@handles("appointments.Confirm")
def confirm_appointment(office: Office, request: Request) -> Reply:
    """Set the confirmation by one of the vendor's four words, or by the office's own definition."""
    row = row_of(office, "appointment", request.id())
    body = body_of(request)
    if ("confirmVal" in body) == ("defNum" in body):
        raise Rejected(400, "Either confirmVal or defNum is required, not both.")
    if "defNum" in body:
        chosen = number(request, "defNum")
        of_category(office, chosen, "ApptConfirmed", "defNum")
    elif body["confirmVal"] == "None":
        chosen = definition(office, "ApptConfirmed")
    elif body["confirmVal"] in CONFIRMATIONS:
        chosen = preference_number(office, CONFIRMATIONS[body["confirmVal"]])
    else:
        raise Rejected(400, "confirmVal is invalid.")
    office.store.update("appointment", row["AptNum"], {"Confirmed": chosen})
    _stamp_confirmation(office, row["AptNum"], chosen, row["Confirmed"])
    _history(office, row["AptNum"], HistApptAction.CHANGED)
    office.log("ApptConfirmStatusEdit", row["PatNum"], "Confirmation changed.", row["AptNum"])
    return Reply(request.operation.status)


@handles("appointments.Break")
def break_appointment(office: Office, request: Request) -> Reply:
    """Break a scheduled visit: chart a missed or cancelled one if asked, write a commlog if the office wants it.

    Sent to the unscheduled list the visit loses its chair and the word Broken, but keeps its time.
    """
    row = row_of(office, "appointment", request.id())
    if row["AptStatus"] != AptStatus.SCHEDULED:
        raise Rejected(400, "Only scheduled appointments can be broken.")
    word = body_of(request).get("breakType")
    charted = preference_number(office, "BrokenApptProcedure")
    allowed = {"Missed": charted in (1, 3), "Cancelled": charted in (2, 3)}
    if word is not None and word not in allowed:
        raise Rejected(400, "breakType is invalid.")
    if word is not None and not allowed[word]:
        raise Rejected(400, "breakType is not enabled in this office.")
    away = flag(request, "sendToUnscheduledList")
    changes: Row = {"AptStatus": int(AptStatus.UNSCHED_LIST if away else AptStatus.BROKEN)} | (
        {"Op": 0} if away else {}
    )
    office.store.update("appointment", row["AptNum"], changes)
    if word is not None:
        _chart_broken(office, row, "D9986" if word == "Missed" else "D9987")
    if preferred(office, "BrokenApptCommLog"):
        office.store.insert(
            "commlog",
            {
                "PatNum": row["PatNum"],
                "CommDateTime": office.now(),
                "CommType": _commlog_type(office, "APPT"),
                "Note": f"{word or 'Broken'} appointment of {row['AptDateTime'][:16]}.",
            },
        )
    sync_recalls(office, row["PatNum"])
    action = {"Missed": HistApptAction.MISSED, "Cancelled": HistApptAction.CANCELLED}.get(
        str(word), HistApptAction.CHANGED
    )
    _history(office, row["AptNum"], action)
    office.log("AppointmentEdit", row["PatNum"], "Appointment broken.", row["AptNum"])
    return Reply(request.operation.status)


def _commlog_type(office: Office, usage: str) -> int:
    """The office's commlog type with a usage word; 0 where it has none."""
    found = [row["DefNum"] for row in office.definitions("CommLogTypes") if usage in row["ItemValue"].split(",")]
    return int(found[0]) if found else 0


def _chart_broken(office: Office, row: Row, code: str) -> None:
    found = office.store.find("procedurecode", {"ProcCode": code})
    if not found:
        raise Rejected(400, "breakType is not enabled in this office.")
    fee = office_fee(office, row["PatNum"], found[0]["CodeNum"], row["ProvNum"], row["ClinicNum"])
    procedure = chart(
        office,
        {
            "PatNum": row["PatNum"],
            "CodeNum": found[0]["CodeNum"],
            "ProcStatus": int(ProcStatus.C),
            "ProcDate": office.today(),
            "ProcFee": fee,
            "ProvNum": row["ProvNum"],
            "ClinicNum": row["ClinicNum"],
        },
    )
    note = f"Appointment of {row['AptDateTime'][:16]} not kept."
    office.store.insert(
        "procnote", {"PatNum": row["PatNum"], "ProcNum": procedure, "EntryDateTime": office.now(), "Note": note}
    )


@handles("appointments.Planned")
def plan_appointment(office: Office, request: Request) -> Reply:
    """Make a template visit in the chart: no chair, a date that means nothing."""
    given = columns(office, request)
    patient = living_patient(office, given["PatNum"])
    procedures = [row_of(office, "procedurelog", key) for key in numbers(request, "procNums")]
    if any(row["PatNum"] != patient["PatNum"] for row in procedures):
        raise Rejected(400, "procNums is invalid. A procedure belongs to another patient.")
    if any(row["ProcStatus"] not in (ProcStatus.TP, ProcStatus.TPI) or row["PlannedAptNum"] for row in procedures):
        raise Rejected(400, "procNums is invalid. A procedure is not planned, or is on a planned appointment already.")
    codes = _codes_of_type(office, given.get("AppointmentTypeNum", 0))
    if not procedures and not codes and preferred(office, "ApptsRequireProc"):
        raise Rejected(400, "procNums or AppointmentTypeNum is required.")
    if "Pattern" not in given and not codes:
        given["Pattern"] = _length_of(office, procedures)
    row = _filled(office, patient, given)
    others = office.store.find("appointment", {"PatNum": patient["PatNum"], "AptStatus": int(AptStatus.PLANNED)})
    row |= {
        "AptStatus": int(AptStatus.PLANNED),
        "Op": 0,
        "AptDateTime": office.now(),
        "ItemOrderPlanned": len(others) + 1,
    }
    row["ClinicNum"] = given.get("ClinicNum", patient["ClinicNum"])
    _times(row, row)
    key = office.store.insert("appointment", row)
    for procedure in procedures:
        office.store.update("procedurelog", procedure["ProcNum"], {"PlannedAptNum": key})
    if codes:
        attach_codes(office, row_of(office, "appointment", key), codes, column="PlannedAptNum")
    describe(office, key, "PlannedAptNum")
    _history(office, key, HistApptAction.CREATED)
    office.log("AppointmentCreate", patient["PatNum"], "Planned appointment created.", key)
    return shown(office, request, key)


def _length_of(office: Office, procedures: list[Row]) -> str:
    """The pattern of several procedures: provider time adds up, assistant time at the ends is the longest one.

    Codes count in the practice's increment, appointments in five minutes.
    """
    step = max(1, (preference_number(office, "AppointmentTimeIncrement") or 5) // 5)
    lead = middle = trail = 0
    for procedure in procedures:
        pattern = row_of(office, "procedurecode", procedure["CodeNum"])["ProcTime"]
        core = pattern.strip("/")
        if not core:
            lead = max(lead, len(pattern))
            continue
        lead = max(lead, len(pattern) - len(pattern.lstrip("/")))
        trail = max(trail, len(pattern) - len(pattern.rstrip("/")))
        middle += len(core)
    if not lead + middle + trail:
        minutes = preference_number(office, "AppointmentWithoutProcsDefaultLength") or 20
        return "/" + "X" * max(1, minutes // 5 - 2) + "/"
    return ("/" * lead + "X" * middle + "/" * trail).replace("/", "/" * step).replace("X", "X" * step)


@handles("appointments.SchedulePlanned")
def schedule_planned(office: Office, request: Request) -> Reply:
    """Book a copy of a planned visit. The copy points back to it by NextAptNum; the two go their own ways."""
    given = columns(office, request)
    planned = row_of(office, "appointment", number(request, "AptNum"))
    if planned["AptStatus"] != AptStatus.PLANNED:
        raise Rejected(400, "AptNum is invalid. The appointment is not planned.")
    living_patient(office, planned["PatNum"])
    operatory = row_of(office, "operatory", given["Op"])
    dropped = ("AptNum", "DateTStamp", "SecDateTEntry", "ItemOrderPlanned")
    row = {name: value for name, value in planned.items() if name not in dropped}
    row |= {name: given[name] for name in ("AptDateTime", "ProvNum", "Op", "Confirmed", "Note") if name in given}
    row |= {"AptStatus": int(AptStatus.SCHEDULED), "NextAptNum": planned["AptNum"]}
    row["ClinicNum"] = operatory["ClinicNum"] or planned["ClinicNum"]
    row["Confirmed"] = row["Confirmed"] or definition(office, "ApptConfirmed")
    for name in TIMES:
        row[name] = f"{row['AptDateTime'][:10]} 00:00:00"
    _no_overlap(office, row)
    key = office.store.insert("appointment", row)
    for procedure in office.store.find("procedurelog", {"PlannedAptNum": planned["AptNum"], "AptNum": 0}):
        office.store.update("procedurelog", procedure["ProcNum"], {"AptNum": key})
    return _booked(office, request, key, [])


@handles("appointments.WebSchedCreate")
def book_online(office: Office, request: Request) -> Reply:
    """Book an offered time as a patient would on line: the server fills in status, note and newness."""
    _subscribed(office)
    body = body_of(request)
    patient = living_patient(office, number(request, "PatNum"))
    reason = row_of(office, "definition", number(request, "defNumApptType"))
    operatory = row_of(office, "operatory", number(request, "OpNum"))
    start, stop = (datetime.fromisoformat(str(body[name])) for name in ("dateTimeStart", "dateTimeEnd"))
    length = int((stop - start).total_seconds() // 300)
    if not 0 < length <= LONGEST:
        raise Rejected(400, "dateTimeEnd is invalid.")
    treated = _treated(office, patient["PatNum"])
    row = {
        "PatNum": patient["PatNum"],
        "AptStatus": int(AptStatus.SCHEDULED),
        "Pattern": "X" * length,
        "PatternSecondary": "/" * length,
        "Confirmed": preference_number(office, "WebSchedNewPatConfirmStatus") or definition(office, "ApptConfirmed"),
        "Op": operatory["OperatoryNum"],
        "ProvNum": row_of(office, "provider", number(request, "ProvNum"))["ProvNum"],
        "ClinicNum": operatory["ClinicNum"] or patient["ClinicNum"],
        "AptDateTime": str(start),
        "IsNewPatient": int(not treated),
        "Note": f"Booked on line: {reason['ItemName']}",
        "eServiceLogType": 3 if treated else 2,
    }
    if not any(
        begin <= start and stop <= end and chair == row["Op"]
        for begin, end, chair in _day_slots(office, start.date(), row["ProvNum"], row["Op"])
    ):
        raise Rejected(400, "The time is not free.")
    _times(row, row)
    return _booked(office, request, office.store.insert("appointment", row), [])


def _subscribed(office: Office) -> None:
    """WebSched is a paid service; a preference stands for the subscription, on unless it is "0"."""
    if office.store.preference("WebSchedService", "1") == "0":
        raise Rejected(400, "The office is not subscribed to WebSched.")


# Free time


@handles("appointments.SlotsWebSched")
def find_online_slots(office: Office, request: Request) -> Reply:
    """Times offered on line: in chairs set up for it, as long as one visit each.

    Which appointment type a reason stands for lies in a table of links that no resource shows; every reason takes half
    an hour here.
    """
    _subscribed(office)
    first, last = _days(office, request.query)
    new = request.query.get("isNewPatient", "false").lower() == "true"
    reason = asked(request, "defNumApptType")
    if reason:
        of_category(office, reason, "WebSchedNewPatApptTypes" if new else "WebSchedExistingApptTypes", "defNumApptType")
    chairs = {row["OperatoryNum"]: row for row in office.store.find("operatory", {"IsHidden": 0, "IsWebSched": 1})}
    length = timedelta(minutes=30)
    rows = []
    for provider in office.store.find("provider", {"IsHidden": 0}):
        day = first
        while day <= last:
            for start, stop, chair in _day_slots(office, day, provider["ProvNum"], 0):
                at = start
                elsewhere = asked(request, "ClinicNum") not in (0, chairs.get(chair, {}).get("ClinicNum"))
                while chair in chairs and not elsewhere and at + length <= stop:
                    times = {"DateTimeStart": str(at), "DateTimeEnd": str(at + length)}
                    rows.append(times | {"ProvNum": provider["ProvNum"], "OpNum": chair})
                    at += length
            day += timedelta(days=1)
    return page(request, sorted(rows, key=lambda row: (row["DateTimeStart"], row["OpNum"], row["ProvNum"])))


@handles("appointments.Slots")
def find_slots(office: Office, request: Request) -> Reply:
    """Open stretches of a provider's hours, by chair: whole ones, of any length, from the next start on the
    office's grid."""
    query = request.query
    first, last = _days(office, query)
    provider = asked(request, "ProvNum") or preference_number(office, "PracticeDefaultProv")
    wanted, shortest = asked(request, "OpNum"), timedelta(minutes=min(asked(request, "lengthMinutes"), 1440))
    slots: list[tuple[datetime, datetime, int]] = []
    day = first
    while day <= last:
        slots += [slot for slot in _day_slots(office, day, provider, wanted) if slot[1] - slot[0] >= shortest]
        day += timedelta(days=1)
    shown_ = [
        {
            "DateTimeStart": f"{start:%Y-%m-%d %H:%M:%S}",
            "DateTimeEnd": f"{end:%Y-%m-%d %H:%M:%S}",
            "ProvNum": provider,
            "OpNum": op,
        }
        for start, end, op in slots
    ]
    offset, limit = asked(request, "Offset"), min(asked(request, "Limit") or 100, 100)
    return Reply(200, shown_[offset : offset + limit])


def _days(office: Office, query: Any) -> tuple[date, date]:
    today = date.fromisoformat(office.today())
    try:
        if query.get("date"):
            first = last = date.fromisoformat(query["date"])
        else:
            first = date.fromisoformat(query.get("dateStart") or office.today())
            last = date.fromisoformat(query["dateEnd"]) if query.get("dateEnd") else first + timedelta(days=14)
    except ValueError:
        raise Rejected(400, "Date format must be yyyy-MM-dd.") from None
    if last < today:
        raise Rejected(400, "Dates in the past have no slots.")
    # Nobody works on days without a schedule: a search to the end of time ends with the last one that is entered.
    entered = office.store.rows("SELECT MAX(SchedDate) AS day FROM schedule")[0]["day"]
    return max(first, today), min(last, date.fromisoformat(str(entered)[:10]) if entered else today)


def _day_slots(office: Office, day: date, provider: int, wanted: int) -> list[tuple[datetime, datetime, int]]:
    store = office.store
    blocks = store.find(
        "schedule",
        {"SchedDate": day.isoformat(), "SchedType": int(SchedType.PROVIDER), "ProvNum": provider},
        order='"StartTime"',
    )
    if not blocks:
        return []
    midnight = datetime.combine(day, time())
    visits = store.find(
        "appointment",
        {"AptStatus": [int(status) for status in OCCUPYING]},
        sql='"AptDateTime" >= ? AND "AptDateTime" < ?',
        args=(f"{day} 00:00:00", f"{day} 24"),
    )
    # Visits start on the office's grid.
    step = timedelta(minutes=preference_number(office, "AppointmentTimeIncrement") or 5)
    now = midnight + -(-(datetime.fromisoformat(office.now()) - midnight) // step) * step
    found = []
    for block in blocks:
        start = max(midnight + _clock(block["StartTime"]), now)
        stop = midnight + _clock(block["StopTime"])
        for chair in _chairs(office, block, provider):
            if wanted and chair != wanted:
                continue
            busy = [
                (datetime.fromisoformat(visit["AptDateTime"]), ends(visit))
                for visit in visits
                if visit["Op"] == chair or provider in (visit["ProvNum"], visit["ProvHyg"])
            ] + _closed(office, day, chair)
            found += [(begin, end, chair) for begin, end in _gaps(start, stop, busy)]
    return found


def _chairs(office: Office, block: Row, provider: int) -> list[int]:
    """The chairs a block names; a block without one holds wherever the provider is the default."""
    named = [row["OperatoryNum"] for row in office.store.find("scheduleop", {"ScheduleNum": block["ScheduleNum"]})]
    if named:
        return named
    defaults = office.store.find(
        "operatory", {"IsHidden": 0}, sql='"ProvDentist" = ? OR "ProvHygienist" = ?', args=(provider, provider)
    )
    # A hygienist's chair also names its dentist, who does not sit there all day.
    own = [row for row in defaults if row["ProvHygienist"] == provider or not row["IsHygiene"]]
    return [row["OperatoryNum"] for row in own]


def _closed(office: Office, day: date, chair: int) -> list[tuple[datetime, datetime]]:
    """Blockouts marked NS (no schedule) of a chair; the plain search behaviour does not look at them."""
    if office.store.preference("AppointmentSearchBehavior", "0") == "0":
        return []
    midnight = datetime.combine(day, time())
    closed = []
    for block in office.store.find("schedule", {"SchedDate": day.isoformat(), "SchedType": int(SchedType.BLOCKOUT)}):
        kind = office.store.get("definition", block["BlockoutType"]) or {"ItemValue": ""}
        where = {"ScheduleNum": block["ScheduleNum"], "OperatoryNum": chair}
        if "NS" in kind["ItemValue"].split(",") and office.store.find("scheduleop", where):
            closed.append((midnight + _clock(block["StartTime"]), midnight + _clock(block["StopTime"])))
    return closed


def _gaps(start: datetime, stop: datetime, busy: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    gaps = []
    for begin, end in sorted(busy):
        if begin > start:
            gaps.append((start, min(begin, stop)))
        start = max(start, end)
        if start >= stop:
            break
    if start < stop:
        gaps.append((start, stop))
    return [(begin, end) for begin, end in gaps if begin < end]


def _clock(text: str) -> timedelta:
    hours, minutes, seconds = (int(part) for part in text.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
