"""Names as they are compared: without case, accents and punctuation, word by word."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")


def folded(text: object) -> str:
    """As an office's database compares: neither case nor accents."""
    plain = unicodedata.normalize("NFKD", str(text or "")).casefold()
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def words(text: object) -> list[str]:
    """The folded words of a name; what stands between letters and digits divides them."""
    return _WORD.findall(folded(text))
