"""Lists that nothing bounds: only a complete mirror has them, page by page, each row once and in the list's order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.mirror import walks
from gateway.core.mirror.syncing import Phase
from tests.fakes.deployment import Answered, Deployment, deployed
from tests.fakes.mirroring import mirror


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(scopes=("*:read",)) as d:
        d.read_up()
        mirror(d)
        yield d


def pages(d: Deployment, path: str, **query: Any) -> list[list[str]]:
    """The ids of each page, followed to the end."""
    found: list[list[str]] = []
    cursor: str | None = None
    while True:
        got = d.get(path, **query, **({"cursor": cursor} if cursor else {}))
        assert got.status == 200, got.body
        assert got.body["meta"]["upstream_calls"] == 0
        found.append([one["id"] for one in got.body["data"]])
        cursor = got.body["next_cursor"]
        assert (cursor is not None) == got.body["has_more"]
        if cursor is None:
            return found


def visits(d: Deployment, first: str, last: str = "9999") -> list[str]:
    """Visits of these days with a time, as the database has them, in the order of the list."""
    rows = d.rows(
        "appointment", f"substr(AptDateTime, 1, 10) BETWEEN '{first}' AND '{last}' AND AptStatus NOT IN (3, 6)"
    )
    rows.sort(key=lambda row: (row["AptDateTime"], row["AptNum"]))
    return [d.id_of("appointment", row["AptNum"]) for row in rows]


def too_wide(got: Answered) -> bool:
    return (got.status, got.body.get("code")) == (422, "filter-too-wide")


@pytest.mark.parametrize("limit", [1, 7, 50])
def test_all_patients_come_once_each_in_the_order_of_their_keys(limit: int, office: Deployment) -> None:
    everybody = [office.id_of("patient", row["PatNum"]) for row in office.rows("patient", "PatStatus <> 4")]

    found = pages(office, "/patients", limit=limit)

    assert [one for page in found for one in page] == everybody
    assert {len(page) for page in found[:-1]} <= {limit}
    assert len(found[-1]) > 0


@pytest.mark.parametrize(
    ("path", "kind", "table", "column", "where", "more"),
    [
        ("/procedurelogs", "procedure", "procedurelog", "ProcNum", "ProcStatus <> 6", {}),
        ("/procedurelogs", "procedure", "procedurelog", "ProcNum", "ProcStatus = 2", {"status": "completed"}),
        ("/claims", "claim", "claim", "ClaimNum", "1=1", {}),
    ],
)
def test_procedures_and_claims_come_once_each_too(
    path: str, kind: str, table: str, column: str, where: str, more: dict[str, str], office: Deployment
) -> None:
    notes = {row["CodeNum"] for row in office.rows("procedurecode", "ProcCode = '~GRP~'")}
    rows = [row for row in office.rows(table, where) if row.get("CodeNum") not in notes]

    found = pages(office, path, limit=17, **more)

    every = [office.id_of(kind, row[column]) for row in sorted(rows, key=lambda row: row[column])]
    assert [one for page in found for one in page] == every


def test_a_patient_who_comes_between_two_pages_moves_nobody(office: Deployment) -> None:
    first = office.get("/patients", limit=5).body
    kept = office.on.records.get(office.practice_id, "patients", [2])[0]
    office.on.records.bury(office.practice_id, "patients", [2], read=kept.read, cause="sweep", at=office.on.clock.now())

    second = office.get("/patients", limit=5, cursor=first["next_cursor"]).body

    keys = [int(one["source"]["key"]) for one in (*first["data"], *second["data"])]
    assert keys == sorted(set(keys))
    assert len(keys) == 10


def test_a_page_ends_where_too_much_was_looked_at_and_the_next_goes_on(
    office: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walks, "MOST_EXAMINED", 8)
    every = visits(office, "2000-01-01")

    assert [one for page in pages(office, "/appointments", date_from="2000-01-01", limit=50) for one in page] == every
    monkeypatch.setattr(walks, "MOST_STRETCHES", 2)
    assert [one for page in pages(office, "/appointments", date_from="2010-01-01", limit=50) for one in page] == every


@pytest.mark.parametrize("limit", [1, 7, 50])
def test_visits_of_weeks_come_once_each_by_their_start(limit: int, office: Deployment) -> None:
    today = office.today
    first, last = today - timedelta(days=60), today + timedelta(days=60)

    found = pages(office, "/appointments", date_from=f"{first}", date_to=f"{last}", limit=limit)

    assert [one for page in found for one in page] == visits(office, f"{first}", f"{last}")


@pytest.mark.parametrize("limit", [7, 500])
def test_all_payments_come_once_each_by_the_day_they_were_received(limit: int, office: Deployment) -> None:
    every = office.get("/payments", entered_from="1990-01-01", limit=500).body["data"]
    assert {one["kind"] for one in every} >= {"patient", "insurance"}
    days = sorted(one["received_on"] for one in every)
    first, last = days[len(days) // 4], days[-len(days) // 4]
    for query, fits in (
        ({}, lambda _: True),
        ({"date_from": first, "date_to": last}, lambda one: first <= one["received_on"] <= last),
        ({"date_to": last, "kind": "insurance"}, lambda one: one["received_on"] <= last and one["kind"] == "insurance"),
        ({"method": "check"}, lambda one: one["method"]["category"] == "check"),
    ):
        found = pages(office, "/payments", limit=limit, **query)

        assert [one for page in found for one in page] == [one["id"] for one in every if fits(one)]
        assert {len(page) for page in found[:-1]} <= {limit}


def test_payments_of_all_kinds_are_not_looked_through_for_a_change(office: Deployment) -> None:
    assert too_wide(office.get("/payments", updated_since="2020-01-01T00:00:00Z"))


def test_a_refusal_names_what_would_do(office: Deployment) -> None:
    deleted = office.get("/patients", status="deleted").body
    with deployed(scopes=("*:read",)) as bare:
        long = bare.get("/appointments", date_from="2020-01-01", date_to="2026-01-01").body

    assert (deleted["bounds"], "status" in deleted["detail"]) == (["ids"], False)
    assert "mirror" in long["detail"]


def test_filters_hold_over_a_long_time_as_over_a_short_one(office: Deployment) -> None:
    today = office.today
    first, last = today - timedelta(days=14), today + timedelta(days=14)
    row = office.rows("appointment", "ProvNum <> 0")[0]
    for more in ({"provider_id": office.id_of("provider", row["ProvNum"])}, {"status": "scheduled"}):
        short = office.get("/appointments", date_from=f"{first}", date_to=f"{last}", **more).body["data"]
        long = office.get("/appointments", date_from=f"{first}", date_to="2199-12-31", limit=500, **more).body["data"]

        starts = f"{last + timedelta(days=1)}"
        assert [one["id"] for one in long if one["local_start"] < starts] == [one["id"] for one in short]


def test_it_is_refused_where_the_mirror_is_not_complete(office: Deployment) -> None:
    states = office.on.syncs
    for name in ("patients", "appointments"):
        state = states.load(office.practice_id).resources[name]
        states.save(office.practice_id, replace(state, phase=Phase.LOADING))

    assert too_wide(office.get("/patients"))
    assert too_wide(office.get("/appointments", date_from="2020-01-01"))


def test_it_is_refused_where_nobody_knows_all_of_them_or_the_mirror_is_too_old(office: Deployment) -> None:
    assert too_wide(office.get("/patients", status="deleted"))
    assert too_wide(office.get("/appointments", date_from="2020-01-01", status="no_show"))
    assert too_wide(office.get("/appointments", date_to="2020-01-01"))
    office.on.clock.seconds += 3600
    assert too_wide(office.send("GET", "/patients", headers={"Cache-Control": "no-cache"}))
    assert too_wide(office.send("GET", "/patients", headers={"Cache-Control": "max-age=600"}))

    told = office.get("/patients").body["meta"]
    assert (told["served_from"], told["age_seconds"]) == ("mirror", pytest.approx(3600, abs=2))


def test_a_practice_without_a_mirror_refuses_as_ever() -> None:
    with deployed(scopes=("*:read",)) as d:
        assert too_wide(d.get("/patients"))
        assert too_wide(d.get("/appointments", date_from="2020-01-01"))
        assert too_wide(d.get("/payments"))
