"""One person looked for at all practices of a group, through the handlers and three simulated practices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.core.audit import PATIENTS_MATCH
from gateway.core.callers import Client
from gateway.core.errors import AuditUnavailable
from gateway.core.groups.records import Agreement, Group
from gateway.core.ids import row_id
from gateway.core.objects.group import MatchedPatients
from gateway.core.pacing import Breaker, PaceItem, Trip
from gateway.core.reads import across_group
from tests.fakes.deployment import CLIENT, IDS, Answered, Deployment, deployed
from tests.fakes.mirrored_office import mirrored_office

ELM, OAK, FIR = IDS
GROUP = "grp_aaaaaaaaaaaaaaaa"
SCOPES = ("patients:read", "patients.match")
BORN = "1980-02-29"
ZOE = {
    "LName": "Marker",
    "FName": "Zoë",
    "Birthdate": BORN,
    "Gender": 1,
    "PatStatus": 0,
    "WirelessPhone": "(212)555-0123",
    "Email": "zoe@example.com",
}
ASK = {"across": "group", "name": "Marker, Zoe", "birth_date": BORN, "phone": "212-555-0123"}


def join(d: Deployment, *practices: str, **changes: Any) -> Group:
    """Put these practices into a group."""
    now = d.on.clock.now()
    group = Group(GROUP, "Elm", frozenset(practices), Agreement("binder 7"), "cli_operator", now, now)
    made: Group = d.on.groups.make(replace(group, **changes))
    return made


def add(d: Deployment, practice_id: str, **columns: Any) -> int:
    """A patient of a practice, added at the office."""
    store = d.servers[practice_id].practice.office.store
    number = store.insert("patient", ZOE | columns)
    store.update("patient", number, {"Guarantor": number})
    return number


@pytest.fixture
def three() -> Iterator[Deployment]:
    """Three practices of one group, with Zoe at each of them and under one key."""
    with deployed(practices=3, scopes=SCOPES) as d:
        join(d, *IDS)
        assert len({add(d, one) for one in IDS}) == 1
        yield d


def find(d: Deployment, **changes: Any) -> Answered:
    return d.get("/patients", **(ASK | changes))


def found(d: Deployment, **changes: Any) -> dict[str, Any]:
    answer = find(d, **changes)
    assert answer.status == 200, answer.body
    MatchedPatients.model_validate(answer.body, strict=True)
    shown: dict[str, Any] = answer.body
    return shown


def statuses(shown: dict[str, Any]) -> dict[str, Any]:
    return {
        one["practice_id"]: one["unavailable"]["code"] if "unavailable" in one else "searched"
        for one in shown["meta"]["practices"]
    }


def trails(d: Deployment) -> dict[str, int]:
    counts = Counter(entry.practice_id for entry in d.on.audit.matches)
    return {one: counts[one] for one in IDS if counts[one]}


def code(answer: Answered) -> tuple[int, Any]:
    return answer.status, answer.body["code"]


def test_one_person_is_found_at_every_practice_and_never_made_into_one(three: Deployment) -> None:
    shown = found(three)

    assert [(one["practice_id"], one["level"]) for one in shown["data"]] == [(one, "certain") for one in IDS]
    assert {one["patient_id"] for one in shown["data"]} == {
        row_id("patient", one, int(shown["data"][0]["patient"]["source"]["key"])) for one in IDS
    }
    for one in shown["data"]:
        assert one["patient"]["practice_id"] == one["practice_id"]
        assert {reason["field"]: reason["kind"] for reason in one["reasons"]} == {
            "birth_date": "exact", "last_name": "exact", "first_name": "folded", "phone": "exact", "email": "missing",
            "sex": "missing",
        }  # fmt: skip
        assert round(sum(reason["weight"] for reason in one["reasons"]), 2) == one["score"]
    assert statuses(shown) == dict.fromkeys(IDS, "searched")
    assert {one["matches"] for one in shown["meta"]["practices"]} == {1}


def test_a_search_costs_one_call_a_practice_and_a_repeat_none(three: Deployment) -> None:
    assert found(three)["meta"]["upstream_calls"] == 3
    assert three.upstream_calls == ["patients.Simple"] * 3
    again = found(three)
    assert (again["meta"]["upstream_calls"], again["meta"]["served_from"]) == (0, "cache")


def test_practices_are_asked_at_once_and_not_one_after_another(three: Deployment) -> None:
    """At a call in five seconds three practices in a row would take longer than anybody waits."""
    queued: list[int] = []
    three.before_call = lambda operation: queued.append(len(three.on.calls.turns))
    found(three)

    assert queued == [3, 3, 3]


def test_a_search_in_a_body_is_the_same_search(three: Deployment) -> None:
    answer = three.post("/patients/search", ASK)

    assert [one["patient_id"] for one in answer.body["data"]] == [one["patient_id"] for one in found(three)["data"]]
    assert len(three.on.audit.matches) == 6


def test_every_practice_that_was_looked_through_has_an_entry_and_none_names_what_is_not_its_own(
    three: Deployment,
) -> None:
    shown = found(three)
    entries = three.on.audit.matches

    assert trails(three) == dict.fromkeys(IDS, 1)
    assert len({one.request_id for one in entries}) == 1
    for entry in entries:
        assert (entry.action, entry.client_id, entry.group_id) == ("patients.match", CLIENT, GROUP)
        assert entry.agreement == "binder 7"
        assert list(entry.patient_ids) == [
            one["patient_id"] for one in shown["data"] if one["practice_id"] == entry.practice_id
        ]
        assert entry.outcome == {"certain": 1, "likely": 0, "possible": 0}
        assert not [secret for secret in ("Marker", "Zo", "1980", "555", "example") if secret in str(entry)]


def test_who_finds_nobody_is_in_the_trail_as_well(three: Deployment) -> None:
    assert found(three, birth_date="1931-01-01")["data"] == []
    assert trails(three) == dict.fromkeys(IDS, 1)
    assert {entry.patient_ids for entry in three.on.audit.matches} == {()}


def test_a_practice_whose_trail_cannot_be_written_shows_nobody(three: Deployment) -> None:
    three.on.audit.refuses = {OAK}
    shown = found(three)

    assert [one["practice_id"] for one in shown["data"]] == [ELM, FIR]
    assert statuses(shown) == {ELM: "searched", OAK: "audit-unavailable", FIR: "searched"}
    assert OAK not in str(shown["data"])
    assert trails(three) == {ELM: 1, FIR: 1}


def test_without_any_trail_there_is_no_answer(three: Deployment) -> None:
    three.on.audit.refuses = set(IDS)
    refused = find(three)

    assert code(refused) == (503, "audit-unavailable")
    assert refused.headers["Retry-After"] == "2"
    assert "Marker" not in str(refused.body)


def test_what_is_shown_is_in_the_trail_before_it_is_shown(three: Deployment) -> None:
    """A process that dies between the two must have told, not shown."""
    noted: list[str] = []
    note = three.on.audit.note

    def dies(*entries: Any) -> None:
        note(*entries)
        if entries[0].action != PATIENTS_MATCH:
            return
        noted.append(entries[0].practice_id)
        if len(noted) == len(IDS):
            raise AuditUnavailable("died after the last entry")

    three.on.audit.note = dies
    shown = found(three)

    assert noted == list(IDS)
    assert [one["practice_id"] for one in shown["data"]] == [ELM, OAK]


@pytest.mark.parametrize("missing", SCOPES)
def test_without_either_scope_nobody_is_looked_for(missing: str, three: Deployment) -> None:
    three.grant(*(one for one in SCOPES if one != missing))
    refused = find(three)

    assert (code(refused), refused.body["scope"]) == ((403, "scope-missing"), missing)
    assert (three.upstream_calls, three.on.audit.matches) == ([], [])


def test_all_reads_together_are_no_leave_to_match(three: Deployment) -> None:
    three.grant("*:read")

    assert find(three).body["scope"] == "patients.match"


def test_a_practice_that_the_client_lacks_is_neither_asked_nor_named(three: Deployment) -> None:
    client = three.on.callers.client(CLIENT)
    three.on.callers.put_client(replace(client, practices=frozenset({ELM, OAK})))
    shown = found(three)

    assert FIR not in str(shown) and trails(three) == {ELM: 1, OAK: 1}
    assert statuses(shown) == {ELM: "searched", OAK: "searched"}
    assert code(find(three, practice_id=FIR)) == (404, "not-found")


def test_who_has_one_practice_of_a_group_is_told_of_no_group(three: Deployment) -> None:
    client = three.on.callers.client(CLIENT)
    three.on.callers.put_client(replace(client, practices=frozenset({ELM})))
    alone = find(three, practice_id=ELM)
    three.on.groups.groups.clear()
    none = find(three, practice_id=ELM)

    assert code(alone) == (403, "no-group")
    assert alone.body == none.body
    assert code(find(three)) == (403, "no-group")
    assert (three.upstream_calls, three.on.audit.matches) == ([], [])


@pytest.mark.parametrize("days", [{"expires_on": -1}, {"signed_on": 1}])
def test_an_agreement_that_does_not_cover_today_lets_nobody_match(days: dict[str, int], three: Deployment) -> None:
    today = three.on.clock.now().date()
    dates = {name: today + timedelta(days=shift) for name, shift in days.items()}
    three.on.groups.change(replace(three.on.groups.get(GROUP), agreement=Agreement("binder 7", **dates)))
    refused = find(three)

    assert (code(refused), refused.body["group_id"]) == ((403, "agreement-not-current"), GROUP)
    assert (three.upstream_calls, three.on.audit.matches) == ([], [])


def test_the_last_day_of_an_agreement_is_covered(three: Deployment) -> None:
    today = three.on.clock.now().date()
    agreed = Agreement("binder 7", signed_on=today, expires_on=today)
    three.on.groups.change(replace(three.on.groups.get(GROUP), agreement=agreed))

    assert len(found(three)["data"]) == 3


def leaves(d: Deployment, practice_id: str) -> None:
    """Have a practice leave the group while the first call of a search is under way."""

    def once(operation: str) -> None:
        d.before_call = lambda operation: None
        group = d.on.groups.get(GROUP)
        d.on.groups.change(replace(group, practices=group.practices - {practice_id}))

    d.before_call = once


def test_a_practice_that_leaves_the_group_meanwhile_shows_nobody(three: Deployment) -> None:
    leaves(three, OAK)
    shown = found(three)

    assert statuses(shown) == {ELM: "searched", OAK: "no-group", FIR: "searched"}
    assert OAK not in str(shown["data"]) and trails(three) == {ELM: 1, FIR: 1}
    assert set(statuses(found(three))) == {ELM, FIR}


def test_a_group_that_is_parted_meanwhile_shows_nobody(three: Deployment) -> None:
    def part(operation: str) -> None:
        three.before_call = lambda operation: None
        group = three.on.groups.get(GROUP)
        three.on.groups.change(replace(group, deleted_at=three.on.clock.now()))

    three.before_call = part

    assert code(find(three)) == (403, "no-group")
    assert three.on.audit.matches == []


def test_a_client_that_loses_a_practice_or_its_scope_meanwhile_is_shown_nothing_of_it(three: Deployment) -> None:
    client = three.on.callers.client(CLIENT)

    def lose(operation: str) -> None:
        three.on.callers.put_client(replace(client, practices=frozenset({ELM, OAK})))

    three.before_call = lose
    shown = found(three)
    assert FIR not in str(shown["data"]) and trails(three) == {ELM: 1, OAK: 1}

    three.on.clock.seconds += 60
    three.before_call = lambda operation: three.grant("patients:read")
    assert find(three).body["scope"] == "patients.match"
    assert trails(three) == {ELM: 1, OAK: 1}


def test_a_practice_without_an_agreement_of_its_own_says_so_and_shows_nobody(three: Deployment) -> None:
    three.on.stage = "prod"
    three.on.practices.put(replace(three.on.practices.get(OAK), baa=None))
    shown = found(three)

    assert statuses(shown) == {ELM: "searched", OAK: "baa-missing", FIR: "searched"}
    assert OAK not in str(shown["data"]) and trails(three) == {ELM: 1, FIR: 1}
    assert code(find(three, practice_id=OAK)) == (403, "baa-missing")


def test_a_practice_that_is_offline_is_unavailable_and_never_silently_missing(three: Deployment) -> None:
    now = three.on.clock.now().timestamp()
    three.on.pace.items[OAK] = PaceItem(OAK, breaker=Breaker(Trip.OFFLINE, since=now, probe_at=now + 60))
    shown = found(three)

    assert statuses(shown) == {ELM: "searched", OAK: "practice-offline", FIR: "searched"}
    (oak,) = (one for one in shown["meta"]["practices"] if one["practice_id"] == OAK)
    assert oak["unavailable"]["retryable"] is True
    assert trails(three) == {ELM: 1, FIR: 1}


def test_who_does_not_wait_is_told_which_practices_are_still_read_and_finds_them_later(three: Deployment) -> None:
    first = three.send("GET", "/patients", query=ASK, headers={"Prefer": "respond-async"})

    assert set(statuses(first.body).values()) == {"still-running"}
    assert three.on.audit.matches == []
    three.on.world.run(20)
    operation = first.body["meta"]["practices"][0]["unavailable"]["operation_id"]
    assert three.get(f"/operations/{operation}").body["state"] == "succeeded"
    assert len(found(three)["data"]) == 3


def test_pages_go_from_practice_to_practice_and_miss_nobody(three: Deployment) -> None:
    for one in IDS:
        add(three, one, FName="Zoe", WirelessPhone="")
        add(three, one, FName="Zoé", WirelessPhone="", Email="other@example.com")
    whole = [(one["practice_id"], one["patient_id"]) for one in found(three)["data"]]
    assert len(whole) == 9
    scores = [one["score"] for one in found(three)["data"] if one["practice_id"] == ELM]
    assert scores == sorted(scores, reverse=True)

    for limit in (1, 2, 3, 4, 8, 9):
        seen: list[tuple[str, str]] = []
        cursor: dict[str, str] = {}
        while True:
            page = found(three, limit=limit, **cursor)
            assert len(page["data"]) <= limit
            seen += [(one["practice_id"], one["patient_id"]) for one in page["data"]]
            if not page["has_more"]:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert seen == whole, limit


def test_who_is_not_on_the_page_is_not_in_the_trail(three: Deployment) -> None:
    page = found(three, limit=1)

    assert set(statuses(page)) == {ELM} and trails(three) == {ELM: 1}


def test_a_cursor_is_good_for_its_own_search_and_group_only(three: Deployment) -> None:
    cursor = found(three, limit=1)["next_cursor"]

    assert find(three, limit=1, cursor=cursor, name="Other, Zoe").body["param"] == "cursor"
    assert find(three, limit=1, cursor="x").body["param"] == "cursor"
    plain = three.get("/patients", practice_id=ELM, status="active", limit=1).body["next_cursor"]
    assert find(three, limit=1, cursor=plain).body["param"] == "cursor"
    eve = replace(three.on.callers.client(CLIENT), id="cli_eve")
    three.on.callers.put_client(eve)
    query = {**ASK, "limit": 1, "cursor": cursor}
    hers = three.send("GET", "/patients", query=query, client_id="cli_eve")
    assert (code(hers), hers.body["param"]) == ((404, "not-found"), "cursor")
    three.on.groups.groups.clear()
    join(three, *IDS, id="grp_bbbbbbbbbbbbbbbb")
    assert find(three, limit=1, cursor=cursor).body["param"] == "cursor"


def test_a_client_of_several_groups_says_which_is_meant(three: Deployment) -> None:
    three.on.groups.groups.clear()
    join(three, ELM, OAK)
    spare = "prac_eeeeeeeeeeeeeeee"
    three.on.practices.put(replace(three.on.practices.get(FIR), id=spare, state="disabled"))
    join(three, FIR, spare, id="grp_bbbbbbbbbbbbbbbb")
    client = three.on.callers.client(CLIENT)
    three.on.callers.put_client(replace(client, practices=client.practices | {spare}))

    assert find(three).body["param"] == "practice_id"
    assert set(statuses(found(three, practice_id=OAK))) == {ELM, OAK}
    assert statuses(found(three, practice_id=FIR)) == {FIR: "searched", spare: "not-found"}


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"birth_date": None, "phone": None}, 422, None),
        ({"name": None, "birth_date": None}, 422, None),
        ({"name": None, "phone": None}, 422, None),
        ({"name": "Marker", "birth_date": None}, 422, None),
        ({"birth_date": "1900-01-01", "name": None}, 422, None),
        ({"phone": "0123456"}, 400, "phone"),
        ({"name": "--"}, 400, "name"),
        ({"status": "active"}, 400, "status"),
        ({"any_name": "Zoe"}, 400, "any_name"),
        ({"expand": "details"}, 400, "expand"),
        ({"ids": "pat_aaaaaaaaaaaaaaaaaaaaaaaaaaaac"}, 400, "ids"),
        ({"across": "all"}, 400, "across"),
    ],
)
def test_what_says_too_little_or_nothing_of_a_person_is_refused(
    changes: dict[str, Any], status: int, param: str | None, three: Deployment
) -> None:
    asked = {name: value for name, value in (ASK | changes).items() if value is not None}
    refused = three.get("/patients", **asked)

    assert (refused.status, refused.body.get("param")) == (status, param)
    if status == 422:
        assert set(refused.body["bounds"]) == {"birth_date", "name", "phone", "email"}
    assert (three.upstream_calls, three.on.audit.matches) == ([], [])


def test_a_name_and_a_telephone_find_somebody_as_possible(three: Deployment) -> None:
    shown = found(three, birth_date="1980-03-01")
    assert shown["data"] == []
    asked = {name: value for name, value in ASK.items() if name != "birth_date"}
    answer = three.get("/patients", **asked)

    assert {one["level"] for one in answer.body["data"]} == {"possible"} and len(answer.body["data"]) == 3


def test_twins_are_shown_as_possible_and_a_father_not_at_all(three: Deployment) -> None:
    twin, father = add(three, OAK, FName="Lea"), add(three, OAK, Birthdate="1950-01-01", Gender=0)
    shown = [one for one in found(three)["data"] if one["practice_id"] == OAK]

    assert [one["level"] for one in shown] == ["certain", "possible"]
    assert shown[1]["patient_id"] == row_id("patient", OAK, twin)
    assert row_id("patient", OAK, father) not in str(shown)


def test_an_answer_is_kept_by_no_cache_and_an_unavailable_practice_by_no_tag(three: Deployment) -> None:
    answer = find(three)

    assert answer.headers["Cache-Control"] == "no-store"
    assert "ETag" not in answer.headers and "RateLimit" not in answer.headers


def test_a_social_security_number_needs_its_scope_here_as_well(three: Deployment) -> None:
    three.servers[OAK].practice.office.store.update("patient", add(three, OAK), {"SSN": "123456789"})
    assert "123456789" not in str(found(three, include="raw"))
    three.grant(*SCOPES, "patients.ssn")
    assert "123456789" in str(found(three))


def test_another_client_of_the_group_is_counted_by_its_own_name(three: Deployment) -> None:
    three.on.callers.put_client(Client("cli_ben", "Ben", frozenset({ELM, OAK}), frozenset(SCOPES)))
    three.send("GET", "/patients", query=ASK, client_id="cli_ben")

    assert {entry.client_id for entry in three.on.audit.matches} == {"cli_ben"}


def test_a_large_group_is_searched_twenty_practices_a_page_and_none_is_passed_over(three: Deployment) -> None:
    others = [f"prac_{letter * 16}" for letter in "ghijklmnopqrstuvwxyz234567"]
    for one in others:
        three.on.practices.put(replace(three.on.practices.get(ELM), id=one, state="disabled"))
    everybody = sorted([*IDS, *others])
    client = three.on.callers.client(CLIENT)
    three.on.callers.put_client(replace(client, practices=frozenset(everybody)))
    three.on.groups.change(replace(three.on.groups.get(GROUP), practices=frozenset(everybody)))

    first = found(three)
    second = found(three, cursor=first["next_cursor"])
    assert list(statuses(first)) == everybody[:20] and list(statuses(second)) == everybody[20:]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert {one["practice_id"] for one in first["data"] + second["data"]} == set(IDS)


def test_a_page_ends_where_its_practices_have_cost_as_many_queries_as_it_may(
    three: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(across_group, "MOST_QUERIES", 2)
    first = found(three)
    second = found(three, cursor=first["next_cursor"])

    assert [set(statuses(page)) for page in (first, second)] == [{ELM, OAK}, {FIR}]
    assert (first["has_more"], second["has_more"]) == (True, False)


def test_a_search_of_several_groups_at_once_is_none(three: Deployment) -> None:
    for several in ("all", f"{ELM},{OAK}"):
        assert find(three, practice_id=several).body["param"] == "practice_id"


def test_a_practice_that_has_a_mirror_is_searched_there_without_a_call() -> None:
    with mirrored_office(practices=2) as office:
        office.load()
        d = office.d
        join(d, ELM, OAK)
        d.grant(*SCOPES)
        d.upstream_calls.clear()
        row = office.store.rows("SELECT * FROM patient WHERE PatStatus=0 AND Birthdate > '1901'")[0]
        shown = d.get(
            "/patients", across="group", name=f"{row['LName']}, {row['FName']}", birth_date=row["Birthdate"][:10]
        ).body

        served = {one["practice_id"]: one["served_from"] for one in shown["meta"]["practices"]}
        assert served == {ELM: "mirror", OAK: "live"}
        assert d.upstream_calls == ["patients.Simple"] and shown["meta"]["upstream_calls"] == 1
        best = {one["practice_id"]: one["patient_id"] for one in reversed(shown["data"])}
        assert best == {one: row_id("patient", one, row["PatNum"]) for one in (ELM, OAK)}


def test_a_practice_whose_key_only_fhir_takes_is_searched_like_any_other(three: Deployment) -> None:
    three.on.practices.put(replace(three.on.practices.get(OAK), upstream="fhir"))
    answer = find(three)

    assert {one["practice_id"]: one["level"] for one in answer.body["data"]} == dict.fromkeys(IDS, "certain")
    assert three.upstream_calls.count("patients.Simple") == 2


def test_neither_the_person_nor_the_search_is_in_a_log(three: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"):
        three.post("/patients/search", ASK)
        three.on.audit.refuses = set(IDS)
        three.post("/patients/search", ASK)
    said = " ".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)

    assert said.count("answered") >= 2
    assert not [secret for secret in ("Marker", "Zo", "1980-02-29", "5550123", "555-0123", "zoe@") if secret in said]


def test_while_a_group_changes_a_search_shows_one_of_its_states(three: Deployment) -> None:
    """Whoever is let go is free for another group at once, and its people are found there only."""
    three.on.groups.change(replace(three.on.groups.get(GROUP), practices=frozenset({ELM, OAK})))
    assert set(statuses(found(three))) == {ELM, OAK}
    assert code(find(three, practice_id=FIR)) == (403, "no-group")
