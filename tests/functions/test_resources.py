"""Raw access through its handler: pages, refusals, rows after writes, and answers that were lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.practices import Tier
from gateway.core.resources.names import request_names, snake
from gateway.core.resources.routes import our_path
from gateway.core.resources.twins import TWINS
from infra.catalogue import FUNCTIONS, Http
from open_dental.catalogue import Operation, Param, operation, resource, resources
from tests.fakes.asked import Rightly
from tests.fakes.deployment import CLIENT, IDS, Answered, Deployment, deployed
from tests.functions.test_every_operation import EVERY_SCOPE, call, said

ALL = [one for name in resources() for one in resource(name).operations]
LISTS = [
    one.id
    for one in ALL
    if one.kind == "list" and one.exposure == "open" and not any(param.required for param in one.query)
]


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed("--version", "26.3.1.0", scopes=EVERY_SCOPE) as deployment:
        yield deployment


@pytest.fixture
def own() -> Iterator[Deployment]:
    with deployed(scopes=EVERY_SCOPE) as deployment:
        yield deployment


def pages(deployment: Deployment, path: str, limit: int, **query: Any) -> Iterator[list[dict[str, Any]]]:
    cursor: dict[str, str] = {}
    for _ in range(1000):
        answer = deployment.get(path, limit=limit, **query, **cursor)
        assert answer.status == 200, said(answer)
        yield answer.body["data"]
        assert answer.body["has_more"] == (answer.body["next_cursor"] is not None)
        if not answer.body["has_more"]:
            return
        cursor = {"cursor": answer.body["next_cursor"]}
    raise AssertionError("the pages have no end")


# -- reading --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id_", LISTS)
def test_pages_make_the_whole_list(id_: str, office: Deployment) -> None:
    path = f"/resources{operation(id_).path}"
    whole = office.get(path, limit=500).body["data"]
    size = max(1, len(whole) // 3)

    found = [row for page in pages(office, path, size) for row in page]
    assert [volatile(row) for row in found[: len(whole)]] == [volatile(row) for row in whole]


def volatile(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "server_date_time"}


def test_a_page_costs_one_call_wherever_it_begins() -> None:
    with deployed("--tier", "standard", scopes=["resources:read"], tier=Tier.STANDARD) as own:
        shown = list(pages(own, "/resources/procedurelogs", 98))

        assert len(own.upstream_calls) == len(shown) > 1


@pytest.mark.parametrize("limit", [100, 450])
def test_a_page_longer_than_the_vendors_is_made_of_several(limit: int) -> None:
    with deployed("--patients", "120", "--tier", "standard", scopes=["resources:read"]) as own:
        answer = own.get("/resources/procedurelogs", limit=limit)
        keys = [row["proc_num"] for row in answer.body["data"]]

        assert len(keys) == limit
        every = sorted((row["ProcNum"] for row in own.rows("procedurelog")), reverse=True)
        assert keys == [str(key) for key in every[:limit]]


@pytest.mark.parametrize(("gone", "left_out"), [(1, 0), (2, 0), (5, 0)])
def test_rows_that_go_between_two_pages_take_no_others_with_them(own: Deployment, gone: int, left_out: int) -> None:
    """Offsets count live rows: without a look back the next page would begin that many rows too late."""
    store = own.simulated.office.store
    every = sorted(row["CommlogNum"] for row in own.rows("commlog"))
    walk = pages(own, "/resources/commlogs", 10)
    first = [int(row["commlog_num"]) for row in next(walk)]
    for key in first[-gone:]:
        store.delete("commlog", key)
    rest = [int(row["commlog_num"]) for page in walk for row in page]

    assert len(every) > 20
    assert len(set(every) - set(first) - set(rest)) == left_out
    assert first + rest == every


def test_a_row_that_comes_in_front_is_shown_once_and_repeats_none(own: Deployment) -> None:
    walk = pages(own, "/resources/procedurelogs", 10)
    first = next(walk)
    store = own.simulated.office.store
    store.insert("procedurelog", {**store.rows("SELECT * FROM procedurelog LIMIT 1")[0], "ProcNum": 900_000})
    rest = [row["proc_num"] for page in walk for row in page]

    assert not {row["proc_num"] for row in first} & set(rest)
    assert len(rest) == len(set(rest))


@pytest.mark.parametrize(
    ("path", "more"),
    [("/resources/recalls", {}), ("/resources/commlogs", {"pat_num": 1})],
    ids=["another list", "other parameters"],
)
def test_a_cursor_is_good_for_its_own_list_only(path: str, more: dict[str, Any], office: Deployment) -> None:
    cursor = office.get("/resources/commlogs", limit=1).body["next_cursor"]
    answer = office.get(path, cursor=cursor, **more)

    assert (answer.status, answer.body["param"]) == (400, "cursor")
    assert office.get("/resources/commlogs", cursor=cursor).status == 200


def test_a_row_alone_is_the_row_of_the_list(office: Deployment) -> None:
    for name in ("appointments", "claims", "claimpayments", "procedurelogs", "inssubs", "carriers"):
        listed = office.get(f"/resources/{name}", limit=1).body["data"][0]
        key = listed[next(ours for ours in listed if ours == f"{_snake(resource(name).key)}")]
        single = office.get(f"/resources/{name}/{key}")

        assert {k: v for k, v in single.body.items() if k in listed and k != "server_date_time"} == volatile(listed)


def _snake(name: str | None) -> str:
    return snake(name or "")


def test_the_raw_row_comes_only_where_it_is_asked_for_and_without_secrets(own: Deployment) -> None:
    own.simulated.office.store.update("patient", 1, {"SSN": "900-00-0001"})
    plain, raw = (own.get("/resources/patients/1", **query).body for query in ({}, {"include": "raw"}))

    assert "raw" not in plain
    assert raw["raw"]["PatNum"] == 1 and raw["pat_num"] == "1"
    assert "900-00-0001" not in str(plain) + str(raw)
    assert "SSN" not in raw["raw"] and "ssn" not in raw


def test_a_parent_without_rows_has_an_empty_list(office: Deployment) -> None:
    """Some of the vendor's lists answer 404 there, and some []: nobody should have to know which."""
    for id_ in LISTS:
        one = operation(id_)
        parent = next((param for param in one.query if param.ref == "patient.PatNum"), None)
        if parent is None:
            continue
        answer = office.get(f"/resources{one.path}", **{_snake(parent.name): 987_654})
        assert (answer.status, answer.body.get("data")) == (200, []), id_


