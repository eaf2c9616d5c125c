"""Reading payments: two tables of Open Dental, patients' payments and claim payments, as one list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from gateway.core import normalize
from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.errors import FilterTooWide, NotFound, VersionTooOld
from gateway.core.fetches import knows
from gateway.core.ids import insurance_payment_key, parse_row_id
from gateway.core.inputs import Day
from gateway.core.money_fetches import LISTS_OF_ALL
from gateway.core.normalize.payments import category_of, kind_of
from gateway.core.normalize.values import day, exact, key, text
from gateway.core.office_words import NO_WORDS, OfficeWords, Table
from gateway.core.ports import Services
from gateway.core.reads.across import list_across
from gateway.core.reads.lists import (
    Filter,
    Page,
    Pager,
    Reading,
    Row,
    SortKey,
    key_of,
    keys_of,
    not_before,
    on_days,
    practice_of,
    too_many_calls,
)
from gateway.core.reads.queries import Id, ListQuery, ObjectQuery
from gateway.core.requests import Freshness
from gateway.core.walltime import changed_since
from open_dental.versions import Version

if TYPE_CHECKING:
    from gateway.core.mirror.answers import Look

BOUNDS: Final = ("patient_id", "claim_id", "entered_from", "ids")
"""Filters of which one must be given, but for a practice whose mirror is complete; `updated_since` bounds payments of
carriers, if `kind` is `insurance` alone."""

ALLOCATED: Final = ("allocations", "unapplied_amount")
"""What lists have only with `expand=allocations`."""

_LISTED: Final = ("payments", "claimpayments")

_FEW: Final = 3
"""Up to so many payments have their splits read one by one before the family's are read together."""

Kind = Literal["patient", "insurance", "refund", "income_transfer"]
Category = Literal["cash", "check", "card", "eft", "other"]


class PaymentsQuery(ListQuery):
    """Filters of `GET /payments`."""

    patient_id: Id | None = None
    """Paid by this patient, for this patient by others, or by carriers for this patient's claims."""
    claim_id: Id | None = None
    """Carriers' payments of this claim."""
    kind: list[Kind] | None = None
    method: list[Category] | None = None
    """Categories of the method, which are guessed from the office's own names."""
    date_from: Day | None = None
    date_to: Day | None = None
    """Days of `received_on`, both included."""
    entered_from: Day | None = None
    entered_to: Day | None = None
    """Days of `entered_on`, both included. `entered_from` bounds a list, which `date_from` does for a mirror only: Open
    Dental can be asked for the day of entry only."""
    location_id: Id | None = None
    check_number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = None
    expand: list[Literal["allocations"]] = Field(default=[], max_length=1)
    """`allocations` costs a call a payment, fewer for one patient. What takes longer than the cache holds rows is read
    in full with `Cache-Control: max-age=600`."""


class PaymentQuery(ObjectQuery):
    """What one payment can be asked for; its allocations are always there."""

    patient_id: Id | None = None
    """The payer, where known: saves the search for a payment that is for others than its payer."""


@dataclass(slots=True)
class _Found:
    """The rows of a list. `splits` and `lines` are those of one patient, and all that is known yet.

    `stubs` are claim payments of which only key and day are known, as rows of `claimpayments`.
    """

    rows: list[Row]
    splits: list[Row]
    lines: list[Row]
    stubs: list[Row]


def list_payments(query: PaymentsQuery, *, caller: Caller, freshness: Freshness, on: Services) -> dict[str, Any]:
    """The payments that all filters fit, in the order of the day they were received.

    One patient's cost three calls, one for each carrier's payment on the page, and some where others paid.

    Raises:
        FilterTooWide: nothing bounds the list. NotFound, Invalid, PermissionMissing, VersionTooOld, and what `allow`
        and `requests.fetch` raise.
    """
    if query.is_of_several:
        return list_across(list_payments, query, "payments", caller=caller, freshness=freshness, on=on)
    practice = practice_of(query, "payments", caller=caller, on=on)
    pager = Pager(query, "payments", practice, on=on)
    reading = Reading(practice, caller, freshness, on)
    patient = key_of(query.patient_id, "patient", practice, param="patient_id")
    keys = keys_of(query, "payment", practice)
    on_rows, on_stubs = _filters(query, reading, keys=keys)

    try:
        found = _found(query, reading, patient=patient, keys=keys)
    except FilterTooWide:
        walked = _walk(query, [*on_stubs, *on_rows], pager, reading)
        if walked is None:
            raise
        return _enveloped(walked, walked.rows, _Found([], [], [], []), query, reading, patient=None)
    stubs = [row for row in found.stubs if all(fits(row) for fits in on_stubs)]
    if on_rows:
        # Only the rows of the payments themselves say the rest.
        found.rows += _claim_payments(stubs, reading)
        stubs = []
    rows = [row for row in found.rows if all(fits(row) for fits in (*on_stubs, *on_rows))]
    page = pager.cut([*rows, *stubs], _place)
    unread = {_key(row) for row in stubs}
    read = {_key(row): row for row in _claim_payments([row for row in page.rows if _key(row) in unread], reading)}
    # One that is gone since its lines were read is no longer a payment.
    shown = [read.get(_key(row), row) for row in page.rows if _key(row) in read or _key(row) not in unread]
    return _enveloped(page, shown, found, query, reading, patient=patient)


