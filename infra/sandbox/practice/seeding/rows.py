"""The heap of invented rows, with keys as the database would have counted them."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

Row = dict[str, Any]

KEYS = {
    "adjustment": "AdjNum",
    "allergy": "AllergyNum",
    "allergydef": "AllergyDefNum",
    "appointment": "AptNum",
    "appointmenttype": "AppointmentTypeNum",
    "benefit": "BenefitNum",
    "carrier": "CarrierNum",
    "claim": "ClaimNum",
    "claimform": "ClaimFormNum",
    "claimpayment": "ClaimPaymentNum",
    "claimproc": "ClaimProcNum",
    "clinic": "ClinicNum",
    "commlog": "CommlogNum",
    "computer": "ComputerNum",
    "covcat": "CovCatNum",
    "covspan": "CovSpanNum",
    "definition": "DefNum",
    "disease": "DiseaseNum",
    "diseasedef": "DiseaseDefNum",
    "document": "DocNum",
    "employee": "EmployeeNum",
    "employer": "EmployerNum",
    "fee": "FeeNum",
    "feesched": "FeeSchedNum",
    "histappointment": "HistApptNum",
    "inssub": "InsSubNum",
    "insplan": "PlanNum",
    "labcase": "LabCaseNum",
    "laboratory": "LaboratoryNum",
    "medication": "MedicationNum",
    "medicationpat": "MedicationPatNum",
    "operatory": "OperatoryNum",
    "patient": "PatNum",
    "patientlink": "PatientLinkNum",
    "patientnote": "PatNum",
    "patplan": "PatPlanNum",
    "payment": "PayNum",
    "payplan": "PayPlanNum",
    "payplancharge": "PayPlanChargeNum",
    "payplanlink": "PayPlanLinkNum",
    "paysplit": "SplitNum",
    "perioexam": "PerioExamNum",
    "periomeasure": "PerioMeasureNum",
    "pharmacy": "PharmacyNum",
    "popup": "PopupNum",
    "preference": "PrefNum",
    "procedurecode": "CodeNum",
    "procgroupitem": "ProcGroupItemNum",
    "procedurelog": "ProcNum",
    "procnote": "ProcNoteNum",
    "proctp": "ProcTPNum",
    "provider": "ProvNum",
    "recall": "RecallNum",
    "recalltype": "RecallTypeNum",
    "refattach": "RefAttachNum",
    "referral": "ReferralNum",
    "schedule": "ScheduleNum",
    "scheduleop": "ScheduleOpNum",
    "sheet": "SheetNum",
    "sheetdef": "SheetDefNum",
    "sheetfield": "SheetFieldNum",
    "sheetfielddef": "SheetFieldDefNum",
    "statement": "StatementNum",
    "task": "TaskNum",
    "tasklist": "TaskListNum",
    "toothinitial": "ToothInitialNum",
    "treatplan": "TreatPlanNum",
    "treatplanattach": "TreatPlanAttachNum",
    "userod": "UserNum",
}
"""Primary key of each table that a seeded practice fills."""


class Rows:
    """Rows by table, in the order in which the office would have entered them."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Row]] = {table: [] for table in KEYS}

    def add(self, table: str, row: Row) -> int:
        """Keep `row` under the next key of `table`, and return that key.

        A row that brings its key, as the one-to-one notes of a patient do, keeps it.
        """
        heap = self.tables[table]
        key = row.setdefault(KEYS[table], len(heap) + 1)
        heap.append(row)
        return int(key)

    def __getitem__(self, table: str) -> list[Row]:
        return self.tables[table]

    def get(self, table: str, key: int) -> Row:
        """Return the row with `key`, which must be a counted one."""
        return self.tables[table][key - 1]

    def __iter__(self) -> Iterator[tuple[str, list[Row]]]:
        return iter(self.tables.items())

    def __len__(self) -> int:
        return sum(map(len, self.tables.values()))


def at(moment: datetime) -> str:
    """`moment` as the database writes it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def on(day: date) -> str:
    """`day` as the database writes it; years below 1000 do not occur."""
    return day.isoformat()
