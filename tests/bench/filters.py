"""What each filter costs in DynamoDB at 5,000 and at 500,000 rows of its object, for answers of the same size.

No emulator holds 500,000 rows of each object in the time this may take, so the table is virtual: its items are made by
the adapter itself when they are read, its indexes are sorted lists of their keys, and what is read is counted by AWS's
rules (`tests/fakes/meter.py`). Handler, use case and adapter are the product's; of the SDK there is nothing in the CPU.
"""

from __future__ import annotations

import logging
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final

from gateway.adapters.mirror import items
from gateway.adapters.mirror.items import Places
from gateway.adapters.mirror.lookups import Ways
from gateway.adapters.mirror.records import DynamoRecords
from gateway.core.mirror.lookups import WAYS
from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.mirror.records import Order, ReadAt, Row
from infra.catalogue import TABLES
from tests.bench.figures import Figure, Say, at_most
from tests.bench.storage import Kept
from tests.fakes import rows as samples
from tests.fakes.deployment import Deployment, deployed
from tests.fakes.meter import Meter
from tests.fakes.mirroring import is_now, mirror, turn_on

(RECORDS,) = (row for row in TABLES if row.name == "records")
SMALL, LARGE = 5_000, 500_000
FEW: Final = 40
"""Rows that an answer has at either size, but for what fits a good part of them all, where it has a page."""

Make = Callable[[int, int], Row]
"""A row by its key, and which of the few it is that are asked for; 0: none."""


def fingerprint(text: str) -> str:
    """No HMAC, but as long as one and as evenly spread: half a million of them would take most of the time."""
    return f"{hash(text) & (2**64 - 1):032x}"


