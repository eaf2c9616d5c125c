"""What the ledger keeps of an operation, and the only ways it may change: pure rules.

An `Entry` is an operation's record, one `Step` for each of its writes, and the journal of what its plan was answered.
The store replaces an entry only if nobody changed it meanwhile (`Record.rev`), so a rule here is a rule there.

    step        SENT -> DONE | REFUSED | UNKNOWN        UNKNOWN -> DONE | REFUSED | NOT_DONE, also by a late answer
    operation   QUEUED -> RUNNING -> SUCCEEDED | FAILED, over UNKNOWN while a step is unknown

A step becomes SENT before its call goes out, and only for the attempt and holder the record names. From then on the
ledger, and nobody's memory, decides whether it may go out again: a `set` may, an `add` never.

Evidence for a lost `add` is our reference in the new row, or a new row with the same natural key. The practice's
security log, which writes of the API enter too, is not read. It could only ever confirm, and it cannot even do that:

* An entry has no key of the row it is about and nothing that we sent: a type (`PaymentCreate`), a patient, a free
  text, and a local time without a zone, in whatever form the office's computer writes it. It fits every write of that
  type for that patient, also one that another operation made and knows of. Where one row was found, the entry says no
  more than the row; where two were found, it fits both.
* Where none was found, an entry may belong to an equal write, or to a row that the office has deleted since; and none
  proves nothing, because nobody says when an entry is written, nor that it is in the same transaction as its row. Kept
  open for it, an operation would wait for people who have to look into the office's audit trail anyhow, which names
  the row.
* The list filters by type alone, neither by time nor by patient, and promises no order. Each look would cost at least
  one slot of the practice's pace, more where it must be complete, to change no verdict.

Source: https://www.opendental.com/site/apisecuritylogs.html
"""

from __future__ import annotations

import re
import secrets
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from gateway.core.operations import Operation, OperationState, Request, StepState
from gateway.core.plans import Evidence, UpstreamAnswer, UpstreamCall
from gateway.core.practices import Practice, Tier, WayName

REPUT_AFTER = timedelta(seconds=60)
"""A QUEUED operation that nobody began by then is put on the queue again; the pauses then double."""

KEPT = timedelta(days=30)
"""How long a settled write, and its answer, is kept."""

KEPT_READ = timedelta(hours=1)
"""How long a settled fetch is kept: its rows live in the cache, and for minutes only."""

LOOKS_AFTER = (timedelta(seconds=70), timedelta(minutes=5), timedelta(minutes=30))
"""When a lost `add` is looked for, counted from when it was sent. 70 s is past Open Dental's own limit of 60."""

LOOK_AGAIN = timedelta(hours=1)
"""How often an `add` that stays unknown after the third look is looked for."""

NOBODY_LOOKS = timedelta(days=1)
"""How often it is said that an `add` for which there can be no evidence is still unknown."""

LOOK_OFFLINE = timedelta(minutes=1)
"""When a look that could not be completed is repeated."""

READ_GOOD_FOR = timedelta(seconds=60)
READ_MUCH_GOOD_FOR = timedelta(minutes=15)
READ_AGAIN = 15
"""What was read for a write is read again after `READ_GOOD_FOR`; more than `READ_AGAIN` answers, which hardly fit into
one turn, only after `READ_MUCH_GOOD_FOR`, or a write that waits between turns would never be done reading."""

MAX_FAILURES = 5
"""Real failures (crashes, lost answers to reads) after which an operation ends."""

_REFERENCE = re.compile(r"\bOG[0-9A-HJKMNP-TV-Z]{10}\b")
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_reference() -> str:
    """12 characters that people can read out and that we recognize as ours in a free text."""
    return "OG" + "".join(secrets.choice(_ALPHABET) for _ in range(10))


class Effect(StrEnum):
    """What a call does (the catalogue's mark): an absolute write may be sent again, an addition never."""

    READ = "read"
    SET = "set"
    ADD = "add"


class WrongTransition(Exception):
    """A change of state that the ledger does not know: a mistake of ours, never of a caller."""


