"""Lists over several practices: all pages are the practices' own lists, one behind the other, and nothing is missing
from them in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters.mirror.records import DynamoRecords
from gateway.adapters.mirror.syncs import DynamoSyncStates
from gateway.core.callers import Client
from gateway.core.mirror.effects import mark
from gateway.core.mirror.syncing import Phase, Wanted
from gateway.core.objects.envelopes import ListOf
from gateway.core.objects.patient import Patient
from gateway.core.practices import Baa
from gateway.core.reads import across
from infra.catalogue import TABLES
from tests.contract.conftest import aws, make_records_table
from tests.fakes.deployment import CLIENT, NOW, Answered, Deployment, deployed
from tests.fakes.meter import Meter
from tests.fakes.mirroring import is_now, mirror, turn_on

FIRST, SECOND, THIRD = PRACTICES = ("prac_aaaaaaaaaaaaaaaa", "prac_bbbbbbbbbbbbbbbb", "prac_cccccccccccccccc")
TODAY = NOW.date()
WEEKS = {"date_from": str(TODAY - timedelta(days=15)), "date_to": str(TODAY + timedelta(days=15))}
SINCE = (NOW - timedelta(days=400)).strftime("%Y-%m-%dT%H:%M:%SZ")

__all__ = ["aws"]


@pytest.fixture(scope="module")
def shared() -> Iterator[Deployment]:
    """Three practices with rows of equal keys and mirrors that are complete; nothing here changes them."""
    with three() as d:
        yield d


@pytest.fixture
def office() -> Iterator[Deployment]:
    """The same, to be changed."""
    with three("--patients", "8") as d:
        yield d


def three(*options: str) -> Any:
    return _Three(options)


class _Three:
    def __init__(self, options: tuple[str, ...]) -> None:
        self._made = deployed(*options, practices=3, scopes=("*:read",))

    def __enter__(self) -> Deployment:
        d = self._made.__enter__()
        d.read_up()
        for number, practice_id in enumerate(PRACTICES):
            # No two lists are the same, so that rows of the wrong practice are seen.
            store = d.servers[practice_id].practice.office.store
            store.update("patient", 3, {"LName": f"Name{number}"})
            for _ in range(number):
                store.delete("appointment", store.rows("SELECT max(AptNum) AS n FROM appointment")[0]["n"])
            mirror(d, practice_id=practice_id)
        return d

    def __exit__(self, *raised: Any) -> None:
        self._made.__exit__(*raised)


def pages(d: Deployment, path: str, cursor: str | None = None, **query: Any) -> list[dict[str, Any]]:
    """Each page of a list from `cursor` on, followed to the end."""
    found: list[dict[str, Any]] = []
    while True:
        got = d.get(path, **query, **({"cursor": cursor} if cursor else {}))
        assert got.status == 200, got.body
        found.append(got.body)
        before, cursor = cursor, got.body["next_cursor"]
        assert (cursor is not None) == got.body["has_more"]
        assert cursor is None or cursor != before
        if cursor is None:
            return found


def rows_of(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [timeless(one) for answer in answers for one in answer["data"]]


def timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "synced_at"}


def one_by_one(d: Deployment, path: str, **query: Any) -> list[dict[str, Any]]:
    """The practices' own lists, one behind the other."""
    return [
        one
        for practice_id in PRACTICES
        for one in rows_of(pages(d, path, practice_id=practice_id, **{**query, "limit": 500}))
    ]


def told(page: dict[str, Any]) -> dict[str, str | None]:
    """Practice -> why it is not in the page, None where it is."""
    return {one["practice_id"]: (one.get("unavailable") or {}).get("code") for one in page["meta"]["practices"]}


