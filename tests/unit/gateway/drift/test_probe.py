"""A look at a practice: what is found, what it changes, and that it is told once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from gateway.core import pacing
from gateway.core.drift import probe
from gateway.core.drift.changes import changes_between
from gateway.core.drift.learning import CAPABILITIES
from gateway.core.events.facts import PRACTICE
from gateway.core.mirror.syncing import Phase
from gateway.core.practices import Tier
from gateway.core.queries.statement import PERMISSION
from tests.fakes.deployment import ALL_PERMISSIONS, Deployment
from tests.fakes.mirrored_office import mirrored_office
from tests.fakes.services import Life

DAY = timedelta(days=1).total_seconds()
PROBE = ["securityperms.list", "preferences.list", "clinics.list", "definitions.list"]


FULL = ALL_PERMISSIONS | {"Enterprise"}


@contextmanager
def looked_at() -> Iterator[Deployment]:
    """A practice that has been looked at once, and was as it was known to be."""
    with mirrored_office("--patients", "5", queries=True) as office:
        deployment = office.d
        deployment.know(permissions=FULL)
        deployment.get("/providers")
        deployment.on.world.run(probe.FIRST.total_seconds() + 90)
        deployment.upstream_calls.clear()
        yield deployment


@pytest.fixture
def d() -> Iterator[Deployment]:
    with looked_at() as deployment:
        yield deployment


def look(d: Deployment) -> None:
    """Have it looked at now."""
    now = d.on.clock.now().timestamp()
    d.on.pace.update(d.practice_id, lambda item: (pacing.probe_due(item, now), None))
    d.on.world.run(150)


def contents(d: Deployment) -> list[dict[str, Any]]:
    return [dict(one[3]) for one in d.on.facts.changes if one[1:3] == (PRACTICE, CAPABILITIES)]


def news(d: Deployment) -> list[str]:
    """The codes of all changes that were told, in order."""
    told = contents(d)
    return [one.code for was, now in pairwise(told) for one in changes_between(was, now)]


def test_a_practice_that_was_called_once_is_looked_at_within_the_hour_and_then_once_a_day(d: Deployment) -> None:
    assert d.on.drifts.load(d.practice_id).looked_at is not None
    assert news(d) == []

    d.on.world.run(3 * DAY)
    assert d.upstream_calls.count("securityperms.list") == 3
    assert set(d.upstream_calls) == set(PROBE)
    assert news(d) == []


def test_a_permission_that_is_lost_is_told_once_and_refused_from_then_on_without_a_call(d: Deployment) -> None:
    d.simulated.change({"permissions": sorted(ALL_PERMISSIONS - {"Payments"})})
    d.on.world.run(3 * DAY)

    assert news(d) == ["permission-lost"]
    assert "Payments" not in d.on.practices.get(d.practice_id).permissions
    (change,) = changes_between(*contents(d)[-2:])
    assert "entering patients' payments" in change.explanation
    assert "35 USD" in change.explanation


def test_what_was_lost_is_known_until_it_is_back(d: Deployment) -> None:
    """An event is told once; whoever asks how the practice is weeks later has to see it as well."""

    def lost() -> Any:
        return d.on.drifts.load(d.practice_id).parts.get("lost")

    d.simulated.change({"permissions": sorted(ALL_PERMISSIONS - {"Payments"})})
    look(d)
    look(d)
    assert lost()["permissions"] == ["Payments"]

    d.simulated.change({"permissions": sorted(ALL_PERMISSIONS)})
    look(d)
    assert lost()["permissions"] == []


def test_a_version_that_was_taken_back_is_known_until_it_is_as_new_again(d: Deployment) -> None:
    was = d.on.practices.get(d.practice_id).version
    for version in ("24.1.1", "24.1.2"):
        d.simulated.change({"version": version})
        look(d)
        assert d.on.drifts.load(d.practice_id).parts["lost"]["version"] == was
    d.simulated.change({"version": "99.1.0"})
    look(d)

    assert d.on.drifts.load(d.practice_id).parts["lost"]["version"] is None


def test_an_answer_that_the_known_permissions_do_not_explain_makes_it_looked_at_within_a_minute(d: Deployment) -> None:
    d.simulated.change({"permissions": sorted(ALL_PERMISSIONS - {"Comm"})})
    d.on.clock.seconds += pacing.PROBE_AGAIN_S
    d.grant("communications:write", "*:read")
    contact = {"patient_id": d.id_of("patient", 1), "mode": "phone", "direction": "received", "note": "Called."}
    refused = d.post("/communications", contact)
    d.on.world.run(61)

    assert (refused.status, refused.body["code"]) == (403, "permission-missing")
    assert news(d) == ["permission-lost"]


def test_answers_that_stay_unexplained_do_not_make_it_looked_at_all_the_time(d: Deployment) -> None:
    for _ in range(30):
        d.faulty("status", "providers.list", status=401)
        d.send("GET", "/providers", headers={"Cache-Control": "no-cache"})
        d.on.world.run(60)

    # One look takes one; whoever is refused without a word asks once, too.
    assert d.upstream_calls.count("definitions.list") <= 1 + 1800 / pacing.PROBE_AGAIN_S


def test_an_office_that_is_updated_while_it_is_away_is_known_to_be_once_it_answers(d: Deployment) -> None:
    d.faulty("offline", "*", count=None)
    d.send("GET", "/providers", headers={"Cache-Control": "no-cache"})
    d.simulated.change({"version": "25.4.2"})
    d.on.world.run(200)
    d.simulated.faults.clear()
    d.on.world.run(130)

    assert d.on.practices.get(d.practice_id).version == "25.4.2"
    assert news(d) == ["version-changed"]


def test_so_it_is_where_somebodys_own_request_is_the_first_that_it_answers(d: Deployment) -> None:
    d.on.pace.update(d.practice_id, lambda item: (pacing.probed(item, d.on.clock.now().timestamp(), 9e9), None))
    d.faulty("offline", "*")
    assert d.send("GET", "/providers", headers={"Cache-Control": "no-cache"}).status == 503
    d.simulated.change({"version": "25.4.2"})
    d.on.clock.seconds += pacing.OFFLINE_PROBE_S
    assert d.send("GET", "/providers", headers={"Cache-Control": "no-cache"}).status == 200
    d.on.world.run(1)

    assert d.on.practices.get(d.practice_id).version == "25.4.2"


@pytest.mark.parametrize(("to", "tier", "floor_s"), [("standard", Tier.STANDARD, 1.0), ("read", Tier.READ_ONLY, 5.0)])
def test_a_tier_acts_on_the_next_call_in_both_directions(to: str, tier: Tier, floor_s: float) -> None:
    with looked_at() as d:
        d.simulated.change({"tier": to, "permissions": sorted(ALL_PERMISSIONS if to == "standard" else {"ReadAll"})})
        look(d)
        practice = d.on.practices.get(d.practice_id)
        d.send("GET", "/locations", headers={"Cache-Control": "no-cache"})
        key = d.on.pace.load(d.practice_id).keys[practice.key_fingerprint]
        assert (practice.tier, key.floor_s, key.interval_s) == (tier, floor_s, floor_s)
        assert practice.page_limit == 100

        d.simulated.change({"tier": "enterprise", "permissions": sorted(ALL_PERMISSIONS)})
        look(d)
        assert d.on.practices.get(d.practice_id).tier is Tier.ENTERPRISE
        assert news(d).count("tier-changed") == 2
        assert news(d).count("page-limit-changed") == 2


def test_changed_definitions_are_told_by_category_and_a_new_clinic_by_count(d: Deployment) -> None:
    store = d.simulated.office.store
    number = store.rows("SELECT DefNum FROM definition WHERE Category = 21 OR 1 = 1 LIMIT 1")[0]["DefNum"]
    store.update("definition", number, {"ItemName": "Quite another word"})
    store.insert("clinic", {"Description": "North", "Abbr": "N"})
    d.on.world.run(2 * DAY)

    assert sorted(news(d)) == ["clinics-changed", "definitions-changed"]
    told = str([one.explanation for one in changes_between(*contents(d)[-2:])])
    assert "Quite another" not in told
    assert "North" not in told


def test_pauses_that_open_dental_asks_for_over_an_hour_are_told_and_that_they_are_over(d: Deployment) -> None:
    for _ in range(65):
        d.faulty("429", "providers.list", retry_after=1)
        d.send("GET", "/providers", headers={"Cache-Control": "no-cache"})
        d.on.world.run(60)
    look(d)
    assert news(d) == ["held-back"]

    for _ in range(400):
        d.send("GET", "/providers", headers={"Cache-Control": "no-cache"})
    d.on.world.run(DAY)
    assert news(d) == ["held-back", "pace-recovered"]


def test_a_look_that_gets_no_answer_is_made_again_later_and_later_and_changes_nothing(d: Deployment) -> None:
    was = d.on.practices.get(d.practice_id)
    for name in PROBE:
        d.faulty("unexpected", name, count=None)
    d.on.world.run(DAY + 6 * 3600)

    assert d.on.drifts.load(d.practice_id).failures
    assert d.upstream_calls.count("securityperms.list") < 40
    assert d.on.practices.get(d.practice_id) == was
    assert news(d) == []


@pytest.mark.parametrize("step", range(34, 86))
def test_a_worker_that_dies_at_any_line_of_a_look_tells_each_change_once(step: int) -> None:
    with looked_at() as d:
        d.simulated.change({"permissions": sorted(ALL_PERMISSIONS - {"Payments"}), "version": "25.4.2"})
        life = Life(step)
        d.on.clock.seconds += DAY
        # Whichever process is at work when the step comes dies, and all after it live.
        d.on.world.next_life = lambda: None if life.dead else life
        d.on.world.run(3600)

        assert news(d) == ["version-changed", "permission-lost"]
        assert "Payments" in d.on.drifts.load(d.practice_id).parts["lost"]["permissions"]
        assert d.on.practices.get(d.practice_id).version == "25.4.2"


def test_a_mirror_whose_key_loses_queries_is_followed_by_lists() -> None:
    with mirrored_office("--patients", "4", queries=True) as office:
        office.load()
        office.d.simulated.change({"permissions": sorted(ALL_PERMISSIONS - {PERMISSION})})
        office.run(300)

        assert PERMISSION not in office.on.practices.get(office.id).permissions
        office.d.upstream_calls.clear()
        office.run(300)
        assert "queries.ShortQuery" not in office.d.upstream_calls
        assert "appointments.list" in office.d.upstream_calls
        assert office.state("appointments").phase is Phase.LOADED


def test_where_a_mirror_has_clinics_and_definitions_no_call_is_made_for_them_and_nothing_looks_changed() -> None:
    with mirrored_office("--patients", "4") as office:
        office.d.know(permissions=FULL - {PERMISSION})
        look(office.d)
        called = office.on.drifts.load(office.id).parts
        office.load()
        office.d.upstream_calls.clear()
        look(office.d)

        assert office.d.upstream_calls.count("securityperms.list") == 1
        assert not {"clinics.list", "definitions.list"} & set(office.d.upstream_calls)
        assert called["definitions"]
        assert office.on.drifts.load(office.id).parts["definitions"] == called["definitions"]
        assert office.on.drifts.load(office.id).parts["clinics"] == called["clinics"]


def test_somebody_who_waits_goes_first_and_what_was_found_is_not_asked_for_again(d: Deployment) -> None:
    was_called: list[str] = []

    def on_call(operation: str) -> None:
        was_called.append(operation)
        if operation == "preferences.list" and "carriers.list" not in was_called:
            d.send("GET", "/carriers", headers={"Cache-Control": "no-cache", "Prefer": "respond-async"})

    d.before_call = on_call
    d.on.world.run(DAY)

    assert [one for one in was_called if one in {*PROBE, "carriers.list"}][:4] == [
        "securityperms.list", "preferences.list", "carriers.list", "clinics.list",
    ]  # fmt: skip
    assert was_called.count("securityperms.list") == 1
