"""What reads and writes of callers bring into the mirror, and what is answered from it afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.core.errors import Unavailable
from gateway.core.mirror.syncing import Phase, Wanted
from tests.fakes.deployment import Answered, Deployment, deployed
from tests.fakes.mirroring import is_now, load, mirror, turn_on
from tests.functions.writes import result_of

SCOPES = (
    "*:read",
    "patients:write",
    "appointments:write",
    "payments:write",
    "communications:write",
    "resources:allergydefs.create",
    "resources:patplans.delete",
    "procedures:write",
)


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(scopes=SCOPES) as d:
        d.read_up()
        mirror(d)
        yield d


@pytest.fixture
def asleep() -> Iterator[Deployment]:
    """A practice without a mirror."""
    with deployed(scopes=SCOPES) as d:
        d.read_up()
        yield d


def came_from(answered: Answered) -> tuple[str, int]:
    assert answered.status == 200, answered.body
    return answered.body["meta"]["served_from"], answered.body["meta"]["upstream_calls"]


def fresh(d: Deployment, path: str, **query: Any) -> Answered:
    return d.send("GET", path, query=query, headers={"Cache-Control": "no-cache"})


def aged(d: Deployment, path: str, seconds: int, **query: Any) -> Answered:
    return d.send("GET", path, query=query, headers={"Cache-Control": f"max-age={seconds}"})


def rename(d: Deployment, number: int, first: str, *, practice_id: str | None = None) -> None:
    """Somebody at the office changes a patient's first name."""
    office = d.servers[practice_id or d.practice_id].practice.office
    office.store.update("patient", number, {"FName": first})


def first_name(answered: Answered) -> str:
    name: str = answered.body["name"]["first"]
    return name


# Age


def test_an_answer_says_the_mirror_it_is_from_and_as_of_when_it_holds(office: Deployment) -> None:
    as_of = office.on.clock.now()
    office.on.clock.seconds += 100

    got = office.get(f"/patients/{office.id_of('patient', 3)}")

    assert came_from(got) == ("mirror", 0)
    assert got.body["meta"]["age_seconds"] == pytest.approx(100, abs=1)
    assert datetime.fromisoformat(got.body["meta"]["as_of"]) == as_of.replace(microsecond=0)
    assert got.headers["Age"] == "100"
    assert office.upstream_calls == []


def test_who_says_nothing_gets_at_most_five_minutes_and_a_minute_for_what_may_harm(office: Deployment) -> None:
    patient = office.id_of("patient", 3)
    office.on.clock.seconds += 61

    assert came_from(office.get("/conditions", patient_id=patient))[0] == "live"
    assert came_from(office.get(f"/patients/{patient}"))[0] == "mirror"

    office.on.clock.seconds += 240
    assert came_from(office.get(f"/patients/{patient}"))[0] == "live"


def test_cache_control_decides_otherwise(office: Deployment) -> None:
    path = f"/patients/{office.id_of('patient', 3)}"
    office.on.clock.seconds += 1000

    assert came_from(aged(office, path, 3600)) == ("mirror", 0)
    assert came_from(aged(office, path, 900))[0] == "live"
    assert came_from(fresh(office, path))[0] == "live"


def test_of_several_fetches_the_oldest_counts(office: Deployment) -> None:
    earlier = office.on.clock.now() - timedelta(seconds=120)
    is_now(office, "claimprocs", earlier)
    claim = office.rows("claim")[0]

    got = office.get("/claims", patient_id=office.id_of("patient", claim["PatNum"]), expand="lines")

    assert came_from(got)[0] == "mirror"
    assert datetime.fromisoformat(got.body["meta"]["as_of"]) == earlier.replace(microsecond=0)


def test_a_tag_is_the_same_whichever_road_an_answer_took(office: Deployment) -> None:
    path = f"/patients/{office.id_of('patient', 3)}"
    tag = fresh(office, path).headers["ETag"]
    office.on.clock.seconds += 60

    kept = office.send("GET", path, headers={"If-None-Match": tag})

    assert (kept.status, office.get(path).body["meta"]["served_from"]) == (304, "mirror")


