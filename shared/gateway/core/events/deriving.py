"""A stored change of a row -> the events that it is. Pure: the same change always is the same events.

Each change of a row that events are of is at least one event; rows of a first load are none, for nothing has happened.
What a type says of its own is told once: `updated` comes for what no other type explains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeAlias

from gateway.core import ids
from gateway.core.drift.changes import changes_between
from gateway.core.events.changes import Row, RowChange, Was
from gateway.core.events.event import Cause, Event, event_id
from gateway.core.events.event_types import SUBJECTS
from gateway.core.events.facts import (
    BAA,
    DUE_RECALLS,
    FINDINGS,
    INTAKE,
    MERGES,
    MESSAGES,
    MIRROR,
    OPERATIONS,
    PRACTICE,
    WEB_SCHED,
    WEBHOOKS,
)
from gateway.core.mirror.records import LOAD
from gateway.core.normalize import appointment, claim, insurance_payment, patient, patient_payment, procedure
from gateway.core.normalize.appointments import CANCELLED, MISSED
from gateway.core.normalize.desk import communication, recall
from gateway.core.normalize.office import Office, office
from gateway.core.normalize.treatment import treatment_plan
from gateway.core.normalize.values import day, key
from gateway.core.office_words import NO_WORDS, OfficeWords
from gateway.core.practices import Practice

Shown: TypeAlias = Mapping[str, Any]

_CAUSES: Final = {one.value: one for one in Cause}
_UNCOMPARED: Final = frozenset({"id", "source", "practice_id", "updated_at", "synced_at", "version", "deleted_at"})
_NOTHING: Final[Shown] = {}
_LATELY: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Around:
    """What a change is read with: the practice, what its office means by its words, and the mirror's living rows."""

    practice: Practice
    words: OfficeWords = NO_WORDS
    get: Callable[[str, int], Row | None] = lambda _resource, _number: None
    under: Callable[[str, str, int], Iterable[Row]] = lambda _resource, _column, _number: ()


@dataclass(frozen=True, slots=True)
class Diff:
    """An object before and after. `before` is empty where it was not there, or nobody knows what it was."""

    change: RowChange
    before: Shown
    after: Shown
    changed: frozenset[str]

    def became(self, name: str, value: object) -> bool:
        """Whether a field has this value and had another, or the object is new."""
        return bool(self.after.get(name) == value and (not self.before or self.before.get(name) != value))


@dataclass(frozen=True, slots=True)
class Told:
    """What one type says of a change. `explains`: the fields that `updated` need not tell any more."""

    type: str
    explains: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Kind:
    """How rows of a resource become events."""

    show: Callable[[Row, Around, datetime], Shown]
    created: str | None
    updated: str
    deleted: str
    tell: Callable[[Diff], Iterable[Told]] = lambda _: ()
    """What has happened beside that something changed; of a new object, what it is already."""
    gone: str | None = None
    """The word of status that means deleted."""

    @property
    def object(self) -> str:
        """The object that the rows are."""
        return self.updated.partition(".")[0]


def events_of(change: RowChange, around: Around) -> list[Event]:
    """The events of a change; none for rows of a first load, and for those that no event is of."""
    if change.cause == LOAD:
        return []
    if change.resource in _OWN:
        return _OWN[change.resource](change, around)
    found: list[Event] = []
    if (kind := KINDS.get(change.resource)) is not None:
        diff = _diff(change, kind, around)
        found += [_event(told, diff) for told in _told(diff, kind)]
    for elsewhere in _ELSEWHERE.get(change.resource, ()):
        found += elsewhere(change, around)
    return found


def _diff(change: RowChange, kind: _Kind, around: Around) -> Diff:
    after = kind.show(change.row, around, change.stored_at)
    if change.before is None:
        return Diff(change, _NOTHING, after, frozenset())
    before = kind.show(change.before, around, change.stored_at)
    names = (before.keys() | after.keys()) - _UNCOMPARED
    return Diff(change, before, after, frozenset(name for name in names if before.get(name) != after.get(name)))


