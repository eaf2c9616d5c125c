"""Insurance payments."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from open_dental.models.base import OpenDentalModel
from open_dental.wire import Day, Key, Moment, OptionalFlag, OptionalKey, OptionalMoney, Text


class ClaimPayment(OpenDentalModel):
    """One check or transfer of a carrier, over lines of one claim or several.

    Source: https://www.opendental.com/site/apiclaimpayments.html.
    """

    claim_payment_num: Key
    check_date: Day = None
    check_amt: OptionalMoney = None
    check_num: Text = None
    bank_branch: Text = None
    note: Text = None
    clinic_num: OptionalKey = None
    deposit_num: OptionalKey = None
    carrier_name: Text = None
    date_issued: Day = None
    is_partial: OptionalFlag = None
    pay_type: OptionalKey = None
    pay_type_label: Annotated[Text, Field(alias="payType")] = None
    pay_group: OptionalKey = None
    entered_on: Annotated[Day, Field(alias="SecDateEntry")] = None
    changed_at: Annotated[Moment, Field(alias="SecDateTEdit")] = None
