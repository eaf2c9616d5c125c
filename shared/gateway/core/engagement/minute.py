"""Once a minute: messages whose time has come, those whose time is over, and the look ahead for what no event told of.

What is due is looked at once more, visit, consent and window, before anybody is told. Dead at any line, the next minute
goes on: whatever has yet to be done or told is due.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from time import monotonic
from typing import Final

from gateway.core.engagement.keeping import keep_plan, tell
from gateway.core.engagement.looking import APPOINTMENTS, PATIENTS, RECALLS, is_here
from gateway.core.engagement.messages import ANSWERS_WITHIN, Message, State, expired, fell_due, unanswered
from gateway.core.engagement.ports import Ahead, Due, PlanServices, Superseded
from gateway.core.engagement.rules import Kind, Rule
from gateway.core.errors import NotFound, Unavailable
from gateway.core.normalize.values import day, exact, key
from gateway.core.practices import Practice
from gateway.core.walltime import read_wall, to_wall

AT_ONCE: Final = 2000
"""Messages that one part of a run looks at, at most."""

WORK_S: Final = 35.0
"""So long a run begins something new; its function has 50 s."""

NIGHT: Final = timedelta(hours=3)
"""When the look ahead is begun, counted from the office's midnight: after its own nightly jobs."""

_BACK: Final = timedelta(days=4)
_PATIENTS_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Minute:
    """What a run did: numbers for metrics."""

    looked_at: int = 0
    told: int = 0
    ended: int = 0
    planned: int = 0
    failed: int = 0
    oldest_s: float = 0.0


def run_minute(on: PlanServices, *, part: int = 0, of: int = 1, clock_s: Callable[[], float] = monotonic) -> Minute:
    """Do what is due, of one of `of` parts. What fails for the moment is due again in a minute."""
    began = clock_s()
    now = on.clock.now()
    did = Minute()
    due = on.messages.due(now, part=part, of=of, limit=AT_ONCE)
    oldest = max(((now - one.due_at).total_seconds() for one in due), default=0.0)
    # Messages before the look ahead, which can wait.
    for one in sorted(due, key=lambda one: one.message_id is None):
        if clock_s() - began > WORK_S:
            break
        try:
            did = _done(one, on, did, lambda: clock_s() - began > WORK_S)
        except (Superseded, Unavailable):
            did = replace(did, failed=did.failed + 1)
    return replace(did, looked_at=len(due), oldest_s=oldest)


def _done(one: Due, on: PlanServices, did: Minute, is_late: Callable[[], bool]) -> Minute:
    try:
        practice = on.practices.get(one.practice_id)
    except NotFound:
        return did
    if one.message_id is None:
        return replace(did, planned=did.planned + look_ahead(practice, on, is_late))
    try:
        was = on.messages.get(one.practice_id, one.patient, one.message_id)
    except NotFound:
        return did
    then = move_on(was, practice, on)
    told = then.state is State.DUE and was.state is not State.DUE
    ended = then.state in {State.EXPIRED, State.UNKNOWN} and then.state is not was.state
    return replace(did, told=did.told + told, ended=did.ended + ended)


def move_on(message: Message, practice: Practice, on: PlanServices) -> Message:
    """Do for a message what its time has come for; as it is then. Raises: Superseded, Unavailable: do it again."""
    now = on.clock.now()
    was = tell(message, on)
    if was.state is State.PLANNED and was.send_after is not None and was.send_after <= now:
        keep_plan(practice, was.patient, on)
        was = on.messages.get(practice.id, was.patient, was.id)
        if was.state is State.PLANNED and was.send_after is not None and was.send_after <= now:
            # Without a mirror nobody can say whether the visit stands: nothing is told, and it expires.
            if is_over(was, now):
                return on.messages.save(expired(was, now=now))
            if _may_be_told(practice, on):
                return tell(on.messages.save(fell_due(was, now=now)), on)
        return was
    if was.state is State.DUE and is_over(was, now):
        return on.messages.save(expired(was, now=now))
    if was.state is State.CLAIMED and was.claimed_at is not None and now >= was.claimed_at + ANSWERS_WITHIN:
        return on.messages.save(unanswered(was, now=now))
    return was


def is_over(message: Message, now: datetime) -> bool:
    """Whether it must not go out any more."""
    return message.expire_at is not None and now >= message.expire_at


