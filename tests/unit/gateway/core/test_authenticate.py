"""Who gets a session, for what, and how a practice becomes known."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.core import pacing
from gateway.core.access import allow, caller_of
from gateway.core.addresses import Enrolment
from gateway.core.audit import GATEWAY, NOBODY
from gateway.core.authenticate import ACTION, CONNECT_SCOPE, OWN_SCOPES, Credentials, authenticate
from gateway.core.callers import Caller, Client, Verb
from gateway.core.connect import settle
from gateway.core.errors import (
    AppError,
    AuditUnavailable,
    Conflict,
    Invalid,
    KeyNotUsable,
    NotAllowed,
    NotFound,
    PracticeNotEnrolled,
    ScopeMissing,
    StillRunning,
    Throttled,
    Unauthenticated,
    Unreachable,
)
from gateway.core.plans import Outcome
from gateway.core.ports import Keys
from gateway.core.practices import Mode, Tier
from gateway.core.sessions import SESSION_LIFETIME, end_session, session_of, token_hash
from gateway.wiring.clients import enrol, new_key
from tests.fakes.living import LivingServices
from tests.fakes.office import Fault, Killed
from tests.fakes.services import FakeServices, Life

DEVELOPER, CUSTOMER = "NFF6i0KrXrxDkZHt", "VzkmZEaUWOjnQX2z"
PAIR = Keys(DEVELOPER, CUSTOMER)
CLOSED = Enrolment()
OAK = Keys(DEVELOPER, "OakStreetTestKey")


@pytest.fixture
def on() -> LivingServices:
    services = LivingServices(right_keys=[PAIR, OAK])
    services.practices.records.clear()
    services.office.permissions = {"ApiReadAll": True, "ApiAppointments": True, "ApiPayments": False}
    services.office.rows["preferences"] = [{"PrefName": "ProgramVersion", "ValueString": "25.3.12.0"}]
    return services


@pytest.fixture
def connector(on: LivingServices) -> str:
    """The key of a client that may connect practices."""
    return enrol(on.callers, name="Scheduling", scopes=("*:read", CONNECT_SCOPE))


def sign_in(
    on: FakeServices,
    key: str | None = None,
    *,
    wait_s: float = 25.0,
    source_ip: str = "203.0.113.7",
    enrolment: Enrolment = CLOSED,
    **sent: Any,
) -> dict[str, Any]:
    body = {"customer_key": CUSTOMER, "developer_key": DEVELOPER, "time_zone": "America/Chicago", **sent}
    return authenticate(
        Credentials(**{name: value for name, value in body.items() if value is not None}),
        authorization=None if key is None else f"Bearer {key}",
        source_ip=source_ip,
        request_id="req-1",
        wait_s=wait_s,
        enrolment=enrolment,
        on=on,
    )


def client_of(on: LivingServices, token: str) -> Client:
    session = session_of(token, on=on, now=on.clock.now())
    return caller_of(session.client_id, on=on).client


# -- connecting ------------------------------------------------------------------------------------------------------


def test_a_new_practice_is_connected_and_is_the_clients(on: LivingServices, connector: str) -> None:
    session = sign_in(on, connector, name="Elm Street")
    practice = session["practice"]

    assert session["practices"] == [practice["id"]]
    assert (practice["name"], practice["time_zone"], practice["version"]) == (
        "Elm Street",
        "America/Chicago",
        "25.3.12.0",
    )
    assert practice["permissions"] == ["Appointments", "ReadAll"]
    stored = on.practices.get(practice["id"])
    assert (stored.state, stored.tier) == ("active", Tier.STANDARD)
    assert on.vault.keys(practice["id"]) == PAIR
    allow(caller_of(session["client_id"], on=on), practice["id"], "patients", Verb.READ, on=on)


def test_a_session_is_a_bearer_token_for_half_a_day(on: LivingServices, connector: str) -> None:
    session = sign_in(on, connector)
    token = session["access_token"]

    assert (session["token_type"], session["expires_in"]) == ("Bearer", 12 * 3600)
    assert token.startswith("odg_test_") and token not in on.callers.sessions
    on.clock.seconds += SESSION_LIFETIME.total_seconds() - 1
    client_of(on, token)
    on.clock.seconds += 2
    with pytest.raises(Unauthenticated):
        client_of(on, token)


def test_a_session_ends_at_a_whole_second_and_never_before_it_says(on: LivingServices, connector: str) -> None:
    on.clock.seconds += 0.75
    session = sign_in(on, connector)
    shown = datetime.fromisoformat(session["expires_at"])

    assert "." not in session["expires_at"]
    on.clock.seconds += (shown - on.clock.now()).total_seconds() - 0.001
    client_of(on, session["access_token"])


def test_keys_are_proven_in_the_practices_pace(on: LivingServices, connector: str) -> None:
    sign_in(on, connector)
    first, second = on.office.calls

    assert [first[1].operation, second[1].operation] == ["securityperms.list", "preferences.list"]
    assert second[0] - first[0] >= 5


def test_connecting_takes_up_where_an_earlier_request_stopped(on: LivingServices, connector: str) -> None:
    with pytest.raises(StillRunning) as running:
        sign_in(on, connector, wait_s=0)
    session = sign_in(on, connector, time_zone=None)

    assert len(on.ledger.entries) == 1 and running.value.operation_id in on.ledger.entries
    assert len(on.practices.records) == 1
    assert session["practices"] == list(on.practices.records)


def test_a_practice_that_was_taken_up_while_nobody_waited_is_found(on: LivingServices, connector: str) -> None:
    with pytest.raises(StillRunning):
        sign_in(on, connector, wait_s=0)
    on.world.run(60)
    again = sign_in(on, connector)

    assert again["practices"] == list(on.practices.records)
    assert len(on.ledger.entries) == 1


@pytest.mark.parametrize("missing", ["time_zone", "developer_key"])
def test_what_connecting_needs_is_named(on: LivingServices, connector: str, missing: str) -> None:
    with pytest.raises(Invalid) as refused:
        sign_in(on, connector, **dict[str, Any]({missing: None}))

    assert refused.value.param == missing
    assert not on.office.calls


@pytest.mark.parametrize(
    "zone", ["Mars/Base", "CST6CDT7", "../../etc/passwd", "/etc/localtime", "America", "", "ü", "localtime", "Factory"]
)
def test_a_time_zone_is_an_iana_name(on: LivingServices, connector: str, zone: str) -> None:
    with pytest.raises(Invalid) as refused:
        sign_in(on, connector, time_zone=zone)

    assert refused.value.param == "time_zone"
    assert not on.office.calls and not on.practices.records


@pytest.mark.parametrize(
    ("sent", "allowed", "taken"),
    [
        ({}, ["https://api.opendental.com"], "https://api.opendental.com/api/v1"),
        ({"base_url": "https://api.opendental.com/api/v1/"}, ["https://api.opendental.com"], "https://api.opendental.com/api/v1"),
        ({"base_url": "http://127.0.0.1:4010/api/v1"}, ["http://127.0.0.1"], "http://127.0.0.1:4010/api/v1"),
        ({"base_url": "http://127.0.0.1:4010"}, ["https://api.opendental.com"], None),
        ({"base_url": "http://api.opendental.com/api/v1"}, ["https://api.opendental.com"], None),
        ({"base_url": "https://api.opendental.com.evil.example/api/v1"}, ["https://api.opendental.com"], None),
        ({"base_url": "https://api.opendental.com@evil.example/"}, ["https://api.opendental.com"], None),
        ({"base_url": "https://u:p@api.opendental.com/api"}, ["https://api.opendental.com"], None),
        ({"base_url": "https://api.opendental.com:8443/api"}, ["https://api.opendental.com"], None),
        ({"base_url": "https://api.opendental.com/api?x=1"}, ["https://api.opendental.com"], None),
        ({"base_url": "https://gw.example/ok/../x"}, ["https://gw.example/ok"], None),
        ({"base_url": "https://gw.example/okay"}, ["https://gw.example/ok"], None),
        ({"base_url": "https://[::1/"}, ["https://api.opendental.com"], None),
        ({"base_url": "http://127.0.0.1:99999/"}, ["http://127.0.0.1"], None),
        ({"base_url": "http://127.0.0.1:port/"}, ["http://127.0.0.1"], None),
        ({"base_url": "http://127.0.0.1:0/"}, ["http://127.0.0.1"], None),
        ({"base_url": "http://127.0.0.1/a\tb"}, ["http://127.0.0.1"], None),
        ({"base_url": "https://gw.example/ok/%2e%2e/x"}, ["https://gw.example/ok"], None),
        ({"mode": Mode.SERVICE}, ["https://api.opendental.com"], None),
        ({"mode": Mode.SERVICE, "base_url": "http://127.0.0.1:30222/api/v1"}, ["http://127.0.0.1"], "http://127.0.0.1:30222/api/v1"),
    ],
)  # fmt: skip
def test_keys_go_only_where_the_stage_allows(
    on: LivingServices, connector: str, sent: dict[str, Any], allowed: list[str], taken: str | None
) -> None:
    enrolment = Enrolment(base_urls=tuple(allowed))
    if taken is None:
        with pytest.raises(Invalid) as refused:
            sign_in(on, connector, enrolment=enrolment, **sent)
        assert refused.value.param == "base_url"
        assert not on.office.calls
    else:
        session = sign_in(on, connector, enrolment=enrolment, **sent)
        assert on.practices.get(session["practice"]["id"]).base_url == taken


INSIDE = Enrolment(
    base_urls=("https://api.opendental.com", "http://gw.example"),
    networks={"clinic": ("http://10.20.0.15:30222",), "other": ("https://od.other.example:30223",)},
)


@pytest.mark.parametrize(
    ("mode", "base_url", "network"),
    [
        (Mode.SERVICE, "http://10.20.0.15:30222/api/v1", "clinic"),
        (Mode.SERVICE, "https://od.other.example:30223/api/v1", "other"),
        (Mode.REMOTE, "https://api.opendental.com/api/v1", "remote"),
        (Mode.REMOTE, None, "remote"),
    ],
)
def test_a_practice_belongs_to_the_network_that_its_address_lies_in(
    on: LivingServices, connector: str, mode: Mode, base_url: str | None, network: str
) -> None:
    session = sign_in(on, connector, enrolment=INSIDE, mode=mode, base_url=base_url)
    practice = on.practices.get(session["practice"]["id"])

    assert (practice.network, practice.mode) == (network, mode)
    assert set(on.calls.networks) == {network}


@pytest.mark.parametrize(
    ("mode", "base_url", "param"),
    [
        (Mode.SERVICE, "http://10.20.0.16:30222/api/v1", "base_url"),
        (Mode.SERVICE, "http://10.20.0.15:30223/api/v1", "base_url"),
        (Mode.SERVICE, "http://10.20.0.15/api/v1", "base_url"),
        (Mode.SERVICE, "https://10.20.0.15:30222/api/v1", "base_url"),
        (Mode.SERVICE, "http://10.20.0.15:30222@evil.example/api/v1", "base_url"),
        # Plain http outside a network, although the stage's row says so.
        (Mode.REMOTE, "http://gw.example/api/v1", "base_url"),
        (Mode.SERVICE, "http://gw.example/api/v1", "base_url"),
        (Mode.REMOTE, "http://10.20.0.15:30222/api/v1", "mode"),
        # Else a word would be enough to call Open Dental's own service without a pace.
        (Mode.SERVICE, "https://api.opendental.com/api/v1", "mode"),
    ],
)
def test_plain_http_and_service_mode_are_for_addresses_inside_a_network(
    on: LivingServices, connector: str, mode: Mode, base_url: str, param: str
) -> None:
    with pytest.raises(Invalid) as refused:
        sign_in(on, connector, enrolment=INSIDE, mode=mode, base_url=base_url)

    assert refused.value.param == param
    assert not on.office.calls


@pytest.mark.parametrize(("mode", "instead"), [(Mode.LOCAL, "mode service"), (Mode.CLOUD, "mode remote")])
def test_a_mode_that_answers_on_one_machine_only_is_refused_with_the_mode_that_is_reached(
    on: LivingServices, connector: str, mode: Mode, instead: str
) -> None:
    """Also where the address itself is allowed: who would answer there is this machine, not the office's."""
    sandbox = replace(INSIDE, base_urls=("http://127.0.0.1",))
    with pytest.raises(Invalid, match=instead) as refused:
        sign_in(on, connector, enrolment=sandbox, mode=mode, base_url="http://127.0.0.1:30222/api/v1")

    assert refused.value.param == "mode"


