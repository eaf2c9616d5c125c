"""What the modules show: chart, family, account, recall list, reports, and time offered on line."""

from infra.sandbox.practice.behaviours.ledger import age

from .conftest import TODAY, Desk


def test_progress_notes_hold_every_kind_of_entry_by_time(desk: Desk) -> None:
    patient = desk.patient()
    work = desk.work(patient, 100, "2026-10-01")
    desk.store.insert(
        "procnote", {"ProcNum": work, "PatNum": patient, "Note": "Fine.", "EntryDateTime": desk.office.now()}
    )
    visit = {"PatNum": patient, "AptDateTime": "2026-10-01 13:20:00", "Pattern": "XX", "AptStatus": 2, "ProvNum": 1}
    desk.store.insert("appointment", visit)
    desk.store.insert("commlog", {"PatNum": patient, "CommDateTime": "2026-09-01 08:00:00", "Note": "Called"})
    desk.store.insert("task", {"KeyNum": patient, "ObjectType": 1, "Descript": "Do"})
    for table in ("labcase", "rxpat", "sheet"):
        desk.store.insert(table, {"PatNum": patient})
    desk.work(patient, ProcStatus=6)

    rows = desk.ask("chartmodules.ProgNotes", patient)
    assert sorted(row["ObjectType"] for row in rows) == [
        "Appointment",
        "Commlog",
        "LabCase",
        "Procedure",
        "Rx",
        "Sheet",
        "Task",
    ]
    last = {row["ObjectType"]: row for row in rows}
    times = [row["sort"] for row in rows if "sort" in row]
    assert (times, rows[-1]["ObjectType"], rows[-2]["ObjectType"]) == ([], "Task", "Appointment")
    assert (last["Appointment"]["Time"], last["Appointment"]["Length"]) == ("1:20p", "0:10")
    procedure = last["Procedure"]
    shown = [procedure[name] for name in ("Date", "Stat", "Amount", "ProcCode", "note")]
    assert shown == ["10/01/2026", "C", "100.00", "D1110", "Fine."]
    assert all(isinstance(value, str) for row in rows for value in row.values())
    assert desk.refused("chartmodules.ProgNotes", 999).status == 404


def test_the_area_beside_the_chart_lists_items_or_says_none(desk: Desk) -> None:
    patient = desk.patient(Birthdate="2000-11-25", Premed=1)
    problem = desk.store.insert("diseasedef", {"DiseaseName": "Test Fever"})
    # An inactive problem counts, too.
    desk.store.insert("disease", {"PatNum": patient, "DiseaseDefNum": problem, "ProbStatus": 2})
    lines = [(row["Field"], row["Content"]) for row in desk.ask("chartmodules.PatientInfo", patient)]
    assert ("Age", "25") in lines
    assert ("Premedicate", "") in lines
    assert ("Problem - Test Fever", "") in lines
    assert ("Medication", "None") in lines
    other = [row["Field"] for row in desk.ask("chartmodules.PatientInfo", desk.patient())]
    assert "Premedicate" not in other


def test_the_tab_of_planned_visits_shows_when_each_was_booked(desk: Desk) -> None:
    patient = desk.patient()
    desk.prefer("ApptsRequireProc", 0)
    planned = desk.ask("appointments.Planned", body={"PatNum": patient, "Pattern": "/XX/"})["AptNum"]
    (row,) = desk.ask("chartmodules.PlannedAppts", patient)
    assert (row["AptNum"], row["minutes"], row["dateSched"]) == (str(planned), "20", "0001-01-01 00:00:00")
    body = {"AptNum": planned, "AptDateTime": "2026-12-01 09:00:00", "ProvNum": 1, "Op": 1}
    desk.ask("appointments.SchedulePlanned", body=body)
    assert desk.ask("chartmodules.PlannedAppts", patient)[0]["dateSched"] == "2026-12-01 09:00:00"
    assert desk.refused("chartmodules.PlannedAppts", 999).status == 404


