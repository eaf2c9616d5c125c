"""Background work and the people who ask meanwhile."""

from __future__ import annotations

import pytest

from gateway.core import pacing
from gateway.core.practices import Tier
from tests.bench.interactive import wait_s


@pytest.mark.parametrize("seed", range(8))
def test_a_question_at_any_moment_of_a_background_run_waits_at_most_a_slot_and_an_execution(seed: int) -> None:
    """Also one that comes while the next background call waits for its slot: the slot is handed on."""
    waited = wait_s(tier=Tier.STANDARD, execution_s=0.3, seed=seed)

    assert waited is not None
    assert waited <= 1.0 + pacing.GUARD_S + 0.3
