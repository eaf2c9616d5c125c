"""Recalls follow the procedures: when a trigger was done last, when it is due, when it is booked.

Source: https://www.opendental.com/manual/recall.html and https://www.opendental.com/manual/recalltypes.html.
"""

from __future__ import annotations

from datetime import date, timedelta

from infra.sandbox.practice.behaviours.ground import (
    Row,
    american,
    asked,
    body_of,
    columns,
    full_name,
    living_patient,
    number,
    of_category,
    page,
    preference_number,
    row_of,
    shown,
)
from infra.sandbox.practice.enums import NO_DATE, AptStatus, PatStatus, ProcStatus
from infra.sandbox.practice.handlers import Rejected, Reply, Request, handles
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.seeding.desk import plus_interval
from infra.sandbox.practice.seeding.setup import RECALL_TYPES
from infra.sandbox.practice.wire import interval

TRIGGERS = {name: codes for name, _, _, _, _, codes in RECALL_TYPES}
DONE = (ProcStatus.C, ProcStatus.EC, ProcStatus.EO)


def sync_recalls(office: Office, patient: int) -> None:
    """Recompute a patient's recalls from what was done and what is booked.

    The API has no table of triggers: types of the usual names have the usual ones, others the procedures they book.
    A newer trigger resets status and note and makes the due date automatic again, except while disabled.
    """
    recalls = office.store.find("recall", {"PatNum": patient})
    person = office.store.get("patient", patient)
    if not recalls or person is None or person["PatStatus"] == PatStatus.ARCHIVED:
        return
    codes = _codes(office, patient)
    special = {preference_number(office, name) for name in ("RecallTypeSpecialProphy", "RecallTypeSpecialPerio")}
    shared = {code for key in special for code in _triggers(office, key)}
    for recall in recalls:
        triggers = shared if recall["RecallTypeNum"] in special else set(_triggers(office, recall["RecallTypeNum"]))
        done = [day for code, day, status, _ in codes if code in triggers and status in DONE]
        booked = [day for code, _, _, day in codes if code in triggers and day]
        office.store.update(
            "recall", recall["RecallNum"], _dates(recall, max(done, default=NO_DATE), min(booked, default=NO_DATE))
        )


def _triggers(office: Office, kind: int) -> tuple[str, ...]:
    row = office.store.get("recalltype", kind)
    if row is None:
        return ()
    return TRIGGERS.get(row["Description"]) or tuple(code for code in row["Procedures"].split(",") if code)


def _codes(office: Office, patient: int) -> list[tuple[str, str, int, str]]:
    """(code, ProcDate, status, day booked or "") of the patient's procedures."""
    found = office.store.tuples(
        'SELECT c."ProcCode", p."ProcDate", p."ProcStatus", '
        'CASE WHEN a."AptStatus" = ? AND a."AptDateTime" >= ? THEN substr(a."AptDateTime", 1, 10) ELSE \'\' END '
        'FROM "procedurelog" p JOIN "procedurecode" c ON c."CodeNum" = p."CodeNum" '
        'LEFT JOIN "appointment" a ON a."AptNum" = p."AptNum" AND p."AptNum" <> 0 WHERE p."PatNum" = ?',
        (int(AptStatus.SCHEDULED), office.today(), patient),
    )
    return [(code, day, status, booked or "") for code, day, status, booked in found]


def _dates(recall: Row, previous: str, booked: str) -> Row:
    changes: Row = {"DateScheduled": booked}
    if previous == recall["DatePrevious"]:
        return changes
    due = (
        NO_DATE
        if previous <= NO_DATE
        else plus_interval(date.fromisoformat(previous), recall["RecallInterval"]).isoformat()
    )
    changes |= {"DatePrevious": previous, "DateDueCalc": due}
    if not recall["IsDisabled"]:
        changes |= {"DateDue": due, "RecallStatus": 0, "Note": ""}
    return changes


