"""Which rows a list shows: its parameters, and the restrictions that apply when nothing was asked.

Sources: each resource's page under https://www.opendental.com/site/apispecification.html; comparisons and hidden
restrictions as the published 24.3 source has them.
"""

# ruff: noqa: S608  (names come from the catalogue; values are always bound)
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from infra.sandbox.practice import facts, schema
from infra.sandbox.practice.handlers import Rejected
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.wire import ALIASES, TWINS, Misfit, Twin, to_column

PAGING = {"Limit", "Offset"}
FORMATS = {"DateFormatString", "DateTimeFormatString"}

# The column that date, dateStart and dateEnd speak of.
_DATE_COLUMNS = {
    "appointments": "AptDateTime",
    "histappointments": "AptDateTime",
    "asapcomms": "DateTimeEntry",
    "clockevents": "TimeDisplayed1",
    "schedules": "SchedDate",
}
# Parameters that mean "on or after", besides each resource's cursor.
_SINCE = {("payments", "DateEntry"), ("perioexams", "ExamDate"), ("tasks", "DateTimeOriginal")}
# Only these refuse a parameter they do not know.
STRICT = {"patients.list", "patients.Simple"}
# Contained text, whatever the case.
_PARTIAL = {"patients.list", "patients.Simple"}
_EXACT_ANYWAY = {"SSN", "ChartNumber", "MedicaidID"}


@dataclass(slots=True)
class Condition:
    """SQL terms, all of which must hold."""

    terms: list[str] = field(default_factory=list)
    args: list[object] = field(default_factory=list)
    volatile: bool = False

    def add(self, term: str, *args: object) -> None:
        self.terms.append(term)
        self.args.extend(args)

    @property
    def sql(self) -> str:
        return " AND ".join(f"({term})" for term in self.terms)


def condition(office: Office, operation: facts.Operation, query: Mapping[str, str]) -> Condition:
    """The rows that `query` asks of `operation`. Raises Rejected 400 for a value that cannot be read."""
    wanted = Condition()
    for parameter in operation.query:
        if parameter.name in query and parameter.name not in PAGING:
            _filter(office, operation, parameter.name, query[parameter.name], wanted)
    default = _DEFAULTS.get(operation.id)
    if default is not None:
        default(office, query, wanted)
    return wanted


def _filter(office: Office, operation: facts.Operation, name: str, text: str, wanted: Condition) -> None:
    resource = facts.resources()[operation.resource]
    special = _SPECIAL.get((operation.id, name)) or _SPECIAL.get((resource.name, name))
    try:
        if special is not None:
            special(office, text, wanted)
        elif name in ("date", "dateStart", "dateEnd"):
            _dates(resource, name, text, wanted)
        else:
            _by_column(resource, operation, name, text, wanted)
    except (Misfit, ValueError) as problem:
        raise Rejected(400, f"{name} is invalid. {_reason(problem)}".strip()) from None


def _reason(problem: ValueError) -> str:
    if not isinstance(problem, Misfit):
        return ""
    text = str(problem)
    return f"{text[0].upper()}{text[1:]}."


def _by_column(resource: facts.Resource, operation: facts.Operation, name: str, text: str, wanted: Condition) -> None:
    column = column_of(resource, name)
    if column is None:
        return
    twin = TWINS.get(resource.name, {}).get(column.name)
    if twin is not None and column.kind == "int" and not _is_number(text):
        wanted.volatile = True
        wanted.add(f'"{twin.column}" IN (SELECT {_key(twin)} FROM "{twin.table}" WHERE "{twin.shown}" = ?)', text)
        return
    if operation.id in _PARTIAL and column.kind == "text" and name not in _EXACT_ANYWAY:
        if text:
            wanted.add(f"\"{column.name}\" LIKE ? ESCAPE '\\'", f"%{_escaped(text)}%")
        return
    as_number = any(one.name == name and one.type == "int" for one in operation.query)
    # Definitions are filtered by the category's number, though the column is an enumeration.
    value = int(text) if as_number and column.kind == "enum" else to_column(column, text)
    later = name == resource.cursor_param or (resource.name, name) in _SINCE
    wanted.add(f'"{column.name}" {">=" if later else "="} ?', value)


def column_of(resource: facts.Resource, name: str) -> schema.Column | None:
    """The column that a parameter or body field of this name stands for, if any."""
    if resource.table is None:
        return None
    columns = schema.tables()[resource.table].columns
    return columns.get(ALIASES.get(resource.name, {}).get(name, name))


def _key(twin: Twin) -> str:
    return f'"{schema.tables()[twin.table].key}"'


