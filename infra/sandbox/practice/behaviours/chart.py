"""What the chart and family modules show of a patient: display views, put together out of many tables.

Source: https://www.opendental.com/site/apichartmodules.html and apifamilymodules.html beside it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from infra.sandbox.practice.behaviours.appointments import ends
from infra.sandbox.practice.behaviours.ground import (
    Row,
    american,
    full_name,
    living_patient,
    page,
    row_of,
)
from infra.sandbox.practice.enums import NO_TIME, AptStatus, ProcStatus
from infra.sandbox.practice.facts import resources
from infra.sandbox.practice.handlers import Reply, Request, handles
from infra.sandbox.practice.office import Office

_BLANK = dict.fromkeys(
    (field.name for field in resources()["chartmodules"].action_fields["chartmodules.ProgNotes"]), ""
)


def _entry(office: Office, kind: str, key: int, moment: str, **more: Any) -> Row:
    """One line of the progress notes; `moment` is a stored date or date-time."""
    row: Row = _BLANK | {"ObjectType": kind, "PrimaryKey": str(key)}
    row |= {"Date": f"{moment[5:7]}/{moment[8:10]}/{moment[:4]}"}
    when = datetime.fromisoformat(moment)
    row["DateTime"] = f"{american(moment) or '1/1/0001'} {when.hour % 12 or 12}:{when:%M:%S %p}"
    if len(moment) > 10 and not moment.endswith("00:00:00"):
        row["Time"] = f"{when.hour % 12 or 12}:{when:%M}{'a' if when.hour < 12 else 'p'}"
    if more.get("ProvNum"):
        provider = office.store.get("provider", more["ProvNum"]) or {}
        row |= {"Prov": provider.get("Abbr", "")}
    clinic = office.store.get("clinic", more["ClinicNum"]) if more.get("ClinicNum") else None
    row |= {"Clinic": clinic["Abbr"] if clinic else ""}
    texts = {name: str(value) for name, value in more.items() if value not in (None, 0)}
    return row | texts | {"sort": moment}


@handles("chartmodules.ProgNotes")
def progress_notes(office: Office, request: Request) -> Reply:
    """What was done with and told to a patient, by time."""
    patient = row_of(office, "patient", request.id())["PatNum"]
    found = [*_procedures(office, patient), *_visits(office, patient), *_others(office, patient)]
    found.sort(key=lambda row: (row["sort"], row["ObjectType"], int(row["PrimaryKey"])))
    return page(request, [{name: value for name, value in row.items() if name != "sort"} for row in found])


def _procedures(office: Office, patient: int) -> list[Row]:
    entries = []
    for row in office.store.find("procedurelog", {"PatNum": patient}):
        if row["ProcStatus"] == ProcStatus.D:
            continue
        code = office.store.get("procedurecode", row["CodeNum"]) or {}
        notes = office.store.find("procnote", {"ProcNum": row["ProcNum"]}, order='"EntryDateTime", "ProcNoteNum"')
        diagnosis = office.store.get("definition", row["Dx"]) if row["Dx"] else None
        entries.append(
            _entry(
                office,
                "Procedure",
                row["ProcNum"],
                row["ProcDate"],
                Th=row["ToothNum"],
                Surf=row["Surf"],
                Dx=diagnosis["ItemName"] if diagnosis else "",
                Description=code.get("Descript", ""),
                note=notes[-1]["Note"] if notes else "",
                Stat=office.word("procedurelog", "ProcStatus", row["ProcStatus"]),
                ProvNum=row["ProvNum"],
                Amount=f"{row['ProcFee']:.2f}",
                ProcCode=code.get("ProcCode", ""),
                Signed="Signed" if notes and notes[-1]["Signature"] else "",
                Abbr=code.get("AbbrDesc", ""),
                ClinicNum=row["ClinicNum"],
            )
        )
    return entries


def _visits(office: Office, patient: int) -> list[Row]:
    entries = []
    for row in office.store.find("appointment", {"PatNum": patient}):
        minutes = 5 * len(row["Pattern"])
        entries.append(
            _entry(
                office,
                "Appointment",
                row["AptNum"],
                row["AptDateTime"],
                Description=f"Appointment - {office.word('appointment', 'AptStatus', row['AptStatus'])}",
                note=row["Note"],
                ProvNum=row["ProvNum"],
                Length=f"{minutes // 60}:{minutes % 60:02}",
                ClinicNum=row["ClinicNum"],
            )
        )
    return entries


def _others(office: Office, patient: int) -> list[Row]:
    store = office.store
    by_patient = {"PatNum": patient}
    tasks = store.find("task", {"KeyNum": patient, "ObjectType": office.code("task", "ObjectType", "Patient")})
    return [
        *(
            _entry(office, "Commlog", row["CommlogNum"], row["CommDateTime"], Description="Comm", note=row["Note"])
            for row in store.find("commlog", by_patient)
        ),
        *(
            _entry(office, "Task", row["TaskNum"], row["DateTimeEntry"], Description="Task", note=row["Descript"])
            for row in tasks
        ),
        *(
            _entry(
                office,
                "LabCase",
                row["LabCaseNum"],
                row["DateTimeCreated"],
                Description="Lab case",
                note=row["Instructions"],
                ProvNum=row["ProvNum"],
            )
            for row in store.find("labcase", by_patient)
        ),
        *(
            _entry(office, "Rx", row["RxNum"], row["RxDate"], Description=f"Rx - {row['Drug']}", ProvNum=row["ProvNum"])
            for row in store.find("rxpat", by_patient)
        ),
        *(
            _entry(office, "Sheet", row["SheetNum"], row["DateTimeSheet"], Description=row["Description"])
            for row in store.find("sheet", by_patient | {"IsDeleted": 0})
        ),
    ]


def _age(office: Office, birthdate: str) -> str:
    if birthdate <= "0001-01-01":
        return ""
    born, today = date.fromisoformat(birthdate), date.fromisoformat(office.today())
    return str(today.year - born.year - ((today.month, today.day) < (born.month, born.day)))


@handles("chartmodules.PatientInfo")
def patient_info(office: Office, request: Request) -> Reply:
    """The area beside the chart, line by line. A list without items is one line that says None."""
    patient = row_of(office, "patient", request.id())
    store, key = office.store, patient["PatNum"]
    notes = (store.find("patientnote", {"PatNum": key}) or [{}])[0]
    billing = store.get("definition", patient["BillingType"]) or {}
    providers = [(store.get("provider", patient[name]) or {}).get("Abbr", "None") for name in ("PriProv", "SecProv")]
    sources = store.find(
        "refattach", {"PatNum": key, "ReferralType": office.code("refattach", "ReferralType", "RefFrom")}
    )
    source = store.get("referral", sources[0]["ReferralNum"]) if sources else None
    lines = [
        ("Age", _age(office, patient["Birthdate"])),
        ("ABC0", patient["CreditType"]),
        ("Billing Type", billing.get("ItemName", "")),
        ("Referred From", " ".join((source["FName"], source["LName"])).strip() if source else "??"),
        ("Date First Visit", american(patient["DateFirstVisit"])),
        ("Prov. (Pri, Sec)", ", ".join(providers)),
    ]
    carriers = [row["CarrierName"] for row in _covers(office, key)]
    lines += [(label, carriers[at] if at < len(carriers) else "") for at, label in enumerate(("Pri Ins", "Sec Ins"))]
    lines.append(("Payor Types", ""))
    if patient["Premed"]:
        lines.append(("Premedicate", ""))
    lines += _items(office, "disease", key, "Problem", "diseasedef", "DiseaseDefNum", "DiseaseName", "PatNote")
    lines += [
        ("Med Urgent", patient["MedUrgNote"]),
        ("Medical Summary", notes.get("Medical", "")),
        ("Service Notes", notes.get("Service", "")),
    ]
    lines += _items(office, "medicationpat", key, "Medication", "medication", "MedicationNum", "MedName", "PatNote")
    lines += _items(office, "allergy", key, "Allergy", "allergydef", "AllergyDefNum", "Description", "Reaction")
    barred = store.find("patrestriction", {"PatNum": key})
    lines += [("Pat Restrictions", "Appointment Scheduling") for _ in barred] or [("Pat Restrictions", "None")]
    return page(request, [{"Field": label, "Content": text} for label, text in lines])


def _items(  # noqa: PLR0917
    office: Office, table: str, patient: int, label: str, list_table: str, column: str, name: str, text: str
) -> list[tuple[str, str]]:
    found = []
    for row in office.store.find(table, {"PatNum": patient}):
        entry = office.store.get(list_table, row[column]) or {}
        found.append((f"{label} - {entry.get(name, '')}", row[text]))
    return found or [(label, "None")]


@handles("chartmodules.PlannedAppts")
def planned_visits(office: Office, request: Request) -> Reply:
    """The tab of planned appointments, with the time of the visit that came of each."""
    patient = row_of(office, "patient", request.id())["PatNum"]
    where = {"PatNum": patient, "AptStatus": int(AptStatus.PLANNED)}
    rows = []
    for planned in office.store.find("appointment", where, order='"ItemOrderPlanned", "AptNum"'):
        copies = office.store.find("appointment", {"NextAptNum": planned["AptNum"]})
        rows.append(
            {
                "AptNum": str(planned["AptNum"]),
                "ProvNum": str(planned["ProvNum"]),
                "ItemOrder": str(planned["ItemOrderPlanned"]),
                "minutes": str(int((ends(planned) - datetime.fromisoformat(planned["AptDateTime"])).seconds // 60)),
                "ProcDescript": planned["ProcDescript"],
                "Note": planned["Note"],
                # What stands there without a booking is not documented.
                "dateSched": copies[0]["AptDateTime"] if copies else NO_TIME,
                "AptStatus": "Planned",
            }
        )
    return page(request, rows)


def _covers(office: Office, patient: int) -> list[Row]:
    """A patient's places joined with subscription, plan and carrier, in order."""
    found = []
    for place in office.store.find("patplan", {"PatNum": patient}, order='"Ordinal", "PatPlanNum"'):
        subscription = row_of(office, "inssub", place["InsSubNum"])
        plan = row_of(office, "insplan", subscription["PlanNum"])
        carrier = office.store.get("carrier", plan["CarrierNum"]) or {"CarrierName": ""}
        found.append(carrier | plan | subscription | place)
    return found