# -- who may --------------------------------------------------------------------------------------------------------


def test_no_wildcard_opens_raw_access(own: Deployment) -> None:
    own.grant("*:read", "*", "resources:*", "*:write", "resources:write")

    for answer in (own.get("/resources"), own.get("/resources/recalls"), own.post("/resources/carriers", {})):
        assert (answer.status, answer.body["code"]) == (403, "scope-missing")


def test_reading_rows_lets_nobody_write_them(own: Deployment) -> None:
    own.grant("resources:read", "resources:carriers.update")
    answer = own.post("/resources/carriers", {"carrier_name": "Acme"})

    assert (answer.status, answer.body["scope"]) == (403, "resources:carriers.create")
    assert not own.upstream_calls


def test_a_practice_of_somebody_else_is_not_there() -> None:
    with deployed(practices=2, scopes=EVERY_SCOPE) as both:
        client = both.on.callers.client(CLIENT)
        one, other, _ = IDS
        assert both.get("/resources/recalls").body["param"] == "practice_id"
        assert both.get("/resources/recalls", practice_id=other).body["meta"]["practice_id"] == other
        cursor = both.get("/resources/recalls", practice_id=other, limit=1).body["next_cursor"]
        assert both.get("/resources/recalls", practice_id=one, cursor=cursor).status == 404
        both.on.callers.put_client(type(client)(**{**_fields(client), "practices": frozenset({one})}))
        for answer in (
            both.get("/resources/recalls", practice_id=other),
            both.post("/resources/carriers", {"carrier_name": "Acme"}, practice_id=other),
        ):
            assert (answer.status, answer.body["code"]) == (404, "not-found")


def _fields(client: Any) -> dict[str, Any]:
    return {name: getattr(client, name) for name in client.__slots__}


