"""A day, read through its handler: by which road it comes, what each costs, and that all say the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.core.errors import NotFound
from gateway.core.mirror.records import Order, ReadAt
from gateway.core.objects.day import Day
from gateway.core.plans import UpstreamCall
from gateway.core.practices import Tier
from gateway.core.reads.day import SCOPES
from tests.fakes.deployment import ALL_PERMISSIONS, IDS, NOW, ZONE, Answered, Deployment, deployed
from tests.fakes.mirroring import is_now, mirror

_IN_SPRING = NOW.date() + timedelta(days=98)
DAY = str(_IN_SPRING + timedelta(days=(1 - _IN_SPRING.weekday()) % 7))
"""A Tuesday within the year that an office's hours are mirrored for."""
NOBODY = 999_999
WITHOUT_QUERIES = ALL_PERMISSIONS - {"Queries"}
IN_MIRROR = "patients,balance,coverage,recalls,schedules"
"""All but the alerts, of which the mirror has no whole list."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Deployment]:
    """A practice with one odd day: nothing here changes it."""
    with deployed() as d:
        d.read_up()
        fill(d)
        yield d


@pytest.fixture
def own() -> Iterator[Deployment]:
    with deployed() as d:
        d.read_up()
        fill(d)
        yield d


def fill(d: Deployment, day: str = DAY, *, visits: int = 14) -> None:
    """A day on which families come, somebody comes twice, somebody was deleted, and somebody is not there at all."""
    store = d.simulated.office.store
    people = [row["PatNum"] for row in d.rows("patient", "PatStatus <> 4")]
    gone = d.rows("patient", "PatStatus = 4")[0]["PatNum"]
    insured = {row["PatNum"] for row in d.rows("patplan")}
    chosen = (sorted(people, key=lambda one: (one not in insured, one)) * 10)[: visits - 4]
    book(d, [*chosen, chosen[0], gone, NOBODY], day)
    book(d, [0], day, AptStatus=7, Note="Lab pick-up")
    for number in chosen[:3]:
        store.insert("allergy", {"PatNum": number, "AllergyDefNum": 1, "StatusIsActive": 1, "Reaction": "Swelling"})
        store.insert("allergy", {"PatNum": number, "AllergyDefNum": 2, "StatusIsActive": 0})
        store.insert("disease", {"PatNum": number, "DiseaseDefNum": 1, "ProbStatus": 0, "PatNote": "Since birth"})
        store.insert("disease", {"PatNum": number, "DiseaseDefNum": 2, "ProbStatus": 1})
        store.insert(
            "medicationpat", {"PatNum": number, "MedicationNum": 1, "DateStart": "2020-01-01", "DateStop": "2020-02-01"}
        )
        store.insert("medicationpat", {"PatNum": number, "MedicationNum": 2, "DateStart": "2020-01-01"})
        # The last day of it is one.
        store.insert(
            "medicationpat",
            {"PatNum": number, "MedicationNum": 3, "DateStart": "2020-01-01", "DateStop": str(d.today)},
        )
    store.update("patient", chosen[1], {"Premed": 1, "Language": "spa", "Preferred": "Bo"})
    for one in d.rows("patient", f"PatNum = {chosen[0]}"):
        store.update("patient", one["Guarantor"], {"FamFinUrgNote": "Pays in advance", "BalTotal": 120.5})


def book(d: Deployment, patients: list[int], day: str = DAY, **more: Any) -> list[int]:
    begin = datetime.fromisoformat(f"{day} 08:00:00")
    return [
        d.simulated.office.store.insert(
            "appointment",
            {
                "PatNum": number, "AptStatus": 1, "Pattern": "/XX/", "Op": 1, "ProvNum": 1, "ClinicNum": 1,
                "AptDateTime": str(begin + timedelta(minutes=5 * at)), "ProcDescript": "Exam", **more,
            },
        )
        for at, number in enumerate(patients)
    ]  # fmt: skip


def read(d: Deployment, day: str = DAY, *, fresh: bool = False, **query: Any) -> dict[str, Any]:
    answer = ask(d, day, fresh=fresh, **query)
    for _ in range(30):
        if answer.status != 202:
            break
        d.on.world.run(10)
        answer = d.send("GET", "/day", query={"date": day, **query}, headers={"Prefer": "wait=28"})
    assert answer.status == 200, answer.body
    Day.model_validate(answer.body, strict=True)
    shown: dict[str, Any] = answer.body
    return shown


def ask(d: Deployment, day: str = DAY, *, fresh: bool = False, **query: Any) -> Answered:
    d.upstream_calls.clear()
    headers = {"Prefer": "wait=28", **({"Cache-Control": "no-cache"} if fresh else {})}
    return d.send("GET", "/day", query={"date": day, **query}, headers=headers)


def told(value: Any) -> Any:
    """An answer without when and whence."""
    if isinstance(value, dict):
        volatile = {"meta", "sections", "synced_at"}
        return {name: told(one) for name, one in value.items() if name not in volatile}
    return [told(one) for one in value] if isinstance(value, list) else value


def states(shown: dict[str, Any]) -> dict[str, str]:
    return {name: one["status"] for name, one in shown["sections"].items()}


def patient_of(visit: dict[str, Any]) -> str | None:
    found: str | None = visit["appointment"]["patient_id"]
    return found


# What it costs


def test_where_the_key_may_query_three_calls_bring_visits_patients_balances_insurance_and_recalls(
    own: Deployment,
) -> None:
    shown = read(own, sections="patients,balance,coverage,recalls")

    assert own.upstream_calls == ["appointments.list", "queries.ShortQuery", "queries.ShortQuery"]
    assert shown["meta"]["upstream_calls"] == 3
    assert set(states(shown).values()) == {"ok"}


def test_alerts_and_schedules_are_a_call_more_each(own: Deployment) -> None:
    shown = read(own)

    assert own.upstream_calls == ["appointments.list", "schedules.list", *["queries.ShortQuery"] * 3]
    assert list(shown["sections"]) == ["appointments", *SCOPES]
    assert set(states(shown).values()) == {"ok"}


def test_alerts_cost_one_call_where_the_rest_was_read_a_moment_ago(own: Deployment) -> None:
    people = "patients,balance,coverage,recalls"
    read(own, sections=people)
    shown = read(own, sections=f"{people},alerts")

    assert own.upstream_calls == ["queries.ShortQuery"]
    assert shown["meta"]["upstream_calls"] == 1


def test_a_mirror_that_is_up_to_date_answers_without_a_call(own: Deployment) -> None:
    without_strangers(own)
    mirror(own)
    shown = read(own, sections=IN_MIRROR)

    assert own.upstream_calls == []
    assert shown["meta"]["upstream_calls"] == 0
    assert {one["served_from"] for one in shown["sections"].values()} == {"mirror"}
    assert len(shown["visits"]) == 12


@pytest.mark.parametrize("queries", [True, False])
def test_who_is_in_no_list_is_read_alone_and_the_others_come_from_the_mirror(own: Deployment, *, queries: bool) -> None:
    """One deleted patient on a visit must not send the whole day to Open Dental."""
    own.know(permissions=ALL_PERMISSIONS if queries else WITHOUT_QUERIES)
    mirror(own)
    own.grant("appointments:read", "patients:read", "balances:read", "coverages:read", "recalls:read")
    shown = read(own)

    if queries:
        assert own.upstream_calls == ["queries.ShortQuery"] * 2
    else:
        # Two patients: whoever is deleted, and whoever is not there at all.
        calls = {name: own.upstream_calls.count(name) for name in sorted(set(own.upstream_calls))}
        assert calls == {"familymodules.Insurance": 2, "patients.get": 2, "recalls.list": 2}
    assert {name for name, state in states(shown).items() if state == "ok"} == {
        "appointments", "patients", "balance", "coverage", "recalls",
    }  # fmt: skip
    assert sum(one["patient"] is not None for one in shown["visits"]) == 12


def mirror_alerts(d: Deployment, *, age_s: float = 0.0) -> None:
    """Have every patient's alerts in the mirror, as they were so long ago."""
    mirror(d)
    at = d.on.clock.now() - timedelta(seconds=age_s)
    before, seconds = list(d.upstream_calls), d.on.clock.seconds
    practice = d.on.practices.get(d.practice_id)
    read_at = ReadAt(Order(d.on.syncs.load(practice.id).epoch, d.on.pace.load(practice.id).turn_no), at)
    for resource in ("allergies", "diseases", "medicationpats"):
        rows: list[Any] = []
        for row in d.rows("patient", "PatStatus <> 4"):
            call = UpstreamCall(f"{resource}.list", query={"PatNum": row["PatNum"]})
            with suppress(NotFound):
                rows += d.on.upstream.send(practice, call).rows
        d.on.records.store(practice.id, resource, rows, read=read_at, cause="load")
        is_now(d, resource, at, rows=len(rows))
    d.upstream_calls[:], d.on.clock.seconds = before, seconds


