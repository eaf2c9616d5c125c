"""What one answer of the mirror asks of AWS: invocations, calls of DynamoDB, units and bytes, which carry over to AWS.

The authorizer and the function run in this process over the adapters that are deployed; DynamoDB is moto's, and a meter
beside it counts by AWS's rules. Nothing is a time.
"""

from __future__ import annotations

import json
import logging
import math
import os
import statistics
import time
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import replace
from importlib import import_module
from typing import Any, TypeAlias
from unittest import mock

from moto import mock_aws

from gateway.adapters.audit import DynamoAudit
from gateway.adapters.bodies import Bodies
from gateway.adapters.cache import DynamoCache
from gateway.adapters.callers import DynamoCallers
from gateway.adapters.mirror.records import DynamoRecords
from gateway.adapters.mirror.syncs import DynamoSyncStates
from gateway.adapters.practices import DynamoPractices
from gateway.core.ports import Session
from gateway.core.practices import Tier
from gateway.core.sessions import new_token, token_hash
from gateway.wiring.services import using
from infra.catalogue import TABLES
from tests.bench.figures import Figure, Goal, Say, at_most
from tests.bench.replayed import Replayed
from tests.contract.conftest import deployed_client, make_bodies, make_records_table, make_table
from tests.fakes.deployment import CLIENT
from tests.fakes.gateway_events import Context
from tests.fakes.meter import Meter
from tests.fakes.mirrored_office import MirroredOffice, mirrored_office

