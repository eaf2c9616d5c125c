"""Who is woken, and by what."""

from __future__ import annotations

import ast
import json
import re
from importlib import import_module

import pytest

from gateway.wiring import deliverer, worker
from infra.alarms import ALARMS, AlarmRow
from infra.bundling import ROOT
from infra.catalogue import FUNCTIONS
from infra.parts.dashboard import FLEET
from tests.fakes.gateway_events import Context
from tests.fakes.services import FakeServices
from tests.infra.templates import Assembly, mentioned


def test_every_row_is_an_alarm_that_calls_somebody(assembly: Assembly) -> None:
    alarms = [alarm["Properties"] for _, _, alarm in assembly.resources("AWS::CloudWatch::Alarm")]
    ((_, topic, _),) = (
        entry
        for entry in assembly.resources("AWS::SNS::Topic")
        if any(entry[1] in mentioned(alarm["AlarmActions"]) for alarm in alarms)
    )
    mails = [
        subscription["Properties"]["Endpoint"]
        for _, _, subscription in assembly.resources("AWS::SNS::Subscription")
        if subscription["Properties"]["Protocol"] == "email"
    ]

    assert sorted(alarm["AlarmDescription"] for alarm in alarms) == sorted(row.means for row in ALARMS)
    assert all(mentioned(alarm["AlarmActions"]) == {topic} for alarm in alarms)
    assert mails == ["ops@example.com"]


@pytest.mark.parametrize(
    "metric",
    [
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesVisible",
        "UnknownOperations",
        "OldestDelivery",
        "DeliveriesNotQueued",
        "Errors",
    ],
)
def test_what_must_not_pass_unnoticed_has_an_alarm(assembly: Assembly, metric: str) -> None:
    alarms = [alarm["Properties"] for _, _, alarm in assembly.resources("AWS::CloudWatch::Alarm")]

    assert [alarm for alarm in alarms if alarm["MetricName"] == metric]


@pytest.mark.parametrize(("function", "always"), [("sweeper", "OldestOverdue"), ("webhook_retries", "OldestDelivery")])
def test_an_alarm_on_our_own_metrics_watches_what_a_function_writes(
    assembly: Assembly, capsys: pytest.CaptureFixture[str], function: str, always: str
) -> None:
    """A misspelled metric is no error anywhere: the alarm just never goes off."""
    on = FakeServices()
    worker.use(on)
    deliverer.use(on)
    try:
        import_module(f"functions.{function}.handler").lambda_handler({}, Context())
    finally:
        worker.use(None)
        deliverer.use(None)
    record = next(json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line)
    (written,) = record["_aws"]["CloudWatchMetrics"]
    watched = [
        alarm["Properties"]
        for _, _, alarm in assembly.resources("AWS::CloudWatch::Alarm")
        if not alarm["Properties"]["Namespace"].startswith("AWS/")
        and alarm["Properties"]["Dimensions"] == [{"Name": "service", "Value": function}]
    ]

    assert (written["Dimensions"], record["service"]) == ([["service"]], function)
    assert record[always] == [0.0]
    assert watched and {alarm["Namespace"] for alarm in watched} == {written["Namespace"]}
    assert {alarm["MetricName"] for alarm in watched} <= {metric["Name"] for metric in written["Metrics"]}


def test_our_own_metrics_are_watched_where_they_are_written() -> None:
    for row in ALARMS:
        if not row.namespace.startswith("AWS/"):
            assert f'"{row.metric}"' in (ROOT / "functions" / row.of / "handler.py").read_text()


def test_no_metric_is_kept_per_practice(assembly: Assembly) -> None:
    for _, _, alarm in assembly.resources("AWS::CloudWatch::Alarm"):
        names = {dimension["Name"] for dimension in alarm["Properties"].get("Dimensions", ())}
        assert names <= {"QueueName", "FunctionName", "service", "ApiName", "Stage", "WebACL", "Region", "Rule"}


def test_cloudwatch_may_publish_to_the_topic(assembly: Assembly) -> None:
    """Without this the alarm changes its state and nobody hears of it."""
    alarms = [alarm["Properties"] for _, _, alarm in assembly.resources("AWS::CloudWatch::Alarm")]
    (topic,) = {name for alarm in alarms for name in mentioned(alarm["AlarmActions"])}
    allowed = [
        statement
        for _, _, policy in assembly.resources("AWS::SNS::TopicPolicy")
        if mentioned(policy["Properties"]["Topics"]) == {topic}
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]

    assert [statement["Principal"] for statement in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]
    assert [statement["Action"] for statement in allowed] == ["sns:Publish"]


