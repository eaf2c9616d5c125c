"""The front desk: popups, tasks, text messages for free time, statements, sheets, referrals, custom fields, documents.

Sources: the page of each resource under https://www.opendental.com/site/apispecification.html, such as apipopups.html,
apitasks.html, apiasapcomms.html, apisheets.html, apireferrals.html, apipatfields.html and apidocuments.html.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from infra.sandbox.practice.behaviours.appointments import OCCUPYING, ends
from infra.sandbox.practice.behaviours.ground import (
    Row,
    asked,
    body_of,
    columns,
    definition,
    living_patient,
    number,
    one_of,
    row_of,
    shown,
)
from infra.sandbox.practice.enums import AptStatus, SchedType
from infra.sandbox.practice.handlers import Rejected, Reply, Request, after, before, handles
from infra.sandbox.practice.office import Office

NO_END = "2200-01-01"
"""How far an open range of dates reaches."""


# Popups and tasks


@before("popups.update")
def keep_a_copy(office: Office, request: Request) -> None:
    """A popup that says something else leaves what it said as an archived row."""
    row = row_of(office, "popup", request.id())
    said = body_of(request).get("Description")
    if said is not None and said != row["Description"]:
        copy = {name: value for name, value in row.items() if name != "PopupNum"}
        office.store.insert("popup", copy | {"IsArchived": 1, "PopupNumArchive": row["PopupNum"]})


@before("tasks.list", "tasks.create", "tasks.update")
def know_the_object(office: Office, request: Request) -> None:
    """A task hangs on a patient or a visit that exists."""
    given = {**body_of(request), **request.query}
    tables = {"Patient": "patient", "Appointment": "appointment"}
    table, key = tables.get(str(given.get("ObjectType"))), str(given.get("KeyNum") or "0")
    if table and key.isdigit() and int(key) and len(key) < 19:
        row_of(office, table, int(key))


@before("tasks.update")
def open_again(office: Office, request: Request) -> None:
    """A done task that says something new is viewed, not done, unless the caller says otherwise."""
    row = row_of(office, "task", request.id())
    body = body_of(request)
    done, viewed = (office.code("task", "TaskStatus", word) for word in ("Done", "Viewed"))
    says_new = body.get("Descript") not in (None, row["Descript"]) and "TaskStatus" not in body
    if says_new and row["TaskStatus"] == done:
        office.store.update("task", row["TaskNum"], {"TaskStatus": viewed})


@before("commlogs.list")
def one_patients_talk(office: Office, request: Request) -> None:
    """Older offices list commlogs of one patient only."""
    if not office.at_least("25.1.13") and not request.query.get("PatNum"):
        raise Rejected(400, "PatNum is required")


# Free time offered by text message


@handles("asapcomms.create")
def offer_time(office: Office, request: Request) -> Reply:
    """Offer free time to one patient: a message goes out and the chair is blocked for it.

    A preference stands for the vendor's paid service, on unless it is "0"; the sandbox sends nothing.
    """
    if office.store.preference("WebSchedAsapEnabled", "1") == "0":
        raise Rejected(400, "The office is not subscribed to Web Sched ASAP.")
    chosen = one_of(request, "aptNum", "recallNum")
    start = datetime.fromisoformat(str(body_of(request)["dateTimeStart"]))
    operatory = row_of(office, "operatory", number(request, "op"))
    if chosen == "aptNum":
        source = row_of(office, "appointment", number(request, "aptNum"))
        pattern, fkey = source["Pattern"], source["AptNum"]
        words = {AptStatus.SCHEDULED: "ScheduledAppt", AptStatus.UNSCHED_LIST: "UnscheduledAppt"}
        words |= {AptStatus.PLANNED: "PlannedAppt", AptStatus.BROKEN: "Broken"}
        kind = words.get(AptStatus(source["AptStatus"]), "ScheduledAppt")
    else:
        source = row_of(office, "recall", number(request, "recallNum"))
        type_ = row_of(office, "recalltype", source["RecallTypeNum"])
        pattern, fkey, kind = source["TimePatternOverride"] or type_["TimePattern"], source["RecallNum"], "Recall"
    stop = start + timedelta(minutes=5 * max(1, len(pattern)))
    patient = living_patient(office, source["PatNum"])
    _free(office, operatory["OperatoryNum"], start, stop)
    block = {"SchedDate": f"{start:%Y-%m-%d}", "StartTime": f"{start:%H:%M:%S}", "StopTime": f"{stop:%H:%M:%S}"}
    schedule = office.store.insert("schedule", block | {"SchedType": int(SchedType.WEB_SCHED_ASAP)})
    office.store.insert("scheduleop", {"ScheduleNum": schedule, "OperatoryNum": operatory["OperatoryNum"]})
    key = office.store.insert(
        "asapcomm",
        {
            "FKey": fkey,
            "FKeyType": office.code("asapcomm", "FKeyType", kind),
            "ScheduleNum": schedule,
            "PatNum": patient["PatNum"],
            "ClinicNum": operatory["ClinicNum"],
            "DateTimeExpire": str(start),
            "DateTimeSmsScheduled": office.now(),
            "SmsSendStatus": office.code("asapcomm", "SmsSendStatus", "SendNotAttempted"),
            "ResponseStatus": office.code("asapcomm", "ResponseStatus", "AwaitingTransmit"),
            "DateTimeOrig": source.get("AptDateTime", source.get("DateDue")),
        },
    )
    return shown(office, request, key)


def _free(office: Office, chair: int, start: datetime, stop: datetime) -> None:
    day = f"{start:%Y-%m-%d}"
    visits = office.store.find(
        "appointment",
        {"Op": chair, "AptStatus": [int(status) for status in OCCUPYING]},
        sql='"AptDateTime" >= ? AND "AptDateTime" < ?',
        args=(f"{day} 00:00:00", f"{day} 24"),
    )
    busy = [(datetime.fromisoformat(visit["AptDateTime"]), ends(visit)) for visit in visits]
    kinds = [int(SchedType.BLOCKOUT), int(SchedType.WEB_SCHED_ASAP)]
    for block in office.store.find("schedule", {"SchedDate": day, "SchedType": kinds}):
        where = {"ScheduleNum": block["ScheduleNum"], "OperatoryNum": chair}
        if office.store.find("scheduleop", where):
            begin, end = (datetime.fromisoformat(f"{day} {block[name]}") for name in ("StartTime", "StopTime"))
            busy.append((begin, end))
    if any(begin < stop and start < end for begin, end in busy):
        raise Rejected(400, "dateTimeStart is invalid. The time is not free.")


# Statements and sheets


@after("statements.create")
def only_a_line(office: Office, _request: Request, key: int) -> None:
    """A statement made over the API is a line in the ledger, as good as sent; nothing goes out."""
    office.store.update(
        "statement",
        key,
        {
            "Mode_": office.code("statement", "Mode_", "API"),
            "IsSent": 1,
            "HidePayment": 1,
            "Intermingled": 1,
            "DateRangeTo": NO_END,
        },
    )


_SHEETS = ("Consent", "PatientLetter", "PatientForm", "MedicalHistory", "ExamSheet")
_FILLABLE = ("OutputText", "InputField", "CheckBox")


@handles("sheets.create")
def create_sheet(office: Office, request: Request) -> Reply:
    """Start a sheet for a patient out of a definition, with its fields."""
    given = columns(office, request)
    patient = living_patient(office, given["PatNum"])
    template = row_of(office, "sheetdef", given["SheetDefNum"])
    if office.word("sheetdef", "SheetType", template["SheetType"]) not in _SHEETS:
        raise Rejected(400, "SheetDefNum is invalid. Sheets of this type cannot be made.")
    row = {"SheetType": template["SheetType"], "Description": template["Description"], "DateTimeSheet": office.now()}
    key = office.store.insert("sheet", row | {"ClinicNum": patient["ClinicNum"]} | given)
    for field in office.store.find("sheetfielddef", {"SheetDefNum": template["SheetDefNum"]}):
        kept = {name: field[name] for name in ("FieldType", "FieldName", "FieldValue", "IsRequired")}
        office.store.insert("sheetfield", kept | {"SheetNum": key})
    office.log("SheetEdit", patient["PatNum"], "Sheet created.", key)
    return shown(office, request, key)


@before("sheetfields.update")
def only_fillable(office: Office, request: Request) -> None:
    """Texts and boxes can be filled; signatures, pictures and the like cannot."""
    row = row_of(office, "sheetfield", request.id())
    if office.word("sheetfield", "FieldType", row["FieldType"]) not in _FILLABLE:
        raise Rejected(400, "Only fields of type OutputText, InputField or CheckBox can be changed.")


# Referrals


@handles("referrals.create")
def create_referral(office: Office, request: Request) -> Reply:
    """Add a source: a patient by number, a provider by specialty, else something that is no person.

    The patient's own data fill what was not sent, and the flags follow from the kind.
    """
    body = body_of(request)
    given = columns(office, request)
    if given.get("PatNum"):
        patient = living_patient(office, given["PatNum"])
        shared = ("LName", "FName", "Address", "Address2", "City", "Zip", "SSN")
        copied: Row = {name: patient[name] for name in shared}
        copied |= {"MName": patient["MiddleI"], "ST": patient["State"], "EMail": patient["Email"]}
        copied |= {"Telephone": patient["HmPhone"], "Phone2": patient["WirelessPhone"]}
        given |= copied | {"IsDoctor": 0, "NotPerson": 0}
    elif not body.get("Specialty") and not body.get("specialty"):
        given |= {"IsDoctor": 0, "NotPerson": 1}
    return shown(office, request, office.store.insert("referral", given))


@before("referrals.update")
def patients_stay_themselves(office: Office, request: Request) -> None:
    """A source that is a patient changes with the patient; only its notes are its own."""
    row = row_of(office, "referral", request.id())
    body = body_of(request)
    if row["PatNum"]:
        for parameter in request.operation.body:
            if parameter.name in body and parameter.name not in ("Note", "DisplayNote"):
                raise Rejected(400, f"{parameter.name} cannot be changed, the referral is a patient.")


@before("refattaches.list", "patientraces.list")
def living_only(office: Office, request: Request) -> None:
    """Nothing is told of a deleted patient."""
    if asked(request, "PatNum"):
        living_patient(office, asked(request, "PatNum"))


@handles("refattaches.create")
def attach_referral(office: Office, request: Request) -> Reply:
    """Say who sent a patient or where he was sent; a name nobody has yet becomes a referral of its own."""
    chosen = one_of(request, "ReferralNum", "referralName")
    given = columns(office, request, referralName=None)
    patient = living_patient(office, given["PatNum"])["PatNum"]
    if chosen == "referralName":
        name = str(body_of(request)["referralName"])
        found = office.store.find("referral", {"LName": name})
        given["ReferralNum"] = found[0]["ReferralNum"] if found else office.store.insert("referral", {"LName": name})
    order = len(office.store.find("refattach", {"PatNum": patient})) + 1
    types = {"ReferralType": office.code("refattach", "ReferralType", "RefFrom"), "RefDate": office.today()}
    key = office.store.insert("refattach", {"ItemOrder": order} | types | given)
    return shown(office, request, key)


# Fields of the office's own


@before("patfields.create")
def one_value_a_field(office: Office, request: Request) -> None:
    """A patient has one value of a field the office has defined."""
    name = str(body_of(request)["FieldName"])
    if not office.store.find("patfielddef", {"FieldName": name}):
        raise Rejected(404, "PatFieldDef not found")
    if office.store.find("patfield", {"PatNum": number(request, "PatNum"), "FieldName": name}):
        raise Rejected(400, "The patient has a value of this field already.")


@before("patfields.delete")
def keep_care_credit(office: Office, request: Request) -> None:
    """The state at a credit company is not the caller's to delete."""
    row = office.store.get("patfield", request.id())
    kind = office.code("patfielddef", "FieldType", "CareCreditStatus")
    if row and office.store.find("patfielddef", {"FieldName": row["FieldName"], "FieldType": kind}):
        raise Rejected(400, "Fields of type CareCreditStatus cannot be deleted.")