def test_a_function_reads_the_networks_that_infra_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NETWORKS", raising=False)
    assert Enrolment.of_environment().networks == {}
    monkeypatch.setenv("NETWORKS", '{"clinic": ["http://10.20.0.15:30222"]}')
    assert Enrolment.of_environment().networks == {"clinic": ("http://10.20.0.15:30222",)}


def test_an_offices_own_server_has_no_fhir_to_ask_about_a_key(on: LivingServices, connector: str) -> None:
    inside: dict[str, Any] = {"mode": Mode.SERVICE, "base_url": "http://10.20.0.15:30222/api/v1"}
    with pytest.raises(KeyNotUsable):
        sign_in(on, connector, enrolment=INSIDE, developer_key="WrongTestKey0000", **inside)

    assert [call.operation for _, call in on.office.calls] == ["securityperms.list"]


def test_wrong_keys_leave_nothing_but_a_count(on: LivingServices, connector: str) -> None:
    with pytest.raises(KeyNotUsable) as refused:
        sign_in(on, connector, developer_key="WrongTestKey0000")
    assert refused.value.param == "customer_key"
    made = next(iter(on.practices.records.values()))

    assert made.state == "disabled"
    assert not on.practices.fingerprints and not on.vault.waiting and not on.vault.current
    assert len(on.callers.attempts) == 1
    assert [call.operation for _, call in on.office.calls] == ["securityperms.list", "fhir.capability"]