def _enveloped(
    page: Page, shown: list[Row], found: _Found, query: PaymentsQuery, reading: Reading, *, patient: int | None
) -> dict[str, Any]:
    if "allocations" in query.expand:
        _allocate(shown, found, reading, patient=patient)
        data = _shown(shown, reading, query, splits=found.splits, lines=found.lines)
    else:
        data = _shown(shown, reading, query, splits=None, lines=None)
    return page.envelope(data, reading.meta(() if "allocations" in query.expand else ALLOCATED))


def _walk(query: PaymentsQuery, wanted: list[Filter], pager: Pager, reading: Reading) -> Page | None:
    """The page of payments of any day, from the mirror; those without a day of receipt are on no such list.

    Not by change: of those, all payments of all years would have to be looked at.
    """
    if query.updated_since is not None:
        return None
    resources = [name for name, is_wanted in zip(_LISTED, _kinds(query), strict=True) if is_wanted]

    def walk(look: Look) -> Page:
        from gateway.core.mirror.walks import MOST_EXAMINED, MOST_STRETCHES, by_day, day_of  # noqa: PLC0415

        require(reading.practice, *(f"{name}.list" for name in resources))
        first = date.min if pager.after is None else day_of(pager.after)
        return pager.walk(
            by_day(look, *resources, first=max(first, query.date_from or first), last=query.date_to, place=_place),
            _place,
            lambda row: all(fits(row) for fits in wanted),
            most_rows=MOST_EXAMINED,
            most_stretches=MOST_STRETCHES,
        )

    return reading.walk(walk)


def get_payment(
    payment_id: str, query: PaymentQuery | None = None, *, caller: Caller, freshness: Freshness, on: Services
) -> dict[str, Any]:
    """One payment with its allocations: two calls, more where the payer is none of those it is for.

    Raises:
        NotFound: no such payment, or another's. PermissionMissing, VersionTooOld. And what `allow` and
        `requests.fetch` raise.
    """
    query = query or PaymentQuery()
    named = parse_row_id(payment_id, "payment")
    practice = allow(caller, named.practice_id, "payments", Verb.READ, on=on)
    payer = key_of(query.patient_id, "patient", practice, param="patient_id")
    reading = Reading(practice, caller, freshness, on)
    asked: dict[str, Any] = {"key": named.key}
    if named.key < 0:
        require(practice, "claimpayments.get", "claimprocs.list")
    else:
        require(practice, "paysplits.list", "payments.list")
        asked |= {} if payer is None else {"patient": payer}
    found = reading.rows("fetch.payment", asked)
    rows = [row for row in (*found.get("payments", ()), *found.get("claimpayments", ())) if _key(row) == named.key]
    if not rows:
        raise NotFound("no such payment")
    (shown,) = _shown(rows[:1], reading, query, splits=found.get("paysplits", []), lines=found.get("claimprocs", []))
    return {**shown, "meta": reading.meta(())}


