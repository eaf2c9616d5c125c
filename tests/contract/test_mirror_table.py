"""What the mirror's copies promise of DynamoDB, and a fake cannot know: lag, rivals, lost answers, crashes, erasure."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from gateway.adapters.mirror import items
from gateway.adapters.mirror.records import DynamoRecords
from gateway.adapters.mirror.syncs import DynamoSyncStates
from gateway.core.errors import Unavailable
from gateway.core.mirror.lookups import END
from gateway.core.mirror.records import Order, ReadAt, Record, Stored
from gateway.core.mirror.syncing import ResourceSync
from tests.contract.conftest import fingerprint, make_records_table
from tests.fakes.services import FakeClock

A = "prac_aaaaaaaaaaaaaaaa"
NOW = datetime.now(UTC)
LATE = datetime(2026, 1, 31, 23, 59, 59, 999_000, tzinfo=UTC)


def read(turn: int = 1) -> ReadAt:
    return ReadAt(Order(1, turn), NOW + timedelta(seconds=turn))


def visit(key: int, at: str = "2026-03-02 09:00:00", *, patient: int = 7, note: str = "") -> dict[str, Any]:
    return {"AptNum": key, "PatNum": patient, "AptDateTime": at, "Note": note}


@dataclass
class Meddled:
    """A client of DynamoDB on the way to which things happen."""

    client: Any
    before: Callable[[str, dict[str, Any]], None] = lambda _, __: None
    """Called with the operation and what it is asked; may raise."""
    after: Callable[[str, dict[str, Any], dict[str, Any]], dict[str, Any]] = lambda _, __, answer: answer
    """Called with the answer, too; returns the one that is seen, or raises."""
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, operation: str) -> Any:
        def call(**asked: Any) -> Any:
            self.calls.append(operation)
            self.before(operation, asked)
            return self.after(operation, asked, getattr(self.client, operation)(**asked))

        return call


@pytest.fixture
def way(aws: None) -> Meddled:
    return Meddled(make_records_table())


@pytest.fixture
def records(way: Meddled, clock: FakeClock) -> DynamoRecords:
    client: Any = way
    return DynamoRecords(client, table="records", fingerprint=fingerprint, now=clock.now, sleep=clock.sleep)


def store(records: DynamoRecords, *rows: dict[str, Any], turn: int = 1, cause: str = "poll") -> Stored:
    return records.store(A, "appointments", rows, read=read(turn), cause=cause)


def nth(record: Record, clock: FakeClock) -> int:
    """Which state of its object it is; the first has its moment, and the clock stands still."""
    return record.seq - items.micros(clock.start) + 1


def all_items(way: Meddled, prefix: str = "") -> list[dict[str, Any]]:
    found = [item for page in way.client.get_paginator("scan").paginate(TableName="records") for item in page["Items"]]
    return [item for item in found if item["pk"]["S"].startswith(prefix)]


# -- rivals ---------------------------------------------------------------------------------------------------------


def test_of_readings_stored_by_eight_threads_the_latest_is_kept_and_each_change_counted(
    records: DynamoRecords,
    clock: FakeClock,
) -> None:
    turns = [5, 3, 8, 1, 7, 2, 6, 4]
    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(lambda turn: store(records, visit(1, note=str(turn)), turn=turn), turns))

    (kept,) = records.get(A, "appointments", [1])
    assert (kept.row["Note"], kept.read.order.turn_no) == ("8", 8)
    assert nth(kept, clock) >= sum(one.changed for one in stored)
    assert sum(one.changed + one.older for one in stored) == 8


def test_whoever_was_overtaken_between_looking_and_writing_looks_again(
    records: DynamoRecords, way: Meddled, clock: FakeClock
) -> None:
    store(records, visit(1, note="a"), turn=1)
    rival = DynamoRecords(way.client, table="records", fingerprint=fingerprint, now=clock.now)
    overtaken: list[Stored] = []

    def overtake(operation: str, _: dict[str, Any]) -> None:
        if operation == "put_item" and not overtaken:
            overtaken.append(store(rival, visit(1, note="rival"), turn=3))

    way.before = overtake
    assert store(records, visit(1, note="mine"), turn=2) == Stored(older=1)
    overtaken.clear()
    assert store(records, visit(1, note="mine"), turn=4) == Stored(changed=1)

    (kept,) = records.get(A, "appointments", [1])
    assert kept.row["Note"] == "mine"
    assert nth(kept, clock) >= 3


def test_a_row_that_changed_between_looking_and_burying_is_not_buried(
    records: DynamoRecords, way: Meddled, clock: FakeClock
) -> None:
    """The list was read in turn 2, and somebody met the row alive in turn 3."""
    store(records, visit(1, note="a"), turn=1)
    rival = DynamoRecords(way.client, table="records", fingerprint=fingerprint, now=clock.now)

    def overtake(operation: str, _: dict[str, Any]) -> None:
        if operation == "update_item":
            store(rival, visit(1, note="b"), turn=3)

    way.before = overtake

    assert records.bury(A, "appointments", [1], read=read(2), cause="sweep", at=NOW) == 0
    assert [one.row["Note"] for one in records.get(A, "appointments", [1])] == ["b"]


def test_a_row_that_was_erased_and_stored_anew_meanwhile_is_not_overwritten_by_an_earlier_reading(
    records: DynamoRecords, way: Meddled, clock: FakeClock
) -> None:
    """In the same microsecond its `seq` is what it was when it was looked at."""
    store(records, visit(1, note="a"), turn=1)
    rival, met = DynamoRecords(way.client, table="records", fingerprint=fingerprint, now=clock.now), list[bool]()

    def erase(operation: str, asked: dict[str, Any]) -> None:
        if operation == "put_item" and not met:
            met.append(rival.forget(A))
            store(rival, visit(1, note="new"), turn=9)

    way.before = erase

    assert store(records, visit(1, note="old"), turn=2) == Stored(older=1)
    assert [one.row["Note"] for one in records.get(A, "appointments", [1])] == ["new"]


# -- what DynamoDB may do -------------------------------------------------------------------------------------------


def test_a_write_whose_answer_was_lost_is_known_again_when_it_is_repeated(
    records: DynamoRecords, clock: FakeClock, way: Meddled
) -> None:
    """The SDK sends it again, and the condition does not hold any more: because of our own row."""

    def twice(operation: str, asked: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if operation in {"put_item", "update_item"}:
            getattr(way.client, operation)(**asked)
        return answer

    way.after = twice
    long = secrets.token_hex(400_000)

    assert store(records, visit(1, note=long), visit(2)) == Stored(changed=2)
    assert [one.row["Note"] for one in records.get(A, "appointments", [1, 2])] == [long, ""]
    assert store(records, visit(1, note="b"), turn=2) == Stored(changed=1)
    assert records.bury(A, "appointments", [2], read=read(3), cause="sweep", at=NOW) == 1
    assert [nth(one, clock) for one in records.get(A, "appointments", [1, 2], dead=True)] == [2, 2]


def test_keys_that_a_batch_did_not_get_to_are_asked_for_again(records: DynamoRecords, way: Meddled) -> None:
    rows = [visit(key) for key in range(1, 31)]
    store(records, *rows)

    def lazy(operation: str, asked: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if operation != "batch_get_item":
            return answer
        found = answer["Responses"]["records"]
        got, request = {item["sk"]["S"] for item in found[:3]}, asked["RequestItems"]["records"]
        left = [key for key in request["Keys"] if key["sk"]["S"] not in got]
        more = {"UnprocessedKeys": {"records": {**request, "Keys": left}}} if left else {}
        return {"Responses": {"records": found[:3]}, **more}

    way.after = lazy

    assert len(records.get(A, "appointments", range(1, 31))) == 30
    assert store(records, *rows, turn=2) == Stored(same=30)


def test_a_table_that_answers_nothing_is_unavailable_and_never_an_absence(
    records: DynamoRecords, way: Meddled, clock: FakeClock
) -> None:
    """A row that is not seen would be stored as new, or shown as not there."""
    store(records, visit(1))

    def throttle(operation: str, asked: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if operation == "batch_get_item":
            return {"Responses": {}, "UnprocessedKeys": asked["RequestItems"]}
        if operation == "batch_write_item":
            return {"UnprocessedItems": asked["RequestItems"]}
        return answer

    way.after = throttle
    with pytest.raises(Unavailable):
        records.get(A, "appointments", [1])
    with pytest.raises(Unavailable):
        store(records, visit(1, note="b"))
    with pytest.raises(Unavailable):
        records.forget(A)
    assert 0 < clock.seconds < 20


@pytest.mark.parametrize("operation", ["query", "put_item", "update_item", "batch_get_item", "get_item"])
@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_no_error_of_dynamodb_comes_through(records: DynamoRecords, way: Meddled, operation: str, code: str) -> None:
    def refuse(called: str, _: dict[str, Any]) -> None:
        if called == operation:
            raise ClientError({"Error": {"Code": code, "Message": "visit of patient 7"}}, called)

    way.before = refuse
    with pytest.raises(Unavailable) as raised:
        store(records, visit(1))
        records.under(A, "appointments", "PatNum", 7)

    assert "7" not in str(raised.value)


def test_a_table_that_is_busy_for_a_moment_is_waited_for(
    records: DynamoRecords, way: Meddled, clock: FakeClock
) -> None:
    """Given up, the page would be read once more at Open Dental, in a slot of its own."""
    refused: list[str] = []

    def busy(called: str, _: dict[str, Any]) -> None:
        if refused.count(called) < 5:
            refused.append(called)
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, called)

    way.before = busy

    assert store(records, *(visit(key) for key in range(1, 6))) == Stored(changed=5)
    assert [one.key for one in records.under(A, "appointments", "PatNum", 7)] == [1, 2, 3, 4, 5]
    assert clock.seconds < 10


# -- crashes --------------------------------------------------------------------------------------------------------


class Crash(Exception):
    """The process is gone."""


def test_a_store_that_died_anywhere_and_is_done_again_comes_to_the_same(
    records: DynamoRecords, way: Meddled, clock: FakeClock
) -> None:
    """Each write of it is once the last one, with its answer lost or not."""
    rows = [visit(1, note="b"), visit(2, "2026-05-01 08:00:00"), visit(3, note=secrets.token_hex(400_000))]
    died = 0
    for last in range(1, 40):
        for lost in (False, True):
            practice = f"prac_{last:02}{lost}"
            records.store(practice, "appointments", [visit(1, note="a")], read=read(1), cause="load")
            with _dying(way, last, lost=lost):
                try:
                    records.store(practice, "appointments", rows, read=read(2), cause="own_write")
                except Crash:
                    died += 1
            records.store(practice, "appointments", rows, read=read(2), cause="own_write")

            kept = records.page(practice, "appointments", after=None, limit=9)
            assert [(one.key, one.row, nth(one, clock)) for one in kept] == [
                (row["AptNum"], row, 2 if row["AptNum"] == 1 else 1) for row in rows
            ]
            assert [one.key for one in records.between(practice, "appointments", None, None)] == [1, 3, 2]
            while not records.forget(practice):
                pass
        if died < 2 * last:
            break

    assert died >= 12
    assert [item["pk"]["S"] for item in all_items(way)] == []


@contextmanager
def _dying(way: Meddled, last: int, *, lost: bool) -> Iterator[None]:
    """The `last` write is the last thing the process does; `lost`: and DynamoDB never heard of it."""
    writes = iter(range(1, 1000))
    dead: list[bool] = []

    def before(operation: str, _: dict[str, Any]) -> None:
        if dead:
            raise Crash
        if operation in {"put_item", "update_item", "delete_item", "batch_write_item"} and next(writes) == last:
            dead.append(True)
            if lost:
                raise Crash

    way.before = before
    try:
        yield
    finally:
        way.before = lambda _, __: None


# -- indexes that are behind ----------------------------------------------------------------------------------------


@pytest.fixture
def frozen(way: Meddled) -> Callable[[], None]:
    """From its call on, indexes answer as the table was then."""

    def freeze() -> None:
        old = {(item["pk"]["S"], item["sk"]["S"]): item for item in all_items(way)}

        def as_it_was(operation: str, asked: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
            if operation != "query" or "IndexName" not in asked:
                return answer
            partition = asked["KeyConditionExpression"].partition(" = ")[0]
            place = asked["ExpressionAttributeValues"][":pk"]
            return {"Items": [item for item in old.values() if item.get(partition) == place]}

        way.after = as_it_was

    return freeze


@pytest.mark.parametrize("cause", ["own_write", "read", "poll", "sweep"])
def test_what_was_just_stored_is_found_though_no_index_knows_it(
    records: DynamoRecords, frozen: Callable[[], None], cause: str, clock: FakeClock
) -> None:
    store(records, visit(1), visit(2), turn=1, cause="load")
    frozen()
    clock.sleep(1)
    begun = clock.now()
    store(records, visit(2, "2026-04-01 09:00:00", patient=8), turn=2, cause=cause)
    store(records, visit(3), turn=2, cause=cause)
    records.bury(A, "appointments", [1], read=read(2), cause=cause, at=NOW)
    clock.sleep(59)

    assert [one.key for one in records.under(A, "appointments", "PatNum", 7)] == [3]
    assert [one.key for one in records.under(A, "appointments", "PatNum", 8)] == [2]
    assert [one.key for one in records.between(A, "appointments", date(2026, 3, 2), date(2026, 3, 2))] == [3]
    assert [one.key for one in records.between(A, "appointments", date(2026, 4, 1), None)] == [2]
    assert [one.key for one in records.between(A, "appointments", None, None, dead=True)] == [1, 3, 2]
    changed = records.changed(A, "appointments", begun, after=None, limit=9)
    assert [one.key for one in changed] == [2, 3]
    first = records.changed(A, "appointments", begun, after=None, limit=1)
    assert [one.key for one in first] == [2]
    after = first[0].changed_at, first[0].key
    assert [one.key for one in records.changed(A, "appointments", begun, after=after, limit=9)] == [3]


def test_a_load_leaves_no_pointers(records: DynamoRecords, way: Meddled) -> None:
    """They would be read with every list for a minute, by the thousand; nobody lists what is not loaded yet."""
    store(records, visit(1), cause="load")

    assert all_items(way, "fresh#") == []


def test_pointers_are_looked_at_for_a_minute_and_end_by_themselves(
    records: DynamoRecords, way: Meddled, clock: FakeClock, frozen: Callable[[], None]
) -> None:
    frozen()
    store(records, visit(1), cause="read")
    (pointer,) = all_items(way, "fresh#")
    assert 0 < int(pointer["expires_at"]["N"]) - clock.now().timestamp() < 3600
    clock.sleep(70)

    assert records.under(A, "appointments", "PatNum", 7) == []


def test_rows_that_nothing_leads_to_but_their_keys_need_no_pointers(records: DynamoRecords, way: Meddled) -> None:
    records.store(A, "definitions", [{"DefNum": 1, "ItemName": "a"}], read=read(), cause="read")

    assert all_items(way, "fresh#") == []


def test_a_change_that_an_index_shows_in_its_old_place_is_not_listed_there(
    records: DynamoRecords, frozen: Callable[[], None], clock: FakeClock
) -> None:
    """It comes once more in its new place, and by then as it is."""
    store(records, visit(1), visit(2), turn=1, cause="load")
    frozen()
    clock.sleep(1)
    store(records, visit(1, note="b"), turn=2, cause="load")

    assert [one.key for one in records.changed(A, "appointments", NOW - timedelta(1), after=None, limit=9)] == [2]


def test_changes_on_both_sides_of_a_months_end_are_found(records: DynamoRecords, way: Meddled) -> None:
    clock = FakeClock(LATE)
    client: Any = way
    of_late = DynamoRecords(client, table="records", fingerprint=fingerprint, now=clock.now)
    of_late.store(A, "appointments", [visit(1)], read=read(), cause="load")
    clock.sleep(0.002)
    of_late.store(A, "appointments", [visit(2)], read=read(), cause="load")
    behind = DynamoRecords(client, table="records", fingerprint=fingerprint, now=lambda: LATE - timedelta(days=31))
    behind.store(A, "appointments", [visit(3)], read=read(), cause="load")
    clock.sleep(86_400 * 200)

    way.calls.clear()
    found = of_late.changed(A, "appointments", datetime(1971, 1, 1, tzinfo=UTC), after=None, limit=9)
    assert [one.key for one in found] == [3, 1, 2]
    assert way.calls.count("query") < 12
    assert [one.key for one in of_late.changed(A, "appointments", LATE, after=None, limit=9)] == [1, 2]


# -- ways ------------------------------------------------------------------------------------------------------------


def person(key: int, last: str = "Miller", **more: Any) -> dict[str, Any]:
    return {"PatNum": key, "LName": last, "FName": "Ann", "Guarantor": key, **more}


def store_people(records: DynamoRecords, *rows: dict[str, Any], turn: int = 1) -> Stored:
    return records.store(A, "patients", rows, read=read(turn), cause="poll")


def called(records: DynamoRecords, name: str) -> list[int] | None:
    return records.led(A, "patients", "last", f"{name} ", f"{name} {END}", limit=9)


def test_of_names_stored_by_eight_threads_the_one_that_is_kept_is_found(records: DynamoRecords) -> None:
    """Each of them clears the ways to what it replaced while the others lay theirs."""
    store_people(records, person(1))
    names = ["Abel", "Miller", "Abel", "Baker", "Miller", "Cook", "Abel", "Baker"]
    for round_ in range(6):
        begun = 10 * round_ + 2
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda one: store_people(records, person(1, names[one]), turn=begun + one), range(8)))  # noqa: B023

        (kept,) = records.get(A, "patients", [1])
        assert called(records, kept.row["LName"].casefold()) == [1]


def test_who_clears_late_leaves_a_way_that_was_laid_again(
    records: DynamoRecords, way: Meddled, clock: FakeClock
) -> None:
    """Between a row's change and its clearing somebody may have changed it back."""
    store_people(records, person(1, "Abel"), turn=1)
    rival = DynamoRecords(way.client, table="records", fingerprint=fingerprint, now=clock.now)
    met: list[Stored] = []

    def change_back(operation: str, _: dict[str, Any]) -> None:
        if operation == "delete_item" and not met:
            met.append(store_people(rival, person(1, "Abel"), turn=3))

    way.before = change_back

    assert store_people(records, person(1, "Baker"), turn=2) == Stored(changed=1)
    assert met == [Stored(changed=1)]
    assert called(records, "abel") == [1]


