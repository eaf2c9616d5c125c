"""The front desk: popups, tasks, free time by text message, sheets, statements, referrals, fields, documents, users."""

import pytest

from .conftest import TODAY, Desk


def test_a_popup_that_says_something_new_leaves_an_archived_copy(desk: Desk) -> None:
    popup = desk.ask("popups.create", body={"PatNum": desk.patient(), "Description": "Late payer"})["PopupNum"]
    desk.ask("popups.update", popup, body={"Description": "Late payer"})
    assert desk.store.count("popup") == 1
    desk.ask("popups.update", popup, body={"Description": "Pays again"})
    (copy,) = desk.rows("popup", IsArchived=1)
    assert (copy["PopupNumArchive"], copy["Description"]) == (popup, "Late payer")


def test_a_popup_that_could_not_be_changed_leaves_no_copy(desk: Desk) -> None:
    popup = desk.ask("popups.create", body={"PatNum": desk.patient(), "Description": "Late payer"})["PopupNum"]
    wrong = {"Description": "Pays again", "PopupLevel": "Nobody"}
    assert desk.refused("popups.update", popup, body=wrong).status == 400
    desk.store.update("patient", 1, {"PatStatus": 4})
    assert desk.refused("popups.update", popup, body={"Description": "Pays again"}).status == 400


def test_a_popup_shows_for_the_whole_family_even_when_it_is_off(desk: Desk) -> None:
    head = desk.patient()
    child = desk.patient(guarantor=head)
    body = {"PatNum": head, "Description": "Old", "DateTimeDisabled": "2026-01-01 00:00:00"}
    desk.ask("popups.create", body=body)
    assert [row["PatNum"] for row in desk.ask("popups.list", PatNum=child)] == [head]
    assert desk.ask("popups.list", PatNum=desk.patient()) == []


def test_a_done_task_that_says_something_new_is_viewed(desk: Desk) -> None:
    patient = desk.patient()
    body = {"TaskListNum": 1, "Descript": "Call", "UserNum": 1, "ObjectType": "Patient", "KeyNum": patient}
    task = desk.ask("tasks.create", body=body)["TaskNum"]
    desk.ask("tasks.update", task, body={"TaskStatus": "Done"})
    assert desk.ask("tasks.update", task, body={"Descript": "Call"})["TaskStatus"] == "Done"
    assert desk.ask("tasks.update", task, body={"Descript": "Call twice"})["TaskStatus"] == "Viewed"


def test_a_task_hangs_on_somebody_who_exists(desk: Desk) -> None:
    body = {"TaskListNum": 1, "Descript": "Call", "UserNum": 1, "ObjectType": "Appointment", "KeyNum": 99}
    assert desk.refused("tasks.create", body=body).status == 404
    assert desk.refused("tasks.list", ObjectType="Patient", KeyNum=99).status == 404


def asap(desk: Desk) -> dict[str, object]:
    visit = {"PatNum": desk.patient(), "AptStatus": 1, "Op": 1, "AptDateTime": "2026-12-20 09:00:00"}
    key = desk.store.insert("appointment", visit | {"Pattern": "/XXXX/"})
    return {"op": 2, "aptNum": key, "dateTimeStart": "2026-12-02 09:00:00"}


def test_offering_time_sends_a_message_and_blocks_the_chair(desk: Desk) -> None:
    body = asap(desk)
    made = desk.ask("asapcomms.create", body=body)
    block = desk.row("schedule", made["ScheduleNum"])
    assert (block["SchedType"], block["StartTime"], block["StopTime"]) == (4, "09:00:00", "09:30:00")
    assert [row["OperatoryNum"] for row in desk.rows("scheduleop", ScheduleNum=made["ScheduleNum"])] == [2]
    assert made["DateTimeSmsScheduled"] == desk.office.now()


def test_time_that_is_taken_is_not_offered_and_an_office_without_the_service_offers_none(desk: Desk) -> None:
    body = asap(desk)
    desk.ask("asapcomms.create", body=body)
    assert desk.refused("asapcomms.create", body=body).status == 400
    visit = {"PatNum": desk.patient(), "AptStatus": 1, "Op": 2, "AptDateTime": "2026-12-03 09:10:00", "Pattern": "XX"}
    desk.store.insert("appointment", visit)
    assert desk.refused("asapcomms.create", body=body | {"dateTimeStart": "2026-12-03 09:00:00"}).status == 400
    desk.prefer("WebSchedAsapEnabled", 0)
    free = body | {"dateTimeStart": "2026-12-04 09:00:00"}
    assert desk.refused("asapcomms.create", body=free).status == 400


