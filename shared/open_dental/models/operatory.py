"""Operatories."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from open_dental.models.base import OpenDentalModel
from open_dental.wire import Key, OptionalFlag, OptionalKey, OptionalWhole, Text


class Operatory(OpenDentalModel):
    """One chair of the office. Source: https://www.opendental.com/site/apioperatories.html."""

    operatory_num: Key
    name: Annotated[Text, Field(alias="OpName")] = None
    abbrev: Text = None
    item_order: OptionalWhole = None
    is_hidden: OptionalFlag = None
    prov_dentist: OptionalKey = None
    prov_hygienist: OptionalKey = None
    is_hygiene: OptionalFlag = None
    clinic_num: OptionalKey = None
    set_prospective: OptionalFlag = None
    is_web_sched: OptionalFlag = None