def test_whoever_is_overtaken_lays_anew_what_the_other_cleared(
    records: DynamoRecords, way: Meddled, clock: FakeClock
) -> None:
    store_people(records, person(1, "Abel"), turn=1)
    rival = DynamoRecords(way.client, table="records", fingerprint=fingerprint, now=clock.now)
    met: list[Stored] = []

    def overtake(operation: str, asked: dict[str, Any]) -> None:
        if operation == "put_item" and asked["Item"]["pk"]["S"].startswith("row#") and not met:
            met.append(store_people(rival, person(1, "Baker"), turn=2))

    way.before = overtake

    assert store_people(records, person(1, "Abel", Note="new"), turn=3) == Stored(changed=1)
    assert (called(records, "abel"), called(records, "baker")) == ([1], [])


def test_ways_go_with_what_they_lead_to(records: DynamoRecords, way: Meddled) -> None:
    store_people(records, person(1), person(2, Email="a@example.com"))
    store_people(records, person(2, "Baker"), turn=2)
    assert (called(records, "miller"), called(records, "baker")) == ([1], [2])
    assert records.led(A, "patients", "email", "a@example.com", "a@example.com", limit=9) == []
    records.bury(A, "patients", [1], read=read(3), cause="sweep", at=NOW)

    assert len(all_items(way, "way#")) == 2
    assert records.forget(A, "patients")
    assert all_items(way) == []


