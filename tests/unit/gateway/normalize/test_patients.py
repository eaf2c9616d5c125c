"""What a patient looks like, whatever the row."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import objects
from gateway.core.ids import new_id, row_id
from gateway.core.normalize import content_version, patient
from gateway.core.normalize.office import office
from gateway.core.normalize.patients import _COLUMNS, SUMMARY_LACKS, WATCHED
from gateway.core.normalize.values import Drift, drift, e164, shown_version
from open_dental import catalogue
from tests.fakes import ELM_STREET
from tests.fakes.rows import WINDOW_COLUMNS, patient_row

READ_AT = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def shown(**columns: Any) -> dict[str, Any]:
    return patient(patient_row(**columns), practice=ELM_STREET, synced_at=READ_AT)


def test_a_patient_conforms_to_the_published_schema() -> None:
    full = shown(HmPhone="x", Email="a@example.com,b@example.com", PatStatus="Unheard of", SecProv=3, SuperFamily=9)
    summary = {name: value for name, value in patient_row().items() if name in WINDOW_COLUMNS}

    objects.Patient.model_validate(full, strict=True)
    objects.Patient.model_validate(
        patient(summary, practice=ELM_STREET, synced_at=READ_AT, detail="summary", raw=True, show_ssn=True), strict=True
    )


def test_a_summary_leaves_out_what_the_window_hides() -> None:
    """Null would say that the patient has no provider; nobody knows that from the window."""
    row = {name: value for name, value in patient_row().items() if name in WINDOW_COLUMNS}
    summary = patient(row, practice=ELM_STREET, synced_at=READ_AT, detail="summary")

    assert not set(SUMMARY_LACKS) & set(summary)
    assert set(shown()) - set(summary) == set(SUMMARY_LACKS)


def test_two_practices_with_equal_keys_share_no_id() -> None:
    other = replace(ELM_STREET, id=new_id("practice"))
    theirs = patient(patient_row(), practice=other, synced_at=READ_AT)

    assert theirs["id"] != shown()["id"]
    assert theirs["source"]["practice_id"] == other.id


@given(key=st.integers(-(2**63), 2**63 - 1))
def test_ids_in_lists_are_the_ids_of_single_objects(key: int) -> None:
    assert patient(patient_row(key), practice=ELM_STREET, synced_at=READ_AT)["id"] == row_id(
        "patient", ELM_STREET.id, key
    )


def test_a_nineteen_digit_key_keeps_its_digits() -> None:
    assert shown(number=9007199254740993123)["source"]["key"] == "9007199254740993123"


@pytest.mark.parametrize(
    ("upstream", "amount"),
    [(Decimal("250.0"), "250.00"), ("339", "339.00"), (0, "0.00"), (Decimal("-12.345"), "-12.35")],
)
def test_amounts_are_decimal_text_with_two_places(upstream: object, amount: str) -> None:
    assert shown(EstBalance=upstream)["balances"]["patient_estimated"] == {"amount": amount, "currency": "USD"}


def test_nothing_in_an_answer_is_a_binary_fraction() -> None:
    """A float would change cents on the way."""

    def floats(value: object) -> list[float]:
        if isinstance(value, dict | list):
            return [one for part in (value.values() if isinstance(value, dict) else value) for one in floats(part)]
        return [value] if isinstance(value, float) else []

    assert floats(shown(EstBalance=Decimal("0.1"), BalTotal=Decimal("0.2"))) == []
    assert json.loads(json.dumps(shown())) == shown()


def test_the_family_total_is_the_guarantors_alone() -> None:
    assert shown(Guarantor=1, BalTotal=Decimal("80.0"))["balances"]["family_total"]["amount"] == "80.00"
    assert shown(Guarantor=2, BalTotal=Decimal("0.0"))["balances"]["family_total"] is None


def test_year_one_key_zero_and_blanks_are_null() -> None:
    row = shown(
        Birthdate="0001-01-01", DateFirstVisit="0001-01-01", SecProv=0, ClinicNum="0", Address2="  ", Guarantor=0
    )

    assert row["birth_date"] is row["first_visit_on"] is row["secondary_provider_id"] is row["location_id"] is None
    assert row["address"]["line2"] is row["guarantor_id"] is None


@pytest.mark.parametrize(("word", "consent"), [("Yes", True), ("No", False), ("Unknown", None), ("", None)])
def test_unknown_consent_is_null_and_sends_nothing(word: str, consent: bool | None) -> None:
    assert shown(TxtMsgOk=word)["contact_preferences"]["sms_consent"] is consent


def test_an_unknown_word_becomes_other_and_is_reported() -> None:
    row = patient_row(PatStatus="Hibernating")

    assert patient(row, practice=ELM_STREET, synced_at=READ_AT)["status"] == "other"
    assert patient(row, practice=ELM_STREET, synced_at=READ_AT)["status_source"] == "Hibernating"
    assert drift("patient", WATCHED, [row, patient_row()]) == [Drift("patient", "PatStatus", "Hibernating")]


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("(503)555-0123", "+15035550123"),
        ("503.555.0123 x12", "+15035550123"),
        ("1-503-555-0123", "+15035550123"),
        ("+44 20 7946 0958", "+442079460958"),
        ("555-0123", None),
        ("call the mother", None),
        ("103-555-0123", None),
    ],
)
def test_phones_are_e164_or_null(raw: str, number: str | None) -> None:
    assert e164(raw) == number
    assert shown(HmPhone=raw)["phones"][0]["raw"] == raw


def test_the_preferred_phone_is_the_preferred_way_of_contact() -> None:
    phones = shown(WirelessPhone="(503)555-0199", PreferContactMethod="TextMessage")["phones"]

    assert [(phone["type"], phone["preferred"]) for phone in phones] == [("home", False), ("mobile", True)]


def test_several_addresses_in_one_field_are_several() -> None:
    assert shown(Email="a@example.com, b@example.com,")["emails"] == [
        {"address": "a@example.com", "primary": True},
        {"address": "b@example.com", "primary": False},
    ]


@pytest.mark.parametrize(
    ("word", "code"), [("eng", "en"), ("spa", "es"), ("en-US", "en"), ("Office slang", None), ("", None)]
)
def test_languages_are_two_letters(word: str, code: str | None) -> None:
    assert (shown(Language=word)["language"], shown(Language=word)["language_source"]) == (code, word or None)


def test_a_social_security_number_shows_only_to_who_may_see_it() -> None:
    row = patient_row(SSN="900-00-0001")
    hidden = patient(row, practice=ELM_STREET, synced_at=READ_AT, raw=True)

    assert hidden["has_ssn"] is True
    assert "900-00-0001" not in json.dumps(hidden, default=str)
    assert patient(row, practice=ELM_STREET, synced_at=READ_AT, show_ssn=True)["ssn"] == "900-00-0001"


def test_a_stamp_is_read_in_the_practices_zone() -> None:
    assert shown(DateTStamp="2026-01-05 08:30:15")["updated_at"] == "2026-01-05T14:30:15Z"  # America/Chicago


def test_the_version_follows_the_content_and_nothing_else() -> None:
    row = patient_row()
    version = shown()["version"]

    assert version == shown_version(row)
    assert (
        shown(serverDateTime="2026-03-02 10:00:59", priProvAbbr="NEW", EstBalance=Decimal("250.00"), PatNum="1")[
            "version"
        ]
        == version
    )
    assert shown_version({name: value for name, value in row.items() if name != "serverDateTime"}) == version
    assert shown(LName="Millers")["version"] != version
    assert shown(LName="MillerAnn", FName="")["version"] != version
    assert shown(Unheard="new column")["version"] != version


def test_no_number_tried_against_a_version_is_the_patients_own() -> None:
    """A client without `patients.ssn` may see all other columns, and nine digits are soon tried."""
    row = patient_row(SSN="900-00-0001")
    for one in (row, {**row, "PatNum": "1"}, {**row, "Unheard": "new column"}):
        version = patient(one, practice=ELM_STREET, synced_at=READ_AT)["version"]
        without = patient({**one, "SSN": "900-00-0002"}, practice=ELM_STREET, synced_at=READ_AT)

        assert version != content_version(one)
        assert version == without["version"] == content_version({**one, "SSN": ""})


@given(columns=st.dictionaries(st.sampled_from(sorted(_COLUMNS)), st.text(max_size=5)))
def test_the_fast_hash_is_the_plain_one(columns: dict[str, Any]) -> None:
    row = patient_row(**columns)

    assert patient(row, practice=ELM_STREET, synced_at=READ_AT)["version"] == shown_version(dict(reversed(row.items())))


def test_equal_rows_in_any_form_look_alike_and_have_one_version() -> None:
    """Keys bare or quoted, names in any order: the first takes the prepared way, the others the long one."""
    row = patient_row(SecProv=3, SuperFamily=9)
    quoted = {name: str(value) if isinstance(value, int) else value for name, value in row.items()}
    usual = patient(row, practice=ELM_STREET, synced_at=READ_AT)

    assert patient(quoted, practice=ELM_STREET, synced_at=READ_AT) == usual
    assert patient(dict(reversed(row.items())), practice=ELM_STREET, synced_at=READ_AT) == usual


def test_a_percent_sign_in_a_shared_column_is_hashed_as_it_stands() -> None:
    row = patient_row(BillingType="10% off %s", Address="100% Lane")

    assert patient(row, practice=ELM_STREET, synced_at=READ_AT)["version"] == shown_version(row)


PERSONAL: dict[str, Any] = {
    name: f"MARK {name}"
    for name in _COLUMNS
    if name.endswith("Name") or name.startswith("Address") or name in {"City", "SSN", "Email", "ChartNumber"}
} | {"MiddleI": "MARK", "Preferred": "MARK", "Birthdate": "1999-12-31", "MedicaidID": "MARK", "FamFinUrgNote": "MARK"}
PERSONAL |= dict.fromkeys(("HmPhone", "WkPhone", "WirelessPhone"), "(503)555-0199")


def test_nothing_personal_is_remembered_of_a_patient() -> None:
    practice = replace(ELM_STREET, id=new_id("practice"))
    made = patient(patient_row(**PERSONAL), practice=practice, synced_at=READ_AT)
    here = office(practice)
    kept = repr((here.standings, here.wishes))

    assert "MARK" in repr(made)
    assert len(here.standings) == len(here.wishes) == 1
    assert not [text for text in ("MARK", "555", "1999-12-31") if text in kept]


def test_what_is_remembered_is_bounded_and_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.normalize.office.MOST_COMBINATIONS", 8)
    practice = replace(ELM_STREET, id=new_id("practice"))
    here = office(practice)

    def billed(kind: int) -> Any:
        row = patient_row(BillingType=f"Kind {kind}", Language=f"eng{kind}")
        return patient(row, practice=practice, synced_at=READ_AT)["billing_type"]

    for kind in (*range(30), *range(30)):
        assert billed(kind) == {"id": None, "label": f"Kind {kind}"}
        assert len(here.standings) + len(here.wishes) + len(here.bookings) <= 8


def test_changing_one_object_changes_no_other() -> None:
    first = shown(PatNum=1)
    first.update(dict.fromkeys(first, "changed"))

    assert "changed" not in repr(shown(PatNum=2))


def test_the_columns_written_down_here_are_the_catalogues() -> None:
    """A column that is missing there sends every row the long way."""
    assert set(_COLUMNS) == {field.name for field in catalogue.resource("patients").fields}


def test_an_older_office_without_the_newest_columns_is_read_too() -> None:
    row = {name: value for name, value in patient_row().items() if name not in {"Premed", "MedicaidID", "FeeSched"}}

    assert patient(row, practice=ELM_STREET, synced_at=READ_AT)["medicaid_id"] is None
