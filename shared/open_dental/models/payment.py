"""Patient payments."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from open_dental.models.base import OpenDentalModel
from open_dental.wire import Day, Key, Moment, OptionalFlag, OptionalKey, OptionalMoney, Text


class Payment(OpenDentalModel):
    """One payment of a patient; what it paid for is in its `PaySplit` rows.

    After a write the row lacks `changed_at` and the clock: read it again.
    Source: https://www.opendental.com/site/apipayments.html.
    """

    pay_num: Key
    pat_num: OptionalKey = None
    pay_type: OptionalKey = None
    """A definition of category PaymentTypes; None for an income transfer."""
    pay_type_label: Annotated[Text, Field(alias="payType")] = None
    pay_date: Day = None
    pay_amt: OptionalMoney = None
    """Signed: a refund is below 0."""
    check_num: Text = None
    bank_branch: Text = None
    pay_note: Text = None
    clinic_num: OptionalKey = None
    date_entry: Day = None
    deposit_num: OptionalKey = None
    payment_source: Text = None
    process_status: Text = None
    is_recurring: Annotated[OptionalFlag, Field(alias="IsRecurringCC")] = None
    changed_at: Annotated[Moment, Field(alias="SecDateTEdit")] = None
    server_clock: Annotated[Moment, Field(alias="serverDateTime")] = None
