"""Standard Webhooks 1.0: what a message is signed with, and its body.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from gateway.core.events.event import Event
from gateway.core.walltime import instant_text


def body_of(event: Event) -> bytes:
    """The body of the message that an event is: the same bytes at each attempt."""
    sent = {"type": event.type, "timestamp": instant_text(event.detected_at), "data": event.told()}
    return json.dumps(sent, separators=(",", ":")).encode()


def headers_of(message_id: str, body: bytes, *, secrets: Iterable[bytes], at: datetime) -> Mapping[str, str]:
    """The message's headers. One signature for each of `secrets`; `at` is the moment of the attempt."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    macs = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(mac).decode()}" for mac in macs),
    }
