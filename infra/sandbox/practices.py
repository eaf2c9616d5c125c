"""The practices of a sandbox: simulated ones that it starts, or one real one whose keys the environment gives."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from infra.sandbox import network
from infra.sandbox.emulator import PASSED_ON
from infra.sandbox.processes import Kept, SandboxError

DEVELOPER_KEY = "SANDBOXdeveloper"
"""Obviously no real key: the simulated practices know it, nobody else does."""

KEYS_FROM = ("OPEN_DENTAL_DEVELOPER_KEY", "OPEN_DENTAL_CUSTOMER_KEY", "OPEN_DENTAL_TIME_ZONE")
"""The environment variables that `--open-dental URL` reads: a flag would leave the keys in the shell's history."""


@dataclass(frozen=True)
class Server:
    """An office's own server, inside the network, and the side door of that way to the office."""

    base_url: str
    control_url: str


@dataclass(frozen=True)
class Practice:
    """How a practice is reached, and what connects it. `control_url` takes faults; a real practice has none. `inside`:
    its own server, where it has one besides."""

    base_url: str
    developer_key: str
    customer_key: str
    name: str = "Open Dental"
    time_zone: str = "America/Chicago"
    control_url: str | None = None
    inside: Server | None = None

    def __repr__(self) -> str:
        return f"Practice(base_url={self.base_url!r})"


_ZONES = (
    Practice.time_zone,
    "Pacific/Honolulu",
    "Pacific/Auckland",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Africa/Nairobi",
    "Europe/London",
    "America/Sao_Paulo",
)


def open_zone(now: datetime) -> str:
    """A zone in which an office may be working for the next hours, by the clock of its wall: the practices' usual one,
    or another. While it is Sunday everywhere the usual one.

    A mirror asks an office that is closed for changes a third as often, and whoever waits for one waits for that.
    """

    def is_open(zone: str) -> bool:
        wall = now.astimezone(ZoneInfo(zone))
        return wall.weekday() != _SUNDAY and _OPEN_FROM <= wall.hour < _OPEN_UNTIL

    return next(filter(is_open, _ZONES), Practice.time_zone)


_SUNDAY, _OPEN_FROM, _OPEN_UNTIL = 6, 7, 19


class Simulated:
    """A simulated practice in a process of its own."""

    def __init__(
        self,
        number: int,
        home: Path,
        *,
        patients: int,
        seed: int,
        seeded_on: date,
        command: Sequence[str],
        repository: Path,
    ) -> None:
        """Start practice `number` (from 1).

        Equal `patients`, `seed` and `seeded_on` give equal row keys in every table, so that whatever mixes up two
        practices shows.
        """
        self._state = home / f"practice-{number}.json"
        self._state.unlink(missing_ok=True)
        self.process = Kept(
            f"practice {number}",
            [
                *(sys.executable, *command),
                *("--port", "0"),
                *("--state", str(self._state)),
                *("--patients", str(patients)),
                *("--seed", str(seed)),
                *("--seeded-on", str(seeded_on)),
                *("--developer-key", DEVELOPER_KEY),
                *("--customer-key", f"SANDBOXcustomer{number}"),
            ],
            log=home / f"practice-{number}.log",
            env={name: os.environ[name] for name in PASSED_ON if name in os.environ} | {"PYTHONUNBUFFERED": "1"},
            cwd=repository,
        )

    def wait(self, *, within_s: float = 60.0) -> Practice:
        """Return the practice once it listens.

        Raises:
            SandboxError: it stopped, or did not listen in time.
        """
        self.process.wait_until(self._state.exists, within_s=within_s)
        said = json.loads(self._state.read_text())
        inside = None
        if "beside_base_url" in said:
            inside = Server(network.inside(said["beside_base_url"]), said["beside_control_url"])
        return Practice(
            base_url=said["base_url"],
            developer_key=said["developer_key"],
            customer_key=said["customer_key"],
            name=self.process.name.title(),
            control_url=said["control_url"],
            time_zone=said.get("time_zone", Practice.time_zone),
            inside=inside,
        )

    def stop(self) -> None:
        """End it."""
        self.process.stop()


def real_practice(url: str, environment: Mapping[str, str]) -> Practice:
    """Return the practice at `url` with the keys of the environment variables in `KEYS_FROM`.

    Raises:
        SandboxError: a variable is missing; the message names it.
    """
    missing = [name for name in KEYS_FROM if not environment.get(name)]
    if missing:
        raise SandboxError(f"--open-dental needs {', '.join(missing)} in the environment")
    developer, customer, zone = (environment[name] for name in KEYS_FROM)
    return Practice(base_url=url, developer_key=developer, customer_key=customer, time_zone=zone)
