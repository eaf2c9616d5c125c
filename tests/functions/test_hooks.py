"""What a practice's machines tell by themselves: from the office's database to the event, through both functions.

The machines are the simulated practice's own senders (`infra/sandbox/practice/firing.py`); only the socket is left out.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from functions.hooks.handler import MOST_BYTES, lambda_handler
from functions.take_hooks.handler import lambda_handler as take_hooks
from gateway.core.events.publishing import publish
from gateway.core.mirror.syncing import Native, Wanted
from gateway.wiring import hooks
from infra.sandbox.practice.firing import Call
from tests.fakes.deployment import IDS
from tests.fakes.events import LivingPublisher
from tests.fakes.gateway_events import Context, event
from tests.fakes.hooks import ROUTE, HookWorld, posted, told_of, worked_off
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office

EVERY = 5
"""PollingSeconds of the subscriptions."""


class Told:
    """A loaded office whose machines tell the gateway of what changes."""

    def __init__(self, office: MirroredOffice) -> None:
        self.office, self.on = office, office.on
        self.key = self.on.vault.keys(office.id).customer
        self.world = HookWorld(self.on, key=self.key)
        self.world.inbox.at_put = self._hear
        self.waiting: list[str] = []
        self.answers: list[int] = []
        self.meanwhile: Any = None
        self.simulated = office.d.simulated
        self.simulated.firing.post = self.post
        state = self.on.syncs.load(office.id)
        self.on.syncs.save_practice(replace(state, native=Native(wanted=True)))
        self.outbox = len(self.on.records.outbox)
        self.publisher = LivingPublisher(self.on)

    def _hear(self, name: str) -> None:
        self.waiting.append(name)

    def post(self, call: Call) -> int:
        """What `Firing.post` does, without a socket."""
        path = call.url.partition("/v1")[2]
        answer = posted(path, call.headers, call.body.decode(), on=self.world)
        self.answers.append(answer["statusCode"])
        if self.meanwhile is not None:
            self.meanwhile()
        return int(answer["statusCode"])

    def subscribe(self, *tables: str, path: str | None = None) -> None:
        for table in tables:
            self.office.store.insert(
                "apisubscription",
                {
                    "EndPointUrl": f"https://api.example/v1{path or self.world.path(self.office.id)}",
                    "CustomerKey": self.key,
                    "WatchTable": table,
                    "PollingSeconds": EVERY,
                    "Workstation": "",
                    "DateTimeStart": str(self.office.clock.now().replace(microsecond=0)),
                    "DateTimeStop": "0001-01-01 00:00:00",
                },
            )

    def fire(self, seconds: int = EVERY + 1) -> None:
        """Time passes at the office, whose senders look at their subscriptions."""
        self.on.clock.seconds += seconds
        self.simulated.firing.tick(self.office.clock.now())

    def work_off(self) -> list[str]:
        """Have what was received worked off; the names that come back."""
        names, self.waiting = self.waiting, []
        return worked_off(*names, on=self.world)

    def events(self) -> list[Any]:
        """Publish what changed since the last time; the events of it."""
        changes = self.on.records.outbox[self.outbox :]
        self.outbox += len(changes)
        before = len(self.publisher.bus.came)
        publish(changes, self.publisher)
        return self.publisher.bus.came[before:]

    def visit(self) -> dict[str, Any]:
        row: dict[str, Any] = self.office.store.rows(
            "SELECT * FROM appointment WHERE AptStatus = 1 ORDER BY AptDateTime DESC"
        )[0]
        return row

    def note(self, key: int, resource: str = "appointments") -> Any:
        (kept,) = self.on.records.get(self.office.id, resource, [key])
        return kept


@contextmanager
def telling(*options: str) -> Iterator[Told]:
    with mirrored_office("--patients", "6", *options) as office:
        office.load()
        yield Told(office)


@pytest.fixture(scope="module")
def shared() -> Iterator[Told]:
    """One office for what leaves no trace in the others."""
    with telling() as told:
        told.subscribe("Appointment", "AppointmentDeleted", "Patient", "Provider")
        yield told


@pytest.fixture
def told(shared: Told) -> Told:
    shared.fire()
    shared.work_off()
    shared.events()
    shared.answers.clear()
    shared.meanwhile = None
    shared.world.inbox.is_down = False
    return shared


def test_an_edit_at_the_office_is_in_the_mirror_and_told_as_native_without_a_call_of_ours(told: Told) -> None:
    visit = told.visit()
    calls = len(told.office.d.upstream_calls)
    told.on.clock.seconds += 1
    told.office.store.update("appointment", visit["AptNum"], {"Note": "moved by the office", "AptStatus": 5})
    told.fire()
    assert told.work_off() == []

    assert told.answers == [200]
    kept = told.note(visit["AptNum"])
    assert (kept.cause, kept.row["Note"]) == ("native", "moved by the office")
    assert told.office.differences() == {}
    events = told.events()
    assert {(one.type, one.cause.value) for one in events} == {
        ("appointment.broken", "native"),
        ("appointment.updated", "native"),
    }
    assert "moved by the office" not in json.dumps([one.told() for one in events])
    assert len(told.office.d.upstream_calls) == calls
    assert told.world.inbox.posts == {}


def test_the_next_poll_finds_nothing_new_in_what_was_told(told: Told) -> None:
    visit = told.visit()
    told.on.clock.seconds += 1
    told.office.store.update("appointment", visit["AptNum"], {"Note": "told once"})
    told.fire()
    told.work_off()
    assert len(told.events()) == 1
    told.office.run(120)

    assert told.events() == []
    assert told.note(visit["AptNum"]).cause == "native"


def test_a_new_patient_is_there_and_told_at_once(told: Told) -> None:
    told.on.clock.seconds += 1
    key = told.office.store.insert("patient", {"LName": "Sample", "FName": "Newly"})
    told.office.store.update("patient", key, {"Guarantor": key})
    told.fire()
    told.work_off()

    assert told.note(key, "patients").row["FName"] == "Newly"
    (event_,) = told.events()
    assert (event_.type, event_.cause.value) == ("patient.created", "native")
    assert "Sample" not in json.dumps(event_.told())


def test_a_deleted_visit_is_looked_for_and_buried_by_what_a_read_says(told: Told) -> None:
    visit = told.visit()
    told.on.clock.seconds += 1
    told.office.d.simulated.office.store.delete("appointment", visit["AptNum"])
    told.office.store.insert(
        "histappointment",
        {"AptNum": visit["AptNum"], "HistApptAction": 4, "HistDateTStamp": str(told.office.clock.now())[:19]},
    )
    told.fire()
    told.work_off()
    assert told.on.syncs.load(told.office.id).resources["appointments"].suspects == (visit["AptNum"],)
    assert told.note(visit["AptNum"]).is_living
    told.office.run(120)

    assert told.on.records.get(told.office.id, "appointments", [visit["AptNum"]]) == []
    assert [(one.type, one.cause.value) for one in told.events()][:1] == [("appointment.deleted", "sweep")]


def test_a_failure_of_ours_costs_nothing_because_the_office_tries_again(told: Told) -> None:
    visit = told.visit()
    told.on.clock.seconds += 1
    told.office.store.update("appointment", visit["AptNum"], {"Note": "twice"})
    told.world.inbox.is_down = True
    told.fire()
    told.world.inbox.is_down = False
    told.fire(60)
    told.work_off()

    assert told.answers[0] == 503
    assert told.answers[-1] == 200
    assert told.note(visit["AptNum"]).row["Note"] == "twice"


def test_an_answer_that_was_lost_has_it_told_twice_and_stored_once(told: Told) -> None:
    visit = told.visit()
    told.on.clock.seconds += 1
    told.office.store.update("appointment", visit["AptNum"], {"Note": "once"})

    def lost() -> None:
        told.meanwhile = None
        raise TimeoutError

    told.meanwhile = lost
    told.fire()
    told.fire(60)
    assert len(told.waiting) == 2
    told.work_off()

    assert [one.cause.value for one in told.events()] == ["native"]


def test_bodies_that_are_worked_off_in_the_wrong_order_end_in_the_newest(told: Told) -> None:
    visit = told.visit()
    for note in ("first", "second", "third"):
        told.on.clock.seconds += 2
        told.office.store.update("appointment", visit["AptNum"], {"Note": note})
        told.fire()
    told.waiting.reverse()
    told.work_off()

    assert told.note(visit["AptNum"]).row["Note"] == "third"
    assert len(told.events()) == 1


def test_more_rows_than_a_block_has_come_in_several_calls_of_a_megabyte_and_are_all_here() -> None:
    with telling() as told:
        told.subscribe("Appointment")
        told.fire()
        told.work_off()
        told.answers.clear()
        like = {name: value for name, value in told.visit().items() if name not in {"AptNum", "DateTStamp"}}
        told.on.clock.seconds += 1
        new = [told.office.store.insert("appointment", {**like, "Note": f"{number} " * 250}) for number in range(1200)]
        received = told.world.inbox.posts

        told.fire()
        lengths = [len(received[name].body) for name in told.waiting]
        assert told.answers == [200, 200]
        assert 1_000_000 < lengths[0] < MOST_BYTES
        assert told.work_off() == []

        kept = told.on.records.get(told.office.id, "appointments", new)
        assert (len(kept), {one.cause for one in kept}) == (1200, {"native"})
        assert len({one.id for one in told.events() if one.type == "appointment.created"}) == 1200


def test_two_senders_tell_the_same_and_it_is_one_event() -> None:
    with telling() as told:
        told.simulated.settings.programs, told.simulated.settings.services = ("FRONTDESK", "DESK2"), ("SERVER",)
        told.subscribe("Appointment")
        visit = told.visit()
        told.on.clock.seconds += 1
        told.office.store.update("appointment", visit["AptNum"], {"Note": "by three"})
        told.fire()
        told.work_off()

        assert told.answers == [200, 200, 200]
        assert [one.cause.value for one in told.events()] == ["native"]


def test_whatever_does_not_prove_itself_is_answered_alike_and_kept_nowhere(told: Told) -> None:
    own = told.world.path(told.office.id)
    strange = own.replace(told.office.id, IDS[1])
    key = {"Authorization": told.key}
    sent = [
        (own, {}),
        (own, {"Authorization": "DEMOcusKEY000002"}),
        (own, {"Authorization": f"Bearer {told.key}"}),
        (f"{own}x", key),
        (strange, key),
        (f"/hooks/{told.office.id}/{'A' * 43}", key),
        ("/hooks/prac_nobodynobodynob/x", key),
    ]
    answers = [posted(path, headers, "[]", on=told.world) for path, headers in sent]

    assert {(answer["statusCode"], answer["body"]) for answer in answers} == {(404, answers[0]["body"])}
    assert told.world.inbox.posts == {}


def test_a_machine_that_selects_a_patient_changes_nothing(told: Told) -> None:
    headers = {"authorization": told.key, "event-type": "UiEventType: PatientSelected"}
    answer = posted(told.world.path(told.office.id), headers, '{"PatNum": 1, "LName": "Sample"}', on=told.world)

    assert (answer["statusCode"], answer["body"], told.work_off()) == (200, "", [])
    assert told.events() == []
    assert told.world.inbox.posts == {}


@pytest.mark.parametrize("body", ["", "<html>", "[" * 100_000, '{"AptNum": 1}', '[{"LName": "Sample"}]'])
def test_what_cannot_be_read_is_taken_kept_and_set_aside_without_a_word_of_it(
    told: Told, body: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Never refused: the office would send it for three days, and with it hold up what comes behind."""
    headers = {"Authorization": told.key, "Event-Type": "WatchTable: Appointment"}
    with caplog.at_level(logging.INFO):
        answer = posted(told.world.path(told.office.id), headers, body, on=told.world)
        (name,) = told.waiting
        came_back = told.work_off()

    assert (answer["statusCode"], came_back) == (200, [name])
    assert list(told.world.inbox.posts) == [name]
    said = caplog.text + "".join(capsys.readouterr())
    assert "Sample" not in said and told.key not in said and told.world.token(told.office.id) not in said
    told.world.inbox.drop(name)