def test_wrong_keys_can_be_put_right(on: LivingServices, connector: str) -> None:
    for developer_key in ("WrongTestKey0000", "WrongTestKey0000"):
        with pytest.raises(KeyNotUsable):
            sign_in(on, connector, developer_key=developer_key)

    assert sign_in(on, connector)["practice"]["version"] == "25.3.12.0"
    assert len([call for _, call in on.office.calls if call.operation == "fhir.capability"]) == 2


def test_a_key_that_only_fhir_knows_is_not_called_wrong(on: LivingServices, connector: str) -> None:
    on.office.on_call = lambda call: Fault.UNAUTHORIZED if call.operation == "securityperms.list" else None
    session = sign_in(on, connector)

    practice = on.practices.get(session["practice"]["id"])
    assert session["practice"]["permissions"] == []
    assert (practice.tier, practice.upstream) == (Tier.READ_ONLY, "fhir")


def test_an_office_that_is_off_is_no_wrong_key(on: LivingServices, connector: str) -> None:
    on.office.offline = True
    with pytest.raises(StillRunning):
        sign_in(on, connector)
    on.office.offline = False
    on.world.run(120)

    assert sign_in(on, connector)["practice"]["version"] == "25.3.12.0"
    assert not on.callers.attempts


def test_an_address_where_nobody_answers_is_named_after_two_tries(on: LivingServices, connector: str) -> None:
    on.office.on_call = lambda call: Fault.NOT_SENT
    with pytest.raises(Unreachable) as refused:
        sign_in(on, connector)

    assert (refused.value.param, refused.value.upstream) == ("base_url", None)
    assert "nobody answers" in refused.value.detail
    assert len(on.office.calls) == 2
    assert not on.vault.waiting and not on.callers.attempts and not on.practices.fingerprints


