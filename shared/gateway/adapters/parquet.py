"""Parquet, by DuckDB, which lies in a layer of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.core.export.columns import Type, duckdb_type

MEMORY = "768MB"
"""What DuckDB may take; what it needs beyond goes to the function's own disk."""


class DuckColumnar:
    """Fills `core.export.runs.Columnar`."""

    def parquet(self, columns: Sequence[tuple[str, Type]], lines: bytes) -> bytes:
        """See `Columnar.parquet`."""
        import duckdb  # noqa: PLC0415 - nothing but this has it

        spelled = ", ".join(f"'{name}': '{duckdb_type(one)}'" for name, one in columns)
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "rows.jsonl", Path(folder) / "rows.parquet"
            source.write_bytes(lines)
            settings: dict[str, Any] = {"memory_limit": MEMORY, "temp_directory": folder, "threads": "2"}
            with duckdb.connect(":memory:", config=settings) as database:
                # What is no JSON of these types is a bug, and must not become a null.
                database.execute(
                    f"COPY (SELECT * FROM read_json('{source}', format = 'newline_delimited', "  # noqa: S608 - names are ours
                    f"columns = {{{spelled}}}, maximum_object_size = 67108864)) "
                    f"TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
                )
            return target.read_bytes()