_PLAN_TYPES = {"": "Category Percentage", "p": "PPO Percentage", "f": "Medicaid or Flat Co-pay", "c": "Capitation"}


@handles("familymodules.Insurance")
def family_insurance(office: Office, request: Request) -> Reply:
    """What covers a patient, one row a place; discount plans are no insurance."""
    patient = living_patient(office, request.id())["PatNum"]
    store = office.store
    rows = []
    for cover in _covers(office, patient):
        subscriber = store.get("patient", cover["Subscriber"])
        schedule = store.get("feesched", cover["FeeSched"]) if cover["FeeSched"] else None
        employer = store.get("employer", cover["EmployerNum"]) if cover["EmployerNum"] else None
        words = {1: "Primary", 2: "Secondary", 3: "Tertiary"}
        rows.append(
            {
                **{name: cover[name] for name in ("PatNum", "InsSubNum", "Subscriber", "SubscriberID", "SubscNote")},
                "subscriber": full_name(subscriber) if subscriber else "",
                **{name: cover[name] for name in ("PatPlanNum", "Ordinal", "PatID", "CarrierNum", "CarrierName")},
                "ordinal": words.get(cover["Ordinal"], str(cover["Ordinal"])),
                "IsPending": "true" if cover["IsPending"] else "false",
                "Relationship": office.word("patplan", "Relationship", cover["Relationship"]),
                **{name: cover[name] for name in ("PlanNum", "GroupName", "GroupNum", "PlanNote", "FeeSched")},
                "feeSchedule": schedule["Description"] if schedule else "",
                "PlanType": cover["PlanType"],
                "planType": _PLAN_TYPES.get(cover["PlanType"], ""),
                "CopayFeeSched": cover["CopayFeeSched"],
                "EmployerNum": cover["EmployerNum"],
                "employer": employer["EmpName"] if employer else "",
                "IsMedical": "true" if cover["IsMedical"] else "false",
            }
        )
    order = [field.name for field in resources()["familymodules"].fields]
    return page(request, [{name: row[name] for name in order} for row in rows])
