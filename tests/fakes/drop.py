"""The bucket behind the stage's SFTP server, in memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from gateway.adapters.drop import LINK_S
from gateway.core.ports import FileLink

_OURS = re.compile(r"[0-9a-f]{32}/")


class FakeDrop:
    """Fills `Drop`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.files: dict[str, tuple[datetime, bytes]] = {}
        self._now = now
        self._links = 0

    def keep(self, path: str, content: bytes) -> None:
        """Have a file in the bucket, as the SFTP server has when it is closed."""
        self.files[path] = (self._now(), content)

    def fetch(self, url: str) -> bytes:
        """What whoever has the link gets."""
        return self.files[url.removeprefix("https://bucket.test/").partition("?")[0]][1]

    def link(self, folder: str, name: str, *, content_type: str, save_as: str, now: datetime) -> FileLink | None:
        """See `Drop.link`."""
        key = f"{folder}/{name}"
        left = {path: kept for path, kept in self.files.items() if path.startswith(f"{folder}/") and path[-1] != "/"}
        if not left:
            return None
        found = left.get(key) or max(left.values(), key=lambda kept: kept[0])
        self.files = {path: kept for path, kept in self.files.items() if path not in left} | {key: found}
        self._links += 1
        signed = urlencode({"type": content_type, "as": save_as, "signature": f"{self._links:032x}"})
        return FileLink(f"https://bucket.test/{key}?{signed}", now + timedelta(seconds=LINK_S), len(found[1]))

    def tidy(self, *, before: datetime) -> int:
        """See `Drop.tidy`."""
        old = [path for path, (at, _) in self.files.items() if at < before and _OURS.match(path)]
        for path in old:
            del self.files[path]
        return len(old)
