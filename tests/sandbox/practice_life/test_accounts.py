"""Adjustments, coverage and group notes."""

import pytest

from .conftest import TODAY, Desk


def test_an_adjustments_sign_must_agree_with_its_type(desk: Desk) -> None:
    patient = desk.patient(PriProv=2)
    minus, plus, plan = desk.definition(1), desk.definition(1, 3), desk.definition(1, 6)
    body = {"PatNum": patient, "AdjDate": TODAY}

    row = desk.ask("adjustments.create", body=body | {"AdjType": minus, "AdjAmt": -5})
    assert (row["AdjAmt"], row["ProvNum"], row["ProcDate"]) == (-5, 2, TODAY)
    for kind, amount in ((minus, 5), (plus, -5), (plan, -5)):
        assert desk.refused("adjustments.create", body=body | {"AdjType": kind, "AdjAmt": amount}).status == 400
    late = {"AdjType": plus, "AdjAmt": 5, "AdjDate": "2026-12-01"}
    assert desk.refused("adjustments.create", body=body | late).status == 400


def test_an_adjustment_takes_the_date_of_its_procedure(desk: Desk) -> None:
    patient = desk.patient()
    work = desk.work(patient, day="2026-10-01")
    body = {"PatNum": patient, "AdjDate": TODAY, "AdjType": desk.definition(1), "AdjAmt": -5}
    key = desk.ask("adjustments.create", body=body)["AdjNum"]

    assert desk.ask("adjustments.update", key, body={"ProcNum": work})["ProcDate"] == "2026-10-01"
    foreign = desk.work(desk.patient())
    assert desk.refused("adjustments.update", key, body={"ProcNum": foreign}).status == 400


def test_a_new_first_plan_pushes_the_old_one_down_and_dropping_it_takes_its_estimates(desk: Desk) -> None:
    patient = desk.patient()
    old = desk.insure(patient)
    new = desk.insure(desk.patient(), percent=50)
    work = desk.work(patient)
    place = desk.ask(
        "patplans.create", body={"PatNum": patient, "InsSubNum": new, "Ordinal": 1, "Relationship": "Spouse"}
    )

    assert [(row["InsSubNum"], row["Ordinal"]) for row in desk.rows("patplan", PatNum=patient)] == [(old, 2), (new, 1)]
    assert {line["InsSubNum"] for line in desk.rows("claimproc", ProcNum=work)} == {old, new}

    desk.ask("patplans.delete", place["PatPlanNum"])
    assert [(row["InsSubNum"], row["Ordinal"]) for row in desk.rows("patplan", PatNum=patient)] == [(old, 1)]
    assert {line["InsSubNum"] for line in desk.rows("claimproc", ProcNum=work)} == {old}


@pytest.mark.parametrize(("total", "rows"), [("300", [200.0]), ("100", [])])
def test_used_benefits_are_totals_that_count_what_claims_paid(desk: Desk, total: str, rows: list[float]) -> None:
    patient = desk.patient()
    plan = desk.row("inssub", desk.insure(patient))["PlanNum"]
    paid = {"PatNum": patient, "PlanNum": plan, "Status": 1, "InsPayAmt": 100, "ProcDate": "2026-02-01"}
    desk.store.insert("claimproc", paid)
    place = desk.rows("patplan", PatNum=patient)[0]["PatPlanNum"]
    for _ in range(2):
        desk.ask("claimprocs.InsAdjustUpdate", body={"PatPlanNum": place, "insUsed": total})

    assert [line["InsPayAmt"] for line in desk.rows("claimproc", PatNum=patient, Status=3)] == rows


def test_a_group_note_is_a_procedure_whose_newest_text_counts(desk: Desk) -> None:
    patient = desk.patient()
    works = [desk.work(patient), desk.work(patient)]
    body = {"PatNum": patient, "ProcNums": [*works, works[0]], "Note": "All well."}
    note = desk.ask("procedurelogs.GroupNoteCreate", body=body)
    desk.ask("procedurelogs.GroupNoteUpdate", note["ProcNum"], body={"PatNum": patient, "Note": "Sore."})

    (listed,) = desk.ask("procedurelogs.GroupNotes", PatNum=patient)
    assert (listed["ProcNums"], listed["Note"]) == (works, "Sore.")
    assert len(desk.rows("procnote", ProcNum=note["ProcNum"])) == 2
    other = desk.work(patient, day="2026-10-02")
    assert desk.refused("procedurelogs.GroupNoteCreate", body=body | {"ProcNums": [works[0], other]}).status == 400
    assert desk.refused("procedurelogs.GroupNoteDelete", works[0]).status == 400
    desk.ask("procedurelogs.GroupNoteDelete", note["ProcNum"])
    assert desk.ask("procedurelogs.GroupNotes", PatNum=patient) == []