def test_a_body_above_what_is_taken_is_refused(told: Told) -> None:
    headers = {"Authorization": told.key, "Event-Type": "WatchTable: Appointment"}
    answer = posted(told.world.path(told.office.id), headers, " " * (MOST_BYTES + 1), on=told.world)

    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (413, "too-large")
    assert told.world.inbox.posts == {}


def test_a_body_in_base64_is_kept_as_it_was(told: Told) -> None:
    path = told.world.path(told.office.id)
    _, _, practice_id, token = path.split("/")
    sent = event("POST", ROUTE, params={"practice_id": practice_id, "token": token}, client_id=None)
    sent |= {"body": base64.b64encode(b"\xff\x00[]").decode(), "isBase64Encoded": True}
    sent["multiValueHeaders"] = {"AUTHORIZATION": [told.key]}
    hooks.use(told.world)
    try:
        assert lambda_handler(sent, Context())["statusCode"] == 200
    finally:
        hooks.use(None)

    (post,) = told.world.inbox.posts.values()
    assert post.body == b"\xff\x00[]"
    told.world.inbox.posts.clear()
    told.waiting.clear()


def test_a_practice_whose_agreement_has_ended_is_told_so_and_nothing_is_kept() -> None:
    with telling() as told:
        told.subscribe("Appointment")
        visit, baa = told.visit(), told.on.practices.get(told.office.id).baa
        assert baa is not None
        told.office.d.know(baa=replace(baa, expires_on=(told.on.clock.now() - timedelta(days=1)).date()))
        told.on.clock.seconds += 1
        told.office.store.update("appointment", visit["AptNum"], {"Note": "while it was over"})
        told.fire()
        assert (told.answers, told.world.inbox.posts) == ([403], {})

        told.office.d.know(baa=replace(baa, expires_on=None))
        told.fire(3600)
        told.work_off()
        assert told.note(visit["AptNum"]).row["Note"] == "while it was over"


