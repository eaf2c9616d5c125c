"""What AWS gives an account in a Region, and what it asks for it: published defaults and list prices of us-east-1.

Read in November 2026. A quota that is `raised` on request is one that a form moves; the others only another account or
Region does. Pages without a host are on docs.aws.amazon.com.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Quota:
    """A bound on what is used at the busiest moment. `moved_by`: what is done once it is met."""

    name: str
    bound: float
    unit: str
    moved_by: str
    page: str


REQUESTED: Final = "a request for more"
CELL: Final = "a second cell"

WORKERS_OF_A_MAPPING: Final = Quota(
    "workers at the same time (concurrency of the calls queue's mapping)", 1_000, "", CELL,
    "/lambda/latest/dg/services-sqs-scaling.html",
)  # fmt: skip
CONCURRENCY: Final = Quota(
    "Lambda's concurrent executions", 1_000, "", REQUESTED, "/lambda/latest/dg/gettingstarted-limits.html"
)
FIFO_CALLS: Final = Quota(
    "calls queue: requests of one action", 70_000, "/s", "another Region has 2,400 to 19,000",
    "/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html",
)  # fmt: skip
FIFO_IN_FLIGHT: Final = Quota(
    "calls queue: messages in flight", 120_000, "", REQUESTED,
    "/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-fifo.html",
)  # fmt: skip
FIFO_WINDOW: Final = Quota(
    "calls queue: messages that wait, before some groups are not seen", 120_000, "", CELL,
    "/AWSSimpleQueueService/latest/SQSDeveloperGuide/avoid-backlog-with-the-same-message-group-id.html",
)  # fmt: skip
TABLE_WRITES: Final = Quota(
    "write units", 40_000, "/s", REQUESTED, "/amazondynamodb/latest/developerguide/ServiceQuotas.html"
)
TABLE_READS: Final = Quota(
    "read units", 40_000, "/s", REQUESTED, "/amazondynamodb/latest/developerguide/ServiceQuotas.html"
)
KEY_WRITES: Final = Quota(
    "write units", 1_000, "/s", "more shards in code",
    "/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html",
)  # fmt: skip
API_REQUESTS: Final = Quota(
    "API Gateway: requests", 10_000, "/s", REQUESTED, "/apigateway/latest/developerguide/limits.html"
)
PUT_EVENTS: Final = Quota(
    "EventBridge: PutEvents", 10_000, "/s", REQUESTED, "/eventbridge/latest/userguide/eb-quota.html"
)
SECRET_READS: Final = Quota(
    "Secrets Manager: GetSecretValue", 10_000, "/s", CELL,
    "/secretsmanager/latest/userguide/reference_limits.html",
)  # fmt: skip
SECRETS: Final = Quota(
    "Secrets Manager: secrets", 500_000, "", CELL, "/secretsmanager/latest/userguide/reference_limits.html"
)
KMS_CALLS: Final = Quota("KMS: calls", 100_000, "/s", REQUESTED, "/kms/latest/developerguide/requests-per-second.html")

LAMBDA_GB_S: Final = 0.0000133334
LAMBDA_REQUEST: Final = 0.20e-6
FIFO_REQUEST: Final = 0.50e-6
STANDARD_REQUEST: Final = 0.40e-6
WRITE_UNIT: Final = 0.625e-6
READ_UNIT: Final = 0.125e-6
GB_MONTH: Final = 0.25 + 0.20
"""In a table, with point-in-time recovery."""
API_REQUEST: Final = 3.50e-6
EVENT: Final = 1.00e-6
SECRET_MONTH: Final = 0.40
SECRET_READ: Final = 0.05 / 10_000
KMS_CALL: Final = 0.03 / 10_000
LOG_GB: Final = 0.50
"""US dollars, us-east-1, arm64: the price lists of September 2026."""
