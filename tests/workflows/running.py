"""A machine over a deployment: its one function is Python that is told of the deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra.catalogue import MACHINES
from tests.fakes.deployment import Deployment
from tests.fakes.machine import Ended, run_machine


def run_with(
    d: Deployment,
    name: str,
    input_: Mapping[str, Any],
    function: Callable[[Deployment, dict[str, Any]], Any],
    *,
    waits: Callable[[float], None] = lambda _: None,
) -> Ended:
    """Run the machine to its end."""
    (row,) = (one for one in MACHINES if one.name == name)
    (called,) = row.calls
    return run_machine(name, input_, {called: lambda event: function(d, event)}, waits=waits)
