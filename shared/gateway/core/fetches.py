"""The fetch plans: which calls bring the rows of a read.

Generators, as `core.plans` says, registered in `core.registry`; nothing is normalized here.

Their input, which with the plan's name makes the cache key, is one of

    {"queries": [{...}, ...]}   list calls, parameters spelled as Open Dental spells them; every page of each
    {"keys": [1, 2, ...]}       one single GET each; a row that is not there is passed over

and for one object its key. Each page is a call of its own, so that the pace and the people who wait come in between.
Their outcome is raw rows by catalogue resource.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from gateway.core import fhir_source
from gateway.core.errors import FilterTooWide, NotFound, Refused, UpstreamBroken, VersionTooOld
from gateway.core.normalize.patients import has_email, has_phone
from gateway.core.normalize.values import key
from gateway.core.plans import Outcome, Plan, PlanContext, Row, UpstreamAnswer, UpstreamCall
from gateway.core.practices import Practice
from gateway.core.queries.statement import may_query
from open_dental import catalogue
from open_dental.paging import Paging
from open_dental.versions import Version

MOST_PAGES: Final = 500
"""Pages that one list may cost. At one call a second that is more than eight minutes of a practice's whole pace."""

MOST_DETAILS: Final = 25
"""Single GETs that may follow a list whose rows are summaries."""

_PAGES_BACK: Final = 20
"""How far back an office without a single GET of procedures is searched for one."""

PREFERENCES_OF_AN_OFFICE: Final = 1000
"""About how many an office has, which is what their whole list costs pages for."""

T = TypeVar("T")
Steps: TypeAlias = Generator[UpstreamCall, UpstreamAnswer, T]


def knows(practice: Practice, operation_id: str, param: str | None = None) -> bool:
    """Whether the practice's version presumably has the operation, or that parameter of it.

    A parameter that is newer than the office is ignored there, so that the whole list comes: it must not be what a
    list is bound by. A version not yet learned counts as a new one: every filter is applied here as well.

    Source: https://www.opendental.com/site/apispecification.html, versions.
    """
    operation = catalogue.operation(operation_id)
    since = operation.since
    if param is not None:
        named = operation.param(param)
        if named is None:
            return False
        since = named.since
    return practice.version is None or Version.parse(practice.version).has(since)


def collect(operation_id: str, query: Mapping[str, Any], practice: Practice) -> Steps[list[Row]]:
    """Every row of one list, page by page.

    Raises:
        FilterTooWide: more than `MOST_PAGES`. UpstreamBroken: a page came again, so that rows may be missing.
    """
    resource = operation_id.partition(".")[0]
    if fhir_source.reads_by_fhir(practice, resource):
        return (yield from fhir_source.collect(resource, query))
    paging = Paging(operation_id, query, page_limit=practice.page_limit)
    rows: list[Row] = []
    while (page := paging.next_query()) is not None:
        if paging.pages_read >= MOST_PAGES:
            raise FilterTooWide("that is more than can be read page by page", bounds=[])
        answer = yield UpstreamCall(operation_id, query=page)
        rows.extend(paging.take(answer.rows))
    if not paging.complete:
        raise UpstreamBroken("Open Dental answered one page of the list twice")
    return rows


def collect_each(
    operation_id: str, queries: Iterable[Mapping[str, Any]], row_key: str, practice: Practice
) -> Steps[list[Row]]:
    """The rows of several lists, each row once."""
    rows = dict[int, Row]()
    for query in queries:
        for row in (yield from collect(operation_id, query, practice)):
            rows.setdefault(key(row.get(row_key)), row)
    return list(rows.values())


def get_one(operation_id: str, row_key: str, number: int, practice: Practice) -> Steps[list[Row]]:
    """The row of a key, in a list.

    Raises:
        NotFound: it is not there.
    """
    resource = operation_id.partition(".")[0]
    if fhir_source.reads_by_fhir(practice, resource):
        return (yield from fhir_source.get(resource, number))
    return [*(yield UpstreamCall(operation_id, path={row_key: number})).rows]


