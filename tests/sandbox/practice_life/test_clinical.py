"""The chart: allergies, problems, medications, notes, periodontal exams, treatment plans."""

from typing import Any

import pytest

from .conftest import Desk

MEASURE = {"IntTooth": 3, "SequenceType": "Probing", "Bvalue": 4}


def test_an_allergy_is_told_by_number_or_by_a_description_that_becomes_a_definition(desk: Desk) -> None:
    patient = desk.patient()
    desk.ask("allergies.create", body={"PatNum": patient, "AllergyDefNum": "1"})
    before = desk.store.count("allergydef")
    for _ in range(2):
        desk.ask("allergies.create", body={"PatNum": patient, "defDescription": "Pollen of the Test"})
    assert desk.store.count("allergydef") == before + 1
    assert [row["StatusIsActive"] for row in desk.rows("allergy", PatNum=patient)] == [1, 1, 1]
    assert desk.refused("allergies.create", body={"PatNum": patient}).status == 400


def test_a_problem_needs_a_definition_and_a_definition_a_name_of_its_own(desk: Desk) -> None:
    patient = desk.patient()
    assert desk.refused("diseases.create", body={"PatNum": patient}).status == 400
    desk.ask("diseasedefs.create", body={"DiseaseName": "Test Fever"})
    assert desk.refused("diseasedefs.create", body={"DiseaseName": "test fever"}).status == 400
    assert desk.refused("diseasedefs.create", body={}).status == 400
    assert desk.ask("diseases.create", body={"PatNum": patient, "diseaseDefName": "Test Fever"})["PatNum"] == patient


def test_an_unknown_medication_joins_the_offices_list(desk: Desk) -> None:
    patient = desk.patient()
    before = desk.store.count("medication")
    for _ in range(2):
        desk.ask("medicationpats.create", body={"PatNum": patient, "medName": "Testicillin"})
    assert desk.store.count("medication") == before + 1
    assert len({row["MedicationNum"] for row in desk.rows("medicationpat", PatNum=patient)}) == 1
    desk.ask("medicationpats.create", body={"PatNum": patient, "MedicationNum": 1})
    assert desk.refused("medicationpats.create", body={"PatNum": patient}).status == 400
    assert desk.refused("medicationpats.create", body={"PatNum": patient, "MedicationNum": 999}).status == 404
    assert desk.refused("medicationpats.create", body={"PatNum": 999, "medName": "Testicillin"}).status == 404
    late = {"PatNum": patient, "medName": "Testicillin", "ProvNum": 999}
    assert desk.refused("medicationpats.create", body=late).status == 404


def test_a_brand_needs_its_generic(desk: Desk) -> None:
    assert desk.refused("medications.create", body={"MedName": "Brand", "genericName": "Nothing"}).status == 404
    desk.ask("medications.create", body={"MedName": "Generic of the Test"})
    desk.ask("medications.create", body={"MedName": "Brand", "genericName": "Generic of the Test"})
    generic, brand = desk.rows("medication")[-2:]
    assert (generic["GenericNum"], brand["GenericNum"]) == (generic["MedicationNum"], generic["MedicationNum"])


def test_a_procedures_note_is_replaced_by_a_newer_row_and_never_changed(desk: Desk) -> None:
    patient = desk.patient()
    body = {"PatNum": patient, "ProcNum": desk.work(patient)}
    desk.ask("procnotes.create", body=body | {"Note": "One."})
    desk.clock.advance(60)
    desk.ask("procnotes.create", body=body | {"Note": "Two." + "\n" * 60 + "End.", "doAppendNote": "true"})
    texts = [row["Note"] for row in desk.rows("procnote")]
    assert texts == ["One.", "One.\nTwo.\nEnd."]
    shown = desk.ask("procnotes.list", PatNum=patient)
    assert shown[0]["Note"].endswith("End.")
    foreign = body | {"PatNum": desk.patient(), "Note": "x"}
    assert desk.refused("procnotes.create", body=foreign).status == 400


def test_a_signature_over_the_api_names_the_developer_and_the_time(desk: Desk) -> None:
    patient = desk.patient()
    body = {"PatNum": patient, "ProcNum": desk.work(patient), "Note": "One.", "isSigned": "true"}
    assert desk.ask("procnotes.create", body=body)["isSigned"] == "true"
    assert desk.rows("procnote")[0]["Signature"] == f"{desk.office.key.developer_name} {desk.office.now()}"


@pytest.mark.parametrize(("kind", "status"), [("Missing", 200), ("Primary", 200), ("ShiftM", 400), ("Drawing", 400)])
def test_movements_and_drawings_of_teeth_stay(desk: Desk, kind: str, status: int) -> None:
    row = {
        "PatNum": desk.patient(),
        "ToothNum": "3",
        "InitialType": desk.office.code("toothinitial", "InitialType", kind),
    }
    key = desk.store.insert("toothinitial", row)
    if status == 200:
        desk.ask("toothinitials.delete", key)
    else:
        assert desk.refused("toothinitials.delete", key).status == status


