"""What raw rows hold and nobody is shown: keys, passwords, social security numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_SECRET_FIELD = re.compile(r"ssn$|^ss_?num|password(?!reset)|^(customer|developer|portal)_?key$|sftp", re.IGNORECASE)
_SECRET_LABEL = re.compile(
    r"\bssn|ssn\b|\bss ?[#n]|social.?sec|pass ?word|passphrase|secret|token"
    r"|(api|auth|account|customer|developer|registration|licen[cs]e) ?key|credential|sftp",
    re.IGNORECASE,
)

LABELLED: Final[Mapping[str, str]] = {
    "PrefName": "ValueString",
    "FieldName": "FieldValue",
    "Field": "Content",
}
"""Where a row says in one field what another holds: preferences, custom fields and sheets, patient information."""


def is_secret(name: str) -> bool:
    """Whether a field of that name, in any spelling, is cut from every answer."""
    return _SECRET_FIELD.search(name) is not None


def labels_secret(label: object) -> bool:
    """Whether a value that is labelled so is cut: a preference `EmailPassword`, a sheet's field `SSN`."""
    return isinstance(label, str) and _SECRET_LABEL.search(label) is not None


def without_secrets(value: Any) -> Any:
    """The value as Open Dental sent it, its secrets cut at every depth.

    Numbers with decimals become texts, and whole ones beyond 2^53, whose last digits many a JSON reader would change.
    """
    if isinstance(value, Mapping):
        kept = {name: without_secrets(one) for name, one in value.items() if not is_secret(name)}
        for label, holder in LABELLED.items():
            if holder in kept and labels_secret(kept.get(label)):
                del kept[holder]
        return kept
    if isinstance(value, list | tuple):
        return [without_secrets(one) for one in value]
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int):
        return str(value) if abs(value) >= 2**53 else value
    return f"{value:f}"
