"""A whole object to a webhook, by the adapters and with what the function's row in the catalogue gives it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest

from gateway.adapters.callers import DynamoCallers
from gateway.adapters.events.log import DynamoEventLog
from gateway.adapters.mirror.records import DynamoRecords
from gateway.adapters.mirror.syncs import DynamoSyncStates
from gateway.adapters.practices import DynamoPractices
from gateway.adapters.webhooks.store import DynamoWebhooks
from gateway.core.callers import Client
from gateway.core.events.event import Cause, Event
from gateway.core.mirror.records import Order, ReadAt
from gateway.core.mirror.syncing import Phase, ResourceSync, Wanted
from gateway.core.webhooks import deliveries as rules
from gateway.core.webhooks.deliveries import Outcome
from gateway.core.webhooks.delivering import deliver
from gateway.core.webhooks.endpoints import Approval, Endpoint, Payload
from gateway.wiring.aws import AwsServices
from gateway.wiring.deliverer import DelivererServices
from infra.catalogue import function
from tests.contract.conftest import BUCKET, deployed_client, fingerprint, make_deployed_table
from tests.fakes.deployment import CLIENT, IDS, NOW, deployed
from tests.fakes.mirroring import mirror
from tests.fakes.webhooks import FakeSender

ROW = function("deliver_webhooks")
HERE = IDS[0]


@pytest.fixture
def on(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[DelivererServices]:
    """The ports of the function, which is told of what its row names and of nothing else."""
    for name in ROW.tables:
        make_deployed_table(name)
        monkeypatch.setenv(f"{name.upper()}_TABLE", name)
    made: Any = AwsServices()
    made._s3.create_bucket(Bucket=BUCKET)
    secret = made._secrets_manager.create_secret(Name="hmac", SecretString="x" * 44)
    monkeypatch.setenv("BODIES_BUCKET", BUCKET)
    monkeypatch.setenv("HMAC_SECRET_ARN", secret["ARN"])
    monkeypatch.setenv("STAGE", "prod")
    yield DelivererServices()


def test_an_object_is_read_with_what_the_role_may_touch(on: Any) -> None:
    with deployed() as d:
        mirror(d)
        visit = d.rows("appointment", "AptStatus=1")[0]
        id_ = d.id_of("appointment", visit["AptNum"])
        shown = d.get(f"/appointments/{id_}").body
        columns = {"patients": "PatNum", "appointments": "AptNum", "procedurelogs": "AptNum"}
        kept = {
            name: [
                one
                for one in d.on.records.page(HERE, name, after=None, limit=10_000)
                if one.row[column] == visit[column]
            ]
            for name, column in columns.items()
        }
        _furnish(d.on.practices.get(HERE), kept)
    event = Event("evt_a", "appointment.updated", NOW, NOW, HERE, "appointment", id_, 7, Cause.POLL)
    client = deployed_client()
    DynamoEventLog(client, table="events").add([event], at=NOW)
    delivery = rules.begun("whk_a", event, on.clock.now())
    DynamoWebhooks(client, table="webhooks").begin([delivery])
    on.sender = FakeSender(answers=lambda _: Outcome(status=410))
    calls: set[tuple[str, str]] = set()
    puts: set[tuple[str, str]] = set()

    def note(params: Any, model: Any, **_: Any) -> None:
        table = params.get("TableName") or next(iter(params.get("RequestItems", {"": 0})))
        calls.add((table or model.service_model.service_name, model.name))
        if model.name == "PutItem":
            puts.add((table, params["Item"]["pk"]["S"]))

    on._sdk.register("before-parameter-build", note)
    assert deliver(rules.message_of(delivery), on) is not None

    ((_, _, body),) = on.sender.posted
    data = json.loads(body)["data"]
    assert data["full_object_unavailable"] is None
    assert _content(data["full_object"]) == _content(shown)
    # Nothing that the role may not, as far as rows of the catalogue say it: answering 410 also told a fact.
    may = {(name, verb) for name, verbs in ROW.tables.items() for verb in verbs}
    may |= {(name, "PutItem") for name in ROW.puts} | {("secretsmanager", "GetSecretValue")}
    assert calls <= may
    told = {pk for table, pk in puts if table == "records"}
    assert told and all(fnmatchcase(pk, ROW.puts["records"]) for pk in told)


def _furnish(practice: Any, kept: dict[str, list[Any]]) -> None:
    client = deployed_client()
    DynamoPractices(client, table="practices").put(practice)
    DynamoCallers(client, table="callers").put_client(
        Client(CLIENT, "Ada", frozenset({HERE}), frozenset({"*:read", "notes"}))
    )
    records = DynamoRecords(client, table="records", fingerprint=fingerprint)
    syncs = DynamoSyncStates(client, table="records")
    state = syncs.load(HERE)
    before = NOW - timedelta(minutes=5)
    syncs.save_practice(
        # As it is once the first load is through.
        type(state)(HERE, wanted=Wanted.ON, epoch=1, server_offset_s=0.0, started_at=before)
    )
    for name, found in kept.items():
        rows = [one.row for one in found]
        records.all_here(HERE, name, are=True)
        records.store(HERE, name, rows, read=ReadAt(Order(1, 1), NOW), cause="poll")
        syncs.save(HERE, ResourceSync(name, phase=Phase.LOADED, as_of=NOW, rows=len(rows)))
    approval = Approval("BAA-2026-014", frozenset({HERE}), "cli_operator", NOW)
    DynamoWebhooks(client, table="webhooks").make(
        Endpoint(
            "whk_a", CLIENT, "https://hooks.example.com/", ("*",), NOW, NOW, payload=Payload.FULL, approval=approval
        )
    )


def _content(value: Any) -> Any:
    """An object without when and whence, and without what the office calls things, which is not at hand here."""
    if isinstance(value, dict):
        left_out = {"meta", "synced_at", "confirmation", "extensions", "type"}
        return {name: _content(one) for name, one in value.items() if name not in left_out}
    return [_content(one) for one in value] if isinstance(value, list) else value
