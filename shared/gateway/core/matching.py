"""Whether two records are of one person: a score, the reasons for it, and a level. Pure, and the same for both sides.

Nothing is guessed: there is no list of nicknames and no measure of how alike two spellings are, so that an answer can
be explained field by field and never changes by itself. What rules the level:

* Another birth date, or another sex, is another person, whatever else agrees: a son has his father's name, telephone
  and address.
* Another first name is another person unless birth date, last name and a telephone number or an e-mail address agree;
  then it is `possible`, no more: so are twins, and so is somebody who goes by another name there. Another last name
  likewise: so is somebody who has married.
* A family shares telephones and addresses. They turn what name and birth date make `likely` into `certain`, and
  without either they are worth nothing.
* What is not known on one side speaks for nobody. Without a birth date on both sides nothing is more than `possible`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from gateway.core.normalize.patients import SEX
from gateway.core.normalize.values import day, e164, emails


class Kind(StrEnum):
    """How one field of two records compares."""

    EXACT = "exact"
    FOLDED = "folded"
    """The same but for case, accents, hyphens, spaces, punctuation and words like Jr; or the name that somebody goes by
    in one record is the first name in the other."""
    PARTIAL = "partial"
    """A part of it is the same: one of two last names, an initial, the beginning of a first name."""
    MISSING = "missing"
    """One of the two does not say."""
    CONFLICT = "conflict"


class Level(StrEnum):
    """What the score and the reasons come to. Whoever is less than `possible` is no match."""

    CERTAIN = "certain"
    """Name and birth date agree, and so does a telephone number or an e-mail address."""
    LIKELY = "likely"
    """Name and birth date agree; or one of several last names does, and a telephone number or an e-mail address."""
    POSSIBLE = "possible"
    """Worth a human look, and nothing more."""


CERTAIN_FROM: Final = 85
LIKELY_FROM: Final = 70
POSSIBLE_FROM: Final = 45
"""Hundredths of the score from which a level is reached, where the rules of this module do not hold it lower."""

WEIGHTS: Final[Mapping[str, int]] = {
    "birth_date": 40,
    "last_name": 18,
    "first_name": 18,
    "phone": 12,
    "email": 12,
    "sex": 0,
    "suffix": 0,
}
"""Hundredths that an agreeing field adds, half of it where it agrees in part. Sex and suffix only speak against."""

_RANK: Final = {None: 0, Level.POSSIBLE: 1, Level.LIKELY: 2, Level.CERTAIN: 3}

PLACEHOLDER: Final = "1900-01-01"
"""What conversions from other programs write for a birth date that nobody knew."""

_SUFFIXES: Final = {"jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr", "ii": "ii", "2nd": "ii", "iii": "iii",
                    "3rd": "iii", "iv": "iv", "4th": "iv"}  # fmt: skip
_SAME_GENERATION: Final = {"jr": "ii"}
"""John Smith Jr is John Smith II."""

_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
"""Letters with a stroke and joined ones, which Unicode takes for letters of their own."""

_SILENT: Final = str.maketrans("", "", "'’`´ʼ.")
_WORD: Final = re.compile(r"[^\W_]+")
_LEAST_BEGINNING: Final = 3
"""Letters from which the beginning of a first name says something: Dan of Daniel, and not Jo of Joseph and Joan."""


@dataclass(frozen=True, slots=True)
class Person:
    """What is compared of a record. Texts are as they were written; `phones` are E.164, `emails` in lower case.

    `birth_date` is ISO. Nothing known is an empty text, None or no entry. Has no repr that a log should see.
    """

    last: str = ""
    first: str = ""
    middle: str = ""
    preferred: str = ""
    birth_date: str | None = None
    sex: str | None = None
    phones: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return "Person(...)"


@dataclass(frozen=True, slots=True)
class Reason:
    """How one field compared, and what it added to the score, in hundredths."""

    field: str
    kind: Kind
    weight: int


@dataclass(frozen=True, slots=True)
class Match:
    """How two records compare. `points` is the score in hundredths; a `level` of None is no match."""

    points: int
    level: Level | None
    reasons: tuple[Reason, ...]

    @property
    def score(self) -> float:
        """From 0 to 1."""
        return self.points / 100


def person_of(row: Mapping[str, Any]) -> Person:
    """A patient row as a person.

    Source of the columns: https://www.opendental.com/site/apipatients.html.
    """
    numbers = (e164(row[column]) for column in ("HmPhone", "WkPhone", "WirelessPhone") if row.get(column))
    born = day(row.get("Birthdate"))
    return Person(
        last=_text(row, "LName"),
        first=_text(row, "FName"),
        middle=_text(row, "MiddleI"),
        preferred=_text(row, "Preferred"),
        birth_date=None if born == PLACEHOLDER else born,
        sex=sex if (sex := SEX[row.get("Gender")]) in {"male", "female"} else None,
        phones=frozenset(number for number in numbers if number is not None),
        emails=frozenset(one["address"].casefold() for one in emails(str(row.get("Email") or ""))),
    )


def readings(name: str) -> list[tuple[str, str]]:
    """What a name that somebody typed may mean, as (last, first): one way with a comma, else one for each gap.

    `Jan van Dyke` is van Dyke, Jan as well as Dyke, Jan van: the comparison with a record decides. A single word is a
    last name.
    """
    last, comma, first = name.partition(",")
    if comma:
        return [(last.strip(), first.strip())]
    words = name.split()
    if len(words) < 2:
        return [(name.strip(), "")]
    return [(" ".join(words[at:]), " ".join(words[:at])) for at in range(len(words) - 1, 0, -1)]


def folded(text: str) -> list[str]:
    """The words of a name without case, accents and punctuation; a suffix such as Jr is none of them."""
    words = _words(text)
    return words[:-1] if len(words) > 1 and words[-1] in _SUFFIXES else words


def best(asked: Iterable[Person], of: Person) -> Match:
    """The best match of any of these readings of one person. Of equal ones the first."""
    return max((compare(one, of) for one in asked), key=lambda match: (_RANK[match.level], match.points))


def compare(one: Person, other: Person) -> Match:
    """How two records compare: the same whichever comes first."""
    first, by_preferred = _first_names(one, other)
    kinds = {
        "birth_date": _alike(one.birth_date, other.birth_date),
        "last_name": _last_names(one.last, other.last),
        "first_name": first,
        "phone": _shared(one.phones, other.phones),
        "email": _shared(one.emails, other.emails),
        "sex": _alike(one.sex, other.sex),
    }
    suffixes = _suffix(one), _suffix(other)
    if any(suffixes):
        kinds["suffix"] = _alike(*suffixes)
    reasons = tuple(Reason(field, kind, _weight(field, kind)) for field, kind in kinds.items())
    points = sum(reason.weight for reason in reasons)
    return Match(points, _level(points, kinds, by_preferred=by_preferred), reasons)


def _weight(field: str, kind: Kind) -> int:
    if kind in {Kind.EXACT, Kind.FOLDED}:
        return WEIGHTS[field]
    return WEIGHTS[field] // 2 if kind is Kind.PARTIAL else 0


def _level(points: int, kinds: Mapping[str, Kind], *, by_preferred: bool) -> Level | None:
    cap = _cap(kinds, by_preferred=by_preferred)
    for level, least in (
        (Level.CERTAIN, CERTAIN_FROM),
        (Level.LIKELY, LIKELY_FROM),
        (Level.POSSIBLE, POSSIBLE_FROM),
    ):
        if points >= least and _RANK[level] <= _RANK[cap]:
            return level
    return None


def _cap(kinds: Mapping[str, Kind], *, by_preferred: bool) -> Level | None:
    """The highest level that the reasons allow, whatever they add up to."""
    if Kind.CONFLICT in {kinds["birth_date"], kinds["sex"]}:
        return None
    names = kinds["last_name"], kinds["first_name"]
    if Kind.CONFLICT in names:
        same_contact = Kind.EXACT in {kinds["phone"], kinds["email"]}
        other = names[1] if names[0] is Kind.CONFLICT else names[0]
        agrees = other in {Kind.EXACT, Kind.FOLDED} and kinds["birth_date"] is Kind.EXACT and same_contact
        return Level.POSSIBLE if agrees else None
    if Kind.MISSING in {*names, kinds["birth_date"]} or kinds.get("suffix") is Kind.CONFLICT:
        return Level.POSSIBLE
    if kinds["first_name"] is Kind.PARTIAL:
        # Whose twin is John, if both are J?
        return Level.POSSIBLE
    return Level.LIKELY if by_preferred or kinds["last_name"] is Kind.PARTIAL else Level.CERTAIN


def _alike(one: str | None, other: str | None) -> Kind:
    if not one or not other:
        return Kind.MISSING
    return Kind.EXACT if one == other else Kind.CONFLICT


def _shared(one: frozenset[str], other: frozenset[str]) -> Kind:
    if not one or not other:
        return Kind.MISSING
    return Kind.EXACT if one & other else Kind.CONFLICT


def _last_names(one: str, other: str) -> Kind:
    mine, theirs = folded(one), folded(other)
    if not mine or not theirs:
        return Kind.MISSING
    if one.strip() == other.strip():
        return Kind.EXACT
    if "".join(mine) == "".join(theirs):
        return Kind.FOLDED
    return Kind.PARTIAL if set(mine) & set(theirs) else Kind.CONFLICT


def _first_names(one: Person, other: Person) -> tuple[Kind, bool]:
    """How the first names compare, and whether it is only by the name that somebody goes by."""
    mine, theirs = folded(one.first), folded(other.first)
    if not mine or not theirs:
        return Kind.MISSING, False
    if one.first.strip() == other.first.strip():
        return Kind.EXACT, False
    # Mary Ann is in one record what is Mary with the middle name Ann in another.
    if {_joined(mine), _joined(mine + folded(one.middle))} & {_joined(theirs), _joined(theirs + folded(other.middle))}:
        return Kind.FOLDED, False
    called = {name for name in (_joined(mine), _joined(folded(one.preferred))) if name}
    if called & {name for name in (_joined(theirs), _joined(folded(other.preferred))) if name}:
        return Kind.FOLDED, True
    short, long = sorted((mine[0], theirs[0]), key=len)
    is_beginning = long.startswith(short) and (len(short) == 1 or len(short) >= _LEAST_BEGINNING)
    return (Kind.PARTIAL if is_beginning or set(mine) & set(theirs) else Kind.CONFLICT), False


def _suffix(person: Person) -> str | None:
    for text in (person.last, person.first, person.middle):
        words = _words(text)
        if words and words[-1] in _SUFFIXES and (len(words) > 1 or text is person.middle):
            found = _SUFFIXES[words[-1]]
            return _SAME_GENERATION.get(found, found)
    return None


def _joined(words: list[str]) -> str:
    return "".join(words)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS).translate(_SILENT))
    return _WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))


def _text(row: Mapping[str, Any], column: str) -> str:
    return str(row.get(column) or "").strip()
