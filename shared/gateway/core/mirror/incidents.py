"""What has befallen a mirror: what was noticed when, what is read again because of it, and when that was done.

Codes and times only. The last few are kept with the practice's state, for whoever asks why something was old.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.session import Session
from gateway.core.mirror.syncing import Incident, Phase, PracticeSync
from gateway.core.mirror.told import MACHINES_SILENT, of_the_rows

SILENCE: Final = "silence"
PAUSED: Final = "paused"
DATABASE_MOVED: Final = "database-moved"

MOST: Final = 10

LONG: Final = timedelta(hours=1)
"""How long nothing must have been heard of an office for it to be told."""


def noted(state: PracticeSync, code: str, now: datetime, resources: Iterable[str]) -> tuple[Incident, ...]:
    """The incidents with one more: what `resources` had to be read again for."""
    return with_one(state, code, state.pulse_at, now, resources)


def with_one(
    state: PracticeSync, code: str, since: datetime | None, now: datetime, resources: Iterable[str]
) -> tuple[Incident, ...]:
    """The incidents with one more, which began after `since`."""
    return (*state.incidents, Incident(code, since, now, tuple(sorted(resources)), None))[-MOST:]


def healed(state: PracticeSync, code: str, now: datetime) -> tuple[Incident, ...]:
    """The incidents, those of `code` over."""
    is_open = {one for one in state.incidents if one.code == code and one.healed_at is None}
    return tuple(one._replace(healed_at=now) if one in is_open else one for one in state.incidents)


def after_silence(m: Session) -> tuple[Incident, ...]:
    """The incidents, with one more where nothing was heard of the office for long."""
    state, now = m.state, m.now()
    if state.pulse_at is None or now - state.pulse_at < LONG:
        return state.incidents
    code = PAUSED if state.changed_at is not None and state.changed_at > state.pulse_at else SILENCE
    return noted(state, code, now, (name for name, of in state.resources.items() if of.phase is Phase.LOADED))


def heal(m: Session) -> None:
    """Note which of them are over: everything is as young as if it had not been."""
    if of_the_rows(m.state) is not None:
        now_healed = tuple(_healed(one, m.state, m.now()) for one in m.state.incidents)
        if now_healed != m.state.incidents:
            m.save_practice(incidents=now_healed)


def is_moved(state: PracticeSync) -> bool:
    """Whether the rows that are kept may be another database's."""
    return any(one.code == DATABASE_MOVED and one.healed_at is None for one in state.incidents)


def _healed(one: Incident, state: PracticeSync, now: datetime) -> Incident:
    if one.healed_at is not None or one.code == MACHINES_SILENT:
        return one
    for name in one.resources:
        of = state.resources.get(name)
        if of is None or of.phase is Phase.NOT_OFFERED:
            continue
        if of.phase is not Phase.LOADED or of.as_of is None:
            return one
        # What no feed follows is as young as its last whole reading, silence or not.
        is_followed = MIRRORED[name].stamp is not None if name in MIRRORED else False
        if of.as_of < one.noticed_at and (is_followed or one.code not in {SILENCE, PAUSED}):
            return one
    return one._replace(healed_at=now)
