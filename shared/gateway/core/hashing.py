"""One hash for equal JSON values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any


def canonical_hash(value: Any, *, default: Callable[[Any], Any] = str) -> str:
    """SHA-256 of JSON values, whatever the order of members. `default` makes such of what is none."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=default)
    return hashlib.sha256(text.encode()).hexdigest()
