"""Keeping a free time for some minutes, and letting it go.

A hold asks the office nothing: that the time is free is what the search said, and the booking looks again. So it takes
milliseconds and none of the practice's pace, and of two callers who were shown one time only one can go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, StringConstraints, model_validator

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.chairs import LONGEST_UNITS
from gateway.core.errors import Invalid, KeyReused, NotFound
from gateway.core.hashing import canonical_hash
from gateway.core.ids import id_from, is_id, optional_row_id
from gateway.core.inputs import Moment, WallTime, broken_rule
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.slots import shown
from gateway.core.slots.holds import LONGEST_S, REMEMBERED, SHORTEST_S, USUAL_S, Hold
from gateway.core.walltime import instant_text, read_wall
from gateway.core.writes.models import Input
from gateway.core.writes.naming import allowed, key_in, named, start_of


class HoldInput(Input):
    """`POST /slots/hold`: a slot as `GET /slots` showed it.

    A hold does not look at the schedule or at the office's set-up: any time to come can be held, also one that is
    taken, and in any operatory; the booking looks. So the slot that it shows has the `location_id` that was sent.
    When: `local_start` or `start_at`. How long: `duration_minutes` or `pattern`. `hygienist_id` and `is_hygiene` as in
    the booking that is to follow. `patient_id`: then it can be booked for that patient only. `location_id` says in
    which zone `local_start` is, where the practice's locations lie in several; the hold shows it as it was sent.

    Neither the schedule nor the office is looked at: a hold takes a time that is booked or at night, and a provider or
    chair of the practice's that it does not have (any more). Free times come from `GET /slots`, and the booking looks.
    """

    provider_id: str
    operatory_id: str
    practice_id: str | None = None
    patient_id: str | None = None
    hygienist_id: str | None = None
    is_hygiene: bool = False
    location_id: str | None = None
    local_start: WallTime | None = None
    start_at: Moment | None = None
    duration_minutes: Annotated[int, Field(gt=0, le=LONGEST_UNITS * 5, multiple_of=5)] | None = None
    pattern: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[X/]+$", max_length=LONGEST_UNITS)] | None,
        Field(description="one character for each 5 minutes: X with the provider, / without"),
    ] = None
    seconds: Annotated[int, Field(ge=SHORTEST_S, le=LONGEST_S)] = USUAL_S

    @model_validator(mode="after")
    def _one_time_one_length(self) -> Self:
        if (self.local_start is None) == (self.start_at is None):
            raise broken_rule("local_start", "exactly one of local_start and start_at is needed")
        if (self.duration_minutes is None) == (self.pattern is None):
            raise broken_rule("duration_minutes", "exactly one of duration_minutes and pattern is needed")
        if self.is_hygiene and self.hygienist_id is None:
            raise broken_rule("hygienist_id", "is_hygiene needs a hygienist_id")
        for name, start in (("local_start", self.local_start), ("start_at", self.start_at)):
            if start is not None and (start.second or start.microsecond):
                raise broken_rule(name, "a visit starts on a whole minute")
        return self

    @property
    def wire_pattern(self) -> str:
        """The length as Open Dental writes it."""
        return self.pattern or "X" * ((self.duration_minutes or 0) // 5)


class Kept(NamedTuple):
    """A hold as its caller sees it. `is_replayed`: a request of the same key had made it before."""

    hold: Mapping[str, Any]
    is_replayed: bool


def hold_slot(wanted: HoldInput, *, caller: Caller, key: str, on: Services) -> Kept:
    """Keep a time for the caller. A repeat with the same key is the same hold, whatever became of it.

    Raises:
        Clash: another caller keeps a part of it; `reason` is `held`.
        NotFound: an id that is none, or of another practice. Invalid: a time that does not exist, or is over.
        KeyReused: the key was used for another hold.
    """
    chair = named(wanted.operatory_id, "operatory", "operatory_id")
    practice = allowed(caller, chair, "appointments", on, practice_id=wanted.practice_id, param="operatory_id")
    start = start_of(wanted.local_start, wanted.start_at, practice)
    assert start is not None
    now = on.clock.now()
    # Whole seconds, as everything that is shown; never less than was asked for.
    expires_at = (now + timedelta(seconds=wanted.seconds, microseconds=999_999)).replace(microsecond=0)
    made = Hold(
        # The same key names the same hold, without a second place to look it up in.
        id=id_from("slot_hold", on.signer.fingerprint(f"hold {caller.id} {practice.id} {key}")),
        practice_id=practice.id,
        client_id=caller.id,
        start=start,
        pattern=wanted.wire_pattern,
        op=chair.key,
        provider=key_in(wanted.provider_id, "provider", practice, "provider_id"),
        hygienist=key_in(wanted.hygienist_id, "provider", practice, "hygienist_id"),
        is_hygiene=wanted.is_hygiene,
        patient=key_in(wanted.patient_id, "patient", practice, "patient_id"),
        location=key_in(wanted.location_id, "location", practice, "location_id"),
        expires_at=expires_at,
        made_at=now,
        body_hash=canonical_hash([wanted.model_dump(mode="json", exclude={"practice_id"}), wanted.wire_pattern]),
    )
    hold = _first(made.id, on)
    if hold is None:
        if read_wall(start, practice.zone(made.location)).instant < now:
            raise Invalid("this time is over", param="local_start")
        hold = on.holds.take(made, now=now)
    if hold.body_hash != made.body_hash:
        raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
    return Kept(_shown(hold, practice), is_replayed=hold is not made)


def _first(hold_id: str, on: Services) -> Hold | None:
    """What an earlier request of the same key made, where it still counts."""
    try:
        hold = on.holds.get(hold_id)
    except NotFound:
        return None
    return hold if on.clock.now() < hold.made_at + REMEMBERED else None


def let_go(hold_id: str, *, caller: Caller, on: Services) -> str:
    """Let a hold of the caller's go; one that is over stays over. Returns the practice's id.

    Raises:
        NotFound: there is none, or it is another client's. And what `allow` raises.
    """
    if not is_id(hold_id, "slot_hold"):
        raise NotFound("no such hold")
    hold = on.holds.get(hold_id)
    if hold.client_id != caller.id:
        raise NotFound("no such hold")
    practice = allow(caller, hold.practice_id, "appointments", Verb.WRITE, on=on)
    on.holds.release(hold.id, now=on.clock.now())
    return practice.id


def _shown(hold: Hold, practice: Practice) -> dict[str, Any]:
    return {
        "id": hold.id,
        "practice_id": practice.id,
        "patient_id": optional_row_id("patient", practice.id, hold.patient),
        "expires_at": instant_text(hold.expires_at),
        "hygienist_id": optional_row_id("provider", practice.id, hold.hygienist),
        "is_hygiene": hold.is_hygiene,
        "slot": shown.slot(
            practice,
            start=hold.start,
            units=len(hold.pattern),
            provider=hold.provider,
            op=hold.op,
            location=hold.location,
        ),
    }
