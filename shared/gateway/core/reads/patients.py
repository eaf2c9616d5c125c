"""Reading patients."""

from __future__ import annotations

from typing import Any, Final

from gateway.core import normalize
from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.capability import require
from gateway.core.errors import FilterTooWide, Invalid, NotFound, PermissionMissing, VersionTooOld
from gateway.core.fetches import knows
from gateway.core.ids import parse_row_id
from gateway.core.normalize.names import words as name_words
from gateway.core.normalize.patients import STATUS, SUMMARY_LACKS, WATCHED, has_email, has_phone
from gateway.core.normalize.values import drift, e164, key
from gateway.core.office_words import OfficeWords, Table
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.across import list_across
from gateway.core.reads.lists import (
    Filter,
    Page,
    Pager,
    Reading,
    Row,
    SortKey,
    Where,
    along,
    key_of,
    keys_of,
    not_before,
    practice_of,
    report_drift,
    too_many_calls,
    walk_by_key,
)
from gateway.core.reads.queries import ObjectQuery, PatientsQuery
from gateway.core.requests import Freshness
from gateway.core.walltime import changed_since

BOUNDS: Final = (
    "name",
    "any_name",
    "birth_date",
    "phone",
    "email",
    "provider_id",
    "location_id",
    "status",
    "updated_since",
    "ids",
)
"""Filters of which at least one must be given, but for a practice whose mirror is complete."""

_WIDE: Final = frozenset({"PatStatus", "PriProv", "ClinicNum"})
"""Parameters that a good part of a practice's patients may fit."""

SSN_SCOPE: Final = "patients.ssn"


def list_patients(query: PatientsQuery, *, caller: Caller, freshness: Freshness, on: Services) -> dict[str, Any]:
    """The patients that all filters fit, in the order of their keys.

    Open Dental is asked by the bound that costs the fewest calls and brings the most:

    * by key, where `ids` is given: one call each;
    * `patients.Simple` with name, birth date, provider, location, status and change time: full rows;
    * `patients.list`, the selection window, for a telephone number or an e-mail address with no name and no birth date:
      one call instead of a walk over every patient. Its rows are summaries (`detail: summary`), and a patient who is
      missing there may exist: the window hides deleted patients and those of closed clinics. Where a filter or
      `expand=details` needs the full row, each match is read: a call more for each.

    Every filter is applied here again, over all pages. What nothing bounds is read from the practice's mirror, where it
    has one that is complete.

    Raises:
        FilterTooWide: nothing bounds the list. NotFound, Invalid, and what `allow` and `requests.fetch` raise.
    """
    if query.is_of_several:
        return list_across(list_patients, query, "patients", caller=caller, freshness=freshness, on=on)
    practice = practice_of(query, "patients", caller=caller, on=on)
    pager = Pager(query, "patients", practice, on=on)
    provider = key_of(query.provider_id, "provider", practice, param="provider_id")
    clinic = key_of(query.location_id, "location", practice, param="location_id")
    phone = None if query.phone is None else e164(query.phone)
    if query.phone is not None and phone is None:
        raise Invalid("write a telephone number with its area code, such as 555-555-0197", param="phone")
    keys = keys_of(query, "patient", practice)
    since = None if query.updated_since is None else changed_since(query.updated_since, practice.zone())
    reading = Reading(practice, caller, freshness, on)
    wanted = _filters(query, keys=keys, phone=phone, provider=provider, clinic=clinic, since=since)
    where = _where(query, provider, clinic)
    summary = False
    try:
        bound = _bound(query, practice, keys=keys, phone=phone, provider=provider, clinic=clinic, since=since)
    except FilterTooWide:
        walked = _walk(query, wanted, pager, reading, where=where)
        if walked is None:
            raise
        page = walked
    else:
        wide = all(one.keys() <= _WIDE for one in bound.get("queries", [{"": None}]))
        walked = _walk(query, wanted, pager, reading, where=where, is_only_road=False) if wide else None
        if walked is None:
            found = reading.rows("fetch.patients", bound)
            summary = "patients.list" in found
            rows = found["patients.list" if summary else "patients"]
            report_drift(drift("patient", {"PatStatus": STATUS} if summary else WATCHED, rows))
            walked = pager.cut((row for row in rows if all(fits(row) for fits in wanted)), _place)
        page = walked
    fields = _fields(page.rows, reading) if "extensions" in query.expand else None
    words = reading.words(Table.DEFINITIONS, only_if_cached=True)
    data = [
        normalize.patient(
            row,
            practice=practice,
            synced_at=reading.as_of,
            detail="summary" if summary else "full",
            words=words,
            fields=fields,
            show_ssn=SSN_SCOPE in caller.client.scopes,
            raw="raw" in query.include,
        )
        for row in page.rows
    ]
    omitted = [*(SUMMARY_LACKS if summary else ()), *_unsaid(words), *(() if fields is not None else ("extensions",))]
    return page.envelope(data, reading.meta(omitted))


