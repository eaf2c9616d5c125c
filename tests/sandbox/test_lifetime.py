"""However the sandbox ends, nothing of it stays: no process, no port, no token on disk."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.sandbox.processes import Kept, SandboxError

HERE = Path(__file__).parent
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


def eventually(holds: Callable[[], bool], *, within_s: float, what: str) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def processes() -> dict[int, tuple[int, str]]:
    """Return every process: id to parent and command line."""
    lines = subprocess.run(["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    split = (line.split(maxsplit=2) for line in lines.splitlines())
    return {int(pid): (int(parent), args) for pid, parent, args in split}


def family(root: int) -> set[int]:
    """Return the ids of `root` and of all it has started: keepers, emulator, functions, practices."""
    parents = {pid: parent for pid, (parent, _) in processes().items()}
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


@contextmanager
def started(home: Path, *, until: str = "state.json") -> Iterator[subprocess.Popen[str]]:
    """Run the command and yield it once `until` is there: by default ready, with warm functions and so much to end."""
    command = [sys.executable, str(HERE / "run_stand_in.py"), "--quiet", "--home", str(home)]
    sandbox = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True, cwd=HERE.parents[1])
    try:
        eventually((home / until).exists, within_s=60, what="the sandbox did not get ready")
        yield sandbox
    finally:
        sandbox.terminate()
        sandbox.communicate(timeout=30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_survives_the_command(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path) as sandbox:
        members = family(sandbox.pid)
        assert any("ministack-lambda" in processes()[pid][1] for pid in members), "no function is warm"

        os.kill(sandbox.pid, number)
        output, _ = sandbox.communicate(timeout=30)

        eventually(lambda: not members & set(processes()), within_s=15, what="something is still running")
        if number is not signal.SIGKILL:
            assert sandbox.returncode == 0
            assert "Ready after" in output
            assert not (tmp_path / "state.json").exists()


def test_ctrl_c_before_it_is_ready_ends_all_that_has_started(tmp_path: Path) -> None:
    with started(tmp_path, until="emulator.log") as sandbox:
        members = family(sandbox.pid)

        sandbox.send_signal(signal.SIGINT)
        sandbox.communicate(timeout=30)

        assert sandbox.returncode == 130
        eventually(lambda: not members & set(processes()), within_s=15, what="something is still running")
        assert not (tmp_path / "state.json").exists()


def test_a_second_sandbox_does_not_take_the_folder_of_a_running_one(tmp_path: Path) -> None:
    with started(tmp_path):
        second = subprocess.run(
            [sys.executable, str(HERE / "run_stand_in.py"), "--quiet", "--home", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            cwd=HERE.parents[1],
        )
        assert second.returncode == 1
        assert "already running" in second.stderr
        assert (tmp_path / "state.json").exists()


def test_a_command_that_ignores_the_polite_signal_is_ended_anyway(tmp_path: Path) -> None:
    kept = Kept("stubborn", [sys.executable, "-c", STUBBORN], log=tmp_path / "log", env=dict(os.environ), cwd=tmp_path)
    kept.wait_until(lambda: "up" in kept.log.read_text(), within_s=10)
    members = family(kept.pid)

    kept.stop()

    assert not members & set(processes())


def test_a_command_that_ends_while_starting_is_reported_with_its_last_words(tmp_path: Path) -> None:
    program = "print('no such table'); raise SystemExit(3)"
    kept = Kept("practice 1", [sys.executable, "-c", program], log=tmp_path / "log", env=dict(os.environ), cwd=tmp_path)

    with pytest.raises(SandboxError, match=r"practice 1 stopped while starting:\s+no such table"):
        kept.wait_until(lambda: False, within_s=10)
