"""How Open Dental spells values on the wire, both ways. The only module that knows.

Reading takes every form that has been seen: numbers and booleans bare or quoted and in any case, three forms of money,
three of dates, "nothing" as year 0001, key 0, "" and -1. What reading cannot make sense of is a ValueError whose text
never shows the value. Writing follows the catalogue's type, which is what the vendor's page prints for that field.

The functions are plain and take their commonest form first, because a page has a thousand rows. The `Annotated` types
at the end are the same functions for pydantic models; pydantic itself is loaded only by who declares a model.

Source: https://www.opendental.com/site/apispecification.html, "Data types"; forms seen besides are in the README.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Annotated, Any, Final

NO_DAY: Final = "0001-01-01"
NO_MOMENT: Final = "0001-01-01 00:00:00"

JANUARY_2001: Final = frozenset({date(2001, 1, 1)})
"""A second "nothing" in the lists of payment plans. Source: https://www.opendental.com/site/apipayplans.html."""
JANUARY_2000: Final = frozenset({date(2000, 1, 1)})
"""A second "nothing" in lab cases. Source: https://www.opendental.com/site/apilabcases.html."""

_CENT, _NO_CENTS = Decimal("0.01"), Decimal("0.00")
_WIDEST = 25
_LOWEST_KEY, _HIGHEST_KEY = -(2**63), 2**63 - 1


class Malformed(ValueError):
    """A text that is no JSON, or a value in no form the vendor uses. Its message never shows the text or the value."""


# Reading JSON


def _refuse_constant(_: str) -> None:
    raise Malformed("NaN and Infinity are no JSON numbers")


# Notes carry raw tabs and control characters now and then: better kept than refused.
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant, strict=False)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def loads(raw: bytes | str) -> Any:
    """Read a JSON text without making a float out of any number: whole numbers are int, all others Decimal.

    Raises:
        Malformed: not one whole JSON text in UTF-8.
    """
    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8-sig")
        value = _DECODER.decode(text)
        broken = False
    except (ValueError, RecursionError, InvalidOperation):
        # Raised below: the decoder's own error carries the whole text, which would follow ours as its cause.
        broken = True
    if broken:
        raise Malformed("not a JSON text")
    # Half a character (an escape cut in two by the vendor's length limit) cannot be stored or sent on.
    return _without_lone_surrogates(value) if "\\ud" in text or "\\uD" in text else value


def _without_lone_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_without_lone_surrogates(one) for one in value]
    if isinstance(value, dict):
        return {name: _without_lone_surrogates(one) for name, one in value.items()}
    return value


def rows(data: object) -> list[dict[str, Any]]:
    """Return the rows of a list answer: some lists answer one bare object instead.

    Raises:
        Malformed: neither objects nor a list of them.
    """
    if isinstance(data, dict):
        return [data]
    if isinstance(data, list) and all(isinstance(row, dict) for row in data):
        return data
    raise Malformed("not a list of rows")


# Reading values


def integer(value: object) -> int | None:
    """Read a whole number, bare or quoted; None for nothing."""
    if value.__class__ is int:
        return value
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    elif isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < _WIDEST and value % 1 == 0:
        return int(value)
    raise Malformed("not a whole number")


def key(value: object) -> int | None:
    """Read a key of a row, 64 bits wide; None for 0, which stands for "none".

    Source: https://www.opendental.com/site/apispecification.html; offices with random keys use all 19 digits.
    """
    if value.__class__ is int:
        return value or None
    return integer(value) or None


def number(value: object) -> Decimal | None:
    """Read a number with a decimal part, exactly as written; None for nothing."""
    if value.__class__ is Decimal:
        exact: Decimal = value
    elif value.__class__ is int:
        exact = Decimal(value)
    elif value is None or value == "":
        return None
    elif isinstance(value, str):
        try:
            exact = Decimal(value)
        except InvalidOperation:
            raise Malformed("not a number") from None
    else:
        # A float has lost digits already; a bool is no amount.
        raise Malformed("not a number")
    # A short text such as 1E+999999999 would fill the memory as soon as somebody writes it out.
    if not exact.is_finite() or abs(exact.adjusted()) > _WIDEST:
        raise Malformed("not a number")
    return exact


