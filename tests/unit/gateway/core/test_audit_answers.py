"""What the trails have to say of an answer: whom it shows, and in whose trail that lies."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.audit import MOST_PATIENTS, AuditEntry, Phase
from gateway.core.audit.answers import (
    KEYS_OF_PATIENTS,
    Asked,
    Shown,
    entries,
    intents,
    patients_in,
    practice_of,
    practices_in,
)
from gateway.core.fhir.elements import fhir_id
from gateway.core.ids import new_id, parse_row_id, row_id
from gateway.core.json_text import to_json
from open_dental import catalogue
from tests.unit.gateway.objects.test_examples import EXAMPLES

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ELM, OAK, STRANGE = "prac_aaaaaaaaaaaaaaaa", "prac_bbbbbbbbbbbbbbbb", "prac_cccccccccccccccc"

keys = st.integers(1, 2**63 - 1)
ids = st.builds(lambda of, key: row_id("patient", of, key), st.sampled_from([ELM, OAK, STRANGE]), keys)
around = st.text(max_size=8)
SPELLINGS = (
    lambda id_: id_,
    lambda id_: f"Patient/{fhir_id(id_)}",
    lambda id_: f"https://gateway.test/v1/patients/{id_}/360?limit=1",
    lambda id_: f"urn:{fhir_id(id_)}|x",
)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[Any, set[str]]:
    """Any JSON value, with ids of patients in its texts and names, in every spelling there is; and which they are."""
    named: set[str] = set()

    def place(id_: str) -> str:
        named.add(id_)
        return f"{draw(around)}{draw(st.sampled_from(SPELLINGS))(id_)} {draw(around)}"

    leaf = st.one_of(st.none(), st.booleans(), st.integers(), around, st.deferred(lambda: ids.map(place)))
    value = draw(
        st.recursive(
            leaf,
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(around | ids.map(place), inner, max_size=4),
            max_leaves=12,
        )
    )
    # What hypothesis tried and threw away was named as well: only what is there counts.
    text = json.dumps(value, ensure_ascii=False)
    return value, {one for one in named if one in text or fhir_id(one) in text}


@settings(derandomize=True, max_examples=100)
@given(bodies())
def test_no_id_of_a_patient_in_an_answer_is_missed_wherever_it_stands(made: tuple[Any, set[str]]) -> None:
    body, named = made

    assert named <= set(patients_in(to_json(body)))


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_of_every_object_each_patient_is_found(name: str, example: str) -> None:
    """By another way: member by member."""

    def walk(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set[str]().union(*map(walk, value.values()), *map(walk, value))
        if isinstance(value, list):
            return set[str]().union(*map(walk, value))
        return {value} if isinstance(value, str) and value.startswith("pat_") else set()

    body = json.loads(example)

    assert set(patients_in(to_json(body))) == walk(body)
    if any(member == "patient_id" and value for member, value in body.items()):
        assert body["patient_id"] in patients_in(to_json(body))


@given(ids)
def test_a_patients_practice_is_read_from_the_id(id_: str) -> None:
    assert practice_of(id_) == parse_row_id(id_, "patient").practice_id


@settings(derandomize=True)
@given(
    row=st.dictionaries(st.sampled_from(KEYS_OF_PATIENTS), keys, min_size=1), quoted=st.booleans(), snaked=st.booleans()
)
def test_keys_of_patients_in_raw_rows_are_patients(row: dict[str, int], *, quoted: bool, snaked: bool) -> None:
    def spelled(name: str) -> str:
        return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).strip("_") if snaked else name

    told = {spelled(name): str(key) if quoted else key for name, key in row.items()}
    expected = {row_id("patient", ELM, key) for key in row.values()}

    assert set(patients_in(to_json({"data": [told], "raw": {"AptNum": 5}}), ELM)) == expected
    assert set(patients_in(to_json({"practice_id": ELM, "raw": [told]}), None)) == expected


def test_a_key_of_nobody_and_a_name_are_no_patients() -> None:
    assert patients_in(to_json({"PatNum": 0, "Guarantor": "0", "Subscriber": "Fake Name"}), ELM) == []


def test_every_column_that_the_catalogue_calls_a_patients_key_is_read() -> None:
    named: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("ref") == "patient.PatNum":
                named.add(value["name"])
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)

    for name in catalogue.resources():
        walk(json.loads(to_json(_plain(catalogue.resource(name)))))

    assert named == set(KEYS_OF_PATIENTS)


def _plain(value: Any) -> Any:
    """A resource of the catalogue as JSON values."""
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, list | tuple | frozenset | set):
        return [_plain(one) for one in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def told(shown: Shown, *, own: tuple[str, ...] = (ELM, OAK), named: tuple[str, ...] = ()) -> list[AuditEntry]:
    return entries(shown, Asked("cli_ada", own, named, "GET /patients", "r", "TREAT", NOON))


def test_an_answer_of_several_practices_leaves_one_entry_in_each_with_its_own_patients() -> None:
    elm, oak = row_id("patient", ELM, 1), row_id("patient", OAK, 2)
    made = told(Shown(200, to_json([elm, oak]), practices=(ELM, OAK)))

    assert {one.practice_id: one.patient_ids for one in made} == {ELM: (elm,), OAK: (oak,)}


def test_a_practice_that_has_answered_with_nobody_has_an_entry_all_the_same() -> None:
    assert [one.practice_id for one in told(Shown(200, "{}", practices=(ELM, OAK)))] == [ELM, OAK]


@pytest.mark.parametrize("named", [(STRANGE,), ()])
def test_nobody_writes_into_the_trail_of_a_practice_that_is_not_theirs(named: tuple[str, ...]) -> None:
    foreign = row_id("patient", STRANGE, 1)
    for shown in (Shown(404, "{}"), Shown(200, to_json(foreign), practices=(STRANGE,))):
        (entry,) = told(shown, named=named)
        assert (entry.practice_id, entry.trail) == (None, "cli_ada")


@pytest.mark.parametrize(
    ("own", "named", "expected"),
    [
        ((ELM, OAK), (OAK,), [OAK]),
        ((ELM,), (), [ELM]),
        ((ELM, OAK), (), [None]),
        ((ELM,), (STRANGE,), [None]),
        ((), (), [None]),
    ],
)
def test_an_error_is_told_where_the_request_was_meant_for(
    own: tuple[str, ...], named: tuple[str, ...], expected: list[str | None]
) -> None:
    assert [one.practice_id for one in told(Shown(403, "{}"), own=own, named=named)] == expected
    meant = intents(Asked("cli_ada", own, named, "POST /patients", "r", None, NOON))
    assert [(one.practice_id, one.phase) for one in meant] == [(of, Phase.INTENT) for of in expected]


def test_an_answer_of_many_patients_leaves_entries_of_500_that_say_which_part_they_are() -> None:
    shown = [row_id("patient", ELM, key) for key in range(1, 2 * MOST_PATIENTS + 2)]
    made = told(Shown(200, to_json(shown), practices=(ELM,)))

    assert [(one.part, one.parts, len(one.patient_ids)) for one in made] == [(1, 3, 500), (2, 3, 500), (3, 3, 1)]
    assert [id_ for one in made for id_ in one.patient_ids] == shown
    assert len({one.id for one in made}) == 3 and {one.request_id for one in made} == {"r"}


def test_practices_are_found_by_their_ids_and_by_those_of_their_rows() -> None:
    text = f"{ELM} {row_id('appointment', OAK, 7)} {fhir_id(row_id('patient', STRANGE, 7))} {new_id('operation')}"

    assert practices_in(text) == {ELM, OAK, STRANGE}
