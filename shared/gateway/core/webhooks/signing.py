"""Standard Webhooks 1.0: what a message is signed with, and its body.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime

from gateway.core.events.event import Event
from gateway.core.json_text import to_json
from gateway.core.walltime import instant_text
from gateway.core.webhooks.full import FullObject


def body_of(event: Event, shown: FullObject | None = None) -> bytes:
    """The body of the message that an event is: the same bytes at each attempt, but for the object in a full one.

    What a full body has beside a thin one has names of its own: `object` is in both the word for what it is about.
    """
    data = event.told()
    if shown is not None:
        data |= {"full_object": shown.value, "full_object_unavailable": shown.unavailable}
    sent = {"type": event.type, "timestamp": instant_text(event.detected_at), "data": data}
    return to_json(sent).encode()


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
