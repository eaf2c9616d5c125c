"""Reading claims."""

from __future__ import annotations

from typing import Any, Final

from gateway.core import normalize
from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.errors import FilterTooWide, NotFound
from gateway.core.fetches import knows
from gateway.core.ids import parse_row_id
from gateway.core.normalize.claims import NEEDS_LINES, STATUS, WATCHED
from gateway.core.normalize.values import day, drift, key
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.across import list_across
from gateway.core.reads.lists import (
    MOST_DAYS,
    Filter,
    Page,
    Pager,
    Reading,
    Row,
    SortKey,
    along,
    key_of,
    keys_of,
    not_before,
    on_days,
    practice_of,
    report_drift,
    walk_by_key,
)
from gateway.core.reads.queries import ClaimQuery, ClaimsQuery
from gateway.core.requests import Freshness
from gateway.core.walltime import changed_since

BOUNDS: Final = ("patient_id", "status", "updated_since", "ids")
"""Filters of which at least one must be given, but for a practice whose mirror is complete; before 23.3.11 an office
can be asked by patient only."""


def list_claims(query: ClaimsQuery, *, caller: Caller, freshness: Freshness, on: Services) -> dict[str, Any]:
    """The claims that all filters fit, in the order of their keys.

    `expand=lines` costs a call for the whole list of one patient, else one a claim; `expand=carrier` two a plan.

    Raises:
        FilterTooWide: nothing bounds the list. NotFound, Invalid, and what `allow` and `requests.fetch` raise.
    """
    if query.is_of_several:
        return list_across(list_claims, query, "claims", caller=caller, freshness=freshness, on=on)
    practice = practice_of(query, "claims", caller=caller, on=on)
    pager = Pager(query, "claims", practice, on=on)
    keys = keys_of(query, "claim", practice)
    patient = key_of(query.patient_id, "patient", practice, param="patient_id")
    carrier = key_of(query.carrier_id, "carrier", practice, param="carrier_id")
    since = None if query.updated_since is None else changed_since(query.updated_since, practice.zone())
    within = on_days(query.date_from, query.date_to)
    reading = Reading(practice, caller, freshness, on)
    wanted: list[Filter] = [not_before(since, "SecDateTEdit")]
    if keys is not None:
        among = frozenset(keys)
        wanted.append(lambda row: key(row.get("ClaimNum")) in among)
    if patient is not None:
        wanted.append(lambda row: key(row.get("PatNum")) == patient)
    if query.status is not None:
        statuses = frozenset(query.status)
        wanted.append(lambda row: STATUS[row.get("ClaimStatus")] in statuses)
    if query.date_from or query.date_to:
        wanted.append(lambda row: within(day(row.get("DateService"))))

    try:
        bound = _bound(query, practice, keys=keys, patient=patient, carrier=carrier, since=since)
    except FilterTooWide:
        walked = _walk(query, wanted, pager, reading, carrier=carrier)
        if walked is None:
            raise
        page = walked
    else:
        wide = all(one.keys() <= {"ClaimStatus"} for one in bound.get("queries", [{"": None}]))
        walked = _walk(query, wanted, pager, reading, carrier=carrier, is_only_road=False) if wide else None
        page = walked or _listed(wanted, bound, pager, reading, patient=patient, carrier=carrier)
    lines = _lines(page.rows, patient, reading) if "lines" in query.expand else None
    carriers = _carriers(page.rows, reading) if "carrier" in query.expand else {}
    data = [
        normalize.claim(
            row,
            practice=practice,
            synced_at=reading.as_of,
            lines=lines,
            carrier=carriers.get(key(row.get("PlanNum"))),
            raw="raw" in query.include,
        )
        for row in page.rows
    ]
    omitted = [
        *(() if lines is not None else NEEDS_LINES),
        *(() if "carrier" in query.expand else ("carrier",)),
    ]
    return page.envelope(data, reading.meta(omitted))


def _walk(
    query: ClaimsQuery,
    wanted: list[Filter],
    pager: Pager,
    reading: Reading,
    *,
    carrier: int | None,
    is_only_road: bool = True,
) -> Page | None:
    """The page of all claims, from the mirror. Which carrier's a claim is only its plan says."""
    if carrier is not None:
        return None
    letters = [letter for ours in query.status or () for letter in STATUS.upstream(ours)]
    # Most are received, and letters that nobody knew cannot be looked up.
    where = () if {"received", "other"} & set(query.status or ()) else along("ClaimStatus", letters)
    first, last = query.date_from, query.date_to
    days = None if where or first is None or last is None or (last - first).days >= MOST_DAYS else (first, last)
    return walk_by_key(
        "claims", "claims.list", wanted, pager, reading, where=where, days=days, is_only_road=is_only_road
    )