def test_a_patients_insurance_is_one_row_a_place(desk: Desk) -> None:
    patient = desk.patient()
    subscriptions = [desk.insure(patient), desk.insure(patient, ordinal=2, kind="p")]
    rows = desk.ask("familymodules.Insurance", patient)
    assert [(row["InsSubNum"], row["ordinal"]) for row in rows] == list(
        zip(subscriptions, ("Primary", "Secondary"), strict=True)
    )
    assert [row["CarrierName"] for row in rows] == ["Plan of the Test"] * 2
    assert rows[0]["subscriber"] == "Ravenscombe, Yorick"
    assert desk.ask("familymodules.Insurance", desk.patient()) == []


def test_the_service_date_view_sums_every_day_and_all_of_them(desk: Desk) -> None:
    head = desk.patient()
    child = desk.patient(guarantor=head)
    work = desk.work(head, 100, "2026-10-01")
    desk.work(child, 40, "2026-10-01")
    split = {"PatNum": head, "ProcNum": work, "SplitAmt": 30.0, "DatePay": "2026-10-09", "PayNum": 1}
    desk.store.insert("paysplit", split)
    desk.store.insert("adjustment", {"PatNum": head, "AdjDate": "2026-10-20", "AdjAmt": -5.0})

    own = desk.ask("accountmodules.ServiceDateView", head)
    assert [(row["Type"], row["ServiceDate"], row["Charge"], row["Credit"], row["AcctBal"]) for row in own] == [
        ("Proc", "2026-10-01", "100.00", "", "100.00"),
        ("PatPay Att.", "2026-10-01", "", "30.00", "70.00"),
        ("Day Total", "2026-10-01", "", "", "70.00"),
        ("Adj", "2026-10-20", "", "5.00", "65.00"),
        ("Day Total", "2026-10-20", "", "", "-5.00"),
        ("Overall Total", "", "", "", "65.00"),
    ]
    family = desk.ask("accountmodules.ServiceDateView", head, isFamily="true")
    assert family[-1]["AcctBal"] == "105.00"
    assert {row["PatNum"] for row in family} == {str(head), str(child), ""}


def test_the_familys_total_stands_under_its_guarantors_number(desk: Desk) -> None:
    head = desk.patient()
    child = desk.patient(guarantor=head)
    rows = desk.ask("accountmodules.PatientBalances", child)
    assert [(row["PatNum"], row["Name"]) for row in rows][-1] == (head, "Entire Family")


def test_the_aging_report_reckons_and_writes_nothing(desk: Desk) -> None:
    patient = desk.patient()
    desk.work(patient, 50, "2026-11-10")
    desk.work(patient, 30, "2026-05-10", ClinicNum=2)
    (row,) = desk.ask("reports.Aging")
    assert [row[name] for name in ("PatNum", "Bal_0_30", "BalOver90", "BalTotal")] == [patient, 50, 30, 80]
    assert desk.ask("reports.Aging", ClinicNum=2)[0]["BalTotal"] == 30
    assert desk.row("patient", patient)["BalTotal"] == 0
    age(desk.office)
    assert desk.row("patient", patient)["BalTotal"] == 80


def test_finance_charges_are_todays_unless_days_are_named(desk: Desk) -> None:
    kind = desk.definition(1, 3)
    desk.prefer("FinanceChargeAdjustmentType", kind)
    patient = desk.patient(BillingType=7)
    for day in (TODAY, "2026-11-01"):
        desk.store.insert(
            "adjustment", {"PatNum": patient, "AdjDate": day, "AdjAmt": 4.0, "AdjType": kind, "ProvNum": 2}
        )
    desk.store.insert("adjustment", {"PatNum": patient, "AdjDate": TODAY, "AdjAmt": 9.0, "AdjType": kind + 1})
    assert [row["AdjAmt"] for row in desk.ask("reports.FinanceCharges")] == [4]
    assert len(desk.ask("reports.FinanceCharges", DateFrom="2026-11-01", BillingTypes="[7,8]", ProvNums="2")) == 2
    assert desk.ask("reports.FinanceCharges", DateFrom="2026-11-01", ProvNums="3") == []


