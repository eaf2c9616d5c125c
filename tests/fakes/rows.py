"""Rows as Open Dental writes them on the wire, of invented people. Each takes overrides by column name."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def patient_row(number: int = 1, **columns: Any) -> dict[str, Any]:
    """A full row, as `patients.Simple` and `patients.get` answer it (the latter without the server's clock)."""
    return {
        "serverDateTime": "2026-03-02 10:00:00",
        "PatNum": number,
        "LName": "Miller",
        "FName": "Ann",
        "MiddleI": "",
        "Preferred": "",
        "PatStatus": "Patient",
        "Gender": "Female",
        "Position": "Single",
        "Birthdate": "1980-02-11",
        "SSN": "",
        "Address": "12 Elm Street",
        "Address2": "",
        "City": "Salem",
        "State": "OR",
        "Zip": "97301",
        "HmPhone": "(503)555-0123",
        "WkPhone": "",
        "WirelessPhone": "",
        "Guarantor": number,
        "Email": "",
        "EstBalance": Decimal("250.0"),
        "PriProv": 1,
        "priProvAbbr": "DOC1",
        "SecProv": 0,
        "secProvAbbr": "",
        "FeeSched": 0,
        "BillingType": "Standard Account",
        "ImageFolder": "",
        "FamFinUrgNote": "",
        "ChartNumber": "",
        "MedicaidID": "",
        "BalTotal": Decimal("0.0"),
        "EmployerNum": 0,
        "DateFirstVisit": "2020-01-02",
        "ClinicNum": "0",
        "clinicAbbr": "",
        "Premed": "false",
        "Ward": "",
        "PreferConfirmMethod": "None",
        "PreferContactMethod": "TextMessage",
        "PreferRecallMethod": "None",
        "Language": "eng",
        "AdmitDate": "0001-01-01",
        "siteDesc": "",
        "DateTStamp": "2026-01-05 08:30:15",
        "SuperFamily": 0,
        "TxtMsgOk": "Unknown",
        "SecDateEntry": "2020-01-01",
        **columns,
    }


WINDOW_COLUMNS = (  # noqa: SIM905 - one word a line would be all one sees of this file.
    "PatNum LName FName MiddleI Preferred PatStatus Birthdate SSN Address Address2 City State Zip HmPhone WkPhone "
    "WirelessPhone Email priProvAbbr secProvAbbr BillingType ChartNumber ClinicNum clinicAbbr siteDesc TxtMsgOk"
).split()
"""Columns of `patients.list`."""


def appointment_row(number: int = 1, **columns: Any) -> dict[str, Any]:
    """A row of `appointments.list`."""
    return {
        "serverDateTime": "2026-03-02 10:00:00",
        "AptNum": number,
        "PatNum": 1,
        "AptStatus": "Scheduled",
        "Pattern": "//XXXX//",
        "Confirmed": 19,
        "confirmed": "Unconfirmed",
        "TimeLocked": "false",
        "Op": 3,
        "Note": "",
        "ProvNum": 1,
        "provAbbr": "DOC1",
        "ProvHyg": 0,
        "AptDateTime": "2026-03-03 09:00:00",
        "NextAptNum": 0,
        "UnschedStatus": 0,
        "unschedStatus": "",
        "IsNewPatient": "false",
        "ProcDescript": "PerEx",
        "ClinicNum": 0,
        "IsHygiene": "false",
        "DateTStamp": "2026-02-01 10:00:00",
        "DateTimeArrived": "2026-03-03 00:00:00",
        "DateTimeSeated": "2026-03-03 00:00:00",
        "DateTimeDismissed": "2026-03-03 00:00:00",
        "InsPlan1": 0,
        "InsPlan2": 0,
        "DateTimeAskedToArrive": "0001-01-01 00:00:00",
        "colorOverride": "0,0,0",
        "AppointmentTypeNum": 0,
        "SecUserNumEntry": 0,
        "SecDateTEntry": "2026-01-02 10:11:12",
        "Priority": "Normal",
        "PatternSecondary": "",
        "ItemOrderPlanned": 0,
        **columns,
    }


def history_row(number: int, visit: int, action: str, status: str, **columns: Any) -> dict[str, Any]:
    """A row of `histappointments.list`: the visit as it stood after the change."""
    row = appointment_row(visit, AptStatus=status, **columns)
    return {**row, "HistApptNum": number, "HistApptAction": action, "HistDateTStamp": "2026-03-03 09:20:00"}


def procedure_row(number: int = 1, **columns: Any) -> dict[str, Any]:
    """A row of `procedurelogs.list`."""
    return {
        "ProcNum": number,
        "PatNum": 1,
        "AptNum": 0,
        "ProcDate": "2026-03-03",
        "ProcFee": "62.00",
        "Surf": "",
        "ToothNum": "",
        "ToothRange": "",
        "Priority": 0,
        "priority": "",
        "ProcStatus": "C",
        "ProvNum": 1,
        "provAbbr": "DOC1",
        "Dx": 0,
        "dxName": "",
        "PlannedAptNum": 0,
        "PlaceService": "Office",
        "Prosthesis": "",
        "DateOriginalProsth": "0001-01-01",
        "ClaimNote": "",
        "DateEntryC": "2026-03-03",
        "ClinicNum": 0,
        "CodeNum": 1,
        "procCode": "D0120",
        "descript": "check-up",
        "UnitQty": 1,
        "BaseUnits": 0,
        "DateTP": "2026-02-01",
        "SiteNum": 0,
        "HideGraphics": "false",
        "DateTStamp": "2026-03-03 10:00:00",
        "Prognosis": 0,
        "IsLocked": "false",
        "BillingNote": "",
        "Discount": Decimal("0.0"),
        "IsDateProsthEst": "false",
        "SecDateEntry": "2026-02-01 09:00:00",
        "serverDateTime": "2026-03-03 11:00:00",
        **columns,
    }


def claim_row(number: int = 1, **columns: Any) -> dict[str, Any]:
    """A row of `claims.list`: received, and paid nothing."""
    return {
        "ClaimNum": number,
        "PatNum": 1,
        "DateService": "2026-03-03",
        "DateSent": "2026-03-04",
        "ClaimStatus": "R",
        "DateReceived": "2026-03-20",
        "PlanNum": 4,
        "ProvTreat": 1,
        "ClaimFee": Decimal("100.0"),
        "InsPayEst": Decimal("80.0"),
        "InsPayAmt": Decimal("0.0"),
        "DedApplied": Decimal("0.0"),
        "IsProsthesis": "N",
        "PriorDate": "0001-01-01",
        "ReasonUnderPaid": "",
        "ClaimNote": "",
        "ClaimType": "P",
        "ProvBill": 1,
        "PlaceService": "Office",
        "AccidentRelated": "",
        "IsOrtho": "False",
        "PatRelat": "Self",
        "PlanNum2": 0,
        "PatRelat2": "Self",
        "WriteOff": Decimal("0.0"),
        "ClaimForm": "0",
        "InsSubNum": 6,
        "InsSubNum2": 0,
        "PriorAuthorizationNumber": "",
        "CustomTracking": 0,
        "customTracking": "",
        "SecDateTEdit": "2026-03-20 12:00:00",
        **columns,
    }


def line_row(number: int = 1, claim: int = 1, **columns: Any) -> dict[str, Any]:
    """A row of `claimprocs.list`: answered with nothing."""
    return {
        "ClaimProcNum": number,
        "ProcNum": 1,
        "ClaimNum": claim,
        "PatNum": 1,
        "ProvNum": 1,
        "FeeBilled": Decimal("100.0"),
        "InsPayEst": Decimal("80.0"),
        "DedApplied": Decimal("0.0"),
        "Status": "Received",
        "InsPayAmt": Decimal("0.0"),
        "Remarks": "",
        "ClaimPaymentNum": 0,
        "PlanNum": 4,
        "DateCP": "2026-03-20",
        "WriteOff": Decimal("0.0"),
        "CodeSent": "D0120",
        "AllowedOverride": Decimal("-1.0"),
        "CopayAmt": Decimal("-1.0"),
        "CopayOverride": Decimal("-1.0"),
        "PaidOtherIns": Decimal("-1.0"),
        "EstimateNote": "",
        "ClinicNum": 0,
        "ClaimPaymentTracking": 0,
        "claimPaymentTracking": "",
        "ClaimAdjReasonCodes": "",
        "SecDateTEdit": "2026-03-20 12:00:00",
        **columns,
    }


def payment_row(number: int = 1, **columns: Any) -> dict[str, Any]:
    """A row of `payments.list`."""
    return {
        "PayNum": number,
        "PayType": 70,
        "payType": "Check",
        "PayDate": "2026-03-03",
        "PayAmt": "339",
        "CheckNum": "1001",
        "BankBranch": "",
        "PayNote": "",
        "PatNum": 1,
        "ClinicNum": "0",
        "DateEntry": "2026-03-03",
        "DepositNum": 0,
        "SecDateTEdit": "2026-03-03 12:00:00",
        "serverDateTime": "2026-03-03 12:00:01",
        **columns,
    }


def split_row(number: int = 1, payment: int = 1, **columns: Any) -> dict[str, Any]:
    """A row of `paysplits.list`."""
    return {
        "SplitNum": number,
        "SplitAmt": 339,
        "PatNum": 1,
        "PayNum": payment,
        "ProvNum": 1,
        "PayPlanNum": 0,
        "DatePay": "2026-03-03",
        "ProcNum": 0,
        "UnearnedType": 0,
        "unearnedType": "",
        "ClinicNum": 0,
        "AdjNum": 0,
        "PayPlanChargeNum": 0,
        **columns,
    }


def claim_payment_row(number: int = 1, **columns: Any) -> dict[str, Any]:
    """A row of `claimpayments.list`."""
    return {
        "ClaimPaymentNum": number,
        "CheckDate": "2026-03-20",
        "CheckAmt": "129.5",
        "CheckNum": "",
        "BankBranch": "",
        "Note": "",
        "ClinicNum": 0,
        "DepositNum": 0,
        "CarrierName": "Northern Dental Mutual",
        "DateIssued": "2026-03-18",
        "IsPartial": "false",
        "PayType": 71,
        "payType": "EFT",
        "SecDateEntry": "2026-03-20",
        "SecDateTEdit": "2026-03-20 12:00:00",
        **columns,
    }
