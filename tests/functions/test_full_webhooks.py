"""Whole objects to webhooks: who lets them go out, what they are, and when only the event goes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from gateway.core.callers import Caller, Client, ClientKind
from gateway.core.errors import Unavailable
from gateway.core.events.event import Cause, Event, event_id
from gateway.core.events.event_types import SUBJECTS
from gateway.core.ids import row_id
from gateway.core.mirror.records import Order, ReadAt
from gateway.core.mirror.syncing import Phase, Wanted
from gateway.core.practices import Baa
from gateway.core.webhooks import full
from gateway.core.webhooks.deliveries import Outcome
from gateway.core.webhooks.delivering import Beginning, deliver, send_due
from gateway.core.webhooks.full import FullObject, full_object
from tests.fakes.deployment import CLIENT, IDS, Answered, Deployment, deployed
from tests.fakes.mirroring import mirror, turn_on

OPERATOR = "cli_operator"
HOOK = {"url": "https://hooks.example.com/in", "payload": "full"}
APPROVAL = {"baa_reference": "BAA-2026-014", "url": HOOK["url"]}


@pytest.fixture
def d() -> Iterator[Deployment]:
    with deployed(scopes=("*:read", "webhooks:write")) as d:
        d.on.clock.start = datetime.now(UTC)
        an_operator(d)
        mirror(d)
        d.read_up()
        yield d


def an_operator(d: Deployment, *practices: str, scopes: tuple[str, ...] = ("webhooks:read",)) -> None:
    scope = "webhooks.full:approve"
    has = frozenset({*scopes, scope})
    d.on.callers.put_client(Client(OPERATOR, "Olga", frozenset(practices or IDS), has, ClientKind.OPERATOR))


def operate(d: Deployment, method: str, path: str, body: Any = None) -> Answered:
    return d.send(method, path, body=body, client_id=OPERATOR)


def hooked(d: Deployment, **more: Any) -> dict[str, Any]:
    """An endpoint that wants full bodies, not approved."""
    answer = d.post("/webhooks", HOOK | more)
    assert answer.status == 201, answer.body
    body: dict[str, Any] = answer.body
    return body


def approved(d: Deployment, **more: Any) -> dict[str, Any]:
    hook = hooked(d, **more)
    answer = operate(d, "POST", f"/webhooks/{hook['id']}/approve", APPROVAL)
    assert answer.status == 200, answer.body
    return hook


def an_event(d: Deployment, type_: str, id_: str, *, practice_id: str = IDS[0], **related: str) -> Event:
    """An event as the publisher tells it, on its way."""
    now, number = d.on.clock.now(), len(d.on.event_log.logged) + 1
    made = Event(
        event_id(practice_id, id_, type_, number),
        type_,
        now,
        now,
        practice_id,
        type_.partition(".")[0],
        id_,
        number,
        Cause.POLL,
        related=related,
    )
    d.on.event_log.add([made], at=now)
    Beginning(d.on).begin([made])
    return made


def work(d: Deployment, on: Any = None) -> list[dict[str, Any]]:
    """Let what is due be done; the `data` of what was posted."""
    send_due(d.on)
    before = len(d.on.sender.posted)
    while d.on.delivery_queue.messages:
        deliver(d.on.delivery_queue.messages.pop(0), on or d.on)
    return [json.loads(body)["data"] for _, _, body in d.on.sender.posted[before:]]


def a_visit(d: Deployment, status: int = 1) -> str:
    return d.id_of("appointment", d.rows("appointment", f"AptStatus={status}")[0]["AptNum"])


def first(d: Deployment, table: str, column: str) -> dict[str, Any]:
    return next(row for row in d.rows(table, f"{column} > 0"))


KINDS = {
    "appointment": ("appointment", "appointment", "AptNum", "/appointments", 1),
    "procedure": ("procedure", "procedurelog", "ProcNum", "/procedures", 1),
    "claim": ("claim", "claim", "ClaimNum", "/claims", 1),
    "payment": ("payment", "payment", "PayNum", "/payments", 1),
    "insurance_payment": ("payment", "claimpayment", "ClaimPaymentNum", "/payments", -1),
    "patient": ("patient", "patient", "PatNum", "/patients", 1),
    "recall": ("recall", "recall", "RecallNum", "/recalls", 1),
    # Whose objects are others'.
    "web_sched": ("appointment", "appointment", "AptNum", "/appointments", 1),
    "intake": ("patient", "patient", "PatNum", "/patients", 1),
    "communication": ("communication", "commlog", "CommlogNum", "/communications", 1),
}


@pytest.mark.parametrize("of", KINDS)
def test_a_full_body_has_the_event_and_beside_it_the_object_as_get_shows_it_and_asks_the_office_nothing(
    d: Deployment, of: str
) -> None:
    hook = approved(d)
    kind, table, column, path, sign = KINDS[of]
    row = first(d, table, column)
    id_ = d.id_of(kind, sign * row[column])
    related = {"patient_id": d.id_of("patient", row["PatNum"])} if "PatNum" in row else {}
    event = an_event(d, f"{of}.updated", id_, **related)

    (data,) = work(d)

    assert d.upstream_calls == []
    # Recalls are found under their patient only.
    shown = d.get(f"{path}/{id_}", **(related if of == "recall" else {})).body
    assert shown["meta"]["served_from"] == "mirror" and shown["id"] == id_
    assert data == {**event.told(), "full_object": shown, "full_object_unavailable": None}
    _, headers, body = d.on.sender.posted[-1]
    assert Webhook(hook["secret"]).verify(body, dict(headers))["data"] == data


def test_every_object_that_events_are_of_comes_in_full_unless_the_mirror_has_none_like_it() -> None:
    assert set(SUBJECTS) - set(KINDS) == {"treatment_plan", "balance", "finding", "operation", "practice"}


def test_what_the_mirror_never_has_of_an_object_is_left_out_and_said_as_in_any_answer(d: Deployment) -> None:
    """The history of a visit, and what a plan proposes: Open Dental alone could tell."""
    approved(d)
    broken = a_visit(d, status=5)
    row = first(d, "treatplan", "TreatPlanNum")
    plan, patient = d.id_of("treatment_plan", row["TreatPlanNum"]), d.id_of("patient", row["PatNum"])
    an_event(d, "appointment.broken", broken)
    an_event(d, "treatment_plan.updated", plan, patient_id=patient)

    of_visit, of_plan = (data["full_object"] for data in work(d))

    assert d.upstream_calls == []
    assert (of_visit["id"], of_visit["status"]) == (broken, "broken")
    assert "break_evidence" in of_visit["meta"]["omitted"] and isinstance(of_visit["procedure_ids"], list)
    assert of_plan["id"] == plan and "procedures" not in of_plan and "procedures" in of_plan["meta"]["omitted"]


def test_a_client_sees_no_more_in_a_full_body_than_by_get(d: Deployment) -> None:
    approved(d)
    row = first(d, "patient", "PatNum")
    d.simulated.office.store.update("patient", row["PatNum"], {"SSN": "078051120"})
    mirror(d, "patients")
    patient = d.id_of("patient", row["PatNum"])
    an_event(d, "patient.updated", patient)
    (without,) = work(d)
    d.grant("*:read", "webhooks:write", "patients.ssn")
    an_event(d, "patient.updated", patient)
    (with_it,) = work(d)

    assert without["full_object"]["id"] == patient and "078051120" not in json.dumps(without)
    assert "078051120" in json.dumps(with_it["full_object"])


def test_a_full_body_has_no_note_for_a_client_without_the_scope(d: Deployment) -> None:
    approved(d)
    row = first(d, "appointment", "AptNum")
    d.simulated.office.store.update("appointment", row["AptNum"], {"Note": "Zqmark"})
    mirror(d, "appointments")
    visit = d.id_of("appointment", row["AptNum"])
    an_event(d, "appointment.updated", visit)
    (with_it,) = work(d)
    d.on.callers.take(CLIENT, scopes=["notes"])
    an_event(d, "appointment.updated", visit)
    (without,) = work(d)

    assert with_it["full_object"]["note"] == "Zqmark"
    assert without["full_object"]["id"] == visit and "Zqmark" not in json.dumps(without)
    assert without["full_object"]["meta"]["withheld"] == ["notes"]


def test_without_an_approval_only_the_event_goes_out_and_a_thin_body_has_no_word_of_it(d: Deployment) -> None:
    hook = hooked(d)
    thin = approved(d, payload="thin")
    assert (hook["payload"], hook["full_approval"], thin["payload"]) == ("full", None, "thin")
    event = an_event(d, "appointment.updated", a_visit(d))

    assert sorted(work(d), key=len) == [
        event.told(),
        event.told() | {"full_object": None, "full_object_unavailable": "not-approved"},
    ]


def test_nobody_approves_their_own_webhook_nor_any_without_the_scope(d: Deployment) -> None:
    hook = hooked(d)
    at = f"/webhooks/{hook['id']}"
    refused = d.post(f"{at}/approve", APPROVAL)
    d.grant("*:read", "webhooks:write", "webhooks.full:approve")
    own = d.post(f"{at}/approve", APPROVAL)
    changed = d.patch(at, {"full_approval": {"baa_reference": "mine"}})
    made = d.post("/webhooks", HOOK | {"full_approval": {"baa_reference": "mine"}})

    assert (refused.status, refused.body["code"], refused.body["scope"]) == (
        403,
        "scope-missing",
        "webhooks.full:approve",
    )
    assert (own.status, own.body["code"]) == (403, "not-allowed")
    assert (changed.status, made.status) == (400, 400)
    assert d.get(at).body["full_approval"] is None and d.on.audit.special == []


def test_an_approval_says_who_gave_it_when_under_what_and_for_whom_and_stands_in_each_practices_trail() -> None:
    with deployed(practices=2, scopes=("*:read", "webhooks:write")) as d:
        an_operator(d)
        hook = hooked(d)
        at = f"/webhooks/{hook['id']}"
        assert operate(d, "GET", at).body["url"] == HOOK["url"]
        shown = operate(d, "POST", f"{at}/approve", APPROVAL).body
        again = operate(d, "POST", f"{at}/approve", APPROVAL).body

        told = {
            "baa_reference": "BAA-2026-014",
            "practice_ids": list(IDS[:2]),
            "approved_by": OPERATOR,
            "approved_at": shown["updated_at"],
        }
        assert shown["full_approval"] == told == d.get(at).body["full_approval"]
        assert "secret" not in shown and again == shown
        assert operate(d, "POST", f"{at}/withdraw").status == 204
        assert operate(d, "POST", f"{at}/withdraw").status == 204
        assert d.get(at).body["full_approval"] is None
        assert [
            (one.practice_id, one.client_id, one.action, one.object_ids, one.agreement) for one in d.on.audit.special
        ] == [
            (practice_id, OPERATOR, action, (hook["id"],), "BAA-2026-014")
            for action in ("webhooks.full.approve", "webhooks.full.withdraw")
            for practice_id in IDS[:2]
        ]


def test_what_was_withdrawn_ends_with_the_next_attempt(d: Deployment) -> None:
    hook = approved(d)
    an_event(d, "appointment.updated", a_visit(d))
    operate(d, "POST", f"/webhooks/{hook['id']}/withdraw")

    (data,) = work(d)

    assert (data["full_object"], data["full_object_unavailable"]) == (None, "not-approved")


def test_another_url_ends_the_approval_and_every_other_change_lets_it_stand(d: Deployment) -> None:
    hook = approved(d)
    at = f"/webhooks/{hook['id']}"
    for change in ({"url": HOOK["url"]}, {"types": ["appointment.*"]}, {"state": "disabled"}, {"state": "enabled"}):
        assert d.patch(at, change).body["full_approval"] is not None
    d.post(f"{at}/rotate", {})
    assert d.get(at).body["full_approval"] is not None

    assert d.patch(at, {"url": "https://other.example.com/"}).body["full_approval"] is None
    assert d.patch(at, {"url": HOOK["url"]}).body["full_approval"] is None
    assert [(one.action, one.client_id) for one in d.on.audit.special] == [
        ("webhooks.full.approve", OPERATOR),
        ("webhooks.full.withdraw", CLIENT),
    ]


def test_only_who_may_approve_and_has_one_of_the_practices_withdraws(d: Deployment) -> None:
    hook = approved(d)
    at = f"/webhooks/{hook['id']}/withdraw"
    own = d.post(at)
    an_operator(d, IDS[1])
    stranger = operate(d, "POST", at)

    assert (own.status, own.body["scope"]) == (403, "webhooks.full:approve")
    assert stranger.status == 404
    assert d.get(f"/webhooks/{hook['id']}").body["full_approval"] is not None


def test_who_may_approve_sees_an_endpoint_and_neither_its_deliveries_nor_a_way_to_change_it(d: Deployment) -> None:
    at = f"/webhooks/{approved(d)['id']}"
    an_operator(d, scopes=("webhooks:read", "webhooks:write"))

    assert operate(d, "GET", at).status == 200 and operate(d, "GET", "/webhooks").body["data"] == []
    assert [
        operate(d, "PATCH", at, {"url": "https://other.example.com/"}).status,
        operate(d, "DELETE", at).status,
        operate(d, "GET", f"{at}/deliveries").status,
        operate(d, "POST", f"{at}/test", {}).status,
    ] == [404] * 4
    an_operator(d, scopes=())
    assert operate(d, "GET", at).body["scope"] == "webhooks:read"


def test_a_url_that_changes_while_it_is_being_approved_is_not_approved(d: Deployment) -> None:
    hook = hooked(d)
    store: Any = d.on.webhooks
    change = store.change

    def overtaken(endpoint: Any) -> Any:
        store.change = change
        change(replace(store.get(endpoint.id), url="https://other.example.com/"))
        return change(endpoint)

    store.change = overtaken
    answer = operate(d, "POST", f"/webhooks/{hook['id']}/approve", APPROVAL)

    assert (answer.status, answer.body["reason"]) == (409, "other-url")
    assert store.get(hook["id"]).approval is None


def test_what_is_approved_is_the_url_that_the_operator_names(d: Deployment) -> None:
    hook = hooked(d, url="https://elsewhere.example.com/")
    answer = operate(d, "POST", f"/webhooks/{hook['id']}/approve", APPROVAL)

    assert (answer.status, answer.body["reason"], answer.body["param"]) == (409, "other-url", "url")
    assert d.get(f"/webhooks/{hook['id']}").body["full_approval"] is None


def test_an_approval_is_for_practices_of_the_operator_and_for_those_that_there_were() -> None:
    with deployed(practices=2, scopes=("*:read", "webhooks:write")) as d:
        for id_ in IDS[:2]:
            mirror(d, practice_id=id_)
        an_operator(d, IDS[0])
        both, one = hooked(d), hooked(d, practice_ids=[IDS[0]])
        at = f"/webhooks/{one['id']}"
        assert operate(d, "POST", f"/webhooks/{both['id']}/approve", APPROVAL).status == 404
        assert operate(d, "GET", f"/webhooks/{both['id']}").status == 404
        assert operate(d, "POST", f"{at}/approve", APPROVAL).status == 200
        d.send("DELETE", f"/webhooks/{both['id']}")
        # Its client widens it afterwards.
        assert d.patch(at, {"practice_ids": None}).body["full_approval"]["practice_ids"] == [IDS[0]]
        number = d.rows("appointment")[0]["AptNum"]
        for id_ in IDS[:2]:
            an_event(
                d, "appointment.updated", d.id_of("appointment", number).replace("a" * 16, id_[5:]), practice_id=id_
            )
        got = {data["practice_id"]: data["full_object_unavailable"] for data in work(d)}
        assert got == {IDS[0]: None, IDS[1]: "not-approved"}
        # Whoever has a part of it may end the whole.
        assert operate(d, "GET", at).status == 404
        assert operate(d, "POST", f"{at}/withdraw").status == 204


def test_a_webhook_whose_client_has_lost_all_practices_is_nobodys_to_approve(d: Deployment) -> None:
    """It gets events of none, which is no reason to show it to the operators of others."""
    hook = hooked(d)
    client = d.on.callers.client(CLIENT)
    d.on.callers.put_client(replace(client, practices=frozenset()))
    at = f"/webhooks/{hook['id']}"

    assert operate(d, "GET", at).status == 404
    assert operate(d, "POST", f"{at}/approve", APPROVAL).status == 404


def test_an_approval_that_no_trail_can_have_is_none(d: Deployment) -> None:
    hook = hooked(d)
    d.on.audit.refuses = {IDS[0]}
    answer = operate(d, "POST", f"/webhooks/{hook['id']}/approve", APPROVAL)

    assert answer.status == 503 and d.on.webhooks.get(hook["id"]).approval is None


def gone(d: Deployment, number: int) -> None:
    read = ReadAt(Order(d.on.syncs.load(d.practice_id).epoch, 10**6), d.on.clock.now())
    d.on.records.bury(d.practice_id, "appointments", [number], read=read, cause="sweep", at=d.on.clock.now())


def not_loaded(d: Deployment, _: int) -> None:
    """Its visit was written through this gateway, and the rest of the mirror is still to come."""
    was = d.on.syncs.load(d.practice_id).resources["procedurelogs"]
    d.on.syncs.save(d.practice_id, replace(was, phase=Phase.LOADING))
    d.on.clock.seconds += 60


def turned_off(d: Deployment, _: int) -> None:
    turn_on(d, wanted=Wanted.OFF)
    d.on.clock.seconds += 60


def silent(d: Deployment, _: int) -> None:
    class Silent:
        def __getattr__(self, name: str) -> Callable[..., Any]:
            def refuse(*_: Any, **__: Any) -> Any:
                raise Unavailable("the table of copies did not answer")

            return refuse

    d.on.records = Silent()


def buggy(d: Deployment, _: int) -> None:
    class Buggy:
        def get(self, *_: Any, **__: Any) -> Any:
            raise KeyError("MARK of Zoe")

    d.on.records = Buggy()


@pytest.mark.parametrize(
    ("befalls", "why"),
    [
        (gone, "gone"),
        (not_loaded, "not-loaded"),
        (turned_off, "mirror-off"),
        (silent, "unavailable"),
        (buggy, "internal"),
    ],
)
def test_whatever_stands_in_the_way_of_the_object_its_event_goes_out_and_says_what(
    d: Deployment, caplog: pytest.LogCaptureFixture, befalls: Callable[[Deployment, int], None], why: str
) -> None:
    approved(d)
    number = d.rows("appointment", "AptStatus=1")[0]["AptNum"]
    befalls(d, number)
    event = an_event(d, "appointment.updated", d.id_of("appointment", number))

    assert work(d) == [event.told() | {"full_object": None, "full_object_unavailable": why}]
    (delivery,) = d.on.webhooks.deliveries.values()
    assert delivery.state == "succeeded" and d.upstream_calls == []
    assert "MARK" not in caplog.text


@pytest.mark.parametrize("type_", ["balance.changed", "practice.offline", "sync.loaded"])
def test_of_what_is_no_row_of_the_mirror_only_the_event_goes_out(d: Deployment, type_: str) -> None:
    approved(d)
    an_event(d, type_, d.id_of("patient", 1))

    assert [(data["full_object"], data["full_object_unavailable"]) for data in work(d)] == [(None, "not-mirrored")]


def test_an_object_that_the_mirror_has_never_had_is_not_mirrored(d: Deployment) -> None:
    approved(d)
    an_event(d, "appointment.updated", d.id_of("appointment", 987_654))

    assert [data["full_object_unavailable"] for data in work(d)] == ["not-mirrored"]


@pytest.mark.parametrize(
    ("lost", "why"), [("scope", "scope-missing"), ("agreement", "baa-missing"), ("practice", "not-found")]
)
def test_what_is_lost_while_an_attempt_is_under_way_keeps_the_object_back(d: Deployment, lost: str, why: str) -> None:
    """Before it the whole attempt is given up, full body or thin: the use case that reads asks once more."""
    hook = approved(d)
    event = an_event(d, "appointment.updated", a_visit(d))
    caller = Caller(d.on.callers.client(CLIENT))
    if lost == "scope":
        caller = Caller(replace(caller.client, scopes=frozenset({"events:read"})))
    if lost == "agreement":
        d.know(baa=Baa("over", "A. Test", date(2020, 1, 1), date(2020, 12, 31)))
    if lost == "practice":
        caller = Caller(replace(caller.client, practices=frozenset()))

    found = full_object(d.on.webhooks.get(hook["id"]), event, caller, d.on)

    assert (found.value, found.unavailable) == (None, why)


@pytest.mark.parametrize("lost", ["scope", "agreement"])
def test_a_full_endpoint_gets_nothing_that_a_thin_one_would_not(d: Deployment, lost: str) -> None:
    approved(d)
    an_event(d, "appointment.updated", a_visit(d))
    if lost == "scope":
        d.grant("events:read", "webhooks:read")
    else:
        d.know(baa=Baa("over", "A. Test", date(2020, 1, 1), date(2020, 12, 31)))

    assert work(d) == []
    (delivery,) = d.on.webhooks.deliveries.values()
    assert delivery.ended == "not-allowed"


def test_nothing_of_the_object_is_kept_even_where_the_receiver_repeats_it(
    d: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hook = approved(d)
    row = first(d, "patient", "PatNum")

    def repeats(_: str) -> Outcome:
        return Outcome(status=500, excerpt=d.on.sender.posted[-1][2].decode()[:4000])

    d.on.sender.answers = repeats
    an_event(d, "patient.updated", d.id_of("patient", row["PatNum"]))
    (data,) = work(d)
    assert row["LName"] in json.dumps(data["full_object"])

    kept = [d.on.webhooks.deliveries, d.on.webhooks.endpoints, d.on.event_log.logged, d.on.audit.special]
    told = d.get(f"/webhooks/{hook['id']}/deliveries").body
    for where in (repr(kept), json.dumps(told), caplog.text, repr(FullObject(data["full_object"]))):
        assert row["LName"] not in where
    assert told["data"][0]["last_attempt"] | {"at": None} == {
        "at": None,
        "status": 500,
        "error": None,
        "body_begins": "",
        "took_ms": 0,
    }


@pytest.mark.parametrize("then", ["withdrawn", "thin", "mirror off"])
def test_what_a_receiver_repeats_later_of_what_it_was_sent_is_not_kept_either(d: Deployment, then: str) -> None:
    hook = approved(d)
    row = first(d, "patient", "PatNum")
    d.on.sender.answers = lambda _: Outcome(status=500)
    an_event(d, "patient.updated", d.id_of("patient", row["PatNum"]))
    work(d)
    sent = d.on.sender.posted[-1][2].decode()
    d.on.sender.answers = lambda _: Outcome(status=500, excerpt=sent)
    if then == "withdrawn":
        assert operate(d, "POST", f"/webhooks/{hook['id']}/withdraw").status == 204
    elif then == "thin":
        d.patch(f"/webhooks/{hook['id']}", {"payload": "thin"})
    else:
        turned_off(d, 0)
    d.on.clock.seconds += 60
    (data,) = work(d)

    assert row["LName"] in sent and row["LName"] not in json.dumps(data)
    assert row["LName"] not in repr(d.on.webhooks.deliveries)


def test_an_object_of_another_practice_than_its_events_is_never_sent() -> None:
    """The approval is for the event's practice, whatever the id says."""
    with deployed(practices=2, scopes=("*:read", "webhooks:write")) as d:
        an_operator(d)
        mirror(d, practice_id=IDS[1])
        approved(d, practice_ids=IDS[:1])
        theirs = row_id("appointment", IDS[1], d.rows("appointment", "AptStatus=1")[0]["AptNum"])
        an_event(d, "appointment.updated", theirs, practice_id=IDS[0])

        assert [(data["full_object"], data["full_object_unavailable"]) for data in work(d)] == [(None, "not-mirrored")]


