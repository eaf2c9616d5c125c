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


def test_a_file_of_facts_is_an_upstream_resource(tmp_path: Path) -> None:
    for folder in ("shared", "infra"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "shared/open_dental/catalogue/data/chairsides.json"
    file.write_text(json.dumps(FACTS))

    done = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}/shared{os.pathsep}{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stdout.strip() == "guarded [4]", done.stderr[-2000:]
