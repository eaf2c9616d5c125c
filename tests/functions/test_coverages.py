"""Coverages read through their handler from a simulated practice: subscribers, places, plans, carriers, benefits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.core.ids import row_id
from gateway.core.objects.coverage import Coverage
from tests.fakes.deployment import CLIENT, IDS, Deployment, deployed

VOLATILE = ("synced_at", "meta")


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    with deployed() as deployment:
        yield deployment


def id_of(kind: str, key: int, practice_id: str = IDS[0]) -> str:
    return row_id(kind, practice_id, key)


def steady(shown: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in VOLATILE}


def test_every_covered_patient_has_its_coverages_with_plan_and_carrier(office: Deployment) -> None:
    for number in {row["PatNum"] for row in office.rows("patient", "PatStatus<>4")}:
        places = {row["InsSubNum"]: row for row in office.rows("patplan", f"PatNum={number}")}
        answer = office.get("/coverages", patient_id=id_of("patient", number))

        assert answer.status == 200, answer.body
        assert answer.body["meta"]["omitted"] == ["benefits", "verification"]
        assert {one["source"]["key"] for one in answer.body["data"]} == {str(key) for key in places}
        for one in answer.body["data"]:
            Coverage.model_validate(one, strict=True)
            key = int(one["source"]["key"])
            (place,) = one["patients"]
            assert (place["patient_id"], place["ordinal"]) == (id_of("patient", number), places[key]["Ordinal"])
            (sub,) = office.rows("inssub", f"InsSubNum={key}")
            (plan,) = office.rows("insplan", f"PlanNum={sub['PlanNum']}")
            assert one["subscriber_id"] == id_of("patient", sub["Subscriber"])
            assert (one["plan"]["group_number"], one["plan"]["key"]) == (plan["GroupNum"], str(plan["PlanNum"]))
            assert one["carrier"]["id"] == id_of("carrier", plan["CarrierNum"])


def test_the_first_plan_is_primary_and_the_second_secondary(office: Deployment) -> None:
    twice = next(row["PatNum"] for row in office.rows("patplan", "Ordinal=2"))
    found = office.get("/coverages", patient_id=id_of("patient", twice)).body["data"]
    ranks = {one["patients"][0]["ordinal"]: one["patients"][0]["rank"] for one in found}

    assert ranks == {1: "primary", 2: "secondary"}


def test_a_single_coverage_names_everybody_in_it_and_its_benefits(office: Deployment) -> None:
    for row in office.rows("inssub"):
        one = office.get(f"/coverages/{id_of('coverage', row['InsSubNum'])}")

        assert one.status == 200, one.body
        Coverage.model_validate(one.body, strict=True)
        covered = {
            id_of("patient", place["PatNum"]) for place in office.rows("patplan", f"InsSubNum={row['InsSubNum']}")
        }
        assert {place["patient_id"] for place in one.body["patients"]} == covered
        assert len(one.body["benefits"]) == len(office.rows("benefit", f"PlanNum={row['PlanNum']}"))
        assert one.body["meta"]["omitted"] == ["verification"]
        assert one.body["meta"]["upstream_calls"] <= 6


def test_benefits_are_told_apart_and_named(office: Deployment) -> None:
    (plan,) = office.rows("insplan", "PlanNum=6")
    assert plan["PlanType"] == ""
    sub = office.rows("inssub", "PlanNum=6")[0]
    benefits = office.get(f"/coverages/{id_of('coverage', sub['InsSubNum'])}").body["benefits"]
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for one in benefits:
        by_kind.setdefault(one["kind"], []).append(one)

    (maximum,), (deductible,), (lifetime,), (often,) = (
        by_kind[kind] for kind in ("annual_maximum", "deductible", "lifetime_maximum", "frequency")
    )
    assert (maximum["amount"], maximum["level"], maximum["period"]) == (
        {"amount": "1500.00", "currency": "USD"},
        "individual",
        "calendar_year",
    )
    assert deductible["amount"]["amount"] == "50.00" and maximum["percent"] is None
    assert (lifetime["category"]["code"], lifetime["amount"]["amount"]) == ("orthodontics", "1500.00")
    assert (often["procedure_code"], often["quantity"], often["quantity_unit"]) == ("D0120", 2, "services")
    percents = {one["category"]["name"]: one["percent"] for one in by_kind["percentage"]}
    assert (percents["Diagnostic"], percents["Restorative"], percents["Crowns"]) == (100, 80, 50)
    assert all(one["amount"] is None for one in by_kind["percentage"])


def test_a_groups_limit_in_years_and_an_age_limit_are_read(office: Deployment) -> None:
    store = office.simulated.office.store
    group = store.insert("codegroup", {"GroupName": "Bitewings", "ProcCodes": "D0272,D0274"})
    base = {"PlanNum": 6, "BenefitType": 5, "CovCatNum": 0, "Percent": -1, "MonetaryAmt": -1.0, "CodeGroupNum": group}
    store.insert("benefit", base | {"QuantityQualifier": 4, "Quantity": 5, "TimePeriod": 0})
    store.insert("benefit", base | {"QuantityQualifier": 2, "Quantity": 14, "TimePeriod": 0})
    store.insert("benefit", base | {"QuantityQualifier": 0, "Quantity": 2, "TimePeriod": 5})
    office.on.clock.seconds += 60
    sub = office.rows("inssub", "PlanNum=6")[0]
    benefits = office.get(f"/coverages/{id_of('coverage', sub['InsSubNum'])}").body["benefits"]
    grouped = [one for one in benefits if one["code_group"] == "Bitewings"]

    assert [(one["kind"], one["quantity"], one["quantity_unit"], one["period"]) for one in grouped] == [
        ("frequency", 5, "years", None),
        ("age_limit", 14, "years_of_age", None),
        ("frequency", 2, "services", "last_12_months"),
    ]


def test_a_patients_own_benefit_and_the_verifications_come_when_asked_for(office: Deployment) -> None:
    place = office.rows("patplan")[0]
    (sub,) = office.rows("inssub", f"InsSubNum={place['InsSubNum']}")
    store = office.simulated.office.store
    row = {"PlanNum": 0, "PatPlanNum": place["PatPlanNum"], "BenefitType": 1, "CovCatNum": 5, "Percent": 60}
    store.insert("benefit", row | {"MonetaryAmt": -1.0, "CoverageLevel": 0})
    store.insert("insverify", {"VerifyType": 1, "FKey": sub["PlanNum"], "DateLastVerified": "2026-03-02"})
    store.insert("insverify", {"VerifyType": 2, "FKey": place["PatPlanNum"], "DateLastVerified": "2026-03-03"})
    path = f"/coverages/{id_of('coverage', sub['InsSubNum'])}"
    office.on.clock.seconds += 60
    plain = office.get(path).body
    asked = office.get(path, expand=["overrides", "verification"]).body
    Coverage.model_validate(asked, strict=True)
    own = [one for one in asked["benefits"] if one["patient_id"]]

    assert not [one for one in plain["benefits"] if one["patient_id"]] and "verification" not in plain
    assert [(one["patient_id"], one["percent"]) for one in own] == [(id_of("patient", place["PatNum"]), 60)]
    assert asked["verification"]["benefits_on"] == "2026-03-02"
    verified = {one["patient_id"]: one["verified_on"] for one in asked["verification"]["eligibility"]}
    assert verified[id_of("patient", place["PatNum"])] == "2026-03-03"


def test_raw_shows_the_rows_behind_the_benefits(office: Deployment) -> None:
    sub = office.rows("inssub")[0]
    one = office.get(f"/coverages/{id_of('coverage', sub['InsSubNum'])}", include="raw").body

    Coverage.model_validate(one, strict=True)
    assert one["raw"]["InsSubNum"] == sub["InsSubNum"]
    assert all(benefit["raw"]["PlanNum"] == sub["PlanNum"] for benefit in one["benefits"])


def test_coverages_are_found_by_subscriber_change_and_ids(office: Deployment) -> None:
    sub = office.rows("inssub")[3]
    office.simulated.office.store.update("inssub", sub["InsSubNum"], {"SubscNote": "changed"})
    (changed,) = office.rows("inssub", f"InsSubNum={sub['InsSubNum']}")
    since = f"{changed['SecDateTEdit'][:10]}T00:00:00Z"
    by_subscriber = office.get("/coverages", subscriber_id=id_of("patient", sub["Subscriber"])).body["data"]
    by_change = office.get("/coverages", updated_since=since).body["data"]
    by_ids = office.get("/coverages", ids=[id_of("coverage", one["InsSubNum"]) for one in office.rows("inssub")[:3]])

    expected = {row["InsSubNum"] for row in office.rows("inssub", f"Subscriber={sub['Subscriber']}")}
    assert {int(one["source"]["key"]) for one in by_subscriber} == expected
    assert [one["source"]["key"] for one in by_change] == [str(sub["InsSubNum"])]
    assert len(by_ids.body["data"]) == 3
    assert by_ids.body["meta"]["omitted"] == ["benefits", "carrier", "patients", "plan", "verification"]


def test_a_list_expanded_has_what_the_single_coverage_has(office: Deployment) -> None:
    sub = office.rows("inssub")[1]
    office.on.clock.seconds += 60
    expand = ["plan", "patients", "benefits"]
    answer = office.get("/coverages", subscriber_id=id_of("patient", sub["Subscriber"]), expand=expand)
    for one in answer.body["data"]:
        single = office.get(f"/coverages/{one['id']}").body

        assert steady(single) == steady(one)


def test_a_patient_without_insurance_has_an_empty_list_and_an_unknown_one_is_not_found(office: Deployment) -> None:
    covered = {row["PatNum"] for row in office.rows("patplan")}
    bare = next(row["PatNum"] for row in office.rows("patient", "PatStatus<>4") if row["PatNum"] not in covered)
    answer = office.get("/coverages", patient_id=id_of("patient", bare))
    nobody = office.get("/coverages", patient_id=id_of("patient", 999_999))

    assert (answer.status, answer.body["data"]) == (200, [])
    assert (nobody.status, nobody.body["param"]) == (404, "patient_id")


def test_a_claims_coverage_is_one(office: Deployment) -> None:
    claim = office.rows("claim", "InsSubNum<>0")[0]
    shown = office.get(f"/claims/{id_of('claim', claim['ClaimNum'])}").body

    assert office.get(f"/coverages/{shown['coverage_id']}").status == 200


def test_without_the_scope_or_the_practice_nothing_is_read() -> None:
    paths = ["/coverages", f"/coverages/{id_of('coverage', 1)}"]
    query = {"patient_id": id_of("patient", 1)}
    with deployed(scopes=["patients:read"]) as deployment:
        unscoped = [deployment.get(paths[0], **query), deployment.get(paths[1])]
    with deployed(practices=2) as deployment:
        client = deployment.on.callers.client(CLIENT)
        deployment.on.callers.put_client(replace(client, practices=frozenset({IDS[1]})))
        foreign = [deployment.get(paths[0], **query), deployment.get(paths[1])]

    assert [(one.status, one.body["code"]) for one in unscoped] == [(403, "scope-missing")] * 2
    assert [(one.status, one.body["code"]) for one in foreign] == [(404, "not-found")] * 2


def test_older_offices_are_told_what_they_lack_or_answer_with_what_they_have() -> None:
    with deployed("--version", "22.4.20") as deployment:
        oldest = deployment.get("/coverages", patient_id=id_of("patient", 1))
    with deployed("--version", "23.1.5") as deployment:
        sub = deployment.rows("inssub")[0]
        path = f"/coverages/{id_of('coverage', sub['InsSubNum'])}"
        older, verified = deployment.get(path), deployment.get(path, expand="verification")

    assert (oldest.status, oldest.body["code"], oldest.body["version"]) == (409, "version-too-old", "22.4.27")
    assert older.status == 200, older.body
    # Categories have no names before 23.3.8, and a plan is looked up among all.
    assert older.body["carrier"]["name"] and {
        one["category"]["name"] for one in older.body["benefits"] if one["category"]
    } == {None}
    assert (verified.status, verified.body["version"]) == (409, "24.4.17")


def test_a_patients_coverages_cost_one_call_and_three_a_coverage(office: Deployment) -> None:
    for ordinal in (1, 2):
        covered = {row["PatNum"] for row in office.rows("patplan", f"Ordinal={ordinal}")}
        once = {row["PatNum"] for row in office.rows("patplan", f"Ordinal={ordinal + 1}")}
        number = min(covered - once)
        before = len(office.upstream_calls)
        query = {"patient_id": id_of("patient", number)}
        answer = office.send("GET", "/coverages", query=query, headers={"Cache-Control": "no-cache"})
        calls = office.upstream_calls[before:]

        assert len(answer.body["data"]) == ordinal
        assert answer.body["meta"]["upstream_calls"] == len(calls) <= 1 + 3 * ordinal
        # Asked for to find the coverages and again to show the places in them.
        assert calls.count("patplans.list") == 1


def test_a_page_of_many_coverages_is_not_expanded_at_any_price() -> None:
    with deployed("--patients", "400") as deployment:
        query = {"updated_since": "2000-01-01T00:00:00Z", "limit": 500}
        expanded = deployment.get("/coverages", expand="patients", **query)
        plain = deployment.get("/coverages", **query)

    assert (expanded.status, expanded.body["bounds"]) == (422, ["limit"])
    assert plain.status == 200 and len(plain.body["data"]) > 100


def test_an_answer_of_several_fetches_waits_no_longer_than_its_caller_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waiting for itself, they would outlast the function, and nobody could say what happened."""
    with deployed() as deployment:
        send = deployment.on.upstream.send

        def slow(*call: Any) -> Any:
            deployment.on.clock.sleep(3.0)
            return send(*call)

        monkeypatch.setattr(deployment.on.upstream, "send", slow)
        path, began = f"/coverages/{id_of('coverage', 1)}", deployment.on.clock.monotonic()
        first = deployment.get(path)
        waited_s = deployment.on.clock.monotonic() - began
        again = [deployment.get(path) for _ in range(3)]

    assert first.status == 202 and waited_s < 15
    assert again[-1].status == 200
