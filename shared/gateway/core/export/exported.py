"""What is exported: each object of the API with the mirrored resources that it is made of. Data, and how they meet.

An object is exported whole whenever one of its rows has changed. A part says which objects it belongs to; where a part
may have moved from one object to another, all objects of its patient are exported again, because the mirror knows no
more where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from gateway.core import normalize
from gateway.core.export.columns import RUN, Type, columns_of, schema_of, trimmed
from gateway.core.hashing import canonical_hash
from gateway.core.ids import insurance_payment_key, row_id
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import Record, Records
from gateway.core.normalize import accounts, coverages, desk, setup, treatment
from gateway.core.normalize.office import office, row_object
from gateway.core.normalize.values import key, money
from gateway.core.objects import account, appointment, claim, coverage, patient, payment, procedure
from gateway.core.objects import desk as desk_objects
from gateway.core.objects import office as office_objects
from gateway.core.objects import treatment as treatment_objects
from gateway.core.objects.values import Money, Object, Part, PatientId
from gateway.core.office_words import PREFERENCES, OfficeWords, Table, input_of_preferences
from gateway.core.ports import Cache
from gateway.core.practices import Practice
from gateway.core.requests import key_of_fetch
from gateway.core.walltime import instant_text

if TYPE_CHECKING:
    from pydantic import BaseModel

Row: TypeAlias = Mapping[str, Any]

PAGE: Final = 500
"""Rows of the mirror that are read at once."""

_WORDS: Final = (Table.DEFINITIONS, Table.APPOINTMENT_TYPES, Table.PROCEDURE_CODES, Table.RECALL_TYPES)


class MirrorServices(Protocol):
    """What reading copies needs."""

    @property
    def records(self) -> Records: ...
    @property
    def cache(self) -> Cache: ...


class Shelf:
    """One practice's copies, as an export reads them: no call of Open Dental, however old they are."""

    def __init__(self, practice: Practice, on: MirrorServices) -> None:
        self.practice, self.on = practice, on

    @cached_property
    def words(self) -> OfficeWords:
        """What the office calls things, from its mirrored set-up."""
        found: dict[Table, Iterable[Row] | None] = {
            table: [one.row for one in self.all(table.value)] for table in _WORDS
        }
        where = key_of_fetch(
            "fetch.preferences", input_of_preferences(PREFERENCES), practice=self.practice, reference=True
        )
        kept = self.on.cache.get(self.practice.id, where)
        found[Table.PREFERENCES] = None if kept is None else kept.rows["preferences"]
        return OfficeWords(found)

    def all(self, resource: str) -> list[Record]:
        """Every row of a small resource."""
        found: list[Record] = []
        while True:
            after = found[-1].key if found else None
            page = self.on.records.page(self.practice.id, resource, after=after, limit=PAGE)
            found += page
            if len(page) < PAGE:
                return found

    def rows(self, resource: str, keys: Iterable[int]) -> list[Row]:
        """Rows by key; the keys that there are none of are passed over."""
        return [one.row for one in self.on.records.get(self.practice.id, resource, {one for one in keys if one})]

    def under(self, resource: str, column: str, keys: Iterable[int]) -> list[Row]:
        """Rows under these parents."""
        wanted = sorted({one for one in keys if one})
        if not wanted:
            return []
        return [one.row for one in self.on.records.under_each(self.practice.id, resource, column, wanted)]

    def led(self, resource: str, way: str, number: int) -> list[Row]:
        """Rows that a number leads to, all of them."""
        found: list[int] = []
        while True:
            after = found[-1] if found else None
            keys = self.on.records.led(
                self.practice.id, resource, way, str(number), str(number), after=after, limit=PAGE
            )
            found += keys or []
            if keys is None or len(keys) < PAGE:
                return [row for row in self.rows(resource, found) if key(row.get(way)) == number]


Show: TypeAlias = Callable[[Shelf, Sequence[Record]], list[dict[str, Any]]]
"""The objects of living rows, in their order."""

Lead: TypeAlias = Callable[[Shelf, Sequence[Record]], set[int]]
"""Keys of the rows that objects are made of, which changed rows of a part belong to."""


