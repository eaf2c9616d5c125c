"""From a fresh process to its first answer, per HTTP function, through what Lambda would have on its path.

Every sample is an interpreter of its own, isolated (`-I -S`), that finds the function's bundle, the layer and the
runtime's boto3 and nothing else. It answers an event as API Gateway sends it, with the variables of the deployed
function, against the sandbox's emulator: clients are made, records are read, the answer is whole. Reads are answered
from the gateway's cache and writes with 202, so that no pace is measured.

Kinds of samples take turns, so a noisy second slows them all.
"""

from __future__ import annotations

import compileall
import json
import os
import py_compile
import shutil
import statistics
import subprocess
import sys
import sysconfig
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from infra.bundling import ROOT, cached_layer, has_bytecode
from infra.sandbox.box import HOME
from infra.sandbox.bundles import RUNTIME_PACKAGES
from infra.sandbox.emulator import REGION, ROOT_KEY, python_version, uv_platform
from tests.bench.deployed import Deployed, deployed
from tests.bench.figures import Figure, Say, at_most
from tests.bench.recorded import Recorded, recorded

GOAL = 0.60
_CHILD = Path(__file__).with_name("cold_child.py")
_MARK = "bench: "

Mode = Literal["empty", "eager", "answer", "snapshot"]
BASES: tuple[Mode, ...] = ("empty", "eager")
ANSWERS: Mapping[Mode, str] = {"answer": "fresh process", "snapshot": "after the snapshot hook"}


@dataclass(frozen=True)
class Lambda:
    """What a fresh process finds: folders in the order of Lambda's path."""

    bundle: Path
    layer: Path
    runtime: Path

    @property
    def path(self) -> list[str]:
        """/var/task, /opt/python, the runtime's own."""
        return [str(self.bundle), str(self.layer / "python"), str(self.runtime)]


def unpacked(home: Path) -> Lambda:
    """Put everything where the samples look for it, with bytecode where Lambda has bytecode."""
    layer = cached_layer(platform=uv_platform(), python_version=python_version())
    if not has_bytecode(layer):
        raise RuntimeError("the layer has no bytecode, so its cold start would say nothing")
    bundle = home / "bundle"
    shutil.rmtree(bundle, ignore_errors=True)
    # A bundle is shipped without bytecode.
    shutil.copytree(ROOT / "functions", bundle, ignore=shutil.ignore_patterns("__pycache__"))
    runtime = home / f"runtime-{version('botocore')}-py{python_version()}"
    if not runtime.exists():
        draft = runtime.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        packages = Path(sysconfig.get_path("purelib"))
        for name in RUNTIME_PACKAGES:
            if (packages / name).is_dir():
                shutil.copytree(packages / name, draft / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(packages / name, draft / name)
        compileall.compile_dir(
            draft, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH, workers=1
        )
        draft.rename(runtime)
    return Lambda(bundle, layer, runtime)


def sample(
    mode: Mode, at: Lambda, *, environment: Mapping[str, str], told: Mapping[str, Any] | None = None
) -> tuple[float, dict[str, Any]]:
    """One fresh process: seconds until it has done what `mode` says, and its answer if it gives one.

    The clock runs from the process's start; with `snapshot`, from the moment the event arrives at a process that has
    run its hooks, as it does after a restore.

    Raises:
        RuntimeError: it ended without an answer; the message is the end of what it said.
    """
    command = [sys.executable, "-I", "-S", "-B", str(_CHILD), mode, json.dumps({"path": at.path, **(told or {})})]
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(environment),
        cwd=at.bundle,
    )
    assert process.stdin is not None
    try:
        said = _told(process)
        if mode == "snapshot":
            # What the hooks left behind settles before the clock starts.
            time.sleep(0.05)
            started = time.perf_counter()
            process.stdin.write("go\n")
            process.stdin.flush()
            said = _told(process)
        seconds = time.perf_counter() - started
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            stream.close()
    return seconds, json.loads(said) if said.startswith("{") else {}


def _told(process: subprocess.Popen[str]) -> str:
    """The next line that is ours: a function's log lines go to stdout too, as Lambda wants them."""
    assert process.stdout is not None
    assert process.stderr is not None
    for line in process.stdout:
        if line.startswith(_MARK):
            return line.removeprefix(_MARK).strip()
    said = process.stderr.read().strip().splitlines()[-8:]
    raise RuntimeError("a fresh process ended without an answer:\n" + "\n".join(said))


def status_of(answer: Mapping[str, Any]) -> int:
    """An answer's status; an authorizer's policy has none and is as good as 200."""
    return 200 if "policyDocument" in answer else int(answer.get("statusCode", 0))


def environment_of(here: Deployed, function: str) -> dict[str, str]:
    """What the deployed function finds in its environment, with the emulator's root credentials."""
    return {
        **here.variables(function),
        "PATH": os.environ.get("PATH", ""),
        "AWS_ENDPOINT_URL": here.box.emulator.url,
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
    }


def measure(*, quick: bool, say: Say) -> Iterator[Figure]:
    """Rounds of: an empty interpreter, everything eager, and each function with and without its snapshot."""
    rounds = 2 if quick else 9
    with deployed(say=say, patients=50) as here:
        at = unpacked(HOME / "bench")
        events = recorded(here, say=say)
        if quick:
            events = [one for one in events if one.function in {"patients", "create_payment"}]
        environments = {name: environment_of(here, name) for name in {one.function for one in events}}
        samples: dict[tuple[str, Mode], list[float]] = defaultdict(list)
        # The first round only warms the page cache.
        for number in range(rounds + 1):
            say(f"  round {number} of {rounds}")
            for mode in BASES:
                seconds, _ = sample(mode, at, environment=environments["patients"])
                samples["", mode].append(seconds)
            for one in events:
                for mode in ANSWERS:
                    told = one.with_key(f"bench-{number:04}-{mode}-{uuid4().hex}")
                    seconds, answer = sample(
                        mode,
                        at,
                        environment=environments[one.function],
                        told={"handler": told.handler, "event": told.event},
                    )
                    samples[one.name, mode].append(seconds)
                    if (status := status_of(answer)) != one.expected:
                        raise RuntimeError(f"{one.name} answered {status} in a fresh process, not {one.expected}")
    yield from figures({kind: times[1:] for kind, times in samples.items()}, events)


def figures(samples: Mapping[tuple[str, Mode], list[float]], events: Sequence[Recorded]) -> Iterator[Figure]:
    """Medians of ratios within each round."""
    empty, eager = samples["", "empty"], samples["", "eager"]
    yield Figure(
        "cold",
        "everything eager, above an empty interpreter",
        _ratio(eager, empty),
        "x",
        beside=f"{1000 * statistics.median(eager):.0f} ms and {1000 * statistics.median(empty):.0f} ms",
    )
    for one in events:
        for mode, what in ANSWERS.items():
            times = samples[one.name, mode]
            beside = (
                f"{1000 * statistics.median(times):.0f} ms, {_ratio(times, empty):.1f} x an empty interpreter, "
                f"answered {one.expected}"
            )
            yield Figure(
                "cold", f"{one.name}, {what}, of everything eager", _ratio(times, eager), "%", at_most(GOAL), beside
            )


def _ratio(above: list[float], below: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(above, below, strict=True))
