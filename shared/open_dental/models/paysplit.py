"""Splits of patient payments."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from open_dental.models.base import OpenDentalModel
from open_dental.wire import Day, Key, Moment, OptionalKey, OptionalMoney, Text


class PaySplit(OpenDentalModel):
    """What part of a payment went where. Partial (PUT) replaces all splits of a payment, with new keys.

    Source: https://www.opendental.com/site/apipaysplits.html.
    """

    split_num: Key
    pay_num: Key
    pat_num: OptionalKey = None
    """Of the family, not always the payer."""
    split_amt: OptionalMoney = None
    """Signed."""
    prov_num: OptionalKey = None
    proc_num: OptionalKey = None
    adj_num: OptionalKey = None
    pay_plan_num: OptionalKey = None
    pay_plan_charge_num: OptionalKey = None
    pay_plan_debit_type: Text = None
    unearned_type: OptionalKey = None
    """Set for a prepayment."""
    unearned_type_label: Annotated[Text, Field(alias="unearnedType")] = None
    clinic_num: OptionalKey = None
    date_pay: Day = None
    date_entry: Day = None
    changed_at: Annotated[Moment, Field(alias="SecDateTEdit")] = None
