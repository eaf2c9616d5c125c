"""`Idempotency-Key`: the name of a write, chosen by the caller, under which it happens once."""

from __future__ import annotations

from gateway.core.errors import Invalid
from gateway.web.http import HttpRequest
from gateway.web.problems import IdempotencyKeyMissing

HEADER = "Idempotency-Key"
LONGEST = 255


class IdempotencyKey(str):
    """The key of a write: 1 to 255 printable ASCII characters, unquoted."""

    __slots__ = ()


def idempotency_key_of(request: HttpRequest) -> IdempotencyKey:
    """The request's key. The draft writes it as a quoted string, most clients send it bare: both are the same key.

    Raises:
        IdempotencyKeyMissing: there is none. Invalid: it is too long or not printable.
    """
    value = request.headers.get(HEADER.lower(), "").strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not value:
        raise IdempotencyKeyMissing(f"send the header {HEADER}, so that a repeat is no second write", param=HEADER)
    if len(value) > LONGEST or not (value.isascii() and value.isprintable()):
        raise Invalid(f"{HEADER} takes 1 to {LONGEST} printable ASCII characters", param=HEADER)
    return IdempotencyKey(value)
