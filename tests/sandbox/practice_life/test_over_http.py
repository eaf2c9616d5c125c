"""The main journeys through the practice's door, as a client would make them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.sandbox.practice.clock import FrozenClock
from infra.sandbox.practice.keys import CUSTOMER_KEY, DEVELOPER_KEY
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.practice import Practice, Settings
from infra.sandbox.practice.seed import seed
from infra.sandbox.practice.server import PracticeServer
from infra.sandbox.practice.store import Store

from .conftest import NOW, TODAY

HEADERS = {"Authorization": f"ODFHIR {DEVELOPER_KEY}/{CUSTOMER_KEY}", "Content-Type": "application/json"}


@pytest.fixture(scope="module")
def api() -> Iterator[httpx.Client]:
    office = Office(Store(clock=FrozenClock(NOW)))
    seed(office, patients=120, seed=4)
    server = PracticeServer(Practice(office, settings=Settings(interval_s=0.0)))
    server.start()
    with httpx.Client(base_url=f"{server.base_url}/api/v1/", headers=HEADERS, timeout=10) as client:
        yield client
    server.stop()


def get(api: httpx.Client, path: str, **query: object) -> Any:
    answer = api.get(path, params={name: str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_booking_shows_up_in_the_day_and_its_time_is_no_longer_free(api: httpx.Client) -> None:
    slot = get(api, "appointments/Slots", ProvNum=1, OpNum=1, lengthMinutes=40)[-1]
    patient = get(api, "patients/Simple", PatStatus="Patient")[0]["PatNum"]
    body = {"PatNum": patient, "Op": slot["OpNum"], "AptDateTime": slot["DateTimeStart"], "Pattern": "/XXXXXX/"}
    created = api.post("appointments", json=body)
    assert created.status_code == 201
    assert created.headers["Location"].endswith(f"/api/v1/appointments/{created.json()['AptNum']}")

    day = get(api, "appointments", date=slot["DateTimeStart"][:10])
    assert created.json()["AptNum"] in {row["AptNum"] for row in day}
    free = get(api, "appointments/Slots", ProvNum=1, OpNum=1, date=slot["DateTimeStart"][:10])
    assert slot["DateTimeStart"] not in {other["DateTimeStart"] for other in free}


def test_the_schedules_of_today_come_without_a_date_and_in_order_of_their_start(api: httpx.Client) -> None:
    rows = get(api, "schedules")
    assert {row["SchedDate"] for row in rows} == {TODAY}
    assert [row["StartTime"] for row in rows] == sorted(row["StartTime"] for row in rows)
    assert any(row["operatories"] for row in rows)


def test_a_payment_with_allocations_goes_in_and_shows_its_splits(api: httpx.Client) -> None:
    code = next(row["ProcCode"] for row in get(api, "procedurecodes") if row["ProcCode"] == "D1110")
    patient = api.post("patients", json={"LName": "Tansyworth", "FName": "Silas"}).json()["PatNum"]
    works = [
        api.post(
            "procedurelogs",
            json={"PatNum": patient, "ProcDate": TODAY, "ProcStatus": "C", "procCode": code, "ProcFee": fee},
        ).json()["ProcNum"]
        for fee in ("100.00", "60.00")
    ]
    payment = api.post("payments", json={"PatNum": patient, "PayAmt": "90.00", "procNums": works})
    assert payment.status_code == 201, payment.text
    number = payment.json()["PayNum"]
    parts = [{"ProcNum": works[0], "Amount": 30.0}, {"ProcNum": works[1], "Amount": 60.0}]
    assert api.put(f"payments/{number}/Partial", json={"procNumsAndAmounts": parts}).status_code == 200

    splits = get(api, "paysplits", PayNum=number)
    assert [(split["ProcNum"], split["SplitAmt"]) for split in splits] == [(works[0], 30.0), (works[1], 60.0)]
    refused = api.put(f"payments/{number}/Partial", json={"procNumsAndAmounts": parts[:1]})
    assert refused.status_code == 400
    assert isinstance(refused.json(), str)


def test_an_insurers_money_goes_from_the_lines_to_a_check(api: httpx.Client) -> None:
    claim = next(row for row in get(api, "claims", ClaimStatus="S") if row["ClaimType"] == "P")
    total = 0.0
    for line in get(api, "claimprocs", ClaimNum=claim["ClaimNum"]):
        body = {"Status": "Received", "InsPayAmt": f"{line['InsPayEst']:.2f}"}
        assert api.put(f"claimprocs/{line['ClaimProcNum']}", json=body).status_code == 200
        total += line["InsPayEst"]
    assert api.put(f"claims/{claim['ClaimNum']}", json={"ClaimStatus": "R"}).json()["InsPayAmt"] == pytest.approx(total)

    wrong = api.post("claimpayments", json={"claimNum": claim["ClaimNum"], "CheckAmt": f"{total + 1:.2f}"})
    assert wrong.status_code == 400
    check = api.post("claimpayments", json={"claimNum": claim["ClaimNum"], "CheckAmt": f"{total:.2f}"})
    assert check.status_code == 201, check.text
    lines = get(api, "claimprocs", ClaimPaymentNum=check.json()["ClaimPaymentNum"])
    assert {line["ClaimNum"] for line in lines} == {claim["ClaimNum"]}


def test_every_list_of_the_seeded_practice_answers(api: httpx.Client) -> None:
    for name in (
        "patients",
        "patients/Simple",
        "appointments",
        "appointments/ASAP?ClinicNum=1",
        "procedurelogs",
        "claims",
        "claimprocs",
        "claimpayments",
        "payments",
        "recalls",
        "commlogs",
        "preferences",
        "definitions",
        "histappointments",
        "payplancharges?PayPlanNum=1",
        "periomeasures?PerioExamNum=1",
        "securitylogs",
        "insplans",
        "tasks",
    ):
        answer = api.get(name)
        assert answer.status_code == 200, (name, answer.text)
        assert isinstance(answer.json(), list)
