"""One recorded event of each HTTP function, told to ask for what the sandbox has."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.adapters.callers import DynamoCallers
from gateway.core.sessions import token_hash
from infra.bundling import ROOT
from tests.bench.deployed import Deployed
from tests.bench.figures import Say

EVENTS = ROOT / "events" / "functions"

CHOSEN: Mapping[str, int] = {
    "authorizer/known_token": 200,
    "authenticate/connect_a_practice": 200,
    "session/end": 204,
    "patients/get": 200,
    "appointments/list_of_a_patient": 200,
    "procedurelogs/list_of_a_patient": 200,
    "claims/list_of_a_patient": 200,
    "create_appointment/respond_async": 202,
    "create_payment/patient_respond_async": 202,
    "operations/get": 200,
}
"""Event -> the status of its answer. Reads are answered from the cache, writes as soon as their turn is queued."""


READS = frozenset({"patients", "appointments", "procedurelogs", "claims"})


@dataclass(frozen=True)
class Recorded:
    """An event and the function that answers it."""

    name: str
    event: dict[str, Any]
    expected: int

    @property
    def function(self) -> str:
        """The folder of `functions/`."""
        return self.name.partition("/")[0]

    @property
    def handler(self) -> str:
        """As Lambda spells it."""
        return f"{self.function}.handler.lambda_handler"

    def with_key(self, key: str) -> Recorded:
        """The same request under an Idempotency-Key of its own, where it has one: a repeat would cost less."""
        if "Idempotency-Key" not in (self.event.get("headers") or {}):
            return self
        return replace(self, event=_with_headers(self.event, {"Idempotency-Key": key}))


def recorded(here: Deployed, *, say: Say) -> list[Recorded]:
    """The chosen events with the sandbox's practice, client, tokens and keys in them; reads are in the cache then."""
    token = here.box.practices[0].access_token
    ending = session(here)
    made = []
    for name, expected in CHOSEN.items():
        event = json.loads((EVENTS / f"{name}.json").read_text())
        event = _here(event, here, token=ending if name == "session/end" else token)
        if name == "operations/get":
            event = _of_operation(event, an_operation(here))
        if name == "authenticate/connect_a_practice":
            event = {**event, "body": json.dumps(_keys(here))}
        made.append(Recorded(name, event, expected))
    say("  filling the cache with what the events read")
    for one in made:
        if one.function in READS:
            _fill(here, one)
    # Writes that no answer waits for would be worked off beside the samples; an office that is off leaves them be.
    here.control("PUT", "settings", {"offline": True})
    return made


def session(here: Deployed) -> str:
    """Another session of the sandbox's client, to be ended."""
    headers = {"Authorization": f"Bearer {here.box.client_key}"}
    status, answer = here.box.call("POST", "/authenticate", _keys(here), headers)
    if status != 200:
        raise RuntimeError(f"POST /authenticate answered {status}")
    return str(answer["access_token"])


def an_operation(here: Deployed) -> str:
    """The id of an operation of the client: a read that nobody waited for."""
    headers = {**here.box.authorization(), "Cache-Control": "no-cache", "Prefer": "respond-async"}
    status, answer = here.box.call("GET", f"/patients/{here.patient(2)}", headers=headers)
    if status != 202:
        raise RuntimeError(f"GET /patients/(id) answered {status}")
    return str(answer["id"])


def _keys(here: Deployed) -> dict[str, str]:
    office = here.box.practices[0].practice
    return {
        "customer_key": office.customer_key,
        "developer_key": office.developer_key,
        "time_zone": office.time_zone,
        "base_url": office.base_url,
    }


def _here(event: dict[str, Any], here: Deployed, *, token: str) -> dict[str, Any]:
    table = here.variables("authorizer")["CALLERS_TABLE"]
    found = DynamoCallers(here.box.aws("dynamodb"), table=table).session(token_hash(here.box.practices[0].access_token))
    assert found is not None
    text = json.dumps(event)
    recorded_practice = re.search(r"(?:pat|prac)_([a-z2-7]{16})", text)
    if recorded_practice is not None:
        text = text.replace(recorded_practice[1], here.practice_id.removeprefix("prac_"))
    text = text.replace("cli_ada", found.client_id)
    text = re.sub(r"Bearer odg_[A-Za-z0-9_-]+", f"Bearer {token}", text)
    told: dict[str, Any] = json.loads(text)
    is_read = told.get("httpMethod") == "GET"
    return _with_headers(told, {"Cache-Control": "max-age=3600"}) if is_read else told


def _with_headers(event: dict[str, Any], more: Mapping[str, str]) -> dict[str, Any]:
    one = {**(event.get("headers") or {}), **more}
    return {**event, "headers": one, "multiValueHeaders": {name: [value] for name, value in one.items()}}


def _of_operation(event: dict[str, Any], operation_id: str) -> dict[str, Any]:
    text = json.dumps(event)
    told: dict[str, Any] = json.loads(re.sub(r"opn_[a-z2-7]+", operation_id, text))
    return told


def _fill(here: Deployed, one: Recorded) -> None:
    query = "&".join(f"{name}={value}" for name, value in (one.event.get("queryStringParameters") or {}).items())
    path = one.event["path"] + (f"?{query}" if query else "")
    headers = {**here.box.authorization(), "Cache-Control": "no-cache", "Prefer": "wait=25"}
    status, answer = here.box.call("GET", path, headers=headers)
    if status != one.expected:
        raise RuntimeError(f"{one.name} answered {status} {(answer or {}).get('code', '')} through the sandbox")
