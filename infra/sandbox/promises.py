"""The steps of the tour: what the README promises, tried over HTTP as a client would.

A step talks to the API and to the side door of the simulated practices, and looks at what is really there. It shares
no code with the gateway.
"""

from __future__ import annotations

import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, cast

import httpx
from botocore.exceptions import ClientError

from infra.catalogue import FUNCTIONS, function
from infra.sandbox import enrol, marks
from infra.sandbox.box import Connected, Sandbox
from infra.sandbox.granted import complaints, used
from infra.sandbox.inside.aws_calls import MARKS
from infra.sandbox.marks import hidden, traces
from infra.sandbox.practice.keys import PORTAL_KEY
from infra.sandbox.practice.practice import fingerprint
from infra.sandbox.practices import Practice, open_zone
from infra.sandbox.processes import SandboxError
from infra.sandbox.receiver import Received
from infra.sandbox.tour import FIRST, SECOND, step

_SETTLES_WITHIN_S = 240
"""A lost answer is looked for after 70 s, by jobs that run once a minute."""

_LOADS_WITHIN_S = 300
"""A first load of a small practice, whose background lane is offered once a minute."""
_CALLS_OF_A_DAY = 3

_OPERATIONS = 365
"""How many Open Dental documents."""
_FHIR_TYPES = 16


@dataclass(frozen=True)
class Caller:
    """A client of one practice of the sandbox, with one credential."""

    api: str
    token: str
    practice_id: str
    control: str

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None, /, **headers: str) -> httpx.Response:
        """One request; header names are written with `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with httpx.Client(timeout=60, trust_env=False) as http:
            return http.request(
                method, self.api + path, json=body, headers={"Authorization": f"Bearer {self.token}"} | named
            )

    def get(self, path: str, **headers: str) -> Any:
        """The JSON of a 200."""
        answer = self.send("GET", path, **headers)
        assert answer.status_code == 200, f"GET {path.partition('?')[0]} answered {answer.status_code}: {answer.text}"
        return answer.json()

    def every(self, path: str, **headers: str) -> list[dict[str, Any]]:
        """All rows of a list of this practice, page after page."""
        return [row for page in self.pages(path, **headers) for row in page["data"]]

    def pages(self, path: str, **headers: str) -> Iterator[dict[str, Any]]:
        """All pages of a list of this practice."""
        cursor = ""
        while True:
            page = self.get(f"{path}&practice_id={self.practice_id}{cursor}", **headers)
            yield page
            if not page["has_more"]:
                return
            cursor = f"&cursor={page['next_cursor']}"

    def steer(self, method: str, path: str, body: object = None) -> Any:
        """One call of the practice's side door."""
        with httpx.Client(timeout=30, trust_env=False) as http:
            answer = http.request(method, f"{self.control}/{path}", json=body)
        assert answer.status_code == 200, f"the practice's side door answered {answer.status_code}: {answer.text}"
        return answer.json()

    def rows(self, table: str, **where: object) -> list[dict[str, Any]]:
        """Rows as the practice's database has them."""
        return cast("list[dict[str, Any]]", self.steer("GET", f"rows/{table}?{httpx.QueryParams(where)}"))  # type: ignore[arg-type]


def _caller(box: Sandbox, number: int = 0) -> Caller:
    return _of(box, box.practices[number])


def _of(box: Sandbox, connected: Connected) -> Caller:
    control = connected.practice.control_url
    assert control, "the tour needs simulated practices"
    return Caller(box.api_url, connected.access_token, connected.practice_id, control)


def _key() -> str:
    return f"tour-{time.monotonic_ns()}"


def _problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, f"answered {answer.status_code}, not {status}: {answer.text}"
    assert answer.headers["Content-Type"].startswith("application/problem+json"), "the body is no problem"
    problem = cast("dict[str, Any]", answer.json())
    assert problem["code"] == code, f"the code is {problem['code']}, not {code}"
    return problem


def _today(caller: Caller) -> date:
    return datetime.fromisoformat(caller.steer("GET", "clock")["now"]).date()


def _visit(caller: Caller) -> dict[str, Any]:
    """A scheduled visit of the coming weeks: a patient, a provider and a chair that belong together."""
    first = _today(caller) + timedelta(days=1)
    rows = caller.every(
        f"/appointments?date_from={first}&date_to={first + timedelta(days=20)}&status=scheduled&limit=500"
    )
    return next(row for row in rows if row["kind"] == "appointment" and row["patient_id"] and row["operatory_id"])


def _free_start(caller: Caller, visit: Mapping[str, Any], *, minutes: int = 20) -> str:
    """A free time for such a visit, from the alternatives of a refusal."""
    for ahead in range(30, 45):
        night = f"{_today(caller) + timedelta(days=ahead)}T03:00:00"
        answer = caller.send(
            "POST", "/create_appointment", _booking(visit, night, duration_minutes=minutes), Idempotency_Key=_key()
        )
        if alternatives := _problem(answer, 409, "outside-schedule")["alternatives"]:
            return str(alternatives[0]["local_start"])
    raise AssertionError("no free time in two weeks")


def _booking(visit: Mapping[str, Any], start: str, **more: Any) -> dict[str, Any]:
    return {
        "patient_id": visit["patient_id"],
        "provider_id": visit["provider_id"],
        "operatory_id": visit["operatory_id"],
        "local_start": start,
        "duration_minutes": 20,
    } | more


def _settled(caller: Caller, operation: str, *, within_s: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + within_s
    while True:
        seen = cast("dict[str, Any]", caller.get(f"/operations/{operation}"))
        if seen["state"] in {"succeeded", "failed"}:
            return seen
        assert time.monotonic() < deadline, f"the operation is still {seen['state']}"
        time.sleep(1)


@step("P01")
def only_known_tokens(box: Sandbox) -> None:
    for headers in ({}, {"Authorization": "Bearer odg_test_nobody-issued-this"}):
        answer = httpx.get(f"{box.api_url}/patients?name=anna", headers=headers, trust_env=False)
        _problem(answer, 401, "unauthenticated")
        assert "Bearer" in answer.headers["WWW-Authenticate"], "no challenge"


@step("P02")
def every_error_is_a_problem(box: Sandbox) -> None:
    me = _caller(box)
    _problem(me.send("GET", "/no-such-thing"), 404, "not-found")
    answer = me.send("GET", f"/patients?practice_id={me.practice_id}&nmae=anna-secret")
    problem = _problem(answer, 400, "invalid")
    assert problem["param"] == "nmae", "the problem does not name the parameter"
    assert "secret" not in answer.text, "the problem repeats a value"


@step("P03")
def two_keys_become_a_session(box: Sandbox) -> None:
    office = box.practices[1].practice
    keys = {"customer_key": office.customer_key, "developer_key": office.developer_key}
    status, session = box.call("POST", "/authenticate", keys)
    assert status == 200, f"answered {status}"
    mine = {"Authorization": f"Bearer {session['access_token']}"}
    status, _ = box.call("GET", "/operations/opn_aaaaaaaaaaaaaaaa", headers=mine)
    assert status == 404, f"the session is not good for anything: {status}"
    status, _ = box.call("DELETE", "/session", headers=mine)
    assert status == 204, f"ending the session answered {status}"
    status, _ = box.call("GET", "/operations/opn_aaaaaaaaaaaaaaaa", headers=mine)
    assert status == 401, f"an ended session is answered {status}"


@step("P04")
def a_customer_key_alone_opens_nothing(box: Sandbox) -> None:
    office = box.practices[1].practice
    status, answer = box.call("POST", "/authenticate", {"customer_key": office.customer_key})
    assert status in {400, 401, 403}, f"answered {status}"
    status, answer = box.call("POST", "/authenticate", {"customer_key": "NOSUCHOFFICE0001", "developer_key": "X" * 16})
    assert (status, answer["code"]) == (403, "practice-not-enrolled"), f"answered {status}"


@step("P05")
def equal_keys_are_not_equal_people(box: Sandbox) -> None:
    one, other = _caller(box, 0), _caller(box, 1)
    mine, theirs = (caller.every("/patients?status=active&limit=500") for caller in (one, other))
    assert [row["source"]["key"] for row in mine] == [row["source"]["key"] for row in theirs], "the keys differ"
    assert not {row["id"] for row in mine} & {row["id"] for row in theirs}, "two practices share an id"
    key = box.new_client("stranger")
    stranger = Caller(one.api, key, one.practice_id, one.control)
    for path in (f"/patients/{mine[0]['id']}", f"/patients?status=active&practice_id={one.practice_id}"):
        _problem(stranger.send("GET", path), 404, "not-found")
    both = f"{mine[0]['id']},{theirs[0]['id']}"
    _problem(one.send("GET", f"/patients?practice_id={one.practice_id}&ids={both}"), 404, "not-found")
    cursor = one.get(f"/patients?status=active&limit=1&practice_id={one.practice_id}")["next_cursor"]
    answer = other.send("GET", f"/patients?status=active&limit=1&practice_id={other.practice_id}&cursor={cursor}")
    _problem(answer, 404, "not-found")


@step("P06")
def filters_look_at_everything(box: Sandbox) -> None:
    me = _caller(box)
    everybody = me.every("/patients?status=active&limit=500")
    someone = next(row for row in everybody if row["birth_date"])
    found = me.every(f"/patients?birth_date={someone['birth_date']}&limit=500")
    assert someone["id"] in {row["id"] for row in found}, "a patient is not found by birth date"
    found = me.every(f"/patients?name={someone['name']['last']}&limit=500")
    assert someone["id"] in {row["id"] for row in found}, "a patient is not found by name"
    status, answer = box.call(
        "POST",
        "/patients/search",
        {"practice_id": me.practice_id, "birth_date": someone["birth_date"]},
        box.authorization(),
    )
    assert status == 200, f"the search answered {status}"
    assert someone["id"] in {row["id"] for row in answer["data"]}, "a patient is not found by a search"
    problem = _problem(me.send("GET", f"/patients?practice_id={me.practice_id}"), 422, "filter-too-wide")
    assert "birth_date" in problem["bounds"], "the problem does not say what would bound the list"


@step("P07")
def every_answer_tells_its_age_and_price(box: Sandbox) -> None:
    me = _caller(box)
    path = f"/patients?status=inactive&limit=5&practice_id={me.practice_id}"
    fresh = me.send("GET", path, Cache_Control="no-cache")
    assert fresh.json()["meta"]["served_from"] == "live", "no-cache was not heeded"
    assert fresh.json()["meta"]["upstream_calls"] >= 1, "a live answer cost nothing"
    again = me.send("GET", path)
    assert again.json()["meta"]["served_from"] == "cache", "the second answer is not from the cache"
    assert again.json()["meta"]["upstream_calls"] == 0, "a cached answer cost a call"
    assert "Age" in again.headers, "the age is no header"
    same = me.send("GET", path, If_None_Match=again.headers["ETag"])
    assert same.status_code == 304, f"an unchanged answer is {same.status_code}"


@step("P08")
def pages_make_the_whole(box: Sandbox) -> None:
    me = _caller(box)
    whole = me.every("/patients?status=active&limit=500")
    pages = list(me.pages("/patients?status=active&limit=25", Cache_Control="max-age=600"))
    assert [row["id"] for page in pages for row in page["data"]] == [row["id"] for row in whole], "pages differ"
    assert len(pages) > 1, "there was only one page"
    answer = me.send("GET", f"/patients?status=inactive&practice_id={me.practice_id}&cursor={pages[0]['next_cursor']}")
    assert _problem(answer, 400, "invalid")["param"] == "cursor", "the cursor of another query is taken"


@step("P09", FIRST)
def visits_procedures_and_claims_are_objects(box: Sandbox) -> None:
    me = _caller(box)
    visit = me.get(f"/appointments/{_visit(me)['id']}")
    zone_free = datetime.fromisoformat(visit["local_start"])
    assert zone_free.tzinfo is None, "a wall time has an offset"
    assert visit["start_at"].endswith("Z"), "an instant is not UTC"
    assert isinstance(visit["procedure_ids"], list), "a single visit does not name its procedures"
    procedures = me.every(f"/procedurelogs?patient_id={visit['patient_id']}&limit=500")
    assert procedures, "a patient with a visit has no procedures"
    assert all(row["code"]["value"] for row in procedures), "a procedure has no code"
    claim = me.every("/claims?status=sent&expand=lines&limit=500")[0]
    billed = sum(int(line["billed"]["amount"].replace(".", "")) for line in claim["lines"])
    assert billed == int(claim["totals"]["billed"]["amount"].replace(".", "")), "the lines do not make the total"
    assert me.get(f"/claims/{claim['id']}")["lines"], "a single claim has no lines"


@step("P10", FIRST)
def a_booking_stands_once(box: Sandbox) -> None:
    me = _caller(box)
    visit = _visit(me)
    start, key = _free_start(me, visit), _key()
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda _: me.send("POST", "/create_appointment", _booking(visit, start), Idempotency_Key=key), range(8)
            )
        )
    operations = {answer.json()["id"] for answer in answers}
    assert len(operations) == 1, f"one key made {len(operations)} operations"
    done = _settled(me, operations.pop())
    assert done["state"] == "succeeded", f"the booking {done['state']}"
    assert done["result"]["local_start"] == start, "the booking is at another time"
    chair = int(me.get(f"/appointments/{done['result']['id']}")["source"]["key"])
    rows = [row for row in me.rows("appointment", AptDateTime=start.replace("T", " ")) if row["AptNum"] == chair]
    assert len(rows) == 1, "the practice does not have the booking"
    same = [row for row in me.rows("appointment", AptDateTime=start.replace("T", " ")) if row["Op"] == rows[0]["Op"]]
    assert len(same) == 1, f"the practice has {len(same)} rows there"
    other = me.send("POST", "/create_appointment", _booking(visit, start, note="another"), Idempotency_Key=key)
    _problem(other, 422, "key-reused")


