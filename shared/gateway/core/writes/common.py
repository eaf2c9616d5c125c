"""What the writes share: our reference in free text, the day a payment counts for, lists that may be empty."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import wraps
from typing import Any, Final

from gateway.core.errors import AppError
from gateway.core.fetches import Steps, collect, none_if_not_found
from gateway.core.plans import Plan, PlanContext, PlanFunction, Row


def blames(**fields: str) -> Callable[[PlanFunction], PlanFunction]:
    """Have a plan's errors name the caller's field where Open Dental names its own: `AptDateTime="local_start"`.

    Where it says which kind of record is not there ("Patient not found"), the field that named one is meant.
    """

    def decorated(plan: PlanFunction) -> PlanFunction:
        @wraps(plan)
        def renamed(input_: Mapping[str, Any], context: PlanContext) -> Plan:
            try:
                return (yield from plan(input_, context))
            except AppError as error:
                error.param = fields.get(error.param or _missing(error), error.param)
                raise

        return renamed

    return decorated


_NOT_FOUND: Final = re.compile(r"([A-Za-z ]+) not found\.?", re.IGNORECASE)
_COLUMN_OF: Final = {
    "patient": "PatNum",
    "operatory": "Op",
    "clinic": "ClinicNum",
    "appointmenttype": "AppointmentTypeNum",
    "inssub": "InsSubNum",
}
"""What Open Dental calls a record that is not there -> the field that can only have meant one of those.

A provider is meant by several. Source: https://www.opendental.com/site/apispecification.html, status codes.
"""


def _missing(error: AppError) -> str:
    """The field of Open Dental's that named a record which is not there; empty where its words do not say."""
    said = _NOT_FOUND.fullmatch(str((error.upstream or {}).get("message") or "").strip())
    return "" if said is None else _COLUMN_OF.get(said[1].replace(" ", "").casefold(), "")


def with_reference(text: str | None, context: PlanContext) -> str:
    """`text` with the operation's 12-character reference behind it: the first thing a lost answer is settled by.

    On one line, because Open Dental turns line breaks into blanks.
    """
    words = " ".join((text or "").split())
    if not context.practice.writes_reference:
        return words
    return f"{words} [ref {context.reference}]".strip()


def not_by_us(row: Row, text_field: str, context: PlanContext) -> tuple[Mapping[str, Any], ...]:
    """A warning where the row that stands does not carry our reference.

    A lost answer is settled by an equal row as well: whoever counts the money would count it twice otherwise. The
    caller is told, because numbers and notes of that row may be the office's own.
    """
    if not context.practice.writes_reference or context.reference in str(row.get(text_field) or ""):
        return ()
    detail = "what stands was probably entered by the office meanwhile: it does not carry our reference"
    return ({"code": "entered-by-the-office", "detail": detail},)


def day_of(text: str | None, context: PlanContext) -> date:
    """The day the caller named, else the practice's calendar day when the request was accepted."""
    return date.fromisoformat(text) if text else context.accepted_at.astimezone(context.practice.zone()).date()


def listed(operation_id: str, query: Mapping[str, Any], context: PlanContext) -> Steps[list[Row]]:
    """Every row of a list, none where Open Dental answers 404.

    Some lists answer 404 when nothing is found and some when the parent is missing; which of them, is not documented.
    A parent that is missing refuses the write itself, so here both mean that there is nothing to heed.
    """
    return none_if_not_found(collect(operation_id, query, context.practice))
