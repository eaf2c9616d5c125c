"""What may be done at a practice when it is connected, the measure of all later changes."""

from __future__ import annotations

from gateway.core.connect import settle
from gateway.core.drift.learning import CAPABILITIES
from gateway.core.events.facts import PRACTICE
from gateway.core.plans import Outcome
from gateway.core.ports import Keys
from gateway.core.practices import Practice
from tests.fakes.deployment import IDS, deployed


def test_a_practice_that_is_connected_is_the_measure_of_later_changes_and_no_news() -> None:
    with deployed() as d:
        practice = Practice(IDS[2], "Oak Dental", "America/Chicago", key_fingerprint="c" * 32, state="pending")
        d.on.practices.put(practice)
        d.on.vault.put_pending(practice.id, Keys(developer="dev", customer="cust"))
        body = {"permissions": ["ReadAll"], "tier": "read_only", "version": "25.3.1.0"}
        for _ in range(2):
            settle(Outcome(body=body), practice, d.on)

        assert [dict(one[3]) for one in d.on.facts.changes if one[1:3] == (PRACTICE, CAPABILITIES)] == [body]
