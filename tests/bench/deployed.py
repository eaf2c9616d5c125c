"""The sandbox as this bench uses it: one practice, whose control endpoint counts what arrives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx

from gateway.adapters.practices import DynamoPractices
from gateway.core.ids import row_ids
from gateway.core.practices import Tier
from infra.sandbox.box import HOME, Connected, Options, Sandbox
from tests.bench.arrivals import Arrival
from tests.bench.figures import Say

INTERVAL_S = {Tier.ENTERPRISE: 0.5, Tier.STANDARD: 1.0, Tier.READ_ONLY: 5.0}


def variables(box: Sandbox, function: str) -> dict[str, str]:
    """The environment variables that CloudFormation gave to a function."""
    found: dict[str, str] = box.function(function).get("Environment", {}).get("Variables", {})
    return found


def control(connected: Connected, method: str, path: str, told: object = None) -> Any:
    """Ask a practice's control endpoint."""
    url = f"{connected.practice.control_url}/{path}"
    answer = httpx.request(method, url, json=told, timeout=30, trust_env=False)
    answer.raise_for_status()
    return answer.json()


def set_tier(box: Sandbox, connected: Connected, tier: Tier) -> None:
    """Change the key's price tier on both sides; the gateway learns of it as it does when a practice connects."""
    priced = "enterprise" if tier is Tier.ENTERPRISE else "standard"
    control(connected, "PUT", "settings", {"tier": priced, "interval_s": INTERVAL_S[tier]})
    table = variables(box, "upstream_worker")["PRACTICES_TABLE"]
    practices = DynamoPractices(box.aws("dynamodb"), table=table)
    practices.put(replace(practices.get(connected.practice_id), tier=tier))


@dataclass(frozen=True)
class Deployed:
    """A running sandbox with one connected practice."""

    box: Sandbox

    @property
    def practice_id(self) -> str:
        """The connected practice."""
        return self.box.practices[0].practice_id

    def variables(self, function: str) -> dict[str, str]:
        """See `variables`."""
        return variables(self.box, function)

    def patient(self, number: int) -> str:
        """The id of the patient with this PatNum."""
        return row_ids("patient", self.practice_id)(number)

    def control(self, method: str, path: str, told: object = None) -> Any:
        """See `control`."""
        return control(self.box.practices[0], method, path, told)

    def set_tier(self, tier: Tier) -> None:
        """See `set_tier`."""
        set_tier(self.box, self.box.practices[0], tier)

    def arrivals(self) -> list[Arrival]:
        """What the practice has logged since the log was cleared."""
        return [Arrival(one["start"], one["begun"], one["end"], one["status"]) for one in self.control("GET", "log")]


@contextmanager
def deployed(*, say: Say, patients: int = 200, practice: Sequence[str] = ()) -> Iterator[Deployed]:
    """Start the sandbox with one practice (`practice`: more of its options) and stop it again."""
    options = Options(
        home=HOME / "bench",
        practices=1,
        patients=patients,
        practice_command=("-m", "infra.sandbox.practice", *practice),
    )
    with Sandbox.start(options, say=lambda line: say(f"  {line}")) as box:
        yield Deployed(box)
