"""What an office calls things, in the answers of a deployment over a simulated practice."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.objects.appointment import Appointment
from tests.fakes.deployment import Deployment, deployed

MEANINGS = {
    "ApptEConfirmStatusSent": "sent",
    "ApptEConfirmStatusAccepted": "confirmed",
    "ApptEConfirmStatusDeclined": "not_accepted",
    "ApptEConfirmStatusSendFailed": "failed",
    "AppointmentTimeArrivedTrigger": "arrived",
    "AppointmentTimeSeatedTrigger": "seated",
    "AppointmentTimeDismissedTrigger": "dismissed",
}
WORDS = {"definitions.list", "preferences.list", "appointmenttypes.list"}


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed() as deployment:
        yield deployment


def visits(office: Deployment, **query: Any) -> Any:
    """The visits of four weeks around today."""
    today = office.on.clock.now().date()
    first, last = today - timedelta(days=14), today + timedelta(days=14)
    return office.get("/appointments", date_from=first, date_to=last, limit=500, **query)


def a_visit(office: Deployment) -> dict[str, Any]:
    found: dict[str, Any] = visits(office).body["data"][0]
    return found


def set_confirmed(office: Deployment, visit: dict[str, Any], def_num: int) -> dict[str, Any]:
    """The visit as it is shown with this status."""
    office.simulated.office.store.update("appointment", int(visit["source"]["key"]), {"Confirmed": def_num})
    answer = office.send("GET", f"/appointments/{visit['id']}", headers={"Cache-Control": "no-cache"})
    assert answer.status == 200, answer.body
    Appointment.model_validate(answer.body, strict=True)
    confirmation: dict[str, Any] = answer.body["confirmation"]
    return confirmation


def test_a_confirmation_status_means_what_the_office_s_preferences_say(office: Deployment) -> None:
    visit = a_visit(office)
    preferences = {row["PrefName"]: row["ValueString"] for row in office.rows("preference")}
    labels = {row["DefNum"]: row["ItemName"] for row in office.rows("definition")}
    for name, meaning in MEANINGS.items():
        def_num = int(preferences[name])
        shown = set_confirmed(office, visit, def_num)

        assert (shown["status"], shown["label"]) == (meaning, labels[def_num])

    own = [row["DefNum"] for row in office.rows("definition", "Category=2 AND IsHidden=0")]
    named = {int(preferences[name]) for name in MEANINGS}
    assert set_confirmed(office, visit, own[0])["status"] == "unconfirmed"
    assert {set_confirmed(office, visit, one)["status"] for one in own[1:] if one not in named} == {"other"}


def test_a_visit_s_type_has_the_office_s_name(office: Deployment) -> None:
    names = {str(row["AppointmentTypeNum"]): row["AppointmentTypeName"] for row in office.rows("appointmenttype")}
    types = {str(row["AptNum"]): str(row["AppointmentTypeNum"]) for row in office.rows("appointment")}
    shown = visits(office).body["data"]

    assert any(one["type"] for one in shown)
    assert {one["source"]["key"]: one["type"] and one["type"]["name"] for one in shown} == {
        one["source"]["key"]: names.get(types[one["source"]["key"]]) for one in shown
    }


def test_the_office_s_words_are_read_once_and_their_cost_is_told(office: Deployment) -> None:
    first, second = visits(office), visits(office)

    assert set(office.upstream_calls) == {"appointments.list"} | WORDS
    assert first.body["meta"]["upstream_calls"] == len(office.upstream_calls)
    assert second.body["meta"]["upstream_calls"] == 0
    assert not {"confirmation.status", "type.name"} & set(first.body["meta"]["omitted"])


def test_the_age_of_the_office_s_words_is_not_the_age_of_an_answer(office: Deployment) -> None:
    visits(office)
    office.on.clock.sleep(3600)
    later = visits(office).body["meta"]

    assert (later["upstream_calls"], later["served_from"]) == (1, "live")
    assert later["age_seconds"] < 60


def test_a_caller_who_takes_no_cached_answer_has_the_words_read_again_once_a_minute(office: Deployment) -> None:
    visits(office)
    office.upstream_calls.clear()
    no_cache = {"Cache-Control": "no-cache"}
    visit = office.on.clock.now().date()
    query = {"date_from": str(visit), "date_to": str(visit)}
    office.send("GET", "/appointments", query=query, headers=no_cache)
    soon = list(office.upstream_calls)
    office.on.clock.sleep(61)
    office.send("GET", "/appointments", query=query, headers=no_cache)

    assert soon == ["appointments.list"]
    assert set(office.upstream_calls[1:]) == {"appointments.list"} | WORDS


def test_a_new_word_of_the_office_is_found_when_a_visit_has_it(office: Deployment) -> None:
    visit = a_visit(office)
    first = office.rows("definition", "Category=2")[0]
    number = 1 + max(row["DefNum"] for row in office.rows("definition"))
    office.simulated.office.store.insert("definition", {**first, "DefNum": number, "ItemName": "Left a message"})
    office.on.clock.sleep(90)
    office.upstream_calls.clear()

    assert set_confirmed(office, visit, number)["label"] == "Left a message"
    assert "definitions.list" in office.upstream_calls


def test_a_word_that_the_office_does_not_list_is_other_and_reported(
    office: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    visit = a_visit(office)
    with caplog.at_level(logging.WARNING, logger="gateway.drift"):
        shown = set_confirmed(office, visit, 987_654)

    assert shown["status"] == "other"
    told = [vars(one) for one in caplog.records if one.name == "gateway.drift"]
    assert [(one["field"], one["word"]) for one in told] == [("Confirmed", "987654")]


def test_a_visit_is_shown_without_the_words_of_an_office_that_does_not_give_them() -> None:
    """A list of words that fails, or comes late, must not take the schedule with it."""
    with deployed() as office:
        office.simulated.faults.add({"kind": "html", "match": "definitions.list", "count": None})
        answer = visits(office)

    assert answer.status == 200
    assert answer.body["data"]
    assert "confirmation.status" in answer.body["meta"]["omitted"]
    assert {one["confirmation"]["status"] for one in answer.body["data"]} == {None}


def test_only_the_preferences_that_are_used_are_kept(office: Deployment) -> None:
    visits(office)
    kept = [rows.rows["preferences"] for rows in office.on.cache.rows.values() if "preferences" in rows.rows]

    assert len(kept) == 1
    assert {row["PrefName"] for row in kept[0]} == set(MEANINGS) | {"AppointmentTimeIncrement"}
