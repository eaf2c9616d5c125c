from collections.abc import Callable
from typing import Any

import pytest

from infra.sandbox.practice import facts
from infra.sandbox.practice.clock import Clock
from infra.sandbox.practice.keys import CUSTOMER_KEY
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.store import Store

from .conftest import Running


def definition(store: Store, name: str, category: int) -> int:
    return store.insert("definition", {"ItemName": name, "Category": category})


def test_every_resource_with_a_table_lists_and_reads_its_rows(start: Callable[..., Running]) -> None:
    practice = start(version="26.3.1", mode="Service")
    office = practice.practice.office
    for resource in facts.resources().values():
        if resource.table is None or not resource.fields:
            continue
        row = office.store.insert(resource.table, {})
        shown = office.render(resource.name, office.store.get(resource.table, row) or {})
        assert list(shown) == [field.name for field in resource.fields]
        if any(
            operation.path == f"/{resource.name}/{{{resource.key}}}" and operation.kind == "get"
            for operation in resource.operations
        ):
            answer = practice.api.get(f"{resource.name}/{row}")
            assert answer.status_code == 200, resource.name


def test_an_empty_filter_never_breaks_a_list(start: Callable[..., Running]) -> None:
    practice = start(version="26.3.1")
    for operation in facts.operations().values():
        if operation.kind == "list" and operation.resource not in ("apikeys", "queries"):
            query = {
                item.name: "2026-01-01 00:00:00" if item.type == "datetime" else "1"
                for item in operation.query
                if item.required
            }
            answer = practice.api.get(operation.path.lstrip("/"), params=query)
            assert answer.status_code in (200, 404), (operation.id, answer.text)


def test_numbers_and_booleans_are_quoted_where_the_vendor_quotes_them(practice: Running) -> None:
    store = practice.store
    store.insert("schedule", {"SchedDate": "2026-03-02", "SchedType": 1, "ProvNum": 4})
    store.insert("payment", {"PayAmt": 12.5, "ClinicNum": 3})
    store.insert("claim", {"IsOrtho": 1, "ClaimStatus": "W", "ClaimForm": 7})
    schedule = practice.get("schedules")[0]
    assert (schedule["ScheduleNum"], schedule["ProvNum"], schedule["SchedType"]) == ("1", "4", "Provider")
    payment = practice.get("payments")[0]
    assert (payment["PayAmt"], payment["ClinicNum"], payment["PayNum"]) == ("12.50", "3", 1)
    claim = practice.get("claims/1")
    assert (claim["IsOrtho"], claim["ClaimForm"], claim["ClaimStatus"]) == ("True", "7", "W")


def test_a_status_is_kept_as_the_databases_number(practice: Running) -> None:
    practice.store.insert("appointment", {"AptStatus": 5})
    practice.store.insert("procedurelog", {"ProcStatus": 2})
    assert practice.get("appointments/1")["AptStatus"] == "Broken"
    assert practice.get("procedurelogs/1")["ProcStatus"] == "C"


def test_display_twins_follow_the_row_they_point_to(practice: Running) -> None:
    store = practice.store
    code = store.insert("procedurecode", {"ProcCode": "D0120", "Descript": "periodic exam"})
    provider = store.insert("provider", {"Abbr": "DOC1"})
    confirmed = definition(store, "Confirmed", 2)
    store.insert("procedurelog", {"CodeNum": code, "ProvNum": provider})
    store.insert("appointment", {"Confirmed": confirmed, "ProvNum": provider})
    procedure = practice.get("procedurelogs/1")
    assert (procedure["procCode"], procedure["descript"], procedure["provAbbr"]) == ("D0120", "periodic exam", "DOC1")
    assert practice.get("appointments/1")["confirmed"] == "Confirmed"


def test_a_patients_billing_type_is_a_name_on_the_wire_and_a_number_in_the_database(practice: Running) -> None:
    store = practice.store
    number = definition(store, "Standard Account", 4)
    answer = practice.api.post("patients", json={"LName": "Sample", "FName": "Ann", "BillingType": "Standard Account"})
    assert answer.json()["BillingType"] == "Standard Account"
    assert (store.get("patient", 1) or {})["BillingType"] == number


def test_line_breaks_come_out_as_spaces_and_stay_in_the_database(practice: Running) -> None:
    practice.store.insert("appointment", {"Note": "one\r\ntwo"})
    assert practice.get("appointments/1")["Note"] == "one two"


def test_packed_intervals_are_shown_in_parts(practice: Running) -> None:
    practice.store.insert("recall", {"RecallInterval": 393217})
    assert practice.get("recalls")[0]["RecallInterval"] == "6m1d"


def test_the_security_log_writes_american_dates(practice: Running) -> None:
    practice.practice.office.log("PatientEdit", 1, "changed")
    assert practice.get("securitylogs")[0]["LogDateTime"] == "3/2/2026 12:00:00 PM"


