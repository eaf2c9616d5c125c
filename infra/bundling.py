"""Build the layer's folder without Docker: wheels for Lambda's platform, our two packages, bytecode where possible."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

from uv import find_uv_bin

ROOT = Path(__file__).resolve().parents[1]
OUR_PACKAGES = (ROOT / "shared" / "open_dental", ROOT / "shared" / "gateway")
LAMBDA_PLATFORM = "aarch64-manylinux_2_28"
LAMBDA_PYTHON = "3.13"
PARQUET = "warehouse"
"""The group of dependencies that lies in a layer of its own: 60 MB that one function needs, and no other may read."""
# The runtime brings boto3; shipping it as well would add 27 MB to every cold start's reading.
_NEVER_SHIPPED = {"boto3", "botocore"}


class LayerError(Exception):
    """The layer could not be built; the message is what the tool said."""


def build_layer(
    target: Path,
    *,
    platform: str = LAMBDA_PLATFORM,
    python_version: str = LAMBDA_PYTHON,
    group: str | None = None,
) -> Path:
    """Fill `target` with what Lambda unpacks into /opt, and return it. Does nothing if it is there already.

    With `group` it has the packages of that group of dependencies and nothing else, ours included.

    `platform` and `python_version` are uv's spellings (`x86_64-manylinux_2_28`, `3.11`). Versions are those of
    uv.lock. Bytecode is added where an interpreter of `python_version` is found on this machine; bytecode of another
    version would be dead weight, so without one the layer is complete but starts slower (see `has_bytecode`).

    Made beside `target` and put there whole: of two processes that build at once one wins, and nobody ever sees half.

    Raises:
        LayerError: a wheel is missing for the platform, or cannot be fetched.
    """
    if (target / ".complete").is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{target.name}.", dir=target.parent) as made:
        layer = Path(made) / "layer"
        _fill(layer, platform, python_version, group)
        # A folder without its mark is what an older version of this command left half done.
        if target.exists() and not (target / ".complete").is_file():
            shutil.rmtree(target, ignore_errors=True)
        # Not onto a folder that has something in it: another process was quicker, and its layer is the same.
        with suppress(OSError):
            layer.rename(target)
    if not (target / ".complete").is_file():
        raise LayerError(f"the layer could not be put at {target.name}")
    return target


def _fill(layer: Path, platform: str, python_version: str, group: str | None) -> None:
    packages = layer / "python"
    packages.mkdir(parents=True)
    requirements = layer / "requirements.txt"
    requirements.write_text(_requirements(group))
    _uv(
        "pip",
        "install",
        "--quiet",
        "--no-config",
        "--require-hashes",
        "--no-deps",
        "--requirement",
        str(requirements),
        "--target",
        str(packages),
        "--python-platform",
        platform,
        "--python-version",
        python_version,
        "--only-binary",
        ":all:",
        "--link-mode",
        "copy",
    )
    requirements.unlink()
    shutil.rmtree(packages / "bin", ignore_errors=True)
    for package in OUR_PACKAGES if group is None else ():
        shutil.copytree(package, packages / package.name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    if interpreter := interpreter_of(python_version):
        _compile(packages, interpreter)
    (layer / ".complete").touch()


def cached_layer(
    *, platform: str = LAMBDA_PLATFORM, python_version: str = LAMBDA_PYTHON, group: str | None = None
) -> Path:
    """Return the layer's folder under `build/`, built only if code, versions or platform have changed."""
    name = layer_hash(platform=platform, python_version=python_version, group=group)
    return build_layer(ROOT / "build" / "layer" / name, platform=platform, python_version=python_version, group=group)


def layer_hash(*, platform: str, python_version: str, group: str | None = None) -> str:
    """Name the content that `build_layer` would make: our source, the locked versions, the target, bytecode or not."""
    digest = hashlib.sha256()
    digest.update(f"{platform} {python_version} {bool(interpreter_of(python_version))}".encode())
    if group is not None:
        digest.update(f"{group}\n{_requirements(group)}".encode())
        return digest.hexdigest()[:20]
    digest.update((ROOT / "uv.lock").read_bytes())
    digest.update(Path(__file__).read_bytes())
    for package in OUR_PACKAGES:
        for file in sorted(package.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".pyc":
                digest.update(str(file.relative_to(package.parent)).encode() + b"\0")
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:20]


def has_bytecode(layer: Path) -> bool:
    """Whether the layer carries bytecode; without it a cold start takes about twice as long."""
    return any(layer.glob("python/gateway/__pycache__/*.pyc"))


@cache
def interpreter_of(python_version: str) -> str | None:
    """Return a Python of exactly this minor version on this machine, or None. Downloads nothing."""
    if python_version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    name = f"python{python_version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [Path(folder) / name for folder in os.environ.get("PATH", "").split(os.pathsep)]
    candidates += sorted(pyenv.glob(f"versions/{python_version}.*/bin/{name}"))
    return next((str(candidate) for candidate in candidates if _is_python(candidate, python_version)), None)


def _is_python(candidate: Path, python_version: str) -> bool:
    """Whether `candidate` runs and is what its name says: pyenv puts commands on the path that only print an error."""
    if not candidate.is_file():
        return False
    said = subprocess.run(  # noqa: S603 (a Python found by its name)
        [str(candidate), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=False,
    )
    return said.returncode == 0 and said.stdout.strip() == python_version


def _requirements(group: str | None) -> str:
    which = "--no-dev" if group is None else f"--only-group={group}"
    exported = _uv("export", "--frozen", which, "--no-emit-project", "--no-header", "--no-annotate", "--quiet")
    blocks = exported.replace("\\\n", "").splitlines()
    return "\n".join(line for line in blocks if line.partition("==")[0] not in _NEVER_SHIPPED) + "\n"


def _compile(packages: Path, interpreter: str) -> None:
    # CDK zips with a time stamp of 1980, so bytecode that compares time stamps would be thrown away at every start.
    command = [interpreter, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(packages.parent), "-p", "/opt", str(packages)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (our own interpreter)
    if done.returncode:
        raise LayerError(f"compiling the layer failed:\n{done.stdout}{done.stderr}")


def _uv(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 (uv's own binary, arguments spelled here)
        [find_uv_bin(), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise LayerError(f"uv {arguments[0]} failed:\n{done.stderr}")
    return done.stdout
