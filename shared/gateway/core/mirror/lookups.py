"""Ways to rows other than by key, parent, day or change: which texts lead to a row, and what a name is looked up by.

A way is for a question whose answer is small however large the practice is. What fits a good part of all rows (active
patients, received claims, tasks that are done) has none: such a list is walked in the order of keys, and nearly every
row that a walk looks at is one of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Final, TypeAlias

from gateway.core.normalize.names import words
from gateway.core.normalize.patients import phones_of
from gateway.core.normalize.values import emails, key

Row: TypeAlias = Mapping[str, Any]

MOST_LETTERS: Final = 40
"""Of each word of a name."""

END: Final = "\U0010ffff"
"""Behind every text that begins as the one before it."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the rows of a resource.

    `texts`: those that a row is found by. `param`: the list's parameter that asks for just that, where there is one;
    `since`: it means "on or after", and texts are days. `is_secret`: texts are kept as HMAC only, so that they lead to
    rows and nobody reads them. `is_wide`: so many rows share a text that a time of change leads to fewer. `but`: the
    text that most rows have, which leads nowhere.
    """

    name: str
    texts: Callable[[Row], Iterable[str]]
    param: str | None = None
    since: bool = False
    is_secret: bool = False
    is_wide: bool = False
    but: str | None = None

    def leads_by(self, text: str) -> bool:
        """Whether rows with this text are on the way; those without a day are on none."""
        return text not in {"", "0", self.but} and text[:4] != "0001"

    def text_of(self, value: object) -> str:
        """A parameter's value as the text that leads to its rows."""
        return str(value)[:10] if self.since else str(value).casefold()


def _number(column: str, *, is_wide: bool = False) -> Way:
    """Rows by another row that they name; 0 names none."""
    return Way(column, lambda row: (str(number),) if (number := key(row.get(column))) else (), column, is_wide=is_wide)


def _word(column: str, *, but: str) -> Way:
    """Rows by a word of an enumeration, but the one that most of them have."""

    def texts(row: Row) -> Iterator[str]:
        if (text := str(row.get(column) or "").casefold()) and text != but.casefold():
            yield text

    return Way(column, texts, column, is_wide=True, but=but.casefold())


def _day(column: str, *, param: str | None = None) -> Way:
    """Rows by a day, in order."""

    def texts(row: Row) -> Iterator[str]:
        if (day := str(row.get(column) or "")[:10])[:4] not in {"", "0001"}:
            yield day

    return Way(column, texts, param, since=True, is_wide=True)


# Names


def names_of(row: Row) -> tuple[list[str], list[str]]:
    """The folded words of a patient's last name, and of all other names."""
    family = [word[:MOST_LETTERS] for word in words(row.get("LName"))]
    given = [word[:MOST_LETTERS] for column in ("FName", "MiddleI", "Preferred") for word in words(row.get(column))]
    return list(dict.fromkeys(family)), list(dict.fromkeys(given))


def last_names(row: Row) -> set[str]:
    """Each word of the last name, with each other word behind it: `smith john`."""
    family, given = names_of(row)
    return {f"{one} {other}" for one in family for other in [*family, *given] if other != one} or {
        f"{one} " for one in family
    }


def given_names(row: Row) -> set[str]:
    """Each other word of the name, and of any two of them one behind the other at least: `mary ann`."""
    _, given = names_of(row)
    if len(given) < 4:
        return {f"{one} {given[place + 1 - len(given)] if len(given) > 1 else ''}" for place, one in enumerate(given)}
    return {" ".join(two) for two in permutations(given, 2)}


@dataclass(frozen=True, slots=True)
class Named:
    """Names to look up: those on `way` with a word that begins with `word`, and another that begins with `other`."""

    way: str
    word: str
    other: str = ""


def named(name: str) -> list[Named]:
    """What leads to everybody that `PatientsQuery.name` means, and few others; nothing where it has no letters."""
    last, comma, first = name.partition(",")
    family = _cut(words(last)) if comma else _cut(words(name))
    given = _cut(words(first)) if comma else []
    if not comma and len(family) > 1:
        family, given = family[-1:], family[:-1]
    if family:
        return [Named("last", *_two(family, given))]
    return [one for one in named_anyhow(first) if one.way == "given"] if given else []


def named_anyhow(name: str) -> list[Named]:
    """The same for `PatientsQuery.any_name`: any word may be of the last name, or none is."""
    asked = _cut(words(name))
    if not asked:
        return []
    word, other = _two(asked, [])
    ways = [Named("last", word, other), Named("given", word, other)]
    return ways + ([Named("last", other, word), Named("given", other, word)] if other else [])


def _cut(found: Iterable[str]) -> list[str]:
    return [word[:MOST_LETTERS] for word in found]


def _two(asked: Sequence[str], others: Sequence[str]) -> tuple[str, str]:
    """The longest word asked for, and the longest one that no word of a name can begin with as well: two words of it
    are meant then."""
    first = max(asked, key=len)
    apart = [one for one in (*asked, *others) if not (one.startswith(first) or first.startswith(one))]
    return first, max(apart, key=len, default="")


def stretches(one: Named) -> Iterator[tuple[str, str, str]]:
    """First and last text, and what must follow the space, of each stretch that has such names.

    Whoever has just that word is found with the other; whoever has a longer one is rare, and looked through.
    """
    yield f"{one.word} {one.other}", f"{one.word} {one.other}{END}", ""
    yield f"{one.word}!", f"{one.word}{END}", one.other


WAYS: Final[Mapping[str, tuple[Way, ...]]] = {
    "patients": (
        Way("born", lambda row: _day("Birthdate").texts(row), "Birthdate", is_secret=True),
        Way("phone", phones_of, is_secret=True),
        Way(
            "email",
            lambda row: {one["address"].casefold() for one in emails(str(row.get("Email") or ""))},
            is_secret=True,
        ),
        Way("last", last_names),
        Way("given", given_names),
        _word("PatStatus", but="Patient"),
        _number("PriProv", is_wide=True),
        _number("ClinicNum", is_wide=True),
    ),
    "procedurelogs": (_number("PlannedAptNum"),),
    "perioexams": (_day("ExamDate", param="ExamDate"),),
    "recalls": (_day("DateDue"),),
    "claims": (_word("ClaimStatus", but="R"),),
    "claimprocs": (_number("ClaimPaymentNum"),),
    "payments": (_day("DateEntry", param="DateEntry"),),
    "payplans": (_number("Guarantor"),),
    "tasks": (
        _number("KeyNum"),
        _word("TaskStatus", but="Done"),
        _day("DateTimeOriginal", param="DateTimeOriginal"),
    ),
}
"""By the catalogue's name of the resource; of several that could be taken, the first leads to the fewest rows."""


def way_to(resource: str, name: str) -> Way:
    """The way of this name."""
    return next(way for way in WAYS.get(resource, ()) if way.name == name)
