"""A command that is told the stage finds what its environment does not name, and only that."""

from __future__ import annotations

import argparse
import os
from typing import Any

import boto3
import pytest

from gateway.wiring.stage import add_stage, look_up
from tests.contract.conftest import REGION

ARN = f"arn:aws:dynamodb:{REGION}:111122223333:table/"
PUBLISHED = {
    **{f"data/tables/{name}": f"{ARN}prod-{name}" for name in ("callers", "ledger", "audit_index")},
    "data/tables/audit_index/stream": f"{ARN}prod-audit_index/stream/2026-03-02T12:00:00.000",
    **{f"core/queues/calls-{number}/url": "https://sqs.example" for number in range(12)},
    "data/bodies/name": "prod-bodies",
    "data/keys/records": "arn:aws:kms:us-east-1:111122223333:key/a",
}
SET = {
    "STAGE": "prod",
    "VAULT_PREFIX": "open-dental-gateway/prod/practices",
    "VAULT_KEY_ARN": "arn:aws:kms:us-east-1:111122223333:key/a",
    "CALLERS_TABLE": "prod-callers",
    "LEDGER_TABLE": "prod-ledger",
    "AUDIT_INDEX_TABLE": "prod-audit_index",
    "BODIES_BUCKET": "prod-bodies",
}


@pytest.fixture
def ssm(aws: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in SET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    client = boto3.client("ssm", region_name=REGION)
    for path, value in PUBLISHED.items():
        client.put_parameter(Name=f"/open-dental-gateway/prod/{path}", Value=value, Type="String")
    return client


def looked_up(*said: str) -> None:
    parser = argparse.ArgumentParser()
    verb = parser.add_subparsers(dest="verb").add_parser("list")
    add_stage(parser, verb)
    look_up(parser.parse_args(said), parser)


@pytest.mark.parametrize("said", [("--stage", "prod", "list"), ("list", "--stage", "prod")])
def test_all_names_are_found_by_the_stages_name_alone(ssm: Any, said: tuple[str, ...]) -> None:
    looked_up(*said)

    assert {name: os.environ.get(name) for name in SET} == SET
    assert not any(name.endswith("STREAM_TABLE") for name in os.environ)


def test_what_the_environment_names_stays_and_is_told(
    ssm: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEDGER_TABLE", "restored")
    looked_up("list", "--stage", "prod")

    assert (os.environ["LEDGER_TABLE"], os.environ["CALLERS_TABLE"]) == ("restored", "prod-callers")
    assert capsys.readouterr().err == "LEDGER_TABLE is the environment's, not that of prod\n"


def test_another_stage_than_the_environments_is_refused(
    ssm: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STAGE", "dev")
    with pytest.raises(SystemExit) as ended:
        looked_up("list", "--stage", "prod")

    assert (ended.value.code, "STAGE is dev" in capsys.readouterr().err) == (2, True)
    assert "LEDGER_TABLE" not in os.environ


def test_a_stage_that_is_not_there_is_said_with_the_region(ssm: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        looked_up("list", "--stage", "prd")

    assert (ended.value.code, capsys.readouterr().err) == (1, f"there is no stage prd in {REGION}\n")
    assert "STAGE" not in os.environ


def test_without_a_stage_nothing_is_looked_up(ssm: Any) -> None:
    looked_up("list")

    assert not SET.keys() & os.environ.keys()