def _found(query: PaymentsQuery, reading: Reading, *, patient: int | None, keys: list[int] | None) -> _Found:
    """The rows that the list is bounded to."""
    practice = reading.practice
    patients, carriers = _kinds(query)
    claim = key_of(query.claim_id, "claim", practice, param="claim_id")
    if claim is not None:
        return _of_claim(claim, patient, reading)
    if patient is not None:
        require(practice, *(("payments.list", "paysplits.list") if patients else ()))
        require(practice, *(("claimprocs.list",) if carriers else ()))
        asked = {"key": patient, "payments": patients, "lines": carriers}
        found = reading.rows("fetch.payments_of_patient", asked, of="patient_id")
        lines = list(found["claimprocs"])
        return _Found(list(found["payments"]), list(found["paysplits"]), lines, _stubs(lines))
    if keys is not None:
        return _of_keys(keys, reading)
    found_rows = list[Row]()
    if query.entered_from is None and (query.updated_since is None or query.kind != ["insurance"]):
        raise FilterTooWide(
            f"send at least one of {', '.join(BOUNDS)}, but for a practice whose mirror is complete; updated_since "
            "bounds a list of kind insurance only, because nobody lists patients' payments by their last change",
            bounds=list(BOUNDS),
        )
    if patients:
        require(practice, "payments.list")
        if practice.version is not None and not Version.parse(practice.version).has(Version.parse(LISTS_OF_ALL)):
            raise VersionTooOld(
                f"the office's Open Dental lists payments of all patients only since {LISTS_OF_ALL}: send patient_id",
                version=LISTS_OF_ALL,
            )
        first = query.entered_from.isoformat() if query.entered_from else None
        new: dict[str, Any] = {"resource": "payments", "queries": [{"DateEntry": first}]}
        found_rows += reading.rows("fetch.payments", new)["payments"]
    if carriers:
        require(practice, "claimpayments.list")
        since = [f"{query.entered_from} 00:00:00"] if query.entered_from else []
        if query.updated_since is not None:
            since.append(changed_since(query.updated_since, practice.zone()))
        # Who was entered since then was last edited since then, too.
        new = {"resource": "claimpayments", "queries": [{"SecDateTEdit": max(since)}]}
        found_rows += reading.rows("fetch.claimpayments", new)["claimpayments"]
    return _Found(found_rows, [], [], [])


def _kinds(query: PaymentsQuery) -> tuple[bool, bool]:
    """Whether payments of patients are among those that are asked for, and payments of carriers."""
    patients = query.kind is None or bool({"patient", "refund", "income_transfer"} & set(query.kind))
    return patients, query.kind is None or bool({"insurance", "refund"} & set(query.kind))


def _of_claim(claim: int, patient: int | None, reading: Reading) -> _Found:
    """Carriers' payments of the claim's lines."""
    asked = {"ClaimNum": claim} if patient is None else {"ClaimNum": claim, "PatNum": patient}
    require(reading.practice, "claimprocs.list")
    if patient is None and not knows(reading.practice, "claimprocs.list", "ProcNum"):
        raise VersionTooOld("the office's Open Dental lists a claim's lines only with patient_id", version="23.2.16")
    lines = [
        line
        for line in reading.rows("fetch.claimprocs", {"queries": [asked]})["claimprocs"]
        if key(line.get("ClaimNum")) == claim
    ]
    return _Found([], [], lines, _stubs(lines))


def _of_keys(keys: Sequence[int], reading: Reading) -> _Found:
    """The payments of these ids: one call for a carrier's, two at least for a patient's."""
    rows, splits = list[Row](), list[Row]()
    of_carriers = [-one for one in keys if one < 0]
    of_patients = [one for one in keys if one > 0]
    if of_carriers:
        rows += _claim_payments([{"ClaimPaymentNum": one} for one in of_carriers], reading)
    if of_patients:
        require(reading.practice, "paysplits.list", "payments.list")
        found = reading.rows("fetch.payments_by_key", {"keys": of_patients})
        rows += found["payments"]
        splits += found["paysplits"]
    return _Found(rows, splits, [], [])


def _stubs(lines: Iterable[Row]) -> list[Row]:
    """The payments that `lines` name: a paid line has its payment's day.

    Source: https://www.opendental.com/site/apiclaimprocs.html, DateCP.
    """
    days = dict[int, str]()
    for line in lines:
        if number := key(line.get("ClaimPaymentNum")):
            days[number] = max(days.get(number, ""), day(line.get("DateCP")) or "")
    return [{"ClaimPaymentNum": number, "CheckDate": paid_on} for number, paid_on in days.items()]


def _claim_payments(stubs: Sequence[Row], reading: Reading) -> list[Row]:
    """The rows of claim payments, a call each."""
    if not stubs:
        return []
    require(reading.practice, "claimpayments.get")
    asked = {"resource": "claimpayments", "keys": sorted(key(row.get("ClaimPaymentNum")) for row in stubs)}
    return list(reading.rows("fetch.claimpayments", asked)["claimpayments"])


