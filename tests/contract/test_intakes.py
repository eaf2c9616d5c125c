"""What was decided of patients' forms: the fake and the table keep one contract."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.adapters.intakes import DynamoIntakes
from gateway.core.ids import new_id
from gateway.core.intake.records import Decision, Intakes, State, Superseded
from tests.contract.conftest import make_table
from tests.fakes.intakes import FakeIntakes

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ELM, OAK = (new_id("practice") for _ in range(2))


@pytest.fixture(params=["fake", "dynamodb"])
def intakes(request: pytest.FixtureRequest) -> Intakes:
    if request.param == "fake":
        return FakeIntakes()
    request.getfixturevalue("aws")
    return DynamoIntakes(make_table("intakes", due=False), table="intakes")


def test_what_was_decided_is_read_back_and_the_rest_is_open(intakes: Intakes) -> None:
    approved = Decision(ELM, 7, State.APPROVING, "u-1", "cli_ada", NOON, ("emails", "name.last"), "opn_x", "f" * 32)
    stored = intakes.put(approved)

    assert stored == replace(approved, rev=1)
    assert intakes.get(ELM, [9, 7]) == {7: stored, 9: Decision(ELM, 9)}
    assert intakes.get(OAK, [7]) == {7: Decision(OAK, 7)}, "equal keys of two practices"
    assert intakes.get(ELM, []) == {}


def test_more_than_one_read_holds_are_all_found(intakes: Intakes) -> None:
    for number in range(1, 131):
        intakes.put(Decision(ELM, number, State.DISMISSED))

    assert {one.rev for one in intakes.get(ELM, range(1, 131)).values()} == {1}


def test_of_many_who_decide_at_once_one_does(intakes: Intakes) -> None:
    first = intakes.put(Decision(ELM, 2**62, State.DISMISSED, "u-1"))

    def decide(who: int) -> bool:
        try:
            intakes.put(replace(first, by=f"u-{who}"))
        except Superseded:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(decide, range(4))) == 1
    with pytest.raises(Superseded):
        intakes.put(Decision(ELM, 2**62, State.DISMISSED))
