"""Families: https://www.opendental.com/site/apipatients.html."""

from typing import Any

from .conftest import Desk


def added(desk: Desk, **more: object) -> dict[str, Any]:
    answer: dict[str, Any] = desk.ask("patients.create", body={"LName": "Gorseby", "FName": "Ione"} | more)
    return answer


def test_a_new_patient_leads_his_own_family_with_the_practices_defaults(desk: Desk) -> None:
    row = added(desk)

    assert row["Guarantor"] == row["PatNum"]
    assert (row["PriProv"], row["BillingType"]) == (1, "Standard Account")
    assert (row["PatStatus"], row["Gender"], row["TxtMsgOk"]) == ("Patient", "Unknown", "Unknown")


def test_joining_through_a_member_joins_the_guarantors_family(desk: Desk) -> None:
    head = desk.patient()
    member = desk.patient(guarantor=head)

    assert added(desk, Guarantor=member)["Guarantor"] == head


def test_the_same_person_is_not_added_twice_but_a_namesake_is(desk: Desk) -> None:
    person = {"Birthdate": "1980-05-05", "WirelessPhone": "(555)555-0101"}
    added(desk, **person)

    body = {"LName": "gorseby", "FName": "IONE", **person, "WirelessPhone": "", "HmPhone": "555-555-0101"}
    assert desk.refused("patients.create", body=body).status == 400
    assert added(desk, **(person | {"WirelessPhone": "5555550199"}))


def test_names_cannot_be_emptied_and_other_texts_can(desk: Desk) -> None:
    key = added(desk, Email="ione@example.com")["PatNum"]

    assert desk.refused("patients.update", key, body={"LName": ""}).status == 400
    assert desk.ask("patients.update", key, body={"Email": ""})["Email"] == ""


def test_a_deleted_patient_takes_no_changes_and_nobody_is_deleted_from_outside(desk: Desk) -> None:
    assert desk.refused("patients.update", desk.patient(PatStatus=4), body={"City": "x"}).status == 400
    assert desk.refused("patients.update", desk.patient(), body={"PatStatus": "Deleted"}).status == 400


def test_a_guarantor_takes_his_family_into_another_one(desk: Desk) -> None:
    first, second = desk.patient(), desk.patient()
    child = desk.patient(guarantor=first)

    desk.ask("patients.update", first, body={"Guarantor": second})

    assert desk.row("patient", child)["Guarantor"] == second


def test_only_the_guarantor_hands_the_family_to_another_member(desk: Desk) -> None:
    head = desk.patient()
    one, two = desk.patient(guarantor=head), desk.patient(guarantor=head)

    desk.refused("patients.update", one, body={"Guarantor": two})
    desk.ask("patients.update", head, body={"Guarantor": one})
    assert {desk.row("patient", key)["Guarantor"] for key in (head, one, two)} == {one}


def test_a_familys_urgent_note_stands_on_its_guarantor(desk: Desk) -> None:
    head = desk.patient()

    assert desk.refused("patients.update", desk.patient(guarantor=head), body={"FamFinUrgNote": "x"}).status == 400
    assert desk.ask("patients.update", head, body={"FamFinUrgNote": "x"})["FamFinUrgNote"] == "x"


def test_guarantor_and_super_family_exclude_each_other(desk: Desk) -> None:
    one, two = desk.patient(), desk.patient()

    body = {"Guarantor": two, "SuperFamily": two}
    assert desk.refused("patients.update", one, body=body).status == 400
    assert desk.ask("patients.update", one, body={"SuperFamily": two})["SuperFamily"] == two
    assert desk.row("patient", two)["SuperFamily"] == two
    desk.ask("patients.update", two, body={"SuperFamily": 0})
    assert desk.row("patient", one)["SuperFamily"] == 0


def test_recalls_rest_while_somebody_is_no_patient(desk: Desk) -> None:
    patient = desk.patient()
    row = {"PatNum": patient, "RecallTypeNum": 1, "DateDue": "2027-01-01", "DateDueCalc": "2027-01-01"}
    recall = desk.store.insert("recall", row)

    desk.ask("patients.update", patient, body={"PatStatus": "Inactive"})
    assert (desk.row("recall", recall)["IsDisabled"], desk.row("recall", recall)["DateDue"]) == (1, "0001-01-01")
    desk.ask("patients.update", patient, body={"PatStatus": "Patient"})
    assert desk.row("recall", recall)["IsDisabled"] == 0


def test_a_billing_type_is_written_by_its_name(desk: Desk) -> None:
    key = desk.patient()

    assert desk.ask("patients.update", key, body={"BillingType": "Collections"})["BillingType"] == "Collections"
    assert desk.refused("patients.update", key, body={"BillingType": "Nonsense"}).status == 400
