"""Who may see how far an operation is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.core.access import allow
from gateway.core.callers import Caller, Client, Verb
from gateway.core.errors import BaaMissing, NotFound, ScopeMissing
from gateway.core.following import follow
from gateway.core.operations import Operation, Request
from tests.fakes.services import ELM_STREET, FakeServices

BOOKS = Client("cli_books", "Books", frozenset({ELM_STREET.id}), frozenset({"appointments:write"}))


@pytest.fixture
def on() -> FakeServices:
    return FakeServices()


def booked(on: FakeServices, client: Client = BOOKS) -> str:
    request = Request("appointments.create", ELM_STREET.id, client.id, {}, idempotency_key="k" * 16)
    operation: Operation = on.operations.open(request, now=on.clock.now()).operation
    return operation.id


def test_who_may_only_write_follows_what_it_wrote(on: FakeServices) -> None:
    assert follow(booked(on), caller=Caller(BOOKS), on=on).request.client_id == BOOKS.id


def test_its_own_operation_opens_no_other_record(on: FakeServices) -> None:
    booked(on)

    with pytest.raises(ScopeMissing, match="patients:read"):
        allow(Caller(BOOKS), ELM_STREET.id, "patients", Verb.READ, on=on)
    with pytest.raises(ScopeMissing, match="operations:read"):
        allow(Caller(BOOKS), ELM_STREET.id, "operations", Verb.READ, on=on, maker_id="cli_other")


def test_having_made_a_record_is_no_scope_to_write(on: FakeServices) -> None:
    with pytest.raises(ScopeMissing):
        allow(Caller(BOOKS), ELM_STREET.id, "payments", Verb.WRITE, on=on, maker_id=BOOKS.id)


def test_anothers_operation_is_none_even_for_a_client_that_reads_all(on: FakeServices) -> None:
    reads = replace(BOOKS, id="cli_reads", scopes=frozenset({"*:read"}))

    with pytest.raises(NotFound):
        follow(booked(on), caller=Caller(reads), on=on)


def test_an_operation_is_lost_with_its_practice(on: FakeServices) -> None:
    with pytest.raises(NotFound):
        follow(booked(on), caller=Caller(replace(BOOKS, practices=frozenset())), on=on)


def test_an_operation_without_an_agreement_is_not_shown(on: FakeServices) -> None:
    on.stage = "prod"
    on.practices.put(replace(ELM_STREET, baa=None))

    with pytest.raises(BaaMissing):
        follow(booked(on), caller=Caller(BOOKS), on=on)
