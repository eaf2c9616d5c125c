"""The machine of the export, as it is deployed, with a failure at each of its steps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.machine import Ended, run_machine

RUN = "exp_aaaaaaaaaaaaaaaa"


class Steps:
    """What the functions answer. `tries`: how often a practice is called until it is done; `dead`: what always dies."""

    def __init__(self, *practices: str, state: str = "published", tries: int = 2, dead: tuple[str, ...] = ()) -> None:
        self.practices, self.state, self.tries, self.dead = practices, state, tries, dead
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def run(self, input_: dict[str, Any]) -> Ended:
        names = ("prepare_export", "export_practice", "publish_export")
        return run_machine("export", input_, {name: self._asked(name) for name in names})

    def _asked(self, name: str) -> Any:
        def ask(event: dict[str, Any]) -> dict[str, Any]:
            self.asked.append((name, event))
            practice = event.get("practice_id", "")
            if name in self.dead or practice in self.dead:
                raise RuntimeError("ended by Lambda")
            if name == "prepare_export":
                return {"run_id": RUN if self.practices else None, "practices": list(self.practices)}
            if name == "export_practice":
                done = self.count(name, practice) >= self.tries
                return {"practice_id": practice, "done": done, "state": "done" if done else "running"}
            return {"run_id": RUN, "state": self.state, "practices": 1, "failed": 0, "rows": 1}

        return ask

    def count(self, name: str, practice: str = "") -> int:
        return sum(one == name and event.get("practice_id", "") == practice for one, event in self.asked)


def test_each_practice_is_called_until_it_is_done_and_then_the_run_is_published_once() -> None:
    steps = Steps("prac_a", "prac_b")

    ended = steps.run({"run_id": RUN})

    assert ended.status == "SUCCEEDED"
    assert steps.asked[0] == ("prepare_export", {"run_id": RUN})
    assert steps.asked[-1] == ("publish_export", {"run_id": RUN})
    assert [steps.count("export_practice", one) for one in ("prac_a", "prac_b")] == [2, 2]
    assert steps.count("publish_export") == 1


def test_the_clock_says_which_execution_it_is() -> None:
    steps = Steps("prac_a", tries=1)

    assert steps.run({"as": "cli_workflow"}).status == "SUCCEEDED"
    assert steps.asked[0] == ("prepare_export", {"scheduled": "one"})


def test_where_there_is_nothing_to_do_nothing_is_done() -> None:
    steps = Steps()

    assert steps.run({"as": "cli_workflow"}).status == "SUCCEEDED"
    assert [name for name, _ in steps.asked] == ["prepare_export"]


def test_a_practice_whose_step_always_dies_keeps_no_other_from_being_published() -> None:
    steps = Steps("prac_a", "prac_b", dead=("prac_a",))

    assert steps.run({"run_id": RUN}).status == "SUCCEEDED"
    assert steps.count("export_practice", "prac_a") == 7
    assert steps.count("publish_export") == 1


@pytest.mark.parametrize("dead", ["prepare_export", "publish_export"])
def test_a_run_that_cannot_be_prepared_or_published_is_lost_and_says_so(dead: str) -> None:
    ended = Steps("prac_a", dead=(dead,)).run({"run_id": RUN})

    assert (ended.status, ended.error) == ("FAILED", "step-lost")


def test_a_run_of_which_nothing_is_published_fails() -> None:
    ended = Steps("prac_a", state="failed").run({"run_id": RUN})

    assert (ended.status, ended.error) == ("FAILED", "nothing-published")
