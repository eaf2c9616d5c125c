"""What the ledger promises, whoever keeps it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from random import Random
from typing import Any

import pytest

from gateway.adapters.ledger import DynamoLedger
from gateway.core import ledger as rules
from gateway.core.errors import KeyReused, NotFound
from gateway.core.ledger import Effect, Entry, Note
from gateway.core.operations import OperationState, Request, StepState
from gateway.core.plans import Evidence, UpstreamAnswer, UpstreamCall
from gateway.core.worker import Superseded
from tests.contract.conftest import make_bodies, make_table

NOW = datetime.now(UTC)
LOOK = UpstreamCall("appointments.list", query={"PatNum": 7})
BOOK = UpstreamCall(
    "appointments.create",
    body={"PatNum": 7},
    step="create",
    evidence=Evidence(
        LOOK,
        "AptNum",
        {"PatNum": 7},
        frozenset({1, 2**62}),
        "OG0123456789",
        "Note",
        leaves_doubt=True,
        lines=({"ProcNum": 5}, {"ProcNum": 6}),
    ),
)


def booking(key: str = "k", body: str = "b") -> Request:
    return Request("test.book", "prac_a", "cli_a", {"patient": 7}, idempotency_key=key, body_hash=body)


def fetching() -> Request:
    return Request("test.fetch", "prac_a", "cli_a", {"PatNum": 7}, cache_key="c")


def begun(ledger: Any, id_: str, holder: str = "worker-1") -> Entry:
    was = ledger.load(id_)
    entry = rules.begun(was, attempt=1, holder=holder, now=NOW)
    assert entry is not None
    return ledger.save(entry, was=was)  # type: ignore[no-any-return]


def sent(ledger: Any, id_: str) -> Entry:
    was = begun(ledger, id_)
    marked = rules.sent(was, BOOK, Effect.ADD, attempt=1, holder="worker-1", now=NOW)
    return ledger.save(marked, was=was)  # type: ignore[no-any-return]


def settled(ledger: Any, id_: str) -> Entry:
    was = begun(ledger, id_)
    return ledger.save(rules.succeeded(was, now=NOW, result={"a": 1}), was=was)  # type: ignore[no-any-return]


def test_a_key_leads_to_its_first_operation_whatever_became_of_it(ledger: Any) -> None:
    first = ledger.open(booking(), now=NOW)
    settled(ledger, first.operation.id)
    again = ledger.open(booking(), now=NOW)

    assert (first.fresh, again.fresh) == (True, False)
    assert again.operation.id == first.operation.id
    assert again.operation.result == {"a": 1}


def test_a_key_with_another_body_is_refused(ledger: Any) -> None:
    ledger.open(booking(), now=NOW)

    with pytest.raises(KeyReused):
        ledger.open(booking(body="other"), now=NOW)


def test_a_key_belongs_to_one_client_and_one_practice(ledger: Any) -> None:
    ids = {
        ledger.open(one, now=NOW).operation.id
        for one in (booking(), replace(booking(), client_id="cli_b"), replace(booking(), practice_id="prac_b"))
    }

    assert len(ids) == 3


def test_eight_threads_with_one_key_open_one_operation(ledger: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: ledger.open(booking(), now=NOW), range(8)))

    assert len({one.operation.id for one in opened}) == 1
    assert sum(one.fresh for one in opened) == 1


def test_equal_fetches_are_one_until_it_has_settled(ledger: Any) -> None:
    first, twin = (ledger.open(fetching(), now=NOW) for _ in range(2))
    settled(ledger, first.operation.id)
    later = ledger.open(fetching(), now=NOW)

    assert twin.operation.id == first.operation.id
    assert later.fresh
    assert later.operation.id != first.operation.id


def test_a_withdrawn_operation_leaves_its_key_free(ledger: Any) -> None:
    first = ledger.open(booking(), now=NOW)
    ledger.withdraw(first.operation.id)
    second = ledger.open(booking(body="other"), now=NOW)

    assert second.fresh
    with pytest.raises(NotFound):
        ledger.get(first.operation.id)


def test_an_operation_that_a_turn_has_begun_is_not_withdrawn(ledger: Any) -> None:
    first = ledger.open(booking(), now=NOW)
    begun(ledger, first.operation.id)
    ledger.withdraw(first.operation.id)

    assert ledger.get(first.operation.id).state is OperationState.RUNNING


def test_what_is_saved_is_what_is_loaded(ledger: Any) -> None:
    id_ = ledger.open(booking(), now=NOW).operation.id
    was = begun(ledger, id_)
    rows = [{"AptNum": 2**62 + 1, "Fee": Decimal("12.50"), "Note": "x", "Op": None}]
    entry = rules.noted(was, [Note("asked", UpstreamAnswer(200, rows, NOW))])
    marked = rules.sent(entry, BOOK, Effect.ADD, attempt=1, holder="worker-1", now=NOW)
    saved = ledger.save(marked, was=was)

    assert ledger.load(id_) == saved
    more = rules.noted(saved, [Note("more", problem={"code": "not-found", "detail": "x", "retryable": False})])
    unknown = ledger.save(rules.step_to(more, "create", StepState.UNKNOWN), was=saved)
    assert ledger.load(id_) == unknown
    assert len(unknown.journal) == 2


def test_only_one_of_eight_workers_marks_a_write_sent(ledger: Any) -> None:
    """Two SENT marks would be two requests, and two chairs."""
    id_ = ledger.open(booking(), now=NOW).operation.id
    was = ledger.load(id_)

    def work(number: int) -> bool:
        holder = f"worker-{number}"
        entry = rules.begun(was, attempt=1, holder=holder, now=NOW)
        assert entry is not None
        try:
            entry = ledger.save(entry, was=was)
            marked = rules.sent(entry, BOOK, Effect.ADD, attempt=1, holder=holder, now=NOW)
            ledger.save(marked, was=entry)
        except Superseded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 1


def test_a_superseded_save_changes_nothing(ledger: Any) -> None:
    id_ = ledger.open(booking(), now=NOW).operation.id
    was = begun(ledger, id_)
    ledger.save(rules.failed_once(was), was=was)

    with pytest.raises(Superseded):
        marked = rules.sent(was, BOOK, Effect.ADD, attempt=1, holder="worker-1", now=NOW)
        ledger.save(marked, was=was)
    assert ledger.load(id_).steps == {}


def test_an_unknown_operation_is_listed_until_it_is_settled(ledger: Any) -> None:
    id_ = ledger.open(booking(), now=NOW).operation.id
    was = sent(ledger, id_)
    unknown = ledger.save(rules.lost(was, "create"), was=was)
    assert ledger.unsettled("prac_a") == [id_]

    look = rules.Look(rules.Found.ONE, {"AptNum": 9})
    ledger.save(rules.settled_by(unknown, "create", look, now=NOW), was=unknown)
    assert ledger.unsettled("prac_a") == []


def test_open_operations_are_listed_by_when_they_are_due(ledger: Any) -> None:
    early = ledger.open(booking("a"), now=NOW - timedelta(hours=1)).operation.id
    late = ledger.open(booking("b"), now=NOW).operation.id
    parked = ledger.open(booking("c"), now=NOW).operation.id
    was = begun(ledger, parked)
    ledger.save(rules.parked(was, until=NOW + timedelta(hours=1)), was=was)
    settled(ledger, ledger.open(booking("d"), now=NOW).operation.id)

    found = ledger.list_open(limit=10)
    assert [(one.operation_id, one.parked) for one in found] == [(early, False), (late, False), (parked, True)]


def test_a_row_key_is_claimed_by_one_operation(ledger: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda n: ledger.claim("prac_a", "payments.create", 9, by=f"opn_{n}"), range(8)))

    assert sum(won) == 1
    winner = f"opn_{won.index(True)}"
    assert ledger.claim("prac_a", "payments.create", 9, by=winner)
    assert ledger.taken("prac_a", "payments.create", frozenset({8, 9}), by="opn_x") == frozenset({9})
    assert ledger.taken("prac_a", "payments.create", frozenset({9}), by=winner) == frozenset()


def test_an_expired_operation_is_gone_before_the_table_forgets_it(ledger: Any) -> None:
    long_ago = NOW - timedelta(days=31)
    if hasattr(ledger, "now"):
        ledger.now = lambda: NOW
    id_ = ledger.open(booking(), now=long_ago).operation.id
    was = begun(ledger, id_)
    ledger.save(rules.succeeded(was, now=long_ago, result=None), was=was)

    with pytest.raises(NotFound):
        ledger.get(id_)
    assert ledger.open(booking(body="other"), now=NOW).fresh


def test_an_operation_of_more_steps_than_fit_a_transaction_settles(ledger: Any) -> None:
    """A claim of a hundred lines writes each, and the payment."""
    id_ = ledger.open(booking(), now=NOW).operation.id
    entry = begun(ledger, id_)
    for number in range(110):
        line = UpstreamCall("claimprocs.update", path={"ClaimProcNum": number}, body={"a": 1}, step=f"line-{number}")
        marked = rules.sent(entry, line, Effect.SET, attempt=1, holder="worker-1", now=NOW)
        entry = ledger.save(rules.step_to(marked, f"line-{number}", StepState.DONE), was=entry)
    ledger.save(rules.succeeded(entry, now=NOW, result={}), was=entry)

    loaded = ledger.load(id_)
    assert loaded.record.state is OperationState.SUCCEEDED
    assert len(loaded.steps) == 110


def test_nothing_is_left_of_a_long_journal_once_its_operation_has_settled(ledger: Any) -> None:
    """It holds health data, and without its operation nothing would ever end it."""
    id_ = ledger.open(fetching(), now=NOW).operation.id
    entry = begun(ledger, id_)
    for number in range(70):
        noted = rules.noted(entry, [Note(f"asked-{number}", UpstreamAnswer(200, [{"AptNum": number}], NOW))])
        entry = ledger.save(noted, was=entry)
    ledger.save(rules.succeeded(entry, now=NOW, result=None), was=entry)

    assert ledger.load(id_).journal == ()


def test_answers_too_large_for_an_item_are_kept_all_the_same(ledger: Any) -> None:
    """Ten thousand rows in one turn, and a result beyond what DynamoDB takes."""
    id_ = ledger.open(booking(), now=NOW).operation.id
    was = begun(ledger, id_)
    rows = [{"AptNum": number, "Note": sha256(str(number).encode()).hexdigest()} for number in range(10_000)]
    saved = ledger.save(rules.noted(was, [Note("asked", UpstreamAnswer(200, rows, NOW))]), was=was)
    assert ledger.load(id_) == saved

    ledger.save(rules.succeeded(saved, now=NOW, result={"rows": rows}), was=saved)
    assert ledger.get(id_).result == {"rows": rows}


def test_a_parked_operation_is_woken_once_and_not_before_its_time(ledger: Any) -> None:
    id_ = ledger.open(booking(), now=NOW).operation.id
    was = begun(ledger, id_)
    ledger.save(rules.parked(was, until=NOW + timedelta(seconds=30)), was=was)

    assert ledger.wake(id_, now=NOW) is None
    later = NOW + timedelta(seconds=31)
    with ThreadPoolExecutor(8) as pool:
        woken = [one for one in pool.map(lambda _: ledger.wake(id_, now=later), range(8)) if one is not None]
    assert [(one.attempt, one.parked_until) for one in woken] == [(2, None)]
    assert ledger.wake("opn_nobody", now=later) is None


def test_a_short_list_of_open_operations_names_those_that_are_longest_due(ledger: Any) -> None:
    ages = range(24)
    ids = {
        age: ledger.open(booking(f"k{age}"), now=NOW - timedelta(minutes=age)).operation.id
        for age in sorted(ages, key=lambda age: (age * 7) % 24)
    }

    assert [one.operation_id for one in ledger.list_open(limit=3)] == [ids[23], ids[22], ids[21]]


def test_reads_that_no_step_rests_on_are_forgotten_and_read_anew(ledger: Any) -> None:
    id_ = ledger.open(booking(), now=NOW).operation.id
    entry = begun(ledger, id_)

    def note(text: str, at: datetime) -> Note:
        return Note(text, UpstreamAnswer(200, [text], at))

    first = rules.noted(entry, [note("a", NOW), note("b", NOW)])
    marked = rules.sent(first, BOOK, Effect.ADD, attempt=1, holder="worker-1", now=NOW)
    entry = ledger.save(marked, was=entry)
    entry = ledger.save(rules.noted(entry, [note("c", NOW)]), was=entry)
    entry = ledger.save(rules.noted(entry, [note("d", NOW)]), was=entry)
    assert rules.refreshed(entry, now=NOW + timedelta(seconds=59)) == entry
    entry = ledger.save(rules.refreshed(entry, now=NOW + timedelta(seconds=90)), was=entry)
    ledger.save(rules.noted(entry, [note("e", NOW)]), was=entry)

    assert [one.asked for one in ledger.load(id_).journal] == ["a", "b", "e"]


def test_renewing_writes_every_large_body_of_an_operation_again(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its store counts its days from the last time it was written."""
    bodies = make_bodies()
    ledger = DynamoLedger(make_table("ledger", due=True), table="ledger", bodies=bodies)
    large = {"text": Random(1).randbytes(400_000).hex()}
    id_ = ledger.open(replace(booking(), input=large), now=NOW).operation.id
    entry = begun(ledger, id_)
    entry = ledger.save(rules.noted(entry, [Note("asked", UpstreamAnswer(200, [large], NOW))]), was=entry)
    written: list[str] = []
    put = bodies._client().put_object

    def note(**to: Any) -> Any:
        written.append(to["Key"])
        return put(**to)

    monkeypatch.setattr(bodies._client(), "put_object", note)
    ledger.renew(id_)

    assert len(set(written)) == 2
    assert ledger.load(id_) == entry


