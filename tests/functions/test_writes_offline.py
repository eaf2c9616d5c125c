"""Writes to a practice that is known to be offline, through handler, ledger and worker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.deployment import CLIENT, Answered, Deployment, deployed


@pytest.fixture
def office() -> Iterator[Deployment]:
    with deployed(scopes=("*:read", "communications:write")) as deployment:
        deployment.read_up()
        yield deployment


def note(office: Deployment) -> tuple[Answered, float]:
    """An entry, and how many seconds its answer took."""
    before = office.on.clock.now()
    body: dict[str, Any] = {"patient_id": office.id_of("patient", 1), "note": "asked to be called back"}
    answer = office.post("/communications", {**body, "mode": "phone", "direction": "received"})
    return answer, (office.on.clock.now() - before).total_seconds()


def test_a_write_to_a_practice_that_is_offline_is_not_waited_for_and_made_when_it_is_back(office: Deployment) -> None:
    office.simulated.settings.offline = True
    found_out, _ = note(office)
    answer, took_s = note(office)

    assert (found_out.status, answer.status, answer.body["state"]) == (202, 202, "queued")
    assert took_s < 1
    shown = office.get(f"/operations/{answer.body['id']}").body
    assert shown["queue_position"] >= 1
    assert shown["eta_at"] > f"{office.on.clock.now():%Y-%m-%dT%H:%M:%S}Z"
    office.simulated.settings.offline = False
    assert office.settled(answer)["state"] == "succeeded"


def test_the_write_that_finds_a_practice_offline_is_not_waited_for_any_longer(office: Deployment) -> None:
    office.simulated.settings.offline = True
    answer, took_s = note(office)

    assert (answer.status, answer.body["state"]) == (202, "queued")
    assert took_s < 3


@pytest.mark.parametrize("lost", ["client", "practice", "nothing"])
def test_what_a_client_left_that_was_revoked_meanwhile_is_not_written_when_the_practice_is_back(
    office: Deployment, lost: str
) -> None:
    """Whoever stole a key may have left writes for days."""
    office.simulated.settings.offline = True
    found_out, _ = note(office)
    answer, _ = note(office)
    entries = len(office.rows("commlog"))
    if lost == "client":
        office.on.callers.revoke_client(CLIENT, office.on.clock.now())
    if lost == "practice":
        office.on.callers.take(CLIENT, practices=[office.practice_id])
    office.simulated.settings.offline = False
    office.on.world.run(3600.0)

    states = {office.on.operations.get(one.body["id"]).state.value for one in (found_out, answer)}
    assert len(office.rows("commlog")) - entries == (2 if lost == "nothing" else 0)
    assert states == ({"succeeded"} if lost == "nothing" else {"failed"})
