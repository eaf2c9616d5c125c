"""What has to be done with tables that come out of a backup, before anything works with them.

A ledger of an hour ago believes that what has been sent since is still to be sent. So this comes first, and only then
workers; `infra/README.md` has the whole way.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gateway.core import ledger, pacing
from gateway.core.errors import NotFound
from gateway.core.mirror.feeds import anew
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.syncing import Incident, Phase, PracticeSync
from gateway.core.operations import OperationState, StepState
from gateway.core.worker import WorkerServices

RESTORED: Final = "gateway-restored"
AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Unknown:
    """A write of which an operator has to say what became: ids and what kind it is, nothing of what it says."""

    operation_id: str
    practice_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done: counts and ids, no names."""

    reads_ended: int
    looked_for: int
    """Writes that evidence is looked for."""
    left_to_people: tuple[Unknown, ...]
    practices: int
    mirrors: int


def after_restore(practice_ids: Iterable[str], *, on: WorkerServices) -> Restored:
    """Make restored tables safe to work with. May be done again, and goes on where it was cut off.

    Raises: Unavailable: do it again.
    """
    reads = looked = practices = mirrors = 0
    people: list[Unknown] = []
    now = on.clock.now()
    for one in on.ledger.list_open(limit=AT_ONCE):
        with suppress(NotFound):  # The index is behind.
            was = on.ledger.load(one.operation_id)
            then = ledger.restored(was, now=now)
            if then is None:
                continue
            reads += then.record.state is OperationState.FAILED
            if then.record.state is OperationState.UNKNOWN:
                if _is_looked_for(then):
                    looked += 1
                else:
                    people.append(_unknown(then))
            on.ledger.save(then, was=was)
    for practice_id in practice_ids:
        practices += 1
        on.pace.update(practice_id, lambda item: (pacing.restored(item, now.timestamp()), None))
        on.pace.doubt(practice_id)
        mirrors += _read_again(practice_id, now, on)
    return Restored(reads, looked, tuple(people), practices, mirrors)


def left_to_people(*, on: WorkerServices) -> tuple[Unknown, ...]:
    """Unknown writes that looking has not settled, or cannot, whatever lost them. Raises: Unavailable."""
    found: list[Unknown] = []
    for one in on.ledger.list_open(limit=AT_ONCE):
        with suppress(NotFound):
            entry = on.ledger.load(one.operation_id)
            if entry.record.state is OperationState.UNKNOWN and not _is_looked_for(entry):
                found.append(_unknown(entry))
    return tuple(found)


def settle(operation_id: str, *, was_done: bool, on: WorkerServices) -> None:
    """Say what became of an unknown write, after somebody has looked at the office.

    Raises: NotFound. WrongTransition: it is not unknown. Superseded: evidence was faster.
    """
    was = on.ledger.load(operation_id)
    now = on.clock.now()
    then = ledger.done_says(was, now=now) if was_done else ledger.released(was, now=now)
    on.ledger.save(then, was=was)
    if not was_done:
        # The sweeper puts it, and counts it off.
        on.pace.count(was.record.request.practice_id, waiting=1, parked=1)


def _is_looked_for(entry: ledger.Entry) -> bool:
    return any(step.state is StepState.UNKNOWN and not step.ambiguous for step in entry.steps.values())


def _unknown(entry: ledger.Entry) -> Unknown:
    of = entry.record
    return Unknown(of.id, of.request.practice_id, of.request.kind)


def _read_again(practice_id: str, now: datetime, on: WorkerServices) -> bool:
    """Have all of a mirror read once more, above everything that was read before or after the backup."""
    state = on.syncs.load(practice_id)
    if not state.is_kept or _is_new(state):
        return False
    for name in MIRRORED:
        of = state.resources.get(name)
        if of is not None and of.phase in {Phase.LOADED, Phase.LOADING}:
            on.records.all_here(practice_id, name, are=False)
            on.syncs.save(practice_id, anew(of, RESTORED, now))
    incident = Incident(RESTORED, state.pulse_at, now, tuple(sorted(MIRRORED)), None)
    on.syncs.save_practice(
        replace(
            state,
            epoch=state.epoch + _EPOCHS_SINCE,
            pulse_at=None,
            sampled_at=None,
            incidents=(*state.incidents, incident)[-10:],
        )
    )
    return True


_EPOCHS_SINCE: Final = 1000
"""More than a database falls back in the 35 days that a backup may be old."""


def _is_new(state: PracticeSync) -> bool:
    """Whether this was done already: nothing has been read since."""
    return any(one.code == RESTORED and one.healed_at is None for one in state.incidents) and state.pulse_at is None