@dataclass(frozen=True, slots=True)
class Note:
    """One answer in the journal: what was asked (`asked` is a hash), and what came of it.

    `problem` is set instead of `answer` where the call ended in an error that the plan may catch.
    """

    asked: str
    answer: UpstreamAnswer | None = None
    problem: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One write of an operation. `sent_by` is the turn that sent it last; `looks` counts the searches for it."""

    name: str
    call: UpstreamCall
    effect: Effect
    state: StepState
    sent_at: datetime
    sent_by: str
    answer: UpstreamAnswer | None = None
    problem: Mapping[str, Any] | None = None
    looks: int = 0
    ambiguous: bool = False
    """Two rows could be the one we sent: somebody has to look."""
    noted: int | None = None
    """How many answers of the journal it rests on: those that were there when it was marked SENT."""
    in_doubt: bool = False
    """Whether it was sent before, and that time nobody knows what came of it: a `set` that is being sent again."""


@dataclass(frozen=True, slots=True)
class Record:
    """An operation as it is stored. `holder` is the turn that works on it; `due_at` is when the sweeper cares.

    `unfinished` counts turns that began and did not come to an orderly end, plus answers lost on reads.
    """

    id: str
    request: Request
    state: OperationState
    attempt: int
    submitted_at: datetime
    reference: str
    rev: int = 0
    holder: str | None = None
    due_at: datetime | None = None
    parked_until: datetime | None = None
    unfinished: int = 0
    puts: int = 1
    upstream_calls: int = 0
    read_by: WayName = WayName.FIRST
    """By which way to the office the journal's answers came: pages of a list are as long as that way has them."""
    read_as: Mapping[str, Any] | None = None
    """What was known of the practice when the journal was begun (`knowledge_of`): plans ask by it."""
    as_of: datetime | None = None
    """When the oldest answer in the journal was asked for: nothing a fetch returns is older."""
    finished_at: datetime | None = None
    result: Mapping[str, Any] | None = None
    created: bool = False
    warnings: tuple[Mapping[str, Any], ...] = ()
    error: Mapping[str, Any] | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """All the ledger holds of one operation."""

    record: Record
    steps: Mapping[str, Step] = field(default_factory=dict)
    journal: tuple[Note, ...] = ()

    def operation(self) -> Operation:
        """The operation as its caller sees it."""
        of = self.record
        return Operation(
            id=of.id,
            request=of.request,
            state=of.state,
            attempt=of.attempt,
            submitted_at=of.submitted_at,
            reference=of.reference,
            finished_at=of.finished_at,
            result=of.result,
            created=of.created,
            warnings=of.warnings,
            error=of.error,
            upstream_calls=of.upstream_calls,
            parked_until=of.parked_until,
        )


def is_to_be_renewed(operation_id: str, now: datetime) -> bool:
    """Whether this is the minute of the day in which the bodies of an open operation are written again.

    The store of large bodies forgets after 35 days, an operation that is unknown stays for as long as it is. A sweep
    that is missed costs a day of those 35.
    """
    return zlib.crc32(operation_id.encode()) % (24 * 60) == now.hour * 60 + now.minute


def is_fetch(request: Request) -> bool:
    """Whether it only reads: it has a place in the cache, and no caller's key."""
    return request.cache_key is not None and request.idempotency_key is None


def opened(operation_id: str, request: Request, *, reference: str, now: datetime) -> Entry:
    """A new operation. If its turn never reaches the queue, it is due for another try in a minute."""
    return Entry(
        Record(
            id=operation_id,
            request=request,
            state=OperationState.QUEUED,
            attempt=1,
            submitted_at=now,
            reference=reference,
            due_at=now + REPUT_AFTER,
        )
    )


# -- the operation --------------------------------------------------------------------------------------------------


def begun(entry: Entry, *, attempt: int, holder: str, now: datetime) -> Entry | None:
    """A turn takes the operation up. None: the message is stale (settled, another attempt, or not before a settle)."""
    of = entry.record
    if of.attempt != attempt or of.state.is_settled or of.state is OperationState.UNKNOWN:
        return None
    return replace(
        entry,
        record=replace(
            of,
            state=OperationState.RUNNING,
            holder=holder,
            unfinished=of.unfinished + 1,
            parked_until=None,
            # If the turn dies and its message with it, the sweeper finds the operation.
            due_at=now + REPUT_AFTER * 10,
        ),
    )