def test_a_crash_after_the_settling_save_leaves_nothing_behind_for_ever(
    aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What did not fit into its transaction holds health data, and has its end before."""
    client = make_table("ledger", due=True)
    ledger = DynamoLedger(client, table="ledger", bodies=make_bodies())
    id_ = ledger.open(fetching(), now=NOW).operation.id
    entry = begun(ledger, id_)
    for number in range(120):
        noted = rules.noted(entry, [Note(f"asked-{number}", UpstreamAnswer(200, [{"AptNum": number}], NOW))])
        entry = ledger.save(noted, was=entry)
    transact = client.transact_write_items

    def last(**request: Any) -> Any:
        answer = transact(**request)
        if len(request["TransactItems"]) > 1:
            monkeypatch.setattr(client, "transact_write_items", die)
        return answer

    def die(**request: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(client, "transact_write_items", last)
    with pytest.raises(KeyboardInterrupt):
        ledger.save(rules.succeeded(entry, now=NOW, result=None), was=entry)

    items = client.scan(TableName="ledger")["Items"]
    assert len(items) > 20
    assert [item["sk"]["S"] for item in items if "expires_at" not in item] == []


def test_no_save_is_larger_than_a_transaction_may_be(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB takes 4 MB at once; an operation whose settling is refused would never settle."""
    client = make_table("ledger", due=True)
    ledger = DynamoLedger(client, table="ledger", bodies=make_bodies())
    id_ = ledger.open(booking(), now=NOW).operation.id
    entry = begun(ledger, id_)
    for number in range(30):
        body = {"text": Random(number).randbytes(140_000).hex()}
        line = UpstreamCall("claimprocs.update", path={"ClaimProcNum": number}, body=body, step=f"line-{number}")
        marked = rules.sent(entry, line, Effect.SET, attempt=1, holder="worker-1", now=NOW)
        entry = ledger.save(rules.step_to(marked, f"line-{number}", StepState.DONE), was=entry)
    transact, sizes = client.transact_write_items, []

    def weigh(**request: Any) -> Any:
        bodies = [one["Put"]["Item"].get("body", {"B": b""})["B"] for one in request["TransactItems"] if "Put" in one]
        sizes.append(sum(map(len, bodies)))
        return transact(**request)

    monkeypatch.setattr(client, "transact_write_items", weigh)
    ledger.save(rules.succeeded(entry, now=NOW, result={}), was=entry)

    assert max(sizes) < 4_000_000
    assert ledger.load(id_).record.state is OperationState.SUCCEEDED
