"""What answers on a form would change of a patient: proposals, of which a person approves some. Pure rules.

A proposal names a field of the patient as `PATCH /patients/{id}` has it, what is there and what would be. An empty
answer proposes nothing: nobody empties a telephone number by leaving a line blank. What only a chart can hold
(allergies, medications, problems) and insurance are shown for somebody to enter, and approved by nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from gateway.core.hashing import canonical_hash
from gateway.core.inputs import AFTER_LAST_DAY, FIRST_DAY
from gateway.core.intake.answers import Answer, Row
from gateway.core.normalize.languages import iso_639_1, iso_639_2
from gateway.core.normalize.patients import METHODS
from gateway.core.normalize.values import day, e164, emails, text

Confidence = Literal["high", "medium", "low"]
"""`high`: the form's own field for it, and of its form. `medium`: it changes who the patient is. `low`: it cannot be
read for certain; nobody should take it over unread."""

MEDICAL: Final = {"allergy": "allergies", "problem": "conditions", "medication": "medications"}
"""What names of fields begin with, before a colon -> what is proposed."""

_MEDICINE: Final = re.compile(r"inputMed\d+", re.IGNORECASE)
_INSURANCE: Final = re.compile(r"ins[12]([A-Z]\w*)")
_ZIP: Final = re.compile(r"\d{5}(-?\d{4})?|[A-Za-z]\d[A-Za-z] \d[A-Za-z]\d")
_EMAIL: Final = re.compile(r"[^\s,;@]+@[^\s,;@]+")
_DAY: Final = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")
_LONGEST: Final = 100
_YES: Final = frozenset({"yes", "y", "true"})
_NO: Final = frozenset({"no", "n", "false"})
_IDENTITY: Final = frozenset({"name.first", "name.last", "birth_date"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change. `column`: Open Dental's, with the value it would get; None for what nobody can approve here."""

    field: str
    was: str | None
    to: str
    confidence: Confidence
    source_field: str
    column: str | None = None
    written: str = ""

    @property
    def can_be_approved(self) -> bool:
        """Whether it is a change of the patient's own row that can be written."""
        return self.column is not None

    def shown(self) -> dict[str, Any]:
        """As it is answered."""
        return {
            "field": self.field,
            "from": self.was,
            "to": self.to,
            "confidence": self.confidence,
            "source_field": self.source_field,
            "can_be_approved": self.can_be_approved,
        }


@dataclass(frozen=True, slots=True)
class _Target:
    """A field of the patient: `column` is Open Dental's, `read` what an answer says for it (None: it cannot be read),
    `same` how two values are compared, `show` how one is shown."""

    field: str
    column: str
    read: Callable[[str], str | None]
    same: Callable[[str], str]
    show: Callable[[str], str | None] = text


def _short(said: str) -> str | None:
    return said if len(said) <= _LONGEST else None


def _folded(said: str) -> str:
    return " ".join(said.split()).casefold()


def _birth(said: str) -> str | None:
    found = _DAY.fullmatch(said)
    try:
        on = date(int(found[3]), int(found[1]), int(found[2])) if found else date.fromisoformat(said)
    except ValueError:
        return None
    return on.isoformat() if FIRST_DAY <= on < AFTER_LAST_DAY else None


def _phone(said: str) -> str | None:
    return said if len(said) <= 30 and e164(said) is not None else None


def _mail(said: str) -> str | None:
    found = [one["address"] for one in emails(said)]
    whole = ",".join(found)
    return whole if found and all(map(_EMAIL.fullmatch, found)) and len(whole) <= _LONGEST else None


def _postal(said: str) -> str | None:
    return said if _ZIP.fullmatch(said) else None


def _language(said: str) -> str | None:
    code = iso_639_1(said)
    return None if code is None else iso_639_2(code)


def _consent(said: str) -> str | None:
    word = said.casefold()
    return "Yes" if word in _YES else "No" if word in _NO else None


def _method(said: str) -> str | None:
    return said if METHODS.get(said) else None


def _shown_consent(word: str) -> str | None:
    return {"Yes": "true", "No": "false"}.get(word)


