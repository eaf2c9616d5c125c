"""How the vendor's names are spelled here: snake case, each name of a resource's rows its own, and back again.

Open Dental tells names apart by the case of one letter: `Confirmed` is a key and `confirmed` the word for it. The
column keeps the plain name (`confirmed`), its twin in lower case becomes `confirmed_label`.

In requests both spellings are taken, by one rule: a name with a capital letter is the vendor's own, exactly; a name
without one is ours. So `Confirmed` and `confirmed` both mean the column.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from open_dental import catalogue
from open_dental.catalogue import Operation

RESERVED: Final = frozenset({"cursor", "data", "include", "limit", "meta", "practice_id", "raw"})
"""What our own answers and requests say beside the vendor's names."""

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ODD = re.compile(r"[^0-9A-Za-z]+")


def snake(name: str) -> str:
    """`AptDateTime` as `apt_date_time`, `SSN` as `ssn`, `Mode_` as `mode`."""
    return _ODD.sub("_", _HUMP.sub("_", name)).strip("_").lower()


def spelled(names: Iterable[str], taken: Iterable[str] = RESERVED) -> dict[str, str]:
    """Vendor's name -> ours, no two alike and none in `taken`. Columns choose first: they begin with a capital."""
    used = set(taken)
    found: dict[str, str] = {}
    for name in sorted(dict.fromkeys(names), key=lambda one: one[:1].islower()):
        ours = plain = snake(name) or "field"
        if ours in used and name[:1].islower():
            ours = plain = f"{plain}_label"
        number = 2
        while ours in used:
            ours, number = f"{plain}_{number}", number + 1
        used.add(ours)
        found[name] = ours
    return found


@lru_cache(maxsize=256)
def field_names(resource: str) -> Mapping[str, str]:
    """Vendor's name -> ours for every row field of any answer of the resource."""
    it = catalogue.resource(resource)
    return spelled(one.name for fields in (it.fields, *it.action_fields.values()) for one in fields)


@lru_cache(maxsize=512)
def request_names(operation: Operation) -> Mapping[str, str]:
    """Vendor's name -> ours for what a request of the operation takes; a row field is called what it is in rows."""
    fields = field_names(operation.resource)
    asked = dict.fromkeys(one.name for one in (*operation.query, *operation.body))
    found = {name: fields[name] for name in asked if name in fields}
    return {**found, **spelled((name for name in asked if name not in fields), {*RESERVED, *found.values()})}


@lru_cache(maxsize=512)
def _vendor_names(operation: Operation) -> Mapping[str, str]:
    return {ours: name for name, ours in request_names(operation).items()}


def vendor_name(operation: Operation, given: str) -> str | None:
    """The vendor's name of what a caller calls `given`; None where the operation takes nothing of that name."""
    if given != given.lower():
        return given if given in request_names(operation) else None
    return _vendor_names(operation).get(given)
