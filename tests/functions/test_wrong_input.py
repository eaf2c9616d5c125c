"""What must not be sent, in every place of every write: a problem that names the place, and never what stood there."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import pytest

from gateway.core.ids import insurance_payment_key, row_id
from gateway.wiring.services import using
from tests.fakes.deployment import CLIENT, IDS, route_of
from tests.fakes.gateway_events import Context, event, read
from tests.functions.test_writes_under_faults import WRITES, Day, Write, day

MARK = "Zq7Marker"
"""Stands for a name: it must not come back in any problem."""

_ID = "prov_" + "a" * 28
MORE: Mapping[str, dict[str, Any]] = {
    "claim": {
        "service_on": "2026-01-05", "sent_on": "2026-01-06", "coverage_id": _ID, "other_coverage_id": _ID,
        "relationship": "self", "treating_provider_id": _ID, "practice_id": IDS[0],
    },
    "claim-sent": {
        "received_on": "2026-01-05", "underpaid_reason": "x", "prior_authorization_number": "x",
        "billing_provider_id": _ID, "relationship": "self",
    },
    "carriers-payment": {
        "received_on": "2026-01-01", "issued_on": "2026-01-01", "payment_type_id": _ID, "bank_branch": "x", "note": "x",
    },
    "patients-payment": {
        "received_on": "2026-01-01", "payment_type_id": _ID, "note": "x", "location_id": _ID, "check_number": "1",
        "only_this_patient": True, "is_prepayment": True,
    },
    "refund": {"amount": {"amount": "80.00"}, "patient_id": _ID, "allow_duplicate": True},
    "patient-change": {
        "name": {"first": "A", "preferred": "B"}, "birth_date": "2001-01-01", "status": "active", "language": "en",
        "emails": [{"address": "a@example.com"}], "guarantor_id": _ID, "billing_type": "x", "chart_number": "x",
        "contact_preferences": {"sms_consent": True, "confirm": "email"}, "first_visit_on": "2026-01-01",
    },
    "procedure": {"planned_on": "2026-01-01", "appointment_id": _ID, "provider_id": _ID, "diagnosis_id": _ID},
    "procedure-change": {"code": "D2740", "area": {"kind": "tooth", "teeth": ["3"]}, "planned_on": "2026-01-01"},
    "recall-change": {
        "interval": {"months": 6}, "is_disabled": True, "disabled_until": "2026-01-01", "priority": "asap",
        "disabled_until_balance_below": {"amount": "1.00"},
    },
    "contact": {"type_id": _ID, "mode": "email", "direction": "sent", "at": "2026-01-01T00:00:00Z"},
    "raw-money": {"prov_num": 1, "proc_num": 1, "adj_note": "x", "proc_date": "2026-01-01"},
}  # fmt: skip
"""Members of a body beside those that the write itself has."""

TEXTS = ("\ud800" + MARK, MARK + "\0", "\x01" + MARK, MARK * 2000, "  ", MARK + "\u2028\u202e", MARK)
AMOUNTS = (
    "NaN",
    "Infinity",
    "-1.00",
    "1e9",
    "999999999999",
    "1.005",
    "0",
    "1,00",
    "\u0661.00",
    "1.",
    "+1.00",
    ".5",
    MARK,
)
DAYS = ("0001-01-01", "9999-12-31", "2026-02-30", "2200-01-01", "20260101", "2026-01-01T00:00:00Z", "0000-00-00")
VALUES: tuple[Any, ...] = (None, True, 1, -1, 1.5, 1e300, 10**30, 10**400, [], [MARK], {}, {"a": MARK}, {"amount": 1.5})
NUMBERS = ("NaN", "Infinity", "1e400000000", "-1e-400000000", "1e999", "[" * 990 + "]" * 990, "[" * 9999 + "]" * 9999)
"""As they stand in the body: no JSON library writes them."""


SENT = [write for write in WRITES if write.name in {*MORE, "raw-creation", "raw-change"}]
CHANGES = [
    write for write in WRITES if write.name in {"claim-sent", "patient-change", "procedure-change", "recall-change"}
]


def ids(one: Day) -> list[str]:
    """Of other kinds, of another practice, forged, and of nothing."""
    here, there = one.office.practice_id, IDS[1]
    kinds = ("patient", "claim", "procedure", "provider", "definition", "payment", "coverage", "claim_line")
    real = [row_id(kind, id_, 1) for kind in kinds for id_ in (here, there)]
    return [*real, real[0][:-1], real[0] + "a", real[0].upper(), row_id("payment", here, insurance_payment_key(1))]


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in members:
        yield from places(part, (*at, name))


def put(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    body = copy.deepcopy(body)
    inner = body
    for name in at[:-1]:
        inner = inner[name]
    inner[at[-1]] = value
    return body


def bodies(write: Write, one: Day) -> Iterator[tuple[Any, ...]]:
    """Each place, and the body with each wrong value in it."""
    sent, more = one.asked.body, MORE.get(write.name, {})
    for at in places({**sent, **more}):
        if not at:
            continue
        body = sent if at[0] in sent else {**sent, at[0]: more[at[0]]}
        for value in (*TEXTS, *AMOUNTS, *DAYS, *VALUES, *({"amount": one_} for one_ in AMOUNTS), *ids(one)):
            yield at, value, json.dumps(put(body, at, value))
        for number in NUMBERS:
            yield at, number, json.dumps(put(body, at, MARK)).replace(json.dumps(MARK), number)


def sent(one: Day, text: str, key: str = "a-key-of-its-own", path: str | None = None) -> tuple[int, str, str]:
    function, route, params = route_of(one.asked.method, path or one.asked.path)
    headers = {"Idempotency-Key": key, "Prefer": "respond-async"}
    made = event(one.asked.method, route, params=params, headers=headers, body={}, client_id=CLIENT)
    with using(one.office.on):
        answer = import_module(f"functions.{function}.handler").lambda_handler(made | {"body": text}, Context())
    return answer["statusCode"], answer["headers"]["Content-Type"], json.dumps(read(answer))


@pytest.mark.parametrize("write", SENT, ids=str)
def test_what_must_not_be_sent_is_refused_by_a_problem_that_never_repeats_it(write: Write) -> None:
    with day(write) as one:
        before = len(one.office.on.ledger.entries)
        taken = 0
        for at, value, text in bodies(write, one):
            status, kind, answered = sent(one, text)
            if status == 202:
                # A value that may be sent, where it stands. Not run: what the office says is not the question here.
                assert value not in TEXTS[:3], at
                taken += 1
                one.office.on.ledger.entries.pop(json.loads(answered)["id"])
                one.office.on.pace.items.clear()
                continue
            assert 400 <= status < 500, (at, value, status, answered)
            assert kind == "application/problem+json"
            assert MARK not in answered, (at, value, answered)
        assert len(one.office.on.ledger.entries) == before
        assert taken < 400
        assert one.office.upstream_calls == []


@pytest.mark.parametrize("write", SENT, ids=str)
def test_an_unknown_member_and_a_body_without_end_are_refused(write: Write) -> None:
    with day(write) as one:
        unknown = sent(one, json.dumps({**one.asked.body, "colour": MARK}))
        endless = sent(one, json.dumps({**one.asked.body, "note": MARK * 40_000}))
        twice = sent(one, json.dumps(one.asked.body)[:-1] + f', "note": "{MARK}", "note": "{MARK}"' + "}")

        assert (unknown[0], endless[0], twice[0]) == (400, 413, 400)
        assert MARK not in unknown[2] + endless[2] + twice[2]
        assert one.office.upstream_calls == []


@pytest.mark.parametrize("write", CHANGES, ids=str)
def test_an_id_in_the_path_that_names_nothing_here_is_not_found(write: Write) -> None:
    with day(write) as one:
        family = one.asked.path.rsplit("/", 1)[0]
        own = one.asked.path.rsplit("/", 1)[1]
        wrong = [id_ for id_ in ids(one) if id_.split("_")[0] != own.split("_")[0]]
        for id_ in (*wrong, row_id("patient", IDS[1], 1), own[:-1], own + "a", own.upper(), "%00", "..", "a" * 3000):
            status, kind, _ = sent(one, json.dumps(one.asked.body), path=f"{family}/{id_}")
            assert (status, kind) == (404, "application/problem+json"), id_
        assert one.office.upstream_calls == []
