"""What a process makes once and hands out from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Held(Generic[T]):
    """All ports of a process, made at their first use."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._held: T | None = None

    def __call__(self) -> T:
        """The one there is."""
        if self._held is None:
            self._held = self._make()
        return self._held

    def use(self, other: Any) -> Any:
        """Have `other` handed out from now on, and return what was; None: it is made anew. For tests and replays."""
        before, self._held = self._held, other
        return before