def without_strangers(d: Deployment) -> None:
    """Take those off the day whom no list has."""
    gone = d.rows("patient", "PatStatus = 4")[0]["PatNum"]
    for row in d.rows("appointment", f"PatNum IN ({gone}, {NOBODY})"):
        d.simulated.office.store.delete("appointment", row["AptNum"])


def test_a_mirror_that_has_the_alerts_answers_all_of_it_without_a_call(own: Deployment) -> None:
    without_strangers(own)
    by_query = read(own, fresh=True)
    mirror_alerts(own)
    shown = read(own)

    assert own.upstream_calls == []
    assert {one["served_from"] for one in shown["sections"].values()} == {"mirror"}
    assert told(shown) == told(by_query)


@pytest.mark.parametrize("queries", [True, False])
def test_alerts_that_were_mirrored_an_hour_ago_are_shown_only_to_who_asks_for_such(
    own: Deployment, *, queries: bool
) -> None:
    own.know(permissions=ALL_PERMISSIONS if queries else WITHOUT_QUERIES)
    without_strangers(own)
    mirror_alerts(own, age_s=3600)
    shown = read(own)
    alerts = shown["sections"]["alerts"]
    if queries:
        assert (alerts["served_from"], own.upstream_calls) == ("live", ["queries.ShortQuery"])
    else:
        assert (alerts["status"], own.upstream_calls) == ("unavailable", [])
        was = datetime.fromisoformat(alerts["mirrored_as_of"])
        assert (own.on.clock.now() - was).total_seconds() == pytest.approx(3600, abs=5)
        assert shown["meta"]["age_seconds"] < 60

    own.upstream_calls.clear()
    answer = own.send("GET", "/day", query={"date": DAY}, headers={"Cache-Control": "max-age=7200"})
    assert own.upstream_calls == []
    assert answer.body["sections"]["alerts"]["served_from"] == "mirror"
    assert answer.body["meta"]["age_seconds"] == pytest.approx(3600, abs=5)


