"""What holds for every resource alike: creates show, updates touch what they name, filters filter.

Calls are made in this process on one practice; each test leaves it as it found it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from infra.sandbox.practice import facts, schema
from infra.sandbox.practice.clock import FrozenClock
from infra.sandbox.practice.facts import Operation
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.seed import seed
from infra.sandbox.practice.store import Store

from .conftest import NOW, TODAY, Desk
from .world import World, table_of


class _Undo(Exception):
    pass


@pytest.fixture(scope="module")
def whole() -> Iterator[World]:
    office = Office(Store(clock=FrozenClock(NOW)))
    seed(office, patients=0, seed=1)
    yield World(Desk(office))
    office.store.close()


@pytest.fixture
def world(whole: World) -> Iterator[World]:
    try:
        with whole.desk.store.transaction():
            yield whole
            raise _Undo
    except _Undo:
        pass


def operations(*kinds: str) -> list[Operation]:
    return [operation for operation in facts.operations().values() if operation.kind in kinds]


# Creates

NO_CREATE = {
    "apikeys.create": "the gateway itself answers, no office",
    "queries.create": "writes to an SFTP site",
    "documents.DownloadSftp": "writes to an SFTP site and makes no row; test_sftp",
    "documents.UploadSftp": "reads from an SFTP site",
    "documents.Thumbnails": "writes to an SFTP site",
    "documents.DownloadMount": "writes to an SFTP site",
    "eobattaches.DownloadSftp": "writes to an SFTP site",
    "eobattaches.UploadSftp": "reads from an SFTP site",
    "sheets.DownloadSftp": "writes to an SFTP site",
}
CREATES = [
    operation
    for operation in facts.operations().values()
    if operation.method == "POST" and operation.id not in NO_CREATE
]
# Sent fields that the row shows otherwise, and why.
SHOWN_OTHERWISE = {
    ("appointments.SchedulePlanned", "AptNum"): "the planned visit's; the row has a number of its own",
    ("claimprocs.Supplemental", "ClaimProcNum"): "the first line's; the row has a number of its own",
    ("payments.Refund", "PayNum"): "the refunded payment's; the row has a number of its own",
    ("treatplans.Saved", "TreatPlanNum"): "the plan it was made from; the row has a number of its own",
    ("userods.create", "Password"): "never shown again",
    ("procedurelogs.GroupNoteCreate", "Note"): "kept with the note, not in the procedure",
}
# Fields that say what to do, or are kept in another table or form, and where they are tested.
TOLD_NOWHERE: dict[tuple[str, str], str] = {
    ("appointments.create", "DateTimeArrived"): "a time of day; test_appointments",
    ("appointments.create", "DateTimeSeated"): "a time of day; test_appointments",
    ("appointments.create", "DateTimeDismissed"): "a time of day; test_appointments",
    ("appointments.Planned", "procNums"): "kept with the procedures; test_appointments",
    ("asapcomms.create", "aptNum"): "becomes FKey; test_desk",
    ("asapcomms.create", "recallNum"): "becomes FKey; test_desk",
    ("claimprocs.InsAdjustCreate", "insUsed"): "becomes InsPayAmt; test_accounts",
    ("claimprocs.InsAdjustCreate", "deductibleUsed"): "becomes DedApplied; test_accounts",
    ("claimprocs.InsAdjustCreate", "date"): "becomes ProcDate; test_accounts",
    ("deposits.create", "payNums"): "kept with the payments; test_plans",
    ("deposits.create", "claimPaymentNums"): "kept with the payments; test_plans",
    ("etrans.create", "DateTimeTrans"): "the resource shows no rows; test_plans",
    ("etrans.create", "HqClearinghouseNum"): "the resource shows no rows; test_plans",
    ("etrans.create", "MessageText"): "the resource shows no rows; test_plans",
    ("etrans.create", "UserNum"): "the resource shows no rows; test_plans",
    ("patfielddefs.create", "PickList"): "not shown; test_desk",
    ("patients.create", "Guarantor"): "joins his family, whoever was named of it; test_patients",
    ("payments.create", "isPatientPreferred"): "decides the splits; test_payments",
    ("payments.create", "isPrepayment"): "decides the splits; test_payments",
    ("payments.create", "procNums"): "decides the splits; test_payments",
    ("payments.create", "payPlanNum"): "decides the splits; test_payments",
    ("payplans.DynamicCreate", "NumberOfPayments"): "becomes PayAmt; test_payment_plans",
    ("payplans.DynamicCreate", "procNums"): "kept as links; test_payment_plans",
    ("payplans.DynamicCreate", "adjNums"): "kept as links; test_payment_plans",
    ("payplans.DynamicCreate", "Note"): "comes after the terms; test_payment_plans",
    ("payplans.create", "useEstBalance"): "becomes charges; test_payment_plans",
    ("payplans.create", "NumberOfPayments"): "becomes charges; test_payment_plans",
    ("payplans.create", "Note"): "comes after the terms; test_payment_plans",
    **{
        ("perioexams.create", region): "becomes measures; test_clinical"
        for region in ("UpperFacial", "UpperLingual", "LowerLingual", "LowerFacial")
    },
    **{
        ("periomeasures.create", f"{place}value"): "mobility has no surfaces; test_clinical"
        for place in ("MB", "B", "DB", "ML", "L", "DL")
    },
    ("procedurelogs.create", "priority"): "by name; test_procedures",
    ("procedurelogs.create", "dxName"): "by name; test_procedures",
    ("procedurelogs.GroupNoteCreate", "isSigned"): "kept with the note; test_accounts",
    ("procnotes.create", "doAppendNote"): "joins the texts; test_clinical",
    ("referrals.create", "NotPerson"): "set by what the source is; test_desk",
}
TOLD: dict[tuple[str, str], Any] = {
    ("appointments.create", "AptStatus"): "UnschedList",
    ("appointments.create", "Pattern"): "XXXX",
    ("appointments.create", "PatternSecondary"): "X///",
    ("appointments.Planned", "Pattern"): "XXXX",
    ("appointments.Planned", "PatternSecondary"): "X///",
    ("benefits.create", "procCode"): "D1110",
    ("claimpayments.create", "PayType"): lambda w: w.desk.definition(32, 1),
    ("claimpayments.Batch", "PayType"): lambda w: w.desk.definition(32, 1),
    ("commlogs.create", "commType"): "Recall",
    ("diseases.create", "diseaseDefName"): lambda w: w.desk.row("diseasedef", 2)["DiseaseName"],
    ("medications.create", "genericName"): lambda w: w.desk.row("medication", 1)["MedName"],
    ("patients.create", "BillingType"): lambda w: w.desk.row("definition", w.desk.definition(4, 1))["ItemName"],
    ("patients.create", "SSN"): "123456789",
    ("patients.create", "SuperFamily"): lambda w: w.patient,
    ("patients.create", "Zip"): "97301",
    ("payments.create", "PayType"): lambda w: w.desk.definition(10, 1),
    ("procedurecodes.create", "procCat"): lambda w: w.desk.row("definition", w.desk.definition(11, 1))["ItemName"],
    ("procedurelogs.create", "CodeNum"): lambda w: w.desk.code("D1110"),
    ("procedurelogs.create", "procCode"): "D0120",
    ("recalls.create", "RecallInterval"): "1y",
    ("referrals.create", "specialty"): lambda w: w.desk.row("definition", w.desk.definition(35))["ItemName"],
    ("subscriptions.create", "UiEventType"): "PatientSelected",
}
# What the body usually has and this field excludes.
INSTEAD: dict[tuple[str, str], set[str]] = {
    ("allergies.create", "defDescription"): {"AllergyDefNum"},
    ("benefits.create", "PatPlanNum"): {"PlanNum"},
    ("diseases.create", "diseaseDefName"): {"DiseaseDefNum"},
    ("procedurecodes.create", "procCat"): {"ProcCat"},
    ("refattaches.create", "referralName"): {"ReferralNum"},
    ("subscriptions.create", "UiEventType"): {"WatchTable", "PollingSeconds"},
}
# Resources whose lists are found under another name, or hold no such row.
LISTED_BY = {"etrans": "etranss.list"}
NOT_LISTED = {
    "etrans.create": "a remittance belongs to no patient, and etranss lists those of one",
    "discountplansubs.create": "read by patient; there is no list",
    "payplans.create": "deprecated since 23.3.1; listed like the others, told as a text",
}


@pytest.mark.parametrize("operation", CREATES, ids=lambda operation: operation.id)
def test_what_was_created_is_shown_by_get_and_list(world: World, operation: Operation) -> None:
    desk, table = world.desk, table_of(operation)
    body = world.body(operation)
    before = {row[table.key] for row in desk.rows(table.name)}
    answer = desk.ask(operation.id, body=body)
    rows = [row for row in desk.rows(table.name) if row[table.key] not in before]
    assert len(rows) == 1
    row = rows[0]
    assert operation.shape != "none" or answer is None
    assert operation.shape != "object" or isinstance(answer, dict)
    resource = facts.resources()[operation.resource]
    wire_key = resource.key or table.key
    if isinstance(answer, dict) and wire_key in answer:
        assert answer[wire_key] == row[table.key]
    shown = [answer] if isinstance(answer, dict) else []
    get = facts.operations().get(f"{operation.resource}.get")
    if get is not None and get.path.endswith("}"):
        shown.append(desk.ask(get.id, row[table.key]))
    if operation.id not in NOT_LISTED:
        shown.append(listed(world, operation, row))
    for one in shown:
        for name, value in body.items():
            if name in one and (operation.id, name) not in SHOWN_OTHERWISE:
                assert same(one[name], value), name


@pytest.mark.parametrize(
    ("operation", "name"),
    [(operation, p.name) for operation in CREATES for p in operation.body if not p.required],
    ids=lambda one: one if isinstance(one, str) else one.id,
)
def test_what_a_create_is_told_stands_in_the_row(world: World, operation: Operation, name: str) -> None:
    if (operation.id, name) in TOLD_NOWHERE:
        return
    desk, table = world.desk, table_of(operation)
    parameter = next(p for p in operation.body if p.name == name)
    before = {row[table.key] for row in desk.rows(table.name)}
    chosen = TOLD.get((operation.id, name))
    value = chosen(world) if callable(chosen) else world.value(parameter, other=True) if chosen is None else chosen
    body = {key: one for key, one in world.body(operation).items() if key not in INSTEAD.get((operation.id, name), ())}
    desk.ask(operation.id, body=body | {name: value})
    (row,) = (row for row in desk.rows(table.name) if row[table.key] not in before)
    shown = desk.office.render(operation.resource, row)
    assert same(shown[name], value)


def same(shown: Any, sent: Any) -> bool:
    """Whether an answer shows what was sent, whatever the quotes."""
    try:
        return float(shown) == float(sent)
    except (TypeError, ValueError):
        return str(shown).lower() == str(sent).lower()


def listed(world: World, operation: Operation, row: dict[str, Any]) -> dict[str, Any]:
    """The row as the resource's list shows it."""
    resource = facts.resources()[operation.resource]
    table = table_of(operation)
    told = facts.operations()[f"{operation.resource}.list"]
    columns = {p.name for p in told.query} & row.keys()
    query = {name: row[name] for name in columns if name.endswith("Num") and row[name]}
    if resource.name == "definitions":
        query = {"Category": row["Category"]}
    offset = 0
    while page := world.desk.ask(told.id, **query, Offset=offset):
        for one in page:
            if int(one[resource.key or table.key]) == row[table.key]:
                return dict(one)
        offset += len(page)
    raise AssertionError("the list does not show the row")


