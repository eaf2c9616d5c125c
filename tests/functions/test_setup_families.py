"""What an office consists of, read through its handlers from a simulated practice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.core.ids import row_id
from gateway.core.objects import office
from gateway.core.objects.values import Object
from tests.fakes.deployment import Deployment, deployed

FAMILIES: dict[str, tuple[str, str, type[Object]]] = {
    "providers": ("provider", "ProvNum", office.Provider),
    "locations": ("clinic", "ClinicNum", office.Location),
    "operatories": ("operatory", "OperatoryNum", office.Operatory),
    "carriers": ("carrier", "CarrierNum", office.Carrier),
    "appointment_types": ("appointmenttype", "AppointmentTypeNum", office.AppointmentType),
    "definitions": ("definition", "DefNum", office.Definition),
}


@pytest.fixture(scope="module")
def office_() -> Iterator[Deployment]:
    with deployed() as deployment:
        yield deployment


@pytest.mark.parametrize("name", FAMILIES)
def test_a_list_shows_every_row_of_the_table_as_its_object(name: str, office_: Deployment) -> None:
    table, column, model = FAMILIES[name]
    answer = office_.get(f"/{name}", limit=500)

    assert answer.status == 200, answer.body
    assert {one["source"]["key"] for one in answer.body["data"]} == {str(row[column]) for row in office_.rows(table)}
    for one in answer.body["data"]:
        model.model_validate(one, strict=True)


@pytest.mark.parametrize("category", ["payment_types", "10", "PaymentTypes"])
def test_a_category_that_no_definition_can_have_is_refused_with_those_there_are(
    category: str, office_: Deployment
) -> None:
    answer = office_.get("/definitions", category=category)
    known = {one["category"] for one in office_.get("/definitions", limit=500).body["data"]}

    assert (answer.status, answer.body["param"]) == (400, "category")
    assert known | {"payment_type", "other"} <= set(answer.body["detail"].replace(",", "").split())
    assert office_.get("/definitions", category="other").status == 200


@pytest.mark.parametrize("name", FAMILIES)
def test_a_single_object_is_the_one_of_the_list(name: str, office_: Deployment) -> None:
    listed = office_.get(f"/{name}").body["data"][0]
    single = office_.get(f"/{name}/{listed['id']}")

    assert single.status == 200
    volatile = ("synced_at", "meta")
    assert {k: v for k, v in single.body.items() if k not in volatile} == {
        k: v for k, v in listed.items() if k not in volatile
    }


@pytest.mark.parametrize("name", FAMILIES)
def test_pages_make_the_whole_list(name: str, office_: Deployment) -> None:
    whole = [one["id"] for one in office_.get(f"/{name}", limit=500).body["data"]]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = office_.get(f"/{name}", limit=2, **cursor).body
        found += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert found == whole


@pytest.mark.parametrize("name", FAMILIES)
def test_a_client_without_the_scope_reads_nothing(name: str) -> None:
    with deployed(scopes=["patients:read"]) as deployment:
        answer = deployment.get(f"/{name}")

    assert (answer.status, answer.body["code"]) == (403, "scope-missing")


@pytest.mark.parametrize(
    ("path", "query", "differs"),
    [
        ("/providers", {"is_hygienist": True}, {"is_hygienist": False}),
        ("/operatories", {"is_hygiene": True}, {"is_hygiene": False}),
        ("/definitions", {"category": "confirmation"}, {"category": "payment_type"}),
        ("/carriers", {"is_active": True}, {"is_active": False}),
    ],
)
def test_a_filter_keeps_what_fits_and_drops_what_does_not(
    path: str, query: dict[str, object], differs: dict[str, object], office_: Deployment
) -> None:
    fits, others, every = (office_.get(path, limit=500, **one).body["data"] for one in (query, differs, {}))

    ((name, value),) = query.items()
    assert fits and all(one[name] == value for one in fits)
    assert not {one["id"] for one in fits} & {one["id"] for one in others}
    assert {one["id"] for one in fits} <= {one["id"] for one in every}


def test_a_word_of_the_office_is_found_by_its_category(office_: Deployment) -> None:
    words = office_.get("/definitions", category="confirmation", limit=500).body["data"]

    assert {int(one["source"]["key"]) for one in words} == {
        row["DefNum"] for row in office_.rows("definition", "Category=2")
    }


def test_an_operatory_names_its_own_providers(office_: Deployment) -> None:
    chair = next(one for one in office_.get("/operatories").body["data"] if one["dentist_id"])
    found = office_.get("/operatories", provider_id=chair["dentist_id"]).body["data"]

    assert chair["id"] in {one["id"] for one in found}
    assert all(chair["dentist_id"] in {one["dentist_id"], one["hygienist_id"]} for one in found)
    assert office_.get(f"/providers/{chair['dentist_id']}").status == 200


def test_a_provider_shows_neither_number_nor_birth_date(office_: Deployment) -> None:
    office_.simulated.office.store.update("provider", 1, {"SSN": "900-00-0001", "Birthdate": "1970-01-02"})
    shown = office_.get("/providers", include="raw", **{}).body["data"]

    assert "900-00-0001" not in str(shown)


def test_another_practices_provider_is_none_here_whatever_the_other_filters_leave() -> None:
    with deployed(practices=2) as both:
        theirs = row_id("provider", list(both.servers)[1], 1)
        answer = both.get(
            "/operatories", practice_id=both.practice_id, provider_id=theirs, is_active=False, is_hygiene=True
        )

    assert (answer.status, answer.body["param"]) == (404, "provider_id")