# What the mirror may say


@pytest.mark.parametrize("phase", [Phase.NONE, Phase.LOADING, Phase.NOT_OFFERED])
def test_what_is_not_loaded_whole_is_no_list(phase: Phase, office: Deployment) -> None:
    states = office.on.syncs
    state = states.load(office.practice_id).resources["appointments"]
    states.save(office.practice_id, replace(state, phase=phase))

    got = office.get("/appointments", patient_id=office.id_of("patient", 3))

    assert came_from(got)[0] == "live"


def test_one_row_that_was_just_read_is_answered_though_the_rest_is_not_loaded(asleep: Deployment) -> None:
    turn_on(asleep)
    path = f"/procedurelogs/{asleep.id_of('procedure', 1)}"
    assert came_from(fresh(asleep, path))[0] == "live"
    asleep.on.clock.seconds += 60

    assert came_from(asleep.get(path)) == ("mirror", 0)


def test_a_row_known_to_be_gone_is_asked_for_and_not_served(office: Deployment) -> None:
    number = office.rows("commlog")[0]["CommlogNum"]
    office.simulated.office.store.delete("commlog", number)
    kept = office.on.records.get(office.practice_id, "commlogs", [number])[0]
    now = office.on.clock.now()
    office.on.records.bury(office.practice_id, "commlogs", [number], read=kept.read, cause="sweep", at=now)

    assert office.get(f"/communications/{office.id_of('communication', number)}").status == 404


def test_nobody_is_found_under_somebody_who_is_not_there(office: Deployment) -> None:
    """An empty list would say that a patient exists."""
    theirs = fresh(office, "/claims", patient_id=office.id_of("patient", 999_999))
    ours = office.get("/claims", patient_id=office.id_of("patient", 999_999))

    assert (ours.status, ours.body.get("code")) == (theirs.status, theirs.body.get("code"))
    assert office.upstream_calls == ["claims.list", "claims.list"]


def test_two_practices_with_equal_keys_have_two_mirrors() -> None:
    with deployed(practices=2, scopes=SCOPES) as d:
        first, second = d.servers
        rename(d, 3, "Secondary", practice_id=second)
        mirror(d, practice_id=first)
        mirror(d, practice_id=second)

        names = [first_name(d.get(f"/patients/{d.id_of('patient', 3).replace(first, one)}")) for one in (first,)]
        ids = [one["id"] for one in d.get("/patients", practice_id=second, any_name="Secondary").body["data"]]
        here = d.get("/patients", practice_id=first, any_name="Secondary").body["data"]

    assert "Secondary" not in names
    assert (len(ids), here) == (1, [])


def test_what_was_read_before_a_backup_was_restored_is_no_copy_of_what_is_there_now(asleep: Deployment) -> None:
    turn_on(asleep)
    path = f"/procedurelogs/{asleep.id_of('procedure', 1)}"
    fresh(asleep, path)
    state = asleep.on.syncs.load(asleep.practice_id)
    asleep.on.syncs.save_practice(replace(state, epoch=2))
    asleep.on.clock.seconds += 60

    assert came_from(asleep.get(path))[0] == "live"


def test_schedules_are_answered_for_the_months_that_are_mirrored(office: Deployment) -> None:
    today = office.on.clock.now().date()
    years = [today + timedelta(days=days) for days in (-500, 5, 500)]

    roads = [came_from(office.get("/schedules", date_from=f"{day}", date_to=f"{day}"))[0] for day in years]

    assert roads == ["live", "mirror", "live"]


# Off


def test_a_practice_without_a_mirror_costs_one_read_of_its_state_and_no_other(asleep: Deployment) -> None:
    loads, touched = _counted(asleep)
    path = f"/patients/{asleep.id_of('patient', 3)}"

    assert [came_from(asleep.get(path))[0] for _ in range(3)] == ["live", "cache", "cache"]
    result_of(asleep.patch(path, {"medicaid_id": "M1"}))
    assert touched == []
    # Remembered for ten seconds; a write looks for itself.
    assert len(loads) <= 4
    assert not any(asleep.on.records.kept.values())


