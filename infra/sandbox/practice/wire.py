"""Rows as the API writes and reads them: quoted numbers, words for enumerations, year 0001, display twins.

Types per field come from the catalogue; what only prose says (https://www.opendental.com/site/apispecification.html
and the resources' pages) stands in the tables of this module.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from infra.sandbox.practice import facts, schema
from infra.sandbox.practice.store import Store

NO_DATE = "0001-01-01"
NO_TIME = "0001-01-01 00:00:00"

WITH_FAILURES: Final = "26.1"
"""From here on a subscription says how its calls failed; the fields are known from clients of that year alone."""
_SINCE: Final = {
    ("subscriptions", name): WITH_FAILURES
    for name in ("DateTimeLastFailure", "FailureReason", "SubsequentFailures", "DateTimeNextRetry")
}

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_DATETIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\Z")
_TIME = re.compile(r"-?\d{1,3}:\d{2}(:\d{2})?\Z")
_INTERVAL = re.compile(r"(?:(\d+)y)?(?:(\d+)m)?(?:(\d+)w)?(?:(\d+)d)?\Z")
_NEWLINES = re.compile(r"\r\n|\r|\n")


class Misfit(ValueError):
    """A wire value that its column cannot hold; the text says what is needed, never what came."""


@dataclass(frozen=True, slots=True)
class Twin:
    """A display value: `shown` of the row in `table` that `column` points to."""

    column: str
    table: str
    shown: str


def _definition(column: str) -> Twin:
    return Twin(column, "definition", "ItemName")


_APPOINTMENT_TWINS = {
    "confirmed": _definition("Confirmed"),
    "unschedStatus": _definition("UnschedStatus"),
    "provAbbr": Twin("ProvNum", "provider", "Abbr"),
}

TWINS: dict[str, dict[str, Twin]] = {
    "adjustments": {"adjType": _definition("AdjType")},
    "allergies": {
        "defDescription": Twin("AllergyDefNum", "allergydef", "Description"),
        "defSnomedType": Twin("AllergyDefNum", "allergydef", "SnomedType"),
    },
    "appointments": _APPOINTMENT_TWINS,
    "histappointments": _APPOINTMENT_TWINS,
    "autonotes": {"category": _definition("Category")},
    "benefits": {"procCode": Twin("CodeNum", "procedurecode", "ProcCode")},
    "claimpayments": {"payType": _definition("PayType"), "payGroup": _definition("PayGroup")},
    "claimprocs": {"claimPaymentTracking": _definition("ClaimPaymentTracking")},
    "claims": {"customTracking": _definition("CustomTracking")},
    "commlogs": {"commType": _definition("CommType")},
    "discountplans": {"adjustmentType": _definition("DefNum")},
    "diseases": {"diseaseDefName": Twin("DiseaseDefNum", "diseasedef", "DiseaseName")},
    "documents": {"docCategory": _definition("DocCategory")},
    "medicationpats": {"medName": Twin("MedicationNum", "medication", "MedName")},
    "medications": {"genericName": Twin("GenericNum", "medication", "MedName")},
    "operatories": {"operatoryType": _definition("OperatoryType")},
    "patients": {
        "priProvAbbr": Twin("PriProv", "provider", "Abbr"),
        "secProvAbbr": Twin("SecProv", "provider", "Abbr"),
        "clinicAbbr": Twin("ClinicNum", "clinic", "Abbr"),
        "siteDesc": Twin("SiteNum", "site", "Description"),
        # The definition's name stands in the column's own field.
        "BillingType": _definition("BillingType"),
    },
    "payments": {"payType": _definition("PayType")},
    "payplans": {"planCategory": _definition("PlanCategory")},
    "paysplits": {"unearnedType": _definition("UnearnedType")},
    "procedurecodes": {"procCat": _definition("ProcCat")},
    "procedurelogs": {
        "priority": _definition("Priority"),
        "dxName": _definition("Dx"),
        "provAbbr": Twin("ProvNum", "provider", "Abbr"),
        "procCode": Twin("CodeNum", "procedurecode", "ProcCode"),
        "descript": Twin("CodeNum", "procedurecode", "Descript"),
    },
    "proctps": {"priority": _definition("Priority")},
    "recalls": {"recallStatus": _definition("RecallStatus")},
    "referrals": {"specialty": _definition("Specialty")},
    "refattaches": {"referralName": Twin("ReferralNum", "referral", "LName")},
    "schedules": {"blockoutType": _definition("BlockoutType")},
    "treatplanattaches": {"priority": _definition("Priority")},
}

# Derived fields that are a column under another spelling.
ALIASES: dict[str, dict[str, str]] = {
    "appointments": {"colorOverride": "ColorOverride"},
    "histappointments": {"colorOverride": "ColorOverride"},
    "appointmenttypes": {"appointmentTypeColor": "AppointmentTypeColor"},
    "providers": {"provColor": "ProvColor", "NationalProvId": "NationalProvID"},
    "definitions": {"category": "Category", "isHidden": "IsHidden"},
    "userods": {"emailAddress": "EmailAddress"},
}

# Capital "True"/"False", as the examples show them.
_CAPITAL_BOOLS = {
    ("claims", "IsOrtho"),
    ("appointments.WebSchedList", "IsHygiene"),
    ("appointments.WebSchedCreate", "IsHygiene"),
    ("procedurelogs.GroupNotes", "isSigned"),
    ("procedurelogs.GroupNoteCreate", "isSigned"),
}

# Answers to writes whose rows lack something (`None`: the field itself), by resource and operation.
_AFTER_WRITE: dict[str, dict[str, str | None]] = {
    "appointments.create": {"serverDateTime": None},
    "appointments.Planned": {"serverDateTime": None},
    "appointments.SchedulePlanned": {"serverDateTime": None},
    "appointments.WebSchedCreate": {"serverDateTime": None, "ItemOrderPlanned": None, "DateTStamp": NO_TIME},
    "appointments.update": {"serverDateTime": None, "ItemOrderPlanned": None, "DateTStamp": NO_TIME},
    "payments.create": {"serverDateTime": ""},
    "payments.update": {"serverDateTime": ""},
    "payments.Refund": {"serverDateTime": ""},
    "payments.Partial": {"serverDateTime": ""},
    "procedurelogs.create": {"serverDateTime": "", "DateTStamp": ""},
    "procedurelogs.update": {"serverDateTime": ""},
    "procedurelogs.InsuranceHistoryCreate": {"serverDateTime": ""},
}


@dataclass(slots=True)
class Formats:
    """The request's DateFormatString and DateTimeFormatString (.NET patterns); empty is the API's own form."""

    date: str = ""
    datetime: str = ""
    zone_offset: timedelta = timedelta()

    def apply(self, text: str) -> str:
        """`text`, a date or date-time of the API, in the asked form."""
        pattern = self.date if len(text) == 10 else self.datetime
        if not pattern:
            return text
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return text
        return dotnet(moment, pattern, self.zone_offset)


def dotnet(moment: datetime, pattern: str, offset: timedelta) -> str:
    """Format as .NET does; the custom specifiers y, M, d, H, h, m, s, t, z and quoted text."""
    minutes = int(offset.total_seconds()) // 60
    sign, hours, rest = "-" if minutes < 0 else "+", abs(minutes) // 60, abs(minutes) % 60
    values = {
        "yyyy": f"{moment.year:04}",
        "yy": f"{moment.year % 100:02}",
        "MMMM": f"{moment:%B}",
        "MMM": f"{moment:%b}",
        "MM": f"{moment.month:02}",
        "M": str(moment.month),
        "dddd": f"{moment:%A}",
        "ddd": f"{moment:%a}",
        "dd": f"{moment.day:02}",
        "d": str(moment.day),
        "HH": f"{moment.hour:02}",
        "H": str(moment.hour),
        "hh": f"{(moment.hour + 11) % 12 + 1:02}",
        "h": str((moment.hour + 11) % 12 + 1),
        "mm": f"{moment.minute:02}",
        "m": str(moment.minute),
        "ss": f"{moment.second:02}",
        "s": str(moment.second),
        "tt": "AM" if moment.hour < 12 else "PM",
        "t": "A" if moment.hour < 12 else "P",
        "fff": "000",
        "zzz": f"{sign}{hours:02}:{rest:02}",
        "zz": f"{sign}{hours:02}",
        "z": f"{sign}{hours}",
    }
    token = re.compile(r"'([^']*)'|\\(.)|(y+|M+|d+|H+|h+|m+|s+|t+|f+|z+)")

    def replace(match: re.Match[str]) -> str:
        if match[3] is None:
            return match[1] if match[1] is not None else match[2]
        return values.get(match[3], match[3])

    return token.sub(replace, pattern)


@dataclass(slots=True)
class _Context:
    """What rendering many rows of one answer shares."""

    store: Store
    now: str
    formats: Formats
    rows: dict[tuple[str, int], dict[str, Any] | None] = field(default_factory=dict)

    def lookup(self, table: str, key: int) -> dict[str, Any] | None:
        if not key:
            return None
        if (table, key) not in self.rows:
            self.rows[table, key] = self.store.get(table, key)
        return self.rows[table, key]


Getter = Callable[[Mapping[str, Any], _Context], Any]


class Renderer:
    """Turns stored rows into wire rows; plans per resource, operation and version are made once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._plans: dict[tuple[str, str | None, str], list[tuple[str, Getter]]] = {}

    def render(self, resource: str, row: Mapping[str, Any], operation: str | None, *, version: str) -> dict[str, Any]:
        """One row. See `render_many`."""
        return self.render_many(resource, [row], operation, version=version)[0]

    def render_many(
        self,
        resource: str,
        rows: Iterable[Mapping[str, Any]],
        operation: str | None,
        *,
        version: str,
        formats: Formats | None = None,
    ) -> list[dict[str, Any]]:
        """Rows as `operation` documents them; without one, as the resource's own fields say."""
        plan = self._plans.get((resource, operation, version))
        if plan is None:
            plan = self._plans[resource, operation, version] = _plan(resource, operation, version)
        context = _Context(self._store, str(self._store.clock.now()), formats or Formats())
        return [{name: getter(row, context) for name, getter in plan} for row in rows]