@step("P11", FIRST)
def a_taken_time_comes_with_free_ones(box: Sandbox) -> None:
    me = _caller(box)
    visit = _visit(me)
    answer = me.send(
        "POST",
        "/create_appointment",
        _booking(visit, visit["local_start"], allow_outside_schedule=True),
        Idempotency_Key=_key(),
    )
    alternatives = _problem(answer, 409, "clash")["alternatives"]
    assert 1 <= len(alternatives) <= 3, f"{len(alternatives)} alternatives"
    answer = me.send(
        "POST", "/create_appointment", _booking(visit, alternatives[0]["local_start"]), Idempotency_Key=_key()
    )
    assert answer.status_code == 201, f"a free time is answered {answer.status_code}: {answer.text}"


def _charges(me: Caller, patient: Mapping[str, Any], count: int) -> list[str]:
    """New completed procedures of 100.00 each, put into the practice by the side door; their ids here."""
    code = me.rows("procedurecode", ProcCode="D2391")[0]["CodeNum"]
    day = f"{_today(me)}"
    row = {"PatNum": int(patient["source"]["key"]), "ProcStatus": "C", "ProcFee": "100.00", "ProcDate": day}
    row |= {"CodeNum": code, "ProvNum": 1, "UnitQty": 1}
    keys = me.steer("POST", "rows", [{"resource": "procedurelogs", "row": row}] * count)
    path = f"/procedurelogs?patient_id={patient['id']}&status=completed&limit=500"
    ids = {row["source"]["key"]: row["id"] for row in me.every(path, Cache_Control="no-cache")}
    return [ids[str(key)] for key in keys]


@step("P12", SECOND)
def money_goes_where_it_was_meant(box: Sandbox) -> None:
    me = _caller(box, 1)
    patient = me.every("/patients?status=active&limit=500")[0]
    older, newer = _charges(me, patient, 2)
    wanted = {newer: "70.00", older: "30.00"}
    body = {
        "kind": "patient",
        "patient_id": patient["id"],
        "amount": {"amount": "100.00"},
        "allocations": [{"procedure_id": one, "amount": {"amount": amount}} for one, amount in wanted.items()],
    }
    answer = me.send("POST", "/create_payment", body, Idempotency_Key=_key())
    done = _settled(me, answer.json()["id"])
    assert done["state"] == "succeeded", f"the payment {done['state']}: {done['error']}"
    made = {one["procedure_id"]: one["amount"]["amount"] for one in done["result"]["allocations"]}
    assert made == wanted, f"it was allocated otherwise: {sorted(made.values())}"
    number = int(done["result"]["source"]["key"])
    assert sum(row["SplitAmt"] for row in me.rows("paysplit", PayNum=number)) == 100, "the splits do not add up"
    before = len(me.rows("payment"))
    _problem(me.send("POST", "/create_payment", body, Idempotency_Key=_key()), 409, "conflict")
    assert len(me.rows("payment")) == before, "a refused payment left a row"


@step("P13", SECOND)
def a_carriers_check_closes_its_claim(box: Sandbox) -> None:
    me = _caller(box, 1)
    claims = me.every("/claims?status=sent&expand=lines&limit=500")
    claim = next(row for row in claims if row["type"] == "primary" and row["lines"])
    first, *rest = (line["id"] for line in claim["lines"])
    lines = [{"claim_line_id": first, "paid": {"amount": "40.00"}, "write_off": {"amount": "5.00"}}]
    lines += [{"claim_line_id": one, "paid": {"amount": "0.00"}} for one in rest]
    body = {"kind": "insurance", "claim_id": claim["id"], "amount": {"amount": "40.00"}, "lines": lines}
    answer = me.send("POST", "/create_payment", body, Idempotency_Key=_key())
    done = _settled(me, answer.json()["id"])
    assert done["state"] == "succeeded", f"the payment {done['state']}: {done['error']}"
    seen = me.get(f"/claims/{claim['id']}", Cache_Control="no-cache")
    assert seen["status"] == "received", f"the claim is {seen['status']}"
    assert seen["payment_ids"] == [done["result"]["id"]], "the claim does not name its payment"


@step("P14", FIRST)
def an_answer_that_takes_long_is_an_operation(box: Sandbox) -> None:
    me = _caller(box)
    visit = _visit(me)
    start = _free_start(me, visit)
    answer = me.send(
        "POST", "/create_appointment", _booking(visit, start), Idempotency_Key=_key(), Prefer="respond-async"
    )
    assert answer.status_code == 202, f"answered {answer.status_code}"
    assert answer.headers["Preference-Applied"] == "respond-async", "the preference is not confirmed"
    with httpx.Client(timeout=60, trust_env=False) as http:
        found = http.get(answer.url.join(answer.headers["Location"]), headers={"Authorization": f"Bearer {me.token}"})
    assert found.status_code == 200, f"the operation's address answers {found.status_code}"
    assert found.json()["id"] == answer.json()["id"], "the address is another operation's"
    done = _settled(me, answer.json()["id"])
    assert done["state"] == "succeeded", f"the operation {done['state']}"


@step("P15", FIRST)
def a_lost_answer_is_settled_by_evidence(box: Sandbox) -> None:
    me = _caller(box)
    visit = _visit(me)
    start = _free_start(me, visit)
    me.steer("POST", "faults", {"match": "appointments.create", "kind": "drop_answer", "count": 1})
    answer = me.send("POST", "/create_appointment", _booking(visit, start), Idempotency_Key=_key())
    me.steer("DELETE", "faults")
    assert answer.status_code == 202, f"answered {answer.status_code}: {answer.text}"
    assert answer.json()["state"] == "unknown", f"the state is {answer.json()['state']}"
    done = _settled(me, answer.json()["id"], within_s=_SETTLES_WITHIN_S)
    assert done["state"] == "succeeded", f"the booking {done['state']}"
    rows = me.rows("appointment", AptDateTime=start.replace("T", " "))
    assert sum("[ref " in row["Note"] for row in rows) == 1, "it was not done exactly once"


@step("P16", SECOND)
def an_offline_practice_keeps_what_was_sent(box: Sandbox) -> None:
    me = _caller(box, 1)
    visit = _visit(me)
    start = _free_start(me, visit)
    me.steer("PUT", "settings", {"offline": True})
    try:
        path = f"/patients?status=active&practice_id={me.practice_id}"
        answer = me.send("GET", path, Cache_Control="no-cache", Prefer="wait=20")
        problem = _problem(answer, 503, "practice-offline")
        assert problem["retryable"] is True, "an outage is not called retryable"
        answer = me.send("POST", "/create_appointment", _booking(visit, start), Idempotency_Key=_key(), Prefer="wait=3")
        assert answer.status_code == 202, f"a write is answered {answer.status_code}: {answer.text}"
    finally:
        me.steer("PUT", "settings", {"offline": False})
    done = _settled(me, answer.json()["id"], within_s=_SETTLES_WITHIN_S)
    assert done["state"] == "succeeded", f"the booking {done['state']}"


@step("P17", "practice of garbage")
def garbage_upstream_is_no_500(box: Sandbox) -> None:
    me = _of(box, box.one_more_practice())
    for kind in ("html", "half_json", "empty"):
        me.steer("POST", "faults", {"match": "patients.Simple", "kind": kind, "count": 50})
        try:
            path = f"/patients?status=inactive&practice_id={me.practice_id}"
            answer = me.send("GET", path, Cache_Control="no-cache", Prefer="wait=20")
        finally:
            me.steer("DELETE", "faults")
        assert answer.status_code in {202, 502, 503}, f"{kind} is answered {answer.status_code}"
        if answer.status_code != 202:
            assert answer.headers["Content-Type"].startswith("application/problem+json"), "the body is no problem"
        # What went wrong is tried again with pauses: that it is well again shows within a while.
        deadline = time.monotonic() + 120
        while me.send("GET", path, Cache_Control="no-cache", Prefer="wait=25").status_code != 200:
            assert time.monotonic() < deadline, f"after {kind} the practice is never answered well again"
            time.sleep(2)


@step("P18")
def many_callers_share_one_pace(box: Sandbox) -> None:
    me = _caller(box, 1)
    me.steer("DELETE", "log")
    day = _today(me)
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(
                lambda ahead: me.send(
                    "GET",
                    f"/appointments?date_from={day - timedelta(days=ahead)}&date_to={day - timedelta(days=ahead)}"
                    f"&practice_id={me.practice_id}",
                    Cache_Control="no-cache",
                    Prefer="wait=20",
                ),
                range(16),
            )
        )
    turned_away = [answer.text for answer in answers if answer.status_code not in {200, 202}]
    assert not turned_away, f"{len(turned_away)} callers were turned away: {turned_away[0]}"
    assert sum(answer.status_code == 200 for answer in answers) >= 8, "hardly anybody was answered"
    for box_practice in range(len(box.practices)):
        pace = _caller(box, box_practice).steer("GET", "pace")
        assert pace["refusals"] == 0, f"the practice refused {pace['refusals']} calls"
        # Of two calls in time the first may come late on a machine that has much to do; `bench pacing` is exact.
        late_s = pace["rates"]["interval_s"] / 10
        assert pace["early_by_s"] <= late_s, f"{pace['early']} calls came too early, one by {pace['early_by_s']:.3f} s"


def _handlers(box: Sandbox) -> list[str]:
    """The folders that functions are made from."""
    return sorted(
        {
            resource["Properties"]["Handler"].split(".")[0]
            for stack in box.stacks
            for resource in stack.template["Resources"].values()
            if resource["Type"] == "AWS::Lambda::Function"
        }
    )


@step("P19")
def nothing_protected_is_logged(box: Sandbox) -> None:
    me = _caller(box)
    people = me.every("/patients?status=active&limit=500")
    words = {row["name"]["last"] for row in people} | {row["birth_date"] for row in people if row["birth_date"]}
    words |= {phone["raw"] for row in people for phone in row["phones"] if phone["raw"]}
    for connected in box.practices:
        words |= {connected.practice.customer_key, connected.practice.developer_key, connected.access_token}
    words.add("practice_id=")
    said = 0
    for folder in _handlers(box):
        for line in box.logs(folder):
            said += 1
            for word in words:
                assert word not in line, f"functions/{folder} logs something protected"
    assert said, "nothing was logged at all"


@step("P20")
def every_grant_is_enough(box: Sandbox) -> None:
    denied = [line for line in box.errors() if "AccessDenied" in line]
    assert not denied, f"{len(denied)} calls were refused: {json.dumps(denied[:2])}"
    uncounted = [
        folder for folder in _handlers(box) if any("could not be counted" in line for line in box.logs(folder))
    ]
    assert not uncounted, f"{', '.join(uncounted)}: a client's requests were not counted"
    bugs = [line for line in box.errors() if "a bug ended" in line]
    assert not bugs, f"{len(bugs)} bugs ended a request: {json.dumps(bugs[:2])}"