def test_who_takes_only_copies_gets_those_that_are_there(own: Deployment) -> None:
    mirror(own)
    answer = own.send("GET", "/day", query={"date": DAY}, headers={"Cache-Control": "only-if-cached"})

    assert (answer.status, own.upstream_calls) == (200, [])
    assert answer.body["sections"]["appointments"]["served_from"] == "mirror"
    assert answer.body["sections"]["alerts"]["reason"]["code"] == "not-cached"


def test_an_empty_list_is_not_believed_of_somebody_whom_the_mirror_does_not_have(own: Deployment) -> None:
    mirror(own)
    shown = read(own, sections="recalls")

    assert own.upstream_calls == ["queries.ShortQuery"]
    assert shown["sections"]["recalls"]["served_from"] == "live"


def test_alerts_are_never_older_than_a_minute_unless_the_caller_says_so(own: Deployment) -> None:
    read(own)
    own.on.clock.sleep(70)
    shown = read(own)

    assert own.upstream_calls == ["queries.ShortQuery"]
    assert shown["sections"]["alerts"]["served_from"] == "live"
    assert shown["sections"]["patients"]["served_from"] == "cache"


def test_a_day_of_120_visits_is_paged_until_a_page_is_short(own: Deployment) -> None:
    own.simulated.change({"tier": "standard"})  # pages of 100
    later = str(date.fromisoformat(DAY) + timedelta(days=7))
    fill(own, later, visits=124)
    numbers = {row["PatNum"] for row in own.rows("appointment", f"AptDateTime LIKE '{later}%'")}
    recalls = [row for row in own.rows("recall", "IsDisabled = 0") if row["PatNum"] in numbers]
    shown = read(own, later, sections="patients,balance,coverage,recalls", fresh=True)

    assert len(shown["visits"]) == 124
    assert own.upstream_calls.count("appointments.list") == 2
    assert own.upstream_calls.count("queries.ShortQuery") == 2 + len(recalls) // 100
    assert sum(len(one["recalls"] or ()) for one in shown["visits"]) > 0


def test_120_patients_are_read_whole_by_query() -> None:
    with deployed("--patients", "160") as d:
        numbers = [row["PatNum"] for row in d.rows("patient", "PatStatus <> 4")][:120]
        far = str(d.today + timedelta(days=700))
        book(d, numbers, far)
        shown = read(d, far, fresh=True)
        places = [row for row in d.rows("patplan") if row["PatNum"] in set(numbers)]

    assert len({one["patient"]["id"] for one in shown["visits"]}) == 120
    assert sum(len(one["coverage"]) for one in shown["visits"]) == len(places)
    assert set(states(shown).values()) == {"ok"}


def test_without_queries_what_costs_a_call_for_each_patient_is_left_out_and_counted(own: Deployment) -> None:
    own.know(permissions=WITHOUT_QUERIES)
    shown = read(own)
    left_out = {name: one for name, one in shown["sections"].items() if one["status"] == "unavailable"}
    patients = len({patient_of(one) for one in shown["visits"]} - {None})

    assert own.upstream_calls == ["appointments.list", "schedules.list", *["patients.get"] * patients]
    assert set(left_out) == {"balance", "coverage", "recalls", "alerts"}
    assert {one["reason"]["code"] for one in left_out.values()} == {"too-many-calls"}
    assert {name: one["calls_needed"] for name, one in left_out.items()} == {
        "balance": patients, "coverage": patients, "recalls": patients, "alerts": 3 * patients,
    }  # fmt: skip
    assert shown["meta"]["calls_needed"] == 6 * patients
    assert {one["balance"] for one in shown["visits"]} == {None}


def test_without_queries_a_section_that_is_named_is_read_patient_by_patient(own: Deployment) -> None:
    own.know(permissions=WITHOUT_QUERIES)
    shown = read(own, sections="balance,coverage")

    assert states(shown) == dict.fromkeys(("appointments", "patients", "balance", "coverage"), "ok")
    assert shown["meta"]["upstream_calls"] == len(own.upstream_calls)


