"""What a restored environment finds imported, and what it must not find."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from gateway.web import snapshot


def test_without_snapstart_nothing_is_imported_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", None)

    snapshot.prepare(["there.is.no.such.module"])


def test_the_hook_imports_when_the_snapshot_is_taken_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[tuple[Any, ...]] = []
    runtime = ModuleType("snapshot_restore_py")
    runtime.register_before_snapshot = lambda hook, *arguments: registered.append((hook, *arguments))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", runtime)
    monkeypatch.delitem(sys.modules, "this", raising=False)
    snapshot.prepare(["colorsys"])
    ((hook, *arguments),) = registered
    sys.modules.pop("colorsys", None)
    hook(*arguments)

    assert "colorsys" in sys.modules


def test_the_modules_of_a_first_request_exist_and_make_no_client() -> None:
    """A client, its keys or its connections must not be shared by all restored environments."""
    probe = """
import os
os.environ.clear()
from gateway.web import snapshot
from botocore.client import ClientCreator
def made(*arguments, **named): raise SystemExit("a client was made")
ClientCreator.create_client = made
snapshot.import_all(snapshot.FIRST_REQUEST)
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False, text=True, timeout=60)

    assert done.returncode == 0, done.stderr


def test_a_restored_environment_makes_its_ports_without_importing_anything() -> None:
    """Each port with its client: what they import was paid for when the snapshot was taken."""
    probe = """
import os, sys
from collections import defaultdict
os.environ.update(AWS_DEFAULT_REGION="us-east-1", AWS_ACCESS_KEY_ID="fake", AWS_SECRET_ACCESS_KEY="fake")
os.environ["CLIENT_REQUESTS_PER_MINUTE"] = "6000"
import functions.patients.handler
from functools import cached_property
from gateway.web import snapshot
from gateway.wiring.services import Services
snapshot.import_all(snapshot.FIRST_REQUEST)
before = set(sys.modules)
os.environ = defaultdict(lambda: "somewhere", os.environ)
on = Services()
for name in dir(Services):
    # What nobody's first request asks for: the worker's, those of webhooks and exports alone.
    others = {"facts", "delivery_queue", "sender", "webhooks", "exports", "warehouse"}
    if isinstance(getattr(Services, name), cached_property) and name not in others:
        getattr(on, name)
print(sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
