"""What no list of the API tells, by query: which patients were merged, and which forms came in from patients.

Only words of state and keys are asked for; no text that anybody wrote is.
Sources: the published database schema of patientlink and sheet
(https://www.opendental.com/OpenDentalDocumentation26-1.xml).
"""

from __future__ import annotations

from typing import Final

from gateway.core.queries.statement import Statement

MERGE: Final = "merge"
SHEET: Final = "sheet"

LATELY: Final = Statement(
    "merges-and-sheets",
    """
    SELECT 'merge' AS Kind, PatientLinkNum AS RowKey, PatNumFrom AS PatNum, PatNumTo AS IntoPatNum,
    0 AS IsWebForm, 0 AS ShowInTerminal
    FROM patientlink WHERE LinkType = 1 AND DateTimeLink >= :since AND PatientLinkNum > :after_merge
    UNION ALL
    SELECT 'sheet', SheetNum, PatNum, 0, IsWebForm, ShowInTerminal
    FROM sheet WHERE IsDeleted = 0 AND (DateTSheetEdited >= :since OR ShowInTerminal > 0) AND SheetNum > :after_sheet
    ORDER BY Kind, RowKey
    """,
)
"""Merges (type 1 of a link) since a moment of the server's clock; sheets that were saved since then, or wait on a
tablet now."""

ALL: Final = (LATELY,)
