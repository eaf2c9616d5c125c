"""The practice's tables: the catalogue's columns, those the API hides, and how the database writes an enumeration.

Numbers of enumerations follow the published 25.4 schema; where it says nothing, the order of the documented words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from infra.sandbox.practice.facts import Field, resources

ColumnKind = Literal["int", "money", "text", "bool", "enum", "word", "date", "datetime", "time", "color", "interval"]

# Stored words, not numbers: one-letter codes and varchar columns.
_WORDS = {
    ("claim", "ClaimStatus"),
    ("claim", "IsProsthesis"),
    ("claim", "ClaimType"),
    ("claim", "AccidentRelated"),
    ("insplan", "PlanType"),
    ("allergydef", "SnomedType"),
    ("autonotecontrol", "ControlType"),
    ("apisubscription", "WatchTable"),
    ("apisubscription", "UiEventType"),
}

# Enumerations whose first documented word is not number 0.
_FIRST_NUMBER = {("appointment", "AptStatus"): 1, ("procedurelog", "ProcStatus"): 1}

_NUMBERS: dict[tuple[str, str], dict[str, int]] = {
    # Number 0 exists in the database and is never shown.
    ("appointment", "AptStatus"): {
        "None": 0,
        "Scheduled": 1,
        "Complete": 2,
        "UnschedList": 3,
        "ASAP": 4,
        "Broken": 5,
        "Planned": 6,
        "PtNote": 7,
        "PtNoteCompleted": 8,
    },
}

_KINDS: dict[tuple[str, str], ColumnKind] = {
    ("patient", "BillingType"): "int",
    ("recall", "RecallInterval"): "interval",
    ("recalltype", "DefaultInterval"): "interval",
    ("securitylog", "LogDateTime"): "datetime",
    ("paysplit", "SecDateTEdit"): "datetime",
    ("medication", "DateTStamp"): "datetime",
}

# Not shown by the resource, and yet they matter: to other answers, to queries, or to the rules.
_HIDDEN: dict[str, dict[str, ColumnKind]] = {
    "adjustment": {"StatementNum": "int"},
    "allergy": {"DateTStamp": "datetime"},
    "appointment": {"Assistant": "int", "ColorOverride": "color", "ProvBarText": "text", "eServiceLogType": "int"},
    "appointmenttype": {"AppointmentTypeColor": "color", "ItemOrder": "int"},
    "apptfield": {"ApptFieldNum": "int"},
    "autonote": {},
    "carrier": {"SecDateTEdit": "datetime"},
    "claim": {
        "ClinicNum": "int",
        "DateSentOrig": "date",
        "CorrectionType": "int",
        "OrigRefNum": "text",
        "SecDateEntry": "date",
        "SecUserNumEntry": "int",
        "ClaimIdentifier": "text",
        "ShareOfCost": "money",
    },
    "claimproc": {"IsOverpay": "bool", "LineNumber": "int", "FeeBilledOverride": "money"},
    "clinic": {"DefaultProv": "int", "ItemOrder": "int", "TimeZone": "text", "Region": "int"},
    "definition": {"IsHidden": "bool", "ItemOrder": "int", "ItemColor": "color"},
    "discountplansub": {},
    "disease": {"DateTStamp": "datetime"},
    "document": {"MountItemNum": "int", "ExternalSource": "text", "RawBase64": "text"},
    "histappointment": {"ColorOverride": "color", "Assistant": "int"},
    "insplan": {"TrojanID": "text", "HideFromVerifyList": "bool"},
    "inssub": {"SecUserNumEntry": "int", "SecDateEntry": "date"},
    "medicationpat": {"DateTStamp": "datetime"},
    "operatory": {"DateTStamp": "datetime", "IsNewPatAppt": "bool"},
    "patfield": {"SecUserNumEntry": "int"},
    "patient": {
        "Title": "text",
        "Salutation": "text",
        "Country": "text",
        "County": "text",
        "SiteNum": "int",
        "ResponsParty": "int",
        "CreditType": "text",
        "StudentStatus": "text",
        "SchoolName": "text",
        "GradeLevel": "int",
        "Bal_0_30": "money",
        "Bal_31_60": "money",
        "Bal_61_90": "money",
        "BalOver90": "money",
        "InsEst": "money",
        "PayPlanDue": "money",
        "AddrNote": "text",
        "MedUrgNote": "text",
        "ApptModNote": "text",
        "HasSuperBilling": "bool",
        "AskToArriveEarly": "int",
        "DateTimeDeceased": "datetime",
        "PlannedIsDone": "bool",
        "SecUserNumEntry": "int",
        "ShortCodeOptIn": "int",
        "HasSignedTil": "bool",
    },
    "payment": {"MerchantFee": "money", "SecDateEntry": "date", "PaymentStatus": "int"},
    "paysplit": {"IsDiscount": "bool", "SecDateTEntry": "datetime", "SecUserNumEntry": "int"},
    "payplan": {"IsLockedTP": "bool"},
    "popup": {"UserNum": "int"},
    "procedurelog": {
        "DiagnosticCode": "text",
        "MedicalCode": "text",
        "StatementNum": "int",
        "ProcNumLab": "int",
        "SecUserNumEntry": "int",
        "SecDateTEntry": "datetime",
        "DateComplete": "date",
        "TaxAmt": "money",
        "DiscountPlanAmt": "money",
        "RepeatChargeNum": "int",
        "ProvOrderOverride": "int",
        "OrderingReferralNum": "int",
    },
    "procnote": {"Signature": "text"},
    "provider": {"ProvColor": "color", "ItemOrder": "int", "DateTerm": "date", "EmailAddressNum": "int"},
    "recall": {"DateDueCalc": "date"},
    "schedule": {"Status": "int", "ClinicNum": "int"},
    "securitylog": {"FKey": "int", "DateTPrevious": "datetime", "DefNum": "int", "DefNumError": "int"},
    "sheet": {"IsDeleted": "bool", "ShowInTerminal": "int", "DateTSheetEdited": "datetime"},
    "signalod": {"SigName": "text"},
    "statement": {"ShortGUID": "text"},
    "task": {"IsUnread": "bool"},
    "treatplan": {"Signature": "text", "SignaturePractice": "text", "MobileAppDeviceNum": "int"},
    "userod": {"Password": "text", "EmailAddress": "text"},
}

# Tables no resource stands for.
_EXTRA_TABLES: dict[str, tuple[str, dict[str, ColumnKind]]] = {
    "patientlink": (
        "PatientLinkNum",
        {"PatNumFrom": "int", "PatNumTo": "int", "LinkType": "int", "DateTimeLink": "datetime"},
    ),
    "procgroupitem": ("ProcGroupItemNum", {"ProcNum": "int", "GroupNum": "int"}),
    "commoptout": (
        "CommOptOutNum",
        {"PatNum": "int", "OptOutSms": "int", "OptOutEmail": "int", "CommOptOutType": "text"},
    ),
    "apikey": ("APIKeyNum", {"CustApiKey": "text", "DevName": "text"}),
    "providercliniclink": ("ProviderClinicLinkNum", {"ProvNum": "int", "ClinicNum": "int"}),
    "feeschedgroup": ("FeeSchedGroupNum", {"Description": "text", "FeeSchedNum": "int", "ClinicNums": "text"}),
    "insverifyhist": (
        "InsVerifyHistNum",
        {
            "InsVerifyNum": "int",
            "DateLastVerified": "date",
            "UserNum": "int",
            "VerifyType": "int",
            "FKey": "int",
            "DefNum": "int",
            "Note": "text",
            "DateLastAssigned": "date",
        },
    ),
    "patfieldpickitem": ("PatFieldPickItemNum", {"PatFieldDefNum": "int", "Name": "text", "ItemOrder": "int"}),
    # The real office's way to remember what is gone is not published: this is ours.
    "deletedrow": ("DeletedRowNum", {"TableName": "text", "FKey": "int", "DateTDeleted": "datetime"}),
    "site": ("SiteNum", {"Description": "text", "Note": "text"}),
    "mount": ("MountNum", {"PatNum": "int", "DocCategory": "int", "DateCreated": "datetime", "Description": "text"}),
    "program": ("ProgramNum", {"ProgName": "text", "ProgDesc": "text", "Enabled": "bool"}),
}

_KEYS = {"apptfield": "ApptFieldNum", "etrans": "EtransNum"}

# Columns that are looked up by: foreign keys beyond those the catalogue names, and stamps.
_INDEXED_NAMES = {
    "PatNum",
    "AptNum",
    "PlannedAptNum",
    "NextAptNum",
    "ClaimNum",
    "ProcNum",
    "PayNum",
    "ClaimPaymentNum",
    "PlanNum",
    "InsSubNum",
    "PatPlanNum",
    "Guarantor",
    "Op",
    "CodeNum",
    "FeeSched",
    "SchedDate",
    "ScheduleNum",
    "OperatoryNum",
    "Subscriber",
    "DateTStamp",
    "SecDateTEdit",
    "PrefName",
    "ProcCode",
    "Category",
    "TreatPlanNum",
    "SheetNum",
    "TaskNum",
    "RecallTypeNum",
    "SuperFamily",
    "DepositNum",
    "LName",
}

DEFAULTS: dict[ColumnKind, object] = {
    "int": 0,
    "money": 0.0,
    "text": "",
    "bool": 0,
    "enum": 0,
    "word": "",
    "date": "0001-01-01",
    "datetime": "0001-01-01 00:00:00",
    "time": "00:00:00",
    "color": 0,
    "interval": 0,
}
AFFINITY: dict[ColumnKind, str] = {
    kind: "REAL" if kind == "money" else "INTEGER" if isinstance(default, int) else "TEXT"
    for kind, default in DEFAULTS.items()
}

# Set once, when the row is made.
ENTRY_STAMPS = {
    "SecDateTEntry",
    "SecDateEntry",
    "DateTEntry",
    "DateEntry",
    "DateTimeEntry",
    "EntryDateTime",
    "DateTimeOriginal",
    "DateTCreated",
    "DateTimeNote",
}
# Kept by the database itself: it moves when a stored value changes.
CHANGE_STAMPS = {"DateTStamp", "SecDateTEdit", "DateTSheetEdited"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `words` maps an enumeration's words to the database's numbers."""

    name: str
    kind: ColumnKind
    words: tuple[tuple[str, int], ...] = ()
    enum: tuple[str, ...] = ()

    @property
    def default(self) -> object:
        """What a new row holds when nothing was given."""
        return DEFAULTS[self.kind]