@dataclass(frozen=True, slots=True)
class Source:
    """Rows each of which is an object. `kind` is what its id is of; `number` makes the id's key of the row's.

    `parts`: other resources that are in the object, and where a changed row of one leads.
    """

    resource: str
    kind: str
    show: Show
    parts: Mapping[str, Lead] = field(default_factory=dict)
    number: Callable[[int], int] = int
    table: str = ""

    @property
    def needed(self) -> tuple[str, ...]:
        """The resources that have to be here as a whole."""
        return (self.resource, *self.parts)

    def tombstone(self, record: Record, practice: Practice) -> dict[str, Any]:
        """What is exported of an object that is gone."""
        assert record.deleted_at is not None
        gone_at = instant_text(record.deleted_at)
        return {
            "id": row_id(self.kind, practice.id, self.number(record.key)),
            "source": {
                "system": "open_dental",
                "table": self.table or MIRRORED[self.resource].resource.removesuffix("s"),
                "key": str(record.key),
                "practice_id": practice.id,
            },
            "practice_id": practice.id,
            "synced_at": instant_text(record.read.at),
            "deleted_at": gone_at,
        }


@dataclass(frozen=True)
class Exported:
    """One object of the export. `without`: members of the API's object that are not mirrored, or stand elsewhere."""

    name: str
    model: type[BaseModel]
    sources: tuple[Source, ...]
    without: frozenset[str] = frozenset()
    is_protected: bool = True

    @cached_property
    def columns(self) -> tuple[tuple[str, Type], ...]:
        """Name and type of each column."""
        return columns_of(self.model, self.without)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """What its schema file says."""
        return schema_of(self.name, self.columns)

    @property
    def needed(self) -> frozenset[str]:
        """The resources that have to be here as a whole."""
        return frozenset(name for one in self.sources for name in one.needed)

    def rows(self, source: Source, records: Sequence[Record], shelf: Shelf, run_id: str) -> list[dict[str, Any]]:
        """What is exported in a run of these rows of `source`, tombstones among them, in their order."""
        living = [one for one in records if one.is_living]
        shown = dict(zip((one.key for one in living), source.show(shelf, living), strict=True)) if living else {}
        return [
            self._row(shown[one.key] if one.is_living else source.tombstone(one, shelf.practice), run_id)
            for one in records
        ]

    def _row(self, shown: Mapping[str, Any], run_id: str) -> dict[str, Any]:
        row = trimmed(self.model, self.without, shown)
        # By a hash of what is left out a guess at it could be proven, so it is one of what is here.
        row["version"] = canonical_hash({name: one for name, one in row.items() if name not in _OF_THE_READ})[:32]
        row[RUN] = run_id
        return row


_OF_THE_READ: Final = frozenset({RUN, "version", "synced_at"})


class FamilyTotal(Part):
    """What a family owes."""

    total: Money | None
    """Before what insurance is expected to pay; null where the guarantor's row is not there."""


class ExportedBalance(Object):
    """What a patient owes by the office's last aging, of the mirrored rows; the account module's parts are not."""

    id: PatientId
    patient_id: PatientId
    guarantor_id: PatientId | None
    portion: Money | None
    family: FamilyTotal


def _each(make: Callable[..., dict[str, Any]], **words: str) -> Show:
    """Objects that are made of their own rows alone, and maybe of the office's words."""

    def show(shelf: Shelf, records: Sequence[Record]) -> list[dict[str, Any]]:
        more = {name: getattr(shelf.words, of) if of else shelf.words for name, of in words.items()}
        return [make(one.row, practice=shelf.practice, synced_at=one.read.at, **more) for one in records]

    return show


def _own(column: str) -> Lead:
    """The object whose key the part has in `column`."""
    return lambda _, parts: {found for one in parts if (found := key(one.row.get(column)))}


def _of_patient(resource: str, *more: str) -> Lead:
    """All objects of the part's patient, and those that it names in one of the columns `more`."""

    def lead(shelf: Shelf, parts: Sequence[Record]) -> set[int]:
        rows = shelf.under(resource, "PatNum", (key(one.row.get("PatNum")) for one in parts))
        column = MIRRORED[resource].key
        named = {found for one in parts for name in more if (found := key(one.row.get(name)))}
        return {key(row.get(column)) for row in rows} | named

    return lead


def _numbers(records: Iterable[Record], column: str) -> list[int]:
    return [key(one.row.get(column)) for one in records]


def _by(column: str, rows: Iterable[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row.get(column)), []).append(row)
    return found


def _appointments(shelf: Shelf, records: Sequence[Record]) -> list[dict[str, Any]]:
    planned = [one for one in records if one.row.get("AptStatus") == "Planned"]
    attached = _by("AptNum", shelf.under("procedurelogs", "AptNum", _numbers(records, "AptNum")))
    # Plans are few, and the way to their procedures is the patient's.
    waiting = _by("PlannedAptNum", shelf.under("procedurelogs", "PatNum", _numbers(planned, "PatNum")))
    return [
        normalize.appointment(
            one.row,
            practice=shelf.practice,
            synced_at=one.read.at,
            procedures=(waiting if one.row.get("AptStatus") == "Planned" else attached).get(one.key, []),
            words=shelf.words,
        )
        for one in records
    ]


