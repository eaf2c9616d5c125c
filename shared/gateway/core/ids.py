"""Ids: a prefix and opaque text that encodes the practice and the row's key. The same row always gives the same id.

Keys restart in every practice's database, so a key alone names nobody. No table of ids exists: an id is decoded, and
one that belongs to another practice is simply not found there.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass

from gateway.core.errors import NotFound

PREFIXES = {
    "patient": "pat",
    "appointment": "appt",
    "procedure": "proc",
    "claim": "clm",
    "claim_line": "cln",
    "payment": "pay",
    "provider": "prov",
    "operatory": "op",
    "location": "loc",
    "coverage": "cov",
    "recall": "rcl",
    "adjustment": "adj",
    "payment_plan": "pln",
    "treatment_plan": "txp",
    "perio_exam": "per",
    "communication": "com",
    "document": "doc",
    "operation": "opn",
    "event": "evt",
    "webhook": "whk",
    "audit_entry": "aud",
    "client": "cli",
    "practice": "prac",
    "definition": "def",
    "carrier": "car",
    "plan_charge": "plc",
    "appointment_type": "apt",
    "deposit": "dep",
}
"""Object name -> prefix of its ids."""

_RANDOM_BYTES = 10


@dataclass(frozen=True, slots=True)
class RowId:
    """What an object id says: which object, whose, and Open Dental's key of the row."""

    kind: str
    practice_id: str
    key: int


def new_id(kind: str) -> str:
    """A random id for something that is no row of Open Dental: an operation, a client, a practice."""
    return f"{PREFIXES[kind]}_{_text(secrets.token_bytes(_RANDOM_BYTES))}"


def row_id(kind: str, practice_id: str, key: int) -> str:
    """The id of a row. `key` is Open Dental's 64-bit key."""
    return f"{PREFIXES[kind]}_{_text(_raw(practice_id) + key.to_bytes(8, 'big', signed=True))}"


def optional_row_id(kind: str, practice_id: str, key: int | None) -> str | None:
    """The id of a row that may not be there: key 0 and None are nobody."""
    return row_id(kind, practice_id, key) if key else None


def parse_row_id(text: str, kind: str) -> RowId:
    """Read an id back.

    Raises:
        NotFound: it is not an id of a `kind`; an id that cannot be one names nothing.
    """
    prefix, _, opaque = text.partition("_")
    raw = _bytes(opaque)
    if prefix != PREFIXES[kind] or raw is None or len(raw) != _RANDOM_BYTES + 8:
        raise NotFound(f"no such {kind.replace('_', ' ')}")
    practice_id = f"{PREFIXES['practice']}_{_text(raw[:_RANDOM_BYTES])}"
    return RowId(kind, practice_id, int.from_bytes(raw[_RANDOM_BYTES:], "big", signed=True))


def _raw(practice_id: str) -> bytes:
    raw = _bytes(practice_id.partition("_")[2])
    if raw is None or len(raw) != _RANDOM_BYTES:
        raise NotFound("no such practice")
    return raw


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def _bytes(text: str) -> bytes | None:
    if text != text.lower():
        return None
    try:
        raw = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except (binascii.Error, ValueError):
        return None
    # Several spellings of the last character decode alike; only one is the id.
    return raw if _text(raw) == text else None
