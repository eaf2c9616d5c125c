"""What the sandbox notes of functions' calls is what IAM would be asked, and it sees marked data wherever it goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.catalogue import FunctionRow, Http
from infra.sandbox.granted import given, used
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
