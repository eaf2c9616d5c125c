"""The alarms, one row each. A row is all that an alarm needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class AlarmRow:
    """Raise the alarm when `metric`, taken over `minutes`, is above `above` in `periods` such spans in a row.

    `of` names what is measured: a queue (`calls`, `ticks`), the turns that were set aside (`calls-dead`), the events
    and ticks that functions gave up on (`failed-events`), a function, the `api` or its firewall (`waf`). A metric of
    ours is of who writes it. What it means and what to do stands in `infra/README.md` under its name.
    """

    name: str
    means: str
    """What happened and what to look at; becomes the alarm's description, so it holds no names of practices."""
    namespace: Literal["AWS/SQS", "AWS/Lambda", "AWS/ApiGateway", "AWS/WAFV2", "OpenDentalGateway"]
    metric: str
    of: str
    statistic: Literal["Maximum", "Sum"] = "Maximum"
    above: float = 0
    minutes: int = 1
    periods: int = 1


OF_EACH_NETWORK = frozenset({"calls", "calls-dead", "upstream_worker"})
"""What every network has one of: the alarms on these are raised for each."""


def alarms_of(network: str, rows: Iterable[AlarmRow]) -> tuple[AlarmRow, ...]:
    """Those of `rows` that watch what a network has of its own, for the network called `network`."""
    suffix = "".join(part.title() for part in network.split("-"))
    return tuple(
        replace(row, name=f"{row.name}In{suffix}", means=f"In {network}: {row.means}", of=f"{row.of}-{network}")
        for row in rows
        if row.of in OF_EACH_NETWORK
    )


