"""What the sandbox notes of functions' calls is what IAM would be asked, and it sees marked data wherever it goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.catalogue import FUNCTIONS, SHARED, FunctionRow, Http, function
from infra.sandbox.granted import BY_CHANCE, NEVER_IN_A_TOUR, Kind, complaints, given, used
from infra.sandbox.inside.aws_calls import MARKS, Notes, kinds_of
from infra.sandbox.marks import hidden

KEY = {"pk": {"S": "sync#prac_1"}, "sk": {"S": "1"}}


@pytest.mark.parametrize(
    ("service", "operation", "params", "kinds"),
    [
        ("dynamodb", "GetItem", {"TableName": "t", "Key": KEY}, {("GetItem", "t", "sync#")}),
        (
            "dynamodb",
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "t", "Item": {"pk": {"S": "op"}}}},
                    {"ConditionCheck": {"TableName": "u", "Key": KEY}},
                ]
            },
            {("PutItem", "t", "op"), ("ConditionCheckItem", "u", "sync#")},
        ),
        (
            "dynamodb",
            "BatchGetItem",
            {"RequestItems": {"t": {}, "u": {}}},
            {("BatchGetItem", "t", ""), ("BatchGetItem", "u", "")},
        ),
        ("s3", "PutObject", {"Bucket": "b", "Key": "hooks/prac_1/x"}, {("PutObject", "b", "hooks/")}),
        ("s3", "HeadObject", {"Bucket": "b", "Key": "x"}, {("GetObject", "b", "")}),
        ("s3", "CopyObject", {"Bucket": "b", "Key": "x"}, {("GetObject", "b", ""), ("PutObject", "b", "")}),
        ("sqs", "SendMessage", {"QueueUrl": "q", "MessageBody": "{}"}, {("SendMessage", "q", "")}),
        ("sqs", "SendMessageBatch", {"QueueUrl": "q", "Entries": []}, {("SendMessage", "q", "")}),
    ],
)
def test_a_call_is_noted_as_what_iam_is_asked(
    service: str, operation: str, params: dict[str, object], kinds: set[tuple[str, str, str]]
) -> None:
    assert set(kinds_of(service, operation, params)) == kinds


def test_marked_data_is_seen_in_what_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "patients")
    notes = Notes(tmp_path)

    notes.take("sqs", "SendMessage", {"QueueUrl": "q", "MessageBody": "{}"})
    notes.take("sqs", "SendMessage", {"QueueUrl": "q", "MessageBody": '{"name": "Zqmark4"}'})

    (file,) = tmp_path.iterdir()
    assert [json.loads(line)[3] for line in file.read_text().splitlines()] == [False, True]
    assert "Zqmark4" not in file.read_text()


@pytest.mark.parametrize(
    "said", ["ZQMARK7", "born 1913-02-03", "+15553198701 5553198701", "(555)319-8701", "913-02-0017", "7319.37"]
)
def test_a_mark_is_found_in_every_form(said: str) -> None:
    assert MARKS.search(said)


def test_a_mark_is_found_in_a_cursor() -> None:
    assert hidden("eyJuYW1lIjogIlpxbWFyazQifQ")
    assert not hidden("eyJuYW1lIjogIkFkYSJ9")


def test_what_a_row_gives_and_what_its_function_calls_are_compared() -> None:
    row = FunctionRow(
        name="one",
        does="Something.",
        trigger=Http(()),
        timeout_s=1,
        tables={"records": frozenset({"GetItem"})},
        puts={"records": "sync#*"},
        bodies=frozenset({"GetObject"}),
    )
    variables = {"RECORDS_TABLE": "physical-records", "BODIES_BUCKET": "physical-bodies"}
    calls = {
        ("dynamodb:PutItem", "physical-records", "sync#"),
        ("dynamodb:PutItem", "physical-records", "row#"),
        ("dynamodb:GetItem", "physical-records", "row#"),
    }

    assert used(calls, row, variables) - given(row) == {("dynamodb:PutItem", "records", "")}
    assert given(row) - used(calls, row, variables) == {("s3:GetObject", "bodies", "")}
    with pytest.raises(LookupError):
        used({("dynamodb:GetItem", "another", "")}, row, variables)


@pytest.fixture
def calls() -> dict[str, set[Kind]]:
    """What functions call in a tour in which each uses all that it has, but for what never happens there."""
    never = NEVER_IN_A_TOUR.keys()
    return {row.name: {kind for kind in given(row) if (row.name, kind) not in never} for row in FUNCTIONS}


SENDS: Kind = ("sqs:SendMessage", "calls", "")


def test_rows_that_are_used_whole_and_no_further_are_right(calls: dict[str, set[Kind]]) -> None:
    assert list(complaints(calls)) == []


def test_what_is_called_and_in_no_row_is_named(calls: dict[str, set[Kind]]) -> None:
    calls["session"].add(SENDS)

    assert list(complaints(calls)) == ["session: sqs:SendMessage calls is called and in no row"]


def test_what_is_granted_and_never_called_is_named(calls: dict[str, set[Kind]]) -> None:
    calls["tick"].discard(SENDS)

    assert list(complaints(calls)) == ["tick: sqs:SendMessage calls is granted and never called"]


def test_what_one_function_uses_of_a_shape_counts_for_all_that_share_it_and_for_no_other(
    calls: dict[str, set[Kind]],
) -> None:
    readers = {row.name for row in FUNCTIONS if "reads" in row.shares}
    turned = ("secretsmanager:GetSecretValue", "hmac", "")
    for name in readers - {"claims"}:
        calls[name].discard(turned)

    assert list(complaints(calls)) == []

    calls["claims"].discard(turned)
    calls["events"].discard(turned)

    found = set(complaints(calls))
    assert {one.partition(":")[0] for one in found} == {name for name in readers if turned in given(function(name))} | {
        "events"
    }


def test_what_anybody_calls_of_long_bodies_counts_for_all_and_nobody_for_none(calls: dict[str, set[Kind]]) -> None:
    kept: Kind = ("s3:PutObject", "bodies", "")
    having = [row.name for row in FUNCTIONS if kept in given(row)]
    for name in having[1:]:
        calls[name].discard(kept)

    assert list(complaints(calls)) == []

    calls[having[0]].discard(kept)

    assert {one.partition(":")[0] for one in complaints(calls)} == set(having)


def test_what_a_function_has_beside_its_shape_it_has_to_use_itself(calls: dict[str, set[Kind]]) -> None:
    kept = ("dynamodb:Query", "holds", "")
    calls["slots"].discard(kept)

    assert kept in calls["fhir"]
    assert list(complaints(calls)) == ["slots: dynamodb:Query holds is granted and never called"]


def test_an_exception_is_right_only_as_long_as_it_is_granted_and_never_called(
    calls: dict[str, set[Kind]], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, kind = next(iter(NEVER_IN_A_TOUR))
    calls[name].add(kind)

    (found,) = complaints(calls)
    assert found == f"{name}: {' '.join(kind).rstrip()} is called, and named as what never is"

    calls[name].discard(kind)
    monkeypatch.setitem(BY_CHANCE, ("session", SENDS), "never")
    monkeypatch.setitem(BY_CHANCE, ("nobody", SENDS), "never")

    assert list(complaints(calls)) == [
        "session: sqs:SendMessage calls is named and not granted",
        "nobody is no function",
    ]


def test_what_is_met_by_chance_may_be_called_or_not(calls: dict[str, set[Kind]]) -> None:
    for name, kind in BY_CHANCE:
        calls[name].discard(kind)

    assert list(complaints(calls)) == []


def test_a_function_that_never_ran_is_named_however_much_it_shares(calls: dict[str, set[Kind]]) -> None:
    calls["recalls"] = set()

    assert list(complaints(calls)) == ["recalls: never ran"]


@pytest.mark.parametrize("row", [row for row in FUNCTIONS if row.shares], ids=lambda row: row.name)
def test_whoever_shares_a_shape_has_most_of_it(row: FunctionRow) -> None:
    """A shape that a row hardly has would excuse what is its own."""
    for shape in row.shares:
        lacks = given(SHARED[shape]) - given(row)
        assert len(lacks) <= 1, lacks


def test_turns_are_sent_to_queues_of_networks_by_what_the_row_says_of_their_queue() -> None:
    row = FunctionRow(
        name="one",
        does="Something.",
        trigger=Http(()),
        timeout_s=1,
        queues={"calls": frozenset({"SendMessage"})},
    )
    variables = {"CALLS_QUEUE_URL": "https://q/calls.fifo", "CALLS_QUEUE_URLS": '{"clinic": "https://q/clinic.fifo"}'}
    calls = {("sqs:SendMessage", f"https://q/{name}.fifo", "") for name in ("calls", "clinic")}

    assert used(calls, row, variables) == given(row)
    with pytest.raises(LookupError):
        used({("sqs:SendMessage", "https://q/another.fifo", "")}, row, variables)
