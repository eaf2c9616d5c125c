"""Which events a change of a row is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from gateway.core.events.changes import RowChange, Was
from gateway.core.events.deriving import KINDS, Around, events_of
from gateway.core.events.event import Cause, Event
from gateway.core.events.event_types import SUBJECTS, TYPES
from gateway.core.events.facts import DUE_RECALLS, INTAKE, MERGES, MIRROR, OPERATIONS, PRACTICE, WEB_SCHED
from gateway.core.events.schemas import event_schema
from gateway.core.ids import row_id
from tests.fakes.deployment import Deployment, deployed
from tests.fakes.mirroring import mirror
from tests.fakes.services import ELM_STREET

AT = datetime(2026, 11, 18, 18, 0, tzinfo=UTC)
PRACTICE_ID = ELM_STREET.id
AROUND = Around(ELM_STREET)

VISIT = {
    "AptNum": 7, "PatNum": 3, "AptStatus": "Scheduled", "Pattern": "//XX//", "Confirmed": 19, "confirmed": "New",
    "Op": 2, "ProvNum": 1, "ProvHyg": 0, "AptDateTime": "2026-12-01 09:00:00", "DateTStamp": "2026-11-18 11:58:00",
    "DateTimeArrived": "2026-12-01 00:00:00", "DateTimeSeated": "2026-12-01 00:00:00",
    "DateTimeDismissed": "2026-12-01 00:00:00", "ClinicNum": 0, "Note": "Marker, Zoe is afraid", "ProcDescript": "Exam",
}  # fmt: skip
PROCEDURE = {
    "ProcNum": 9, "PatNum": 3, "AptNum": 7, "ProcStatus": "TP", "procCode": "D2391", "descript": "Composite",
    "ProcFee": "250.00", "ProcDate": "2026-11-18", "DateTP": "2026-11-18", "DateTStamp": "2026-11-18 11:58:00",
}  # fmt: skip
CLAIM = {
    "ClaimNum": 5, "PatNum": 3, "ClaimType": "P", "ClaimStatus": "U", "ClaimFee": "250.00", "InsPayAmt": "0.00",
    "DateService": "2026-11-10", "DateSent": "0001-01-01", "DateReceived": "0001-01-01", "InsSubNum": 4,
    "SecDateTEdit": "2026-11-18 11:58:00",
}  # fmt: skip
LINE = {"ClaimProcNum": 6, "ClaimNum": 5, "PatNum": 3, "ProcNum": 9, "Status": "NotReceived", "InsPayAmt": "0.00"}
DENYING = LINE | {"Status": "Received", "ClaimAdjReasonCodes": "CO-96"}
PATIENT = {
    "PatNum": 3, "LName": "Marker", "FName": "Zoe", "PatStatus": "Patient", "Guarantor": 3, "BalTotal": "10.00",
    "EstBalance": "10.00", "WirelessPhone": "555-555-0100", "DateTStamp": "2026-11-18 11:58:00",
}  # fmt: skip


def changed(resource: str, row: Mapping[str, Any], *, seq: int = 100, **more: Any) -> RowChange:
    first = RowChange(
        PRACTICE_ID,
        resource,
        next(iter(row.values())),
        seq,
        row,
        Was.NOTHING,
        is_dead=False,
        cause="poll",
        stored_at=AT,
    )
    return replace(first, **more)


def became(resource: str, row: Mapping[str, Any], was: Mapping[str, Any], **more: Any) -> RowChange:
    return changed(resource, row, was=Was.LIVING, before=was, **more)


def types(change: RowChange, around: Around = AROUND) -> list[str]:
    return [one.type for one in events_of(change, around)]


def only(change: RowChange, around: Around = AROUND) -> Event:
    (event,) = events_of(change, around)
    return event


# Visits


def test_a_visit_that_was_moved_is_rescheduled_and_says_from_when_to_when() -> None:
    event = only(became("appointments", VISIT | {"AptDateTime": "2026-12-02 10:00:00"}, VISIT))

    assert event.type == "appointment.rescheduled"
    assert (event.before["start_at"], event.after["start_at"]) == ("2026-12-01T15:00:00Z", "2026-12-02T16:00:00Z")
    assert event.object_id == row_id("appointment", PRACTICE_ID, 7)
    assert event.related["patient_id"] == row_id("patient", PRACTICE_ID, 3)
    assert "start_at" in event.changed


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"DateTimeArrived": "2026-12-01 08:55:00"}, ["appointment.arrived"]),
        ({"DateTimeSeated": "2026-12-01 09:01:00"}, ["appointment.seated"]),
        ({"AptStatus": "Complete"}, ["appointment.completed"]),
        ({"AptStatus": "Broken"}, ["appointment.broken"]),
        ({"AptStatus": "UnschedList"}, ["appointment.updated"]),
        ({"Note": "Calm now"}, ["appointment.updated"]),
        ({"AptStatus": "Complete", "Note": "Done"}, ["appointment.completed", "appointment.updated"]),
        ({"AptDateTime": "2026-12-02 10:00:00", "Op": 3}, ["appointment.rescheduled", "appointment.updated"]),
        ({"ItemOrderPlanned": 4}, ["appointment.updated"]),
    ],
)
def test_what_happened_to_a_visit(change: dict[str, Any], expected: list[str]) -> None:
    assert types(became("appointments", VISIT | change, VISIT)) == expected


def test_a_visit_that_is_found_completed_was_created_and_completed() -> None:
    """Who waits for completed visits must not miss those that came and went between two polls."""
    assert types(changed("appointments", VISIT | {"AptStatus": "Complete"})) == [
        "appointment.created",
        "appointment.completed",
    ]


def test_the_code_that_is_charted_with_a_broken_visit_says_how_it_broke() -> None:
    events = events_of(changed("procedurelogs", PROCEDURE | {"procCode": "D9986", "ProcStatus": "C"}), AROUND)

    assert [one.type for one in events] == ["procedure.completed", "appointment.no_show"]
    assert events[1].object_id == row_id("appointment", PRACTICE_ID, 7)


BROKEN = VISIT | {"AptStatus": "Broken"}
MISSED = PROCEDURE | {"procCode": "D9986", "ProcStatus": "C"}


def beside(*charted: Mapping[str, Any]) -> Around:
    """A practice with that visit, and this charted with it."""
    return Around(
        ELM_STREET,
        get=lambda resource, _: BROKEN if resource == "appointments" else None,
        under=lambda resource, column, _: charted if (resource, column) == ("procedurelogs", "AptNum") else (),
    )


def test_a_visit_that_was_missed_goes_on_saying_so_as_the_api_does() -> None:
    later = only(became("appointments", BROKEN | {"Note": "Called"}, BROKEN), beside(MISSED))

    assert (later.type, later.before["status"], later.after["status"]) == ("appointment.updated", "no_show", "no_show")
    assert "status" not in later.changed


def test_a_visit_whose_code_was_charted_first_is_broken_all_the_same() -> None:
    """Two polls bring the two rows in either order."""
    event = only(became("appointments", BROKEN, VISIT), beside(MISSED))

    assert (event.type, event.before["status"], event.after["status"]) == (
        "appointment.broken",
        "scheduled",
        "no_show",
    )
    booked_again = only(became("appointments", VISIT, BROKEN), beside(MISSED))
    assert (booked_again.before["status"], booked_again.after["status"]) == ("no_show", "scheduled")


@pytest.mark.parametrize(("code", "type_"), [("D9986", "appointment.no_show"), ("D9987", "appointment.cancelled")])
def test_a_miss_that_is_told_late_is_told_for_what_it_is_and_once(code: str, type_: str) -> None:
    row = MISSED | {"procCode": code}
    late = changed("procedurelogs", row, was=Was.UNSEEN)
    again = changed("procedurelogs", row | {"ProcFee": "1.00"}, was=Was.UNSEEN, seq=200)
    in_time = changed("procedurelogs", row)
    found = [one for change in (late, again, in_time) for one in events_of(change, beside(row)) if one.type == type_]

    assert [one.cause for one in found] == [Cause.RECOVERY, Cause.RECOVERY, Cause.POLL]
    assert len({one.id for one in found}) == 1
    assert (dict(found[0].before), dict(found[0].after)) == ({}, {"status": type_.partition(".")[2]})


def test_a_miss_of_long_ago_is_no_news_when_its_row_is_told_late() -> None:
    old = MISSED | {"ProcDate": "2026-10-01"}
    assert types(changed("procedurelogs", old, was=Was.UNSEEN), beside(old)) == ["procedure.updated"]
    planned = MISSED | {"ProcStatus": "TP"}
    assert types(changed("procedurelogs", planned, was=Was.UNSEEN), beside(planned)) == ["procedure.updated"]


# Work, claims, money


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        (None, {}, ["procedure.planned"]),
        (None, {"ProcStatus": "C"}, ["procedure.completed"]),
        (None, {"ProcStatus": "EO"}, ["procedure.updated"]),
        (None, {"ProcStatus": "D"}, []),
        ({}, {"ProcStatus": "C"}, ["procedure.completed"]),
        ({"ProcStatus": "C"}, {"ProcStatus": "TP"}, ["procedure.planned"]),
        ({}, {"ProcStatus": "D"}, ["procedure.deleted"]),
        ({"ProcStatus": "D"}, {"ProcStatus": "D", "ProcFee": "1.00"}, []),
        ({}, {"ProcFee": "260.00"}, ["procedure.updated"]),
    ],
)
def test_what_happened_to_a_procedure(was: dict[str, Any] | None, now: dict[str, Any], expected: list[str]) -> None:
    row = PROCEDURE | now
    change = changed("procedurelogs", row) if was is None else became("procedurelogs", row, PROCEDURE | was)
    assert types(change) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ({"ClaimStatus": "S", "DateSent": "2026-11-18"}, ["claim.sent"]),
        ({"ClaimStatus": "R", "DateReceived": "2026-11-18"}, ["claim.received"]),
        ({"ClaimStatus": "W"}, ["claim.status_changed"]),
        ({"InsPayEst": "20.00"}, ["claim.updated"]),
    ],
)
def test_what_happened_to_a_claim(now: dict[str, Any], expected: list[str]) -> None:
    assert types(became("claims", CLAIM | now, CLAIM)) == expected


@pytest.mark.parametrize("last", ["claims", "claimprocs"])
def test_a_denied_claim_is_told_once_whichever_of_its_rows_comes_last(last: str) -> None:
    answered = CLAIM | {"ClaimStatus": "R", "DateReceived": "2026-11-18"}
    second = DENYING | {"ClaimProcNum": 8}
    both = Around(ELM_STREET, get=lambda _, __: answered, under=lambda *_: [DENYING, second])
    if last == "claims":
        found = events_of(became("claims", answered, CLAIM), both)
    else:
        found = events_of(became("claimprocs", DENYING, LINE), both)
        found += events_of(became("claimprocs", second, LINE | {"ClaimProcNum": 8}, seq=101), both)

    denied = [one for one in found if one.type == "claim.denied"]
    assert len({one.id for one in denied}) == 1
    assert {one.object_id for one in denied} == {row_id("claim", PRACTICE_ID, 5)}


def test_a_denial_that_is_told_late_is_told_for_what_it_is_unless_it_is_old() -> None:
    def told(answered: str, was: Was) -> list[Event]:
        row = CLAIM | {"ClaimStatus": "R", "DateReceived": answered}
        around = Around(ELM_STREET, get=lambda _, __: row, under=lambda *_: [DENYING])
        return [one for one in events_of(changed("claims", row, was=was), around) if one.type == "claim.denied"]

    (late,), (in_time,) = told("2026-11-17", Was.UNSEEN), told("2026-11-17", Was.NOTHING)
    assert (late.id, late.cause) == (in_time.id, Cause.RECOVERY)
    assert told("2026-09-17", Was.UNSEEN) == []


def test_an_estimate_that_is_on_no_claim_is_no_event() -> None:
    estimate = LINE | {"ClaimNum": 0, "Status": "Estimate"}
    assert types(became("claimprocs", estimate | {"InsPayEst": "5.00"}, estimate)) == []


def test_a_line_that_is_put_on_a_carriers_payment_changes_the_claim_and_the_payment() -> None:
    found = events_of(became("claimprocs", LINE | {"ClaimPaymentNum": 4}, LINE), AROUND)

    assert [one.type for one in found] == ["claim.updated", "insurance_payment.updated"]
    assert found[1].object_id == row_id("payment", PRACTICE_ID, -4)


def test_a_split_that_changed_is_a_change_of_its_payment_and_a_new_one_comes_with_it() -> None:
    split = {"SplitNum": 1, "PayNum": 61, "SplitAmt": "10.00"}

    assert types(changed("paysplits", split)) == []
    assert types(became("paysplits", split | {"SplitAmt": "9.00"}, split)) == ["payment.updated"]


def test_what_is_told_of_an_object_by_a_row_of_its_own_says_whose_it_is() -> None:
    """Who follows a patient must hear of the lines of a claim and the parts of a payment."""
    split = {"SplitNum": 1, "PayNum": 61, "SplitAmt": "10.00", "PatNum": 4}
    rows: dict[str, dict[str, Any]] = {
        "claims": CLAIM | {"PatNum": 3}, "payments": {"PayNum": 61, "PatNum": 3, "ClinicNum": 2},
        "claimpayments": {"ClaimPaymentNum": 4, "ClinicNum": 2},
    }  # fmt: skip
    known = Around(ELM_STREET, get=lambda resource, _: rows[resource])
    own, payer = (row_id("patient", PRACTICE_ID, number) for number in (4, 3))
    clinic = row_id("location", PRACTICE_ID, 2)
    line = became("claimprocs", LINE | {"ClaimPaymentNum": 4}, LINE)
    part = became("paysplits", split | {"SplitAmt": "9.00"}, split)

    claim, check = events_of(line, known)
    assert claim.related["patient_id"] == payer
    assert check.related == {"location_id": clinic}
    assert only(part, known).related == {"patient_id": payer, "location_id": clinic}
    # Where the mirror has no parent, the row's own.
    assert events_of(line, AROUND)[0].related == {"patient_id": payer}
    assert only(part).related == {"patient_id": own}


def test_what_somebody_owes_is_told_apart_from_who_somebody_is() -> None:
    owes = became("patients", PATIENT | {"BalTotal": "20.00"}, PATIENT)

    assert types(owes) == ["balance.changed"]
    assert types(became("patients", PATIENT | {"BalTotal": "20.00", "LName": "Maker"}, PATIENT)) == [
        "balance.changed",
        "patient.updated",
    ]
    assert "20" not in json.dumps(only(owes).told()["after"])


# Patients


def test_a_patient_who_is_marked_as_deleted_is_deleted_once() -> None:
    gone = PATIENT | {"PatStatus": "Deleted"}

    assert types(became("patients", gone, PATIENT)) == ["patient.deleted"]
    assert types(changed("patients", gone, was=Was.LIVING, before=gone, is_dead=True)) == []
    assert types(changed("patients", gone)) == []


def test_rows_that_become_another_patients_are_told_once_as_a_suspected_merge() -> None:
    first = events_of(became("procedurelogs", PROCEDURE | {"PatNum": 4}, PROCEDURE), AROUND)
    second = events_of(became("appointments", VISIT | {"PatNum": 4}, VISIT, seq=200), AROUND)
    told = [one for one in first + second if one.type == "patient.merge_suspected"]

    assert len({one.id for one in told}) == 1
    assert told[0].object_id == row_id("patient", PRACTICE_ID, 3)
    assert told[0].related == {"into_patient_id": row_id("patient", PRACTICE_ID, 4)}


# What is asked for besides


def test_a_merge_that_the_office_recorded_is_told_of_who_was_merged() -> None:
    archived = Around(ELM_STREET, get=lambda _, __: PATIENT | {"PatStatus": "Archived"})
    event = only(changed(MERGES, {"PatNumFrom": 3, "PatNumTo": 4}, key="3", cause="gateway"), archived)

    assert (event.type, event.cause, event.after) == ("patient.merged", Cause.POLL, {"status": "archived"})
    assert event.object_id == row_id("patient", PRACTICE_ID, 3)
    assert event.related == {"into_patient_id": row_id("patient", PRACTICE_ID, 4)}
    late = only(changed(MERGES, {"PatNumFrom": 3, "PatNumTo": 4}, was=Was.UNSEEN), AROUND)
    assert (late.type, late.cause) == ("patient.merged", Cause.RECOVERY)


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        ("Recall", "recall"),
        ("NewPat", "new_patient"),
        ("ExistingPat", "existing_patient"),
        ("ASAP", "asap"),
        ("Kiosk", "other"),
    ],
)
def test_a_visit_that_was_booked_on_line_says_how_and_when_it_is(way: str, kind: str) -> None:
    event = only(changed(WEB_SCHED, {"AptNum": 7, "way": way}), Around(ELM_STREET, get=lambda _, __: VISIT))

    assert (event.type, event.object_id) == ("web_sched.booked", row_id("appointment", PRACTICE_ID, 7))
    assert (event.after["kind"], event.after["local_start"]) == (kind, "2026-12-01T09:00:00")
    assert event.related["patient_id"] == row_id("patient", PRACTICE_ID, 3)
    assert only(changed(WEB_SCHED, {"AptNum": 7, "way": way})).after == {"kind": kind}


SHEET = {"SheetNum": 5, "PatNum": 3, "state": "here", "is_web_form": False}
WAITING = SHEET | {"state": "waiting"}


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        (None, SHEET | {"is_web_form": True}, "web_form"),
        (WAITING, SHEET, "tablet"),
        # What the staff wrote, what waits, what nobody knows whose it is yet.
        (None, SHEET, None),
        (None, WAITING, None),
        (SHEET, WAITING, None),
        (None, SHEET | {"is_web_form": True, "PatNum": 0}, None),
    ],
)
def test_a_form_is_what_came_from_a_patient(was: dict[str, Any] | None, now: dict[str, Any], kind: str | None) -> None:
    found = events_of(changed(INTAKE, now) if was is None else became(INTAKE, now, was), AROUND)

    assert [(one.type, one.after["kind"]) for one in found] == ([("intake.received", kind)] if kind else [])
    assert {one.object_id for one in found} <= {row_id("patient", PRACTICE_ID, 3)}
    assert {one.related["intake_id"] for one in found} <= {row_id("intake", PRACTICE_ID, now["SheetNum"])}


# The gateway's own


def test_operations_practices_due_recalls_and_loaded_mirrors_are_events() -> None:
    done = {"id": "opn_aaaaaaaaaaaaaaaa", "kind": "appointments.create", "state": "failed"}
    off, on = {"state": "offline"}, {"state": "online"}
    due = {"RecallNum": 8, "PatNum": 3, "due_on": "2026-11-18"}

    assert types(changed(OPERATIONS, done)) == ["operation.failed"]
    assert only(changed(OPERATIONS, done | {"correlation_id": "c" * 32})).told()["correlation_id"] == "c" * 32
    assert "correlation_id" not in only(changed(OPERATIONS, done)).told()
    assert types(changed(PRACTICE, off, key="connection")) == ["practice.offline"]
    assert types(became(PRACTICE, on, off, key="connection")) == ["practice.online"]
    assert types(changed(PRACTICE, on, key="connection")) == []
    assert types(became(PRACTICE, {"version": "25.4"}, {"version": "25.3"}, key="capabilities")) == [
        "practice.capabilities_changed"
    ]
    by_relay, by_server = {"way": "fallback", "mode": "remote"}, {"way": "first", "mode": "service"}
    assert only(became(PRACTICE, by_relay, by_server, key="way")).changed == ("mode", "way")
    assert types(changed(PRACTICE, by_server, key="way")) == []
    rotated, waiting = ({"state": state, "rotation_id": "rot_a"} for state in ("rotated", "waiting"))
    assert types(changed(PRACTICE, waiting, key="key")) == ["practice.rotation_waiting"]
    assert types(became(PRACTICE, rotated, waiting, key="key")) == ["practice.key_rotated"]
    assert only(changed(DUE_RECALLS, due)).object_id == row_id("recall", PRACTICE_ID, 8)
    assert types(changed(MIRROR, {"state": "loaded"})) == ["sync.loaded"]


# What holds of all of them


ROWS = {
    "appointments": VISIT, "procedurelogs": PROCEDURE, "claims": CLAIM, "patients": PATIENT,
    "payments": {"PayNum": 61, "PatNum": 3, "PayAmt": "62.00", "PayNote": "Marker"},
    "claimpayments": {"ClaimPaymentNum": 4, "CheckAmt": "62.00", "CarrierName": "Marker Mutual"},
    "recalls": {"RecallNum": 8, "PatNum": 3, "DateDue": "2026-12-01", "Note": "Marker"},
    "treatplans": {"TreatPlanNum": 2, "PatNum": 3, "TPStatus": "Active", "Heading": "Marker"},
    "commlogs": {"CommlogNum": 1, "PatNum": 3, "Note": "Marker", "CommDateTime": "2026-11-18 10:00:00"},
}  # fmt: skip


def test_every_resource_that_events_are_of_is_tried_here() -> None:
    assert ROWS.keys() == KINDS.keys()


@pytest.mark.parametrize("resource", ROWS)
def test_rows_of_a_first_load_are_no_event(resource: str) -> None:
    assert types(changed(resource, ROWS[resource], cause="load")) == []
    assert types(changed(resource, ROWS[resource])) != []


@pytest.mark.parametrize("resource", ROWS)
def test_a_burial_is_told_once_and_a_return_is_told(resource: str) -> None:
    row = ROWS[resource]
    (gone,) = types(changed(resource, row, was=Was.LIVING, before=row, is_dead=True))

    assert gone.partition(".")[2] in {"deleted", "voided"}
    assert types(changed(resource, row, was=Was.BURIED, before=row)) != []


@pytest.mark.parametrize("resource", ROWS)
def test_a_change_that_nobody_saw_says_so_and_nothing_of_before(resource: str) -> None:
    event = only(changed(resource, ROWS[resource], was=Was.UNSEEN))

    assert (event.cause, dict(event.before)) == (Cause.RECOVERY, {})
    assert event.type.endswith(".updated")


@given(seqs=st.lists(st.integers(1, 10**16), min_size=2, max_size=6, unique=True))
def test_the_same_state_reached_again_is_another_event(seqs: list[int]) -> None:
    there, here = VISIT | {"Note": "A"}, VISIT | {"Note": "B"}
    turns = [(here, there), (there, here)] * 3
    ids = [only(became("appointments", *pair, seq=seq)).id for seq, pair in zip(seqs, turns, strict=False)]

    assert len(set(ids)) == len(seqs)
    assert only(became("appointments", here, there, seq=seqs[0])).id == ids[0]


@pytest.fixture(scope="module")
def office() -> Any:
    with deployed() as d:
        mirror(d)
        yield d


def test_nothing_that_says_who_or_how_much_is_in_any_event_of_an_office(office: Deployment) -> None:
    """Made of every row of a simulated practice: as new, as changed in each column, as gone."""
    secret = re.compile("|".join(re.escape(word) for word in _protected(office)), re.IGNORECASE)
    seen = set[str]()
    for event in _events(office):
        told = event.told()
        seen.add(event.type)
        assert event.type in TYPES
        assert set(event.before) | set(event.after) <= set(SUBJECTS[event.object].told)
        assert not secret.search(json.dumps([told["before"], told["after"], told["related"]])), event.type
    assert len(seen) > 25, seen


def test_every_event_of_an_office_is_what_the_schema_of_its_type_says(office: Deployment) -> None:
    schemas = {type_: Draft4Validator(event_schema(type_)) for type_ in TYPES}
    wrong = {
        (event.type, error.json_path, error.validator)
        for event in _events(office)
        for error in schemas[event.type].iter_errors(event.told())
    }

    assert wrong == set()


def _events(office: Deployment) -> Iterator[Event]:
    for resource in KINDS:
        for record in list(office.on.records.kept[office.practice_id, resource].values())[:40]:
            for change in _changes(resource, record.row):
                yield from events_of(change, AROUND)


def _changes(resource: str, row: Mapping[str, Any]) -> list[RowChange]:
    row = dict(row)
    new = changed(resource, row)
    edited = [
        became(resource, row, row | {name: _other(value)}, seq=number)
        for number, (name, value) in enumerate(row.items())
        if not name.endswith("Num")
    ]
    return [new, *edited, changed(resource, row, was=Was.LIVING, before=row, is_dead=True)]


def _other(value: object) -> object:
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value):
        return "2001-02-03" + value[10:]
    return "7" if isinstance(value, str) else 7


def _protected(office: Deployment) -> set[str]:
    """Names, numbers, addresses and sums of the office's people that nothing else says."""
    words = set[str]()
    for row in office.rows("patient"):
        words |= {str(row[name]) for name in ("LName", "FName", "WirelessPhone", "Email", "Address")}
        words |= {str(row["Birthdate"])[:10], f"{row['EstBalance']:.2f}"}
    return {word for word in words if len(word) > 4} - {"0001-01-01"}


@pytest.mark.parametrize("text", ["Zoe -Ma-rk", "9999-99-99", "2026-02-30"])
@pytest.mark.parametrize("column", ["DateService", "DateSent", "DateReceived"])
@pytest.mark.parametrize("was", [Was.NOTHING, Was.UNSEEN])
def test_what_is_no_day_though_it_has_the_form_of_one_is_not_told(text: str, column: str, was: Was) -> None:
    """Nor does it stop all that comes behind it."""
    row = CLAIM | {"ClaimStatus": "R", column: text}
    around = Around(ELM_STREET, under=lambda *_: [DENYING])

    told = events_of(changed("claims", row, was=was), around)

    assert told and all(text not in json.dumps(one.told()) for one in told)
