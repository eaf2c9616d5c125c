"""`GET /events`: what happened at a practice in the last 30 days, as far as the caller may read the objects.

The log of several practices has no order in common that stays: each is asked for by itself.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from gateway.core.access import allow, only_practice
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Invalid, NotFound, ScopeMissing
from gateway.core.events.event import Event
from gateway.core.events.event_types import TYPES, subject_of
from gateway.core.events.ports import KEPT, Logged
from gateway.core.ids import practice_of_row
from gateway.core.inputs import Moment
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.queries import ALL, Id, PagedQuery
from gateway.core.walltime import instant_text

EVENTS: Final = "events"
OWN: Final = frozenset({"operation", "webhook"})
"""Objects that are their client's and nobody else's."""
SETTLED_AFTER: Final = timedelta(seconds=20)
"""An index may be behind, publishers' clocks differ, and a put that is tried again lands up to 17 s after the moment
it is logged at: what was logged since is left for the next page."""

_LONGEST_ID: Final = 64
"""A table refuses keys that are much longer, as if it did not work."""

_READ_AT_ONCE: Final = 500
_READ_AT_MOST: Final = 4000
"""Events that one page may look through for those that were asked for."""

Pattern = Annotated[str, StringConstraints(pattern=r"^(\*|[a-z_]+\.(\*|[a-z_]+))$", max_length=64)]


FORMS: Final = "types such as appointment.completed, appointment.* or *"


class EventsQuery(PagedQuery):
    """Filters of `GET /events`."""

    type: Annotated[list[Pattern], Field(min_length=1, max_length=20)] | None = Field(default=None, description=FORMS)
    """`appointment.completed`, `appointment.*`; several separated by commas."""
    object_id: Id | None = None
    since: Moment | None = None
    until: Moment | None = None
    """Logged at or after the one and before the other."""
    order: Literal["asc", "desc"] = "desc"
    """`asc`, the oldest first, is for whoever keeps up: its `next_cursor` is there at the end too, and asks for what
    came since."""


def list_events(query: EventsQuery, *, caller: Caller, on: Services) -> dict[str, Any]:
    """A page of a practice's events: scope `events:read`, and for each object the scope to read it.

    Raises:
        Invalid: a type that there is not; a cursor of other filters. ScopeMissing: also of a type that is named and of
        which the caller may see nothing. NotFound: also an object of another practice. BaaMissing.
    """
    practice = _practice(query, caller, on)
    wanted = _types(query, caller)
    now = on.clock.now()
    since = max(query.since or now - KEPT, now - KEPT)
    settled = now - SETTLED_AFTER if query.order == "asc" else now + timedelta(seconds=1)
    until = min(query.until or settled, settled)
    after = None if query.cursor is None else _read(query, practice.id, on)
    found: list[Logged] = []
    looked_at, is_end = 0, False
    while len(found) < query.limit and looked_at < _READ_AT_MOST and not is_end:
        page = on.event_log.page(
            practice.id, since=since, until=until, after=after, order=query.order, limit=_READ_AT_ONCE
        )
        is_end = len(page) < _READ_AT_ONCE
        for one in page:
            looked_at += 1
            after = (one.logged_at, one.event.id)
            is_asked_for = one.event.type in wanted and query.object_id in {None, one.event.object_id}
            if is_asked_for and is_for(one.event, caller):
                found.append(one)
                if len(found) == query.limit:
                    is_end = is_end and one is page[-1]
                    break
    has_more = not is_end
    goes_on = has_more or (query.order == "asc" and query.until is None)
    place = after or (since, "")
    return {
        "data": [shown(one) for one in found],
        "has_more": has_more,
        "next_cursor": _write(query, practice.id, place, on) if goes_on else None,
    }


def get_event(event_id: str, *, caller: Caller, on: Services, practice_id: str | None = None) -> dict[str, Any]:
    """One event, of the practice that is named or any of the caller's. Raises: NotFound, ScopeMissing, BaaMissing."""
    if len(event_id) > _LONGEST_ID:
        raise NotFound("no such event")
    practices = sorted(caller.client.practices) if practice_id is None else [practice_id]
    for one in practices:
        if one not in caller.client.practices:
            raise NotFound("no such practice", param="practice_id")
        for logged in on.event_log.get(one, [event_id]):
            allow(caller, one, EVENTS, Verb.READ, on=on)
            if not is_for(logged.event, caller):
                raise NotFound("no such event")
            if not may_see(logged.event.type, caller):
                subject = subject_of(logged.event.type)
                scope = f"{(subject and subject.scope) or EVENTS}:read"
                raise ScopeMissing(f"the client lacks the scope {scope}", scope=scope)
            return shown(logged)
    raise NotFound("no such event")


