"""Steps of the tour that bring about what hardly ever happens, so that its grants are tried as well.

What would take hours, or more of an office than a simulated one has, is brought about by hand: in the emulator's
tables and buckets, as the gateway would have left it there.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx

from infra.sandbox import enrol
from infra.sandbox.box import Connected, Sandbox
from infra.sandbox.drop import BUCKET, PREFIX
from infra.sandbox.promises import (
    Caller,
    _come,
    _key,
    _mirrored_office,
    _of,
    _problem,
    _settled,
    _told,
    _webhook,
)
from infra.sandbox.tour import step

_WITHIN_S = 240
_FULL = 200
"""Turns of a practice that may wait."""
_LONG = 800_000
"""Characters that no compression makes fit into an item."""
_FAR_APART = 40_000
"""Characters after which compression does not know any more what it has seen."""


@step("P44", "practice of rare causes")
def what_is_rare_is_granted(box: Sandbox) -> None:
    office = box.one_more_practice("--tier", "enterprise")
    key = box.new_client("rare", scopes=(*enrol.SCOPES, "practices.keys:write"), kind="operator")
    me = _of(box, box.connect(office.practice, key))
    here = f"practice_id={me.practice_id}"
    _wrong_keys(box, office, key)
    _changes_of_each_kind(me)
    (patient,) = me.get(f"/patients?status=active&limit=1&{here}")["data"]
    _no_room_in_an_item(me, f"/claims?status=sent&expand=lines&{here}")
    _a_full_queue(box, me, f"/providers?{here}")
    _a_file_under_another_name(box, me)
    rotation = _called_off(box, me, office)
    _parked_for_long(box, me, {"patient_id": patient["id"], "note": "Back from afar", "mode": "phone"})
    _until(lambda: me.get(rotation)["state"] == "cancelled", "an exchange of keys is not called off")
    assert me.get("/health")["components"], "the deployment says nothing of itself"
    assert me.get(f"/practices/{me.practice_id}/health")["connection"]["state"] == "online", "it is not well again"


def _until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"after {_WITHIN_S} s {otherwise}"
        time.sleep(1)


def _wrong_keys(box: Sandbox, office: Connected, key: str) -> None:
    """A pair that the office does not know is refused, and kept nowhere."""
    practice = office.practice
    wanted = {"customer_key": "NOSUCHOFFICE0044", "developer_key": practice.developer_key, "mode": "remote"}
    wanted |= {"base_url": practice.base_url, "time_zone": practice.time_zone}
    headers = {"Authorization": f"Bearer {key}", "Prefer": "wait=25"}
    before = _secrets(box)
    status, answer = box.call("POST", "/authenticate", wanted, headers)
    while status == 202:
        time.sleep(1)
        status, answer = box.call("POST", "/authenticate", wanted, headers)
    assert (status, answer["code"]) == (409, "key-refused"), f"a wrong pair is answered {status}: {answer}"
    # Other steps connect practices meanwhile: a secret more says nothing.
    kept = any(wanted["customer_key"] in one for one in _values(box, _secrets(box) - before))
    assert not kept, "a pair that was refused is kept"


def _changes_of_each_kind(me: Caller) -> None:
    """What no other step of the tour changes."""
    claim = me.every("/claims?status=sent&limit=1")[0]
    owner = f"patient_id={claim['patient_id']}"
    procedure = me.every(f"/procedures?{owner}&limit=500")[0]
    patient = _who_has(me, "recall")
    recall = me.every(f"/recalls?patient_id={patient['id']}&limit=500")[0]
    for path, change in (
        (f"/claims/{claim['id']}", {"note": "sent twice"}),
        (f"/procedures/{procedure['id']}", {"fee": procedure["fee"]}),
        (f"/recalls/{recall['id']}", {"note": "call in the evening"}),
    ):
        answer = me.send("PATCH", path, change, Idempotency_Key=_key(), Prefer="wait=28")
        assert answer.status_code in {200, 201}, f"a change of {path[:8]} is {answer.status_code}: {answer.text}"


def _who_has(me: Caller, table: str) -> dict[str, Any]:
    """An active patient with a row there."""
    owners = {str(row["PatNum"]) for row in me.rows(table)}
    return next(row for row in me.every("/patients?status=active&limit=500") if row["source"]["key"] in owners)


def _secrets(box: Sandbox) -> set[str]:
    pages = box.aws("secretsmanager").get_paginator("list_secrets").paginate()
    return {one["Name"] for page in pages for one in page["SecretList"]}


def _values(box: Sandbox, names: Iterable[str]) -> Iterator[str]:
    """All that secrets keep, under whatever label; of those that go meanwhile nothing."""
    manager = box.aws("secretsmanager")
    for name in names:
        with suppress(manager.exceptions.ResourceNotFoundException, manager.exceptions.InvalidRequestException):
            for version in manager.list_secret_version_ids(SecretId=name, IncludeDeprecated=True)["Versions"]:
                yield manager.get_secret_value(SecretId=name, VersionId=version["VersionId"])["SecretString"]


def _no_room_in_an_item(me: Caller, path: str) -> None:
    """Rows that are too long for an item, of a fetch that has to come back between its calls."""
    long = secrets.token_urlsafe(max(_FAR_APART, _LONG // len(me.rows("claim", ClaimStatus="S"))))
    me.steer("PUT", "settings", {"shapes": {"claims": {"Shiny": long}}})
    me.steer("POST", "faults", {"match": "claimprocs.list", "kind": "429", "retry_after": 3, "count": 1})
    try:
        found = me.get(path, Cache_Control="no-cache", Prefer="wait=28")
    finally:
        me.steer("DELETE", "faults")
        me.steer("PUT", "settings", {"shapes": {}})
    assert found["meta"]["served_from"] == "live" and found["data"], "nothing was read"
    assert me.get(path)["data"] == found["data"], "what was kept of it is something else"


def _a_full_queue(box: Sandbox, me: Caller, path: str) -> None:
    """Who comes when the queue is full is turned away and leaves nothing; counters that are off are put right."""
    dynamodb, table = box.aws("dynamodb"), _told_of(box, "PACE_TABLE")
    pace = {"pk": {"S": f"pace#{me.practice_id}"}, "sk": {"S": "pace"}}

    def let_wait(turns: int) -> None:
        dynamodb.update_item(
            TableName=table,
            Key=pace,
            UpdateExpression="SET waiting = :turns",
            ExpressionAttributeValues={":turns": {"N": str(turns)}},
        )

    let_wait(_FULL)
    try:
        _problem(me.send("GET", path, Cache_Control="no-cache"), 503, "queue-full")
    finally:
        let_wait(0)
    doubt = {"pk": {"S": "doubted"}, "sk": {"S": me.practice_id}}
    assert "Item" in dynamodb.get_item(TableName=table, Key=doubt), "nobody is told to count again"
    _sweep(box)
    _until(lambda: "Item" not in dynamodb.get_item(TableName=table, Key=doubt), "it is still to be counted again")
    assert me.send("GET", path, Cache_Control="no-cache").status_code == 200, "the queue is full still"


def _sweep(box: Sandbox) -> None:
    """What the clock does once a minute."""
    box.aws("lambda").invoke(FunctionName=box.function("sweeper")["FunctionName"], Payload=b"{}")


def _told_of(box: Sandbox, name: str, *, folder: str = "upstream_worker") -> str:
    return str(box.function(folder)["Environment"]["Variables"][name])


def _a_file_under_another_name(box: Sandbox, me: Caller) -> None:
    """A file that came under a patient's name is handed out under one of ours, and nothing is left beside it."""
    s3 = box.aws("s3")
    patient = _who_has(me, "document")
    (document,) = me.get(f"/documents?patient_id={patient['id']}&limit=1")["data"]
    first = me.get(document["content"]["path"], Prefer="wait=28")
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=PREFIX)["Contents"]
    (key,) = (one["Key"] for one in found if one["Key"] in first["url"])
    named = f"{key.rpartition('/')[0]}/Zo Zqmark.pdf"
    s3.copy_object(Bucket=BUCKET, Key=named, CopySource={"Bucket": BUCKET, "Key": key})
    s3.delete_object(Bucket=BUCKET, Key=key)
    again = me.get(document["content"]["path"], Prefer="wait=28")
    file = httpx.get(again["url"], trust_env=False)
    assert (file.status_code, len(file.content)) == (200, first["size_bytes"]), "another file is handed out"
    left = {one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET, Prefix=PREFIX)["Contents"]}
    assert key in left and named not in left, "a patient's name is left in the bucket"