# Updates

NO_UPDATE = {
    "apikeys.update": "the gateway itself answers, no office",
    "appointments.Break": "an action; test_appointments",
    "appointments.Note": "an action; test_appointments",
    "appointments.Confirm": "an action; test_appointments",
    "claimprocs.InsAdjustUpdate": "sets totals; test_accounts",
    "claims.Status": "an action; test_claims",
    "claims.Split": "an action; test_claims",
    "payments.Partial": "an action; test_payments",
    "payplans.Close": "an action; test_payment_plans",
    "procedurelogs.GroupNoteUpdate": "writes a note; test_accounts",
    "queries.ShortQuery": "reads",
    "recalls.Status": "an action; test_appointments",
    "recalls.SwitchType": "an action; test_appointments",
}
UPDATES = [
    operation
    for operation in facts.operations().values()
    if operation.method == "PUT" and operation.id not in NO_UPDATE
]


def estimate_line(world: World) -> int:
    body = {"PatNum": world.patient, "procNums": [world.desk.work(world.patient)], "ClaimType": "P"}
    claim = world.desk.ask("claims.create", body=body)["ClaimNum"]
    return int(world.desk.rows("claimproc", ClaimNum=claim)[0]["ClaimProcNum"])


def in_a_group(world: World) -> int:
    user = world.first("userod")
    world.desk.store.insert("usergroupattach", {"UserNum": user, "UserGroupNum": world.first("usergroup")})
    return user


