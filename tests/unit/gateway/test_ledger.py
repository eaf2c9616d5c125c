"""The ledger's rules one by one: what counts as evidence, and which transitions there are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core import ledger
from gateway.core.errors import AppError, Clash, NotWritten, PermissionMissing, QueueFull
from gateway.core.ledger import Effect, Entry, Found, WrongTransition
from gateway.core.operations import OperationState, Request, StepState
from gateway.core.plans import Evidence, UpstreamAnswer, UpstreamCall
from gateway.core.problems import error_of, problem_of

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
OURS, THEIRS = "OG0123456789", "OGABCDEFGHJK"
NATURAL = {"PatNum": 7, "PayAmt": Decimal("62.00"), "PayDate": "2026-03-02"}
EVIDENCE = Evidence(
    UpstreamCall("payments.list", query={"PatNum": 7}), "PayNum", NATURAL, frozenset({1, 2}), OURS, "PayNote"
)
PAY = UpstreamCall("payments.create", body={}, step="pay", evidence=EVIDENCE)
DATE = UpstreamCall("payments.update", path={"PayNum": 3}, body={}, step="date")


def row(key: Any = 3, **changes: Any) -> dict[str, Any]:
    return {"PayNum": key, "PatNum": "7", "PayAmt": 62.0, "PayDate": "2026-03-02", "PayNote": "", **changes}


def opened() -> Entry:
    request = Request("test.pay", "prac_a", "cli_a", {}, idempotency_key="k", body_hash="b")
    return ledger.opened("opn_a", request, reference=OURS, now=NOW)


def running() -> Entry:
    entry = ledger.begun(opened(), attempt=1, holder="one", now=NOW)
    assert entry is not None
    return entry


def sent(entry: Entry | None = None, call: UpstreamCall = PAY, effect: Effect = Effect.ADD) -> Entry:
    return ledger.sent(entry or running(), call, effect, attempt=1, holder="one", now=NOW)


# -- evidence -------------------------------------------------------------------------------------------------------


def test_our_reference_finds_the_row_whatever_else_has_changed_in_it() -> None:
    moved = row(2, PayNote=f"cash {OURS}", PayAmt=1)

    assert ledger.judge(EVIDENCE, [row(3), moved]) == ledger.Look(Found.ONE, moved)


def test_a_new_key_with_the_same_natural_key_is_the_row_if_none_carries_our_reference() -> None:
    """Somebody at the desk may have tidied the note away."""
    assert ledger.judge(EVIDENCE, [row(1), row(2), row(3)]).row == row(3)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([row(1)], "it was there before"),
        ([row("2")], "keys are sometimes quoted"),
        ([row(3, PatNum=8)], "another patient"),
        ([row(3, PayAmt="61.99")], "another amount"),
        ([row(3, PayNote=f"x {THEIRS}")], "another operation's reference"),
        ([], "nothing is there"),
    ],
)
def test_what_is_not_ours_is_no_evidence(rows: list[dict[str, Any]], why: str) -> None:
    assert ledger.judge(EVIDENCE, rows).found is Found.NONE, why


def test_a_row_that_another_operation_wrote_is_no_evidence_without_references() -> None:
    bare = replace(EVIDENCE, reference=None)

    assert ledger.judge(bare, [row(3)], taken=frozenset({3})).found is Found.NONE
    assert ledger.judge(bare, [row(3)]).found is Found.ONE


def test_a_new_row_that_may_be_ours_in_another_form_is_no_proof_that_nothing_was_written() -> None:
    bare = replace(EVIDENCE, reference=None, reference_field=None, leaves_doubt=True)

    assert ledger.judge(bare, [row(1), row(3, PayAmt="61.99")]).found is Found.SEVERAL
    assert ledger.judge(bare, [row(3, PayAmt="61.99")], taken=frozenset({3})).found is Found.NONE
    assert ledger.judge(bare, [row(3, PayAmt="61.99", PayNote=f"x {THEIRS}")]).found is Found.NONE
    assert ledger.judge(bare, [row(1), row(2)]).found is Found.NONE
    assert ledger.judge(bare, [row(3), row(4, PayAmt="61.99")]).found is Found.ONE


BILLED = Evidence(
    UpstreamCall("claimprocs.list", query={"PatNum": 7}),
    "ClaimNum",
    {"PatNum": 7},
    frozenset({0, 1}),
    lines=({"ProcNum": 5}, {"ProcNum": 6}),
)


def billed(claim: int, *procedures: int, patient: int = 7) -> list[dict[str, Any]]:
    return [{"ClaimNum": claim, "ProcNum": f"{number}", "PatNum": patient} for number in procedures]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (billed(3, 5, 6), Found.ONE),
        (billed(3, 6, 7, 5, 5), Found.ONE),
        (billed(0, 5, 6) + billed(1, 5, 6), Found.NONE),
        (billed(3, 7) + billed(4, 8), Found.NONE),
        (billed(3, 5, 6, patient=8), Found.NONE),
        (billed(3, 5), Found.SEVERAL),
        (billed(3, 5) + billed(4, 6), Found.SEVERAL),
        (billed(3, 5, 6) + billed(4, 5), Found.ONE),
        (billed(3, 5, 6) + billed(4, 5, 6), Found.SEVERAL),
    ],
)
def test_rows_that_name_the_new_one_find_it_when_all_of_them_name_it(rows: list[dict[str, Any]], found: Found) -> None:
    look = ledger.judge(BILLED, rows)

    assert look.found is found
    assert look.row == ({"ClaimNum": 3} if found is Found.ONE else None)


def test_lines_of_a_row_that_another_operation_wrote_are_no_evidence() -> None:
    assert ledger.judge(BILLED, billed(3, 5, 6), taken=frozenset({3})).found is Found.NONE


def test_two_candidates_decide_nothing_and_one_row_read_twice_is_one() -> None:
    assert ledger.judge(EVIDENCE, [row(3), row(4)]).found is Found.SEVERAL
    assert ledger.judge(EVIDENCE, [row(3), row("3")]).found is Found.ONE


@given(st.decimals(-10_000, 10_000, places=2))
def test_money_is_compared_as_money_however_it_is_spelled(amount: Decimal) -> None:
    evidence = replace(EVIDENCE, natural={"PayAmt": amount})
    spelled = [amount, f"{amount:.2f}", f"{amount.normalize():f}", float(amount)]

    for spelling in spelled:
        assert ledger.judge(evidence, [row(3, PayAmt=spelling)]).found is Found.ONE


def test_a_reference_is_12_characters_that_we_know_again() -> None:
    for _ in range(50):
        reference = ledger.new_reference()
        assert len(reference) == 12
        evidence = replace(EVIDENCE, reference=OURS)
        assert ledger.judge(evidence, [row(3, PayNote=f"[ref {reference}]")]).found is Found.NONE


# -- transitions ----------------------------------------------------------------------------------------------------

REACHABLE = {
    StepState.SENT: {StepState.DONE, StepState.REFUSED, StepState.UNKNOWN},
    StepState.UNKNOWN: {StepState.DONE, StepState.REFUSED, StepState.NOT_DONE},
    StepState.DONE: set[StepState](),
    StepState.REFUSED: set[StepState](),
    StepState.NOT_DONE: set[StepState](),
}


@pytest.mark.parametrize("before", list(StepState))
@pytest.mark.parametrize("after", list(StepState))
def test_a_step_moves_only_as_the_ledger_knows(before: StepState, after: StepState) -> None:
    entry = sent()
    entry = replace(entry, steps={"pay": replace(entry.steps["pay"], state=before)})

    if after in REACHABLE[before]:
        assert ledger.step_to(entry, "pay", after).steps["pay"].state is after
    else:
        with pytest.raises(WrongTransition):
            ledger.step_to(entry, "pay", after)


@pytest.mark.parametrize("state", list(StepState))
def test_an_add_is_marked_sent_once_whatever_became_of_it(state: StepState) -> None:
    entry = sent()
    entry = replace(entry, steps={"pay": replace(entry.steps["pay"], state=state)})

    with pytest.raises(WrongTransition):
        sent(entry)


@pytest.mark.parametrize(
    ("state", "again"),
    [
        (StepState.SENT, True),
        (StepState.UNKNOWN, True),
        (StepState.DONE, False),
        (StepState.REFUSED, False),
        (StepState.NOT_DONE, False),
    ],
)
def test_a_set_may_go_out_again_while_nobody_knows_what_became_of_it(state: StepState, *, again: bool) -> None:
    entry = sent(call=DATE, effect=Effect.SET)
    entry = replace(entry, steps={"date": replace(entry.steps["date"], state=state)})

    if again:
        assert sent(entry, DATE, Effect.SET).steps["date"].state is StepState.SENT
    else:
        with pytest.raises(WrongTransition):
            sent(entry, DATE, Effect.SET)


@pytest.mark.parametrize(("attempt", "holder"), [(2, "one"), (1, "two")])
def test_only_the_turn_that_has_the_operation_marks_a_write_sent(attempt: int, holder: str) -> None:
    with pytest.raises(WrongTransition):
        ledger.sent(running(), PAY, Effect.ADD, attempt=attempt, holder=holder, now=NOW)


def test_a_mark_is_taken_back_unless_an_earlier_sending_is_in_doubt() -> None:
    first = sent(call=DATE, effect=Effect.SET)
    again = sent(first, DATE, Effect.SET)

    assert ledger.unsent(first, "date").steps == {}
    assert ledger.unsent(again, "date").steps["date"].state is StepState.SENT
    with pytest.raises(WrongTransition):
        ledger.failed(ledger.unsent(again, "date"), {"code": "upstream-broken"}, now=NOW)


def test_an_add_without_evidence_is_never_sent() -> None:
    with pytest.raises(WrongTransition):
        sent(call=replace(PAY, evidence=None))


def test_an_add_that_says_that_nothing_could_find_it_is_sent_and_stays_unknown_for_days() -> None:
    blind = replace(PAY, evidence=None, is_blind=True)
    entry = ledger.lost(sent(call=blind), "pay")
    again = ledger.nobody_can_look(entry, "pay", now=NOW)

    assert (again.record.state, again.steps["pay"].ambiguous) == (OperationState.UNKNOWN, True)
    assert again.record.due_at == NOW + ledger.NOBODY_LOOKS
    with pytest.raises(WrongTransition):
        ledger.send_again(again, "pay", now=NOW)
    late = ledger.late_answer(again, "pay", "one", answer=UpstreamAnswer(201, {"PayNum": 3}), now=NOW)
    assert late is not None and late.steps["pay"].state is StepState.DONE


def test_nobody_says_failed_while_a_write_may_have_been_done() -> None:
    for entry in (sent(), ledger.lost(sent(), "pay")):
        with pytest.raises(WrongTransition):
            ledger.failed(entry, {"code": "invalid", "detail": "x"}, now=NOW)


def test_a_lost_add_is_looked_for_three_times_before_it_is_called_not_done() -> None:
    entry = ledger.lost(sent(), "pay")
    dues, now = [], NOW
    while entry.record.state is OperationState.UNKNOWN:
        assert entry.record.due_at is not None
        now = entry.record.due_at
        dues.append(now - NOW)
        entry = ledger.settled_by(entry, "pay", ledger.Look(Found.NONE), now=now)

    assert dues == [timedelta(seconds=70), timedelta(minutes=5), timedelta(minutes=30)]
    assert entry.record.state is OperationState.FAILED
    assert entry.steps["pay"].state is StepState.NOT_DONE


def test_an_unknown_operation_never_expires_and_a_settled_write_after_30_days() -> None:
    unknown = ledger.lost(sent(), "pay")
    assert unknown.record.expires_at is None

    found = ledger.settled_by(unknown, "pay", ledger.Look(Found.ONE, row(3)), now=NOW)
    again = ledger.put_again(found, now=NOW)
    assert again is not None
    began = ledger.begun(again, attempt=2, holder="two", now=NOW)
    assert began is not None
    assert ledger.succeeded(began, now=NOW, result={}).record.expires_at == NOW + timedelta(days=30)


def test_a_late_answer_counts_only_from_the_turn_that_sent_it() -> None:
    unknown = ledger.lost(sent(), "pay")
    answer = UpstreamAnswer(201, row(3), NOW)

    assert ledger.late_answer(unknown, "pay", "two", answer=answer, now=NOW) is None
    late = ledger.late_answer(unknown, "pay", "one", answer=answer, now=NOW)
    assert late is not None
    assert late.steps["pay"].state is StepState.DONE
    assert ledger.put_again(late, now=NOW) is not None


def test_an_operation_that_was_never_put_keeps_its_attempt_and_a_parked_one_gets_a_new_one() -> None:
    assert ledger.put_again(opened(), now=NOW + timedelta(seconds=59)) is None
    again = ledger.put_again(opened(), now=NOW + timedelta(seconds=61))
    assert again is not None
    assert again.record.attempt == 1

    parked = ledger.parked(running(), until=NOW)
    woken = ledger.put_again(parked, now=NOW)
    assert woken is not None
    assert woken.record.attempt == 2
    assert ledger.begun(woken, attempt=1, holder="old", now=NOW) is None


def test_a_failure_after_a_step_says_what_stands_with_its_key() -> None:
    entry = ledger.step_to(sent(), "pay", StepState.DONE, answer=UpstreamAnswer(201, row(2**62 + 1), NOW))
    failed = ledger.failed(entry, {"code": "version-too-old", "detail": "x", "step": "date"}, now=NOW)

    error = failed.record.error
    assert error is not None
    assert error["code"] == "partly-done"
    assert error["done"] == [{"step": "pay", "operation": "payments.create", "key": str(2**62 + 1)}]
    assert error["remaining"] == "date"


@pytest.mark.parametrize(
    "error",
    [
        Clash("taken", param="local_start", alternatives=[{"a": 1}]),
        PermissionMissing("x", permission="Payments", upstream={"status": 401, "message": "no"}),
        QueueFull("x", retry_after=7.5),
        NotWritten("x"),
    ],
)
def test_an_error_survives_being_stored(error: AppError) -> None:
    again = error_of(problem_of(error))

    assert type(again) is type(error)
    assert (again.detail, again.param, again.upstream, again.more) == (
        error.detail,
        error.param,
        error.upstream,
        error.more,
    )
    assert getattr(again, "retry_after", None) == getattr(error, "retry_after", None)
