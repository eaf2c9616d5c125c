"""What of a body may lie in a state machine's state, its history and its log: what events may tell, too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_WORDS: Final = frozenset(
    {"state", "status", "code", "kind", "object", "param", "type", "medium", "severity", "workflow", "do", "mode"}
    | {"channel", "step", "time_zone", "next_cursor"}
)
_TIMES: Final = frozenset({"local_start", "local_end", "date", "as_of", "since", "until"})
_WORD: Final = re.compile(r"[A-Za-z0-9_.:+/-]{1,400}={0,2}")
"""Words of ours and cursors have no blank in them; what people write nearly always does."""
_ID: Final = re.compile(r"[a-z]{2,8}_[a-z2-7]{16,64}")
"""An id of this API. Others' ids are somebody's: of a subscriber, at Medicaid."""
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,15}Z?)?")
_NEVER: Final = frozenset(
    {
        "address",
        "contact_preferences",
        "has_ssn",
        "birth_date",
        "born_on",
        "deceased_on",
        "amount",
        "balance",
        "fee",
        "total",
    }
)
MOST: Final = 100
"""Members of a list that are told; a machine that needs more asks for pages."""


def thin(value: Any) -> Any:
    """`value` without whatever could be of a person: ids, words of status, times, truths and counts stay.

    A member goes by its name and by its value: a text must be a single word under a name for ids, words or times.
    Amounts, names, birth dates, notes, numbers of telephones are none of these. Lists keep their first 100 members.
    """
    if isinstance(value, Mapping):
        return {name: told for name, one in value.items() if (told := _member(name, one)) is not None}
    if isinstance(value, list):
        return [thin(one) for one in value[:MOST] if isinstance(one, Mapping | list)]
    return None


def _member(name: str, value: Any) -> Any:
    if name in _NEVER:
        return None
    if isinstance(value, Mapping):
        return thin(value) or None
    if isinstance(value, list):
        # Objects under any name; texts as one of them would be told.
        return thin(value) if all(isinstance(one, Mapping) for one in value) else _told(name, value)
    if isinstance(value, bool):
        return value
    return next(iter(_told(name, [value])), None)


def _told(name: str, values: list[Any]) -> list[Any]:
    form = _form_of(name)
    if form is None:
        return []
    return [one for one in values[:MOST] if (form is _WORD if isinstance(one, int) else _fits(form, one))]


def _fits(form: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _form_of(name: str) -> re.Pattern[str] | None:
    """How a value under this name must look to be told; None: not at all."""
    if name in {"id", "ids"} or name.endswith(("_id", "_ids")):
        return _ID
    if name in _TIMES or name.endswith(("_at", "_on")):
        return _TIME
    if name in _WORDS or name.endswith(("_state", "_status", "_minutes", "_count", "_s")):
        return _WORD
    return None