def test_a_missing_permission_is_named_with_its_price_before_any_call(own: Deployment) -> None:
    own.know(permissions=frozenset({"ReadAll"}))
    answer = own.post("/resources/adjustments", {"pat_num": 1})

    assert (answer.status, answer.body["code"]) == (403, "permission-missing")
    assert (answer.body["permission"], answer.body["tier"]) == ("AllOthers", "30 USD")
    assert not own.upstream_calls


def test_an_older_office_is_told_before_any_call(own: Deployment) -> None:
    own.know(version="22.1.1.0")
    answer = own.get("/resources/adjustments")

    assert (answer.status, answer.body["code"], answer.body["version"]) == (409, "version-too-old", "22.2.21")
    assert not own.upstream_calls


def test_the_directory_says_what_the_practice_will_do(own: Deployment) -> None:
    own.know(permissions=frozenset({"ReadAll", "Setup"}), version="24.1.1.0")
    own.grant("resources:read", "resources:carriers.create")
    listed = {one["operation"]: one for one in own.get("/resources").body["data"]}

    assert len(listed) == 365
    reasons = {
        "recalls.list": (True, None, True),
        "carriers.create": (False, "permission-missing", True),
        "apikeys.list": (False, "operation-closed", False),
        "appointments.create": (False, "use-normalized", False),
        "vitalsigns.list": (False, "version-too-old", True),
        "payplans.create": (False, "operation-closed", False),
    }
    assert {id_: (listed[id_]["allowed"], listed[id_]["reason"], listed[id_]["granted"]) for id_ in reasons} == reasons
    own.know(permissions=frozenset(), version=None)
    assert {one["operation"]: one["allowed"] for one in own.get("/resources").body["data"]}["recalls.list"] is None


def test_the_directory_of_a_resource_says_what_it_takes(office: Deployment) -> None:
    office.grant(*EVERY_SCOPE)
    data = {one["operation"]: one for one in office.get("/resources", resource="patients").body["data"]}
    takes = {one["open_dental"]: one["name"] for one in data["patients.list"]["parameters"]}

    assert takes["LName"] == "l_name" and "SSN" not in takes
    assert "SSN" not in {one["open_dental"] for one in data["patients.get"]["answers"]}
    assert office.get("/resources", resource="patient").body["param"] == "resource"


# -- writing --------------------------------------------------------------------------------------------------------

CREATES = [one for one in ALL if one.kind == "create" and one.exposure == "guarded" and one.id not in TWINS]


_HIDDEN = {"asapcomms", "documents", "tasks"}
"""Their lists show some days only."""


def test_what_was_created_is_got_and_listed() -> None:
    shown = []
    with deployed("--version", "26.3.1.0", scopes=EVERY_SCOPE) as own:
        for one in CREATES:
            answer = call(own, one)
            if answer.status == 201 and answer.body["result"]["key"] is not None:
                _is_shown(one, answer, own)
                shown.append(one.id)
            else:
                # What the practice refuses, or answers no row to.
                assert answer.status == 201 or answer.body.get("upstream") or one.deprecated, said(answer)

    assert len(shown) >= 38, shown


def _is_shown(one: Operation, answer: Answered, own: Deployment) -> None:
    it, key = resource(one.resource), answer.body["result"]["key"]
    get, list_ = (next((each for each in it.operations if each.kind == kind), None) for kind in ("get", "list"))
    column = snake(it.key or "")
    if get is not None and get.path_params == (it.key,):
        got = own.get(f"/resources/{one.resource}/{key}")
        assert (got.status, got.body.get(column)) == (200, key), said(got)
        assert own.follow(answer, f"/resources/{one.resource}").status == 200
    if list_ is not None and not any(param.required for param in list_.query) and one.resource not in _HIDDEN:
        keys = [row.get(column) for page in pages(own, f"/resources/{one.resource}", 200) for row in page]
        assert key in keys, one.id


UPDATES = [
    one
    for one in ALL
    if one.kind == "update"
    and one.exposure == "guarded"
    and one.id not in TWINS
    and one.path_params == (resource(one.resource).key,)
    and any(each.kind == "get" and each.path_params == one.path_params for each in resource(one.resource).operations)
]


