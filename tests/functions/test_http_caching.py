"""`Cache-Control`, `Age`, `ETag` and 304 over the whole road, as RFC 9111 and RFC 9110 have them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.core.mirror.syncing import Wanted
from tests.fakes.deployment import Answered, Deployment, deployed
from tests.fakes.mirroring import mirror, turn_on

MINUTE = 60.0


@pytest.fixture
def office() -> Iterator[Deployment]:
    """A practice with a complete mirror."""
    with deployed(scopes=("*:read",)) as d:
        d.read_up()
        mirror(d)
        yield d


def said(d: Deployment, path: str, **headers: str) -> Answered:
    return d.send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def a_patient(d: Deployment) -> str:
    return f"/patients/{d.id_of('patient', 3)}"


def road_of(answered: Answered) -> str:
    assert answered.status == 200, answered.body
    road: str = answered.body["meta"]["served_from"]
    return road


# only-if-cached


def test_only_if_cached_is_answered_from_what_is_kept_and_never_asks_the_office(office: Deployment) -> None:
    path = a_patient(office)

    assert road_of(said(office, path, Cache_Control="only-if-cached")) == "mirror"
    office.on.clock.seconds += 10 * MINUTE
    assert road_of(said(office, path, Cache_Control="only-if-cached, max-age=900")) == "mirror"
    for stale in ("only-if-cached", "only-if-cached, max-age=60", "only-if-cached, no-cache"):
        refused = said(office, path, Cache_Control=stale)
        assert (refused.status, refused.body["code"], refused.body["retryable"]) == (504, "not-cached", True)
    assert office.upstream_calls == []


def test_only_if_cached_takes_the_short_lived_cache_where_there_is_no_mirror(office: Deployment) -> None:
    turn_on(office, wanted=Wanted.OFF)
    path = a_patient(office)
    assert said(office, path, Cache_Control="only-if-cached").status == 504

    office.get(path)
    office.on.clock.seconds += 5

    assert road_of(said(office, path, Cache_Control="only-if-cached")) == "cache"
    office.on.clock.seconds += 60
    assert said(office, path, Cache_Control="only-if-cached").status == 504


@pytest.mark.parametrize("path", ["/providers", "/procedure_codes", "/definitions?category=billing_type"])
def test_an_offices_own_setup_is_kept_for_those_who_want_nothing_else(path: str, office: Deployment) -> None:
    path, _, query = path.partition("?")
    asked = dict([query.split("=")]) if query else {}

    got = office.send("GET", path, query=asked, headers={"Cache-Control": "only-if-cached"})

    assert (got.status, office.upstream_calls) == (200, [])


# min-fresh


def test_min_fresh_is_taken_off_how_old_an_answer_may_be(office: Deployment) -> None:
    path = a_patient(office)
    office.on.clock.seconds += 200

    assert road_of(said(office, path, Cache_Control="only-if-cached, min-fresh=90")) == "mirror"
    assert said(office, path, Cache_Control="only-if-cached, min-fresh=110").status == 504
    assert road_of(said(office, path, Cache_Control="max-age=400, min-fresh=190")) == "mirror"
    assert road_of(said(office, path, Cache_Control="max-age=400, min-fresh=210")) == "live"


def test_alerts_have_a_shorter_limit_of_their_own_and_min_fresh_shortens_it_too(office: Deployment) -> None:
    patient = office.id_of("patient", 3)
    office.on.clock.seconds += 40

    def conditions(directives: str) -> Answered:
        return office.send("GET", "/conditions", query={"patient_id": patient}, headers={"Cache-Control": directives})

    assert road_of(conditions("only-if-cached")) == "mirror"
    assert conditions("only-if-cached, min-fresh=30").status == 504
    office.on.clock.seconds += 30
    assert conditions("only-if-cached").status == 504
    assert road_of(conditions("only-if-cached, max-age=120")) == "mirror"


# What came, and 304


def test_an_answer_is_nobody_elses_and_says_its_age(office: Deployment) -> None:
    office.on.clock.seconds += 42

    headers = office.get(a_patient(office)).headers

    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["Vary"] == "Authorization"
    assert headers["Age"] == "42"


def test_a_tag_is_weak_because_the_age_in_the_body_is_no_part_of_it(office: Deployment) -> None:
    """A strong one would say that two answers are the same to the byte (RFC 9110, section 8.8.1)."""
    one = office.get(a_patient(office))
    office.on.clock.seconds += 5
    other = office.get(a_patient(office))

    assert one.headers["ETag"] == other.headers["ETag"]
    assert one.headers["ETag"].startswith('W/"')
    assert one.body != other.body


@pytest.mark.parametrize("sent", ["{tag}", '"other", {tag}', '"other",{strong} , W/"more"', "*"])
def test_who_holds_it_gets_304_with_what_a_cache_needs_and_no_body(sent: str, office: Deployment) -> None:
    path = a_patient(office)
    full = office.get(path)
    tag = full.headers["ETag"]
    office.on.clock.seconds += 7

    again = said(office, path, If_None_Match=sent.format(tag=tag, strong=tag.removeprefix("W/")))

    assert (again.status, again.body) == (304, None)
    assert {name: again.headers[name] for name in ("ETag", "Age", "Cache-Control", "Vary")} == {
        "ETag": tag,
        "Age": "7",
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization",
    }
    assert "Content-Type" not in again.headers


def test_a_tag_goes_with_the_version_of_the_row(office: Deployment) -> None:
    path = a_patient(office)
    first = office.get(path)
    office.simulated.office.store.update("patient", 3, {"FName": "Renamed"})
    same = said(office, path, If_None_Match=first.headers["ETag"])
    fresh = said(office, path, Cache_Control="no-cache", If_None_Match=first.headers["ETag"])
    office.on.clock.seconds += 60
    mirrored = office.get(path)

    assert same.status == 304
    assert fresh.status == 200
    assert fresh.body["version"] != first.body["version"]
    assert fresh.headers["ETag"] != first.headers["ETag"]
    assert (mirrored.body["version"], mirrored.headers["ETag"]) == (fresh.body["version"], fresh.headers["ETag"])


def test_a_read_older_than_the_caller_allows_goes_to_the_office_and_the_mirror_has_it_for_the_next(
    office: Deployment,
) -> None:
    path = a_patient(office)
    office.simulated.office.store.update("patient", 3, {"FName": "Renamed"})
    office.on.clock.seconds += 10 * MINUTE

    late = said(office, path, Cache_Control="max-age=60")
    office.on.clock.seconds += 50
    next_one = said(office, path, Cache_Control="only-if-cached, max-age=60")

    assert (road_of(late), late.body["meta"]["upstream_calls"]) == ("live", 1)
    assert (road_of(next_one), next_one.body["name"]["first"]) == ("mirror", "Renamed")


@pytest.mark.parametrize("path", ["/practices", "/practices/{id}/sync"])
def test_what_is_no_health_data_is_shown_again_only_after_asking_too(path: str) -> None:
    with deployed(scopes=("*:read",)) as d:
        headers = d.get(path.format(id=d.practice_id)).headers

    assert (headers["Cache-Control"], headers["Vary"]) == ("private, no-cache", "Authorization")


def test_an_error_is_kept_by_nobody(office: Deployment) -> None:
    """404 may be kept for a while by caches that are told nothing (RFC 9110, section 15.1)."""
    headers = office.get(f"/patients/{office.id_of('patient', 99_999)}").headers

    assert headers["Cache-Control"] == "no-store"
