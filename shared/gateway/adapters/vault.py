"""Practices' keys in Secrets Manager: one secret a practice, one a developer key, one for the portal key.

A practice's secret names the developer key that goes with its own by fingerprint; that key lies in a secret beside it,
once for all practices. Secrets of releases before hold both, and are read as they are until keys are put again.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from gateway.core.errors import NotFound, VaultUnavailable
from gateway.core.ports import Keys, Pair

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

PENDING_KEPT_S = 600
_CURRENT: Final = "AWSCURRENT"
_PENDING: Final = "AWSPENDING"
_NEXT: Final = "NEXT"
_STAGES: Final = {Pair.CURRENT: _CURRENT, Pair.NEXT: _NEXT, Pair.FORMER: "AWSPREVIOUS"}
_GONE: Final = {"ResourceNotFoundException", "InvalidRequestException"}


class SecretsVault:
    """Fills `core.ports.Vault`. The stages of a secret's versions say which pair is current, pending, next and former.

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
        # What a fingerprint stands for never changes, so this process asks once for each.
        self._developers: dict[str, str] = {}

    def keys(self, practice_id: str, pair: Pair = Pair.CURRENT) -> Keys:
        """See `Vault.keys`."""
        return self._read(practice_id, _STAGES[pair])

    def pending(self, practice_id: str) -> Keys:
        """See `Vault.pending`."""
        return self._read(practice_id, _PENDING)

    def put_pending(self, practice_id: str, keys: Keys) -> None:
        """See `Vault.put_pending`. Both keys lie in it: a developer key nobody proved gets no secret of its own."""
        body = {"developer": keys.developer, "customer": keys.customer, "put_at": self._now()}
        self._make(self._name(practice_id), "{}")
        self._put(practice_id, body, _PENDING)

    def promote(self, practice_id: str) -> None:
        """See `Vault.promote`. Secrets Manager itself labels the former current version previous."""
        keys = self._read(practice_id, _PENDING)
        named = self._named(keys)
        # Equal where an earlier promotion stopped half-way.
        if self._value(practice_id, _CURRENT) != named:
            self._put(practice_id, named, _CURRENT)
        self._unlabel(practice_id, _PENDING)

    def drop_pending(self, practice_id: str) -> None:
        """See `Vault.drop_pending`."""
        name = self._name(practice_id)
        try:
            value, _ = self._version(name, _CURRENT)
            if "customer" not in value:
                # Never verified, so nothing that anybody would want back.
                self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
                return
        except ClientError as error:
            if _code(error) in _GONE:
                return
            raise _unavailable() from error
        except BotoCoreError as error:
            raise _unavailable() from error
        with suppress(NotFound):
            self._unlabel(practice_id, _PENDING)

    def put_next(self, practice_id: str, customer: str) -> None:
        """See `Vault.put_next`."""
        self._put(practice_id, self._named(Keys(self.keys(practice_id).developer, customer)), _NEXT)

    def promote_next(self, practice_id: str) -> None:
        """See `Vault.promote_next`."""
        self._read(practice_id, _NEXT)
        name = self._name(practice_id)
        try:
            _, coming = self._version(name, _NEXT)
            _, current = self._version(name, _CURRENT)
            if current != coming:
                self._client.update_secret_version_stage(
                    SecretId=name, VersionStage=_CURRENT, MoveToVersionId=coming, RemoveFromVersionId=current
                )
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error
        self._unlabel(practice_id, _NEXT)

    def drop_next(self, practice_id: str) -> None:
        """See `Vault.drop_next`."""
        with suppress(NotFound):
            self._unlabel(practice_id, _NEXT)

    def portal(self) -> str:
        """See `Vault.portal`."""
        value, _ = self._kept(self._portal_name, _CURRENT, "no portal key is kept")
        return str(value["portal"])

    def put_portal(self, key: str) -> None:
        """See `Vault.put_portal`."""
        body = json.dumps({"portal": key})
        if not self._make(self._portal_name, body):
            self._put_value(self._portal_name, body, _CURRENT)

    # -- calls ------------------------------------------------------------------------------------------------------

    @property
    def _portal_name(self) -> str:
        return f"{self._prefix}/portal"

    def _named(self, keys: Keys) -> dict[str, Any]:
        """The pair as a practice's secret has it, once its developer key lies in its own."""
        fingerprint = hashlib.sha256(keys.developer.encode()).hexdigest()[:32]
        if fingerprint not in self._developers:
            self._make(self._developer_name(fingerprint), json.dumps({"developer": keys.developer}))
            self._developers[fingerprint] = keys.developer
        return {"customer": keys.customer, "developer_is": fingerprint}

    def _read(self, practice_id: str, stage: str) -> Keys:
        value = self._value(practice_id, stage)
        if "customer" not in value or (stage == _PENDING and self._now() - value["put_at"] >= PENDING_KEPT_S):
            raise NotFound("no keys are kept for this practice")
        developer = value["developer"] if "developer" in value else self._developer(value["developer_is"])
        return Keys(developer=developer, customer=value["customer"])

    def _developer(self, fingerprint: str) -> str:
        if fingerprint not in self._developers:
            name = self._developer_name(fingerprint)
            value, _ = self._kept(name, _CURRENT, "the developer key of this practice is not kept")
            self._developers[fingerprint] = value["developer"]
        return self._developers[fingerprint]

    def _value(self, practice_id: str, stage: str) -> Mapping[str, Any]:
        value, _ = self._kept(self._name(practice_id), stage, "no keys are kept for this practice")
        return value

    def _kept(self, name: str, stage: str, missing: str) -> tuple[Mapping[str, Any], str]:
        """What lies under a label of a secret, and its version. Raises: NotFound: nothing does, said as `missing`."""
        try:
            return self._version(name, stage)
        except ClientError as error:
            if _code(error) in _GONE:
                raise NotFound(missing) from error
            raise _unavailable() from error
        except BotoCoreError as error:
            raise _unavailable() from error

    def _version(self, name: str, stage: str) -> tuple[Mapping[str, Any], str]:
        answer = self._client.get_secret_value(SecretId=name, VersionStage=stage)
        return json.loads(answer["SecretString"]), answer["VersionId"]

    def _make(self, name: str, body: str) -> bool:
        """Make the secret unless it is there; whether it was made now."""
        try:
            self._client.create_secret(
                Name=name, SecretString=body, ClientRequestToken=secrets.token_hex(16), **self._sealed_with
            )
        except self._client.exceptions.ResourceExistsException:
            return False
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error
        return True

    def _put(self, practice_id: str, body: Mapping[str, Any], stage: str) -> None:
        self._put_value(self._name(practice_id), json.dumps(body), stage)

    def _put_value(self, name: str, body: str, stage: str) -> None:
        try:
            self._client.put_secret_value(
                SecretId=name, SecretString=body, VersionStages=[stage], ClientRequestToken=secrets.token_hex(16)
            )
        except (ClientError, BotoCoreError) as error:
            raise _unavailable() from error

    def _unlabel(self, practice_id: str, stage: str) -> None:
        """Take the label off the version that has it; without one, Secrets Manager forgets a version.

        Raises: NotFound: no version has it.
        """
        name = self._name(practice_id)
        try:
            _, version = self._version(name, stage)
            self._client.update_secret_version_stage(SecretId=name, VersionStage=stage, RemoveFromVersionId=version)
        except ClientError as error:
            if _code(error) in _GONE:
                raise NotFound("no keys are kept for this practice") from error
            raise _unavailable() from error
        except BotoCoreError as error:
            raise _unavailable() from error

    def _name(self, practice_id: str) -> str:
        return f"{self._prefix}/{practice_id}"

    def _developer_name(self, fingerprint: str) -> str:
        return f"{self._prefix}/developer/{fingerprint}"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _unavailable() -> VaultUnavailable:
    return VaultUnavailable("the vault of keys does not answer")
