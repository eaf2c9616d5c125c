"""What a removed stage leaves behind goes, but what the law keeps and what is another stage's."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from gateway.wiring import remove
from tests.contract.conftest import REGION

DATA = "open-dental-gateway-prod-data-"
MINE = [f"{DATA}LedgerTable1A2B-x", f"{DATA}PracticesTable1A2B-x-restored"]
KEPT = [f"{DATA}AuditIndexTable1A2B-x", f"{DATA}AuditTable1A2B-x"]
OTHERS = ["open-dental-gateway-dev-data-LedgerTable1A2B-x", "somebody-else"]


class Stacks:
    """CloudFormation, as far as it says which stacks there are: moto's asks for packages that nobody else needs."""

    def __init__(self) -> None:
        self.there: set[str] = set()

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        if StackName not in self.there:
            said: Any = {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}
            raise ClientError({"Error": said}, "DescribeStacks")
        return {"Stacks": [{"StackName": StackName}]}


@pytest.fixture
def clients(aws: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("STAGE", "prod")
    services: Any = ("dynamodb", "s3", "secretsmanager")
    made: dict[str, Any] = {name: boto3.client(name, region_name=REGION) for name in services}
    stacks, create = Stacks(), Session.create_client

    def create_client(session: Session, name: str, *more: Any, **options: Any) -> Any:
        return stacks if name == "cloudformation" else create(session, name, *more, **options)

    monkeypatch.setattr(Session, "create_client", create_client)
    made["cloudformation"] = stacks
    for name in (*MINE, *KEPT, *OTHERS):
        made["dynamodb"].create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            DeletionProtectionEnabled=True,
        )
    for name in (f"{DATA}bodies1a2b-x", f"{DATA}auditarchive1a2b-x", "somebody-else"):
        made["s3"].create_bucket(Bucket=name)
        made["s3"].put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        for _ in range(2):
            made["s3"].put_object(Bucket=name, Key="a", Body=b"1")
        made["s3"].delete_object(Bucket=name, Key="a")
    tags = [{"Key": "application", "Value": "open-dental-gateway"}, {"Key": "stage", "Value": "prod"}]
    for name, more in (
        ("open-dental-gateway/prod/practices/prac_a", []),
        ("SigningSecret1A2B-x", tags),
        ("open-dental-gateway/dev/practices/prac_a", []),
        ("SigningSecret3C4D-x", [tags[0], {"Key": "stage", "Value": "dev"}]),
    ):
        made["secretsmanager"].create_secret(Name=name, SecretString="{}", Tags=more)
    return made


def left(clients: dict[str, Any]) -> tuple[set[str], set[str], set[str]]:
    tables = set(clients["dynamodb"].list_tables()["TableNames"])
    buckets = {one["Name"] for one in clients["s3"].list_buckets()["Buckets"]}
    return tables, buckets, {one["Name"] for one in clients["secretsmanager"].list_secrets()["SecretList"]}


def test_nothing_goes_unless_the_stage_is_named(clients: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    before = left(clients)
    remove.main([])
    with pytest.raises(SystemExit):
        remove.main(["--confirm", "dev"])

    assert left(clients) == before
    assert "2 secrets, 2 tables, 1 buckets would be deleted" in capsys.readouterr().out


def test_nothing_goes_while_the_stage_is_deployed(clients: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever says the name of the wrong stage has its data gone, protected or not."""
    stacks: Stacks = clients["cloudformation"]
    stacks.there.add("open-dental-gateway-prod-data")
    before = left(clients)
    with pytest.raises(SystemExit):
        remove.main(["--confirm", "prod"])

    assert left(clients) == before
    assert "cdk destroy comes first" in capsys.readouterr().err
    stacks.there.clear()
    remove.main(["--confirm", "prod"])
    assert left(clients) != before


def test_keys_tables_and_bodies_go_and_the_audit_trail_and_other_stages_stay(clients: dict[str, Any]) -> None:
    remove.main(["--confirm", "prod"])

    assert left(clients) == (
        {*KEPT, *OTHERS},
        {f"{DATA}auditarchive1a2b-x", "somebody-else"},
        {"open-dental-gateway/dev/practices/prac_a", "SigningSecret3C4D-x"},
    )


def test_doing_it_again_finds_nothing(clients: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        remove.main(["--confirm", "prod"])

    assert "0 secrets, 0 tables, 0 buckets deleted" in capsys.readouterr().out


def test_a_stage_that_is_not_there_is_no_success(
    clients: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STAGE")
    with pytest.raises(SystemExit) as ended:
        remove.main(["--stage", "prd"])

    assert (ended.value.code, capsys.readouterr().err) == (1, f"nothing is left of a stage prd in {REGION}\n")