@step("P21", FIRST)
def a_limit_is_felt_by_its_client_alone(box: Sandbox) -> None:
    me = _caller(box)
    eager = Caller(me.api, box.new_client("eager", requests_per_minute=3), me.practice_id, me.control)
    # Neither is this client's, so each is a 404 that no practice is asked for; two functions share the count.
    paths = ("/operations/opn_aaaaaaaaaaaaaaaa", f"/patients?status=active&practice_id={me.practice_id}")
    # Of seven, one minute sees four, even if the clock's minute ends among them.
    answers = [eager.send("GET", paths[number % 2]) for number in range(7)]
    refused = next((number for number, answer in enumerate(answers) if answer.status_code == 429), None)
    assert refused is not None, "a client went on beyond its limit"
    assert refused >= 3, f"request {refused + 1} was refused, and 3 are allowed"
    for answer in answers[:refused]:
        _problem(answer, 404, "not-found")
    problem = _problem(answers[refused], 429, "rate-limited")
    assert problem["retryable"], "the problem says that the request cannot be repeated"
    wait_s = int(answers[refused].headers["Retry-After"])
    assert 1 <= wait_s <= 60, f"Retry-After is {wait_s}, and a minute has 60 seconds"
    _problem(me.send("GET", paths[0]), 404, "not-found")


def _as(box: Sandbox, name: str, *scopes: str, kind: str = "app") -> Caller:
    """Another client of the first practice."""
    office = box.practices[0].practice
    connected = box.connect(office, box.new_client(name, scopes=("practices:connect", *scopes), kind=kind))
    return replace(_caller(box), token=connected.access_token)


@step("P37", FIRST)
def an_agreement_opens_and_its_end_closes(box: Sandbox) -> None:
    me, chief = _caller(box), _as(box, "chief", "practices:read", "practices.baa:write", kind="operator")
    baa, people = f"/practices/{me.practice_id}/baa", f"/patients?status=active&limit=1&practice_id={me.practice_id}"
    agreed = {"reference": "binder 9", "signed_by": "A. Owner", "signed_on": f"{datetime.now(UTC).date()}"}
    (someone,) = me.get(people)["data"]
    problem = _problem(me.send("POST", baa, agreed, Idempotency_Key=_key()), 403, "scope-missing")
    assert problem["scope"] == "practices.baa:write", "the problem does not name the scope"
    try:
        box.new_client("app", scopes=("practices.baa:write",))
    except SandboxError as refused:
        assert "operator" in str(refused), "the command does not say who may have the scope"
    else:
        raise AssertionError("a product was given an operator's scope")
    try:
        made = chief.send("POST", baa, agreed, Idempotency_Key=_key())
        assert made.status_code == 201, f"an agreement is answered {made.status_code}: {made.text}"
        assert chief.send("DELETE", baa).status_code == 204, "it cannot be closed"
        me.steer("DELETE", "log")
        _problem(me.send("GET", people, Cache_Control="no-cache"), 403, "baa-missing")
        _problem(me.send("GET", f"/patients/{someone['id']}"), 403, "baa-missing")
        change = me.send("PATCH", f"/patients/{someone['id']}", {"medicaid_id": "M1"}, Idempotency_Key=_key())
        _problem(change, 403, "baa-missing")
        called = {one["operation"] for one in me.steer("GET", "log")}
        assert not called & {"patients.list", "patients.get", "patients.update"}, "the office was asked all the same"
        assert me.get(f"/providers?practice_id={me.practice_id}")["data"], "who works there takes an agreement"
    finally:
        again = chief.send("POST", baa, agreed, Idempotency_Key=_key())
    assert (again.status_code, again.json()["is_open"]) == (201, True), "it does not open again"
    assert me.get(people)["data"][0]["id"] == someone["id"], "another patient is shown"
    shown = chief.get(baa)
    assert [one["ended_by"] for one in shown["past"]] == ["closed"], "what was closed is not on record"


@step("P38", "practice whose key is exchanged")
def a_key_is_exchanged_and_no_call_fails(box: Sandbox) -> None:
    office = box.one_more_practice("--tier", "enterprise")
    me, old, new = _of(box, office), office.practice.customer_key, "TOURnewKEY000001"
    scopes = ("practices:connect", "practices:read", "practices.keys:write", "practices.calls:write")
    chief = replace(me, token=box.connect(office.practice, _chief(box, scopes)).access_token)
    practice, providers = f"/practices/{me.practice_id}", f"/providers?limit=1&practice_id={me.practice_id}"
    _stops(me, chief, practice, providers)
    me.steer("PUT", "keys", {"customer_key": new, "state": "unassigned"})
    exchange = _Exchange.begun(me, chief, {"customer_key": new})
    exchange.until(lambda told: told["state"] == "waiting_for_office")
    assert chief.get(exchange.path)["customer_key"] == new, "whoever exchanges keys is not told which to add"
    assert me.get(exchange.path)["customer_key"] is None, "the new key is shown to others"
    me.steer("PUT", "keys", {"customer_key": new, "state": "enabled"})
    exchange.until(lambda told: told["state"] == "draining")
    exchange.lost_nothing()
    me.steer("PUT", "keys", {"customer_key": old, "state": "disabled-by-customer"})
    assert me.send("GET", providers, Cache_Control="no-cache").status_code == 200, "it is called with the old key still"


@dataclass
class _Exchange:
    """An exchange of a practice's key at `path`, and the reads and writes that go on all the while."""

    me: Caller
    chief: Caller
    path: str
    patient: str
    calls: int = 0

    @classmethod
    def begun(cls, me: Caller, chief: Caller, wanted: Mapping[str, Any]) -> _Exchange:
        """One that was asked for now."""
        (patient,) = me.get(f"/patients?status=active&limit=1&practice_id={me.practice_id}")["data"]
        path = f"/practices/{me.practice_id}/rotations"
        asked = chief.send("POST", path, wanted, Idempotency_Key=_key())
        assert asked.status_code == 201, f"an exchange is answered {asked.status_code}: {asked.text}"
        return cls(me, chief, f"{path}/{asked.json()['id']}", patient["id"])

    def look(self) -> dict[str, Any]:
        """How it stands, and one read and one write after that, neither of which may fail."""
        me, told = self.me, cast("dict[str, Any]", self.chief.get(self.path))
        path = f"/providers?limit=1&practice_id={me.practice_id}"
        read = me.send("GET", path, Cache_Control="no-cache", Prefer="wait=28")
        now = told["state"]
        assert read.status_code == 200, f"a read while it is {now} is answered {read.status_code}: {read.text}"
        body = {"patient_id": self.patient, "note": f"Exchange {self.calls}"}
        written = me.send("POST", "/communications", body, Idempotency_Key=_key(), Prefer="wait=28")
        assert written.status_code == 201, f"a write while it is {now} is answered {written.status_code}"
        self.calls += 1
        # Whoever asks without a breath leaves the background one call a minute.
        time.sleep(_BREATH_S)
        return told

    def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """How it stands once that holds; neither a read nor a write may have failed until then."""
        deadline = time.monotonic() + _EXCHANGED_WITHIN_S
        while not holds(told := self.look()):
            assert told["state"] not in {"failed", "cancelled"}, f"it {told['state']}: {told['reason']}"
            assert time.monotonic() < deadline, f"after five minutes it is {told['state']}"
        return told

    def lost_nothing(self) -> None:
        """Each write is there, once."""
        found = _notes(self.me, "Exchange ")
        assert found == {f"Exchange {number}": 1 for number in range(self.calls)}, "writes are lost, or there twice"


_BREATH_S = 1.5


def _notes(me: Caller, beginning: str) -> Counter[str]:
    """How often an office has each note of that beginning; behind it there may be a reference."""
    notes = (str(row["Note"]).partition("[ref ")[0].strip() for row in me.rows("commlog"))
    return Counter(note for note in notes if note.startswith(beginning))


_EXCHANGED_WITHIN_S = 300
"""An exchange whose office adds the key at once: some turns of the background lane, which is offered once a minute."""


def _chief(box: Sandbox, scopes: tuple[str, ...]) -> str:
    return box.new_client("key chief", scopes=scopes, kind="operator")


@step("P42", "practice whose key is made by the portal")
def an_old_key_ends_a_day_after_its_last_use(box: Sandbox) -> None:
    box.run_command("gateway.wiring.portal_key", said=f"{PORTAL_KEY}\n", as_function="rotations")
    office = box.one_more_practice("--tier", "enterprise", "--zone", open_zone(datetime.now(UTC))).practice
    scopes = ("practices:connect", "*:read", "communications:write", "practices.keys:write", "sync:write")
    me = _of(box, box.connect(office, _chief(box, scopes)))
    sync, old = f"/practices/{me.practice_id}/sync", office.customer_key
    turned = me.send("PATCH", sync, {"state": "on", "queries": "off", "native_events": "on"})
    assert turned.status_code == 200, f"turning events on is answered {turned.status_code}: {turned.text}"
    try:
        _mirrored(me, sync, lambda _: bool(_running(me)), "is told nothing by machines")
        was = _running(me)[0]
        exchange = _Exchange.begun(me, me, {})
        told = exchange.until(lambda told: told["state"] == "waiting_for_office")
        new = told["customer_key"]
        assert told["key_from"] == "portal" and new not in {None, old}, "no key was made"
        assert "Add Key" in told["says"], "nobody is told what the office has to do"
        assert _states(me) == {old: "enabled", new: "unassigned"}, f"the keys are {sorted(_states(me).values())}"
        me.steer("PUT", "keys", {"customer_key": new, "state": "enabled"})
        exchange.until(lambda told: _is_told_by_machines(me) and told["state"] == "draining")
        by_key = {row["CustomerKey"] for row in _running(me)}
        assert by_key == {new}, f"machines tell by {len(by_key)} keys, and the old one is to be ended"
        log = me.steer("GET", "log")
        made = [at for at, one in enumerate(log) if _is_of(one, "subscriptions.create", office, new)]
        ended = [at for at, one in enumerate(log) if _is_of(one, "subscriptions.update", office, old)]
        assert made and ended and made[0] < ended[-1], "what is told by the old key ended before the new one told it"
        now = _running(me)[0]
        assert [_taken(row) for row in (was, now)] == [True, True], "what is told by one of the keys is not taken"
        # A day after the exchange, of which the old key was used within the last hours.
        exchange.until(_put_off)
        _a_day_goes_by(box, me, "exchange")
        exchange.until(_put_off)
        assert _states(me)[old] == "enabled", "a key that was used a moment ago is disabled"
        # And a day after that use.
        _a_day_goes_by(box, me, "exchange", "use")
        over = exchange.until(lambda told: told["state"] == "done")
        assert "is disabled" in over["says"], f"it says: {over['says']}"
        assert _states(me) == {old: "disabled-by-developer", new: "enabled"}, f"the keys are {_states(me).values()}"
        assert [_taken(row) for row in (was, now)] == [False, True], "what is told by the old key is taken still"
        exchange.look()
        exchange.lost_nothing()
    finally:
        me.send("PATCH", sync, {"state": "off", "native_events": "off"})


def _running(me: Caller) -> list[dict[str, Any]]:
    """The subscriptions of an office that no DateTimeStop has ended."""
    return [row for row in me.rows("apisubscription") if str(row["DateTimeStop"]).startswith("0001")]


def _is_told_by_machines(me: Caller) -> bool:
    assert _running(me), "for a while no machine tells anything"
    return True


def _states(me: Caller) -> dict[str, str]:
    return {one["customer_key"]: one["state"] for one in me.steer("GET", "keys")}


def _is_of(arrival: Mapping[str, Any], operation: str, office: Practice, key: str) -> bool:
    by = fingerprint(f"ODFHIR {office.developer_key}/{key}")
    return (arrival["operation"], arrival["key"]) == (operation, by)


def _taken(subscription: Mapping[str, Any]) -> bool:
    """Whether a machine is heard that tells by the address and the key of a subscription."""
    headers = {"Event-Type": "WatchTable: Patient", "Authorization": subscription["CustomerKey"]}
    with httpx.Client(timeout=60, trust_env=False) as http:
        answer = http.post(subscription["EndPointUrl"], headers=headers, content=b"[]")
    assert answer.status_code in {200, 404}, f"an event is answered {answer.status_code}"
    return answer.status_code == 200


def _put_off(told: Mapping[str, Any]) -> bool:
    """Whether nothing more is done to the old key for nearly a day."""
    assert told["state"] == "draining", f"it is {told['state']}"
    at = datetime.fromisoformat(told["looked_at_next"])
    return at - datetime.now(UTC) > timedelta(hours=22)


