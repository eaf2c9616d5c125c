"""What of an answer may lie in an execution's history."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ids import new_id, row_id
from gateway.core.workflows.thin import thin

_PATIENT = row_id("patient", new_id("practice"), 15)
MARKS = ("Zoe Marker", "1980-02-29x", "212-555-0123", "zoe@example.com", "62.00", "allergic to latex")


def test_ids_words_times_and_truths_are_told() -> None:
    visit = {
        "id": _PATIENT,
        "status": "scheduled",
        "start_at": "2026-03-09T15:00:00Z",
        "local_start": "2026-03-09T09:00:00",
        "duration_minutes": 30,
        "is_new_patient": False,
        "type": {"id": _PATIENT, "name": "Cleaning"},
        "procedure_ids": [_PATIENT, _PATIENT],
    }

    assert thin(visit) == {**visit, "type": {"id": _PATIENT}}


def test_what_says_who_somebody_is_is_not() -> None:
    patient = {
        "name": {"first": "Zoe", "last": "Marker"},
        "birth_date": "1980-02-29",
        "phones": [{"type": "mobile", "number": "+12125550123"}],
        "emails": [{"address": "zoe@example.com"}],
        "address": {"line1": "1 Elm", "state": "IL", "postal_code": "60601"},
        "medicaid_id": "AB123",
        "subscriber_id": "999887777",
        "note": "x",
        "code": {"system": "CDT", "value": "D0120"},
        "balances": {"family_total": {"amount": "62.00", "currency": "USD"}},
        "contact_preferences": {"sms_consent": True},
    }

    assert thin(patient) == {"phones": [{"type": "mobile"}], "emails": [{}]}


_NAMES = st.sampled_from(
    ["name", "first", "note", "number", "address", "amount", "birth_date", "label", "description", "value", "city"]
)
_BODIES = st.recursive(st.sampled_from(MARKS), lambda one: st.dictionaries(_NAMES, one) | st.lists(one), max_leaves=9)
_SENTENCES = ("Zoe Marker", "allergic to latex", "zoe@example.com")


@given(_BODIES)
def test_no_text_under_a_name_that_is_not_for_ids_is_told(value: Any) -> None:
    told = json.dumps(thin({"data": value}) or {})

    assert not [mark for mark in MARKS if mark in told]


@given(st.sampled_from(["id", "patient_id", "procedure_ids", "start_at", "performed_on"]), st.sampled_from(MARKS))
def test_what_is_no_id_or_time_is_told_under_no_name_for_one(name: str, text: str) -> None:
    assert not (thin({name: text}) or {}).get(name)
    assert not (thin({name: [text]}) or {}).get(name)


@given(st.sampled_from(["status", "code", "kind"]), st.sampled_from(_SENTENCES))
def test_no_sentence_and_no_address_is_a_word(name: str, text: str) -> None:
    assert thin({name: text}) == {}
