"""Office versions: what `ProgramVersion` says, and what a method's `since` means."""

from __future__ import annotations

from functools import total_ordering


@total_ordering
class Version:
    """A version of Open Dental, such as 25.4.11; a fourth number (`24.3.12.0`) says nothing and is dropped.

    The text given is kept, so "25.4" prints as it was written though it compares as 25.4.0.
    """

    __slots__ = ("_parts", "_text")

    def __init__(self, major: int, minor: int, build: int = 0, *, text: str | None = None) -> None:
        self._parts = (major, minor, build)
        self._text = text or f"{major}.{minor}.{build}"

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read "25.4", "25.4.11" or "25.4.11.0".

        Raises:
            ValueError: not two to four whole numbers with points between them.
        """
        parts = text.strip().split(".")
        if not 2 <= len(parts) <= 4 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
            raise ValueError("a version is two to four whole numbers with points between them")
        major, minor, build = (*map(int, parts), 0)[:3]
        return cls(major, minor, build, text=text.strip())

    @property
    def branch(self) -> tuple[int, int]:
        """Major and minor: builds are counted within a branch, and several branches are maintained at once."""
        return self._parts[:2]

    @property
    def build(self) -> int:
        """0 where the text names a branch only."""
        return self._parts[2]

    def has(self, since: Version | None) -> bool:
        """Say whether an office of this version presumably knows what came with `since`.

        Features are carried back into older branches, and a branch that is newer by name may hold older builds,
        so only an answer within one branch is certain. Use it to explain and to choose; `VersionTooOld` from the
        office is the truth. None stands for "always there".
        """
        return since is None or self >= since

    def __eq__(self, other: object) -> bool:
        return self._parts == other._parts if isinstance(other, Version) else NotImplemented

    def __lt__(self, other: Version) -> bool:
        return self._parts < other._parts if isinstance(other, Version) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._parts)

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Version({self._text!r})"
