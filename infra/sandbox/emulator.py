"""The AWS emulator MiniStack: installed in an environment of its own, started on loopback, stopped with us."""

from __future__ import annotations

import fcntl
import os
import platform
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import uv
from botocore.config import Config

from infra.sandbox.processes import Kept, SandboxError, free_port

MINISTACK = "1.5.33"
# boto3 is what the Lambda runtime brings, cryptography what the emulator's KMS needs; one set for every machine.
PACKAGES = (f"ministack=={MINISTACK}", "boto3==1.43.106", "cryptography==50.0.2")
ACCOUNT = "000000000000"
REGION = "us-east-1"
ROOT_KEY = "test"
"""MiniStack's root credentials: access key and secret key alike. They open nothing but this emulator."""

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY")
"""All that a function may see of this machine's environment: the emulator hands its own to every function, and a
function that finds a variable here finds none on AWS."""


def python_version() -> str:
    """Return the Python that functions run on here, as "3.11": MiniStack starts them with its own interpreter."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def uv_platform() -> str:
    """Return this machine as uv's `--python-platform` spells it, for the layer's wheels.

    Raises:
        SandboxError: a machine nobody has run the sandbox on.
    """
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    system = platform.system()
    if system == "Linux":
        return f"{machine}-manylinux_2_28"
    if system == "Darwin":
        return f"{machine}-apple-darwin"
    raise SandboxError(f"the sandbox runs on Linux and macOS, not on {system}; Windows users run it in WSL")


def install(home: Path) -> Path:
    """Return the interpreter of MiniStack's environment under `home`, made at the first call (about 2 s).

    It pins its own botocore, so it cannot share ours.

    Raises:
        SandboxError: the packages could not be installed.
    """
    target = home / f"ministack-{MINISTACK}-py{python_version()}"
    python = target / "bin" / "python"
    complete = target / "complete"
    if complete.exists():
        return python
    home.mkdir(parents=True, exist_ok=True)
    with (home / "install.lock").open("w") as lock:
        # Two sandboxes of one checkout may start for the first time together.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            _install_into(target, python)
            complete.touch()
    return python


def _install_into(target: Path, python: Path) -> None:
    tool = uv.find_uv_bin()
    for command in (
        [tool, "venv", "--quiet", "--clear", "--python", sys.executable, str(target)],
        [
            tool,
            "pip",
            "install",
            "--quiet",
            "--python",
            str(python),
            f"ministack=={MINISTACK}",
            "boto3",
            "cryptography",
        ],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SandboxError(f"the AWS emulator could not be installed:\n{done.stderr.strip()}")


class Emulator:
    """A running MiniStack, on 127.0.0.1 only, with its data under `home`."""

    def __init__(self, home: Path, *, port: int | None = None, tools: Path | None = None) -> None:
        """Start it and return when it answers; its own environment is kept under `tools`, for all sandboxes.

        `AUTH=true` gives each function the credentials of its own role and refuses what that role may not do.

        Raises:
            SandboxError: it could not be installed, or did not start.
        """
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        python = install(tools or home)
        state = home / "emulator"
        (state / "tmp").mkdir(parents=True, exist_ok=True)
        settings = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "AUTH": "true",
            # Listeners of services that nobody here uses, and that would not stay on loopback.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LAMBDA_EXECUTOR": "local",
            "S3_DATA_DIR": str(state / "s3"),
            "STATE_DIR": str(state / "state"),
            # Warm functions unpack here; the whole folder goes when the sandbox stops.
            "TMPDIR": str(state / "tmp"),
            # Lambda's own zone: a handler that reads the machine's clock as local time must fail here too.
            "TZ": ":UTC",
            "NO_PROXY": "127.0.0.1,localhost",
            # No look-up of instance metadata or of a user's own AWS profile.
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "PYTHONUNBUFFERED": "1",
        }
        inherited = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self.process = Kept(
            "the AWS emulator",
            [str(python), "-m", "ministack"],
            log=home / "emulator.log",
            env=inherited | settings,
            cwd=state,
        )
        try:
            self.process.wait_until(self._answers, within_s=20)
        except BaseException:
            self.process.stop()
            raise

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=2) as answer:  # noqa: S310 (our own http)
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def client(self, service: str) -> Any:
        """Return a boto3 client of `service` with root credentials, blind to the user's own AWS settings."""
        core = botocore.session.Session()
        core.set_config_variable("config_file", os.devnull)
        core.set_config_variable("credentials_file", os.devnull)
        make: Any = boto3.Session(botocore_session=core).client
        return make(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=ROOT_KEY,
            aws_secret_access_key=ROOT_KEY,
            config=Config(
                retries={"total_max_attempts": 2},
                read_timeout=180,
                max_pool_connections=40,
                s3={"addressing_style": "path"},
                proxies={},
            ),
        )

    def stop(self) -> None:
        """End it and every warm function."""
        self.process.stop()
