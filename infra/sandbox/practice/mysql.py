"""MySQL's functions that SQLite lacks: as SQLite functions, and as rewrites of a parsed query."""

from __future__ import annotations

import calendar
import math
import re
import sqlite3
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlglot import exp

_UNITS = {"microsecond": 1e-6, "second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def register(connection: sqlite3.Connection) -> None:
    """Give `connection` the functions below."""
    for name, (count, function) in _FUNCTIONS.items():
        connection.create_function(name, count, function, deterministic=True)


def rewritten(query: exp.Query, now: str) -> exp.Query:
    """A MySQL query in a form whose SQLite text means the same; `now` is the office's wall clock.

    Inner calls first, since an outer one carries its arguments along.
    """
    for node in reversed(list(query.walk())):
        for kind, change in _REWRITES:
            if isinstance(node, kind):
                changed = change(node, now)
                if changed is not node:
                    node.replace(changed)
                break
    return query


def name_columns(query: exp.Query) -> exp.Query:
    """Name unnamed columns by their text, as MySQL does, before anything is rewritten."""
    if isinstance(query, exp.Select):
        for projection in list(query.expressions):
            if not isinstance(projection, exp.Alias | exp.Column | exp.Star) and not projection.is_star:
                text = projection.sql(dialect="mysql")
                projection.replace(exp.alias_(projection.copy(), text, quoted=True))
    return query


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError:
        return None


def _shift(value: Any, number: Any, unit: Any) -> str | None:
    moment = _moment(value)
    if moment is None or number is None:
        return None
    word = str(unit).lower()
    try:
        if word in _MONTHS:
            months = moment.year * 12 + moment.month - 1 + int(number) * _MONTHS[word]
            year, month = divmod(months, 12)
            day = min(moment.day, calendar.monthrange(year, month + 1)[1])
            moment = moment.replace(year=year, month=month + 1, day=day)
        else:
            moment += timedelta(seconds=float(number) * _UNITS[word])
    except (ValueError, OverflowError, KeyError, calendar.IllegalMonthError):
        return None
    whole_day = len(str(value)) == 10 and word in {"day", "week", *_MONTHS}
    return str(moment.date()) if whole_day else str(moment)


def _difference(unit: Any, start: Any, end: Any) -> int | None:
    first, last = _moment(start), _moment(end)
    if first is None or last is None:
        return None
    word = str(unit).lower()
    if word in _UNITS:
        return math.trunc((last - first).total_seconds() / _UNITS[word])
    sign = 1 if last >= first else -1
    early, late = sorted((first, last))
    months = (late.year - early.year) * 12 + late.month - early.month
    if (late.day, late.time()) < (early.day, early.time()):
        months -= 1
    return sign * (months // _MONTHS[word])


def _part(read: Callable[[datetime], Any]) -> Callable[[Any], Any]:
    def part(value: Any) -> Any:
        moment = _moment(value)
        return None if moment is None else read(moment)

    return part


def _regexp(pattern: Any, value: Any) -> bool | None:
    return None if value is None else re.search(str(pattern), str(value), re.IGNORECASE) is not None


def _concat_ws(separator: Any, *parts: Any) -> str | None:
    return None if separator is None else str(separator).join(str(part) for part in parts if part is not None)


def _crc32(value: Any) -> int | None:
    """The cyclic redundancy check of the text's bytes, unsigned; a number counts as its decimal digits."""
    return None if value is None else zlib.crc32(str(value).encode())


def _pad(value: Any, length: Any, fill: Any, *, left: bool) -> str | None:
    if value is None:
        return None
    text, width = str(value), int(length)
    padding = (str(fill) * width)[: max(width - len(text), 0)]
    return (padding + text if left else text + padding)[:width]


def _substring_index(value: Any, separator: Any, count: Any) -> str | None:
    if value is None:
        return None
    parts = str(value).split(str(separator))
    return str(separator).join(parts[: int(count)] if int(count) >= 0 else parts[int(count) :])


def _find_in_set(needle: Any, haystack: Any) -> int | None:
    if needle is None or haystack is None:
        return None
    parts = str(haystack).split(",")
    return parts.index(str(needle)) + 1 if str(needle) in parts else 0


def _field(value: Any, *candidates: Any) -> int:
    return candidates.index(value) + 1 if value in candidates else 0


def _truncate(value: Any, decimals: Any = 0) -> float | None:
    return None if value is None else math.trunc(float(value) * 10 ** int(decimals)) / 10 ** int(decimals)


def _right(value: Any, count: Any) -> str | None:
    return None if value is None else str(value)[max(len(str(value)) - int(count), 0) :] if int(count) > 0 else ""


_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "OD_SHIFT": (3, _shift),
    "OD_DIFFERENCE": (3, _difference),
    "OD_RIGHT": (2, _right),
    "YEAR": (1, _part(lambda moment: moment.year)),
    "QUARTER": (1, _part(lambda moment: (moment.month + 2) // 3)),
    "MONTH": (1, _part(lambda moment: moment.month)),
    "DAY": (1, _part(lambda moment: moment.day)),
    "HOUR": (1, _part(lambda moment: moment.hour)),
    "MINUTE": (1, _part(lambda moment: moment.minute)),
    "SECOND": (1, _part(lambda moment: moment.second)),
    "WEEKDAY": (1, _part(lambda moment: moment.weekday())),
    "DAY_OF_WEEK": (1, _part(lambda moment: moment.isoweekday() % 7 + 1)),
    "DAYNAME": (1, _part(lambda moment: f"{moment:%A}")),
    "MONTHNAME": (1, _part(lambda moment: f"{moment:%B}")),
    "LAST_DAY": (
        1,
        _part(lambda moment: str(moment.replace(day=calendar.monthrange(moment.year, moment.month)[1]).date())),
    ),
    "REGEXP": (2, _regexp),
    "CONCAT_WS": (-1, _concat_ws),
    "CRC32": (1, _crc32),
    "LPAD": (3, lambda value, length, fill: _pad(value, length, fill, left=True)),
    "RPAD": (3, lambda value, length, fill: _pad(value, length, fill, left=False)),
    "SUBSTRING_INDEX": (3, _substring_index),
    "FIND_IN_SET": (2, _find_in_set),
    "FIELD": (-1, _field),
    "TRUNCATE": (-1, _truncate),
    "FLOOR": (1, lambda value: None if value is None else math.floor(float(value))),
    "CEIL": (1, lambda value: None if value is None else math.ceil(float(value))),
}


def _call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _text(value: str) -> exp.Expression:
    return exp.Literal.string(value)


def _shifted(node: exp.Expression, amount: exp.Expression, unit: str, *, back: bool) -> exp.Expression:
    number: exp.Expression = exp.Cast(this=amount.copy(), to=exp.DataType.build("double"))
    return _call("OD_SHIFT", node.copy(), exp.Neg(this=exp.Paren(this=number)) if back else number, _text(unit))


def _date_sum(node: exp.Expression, _now: str) -> exp.Expression:
    back = isinstance(node, exp.DateSub | exp.Sub)
    step = node.expression
    if isinstance(step, exp.Interval):
        return _shifted(node.this, step.this, str(step.args.get("unit") or "DAY"), back=back)
    if isinstance(node, exp.Add | exp.Sub):
        return node
    return _shifted(node.this, step, str(node.args.get("unit") or "DAY"), back=back)


def _anonymous(node: exp.Expression, now: str) -> exp.Expression:
    name = node.name.upper()
    if name in ("NOW", "SYSDATE", "LOCALTIME", "LOCALTIMESTAMP"):
        return _text(now)
    if name in ("ADDDATE", "SUBDATE") and len(node.expressions) == 2:
        step = node.expressions[1]
        amount, unit = (step.this, str(step.args.get("unit"))) if isinstance(step, exp.Interval) else (step, "DAY")
        return _shifted(node.expressions[0], amount, unit, back=name == "SUBDATE")
    return node


def _timestamp_diff(node: exp.Expression, _now: str) -> exp.Expression:
    # sqlglot keeps MySQL's (unit, from, to) as (to, from, unit).
    return _call("OD_DIFFERENCE", _text(str(node.args.get("unit"))), node.expression.copy(), node.this.copy())


def _left(node: exp.Expression, _now: str) -> exp.Expression:
    return exp.Substring(this=node.this.copy(), start=exp.Literal.number(1), length=node.expression.copy())


def _truncated(node: exp.Expression, _now: str) -> exp.Expression:
    decimals = node.args.get("decimals")
    return _call("TRUNCATE", node.this.copy(), *([decimals.copy()] if decimals is not None else []))


_REWRITES: list[tuple[Any, Callable[[exp.Expression, str], exp.Expression]]] = [
    ((exp.CurrentTimestamp, exp.CurrentDatetime), lambda _, now: _text(now)),
    (exp.CurrentDate, lambda _, now: _text(now[:10])),
    (exp.CurrentTime, lambda _, now: _text(now[11:])),
    ((exp.DateAdd, exp.DateSub, exp.Add, exp.Sub), _date_sum),
    (exp.TimestampDiff, _timestamp_diff),
    (exp.Left, _left),
    (exp.Right, lambda node, _: _call("OD_RIGHT", node.this.copy(), node.expression.copy())),
    (exp.Trunc, _truncated),
    (exp.Anonymous, _anonymous),
]
