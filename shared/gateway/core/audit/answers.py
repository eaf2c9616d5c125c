"""The entries of one answer: whom it shows, at which practices. Pure rules.

Whom an answer shows is read from the answer itself, as the text that leaves, so that no handler can forget to say it:
ids carry their kind and their practice (`core.ids`), raw rows carry Open Dental's own keys of patients. Whoever is
asked after is shown as well where the answer is there: rows may not say whose they are, and that somebody has none is
an answer, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from gateway.core.audit import MOST_PATIENTS, AuditEntry, Phase
from gateway.core.ids import new_id, row_id

KEYS_OF_PATIENTS: Final = (
    "PatNum",
    "Guarantor",
    "SuperFamily",
    "Subscriber",
    "ResponsParty",
    "PatNumChild",
    "PatNumGuardian",
)
"""Columns of Open Dental's that hold the key of a patient, which raw rows show in snake case as well; a test holds them
to the catalogue."""

_REFUSED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
"""Answers that say no to whoever asks after somebody: that it was tried is in the trail with whom it was about."""

_PATIENT = re.compile(r"pat[_-]([a-z2-7]{29})")
_NAMED = re.compile(r"\b(?:prac[_-]([a-z2-7]{16})\b|[a-z]{2,4}[_-]([a-z2-7]{16})[a-z2-7]{13}(?:[a-z2-7]{13})?\b)")
_COLUMNS = frozenset(name.casefold() for name in KEYS_OF_PATIENTS)
_SPELLED = "|".join(re.sub(r"(?<=[a-z])(?=[A-Z])", "_?", name) for name in KEYS_OF_PATIENTS)
_RAW = re.compile(rf'"(?:{_SPELLED})":"?[0-9]', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Shown:
    """An answer, as far as its entries tell of it. `patient_ids`: whom it shows beside those its text names; `asked`:
    whom the request names.
    """

    status: int
    text: str = ""
    """The body as it leaves."""
    code: str | None = None
    served_from: str | None = None
    operation_id: str | None = None
    practices: tuple[str, ...] = ()
    """Those that it is of, as far as the handler says."""
    patient_ids: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as its entries tell of it. `own` are the client's practices, `named` those that it names."""

    client_id: str
    own: Collection[str]
    named: Collection[str]
    action: str
    request_id: str
    purpose: str | None
    at: datetime
    correlation_id: str | None = None
    source_ip: str | None = None
    on_behalf_of: str | None = None

    def entry(self, practice_id: str | None, **more: Any) -> AuditEntry:
        """An entry of it in the trail of a practice, or in the client's own."""
        return AuditEntry(
            id=new_id("audit_entry"),
            practice_id=practice_id,
            at=self.at,
            client_id=self.client_id,
            action=self.action,
            request_id=self.request_id,
            purpose=self.purpose,
            correlation_id=self.correlation_id,
            source_ip=self.source_ip,
            on_behalf_of=self.on_behalf_of,
            **more,
        )

    @property
    def places(self) -> list[str]:
        """The client's practices that it is meant for: those that it names, or the only one that the client has."""
        if self.named:
            return sorted(one for one in self.named if one in self.own)
        return list(self.own) if len(self.own) == 1 else []


def entries(shown: Shown, asked: Asked) -> list[AuditEntry]:
    """What the trails have to say of an answer: an entry for each practice, in parts where it shows many patients.

    Where an answer is of no practice of the client's, its one entry lies in the client's own trail; so does whom a
    refused request named of a practice that is not the client's.
    """
    own = asked.own
    practices = [one for one in shown.practices if one in own]
    found = dict.fromkeys(shown.patient_ids)
    is_refused = shown.status in _REFUSED
    if shown.status == HTTPStatus.OK or is_refused:
        found |= dict.fromkeys(shown.asked)
    found |= dict.fromkeys(patients_in(shown.text, practices[0] if len(practices) == 1 else None))
    by_practice: dict[str | None, list[str]] = {}
    for id_ in found:
        of = practice_of(id_)
        by_practice.setdefault(of if of in own else None, []).append(id_)
    # An error says nothing of a practice; it is told where the request was meant for, whomever it names besides.
    for practice in practices or ([] if by_practice and not is_refused else asked.places):
        by_practice.setdefault(practice, [])
    made: list[AuditEntry] = []
    for practice_id, ids in (by_practice or {None: []}).items():
        cut = [ids[start : start + MOST_PATIENTS] for start in range(0, len(ids), MOST_PATIENTS)] or [[]]
        made += [
            asked.entry(
                practice_id,
                status=shown.status,
                code=shown.code,
                served_from=shown.served_from,
                operation_id=shown.operation_id,
                patient_ids=tuple(some),
                part=number,
                parts=len(cut),
            )
            for number, some in enumerate(cut, start=1)
        ]
    return made


def intents(asked: Asked) -> list[AuditEntry]:
    """What the trails have to say of a request to change something, before anything of it is done."""
    places: list[str | None] = [*asked.places]
    return [asked.entry(practice_id, phase=Phase.INTENT) for practice_id in places or [None]]


def practices_in(text: str) -> frozenset[str]:
    """The practices that a text names, by their own ids or by those of their rows."""
    return frozenset(f"prac_{own or of}" for own, of in _NAMED.findall(text))


def practice_of(patient_id: str) -> str:
    """The practice whose a patient is: 80 bits of practice are the first 16 characters behind the prefix."""
    return f"prac_{patient_id[4:20]}"


def patients_named(text: str) -> tuple[str, ...]:
    """The patients whom any text names by their ids, each once."""
    return tuple(dict.fromkeys(f"pat_{one}" for one in _PATIENT.findall(text)))


def patients_by_key(keys: Mapping[str, Any], practice_id: str) -> tuple[str, ...]:
    """The patients whom keys of Open Dental's name, each by its column, in the vendor's spelling or in ours."""
    return tuple(_by_key(keys, practice_id))


def patients_in(text: str, practice_id: str | None = None) -> list[str]:
    """The patients whom JSON text names, each once: by id, as FHIR writes ids, in addresses, and by key in raw rows.

    `practice_id` is whose the rows are where nothing in the text says it.
    """
    found = dict.fromkeys(patients_named(text))
    if _RAW.search(text):
        found |= dict.fromkeys(_by_key(json.loads(text), practice_id))
    return list(found)


def _by_key(value: Any, practice_id: str | None) -> Iterator[str]:
    if isinstance(value, Mapping):
        of = value.get("practice_id")
        practice_id = of if isinstance(of, str) and practices_in(of) else practice_id
        for name, one in value.items():
            if name.replace("_", "").casefold() in _COLUMNS and practice_id is not None and (key := _key(one)):
                yield row_id("patient", practice_id, key)
            yield from _by_key(one, practice_id)
    elif isinstance(value, list):
        for one in value:
            yield from _by_key(one, practice_id)


def _key(value: Any) -> int | None:
    """A key, quoted or not; a `Subscriber` may be a name."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 20 and int(text) < 2**63 else None