def test_an_address_that_answers_late_or_once_is_not_called_wrong(on: LivingServices, connector: str) -> None:
    on.office.faults.extend([Fault.NOT_SENT, None, Fault.NOT_SENT, Fault.NOT_SENT, None])

    assert sign_in(on, connector)["practice"]["version"] == "25.3.12.0"


def test_a_practice_connected_by_two_clients_is_one_practice(on: LivingServices, connector: str) -> None:
    other = enrol(on.callers, name="Billing", scopes=(CONNECT_SCOPE,))
    for key in (connector, other):
        with pytest.raises(StillRunning):
            sign_in(on, key, wait_s=0)
    on.world.run(120)
    first, second = sign_in(on, connector), sign_in(on, other)

    assert first["practice"]["id"] == second["practice"]["id"]
    assert first["client_id"] != second["client_id"]
    assert [one.state for one in on.practices.records.values()].count("active") == 1


def test_nobody_rides_on_anothers_proof(on: LivingServices, connector: str) -> None:
    """Two requests with one customer key wait at a time; only the one with the right developer key gets in."""
    thief = enrol(on.callers, name="Thief", scopes=(CONNECT_SCOPE,))
    for key, developer_key in ((connector, DEVELOPER), (thief, "WrongTestKey0000")):
        with pytest.raises(StillRunning):
            sign_in(on, key, wait_s=0, developer_key=developer_key)
    on.world.run(120)

    assert sign_in(on, connector)["practices"]
    with pytest.raises(Unauthenticated):
        sign_in(on, thief, developer_key="WrongTestKey0000")


@pytest.mark.parametrize("steps", range(36))
def test_a_worker_that_dies_at_any_step_connects_the_practice_all_the_same(
    on: LivingServices, connector: str, steps: int
) -> None:
    lives = iter([Life(left=steps)])
    on.world.next_life = lambda: next(lives, None)
    with pytest.raises(StillRunning):
        sign_in(on, connector, wait_s=0)
    on.world.run(500)
    assert on.world.crashes == 1
    session = sign_in(on, connector)

    assert session["practice"]["version"] == "25.3.12.0"
    assert [one.state for one in on.practices.records.values()] == ["active"]
    assert on.vault.current == {session["practice"]["id"]: PAIR} and not on.vault.waiting
    assert not on.callers.attempts


@pytest.mark.parametrize("steps", range(28))
def test_a_request_that_dies_at_any_step_is_finished_by_the_next(
    on: LivingServices, connector: str, steps: int
) -> None:
    with pytest.raises((Killed, StillRunning)):
        sign_in(on.mortal(Life(left=steps)), connector, wait_s=0)
    with pytest.raises(StillRunning):
        sign_in(on, connector, wait_s=0)
    on.clock.seconds += 61  # it may have died with its turn unsent
    session = sign_in(on, connector)

    assert [one.state for one in on.practices.records.values()] == ["active"]
    assert on.vault.current == {session["practice"]["id"]: PAIR} and not on.vault.waiting
    assert not on.callers.attempts


@pytest.mark.parametrize("customer_key", [CUSTOMER, "AKeyTheOfficeNeverSaw"], ids=["right", "wrong"])
@pytest.mark.parametrize("steps", range(45))
def test_no_pair_is_left_in_the_vault_by_a_request_that_died(
    steps: int, customer_key: str, on: LivingServices, connector: str
) -> None:
    """Nobody asks again: what is there must be found by the jobs of the next minutes."""
    with suppress(Killed, StillRunning):
        sign_in(on.mortal(Life(left=steps)), connector, wait_s=0, customer_key=customer_key)
    on.world.run(900)

    assert not on.vault.waiting


