"""Schedules."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from open_dental.models.base import OpenDentalModel
from open_dental.wire import Clock, Day, Key, Keys, Moment, OptionalKey, Text


class Schedule(OpenDentalModel):
    """One stretch of a day: a provider's hours, a blockout, or a note. Nearly every value is quoted here.

    Source: https://www.opendental.com/site/apischedules.html.
    """

    schedule_num: Key
    sched_date: Day = None
    start_time: Clock = None
    stop_time: Clock = None
    """Both times 00:00:00: a note or a holiday, which has no hours."""
    sched_type: Text = None
    """Practice, Provider, Blockout, Employee or WebSchedASAP."""
    prov_num: OptionalKey = None
    blockout_type: OptionalKey = None
    blockout_type_label: Annotated[Text, Field(alias="blockoutType")] = None
    employee_num: OptionalKey = None
    note: Text = None
    operatories: Annotated[Keys, Field(alias="operatories")] = ()
    """Operatories it is meant for; empty: wherever the provider is at home."""
    changed_at: Annotated[Moment, Field(alias="DateTStamp")] = None
