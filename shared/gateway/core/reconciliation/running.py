"""One reconciliation of one practice: its rows read, its findings compared with those that are kept, its report.

Bounded by the practice's rows: nothing is asked of Open Dental. Whoever is cut off leaves findings that are true and a
report that is the former one; the next run does all of it again, and what stands already is not stored twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.core.errors import BaaMissing, NotFound
from gateway.core.hashing import canonical_hash
from gateway.core.ids import row_ids
from gateway.core.mirror.syncing import Phase, Wanted
from gateway.core.reconciliation import journal
from gateway.core.reconciliation.aging import Aged
from gateway.core.reconciliation.books import NEEDED, Books
from gateway.core.reconciliation.finding import ACTIONS, OPEN, RESOLVED, Evidence, Found, Kept, finding_id
from gateway.core.reconciliation.ports import PART, Report
from gateway.core.reconciliation.rules import find
from gateway.core.reconciliation.settings import DEFAULT, Settings
from gateway.core.reconciliation.text import money
from gateway.core.walltime import instant_text

if TYPE_CHECKING:
    from gateway.core.mirror.syncing import Standing
    from gateway.core.ports import Services
    from gateway.core.practices import Practice

_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What a run came to. `code`: why there was none (`mirror-off`, `mirror-incomplete`, `mirror-changed`,
    `not-found`, `baa-missing`, `superseded`); `missing`: resources that are not here as a whole."""

    practice_id: str
    code: str | None = None
    as_of: date | None = None
    rows: int = 0
    opened: int = 0
    resolved: int = 0
    changed: int = 0
    open: int = 0
    missing: tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether there is a report of this run."""
        return self.code is None

    @property
    def is_retryable(self) -> bool:
        """Whether the same run may come to more at once."""
        return self.code in {"superseded", "mirror-changed"}


def reconcile(practice_id: str, *, on: Services, settings: Settings = DEFAULT) -> Reconciled:
    """Reconcile a practice as of its office's day. Raises: Unavailable."""
    try:
        practice = _practice(practice_id, on)
    except NotFound:
        return Reconciled(practice_id, "not-found")
    except BaaMissing:
        return Reconciled(practice_id, "baa-missing")
    before = on.syncs.standing(practice_id)
    if (refusal := why_not(before)) is not None:
        return replace(refusal, practice_id=practice_id)
    was = on.reconciliations.report(practice_id)
    as_of = on.clock.now().astimezone(practice.zone()).date()
    books = read_books(practice_id, as_of, on=on)
    after = on.syncs.standing(practice_id)
    if why_not(after) is not None or after.epoch != before.epoch:
        # What was read may be of two databases, or half of one.
        return Reconciled(practice_id, "mirror-changed", as_of)
    now = on.clock.now()
    found = find(books, settings)
    result = _settle(practice_id, found, as_of=as_of, now=now, on=on)
    report, parts = _report(practice_id, books, found, now, was)
    if not on.reconciliations.publish(practice_id, report, parts, was=was):
        return replace(result, code="superseded", as_of=as_of)
    return replace(result, as_of=as_of, rows=books.taken)


def _practice(practice_id: str, on: Services) -> Practice:
    practice = on.practices.get(practice_id)
    if practice.state != "active":
        raise NotFound("no such practice")
    if not practice.is_open(on.clock.now().date()):
        raise BaaMissing("no current business associate agreement is on record for this practice")
    return practice


def why_not(standing: Standing) -> Reconciled | None:
    """Why a practice cannot be reconciled: without all of its money, everything that is missing would be a finding."""
    if standing.wanted is Wanted.OFF:
        return Reconciled("", "mirror-off")
    here = standing.resources
    missing = tuple(name for name in NEEDED if name not in here or here[name].phase is not Phase.LOADED)
    return Reconciled("", "mirror-incomplete", missing=missing) if missing else None


def read_books(practice_id: str, as_of: date, *, on: Services) -> Books:
    """The practice's books, resource by resource and page by page."""
    books = Books(as_of)
    for resource in NEEDED:
        after: int | None = None
        while page := on.records.page(practice_id, resource, after=after, limit=_AT_ONCE):
            books.take(resource, (one.row for one in page))
            after = page[-1].key
            if len(page) < _AT_ONCE:
                break
    return books


# -- findings ---------------------------------------------------------------------------------------------------------


def _settle(practice_id: str, found: Sequence[Found], *, as_of: date, now: datetime, on: Services) -> Reconciled:
    """Open what is new or back, change what is different, resolve what is gone. Who changed one meanwhile has newer
    rows: what he kept stays."""
    new = {finding_id(practice_id, one.kind, one.subject): one for one in found}
    kept = {one.id: one for one in all_kept(practice_id, on=on)}
    counts = Counter[str]()
    for id_, one in new.items():
        was = kept.get(id_)
        made = shown(id_, one, practice_id=practice_id, was=was, as_of=as_of, now=now)
        if was is not None and was.is_open and was.body["version"] == made.body["version"]:
            continue
        if on.reconciliations.keep(practice_id, made, was=was, at=now):
            counts["changed" if was is not None and was.is_open else "opened"] += 1
    for id_, was in kept.items():
        if was.is_open and id_ not in new:
            gone = replace(was, state=RESOLVED, body=_resolved(was.body, as_of=as_of, now=now))
            counts["resolved"] += on.reconciliations.keep(practice_id, gone, was=was, at=now)
    return Reconciled(
        practice_id,
        opened=counts["opened"],
        resolved=counts["resolved"],
        changed=counts["changed"],
        open=len(new),
    )


