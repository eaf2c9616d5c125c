"""Child processes that end when we do, however we end."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

KEEPER = Path(__file__).with_name("keeper.py")


class SandboxError(Exception):
    """The sandbox cannot go on; the message says why and where to look."""


class Kept:
    """A command under `keeper.py`, its output in a log file."""

    def __init__(self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as out:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", str(KEEPER), *command],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd,
                # A group of its own, so that a Ctrl-C in the terminal does not end it before we say so.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The keeper's process id; ending it ends the command."""
        return self._keeper.pid

    @property
    def running(self) -> bool:
        """Whether the command has not ended yet."""
        return self._keeper.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, within_s: float) -> None:
        """Return once `ready()` holds.

        Raises:
            SandboxError: the command ended, or it was not ready in time; with the end of its log.
        """
        deadline = time.monotonic() + within_s
        while not ready():
            if not self.running:
                self._let_go()
                raise SandboxError(f"{self.name} stopped while starting:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise SandboxError(f"{self.name} was not ready after {within_s:.0f} s:\n{self.tail()}")
            time.sleep(0.05)

    def stop(self, *, within_s: float = 10.0) -> None:
        """End the command and everything it started; a second call does nothing."""
        self._let_go()
        try:
            self._keeper.wait(within_s)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()

    def _let_go(self) -> None:
        if self._keeper.stdin is not None:
            with contextlib.suppress(OSError):
                self._keeper.stdin.close()

    def tail(self, lines: int = 20) -> str:
        """Return the last `lines` of the log, and where the rest is."""
        text = self.log.read_text(errors="replace").splitlines()
        return "\n".join([*text[-lines:], f"(whole log: {self.log})"])


def free_port() -> int:
    """Return a loopback port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def port_is_free(port: int) -> bool:
    """Whether a server could listen on loopback port `port` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
