"""All that an office knows of a patient, read through its handler from a simulated practice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.core.ids import row_ids
from gateway.core.objects.patient_360 import Patient360
from gateway.core.patient_360 import SECTIONS
from gateway.core.practices import Tier
from tests.fakes.deployment import Answered, Deployment, deployed
from tests.fakes.mirroring import load, mirror

EVERY_CALL = {
    "patients.get",
    "patients.Simple",
    "allergies.list",
    "diseases.list",
    "medicationpats.list",
    "popups.list",
    "patientnotes.get",
    "appointments.list",
    "procedurelogs.list",
    "familymodules.Insurance",
    "accountmodules.Aging",
    "recalls.list",
    "claims.list",
    "commlogs.list",
}


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed() as deployment:
        yield deployment


@pytest.fixture
def own() -> Iterator[Deployment]:
    with deployed() as deployment:
        yield deployment


def somebody(office: Deployment) -> int:
    """A patient who has a bit of everything."""
    having = [
        {row["PatNum"] for row in office.rows(table, where)}
        for table, where in (
            ("appointment", "AptStatus=1"),
            ("procedurelog", "ProcStatus=2"),
            ("procedurelog", "ProcStatus=1"),
            ("claim", "1=1"),
            ("commlog", "1=1"),
            ("recall", "1=1"),
            ("patplan", "1=1"),
        )
    ]
    found: int = min(set.intersection(*having))
    return found


def id_of(office: Deployment, number: int | None = None) -> str:
    return row_ids("patient", office.practice_id)(somebody(office) if number is None else number)


def read(office: Deployment, number: int | None = None, **query: Any) -> dict[str, Any]:
    answer = office.get(f"/patients/{id_of(office, number)}/360", **query)
    assert answer.status == 200, answer.body
    Patient360.model_validate(answer.body, strict=True)
    shown: dict[str, Any] = answer.body
    return shown


def data(office: Deployment, section: str, number: int | None = None) -> Any:
    shown = read(office, number, sections=section)["sections"][section]
    assert shown["status"] == "ok", shown
    return shown["data"]


def keys(objects: list[dict[str, Any]]) -> list[int]:
    return [int(one["source"]["key"]) for one in objects]


def test_one_answer_has_every_section_and_costs_a_call_for_each_question(own: Deployment) -> None:
    shown = read(own)

    assert set(shown["sections"]) == set(SECTIONS)
    assert {name: one["status"] for name, one in shown["sections"].items()} == dict.fromkeys(SECTIONS, "ok")
    assert sorted(own.upstream_calls) == sorted(EVERY_CALL)
    assert shown["meta"]["upstream_calls"] == 14


def test_the_calls_of_one_answer_are_one_turn(own: Deployment) -> None:
    read(own)

    assert [entry.record.request.kind for entry in own.on.ledger.entries.values()] == ["fetch.patient_360"]


def test_a_patient_s_objects_are_those_of_their_own_endpoints(office: Deployment) -> None:
    """Two truths about one visit would be worse than none."""
    number = somebody(office)
    patient, volatile = id_of(office, number), {"synced_at", "extensions", "meta", "procedure_ids"}
    # The office's words are read here, so that both show them.
    visits = office.get("/appointments", patient_id=patient, limit=500, expand="procedure_ids").body["data"]
    single = office.get(f"/patients/{patient}").body
    procedures = office.get("/procedurelogs", patient_id=patient, limit=500).body["data"]
    claims = office.get("/claims", patient_id=patient, limit=500).body["data"]
    office.on.clock.sleep(301)
    shown = {name: one["data"] for name, one in read(office, number)["sections"].items()}

    def plain(objects: Any) -> dict[str, Any]:
        return {one["id"]: {k: v for k, v in one.items() if k not in volatile} for one in objects}

    assert plain([shown["demographics"]]) == plain([single])
    listed = shown["appointments"]
    assert plain(listed["upcoming"] + listed["past"] + listed["waiting"]) == plain(visits)
    done = shown["treatment"]["planned"] + shown["treatment"]["completed"]
    assert plain(done) == {
        one: what for one, what in plain(procedures).items() if what["status"] in {"planned", "completed"}
    }
    assert plain(shown["claims"]["claims"]) == plain(claims)


def test_visits_ahead_come_soonest_first_and_those_behind_newest_first(office: Deployment) -> None:
    listed = data(office, "appointments")
    now = office.on.clock.now().isoformat()[:19] + "Z"
    ahead, behind = ([one["start_at"] for one in listed[name]] for name in ("upcoming", "past"))

    assert ahead and behind
    assert ahead == sorted(ahead) and min(one["end_at"] for one in listed["upcoming"]) >= now
    assert behind == sorted(behind, reverse=True)
    assert {one["status"] for one in listed["upcoming"]} <= {"scheduled", "arrived", "in_chair"}
    assert {one["status"] for one in listed["waiting"]} <= {"planned", "unscheduled"}


def test_a_family_is_everybody_with_the_guarantor_who_comes_first(office: Deployment) -> None:
    heads = [row["Guarantor"] for row in office.rows("patient", "PatStatus<>4")]
    head = next(one for one in heads if heads.count(one) > 1)
    member = office.rows("patient", f"Guarantor={head} AND PatNum<>{head} AND PatStatus<>4")[0]["PatNum"]
    found = data(office, "family", member)

    assert found["guarantor_id"] == id_of(office, head)
    assert keys(found["members"])[0] == head
    assert set(keys(found["members"])) == {
        row["PatNum"] for row in office.rows("patient", f"Guarantor={head} AND PatStatus<>4")
    }


def test_alerts_are_what_is_so_now(own: Deployment) -> None:
    number, store = somebody(own), own.simulated.office.store
    definitions = [row["AllergyDefNum"] for row in own.rows("allergydef")][:2]
    for table in ("allergy", "popup"):
        for row in own.rows(table, f"PatNum={number}"):
            store.delete(table, next(iter(row.values())))
    for definition, active in zip(definitions, (1, 0), strict=True):
        store.insert("allergy", {"PatNum": number, "AllergyDefNum": definition, "StatusIsActive": active})
    store.update("patient", number, {"Premed": 1, "FamFinUrgNote": "Pays in advance"})
    for text, archived, off in (
        ("Ask for the key", 0, "0001-01-01 00:00:00"),
        ("An older wording", 1, "0001-01-01 00:00:00"),
        ("Over", 0, "2020-01-01 00:00:00"),
    ):
        store.insert(
            "popup",
            {
                "PatNum": number,
                "Description": text,
                "PopupLevel": 0,
                "IsArchived": archived,
                "DateTimeDisabled": off,
                "DateTimeEntry": "2024-01-01 10:00:00",
            },
        )
    found = data(own, "alerts", number)

    assert (found["is_premedicated"], found["urgent_financial_note"]) == (True, "Pays in advance")
    assert [one["definition_key"] for one in found["allergies"]] == [str(definitions[0])]
    assert [one["text"] for one in found["popups"]] == ["Ask for the key"]
    assert {one["status"] for one in found["conditions"]} <= {"active"}
    assert {one["is_current"] for one in found["medications"]} <= {True}


def test_insurances_come_with_the_primary_first(office: Deployment) -> None:
    number = somebody(office)
    found = data(office, "coverage", number)["insurances"]
    places = sorted(office.rows("patplan", f"PatNum={number}"), key=lambda row: row["Ordinal"])

    assert [one["ordinal"] for one in found] == [row["Ordinal"] for row in places]
    assert [one["coverage_id"] for one in found] == [
        row_ids("coverage", office.practice_id)(row["InsSubNum"]) for row in places
    ]
    assert all(one["carrier"]["name"] for one in found)


def test_the_newest_come_first(office: Deployment) -> None:
    shown = read(office)["sections"]
    said = [one["at"] for one in shown["communications"]["data"]["communications"]]
    served = [one["service_on"] or "" for one in shown["claims"]["data"]["claims"]]
    done = [one["performed_on"] for one in shown["treatment"]["data"]["completed"]]
    due = [one["due_on"] or "9999" for one in shown["recalls"]["data"]["recalls"]]

    for newest in (said, served, done):
        assert newest and newest == sorted(newest, reverse=True)
    assert due == sorted(due)


def test_balances_are_those_of_the_account(office: Deployment) -> None:
    number = somebody(office)
    head = office.rows("patient", f"PatNum={number}")[0]["Guarantor"]
    total = office.rows("patient", f"PatNum={head}")[0]["BalTotal"]

    assert float(data(office, "balances", number)["family"]["total"]["amount"]) == float(total)


def test_only_the_sections_asked_for_are_read(own: Deployment) -> None:
    shown = read(own, sections=["claims", "recalls"])

    assert list(shown["sections"]) == ["recalls", "claims"]
    assert own.upstream_calls == ["patients.get", "recalls.list", "claims.list"]


def test_a_section_without_a_permission_costs_no_call_and_says_what_it_takes(own: Deployment) -> None:
    own.know(permissions=frozenset({"Appointments"}), upstream="rest")
    shown = read(own)

    assert own.upstream_calls == []
    assert shown["meta"]["upstream_calls"] == 0
    for section in shown["sections"].values():
        assert (section["status"], section["data"], section["as_of"]) == ("unavailable", None, None)
        told = {name: section["reason"][name] for name in ("code", "permission", "tier")}
        assert told == {"code": "permission-missing", "permission": "ReadAll", "tier": "0 USD"}


def test_what_fhir_has_is_shown_where_the_key_has_no_permission_for_the_rest(own: Deployment) -> None:
    own.know(permissions=frozenset({"Appointments"}))
    # What came by FHIR lacks fields, so that no model fits it.
    shown = own.get(f"/patients/{id_of(own)}/360").body["sections"]
    missing = {name for name, one in shown.items() if one["status"] == "unavailable"}

    assert {"demographics", "appointments", "treatment"} & missing == set()
    assert {"family", "balances", "coverage", "claims", "recalls"} <= missing
    assert {shown[name]["reason"]["code"] for name in missing} == {"permission-missing"}


def test_a_section_that_the_office_is_too_old_for_names_the_version(own: Deployment) -> None:
    own.know(version="22.4.10.0")
    shown = read(own)["sections"]

    assert {name for name, one in shown.items() if one["status"] == "unavailable"} == {"recalls", "family"}
    assert shown["recalls"]["reason"]["version"] == "22.4.40"
    assert shown["family"]["reason"]["version"] == "22.4.19"
    assert not {"recalls.list", "patients.Simple"} & set(own.upstream_calls)


def test_a_section_that_open_dental_refuses_leaves_the_others(own: Deployment) -> None:
    own.simulated.faults.add({"kind": "status", "status": 400, "text": "No.", "match": "claims.list", "count": None})
    shown = read(own)["sections"]

    assert {name for name, one in shown.items() if one["status"] == "unavailable"} == {"claims"}
    assert shown["claims"]["reason"]["code"] == "upstream-invalid"
    assert shown["communications"]["data"] is not None


def test_alerts_that_are_known_in_part_are_not_called_known(own: Deployment) -> None:
    """An allergy nobody was told of is the harm that this answer could do."""
    own.simulated.faults.add({"kind": "status", "status": 400, "text": "No.", "match": "allergies.list", "count": None})
    alerts = read(own, sections="alerts")["sections"]["alerts"]

    assert (alerts["status"], alerts["data"]["allergies"]) == ("unavailable", None)
    assert alerts["data"]["medications"] is not None


def test_a_client_sees_the_sections_of_its_own_scopes(own: Deployment) -> None:
    own.grant("patients:read", "appointments:read")
    shown = read(own)["sections"]

    assert {name for name, one in shown.items() if one["status"] == "ok"} == {"demographics", "family", "appointments"}
    assert shown["claims"]["reason"]["scope"] == "claims:read"
    assert set(own.upstream_calls) == {"patients.get", "patients.Simple", "appointments.list"}


def test_a_client_without_patients_sees_nothing(own: Deployment) -> None:
    own.grant("appointments:read")
    answer = own.get(f"/patients/{id_of(own)}/360")

    assert (answer.status, answer.body["code"]) == (403, "scope-missing")


def test_who_is_not_there_is_not_found(own: Deployment) -> None:
    assert own.get(f"/patients/{id_of(own, 999_999)}/360").status == 404
    assert own.upstream_calls == ["patients.get"]


def test_each_section_has_its_own_age(own: Deployment) -> None:
    first = read(own)
    own.on.clock.sleep(200)
    again = read(own)
    ages = {name: one["age_seconds"] for name, one in again["sections"].items()}

    assert again["meta"]["upstream_calls"] == 0
    assert {one["served_from"] for one in first["sections"].values()} == {"live"}
    assert {one["served_from"] for one in again["sections"].values()} == {"cache"}
    assert ages["demographics"] > ages["communications"] > 200
    own.on.clock.sleep(101)
    assert read(own)["meta"]["served_from"] == "live"


def test_with_the_cheapest_key_the_answer_can_still_be_fetched() -> None:
    """14 calls at 5 s are more than an answer's usual 30 s of freshness: nobody could ever read one."""
    with deployed(tier=Tier.READ_ONLY) as own:
        path = f"/patients/{id_of(own)}/360"
        answer: Answered = own.get(path)
        assert answer.status == 202
        for _ in range(20):
            own.on.clock.sleep(10)
            answer = own.get(path)
            if answer.status == 200:
                break

    assert answer.status == 200
    assert len(own.upstream_calls) == 14


