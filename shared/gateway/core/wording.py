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
    asked = name[:100].lower()
    # A slip of the pen before a word that says more than it needs to (`first_name` for `name`), and what is merely
    # alike last: `first_name` has as many letters in common with `birth_date`.
    near = (
        get_close_matches(asked, by_case, n=1, cutoff=0.8)
        or get_close_matches(asked, [one for one in by_case if _words(one) < _words(asked)], n=1, cutoff=0)
        or get_close_matches(asked, by_case, n=1)
    )
    return f"there is no such {what}; " + (
        f'did you mean "{by_case[near[0]]}"?' if near else f"known are {', '.join(names)}"
    )


def _words(name: str) -> frozenset[str]:
    """The words of a name, one or several of a thing alike."""
    return frozenset(word.removesuffix("s") for word in name.split("_"))
