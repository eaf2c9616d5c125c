"""`Purpose-Of-Use`: why a caller asks, as the audit trail keeps it."""

from __future__ import annotations

from typing import Final

from gateway.core.audit.purposes import PURPOSES
from gateway.core.errors import Invalid
from gateway.web.http import HttpRequest

HEADER: Final = "Purpose-Of-Use"


def purpose_of(request: HttpRequest) -> str | None:
    """The purpose that the request names; None: none.

    Raises:
        Invalid: it is none of HL7's general purposes.
    """
    said = request.headers.get(HEADER.lower())
    if said is None:
        return None
    if said.strip() not in PURPOSES:
        raise Invalid(f"{HEADER} takes one of {', '.join(sorted(PURPOSES))}", param=HEADER)
    return said.strip()


def known_purpose_of(request: HttpRequest) -> str | None:
    """The same without a refusal: what is no purpose is none."""
    said = request.headers.get(HEADER.lower(), "").strip()
    return said if said in PURPOSES else None
