"""Writes `events/types/`: `python -m tests.unit.gateway.events.record`.

Of each type its schema, and a sample: what a rule's target gets when the row that stands here has changed. Samples are
derived as all events are, so nobody can write one that never comes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from gateway.adapters.events.bus import EventBridgeBus
from gateway.core.events.changes import RowChange, Was
from gateway.core.events.deriving import Around, events_of
from gateway.core.events.event import Event
from gateway.core.events.event_types import TYPES
from gateway.core.events.facts import (
    BAA,
    DUE_RECALLS,
    FINDINGS,
    INTAKE,
    KINDS,
    MERGES,
    MESSAGES,
    MIRROR,
    OPERATIONS,
    PRACTICE,
    WEB_SCHED,
    WEBHOOKS,
)
from gateway.core.events.schemas import schema_of
from gateway.core.office_words import OfficeWords, Table
from gateway.core.practices import Practice, Tier
from gateway.core.walltime import instant_text

FOLDER: Final = Path(__file__).parents[4] / "events" / "types"
PRACTICE_ID: Final = "prac_aaaaaaaaaaaaaaaa"
AT: Final = datetime(2026, 11, 18, 18, 0, tzinfo=UTC)

_OFFICE: Final = Practice(
    id=PRACTICE_ID,
    name="Elm Street Dental",
    time_zone="America/Chicago",
    tier=Tier.STANDARD,
    version="25.3.12.0",
    key_fingerprint="f" * 32,
)
_WORDS: Final = OfficeWords(
    {
        Table.DEFINITIONS: [{"DefNum": 19, "ItemName": "New", "category": "ApptConfirmed", "isHidden": "false"}],
        Table.PREFERENCES: [{"PrefName": "ApptEConfirmStatusAccepted", "ValueString": "21"}],
    }
)
Row = Mapping[str, Any]

_UNSET: Final = "2026-12-01 00:00:00"
_VISIT: Final[Row] = {
    "AptNum": 7, "PatNum": 3, "AptStatus": "Scheduled", "Pattern": "//XX//", "Confirmed": 19, "confirmed": "New",
    "Op": 2, "ProvNum": 1, "ProvHyg": 0, "AptDateTime": "2026-12-01 09:00:00", "DateTStamp": "2026-11-18 11:58:00",
    "DateTimeArrived": _UNSET, "DateTimeSeated": _UNSET, "DateTimeDismissed": _UNSET, "ClinicNum": 1,
    "Note": "Marker, Zoe is afraid",
}  # fmt: skip
_WORK: Final[Row] = {
    "ProcNum": 9, "PatNum": 3, "AptNum": 7, "ProcStatus": "TP", "procCode": "D2391", "ProcFee": "250.00", "ProvNum": 1,
    "ClinicNum": 1, "ProcDate": "2026-11-18", "DateTP": "2026-11-18", "DateTStamp": "2026-11-18 11:58:00",
}  # fmt: skip
_CLAIM: Final[Row] = {
    "ClaimNum": 5, "PatNum": 3, "ClaimType": "P", "ClaimStatus": "U", "ClaimFee": "250.00", "InsPayAmt": "0.00",
    "DateService": "2026-11-10", "DateSent": "0001-01-01", "DateReceived": "0001-01-01", "InsSubNum": 4, "PlanNum": 2,
    "SecDateTEdit": "2026-11-18 11:58:00",
}  # fmt: skip
_ANSWERED: Final = {**_CLAIM, "ClaimStatus": "R", "DateSent": "2026-11-11", "DateReceived": "2026-11-18"}
_DENYING: Final[Row] = {
    "ClaimProcNum": 6, "ClaimNum": 5, "PatNum": 3, "ProcNum": 9, "Status": "Received", "InsPayAmt": "0.00",
    "ClaimAdjReasonCodes": "CO-96",
}  # fmt: skip
_PAYMENT: Final[Row] = {
    "PayNum": 61, "PatNum": 3, "PayAmt": "62.00", "PayType": 5, "PayDate": "2026-11-18", "DateEntry": "2026-11-18",
    "ClinicNum": 1, "PayNote": "Marker",
}  # fmt: skip
_CHECK: Final[Row] = {
    "ClaimPaymentNum": 4, "CheckAmt": "62.00", "CheckDate": "2026-11-17", "SecDateEntry": "2026-11-18", "ClinicNum": 1,
    "CarrierName": "Marker Mutual",
}  # fmt: skip
_PERSON: Final[Row] = {
    "PatNum": 3, "LName": "Marker", "FName": "Zoe", "PatStatus": "Patient", "Guarantor": 2, "BalTotal": "10.00",
    "EstBalance": "10.00", "WirelessPhone": "555-555-0100", "DateTStamp": "2026-11-18 11:58:00", "ClinicNum": 1,
}  # fmt: skip
_RECALL: Final[Row] = {
    "RecallNum": 8, "PatNum": 3, "DateDue": "2026-12-01", "DateScheduled": "0001-01-01", "DatePrevious": "2026-06-01",
    "Note": "Marker", "DateTStamp": "2026-11-18 11:58:00",
}  # fmt: skip
_PLAN: Final[Row] = {
    "TreatPlanNum": 2, "PatNum": 3, "TPStatus": "Saved", "Heading": "Marker", "DateTP": "2026-11-18",
    "DateTSigned": "0001-01-01 00:00:00", "isSigned": "false", "SecDateTEdit": "2026-11-18 11:58:00",
}  # fmt: skip
_SIGNED: Final = {**_PLAN, "isSigned": "true", "DateTSigned": "2026-11-18 11:57:00", "Signature": "x"}
_CONTACT: Final[Row] = {
    "CommlogNum": 1, "PatNum": 3, "Note": "Marker", "CommDateTime": "2026-11-18 10:00:00",
    "DateTStamp": "2026-11-18 11:58:00",
}  # fmt: skip
_DONE: Final[Row] = {"id": "opn_aaaaaaaaaaaaaaaa", "kind": "appointments.create", "client_id": "cli_aaaaaaaaaaaaaaaa"}
_OF: Final = "a" * 28
_MESSAGE: Final[Row] = {
    "id": f"msg_{'a' * 42}",
    "state": "due",
    "kind": "reminder",
    "round": 1,
    "rule_id": f"rul_{_OF}e",
    "subject_id": f"appt_{_OF}o",
    "PatNum": 3,
    "expire_at": "2026-11-19T06:00:00Z",
    "reason": None,
}
_DISABLED: Final[Row] = {
    "id": "whk_aaaaaaaaaaaaaaaa", "state": "disabled", "reason": "failing", "client_id": "cli_aaaaaaaaaaaaaaaa",
}  # fmt: skip
_FINDING: Final[Row] = {
    "id": "fnd_aaaaaaaaaaaaaaaaaaaaaaaaaaaaq", "kind": "claim_silent", "severity": "medium", "state": "open",
    "patient_id": "pat_aaaaaaaaaaaaaaaaaaaaaaaaaaaag", "family_id": "pat_aaaaaaaaaaaaaaaaaaaaaaaaaaaae",
    "claim_id": "clm_aaaaaaaaaaaaaaaaaaaaaaaaaaaak", "carrier_id": "car_aaaaaaaaaaaaaaaaaaaaaaaaaaaai",
    "amount": {"amount": "62.00", "currency": "USD"}, "explanation": "Marker",
}  # fmt: skip

_CHANGES: Final[Mapping[str, tuple[str, Row | None, Row | None]]] = {
    "appointment.created": ("appointments", None, _VISIT),
    "appointment.updated": ("appointments", _VISIT, {**_VISIT, "Op": 3}),
    "appointment.rescheduled": ("appointments", _VISIT, {**_VISIT, "AptDateTime": "2026-12-02 10:00:00"}),
    "appointment.confirmed": ("appointments", _VISIT, {**_VISIT, "Confirmed": 21, "confirmed": "Confirmed"}),
    "appointment.arrived": ("appointments", _VISIT, {**_VISIT, "DateTimeArrived": "2026-12-01 08:55:00"}),
    "appointment.seated": ("appointments", _VISIT, {**_VISIT, "DateTimeSeated": "2026-12-01 09:01:00"}),
    "appointment.completed": ("appointments", _VISIT, {**_VISIT, "AptStatus": "Complete"}),
    "appointment.broken": ("appointments", _VISIT, {**_VISIT, "AptStatus": "Broken"}),
    "appointment.no_show": ("procedurelogs", None, {**_WORK, "procCode": "D9986", "ProcStatus": "C"}),
    "appointment.cancelled": ("procedurelogs", None, {**_WORK, "procCode": "D9987", "ProcStatus": "C"}),
    "appointment.deleted": ("appointments", _VISIT, None),
    "procedure.planned": ("procedurelogs", None, _WORK),
    "procedure.updated": ("procedurelogs", _WORK, {**_WORK, "ProcFee": "260.00"}),
    "procedure.completed": ("procedurelogs", _WORK, {**_WORK, "ProcStatus": "C"}),
    "procedure.deleted": ("procedurelogs", _WORK, {**_WORK, "ProcStatus": "D"}),
    "claim.created": ("claims", None, _CLAIM),
    "claim.updated": ("claims", _CLAIM, {**_CLAIM, "InsPayEst": "20.00"}),
    "claim.sent": ("claims", _CLAIM, {**_CLAIM, "ClaimStatus": "S", "DateSent": "2026-11-18"}),
    "claim.received": ("claims", {**_CLAIM, "ClaimStatus": "S"}, _ANSWERED),
    "claim.status_changed": ("claims", _CLAIM, {**_CLAIM, "ClaimStatus": "W"}),
    "claim.denied": ("claimprocs", {**_DENYING, "Status": "NotReceived"}, _DENYING),
    "claim.deleted": ("claims", _CLAIM, None),
    "payment.posted": ("payments", None, _PAYMENT),
    "payment.updated": ("payments", _PAYMENT, {**_PAYMENT, "PayDate": "2026-11-17"}),
    "payment.voided": ("payments", _PAYMENT, None),
    "insurance_payment.posted": ("claimpayments", None, _CHECK),
    "insurance_payment.updated": ("claimpayments", _CHECK, {**_CHECK, "CheckAmt": "60.00"}),
    "insurance_payment.voided": ("claimpayments", _CHECK, None),
    "patient.created": ("patients", None, _PERSON),
    "patient.updated": ("patients", _PERSON, {**_PERSON, "WirelessPhone": "555-555-0101"}),
    "patient.merged": (MERGES, None, {"PatNumFrom": 3, "PatNumTo": 4}),
    "patient.merge_suspected": ("procedurelogs", _WORK, {**_WORK, "PatNum": 4}),
    "patient.deleted": ("patients", _PERSON, {**_PERSON, "PatStatus": "Deleted"}),
    "balance.changed": ("patients", _PERSON, {**_PERSON, "BalTotal": "20.00"}),
    "recall.due": (DUE_RECALLS, None, {"RecallNum": 8, "PatNum": 3, "due_on": "2026-11-18"}),
    "recall.created": ("recalls", None, _RECALL),
    "recall.updated": ("recalls", _RECALL, {**_RECALL, "DateScheduled": "2026-12-03"}),
    "recall.deleted": ("recalls", _RECALL, None),
    "treatment_plan.created": ("treatplans", None, _PLAN),
    "treatment_plan.updated": ("treatplans", _PLAN, {**_PLAN, "Heading": "Other"}),
    "treatment_plan.accepted": ("treatplans", _PLAN, _SIGNED),
    "treatment_plan.deleted": ("treatplans", _PLAN, None),
    "communication.logged": ("commlogs", None, _CONTACT),
    "communication.updated": ("commlogs", _CONTACT, {**_CONTACT, "Note": "Other"}),
    "communication.deleted": ("commlogs", _CONTACT, None),
    "web_sched.booked": (WEB_SCHED, None, {"AptNum": 7, "way": "NewPat"}),
    "intake.received": (INTAKE, None, {"SheetNum": 1, "PatNum": 3, "state": "here", "is_web_form": True}),
    "practice.offline": (PRACTICE, {"state": "online"}, {"state": "offline"}),
    "practice.online": (PRACTICE, {"state": "offline"}, {"state": "online"}),
    "practice.capabilities_changed": (PRACTICE, {"version": "25.3.12.0"}, {"version": "25.4.3.0"}),
    "practice.key_rotated": (PRACTICE, None, {"state": "rotated", "rotation_id": "rot_mfxgc3tporuwg33o"}),
    "practice.rotation_waiting": (PRACTICE, None, {"state": "waiting", "rotation_id": "rot_mfxgc3tporuwg33o"}),
    "practice.rotation_failed": (PRACTICE, None, {"state": "failed", "rotation_id": "rot_mfxgc3tporuwg33o"}),
    "practice.baa_expiring": (PRACTICE, None, {"id": BAA, "expires_on": "2027-01-17", "days_left": 60}),
    "operation.succeeded": (OPERATIONS, None, {**_DONE, "state": "succeeded"}),
    "operation.failed": (OPERATIONS, None, {**_DONE, "state": "failed"}),
    "operation.unknown": (OPERATIONS, None, {**_DONE, "state": "unknown"}),
    "sync.loaded": (MIRROR, None, {"state": "loaded", "epoch": 1}),
    "webhook.disabled": (WEBHOOKS, None, _DISABLED),
    "finding.opened": (FINDINGS, None, _FINDING),
    "finding.resolved": (FINDINGS, _FINDING, {**_FINDING, "state": "resolved"}),
    "reminder.due": (MESSAGES, None, _MESSAGE),
    "recall_outreach.due": (MESSAGES, None, {**_MESSAGE, "kind": "recall", "subject_id": f"rcl_{_OF}i"}),
    "payment_request.due": (MESSAGES, None, {**_MESSAGE, "kind": "payment_request", "subject_id": f"pat_{_OF}g"}),
    "after_visit.due": (MESSAGES, None, {**_MESSAGE, "kind": "after_visit"}),
    "message.withdrawn": (MESSAGES, _MESSAGE, {**_MESSAGE, "state": "withdrawn", "reason": "moved"}),
}
"""By type what it comes of: a resource, a row before (none: it is new) and after (none: it is gone)."""

_HERE: Final[Mapping[str, Row]] = {
    "appointments": _VISIT, "claims": _ANSWERED, "patients": {**_PERSON, "PatStatus": "Archived"},
}  # fmt: skip
"""What the mirror has beside what changed."""


def sample_events() -> Iterator[Event]:
    """One event of each type."""
    around = Around(_OFFICE, _WORDS, get=lambda resource, _: _HERE.get(resource), under=lambda *_: [_DENYING])
    for number, type_ in enumerate(TYPES):
        at = AT + timedelta(seconds=number)
        seq = int(at.timestamp()) * 1_000_000
        resource, before, after = _CHANGES[type_]
        row = after or before or {}
        of_practice = "capabilities" if "version" in row else "key" if "rotation_id" in row else "connection"
        key = row.get("id") or of_practice
        change = RowChange(
            PRACTICE_ID,
            resource,
            key if resource in KINDS else next(iter(row.values())),
            seq,
            row,
            Was.NOTHING if before is None else Was.LIVING,
            is_dead=after is None,
            cause="gateway" if resource in KINDS else "sweep" if after is None else "poll",
            stored_at=at,
            before=before,
        )
        yield next(one for one in events_of(change, around) if one.type == type_)


def on_the_bus(event: Event) -> dict[str, Any]:
    """What EventBridge hands to a rule's target: what the gateway puts, in its own envelope."""
    (entry,) = _Listening().entries_of(event)
    return {
        "version": "0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, event.id)),
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": "111122223333",
        "time": instant_text(entry["Time"]),
        "region": "us-east-1",
        "resources": entry.get("Resources", []),
        "detail": json.loads(entry["Detail"]),
    }


class _Listening:
    """EventBridge's client; keeps what it is asked to put."""

    def __init__(self) -> None:
        self._entries: list[dict[str, Any]] = []

    def entries_of(self, event: Event) -> list[dict[str, Any]]:
        client: Any = self
        EventBridgeBus(client, bus_name="bus").put([event])
        return self._entries

    def put_events(self, **asked: Any) -> dict[str, Any]:
        self._entries += asked["Entries"]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in asked["Entries"]]}


def files() -> dict[str, str]:
    """What lies in `events/types/`: by name, each file's text."""
    found = {f"{type_}.schema.json": schema_of(type_) for type_ in TYPES}
    found |= {f"{one.type}.json": on_the_bus(one) for one in sample_events()}
    return {name: json.dumps(content, indent=2) + "\n" for name, content in found.items()}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    wanted = files()
    for old in FOLDER.glob("*.json"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
