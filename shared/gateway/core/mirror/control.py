"""What an operator does with a practice's mirror: look, turn on, pause, turn off."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Conflict, Unavailable
from gateway.core.mirror.health import sync_view
from gateway.core.mirror.syncing import Probing, Superseded, Wanted
from gateway.core.ports import Services
from gateway.core.requests import MIRROR_OFF

TRIES = 5


class SyncChange(BaseModel):
    """The body of `PATCH /practices/{id}/sync`.

    `on` begins the first load, or goes on where `paused` stopped; `paused` stops reading and keeps what is there, which
    grows old and says so; `off` erases it. `on` while it is being erased goes on with what no erasure has begun with
    (for some 15 s that is all of it), else reads everything anew. `queries`: whether the mirror may ask the office by
    SQL where its key allows it, which is faster and finds more; each statement goes into the office's audit trail. It
    may be said of a mirror that is off, and holds once that is on. At least one of the two.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Wanted | None = None
    queries: Literal["on", "off"] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.state is None and self.queries is None:
            raise ValueError("say the state, or whether queries may be used")
        return self


def sync_of(practice_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """How far the mirror is: scope `sync:read`. No health data, so that no agreement is asked for.

    Raises: NotFound, ScopeMissing.
    """
    practice = allow(caller, practice_id, "sync", Verb.READ, on=on, protected=False)
    return sync_view(on.syncs.load(practice.id), practice, on.paces.view(practice.id), on.clock.now())


def change_sync(practice_id: str, change: SyncChange, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Set what is wanted, and have the practice's background lane look at it: scope `sync:write`.

    Saying again what is said already changes nothing. Only turning it on takes a current agreement: one that has ended
    is a reason to erase.

    Raises: NotFound, ScopeMissing, BaaMissing. Conflict: it is to be paused and is off. Unavailable: others changed it
    all the while.
    """
    practice = allow(caller, practice_id, "sync", Verb.WRITE, on=on, protected=change.state is Wanted.ON)
    now = on.clock.now()
    for _ in range(TRIES):
        state = on.syncs.load(practice.id)
        wanted = change.state or state.wanted
        if (state.wanted, wanted) == (Wanted.OFF, Wanted.PAUSED):
            told = "is off and being erased" if state.is_kept else "is off"
            raise Conflict(f"this mirror {told}: there is nothing to pause", param="state", reason=MIRROR_OFF)
        queries = state.queries if change.queries is None else change.queries == "on"
        if (wanted, queries) != (state.wanted, state.queries):
            # Also while paused rows are kept that somebody reads.
            started_at = now if wanted is not Wanted.OFF and state.started_at is None else state.started_at
            # What was refused is tried again as soon as somebody turns it on.
            anew = Probing(settled=state.probing.settled, calls=state.probing.calls)
            probing = state.probing if queries == state.queries else anew
            changed = replace(
                state, wanted=wanted, queries=queries, probing=probing, changed_at=now, started_at=started_at
            )
            try:
                on.syncs.save_practice(changed)
            except Superseded:
                continue
        # Also where nothing changed: whoever said it first may have died before this.
        on.paces.background_due(practice.id, now + timedelta(seconds=1))
        return sync_of(practice_id, caller=caller, on=on)
    raise Unavailable("the mirror's state is being changed by others", retry_after=1.0)