def test_whoever_publishes_to_a_sealed_topic_or_bus_may_use_its_key(assembly: Assembly) -> None:
    """Without this too nobody hears of it: EventBridge drops what it cannot seal, and says nothing."""
    services = {
        service
        for _, _, key in assembly.resources("AWS::KMS::Key")
        for statement in key["Properties"]["KeyPolicy"]["Statement"]
        if "Service" in statement["Principal"]
        for service in (
            statement["Principal"]["Service"]
            if isinstance(statement["Principal"]["Service"], list)
            else [statement["Principal"]["Service"]]
        )
    }

    assert services == {
        "cloudwatch.amazonaws.com", "events.amazonaws.com", "sns.amazonaws.com", "logs.us-east-1.amazonaws.com",
        # S3 tells a queue of calls that practices' machines made.
        "s3.amazonaws.com",
    }  # fmt: skip


RUNBOOK = (ROOT / "infra" / "README.md").read_text().partition("\n## Runbook\n")[2].partition("\n## ")[0]


def test_every_alarm_has_an_entry_in_the_runbook_and_no_entry_is_of_another() -> None:
    assert re.findall(r"^### (.+)$", RUNBOOK, re.MULTILINE) == sorted(row.name for row in ALARMS)


@pytest.mark.parametrize("alarm", ALARMS, ids=lambda alarm: alarm.name)
def test_an_entry_says_what_it_means_where_to_look_and_what_to_do(alarm: AlarmRow) -> None:
    entry = RUNBOOK.partition(f"\n### {alarm.name}\n")[2].partition("\n### ")[0]

    assert re.findall(r"^- \*\*(\w+)\*\*: \S", entry, re.MULTILINE) == ["Means", "Look", "Do"]


def test_the_dashboard_shows_what_functions_write(assembly: Assembly) -> None:
    (dashboard,) = (one for _, _, one in assembly.resources("AWS::CloudWatch::Dashboard"))
    body = json.dumps(dashboard["Properties"]["DashboardBody"])

    for _, writer, _, names in FLEET:
        for name in names:
            assert f'"{name}"' in (ROOT / "functions" / writer / "handler.py").read_text()
            assert name in body


def test_the_dashboard_knows_no_practice(assembly: Assembly) -> None:
    (dashboard,) = (one for _, _, one in assembly.resources("AWS::CloudWatch::Dashboard"))

    assert "practice_id" not in json.dumps(dashboard) and "prac_" not in json.dumps(dashboard)


def test_every_queue_of_dead_letters_has_an_alarm(assembly: Assembly) -> None:
    queues = list(assembly.resources("AWS::SQS::Queue"))
    dead = {
        name
        for _, _, queue in queues
        if (policy := queue["Properties"].get("RedrivePolicy")) is not None
        for name in mentioned(policy)
    }
    watched = {
        name
        for _, _, alarm in assembly.resources("AWS::CloudWatch::Alarm")
        if alarm["Properties"]["MetricName"] == "ApproximateNumberOfMessagesVisible"
        for name in mentioned(alarm["Properties"]["Dimensions"])
    }
    of_core = {logical_id for part, logical_id, _ in queues if part == "core"}

    assert dead & of_core and dead & of_core <= watched


CODE = sorted((*(ROOT / "functions").rglob("*.py"), *(ROOT / "shared").rglob("*.py")))


def test_no_code_gives_a_metric_another_dimension_than_who_wrote_it() -> None:
    """A metric a practice is 0.30 USD a month each, and a list of them to whoever reads CloudWatch."""
    given = [
        (path.name, node)
        for path in CODE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr in {"add_dimension", "set_default_dimensions", "add_dimensions", "put_metric_data"}
    ]

    assert given
    for name, node in given:
        assert isinstance(node.func, ast.Attribute) and node.func.attr == "add_dimension", name
        assert isinstance(node.args[0], ast.Constant) and node.args[0].value == "service", name
        # Nor is the writer's name made from anything.
        assert isinstance(node.args[1], ast.Constant) and node.args[1].value in {row.name for row in FUNCTIONS}, name
