"""Finding one person at all practices of a group: `GET /patients?across=group`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from gateway.core import normalize
from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.errors import AuditUnavailable, FilterTooWide, Invalid, NoGroup, NotFound
from gateway.core.groups.crossing import Crossing, crossing_of, note_match, still_open
from gateway.core.groups.people import MOST_QUERIES, PRACTICES_AT_ONCE, Found, Sought, can_be_looked_for, seek
from gateway.core.ids import row_id
from gateway.core.matching import PLACEHOLDER, Level, Person, folded, readings
from gateway.core.normalize.values import e164
from gateway.core.office_words import Table
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.lists import Reading, served_from
from gateway.core.reads.patients import SSN_SCOPE
from gateway.core.reads.queries import PatientsQuery
from gateway.core.requests import Fetched, Freshness
from gateway.core.walltime import instant_text

BOUNDS: Final = ("birth_date", "name", "phone", "email")
"""What is known of the person. Two of them at least, and neither phone nor e-mail alone."""

_TAKEN: Final = frozenset({*BOUNDS, "across", "practice_id", "limit", "cursor", "include"})
_BEHIND_ALL: Final = (1, 0)
"""A place behind everybody of a practice: places begin with a score below zero."""

_Place = tuple[str, int, int]


def find_patients(
    query: PatientsQuery, *, caller: Caller, freshness: Freshness, request_id: str, on: Services
) -> dict[str, Any]:
    """The records that may be of the person whom name, birth date, phone and e-mail describe, practice by practice.

    Unlike in a list of one practice these are no filters but what is known: a record with another telephone number is
    found, and its reasons say so. One search a practice, all at once; 20 practices a page, fewer where their mirrors
    take several queries for it. A practice that cannot be searched, or whose audit trail cannot be written, is
    `unavailable` in `meta.practices`, and the others come.

    Raises:
        ScopeMissing, NoGroup, AgreementNotCurrent; NotFound: `practice_id`, which says whose group is meant and narrows
        nothing, is not the caller's; the cursor is somebody else's.
        FilterTooWide: too little is known. Invalid: a filter that says nothing of a person.
        AuditUnavailable: no audit trail could be written.
    """
    began = on.clock.monotonic()
    asked = _asked(query)
    if query.is_of_several:
        raise Invalid("name one practice, whose group is meant", param="practice_id")
    if query.practice_id is not None:
        try:
            allow(caller, query.practice_id, "patients", Verb.READ, on=on)
        except NotFound as error:
            raise NotFound(error.detail, param="practice_id") from None
    crossing = crossing_of(caller, query.practice_id, on=on)
    after = _read(query, crossing, caller, on)
    left = [one for one in crossing.practices if after is None or one >= after[0]]
    if after is not None and after[1:] == _BEHIND_ALL:
        left = [one for one in left if one > after[0]]
    sought = seek(
        asked,
        left[:PRACTICES_AT_ONCE],
        caller=caller,
        freshness=freshness,
        until=began + freshness.wait_s,
        on=on,
        most_queries=MOST_QUERIES,
    )
    page, end = _cut(sought, after, query.limit, more=len(left) > len(sought))
    release(
        [(one, [found.key for found in shown]) for one, shown in page],
        {one.practice_id: counted(shown) for one, shown in page},
        crossing,
        caller=caller,
        request_id=request_id,
        on=on,
    )
    data: list[dict[str, Any]] = []
    omitted: set[str] = set()
    answered = [(one, shown if one.error is None else []) for one, shown in page]
    for one, shown in answered:
        if shown:
            records, left_out = _records(one, shown, Reading(_practice(one), caller, freshness, on), query)
            data += records
            omitted |= left_out
    cursor = None if end is None else _written(query, crossing, end, caller, on)
    return {
        "data": data,
        "has_more": cursor is not None,
        "next_cursor": cursor,
        "meta": {
            **together([one.fetched for one, _ in answered if one.fetched is not None], on=on),
            "practice_id": None,
            "omitted": sorted(omitted),
            "group_id": crossing.group.id,
            "practices": [one.told(shown, on=on) for one, shown in answered],
        },
    }


def release(
    searched: Sequence[tuple[Sought, list[int]]],
    outcomes: dict[str, dict[str, int]],
    crossing: Crossing,
    *,
    caller: Caller,
    request_id: str,
    on: Services,
) -> None:
    """Let the answer show these rows of these practices: those still in the group, and only what is in their audit
    trail by then. What must not be shown is refused.

    Raises: what `still_open` raises. AuditUnavailable: no trail at all could be written.
    """
    now_open = still_open(crossing, caller, on=on)
    unwritten: AuditUnavailable | None = None
    noted = 0
    for one, keys in searched:
        if one.fetched is None:
            continue
        if one.practice_id not in now_open:
            one.refuse(NoGroup("the practice has left the group meanwhile"))
            continue
        try:
            note_match(
                crossing,
                one.practice_id,
                caller=caller,
                request_id=request_id,
                patient_ids=[row_id("patient", one.practice_id, number) for number in keys],
                outcome=outcomes[one.practice_id],
                on=on,
            )
        except AuditUnavailable as error:
            unwritten = error
            one.refuse(error)
        else:
            noted += 1
    if unwritten is not None and not noted:
        raise unwritten


def together(fetched: Sequence[Fetched], *, on: Services) -> dict[str, Any]:
    """Age, road and cost of several practices' answers in one."""
    now = on.clock.now()
    as_of = min((one.rows.as_of for one in fetched), default=now)
    return {
        "as_of": instant_text(as_of),
        "age_seconds": round(max(0.0, (now - as_of).total_seconds()), 1),
        "served_from": served_from(one.served_from for one in fetched) if fetched else None,
        "upstream_calls": sum(one.upstream_calls for one in fetched),
    }


