"""The README's promises, tried on the one sandbox that these tests share."""

from __future__ import annotations

import re
from pathlib import Path

from infra.sandbox import flows, rare  # noqa: F401 (register its steps, and those of promises)
from infra.sandbox.box import Sandbox
from infra.sandbox.tour import STEPS, check, run_tour

README = Path(__file__).parents[2] / "README.md"


def test_every_promise_has_a_step_and_every_step_a_promise() -> None:
    assert len(check(README)) == len(STEPS) >= 20


def test_the_readme_names_the_two_commands_once() -> None:
    commands = re.findall(r"^pip install uv && uv run (\w+)$", README.read_text(), re.MULTILINE)

    assert commands == ["sandbox", "pytest"]


def test_every_promise_of_the_readme_behaves(box: Sandbox) -> None:
    said: list[str] = []

    failed = run_tour(box, README, say=lambda line: said.append(str(line)))

    assert not failed, "\n".join(said)