def _counted(d: Deployment) -> tuple[list[str], list[str]]:
    """Reads of sync states, and any use of the copies."""
    loads: list[str] = []
    used: list[str] = []
    load = d.on.syncs.load

    def counted(practice_id: str) -> Any:
        loads.append(practice_id)
        return load(practice_id)

    d.on.syncs.load = counted
    for name in ("get", "page", "under", "between", "changed", "store", "bury"):
        setattr(d.on.records, name, _noting(getattr(d.on.records, name), name, used))
    return loads, used


def _noting(method: Any, name: str, used: list[str]) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        used.append(name)
        return method(*args, **kwargs)

    return call


def test_turned_off_nothing_is_answered_from_what_was_kept(office: Deployment) -> None:
    turn_on(office, wanted=Wanted.OFF)

    assert came_from(office.get(f"/patients/{office.id_of('patient', 3)}"))[0] == "live"


def test_paused_it_grows_old_and_says_so(office: Deployment) -> None:
    turn_on(office, wanted=Wanted.PAUSED)
    office.on.clock.seconds += 4000
    path = f"/patients/{office.id_of('patient', 3)}"

    assert came_from(office.get(path))[0] == "live"
    assert came_from(aged(office, path, 7200)) == ("mirror", 0)


@pytest.mark.parametrize(
    ("path", "query", "reads"),
    [
        ("/patients/{pat}", {}, {"load": 1, "get": 2, "under": 1}),
        ("/appointments", {"patient_id": "{pat}"}, {"load": 1, "under": 1}),
        ("/claims", {"patient_id": "{pat}", "expand": "lines"}, {"load": 1, "under": 2}),
    ],
)
def test_a_mirrored_answer_costs_few_reads(
    path: str, query: dict[str, str], reads: dict[str, int], office: Deployment
) -> None:
    loads, used = _counted(office)
    patient = office.id_of("patient", max(row["PatNum"] for row in office.rows("claim")))
    filled = {name: value.format(pat=patient) for name, value in query.items()}

    assert came_from(office.get(path.format(pat=patient), **filled)) == ("mirror", 0)

    counted = {"load": len(loads), **{name: used.count(name) for name in used}}
    assert all(counted.get(name, 0) <= most for name, most in reads.items()), counted
    assert set(counted) <= set(reads), counted


# What reads bring


def test_what_somebody_reads_afresh_the_mirror_has_from_then_on(office: Deployment) -> None:
    path = f"/patients/{office.id_of('patient', 3)}"
    rename(office, 3, "Renamed")
    assert first_name(office.get(path)) != "Renamed"

    fresh(office, path)
    office.on.clock.seconds += 60

    later = office.get(path)
    assert (first_name(later), later.body["meta"]["served_from"]) == ("Renamed", "mirror")
    assert office.on.records.causes[-1][1:3] == ("patients", 3)
    assert office.on.records.causes[-1][-1] == "read"


def test_what_was_deleted_at_the_office_is_gone_once_somebody_asked_for_it(office: Deployment) -> None:
    """Or it would be there again as soon as the next caller takes a copy."""
    number = office.rows("commlog")[0]["CommlogNum"]
    path = f"/communications/{office.id_of('communication', number)}"
    office.simulated.office.store.delete("commlog", number)
    assert came_from(office.get(path))[0] == "mirror"

    assert fresh(office, path).status == 404

    assert office.on.records.get(office.practice_id, "commlogs", [number]) == []
    assert office.get(path).status == 404


def test_what_a_list_of_its_patient_no_longer_shows_is_looked_for_and_gone(office: Deployment) -> None:
    office.grant(*SCOPES, "sync:write")
    office.patch(f"/practices/{office.practice_id}/sync", {"state": "on"})
    office.on.world.run(300)
    row = office.rows("commlog")[0]
    number, patient = row["CommlogNum"], office.id_of("patient", row["PatNum"])
    shown = office.id_of("communication", number)
    office.simulated.office.store.delete("commlog", number)
    kept = aged(office, "/communications", 86_400, patient_id=patient)
    assert (came_from(kept)[0], shown in [one["id"] for one in kept.body["data"]]) == ("mirror", True)

    fresh(office, "/communications", patient_id=patient)

    at_once = aged(office, "/communications", 86_400, patient_id=patient)
    assert shown not in [one["id"] for one in at_once.body["data"]]
    assert came_from(at_once)[0] != "mirror"
    office.on.world.run(240)
    assert office.on.records.get(office.practice_id, "commlogs", [number]) == []


