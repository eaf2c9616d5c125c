"""What a patient's form says, and what it would change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.intake.answers import Answer, answers_of, is_form
from gateway.core.intake.mapping import FIELDS, Proposal, body_of, proposals, version_of
from gateway.core.normalize.patients import METHODS
from gateway.core.writes.intake.patients import FIELDS as WRITTEN

PATIENT: dict[str, Any] = {
    "FName": "Ada", "LName": "Marker", "Birthdate": "1980-02-29", "HmPhone": "(212)555-0124", "WirelessPhone": "",
    "Email": "ada@example.com", "Address": "1 Mill Road", "City": "Fernhollow", "State": "OR", "Zip": "97000",
    "Language": "eng", "TxtMsgOk": "Unknown", "PreferContactMethod": "None",
}  # fmt: skip


def field(name: str, value: str = "", kind: str = "InputField", number: int = 1, **more: Any) -> dict[str, Any]:
    return {"SheetFieldNum": number, "FieldType": kind, "FieldName": name, "FieldValue": value, **more}


def proposed(*fields: dict[str, Any], **patient: Any) -> list[Proposal]:
    return proposals(answers_of(fields), PATIENT | patient)


def test_answers_are_what_was_written_ticked_chosen_or_signed_and_never_what_is_printed() -> None:
    found = answers_of(
        [
            field("", "Please fill in.", "StaticText", 1),
            field("FName", " Ada ", number=2),
            field("allergy:Latex", "X", "CheckBox", 3),
            field("allergy:Metal", "", "CheckBox", 4),
            field("Language", "Spanish;English|Spanish", "ComboBox", 5),
            field("sig", "0R0lGODlh", "SigBox", 6),
            field("sig2", "0", "SigBox", 7),
        ]
    )

    assert [(one.name, one.value, one.is_on) for one in found] == [
        ("FName", "Ada", None),
        ("allergy:Latex", None, True),
        ("allergy:Metal", None, False),
        ("Language", "Spanish", None),
        ("sig", None, True),
        ("sig2", None, False),
    ]
    assert "R0lGODlh" not in str([one.shown() for one in found])


def test_a_social_security_number_is_no_answer() -> None:
    assert answers_of([field("SSN", "000-12-3456"), field("Patient SSN", "000-12-3456")]) == []


@pytest.mark.parametrize(
    ("sheet", "is_one"),
    [
        ({"SheetType": "PatientForm"}, True),
        ({"SheetType": "Statement"}, False),
        ({"SheetType": "ExamSheet", "IsWebForm": "true"}, True),
    ],
)
def test_a_form_is_a_sheet_that_patients_fill_in(sheet: dict[str, Any], *, is_one: bool) -> None:
    assert is_form(sheet) is is_one


@pytest.mark.parametrize(
    ("name", "said", "field_", "written"),
    [
        ("WirelessPhone", "212.555.0123", "phones.mobile", "212.555.0123"),
        ("Email", "new@example.com", "emails", "new@example.com"),
        ("Birthdate", "03/01/1981", "birth_date", "1981-03-01"),
        ("Birthdate", "1981-03-01", "birth_date", "1981-03-01"),
        ("LName", "Miller", "name.last", "Miller"),
        ("Zip", "97001-1234", "address.postal_code", "97001-1234"),
        ("Language", "Spanish", "language", "spa"),
        ("TxtMsgOk", "yes", "contact_preferences.sms_consent", "Yes"),
        ("PreferContactMethod", "Email", "contact_preferences.contact", "Email"),
    ],
)
def test_an_answer_is_a_change_of_the_field_that_it_is_named_for(
    name: str, said: str, field_: str, written: str
) -> None:
    (one,) = proposed(field(name, said))

    assert (one.field, one.written, one.source_field) == (field_, written, name)
    assert one.can_be_approved and one.confidence in {"high", "medium"}


@pytest.mark.parametrize(
    ("name", "said"),
    [("HmPhone", "212 555 0124"), ("FName", "ADA"), ("Email", "Ada@Example.com"), ("Birthdate", "02/29/1980"),
     ("Language", "English"), ("Address", "1  mill road"), ("City", ""), ("LName", "   ")],
)  # fmt: skip
def test_what_is_there_already_or_left_blank_proposes_nothing(name: str, said: str) -> None:
    """Nobody empties a telephone number by leaving a line of a form blank."""
    assert proposed(field(name, said)) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [("Birthdate", "30/02/1980"), ("Birthdate", "soon"), ("WirelessPhone", "none"), ("Email", "at home"),
     ("Zip", "abc"), ("Language", "Klingon"), ("LName", "x" * 101), ("PreferContactMethod", "Pigeon")],
)  # fmt: skip
def test_what_cannot_be_read_is_shown_and_cannot_be_approved(name: str, said: str) -> None:
    (one,) = proposed(field(name, said))

    assert (one.can_be_approved, one.confidence, one.to) == (False, "low", said)


def test_who_somebody_is_changes_with_less_confidence_than_where_they_live() -> None:
    name, street = proposed(field("LName", "Miller", number=1), field("Address", "2 Oak Street", number=2))

    assert (name.confidence, street.confidence) == ("medium", "high")


def test_of_two_boxes_of_one_name_nobody_knows_which_is_the_yes() -> None:
    sure, *_ = proposed(field("allergy:Latex", "X", "CheckBox"))
    unsure, *_ = proposed(field("problem:Asthma", "X", "CheckBox", 1), field("problem:Asthma", "", "CheckBox", 2))

    assert (sure.field, sure.to, sure.confidence, sure.can_be_approved) == ("allergies", "Latex", "medium", False)
    assert (unsure.field, unsure.confidence) == ("conditions", "low")
    assert proposed(field("TxtMsgOk", "X", "CheckBox", 1), field("TxtMsgOk", "", "CheckBox", 2)) == []
    (consent,) = proposed(field("TxtMsgOk", "X", "CheckBox"))
    assert consent.written == "Yes"
    assert proposed(field("TxtMsgOk", "", "CheckBox")) == [], "a box that is left empty is no refusal"


def test_medicine_and_insurance_are_for_somebody_to_enter() -> None:
    found = proposed(field("inputMed1", "Metformin"), field("ins1CarrierName", "Mill Dental"), field("Notes", "x"))

    assert [(one.field, one.can_be_approved) for one in found] == [("medications", False), ("insurance", False)]
    assert body_of(found) == {}


def test_a_version_stands_until_something_of_the_patient_changes_that_a_form_could() -> None:
    first = version_of(PATIENT)

    assert version_of(PATIENT | {"BalTotal": "5.00", "DateTStamp": "2026-01-01"}) == first
    assert version_of(PATIENT | {"HmPhone": ""}) != first


def test_every_field_that_can_be_approved_is_one_of_the_patients() -> None:
    ours = {name.partition(".")[0] if name.startswith("phones") else name for name in FIELDS}

    assert ours <= set(WRITTEN.values())
    assert "email" in METHODS.values()


@given(
    answers=st.lists(
        st.builds(
            Answer,
            name=st.sampled_from(["FName", "Email", "TxtMsgOk", "Birthdate", "HmPhone", "allergy:X", "Zip", "other"]),
            kind=st.sampled_from(["text", "check_box", "choice", "signature"]),
            value=st.none() | st.text(max_size=12) | st.sampled_from(["02/03/1999", "a@example.com", "yes"]),
            is_on=st.none() | st.booleans(),
            is_required=st.just(False),
            among=st.integers(1, 2),
        ),
        max_size=6,
    )
)
def test_a_field_is_proposed_once_and_what_can_be_approved_is_no_blank(answers: list[Answer]) -> None:
    found = [one for one in proposals(answers, PATIENT) if one.can_be_approved]

    assert len({one.field for one in found}) == len(found)
    assert all(value.strip() for value in body_of(found).values())