def open_claim(world: World) -> int:
    return int(world.desk.row("claimproc", estimate_line(world))["ClaimNum"])


# The row to change, where the table's first one cannot be.
ROW: dict[str, Any] = {
    "appointments.update": lambda w: w.visit,
    "patients.update": lambda w: w.patient,
    "claimprocs.update": estimate_line,
    "claims.update": open_claim,
    "payplans.DynamicUpdate": lambda w: w.loan,
    "procedurelogs.update": lambda w: w.planned_work,
    "treatplans.update": lambda w: w.saved,
    "payments.update": lambda w: w.payment,
    "paysplits.update": lambda w: w.desk.store.insert("paysplit", {"PatNum": w.patient, "SplitAmt": 5.0}),
    "referrals.update": lambda w: w.desk.store.insert("referral", {"LName": "Source"}),
    "adjustments.update": lambda w: w.desk.ask(
        "adjustments.create", body=w.body(facts.operations()["adjustments.create"])
    )["AdjNum"],
    "perioexams.update": lambda w: w.exam,
    "periomeasures.update": lambda w: w.desk.ask(
        "periomeasures.create", body=w.body(facts.operations()["periomeasures.create"])
    )["PerioMeasureNum"],
    "apptfields.update": lambda w: w.desk.store.insert(
        "apptfield", {"AptNum": w.visit, "FieldName": "Ride home", "FieldValue": "yes"}
    ),
    "patfields.update": lambda w: w.desk.store.insert(
        "patfield", {"PatNum": w.patient, "FieldName": "Shoe size", "FieldValue": "9"}
    ),
    "userods.update": in_a_group,
}
# Values that a rule of the resource asks for instead of those of the type.
VALUES: dict[tuple[str, str], Any] = {
    ("adjustments.update", "AdjAmt"): (6.0, 7.0),
    ("adjustments.update", "AdjType"): lambda w: [w.desk.definition(1, 3), w.desk.definition(1, 4)],
    ("appointments.update", "AptStatus"): ("UnschedList", "Broken"),
    ("appointments.update", "Pattern"): ("XXXX", "/XX/"),
    ("appointments.update", "PatternSecondary"): ("X///", "////"),
    ("benefits.update", "procCode"): ("D1110", "D0120"),
    ("claimpayments.update", "PayType"): lambda w: [w.desk.definition(32), w.desk.definition(32, 1)],
    ("claimprocs.update", "CodeSent"): ("D1110", "D0120"),
    ("claimprocs.update", "Status"): ("Received", "NotReceived"),
    ("patients.update", "BillingType"): lambda w: [w.desk.row("definition", w.desk.definition(4, 1))["ItemName"]],
    ("patients.update", "SSN"): ("123456789", ""),
    ("patients.update", "SuperFamily"): lambda w: [w.patient],
    ("patients.update", "Zip"): ("97301", "97302"),
    ("payments.update", "PayType"): lambda w: [w.desk.definition(10), w.desk.definition(10, 1)],
    ("procedurecodes.update", "procCat"): lambda w: [w.desk.row("definition", w.desk.definition(11, 1))["ItemName"]],
    ("procedurelogs.update", "ProcStatus"): ("C", "TP"),
    ("procedurelogs.update", "procCode"): ("D1110", "D0120"),
    ("recalls.update", "RecallInterval"): ("1y", "6m"),
    ("userods.update", "userGroupNums"): lambda w: [[w.desk.store.insert("usergroup", {})]],
}
# The column of a field that is told by another name.
COLUMNS: dict[tuple[str, str], str] = {
    ("benefits.update", "procCode"): "CodeNum",
    ("payplans.DynamicUpdate", "NumberOfPayments"): "PayAmt",
    ("procedurelogs.update", "procCode"): "CodeNum",
    ("providers.update", "NationalProvId"): "NationalProvID",
    ("treatplans.update", "isSigned"): "Signature",
}
# Columns that follow the one that was named.
FOLLOW: dict[tuple[str, str], set[str]] = {
    ("adjustments.update", "ProcNum"): {"ProcDate"},
    ("appointments.update", "AptStatus"): {"Op"},
    ("appointments.update", "Pattern"): {"PatternSecondary"},
    ("appointments.update", "AptDateTime"): {"DateTimeArrived", "DateTimeSeated", "DateTimeDismissed"},
    ("appointments.update", "AppointmentTypeNum"): {"ColorOverride", "Pattern", "PatternSecondary", "ProcDescript"},
    ("claimpayments.update", "CheckAmt"): {"IsPartial"},
    ("claimprocs.update", "Status"): {"DateEntry", "DateCP", "DateSuppReceived"},
    ("claimprocs.update", "NoBillIns"): {"BaseEst", "InsEstTotal", "InsPayEst"},
    ("claimprocs.update", "PercentOverride"): {"InsEstTotal", "InsPayEst"},
    ("claimprocs.update", "CopayOverride"): {"InsEstTotal", "InsPayEst"},
    ("claimprocs.update", "DedEstOverride"): {"InsEstTotal", "InsPayEst", "DedApplied"},
    ("claimprocs.update", "InsEstTotalOverride"): {"InsPayEst"},
    ("claimprocs.update", "WriteOffEstOverride"): {"WriteOff"},
    ("claims.update", "InsSubNum2"): {"PlanNum2"},
    ("procedurelogs.update", "ProcStatus"): {"DateEntryC", "DateComplete"},
    ("treatplans.update", "isSigned"): {"DateTSigned"},
}
# Fields that live in another table, and where they are tested.
ELSEWHERE = {("userods.update", "userGroupNums"): "usergroupattach; test_desk"}
# Fields that this row refuses, or that tell which row is meant.
REFUSED: dict[tuple[str, str], str] = {
    ("apptfields.update", "AptNum"): "tells which row is meant",
    ("apptfields.update", "FieldName"): "tells which row is meant",
    ("claimprocs.update", "InsPayAmt"): "only answered lines take an amount; test_claims",
    ("claimprocs.update", "ClaimPaymentNum"): "only a partial check is attached; test_claims",
    ("discountplansubs.update", "PatNum"): "has to be sent and changes nothing",
    ("insverifies.update", "VerifyType"): "tells which row is meant",
    ("insverifies.update", "FKey"): "tells which row is meant",
    ("patfields.update", "PatNum"): "tells which row is meant",
    ("patfields.update", "FieldName"): "tells which row is meant",
    ("payplans.DynamicUpdate", "DateInterestStart"): "only with an APR; test_payment_plans",
    ("payplans.DynamicUpdate", "SheetDefNum"): "only where the office uses sheets for plans",
    **{
        ("periomeasures.update", f"{place}value"): "mobility has no surfaces; test_clinical"
        for place in ("MB", "B", "DB", "ML", "L", "DL")
    },
    ("treatplans.update", "SignatureText"): "only where the sheet has the field; test_clinical",
    ("treatplans.update", "SignaturePracticeText"): "only where the sheet has the field; test_clinical",
    ("treatplans.update", "isSignedPractice"): "only where the sheet has the box; test_clinical",
}
# Fields that no answer gives back as they are sent.
ONE_WAY = {
    ("appointments.update", "DateTimeArrived"): "sent as a time of day",
    ("appointments.update", "DateTimeSeated"): "sent as a time of day",
    ("appointments.update", "DateTimeDismissed"): "sent as a time of day",
    ("autonotecontrols.update", "ControlType"): "an unset type is shown as a blank, which is no word",
    ("claims.update", "AccidentRelated"): "none is sent as No",
    ("claims.update", "OrthoRemainM"): "0 is shown and not taken",
    ("claims.update", "OrthoTotalM"): "0 is shown and not taken",
    ("payments.update", "ProcessStatus"): "OfficeProcessed is not taken",
    ("payplans.DynamicUpdate", "NumberOfPayments"): "excludes PayAmt",
    ("procedurelogs.update", "procCode"): "excludes CodeNum",
}
STAMPS = schema.CHANGE_STAMPS | {"DateTMeasureEdit"}


