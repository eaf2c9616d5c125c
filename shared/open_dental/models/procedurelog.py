"""Procedures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from open_dental.models.base import OpenDentalModel
from open_dental.wire import Clock, Day, Key, Moment, OptionalFlag, OptionalKey, OptionalMoney, OptionalWhole, Text


class ProcedureLog(OpenDentalModel):
    """One procedure of a patient, planned, done or noted; deleted ones stay in lists with status D.

    Source: https://www.opendental.com/site/apiprocedurelogs.html, since 21.1.
    """

    proc_num: Key
    pat_num: Key
    apt_num: OptionalKey = None
    planned_apt_num: OptionalKey = None
    proc_date: Day = None
    proc_fee: OptionalMoney = None
    """For one unit; the charge is this times the units, less discounts."""
    discount: OptionalMoney = None
    unit_qty: OptionalWhole = None
    base_units: OptionalWhole = None
    surface: Annotated[Text, Field(alias="Surf")] = None
    """Also a quadrant, sextant or arch: the code's treatment area decides."""
    tooth_num: Text = None
    tooth_range: Text = None
    priority: OptionalKey = None
    priority_label: Annotated[Text, Field(alias="priority")] = None
    status: Annotated[Text, Field(alias="ProcStatus")] = None
    """TP, C, EC, EO, R, D, Cn or TPi."""
    prov_num: OptionalKey = None
    diagnosis: Annotated[OptionalKey, Field(alias="Dx")] = None
    diagnosis_label: Annotated[Text, Field(alias="dxName")] = None
    clinic_num: OptionalKey = None
    code_num: OptionalKey = None
    code: Annotated[Text, Field(alias="procCode")] = None
    description: Annotated[Text, Field(alias="descript")] = None
    planned_on: Annotated[Day, Field(alias="DateTP")] = None
    date_entry_c: Day = None
    """The day it was set complete."""
    proc_time: Clock = None
    proc_time_end: Clock = None
    is_locked: OptionalFlag = None
    changed_at: Annotated[Moment, Field(alias="DateTStamp")] = None
    server_clock: Annotated[Moment, Field(alias="serverDateTime")] = None
