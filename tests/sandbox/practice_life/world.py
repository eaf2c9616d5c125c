"""A practice with something of everything, and bodies that every call accepts; for the properties that hold for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.sandbox.practice import facts, schema
from infra.sandbox.practice.facts import Operation, Parameter

from .conftest import TODAY, Desk

Body = dict[str, Any]


class World:
    """A patient with a family, two insurances, work, claims, plans and papers."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        store = desk.store
        desk.office.version = "26.3.1"
        desk.prefer("ApptsRequireProc", 0)
        self.patient = desk.patient(Birthdate="1980-01-01")
        self.child = desk.patient(guarantor=self.patient)
        self.subscriptions = [desk.insure(self.patient), desk.insure(self.patient, ordinal=2)]
        self.free_subscription = desk.insure(self.child)
        self.place = desk.rows("patplan", PatNum=self.patient)[0]["PatPlanNum"]
        self.done = desk.work(self.patient, 100)
        self.planned_work = desk.work(self.patient, 80, ProcStatus=1, ProvNum=1)
        self.grouped = desk.work(self.patient, 60)
        self.claim, self.line = self.billed()
        self.payment = desk.ask("payments.create", body={"PatNum": self.child, "PayAmt": "30.00"})["PayNum"]
        visit = {"PatNum": self.patient, "Op": 1, "AptDateTime": "2026-12-01 09:00:00"}
        self.visit = desk.ask("appointments.create", body=visit)["AptNum"]
        self.planned = desk.ask("appointments.Planned", body={"PatNum": self.patient, "Pattern": "/XX/"})["AptNum"]
        loan = {"PatNum": self.patient, "procNums": [desk.work(self.patient, 300)], "PayAmt": 50.0}
        self.loan = desk.ask("payplans.DynamicCreate", body=loan)["PayPlanNum"]
        self.plan = desk.ask("treatplans.create", body={"PatNum": self.patient})["TreatPlanNum"]
        store.insert("treatplanattach", {"TreatPlanNum": self.plan, "ProcNum": self.planned_work})
        self.saved = desk.ask("treatplans.Saved", body={"TreatPlanNum": self.plan})["TreatPlanNum"]
        self.exam = desk.ask("perioexams.create", body={"PatNum": self.patient})["PerioExamNum"]
        self.sheet = store.insert("sheetdef", {"Description": "Consent", "SheetType": 6})
        store.insert("sheetfielddef", {"SheetDefNum": self.sheet, "FieldType": 1, "FieldName": "field"})
        desk.ask("sheets.create", body={"SheetDefNum": self.sheet, "PatNum": self.patient})
        store.insert("usergroup", {"Description": "Desk"})
        store.insert("patfielddef", {"FieldName": "Shoe size"})
        store.insert("apptfielddef", {"FieldName": "Ride home"})
        kind = desk.office.code("insverify", "VerifyType", "InsuranceBenefit")
        store.insert("insverify", {"VerifyType": kind, "FKey": 1})
        for table in ("patient", "discountplan", "codegroup", "referral", "laboratory", "substitutionlink"):
            store.insert(table, {"PatNum": self.patient} if table == "discountplansub" else {})

    def billed(self) -> tuple[int, int]:
        """A received claim with one line that no check holds: its number and the line's."""
        work = self.desk.work(self.patient, 100)
        body = {"PatNum": self.patient, "procNums": [work], "ClaimType": "P"}
        claim = self.desk.ask("claims.create", body=body)["ClaimNum"]
        line = self.desk.rows("claimproc", ClaimNum=claim)[0]["ClaimProcNum"]
        self.desk.ask("claimprocs.update", line, body={"Status": "Received", "InsPayAmt": "50.00"})
        self.desk.ask("claims.update", claim, body={"ClaimStatus": "R"})
        return int(claim), int(line)

    def first(self, table: str) -> int:
        """The key of the table's first row, which is made where there is none."""
        shape = schema.tables()[table]
        rows = self.desk.store.find(table)
        if rows:
            return int(rows[0][shape.key])
        owner = {"PatNum": self.patient} if "PatNum" in shape.columns else {}
        return self.desk.store.insert(table, owner)

    def second(self, table: str) -> int:
        """The key of another row of the table."""
        shape = schema.tables()[table]
        self.first(table)
        rows = self.desk.store.find(table)
        if len(rows) > 1:
            return int(rows[1][shape.key])
        return self.desk.store.insert(table, {"PatNum": self.child} if "PatNum" in shape.columns else {})

    def value(self, parameter: Parameter, *, other: bool = False) -> Any:
        """A value of the parameter's type, or another one."""
        table, _, column = (parameter.ref or "").partition(".")
        if table == "definition" and parameter.name in CATEGORIES and parameter.type.startswith("int"):
            return self.desk.definition(CATEGORIES[parameter.name], int(other))
        if table in schema.tables() and schema.tables()[table].key == column:
            key = (self.second if other else self.first)(table)
            return str(key) if parameter.type == "int_string" else [key] if parameter.type == "int_array" else key
        if parameter.enum:
            return parameter.enum[min(int(other), len(parameter.enum) - 1)]
        return _VALUES[parameter.type][other]

    def body(self, operation: Operation) -> Body:
        """A body that `operation` accepts."""
        required = {p.name: self.value(p) for p in operation.body if p.required}
        if "PatNum" in required:
            required["PatNum"] = self.patient
        return required | (BODIES[operation.id](self) if operation.id in BODIES else {})