def row_to_change(world: World, operation: Operation) -> int:
    if operation.id in ROW:
        return int(ROW[operation.id](world))
    return world.first(table_of(operation).name)


def required(world: World, operation: Operation, row: dict[str, Any]) -> dict[str, Any]:
    shown = world.desk.office.render(operation.resource, row)
    return {p.name: shown[p.name] for p in operation.body if p.required}


def put(world: World, operation: Operation, key: int, body: dict[str, Any]) -> None:
    answer = world.desk.ask(operation.id, *([key] if "{" in operation.path else []), body=body)
    assert (answer is None) == (operation.shape == "none")


@pytest.mark.parametrize(
    ("operation", "name"),
    [(operation, p.name) for operation in UPDATES for p in operation.body],
    ids=lambda one: one if isinstance(one, str) else one.id,
)
def test_an_update_changes_what_it_names_and_nothing_else(world: World, operation: Operation, name: str) -> None:
    desk, table = world.desk, table_of(operation)
    if (operation.id, name) in REFUSED:
        return
    key = row_to_change(world, operation)
    before = desk.row(table.name, key)
    own = {name, name[0].upper() + name[1:], COLUMNS.get((operation.id, name), name)} & table.columns.keys()
    changed: set[str] = set()
    for value in values(world, operation, name):
        put(world, operation, key, required(world, operation, before) | {name: value})
        after = desk.row(table.name, key)
        changed |= {column for column in after if after[column] != before[column]}
        before = after
    assert changed <= own | STAMPS | FOLLOW.get((operation.id, name), set())
    assert changed & own or (operation.id, name) in ELSEWHERE