class Virtual:
    """As much of DynamoDB as reading takes, of one resource with `count` rows."""

    def __init__(self, practice: str, resource: str, count: int, make: Make) -> None:
        self._resource, self._count = resource, count
        self._pk = items.rows_pk(practice, resource)
        few = {key: place for place, key in enumerate(range(1, count + 1, count // FEW)[:FEW], start=1)}
        ways = Ways(None, practice, resource, fingerprint=fingerprint)  # type: ignore[arg-type]
        self._sorted: dict[str, list[str]] = defaultdict(list)
        self._lists: dict[tuple[str, str], list[tuple[str, int]]] = defaultdict(list)
        mirrored = MIRRORED[resource]
        for key in range(1, count + 1):
            row, sk = make(key, few.get(key, 0)), items.row_sk(key)
            if resource in WAYS:
                self._sorted[items.ways_pk(practice, resource)] += [way + sk for way in ways.to(row)]
            of = items.place_attributes(practice, resource, key, Places.of(resource, row))
            for number in range(1, len(mirrored.parents) + 1):
                if place := of.get(f"parent_{number}"):
                    self._lists[f"parent_{number}", place["S"]].append((sk, key))
            if "day_month" in of:
                self._lists["day_month", of["day_month"]["S"]].append((of["day_place"]["S"], key))
        for found in (*self._sorted.values(), *self._lists.values()):
            found.sort()  # type: ignore[attr-defined]
        self._kept: dict[str, Any] = {
            "pk": {"S": items.kept_pk(practice)},
            "sk": {"S": resource},
            "begun": {"N": "1"},
            "change_from": {"S": "2026-01"},
            "ways": {"SS": [one.name for one in WAYS.get(resource, ())] or ["none"]},
        }

        @cache
        def item(key: int) -> Mapping[str, Any]:
            table = Kept()
            made = DynamoRecords(table, table=RECORDS.name, fingerprint=fingerprint)  # type: ignore[arg-type]
            at = ReadAt(Order(1, 1), made._now())
            made.store(practice, resource, [make(key, few.get(key, 0))], read=at, cause="load")
            return next(one for (pk, _), one in table.items.items() if pk == self._pk)

        self._item = item

    def get_item(self, *, Key: Mapping[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - DynamoDB's name
        """See DynamoDB."""
        found = self._at(Key["pk"]["S"], Key["sk"]["S"])
        return {} if found is None else {"Item": found}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 - DynamoDB's name
        """See DynamoDB."""
        ((name, request),) = RequestItems.items()
        found = (self._at(key["pk"]["S"], key["sk"]["S"]) for key in request["Keys"])
        return {"Responses": {name: [one for one in found if one is not None]}}

    def query(self, **asked: Any) -> dict[str, Any]:
        """See DynamoDB."""
        values = {name: value["S"] for name, value in asked["ExpressionAttributeValues"].items()}
        found = list(self._found(asked, values))
        limit = asked.get("Limit")
        more = {} if limit is None or len(found) <= limit else {"LastEvaluatedKey": found[limit - 1]}
        return {"Items": found[:limit], **more}

    def _found(self, asked: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        pk = values[":pk"]
        start = asked.get("ExclusiveStartKey")
        above = start["sk"]["S"] if start is not None else values.get(":above", "")
        first, last = max(values.get(":first", ""), above), values.get(":last", "~")
        most = asked.get("Limit", self._count * 20) + 1
        if "IndexName" in asked:
            partition = asked["KeyConditionExpression"].partition(" = ")[0]
            listed = self._lists.get((partition, pk), [])
            for place, key in listed[bisect_left(listed, (first, -1)) :]:
                if place > last:
                    return
                yield {
                    "pk": {"S": self._pk},
                    "sk": {"S": items.row_sk(key)},
                    partition: {"S": pk},
                    "place": {"S": place},
                }
        elif pk == self._pk:
            key = 1 if not first else items.key_from(first) + (first == above)
            for one in range(key, min(self._count + 1, key + most)):
                yield self._item(one)
        elif pk in self._sorted:
            ways = self._sorted[pk]
            # Not a slice: it would copy millions of names that nobody asked for.
            for number in range(begun := bisect_left(ways, first), min(begun + most, len(ways))):
                sk = ways[number]
                if sk > last:
                    return
                if sk > above:
                    yield {"pk": {"S": pk}, "sk": {"S": sk}, "laid_for": {"N": "1767225600"}}

    def _at(self, pk: str, sk: str) -> Mapping[str, Any] | None:
        if pk == self._pk:
            return self._item(key) if 1 <= (key := items.key_from(sk)) <= self._count else None
        if pk in self._sorted:
            return {"pk": {"S": pk}, "sk": {"S": sk}, "laid_for": {"N": "1767225600"}}
        return self._kept if (pk, sk) == (self._kept["pk"]["S"], self._resource) else None


# Rows: of each value that is asked for there are as many at either size.


def patient(number: int, few: int) -> Row:
    """Common names are of one in two hundred; provider 1, location 1 and the status active of nearly all."""
    rare = {
        "FName": "Xaver",
        "Birthdate": "1980-05-05",
        "HmPhone": "(555) 555-0197",
        "Email": "few@example.com",
        "PriProv": 9,
        "ClinicNum": 9,
        "PatStatus": "Archived",
        "Guarantor": 9,
    }
    own = {
        "FName": f"Given{number % 977:03}",
        "Birthdate": f"{1930 + number % 80}-01-{1 + number % 28:02}",
        "HmPhone": f"(541) {200 + number % 700}-{number % 10_000:04}",
        "Email": f"p{number}@example.com",
        "PriProv": 1,
        "ClinicNum": 1,
        "Guarantor": number,
    }
    last = "Zweig" if few else f"Last{number % 200:03}"
    # Those who are asked for by a common last name have a first name of their own.
    return samples.patient_row(number, **(rare if few else own), LName="Last007" if few % 2 else last)


@dataclass(frozen=True, slots=True)
class Question:
    """One filter. `query` is made for a deployment; `beside` says what finds its rows."""

    name: str
    path: str
    query: Callable[[Deployment], Mapping[str, Any]]
    beside: str


PATIENTS: Final = (
    Question("patients by name", "/patients", lambda _: {"name": "Zweig"}, "way last"),
    Question(
        "patients by a common last and a first name", "/patients", lambda _: {"name": "Last007, Xaver"}, "way last"
    ),
    Question("patients by any name", "/patients", lambda _: {"any_name": "xav"}, "ways last, given"),
    Question("patients by any two names", "/patients", lambda _: {"any_name": "xaver last007"}, "ways last, given"),
    Question("patients by birth date", "/patients", lambda _: {"birth_date": "1980-05-05"}, "way born"),
    Question("patients by phone", "/patients", lambda _: {"phone": "555-555-0197"}, "way phone"),
    Question("patients by email", "/patients", lambda _: {"email": "few@example.com"}, "way email"),
    Question(
        "patients of a provider who has few",
        "/patients",
        lambda d: {"provider_id": d.id_of("provider", 9)},
        "way PriProv",
    ),
    Question(
        "patients of a provider who has most",
        "/patients",
        lambda d: {"provider_id": d.id_of("provider", 1)},
        "way PriProv, a page",
    ),
    Question("patients of a location", "/patients", lambda d: {"location_id": d.id_of("location", 9)}, "way ClinicNum"),
    Question("archived patients", "/patients", lambda _: {"status": "archived"}, "way PatStatus"),
    Question("active patients", "/patients", lambda _: {"status": "active"}, "keys, a page"),
    Question("all patients", "/patients", lambda _: {}, "keys, a page"),
    Question(
        "patients by ids",
        "/patients",
        lambda d: {"ids": ",".join(d.id_of("patient", one) for one in range(1, 41))},
        "keys",
    ),
)


def money(sample: Row, key: str, **few: Any) -> Make:
    """Rows like the sample, the few with values of their own; each patient has ten."""
    return lambda number, rare: {**sample, key: number, "PatNum": 10 + number // 10, **(few if rare else {})}


def tables(d: Deployment) -> Iterator[tuple[str, Make, tuple[Question, ...]]]:
    """Resources, their rows, and what is asked of them."""

    def one(resource: str, **more: Any) -> Row:
        (found,) = d.on.records.page(d.practice_id, resource, after=None, limit=1)
        return {**found.row, **more}

    today = d.on.clock.now().date()

    def day(number: int) -> str:
        # As many rows a day at either size, all long ago.
        return str(today - timedelta(days=400 + number // FEW))

    yield "patients", patient, PATIENTS
    claim = one("claims", ClaimStatus="R", DateService="2020-01-01")
    yield (
        "claims",
        money(claim, "ClaimNum", ClaimStatus="S", PatNum=9),
        (
            Question(
                "claims of a patient", "/claims", lambda d: {"patient_id": d.id_of("patient", 9)}, "index parent_1"
            ),
            Question("sent claims", "/claims", lambda _: {"status": "sent"}, "way ClaimStatus"),
            Question("received claims", "/claims", lambda _: {"status": "received"}, "keys, a page"),
        ),
    )
    recall = one("recalls", DateDue="2020-01-01", IsDisabled="false")
    yield (
        "recalls",
        money(recall, "RecallNum", DateDue="2026-05-05"),
        (
            Question(
                "recalls due in a month",
                "/recalls",
                lambda _: {"due_from": "2026-05-01", "due_to": "2026-05-31"},
                "way DateDue",
            ),
            Question("all recalls", "/recalls", lambda _: {}, "keys, a page"),
        ),
    )
    task = one("tasks", TaskStatus="Done", DateTimeOriginal="2020-01-01 08:00:00", TaskListNum=1)
    due = {
        "TaskStatus": "New",
        "DateTimeOriginal": "2026-05-05 08:00:00",
        "TaskListNum": 9,
        "KeyNum": 9,
        "ObjectType": "Patient",
    }
    yield (
        "tasks",
        money(task, "TaskNum", **due),
        (
            Question("new tasks", "/tasks", lambda _: {"status": "new"}, "way TaskStatus"),
            Question("tasks that are done", "/tasks", lambda _: {"status": "done"}, "keys, a page"),
            Question("tasks made since", "/tasks", lambda _: {"created_from": "2026-05-01"}, "way DateTimeOriginal"),
            Question(
                "tasks of a list", "/tasks", lambda d: {"task_list_id": d.id_of("task_list", 9)}, "index parent_1"
            ),
            Question("tasks of a patient", "/tasks", lambda d: {"patient_id": d.id_of("patient", 9)}, "way KeyNum"),
        ),
    )
    plan = one("payplans", Guarantor=1)
    yield (
        "payplans",
        money(plan, "PayPlanNum", Guarantor=9),
        (
            Question(
                "payment plans of a guarantor",
                "/payment_plans",
                lambda d: {"guarantor_id": d.id_of("patient", 9)},
                "way Guarantor",
            ),
        ),
    )
    payment = one("payments", DateEntry="2020-01-01")
    yield (
        "payments",
        money(payment, "PayNum", DateEntry="2026-05-05"),
        (
            Question(
                "payments entered since",
                "/payments",
                lambda _: {"entered_from": "2026-05-01", "kind": "patient"},
                "way DateEntry",
            ),
        ),
    )
    visit = one("appointments", AptStatus="Complete")
    yield (
        "appointments",
        lambda number, _: {
            **visit,
            "AptNum": number,
            "PatNum": 10 + number // FEW,
            "AptDateTime": f"{day(number)} 09:00:00",
        },
        (
            Question(
                "visits of a day",
                "/appointments",
                lambda _: dict.fromkeys(("date_from", "date_to"), day(400)),
                "index day",
            ),
            Question(
                "visits of a provider on a day",
                "/appointments",
                lambda d: {
                    **dict.fromkeys(("date_from", "date_to"), day(400)),
                    "provider_id": d.id_of("provider", int(visit["ProvNum"])),
                },
                "index day",
            ),
            Question(
                "visits of a patient",
                "/appointments",
                lambda d: {"patient_id": d.id_of("patient", 12)},
                "index parent_1",
            ),
            Question("visits since a day", "/appointments", lambda _: {"date_from": day(400)}, "index day, a page"),
        ),
    )


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Each filter's read units at both sizes, and the CPU at the larger one."""
    # Handlers log each request, to where the table of figures goes.
    logging.disable(logging.WARNING)
    try:
        yield from _each(quick=quick, say=say)
    finally:
        logging.disable(logging.NOTSET)


def _each(*, quick: bool, say: Say) -> Iterator[Figure]:
    sizes = (SMALL, 20_000) if quick else (SMALL, LARGE)
    with deployed(scopes=("*:read",)) as d:
        d.read_up()
        mirror(d)
        turn_on(d)
        memory = d.on.records
        for resource, make, questions in tables(d):
            asked: dict[str, list[tuple[float, int, int, float]]] = defaultdict(list)
            for count in sizes:
                say(f"  {count:,} rows of {resource}")
                client: Any = Meter(Virtual(d.practice_id, resource, count, make), RECORDS.indexes)
                virtual = DynamoRecords(client, table=RECORDS.name, fingerprint=fingerprint, now=d.on.clock.now)
                d.on.records = _Both(virtual, memory, resource)
                is_now(d, resource, d.on.clock.now(), rows=count)
                # What is said of a state holds for all questions of one moment.
                d.on.clock.seconds += 0.01
                for question in questions:
                    asked[question.name].append(_cost(d, question, client))
            d.on.records = memory
            for question in questions:
                small, large = asked[question.name]
                if small[2] != large[2] or not small[2]:
                    raise RuntimeError(
                        f"{question.name} has {small[2]} rows of {sizes[0]:,}, {large[2]} of {sizes[1]:,}"
                    )
                yield Figure(
                    "filters",
                    question.name,
                    large[0] / small[0],
                    "x",
                    at_most(2.0),
                    f"{small[0]:g} read units, {small[1]} requests at {sizes[0]:,} rows, {large[0]:g} and {large[1]} "
                    f"at {sizes[1]:,}, {large[3]:.1f} ms of CPU; {large[2]} found by {question.beside}",
                )


class _Both:
    """One resource in the virtual table, the others as they are."""

    def __init__(self, virtual: DynamoRecords, memory: Any, resource: str) -> None:
        self._virtual, self._memory, self._resource = virtual, memory, resource

    def __getattr__(self, method: str) -> Any:
        def call(practice_id: str, resource: str, *args: Any, **more: Any) -> Any:
            of = self._virtual if resource == self._resource else self._memory
            return getattr(of, method)(practice_id, resource, *args, **more)

        return call


def _cost(d: Deployment, question: Question, client: Meter) -> tuple[float, int, int, float]:
    """Read units, requests, rows of the answer, and milliseconds of CPU with the items at hand."""
    query = question.query(d)

    def ask() -> Any:
        answer = d.get(question.path, **{"limit": 50, **query})
        if answer.status != 200 or answer.body["meta"]["served_from"] != "mirror":
            raise RuntimeError(f"{question.name} was answered {answer.status}, not from the mirror")
        return answer.body["data"]

    found = ask()
    units, _, calls = client.of(ask)
    began = time.process_time()
    ask()
    return units, calls, len(found), (time.process_time() - began) * 1000
