"""Reading and searching resources: the reads of the REST side, asked in FHIR's words.

The same scopes, the same pacing and cache, the same cursors. What no filter of a list says is asked of each of its
objects, over as many of its pages as it takes to fill one of the search's.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.errors import AppError, FilterTooWide, Invalid, NotFound
from gateway.core.fhir import organization
from gateway.core.fhir.elements import kind_of, our_id, our_scoped_id
from gateway.core.fhir.parameters import Asked, Object, alternatives
from gateway.core.fhir.types import TYPES, Part, Type
from gateway.core.normalize.views import practice_view
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.lists import MOST_DAYS, practice_of, served_from
from gateway.core.reads.queries import ListQuery
from gateway.core.requests import Freshness

USUAL_COUNT: Final = 50
MOST: Final = 500
"""Resources of one page, whatever `_count` says."""

MOST_ROUNDS: Final = 10
"""Pages of a list that one page of a search reads at most; what is left is behind `next`."""

CONTROLS: Final = ("_count", "_cursor", "_format", "_pretty", "practice_id")
"""Parameters that choose no resources."""

_PRACTICE_SCOPE: Final = "practices"


@dataclass(slots=True)
class Found:
    """A page: objects with their resources, where the next one begins, how old it is, and what was not looked at."""

    entries: list[tuple[Object, dict[str, Any]]] = field(default_factory=list)
    next_cursor: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    is_first: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether this page holds all there is."""
        return self.is_first and self.next_cursor is None

    def learn(self, meta: Mapping[str, Any]) -> None:
        """Add what one more read said of itself: the whole is as old as its oldest part."""
        if not self.meta:
            self.meta = dict(meta)
            return
        self.meta |= {
            "as_of": min(self.meta["as_of"], meta["as_of"]),
            "age_seconds": max(self.meta["age_seconds"], meta["age_seconds"]),
            "served_from": served_from((self.meta["served_from"], meta["served_from"])),
            "upstream_calls": self.meta["upstream_calls"] + meta["upstream_calls"],
        }


def type_of(name: str) -> Type:
    """The resource type.

    Raises:
        NotFound: it is not served.
    """
    if name not in TYPES:
        raise NotFound("there is no such resource type here; GET metadata lists those there are")
    return TYPES[name]


