"""Search parameters of FHIR, read: dates with prefixes, tokens with systems, references, text.

Source: https://hl7.org/fhir/R4/search.html. Of each parameter: values separated by commas are alternatives, a parameter
given again must fit as well, and `\\` makes a comma, a bar or a dollar sign plain text.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from gateway.core.errors import Invalid, NotFound
from gateway.core.fhir.elements import CDT, TYPE_OF, kind_of, our_id, our_scoped_id, row_system
from gateway.core.fhir.organization import PRACTICE
from gateway.core.ids import is_id, row_id
from gateway.core.inputs import AFTER_LAST_DAY, FIRST_DAY

Object: TypeAlias = Mapping[str, Any]
Test: TypeAlias = Callable[[Object], bool]
Ask: TypeAlias = Callable[[str, list[str], "Asked"], None]

_PART = re.compile(r"(?:\\.|[^,\\])*")
_DATE = re.compile(
    r"(?P<prefix>[a-z]{2})?(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?P<time>T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+ -]\d\d:\d\d))?)?)?"
)
_OUR_SYSTEM = re.compile(r"urn:open-dental-gateway:(prac_[a-z2-7]+):([a-z]+)")
_PREFIXES: Final = {"eq", "ge", "gt", "le", "lt", "sa", "eb"}
_LONGEST_KEY: Final = 19


@dataclass(slots=True)
class Asked:
    """What a search comes to for one kind of object.

    `fields`: filters of its list. `tests`: what no filter of the list says, asked of each object. `kind`, `table`: of
    the objects. `concerned`: False where a parameter names objects of another kind. `possible`: False where no object
    can fit, whatever there is.
    """

    kind: str
    table: str
    fields: dict[str, Any] = field(default_factory=dict)
    tests: list[Test] = field(default_factory=list)
    concerned: bool = True
    possible: bool = True

    def among(self, ids: Iterable[str]) -> None:
        """Only these objects."""
        found = list(dict.fromkeys(ids))
        self.concerned = self.concerned and bool(found)
        self.fields["ids"] = [one for one in found if one in self.fields.get("ids", found)]
        self.possible = self.possible and bool(self.fields["ids"] or not found)

    def give(self, name: str, param: str, value: Any) -> None:
        """Fill a filter that takes one value."""
        if name in self.fields and self.fields[name] != value:
            raise Invalid(f"{param}: this is given already, and both cannot be looked for", param=param)
        self.fields[name] = value

    def give_any(self, name: str, values: Iterable[Any]) -> None:
        """Fill a filter that takes several values, of which a second time leaves those that were in the first."""
        found = [one for one in dict.fromkeys(values) if one in self.fields.get(name, (one,))]
        self.fields[name] = found
        self.possible = self.possible and bool(found)


@dataclass(frozen=True, slots=True)
class Param:
    """A search parameter: its name and type in FHIR, what it does to a search, and the filters of ours that it fills.

    `says` is for the capability statement.
    """

    name: str
    type: Literal["token", "string", "reference", "date", "number"]
    ask: Ask
    fills: tuple[str, ...] = ()
    says: str = ""


def alternatives(value: str) -> list[str]:
    """The values that a comma separates, still with the `\\` of each."""
    found = _PART.findall(value)
    # The expression finds nothing once more behind each part.
    return [one.strip() for one in found if one.strip()]


def plain(value: str) -> str:
    """A value without its `\\`."""
    return re.sub(r"\\(.)", r"\1", value)


def one_of(name: str, values: list[str]) -> str:
    """The only value, where alternatives cannot be looked for.

    Raises:
        Invalid: there are several.
    """
    if len(values) != 1:
        raise Invalid(f"{name} takes one value; ask once for each", param=name)
    return plain(values[0])


# Dates


@dataclass(frozen=True, slots=True)
class When:
    """What a date parameter asks for: the days or the instants from `first` up to but without `after`."""

    first: datetime | None
    after: datetime | None
    has_time: bool

    @property
    def first_day(self) -> date | None:
        """The first day that fits."""
        return None if self.first is None else self.first.date()

    @property
    def last_day(self) -> date | None:
        """The last day that fits."""
        return None if self.after is None else (self.after - timedelta(days=1)).date()

    def has_day(self, day: str | None) -> bool:
        """Whether a calendar day fits; an unknown one does not."""
        first, last = self.first_day, self.last_day
        return (
            day is not None
            and (first is None or day >= first.isoformat())
            and (last is None or day <= last.isoformat())
        )

    def has_instant(self, instant: str | None) -> bool:
        """Whether an instant (`...Z`) fits; an unknown one does not. Days are UTC's here."""
        if instant is None:
            return False
        at = datetime.fromisoformat(instant.replace("Z", "+00:00"))
        return (self.first is None or at >= self.first) and (self.after is None or at < self.after)