def test_a_retry_shows_the_object_as_it_is_then_and_is_signed_anew(d: Deployment) -> None:
    hook = approved(d)
    number = d.rows("appointment", "AptStatus=1")[0]["AptNum"]
    d.on.sender.answers = lambda _: Outcome(status=500)
    an_event(d, "appointment.updated", d.id_of("appointment", number))
    (before,) = work(d)
    d.simulated.office.store.update("appointment", number, {"Note": "bring the X-rays"})
    mirror(d)
    d.on.sender.answers = lambda _: Outcome(status=200)
    d.on.clock.seconds += timedelta(minutes=1).total_seconds()

    (after,) = work(d)

    assert before["id"] == after["id"] and before["full_object"]["note"] != "bring the X-rays"
    assert after["full_object"]["note"] == "bring the X-rays"
    for _, headers, body in d.on.sender.posted:
        assert Webhook(hook["secret"]).verify(body, dict(headers))["data"]["id"] == after["id"]


def test_reading_the_object_needs_the_mirror_and_what_lies_beside_it_and_no_way_to_an_office(d: Deployment) -> None:
    approved(d)
    an_event(d, "appointment.updated", a_visit(d))
    ports = ("clock", "practices", "records", "syncs", "cache", "audit", "stage")
    deliverers = ("signer", "sender", "callers", "webhooks", "delivery_queue", "event_log", "facts", "chance")
    on = SimpleNamespace(**{name: getattr(d.on, name) for name in (*ports, *deliverers)})

    assert [data["full_object_unavailable"] for data in work(d, on)] == [None]


