"""A practice that leaves takes all with it but its tombstone, its agreements and the audit trail, and nothing else.

Every table of the deployment is compared with what it was before."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import boto3
import pytest

from gateway.adapters.erasing import AwsEraser
from gateway.adapters.ledger import DynamoLedger
from gateway.core.authenticate import own_client_id
from gateway.core.callers import Client, ClientKind
from gateway.core.groups.records import Agreement, Group
from gateway.core.ids import new_id
from gateway.core.onboarding.records import Onboarding
from gateway.core.operations import Request
from gateway.core.ports import Keys
from gateway.core.practices import Baa
from gateway.core.removal.kinds import ERASED
from gateway.core.removal.kinds import STAYS as STAYING
from gateway.wiring import erasing, remove
from gateway.wiring.erasing import ErasingServices
from infra.catalogue import TABLES as ROWS
from tests.contract.conftest import BUCKET, REGION, make_bodies, make_deployed_table
from tests.fakes.services import ELM_STREET

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
GOES, STAYS = "prac_aaaaaaaaaaaaaaaa", "prac_bbbbbbbbbbbbbbbb"
TABLES = tuple(row.name for row in ROWS)
ARCHIVE = "test-archive"
CLOSED = Baa("BAA-1", "Ada Example", date(2025, 1, 1), closed_at=NOW)

OF_A_PRACTICE: dict[str, list[tuple[str, str]]] = {
    "records": [
        ("row#{}#patients", "0"), ("part#{}#documents", "0"), ("way#{}#patients", "0"), ("fresh#{}#patients", "0"),
        ("kept#{}", "patients"), ("whole#{}", "a"), ("row#{}#practice", "capabilities"),
    ],
    "events": [("event#{}", "evt_a"), ("told#{}", "patients#1")],
    "cache": [("rows#{}#a", "rows"), ("rows#{}", "wrote")],
    "holds": [("holds#{}", "2026-03-02#chair#1")],
    "audiences": [("audiences#{}", "audn_a"), ("people#{}#audn_a", "1")],
    "intakes": [("intakes#{}", "7")],
    "ledger": [("claim#{}#commlogs", "1"), ("twin#{}#a", "twin"), ("notice#{}", "a")],
    "practices": [("practice#{}", "drift"), ("practice#{}", "odd#a#new#b"), ("rotations#{}", "rotations")],
    "pace": [("trouble#offline", "{}"), ("doubted", "{}")],
    "audit": [("audit#{}", "0"), ("once#{}", "a")],
}  # fmt: skip
"""Partitions as the adapters' docstrings have them."""


@cache
def _client(service: str) -> Any:
    make: Any = boto3.client
    return make(service, region_name=REGION)


def _put(table: str, pk: str, sk: str, **more: Any) -> None:
    _client("dynamodb").put_item(TableName=table, Item={"pk": {"S": pk}, "sk": {"S": sk}, **more})


