"""A part of the trails, on its way to where nobody can change it, and into the index by patient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from gateway.core.audit import AuditEntry, AuditIndex, Mention
from gateway.core.walltime import instant_text


@dataclass(frozen=True, slots=True)
class Added:
    """An entry as the trails' stream tells of it: when it was added, and which number it has there."""

    sequence: str
    added_at: datetime
    entry: AuditEntry


class Archive(Protocol):
    """Where entries lie for six years."""

    def keep(self, name: str, lines: Sequence[dict[str, Any]]) -> None:
        """Keep `lines` under `name`. The same again is one more version of the same."""
        ...


class ArchiveServices(Protocol):
    """What archiving asks."""

    @property
    def archive(self) -> Archive: ...
    @property
    def audit_index(self) -> AuditIndex: ...


def archive(added: Sequence[Added], on: ArchiveServices) -> None:
    """Keep a batch, then have it found by patient. All of it may be done again.

    Raises: Unavailable: it has to come again.
    """
    if not added:
        return
    on.archive.keep(name_of(added), [line_of(one) for one in added])
    on.audit_index.add(
        [mention for one in added for mention in mentions_of(one.entry)], up_to=max(one.added_at for one in added)
    )


def name_of(added: Sequence[Added]) -> str:
    """What a batch is called: the day it began on, its first and its last number. The same batch has the same name.

    A stream of DynamoDB's does not say which shard a record is of; its numbers are of no two shards.
    """
    return f"{added[0].added_at.astimezone(UTC):%Y/%m/%d}/{added[0].sequence}-{added[-1].sequence}.ndjson.gz"


def line_of(one: Added) -> dict[str, Any]:
    """An entry as it is archived: all of it."""
    return {"sequence": one.sequence, **shown(one.entry), "object_ids": list(one.entry.object_ids)} | (
        {"outcome": dict(one.entry.outcome)} if one.entry.outcome else {}
    )


def mentions_of(entry: AuditEntry) -> Iterator[Mention]:
    """What the index has of an entry: a line for each patient of its practice's.

    A client's own trail has ids as well that it asked after and that are no patients of its practices: those who look
    into the trail of such a patient are others, and what strangers guess is not told to them.
    """
    for patient_id in entry.patient_ids if entry.practice_id is not None else ():
        yield Mention(
            patient_id=patient_id,
            practice_id=entry.trail,
            at=entry.at,
            entry_id=entry.id,
            client_id=entry.client_id,
            action=entry.action,
            phase=entry.phase,
            purpose=entry.purpose,
            status=entry.status,
            request_id=entry.request_id,
            operation_id=entry.operation_id,
            correlation_id=entry.correlation_id,
            source_ip=entry.source_ip,
            on_behalf_of=entry.on_behalf_of,
        )


def shown(entry: AuditEntry) -> dict[str, Any]:
    """An entry as the API shows it."""
    return {
        "id": entry.id,
        "at": instant_text(entry.at),
        "practice_id": entry.practice_id,
        "client_id": entry.client_id,
        "action": entry.action,
        "phase": str(entry.phase),
        "purpose": entry.purpose,
        "status": entry.status,
        "code": entry.code,
        "served_from": entry.served_from,
        "request_id": entry.request_id,
        "operation_id": entry.operation_id,
        "step": entry.step,
        "patient_ids": list(entry.patient_ids),
        "part": entry.part,
        "parts": entry.parts,
        "group_id": entry.group_id,
        "agreement": entry.agreement,
        "correlation_id": entry.correlation_id,
        "source_ip": entry.source_ip,
        "on_behalf_of": entry.on_behalf_of,
        "actor": entry.actor,
    }
