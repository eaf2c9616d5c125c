"""Which adapter fills which port, in Lambda and in tests.

`services()` is what handlers hand to use cases as `on`. Nothing is built at import: a port's adapter is made, and its
SDK imported, when it is first used.
"""

# ruff: noqa: PLC0415 - what is imported where it is used costs a cold start nothing.
from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

    from gateway.adapters.bodies import Bodies
    from gateway.core import ports


class Services:
    """Fills `core.ports.Services` from the environment that `infra/` gives a function.

    A function has only the variables of what it may touch; using another port fails with a KeyError that names it.
    """

    @cached_property
    def stage(self) -> str:
        """The deployment's stage."""
        return os.environ["STAGE"]

    @cached_property
    def clock(self) -> ports.Clock:
        """Time."""
        from gateway.adapters.clock import SystemClock

        return SystemClock()

    @cached_property
    def callers(self) -> ports.Callers:
        """Clients, keys and sessions."""
        from gateway.adapters.callers import DynamoCallers

        return DynamoCallers(self._dynamodb, table=os.environ["CALLERS_TABLE"])

    @cached_property
    def practices(self) -> ports.Practices:
        """Practices' records."""
        from gateway.adapters.practices import DynamoPractices

        return DynamoPractices(self._dynamodb, table=os.environ["PRACTICES_TABLE"])

    @cached_property
    def calls(self) -> ports.Calls:
        """Where turns wait."""
        from gateway.adapters.calls import SqsCalls

        return SqsCalls(cast("SQSClient", self._client("sqs")), queue_url=os.environ["CALLS_QUEUE_URL"])

    @cached_property
    def operations(self) -> ports.Operations:
        """The ledger."""
        from gateway.adapters.ledger import DynamoLedger

        return DynamoLedger(self._dynamodb, table=os.environ["LEDGER_TABLE"], bodies=self._bodies)

    @cached_property
    def cache(self) -> ports.Cache:
        """Short-lived copies of rows."""
        from gateway.adapters.cache import DynamoCache

        return DynamoCache(self._dynamodb, table=os.environ["CACHE_TABLE"], bodies=self._bodies)

    @cached_property
    def paces(self) -> ports.Paces:
        """The practices' pace."""
        from gateway.adapters.pace import DynamoPace

        return DynamoPace(self._dynamodb, table=os.environ["PACE_TABLE"])

    @cached_property
    def vault(self) -> ports.Vault:
        """Practices' keys."""
        from gateway.adapters.vault import SecretsVault

        return SecretsVault(
            self._secrets_manager, prefix=os.environ["VAULT_PREFIX"], kms_key=os.environ.get("VAULT_KEY_ARN")
        )

    @cached_property
    def signer(self) -> ports.Signer:
        """Fingerprints and signed cursors."""
        from gateway.adapters.signer import HmacSigner

        return HmacSigner(self._secrets_manager, secret_arn=os.environ["HMAC_SECRET_ARN"])

    @cached_property
    def _bodies(self) -> Bodies:
        from gateway.adapters.bodies import Bodies

        return Bodies(lambda: self._s3, bucket=os.environ["BODIES_BUCKET"])

    @cached_property
    def _s3(self) -> S3Client:
        return cast("S3Client", self._client("s3"))

    @cached_property
    def _sdk(self) -> Session:
        # boto3's resources and transfers add 50 ms to a cold start and nothing that is used here.
        from botocore.session import get_session

        return get_session()

    @cached_property
    def _dynamodb(self) -> DynamoDBClient:
        return cast("DynamoDBClient", self._client("dynamodb"))

    @cached_property
    def _secrets_manager(self) -> SecretsManagerClient:
        return cast("SecretsManagerClient", self._client("secretsmanager"))

    def _client(self, service: str) -> Any:
        from botocore.config import Config

        # An API function has 28 s in all; AWS services answer in milliseconds or are tried again.
        config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
        return self._sdk.create_client(service, config=config)


class _Holder:
    """What `services()` hands out: one for the life of the process, or the one a test put there."""

    current: ports.Services | None = None


def services() -> ports.Services:
    """All ports of this process."""
    if _Holder.current is None:
        _Holder.current = Services()
    return _Holder.current


@contextmanager
def using(other: ports.Services) -> Iterator[None]:
    """Let `services()` hand out `other` while this lasts; for tests and for the replay of events."""
    before, _Holder.current = _Holder.current, other
    try:
        yield
    finally:
        _Holder.current = before