def _a_day_goes_by(box: Sandbox, me: Caller, *since: str) -> None:
    """Set back what is stored of an exchange of keys by a day and an hour: when it was made, `exchange`, and when the
    old key was called with, `use`. Nobody waits for a day here, and no other clock is asked for it."""
    tables = box.function("upstream_worker")["Environment"]["Variables"]
    day = timedelta(hours=25)
    old = ""

    def earlier(exchanges: list[dict[str, Any]]) -> list[dict[str, Any]]:
        nonlocal old
        old = exchanges[-1]["former"]
        times = ("requested_at", "since", "promoted_at", "due_at")
        return [
            *exchanges[:-1],
            exchanges[-1] | {name: f"{datetime.fromisoformat(exchanges[-1][name]) - day}" for name in times},
        ]

    def unused(item: dict[str, Any]) -> dict[str, Any]:
        paces = {name: pace for name, pace in item["keys"].items() if name.partition(".")[0] == old}
        assert paces, "nobody has ever called with the old key"
        for pace in paces.values():
            pace["used_at"] -= day.total_seconds()
        return item

    exchange = {"pk": {"S": f"rotations#{me.practice_id}"}, "sk": {"S": "rotations"}}
    if "use" in since:
        old = json.loads(_item(box, tables["PRACTICES_TABLE"], exchange)["rotations"]["S"])[-1]["former"]
        pace = {"pk": {"S": f"pace#{me.practice_id}"}, "sk": {"S": "pace"}}
        _rewrite(box, tables["PACE_TABLE"], pace, "item", unused)
    if "exchange" in since:
        _rewrite(box, tables["PRACTICES_TABLE"], exchange, "rotations", earlier)


