"""HMAC-SHA256 under the deployment's own key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from gateway.core.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_MAC_BYTES = 16


class HmacSigner:
    """Fills `core.ports.Signer` with a key that is read from Secrets Manager at the first use.

    Each use signs under a label of its own, so that a cursor never passes for a fingerprint.
    """

    def __init__(self, client: SecretsManagerClient, *, secret_arn: str) -> None:
        self._client = client
        self._secret_arn = secret_arn

    def fingerprint(self, value: str) -> str:
        """See `Signer.fingerprint`."""
        return self._mac(b"fingerprint", value.encode()).hex()

    def sign(self, payload: bytes) -> str:
        """See `Signer.sign`."""
        return _text(self._mac(b"sign", payload) + payload)

    def verify(self, text: str) -> bytes | None:
        """See `Signer.verify`."""
        raw = _bytes(text)
        if raw is None:
            return None
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        return payload if hmac.compare_digest(mac, self._mac(b"sign", payload)) else None

    def secret(self, purpose: str, value: str) -> bytes:
        """See `Signer.secret`."""
        return self._digest(b"secret " + purpose.encode(), value.encode())

    def _mac(self, label: bytes, value: bytes) -> bytes:
        return self._digest(label, value)[:_MAC_BYTES]

    def _digest(self, label: bytes, value: bytes) -> bytes:
        return hmac.new(self._key, label + b"\0" + value, hashlib.sha256).digest()

    @cached_property
    def _key(self) -> bytes:
        try:
            return self._client.get_secret_value(SecretId=self._secret_arn)["SecretString"].encode()
        except (ClientError, BotoCoreError) as error:
            raise Unavailable("the deployment's signing key cannot be read") from error


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # Several spellings of the last character decode alike; only one was made here.
    return raw if _text(raw) == text and len(raw) >= _MAC_BYTES else None
