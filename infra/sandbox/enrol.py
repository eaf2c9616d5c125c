"""The API client of a sandbox: made by the gateway's own command, in the environment of a deployed function.

The sandbox shares no code with the gateway and knows nothing of its tables. So it runs `python -m
gateway.wiring.enrol` as an operator would, with the variables that CloudFormation gave to the function behind
`POST /authenticate`, and with the emulator's root credentials.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.sandbox.processes import SandboxError

SCOPES = (
    "practices:connect",
    *(f"{what}:read" for what in ("patients", "appointments", "procedures", "claims", "payments", "operations")),
    *(f"{what}:write" for what in ("appointments", "payments")),
)
COMMAND = ("-m", "gateway.wiring.enrol")


def enrol_client(
    environment: Mapping[str, str],
    *,
    name: str,
    scopes: Sequence[str],
    repository: Path,
    command: Sequence[str] = COMMAND,
) -> str:
    """Make an API client and return its key, which is shown this once.

    Raises:
        SandboxError: the command failed, or said something else than `{"key": ...}` on its last line.
    """
    flags = [part for scope in scopes for part in ("--scope", scope)]
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "VIRTUAL_ENV") if key in os.environ}
    done = subprocess.run(
        [sys.executable, *command, "--name", name, *flags],
        capture_output=True,
        text=True,
        check=False,
        cwd=repository,
        env=inherited | {"PYTHONPATH": f"{repository}{os.pathsep}{repository / 'shared'}"} | dict(environment),
    )
    if done.returncode:
        raise SandboxError("the API client could not be made:\n" + "\n".join(done.stderr.splitlines()[-15:]))
    try:
        key: str = json.loads(done.stdout.strip().splitlines()[-1])["key"]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise SandboxError("the command that makes API clients did not say its key") from error
    return key