def test_where_native_events_were_turned_off_meanwhile_nothing_is_stored_and_the_body_deleted() -> None:
    with telling() as told:
        told.subscribe("Appointment")
        visit = told.visit()
        told.on.clock.seconds += 1
        told.office.store.update("appointment", visit["AptNum"], {"Note": "unwanted"})
        told.fire()
        state = told.on.syncs.load(told.office.id)
        told.on.syncs.save_practice(replace(state, native=Native(wanted=False)))
        assert told.work_off() == []

        assert (told.note(visit["AptNum"]).cause, told.world.inbox.posts) == ("load", {})
        told.on.syncs.save_practice(
            replace(told.on.syncs.load(told.office.id), wanted=Wanted.PAUSED, native=Native(wanted=True))
        )
        told.fire(60)
        assert told.work_off() == []
        assert told.note(visit["AptNum"]).cause == "load"


def test_a_call_that_cannot_be_read_keeps_no_other_of_its_message_from_being_worked_off(told: Told) -> None:
    """S3 may name several objects in one message, in no order, twice, and as they stand in a URL."""
    visit = told.visit()
    told.on.clock.seconds += 1
    told.office.store.update("appointment", visit["AptNum"], {"Note": "behind a bad one"})
    told.fire()
    headers = {"Authorization": told.key, "Event-Type": "WatchTable: Appointment"}
    posted(told.world.path(told.office.id), headers, "<html>", on=told.world)
    good, bad = told.waiting
    told.waiting.clear()
    records = [{"s3": {"object": {"key": quote(name, safe="")}}} for name in (bad, good, good)]
    message = told_of("x")
    message["Records"][0]["body"] = json.dumps({"Records": records})
    hooks.use(told.world)
    try:
        answer = take_hooks(message, Context())
    finally:
        hooks.use(None)

    assert [one["itemIdentifier"] for one in answer["batchItemFailures"]] == ["message-0"]
    assert told.note(visit["AptNum"]).row["Note"] == "behind a bad one"
    assert list(told.world.inbox.posts) == [bad]
    told.world.inbox.drop(bad)


