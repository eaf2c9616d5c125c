"""The fetch plan of a search: who works and who is there, each by one list over all days.

Sources: https://www.opendental.com/site/apischedules.html, https://www.opendental.com/site/apiappointments.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from gateway.core import chairs
from gateway.core.fetches import Steps, collect, none_if_not_found
from gateway.core.plans import Outcome, Plan, PlanContext, Row
from gateway.core.slots.search import reaches_midnight

REACHES_OVER: Final = time(6)
"""A visit that begins before this may meet one that began the day before."""


def days(input_: Mapping[str, Any], context: PlanContext) -> Plan:
    """Schedules and appointments of the days `from` to `to`, both included: two calls and their further pages.

    A day more is read where somebody works up to midnight, or before six in the morning.
    """
    first, last = date.fromisoformat(input_["from"]), date.fromisoformat(input_["to"])
    schedules = yield from _listed("schedules.list", first, last, context)
    blocks = chairs.blocks_of(schedules)
    if reaches_midnight(blocks, datetime.combine(last, time())):
        last += timedelta(days=1)
        schedules += yield from _listed("schedules.list", last, last, context)
    if any(block.start < datetime.combine(first, REACHES_OVER) for block in blocks):
        first -= timedelta(days=1)
    appointments = (yield from _listed("appointments.list", first, last, context)) if blocks else []
    return Outcome(rows={"schedules": schedules, "appointments": appointments})


def _listed(operation: str, first: date, last: date, context: PlanContext) -> Steps[list[Row]]:
    query = {"date": f"{first}"} if first == last else {"dateStart": f"{first}", "dateEnd": f"{last}"}
    return none_if_not_found(collect(operation, query, context.practice))
