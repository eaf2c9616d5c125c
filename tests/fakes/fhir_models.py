"""What holds a resource to FHIR's published definitions: the models of `fhir.resources`, and the required codes.

The models know every element, its type, how often it may come and whether it must; the codes of required bindings
they only list (`enum_values`), so those are looked up here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from importlib import import_module
from typing import Any

from fhir_core.fhirabstractmodel import FHIRAbstractModel


def problems_of(resource: Mapping[str, Any]) -> list[str]:
    """What is wrong with `resource` as FHIR R4; nothing, if all is well."""
    plain = json.loads(
        json.dumps(resource, default=lambda value: float(value) if isinstance(value, Decimal) else value)
    )
    name = plain["resourceType"]
    model = getattr(import_module(f"fhir.resources.R4B.{name.lower()}"), name)
    try:
        made = model.model_validate(plain)
    except ValueError as error:
        return [str(error)]
    return [*_unknown_codes(made, name), *_nulls(plain, name)]


def _unknown_codes(part: FHIRAbstractModel, place: str) -> Iterator[str]:
    for name, field in type(part).model_fields.items():
        value = getattr(part, name, None)
        told = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        known = told.get("enum_values")
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, FHIRAbstractModel):
                yield from _unknown_codes(one, f"{place}.{name}")
            elif isinstance(known, list) and one is not None and one not in known:
                yield f"{place}.{name}: {one} is none of {known}"


def _nulls(value: Any, place: str) -> Iterator[str]:
    """FHIR's JSON has neither null nor anything empty (https://hl7.org/fhir/R4/json.html)."""
    if value is None or value in ("", [], {}):
        yield f"{place} is there and says nothing"
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from _nulls(part, f"{place}.{name}")