@pytest.mark.parametrize("customer_key", [CUSTOMER, "AKeyTheOfficeNeverSaw"], ids=["right", "wrong"])
def test_a_pair_put_while_its_operation_ends_is_dropped_again(
    customer_key: str, on: LivingServices, connector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StillRunning):
        sign_in(on, connector, wait_s=0, customer_key=customer_key)
    look: Callable[[str], Keys] = on.vault.pending

    def after_the_worker(practice_id: str) -> Keys:
        monkeypatch.setattr(on.vault, "pending", look)
        on.world.run(120)
        return look(practice_id)

    monkeypatch.setattr(on.vault, "pending", after_the_worker)
    with suppress(KeyNotUsable):
        sign_in(on, connector, customer_key=customer_key)

    assert not on.vault.waiting


@pytest.mark.parametrize("times", [1, 2, 3])
def test_taking_a_practice_up_again_changes_nothing(on: LivingServices, connector: str, times: int) -> None:
    practice_id = sign_in(on, connector)["practice"]["id"]
    before = on.practices.get(practice_id)
    outcome = Outcome(
        body={"permissions": sorted(before.permissions), "tier": before.tier.value, "version": before.version}
    )
    on.clock.seconds += 3600
    for _ in range(times):
        settle(outcome, replace(before, state="pending"), on)

    assert on.practices.get(practice_id) == before
    assert on.vault.keys(practice_id) == PAIR


# -- who may ---------------------------------------------------------------------------------------------------------


def test_an_unknown_practice_needs_a_client_that_may_connect(on: LivingServices) -> None:
    reader = enrol(on.callers, name="Reader", scopes=("*:read",))
    for key in (None, reader):
        with pytest.raises(PracticeNotEnrolled):
            sign_in(on, key)

    assert not on.office.calls and not on.practices.records


def test_with_open_enrolment_both_keys_are_enough(on: LivingServices) -> None:
    session = sign_in(on, enrolment=Enrolment(is_open=True))

    assert client_of(on, session["access_token"]).scopes == OWN_SCOPES


@pytest.mark.parametrize("credential", ["odg_test_nobody", "", "Basic abc"])
def test_a_credential_that_is_not_valid_is_not_passed_over(on: LivingServices, credential: str) -> None:
    with pytest.raises(Unauthenticated):
        sign_in(on, credential)


def test_both_keys_of_a_known_practice_are_a_proof(on: LivingServices, connector: str) -> None:
    practice = sign_in(on, connector)["practice"]
    calls = len(on.office.calls)
    session = sign_in(on)

    assert session["practices"] == [practice["id"]]
    assert client_of(on, session["access_token"]).id != client_of(on, connector).id
    assert len(on.office.calls) == calls


def test_the_customer_key_alone_is_no_password(on: LivingServices, connector: str) -> None:
    sign_in(on, connector)
    stranger = enrol(on.callers, name="Stranger", scopes=("*:read", CONNECT_SCOPE))
    for key in (None, stranger):
        with pytest.raises(Unauthenticated):
            sign_in(on, key, developer_key=None)


def test_a_client_that_has_the_practice_needs_the_customer_key_only(on: LivingServices, connector: str) -> None:
    sign_in(on, connector)
    session = sign_in(on, connector, developer_key=None, time_zone=None)

    assert session["client_id"] == client_of(on, connector).id


def test_a_client_that_may_connect_gets_a_known_practice_by_proof(on: LivingServices, connector: str) -> None:
    practice = sign_in(on, connector)["practice"]
    other = enrol(on.callers, name="Billing", scopes=(CONNECT_SCOPE,))
    session = sign_in(on, other)

    assert session["client_id"] == client_of(on, other).id
    assert client_of(on, other).practices == {practice["id"]}


def test_a_session_covers_all_practices_of_its_client(on: LivingServices, connector: str) -> None:
    elm = sign_in(on, connector)["practice"]["id"]
    oak = sign_in(on, connector, customer_key=OAK.customer)["practice"]["id"]

    assert sign_in(on, connector)["practices"] == sorted([elm, oak])


def test_a_revoked_client_gets_no_further(on: LivingServices, connector: str) -> None:
    token = sign_in(on, connector)["access_token"]
    client = client_of(on, connector)
    on.callers.put_client(replace(client, revoked_at=on.clock.now()))

    for key in (connector, token):
        with pytest.raises(Unauthenticated):
            sign_in(on, key)