def _walk(
    query: PatientsQuery,
    wanted: list[Filter],
    pager: Pager,
    reading: Reading,
    *,
    where: Where,
    is_only_road: bool = True,
) -> Page | None:
    """The page of all patients, from the mirror. Deleted ones are on no list, so that nobody knows all of them."""
    if query.status is not None and "deleted" in query.status:
        return None
    return walk_by_key("patients", "patients.Simple", wanted, pager, reading, where=where, is_only_road=is_only_road)


def _where(query: PatientsQuery, provider: int | None, clinic: int | None) -> Where:
    """Where in the mirror the patients lie that a wide list is about; active ones are most of all."""
    words = [word for ours in query.status or () for word in STATUS.upstream(ours)]
    if words and "Patient" not in words:
        return along("PatStatus", words)
    return along("PriProv", [provider]) if provider else along("ClinicNum", [clinic]) if clinic else ()


def _place(row: Row) -> SortKey:
    return (key(row.get("PatNum")),)


def get_patient(
    patient_id: str, query: ObjectQuery | None = None, *, caller: Caller, freshness: Freshness, on: Services
) -> dict[str, Any]:
    """One patient, with `meta` beside its fields. One call, and one more in an office that has fields of its own.

    Raises:
        NotFound: no such patient, or another's. And what `allow` and `requests.fetch` raise.
    """
    named = parse_row_id(patient_id, "patient")
    practice = allow(caller, named.practice_id, "patients", Verb.READ, on=on)
    reading = Reading(practice, caller, freshness, on)
    rows = [
        row
        for row in reading.rows("fetch.patient", {"key": named.key})["patients"]
        if key(row.get("PatNum")) == named.key
    ]
    if not rows:
        raise NotFound("no such patient")
    report_drift(drift("patient", WATCHED, rows))
    fields: list[Row] | None
    try:
        fields = reading.or_without(lambda: _fields(rows, reading))
    except (PermissionMissing, VersionTooOld):
        fields = None
    words = reading.words(Table.DEFINITIONS, only_if_cached=True)
    shown = normalize.patient(
        rows[0],
        practice=practice,
        synced_at=reading.as_of,
        words=words,
        fields=fields,
        show_ssn=SSN_SCOPE in caller.client.scopes,
        raw=query is not None and "raw" in query.include,
    )
    return {**shown, "meta": reading.meta([*_unsaid(words), *(() if fields is not None else ("extensions",))])}


def _fields(rows: list[Row], reading: Reading) -> list[Row]:
    """The office's own fields of these patients; no call where the office is known to have none.

    Raises: PermissionMissing, VersionTooOld: they cannot be asked for. FilterTooWide: of so many patients.
    """
    require(reading.practice, "patfields.list")
    words = reading.words(Table.PATIENT_FIELDS)
    none = words.knows(Table.PATIENT_FIELDS) and not words.fields(Table.PATIENT_FIELDS)
    if none or not rows:
        return []
    too_many_calls(len(rows), "expand=extensions")
    queries = [{"PatNum": number} for number in sorted(key(row.get("PatNum")) for row in rows)]
    asked = {"resource": "patfields", "queries": queries, "none_is_404": True}
    return list(reading.rows("fetch.patfields", asked)["patfields"])


def _unsaid(words: OfficeWords) -> tuple[str, ...]:
    """The id of a billing type is worth no call: rows have its name."""
    return () if words.knows(Table.DEFINITIONS) else ("billing_type.id",)


