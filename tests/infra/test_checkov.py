"""checkov finds nothing that is not in the table, and the table holds nothing that is not found.

It runs in an environment of its own: what it pins would hold back everything else here.
"""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
from typing import Any

import pytest
import uv

from infra.acknowledged import CHECKOV
from tests.infra.templates import Assembly

VERSION = "3.3.30"


@pytest.fixture(scope="module")
def found(assembly: Assembly) -> set[tuple[str, str]]:
    """Failed checks of the stage's templates: (check, resource)."""
    ran = subprocess.run(
        [
            *(uv.find_uv_bin(), "tool", "run", "--quiet", "--from", f"checkov=={VERSION}", "checkov"),
            *("--framework", "cloudformation", "--directory", str(assembly.folder)),
            *("--compact", "--output", "json", "--soft-fail"),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        # Nothing is asked of anybody: no key, no platform, no look for newer versions.
        env={name: value for name, value in os.environ.items() if not name.startswith("BC_")},
    )
    told: dict[str, Any] = json.loads(ran.stdout)
    assert told["summary"]["parsing_errors"] == 0
    assert told["summary"]["passed"] > 1000
    return {(one["check_id"], one["resource"]) for one in told["results"]["failed_checks"]}


def test_checkov_finds_nothing_but_what_is_acknowledged(found: set[tuple[str, str]]) -> None:
    left = {
        (check, resource)
        for check, resource in found
        if not any(row.rule == check and fnmatch.fnmatchcase(resource, row.where) for row in CHECKOV)
    }

    assert left == set()


def test_every_acknowledged_finding_of_checkov_is_there(found: set[tuple[str, str]]) -> None:
    unused = [
        row.rule
        for row in CHECKOV
        if not any(row.rule == check and fnmatch.fnmatchcase(resource, row.where) for check, resource in found)
    ]

    assert unused == []