@dataclass(frozen=True, slots=True)
class Table:
    """One table with its primary key, columns in order, and the orders its lists are read in."""

    name: str
    key: str
    columns: dict[str, Column]
    orders: tuple[tuple[tuple[str, str], ...], ...]
    indexed: frozenset[str]


def _kind(table: str, field: Field) -> ColumnKind:
    if (table, field.name) in _KINDS:
        return _KINDS[table, field.name]
    if field.type == "enum":
        return "word" if (table, field.name) in _WORDS else "enum"
    kinds: dict[str, ColumnKind] = {
        "int": "int",
        "int_string": "int",
        "float": "money",
        "decimal_string": "money",
        "bool": "bool",
        "bool_string": "bool",
        "date": "date",
        "datetime": "datetime",
        "datetime_iso": "datetime",
        "time": "time",
        "color": "color",
    }
    return kinds.get(field.type, "text")


def _numbers(table: str, field: Field) -> tuple[tuple[str, int], ...]:
    if (table, field.name) in _NUMBERS:
        return tuple(_NUMBERS[table, field.name].items())
    first = _FIRST_NUMBER.get((table, field.name), 0)
    return tuple((word, number) for number, word in enumerate(field.enum, start=first))


def _definition_category() -> Column:
    category = next(field for field in resources()["definitions"].fields if field.name == "category")
    # Shown both as the number and as the word.
    return Column("Category", "int", tuple((word, number) for number, word in enumerate(category.enum)), category.enum)


