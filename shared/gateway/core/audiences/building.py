"""Building an audience: the mirror's patients are walked a page at a time, and who fits is kept with how far it is.

A page and the place behind it are stored together, so that whoever goes on does nothing twice and leaves nobody out,
wherever the one before was cut off; two who build at once do the work of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from gateway.core.access import allow
from gateway.core.audiences import consent, evidence, joins
from gateway.core.audiences.consent import Row
from gateway.core.audiences.evidence import When
from gateway.core.audiences.filters import AudienceInput, Filter, objects_of
from gateway.core.audiences.records import Audience, State, Superseded
from gateway.core.callers import Caller, Verb
from gateway.core.errors import NotFound, Refused
from gateway.core.mirror.syncing import Standing
from gateway.core.normalize.values import key
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.walltime import to_wall

AT_ONCE: Final = 200
"""Patients that are looked at together: what one step holds in memory, and all that a crash has done again."""


@dataclass(frozen=True, slots=True)
class Found:
    """Of one page of patients: who fits and can be reached, and who fits and cannot, by reason."""

    people: tuple[int, ...]
    left_out: Counter[str]


def build(audience_id: str, *, has_time: Callable[[], bool], on: Services) -> Audience | None:
    """Go on building until it is done or `has_time` says no; the audience as it is then, None where there is none.

    Raises: Unavailable: go on later.
    """
    carriers: frozenset[str] | None = None
    while True:
        try:
            audience = on.audiences.get(audience_id, now=on.clock.now())
        except NotFound:
            return None
        if audience.state is not State.BUILDING or not has_time():
            return audience
        if carriers is None:
            carriers = joins.names_of_carriers(audience.practice_id, on=on)
        try:
            _step(audience, carriers, on)
        except Superseded:
            # Somebody else builds it as well, or it was deleted.
            continue


def when_of(audience: Audience, practice: Practice) -> When:
    """The moment that its filters go by."""
    return When(practice.id, to_wall(audience.asked_at, practice.zone()))


def wanted_of(audience: Audience) -> AudienceInput:
    """What was asked for."""
    return AudienceInput.model_validate(dict(audience.wanted))


def may_look(caller: Caller, practice_id: str, verb: Verb, wanted: Filter, *, on: Services) -> Practice:
    """The practice, if the caller may do `verb` to audiences and read all that the filters look at.

    Raises: what `allow` raises.
    """
    if verb is Verb.WRITE:
        practice = allow(caller, practice_id, "audiences", Verb.WRITE, on=on)
    else:
        practice = allow(caller, practice_id, "audiences", Verb.READ, on=on)
    for obj in objects_of(wanted):
        allow(caller, practice_id, obj, Verb.READ, on=on)
    return practice


def _step(audience: Audience, carriers: frozenset[str], on: Services) -> None:
    now, wanted = on.clock.now(), wanted_of(audience)
    try:
        practice = may_look(_maker(audience, now, on), audience.practice_id, Verb.WRITE, wanted.filter, on=on)
        standing = on.syncs.standing(practice.id)
        joins.be_complete(standing, wanted.filter)
    except Refused as error:
        code = str(error.more.get("reason") or error.code)
        on.audiences.change(replace(audience, state=State.FAILED, code=code, changed_at=now))
        return
    page = on.records.page(practice.id, "patients", after=audience.after, limit=AT_ONCE)
    rows = [one.row for one in page if _may_be(one.row, carriers)]
    found = _look(rows, wanted, when_of(audience, practice), standing, on)
    is_last = len(page) < AT_ONCE
    then = replace(
        audience,
        after=page[-1].key if page else audience.after,
        seen=audience.seen + len(page),
        of=max(audience.of, audience.seen + len(page)),
        people=audience.people + len(found.people),
        left_out=dict(sorted((Counter(audience.left_out) + found.left_out).items())),
        changed_at=now,
    )
    if is_last:
        then = replace(then, state=State.READY, built_at=now, of=then.seen)
    on.audiences.change(then, found.people)


def _maker(audience: Audience, now: datetime, on: Services) -> Caller:
    """Who asked for it, as a client that may do less by now than it did then. Raises: NotFound: it is over."""
    client = on.callers.client(audience.client_id)
    if client.revoked_at is not None or (client.expires_at is not None and client.expires_at <= now):
        raise NotFound("the client is over")
    return Caller(client)


def _look(rows: Sequence[Row], wanted: AudienceInput, when: When, standing: Standing, on: Services) -> Found:
    likely = [row for row in rows if evidence.of_row(wanted.filter, row, when)]
    about = joins.joined(likely, wanted.filter, practice_id=when.practice_id, standing=standing, on=on)
    fitting = [one.row for one in about if evidence.reasons(wanted.filter, one, when) is not None]
    guarantors = joins.guarantors_of(fitting, when, on=on)
    people: list[int] = []
    left_out = Counter[str]()
    for row in fitting:
        reach = reach_of(row, guarantors, wanted, when)
        if reach.is_open(wanted.channels) or wanted.include_unreachable:
            people.append(key(row.get("PatNum")))
        if not reach.is_open(wanted.channels):
            left_out[reach.obstacle(wanted.channels)] += 1
    return Found(tuple(people), left_out)


def reach_of(row: Row, guarantors: dict[int, Row], wanted: AudienceInput, when: When) -> consent.Reach:
    """How somebody may be reached for this audience."""
    guarantor = guarantors.get(consent.guarantor_of(row) or 0)
    return consent.reach_of(row, guarantor, today=when.today, is_recall=wanted.filter.overdue_recall is not None)


def _may_be(row: Row, carriers: frozenset[str]) -> bool:
    return row.get("PatStatus") not in consent.NEVER and not consent.is_nobody(row, carriers)
