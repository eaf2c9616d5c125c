"""What may be done at a practice, learned on the way and told where it changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gateway.core.connect import settle
from gateway.core.events.facts import PRACTICE
from gateway.core.plans import Outcome
from gateway.core.ports import Keys
from gateway.core.practices import Practice, Tier
from tests.fakes.deployment import ALL_PERMISSIONS, IDS, Deployment, deployed
from tests.fakes.mirrored_office import mirrored_office

READ = [{"Permission": "ApiReadAll", "HasPermission": "true"}]


def told(d: Deployment) -> list[dict[str, Any]]:
    return [dict(one[3]) for one in d.on.facts.changes if one[1:3] == (PRACTICE, CAPABILITIES)]


def test_an_office_whose_key_lost_a_permission_while_it_was_away_is_told_to_have() -> None:
    with mirrored_office("--patients", "5") as office:
        office.load()
        office.d.faulty("offline", "*", count=None)
        office.run(300)
        kept = sorted(office.d.simulated.key.permissions - {"Payments"})
        office.d.simulated.change({"permissions": kept})
        office.d.simulated.faults.clear()
        office.run(300)

        first, second = told(office.d)
        assert set(first["permissions"]) - set(second["permissions"]) == {"Payments"}
        assert office.on.practices.get(office.id).permissions == frozenset(kept) | {"Enterprise"}
        office.run(3600)
        assert len(told(office.d)) == 2


def test_an_answer_that_says_the_same_or_nothing_changes_nothing() -> None:
    with deployed() as d:
        practice = d.on.practices.get(d.practice_id)
        every = [{"Permission": f"Api{one}", "HasPermission": "true"} for one in sorted(ALL_PERMISSIONS)]
        for rows in (every, [], [{"Permission": "ApiReadAll", "HasPermission": "false"}]):
            assert learn(rows, practice, d.on) == practice
        for other in (replace(practice, state="disabled"), replace(practice, upstream="fhir")):
            assert learn(READ, other, d.on) == other

        assert told(d) == []


def test_what_is_learned_does_not_undo_what_was_said_meanwhile() -> None:
    with deployed() as d:
        seen = d.on.practices.get(d.practice_id)
        d.know(time_zone="America/Denver")
        learned = learn(READ, seen, d.on)

        assert (learned.time_zone, learned.permissions, learned.tier) == (
            "America/Denver",
            frozenset({"ReadAll"}),
            Tier.READ_ONLY,
        )
        assert d.on.practices.get(d.practice_id) == learned


def test_a_practice_that_is_connected_is_the_measure_of_later_changes_and_no_news() -> None:
    with deployed() as d:
        practice = Practice(IDS[2], "Oak Dental", "America/Chicago", key_fingerprint="c" * 32, state="pending")
        d.on.practices.put(practice)
        d.on.vault.put_pending(practice.id, Keys(developer="dev", customer="cust"))
        body = {"permissions": ["ReadAll"], "tier": "read_only", "version": "25.3.1.0"}
        for _ in range(2):
            settle(Outcome(body=body), practice, d.on)

        assert told(d) == [body]
