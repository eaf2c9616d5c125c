"""Steps of the tour for what runs by itself: workflows, exports, reconciliation."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from infra.sandbox.box import Sandbox
from infra.sandbox.practices import open_zone
from infra.sandbox.promises import Caller, _as, _caller, _key, _of, _problem, _today, _visit
from infra.sandbox.tour import FIRST, step

_WITHIN_S = 180


@step("P46", FIRST)
def a_workflow_books_in_one_request(box: Sandbox) -> None:
    me = _as(box, "flows", "*:read", "workflows:write", "appointments:write", "patients:write", "communications:write")
    name = f"Quill{time.monotonic_ns()}"
    wanted = {
        "workflow": "book",
        "practice_id": me.practice_id,
        "patient": {"name": {"first": "Odalys", "last": name}, "birth_date": "1990-05-05"},
        "slot": {"duration_minutes": 20, "notice_minutes": 1440},
        "confirmation": "confirmed",
        "contact": {"note": f"told {name} by phone", "mode": "phone"},
    }
    _problem(
        _as(box, "desk", "*:read").send("POST", "/workflow_runs", wanted, Idempotency_Key=_key()), 403, "scope-missing"
    )
    key = _key()
    run = _begun(me, wanted, key)
    ended = _ended(me, run["id"])
    assert ended["state"] == "succeeded", f"it ended {ended['state']}: {ended['code']}"
    steps = {one["name"]: one["state"] for one in ended["steps"]}
    assert set(steps.values()) == {"succeeded"} and len(steps) == 7, f"its steps: {steps}"
    patients = me.rows("patient", LName=name)
    visits = [row for one in patients for row in me.rows("appointment", PatNum=one["PatNum"])]
    assert (len(patients), len(visits)) == (1, 1), f"{len(patients)} patients and {len(visits)} visits are there"
    again = _begun(me, wanted, key)
    assert (again["id"], again["state"]) == (run["id"], "succeeded"), "its key starts another run"
    assert name not in json.dumps(_executions(box, "book")), "an execution's history has the patient's name"
    ends_halfway(box, me)


def ends_halfway(box: Sandbox, me: Caller) -> None:
    """A run that cannot go on leaves nothing, says why, is stopped and started again."""
    slot = {"duration_minutes": 20, "date_from": "2199-01-05"}
    wanted = {"workflow": "book", "practice_id": me.practice_id, "patient_id": _visit(_caller(box))["patient_id"]}
    run = _begun(me, {**wanted, "slot": slot}, _key())
    ended = _ended(me, run["id"])
    assert ended["state"] == "failed", f"a visit in another century ended {ended['state']}"
    again = me.send("POST", f"/workflow_runs/{run['id']}/restart")
    assert (again.status_code, again.json()["attempt"]) == (202, 2), f"it is not started again: {again.text}"
    _ended(me, run["id"])
    run = _begun(me, {**wanted, "slot": slot}, _key())
    stopped = me.send("POST", f"/workflow_runs/{run['id']}/stop")
    assert stopped.json()["state"] == "stopped", f"it is not stopped: {stopped.text}"
    listed = me.get(f"/workflow_runs?practice_id={me.practice_id}&workflow=book")["data"]
    assert run["id"] in {one["id"] for one in listed}, "it is not listed"


def _begun(me: Caller, wanted: Mapping[str, Any], key: str) -> dict[str, Any]:
    answer = me.send("POST", "/workflow_runs", wanted, Idempotency_Key=key)
    assert answer.status_code in {200, 202}, f"a run is answered {answer.status_code}: {answer.text}"
    return dict(answer.json())


def _ended(me: Caller, run: str, *, within_s: float = _WITHIN_S) -> dict[str, Any]:
    return until(
        lambda: me.get(f"/workflow_runs/{run}"), lambda told: told["state"] != "running", "a run does not end", within_s
    )


def until(
    look: Callable[[], dict[str, Any]], holds: Callable[[dict[str, Any]], bool], otherwise: str, within_s: float
) -> dict[str, Any]:
    """What `look` shows once it holds."""
    ends = time.monotonic() + within_s
    while not holds(told := look()):
        assert time.monotonic() < ends, otherwise
        time.sleep(0.5)
    return told


def _executions(box: Sandbox, name: str) -> list[Any]:
    """All that Step Functions keeps of a machine's executions: inputs, outputs, each event."""
    states = box.aws("stepfunctions")
    (machine,) = [
        one["stateMachineArn"]
        for one in states.list_state_machines()["stateMachines"]
        if one["name"].endswith(f"-{name}")
    ]
    found: list[Any] = []
    for one in states.list_executions(stateMachineArn=machine)["executions"]:
        about = states.describe_execution(executionArn=one["executionArn"])
        events = states.get_execution_history(executionArn=one["executionArn"], maxResults=1000)["events"]
        found.append([about.get("input"), about.get("output"), json.dumps(events, default=str)])
    assert found, f"{name} was never run"
    return found


