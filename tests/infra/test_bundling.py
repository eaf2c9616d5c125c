"""The layer: complete, lean, and compiled only for the Python that will read it."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from infra import bundling
from infra.bundling import (
    LAMBDA_PLATFORM,
    LAMBDA_PYTHON,
    build_layer,
    cached_layer,
    has_bytecode,
    interpreter_of,
    layer_hash,
)


@pytest.fixture(scope="module")
def built() -> Path:
    """The layer that would be deployed; fetched once, then kept under build/."""
    return cached_layer()


def test_the_layer_holds_our_packages_and_their_dependencies_and_no_boto3(built: Path) -> None:
    held = {path.name for path in (built / "python").iterdir()}

    assert {"gateway", "open_dental", "httpx", "pydantic", "aws_lambda_powertools", "tzdata"} <= held
    assert not held & {"boto3", "botocore", "aws_cdk", "pytest", "bin"}
    assert (built / "python" / "open_dental" / "catalogue" / "data" / "patients.json").is_file()


def test_compiled_wheels_are_those_of_lambdas_processor_and_python(built: Path) -> None:
    compiled = [path.name for path in built.rglob("*.so")]

    assert compiled
    assert all("cpython-313-aarch64-linux-gnu" in name for name in compiled if name.startswith("_pydantic_core"))


def test_bytecode_is_shipped_only_if_lambdas_python_made_it(built: Path) -> None:
    """Of another version it would be read, refused and thrown away at every cold start."""
    assert has_bytecode(built) is (interpreter_of(LAMBDA_PYTHON) is not None)
    for file in built.rglob("*.pyc"):
        assert file.name.endswith(".cpython-313.pyc")
        # Flags of PEP 552: 1 is hash-based, 2 would check the source. CDK's time stamps would defeat the other kind.
        assert int.from_bytes(file.read_bytes()[4:8], "little") == 1


def test_a_layer_that_exists_is_not_built_again(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: str) -> str:
        raise AssertionError(arguments)

    monkeypatch.setattr(bundling, "_uv", refuse)

    assert cached_layer() == built


def test_two_that_build_at_once_see_a_whole_layer_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both_are_building = Barrier(2, timeout=30)
    target = tmp_path / "layers" / "abc"

    def slow(command: str, *arguments: str) -> str:
        if command == "export":
            both_are_building.wait()
            assert not target.exists()
        return ""

    monkeypatch.setattr(bundling, "_uv", slow)
    monkeypatch.setattr(bundling, "interpreter_of", lambda version: None)
    with ThreadPoolExecutor(2) as pool:
        built = [running.result(timeout=60) for running in [pool.submit(build_layer, target) for _ in range(2)]]

    assert built == [target, target]
    assert (target / "python" / "gateway" / "web").is_dir()
    assert [path.name for path in target.parent.iterdir()] == ["abc"]


def test_a_layer_left_half_done_is_built_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "_uv", lambda *arguments: "")
    monkeypatch.setattr(bundling, "interpreter_of", lambda version: None)
    (tmp_path / "abc" / "python").mkdir(parents=True)
    (tmp_path / "abc" / "python" / "half.py").touch()

    assert not (build_layer(tmp_path / "abc") / "python" / "half.py").exists()


def test_code_platform_and_python_each_make_another_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "gateway"
    package.mkdir()
    (package / "a.py").write_text("A = 1\n")
    monkeypatch.setattr(bundling, "OUR_PACKAGES", (package,))
    first = layer_hash(platform=LAMBDA_PLATFORM, python_version=LAMBDA_PYTHON)
    others = {
        layer_hash(platform="x86_64-manylinux_2_28", python_version=LAMBDA_PYTHON),
        layer_hash(platform=LAMBDA_PLATFORM, python_version="3.12"),
    }
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "a.cpython-311.pyc").touch()
    unchanged = layer_hash(platform=LAMBDA_PLATFORM, python_version=LAMBDA_PYTHON)
    (package / "a.py").write_text("A = 2\n")
    others.add(layer_hash(platform=LAMBDA_PLATFORM, python_version=LAMBDA_PYTHON))

    assert unchanged == first
    assert len(others | {first}) == 4


def test_a_command_that_is_only_named_like_a_python_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert shutil.which("python3.99") == str(shim)
    assert interpreter_of("3.99") is None