def values(world: World, operation: Operation, name: str) -> list[Any]:
    """Two values of a field, one after the other: the row may hold one of them already."""
    chosen = VALUES.get((operation.id, name))
    if chosen is not None:
        return list(chosen(world) if callable(chosen) else chosen)
    parameter = next(p for p in operation.body if p.name == name)
    return [world.value(parameter), world.value(parameter, other=True)]


@pytest.mark.parametrize("operation", UPDATES, ids=lambda operation: operation.id)
def test_an_update_that_changes_nothing_leaves_the_stamp(world: World, operation: Operation) -> None:
    desk, table = world.desk, table_of(operation)
    key = row_to_change(world, operation)
    before = desk.row(table.name, key)
    shown = desk.office.render(operation.resource, before)
    left_out = {name for told, name in ONE_WAY if told == operation.id}
    body = {p.name: shown[p.name] for p in operation.body if p.name in shown and p.name not in left_out}
    body = {name: value for name, value in body.items() if "only " not in REFUSED.get((operation.id, name), "")}
    desk.clock.advance(60)
    put(world, operation, key, body)
    assert desk.row(table.name, key) == before


# Filters

LISTS = [
    *operations("list"),
    *(facts.operations()[name] for name in ("patients.Simple", "appointments.ASAP", "appointments.WebSchedList")),
]
NOT_FILTERED = {
    ("patients.list", "invoiceNumber"): "invoices are in no table of the practice",
    ("patients.list", "SiteNum"): "sites are not in the catalogue; compared like any number",
    ("securitylogs.list", "PermType"): "a word of a hundred; compared like any enumeration",
}
# The column a range of days speaks of.
DAYS = {
    "appointments": "AptDateTime",
    "asapcomms": "DateTimeEntry",
    "clockevents": "TimeDisplayed1",
    "histappointments": "AptDateTime",
    "schedules": "SchedDate",
}
# On or after, not equal.
SINCE = {"DateEntry", "DateTStamp", "DateTimeOriginal", "ExamDate", "SecDateTEdit", "SigDateTime"}
# What makes a row show at all, before any filter.
VISIBLE: dict[str, dict[str, Any]] = {
    "appointments.ASAP": {"Priority": 1},
    "asapcomms.list": {"DateTimeEntry": f"{TODAY} 08:00:00"},
    "schedules.list": {"SchedDate": TODAY},
    "securitylogs.list": {"LogText": "x (API: Demo Developer)"},
    "tasklists.list": {"TaskListStatus": 0},
}
# (what is asked, a row that matches, a row that does not), where names or meanings differ.
ASKED: dict[tuple[str, str], tuple[Any, dict[str, Any], dict[str, Any]]] = {
    ("definitions.list", "Category"): (4, {"Category": 4}, {"Category": 5}),
    ("definitions.list", "includeHidden"): ("false", {"IsHidden": 0}, {"IsHidden": 1}),
    ("insplans.list", "PlanType"): ("percentage", {"PlanType": ""}, {"PlanType": "p"}),
    ("patients.list", "Phone"): ("555-0147", {"HmPhone": "(503)555-0147"}, {"HmPhone": "(503)555-0148"}),
    ("patients.list", "hideInactive"): ("true", {"PatStatus": 0}, {"PatStatus": 2}),
    ("patients.list", "showArchived"): ("false", {"PatStatus": 0}, {"PatStatus": 3}),
    ("patients.list", "clinicNums"): ("1,2", {"ClinicNum": 2}, {"ClinicNum": 3}),
    ("referrals.list", "isPatient"): ("true", {"PatNum": 1}, {"PatNum": 0}),
    ("schedules.list", "BlockoutDefNum"): (7, {"BlockoutType": 7}, {"BlockoutType": 8}),
    ("tasklists.list", "TaskListStatus"): ("Archived", {"TaskListStatus": 1}, {"TaskListStatus": 0}),
    ("usergroups.list", "includeCEMT"): ("false", {"UserGroupNumCEMT": 0}, {"UserGroupNumCEMT": 1}),
    ("userods.list", "includeHidden"): ("false", {"IsHidden": 0}, {"IsHidden": 1}),
    ("userods.list", "includeCEMT"): ("false", {"UserNumCEMT": 0}, {"UserNumCEMT": 1}),
}