def test_who_is_stored_again_after_the_burial_is_found_again(records: DynamoRecords) -> None:
    store_people(records, person(1))
    records.bury(A, "patients", [1], read=read(2), cause="sweep", at=NOW)
    assert called(records, "miller") == []

    store_people(records, person(1), turn=3)

    assert called(records, "miller") == [1]


def test_of_rows_stored_before_there_was_a_way_nothing_is_said(records: DynamoRecords, way: Meddled) -> None:
    """An empty answer would hide everybody whom an older release has stored."""
    store_people(records, person(1))
    (kept,) = all_items(way, "kept#")
    way.client.put_item(TableName="records", Item={**kept, "ways": {"SS": ["born"]}})
    store_people(records, person(2), turn=2)

    assert called(records, "miller") is None
    assert records.led(A, "patients", "born", "1980-05-05", "1980-05-05", limit=9) == []
    assert records.led(A, "appointments", "AptStatus", "a", "a", limit=9) is None


def test_what_stays_behind_an_erasure_is_found_by_the_next(records: DynamoRecords, way: Meddled) -> None:
    """A worker that stood still may store a row after the last look at its partition."""
    store_people(records, person(1))
    late = all_items(way)
    assert records.forget(A)
    for item in late:
        if not item["pk"]["S"].startswith("kept#"):
            way.client.put_item(TableName="records", Item=item)

    assert records.forget(A)
    assert all_items(way) == []