def _plan(resource_name: str, operation: str | None, version: str) -> list[tuple[str, Getter]]:
    resource = facts.resources()[resource_name]
    shown = resource.action_fields.get(operation or "", resource.fields)
    overrides = _AFTER_WRITE.get(operation or "", {})
    plan: list[tuple[str, Getter]] = []
    for item in shown:
        since = item.since or _SINCE.get((resource_name, item.name))
        if since and facts.version(since) > facts.version(version):
            continue
        if item.name in overrides:
            constant = overrides[item.name]
            if constant is not None:
                plan.append((item.name, _constant(constant)))
            continue
        plan.append((item.name, _getter(resource, operation, item)))
    return plan


_BARE_NUMBERS: Final = frozenset({("patients.list", "Zip")})
"""Texts that one operation writes as numbers, by https://www.opendental.com/site/apipatients.html."""


def _constant(value: Any) -> Getter:
    return lambda _row, _context: value


def _getter(resource: facts.Resource, operation: str | None, item: facts.Field) -> Getter:
    if item.name == "serverDateTime":
        return lambda _row, context: context.formats.apply(context.now)
    special = _SPECIAL.get((resource.name, item.name))
    if special is not None:
        return special
    twin = TWINS.get(resource.name, {}).get(item.name)
    if twin is not None:
        return _twin_getter(twin)
    column_name = ALIASES.get(resource.name, {}).get(item.name, item.name)
    column = schema.tables()[resource.table].columns.get(column_name) if resource.table else None
    if column is None:
        return _constant(_empty(item.type))
    capital = (resource.name, item.name) in _CAPITAL_BOOLS or (operation, item.name) in _CAPITAL_BOOLS
    kind = "int" if (operation, item.name) in _BARE_NUMBERS else item.type
    return _column_getter(column, kind, capital=capital)