def all_kept(practice_id: str, *, on: Services) -> Iterable[Kept]:
    """All findings that are kept of a practice."""
    after: str | None = None
    while page := on.reconciliations.page(practice_id, after=after, limit=_AT_ONCE):
        yield from page
        after = page[-1].id
        if len(page) < _AT_ONCE:
            return


def shown(id_: str, one: Found, *, practice_id: str, was: Kept | None, as_of: date, now: datetime) -> Kept:
    """A finding as it is kept: `was` what is kept of it so far."""
    ids = _Ids(practice_id)
    said: dict[str, Any] = {
        "id": id_,
        "practice_id": practice_id,
        "kind": str(one.kind),
        "severity": str(one.severity),
        "state": OPEN,
        "amount": money(one.amount),
        "opened_on": one.opened_on.isoformat(),
        "patient_id": ids("patient", one.patient),
        "family_id": ids("patient", one.family),
        "claim_id": ids("claim", one.claim),
        "payment_id": ids("payment", one.payment),
        "procedure_id": ids("procedure", one.procedure),
        "carrier_id": ids("carrier", one.carrier),
        "evidence": [_evidence(piece, ids) for piece in one.evidence],
        "evidence_more": one.evidence_more,
        "explanation": one.explanation,
        "next_action": {"code": one.action, "text": ACTIONS[one.action]},
    }
    before: Mapping[str, Any] = {} if was is None else was.body
    is_new_episode = was is not None and not was.is_open
    body = said | {
        "version": canonical_hash(said),
        "as_of": as_of.isoformat(),
        "first_seen_at": instant_text(now) if was is None or is_new_episode else before["first_seen_at"],
        "resolved_at": None,
        "episode": before.get("episode", 0) + is_new_episode if was is not None else 1,
    }
    places = {name: body[name] for name in ("patient_id", "claim_id") if body[name]}
    return Kept(id_, OPEN, body, places=places)


def _resolved(body: Mapping[str, Any], *, as_of: date, now: datetime) -> dict[str, Any]:
    said = {**body, "state": RESOLVED, "as_of": as_of.isoformat(), "resolved_at": instant_text(now)}
    changing = {"version", "as_of", "first_seen_at", "resolved_at", "episode"}
    return said | {"version": canonical_hash({name: value for name, value in said.items() if name not in changing})}


class _Ids:
    """Ids of a practice's rows; None for key 0."""

    def __init__(self, practice_id: str) -> None:
        self._practice_id = practice_id

    def __call__(self, kind: str, key: int) -> str | None:
        return row_ids(kind, self._practice_id)(key) if key else None


_OBJECTS: Final = {"claim_payment": "payment"}
"""Carriers' payments are payments to whoever asks."""


def _evidence(piece: Evidence, ids: _Ids) -> dict[str, Any]:
    object_ = _OBJECTS.get(piece.object, piece.object)
    return {
        "object": object_,
        "object_id": ids(object_, -piece.key if piece.object == "claim_payment" else piece.key),
        "field": piece.field,
        "amount": None if piece.amount is None else money(piece.amount),
        "date": None if piece.day is None else piece.day.isoformat(),
        "why": piece.why,
    }


# -- the report -------------------------------------------------------------------------------------------------------


def _report(
    practice_id: str, books: Books, found: Sequence[Found], now: datetime, was: Report | None
) -> tuple[Report, dict[str, list[Any]]]:
    parts: dict[str, list[Any]] = {
        "aging/patient": _aged(books.aged_patients),
        "aging/family": _aged(books.aged_families, pending=books.pending_of_family),
        "aging/carrier": _aged(books.aged_carriers),
    }
    parts |= {f"journal/{month}": lines for month, lines in journal.by_month(books, practice_id).items()}
    before = {} if was is None else was.parts
    named = {name: _named(those, before.get(name), now) for name, those in parts.items()}
    report = Report(
        as_of=books.as_of,
        ran_at=now,
        plan_rule=str(books.plan_rule),
        rows=books.taken,
        counts=Counter(str(one.kind) for one in found),
        practice={**_amounts(books.aged_practice), "pending": sum(books.pending_of_family.values())},
        parts=named,
    )
    return report, parts


def _named(rows: list[Any], before: tuple[str, int] | None, now: datetime) -> tuple[str, int]:
    """Under which version a part is kept, and in how many pieces: under the former one where it says the same.

    A version never comes back, so that nobody who tidies up late takes away what is there again.
    """
    digest = canonical_hash(rows)[:16]
    if before is not None and before[0].partition(".")[0] == digest:
        return before
    return f"{digest}.{int(now.timestamp() * 1e6)}", -(-len(rows) // PART)


def _aged(of: Mapping[int, Aged], *, pending: Mapping[int, int] | None = None) -> list[dict[str, Any]]:
    """In the order of keys; who owes nothing, is owed nothing and waits for nothing is left out."""
    pending = pending or {}
    found = []
    for number in sorted(of.keys() | pending.keys()):
        amounts = {**_amounts(of.get(number, Aged())), "pending": pending.get(number, 0)}
        if any(amounts.values()):
            found.append({"key": number, **amounts})
    return found


def _amounts(aged: Aged) -> dict[str, int]:
    return {
        "days_0_30": aged.days_0_30,
        "days_31_60": aged.days_31_60,
        "days_61_90": aged.days_61_90,
        "days_over_90": aged.days_over_90,
        "upcoming": aged.upcoming,
        "credit": aged.credit,
        "balance": aged.balance,
    }
