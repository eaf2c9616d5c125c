"""What a client is shown of reconciliation: findings, balances by age, the journal. Read from the last run, whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from gateway.core.access import allow, only_practice
from gateway.core.callers import Caller, Verb
from gateway.core.errors import Invalid, NotFound, Unavailable
from gateway.core.ids import is_id, parse_row_id, practice_of_row, row_ids
from gateway.core.inputs import Day
from gateway.core.ports import Services
from gateway.core.reads.queries import Id, PagedQuery, PracticeQuery
from gateway.core.reconciliation.finding import Kept
from gateway.core.reconciliation.journal import as_csv
from gateway.core.reconciliation.ports import PART, Report
from gateway.core.reconciliation.text import money
from gateway.core.walltime import instant_text

RECONCILIATION: Final = "reconciliation"

MOST_DAYS: Final = 31
MOST_CHARACTERS: Final = 4_000_000
"""Of a file: Lambda hands on 6 MB at most."""

_READ_AT_ONCE: Final = 500
_READ_AT_MOST: Final = 4000
"""Findings that one page may look through for those that were asked for."""

_MONEY: Final = ("days_0_30", "days_31_60", "days_61_90", "days_over_90", "upcoming", "credit", "balance")

KindWord = Literal[
    "unapplied_patient_money",
    "overpaid_procedure",
    "underpaid_by_carrier",
    "overpaid_by_carrier",
    "claim_silent",
    "claim_unsent",
    "claim_denied",
    "received_not_finalised",
    "claim_payment_mismatch",
    "payment_mismatch",
    "secondary_not_billed",
    "credit_balance",
    "payment_plan_behind",
    "balance_mismatch",
    "broken_appointment_open",
]
SeverityWord = Literal["low", "medium", "high"]
StateWord = Literal["open", "resolved"]


class FindingsQuery(PagedQuery):
    """Filters of `GET /reconciliation/findings`."""

    kind: Annotated[list[KindWord], Field(min_length=1, max_length=15)] | None = None
    state: StateWord | None = None
    severity: Annotated[list[SeverityWord], Field(min_length=1, max_length=3)] | None = None
    patient_id: Id | None = None
    claim_id: Id | None = None


class AgingQuery(PagedQuery):
    """What `GET /reconciliation/aging` takes."""

    by: Literal["patient", "family", "carrier", "practice"] = "practice"


class JournalQuery(PracticeQuery):
    """What `GET /reconciliation/journal` takes: at most 31 of the office's calendar days, both included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    date_from: Day
    date_to: Day


@dataclass(frozen=True, slots=True)
class JournalFile:
    """Entries of some days as a file."""

    practice_id: str
    name: str
    text: str


def list_findings(query: FindingsQuery, *, caller: Caller, on: Services) -> dict[str, Any]:
    """A page of a practice's findings, in the order of their ids: scope `reconciliation:read`.

    Raises:
        NotFound: a practice, patient or claim of somebody else's. ScopeMissing. BaaMissing.
        Invalid: a cursor of other filters.
    """
    practice_id = _practice(query, caller, on)
    after = None if query.cursor is None else _read(query, practice_id, on)[0]
    found: list[Kept] = []
    is_end = False
    for looked_at, one in enumerate(_candidates(query, practice_id, after, on)):
        if len(found) == query.limit or looked_at == _READ_AT_MOST:
            break
        after = one.id
        if _fits(one, query):
            found.append(one)
    else:
        is_end = True
    report = on.reconciliations.report(practice_id)
    return {
        "data": [_shown(one, report) for one in found],
        "has_more": not is_end,
        "next_cursor": None if is_end else _write(query, practice_id, [after], on),
        "meta": _meta(practice_id, report) | {"open": dict(sorted(report.counts.items())) if report else {}},
    }