@pytest.mark.parametrize("ends", ["revoked", "ended"])
def test_a_session_ends_with_the_key_that_opened_it_and_the_clients_others_go_on(
    on: LivingServices, connector: str, ends: str
) -> None:
    """A key that leaked is revoked: what was opened with it meanwhile must not go on for half a day."""
    client = client_of(on, connector)
    other = new_key(on.callers, client.id, now=on.clock.now())
    mine, others = sign_in(on, connector)["access_token"], sign_in(on, other)["access_token"]
    of_session = sign_in(on, mine)["access_token"]
    assert client_of(on, of_session) == client_of(on, mine)

    if ends == "revoked":
        on.callers.revoke(token_hash(connector), on.clock.now())
    else:
        on.callers.end_key(token_hash(connector), on.clock.now())

    for token in (mine, of_session):
        with pytest.raises(Unauthenticated):
            client_of(on, token)
        with pytest.raises(Unauthenticated):
            sign_in(on, token)
    assert client_of(on, others) == client_of(on, other)


def test_what_is_withdrawn_from_a_client_is_gone_from_its_sessions_with_the_next_call(
    on: LivingServices, connector: str
) -> None:
    session = sign_in(on, connector)
    token, practice_id = session["access_token"], session["practice"]["id"]
    allow(Caller(client_of(on, token)), practice_id, "patients", Verb.READ, on=on)
    on.callers.take(session["client_id"], scopes=["*:read"])

    with pytest.raises(ScopeMissing):
        allow(Caller(client_of(on, token)), practice_id, "patients", Verb.READ, on=on)
    on.callers.take(session["client_id"], practices=[practice_id])
    with pytest.raises(NotFound):
        allow(Caller(client_of(on, token)), practice_id, "practices", Verb.READ, on=on)


def test_the_practices_own_client_stays_revoked(on: LivingServices, connector: str) -> None:
    sign_in(on, connector)
    own = client_of(on, sign_in(on)["access_token"])
    on.callers.put_client(replace(own, revoked_at=on.clock.now()))

    with pytest.raises(Unauthenticated):
        sign_in(on)


def test_a_practice_that_an_operator_closed_is_not_connected_anew(on: LivingServices, connector: str) -> None:
    practice_id = sign_in(on, connector)["practice"]["id"]
    on.practices.put(replace(on.practices.get(practice_id), state="disabled"))

    with pytest.raises(PracticeNotEnrolled):
        sign_in(on, connector)


def test_a_time_zone_is_changed_by_who_has_both_keys(on: LivingServices, connector: str) -> None:
    practice_id = sign_in(on, connector)["practice"]["id"]
    with pytest.raises(NotAllowed):
        sign_in(on, connector, developer_key=None, time_zone="America/Denver")
    before = on.practices.get(practice_id).time_zone
    sign_in(on, connector, time_zone="America/Denver")
    sign_in(on, connector, time_zone=None)

    assert (before, on.practices.get(practice_id).time_zone) == ("America/Chicago", "America/Denver")


def test_by_which_api_rows_are_read_is_said_at_connecting_and_changed_with_both_keys(
    on: LivingServices, connector: str
) -> None:
    practice = sign_in(on, connector, upstream="fhir")["practice"]
    with pytest.raises(NotAllowed) as refused:
        sign_in(on, connector, developer_key=None, upstream="rest")
    before = on.practices.get(practice["id"]).upstream
    sign_in(on, connector, upstream="rest")
    sign_in(on, connector)

    assert (practice["upstream"], before, on.practices.get(practice["id"]).upstream) == ("fhir", "fhir", "rest")
    assert refused.value.param == "upstream"


def test_signing_in_does_not_move_a_practice(on: LivingServices, connector: str) -> None:
    sign_in(on, connector)

    with pytest.raises(Conflict) as refused:
        sign_in(on, connector, base_url="https://elsewhere.example/api/v1")
    assert refused.value.param == "base_url"


@pytest.mark.parametrize("mode", [Mode.LOCAL, Mode.SERVICE])
def test_nor_does_it_have_it_called_in_another_mode(mode: Mode, on: LivingServices, connector: str) -> None:
    sign_in(on, connector)

    with pytest.raises(Conflict) as refused:
        sign_in(on, connector, mode=mode)
    assert refused.value.param == "mode"
    sign_in(on, connector, mode=Mode.REMOTE)


def test_whoever_says_no_mode_signs_in_at_a_practice_of_any(on: LivingServices, connector: str) -> None:
    practice = on.practices.get(sign_in(on, connector)["practice"]["id"])
    on.practices.put(replace(practice, mode=Mode.SERVICE))

    sign_in(on, connector)


# -- keys that are refused ----------------------------------------------------------------------------------------


def is_refused(on: LivingServices, practice_id: str, *, later: pacing.Trip | None = None) -> None:
    """Have Open Dental refuse the practice's key, as a call hears it; and the office be away since, say."""
    fingerprint, now = on.practices.get(practice_id).key_fingerprint, on.clock.now().timestamp()

    def rule(item: pacing.PaceItem) -> tuple[pacing.PaceItem, None]:
        item = pacing.heard(item, pacing.Answer.KEY_REFUSED, now)
        item = pacing.key_heard(item, fingerprint, pacing.Answer.KEY_REFUSED, now)
        if later is pacing.Trip.OFFLINE:
            item = pacing.heard(item, pacing.Answer.OFFLINE, now)
        return item, None

    on.pace.update(practice_id, rule)


