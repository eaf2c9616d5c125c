"""What a cold start pays for: nothing that the first answer may not need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).parents[2] / "functions"
HANDLERS = [
    "appointments",
    "authenticate",
    "authorizer",
    "claims",
    "create_appointment",
    "create_payment",
    "fhir",
    "hooks",
    "operations",
    "patients",
    "procedurelogs",
    "session",
]
DEAR = {"aws_lambda_powertools", "boto3", "botocore", "cryptography", "httpx", "jinja2", "requests", "yaml"}
"""The SDK alone is half a cold start; it comes with the first use of a port."""

PROBE = """
import json, os, sys
os.environ.clear()
__import__("functions.{name}.handler")
print(json.dumps(sorted({{module.partition(".")[0] for module in sys.modules}})))
"""


def loaded(name: str) -> set[str]:
    """Top-level modules of a fresh interpreter that has imported the handler, without any environment variable."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(name=name)], capture_output=True, check=False, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_is_imported_without_sdk_client_or_environment(name: str) -> None:
    assert loaded(name) & DEAR == set()


@pytest.mark.parametrize("name", ["authorizer", "hooks"])
def test_what_stands_before_every_request_and_what_an_office_waits_for_needs_no_models(name: str) -> None:
    assert "pydantic" not in loaded(name)