REGION = "us-east-1"
DAY_S = 86_400
Question: TypeAlias = tuple[str, Mapping[str, str]]
CREDENTIALS = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "testing")


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Some answers that everybody asks for, of a practice of 1,000 patients."""
    patients, asked = ("60", 50) if quick else ("1000", 500)
    logging.disable(logging.WARNING)
    try:
        with (
            mock.patch.dict(os.environ, CREDENTIALS | {"AWS_DEFAULT_REGION": REGION}),
            mirrored_office("--patients", patients, tier=Tier.ENTERPRISE) as office,
        ):
            say("  loading a mirror")
            office.load(DAY_S)
            token, questions = new_token(live=False), _questions(office)
            with mock_aws():
                client = _tables()
                bodies = make_bodies()
                recorded = Replayed(client)
                (records,) = (row for row in TABLES if row.name == "records")
                meter = Meter(client, records.indexes)
                _move(office, token, meter, bodies, say)
                for name, question in questions.items():
                    yield _units(name, question, office=office, meter=meter, token=token)
            client = deployed_client()
            recorded.play(client)
            _use(office, client, bodies)
            for name, question in questions.items():
                yield _cpu(name, question, asked, office=office)
    finally:
        logging.disable(logging.NOTSET)


def _use(office: MirroredOffice, client: Any, bodies: Bodies) -> None:
    on = office.on
    on.practices = DynamoPractices(client, table="practices")
    on.callers = DynamoCallers(client, table="callers")
    on.cache = DynamoCache(client, table="cache", bodies=bodies)
    on.records = DynamoRecords(client, table="records", fingerprint=on.signer.fingerprint, now=on.clock.now)
    on.syncs = DynamoSyncStates(client, table="records")
    on.audit = DynamoAudit(client, table="audit")


def _move(office: MirroredOffice, token: str, client: Any, bodies: Bodies, say: Say) -> None:
    """Have everything that an answer of the mirror reads lie in DynamoDB, as it was in memory."""
    on = office.on
    kept, syncs, practice, caller = on.records, on.syncs, on.practices.get(office.id), on.callers.client(CLIENT)
    _use(office, client, bodies)
    on.practices.put(practice)
    on.callers.put_client(caller)
    on.callers.put_session(token_hash(token), Session(client_id=CLIENT, expires_at=None, is_key=True))
    state = syncs.load(office.id)
    on.syncs.save_practice(_first(state))
    moved = 0
    for name, of in state.resources.items():
        on.syncs.save(office.id, _first(of))
        after = None
        while page := kept.page(office.id, name, after=after, limit=1000):
            on.records.store(office.id, name, [one.row for one in page], read=page[-1].read, cause="load")
            moved, after = moved + len(page), page[-1].key
    # Rows that were stored within the last minute are found by a way of their own.
    on.clock.seconds += 90
    say(f"  {moved:,} rows in DynamoDB")


def _first(state: Any) -> Any:
    return replace(state, rev=0)


def _tables() -> Any:
    for name in ("practices", "callers", "cache", "audit"):
        make_table(name, due=False)
    return make_records_table()


def _questions(office: MirroredOffice) -> Mapping[str, Question]:
    busiest = max(
        (row["PatNum"] for row in office.d.rows("patient", "PatStatus = 0")),
        key=lambda number: len(office.d.rows("claim", f"PatNum = {number}")),
    )
    patient, today = office.d.id_of("patient", busiest), office.d.today.isoformat()
    return {
        "one patient": (f"/patients/{patient}", {}),
        "a patient's visits": ("/appointments", {"patient_id": patient}),
        "a patient's claims with lines": ("/claims", {"patient_id": patient, "expand": "lines"}),
        "a day's visits": ("/appointments", {"practice_id": office.id, "date_from": today, "date_to": today}),
        "a page of 50 patients": ("/patients", {"practice_id": office.id}),
    }


def _units(name: str, question: Question, *, office: MirroredOffice, meter: Meter, token: str) -> Figure:
    """The second answer: the first one may ask for an office's words."""
    bytes_out = rows = 0

    def ask() -> None:
        nonlocal bytes_out, rows
        with using(office.on):
            headers = {"Authorization": f"Bearer {token}"}
            asked = {"headers": headers, "methodArn": "arn:aws:execute-api:us-east-1:000000000000:gateway/v1/GET/x"}
            import_module("functions.authorizer.handler").lambda_handler(asked, Context())
        body = _answer(name, question, office)
        bytes_out, rows = len(json.dumps(body)), len(body.get("data", "1"))

    ask()
    calls = len(office.d.upstream_calls)
    reads, writes, dynamo = meter.of(ask)
    if len(office.d.upstream_calls) > calls:
        raise RuntimeError(f"{name} was not answered without Open Dental")
    beside = f"{rows} rows, {bytes_out / 1024:.1f} kB; 2 invocations, {dynamo} calls of DynamoDB, {writes} write units"
    return Figure("answers", f"read units of an answer of the mirror: {name}", reads, goal=_goal(rows), beside=beside)


def _cpu(name: str, question: Question, asked: int, *, office: MirroredOffice) -> Figure:
    _answer(name, question, office)
    spent = []
    for _ in range(asked):
        began = time.process_time()
        _answer(name, question, office)
        spent.append((time.process_time() - began) * 1000)
    p95 = sorted(spent)[math.ceil(0.95 * asked) - 1]
    beside = f"median {statistics.median(spent):.1f} ms; the handler with AWS's SDK, DynamoDB's answers replayed"
    return Figure("answers", f"CPU of an answer of the mirror: {name}, p95", p95, "ms", beside=beside)


def _answer(name: str, question: Question, office: MirroredOffice) -> dict[str, Any]:
    path, query = question
    # As time passes between two requests, a process reads anew how far the mirror is; here none passes.
    office.on.syncs = copy(office.on.syncs)
    answer = office.d.send("GET", path, query=query, headers={"Cache-Control": f"max-age={DAY_S}"})
    if answer.status != 200 or answer.body["meta"]["served_from"] != "mirror":
        raise RuntimeError(f"{name} was answered {answer.status}, not from the mirror")
    body: dict[str, Any] = answer.body
    return body


def _goal(rows: int) -> Goal:
    """Who asks and how far the mirror is are ten; a row may be made of several, each with a place in an index."""
    return at_most(15.0 + 4 * rows)