@after("patfielddefs.create")
def hide_the_items(office: Office, _request: Request, key: int) -> None:
    """The items of a pick list live in a table of their own, which no answer shows."""
    row = row_of(office, "patfielddef", key)
    for order, item in enumerate(line for line in row["PickList"].splitlines() if line):
        office.store.insert("patfieldpickitem", {"PatFieldDefNum": key, "Name": item, "ItemOrder": order})
    office.store.update("patfielddef", key, {"PickList": ""})


@before("patfielddefs.delete")
def keep_used_fields(office: Office, request: Request) -> None:
    """A definition stays while a patient has a value of it."""
    row = office.store.get("patfielddef", request.id())
    if row and office.store.find("patfield", {"FieldName": row["FieldName"]}):
        raise Rejected(400, "The PatFieldDef is in use.")


@handles("apptfields.get")
def read_field(office: Office, request: Request) -> Reply:
    """A visit's value of a field; one that was never set is empty, not missing."""
    apt, name = asked(request, "AptNum"), request.query["FieldName"]
    row_of(office, "appointment", apt)
    found = office.store.find("apptfield", {"AptNum": apt, "FieldName": name})
    row = found[0] if found else {"ApptFieldNum": 0, "AptNum": apt, "FieldName": name, "FieldValue": ""}
    return Reply(request.operation.status, office.render("apptfields", row, request.operation.id))


