"""The diagrams of `README.md`, made of the definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.catalogue import MACHINES
from infra.parts.machine import WORKFLOWS, definition_of

README: Final = WORKFLOWS / "README.md"
_SIGNS: Final = {
    "NumericGreaterThan": "above",
    "NumericLessThan": "below",
    "NumericGreaterThanEquals": "at least",
    "NumericLessThanEquals": "at most",
}
_AFTER: Final = re.compile(r"(Again|Ended|Lost|Failed)$")


def diagram_of(definition: Mapping[str, Any]) -> str:
    """A machine as a Mermaid flowchart. What follows every step in the same way (a wait and another try, the look at
    its outcome) is folded into it, so that the chart shows what a person would draw."""
    lines = ["```mermaid", "flowchart TD"]
    lines += _part(definition, "", "    ")
    return "\n".join([*lines, "```"])


def _part(part: Mapping[str, Any], prefix: str, indent: str) -> Iterator[str]:
    states: Mapping[str, Mapping[str, Any]] = part["States"]

    def shown(name: str) -> str:
        base = _AFTER.sub("", name)
        return base if base != name and base in states else name

    yield f"{indent}{prefix}start([start]) --> {prefix}{shown(part['StartAt'])}"
    edges: dict[tuple[str, str], list[str]] = {}
    for name, state in states.items():
        here = shown(name)
        if here == name:
            yield f"{indent}{prefix}{name}{_box(name, state)}"
        for target, label in _ways(state):
            there = shown(target)
            if there != here or (shown(target) == target == name):
                edges.setdefault((here, there), []).append(label or ("failed" if name.endswith("Failed") else ""))
        for inner in (state.get("ItemProcessor"), state.get("Iterator"), *state.get("Branches", [])):
            if inner:
                yield f"{indent}subgraph {prefix}{name}_each [each of {name}]"
                yield from _part(inner, f"{prefix}{name}_", indent + "    ")
                yield f"{indent}end"
                yield f"{indent}{prefix}{name} -.-> {prefix}{name}_each"
    for (here, there), labels in edges.items():
        said = sorted({label for label in labels if label})
        arrow = f" -- {', '.join(said)} --> " if said else " --> "
        yield f"{indent}{prefix}{here}{arrow}{prefix}{there}"


def _box(name: str, state: Mapping[str, Any]) -> str:
    match state["Type"]:
        case "Choice":
            return f"{{{name}}}"
        case "Fail":
            return f"([{name}])"
        case "Succeed":
            return f"([{name}])"
        case "Task":
            payload = state.get("Parameters", {}).get("Payload", {})
            called = state.get("Parameters", {}).get("FunctionName", "")
            resource = state["Resource"].rpartition(":")[2]
            does = payload.get("do") or called.removeprefix("${").removesuffix("}") or resource
            return f'["{name}<br/>{does}"]'
        case "Wait":
            return f"[/{name}/]"
        case _:
            return f"[{name}]"


def _ways(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "Next" in state:
        yield state["Next"], ""
    for one in state.get("Choices", []):
        yield one["Next"], _said(one)
    if "Default" in state:
        yield state["Default"], "else" if state.get("Choices") else ""
    for one in state.get("Catch", []):
        yield one["Next"], "lost"


def _said(rule: Mapping[str, Any]) -> str:
    rules = rule.get("And", [rule])
    words = []
    for one in rules:
        if "Variable" not in one:
            continue
        (compared, value), *_ = ((name, value) for name, value in one.items() if name not in {"Variable", "Next"})
        field, sign = one["Variable"].rpartition(".")[2], _SIGNS.get(compared, "is")
        words.append(str(value) if field in {"outcome", "code"} else f"{field} {sign} {value}".lower())
    return " ".join(words)


def page_of(name: str) -> str:
    """What the README says of a machine: from its heading to the next."""
    _, _, rest = README.read_text().partition(f"\n## {name}\n")
    return rest.partition("\n## ")[0]


def renewed(text: str) -> str:
    """The README with every diagram made anew."""
    for one in MACHINES:
        pattern = re.compile(rf"(\n## {one.name}\n.*?)```mermaid\n.*?\n```", re.DOTALL)
        drawn = diagram_of(definition_of(one.name))
        text = pattern.sub(lambda found, drawn=drawn: found[1] + drawn, text, count=1)  # type: ignore[misc]
    return text
