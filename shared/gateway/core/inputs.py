"""What callers may send, where more than one request says it: days, moments that mean something, rules with a name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, Field, NaiveDatetime
from pydantic_core import PydanticCustomError

FIRST_DAY: Final = date(1880, 1, 1)
"""Nobody alive was born earlier: such a date is Open Dental's sentinel (year 1) or a slip of the pen."""

AFTER_LAST_DAY: Final = date(2200, 1, 1)

_FIRST, _AFTER_LAST = (datetime(day.year, day.month, day.day) for day in (FIRST_DAY, AFTER_LAST_DAY))  # noqa: DTZ001

Day = Annotated[date, Field(ge=FIRST_DAY, lt=AFTER_LAST_DAY)]
"""A calendar day of the office."""

Moment = Annotated[AwareDatetime, Field(ge=_FIRST.replace(tzinfo=UTC), lt=_AFTER_LAST.replace(tzinfo=UTC))]
"""An instant, with its offset. Far enough from the ends of the calendar that every zone can show it."""

WallTime = Annotated[NaiveDatetime, Field(ge=_FIRST, lt=_AFTER_LAST)]
"""A wall time of the office, without an offset."""


def broken_rule(param: str, detail: str) -> PydanticCustomError:
    """The error of a rule over several fields, for a model's validator to raise. `param` is the field to look at."""
    # The text goes in as a value: braces in a template would be taken for names.
    return PydanticCustomError("rule", "{detail}", {"param": param, "detail": detail})
