"""`GET /audit`: who saw or changed what, and `GET /audit/disclosures`: to whom a patient was shown.

By practice and by client the trails themselves are read, strongly consistent. By patient what is younger than the index
is looked for in the practice's trail, what is older in the index: so nothing is missing while the index is behind, and
six years of one patient are a query.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import StringConstraints

from gateway.core.access import AUDIT, allow, allow_client, only_practice
from gateway.core.audit import PATIENTS_MATCH, AuditEntry, Mention, Phase
from gateway.core.audit.archiving import shown
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Invalid, NotFound
from gateway.core.ids import parse_row_id
from gateway.core.inputs import Moment
from gateway.core.ports import Services
from gateway.core.reads.queries import Id, PagedQuery
from gateway.core.walltime import instant_text

KEPT: Final = timedelta(days=6 * 365 + 2)
"""How far back an accounting goes (45 CFR 164.528(a)(1))."""

BEHIND: Final = timedelta(minutes=15)
"""How much before the moment that the index says it has read up to it is believed: the stream comes in several parts,
and one may be ahead of another. Past this an alarm tells of the one behind."""

_READ_AT_ONCE: Final = 200
_READ_AT_MOST: Final = 4000
"""Entries that one page may look through for those that were asked for."""

_MOST_IDS: Final = 20_000
"""Patients that the entries of one page may name together: about 0.7 MB."""

_Place = tuple[datetime, str]


class AuditQuery(PagedQuery):
    """Filters of `GET /audit`."""

    patient_id: Id | None = None
    client_id: Id | None = None
    """Without `practice_id` and `patient_id`: the client's own trail, of what is about none of its practices."""
    action: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    """The whole of it, such as `GET /patients/{id}` or `appointments.create`."""
    since: Moment | None = None
    until: Moment | None = None
    """At or after the one and before the other."""


class DisclosuresQuery(PagedQuery):
    """Filters of `GET /audit/disclosures`."""

    patient_id: Id
    since: Moment | None = None
    until: Moment | None = None


def list_audit(query: AuditQuery, *, caller: Caller, on: Services) -> dict[str, Any]:
    """A page of a trail, the youngest entries first: scope `audit:read`, which no wildcard has.

    Whoever may see it needs no agreement with the practice: there is nothing in it but ids.

    Raises:
        ScopeMissing. NotFound: a practice, patient or client of somebody else's. Invalid: a cursor of other filters.
    """
    pages = _Pages(query, caller, on)
    kept = pages.read(_fits(query))
    return {
        "data": [shown(one) for one in kept],
        "has_more": pages.cursor is not None,
        "next_cursor": pages.cursor,
        "meta": pages.meta(),
    }


def list_disclosures(query: DisclosuresQuery, *, caller: Caller, on: Services) -> dict[str, Any]:
    """To whom a patient was shown in the last six years, the youngest first: when, to whom, what kind of data, why.

    It has every answer with the patient in it; what was for treatment, payment or operations, and so need not be
    accounted for, is left in: only the client's word says so.

    Raises: as `list_audit`.
    """
    pages = _Pages(query, caller, on)
    kept = pages.read(_is_disclosure)
    names = {client_id: _name_of(client_id, on) for client_id in dict.fromkeys(one.client_id for one in kept)}
    return {
        "data": [
            {
                "at": instant_text(one.at),
                "practice_id": one.practice_id,
                "client_id": one.client_id,
                "disclosed_to": names[one.client_id],
                "kind": kind_of(one.action),
                "purpose": one.purpose,
                "request_id": one.request_id,
                "entry_id": one.id,
            }
            for one in kept
        ],
        "has_more": pages.cursor is not None,
        "next_cursor": pages.cursor,
        "meta": pages.meta(),
    }


def kind_of(action: str) -> str:
    """What kind of data an action shows: the words of its route."""
    if action == PATIENTS_MATCH:
        return "patients"
    words = [part for part in action.partition(" ")[2].split("/") if part and not part.startswith("{")]
    return "_".join(word for word in words if word != "R4")


def _is_disclosure(entry: AuditEntry) -> bool:
    is_shown = entry.status is None or entry.status < 400
    return entry.phase is Phase.ANSWERED and is_shown and kind_of(entry.action).partition("_")[0] != AUDIT


def _fits(query: AuditQuery) -> Callable[[AuditEntry], bool]:
    def fits(entry: AuditEntry) -> bool:
        return query.client_id in {None, entry.client_id} and query.action in {None, entry.action}

    return fits


def _name_of(client_id: str, on: Services) -> str | None:
    try:
        return on.callers.client(client_id).name
    except NotFound:
        return None


