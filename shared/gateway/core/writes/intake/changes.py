"""What a PATCH may hold: only what is named changes, and null empties a field where Open Dental can empty it."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import model_validator

from gateway.core.inputs import broken_rule
from gateway.core.writes.models import Input


class Change(Input):
    """A PATCH body, or a part of one. Every field may be left out; `kept` are those that null cannot empty."""

    kept: ClassVar[frozenset[str]] = frozenset()
    settings: ClassVar[frozenset[str]] = frozenset()
    """Fields that say how and not what: on their own they change nothing."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        emptied = sorted(name for name in self.model_fields_set & self.kept if getattr(self, name) is None)
        if emptied:
            raise broken_rule(emptied[0], f"{emptied[0]} cannot be emptied in Open Dental; leave it out to keep it")
        if not self.model_fields_set - self.settings:
            raise broken_rule("body", "the body names nothing to change")
        return self

    def names(self, *fields: str) -> bool:
        """Whether one of these is in the body."""
        return not self.model_fields_set.isdisjoint(fields)

    def named(self) -> dict[str, Any]:
        """The fields in the body, with their values."""
        return {name: getattr(self, name) for name in self.model_fields_set}
