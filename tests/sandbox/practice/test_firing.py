"""What a subscriber of the simulated practice can count on, and what not."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread
from typing import Any

import pytest

from infra.sandbox.practice.__main__ import build, parser
from infra.sandbox.practice.firing import WATCHED, Call, post
from infra.sandbox.practice.keys import CUSTOMER_KEY

from .conftest import Running

URL = "http://127.0.0.1:9/hooks/?of=elm"


@dataclass
class Subscriber:
    """Takes calls and answers as told; `meanwhile` happens while a call is under way."""

    calls: list[Call] = field(default_factory=list)
    answers: list[int | Exception] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def __call__(self, call: Call) -> int:
        self.calls.append(call)
        self.meanwhile()
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def rows(self) -> list[list[dict[str, Any]]]:
        return [json.loads(call.body) for call in self.calls]


@pytest.fixture
def subscriber(practice: Running) -> Subscriber:
    return listen(practice)


def listen(practice: Running) -> Subscriber:
    practice.practice.firing.post = made = Subscriber()
    return made


def subscribe(practice: Running, table: str = "Patient", **told: object) -> int:
    body = {"EndPointUrl": URL, "WatchTable": table, "PollingSeconds": 10, "Workstation": "FRONTDESK"} | told
    made = practice.api.post("subscriptions", json=body)
    assert made.status_code == 201, made.text
    return int(made.json()["SubscriptionNum"])


def start_of(practice: Running, subscription: int) -> str:
    (row,) = practice.store.find("apisubscription", {"SubscriptionNum": subscription})
    return str(row["DateTimeStart"])


def later(practice: Running, seconds: float) -> None:
    practice.clock.advance(seconds)
    practice.practice.firing.tick(practice.clock.now())


def patient(practice: Running, name: str = "Sample") -> int:
    return practice.store.insert("patient", {"LName": name})


def test_rows_that_changed_are_posted_as_the_api_shows_them_without_its_clock(
    practice: Running, subscriber: Subscriber
) -> None:
    subscribe(practice, "Provider")
    key = practice.store.insert("provider", {"Abbr": "DOC"})
    later(practice, 10)

    (call,) = subscriber.calls
    shown = practice.get(f"providers/{key}")
    shown.pop("serverDateTime")
    assert json.loads(call.body) == [shown]
    assert call.url == URL
    assert call.headers == {
        "Authorization": CUSTOMER_KEY,
        "Content-Type": "application/json",
        "Workstation": "FRONTDESK",
        "Event-Type": "WatchTable: Provider",
    }


def test_it_polls_when_its_seconds_are_over_and_not_before(practice: Running, subscriber: Subscriber) -> None:
    subscribe(practice)
    patient(practice)
    later(practice, 9)
    assert subscriber.calls == []
    later(practice, 1)
    assert len(subscriber.calls) == 1


def test_without_a_change_nothing_is_sent_and_the_start_moves_all_the_same(
    practice: Running, subscriber: Subscriber
) -> None:
    key = subscribe(practice)
    later(practice, 10)
    assert (subscriber.calls, start_of(practice, key)) == ([], "2026-03-02 12:00:10")


def test_at_the_border_of_two_polls_nothing_is_told_twice_or_missed(practice: Running, subscriber: Subscriber) -> None:
    subscribe(practice)
    patient(practice, "At the start")
    practice.clock.advance(10)
    patient(practice, "At the poll")
    later(practice, 0)
    later(practice, 10)
    assert [[row["LName"] for row in rows] for rows in subscriber.rows] == [["At the start"], ["At the poll"]]


def test_only_the_last_state_of_an_interval_is_told_and_in_order_of_the_stamps(
    practice: Running, subscriber: Subscriber
) -> None:
    subscribe(practice)
    first, second = patient(practice, "First"), patient(practice, "Second")
    practice.clock.advance(1)
    practice.store.update("patient", first, {"LName": "Changed"})
    practice.clock.advance(1)
    practice.store.update("patient", first, {"LName": "Again"})
    later(practice, 8)
    assert [[(row["PatNum"], row["LName"]) for row in rows] for rows in subscriber.rows] == [
        [(second, "Second"), (first, "Again")]
    ]


def test_a_change_by_the_api_itself_is_told_as_well(practice: Running, subscriber: Subscriber) -> None:
    subscribe(practice)
    practice.api.post("patients", json={"LName": "Sample", "FName": "Ann"})
    later(practice, 10)
    assert len(subscriber.calls) == 1


def test_patients_are_told_whatever_their_status(practice: Running, subscriber: Subscriber) -> None:
    subscribe(practice)
    practice.store.insert("patient", {"LName": "Gone", "PatStatus": 4})
    later(practice, 10)
    assert subscriber.rows[0][0]["PatStatus"] == "Deleted"


def many(practice: Running, count: int) -> None:
    for number in range(count):
        practice.store.insert(
            "patient", {"LName": f"P{number}", "DateTStamp": f"2026-03-02 12:{number // 60 % 60:02}:{number % 60:02}"}
        )


def test_more_than_a_thousand_rows_go_out_in_several_calls(practice: Running, subscriber: Subscriber) -> None:
    key = subscribe(practice)
    many(practice, 2001)
    later(practice, 3600)
    assert [len(rows) for rows in subscriber.rows] == [1000, 1000, 1]
    assert start_of(practice, key) == "2026-03-02 13:00:00"


def test_before_blocks_there_was_one_call(start: Callable[..., Running]) -> None:
    practice = start(version="23.2.0")
    subscriber = listen(practice)
    subscribe(practice)
    many(practice, 1001)
    later(practice, 3600)
    assert [len(rows) for rows in subscriber.rows] == [1001]


def test_a_row_edited_between_two_blocks_hides_another(practice: Running, subscriber: Subscriber) -> None:
    """What a receiver loses without noticing, so that it has to read by itself as well."""
    subscribe(practice)
    many(practice, 1500)
    practice.clock.advance(3600)
    subscriber.meanwhile = lambda: practice.store.update("patient", 1, {"LName": "Edited"})
    later(practice, 0)
    told = {row["LName"] for rows in subscriber.rows for row in rows}
    assert {f"P{number}" for number in range(1500)} - told == {"P1000"}


def test_a_later_block_that_fails_sends_the_earlier_ones_again(practice: Running, subscriber: Subscriber) -> None:
    key = subscribe(practice)
    many(practice, 1500)
    subscriber.answers = [200, 500]
    later(practice, 3600)
    assert start_of(practice, key) == "2026-03-02 12:00:00"
    later(practice, 1)
    assert [len(rows) for rows in subscriber.rows] == [1000, 500, 1000, 500]
    assert start_of(practice, key) == "2026-03-02 13:00:01"


@pytest.mark.parametrize("answer", [201, 204, 301, 404, 500, ConnectionRefusedError(), TimeoutError()])
def test_only_200_is_a_success(practice: Running, subscriber: Subscriber, answer: int | Exception) -> None:
    key = subscribe(practice)
    patient(practice)
    subscriber.answers = [answer]
    later(practice, 10)
    assert start_of(practice, key) == "2026-03-02 12:00:00"
    later(practice, 1)
    assert start_of(practice, key) == "2026-03-02 12:00:11"
    assert subscriber.rows[0] == subscriber.rows[1]


def test_what_failed_comes_after_the_others(practice: Running, subscriber: Subscriber) -> None:
    failing, healthy = subscribe(practice), subscribe(practice, "Provider", PollingSeconds=1)
    patient(practice)
    subscriber.answers = [500]
    later(practice, 10)
    practice.store.insert("provider", {"Abbr": "DOC"})
    later(practice, 1)
    told = [event["subscription"] for event in practice.control.get("/events").json()]
    assert told == [failing, healthy, failing]


def test_after_an_outage_three_days_are_sent_and_what_is_older_never_comes(
    practice: Running, subscriber: Subscriber
) -> None:
    key = subscribe(practice)
    patient(practice, "Lost")
    practice.clock.advance(86400)
    patient(practice, "Kept")
    later(practice, 3 * 86400)
    assert [[row["LName"] for row in rows] for rows in subscriber.rows] == [["Kept"]]
    assert start_of(practice, key) == "2026-03-06 12:00:00"


def test_while_the_machine_is_off_nothing_is_sent_and_nothing_moves(practice: Running, subscriber: Subscriber) -> None:
    key = subscribe(practice)
    patient(practice)
    practice.control.put("/settings", json={"programs": []}).raise_for_status()
    later(practice, 100)
    assert (subscriber.calls, start_of(practice, key)) == ([], "2026-03-02 12:00:00")
    practice.control.put("/settings", json={"programs": ["FRONTDESK"]}).raise_for_status()
    later(practice, 1)
    assert len(subscriber.calls) == 1


def test_a_subscription_of_a_machine_is_fired_by_every_sender_on_it_and_by_no_other(
    practice: Running, subscriber: Subscriber
) -> None:
    practice.control.put("/settings", json={"programs": ["FRONTDESK", "CHAIR1"], "services": ["FrontDesk"]})
    subscribe(practice)
    patient(practice)
    later(practice, 10)
    assert [call.headers["Workstation"] for call in subscriber.calls] == ["FRONTDESK", "FrontDesk"]
    assert subscriber.rows[0] == subscriber.rows[1]


@pytest.mark.parametrize(
    ("version", "named", "machines"),
    [
        ("26.2.0", "", 2),
        ("26.2.0", "All Workstations", 0),
        ("26.2.1", "All Workstations", 2),
        ("26.2.1", "CHAIR1", 1),
    ],
)
def test_who_means_all_machines_gets_an_event_from_each(
    start: Callable[..., Running], version: str, named: str, machines: int
) -> None:
    practice = start(version=version, programs=("FRONTDESK", "CHAIR1"))
    subscriber = listen(practice)
    subscribe(practice, Workstation=named)
    patient(practice)
    later(practice, 10)
    assert len(subscriber.calls) == machines


def test_from_26_2_1_on_a_subscription_names_its_machine(start: Callable[..., Running]) -> None:
    body = {"EndPointUrl": URL, "WatchTable": "Patient", "PollingSeconds": 10}
    assert start(version="26.2.0").api.post("subscriptions", json=body).status_code == 201
    assert start(version="26.2.1").api.post("subscriptions", json=body).status_code == 400


@pytest.mark.parametrize("table", WATCHED)
def test_a_table_can_be_watched_from_its_version_on(start: Callable[..., Running], table: str) -> None:
    year, *rest = (int(part) for part in WATCHED[table].since.split("."))
    body = {"EndPointUrl": URL, "WatchTable": table, "PollingSeconds": 10, "Workstation": "FRONTDESK"}
    if WATCHED[table].since != "22.1":
        before = start(version=f"{year}.{rest[0]}.{rest[1] - 1}" if len(rest) > 1 else f"{year}.{rest[0] - 1}.99")
        assert before.api.post("subscriptions", json=body).status_code == 400
    assert start(version=WATCHED[table].since).api.post("subscriptions", json=body).status_code == 201


@pytest.mark.parametrize("table", [name for name, watched in WATCHED.items() if not watched.deleted])
def test_every_watched_table_tells_of_a_new_row_and_of_a_changed_one(start: Callable[..., Running], table: str) -> None:
    practice = start(version="26.3")
    subscriber = listen(practice)
    shape = {"Operatory": ("operatory", "OpName"), "PatField": ("patfield", "FieldValue")}
    name, column = shape.get(table, (table.lower(), {"Patient": "LName", "Provider": "Abbr"}.get(table, "")))
    subscribe(practice, table)
    key = practice.store.insert(name, {})
    later(practice, 10)
    if column:
        practice.store.update(name, key, {column: "Changed"})
        later(practice, 10)
    assert len(subscriber.calls) == (2 if column else 1)


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ("LabCaseDeleted", "labcase"),
        ("MedicationPatDeleted", "medicationpat"),
        ("PatFieldDeleted", "patfield"),
        ("ScheduleDeleted", "schedule"),
        ("ToothInitialDeleted", "toothinitial"),
    ],
)
def test_what_is_deleted_is_told_by_its_key(start: Callable[..., Running], table: str, name: str) -> None:
    practice = start(version="26.3")
    subscriber = listen(practice)
    subscribe(practice, table)
    key, kept = practice.store.insert(name, {}), practice.store.insert(name, {})
    practice.store.delete(name, key)
    later(practice, 10)
    (rows,) = subscriber.rows
    assert [list(row.values()) for row in rows] == [[key]]
    assert kept != key


def test_a_deleted_visit_is_told_from_its_history_by_the_stamp_of_the_history(
    practice: Running, subscriber: Subscriber
) -> None:
    subscribe(practice, "AppointmentDeleted")
    past = {"DateTStamp": "2026-01-01 08:00:00", "HistDateTStamp": "2026-03-02 12:00:05"}
    number = {
        word: practice.practice.office.code("histappointment", "HistApptAction", word)
        for word in ("Changed", "Deleted")
    }
    practice.store.insert("histappointment", past | {"AptNum": 7, "HistApptAction": number["Deleted"]})
    practice.store.insert("histappointment", past | {"AptNum": 8, "HistApptAction": number["Changed"]})
    later(practice, 10)
    assert [[(row["AptNum"], row["HistApptAction"]) for row in rows] for rows in subscriber.rows] == [[(7, "Deleted")]]


def test_an_expired_subscription_fires_no_more_and_its_equal_may_begin(
    practice: Running, subscriber: Subscriber
) -> None:
    key = subscribe(practice)
    patient(practice)
    body = {"EndPointUrl": URL, "WatchTable": "Patient", "PollingSeconds": 99, "Workstation": "FRONTDESK"}
    assert practice.api.post("subscriptions", json=body).status_code == 400
    stop = str(practice.clock.now() + timedelta(seconds=5))
    practice.api.put(f"subscriptions/{key}", json={"DateTimeStop": stop}).raise_for_status()
    later(practice, 10)
    assert subscriber.calls == []
    assert practice.api.post("subscriptions", json=body).status_code == 201


def test_a_start_set_back_tells_it_again(practice: Running, subscriber: Subscriber) -> None:
    key = subscribe(practice)
    patient(practice)
    later(practice, 10)
    practice.api.put(f"subscriptions/{key}", json={"DateTimeStart": "2026-03-02 12:00:00"}).raise_for_status()
    later(practice, 1)
    assert len(subscriber.calls) == 2
    assert subscriber.rows[0] == subscriber.rows[1]


def test_a_table_is_not_watched_without_a_pace(practice: Running) -> None:
    told = {"EndPointUrl": URL, "WatchTable": "Patient"}
    assert practice.api.post("subscriptions", json=told).status_code == 400


def test_failures_are_counted_and_put_off_from_26_1_on(start: Callable[..., Running]) -> None:
    practice = start(version="26.1", event_retry_s=30.0)
    subscriber = listen(practice)
    subscribe(practice)
    patient(practice)
    subscriber.answers = [503, 503]
    later(practice, 10)
    later(practice, 29)
    assert len(subscriber.calls) == 1
    later(practice, 1)
    (row,) = practice.get("subscriptions")
    assert (row["SubsequentFailures"], row["DateTimeLastFailure"]) == (2, "2026-03-02 12:00:40")
    assert row["DateTimeNextRetry"] == "2026-03-02 12:01:10"
    assert "503" in row["FailureReason"]
    later(practice, 30)
    assert practice.get("subscriptions")[0]["SubsequentFailures"] == 0


def test_an_older_office_says_nothing_of_failures(practice: Running, subscriber: Subscriber) -> None:
    subscribe(practice)
    patient(practice)
    subscriber.answers = [503]
    later(practice, 10)
    assert not {"SubsequentFailures", "FailureReason"} & practice.get("subscriptions")[0].keys()


def test_older_offices_say_less_in_their_headers(start: Callable[..., Running]) -> None:
    practice = start(version="22.4.27")
    subscriber = listen(practice)
    subscribe(practice)
    patient(practice)
    later(practice, 10)
    assert subscriber.calls[0].headers.keys() == {"Authorization", "Content-Type"}


def test_a_patient_opened_in_the_program_is_told_as_one_object(practice: Running, subscriber: Subscriber) -> None:
    ann = patient(practice, "Ann")
    body = {"EndPointUrl": URL, "UiEventType": "PatientSelected", "Workstation": "FRONTDESK"}
    assert practice.api.post("subscriptions", json=body).json()["PollingSeconds"] == 0
    assert practice.control.post("/select", json={"PatNum": ann}).json() == 1

    (call,) = subscriber.calls
    assert (json.loads(call.body)["PatNum"], json.loads(call.body)["LName"]) == (ann, "Ann")
    assert call.headers["Event-Type"] == "UiEventType: PatientSelected"
    later(practice, 100)
    assert len(subscriber.calls) == 1


def test_the_service_has_no_screen(practice: Running, subscriber: Subscriber) -> None:
    ann = patient(practice, "Ann")
    practice.control.put("/settings", json={"programs": ["CHAIR1"], "services": ["FRONTDESK"]})
    practice.api.post(
        "subscriptions", json={"EndPointUrl": URL, "UiEventType": "PatientSelected", "Workstation": "FRONTDESK"}
    )
    assert practice.control.post("/select", json={"PatNum": ann, "machine": "FRONTDESK"}).status_code == 400
    assert practice.control.post("/select", json={"PatNum": ann, "machine": "CHAIR1"}).json() == 0
    assert subscriber.calls == []


@pytest.mark.parametrize(("kind", "heard"), [("drop_answer", 2), ("lose_request", 1)])
def test_a_fault_in_a_block_fails_it_and_leaves_calls_of_the_api_alone(
    practice: Running, subscriber: Subscriber, kind: str, heard: int
) -> None:
    key = subscribe(practice)
    many(practice, 1500)
    practice.control.post("/faults", json={"kind": "offline", "match": "*"})
    practice.control.post("/faults", json={"kind": kind, "match": "event.*", "after": 1})
    later(practice, 3600)
    assert len(subscriber.calls) == heard
    assert start_of(practice, key) == "2026-03-02 12:00:00"
    assert practice.api.get("providers").status_code == 400


def test_the_log_of_events_holds_neither_rows_nor_keys(practice: Running, subscriber: Subscriber) -> None:
    subscribe(practice)
    patient(practice, "Uniquename")
    later(practice, 10)
    told = practice.control.get("/events").text
    assert json.loads(told) == [
        {
            "at": "2026-03-02 12:00:10",
            "subscription": 1,
            "event": "WatchTable: Patient",
            "machine": "FRONTDESK",
            "rows": 1,
            "outcome": "200",
        }
    ]
    assert "DEMO" not in told
    practice.control.delete("/events")
    assert practice.control.get("/events").json() == []


def test_a_call_really_goes_out_and_its_status_comes_back() -> None:
    heard: list[tuple[str, str, bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.path, self.headers["Authorization"], body))
            self.send_response(202)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/hooks/?of=elm"
        assert post(Call(url, {"Authorization": "not-a-real-key"}, b"[]", 10)) == 202
        thread.join()
    assert heard == [("/hooks/?of=elm", "not-a-real-key", b"[]")]


def test_a_practice_that_runs_by_itself_fires_by_itself() -> None:
    server = build(parser().parse_args(["--patients", "0", "--time-scale", "50"]))
    heard: list[Call] = []
    office = server.practice.office
    called = Event()

    def take(call: Call) -> int:
        heard.append(call)
        called.set()
        return 200

    server.practice.firing.post = take
    office.store.insert(
        "apisubscription", {"WatchTable": "Patient", "PollingSeconds": 1, "DateTimeStart": office.now()}
    )
    office.store.insert("patient", {"LName": "Sample"})
    with server:
        assert called.wait(timeout=20)
    office.store.close()
    assert json.loads(heard[0].body)[0]["LName"] == "Sample"
