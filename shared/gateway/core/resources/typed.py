"""Rows of any resource as typed dicts, by the types that the catalogue has for their fields.

    keys            text, null for 0: every key and whatever points to one
    whole numbers   numbers
    postal codes    text, though some lists have them as numbers
    decimals        text with two places or more; money is among them, and no digit passes a float
    truths          true, false; null for neither
    dates, times    ISO 8601; date-times are the office's wall clock, without a zone; null for year 0001 and ""
    words           as the office has them; null for ""
    colours         "r,g,b"
    what is not catalogued, and what lies in it, by its value

A value in no form that its type has is shown by its value as well and reported, so that one odd row spoils no page.
What `secrets` names is left out everywhere.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, Final

from gateway.core.resources.names import RESERVED, field_names, snake, spelled
from gateway.core.resources.secrets import LABELLED, is_secret, labels_secret
from open_dental import catalogue, wire
from open_dental.catalogue import Field, Operation

Read = Callable[[Any], Any]

_log = logging.getLogger("gateway.drift")

_ODD_VALUES: Final = (ValueError, TypeError, AttributeError)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}")
_BIGGEST_EXACT: Final = 2**53
_MOST_KEPT: Final = 4096
_MOST_LEARNED: Final = 64
"""Names of a newer office that a shape remembers."""


class _Kept(dict[Any, Any]):
    """What days mean that many rows share, each read once. Bounded."""

    def __init__(self, read: Read) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, value: Any) -> Any:
        if value.__class__ is not str:
            return self._read(value)
        if len(self) >= _MOST_KEPT:
            self.clear()
        made = self[value] = self._read(value)
        return made


def _key(value: Any) -> str | None:
    if value.__class__ is int:
        return str(value) if value else None
    found = wire.key(value)
    return None if found is None else str(found)


def _text(value: Any) -> str | None:
    return value.strip() or None if value.__class__ is str else wire.text(value)


def _day(value: Any) -> str | None:
    found = wire.day(value)
    return None if found is None else found.isoformat()


def _moment(value: Any) -> str | None:
    if value.__class__ is str and len(value) == 19 and value[4] == "-":
        return None if value[:4] == "0001" else datetime.fromisoformat(value).isoformat()
    found = wire.moment(value)
    return None if found is None else found.isoformat(timespec="seconds")


def _clock(value: Any) -> str | None:
    found = wire.clock(value)
    return None if found is None else found.isoformat(timespec="seconds")


def _decimal(value: Any) -> str | None:
    if value.__class__ is Decimal:
        # Half the amounts of a page are zero, and most others are in cents or tenths.
        if not value:
            return "0.00"
        text = str(value)
        if text[-3:-2] == ".":
            return text
        if text[-2:-1] == ".":
            return f"{text}0"
    exact = wire.number(value)
    if exact is None:
        return None
    text = f"{exact:f}"
    whole, _, places = text.partition(".")
    return f"{whole}.{places:0<2}"


def _color(value: Any) -> str | None:
    found = wire.color(value)
    return None if found is None else ",".join(map(str, found))


def _keys(value: Any) -> list[str]:
    return [str(one) for one in wire.keys(value)]


_DAYS: Final = _Kept(_day)


def _read_of(field: Field, *, is_key: bool) -> Read:
    """How one field is read."""
    if field.name.endswith("Zip"):
        return wire.postal_code
    if field.type in {"int", "int_string"}:
        return _key if is_key else wire.integer
    if field.type in {"bool", "bool_string"}:
        return wire.flag
    if field.type == "date":
        return _DAYS.__getitem__
    return _READS[field.type]


_READS: Final[Mapping[str, Read]] = {
    "float": _decimal,
    "decimal_string": _decimal,
    "string": _text,
    "enum": _text,
    "datetime": _moment,
    "datetime_iso": _moment,
    "time": _clock,
    "color": _color,
    "int_array": _keys,
}


def by_value(value: Any, name: str = "") -> Any:
    """A value without a catalogued type: what its own form says it is, at every depth."""
    if isinstance(value, str):
        return _text_by_value(value)
    if isinstance(value, Mapping):
        return _object_by_value(value)
    if isinstance(value, list | tuple):
        return [by_value(one, name) for one in value]
    if isinstance(value, Decimal):
        return _decimal_by_value(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _number_by_value(value, name)
    return value


def _decimal_by_value(value: Decimal) -> str | None:
    try:
        return _decimal(value)
    except wire.Malformed:
        # Too wide to be written out.
        return str(value)


def _number_by_value(value: int, name: str) -> int | str | None:
    if name.endswith("Num"):
        return str(value) if value else None
    # No count is as large: it is a key.
    return str(value) if abs(value) >= _BIGGEST_EXACT else value


def _text_by_value(value: str) -> Any:
    if value in {"true", "false"}:
        return value == "true"
    if _DAY.fullmatch(value) or _MOMENT.fullmatch(value):
        if value[:4] == "0001":
            return None
        try:
            made: date = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
        except ValueError:
            return value
        return made.isoformat()
    return value.strip() or None


def _object_by_value(value: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: one for name, one in value.items() if not is_secret(name)}
    for label, holder in LABELLED.items():
        if holder in shown and labels_secret(shown.get(label)):
            shown[holder] = None
    ours = spelled(shown, ())
    return {ours[name]: by_value(one, name) for name, one in shown.items()}


class Shape:
    """The rows of one operation's answers: prepared once, then a look-up and a call for each value."""

    def __init__(self, resource: str, fields: Iterable[Field], key: str | None) -> None:
        self.resource = resource
        self._names = field_names(resource)
        self._fields: dict[str, tuple[str, Read] | None] = {}
        known = {one.name for one in fields}
        for one in fields:
            is_key = one.ref is not None or one.name == key or one.name.endswith("Num")
            read = None if is_secret(one.name) else (self._names[one.name], _read_of(one, is_key=is_key))
            self._fields[one.name] = read
        self._learned: set[str] = set()
        self._beyond: dict[str, tuple[str, Read]] = {}
        self._labels = [(label, holder) for label, holder in LABELLED.items() if label in known]

    def typed(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row in our names and types."""
        shown: dict[str, Any] = {}
        fields = self._fields
        try:
            for name, value in row.items():
                known = fields[name]
                if known is not None:
                    shown[known[0]] = known[1](value)
        except (KeyError, *_ODD_VALUES):
            shown = self._carefully(row)
        for label, holder in self._labels:
            if labels_secret(row.get(label)) and holder in row:
                shown[self._names.get(holder, snake(holder))] = None
        return shown

    def _carefully(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row with whatever is odd about it: names that are not catalogued, values in a form of no type."""
        self._learn(row)
        shown: dict[str, Any] = {}
        for name, value in row.items():
            known = self._fields.get(name) or self._beyond.get(name)
            if known is None:
                continue
            try:
                shown[known[0]] = known[1](value)
            except _ODD_VALUES:
                _log.warning("value of another type", extra={"object": self.resource, "field": known[0]})
                shown[known[0]] = by_value(value, name)
        return shown

    def _learn(self, row: Mapping[str, Any]) -> None:
        """Find names for what is not catalogued: fields of a newer office, and names with a blank too many."""
        fresh = [name for name in row if name not in self._fields]
        self._beyond = {}
        for name in fresh:
            if (plain := name.strip()) in self._fields:
                known = self._fields[plain]
            elif is_secret(name):
                known = None
            else:
                taken = {*RESERVED, *self._names.values(), *self._learned}
                ours = spelled([name], taken)[name]
                known = (ours, partial(by_value, name=name))
            if len(self._learned) < _MOST_LEARNED:
                self._fields[name] = known
                if known is not None:
                    self._learned.add(known[0])
            elif known is not None:
                self._beyond[name] = known


@lru_cache(maxsize=512)
def shape_of(operation: Operation) -> Shape:
    """How the answers of an operation are read."""
    it = catalogue.resource(operation.resource)
    return Shape(it.resource, it.fields_of(operation), it.key)