def get_each(operation_id: str, row_key: str, keys: Iterable[int], practice: Practice) -> Steps[list[Row]]:
    """The rows of these keys; what is not there is passed over."""
    rows: list[Row] = []
    for one in keys:
        rows.extend((yield from none_if_not_found(get_one(operation_id, row_key, one, practice))))
    return rows


def none_if_not_found(steps: Steps[list[Row]]) -> Steps[list[Row]]:
    """No rows where Open Dental answers 404: for lists under a row that was just read, so nothing else can be meant."""
    try:
        return (yield from steps)
    except NotFound:
        return []


def rows(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """Rows of one resource by its own list or single GET: what `core.reads.families` asks for.

    Beside `queries` or `keys` the input names the `resource`; `operation` where another operation than `.list` lists
    it, `none_is_404` where Open Dental answers 404 when a list is empty, and `second_key` where rows whose own key is 0
    are told apart by another.
    """
    resource = catalogue.resource(input_["resource"])
    name, row_key = resource.resource, resource.key or ""
    if "keys" in input_:
        return Outcome(rows={name: (yield from get_each(f"{name}.get", row_key, input_["keys"], context.practice))})
    found, second_key = dict[int, Row](), input_.get("second_key", "")
    for query in input_["queries"]:
        steps = collect(input_.get("operation", f"{name}.list"), query, context.practice)
        for row in (yield from none_if_not_found(steps) if input_.get("none_is_404") else steps):
            number = key(row.get(row_key)) or -key(row.get(second_key))
            found.setdefault(number, row)
    return Outcome(rows={name: list(found.values())})


def preferences(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The preferences of these `names`, by one statement where the key may query, else one by one or out of the whole
    list, whichever takes fewer calls; without names `rows`.

    Rows of other names are dropped here: passwords are among them. Source:
    https://www.opendental.com/site/apipreferences.html.
    """
    names = input_.get("names")
    if names is None:
        return (yield from rows(input_, context))
    stated = (yield from _stated(names)) if len(names) > 1 and may_query(context.practice) else None
    if stated is not None:
        return Outcome(rows={"preferences": stated})
    if len(names) * context.practice.page_limit <= PREFERENCES_OF_AN_OFFICE:
        found: list[Row] = []
        for name in names:
            found += yield from none_if_not_found(collect("preferences.list", {"PrefName": name}, context.practice))
    else:
        found = yield from collect("preferences.list", {}, context.practice)
    return Outcome(rows={"preferences": [row for row in found if row.get("PrefName") in names]})


def _stated(names: Iterable[str]) -> Steps[list[Row] | None]:
    """These preferences by query; None where they are none of the statement's, or it is refused."""
    from gateway.core.queries.preferences import NAMES, OF_OFFICE  # noqa: PLC0415

    wanted = set(names)
    if wanted - NAMES:
        return None
    try:
        found = (yield OF_OFFICE.call()).rows
    except (Refused, UpstreamBroken):
        return None
    return [row for row in found if row.get("PrefName") in wanted]


# Patients


def patients(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """Patients in full from `patients.Simple` or by key; or with `window` from `patients.list`, as summaries.

    Only the selection window (`patients.list`) can be asked for a telephone number or an address. Its rows lack much,
    and its absence of a row proves nothing. With `details` each row that has `phone` and `email` is read in full.

    Source: https://www.opendental.com/site/apipatients.html.
    """
    if "keys" in input_:
        return Outcome(
            rows={"patients": (yield from get_each("patients.get", "PatNum", input_["keys"], context.practice))}
        )
    if "window" not in input_:
        found = yield from collect_each("patients.Simple", input_["queries"], "PatNum", context.practice)
        return Outcome(rows={"patients": found})
    summaries = yield from collect("patients.list", input_["window"], context.practice)
    if not input_.get("details"):
        return Outcome(rows={"patients.list": summaries})
    wanted = [
        key(row.get("PatNum"))
        for row in summaries
        if has_phone(row, input_.get("phone")) and has_email(row, input_.get("email"))
    ]
    if len(wanted) > MOST_DETAILS:
        raise FilterTooWide("too many patients share that to read each in full", bounds=["name", "birth_date"])
    return Outcome(rows={"patients": (yield from get_each("patients.get", "PatNum", wanted, context.practice))})


def patient(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """One patient: one call."""
    found = yield from get_one("patients.get", "PatNum", input_["key"], context.practice)
    return Outcome(rows={"patients": found})


# Appointments


def appointments(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """Appointments. Source: https://www.opendental.com/site/apiappointments.html."""
    found = yield from _by(input_, "appointments", "AptNum", context.practice)
    return Outcome(rows={"appointments": found})


def appointment(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """One appointment with its procedures, and with its history where it is broken: two or three calls."""
    practice, number = context.practice, input_["key"]
    found = yield from get_one("appointments.get", "AptNum", number, practice)
    if fhir_source.reads_by_fhir(practice, "appointments"):
        # The visit itself names its procedures there, and has no history.
        return Outcome(rows={"appointments": found, "procedurelogs": []})
    row = found[0]
    query = attached_query(row, practice)
    found = yield from none_if_not_found(collect("procedurelogs.list", query, practice))
    rows: dict[str, list[Row]] = {"appointments": [row], "procedurelogs": found}
    if row.get("AptStatus") == "Broken" and knows(practice, "histappointments.list"):
        steps = collect("histappointments.list", {"AptNum": number}, practice)
        rows["histappointments"] = yield from none_if_not_found(steps)
    return Outcome(rows=rows)


def apptfields(input_: Mapping[str, Any], context: PlanContext) -> Plan:  # noqa: ARG001 - the contract of a plan.
    """Each of the office's own fields (`names`) of each of these `visits`: one call a field and visit.

    Open Dental lists them nowhere. A field that was never filled in is answered with an empty text, or with none.
    Source: https://www.opendental.com/site/apiapptfields.html.
    """
    found: list[Row] = []
    for visit in input_["visits"]:
        for name in input_["names"]:
            try:
                answer = yield UpstreamCall("apptfields.get", query={"AptNum": visit, "FieldName": name})
            except NotFound:
                continue
            found += [{"AptNum": visit, "FieldName": name, **row} for row in answer.rows if isinstance(row, dict)]
    return Outcome(rows={"apptfields": found})


def attached_query(row: Mapping[str, Any], practice: Practice) -> dict[str, int]:
    """What to ask `procedurelogs.list` for the procedures of an appointment: all of its patient's in older offices."""
    param = "PlannedAptNum" if row.get("AptStatus") == "Planned" else "AptNum"
    if knows(practice, "procedurelogs.list", param):
        return {param: key(row.get("AptNum"))}
    return {"PatNum": key(row.get("PatNum"))}


def histappointments(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """History of appointments. Source: https://www.opendental.com/site/apihistappointments.html."""
    found = yield from collect_each("histappointments.list", input_["queries"], "HistApptNum", context.practice)
    return Outcome(rows={"histappointments": found})


# Procedures


def procedurelogs(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """Procedures. Source: https://www.opendental.com/site/apiprocedurelogs.html."""
    found = yield from _by(input_, "procedurelogs", "ProcNum", context.practice)
    return Outcome(rows={"procedurelogs": found})


def procedurelog(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """One procedure. Offices before 23.3.13 have no single GET: their list, newest first, is read back to it."""
    practice, number = context.practice, input_["key"]
    if fhir_source.reads_by_fhir(practice, "procedurelogs"):
        return Outcome(rows={"procedurelogs": (yield from fhir_source.get("procedurelogs", number))})
    if knows(practice, "procedurelogs.get"):
        try:
            answer = yield UpstreamCall("procedurelogs.get", path={"ProcNum": number})
            return Outcome(rows={"procedurelogs": [answer.row]})
        except VersionTooOld:
            pass
    paging = Paging("procedurelogs.list", page_limit=practice.page_limit)
    while (page := paging.next_query()) is not None and paging.pages_read < _PAGES_BACK:
        new = paging.take((yield UpstreamCall("procedurelogs.list", query=page)).rows)
        found = [row for row in new if key(row.get("ProcNum")) == number]
        if found:
            return Outcome(rows={"procedurelogs": found})
        if new and key(new[-1].get("ProcNum")) < number < key(new[0].get("ProcNum")):
            break
    if paging.done or (paging.pages_read and paging.pages_read < _PAGES_BACK):
        raise NotFound("no such procedure")
    raise VersionTooOld("the office's Open Dental cannot look up one procedure yet", version="23.3.13")


# Claims


def claims(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """Claims; with `carrier` also the plans of that carrier, because a claim names its plan only.

    Source: https://www.opendental.com/site/apiclaims.html.
    """
    practice = context.practice
    rows: dict[str, list[Row]] = {"claims": (yield from _by(input_, "claims", "ClaimNum", practice))}
    if "carrier" in input_:
        query = {"CarrierNum": input_["carrier"]} if knows(practice, "insplans.list", "CarrierNum") else {}
        rows["insplans"] = yield from collect("insplans.list", query, practice)
    return Outcome(rows=rows)


def claim(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """One claim with its lines: two calls; in offices before 23.3.11 by way of the lines, which name the patient."""
    practice, number = context.practice, input_["key"]
    row: Row | None = None
    if knows(practice, "claims.get"):
        try:
            row = (yield UpstreamCall("claims.get", path={"ClaimNum": number})).row
        except VersionTooOld:
            row = None
    if row is not None:
        steps = collect("claimprocs.list", {"ClaimNum": number, "PatNum": key(row.get("PatNum"))}, practice)
        return Outcome(rows={"claims": [row], "claimprocs": (yield from none_if_not_found(steps))})
    if not knows(practice, "claimprocs.list", "ProcNum"):
        # Until 23.2.16 the lines could be asked for only together with the patient.
        raise VersionTooOld("the office's Open Dental cannot look up one claim yet", version="23.3.11")
    lines = yield from collect("claimprocs.list", {"ClaimNum": number}, practice)
    own = [line for line in lines if key(line.get("ClaimNum")) == number]
    if not own:
        raise NotFound("no such claim")
    of_patient = yield from collect("claims.list", {"PatNum": key(own[0].get("PatNum"))}, practice)
    found = [one for one in of_patient if key(one.get("ClaimNum")) == number]
    if not found:
        raise NotFound("no such claim")
    return Outcome(rows={"claims": found, "claimprocs": own})


def claimprocs(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """Lines of claims. Source: https://www.opendental.com/site/apiclaimprocs.html."""
    rows = dict[int, Row]()
    for query in input_["queries"]:
        for row in (yield from none_if_not_found(collect("claimprocs.list", query, context.practice))):
            rows.setdefault(key(row.get("ClaimProcNum")), row)
    return Outcome(rows={"claimprocs": list(rows.values())})


def carriers_of_plans(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """The plans of these keys, and their carriers. Two calls a plan at most; older offices are asked for whole lists.

    Sources: https://www.opendental.com/site/apiinsplans.html, https://www.opendental.com/site/apicarriers.html.
    """
    practice, wanted = context.practice, input_["keys"]
    if knows(practice, "insplans.get"):
        plans = yield from get_each("insplans.get", "PlanNum", wanted, practice)
    else:
        plans = [
            row for row in (yield from collect("insplans.list", {}, practice)) if key(row.get("PlanNum")) in wanted
        ]
    numbers = sorted({found for plan in plans if (found := key(plan.get("CarrierNum")))})
    if knows(practice, "carriers.get"):
        found_carriers = yield from get_each("carriers.get", "CarrierNum", numbers, practice)
    else:
        every = yield from collect("carriers.list", {}, practice)
        found_carriers = [row for row in every if key(row.get("CarrierNum")) in numbers]
    return Outcome(rows={"insplans": plans, "carriers": found_carriers})


def _by(input_: Mapping[str, Any], resource: str, row_key: str, practice: Practice) -> Steps[list[Row]]:
    if "keys" in input_:
        return get_each(f"{resource}.get", row_key, input_["keys"], practice)
    return collect_each(f"{resource}.list", input_["queries"], row_key, practice)