@pytest.fixture
def stage(aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ErasingServices]:
    for name in TABLES:
        client = make_deployed_table(name)
        monkeypatch.setenv(f"{name.upper()}_TABLE", name)
    secret = _client("secretsmanager").create_secret(Name="signing", SecretString="x" * 32)
    for name, value in (
        ("BODIES_BUCKET", BUCKET),
        ("AUDIT_ARCHIVE_BUCKET", ARCHIVE),
        ("HMAC_SECRET_ARN", secret["ARN"]),
        ("STAGE", "prod"),
        ("VAULT_PREFIX", "open-dental-gateway/prod/practices"),
    ):
        monkeypatch.setenv(name, value)
    s3 = _client("s3")
    s3.create_bucket(Bucket=ARCHIVE)
    on, bodies = ErasingServices(), make_bodies()
    ledger = DynamoLedger(client, table="ledger", bodies=bodies, outbox="records")
    both = frozenset({GOES, STAYS})
    on.callers.put_client(Client("cli_product", "Product", both, frozenset({"*:read"})))
    on.callers.put_client(Client("cli_operator", "Op", both, frozenset({"audit:read"}), ClientKind.OPERATOR))
    third = "prac_cccccccccccccccc"
    on.groups.make(Group(new_id("group"), "G", both | {third}, Agreement("r"), "cli_operator", NOW, NOW, "b"))
    for number, id_ in enumerate((GOES, STAYS)):
        on.practices.put(replace(ELM_STREET, id=id_, key_fingerprint=f"f{number}", baa=CLOSED))
        on.practices.claim_fingerprint(f"f{number}", id_)
        onboarding = Onboarding(new_id("onboarding"), id_, "cli_product", f"asked{number}", "c", "f", "s", NOW, "")
        on.onboardings.save(onboarding)
        on.practices.claim_fingerprint(on.signer.fingerprint(f"key of {onboarding.id}"), f"asked{number}")
        on.vault.put_pending(id_, Keys(developer="TESTdev", customer=f"TESTcus{number}"))
        on.vault.promote(id_)
        on.paces.switch(id_, killed=True, by="cli_operator", at=NOW)
        on.callers.put_client(Client(own_client_id(id_), "Own", frozenset({id_}), frozenset({"*:read"})))
        long = {"note": [hashlib.sha256(b"%d" % one).hexdigest() for one in range(12_000)]}
        request = Request("communications.create", id_, "cli_a", long, idempotency_key=f"{number}" * 16, body_hash="h")
        operation = ledger.open(request, now=NOW).operation
        _put("ledger", f"op#{operation.id}", "step#a")
        s3.put_object(Bucket=BUCKET, Key=f"{id_}/answers/a", Body=b"x")
        s3.put_object(Bucket=BUCKET, Key=f"hooks/{id_}/0000000000000000-a", Body=b"x")
        for table, keys in OF_A_PRACTICE.items():
            for pk, sk in keys:
                _put(table, pk.format(id_), sk.format(id_))
        _put("audit_index", f"patient#pat_{id_[5:]}", "0")
        _put("webhooks", f"delivery#whk_{number}", "evt_a", body={"S": json.dumps({"practice_id": id_})})
        _put("runs", f"run#wfr_{number}", "run", made_for={"S": id_}, made_place={"S": "0"})
        _put("runs", f"run#wfr_{number}", "step#Book")
        _put("callers", f"token#{number}", "token", proven_for={"S": id_}, client_id={"S": "cli_x"})
        _put("holds", f"hold#hld_{number}", "hold", practice_id={"S": id_})
    yield on


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every item of every table."""
    client = _client("dynamodb")
    return {name: client.scan(TableName=name)["Items"] for name in TABLES}


def naming(id_: str, found: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Those that say the practice's id anywhere."""
    named = {name: [one for one in items if id_[5:] in str(one)] for name, items in found.items()}
    return {name: items for name, items in named.items() if items}


def objects(id_: str) -> list[str]:
    found = _client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [one["Key"] for one in found if id_ in one["Key"]]


def secrets_of(id_: str) -> list[str]:
    found = _client("secretsmanager").list_secrets()["SecretList"]
    return [one["Name"] for one in found if id_ in one["Name"]]


def test_every_table_is_named_by_what_is_erased_or_by_what_stays() -> None:
    """Who adds a table says what becomes of it when a practice leaves."""
    erased = {table for kind in ERASED for table in kind.tables}

    assert erased | {table for one in STAYING for table in one.tables} == set(TABLES)
    assert set(erasing.TABLES) == erased