LISTS: list[tuple[str, dict[str, Any]]] = [
    ("/patients", {}),
    ("/patients", {"status": "active"}),
    ("/patients", {"any_name": "na"}),
    ("/patients", {"updated_since": SINCE}),
    ("/appointments", WEEKS),
    ("/appointments", {"date_from": "2000-01-01"}),
    ("/appointments", {**WEEKS, "status": "scheduled", "expand": "procedure_ids"}),
    ("/procedurelogs", {"status": "completed"}),
    ("/claims", {"expand": "lines,carrier"}),
    ("/claims", {"status": "sent"}),
    ("/payments", {"entered_from": str(TODAY - timedelta(days=20))}),
    ("/payments", {}),
    ("/payments", {"date_from": str(TODAY - timedelta(days=60)), "kind": "insurance"}),
    ("/recalls", {"due_from": "2020-01-01", "due_to": "2040-01-01"}),
    ("/communications", {"updated_since": SINCE}),
    ("/tasks", {"status": "new,viewed,done"}),
    ("/schedules", WEEKS | {"date_to": str(TODAY)}),
    ("/treatment_plans", {}),
    ("/providers", {}),
    ("/locations", {}),
    ("/operatories", {"is_active": True}),
    ("/carriers", {}),
    ("/definitions", {"category": "billing_type"}),
    ("/appointment_types", {}),
    ("/recall_types", {}),
    ("/procedure_codes", {"code": "D0120,D1110"}),
]


@pytest.mark.parametrize(("path", "query"), LISTS)
def test_all_pages_together_are_the_lists_of_the_practices_one_behind_the_other(
    path: str, query: dict[str, Any], shared: Deployment
) -> None:
    single = shared.get(path, practice_id=FIRST, **query)
    if single.status == 422:
        assert shared.get(path, practice_id="all", **query).status == 422
        return
    shared.upstream_calls.clear()

    found = pages(shared, path, practice_id="all", limit=13, **query)

    assert rows_of(found) == one_by_one(shared, path, **query)
    assert {one for page in found for one in told(page)} == set(PRACTICES)
    assert all(why is None for page in found for why in told(page).values())
    assert {page["meta"]["served_from"] for page in found} == {"mirror"}
    assert {row["practice_id"] for row in rows_of(found)} == set(PRACTICES) or not rows_of(found)
    assert shared.upstream_calls == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(1, 500),
    names=st.sets(st.sampled_from(PRACTICES), min_size=2),
    of=st.sampled_from([("/patients", {}), ("/claims", {}), ("/appointments", WEEKS), ("/providers", {})]),
)
def test_a_limit_changes_where_pages_end_and_nothing_else(
    shared: Deployment, limit: int, names: set[str], of: tuple[str, dict[str, Any]]
) -> None:
    path, query = of

    found = pages(shared, path, practice_id=",".join(sorted(names, reverse=True)), limit=limit, **query)

    assert all(len(page["data"]) <= limit for page in found)
    assert rows_of(found) == [row for row in one_by_one(shared, path, **query) if row["practice_id"] in names]


# Whose a page is


def page_of(d: Deployment, cursor: str, *, client_id: str = CLIENT, **query: Any) -> Answered:
    asked = {"practice_id": "all", "limit": 3, "cursor": cursor, **query}
    return d.send("GET", "/patients", query=asked, client_id=client_id)


def test_a_cursor_is_its_callers_and_of_its_filters(shared: Deployment) -> None:
    shared.on.callers.put_client(Client("cli_eve", "Eve", frozenset(PRACTICES), frozenset({"*:read"})))
    cursor = shared.get("/patients", practice_id="all", limit=3).body["next_cursor"]
    single = shared.get("/patients", practice_id=FIRST, limit=3).body["next_cursor"]

    def refused(got: Answered) -> tuple[int, str, str]:
        return got.status, got.body["code"], got.body["param"]

    assert page_of(shared, cursor).status == 200
    assert refused(page_of(shared, cursor, client_id="cli_eve")) == (404, "not-found", "cursor")
    assert refused(page_of(shared, cursor, status="active")) == (400, "invalid", "cursor")
    assert refused(page_of(shared, cursor, practice_id=f"{FIRST},{SECOND}")) == (400, "invalid", "cursor")
    assert refused(page_of(shared, single)) == (400, "invalid", "cursor")
    assert refused(page_of(shared, cursor, practice_id=FIRST)) == (404, "not-found", "cursor")
    assert refused(page_of(shared, cursor[:-2] + "zz")) == (400, "invalid", "cursor")


