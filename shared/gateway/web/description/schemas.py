"""JSON schemas of pydantic models, with what their docstrings say of models and fields."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, ClassVar, Final, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

Schema = dict[str, Any]
Use = Literal["validation", "serialization"]

COMPONENTS: Final = "#/components/schemas/"

LINE: Final = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""No control characters, which nobody types in a parameter."""
TEXT: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
"""None but tabs and line breaks, which belong in notes."""

REQUEST: Final[Use] = "validation"
ANSWER: Final[Use] = "serialization"


class Schemas:
    """Schemas by model: asked for first, made together, so that each model is one component.

    `lacking`: fields that objects of a model may lack, though the model has them.
    """

    def __init__(self, lacking: Mapping[type, Iterable[str]]) -> None:
        self._lacking = lacking
        self._adapters: dict[tuple[Any, Use], TypeAdapter[Any]] = {}
        self._made: dict[Any, JsonSchemaValue] = {}
        self.components: dict[str, Schema] = {}

    def want(self, model: Any, use: Use) -> None:
        """Say that a schema of `model` will be asked for."""
        self._adapters.setdefault((model, use), TypeAdapter(model))

    def make(self) -> None:
        """Make all that is wanted."""
        lacking = self._lacking

        class Generator(_WithDocstrings):
            """With what this document's objects may lack."""

            lacks = lacking

        self._made, definitions = TypeAdapter.json_schemas(
            [((model, use), use, adapter) for (model, use), adapter in self._adapters.items()],
            ref_template=f"{COMPONENTS}{{model}}",
            schema_generator=Generator,
        )
        self.components = dict(sorted(definitions.get("$defs", {}).items()))

    def of(self, model: Any, use: Use) -> Schema:
        """The schema of a model that was wanted."""
        return self._made[(model, use), use]

    def members(self, model: Any) -> Schema:
        """The same of a request's model that is an object, not as a reference."""
        made = self.of(model, REQUEST)
        return self.components[made["$ref"].removeprefix(COMPONENTS)] if "$ref" in made else made


class _WithDocstrings(GenerateJsonSchema):
    """Fields are described by the text below them, which pydantic reads only where a model pays for it at import."""

    lacks: ClassVar[Mapping[type, Iterable[str]]] = {}

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        made = super().str_schema(schema)
        return {"pattern": TEXT, **made} if self.mode == REQUEST else made

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model: type = schema["cls"]
        said = _said(model)
        for name, one in made.get("properties", {}).items():
            if name in said and "$ref" not in one:
                one.setdefault("description", said[name])
            one.pop("title", None)
        lacked = frozenset(self.lacks.get(model, ()))
        if lacked and "required" in made:
            made["required"] = [name for name in made["required"] if name not in lacked]
        made["title"] = made.get("title", "").replace("[", " of ").replace("]", "")
        return made


@cache
def _said(model: type) -> dict[str, str]:
    """Field -> the text below it, in the class that has it last."""
    said: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        # A generic model that was filled in has no source; the one that it is made of comes before it.
        if cls.__module__.startswith("gateway.") and "[" not in cls.__name__:
            said |= _below(cls)
    return said


@cache
def _below(cls: type) -> dict[str, str]:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    said = {}
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        is_text = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            said[field.target.id] = one_line(str(text.value.value))  # type: ignore[attr-defined]
    return said


def one_line(text: str | None) -> str:
    """A docstring without its line breaks."""
    return " ".join((text or "").split())


def in_a_line(schema: Schema) -> Schema:
    """The schema of a parameter: what a text in it may be in one line."""
    if schema.get("type") == "array":
        return {**schema, "items": in_a_line(schema["items"])}
    plain = schema.get("type") == "string" and not schema.keys() & {"enum", "const", "format"}
    return {**schema, "pattern": LINE} if plain and schema.get("pattern", TEXT) == TEXT else schema


def may_be_null(schema: Schema) -> Schema:
    """The schema, or null."""
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def not_null(schema: Schema) -> Schema:
    """The schema without null: what a query string says by leaving the parameter out."""
    rest = [one for one in schema.get("anyOf", []) if one != {"type": "null"}]
    if not rest:
        return schema
    shared = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
    default = {"default": schema["default"]} if schema.get("default") is not None else {}
    return {**rest[0], **shared, **default} if len(rest) == 1 else {"anyOf": rest, **shared, **default}