# Periodontal exams


def test_a_region_is_read_from_the_right_of_the_mouth_digit_by_digit(desk: Desk) -> None:
    patient = desk.patient()
    text = "3b2s,4bc" + "1" * 21 + "567" + "1" * 60
    exam = desk.ask("perioexams.create", body={"PatNum": patient, "UpperFacial": text, "LowerLingual": "987"})
    rows = desk.ask("periomeasures.list", PerioExamNum=exam["PerioExamNum"])
    found = {(row["SequenceType"], row["IntTooth"]): row for row in rows}
    first, ninth, last = found["Probing", 1], found["Probing", 9], found["Probing", 32]
    assert (first["DBvalue"], first["Bvalue"], first["MBvalue"], first["Lvalue"]) == (3, 2, 4, -1)
    assert (ninth["MBvalue"], ninth["Bvalue"], ninth["DBvalue"]) == (5, 6, 7)
    assert (last["DLvalue"], last["Lvalue"], last["MLvalue"]) == (9, 8, 7)
    flags = found["BleedSupPlaqCalc", 1]
    assert (flags["DBvalue"], flags["Bvalue"], flags["MBvalue"]) == (1, 2, 1 + 8)
    assert {tooth for kind, tooth in found if kind == "Probing"} == {*range(1, 17), 32}


def test_an_exam_is_dated_today_and_takes_its_measures_along(desk: Desk) -> None:
    patient = desk.patient(PriProv=2)
    exam = desk.ask("perioexams.create", body={"PatNum": patient, "UpperFacial": "333"})
    assert (exam["ExamDate"], exam["ProvNum"]) == (desk.office.today(), 2)
    desk.ask("perioexams.delete", exam["PerioExamNum"])
    assert desk.rows("periomeasure") == []


def test_a_tooth_is_measured_once_a_kind_and_on_one_surface_at_least(desk: Desk) -> None:
    exam = desk.ask("perioexams.create", body={"PatNum": desk.patient()})["PerioExamNum"]
    desk.ask("periomeasures.create", body=MEASURE | {"PerioExamNum": exam})
    assert desk.refused("periomeasures.create", body=MEASURE | {"PerioExamNum": exam}).status == 400
    bare = {"PerioExamNum": exam, "SequenceType": "Probing", "IntTooth": 4}
    assert desk.refused("periomeasures.create", body=bare).status == 400


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("Mobility", {"ToothValue": 19}, {"ToothValue": 20}),
        ("Mobility", {"ToothValue": 0}, {"ToothValue": 1, "Bvalue": 1}),
        ("SkipTooth", {"ToothValue": 1}, {"ToothValue": 2}),
        ("Furcation", {"Bvalue": 19}, {"Bvalue": 20}),
        ("Probing", {"Bvalue": -1}, {"Bvalue": 3, "ToothValue": 0}),
        ("GingMargin", {"Bvalue": 105}, {"Bvalue": 100}),
        ("GingMargin", {"Bvalue": 119}, {"Bvalue": 120}),
        ("MGJ", {"Bvalue": 5}, {"Lvalue": 5}),
        ("BleedSupPlaqCalc", {"Bvalue": 15}, {"Bvalue": 16}),
    ],
)
def test_each_kind_of_measure_has_its_own_range(
    desk: Desk, kind: str, good: dict[str, int], bad: dict[str, int]
) -> None:
    exam = desk.ask("perioexams.create", body={"PatNum": desk.patient()})["PerioExamNum"]
    body = {"PerioExamNum": exam, "SequenceType": kind, "IntTooth": 3}
    assert desk.refused("periomeasures.create", body=body | bad).status == 400
    key = desk.ask("periomeasures.create", body=body | good)["PerioMeasureNum"]
    assert desk.refused("periomeasures.update", key, body=bad).status == 400
    assert desk.ask("periomeasures.update", key, body=good)["PerioMeasureNum"] == key


def test_the_lower_jaw_has_a_tongue_side_at_the_gums_edge(desk: Desk) -> None:
    exam = desk.ask("perioexams.create", body={"PatNum": desk.patient()})["PerioExamNum"]
    body = {"PerioExamNum": exam, "SequenceType": "MGJ", "IntTooth": 20, "Lvalue": 5}
    assert desk.ask("periomeasures.create", body=body)["Lvalue"] == 5


def test_only_mobility_and_skipped_teeth_can_be_taken_back(desk: Desk) -> None:
    exam = desk.ask("perioexams.create", body={"PatNum": desk.patient()})["PerioExamNum"]
    skip = {"PerioExamNum": exam, "SequenceType": "SkipTooth", "IntTooth": 1, "ToothValue": 1}
    desk.ask("periomeasures.delete", desk.ask("periomeasures.create", body=skip)["PerioMeasureNum"])
    depth = desk.ask("periomeasures.create", body=MEASURE | {"PerioExamNum": exam})["PerioMeasureNum"]
    assert desk.refused("periomeasures.delete", depth).status == 400