def _told(diff: Diff, kind: _Kind) -> Iterator[Told]:
    change = diff.change
    is_gone = change.is_dead or (kind.gone is not None and diff.after.get("status") == kind.gone)
    was_gone = change.was is Was.BURIED or (kind.gone is not None and diff.before.get("status") == kind.gone)
    if is_gone:
        # What was never seen but as deleted is nothing that anybody knew of.
        if not was_gone and change.was is not Was.NOTHING:
            yield Told(kind.deleted)
    elif change.was is Was.UNSEEN or was_gone:
        yield Told(kind.updated)
    elif change.was is Was.NOTHING:
        if kind.created is not None:
            yield Told(kind.created)
        others = list(kind.tell(diff))
        yield from others
        if kind.created is None and not others:
            yield Told(kind.updated)
    elif change.before is None:
        yield Told(kind.updated)
    else:
        others = list(kind.tell(diff))
        yield from others
        # A change of what the object does not show is one all the same: whoever reads raw rows wants to know.
        if not others or diff.changed.difference(*(one.explains for one in others)):
            yield Told(kind.updated)


def _event(told: Told, diff: Diff) -> Event:
    subject = SUBJECTS[told.type.partition(".")[0]]
    return _made(
        diff.change,
        told.type,
        object_id=diff.after["id"],
        occurred_at=_when(diff),
        changed=tuple(sorted(diff.changed)),
        before={name: diff.before[name] for name in subject.told if name in diff.before},
        after={name: diff.after[name] for name in subject.told if name in diff.after},
        related={name: diff.after[name] for name in subject.related if diff.after.get(name)},
    )


def _made(
    change: RowChange,
    type_: str,
    *,
    object_id: str,
    occurred_at: datetime | None = None,
    changed: tuple[str, ...] = (),
    before: Shown = _NOTHING,
    after: Shown = _NOTHING,
    related: Mapping[str, str] | None = None,
    what: str | None = None,
    state: str | int | None = None,
) -> Event:
    """An event of a change; `what` and `state` where several rows tell one thing, so that it is told once."""
    of_ours = change.resource == OPERATIONS
    return Event(
        id=event_id(change.practice_id, what or change.what, type_, change.seq if state is None else state),
        type=type_,
        occurred_at=occurred_at or change.stored_at,
        detected_at=change.stored_at,
        practice_id=change.practice_id,
        object=type_.partition(".")[0],
        object_id=object_id,
        sequence=change.seq,
        cause=_cause(change),
        changed=changed,
        before=before,
        after=after,
        related=related or {},
        correlation_id=change.correlation_id or (change.row.get("correlation_id") if of_ours else None),
    )


_ASKED_FOR: Final = frozenset({INTAKE, MERGES, WEB_SCHED})
"""Facts of the office's, not the gateway's: it was asked for them, as for any change."""


def _cause(change: RowChange) -> Cause:
    if change.was is Was.UNSEEN:
        return Cause.RECOVERY
    return Cause.POLL if change.resource in _ASKED_FOR else _CAUSES.get(change.cause, Cause.GATEWAY)


def _when(diff: Diff) -> datetime:
    """When it happened, by the row's own stamp where the change moved it; a burial moves none."""
    stamp, noticed = diff.after.get("updated_at"), diff.change.stored_at
    if diff.change.is_dead or not stamp or stamp == diff.before.get("updated_at"):
        return noticed
    # Their clock may be ahead of ours, and nothing is noticed before it has happened.
    return min(datetime.fromisoformat(stamp), noticed)


# What happens to an object, by what its own row says

