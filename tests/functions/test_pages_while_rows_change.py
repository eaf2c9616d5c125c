"""Pages of a list while rows come, change and go, and while the list is answered now by one road and now by another.

A row that stands unchanged from the first page to the last is on exactly one of them, whichever road each page takes:
a walk along the mirror, the mirror's own answer, Open Dental, or a mirror that was erased and loaded anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from gateway.core.callers import Client
from gateway.core.mirror import walks
from gateway.core.mirror.syncing import Wanted
from infra.sandbox.practice import schema
from tests.fakes.deployment import IDS, Answered, Deployment, deployed
from tests.fakes.mirroring import load, mirror, turn_on

ELM, OAK = IDS[:2]
OTHER = "cli_bob"
LIVE = {"Cache-Control": "no-cache", "Prefer": "wait=300"}


@pytest.fixture
def two() -> Iterator[Deployment]:
    with deployed("--patients", "14", practices=2, scopes=("*:read",)) as d:
        d.read_up()
        for practice_id in (ELM, OAK):
            mirror(d, practice_id=practice_id)
        yield d


LISTS: list[tuple[str, str, str, str, dict[str, str]]] = [
    ("/patients", "patients", "patient", "LName", {}),
    ("/patients", "patients", "patient", "LName", {"status": "active"}),
    ("/patients", "patients", "patient", "FName", {"updated_since": "2000-01-01T00:00:00Z"}),
    ("/patients", "patients", "patient", "FName", {"provider_id": "1"}),
    ("/appointments", "appointments", "appointment", "AptDateTime", {"date_from": "2000-01-01"}),
    ("/appointments", "appointments", "appointment", "AptDateTime", {"around": "15"}),
    ("/procedurelogs", "procedurelogs", "procedurelog", "ProcFee", {"status": "completed"}),
    ("/procedurelogs", "procedurelogs", "procedurelog", "ProcFee", {"updated_since": "2000-01-01T00:00:00Z"}),
    ("/claims", "claims", "claim", "ClaimFee", {}),
    ("/claims", "claims", "claim", "ClaimFee", {"status": "received"}),
    ("/recalls", "recalls", "recall", "DateDue", {"due_from": "2000-01-01"}),
    ("/payments", "payments", "payment", "PayNote", {"entered_from": "2000-01-01"}),
    ("/tasks", "tasks", "task", "Descript", {"status": "new,viewed"}),
    ("/tasks", "tasks", "task", "Descript", {"created_from": "2000-01-01"}),
    ("/schedules", "schedules", "schedule", "Note", {"around": "3"}),
    ("/communications", "commlogs", "commlog", "Note", {"updated_since": "2000-01-01T00:00:00Z"}),
]


def query_of(d: Deployment, of: dict[str, str], practice_id: str) -> dict[str, str]:
    query = {"practice_id": practice_id, **of}
    if (days := query.pop("around", None)) is not None:
        around = timedelta(days=int(days))
        query |= {"date_from": str(d.today - around), "date_to": str(d.today + around)}
    if "provider_id" in query:
        query["provider_id"] = d.id_of("provider", int(query["provider_id"]))
    return query


def change(d: Deployment, chance: Random, resource: str, table: str, column: str, stable: set[int]) -> None:
    """Something happens to a row that may change: it goes, comes anew elsewhere in the list, or is edited."""
    for practice_id in (ELM, OAK):
        store = d.servers[practice_id].practice.office.store
        key = schema.tables()[table].key
        rows = [row for row in store.rows(f"SELECT * FROM {table}") if row[key] not in stable]
        if not rows:
            continue
        row = chance.choice(rows)
        if column.startswith("AptDateTime") and chance.random() < 0.7:
            store.update(table, row[key], {column: f"{d.today + timedelta(days=chance.randint(-14, 14))} 08:00:00"})
        elif column == "DateDue" and chance.random() < 0.7:
            store.update(table, row[key], {column: f"{d.today + timedelta(days=chance.randint(-99, 99))}"})
        elif column in {"LName", "FName", "Note", "Descript"} and chance.random() < 0.7:
            store.update(table, row[key], {column: chance.choice(["Aa", "Mm", "Zz"])})
        elif chance.random() < 0.5 or resource == "patients":
            store.insert(table, {name: value for name, value in row.items() if name != key})
        else:
            store.delete(table, row[key])
        load(d, resource, practice_id=practice_id)
        _forget_gone(d, resource, table, key, practice_id)


def _forget_gone(d: Deployment, resource: str, table: str, key: str, practice_id: str) -> None:
    """What a sweep would have buried by now."""
    store = d.servers[practice_id].practice.office.store
    there = {row[key] for row in store.rows(f"SELECT {key} FROM {table}")}
    kept = d.on.records.kept[practice_id, resource]
    gone = [number for number in kept if number not in there]
    now = d.on.clock.now()
    for number in gone:
        d.on.records.bury(practice_id, resource, [number], read=kept[number].read, cause="sweep", at=now)


def anew(d: Deployment, resource: str) -> None:
    """The mirror is turned off, erased, turned on and loaded."""
    for practice_id in (ELM, OAK):
        turn_on(d, practice_id=practice_id, wanted=Wanted.OFF)
        while not d.on.records.forget(practice_id):
            pass
        d.on.syncs.forget(practice_id)
        mirror(d, practice_id=practice_id)


ROADS: dict[str, Callable[[pytest.MonkeyPatch], dict[str, str]]] = {
    "walk": lambda patch: patch.setattr(walks, "MOST_SCANNED", -1) or {},
    "answer": lambda patch: patch.setattr(walks, "MOST_SCANNED", 3000) or {},
    "live": lambda patch: patch.setattr(walks, "MOST_SCANNED", 3000) or LIVE,
}


@pytest.mark.parametrize("whole", ["one", "all"])
@pytest.mark.parametrize(("path", "resource", "table", "column", "of"), LISTS)
def test_a_row_that_stands_unchanged_is_on_exactly_one_page(
    path: str, resource: str, table: str, column: str, of: dict[str, str], whole: str,
    two: Deployment, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    d, chance = two, Random(f"{path}{of}{whole}")
    if whole == "all" and "provider_id" in of:
        return
    query = query_of(d, of, ELM if whole == "one" else "all")
    # Open Dental has no list that nothing bounds, and none over several practices.
    roads = ["walk", "answer"]
    if whole == "one" and d.send("GET", path, query=query, headers=LIVE).status == 200:
        roads.append("live")
    before = {one["id"]: _timeless(one) for one in _all_of(d, path, query)}
    numbers = sorted({int(one["source"]["key"]) for one in before.values()})
    stable = {number for number in numbers if len(numbers) < 6 or chance.random() < 0.6}
    found: list[str] = []
    cursor: str | None = None
    for number in range(400):
        headers = ROADS[chance.choice(roads)](monkeypatch)
        limit = chance.choice([1, 2, 5])
        got = d.send(
            "GET", path, query={**query, "limit": limit, **({"cursor": cursor} if cursor else {})}, headers=headers
        )
        assert got.status == 200, got.body
        found += [one["id"] for one in got.body["data"]]
        cursor = got.body["next_cursor"]
        if cursor is None:
            break
        if number < 25:
            change(d, chance, resource, table, column, stable)
        if number == 3:
            anew(d, resource)
    assert cursor is None
    after = {one["id"]: _timeless(one) for one in _all_of(d, path, query)}
    lasting = {id_ for id_, one in before.items() if after.get(id_) == one and int(one["source"]["key"]) in stable}
    assert lasting, "this list shows nothing that lasts"

    assert [id_ for id_ in lasting if found.count(id_) != 1] == []


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "synced_at"}


def _all_of(d: Deployment, path: str, query: dict[str, str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        got = d.get(path, **query, limit=500, **({"cursor": cursor} if cursor else {}))
        assert got.status == 200, got.body
        rows += got.body["data"]
        cursor = got.body["next_cursor"]
        if cursor is None:
            return rows


CURSORS: dict[str, tuple[str, dict[str, Any]]] = {
    "one": ("/patients", {"practice_id": ELM}),
    "the other": ("/patients", {"practice_id": OAK}),
    "all": ("/patients", {"practice_id": "all"}),
    "visits": ("/appointments", {"practice_id": ELM, "date_from": "2000-01-01"}),
    "visits of all": ("/appointments", {"practice_id": "all", "date_from": "2000-01-01"}),
    "recalls": ("/recalls", {"practice_id": ELM, "due_from": "2000-01-01"}),
    "practices": ("/practices", {}),
    "groups": ("/groups", {}),
    "raw": ("/resources/patients", {"practice_id": ELM}),
}


def test_a_cursor_is_good_for_its_own_list_and_is_refused_by_every_other(two: Deployment) -> None:
    d = two
    d.grant("*:read", "groups:write", "resources:read", "practices:read")
    group = {"name": "G", "practice_ids": [ELM, OAK], "agreement": {"reference": "binder 7"}}
    assert d.post("/groups", group).status == 201
    made = {name: d.get(path, **query, limit=1).body.get("next_cursor") for name, (path, query) in CURSORS.items()}
    made = {name: cursor for name, cursor in made.items() if cursor}
    assert set(made) >= {"one", "the other", "all", "visits", "visits of all", "recalls", "practices", "raw"}

    said = {
        (one, other): d.get(path, **query, limit=1, cursor=cursor).status
        for one, cursor in made.items()
        for other, (path, query) in CURSORS.items()
        if one != other
    }

    assert {pair: status for pair, status in said.items() if status not in {400, 404, 422}} == {}


def test_a_cursor_over_practices_is_no_key_to_a_practice_that_the_client_has_lost_or_never_had(two: Deployment) -> None:
    d = two
    d.on.callers.put_client(Client(OTHER, "Bob", frozenset({OAK}), frozenset({"*:read"})))

    def by_bob(**query: Any) -> Answered:
        return d.send("GET", "/patients", query=query, client_id=OTHER)

    single = d.get("/patients", practice_id=ELM, limit=1).body["next_cursor"]
    across = d.get("/patients", practice_id="all", limit=1).body["next_cursor"]

    assert by_bob(practice_id=ELM, limit=1, cursor=single).status == 404
    assert by_bob(practice_id=OAK, limit=1, cursor=single).status == 404
    assert by_bob(limit=1, cursor=single).status == 404
    assert by_bob(practice_id="all", limit=1, cursor=across).status == 404
    d.on.callers.put_client(replace(d.on.callers.client("cli_ada"), practices=frozenset({OAK})))
    assert d.get("/patients", practice_id=ELM, limit=1, cursor=single).status == 404
    rest = d.get("/patients", practice_id="all", limit=500, cursor=across).body
    assert {one["id"][4:20] for one in rest["data"]} == {OAK[5:]}
