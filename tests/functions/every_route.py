"""A request of every route that is right in all but perhaps its client; `test_scopes_of_routes.py` sends them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from gateway.core.engagement.messages import message_id
from gateway.core.fhir.elements import scoped_id
from gateway.core.fhir.types import TYPES
from gateway.core.ids import row_id
from infra.catalogue import FUNCTIONS, Http
from tests.functions.conftest import ELM
from tests.functions.record import recorded
from tests.functions.test_events import EVENTS, EXPECTED

OAK_ID: Final = "prac_n5qwwllton2hezlf"
FHIR: Final = "/fhir/R4/{type}"
FIRST: Final = "2026-03-09"

_OBJECTS: Final = {
    "allergies": "allergy",
    "balances": "patient",
    "patient_360": "patient",
    "procedurelogs": "procedure",
    "operatories": "operatory",
}
_UNDER_A_PATIENT: Final = ("allergies", "medications", "conditions", "communications", "recalls", "tasks")
_CHART: Final = {"code": "D0120", "status": "planned"}
_BODIES: Final[Mapping[str, Any]] = {
    "POST /groups": {
        "name": "Both",
        "agreement": {"reference": "r"},
        "practice_ids": [ELM.id, "prac_mfzwqllton2hezlf"],
    },
    "PATCH /groups/{id}": {"name": "Others"},
    "PATCH /practices/{id}/onboarding": {"step": "verify"},
    "PATCH /practices/{id}/removal": {"step": "close"},
    "POST /practices/{id}/erasure_certificate/verify": {"signature": "none"},
    "POST /audiences": {"practice_id": ELM.id, "filter": {"age": {"at_least": 18}}},
    "POST /intakes/{id}/approve": {
        "patient_id": row_id("patient", ELM.id, 15),
        "version": "0" * 32,
        "fields": ["emails"],
    },
    "POST /intakes/{id}/dismiss": {"patient_id": row_id("patient", ELM.id, 15)},
    "POST /procedurelogs": _CHART | {"patient_id": row_id("patient", ELM.id, 15)},
    "PATCH /procedurelogs/{id}": {"status": "planned"},
    "POST /message_rules": {"kind": "reminder", "name": "Any", "practice_id": ELM.id},
    "PATCH /message_rules/{id}": {"name": "Other"},
    "POST /messages/{id}/outcomes": {"outcome": "sent"},
    "PATCH /webhooks/{id}": {"description": "Other"},
    "POST /webhooks/{id}/rotate": {},
    "POST /webhooks/{id}/test": {"type": "appointment.created"},
    "POST /webhooks/{id}/redeliver": {"event_id": f"evt_{'a' * 32}"},
    "POST /webhooks/{id}/approve": {"baa_reference": "BAA-1", "url": "https://hooks.example.com/in"},
    "POST /resources/{resource}": {"EmpName": "Mill"},
    "PATCH /resources/{resource}": {"PatNum": 15, "FieldName": "Hobby", "FieldValue": "Chess"},
    "POST /resources/{resource}/{key}": {"AptNum": 34, "ProvNum": 1},
    "PATCH /resources/{resource}/{key}/{action}": {"Note": "x"},
}
_RAW: Final[Mapping[str, Mapping[str, str]]] = {
    "POST /resources/{resource}": {"resource": "employers"},
    "PATCH /resources/{resource}": {"resource": "patfields"},
    "POST /resources/{resource}/{key}": {"resource": "appointments", "key": "Planned"},
    "DELETE /resources/{resource}/{key}": {"resource": "allergies", "key": "1"},
    "GET /resources/{resource}/{key}/{action}": {"resource": "accountmodules", "key": "15", "action": "Aging"},
    "PATCH /resources/{resource}/{key}/{action}": {"resource": "appointments", "key": "34", "action": "Note"},
    "DELETE /resources/{resource}/{key}/{action}": {"resource": "procedurelogs", "key": "51", "action": "GroupNote"},
}
_MESSAGE: Final = message_id(ELM.id, 15, "rul_a", "appt_a", "2026-03-09T15:00:00Z")
_OF_NO_PRACTICE: Final = {"/practices", "/health", "/groups", "/exports", "/webhooks", "/fhir/R4/metadata"}
NOTHING_THERE: Final = frozenset(
    {
        # `/resources` has every method at every depth, and the catalogue no operation for these.
        "DELETE /resources/{resource}",
        "POST /resources/{resource}/{key}/{action}",
        # Free times have no ids that anybody else could make.
        "GET /fhir/R4/{type}/{id} Slot",
    }
)
"""Where no request can be made that would be answered well."""


@dataclass(frozen=True)
class Sent:
    """A request as API Gateway hands it over. `name`: method and route, for FHIR with the type."""

    name: str
    function: str
    event: Mapping[str, Any] = field(repr=False)

    def by(self, client_id: str, *, key: str) -> dict[str, Any]:
        """The request of that client, under that Idempotency-Key where it has one."""
        about, sent = self.event["requestContext"], dict(self.event["headers"])
        who = {**about["authorizer"], "client_id": client_id, "principalId": client_id}
        if "Idempotency-Key" in sent:
            sent["Idempotency-Key"] = key
        many = {name: [value] for name, value in sent.items()}
        return {
            **self.event,
            "headers": sent,
            "multiValueHeaders": many,
            "requestContext": {**about, "authorizer": who},
        }

    def elsewhere(self, theirs: Mapping[str, str]) -> Sent | None:
        """The same about a practice that is not the client's, or about what is another's: `theirs` by `made`; None
        where a request names neither."""
        text = there = json.dumps(self.event)
        for ours, other in (*theirs.items(), (ELM.id[5:], OAK_ID[5:])):
            there = there.replace(ours, other)
        return None if there == text else Sent(self.name, self.function, json.loads(there))


def routes(*, public: bool) -> Iterator[str]:
    """Method and path of every route that no client is asked at (`public`), or of every other."""
    for row in FUNCTIONS:
        if isinstance(row.trigger, Http) and row.trigger.public == public:
            yield from (f"{one.method} {one.path}" for one in row.trigger.routes)


def every_request(made: Mapping[str, str]) -> Iterator[Sent]:
    """One of every other route. `made`: ids of what is there, by the part of the path before them."""
    known = _recorded_well()
    for row in FUNCTIONS:
        if isinstance(row.trigger, Http) and not row.trigger.public:
            for route in row.trigger.routes:
                name = f"{route.method} {route.path}"
                if name in NOTHING_THERE:
                    continue
                if route.path.startswith(FHIR):
                    types = (one for one in TYPES if f"{name} {one}" not in NOTHING_THERE)
                    yield from (Sent(f"{name} {one}", row.name, _fhir(route.path, one)) for one in types)
                    continue
                has_made = any(f"/{of}/{{id}}" in route.path for of in made)
                event = _made(name, made) if has_made or name not in known else known[name]
                yield Sent(name, row.name, _at(_patient(event)))


def _recorded_well() -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for name, expected in EXPECTED.items():
        event = json.loads((EVENTS / f"{name}.json").read_text())
        if expected.status < 300 and event.get("httpMethod", "HEAD") != "HEAD":
            found.setdefault(f"{event['httpMethod']} {event['resource']}", event)
    return found


def _made(name: str, made: Mapping[str, str]) -> Mapping[str, Any]:
    method, _, path = name.partition(" ")
    given = dict(_RAW.get(name, {}))
    if "{id}" in path:
        of = path.split("/{id}", maxsplit=1)[0].rpartition("/")[2]
        given["id"] = (
            _MESSAGE if of == "messages" else made.get(of) or row_id(_OBJECTS.get(of, of.removesuffix("s")), ELM.id, 1)
        )
        if of in _UNDER_A_PATIENT and method == "GET":
            given["patient_id"] = row_id("patient", ELM.id, 15)
    if method == "GET" and path == "/procedures":
        given["patient_id"] = row_id("patient", ELM.id, 15)
    if path == "/reconciliation/journal":
        given |= {"practice_id": ELM.id, "date_from": FIRST, "date_to": FIRST}
    if "{rotation_id}" in path:
        given |= {"id": ELM.id, "rotation_id": "rot_mfxgc3tporuwg33o"}
    if path == "/intakes/{id}" or path == "/intakes":
        given["patient_id"] = row_id("patient", ELM.id, 15)
    key = {"Idempotency-Key": "every-route", "On-Behalf-Of": "u-77"} if method in {"POST", "PATCH", "DELETE"} else None
    return recorded(method, path, given, body=_BODIES.get(name), headers=key)


def _patient(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Nobody waits: what may be asked is queued."""
    sent = {**(event["headers"] or {}), "Prefer": "respond-async", "Cache-Control": "no-cache"}
    return {**event, "headers": sent, "multiValueHeaders": {name: [value] for name, value in sent.items()}}


