"""What a caller does with audiences: ask for one, see how far it is, page through who is in it, delete it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gateway.core.access import only_practice
from gateway.core.audiences import consent, evidence, joins
from gateway.core.audiences.building import may_look, reach_of, wanted_of, when_of
from gateway.core.audiences.consent import QUIET_FROM, QUIET_TO, Reach, Row
from gateway.core.audiences.evidence import About, When
from gateway.core.audiences.filters import CHANNELS, AudienceInput, Criteria, Filter, resources_of
from gateway.core.audiences.records import Audience, State, Superseded
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Conflict, Invalid, KeyReused, NotFound, Unavailable
from gateway.core.hashing import canonical_hash
from gateway.core.ids import parse_row_id, row_id
from gateway.core.mirror.syncing import Standing
from gateway.core.normalize.patients import patient
from gateway.core.normalize.values import key
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.walltime import instant_text, optional_instant_text

TRIES: Final = 5
MACHINE: Final = "audience"
"""What builds audiences, step by step (`infra/workflows/`)."""
STALLED: Final = timedelta(minutes=2)
"""How long nothing has come of a building before a repeat of its request sets it going again."""
MOST_PEOPLE: Final = 500
MOST_LINES: Final = 1000
"""Lines of one page of an export."""

_KINDS: Final = {
    "provider_ids": "provider",
    "location_ids": "location",
}


class PeopleQuery(BaseModel):
    """What `GET /audiences/{id}/people` takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=MOST_PEOPLE)] = 50
    cursor: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """`next_cursor` of the page before."""