def counted(found: Iterable[Found]) -> dict[str, int]:
    """The outcome of a search, as its audit entry has it."""
    counted = Counter(one.level for one in found)
    return {level.value: counted[level] for level in Level}


def _asked(query: PatientsQuery) -> list[Person]:
    """The person that the query describes, in each way that the name can be read."""
    for name in sorted(query.model_fields_set - _TAKEN):
        if getattr(query, name) not in (None, []):
            raise Invalid(f"across a group a person is looked for by {', '.join(BOUNDS)}, not by {name}", param=name)
    phone = None if query.phone is None else e164(query.phone)
    if query.phone is not None and phone is None:
        raise Invalid("write a telephone number with its area code, such as 555-555-0197", param="phone")
    if query.name is not None and not folded(query.name):
        raise Invalid("there is no letter in this name", param="name")
    born = None if query.birth_date is None else query.birth_date.isoformat()
    asked = [
        Person(
            last=last,
            first=first,
            birth_date=None if born == PLACEHOLDER else born,
            phones=frozenset() if phone is None else frozenset({phone}),
            emails=frozenset() if query.email is None else frozenset({query.email.casefold()}),
        )
        for last, first in readings(query.name or "")
    ]
    if not can_be_looked_for(asked):
        raise FilterTooWide(
            "a person is looked for by birth_date with name, phone or email, or by first and last name with phone or "
            "email",
            bounds=list(BOUNDS),
        )
    return asked


def _cut(
    sought: Sequence[Sought], after: _Place | None, limit: int, *, more: bool
) -> tuple[list[tuple[Sought, list[Found]]], _Place | None]:
    """The page: of each practice that is on it whoever is shown; and where the page ends, unless nothing is behind."""
    page: list[tuple[Sought, list[Found]]] = []
    room = limit
    for number, one in enumerate(sought, start=1):
        rest = [found for found in one.found if after is None or one.practice_id != after[0] or found.place > after[1:]]
        shown = rest[:room]
        page.append((one, shown))
        room -= len(shown)
        if len(shown) < len(rest):
            return page, (one.practice_id, *shown[-1].place)
        if room == 0 and (number < len(sought) or more):
            return page, (one.practice_id, *_BEHIND_ALL)
    return page, (sought[-1].practice_id, *_BEHIND_ALL) if more else None


def _practice(sought: Sought) -> Practice:
    assert sought.practice is not None
    return sought.practice


def _records(
    sought: Sought, shown: Sequence[Found], reading: Reading, query: PatientsQuery
) -> tuple[list[dict[str, Any]], set[str]]:
    assert sought.fetched is not None
    words = reading.words(Table.DEFINITIONS, only_if_cached=True)
    records = [
        found.shown(sought.practice_id)
        | {
            "patient": normalize.patient(
                found.row,
                practice=reading.practice,
                synced_at=sought.fetched.rows.as_of,
                words=words,
                show_ssn=SSN_SCOPE in reading.caller.client.scopes,
                raw="raw" in query.include,
            )
        }
        for found in shown
    ]
    return records, {"extensions", *(() if words.knows(Table.DEFINITIONS) else ("billing_type.id",))}


def _fingerprint(query: PatientsQuery, on: Services) -> str:
    asked = query.model_dump(mode="json", include={*BOUNDS}, exclude_none=True)
    return on.signer.fingerprint(json.dumps(["across", asked], sort_keys=True))


def _written(query: PatientsQuery, crossing: Crossing, end: _Place, caller: Caller, on: Services) -> str:
    return on.signer.sign(json.dumps([crossing.group.id, caller.id, _fingerprint(query, on), *end]).encode())


def _read(query: PatientsQuery, crossing: Crossing, caller: Caller, on: Services) -> _Place | None:
    if query.cursor is None:
        return None
    payload = on.signer.verify(query.cursor)
    parts = [] if payload is None else json.loads(payload)
    if len(parts) != 6 or parts[0] != crossing.group.id:
        raise Invalid("send next_cursor of the page before, as it came", param="cursor")
    _, client_id, fingerprint, *place = parts
    if client_id != caller.id:
        raise NotFound("no such page", param="cursor")
    if fingerprint != _fingerprint(query, on):
        raise Invalid("this cursor belongs to other filters: send the filters of the page before", param="cursor")
    return str(place[0]), int(place[1]), int(place[2])