_TIMES: Final = frozenset(
    {
        "start_at", "end_at", "local_start", "local_end", "local_ambiguous", "local_nonexistent", "time_zone",
        "unscheduled_from",
    }
)  # fmt: skip
_STATUS: Final = frozenset({"status", "status_source"})
_HAPPENS: Final = {
    "arrived": Told("appointment.arrived", _STATUS | {"arrived_at", "confirmation"}),
    "in_chair": Told("appointment.seated", _STATUS | {"arrived_at", "seated_at", "confirmation"}),
    "completed": Told("appointment.completed", _STATUS | {"arrived_at", "seated_at", "dismissed_at"}),
}
_BROKEN: Final = frozenset({"broken", "no_show", "cancelled"})
"""A visit's words for that it was broken; which of them is known where the office charts it, before or after."""


def _of_visit(diff: Diff) -> Iterator[Told]:
    start = diff.after.get("start_at")
    if diff.before and start is not None and start != diff.before.get("start_at"):
        yield Told("appointment.rescheduled", _TIMES)
    for word, told in _HAPPENS.items():
        if diff.became("status", word):
            yield told
    if diff.after.get("status") in _BROKEN and diff.before.get("status") not in _BROKEN:
        yield Told("appointment.broken", _STATUS)
    confirmation = _word(diff.after, "confirmation")
    if diff.before and confirmation == "confirmed" and _word(diff.before, "confirmation") != confirmation:
        yield Told("appointment.confirmed", frozenset({"confirmation"}))


def _word(shown: Shown, name: str) -> str | None:
    found = (shown.get(name) or {}).get("status")
    return found if isinstance(found, str) else None


def _of_procedure(diff: Diff) -> Iterator[Told]:
    if diff.became("status", "planned"):
        yield Told("procedure.planned", _STATUS | {"planned_on", "performed_on"})
    if diff.became("status", "completed"):
        yield Told("procedure.completed", _STATUS | {"performed_on"})


def _of_claim(diff: Diff) -> Iterator[Told]:
    dates = _STATUS | {"sent_on", "received_on"}
    if diff.became("status", "sent"):
        yield Told("claim.sent", dates)
    elif diff.became("status", "received"):
        yield Told("claim.received", dates)
    elif diff.before and "status" in diff.changed:
        yield Told("claim.status_changed", dates)


_OWED: Final = frozenset(
    "BalTotal EstBalance InsEst Bal_0_30 Bal_31_60 Bal_61_90 BalOver90 PayPlanDue".split()  # noqa: SIM905
)
"""Columns of a patient's row that the program reckons: https://www.opendental.com/site/apipatients.html."""


def _of_patient(diff: Diff) -> Iterator[Told]:
    was, row = diff.change.before, diff.change.row
    if was is None:
        return
    moved = {name for name in _OWED if was.get(name) != row.get(name)}
    if moved:
        # What the row alone shows of it explains a change of nothing else.
        yield Told("balance.changed", frozenset({"balances"}))


def _of_plan(diff: Diff) -> Iterator[Told]:
    if diff.became("is_signed", value=True):
        yield Told("treatment_plan.accepted", frozenset({"is_signed", "signed_at", "signed_by"}))


# What a row says of another object


def _denied(change: RowChange, around: Around) -> Iterator[Event]:
    """A claim is denied by what its lines say, whichever of the rows comes last; once for each day it was answered."""
    number = key(change.row.get("ClaimNum"))
    if not number or change.is_dead:
        return
    row = change.row if change.resource == "claims" else around.get("claims", number)
    if row is None or row.get("ClaimStatus") != "R":
        return
    lines = list(around.under("claimprocs", "ClaimNum", number))
    shown = claim(row, practice=around.practice, synced_at=change.stored_at, lines=lines)
    if shown["is_denied"] is True and (change.was is not Was.UNSEEN or _is_recent(shown["received_on"], change)):
        yield _made(
            change,
            "claim.denied",
            object_id=shown["id"],
            changed=("is_denied",),
            after={name: shown[name] for name in SUBJECTS["claim"].told},
            related={name: shown[name] for name in SUBJECTS["claim"].related if shown.get(name)},
            what=f"claims#{number}",
            state=str(shown["received_on"]),
        )


