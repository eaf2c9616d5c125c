"""Lines of claims, and estimates that may become some."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from open_dental.models.base import OpenDentalModel
from open_dental.wire import (
    Day,
    Key,
    Moment,
    MoneyOrUnset,
    OptionalFlag,
    OptionalKey,
    OptionalMoney,
    Text,
    WholeOrUnset,
)


class ClaimProc(OpenDentalModel):
    """What one plan is asked and pays for one procedure (or, without a procedure, for a claim as a whole).

    Overrides and some estimates hold -1 for "none"; a row of status Adjustment holds 0 there, which is none too.
    Source: https://www.opendental.com/site/apiclaimprocs.html, since 22.2.33.
    """

    claim_proc_num: Key
    proc_num: OptionalKey = None
    claim_num: OptionalKey = None
    """None for an estimate on no claim."""
    pat_num: Key
    prov_num: OptionalKey = None
    clinic_num: OptionalKey = None
    status: Text = None
    """NotReceived, Received, Preauth, Adjustment, Supplemental, CapClaim, Estimate, CapComplete, ..."""
    plan_num: OptionalKey = None
    ins_sub_num: OptionalKey = None
    code_sent: Text = None
    fee_billed: OptionalMoney = None
    ins_pay_est: OptionalMoney = None
    ins_pay_amt: OptionalMoney = None
    ded_applied: OptionalMoney = None
    write_off: OptionalMoney = None
    allowed_override: MoneyOrUnset = None
    percentage: WholeOrUnset = None
    percent_override: WholeOrUnset = None
    copay_amt: MoneyOrUnset = None
    copay_override: MoneyOrUnset = None
    paid_other_ins: MoneyOrUnset = None
    paid_other_ins_override: MoneyOrUnset = None
    base_est: OptionalMoney = None
    deductible_estimate: Annotated[MoneyOrUnset, Field(alias="DedEst")] = None
    deductible_override: Annotated[MoneyOrUnset, Field(alias="DedEstOverride")] = None
    ins_est_total: OptionalMoney = None
    ins_est_total_override: MoneyOrUnset = None
    write_off_est: MoneyOrUnset = None
    write_off_est_override: MoneyOrUnset = None
    no_bill_ins: OptionalFlag = None
    remarks: Text = None
    claim_payment_num: OptionalKey = None
    """The insurance check that paid it; its amounts are locked while it stands."""
    claim_payment_tracking: OptionalKey = None
    claim_adj_reason_codes: Text = None
    pay_plan_num: OptionalKey = None
    is_transfer: OptionalFlag = None
    proc_date: Day = None
    paid_on: Annotated[Day, Field(alias="DateCP")] = None
    date_entry: Day = None
    date_ins_finalized: Day = None
    changed_at: Annotated[Moment, Field(alias="SecDateTEdit")] = None
