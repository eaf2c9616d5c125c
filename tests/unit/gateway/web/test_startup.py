"""How the functions that somebody waits for begin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gateway.web.startup import OBJECTS_BETWEEN_COLLECTIONS

ROOT = Path(__file__).parents[4]
UNAWAITED = {
    "archive_audit",
    "deliver_webhooks",
    "lane",
    "publish_events",
    "sweeper",
    "take_hooks",
    "tick",
    "upstream_worker",
    "webhook_retries",
}


def said(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, text=True, timeout=60, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", sorted({one.parent.name for one in ROOT.glob("functions/*/handler.py")} - UNAWAITED))
def test_a_function_collects_seldom_before_its_first_import(name: str) -> None:
    """What is imported earlier is looked through every 700 objects."""
    program = f"""
import gc, sys
dear = []
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("gateway.core", "pydantic")) and gc.get_threshold()[0] != {OBJECTS_BETWEEN_COLLECTIONS}:
            dear.append(name)
sys.meta_path.insert(0, Watch())
import functions.{name}.handler
print(dear)
"""
    assert said(program) == "[]"


def test_collecting_seldom_is_asked_for_and_never_comes_with_an_import() -> None:
    """A worker that imports the edge's modules keeps Python's own ways."""
    assert said(
        "import gc; before = gc.get_threshold(); import gateway.web.app; print(gc.get_threshold() == before)"
    ) == ("True")