def noted(entry: Entry, notes: Iterable[Note]) -> Entry:
    """Add answers to the journal."""
    return replace(entry, journal=(*entry.journal, *notes))


def refreshed(entry: Entry, *, now: datetime) -> Entry:
    """Forget what was read for a write that has not been sent, if the last of it is old: it is read again.

    A turn reads and writes in a row. One that was kept from it (the practice went offline, others came first) must
    check the day as it is now, and know the keys that are there right before the write: its evidence rests on them.
    Answers that a step rests on stay, so that the plan comes to the same step again.
    """
    rests = [step.noted for step in entry.steps.values()]
    if is_fetch(entry.record.request) or None in rests:
        return entry
    kept = max((one for one in rests if one is not None), default=0)
    loose = entry.journal[kept:]
    asked_at = [note.answer.started_at for note in loose if note.answer is not None and note.answer.started_at]
    good_for = READ_GOOD_FOR if len(loose) <= READ_AGAIN else READ_MUCH_GOOD_FOR
    if not asked_at or now - max(asked_at) <= good_for:
        return entry
    return replace(entry, journal=entry.journal[:kept])


def knowledge_of(practice: Practice) -> dict[str, Any]:
    """What decides how a plan asks, and may be learned anew between two turns: how long pages are, what is offered."""
    return {
        "tier": practice.tier.value,
        "version": practice.version,
        "permissions": sorted(practice.permissions),
    }


def as_known(practice: Practice, knowledge: Mapping[str, Any] | None) -> Practice:
    """The practice as it was known then (`knowledge_of`); as it is, where that was not kept."""
    if knowledge is None:
        return practice
    return replace(
        practice,
        tier=Tier(knowledge["tier"]),
        version=knowledge["version"],
        permissions=frozenset(knowledge["permissions"]),
    )


def reached(entry: Entry, practice: Practice, by: WayName) -> Entry:
    """Forget what was read by another way to the office, or by what is known otherwise by now, so that every list is
    begun anew.

    Its pages may be of another length, and what was half read is never read on. Answers that a step rests on stay, and
    with them the way and the knowledge that the plan asks by, so that it comes to the same step again.
    """
    of, knowledge = entry.record, knowledge_of(practice)
    if of.read_by is by and of.read_as in (None, knowledge):
        return entry if of.read_as is not None else replace(entry, record=replace(of, read_as=knowledge))
    rests = [step.noted for step in entry.steps.values()]
    kept = len(entry.journal) if None in rests else max((one for one in rests if one is not None), default=0)
    if not kept:
        of = replace(of, read_by=by, read_as=knowledge)
    return replace(entry, record=of, journal=entry.journal[:kept])


def handed_over(entry: Entry, network: str) -> Entry:
    """The operation's turns wait on the queue of `network` from now on."""
    return replace(entry, record=replace(entry.record, request=replace(entry.record.request, network=network)))


def counted(entry: Entry, calls: int) -> Entry:
    """Add upstream calls to what the operation cost."""
    return replace(entry, record=replace(entry.record, upstream_calls=entry.record.upstream_calls + calls))


def failed_once(entry: Entry) -> Entry:
    """Count a real failure that the turn survived."""
    return replace(entry, record=replace(entry.record, unfinished=entry.record.unfinished + 1))


def paused(entry: Entry, *, now: datetime) -> Entry:
    """The turn ends in order and its message comes back by itself: this was no failure."""
    of = entry.record
    unfinished = max(0, of.unfinished - 1)
    return replace(
        entry,
        record=replace(
            of, state=OperationState.QUEUED, holder=None, unfinished=unfinished, due_at=now + REPUT_AFTER * 20
        ),
    )


def parked(entry: Entry, *, until: datetime) -> Entry:
    """The turn ends and its message is deleted; at `until` the sweeper wakes the operation."""
    of = entry.record
    return replace(
        entry,
        record=replace(
            of,
            state=OperationState.QUEUED,
            holder=None,
            unfinished=max(0, of.unfinished - 1),
            parked_until=until,
            due_at=until,
        ),
    )


