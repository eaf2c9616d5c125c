"""One list over several of a caller's practices: practice after practice, in the order of their ids.

Each practice's part is what its own list would answer, in the same order, so that all pages together are those lists
one behind the other. It comes from the practices' mirrors only: live reads of fifty offices would take minutes. What a
practice cannot answer is never left out in silence: `meta.practices` says which practices a page is about, as of when,
and why one of them is `unavailable`. Where no practice on any page could answer, an empty list would say that there is
nothing: that is a problem.

A cursor names the practice and the place in its list, and is bound to the caller and the filters. Where that practice
is the caller's no more, the list goes on behind it; one that is added meanwhile comes if its id lies ahead.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar, cast

from gateway.core.callers import Caller
from gateway.core.errors import (
    AppError,
    BaaMissing,
    FilterTooWide,
    Invalid,
    NoPracticeAnswers,
    NoPracticeAnswersYet,
    NotFound,
    NotKept,
    PermissionMissing,
    VersionTooOld,
)
from gateway.core.mirror.counted import CountedRecords, CountedServices, Spent
from gateway.core.ports import Services
from gateway.core.reads.lists import served_from
from gateway.core.reads.queries import ALL, ListQuery
from gateway.core.requests import Freshness, Road
from gateway.core.walltime import instant_text

Query = TypeVar("Query", bound=ListQuery)

MOST_QUERIES: Final = 200
"""Partition queries that one page costs at most; the list of its first practice alone may cost more, as it does where
it is asked for by itself. All of them cost 100 read units, a fifth of what 500 rows cost."""

MOST_READ: Final = 4000.0
"""Rows that a page reads before it begins no other practice; read in order, five count as one."""

LONGEST_S: Final = 5.0
"""So long after it was asked for a page begins no other practice."""

FRESH_S: Final = 60.0
"""As old as what a mirror follows may be at any time; who wants it younger gets none of it by waiting."""

_OF_THE_PRACTICE: Final = (NotKept, PermissionMissing, VersionTooOld, BaaMissing, FilterTooWide)

_PASSES: Final = frozenset({"not-loaded", "too-old"})
"""What a practice cannot answer for, and will by itself."""

_WHY: Final = {
    "mirror-off": "the mirror of this practice is off: turn it on, or ask for this practice alone",
    "not-loaded": "the mirror of this practice does not have all of these rows (yet)",
    "too-old": "the mirror of this practice is older than Cache-Control allows",
    "not-mirrored": "only Open Dental can answer this: ask for this practice alone",
    "filter-too-wide": "the version of Open Dental at this practice cannot be asked by these filters",
}


def list_across(
    one: Callable[..., dict[str, Any]],
    query: Query,
    obj: str,
    *,
    caller: Caller,
    freshness: Freshness,
    on: Services,
) -> dict[str, Any]:
    """A page of the list `one` (`(query, *, caller, freshness, on) -> envelope`) over the practices of `query`.

    A page may be short, or empty, and say `has_more`: it ends where it would cost more than `MOST_QUERIES`, has read
    `MOST_READ` or taken `LONGEST_S`.

    Raises:
        Invalid: a row is named, which is of one practice; the cursor is none of this list. NotFound: a practice that is
        named is not the caller's; the cursor is somebody else's. ScopeMissing. FilterTooWide: nobody could answer.
        NoPracticeAnswers, NoPracticeAnswersYet: nobody could on this page and those before, and it is the last one.
        Unavailable: the mirrors do not answer.
    """
    for param, _ in query.row_ids():
        raise Invalid("an id is of one practice: leave practice_id out, or send that practice's", param=param)
    places = _Places(query, obj, caller, on)
    at, inner, has_answered = places.begin
    waiting = [one_id for one_id in _practices(query, caller) if at is None or one_id >= at]
    began = on.clock.monotonic()
    records = CountedRecords(on.records, limit=MOST_QUERIES, now=on.clock.now(), most_read=MOST_READ)
    counted = cast("Services", CountedServices(on, records))
    page = _Page()
    further: tuple[str, str | None] | None = None
    for practice_id in waiting:
        place = inner if practice_id == at else None
        is_full = len(page.data) == query.limit or records.left < page.dearest or records.read >= MOST_READ
        if page.is_begun and (is_full or on.clock.monotonic() - began >= LONGEST_S):
            further = (practice_id, place)
            break
        before = records.queries
        asked = query.model_copy(
            update={"practice_id": practice_id, "cursor": place, "limit": query.limit - len(page.data)}
        )
        try:
            # Its state.
            records.spend(1)
            found = one(asked, caller=caller, freshness=replace(freshness, road=Road.MIRROR), on=counted)
        except Spent:
            further = (practice_id, place)
            break
        except _OF_THE_PRACTICE as error:
            page.leave_out(practice_id, error)
        except NotFound as error:
            # A practice that has been closed is none of all; one that is named is not found.
            if query.practice_id != ALL or error.param != "practice_id":
                raise
            continue
        else:
            page.take(practice_id, found)
        page.dearest = max(page.dearest, records.queries - before)
        records.is_hard = True
        if found_more := page.next_cursor:
            further = (practice_id, found_more)
            break
    if not has_answered:
        page.check(is_last=further is None, takes_copies=freshness.takes(FRESH_S, unasked_s=FRESH_S))
    return {
        "data": page.data,
        "has_more": further is not None,
        "next_cursor": None
        if further is None
        else places.write(*further, has_answered=has_answered or page.has_answers),
        "meta": page.meta(now=instant_text(on.clock.now())),
    }


def _practices(query: ListQuery, caller: Caller) -> list[str]:
    """The practices that the query names, each once, in the order of their ids. Raises: NotFound."""
    if query.practice_id == ALL:
        return sorted(caller.client.practices)
    named = {one for text in str(query.practice_id).split(",") if (one := text.strip())}
    if not named <= caller.client.practices:
        raise NotFound("no such practice", param="practice_id")
    return sorted(named)


class _Page:
    """What the practices have answered so far."""

    def __init__(self) -> None:
        self.data: list[dict[str, Any]] = []
        self.dearest = 0
        self.next_cursor: str | None = None
        self._told: list[dict[str, Any]] = []
        self._served: list[dict[str, Any]] = []
        self._too_wide: FilterTooWide | None = None

    @property
    def is_begun(self) -> bool:
        return bool(self._told)

    def take(self, practice_id: str, found: dict[str, Any]) -> None:
        meta = found["meta"]
        self.data += found["data"]
        self.next_cursor = found["next_cursor"]
        self._served.append(meta)
        said = ("as_of", "age_seconds", "served_from", "upstream_calls")
        self._told.append({"practice_id": practice_id, **{name: meta[name] for name in said}})

    def leave_out(self, practice_id: str, error: AppError) -> None:
        code = str(error.more.get("reason", error.code))
        if isinstance(error, FilterTooWide):
            self._too_wide = self._too_wide or error
        self._told.append(
            {"practice_id": practice_id, "unavailable": {"code": code, "detail": _WHY.get(code, error.detail)}}
        )

    @property
    def has_answers(self) -> bool:
        return bool(self._served)

    def check(self, *, is_last: bool, takes_copies: bool) -> None:
        """Where nobody could answer. `takes_copies`: whether a copy as young as a mirror has it would do.

        Raises:
            FilterTooWide: it is the filters, and not one practice. NoPracticeAnswers, NoPracticeAnswersYet: it is the
            practices, all of them.
        """
        if self._served:
            return
        if self._too_wide is not None:
            raise self._too_wide
        if not is_last or not self._told:
            return
        will = takes_copies and any(one["unavailable"]["code"] in _PASSES for one in self._told)
        kind = NoPracticeAnswersYet if will else NoPracticeAnswers
        raise kind("none of these practices can answer; `practices` tells why", practices=self._told)

    def meta(self, *, now: str) -> dict[str, Any]:
        """Of the answer: the oldest of those that are in it."""
        served = self._served
        return {
            "as_of": min((meta["as_of"] for meta in served), default=now),
            "age_seconds": max((meta["age_seconds"] for meta in served), default=0.0),
            "served_from": served_from(meta["served_from"] for meta in served) if served else None,
            "practice_id": None,
            "practices": self._told,
            "upstream_calls": sum(meta["upstream_calls"] for meta in served),
            "omitted": sorted({name for meta in served for name in meta["omitted"]}),
        }


class _Places:
    """Cursors of a list over several practices: whose, of which filters, at which practice, and where in its list."""

    def __init__(self, query: ListQuery, obj: str, caller: Caller, on: Services) -> None:
        """Raises:
        NotFound: the cursor is another caller's. Invalid: it is another list's, or none of ours.
        """
        self._query, self._obj, self._caller, self._on = query, obj, caller, on
        self.begin: tuple[str | None, str | None, bool] = (
            (None, None, False) if query.cursor is None else self._read(query.cursor)
        )
        """The practice, the place in its list, and whether any practice has answered before."""

    def write(self, practice_id: str, inner: str | None, *, has_answered: bool) -> str:
        made = [ALL, self._caller.id, self._fingerprint(), practice_id, inner, has_answered]
        return self._on.signer.sign(json.dumps(made).encode())

    def _read(self, cursor: str) -> tuple[str | None, str | None, bool]:
        payload = self._on.signer.verify(cursor)
        mark, *rest = [None] if payload is None else json.loads(payload)
        if mark != ALL or len(rest) != 5:
            raise Invalid("send next_cursor of the page before, as it came, with the same practice_id", param="cursor")
        client_id, fingerprint, practice_id, inner, has_answered = rest
        if client_id != self._caller.id:
            raise NotFound("no such page", param="cursor")
        if fingerprint != self._fingerprint():
            raise Invalid("this cursor belongs to other filters: send the filters of the page before", param="cursor")
        return practice_id, inner, bool(has_answered)

    def _fingerprint(self) -> str:
        asked = self._query.model_dump(mode="json", exclude={"cursor", "limit", "include", "expand"}, exclude_none=True)
        return self._on.signer.fingerprint(json.dumps([ALL, self._obj, asked], sort_keys=True))
