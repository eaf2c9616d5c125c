"""By which channels somebody may be reached: what nobody said is no consent."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.audiences.consent import (
    DO_NOT_CONTACT,
    NEVER,
    NO_CONSENT,
    NO_GUARANTOR,
    REFUSED,
    SEE_NOTES,
    Reach,
    folded,
    is_nobody,
    reach_of,
)
from gateway.core.audiences.filters import CHANNELS

TODAY = date(2026, 11, 18)
ADULT: dict[str, Any] = {
    "PatNum": 1, "Guarantor": 1, "PatStatus": "Patient", "FName": "Ada", "LName": "Marker", "Birthdate": "1980-02-29",
    "TxtMsgOk": "Yes", "WirelessPhone": "(212)555-0123", "HmPhone": "2125550124", "Email": "ada@example.com",
    "Address": "1 Mill Road", "Address2": "", "City": "Fernhollow", "State": "OR", "Zip": "97000",
    "PreferContactMethod": "None", "PreferRecallMethod": "None",
}  # fmt: skip
CHILD = ADULT | {"PatNum": 2, "Guarantor": 1, "Birthdate": "2015-05-05", "WirelessPhone": "(212)555-0199"}


def reach(row: dict[str, Any], guarantor: dict[str, Any] | None = None, *, is_recall: bool = False) -> Reach:
    return reach_of(row, guarantor, today=TODAY, is_recall=is_recall)


def allowed(found: Reach) -> dict[str, str | None]:
    return {one.channel: one.address for one in found.ways if one.allowed}


def test_somebody_who_said_yes_is_reached_by_all_channels() -> None:
    assert allowed(reach(ADULT)) == {
        "sms": "+12125550123",
        "email": "ada@example.com",
        "voice": "+12125550123",
        "mail": "1 Mill Road, Fernhollow, OR 97000",
    }


@pytest.mark.parametrize(
    ("said", "why"), [("Unknown", NO_CONSENT), ("", NO_CONSENT), (None, NO_CONSENT), ("No", REFUSED)]
)
def test_nobody_is_texted_who_did_not_say_yes(said: str | None, why: str) -> None:
    """An office's own preference may read unknown as yes; a fine is paid by whoever sends."""
    found = reach(ADULT | {"TxtMsgOk": said})

    assert "sms" not in allowed(found)
    assert next(one.why for one in found.ways if one.channel == "sms") == why


@pytest.mark.parametrize(("wish", "why"), [("DoNotCall", DO_NOT_CONTACT), ("SeeNotes", SEE_NOTES)])
def test_who_does_not_want_to_be_called_is_left_alone_by_every_channel(wish: str, why: str) -> None:
    found = reach(ADULT | {"PreferContactMethod": wish})

    assert allowed(found) == {}
    assert found.obstacle(CHANNELS) == why


def test_a_wish_about_recalls_counts_for_recalls_alone() -> None:
    row = ADULT | {"PreferRecallMethod": "DoNotCall"}

    assert allowed(reach(row)) and not allowed(reach(row, is_recall=True))


def test_a_child_is_reached_by_its_guarantor_and_never_at_its_own_number() -> None:
    found = reach(CHILD, ADULT)

    assert found.contact == ADULT
    assert allowed(found)["sms"] == "+12125550123"
    assert "sms" not in allowed(reach(CHILD | {"TxtMsgOk": "No"}, ADULT))
    assert "sms" not in allowed(reach(CHILD, ADULT | {"TxtMsgOk": "Unknown"}))


@pytest.mark.parametrize("guarantor", [None, CHILD, *(ADULT | {"PatStatus": one} for one in sorted(NEVER))])
def test_a_child_without_a_grown_up_who_pays_is_reached_by_nobody(guarantor: dict[str, Any] | None) -> None:
    found = reach(CHILD, guarantor)

    assert (found.contact, allowed(found), found.obstacle(CHANNELS)) == (None, {}, NO_GUARANTOR)


def test_the_preferred_channel_is_said_where_it_is_allowed() -> None:
    for method, channel in (("Email", "email"), ("HmPhone", "voice"), ("Mail", "mail"), ("TextMessage", "sms")):
        found = reach(ADULT | {"PreferContactMethod": method})
        assert [one.channel for one in found.ways if one.preferred] == [channel]
    silent = reach(ADULT | {"PreferContactMethod": "TextMessage", "TxtMsgOk": "Unknown"})
    assert not any(one.preferred for one in silent.ways)
    assert allowed(reach(ADULT | {"PreferContactMethod": "HmPhone"}))["voice"] == "+12125550124"


def test_an_address_that_lacks_a_part_or_cannot_be_one_is_none() -> None:
    row = ADULT | {"Zip": "", "Email": "ask her husband", "WirelessPhone": "none", "HmPhone": ""}

    assert allowed(reach(row)) == {}


def test_a_patient_who_stands_for_a_carrier_is_nobody() -> None:
    """Capitation income is booked on one; a letter to it comes back to the office at best."""
    carriers = frozenset({folded("Mill Dental Cap.")})
    dummy = {"FName": "", "LName": "MILL DENTAL CAP", "Birthdate": "0001-01-01"}

    assert is_nobody(dummy, carriers)
    assert is_nobody(dummy | {"FName": "Dental", "LName": "Mill"}, frozenset({folded("Mill, Dental")}))
    assert not is_nobody(dummy | {"Birthdate": "1980-01-01"}, carriers)
    assert not is_nobody(dummy | {"LName": "Miller"}, carriers)


ROWS = st.fixed_dictionaries(
    {},
    optional={
        "TxtMsgOk": st.sampled_from(["Yes", "No", "Unknown", "", None]),
        "PreferContactMethod": st.sampled_from(["None", "DoNotCall", "Email", "SeeNotes", "TextMessage", "Odd"]),
        "PreferRecallMethod": st.sampled_from(["None", "DoNotCall", "SeeNotes"]),
        "WirelessPhone": st.sampled_from(["", "(212)555-0123", "no phone", None]),
        "Email": st.sampled_from(["", "a@example.com", "a", "a@example.com,b@example.com"]),
        "Birthdate": st.sampled_from(["0001-01-01", "1980-01-01", "2015-01-01", ""]),
        "PatStatus": st.sampled_from(["Patient", "Deceased", "NonPatient"]),
    },
)


@given(row=ROWS, guarantor=st.none() | ROWS, is_recall=st.booleans())
def test_no_channel_is_allowed_without_consent_and_an_address(
    row: dict[str, Any], guarantor: dict[str, Any] | None, *, is_recall: bool
) -> None:
    own = ADULT | row | {"Guarantor": 9}
    found = reach(own, None if guarantor is None else ADULT | guarantor, is_recall=is_recall)

    for one in found.ways:
        assert (one.address is not None) == one.allowed
        if one.allowed:
            assert found.contact is not None
            assert found.contact["PreferContactMethod"] not in {"DoNotCall", "SeeNotes"}
            assert own["PreferContactMethod"] not in {"DoNotCall", "SeeNotes"}
            assert one.channel != "sms" or (found.contact["TxtMsgOk"] == "Yes" and own["TxtMsgOk"] != "No")