class ExportQuery(BaseModel):
    """What `GET /audiences/{id}/export` takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=MOST_LINES)] = MOST_LINES
    cursor: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """What the header `Next-Cursor` of the page before said."""


class Made(NamedTuple):
    """An audience as its maker sees it. `is_replayed`: a request of the same key had asked for it before."""

    audience: Mapping[str, Any]
    is_replayed: bool


def make_audience(wanted: AudienceInput, *, caller: Caller, key: str, on: Services) -> Made:
    """Ask for an audience: scopes `audiences:write`, `patients:read`, and the read of all that the filters look at.

    A repeat with the same key is the same audience as it stands now; where its building has stopped, it goes on.

    Raises:
        NotFound: the practice is not the caller's, or an id among the filters is of another.
        Conflict: the mirror is not complete, so that nobody could say who is missing. KeyReused. ScopeMissing.
        Unavailable: it is not being built; send it again.
    """
    practice_id = wanted.practice_id or only_practice(caller)
    practice = may_look(caller, practice_id, Verb.WRITE, wanted.filter, on=on)
    _of_this_practice(wanted.filter, practice)
    sent = wanted.model_dump(mode="json", exclude_none=True) | {"practice_id": practice.id}
    now = on.clock.now()
    # The same key names the same audience, without a second place to look it up in; 0 is nobody's key.
    number = int(on.signer.fingerprint(f"audience {caller.id} {practice.id} {key}")[:15], 16) + 1
    made = Audience(
        id=row_id("audience", practice.id, number),
        practice_id=practice.id,
        client_id=caller.id,
        wanted=sent,
        body_hash=canonical_hash(sent),
        asked_at=now,
        changed_at=now,
    )
    kept = _kept(made, now, on)
    if kept is None:
        standing = on.syncs.standing(practice.id)
        joins.be_complete(standing, wanted.filter)
        made = replace(made, of=standing.resources["patients"].rows)
        kept = on.audiences.make(made)
    if kept.body_hash != made.body_hash:
        raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
    if kept.state is State.BUILDING and (kept is made or now - kept.changed_at >= STALLED):
        # One that was begun from there is not begun again, so that a repeat costs nothing.
        on.machines.start(MACHINE, name=f"{kept.id}-{kept.rev}", input_={"audience_id": kept.id})
    return Made(_shown(kept), is_replayed=kept is not made)


def _kept(made: Audience, now: datetime, on: Services) -> Audience | None:
    try:
        return on.audiences.get(made.id, now=now)
    except NotFound:
        return None


def get_audience(audience_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """How far one is: scopes as to make it, but for reading.

    Raises: NotFound: there is none, it has expired, or another client asked for it. And what `allow` raises.
    """
    audience, _, _ = _find(audience_id, Verb.READ, caller, on)
    return _shown(audience)


def people_of(audience_id: str, query: PeopleQuery, *, caller: Caller, on: Services) -> dict[str, Any]:
    """A page of who is in it, as the mirror knows them now. Who can be reached by none of its channels any more, has
    died or was deleted since is left out, unless the unreachable were asked for; a page may be short for it.

    Raises: NotFound, and what `allow` raises. Conflict: it is not ready, or the mirror is not complete any more.
    """
    audience, practice, wanted = _find(audience_id, Verb.READ, caller, on)
    page = _page(audience, practice, wanted, query, on)
    about = joins.joined(page.rows, wanted.filter, practice_id=practice.id, standing=page.standing, on=on)
    data = [_person(one, page, wanted, practice, on.clock.now()) for one in about if page.shows(one.row, wanted)]
    return {
        "data": data,
        "has_more": page.next_cursor is not None,
        "next_cursor": page.next_cursor,
        "meta": _meta(page, practice, wanted, on.clock.now()),
    }


class Exported(NamedTuple):
    """Lines of an export, and what the next page begins with."""

    practice_id: str
    name: str
    text: str
    next_cursor: str | None


def export_of(audience_id: str, query: ExportQuery, *, caller: Caller, on: Services) -> Exported:
    """The same as CSV (RFC 4180), a line a person and allowed channel; the first line names the columns.

    Raises: as `people_of`.
    """
    audience, practice, wanted = _find(audience_id, Verb.READ, caller, on)
    page = _page(audience, practice, wanted, query, on)
    lines = (line for row in page.rows if page.shows(row, wanted) for line in _lines(row, page, wanted, practice))
    return Exported(practice.id, f"{audience.id}.csv", _csv([COLUMNS, *lines]), page.next_cursor)


def delete_audience(audience_id: str, *, caller: Caller, on: Services) -> None:
    """Forget who is in it at once, and end its building; scopes as to make it. One that was deleted stays so.

    Raises: NotFound, and what `allow` raises. Unavailable: it changed all the while.
    """
    for _ in range(TRIES):
        audience, _, _ = _find(audience_id, Verb.WRITE, caller, on, dead=True)
        if audience.state is not State.DELETED:
            gone = replace(audience, state=State.DELETED, people=0, left_out={}, changed_at=on.clock.now())
            try:
                audience = on.audiences.change(gone)
            except Superseded:
                continue
        on.audiences.forget_people(audience)
        return
    raise Unavailable("the audience is being built", retry_after=1.0)


def _find(
    audience_id: str, verb: Verb, caller: Caller, on: Services, *, dead: bool = False
) -> tuple[Audience, Practice, AudienceInput]:
    practice_id = parse_row_id(audience_id, "audience").practice_id
    # Before anything is looked up: who may nothing here learns nothing of what there is.
    may_look(caller, practice_id, verb, _NOTHING, on=on)
    audience = on.audiences.get(audience_id, now=on.clock.now())
    if audience.client_id != caller.id or (audience.state is State.DELETED and not dead):
        raise NotFound("no such audience")
    wanted = wanted_of(audience)
    practice = may_look(caller, practice_id, verb, wanted.filter, on=on)
    return audience, practice, wanted


_NOTHING: Final = Filter(status=("active",))
"""A filter that takes no more than the patients."""


def _of_this_practice(wanted: Filter, practice: Practice) -> None:
    """Refuse ids of another practice, or of nothing."""
    for where, part in (("filter", wanted), ("filter.none_of", wanted.none_of)):
        for param, kind, ids in _ids_in(part) if part is not None else ():
            for one in ids:
                try:
                    found = parse_row_id(one, kind)
                except NotFound as error:
                    raise NotFound(error.detail, param=f"{where}.{param}") from None
                if found.practice_id != practice.id:
                    raise NotFound(f"no such {kind.replace('_', ' ')}", param=f"{where}.{param}")


def _ids_in(part: Criteria) -> Iterator[tuple[str, str, Iterable[str]]]:
    for name, kind in _KINDS.items():
        yield name, kind, getattr(part, name) or ()
    if part.overdue_recall is not None:
        yield "overdue_recall.type_ids", "recall_type", part.overdue_recall.type_ids or ()
    if part.insurance is not None and part.insurance.carrier_id is not None:
        yield "insurance.carrier_id", "carrier", (part.insurance.carrier_id,)


# A page


@dataclass(frozen=True, slots=True)
class _Page:
    """Patients of one page, and what is said of all of them."""

    rows: Sequence[Row]
    guarantors: dict[int, Row]
    when: When
    standing: Standing
    next_cursor: str | None

    def reach(self, row: Row, wanted: AudienceInput) -> Reach:
        """How somebody may be reached by now."""
        return reach_of(row, self.guarantors, wanted, self.when)

    def shows(self, row: Row, wanted: AudienceInput) -> bool:
        """Whether somebody is shown."""
        if row.get("PatStatus") in consent.NEVER:
            return False
        return wanted.include_unreachable or self.reach(row, wanted).is_open(wanted.channels)


def _page(
    audience: Audience, practice: Practice, wanted: AudienceInput, query: PeopleQuery | ExportQuery, on: Services
) -> _Page:
    if audience.state is not State.READY:
        raise Conflict("the audience is not ready", reason=audience.code or audience.state.value)
    standing = on.syncs.standing(practice.id)
    joins.be_complete(standing, wanted.filter)
    after = None if query.cursor is None else _key_of(query.cursor, practice)
    # One more than is shown tells whether there are more.
    numbers = on.audiences.people(audience, after=after, limit=query.limit + 1)
    shown = numbers[: query.limit]
    rows = [one.row for one in on.records.get(practice.id, "patients", shown)]
    when = when_of(audience, practice)
    more = len(numbers) > query.limit
    return _Page(
        rows,
        joins.guarantors_of(rows, when, on=on),
        when,
        standing,
        row_id("patient", practice.id, shown[-1]) if more else None,
    )


def _key_of(cursor: str, practice: Practice) -> int:
    try:
        found = parse_row_id(cursor, "patient")
    except NotFound:
        found = None
    if found is None or found.practice_id != practice.id:
        raise Invalid("send next_cursor of the page before, as it came", param="cursor")
    return found.key


def _person(about: About, page: _Page, wanted: AudienceInput, practice: Practice, now: datetime) -> dict[str, Any]:
    row = about.row
    shown = patient(row, practice=practice, synced_at=now)
    reach = page.reach(row, wanted)
    found = evidence.reasons(wanted.filter, about, page.when)
    return {
        "patient_id": shown["id"],
        "name": shown["name"],
        "is_minor": consent.is_minor(row, page.when.today),
        "language": shown["language"],
        "location_id": shown["location_id"],
        "household_id": shown["family_id"],
        "contact": _contact(reach, practice, now),
        "channels": [
            {
                "channel": one.channel,
                "allowed": one.allowed,
                "address": one.address,
                "why": one.why,
                "preferred": one.preferred,
            }
            for one in reach.ways
            if one.channel in wanted.channels and (one.allowed or wanted.include_unreachable)
        ],
        "quiet_hours": {
            "from": QUIET_FROM,
            "to": QUIET_TO,
            "time_zone": practice.location_zones.get(key(row.get("ClinicNum")), practice.time_zone),
        },
        "still_fits": found is not None,
        "reasons": [one.shown() for one in found or ()],
    }


def _contact(reach: Reach, practice: Practice, now: datetime) -> dict[str, Any] | None:
    if reach.contact is None:
        return None
    shown = patient(reach.contact, practice=practice, synced_at=now)
    return {"patient_id": shown["id"], "name": shown["name"], "language": shown["language"]}


COLUMNS: Final = (
    "patient_id",
    "name",
    "contact_patient_id",
    "contact_name",
    "channel",
    "address",
    "why",
    "preferred",
    "language",
    "household_id",
    "quiet_from",
    "quiet_to",
    "time_zone",
)


def _lines(row: Row, page: _Page, wanted: AudienceInput, practice: Practice) -> Iterator[tuple[str, ...]]:
    now = page.when.wall.replace(tzinfo=practice.zone())
    shown = patient(row, practice=practice, synced_at=now)
    reach = page.reach(row, wanted)
    contact = _contact(reach, practice, now) or {"patient_id": "", "name": {"full": ""}}
    zone = practice.location_zones.get(key(row.get("ClinicNum")), practice.time_zone)
    allowed = [one for one in reach.ways if one.allowed and one.channel in wanted.channels]
    ways: list[tuple[str, str, str, str]] = [
        (one.channel, one.address or "", one.why, str(one.preferred).lower()) for one in allowed
    ]
    for channel, address, why, preferred in ways or [("", "", reach.obstacle(wanted.channels), "false")]:
        yield (
            shown["id"],
            shown["name"]["full"] or "",
            contact["patient_id"],
            contact["name"]["full"] or "",
            channel,
            address,
            why,
            preferred,
            shown["language"] or "",
            shown["family_id"] or "",
            QUIET_FROM,
            QUIET_TO,
            zone,
        )


def _csv(lines: Iterable[Sequence[str]]) -> str:
    return "".join(",".join(map(_cell, line)) + "\r\n" for line in lines)


def _cell(value: str) -> str:
    # Spreadsheets take what begins so for a formula; a telephone number is none.
    if value[:1] in {"=", "@", "\t", "\r"} or (value[:1] in {"+", "-"} and not value[1:].isdigit()):
        value = "'" + value
    return '"' + value.replace('"', '""') + '"' if any(one in value for one in ',"\r\n') else value


def _meta(page: _Page, practice: Practice, wanted: AudienceInput, now: datetime) -> dict[str, Any]:
    names = ("patients", *resources_of(wanted.filter))
    as_of = min((at for one in names if (at := page.standing.resources[one].as_of) is not None), default=now)
    return {
        "as_of": instant_text(as_of),
        "age_seconds": round(max(0.0, (now - as_of).total_seconds()), 1),
        "served_from": "mirror",
        "practice_id": practice.id,
        "upstream_calls": 0,
        "omitted": [],
    }


def _shown(audience: Audience) -> dict[str, Any]:
    wanted = audience.wanted
    return {
        "id": audience.id,
        "practice_id": audience.practice_id,
        "name": wanted.get("name"),
        "filter": wanted["filter"],
        "channels": list(wanted.get("channels", CHANNELS)),
        "include_unreachable": wanted.get("include_unreachable", False),
        "state": audience.state.value,
        "code": audience.code,
        "progress": {"seen": audience.seen, "of": audience.of},
        "people": audience.people,
        "left_out": dict(audience.left_out),
        "asked_at": instant_text(audience.asked_at),
        "built_at": optional_instant_text(audience.built_at),
        "expires_at": instant_text(audience.expires_at),
    }
