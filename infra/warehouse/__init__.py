"""What lies in the bucket of exports, as tables and views: one text for Athena and for DuckDB."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

_HERE: Final = Path(__file__).parent
SCHEMAS: Final = _HERE / "schemas.json"
"""The columns of every exported object, made of the API's models by `python -m gateway.wiring.warehouse`."""

PUBLISHED: Final = (
    ("run_id", "string"),
    ("run_at", "string"),
    ("practice_id", "string"),
    ("object", "string"),
    ("mode", "string"),
    ("since_at", "string"),
    ("until_at", "string"),
    ("whole_at", "string"),
    ("base", "string"),
    ("schema", "string"),
    ("rows", "bigint"),
    ("tombstones", "bigint"),
    ("bytes", "bigint"),
    ("files", "array<struct<key:string,rows:bigint,bytes:bigint,sha256:string>>"),
)
"""Columns of the manifests, in Athena's spelling."""

FIRST_DAY: Final = "2026-01-01"
"""No export is older."""


@cache
def objects() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Exported object -> its columns: `{name, parquet, athena}`."""
    found = json.loads(SCHEMAS.read_text())
    return {one["object"]: one["columns"] for one in found}


def current(name: str) -> str:
    """The select of `current_{name}`: each object as the youngest published run has it, without those that are gone.

    Runs since the practice's last published snapshot count; rows of a run that is not published are nobody's.
    """
    columns = ", ".join(f'"{one["name"]}"' for one in objects()[name])
    # Names are those of the API's models.
    return f"""WITH shown AS (
    SELECT run_id, practice_id, mode, until_at FROM published WHERE object = '{name}'
), whole AS (
    SELECT practice_id, max(until_at) AS whole_at FROM shown WHERE mode = 'snapshot' GROUP BY practice_id
), ranked AS (
    SELECT each.*, row_number() OVER (PARTITION BY each.practice_id, each.id ORDER BY shown.until_at DESC) AS place
    FROM {name} each
    JOIN shown ON shown.run_id = each.run_id AND shown.practice_id = each.practice_id
    JOIN whole ON whole.practice_id = each.practice_id AND shown.until_at >= whole.whole_at
)
SELECT {columns} FROM ranked WHERE place = 1 AND deleted_at IS NULL
"""  # noqa: S608 - see above


def marts() -> dict[str, str]:
    """Name of each mart -> its select."""
    return {one.stem: one.read_text() for one in sorted((_HERE / "marts").glob("*.sql"))}


def views() -> dict[str, str]:
    """Name of each view -> its select, in an order in which they can be made."""
    return {f"current_{name}": current(name) for name in objects()} | marts()


def statement(name: str, select: str) -> str:
    """What makes a view."""
    return f"CREATE OR REPLACE VIEW {name} AS\n{select}"


def duckdb_script(where: str) -> str:
    """All tables and views for DuckDB, over a bucket or a folder: `s3://bucket`, `/some/folder`."""
    tables = [
        statement(
            "published",
            f"FROM read_json('{where}/published/*.json', format = 'newline_delimited', "
            f"columns = {{{_json_columns()}}})",
        )
    ]
    tables += [
        statement(name, f"FROM read_parquet('{where}/data/object={name}/**/*.parquet', union_by_name = true)")
        for name in objects()
    ]
    made = [statement(name, select) for name, select in views().items()]
    return ";\n".join([*tables, *made]) + ";\n"


def _json_columns() -> str:
    spelled = {"string": "VARCHAR", "bigint": "BIGINT"}
    files = "STRUCT(key VARCHAR, rows BIGINT, bytes BIGINT, sha256 VARCHAR)[]"
    return ", ".join(f"'{name}': '{spelled.get(of, files)}'" for name, of in PUBLISHED)