def _may_be_told(practice: Practice, on: PlanServices) -> bool:
    is_open = practice.state == "active" and practice.is_open(on.clock.now().date())
    return is_open and is_here(practice, on)


# The look ahead


def look_ahead(practice: Practice, on: PlanServices, is_late: Callable[[], bool]) -> int:
    """Go through what may have a message in the coming days, from where the last run stopped; how many patients.

    Raises: Superseded, Unavailable.
    """
    state = on.messages.ahead(practice.id)
    if state is None or state.due_at is None or state.due_at > on.clock.now():
        return 0
    rules = [one for one in on.messages.rules(practice.id) if one.is_live]
    today = to_wall(on.clock.now(), practice.zone()).date()
    if not rules or practice.state != "active":
        # The next rule begins it anew.
        on.messages.save_ahead(replace(state, due_at=None, day=None, step=0, after=None))
        return 0
    looked = 0
    steps = [] if not is_here(practice, on) else _steps(practice, rules, today, on)
    while state.step < len(steps):
        numbers = [one for one in steps[state.step]() if state.after is None or one > state.after]
        for number in numbers:
            keep_plan(practice, number, on)
            looked += 1
            if looked % _PATIENTS_AT_ONCE == 0 or is_late():
                state = on.messages.save_ahead(replace(state, after=number))
            if is_late():
                return looked
        state = on.messages.save_ahead(replace(state, step=state.step + 1, after=None))
    tomorrow = datetime.combine(today + timedelta(days=1), datetime.min.time()) + NIGHT
    next_at = read_wall(tomorrow, practice.zone()).instant
    on.messages.save_ahead(replace(state, due_at=next_at, day=today, step=0, after=None))
    return looked


def begin_ahead(practice_id: str, on: PlanServices) -> None:
    """Have the look ahead begun anew, because a rule is not what it was. Raises: Superseded, Unavailable."""
    now = on.clock.now()
    state = on.messages.ahead(practice_id) or Ahead(practice_id, None)
    on.messages.save_ahead(replace(state, due_at=now, step=0, after=None))


def _steps(practice: Practice, rules: list[Rule], today: date, on: PlanServices) -> list[Callable[[], list[int]]]:
    """Lists of patients (PatNum, ascending), one after another."""
    kinds = {one.kind for one in rules}
    steps: list[Callable[[], list[int]]] = []
    if kinds & {Kind.REMINDER, Kind.AFTER_VISIT}:
        # A day more than the offset, and a week for windows that are shut for days.
        ahead = max(one.offset.length for one in rules) + timedelta(days=8)
        steps.append(lambda: _with_visits(practice, today - _BACK, today + ahead, on))
    if Kind.RECALL in kinds:
        reach = max(one.offset.length for one in rules if one.kind is Kind.RECALL)
        steps.append(lambda: _with_recalls(practice, today - timedelta(days=28), today + reach + timedelta(days=8), on))
    if Kind.PAYMENT_REQUEST in kinds:
        steps.append(lambda: _owing(practice, on))
    return steps


def _with_visits(practice: Practice, first: date, last: date, on: PlanServices) -> list[int]:
    rows = on.records.between(practice.id, APPOINTMENTS, first, last)
    return sorted({key(one.row.get("PatNum")) for one in rows} - {0})


def _with_recalls(practice: Practice, first: date, last: date, on: PlanServices) -> list[int]:
    found = set()
    for row in _all(practice, RECALLS, on):
        due = day(row.get("DateDue"))
        if due is not None and first.isoformat() <= due <= last.isoformat():
            found.add(key(row.get("PatNum")))
    return sorted(found - {0})


def _owing(practice: Practice, on: PlanServices) -> list[int]:
    rows = _all(practice, PATIENTS, on)
    return sorted(
        key(row.get("PatNum"))
        for row in rows
        if key(row.get("Guarantor")) == key(row.get("PatNum")) and exact(row.get("BalTotal")) > 0
    )


def _all(practice: Practice, resource: str, on: PlanServices) -> Iterator[dict[str, object]]:
    after: int | None = None
    while page := on.records.page(practice.id, resource, after=after, limit=500):
        after = page[-1].key
        yield from (dict(one.row) for one in page)