def pair(world: World, operation: Operation, name: str) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """What is asked of a filter, a row that matches and one that does not."""
    told, table = (operation.id, name), table_of(operation)
    resource = facts.resources()[operation.resource]
    if told in ASKED:
        return ASKED[told]
    if told == ("patients.list", "guarOnly"):
        return "true", {"PatNum": 9001, "Guarantor": 9001}, {"PatNum": 9002, "Guarantor": 9001}
    if told == ("patients.list", "SubscriberId"):
        world.desk.store.insert("inssub", {"Subscriber": 9001, "SubscriberID": "Q77"})
        return "Q77", {"PatNum": 9001}, {"PatNum": 9002}
    if told == ("patients.list", "clinicAbbr"):
        return world.desk.row("clinic", 1)["Abbr"], {"ClinicNum": 1}, {"ClinicNum": 2}
    if told == ("providers.list", "ClinicNum"):
        world.desk.store.insert("providercliniclink", {"ProvNum": 9001, "ClinicNum": 1})
        world.desk.store.insert("providercliniclink", {"ProvNum": 9002, "ClinicNum": 2})
        return 1, {"ProvNum": 9001}, {"ProvNum": 9002}
    if told == ("popups.list", "PatNum"):
        return world.child, {"PatNum": world.patient}, {"PatNum": world.desk.patient()}
    if told == ("signalods.list", "SigDateTime"):
        return f"{TODAY} 09:00:00", {name: f"{TODAY} 09:00:01"}, {name: f"{TODAY} 08:59:59"}
    if name in ("date", "dateStart", "dateEnd"):
        return days(resource.name, name, table.columns[DAYS[resource.name]].kind)
    column = table.columns[name]
    if name in SINCE:
        day = (TODAY, "2026-11-23") if column.kind == "date" else (f"{TODAY} 09:00:00", f"{TODAY} 08:59:59")
        return day[0], {name: day[0]}, {name: day[1]}
    parameter = next(p for p in operation.query if p.name == name)
    if column.words:
        (word, number), (_, another) = column.words[:2]
        return word, {name: number}, {name: another}
    if column.kind == "bool":
        return "true", {name: 1}, {name: 0}
    if column.kind == "word":
        return column.enum[0], {name: column.enum[0]}, {name: column.enum[1]}
    one, other = world.value(parameter), world.value(parameter, other=True)
    if name == "FieldName":
        one, other = "Shoe size", "Hat size"
    return one, {name: one}, {name: other}