def _claims(shelf: Shelf, records: Sequence[Record]) -> list[dict[str, Any]]:
    lines = _by("ClaimNum", shelf.under("claimprocs", "ClaimNum", (one.key for one in records)))
    return [
        normalize.claim(one.row, practice=shelf.practice, synced_at=one.read.at, lines=lines.get(one.key, []))
        for one in records
    ]


def _patient_payments(shelf: Shelf, records: Sequence[Record]) -> list[dict[str, Any]]:
    splits = _by("PayNum", shelf.under("paysplits", "PayNum", (one.key for one in records)))
    more: dict[str, Any] = {"practice": shelf.practice, "words": shelf.words}
    return [
        normalize.patient_payment(one.row, synced_at=one.read.at, splits=splits.get(one.key, []), **more)
        for one in records
    ]


def _carrier_payments(shelf: Shelf, records: Sequence[Record]) -> list[dict[str, Any]]:
    more: dict[str, Any] = {"practice": shelf.practice, "words": shelf.words}
    return [
        normalize.insurance_payment(
            one.row, synced_at=one.read.at, lines=shelf.led("claimprocs", "ClaimPaymentNum", one.key), **more
        )
        for one in records
    ]


def _payment_plans(shelf: Shelf, records: Sequence[Record]) -> list[dict[str, Any]]:
    charges = _by("PayPlanNum", shelf.under("payplancharges", "PayPlanNum", (one.key for one in records)))
    people = {*_numbers(records, "PatNum"), *_numbers(records, "Guarantor")}
    splits = _by("PayPlanNum", shelf.under("paysplits", "PatNum", people))
    insured = [one for one in records if accounts.kind_of_plan(one.row) == "insurance"]
    lines = _by("PayPlanNum", shelf.under("claimprocs", "PatNum", _numbers(insured, "PatNum")))
    return [
        accounts.payment_plan(
            one.row,
            practice=shelf.practice,
            synced_at=one.read.at,
            charges=charges.get(one.key, []),
            splits=splits.get(one.key, []),
            lines=lines.get(one.key, []),
        )
        for one in records
    ]


def _coverages(shelf: Shelf, records: Sequence[Record]) -> list[dict[str, Any]]:
    places = _by("InsSubNum", shelf.under("patplans", "InsSubNum", (one.key for one in records)))
    plans = {key(row.get("PlanNum")): row for row in shelf.rows("insplans", _numbers(records, "PlanNum"))}
    carriers = shelf.rows("carriers", (key(row.get("CarrierNum")) for row in plans.values()))
    payers = {key(row.get("CarrierNum")): row for row in carriers}
    shown = []
    for one in records:
        plan = plans.get(key(one.row.get("PlanNum")))
        payer = None if plan is None else payers.get(key(plan.get("CarrierNum")))
        shown.append(
            coverages.coverage(
                one.row,
                practice=shelf.practice,
                synced_at=one.read.at,
                places=places.get(one.key, []),
                plans=[] if plan is None else [plan],
                carriers=[] if payer is None else [payer],
            )
        )
    return shown


def _of_plans(shelf: Shelf, parts: Sequence[Record]) -> set[int]:
    rows = shelf.under("inssubs", "PlanNum", (one.key for one in parts))
    return {key(row.get("InsSubNum")) for row in rows}


def _of_carriers(shelf: Shelf, parts: Sequence[Record]) -> set[int]:
    plans = shelf.under("insplans", "CarrierNum", (one.key for one in parts))
    rows = shelf.under("inssubs", "PlanNum", (key(row.get("PlanNum")) for row in plans))
    return {key(row.get("InsSubNum")) for row in rows}


def _balances(shelf: Shelf, records: Sequence[Record]) -> list[dict[str, Any]]:
    here = office(shelf.practice)
    heads = {key(row.get("PatNum")): row for row in shelf.rows("patients", _numbers(records, "Guarantor"))}
    shown = []
    for one in records:
        head = key(one.row.get("Guarantor"))
        owed = heads.get(head, {}).get("BalTotal")
        shown.append(
            row_object(
                here, one.row, kind="patient", table="patient", column="PatNum", synced_at=one.read.at, raw=False
            )
            | {
                "patient_id": here.patient(one.key),
                "guarantor_id": here.patient(head) if head else None,
                "portion": money(one.row.get("EstBalance")),
                "family": {"total": money(owed)},
            }
        )
    return shown