# -- long content ---------------------------------------------------------------------------------------------------


def test_pieces_of_a_content_go_with_it(records: DynamoRecords, way: Meddled) -> None:
    for turn, size in enumerate((400_000, 900_000, 1, 400_000), start=1):
        store(records, visit(1, note=secrets.token_hex(size)), turn=turn)
    assert len(all_items(way, "part#")) == 2
    records.bury(A, "appointments", [1], read=read(5), cause="sweep", at=NOW)
    assert len(all_items(way, "part#")) == 2
    assert records.forget(A)

    assert all_items(way) == []


def test_a_content_that_is_replaced_while_its_pieces_are_read_is_read_anew(
    records: DynamoRecords, way: Meddled, clock: FakeClock
) -> None:
    store(records, visit(1, note=secrets.token_hex(400_000)), turn=1)
    rival = DynamoRecords(way.client, table="records", fingerprint=fingerprint, now=clock.now)
    new = secrets.token_hex(400_000)

    def replace_it(operation: str, asked: dict[str, Any]) -> None:
        if operation == "query" and asked["ExpressionAttributeValues"][":pk"]["S"].startswith("part#"):
            store(rival, visit(1, note=new), turn=2)

    way.before = replace_it

    assert [one.row["Note"] for one in records.get(A, "appointments", [1])] == [new]


