"""The columns of all that is exported: `python -m gateway.wiring.warehouse > infra/warehouse/schemas.json`."""

from __future__ import annotations

import json

from gateway.core.export.exported import EXPORTED


def main() -> None:
    """Print them."""
    print(text(), end="")  # noqa: T201


def text() -> str:
    """Schemas of all objects, a column a line."""
    return json.dumps([one.schema for one in EXPORTED.values()], indent=1) + "\n"


if __name__ == "__main__":
    main()
