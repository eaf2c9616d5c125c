"""What an office's own set-up says, told from its rows alone."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.office_words import CONFIRMATIONS, NO_WORDS, OfficeWords, Table


def definition(number: int, name: str = "", *, category: str = "ApptConfirmed", hidden: bool = False) -> dict[str, Any]:
    return {"DefNum": number, "ItemName": name, "category": category, "isHidden": str(hidden).lower()}


def words(*definitions: dict[str, Any], **preferences: int) -> OfficeWords:
    rows = [{"PrefName": name, "ValueString": str(value)} for name, value in preferences.items()]
    return OfficeWords({Table.DEFINITIONS: definitions, Table.PREFERENCES: rows})


def test_the_first_status_that_is_not_hidden_is_that_of_new_visits() -> None:
    office = words(definition(5, hidden=True), definition(7), definition(6))

    assert [office.confirmation(number) for number in (5, 7, 6, 0)] == ["other", "unconfirmed", "other", None]


def test_a_status_that_two_preferences_name_means_the_first_of_them() -> None:
    """A patient who is in the chair has been confirmed, too."""
    office = words(definition(1), definition(2), AppointmentTimeSeatedTrigger=2, ApptEConfirmStatusAccepted=2)

    assert office.confirmation(2) == "seated"


@given(st.dictionaries(st.sampled_from(sorted(CONFIRMATIONS)), st.integers(2, 30)))
def test_no_name_of_a_status_changes_what_it_means(named: dict[str, int]) -> None:
    plain = words(*(definition(number) for number in range(1, 31)), **named)
    misleading = words(*(definition(number, "Confirmed") for number in range(1, 31)), **named)

    assert [plain.confirmation(number) for number in range(1, 31)] == [
        misleading.confirmation(number) for number in range(1, 31)
    ]
    assert plain.confirmation(1) == "unconfirmed"


def test_what_was_not_read_is_not_called_other() -> None:
    only_definitions = OfficeWords({Table.DEFINITIONS: [definition(1)], Table.PREFERENCES: None})

    assert only_definitions.confirmation(1) is None
    assert NO_WORDS.areas is None and NO_WORDS.label(1) is None


def test_a_label_that_two_definitions_have_finds_neither() -> None:
    office = words(
        definition(1, "Standard", category="BillingTypes"),
        definition(2, "Standard", category="BillingTypes"),
        definition(3, "Standard"),
    )

    assert office.by_label("BillingTypes", "Standard") is None
    assert office.by_label("ApptConfirmed", "Standard") == 3


def test_only_definitions_that_the_office_does_not_list_are_drift() -> None:
    rows = [{"Confirmed": number} for number in (0, 1, 9, 9)]

    assert [one.word for one in words(definition(1)).drift("appointment", "Confirmed", rows)] == ["9"]
    assert NO_WORDS.drift("appointment", "Confirmed", rows) == []