def test_a_statement_is_a_line_in_the_ledger_and_goes_nowhere(desk: Desk) -> None:
    made = desk.ask("statements.create", body={"PatNum": desk.patient()})
    shown = [made[name] for name in ("Mode_", "IsSent", "HidePayment", "Intermingled", "DateSent", "DateRangeTo")]
    assert shown == ["API", "true", "true", "true", TODAY, "2200-01-01"]
    assert desk.store.count("commlog") == 0


@pytest.mark.parametrize(("kind", "allowed"), [("Consent", True), ("ExamSheet", True), ("Statement", False)])
def test_a_sheet_of_a_type_that_patients_fill_brings_its_fields(desk: Desk, kind: str, allowed: bool) -> None:
    number = desk.office.code("sheetdef", "SheetType", kind)
    sheet = desk.store.insert("sheetdef", {"Description": "Of the test", "SheetType": number})
    for field in (1, 9):
        desk.store.insert("sheetfielddef", {"SheetDefNum": sheet, "FieldType": field, "FieldName": f"field{field}"})
    body = {"SheetDefNum": sheet, "PatNum": desk.patient()}
    if not allowed:
        assert desk.refused("sheets.create", body=body).status == 400
        return
    made = desk.ask("sheets.create", body=body)
    fields = desk.rows("sheetfield", SheetNum=made["SheetNum"])
    assert [row["FieldName"] for row in fields] == ["field1", "field9"]
    assert desk.ask("sheetfields.update", fields[0]["SheetFieldNum"], body={"FieldValue": "x"})["FieldValue"] == "x"
    assert desk.refused("sheetfields.update", fields[1]["SheetFieldNum"], body={"FieldValue": "x"}).status == 400


def test_a_referral_source_is_a_patient_a_provider_or_no_person(desk: Desk) -> None:
    patient = desk.patient(City="Testville")
    own = desk.ask("referrals.create", body={"LName": "Ignored", "PatNum": patient, "IsDoctor": "true"})
    assert (own["LName"], own["City"], own["isPatient"]) == ("Ravenscombe", "Testville", "true")
    assert (own["IsDoctor"], own["NotPerson"]) == ("false", "false")
    doctor = desk.ask("referrals.create", body={"LName": "Grey", "Specialty": 1, "IsDoctor": "true"})
    assert (doctor["IsDoctor"], doctor["NotPerson"]) == ("true", "false")
    thing = desk.ask("referrals.create", body={"LName": "Billboard"})
    assert (thing["IsDoctor"], thing["NotPerson"], thing["isPatient"]) == ("false", "true", "false")
    assert desk.store.count("refattach") == 0
    assert desk.refused("referrals.update", own["ReferralNum"], body={"City": "Elsewhere"}).status == 400
    assert desk.ask("referrals.update", own["ReferralNum"], body={"Note": "A friend"})["Note"] == "A friend"


def test_a_referral_nobody_knows_is_made_when_it_is_attached(desk: Desk) -> None:
    patient = desk.patient()
    assert desk.refused("refattaches.create", body={"PatNum": patient}).status == 400
    before = desk.store.count("referral")
    for _ in range(2):
        desk.ask("refattaches.create", body={"PatNum": patient, "referralName": "Dr. Testmann"})
    assert desk.store.count("referral") == before + 1
    assert [row["ItemOrder"] for row in desk.rows("refattach", PatNum=patient)] == [1, 2]


@pytest.mark.parametrize("operation", ["refattaches.list", "patientraces.list"])
def test_nothing_is_told_of_a_deleted_patient(desk: Desk, operation: str) -> None:
    assert desk.refused(operation, PatNum=desk.patient(PatStatus=4)).status == 400


