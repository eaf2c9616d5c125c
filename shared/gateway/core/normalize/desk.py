"""Rows of what the front desk keeps -> Communication, Recall, Task, TaskList.

Sources of the columns: https://www.opendental.com/site/apicommlogs.html, apirecalls.html, apirecalltypes.html,
apitasks.html, apitasknotes.html and apitasklists.html there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from gateway.core.normalize.office import Office, office, row_object
from gateway.core.normalize.values import Words, amount, day, flag, key, money, text, whole
from gateway.core.office_words import OfficeWords
from gateway.core.practices import Practice

MODE: Final = Words(
    {
        "None": None,
        "Email": "email",
        "Mail": "mail",
        "Phone": "phone",
        "In Person": "in_person",
        "InPerson": "in_person",
        "Text": "text",
        "Email and Text": "email_and_text",
        "EmailAndText": "email_and_text",
        "Phone and Text": "phone_and_text",
        "PhoneAndText": "phone_and_text",
        "Fax": "fax",
    }
)
"""Spelled with spaces where it is sent and without in the schema; which one answers have is nowhere shown."""

DIRECTION: Final = Words({"Neither": None, "Sent": "sent", "Received": "received"})
ORIGIN: Final = Words(
    {
        "User": "user",
        "WebSched": "web_sched",
        "ProgramLink": "program_link",
        "ApptReminder": "appointment_reminder",
        "EServices": "eservices",
        "SupplementalBackup": "supplemental_backup",
        "ApptThankYou": "appointment_thank_you",
        "FHIR": "api",
        "NewPatThankYou": "new_patient_thank_you",
        "MsgToPay": "message_to_pay",
        "MassEmail": "mass_email",
    }
)
COMMUNICATIONS: Final = {"Mode_": MODE, "SentOrReceived": DIRECTION, "CommSource": ORIGIN}

PRIORITY: Final = Words({"Normal": "normal", "ASAP": "asap"})
RECALLS: Final = {"Priority": PRIORITY}

TASK_STATUS: Final = Words({"New": "new", "Viewed": "viewed", "Done": "done"})
REPEATS: Final = Words({"None": None, "Day": "daily", "Week": "weekly", "Month": "monthly"})
ABOUT: Final = Words({"None": None, "Patient": "patient", "Appointment": "appointment"})
TASKS: Final = {"TaskStatus": TASK_STATUS, "DateType": REPEATS, "ObjectType": ABOUT}

LIST_STATUS: Final = Words({"Active": "active", "Archived": "archived"})
TASK_LISTS: Final = {"TaskListStatus": LIST_STATUS, "DateType": REPEATS, "ObjectType": ABOUT}
"""Columns whose words are watched for drift."""

_INTERVAL: Final = re.compile(r"(?=\d)(?:(\d+)y)?(?:(\d+)m)?(?:(\d+)w)?(?:(\d+)d)?", re.IGNORECASE)
_PARTS: Final = ("years", "months", "weeks", "days")


def communication(
    row: Mapping[str, Any], *, practice: Practice, synced_at: datetime, raw: bool = False
) -> dict[str, Any]:
    """The communication of a row of `commlogs.list` or `.get`."""
    here, get = office(practice), row.get
    patient, kind, user = key(get("PatNum")), key(get("CommType")), key(get("UserNum"))
    return row_object(
        here, row, kind="communication", table="commlog", column="CommlogNum", synced_at=synced_at, raw=raw
    ) | {
        "patient_id": here.patient(patient) if patient else None,
        **moment(here, get("CommDateTime"), "at"),
        "type": {"id": here.definition(kind), "label": text(get("commType"))} if kind else None,
        "mode": MODE[get("Mode_")],
        "direction": DIRECTION[get("SentOrReceived")],
        "note": text(get("Note")),
        "origin": ORIGIN[get("CommSource")],
        "user_key": str(user) if user else None,
        "entered_at": here.clock.instant(get("DateTEntry")),
        "updated_at": here.clock.instant(get("DateTStamp")),
    }


def recall(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    raw: bool = False,
    types: Mapping[int, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The recall of a row of `recalls.list`. `types` (RecallTypeNum -> row of `recalltypes.list`) names its type."""
    here, get = office(practice), row.get
    patient, kind, status = key(get("PatNum")), key(get("RecallTypeNum")), key(get("RecallStatus"))
    label = text((types or {}).get(kind, {}).get("Description"))
    # 0 is no limit: the recall does not depend on a balance.
    below = money(get("DisableUntilBalance")) if amount(get("DisableUntilBalance")) != "0.00" else None
    return row_object(here, row, kind="recall", table="recall", column="RecallNum", synced_at=synced_at, raw=raw) | {
        "patient_id": here.patient(patient) if patient else None,
        "type": {"id": here.recall_type(kind), "label": label} if kind else None,
        "due_on": day(get("DateDue")),
        "scheduled_on": day(get("DateScheduled")),
        "previous_on": day(get("DatePrevious")),
        "interval": interval(get("RecallInterval")),
        "status": {"id": here.definition(status), "label": text(get("recallStatus"))} if status else None,
        "priority": PRIORITY[get("Priority")],
        "is_disabled": bool(flag(get("IsDisabled"))),
        "disabled_until": day(get("DisableUntilDate")),
        "disabled_until_balance_below": below,
        "note": text(get("Note")),
        "updated_at": here.clock.instant(get("DateTStamp")),
    }


