"""The office's forms, and what patients wrote on them: web forms and forms on a tablet, as sheets with their fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Final

from infra.sandbox.practice.enums import PatStatus
from infra.sandbox.practice.seeding import names
from infra.sandbox.practice.seeding.people import Person
from infra.sandbox.practice.seeding.rows import Row, Rows, at
from infra.sandbox.practice.seeding.setup import Setup

PATIENT_FORM, MEDICAL_HISTORY = 9, 11
"""Values of SheetType."""
PRINTED, INPUT, CHECK_BOX, SIGNATURE, COMBO = 2, 1, 8, 9, 13
"""Values of FieldType."""
TICKED: Final = "X"
SIGNED: Final = "0R0lGODlhAQABAAAAACw="
_YEAR_ONE: Final = "0001-01-01 00:00:00"
_LANGUAGES: Final = "English|Spanish|Vietnamese"

FORMS: Final[Mapping[str, tuple[int, tuple[tuple[int, str], ...]]]] = {
    "Patient Information": (
        PATIENT_FORM,
        (
            (PRINTED, ""), (INPUT, "FName"), (INPUT, "LName"), (INPUT, "Preferred"), (INPUT, "Birthdate"),
            (INPUT, "Address"), (INPUT, "City"), (INPUT, "State"), (INPUT, "Zip"),
            (INPUT, "HmPhone"), (INPUT, "WirelessPhone"), (INPUT, "Email"), (COMBO, "Language"),
            (CHECK_BOX, "TxtMsgOk"), (INPUT, "ins1CarrierName"), (INPUT, "ins1SubscriberID"), (SIGNATURE, "sig"),
        ),
    ),
    "Medical History": (
        MEDICAL_HISTORY,
        (
            (PRINTED, ""), (CHECK_BOX, "allergy:Penicillin"), (CHECK_BOX, "allergy:Latex"),
            (CHECK_BOX, "problem:Asthma"), (CHECK_BOX, "problem:Asthma"), (INPUT, "inputMed1"),
            (INPUT, "Notes"), (SIGNATURE, "sig"),
        ),
    ),
}  # fmt: skip
"""Name -> type, and fields by their types and names. Of two boxes with one name the first is the yes."""


def filled(form: str, answers: Mapping[str, str], *, at_time: str) -> list[Row]:
    """The fields of a form that somebody has filled in; `answers` by the name of the field, "" is left blank.

    Raises: KeyError: there is no such form.
    """
    made: list[Row] = []
    left = dict(answers)
    for kind, name in FORMS[form][1]:
        said = "Please fill in." if kind == PRINTED else left.pop(name, "")
        if kind == COMBO:
            said = f"{said};{_LANGUAGES}"
        signed = kind == SIGNATURE and said
        made.append(
            {
                "FieldType": kind,
                "FieldName": name,
                "FieldValue": SIGNED if signed else said,
                "DateTimeSig": at_time if signed else _YEAR_ONE,
            }
        )
    return made


def add_forms(rows: Rows, rng: Random, made: Setup, people: list[Person]) -> None:
    """Set up the office's forms, and have one in eight patients fill one in during the last year."""
    numbers: dict[str, int] = {}
    for form, (kind, fields) in FORMS.items():
        numbers[form] = rows.add("sheetdef", {"Description": form, "SheetType": kind})
        for field, name in fields:
            rows.add("sheetfielddef", {"SheetDefNum": numbers[form], "FieldType": field, "FieldName": name})
    midnight = datetime.combine(made.today, datetime.min.time())
    for person in people:
        if person.status is not PatStatus.PATIENT or person.merged or rng.random() >= 1 / 8:
            continue
        form = rng.choice(list(FORMS))
        stamp = at(midnight - timedelta(minutes=rng.randrange(3_000, 500_000)))
        sheet = {
            "SheetType": FORMS[form][0],
            "PatNum": person.key,
            "DateTimeSheet": stamp,
            "Description": form,
            "IsWebForm": int(rng.random() < 0.5),
            "SheetDefNum": numbers[form],
            "ClinicNum": person.row["ClinicNum"],
            "DateTSheetEdited": stamp,
        }
        number = rows.add("sheet", sheet)
        for answer in filled(form, _answers(form, person.row, rng), at_time=stamp):
            rows.add("sheetfield", {"SheetNum": number, **answer})


def _answers(form: str, row: Row, rng: Random) -> dict[str, str]:
    """What somebody would write: mostly what the office knows, in another spelling, and now and then something new."""
    if form == "Medical History":
        return {
            "allergy:Penicillin": rng.choice(("", TICKED)),
            "problem:Asthma": rng.choice(("", TICKED)),
            "inputMed1": rng.choice(("", "Lisinopril 10 mg", "Metformin")),
            "sig": TICKED,
        }
    said = {name: str(row[name]) for name in ("FName", "LName", "City", "State", "Zip", "Email", "HmPhone")}
    has_moved = rng.random() < 0.3
    return said | {
        "FName": said["FName"].upper() if rng.random() < 0.2 else said["FName"],
        "Address": f"{rng.randrange(10, 900)} {rng.choice(names.STREETS)}" if has_moved else str(row["Address"]),
        "Birthdate": _american(str(row["Birthdate"])),
        "WirelessPhone": f"(555)555-01{rng.randrange(10, 100)}" if rng.random() < 0.4 else str(row["WirelessPhone"]),
        "Language": "Spanish" if row["Language"] == "spa" else "English",
        "TxtMsgOk": rng.choice(("", TICKED)),
        "sig": TICKED,
    }


def _american(day: str) -> str:
    year, month, date = day[:10].split("-")
    return "" if year == "0001" else f"{month}/{date}/{year}"