def _is_recent(said: str | None, change: RowChange) -> bool:
    """Whether a day is one of those that the log has: what is told late, and nobody saw, may be long known else."""
    return said is not None and change.stored_at.date() - date.fromisoformat(said) <= _LATELY


def _related(resource: str, number: int, change: RowChange, around: Around) -> dict[str, str]:
    """Whom and what an object is about whose own row did not change: by that row, as far as the mirror has it."""
    row = around.get(resource, number)
    kind = KINDS[resource]
    shown = _NOTHING if row is None else kind.show(row, around, change.stored_at)
    found = {name: shown[name] for name in SUBJECTS[kind.object].related if shown.get(name)}
    patient_ = key(change.row.get("PatNum"))
    if "patient_id" in SUBJECTS[kind.object].related and "patient_id" not in found and patient_:
        found["patient_id"] = office(around.practice).patient(patient_)
    return found


def _of_line(change: RowChange, around: Around) -> Iterator[Event]:
    """A line that changed or went changes its claim, and the payment that it is on. New ones come with either."""
    before = change.before
    if before is None or change.was is not Was.LIVING:
        return
    here = office(around.practice)
    number = key(change.row.get("ClaimNum"))
    if number and number == key(before.get("ClaimNum")):
        yield _made(
            change,
            "claim.updated",
            object_id=here.claim(number),
            changed=("lines",),
            related=_related("claims", number, change, around),
        )
    for payment in sorted({key(before.get("ClaimPaymentNum")), key(change.row.get("ClaimPaymentNum"))} - {0}):
        yield _made(
            change,
            "insurance_payment.updated",
            object_id=here.payment(ids.insurance_payment_key(payment)),
            changed=("allocations",),
            related=_related("claimpayments", payment, change, around),
            what=f"{change.what}#{payment}",
        )


def _of_split(change: RowChange, around: Around) -> Iterator[Event]:
    """A split that changed or went changes its payment. New ones come with it."""
    number = key(change.row.get("PayNum"))
    if change.was is Was.LIVING and number:
        here = office(around.practice)
        yield _made(
            change,
            "payment.updated",
            object_id=here.payment(number),
            changed=("allocations",),
            related=_related("payments", number, change, around),
        )


_BROKE: Final = {MISSED: "appointment.no_show", CANCELLED: "appointment.cancelled"}


def _how_it_broke(change: RowChange, around: Around) -> Iterator[Event]:
    """The visit's own row says that it was broken, and the code that the office charts with it, how."""
    type_ = _BROKE.get(str(change.row.get("procCode")))
    number = key(change.row.get("AptNum"))
    is_late = change.was is Was.UNSEEN and _is_recent(day(change.row.get("ProcDate")), change)
    if type_ is None or not number or change.is_dead or not (change.was is Was.NOTHING or is_late):
        return
    if is_late and change.row.get("ProcStatus") != "C":
        return
    yield _made(
        change,
        type_,
        object_id=office(around.practice).appointment(number),
        changed=() if is_late else ("status",),
        before={} if is_late else {"status": "broken"},
        after={"status": type_.partition(".")[2]},
        related=_related("appointments", number, change, around),
        what=f"appointments#{number}",
        # The charted code is what happened: a later state of its row is not another miss.
        state=change.what,
    )


def _moved(change: RowChange, around: Around) -> Iterator[Event]:
    """Work, visits and claims become another patient's when two patients are merged, and hardly otherwise."""
    before = change.before
    if before is None or change.is_dead:
        return
    was, now = key(before.get("PatNum")), key(change.row.get("PatNum"))
    if was and now and was != now:
        here = office(around.practice)
        yield _made(
            change,
            "patient.merge_suspected",
            object_id=here.patient(was),
            related={"into_patient_id": here.patient(now)},
            what=f"patients#{was}",
            state=f"into {now}",
        )