def test_an_unchanged_patient_keeps_the_tag(own: Deployment) -> None:
    path = f"/patients/{id_of(own)}/360"
    first = own.get(path)
    own.on.clock.sleep(400)
    again = own.send("GET", path, headers={"If-None-Match": first.headers["ETag"]})

    assert again.status == 304


def test_no_social_security_number_leaves_the_house(own: Deployment) -> None:
    own.simulated.office.store.update("patient", somebody(own), {"SSN": "900-00-0001"})
    answer = own.get(f"/patients/{id_of(own)}/360", include="raw")

    assert answer.status == 200
    assert not re.search("900-?00-?0001", str(answer.body))
    assert answer.body["sections"]["demographics"]["data"]["has_ssn"]


def test_a_recalls_type_is_called_what_its_own_endpoint_calls_it_or_is_said_to_be_left_out(own: Deployment) -> None:
    number = somebody(own)
    cold = read(own, number, sections="recalls")
    listed = own.get("/recalls", patient_id=id_of(own, number)).body["data"]
    own.on.clock.sleep(301)
    warm = read(own, number, sections="recalls")

    names = {one["id"]: one["type"]["label"] for one in listed}
    assert "recalls.type.label" in cold["meta"]["omitted"]
    assert all(names.values())
    assert {one["id"]: one["type"]["label"] for one in warm["sections"]["recalls"]["data"]["recalls"]} == names
    assert "recalls.type.label" not in warm["meta"]["omitted"]