def may_see(type_: str, caller: Caller) -> bool:
    """Whether a client's scopes show it the objects that events of a type are of."""
    subject = subject_of(type_)
    scope = None if subject is None else subject.scope
    return scope is None or bool({"*:read", f"{scope}:read"} & caller.client.scopes)


def is_for(event: Event, caller: Caller) -> bool:
    """Whether an event is this client's to see, whatever its scopes: of operations and webhooks only its own, as
    `GET` of them has it."""
    return event.object not in OWN or event.related.get("client_id") == caller.id


def shown(logged: Logged) -> dict[str, Any]:
    """As the API shows it."""
    return logged.event.told() | {"logged_at": instant_text(logged.logged_at)}


def _practice(query: EventsQuery, caller: Caller, on: Services) -> Practice:
    """The practice that is named, or that the object's id names, or the only one."""
    asked = query.practice_id
    if asked == ALL or "," in (asked or ""):
        raise Invalid("events are of one practice: send its id", param="practice_id")
    of = None if query.object_id is None else practice_of_row(query.object_id)
    if of is not None and (of not in caller.client.practices or asked not in {None, of}):
        raise NotFound("no such record", param="object_id")
    try:
        return allow(caller, asked or of or only_practice(caller), EVENTS, Verb.READ, on=on)
    except NotFound as error:
        raise NotFound(error.detail, param="practice_id") from None


def _types(query: EventsQuery, caller: Caller) -> frozenset[str]:
    """The types that are asked for and that the caller may see."""
    allowed = {type_ for type_ in TYPES if may_see(type_, caller)}
    if query.type is None:
        return frozenset(allowed)
    return frozenset(one for pattern in query.type for one in _shown_of(pattern, allowed))


def _shown_of(pattern: str, allowed: set[str]) -> set[str]:
    """What of a pattern may be seen. Raises: ScopeMissing: none of it, though there are such types."""
    found = matching(pattern, param="type")
    shown = allowed & set(found)
    if not shown:
        subject = subject_of(found[0])
        scope = f"{(subject and subject.scope) or EVENTS}:read"
        raise ScopeMissing(f"the client lacks the scope {scope}", scope=scope)
    return shown


def matching(pattern: str, *, param: str) -> list[str]:
    """The types that a pattern means. Raises: Invalid: there is none."""
    found = [type_ for type_ in TYPES if matches(pattern, type_)]
    if not found:
        raise no_such_type(pattern, param=param)
    return found


def no_such_type(asked: str, *, param: str) -> Invalid:
    """The refusal of a type, or of a pattern of types, that there is not."""
    # Seldom needed, and slow to import.
    from gateway.core.wording import no_such  # noqa: PLC0415

    objects = dict.fromkeys(type_.partition(".")[0] for type_ in TYPES)
    known = [f"{one}.*" for one in objects] if asked.endswith(".*") else list(TYPES)
    return Invalid(no_such("type of event", asked, known), param=param)


def matches(pattern: str, type_: str) -> bool:
    """Whether `*`, `appointment.*` or a type's whole name means a type."""
    return pattern in {"*", type_} or (pattern.endswith(".*") and type_.startswith(pattern[:-1]))


def _bound_to(query: EventsQuery, on: Services) -> str:
    asked = query.model_dump(mode="json", exclude={"cursor", "limit", "practice_id"}, exclude_none=True)
    return on.signer.fingerprint(json.dumps([EVENTS, asked], sort_keys=True))


def _write(query: EventsQuery, practice_id: str, place: tuple[datetime, str], on: Services) -> str:
    return on.signer.sign(json.dumps([practice_id, _bound_to(query, on), place[0].isoformat(), place[1]]).encode())


def _read(query: EventsQuery, practice_id: str, on: Services) -> tuple[datetime, str]:
    payload = on.signer.verify(query.cursor or "")
    if payload is None:
        raise Invalid("send next_cursor of the page before, as it came", param="cursor")
    of, *place = json.loads(payload)
    if of != practice_id:
        raise NotFound("no such page", param="cursor")
    # Other lists sign their cursors with the same key.
    if len(place) != 3 or place[0] != _bound_to(query, on):
        raise Invalid("this cursor belongs to other filters: send the filters of the page before", param="cursor")
    _, at, event_id = place
    return datetime.fromisoformat(at), event_id
