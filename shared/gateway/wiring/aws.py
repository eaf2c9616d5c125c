"""The adapters over AWS that both kinds of functions use, each made with its client when it is first asked for."""

# ruff: noqa: PLC0415 - what is imported where it is used costs a cold start nothing.
from __future__ import annotations

import json
import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

    from gateway.adapters.agreements import DynamoAgreements
    from gateway.adapters.audit import DynamoAudit, DynamoAuditIndex
    from gateway.adapters.bodies import Bodies
    from gateway.adapters.cache import DynamoCache
    from gateway.adapters.callers import DynamoCallers
    from gateway.adapters.calls import SqsCalls
    from gateway.adapters.clock import SystemClock
    from gateway.adapters.drifts import DynamoDrifts
    from gateway.adapters.drop import S3Drop
    from gateway.adapters.events.facts import DynamoFacts
    from gateway.adapters.events.log import DynamoEventLog
    from gateway.adapters.exports import DynamoExports
    from gateway.adapters.fleet import DynamoFleet
    from gateway.adapters.holds import DynamoHolds
    from gateway.adapters.ledger import DynamoLedger
    from gateway.adapters.machines import SfnMachines
    from gateway.adapters.messages import DynamoMessages
    from gateway.adapters.mirror.records import DynamoRecords
    from gateway.adapters.mirror.syncs import DynamoSyncStates
    from gateway.adapters.onboardings import DynamoOnboardings
    from gateway.adapters.pace import DynamoPace
    from gateway.adapters.practices import DynamoPractices
    from gateway.adapters.reconciliations import DynamoReconciliations
    from gateway.adapters.removals import DynamoRemovals
    from gateway.adapters.rotations import DynamoRotations
    from gateway.adapters.runs import DynamoRuns
    from gateway.adapters.signer import HmacSigner
    from gateway.adapters.vault import SecretsVault
    from gateway.adapters.warehouse import S3Warehouse
    from gateway.adapters.webhooks.queue import SqsDeliveryQueue
    from gateway.adapters.webhooks.sender import HttpSender
    from gateway.adapters.webhooks.store import DynamoWebhooks