def disable_recalls(office: Office, patient: int, *, disabled: bool) -> None:
    """A change away from the status Patient disables all recalls and blanks their dates; back enables them."""
    for recall in office.store.find("recall", {"PatNum": patient}):
        due = NO_DATE if disabled else recall["DateDueCalc"]
        if office.store.update("recall", recall["RecallNum"], {"IsDisabled": int(disabled), "DateDue": due}):
            office.log("RecallEdit", patient, "Recall changed with the patient's status.", recall["RecallNum"])
    if not disabled:
        sync_recalls(office, patient)


def _by_name(office: Office, request: Request, patient: int) -> Row:
    """The patient's recall of the type that the body names."""
    name = str(body_of(request).get("recallType") or "")
    for kind in office.store.find("recalltype", {"Description": name}):
        found = office.store.find("recall", {"PatNum": patient, "RecallTypeNum": kind["RecallTypeNum"]})
        if found:
            return found[0]
    raise Rejected(404, "Recall not found")


@handles("recalls.create")
def create_recall(office: Office, request: Request) -> Reply:
    """Add a recall: one of each type a patient, with the type's interval, dated from what was done."""
    given = columns(office, request)
    living_patient(office, given["PatNum"])
    kind = row_of(office, "recalltype", given["RecallTypeNum"])
    if office.store.find("recall", {"PatNum": given["PatNum"], "RecallTypeNum": kind["RecallTypeNum"]}):
        raise Rejected(400, "RecallTypeNum is invalid. The patient has a recall of this type already.")
    key = office.store.insert("recall", {"RecallInterval": kind["DefaultInterval"]} | given)
    sync_recalls(office, given["PatNum"])
    # What was done before dates a new recall; what the caller said of it stays.
    office.store.update("recall", key, given)
    office.log("RecallEdit", given["PatNum"], "Recall created.", key)
    return shown(office, request, key)


@handles("recalls.Status")
def contact_recall(office: Office, request: Request) -> Reply:
    """Note that somebody was reminded: a status, and a commlog of the kind that counts as a reminder."""
    patient = living_patient(office, number(request, "PatNum"))["PatNum"]
    recall = _by_name(office, request, patient)
    body = body_of(request)
    status = number(request, "RecallStatus")
    if status:
        of_category(office, status, "RecallUnschedStatus", "RecallStatus")
        office.store.update("recall", recall["RecallNum"], {"RecallStatus": status})
    if status or body.get("commlogMode") or body.get("commlogNote"):
        kinds = [row["DefNum"] for row in office.definitions("CommLogTypes") if "RECALL" in row["ItemValue"].split(",")]
        mode = str(body.get("commlogMode") or "None")
        try:
            number_of_mode = office.code("commlog", "Mode_", mode)
        except KeyError:
            raise Rejected(400, "commlogMode is invalid.") from None
        log = {"PatNum": patient, "CommDateTime": office.now(), "CommType": kinds[0] if kinds else 0}
        log |= {
            "Mode_": number_of_mode,
            "SentOrReceived": 1,
            "Note": str(body.get("commlogNote") or _standard_text(office, status)),
        }
        office.store.insert("commlog", log)
    office.log("RecallEdit", patient, "Recall contacted.", recall["RecallNum"])
    return Reply(request.operation.status)


def _standard_text(office: Office, status: int) -> str:
    row = office.store.get("definition", status) if status else None
    return f"Recall reminder. {row['ItemName'] if row else ''}".strip()


@handles("recalls.SwitchType")
def switch_recall(office: Office, request: Request) -> Reply:
    """Move a patient from prophy to perio or back; he is never on both."""
    patient = living_patient(office, number(request, "PatNum"))["PatNum"]
    prophy, perio = (preference_number(office, f"RecallTypeSpecial{name}") for name in ("Prophy", "Perio"))
    found = office.store.find("recall", {"PatNum": patient, "RecallTypeNum": [prophy, perio]})
    if not found:
        raise Rejected(404, "Recall not found")
    target = perio if found[0]["RecallTypeNum"] == prophy else prophy
    interval = row_of(office, "recalltype", target)["DefaultInterval"]
    # Blank, so that the new interval counts from the last trigger.
    changes = {"RecallTypeNum": target, "RecallInterval": interval, "DatePrevious": NO_DATE}
    office.store.update("recall", found[0]["RecallNum"], changes)
    sync_recalls(office, patient)
    office.log("RecallEdit", patient, "Recall type switched.", found[0]["RecallNum"])
    return Reply(request.operation.status)


