"""Every field that a mapping's table names reaches its element, and every resource is FHIR R4 by its definitions."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from itertools import product
from typing import Any, Literal, NamedTuple, TypeGuard, Union, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, StringConstraints

from gateway.core.fhir.elements import fhir_id, our_id
from gateway.core.fhir.slot import SlotId, read_slot_id, slot_id
from gateway.core.ids import PREFIXES, new_id, parse_row_id, row_id
from gateway.core.objects import Appointment, Claim, Patient, PracticeView, Procedure, clinical, desk, office
from gateway.core.objects.coverage import Coverage
from gateway.core.objects.schedule import Schedule
from gateway.core.objects.slot import Slot
from gateway.core.objects.values import AppointmentTypeId, ScheduleId
from tests.fakes import ELM_STREET
from tests.fakes.fhir_models import problems_of

FHIR_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
KIND_OF_PREFIX = {prefix: kind for kind, prefix in PREFIXES.items()}


class FreeTime(Slot):
    """A slot as FHIR's reads have it: with the hours it lies in, and the kind of visit that was asked for."""

    schedule_id: ScheduleId | None
    appointment_type_id: AppointmentTypeId | None


class Mapped(NamedTuple):
    """A mapping: where it is written, of which model, and the statuses that have such a resource."""

    module: str
    function: str
    model: type[BaseModel]
    fixed: Mapping[str, Any] = {}


MAPPED = {
    "Patient": Mapped("patient", "patient", Patient),
    "Practitioner": Mapped("practitioner", "practitioner", office.Provider),
    "Location": Mapped("location", "location", office.Location),
    "Operatory": Mapped("location", "operatory", office.Operatory),
    "Practice": Mapped("organization", "practice", PracticeView),
    "Carrier": Mapped("organization", "carrier", office.Carrier),
    "Appointment": Mapped("appointment", "appointment", Appointment, {"kind": "appointment"}),
    "Procedure": Mapped("procedure", "procedure", Procedure, {"status": ["completed", "deleted"]}),
    "ServiceRequest": Mapped(
        "service_request", "service_request", Procedure, {"status": ["planned", "planned_inactive", "referred"]}
    ),
    "Claim": Mapped("claim", "claim", Claim),
    "Coverage": Mapped("coverage", "coverage", Coverage),
    "AllergyIntolerance": Mapped("allergy_intolerance", "allergy_intolerance", clinical.Allergy),
    "MedicationStatement": Mapped("medication_statement", "medication_statement", clinical.Medication),
    "Condition": Mapped("condition", "condition", clinical.Condition),
    "Communication": Mapped("communication", "communication", desk.Communication, {"direction": "sent"}),
    "Schedule": Mapped("schedule", "schedule", Schedule, {"kind": "provider_hours"}),
    "Slot": Mapped("slot", "slot", FreeTime),
    "ExplanationOfBenefit": Mapped("explanation_of_benefit", "explanation_of_benefit", Claim, {"status": "received"}),
}
ONLY_WITHOUT: dict[str, str] = {
    "phones.raw": "phones.number",
    "phone.raw": "phone.number",
    "member_id": "patients.member_id",
}
"""Fields that are shown where another one is null."""


