"""Practices' keys in Secrets Manager, one secret a practice."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from gateway.core.errors import NotFound, VaultUnavailable
from gateway.core.ports import Keys

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

PENDING_KEPT_S = 600
_CURRENT = "AWSCURRENT"
_PENDING = "AWSPENDING"
_GONE = {"ResourceNotFoundException", "InvalidRequestException"}


class SecretsVault:
    """Fills `core.ports.Vault`. The stages of a secret's versions say which pair is current, pending and previous.

    Secrets Manager labels a secret's first version current whatever is asked for, so a secret starts with a version
    that holds no keys. `kms_key` seals new secrets; without it the account's default key does.
    """

    def __init__(
        self,
        client: SecretsManagerClient,
        *,
        prefix: str,
        kms_key: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        # Names are paths; whoever says the prefix may or may not end it with a slash.
        self._prefix = prefix.rstrip("/")
        self._sealed_with: dict[str, Any] = {} if kms_key is None else {"KmsKeyId": kms_key}
        self._now = now

    def keys(self, practice_id: str) -> Keys:
        """See `Vault.keys`."""
        return self._read(practice_id, _CURRENT)

    def pending(self, practice_id: str) -> Keys:
        """See `Vault.pending`."""
        return self._read(practice_id, _PENDING)

    def put_pending(self, practice_id: str, keys: Keys) -> None:
        """See `Vault.put_pending`."""
        name = self._name(practice_id)
        body = json.dumps({"developer": keys.developer, "customer": keys.customer, "put_at": self._now()})
        try:
            with suppress(self._client.exceptions.ResourceExistsException):
                self._client.create_secret(
                    Name=name, SecretString="{}", ClientRequestToken=secrets.token_hex(16), **self._sealed_with
                )
            self._client.put_secret_value(
                SecretId=name, SecretString=body, VersionStages=[_PENDING], ClientRequestToken=secrets.token_hex(16)
            )
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error

    def promote(self, practice_id: str) -> None:
        """See `Vault.promote`. Secrets Manager itself labels the former current version previous."""
        name = self._name(practice_id)
        self._read(practice_id, _PENDING)
        try:
            _, pending = self._version(name, _PENDING)
            _, current = self._version(name, _CURRENT)
            # Equal where an earlier promotion stopped half-way.
            if current != pending:
                self._client.update_secret_version_stage(
                    SecretId=name, VersionStage=_CURRENT, MoveToVersionId=pending, RemoveFromVersionId=current
                )
            self._client.update_secret_version_stage(SecretId=name, VersionStage=_PENDING, RemoveFromVersionId=pending)
        except ClientError as error:
            if _code(error) in _GONE:
                raise NotFound("no keys are being verified for this practice") from error
            raise _unavailable() from error
        except BotoCoreError as error:
            raise _unavailable() from error

    def drop_pending(self, practice_id: str) -> None:
        """See `Vault.drop_pending`."""
        name = self._name(practice_id)
        try:
            value, _ = self._version(name, _CURRENT)
            if "developer" not in value:
                # Never verified, so nothing that anybody would want back.
                self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
                return
            _, pending = self._version(name, _PENDING)
            self._client.update_secret_version_stage(SecretId=name, VersionStage=_PENDING, RemoveFromVersionId=pending)
        except ClientError as error:
            if _code(error) not in _GONE:
                raise _unavailable() from error
        except BotoCoreError as error:
            raise _unavailable() from error

    def _read(self, practice_id: str, stage: str) -> Keys:
        try:
            value, _ = self._version(self._name(practice_id), stage)
        except ClientError as error:
            if _code(error) in _GONE:
                raise NotFound("no keys are kept for this practice") from error
            raise _unavailable() from error
        except BotoCoreError as error:
            raise _unavailable() from error
        if "developer" not in value or (stage == _PENDING and self._now() - value["put_at"] >= PENDING_KEPT_S):
            raise NotFound("no keys are kept for this practice")
        return Keys(developer=value["developer"], customer=value["customer"])

    def _version(self, name: str, stage: str) -> tuple[Mapping[str, Any], str]:
        answer = self._client.get_secret_value(SecretId=name, VersionStage=stage)
        return json.loads(answer["SecretString"]), answer["VersionId"]

    def _name(self, practice_id: str) -> str:
        return f"{self._prefix}/{practice_id}"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _unavailable() -> VaultUnavailable:
    return VaultUnavailable("the vault of keys does not answer")