def test_an_appointment_just_changed_shows_no_stamp_and_no_clock(practice: Running) -> None:
    patient = practice.store.insert("patient", {"LName": "Sample"})
    visit = {"AptDateTime": "2026-04-01 09:00:00", "PatNum": patient, "AptStatus": 1, "Pattern": "/XX/"}
    practice.store.insert("appointment", visit | {"Op": practice.store.insert("operatory", {"OpName": "One"})})
    answer = practice.api.put("appointments/1", json={"Note": "x"})
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert shown["DateTStamp"] == "0001-01-01 00:00:00"
    assert "serverDateTime" not in shown
    assert practice.get("appointments/1")["serverDateTime"] == "2026-03-02 12:00:00"


def test_a_field_newer_than_the_office_is_absent_and_ignored(start: Callable[..., Running]) -> None:
    old, new = start(version="24.1.1"), start(version="25.3.36")
    for practice in (old, new):
        practice.store.insert("patient", {})
        practice.api.put("patients/1", json={"Premed": "true", "LName": "Sample"}).raise_for_status()
    assert "Premed" not in old.get("patients/1")
    assert new.get("patients/1")["Premed"] == "true"
    assert [(p.store.get("patient", 1) or {})["Premed"] for p in (old, new)] == [0, 1]


def test_dates_come_in_the_form_the_caller_asks_for(practice: Running) -> None:
    practice.store.insert("appointment", {"AptDateTime": "2026-04-01 14:05:00"})
    shown = practice.get("appointments/1", DateTimeFormatString="MM/dd/yyyy h:mm tt zzz")
    assert shown["AptDateTime"] == "04/01/2026 2:05 PM +00:00"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"FName": "Ann"}, "LName is required"),
        ({"LName": "Sample", "FName": "Ann", "Gender": "Bogus"}, "Gender is invalid."),
        ({"LName": "Sample", "FName": "Ann", "Birthdate": "2026-02-30"}, "Birthdate is invalid."),
        ({"LName": "Sample", "FName": "Ann", "PriProv": 99999999999999999999}, "PriProv is invalid."),
    ],
)
def test_a_bad_field_is_named_and_its_value_is_not(practice: Running, body: dict[str, Any], text: str) -> None:
    answer = practice.api.post("patients", json=body)
    assert (answer.status_code, answer.json()) == (400, text)
    assert practice.store.count("patient") == 0


def test_a_change_stamp_moves_only_with_a_value(practice: Running) -> None:
    practice.api.post("patients", json={"LName": "Sample", "FName": "Ann"}).raise_for_status()
    before = practice.get("patients/1")["DateTStamp"]
    practice.clock.advance(60)
    practice.api.put("patients/1", json={"LName": "Sample"}).raise_for_status()
    assert practice.get("patients/1")["DateTStamp"] == before
    practice.api.put("patients/1", json={"LName": "Other"}).raise_for_status()
    assert practice.get("patients/1")["DateTStamp"] == "2026-03-02 12:01:00"


def test_a_parent_that_does_not_exist_is_refused(practice: Running) -> None:
    answer = practice.api.post(
        "allergies", json={"PatNum": 5, "AllergyDefNum": practice.store.insert("allergydef", {})}
    )
    assert answer.status_code in (400, 404)
    assert answer.json() == "Patient not found"


def test_an_action_writes_a_security_log_entry(practice: Running) -> None:
    practice.api.post("patients", json={"LName": "Sample", "FName": "Ann"}).raise_for_status()
    entry = practice.store.find("securitylog")[0]
    assert entry["LogSource"] == 23
    assert entry["FKey"] == 1


def test_nineteen_digit_keys_survive(practice: Running) -> None:
    key = 9_107_199_254_740_993_123
    practice.store.insert("patient", {"PatNum": key, "LName": "Sample"})
    assert f'"PatNum":{key}' in practice.api.get(f"patients/{key}").text


def test_an_exception_in_a_transaction_leaves_nothing(practice: Running) -> None:
    office: Office = practice.practice.office

    def write_and_fail() -> None:
        with office.store.transaction():
            office.store.insert("patient", {"LName": "Sample"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    assert office.store.count("patient") == 0


def test_random_keys_have_nineteen_digits_and_never_repeat() -> None:
    store = Store(clock=Clock(), random_keys=True)
    made = {store.insert("patient", {"LName": "Sample"}) for _ in range(50)}
    assert len(made) == 50
    assert all(10**18 <= key < 2**63 for key in made)
    store.close()


def test_an_inner_transaction_fails_alone() -> None:
    store = Store(clock=Clock())

    def fail_inside() -> None:
        with store.transaction():
            store.insert("patient", {"LName": "Inner"})
            raise RuntimeError

    with store.transaction():
        store.insert("patient", {"LName": "Outer"})
        with pytest.raises(RuntimeError):
            fail_inside()
    assert [row["LName"] for row in store.find("patient")] == ["Outer"]
    store.close()


def test_a_subscription_belongs_to_the_key_and_exists_once(practice: Running) -> None:
    told = {"EndPointUrl": "http://127.0.0.1:9/", "WatchTable": "Patient", "PollingSeconds": 10}
    made = practice.api.post("subscriptions", json=told)
    assert made.status_code == 201, made.text
    assert (made.json()["CustomerKey"], made.json()["DateTimeStart"]) == (CUSTOMER_KEY, "2026-03-02 12:00:00")
    assert practice.api.post("subscriptions", json=told).status_code == 400
    assert len(practice.get("subscriptions")) == 1