# What is no row of Open Dental's


def _of_operation(change: RowChange, _: Around) -> list[Event]:
    row = change.row
    type_ = f"operation.{row['state']}"
    after = {"state": row["state"], "kind": row["kind"]}
    return [_made(change, type_, object_id=str(row["id"]), changed=("state",), after=after, related=_whose(row))]


_OF_KEYS: Final = {
    "rotated": "practice.key_rotated",
    "waiting": "practice.rotation_waiting",
    "failed": "practice.rotation_failed",
}


def _of_practice(change: RowChange, _: Around) -> list[Event]:
    """`{"state": "offline" | "online"}` under the key `connection`; the agreement's end under `baa`; how the last
    exchange of keys stands under `key`; what it can do under `capabilities`, by which way it is called under `way`."""
    practice_id, was, row = change.practice_id, change.before or {}, change.row
    if change.key == BAA:
        after = {name: row[name] for name in ("expires_on", "days_left")}
        return [_made(change, "practice.baa_expiring", object_id=practice_id, changed=(), after=after)]
    if change.key == "connection":
        # An office that has always answered is nothing new.
        if change.was is Was.NOTHING and row["state"] == "online":
            return []
        before = {"state": was["state"]} if "state" in was else {}
        after = {"state": row["state"]}
        type_ = f"practice.{row['state']}"
        return [_made(change, type_, object_id=practice_id, changed=("state",), before=before, after=after)]
    if change.key == "key":
        return [_made(change, _OF_KEYS[row["state"]], object_id=practice_id)]
    return list(_of_capabilities(change))


def _of_capabilities(change: RowChange) -> Iterator[Event]:
    """More may have become known of the practice than was, without a change."""
    if change.was is Was.NOTHING:
        return
    changes = [] if change.before is None else changes_between(change.before, change.row)
    if changes or change.before is None:
        changed = tuple(sorted({one.part for one in changes}))
        said = tuple({"code": one.code, "explanation": one.explanation} for one in changes)
        made = _made(change, "practice.capabilities_changed", object_id=change.practice_id, changed=changed)
        yield replace(made, changes=said)


def _of_due_recall(change: RowChange, around: Around) -> list[Event]:
    row = change.row
    here, patient_ = office(around.practice), key(row.get("PatNum"))
    if change.is_dead:
        return []
    return [
        _made(
            change,
            "recall.due",
            object_id=here.recall(key(row.get("RecallNum"))),
            after={"due_on": row["due_on"]},
            related={"patient_id": here.patient(patient_)} if patient_ else {},
        )
    ]


def _of_finding(change: RowChange, _: Around) -> list[Event]:
    """Opened where it was not there or was resolved, resolved where it was open; what else changes of it is no news."""
    row, subject = change.row, SUBJECTS["finding"]
    was = None if change.before is None else change.before.get("state")
    if change.is_dead or not row.get("id") or row["state"] == (was or "resolved"):
        return []
    type_ = "finding.opened" if row["state"] == "open" else "finding.resolved"
    return [
        _made(
            change,
            type_,
            object_id=str(row["id"]),
            changed=("state",),
            before={} if was is None else {"state": was},
            after={name: row[name] for name in subject.told},
            related={name: row[name] for name in subject.related if row.get(name)},
        )
    ]


def _of_mirror(change: RowChange, _: Around) -> list[Event]:
    if change.is_dead or change.row.get("state") != "loaded":
        return []
    return [_made(change, "sync.loaded", object_id=change.practice_id)]


def _of_webhook(change: RowChange, _: Around) -> list[Event]:
    if change.is_dead or change.row.get("state") != "disabled":
        return []
    after = {"state": "disabled", "reason": change.row["reason"]}
    type_, id_ = "webhook.disabled", str(change.key)
    return [_made(change, type_, object_id=id_, changed=("state",), after=after, related=_whose(change.row))]


