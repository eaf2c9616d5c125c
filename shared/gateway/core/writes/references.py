"""Our 12-character reference in the free text of what we add: the first thing a lost answer is settled by."""

from __future__ import annotations

from gateway.core.plans import PlanContext


def with_reference(text: str | None, context: PlanContext) -> str:
    """`text` with the operation's reference behind it, on one line: Open Dental turns line breaks into blanks."""
    words = " ".join((text or "").split())
    if not context.practice.writes_reference:
        return words
    return f"{words} [ref {context.reference}]".strip()