def read(
    type_name: str, id_: str, *, caller: Caller, freshness: Freshness, on: Services
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The object behind a resource, with its `meta`, and the resource.

    Raises:
        NotFound: no such resource of this type, or another's. And what the get of the object raises.
    """
    type_ = type_of(type_name)
    object_id, patient_id = our_scoped_id(id_)
    kind = kind_of(object_id)
    if type_.practice and kind == "practice":
        return _practice(object_id, caller=caller, on=on)
    part = next((one for one in type_.parts if one.kind == kind), None)
    nobody = f"no such {type_name}"
    if type_.parts[0].own_ids:
        with _in_words_of(type_):
            shown = type_.parts[0].get(id_, caller=caller, freshness=freshness, on=on)
        return shown, type_.parts[0].show(shown)
    if part is None or part.scoped != (patient_id is not None):
        raise NotFound(nobody)
    with _in_words_of(type_):
        if patient_id is None:
            shown = part.get(object_id, caller=caller, freshness=freshness, on=on)
        else:
            only = {"ids": [object_id], "patient_id": patient_id}
            listed = part.list(only, caller=caller, freshness=freshness, on=on)
            if not listed["data"]:
                raise NotFound(nobody)
            shown = {**listed["data"][0], "meta": listed["meta"]}
    if not part.fits(shown):
        raise NotFound(nobody)
    return shown, part.show(shown)


def search(
    type_name: str,
    params: Mapping[str, list[str]],
    *,
    lenient: bool = False,
    caller: Caller,
    freshness: Freshness,
    on: Services,
) -> Found:
    """A page of the resources that all parameters fit. `lenient` passes over parameters that are not known here.

    Raises:
        NotFound: no such type, or an id among the parameters that is nobody's. Invalid: a parameter that is unknown or
        cannot be used. FilterTooWide: nothing bounds the search. And what the lists raise.
    """
    type_ = type_of(type_name)
    found = Found(ignored=_unknown(type_, params, lenient=lenient))
    count = _count(params)
    begin, _, cursor = _single(params, "_cursor").partition(":")
    found.is_first = not begin
    steps = [_asked(type_, part.kind, part.table, params, part) for part in type_.parts]
    if not any(asked.concerned for asked in steps) and not type_.practice:
        raise NotFound("no such record")
    practice_id = _single(params, "practice_id")
    names = [part.kind for part in type_.parts]
    if begin and begin not in names:
        raise Invalid("send the link to the next page as it came", param="_cursor")
    with _in_words_of(type_, params):
        if type_.practice and not begin:
            _add_practice(type_, params, practice_id, found, caller=caller, on=on)
        for place, (part, asked) in enumerate(zip(type_.parts, steps, strict=True)):
            if begin and place < names.index(begin):
                continue
            if not asked.concerned:
                continue
            if len(found.entries) >= count:
                found.next_cursor = f"{part.kind}:"
                break
            fields = {**(part.usual or {}), **asked.fields}
            if practice_id:
                fields["practice_id"] = our_id(practice_id)
            if not asked.possible:
                _may_read(part, fields, caller=caller, on=on)
                continue
            left = _fill(
                found,
                part,
                asked,
                fields=fields,
                after=cursor if part.kind == begin else "",
                count=count,
                caller=caller,
                freshness=freshness,
                on=on,
            )
            if left is not None:
                found.next_cursor = f"{part.kind}:{left}"
                break
    return found


def _fill(
    found: Found,
    part: Part,
    asked: Asked,
    *,
    fields: dict[str, Any],
    after: str,
    count: int,
    caller: Caller,
    freshness: Freshness,
    on: Services,
) -> str | None:
    """Add resources of one part until the page is full; the cursor of what is left, None where nothing is."""
    for _ in range(MOST_ROUNDS):
        page = {"limit": min(MOST, count - len(found.entries)), **({"cursor": after} if after else {})}
        listed = part.list({**fields, **page}, caller=caller, freshness=freshness, on=on)
        found.learn(listed["meta"])
        found.entries.extend(
            (shown, part.show(shown))
            for shown in listed["data"]
            if part.fits(shown) and all(test(shown) for test in asked.tests)
        )
        if not listed["has_more"]:
            return None
        after = listed["next_cursor"]
        if len(found.entries) >= count:
            break
    return after


def _asked(type_: Type, kind: str, table: str, params: Mapping[str, list[str]], part: Part | None) -> Asked:
    """What the parameters come to for one kind of object."""
    asked = Asked(kind, table)
    for name, given in params.items():
        param = type_.param(name)
        if param is None:
            continue
        for one in given:
            values = alternatives(one)
            if not values:
                raise Invalid(f"{name} is empty", param=name)
            param.ask(name, values, asked)
    if part is not None:
        # A filter that this kind's list does not have is one that none of its objects fits.
        unknown = asked.fields.keys() - part.query.model_fields.keys()
        asked.concerned = asked.concerned and not unknown
        for name in unknown:
            del asked.fields[name]
    return asked


def _add_practice(
    type_: Type, params: Mapping[str, list[str]], practice_id: str, found: Found, *, caller: Caller, on: Services
) -> None:
    """Put the practice itself before all others, where it is asked for and fits."""
    asked = _asked(type_, "practice", "practice", params, None)
    if not asked.concerned or not asked.possible or asked.fields.keys() - {"ids", "is_active"}:
        return
    named = our_id(practice_id) or next(iter(asked.fields.get("ids", ())), None)
    only = practice_of(ListQuery(practice_id=named), _PRACTICE_SCOPE, caller=caller, on=on)
    shown, resource = _shown(only)
    fits = only.id in asked.fields.get("ids", (only.id,)) and asked.fields.get("is_active", True)
    if fits and all(test(shown) for test in asked.tests):
        found.entries.append((shown, resource))


def _practice(practice_id: str, *, caller: Caller, on: Services) -> tuple[dict[str, Any], dict[str, Any]]:
    return _shown(allow(caller, practice_id, _PRACTICE_SCOPE, Verb.READ, on=on))


def _shown(practice: Practice) -> tuple[dict[str, Any], dict[str, Any]]:
    shown = practice_view(practice)
    return shown, organization.practice(shown)


def _may_read(part: Part, fields: Mapping[str, Any], *, caller: Caller, on: Services) -> None:
    """Say no to whoever may not read these, though there is nothing to be found."""
    ids = {name: value for name, value in fields.items() if name == "ids" or name.endswith("_id")}
    # Whatever else the search would need, this is all that the question takes.
    practice_of(part.query.model_construct(**ids), part.scope, caller=caller, on=on)


def _unknown(type_: Type, params: Mapping[str, list[str]], *, lenient: bool) -> list[str]:
    """Parameters that are not known here.

    Raises:
        Invalid: there is one, and the caller has not said that it may be passed over: the answer would hold more than
        was asked for, and nothing of it would say so.
    """
    unknown = [name for name in params if name not in CONTROLS and type_.param(name) is None]
    if unknown and not lenient:
        known = ", ".join([*(one.name for one in type_.params), "_count"])
        raise UnsupportedParameter(
            f"this search takes {known}; `Prefer: handling=lenient` passes over others", param=unknown[0][:100]
        )
    return [name[:100] for name in unknown]


def no_search(params: Mapping[str, list[str]]) -> None:
    """Refuse what chooses or shapes resources where one is read.

    Raises:
        Invalid: there is such a parameter.
    """
    for name in params:
        if name not in {"_format", "_pretty"}:
            raise UnsupportedParameter("a read takes no parameter but _format", param=name[:100])


class UnsupportedParameter(Invalid):
    """A search parameter, modifier or result parameter that is not supported."""

    code = "unsupported-parameter"


def _count(params: Mapping[str, list[str]]) -> int:
    written = _single(params, "_count") or str(USUAL_COUNT)
    if not (written.isascii() and written.isdigit() and len(written) <= 9 and int(written) > 0):
        raise Invalid(f"_count takes a whole number from 1 to {MOST}", param="_count")
    return min(MOST, int(written))


def _single(params: Mapping[str, list[str]], name: str) -> str:
    given = params.get(name, [])
    if len(given) > 1:
        raise Invalid(f"{name} is given more than once", param=name)
    return given[0] if given else ""


_APART: Final = f"where it has both ends (ge and le), at most {MOST_DAYS} days from one to the other"
_BOUNDS_IF: Final[Mapping[str, str]] = {
    "birth_date": "as one day, not as a range",
    "date_from": _APART,
    "date_to": _APART,
}
"""Filter of ours -> how it bounds a list, where the parameter that fills it can be sent and bound nothing."""


@contextmanager
def _in_words_of(type_: Type, sent: Container[str] = ()) -> Iterator[None]:
    """Name parameters as FHIR does in whatever the REST side's reads refuse. `sent`: the search's parameters."""

    def named(ours: str | None) -> str | None:
        return next((one.name for one in type_.params if ours in one.fills), ours)

    try:
        yield
    except FilterTooWide as error:
        bounds = {str(named(one)): one for one in error.more.get("bounds", ())}
        known = [name for name in bounds if type_.param(name) is not None]
        # To send what was sent already is no advice.
        how = [
            f"; {name} bounds one {_BOUNDS_IF[bounds[name]]}"
            for name in known
            if name in sent and bounds[name] in _BOUNDS_IF
        ]
        raise FilterTooWide(
            f"nothing bounds this search: send {' or '.join(known)}{''.join(how)}", bounds=known
        ) from error
    except ValidationError as error:
        # What a filter of ours takes is said by its model; the value is not repeated.
        said = error.errors(include_input=False, include_url=False)[0]
        # A rule over several filters names the one to look at.
        param = named(str(said.get("ctx", {}).get("param") or said["loc"][0]))
        known_as = type_.param(param or "")
        says = f". {known_as.says}" if known_as is not None and known_as.says else ""
        raise Invalid(f"{param} is missing, or cannot be looked for as sent{says}", param=param) from None
    except AppError as error:
        if error.param is not None:
            error.param = named("_cursor" if error.param == "cursor" else error.param)
        raise
