"""Data that can be told from all other: written into every protected column of a practice, then looked for everywhere.

`mark` writes it, as an office's staff would, `MARKS` finds it in whatever form the gateway gives it, and `traces` says
where it lies in the AWS that the sandbox runs on. Rows that the mirror keeps are compressed: a mark in them is not
seen, and need not be, since they may hold it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from infra.sandbox.inside.aws_calls import MARKS
from infra.sandbox.practice.schema import tables

_MOST_ROWS: Final = 12

_WORD: Final = "Zqmark"

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "adjustment": ("AdjNote",),
    "allergy": ("Reaction",),
    "appointment": ("Note", "ProcDescript"),
    "claim": ("ClaimNote", "ReasonUnderPaid"),
    "claimpayment": ("Note", "BankBranch"),
    "claimproc": ("Remarks", "EstimateNote"),
    "commlog": ("Note",),
    "disease": ("PatNote",),
    "document": ("Description", "Note"),
    "inssub": ("SubscriberID", "BenefitNotes", "SubscNote"),
    "labcase": ("Instructions",),
    "medicationpat": ("PatNote",),
    "patientnote": ("FamFinancial", "Medical", "Service", "MedicalComp", "Treatment", "ICEName", "ICEPhone"),
    "patplan": ("PatID",),
    "payment": ("PayNote",),
    "payplan": ("Note",),
    "payplancharge": ("Note",),
    "perioexam": ("Note",),
    "popup": ("Description",),
    "procedurelog": ("BillingNote", "ClaimNote"),
    "procnote": ("Note",),
    "proctp": ("Descript",),
    "recall": ("Note",),
    "referral": ("LName", "FName", "Note"),
    "refattach": ("Note",),
    "rxpat": ("Sig", "Notes", "PatientInstruction"),
    "sheetfield": ("FieldValue",),
    "statement": ("Note",),
    "task": ("Descript",),
    "tasknote": ("Note",),
    "treatplan": ("Note", "Heading"),
}
"""Table -> its columns in which the staff write about somebody."""

_OF_A_PATIENT: Final = (
    *("LName", "FName", "Preferred", "Address", "Address2", "City", "Salutation", "SchoolName"),
    *("FamFinUrgNote", "AddrNote", "MedUrgNote", "ApptModNote", "ChartNumber", "MedicaidID"),
)

Steer = Callable[..., Any]


def mark(steer: Steer) -> int:
    """Mark a practice by its side door: every patient, and some rows of every table about them; how many rows."""
    marked = 0
    for patient in steer("GET", "rows/patient?", None):
        key = patient["PatNum"]
        said: dict[str, object] = dict.fromkeys(_OF_A_PATIENT, f"{_WORD}{key}")
        said |= {"SSN": f"913020{key % 1000:03}", "Birthdate": "1913-02-03", "Email": f"{_WORD}{key}@example.com"}
        said |= dict.fromkeys(("HmPhone", "WkPhone", "WirelessPhone"), f"(555)319-87{key % 100:02}")
        steer("PATCH", f"rows/patient?PatNum={key}", said)
        marked += 1
    for table, columns in _COLUMNS.items():
        rows = steer("GET", f"rows/{table}?", None)[:_MOST_ROWS]
        key = tables()[table].key
        for row in rows:
            told: dict[str, object] = dict.fromkeys(columns, f"{_WORD} {table}")
            if table == "adjustment":
                told["AdjAmt"] = 7319.37
            steer("PATCH", f"rows/{table}?{key}={row[key]}", told)
            marked += 1
    return marked


def traces(aws: Callable[[str], Any]) -> Iterator[str]:
    """Where a mark lies: `dynamodb {table}`, `s3 {bucket}`, `logs {group}`, `sqs {queue}`, `ssm`, each once."""
    found: set[str] = set()
    for place, text in _everything(aws):
        if place not in found and MARKS.search(text):
            found.add(place)
            yield place


def hidden(text: str) -> bool:
    """Whether a mark is in a text, or in what it is the base64 of, as cursors are."""
    padded = text + "=" * (-len(text) % 4)
    try:
        inside = base64.urlsafe_b64decode(padded).decode("utf-8", "replace")
    except ValueError:
        inside = ""
    return bool(MARKS.search(text) or MARKS.search(inside))


def _everything(aws: Callable[[str], Any]) -> Iterator[tuple[str, str]]:
    dynamodb, s3, logs, sqs = aws("dynamodb"), aws("s3"), aws("logs"), aws("sqs")
    for table in _all(dynamodb, "list_tables", "TableNames"):
        for item in _all(dynamodb, "scan", "Items", TableName=table):
            yield f"dynamodb {table}", json.dumps(item, default=_text)
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        if name.startswith("cdk-"):
            continue  # The code itself, this file among it.
        for one in _all(s3, "list_objects_v2", "Contents", Bucket=name):
            body = s3.get_object(Bucket=name, Key=one["Key"])["Body"].read()
            yield f"s3 {name}", f"{one['Key']} {body.decode('utf-8', 'replace')}"
    for group in _all(logs, "describe_log_groups", "logGroups"):
        for event in _all(logs, "filter_log_events", "events", logGroupName=group["logGroupName"]):
            yield f"logs {group['logGroupName']}", event["message"]
    for url in sqs.list_queues().get("QueueUrls", ()):
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        for message in answer.get("Messages", ()):
            yield f"sqs {url.rpartition('/')[2]}", message["Body"]
    for parameter in _all(aws("ssm"), "describe_parameters", "Parameters"):
        yield "ssm", json.dumps(parameter, default=_text)


def _all(client: Any, call: str, of: str, **params: Any) -> Iterator[Any]:
    for page in client.get_paginator(call).paginate(**params):
        yield from page.get(of, ())


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