def test_an_update_changes_the_fields_it_names_and_no_others() -> None:
    changed = []
    with deployed("--version", "26.3.1.0", scopes=EVERY_SCOPE) as own:
        for one in UPDATES:
            named = next((param for param in one.body if param.type == "string" and not param.enum), None)
            if named is not None and not any(param.required for param in one.body) and _is_changed(one, named, own):
                changed.append(one.id)

    assert len(changed) >= 15, changed


def _is_changed(one: Operation, named: Param, own: Deployment) -> bool:
    """Whether the practice took the change, which then is one of the named field and of stamps."""
    path = our_path(one).replace(f"{{{one.path_params[0]}}}", str(Rightly(own).key(one.path_params[0], one)))
    name = request_names(one)[named.name]
    before = own.get(path)
    answer = own.send("PATCH", path, body={name: "12"}, key=f"update-{one.id}")
    if answer.status != 200:
        assert answer.body["upstream"]["status"] in {400, 404}, said(answer)
        return False
    after = own.get(path)
    moved = {field for field, value in after.body.items() if field != "meta" and before.body.get(field) != value}
    assert {field for field in moved if "date" not in field} <= {name}, (one.id, moved)
    return name in moved


def test_a_deletion_is_done_once_and_answers_no_row(own: Deployment) -> None:
    made = own.post("/resources/employers", {"emp_name": "Acme"}).body["result"]
    path = f"/resources/employers/{made['key']}"
    gone, again = (own.send("DELETE", path, key="delete-acme") for _ in range(2))

    assert (gone.status, again.status) == (200, 200)
    assert gone.body["result"] == {
        "resource": "employers", "operation": "employers.delete", "key": made["key"], "row": None
    }  # fmt: skip
    assert own.upstream_calls.count("employers.delete") == 1
    assert own.get(path).status == 404


def test_a_deletion_whose_answer_was_lost_is_done_and_one_of_nothing_is_not(own: Deployment) -> None:
    key = own.post("/resources/employers", {"emp_name": "Acme"}).body["result"]["key"]
    lose(own, "employers.delete")
    gone = own.send("DELETE", f"/resources/employers/{key}", key="k" * 16)
    shown = gone.body if gone.body["state"] == "succeeded" else settled(own, gone)
    nobody = own.send("DELETE", f"/resources/employers/{key}", key="l" * 16)

    assert (shown["state"], shown["result"]["key"]) == ("succeeded", key)
    assert not own.rows("employer", f"EmployerNum={key}")
    assert (nobody.status, nobody.body["code"]) == (404, "not-found")


def test_a_write_sent_twice_with_one_key_is_done_once(own: Deployment) -> None:
    first, again = (own.post("/resources/employers", {"emp_name": "Acme"}, key="k" * 16) for _ in range(2))
    other = own.post("/resources/employers", {"emp_name": "Bcme"}, key="k" * 16)

    assert first.body == again.body
    assert (other.status, other.body["code"]) == (422, "key-reused")
    assert own.upstream_calls.count("employers.create") == 1


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_a_write_without_a_key_is_refused(method: str, own: Deployment) -> None:
    answer = own.send(method, "/resources/employers/1" if method != "POST" else "/resources/employers", body={})

    assert (answer.status, answer.body["code"]) == (400, "idempotency-key-missing")


def test_a_write_that_answers_no_row_is_read_back(own: Deployment) -> None:
    key = own.post("/resources/labturnarounds", _labturnaround(own)).body["result"]["key"]
    answer = own.send("PATCH", f"/resources/labturnarounds/{key}", body={"description": "Crown"}, key="k" * 16)

    assert answer.body["result"]["row"]["description"] == "Crown", said(answer)


def _labturnaround(own: Deployment) -> dict[str, Any]:
    lab = own.post("/resources/laboratories", {"description": "Elm Lab"}).body["result"]["key"]
    return {"laboratory_num": lab, "description": "Bridge", "days_actual": 3}


# -- lost answers ---------------------------------------------------------------------------------------------------


def lose(own: Deployment, operation_id: str, **more: Any) -> None:
    own.simulated.faults.add({"kind": "drop_answer", "match": operation_id, **more})


def settled(own: Deployment, answer: Answered, seconds: float = 4000) -> dict[str, Any]:
    own.on.world.run(seconds)
    shown: dict[str, Any] = own.get(f"/operations/{answer.body['id']}").body
    return shown


