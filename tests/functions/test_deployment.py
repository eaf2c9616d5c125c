"""The functions over their real adapters: from an operator's command to a patient, with AWS played by moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from functions.authenticate.handler import lambda_handler as authenticate
from functions.authorizer.handler import lambda_handler as authorizer
from functions.operations.handler import lambda_handler as operations
from functions.patients.handler import lambda_handler as patients
from functions.session.handler import lambda_handler as session
from functions.upstream_worker.handler import lambda_handler as upstream_worker
from gateway.core.ids import row_id
from gateway.wiring import clients, worker
from gateway.wiring.clients import enrol
from gateway.wiring.services import Services, using
from tests.fakes.gateway_events import Context, event, read
from tests.fakes.office import FakePractice
from tests.fakes.services import FakeClock
from tests.functions.test_events import event_of

ENVIRONMENT = {
    "STAGE": "sandbox",
    "VAULT_PREFIX": "open-dental-gateway/sandbox/practices/",
    "BODIES_BUCKET": "bodies",
    "OPEN_ENROLMENT": "false",
    "CLIENT_REQUESTS_PER_MINUTE": "6000",
    "BASE_URL_ALLOW": "http://127.0.0.1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}
TABLES = ("callers", "practices", "pace", "ledger", "cache", "records", "audit")
BODY = {
    "developer_key": "FakeDeveloperKey",
    "customer_key": "FakeCustomerKey0",
    "time_zone": "America/Chicago",
    # Without a throttle, so that the test need not wait for slots.
    "mode": "service",
    "base_url": "http://127.0.0.1:4010/api/v1",
}


class NoWait(FakeClock):
    """The machine's time; nobody waits in it."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Upstream:
    """An office whose keys are not looked at; what is sent to it is."""

    def __init__(self, office: FakePractice) -> None:
        self.send = office.send

    def close(self) -> None:
        pass


class Deployment:
    """What is there once a stage is deployed."""

    def __init__(self, on: Services, office: FakePractice, queue_url: str) -> None:
        self.on, self.office, self.queue_url = on, office, queue_url
        self.sqs = boto3.client("sqs")

    def work(self) -> int:
        """Hand waiting turns to the worker, as the event source mapping does; returns how many there were."""
        messages = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            record = {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "eventSource": "aws:sqs",
            }
            if upstream_worker({"Records": [record]}, Context()) == {"batchItemFailures": []}:
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return len(messages)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        for name in TABLES:
            monkeypatch.setenv(f"{name.upper()}_TABLE", name)
            boto3.client("dynamodb").create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
                BillingMode="PAY_PER_REQUEST",
            )
        boto3.client("s3").create_bucket(Bucket="bodies")
        secret = boto3.client("secretsmanager").create_secret(Name="hmac", SecretString="a test's own key")
        monkeypatch.setenv("HMAC_SECRET_ARN", secret["ARN"])
        queue = boto3.client("sqs").create_queue(QueueName="calls.fifo", Attributes={"FifoQueue": "true"})
        monkeypatch.setenv("CALLS_QUEUE_URL", queue["QueueUrl"])
        office = FakePractice(NoWait(), execution_s=0)
        office.permissions = {"ApiReadAll": True, "ApiPatients": True}
        office.rows["preferences"] = [{"PrefName": "ProgramVersion", "ValueString": "25.3.12.0"}]
        office.add("patients", LName="Marker", FName="Zoe", PatStatus="Patient", Birthdate="1980-02-29")
        on, workers = Services(), worker.WorkerServices()
        monkeypatch.setattr(workers, "upstream", Upstream(office))
        worker.use(workers)
        with using(on):
            yield Deployment(on, office, queue["QueueUrl"])
        worker.use(None)


def test_from_an_operators_command_to_a_patient_and_out(stage: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    clients.main(["enrol", "--name", "Scheduling", "--scopes", "*:read,practices:connect"])
    client_id, key = (line.split()[1] for line in capsys.readouterr().out.splitlines()[:2])
    bearer = {"Authorization": f"Bearer {key}"}
    ask = event("POST", "/authenticate", headers={**bearer, "Prefer": "respond-async"}, body=BODY, client_id=None)

    started = authenticate(ask, Context())
    assert started["statusCode"] == 202, started["body"]
    assert stage.work() == 1
    done = read(operations(
        event("GET", "/operations/{id}", params={"id": read(started)["id"]}, client_id=client_id), Context()
    ))  # fmt: skip
    opened = authenticate(ask, Context())
    assert (done["state"], opened["statusCode"]) == ("succeeded", 200), (done, opened["body"])
    practice, token = read(opened)["practice"], read(opened)["access_token"]
    assert (practice["version"], practice["permissions"]) == ("25.3.12.0", ["Patients", "ReadAll"])

    arrives = event_of("authorizer/known_token") | {"headers": {"AUTHORIZATION": f"Bearer {token}"}}
    caller = authorizer(arrives, None)["context"]["client_id"]
    search = event("POST", "/patients/search", body={"name": "Marker"}, headers={"Prefer": "wait=0"}, client_id=caller)
    first = patients(search, Context())
    assert (first["statusCode"], stage.work()) == (202, 1)
    found = read(patients(search, Context()))
    assert [one["name"]["last"] for one in found["data"]] == ["Marker"]
    assert found["data"][0]["id"] == row_id("patient", practice["id"], stage.office.rows["patients"][0]["PatNum"])
    assert (found["meta"]["served_from"], found["meta"]["practice_id"]) == ("cache", practice["id"])

    leave = event("DELETE", "/session", headers={"Authorization": f"Bearer {token}"}, client_id=None)
    assert [session(leave, Context())["statusCode"] for _ in range(2)] == [204, 204]
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer(arrives, None)


def test_no_key_and_no_patient_lies_in_a_table_or_a_message_in_clear(stage: Deployment) -> None:
    key = enrol(stage.on.callers, name="Scheduling", scopes=("*:read", "practices:connect"))
    headers = {"Authorization": f"Bearer {key}", "Prefer": "respond-async"}
    authenticate(event("POST", "/authenticate", headers=headers, body=BODY, client_id=None), Context())
    peeked = stage.sqs.receive_message(QueueUrl=stage.queue_url, VisibilityTimeout=0)
    stage.work()
    dynamodb: Any = boto3.client("dynamodb")
    kept: dict[str, Any] = {name: dynamodb.scan(TableName=name)["Items"] for name in TABLES}
    text = json.dumps([peeked["Messages"], kept], default=repr)

    assert "odg_test_" not in text and "Fake" not in text
    # Where somebody came from is the trail's to say, and nobody else's.
    assert "203.0.113.7" in json.dumps(kept.pop("audit"), default=repr)
    assert "203.0.113.7" not in json.dumps([peeked["Messages"], kept], default=repr)


def test_a_port_whose_variable_is_missing_says_which(stage: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VAULT_PREFIX")

    with pytest.raises(KeyError, match="VAULT_PREFIX"):
        _ = Services().vault