ALARMS: tuple[AlarmRow, ...] = (
    AlarmRow(
        name="CallsWaitTooLong",
        means="The oldest turn has waited 30 minutes. Look at the worker's log and at the practices' breakers.",
        namespace="AWS/SQS",
        metric="ApproximateAgeOfOldestMessage",
        of="calls",
        above=1800,
        periods=5,
    ),
    AlarmRow(
        name="CallsDeadLetters",
        means="A turn was received 1,000 times and set aside. Its operation is in the ledger; nothing was sent twice.",
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        of="calls-dead",
    ),
    AlarmRow(
        name="DeliveriesDeadLetters",
        means="A webhook delivery was received 5 times and set aside; it is tried again while it is due. Look at "
        "the log of `deliver_webhooks`.",
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        of="deliveries-dead",
    ),
    AlarmRow(
        name="DeliveriesLate",
        means="A webhook delivery has been due for 15 minutes: there are more than are worked off. Look whether "
        "`deliver_webhooks` is throttled or fails; if neither, an endpoint answers too slowly for what it wants.",
        namespace="OpenDentalGateway",
        metric="OldestDelivery",
        of="webhook_retries",
        above=900,
        periods=5,
    ),
    AlarmRow(
        name="DeliveriesNotQueued",
        means="The queue of webhook deliveries takes none. They stay due and are put again each minute. Look at SQS, "
        "and at what `webhook_retries` may do.",
        namespace="OpenDentalGateway",
        metric="DeliveriesNotQueued",
        of="webhook_retries",
        periods=3,
    ),
    AlarmRow(
        name="HooksDeadLetters",
        means="What a practice's machine told could not be worked off, and was set aside after 5 tries. It lies in the "
        "bodies bucket under `hooks/`; polls and sweeps find what it told. Look at the log of `take_hooks`.",
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        of="hooks-dead",
    ),
    AlarmRow(
        name="FailedEvents",
        means="A job failed for good; the next minute tries again. Look at the logs of `lane`, `sweeper`, "
        "`tick` and `webhook_retries`.",
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        of="failed-events",
    ),
    AlarmRow(
        name="NoticesUndelivered",
        means="Nobody took an alarm's mail, or a failed event. Look at the subscriptions of the alarms' topic, and "
        " at the policies of the failed events' queue and key.",
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        of="undelivered",
    ),
    AlarmRow(
        name="UnknownOperations",
        means="A write's answer was lost and evidence has not settled it. List operations in state unknown.",
        namespace="OpenDentalGateway",
        metric="UnknownOperations",
        of="sweeper",
        periods=15,
    ),
    AlarmRow(
        name="TurnsNotPut",
        means="A calls queue takes no turns, or a practice's network has left the stage. Look at `networks` and SQS.",
        namespace="OpenDentalGateway",
        metric="TurnsNotPut",
        of="sweeper",
        periods=3,
    ),
    AlarmRow(
        name="GovernorBrakes",
        means="Open Dental refuses so many calls that background work runs at half speed: it suspends addresses next.",
        namespace="OpenDentalGateway",
        metric="GovernorBrakes",
        of="sweeper",
        periods=3,
    ),
    AlarmRow(
        name="PracticesOffline",
        means="More than 50 practices do not answer, for a quarter of an hour. At night that may be servers turned "
        "off; by day it is Open Dental's service, or our way there.",
        namespace="OpenDentalGateway",
        metric="PracticesOffline",
        of="sweeper",
        above=50,
        periods=15,
    ),
    AlarmRow(
        name="PracticesFailing",
        means="More than 5 practices answer what makes no sense, for a quarter of an hour. Look at Open Dental's own "
        "state and at the worker's log.",
        namespace="OpenDentalGateway",
        metric="PracticesFailing",
        of="sweeper",
        above=5,
        periods=15,
    ),
    AlarmRow(
        name="KeysRefused",
        means="Open Dental refuses the key of a practice, for an hour. Its office, or whoever manages the developer "
        "key, has to allow it again; if many are refused at once, look at the developer key.",
        namespace="OpenDentalGateway",
        metric="KeysRefused",
        of="sweeper",
        periods=60,
    ),
    AlarmRow(
        name="MirrorsLate",
        means="A mirror was to be brought up to date an hour ago, and its practice answers. Look at the age of the "
        "calls queue, at the lane, and at which practices have more waiting than their pace allows.",
        namespace="OpenDentalGateway",
        metric="LatestMirror",
        of="sweeper",
        above=3600,
        periods=5,
    ),
    AlarmRow(
        name="MachinesSilent",
        means="For a day the machines of more than 10 practices have told nothing by themselves. Changes are polled "
        "meanwhile. If it began at once, the way in (`/hooks`) is broken.",
        namespace="OpenDentalGateway",
        metric="MachinesSilent",
        of="sweeper",
        above=10,
        periods=15,
    ),
    AlarmRow(
        name="VaultErrors",
        means="Keys cannot be read from Secrets Manager, so practices cannot be called. Turns come back by themselves.",
        namespace="OpenDentalGateway",
        metric="VaultErrors",
        of="upstream_worker",
        statistic="Sum",
        minutes=5,
        above=5,
    ),
    AlarmRow(
        name="DeliveriesFail",
        means="More than 500 posts to webhook endpoints failed in 5 minutes, three times in a row. Retries go on; look "
        "whether it is one endpoint or the way out.",
        namespace="OpenDentalGateway",
        metric="DeliveriesFailed",
        of="deliver_webhooks",
        statistic="Sum",
        minutes=5,
        above=500,
        periods=3,
    ),
    AlarmRow(
        name="ApiErrors",
        means="The API answered 5xx more than 20 times in 5 minutes. Look at the access log for the route, then at "
        "that function's log.",
        namespace="AWS/ApiGateway",
        metric="5XXError",
        of="api",
        statistic="Sum",
        minutes=5,
        above=20,
        periods=2,
    ),
    AlarmRow(
        name="RequestsBlocked",
        means="The firewall blocked more than 1,000 requests in 5 minutes. Look at its log for the rule: an attack, or "
        "a client of ours that sends what a rule takes for one.",
        namespace="AWS/WAFV2",
        metric="BlockedRequests",
        of="waf",
        statistic="Sum",
        minutes=5,
        above=1000,
    ),
    AlarmRow(
        name="WorkerErrors",
        means="The worker ended with errors it did not expect. Turns come back by themselves; look at its log.",
        namespace="AWS/Lambda",
        metric="Errors",
        of="upstream_worker",
        statistic="Sum",
        minutes=5,
        above=3,
    ),
    AlarmRow(
        name="ChangesNotTold",
        means="Changes wait 15 minutes to be told; they are forgotten after 24 hours. Look at the publisher's log.",
        namespace="AWS/Lambda",
        metric="IteratorAge",
        of="publish_events",
        above=900_000,
    ),
    AlarmRow(
        name="AuditNotArchived",
        means="Audit entries wait 15 minutes to be archived and found by patient; the stream forgets after 24 hours. "
        "The trail itself is whole. Look at the log of `archive_audit`.",
        namespace="AWS/Lambda",
        metric="IteratorAge",
        of="archive_audit",
        above=900_000,
    ),
)