def put_again(entry: Entry, *, now: datetime) -> Entry | None:
    """What the sweeper stores before it puts a due operation's turn on the queue; None: nothing is due.

    A parked one gets a new attempt, so that an old message of it is stale. One that was perhaps never put keeps its
    attempt: if the first message is still in the queue, it keeps its place, and the second finds nothing to do.
    """
    of = entry.record
    if of.state.is_settled or of.state is OperationState.UNKNOWN or of.due_at is None or of.due_at > now:
        return None
    if of.parked_until is not None:
        return replace(
            entry,
            record=replace(of, attempt=of.attempt + 1, parked_until=None, puts=1, due_at=now + REPUT_AFTER),
        )
    # SQS swallows a repeat for 5 minutes, so that a doubling pause loses nothing and a long queue is not flooded.
    pause = REPUT_AFTER * min(60, 6 * 2**of.puts)
    return replace(entry, record=replace(of, puts=of.puts + 1, due_at=now + pause))


def still_parked(entry: Entry, *, until: datetime) -> Entry:
    """A parked operation stays so until later: its practice is known not to answer yet."""
    return replace(entry, record=replace(entry.record, parked_until=until, due_at=until))


def succeeded(
    entry: Entry,
    *,
    now: datetime,
    result: Mapping[str, Any] | None,
    created: bool = False,
    warnings: tuple[Mapping[str, Any], ...] = (),
    as_of: datetime | None = None,
) -> Entry:
    """The operation has its answer."""
    return _settled(
        entry,
        OperationState.SUCCEEDED,
        now,
        result=result,
        created=created,
        warnings=warnings,
        as_of=as_of,
    )


def failed(entry: Entry, problem: Mapping[str, Any], *, now: datetime) -> Entry:
    """The operation ends with a problem; with `partly-done` if a step of it stands.

    Raises: WrongTransition: a step may still be done, so that nobody can say it failed.
    """
    if any(step.state in {StepState.SENT, StepState.UNKNOWN} for step in entry.steps.values()):
        raise WrongTransition("a step is open")
    done = [step for step in entry.steps.values() if step.state is StepState.DONE]
    if done and problem.get("code") != "partly-done":
        left = next((step.name for step in entry.steps.values() if step.state is not StepState.DONE), None)
        problem = {
            "code": "partly-done",
            "detail": "part of this operation stands; the step that remains could not be done",
            "retryable": False,
            "done": [{"step": step.name, "operation": step.call.operation, **_key_of(step)} for step in done],
            "remaining": problem.get("step") or left,
            "cause": {name: value for name, value in problem.items() if name != "step"},
        }
    return _settled(entry, OperationState.FAILED, now, error=problem)


def _key_of(step: Step) -> dict[str, Any]:
    """The new row's key, where the answer and the evidence tell it: how people find what stands."""
    field_ = step.call.evidence.key_field if step.call.evidence else None
    key = _number((step.answer.row if step.answer else {}).get(field_)) if field_ else None
    return {} if key is None else {"key": str(key)}


def _settled(entry: Entry, state: OperationState, now: datetime, **changes: Any) -> Entry:
    of = entry.record
    if of.state.is_settled:
        raise WrongTransition(f"{of.state} is the end")
    return replace(
        entry,
        record=replace(
            of,
            state=state,
            holder=None,
            due_at=None,
            parked_until=None,
            finished_at=now,
            expires_at=now + (KEPT_READ if is_fetch(of.request) else KEPT),
            **changes,
        ),
    )


# -- its steps ------------------------------------------------------------------------------------------------------

_ALLOWED = {
    StepState.SENT: {StepState.DONE, StepState.REFUSED, StepState.UNKNOWN},
    StepState.UNKNOWN: {StepState.DONE, StepState.REFUSED, StepState.NOT_DONE},
}