def _listed(
    wanted: list[Filter],
    bound: dict[str, Any],
    pager: Pager,
    reading: Reading,
    *,
    patient: int | None,
    carrier: int | None,
) -> Page:
    """The page of a list that something bounds."""
    found = reading.rows("fetch.claims", bound, of="patient_id" if patient is not None else None)
    report_drift(drift("claim", WATCHED, found["claims"]))
    fits = list(wanted)
    if carrier is not None:
        plans = {key(plan.get("PlanNum")) for plan in found["insplans"] if key(plan.get("CarrierNum")) == carrier}
        fits.append(lambda row: key(row.get("PlanNum")) in plans)
    return pager.cut((row for row in found["claims"] if all(one(row) for one in fits)), _place)


def get_claim(
    claim_id: str, query: ClaimQuery | None = None, *, caller: Caller, freshness: Freshness, on: Services
) -> dict[str, Any]:
    """One claim with its lines: two calls; with `expand=carrier` two more.

    Raises:
        NotFound: no such claim, or another's. VersionTooOld. And what `allow` and `requests.fetch` raise.
    """
    query = query or ClaimQuery()
    named = parse_row_id(claim_id, "claim")
    practice = allow(caller, named.practice_id, "claims", Verb.READ, on=on)
    reading = Reading(practice, caller, freshness, on)
    found = reading.rows("fetch.claim", {"key": named.key})
    rows = [row for row in found["claims"] if key(row.get("ClaimNum")) == named.key]
    if not rows:
        raise NotFound("no such claim")
    report_drift(drift("claim", WATCHED, rows))
    with_carrier = "carrier" in query.expand
    carriers = _carriers(rows, reading) if with_carrier else {}
    shown = normalize.claim(
        rows[0],
        practice=practice,
        synced_at=reading.as_of,
        lines=found.get("claimprocs", []),
        carrier=carriers.get(key(rows[0].get("PlanNum"))),
        raw="raw" in query.include,
    )
    return {**shown, "meta": reading.meta(() if with_carrier else ("carrier",))}


def _place(row: Row) -> SortKey:
    return (key(row.get("ClaimNum")),)


def _bound(
    query: ClaimsQuery,
    practice: Practice,
    *,
    keys: list[int] | None,
    patient: int | None,
    carrier: int | None,
    since: str | None,
) -> dict[str, Any]:
    more = {} if carrier is None else {"carrier": carrier}
    if keys is not None and (knows(practice, "claims.get") or patient is None):
        return {"keys": keys, **more}
    asked: dict[str, Any] = {}
    if patient is not None:
        asked["PatNum"] = patient
    if since is not None and knows(practice, "claims.list", "SecDateTEdit"):
        asked["SecDateTEdit"] = since
    letters = [letter for ours in query.status or () for letter in STATUS.upstream(ours)]
    # A list for each status costs a call at least: where something else bounds, one list is cheaper.
    if letters and (len(letters) == 1 or not asked) and knows(practice, "claims.list", "ClaimStatus"):
        return {"queries": [{**asked, "ClaimStatus": letter} for letter in letters], **more}
    if not asked:
        raise FilterTooWide(f"send at least one of {', '.join(BOUNDS)}", bounds=list(BOUNDS))
    return {"queries": [asked], **more}


def _lines(rows: list[Row], patient: int | None, reading: Reading) -> list[Row]:
    if not rows:
        return []
    if patient is not None and len(rows) > 1 and knows(reading.practice, "claimprocs.list", "ProcNum"):
        queries = [{"PatNum": patient}]
    else:
        # Until 23.2.16 both were required.
        queries = [{"ClaimNum": key(row.get("ClaimNum")), "PatNum": key(row.get("PatNum"))} for row in rows]
    return list(reading.rows("fetch.claimprocs", {"queries": queries})["claimprocs"])


def _carriers(rows: list[Row], reading: Reading) -> dict[int, Row]:
    """PlanNum -> the carrier's row."""
    numbers = sorted({found for row in rows if (found := key(row.get("PlanNum")))})
    if not numbers:
        return {}
    fetched = reading.rows("fetch.carriers_of_plans", {"keys": numbers})
    by_key = {key(row.get("CarrierNum")): row for row in fetched["carriers"]}
    return {
        key(plan.get("PlanNum")): by_key[key(plan.get("CarrierNum"))]
        for plan in fetched["insplans"]
        if key(plan.get("CarrierNum")) in by_key
    }