@pytest.mark.parametrize("operation", ["accountmodules.Aging", "accountmodules.ServiceDateView"])
def test_a_deleted_or_unknown_patient_has_no_account(desk: Desk, operation: str) -> None:
    assert desk.refused(operation, desk.patient(PatStatus=4)).status == 400
    assert desk.refused(operation, 999).status == 404


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("commlogs.create", {"Note": "x"}),
        ("allergies.create", {"AllergyDefNum": "1"}),
        ("popups.create", {"Description": "x"}),
        ("labcases.create", {"LaboratoryNum": 1, "AptNum": 0, "ProvNum": 1, "Instructions": ""}),
        ("patfields.create", {"FieldName": "Of the test", "FieldValue": "x"}),
    ],
)
def test_what_belongs_to_a_deleted_patient_cannot_be_written(
    desk: Desk, operation: str, body: dict[str, object]
) -> None:
    desk.store.insert("patfielddef", {"FieldName": "Of the test"})
    body |= {"PatNum": desk.patient(PatStatus=4)}
    assert "deleted" in desk.refused(operation, body=body).text


def test_a_field_of_a_patient_is_defined_first_and_has_one_value(desk: Desk) -> None:
    patient = desk.patient()
    value = {"PatNum": patient, "FieldName": "Shoe size", "FieldValue": "9"}
    assert desk.refused("patfields.create", body=value).status == 404
    made = desk.ask("patfielddefs.create", body={"FieldName": "Shoe size", "FieldType": "PickList", "PickList": "8\n9"})
    assert made["PickList"] == ""
    assert [row["Name"] for row in desk.rows("patfieldpickitem")] == ["8", "9"]
    assert desk.refused("patfields.update", body=value).status == 404
    desk.ask("patfields.create", body=value)
    assert desk.refused("patfields.create", body=value).status == 400
    assert desk.ask("patfields.update", body=value | {"FieldValue": "8"})["FieldValue"] == "8"
    assert desk.refused("patfielddefs.delete", made["PatFieldDefNum"]).status == 400


def test_the_state_at_a_credit_company_is_not_deleted(desk: Desk) -> None:
    kind = desk.office.code("patfielddef", "FieldType", "CareCreditStatus")
    desk.store.insert("patfielddef", {"FieldName": "Credit", "FieldType": kind})
    key = desk.store.insert("patfield", {"PatNum": desk.patient(), "FieldName": "Credit", "FieldValue": "x"})
    assert desk.refused("patfields.delete", key).status == 400


def test_a_field_of_a_visit_is_empty_until_it_is_set_and_has_to_be_defined(desk: Desk) -> None:
    visit = desk.store.insert("appointment", {"PatNum": desk.patient(), "AptStatus": 1})
    value = {"AptNum": visit, "FieldName": "Ride home", "FieldValue": "yes"}
    assert desk.refused("apptfields.update", body=value).status == 400
    desk.ask("apptfielddefs.create", body={"FieldName": "Ride home", "FieldType": "Text"})
    assert desk.ask("apptfields.get", AptNum=visit, FieldName="Ride home")["FieldValue"] == ""
    for text in ("yes", "no"):
        desk.ask("apptfields.update", body=value | {"FieldValue": text})
    assert [row["FieldValue"] for row in desk.rows("apptfield")] == ["no"]
    assert desk.ask("apptfields.get", AptNum=visit, FieldName="Ride home")["FieldValue"] == "no"


def test_an_uploaded_file_waits_in_the_note_until_somebody_opens_it(desk: Desk) -> None:
    patient = desk.patient()
    file = {"PatNum": patient, "rawBase64": "QUJD", "extension": ".txt"}
    made = desk.ask("documents.Upload", body=file)
    assert desk.row("document", made["DocNum"])["Note"] == "_rawBase64_:QUJD"
    linked = desk.ask("documents.SetByUrl", body={"PatNum": patient, "url": "https://files.example/one.txt"})
    assert desk.row("document", linked["DocNum"])["Note"] == "_download_:https://files.example/one.txt"
    assert desk.row("document", linked["DocNum"])["DocCategory"] == desk.definition(18)
    desk.ask("documents.delete", made["DocNum"])
    assert [row["DocNum"] for row in desk.rows("document")] == [linked["DocNum"]]


def test_documents_are_those_of_one_known_patient(desk: Desk) -> None:
    assert desk.refused("documents.list").status == 400
    assert desk.refused("documents.list", PatNum=99).status == 404