def test_it_is_counted_and_nothing_goes_unless_that_is_meant(
    stage: ErasingServices, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything()
    remove.main(["practice", GOES])

    assert everything() == before
    out = capsys.readouterr().out
    assert "would be deleted with --yes" in out
    assert "records 7" in out
    assert "1 operations have not settled" in out


def test_all_goes_but_the_tombstone_its_agreements_and_the_audit_trail(
    stage: ErasingServices, capsys: pytest.CaptureFixture[str]
) -> None:
    before = everything()
    assert set(naming(GOES, before)) == set(TABLES)
    remove.main(["practice", GOES, "--yes"])

    after = everything()
    left = naming(GOES, after)
    assert {name: sorted(one["sk"]["S"] for one in items) for name, items in left.items()} == {
        "practices": ["baa#1", "practice", "removal"] if len(left["practices"]) == 3 else ["practice", "removal"],
        "callers": ["client"],
        "audit": ["0", "a"],
        "audit_index": ["0"],
    }
    assert left["callers"][0]["pk"]["S"] == "client#cli_operator"
    assert (objects(GOES), secrets_of(GOES)) == ([], [])
    assert stage.practices.by_fingerprint("f0") is None
    # No key, no name, no address, and not how the key of a request was kept.
    kept = str(left["practices"]) + str(left["callers"])
    assert not [one for one in ("TESTcus0", "Elm Street", "asked0") if one in kept]
    assert not [one for one in after["practices"] if "asked0" in str(one)]
    assert stage.callers.client(own_client_id(GOES)).revoked_at is not None
    told = json.loads(capsys.readouterr().out)
    assert {one["kind"]: one["count"] > 0 for one in told["certificate"]["erased"]} == {
        kind.name: True for kind in ERASED
    }
    assert told["certificate"]["keys"]["deleted_at"] is not None
    archived = _client("s3").get_object(Bucket=ARCHIVE, Key=f"erasure/{GOES}/{told['certificate']['id']}.json.gz")
    assert json.loads(gzip.decompress(archived["Body"].read()))["signature"] == told["signature"]


def test_nothing_of_another_practice_is_touched(stage: ErasingServices) -> None:
    def own(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
        named = naming(STAYS, found)
        # What is of both goes on without the one.
        return {name: [one for one in items if GOES not in str(one)] for name, items in named.items()}

    before, objects_before = own(everything()), objects(STAYS)
    remove.main(["practice", GOES, "--yes"])
    after = own(everything())

    for name, items in before.items():
        assert [one for one in items if one not in after[name]] == [], name
    assert (objects(STAYS), len(secrets_of(STAYS))) == (objects_before, 1)
    group = stage.groups.of(STAYS)
    assert group is not None
    assert group.practices == {STAYS, "prac_cccccccccccccccc"}
    assert stage.callers.client("cli_product").practices == {STAYS}


def test_what_is_stopped_after_each_page_goes_on_where_it_was(stage: ErasingServices) -> None:
    """A ledger of months takes more than one invocation."""
    eraser = AwsEraser(
        dynamodb=stage._dynamodb,
        s3=stage._s3,
        secretsmanager=stage._secrets_manager,
        tables={name: name for name in TABLES},
        bucket=BUCKET,
        prefix="open-dental-gateway/prod/practices",
        page=3,
    )
    for kind in ERASED:
        erased, count = eraser.erase(GOES, kind.name, after=None, keep="", most_s=0.0), 0
        while erased.after is not None:
            count += erased.count
            assert count < 100
            erased = eraser.erase(GOES, kind.name, after=erased.after, keep="", most_s=0.0)
        assert count + erased.count > 0, kind
        assert eraser.erase(GOES, kind.name, after=None, keep="", most_s=60.0).count == 0
    assert set(naming(GOES, everything())) == {"practices", "callers", "audit", "audit_index"}


def test_a_removal_that_was_begun_is_gone_on_with_and_may_be_said_again(
    stage: ErasingServices, capsys: pytest.CaptureFixture[str]
) -> None:
    remove.main(["practice", GOES, "--yes"])
    first = capsys.readouterr().out
    remove.main(["practice", GOES, "--yes"])

    assert capsys.readouterr().out == first


def test_the_run_that_removes_stays(stage: ErasingServices) -> None:
    eraser = stage.eraser
    _put("runs", "run#wfr_own", "run", made_for={"S": GOES}, made_place={"S": "1"})
    eraser.erase(GOES, "runs", after=None, keep="wfr_own", most_s=60.0)

    assert {one["pk"]["S"] for one in everything()["runs"]} == {"run#wfr_own", "run#wfr_1"}


def test_a_practice_that_nobody_knows_is_an_error(stage: ErasingServices) -> None:
    for more in ([], ["--yes"]):
        with pytest.raises(SystemExit) as ended:
            remove.main(["practice", "prac_cccccccccccccccc", *more])
        assert ended.value.code == 1