@handles("apptfields.update")
def set_field(office: Office, request: Request) -> Reply:
    """Set a visit's value of a defined field, whether it has one or not."""
    given = columns(office, request)
    visit = row_of(office, "appointment", given["AptNum"])
    living_patient(office, visit["PatNum"])
    if not office.store.find("apptfielddef", {"FieldName": given["FieldName"]}):
        raise Rejected(400, "FieldName is invalid.")
    found = office.store.find("apptfield", {"AptNum": given["AptNum"], "FieldName": given["FieldName"]})
    if found:
        office.store.update("apptfield", found[0]["ApptFieldNum"], given)
    else:
        office.store.insert("apptfield", given)
    return Reply(request.operation.status)


# Documents


@handles("documents.Upload")
def upload(office: Office, request: Request) -> Reply:
    """Leave a file with the office: it waits in the note until somebody there opens the document."""
    body = body_of(request)
    return _document(office, request, f"_rawBase64_:{body['rawBase64']}", f"x{_extension(body['extension'])}")


@handles("documents.SetByUrl")
def fetch_later(office: Office, request: Request) -> Reply:
    """Leave an address with the office: the file is fetched when somebody there opens the document."""
    return _document(office, request, f"_download_:{body_of(request)['url']}", "xx")


def _extension(text: object) -> str:
    suffix = str(text)
    return suffix if suffix.startswith(".") else f".{suffix}"


def _document(office: Office, request: Request, note: str, name: str) -> Reply:
    given = columns(office, request)
    patient = living_patient(office, given["PatNum"])["PatNum"]
    row = {"DateCreated": office.now(), "DocCategory": definition(office, "ImageCats"), **given}
    key = office.store.insert("document", row | {"Note": note, "FileName": name})
    office.log("ImageCreate", patient, "Document added.", key)
    return shown(office, request, key)