def when(name: str, value: str) -> When:
    """Read a date with its prefix: a year, a month, a day, or a moment with its offset.

    Raises:
        Invalid: it is none, or has a prefix that is not known here.
    """
    match = _DATE.fullmatch(value)
    said = (
        f"{name} takes YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ behind one of {', '.join(sorted(_PREFIXES))}"
    )
    if match is None or (match["prefix"] or "eq") not in _PREFIXES:
        raise Invalid(said, param=name)
    try:
        first, after = _span(match, value)
    except (ValueError, OverflowError):
        raise Invalid(f"{name}: there is no such day or time", param=name) from None
    if not FIRST_DAY <= first.date() < AFTER_LAST_DAY:
        raise Invalid(f"{name} takes a date between {FIRST_DAY} and {AFTER_LAST_DAY}", param=name)
    has_time = match["time"] is not None
    return {
        "eq": When(first, after, has_time),
        "ge": When(first, None, has_time),
        "gt": When(after, None, has_time),
        "sa": When(after, None, has_time),
        "le": When(None, after, has_time),
        "lt": When(None, first, has_time),
        "eb": When(None, first, has_time),
    }[match["prefix"] or "eq"]


def _span(match: re.Match[str], value: str) -> tuple[datetime, datetime]:
    """From when to before when a written date reaches: as far as it is exact.

    Raises:
        ValueError: the calendar does not have it. OverflowError: it reaches over an end of the calendar.
    """
    year, month, day = int(match["year"]), match["month"], match["day"]
    if match["time"]:
        # A plus sign in a query is a space to whoever reads it as a form.
        text = value.removeprefix(match["prefix"] or "").replace(" ", "+").replace("Z", "+00:00")
        at = datetime.fromisoformat(text).astimezone(UTC)
        exact = (
            timedelta(seconds=1) if match["time"].count(":") - (0 if "Z" in value else 1) > 1 else timedelta(minutes=1)
        )
        return at, at + exact
    first = datetime(year, int(month or 1), int(day or 1), tzinfo=UTC)
    days = (
        1 if day else monthrange(year, int(month))[1] if month else (datetime(year + 1, 1, 1, tzinfo=UTC) - first).days
    )
    return first, first + timedelta(days=days)


def days(from_: str, to: str, *, instant: str | None = None) -> Ask:
    """Bounds of calendar days of the office, both included. With `instant` moments are taken, too, and held against
    that field of the objects; the days around them bound the list."""

    def ask(name: str, values: list[str], asked: Asked) -> None:
        said = when(name, one_of(name, values))
        slack = timedelta(0)
        if said.has_time:
            if instant is None:
                raise Invalid(f"{name} takes a calendar day of the office, without a time", param=name)
            asked.tests.append(lambda shown: said.has_instant(shown[instant]))
            # Where the office's day is another than UTC's.
            slack = timedelta(days=1)
        if said.first_day is not None:
            asked.fields[from_] = max(said.first_day - slack, asked.fields.get(from_, date.min))
        if said.last_day is not None:
            last = said.after.date() if said.has_time and said.after else said.last_day
            asked.fields[to] = min(last + slack, asked.fields.get(to, date.max))
        if from_ in asked.fields and to in asked.fields and asked.fields[from_] > asked.fields[to]:
            asked.possible = False

    return ask


def day_of(place: str) -> Ask:
    """A calendar day of the objects that no filter of their list knows."""

    def ask(name: str, values: list[str], asked: Asked) -> None:
        said = when(name, one_of(name, values))
        if said.has_time:
            raise Invalid(f"{name} takes a calendar day of the office, without a time", param=name)
        asked.tests.append(lambda shown: said.has_day(shown[place]))

    return ask


