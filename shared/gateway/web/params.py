"""Query strings and bodies as pydantic models. Errors name the field and never repeat its value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, get_args, get_origin
from urllib.parse import parse_qs

from pydantic import AwareDatetime, BaseModel, NaiveDatetime, TypeAdapter, ValidationError

from gateway.core.errors import Invalid
from gateway.web.http import HttpRequest
from gateway.web.problems import BodyNotJson, BodyTooLarge, MediaTypeUnsupported

Model = TypeVar("Model", bound=BaseModel)

BODY_LIMIT_BYTES = 256 * 1024
FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 200
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Tabs and line breaks belong in notes; the rest is invisible, and databases choke on NUL.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_CONTROL_OR_BREAK = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
"""Half a character, which JSON can escape and no store takes."""
_DEEPEST = 50
"""Levels of lists and objects in a body. No object of ours has ten, and thousands are no accident."""
_TIMES = (datetime, AwareDatetime, NaiveDatetime)
_MANY = (list, tuple, set, frozenset)
_TRUTHS = frozenset({"true", "false"})


def query_model(request: HttpRequest, model: type[Model]) -> Model:
    """The query string as `model`. A parameter of several values may be repeated or separated by commas.

    Raises:
        Invalid: a parameter is unknown, repeated or not what it should be.
    """
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    values: dict[str, Any] = {}
    for name, given in request.query.items():
        if name not in fields:
            raise _unknown(name, fields)
        if any(_CONTROL_OR_BREAK.search(value) for value in given):
            raise Invalid(f"{name} holds a control character", param=name)
        if _takes_many(fields[name]):
            values[name] = [part.strip() for value in given for part in value.split(",") if part.strip()]
        elif len(given) > 1:
            raise Invalid(f"{name} is given more than once", param=name)
        else:
            values[name] = given[0]
    _refuse_loose_dates(model, values)
    for name, value in values.items():
        if isinstance(value, str) and value not in _TRUTHS and bool in parts(fields[name]):
            # pydantic takes yes, on, t and 1 as well, which no body may say and no answer does.
            raise Invalid(f"{name}: takes true or false", param=name)
    try:
        return model.model_validate(values, extra="forbid")
    except ValidationError as error:
        raise _invalid(error, model, is_query=True) from None


class AnyQuery(dict[str, list[str]]):
    """A query string of names that only the use case knows: each with its values in their order."""


class Form(AnyQuery):
    """A query string and a form in the body together, of such names."""


class AnyBody(dict[str, Any]):
    """A JSON object whose members only the use case knows."""


def any_query(request: HttpRequest) -> AnyQuery:
    """The query string as it is.

    Raises:
        Invalid: a name or a value holds a control character.
    """
    for name, given in request.query.items():
        if any(_CONTROL_OR_BREAK.search(text) for text in (name, *given)):
            shown = _CONTROL_OR_BREAK.sub("", name)[:100]
            raise Invalid(f"{shown} holds a control character", param=shown)
    return AnyQuery(request.query)


def only(query: AnyQuery, *names: str) -> dict[str, str]:
    """The values of `names`, which are all that a path takes, each at most once.

    Raises:
        Invalid: there is another one, or one is given twice.
    """
    for name, given in query.items():
        if name not in names:
            raise _unknown(name, names)
        if len(given) > 1:
            raise Invalid(f"{name} is given more than once", param=name)
    return {name: given[0] for name, given in query.items()}


def any_body(request: HttpRequest) -> AnyBody:
    """The body as it is, numbers with their digits; no body at all is an object without members.

    Raises:
        MediaTypeUnsupported, BodyTooLarge, BodyNotJson. Invalid: a member is given twice or holds a control character.
    """
    return AnyBody(_object_of(request)[1]) if request.body else AnyBody()


def form_of(request: HttpRequest) -> Form:
    """The query string and a form in the body together: searches in a body keep names out of URLs.

    Raises:
        MediaTypeUnsupported, BodyTooLarge. Invalid: a parameter holds what nobody types.
    """
    body = request.body or b""
    content_type = request.headers.get("content-type", FORM).split(";", 1)[0].strip().lower()
    if body and content_type != FORM:
        raise MediaTypeUnsupported(f"send the parameters as {FORM}", param="Content-Type")
    if len(body) > BODY_LIMIT_BYTES:
        raise BodyTooLarge("the body is longer than 256 kB", limit_bytes=BODY_LIMIT_BYTES)
    try:
        sent = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Invalid("the body cannot be read as a form in UTF-8", param="body") from None
    joined = {name: [*request.query.get(name, []), *sent.get(name, [])] for name in (*request.query, *sent)}
    return Form(any_query(replace(request, query=joined)))


def no_query(request: HttpRequest) -> None:
    """Refuse parameters where a route takes none: a filter that is silently ignored shows too much."""
    for name in request.query:
        raise _unknown(name)


def body_model(request: HttpRequest, model: Any) -> Any:
    """The body as `model`, a pydantic model or a union of some: one JSON object, each member once, types as JSON's.

    Raises:
        MediaTypeUnsupported, BodyTooLarge, BodyNotJson.
        Invalid: a member is unknown or not what it should be.
    """
    text, values = _object_of(request)
    try:
        # Strict: "60" is no number and 1 is no truth, in a body that can say what it means.
        made = _adapter(model).validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        raise _invalid(error, model) from None
    _refuse_loose_dates(type(made), values)
    return made


def _object_of(request: HttpRequest) -> tuple[str, dict[str, Any]]:
    """The body's text and the object that it is."""
    content_type = request.headers.get("content-type", "application/json").split(";", 1)[0].strip().lower()
    if content_type != "application/json" and not content_type.endswith("+json"):
        raise MediaTypeUnsupported("send the body as JSON, with Content-Type: application/json", param="Content-Type")
    body = request.body or b""
    if len(body) > BODY_LIMIT_BYTES:
        raise BodyTooLarge("the body is longer than 256 kB", limit_bytes=BODY_LIMIT_BYTES)
    try:
        # RFC 8259: UTF-8, and a byte order mark may be ignored.
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BodyNotJson("the body is not JSON in UTF-8") from None
    if not text.strip():
        raise BodyNotJson("the body is empty: send one JSON object")
    values = parse_json(text)
    if not isinstance(values, dict):
        raise BodyNotJson("the body is something else: send one JSON object")
    _refuse_control_characters(values)
    return text, values


@cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


def parse_json(body: str | bytes) -> Any:
    """JSON as it was meant: numbers keep their digits, a name given twice is refused, NaN is no number.

    Raises:
        BodyNotJson
    """
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        # The parser's own words quote the body.
        raise BodyNotJson("the body is not JSON") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise Invalid("a member of the body is given more than once", param=name)
        members[name] = value
    return members


def _no_constant(_: str) -> Any:
    raise BodyNotJson("the body is not JSON: it holds a number that is none")


def _refuse_loose_dates(model: type[BaseModel], values: Mapping[str, Any]) -> None:
    """pydantic reads `0` as 1970 and takes a time for a date; nobody who sends that means it."""
    for name, field in model.model_fields.items():
        name = field.alias or name  # noqa: PLW2901 - the name on the wire
        value = values.get(name)
        if not isinstance(value, str):
            continue
        made_of = list(parts(field.annotation))
        if any(part in _TIMES for part in made_of):
            if _NUMBER.fullmatch(value):
                raise Invalid(f"{name}: write times as YYYY-MM-DDThh:mm:ss", param=name)
        elif date in made_of and not _DAY.fullmatch(value):
            raise Invalid(f"{name}: write dates as YYYY-MM-DD", param=name)


def _refuse_control_characters(value: Any, place: str = "", level: int = 0) -> None:
    """Refuse text that nobody typed: in a name, a note or a member's name it can only do harm further on."""
    if level > _DEEPEST:
        raise BodyNotJson(f"the body is nested more than {_DEEPEST} levels deep")
    if isinstance(value, str) and _SURROGATE.search(value):
        raise BodyNotJson("the body is not JSON in UTF-8: a text in it holds half a character")
    if isinstance(value, str) and _CONTROL.search(value):
        raise Invalid(f"{place or 'body'} holds a control character", param=place or "body")
    if isinstance(value, list):
        for index, part in enumerate(value):
            _refuse_control_characters(part, f"{place}.{index}" if place else str(index), level + 1)
    if isinstance(value, dict):
        for name, part in value.items():
            if _CONTROL_OR_BREAK.search(name) or _SURROGATE.search(name):
                raise Invalid("the name of a member holds a control character", param=place or "body")
            _refuse_control_characters(part, f"{place}.{name[:100]}" if place else name[:100], level + 1)


def _takes_many(annotation: Any) -> bool:
    return any(isinstance(part, type) and issubclass(part, _MANY) for part in parts(annotation))


def parts(annotation: Any) -> Iterator[Any]:
    """An annotation and everything it is made of: `list[date] | None` -> the union, list, date, None."""
    yield annotation
    origin = get_origin(annotation)
    if origin is not None:
        yield origin
    for argument in get_args(annotation):
        yield from parts(argument)


def _unknown(name: str, known: Iterable[str] = ()) -> Invalid:
    from gateway.core.wording import no_such  # noqa: PLC0415 - a request that is right needs no words

    return Invalid(no_such("parameter", name, known), param=name[:100])


def _invalid(error: ValidationError, model: Any, *, is_query: bool = False) -> Invalid:
    """The errors of `error` by field. In a tagged union each place begins with the tag, which is no field."""
    from gateway.web.wording import refusal  # noqa: PLC0415 - a request that is right needs no words

    models = [part for part in parts(model) if hasattr(part, "model_fields")]
    errors = error.errors(include_url=False, include_input=False)
    if any(one["type"] == "json_invalid" for one in errors):
        return BodyNotJson("the body is not JSON")
    found: list[dict[str, str]] = []
    for one in errors:
        if any(
            other["loc"][: len(one["loc"])] == one["loc"] for other in errors if len(other["loc"]) > len(one["loc"])
        ):
            # A list that lacks the items that are wrong: their own errors say more.
            continue
        place = one["loc"] if model in models else one["loc"][1:]
        said = one.get("ctx", {})
        if "param" in said:
            # A rule over several fields names the one to look at.
            place = (*place, said["param"])
        elif not place and "discriminator" in said:
            place = (str(said["discriminator"]).strip("'"),)
        if is_query:
            # Nobody numbers the values of a parameter.
            place = place[:1]
        param = ".".join(str(part)[:100] for part in place) or "body"
        told = {"param": param, "detail": refusal(one, model, what="parameter" if is_query else "field")}
        if told not in found:
            found.append(told)
    detail = f"{found[0]['param']}: {found[0]['detail']}"
    if found[0]["detail"].startswith("there is no such"):
        # The name is the caller's own text, and stands in `param`.
        detail = found[0]["detail"]
    if len(found) == 1:
        return Invalid(detail, param=found[0]["param"])
    return Invalid(detail, param=found[0]["param"], errors=found)
