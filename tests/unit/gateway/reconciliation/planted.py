"""A practice's books on which everything adds up, and rows that make them not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from copy import deepcopy
from datetime import date, timedelta
from typing import Any, TypeAlias

from gateway.core.reconciliation.books import NEEDED, Books
from open_dental import wire

Row: TypeAlias = dict[str, Any]
Tables: TypeAlias = dict[str, list[Row]]

TODAY = date(2026, 11, 18)
ANNA, BEN, CLEO = 1, 2, 3
"""Anna pays for Ben; Cleo is a family of her own, with two coverages."""


def ago(days: int) -> str:
    """A day so long before today."""
    return (TODAY - timedelta(days=days)).isoformat()


def procedure(number: int, patient: int, fee: str, day: str, **more: Any) -> Row:
    return {
        "ProcNum": number, "PatNum": patient, "ProcStatus": "C", "ProcFee": fee, "ProcDate": day, "ProvNum": 1,
        "ClinicNum": 1, "UnitQty": 1, "BaseUnits": 0, "procCode": "D1110", "DateTStamp": f"{day} 12:00:00", **more,
    }  # fmt: skip


def claim(number: int, patient: int, status: str, **more: Any) -> Row:
    return {
        "ClaimNum": number, "PatNum": patient, "ClaimType": "P", "ClaimStatus": status, "PlanNum": 1, "PlanNum2": 0,
        "DateService": ago(60), "DateSent": ago(60), "DateReceived": "0001-01-01", "ClaimFee": 100.0, "InsPayAmt": 0.0,
        "WriteOff": 0.0, "DedApplied": 0.0, "ReasonUnderPaid": "", **more,
    }  # fmt: skip


def line(number: int, of: int, work: int, patient: int, status: str, **more: Any) -> Row:
    return {
        "ClaimProcNum": number, "ClaimNum": of, "ProcNum": work, "PatNum": patient, "Status": status,
        "FeeBilled": 100.0,
        "InsPayEst": 80.0, "InsEstTotal": 80.0, "InsEstTotalOverride": -1.0, "InsPayAmt": 0.0, "WriteOff": 0.0,
        "WriteOffEst": -1.0, "WriteOffEstOverride": -1.0, "DedApplied": 0.0, "ClaimPaymentNum": 0, "DateCP": ago(60),
        "PlanNum": 1, "PayPlanNum": 0, "IsTransfer": "false", "ClinicNum": 1, "Remarks": "",
        "SecDateTEdit": f"{ago(60)} 12:00:00", "ClaimAdjReasonCodes": "", **more,
    }  # fmt: skip


def payment(number: int, patient: int, amount: str, day: str, **more: Any) -> Row:
    return {
        "PayNum": number,
        "PatNum": patient,
        "PayAmt": amount,
        "PayDate": day,
        "PayType": 5,
        "payType": "Check",
        **more,
    }


def split(number: int, of: int, patient: int, amount: float, day: str, **more: Any) -> Row:
    return {
        "SplitNum": number, "PayNum": of, "PatNum": patient, "SplitAmt": amount, "DatePay": day, "ProvNum": 1,
        "ProcNum": 0, "AdjNum": 0, "PayPlanNum": 0, "PayPlanChargeNum": 0, "UnearnedType": 0, "SecDateTEdit": day,
        **more,
    }  # fmt: skip


def adds_up() -> Tables:
    """Ben's cleaning: 80 of the carrier by a payment of its own, 20 of Anna. Cleo owes 50 since yesterday."""
    return {
        "definitions": [
            {"DefNum": 70, "category": "PaySplitUnearnedType", "ItemValue": ""},
            {"DefNum": 71, "category": "PaySplitUnearnedType", "ItemValue": "X"},
        ],
        "carriers": [{"CarrierNum": 1, "NoSendElect": "SendElect"}, {"CarrierNum": 2, "NoSendElect": "NoSendElect"}],
        "insplans": [{"PlanNum": 1, "CarrierNum": 1}, {"PlanNum": 2, "CarrierNum": 2}],
        "patients": [
            {"PatNum": ANNA, "Guarantor": ANNA, "BalTotal": 0.0, "EstBalance": 0.0},
            {"PatNum": BEN, "Guarantor": ANNA, "BalTotal": 0.0, "EstBalance": 0.0},
            {"PatNum": CLEO, "Guarantor": CLEO, "BalTotal": 50.0, "EstBalance": 50.0},
        ],
        "patplans": [
            {"PatNum": CLEO, "Ordinal": 1, "InsSubNum": 1},
            {"PatNum": CLEO, "Ordinal": 2, "InsSubNum": 2},
        ],
        "procedurelogs": [procedure(1, BEN, "100.00", ago(60)), procedure(2, CLEO, "50.00", ago(1))],
        "claims": [claim(1, BEN, "R", DateReceived=ago(40), InsPayAmt=80.0)],
        "claimprocs": [line(1, 1, 1, BEN, "Received", InsPayAmt=80.0, ClaimPaymentNum=1, DateCP=ago(40))],
        "claimpayments": [
            {"ClaimPaymentNum": 1, "CheckAmt": "80.00", "CheckDate": ago(40), "IsPartial": "false", "payType": "EFT"}
        ],
        "payments": [payment(1, ANNA, "20.00", ago(30))],
        "paysplits": [split(1, 1, BEN, 20.0, ago(30), ProcNum=1)],
        "adjustments": [],
        "payplans": [],
        "payplancharges": [],
    }  # fmt: skip


def books(tables: Tables, as_of: date = TODAY) -> Books:
    """The books of these rows."""
    made = Books(as_of)
    for name in NEEDED:
        # Numbers of the wire are never floats.
        made.take(name, wire.loads(json.dumps(tables[name])))
    return made


def with_rows(**more: Iterable[Row]) -> Tables:
    """The rows that add up, with these added, or in the place of those of the same key."""
    tables = deepcopy(adds_up())
    for name, rows in more.items():
        for row in rows:
            key = next(iter(row))
            tables[name] = [one for one in tables[name] if one.get(key) != row[key] or name == "patplans"] + [row]
    return tables