def birth_day(name: str, values: list[str], asked: Asked) -> None:
    """A day of birth bounds the list; a range of them does not, and is looked for among what something else finds."""
    value = one_of(name, values)
    said = when(name, value)
    if said.has_time:
        raise Invalid(f"{name} takes a calendar day", param=name)
    if said.first_day is not None and said.first_day == said.last_day:
        asked.give("birth_date", name, said.first_day)
    else:
        asked.tests.append(lambda shown: said.has_day(shown["birth_date"]))


def last_updated(name: str, values: list[str], asked: Asked) -> None:
    """Changed since, which bounds many lists; changed before is looked for among what was found."""
    said = when(name, one_of(name, values))
    if said.first is not None:
        asked.fields["updated_since"] = max(said.first, asked.fields.get("updated_since", said.first))
    if said.after is not None:
        before = When(None, said.after, said.has_time)
        asked.tests.append(lambda shown: before.has_instant(shown.get("updated_at")))


# Ids, references, tokens


def by_id(_: str, values: list[str], asked: Asked) -> None:
    """Resources by their own ids. One that carries its patient asks for the patient's."""
    found = [one for one in map(our_scoped_id, values) if kind_of(one[0]) == asked.kind]
    asked.among(object_id for object_id, _ in found)
    for patient_id in {patient_id for _, patient_id in found if patient_id is not None}:
        asked.give("patient_id", "_id", patient_id)


def reference_to(kinds: Mapping[str, str]) -> Ask:
    """A reference, written as `Type/id`, as an id or as an address; `kinds`: kind of object -> the filter it fills.

    Raises (when asked):
        NotFound: it is none of ours. Invalid: it is of another type.
    """

    def ask(name: str, values: list[str], asked: Asked) -> None:
        kind, object_id = _referenced(name, one_of(name, values))
        if kind is None or kind not in kinds:
            raise NotFound("no such record to filter by", param=name)
        asked.give(kinds[kind], name, object_id)

    return ask


def references(place: str) -> Ask:
    """A reference that no filter of the list knows: held against the id at `place` of each object."""

    def ask(name: str, values: list[str], asked: Asked) -> None:
        wanted = {_referenced(name, plain(one))[1] for one in values}
        asked.tests.append(lambda shown: shown.get(place) in wanted)

    return ask


def same_as(kind: str) -> Ask:
    """A reference to the object that this resource was made of as well: one id names both."""

    def ask(name: str, values: list[str], asked: Asked) -> None:
        found = [_referenced(name, plain(one)) for one in values]
        asked.among(object_id for of, object_id in found if of == kind)

    return ask


def _referenced(name: str, value: str) -> tuple[str | None, str]:
    head, _, last = value.rpartition("/")
    object_id = our_id(last)
    kind = kind_of(object_id)
    type_ = head.rpartition("/")[2]
    if type_ and kind is not None and TYPE_OF.get(kind, type_) != type_:
        raise Invalid(f"{name}: the reference's type is not that of its id", param=name)
    return kind, object_id


def words(field_: str, table: Mapping[str, str | None], *, known: Iterable[str]) -> Ask:
    """A code of FHIR's, in our words: `table` is ours -> FHIR's, `known` all that FHIR has."""
    all_ = sorted(known)

    def ask(name: str, values: list[str], asked: Asked) -> None:
        codes = {plain(one).rpartition("|")[2] for one in values}
        if not codes <= set(all_):
            raise Invalid(f"{name} takes {', '.join(all_)}", param=name)
        asked.give_any(field_, [ours for ours, theirs in table.items() if theirs in codes])

    return ask


def code_of(place: str, codes: Iterable[str]) -> Ask:
    """A code that is held against what `place` of the objects shows, where no filter of the list knows it."""
    all_ = sorted(codes)

    def ask(name: str, values: list[str], asked: Asked) -> None:
        wanted = {plain(one).rpartition("|")[2] for one in values}
        if not wanted <= set(all_):
            raise Invalid(f"{name} takes {', '.join(all_)}", param=name)
        asked.tests.append(lambda shown: shown[place] in wanted)

    return ask