@pytest.mark.parametrize("later", [None, pacing.Trip.OFFLINE])
def test_who_has_nothing_but_keys_that_are_refused_has_nothing(
    on: LivingServices, connector: str, later: pacing.Trip | None
) -> None:
    """An office takes a key out because somebody has it who should not; the copies here are no less its patients'."""
    practice_id = sign_in(on, connector)["practice"]["id"]
    session = sign_in(on)
    refreshed = sign_in(on, session["access_token"], developer_key=None)
    by_key = new_key(on.callers, session["client_id"], now=on.clock.now())
    by_keys_alone = [session["access_token"], refreshed["access_token"]]
    mine = sign_in(on, connector)["access_token"]
    is_refused(on, practice_id, later=later)

    for token in by_keys_alone:
        with pytest.raises(Unauthenticated):
            client_of(on, token)
    with pytest.raises(KeyNotUsable) as refused:
        sign_in(on)
    assert (refused.value.code, refused.value.param) == ("key-refused", "customer_key")
    other = enrol(on.callers, name="Another product", scopes=("*:read", CONNECT_SCOPE))
    with pytest.raises(KeyNotUsable):
        sign_in(on, other)
    # Their right is an operator's word, and no key of the office's.
    for token in (connector, mine, by_key, sign_in(on, by_key, developer_key=None)["access_token"]):
        allow(Caller(client_of(on, token)), practice_id, "patients", Verb.READ, on=on)

    fingerprint = on.practices.get(practice_id).key_fingerprint
    now = on.clock.now().timestamp()
    fine = pacing.Answer.FINE
    on.pace.update(
        practice_id, lambda item: (pacing.heard(pacing.key_heard(item, fingerprint, fine, now), fine, now), None)
    )
    assert client_of(on, sign_in(on)["access_token"]).practices == {practice_id}


def test_a_refused_key_is_tried_at_once_when_who_connects_practices_signs_in_with_it_and_not_all_the_time(
    on: LivingServices, connector: str
) -> None:
    practice_id = sign_in(on, connector)["practice"]["id"]
    is_refused(on, practice_id)
    on.clock.seconds += 300
    now = on.clock.now().timestamp()
    assert on.pace.load(practice_id).breaker.probe_at > now + 3000
    sign_in(on, connector, developer_key=None)
    assert on.pace.load(practice_id).breaker.probe_at > now + 3000
    sign_in(on, connector)
    assert on.pace.load(practice_id).breaker.probe_at == now

    tried = pacing.admit(on.pace.load(practice_id), now)
    again = pacing.try_again(tried, now + 5)
    assert again.breaker.probe_at == now + pacing.TRIED_AT_MOST_EVERY_S


def test_practices_that_nobody_named_have_clients_that_are_told_apart(on: LivingServices, connector: str) -> None:
    names = set()
    for customer_key in (CUSTOMER, OAK.customer):
        practice_id = sign_in(on, connector, customer_key=customer_key)["practice"]["id"]
        names.add(client_of(on, sign_in(on, customer_key=customer_key)["access_token"]).name)
        assert f"A practice ({practice_id})" in names
    assert len(names) == 2


# -- guessing --------------------------------------------------------------------------------------------------------


def guess(on: LivingServices, n: int, *, source_ip: str = "203.0.113.7", key: str | None = None) -> type[AppError]:
    with pytest.raises(AppError) as refused:
        sign_in(on, key, developer_key=f"Guess{n:011d}", source_ip=source_ip)
    return type(refused.value)


def test_five_guesses_of_a_source_and_no_more(on: LivingServices, connector: str) -> None:
    sign_in(on, connector)
    answers = [guess(on, n) for n in range(7)]

    assert answers == [Unauthenticated] * 5 + [Throttled] * 2
    with pytest.raises(Throttled):
        sign_in(on)  # not even the right pair: the answer would tell
    assert guess(on, 8, source_ip="203.0.113.8") is Unauthenticated
    on.clock.seconds += 15 * 60
    assert sign_in(on)["practices"]


def test_twenty_guesses_of_all_sources_together(on: LivingServices, connector: str) -> None:
    sign_in(on, connector)
    answers = [guess(on, n, source_ip=f"203.0.113.{n}") for n in range(21)]

    assert answers == [Unauthenticated] * 20 + [Throttled]
    assert sign_in(on, connector, developer_key=None)["practices"]  # who guesses nothing is not held up


def test_guesses_that_nobody_waits_for_count_as_well(on: LivingServices, connector: str) -> None:
    for n in range(5):
        with pytest.raises(StillRunning):
            sign_in(on, connector, developer_key=f"Guess{n:011d}", wait_s=0)

    assert guess(on, 6, key=connector) is Throttled
    assert not on.office.calls


# -- the end ---------------------------------------------------------------------------------------------------------


