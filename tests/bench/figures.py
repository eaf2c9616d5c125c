"""A figure, its goal, and how both are shown."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import cpu_count
from typing import Any, Literal

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound that a figure has to keep; the bound itself is kept."""

    kind: Literal["at most", "at least"]
    bound: float

    def met_by(self, value: float) -> bool:
        """Whether `value` keeps it. A value that is no number keeps nothing."""
        return value <= self.bound if self.kind == "at most" else value >= self.bound

    def text(self, unit: str) -> str:
        """As it stands in the table's brackets."""
        sign = "≤" if self.kind == "at most" else "≥"
        return f"[{shown(self.bound, unit)}]" if self == NONE else f"[{sign} {shown(self.bound, unit)}]"


def at_most(bound: float) -> Goal:
    """Good when small."""
    return Goal("at most", bound)


def at_least(bound: float) -> Goal:
    """Good when large."""
    return Goal("at least", bound)


NONE = at_most(0.0)
"""For what must not happen at all."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one section. `unit` is "" for a count, "%" (the value is then a share of 1), "x", "s", "ms", "/s".

    A figure without a goal stands beside one that has one, for comparison. `beside` says in words what it was
    measured against or how.
    """

    section: str
    name: str
    value: float
    unit: str = ""
    goal: Goal | None = None
    beside: str = ""

    @property
    def verdict(self) -> str:
        """`ok`, `missed`, or nothing where there is no goal."""
        if self.goal is None:
            return ""
        return "ok" if self.goal.met_by(self.value) else "missed"

    def json(self) -> dict[str, Any]:
        """As `--json` writes it."""
        goal = None if self.goal is None else {"kind": self.goal.kind, "bound": self.goal.bound}
        return {
            "section": self.section,
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "goal": goal,
            "verdict": self.verdict or None,
            "beside": self.beside,
        }


@dataclass(slots=True)
class Report:
    """What a run found. `failures` are sections that ended without figures, with the reason."""

    quick: bool
    figures: list[Figure] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether every section ran and every goal was met."""
        return not self.failures and all(figure.verdict != "missed" for figure in self.figures)

    def text(self) -> str:
        """Everything as a table, with one line of what it was measured on."""
        lines = table(self.figures)
        lines += [f"{section}: failed: {reason}" for section, reason in self.failures.items()]
        missed = sum(figure.verdict == "missed" for figure in self.figures)
        met = sum(figure.verdict == "ok" for figure in self.figures)
        lines.append(f"{met} goals met, {missed} missed, {len(self.failures)} sections failed; {machine()}")
        return "\n".join(lines)

    def json(self) -> str:
        """Everything as JSON."""
        content = {
            "quick": self.quick,
            "good": self.good,
            "machine": machine(),
            "figures": [figure.json() for figure in self.figures],
            "failures": self.failures,
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def machine() -> str:
    """What the figures were measured on; ratios within one run carry over, seconds do not."""
    return f"Python {platform.python_version()}, {cpu_count()} cores, {platform.machine()}"


def shown(value: float, unit: str) -> str:
    """A number as a person reads it."""
    if unit == "%":
        return f"{100 * value:.1f} %"
    if unit == "x":
        return f"{value:.2f} x"
    if unit == "/s":
        return f"{value:,.2f}/s" if value < 100 else f"{value:,.0f}/s"
    text = f"{value:,.0f}" if value == int(value) else f"{value:.3g}"
    return f"{text} {unit}".strip()


def table(figures: Iterable[Figure]) -> list[str]:
    """Lines of equal columns: name, value, goal, verdict, what it was measured beside; a heading for each section."""
    cells = [
        (
            figure.section,
            f"  {figure.name}",
            shown(figure.value, figure.unit),
            figure.goal.text(figure.unit) if figure.goal else "",
            figure.verdict,
            figure.beside,
        )
        for figure in figures
    ]
    widths = [max((len(row[column]) for row in cells), default=0) for column in range(6)]
    lines: list[str] = []
    section = ""
    for row in cells:
        if row[0] != section:
            section = row[0]
            lines.append(section)
        name, value, goal, verdict, beside = (
            row[1].ljust(widths[1]),
            row[2].rjust(widths[2]),
            row[3].ljust(widths[3]),
            row[4].ljust(widths[4]),
            row[5],
        )
        lines.append(f"{name}  {value}  {goal}  {verdict}  {beside}".rstrip())
    return lines


def median_of_rounds(rounds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The median of each column of interleaved rounds."""
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def median_ratio(rounds: Sequence[Mapping[str, float]], above: str, below: str) -> float:
    """The median of the ratios within each round: noise that slows a whole round leaves it alone."""
    return statistics.median(one[above] / one[below] for one in rounds)
