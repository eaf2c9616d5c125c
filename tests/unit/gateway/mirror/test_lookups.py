"""Ways lead to every row that a question means: a row that none leads to is a patient whom nobody finds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import Invalid
from gateway.core.mirror.asked import asked
from gateway.core.mirror.lookups import WAYS, Named, given_names, last_names, named, named_anyhow, stretches
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import Order, ReadAt
from gateway.core.normalize.patients import has_email, has_phone
from gateway.core.normalize.values import e164
from gateway.core.reads.patients import _named, _named_anyhow
from tests.fakes.mirror import FakeRecords

A = "prac_aaaaaaaaaaaaaaaa"
WORDS = (
    "Ann",
    "anna",
    "Ánna",
    "Mary",
    "Mary Ann",
    "O'Brien",
    "van der Berg",
    "Smith",
    "Smithson",
    "Smith-Jones",
    "S",
    "",
    "李",
)
ASKED = (*WORDS, "sm", "Smith An", "an", "brien", "o", "ber van", "-", "Sm,", "smi smith", "mary smith ann", "李")

names = st.fixed_dictionaries({name: st.sampled_from(WORDS) for name in ("LName", "FName", "MiddleI", "Preferred")})
people = st.lists(names, min_size=1, max_size=6)


def led(ways: list[Named], row: Mapping[str, Any]) -> bool:
    texts = {"last": last_names(row), "given": given_names(row)}
    return any(
        first <= text <= last and text.partition(" ")[2].startswith(behind)
        for one in ways
        for first, last, behind in stretches(one)
        for text in texts[one.way]
    )


@settings(max_examples=500)
@given(rows=people, last=st.sampled_from(ASKED), first=st.sampled_from(("", *ASKED)), comma=st.booleans())
def test_whoever_a_name_means_is_led_to(rows: list[dict[str, str]], last: str, first: str, comma: bool) -> None:
    name = f"{last}, {first}" if comma else f"{first} {last}"
    try:
        fits = _named(name)
    except Invalid:
        return
    assert [row for row in rows if fits(row) and not led(named(name), row)] == []


@settings(max_examples=500)
@given(rows=people, name=st.lists(st.sampled_from(ASKED), min_size=1, max_size=2).map(" ".join))
def test_whoever_any_name_means_is_led_to(rows: list[dict[str, str]], name: str) -> None:
    try:
        fits = _named_anyhow(name)
    except Invalid:
        return
    assert [row for row in rows if fits(row) and not led(named_anyhow(name), row)] == []


@given(first=st.sampled_from(WORDS), last=st.sampled_from(WORDS))
def test_a_last_and_a_first_name_lead_to_nobody_of_one_of_them_only(first: str, last: str) -> None:
    """In a large practice hundreds are called Smith, and thousands Ann."""
    smith_ann = named("Smith, Ann")
    row = {"LName": last, "FName": first}
    if led(smith_ann, row):
        assert last.casefold().startswith("smith")
        assert any(word.startswith("ann") or word.startswith("ánn") for word in first.casefold().split())


VALUES: dict[str, dict[str, tuple[Any, ...]]] = {
    "patients": {
        "Birthdate": ("0001-01-01", "1980-05-05", "1999-12-31"),
        "PatStatus": ("Patient", "Archived", "Inactive"),
        "PriProv": (0, 1, 2),
        "ClinicNum": (0, 1, 2),
        "Guarantor": (1, 2),
        "DateTStamp": ("2026-01-01 00:00:00", "2026-03-02 08:00:00"),
    },
    "claims": {"ClaimStatus": ("U", "S", "R"), "PatNum": (1, 2), "SecDateTEdit": ("2026-03-02 08:00:00",)},
    "claimprocs": {
        "ClaimPaymentNum": (0, 1, 2),
        "PatNum": (1,),
        "ClaimNum": (0, 1),
        "Status": ("Received", "NotReceived"),
    },
    "procedurelogs": {"PlannedAptNum": (0, 1, 2), "PatNum": (1,), "AptNum": (0, 3), "ProcStatus": ("TP", "C")},
    "perioexams": {"ExamDate": ("2026-01-01", "2026-02-01"), "PatNum": (1, 2)},
    "payments": {"DateEntry": ("2026-01-01", "2026-02-01"), "PatNum": (0, 2)},
    "payplans": {"Guarantor": (1, 2), "PatNum": (1, 2)},
    "tasks": {
        "TaskStatus": ("New", "Viewed", "Done"),
        "KeyNum": (0, 5),
        "ObjectType": ("None", "Patient", "Appointment"),
        "TaskListNum": (0, 1),
        "DateTimeOriginal": ("2026-01-01 08:00:00", "2026-02-01 09:30:00", "0001-01-01 00:00:00"),
    },
}


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]], dict[str, Any]]:
    """A resource, rows of it, and what its list is asked."""
    resource = draw(st.sampled_from(sorted(VALUES)))
    columns = VALUES[resource]
    row = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in columns.items()})
    rows = [{MIRRORED[resource].key: number, **one} for number, one in enumerate(draw(st.lists(row, max_size=12)), 1)]
    of = [way.param for way in WAYS[resource] if way.param in columns]
    query = {name: draw(st.sampled_from(columns[name])) for name in [draw(st.sampled_from(of))]}
    more = draw(st.sampled_from(sorted(columns)))
    if draw(st.booleans()) and more not in MIRRORED[resource].parents:
        query[more] = draw(st.sampled_from(columns[more]))
    return resource, rows, query | ({"DateTimeOriginal": "1900-01-01"} if resource == "tasks" else {})


@given(tables())
def test_what_a_way_leads_to_is_what_all_rows_held_against_the_question_are(
    of: tuple[str, list[dict[str, Any]], dict[str, Any]],
) -> None:
    resource, rows, query = of
    records = FakeRecords()
    at = ReadAt(Order(1, 1), datetime(2026, 3, 2, tzinfo=UTC))
    records.store(A, resource, rows, read=at, cause="load")
    wanted = asked(MIRRORED[resource], MIRRORED[resource].list_operation or "", query)
    every = [row for row in rows if wanted.fits(row)]
    for way, first, last in wanted.ways:
        keys = records.led(A, resource, way.name, first, last, limit=99)
        assert keys is not None
        found = [one.row for one in records.get(A, resource, keys)]
        assert [row for row in found if wanted.fits(row)] == every


@given(
    numbers=st.lists(
        st.sampled_from(("", "(555) 555-0197", "1-555-555-0198 x3", "+44 20 7946 0018", "ask")), max_size=3
    ),
    email=st.sampled_from(("", "a@example.com", "B@Example.com; a@example.com")),
)
def test_numbers_and_addresses_lead_to_whoever_has_them(numbers: list[str], email: str) -> None:
    row = dict(zip(("HmPhone", "WkPhone", "WirelessPhone"), numbers, strict=False)) | {"Email": email}
    texts = {way.name: set(way.texts(row)) for way in WAYS["patients"]}

    for raw in ("5555550197", "5555550198", "+442079460018", "5555550199"):
        number = e164(raw)
        assert has_phone(row, number) == (number in texts["phone"])
    for address in ("a@example.com", "b@example.com", "c@example.com"):
        assert has_email(row, address) == (address in texts["email"])
