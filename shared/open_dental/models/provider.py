"""Providers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from open_dental.models.base import OpenDentalModel
from open_dental.wire import Color, Key, Moment, OptionalFlag, OptionalKey, Text


class Provider(OpenDentalModel):
    """One provider, or an office that bills as one. SSN is not read at all.

    The list with ClinicNum is another query: no hidden ones, and no clock.
    Source: https://www.opendental.com/site/apiproviders.html.
    """

    prov_num: Key
    abbr: Text = None
    last_name: Annotated[Text, Field(alias="LName")] = None
    first_name: Annotated[Text, Field(alias="FName")] = None
    middle: Annotated[Text, Field(alias="MI")] = None
    suffix: Text = None
    preferred_name: Text = None
    specialty: OptionalKey = None
    fee_sched: OptionalKey = None
    national_provider_id: Annotated[Text, Field(alias="NationalProvID")] = None
    is_secondary: OptionalFlag = None
    """True for hygienists."""
    is_hidden: OptionalFlag = None
    is_not_person: OptionalFlag = None
    prov_status: Text = None
    """Active or Deleted."""
    color: Annotated[Color, Field(alias="provColor")] = None
    changed_at: Annotated[Moment, Field(alias="DateTStamp")] = None
    server_clock: Annotated[Moment, Field(alias="serverDateTime")] = None