class _Pages:
    """The entries that a question is about, page by page. The cursor is signed, and bound to its filters."""

    def __init__(self, query: AuditQuery | DisclosuresQuery, caller: Caller, on: Services) -> None:
        self._query, self._on = query, on
        self._patient = query.patient_id
        self._trail, self._practice_id = self._whose(caller)
        self._now = on.clock.now()
        self._indexed_to = None if self._patient is None else on.audit_index.up_to()
        self._after: _Place | None = None
        self._border = self._first_border()
        if query.cursor is not None:
            self._after, self._border = self._read()
        self.cursor: str | None = None

    def meta(self) -> dict[str, Any]:
        """When this was read, and how far the index was."""
        indexed_to = None if self._indexed_to is None else instant_text(self._indexed_to)
        return {"as_of": instant_text(self._now), "practice_id": self._practice_id, "indexed_to": indexed_to}

    def read(self, fits: Callable[[AuditEntry], bool]) -> list[AuditEntry]:
        """The page."""
        found: list[AuditEntry] = []
        ids = 0
        for looked_at, entry in enumerate(self._entries()):
            if len(found) == self._query.limit or looked_at == _READ_AT_MOST or ids > _MOST_IDS:
                assert self._after is not None
                self.cursor = self._write(self._after)
                break
            self._after = (entry.at, entry.id)
            if fits(entry) and (self._patient is None or self._patient in entry.patient_ids):
                # Of others it is nobody's question.
                found.append(entry if self._patient is None else replace(entry, patient_ids=(self._patient,)))
                ids += len(entry.patient_ids)
        return found

    def _entries(self) -> Iterator[AuditEntry]:
        since = self._query.since or self._now - KEPT
        until = self._query.until or self._now + timedelta(minutes=1)
        if self._after is None or self._after[0] >= self._border:
            yield from self._range(self._on.audit.page, self._trail, max(since, self._border), until)
        if self._patient is None:
            return

        def indexed(patient_id: str, **asked: Any) -> list[AuditEntry]:
            return [_entry_of(one) for one in self._on.audit_index.page(patient_id, **asked)]

        yield from self._range(indexed, self._patient, since, min(until, self._border))

    def _range(
        self, page: Callable[..., list[AuditEntry]], of: str, since: datetime, until: datetime
    ) -> Iterator[AuditEntry]:
        after = self._after if self._after is not None and self._after[0] < until else None
        while since < until:
            found = page(of, since=since, until=until, after=after, limit=_READ_AT_ONCE)
            yield from found
            if len(found) < _READ_AT_ONCE:
                return
            after = (found[-1].at, found[-1].id)

    def _first_border(self) -> datetime:
        """Up to where the index is asked: the trail is for what is younger."""
        if self._indexed_to is None:
            return self._query.since or self._now - KEPT
        return self._indexed_to - BEHIND

    def _whose(self, caller: Caller) -> tuple[str, str | None]:
        """The trail that is asked for, and its practice."""
        query = self._query
        if self._patient is not None:
            of = _practice_of(self._patient)
            if query.practice_id not in {None, of}:
                raise NotFound("no such record", param="patient_id")
            return self._of_practice(of, "patient_id", caller)
        client_id = getattr(query, "client_id", None)
        if query.practice_id is None and client_id is not None:
            allow_client(caller, AUDIT, Verb.READ)
            return self._of_client(client_id, caller), None
        return self._of_practice(query.practice_id or only_practice(caller), "practice_id", caller)

    def _of_practice(self, practice_id: str, param: str, caller: Caller) -> tuple[str, str]:
        try:
            allow(caller, practice_id, AUDIT, Verb.READ, on=self._on, protected=False)
        except NotFound as error:
            raise NotFound(error.detail, param=param) from None
        return practice_id, practice_id

    def _of_client(self, client_id: str, caller: Caller) -> str:
        """A client's own trail: for itself, and for whoever has all of its practices."""
        if client_id != caller.id:
            try:
                theirs = self._on.callers.client(client_id).practices
            except NotFound:
                theirs = frozenset()
            if not theirs or not theirs <= caller.client.practices:
                raise NotFound("no such client", param="client_id")
        return client_id

    def _bound_to(self) -> str:
        asked = self._query.model_dump(mode="json", exclude={"cursor", "limit"}, exclude_none=True)
        return self._on.signer.fingerprint(json.dumps([type(self._query).__name__, asked], sort_keys=True))

    def _write(self, place: _Place) -> str:
        told = [self._trail, self._bound_to(), place[0].isoformat(), place[1], self._border.isoformat()]
        return self._on.signer.sign(json.dumps(told).encode())

    def _read(self) -> tuple[_Place, datetime]:
        payload = self._on.signer.verify(self._query.cursor or "")
        if payload is None:
            raise Invalid("send next_cursor of the page before, as it came", param="cursor")
        of, *place = json.loads(payload)
        if of != self._trail:
            raise NotFound("no such page", param="cursor")
        # Other lists sign their cursors with the same key.
        if len(place) != 4 or place[0] != self._bound_to():
            raise Invalid("this cursor belongs to other filters: send the filters of the page before", param="cursor")
        _, at, entry_id, border = place
        return (datetime.fromisoformat(at), entry_id), datetime.fromisoformat(border)


def _practice_of(patient_id: str) -> str:
    try:
        return parse_row_id(patient_id, "patient").practice_id
    except NotFound as error:
        raise NotFound(error.detail, param="patient_id") from None


def _entry_of(mention: Mention) -> AuditEntry:
    return AuditEntry(
        id=mention.entry_id,
        practice_id=mention.practice_id,
        at=mention.at,
        client_id=mention.client_id,
        action=mention.action,
        request_id=mention.request_id,
        phase=mention.phase,
        purpose=mention.purpose,
        status=mention.status,
        operation_id=mention.operation_id,
        correlation_id=mention.correlation_id,
        source_ip=mention.source_ip,
        on_behalf_of=mention.on_behalf_of,
        patient_ids=(mention.patient_id,),
    )