def mapped_code(place: str, table: Mapping[str, str | None], *, known: Iterable[str]) -> Ask:
    """A code that is held against our word at `place` of the objects: `table` is ours -> FHIR's."""
    all_ = sorted(known)

    def ask(name: str, values: list[str], asked: Asked) -> None:
        wanted = {plain(one).rpartition("|")[2] for one in values}
        if not wanted <= set(all_):
            raise Invalid(f"{name} takes {', '.join(all_)}", param=name)
        asked.tests.append(lambda shown: table.get(_word(shown[place])) in wanted)

    return ask


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def truth(name: str, values: list[str], asked: Asked, *, field_: str = "is_active") -> None:
    """`true` or `false` of a filter that takes them."""
    value = one_of(name, values).rpartition("|")[2]
    if value not in {"true", "false"}:
        raise Invalid(f"{name} takes true or false", param=name)
    asked.give(field_, name, value == "true")


def procedure_code(_: str, values: list[str], asked: Asked) -> None:
    """Codes of procedures, with or without their system."""
    found = []
    for one in map(plain, values):
        system, _, code = one.rpartition("|")
        if system in {"", CDT} or system.endswith(":procedure-code"):
            found.append(code)
    asked.give_any("code", found)


def identifier_by(systems: Mapping[str, str] | None = None) -> Ask:
    """An identifier as `system|value`: the key of the row in Open Dental, or what `systems` names the filter of."""
    other = dict(systems or {})

    def ask(name: str, values: list[str], asked: Asked) -> None:
        value = one_of(name, values)
        system, bar, number = value.rpartition("|")
        if not bar or not system:
            raise Invalid(f"{name} takes system|value", param=name)
        if system == PRACTICE and asked.kind == "practice":
            asked.among([our_id(number)])
            return
        if system in other:
            asked.give(other[system], name, number)
            return
        match = _OUR_SYSTEM.fullmatch(system)
        if match is None or not is_id(match[1], "practice"):
            if system == PRACTICE:
                # Of other objects of the same resource type.
                asked.concerned = False
                return
            known = ", ".join([*other, row_system("{practice}", asked.table)])
            raise Invalid(f"{name} is looked for by the systems {known}", param=name)
        key = number if number.lstrip("-").isascii() and number.lstrip("-").isdigit() else ""
        if match[2] != asked.table or not key or len(key) > _LONGEST_KEY:
            asked.concerned = False
            return
        asked.among([row_id(asked.kind, match[1], int(key))])

    return ask


# Text


def begins(name_of: Callable[[Object], Iterable[str | None]]) -> Ask:
    """Text that some part of a name begins with, case aside; no filter of the list knows it."""

    def ask(_: str, values: list[str], asked: Asked) -> None:
        wanted = tuple(plain(one).casefold() for one in values)
        asked.tests.append(
            lambda shown: any(
                word.startswith(wanted)
                for part in name_of(shown)
                if part
                for word in (part.casefold(), *part.casefold().split())
            )
        )

    return ask


def text(field_: str) -> Ask:
    """Text that a filter of the list takes as it is."""
    return lambda name, values, asked: asked.give(field_, name, one_of(name, values))


def family(name: str, values: list[str], asked: Asked) -> None:
    """A last name: our `name` filter says it before a comma."""
    _part_of_name(name, values, asked, last=True)


def given(name: str, values: list[str], asked: Asked) -> None:
    """A first name: our `name` filter says it behind a comma."""
    _part_of_name(name, values, asked, last=False)


def _part_of_name(name: str, values: list[str], asked: Asked, *, last: bool) -> None:
    value = one_of(name, values).replace(",", " ").strip()
    if not value:
        raise Invalid(f"{name}: there is no letter in this name", param=name)
    before, _, behind = asked.fields.get("name", ",").partition(",")
    if before.strip() if last else behind.strip():
        raise Invalid(f"{name} is given more than once", param=name)
    asked.fields["name"] = f"{value},{behind}" if last else f"{before},{value}"


def telecom(name: str, values: list[str], asked: Asked) -> None:
    """A telephone number or an e-mail address, as `phone|...`, `email|...` or bare."""
    system, _, value = one_of(name, values).rpartition("|")
    is_email = "@" in value if not system else system == "email"
    if system not in {"", "phone", "email"}:
        raise Invalid(f"{name} takes a phone or an email", param=name)
    asked.give("email" if is_email else "phone", name, value)