def _at(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the practice named, where a list or a raw request would take the only one that a client has."""
    path = event["resource"]
    is_list = event["httpMethod"] == "GET" and "{id}" not in path
    named = ELM.id[5:] in json.dumps({name: event[name] for name in ("path", "body", "queryStringParameters")})
    if named or not (is_list or path.startswith("/resources")) or path in _OF_NO_PRACTICE:
        return event
    query = {**(event["queryStringParameters"] or {}), "practice_id": ELM.id}
    many = {**(event["multiValueQueryStringParameters"] or {}), "practice_id": [ELM.id]}
    return {**event, "queryStringParameters": query, "multiValueQueryStringParameters": many}


def _fhir(path: str, type_: str) -> Mapping[str, Any]:
    part, zoe = TYPES[type_].parts[0], row_id("patient", ELM.id, 15)
    if "{id}" in path:
        id_ = scoped_id(row_id(part.kind, ELM.id, 1), zoe if part.scoped else None)
        return _patient(recorded("GET", path, {"type": type_, "id": id_}))
    if type_ == "Slot":
        who = f"Practitioner/{scoped_id(row_id('provider', ELM.id, 1), None)}"
        asked = {"schedule.actor": who, "start": f"ge{FIRST}", "-duration": "30"}
    elif TYPES[type_].param("patient") is not None:
        asked = {"patient": f"Patient/{scoped_id(zoe, None)}"}
    else:
        asked = {"_id": scoped_id(row_id(part.kind, ELM.id, 1), None)}
    if path.endswith("_search"):
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return _patient(recorded("POST", path, {"type": type_}, body=urlencode(asked), headers=form))
    return _patient(recorded("GET", path, {"type": type_, **asked}))