def test_a_practice_of_somebody_else_is_not_found_among_several_either(shared: Deployment) -> None:
    for named in (f"{FIRST},prac_dddddddddddddddd", f"{FIRST},nonsense"):
        got = shared.get("/patients", practice_id=named)

        assert (got.status, got.body["param"]) == (404, "practice_id")


def test_all_are_those_of_the_client_and_nobody_elses(shared: Deployment) -> None:
    shared.on.callers.put_client(Client("cli_bob", "Bob", frozenset({FIRST, THIRD}), frozenset({"*:read"})))

    got = shared.send("GET", "/providers", query={"practice_id": "all", "limit": 500}, client_id="cli_bob")

    assert {row["practice_id"] for row in got.body["data"]} == {FIRST, THIRD}
    assert set(told(got.body)) == {FIRST, THIRD}


def test_an_id_of_a_row_is_no_filter_over_several_practices(shared: Deployment) -> None:
    for path, more in (
        ("/appointments", {"patient_id": shared.id_of("patient", 3)}),
        ("/patients", {"ids": shared.id_of("patient", 3)}),
    ):
        got = shared.get(path, practice_id="all", **more)

        assert (got.status, got.body["code"], got.body["param"]) == (400, "invalid", next(iter(more)))


@pytest.mark.parametrize("path", ["/balances", "/slots"])
def test_what_only_the_office_computes_is_of_one_practice(path: str, shared: Deployment) -> None:
    got = shared.get(path, practice_id="all")

    assert (got.status, got.body["param"]) == (400, "practice_id")


def test_who_may_not_read_it_reads_it_nowhere(office: Deployment) -> None:
    office.grant("claims:read")

    assert office.get("/patients", practice_id="all").status == 403
    assert office.get("/claims", practice_id="all").status == 200


def test_a_filter_that_nothing_bounds_is_refused_as_ever(shared: Deployment) -> None:
    for path, query in (
        ("/payments", {"updated_since": SINCE}),
        ("/patients", {"status": "deleted"}),
        ("/schedules", {}),
    ):
        assert shared.get(path, practice_id="all", **query).status == 422


# Practices that cannot answer


def test_a_practice_that_cannot_answer_is_named_with_the_reason(office: Deployment) -> None:
    """A list that lacks an office in silence is taken for the whole."""
    turn_on(office, practice_id=SECOND, wanted=Wanted.OFF)
    state = office.on.syncs.load(THIRD).resources["patients"]
    office.on.syncs.save(THIRD, replace(state, phase=Phase.LOADING))

    page = office.get("/patients", practice_id="all", limit=500).body

    ListOf[Patient].model_validate(page, strict=True)
    assert told(page) == {FIRST: None, SECOND: "mirror-off", THIRD: "not-loaded"}
    assert {row["practice_id"] for row in page["data"]} == {FIRST}
    assert all(one["unavailable"]["detail"] for one in page["meta"]["practices"][1:])
    assert office.upstream_calls == []


def test_a_practice_without_agreement_or_permission_is_named_too(office: Deployment) -> None:
    practices = office.on.practices
    practices.put(replace(practices.get(FIRST), permissions=frozenset({"Queries"})))
    practices.put(replace(practices.get(SECOND), baa=Baa("old", "A. Test", date(2020, 1, 1), date(2020, 2, 2))))

    page = office.get("/tasks", practice_id="all", status="new", limit=500).body

    assert told(page) == {FIRST: "permission-missing", SECOND: "baa-missing", THIRD: None}
    assert {row["practice_id"] for row in page["data"]} <= {THIRD}