def sent(entry: Entry, call: UpstreamCall, effect: Effect, *, attempt: int, holder: str, now: datetime) -> Entry:
    """Mark a write SENT, before it is sent.

    Raises: WrongTransition: the record is another attempt's or holder's, or the step may not be sent (again).
    """
    of = entry.record
    if call.step is None or effect is Effect.READ:
        raise WrongTransition("only a named write is a step")
    if of.attempt != attempt or of.holder != holder or of.state is not OperationState.RUNNING:
        raise WrongTransition("another turn has this operation")
    if effect is Effect.ADD and call.evidence is None and not call.is_blind:
        raise WrongTransition("an add without evidence could never be settled")
    old = entry.steps.get(call.step)
    if old is not None and not (effect is Effect.SET and old.state in {StepState.SENT, StepState.UNKNOWN}):
        raise WrongTransition(f"step {call.step} is {old.state} already")
    looks = old.looks if old else 0
    step = Step(
        call.step,
        call,
        effect,
        StepState.SENT,
        now,
        holder,
        looks=looks,
        noted=len(entry.journal),
        in_doubt=old is not None,
    )
    return replace(entry, steps={**entry.steps, call.step: step})


def unsent(entry: Entry, name: str) -> Entry:
    """Take a SENT mark back: the call certainly did nothing and may be sent by a later try.

    Not that of a `set` whose earlier sending is in doubt: that one may stand, so nobody can say that nothing does.
    """
    step = entry.steps[name]
    if step.state is not StepState.SENT:
        raise WrongTransition(f"step {name} is {step.state}")
    if step.in_doubt:
        return entry
    return replace(entry, steps={key: value for key, value in entry.steps.items() if key != name})


def step_to(
    entry: Entry,
    name: str,
    state: StepState,
    *,
    answer: UpstreamAnswer | None = None,
    problem: Mapping[str, Any] | None = None,
) -> Entry:
    """Move a step on.

    Raises: WrongTransition.
    """
    step = entry.steps[name]
    if state not in _ALLOWED.get(step.state, set()):
        raise WrongTransition(f"step {name} is {step.state}, never {state} after it")
    moved = replace(step, state=state, answer=answer, problem=problem)
    return replace(entry, steps={**entry.steps, name: moved})


def lost(entry: Entry, name: str) -> Entry:
    """The answer is lost: unknown until evidence, or another try of a `set`, or a late answer settles it."""
    if entry.steps[name].state is not StepState.UNKNOWN:
        entry = step_to(entry, name, StepState.UNKNOWN)
    step = entry.steps[name]
    return _await_evidence(entry, step.sent_at + LOOKS_AFTER[min(step.looks, len(LOOKS_AFTER) - 1)])


def _await_evidence(entry: Entry, at: datetime) -> Entry:
    of = replace(entry.record, state=OperationState.UNKNOWN, holder=None, parked_until=None, due_at=at, unfinished=0)
    return replace(entry, record=of)


def late_answer(
    entry: Entry,
    name: str,
    sent_by: str,
    *,
    answer: UpstreamAnswer | None = None,
    problem: Mapping[str, Any] | None = None,
    now: datetime,
) -> Entry | None:
    """An answer, or a refusal (`problem`), that came after its turn had lost the operation. None: it is no news.

    If the operation waited for evidence, it is due at once and its plan goes on.
    """
    step = entry.steps.get(name)
    if step is None or step.sent_by != sent_by or step.state not in _ALLOWED:
        return None
    state = StepState.DONE if problem is None else StepState.REFUSED
    return _go_on(step_to(entry, name, state, answer=answer, problem=problem), now=now)


def _go_on(entry: Entry, *, now: datetime) -> Entry:
    of = entry.record
    if of.state is not OperationState.UNKNOWN:
        return entry
    # Parked with a new attempt to come: the plan continues by replay, now or when the sweeper wakes it.
    return replace(entry, record=replace(of, state=OperationState.QUEUED, holder=None, parked_until=now, due_at=now))


# -- evidence -------------------------------------------------------------------------------------------------------


class Found(StrEnum):
    """What a look at the practice's rows says about a lost `add`."""

    ONE = "one"
    NONE = "none"
    SEVERAL = "several"


@dataclass(frozen=True, slots=True)
class Look:
    """The result of a look; `row` is the one that was found."""

    found: Found
    row: Mapping[str, Any] | None = None