@handles("recalls.GetList")
def recall_list(office: Office, request: Request) -> Reply:
    """Who is due and has no visit yet, as the recall list of the appointments module shows it.

    Types named by `RecallTypesShowingInList` count. Somebody is taken as reminded once a recall commlog was written
    after the recall was due last; how often and how long the office waits between reminders is not looked at.
    """
    query = request.query
    today = date.fromisoformat(office.today())
    past, future = (preference_number(office, f"RecallDays{name}") for name in ("Past", "Future"))
    first = query.get("DateStart") or str(today - timedelta(days=past))
    last = query.get("DateEnd") or str(today + timedelta(days=future))
    kinds = {row["RecallTypeNum"]: row["Description"] for row in office.store.find("recalltype")}
    listed = {int(key) for key in office.store.preference("RecallTypesShowingInList").split(",") if key.isdigit()}
    if query.get("RecallType"):
        listed = {key for key, name in kinds.items() if name == query["RecallType"]}
        if not listed:
            raise Rejected(404, "RecallType not found")
    rows = []
    for recall in office.store.find(
        "recall",
        {"RecallTypeNum": sorted(listed), "IsDisabled": 0, "DateScheduled": NO_DATE},
        sql='"DateDue" BETWEEN ? AND ?',
        args=(first, last),
        order='"DateDue", "RecallNum"',
    ):
        row = _listed(office, request, recall, kinds[recall["RecallTypeNum"]])
        if row is not None:
            rows.append(row)
    return page(request, rows)


def _listed(office: Office, request: Request, recall: Row, kind: str) -> Row | None:
    patient = office.store.get("patient", recall["PatNum"])
    if patient is None or patient["PatStatus"] != PatStatus.PATIENT or recall["DisableUntilDate"] > office.today():
        return None
    if asked(request, "ProvNum") and asked(request, "ProvNum") not in (patient["PriProv"], patient["SecProv"]):
        return None
    if "ClinicNum" in request.query and asked(request, "ClinicNum") != patient["ClinicNum"]:
        return None
    types = [row["DefNum"] for row in office.definitions("CommLogTypes") if "RECALL" in row["ItemValue"].split(",")]
    reminders = [
        row["CommDateTime"]
        for row in office.store.find("commlog", {"PatNum": recall["PatNum"], "CommType": types})
        if row["CommDateTime"][:10] > recall["DatePrevious"]
    ]
    if reminders and request.query.get("IncludeReminded", "false").lower() != "true":
        return None
    status = office.store.get("definition", recall["RecallStatus"]) if recall["RecallStatus"] else None
    born, today = patient["Birthdate"], office.today()
    age = int(today[:4]) - int(born[:4]) - (today[5:] < born[5:10])
    contact = f"Text:{patient['WirelessPhone']}" if patient["WirelessPhone"] else patient["Email"] or patient["HmPhone"]
    return {
        "DueDate": american(recall["DateDue"]),
        "PatNum": patient["PatNum"],
        "Patient": full_name(patient),
        "Age": str(age) if born > NO_DATE else "",
        "Type": kind,
        "Interval": interval(recall["RecallInterval"]),
        "NumRemind": str(len(reminders)) if reminders else "",
        "LastRemind": american(max(reminders)) if reminders else "",
        "Contact": contact,
        "Status": status["ItemName"] if status else "",
        "ClinicNum": patient["ClinicNum"],
        "Note": recall["Note"],
    }
