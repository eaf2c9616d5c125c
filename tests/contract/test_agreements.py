"""What was recorded of practices' agreements: the fake and the table keep one contract."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import boto3
import pytest

from gateway.adapters.agreements import DynamoAgreements
from gateway.adapters.practices import DynamoPractices
from gateway.core.baa.records import Agreements, BaaEntry, Superseded
from gateway.core.errors import NotFound
from gateway.core.ids import new_id
from gateway.core.ports import Practices
from gateway.core.practices import Baa, Practice
from tests.contract.conftest import REGION, make_table
from tests.fakes.identity import FakeAgreements, FakePractices

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ELM = Practice(id=new_id("practice"), name="Elm Street Dental", time_zone="America/Chicago", key_fingerprint="f" * 32)
FIRST = Baa("binder 9", "A. Owner", date(2026, 3, 1), date(2027, 2, 28), "baa_aaaaaaaaaaaaaaaa", NOON, "cli_ada")


@dataclass
class Kept:
    practices: Practices
    agreements: Agreements


@pytest.fixture(params=["fake", "dynamodb"])
def kept(request: pytest.FixtureRequest) -> Kept:
    if request.param == "fake":
        practices = FakePractices()
        return Kept(practices, FakeAgreements(practices))
    request.getfixturevalue("aws")
    client, table = boto3.client("dynamodb", region_name=REGION), "practices"
    make_table(table, due=False)
    return Kept(DynamoPractices(client, table=table), DynamoAgreements(client, table=table))


def entry(number: int, baa: Baa, body_hash: str | None = "b" * 64) -> BaaEntry:
    return BaaEntry(number, NOON + timedelta(seconds=number), "cli_ada", baa, body_hash)


def test_entries_come_back_in_their_order_and_the_practice_shows_the_last(kept: Kept) -> None:
    kept.practices.put(ELM)
    closed = replace(FIRST, closed_at=NOON + timedelta(days=1))
    entries = [entry(1, FIRST), entry(2, closed, None), *(entry(n, replace(FIRST, id=f"b{n}")) for n in range(3, 12))]
    for one in entries:
        kept.agreements.add(ELM.id, one)

    assert list(kept.agreements.history(ELM.id)) == entries
    assert kept.practices.get(ELM.id).baa == entries[-1].baa


def test_of_two_who_record_at_once_one_reads_again(kept: Kept) -> None:
    kept.practices.put(ELM)
    kept.agreements.add(ELM.id, entry(1, FIRST))

    with pytest.raises(Superseded):
        kept.agreements.add(ELM.id, entry(1, replace(FIRST, reference="another")))
    assert kept.practices.get(ELM.id).baa == FIRST


def test_nothing_is_recorded_of_a_practice_that_is_not_there(kept: Kept) -> None:
    with pytest.raises(NotFound):
        kept.agreements.add(ELM.id, entry(1, FIRST))
    assert kept.agreements.history(ELM.id) == ()


def test_whoever_read_the_practice_before_does_not_take_the_agreement_back(kept: Kept) -> None:
    """A worker that learns a permission stores the record it read a minute ago, when the practice was still closed, or
    still open."""
    kept.practices.put(ELM)
    old = kept.practices.get(ELM.id)
    kept.agreements.add(ELM.id, entry(1, FIRST))
    kept.practices.put(replace(old, version="25.4.1.0"))
    opened = kept.practices.get(ELM.id)
    closed = replace(FIRST, closed_at=NOON)
    kept.agreements.add(ELM.id, entry(2, closed, None))
    kept.practices.put(replace(opened, version="25.4.2.0"))

    assert opened.baa == FIRST
    assert (kept.practices.get(ELM.id).baa, kept.practices.get(ELM.id).version) == (closed, "25.4.2.0")
