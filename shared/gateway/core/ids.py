"""Ids: a prefix and opaque text that encodes the practice and the row's key. The same row always gives the same id.

Keys restart in every practice's database, so a key alone names nobody. No table of ids exists: an id is decoded, and
one that belongs to another practice is simply not found there.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

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
    "agreement": "baa",
    "client": "cli",
    "practice": "prac",
    "group": "grp",
    "rotation": "rot",
    "onboarding": "onb",
    "removal": "rmv",
    "definition": "def",
    "carrier": "car",
    "plan_charge": "plc",
    "appointment_type": "apt",
    "deposit": "dep",
    "allergy": "alg",
    "medication": "med",
    "condition": "cnd",
    "schedule": "sch",
    "slot_hold": "hld",
    "task": "tsk",
    "task_list": "tls",
    "recall_type": "rct",
    "procedure_code": "cod",
    "audience": "audn",
    "intake": "int",
    "export": "exp",
    "finding": "fnd",
    "journal_entry": "jnl",
    "message": "msg",
    "message_rule": "rul",
    "workflow_run": "run",
}
"""Object name -> prefix of its ids."""

_RANDOM_BYTES = 10
_RANDOM_CHARACTERS = 16
_HIGH_MASK = (1 << 55) - 1
_MOST_FRONTS = 256
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_TAILS = _PAIRS[::2]


@dataclass(frozen=True, slots=True)
class RowId:
    """What an object id says: which object, whose, and Open Dental's key of the row."""

    kind: str
    practice_id: str
    key: int


def new_id(kind: str) -> str:
    """A random id for something that is no row of Open Dental: an operation, a client, a practice."""
    return f"{PREFIXES[kind]}_{_text(secrets.token_bytes(_RANDOM_BYTES))}"


def id_from(kind: str, fingerprint: str) -> str:
    """The id that a fingerprint of at least 20 hexadecimal characters stands for: always the same one."""
    return f"{PREFIXES[kind]}_{_text(bytes.fromhex(fingerprint)[:_RANDOM_BYTES])}"


def row_id(kind: str, practice_id: str, key: int) -> str:
    """The id of a row. `key` is Open Dental's 64-bit key."""
    return f"{PREFIXES[kind]}_{_text(_raw(practice_id) + key.to_bytes(8, 'big', signed=True))}"


class _Fronts(dict[int, str]):
    """An id without its last two characters, which say the key's low 9 bits, by the bits above them."""

    def __init__(self, head: str) -> None:
        super().__init__()
        self._head = head

    def __missing__(self, high: int) -> str:
        # 64 bits and one of padding make 13 characters, so these 11 are the upper 55 bits.
        bits = high & _HIGH_MASK
        pairs = "".join([_PAIRS[bits >> shift & 1023] for shift in (40, 30, 20, 10, 0)])
        made = self._head + _ALPHABET[bits >> 50] + pairs
        if len(self) >= _MOST_FRONTS:
            self.clear()
        self[high] = made
        return made


@lru_cache(maxsize=4096)
def row_ids(kind: str, practice_id: str) -> Callable[[int], str]:
    """`row_id` with its first two arguments settled, some twenty times faster: a list needs half a dozen ids a row.

    80 bits of practice fill 16 characters of base 32 exactly, so its text stands unchanged at the front of the id.
    """
    fronts = _Fronts(f"{PREFIXES[kind]}_{_text(_raw(practice_id))}")

    def ids(key: int) -> str:
        return fronts[key >> 9] + _TAILS[key & 511]

    return ids


def insurance_payment_key(claim_payment_num: int) -> int:
    """The key under which a claim payment goes among the payments.

    Patients' payments and claim payments are one object to the caller and two tables to Open Dental, each with keys
    from 1. Keys are positive there, so the sign tells them apart: `pay_` of -7 is ClaimPaymentNum 7.
    """
    return -claim_payment_num


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
    key = int.from_bytes(raw[_RANDOM_BYTES:], "big", signed=True)
    if key == 0:
        # Open Dental's way to say nobody: no row has it, and a write would leave the field empty.
        raise NotFound(f"no such {kind.replace('_', ' ')}")
    return RowId(kind, f"{PREFIXES['practice']}_{_text(raw[:_RANDOM_BYTES])}", key)


def practice_of_row(text: str) -> str | None:
    """The practice that an id of any kind of row names; None where `text` is no such id. It may not be there."""
    prefix, _, opaque = text.partition("_")
    raw = _bytes(opaque)
    if prefix not in PREFIXES.values() or raw is None or len(raw) != _RANDOM_BYTES + 8:
        return None
    return f"{PREFIXES['practice']}_{_text(raw[:_RANDOM_BYTES])}"


def is_id(text: str, kind: str) -> bool:
    """Whether `text` looks like an id that `new_id` made for a `kind`."""
    prefix, _, opaque = text.partition("_")
    raw = _bytes(opaque) if len(opaque) == _RANDOM_CHARACTERS else None
    return prefix == PREFIXES[kind] and raw is not None


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