def test_an_ended_session_is_over_at_the_next_call(on: LivingServices, connector: str) -> None:
    token = sign_in(on, connector)["access_token"]
    for _ in range(2):
        end_session(f"Bearer {token}", request_id="req-2", on=on)

    with pytest.raises(Unauthenticated):
        client_of(on, token)
    client_of(on, connector)


def test_an_api_key_is_not_ended_like_a_session(on: LivingServices, connector: str) -> None:
    with pytest.raises(NotAllowed):
        end_session(f"bearer {connector}", request_id="req-2", on=on)

    client_of(on, connector)


def test_a_session_does_not_outlive_its_client(on: LivingServices) -> None:
    ends = on.clock.now() + timedelta(hours=1)
    key = enrol(on.callers, name="Trial", scopes=(CONNECT_SCOPE,), expires_at=ends)
    session = sign_in(on, key)

    assert session["expires_in"] <= 3600
    stored = on.callers.session(token_hash(session["access_token"]))
    assert stored is not None and stored.expires_at == ends


def test_keys_show_in_no_text_of_the_credentials() -> None:
    sent = Credentials(customer_key=CUSTOMER, developer_key=DEVELOPER)

    assert CUSTOMER not in f"{sent!r} {sent}" and DEVELOPER not in f"{sent!r} {sent}"


def test_an_unknown_client_has_no_practice(on: LivingServices, connector: str) -> None:
    practice_id = sign_in(on, connector)["practice"]["id"]
    key = enrol(on.callers, name="Other", scopes=("*:read",))
    other = caller_of(session_of(key, on=on, now=on.clock.now()).client_id, on=on)

    with pytest.raises(NotFound):
        allow(other, practice_id, "patients", Verb.READ, on=on)


def test_who_signs_in_is_in_the_practices_trail_and_nobody_does_whom_it_cannot_have(
    on: LivingServices, connector: str
) -> None:
    """Who could look at all is asked after those who did."""
    sessions = [sign_in(on, connector) for _ in range(2)]
    practice = sessions[0]["practice"]["id"]

    told = [(one.client_id, one.request_id, one.status) for one in on.audit.of(practice) if one.action == ACTION]
    assert told == [(sessions[0]["client_id"], "req-1", 200)] * 2
    on.audit.refuses.add(practice)
    opened = dict(on.callers.sessions)
    with pytest.raises(AuditUnavailable):
        sign_in(on, connector)
    assert on.callers.sessions == opened


def test_who_was_refused_at_a_known_practice_is_in_its_trail_and_who_guesses_all_day_fills_none(
    on: LivingServices, connector: str
) -> None:
    practice_id = sign_in(on, connector)["practice"]["id"]
    before = len(on.audit.of(practice_id))
    with pytest.raises(Unauthenticated):
        sign_in(on, developer_key=None)
    for number in range(7):
        guess(on, number)
    with pytest.raises(PracticeNotEnrolled):
        sign_in(on, customer_key="NoSuchOffice0000")

    told = on.audit.of(practice_id)[before:]
    assert [(one.client_id, one.code, str(one.phase)) for one in told] == [(NOBODY, "unauthenticated", "refused")] * 6
    assert {one.source_ip for one in told} == {"203.0.113.7"}
    assert not on.audit.of(NOBODY)


def test_connecting_is_in_the_trail_of_the_client_that_does_it_until_there_is_a_practice(
    on: LivingServices, connector: str
) -> None:
    client_id = client_of(on, connector).id
    with pytest.raises(StillRunning) as running:
        sign_in(on, connector, wait_s=0)
    with pytest.raises(KeyNotUsable):
        sign_in(on, connector, customer_key=OAK.customer, developer_key="WrongTestKey0000")
    practice_id = sign_in(on, connector)["practice"]["id"]

    told = [(one.status, one.code, one.operation_id) for one in on.audit.of(client_id)]
    assert told == [(202, None, running.value.operation_id), (None, "key-refused", None)]
    assert [one.status for one in on.audit.of(practice_id) if one.action == ACTION] == [200]


def test_the_client_that_a_practice_gets_by_itself_is_in_the_trail(on: LivingServices, connector: str) -> None:
    sign_in(on, connector)
    for _ in range(2):
        session = sign_in(on)

    made = [one for one in on.audit.of(session["practice"]["id"]) if one.client_id == GATEWAY]
    assert [(one.action, one.object_ids) for one in made] == [("clients.enrol", (session["client_id"],))]


def test_who_signs_out_is_in_the_trail_and_a_session_that_is_over_is_ended_once(
    on: LivingServices, connector: str
) -> None:
    session = sign_in(on, connector)
    for _ in range(2):
        end_session(f"Bearer {session['access_token']}", request_id="req-2", on=on)

    ended = [one for one in on.audit.of(session["practice"]["id"]) if one.action == "DELETE /session"]
    assert [(one.client_id, one.request_id, one.status) for one in ended] == [(session["client_id"], "req-2", 204)]
