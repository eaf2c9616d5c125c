"""The API client of a sandbox: made by the gateway's own command, in the environment of a deployed function.

The sandbox shares no code with the gateway and knows nothing of its tables. So it runs `python -m
gateway.wiring.clients enrol` as an operator would, with the variables that CloudFormation gave to the function behind
`POST /authenticate`, and with the emulator's root credentials.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.sandbox.processes import SandboxError

SCOPES = (
    "practices:connect",
    "*:read",
    "appointments:write",
    "workflows:write",
    "claims:write",
    "communications:write",
    "document_contents:read",
    "notes",
    "patients:write",
    "payments:write",
    "procedures:write",
    "recalls:write",
    "resources:read",
    "webhooks:write",
)
COMMAND = ("-m", "gateway.wiring.clients", "enrol")


def enrol_client(
    environment: Mapping[str, str],
    *,
    name: str,
    scopes: Sequence[str],
    repository: Path,
    command: Sequence[str] = COMMAND,
    requests_per_minute: int | None = None,
    kind: str = "app",
) -> str:
    """Make an API client and return its key, which is shown this once.

    `requests_per_minute` is its own limit, in place of the stage's. `kind`: `operator` for one that
    decides about practices.

    Raises:
        SandboxError: the command failed, or printed no line `key ...`.
    """
    limit = () if requests_per_minute is None else ("--requests-per-minute", str(requests_per_minute))
    wanted = ("--name", name, "--scopes", ",".join(scopes), "--kind", kind, *limit)
    answered = run((*command, *wanted), environment, repository=repository)
    said = re.search(r"^key\s+(\S+)$", answered, re.MULTILINE)
    if said is None:
        raise SandboxError("the command that makes API clients did not say its key")
    return said.group(1)


def run(command: Sequence[str], environment: Mapping[str, str], *, repository: Path, said: str = "") -> str:
    """Run one of the gateway's commands for operators, with what is `said` on its standard input; what it printed.

    Raises:
        SandboxError: it failed; the message has the end of what it said of that.
    """
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "VIRTUAL_ENV") if key in os.environ}
    done = subprocess.run(
        [sys.executable, *command],
        input=said,
        capture_output=True,
        text=True,
        check=False,
        cwd=repository,
        env=inherited | {"PYTHONPATH": f"{repository}{os.pathsep}{repository / 'shared'}"} | dict(environment),
    )
    if done.returncode:
        raise SandboxError(f"{' '.join(command[:3])} failed:\n" + "\n".join(done.stderr.splitlines()[-15:]))
    return done.stdout