def _whose(row: Row) -> dict[str, str]:
    """The client that alone is shown it."""
    return {"client_id": str(row["client_id"])} if "client_id" in row else {}


def _of_merge(change: RowChange, around: Around) -> list[Event]:
    """The office's own record of a merge; the patient who was merged stays, archived."""
    here, was, now = office(around.practice), key(change.row.get("PatNumFrom")), key(change.row.get("PatNumTo"))
    if change.is_dead or not was or not now:
        return []
    row = around.get("patients", was)
    shown = _NOTHING if row is None else KINDS["patients"].show(row, around, change.stored_at)
    return [
        _made(
            change,
            "patient.merged",
            object_id=here.patient(was),
            after={name: shown[name] for name in SUBJECTS["patient"].told if name in shown},
            related={"into_patient_id": here.patient(now)},
        )
    ]


def _of_form(change: RowChange, around: Around) -> list[Event]:
    """A sheet that came as a web form, or that waits on a tablet no more. What the staff wrote is no form of a
    patient's."""
    row, patient_ = change.row, key(change.row.get("PatNum"))
    waited = change.before is not None and change.before.get("state") == "waiting"
    is_web_form = bool(row.get("is_web_form")) and change.before is None
    if change.is_dead or row.get("state") != "here" or not patient_ or not (waited or is_web_form):
        return []
    whose = office(around.practice).patient(patient_)
    kind = "tablet" if waited else "web_form"
    related = {"patient_id": whose, "intake_id": ids.row_id("intake", around.practice.id, key(row.get("SheetNum")))}
    return [_made(change, "intake.received", object_id=whose, after={"kind": kind}, related=related)]


_DUE_AS: Final = {
    "reminder": "reminder.due",
    "recall": "recall_outreach.due",
    "payment_request": "payment_request.due",
    "after_visit": "after_visit.due",
}
"""By kind of message: the event that says that one may be sent."""


def _of_message(change: RowChange, around: Around) -> list[Event]:
    """A message to a patient that may be sent, or must not be sent any more. Its text is asked for by its id."""
    row = change.row
    if change.is_dead or row.get("state") not in {"due", "withdrawn"}:
        return []
    kind, about = str(row["kind"]), str(row["subject_id"])
    is_due = row["state"] == "due"
    related = {"patient_id": office(around.practice).patient(key(row.get("PatNum"))), "rule_id": str(row["rule_id"])}
    if kind in {"reminder", "after_visit"}:
        related["appointment_id"] = about
    elif kind == "recall":
        related["recall_id"] = about
    told = {"kind": kind}
    if is_due and row.get("expire_at"):
        told["expire_at"] = str(row["expire_at"])
    if not is_due and row.get("reason"):
        told["reason"] = str(row["reason"])
    type_ = _DUE_AS[kind] if is_due else "message.withdrawn"
    return [_made(change, type_, object_id=str(row["id"]), after=told, related=related)]


_ON_LINE: Final = {"Recall": "recall", "NewPat": "new_patient", "ExistingPat": "existing_patient", "ASAP": "asap"}
"""Open Dental's words for how a visit was booked on line: https://www.opendental.com/site/apiappointments.html."""


def _of_booking(change: RowChange, around: Around) -> list[Event]:
    number, subject = key(change.row.get("AptNum")), SUBJECTS["web_sched"]
    if change.is_dead or not number:
        return []
    row = around.get("appointments", number)
    shown = _NOTHING if row is None else KINDS["appointments"].show(row, around, change.stored_at)
    shown = {**shown, "kind": _ON_LINE.get(str(change.row.get("way")), "other")}
    return [
        _made(
            change,
            "web_sched.booked",
            object_id=office(around.practice).appointment(number),
            after={name: shown[name] for name in subject.told if name in shown},
            related={name: shown[name] for name in subject.related if shown.get(name)},
        )
    ]


