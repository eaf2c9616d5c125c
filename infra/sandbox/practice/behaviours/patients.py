"""Patients: families, defaults, and what a change of status does to recalls.

Source: https://www.opendental.com/site/apipatients.html and https://www.opendental.com/manual/family.html.
"""

from __future__ import annotations

import re

from infra.sandbox.practice.behaviours.ground import (
    Row,
    body_of,
    columns,
    living_patient,
    named_definition,
    preference_number,
    row_of,
    shown,
)
from infra.sandbox.practice.behaviours.recalls import disable_recalls
from infra.sandbox.practice.enums import PatStatus
from infra.sandbox.practice.handlers import Rejected, Reply, Request, handles
from infra.sandbox.practice.office import Office

PHONES = ("HmPhone", "WkPhone", "WirelessPhone")


@handles("patients.create")
def create_patient(office: Office, request: Request) -> Reply:
    """Add a patient: alone in a family unless a guarantor is named, with the practice's provider and billing type.

    A row with the same name and birthdate, and the same e-mail or a phone, is refused; how the vendor words that is
    not documented.
    """
    given = columns(office, request, **_billing_type(office, request))
    _check(office, request, given)
    _no_duplicate(office, given)
    row = {
        "PriProv": preference_number(office, "PracticeDefaultProv"),
        "BillingType": preference_number(office, "PracticeDefaultBillType"),
        "Gender": office.code("patient", "Gender", "Unknown"),
        "PatStatus": int(PatStatus.PATIENT),
        **given,
    }
    key = office.store.insert("patient", row)
    guarantor = row.get("Guarantor") or key
    if guarantor != key:
        # One cannot join a family through a member who does not lead it.
        guarantor = row_of(office, "patient", guarantor)["Guarantor"]
    folder = re.sub(r"[^A-Za-z]", "", row["LName"] + row["FName"]) + str(key)
    office.store.update("patient", key, {"Guarantor": guarantor, "ImageFolder": folder})
    if row.get("SuperFamily"):
        _join_super_family(office, row_of(office, "patient", key), row["SuperFamily"])
    office.log("PatientCreate", key, "Patient created.", key)
    return shown(office, request, key)


def _check(office: Office, request: Request, given: Row) -> None:
    body = body_of(request)
    if body.get("Guarantor") and body.get("SuperFamily"):
        raise Rejected(400, "Guarantor and SuperFamily exclude each other.")
    for name in ("LName", "FName"):
        if name in given and not given[name].strip():
            raise Rejected(400, f"{name} cannot be empty.")
    if given.get("PatStatus") == PatStatus.DELETED:
        raise Rejected(400, "PatStatus is invalid.")
    if len(given.get("ChartNumber", "")) > 15:
        raise Rejected(400, "ChartNumber is too long.")
    if given.get("SSN") and not re.fullmatch(r"\d{9}", given["SSN"]):
        raise Rejected(400, "SSN must have 9 digits.")
    if given.get("Zip") and not re.fullmatch(r"\d{5}(-?\d{4})?|[A-Za-z]\d[A-Za-z] \d[A-Za-z]\d", given["Zip"]):
        raise Rejected(400, "Zip is invalid.")
    if given.get("Birthdate", "") > office.today():
        raise Rejected(400, "Birthdate is invalid.")


def _billing_type(office: Office, request: Request) -> Row:
    """The billing type is sent by its name."""
    name = body_of(request).get("BillingType")
    return {"BillingType": named_definition(office, "BillingType", "BillingTypes", name)} if name else {}


def _digits(text: object) -> str:
    return re.sub(r"\D", "", str(text or ""))


def _no_duplicate(office: Office, given: Row) -> None:
    if not given.get("Birthdate"):
        return
    twins = office.store.find(
        "patient",
        {"Birthdate": given["Birthdate"]},
        sql='lower("LName") = ? AND lower("FName") = ? AND "PatStatus" <> 4',
        args=(given["LName"].lower(), given["FName"].lower()),
    )
    phones = {_digits(given.get(name)) for name in PHONES} - {""}
    for twin in twins:
        mail = given.get("Email", "").lower()
        if (mail and mail == twin["Email"].lower()) or phones & {_digits(twin[name]) for name in PHONES}:
            raise Rejected(400, "A patient with this name, birthdate and contact exists already.")


@handles("patients.update")
def update_patient(office: Office, request: Request) -> Reply:
    """Change a patient. A family's guarantor takes the family along when moving to another one."""
    row = living_patient(office, request.id())
    changes = columns(office, request, **_billing_type(office, request))
    _check(office, request, changes)
    if "FamFinUrgNote" in changes and changes.get("Guarantor", row["Guarantor"]) != row["PatNum"]:
        raise Rejected(400, "FamFinUrgNote is only for guarantors.")
    joined = changes.pop("SuperFamily", None)
    if "Guarantor" in changes and changes["Guarantor"] != row["Guarantor"]:
        _move(office, row, changes)
    office.store.update("patient", row["PatNum"], changes)
    if joined is not None:
        _join_super_family(office, row_of(office, "patient", row["PatNum"]), joined)
    status = changes.get("PatStatus", row["PatStatus"])
    if status != row["PatStatus"] and PatStatus.PATIENT in (status, row["PatStatus"]):
        disable_recalls(office, row["PatNum"], disabled=status != PatStatus.PATIENT)
    kinds = {"PriProv": "PatPriProvEdit", "BillingType": "PatientBillingEdit"}
    for name, kind in kinds.items():
        if name in changes and changes[name] != row[name]:
            office.log(kind, row["PatNum"], f"{name} changed.", row["PatNum"])
    office.log("PatientEdit", row["PatNum"], "Patient changed.", row["PatNum"])
    return shown(office, request, row["PatNum"])


def _move(office: Office, row: Row, changes: Row) -> None:
    """Move to another family, leave it, or make another member its guarantor."""
    target = changes["Guarantor"]
    members = office.store.find("patient", {"Guarantor": row["Guarantor"]})
    heads = row["Guarantor"] == row["PatNum"]
    if target == row["PatNum"]:
        return
    if any(member["PatNum"] == target for member in members):
        if not heads:
            raise Rejected(400, "Guarantor is invalid. It can only be changed on the present guarantor.")
        for member in members:
            office.store.update("patient", member["PatNum"], {"Guarantor": target})
        return
    head = living_patient(office, target)["Guarantor"]
    changes["Guarantor"] = head
    if heads:
        for member in members:
            office.store.update("patient", member["PatNum"], {"Guarantor": head})


def _join_super_family(office: Office, row: Row, head: int) -> None:
    """Tie households together under a head; 0 takes one out, or dissolves all if the head's own family leaves."""
    own = office.store.find("patient", {"Guarantor": row["Guarantor"]})
    if head == 0:
        if row["SuperFamily"] and any(member["PatNum"] == row["SuperFamily"] for member in own):
            own = office.store.find("patient", {"SuperFamily": row["SuperFamily"]})
        for member in own:
            office.store.update("patient", member["PatNum"], {"SuperFamily": 0})
        return
    leader = row_of(office, "patient", head)
    if leader["Guarantor"] != leader["PatNum"]:
        raise Rejected(400, "SuperFamily is invalid. Only guarantors can be its head.")
    for member in own + office.store.find("patient", {"Guarantor": head}):
        office.store.update("patient", member["PatNum"], {"SuperFamily": head})