@pytest.mark.parametrize("said", [{}, {"pathParameters": None}, {"headers": None, "multiValueHeaders": None}])
def test_an_event_that_lacks_what_it_should_have_is_nobodys(told: Told, said: dict[str, Any]) -> None:
    hooks.use(told.world)
    try:
        answer = lambda_handler({"resource": ROUTE, "httpMethod": "POST", "body": "\ud800"} | said, Context())
    finally:
        hooks.use(None)

    assert answer["statusCode"] == 404


def test_an_operator_turns_it_on_and_the_office_tells_until_it_is_turned_off() -> None:
    """Subscribed, told, worked off: both halves, and nothing between them but the office."""
    with mirrored_office("--patients", "6") as office:
        key = office.on.vault.keys(office.id).customer
        office.d.know(key_fingerprint=office.on.signer.fingerprint(key))
        office.load()
        told = Told(office)
        office.d.grant("*:read", "sync:write")
        path, host = f"/practices/{office.id}/sync", {"Host": "api.example"}
        state = office.on.syncs.load(office.id)
        office.on.syncs.save_practice(replace(state, native=Native()))
        answer = office.d.send("PATCH", path, body={"native_events": "on"}, headers=host)
        assert answer.status == 200, answer.body
        office.run(120)
        subscribed = {row["WatchTable"] for row in office.store.find("apisubscription")}
        visit = told.visit()
        told.on.clock.seconds += 1
        office.store.update("appointment", visit["AptNum"], {"Note": "told by the office"})
        told.fire(120)
        assert told.work_off() == []

        assert "Appointment" in subscribed
        assert set(told.answers) == {200}
        assert told.note(visit["AptNum"]).cause == "native"
        office.d.send("PATCH", path, body={"native_events": "off"}, headers=host)
        office.run(120)
        told.answers.clear()
        office.store.update("appointment", visit["AptNum"], {"Note": "told by nobody"})
        told.fire(120)
        assert told.answers == []