def test_how_old_a_part_is_stands_beside_its_practice_and_cache_control_decides(office: Deployment) -> None:
    office.on.clock.seconds += 500
    mirror(office, "claims", practice_id=SECOND)
    office.on.clock.seconds += 100

    free = office.get("/claims", practice_id="all", limit=500).body["meta"]
    strict = office.send(
        "GET", "/claims", query={"practice_id": "all", "limit": 500}, headers={"Cache-Control": "max-age=300"}
    )
    none = office.send("GET", "/claims", query={"practice_id": "all"}, headers={"Cache-Control": "no-cache"})

    ages = {one["practice_id"]: one["age_seconds"] for one in free["practices"]}
    assert ages[SECOND] == pytest.approx(100, abs=20)
    assert ages[FIRST] > 590
    assert free["age_seconds"] == max(ages.values())
    assert free["practice_id"] is None
    assert told(strict.body) == {FIRST: "too-old", SECOND: None, THIRD: "too-old"}
    assert int(strict.headers["Age"]) == pytest.approx(100, abs=20)
    # Waiting makes no copy young enough.
    assert (none.status, none.body["code"], office.upstream_calls) == (409, "no-practice-answers", [])
    assert set(told({"meta": none.body}).values()) == {"too-old"}


def test_who_holds_the_same_rows_learns_that_a_practice_has_gone_silent(office: Deployment) -> None:
    query = {"practice_id": "all", "limit": 500, "name": "Name0"}
    first = office.send("GET", "/patients", query=query)
    turn_on(office, practice_id=THIRD, wanted=Wanted.OFF)

    again = office.send("GET", "/patients", query=query, headers={"If-None-Match": first.headers["ETag"]})

    assert len(first.body["data"]) == 1
    assert (again.status, again.body["data"] == first.body["data"], told(again.body)[THIRD]) == (
        200,
        True,
        "mirror-off",
    )


# Practices that come and go


def test_a_practice_that_goes_between_two_pages_is_passed_over_and_no_row_comes_twice(office: Deployment) -> None:
    every = one_by_one(office, "/patients")
    here = sum(row["practice_id"] == FIRST for row in every)
    first = office.get("/patients", practice_id="all", limit=here + 2).body
    client = office.on.callers.client(CLIENT)
    office.on.callers.put_client(replace(client, practices=client.practices - {SECOND}))

    rest = pages(office, "/patients", practice_id="all", limit=5, cursor=first["next_cursor"])

    assert [row["practice_id"] for row in first["data"]] == [FIRST] * here + [SECOND] * 2
    assert rows_of(rest) == [row for row in every if row["practice_id"] == THIRD]
    assert SECOND not in {one for page in rest for one in told(page)}


def test_a_practice_that_comes_between_two_pages_is_there_if_its_id_lies_ahead(office: Deployment) -> None:
    client = office.on.callers.client(CLIENT)
    for left_out, comes in ((THIRD, True), (FIRST, False)):
        office.on.callers.put_client(replace(client, practices=client.practices - {left_out}))
        first = office.get("/patients", practice_id="all", limit=2).body
        office.on.callers.put_client(client)

        rest = pages(office, "/patients", practice_id="all", limit=50, cursor=first["next_cursor"])

        assert (left_out in {row["practice_id"] for row in rows_of(rest)}) is comes


def test_a_practice_that_was_closed_is_none_of_all(office: Deployment) -> None:
    practices = office.on.practices
    practices.put(replace(practices.get(SECOND), state="disabled"))

    page = office.get("/patients", practice_id="all", limit=500).body

    assert set(told(page)) == {FIRST, THIRD}
    assert office.get("/patients", practice_id=f"{FIRST},{SECOND}").status == 404


# Zones


