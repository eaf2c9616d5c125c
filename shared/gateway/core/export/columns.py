"""The columns of exported objects, made from the models of the API: one generator for every form of the schema.

Types never come from data: a column that is empty at one practice has the same type as at the next one. Names and
nesting are those of the API. Text stays text; money is a struct of `DECIMAL(18,2)` and its currency, lists are lists of
structs, days are dates, instants timestamps in UTC, wall times timestamps without a zone.
"""

from __future__ import annotations

import hashlib
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel

from gateway.core.notes import MEMBERS
from gateway.core.objects.values import Amount, Day, Instant, LocalTime, Note


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value, by what it is in Parquet and in SQL."""

    duckdb: str
    hive: str


@dataclass(frozen=True, slots=True)
class Struct:
    """A part of an object."""

    fields: tuple[tuple[str, Type], ...]


@dataclass(frozen=True, slots=True)
class Several:
    """A list."""

    of: Type


Type: TypeAlias = Scalar | Struct | Several

TEXT: Final = Scalar("VARCHAR", "string")
AMOUNT: Final = Scalar("DECIMAL(18,2)", "decimal(18,2)")
DAY: Final = Scalar("DATE", "date")
MOMENT: Final = Scalar("TIMESTAMP", "timestamp")
FLAG: Final = Scalar("BOOLEAN", "boolean")
WHOLE: Final = Scalar("BIGINT", "bigint")
NUMBER: Final = Scalar("DOUBLE", "double")

LEFT_OUT: Final = frozenset({"extensions", "meta", "raw", "ssn"})
"""Members that no export has, beside notes: fields of the office's own are free text as well."""

RUN: Final = "run_id"
"""A column of all rows beside their object's: which run they are of, which a reader needs to know what is published."""

_SCALARS: Final[Mapping[Any, Scalar]] = {str: TEXT, bool: FLAG, int: WHOLE, float: NUMBER}
_KINDS: Final = ((Amount, AMOUNT), (Day, DAY), (Instant, MOMENT), (LocalTime, MOMENT))


def is_left_out(name: str, annotation: object = None) -> bool:
    """Whether a member of an object is exported nowhere: notes, by their name or their type, and `LEFT_OUT`."""
    return name in LEFT_OUT or name in MEMBERS or name.endswith("_note") or annotation == Note


@cache
def columns_of(model: type[BaseModel], without: frozenset[str] = frozenset()) -> tuple[tuple[str, Type], ...]:
    """Name and type of each column of the Parquet files of a model's objects, in the model's order."""
    return ((RUN, TEXT), *((name, one) for name, one in _members(model) if name not in without))


def trimmed(model: type[BaseModel], without: frozenset[str], shown: Mapping[str, Any]) -> dict[str, Any]:
    """What is exported of an object as the API shows it: every column of it and no other, None where it lacks one."""
    kept: dict[str, Any] = _trimmed(_whole(model, without), shown)
    return kept


def duckdb_type(one: Type) -> str:
    """The type as DuckDB spells it."""
    if isinstance(one, Several):
        return f"{duckdb_type(one.of)}[]"
    if isinstance(one, Struct):
        return f"STRUCT({', '.join(f'{_quoted(name)} {duckdb_type(of)}' for name, of in one.fields)})"
    return one.duckdb


def hive_type(one: Type) -> str:
    """The type as Glue and Athena spell it."""
    if isinstance(one, Several):
        return f"array<{hive_type(one.of)}>"
    if isinstance(one, Struct):
        return f"struct<{','.join(f'{name}:{hive_type(of)}' for name, of in one.fields)}>"
    return one.hive


def schema_of(name: str, columns_: tuple[tuple[str, Type], ...]) -> dict[str, Any]:
    """What `schemas/{object}/{version}.json` says: the columns in both spellings."""
    columns = [{"name": column, "parquet": duckdb_type(one), "athena": hive_type(one)} for column, one in columns_]
    version = hashlib.sha256(json.dumps(columns).encode()).hexdigest()[:12]
    return {"object": name, "version": version, "columns": columns}


@cache
def _whole(model: type[BaseModel], without: frozenset[str]) -> Struct:
    return Struct(columns_of(model, without))


def _trimmed(one: Type, value: Any) -> Any:
    if value is None or isinstance(one, Scalar):
        return value
    if isinstance(one, Several):
        return [_trimmed(one.of, item) for item in value]
    return {name: _trimmed(of, value.get(name)) for name, of in one.fields}


def _members(model: type[BaseModel]) -> list[tuple[str, Type]]:
    return [
        (name, _type_of(field.annotation if not field.metadata else Annotated[field.annotation, *field.metadata]))
        for name, field in model.model_fields.items()
        if not is_left_out(name, _without_none(field.annotation))
    ]


def _type_of(annotation: Any) -> Type:
    annotation = _without_none(annotation)
    for ours, kind in _KINDS:
        if annotation == ours:
            return kind
    origin = get_origin(annotation)
    if origin is Annotated:
        return _type_of(get_args(annotation)[0])
    if origin is Literal:
        return _SCALARS[type(get_args(annotation)[0])]
    if origin is list:
        return Several(_type_of(get_args(annotation)[0]))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Struct(tuple(_members(annotation)))
    return _SCALARS[annotation]


def _without_none(annotation: Any) -> Any:
    """What is meant where None may stand."""
    if get_origin(annotation) in {Union, types.UnionType}:
        (meant,) = (one for one in get_args(annotation) if one is not type(None))
        return meant
    return annotation


def _quoted(name: str) -> str:
    return f'"{name}"'