def test_a_row_that_moved_to_another_parent_is_no_tombstone(office: Deployment) -> None:
    row = office.rows("procedurelog", "AptNum <> 0 AND ProcStatus = 1")[0]
    office.simulated.office.store.update("procedurelog", row["ProcNum"], {"AptNum": 0})

    fresh(office, "/procedurelogs", appointment_id=office.id_of("appointment", row["AptNum"]))
    office.on.world.run(60)

    assert [one.is_living for one in office.on.records.get(office.practice_id, "procedurelogs", [row["ProcNum"]])] == [
        True
    ]


def test_an_older_turn_never_overwrites_what_a_later_one_read(office: Deployment) -> None:
    fresh(office, f"/patients/{office.id_of('patient', 3)}")
    pace = office.on.pace
    rename(office, 3, "Later")
    fresh(office, f"/patients/{office.id_of('patient', 3)}")
    turn = office.on.records.get(office.practice_id, "patients", [3])[0].read.order.turn_no

    assert turn == pace.load(office.practice_id).turn_no


def test_a_reader_gets_the_rows_though_they_cannot_be_stored(office: Deployment) -> None:
    office.on.records.store = _broken

    assert came_from(fresh(office, f"/patients/{office.id_of('patient', 3)}"))[0] == "live"


def test_a_mirror_that_does_not_answer_is_none(office: Deployment) -> None:
    office.on.records.get = office.on.records.under = _broken

    assert came_from(office.get(f"/patients/{office.id_of('patient', 3)}"))[0] == "live"


def _broken(*_: Any, **__: Any) -> Any:
    raise Unavailable("the table does not answer")


# What writes bring


def test_an_own_change_that_could_not_be_stored_is_read_at_open_dental(office: Deployment) -> None:
    path = f"/patients/{office.id_of('patient', 3)}"
    store, office.on.records.store = office.on.records.store, _broken
    result_of(office.patch(path, {"medicaid_id": "M4711"}))
    office.on.records.store = store

    got = office.get(path)

    assert (got.body["medicaid_id"], came_from(got)[0]) == ("M4711", "live")


def test_a_write_whose_marks_cannot_be_kept_has_not_settled(office: Deployment) -> None:
    path = f"/patients/{office.id_of('patient', 3)}"
    touch, office.on.syncs.touch = office.on.syncs.touch, _broken

    running = office.patch(path, {"medicaid_id": "M4711"})
    office.on.syncs.touch = touch

    assert running.status == 202
    assert office.settled(running, seconds=400)["state"] == "succeeded"
    assert office.upstream_calls.count("patients.update") == 1
    assert office.get(path).body["medicaid_id"] == "M4711"


def test_an_own_change_is_in_the_mirror_at_once(office: Deployment) -> None:
    path = f"/patients/{office.id_of('patient', 3)}"
    result_of(office.patch(path, {"medicaid_id": "M4711"}))
    office.upstream_calls.clear()

    got = office.get(path)

    assert (got.body["medicaid_id"], came_from(got)) == ("M4711", ("mirror", 0))
    assert "own_write" in {cause for *_, cause in office.on.records.causes}


def test_a_new_row_is_in_the_list_of_its_patient_at_once(office: Deployment) -> None:
    patient = office.id_of("patient", 3)
    made = result_of(office.post("/communications", {"patient_id": patient, "note": "Called.", "mode": "phone"}), 201)
    office.upstream_calls.clear()

    listed = office.get("/communications", patient_id=patient)

    assert (made["id"] in [one["id"] for one in listed.body["data"]], came_from(listed)) == (True, ("mirror", 0))


