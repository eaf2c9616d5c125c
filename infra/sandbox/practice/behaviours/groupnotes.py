"""Group notes: one text for several procedures, kept as a procedure of its own.

Source: https://www.opendental.com/site/apiprocedurelogs.html, "GroupNote".
"""

from __future__ import annotations

from infra.sandbox.practice.behaviours.ground import Row, asked, body_of, flag, living_patient, number, numbers, row_of
from infra.sandbox.practice.enums import ProcStatus
from infra.sandbox.practice.handlers import Rejected, Reply, Request, handles
from infra.sandbox.practice.office import Office

CODE = "~GRP~"


def _code(office: Office) -> int:
    found = office.store.find("procedurecode", {"ProcCode": CODE})
    return int(found[0]["CodeNum"]) if found else office.store.insert("procedurecode", {"ProcCode": CODE})


def _group(office: Office, key: int) -> Row:
    row = row_of(office, "procedurelog", key)
    if row["CodeNum"] != _code(office):
        raise Rejected(400, "ProcNum is invalid. The procedure is no group note.")
    return row


def _shown(office: Office, row: Row) -> Row:
    items = office.store.find("procgroupitem", {"GroupNum": row["ProcNum"]})
    notes = office.store.find("procnote", {"ProcNum": row["ProcNum"]}, order='"EntryDateTime", "ProcNoteNum"')
    answer: Row = {
        "PatNum": row["PatNum"],
        "ProvNum": row["ProvNum"],
        "ProcNum": row["ProcNum"],
        "ProcNums": [item["ProcNum"] for item in items],
        "Note": notes[-1]["Note"] if notes else "",
        "isSigned": "True" if notes and notes[-1]["Signature"] else "False",
    }
    if not office.at_least("25.3.36"):
        del answer["ProvNum"]
    if not office.at_least("25.2.38"):
        del answer["isSigned"]
    return answer


def _write(office: Office, request: Request, group: Row, text: str) -> None:
    """Notes are only ever added; the newest counts."""
    note = {"PatNum": group["PatNum"], "ProcNum": group["ProcNum"], "EntryDateTime": office.now(), "Note": text}
    office.store.insert("procnote", note | {"Signature": "signed" if flag(request, "isSigned") else ""})


@handles("procedurelogs.GroupNotes")
def list_group_notes(office: Office, request: Request) -> Reply:
    """The group notes of one patient, each with its newest text."""
    patient = row_of(office, "patient", asked(request, "PatNum"))
    where = {"PatNum": patient["PatNum"], "CodeNum": _code(office), "ProcStatus": int(ProcStatus.EC)}
    return Reply(request.operation.status, [_shown(office, row) for row in office.store.find("procedurelog", where)])


@handles("procedurelogs.GroupNoteCreate")
def create_group_note(office: Office, request: Request) -> Reply:
    """Write one note for procedures of one day, clinic and provider."""
    patient = living_patient(office, number(request, "PatNum"))
    rows = [row_of(office, "procedurelog", key) for key in numbers(request, "ProcNums")]
    if not rows or any(row["PatNum"] != patient["PatNum"] for row in rows):
        raise Rejected(400, "ProcNums is invalid.")
    if len({(row["ProcDate"], row["ClinicNum"], row["ProvNum"]) for row in rows}) > 1:
        raise Rejected(400, "ProcNums is invalid. The procedures must share date, clinic and provider.")
    key = office.store.insert(
        "procedurelog",
        {
            "PatNum": patient["PatNum"],
            "CodeNum": _code(office),
            "ProcStatus": int(ProcStatus.EC),
            "ProcDate": rows[0]["ProcDate"],
            "ClinicNum": rows[0]["ClinicNum"],
            "ProvNum": number(request, "ProvNum") or patient["PriProv"],
            "UnitQty": 1,
            "DateEntryC": office.today(),
        },
    )
    for row in rows:
        office.store.insert("procgroupitem", {"ProcNum": row["ProcNum"], "GroupNum": key})
    group = row_of(office, "procedurelog", key)
    _write(office, request, group, str(body_of(request)["Note"]))
    office.log("ProcEdit", patient["PatNum"], "Group note created.", key)
    return Reply(request.operation.status, _shown(office, group))


@handles("procedurelogs.GroupNoteUpdate")
def update_group_note(office: Office, request: Request) -> Reply:
    """Replace the text, or put the old one in front of the new."""
    group = _group(office, request.id())
    text = str(body_of(request)["Note"])
    if flag(request, "doAppendNote"):
        if not group["IsLocked"]:
            raise Rejected(400, "doAppendNote is only for locked group notes.")
        text = f"{_shown(office, group)['Note']}\n{text}"
    _write(office, request, group, text)
    office.log("ProcEdit", group["PatNum"], "Group note changed.", group["ProcNum"])
    return Reply(request.operation.status, _shown(office, group))


@handles("procedurelogs.GroupNoteDelete")
def delete_group_note(office: Office, request: Request) -> Reply:
    """Take a group note away; its row stays in status D."""
    group = _group(office, request.id())
    for item in office.store.find("procgroupitem", {"GroupNum": group["ProcNum"]}):
        office.store.delete("procgroupitem", item["ProcGroupItemNum"])
    office.store.update("procedurelog", group["ProcNum"], {"ProcStatus": int(ProcStatus.D)})
    office.log("ProcDelete", group["PatNum"], "Group note deleted.", group["ProcNum"])
    return Reply(request.operation.status)