def test_without_queries_no_more_than_forty_patients_are_read_unasked() -> None:
    with deployed("--patients", "60") as d:
        d.know(permissions=WITHOUT_QUERIES)
        book(d, [row["PatNum"] for row in d.rows("patient", "PatStatus <> 4")][:41])
        coming = [row["PatNum"] for row in d.rows("appointment", f"AptDateTime LIKE '{DAY}%'")]
        shown = read(d)

        assert d.upstream_calls == ["appointments.list", "schedules.list"]
        assert shown["sections"]["patients"]["calls_needed"] == len(set(coming)) > 40
        assert (shown["visits"][0]["patient"], shown["totals"]["visits"]) == (None, len(coming))


def test_sections_that_would_cost_hundreds_of_calls_are_refused() -> None:
    with deployed("--patients", "160") as d:
        d.know(permissions=WITHOUT_QUERIES)
        book(d, [row["PatNum"] for row in d.rows("patient", "PatStatus <> 4")][:120])
        answer = ask(d, sections="coverage,alerts")

        assert (answer.status, answer.body["code"]) == (422, "filter-too-wide")
        assert set(d.upstream_calls) == {"appointments.list"}


def needed(shown: dict[str, Any]) -> dict[str, Any]:
    """What each section would add."""
    return {name: one["calls_needed"] for name, one in shown["sections"].items() if "calls_needed" in one}


@pytest.mark.parametrize("queries", [True, False])
def test_a_dry_run_makes_no_call_and_counts_those_that_the_answer_takes(own: Deployment, *, queries: bool) -> None:
    own.know(permissions=ALL_PERMISSIONS if queries else WITHOUT_QUERIES)
    before = read(own, dry_run=True)
    assert own.upstream_calls == []
    assert (before["visits"], before["meta"]["upstream_calls"]) == (None, 0)
    assert {one["reason"]["code"] for one in before["sections"].values()} == {"not-read"}
    assert before["sections"]["appointments"]["calls_needed"] == 1

    own.get("/appointments", date_from=DAY, date_to=DAY)
    named = ",".join(SCOPES)
    counted = read(own, dry_run=True, sections=named)
    assert own.upstream_calls == []
    assert len(counted["visits"]) == 14
    assert counted["meta"]["calls_needed"] == sum(needed(counted).values())

    done = read(own, sections=named)
    if queries:
        # Patients, balances and insurance are one statement.
        assert counted["meta"]["calls_needed"] == done["meta"]["upstream_calls"] == 4
    else:
        assert counted["meta"]["calls_needed"] >= len(own.upstream_calls) > 4
    assert read(own, dry_run=True, sections=named)["meta"]["calls_needed"] == 0


@pytest.mark.parametrize(
    ("sections", "each"),
    [
        (None, {"patients": 1, "balance": 0, "coverage": 0, "recalls": 1, "alerts": 1, "schedules": 1}),
        ("balance,coverage", {"patients": 1, "balance": 0, "coverage": 0}),
        ("coverage,recalls", {"coverage": 1, "recalls": 1}),
        ("alerts", {"patients": 1, "alerts": 1}),
        ("appointments", {}),
    ],
)
@pytest.mark.parametrize("visits_at_hand", [True, False])
def test_what_a_dry_run_counts_section_by_section_is_what_the_answer_takes(
    own: Deployment, sections: str | None, each: dict[str, int], *, visits_at_hand: bool
) -> None:
    if visits_at_hand:
        own.get("/appointments", date_from=DAY, date_to=DAY)
    named: dict[str, Any] = {} if sections is None else {"sections": sections}
    counted = read(own, dry_run=True, **named)
    assert needed(counted) == ({} if visits_at_hand else {"appointments": 1}) | each
    comes_with = {name: one["comes_with"] for name, one in counted["sections"].items() if "comes_with" in one}
    assert comes_with == {name: "patients" for name, calls in each.items() if not calls}

    done = read(own, **named)
    assert counted["meta"]["calls_needed"] == sum(needed(counted).values()) == len(own.upstream_calls)
    assert done["meta"]["upstream_calls"] == len(own.upstream_calls)
    assert set(states(done).values()) == {"ok"}


def test_a_dry_run_without_queries_counts_what_it_leaves_out_and_what_the_answer_takes_apart(own: Deployment) -> None:
    own.know(permissions=WITHOUT_QUERIES)
    own.get("/appointments", date_from=DAY, date_to=DAY)
    counted = read(own, dry_run=True)
    taken = {
        name: one["calls_needed"]
        for name, one in counted["sections"].items()
        if one["status"] == "unavailable" and one["reason"]["code"] == "not-read"
    }
    left_out = {name: calls for name, calls in needed(counted).items() if name not in taken}
    done = read(own)

    assert set(taken) == {"patients", "schedules"}
    assert sum(taken.values()) == len(own.upstream_calls)
    assert left_out == needed(done)


def test_a_dry_run_says_that_nobody_knows_what_patients_cost_before_the_visits_are_known(own: Deployment) -> None:
    own.know(permissions=WITHOUT_QUERIES)
    counted = read(own, dry_run=True, sections="patients,recalls")

    assert needed(counted) == {"appointments": 1, "patients": None, "recalls": None}
    assert counted["meta"]["calls_needed"] is None


