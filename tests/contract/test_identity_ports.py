"""Callers, practices, vault and signer: the fakes that unit tests use and the AWS adapters keep one contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from gateway.adapters.callers import DynamoCallers
from gateway.adapters.practices import DynamoPractices
from gateway.adapters.rotations import DynamoRotations
from gateway.adapters.signer import HmacSigner
from gateway.adapters.vault import SecretsVault
from gateway.core.callers import Client, ClientKind
from gateway.core.errors import NotFound
from gateway.core.ports import Callers, Keys, Pair, Practices, Session, Signer, Vault
from gateway.core.practices import Baa, Mode, Practice, Tier, Way
from gateway.core.rotation.records import Book, Rotation, Rotations, State, Superseded
from tests.fakes.identity import NOON, FakeCallers, FakeClock, FakePractices, FakeSigner, FakeVault
from tests.fakes.rotations import FakeRotations

ELM = Practice(id="prac_elm", name="Elm Street", time_zone="America/Chicago", key_fingerprint="f" * 32)
ADA = Client(id="cli_ada", name="Ada", practices=frozenset({"prac_elm"}), scopes=frozenset({"*:read"}))
PAIR = Keys(developer="NFF6i0KrXrxDkZHt", customer="VzkmZEaUWOjnQX2z")
OTHER_PAIR = Keys(developer="NFF6i0KrXrxDkZHt", customer="AnotherTestKey00")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


def table(name: str) -> Any:
    client = boto3.client("dynamodb")
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@pytest.fixture(params=["fake", "dynamodb"])
def callers(request: pytest.FixtureRequest) -> Callers:
    if request.param == "fake":
        return FakeCallers()
    request.getfixturevalue("aws")
    return DynamoCallers(table("callers"), table="callers")


@pytest.fixture(params=["fake", "dynamodb"])
def practices(request: pytest.FixtureRequest) -> Practices:
    if request.param == "fake":
        return FakePractices()
    request.getfixturevalue("aws")
    return DynamoPractices(table("practices"), table="practices")


@pytest.fixture(params=["fake", "dynamodb"])
def rotations(request: pytest.FixtureRequest) -> Rotations:
    if request.param == "fake":
        return FakeRotations()
    request.getfixturevalue("aws")
    return DynamoRotations(table("practices"), table="practices")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["fake", "secrets manager"])
def vault(request: pytest.FixtureRequest, clock: FakeClock) -> Vault:
    if request.param == "fake":
        return FakeVault(clock)
    request.getfixturevalue("aws")
    return SecretsVault(
        boto3.client("secretsmanager"), prefix="gateway/practices/", now=lambda: clock.now().timestamp()
    )


@pytest.fixture(params=["fake", "secrets manager"])
def signer(request: pytest.FixtureRequest) -> Signer:
    if request.param == "fake":
        return FakeSigner()
    request.getfixturevalue("aws")
    client = boto3.client("secretsmanager")
    made = client.create_secret(Name="signing", SecretString="a test's own key")
    return HmacSigner(client, secret_arn=made["ARN"])


# -- callers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "client",
    [
        ADA,
        replace(ADA, practices=frozenset(), scopes=frozenset()),
        replace(ADA, requests_per_minute=12),
        replace(ADA, kind=ClientKind.OPERATOR, expires_at=NOON, revoked_at=NOON + timedelta(microseconds=1)),
    ],
)
def test_a_client_comes_back_as_it_was_put(callers: Callers, client: Client) -> None:
    callers.put_client(client)

    assert callers.client(client.id) == client


def test_a_client_nobody_put_is_not_found(callers: Callers) -> None:
    with pytest.raises(NotFound):
        callers.client("cli_nobody")


def test_a_practice_is_added_once_and_keeps_the_others(callers: Callers) -> None:
    callers.put_client(ADA)
    for _ in range(2):
        callers.add_practice(ADA.id, "prac_oak")

    assert callers.client(ADA.id).practices == {"prac_elm", "prac_oak"}


def test_a_practice_cannot_be_added_to_nobody(callers: Callers) -> None:
    with pytest.raises(NotFound):
        callers.add_practice("cli_nobody", "prac_oak")

    with pytest.raises(NotFound):
        callers.client("cli_nobody")


@pytest.mark.parametrize(
    "session",
    [Session("cli_ada", NOON), Session("cli_ada", None, is_key=True), Session("cli_ada", NOON, opened_by="c" * 64)],
)
def test_a_session_is_found_by_its_hash_alone(callers: Callers, session: Session) -> None:
    callers.put_session("a" * 64, session)

    assert callers.session("a" * 64) == session
    assert callers.session("b" * 64) is None


def test_a_revocation_keeps_its_first_time_and_makes_no_session(callers: Callers) -> None:
    callers.put_session("a" * 64, Session("cli_ada", None))
    callers.revoke("a" * 64, NOON)
    callers.revoke("a" * 64, NOON + timedelta(hours=1))
    callers.revoke("b" * 64, NOON)

    assert callers.session("a" * 64) == Session("cli_ada", None, revoked_at=NOON)
    assert callers.session("b" * 64) is None


def test_attempts_count_for_fifteen_minutes_per_source_and_in_all(callers: Callers) -> None:
    callers.note_attempt("one", NOON, attempt="a")
    callers.note_attempt("one", NOON, attempt="b")
    callers.note_attempt("two", NOON + timedelta(minutes=14), attempt="c")

    assert callers.count_attempts("one", NOON + timedelta(minutes=14)) == (2, 3)
    assert callers.count_attempts("one", NOON + timedelta(minutes=15)) == (0, 1)


def test_an_attempt_counts_once_and_is_forgotten_when_it_was_right(callers: Callers) -> None:
    for _ in range(2):
        callers.note_attempt("one", NOON, attempt="a")
    before = callers.count_attempts("one", NOON)
    callers.forget_attempt("one", attempt="a")
    callers.forget_attempt("one", attempt="never noted")

    assert (before, callers.count_attempts("one", NOON)) == ((1, 1), (0, 0))


# -- practices -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "practice",
    [
        ELM,
        replace(
            ELM,
            mode=Mode.SERVICE,
            tier=Tier.UNPACED,
            version="25.3.12.0",
            permissions=frozenset({"ReadAll", "Appointments"}),
            location_zones={3: "America/Denver"},
            writes_reference=False,
            baa=Baa("agreement 7", "A. Owner", date(2026, 1, 1), date(2027, 1, 1)),
            state="disabled",
            connected_at=NOON,
        ),
        replace(ELM, baa=Baa("agreement 8", "A. Owner", date(2026, 1, 1)), state="pending"),
        replace(ELM, fallback=Way(Mode.SERVICE, "http://10.20.0.15:30223/api/v1", "clinic")),
    ],
)
def test_a_practice_comes_back_as_it_was_put(practices: Practices, practice: Practice) -> None:
    practices.put(practice)

    assert practices.get(practice.id) == practice


def test_a_change_is_made_of_what_somebody_else_stored_meanwhile(practices: Practices) -> None:
    """An operator says another time zone while the worker exchanges the key: neither takes back what the other did."""
    practices.put(ELM)

    def rotated(known: Practice) -> Practice:
        if known.time_zone == ELM.time_zone:
            practices.put(replace(known, time_zone="America/Denver"))
        return replace(known, key_fingerprint="e" * 32)

    changed = practices.change(ELM.id, rotated)

    assert changed == practices.get(ELM.id)
    assert changed == replace(ELM, time_zone="America/Denver", key_fingerprint="e" * 32)
    with pytest.raises(NotFound):
        practices.change("prac_nobody", rotated)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {
            "state": State.DRAINING,
            "since": NOON,
            "due_at": NOON + timedelta(days=1),
            "tries": 3,
            "fingerprint": "e" * 32,
            "office": "d" * 32,
            "office_by": 1,
            "permissions": ("Appointments", "ReadAll"),
            "promoted_at": NOON,
        },
    ],
)
def test_an_exchange_of_keys_comes_back_as_it_was_saved(rotations: Rotations, changes: dict[str, Any]) -> None:
    assert rotations.load("prac_elm") == Book("prac_elm")
    asked = Rotation("rot_a", "prac_elm", "a" * 32, "cli_ada", NOON, by_portal=True, former="f" * 32)
    saved = rotations.save(Book("prac_elm", (replace(asked, **changes),)))

    assert rotations.load("prac_elm") == saved
    assert rotations.load("prac_oak") == Book("prac_oak")


def test_of_two_who_change_one_book_the_second_is_refused(rotations: Rotations) -> None:
    empty = rotations.load("prac_elm")
    asked = Rotation("rot_a", "prac_elm", "a" * 32, "cli_ada", NOON, by_portal=True, former="f" * 32)
    first = rotations.save(replace(empty, rotations=(asked,)))
    for late in (empty, replace(first, rev=first.rev - 1)):
        with pytest.raises(Superseded):
            rotations.save(replace(late, rotations=()))
    with pytest.raises(Superseded):
        rotations.save(replace(rotations.save(first), rev=1))

    assert rotations.load("prac_elm").rotations == (asked,)


def test_a_practice_nobody_put_is_not_found(practices: Practices) -> None:
    with pytest.raises(NotFound):
        practices.get("prac_nobody")


def test_the_first_claim_of_a_fingerprint_stays(practices: Practices) -> None:
    claimed = [practices.claim_fingerprint("f", practice_id) for practice_id in ("prac_elm", "prac_oak", "prac_elm")]

    assert claimed == ["prac_elm"] * 3
    assert practices.by_fingerprint("f") == "prac_elm"
    assert practices.by_fingerprint("g") is None


def test_only_the_holder_releases_a_fingerprint(practices: Practices) -> None:
    practices.claim_fingerprint("f", "prac_elm")
    practices.release_fingerprint("f", "prac_oak")
    held = practices.by_fingerprint("f")
    practices.release_fingerprint("f", "prac_elm")
    practices.release_fingerprint("f", "prac_elm")

    assert (held, practices.by_fingerprint("f")) == ("prac_elm", None)


def test_of_many_claims_at_once_one_wins(practices: Practices) -> None:
    with ThreadPoolExecutor(8) as pool:
        winners = set(pool.map(lambda n: practices.claim_fingerprint("f", f"prac_{n}"), range(16)))

    assert winners == {practices.by_fingerprint("f")}


# -- the vault -----------------------------------------------------------------------------------------------------


def test_pending_keys_are_not_the_practices_keys(vault: Vault) -> None:
    vault.put_pending("prac_elm", PAIR)

    assert vault.pending("prac_elm") == PAIR
    with pytest.raises(NotFound):
        vault.keys("prac_elm")


def test_promoted_keys_are_current_and_no_longer_pending(vault: Vault) -> None:
    vault.put_pending("prac_elm", PAIR)
    vault.promote("prac_elm")

    assert vault.keys("prac_elm") == PAIR
    for again in (vault.pending, vault.promote):
        with pytest.raises(NotFound):
            again("prac_elm")


def test_new_keys_of_a_practice_change_nothing_until_they_are_promoted(vault: Vault) -> None:
    vault.put_pending("prac_elm", PAIR)
    vault.promote("prac_elm")
    vault.put_pending("prac_elm", OTHER_PAIR)
    before = vault.keys("prac_elm")
    vault.promote("prac_elm")

    assert (before, vault.keys("prac_elm")) == (PAIR, OTHER_PAIR)


def test_dropping_leaves_the_current_keys(vault: Vault) -> None:
    vault.put_pending("prac_elm", PAIR)
    vault.promote("prac_elm")
    vault.put_pending("prac_elm", OTHER_PAIR)
    for _ in range(2):
        vault.drop_pending("prac_elm")

    assert vault.keys("prac_elm") == PAIR
    with pytest.raises(NotFound):
        vault.pending("prac_elm")


def test_keys_that_were_never_proven_leave_nothing(vault: Vault) -> None:
    vault.put_pending("prac_elm", PAIR)
    vault.drop_pending("prac_elm")
    vault.drop_pending("prac_nobody")

    for read in (vault.keys, vault.pending, vault.promote):
        with pytest.raises(NotFound):
            read("prac_elm")


def test_pending_keys_are_gone_after_ten_minutes(vault: Vault, clock: FakeClock) -> None:
    vault.put_pending("prac_elm", PAIR)
    clock.sleep(599)
    assert vault.pending("prac_elm") == PAIR
    clock.sleep(1)

    for read in (vault.pending, vault.promote):
        with pytest.raises(NotFound):
            read("prac_elm")


def test_keys_put_again_replace_those_that_wait(vault: Vault) -> None:
    vault.put_pending("prac_elm", PAIR)
    vault.put_pending("prac_elm", OTHER_PAIR)

    assert vault.pending("prac_elm") == OTHER_PAIR


# -- the signer ----------------------------------------------------------------------------------------------------


def test_a_fingerprint_is_stable_and_says_nothing(signer: Signer) -> None:
    one, again, other = (signer.fingerprint(value) for value in ("a key", "a key", "b key"))

    assert one == again != other
    assert len(one) == 32 and set(one) <= set("0123456789abcdef")


def test_what_was_signed_here_is_read_back(signer: Signer) -> None:
    for payload in (b"", b"\x00\xff", b"a cursor" * 50):
        assert signer.verify(signer.sign(payload)) == payload


def test_what_was_changed_or_made_elsewhere_is_not(signer: Signer) -> None:
    text = signer.sign(b"a cursor of mine")
    flipped = ("B" if text[0] == "A" else "A") + text[1:]

    for forged in ("", "abc", "ü", flipped, text[:-1], text + "A", text + "=", signer.fingerprint("a cursor of mine")):
        assert signer.verify(forged) is None


def connected(vault: Vault, practice_id: str, keys: Keys) -> None:
    vault.put_pending(practice_id, keys)
    vault.promote(practice_id)


def test_the_next_key_lies_beside_the_current_pair_until_it_is_promoted(vault: Vault) -> None:
    connected(vault, "prac_elm", PAIR)
    vault.put_next("prac_elm", "a-replaced-customer-key")
    vault.put_next("prac_elm", "the-next-customer-key")
    coming = Keys(PAIR.developer, "the-next-customer-key")
    assert (vault.keys("prac_elm"), vault.keys("prac_elm", Pair.NEXT)) == (PAIR, coming)

    vault.promote_next("prac_elm")

    assert (vault.keys("prac_elm"), vault.keys("prac_elm", Pair.FORMER)) == (coming, PAIR)
    for again in (lambda: vault.keys("prac_elm", Pair.NEXT), lambda: vault.promote_next("prac_elm")):
        with pytest.raises(NotFound):
            again()


def test_a_dropped_next_key_leaves_the_current_pair(vault: Vault) -> None:
    connected(vault, "prac_elm", PAIR)
    vault.put_next("prac_elm", "the-next-customer-key")
    for _ in range(2):
        vault.drop_next("prac_elm")
    vault.drop_next("prac_nobody")

    assert vault.keys("prac_elm") == PAIR
    with pytest.raises(NotFound):
        vault.keys("prac_elm", Pair.NEXT)


def test_a_practice_without_keys_gets_no_next_one(vault: Vault) -> None:
    with pytest.raises(NotFound):
        vault.put_next("prac_nobody", "the-next-customer-key")


def test_the_portal_key_is_kept_once_and_replaced(vault: Vault) -> None:
    with pytest.raises(NotFound):
        vault.portal()
    for key in ("FakePortalKey0", "FakePortalKey1"):
        vault.put_portal(key)

        assert vault.portal() == key


def test_practices_of_one_developer_share_one_secret_for_its_key(aws: None) -> None:
    client = boto3.client("secretsmanager")
    vault = SecretsVault(client, prefix="gateway/practices")
    connected(vault, "prac_elm", Keys("the-developer-key", "customer-key-of-elm"))
    connected(vault, "prac_oak", Keys("the-developer-key", "customer-key-of-oak"))
    connected(vault, "prac_ash", Keys("another-developer-key", "customer-key-of-ash"))

    kept = {one["Name"]: client.get_secret_value(SecretId=one["Name"]) for one in client.list_secrets()["SecretList"]}
    assert sorted(name.split("/")[2] for name in kept) == ["developer", "developer", "prac_ash", "prac_elm", "prac_oak"]
    assert not [name for name, one in kept.items() if "/prac_" in name and "-developer-key" in one["SecretString"]]
    for practice_id, developer in (("prac_elm", "the-developer-key"), ("prac_ash", "another-developer-key")):
        assert SecretsVault(client, prefix="gateway/practices").keys(practice_id).developer == developer


def test_a_developer_key_that_nobody_proved_gets_no_secret(aws: None) -> None:
    """Each costs 0.40 USD a month, and anybody may send any to a deployment with open enrolment."""
    client = boto3.client("secretsmanager")
    vault = SecretsVault(client, prefix="gateway/practices")
    vault.put_pending("prac_elm", PAIR)
    vault.drop_pending("prac_elm")

    assert client.list_secrets()["SecretList"] == []


def test_a_secret_of_a_release_before_is_read_and_rewritten_at_the_next_put(aws: None) -> None:
    client = boto3.client("secretsmanager")
    name, both = "gateway/practices/prac_elm", {"developer": PAIR.developer, "customer": PAIR.customer, "put_at": 1.0}
    client.create_secret(Name=name, SecretString=json.dumps(both))
    vault = SecretsVault(client, prefix="gateway/practices")
    assert vault.keys("prac_elm") == PAIR

    vault.put_next("prac_elm", "the-next-customer-key")
    vault.promote_next("prac_elm")

    assert vault.keys("prac_elm") == Keys(PAIR.developer, "the-next-customer-key")
    assert vault.keys("prac_elm", Pair.FORMER) == PAIR
    kept = client.get_secret_value(SecretId=name, VersionStage="AWSCURRENT")["SecretString"]
    assert PAIR.developer not in kept


@pytest.mark.parametrize("is_rotation", [False, True])
def test_a_promotion_that_died_half_way_is_finished_by_the_next_and_keeps_the_pair_before(
    aws: None, monkeypatch: pytest.MonkeyPatch, is_rotation: bool
) -> None:
    vault = SecretsVault(boto3.client("secretsmanager"), prefix="gateway/practices")
    connected(vault, "prac_elm", PAIR)
    if is_rotation:
        vault.put_next("prac_elm", OTHER_PAIR.customer)
    else:
        vault.put_pending("prac_elm", OTHER_PAIR)
    promote = vault.promote_next if is_rotation else vault.promote
    with monkeypatch.context() as dying:
        dying.setattr(vault, "_unlabel", _dies)
        with pytest.raises(Died):
            promote("prac_elm")
    promote("prac_elm")

    assert (vault.keys("prac_elm"), vault.keys("prac_elm", Pair.FORMER)) == (OTHER_PAIR, PAIR)


class Died(Exception):
    """A process that died."""


def _dies(*_: object) -> None:
    raise Died
