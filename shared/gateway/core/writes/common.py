"""What several writes share: our reference in free text, and the day a payment counts for."""

from __future__ import annotations

from datetime import date

from gateway.core.plans import PlanContext


def with_reference(text: str | None, context: PlanContext) -> str:
    """`text` with the operation's 12-character reference behind it (the first thing a lost answer is settled by), on one
    line: Open Dental turns line breaks into blanks."""
    words = " ".join((text or "").split())
    if not context.practice.writes_reference:
        return words
    return f"{words} [ref {context.reference}]".strip()


def day_of(text: str | None, context: PlanContext) -> date:
    """The day the caller named, else the practice's calendar day when the request was accepted."""
    return date.fromisoformat(text) if text else context.accepted_at.astimezone(context.practice.zone()).date()