def get_finding(finding_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """One finding, open or resolved. Raises: NotFound, ScopeMissing, BaaMissing."""
    of = parse_row_id(finding_id, "finding")
    allow(caller, of.practice_id, RECONCILIATION, Verb.READ, on=on)
    kept = on.reconciliations.get(of.practice_id, finding_id)
    if kept is None:
        raise NotFound("no such finding")
    report = on.reconciliations.report(of.practice_id)
    return _shown(kept, report) | {"meta": _meta(of.practice_id, report)}


def list_aging(query: AgingQuery, *, caller: Caller, on: Services) -> dict[str, Any]:
    """A page of who owes how much since when, in the order of Open Dental's keys: scope `reconciliation:read`.

    Raises:
        Invalid: a cursor of other filters, or of a former run. NotFound, ScopeMissing, BaaMissing.
        Unavailable: another run has just been published.
    """
    practice_id = _practice(query, caller, on)
    report = on.reconciliations.report(practice_id)
    meta = _meta(practice_id, report)
    if report is None:
        return {"data": [], "has_more": False, "next_cursor": None, "meta": meta}
    if query.by == "practice":
        row = _aged(report.practice, practice_id, None)
        return {"data": [row], "has_more": False, "next_cursor": None, "meta": meta}
    name = f"aging/{query.by}"
    version, count = report.parts.get(name, ("", 0))
    start = 0
    if query.cursor is not None:
        start, of = _read(query, practice_id, on)
        if of != version:
            raise Invalid("the practice was reconciled since: begin with the first page", param="cursor")
    rows: list[Any] = []
    for number in range(start // PART, count):
        skipped = start - number * PART if number == start // PART else 0
        rows += _part(practice_id, name, version, number, on)[skipped:]
        if len(rows) > query.limit:
            break
    has_more = len(rows) > query.limit
    return {
        "data": [_aged(row, practice_id, query.by) for row in rows[: query.limit]],
        "has_more": has_more,
        "next_cursor": _write(query, practice_id, [start + query.limit, version], on) if has_more else None,
        "meta": meta,
    }


def journal_of(query: JournalQuery, *, caller: Caller, on: Services) -> JournalFile:
    """The journal of some days, as CSV: scope `reconciliation:read`.

    Raises:
        Invalid: more than 31 days, or so many entries that fewer days have to be asked for.
        NotFound: also where the practice was not reconciled yet. ScopeMissing, BaaMissing.
        Unavailable: another run has just been published.
    """
    practice_id = _practice(query, caller, on)
    if not timedelta(0) <= query.date_to - query.date_from < timedelta(days=MOST_DAYS):
        raise Invalid(f"ask for at most {MOST_DAYS} days, the first one first", param="date_to")
    report = on.reconciliations.report(practice_id)
    if report is None:
        raise NotFound("there is no journal yet: the practice was not reconciled")
    lines = _lines(practice_id, report, query.date_from, query.date_to, on)
    text = as_csv(lines)
    if len(text) > MOST_CHARACTERS:
        raise Invalid("these days have too many entries for one file: ask for fewer", param="date_to")
    return JournalFile(practice_id, f"journal-{practice_id}-{query.date_from}-{query.date_to}.csv", text)


def _lines(practice_id: str, report: Report, first: date, last: date, on: Services) -> Iterator[Sequence[str]]:
    months = dict.fromkeys(f"{day.year:04}-{day.month:02}" for day in (first, last))
    for month in months:
        name = f"journal/{month}"
        version, count = report.parts.get(name, ("", 0))
        for number in range(count):
            for line in _part(practice_id, name, version, number, on):
                if first.isoformat() <= line[1] <= last.isoformat():
                    yield line


# -- what is shown ----------------------------------------------------------------------------------------------------


def _shown(one: Kept, report: Report | None) -> dict[str, Any]:
    """An open finding holds as of the last run, whenever it was stored."""
    body = dict(one.body)
    if one.is_open and report is not None:
        body["as_of"] = max(body["as_of"], report.as_of.isoformat())
    return body


def _meta(practice_id: str, report: Report | None) -> dict[str, Any]:
    return {
        "practice_id": practice_id,
        "as_of": None if report is None else report.as_of.isoformat(),
        "reconciled_at": None if report is None else instant_text(report.ran_at),
        "plan_rule": None if report is None else report.plan_rule,
    }


_WHOSE: Final = {"patient": "patient_id", "family": "family_id", "carrier": "carrier_id"}


def _aged(row: Any, practice_id: str, by: str | None) -> dict[str, Any]:
    whose: dict[str, str | None] = dict.fromkeys(_WHOSE.values())
    if by is not None and row["key"]:
        kind = "carrier" if by == "carrier" else "patient"
        whose[_WHOSE[by]] = row_ids(kind, practice_id)(row["key"])
    amounts = {name: money(row[name]) for name in _MONEY}
    return {"practice_id": practice_id, **whose, **amounts, "insurance_pending": money(row["pending"])}


def _part(practice_id: str, name: str, version: str, number: int, on: Services) -> Sequence[Any]:
    part = on.reconciliations.part(practice_id, name, version, number)
    if part is None:
        # Between the report and its parts another run was published.
        raise Unavailable("the practice is being reconciled: ask again")
    return part


# -- what is asked ----------------------------------------------------------------------------------------------------


def _practice(query: PracticeQuery, caller: Caller, on: Services) -> str:
    """The practice that is named, or that an id among the filters names, or the only one."""
    named = query.practice_id
    for param, text in query.row_ids():
        of = practice_of_row(text)
        if of is None or of not in caller.client.practices or named not in {None, of}:
            raise NotFound("no such record", param=param)
        parse_row_id(text, param.removesuffix("_id"))
        named = of
    if named is not None and not is_id(named, "practice"):
        raise NotFound("no such practice", param="practice_id")
    try:
        return allow(caller, named or only_practice(caller), RECONCILIATION, Verb.READ, on=on).id
    except NotFound as error:
        raise NotFound(error.detail, param="practice_id") from None


def _candidates(query: FindingsQuery, practice_id: str, after: str | None, on: Services) -> Iterator[Kept]:
    for name in ("claim_id", "patient_id"):
        if (wanted := getattr(query, name)) is not None:
            yield from (one for one in on.reconciliations.of(practice_id, name, wanted) if one.id > (after or ""))
            return
    while page := on.reconciliations.page(practice_id, after=after, limit=_READ_AT_ONCE):
        yield from page
        after = page[-1].id
        if len(page) < _READ_AT_ONCE:
            return


def _fits(one: Kept, query: FindingsQuery) -> bool:
    body = one.body
    return (
        query.state in {None, one.state}
        and (query.kind is None or body["kind"] in query.kind)
        and (query.severity is None or body["severity"] in query.severity)
        and query.patient_id in {None, body["patient_id"]}
        and query.claim_id in {None, body["claim_id"]}
    )


def _bound_to(query: PagedQuery, on: Services) -> str:
    asked = query.model_dump(mode="json", exclude={"cursor", "limit", "practice_id"}, exclude_none=True)
    return on.signer.fingerprint(json.dumps([type(query).__name__, asked], sort_keys=True))


def _write(query: PagedQuery, practice_id: str, place: list[Any], on: Services) -> str:
    return on.signer.sign(json.dumps([practice_id, _bound_to(query, on), *place]).encode())


def _read(query: PagedQuery, practice_id: str, on: Services) -> list[Any]:
    payload = on.signer.verify(query.cursor or "")
    if payload is None:
        raise Invalid("send next_cursor of the page before, as it came", param="cursor")
    of, *place = json.loads(payload)
    if of != practice_id:
        raise NotFound("no such page", param="cursor")
    # Other lists sign their cursors with the same key.
    if not place or place[0] != _bound_to(query, on):
        raise Invalid("this cursor belongs to other filters: send the filters of the page before", param="cursor")
    rest: list[Any] = place[1:]
    return rest
