"""What lies in `events/types/`: the schema of each type of event, and a sample."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft4Validator

from gateway.core.events.event_types import SUBJECTS, TYPES
from gateway.core.events.schemas import event_schema, schema_of
from tests.unit.gateway.events.record import FOLDER, files

SAMPLES: dict[str, dict[str, Any]] = {
    type_: json.loads((FOLDER / f"{type_}.json").read_text()) for type_ in TYPES if (FOLDER / f"{type_}.json").exists()
}


def is_taken(type_: str, envelope: Mapping[str, Any]) -> bool:
    return bool(Draft4Validator(json.loads((FOLDER / f"{type_}.schema.json").read_text())).is_valid(envelope))


def test_the_files_are_what_the_recorder_makes() -> None:
    """`python -m tests.unit.gateway.events.record` makes them."""
    assert {path.name: path.read_text() for path in FOLDER.glob("*.json")} == files()


@pytest.mark.parametrize("type_", TYPES)
def test_a_schema_is_one_that_the_registry_takes(type_: str) -> None:
    """Draft 4 in at most 100,000 characters, with a description of at most 256."""
    schema = schema_of(type_)

    Draft4Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-04/schema#"
    assert len(json.dumps(schema)) < 100_000
    assert len(schema["description"]) <= 256


@pytest.mark.parametrize("type_", TYPES)
def test_a_sample_is_what_its_schema_says(type_: str) -> None:
    sample = SAMPLES[type_]

    Draft4Validator(schema_of(type_)).validate(sample)
    assert sample["detail-type"] == sample["detail"]["type"] == type_
    assert is_taken(type_, sample | {"replay-name": "again"})


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize(
    "more",
    [
        {"name": {"first": "Zoe", "last": "Marker"}},
        {"after": {"name": "Marker, Zoe"}},
        {"after": {"status": "Marker, Zoe"}},
        {"after": {"note": "afraid"}},
        {"before": {"amount": "62.00"}},
        {"after": {"balance": {"amount": "62.00", "currency": "USD"}}},
        {"related": {"patient_id": "Marker"}},
        {"related": {"phone": "+15555550100"}},
        {"changed": ["Marker, Zoe"]},
        {"object_id": "62.00"},
        {"amount": "62.00"},
        {"sequence": "1"},
        {"type": "appointment.exploded"},
    ],
    ids=json.dumps,
)
def test_a_schema_refuses_a_field_more_a_name_and_an_amount(type_: str, more: dict[str, Any]) -> None:
    told = copy.deepcopy(SAMPLES[type_])
    told["detail"] |= more

    assert not is_taken(type_, told)


@pytest.mark.parametrize("type_", TYPES)
def test_an_event_lacks_nothing(type_: str) -> None:
    for name in SAMPLES[type_]["detail"]:
        told = copy.deepcopy(SAMPLES[type_])
        del told["detail"][name]

        assert not is_taken(type_, told), name


def test_what_is_told_of_an_object_is_in_one_place() -> None:
    for object_, subject in SUBJECTS.items():
        for type_ in (one for one in TYPES if one.startswith(f"{object_}.")):
            properties = event_schema(type_)["properties"]
            assert (
                set(properties["before"]["properties"]) == set(properties["after"]["properties"]) == set(subject.told)
            )
            assert set(properties["related"]["properties"]) == set(subject.related)
