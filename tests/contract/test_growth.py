"""A new upstream resource is one file of facts: client and simulated practice both learn it from there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

FACTS = {
    "resource": "chairsides", "title": "Chairsides", "table": "chairside", "key": "ChairsideNum", "phi": False,
    "group": "practice_setup", "order": None, "sync": None,
    "operations": [
        {"id": "chairsides.list", "method": "GET", "path": "/chairsides", "kind": "list", "permission": "ReadAll",
         "effect": "read", "exposure": "open", "since": "24.1", "paginated": True, "status": 200, "shape": "array",
         "errors": [400], "location_header": False, "query": [{"name": "OpNum", "type": "int"}], "body": []},
        {"id": "chairsides.create", "method": "POST", "path": "/chairsides", "kind": "create", "permission": "Setup",
         "effect": "add", "exposure": "guarded", "paginated": False, "status": 201, "shape": "object",
         "errors": [400], "location_header": False, "query": [],
         "body": [{"name": "Label", "type": "string", "required": True}, {"name": "OpNum", "type": "int"}]},
    ],
    "fields": [{"name": "ChairsideNum", "type": "int"}, {"name": "Label", "type": "string"},
               {"name": "OpNum", "type": "int", "ref": "operatory.OperatoryNum"}],
    "action_fields": {},
}  # fmt: skip

USE = """
from infra.sandbox.practice.__main__ import build, parser
from open_dental import catalogue
from open_dental.client import Client, Keys

options = parser().parse_args(["--patients", "0", "--interval", "0", "--latency-ms", "0"])
with build(options) as server:
    keys = Keys(options.developer_key, options.customer_key)
    with Client(keys, f"{server.base_url}/api/v1") as client:
        for op in (3, 4):
            client.call("chairsides.create", body={"Label": "left", "OpNum": op})
        rows = client.call("chairsides.list", query={"OpNum": 4}).data
print(catalogue.operation("chairsides.create").exposure, [row["OpNum"] for row in rows])
"""

REACH = """
from tests.fakes.deployment import deployed

scopes = ["resources:read", "resources:chairsides.create"]
with deployed("--version", "26.3.1.0", scopes=scopes) as deployment:
    for op in ("3", "4"):
        made = deployment.post("/resources/chairsides", {"label": "left", "op_num": op})
    rows = deployment.get("/resources/chairsides", op_num="4").body["data"]
    listed = deployment.get("/resources", resource="chairsides").body["data"]
    wrong = deployment.get("/resources/chairsides", opnum="4")
print(made.status, made.body["result"]["row"], rows, [one["allowed"] for one in listed], wrong.status)
"""


def run_with_facts(folders: tuple[str, ...], code: str, tmp_path: Path) -> str:
    """The last line that `code` prints in a copy of the project that has one resource more."""
    for folder in folders:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "shared/open_dental/catalogue/data/chairsides.json"
    file.write_text(json.dumps(FACTS))

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}/shared{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


def test_a_file_of_facts_is_an_upstream_resource(tmp_path: Path) -> None:
    assert run_with_facts(("shared", "infra"), USE, tmp_path) == "guarded [4]"


def test_a_file_of_facts_is_reached_under_resources(tmp_path: Path) -> None:
    """Names, types, scopes, checks and the row that is read back: all of it comes from the file."""
    row = "{'chairside_num': '2', 'label': 'left', 'op_num': '4'}"
    said = run_with_facts(("shared", "infra", "functions", "tests"), REACH, tmp_path)

    assert said == f"201 {row} [{row}] [True, True] 400"
