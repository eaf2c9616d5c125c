"""Own writes and the mirror where the worker dies at any step, or a service of ours stumbles there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.deployment import Deployment, deployed
from tests.fakes.mirroring import mirror
from tests.fakes.services import Life


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    """One practice for all deaths: each leaves it settled."""
    with deployed("--patients", "12", scopes=("*:read", "patients:write")) as d:
        d.read_up()
        mirror(d)
        yield d


def _lives(fate: str, step: int) -> Life:
    return Life(left=step) if fate == "dies" else Life(stumbles=frozenset({step}))


@pytest.mark.parametrize("fate", ["dies", "stumbles"])
def test_whoever_learns_that_a_write_settled_reads_it_wherever_the_worker_was_cut_off(
    fate: str, office: Deployment
) -> None:
    """An answer from before an own write, with the age of after it, books a visit twice."""
    path = f"/patients/{office.id_of('patient', 3)}"
    cut = stale = mirrored = 0
    for step in range(1, 75):
        lives = [_lives(fate, step)]
        crashes = office.on.world.crashes
        office.on.world.next_life = lambda lives=lives: lives.pop() if lives else None  # type: ignore[misc]
        number = f"M{fate[0]}{step}"

        settled = office.settled(office.patch(path, {"medicaid_id": number}), seconds=400)

        office.on.world.next_life = lambda: None
        assert settled["state"] == "succeeded", settled
        cut += office.on.world.crashes > crashes
        got = office.send("GET", path, headers={"Cache-Control": "max-age=999999"}).body
        stale += got["medicaid_id"] != number
        mirrored += got["meta"]["served_from"] == "mirror"

    assert stale == 0
    assert cut > 20 or fate == "stumbles"
    assert mirrored > 0
