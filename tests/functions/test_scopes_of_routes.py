"""Every route against every scope, at the client's own practice and another's, by a client that is and is not one any
more: what opens what stands in one table, in `functions/README.md`, which this reads."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from gateway.core.access import DOCUMENT_CONTENTS, EXPORTS, RESOURCES
from gateway.core.callers import OPERATOR_SCOPES, Client, ClientKind
from gateway.core.events.event import Cause, Event, event_id
from gateway.core.export.layout import published_key
from gateway.core.export.runs import ExportRun, Mode, State
from gateway.core.fhir.types import TYPES
from gateway.core.groups.records import Agreement, Group
from gateway.core.ids import new_id
from gateway.core.operations import Request
from gateway.core.scopes import SCOPES
from gateway.wiring.services import using
from tests.fakes.drop import FakeDrop
from tests.fakes.gateway_events import Context
from tests.fakes.services import FakeServices
from tests.functions.conftest import ELM
from tests.functions.every_route import NOTHING_THERE, OAK_ID, Sent, every_request, routes

ROOT: Final = Path(__file__).parents[2]
CLIENT, OTHER = "cli_any", "cli_other"
OAK = replace(ELM, id=OAK_ID)
_MADE: Final = ("groups", "exports", "webhooks", "events", "hold", "operations")
_NO_WILDCARD: Final = {f"{RESOURCES}:read", f"{DOCUMENT_CONTENTS}:read", f"{EXPORTS}:read"}


@cache
def table() -> Mapping[str, tuple[str, ...]]:
    """By route, for FHIR with the type, the scopes that it takes: all of them."""
    text = (ROOT / "functions" / "README.md").read_text()
    found: dict[str, tuple[str, ...]] = {}
    for left, right in re.findall(r"^\| (`(?:GET|POST|PATCH|DELETE) /.*?) \| (.*?) \|$", text, re.MULTILINE):
        for route in re.findall(r"`([^`]+)`", left):
            assert route not in found, f"{route} stands there twice"
            found[route] = tuple(re.findall(r"`([\w.]+:[\w.]+|[\w.]+)`", right))
    by_type = dict(re.findall(r"^\| `([A-Z]\w+)` \| (.*?) \|$", text, re.MULTILINE))
    for route in [one for one in found if "{type}" in one]:
        del found[route]
        found |= {f"{route} {type_}": tuple(re.findall(r"`([^`]+)`", right)) for type_, right in by_type.items()}
    return found


class World(NamedTuple):
    on: FakeServices
    requests: tuple[Sent, ...]
    theirs: Mapping[str, str]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    logging.disable(logging.WARNING)
    on = FakeServices((ELM, OAK), stage="prod")
    on.drop = FakeDrop(on.clock.now)
    everything = frozenset({*SCOPES, *OPERATOR_SCOPES})
    made: dict[str, str] = {}
    theirs: dict[str, str] = {}
    makers = {one.name: one for one in every_request(dict.fromkeys(_MADE, "x"))}
    for client_id, practice, ids in ((CLIENT, ELM, made), (OTHER, OAK, theirs)):
        client = Client(client_id, "Any", frozenset({practice.id}), everything, ClientKind.OPERATOR)
        on.callers.put_client(client)
        now = on.clock.now()
        group = Group(new_id("group"), "G", frozenset({practice.id}), Agreement("r"), client_id, now, now, "b")
        ids["groups"] = on.groups.make(group).id
        export = on.exports.make(
            ExportRun(new_id("export"), Mode.SNAPSHOT, (practice.id,), ("claims",), client_id, now)
        )
        on.warehouse.put(published_key(export.id), b"")
        ids["exports"] = on.exports.end(export.id, State.PUBLISHED, at=now).id
        request = Request("appointments.create", practice.id, client_id, {}, idempotency_key=client_id)
        ids["operations"] = on.operations.open(request, now=on.clock.now()).operation.id
        told = sync_loaded(practice.id, at=on.clock.now())
        on.event_log.add([told], at=told.detected_at)
        ids["events"] = told.id
        for name, of in (("POST /webhooks", "webhooks"), ("POST /slots/hold", "hold")):
            there = makers[name].elsewhere({}) if client_id == OTHER else None
            there = there or makers[name]
            ids[of] = json.loads(_asked(on, there, client_id)["body"])["id"]
    yield World(on, tuple(every_request(made)), {made[of]: theirs[of] for of in theirs})
    logging.disable(logging.NOTSET)


def sync_loaded(practice_id: str, *, at: datetime) -> Event:
    """An event that no scope of an object hides."""
    id_ = event_id(practice_id, "mirror", "sync.loaded", 1)
    return Event(id_, "sync.loaded", at, at, practice_id, "sync", practice_id, 1, Cause.GATEWAY)


_keys = count()


def _asked(on: FakeServices, sent: Sent, client_id: str = CLIENT) -> dict[str, Any]:
    with using(on):
        handler = import_module(f"functions.{sent.function}.handler").lambda_handler
        answer: dict[str, Any] = handler(sent.by(client_id, key=f"k{next(_keys)}"), Context())
    return answer


def ask(on: FakeServices, sent: Sent, *scopes: str, **client: Any) -> tuple[int, str | None]:
    """The status, and for a refusal the scope that it names; what came of the request before is forgotten."""
    on.practices.agreed.clear()
    on.agreements.entries.clear()
    has = {"kind": ClientKind.OPERATOR, "practices": frozenset({ELM.id}), **client}
    on.callers.put_client(Client(CLIENT, "Any", scopes=frozenset(scopes), requests_per_minute=10**9, **has))
    answer = _asked(on, sent)
    if answer["statusCode"] != 403:
        return answer["statusCode"], None
    body = json.loads(answer["body"])
    if body.get("resourceType") == "OperationOutcome":
        (issue,) = body["issue"]
        assert issue["details"]["coding"][0]["code"] == "scope-missing", (sent, issue)
        return 403, re.search(r"lacks the scope ([\w.:]+)", issue["diagnostics"])[1]  # type: ignore[index]
    assert body["code"] == "scope-missing", (sent, body)
    return 403, body["scope"]


def missing(needed: tuple[str, ...], scopes: set[str]) -> str | None:
    """The first of what is needed that a client with `scopes` lacks."""
    wild = "*:read" in scopes
    return next(
        (one for one in needed if one not in scopes and not (wild and one.endswith(":read") and one not in _NO_WILDCARD
                                                             and one not in OPERATOR_SCOPES)),
        None,
    )  # fmt: skip


def needed(sent: Sent) -> tuple[str, ...]:
    return table()[sent.name]


def left_behind(on: FakeServices) -> tuple[int, ...]:
    """What a request that is let through leaves: operations, turns, holds, records."""
    kept = (on.ledger.entries, on.calls.turns, on.agreements.entries, on.practices.agreed, on.groups.groups)
    return tuple(len(one) for one in kept)


def test_the_table_has_every_route_that_a_client_may_take_and_no_other(world: World) -> None:
    every = set(routes(public=False))
    by_type = {name for name in every if "{type}" in name}
    expanded = {f"{name} {type_}" for name in by_type for type_ in TYPES}

    assert set(table()) == (every - by_type) | expanded
    assert {one.name for one in world.requests} == set(table()) - NOTHING_THERE
    assert set(routes(public=True)) == {"POST /authenticate", "DELETE /session", "POST /hooks/{practice_id}/{token}"}


def test_what_the_table_names_can_be_given(world: World) -> None:
    named = {scope for scopes in table().values() for scope in scopes}

    assert {one for one in named if not one.startswith("resources:")} <= set(SCOPES)
    unused = set(SCOPES) - named - {"*:read", "notes", "practices:connect", "patients.ssn", "patients.match"}
    assert unused == set(), "a scope that opens no route"


def test_exactly_what_a_route_takes_opens_it(world: World) -> None:
    for sent in world.requests:
        status, lacks = ask(world.on, sent, *needed(sent))
        assert status not in {401, 403}, (sent, status, lacks)


def test_everything_but_one_scope_that_a_route_takes_does_not_open_it_and_it_is_named(world: World) -> None:
    everything = {*SCOPES, *OPERATOR_SCOPES, *(scope for scopes in table().values() for scope in scopes)} - {"*:read"}
    for sent in world.requests:
        for scope in needed(sent):
            before = left_behind(world.on)
            assert ask(world.on, sent, *(everything - {scope})) == (403, scope), sent
            assert left_behind(world.on)[:2] == before[:2], sent


def test_each_scope_alone_opens_what_the_table_says_and_nothing_else(world: World) -> None:
    every = {*SCOPES, *OPERATOR_SCOPES, *(scope for scopes in table().values() for scope in scopes)}
    cases = 0
    for sent in world.requests:
        for scope in every:
            status, lacks = ask(world.on, sent, scope)
            assert lacks == missing(needed(sent), {scope}), (sent, scope, status)
            assert status != 401
            cases += 1
    assert cases > 9_000


def test_at_a_practice_of_somebody_else_nothing_is_there_whatever_the_scopes(world: World) -> None:
    everything = {*SCOPES, *OPERATOR_SCOPES, *(scope for scopes in table().values() for scope in scopes)}
    elsewhere = [there for sent in world.requests if (there := sent.elsewhere(world.theirs)) is not None]
    assert len(elsewhere) > 130
    for there in elsewhere:
        before = left_behind(world.on)
        for scopes in (everything, everything - {"*:read"}, {"*:read"}, set(needed(there))):
            status, lacks = ask(world.on, there, *scopes)
            # What belongs to no practice asks for its scope first.
            assert status == 404 or lacks == missing(needed(there), set(scopes)) is not None, (there, status)
        assert left_behind(world.on)[:2] == before[:2], there


@pytest.mark.parametrize(
    "over",
    [
        {"expires_at": FakeServices().clock.now()},
        {"revoked_at": FakeServices().clock.now() - timedelta(days=1)},
        {"kind": ClientKind.WORKFLOW},
    ],
    ids=["expired", "revoked", "workflow"],
)
def test_a_client_that_is_over_or_a_workflow_is_nobody_at_every_route(over: Mapping[str, Any], world: World) -> None:
    for sent in world.requests:
        before = left_behind(world.on)
        assert ask(world.on, sent, *needed(sent), **over) == (401, None), sent
        assert left_behind(world.on)[:2] == before[:2], sent


def test_operators_scopes_count_for_operators_only(world: World) -> None:
    theirs = [sent for sent in world.requests if OPERATOR_SCOPES & set(needed(sent))]
    assert len(theirs) >= 7
    for sent in theirs:
        status, lacks = ask(world.on, sent, *needed(sent), kind=ClientKind.APP)
        assert status == 403 and lacks in OPERATOR_SCOPES, sent


def test_without_an_agreement_the_routes_of_the_office_itself_are_open_and_no_other(world: World) -> None:
    """What is protected by the marks of the catalogue, at every route."""
    closed = replace(ELM, baa=None)
    world.on.practices.put(closed)
    try:
        shut = {sent.name for sent in world.requests if _is_shut(world.on, sent)}
    finally:
        world.on.practices.put(ELM)
    # Turning a mirror on is asking for copies of patients' rows.
    turns_on = "PATCH /practices/{id}/sync"
    families = {name.partition(" ")[2].split("/")[1] for name in shut - {turns_on}}
    office = {"appointment_types", "carriers", "definitions", "groups", "locations", "operatories", "practices"}
    office |= {"procedure_codes", "providers", "recall_types", "schedules", "task_lists"}

    assert turns_on in shut and not families & office
    assert families >= {"patients", "appointments", "day", "claims", "payments", "tasks", "slots", "create_payment"}
    assert {one.rpartition(" ")[2] for one in shut if "{type}" in one} == set(TYPES) - {
        "Practitioner", "Location", "Organization", "Schedule"
    }  # fmt: skip


def _is_shut(on: FakeServices, sent: Sent) -> bool:
    has = frozenset(needed(sent))
    client = Client(CLIENT, "Any", frozenset({ELM.id}), has, ClientKind.OPERATOR, requests_per_minute=10**9)
    on.callers.put_client(client)
    on.practices.agreed.clear()
    on.agreements.entries.clear()
    answer = _asked(on, sent)
    return answer["statusCode"] == 403 and "baa-missing" in answer["body"]