# With a mirror

NOT_MIRRORED = {"alerts", "coverage"}


@pytest.fixture
def mirrored() -> Iterator[Deployment]:
    with deployed() as deployment:
        deployment.read_up()
        mirror(deployment)
        yield deployment


def test_what_the_mirror_has_of_a_patient_is_not_asked_for(mirrored: Deployment) -> None:
    shown = read(mirrored)
    roads = {name: one["served_from"] for name, one in shown["sections"].items()}

    assert roads == {name: "live" if name in NOT_MIRRORED else "mirror" for name in SECTIONS}
    assert set(mirrored.upstream_calls) == {
        "patients.get",
        "allergies.list",
        "diseases.list",
        "medicationpats.list",
        "popups.list",
        "patientnotes.get",
        "familymodules.Insurance",
    }
    assert shown["meta"]["served_from"] == "live"
    assert shown["meta"]["upstream_calls"] == len(mirrored.upstream_calls)


def test_a_mirrored_section_is_what_open_dental_would_have_answered(mirrored: Deployment) -> None:
    def timeless(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: timeless(one) for name, one in value.items() if name != "synced_at"}
        return [timeless(one) for one in value] if isinstance(value, list) else value

    for section in SECTIONS.keys() - NOT_MIRRORED - {"balances"}:
        path, query = f"/patients/{id_of(mirrored)}/360", {"sections": section}
        live = mirrored.send("GET", path, query=query, headers={"Cache-Control": "no-cache"}).body
        mirrored.upstream_calls.clear()
        kept = read(mirrored, sections=section)

        assert timeless(kept["sections"][section]["data"]) == timeless(live["sections"][section]["data"])
        assert (live["meta"]["served_from"], kept["meta"]["served_from"]) == ("live", "mirror")
        assert (kept["meta"]["upstream_calls"], mirrored.upstream_calls) == (0, [])