def money(value: object) -> Decimal | None:
    """Read an amount, "339", 250.0 or "0", in dollars with two places; None for nothing, never for 0."""
    # Half the amounts of a page are zero.
    if (value.__class__ is int or value.__class__ is Decimal) and not value:
        return _NO_CENTS
    exact = number(value)
    if exact is None:
        return None
    try:
        return exact.quantize(_CENT, ROUND_HALF_UP)
    except InvalidOperation:
        raise Malformed("not an amount") from None


def money_or_unset(value: object) -> Decimal | None:
    """Read an amount whose -1 stands for "not set", as in overrides and estimates of claim procedures.

    Source: https://www.opendental.com/site/apiclaimprocs.html.
    """
    amount = money(value)
    return None if amount == -1 else amount


def integer_or_unset(value: object) -> int | None:
    """Read a whole number whose -1 stands for "not set", e.g. a percentage."""
    whole = integer(value)
    return None if whole == -1 else whole


_FLAGS: Final[dict[object, bool]] = {
    "true": True,
    "false": False,
    "True": True,
    "False": False,
    "TRUE": True,
    "FALSE": False,
    "1": True,
    "0": False,
    1: True,
    0: False,
}


def flag(value: object) -> bool | None:
    """Read a boolean: "true", "False", true or 1; None for nothing."""
    try:
        return _FLAGS[value]
    except (KeyError, TypeError):
        pass
    if value is None or value == "":
        return None
    if isinstance(value, str) and (known := value.strip().lower()) in {"true", "false"}:
        return known == "true"
    raise Malformed("not a boolean")


_WORDS: Final[dict[object, bool]] = {"yes": True, "no": False, "1": True, "2": False, 1: True, 2: False}


def yes_no(value: object) -> bool | None:
    """Read a word of three: Yes, No, and Unknown as None. Anything unheard of is unknown too."""
    word = value.strip().lower() if isinstance(value, str) else value
    return _WORDS.get(word) if isinstance(word, str | int) else None


_US_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: +(\d{1,2}):(\d{2})(?::(\d{2}))?(?: *([AaPp])\.?[Mm]\.?)?)?")


def day(value: object, unset: frozenset[date] = frozenset()) -> date | None:
    """Read a calendar day, `yyyy-MM-dd`, `M/d/yyyy` or either with a time behind it.

    None for nothing, for year 0001, and for the days in `unset` where a resource has another "nothing".
    """
    if value.__class__ is str and len(value) == 10 and value[4] == "-":
        if value[:4] == "0001":
            return None
        try:
            found = date.fromisoformat(value)
        except ValueError:
            raise Malformed("not a day") from None
    else:
        at = moment(value)
        if at is None:
            return None
        found = at.date()
    return None if found in unset else found


def moment(value: object) -> datetime | None:
    """Read a date-time, `yyyy-MM-dd HH:mm:ss`, with a T, in US form, or a day alone (then midnight).

    It is the office's wall clock and stays one: the answer is naive, and an offset behind it is dropped.
    None for nothing and for year 0001.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Malformed("not a date-time")
    if value[:4] == "0001":
        return None
    if value[4:5] == "-":
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            raise Malformed("not a date-time") from None
        return found if found.tzinfo is None else found.replace(tzinfo=None)
    return _us_moment(value)


def _us_moment(value: str) -> datetime | None:
    text = value.strip()
    if not text:
        return None
    if text[4:5] == "-":
        return moment(text)
    match = _US_DAY.fullmatch(text)
    if match is None:
        raise Malformed("not a date-time")
    month, day_, year, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    if year == 1:
        return None
    if half := match[7]:
        if not 1 <= hour <= 12:
            raise Malformed("not a date-time")
        hour = hour % 12 + (12 if half in "Pp" else 0)
    try:
        return datetime(year, month, day_, hour, minute, second)  # noqa: DTZ001 - the office's wall clock has no zone.
    except ValueError:
        raise Malformed("not a date-time") from None


def visit_moment(value: object) -> datetime | None:
    """Read when something happened during a visit; None also at midnight sharp.

    A new visit carries its day at 00:00:00 as "not yet arrived", "not yet seated" and "not yet dismissed".
    Source: https://www.opendental.com/site/apiappointments.html.
    """
    found = moment(value)
    return None if found is None or (found.hour == found.minute == found.second == 0) else found


def clock(value: object) -> time | None:
    """Read a time of day, `HH:mm:ss`; None for nothing. Midnight is a time."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Malformed("not a time of day")
    try:
        found = time.fromisoformat(value.strip())
    except ValueError:
        raise Malformed("not a time of day") from None
    return found if found.tzinfo is None else found.replace(tzinfo=None)