class AwsServices:
    """What `Services` and `WorkerServices` have in common, from the environment that `infra/` gives a function.

    A function has only the variables of what it may touch; using another port fails with a KeyError that names it.
    """

    @cached_property
    def clock(self) -> SystemClock:
        """Time."""
        from gateway.adapters.clock import SystemClock

        return SystemClock()

    @cached_property
    def practices(self) -> DynamoPractices:
        """Practices' records."""
        from gateway.adapters.practices import DynamoPractices
        from gateway.core.practices import SANDBOX

        return DynamoPractices(
            self._dynamodb,
            table=os.environ["PRACTICES_TABLE"],
            may_lack_baa=os.environ.get("STAGE") == SANDBOX,
        )

    @cached_property
    def agreements(self) -> DynamoAgreements:
        """Practices' agreements."""
        from gateway.adapters.agreements import DynamoAgreements

        return DynamoAgreements(self._dynamodb, table=os.environ["PRACTICES_TABLE"])

    @cached_property
    def rotations(self) -> DynamoRotations:
        """Exchanges of practices' keys; they lie beside the records."""
        from gateway.adapters.rotations import DynamoRotations

        return DynamoRotations(self._dynamodb, table=os.environ["PRACTICES_TABLE"])

    @cached_property
    def onboardings(self) -> DynamoOnboardings:
        """How far practices' onboardings are; they lie beside the records."""
        from gateway.adapters.onboardings import DynamoOnboardings

        return DynamoOnboardings(self._dynamodb, table=os.environ["PRACTICES_TABLE"])

    @cached_property
    def removals(self) -> DynamoRemovals:
        """How far practices' removals are; they lie beside the records."""
        from gateway.adapters.removals import DynamoRemovals

        return DynamoRemovals(self._dynamodb, table=os.environ["PRACTICES_TABLE"])

    @cached_property
    def audit(self) -> DynamoAudit:
        """The audit trails."""
        from gateway.adapters.audit import DynamoAudit

        return DynamoAudit(self._dynamodb, table=os.environ["AUDIT_TABLE"])

    @cached_property
    def audit_index(self) -> DynamoAuditIndex:
        """Their index by patient."""
        from gateway.adapters.audit import DynamoAuditIndex

        return DynamoAuditIndex(self._dynamodb, table=os.environ["AUDIT_INDEX_TABLE"])

    @cached_property
    def drifts(self) -> DynamoDrifts:
        """What is known of practices beside their records."""
        from gateway.adapters.drifts import DynamoDrifts

        return DynamoDrifts(self._dynamodb, table=os.environ["PRACTICES_TABLE"])

    @cached_property
    def calls(self) -> SqsCalls:
        """The queues of turns: CALLS_QUEUE_URL, and where a stage has networks CALLS_QUEUE_URLS (JSON, by name)."""
        from gateway.adapters.calls import SqsCalls

        return SqsCalls(
            self._sqs,
            queue_url=os.environ["CALLS_QUEUE_URL"],
            networks=json.loads(os.environ.get("CALLS_QUEUE_URLS", "{}")),
        )

    @cached_property
    def cache(self) -> DynamoCache:
        """Short-lived copies of rows."""
        from gateway.adapters.cache import DynamoCache

        return DynamoCache(self._dynamodb, table=os.environ["CACHE_TABLE"], bodies=self._bodies)

    @cached_property
    def signer(self) -> HmacSigner:
        """Fingerprints and signed cursors."""
        from gateway.adapters.signer import HmacSigner

        return HmacSigner(self._secrets_manager, secret_arn=os.environ["HMAC_SECRET_ARN"])

    @cached_property
    def records(self) -> DynamoRecords:
        """Copies of practices' rows."""
        from gateway.adapters.mirror.records import DynamoRecords

        return DynamoRecords(
            self._dynamodb,
            table=os.environ["RECORDS_TABLE"],
            # Not before it is used: most functions look for nobody by telephone.
            fingerprint=lambda text: self.signer.fingerprint(text),  # noqa: PLW0108
        )

    @cached_property
    def syncs(self) -> DynamoSyncStates:
        """How far each practice's mirror is; it lies beside the copies."""
        from gateway.adapters.mirror.syncs import DynamoSyncStates

        return DynamoSyncStates(self._dynamodb, table=os.environ["RECORDS_TABLE"])

    @cached_property
    def reconciliations(self) -> DynamoReconciliations:
        """Findings and reports; they lie beside the copies."""
        from gateway.adapters.reconciliations import DynamoReconciliations

        return DynamoReconciliations(self._dynamodb, table=os.environ["RECORDS_TABLE"])

    @cached_property
    def callers(self) -> DynamoCallers:
        """Clients, keys and sessions."""
        from gateway.adapters.callers import DynamoCallers

        return DynamoCallers(self._dynamodb, table=os.environ["CALLERS_TABLE"])

    @cached_property
    def facts(self) -> DynamoFacts:
        """What is told of the practices beside their rows; it lies beside the copies."""
        from gateway.adapters.events.facts import DynamoFacts

        return DynamoFacts(self._dynamodb, table=os.environ["RECORDS_TABLE"])

    @cached_property
    def fleet(self) -> DynamoFleet:
        """Figures of the deployment; they lie beside the pace items."""
        from gateway.adapters.fleet import DynamoFleet

        return DynamoFleet(self._dynamodb, table=os.environ["PACE_TABLE"])

    @cached_property
    def event_log(self) -> DynamoEventLog:
        """What happened at the practices."""
        from gateway.adapters.events.log import DynamoEventLog

        return DynamoEventLog(self._dynamodb, table=os.environ["EVENTS_TABLE"])

    @cached_property
    def holds(self) -> DynamoHolds:
        """Times that callers keep."""
        from gateway.adapters.holds import DynamoHolds

        return DynamoHolds(self._dynamodb, table=os.environ["HOLDS_TABLE"])

    @cached_property
    def vault(self) -> SecretsVault:
        """Practices' keys."""
        from gateway.adapters.vault import SecretsVault

        return SecretsVault(
            self._secrets_manager, prefix=os.environ["VAULT_PREFIX"], kms_key=os.environ.get("VAULT_KEY_ARN")
        )

    @cached_property
    def webhooks(self) -> DynamoWebhooks:
        """Endpoints and deliveries."""
        from gateway.adapters.webhooks.store import DynamoWebhooks

        return DynamoWebhooks(self._dynamodb, table=os.environ["WEBHOOKS_TABLE"])

    @cached_property
    def messages(self) -> DynamoMessages:
        """Rules of messages to patients, and the messages."""
        from gateway.adapters.messages import DynamoMessages

        return DynamoMessages(self._dynamodb, table=os.environ["MESSAGES_TABLE"])

    @cached_property
    def delivery_queue(self) -> SqsDeliveryQueue:
        """Turns of deliveries."""
        from gateway.adapters.webhooks.queue import SqsDeliveryQueue

        return SqsDeliveryQueue(self._sqs, queue_url=os.environ["DELIVERIES_QUEUE_URL"])

    @cached_property
    def sender(self) -> HttpSender:
        """The way out to endpoints; only in the sandbox to this machine itself."""
        from gateway.adapters.webhooks.sender import HttpSender

        return HttpSender(plain=os.environ["STAGE"] == "sandbox")

    @cached_property
    def runs(self) -> DynamoRuns:
        """Runs of workflows."""
        from gateway.adapters.runs import DynamoRuns

        return DynamoRuns(self._dynamodb, table=os.environ["RUNS_TABLE"])

    @cached_property
    def exports(self) -> DynamoExports:
        """Runs of the export."""
        from gateway.adapters.exports import DynamoExports

        return DynamoExports(self._dynamodb, table=os.environ["EXPORTS_TABLE"])

    @cached_property
    def warehouse(self) -> S3Warehouse:
        """Where exports lie."""
        from gateway.adapters.warehouse import S3Warehouse

        # A file is some megabytes, and five seconds are little for one.
        client = cast("S3Client", self._client("s3", read_timeout=60))
        return S3Warehouse(lambda: client, bucket=os.environ["EXPORTS_BUCKET"])

    @cached_property
    def machines(self) -> SfnMachines:
        """The state machines."""
        from gateway.adapters.machines import SfnMachines

        return SfnMachines(cast("SFNClient", self._client("stepfunctions")), prefix=os.environ["MACHINES_PREFIX"])

    @cached_property
    def drop(self) -> S3Drop | None:
        """The bucket behind the stage's SFTP server: DROP_BUCKET and DROP_PREFIX, which no function of another has."""
        bucket = os.environ.get("DROP_BUCKET")
        if bucket is None:
            return None
        from gateway.adapters.drop import S3Drop

        client = cast("S3Client", self._client("s3", signature_version="s3v4"))
        return S3Drop(client, bucket=bucket, prefix=os.environ["DROP_PREFIX"])

    @property
    def has_drop(self) -> bool:
        """What HAS_DROP says."""
        return os.environ["HAS_DROP"] == "true"

    @cached_property
    def _ledger(self) -> DynamoLedger:
        from gateway.adapters.ledger import DynamoLedger

        return DynamoLedger(
            self._dynamodb,
            table=os.environ["LEDGER_TABLE"],
            bodies=self._bodies,
            # Only the worker settles, and it has the mirror's table.
            outbox=os.environ.get("RECORDS_TABLE"),
        )

    @cached_property
    def _pace(self) -> DynamoPace:
        from gateway.adapters.pace import DynamoPace

        return DynamoPace(self._dynamodb, table=os.environ["PACE_TABLE"])

    @cached_property
    def _bodies(self) -> Bodies:
        from gateway.adapters.bodies import Bodies

        # Who only asks what is unsettled has the ledger and no bucket.
        return Bodies(self._s3_of_bodies, bucket=os.environ.get("BODIES_BUCKET", ""))

    def _s3_of_bodies(self) -> S3Client:
        os.environ["BODIES_BUCKET"]
        return self._s3

    @cached_property
    def _dynamodb(self) -> DynamoDBClient:
        return cast("DynamoDBClient", self._client("dynamodb"))

    @cached_property
    def _s3(self) -> S3Client:
        return cast("S3Client", self._client("s3"))

    @cached_property
    def _secrets_manager(self) -> SecretsManagerClient:
        return cast("SecretsManagerClient", self._client("secretsmanager"))

    @cached_property
    def _sqs(self) -> SQSClient:
        return cast("SQSClient", self._client("sqs"))

    @cached_property
    def _sdk(self) -> Session:
        # boto3's resources and transfers add 50 ms to a cold start and nothing that is used here.
        from botocore.session import get_session

        from gateway.adapters.service_data import ServiceData

        session = get_session()
        session.register_component("data_loader", ServiceData())
        return session

    def _client(self, service: str, **settings: Any) -> Any:
        from botocore import __version__
        from botocore.config import Config

        usual: dict[str, Any] = {
            # An API function has 28 s in all; AWS services answer in milliseconds or are tried again.
            "connect_timeout": 2,
            "read_timeout": 5,
            "retries": {"mode": "standard", "total_max_attempts": 3},
            # The SDK words this machine anew twice for each request otherwise, a fifth of what a request costs.
            "user_agent": f"Botocore/{__version__} open-dental-gateway",
        }
        config = Config(**{**usual, **settings})
        return self._sdk.create_client(service, config=config)