_TARGETS: Final = (
    *(
        _Target(field, column, _short, _folded)
        for field, column in (
            ("name.first", "FName"),
            ("name.middle", "MiddleI"),
            ("name.last", "LName"),
            ("name.preferred", "Preferred"),
            ("address.line1", "Address"),
            ("address.line2", "Address2"),
            ("address.city", "City"),
            ("address.state", "State"),
        )
    ),
    _Target("address.postal_code", "Zip", _postal, _folded),
    _Target("birth_date", "Birthdate", _birth, lambda said: said, day),
    *(
        _Target(field, column, _phone, lambda said: e164(said) or said)
        for field, column in (
            ("phones.home", "HmPhone"),
            ("phones.work", "WkPhone"),
            ("phones.mobile", "WirelessPhone"),
        )
    ),
    _Target("emails", "Email", _mail, lambda said: ",".join(one["address"].casefold() for one in emails(said))),
    _Target("language", "Language", _language, lambda said: iso_639_1(said) or said, iso_639_1),
    _Target("contact_preferences.sms_consent", "TxtMsgOk", _consent, lambda said: said, _shown_consent),
    *(
        _Target(field, column, _method, lambda said: said, METHODS.get)
        for field, column in (
            ("contact_preferences.contact", "PreferContactMethod"),
            ("contact_preferences.confirm", "PreferConfirmMethod"),
            ("contact_preferences.recall", "PreferRecallMethod"),
        )
    ),
)
FIELDS: Final = tuple(one.field for one in _TARGETS)
"""What can be approved."""

_BY_NAME: Final[Mapping[str, _Target]] = {
    **{one.column.casefold(): one for one in _TARGETS},
    **{
        alias: next(one for one in _TARGETS if one.column == column)
        for alias, column in (("firstname", "FName"), ("lastname", "LName"), ("cellphone", "WirelessPhone"))
    },
}
"""How forms call their fields: mostly by Open Dental's own columns."""


def proposals(answers: Iterable[Answer], patient: Row) -> list[Proposal]:
    """What the answers would change of the row of a patient, a field once, in the order of the form."""
    found: dict[str, Proposal] = {}
    for answer in answers:
        for one in _of(answer, patient):
            found.setdefault(f"{one.field} {one.to}" if not one.can_be_approved else one.field, one)
    return list(found.values())


def _of(answer: Answer, patient: Row) -> list[Proposal]:
    prefix, _, what = answer.name.partition(":")
    if prefix in MEDICAL and what:
        return _medical(answer, MEDICAL[prefix], what)
    if _MEDICINE.fullmatch(answer.name) and answer.value:
        return [Proposal("medications", None, answer.value, "low", answer.name)]
    if _INSURANCE.fullmatch(answer.name) and answer.value:
        return [Proposal("insurance", None, answer.value, "low", answer.name)]
    target = _BY_NAME.get(answer.name.casefold())
    return [] if target is None else _change(target, answer, patient)


def _medical(answer: Answer, field: str, what: str) -> list[Proposal]:
    """A box under the name of a problem. Of two boxes one is the no, and nothing says which."""
    if answer.kind != "check_box" or not answer.is_on:
        return []
    return [Proposal(field, None, what, "medium" if answer.among == 1 else "low", answer.name)]


def _change(target: _Target, answer: Answer, patient: Row) -> list[Proposal]:
    said = answer.value
    if answer.kind == "check_box" and target.column == "TxtMsgOk" and answer.among == 1 and answer.is_on:
        # A box that is left empty says nothing.
        said = "yes"
    if not said:
        return []
    kept = text(patient.get(target.column))
    was = None if kept is None else target.show(kept)
    written = target.read(said)
    if written is None:
        return [Proposal(target.field, was, said, "low", answer.name)]
    if kept is not None and was is not None and target.same(kept) == target.same(written):
        return []
    is_identity = target.field in _IDENTITY and was is not None
    confidence: Confidence = "medium" if is_identity or answer.among > 1 else "high"
    return [Proposal(target.field, was, target.show(written) or said, confidence, answer.name, target.column, written)]


def version_of(patient: Row) -> str:
    """What the patient's row says in all that could be approved: another one where somebody has changed it since."""
    return canonical_hash({one.column: text(patient.get(one.column)) for one in _TARGETS})[:32]


def body_of(chosen: Iterable[Proposal]) -> dict[str, str]:
    """What these proposals write, by Open Dental's columns."""
    return {one.column: one.written for one in chosen if one.column is not None}