def _visit(row: Row, around: Around, at: datetime) -> Shown:
    """A visit, and of a broken one how it broke: by the codes that are charted with it, as the API says it."""
    charted = list(around.under("procedurelogs", "AptNum", key(row.get("AptNum")))) if _is_broken(row) else []
    shown = appointment(row, practice=around.practice, synced_at=at, words=around.words, procedures=charted or None)
    # Whether its work is among what changed, its own row does not say.
    return {name: value for name, value in shown.items() if name != "procedure_ids"}


def _is_broken(row: Row) -> bool:
    return row.get("AptStatus") == "Broken"


_Elsewhere: TypeAlias = Callable[[RowChange, Around], Iterable[Event]]

_OWN: Final[Mapping[str, Callable[[RowChange, Around], list[Event]]]] = {
    OPERATIONS: _of_operation,
    PRACTICE: _of_practice,
    DUE_RECALLS: _of_due_recall,
    FINDINGS: _of_finding,
    INTAKE: _of_form,
    MERGES: _of_merge,
    MESSAGES: _of_message,
    WEB_SCHED: _of_booking,
    MIRROR: _of_mirror,
    WEBHOOKS: _of_webhook,
}

_ELSEWHERE: Final[Mapping[str, tuple[_Elsewhere, ...]]] = {
    "appointments": (_moved,),
    "procedurelogs": (_how_it_broke, _moved),
    "claims": (_denied, _moved),
    "claimprocs": (_of_line, _denied),
    "paysplits": (_of_split,),
}

KINDS: Final[Mapping[str, _Kind]] = {
    "appointments": _Kind(
        _visit,
        "appointment.created", "appointment.updated", "appointment.deleted", _of_visit,
    ),
    "procedurelogs": _Kind(
        lambda row, around, at: procedure(row, practice=around.practice, synced_at=at),
        None, "procedure.updated", "procedure.deleted", _of_procedure, gone="deleted",
    ),
    "claims": _Kind(
        lambda row, around, at: claim(row, practice=around.practice, synced_at=at),
        "claim.created", "claim.updated", "claim.deleted", _of_claim,
    ),
    "payments": _Kind(
        lambda row, around, at: patient_payment(row, practice=around.practice, synced_at=at, splits=None)
        | _payer(row, around),
        "payment.posted", "payment.updated", "payment.voided",
    ),
    "claimpayments": _Kind(
        lambda row, around, at: insurance_payment(row, practice=around.practice, synced_at=at, lines=None),
        "insurance_payment.posted", "insurance_payment.updated", "insurance_payment.voided",
    ),
    "patients": _Kind(
        lambda row, around, at: patient(row, practice=around.practice, synced_at=at) | _own_patient(row, around),
        "patient.created", "patient.updated", "patient.deleted", _of_patient, gone="deleted",
    ),
    "recalls": _Kind(
        lambda row, around, at: recall(row, practice=around.practice, synced_at=at),
        "recall.created", "recall.updated", "recall.deleted",
    ),
    "treatplans": _Kind(
        lambda row, around, at: treatment_plan(row, practice=around.practice, synced_at=at),
        "treatment_plan.created", "treatment_plan.updated", "treatment_plan.deleted", _of_plan,
    ),
    "commlogs": _Kind(
        lambda row, around, at: communication(row, practice=around.practice, synced_at=at),
        "communication.logged", "communication.updated", "communication.deleted",
    ),
}  # fmt: skip
"""Resources that events are of, by the catalogue's name."""


TOLD_OF: Final = tuple(dict.fromkeys((*KINDS, *_ELSEWHERE)))
"""Resources whose rows' changes are told, as their own or as another object's."""


def _payer(row: Row, around: Around) -> dict[str, str]:
    number = key(row.get("PatNum"))
    return {"patient_id": office(around.practice).patient(number)} if number else {}


def _own_patient(row: Row, around: Around) -> dict[str, str]:
    """A balance's event names the patient as any other event does."""
    here: Office = office(around.practice)
    return {"patient_id": here.patient(key(row.get("PatNum")))}
