"""A small deployment around the handlers: one practice, two clients, an office with a few rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import pytest

from gateway.core.callers import Client, ClientKind
from gateway.core.ids import PREFIXES
from gateway.core.operations import Request
from gateway.core.plans import PUSH, UpstreamCall
from gateway.core.ports import Keys, Session
from gateway.core.practices import Baa, Practice, Tier
from gateway.core.sessions import token_hash
from gateway.wiring import archive, deliverer, engagement, erasing, export, hooks, publisher, task, worker
from gateway.wiring.services import using
from tests.fakes.drop import FakeDrop
from tests.fakes.events import LivingPublisher
from tests.fakes.hooks import HookWorld
from tests.fakes.identity import NOON
from tests.fakes.living import LivingServices
from tests.fakes.workflows import TaskWorld

OPERATOR = ClientKind.OPERATOR
TOKEN = "odg_test_the-scheduling-client-of-the-samples"
STRANGERS_TOKEN = "odg_test_a-client-without-any-practice"
ELM = Practice(
    id="prac_mvwg2llton2hezlf",  # "elm-street" in base 32
    name="Elm Street Dental",
    time_zone="America/Chicago",
    tier=Tier.STANDARD,
    version="25.3.12.0",
    baa=Baa("sample agreement", "A. Owner", date(2026, 1, 1)),
    key_fingerprint="f" * 32,
)
OPERATION = f"{PREFIXES['operation']}_mfxgc3tporuwg33o"
_WRITES = (
    "appointments",
    "claims",
    "communications",
    "audiences",
    "groups",
    "intakes",
    "patients",
    "payments",
    "procedures",
    "recalls",
    "sync",
    "webhooks",
    "workflows",
    "exports",
)
_RAW = ("resources:read", "resources:appointments.create", "resources:employers.update")
SCOPES = frozenset(
    {
        "*:read",
        "audit:read",
        "notes",
        "document_contents:read",
        "intakes:read",
        "exports:read",
        "patients.match",
        "practices:connect",
        "practices.calls:write",
        "practices.baa:write",
        *(f"{name}:write" for name in _WRITES),
        "practices.keys:write",
        "practices.offboard:write",
        "messages:write",
        "messages.rules:write",
        *_RAW,
    }
)


_BOOKED = {
    "patient": 15,
    "provider": 1,
    "operatory": 3,
    "hygienist": 0,
    "type": 0,
    "local_start": "2026-03-09T10:00:00",
    "pattern": "XXXXXX",
    "note": "MARK of Zoe",
    "is_hygiene": False,
    "is_new_patient": False,
    "is_asap": False,
    "allow_double_booking": False,
    "allow_outside_schedule": True,
}


@pytest.fixture
def on() -> Iterator[LivingServices]:
    with furnished() as on:
        yield on


@contextmanager
def furnished() -> Iterator[LivingServices]:
    """The deployment that recorded events are meant for, which every handler then uses."""
    on = LivingServices(ELM, right_keys=[Keys("FakeDeveloperKey", "FakeCustomerKey0"), Keys("a", "b")])
    on.vault.current[ELM.id] = Keys("a", "b")
    ada = Client(id="cli_ada", name="Scheduling", practices=frozenset({ELM.id}), scopes=SCOPES, kind=OPERATOR)
    bob = Client(id="cli_bob", name="Billing", practices=frozenset({ELM.id}), scopes=SCOPES, kind=OPERATOR)
    for client, token in ((ada, TOKEN), (bob, STRANGERS_TOKEN)):
        on.callers.put_client(client)
        on.callers.put_session(token_hash(token), Session(client.id, None))
    _furnish(on)
    request = Request("appointments.create", ELM.id, ada.id, _BOOKED, idempotency_key="an-earlier-booking")
    opened = on.operations.open(request, now=NOON).operation
    entry = on.ledger.entries.pop(opened.id)
    on.ledger.entries[OPERATION] = replace(entry, record=replace(entry.record, id=OPERATION))
    # What the worker does with a message besides working it off.
    on.calls.hide = lambda receipt, seconds: None
    setattr(on.upstream, "close", lambda: None)  # noqa: B010 - the engine's port has no such thing
    worker.use(on)
    publisher.use(LivingPublisher(on))
    deliverer.use(on)
    engagement.use(on)
    archive.use(on)
    hooks.use(HookWorld(on, key="FakeCustomerKey0"))
    task.use(TaskWorld(on))
    export.use(on)
    erasing.use(on)
    with using(on):
        yield on
    task.use(None)
    export.use(None)
    erasing.use(None)
    worker.use(None)
    publisher.use(None)
    deliverer.use(None)
    engagement.use(None)
    hooks.use(None)
    archive.use(None)


def _furnish_accounts(on: LivingServices) -> None:
    rows = on.office.rows
    paid = {"PayNum": 61, "PatNum": 15, "PayAmt": "62.00", "PayDate": "2026-03-01", "DateEntry": "2026-03-01"}
    rows["payments"] = [paid | {"PayType": 21, "payType": "Check", "SecDateTEdit": "2026-03-01 10:00:00"}]
    rows["paysplits"] = [{"SplitNum": 1, "PayNum": 61, "PatNum": 15, "SplitAmt": 62, "ProcNum": 51, "ProvNum": 1}]
    rows["adjustments"] = [
        {"AdjNum": 91, "PatNum": 15, "AdjAmt": "-6.2", "AdjDate": "2026-03-02", "AdjType": 4, "adjType": "Senior"}
    ]
    plan = {"PayPlanNum": 41, "PatNum": 15, "Guarantor": 15, "PayPlanDate": "2026-01-05", "PlanNum": 0}
    rows["payplans"] = [plan | {"IsDynamic": "true", "IsClosed": "false", "CompletedAmt": "300.0", "PayAmt": "50.0"}]
    charge = {"PayPlanChargeNum": 42, "PayPlanNum": 41, "ChargeDate": "2026-02-05", "ChargeType": "Debit"}
    rows["payplancharges"] = [charge | {"Principal": "50.0", "Interest": "0.0"}]
    aged = {"Bal_0_30": "62.0", "Bal_31_60": "0.0", "Bal_61_90": "0.0", "BalOver90": "0.0", "Total": "62.0"}
    owed = {"PatNum": 15, "Balance": "62.0", "InsEst": "0.0", "EstBal": "62.0", "PatEstBal": "62.0", "Unearned": "0.0"}
    rows["accountmodules"] = [owed | aged | {"Name": name} for name in ("Marker, Zoe", "Entire Family")]
    rows["patplans"] = [{"PatPlanNum": 3, "PatNum": 15, "InsSubNum": 21, "Ordinal": 1, "Relationship": "Self"}]
    rows["inssubs"] = [{"InsSubNum": 21, "PlanNum": 31, "Subscriber": 15, "SubscriberID": "SUB15"}]
    rows["insplans"] = [{"PlanNum": 31, "CarrierNum": 8, "GroupName": "Elm Mills", "PlanType": "p", "MonthRenew": 0}]
    limit = {"BenefitNum": 1, "PlanNum": 31, "PatPlanNum": 0, "CovCatNum": 0, "BenefitType": "Limitations"}
    rows["benefits"] = [limit | {"MonetaryAmt": "1500.0", "Percent": -1, "TimePeriod": "CalendarYear"}]


def _furnish_files(on: LivingServices) -> None:
    """An office that leaves each file where it is told to."""
    paper = {"DocNum": 81, "FileName": "MarkerZoe15_1.pdf", "DocCategory": 7, "ImgType": "Document", "PatNum": 15}
    on.office.rows["documents"] = [
        paper | {"DateCreated": "2026-03-01 10:00:00", "DateTStamp": "2026-03-01 10:00:00", "ProvNum": 1}
    ]
    on.drop = FakeDrop(on.clock.now)

    def leave(call: UpstreamCall) -> None:
        if call.operation == PUSH and call.body is not None:
            on.drop.keep(call.body["SftpAddress"], b"%PDF-1.4")

    on.office.on_call = leave


def _furnish(on: LivingServices) -> None:
    rows = on.office.rows
    _furnish_accounts(on)
    _furnish_files(on)
    rows["operatories"] = [
        {"OperatoryNum": 3, "OpName": "Chair 3", "ItemOrder": 2, "IsHidden": "false", "ClinicNum": 0}
    ]
    worked = {"SchedType": "Provider", "ProvNum": "1", "SchedDate": "2026-03-10", "operatories": "3"}
    rows["schedules"] = [worked | {"ScheduleNum": "71", "StartTime": "08:00:00", "StopTime": "12:00:00"}]
    on.office.permissions = {"ApiReadAll": True, "ApiAppointments": True}
    rows["preferences"] = [{"PrefName": "ProgramVersion", "ValueString": "25.3.12.0"}]
    rows["patients"] = [
        {
            "PatNum": 15,
            "LName": "Marker",
            "FName": "Zoe",
            "PatStatus": "Patient",
            "Gender": "Female",
            "Birthdate": "1980-02-29",
            "Guarantor": 15,
            "PriProv": 1,
            "ClinicNum": 0,
            "WirelessPhone": "(212)555-0123",
            "Email": "zoe@example.com",
            "DateTStamp": "2026-03-01 10:00:00",
            "SSN": "",
        }
    ]
    rows["appointments"] = [
        {
            "AptNum": 34,
            "PatNum": 15,
            "AptStatus": "Scheduled",
            "Pattern": "//XXXX//",
            "Op": 3,
            "Note": "Marked note",
            "ProvNum": 1,
            "ProvHyg": 0,
            "AptDateTime": "2026-03-05 09:00:00",
            "ClinicNum": 0,
            "IsNewPatient": "false",
            "IsHygiene": "false",
            "DateTStamp": "2026-03-01 10:00:00",
        }
    ]
    kept = {"SheetNum": 7, "PatNum": 15, "SheetType": "PatientForm", "IsWebForm": "true"}
    rows["sheets"] = [kept | {"Description": "Patient Information", "DateTimeSheet": "2026-03-01 10:00:00"}]
    rows["sheetfields"] = [
        {"SheetFieldNum": 1, "SheetNum": 7, "FieldType": "InputField", "FieldName": "LName", "FieldValue": "Miller"}
    ]
    rows["procedurelogs"] = [
        {
            "ProcNum": 51,
            "PatNum": 15,
            "AptNum": 34,
            "ProcDate": "2026-03-05",
            "ProcFee": "62.00",
            "ProcStatus": "TP",
            "ProvNum": 1,
            "procCode": "D0120",
            "descript": "periodic oral evaluation",
            "DateTStamp": "2026-03-01 10:00:00",
        }
    ]
    rows["claims"] = [
        {
            "ClaimNum": 71,
            "PatNum": 15,
            "ClaimStatus": "S",
            "ClaimType": "P",
            "DateService": "2026-02-05",
            "DateSent": "2026-02-06",
            "ClaimFee": "62.00",
            "PlanNum": 0,
            "SecDateTEdit": "2026-03-01 10:00:00",
        }
    ]