def test_a_lost_creation_is_found_among_its_parents_rows(own: Deployment) -> None:
    lose(own, "popups.create")
    answer = own.post("/resources/popups", {"pat_num": 1, "description": "Allergic to latex"})
    assert (answer.status, answer.body["state"]) == (202, "unknown")
    shown = settled(own, answer)

    assert (shown["state"], shown["result"]["row"]["description"]) == ("succeeded", "Allergic to latex")
    assert own.upstream_calls.count("popups.create") == 1
    assert len(own.rows("popup", "Description='Allergic to latex'")) == 1


def test_a_creation_that_never_arrived_is_said_not_to_be_written(own: Deployment) -> None:
    own.simulated.faults.add({"kind": "lose_request", "match": "popups.create"})
    answer = own.post("/resources/popups", {"pat_num": 1, "description": "Allergic to latex"})
    shown = settled(own, answer)

    assert (shown["state"], shown["error"]["code"], shown["error"]["retryable"]) == ("failed", "not-written", True)
    assert not own.rows("popup", "Description='Allergic to latex'")


def test_a_row_that_is_not_quite_ours_leaves_a_lost_creation_unknown(own: Deployment) -> None:
    """Open Dental may have changed what it stored; "not written" would invite a second one."""
    lose(own, "popups.create")
    answer = own.post("/resources/popups", {"pat_num": 1, "description": "Allergic to latex"})
    (row,) = own.rows("popup", "Description='Allergic to latex'")
    own.simulated.office.store.update("popup", row["PopupNum"], {"Description": "ALLERGY: latex"})
    shown = settled(own, answer)

    assert shown["state"] == "unknown"
    assert own.upstream_calls.count("popups.create") == 1


def test_an_addition_that_nothing_could_find_is_never_sent_again(own: Deployment) -> None:
    lose(own, "carriers.create")
    answer = own.post("/resources/carriers", {"carrier_name": "Acme Dental"})
    assert (answer.status, answer.body["state"]) == (202, "unknown")
    shown = settled(own, answer, seconds=90_000)

    assert shown["state"] == "unknown"
    assert own.upstream_calls.count("carriers.create") == 1
    assert (own.practice_id, "ambiguous-write") in own.on.notices.notes


def test_a_lost_change_is_sent_again(own: Deployment) -> None:
    key = own.post("/resources/employers", {"emp_name": "Acme"}).body["result"]["key"]
    lose(own, "employers.update")
    answer = own.send("PATCH", f"/resources/employers/{key}", body={"emp_name": "Bcme"}, key="k" * 16)
    shown = answer.body if answer.body["state"] == "succeeded" else settled(own, answer)

    assert (shown["state"], shown["result"]["row"]["emp_name"]) == ("succeeded", "Bcme")
    assert own.upstream_calls.count("employers.update") == 2


def test_every_route_of_the_function_is_answered_by_it(office: Deployment) -> None:
    (row,) = (row for row in FUNCTIONS if row.name == "resources")
    assert isinstance(row.trigger, Http)
    for route in row.trigger.routes:
        path = route.path.format(resource="nothing", key="1", action="Do")
        answer = office.send(route.method, path, key="k" * 16)
        assert answer.status in {200, 404}, said(answer)
        assert answer.status == 200 or answer.body["param"] == "resource"


def test_a_postal_code_keeps_its_zeros_in_every_list(own: Deployment) -> None:
    codes = {"1": "02134", "2": "021341234", "3": "97301-1234", "4": "K1A 0B1"}
    for number, code in codes.items():
        store = own.simulated.office.store
        store.update("patient", int(number), {"Zip": code, "WirelessPhone": "(503)555-0177"})
    by_phone = own.get("/patients", phone="(503)555-0177").body["data"]
    listed = own.get("/resources/patients", limit=500).body["data"]

    assert {one["source"]["key"]: one["address"]["postal_code"] for one in by_phone} == codes
    assert {one["pat_num"]: one["zip"] for one in listed if one["pat_num"] in codes} == codes
    assert {number: own.get(f"/resources/patients/{number}").body["zip"] for number in codes} == codes