def days(resource: str, name: str, kind: str) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """A range ends with its last day, except that of ASAP messages."""
    column = DAYS[resource]
    time = "" if kind == "date" else " 23:00:00"
    before, on, after = (f"{day}{time}" for day in ("2026-11-23", TODAY, "2026-11-25"))
    if name == "dateEnd":
        last = before if resource == "asapcomms" else on
        return TODAY, {column: last}, {column: after if resource != "asapcomms" else on}
    return TODAY, {column: on}, {column: before}


FILTERS = [
    (operation, parameter.name)
    for operation in LISTS
    for parameter in operation.query
    if operation.resource not in ("apikeys", "queries") and (operation.id, parameter.name) not in NOT_FILTERED
]


@pytest.mark.parametrize(("operation", "name"), FILTERS, ids=lambda one: one if isinstance(one, str) else one.id)
def test_a_filter_shows_what_matches_and_hides_what_does_not(world: World, operation: Operation, name: str) -> None:
    desk, table = world.desk, table_of(operation)
    asked, match, other = pair(world, operation, name)
    query: dict[str, Any] = {name: asked}
    shared: dict[str, Any] = dict(VISIBLE.get(operation.id, {}))
    for parameter in operation.query:
        if parameter.required and parameter.name != name:
            query[parameter.name] = shared[parameter.name] = world.value(parameter)
    # A list that wants its range open at both ends.
    if operation.resource in DAYS and name == "dateEnd":
        query["dateStart"] = "2026-11-01"
    keys = [desk.store.insert(table.name, shared | row) for row in (match, other)]
    shown = set()
    offset = 0
    wire_key = facts.resources()[operation.resource].key or table.key
    while page := desk.ask(operation.id, **query, Offset=offset):
        shown |= {int(row[wire_key]) for row in page}
        offset += len(page)
    assert keys[0] in shown
    assert keys[1] not in shown


WANTING = [operation for operation in LISTS if any(parameter.required for parameter in operation.query)]


@pytest.mark.parametrize("operation", WANTING, ids=lambda operation: operation.id)
def test_a_list_of_one_owner_is_refused_without_it(world: World, operation: Operation) -> None:
    assert world.desk.refused(operation.id).status == 400


def test_what_is_walked_nowhere_stands_in_a_list() -> None:
    known = facts.operations()
    parameters = {(told.id, p.name) for told in known.values() for p in (*told.query, *told.body)}
    assert {*NO_CREATE, *NO_UPDATE, *ROW, *NOT_LISTED} <= known.keys()
    listed = {
        *TOLD_NOWHERE,
        *TOLD,
        *INSTEAD,
        *REFUSED,
        *ONE_WAY,
        *ELSEWHERE,
        *COLUMNS,
        *FOLLOW,
        *VALUES,
        *NOT_FILTERED,
        *ASKED,
        *SHOWN_OTHERWISE,
    }
    assert listed <= parameters
