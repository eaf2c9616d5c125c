"""Bad days on demand: what to do to the next matching calls."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

FaultKind = Literal[
    "drop_answer", "lose_request", "offline", "slow", "html", "half_json", "empty", "status", "429", "unexpected"
]
# The work is done, and the answer spoiled on its way back.
AFTER_WORK: frozenset[str] = frozenset({"drop_answer", "half_json", "empty", "html"})


@dataclass(slots=True)
class Fault:
    """One rule. `match` is an operation id, a resource ("patients.*"), "*", or an event ("event.Patient", "event.*").

    `after` calls pass before it acts. `count` None means until it is taken away. `work` tells whether the call is
    carried out; each kind has its own default.
    """

    id: int
    kind: FaultKind
    match: str = "*"
    count: int | None = 1
    probability: float = 1.0
    after: int = 0
    seconds: float = 0.0
    retry_after: int = 5
    status: int = 500
    text: str = ""
    work: bool | None = None
    hits: int = 0

    @property
    def works(self) -> bool:
        """Whether the call is carried out all the same."""
        return self.kind in AFTER_WORK | {"slow"} if self.work is None else self.work

    def matches(self, operation: str) -> bool:
        # Calls that the office makes are spoiled by name only: "*" means those that it gets.
        if self.match == "*":
            return not operation.startswith("event.")
        return self.match == operation or (self.match.endswith(".*") and operation.startswith(self.match[:-1]))


class Faults:
    """The rules in force; the first that matches acts."""

    def __init__(self, *, seed: int = 1) -> None:
        self._lock = threading.Lock()
        self._rules: list[Fault] = []
        self._next = 1
        self._random = random.Random(seed)

    def add(self, told: Mapping[str, Any]) -> Fault:
        """Add a rule from its JSON form. Raises ValueError naming what is wrong."""
        names = {"kind", "match", "count", "probability", "after", "seconds", "retry_after", "status", "text", "work"}
        if unknown := told.keys() - names:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        if told.get("kind") not in get_args(FaultKind):
            raise ValueError(f"kind must be one of {', '.join(get_args(FaultKind))}")
        with self._lock:
            rule = Fault(id=self._next, **told)
            self._next += 1
            self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """Drop all rules."""
        with self._lock:
            self._rules.clear()

    def rules(self) -> list[Fault]:
        """The rules in force."""
        with self._lock:
            return list(self._rules)

    def next(self, operation: str) -> Fault | None:
        """The rule for this call, used up by one."""
        with self._lock:
            for rule in self._rules:
                if not rule.matches(operation):
                    continue
                if rule.after > 0:
                    rule.after -= 1
                    continue
                if rule.probability < 1.0 and self._random.random() >= rule.probability:
                    continue
                rule.hits += 1
                if rule.count is not None:
                    rule.count -= 1
                    if rule.count <= 0:
                        self._rules.remove(rule)
                return rule
        return None
