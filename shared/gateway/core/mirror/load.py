"""Background work: the first load of a practice, and its erasure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from gateway.core.background_turn import BackgroundTurn
from gateway.core.events.facts import MIRROR
from gateway.core.mirror import by_parent, counting, reading, schedule, sweeps, words
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.session import Session
from gateway.core.mirror.syncing import Phase, ResourceSync, Unlisted, Wanted
from gateway.core.walltime import instant_text

ERASED_AT_ONCE: Final = 200

RENEWED_WITHIN: Final = timedelta(hours=1)
"""How often it is looked whether an agreement that has expired was renewed."""


class FirstLoad:
    """Loads what is not loaded, a page at a time and in the order of need; erases where nothing is wanted any more."""

    def run(self, turn: BackgroundTurn) -> None:
        """See `Work.run`."""
        m = Session.of_turn(turn)
        due, now = schedule.erasure_due(m.state, m.now()), m.now()
        if due is not None and due <= now:
            _erase(m)
        if m.is_on and not m.state.resources:
            # A worker that stood still while the practice was erased may have stored a row behind it.
            _forget(m)
            m.learn()
        words.read(m)
        if m.is_on and schedule.loads_due(m.state, m.now()):
            counting.count(m)
        while m.is_on and (waiting := schedule.loads_due(m.state, m.now())):
            sweeps.short_ones(m)
            way = reading if MIRRORED[waiting[0]].list_operation is not None else by_parent
            way.go_on(m, waiting[0], purpose=reading.LOAD)
        _tell(m)

    def next_due(self, turn: BackgroundTurn) -> datetime | None:
        """See `Work.next_due`."""
        m = Session.of_turn(turn)
        if m.wanted is Wanted.PAUSED:
            # An agreement may be renewed without a word to this lane; an operator's pause ends with one.
            return m.now() + RENEWED_WITHIN if m.state.wanted is Wanted.ON else None
        times = (schedule.loads_next(m.state, m.now()), words.next_due(m))
        return min((at for at in times if at is not None), default=None)


def _tell(m: Session) -> None:
    """Tell once, of each state of the office's database, that all of it is here: from then on changes are told."""
    phases = {of.phase for of in m.state.resources.values() if of.resource in MIRRORED}
    if m.is_on and phases and not phases & {Phase.NONE, Phase.LOADING} and m.state.told_epoch != m.state.epoch:
        content = {"state": "loaded", "epoch": m.state.epoch, "begun": instant_text(m.state.started_at or m.now())}
        m.on.facts.note(m.practice.id, MIRROR, MIRROR, content, at=m.now())
        m.save_practice(told_epoch=m.state.epoch)


def _erase(m: Session) -> None:
    """Forget every row, and then how far they were: who sees states left knows that rows may be left.

    Nothing counts as loaded from the first step on, or a mirror that is turned on again meanwhile would lack rows. How
    many rows a resource had is kept until they are gone, for whoever asks what is left.
    """
    for name, of in m.state.resources.items():
        if of.phase is not Phase.NONE:
            m.save(ResourceSync(name, rows=of.rows, rev=of.rev))
    for name, of in m.state.resources.items():
        if of.rows:
            _forget(m, name)
            m.save(ResourceSync(name, rev=m.of(name).rev))
    _forget(m)
    m.on.syncs.forget(m.practice.id)
    # What befell copies that are no more is nobody's trouble.
    m.save_practice(
        started_at=None,
        counted_at=None,
        told_epoch=0,
        told_until=None,
        telling=None,
        unlisted=Unlisted(),
        incidents=(),
        resources={},
    )
    m.forget_resources()


def _forget(m: Session, resource: str | None = None) -> None:
    while not m.on.records.forget(m.practice.id, resource, limit=ERASED_AT_ONCE):
        m.turn.pause()