def judge(evidence: Evidence, rows: Iterable[Mapping[str, Any]], *, taken: frozenset[int] = frozenset()) -> Look:
    """Say which of `rows` is the one that was sent.

    First our reference in the free text. Without a row that carries it: a key that was not there right before the
    write, with the same natural key; a row with *another* operation's reference, or whose key is in `taken` (rows
    that other operations are known to have written), is somebody else's.
    """
    rows = list(rows)
    unique = {_number(row.get(evidence.key_field)): row for row in rows}
    if evidence.reference and evidence.reference_field:
        ours = [row for row in unique.values() if evidence.reference in str(row.get(evidence.reference_field) or "")]
        if ours:
            return _look(ours)
    is_known = {None} | evidence.known_keys | taken
    if evidence.lines:
        return _by_lines(evidence, [row for row in rows if _number(row.get(evidence.key_field)) not in is_known])
    alike = [
        row
        for key, row in unique.items()
        if key not in is_known
        and all(_same(row.get(name), value) for name, value in evidence.natural.items())
        and not _others_reference(row, evidence)
    ]
    if not alike and evidence.leaves_doubt:
        # One that came meanwhile and is not like ours may be ours as Open Dental stored it.
        others = (row for key, row in unique.items() if key not in is_known)
        if not all(_others_reference(row, evidence) for row in others):
            return Look(Found.SEVERAL)
    return _look(alike)


def settled_by(entry: Entry, name: str, look: Look, *, now: datetime) -> Entry:
    """Settle an unknown step by what a *complete* look found.

    One row: DONE, and the plan goes on with that row as the answer. None: NOT_DONE after the third look. Several: it
    stays unknown, and an alarm asks for people.
    """
    step = entry.steps[name]
    if look.found is Found.ONE:
        answer = UpstreamAnswer(200, dict(look.row or {}), now)
        return _go_on(step_to(entry, name, StepState.DONE, answer=answer), now=now)
    looks = step.looks + 1
    seen = replace(
        entry, steps={**entry.steps, name: replace(step, looks=looks, ambiguous=look.found is Found.SEVERAL)}
    )
    if look.found is Found.NONE and looks >= len(LOOKS_AFTER):
        gone = step_to(seen, name, StepState.NOT_DONE)
        problem = {
            "code": "not-written",
            "detail": "the answer to this write was lost; it was looked for and is not there",
            "retryable": True,
            "step": name,
        }
        return failed(gone, problem, now=now)
    if looks < len(LOOKS_AFTER):
        return _await_evidence(seen, max(now, step.sent_at + LOOKS_AFTER[looks]))
    return _await_evidence(seen, now + LOOK_AGAIN)


def send_again(entry: Entry, name: str, *, now: datetime) -> Entry:
    """Let the plan send a lost `set` once more: absolute values may be written twice.

    Raises: WrongTransition: it is an `add`, or not lost.
    """
    step = entry.steps[name]
    if step.effect is not Effect.SET or step.state is not StepState.UNKNOWN:
        raise WrongTransition(f"step {name} may not be sent again")
    again = replace(entry, steps={**entry.steps, name: replace(step, looks=step.looks + 1)})
    return _go_on(again, now=now)


def nobody_can_look(entry: Entry, name: str, *, now: datetime) -> Entry:
    """An `add` without evidence stays unknown: an alarm asks for people, and a late answer is still taken."""
    step = replace(entry.steps[name], ambiguous=True)
    return _await_evidence(replace(entry, steps={**entry.steps, name: step}), now + NOBODY_LOOKS)


def could_not_look(entry: Entry, *, now: datetime) -> Entry:
    """The practice did not answer, or not completely: such a look says nothing and is repeated."""
    return _await_evidence(entry, now + LOOK_OFFLINE)


# -- a ledger that was restored ---------------------------------------------------------------------------------------


