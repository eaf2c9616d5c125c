"""PATCH /appointments/{id} through handler, ledger and worker, at a simulated practice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.core.ids import row_id
from gateway.core.objects.appointment import Appointment
from tests.fakes.deployment import CLIENT, Answered, Deployment, deployed
from tests.functions.writes import assert_a_get_shows, changed, result_of, row_of

SCOPES = ("*:read", "appointments:write")
BLOCKS = [{"minutes": 30, "provider_needed": True}, {"minutes": 10, "provider_needed": False}]
WRITES = {"appointments.update", "appointments.Confirm", "appointments.Break", "appointments.create"}


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(scopes=SCOPES) as deployment:
        deployment.read_up()
        yield deployment


class Visit:
    """A visit of 40 minutes at nine, on a day with nobody else."""

    def __init__(self, office: Deployment) -> None:
        self.office = office
        store = office.simulated.office.store
        day = max(row["SchedDate"] for row in store.find("schedule", {"SchedType": 1, "ProvNum": 1}))
        for table in ("appointment", "schedule"):
            column = "AptDateTime" if table == "appointment" else "SchedDate"
            for row in store.find(table):
                if str(row[column]).startswith(day) and (table == "appointment" or row["SchedType"] == 2):
                    store.delete(table, row["AptNum" if table == "appointment" else "ScheduleNum"])
        self.nine = datetime.fromisoformat(f"{day}T09:00:00")
        made = office.post("/appointments", {
            "patient_id": self.id("patient", 1), "provider_id": self.id("provider", 1),
            "operatory_id": self.id("operatory", 1), "local_start": self.at(0), "duration_minutes": 40,
            "note": "wants a window seat",
        })  # fmt: skip
        self.appointment_id = result_of(made, 201)["id"]
        self.key = int(made.body["result"]["source"]["key"])
        office.upstream_calls.clear()

    def id(self, kind: str, key: int) -> str:
        return row_id(kind, self.office.practice_id, key)

    def at(self, minutes: int) -> str:
        return (self.nine + timedelta(minutes=minutes)).isoformat(timespec="seconds")

    @property
    def row(self) -> dict[str, Any]:
        return row_of(self.office, "appointment", "AptNum", self.key)

    def change(self, key: str | None = None, **body: Any) -> Answered:
        return self.office.patch(f"/appointments/{self.appointment_id}", body, key=key)

    def come(self) -> None:
        """Have the day of the visit be today."""
        now = self.office.on.clock.now()
        self.office.on.clock.sleep((self.nine.replace(hour=15, tzinfo=now.tzinfo) - now).total_seconds())
        self.office.read_up()

    def writes(self) -> list[str]:
        """The writes that reached the practice."""
        return [call for call in self.office.upstream_calls if call in WRITES]


@pytest.fixture
def visit(office: Deployment) -> Visit:
    return Visit(office)


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        ({"note": "bring the x-rays"}, {"Note"}),
        ({"note": None}, {"Note"}),
        ({"is_asap": True}, {"Priority"}),
        ({"is_new_patient": True}, {"IsNewPatient"}),
        ({"duration_minutes": 20}, {"Pattern", "PatternSecondary"}),
        ({"pattern": "/XXXXXX/"}, {"Pattern"}),
        ({"time_blocks": BLOCKS}, {"Pattern"}),
        ({"confirmation": {"status": "confirmed"}}, {"Confirmed"}),
    ],
)
def test_only_what_is_named_changes_and_a_get_shows_it(body: dict[str, Any], columns: set[str], visit: Visit) -> None:
    before = visit.row
    result = result_of(visit.change(**body), 200)

    assert changed(before, visit.row) == columns
    assert_a_get_shows(visit.office, "/appointments", result)
    Appointment.model_validate({**result}, strict=True)
    for name in body.keys() - {"pattern", "confirmation"}:
        assert result[name] == body[name]


def test_a_visit_moves_to_another_time_chair_and_provider(visit: Visit) -> None:
    before = visit.row
    moved = {
        "local_start": visit.at(60),
        "provider_id": visit.id("provider", 2),
        "operatory_id": visit.id("operatory", 2),
    }
    result = result_of(visit.change(**moved, allow_outside_schedule=True))

    assert {name: result[name] for name in moved} == moved
    assert {"AptDateTime", "Op", "ProvNum"} == changed(before, visit.row)
    assert_a_get_shows(visit.office, "/appointments", result)


def test_a_visit_may_overlap_its_own_old_time(visit: Visit) -> None:
    assert result_of(visit.change(local_start=visit.at(10)))["local_start"] == visit.at(10)


def test_a_taken_time_is_refused_with_free_ones_before_anything_is_written(visit: Visit) -> None:
    other = visit.office.post("/appointments", {
        "patient_id": visit.id("patient", 2), "provider_id": visit.id("provider", 1),
        "operatory_id": visit.id("operatory", 1), "local_start": visit.at(60), "duration_minutes": 40,
    })  # fmt: skip
    assert other.status == 201
    visit.office.upstream_calls.clear()
    before = visit.row
    refused = visit.change(local_start=visit.at(70), note="never written")

    assert (refused.status, refused.body["code"]) == (409, "clash")
    assert refused.body["alternatives"]
    assert (visit.row, visit.writes()) == (before, [])
    assert visit.change(local_start=visit.at(70), allow_double_booking=True).status == 200


def test_outside_the_schedule_is_refused_and_can_be_allowed(visit: Visit) -> None:
    refused = visit.change(local_start=visit.at(-8 * 60))

    assert (refused.status, refused.body["code"], visit.writes()) == (409, "outside-schedule", [])
    assert visit.change(local_start=visit.at(-8 * 60), allow_outside_schedule=True).status == 200


def test_a_visit_outside_the_schedule_can_be_shortened_where_it_stands(visit: Visit) -> None:
    assert visit.change(local_start=visit.at(-8 * 60), allow_outside_schedule=True).status == 200
    assert result_of(visit.change(duration_minutes=20))["duration_minutes"] == 20


def test_what_stands_already_is_not_written_again(visit: Visit) -> None:
    stands: dict[str, Any] = {
        "local_start": visit.at(0),
        "duration_minutes": 40,
        "provider_id": visit.id("provider", 1),
    }

    assert visit.change(**stands).status == 200
    assert visit.writes() == []


@pytest.mark.parametrize("word", ["sent", "confirmed", "declined", "failed", "unconfirmed"])
def test_a_confirmation_is_the_definition_that_the_offices_preferences_name(word: str, visit: Visit) -> None:
    names = {
        "sent": "ApptEConfirmStatusSent", "confirmed": "ApptEConfirmStatusAccepted",
        "declined": "ApptEConfirmStatusDeclined", "failed": "ApptEConfirmStatusSendFailed",
    }  # fmt: skip
    store = visit.office.simulated.office.store
    first = visit.office.simulated.office.definitions("ApptConfirmed")[0]["DefNum"]
    assert visit.change(confirmation={"status": word}).status == 200

    assert visit.row["Confirmed"] == (int(store.preference(names[word])) if word in names else first)
    assert visit.writes() == ["appointments.Confirm"]


def test_a_confirmation_takes_the_offices_own_definition(visit: Visit) -> None:
    wanted = visit.office.simulated.office.definitions("ApptConfirmed")[5]["DefNum"]
    result = result_of(visit.change(confirmation={"definition_id": visit.id("definition", wanted)}))

    assert result["confirmation"]["definition_id"] == visit.id("definition", wanted)


def test_a_definition_of_another_kind_is_refused_before_the_visit_is_moved(visit: Visit) -> None:
    payment_type = visit.office.simulated.office.definitions("PaymentTypes")[0]["DefNum"]
    before = visit.row
    refused = visit.change(
        local_start=visit.at(60), confirmation={"definition_id": visit.id("definition", payment_type)}
    )

    assert (refused.status, refused.body["param"]) == (404, "confirmation")
    assert visit.row == before


def test_a_meaning_that_the_office_has_no_status_for_is_refused(visit: Visit) -> None:
    visit.office.simulated.office.store.set_preference("ApptEConfirmStatusDeclined", "0")
    refused = visit.change(confirmation={"status": "declined"}, note="never written")

    assert (refused.status, refused.body["code"], refused.body["reason"]) == (409, "conflict", "not-set-up")
    assert visit.writes() == []


@pytest.mark.parametrize(
    ("status", "shown", "column"),
    [
        ("arrived", "arrived", "DateTimeArrived"),
        ("in_chair", "in_chair", "DateTimeSeated"),
    ],
)
def test_who_comes_is_stamped_by_the_offices_own_status(status: str, shown: str, column: str, visit: Visit) -> None:
    visit.come()
    before = visit.row
    result = result_of(visit.change(status=status))

    assert result["status"] == shown
    assert changed(before, visit.row) == {"Confirmed", column}
    assert_a_get_shows(visit.office, "/appointments", result)


def test_a_patient_comes_sits_down_and_goes(visit: Visit) -> None:
    visit.come()
    seen = [result_of(visit.change(status=word)) for word in ("arrived", "in_chair", "dismissed")]

    assert [one["status"] for one in seen] == ["arrived", "in_chair", "arrived"]
    assert all(seen[-1][name] for name in ("arrived_at", "seated_at", "dismissed_at"))


def test_without_a_status_that_stamps_it_the_time_itself_is_written(visit: Visit) -> None:
    visit.come()
    visit.office.simulated.office.store.set_preference("AppointmentTimeArrivedTrigger", "0")
    before = visit.row
    result = result_of(visit.change(status="arrived"))

    assert (result["status"], changed(before, visit.row)) == ("arrived", {"DateTimeArrived"})


def test_an_office_that_can_be_told_neither_is_too_old() -> None:
    with deployed("--version", "25.1.20", scopes=SCOPES) as office:
        visit = Visit(office)
        visit.come()
        office.simulated.office.store.set_preference("AppointmentTimeArrivedTrigger", "0")
        refused = visit.change(status="arrived", note="never written")

        assert (refused.status, refused.body["code"], refused.body["version"]) == (409, "version-too-old", "25.2.10")
        assert visit.writes() == []


@pytest.mark.parametrize("status", ["arrived", "in_chair", "dismissed"])
def test_nobody_comes_to_a_visit_of_another_day_unless_that_is_said(status: str, visit: Visit) -> None:
    refused = visit.change(status=status)

    assert (refused.status, refused.body["reason"], refused.body["param"]) == (409, "other-day", "status")
    assert visit.writes() == []
    assert visit.change(status=status, allow_other_day=True).status == 200


@pytest.mark.parametrize("came", [("arrived",), ("arrived", "in_chair"), ("arrived", "in_chair", "dismissed")])
def test_that_a_patient_came_can_be_taken_back(came: tuple[str, ...], visit: Visit) -> None:
    visit.come()
    before = visit.row
    for word in came:
        assert visit.change(status=word).status == 200
    visit.office.upstream_calls.clear()
    result = result_of(visit.change(status="scheduled"))

    assert (result["status"], changed(before, visit.row)) == ("scheduled", set())
    assert visit.writes() == ["appointments.update"]
    assert_a_get_shows(visit.office, "/appointments", result)


def test_a_confirmation_that_says_nothing_of_presence_stays_when_that_is_taken_back(visit: Visit) -> None:
    visit.office.simulated.office.store.set_preference("AppointmentTimeArrivedTrigger", "0")
    visit.come()
    assert visit.change(confirmation={"status": "confirmed"}).status == 200
    assert visit.change(status="arrived").status == 200
    confirmed = visit.row["Confirmed"]

    assert result_of(visit.change(status="scheduled"))["status"] == "scheduled"
    assert visit.row["Confirmed"] == confirmed


def test_a_visit_that_somebody_came_to_is_not_moved_to_another_day_by_mistake(visit: Visit) -> None:
    visit.come()
    assert visit.change(status="arrived").status == 200
    tomorrow: dict[str, Any] = {"local_start": visit.at(24 * 60), "allow_outside_schedule": True}
    refused = visit.change(**tomorrow)
    moved = result_of(visit.change(**tomorrow, status="scheduled"))

    assert (refused.status, refused.body["reason"]) == (409, "arrived")
    assert (moved["status"], moved["local_start"]) == ("scheduled", visit.at(24 * 60))


def test_a_broken_visit_that_somebody_came_to_is_scheduled_again_as_asked(visit: Visit) -> None:
    visit.come()
    for word in ("arrived", "cancelled"):
        assert visit.change(status=word).status == 200

    assert result_of(visit.change(status="scheduled"))["status"] == "scheduled"


def test_an_office_that_cannot_have_an_arrival_taken_back_is_too_old() -> None:
    with deployed("--version", "25.1.20", scopes=SCOPES) as office:
        visit = Visit(office)
        visit.come()
        assert visit.change(status="arrived").status == 200
        office.upstream_calls.clear()
        refused = visit.change(status="scheduled")

        assert (refused.status, refused.body["code"], refused.body["version"]) == (409, "version-too-old", "25.2.10")
        assert visit.writes() == []


def test_what_is_not_as_asked_in_the_end_is_no_success(visit: Visit) -> None:
    visit.come()
    assert visit.change(status="arrived").status == 200
    visit.office.faulty("status", "appointments.update", status=200, text="{}", work=False)
    failed = visit.change(status="scheduled")

    assert (failed.status, failed.body["code"]) == (409, "partly-done")


@pytest.mark.parametrize(
    ("status", "away", "shown", "code"),
    [
        ("broken", False, "broken", None),
        ("broken", True, "unscheduled", None),
        ("no_show", False, "no_show", "D9986"),
        ("cancelled", False, "cancelled", "D9987"),
        ("no_show", True, "unscheduled", "D9986"),
    ],
)
def test_a_visit_is_broken_as_the_office_breaks_visits(
    status: str, away: bool, shown: str, code: str | None, visit: Visit
) -> None:
    office = visit.office
    procedures = len(office.rows("procedurelog"))
    result = result_of(visit.change(status=status, to_unscheduled_list=away))

    assert result["status"] == shown
    assert_a_get_shows(office, "/appointments", result)
    added = office.rows("procedurelog")[procedures:]
    charted = [row_of(office, "procedurecode", "CodeNum", row["CodeNum"])["ProcCode"] for row in added]
    assert charted == ([code] if code else [])


def test_what_the_office_does_not_chart_is_refused_before_anything_is_written(visit: Visit) -> None:
    visit.office.simulated.office.store.set_preference("BrokenApptProcedure", "1")
    refused = visit.change(status="cancelled", note="never written")

    assert (refused.status, refused.body["reason"], visit.writes()) == (409, "not-set-up", [])


def test_a_visit_leaves_the_schedule_and_comes_back(visit: Visit) -> None:
    gone = result_of(visit.change(status="unscheduled"))
    assert (gone["status"], gone["local_start"], gone["unscheduled_from"]) == ("unscheduled", None, visit.at(0))
    refused = [
        visit.change(local_start=visit.at(60)),
        visit.change(status="scheduled"),
        visit.change(status="arrived"),
        visit.change(status="no_show"),
    ]
    assert [(one.status, one.body["code"]) for one in refused] == [
        (409, "conflict"), (400, "invalid"), (409, "conflict"), (409, "conflict"),
    ]  # fmt: skip
    back = result_of(visit.change(status="scheduled", local_start=visit.at(60), operatory_id=visit.id("operatory", 1)))

    assert (back["status"], back["local_start"]) == ("scheduled", visit.at(60))
    assert_a_get_shows(visit.office, "/appointments", back)


def test_a_broken_visit_is_scheduled_again_where_it_stood(visit: Visit) -> None:
    assert visit.change(status="broken").status == 200

    assert result_of(visit.change(status="scheduled"))["status"] == "scheduled"


def test_a_new_kind_of_visit_brings_its_procedures_and_leaves_the_length(visit: Visit) -> None:
    store = visit.office.simulated.office.store
    kind = next(row for row in store.find("appointmenttype", {"IsHidden": 0}) if row["CodeStr"] and row["Pattern"])
    before = visit.row
    result = result_of(visit.change(appointment_type_id=visit.id("appointment_type", kind["AppointmentTypeNum"])))

    assert result["procedure_ids"]
    assert result["duration_minutes"] == 40
    assert changed(before, visit.row) <= {"AppointmentTypeNum", "ColorOverride", "ProcDescript"}


def test_a_completed_visit_is_neither_moved_nor_broken(visit: Visit) -> None:
    visit.office.simulated.office.store.update("appointment", visit.key, {"AptStatus": 2})
    refused = [visit.change(local_start=visit.at(60)), visit.change(status="broken"), visit.change(status="arrived")]

    assert [(one.status, one.body["reason"]) for one in refused] == [(409, "completed")] * 3
    assert visit.writes() == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "body"),
        ({"allow_double_booking": True}, "body"),
        ({"status": "broken", "duration_minutes": 20}, "duration_minutes"),
        ({"status": "unscheduled", "local_start": "2026-03-09T09:00:00"}, "local_start"),
        ({"status": "arrived", "confirmation": {"status": "confirmed"}}, "confirmation"),
        ({"status": "scheduled", "to_unscheduled_list": True}, "to_unscheduled_list"),
        ({"duration_minutes": 20, "pattern": "XX"}, "pattern"),
        ({"confirmation": {"status": "sent", "definition_id": "def_x"}}, "confirmation.status"),
        ({"local_start": None}, "local_start"),
        ({"provider_id": None}, "provider_id"),
        ({"local_start": "2026-03-08T02:30:00"}, "local_start"),
        ({"status": "completed"}, "status"),
        ({"patient_id": "pat_x"}, "patient_id"),
    ],
)
def test_what_does_not_go_together_is_refused_and_nobody_is_asked(
    body: dict[str, Any], param: str, visit: Visit
) -> None:
    refused = visit.change(**body)

    assert (refused.status, refused.body["code"], refused.body["param"]) == (400, "invalid", param)
    assert visit.office.upstream_calls == []


@pytest.mark.parametrize("kind", ["drop_answer", "lose_request"])
def test_a_break_whose_answer_is_lost_happens_once(kind: str, visit: Visit) -> None:
    visit.office.faulty(kind, "appointments.Break")
    answer = visit.change(status="no_show")
    settled = visit.office.settled(answer)

    charted = [row for row in visit.office.rows("procedurelog") if row["AptNum"] == 0 and row["PatNum"] == 1]
    codes = [row_of(visit.office, "procedurecode", "CodeNum", row["CodeNum"])["ProcCode"] for row in charted]
    assert (answer.status, answer.body["state"]) == (202, "unknown")
    if kind == "drop_answer":
        assert (settled["state"], settled["result"]["status"], codes.count("D9986")) == ("succeeded", "no_show", 1)
    else:
        assert (settled["state"], settled["error"]["code"], codes.count("D9986")) == ("failed", "not-written", 0)


@pytest.mark.parametrize("kind", ["drop_answer", "lose_request"])
def test_a_move_whose_answer_is_lost_is_made(kind: str, visit: Visit) -> None:
    visit.office.faulty(kind, "appointments.update")
    settled = visit.office.settled(visit.change(local_start=visit.at(60)))

    assert (settled["state"], settled["result"]["local_start"]) == ("succeeded", visit.at(60))
    assert visit.row["AptDateTime"] == visit.at(60).replace("T", " ")


def test_a_confirmation_that_fails_behind_a_move_says_what_stands(visit: Visit) -> None:
    visit.office.faulty("status", "appointments.Confirm", status=400, text="defNum is invalid.", work=False)
    failed = visit.change(local_start=visit.at(60), confirmation={"status": "confirmed"})

    assert (failed.status, failed.body["code"]) == (409, "partly-done")
    assert [one["step"] for one in failed.body["done"]] == ["change"]
    assert failed.body["remaining"] == "confirm"
    assert visit.row["AptDateTime"] == visit.at(60).replace("T", " ")


def test_one_key_is_one_change(visit: Visit) -> None:
    answers = [visit.change(status="no_show", key="the-same-key") for _ in range(2)]
    other = visit.change(status="cancelled", key="the-same-key")

    assert [one.status for one in answers] == [200, 200]
    assert answers[0].body == answers[1].body
    assert visit.writes() == ["appointments.Break"]
    assert (other.status, other.body["code"]) == (422, "key-reused")


def test_without_the_scope_nothing_is_asked(visit: Visit) -> None:
    visit.office.grant("*:read")
    refused = visit.change(note="x")

    assert (refused.status, refused.body["code"], refused.body["scope"]) == (403, "scope-missing", "appointments:write")
    assert visit.office.upstream_calls == []


def test_without_the_permission_nothing_is_asked(visit: Visit) -> None:
    visit.office.know(permissions=frozenset({"ReadAll", "Comm"}))

    assert visit.change(note="x").body["permission"] == "Appointments"
    assert visit.office.upstream_calls == []
    assert visit.change(confirmation={"status": "confirmed"}).status == 200


def test_another_practices_ids_name_nothing_here() -> None:
    with deployed(practices=2, scopes=SCOPES) as office:
        visit = Visit(office)
        there = list(office.servers)[1]
        elsewhere = visit.change(provider_id=row_id("provider", there, 1))
        office.grant("*:read", "appointments:write")
        client = office.on.callers.client("cli_ada")
        office.on.callers.put_client(type(client)(client.id, client.name, frozenset({there}), client.scopes))
        not_mine = visit.change(note="x")

    assert (elsewhere.status, elsewhere.body["param"]) == (404, "provider_id")
    assert not_mine.status == 404


def test_a_time_that_another_client_holds_is_refused_until_the_hold_is_over(visit: Visit) -> None:
    office = visit.office
    other = replace(office.on.callers.client(CLIENT), id="cli_bob", scopes=frozenset({"*:read", "appointments:write"}))
    office.on.callers.put_client(other)
    wanted = {"provider_id": visit.id("provider", 1), "operatory_id": visit.id("operatory", 1)}
    slot = {**wanted, "local_start": visit.at(60), "duration_minutes": 40}
    held = office.send("POST", "/slots/hold", body=slot, key="their-hold", client_id="cli_bob")
    assert held.status == 201, held.body
    refused = visit.change(local_start=visit.at(60))

    assert (refused.status, refused.body["code"], refused.body["reason"]) == (409, "clash", "held")
    assert visit.writes() == []
    office.on.clock.sleep(600)
    assert visit.change(local_start=visit.at(60)).status == 200


def test_a_visit_is_not_moved_to_a_day_that_is_over_by_mistake(visit: Visit) -> None:
    past: dict[str, Any] = {
        "local_start": "2026-01-05T09:00:00",
        "allow_outside_schedule": True,
        "allow_double_booking": True,
    }
    refused = visit.change(**past)

    assert (refused.status, refused.body["param"], visit.writes()) == (400, "local_start", [])
    assert visit.change(**past, allow_past=True).status == 200