def test_older_offices_list_the_commlogs_of_one_patient_and_answer_a_new_one_with_nothing(desk: Desk) -> None:
    desk.office.version = "23.1.1"
    patient = desk.patient()
    assert desk.ask("commlogs.create", body={"PatNum": patient, "Note": "Called"}) is None
    assert desk.refused("commlogs.list").status == 400
    assert len(desk.ask("commlogs.list", PatNum=patient)) == 1
    desk.office.version = "25.3.36"
    assert len(desk.ask("commlogs.list")) == 1
    assert desk.ask("commlogs.create", body={"PatNum": patient, "Note": "Called"})["Note"] == "Called"


def test_an_old_office_answers_a_changed_field_with_nothing(desk: Desk) -> None:
    desk.store.insert("patfielddef", {"FieldName": "Shoe size"})
    value = {"PatNum": desk.patient(), "FieldName": "Shoe size", "FieldValue": "9"}
    desk.ask("patfields.create", body=value)
    desk.office.version = "25.2.1"
    assert desk.ask("patfields.update", body=value) is None


def test_a_new_user_is_answered_with_what_was_sent_and_lists_never_show_it(desk: Desk) -> None:
    groups = [desk.store.insert("usergroup", {"Description": name}) for name in ("Desk", "Hygiene")]
    body = {"UserName": "Testuser", "UserGroupNum": groups[0], "Password": "invented-secret"}
    made = desk.ask("userods.create", body=body)
    assert (made["UserGroupNum"], made["Password"]) == (groups[0], "invented-secret")
    assert desk.refused("userods.create", body=body).status == 400
    desk.ask("userods.update", made["UserNum"], body={"userGroupNums": [groups[1]], "UserName": "Other"})
    (listed,) = [row for row in desk.ask("userods.list") if row["UserNum"] == made["UserNum"]]
    assert (listed["userGroupNums"], listed["UserName"]) == ([groups[1]], "Testuser")
    assert "invented-secret" not in str(listed)


def test_a_developer_reads_his_own_audit_trail_only(desk: Desk) -> None:
    desk.ask("popups.create", body={"PatNum": desk.patient(), "Description": "x"})
    desk.office.log("PatientEdit", 1, "By this developer.")
    desk.store.insert("securitylog", {"LogText": "By the office.", "LogDateTime": desk.office.now()})
    desk.store.insert("securitylog", {"LogText": "By another (API: Somebody Else)", "LogDateTime": desk.office.now()})
    assert [row["LogText"].split(" (")[0] for row in desk.ask("securitylogs.list")] == ["By this developer."]


def test_hidden_clinics_are_not_listed(desk: Desk) -> None:
    before = len(desk.ask("clinics.list"))
    desk.ask("clinics.update", 1, body={"IsHidden": "true", "Address": "9 New Street"})
    assert len(desk.ask("clinics.list")) == before - 1
    assert desk.row("clinic", 1)["Address"] != "9 New Street"


def test_a_subscription_watches_a_table_or_the_screen_and_belongs_to_its_key(desk: Desk) -> None:
    body = {"EndPointUrl": "https://hooks.example/od", "WatchTable": "Patient", "PollingSeconds": 30}
    desk.ask("subscriptions.create", body=body)
    both = body | {"UiEventType": "PatientSelected"}
    assert desk.refused("subscriptions.create", body=both).status == 400
    desk.store.insert("apisubscription", {"CustomerKey": "another key", "WatchTable": "Patient"})
    (own,) = desk.ask("subscriptions.list")
    assert own["CustomerKey"] == desk.office.key.customer
    desk.ask("subscriptions.update", own["SubscriptionNum"], body={"WatchTable": "Appointment"})
    assert desk.ask("subscriptions.list")[0]["WatchTable"] == "Patient"


def test_a_query_leaves_its_text_in_the_audit_trail(desk: Desk) -> None:
    desk.ask("queries.ShortQuery", body={"SqlCommand": "SELECT COUNT(*) FROM clinic"})
    assert desk.rows("securitylog")[-1]["LogText"].startswith("SELECT COUNT(*) FROM clinic")
    assert desk.refused("queries.ShortQuery", body={"SqlCommand": "DELETE FROM clinic"}).status == 401
    assert desk.refused("queries.ShortQuery", body={"SqlCommand": "SELECT nothing FROM clinic"}).status == 400