def test_a_dry_run_counts_the_pages_that_more_than_a_hundred_patients_take() -> None:
    with deployed("--patients", "160") as d:
        far = str(d.today + timedelta(days=700))
        book(d, [row["PatNum"] for row in d.rows("patient", "PatStatus <> 4")][:120], far)
        d.get("/appointments", date_from=far, date_to=far)
        counted = read(d, far, dry_run=True, sections="patients,balance")
        read(d, far, sections="patients,balance")

        assert needed(counted) == {"patients": 2, "balance": 0}
        assert len(d.upstream_calls) == 2


def test_a_dry_run_counts_the_history_that_tells_missed_visits_from_cancelled_ones(own: Deployment) -> None:
    book(own, [2], AptStatus=5)
    named: dict[str, Any] = {"sections": "appointments", "status": "no_show,cancelled,broken"}
    cold = read(own, dry_run=True, **named)
    mirror(own)
    counted = read(own, dry_run=True, **named)
    done = read(own, **named)

    assert (needed(cold), needed(counted), counted["visits"]) == ({"appointments": 2}, {"appointments": 1}, None)
    assert own.upstream_calls == ["histappointments.list"]
    assert len(done["visits"]) == 1


def test_a_dry_run_counts_nothing_for_what_the_key_may_not_read(own: Deployment) -> None:
    own.know(permissions=frozenset({"Appointments"}))
    counted = ask(own, dry_run=True, sections="recalls,schedules").body

    assert needed(counted) == {"appointments": 1}
    assert {counted["sections"][name]["reason"]["code"] for name in ("recalls", "schedules")} == {"permission-missing"}


def test_a_dry_run_with_nothing_at_hand_claims_neither_age_nor_road(own: Deployment) -> None:
    shown = read(own, dry_run=True)

    assert [shown["meta"][name] for name in ("as_of", "age_seconds", "served_from")] == [None] * 3


def test_a_day_of_visits_alone_is_one_call(own: Deployment) -> None:
    shown = read(own, sections="appointments")

    assert own.upstream_calls == ["appointments.list"]
    assert list(shown["sections"]) == ["appointments"]
    assert len(shown["visits"]) == 14
    assert {one["patient"] for one in shown["visits"]} == {None}


@pytest.mark.parametrize("said", ["yes", "1", "on", "True", "t", ""])
@pytest.mark.parametrize(
    ("path", "name"), [("/day", "dry_run"), ("/recalls", "include_disabled"), ("/operatories", "is_hygiene")]
)
def test_a_yes_or_no_in_a_query_is_true_or_false_and_nothing_else(
    shared: Deployment, path: str, name: str, said: str
) -> None:
    query = {"date": DAY} if path == "/day" else {}
    answer = shared.send("GET", path, query={**query, name: said})

    assert (answer.status, answer.body["code"], answer.body["param"]) == (400, "invalid", name)
    assert answer.body["detail"] == f"{name}: takes true or false"


def test_the_chairs_of_a_location_are_read_where_they_are_not_at_hand() -> None:
    with deployed() as d:
        book(d, [1], ClinicNum=2, Op=9)
        asked: dict[str, Any] = {"location_id": d.id_of("location", 2), "sections": "schedules"}
        counted = read(d, dry_run=True, **asked)
        shown = read(d, **asked)

        assert needed(counted) == {"appointments": 1, "schedules": 2}
        assert sorted(d.upstream_calls) == ["appointments.list", "operatories.list", "schedules.list"]
        assert set(states(shown).values()) == {"ok"}


def test_the_families_of_whom_the_mirror_has_are_told_when_one_of_their_heads_is_not_in_it(own: Deployment) -> None:
    """The head of one family was deleted: nobody else may lose what their family owes because of that."""
    without_strangers(own)
    number = own.rows("appointment", f"AptDateTime LIKE '{DAY}%' AND PatNum > 0")[0]["PatNum"]
    gone = own.rows("patient", "PatStatus = 4")[0]["PatNum"]
    store = own.simulated.office.store
    store.update("patient", number, {"Guarantor": gone})
    store.update("patient", gone, {"BalTotal": 35.0})
    stranger = next(one for one in own.rows("patient", "PatStatus <> 4 AND Guarantor = PatNum") if one["PatNum"] > 15)
    store.update("patient", stranger["PatNum"], {"PatStatus": 4, "Guarantor": gone})
    book(own, [stranger["PatNum"]])
    by_query = read(own, sections="balance", fresh=True)
    own.know(permissions=WITHOUT_QUERIES)
    mirror(own)
    counted = read(own, dry_run=True, sections="balance")
    shown = read(own, sections="balance")

    # At most: whom the mirror lacks may have another head.
    assert needed(counted) == {"patients": 1, "balance": 2}
    assert own.upstream_calls == ["patients.get"] * 2
    assert [one["balance"] for one in shown["visits"]] == [one["balance"] for one in by_query["visits"]]


# That it is right