def test_an_object_is_in_its_practices_trail_each_time_it_is_sent_and_so_in_the_patients_disclosures(
    d: Deployment,
) -> None:
    """Who saw a patient is asked of whoever is behind a webhook as well."""
    hook = approved(d)
    d.on.audit.entries.clear()
    event = an_event(d, "appointment.updated", a_visit(d))
    d.on.sender.answers = lambda _: Outcome(status=500)
    (sent,) = work(d)
    d.on.sender.answers = lambda _: Outcome(status=200)
    d.on.clock.seconds += timedelta(minutes=1).total_seconds()
    work(d)

    first, second = d.on.audit.of(IDS[0])
    patient = sent["full_object"]["patient_id"]
    assert (first.client_id, first.request_id, first.action) == (CLIENT, event.id, "WEBHOOK /appointments")
    assert (first.object_ids, first.agreement) == ((hook["id"],), APPROVAL["baa_reference"])
    assert first.patient_ids == second.patient_ids == (patient,)
    auditor = Client("cli_auditor", "Aud", frozenset(IDS[:1]), frozenset({"audit:read"}), ClientKind.OPERATOR)
    d.on.callers.put_client(auditor)
    told = d.send("GET", "/audit/disclosures", query={"patient_id": patient}, client_id=auditor.id).body["data"]
    assert [(one["disclosed_to"], one["kind"]) for one in told] == [("Ada", "appointments")] * 2


def test_an_object_that_no_trail_can_have_stays_here_and_its_event_goes_out(d: Deployment) -> None:
    approved(d)
    event = an_event(d, "appointment.updated", a_visit(d))
    d.on.audit.refuses.add(IDS[0])

    assert work(d) == [event.told() | {"full_object": None, "full_object_unavailable": "audit-unavailable"}]


def test_a_try_of_a_full_endpoint_has_the_shape_of_its_bodies_and_nobodys_data(d: Deployment) -> None:
    hook = approved(d)
    assert d.post(f"/webhooks/{hook['id']}/test", {"type": "patient.updated"}).body["succeeded"]
    data = json.loads(d.on.sender.posted[-1][2])["data"]

    assert (data["full_object"], data["full_object_unavailable"]) == (None, "test")


def test_the_words_for_why_there_is_no_object_are_those_of_the_page_for_consumers() -> None:
    page = Path("events/README.md").read_text()
    for word in (full.NOT_APPROVED, full.NOT_MIRRORED, full.GONE, full.TEST, full.BROKEN, "mirror-off", "not-loaded"):
        assert f"`{word}`" in page, word
