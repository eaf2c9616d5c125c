"""Right requests of every operation, from what earlier answers showed: ids, cursors, what is under which patient.

`Seeds.of` makes one; `Seeds.learn` takes in what was answered. What nobody has shown yet is taken from the simulated
practice's own rows.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gateway.core.fhir.elements import scoped_id
from gateway.core.fhir.types import TYPES
from gateway.core.ids import PREFIXES, row_id
from gateway.core.resources.routes import our_method, our_path
from gateway.core.resources.twins import TWINS
from open_dental.catalogue import Operation, resource, resources
from tests.fakes.asked import Rightly
from tests.fakes.deployment import ZONE, Deployment
from tests.fakes.described import document

KEPT = 12
"""Of what was shown, the newest so many: what is old may be gone."""

OTHER = "cli_bob"
"""Another client with all that the first one has: who approves what is the first one's."""

SINGLE = {
    "balances": "patient",
    "procedurelogs": "procedure",
    "allergies": "allergy",
    "operatories": "operatory",
    "coverages": "coverage",
    "communications": "communication",
    "reconciliation": "finding",
}
TABLES = {
    "adjustments": "adjustment",
    "allergies": "allergy",
    "appointments": "appointment",
    "claims": "claim",
    "communications": "commlog",
    "conditions": "disease",
    "coverages": "patplan",
    "documents": "document",
    "medications": "medicationpat",
    "payment_plans": "payplan",
    "payments": "payment",
    "perio_exams": "perioexam",
    "procedures": "procedurelog",
    "recalls": "recall",
    "tasks": "task",
    "treatment_plans": "treatplan",
}
"""Family -> the table that says whose its rows are."""
UNREACHED = {
    "GET /documents/{id}/content": "there is no SFTP server beside the deployment",
}
"""Operations that cannot succeed where they are walked, and why; `tests/functions` has them succeed elsewhere."""

_IDS = re.compile(r"^([a-z]+)_[a-z2-7]{16,}$")
_OPERATIONS: dict[str, Operation] = {
    f"{our_method(one)} {our_path(one)}": one
    for name in resources()
    for one in resource(name).operations
    if one.exposure != "closed" and one.id not in TWINS
}


def furnish(office: Deployment) -> None:
    """Give the office what a small one happens to lack, before anybody reads it."""
    if not office.rows("adjustment"):
        (kind,) = office.rows("definition", "Category = 1")[:1]
        amount = {
            "AdjAmt": -5.0,
            "AdjType": kind["DefNum"],
            "AdjDate": str(office.today),
            "ProcDate": str(office.today),
        }
        office.simulated.office.store.insert("adjustment", {"PatNum": 1, "ProvNum": 1, **amount})


@dataclass
class Seed:
    """A request: what fills the path's braces, the query, the body (None: none)."""

    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None


