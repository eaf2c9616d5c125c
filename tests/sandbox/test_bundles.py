"""Nothing that a function imports is missing from what is shipped."""

from pathlib import Path

import pytest

from infra.sandbox.box import Sandbox
from infra.sandbox.bundles import check_bundles, read_bundles
from infra.sandbox.processes import SandboxError


def test_every_bundle_of_the_stand_in_imports_alone(stand_in: Sandbox) -> None:
    assert check_bundles(stand_in.home / "cdk.out") == {}


def test_a_bundle_that_needs_what_is_not_shipped_is_named(stand_in: Sandbox) -> None:
    """The development environment has pytest, so only isolation shows that the bundle has not."""
    bundle = next(one for one in read_bundles(stand_in.home / "cdk.out") if "tick" in one.logical_id)
    handler = bundle.code / "handler.py"
    shipped = handler.read_text()
    handler.write_text("import pytest\n" + shipped)
    try:
        wrong = check_bundles(stand_in.home / "cdk.out")
    finally:
        handler.write_text(shipped)

    assert list(wrong) == [bundle.logical_id]
    assert "No module named 'pytest'" in wrong[bundle.logical_id]


def test_an_assembly_without_functions_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"artifacts": {}}')

    with pytest.raises(SandboxError):
        check_bundles(tmp_path)