@cache
def _counted_office(box: Sandbox) -> tuple[Caller, Caller]:
    """A practice whose money is whole in its mirror, seen by an operator's client and by a plain one."""
    # By query each patient's lists are read: with all the people of the others that takes minutes beside other steps.
    flags = ("--tier", "enterprise", "--interval", "0", "--patients", "20", "--zone", open_zone(datetime.now(UTC)))
    office = box.one_more_practice(*flags)
    scopes = ("practices:connect", "*:read", "notes", "sync:write", "workflows:write", "exports:write", "exports:read")
    key = box.new_client("counts", scopes=scopes, kind="operator")
    me = _of(box, box.connect(office.practice, key))
    sync = f"/practices/{me.practice_id}/sync"
    turned = me.send("PATCH", sync, {"state": "on", "queries": "on"})
    assert turned.status_code == 200, f"turning the mirror on is answered {turned.status_code}: {turned.text}"
    until(lambda: dict(me.get(sync)), lambda told: told["phase"] == "complete", "the mirror is not complete", 600)
    return me, _as(box, "counts-without", "*:read")


@step("P47", "counted practice")
def an_export_is_seen_whole_or_not_at_all(box: Sandbox) -> None:
    me, plain = _counted_office(box)
    wanted = {"practice_ids": [me.practice_id], "mode": "snapshot"}
    _problem(plain.send("POST", "/exports", wanted, Idempotency_Key=_key()), 403, "scope-missing")
    first = _exported(me, wanted)
    (practice,) = first["practices"]
    assert practice["state"] == "done", f"the practice is {practice['state']}: {practice['reason']}"
    rows = {one["object"]: one["rows"] for one in practice["objects"] if one["state"] == "done"}
    people = len(me.every("/patients?limit=500"))
    assert rows["patients"] == people, f"{rows['patients']} of {people} patients are exported"
    _exported_by_the_clock(box, me, first["id"])
    s3, bucket = box.aws("s3"), _exports_bucket(box)
    files = me.get(f"/exports/{first['id']}/files")
    kept = {one["Key"] for page in _pages(s3, bucket) for one in page}
    assert {one["key"] for one in files["data"]} <= kept and files["manifest"] in kept, (
        "files are named that are not there"
    )
    _same_in_both(box, files, people)
    name = f"Export{_key()[-8:]}"
    me.steer("POST", "rows", [{"resource": "patients", "row": {"LName": name, "FName": "Ada", "PatStatus": "Patient"}}])
    path = f"/patients?name={name}&practice_id={me.practice_id}"
    until(
        lambda: dict(me.get(path, Cache_Control="max-age=600")), lambda told: bool(told["data"]), "nobody is new", 120
    )
    # What changed within the last minute is for the next run.
    time.sleep(65)
    second = _exported(me, {"practice_ids": [me.practice_id]})
    (again,) = second["practices"]
    changed = {one["object"]: one["rows"] for one in again["objects"]}
    assert 1 <= changed["patients"] < people, f"an incremental run has {changed['patients']} patients"
    missing = _exported(me, {"practice_ids": [me.practice_id], "objects": ["patients"]})
    assert missing["id"] in {one["id"] for one in me.get("/exports")["data"]}, "it is not listed"