class Seeds:
    """Makes requests of one deployment."""

    def __init__(self, office: Deployment) -> None:
        self._office = office
        self._ids: defaultdict[str, list[str]] = defaultdict(list)
        self._items: defaultdict[str, list[tuple[str, str | None]]] = defaultdict(list)
        self._cursors: dict[str, dict[str, Any]] = {}
        self._numbers = count()

    def learn(self, name: str, query: dict[str, Any], body: Any) -> None:
        """Take in what was answered well."""
        for one in _texts(body):
            if (match := _IDS.match(one)) and one not in self._ids[match[1]]:
                self._ids[match[1]] = [*self._ids[match[1]], one][-KEPT:]
        if not isinstance(body, dict):
            return
        listed = body.get("data")
        for item in listed[:KEPT] if isinstance(listed, list) else []:
            if isinstance(item, dict) and isinstance(item.get("id"), str):
                whose = item.get("patient_id") or query.get("patient_id")
                self._items[name.partition(" ")[2]].append((item["id"], whose))
        for entry in body.get("entry", [])[:KEPT] if body.get("resourceType") == "Bundle" else []:
            found = entry.get("resource", {})
            if entry.get("search", {}).get("mode", "match") == "match":
                self._items[f"/fhir/R4/{found['resourceType']}"].append((found["id"], None))
        for link in body.get("link", []):
            if isinstance(link, dict) and link.get("relation") == "next":
                self._cursors[name] = dict(parse_qsl(urlsplit(link["url"]).query))
        if isinstance(body.get("next_cursor"), str):
            self._cursors[name] = {**query, "cursor": body["next_cursor"]}

    def of(self, name: str, pick: int) -> Seed:
        """A request that is right as far as anybody can know; another one for another `pick`."""
        method, _, path = name.partition(" ")
        if name in _OPERATIONS:
            one, rightly = _OPERATIONS[name], Rightly(self._office, pick)
            seed = Seed(rightly.path(one), rightly.query(one), None if method == "GET" else rightly.body(one) or None)
        elif path.startswith("/fhir/R4/"):
            seed = self._fhir(path, pick)
        else:
            # The families' own paths all have {id}, but one.
            seed = Seed(self._path(path, pick), {}, self._body(name, pick))
            if method == "GET":
                seed.query = self._query(path, pick)
            if method == "GET" and path.endswith("/{id}"):
                self._of_a_list(path, seed, pick)
        if pick % 4 == 3 and name in self._cursors:
            seed.query = dict(self._cursors[name])
        return seed

    # -- what there is -----------------------------------------------------------------------------------------------

    def id(self, kind: str, pick: int) -> str:
        """One that was shown, or that of one of the first rows."""
        shown = self._ids[PREFIXES[kind]]
        if kind in {"patient", "provider", "operatory", "procedure", "definition"} or not shown:
            return row_id(kind, self._office.practice_id, 1 + pick % 12)
        return shown[pick % len(shown)]

    def _row(self, kind: str, table: str, column: str, pick: int, where: str = "1=1") -> tuple[str, dict[str, Any]]:
        rows = self._office.rows(table, where)
        row = rows[pick % len(rows)]
        return row_id(kind, self._office.practice_id, row[column]), row

    def _path(self, path: str, pick: int) -> dict[str, str]:
        family = path.split("/")[1]
        if "{id}" not in path:
            return {}
        kind = SINGLE.get(family, "slot_hold" if family == "slots" else family.removesuffix("s"))
        id_ = self._office.practice_id if kind == "practice" else self.id(kind, pick)
        return {"id": id_, **({"rotation_id": self.id("rotation", -1)} if "rotation_id" in path else {})}

    def _of_a_list(self, path: str, seed: Seed, pick: int) -> None:
        shown, whose = self._items[path.removesuffix("/{id}")], seed.query.pop("patient_id", None)
        if shown:
            seed.path["id"], whose = shown[-1 - pick % len(shown)]
        if whose is not None and "patient_id" in _taken(path):
            seed.query = {"patient_id": whose}

    def _query(self, path: str, pick: int) -> dict[str, Any]:
        office, patient = self._office, self._patient_of(path, pick)
        if path == "/day":
            return {"practice_id": office.practice_id, "date": str(office.today - timedelta(days=pick % 5))}
        if path.startswith("/slots"):
            first = str(office.today)
            days = {"date_from": first, "date_to": str(office.today + timedelta(days=7))} if path == "/slots" else {}
            who = self._row("provider", "provider", "ProvNum", 0)[0]
            return {"practice_id": office.practice_id, "provider_id": [who], "duration_minutes": 30, **days}
        if path == "/audit/disclosures":
            return {"patient_id": patient}
        if path == "/reconciliation/journal":
            day = str(office.today)
            return {"practice_id": office.practice_id, "date_from": day, "date_to": day}
        if path == "/reconciliation/aging":
            return {"practice_id": office.practice_id}
        if path == "/schedules":
            day = str(office.today)
            return {"practice_id": office.practice_id, "date_from": day, "date_to": day}
        if path.endswith("/{id}"):
            return {"patient_id": patient}
        if "{id}" in path or path in {"/practices", "/health", "/groups", "/webhooks", "/session"}:
            return {}
        if path in {"/audit", "/events", "/resources", "/patients"} or pick % 3 == 0:
            return {"practice_id": office.practice_id, **({} if path == "/resources" else {"limit": 2})}
        return {"patient_id": patient}

    def _patient_of(self, path: str, pick: int) -> str:
        """Somebody who has something of that family, where it is a patient's."""
        table = TABLES.get(path.split("/")[1])
        column, where = ("KeyNum", "ObjectType = 1") if table == "task" else ("PatNum", "PatNum > 0")
        if table is None or not self._office.rows(table, where):
            return self.id("patient", pick)
        return self._row("patient", table, column, pick, where)[0]

    def _fhir(self, path: str, pick: int) -> Seed:
        parts = path.split("/")
        if parts[3] == "metadata":
            return Seed()
        of, part = TYPES[parts[3]], TYPES[parts[3]].parts[0]
        office = self._office
        patient = row_id("patient", office.practice_id, 1 + pick % 12)
        if path.endswith("/{id}"):
            shown = self._items[path.removesuffix("/{id}")]
            if shown or part.kind not in PREFIXES:
                return Seed({"id": shown[-1 - pick % len(shown)][0] if shown else "none"})
            id_ = scoped_id(row_id(part.kind, office.practice_id, 1 + pick % 8), patient if part.scoped else None)
            return Seed({"id": id_})
        if parts[3] == "Slot":
            who = self._row("provider", "provider", "ProvNum", 0)[0]
            about = {"schedule.actor": f"Practitioner/{scoped_id(who, None)}", "-duration": "30"}
            about["start"] = f"ge{office.today + timedelta(days=1)}"
        elif of.param("patient") is not None:
            about = {"patient": f"Patient/{scoped_id(patient, None)}"}
        else:
            about = {"_id": scoped_id(row_id(part.kind, office.practice_id, 1 + pick % 8), None)}
        return Seed(body=about) if parts[-1] == "_search" else Seed(query=about)

    # -- what is written ---------------------------------------------------------------------------------------------

    def _body(self, name: str, pick: int) -> Any:
        if name.partition(" ")[0] not in {"POST", "PATCH"}:
            return None
        make = getattr(self, "_" + _member(name), None)
        return make(pick, next(self._numbers)) if make is not None else None

    def _new_appointment(self, pick: int, number: int) -> Any:
        day = self._office.today + timedelta(days=30 + number // 8)
        return {
            "patient_id": self.id("patient", pick),
            "provider_id": self._row("provider", "provider", "ProvNum", 0)[0],
            "operatory_id": self._row("operatory", "operatory", "OperatoryNum", 0)[0],
            "local_start": f"{day}T{9 + number % 8:02}:00:00",
            "duration_minutes": 30,
            "allow_outside_schedule": True,
        }

    _post_create_appointment = _post_appointments = _new_appointment

    def _patch_appointments_id(self, pick: int, number: int) -> Any:
        return ({"note": f"Changed {number}"}, {"is_asap": bool(pick % 2)}, {"note": ""})[pick % 3]

    def _post_slots_hold(self, pick: int, number: int) -> Any:
        visit = self._new_appointment(pick, number)
        return {one: visit[one] for one in ("provider_id", "operatory_id", "local_start", "duration_minutes")}

    def _post_authenticate(self, _pick: int, _number: int) -> Any:
        key = self._office.simulated.key
        return {"developer_key": key.developer, "customer_key": key.customer, "time_zone": ZONE}

    def _post_claims(self, pick: int, _number: int) -> Any:
        # Work that is done, of somebody who is insured, and on no claim yet.
        where = "ProcStatus = 2 AND PatNum IN (SELECT PatNum FROM patplan) AND NOT EXISTS"
        where += " (SELECT 1 FROM claimproc WHERE claimproc.ProcNum = procedurelog.ProcNum AND ClaimNum <> 0)"
        if not self._office.rows("procedurelog", where):
            where = "ProcStatus = 2"
        id_, row = self._row("procedure", "procedurelog", "ProcNum", pick, where)
        whose = row_id("patient", self._office.practice_id, row["PatNum"])
        return {"patient_id": whose, "type": "primary", "procedure_ids": [id_]}

    def _patch_claims_id(self, _pick: int, number: int) -> Any:
        return {"note": f"Looked at {number}"}

    def _post_communications(self, pick: int, number: int) -> Any:
        return {"patient_id": self.id("patient", pick), "note": f"Called {number}", "mode": "phone"}

    def _new_payment(self, pick: int, number: int) -> Any:
        return {"kind": "patient", "patient_id": self.id("patient", pick), "amount": {"amount": f"{10 + number}.00"}}

    _post_create_payment = _post_payments = _new_payment

    def _post_groups(self, _pick: int, number: int) -> Any:
        practices = sorted(self._office.servers)
        return {"name": f"Group {number}", "practice_ids": practices, "agreement": {"reference": f"binder {number}"}}

    def _patch_groups_id(self, _pick: int, number: int) -> Any:
        return {"name": f"Renamed {number}"}

    def _post_patients(self, _pick: int, number: int) -> Any:
        name = {"first": f"New{_letters(number)}", "last": "Stranger"}
        return {"practice_id": self._office.practice_id, "name": name, "birth_date": "1990-04-01"}

    def _patch_patients_id(self, pick: int, _number: int) -> Any:
        return ({"sex": "female"}, {"emails": ["new@example.test"]}, {"language": "es"})[pick % 3]

    def _post_patients_search(self, pick: int, _number: int) -> Any:
        row = self._row("patient", "patient", "PatNum", pick)[1]
        return {"practice_id": self._office.practice_id, "name": row["LName"], "limit": 2}

    def _patch_practices_id(self, pick: int, _number: int) -> Any:
        return ({"calls": "allowed"}, {"fallback": None})[pick % 2]

    def _post_practices_id_baa(self, _pick: int, number: int) -> Any:
        return {"reference": f"binder {number}", "signed_by": "A. Owner", "signed_on": "2026-03-01"}

    def _post_practices_id_rotations(self, _pick: int, number: int) -> Any:
        return {"customer_key": f"FakeCustomerKey{number:04}"}

    def _patch_practices_id_sync(self, pick: int, _number: int) -> Any:
        return ({"state": "on"}, {"queries": "off"}, {"state": "paused"}, {"state": "on"})[pick % 4]

    def _new_procedure(self, pick: int, _number: int) -> Any:
        return {"patient_id": self.id("patient", pick), "code": "D0120", "status": "planned"}

    _post_procedures = _post_procedurelogs = _new_procedure

    def _patch_procedures_id(self, _pick: int, number: int) -> Any:
        return {"fee": {"amount": f"{60 + number % 30}.00"}}

    _patch_procedurelogs_id = _patch_procedures_id

    def _patch_recalls_id(self, pick: int, _number: int) -> Any:
        return {"due_on": str(date(2027, 9, 1) + timedelta(days=pick))}

    def _post_webhooks(self, _pick: int, number: int) -> Any:
        return {"url": f"https://hooks.example.com/{number}", "types": ["appointment.*"]}

    def _patch_webhooks_id(self, _pick: int, number: int) -> Any:
        return {"description": f"Number {number}"}

    def _post_webhooks_id_approve(self, pick: int, _number: int) -> Any:
        kept = self._office.on.webhooks.endpoints
        endpoint = kept.get(self.id("webhook", pick))
        if endpoint is None:
            return {"baa_reference": "BAA-1", "url": "https://hooks.example.com/in"}
        # Nobody approves what is its own.
        kept[endpoint.id] = replace(endpoint, client_id=OTHER)
        return {"baa_reference": "BAA-1", "url": endpoint.url}

    def _post_webhooks_id_redeliver(self, pick: int, _number: int) -> Any:
        return {"event_id": self.id("event", pick)} if self._ids["evt"] else {"since": "2026-11-18T00:00:00Z"}

    def _post_webhooks_id_rotate(self, pick: int, _number: int) -> Any:
        return {"overlap_hours": pick % 3}

    def _post_webhooks_id_test(self, _pick: int, _number: int) -> Any:
        return {"type": "appointment.created"}


def _member(name: str) -> str:
    return "_".join(re.findall(r"\w+", name.lower()))


@cache
def _taken(path: str) -> set[str]:
    return {one["name"] for one in document()["paths"][path]["get"].get("parameters", []) if "name" in one}


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + int(one)) for one in str(number))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