@cache
def tables() -> dict[str, Table]:
    """Every table by its database name."""
    columns: dict[str, dict[str, Column]] = {}
    keys: dict[str, str] = {}
    orders: dict[str, list[tuple[tuple[str, str], ...]]] = {}
    indexed: dict[str, set[str]] = {}
    for resource in resources().values():
        table = resource.table
        if table is None:
            continue
        keys[table] = _KEYS.get(table) or resource.key or f"{table}Num"
        known = columns.setdefault(table, {keys[table]: Column(keys[table], "int")})
        for field in resource.fields:
            # A small first letter marks what is not a column, or one under another spelling.
            if field.derived or field.name[0].islower() or field.name in known:
                continue
            kind = _kind(table, field)
            words = _numbers(table, field) if kind == "enum" else ()
            known[field.name] = Column(field.name, kind, words, field.enum)
            if field.ref and kind == "int":
                indexed.setdefault(table, set()).add(field.name)
        if resource.order:
            orders.setdefault(table, []).append(resource.order)
    for table, hidden in _HIDDEN.items():
        for name, kind in hidden.items():
            columns[table].setdefault(name, Column(name, kind))
    columns["definition"]["Category"] = _definition_category()
    for table, (key, extra) in _EXTRA_TABLES.items():
        keys[table] = key
        columns[table] = {key: Column(key, "int")} | {name: Column(name, kind) for name, kind in extra.items()}
    return {
        name: Table(
            name=name,
            key=keys[name],
            columns=known,
            orders=tuple(orders.get(name, ())),
            indexed=frozenset((indexed.get(name, set()) | (_INDEXED_NAMES & known.keys())) - {keys[name]}),
        )
        for name, known in columns.items()
    }


def create_statements() -> list[str]:
    """DDL for an empty practice."""
    statements = []
    for table in tables().values():
        columns = ", ".join(
            f'"{column.name}" INTEGER PRIMARY KEY'
            if column.name == table.key
            else f'"{column.name}" {_affinity(column)} NOT NULL DEFAULT {_literal(column.default)}'
            for column in table.columns.values()
        )
        statements.append(f'CREATE TABLE IF NOT EXISTS "{table.name}" ({columns})')
        statements.extend(
            f'CREATE INDEX IF NOT EXISTS "{table.name}_{column}" ON "{table.name}" ("{column}")'
            for column in sorted(table.indexed)
        )
        for order in table.orders:
            names = [column for column, _ in order if column in table.columns]
            if names == [table.key]:
                continue
            terms = ", ".join(f'"{name}"' for name in [*names, *([] if table.key in names else [table.key])])
            label = "_".join(names)
            statements.append(f'CREATE INDEX IF NOT EXISTS "{table.name}_by_{label}" ON "{table.name}" ({terms})')
        # Narrow enough to skip over hundreds of thousands of rows; the rows themselves are wide.
        statements.append(f'CREATE INDEX IF NOT EXISTS "{table.name}_key" ON "{table.name}" ("{table.key}")')
    return statements


def _affinity(column: Column) -> str:
    # MySQL's text compares without regard to case.
    return AFFINITY[column.kind] + (" COLLATE NOCASE" if column.kind in ("text", "word") else "")


def _literal(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)