def _called_off(box: Sandbox, me: Caller, office: Connected) -> str:
    """Have an exchange of keys called off that has hardly begun; its path. The practice's secret is one of a release
    that kept the developer key in it: that key then gets a secret of its own."""
    vault = box.aws("secretsmanager")
    name = f"{_told_of(box, 'VAULT_PREFIX', folder='rotations').rstrip('/')}/{me.practice_id}"
    kept, developer = vault.get_secret_value(SecretId=name)["SecretString"], f"TOUR{secrets.token_hex(8)}"
    old = {"developer": developer, "customer": office.practice.customer_key}
    vault.put_secret_value(SecretId=name, SecretString=json.dumps(old))
    before = _secrets(box)
    try:
        wanted = {"customer_key": "TOURnewKEY000044"}
        asked = me.send("POST", f"/practices/{me.practice_id}/rotations", wanted, Idempotency_Key=_key())
    finally:
        vault.put_secret_value(SecretId=name, SecretString=kept)
    assert asked.status_code == 201, f"an exchange is answered {asked.status_code}: {asked.text}"
    made = hashlib.sha256(developer.encode()).hexdigest()[:32]
    assert any(made in one for one in _secrets(box) - before), "the developer key has no secret of its own"
    rotation = f"/practices/{me.practice_id}/rotations/{asked.json()['id']}"
    called_off = me.send("DELETE", rotation)
    assert called_off.status_code == 202, f"calling it off is answered {called_off.status_code}: {called_off.text}"
    return rotation