def test_what_a_payment_changes_in_its_family_is_read_anew(office: Deployment) -> None:
    """Open Dental keeps what a family owes in its members' rows."""
    payer = office.rows("patient", "Guarantor = PatNum")[0]
    other = office.rows("patient", f"Guarantor <> {payer['Guarantor']}")[0]
    body = {"kind": "patient", "patient_id": office.id_of("patient", payer["PatNum"]), "amount": {"amount": "50.00"}}
    result_of(office.post("/payments", body), 201)

    of_family = office.get(f"/patients/{office.id_of('patient', payer['PatNum'])}")
    of_others = office.get(f"/patients/{office.id_of('patient', other['PatNum'])}")
    assert (came_from(of_family)[0], came_from(of_others)[0]) == ("live", "mirror")

    office.on.clock.seconds += 40
    load(office, "patients")
    assert came_from(office.get(f"/patients/{office.id_of('patient', payer['PatNum'])}"))[0] == "mirror"


def test_what_breaking_a_visit_charts_is_read_anew_and_the_visit_is_not(office: Deployment) -> None:
    visit = office.rows("appointment", "AptStatus = 1 AND AptDateTime > date('now')")[0]
    shown = office.id_of("appointment", visit["AptNum"])
    procedures = {"patient_id": office.id_of("patient", visit["PatNum"])}
    assert came_from(office.get("/procedurelogs", **procedures))[0] == "mirror"

    result_of(office.patch(f"/appointments/{shown}", {"status": "no_show"}))

    listed = office.get("/appointments", patient_id=office.id_of("patient", visit["PatNum"]))
    assert came_from(listed) == ("mirror", 0)
    assert "scheduled" not in {one["status"] for one in listed.body["data"] if one["id"] == shown}
    charted = office.get("/procedurelogs", **procedures)
    assert came_from(charted)[0] == "live"
    assert "D9986" in {one["code"]["value"] for one in charted.body["data"]}


def test_a_row_that_was_deleted_by_us_is_gone_at_once(office: Deployment) -> None:
    row = office.rows("patplan")[0]
    number = row["PatPlanNum"]
    before = {one.key for one in office.on.records.under(office.practice_id, "patplans", "PatNum", row["PatNum"])}

    gone = office.settled(office.send("DELETE", f"/resources/patplans/{number}", key="k" * 16))

    assert gone["state"] == "succeeded", gone
    after = {one.key for one in office.on.records.under(office.practice_id, "patplans", "PatNum", row["PatNum"])}
    assert before - after == {number}


@pytest.mark.parametrize("states", [("on",), ("on", "paused")])
def test_what_was_kept_before_anything_was_loaded_is_erased_too(states: tuple[str, ...]) -> None:
    with deployed(scopes=("*:read", "sync:write")) as d:
        sync = f"/practices/{d.practice_id}/sync"
        for state in states:
            d.patch(sync, {"state": state})
        d.get(f"/patients/{d.id_of('patient', 3)}")
        kept_between = any(d.on.records.kept.values())
        d.patch(sync, {"state": "off"})
        d.on.world.run(120)

        assert kept_between
        assert not any(d.on.records.kept.values())


def test_a_write_while_it_was_off_is_seen_though_it_is_turned_on_before_it_was_erased() -> None:
    with deployed(scopes=("*:read", "patients:write", "sync:write")) as d:
        sync, patient = f"/practices/{d.practice_id}/sync", d.id_of("patient", 3)
        d.patch(sync, {"state": "on"})
        d.on.world.run(600)
        d.patch(sync, {"state": "off"})
        d.patch(f"/patients/{patient}", {"name": {"first": "Renamed"}})
        is_left = bool(d.on.syncs.load(d.practice_id).resources)
        d.patch(sync, {"state": "on"})
        # Callers keep the background waiting until everybody knows that it is on.
        d.on.clock.seconds += 11

        assert is_left
        assert d.get(f"/patients/{patient}").body["name"]["first"] == "Renamed"
        assert [one["id"] for one in d.get("/patients", any_name="Renamed").body["data"]] == [patient]
