"""What an operator does with a practice's agreement: record, look, close. Each acts on the next call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from gateway.core.access import allow
from gateway.core.baa.records import BaaEntry, Superseded
from gateway.core.baa.warning import WARN_DAYS
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Invalid, KeyReused, Unavailable
from gateway.core.hashing import canonical_hash
from gateway.core.ids import id_from
from gateway.core.inputs import Day, broken_rule
from gateway.core.ports import Services
from gateway.core.practices import Baa, Practice
from gateway.core.walltime import instant_text, optional_instant_text

TRIES: Final = 5

State = Literal["current", "expiring", "expired", "missing"]


class BaaInput(BaseModel):
    """The body of `POST /practices/{id}/baa`. Both days are covered, and days are UTC's.

    `expires_on` is left out where the agreement ends only when somebody ends it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    """Where the document is: a contract number, a link to it."""
    signed_by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    """Who signed for the practice."""
    signed_on: Day
    expires_on: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.expires_on is not None and self.expires_on < self.signed_on:
            raise broken_rule("expires_on", "it ends before it is signed")
        return self


class Recorded(NamedTuple):
    """How a practice's agreement stands now. `is_replayed`: a request of the same key had recorded it before."""

    shown: Mapping[str, Any]
    is_replayed: bool


def record_baa(practice_id: str, wanted: BaaInput, *, caller: Caller, key: str, on: Services) -> Recorded:
    """Record the agreement that counts from now on, in place of whatever counted before: `practices.baa:write`.

    Raises:
        NotFound, ScopeMissing. Invalid: it is not signed yet, or over already. KeyReused: the key was used for another
        agreement. Unavailable: others changed it all the while.
    """
    practice = allow(caller, practice_id, "practices.baa", Verb.WRITE, on=on)
    now, today = on.clock.now(), on.clock.now().date()
    id_ = id_from("agreement", on.signer.fingerprint(f"baa {caller.id} {practice_id} {key}"))
    body_hash = canonical_hash(wanted.model_dump(mode="json"))
    for _ in range(TRIES):
        history = on.agreements.history(practice_id)
        first = next((one for one in history if one.baa.id == id_), None)
        if first is not None:
            if first.body_hash != body_hash:
                raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
            break
        if wanted.signed_on > today:
            raise Invalid("signed_on: it is not signed yet", param="signed_on")
        if wanted.expires_on is not None and wanted.expires_on < today:
            raise Invalid("expires_on: it is over already", param="expires_on")
        said = wanted.model_dump()
        baa = Baa(**said, id=id_, recorded_at=now, recorded_by=caller.id)
        try:
            on.agreements.add(practice_id, BaaEntry(len(history) + 1, now, caller.id, baa, body_hash))
        except Superseded:
            continue
        break
    else:
        raise _busy()
    # What stood still goes on, and the days to warn of are counted anew; also where the first to say it died here.
    on.paces.background_due(practice_id, now + timedelta(seconds=1))
    return Recorded(_shown(on.practices.get(practice.id), on), is_replayed=first is not None)


def baa_of(practice_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """The practice's agreement and those before it: scope `practices:read`.

    Raises: NotFound, ScopeMissing.
    """
    return _shown(allow(caller, practice_id, "practices", Verb.READ, on=on), on)


def close_baa(practice_id: str, *, caller: Caller, on: Services) -> None:
    """End the agreement now, before its time: `practices.baa:write`. Where none is in force nothing happens.

    Raises: NotFound, ScopeMissing. Unavailable: others changed it all the while.
    """
    end_agreement(allow(caller, practice_id, "practices.baa", Verb.WRITE, on=on), by=caller.id, on=on)


def end_agreement(practice: Practice, *, by: str, on: Services) -> None:
    """`close_baa` for whoever has the right already. Raises: Unavailable."""
    practice_id = practice.id
    for _ in range(TRIES):
        history, now = on.agreements.history(practice_id), on.clock.now()
        # Of a release that kept no history there may be one without an entry.
        baa = history[-1].baa if history else practice.baa
        if baa is None or not baa.is_current(now.date()):
            return
        closed = replace(baa, closed_at=now)
        try:
            on.agreements.add(practice_id, BaaEntry(len(history) + 1, now, by, closed))
        except Superseded:
            continue
        return
    raise _busy()


def state_of(practice: Practice, today: date) -> tuple[State, int | None]:
    """How the practice's agreement stands, and how many days are left after `today` where it ends by itself."""
    baa = practice.baa
    if baa is None or baa.closed_at is not None:
        return "missing", None
    if not baa.is_current(today):
        return "expired", None
    if baa.expires_on is None:
        return "current", None
    left = (baa.expires_on - today).days
    return "expiring" if left <= max(WARN_DAYS) else "current", left


def _shown(practice: Practice, on: Services) -> dict[str, Any]:
    today = on.clock.now().date()
    history = on.agreements.history(practice.id)
    state, left = state_of(practice, today)
    entries = _agreements(history) or ([] if practice.baa is None else [_agreement(practice.baa)])
    is_current = state in {"current", "expiring"}
    current = entries[-1] if is_current else None
    past = entries[:-1] if is_current else entries
    return {
        "practice_id": practice.id,
        "state": state,
        "is_open": practice.is_open(today),
        "days_left": left,
        "current": current,
        "past": [one if one["ended_by"] else _over(one) for one in reversed(past)],
    }


def _agreements(history: Sequence[BaaEntry]) -> list[dict[str, Any]]:
    """Each agreement once, in order, with how it ended."""
    found: list[dict[str, Any]] = []
    for entry in history:
        last = found[-1] if found else None
        if last is not None and last["id"] == entry.baa.id:
            last |= {"ended_at": instant_text(entry.at), "ended_by": "closed", "closed_by": entry.by}
            continue
        if last is not None and last["ended_by"] is None:
            ended = _end_of(last, entry.at)
            last |= {"ended_at": instant_text(min(ended, entry.at)), "ended_by": _how(ended, entry.at)}
        shown = _agreement(entry.baa)
        if entry.body_hash is None:
            shown |= {"ended_at": instant_text(entry.at), "ended_by": "closed", "closed_by": entry.by}
        found.append(shown)
    return found


def _how(ended: datetime, replaced: datetime) -> str:
    return "expired" if ended < replaced else "replaced"


def _end_of(shown: Mapping[str, Any], never: datetime) -> datetime:
    """The moment after the last day that it covers."""
    if shown["expires_on"] is None:
        return never
    day = date.fromisoformat(shown["expires_on"]) + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=never.tzinfo)


def _over(shown: Mapping[str, Any]) -> dict[str, Any]:
    """One whose last day is past, and nobody has recorded another since."""
    ended = date.fromisoformat(shown["expires_on"]) + timedelta(days=1)
    return {**shown, "ended_at": f"{ended}T00:00:00Z", "ended_by": "expired"}


def _agreement(baa: Baa) -> dict[str, Any]:
    return {
        "id": baa.id,
        "reference": baa.reference,
        "signed_by": baa.signed_by,
        "signed_on": baa.signed_on.isoformat(),
        "expires_on": baa.expires_on and baa.expires_on.isoformat(),
        "recorded_at": optional_instant_text(baa.recorded_at),
        "recorded_by": baa.recorded_by,
        "ended_at": None,
        "ended_by": None,
        "closed_by": None,
    }


def _busy() -> Unavailable:
    return Unavailable("the practice's agreement is being changed by others", retry_after=1.0)