def _is_number(text: str) -> bool:
    return text.lstrip("-").isdigit()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])


def _dates(resource: facts.Resource, name: str, text: str, wanted: Condition) -> None:
    column = _DATE_COLUMNS[resource.name]
    day = _day(text)
    if name in ("date", "dateStart"):
        wanted.add(f'"{column}" >= ?', str(day))
    # The last day belongs to the range; ASAP messages exclude it.
    if name == "date" or (name == "dateEnd" and resource.name != "asapcomms"):
        wanted.add(f'"{column}" < ?', str(day + timedelta(days=1)))
    elif name == "dateEnd":
        wanted.add(f'"{column}" < ?', str(day))


def _true(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Misfit('"true" or "false" is needed')
    return text.lower() == "true"


def _if_true(term: str) -> Callable[[Office, str, Condition], None]:
    def add(_office: Office, text: str, wanted: Condition) -> None:
        if _true(text):
            wanted.add(term)

    return add


def _nothing(_office: Office, _text: str, _wanted: Condition) -> None:
    """Read by the operation's default restriction."""


def _check_flag(_office: Office, text: str, _wanted: Condition) -> None:
    _true(text)


def _phone(_office: Office, text: str, wanted: Condition) -> None:
    digits = "".join(character for character in text if character.isdigit())
    if not digits:
        return
    bare = "replace(replace(replace(replace(replace(\"{}\",'(',''),')',''),'-',''),' ',''),'.','')"
    columns = ("HmPhone", "WkPhone", "WirelessPhone")
    wanted.add(" OR ".join(f"{bare.format(column)} LIKE ?" for column in columns), *[f"%{digits}%"] * 3)


def _clinics(_office: Office, text: str, wanted: Condition) -> None:
    numbers = [int(part) for part in text.split(",") if part.strip()]
    if numbers:
        wanted.add(f'"ClinicNum" IN ({", ".join("?" * len(numbers))})', *numbers)


def _clinic_abbr(_office: Office, text: str, wanted: Condition) -> None:
    wanted.volatile = True
    wanted.add('"ClinicNum" IN (SELECT "ClinicNum" FROM "clinic" WHERE "Abbr" = ?)', text)


def _subscriber_id(_office: Office, text: str, wanted: Condition) -> None:
    wanted.volatile = True
    wanted.add(
        '"PatNum" IN (SELECT "Subscriber" FROM "inssub" WHERE "SubscriberID" LIKE ? ESCAPE \'\\\')',
        f"{_escaped(text)}%",
    )


def _provider_clinic(_office: Office, text: str, wanted: Condition) -> None:
    wanted.volatile = True
    wanted.add('"IsHidden" = 0')
    wanted.add(
        '"ProvNum" NOT IN (SELECT "ProvNum" FROM "providercliniclink") OR '
        '"ProvNum" IN (SELECT "ProvNum" FROM "providercliniclink" WHERE "ClinicNum" = ?)',
        int(text),
    )


def _family_popups(_office: Office, text: str, wanted: Condition) -> None:
    wanted.volatile = True
    wanted.add(
        '"PatNum" IN (SELECT member."PatNum" FROM "patient" asked JOIN "patient" member '
        'ON asked."PatNum" = member."PatNum" OR asked."Guarantor" = member."Guarantor" '
        'OR (asked."SuperFamily" <> 0 AND asked."SuperFamily" = member."SuperFamily") WHERE asked."PatNum" = ?)',
        int(text),
    )


def _signals(office: Office, text: str, wanted: Condition) -> None:
    column = schema.tables()["signalod"].columns["SigDateTime"]
    # The running second is held back, so that no signal of it is missed.
    wanted.add('"SigDateTime" > ? AND "SigDateTime" < ?', to_column(column, text), office.now())


def _blockout_type(_office: Office, text: str, wanted: Condition) -> None:
    wanted.add('"BlockoutType" = ?', int(text))


_SPECIAL: dict[tuple[str, str], Callable[[Office, str, Condition], None]] = {
    ("patients.list", "Phone"): _phone,
    ("patients.list", "hideInactive"): _check_flag,
    ("patients.list", "showArchived"): _check_flag,
    ("patients.list", "guarOnly"): _if_true('"PatNum" = "Guarantor"'),
    ("patients.list", "clinicNums"): _clinics,
    ("patients", "clinicAbbr"): _clinic_abbr,
    ("patients.list", "SubscriberId"): _subscriber_id,
    ("patients.list", "invoiceNumber"): _nothing,
    ("providers.list", "ClinicNum"): _provider_clinic,
    ("popups.list", "PatNum"): _family_popups,
    ("signalods.list", "SigDateTime"): _signals,
    ("referrals.list", "isPatient"): _if_true('"PatNum" > 0'),
    ("referrals.list", "IsHidden"): _if_true('"IsHidden" = 1'),
    ("referrals.list", "NotPerson"): _if_true('"NotPerson" = 1'),
    ("referrals.list", "IsDoctor"): _if_true('"IsDoctor" = 1'),
    ("referrals.list", "IsPreferred"): _if_true('"IsPreferred" = 1'),
    ("schedules.list", "BlockoutDefNum"): _blockout_type,
    ("definitions.list", "includeHidden"): _check_flag,
    ("userods.list", "includeHidden"): _check_flag,
    ("userods.list", "includeCEMT"): _check_flag,
    ("usergroups.list", "includeCEMT"): _check_flag,
}


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "false").lower() == "true"


