"""Lists the documented operations that this practice does not simulate: `python -m infra.sandbox.practice.coverage`."""

from __future__ import annotations

from infra.sandbox.practice import behaviours, facts, short_query
from infra.sandbox.practice.generic import is_simulated

# Importing them registers what they simulate.
_REGISTERED = (behaviours, short_query)


def missing() -> list[str]:
    """Ids of operations that answer "not part of this simulated practice", in the catalogue's order."""
    return [operation.id for operation in facts.operations().values() if not is_simulated(operation)]


if __name__ == "__main__":
    print("\n".join(missing()))
