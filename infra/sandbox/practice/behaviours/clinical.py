"""The chart: allergies, problems, medications, notes, drawn teeth.

Sources: https://www.opendental.com/site/apiallergies.html, apidiseases.html, apimedicationpats.html, apiprocnotes.html
and apitoothinitials.html beside it.
"""

from __future__ import annotations

import re

from infra.sandbox.practice.behaviours.ground import (
    Row,
    body_of,
    columns,
    flag,
    living_patient,
    number,
    one_of,
    row_of,
    shown,
)
from infra.sandbox.practice.enums import ProcStatus
from infra.sandbox.practice.handlers import Rejected, Reply, Request, before, handles
from infra.sandbox.practice.office import Office

_BLANK_LINES = re.compile(r"(?:[ \t]*\r?\n){50,}")


@handles("allergies.create")
def create_allergy(office: Office, request: Request) -> Reply:
    """Note an allergy by its definition or by a description, which becomes a definition where it is none yet.

    The page does not say whether a description of the same name is used again; here it is.
    """
    chosen = one_of(request, "AllergyDefNum", "defDescription")
    given = columns(office, request, defDescription=None)
    living_patient(office, given["PatNum"])
    if chosen == "defDescription":
        text = str(body_of(request)["defDescription"])
        found = office.store.find("allergydef", {"Description": text})
        given["AllergyDefNum"] = (
            found[0]["AllergyDefNum"] if found else office.store.insert("allergydef", {"Description": text})
        )
    row_of(office, "allergydef", given["AllergyDefNum"])
    office.store.insert("allergy", {"StatusIsActive": 1, **given})
    return Reply(request.operation.status)


@before("diseasedefs.create")
def one_problem_of_a_name(office: Office, request: Request) -> None:
    """Refuse a second definition of one name."""
    if office.store.find("diseasedef", {"DiseaseName": str(body_of(request)["DiseaseName"])}):
        raise Rejected(400, "DiseaseName is already in use.")


@before("diseases.create")
def name_the_problem(_office: Office, request: Request) -> None:
    """A problem is told by number or by name."""
    one_of(request, "DiseaseDefNum", "diseaseDefName")


@handles("medicationpats.create")
def create_medication(office: Office, request: Request) -> Reply:
    """Note a medication; a name the office does not know joins its list."""
    body = body_of(request)
    if not body.get("medName") and not body.get("MedicationNum"):
        raise Rejected(400, "Either medName or MedicationNum is required.")
    given = columns(office, request, medName=None)
    living_patient(office, given["PatNum"])
    if given.get("MedicationNum"):
        if office.store.get("medication", given["MedicationNum"]) is None:
            raise Rejected(404, "Medication not found")
    else:
        name = str(body["medName"])
        found = office.store.find("medication", {"MedName": name})
        given["MedicationNum"] = found[0]["MedicationNum"] if found else _new_medication(office, {"MedName": name})
    office.store.insert("medicationpat", given)
    return Reply(request.operation.status)


def _new_medication(office: Office, row: Row) -> int:
    key = office.store.insert("medication", row)
    if not row.get("GenericNum"):
        # A medication that is no brand of another is its own generic.
        office.store.update("medication", key, {"GenericNum": key})
    return key


@handles("medications.create")
def add_medication(office: Office, request: Request) -> Reply:
    """Add to the office's list; a brand names its generic, which must be there."""
    body = body_of(request)
    row: Row = {"MedName": str(body["MedName"]), "Notes": str(body.get("Notes") or "")}
    if body.get("genericName"):
        found = office.store.find("medication", {"MedName": str(body["genericName"])})
        if not found:
            raise Rejected(404, "Medication not found")
        row["GenericNum"] = found[0]["MedicationNum"]
    _new_medication(office, row)
    return Reply(request.operation.status)


@handles("procnotes.create")
def write_note(office: Office, request: Request) -> Reply:
    """Write a procedure's note: a new row that takes the place of the one before, which stays as history."""
    patient = living_patient(office, number(request, "PatNum"))
    procedure = row_of(office, "procedurelog", number(request, "ProcNum"))
    if procedure["PatNum"] != patient["PatNum"] or procedure["ProcStatus"] == ProcStatus.D:
        raise Rejected(400, "ProcNum is invalid.")
    text = str(body_of(request)["Note"])
    if flag(request, "doAppendNote"):
        notes = office.store.find("procnote", {"ProcNum": procedure["ProcNum"]}, order='"EntryDateTime", "ProcNoteNum"')
        text = f"{notes[-1]['Note']}\n{text}" if notes else text
    signed = f"{office.key.developer_name} {office.now()}" if flag(request, "isSigned") else ""
    row = {"PatNum": patient["PatNum"], "ProcNum": procedure["ProcNum"], "EntryDateTime": office.now()}
    key = office.store.insert("procnote", row | {"Note": _BLANK_LINES.sub("\n", text), "Signature": signed})
    office.log("ProcEdit", patient["PatNum"], "Procedure note written.", procedure["ProcNum"])
    return shown(office, request, key)


@before("toothinitials.delete")
def keep_movements(office: Office, request: Request) -> None:
    """Only what says that a tooth is missing, hidden or primary can be taken away."""
    row = office.store.get("toothinitial", request.id())
    if row is not None and row["InitialType"] > 2:
        raise Rejected(400, "Only InitialType Missing, Hidden or Primary can be deleted.")
