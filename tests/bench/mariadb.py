"""A real database for an hour: the distribution's MariaDB, unpacked into a temporary folder, on a socket in it."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGES: Final = ("mariadb-server-core", "mariadb-client-core", "liburing2", "libaio1")
STARTS_WITHIN_S: Final = 60.0


class NotHere(Exception):
    """There is no MariaDB on this machine, and none to be had; carries why."""


@dataclass(frozen=True)
class Database:
    """A server that runs, and how to ask it."""

    client: tuple[str, ...]
    environment: dict[str, str]
    version: str

    def run(self, sql: str) -> list[list[str]]:
        """The rows of the last statements of `sql` that have some, as texts; NULL is `NULL`. Raises RuntimeError."""
        done = subprocess.run(
            [*self.client, "--batch", "--skip-column-names"],
            input=sql, text=True, capture_output=True, env=self.environment, timeout=600, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[:500])
        return [[_as_it_was(text) for text in line.split("\t")] for line in done.stdout.split("\n") if line]


def _as_it_was(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t", "0": "\0"}.get(found[1], found[1]), text)


@contextmanager
def mariadb() -> Iterator[Database]:
    """Start a server and stop it by its process at the end; nothing of it is left.

    Raises: NotHere.
    """
    with tempfile.TemporaryDirectory(prefix="mariadb-") as folder:
        home = Path(folder)
        server, client, environment, messages = _installed() or _unpacked(home)
        socket, data = home / "s.sock", home / "data"
        data.mkdir()
        process = subprocess.Popen(
            [
                server, "--no-defaults", f"--user={_user()}", f"--datadir={data}", "--skip-networking",
                f"--socket={socket}", "--skip-grant-tables", f"--pid-file={home / 'pid'}", "--sql-mode=",
                "--default-time-zone=+00:00", "--innodb-buffer-pool-size=32M", *messages,
            ],
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            database = Database((client, "--no-defaults", f"--socket={socket}"), environment, "")
            yield Database(database.client, environment, _awaited(database, process))
        finally:
            process.terminate()
            process.wait(timeout=30)


def _awaited(database: Database, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            return database.run("SELECT VERSION()")[0][0]
        except RuntimeError:
            time.sleep(0.2)
    raise NotHere("the server did not start")


def _installed() -> tuple[str, str, dict[str, str], list[str]] | None:
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    server, client = shutil.which("mariadbd", path=path), shutil.which("mariadb", path=path)
    return None if server is None or client is None else (server, client, dict(os.environ), [])


def _unpacked(home: Path) -> tuple[str, str, dict[str, str], list[str]]:
    """The packages, downloaded by the distribution's own client and unpacked without being installed."""
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise NotHere("no mariadb here, and no apt-get to get it with")
    root = home / "root"
    try:
        subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=home, check=True, capture_output=True, timeout=120)
        for package in home.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, root], check=True, capture_output=True, timeout=120)
    except (subprocess.SubprocessError, OSError):
        raise NotHere("no mariadb here, and its packages could not be downloaded") from None
    libraries = ":".join(str(one.parent) for one in root.rglob("*.so.*"))
    share = root / "usr/share/mysql"
    return (
        str(root / "usr/sbin/mariadbd"),
        str(root / "usr/bin/mariadb"),
        {**os.environ, "LD_LIBRARY_PATH": libraries},
        [f"--lc-messages-dir={share / 'english'}", f"--character-sets-dir={share / 'charsets'}"],
    )


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name
