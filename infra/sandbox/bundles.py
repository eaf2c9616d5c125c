"""Does every Lambda bundle import with nothing on the path but itself, the layer and the runtime's boto3?

On a developer's machine everything is importable; on Lambda only what was shipped. So each function's handler is
imported once by an interpreter that sees neither the virtual environment nor the checkout.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.sandbox.processes import SandboxError

RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")
"""What AWS's Python images bring besides the standard library (and `snapshot_restore_py`: no import may need it)."""

PROGRAM = """
import importlib, json, sys
sys.path[:0] = json.loads(sys.argv[1])
module, name = sys.argv[2].rsplit(".", 1)
getattr(importlib.import_module(module.replace("/", ".")), name)
"""


@dataclass(frozen=True)
class Bundle:
    """One function of the assembly: its handler, its code and the content of its layers, as folders."""

    stack: str
    logical_id: str
    handler: str
    code: Path
    layers: tuple[Path, ...]


def read_bundles(cdk_out: Path) -> list[Bundle]:
    """Return every Python function with code from an asset in the assembly `cdk_out`.

    Raises:
        SandboxError: a function's code or layer is not in the assembly.
    """
    manifest = json.loads((cdk_out / "manifest.json").read_text())["artifacts"]
    places = _asset_folders(cdk_out, manifest)

    def folder(content: dict[str, Any], owner: str) -> Path:
        try:
            return places[content["S3Key"]]
        except KeyError:
            raise SandboxError(f"the code of {owner} is not among the assembly's assets") from None

    found = []
    for name, artifact in manifest.items():
        if artifact["type"] != "aws:cloudformation:stack":
            continue
        resources = json.loads((cdk_out / artifact["properties"]["templateFile"]).read_text())["Resources"]
        for logical_id, resource in resources.items():
            properties = resource.get("Properties", {})
            if resource["Type"] != "AWS::Lambda::Function" or not str(properties.get("Runtime")).startswith("python"):
                continue
            layers = [resources.get(layer.get("Ref")) for layer in properties.get("Layers", [])]
            if None in layers:
                raise SandboxError(f"a layer of {logical_id} is not in its own stack {name}")
            found.append(
                Bundle(
                    stack=name,
                    logical_id=logical_id,
                    handler=properties["Handler"],
                    code=folder(properties["Code"], logical_id),
                    layers=tuple(folder(layer["Properties"]["Content"], logical_id) for layer in layers),
                )
            )
    return found


def check_bundles(cdk_out: Path, *, python: str = sys.executable, site_packages: Path | None = None) -> dict[str, str]:
    """Import every bundle of the assembly in an isolated interpreter; return what went wrong, by logical id.

    `python` must be of the version that the layer was built for, and `site_packages` hold boto3, which stands for the
    one in the runtime. No environment variable but the PATH is set: importing a handler must need none.
    """
    bundles = read_bundles(cdk_out)
    if not bundles:
        raise SandboxError(f"there is no Python function in {cdk_out}")
    packages = site_packages or Path(sysconfig.get_path("purelib"))
    with tempfile.TemporaryDirectory() as runtime:
        for name in RUNTIME_PACKAGES:
            (Path(runtime) / name).symlink_to(packages / name)
        with ThreadPoolExecutor(2) as pool:
            said = pool.map(lambda bundle: _import(bundle, Path(runtime), python), bundles)
            return {bundle.logical_id: wrong for bundle, wrong in zip(bundles, said, strict=True) if wrong}


def _import(bundle: Bundle, runtime: Path, python: str) -> str:
    # The layer comes before the runtime, as on Lambda: /var/task, /opt/python, then what the image brings.
    path: Sequence[Path] = (bundle.code, *(layer / "python" for layer in bundle.layers), runtime)
    done = subprocess.run(
        [python, "-I", "-S", "-B", "-c", PROGRAM, json.dumps([str(folder) for folder in path]), bundle.handler],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin"},
        cwd=bundle.code,
        timeout=60,
    )
    return "\n".join(done.stderr.strip().splitlines()[-5:]) if done.returncode else ""


def _asset_folders(cdk_out: Path, manifest: dict[str, Any]) -> dict[str, Path]:
    folders = {}
    for artifact in manifest.values():
        if artifact["type"] == "cdk:asset-manifest":
            for file in json.loads((cdk_out / artifact["properties"]["file"]).read_text())["files"].values():
                for place in file["destinations"].values():
                    folders[place["objectKey"]] = cdk_out / file["source"]["path"]
    return folders
