"""A patient's own practice, and beside it what the group's other practices know of the same person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.groups.records import Agreement
from gateway.core.ids import row_id
from gateway.core.objects.group import Patient360Across
from gateway.core.pacing import Breaker, PaceItem, Trip
from gateway.core.patient_360 import SECTIONS
from gateway.core.practices import Tier
from tests.fakes.deployment import IDS, Answered, Deployment, deployed
from tests.functions.test_across_group import ELM, FIR, GROUP, OAK, SCOPES, add, code, join, leaves, trails

READS = (
    "allergies:read", "conditions:read", "medications:read", "appointments:read", "procedures:read", "coverages:read",
    "balances:read", "recalls:read", "claims:read", "communications:read",
)  # fmt: skip


@pytest.fixture
def three() -> Iterator[Deployment]:
    with deployed(practices=3, scopes=(*SCOPES, *READS)) as d:
        join(d, *IDS)
        assert len({add(d, one) for one in IDS}) == 1
        yield d


def zoe(d: Deployment, practice_id: str = ELM) -> str:
    store = d.servers[practice_id].practice.office.store
    (row,) = store.rows("SELECT PatNum FROM patient WHERE LName='Marker' AND FName='Zoë'")
    return row_id("patient", practice_id, row["PatNum"])


def ask(d: Deployment, **query: Any) -> Answered:
    query = {"across": "group", **query}
    return d.send("GET", f"/patients/{zoe(d)}/360", query=query, headers={"Prefer": "wait=25"})


def read(d: Deployment, **query: Any) -> dict[str, Any]:
    answer = ask(d, **query)
    assert answer.status == 200, answer.body
    Patient360Across.model_validate(answer.body, strict=True)
    shown: dict[str, Any] = answer.body
    return shown


def reasons(shown: dict[str, Any]) -> dict[str, Any]:
    return {
        one["practice_id"]: one["unavailable"]["code"] if "unavailable" in one else "searched"
        for one in shown["meta"]["practices"]
    }


def test_each_practice_stands_beside_the_others_whole_and_by_itself(three: Deployment) -> None:
    shown = read(three)

    assert (shown["practice_id"], [one["practice_id"] for one in shown["others"]]) == (ELM, [OAK, FIR])
    assert {one["level"] for one in shown["others"]} == {"certain"}
    for practice_id, sections in ((one["practice_id"], one["sections"]) for one in [shown, *shown["others"]]):
        assert {name: one["status"] for name, one in sections.items()} == dict.fromkeys(SECTIONS, "ok")
        assert sections["demographics"]["data"]["id"] == zoe(three, practice_id)
        assert {other for other in IDS if other != practice_id and other in str(sections)} == set()
    assert trails(three) == dict.fromkeys(IDS, 1)


def test_it_costs_a_search_and_the_sections_at_each_other_practice(three: Deployment) -> None:
    shown = read(three)

    assert shown["meta"]["upstream_calls"] == 15 + 2 * 15 == len(three.upstream_calls)
    assert read(three)["meta"]["upstream_calls"] == 0


def test_only_the_sections_asked_for_are_read_anywhere(three: Deployment) -> None:
    shown = read(three, sections="recalls")

    assert [list(one["sections"]) for one in [shown, *shown["others"]]] == [["recalls"]] * 3
    assert set(three.upstream_calls) == {"patients.get", "patients.Simple", "recalls.list"}


def test_who_is_only_possible_is_named_and_not_shown(three: Deployment) -> None:
    three.servers[FIR].practice.office.store.update("patient", int_key(three, FIR), {"FName": "Lea"})
    shown = read(three, sections="demographics")
    oak, fir = shown["others"]

    assert (oak["level"], fir["level"], fir["sections"]) == ("certain", "possible", None)
    assert "Lea" not in str(shown)
    assert three.upstream_calls.count("patients.get") == 3


def int_key(d: Deployment, practice_id: str) -> int:
    store = d.servers[practice_id].practice.office.store
    (row,) = store.rows("SELECT PatNum FROM patient WHERE LName='Marker'")
    number: int = row["PatNum"]
    return number


def test_a_section_that_one_practice_refuses_is_missing_there_only(three: Deployment) -> None:
    practice = three.on.practices.get(OAK)
    three.on.practices.put(replace(practice, permissions=frozenset({"Appointments"}), upstream="rest"))
    shown = read(three, sections="recalls")
    oak, fir = shown["others"]

    # The search needs no permission that the simulated practice checks, so that Oak answers it.
    assert (oak["sections"]["recalls"]["status"], fir["sections"]["recalls"]["status"]) == ("unavailable", "ok")
    assert oak["sections"]["recalls"]["reason"]["code"] == "permission-missing"


def test_sections_that_do_not_come_in_time_say_so_and_come_later(three: Deployment) -> None:
    """Whoever has the cheapest key has 14 calls at 5 s."""
    three.on.practices.put(replace(three.on.practices.get(OAK), tier=Tier.READ_ONLY))
    shown = read(three)
    (oak,) = (one for one in shown["others"] if one["practice_id"] == OAK)
    assert {one["reason"]["code"] for one in oak["sections"].values()} == {"still-running"}
    assert {one["status"] for one in shown["others"][1]["sections"].values()} == {"ok"}

    three.on.world.run(100)
    (oak,) = (one for one in read(three)["others"] if one["practice_id"] == OAK)
    assert {one["status"] for one in oak["sections"].values()} == {"ok"}
    assert three.upstream_calls.count("patients.get") == 4


def test_a_practice_that_cannot_be_asked_is_unavailable_with_its_reason(three: Deployment) -> None:
    now = three.on.clock.now().timestamp()
    three.on.pace.items[OAK] = PaceItem(OAK, breaker=Breaker(Trip.OFFLINE, since=now, probe_at=now + 60))
    shown = read(three, sections="recalls")

    assert reasons(shown) == {OAK: "practice-offline", FIR: "searched"}
    assert [one["practice_id"] for one in shown["others"]] == [FIR]
    assert trails(three) == {ELM: 1, FIR: 1}


def test_an_own_practice_that_is_still_read_is_waited_for_by_its_operation(three: Deployment) -> None:
    answer = three.send(
        "GET", f"/patients/{zoe(three)}/360", query={"across": "group"}, headers={"Prefer": "respond-async"}
    )

    assert answer.status == 202
    assert three.on.audit.matches == []


def test_each_trail_has_its_own_record_and_nobody_elses(three: Deployment) -> None:
    read(three, sections="recalls")

    assert {entry.practice_id: entry.patient_ids for entry in three.on.audit.matches} == {
        one: (zoe(three, one),) for one in IDS
    }
    assert {entry.outcome["certain"] for entry in three.on.audit.matches if entry.practice_id == ELM} == {2}
    assert {entry.outcome["certain"] for entry in three.on.audit.matches if entry.practice_id == OAK} == {1}


def test_a_trail_that_cannot_be_written_hides_its_practice_and_the_patients_own_hides_all(three: Deployment) -> None:
    three.on.audit.refuses = {OAK}
    shown = read(three, sections="recalls")
    assert [one["practice_id"] for one in shown["others"]] == [FIR]
    assert reasons(shown) == {OAK: "audit-unavailable", FIR: "searched"}

    for refuses in ({ELM}, set(IDS)):
        three.on.audit.refuses = refuses
        refused = ask(three, sections="recalls")
        assert code(refused) == (503, "audit-unavailable")
        assert "recalls" not in str(refused.body)


@pytest.mark.parametrize("missing", SCOPES)
def test_without_either_scope_there_is_no_answer(missing: str, three: Deployment) -> None:
    three.grant(*(one for one in (*SCOPES, *READS) if one != missing))

    assert ask(three).body["scope"] == missing
    assert (three.upstream_calls, three.on.audit.matches) == ([], [])


def test_without_across_nothing_is_searched_matched_or_noted(three: Deployment) -> None:
    shown = three.get(f"/patients/{zoe(three)}/360", sections="recalls").body

    assert "others" not in shown and OAK not in str(shown)
    assert three.on.audit.matches == []


def test_without_a_group_or_with_an_agreement_that_is_over_there_is_no_answer(three: Deployment) -> None:
    group = three.on.groups.get(GROUP)
    yesterday = three.on.clock.now().date().replace(year=2020)
    three.on.groups.change(replace(group, agreement=Agreement("binder 7", expires_on=yesterday)))
    assert code(ask(three)) == (403, "agreement-not-current")
    three.on.groups.groups.clear()
    assert code(ask(three)) == (403, "no-group")
    assert (three.upstream_calls, three.on.audit.matches) == ([], [])


def test_a_practice_that_leaves_meanwhile_is_shown_no_more_and_the_patients_own_ends_it(three: Deployment) -> None:
    leaves(three, OAK)
    shown = read(three, sections="recalls")
    assert reasons(shown) == {OAK: "no-group", FIR: "searched"}
    assert [one["practice_id"] for one in shown["others"]] == [FIR]
    assert trails(three) == {ELM: 1, FIR: 1}

    three.on.groups.change(replace(three.on.groups.get(GROUP), practices=frozenset(IDS)))
    three.on.clock.seconds += 400
    leaves(three, ELM)
    assert code(ask(three, sections="recalls")) == (403, "no-group")
    assert [entry.practice_id for entry in three.on.audit.matches].count(ELM) == 1


def test_a_practice_that_the_client_lacks_is_not_named(three: Deployment) -> None:
    client = three.on.callers.client("cli_ada")
    three.on.callers.put_client(replace(client, practices=frozenset({ELM, OAK})))
    shown = read(three, sections="recalls")

    assert FIR not in str(shown) and trails(three) == {ELM: 1, OAK: 1}


def test_of_whom_too_little_is_known_nobody_is_looked_for_and_it_says_so(three: Deployment) -> None:
    patient = zoe(three)
    store = three.servers[ELM].practice.office.store
    store.update("patient", int_key(three, ELM), {"Birthdate": "0001-01-01", "WirelessPhone": "", "Email": ""})
    answer = three.get(f"/patients/{patient}/360", across="group", sections="recalls")

    assert reasons(answer.body) == {OAK: "conflict", FIR: "conflict"}
    assert (answer.body["others"], trails(three)) == ([], {ELM: 1})


def test_a_client_sees_the_sections_of_its_own_scopes_at_every_practice(three: Deployment) -> None:
    three.grant(*SCOPES, "appointments:read")
    shown = read(three)

    for one in [shown, *shown["others"]]:
        there = {name for name, section in one["sections"].items() if section["status"] == "ok"}
        assert there == {"demographics", "family", "appointments"}
        assert one["sections"]["claims"]["reason"]["scope"] == "claims:read"


def test_a_patient_of_somebody_else_is_not_found_across_either(three: Deployment) -> None:
    stranger = row_id("patient", "prac_zzzzzzzzzzzzzzzz", 1)

    assert code(three.get(f"/patients/{stranger}/360", across="group")) == (404, "not-found")
    assert code(three.get(f"/patients/{row_id('patient', ELM, 999_999)}/360", across="group")) == (404, "not-found")
    assert three.on.audit.matches == []