def _twin_getter(twin: Twin) -> Getter:
    def get(row: Mapping[str, Any], context: _Context) -> Any:
        found = context.lookup(twin.table, row[twin.column])
        return found[twin.shown] if found else ""

    return get


def _column_getter(column: schema.Column, wire_type: str, *, capital: bool) -> Getter:
    name = column.name
    if column.words and wire_type in ("enum", "string"):
        words = {number: word for word, number in column.words}
        return lambda row, _: words.get(row[name], str(row[name]))
    if wire_type in ("date", "datetime") or column.kind in ("date", "datetime"):
        return _moment_getter(name, wire_type)
    yes, no = ("True", "False") if capital else ("true", "false")
    simple: dict[str, Getter] = {
        "bool_string": lambda row, _: yes if row[name] else no,
        "bool": lambda row, _: bool(row[name]),
        "int": lambda row, _: _whole(row[name]),
        "int_string": lambda row, _: str(row[name]),
        "float": lambda row, _: float(row[name]),
        "decimal_string": lambda row, _: f"{float(row[name]):.2f}",
        "color": lambda row, _: color(row[name]),
        "time": lambda row, _: str(row[name]),
    }
    if column.kind == "interval":
        return lambda row, _: interval(row[name])
    return simple.get(wire_type, lambda row, _: _NEWLINES.sub(" ", str(row[name])))


