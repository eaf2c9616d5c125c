"""The fleet on one page: counts and maxima, and what they cost. No practice is on it; `health` tells of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra.alarms import ALARMS
from infra.parts.table import TableAccess

OURS: Final = "OpenDentalGateway"

FLEET: Final[tuple[tuple[str, str, str, tuple[str, ...]], ...]] = (
    ("Practices in trouble", "sweeper", "Maximum", ("PracticesOffline", "KeysRefused", "PracticesFailing")),
    ("Mirrors", "sweeper", "Maximum", ("MirrorsLate", "MachinesSilent")),
    ("How late the latest mirror is (s)", "sweeper", "Maximum", ("LatestMirror",)),
    ("Calls of Open Dental in the last minute", "sweeper", "Maximum", ("UpstreamCalls", "UpstreamRefused")),
    ("Pace used: turns that wait at the most crowded practice", "upstream_worker", "Maximum", ("WaitingTurns",)),
    ("Operations", "sweeper", "Maximum", ("QueuedOperations", "ParkedOperations", "UnknownOperations")),
    ("Posts to webhooks", "deliver_webhooks", "Sum", ("DeliveryAttempts", "DeliveriesFailed")),
    ("Deliveries due", "webhook_retries", "Maximum", ("DeliveriesDue", "OldestDelivery")),
    ("Changes told", "publish_events", "Sum", ("EventsPublished", "ChangesRecovered")),
    ("How long the oldest change waited (s)", "publish_events", "Maximum", ("OldestChange",)),
    ("Vault", "upstream_worker", "Sum", ("VaultErrors",)),
)
"""Title, who writes the metrics, how they are summed up, their names."""

_WIDTH: Final = 8


class FleetDashboard(Construct):
    """One dashboard a stage. `dimensions` are those that alarms measure by; `tables` those whose use is paid for."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        dimensions: Mapping[str, Mapping[str, str]],
        tables: Mapping[str, TableAccess],
    ) -> None:
        super().__init__(scope, id_)
        dead = {name: of for name, of in dimensions.items() if "dead" in name or name == "failed-events"}
        queues = {name: of for name, of in dimensions.items() if _is_of_calls(name) and name not in dead}
        functions = {name: of for name, of in dimensions.items() if "FunctionName" in of}
        api, waf = dimensions["api"], dimensions["waf"]
        named = {name: {"TableName": access.name_in(self)} for name, access in tables.items()}
        alarms = ", ".join(row.name for row in ALARMS)
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            # Without a name of its own: a dashboard's is one for all regions of an account.
            default_interval=cdk.Duration.hours(12),
            widgets=[
                [
                    cloudwatch.TextWidget(
                        markdown="Counts and maxima of all practices. `infra/README.md` says of each alarm what to do: "
                        f"{alarms}.",
                        width=24,
                        height=2,
                    )
                ],
                [
                    _graph("Requests", _of("AWS/ApiGateway", ("Count", "4XXError", "5XXError"), api, "Sum")),
                    _graph("Latency (ms)", _of("AWS/ApiGateway", ("Latency", "IntegrationLatency"), api, "p95")),
                    _graph("Blocked by the firewall", _of("AWS/WAFV2", ("BlockedRequests",), waf, "Sum")),
                ],
                [
                    _graph(
                        "Age of the oldest turn (s)",
                        _each("AWS/SQS", "ApproximateAgeOfOldestMessage", queues, "Maximum"),
                    ),
                    _graph("Turns", _each("AWS/SQS", "ApproximateNumberOfMessagesVisible", queues, "Maximum")),
                    _graph("Set aside", _each("AWS/SQS", "ApproximateNumberOfMessagesVisible", dead, "Maximum")),
                ],
                *_rows(
                    _graph(title, _of(OURS, names, {"service": writer}, statistic))
                    for title, writer, statistic, names in FLEET
                ),
                [
                    _graph("Cost: run time of jobs (ms)", _each("AWS/Lambda", "Duration", functions, "Sum")),
                    _graph("Cost: invocations of jobs", _each("AWS/Lambda", "Invocations", functions, "Sum")),
                    _graph("Errors of jobs", _each("AWS/Lambda", "Errors", functions, "Sum")),
                ],
                [
                    _graph("Cost: units read", _each("AWS/DynamoDB", "ConsumedReadCapacityUnits", named, "Sum")),
                    _graph("Cost: units written", _each("AWS/DynamoDB", "ConsumedWriteCapacityUnits", named, "Sum")),
                    _graph("Functions at once (account)", _of("AWS/Lambda", ("ConcurrentExecutions",), {}, "Maximum")),
                ],
            ],
        )


def _is_of_calls(queue: str) -> bool:
    return queue == "calls" or queue.startswith("calls-")


def _graph(title: str, metrics: list[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=metrics, width=_WIDTH, height=6)


def _rows(graphs: Iterable[cloudwatch.IWidget]) -> list[list[cloudwatch.IWidget]]:
    found = list(graphs)
    return [found[at : at + 3] for at in range(0, len(found), 3)]


def _of(
    namespace: str, names: Iterable[str], dimensions: Mapping[str, str], statistic: str
) -> list[cloudwatch.IMetric]:
    return [
        cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map=dict(dimensions) or None,
            statistic=statistic,
            period=_period(statistic),
        )
        for name in names
    ]


def _each(
    namespace: str, metric: str, dimensions: Mapping[str, Mapping[str, str]], statistic: str
) -> list[cloudwatch.IMetric]:
    """One line for each of them, by its name here."""
    return [
        cloudwatch.Metric(
            namespace=namespace,
            metric_name=metric,
            dimensions_map=dict(of),
            statistic=statistic,
            label=name,
            period=_period(statistic),
        )
        for name, of in dimensions.items()
    ]


def _period(statistic: str) -> cdk.Duration:
    return cdk.Duration.minutes(1 if statistic == "Maximum" else 5)
