"""What the trail has to say before a ledger entry may be stored: of each write its intent, and what became of it.

Ids are made of what an entry tells, so that a turn that comes again after a crash adds nothing. Pure rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.core.audit import MOST_PATIENTS, AuditEntry, Phase
from gateway.core.audit.answers import KEYS_OF_PATIENTS, patients_in
from gateway.core.errors import AuditUnavailable
from gateway.core.hashing import canonical_hash
from gateway.core.ids import id_from, row_id
from gateway.core.json_text import to_json
from gateway.core.ledger import Entry, Step
from gateway.core.operations import StepState
from gateway.core.plans import UpstreamCall

if TYPE_CHECKING:
    from gateway.core.worker import WorkerServices

TRIES: Final = 4
AGAIN_S: Final = 1.0
"""How often and after which pause an outcome is told again to a trail that does not answer."""

_PHASES: Final[Mapping[StepState, Phase]] = {
    StepState.SENT: Phase.INTENT,
    StepState.DONE: Phase.DONE,
    StepState.REFUSED: Phase.REFUSED,
    StepState.UNKNOWN: Phase.UNKNOWN,
    StepState.NOT_DONE: Phase.NOT_DONE,
}


def before_save(entry: Entry, was: Entry, *, at: datetime) -> list[AuditEntry]:
    """What has to be in the trail before `entry` takes the place of `was`."""
    told = [
        about(entry, step.name, step.call, _PHASES[step.state], at=at, old=was.steps.get(step.name))
        for step in entry.steps.values()
        if _is_news(step, was.steps.get(step.name))
    ]
    taken_back = [step for step in was.steps.values() if step.name not in entry.steps]
    return told + [about(entry, step.name, step.call, Phase.NOT_SENT, at=at, old=step) for step in taken_back]


def about(
    entry: Entry, name: str, call: UpstreamCall, phase: Phase, *, at: datetime, old: Step | None = None
) -> AuditEntry:
    """One phase of a write. What settles a lost one is another entry than the answer that came in time."""
    of = entry.record
    read = [row for note in entry.journal if note.answer is not None for row in note.answer.rows]
    before = None if phase is Phase.INTENT or old is None else old.state
    answer = None if phase is not Phase.DONE or name not in entry.steps else entry.steps[name].answer
    return AuditEntry(
        id=id_from("audit_entry", canonical_hash([of.id, name, of.attempt, before, phase])),
        practice_id=of.request.practice_id,
        at=at,
        client_id=of.request.client_id,
        action=call.operation,
        # A write outlives the request that it came with; what they have in common is the operation.
        request_id=of.id,
        phase=phase,
        operation_id=of.id,
        correlation_id=of.request.correlation_id,
        step=name,
        patient_ids=_patients(
            of.request.practice_id,
            of.request.input,
            call,
            # A change is addressed by the row's key; whose the row is was read before.
            [*(row for row in read if _is_of(row, call)), *(answer.rows if answer else [])],
        ),
    )


def own_write(
    practice_id: str, call: UpstreamCall, phase: Phase, *, client_id: str, at: datetime, number: str
) -> AuditEntry:
    """One phase of a write that no operation of a caller's is about; `number` is the same in its phases."""
    return AuditEntry(
        id=id_from("audit_entry", canonical_hash([practice_id, call.operation, number, phase])),
        practice_id=practice_id,
        at=at,
        client_id=client_id,
        action=call.operation,
        request_id=number,
        phase=phase,
        patient_ids=_patients(practice_id, {}, call, []),
    )


def _is_news(step: Step, old: Step | None) -> bool:
    if old is None or old.state is not step.state:
        return True
    return step.state is StepState.SENT and (old.sent_at, old.sent_by) != (step.sent_at, step.sent_by)


def _is_of(row: Mapping[str, Any], call: UpstreamCall) -> bool:
    return bool(call.path) and all(str(row.get(name)) == str(key) for name, key in call.path.items())


def _patients(
    practice_id: str, asked: Mapping[str, Any], call: UpstreamCall, rows: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Whom the request, its call or the row that is written name."""
    found = dict.fromkeys(patients_in(to_json(asked), practice_id))
    for place in (call.path, call.query, call.body or {}, *rows):
        for name in KEYS_OF_PATIENTS:
            key = place.get(name)
            if isinstance(key, str) and key.isascii() and key.isdigit():
                key = int(key)
            if isinstance(key, int) and not isinstance(key, bool) and 0 < key < 2**63:
                found[row_id("patient", practice_id, key)] = None
    return tuple(found)[:MOST_PATIENTS]


class WriteTrail:
    """The trail as a worker's turn sees it: what it has told once it does not tell again."""

    def __init__(self, on: WorkerServices) -> None:
        self._on = on
        self._told: set[str] = set()

    def note(self, *told: AuditEntry, tries: int = 1) -> None:
        """Have `told` in the trail. Raises: AuditUnavailable."""
        for entry in told:
            for left in reversed(range(tries)):
                if entry.id in self._told:
                    break
                try:
                    self._on.audit.note(entry, once=True)
                    self._told.add(entry.id)
                except AuditUnavailable:
                    if not left:
                        raise
                    self._on.clock.sleep(AGAIN_S)

    def before_save(self, entry: Entry, was: Entry) -> None:
        """Have in the trail what must be there before `entry` takes the place of `was`.

        An answer that is here would be lost with this turn, and only evidence could tell what became of the write: so
        it is tried for some seconds.

        Raises: AuditUnavailable: `entry` must not be stored.
        """
        self.note(*before_save(entry, was, at=self._on.clock.now()), tries=TRIES)