def interval(value: object) -> dict[str, int] | None:
    """A recall's interval: "1y6m" in answers, four bytes of one number in the database; None for nothing, or neither.

    Source: https://www.opendental.com/site/apirecalls.html; the packing is that of the program's own source.
    """
    written = text(value)
    if written is None:
        return None
    if written.isdigit():
        packed = whole(written) or 0
        parts = [packed >> 24, packed >> 16 & 255, packed >> 8 & 255, packed & 255]
    elif (found := _INTERVAL.fullmatch(written)) is not None:
        parts = [int(part or 0) for part in found.groups()]
    else:
        return None
    return dict(zip(_PARTS, parts, strict=True)) if any(parts) else None


def task(
    row: Mapping[str, Any],
    *,
    practice: Practice,
    synced_at: datetime,
    raw: bool = False,
    notes: Mapping[int, Iterable[Mapping[str, Any]]] | None = None,
    words: OfficeWords | None = None,
) -> dict[str, Any]:
    """The task of a row of `tasks.list` or `.get`; `notes` (TaskNum -> rows of `tasknotes.list`) if they were read.

    `words` name its priority.
    """
    here, get = office(practice), row.get
    about, among = ABOUT[get("ObjectType")], key(get("KeyNum"))
    place, user, priority, parent = (key(get(name)) for name in ("TaskListNum", "UserNum", "PriorityDefNum", "FromNum"))
    reminder = text(get("ReminderType"))
    shown = row_object(here, row, kind="task", table="task", column="TaskNum", synced_at=synced_at, raw=raw) | {
        "task_list_id": here.task_list(place) if place else None,
        "patient_id": here.patient(among) if among and about == "patient" else None,
        "appointment_id": here.appointment(among) if among and about == "appointment" else None,
        "status": TASK_STATUS[get("TaskStatus")],
        "title": text(get("DescriptOverride")),
        "description": text(get("Descript")),
        "priority": {"id": here.definition(priority), "label": words.label(priority) if words else None}
        if priority
        else None,
        **moment(here, get("DateTimeEntry"), "entered_at"),
        "created_at": here.clock.instant(get("DateTimeOriginal")),
        "finished_at": here.clock.instant(get("DateTimeFinished")),
        "dated_on": day(get("DateTask")),
        "repeats": REPEATS[get("DateType")],
        "repeat_of_id": here.task(parent) if parent else None,
        "is_reminder": None if reminder is None else reminder not in {"NoReminder", "0"},
        "is_read_only": flag(get("IsReadOnly")),
        "user_key": str(user) if user else None,
        "updated_at": here.clock.instant(get("SecDateTEdit")),
    }
    if notes is not None:
        own = notes.get(key(get("TaskNum")), ())
        shown["notes"] = [_note(here, note) for note in sorted(own, key=lambda note: key(note.get("TaskNoteNum")))]
    return shown


def _note(here: Office, row: Mapping[str, Any]) -> dict[str, Any]:
    user = key(row.get("UserNum"))
    return {
        "at": here.clock.instant(row.get("DateTimeNote")),
        "text": text(row.get("Note")),
        "user_key": str(user) if user else None,
    }


def task_list(row: Mapping[str, Any], *, practice: Practice, synced_at: datetime, raw: bool = False) -> dict[str, Any]:
    """The task list of a row of `tasklists.list`."""
    here, get = office(practice), row.get
    parent = key(get("Parent"))
    return row_object(
        here, row, kind="task_list", table="tasklist", column="TaskListNum", synced_at=synced_at, raw=raw
    ) | {
        "name": text(get("Descript")),
        "parent_id": here.task_list(parent) if parent else None,
        "status": LIST_STATUS[get("TaskListStatus")],
        "about": ABOUT[get("ObjectType")],
        "dated_on": day(get("DateTL")),
        "repeats": REPEATS[get("DateType")],
        "created_at": here.clock.instant(get("DateTimeEntry")),
    }


def moment(here: Office, wall: object, name: str) -> dict[str, Any]:
    """A wall time of the office as an instant (`name`) and as the office's clock showed it (`local_` + name)."""
    zone, clock = here.usual_clock
    span = clock.span(wall, 0) if isinstance(wall, str) else None
    return {
        name: span[0] if span else None,
        f"local_{name}": span[2] if span else None,
        "local_ambiguous": span is not None and span[4],
        "time_zone": zone,
    }