def _parked_for_long(box: Sandbox, me: Caller, body: Mapping[str, Any]) -> None:
    """A write that rests while its office is offline, with more of it than an item takes."""
    me.steer("PUT", "settings", {"offline": True})
    try:
        taken = me.send("POST", "/communications", body, Idempotency_Key=_key(), Prefer="respond-async")
        assert taken.status_code == 202, f"a write is answered {taken.status_code}: {taken.text}"
        operation = taken.json()["id"]
        _moved_out(box, operation)
        assert me.get(f"/operations/{operation}")["state"] == "queued", "it does not rest"
        _sweep(box)
    finally:
        me.steer("PUT", "settings", {"offline": False})

    def is_there() -> bool:
        return any(str(row["Note"]).startswith(body["note"]) for row in me.rows("commlog"))

    # Nobody asks after it, which would wake it: the sweep alone does.
    _until(is_there, "a write that rested is not done")
    done = _settled(me, operation)
    assert done["state"] == "succeeded", f"the write {done['state']}"


def _moved_out(box: Sandbox, operation: str) -> None:
    """Once it is parked, keep an operation as one too long for an item, and let the next sweep look at it."""
    dynamodb, table = box.aws("dynamodb"), _told_of(box, "LEDGER_TABLE")
    entry = {"pk": {"S": f"op#{operation}"}, "sk": {"S": "op"}}
    item: dict[str, Any] = {}

    def is_parked() -> bool:
        item.update(dynamodb.get_item(TableName=table, Key=entry, ConsistentRead=True)["Item"])
        return bool(item["state"]["S"] == "parked")

    _until(is_parked, "a write is not parked while its office is offline")
    key = _in_the_bucket(box, item, operation)
    dynamodb.update_item(
        TableName=table,
        Key=entry,
        UpdateExpression="REMOVE body SET body_at = :key, due_at = :now",
        ConditionExpression="rev = :rev",
        ExpressionAttributeValues={":key": {"S": key}, ":now": {"N": "0"}, ":rev": item["rev"]},
    )


def _in_the_bucket(box: Sandbox, item: Mapping[str, Any], owner: str) -> str:
    """Keep the body of an item where bodies lie that are too long for one; the key of its object."""
    raw = bytes(item["body"]["B"])
    key = f"{owner}/{hashlib.sha256(raw).hexdigest()}"
    box.aws("s3").put_object(Bucket=_told_of(box, "BODIES_BUCKET"), Key=key, Body=raw)
    return key


