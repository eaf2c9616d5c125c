"""Tables come back under names of their own, with what a backup does not keep; the command says counts alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.adapters import restoring
from gateway.adapters.ledger import DynamoLedger
from gateway.adapters.practices import DynamoPractices
from gateway.core.operations import OperationState, Request
from gateway.wiring import after_restore, worker
from tests.contract.conftest import BUCKET, make_bodies, make_deployed_table
from tests.fakes.services import ELM_STREET

TABLES = ("ledger", "pace", "practices", "records")


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

    after_restore.main(["tables", "--at", now.isoformat()])
    after_restore.main(["complete"])
    for name in TABLES:
        assert restoring.is_there(client, f"{name}-restored")
        lives = client.describe_time_to_live(TableName=f"{name}-restored")["TimeToLiveDescription"]
        assert lives["TimeToLiveStatus"] == "ENABLED"
        monkeypatch.setenv(f"{name.upper()}_TABLE", f"{name}-restored")
    stream = client.describe_table(TableName="records-restored")["Table"]["StreamSpecification"]
    assert stream == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    worker.use(None)
    after_restore.main(["check"])

    out = capsys.readouterr().out
    assert "1 practices, 0 mirrors" in out and "1 writes are yours to settle" in out
    assert "prac_" not in out and "opn_" not in out
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


def test_a_moment_without_a_zone_is_refused(client: Any) -> None:
    with pytest.raises(SystemExit):
        after_restore.main(["tables", "--at", "2026-11-18T12:00:00"])


def test_only_practices_are_found_in_their_table(client: Any) -> None:
    practices = DynamoPractices(client, table="practices")
    practices.put(ELM_STREET)
    practices.claim_fingerprint("f" * 32, ELM_STREET.id)

    assert list(restoring.practice_ids(client, table="practices")) == [ELM_STREET.id]
