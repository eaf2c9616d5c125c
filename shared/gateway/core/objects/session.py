"""Sessions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gateway.core.objects.envelopes import PracticeView
from gateway.core.objects.values import Instant, Part, PracticeId


class SessionView(Part):
    """A session, as RFC 6749 writes it, and what it covers."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(gt=0)]
    """Seconds."""
    expires_at: Instant
    client_id: str
    practices: list[PracticeId]
    practice: PracticeView
