"""What an operator does with a practice's mirror: look, turn on, pause, turn off."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator, model_validator

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Conflict, Unavailable
from gateway.core.mirror.health import sync_view
from gateway.core.mirror.syncing import Native, PracticeSync, Probing, Superseded, Wanted
from gateway.core.native.watched import ALL_WORKSTATIONS
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.requests import MIRROR_OFF

TRIES = 5

ADDRESS_UNKNOWN: Final = "address-unknown"
MIRROR_PAUSED: Final = "mirror-paused"

Machine = Annotated[str, StringConstraints(strip_whitespace=True, max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]


class SyncChange(BaseModel):
    """The body of `PATCH /practices/{id}/sync`.

    `on` begins the first load, or goes on where `paused` stopped; `paused` stops reading and keeps what is there, which
    grows old and says so; `off` erases it. `on` while it is being erased goes on with what no erasure has begun with
    (for some 15 s that is all of it), else reads everything anew. `queries`: whether the office may be asked by SQL
    where its key allows it, by the mirror and for any read, which is faster and finds more; each statement goes into
    the office's audit trail. It may be said of a mirror that is off.

    `native_events`: whether the practice's machines are to tell by themselves what changes, at the address that this
    request came to. `workstation`: the machine that tells, best the one with the API service; null for all of them,
    which then tell everything once each. It holds from the next `on` where nothing is to be told now. At least one of
    the four.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Wanted | None = None
    queries: Literal["on", "off"] | None = None
    native_events: Literal["on", "off"] | None = None
    workstation: Machine | None = None

    @field_validator("workstation")
    @classmethod
    def _all_is_none(cls, value: str | None) -> str | None:
        return None if value is None or value.casefold() in {"", ALL_WORKSTATIONS.casefold()} else value

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if {self.state, self.queries, self.native_events} == {None} and "workstation" not in self.model_fields_set:
            raise ValueError("say the state, whether queries may be used, or what machines are to tell")
        return self


def sync_of(practice_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """How far the mirror is: scope `sync:read`. No health data, so that no agreement is asked for.

    Raises: NotFound, ScopeMissing.
    """
    practice = allow(caller, practice_id, "sync", Verb.READ, on=on, protected=False)
    return _shown(practice, on)


def change_sync(
    practice_id: str, change: SyncChange, *, caller: Caller, on: Services, api_url: str | None = None
) -> dict[str, Any]:
    """Set what is wanted, and have the practice's background lane look at it: scope `sync:write`. `api_url`: the API's
    own address, by its own word.

    Saying again what is said already changes nothing. Only turning on takes a current agreement: one that has ended
    is a reason to erase.

    Raises: NotFound, ScopeMissing, BaaMissing. Conflict: it is to be paused and is off; changes are to be told to a
    mirror that is not on, or nobody knows where to. Unavailable: others changed it all the while.
    """
    turns_on = change.state is Wanted.ON or change.native_events == "on"
    practice = allow(caller, practice_id, "sync", Verb.WRITE, on=on, protected=turns_on)
    now = on.clock.now()
    for _ in range(TRIES):
        state = on.syncs.load(practice.id)
        wanted = change.state or state.wanted
        if (state.wanted, wanted) == (Wanted.OFF, Wanted.PAUSED):
            told = "is off and being erased" if state.is_kept else "is off"
            raise Conflict(f"this mirror {told}: there is nothing to pause", param="state", reason=MIRROR_OFF)
        queries = state.queries if change.queries is None else change.queries == "on"
        native = _native(state, change, wanted, api_url, now)
        if (wanted, queries, native) != (state.wanted, state.queries, state.native):
            # Also while paused rows are kept that somebody reads.
            started_at = now if wanted is not Wanted.OFF and state.started_at is None else state.started_at
            # What was refused is tried again as soon as somebody turns it on.
            anew = Probing(settled=state.probing.settled, calls=state.probing.calls)
            probing = state.probing if queries == state.queries else anew
            is_of_the_mirror = (wanted, queries) != (state.wanted, state.queries)
            changed = replace(
                state,
                wanted=wanted,
                queries=queries,
                probing=probing,
                native=native,
                changed_at=now if is_of_the_mirror else state.changed_at,
                started_at=started_at,
            )
            try:
                on.syncs.save_practice(changed)
            except Superseded:
                continue
        if practice.queries != queries:
            # Not the mirror alone asks: whatever does heeds the record.
            practice = on.practices.change(practice.id, partial(_with_queries, allowed=queries))
        # Also where nothing changed: whoever said it first may have died before this.
        on.paces.background_due(practice.id, now + timedelta(seconds=1))
        return _shown(practice, on)
    raise Unavailable("the mirror's state is being changed by others", retry_after=1.0)


def turn_off(practice_id: str, *, on: Services) -> PracticeSync:
    """Have nothing mirrored any more and the practice's machines told to be silent, for whoever has the right already;
    how it stands.

    Raises: Unavailable: others changed it all the while.
    """
    for _ in range(TRIES):
        state, now = on.syncs.load(practice_id), on.clock.now()
        native = _native(state, SyncChange(state=Wanted.OFF), Wanted.OFF, None, now)
        if (state.wanted, state.native) != (Wanted.OFF, native):
            state = replace(state, wanted=Wanted.OFF, native=native, changed_at=now)
            try:
                on.syncs.save_practice(state)
            except Superseded:
                continue
        # Also where nothing changed: whoever said it first may have died before this.
        on.paces.background_due(practice_id, now + timedelta(seconds=1))
        return state
    raise Unavailable("the mirror's state is being changed by others", retry_after=1.0)


def _with_queries(practice: Practice, *, allowed: bool) -> Practice:
    return replace(practice, queries=allowed)


def _shown(practice: Practice, on: Services) -> dict[str, Any]:
    return sync_view(on.syncs.load(practice.id), practice, on.paces.view(practice.id), on.clock.now())


def _native(state: PracticeSync, change: SyncChange, wanted: Wanted, api_url: str | None, now: datetime) -> Native:
    """What machines are to tell from now on; the same where that is nothing new. Raises: Conflict."""
    was = state.native
    is_wanted = wanted is not Wanted.OFF and (
        was.wanted if change.native_events is None else change.native_events == "on"
    )
    new = replace(was, wanted=is_wanted)
    if change.native_events == "on":
        if wanted is not Wanted.ON:
            reason = MIRROR_OFF if wanted is Wanted.OFF else MIRROR_PAUSED
            told = "this mirror is not on: nothing would take what the practice's machines tell"
            raise Conflict(told, param="native_events", reason=reason)
        if api_url is None:
            raise Conflict(
                "this request does not say at which address the API is called from outside",
                param="native_events",
                reason=ADDRESS_UNKNOWN,
            )
        before = () if was.base_url is None else (was.base_url,)
        former = tuple(one for one in dict.fromkeys((*was.former, *before)) if one != api_url)
        new = replace(new, base_url=api_url, former=former)
    if "workstation" in change.model_fields_set:
        new = replace(new, workstation=change.workstation)
    if new == was:
        return was
    # Whatever was refused or went wrong may have been because of what was just changed.
    return replace(new, changed_at=now, due_at=None, refused={}, trouble=None, trouble_since=None, failures=0)
