"""The workflows that a client can start: what it says to do so, and the scopes that the steps use.

A machine that only events and clocks start has no row here; its runs are shown all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

from pydantic import Field

from gateway.core.reconciliation.stepping import ReconcileInput
from gateway.core.workflows.book import BookInput, sealed_booking

RunInput: TypeAlias = Annotated[BookInput | ReconcileInput, Field(discriminator="workflow")]
"""The body of `POST /workflow_runs`; `workflow` says which. More of them make a union with that for discriminator."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """`name` is its machine's. `scopes` are asked of whoever starts it; each step asks for its own again.

    `sealed` makes of the input what steps add to their requests (`input_from`, `query_from`); the machine's own input
    is what `thin` leaves of the same.
    """

    name: str
    says: str
    scopes: tuple[str, ...]
    sealed: Callable[[Any], Mapping[str, Any]]


WORKFLOWS: Final[Mapping[str, Workflow]] = {
    one.name: one
    for one in (
        Workflow(
            name="book",
            says="Finds or adds a patient, finds a free time, keeps and books it, confirms, and logs the contact.",
            scopes=("patients:read", "slots:read", "appointments:write"),
            sealed=sealed_booking,
        ),
        Workflow(
            name="reconcile",
            says="Looks for what does not add up in a practice's money, and keeps what it finds.",
            scopes=("reconciliation:read",),
            sealed=lambda _: {},
        ),
    )
}