def _whole(value: Any) -> Any:
    return value if isinstance(value, int) else int(value) if str(value).lstrip("-").isdigit() else value


def _moment_getter(name: str, wire_type: str) -> Getter:
    if wire_type == "date":
        return lambda row, context: context.formats.apply(str(row[name])[:10])

    def get(row: Mapping[str, Any], context: _Context) -> str:
        text = str(row[name])
        return context.formats.apply(f"{text} 00:00:00" if len(text) == 10 else text)

    return get


def _empty(wire_type: str) -> Any:
    empties = {
        "int": 0,
        "int_string": "0",
        "float": 0.0,
        "decimal_string": "0.00",
        "bool_string": "false",
        "bool": False,
        "date": NO_DATE,
        "datetime": NO_TIME,
        "time": "00:00:00",
        "color": "0,0,0",
    }
    return empties.get(wire_type, "") if wire_type not in ("int_array", "array") else []


def color(argb: int) -> str:
    """The database's signed ARGB number as "r,g,b"."""
    return f"{argb >> 16 & 255},{argb >> 8 & 255},{argb & 255}"


def interval(packed: int) -> str:
    """Packed recall interval (years, months, weeks, days in one byte each) as "1y6m"; parts of zero are left out."""
    parts = ((packed >> 24, "y"), (packed >> 16 & 255, "m"), (packed >> 8 & 255, "w"), (packed & 255, "d"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


def _american(row: Mapping[str, Any], _context: _Context) -> str:
    text = str(row["LogDateTime"])
    moment = datetime.fromisoformat(text)
    return dotnet(moment, "M/d/yyyy h:mm:ss tt", timedelta())


def _operatories(row: Mapping[str, Any], context: _Context) -> str:
    found = context.store.tuples(
        'SELECT "OperatoryNum" FROM "scheduleop" WHERE "ScheduleNum" = ? ORDER BY "ScheduleOpNum"', [row["ScheduleNum"]]
    )
    return ",".join(str(number) for (number,) in found)


def _group_nums(row: Mapping[str, Any], context: _Context) -> list[int]:
    found = context.store.find("usergroupattach", {"UserNum": row["UserNum"]})
    return [attach["UserGroupNum"] for attach in found]


def _person(column: str, table: str) -> Getter:
    def get(row: Mapping[str, Any], context: _Context) -> str:
        found = context.lookup(table, row[column])
        return f"{found['FName']} {found['LName']}".strip() if found else ""

    return get


def _principal(row: Mapping[str, Any], context: _Context) -> float:
    """What a plan finances: a dynamic one by its links, others by the charges they were made with."""
    found = context.store.tuples(
        'SELECT total(CASE WHEN l."AmountOverride" <> 0 THEN l."AmountOverride" '
        'WHEN l."LinkType" = 2 THEN p."ProcFee" * max(1, p."UnitQty" + p."BaseUnits") ELSE a."AdjAmt" END) '
        'FROM "payplanlink" l LEFT JOIN "procedurelog" p ON l."LinkType" = 2 AND p."ProcNum" = l."FKey" '
        'LEFT JOIN "adjustment" a ON l."LinkType" = 1 AND a."AdjNum" = l."FKey" WHERE l."PayPlanNum" = ?'
        if row["IsDynamic"]
        else 'SELECT total("Principal") FROM "payplancharge" WHERE "PayPlanNum" = ? AND "ChargeType" = 0',
        [row["PayPlanNum"]],
    )
    return float(found[0][0])


def _when(column: str) -> Getter:
    return lambda row, _: "true" if row[column] else "false"


# Kinds of eServices that make visits, by their number.
_ESERVICES = ("None", "Recall", "NewPat", "ExistingPat", "ASAP")


def _eservice(row: Mapping[str, Any], _context: _Context) -> str:
    number = row["eServiceLogType"]
    return _ESERVICES[number] if 0 <= number < len(_ESERVICES) else str(number)


_SPECIAL: dict[tuple[str, str], Getter] = {
    ("appointments", "eServiceLogType"): _eservice,
    ("securitylogs", "LogDateTime"): _american,
    ("schedules", "operatories"): _operatories,
    ("userods", "userGroupNums"): _group_nums,
    ("userods", "employeeName"): _person("EmployeeNum", "employee"),
    ("userods", "providerName"): _person("ProviderNum", "provider"),
    ("userods", "Password"): _constant(""),
    ("payplans", "principalAmount"): _principal,
    ("procnotes", "isSigned"): _when("Signature"),
    ("treatplans", "isSigned"): _when("Signature"),
    ("treatplans", "isSignedPractice"): _when("SignaturePractice"),
    ("referrals", "isPatient"): _when("PatNum"),
}


def to_column(column: schema.Column, value: Any) -> Any:
    """A wire value in database form. Raises ValueError if it does not fit; the text names no value."""
    reader = _READERS[column.kind]
    return reader(column, value)


def _read_int(column: schema.Column, value: Any) -> int:
    if isinstance(value, str) and column.words and value in dict(column.words):
        return dict(column.words)[value]
    if isinstance(value, bool):
        raise Misfit("a number is needed")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int | str):
        raise Misfit("a number is needed")
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise Misfit("the number is too large")
    return number


def _read_money(_column: schema.Column, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Misfit("an amount is needed")
    amount = float(value)
    if not math.isfinite(amount):
        raise Misfit("an amount is needed")
    return amount


def _read_text(_column: schema.Column, value: Any) -> str:
    if isinstance(value, dict | list):
        raise Misfit("text is needed")
    return value if isinstance(value, str) else str(value)


def _read_bool(_column: schema.Column, value: Any) -> int:
    word = str(value).lower()
    if word not in ("true", "false"):
        raise Misfit('"true" or "false" is needed')
    return int(word == "true")


def _read_enum(column: schema.Column, value: Any) -> int:
    words = dict(column.words)
    if isinstance(value, str) and value in words:
        return words[value]
    spaceless = {word.replace(" ", "").lower(): number for word, number in words.items()}
    if isinstance(value, str) and value.replace(" ", "").lower() in spaceless:
        return spaceless[value.replace(" ", "").lower()]
    raise Misfit("the word is not one of those documented")


# Words that requests use for an empty code.
_EMPTY_WORDS = {("AccidentRelated", "No"), ("PlanType", "percentage")}


def _read_word(column: schema.Column, value: Any) -> str:
    if (column.name, value) in _EMPTY_WORDS:
        return ""
    if not isinstance(value, str) or (column.enum and value not in column.enum):
        raise Misfit("the word is not one of those documented")
    return value


def _read_date(_column: schema.Column, value: Any) -> str:
    if not isinstance(value, str) or not _DATE.match(value[:10]) or not (len(value) == 10 or _DATETIME.match(value)):
        raise Misfit("format must be yyyy-MM-dd")
    datetime.fromisoformat(value)
    return value[:10]


def _read_datetime(_column: schema.Column, value: Any) -> str:
    if isinstance(value, str) and _DATE.match(value):
        value = f"{value} 00:00:00"
    if not isinstance(value, str) or not _DATETIME.match(value):
        raise Misfit("format must be yyyy-MM-dd HH:mm:ss")
    datetime.fromisoformat(value)
    return value


def _read_time(_column: schema.Column, value: Any) -> str:
    if not isinstance(value, str) or not _TIME.match(value):
        raise Misfit("format must be HH:mm:ss")
    return value if value.count(":") == 2 else f"{value}:00"


def _read_color(_column: schema.Column, value: Any) -> int:
    parts = str(value).split(",")
    numbers = [int(part) for part in parts]
    if len(numbers) != 3 or not all(0 <= number <= 255 for number in numbers):
        raise Misfit("format must be r,g,b")
    if numbers == [0, 0, 0]:
        return 0
    return ((255 << 24) | (numbers[0] << 16) | (numbers[1] << 8) | numbers[2]) - 2**32


def _read_interval(_column: schema.Column, value: Any) -> int:
    match = _INTERVAL.match(str(value))
    if match is None:
        raise Misfit("digits with y, m, w and d are needed")
    years, months, weeks, days = (int(part or 0) for part in match.groups())
    if max(years, months, weeks, days) > 255:
        raise Misfit("the interval is too long")
    return years << 24 | months << 16 | weeks << 8 | days


_READERS: dict[str, Callable[[schema.Column, Any], Any]] = {
    "int": _read_int,
    "money": _read_money,
    "text": _read_text,
    "bool": _read_bool,
    "enum": _read_enum,
    "word": _read_word,
    "date": _read_date,
    "datetime": _read_datetime,
    "time": _read_time,
    "color": _read_color,
    "interval": _read_interval,
}
