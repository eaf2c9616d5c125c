"""What a client does with a practice's rules: make, look, change, delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from gateway.core.access import allow, only_practice
from gateway.core.callers import Caller, Verb
from gateway.core.engagement.minute import begin_ahead
from gateway.core.engagement.ports import Superseded
from gateway.core.engagement.rules import (
    DAY,
    Channel,
    Filters,
    Kind,
    Offset,
    Quiet,
    Rule,
    Text,
    Window,
)
from gateway.core.engagement.texts import FIELDS, texts_of, wrong_field
from gateway.core.errors import Conflict, Invalid, KeyReused, NotFound, Unavailable
from gateway.core.hashing import canonical_hash
from gateway.core.ids import parse_row_id, row_id
from gateway.core.inputs import broken_rule
from gateway.core.normalize.values import money_of
from gateway.core.ports import Services
from gateway.core.practices import Practice
from gateway.core.reads.queries import Id, PracticeQuery
from gateway.core.walltime import instant_text, optional_instant_text

if TYPE_CHECKING:
    pass

MESSAGES: Final = "messages"

MOST_RULES: Final = 50
_TRIES: Final = 5
_WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SOONEST: Final = 10
"""Minutes: a reminder is good until half-way to its visit."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
Ids = Annotated[list[Id], Field(max_length=50)]
Amount = Annotated[Decimal, Field(gt=0, le=100_000, decimal_places=2)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OffsetInput(_Input):
    """How long before the visit or the due day, or after the visit or the change of the balance. Days are those of the
    calendar: the time of day stays."""

    days: Annotated[int, Field(ge=0, le=365)] = 0
    hours: Annotated[int, Field(ge=0, le=72)] = 0
    minutes: Annotated[int, Field(ge=0, le=59)] = 0


class SendWindowInput(_Input):
    """When messages go out, by the office's wall: from `starts` to before `ends`."""

    days: Annotated[list[Weekday], Field(min_length=1, max_length=7)] = list(_WEEK)
    starts: Clock = "09:00"
    ends: Clock = "18:00"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends <= self.starts:
            raise broken_rule("ends", "it ends before it starts")
        return self


class QuietHoursInput(_Input):
    """When nobody is disturbed, by the office's wall; over midnight where it starts later than it ends."""

    starts: Clock = "21:00"
    ends: Clock = "08:00"


class TextInput(_Input):
    """What is written, with fields in braces. `subject` is an e-mail's."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
    subject: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class FiltersInput(_Input):
    """Which visits, recalls and balances; what is left out is not asked for."""

    location_ids: Ids = []
    provider_ids: Ids = []
    appointment_type_ids: Ids = []
    recall_type_ids: Ids = []
    confirmed: Literal["skip", "send"] = "skip"
    """Whether visits that are confirmed get a reminder all the same."""
    min_balance: Amount = Decimal("0.01")
    """Of payment requests: from which amount on."""
    every_days: Annotated[int, Field(ge=1, le=365)] = 30
    """Of payment requests: how long after one the next may come."""


class _Parts(_Input):
    """What a new rule and a changed one have in common."""

    offset: OffsetInput | None = None
    send_window: SendWindowInput | None = None
    quiet_hours: QuietHoursInput | None = None
    channels: Annotated[list[Channel], Field(min_length=1, max_length=2)] | None = None
    """In the order in which they are tried; what the patient prefers comes first all the same."""
    texts: Annotated[dict[Language, TextInput], Field(max_length=20)] | None = None
    """By language; none are those of the gateway, in English and Spanish."""
    language: Language | None = None
    """Of those whose own there is no text in."""
    filters: FiltersInput | None = None
    state: Literal["on", "off"] | None = None


class RuleInput(_Parts):
    """The body of `POST /message_rules`."""

    kind: Kind
    name: Name
    practice_id: Id | None = None


class RuleChange(_Parts):
    """The body of `PATCH /message_rules/{id}`. What it names is replaced as a whole."""

    name: Name | None = None

    @model_validator(mode="after")
    def _nothing_is_emptied(self) -> Self:
        for name in self.model_fields_set:
            if getattr(self, name) is None:
                raise broken_rule(name, "it cannot be emptied")
        return self


class RulesQuery(PracticeQuery):
    """What `GET /message_rules` takes."""


class Made(NamedTuple):
    """A rule as its maker sees it. `is_replayed`: a request of the same key had made it before."""

    rule: Mapping[str, Any]
    is_replayed: bool


def make_rule(wanted: RuleInput, *, caller: Caller, key: str, on: Services) -> Made:
    """Make a rule: scope `messages.rules:write`. Visits that it is for are planned within minutes. A repeat with the
    same key is the same rule, as it stands now.

    Raises: ScopeMissing, NotFound, BaaMissing. Invalid: a field in a text that there is not, an offset that cannot be.
        Conflict: the practice has as many as it may. KeyReused.
    """
    practice = allow(caller, wanted.practice_id or only_practice(caller), "messages.rules", Verb.WRITE, on=on)
    now = on.clock.now()
    mark = on.signer.fingerprint(f"message_rule {caller.id} {practice.id} {key}")
    first = Rule(
        id=row_id("message_rule", practice.id, int(mark[:16], 16) >> 1),
        practice_id=practice.id,
        name=wanted.name,
        kind=wanted.kind,
        offset=_DEFAULT_OFFSETS[wanted.kind],
        made_at=now,
        changed_at=now,
        made_by=caller.id,
        body_hash=canonical_hash(wanted.model_dump(mode="json")),
    )
    made = _with(first, wanted, practice)
    there = on.messages.rules(practice.id)
    known = next((one for one in there if one.id == made.id), None)
    if known is None and sum(one.deleted_at is None for one in there) >= MOST_RULES:
        raise Conflict(f"a practice has {MOST_RULES} rules at most", reason="too-many")
    rule = known or on.messages.make_rule(made)
    if rule.body_hash != made.body_hash:
        raise KeyReused("this Idempotency-Key belongs to another request", param="Idempotency-Key")
    _look_ahead(practice.id, on)
    return Made(shown_rule(rule), is_replayed=rule is not made)


def list_rules(query: RulesQuery, *, caller: Caller, on: Services) -> dict[str, Any]:
    """A practice's rules: scope `messages:read`. Raises: ScopeMissing, NotFound, BaaMissing."""
    practice = allow(caller, query.practice_id or only_practice(caller), "messages", Verb.READ, on=on)
    found = [one for one in on.messages.rules(practice.id) if one.deleted_at is None]
    return {"data": [shown_rule(one) for one in found], "has_more": False, "next_cursor": None}


def get_rule(rule_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """One of them: scope `messages:read`. Raises: ScopeMissing, NotFound, BaaMissing."""
    practice = allow(caller, _practice_of(rule_id), "messages", Verb.READ, on=on)
    return shown_rule(_find(practice, rule_id, on))


def change_rule(rule_id: str, change: RuleChange, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Change what `change` names: scope `messages.rules:write`. What is planned follows within minutes, and at the
    latest when it would go out. Saying again what is so already changes nothing.

    Raises: as `make_rule`. Unavailable: others changed it all the while.
    """
    practice = allow(caller, _practice_of(rule_id), "messages.rules", Verb.WRITE, on=on)
    for _ in range(_TRIES):
        was = _find(practice, rule_id, on)
        then = _with(was if change.name is None else replace(was, name=change.name), change, practice)
        if then != was:
            try:
                then = on.messages.change_rule(replace(then, changed_at=on.clock.now()))
            except Superseded:
                continue
        # Dead before, a repeat finds nothing to change and begins it all the same.
        _look_ahead(practice.id, on)
        return shown_rule(then)
    raise Unavailable("the rule is being changed by others", retry_after=1.0)


def delete_rule(rule_id: str, *, caller: Caller, on: Services) -> None:
    """Delete it; what it planned is withdrawn before it would go out. Scope `messages.rules:write`. One that was
    deleted stays so.

    Raises: ScopeMissing, NotFound, BaaMissing, Unavailable.
    """
    practice = allow(caller, _practice_of(rule_id), "messages.rules", Verb.WRITE, on=on)
    for _ in range(_TRIES):
        was = on.messages.rule(practice.id, rule_id)
        if was.deleted_at is not None:
            return
        now = on.clock.now()
        try:
            on.messages.change_rule(replace(was, deleted_at=now, changed_at=now))
        except Superseded:
            continue
        return
    raise Unavailable("the rule is being changed by others", retry_after=1.0)


def shown_rule(rule: Rule) -> dict[str, Any]:
    """As the API shows it."""
    filters = rule.filters
    return {
        "id": rule.id,
        "practice_id": rule.practice_id,
        "name": rule.name,
        "kind": str(rule.kind),
        "state": "on" if rule.is_on else "off",
        "offset": {"days": rule.offset.days, "hours": rule.offset.minutes // 60, "minutes": rule.offset.minutes % 60},
        "send_window": {
            "days": [_WEEK[one] for one in sorted(rule.window.days)],
            "starts": _text(rule.window.since),
            "ends": _text(rule.window.until),
        },
        "quiet_hours": shown_quiet(rule.quiet),
        "channels": [str(one) for one in rule.channels],
        "texts": {name: {"text": one.text, "subject": one.subject} for name, one in texts_of(rule).items()},
        "language": rule.language,
        "filters": {
            "location_ids": sorted(filters.location_ids),
            "provider_ids": sorted(filters.provider_ids),
            "appointment_type_ids": sorted(filters.appointment_type_ids),
            "recall_type_ids": sorted(filters.recall_type_ids),
            "confirmed": "send" if filters.confirmed else "skip",
            "min_balance": money_of(filters.min_balance),
            "every_days": filters.every_days,
        },
        "created_at": instant_text(rule.made_at),
        "updated_at": instant_text(rule.changed_at),
        "deleted_at": optional_instant_text(rule.deleted_at),
    }


def shown_quiet(quiet: Quiet) -> dict[str, str]:
    """As the API shows it."""
    return {"starts": _text(quiet.since), "ends": _text(quiet.until)}


_DEFAULT_OFFSETS: Final = {
    Kind.REMINDER: Offset(days=2),
    Kind.RECALL: Offset(days=14),
    Kind.PAYMENT_REQUEST: Offset(days=1),
    Kind.AFTER_VISIT: Offset(minutes=120),
}

_FILTERED_BY: Final = {
    "location_ids": "location",
    "provider_ids": "provider",
    "appointment_type_ids": "appointment_type",
    "recall_type_ids": "recall_type",
}


def _with(rule: Rule, said: _Parts, practice: Practice) -> Rule:
    """A rule with what a request says of it. Raises: Invalid, NotFound."""
    if said.offset is not None:
        of = said.offset
        rule = replace(rule, offset=Offset(of.days, of.hours * 60 + of.minutes))
    if rule.kind is Kind.REMINDER and not rule.offset.days and rule.offset.minutes < _SOONEST:
        raise Invalid(f"a reminder goes out at least {_SOONEST} minutes before its visit", param="offset")
    if said.send_window is not None:
        days = frozenset(_WEEK.index(one) for one in said.send_window.days)
        rule = replace(rule, window=Window(days, _minutes(said.send_window.starts), _minutes(said.send_window.ends)))
    if said.quiet_hours is not None:
        of_night = said.quiet_hours
        rule = replace(rule, quiet=Quiet(_minutes(of_night.starts) % DAY, _minutes(of_night.ends) % DAY))
    if said.channels is not None:
        rule = replace(rule, channels=tuple(dict.fromkeys(said.channels)))
    if said.texts is not None:
        rule = replace(rule, texts=_texts(said.texts, rule.kind))
    if said.language is not None:
        rule = replace(rule, language=said.language)
    if said.filters is not None:
        rule = replace(rule, filters=_filters(said.filters, practice))
    if said.state is not None:
        rule = replace(rule, is_on=said.state == "on")
    if rule.language not in texts_of(rule):
        raise Invalid("there is no text in this language", param="language")
    return rule


def _texts(said: Mapping[str, TextInput], kind: Kind) -> dict[str, Text]:
    for one in said.values():
        for text in (one.text, one.subject):
            wrong = wrong_field(text, kind)
            if wrong is not None:
                names = ", ".join(f"{{{name}}}" for name in sorted(FIELDS[kind]))
                raise Invalid(f"a text has a field that there is not; these are: {names}", param="texts")
    return {name: Text(one.text, one.subject) for name, one in said.items()}


def _filters(said: FiltersInput, practice: Practice) -> Filters:
    for name, kind in _FILTERED_BY.items():
        for one in getattr(said, name):
            try:
                found = parse_row_id(one, kind)
            except NotFound as error:
                raise NotFound(error.detail, param=name) from None
            if found.practice_id != practice.id:
                raise NotFound(f"no such {kind.replace('_', ' ')}", param=name)
    return Filters(
        frozenset(said.location_ids),
        frozenset(said.provider_ids),
        frozenset(said.appointment_type_ids),
        frozenset(said.recall_type_ids),
        said.confirmed == "send",
        said.min_balance,
        said.every_days,
    )


def _look_ahead(practice_id: str, on: Services) -> None:
    for _ in range(_TRIES):
        try:
            begin_ahead(practice_id, on)
        except Superseded:
            continue
        return
    raise Unavailable("what is planned is being changed by others", retry_after=1.0)


def _practice_of(rule_id: str) -> str:
    return parse_row_id(rule_id, "message_rule").practice_id


def _find(practice: Practice, rule_id: str, on: Services) -> Rule:
    rule = on.messages.rule(practice.id, rule_id)
    if rule.deleted_at is not None:
        raise NotFound("no such rule")
    return rule


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _text(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
