"""The preferences that answers are made of, in one statement: by the list they are a call each.

Only those: there are passwords among the others. Source: https://www.opendental.com/site/apipreferences.html, and the
published database schema of preference.
"""

from __future__ import annotations

from typing import Final

from gateway.core.office_words import NONE_OF, PREFERENCES
from gateway.core.queries.statement import Statement

NAMES: Final = frozenset({*PREFERENCES, *NONE_OF.values()})

_NAMED: Final = ", ".join(f"'{name}'" for name in sorted(NAMES))

OF_OFFICE: Final = Statement(
    "preferences",
    f"SELECT PrefName, ValueString FROM preference WHERE PrefName IN ({_NAMED}) ORDER BY PrefName",  # noqa: S608
)

ALL: Final = (OF_OFFICE,)
