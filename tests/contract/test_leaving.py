"""A practice that leaves takes all with it but its record, its agreements and the audit trail, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import boto3
import pytest

from gateway.adapters.ledger import DynamoLedger
from gateway.core.operations import Request
from gateway.core.ports import Keys
from gateway.core.practices import Baa
from gateway.wiring import remove
from gateway.wiring.services import Services
from tests.contract.conftest import BUCKET, REGION, make_bodies, make_deployed_table
from tests.fakes.services import ELM_STREET

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
GOES, STAYS = "prac_aaaaaaaaaaaaaaaa", "prac_bbbbbbbbbbbbbbbb"
TABLES = (
    "records",
    "events",
    "cache",
    "holds",
    "exports",
    "ledger",
    "practices",
    "pace",
    "messages",
    "audit",
    "audit_index",
)
EXPORTS = "test-exports"
CLOSED = Baa("BAA-1", "Ada Example", date(2025, 1, 1), closed_at=NOW)

OF_A_PRACTICE = {
    "records": [
        ("row#{}#patients", "0"), ("part#{}#documents", "0"), ("way#{}#patients", "0"), ("fresh#{}#patients", "0"),
        ("kept#{}", "patients"), ("whole#{}", "a"), ("sync#{}", "practice"), ("row#{}#practice", "capabilities"),
    ],
    "events": [("event#{}", "evt_a"), ("told#{}", "patients#1")],
    "cache": [("rows#{}#a", "rows"), ("rows#{}", "wrote")],
    "holds": [("holds#{}", "2026-03-02#chair#1")],
    "ledger": [("unsettled#{}", "opn_a"), ("claim#{}#commlogs", "1"), ("twin#{}#a", "twin"), ("notice#{}", "a")],
    "practices": [("practice#{}", "drift"), ("practice#{}", "odd#a#new#b"), ("rotations#{}", "rotations")],
    "exports": [("marks#{}", "claims"), ("kept_up", "{}"), ("run#exp_a", "at#{}#claims")],
    "audit": [("audit#{}", "0"), ("once#{}", "a")],
}  # fmt: skip
"""Partitions as the adapters' docstrings have them."""


@pytest.fixture
def stage(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    for name in TABLES:
        client = make_deployed_table(name)
        monkeypatch.setenv(f"{name.upper()}_TABLE", name)
    for name, value in (
        ("BODIES_BUCKET", BUCKET),
        ("EXPORTS_BUCKET", EXPORTS),
        ("STAGE", "prod"),
        ("VAULT_PREFIX", "open-dental-gateway/prod/practices"),
    ):
        monkeypatch.setenv(name, value)
    on, bodies = Services(), make_bodies()
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket=EXPORTS)
    s3.put_object(Bucket=EXPORTS, Key="published/exp_a.json", Body=b"x")
    ledger = DynamoLedger(client, table="ledger", bodies=bodies, outbox="records")
    for number, id_ in enumerate((GOES, STAYS)):
        on.practices.put(replace(ELM_STREET, id=id_, key_fingerprint=f"f{number}", baa=CLOSED))
        on.practices.claim_fingerprint(f"f{number}", id_)
        on.vault.put_pending(id_, Keys(developer="TESTdev", customer=f"TESTcus{number}"))
        on.vault.promote(id_)
        on.paces.switch(id_, killed=True, by="cli_operator", at=NOW)
        long = {"note": [hashlib.sha256(b"%d" % one).hexdigest() for one in range(12_000)]}
        request = Request("communications.create", id_, "cli_a", long, idempotency_key=f"{number}" * 16, body_hash="h")
        ledger.open(request, now=NOW)
        for table, keys in OF_A_PRACTICE.items():
            for pk, sk in keys:
                item = {"pk": {"S": pk.format(id_)}, "sk": {"S": sk.format(id_)}}
                item |= {"practice_id": {"S": id_}} if table == "exports" else {}
                client.put_item(TableName=table, Item=item)
        for kind in ("data", "jsonl"):
            key = f"{kind}/object=claims/date=2026-03-01/practice_id={id_}/run_id=exp_a/part-00000.parquet"
            s3.put_object(Bucket=EXPORTS, Key=key, Body=b"x")
        s3.put_object(Bucket=EXPORTS, Key=f"staged/run_id=exp_a/practice_id={id_}.json", Body=b"x")
        client.put_item(TableName="audit_index", Item={"pk": {"S": f"patient#pat_{id_[5:]}"}, "sk": {"S": "0"}})
    yield on


def kept_of(id_: str) -> tuple[dict[str, int], int, bool]:
    """How many items of each table say the practice's id anywhere, how many long bodies there are, and its secret."""
    client, s3 = boto3.client("dynamodb", region_name=REGION), boto3.client("s3", region_name=REGION)
    items = {name: client.scan(TableName=name)["Items"] for name in TABLES}
    counts = {name: sum(id_[5:] in str(one) for one in found) for name, found in items.items()}
    secrets = boto3.client("secretsmanager", region_name=REGION).list_secrets()["SecretList"]
    return (
        counts,
        len(s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])),
        any(id_ in one["Name"] for one in secrets),
    )


def test_it_is_counted_and_nothing_goes_unless_that_is_meant(
    stage: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    before = kept_of(GOES)
    remove.main(["practice", GOES])

    assert kept_of(GOES) == before
    out = capsys.readouterr().out
    assert (
        "would be deleted with --yes" in out
        and "records 8" in out
        and "1 long bodies" in out
        and "1 operations have not settled" in out
    )


def test_all_goes_but_the_record_its_agreements_and_the_audit_trail(stage: Services) -> None:
    before = kept_of(STAYS)
    remove.main(["practice", GOES, "--yes"])

    counts, bodies, has_secret = kept_of(GOES)
    # Its record, and that its calls are stopped.
    assert {name: count for name, count in counts.items() if count} == {
        "practices": 1, "pace": 1, "audit": 2, "audit_index": 1,
    }  # fmt: skip
    assert (bodies, has_secret) == (1, False)
    assert stage.practices.by_fingerprint("f0") is None
    exported = boto3.client("s3", region_name=REGION).list_objects_v2(Bucket=EXPORTS)["Contents"]
    assert sorted(GOES in one["Key"] for one in exported) == [False] * 4
    after = kept_of(STAYS)
    assert (after[0], after[2]) == (before[0], before[2])
    remove.main(["practice", GOES, "--yes"])


@pytest.mark.parametrize("lacks", ["closed", "stopped"])
def test_a_practice_in_use_stays(lacks: str, stage: Services, capsys: pytest.CaptureFixture[str]) -> None:
    if lacks == "closed":
        stage.practices.put(replace(stage.practices.get(GOES), baa=replace(CLOSED, closed_at=None)))
    else:
        stage.paces.switch(GOES, killed=False, by="cli_operator", at=NOW)
    before = kept_of(GOES)
    with pytest.raises(SystemExit) as ended:
        remove.main(["practice", GOES, "--yes"])

    assert (ended.value.code, kept_of(GOES)) == (1, before)
    assert ("agreement" if lacks == "closed" else "calls") in capsys.readouterr().err


def test_a_practice_that_nobody_knows_is_an_error(stage: Services) -> None:
    with pytest.raises(SystemExit) as ended:
        remove.main(["practice", "prac_cccccccccccccccc"])
    assert ended.value.code == 1