def test_who_lost_against_a_rival_leaves_no_pieces_and_takes_none_of_his(
    records: DynamoRecords, way: Meddled, clock: FakeClock
) -> None:
    store(records, visit(1, note="a"), turn=1)
    rival, met = DynamoRecords(way.client, table="records", fingerprint=fingerprint, now=clock.now), list[Stored]()
    same = secrets.token_hex(400_000)

    def overtake(operation: str, asked: dict[str, Any]) -> None:
        if operation == "put_item" and asked["Item"]["pk"]["S"].startswith("row#") and not met:
            met.append(store(rival, visit(1, note=same), turn=2))

    way.before = overtake

    assert store(records, visit(1, note=same), turn=2) == Stored(same=1)
    assert [one.row["Note"] for one in records.get(A, "appointments", [1])] == [same]
    assert len(all_items(way, "part#")) == 2


# -- what lies there ------------------------------------------------------------------------------------------------


def test_who_reads_the_stream_can_tell_a_burial_from_an_erasure(
    records: DynamoRecords, clock: FakeClock, way: Meddled
) -> None:
    """A burial changes an item, an erasure removes it; and only items `row#` are rows."""
    store(records, visit(1), cause="load")
    records.all_here(A, "appointments", are=True)
    records.bury(A, "appointments", [1], read=read(2), cause="sweep", at=NOW)

    (buried,) = all_items(way, "row#")
    assert ("dead_at" in buried, buried["cause"]) == (True, {"S": "sweep"})
    assert int(buried["seq"]["N"]) == items.micros(clock.start) + 1
    assert "expires_at" not in buried
    assert not {"parent_1", "parent_2"} & buried.keys()
    assert records.forget(A)
    assert all_items(way) == []


