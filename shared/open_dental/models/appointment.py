"""Appointments."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from open_dental.models.base import OpenDentalModel
from open_dental.wire import Color, Key, Moment, OptionalFlag, OptionalKey, Text, VisitMoment


class Appointment(OpenDentalModel):
    """One appointment as Open Dental holds it.

    Times are the office's wall clock, without a zone: compare them only within one office.
    After a write the row lacks `changed_at` and the clock: read it again.
    Source: https://www.opendental.com/site/apiappointments.html, "GET (single)", since 21.1.
    """

    apt_num: Key
    pat_num: Key
    status: Annotated[Text, Field(alias="AptStatus")] = None
    """Scheduled, Complete, UnschedList, ASAP, Broken, Planned, PtNote or PtNoteCompleted."""
    starts_at: Annotated[Moment, Field(alias="AptDateTime")] = None
    """None for planned ones; an unscheduled one keeps the time it had."""
    pattern: Annotated[str, StringConstraints(pattern=r"^[X/]*$")] = ""
    """One character for each 5 minutes: X with the provider, / with the assistant."""
    pattern_secondary: str = ""
    confirmed: OptionalKey = None
    """A definition of category ApptConfirmed."""
    confirmed_label: Annotated[Text, Field(alias="confirmed")] = None
    time_locked: OptionalFlag = None
    op: OptionalKey = None
    note: Text = None
    prov_num: OptionalKey = None
    prov_hyg: OptionalKey = None
    is_hygiene: OptionalFlag = None
    next_apt_num: OptionalKey = None
    """The planned appointment that this one came from."""
    unsched_status: OptionalKey = None
    is_new_patient: OptionalFlag = None
    proc_descript: Text = None
    clinic_num: OptionalKey = None
    date_time_asked_to_arrive: VisitMoment = None
    date_time_arrived: VisitMoment = None
    """None until the patient arrives; Open Dental writes that as year 0001, or as midnight of the day."""
    date_time_seated: VisitMoment = None
    date_time_dismissed: VisitMoment = None
    ins_plan1: OptionalKey = None
    ins_plan2: OptionalKey = None
    appointment_type_num: OptionalKey = None
    priority: Text = None
    """Normal or ASAP."""
    color_override: Annotated[Color, Field(alias="colorOverride")] = None
    entered_at: Annotated[Moment, Field(alias="SecDateTEntry")] = None
    changed_at: Annotated[Moment, Field(alias="DateTStamp")] = None
    server_clock: Annotated[Moment, Field(alias="serverDateTime")] = None

    @property
    def minutes(self) -> int:
        """Length by the pattern."""
        return 5 * len(self.pattern)