def test_every_road_tells_the_same_field_by_field(own: Deployment) -> None:
    if own.on.clock.now().astimezone(ZoneInfo(ZONE)).hour >= 22:
        # No midnight may come between: what somebody takes is told as of today.
        own.on.clock.sleep(7200)
    by_query = read(own, fresh=True)
    own.know(permissions=WITHOUT_QUERIES)
    own.simulated.change({"permissions": sorted(WITHOUT_QUERIES)})
    own.on.clock.sleep(3700)
    by_calls = read(own, sections=",".join(SCOPES))
    assert "queries.ShortQuery" not in own.upstream_calls
    mirror(own)
    from_mirror = read(own, sections=IN_MIRROR)

    gone = own.id_of("patient", own.rows("patient", "PatStatus = 4")[0]["PatNum"])
    for queried, called, mirrored in zip(
        told(by_query)["visits"], told(by_calls)["visits"], told(from_mirror)["visits"], strict=True
    ):
        if patient_of(queried) == gone:
            # Open Dental does not tell what insures somebody who is deleted.
            assert (called.pop("coverage"), queried.pop("coverage"), mirrored.pop("coverage")) == (None, [], None)
        assert queried == called
        assert {**queried, "alerts": None} == mirrored
    for name in ("totals", "schedules"):
        assert told(by_query)[name] == told(by_calls)[name] == told(from_mirror)[name]


def test_visits_are_those_of_their_own_list(shared: Deployment) -> None:
    shown = read(shared, sections="patients")
    listed = shared.get("/appointments", date_from=DAY, date_to=DAY, limit=500).body["data"]

    assert told([one["appointment"] for one in shown["visits"]]) == told(listed)


def test_patients_balances_recalls_and_alerts_are_those_of_their_own_endpoints(shared: Deployment) -> None:
    """Two truths about one patient would be worse than none."""
    shown = read(shared)
    gone = shared.id_of("patient", shared.rows("patient", "PatStatus = 4")[0]["PatNum"])
    seen = {one["patient"]["id"]: one for one in shown["visits"] if one["patient"] is not None}
    assert len(seen) == 11
    for id_, visit in seen.items():
        own = shared.get(f"/patients/{id_}").body
        ours = {name: value for name, value in visit["patient"].items() if name != "age"}
        assert ours == {name: own[name] for name in ours}
        if id_ == gone:
            continue
        owed = shared.get(f"/balances/{id_}").body
        assert visit["balance"]["portion"] == owed["portion"]
        assert visit["balance"]["family_total"] == owed["family"]["total"]
        assert visit["balance"]["guarantor_id"] == owed["guarantor_id"]
        for name, path, wanted in (
            ("allergies", "/allergies", ("active",)),
            ("conditions", "/conditions", ("active",)),
            ("medications", "/medications", (True,)),
        ):
            listed = shared.get(path, patient_id=id_, limit=500).body["data"]
            now = [one for one in listed if one.get("status", one.get("is_current")) in wanted]
            assert [one["id"] for one in visit["alerts"][name]] == [one["id"] for one in now]
            for mine, theirs in zip(visit["alerts"][name], now, strict=True):
                assert mine == {field: theirs[field] for field in mine}
        recalls = {one["id"]: one for one in shared.get("/recalls", patient_id=id_, limit=500).body["data"]}
        for mine in visit["recalls"]:
            assert {**mine, "is_overdue": None} == {
                **{field: recalls[mine["id"]][field] for field in mine if field != "is_overdue"},
                "is_overdue": None,
            }
        insurances = shared.get(f"/patients/{id_}/360", sections="coverage").body["sections"]["coverage"]["data"]
        assert visit["coverage"] == insurances["insurances"]


def test_only_what_is_so_now_is_an_alert(shared: Deployment) -> None:
    shown = read(shared, sections="alerts")
    chosen = [one["alerts"] for one in shown["visits"] if one["alerts"] is not None]
    first, second = chosen[0], chosen[1]

    assert "Swelling" in {one["reaction"] for one in first["allergies"]}
    assert "Since birth" in {one["note"] for one in first["conditions"]}
    assert {one["stopped_on"] for one in first["medications"]} == {None, str(shared.today)}
    assert (first["is_premedicated"], second["is_premedicated"]) == (False, True)


def test_recalls_are_the_next_of_each_type_and_overdue_by_the_day_that_is_asked_for(own: Deployment) -> None:
    number = own.rows("appointment", f"AptDateTime LIKE '{DAY}%' AND PatNum > 0")[0]["PatNum"]
    store = own.simulated.office.store
    for row in own.rows("recall", f"PatNum = {number}"):
        store.delete("recall", row["RecallNum"])
    for kind, due, disabled in ((1, "2027-03-01", 0), (1, "2026-03-01", 0), (2, DAY, 0), (3, "2025-01-01", 1)):
        store.insert("recall", {"PatNum": number, "RecallTypeNum": kind, "DateDue": due, "IsDisabled": disabled})
    store.insert("recall", {"PatNum": number, "RecallTypeNum": 4})
    found = next(one for one in read(own)["visits"] if patient_of(one) == own.id_of("patient", number))["recalls"]

    assert [(one["due_on"], one["is_overdue"]) for one in found] == [("2026-03-01", True), (DAY, False)]