def test_nothing_personal_lies_in_clear(records: DynamoRecords, way: Meddled) -> None:
    """But names where they are looked up by their beginnings, in items that nobody but the mirror reads."""
    store(records, visit(1, note="Ann Miller, 555-0123"), cause="own_write")
    store_people(records, person(1, Birthdate="1980-05-05", HmPhone="(555) 555-0197", Email="ann@example.com"))
    client: Any = way
    DynamoSyncStates(client, table="records").save(A, ResourceSync("appointments"))

    def told(of: list[dict[str, Any]]) -> list[str]:
        text = json.dumps(of, default=repr).casefold()
        return [one for one in ("miller", "1980", "5555550197", "example.com") if one in text]

    assert told([item for item in all_items(way) if not item["pk"]["S"].startswith("way#")]) == []
    assert told(all_items(way, "way#")) == ["miller"]


def test_no_name_of_an_attribute_is_one_that_dynamodb_keeps_for_itself(records: DynamoRecords, way: Meddled) -> None:
    """Expressions name them as they are."""
    store(records, visit(1), cause="read")
    records.bury(A, "appointments", [1], read=read(2), cause="sweep", at=NOW)
    used = {name for item in all_items(way) for name in item} | {*items.HEAD, "parent_1", "parent_2"}

    assert not {name.upper() for name in used} & set(ReservedKeywords.get_reserved_keywords())


@pytest.mark.parametrize("key", [-(2**63), -1, 0, 1, 9, 10, 2**63 - 1])
def test_a_key_is_known_again_by_its_text(key: int) -> None:
    assert items.key_from(items.row_sk(key)) == key