def _members(shelf: Shelf, parts: Sequence[Record]) -> set[int]:
    """Everybody whose guarantor has changed."""
    return {key(row.get("PatNum")) for row in shelf.under("patients", "Guarantor", (one.key for one in parts))}


def _office(
    name: str, model: type[BaseModel], resource: str, kind: str, make: Callable[..., Any], **words: str
) -> Exported:
    return Exported(name, model, (Source(resource, kind, _each(make, **words)),), is_protected=False)


EXPORTED: Final[Mapping[str, Exported]] = {
    one.name: one
    for one in (
        Exported("patients", patient.Patient, (Source("patients", "patient", _each(normalize.patient, words="")),)),
        Exported(
            "appointments",
            appointment.Appointment,
            (
                Source(
                    "appointments",
                    "appointment",
                    _appointments,
                    {"procedurelogs": _of_patient("appointments", "AptNum", "PlannedAptNum")},
                ),
            ),
            without=frozenset({"assistant_id", "coverage_ids"}),
        ),
        Exported(
            "procedures",
            procedure.Procedure,
            (Source("procedurelogs", "procedure", _each(normalize.procedure, areas="areas"), table="procedurelog"),),
        ),
        Exported(
            "claims",
            claim.Claim,
            (Source("claims", "claim", _claims, {"claimprocs": _of_patient("claims", "ClaimNum")}),),
            # The coverage has it, and is exported anew when the carrier's name changes.
            without=frozenset({"carrier"}),
        ),
        Exported(
            "payments",
            payment.Payment,
            (
                Source("payments", "payment", _patient_payments, {"paysplits": _own("PayNum")}),
                Source(
                    "claimpayments",
                    "payment",
                    _carrier_payments,
                    {"claimprocs": _own("ClaimPaymentNum")},
                    number=insurance_payment_key,
                ),
            ),
        ),
        Exported(
            "adjustments",
            account.Adjustment,
            (Source("adjustments", "adjustment", _each(accounts.adjustment)),),
        ),
        Exported(
            "payment_plans",
            account.PaymentPlan,
            (
                Source(
                    "payplans",
                    "payment_plan",
                    _payment_plans,
                    {
                        "payplancharges": _own("PayPlanNum"),
                        "paysplits": _of_patient("payplans", "PayPlanNum"),
                        "claimprocs": _of_patient("payplans", "PayPlanNum"),
                    },
                ),
            ),
            without=frozenset({"account_rule", "links"}),
        ),
        Exported(
            "recalls",
            desk_objects.Recall,
            (
                Source(
                    "recalls",
                    "recall",
                    lambda shelf, records: [
                        desk.recall(
                            one.row,
                            practice=shelf.practice,
                            synced_at=one.read.at,
                            types={key(row.get("RecallTypeNum")): row for row in shelf.words.recall_types},
                        )
                        for one in records
                    ],
                ),
            ),
        ),
        Exported(
            "coverages",
            coverage.Coverage,
            (
                Source(
                    "inssubs",
                    "coverage",
                    _coverages,
                    {"patplans": _own("InsSubNum"), "insplans": _of_plans, "carriers": _of_carriers},
                ),
            ),
            without=frozenset({"benefits", "verification"}),
        ),
        Exported("balances", ExportedBalance, (Source("patients", "patient", _balances, {"patients": _members}),)),
        Exported(
            "treatment_plans",
            treatment_objects.TreatmentPlan,
            (Source("treatplans", "treatment_plan", _each(treatment.treatment_plan)),),
            without=frozenset({"procedures"}),
        ),
        Exported(
            "communications",
            desk_objects.Communication,
            (Source("commlogs", "communication", _each(desk.communication)),),
        ),
        _office("providers", office_objects.Provider, "providers", "provider", setup.provider, words=""),
        _office("locations", office_objects.Location, "clinics", "location", setup.location),
        _office("operatories", office_objects.Operatory, "operatories", "operatory", setup.operatory),
        _office("carriers", office_objects.Carrier, "carriers", "carrier", setup.carrier),
        _office(
            "procedure_codes",
            office_objects.ProcedureCode,
            "procedurecodes",
            "procedure_code",
            setup.procedure_code,
            words="",
        ),
        _office("definitions", office_objects.Definition, "definitions", "definition", setup.definition),
        _office("recall_types", office_objects.RecallType, "recalltypes", "recall_type", setup.recall_type, words=""),
    )
}
"""By the name that the API's path has as well."""