def test_days_are_those_of_each_practices_own_wall_and_moments_are_one_for_all(office: Deployment) -> None:
    """A visit at 9 is on its day in Honolulu as in New York; a change at noon UTC is one moment in both."""
    practices = office.on.practices
    for practice_id, zone in ((FIRST, "Pacific/Honolulu"), (THIRD, "America/New_York")):
        practices.put(replace(practices.get(practice_id), time_zone=zone))
    day = str(TODAY + timedelta(days=2))
    for practice_id in PRACTICES:
        store = office.servers[practice_id].practice.office.store
        for row in store.rows("SELECT AptNum FROM appointment WHERE AptStatus NOT IN (3, 6)"):
            store.update("appointment", row["AptNum"], {"AptDateTime": f"{day} 23:30:00"})
        mirror(office, "appointments", practice_id=practice_id)

    found = rows_of(pages(office, "/appointments", practice_id="all", limit=500, date_from=day, date_to=day))
    starts = {(row["practice_id"], row["local_start"], row["start_at"]) for row in found}

    assert {local for _, local, _ in starts} == {f"{day}T23:30:00"}
    assert len({at for _, _, at in starts}) == 3

    stamps = sorted(row["updated_at"] for row in one_by_one(office, "/appointments", **{**WEEKS}))
    since = stamps[len(stamps) // 2]
    late = rows_of(pages(office, "/appointments", practice_id="all", limit=500, updated_since=since))
    assert late == one_by_one(office, "/appointments", updated_since=since)


# What it costs


RESOURCES = {name: name[1:] for name in ("/patients", "/appointments", "/claims", "/providers", "/recalls")}


@pytest.mark.parametrize("limit", [200, 12])
@pytest.mark.parametrize("path", sorted(RESOURCES))
def test_a_page_costs_no_more_partition_queries_than_it_may(
    path: str, limit: int, aws: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty practices in one page must not keep a table busy, nor a caller waiting."""
    monkeypatch.setattr(across, "MOST_QUERIES", limit)
    (row,) = (one for one in TABLES if one.name == "records")
    query = {"/appointments": {"date_from": "2021-01-01"}}.get(path, {})
    with deployed("--patients", "4", practices=3, scopes=("*:read",)) as d:
        meter: Any = Meter(make_records_table(), row.indexes)
        d.on.records = DynamoRecords(
            meter, table="records", fingerprint=d.on.signer.fingerprint, now=d.on.clock.now, sleep=d.on.clock.sleep
        )
        d.on.syncs = DynamoSyncStates(meter, table="records", sleep=d.on.clock.sleep)
        for practice_id in PRACTICES:
            mirror(d, RESOURCES[path], "recalltypes", practice_id=practice_id)
        # And ten whose mirrors are complete and empty.
        many = [f"prac_{letter * 16}" for letter in "efghijklmn"]
        for practice_id in many:
            d.on.practices.put(replace(d.on.practices.get(FIRST), id=practice_id))
            turn_on(d, practice_id=practice_id)
            is_now(d, RESOURCES[path], d.on.clock.now(), practice_id=practice_id, rows=0)
        client = d.on.callers.client(CLIENT)
        d.on.callers.put_client(replace(client, practices=client.practices | set(many)))
        seen: list[str] = []
        cursor: str | None = None
        spent: list[int] = []
        while True:
            asked = {"practice_id": "all", "limit": 500, **query, **({"cursor": cursor} if cursor else {})}
            got: list[Answered] = []
            meter.of(lambda asked=asked, got=got: got.append(d.get(path, **asked)))
            spent.append(meter.calls["query"])
            assert got[0].status == 200, got[0].body
            seen += [one["practice_id"] for one in got[0].body["meta"]["practices"]]
            cursor = got[0].body["next_cursor"]
            if cursor is None:
                break

    assert max(spent) <= limit
    assert set(seen) == {*PRACTICES, *many}
    # All of it fits into one page, if that may cost what there is.
    assert (len(spent) == 1) == (limit == 200)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/appointments", {"date_from": "2000-01-01"}),
        ("/appointments", {"date_from": "1990-01-01", "date_to": "2040-12-31", "status": "scheduled"}),
        ("/appointments", {"updated_since": SINCE}),
        ("/claims", {"date_from": "2000-01-01"}),
        ("/payments", {"entered_from": str(TODAY - timedelta(days=300))}),
        ("/payments", {}),
        ("/schedules", WEEKS),
    ],
)
@pytest.mark.parametrize("limit", [20, 500])
def test_pages_are_as_full_as_their_limit_asks(
    path: str, query: dict[str, Any], limit: int, shared: Deployment
) -> None:
    found = [len(page["data"]) for page in pages(shared, path, practice_id="all", limit=limit, **query)]

    assert found[:-1] == [limit] * (len(found) - 1)
    assert found[-1] > 0


def test_a_page_begins_no_other_practice_once_it_has_read_much_or_taken_long(
    shared: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    query: dict[str, Any] = {"practice_id": "all", "limit": 500}
    whole = one_by_one(shared, "/patients")
    for name in ("MOST_READ", "LONGEST_S"):
        with monkeypatch.context() as patch:
            patch.setattr(across, name, 0.0)

            found = pages(shared, "/patients", **query)

        assert [list(told(page)) for page in found] == [[one] for one in PRACTICES]
        assert rows_of(found) == whole


# Where nobody can


def test_an_empty_list_is_no_answer_where_no_practice_could_give_one(office: Deployment) -> None:
    """Whoever asks takes an empty list for "there is nothing"."""
    for practice_id in PRACTICES:
        turn_on(office, practice_id=practice_id, wanted=Wanted.OFF)

    got = office.get("/patients", practice_id="all")

    assert (got.status, got.body["code"], got.body["retryable"]) == (409, "no-practice-answers", False)
    assert told({"meta": got.body}) == dict.fromkeys(PRACTICES, "mirror-off")


def test_what_passes_by_itself_is_worth_asking_again(office: Deployment) -> None:
    turn_on(office, practice_id=SECOND, wanted=Wanted.OFF)
    for practice_id in (FIRST, THIRD):
        state = office.on.syncs.load(practice_id).resources["patients"]
        office.on.syncs.save(practice_id, replace(state, phase=Phase.LOADING))
    client = office.on.callers.client(CLIENT)

    got = office.get("/patients", practice_id="all")
    office.on.callers.put_client(replace(client, practices=frozenset()))
    nobody = office.get("/patients", practice_id="all")

    assert (got.status, got.body["code"], got.body["retryable"]) == (503, "no-practice-answers-yet", True)
    assert told({"meta": got.body}) == {FIRST: "not-loaded", SECOND: "mirror-off", THIRD: "not-loaded"}
    assert got.headers["Retry-After"]
    # Who has no practice has no rows.
    assert (nobody.status, nobody.body["data"]) == (200, [])


def test_one_practice_that_answers_is_enough_on_whichever_page(
    office: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(across, "LONGEST_S", 0.0)
    for silent in ((FIRST, SECOND), (SECOND, THIRD)):
        for practice_id in PRACTICES:
            turn_on(office, practice_id=practice_id, wanted=Wanted.OFF if practice_id in silent else Wanted.ON)

        found = pages(office, "/patients", practice_id="all", limit=500)

        assert [list(told(page).values()) for page in found] == [
            ["mirror-off" if one in silent else None] for one in PRACTICES
        ]
    for practice_id in PRACTICES:
        turn_on(office, practice_id=practice_id, wanted=Wanted.OFF)
    cursor: str | None = None
    for status in (200, 200, 409):
        got = office.get("/patients", practice_id="all", **({"cursor": cursor} if cursor else {}))
        cursor = got.body.get("next_cursor")

        assert got.status == status


@pytest.mark.parametrize("by", ["name", "any_name", "phone"])
def test_whom_a_way_leads_to_is_found_behind_an_own_write_too(by: str, office: Deployment) -> None:
    """The mirror is the only road: `as_of` says that it is older than the write."""
    row = next(one for one in office.rows("patient", "PatStatus = 0") if one["WirelessPhone"])
    value = {"name": row["LName"], "any_name": row["FName"], "phone": row["WirelessPhone"]}[by]
    office.on.syncs.touch(office.practice_id, [mark("patients")], office.on.clock.now())
    found = office.get("/patients", practice_id="all", **{by: value})

    assert told(found.body)[office.practice_id] is None
    assert office.id_of("patient", row["PatNum"]) in {one["id"] for one in found.body["data"]}
