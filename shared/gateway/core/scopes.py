"""Every scope that a client can be given, and what it opens. Read by the command that makes clients and by the README.

What a use case asks for is said where it asks (`access.allow`); a test holds this list to all of these places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gateway.core.access import AUDIT, DOCUMENT_CONTENTS, EXPORTS, INTAKES, RESOURCES
from gateway.core.resources.twins import TWINS
from open_dental import catalogue

SCOPES: Final[Mapping[str, str]] = {
    "practices:connect": "connect new practices",
    "practices:read": "see the practices themselves, which FHIR calls Organizations",
    "practices.keys:write": "have practices' keys exchanged, see the new ones, and call that off",
    "practices.calls:write": "stop all calls of practices, allow them again, and say by which ways they are called",
    "practices.offboard:write": "remove practices for good, with all that is kept of them",
    "practices.baa:write": "record and close practices' agreements, without which no patient's data is touched",
    "groups:read": "see groups of practices",
    "groups:write": "make, change and delete groups of practices",
    "workflows:read": "see runs of workflows and their steps",
    "workflows:write": "start workflows whose steps the client could do itself, stop and restart them",
    f"{EXPORTS}:read": "see exports of practices, how far they are and what files came of them",
    f"{EXPORTS}:write": "have practices' objects exported to the deployment's warehouse",
    "events:read": "see what happened to those objects that other scopes show",
    "webhooks:read": "see the client's webhooks and what was delivered there",
    "webhooks:write": "make, change, try and delete webhooks, and have events sent again",
    "webhooks.full:approve": "approve webhooks of other clients for whole objects, and take that back",
    "sync:read": "see how far mirrors are",
    "sync:write": "turn mirrors on, pause them and turn them off",
    "*:read": f"all that end in :read, but not {DOCUMENT_CONTENTS}:read, {INTAKES}:read, {RESOURCES}:read, "
    f"{EXPORTS}:read and {AUDIT}:read",
    f"{AUDIT}:read": "see who saw or changed what, for operators",
    "patients:read": "find and read patients",
    "patients:write": "add and change patients",
    "patients.ssn": "see patients' social security numbers, beside patients:read",
    "patients.match": "find one person at several practices of a group, beside patients:read at each of them",
    "notes": "see what the staff write about patients in free text, beside the scopes of the objects it stands in",
    "appointments:read": "read visits",
    "appointments:write": "book, change and cancel visits, and hold times",
    "slots:read": "find free times",
    "schedules:read": "read who works when",
    "procedures:read": "read procedures",
    "procedures:write": "chart and change procedures",
    "treatment_plans:read": "read treatment plans",
    "perio_exams:read": "read exams of the gums",
    "allergies:read": "read allergies",
    "medications:read": "read medications",
    "conditions:read": "read problems",
    "claims:read": "read claims",
    "claims:write": "make claims and move them on",
    "coverages:read": "read insurance coverage",
    "payments:read": "read patients' and carriers' payments",
    "payments:write": "enter and refund payments",
    "adjustments:read": "read adjustments",
    "payment_plans:read": "read payment plans",
    "balances:read": "read what families owe",
    "reconciliation:read": "see what does not add up in a practice's money, balances by age, and its journal",
    "communications:read": "read contacts with patients",
    "communications:write": "log contacts with patients",
    "messages:read": "see rules and messages to patients, with text and address",
    "messages:write": "claim messages to patients, and say what came of them",
    "messages.rules:write": "make, change and delete rules by which patients are written to",
    "recalls:read": "read recalls",
    "recalls:write": "change recalls",
    "audiences:read": "see audiences and how people in them may be reached, beside what their filters look at",
    "audiences:write": "ask for audiences and delete them, beside the same",
    f"{INTAKES}:read": "read the forms that patients filled in, beside patients:read",
    f"{INTAKES}:write": "approve and dismiss what forms propose, beside patients:write",
    "tasks:read": "read the staff's tasks",
    "task_lists:read": "read the lists that tasks lie in",
    "documents:read": "read what lies in patients' folders",
    f"{DOCUMENT_CONTENTS}:read": "get the files themselves, beside documents:read",
    "providers:read": "read who works there",
    "locations:read": "read the practice's clinics",
    "operatories:read": "read the chairs",
    "carriers:read": "read insurance companies",
    "definitions:read": "read the words that the office defines",
    "appointment_types:read": "read kinds of visit",
    "procedure_codes:read": "read procedure codes",
    "recall_types:read": "read kinds of recall",
    f"{RESOURCES}:read": "read raw rows",
}
"""Scope -> what a client with it may do. Each raw write has one of its own beside these: `is_raw_write`."""

RAW_WRITE: Final = f"{RESOURCES}:{{operation}}"
"""How the scope of a raw write is made: `resources:employers.create`."""


def is_raw_write(scope: str) -> bool:
    """Whether this is the scope of a raw write that a scope opens at all."""
    obj, _, id_ = scope.partition(":")
    name = id_.partition(".")[0]
    if obj != RESOURCES or id_ in TWINS or name not in catalogue.resources():
        return False
    return any(one.id == id_ and one.exposure == "guarded" for one in catalogue.resource(name).operations)


def unknown(scopes: Iterable[str]) -> list[str]:
    """Those of `scopes` that open nothing, in their order: a client with one would be refused without a reason."""
    return [scope for scope in scopes if scope not in SCOPES and not is_raw_write(scope)]


def listed() -> str:
    """All scopes with what they open, a line each, for people."""
    width = max(map(len, (*SCOPES, RAW_WRITE)))
    lines = [f"  {scope:{width}}  {opens}" for scope, opens in SCOPES.items()]
    return "\n".join([*lines, f"  {RAW_WRITE:{width}}  one raw write, such as {RESOURCES}:employers.create"])