# Treatment plans


def a_plan(desk: Desk, patient: int) -> int:
    plan = desk.ask("treatplans.create", body={"PatNum": patient, "Heading": "Crown first"})["TreatPlanNum"]
    work = desk.work(patient, 100, ProcStatus=1)
    desk.ask("treatplanattaches.create", body={"TreatPlanNum": plan, "ProcNum": work, "Priority": 0})
    return int(plan)


def test_a_new_plan_is_inactive_and_a_saved_one_is_a_frozen_copy_of_it(desk: Desk) -> None:
    desk.prefer("TreatmentPlanNote", "Valid for 90 days.")
    patient = desk.patient()
    desk.insure(patient, percent=80)
    made = a_plan(desk, patient)
    assert desk.row("treatplan", made)["Note"] == "Valid for 90 days."
    assert desk.row("treatplan", made)["TPStatus"] == 2
    work = desk.rows("treatplanattach", TreatPlanNum=made)[0]["ProcNum"]
    desk.ask("procedurelogs.update", work, body={"ProcFee": "110.00"})

    saved = desk.ask("treatplans.Saved", body={"TreatPlanNum": made})
    assert (saved["TPStatus"], saved["Heading"], saved["isSigned"]) == ("Saved", "Crown first", "false")
    (copy,) = desk.ask("proctps.list", TreatPlanNum=saved["TreatPlanNum"])
    assert (copy["FeeAmt"], copy["PriInsAmt"], copy["PatAmt"]) == (110, 88, 22)
    desk.ask("procedurelogs.update", work, body={"ProcFee": "500.00"})
    assert desk.ask("proctps.list", TreatPlanNum=saved["TreatPlanNum"])[0]["FeeAmt"] == 110
    assert desk.row("treatplan", made)["TPStatus"] == 2
    assert desk.refused("treatplans.Saved", body={"TreatPlanNum": saved["TreatPlanNum"]}).status == 400


def test_only_a_saved_plan_is_signed_and_then_its_procedures_are_fixed(desk: Desk) -> None:
    desk.prefer("TreatPlanSaveSignedToPdf", 1)
    patient = desk.patient()
    made = a_plan(desk, patient)
    for body in ({"isSigned": "true"}, {"DateTP": "2026-11-01"}):
        assert desk.refused("treatplans.update", made, body=body).status == 400
    saved = desk.ask("treatplans.Saved", body={"TreatPlanNum": made})["TreatPlanNum"]
    copy = desk.rows("proctp")[0]["ProcTPNum"]
    desk.ask("proctps.update", copy, body={"Discount": "5.00"})
    assert desk.ask("treatplans.update", saved, body={"isSigned": "true"})["isSigned"] == "true"
    row = desk.row("treatplan", saved)
    assert row["Signature"] == f"{desk.office.key.developer_name} {desk.office.now()}"
    assert desk.row("document", row["DocNum"])["PatNum"] == patient
    for operation in ("proctps.update", "proctps.delete"):
        assert desk.refused(operation, copy, body={"Discount": "6.00"}).status == 400
    desk.ask("treatplans.update", saved, body={"isSigned": "false"})
    desk.ask("proctps.delete", copy)


def test_the_offices_sheet_decides_what_else_can_be_signed(desk: Desk) -> None:
    saved = desk.ask("treatplans.Saved", body={"TreatPlanNum": a_plan(desk, desk.patient())})["TreatPlanNum"]
    asked: list[dict[str, Any]] = [{"isSignedPractice": "true"}, {"SignatureText": "A. Guardian"}]
    for body in asked:
        assert desk.refused("treatplans.update", saved, body=body).status == 400
    sheet = desk.store.insert("sheetdef", {"Description": "Plan", "SheetType": 17})
    desk.prefer("SheetsDefaultTreatmentPlan", sheet)
    desk.store.insert("sheetfielddef", {"SheetDefNum": sheet, "FieldType": 16, "FieldName": "practice"})
    desk.store.insert("sheetfielddef", {"SheetDefNum": sheet, "FieldType": 1, "FieldName": "SignatureText"})
    for body in asked:
        desk.ask("treatplans.update", saved, body=body)
    assert desk.row("treatplan", saved)["SignaturePractice"]


def test_deleting_a_saved_plan_takes_its_copies_and_leaves_the_procedures(desk: Desk) -> None:
    patient = desk.patient()
    made = a_plan(desk, patient)
    saved = desk.ask("treatplans.Saved", body={"TreatPlanNum": made})["TreatPlanNum"]
    desk.ask("treatplans.delete", saved)
    assert desk.rows("proctp") == []
    assert len(desk.rows("procedurelog", PatNum=patient)) == 1