def _item(box: Sandbox, table: str, key: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = box.aws("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
    return found


def _rewrite(box: Sandbox, table: str, key: Mapping[str, Any], name: str, change: Callable[[Any], Any]) -> None:
    """Change a document that is kept in an item, as whoever else changes it does: under its revision."""
    dynamodb = box.aws("dynamodb")
    deadline = time.monotonic() + 30
    while True:
        item = _item(box, table, key)
        try:
            dynamodb.update_item(
                TableName=table,
                Key=key,
                UpdateExpression="SET #name = :value, rev = :next",
                ConditionExpression="rev = :was",
                ExpressionAttributeNames={"#name": name},
                ExpressionAttributeValues={
                    ":value": {"S": json.dumps(change(json.loads(item[name]["S"])))},
                    ":was": item["rev"],
                    ":next": {"N": f"{int(item['rev']['N']) + 1}"},
                },
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            assert time.monotonic() < deadline, "others change it all the time"
        else:
            return


@step("P43", "practice with two ways")
def an_office_is_called_by_its_server_or_by_the_relay(box: Sandbox) -> None:
    office = box.one_more_practice("--beside", "Service", "--tier", "enterprise").practice
    scopes = ("practices:connect", "*:read", "communications:write", "practices.calls:write")
    relay = _of(box, box.connect(office, _chief(box, scopes)))
    assert office.inside, "the practice has no server of its own"
    server = replace(relay, control=office.inside.control_url)
    practice = f"/practices/{relay.practice_id}"
    elsewhere = {"fallback": {"mode": "remote", "base_url": "https://elsewhere.example/api/v1"}}
    _problem(relay.send("PATCH", practice, elsewhere, Idempotency_Key=_key()), 400, "invalid")
    change = {"fallback": {"mode": "remote", "base_url": office.base_url}}
    answer = relay.send("PATCH", practice, change, Idempotency_Key=_key(), Prefer="wait=28")
    assert answer.status_code in {200, 202}, f"a second way is answered {answer.status_code}: {answer.text}"
    done = _settled(relay, answer.json()["id"])
    assert done["state"] == "succeeded", f"a second way to the same office {done['state']}: {done['error']}"
    ways = _TwoWays(relay)
    for one in (relay, server):
        one.steer("DELETE", "log")
    ways.goes_on()
    assert (ways.way(), relay.steer("GET", "log")) == (("first", "ok"), []), "the relay is asked while the server is up"
    # Of one write the server keeps the row and drops the answer, and is then switched off.
    server.steer("POST", "faults", {"match": "commlogs.create", "kind": "drop_answer", "count": 1})
    lost = ways.write(Prefer="wait=10")
    assert lost["state"] in {"unknown", "succeeded"}, f"a write whose answer was lost is {lost['state']}"
    server.steer("PUT", "door", {"open": False})
    try:
        for _ in range(3):
            ways.goes_on()
        assert ways.way() == ("fallback", "degraded"), f"it is called by {ways.way()}"
        made = [one["operation"] for one in relay.steer("GET", "log")]
        assert "commlogs.create" in made and "providers.list" in made, "the relay was not asked for all of it"
        done = _settled(relay, lost["id"], within_s=_SETTLES_WITHIN_S)
        assert done["state"] == "succeeded", f"the write whose answer was lost {done['state']}"
    finally:
        server.steer("PUT", "door", {"open": True})
    server.steer("DELETE", "log")
    deadline = time.monotonic() + _TOLD_WITHIN_S
    while ways.way() != ("first", "ok"):
        assert time.monotonic() < deadline, "after three minutes the server is not taken again"
        ways.goes_on()
    ways.goes_on()
    made = [one["operation"] for one in server.steer("GET", "log")]
    assert "commlogs.create" in made, "what is written goes by the relay still"
    ways.stands_once()


@dataclass
class _TwoWays:
    """An office that has two ways, and what it was told, each of it once."""

    me: Caller
    notes: int = 0

    def __post_init__(self) -> None:
        (found,) = self.me.get(f"/patients?status=active&limit=1&practice_id={self.me.practice_id}")["data"]
        self.patient = found["id"]

    def write(self, **headers: str) -> dict[str, Any]:
        """The operation of one more note."""
        body = {"patient_id": self.patient, "note": f"Way {self.notes}"}
        self.notes += 1
        answer = self.me.send("POST", "/communications", body, Idempotency_Key=_key(), **headers)
        assert answer.status_code in {201, 202}, f"a write is answered {answer.status_code}: {answer.text}"
        return cast("dict[str, Any]", answer.json())

    def goes_on(self) -> None:
        """One more read and one more write are answered, by whichever way."""
        path = f"/providers?limit=1&practice_id={self.me.practice_id}"
        read = self.me.send("GET", path, Cache_Control="no-cache", Prefer="wait=28")
        # What is behind another one goes over to the other way within two minutes: longer than a request may wait.
        assert read.status_code in {200, 202}, f"a read is answered {read.status_code}: {read.text}"
        if read.status_code == 202:
            fetched = _settled(self.me, read.json()["id"], within_s=_SETTLES_WITHIN_S)
            assert fetched["state"] == "succeeded", f"a read {fetched['state']}: {fetched['error']}"
        done = _settled(self.me, self.write(Prefer="wait=28")["id"], within_s=_SETTLES_WITHIN_S)
        assert done["state"] == "succeeded", f"a write {done['state']}: {done['error']}"
        time.sleep(_BREATH_S)

    def way(self) -> tuple[str, str]:
        """By which way the practice is called, and how it is, as the practice and its health agree to say."""
        path = f"/practices/{self.me.practice_id}"
        (used,) = (way for way in self.me.get(path)["ways"] if way["in_use"])
        connection = self.me.get(f"{path}/health")["connection"]
        assert connection["way"] == used["name"], "the practice and its health say two ways"
        return used["name"], connection["status"]

    def stands_once(self) -> None:
        """Each note is there, once."""
        found = _notes(self.me, "Way ")
        assert found == {f"Way {number}": 1 for number in range(self.notes)}, "notes are lost, or there twice"


def _stops(me: Caller, chief: Caller, practice: str, path: str) -> None:
    """Nothing is called any more when an operator says so, until it is allowed again."""
    _problem(me.send("PATCH", practice, {"calls": "stopped"}), 403, "scope-missing")
    stopped = chief.send("PATCH", practice, {"calls": "stopped"}).json()
    try:
        assert stopped["calls"]["state"] == "stopped" and stopped["calls"]["changed_at"], "who stopped it, when"
        me.steer("DELETE", "log")
        _problem(me.send("GET", path, Cache_Control="no-cache"), 503, "calls-stopped")
        assert me.steer("GET", "log") == [], "the office was called all the same"
    finally:
        assert chief.send("PATCH", practice, {"calls": "allowed"}).status_code == 200, "calls cannot be allowed again"
    assert me.send("GET", path, Cache_Control="no-cache").status_code == 200, "what is allowed again does not go on"


@step("P22", FIRST)
def all_of_open_dental_is_there(box: Sandbox) -> None:
    made = "employers.create"
    me = _as(box, "raw", "*:read", "resources:read", f"resources:{made}")
    listed = {one["operation"]: one for one in me.get("/resources")["data"]}
    assert len(listed) == _OPERATIONS, f"{len(listed)} operations are listed"
    reasons = {one["reason"] for one in listed.values() if not one["allowed"]}
    known = {"operation-closed", "use-normalized", "permission-missing", "version-too-old"}
    assert reasons <= known, f"an operation is refused for {sorted(map(str, reasons - known))}"
    for one in listed.values():
        path = re.sub(r"\{\w+\}", "1", one["path"])
        if one["exposure"] == "closed":
            _problem(me.send(one["method"], path, {}, Idempotency_Key=_key()), 403, "operation-closed")
    lost = next(one for one in listed.values() if one["operation"] == "employers.update")
    answer = me.send("PATCH", re.sub(r"\{\w+\}", "1", lost["path"]), {"emp_name": "Acme"}, Idempotency_Key=_key())
    problem = _problem(answer, 403, "scope-missing")
    assert problem["scope"] == "resources:employers.update", "the problem does not name the scope"
    problem = _problem(me.send("GET", "/resources/patients?LNmae=anybody"), 400, "invalid")
    assert problem["param"] == "LNmae", "the problem does not name the misspelt parameter"
    name = f"Fernworth {_key()[-9:]}"
    done = me.send("POST", "/resources/employers", {"emp_name": name}, Idempotency_Key=_key())
    assert done.status_code == 201, f"a write with its scope is answered {done.status_code}: {done.text}"
    assert len(me.rows("employer", EmpName=name)) == 1, "the practice does not have the row"
    seen = me.get(f"/resources/employers/{done.json()['result']['key']}")
    assert seen["emp_name"] == name, "what was written is not read back"


_SINGLE_OF_PATIENT = {"adjustments", "allergies", "conditions", "medications", "recalls", "treatment_plans"}
"""Families of which one is asked for by its patient as well."""

_OF_PATIENT = {
    "procedures": "procedurelog",
    "claims": "claim",
    "payments": "payment",
    "adjustments": "adjustment",
    "payment_plans": "payplan",
    "balances": "patient",
    "coverages": "patplan",
    "allergies": "allergy",
    "medications": "medicationpat",
    "conditions": "disease",
    "communications": "commlog",
    "recalls": "recall",
    "documents": "document",
    "treatment_plans": "treatplan",
    "perio_exams": "perioexam",
}
"""Family -> the table that says which patient has several of them."""

_OF_ANY = (
    "patients?status=active",
    "appointments?date_from={day}&date_to={later}",
    "schedules?date_from={day}&date_to={later}",
    "tasks?created_from=2020-01-01",
    "task_lists?",
    "providers?",
    "locations?",
    "operatories?",
    "carriers?",
    "appointment_types?",
    "procedure_codes?",
    "recall_types?",
    "definitions?",
)


def _listed_paged_and_got(me: Caller, path: str, single: str = "") -> None:
    """Hold a list of `path` to its pages, and its first object to the one that is asked for alone."""
    family = path.partition("?")[0]
    between = "" if path.endswith("?") else "&"
    slowly = {"Prefer": "wait=28", "Cache_Control": "max-age=300"}
    whole = me.get(f"/{path}{between}limit=500&practice_id={me.practice_id}", **slowly)["data"]
    assert whole, f"/{family} is empty"
    first = me.get(f"/{path}{between}limit=1&practice_id={me.practice_id}", **slowly)
    paged = first["data"]
    if first["has_more"]:
        cursor = f"&limit={len(whole)}&cursor={first['next_cursor']}"
        paged += me.get(f"/{path}{between}practice_id={me.practice_id}{cursor}", **slowly)["data"]
    assert [one["id"] for one in paged] == [one["id"] for one in whole], f"pages of /{family} do not make the whole"
    alone = me.get(f"/{family}/{whole[0]['id']}{single}", **slowly)
    # What a list does not know is null there. Open Dental has other columns of a document in lists than of it alone,
    # and a balance alone is made of more rows.
    unlike = {"synced_at", "version"} if family in {"documents", "balances"} else {"synced_at"}
    known = {name: value for name, value in whole[0].items() if name not in unlike and value is not None}
    differing = [name for name, value in known.items() if alone.get(name) != value]
    assert not differing, f"one of /{family} differs from its list in {', '.join(differing)}"


@step("P23", FIRST, SECOND)
def every_family_is_one_object(box: Sandbox) -> None:
    def _half(number: int) -> None:
        me = _caller(box, number)
        patients = me.every("/patients?status=active,inactive,non_patient&limit=500")
        # Of others some families show less: disabled recalls.
        active = {row["source"]["key"]: row["id"] for row in patients if row["status"] == "active"}
        everybody = {row["source"]["key"]: row["id"] for row in patients}
        days = {"day": _today(me), "later": _today(me) + timedelta(days=7)}
        for path in _OF_ANY[number :: len(box.practices)]:
            _listed_paged_and_got(me, path.format(**days))
        for family in list(_OF_PATIENT)[number :: len(box.practices)]:
            owners = Counter(str(row["PatNum"]) for row in me.rows(_OF_PATIENT[family]))
            found = [who[key] for who in (active, everybody) for key, _ in owners.most_common() if key in who]
            patient = found[0] if found else None
            if patient is None:
                # Nobody has any: then the list is empty, and no error.
                nobody = next(iter(everybody.values()))
                assert not me.every(f"/{family}?patient_id={nobody}", Prefer="wait=28"), f"/{family} is of nobody"
                continue
            single = f"?patient_id={patient}" if family in _SINGLE_OF_PATIENT else ""
            _listed_paged_and_got(me, f"{family}?patient_id={patient}", single)

    with ThreadPoolExecutor() as pool:
        list(pool.map(_half, range(len(box.practices))))


@step("P24", FIRST)
def a_free_time_is_kept_for_its_holder(box: Sandbox) -> None:
    me = _caller(box)
    other = _as(box, "rival", "*:read", "appointments:write")
    visit = _visit(me)
    path = f"/slots/next_available?provider_id={visit['provider_id']}&duration_minutes=20&notice_minutes=1440"
    slot = me.get(f"{path}&practice_id={me.practice_id}", Prefer="wait=28")["data"][0]
    wanted = {name: slot[name] for name in ("provider_id", "operatory_id", "local_start")}
    held = me.send("POST", "/slots/hold", wanted | {"duration_minutes": 20}, Idempotency_Key=_key())
    assert held.status_code == 201, f"a hold is answered {held.status_code}: {held.text}"
    booking = wanted | {"patient_id": visit["patient_id"], "duration_minutes": 20}
    again = other.send("POST", "/slots/hold", wanted | {"duration_minutes": 20}, Idempotency_Key=_key())
    _problem(again, 409, "clash")
    refused = _problem(other.send("POST", "/create_appointment", booking, Idempotency_Key=_key()), 409, "clash")
    assert slot["local_start"] not in {one["local_start"] for one in refused["alternatives"]}, "it is offered again"
    answer = me.send(
        "POST",
        "/create_appointment",
        booking | {"hold_id": held.json()["id"]},
        Idempotency_Key=_key(),
        Prefer="wait=28",
    )
    assert answer.status_code == 201, f"its holder is answered {answer.status_code}: {answer.text}"
    assert answer.json()["result"]["local_start"] == slot["local_start"], "another time was booked"


@step("P25", FIRST, SECOND)
def a_patient_is_shown_whole(box: Sandbox) -> None:
    me = _caller(box, 1)
    patient = _visit(me)["patient_id"]
    # Some twenty calls of the practice's pace: more than a request may wait, so it is asked again.
    answer = me.send("GET", f"/patients/{patient}/360", Prefer="wait=28")
    if answer.status_code == 202:
        _ended(me, answer.json()["id"])
        answer = me.send("GET", f"/patients/{patient}/360", Prefer="wait=28")
    assert answer.status_code == 200, f"answered {answer.status_code}: {answer.text}"
    sections = answer.json()["sections"]
    untold = [name for name, one in sections.items() if one["status"] != "ok" or not one["as_of"]]
    assert not untold, f"{', '.join(untold)}: not there, or of no age"
    assert sections["demographics"]["data"]["id"] == patient, "it is somebody else"
    lesser = _caller(box)
    patient = _visit(lesser)["patient_id"]
    narrow = _as(box, "desk", "patients:read", "appointments:read")
    path = f"/patients/{patient}/360?sections=demographics,appointments,claims"
    sections = narrow.get(path, Prefer="wait=28")["sections"]
    assert sections["claims"]["status"] == "unavailable", "a section without its scope is shown"
    assert sections["claims"]["reason"]["scope"] == "claims:read", "the section does not say what is missing"
    assert {sections[name]["status"] for name in ("demographics", "appointments")} == {"ok"}, "the others are not there"


def _ended(me: Caller, operation: str) -> None:
    deadline = time.monotonic() + 60
    while me.get(f"/operations/{operation}")["state"] not in {"succeeded", "failed"}:
        assert time.monotonic() < deadline, "the fetch does not end"
        time.sleep(1)


@step("P26", FIRST)
def the_same_is_there_as_fhir(box: Sandbox) -> None:
    me = _caller(box)
    visit = _visit(me)
    statement = me.get("/fhir/R4/metadata")
    assert statement["fhirVersion"] == "4.0.1", "the statement is of another FHIR"
    types = {one["type"]: {param["name"] for param in one["searchParam"]} for one in statement["rest"][0]["resource"]}
    assert len(types) == _FHIR_TYPES, f"{len(types)} types are served"
    first, last = _today(me) + timedelta(days=1), _today(me) + timedelta(days=3)
    special = {
        "Patient": "active=true",
        "Schedule": f"date=ge{first}&date=le{last}",
        "Slot": f"start=ge{first}&start=le{last}&-duration=20",
    }
    for name, params in types.items():
        bound = special.get(name) or (f"patient={visit['patient_id']}" if "patient" in params else "")
        page = _searched(me, f"/fhir/R4/{name}?{bound}&_count=1&practice_id={me.practice_id}")
        links = {link["relation"]: link["url"] for link in page["link"]}
        assert "self" in links, f"a page of {name} has no link to itself"
        shown = [entry["resource"]["resourceType"] for entry in page.get("entry", ())]
        assert set(shown) <= {name}, f"a search of {name} finds {', '.join(shown)}"
        if "next" in links:
            # Links have the address that API Gateway has of its own; the emulator's is another.
            further = _searched(me, "/fhir/R4" + links["next"].partition("/fhir/R4")[2])
            ids = [entry["resource"]["id"] for one in (page, further) for entry in one["entry"]]
            assert len(set(ids)) == 2, f"the next page of {name} is the same one"
        else:
            assert name not in {"Patient", "Slot", "Schedule", "Practitioner"}, f"a page of {name} has no next one"
    refused = me.send("GET", "/fhir/R4/Patient?nmae=anybody", Prefer="handling=strict")
    assert refused.status_code == 400, f"a misspelt parameter is answered {refused.status_code}"
    assert refused.json()["resourceType"] == "OperationOutcome", "an error is no OperationOutcome"
    # What is refused before a type is asked is API Gateway's, which has one form of error for all paths.
    nobody = replace(me, token=f"{me.token}x")
    _problem(nobody.send("GET", "/fhir/R4/metadata"), 401, "unauthenticated")


def _searched(me: Caller, path: str) -> dict[str, Any]:
    answer = me.send("GET", path, Prefer="wait=28")
    assert answer.status_code == 200, f"a search is answered {answer.status_code}: {answer.text}"
    assert answer.headers["Content-Type"].startswith("application/fhir+json"), "the answer is no FHIR"
    page = cast("dict[str, Any]", answer.json())
    assert (page["resourceType"], page["type"]) == ("Bundle", "searchset"), "the answer is no searchset"
    return page


@step("P27", SECOND)
def a_change_changes_what_it_names(box: Sandbox) -> None:
    me = _caller(box, 1)
    visit = _visit(me)
    start = _free_start(me, visit, minutes=25)
    booked = me.send("POST", "/appointments", _booking(visit, start, note="by the window"), Idempotency_Key=_key())
    one = _settled(me, booked.json()["id"])["result"]
    later = (datetime.fromisoformat(start) + timedelta(minutes=5)).isoformat()
    for named, columns in (
        ({"local_start": later}, {"AptDateTime"}),
        ({"status": "arrived", "allow_other_day": True}, {"DateTimeArrived", "Confirmed"}),
        ({"status": "cancelled"}, {"AptStatus"}),
    ):
        key = {"AptNum": one["source"]["key"]}
        _changes(me, f"/appointments/{one['id']}", "appointment", key, named=named, columns=columns)
    patient = me.get(f"/patients/{visit['patient_id']}")
    key = {"PatNum": patient["source"]["key"]}
    chart = {"chart_number": _key()[-8:]}
    _changes(me, f"/patients/{patient['id']}", "patient", key, named=chart, columns={"ChartNumber"})


_STAMPS = {"DateTStamp", "SecDateTEdit"}


def _changes(
    me: Caller,
    path: str,
    table: str,
    key: Mapping[str, object],
    *,
    named: Mapping[str, Any],
    columns: set[str],
) -> None:
    """Hold a change to the columns that it is to touch, in the practice's own row."""
    (before,) = me.rows(table, **key)
    answer = me.send("PATCH", path, named, Idempotency_Key=_key(), Prefer="wait=28")
    assert answer.status_code in {200, 201}, f"a change of {', '.join(named)} is {answer.status_code}: {answer.text}"
    (after,) = me.rows(table, **key)
    changed = {name for name in after if after[name] != before[name]} - _STAMPS
    assert changed == columns, f"a change of {', '.join(named)} touched {', '.join(sorted(changed)) or 'nothing'}"


@step("P28", FIRST, "practice by FHIR")
def a_key_for_fhir_alone_reads_the_same_objects(box: Sandbox) -> None:
    me = _caller(box)
    by_rest = {row["source"]["key"]: row for row in me.every("/patients?status=active&limit=500")}
    other = _of(box, box.one_more_practice("--permissions", ""))
    by_fhir = {row["source"]["key"]: row for row in other.every("/patients?status=active&limit=500", Prefer="wait=28")}
    assert set(by_fhir) == set(by_rest), "other patients are read by FHIR"
    for key, row in by_fhir.items():
        # FHIR has no preferred name.
        for field in ("first", "middle", "last"):
            assert row["name"][field] == by_rest[key]["name"][field], "the name is another by FHIR"
        assert row["birth_date"] == by_rest[key]["birth_date"], "the birth date is another by FHIR"
    calls = {one["operation"] for one in other.steer("GET", "log") if one["status"] == 200}
    assert calls == {"fhir"}, f"it answered {', '.join(sorted(calls))}"


@dataclass(frozen=True)
class Mirrored:
    """A practice whose mirror is loaded, and what was answered on the way there."""

    me: Caller
    practice: Practice
    sync: str
    before: dict[str, Any]
    """Of the mirror, before it was turned on."""
    dry: dict[str, Any]
    cold: dict[str, Any]
    """The busiest day, read at Open Dental."""
    calls: list[str]
    """Those it took."""
    alerts: dict[str, Any]
    warm: dict[str, Any]
    """The same day, once the mirror was complete."""


@cache
def _mirrored_office(box: Sandbox) -> Mirrored:
    """The one mirror that the tour loads: a load takes a minute, and as much again to be offered its turns."""
    # While an office is closed its changes are looked for a third as often, and this tour would wait for that.
    office = box.one_more_practice("--tier", "enterprise", "--zone", open_zone(datetime.now(UTC)))
    scopes = ("practices:connect", "*:read", "notes", "appointments:write", "sync:write", "webhooks:write")
    client = box.new_client("mirror", scopes=scopes, kind="operator")
    me = _of(box, box.connect(office.practice, client))
    assert marks.mark(me.steer), "nothing was marked"
    sync = f"/practices/{me.practice_id}/sync"
    before = me.get(sync)
    days = [str(row["AptDateTime"])[:10] for row in me.rows("appointment", AptStatus=1)]
    path = f"/day?practice_id={me.practice_id}&date={max(sorted(set(days)), key=days.count)}"
    dry = me.get(f"{path}&dry_run=true")
    people = f"{path}&sections=patients,balance,coverage,recalls"
    me.steer("DELETE", "log")
    cold = me.get(people, Prefer="wait=28")
    calls = [one["operation"] for one in me.steer("GET", "log")]
    alerts = me.get(f"{people},alerts", Prefer="wait=28", Cache_Control="max-age=120")
    # By query each patient's lists would be read as well, which takes minutes at this pace; changes come by query.
    turned = me.send("PATCH", sync, {"state": "on", "queries": "off"})
    assert turned.status_code == 200, f"turning it on is answered {turned.status_code}: {turned.text}"
    _mirrored(me, sync, lambda told: told["phase"] == "complete", "is not complete")
    warm = me.get(f"{people},schedules")
    return Mirrored(me, office.practice, sync, before, dry, cold, calls, alerts, warm)


@step("P29", "mirrored practice")
def a_mirror_answers_without_a_call(box: Sandbox) -> None:
    mirrored = _mirrored_office(box)
    me, sync = mirrored.me, mirrored.sync
    assert mirrored.before["state"] == "off", "a mirror is on that nobody turned on"
    assert me.send("PATCH", sync, {"queries": "on"}).json()["queries"]["allowed"], "the key may not query"
    page = me.get(f"/patients?status=active&limit=500&practice_id={me.practice_id}")
    living = {str(row["PatNum"]) for row in me.rows("patient", PatStatus=0)}
    assert {row["source"]["key"] for row in page["data"]} == living, "other patients are mirrored than there are"
    meta = page["meta"]
    assert (meta["served_from"], meta["upstream_calls"]) == ("mirror", 0), f"the answer is of {meta['served_from']}"
    live = me.get(f"/patients/{page['data'][0]['id']}", Cache_Control="no-cache")["meta"]
    assert live["served_from"] == "live" and live["upstream_calls"] >= 1, "who takes no copy is given one"
    name = f"Mirror{_key()[-8:]}"
    me.steer("POST", "rows", [{"resource": "patients", "row": {"LName": name, "FName": "Ada", "PatStatus": "Patient"}}])
    deadline = time.monotonic() + 120
    path = f"/patients?name={name}&practice_id={me.practice_id}"
    while not (found := me.get(path, Cache_Control="max-age=600"))["data"]:
        assert time.monotonic() < deadline, "who is new at the office is not in the mirror after two minutes"
        time.sleep(2)
    assert found["meta"]["served_from"] == "mirror", "Open Dental was asked for somebody new"


@step("P30", "mirrored practice")
def a_day_is_one_answer(box: Sandbox) -> None:
    mirrored = _mirrored_office(box)
    dry, cold, alerts, warm = mirrored.dry, mirrored.cold, mirrored.alerts, mirrored.warm
    assert (dry["visits"], dry["meta"]["upstream_calls"]) == (None, 0), "a dry run has asked Open Dental"
    assert cold["visits"], "nobody comes on the busiest day"
    _whole(cold)
    assert len(mirrored.calls) <= _CALLS_OF_A_DAY, f"it took {', '.join(mirrored.calls)}"
    _whole(alerts)
    assert alerts["meta"]["upstream_calls"] == 1, f"alerts take {alerts['meta']['upstream_calls']} calls beside them"
    _whole(warm)
    assert (warm["meta"]["served_from"], warm["meta"]["upstream_calls"]) == ("mirror", 0), f"{warm['meta']}"
    assert [_greeted(one) for one in warm["visits"]] == [_greeted(one) for one in cold["visits"]], "they are others"


def _whole(day: dict[str, Any]) -> None:
    missing = [name for name, one in day["sections"].items() if one["status"] != "ok" or not one["as_of"]]
    assert not missing, f"{', '.join(missing)}: not there, or of no age"


def _greeted(visit: dict[str, Any]) -> tuple[Any, ...]:
    return (visit["appointment"]["id"], *(visit[name] for name in ("patient", "balance", "coverage", "recalls")))


def _mirrored(me: Caller, sync: str, when: Callable[[dict[str, Any]], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _LOADS_WITHIN_S
    while not when(told := me.get(sync)):
        waiting = ", ".join(f"{one['resource']} ({one['why']})" for one in told["resources"] if one["is_stale"])
        assert time.monotonic() < deadline, f"the mirror {otherwise}: {waiting}"
        time.sleep(2)


@step("P31", "practices of a group")
def one_person_is_found_across_a_group(box: Sandbox) -> None:
    # Practices of its own: one is in one group at most, and whoever looks around here may have made some.
    offices = [box.one_more_practice() for _ in range(2)]
    scopes = ("practices:connect", "*:read", "notes", "patients.match", "groups:write")
    key, alone = (box.new_client(name, scopes=scopes, kind="operator") for name in ("group", "alone"))
    for office in offices:
        box.connect(office.practice, key)
    box.connect(offices[0].practice, alone)
    home, there = (_of(box, office) for office in offices)
    me = replace(home, token=key)
    both = sorted((home.practice_id, there.practice_id))
    zoe = _person(home, lambda row: row["birth_date"] and row["phones"] and row["phones"][0]["number"])
    search = {
        "across": "group",
        "name": f"{zoe['name']['last']}, {zoe['name']['first']}",
        "birth_date": zoe["birth_date"],
        "phone": zoe["phones"][0]["number"],
    }
    _problem(me.send("POST", "/patients/search", search), 403, "no-group")
    wanted = {"name": "Elm and Oak", "practice_ids": both, "agreement": {"reference": "binder 7"}}
    name = _key()
    made, again = (me.send("POST", "/groups", wanted, Idempotency_Key=name) for _ in range(2))
    assert made.status_code == again.status_code == 201, f"a group is answered {made.status_code}: {made.text}"
    assert made.json() == again.json() == me.get(f"/groups/{made.json()['id']}"), "a repeat made another group"
    _found_at(me, search, both, zoe)
    group = f"/groups/{made.json()['id']}"
    without = replace(home, token=box.client_key).send("POST", "/patients/search", search)
    problem = _problem(without, 403, "scope-missing")
    assert problem["scope"] == "patients.match", f"it lacks {problem['scope']}"
    _is_not_there(replace(home, token=alone), group, search, there.practice_id)
    yesterday = _today(home) - timedelta(days=2)
    over = {"agreement": {"reference": "binder 7", "expires_on": f"{yesterday}"}}
    assert me.send("PATCH", group, over).status_code == 200, "a group cannot be changed"
    _problem(me.send("POST", "/patients/search", search), 403, "agreement-not-current")
    assert me.send("DELETE", group).status_code == 204, "a group cannot be deleted"
    _problem(me.send("GET", f"/patients/{zoe['id']}/360?across=group"), 403, "no-group")


def _person(me: Caller, fits: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Somebody of the practice who is there under one name once, in whatever case."""
    people = me.every("/patients?status=active&limit=500")
    names = Counter(str(row["name"]["full"]).casefold() for row in people)
    return next(row for row in people if fits(row) and names[row["name"]["full"].casefold()] == 1)


def _found_at(me: Caller, search: Mapping[str, Any], both: list[str], zoe: Mapping[str, Any]) -> None:
    answer = me.send("POST", "/patients/search", search)
    assert answer.status_code == 200, f"the search is answered {answer.status_code}: {answer.text}"
    found = answer.json()
    certain = [row for row in found["data"] if row["level"] == "certain"]
    assert [row["practice_id"] for row in certain] == both, "the person is not found once at each practice"
    assert len({row["patient_id"] for row in certain}) == len(both), "two records have become one"
    for row in certain:
        agrees = {one["field"] for one in row["reasons"] if one["kind"] in {"exact", "folded"}}
        assert {"birth_date", "last_name", "first_name", "phone"} <= agrees, "the reasons do not say what agrees"
    left_out = [one for one in found["meta"]["practices"] if "unavailable" in one]
    assert not left_out, f"a practice was not searched: {left_out}"
    whole = me.get(f"/patients/{zoe['id']}/360?across=group&sections=demographics", Prefer="wait=25")
    (other,) = (one for one in whole["others"] if one["level"] == "certain")
    data = other["sections"]["demographics"]["data"]
    assert data["id"] == other["patient_id"] != zoe["id"], "the other practice's record is not its own"
    assert whole["sections"]["demographics"]["data"]["id"] == zoe["id"], "the patient's own record is another"


def _is_not_there(stranger: Caller, group: str, search: Mapping[str, Any], other_id: str) -> None:
    """Whoever has one practice of the group learns nothing of the group or of the other."""
    answer = stranger.send("POST", "/patients/search", search)
    _problem(answer, 403, "no-group")
    assert other_id not in answer.text, "a practice is named that is not the client's"
    _problem(stranger.send("GET", group), 404, "not-found")
    assert stranger.get("/groups")["data"] == [], "a group is shown to whoever has a part of it"


_TOLD = {
    *("id", "type", "occurred_at", "detected_at", "practice_id", "object", "object_id", "sequence", "cause", "changed"),
    *("before", "after", "related"),
}
_TOLD_OF_A_VISIT = {"status", "start_at", "end_at", "local_start"}
_TOLD_WITHIN_S = 180
"""While the office is closed it is asked for changes once a minute."""


@step("P32", "mirrored practice")
def what_happens_is_told(box: Sandbox) -> None:
    mirrored = _mirrored_office(box)
    me = mirrored.me
    # That the practice was connected is an operation, and nothing that happened there.
    told = [one["type"] for one in me.every("/events?limit=500")[::-1] if one["object"] != "operation"]
    assert told[0] == "sync.loaded", f"of the first load {told[0]} is told"
    assert told.count("sync.loaded") == 1, "one load is told twice"
    visit = _visit(me)
    queue = _listening(box, me.practice_id)
    moved = _moved(me, visit)
    event = _told(me, f"type=appointment.rescheduled&object_id={visit['id']}")
    assert event["cause"] in {"poll", "sweep"}, f"what the office did is told as {event['cause']}"
    assert event["before"]["start_at"] == visit["start_at"], "the time before is another one"
    assert event["after"]["local_start"] == moved.isoformat(), "the time after is another one"
    marker = f"Told{_key()[-8:]}"
    write = me.send("PATCH", f"/appointments/{visit['id']}", {"note": marker}, Idempotency_Key=_key(), Prefer="wait=28")
    assert write.status_code == 200, f"a note is answered {write.status_code}: {write.text}"
    own = _told(me, f"type=appointment.updated&object_id={visit['id']}")
    assert (own["cause"], own["changed"]) == ("own_write", ["note"]), f"a write is told as {own}"
    ended = _told(me, f"type=operation.succeeded&object_id={write.json()['id']}")
    come = {one["detail"]["id"]: one for one in _received(box, queue, {one["id"] for one in (event, own, ended)})}
    words = _words(me, visit) | {marker}
    for one in (event, own, ended):
        on_bus = come[one["id"]]
        assert (on_bus["source"], on_bus["detail-type"]) == ("open-dental-gateway", one["type"]), "it is another's"
        assert one.items() >= on_bus["detail"].items(), "the bus tells another event than the log"
        more = set(on_bus["detail"]) - _TOLD
        # What a request brought about says by which.
        assert more <= {"correlation_id"} and set(on_bus["detail"]) >= _TOLD, f"an event has {sorted(more)}"
        assert not _says(on_bus, words), "an event says who, or what"
    assert event["before"].keys() | event["after"].keys() <= _TOLD_OF_A_VISIT, "an event tells more of a visit"
    _is_not_told(box, mirrored, event, ended)


def _moved(me: Caller, visit: Mapping[str, Any]) -> datetime:
    """When a visit is by the office's wall clock, after the office has moved it by a week."""
    key = visit["source"]["key"]
    (row,) = me.rows("appointment", AptNum=key)
    moved = datetime.fromisoformat(str(row["AptDateTime"])) + timedelta(days=7)
    me.steer("PATCH", f"rows/appointment?AptNum={key}", {"AptDateTime": f"{moved}"})
    return moved


def _words(me: Caller, visit: Mapping[str, Any]) -> set[str]:
    """What would say who comes to a visit."""
    people = me.rows("patient", PatNum=me.get(f"/patients/{visit['patient_id']}")["source"]["key"])
    return {str(person[name]) for person in people for name in ("LName", "FName")} - {""}


def _says(told: object, words: set[str]) -> bool:
    said = json.dumps(told)
    return any(re.search(rf"\b{re.escape(word)}\b", said) for word in words)


def _listening(box: Sandbox, practice_id: str) -> str:
    """A queue behind a rule on the bus, as anybody in the account would make them; its URL."""
    name = f"listener-{practice_id}"
    queue: str = box.aws("sqs").create_queue(QueueName=name)["QueueUrl"]
    told = box.aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    pattern = {"source": ["open-dental-gateway"], "detail": {"practice_id": [practice_id]}}
    rule = {"EventBusName": "open-dental-gateway-sandbox"}
    box.aws("events").put_rule(Name=name, EventPattern=json.dumps(pattern), **rule)
    box.aws("events").put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": told["QueueArn"]}], **rule)
    return queue


def _told(me: Caller, asked: str) -> dict[str, Any]:
    """The newest event that is asked for, once it is there."""
    deadline = time.monotonic() + _TOLD_WITHIN_S
    path = f"/events?practice_id={me.practice_id}&{asked}"
    while not (found := me.get(path)["data"]):
        assert time.monotonic() < deadline, f"after three minutes there is no event of {asked.partition('&')[0]}"
        time.sleep(1)
    return cast("dict[str, Any]", found[0])


def _received(box: Sandbox, queue: str, ids: set[str]) -> list[dict[str, Any]]:
    """What has come to a queue, once these events are among it."""
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + _TOLD_WITHIN_S
    while missing := ids - {one["detail"]["id"] for one in found}:
        assert time.monotonic() < deadline, f"{len(missing)} events have not come to the queue behind the rule"
        answer = box.aws("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        found += [json.loads(one["Body"]) for one in answer.get("Messages", ())]
    return found


def _is_not_told(
    box: Sandbox, mirrored: Mirrored, of_object: Mapping[str, Any], of_operation: Mapping[str, Any]
) -> None:
    """A client that may not read the objects is shown none of their events, and nothing of another's operations."""
    key = box.new_client("listener", scopes=("practices:connect", "events:read"))
    stranger = _of(box, box.connect(mirrored.practice, key))
    types = {one["type"].partition(".")[0] for one in stranger.every("/events?limit=500")}
    assert types <= {"sync", "webhook"}, f"without their scopes events of {', '.join(sorted(types))} are shown"
    _problem(stranger.send("GET", f"/events/{of_object['id']}"), 403, "scope-missing")
    _problem(stranger.send("GET", f"/events/{of_operation['id']}"), 404, "not-found")


_TRIED_FOR = timedelta(seconds=10)
"""How long an endpoint has to answer."""


@step("P34", "mirrored practice")
def what_happens_comes_to_a_webhook(box: Sandbox) -> None:
    me = _mirrored_office(box).me
    visit = _visit(me)
    queue = _listening(box, me.practice_id)
    webhooks = {name: _webhook(box, me, name) for name in ("well", "hangs")}
    since = datetime.now(UTC)
    box.receiver.tell("hangs", delay_s=30)
    try:
        marker = f"Told{_key()[-8:]}"
        write = {"note": marker}
        path = f"/appointments/{visit['id']}"
        answer = me.send("PATCH", path, write, Idempotency_Key=_key(), Prefer="wait=28")
        assert answer.status_code == 200, f"a note is answered {answer.status_code}: {answer.text}"
        _moved(me, visit)
        # Of the same visit other steps may have had events.
        asked = f"object_id={visit['id']}&since={since:%Y-%m-%dT%H:%M:%SZ}&type=appointment"
        told = [_told(me, f"{asked}.updated"), _told(me, f"{asked}.rescheduled")]
        assert [one["cause"] == "own_write" for one in told] == [True, False], "an event is told of another cause"
        ids = {one["id"] for one in told}
        on_bus = {one["detail"]["id"]: one["detail"] for one in _received(box, queue, ids)}
        come = _come(box, "well", ids)
        for one in told:
            message = come[one["id"]]
            assert message.signature == "good", f"the signature of a message is {message.signature}"
            assert set(message.body) == {"type", "timestamp", "data"}, f"a message has {sorted(message.body)}"
            assert message.body["data"] == on_bus[one["id"]], "a webhook tells another event than the bus"
            assert not _says(message.body, _words(me, visit) | {marker}), "a message says who, or what"
        slow = _come(box, "hangs", ids)
        for one in ids:
            late = come[one].received_at - slow[one].received_at
            assert late < _TRIED_FOR, f"it came {late} after it was sent to an endpoint that hangs"
        _once_each(box, "well")
    finally:
        for endpoint in webhooks.values():
            me.send("DELETE", f"/webhooks/{endpoint}")


def _webhook(box: Sandbox, me: Caller, hook: str) -> str:
    """Have events of visits sent to a hook of the sandbox's receiver, which is told the secret; the webhook's id."""
    wanted = {
        "url": f"{box.receiver.url}/hooks/{hook}",
        "types": ["appointment.*"],
        "practice_ids": [me.practice_id],
    }
    made = me.send("POST", "/webhooks", wanted, Idempotency_Key=_key())
    assert made.status_code == 201, f"a webhook is answered {made.status_code}: {made.text}"
    box.receiver.put(hook, made.json())
    return str(made.json()["id"])


def _come(box: Sandbox, hook: str, ids: set[str]) -> dict[str, Received]:
    """What has come to a hook first with each of these ids, once all have."""
    deadline = time.monotonic() + _TOLD_WITHIN_S
    while missing := ids - (found := {one.id: one for one in box.receiver.deliveries(hook)}).keys():
        assert time.monotonic() < deadline, f"{len(missing)} events have not come to the webhook"
        time.sleep(0.2)
    return found


def _once_each(box: Sandbox, hook: str) -> None:
    counts = Counter(one.id for one in box.receiver.deliveries(hook))
    assert set(counts.values()) == {1}, f"a message came {max(counts.values())} times"


@step("P35", "mirrored practice")
def what_machines_tell_is_told(box: Sandbox) -> None:
    mirrored = _mirrored_office(box)
    me = mirrored.me
    visit = _visit(me)
    assert me.send("PATCH", mirrored.sync, {"native_events": "on"}).status_code == 200, "it cannot be turned on"
    try:
        _native(me, mirrored, lambda told: _table(told, "Appointment")["state"] == "subscribed")
        ours = [row for row in me.rows("apisubscription") if row["WatchTable"] == "Appointment"]
        assert len(ours) == 1, f"visits are subscribed {len(ours)} times"
        since = datetime.now(UTC)
        moved = _moved(me, visit)
        asked = f"type=appointment.rescheduled&object_id={visit['id']}&since={since:%Y-%m-%dT%H:%M:%SZ}"
        event = _told(me, asked)
        assert event["cause"] == "native", f"what a machine told is told as {event['cause']}"
        assert event["after"]["local_start"] == moved.isoformat(), "the time after is another one"
        shown = me.get(f"/appointments/{visit['id']}")
        assert (shown["local_start"], shown["meta"]["served_from"]) == (moved.isoformat(), "mirror"), "it is not read"
        _tells_nobody_else(ours[0]["EndPointUrl"], ours[0]["CustomerKey"])
        _native(me, mirrored, lambda told: _table(told, "Patient")["state"] == "subscribed")
        _machines_tell_of_everything(box, me, visit)
    finally:
        me.send("PATCH", mirrored.sync, {"native_events": "off"})
    _native(me, mirrored, lambda told: told["ended_at"] is not None)
    left = [row for row in me.rows("apisubscription") if str(row["DateTimeStop"]).startswith("0001")]
    assert not left, f"{len(left)} subscriptions run on"


_OF_WHAT_MACHINES_TELL = {
    ("dynamodb:BatchWriteItem", "records", ""): "of somebody new",
    ("dynamodb:DeleteItem", "records", ""): "of somebody with another name",
    ("dynamodb:UpdateItem", "records", ""): "of a visit in a month without any",
    ("dynamodb:GetItem", "pace", ""): "of a visit that is gone",
}
"""What `take_hooks` does for what it is told of."""


def _machines_tell_of_everything(box: Sandbox, me: Caller, visit: Mapping[str, Any]) -> None:
    """Have machines tell of all of it, again where a poll had read it a moment before."""
    row, variables = function("take_hooks"), box.function("take_hooks")["Environment"]["Variables"]
    number, apt, deadline = 0, visit["source"]["key"], time.monotonic() + _TOLD_WITHIN_S
    while missing := _OF_WHAT_MACHINES_TELL.keys() - used(box.aws_calls(row.name), row, variables):
        untold = ", ".join(_OF_WHAT_MACHINES_TELL[one] for one in missing)
        assert time.monotonic() < deadline, f"machines were not heard {untold}"
        told_at = str(me.steer("GET", "clock")["now"])[:19]
        gone = {"AptNum": int(apt), "HistApptAction": "Deleted", "HistDateTStamp": told_at}
        me.steer("POST", "rows", [{"resource": "histappointments", "row": gone}])
        number += 1
        far = f"{_today(me) + timedelta(days=400 + 31 * number)} 09:00:00"
        me.steer("PATCH", f"rows/appointment?AptNum={apt}", {"AptDateTime": far})
        name = f"Native{_key()[-8:]}"
        new = {"LName": name, "FName": "Ada", "PatStatus": "Patient", "WirelessPhone": "(555)319-8744"}
        (key,) = me.steer("POST", "rows", [{"resource": "patients", "row": new}])
        _is_found(me, name)
        me.steer("PATCH", f"rows/patient?PatNum={key}", {"LName": f"{name}er"})
        _is_found(me, f"{name}er")


def _is_found(me: Caller, name: str) -> None:
    deadline = time.monotonic() + _TOLD_WITHIN_S
    while not me.get(f"/patients?name={name}&practice_id={me.practice_id}", Cache_Control="max-age=600")["data"]:
        assert time.monotonic() < deadline, "who is new at the office is not in the mirror after three minutes"
        time.sleep(0.5)


def _native(me: Caller, mirrored: Mirrored, holds: Callable[[dict[str, Any]], bool]) -> None:
    deadline = time.monotonic() + _TOLD_WITHIN_S
    while not holds(told := me.get(mirrored.sync)["native_events"]):
        assert time.monotonic() < deadline, f"after three minutes native events are {told['phase']}, {told['why']}"
        time.sleep(1)


def _table(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in told["tables"] if one["table"] == name)
    return found


def _tells_nobody_else(url: str, customer_key: str) -> None:
    """The address takes nothing without the practice's key, and the key nothing at another address."""
    front, _, token = url.rpartition("/")
    other = f"{front}/{token[::-1]}"
    with httpx.Client(timeout=60, trust_env=False) as http:
        for where, key in ((url, None), (url, "not-the-key"), (other, customer_key)):
            headers = {"Event-Type": "WatchTable: Appointment", **({} if key is None else {"Authorization": key})}
            answer = http.post(where, headers=headers, content=b"[]")
            _problem(answer, 404, "not-found")
            assert token not in answer.text, "an answer repeats the address's secret"


@step("P36", FIRST)
def who_saw_a_patient_is_known(box: Sandbox) -> None:
    me, operator = _as(box, "desk", "*:read", "appointments:write"), _as(box, "auditor", "audit:read", kind="operator")
    visit = _visit(me)
    patient, marker = visit["patient_id"], f"Told{_key()[-8:]}"
    seen = me.send("GET", f"/patients/{patient}", Purpose_Of_Use="TREAT")
    assert seen.status_code == 200, f"a patient is answered {seen.status_code}: {seen.text}"
    answer = me.send("GET", f"/patients/{patient}", Purpose_Of_Use="CURIOSITY")
    assert _problem(answer, 400, "invalid")["param"] == "Purpose-Of-Use", "the problem does not name the header"
    answer = me.send("PATCH", f"/appointments/{visit['id']}", {"note": marker}, Idempotency_Key=_key())
    assert answer.status_code == 200, f"a note is answered {answer.status_code}: {answer.text}"
    _problem(me.send("GET", f"/audit?patient_id={patient}"), 403, "scope-missing")
    trail = operator.get(f"/audit?patient_id={patient}&limit=100")["data"]
    reads = [one for one in trail if (one["action"], one["purpose"]) == ("GET /patients/{id}", "TREAT")]
    assert len(reads) == 1, f"one reading left {len(reads)} entries"
    assert (reads[0]["status"], reads[0]["patient_ids"]) == (200, [patient]), "the entry says something else"
    whole = operator.get(f"/audit?practice_id={me.practice_id}&limit=500")
    written = [one for one in whole["data"] if one["operation_id"] == answer.json()["id"] and one["step"]]
    steps = [one["phase"] for one in reversed(written)]
    assert steps == ["intent", "done"], f"a write left {', '.join(steps) or 'nothing'}"
    assert [one["patient_ids"] for one in written] == [[patient]] * 2, "a write does not say whom it was about"
    assert not _says(whole, _words(me, visit) | {marker}), "the trail says who, or what"
    told = operator.get(f"/audit/disclosures?patient_id={patient}&limit=100")["data"]
    shown = [one for one in told if one["entry_id"] == reads[0]["id"]]
    assert [(one["kind"], one["purpose"]) for one in shown] == [("patients", "TREAT")], "the disclosure is not listed"
    deadline = time.monotonic() + _TOLD_WITHIN_S
    while operator.get(f"/audit?patient_id={patient}&limit=1")["meta"]["indexed_to"] is None:
        assert time.monotonic() < deadline, "after three minutes nothing is archived"
        time.sleep(1)
    archived = _archived(box, {reads[0]["id"], *(one["id"] for one in written)})
    for one in (*reads, *written):
        # The trail of a patient names that patient alone; who else was in the answer is in the archive.
        assert patient in archived[one["id"]]["patient_ids"], "the archive does not say whom it was about"
        unlike = [name for name in one if name != "patient_ids" and archived[one["id"]][name] != one[name]]
        assert not unlike, f"the archive says something else than the trail: {', '.join(unlike)}"
    assert not _says(archived, _words(me, visit) | {marker}), "the archive says who, or what"


_SIX_YEARS = timedelta(days=6 * 365)


def _archived(box: Sandbox, ids: set[str]) -> dict[str, dict[str, Any]]:
    """These entries as the archive has them, under the day on which they came there, once all of them are; each lies in
    an object that nobody deletes for six years."""
    bucket = box.function("archive_audit")["Environment"]["Variables"]["AUDIT_ARCHIVE_BUCKET"]
    s3, found = box.aws("s3"), dict[str, dict[str, Any]]()
    deadline, looked = time.monotonic() + _TOLD_WITHIN_S, set[str]()
    while not ids <= found.keys():
        assert time.monotonic() < deadline, f"{len(ids - found.keys())} entries are not archived after three minutes"
        today = datetime.now(UTC)
        for day in (today, today - timedelta(hours=1)):
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{day:%Y/%m/%d}/")
            for name in [one["Key"] for page in pages for one in page.get("Contents", ())]:
                if name in looked:
                    continue
                looked.add(name)
                answer = s3.get_object(Bucket=bucket, Key=name)
                lines = [json.loads(line) for line in gzip.decompress(answer["Body"].read()).splitlines()]
                if ids.isdisjoint(line["id"] for line in lines):
                    continue
                found |= {line["id"]: line for line in lines if line["id"] in ids}
                _is_locked(s3, bucket, name, answer["VersionId"])
        time.sleep(0.5)
    return found


def _is_locked(s3: Any, bucket: str, name: str, version: str) -> None:
    kept = s3.get_object_retention(Bucket=bucket, Key=name, VersionId=version)["Retention"]["RetainUntilDate"]
    assert kept - datetime.now(UTC) > _SIX_YEARS, f"what is archived is kept until {kept:%Y-%m-%d} only"
    try:
        s3.delete_object(Bucket=bucket, Key=name, VersionId=version)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied", f"it is refused as {error.response['Error']['Code']}"
    else:
        raise AssertionError("what is archived can be deleted")


_MAY_HOLD_RECORDS = {"records", "ledger", "cache", "bodies", "drop"}
"""The mirror, operations and their requests, the short-lived cache, bodies too long for an item, files on their way."""


@step("P40", "mirrored practice")
def protected_data_stays_where_it_belongs(box: Sandbox) -> None:
    mirrored = _mirrored_office(box)
    key = box.new_client("marked", scopes=(*enrol.SCOPES, "resources:read", "webhooks:write", "events:read"))
    me = _of(box, box.connect(mirrored.practice, key))
    told = list(_asked_of_marked_data(box, me))
    refused = [answer for answer in told if answer.status_code >= 400]
    assert len(refused) > 5 and len(told) - len(refused) > 20, f"{len(refused)} of {len(told)} requests were refused"
    for answer in refused:
        # What Open Dental itself said of a write is told to whoever sent that write, and to nobody else.
        ours = {name: value for name, value in answer.json().items() if name != "upstream"}
        said = json.dumps(ours) + json.dumps(dict(answer.headers))
        assert not MARKS.search(said), (
            f"an answer of {answer.status_code} says something protected: {answer.json()['code']}"
        )
    for answer in told:
        links = [answer.headers.get(name, "") for name in ("Location", "Content-Location", "Link")]
        if answer.status_code == 200 and "json" in answer.headers["Content-Type"]:
            links += [str(answer.json().get("next_cursor") or "")]
        assert not [one for one in links if hidden(one)], "a link or a cursor says something protected"
    # What happens in the background of it.
    time.sleep(5)
    names = {value: name for row in FUNCTIONS for value, name in _names(box.function(row.name)).items()}
    sent = {
        f"{row.name}: {action} {names.get(resource, resource)}"
        for row in FUNCTIONS
        for action, resource in box.marked_calls(row.name)
        if names.get(resource) not in _MAY_HOLD_RECORDS
    }
    assert not sent, f"protected data was sent to {sorted(sent)}"
    lies = {(kind, names.get(name, name)) for kind, name in (one.split(" ", 1) for one in traces(box.aws))}
    assert lies, "no marked data is anywhere: nothing was looked through"
    elsewhere = [f"{kind} {name}" for kind, name in lies if name not in _MAY_HOLD_RECORDS]
    assert not elsewhere, f"protected data lies in {sorted(elsewhere)}"
    assert not [one for one in box.receiver.deliveries("marked") if MARKS.search(json.dumps(one.body))], (
        "an event tells it"
    )


def _names(function: Mapping[str, Any]) -> dict[str, str]:
    """What the resources of a function are called in the catalogue, by what its variables say."""
    endings = ("_TABLE", "_BUCKET", "_QUEUE_URL")
    variables = function["Environment"]["Variables"]
    return {
        value: name.removesuffix(ending).lower()
        for name, value in variables.items()
        for ending in endings
        if name.endswith(ending)
    }


def _asked_of_marked_data(box: Sandbox, me: Caller) -> Iterator[httpx.Response]:
    """Requests of every kind whose answers, queries, bodies or refusals have to do with marked data."""
    _webhook(box, me, "marked")
    patient = me.get(f"/patients?status=active&limit=1&practice_id={me.practice_id}")["data"][0]
    pid, here = patient["id"], f"practice_id={me.practice_id}"
    live = {"Cache_Control": "no-cache", "Prefer": "wait=28"}
    assert MARKS.search(json.dumps(patient)), "the practice's patients are not marked"
    for family in _OF_PATIENT:
        yield me.send("GET", f"/{family}?patient_id={pid}&limit=1&{here}")
    for path in ("claims", "communications", "procedures"):
        yield me.send("GET", f"/{path}?patient_id={pid}&{here}", **live)
    for path in (
        f"/patients?name=Zqmark&limit=1&{here}",
        f"/patients?birth_date=1913-02-03&limit=1&{here}",
        f"/patients?phone=5553198701&{here}",
        f"/patients/{pid}/360?{here}",
        f"/fhir/R4/Patient?name=Zqmark&_count=1&{here}",
        f"/fhir/R4/Patient?birthdate=1913-02-03&_count=1&{here}",
        f"/resources/commlogs?PatNum={patient['source']['key']}&{here}",
        f"/resources/patients?LName=Zqmark&{here}",
        # Refused, each in another place.
        f"/patients?name=Zqmark&status=Zqmark&{here}",
        f"/patients?nmae=Zqmark&{here}",
        f"/patients?birth_date=Zqmark&{here}",
        f"/patients?name=Zqmark&cursor=Zqmark&{here}",
        f"/patients/Zqmark?{here}",
        f"/Zqmark?{here}",
        f"/fhir/R4/Patient?family=Zqmark&birthdate=Zqmark&{here}",
        f"/resources/patients?LNmae=Zqmark&{here}",
    ):
        yield me.send("GET", path)
        yield me.send("GET", path, **live)
    search = {"practice_id": me.practice_id, "name": "Zqmark", "limit": 1}
    yield me.send("POST", "/patients/search", search)
    yield me.send("POST", "/patients/search", search | {"birth_date": "Zqmark"})
    added = {"practice_id": me.practice_id, "name": {"last": "Zqmark", "first": "Ada"}, "birth_date": "1913-02-03"}
    again = _key()
    yield me.send("POST", "/patients", added, Idempotency_Key=again, Prefer="wait=28")
    yield me.send("POST", "/patients", added | {"birth_date": "1913-02-04"}, Idempotency_Key=again)
    yield me.send("POST", "/patients", added | {"gender": "Zqmark"}, Idempotency_Key=_key())
    yield me.send("PATCH", f"/patients/{pid}", {"name": {"last": 5553198701}}, Idempotency_Key=_key())
    noted = {"patient_id": pid, "note": "Zqmark called", "mode": "phone"}
    yield me.send("POST", "/communications", noted, Idempotency_Key=_key(), Prefer="respond-async")
    yield me.send("POST", "/communications", noted | {"mode": "Zqmark"}, Idempotency_Key=_key())
    yield me.send("POST", "/communications", noted, Idempotency_Key=_key(), Prefer="wait=28")
    visit = _visit(me)
    for note in ("Zqmark wants water", 7319.37):
        yield me.send("PATCH", f"/appointments/{visit['id']}", {"note": note}, Idempotency_Key=_key(), Prefer="wait=28")
    taken = _booking(visit, visit["local_start"], note="Zqmark wants to come then")
    yield me.send("POST", "/create_appointment", taken, Idempotency_Key=_key(), Prefer="wait=28")
    said = {"kind": "status", "status": 400, "text": "Zqmark is not a valid name."}
    me.steer("POST", "faults", {"match": "commlogs.create", "count": 1, **said})
    yield me.send("POST", "/communications", noted, Idempotency_Key=_key(), Prefer="wait=28")
    me.steer("DELETE", "faults")
    _moved(me, visit)
    _told(me, f"type=appointment.rescheduled&object_id={visit['id']}")


@step("P39", SECOND)
def what_changes_at_an_office_is_known_and_told(box: Sandbox) -> None:
    office = box.practices[1].practice
    scopes = (*enrol.SCOPES, "resources:asapcomms.create", "events:read", "sync:write")
    connected = box.connect(office, box.new_client("drift", scopes=scopes, kind="operator"))
    me = replace(_caller(box, 1), token=connected.access_token)
    path, sync = (f"/practices/{me.practice_id}/{name}" for name in ("capabilities", "sync"))
    had = me.steer("GET", "settings")["permissions"]
    since = datetime.now(UTC)
    asked = f"type=practice.capabilities_changed&since={since:%Y-%m-%dT%H:%M:%SZ}"
    lost = "TextingASAP"
    assert _reasons(me, path, "resources").get("permission-missing") is None, "the key lacks a permission at first"
    away = {"offline": True, "permissions": sorted(set(had) - {lost}), "shapes": {"providers": {"Shiny": "x"}}}
    me.steer("PUT", "settings", away)
    try:
        here = f"/resources/providers?practice_id={me.practice_id}"
        _problem(me.send("GET", here, Cache_Control="no-cache"), 503, "practice-offline")
        me.steer("PUT", "settings", {"offline": False})
        event = _told(me, asked)
        assert event["changed"] == ["permissions"], f"{event['changed']} is told to have changed"
        (change,) = event["changes"]
        assert (change["code"], lost in change["explanation"]) == ("permission-lost", True), "it is told as another"
        assert lost in _reasons(me, path, "resources")["permission-missing"], "it is not known to be lost"
        text = {"op": 1, "date_time_start": "2030-01-02 09:00:00"}
        refused = me.send("POST", "/resources/asapcomms", text, Idempotency_Key=_key())
        _problem(refused, 403, "permission-missing")
        me.get(here, Cache_Control="no-cache")
        deadline = time.monotonic() + 30
        while "Shiny" not in {one["field"] for one in me.get(path)["differences"]}:
            assert time.monotonic() < deadline, "a field that nobody knows is not seen"
            time.sleep(1)
        assert me.send("PATCH", sync, {"queries": "off"}).status_code == 200, "queries cannot be turned off"
        assert me.get(path)["queries"] == "off", "queries are not off"
        assert len(me.get(f"/events?practice_id={me.practice_id}&{asked}")["data"]) == 1, "it is told more than once"
    finally:
        me.steer("PUT", "settings", {"offline": False, "permissions": had, "shapes": {}})
        me.send("PATCH", sync, {"queries": "on"})


def _reasons(me: Caller, path: str, name: str) -> dict[str, str]:
    """Why something at the practice is limited, by code."""
    found = next(one for one in me.get(path)["capabilities"] if one["name"] == name)
    return {reason["code"]: reason["explanation"] for reason in found["reasons"]}


@step("P33", "mirrored practice")
def off_means_off(box: Sandbox) -> None:
    mirrored = _mirrored_office(box)
    me, sync = mirrored.me, mirrored.sync
    path = f"/patients?status=active&limit=1&practice_id={me.practice_id}"
    assert me.send("PATCH", sync, {"state": "off"}).json()["state"] == "off", "it cannot be turned off"
    again = me.get(path)["meta"]
    assert again["served_from"] == "live", "a mirror that is off is answered from"


@step("P41")
def what_is_granted_is_called_and_nothing_else(box: Sandbox) -> None:
    calls = {}
    for row in FUNCTIONS:
        variables = box.function(row.name)["Environment"]["Variables"]
        calls[row.name] = used(box.aws_calls(row.name), row, variables)
    wrong = list(complaints(calls))
    assert not wrong, "; ".join(wrong)