_VALUES: dict[str, tuple[Any, Any]] = {
    "int": (1, 2),
    "int_string": ("1", "2"),
    "float": (12.5, 13.5),
    "decimal_string": ("12.50", "13.50"),
    "bool": (True, False),
    "bool_string": ("true", "false"),
    "date": (TODAY, "2026-11-20"),
    "datetime": (f"{TODAY} 09:00:00", "2026-11-20 09:30:00"),
    "time": ("09:00:00", "09:30:00"),
    "color": ("1,2,3", "4,5,6"),
    "string": ("Alpha", "Beta"),
    "int_array": ([1], [2]),
}

# Which definitions a field takes, where not any.
CATEGORIES = {
    "BillingType": 4,
    "ClaimPaymentTracking": 36,
    "Confirmed": 2,
    "DocCategory": 18,
    "Dx": 16,
    "PayGroup": 40,
    "PlanCategory": 47,
    "Priority": 20,
    "ProcCat": 11,
    "RecallStatus": 13,
    "UnschedStatus": 13,
}

SLOT = {"ProvNum": 1, "Op": 1, "AptDateTime": "2026-12-02 09:00:00"}


def _online(world: World) -> Body:
    slot = world.desk.ask("appointments.SlotsWebSched")[0]
    times = {"dateTimeStart": slot["DateTimeStart"], "dateTimeEnd": slot["DateTimeEnd"]}
    return times | {"ProvNum": slot["ProvNum"], "OpNum": slot["OpNum"], "defNumApptType": world.desk.definition(42)}


# What a rule of the resource asks for beyond its required fields.
BODIES: dict[str, Callable[[World], Body]] = {
    "adjustments.create": lambda w: {"AdjType": w.desk.definition(1, 3), "AdjAmt": 5.0},
    "allergies.create": lambda w: {"AllergyDefNum": "1"},
    "appointments.create": lambda w: {"AptDateTime": "2026-12-03 09:00:00"},
    "appointments.Planned": lambda w: {"Pattern": "/XX/"},
    "appointments.SchedulePlanned": lambda w: SLOT | {"AptNum": w.planned},
    "appointments.WebSchedCreate": _online,
    "asapcomms.create": lambda w: {"aptNum": w.visit, "op": 2, "dateTimeStart": "2026-12-20 09:00:00"},
    "benefits.create": lambda w: {"PlanNum": 1},
    "claimpayments.create": lambda w: {"claimNum": w.claim, "CheckAmt": "50.00"},
    "claimpayments.Batch": lambda w: {"claimNums": [w.claim], "CheckAmt": "50.00"},
    "claimprocs.InsAdjustCreate": lambda w: {"PatPlanNum": w.place, "insUsed": "10.00"},
    "claimprocs.Supplemental": lambda w: {"ClaimProcNum": w.line, "InsPayAmt": 5.0},
    "claims.create": lambda w: {"procNums": [w.desk.work(w.patient)], "ClaimType": "P"},
    "deposits.create": lambda w: {"payNums": [w.payment]},
    "diseases.create": lambda w: {"DiseaseDefNum": 1},
    "discountplans.create": lambda w: {"DefNum": w.desk.definition(1, 6)},
    "guardians.create": lambda w: {"PatNumChild": w.child, "PatNumGuardian": w.patient},
    "inssubs.create": lambda w: {"Subscriber": w.patient},
    "patfields.create": lambda w: {"FieldName": "Shoe size"},
    "patplans.create": lambda w: {"InsSubNum": w.free_subscription},
    "payments.Refund": lambda w: {"PayNum": w.payment},
    "payplanlinks.create": lambda w: {"PayPlanNum": w.loan, "LinkType": "Procedure", "FKey": w.done},
    "payplans.DynamicCreate": lambda w: {"procNums": [w.done], "PayAmt": 10.0},
    "payplans.create": lambda w: {"principalAmount": 90.0, "PayAmt": 30.0},
    "periomeasures.create": lambda w: {
        "PerioExamNum": w.exam,
        "SequenceType": "Mobility",
        "IntTooth": 3,
        "ToothValue": 2,
    },
    "procedurecodes.create": lambda w: {"ProcCat": w.desk.definition(11)},
    "procedurelogs.create": lambda w: {"procCode": "D1110", "ProcStatus": "TP"},
    "procedurelogs.GroupNoteCreate": lambda w: {"ProcNums": [w.done, w.grouped]},
    "procedurelogs.InsuranceHistoryCreate": lambda w: {"InsSubNum": w.subscriptions[0]},
    "procnotes.create": lambda w: {"ProcNum": w.done},
    "refattaches.create": lambda w: {"ReferralNum": 1},
    "sheets.create": lambda w: {"SheetDefNum": w.sheet},
    "subscriptions.create": lambda w: {
        "WatchTable": "Patient",
        "PollingSeconds": 30,
        "Workstation": "FRONTDESK",
    },
    "substitutionlinks.create": lambda w: {"SubstitutionCode": "D1110"},
    "toothinitials.create": lambda w: {"ToothNum": "3", "InitialType": "Missing"},
    "treatplanattaches.create": lambda w: {"TreatPlanNum": w.plan, "ProcNum": w.done},
    "treatplans.Saved": lambda w: {"TreatPlanNum": w.plan},
}


def table_of(operation: Operation) -> schema.Table:
    """The table of the operation's resource."""
    return schema.tables()[str(facts.resources()[operation.resource].table)]
