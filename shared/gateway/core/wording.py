"""Words for what a caller got wrong, imported when something is refused: a request that is right pays nothing."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def no_such(what: str, name: str, known: Iterable[str]) -> str:
    """The refusal of a `what` that nobody knows, with the known one it was probably meant to be, or all of them."""
    names = list(known)
    if not names:
        return f"there is no such {what}, and none is taken here"
    by_case = {one.lower(): one for one in names}
    near = get_close_matches(name[:100].lower(), by_case, n=1)
    return f"there is no such {what}; " + (
        f'did you mean "{by_case[near[0]]}"?' if near else f"known are {', '.join(names)}"
    )
