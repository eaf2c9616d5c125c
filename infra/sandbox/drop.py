"""The sandbox's SFTP server: what a user has of his own for the files of documents, here on loopback.

The server is `sftp_site.py`, the bucket and the secret behind it are the emulator's, made before the stacks as a user
would have made them; the gateway is told of all three by the file that `-c sftp_drop=` names.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from infra.sandbox.sftp_site import SftpSite

BUCKET = "sandbox-sftp-drop"
PREFIX = "from-open-dental/"
FOLDER = "in"
USERNAME = "open-dental"
KEPT_AS = "sandbox/sftp-drop"


class Drop:
    """The server, from `start` until `stop`."""

    def __init__(self, home: Path) -> None:
        self.file = home / "sftp_drop.json"
        self._site: SftpSite | None = None

    def start(self, *, s3: Any, secrets_manager: Any) -> None:
        """Make the bucket and the secret, listen, and write down for the CDK app where."""
        password = secrets.token_urlsafe(24)
        s3.create_bucket(Bucket=BUCKET)
        kept = secrets_manager.create_secret(Name=KEPT_AS, SecretString=json.dumps({"password": password}))

        def keep(path: str, content: bytes) -> None:
            s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}{path.removeprefix(f'{FOLDER}/')}", Body=content)

        self._site = SftpSite(username=USERNAME, password=password, keep=keep).start()
        said = {
            "host": "127.0.0.1",
            "port": self._site.port,
            "folder": FOLDER,
            "username": USERNAME,
            "secret_arn": kept["ARN"],
            "bucket": BUCKET,
            "prefix": PREFIX,
        }
        self.file.write_text(json.dumps(said, indent=2) + "\n")

    def stop(self) -> None:
        """Close the server."""
        if self._site is not None:
            self._site.stop()
        self.file.unlink(missing_ok=True)
