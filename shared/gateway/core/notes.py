"""`notes`: what the staff write about patients in free text, for clients that have a scope for it.

Whatever leaves the house goes by here: every answer of the API (`web.app`) and whole objects of webhooks. Without the
scope each note is null, and versions are of what is left: by a hash of the whole row a guess could be proven. The
members are known by name, so that no section, no list and no new object is forgotten; the models in `objects/` mark
them as `Note`, and a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gateway.core.callers import Caller
from gateway.core.hashing import canonical_hash
from gateway.core.json_text import plain

SCOPE: Final = "notes"

MEMBERS: Final = frozenset({"note", "text"})
"""Members of our objects that are notes, beside all that end in `_note`, and what a task says."""

COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "apptfields": frozenset({"fieldvalue"}),
    "asapcomms": frozenset({"templatetext"}),
    "chartmodules": frozenset({"content", "description"}),
    "etransmessagetexts": frozenset({"messagetext"}),
    "labcases": frozenset({"instructions"}),
    "patfields": frozenset({"fieldvalue"}),
    "patientnotes": frozenset({"famfinancial", "medical", "service", "medicalcomp", "treatment"}),
    "popups": frozenset({"description"}),
    "rxpats": frozenset({"patientinstruction"}),
    "securitylogs": frozenset({"logtext"}),
    "sheetfields": frozenset({"fieldvalue"}),
    "signalods": frozenset({"msgvalue"}),
    "tasks": frozenset({"descript", "descriptoverride"}),
    "toothinitials": frozenset({"drawtext"}),
}
"""Resource -> columns of its raw rows that are notes, beside all that have `note` in their name."""

_OF_THE_READ: Final = frozenset({"version", "synced_at", "raw", "meta"})
_OF_A_TASK: Final = frozenset({"title", "description"})
_TASK: Final = "tsk_"
_TYPED: Final = frozenset({"choice", "date", "flag", "amount"})
"""Kinds of the office's own fields that are no free text."""
_OFFICE_FIELD: Final = ":office-field"
_FHIR_NOTES: Final = frozenset({"note", "comment", "payload"})
_FHIR_TYPES: Final = frozenset(
    {
        "Appointment",
        "Claim",
        "Communication",
        "Condition",
        "ExplanationOfBenefit",
        "MedicationStatement",
        "Patient",
        "Schedule",
    }
)
"""Those that have a place for notes."""
_REDACTED: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "REDACTED"}
"""https://hl7.org/fhir/R4/security-labels.html"""


def may_see_notes(caller: Caller) -> bool:
    """Whether the client has the scope; no wildcard has it."""
    return SCOPE in caller.client.scopes


def without_notes(body: Mapping[str, Any], *, resource: str | None = None) -> dict[str, Any]:
    """`body` with every note null, and with `meta.withheld` where it has a `meta` and a place for notes.

    `resource`: whose raw rows the body is made of; its members are the vendor's columns then.
    """
    found: list[str] = []
    left: dict[str, Any] = _rows(body, resource, found) if resource is not None else _objects(body, found)
    if found and isinstance(left.get("meta"), Mapping):
        # Also where there is none: that somebody wrote one is no business of the caller's either.
        left["meta"] = {**left["meta"], "withheld": [SCOPE]}
    return left


def fhir_without_notes(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A FHIR resource, or a Bundle of some, without elements that hold notes. What may have lost one is marked as
    redacted: whether it has is no business of the caller's."""
    left = dict(resource)
    if "entry" in left:
        left["entry"] = [_entry(one) for one in left["entry"]]
        return left
    lost = [name for name in left if name in _FHIR_NOTES or (name == "supportingInfo" and _is_told(left[name]))]
    for name in lost:
        del left[name]
    if free := [one for one in left.get("extension", ()) if _is_free_field(one)]:
        lost.append("extension")
        left["extension"] = [one for one in left["extension"] if one not in free]
    meta = dict(left.get("meta") or {})
    if "versionId" in meta:
        meta["versionId"] = _version(left, besides=frozenset({"meta"}))
    if lost or left.get("resourceType") in _FHIR_TYPES:
        meta["security"] = [*meta.get("security", ()), _REDACTED]
    return {**left, "meta": meta} if meta else left


def is_note(member: str, of: Mapping[str, Any] | None = None) -> bool:
    """Whether a member of an object of ours, which `of` is, is a note."""
    if member in _OF_A_TASK:
        return of is not None and str(of.get("id", "")).startswith(_TASK)
    return member in MEMBERS or member.endswith("_note")


def is_note_column(column: str, resource: str | None) -> bool:
    """Whether a column of a raw row is a note, in the vendor's spelling or in ours; where the `resource` is not known,
    whether it is one of any.
    """
    name = column.replace("_", "").lower()
    if "note" in name:
        # Keys of notes, and when they were written.
        return not name.endswith("num") and not name.startswith("date")
    if resource is None:
        return any(name in columns for columns in COLUMNS.values())
    return name in COLUMNS.get(resource, ())


def _objects(value: Any, found: list[str]) -> Any:
    if isinstance(value, Mapping):
        left = {name: _member(name, one, value, found) for name, one in value.items()}
        if isinstance(left.get("version"), str) and "source" in left:
            left["version"] = _version(left, besides=_OF_THE_READ)
        return left
    return [_objects(one, found) for one in value] if isinstance(value, list | tuple) else value


def _member(name: str, value: Any, of: Mapping[str, Any], found: list[str]) -> Any:
    if name == "raw":
        if isinstance(value, Mapping) and "resourceType" in value:
            # A row that was read by FHIR.
            found.append(name)
            return fhir_without_notes(value)
        return _rows(value, None, found)
    if is_note(name, of) and isinstance(value, str | None):
        found.append(name)
        return None
    if name == "extensions" and isinstance(value, list):
        found.append(name)
        return [one if one.get("kind") in _TYPED else {**one, "value": None} for one in value]
    if name == "result" and isinstance(value, Mapping) and {"resource", "row"} <= value.keys():
        # Of a raw write, whose operation is asked after.
        return _rows(value, value["resource"], found)
    return _objects(value, found)


def _version(shown: Mapping[str, Any], *, besides: frozenset[str]) -> str:
    """Stands for an object as it is shown, in the form of `normalize.values.content_version`."""
    return canonical_hash({name: one for name, one in shown.items() if name not in besides}, default=plain)[:32]


def _rows(value: Any, resource: str | None, found: list[str]) -> Any:
    if isinstance(value, list | tuple):
        return [_rows(one, resource, found) for one in value]
    if not isinstance(value, Mapping):
        return value
    left: dict[str, Any] = {}
    for name, one in value.items():
        if isinstance(one, str | None) and is_note_column(name, resource):
            found.append(name)
            left[name] = None
        else:
            left[name] = _rows(one, resource, found)
    return left


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {**entry, "resource": fhir_without_notes(entry["resource"])} if "resource" in entry else dict(entry)


def _is_free_field(extension: Mapping[str, Any]) -> bool:
    if not str(extension.get("url")).endswith(_OFFICE_FIELD):
        return False
    return not any(one.get("valueCode") in _TYPED for one in extension.get("extension", ()))


def _is_told(infos: Any) -> bool:
    return any("valueString" in one for one in infos or ())