def text(value: object) -> str | None:
    """Read a text without the blanks around it; None for nothing. Numbers turn up where texts are usual."""
    if value.__class__ is str:
        return value.strip() or None
    if value is None:
        return None
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return str(value)
    raise Malformed("not a text")


def postal_code(value: object) -> str | None:
    """Read a postal code; None for none.

    The patients' selection window writes it as a bare number, which loses the zeros it begins with: they are put back,
    up to the 5 or 9 digits that a number there can have. https://www.opendental.com/site/apipatients.html.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:05}" if 0 < value < 100_000 else f"{value:09}" if value > 0 else None
    return text(value)


def color(value: object) -> tuple[int, int, int] | None:
    """Read a colour, "r,g,b" with 0 to 255 each; None for nothing."""
    if value is None or value == "":
        return None
    parts = value.split(",") if isinstance(value, str) else ()
    try:
        # Four parts are alpha, red, green, blue.
        red, green, blue = (int(part) for part in parts[-3:])
    except ValueError:
        raise Malformed("not a colour") from None
    if len(parts) > 4 or not all(0 <= part <= 255 for part in (red, green, blue)):
        raise Malformed("not a colour")
    return red, green, blue


def keys(value: object) -> tuple[int, ...]:
    """Read a list of keys, as an array or as a comma list in a text."""
    if value is None or value == "":
        return ()
    parts = value.strip("[] ").split(",") if isinstance(value, str) else value
    if not isinstance(parts, list):
        raise Malformed("not a list of keys")
    return tuple(found for part in parts if (found := key(part.strip() if isinstance(part, str) else part)) is not None)


def as_is(value: object) -> object:
    """Return the value: types that hold others are read by who knows what is in them."""
    return value


READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "int": integer,
    "int_string": integer,
    "float": number,
    "decimal_string": number,
    "bool": flag,
    "bool_string": flag,
    "string": text,
    "enum": text,
    "date": day,
    "datetime": moment,
    "datetime_iso": moment,
    "time": clock,
    "color": color,
    "int_array": keys,
    "array": as_is,
    "object": as_is,
}
"""How each type of the catalogue is read."""


# Writing


def dumps(value: object) -> str:
    """Write a JSON text with Decimals as bare numbers, exactly as they are.

    Raises:
        TypeError: something in it is a float, or no JSON value: amounts never pass a float.
    """
    match value:
        case bool() | None:
            return json.dumps(value)
        case int():
            return str(int(value))
        case str():
            return json.dumps(value)
        case Decimal() if value.is_finite():
            return format(value, "f")
        case Mapping():
            return "{" + ", ".join(f"{json.dumps(str(name))}: {dumps(one)}" for name, one in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(dumps, value)) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} has no form on the wire")


def _write_integer(value: object) -> int:
    # A bool is an int to Python, and never meant as one here.
    whole = 0 if value is None else None if isinstance(value, bool) else integer(value)
    if whole is None or not _LOWEST_KEY <= whole <= _HIGHEST_KEY:
        raise Malformed("not a whole number of 64 bits")
    return whole


def _write_number(value: object) -> Decimal:
    exact = number(value)
    if exact is None:
        raise Malformed("not a number")
    return exact


def _write_decimal_string(value: object) -> str:
    exact = _write_number(value)
    try:
        in_cents = exact.quantize(_CENT)
    except InvalidOperation:
        raise Malformed("not an amount") from None
    if in_cents != exact:
        raise Malformed("an amount has two places")
    return format(in_cents, "f")


def _write_flag(value: object) -> bool:
    known = flag(value)
    if known is None:
        raise Malformed("not a boolean")
    return known


def _write_string(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed("not a text")
    # They break the transfer. Source: https://www.opendental.com/site/apiqueries.html.
    if "\0" in value:
        raise Malformed("a text cannot hold null characters")
    return value


def _write_day(value: object) -> str:
    found = value.date() if isinstance(value, datetime) else value if isinstance(value, date) else day(value)
    return NO_DAY if found is None else f"{found.year:04}-{found.month:02}-{found.day:02}"


def _write_moment(value: object, between: str = " ") -> str:
    found = value if isinstance(value, datetime) else moment(value)
    if found is None:
        return NO_MOMENT.replace(" ", between)
    if found.tzinfo is not None:
        raise Malformed("the office's wall clock has no zone: give a naive date-time")
    return found.isoformat(sep=between, timespec="seconds")


def _write_clock(value: object) -> str:
    found = value if isinstance(value, time) else clock(value)
    if found is None:
        return "00:00:00"
    return found.replace(tzinfo=None).isoformat(timespec="seconds")


def _write_color(value: object) -> str:
    found = color(value) if isinstance(value, str) else value
    if not isinstance(found, tuple) or len(found) != 3:
        raise Malformed("not a colour")
    return ",".join(str(int(part)) for part in found)


def _write_keys(value: object) -> list[int]:
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise Malformed("not a list of keys")
    return [_write_integer(one) for one in value]


WRITERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "int": _write_integer,
    "int_string": lambda value: str(_write_integer(value)),
    "float": _write_number,
    "decimal_string": _write_decimal_string,
    "bool": _write_flag,
    "bool_string": lambda value: "true" if _write_flag(value) else "false",
    "string": _write_string,
    "enum": _write_string,
    "date": _write_day,
    "datetime": _write_moment,
    "datetime_iso": lambda value: _write_moment(value, "T"),
    "time": _write_clock,
    "color": _write_color,
    "int_array": _write_keys,
    "array": as_is,
    "object": as_is,
}
"""How each type of the catalogue is written into a body. None is written as the vendor's own "nothing"."""


