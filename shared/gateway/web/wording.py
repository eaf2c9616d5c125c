"""Our own words for what a model refuses. Names and limits only: a value that was sent is never repeated.

Imported when something is refused, so that it costs a request that is right nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from pydantic.fields import FieldInfo

from gateway.core.wording import no_such
from gateway.web.params import parts

Fields = Mapping[str, FieldInfo]

_QUOTE = "'"
_A_DATE = "takes a date of the calendar, written as YYYY-MM-DD"
_A_TIME = "takes a time of the calendar, written as YYYY-MM-DDThh:mm:ss"
_WORDS: dict[str, str] = {
    "missing": "is needed",
    "date_type": _A_DATE,
    "date_parsing": _A_DATE,
    "date_from_datetime_parsing": _A_DATE,
    "date_from_datetime_inexact": _A_DATE,
    "datetime_type": _A_TIME,
    "datetime_parsing": _A_TIME,
    "datetime_from_date_parsing": _A_TIME,
    "datetime_object_invalid": _A_TIME,
    "timezone_aware": "takes a time with its offset, such as 2026-03-09T14:00:00Z",
    "timezone_naive": "takes the office's wall time, without an offset",
    "int_type": "takes a whole number",
    "int_parsing": "takes a whole number",
    "int_parsing_size": "takes a number of fewer digits",
    "int_from_float": "takes a whole number",
    "bool_type": "takes true or false",
    "bool_parsing": "takes true or false",
    "string_type": "takes text",
    "list_type": "takes a list",
    "tuple_type": "takes a list",
    "model_type": "takes an object",
    "model_attributes_type": "takes an object",
}
_LIMITS: dict[str, tuple[str, str, str]] = {
    "greater_than": ("gt", "takes a number above {}", "takes one after {}"),
    "greater_than_equal": ("ge", "takes a number of at least {}", "takes none before {}"),
    "less_than": ("lt", "takes a number below {}", "takes one before {}"),
    "less_than_equal": ("le", "takes a number of at most {}", "takes none after {}"),
    "multiple_of": ("multiple_of", "takes a multiple of {}", ""),
    "string_too_short": ("min_length", "takes at least {} characters", ""),
    "string_too_long": ("max_length", "takes at most {} characters", ""),
    "too_short": ("min_length", "takes at least {} items", ""),
    "too_long": ("max_length", "takes at most {} items", ""),
}
"""By pydantic's type of error: the member of its context that has the limit, our words for numbers and for times."""


def refusal(error: Mapping[str, Any], model: Any, *, what: str) -> str:
    """What to say of one of the `errors()` of pydantic and `model`. `what` its fields are called: field, parameter."""
    kind, said, place = str(error["type"]), error.get("ctx", {}), error["loc"]
    if kind == "extra_forbidden":
        return no_such(what, str(place[-1]), _fields_at(model, place[:-1]))
    if kind.startswith("union_tag"):
        return f"say {_tags(_models(model), str(said['discriminator']).strip(_QUOTE))}"
    if kind in {"literal_error", "enum"}:
        return f"takes {str(said['expected']).replace(_QUOTE, '')}"
    if kind == "string_pattern_mismatch":
        return _form(model, place)
    if kind in _LIMITS:
        return _limit(kind, said, place)
    # What our own validators say comes with a word of pydantic's before it.
    return _WORDS.get(kind, str(error["msg"]).removeprefix("Value error, "))


def _form(model: Any, place: tuple[str | int, ...]) -> str:
    """What a text has to look like: the description of its field, never the expression that decides it."""
    # Of a list it is one of its entries that has another form.
    named = place[:-1] if place and isinstance(place[-1], int) else place
    field = _fields_at(model, named[:-1]).get(str(named[-1])) if named else None
    return f"takes {field.description}" if field is not None and field.description else "has another form"


def _limit(kind: str, said: Mapping[str, Any], place: tuple[str | int, ...]) -> str:
    name = next((part for part in reversed(place) if isinstance(part, str)), "")
    if kind.startswith("string_too") and (name == "ids" or name.endswith("_id")):
        return "takes an id; ids are those that this API gave"
    limit, of_numbers, of_times = _LIMITS[kind]
    value = said[limit]
    # pydantic gives days and moments as text, moments with their time.
    return of_numbers.format(value) if isinstance(value, int | float) else of_times.format(str(value)[:10])


def _tags(models: Iterable[Any], discriminator: str) -> str:
    """`"patient" or "insurance"`: what a tagged union's members are told apart by."""
    tags = [str(tag) for one in models for tag in get_args(one.model_fields[discriminator].annotation)]
    return " or ".join(f'"{tag}"' for tag in tags)


def _fields_at(model: Any, place: Sequence[str | int]) -> Fields:
    """The fields that are known at `place`; a tagged union's places begin with the tag."""
    models = _models(model)
    if model not in models and place:
        tag, *place = place
        models = [
            one for one in models if any(tag in get_args(field.annotation) for field in one.model_fields.values())
        ]
    for part in place:
        if isinstance(part, str):
            models = [inner for one in models if part in one.model_fields for inner in _inside(one, part)]
    return {field.alias or name: field for one in models for name, field in one.model_fields.items()}


def _models(annotation: Any) -> list[Any]:
    return [part for part in parts(annotation) if hasattr(part, "model_fields")]


def _inside(model: Any, name: str) -> list[Any]:
    return _models(model.model_fields[name].annotation)