def test_a_deleted_patient_on_a_visit_is_told_to_be_deleted_and_one_who_is_not_there_is_null(own: Deployment) -> None:
    gone, nobody = (own.id_of("patient", one) for one in (own.rows("patient", "PatStatus = 4")[0]["PatNum"], NOBODY))
    for permissions in (ALL_PERMISSIONS, WITHOUT_QUERIES):
        own.know(permissions=permissions)
        shown = {patient_of(one): one for one in read(own, fresh=True, sections="balance")["visits"]}

        assert shown[gone]["patient"]["status"] == "deleted"
        assert (shown[nobody]["patient"], shown[nobody]["balance"]) == (None, None)


def test_a_note_in_the_schedule_has_nobody_and_is_counted_apart(shared: Deployment) -> None:
    shown = read(shared)
    note = next(one for one in shown["visits"] if one["appointment"]["kind"] == "note")

    assert {name: note[name] for name in note if name != "appointment"} == {
        "patient": None, "balance": None, "coverage": None, "recalls": None, "alerts": None,
    }  # fmt: skip
    assert (shown["totals"]["notes"], shown["totals"]["visits"]) == (1, 13)
    assert shown["totals"]["by_status"] == {"scheduled": 13}
    assert sum(one["visits"] for one in shown["totals"]["by_confirmation"]) == 13


def test_an_age_is_that_of_the_day(own: Deployment) -> None:
    number = own.rows("appointment", f"AptDateTime LIKE '{DAY}%' AND PatNum > 0")[0]["PatNum"]
    day, ages = date.fromisoformat(DAY), {}
    on_it, after_it = (str(one.replace(year=2000)) for one in (day, day + timedelta(days=1)))
    for born in (on_it, after_it, "0001-01-01"):
        own.simulated.office.store.update("patient", number, {"Birthdate": born})
        found = next(one for one in read(own, fresh=True)["visits"] if patient_of(one) == own.id_of("patient", number))
        ages[born] = found["patient"]["age"]

    assert ages == {on_it: day.year - 2000, after_it: day.year - 2001, "0001-01-01": None}


@pytest.mark.parametrize(
    ("day", "hours", "begins"),
    [("2027-03-14", 23, "2027-03-14T06:00:00Z"), ("2027-11-07", 25, "2027-11-07T05:00:00Z")],
)
@pytest.mark.parametrize("road", ["query", "calls", "mirror"])
def test_a_day_is_one_by_the_wall_also_when_the_clocks_change(
    own: Deployment, day: str, hours: int, begins: str, road: str
) -> None:
    number = own.rows("patient", "PatStatus <> 4")[0]["PatNum"]
    at = {"PatNum": number, "AptStatus": 1, "Pattern": "/XX/", "Op": 1, "ProvNum": 1}
    before, after = (date.fromisoformat(day) + timedelta(days=days) for days in (-1, 1))
    walls = (f"{before} 23:55:00", f"{day} 00:00:00", f"{day} 01:30:00", f"{day} 23:55:00", f"{after} 00:00:00")
    store = own.simulated.office.store
    made = {own.id_of("appointment", store.insert("appointment", {**at, "AptDateTime": wall})) for wall in walls}
    if road == "mirror":
        mirror(own)
    elif road == "calls":
        own.know(permissions=WITHOUT_QUERIES)
    shown = read(own, day, sections="patients")

    starts = [one["appointment"]["local_start"] for one in shown["visits"] if one["appointment"]["id"] in made]
    assert starts == [f"{day}T00:00:00", f"{day}T01:30:00", f"{day}T23:55:00"]
    assert shown["starts_at"] == begins
    ends = datetime.fromisoformat(shown["ends_at"]) - datetime.fromisoformat(begins)
    assert ends == timedelta(hours=hours)


def test_a_location_has_its_own_visits_chairs_and_hours(own: Deployment) -> None:
    book(own, [1, 2], ClinicNum=2, Op=9)
    chairs = {own.id_of("operatory", row["OperatoryNum"]) for row in own.rows("operatory", "ClinicNum = 2")}
    shown = read(own, location_id=own.id_of("location", 2), fresh=True)
    all_of_it = read(own, fresh=True)

    assert [one["appointment"]["location_id"] for one in shown["visits"]] == [own.id_of("location", 2)] * 2
    assert len(all_of_it["visits"]) == 16
    assert shown["location_id"] == own.id_of("location", 2)
    for who in shown["schedules"]["providers"]:
        for stretch in who["hours"]:
            assert not stretch["operatory_ids"] or chairs & set(stretch["operatory_ids"])


def test_provider_chair_and_status_narrow_the_day_and_its_cost(own: Deployment) -> None:
    book(own, [1], ProvNum=2, ProvHyg=3, Op=2)
    book(own, [2], AptStatus=5)
    for query in (
        {"provider_id": own.id_of("provider", 3)},
        {"operatory_id": own.id_of("operatory", 2)},
        {"status": "broken,no_show,cancelled"},
    ):
        assert len(read(own, sections="patients", fresh=True, **query)["visits"]) == 1


