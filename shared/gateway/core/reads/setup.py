"""The families of the office's own set-up: small tables, read whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from gateway.core.inputs import broken_rule
from gateway.core.normalize import setup
from gateway.core.normalize.values import flag, key, text
from gateway.core.office_words import NO_WORDS, Table
from gateway.core.practices import Practice
from gateway.core.reads.families import Bound, Family, Related
from gateway.core.reads.lists import Reading, Row
from gateway.core.reads.queries import Code, Id, ListQuery, ObjectQuery

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class ActiveQuery(ListQuery):
    """What a list of set-up rows takes."""

    is_active: bool | None = None
    """`false` shows what the office has hidden; both without it."""


class ProvidersQuery(ActiveQuery):
    """Filters of `GET /providers`."""

    location_id: Id | None = None
    """Providers who may work there, as Open Dental decides it."""
    is_hygienist: bool | None = None
    npi: Word | None = None


class OperatoriesQuery(ActiveQuery):
    """Filters of `GET /operatories`."""

    location_id: Id | None = None
    provider_id: Id | None = None
    """The operatory's own dentist or hygienist."""
    is_hygiene: bool | None = None


class CarriersQuery(ActiveQuery):
    """Filters of `GET /carriers`."""

    name: Word | None = None
    """A part of the name, case aside."""
    payer_id: Word | None = None


class ProcedureCodesQuery(ListQuery):
    """Filters of `GET /procedure_codes`."""

    code: Annotated[list[Code], Field(max_length=100)] | None = None
    description: Word | None = None
    """A part of it, case aside."""
    area: list[Literal["surface", "tooth", "mouth", "quadrant", "sextant", "arch", "range", "other"]] | None = None
    is_hygiene: bool | None = None


def _category(word: str) -> str:
    """Refuse what no definition can be: an empty list would say that the office has none."""
    words = sorted({ours for ours in setup.CATEGORY.values() if ours is not None} | {"other"})
    if word not in words:
        raise broken_rule("category", f"takes {', '.join(words[:-1])} or {words[-1]}")
    return word


class DefinitionsQuery(ActiveQuery):
    """Filters of `GET /definitions`."""

    category: list[Annotated[Word, AfterValidator(_category)]] | None = None
    """In our words: `confirmation`, `payment_type`, `billing_type` ... (`normalize.setup.CATEGORY`); `other` is what
    Open Dental has added since."""


def _is_active(row: Row, wanted: object, _: Practice) -> bool:
    hidden = flag(row.get("IsHidden", row.get("isHidden"))) or row.get("ProvStatus") == "Deleted"
    return (not hidden) is wanted


def _specialties(
    rows: Sequence[Row],
    reading: Reading,
    _query: ObjectQuery,
    _single: bool,  # noqa: FBT001 - the contract of `relate`.
) -> Related:
    """What the office calls its providers' specialties."""
    named = {key(row.get("Specialty")) for row in rows} - {0}
    words = reading.words(Table.DEFINITIONS, definitions=named) if named else NO_WORDS
    return {"words": words}, ["specialty.label"] if named and not words.knows(Table.DEFINITIONS) else []


PROVIDERS: Final = Family(
    obj="providers",
    kind="provider",
    resource="providers",
    row_key="ProvNum",
    normalize=setup.provider,
    # A provider's row does not say where the provider may work.
    bounds=(Bound("location_id", "ClinicNum", "location", column=""),),
    whole=True,
    tests={
        "is_active": _is_active,
        "is_hygienist": lambda row, wanted, _: flag(row.get("IsSecondary")) is wanted,
        "npi": lambda row, wanted, _: text(row.get("NationalProvID")) == wanted,
    },
    stamp="DateTStamp",
    relate=_specialties,
)

LOCATIONS: Final = Family(
    obj="locations",
    kind="location",
    resource="clinics",
    row_key="ClinicNum",
    normalize=setup.location,
    whole=True,
    tests={"is_active": _is_active},
)

OPERATORIES: Final = Family(
    obj="operatories",
    kind="operatory",
    resource="operatories",
    row_key="OperatoryNum",
    normalize=setup.operatory,
    bounds=(Bound("location_id", "ClinicNum", "location"),),
    matches=(Bound("provider_id", "", "provider", column=("ProvDentist", "ProvHygienist")),),
    whole=True,
    tests={
        "is_active": _is_active,
        "is_hygiene": lambda row, wanted, _: flag(row.get("IsHygiene")) is wanted,
    },
)

CARRIERS: Final = Family(
    obj="carriers",
    kind="carrier",
    resource="carriers",
    row_key="CarrierNum",
    normalize=setup.carrier,
    whole=True,
    tests={
        "is_active": _is_active,
        "name": lambda row, wanted, _: wanted.casefold() in (text(row.get("CarrierName")) or "").casefold(),
        "payer_id": lambda row, wanted, _: text(row.get("ElectID")) == wanted,
    },
)


def _increment(
    rows: Sequence[Row],
    reading: Reading,
    _query: ObjectQuery,
    _single: bool,  # noqa: FBT001 - the contract of `relate`.
) -> Related:
    """How long the office's time units are, in which patterns of codes and recalls are written."""
    words = reading.words(Table.PREFERENCES) if rows else NO_WORDS
    return {"words": words}, [] if not rows or words.knows(Table.PREFERENCES) else ["duration_minutes"]


PROCEDURE_CODES: Final = Family(
    obj="procedure_codes",
    kind="procedure_code",
    resource="procedurecodes",
    row_key="CodeNum",
    normalize=setup.procedure_code,
    whole=True,
    reference=True,
    tests={
        "code": lambda row, wanted, _: text(row.get("ProcCode")) in wanted,
        "area": lambda row, wanted, _: setup.AREA[text(row.get("TreatArea"))] in wanted,
        "description": lambda row, wanted, _: wanted.casefold() in (text(row.get("Descript")) or "").casefold(),
        "is_hygiene": lambda row, wanted, _: flag(row.get("IsHygiene")) is wanted,
    },
    stamp="DateTStamp",
    relate=_increment,
    watched=setup.CODES,
)

RECALL_TYPES: Final = Family(
    obj="recall_types",
    kind="recall_type",
    resource="recalltypes",
    row_key="RecallTypeNum",
    normalize=setup.recall_type,
    whole=True,
    reference=True,
    relate=_increment,
)

APPOINTMENT_TYPES: Final = Family(
    obj="appointment_types",
    kind="appointment_type",
    resource="appointmenttypes",
    row_key="AppointmentTypeNum",
    normalize=setup.appointment_type,
    whole=True,
    tests={"is_active": _is_active},
)

DEFINITIONS: Final = Family(
    obj="definitions",
    kind="definition",
    resource="definitions",
    row_key="DefNum",
    normalize=setup.definition,
    whole=True,
    # Rows keep the words that the office has hidden since.
    fixed={"includeHidden": True},
    tests={
        "is_active": _is_active,
        "category": lambda row, wanted, _: setup.CATEGORY[text(row.get("category"))] in wanted,
    },
    watched=setup.DEFINITIONS,
)
