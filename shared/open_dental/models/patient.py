"""Patients."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from open_dental.models.base import OpenDentalModel
from open_dental.wire import Day, Key, Moment, OptionalFlag, OptionalKey, OptionalMoney, Text, YesNo


class Patient(OpenDentalModel):
    """One patient, from GET (single), GET Simple or the shorter GET (multiple).

    GET (multiple) leaves out gender, guarantor, balances and more: None there does not mean "none".
    SSN is not read at all. Source: https://www.opendental.com/site/apipatients.html, since 21.1.
    """

    pat_num: Key
    last_name: Annotated[Text, Field(alias="LName")] = None
    first_name: Annotated[Text, Field(alias="FName")] = None
    middle: Annotated[Text, Field(alias="MiddleI")] = None
    preferred: Text = None
    pat_status: Text = None
    """Patient, NonPatient, Inactive, Archived, Deceased, Prospective or Deleted."""
    gender: Text = None
    position: Text = None
    birthdate: Day = None
    address: Text = None
    address2: Text = None
    city: Text = None
    state: Text = None
    zip: Text = None
    """GET (multiple) sends it as a number in places: leading zeros are lost there."""
    home_phone: Annotated[Text, Field(alias="HmPhone")] = None
    work_phone: Annotated[Text, Field(alias="WkPhone")] = None
    wireless_phone: Text = None
    email: Text = None
    """May hold several addresses, with commas or semicolons between them."""
    guarantor: OptionalKey = None
    super_family: OptionalKey = None
    estimated_balance: Annotated[OptionalMoney, Field(alias="EstBalance")] = None
    """Of this patient; signed, and as old as the last aging of the office."""
    family_balance: Annotated[OptionalMoney, Field(alias="BalTotal")] = None
    """Of the whole family, and only on its guarantor."""
    primary_provider: Annotated[OptionalKey, Field(alias="PriProv")] = None
    secondary_provider: Annotated[OptionalKey, Field(alias="SecProv")] = None
    fee_sched: OptionalKey = None
    billing_type: Text = None
    """The name of the definition, not its key."""
    chart_number: Text = None
    medicaid_id: Annotated[Text, Field(alias="MedicaidID")] = None
    employer_num: OptionalKey = None
    date_first_visit: Day = None
    clinic_num: OptionalKey = None
    premedicate: Annotated[OptionalFlag, Field(alias="Premed")] = None
    prefer_confirm_method: Text = None
    prefer_contact_method: Text = None
    prefer_recall_method: Text = None
    language: Text = None
    """A three-letter code, or a language that the office named itself."""
    text_messages_ok: Annotated[YesNo, Field(alias="TxtMsgOk")] = None
    """None for Unknown, which some offices treat as yes."""
    entered_on: Annotated[Day, Field(alias="SecDateEntry")] = None
    changed_at: Annotated[Moment, Field(alias="DateTStamp")] = None
    server_clock: Annotated[Moment, Field(alias="serverDateTime")] = None
