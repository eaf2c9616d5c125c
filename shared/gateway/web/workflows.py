"""What the steps of a run carry of the request that started it, and how a run is answered."""

from __future__ import annotations

from typing import Final

from gateway.web.http import HttpRequest
from gateway.web.on_behalf_of import HEADER as ON_BEHALF_OF
from gateway.web.on_behalf_of import known_on_behalf_of
from gateway.web.purpose import HEADER as PURPOSE
from gateway.web.purpose import known_purpose_of

_CARRIED: Final = ((PURPOSE, known_purpose_of), (ON_BEHALF_OF, known_on_behalf_of))


def carried(request: HttpRequest) -> dict[str, str]:
    """For what and on whose behalf the request asks, so that each step's entry in the audit trail says it, too."""
    return {header: said for header, known in _CARRIED if (said := known(request)) is not None}