def mapping(name: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """The function of a mapping."""
    mapped = MAPPED[name]
    found: Callable[[Mapping[str, Any]], dict[str, Any]] = getattr(
        import_module(f"gateway.core.fhir.{mapped.module}"), mapped.function
    )
    return found


def table(name: str) -> dict[str, str]:
    """Field -> element, as the module's docstring says it."""
    written = import_module(f"gateway.core.fhir.{MAPPED[name].module}").__doc__ or ""
    if f"\n{name}:\n" in written:
        written = re.split(r"\n\w+:\n", written.split(f"\n{name}:\n", 1)[1])[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", written, re.MULTILINE)
    return {field: element for fields, element in rows[1:] for field in fields.split(", ")}


def leaves(model: Any) -> Iterator[str]:
    """The fields of a model that hold no fields of their own."""
    for name, field in model.model_fields.items():
        inner = next((part for part in parts(field.annotation) if isinstance(part, type) and _is_model(part)), None)
        if inner is None:
            yield name
        else:
            yield from (f"{name}.{leaf}" for leaf in leaves(inner))


def _is_model(part: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(part, type) and issubclass(part, BaseModel) and part.__name__ not in {"Money", "Meta"}


def parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in get_args(annotation):
        yield from parts(argument)


def sample(annotation: Any, place: str, turn: int, metadata: tuple[Any, ...] = ()) -> Any:
    """A value that can be told from every other: `turn` makes another one for the same place."""
    origin = get_origin(annotation)
    if hasattr(annotation, "__metadata__"):
        return sample(annotation.__origin__, place, turn, annotation.__metadata__)
    if origin in {Union, types.UnionType}:
        inner = next(one for one in get_args(annotation) if one is not type(None))
        return sample(inner, place, turn, metadata)
    if origin is Literal:
        return get_args(annotation)[turn % len(get_args(annotation))]
    if origin is list:
        return [sample(get_args(annotation)[0], place, turn)]
    if origin is dict:
        return {}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation.__name__ == "Meta":
            return None
        return {
            name: sample(field.annotation, f"{place}.{name}".strip("."), turn, tuple(field.metadata))
            for name, field in annotation.model_fields.items()
        }
    if annotation is bool:
        return turn % 2 == 0
    number = abs(hash(place)) % 10_000 * 10 + turn + 1
    if annotation in {int, float}:
        return number
    pattern = next((one.pattern for one in metadata if isinstance(one, StringConstraints) and one.pattern), None)
    return _text(str(pattern) if pattern else None, place, turn, number)


def _text(pattern: str | None, place: str, turn: int, number: int) -> str:
    if pattern is None:
        # A code that is a CDT code, or a word of the place.
        return f"D{number % 10_000:04}" if place in {"code.value", "lines.code_sent"} else f"{place} {turn}"
    if pattern.startswith("^prac"):
        return ELM_STREET.id if turn == 0 else "prac_" + "b" * 16
    if (match := re.match(r"\^([a-z]+)_", pattern)) is not None:
        kind = KIND_OF_PREFIX[match[1]]
        return row_id(kind, ELM_STREET.id, number) if kind != "operation" else new_id(kind)
    examples = {
        "T": f"2026-03-{number % 28 + 1:02}T{turn:02}:00:0{number % 7}" + ("Z" if "Z" in pattern else ""),
        "-": f"2026-0{turn + 1}-{number % 28 + 1:02}",
    }
    if r"\.\d" in pattern:
        return f"{number}.{turn + 10}"
    if "T" in pattern:
        return examples["T"]
    if "0-9a-f" in pattern:
        return f"{number:032x}"
    if r"\+" in pattern:
        return f"+1555{number:07}"
    return examples["-"] if r"\d\d-" in pattern else str(number)


def full(name: str, turn: int = 0) -> dict[str, Any]:
    """An object whose every field says something."""
    mapped = MAPPED[name]
    made: dict[str, Any] = sample(mapped.model, "", turn)
    for field, value in mapped.fixed.items():
        made[field] = value[0] if isinstance(value, list) else value
    return made


def put(shown: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """`shown` with another value at a place; of a list the first item's."""
    changed = deepcopy(shown)
    *way, last = place.split(".")
    at: Any = changed
    for step in way:
        at = at[step]
        at = at[0] if isinstance(at, list) else at
    at[last] = value
    return changed


def get(shown: Mapping[str, Any], place: str) -> Any:
    at: Any = shown
    for step in place.split("."):
        at = at[0] if isinstance(at, list) else at
        at = at[step]
    return at


def elements(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a resource by their place, without the numbers of list items."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from elements(part, f"{place}.{name}".strip("."))
    elif isinstance(value, list):
        for part in value:
            yield from elements(part, place)
    else:
        yield place, value


def others(name: str, field: str) -> Iterator[Any]:
    """Other values that a field can have."""
    allowed = MAPPED[name].fixed.get(field)
    if isinstance(allowed, list):
        yield from allowed
        return
    for turn in range(1, 12):
        yield get(sample(MAPPED[name].model, "", turn), field)


SHOWN = [(name, field) for name in MAPPED for field, element in table(name).items() if not element.startswith("- ")]


@pytest.mark.parametrize(("name", "field"), SHOWN)
def test_a_field_of_the_table_reaches_its_element(name: str, field: str) -> None:
    show, element, base = mapping(name), table(name)[field], full(name)
    if field in ONLY_WITHOUT:
        base = put(base, ONLY_WITHOUT[field], None)
    before = sorted(str(value) for place, value in elements(show(base)) if place == element)
    found = []
    for other in others(name, field):
        after = [value for place, value in elements(show(put(base, field, other))) if place == element]
        if sorted(map(str, after)) != before:
            found.append((other, after))

    assert found, f"{field} changes nothing in {element}"
    if isinstance(found[0][0], str | dict | list) and "Literal" not in str(field_type(name, field)):
        told = told_by(found[0][0])
        assert any(one in str(value) for value in found[0][1] for one in told), f"none of {told} is in {element}"


def told_by(value: Any) -> list[str]:
    """How a value of ours may stand in a resource."""
    if isinstance(value, list):
        return told_by(value[0])
    if isinstance(value, dict):
        return [str(Decimal(value["amount"]))]
    if re.fullmatch(r"proc_[a-z2-7]+", value):
        return [fhir_id(value), str(parse_row_id(value, "procedure").key)]
    if value.startswith("prac_"):
        return [value, fhir_id(value), value.partition("_")[2]]
    return [fhir_id(value), value] if re.fullmatch(r"[a-z]+_[a-z2-7]{16,29}", value) else [value]


def field_type(name: str, field: str) -> Any:
    annotation: Any = MAPPED[name].model
    for step in field.split("."):
        model = next(part for part in parts(annotation) if _is_model(part))
        annotation = model.model_fields[step].annotation
    return annotation


@pytest.mark.parametrize("name", MAPPED)
def test_the_table_says_of_every_field_where_it_goes_or_why_it_does_not(name: str) -> None:
    said = table(name)
    known = set(leaves(MAPPED[name].model))
    heads = {leaf.rsplit(".", depth)[0] for leaf in known for depth in (1, 2)}
    covered = {leaf for leaf in known if any(leaf == one or leaf.startswith(f"{one}.") for one in said)}

    assert known - covered == set()
    assert set(said) - known - heads == set()


@pytest.mark.parametrize(("name", "turn"), [*product(MAPPED, range(6))])
def test_a_full_resource_is_fhir_r4(name: str, turn: int) -> None:
    resource = mapping(name)(full(name, turn))

    assert problems_of(resource) == []
    assert FHIR_ID.fullmatch(resource["id"])


def nothing_said(annotation: Any, value: Any) -> Any:
    """`value` with null wherever its model allows it."""
    if type(None) in get_args(annotation):
        return None
    if isinstance(annotation, type) and _is_model(annotation):
        return {
            one: nothing_said(field.annotation, value[one])
            for one, field in annotation.model_fields.items()
            if field.is_required() or one in {"updated_at", "version"}
        }
    return [] if isinstance(value, list) else value


@pytest.mark.parametrize("name", MAPPED)
def test_a_resource_of_which_next_to_nothing_is_known_is_fhir_r4(name: str) -> None:
    shown = nothing_said(MAPPED[name].model, full(name))
    shown |= {field: value[0] if isinstance(value, list) else value for field, value in MAPPED[name].fixed.items()}

    assert problems_of(mapping(name)(shown)) == []


@pytest.mark.parametrize("kind", sorted(PREFIXES))
def test_an_id_is_spelled_as_fhir_spells_ids_and_back(kind: str) -> None:
    for one in (row_id(kind, ELM_STREET.id, key) for key in (1, -7, 2**62)):
        assert FHIR_ID.fullmatch(fhir_id(one))
        assert our_id(fhir_id(one)) == our_id(one) == one


@given(
    keys=st.lists(st.integers(1, 2**63 - 1), min_size=3, max_size=3),
    start=st.datetimes(datetime(2000, 1, 1), datetime(2199, 12, 31)),  # noqa: DTZ001
    minutes=st.integers(1, 108).map(lambda units: 5 * units),
)
def test_the_id_of_a_free_time_says_what_it_is(keys: list[int], start: datetime, minutes: int) -> None:
    start = start.replace(second=0, microsecond=0, tzinfo=UTC)
    operatory, provider, kind = (
        row_id(name, ELM_STREET.id, key)
        for name, key in zip(("operatory", "provider", "appointment_type"), keys, strict=True)
    )
    shown = {
        "practice_id": ELM_STREET.id,
        "start_at": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "operatory_id": operatory,
        "provider_id": provider,
        "duration_minutes": minutes,
    }
    said = slot_id(shown)
    with_kind = slot_id({**shown, "appointment_type_id": kind})

    assert FHIR_ID.fullmatch(said) and FHIR_ID.fullmatch(with_kind)
    assert read_slot_id(said) == SlotId(ELM_STREET.id, start, operatory, provider, minutes, None)
    # With keys of 19 digits there is no room for it.
    assert read_slot_id(with_kind) in [
        SlotId(ELM_STREET.id, start, operatory, provider, minutes, one) for one in (kind, None)
    ]
    if max(keys) < 10**9:
        assert with_kind != said


@pytest.mark.parametrize(
    "text", ["", "slot-x", "slot-aaaaaaaaaaaaaaaa.1.0.1.60", "slot-aaaaaaaaaaaaaaaa.1.1.zzzzzzzzzzzzz.60"]
)
def test_what_is_no_id_of_a_free_time_is_none(text: str) -> None:
    assert read_slot_id(text) is None