@pytest.mark.parametrize("key", [-(2**63) - 1, 2**63])
def test_what_is_no_key_is_refused(key: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        items.row_sk(key)


# -- pages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["load", "sweep"])
@pytest.mark.parametrize("step", [1, 2, 40])
def test_a_page_is_compared_with_what_is_kept_however_close_its_keys_lie(
    records: DynamoRecords, clock: FakeClock, way: Meddled, cause: str, step: int
) -> None:
    """Of a page whose rows lie among many others, only the beginning is read as a stretch."""
    store(records, *(visit(key) for key in range(1, 802)))
    records.bury(A, "appointments", [401], read=read(2), cause="sweep", at=NOW)
    page = [visit(key, note="b" if key == 321 else "") for key in range(1, 802, step)]

    assert store(records, *page, turn=3, cause=cause) == Stored(changed=2, same=len(page) - 2)
    way.calls.clear()
    assert store(records, *page, turn=4, cause=cause) == Stored(same=len(page))
    assert set(way.calls) <= {"query", "batch_get_item"}
    assert [nth(one, clock) for one in records.get(A, "appointments", [1, 321, 401, 801])] == [1, 2, 3, 1]


def test_a_page_that_is_kept_already_is_compared_in_one_request(records: DynamoRecords, way: Meddled) -> None:
    page = [visit(key) for key in range(1, 301)]
    store(records, *page, cause="load")
    way.calls.clear()

    assert store(records, *page, turn=2, cause="sweep") == Stored(same=300)
    assert way.calls == ["query"]


def test_no_partition_is_shared_by_two_practices_or_two_resources(records: DynamoRecords, way: Meddled) -> None:
    """A practice's load must not take its neighbour's writes, nor its lists read past the neighbour's rows."""
    for practice in ("prac_a", "prac_b"):
        for resource, key in (("payments", "PayNum"), ("paysplits", "SplitNum")):
            rows = [{key: 1, "PatNum": 1, "PayNum": 1, "PayDate": "2026-03-02", "Note": secrets.token_hex(400_000)}]
            records.store(practice, resource, rows, read=read(), cause="read")
    owners = {(practice, resource) for practice in ("prac_a", "prac_b") for resource in ("payments", "paysplits")}
    everything = [item for item in all_items(way) if not item["pk"]["S"].startswith("kept#")]

    for attribute in ("pk", "parent_1", "parent_2", "day_month", "change_month"):
        # Of the table's partitions the first word says what lies there.
        places = [item[attribute]["S"].split("#")[attribute == "pk" :] for item in everything if attribute in item]
        assert {tuple(place[:2]) for place in places} <= owners, attribute
        assert {place[0] for place in places} == {"prac_a", "prac_b"}, attribute


# -- cost -----------------------------------------------------------------------------------------------------------


def test_a_list_is_asked_for_in_few_requests(records: DynamoRecords, way: Meddled) -> None:
    store(records, *(visit(key, f"2026-{1 + key % 12:02}-01 08:00:00") for key in range(1, 151)), cause="load")

    def asked(call: Callable[[], Any]) -> list[str]:
        way.calls.clear()
        call()
        return sorted(way.calls)

    two = ["batch_get_item", "batch_get_item"]
    assert asked(lambda: store(records, *(visit(key) for key in range(1, 2)), turn=0)) == ["batch_get_item"]
    assert asked(lambda: records.under(A, "appointments", "PatNum", 7)) == [*two, "query", "query"]
    assert asked(lambda: records.between(A, "appointments", date(2026, 3, 1), date(2026, 3, 1))) == [
        "batch_get_item",
        "query",
        "query",
    ]
    assert asked(lambda: records.between(A, "appointments", None, date(2026, 2, 1))) == [
        "batch_get_item",
        "get_item",
        *["query"] * 3,
    ]
    assert asked(lambda: records.versions(A, "appointments", after=None, limit=150)) == ["query"]
    assert asked(lambda: records.page(A, "appointments", after=None, limit=150)) == ["query"]
    assert asked(lambda: store(records, visit(1, note="x"), turn=2, cause="load")) == [
        "batch_get_item",
        "get_item",
        "put_item",
    ]
    assert asked(lambda: store(records, visit(1, note="y"), turn=3)) == [
        "batch_get_item",
        "get_item",
        "put_item",
        "put_item",
    ]
