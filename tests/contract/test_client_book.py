"""What operators do with clients and keys: the fake and the table keep one contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from gateway.adapters.callers import DynamoCallers
from gateway.core.callers import Client, ClientKind
from gateway.core.clients import ClientBook, Key
from gateway.core.errors import NotFound, Unauthenticated
from gateway.core.ports import Session
from gateway.core.sessions import session_of, token_hash
from tests.contract.conftest import REGION, make_table
from tests.fakes.identity import FakeCallers

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ADA = Client("cli_ada", "Ada", frozenset({"prac_elm"}), frozenset({"*:read"}))
BEN = Client("cli_ben", "Ben", frozenset(), frozenset(), ClientKind.OPERATOR)
FIRST, SECOND = "a" * 64, "b" * 64


@pytest.fixture(params=["fake", "dynamodb"])
def book(request: pytest.FixtureRequest) -> ClientBook:
    if request.param == "fake":
        return FakeCallers()
    request.getfixturevalue("aws")
    return DynamoCallers(make_table("callers", due=False), table="callers")


def test_all_clients_and_no_sessions_are_listed_with_their_keys_the_newest_first(book: ClientBook) -> None:
    for client in (BEN, ADA):
        book.put_client(client)
    book.put_session(FIRST, Session(ADA.id, None, is_key=True, created_at=NOON))
    book.put_session(SECOND, Session(ADA.id, NOON, is_key=True, created_at=NOON + timedelta(days=1)))
    book.put_session("c" * 64, Session(ADA.id, NOON, created_at=NOON))
    book.put_session("d" * 64, Session(BEN.id, None, is_key=True))
    book.count_request(ADA.id, at=NOON)

    assert book.all_clients() == [ADA, BEN]
    assert book.keys(ADA.id) == [
        Key(SECOND, ADA.id, NOON + timedelta(days=1), NOON),
        Key(FIRST, ADA.id, NOON),
    ]
    assert [one.token_hash for one in book.keys(BEN.id)] == ["d" * 64]
    book.note_use(FIRST, NOON)
    assert book.all_keys() == [*book.keys(ADA.id), *book.keys(BEN.id)]
    assert [one.last_used_at for one in book.all_keys()] == [None, NOON, None]


def test_a_client_that_was_stored_before_scopes_had_rules_is_told_from_one_of_now(aws: None) -> None:
    """A release gives scopes another meaning; whom it took something from, only the time of its making can tell."""
    table: Any = make_table("callers", due=False)
    book = DynamoCallers(table, table="callers")
    book.put_client(ADA)
    key = {"pk": {"S": f"client#{ADA.id}"}, "sk": {"S": "client"}}
    table.update_item(TableName="callers", Key=key, UpdateExpression="REMOVE scopes_as_of")

    assert (book.client(ADA.id).scopes_as_of, ADA.scopes_as_of) == (1, 2)


def test_scopes_and_practices_are_given_and_taken_beside_those_that_are_there(book: ClientBook) -> None:
    book.put_client(ADA)
    book.give(ADA.id, scopes=["patients:write", "*:read"], practices=["prac_oak"])
    book.take(ADA.id, scopes=["*:read", "claims:read"], practices=["prac_elm"])
    book.take(ADA.id)

    assert book.client(ADA.id) == replace(ADA, scopes=frozenset({"patients:write"}), practices=frozenset({"prac_oak"}))
    book.take(ADA.id, scopes=["patients:write"])
    book.give(ADA.id, scopes=["slots:read"])
    assert book.client(ADA.id).scopes == {"slots:read"}


def test_a_client_ends_when_it_is_said_and_its_revocation_stands(book: ClientBook) -> None:
    book.put_client(ADA)
    book.end_client(ADA.id, NOON)
    assert book.client(ADA.id).expires_at == NOON
    book.end_client(ADA.id, None)
    book.revoke_client(ADA.id, NOON)
    book.revoke_client(ADA.id, NOON + timedelta(hours=1))

    assert book.client(ADA.id) == replace(ADA, revoked_at=NOON)


def test_a_key_ends_sooner_or_later_than_it_was_to(book: ClientBook) -> None:
    book.put_session(FIRST, Session(ADA.id, NOON, is_key=True))
    for at in (NOON + timedelta(days=9), None, NOON):
        book.end_key(FIRST, at)
        assert book.session(FIRST) == Session(ADA.id, at, is_key=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda book: book.give("cli_nobody", scopes=["*:read"]),
        lambda book: book.take("cli_nobody", scopes=["*:read"]),
        lambda book: book.revoke_client("cli_nobody", NOON),
        lambda book: book.end_client("cli_nobody", None),
        lambda book: book.end_key("c" * 64, NOON),
    ],
)
def test_nobody_is_made_by_a_change(change: Callable[[ClientBook], Any], book: ClientBook) -> None:
    with pytest.raises(NotFound):
        change(book)
    assert book.all_clients() == []


def test_the_use_of_a_key_is_known_to_the_hour_and_that_of_a_session_is_not(book: ClientBook) -> None:
    book.put_client(ADA)
    book.put_session(token_hash("key"), Session(ADA.id, None, is_key=True))
    book.put_session(token_hash("session"), Session(ADA.id, NOON + timedelta(days=1)))
    for minutes in (0, 20, 59, 70):
        for token in ("key", "session"):
            session_of(token, callers=book, now=NOON + timedelta(minutes=minutes))

    assert [one.last_used_at for one in book.keys(ADA.id)] == [NOON + timedelta(hours=1)]


def test_a_key_that_is_over_or_nobodys_leaves_no_trace_of_its_use(book: ClientBook) -> None:
    book.put_session(token_hash("old"), Session(ADA.id, NOON, is_key=True))
    for token in ("old", "unknown"):
        with pytest.raises(Unauthenticated):
            session_of(token, callers=book, now=NOON)

    assert [one.last_used_at for one in book.keys(ADA.id)] == [None]


def test_a_key_is_noted_once_an_hour_by_a_process_and_an_older_hour_changes_nothing(aws: None) -> None:
    """Each note is paid, and two processes may have two opinions of the hour."""
    client: Any = make_table("callers", due=False)
    puts: list[Any] = []
    client.meta.events.register("before-call.dynamodb.PutItem", lambda **asked: puts.append(asked))
    one, other = (DynamoCallers(client, table="callers") for _ in range(2))
    for minutes in range(60):
        one.note_use(FIRST, NOON + timedelta(minutes=minutes))
    assert len(puts) == 1
    other.note_use(FIRST, NOON - timedelta(minutes=1))
    one.put_session(FIRST, Session(ADA.id, None, is_key=True))

    assert [key.last_used_at for key in other.keys(ADA.id)] == [NOON]


def test_a_use_that_cannot_be_noted_keeps_nobody_out(aws: None) -> None:
    callers = DynamoCallers(boto3.client("dynamodb", region_name=REGION), table="nothing-is-here")

    callers.note_use(FIRST, NOON)


def test_a_key_that_is_over_stays_on_record(aws: None) -> None:
    """What the table forgets by itself nobody could explain, or prolong."""
    client: Any = make_table("callers", due=False)
    book = DynamoCallers(client, table="callers")
    book.put_session(FIRST, Session(ADA.id, NOON, is_key=True))
    book.put_session(SECOND, Session(ADA.id, NOON))

    items = {item["pk"]["S"]: item for item in client.scan(TableName="callers")["Items"]}
    assert ["expires_at" in items[f"token#{one}"] for one in (FIRST, SECOND)] == [False, True]
