"""What a caller sends with an operation, held against the catalogue before a call is spent on it.

Open Dental ignores parameters that it does not know, and those that are newer than the office: then the whole table
comes, or a change is lost without a word. So both are refused here, by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Final

from gateway.core.errors import AppError, Invalid, VersionTooOld
from gateway.core.practices import Practice
from gateway.core.resources.names import request_names, vendor_name
from gateway.core.resources.secrets import is_secret
from open_dental import wire
from open_dental.catalogue import Operation, Param
from open_dental.versions import Version

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_EXACT = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,10})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?")
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?")
_MOST_DIGITS = 30
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1

_TAKES: Final[Mapping[str, str]] = {
    "int": "takes a whole number",
    "int_string": "takes a whole number",
    "float": "takes a number, as text or as it is",
    "decimal_string": "takes an amount with at most two places, as text or as it is",
    "bool": "takes true or false",
    "bool_string": "takes true or false",
    "string": "takes text",
    "enum": "takes text",
    "date": "takes a date of the calendar, written as YYYY-MM-DD",
    "datetime": "takes the office's wall time, written as YYYY-MM-DDThh:mm:ss, without an offset",
    "datetime_iso": "takes the office's wall time, written as YYYY-MM-DDThh:mm:ss, without an offset",
    "time": "takes a time of day, written as hh:mm:ss",
    "color": "takes a colour, written as red,green,blue with 0 to 255 each",
    "int_array": "takes a list of whole numbers",
    "array": "takes a list",
    "object": "takes an object",
}


class _Refused(ValueError):
    """A value that cannot be sent; the text says what is taken instead, never what came."""


def query_of(operation: Operation, given: Mapping[str, list[str]], practice: Practice) -> dict[str, Any]:
    """The query as Open Dental names it, its values checked and in JSON's types.

    Raises:
        Invalid: names every parameter at fault. VersionTooOld: the office would ignore one.
    """
    known = {one.name: one for one in operation.query}
    taken: dict[str, Any] = {}
    faults: list[tuple[str, str]] = []
    for name, values in given.items():
        param = known.get(vendor_name(operation, name) or "")
        if param is None:
            faults.append((name[:100], _unknown(operation, name, known, "parameter")))
        elif is_secret(param.name):
            faults.append((name, "is not searched by here: such numbers are neither shown nor confirmed"))
        elif param.name in taken or (len(values) > 1 and param.type != "int_array"):
            faults.append((name, "is given more than once"))
        else:
            _take(param, _of_text(param, values), name, taken, faults)
    return _complete(operation, known, taken, faults, practice)


def body_of(operation: Operation, given: Mapping[str, Any], practice: Practice) -> dict[str, Any]:
    """The body as Open Dental names its fields, its values checked and in JSON's types: numbers with decimals are text.

    null writes the vendor's own "nothing": an empty text, a zero, a day of year 1.

    Raises:
        Invalid: names every field at fault. VersionTooOld: the office would ignore one.
    """
    known = {one.name: one for one in operation.body}
    taken: dict[str, Any] = {}
    faults: list[tuple[str, str]] = []
    for name, value in given.items():
        param = known.get(vendor_name(operation, name) or "")
        if param is None:
            faults.append((name[:100], _unknown(operation, name, known, "field")))
        elif param.name in taken:
            faults.append((name, "is given more than once"))
        else:
            _take(param, value, name, taken, faults)
    if operation.kind == "update" and known and not taken and not faults:
        raise Invalid("the body names nothing to change", param="body")
    return _complete(operation, known, taken, faults, practice)


def _take(param: Param, value: Any, name: str, taken: dict[str, Any], faults: list[tuple[str, str]]) -> None:
    try:
        taken[param.name] = _checked(param, value)
    except _Refused as refused:
        # It was given: nobody is told of the same field that it is needed.
        taken[param.name] = None
        faults.append((name, str(refused)))


def _complete(
    operation: Operation,
    known: Mapping[str, Param],
    taken: dict[str, Any],
    faults: list[tuple[str, str]],
    practice: Practice,
) -> dict[str, Any]:
    ours = request_names(operation)
    faults += [(ours[one.name], "is needed") for one in known.values() if one.required and one.name not in taken]
    if faults:
        raise _invalid(faults)
    for name in taken:
        since = known[name].since
        if practice.version and not Version.parse(practice.version).has(since):
            raise VersionTooOld(
                f"the office's Open Dental is older than {since} and would ignore {ours[name]}",
                param=ours[name],
                version=f"{since}",
            )
    return taken


def _invalid(faults: Iterable[tuple[str, str]]) -> AppError:
    found = [{"param": param, "detail": detail} for param, detail in faults]
    first = found[0]
    # The name of what nobody knows is the caller's own text, and stands in `param`.
    is_unknown = first["detail"].startswith("there is no such")
    detail = first["detail"] if is_unknown else f"{first['param']}: {first['detail']}"
    if len(found) == 1:
        return Invalid(detail, param=first["param"])
    return Invalid(detail, param=first["param"], errors=found)


def _unknown(operation: Operation, name: str, known: Iterable[str], what: str) -> str:
    from gateway.core.wording import no_such  # noqa: PLC0415 - a request that is right needs no words

    if what == "parameter" and name.lower() in {"limit", "offset"}:
        return "there is no such parameter: pages are asked for by limit and cursor, where the list has any"
    ours = request_names(operation)
    return no_such(what, name, [ours[one] for one in known if not is_secret(one) or what == "field"])


def _of_text(param: Param, values: list[str]) -> Any:
    """A parameter's text as the value a body would have."""
    if param.type == "int_array":
        return [part.strip() for value in values for part in value.split(",") if part.strip()]
    text = values[0]
    if param.type in {"bool", "bool_string"} and text in {"true", "false"}:
        return text == "true"
    return text