@step("P45", "mirrored practice")
def what_a_webhook_seldom_meets_is_granted(box: Sandbox) -> None:
    office = _mirrored_office(box)
    me = replace(office.me, token=box.connect(office.practice, box.new_client("whole")).access_token)
    judge = box.new_client(
        "judge", scopes=("practices:connect", "webhooks:read", "webhooks.full:approve"), kind="operator"
    )
    chief = replace(office.me, token=box.connect(office.practice, judge).access_token)
    since = datetime.now(UTC)
    whole, gone = _webhook(box, me, "whole"), _webhook(box, me, "gone")
    box.receiver.tell("gone", answer=410)
    _words_in_a_bucket(box, me)
    url = me.get(f"/webhooks/{whole}")["url"]
    assert me.send("PATCH", f"/webhooks/{whole}", {"payload": "full"}).status_code == 200, "it cannot be asked for"
    approved = chief.send("POST", f"/webhooks/{whole}/approve", {"baa_reference": "binder 3", "url": url})
    assert approved.status_code == 200, f"an approval is answered {approved.status_code}: {approved.text}"
    try:
        visit = _visit_with_work(me)
        answer = me.send(
            "PATCH", f"/appointments/{visit['id']}", {"status": "cancelled"}, Idempotency_Key=_key(), Prefer="wait=28"
        )
        assert answer.status_code == 200, f"a visit is not cancelled: {answer.status_code}: {answer.text}"
        event = _told(me, f"type=appointment.broken&object_id={visit['id']}&since={since:%Y-%m-%dT%H:%M:%SZ}")
        come = _come(box, "whole", {event["id"]})[event["id"]]
        assert come.body["data"]["full_object"]["id"] == visit["id"], "the visit is not in it"
        _until(lambda: me.get(f"/webhooks/{gone}")["state"] == "disabled", "an endpoint that is gone is called still")
        _told(me, f"type=webhook.disabled&object_id={gone}")
        for again in ({"event_id": event["id"]}, {"since": f"{since:%Y-%m-%dT%H:%M:%SZ}"}):
            sent = me.send("POST", f"/webhooks/{whole}/redeliver", again)
            assert sent.status_code == 202, f"a redelivery is answered {sent.status_code}: {sent.text}"
        told = me.get(f"/practices/{me.practice_id}/health")["webhooks"]
        assert told["disabled"] == 1, f"health says of webhooks: {told}"
        first = me.get(f"/events?practice_id={me.practice_id}&limit=1")
        further = me.get(f"/events?practice_id={me.practice_id}&limit=1&cursor={first['next_cursor']}")
        assert first["data"][0]["id"] != further["data"][0]["id"], "the next page of events is the same one"
        name = {"name": {"first": f"Zqmark{_key()[-6:]}"}}
        renamed = me.send("PATCH", f"/patients/{visit['patient_id']}", name, Idempotency_Key=_key(), Prefer="wait=28")
        assert renamed.status_code == 200, f"a name is answered {renamed.status_code}: {renamed.text}"
    finally:
        for endpoint in (whole, gone):
            me.send("DELETE", f"/webhooks/{endpoint}")


def _visit_with_work(me: Caller) -> dict[str, Any]:
    """A scheduled visit with procedures."""
    planned = {row["AptNum"] for row in me.rows("procedurelog", ProcStatus=1)}
    number = next(row["AptNum"] for row in me.rows("appointment", AptStatus=1) if row["AptNum"] in planned)
    rows = me.every("/appointments?date_from=2000-01-01&date_to=2099-12-31&limit=500")
    return next(row for row in rows if row["source"]["key"] == str(number))


def _words_in_a_bucket(box: Sandbox, me: Caller) -> None:
    """Keep what the cache has of a practice as rows are kept that are too long for an item."""
    dynamodb, table = box.aws("dynamodb"), _told_of(box, "CACHE_TABLE")
    pages = dynamodb.get_paginator("scan").paginate(
        TableName=table,
        FilterExpression="begins_with(pk, :rows) AND attribute_exists(body)",
        ExpressionAttributeValues={":rows": {"S": f"rows#{me.practice_id}#"}},
    )
    for item in [one for page in pages for one in page["Items"]]:
        key = _in_the_bucket(box, item, me.practice_id)
        dynamodb.update_item(
            TableName=table,
            Key={name: item[name] for name in ("pk", "sk")},
            UpdateExpression="REMOVE body SET body_at = :key",
            ConditionExpression="body = :was",
            ExpressionAttributeValues={":key": {"S": key}, ":was": item["body"]},
        )
