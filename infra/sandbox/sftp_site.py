"""An SFTP server on loopback in the place of the user's own: one user, and a store behind it instead of a disk.

It stands in for AWS Transfer Family in front of a bucket: a file is in the store when it has been closed, not before.
"""

from __future__ import annotations

import asyncio
import posixpath
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import asyncssh

Keep = Callable[[str, bytes], None]
"""Takes a file's path, without a slash in front, and what is in it."""

START_S = 10


class _Open:
    """A file that is being written."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.content = bytearray()


class _Files(asyncssh.SFTPServer):
    def __init__(self, channel: Any, site: SftpSite) -> None:
        super().__init__(channel)
        self._site = site

    def realpath(self, path: bytes) -> bytes:
        return posixpath.normpath(posixpath.join("/", path.decode())).encode()

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:  # noqa: ARG002 - SFTP's own
        self._site.folders.add(self._plain(path))

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:  # noqa: ARG002 - SFTP's own
        if not pflags & asyncssh.FXF_WRITE:
            raise asyncssh.SFTPPermissionDenied("files are left here, not fetched")
        name = self._plain(path)
        if posixpath.dirname(name) not in self._site.folders:
            raise asyncssh.SFTPNoSuchFile("there is no such folder")
        return _Open(name)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        assert isinstance(file_obj, _Open)
        missing = offset - len(file_obj.content)
        file_obj.content.extend(b"\0" * max(0, missing))
        file_obj.content[offset : offset + len(data)] = data
        return len(data)

    async def close(self, file_obj: object) -> None:
        assert isinstance(file_obj, _Open)
        self._site.sizes[file_obj.path] = len(file_obj.content)
        await asyncio.to_thread(self._site.keep, file_obj.path, bytes(file_obj.content))

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        name = self._plain(path)
        if name in self._site.folders:
            return asyncssh.SFTPAttrs(type=asyncssh.FILEXFER_TYPE_DIRECTORY, permissions=0o40755)
        if name not in self._site.sizes:
            raise asyncssh.SFTPNoSuchFile("there is no such file")
        return asyncssh.SFTPAttrs(
            type=asyncssh.FILEXFER_TYPE_REGULAR, permissions=0o100644, size=self._site.sizes[name]
        )

    lstat = stat

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        assert isinstance(file_obj, _Open)
        return asyncssh.SFTPAttrs(type=asyncssh.FILEXFER_TYPE_REGULAR, permissions=0o100644, size=len(file_obj.content))

    def _plain(self, path: bytes) -> str:
        return self.realpath(path).decode().strip("/")


class _Door(asyncssh.SSHServer):
    def __init__(self, site: SftpSite) -> None:
        self._site = site

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - everybody has to prove who he is
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (self._site.username, self._site.password)


class SftpSite:
    """The server. It listens on a port of its own from `start` until `stop`, or for as long as a `with` block."""

    def __init__(self, *, username: str, password: str, keep: Keep) -> None:
        self.username = username
        self.password = password
        self.keep = keep
        self.folders: set[str] = {""}
        self.sizes: dict[str, int] = {}
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sftp-site", daemon=True)
        self._acceptor: asyncssh.SSHAcceptor | None = None

    def start(self) -> Self:
        """Listen; returns itself."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(START_S)
        return self

    def stop(self) -> None:
        """Close every connection. A second call does nothing."""
        if self._loop.is_closed():
            return
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(START_S)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(START_S)
        self._loop.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    async def _listen(self) -> None:
        self._acceptor = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            server_factory=lambda: _Door(self),
            sftp_factory=lambda channel: _Files(channel, self),
            allow_scp=False,
        )
        self.port = self._acceptor.get_port()

    async def _close(self) -> None:
        if self._acceptor is not None:
            self._acceptor.close()
            await self._acceptor.wait_closed()
        await asyncio.get_running_loop().shutdown_default_executor()