def _checked(param: Param, value: Any) -> Any:
    """The value in JSON's types, as the client takes it.

    Raises:
        _Refused
    """
    takes = _TAKES[param.type]
    if value is None:
        if param.required or param.type in {"bool", "bool_string", "float", "decimal_string", "enum"}:
            raise _Refused(f"{takes}, not null")
        return _nothing(param)
    check = _CHECKS.get(param.type)
    if check is not None:
        return check(value, takes)
    if not isinstance(value, str) or "\0" in value:
        raise _Refused(takes)
    if param.type == "enum":
        return _word(param, value)
    return value if param.type == "string" else _timed(param.type, value, takes)


def _nothing(param: Param) -> Any:
    if param.type in {"array", "int_array"}:
        return []
    return {} if param.type == "object" else wire.write(param.type, None if param.type != "color" else "0,0,0")


def _whole(value: Any, takes: str) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not _LOWEST <= value <= _HIGHEST:
        raise _Refused(takes)
    return value


def _truth(value: Any, takes: str) -> bool:
    if not isinstance(value, bool):
        raise _Refused(takes)
    return value


def _wholes(value: Any, takes: str) -> list[int]:
    return [_whole(one, takes) for one in _several(value, takes)]


def _several(value: Any, takes: str) -> list[Any]:
    if not isinstance(value, list):
        raise _Refused(takes)
    return value


def _members(value: Any, takes: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Refused(takes)
    return value


def _exact(value: Any, takes: str, *, kind: str = "float") -> str:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise _Refused(takes)
    # Written out, 1e400000000 is 400 MB, and a whole number of 400 digits is no float.
    if isinstance(value, Decimal) and abs(value.adjusted()) > _MOST_DIGITS:
        raise _Refused(takes)
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if _EXACT.fullmatch(text) is None:
        raise _Refused(takes)
    try:
        wire.write(kind, Decimal(text))
    except (ValueError, InvalidOperation):
        raise _Refused(takes) from None
    return text


def _word(param: Param, value: str) -> str:
    if param.enum and value not in param.enum:
        from difflib import get_close_matches  # noqa: PLC0415 - a request that is right needs no words

        by_case = {one.lower(): one for one in param.enum}
        near = get_close_matches(value[:100].lower(), by_case, n=1)
        hint = f'did you mean "{by_case[near[0]]}"?' if near else f"there are {', '.join(param.enum)}"
        raise _Refused(f"takes one of Open Dental's words; {hint}")
    return value


_CHECKS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "int": _whole,
    "int_string": _whole,
    "float": _exact,
    "decimal_string": partial(_exact, kind="decimal_string"),
    "bool": _truth,
    "bool_string": _truth,
    "int_array": _wholes,
    "array": _several,
    "object": _members,
}


def _timed(kind: str, value: str, takes: str) -> str:
    """A day, a wall time, a time of day or a colour, in the spelling that the client reads."""
    try:
        if kind == "date" and _DAY.fullmatch(value):
            return date.fromisoformat(value).isoformat()
        if kind in {"datetime", "datetime_iso"} and _MOMENT.fullmatch(value):
            return datetime.fromisoformat(value).isoformat(timespec="seconds")
        if kind in {"datetime", "datetime_iso"} and _DAY.fullmatch(value):
            return datetime.fromisoformat(value).isoformat(timespec="seconds")
        if kind == "time" and _CLOCK.fullmatch(value):
            return time.fromisoformat(value).isoformat(timespec="seconds")
        if kind == "color":
            wire.color(value)
            return value
    except ValueError:
        pass
    raise _Refused(takes)
