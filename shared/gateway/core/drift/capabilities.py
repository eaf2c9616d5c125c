"""`GET /practices/{id}/capabilities`: what works at a practice, by what is known of it. No call of Open Dental."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gateway.core import pacing
from gateway.core.access import allow
from gateway.core.baa.protected import is_protected
from gateway.core.callers import Caller, Verb
from gateway.core.capability import PRICE_TIERS, require
from gateway.core.drift.abilities import ABILITIES, Ability
from gateway.core.drift.known import Known, Seen
from gateway.core.drift.words import REACHED, Reason, lacking, several, without_permission
from gateway.core.errors import PermissionMissing, VersionTooOld
from gateway.core.fhir_source import reads_by_fhir
from gateway.core.mirror.syncing import Phase, PracticeSync, Wanted
from gateway.core.ports import PaceView, Services
from gateway.core.practices import Mode, Practice
from gateway.core.queries.statement import PERMISSION, may_query
from gateway.core.walltime import instant_text, optional_instant_text
from open_dental import catalogue

WORKS: Final = "works"
LIMITED: Final = "limited"
NOT: Final = "not"

_BAA: Final = Reason(
    "baa-missing",
    "no current agreement (BAA) is on record, without which nothing protected is read or written",
    "put one on record",
)
_LOCAL: Final = Reason(
    "mode",
    REACHED[Mode.LOCAL],
    "install Open Dental's API service or use its eConnector, and connect the practice as service or remote",
)
_NO_DROP: Final = Reason(
    "needs-sftp",
    "Open Dental sends files to an SFTP server of this deployment's own, and it has none",
    "deploy the stage with one",
)
_QUERIES_OFF: Final = Reason(
    "queries-off", "the operator does not let the office be asked by SQL", "PATCH /practices/{id}/sync queries: on"
)
_BY_FHIR: Final = Reason(
    "by-fhir",
    "read by Open Dental's FHIR side, which has much less of each row, few filters and no pages",
)
_TROUBLES: Final[Mapping[str, Reason]] = {
    "killed": Reason(
        "calls-stopped", "an operator has stopped all calls of this practice", "PATCH /practices/{id} calls: allowed"
    ),
    "key-refused": Reason(
        "key-refused",
        "Open Dental refuses the practice's API key; it is tried once an hour",
        "the office has to allow the key again, or be connected with another",
    ),
    "offline": Reason(
        "practice-offline",
        "the practice does not answer; it is tried every minute",
        "the office's server, its eConnector and its internet have to run",
    ),
    "failing": Reason("failing", "Open Dental's answers for this practice make no sense; it is tried again by itself"),
}


def capabilities_of(practice_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """What works there: scope `practices:read`. No health data, so that no agreement is asked for.

    Raises: NotFound, ScopeMissing.
    """
    practice = allow(caller, practice_id, "practices", Verb.READ, on=on, protected=False)
    now = on.clock.now()
    return capabilities_view(
        practice,
        known=on.drifts.load(practice.id),
        odd=on.drifts.odd(practice.id, now=now),
        state=on.syncs.load(practice.id),
        pace=on.paces.view(practice.id),
        has_files=on.has_drop,
        is_agreed=practice.is_open(now.date()),
    )


def capabilities_view(
    practice: Practice,
    *,
    known: Known,
    odd: Iterable[Seen],
    state: PracticeSync,
    pace: PaceView,
    has_files: bool,
    is_agreed: bool,
) -> dict[str, Any]:
    """As it is shown (`objects.capabilities`). `has_files`: whether the stage has an SFTP server of its own."""
    trouble = _TROUBLES.get("killed" if pace.killed else pace.trouble or "")
    loaded = frozenset(name for name, of in state.resources.items() if of.phase is Phase.LOADED)
    here = loaded if state.wanted is not Wanted.OFF else frozenset[str]()
    shown = [
        _shown(one, practice, here, has_files=has_files, is_agreed=is_agreed, trouble=trouble) for one in ABILITIES
    ]
    return {
        "practice_id": practice.id,
        "as_of": optional_instant_text(known.looked_at),
        "version": practice.version,
        "mode": practice.mode.value,
        "reached": REACHED[practice.mode],
        "upstream": practice.upstream,
        "pace": {
            "tier": practice.tier.value,
            "floor_seconds": pacing.floor_of(practice),
            "interval_seconds": float(pace.interval_s),
            "page_limit": int(known.parts.get("page_limit") or practice.page_limit),
        },
        "queries": _queries(practice),
        "permissions": [
            {"name": name, "has": name in practice.permissions if practice.permissions else None, "price": price}
            for name, price in PRICE_TIERS.items()
        ],
        "clinics": known.parts.get("clinics_count"),
        "capabilities": shown,
        "differences": [_difference(one) for one in odd],
    }


def _queries(practice: Practice) -> str:
    if not practice.queries:
        return "off"
    return "on" if may_query(practice) else "not-allowed"


def _shown(
    one: Ability,
    practice: Practice,
    here: frozenset[str],
    *,
    has_files: bool,
    is_agreed: bool,
    trouble: Reason | None,
) -> dict[str, Any]:
    reads = [id_ for id_ in one.needs if catalogue.operation(id_).effect == "read"]
    is_read_only = len(reads) == len(one.needs) and bool(reads)
    is_mirrored = is_read_only and {id_.partition(".")[0] for id_ in reads} <= here
    by_fhir = any(reads_by_fhir(practice, id_.partition(".")[0]) for id_ in reads)
    stops = _stops(one, practice, has_files=has_files, is_agreed=is_agreed)
    less = [_BAA] if one.is_raw and not is_agreed else []
    less += _less(one, practice)
    if by_fhir:
        less.append(_BY_FHIR)
    if trouble is not None:
        # What is in the mirror is answered all the same, and grows old.
        (less if is_mirrored else stops).append(trouble)
    return {
        "name": one.name,
        "routes": list(one.routes),
        "does": one.does,
        "state": NOT if stops else LIMITED if less else WORKS,
        "read_by": None if not reads else "fhir" if by_fhir else "rest",
        "is_mirrored": is_mirrored,
        "reasons": [
            {"code": reason.code, "explanation": reason.explanation, "remedy": reason.remedy}
            for reason in dict.fromkeys([*stops, *less])
        ],
    }


def _stops(one: Ability, practice: Practice, *, has_files: bool, is_agreed: bool) -> list[Reason]:
    """Why it does not work at all."""
    found = [reason for id_ in one.needs if (reason := lacking(practice, id_)) is not None]
    if practice.mode is Mode.LOCAL:
        found.insert(0, _LOCAL)
    if not (is_agreed or one.is_raw) and is_protected(one.name.partition(".")[0]):
        found.append(_BAA)
    if one.takes_files and not has_files:
        found.append(_NO_DROP)
    return found


def _less(one: Ability, practice: Practice) -> list[Reason]:
    """What makes it less than it could be."""
    if one.is_raw:
        return _raw(practice)
    found: dict[Reason, list[str]] = {}
    for id_, what in one.helps.items():
        if (reason := lacking(practice, id_)) is not None:
            found.setdefault(reason, []).append(what)
    told = [
        Reason(reason.code, f"{reason.explanation}: {several(whats)}", reason.remedy) for reason, whats in found.items()
    ]
    if one.queries is not None and not may_query(practice):
        reason = without_permission(PERMISSION) if practice.queries else _QUERIES_OFF
        told.append(Reason(reason.code, f"{reason.explanation}: {one.queries}", reason.remedy))
    return told


def _raw(practice: Practice) -> list[Reason]:
    """Raw access is as many things as the catalogue has operations: what keeps how many of them from working."""
    lost: dict[str, int] = {}
    old = 0
    for name in catalogue.resources():
        for operation in catalogue.resource(name).operations:
            if operation.exposure == "closed" or operation.permission not in PRICE_TIERS:
                continue
            try:
                require(practice, operation.id)
            except PermissionMissing:
                lost[operation.permission] = lost.get(operation.permission, 0) + 1
            except VersionTooOld:
                old += 1
    told = []
    for permission, count in sorted(lost.items()):
        reason = without_permission(permission)
        told.append(Reason(reason.code, f"{reason.explanation}: {count} operations", reason.remedy))
    if old:
        told.append(
            Reason(
                "version-too-old",
                f"the office runs Open Dental {practice.version}, and {old} operations came later",
                "update Open Dental at the office",
            )
        )
    return told


def _difference(one: Seen) -> dict[str, Any]:
    return {
        "operation": one.odd.operation,
        "kind": one.odd.kind.value,
        "field": one.odd.field,
        "first_at": instant_text(one.first_at),
        "last_at": instant_text(one.last_at),
        "answers": one.count,
    }