def _bound(
    query: PatientsQuery,
    practice: Practice,
    *,
    keys: list[int] | None,
    phone: str | None,
    provider: int | None,
    clinic: int | None,
    since: str | None,
) -> dict[str, Any]:
    if keys is not None:
        return {"keys": keys}
    if (phone or query.email) and not (query.name or query.any_name or query.birth_date):
        # The window has no provider and no change time; telephone numbers it compares digit by digit.
        window = {"showArchived": True, "hideInactive": False}
        national = phone.removeprefix("+1").removeprefix("+") if phone else None
        asked = {**window, **_given(Phone=national, Email=query.email)}
        if "details" in query.expand or provider is not None or since is not None:
            return {"window": asked, "details": True, **_given(phone=phone, email=query.email)}
        return {"window": asked}
    asked = _given(
        Birthdate=None if query.birth_date is None else query.birth_date.isoformat(),
        ClinicNum=clinic,
        DateTStamp=since,
        PriProv=provider if knows(practice, "patients.Simple", "PriProv") else None,
        **_name_asked(query.name),
    )
    # Deleted patients are hidden from this list, whatever is asked.
    words = [word for ours in query.status or () for word in STATUS.upstream(ours) if word != "Deleted"]
    # The whole of what is meant, for the mirror, which need not ask by a part of it.
    meant = _given(name=query.name, any_name=query.any_name)
    if query.any_name is not None and not asked:
        # Open Dental takes one name or the other, so it is asked for both.
        longest = max(query.any_name.split(), key=len)
        return {"queries": [{"LName": longest}, {"FName": longest}], **meant}
    if words:
        # Seven words at most, each its own list; more than a few are cheaper filtered here, if anything else bounds.
        several = words if len(words) <= 2 or not asked else []
        return {"queries": [{**asked, "PatStatus": word} for word in several] or [asked], **meant}
    if not asked and query.status is not None and "deleted" in query.status:
        raise FilterTooWide("Open Dental has deleted patients on no list: send ids", bounds=["ids"])
    if not asked:
        raise FilterTooWide(f"send at least one of {', '.join(BOUNDS)}", bounds=list(BOUNDS))
    return {"queries": [asked], **meant}


def _given(**params: Any) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _name_asked(name: str | None) -> dict[str, str]:
    """The name as `LName` and `FName`, which match anywhere in the name, whatever the case."""
    if name is None:
        return {}
    last, comma, first = name.partition(",")
    if comma:
        return {column: words[0] for column, part in (("LName", last), ("FName", first)) if (words := part.split())}
    words = name.split()
    return {"LName": words[-1]}


def _filters(
    query: PatientsQuery,
    *,
    keys: list[int] | None,
    phone: str | None,
    provider: int | None,
    clinic: int | None,
    since: str | None,
) -> list[Filter]:
    wanted: list[Filter] = []
    if keys is not None:
        among = frozenset(keys)
        wanted.append(lambda row: key(row.get("PatNum")) in among)
    if query.name_is == "whole":
        wanted.append(_named_whole(query.name))
    elif query.name is not None:
        wanted.append(_named(query.name))
    if query.any_name is not None:
        wanted.append(_named_anyhow(query.any_name))
    if query.birth_date is not None:
        born = query.birth_date.isoformat()
        wanted.append(lambda row: str(row.get("Birthdate") or "")[:10] == born)
    if phone is not None:
        wanted.append(lambda row: has_phone(row, phone))
    if query.email is not None:
        wanted.append(lambda row: has_email(row, query.email))
    if provider is not None:
        wanted.append(lambda row: key(row.get("PriProv")) == provider)
    if clinic is not None:
        wanted.append(lambda row: key(row.get("ClinicNum")) == clinic)
    if query.status is not None:
        statuses = frozenset(query.status)
        wanted.append(lambda row: STATUS[row.get("PatStatus")] in statuses)
    if since is not None:
        wanted.append(not_before(since, "DateTStamp"))
    return wanted


def _named(name: str) -> Filter:
    """Whether a row's name fits: each word asked for begins a word of the name; see `PatientsQuery.name`."""
    last, comma, first = name.partition(",")
    asked = name_words(name)
    if not asked:
        raise Invalid("there is no letter in this name", param="name")

    def fits(row: Row) -> bool:
        family = name_words(row.get("LName"))
        given = [word for column in ("FName", "MiddleI", "Preferred") for word in name_words(row.get(column))]
        if comma:
            return _begin(name_words(last), family) and _begin(name_words(first), given)
        if len(asked) == 1:
            return _begin(asked, family)
        return _begin(asked[-1:], family) and _begin(asked[:-1], family + given)

    return fits


def _named_whole(name: str | None) -> Filter:
    """Whether a row's last name and first or preferred one are these; see `PatientsQuery.name_is`."""
    last, comma, first = (name or "").partition(",")
    family, given = name_words(last), name_words(first)
    if not (comma and family and given):
        raise Invalid("name_is whole needs a name written as Last, First", param="name")
    return lambda row: (
        name_words(row.get("LName")) == family
        and given in (name_words(row.get("FName")), name_words(row.get("Preferred")))
    )


def _named_anyhow(name: str) -> Filter:
    """Whether each word asked for begins some word of a row's name; see `PatientsQuery.any_name`."""
    asked = name_words(name)
    if not asked:
        raise Invalid("there is no letter in this name", param="any_name")
    return lambda row: _begin(
        asked, [word for column in ("LName", "FName", "MiddleI", "Preferred") for word in name_words(row.get(column))]
    )


def _begin(asked: list[str], words: list[str]) -> bool:
    return all(any(word.startswith(one) for word in words) for one in asked)