def _exported_by_the_clock(box: Sandbox, me: Caller, before: str) -> None:
    """What the night does: a run of every practice that was ever exported."""
    states = box.aws("stepfunctions")
    machines = states.list_state_machines()["stateMachines"]
    (machine,) = [one["stateMachineArn"] for one in machines if one["name"].endswith("-export")]
    states.start_execution(stateMachineArn=machine, input="{}")
    until(
        lambda: dict(me.get("/exports?limit=1")["data"][0]),
        lambda told: told["id"] != before and told["state"] == "published",
        "the night's export is not published",
        _WITHIN_S,
    )


def _exported(me: Caller, wanted: Mapping[str, Any]) -> dict[str, Any]:
    answer = me.send("POST", "/exports", wanted, Idempotency_Key=_key())
    assert answer.status_code == 202, f"an export is answered {answer.status_code}: {answer.text}"
    told = until(
        lambda: dict(me.get(f"/exports/{answer.json()['id']}")),
        lambda shown: shown["state"] != "running",
        "an export does not end",
        _WITHIN_S,
    )
    assert told["state"] == "published", f"it is {told['state']}: {told['practices']}"
    return told


def _exports_bucket(box: Sandbox) -> str:
    bucket: str = box.function("exports")["Environment"]["Variables"]["EXPORTS_BUCKET"]
    return bucket


def _pages(s3: Any, bucket: str) -> Iterator[list[dict[str, Any]]]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield page.get("Contents", [])


def _same_in_both(box: Sandbox, files: Mapping[str, Any], people: int) -> None:
    """Lines of JSON and Parquet have the same rows; what Parquet has is for DuckDB's own tests."""
    s3, bucket = box.aws("s3"), _exports_bucket(box)
    of_patients = [one for one in files["data"] if one["object"] == "patients"]
    lines = 0
    for one in of_patients:
        body = s3.get_object(Bucket=bucket, Key=one["key"])["Body"].read()
        assert hashlib.sha256(body).hexdigest() == one["sha256"], "a file is another than the manifest says"
        if one["key"].endswith(".gz"):
            lines += len(gzip.decompress(body).splitlines())
    assert lines == people, f"the lines have {lines} patients of {people}"
    assert any(one["key"].endswith(".parquet") for one in of_patients), "there is no Parquet"


@step("P48", "counted practice")
def what_does_not_add_up_is_found(box: Sandbox) -> None:
    me, _ = _counted_office(box)
    here = f"practice_id={me.practice_id}"
    ended = _ended(me, _begun(me, {"workflow": "reconcile", "practice_id": me.practice_id}, _key())["id"])
    assert ended["state"] == "succeeded", f"it ended {ended['state']}: {ended['code']}"
    findings = me.every("/reconciliation/findings?limit=2")
    assert findings, "in a whole office everything adds up"
    patient = next(one["patient_id"] for one in findings if one["patient_id"])
    of_one = me.every(f"/reconciliation/findings?patient_id={patient}")
    assert {one["patient_id"] for one in of_one} == {patient}, "findings of others are shown"
    assert len({one["id"] for one in findings}) == len(findings), "a finding is there twice"
    shown = me.get(f"/reconciliation/findings/{findings[0]['id']}")
    assert shown["evidence"] and shown["next_action"]["code"], "a finding shows nothing, or nothing to do"
    aging = me.get(f"/reconciliation/aging?by=practice&{here}")
    assert aging["data"], "nobody owes anything"
    today = _today(me)
    journal = me.send("GET", f"/reconciliation/journal?date_from={today - timedelta(days=30)}&date_to={today}&{here}")
    assert journal.headers["Content-Type"].startswith("text/csv"), "the journal is no CSV"
    entries = list(csv.DictReader(io.StringIO(journal.text)))
    assert entries and sum(Decimal(one["debit"] or 0) - Decimal(one["credit"] or 0) for one in entries) == 0, (
        "unbalanced"
    )
    again = _ended(me, _begun(me, {"workflow": "reconcile", "practice_id": me.practice_id}, _key())["id"])
    assert again["state"] == "succeeded", f"it ended {again['state']}: {again['code']}"
    after = me.every("/reconciliation/findings?limit=200")
    assert {one["id"] for one in after} == {one["id"] for one in findings}, "another run has other findings"
    told = me.every("/events?type=finding.opened&limit=200")
    assert {one["object_id"] for one in told} >= {one["id"] for one in findings}, "not every finding was told"