def _filters(query: PaymentsQuery, reading: Reading, *, keys: list[int] | None) -> tuple[list[Filter], list[Filter]]:
    """The filters that only a payment's own row can be held against, and those that a stub will do for."""
    practice = reading.practice
    on_rows, on_stubs = list[Filter](), list[Filter]()
    if keys is not None:
        among = frozenset(keys)
        on_stubs.append(lambda row: _key(row) in among)
    if query.date_from or query.date_to:
        received = on_days(query.date_from, query.date_to)
        on_stubs.append(lambda row: received(_received_on(row)))
    if query.entered_from or query.entered_to:
        entered = on_days(query.entered_from, query.entered_to)
        on_rows.append(lambda row: entered(day(row.get("DateEntry" if "PayNum" in row else "SecDateEntry"))))
    if query.kind is not None:
        kinds = frozenset[str](query.kind)
        on_rows.append(lambda row: kind_of(row) in kinds)
    if query.method is not None:
        methods = frozenset[str](query.method)
        # A list is not held up by a row that does not name its type: what is known of the office will do.
        on_rows.append(lambda row: category_of(row, _words([row], reading)) in methods)
    if query.check_number is not None:
        on_rows.append(lambda row: text(row.get("CheckNum")) == query.check_number)
    if (location := key_of(query.location_id, "location", practice, param="location_id")) is not None:
        on_rows.append(lambda row: key(row.get("ClinicNum")) == location)
    if query.updated_since is not None:
        on_rows.append(not_before(changed_since(query.updated_since, practice.zone()), "SecDateTEdit"))
    return on_rows, on_stubs


def _allocate(rows: Sequence[Row], found: _Found, reading: Reading, *, patient: int | None) -> None:
    """Read the splits and lines of `rows` that are not among those found yet."""
    lacking = [row for row in rows if "PayNum" in row and not _is_whole(row, found.splits)]
    if lacking:
        require(reading.practice, "paysplits.list")
    if patient is not None and len(lacking) > _FEW:
        found.splits = _once(
            "SplitNum", found.splits, reading.rows("fetch.family_splits", {"key": patient})["paysplits"]
        )
        lacking = [row for row in lacking if not _is_whole(row, found.splits)]
    unpaid = [row for row in rows if "PayNum" not in row and not _is_whole_check(row, found.lines)]
    if not lacking and not unpaid:
        return
    too_many_calls(len(lacking) + len(unpaid), "expand=allocations")
    checks = sorted(key(row.get("ClaimPaymentNum")) for row in unpaid)
    # One turn for all of them: each fetch of its own would go stale while the next is read.
    asked = {"payments": sorted(key(row.get("PayNum")) for row in lacking), "claim_payments": checks}
    read = reading.rows("fetch.allocations", asked)
    found.splits = _once("SplitNum", found.splits, read["paysplits"])
    found.lines = _once("ClaimProcNum", found.lines, read["claimprocs"])


def _is_whole(row: Row, splits: Iterable[Row]) -> bool:
    """Whether `splits` have all of a payment, by its amount. Those of a transfer make nothing, whatever is missing."""
    number = key(row.get("PayNum"))
    parts = [exact(split.get("SplitAmt")) for split in splits if key(split.get("PayNum")) == number]
    return bool(parts) and bool(exact(row.get("PayAmt"))) and sum(parts) == exact(row.get("PayAmt"))


def _is_whole_check(row: Row, lines: Iterable[Row]) -> bool:
    """Whether `lines` have all of a claim payment, by its amount."""
    number = key(row.get("ClaimPaymentNum"))
    parts = [exact(line.get("InsPayAmt")) for line in lines if key(line.get("ClaimPaymentNum")) == number]
    return bool(parts) and bool(exact(row.get("CheckAmt"))) and sum(parts) == exact(row.get("CheckAmt"))


def _once(column: str, rows: Iterable[Row], more: Iterable[Row]) -> list[Row]:
    return list({key(row.get(column)): row for row in (*rows, *more)}.values())


def _shown(
    rows: Iterable[Row],
    reading: Reading,
    query: ObjectQuery,
    *,
    splits: Iterable[Row] | None,
    lines: Iterable[Row] | None,
) -> list[dict[str, Any]]:
    rows = list(rows)
    more: dict[str, Any] = {
        "words": _words(rows, reading),
        "practice": reading.practice,
        "synced_at": reading.as_of,
        "raw": "raw" in query.include,
    }
    return [
        normalize.patient_payment(row, splits=splits, **more)
        if "PayNum" in row
        else normalize.insurance_payment(row, lines=lines, **more)
        for row in rows
    ]


def _words(rows: Iterable[Row], reading: Reading) -> OfficeWords:
    """The office's names of types, where rows do not bring them."""
    nameless = [number for row in rows if (number := key(row.get("PayType"))) and not text(row.get("payType"))]
    return reading.words(Table.DEFINITIONS, definitions=nameless) if nameless else NO_WORDS


def _key(row: Row) -> int:
    return key(row.get("PayNum")) if "PayNum" in row else insurance_payment_key(key(row.get("ClaimPaymentNum")))


def _received_on(row: Row) -> str | None:
    return day(row.get("PayDate" if "PayNum" in row else "CheckDate"))


def _place(row: Row) -> SortKey:
    return _received_on(row) or "", _key(row)