def due(desk: Desk, kind: int = 1, **more: object) -> int:
    row = {"PatNum": desk.patient(WirelessPhone="(555)010-0101"), "RecallTypeNum": kind, "DateDue": "2026-11-01"}
    return desk.store.insert("recall", row | {"RecallInterval": 393216} | more)


def test_the_recall_list_shows_the_due_of_the_types_the_office_chose(desk: Desk) -> None:
    desk.prefer("RecallTypesShowingInList", "1,3")
    shown = due(desk)
    due(desk, 2)
    due(desk, DateScheduled="2026-12-01")
    due(desk, IsDisabled=1)
    due(desk, DateDue="2027-11-01")
    (row,) = desk.ask("recalls.GetList")
    assert row["PatNum"] == desk.row("recall", shown)["PatNum"]
    assert (row["DueDate"], row["Interval"], row["NumRemind"]) == ("11/1/2026", "6m", "")
    assert len(desk.ask("recalls.GetList", DateEnd="2027-12-01")) == 2
    name = desk.row("recalltype", 2)["Description"]
    assert [row["Type"] for row in desk.ask("recalls.GetList", RecallType=name)] == [name]


def test_who_was_reminded_leaves_the_recall_list_unless_asked_for(desk: Desk) -> None:
    key = due(desk)
    patient = desk.row("recall", key)["PatNum"]
    name = desk.row("recalltype", 1)["Description"]
    status = desk.definition(13)
    desk.ask("recalls.Status", body={"PatNum": patient, "recallType": name, "RecallStatus": status})
    (log,) = desk.rows("commlog", PatNum=patient)
    assert desk.row("definition", status)["ItemName"] in log["Note"]
    assert desk.ask("recalls.GetList") == []
    assert [row["NumRemind"] for row in desk.ask("recalls.GetList", IncludeReminded="true")] == ["1"]


def test_a_time_offered_on_line_is_booked_once_and_filled_in_by_the_server(desk: Desk) -> None:
    patient = desk.patient()
    desk.prefer("WebSchedNewPatConfirmStatus", desk.definition(2, 1))
    reason = desk.definition(42)
    slots = desk.ask("appointments.SlotsWebSched", isNewPatient="true", defNumApptType=reason)
    slot = slots[0]
    body = {"PatNum": patient, "dateTimeStart": slot["DateTimeStart"], "dateTimeEnd": slot["DateTimeEnd"]}
    body |= {"ProvNum": slot["ProvNum"], "OpNum": slot["OpNum"], "defNumApptType": reason}
    made = desk.ask("appointments.WebSchedCreate", body=body)
    assert (made["AptStatus"], made["IsNewPatient"], made["Pattern"]) == ("Scheduled", "true", "XXXXXX")
    assert made["Confirmed"] == desk.definition(2, 1)
    assert made["Note"]
    assert desk.refused("appointments.WebSchedCreate", body=body).status == 400
    assert slot not in desk.ask("appointments.SlotsWebSched", isNewPatient="true", defNumApptType=reason)
    desk.store.insert("appointment", {"PatNum": patient, "AptStatus": 1, "AptDateTime": "2026-12-01 09:00:00"})
    listed = desk.ask("appointments.WebSchedList")
    assert [row["eServiceLogType"] for row in listed] == ["NewPat", "None"]


def test_an_office_without_web_sched_offers_and_books_nothing_on_line(desk: Desk) -> None:
    desk.prefer("WebSchedService", 0)
    assert desk.refused("appointments.SlotsWebSched").status == 400
    body = {"PatNum": desk.patient(), "dateTimeStart": "2026-12-01 09:00:00", "dateTimeEnd": "2026-12-01 09:30:00"}
    body |= {"ProvNum": 1, "OpNum": 3, "defNumApptType": desk.definition(42)}
    assert desk.refused("appointments.WebSchedCreate", body=body).status == 400