def test_what_nobody_works_is_closed_and_a_holiday_is_told(own: Deployment) -> None:
    store = own.simulated.office.store
    store.insert("schedule", {"SchedDate": "2031-07-04", "SchedType": 0, "Note": "Independence Day"})
    shown = read(own, "2031-07-04")

    assert shown["schedules"]["is_open"] is False
    assert [one["note"] for one in shown["schedules"]["practice_days"]] == ["Independence Day"]
    assert (shown["visits"], shown["totals"]["visits"]) == ([], 0)
    assert own.upstream_calls == ["appointments.list", "schedules.list"]
    assert set(states(shown).values()) == {"ok"}


# Whose it is


def test_a_section_without_its_scope_says_so_and_is_asked_of_nobody(own: Deployment) -> None:
    own.grant("appointments:read", "patients:read", "allergies:read", "conditions:read")
    shown = read(own)
    missing = {
        name: one["reason"]["scope"] for name, one in shown["sections"].items() if one["status"] == "unavailable"
    }

    assert missing == {
        "balance": "balances:read",
        "coverage": "coverages:read",
        "recalls": "recalls:read",
        "alerts": "medications:read",
        "schedules": "schedules:read",
    }
    assert own.upstream_calls == ["appointments.list", "queries.ShortQuery"]
    assert all(one["alerts"] is None for one in shown["visits"])


@pytest.mark.parametrize("scopes", [("appointments:read",), ("patients:read", "balances:read")])
def test_a_day_takes_the_scopes_of_visits_and_patients(own: Deployment, scopes: tuple[str, ...]) -> None:
    own.grant(*scopes)
    answer = ask(own)

    assert (answer.status, answer.body["code"], own.upstream_calls) == (403, "scope-missing", [])


def test_two_practices_with_equal_keys_are_told_apart() -> None:
    with deployed(practices=2) as d:
        book(d, [1, 2, 3])
        d.servers[IDS[1]].practice.office.store.update("patient", 1, {"LName": "Otherwise"})
        theirs = read(d, practice_id=IDS[1])
        ours = read(d, practice_id=IDS[0])

        assert (len(ours["visits"]), len(theirs["visits"])) == (3, 0)
        assert "Otherwise" not in {one["patient"]["name"]["last"] for one in ours["visits"]}
        answer = ask(d, practice_id=IDS[1], location_id=d.id_of("location", 1))
        assert (answer.status, answer.body["param"]) == (404, "location_id")


def test_a_key_that_reads_by_fhir_alone_has_the_visits_and_their_patients(own: Deployment) -> None:
    own.know(permissions=frozenset({"Appointments"}))
    without_strangers(own)
    answer = ask(own, sections=",".join(SCOPES))
    sections = answer.body["sections"]
    missing = {name for name, one in sections.items() if one["status"] == "unavailable"}

    # What came by FHIR lacks fields, so that no model fits it.
    assert answer.status == 200
    assert {"balance", "coverage", "recalls", "schedules"} <= missing
    assert {sections[name]["reason"]["code"] for name in missing} == {"permission-missing"}
    assert set(own.upstream_calls) >= {"fhir.appointment", "fhir.patient"}
    assert "schedules.list" not in own.upstream_calls
    assert answer.body["visits"][0]["patient"]["name"]["last"]
    assert answer.body["totals"]["new_patients"] is None


# On bad days


def test_a_statement_that_is_refused_leaves_the_visits_and_says_why(own: Deployment) -> None:
    own.simulated.faults.add({"kind": "status", "status": 400, "text": "No.", "match": "queries.ShortQuery"})
    shown = read(own)

    assert {name for name, state in states(shown).items() if state == "unavailable"} == {
        "patients", "balance", "coverage",
    }  # fmt: skip
    assert shown["sections"]["balance"]["reason"]["code"] == "upstream-invalid"
    assert len(shown["visits"]) == 14
    assert {one["patient"] for one in shown["visits"]} == {None}


def test_an_office_that_cannot_be_reached_still_has_the_day_that_is_mirrored(own: Deployment) -> None:
    """The desk must not lose its list of visits because one section is not at hand."""
    mirror(own)
    is_now(own, "recalls", own.on.clock.now() - timedelta(days=3))
    own.faulty("offline", "*")
    for _ in range(4):
        own.get("/patients", name="Nobody at all")
    shown = read(own)

    assert shown["sections"]["appointments"]["served_from"] == "mirror"
    assert states(shown)["recalls"] == "unavailable"


def test_with_the_cheapest_key_the_answer_can_still_be_fetched() -> None:
    with deployed(tier=Tier.READ_ONLY) as d:
        d.know(permissions=frozenset({"ReadAll"}))
        # Some eighty calls are more than five minutes.
        book(d, list(range(1, 14)))
        asked = {"date": DAY, "sections": ",".join(SCOPES)}
        answer = d.get("/day", **asked)
        assert answer.status == 202
        for _ in range(90):
            d.on.world.run(10)
            answer = d.get("/day", **asked)
            if answer.status == 200:
                break

    assert answer.status == 200
    assert set(states(answer.body).values()) == {"ok"}


def test_an_unchanged_day_keeps_its_tag(own: Deployment) -> None:
    first = ask(own)
    own.on.clock.sleep(400)
    again = own.send("GET", "/day", query={"date": DAY}, headers={"If-None-Match": first.headers["ETag"]})

    assert again.status == 304
