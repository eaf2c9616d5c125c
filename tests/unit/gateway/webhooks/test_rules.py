"""The rules of webhooks: who gets what, what it is signed with, when it is tried again, when an endpoint is left."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from gateway.core.callers import Caller, Client
from gateway.core.events.event import Cause, Event
from gateway.core.webhooks import deliveries as rules
from gateway.core.webhooks.deliveries import DeliveryState, Ended, Health, Outcome
from gateway.core.webhooks.endpoints import Endpoint, EndpointState, may_get, secret_of, secret_text
from gateway.core.webhooks.schedule import JITTER, RETRIES, open_for, retry_after
from gateway.core.webhooks.signing import body_of, headers_of
from tests.fakes.identity import FakeSigner

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
EVENT = Event("evt_a", "appointment.created", NOON, NOON, "prac_a", "appointment", "appt_a", 7, Cause.POLL)
CHANCES = st.floats(0, 1, exclude_max=True)
REFUSED, TAKEN, GONE = Outcome(status=500), Outcome(status=204), Outcome(status=410)


def an_endpoint(*types: str, practices: frozenset[str] | None = None) -> Endpoint:
    return Endpoint("whk_a", "cli_a", "https://example.com/", types or ("*",), NOON, NOON, practices=practices)


def a_caller(*scopes: str, practices: tuple[str, ...] = ("prac_a",)) -> Caller:
    return Caller(Client("cli_a", "A", frozenset(practices), frozenset(scopes)))


def signed_now(*secrets: bytes, at: datetime | None = None) -> tuple[bytes, dict[str, str]]:
    body = body_of(EVENT)
    return body, dict(headers_of(EVENT.id, body, secrets=secrets, at=at or datetime.now(UTC)))


def test_the_standards_own_library_verifies_what_is_sent() -> None:
    secret = secret_of("whk_a", 1, signer=FakeSigner())
    body, headers = signed_now(secret)

    read = Webhook(secret_text(secret)).verify(body, headers)

    assert read == {"type": EVENT.type, "timestamp": "2026-03-02T12:00:00Z", "data": EVENT.told()} == json.loads(body)
    assert headers["webhook-id"] == EVENT.id


def test_another_secret_another_body_or_an_old_message_is_not_verified() -> None:
    secret, other = (secret_of(one, 1, signer=FakeSigner()) for one in ("whk_a", "whk_b"))
    body, headers = signed_now(secret)
    for with_secret, sent, told in (
        (other, body, headers),
        (secret, body.replace(b"appt_a", b"appt_b"), headers),
        (secret, *signed_now(secret, at=NOON)),
        (secret, body, headers | {"webhook-id": "evt_b"}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret_text(with_secret)).verify(sent, told)


def test_while_secrets_overlap_a_receiver_verifies_with_either() -> None:
    endpoint = replace(an_endpoint(), generation=2, overlaps_until=NOON + timedelta(hours=24))
    secrets = [secret_of(endpoint.id, one, signer=FakeSigner()) for one in endpoint.generations(NOON)]
    body, headers = signed_now(*secrets)

    assert len(secrets) == 2
    for secret in secrets:
        Webhook(secret_text(secret)).verify(body, headers)
    assert endpoint.generations(NOON + timedelta(hours=24)) == (2,)
    assert an_endpoint().generations(NOON) == (1,)


def test_a_secret_is_of_one_endpoint_and_generation() -> None:
    signer = FakeSigner()
    made = {secret_of(endpoint, number, signer=signer) for endpoint in ("whk_a", "whk_b") for number in (1, 2, 12)}

    assert len(made) == 6 and {len(one) for one in made} == {32}


@pytest.mark.parametrize(
    ("types", "practices", "wants"),
    [
        (("*",), None, True),
        (("appointment.*",), {"prac_a", "prac_b"}, True),
        (("claim.*", "appointment.created"), None, True),
        (("appointment.updated", "claim.*"), None, False),
        (("*",), {"prac_b"}, False),
        (("*",), set(), False),
    ],
)
def test_filters_let_through_by_type_and_practice(
    types: tuple[str, ...], practices: set[str] | None, wants: bool
) -> None:
    endpoint = an_endpoint(*types, practices=None if practices is None else frozenset(practices))

    assert endpoint.wants(EVENT.type, EVENT.practice_id) is wants


@pytest.mark.parametrize(
    ("caller", "gets"),
    [
        (a_caller("events:read", "appointments:read"), True),
        (a_caller("*:read"), True),
        (a_caller("appointments:read"), False),
        (a_caller("events:read", "claims:read"), False),
        (a_caller("*:read", practices=("prac_b",)), False),
        (Caller(replace(a_caller("*:read").client, revoked_at=NOON)), False),
        (Caller(replace(a_caller("*:read").client, expires_at=NOON)), False),
    ],
)
def test_a_client_gets_what_it_may_read_and_nothing_when_it_has_ended(caller: Caller, gets: bool) -> None:
    assert may_get(EVENT.type, EVENT.practice_id, caller, now=NOON) is gets


@given(chance=CHANCES, attempts=st.integers(1, len(RETRIES)))
def test_a_retry_comes_within_a_fifth_of_its_time(chance: float, attempts: int) -> None:
    wait = retry_after(attempts, chance)

    assert wait is not None
    assert abs(wait - RETRIES[attempts - 1]) <= RETRIES[attempts - 1] * JITTER + timedelta(microseconds=1)


@given(chances=st.lists(CHANCES, min_size=10, max_size=10))
def test_what_is_never_taken_ends_failed_after_ten_attempts(chances: list[float]) -> None:
    delivery, now, turns = rules.begun("whk_a", EVENT, NOON), NOON, []
    for chance in chances:
        assert delivery.state is DeliveryState.PENDING and delivery.due_at is not None
        now = max(now, delivery.due_at)
        delivery = rules.after(delivery, REFUSED, now=now, chance=chance)
        turns.append(delivery.turn)

    assert (delivery.state, delivery.due_at, delivery.attempts) == (DeliveryState.FAILED, None, 10)
    assert all(later > earlier for earlier, later in pairwise(turns))


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_success_ends_a_delivery(status: int) -> None:
    done = rules.after(rules.begun("whk_a", EVENT, NOON), Outcome(status=status), now=NOON, chance=0.5)

    assert (done.state, done.due_at) == (DeliveryState.SUCCEEDED, None)


@pytest.mark.parametrize("outcome", [Outcome(status=301), Outcome(status=404), Outcome(error="timeout"), Outcome()])
def test_a_redirect_and_all_else_is_no_success(outcome: Outcome) -> None:
    assert rules.after(rules.begun("whk_a", EVENT, NOON), outcome, now=NOON, chance=0.5).due_at is not None


def test_an_endpoint_that_says_gone_is_not_asked_again() -> None:
    done = rules.after(rules.begun("whk_a", EVENT, NOON), GONE, now=NOON, chance=0.5)

    assert (done.state, done.ended, done.due_at) == (DeliveryState.FAILED, Ended.GONE, None)


def test_the_fifth_failure_in_a_row_opens_the_circuit_and_each_failed_probe_doubles_it() -> None:
    health, now, waits = Health("whk_a"), NOON, []
    for _ in range(4):
        health = rules.health_after(health, REFUSED, now=now)
    assert health.open_until is None
    for _ in range(9):
        health = rules.health_after(health, REFUSED, now=now)
        assert health.open_until is not None
        waits.append((health.open_until - now).total_seconds() / 60)
        assert rules.passes(health, health.open_until - timedelta(seconds=1))[0] is False
        now = health.open_until
        may_pass, health = rules.passes(health, now)
        assert may_pass

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [open_for(times).total_seconds() for times in (1, 2, 1000)] == [60, 120, 3600]


def test_an_open_circuit_lets_one_probe_through_at_a_time() -> None:
    health = replace(Health("whk_a"), failures=5, opened=1, open_until=NOON)
    first, probing = rules.passes(health, NOON)
    second, same = rules.passes(probing, NOON)

    assert (first, second, same) == (True, False, probing)
    # Whoever had the probe may have died with it.
    assert rules.passes(probing, NOON + rules.PROBE_FOR)[0] is True


def test_calls_that_were_under_way_when_the_circuit_opened_do_not_open_it_further() -> None:
    health = Health("whk_a")
    for _ in range(9):
        health = rules.health_after(health, REFUSED, now=NOON)

    assert (health.opened, health.open_until, health.failures) == (1, NOON + timedelta(minutes=1), 9)


def test_one_success_closes_the_circuit_and_forgets_the_failures() -> None:
    bad = Health("whk_a", failures=30, failing_since=NOON, opened=7, open_until=NOON, is_probing=True, rev=4)

    assert rules.health_after(bad, TAKEN, now=NOON) == Health("whk_a", rev=4)


@pytest.mark.parametrize(("days", "failures", "is_failing"), [(3, 20, True), (3, 19, False), (2.9, 500, False)])
def test_an_endpoint_is_failing_after_three_days_and_twenty_failures(
    days: float, failures: int, is_failing: bool
) -> None:
    health = Health("whk_a", failures=failures, failing_since=NOON)

    assert rules.is_failing(health, NOON + timedelta(days=days)) is is_failing


def test_a_disabled_endpoint_is_closed() -> None:
    assert an_endpoint().is_open
    assert not replace(an_endpoint(), state=EndpointState.DISABLED).is_open
    assert not replace(an_endpoint(), deleted_at=NOON).is_open
