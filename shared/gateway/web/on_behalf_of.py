"""`On-Behalf-Of`: which person stands behind a product's request, by an id of that product's, for the audit trail."""

from __future__ import annotations

import re
from typing import Final

from gateway.core.errors import Invalid
from gateway.web.http import HttpRequest

HEADER: Final = "On-Behalf-Of"
FORM: Final = "[A-Za-z0-9._:@-]{1,64}"


def on_behalf_of(request: HttpRequest) -> str | None:
    """The id that the request names; None: none. It gives no right to anything.

    Raises:
        Invalid: it has another form than an id.
    """
    said = request.headers.get(HEADER.lower())
    if said is None:
        return None
    if known_on_behalf_of(request) is None:
        raise Invalid(f"{HEADER} takes an id of {FORM}", param=HEADER)
    return said.strip()


def known_on_behalf_of(request: HttpRequest) -> str | None:
    """The same without a refusal: what has not the form is none."""
    said = request.headers.get(HEADER.lower(), "").strip()
    return said if re.fullmatch(FORM, said) else None


def person_behind(request: HttpRequest) -> str:
    """The same where somebody has to stand behind the request.

    Raises:
        Invalid: it names nobody, or has another form than an id.
    """
    said = on_behalf_of(request)
    if said is None:
        raise Invalid(f"send {HEADER}: who decided this, by an id of yours", param=HEADER)
    return said
