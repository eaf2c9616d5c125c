"""Insurance claims."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from open_dental.models.base import OpenDentalModel
from open_dental.wire import Day, Key, Moment, OptionalKey, OptionalMoney, Text


class Claim(OpenDentalModel):
    """One claim; its lines are `ClaimProc` rows. There is no status for a denial.

    Source: https://www.opendental.com/site/apiclaims.html.
    """

    claim_num: Key
    pat_num: Key
    status: Annotated[Text, Field(alias="ClaimStatus")] = None
    """A letter: U unsent, H held until the primary is received, W waiting in the queue, S sent, R received, I."""
    claim_type: Text = None
    """P, S, PreAuth, Cap or Other."""
    date_service: Day = None
    date_sent: Day = None
    date_received: Day = None
    plan_num: OptionalKey = None
    ins_sub_num: OptionalKey = None
    plan_num2: OptionalKey = None
    ins_sub_num2: OptionalKey = None
    relationship: Annotated[Text, Field(alias="PatRelat")] = None
    treating_provider: Annotated[OptionalKey, Field(alias="ProvTreat")] = None
    billing_provider: Annotated[OptionalKey, Field(alias="ProvBill")] = None
    claim_fee: OptionalMoney = None
    ins_pay_est: OptionalMoney = None
    ins_pay_amt: OptionalMoney = None
    ded_applied: OptionalMoney = None
    write_off: OptionalMoney = None
    reason_under_paid: Text = None
    claim_note: Text = None
    prior_authorization_number: Text = None
    custom_tracking: OptionalKey = None
    custom_tracking_label: Annotated[Text, Field(alias="customTracking")] = None
    changed_at: Annotated[Moment, Field(alias="SecDateTEdit")] = None
