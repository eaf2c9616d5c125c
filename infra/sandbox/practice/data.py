"""Own rows for a practice: JSON Lines of {"resource": ..., "row": {...}} in wire form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.sandbox.practice import facts, schema
from infra.sandbox.practice.generic import column_values
from infra.sandbox.practice.handlers import Rejected
from infra.sandbox.practice.office import Office


def load(office: Office, path: Path) -> int:
    """Insert every row of the file, all or none, and return how many.

    Raises ValueError with the line's number; the text never repeats a value.
    """
    count = 0
    with office.store.transaction(), path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                insert_wire_row(office, entry["resource"], entry["row"])
            except Rejected as problem:
                raise ValueError(f"line {number}: {problem.text}") from None
            except json.JSONDecodeError:
                raise ValueError(f"line {number}: not JSON") from None
            except (KeyError, TypeError):
                raise ValueError(f'line {number}: needs "resource" and "row"') from None
            count += 1
    return count


def insert_wire_row(office: Office, resource_name: str, row: Mapping[str, Any]) -> int:
    """Insert one row as an answer would show it, key and stamps included, and return its key.

    Columns the API hides may be named as the database names them, with values in database form. Raises Rejected 400
    for a resource, field or value that is not known.
    """
    resource = facts.resources().get(resource_name)
    if resource is None or resource.table is None:
        raise Rejected(400, f"{resource_name} has no rows")
    table = schema.tables()[resource.table]
    shown = {item.name for fields in (resource.fields, *resource.action_fields.values()) for item in fields}
    values: dict[str, Any] = {}
    for name, value in row.items():
        own = column_values(office, resource, name, value) if name in table.columns or name[0].islower() else {}
        # A display name never overrules the number beside it.
        for column, stored in own.items():
            if column == name or column not in row:
                values[column] = stored
        if not own and name not in shown:
            raise Rejected(400, f"{resource_name} has no field {name}")
    return office.store.insert(table.name, values)