def _select_window(office: Office, query: Mapping[str, str], wanted: Condition) -> None:
    """The patient selection window: deleted patients never, archived and deceased ones on request."""
    hidden = ["Deleted"]
    if not _flag(query, "showArchived"):
        hidden += ["Archived", "Deceased"]
    if _flag(query, "hideInactive"):
        hidden.append("Inactive")
    numbers = [office.code("patient", "PatStatus", word) for word in hidden]
    wanted.add(f'"PatStatus" NOT IN ({", ".join("?" * len(numbers))})', *numbers)


def _without_deleted(office: Office, _query: Mapping[str, str], wanted: Condition) -> None:
    wanted.add('"PatStatus" <> ?', office.code("patient", "PatStatus", "Deleted"))


def _today(office: Office, query: Mapping[str, str], wanted: Condition) -> None:
    if not query.keys() & {"date", "dateStart", "dateEnd"}:
        wanted.add('"SchedDate" = ?', office.today())


def _last_days(column: str, days: int, *unless: str) -> Callable[[Office, Mapping[str, str], Condition], None]:
    def add(office: Office, query: Mapping[str, str], wanted: Condition) -> None:
        if not query.keys() & set(unless):
            wanted.add(f'"{column}" >= ?', str(office.clock.now() - timedelta(days=days)))

    return add


def _shown_definitions(_office: Office, query: Mapping[str, str], wanted: Condition) -> None:
    if not _flag(query, "includeHidden"):
        wanted.add('"IsHidden" = 0')


def _users(_office: Office, query: Mapping[str, str], wanted: Condition) -> None:
    if not _flag(query, "includeHidden"):
        wanted.add('"IsHidden" = 0')
    if not _flag(query, "includeCEMT"):
        wanted.add('"UserNumCEMT" = 0')


def _groups(_office: Office, query: Mapping[str, str], wanted: Condition) -> None:
    if not _flag(query, "includeCEMT"):
        wanted.add('"UserGroupNumCEMT" = 0')


def _active_lists(office: Office, query: Mapping[str, str], wanted: Condition) -> None:
    if "TaskListStatus" not in query:
        wanted.add('"TaskListStatus" = ?', office.code("tasklist", "TaskListStatus", "Active"))


def _asap(office: Office, _query: Mapping[str, str], wanted: Condition) -> None:
    wanted.add('"Priority" = ?', office.code("appointment", "Priority", "ASAP"))


def _shown_clinics(_office: Office, _query: Mapping[str, str], wanted: Condition) -> None:
    wanted.add('"IsHidden" = 0')


def _own_log(office: Office, _query: Mapping[str, str], wanted: Condition) -> None:
    # An office's own audit trail is not shown to a developer.
    wanted.add("\"LogText\" LIKE ? ESCAPE '\\'", f"%(API: {_escaped(office.key.developer_name)})")


def _own_subscriptions(office: Office, _query: Mapping[str, str], wanted: Condition) -> None:
    wanted.add('"CustomerKey" = ?', office.key.customer)


_DEFAULTS: dict[str, Callable[[Office, Mapping[str, str], Condition], None]] = {
    "patients.list": _select_window,
    "patients.Simple": _without_deleted,
    "schedules.list": _today,
    "tasks.list": _last_days("DateTimeOriginal", 14, "DateTimeOriginal"),
    "asapcomms.list": _last_days("DateTimeEntry", 7, "date", "dateStart", "dateEnd"),
    "definitions.list": _shown_definitions,
    "userods.list": _users,
    "usergroups.list": _groups,
    "tasklists.list": _active_lists,
    "appointments.ASAP": _asap,
    "clinics.list": _shown_clinics,
    "securitylogs.list": _own_log,
    "subscriptions.list": _own_subscriptions,
}
