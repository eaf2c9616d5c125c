"""Tables come back under names of their own, with what a backup does not keep; the command says counts alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from gateway.adapters import restoring
from gateway.adapters.ledger import DynamoLedger
from gateway.adapters.practices import DynamoPractices
from gateway.core.operations import OperationState, Request
from gateway.wiring import after_restore, worker
from tests.contract.conftest import BUCKET, REGION, make_bodies, make_deployed_table
from tests.fakes.services import ELM_STREET

TABLES = ("ledger", "pace", "practices", "records")
SAID = ("LEDGER_TABLE", "PACE_TABLE", "PRACTICES_TABLE", "RECORDS_TABLE", "AUDIT_TABLE", "AUDIT_INDEX_TABLE")


@pytest.fixture
def client(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in TABLES:
        client = make_deployed_table(name)
        backups = {"PointInTimeRecoveryEnabled": True}
        client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=backups)
        monkeypatch.setenv(f"{name.upper()}_TABLE", name)
    monkeypatch.setenv("BODIES_BUCKET", BUCKET)
    worker.use(None)
    yield client
    worker.use(None)


def test_a_drill_from_the_backup_to_a_ledger_that_sends_nothing(
    client: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bodies = make_bodies()
    DynamoPractices(client, table="practices").put(ELM_STREET)
    ledger = DynamoLedger(client, table="ledger", bodies=bodies, outbox="records")
    now = datetime.now(UTC)
    request = Request("appointments.create", ELM_STREET.id, "cli_a", {}, idempotency_key="k" * 16, body_hash="h")
    id_ = ledger.open(request, now=now - timedelta(hours=1)).operation.id

    for name in ("audit", "audit_index"):
        make_deployed_table(name)
        monkeypatch.setenv(f"{name.upper()}_TABLE", name)
    after_restore.main(["tables", "--at", now.isoformat()])
    after_restore.main(["complete"])
    assert not [name for name in client.list_tables()["TableNames"] if "audit" in name and "restored" in name]
    for name in TABLES:
        assert restoring.is_there(client, f"{name}-restored")
        lives = client.describe_time_to_live(TableName=f"{name}-restored")["TimeToLiveDescription"]
        assert lives["TimeToLiveStatus"] == "ENABLED"
        monkeypatch.setenv(f"{name.upper()}_TABLE", f"{name}-restored")
    stream = client.describe_table(TableName="records-restored")["Table"]["StreamSpecification"]
    assert stream == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    worker.use(None)
    there = DynamoLedger(client, table="ledger-restored", bodies=bodies)
    after_restore.main(["check"])
    assert "1 open operations would be" in capsys.readouterr().out
    assert there.get(id_).state is OperationState.QUEUED
    after_restore.main(["check", "--yes"])

    out = capsys.readouterr().out
    assert "1 practices, 0 mirrors" in out and "1 writes are yours to settle" in out
    for _ in range(2):  # Whoever has lost the list is told again.
        assert f"{id_}  {ELM_STREET.id}  appointments.create" in out
        after_restore.main(["unknown"])
        out = capsys.readouterr().out
    there = DynamoLedger(client, table="ledger-restored", bodies=bodies)
    assert there.get(id_).state is OperationState.UNKNOWN
    assert there.unsettled(ELM_STREET.id) == [id_]
    assert ledger.get(id_).state is OperationState.QUEUED

    after_restore.main(["settle", id_, "--was-done"])
    assert there.get(id_).state is OperationState.SUCCEEDED


def test_what_is_not_unknown_cannot_be_settled(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = DynamoLedger(client, table="ledger", bodies=make_bodies(), outbox="records")
    request = Request("appointments.create", ELM_STREET.id, "cli_a", {}, idempotency_key="k" * 16, body_hash="h")
    id_ = ledger.open(request, now=datetime.now(UTC)).operation.id
    with pytest.raises(SystemExit):
        after_restore.main(["settle", id_, "--was-done"])

    assert "the operation is queued" in capsys.readouterr().err


def test_a_stage_is_enough_from_the_backup_to_the_next_deployment(
    client: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ssm = boto3.client("ssm", region_name=REGION)
    for name in TABLES:
        arn = client.describe_table(TableName=name)["Table"]["TableArn"]
        ssm.put_parameter(Name=f"/open-dental-gateway/prod/data/tables/{name}", Value=arn, Type="String")
    for name in (*SAID, "STAGE", "VAULT_PREFIX"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    def told(*said: str) -> str:
        for name in (*SAID, "STAGE"):  # Each command is a process of its own.
            monkeypatch.delenv(name, raising=False)
        worker.use(None)
        after_restore.main([*said, "--stage", "prod"])
        return capsys.readouterr().out

    def named(path: str) -> str:
        return ssm.get_parameter(Name=f"/open-dental-gateway/prod/data/tables/{path}")["Parameter"]["Value"]

    told("tables", "--at", datetime.now(UTC).isoformat())
    told("complete")
    assert "in ledger-restored" in told("check", "--suffix", "restored")
    assert "4 tables would be named" in told("use")
    assert named("ledger").endswith(":table/ledger")
    told("use", "--yes")
    assert named("ledger").endswith(":table/ledger-restored")
    assert "/ledger-restored/stream/" not in named("records/stream") and "/records-restored/" in named("records/stream")


@pytest.mark.parametrize("verb", [("complete",), ("tables", "--at", "2026-11-18T12:00:00Z")])
def test_no_table_by_name_is_no_success(
    client: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: tuple[str, ...]
) -> None:
    for name in SAID:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit) as ended:
        after_restore.main(verb)

    assert (ended.value.code, "no table is named" in capsys.readouterr().err) == (1, True)


@pytest.mark.parametrize("at", ["2026-11-18T12:00:00", "yesterday", ""])
def test_a_moment_without_a_zone_or_none_at_all_is_refused_in_words(
    client: Any, capsys: pytest.CaptureFixture[str], at: str
) -> None:
    with pytest.raises(SystemExit):
        after_restore.main(["tables", "--at", at])

    assert "a moment with its zone, such as" in capsys.readouterr().err


def test_only_practices_are_found_in_their_table(client: Any) -> None:
    practices = DynamoPractices(client, table="practices")
    practices.put(ELM_STREET)
    practices.claim_fingerprint("f" * 32, ELM_STREET.id)
    for beside in ("baa#000001", "drift", "odd#a#b#c", "group"):
        key = {"pk": {"S": f"practice#{ELM_STREET.id}"}, "sk": {"S": beside}}
        client.put_item(TableName="practices", Item=key)

    assert list(restoring.practice_ids(client, table="practices")) == [ELM_STREET.id]