def test_mirrored_balances_are_those_of_the_rows_and_name_what_only_the_account_has(mirrored: Deployment) -> None:
    member = mirrored.rows("patient", "Guarantor <> PatNum AND PatStatus = 0")[0]["PatNum"]
    for number in (somebody(mirrored), member):
        path, query = f"/patients/{id_of(mirrored, number)}/360", {"sections": "demographics,balances"}
        kept = read(mirrored, number, **query)
        assert (mirrored.upstream_calls, kept["meta"]["upstream_calls"]) == ([], 0)
        live = mirrored.send("GET", path, query=query, headers={"Cache-Control": "no-cache"}).body
        mirrored.upstream_calls.clear()
        ours, theirs = (one["sections"]["balances"]["data"] for one in (kept, live))

        assert ours["portion"] == theirs["portion"] is not None
        assert ours["family"]["total"] == theirs["family"]["total"] is not None
        lacking = {f"balances.family.{name}" for name, value in ours["family"].items() if value is None}
        assert lacking | {"balances.estimated"} == {
            one for one in kept["meta"]["omitted"] if one.startswith("balances")
        }
        assert theirs["family"]["aging"] and not any(one.startswith("balances") for one in live["meta"]["omitted"])


def test_a_section_that_is_too_old_is_read_and_each_tells_its_own_age(mirrored: Deployment) -> None:
    mirrored.on.clock.seconds += 280
    load(mirrored, "patients")
    mirrored.on.clock.seconds += 40

    sections = read(mirrored, sections="demographics,family,balances,claims")["sections"]

    assert {name: one["served_from"] for name, one in sections.items()} == {
        "demographics": "mirror",
        "family": "mirror",
        "balances": "mirror",
        "claims": "live",
    }
    assert sections["demographics"]["age_seconds"] == pytest.approx(40, abs=5)
    assert sections["claims"]["age_seconds"] < 5


def test_what_the_mirror_has_is_shown_where_the_rest_cannot_be_read(mirrored: Deployment) -> None:
    path = f"/patients/{id_of(mirrored)}/360"
    kept = mirrored.send("GET", path, headers={"Cache-Control": "only-if-cached"})
    nothing = mirrored.send("GET", path, query={"sections": "alerts"}, headers={"Cache-Control": "only-if-cached"})

    assert kept.status == 200
    Patient360.model_validate(kept.body, strict=True)
    reasons = {name: (one.get("reason") or {}).get("code") for name, one in kept.body["sections"].items()}
    assert {name for name, code in reasons.items() if code} == NOT_MIRRORED
    assert {reasons[name] for name in NOT_MIRRORED} == {"not-cached"}
    assert nothing.status == 504
    assert mirrored.upstream_calls == []