def write(type_name: str, value: object) -> Any:
    """Return what stands in a JSON body for `value` in a field of that catalogue type; see `dumps` for Decimals.

    Raises:
        Malformed: the value has no form of that type.
    """
    return WRITERS[type_name](value)


def write_query(type_name: str, value: object) -> str:
    """Return what stands in a query string for `value`, before percent-encoding; lists are written with commas."""
    written = WRITERS[type_name](value)
    if isinstance(written, bool):
        return "true" if written else "false"
    if isinstance(written, Decimal):
        return format(written, "f")
    if isinstance(written, list | tuple):
        return ",".join(map(str, written))
    return str(written)


# For models


class Reads:
    """Marks a pydantic field as read by one of the functions above."""

    __slots__ = ("_read",)

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        # Imported here because normalizers use this module without pydantic.
        from pydantic_core import core_schema  # noqa: PLC0415

        return core_schema.no_info_before_validator_function(self._read, handler(source))


def _as_read(read: Callable[[Any], Any], types: tuple[type, ...]) -> Reads:
    """Let values through that are of the model's own type already, so that a model can be made by hand."""

    def read_unless_read(value: Any) -> Any:
        return value if value.__class__ in types else read(value)

    return Reads(read_unless_read)


Key = Annotated[int, Reads(key)]
OptionalKey = Annotated[int | None, Reads(key)]
Whole = Annotated[int, Reads(integer)]
OptionalWhole = Annotated[int | None, Reads(integer)]
WholeOrUnset = Annotated[int | None, Reads(integer_or_unset)]
Money = Annotated[Decimal, Reads(money)]
OptionalMoney = Annotated[Decimal | None, Reads(money)]
MoneyOrUnset = Annotated[Decimal | None, Reads(money_or_unset)]
Flag = Annotated[bool, Reads(flag)]
OptionalFlag = Annotated[bool | None, Reads(flag)]
YesNo = Annotated[bool | None, _as_read(yes_no, (bool,))]
Day = Annotated[date | None, _as_read(day, (date,))]
Moment = Annotated[datetime | None, _as_read(moment, (datetime,))]
VisitMoment = Annotated[datetime | None, _as_read(visit_moment, (datetime,))]
Clock = Annotated[time | None, _as_read(clock, (time,))]
Text = Annotated[str | None, Reads(text)]
Color = Annotated[tuple[int, int, int] | None, _as_read(color, (tuple,))]
Keys = Annotated[tuple[int, ...], _as_read(keys, (tuple,))]