def restored(entry: Entry, *, now: datetime) -> Entry | None:
    """What an operation is in a ledger that comes out of a backup; None: as it is.

    What was open then may have been sent since, so nothing is sent by itself. An `add` that was marked SENT is looked
    for, as after any crash. What was not marked has no evidence yet, and an absolute value of hours ago is no value to
    write now: of these an operator says what became (`released`, `done_says`). Who waited for rows asks again.
    """
    of = entry.record
    if of.state.is_settled:
        return None
    if is_fetch(of.request):
        problem = {"code": "unavailable", "detail": "the gateway was restored; ask again", "retryable": True}
        return failed(entry, problem, now=now)
    open_steps = [one for one in entry.steps.values() if one.state in {StepState.SENT, StepState.UNKNOWN}]
    lost_adds = [one.name for one in open_steps if one.effect is Effect.ADD]
    if lost_adds:
        return lost(entry, lost_adds[0])
    kept = {one.name: replace(one, state=StepState.SENT, in_doubt=True) for one in open_steps}
    return _await_evidence(replace(entry, steps={**entry.steps, **kept}), now + NOBODY_LOOKS)


def released(entry: Entry, *, now: datetime) -> Entry:
    """Have an unknown operation sent (again), because somebody has looked and it is not there.

    Raises: WrongTransition: it is not unknown.
    """
    _must_be_unknown(entry)
    open_ = {StepState.SENT, StepState.UNKNOWN}
    steps = {name: one for name, one in entry.steps.items() if one.state not in open_}
    return _go_on(replace(entry, steps=steps), now=now)


def done_says(entry: Entry, *, now: datetime) -> Entry:
    """Settle an unknown operation as done, because somebody has looked and it is there; the row is not known.

    Raises: WrongTransition: it is not unknown.
    """
    _must_be_unknown(entry)
    warning = {"code": "settled-by-operator", "detail": "an operator has seen that it was done; look the row up"}
    return succeeded(entry, now=now, result=None, warnings=(*entry.record.warnings, warning))


def _must_be_unknown(entry: Entry) -> None:
    if entry.record.state is not OperationState.UNKNOWN:
        raise WrongTransition(f"the operation is {entry.record.state}")


def _by_lines(evidence: Evidence, rows: list[Mapping[str, Any]]) -> Look:
    """The key that all of the expected lines name; several where one is named by a part of them."""
    held: dict[int | None, set[int]] = {}
    for row in rows:
        if all(_same(row.get(name), value) for name, value in evidence.natural.items()):
            held.setdefault(_number(row.get(evidence.key_field)), set()).update(
                at
                for at, line in enumerate(evidence.lines)
                if all(_same(row.get(name), value) for name, value in line.items())
            )
    whole = {key for key, lines in held.items() if len(lines) == len(evidence.lines)}
    if not whole and any(held.values()):
        return Look(Found.SEVERAL)
    return _look([{evidence.key_field: key} for key in sorted(whole, key=str)])


def _look(rows: list[Mapping[str, Any]]) -> Look:
    if not rows:
        return Look(Found.NONE)
    return Look(Found.ONE, rows[0]) if len(rows) == 1 else Look(Found.SEVERAL)


def _others_reference(row: Mapping[str, Any], evidence: Evidence) -> bool:
    texts = [str(row.get(evidence.reference_field) or "")] if evidence.reference_field else _texts(row)
    return any(found != evidence.reference for text in texts for found in _REFERENCE.findall(text))


def _texts(row: Mapping[str, Any]) -> list[str]:
    return [value for value in row.values() if isinstance(value, str)]


def key_of(row: Mapping[str, Any], key_field: str) -> int | None:
    """The row's key, quoted or not; None where there is none."""
    return _number(row.get(key_field))


def _number(value: Any) -> int | None:
    # Keys are 64 bits and sometimes quoted; never through a float.
    try:
        return int(value) if value is not None and not isinstance(value, float) else None
    except (ValueError, TypeError):
        return None


def _same(theirs: Any, ours: Any) -> bool:
    if isinstance(theirs, list | dict) or isinstance(ours, list | dict):
        return bool(theirs == ours)
    return _plain(theirs) == _plain(ours)


def _plain(value: Any) -> str:
    """One spelling for what Open Dental spells in several: "62", 62.0 and "62.00"; "true" and True."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    text = " ".join(str(value).split()).casefold()
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", text):
        number = format(Decimal(text).normalize(), "f")
        return "0" if number in {"-0", "0"} else number
    return text
