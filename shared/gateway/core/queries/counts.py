"""How many rows the mirrored tables have, in one statement: what a first load's progress is measured by."""

from __future__ import annotations

from typing import Final

from gateway.core.mirror.mirrored import MIRRORED
from gateway.core.queries.statement import Statement
from open_dental import catalogue

_PARTS: Final = " UNION ALL ".join(
    f"SELECT '{name}' AS Resource, (SELECT COUNT(*) FROM {catalogue.resource(name).table}) AS Total"  # noqa: S608
    for name in sorted(MIRRORED)
)

COUNTS: Final = Statement("counts", f"SELECT t.Resource, t.Total FROM ({_PARTS}) AS t ORDER BY Resource")  # noqa: S608
"""`Resource` (the catalogue's name) and `Total`. Deleted patients and the like are counted too: it is an estimate."""

ALL: Final = (COUNTS,)
