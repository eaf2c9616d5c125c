"""By which channels somebody may be reached, and why not by others. Pure rules, of a patient's and a guarantor's row.

What is not known is no consent: a text message takes a yes (`TxtMsgOk`), though an office's own preference may read
what is unknown as yes. Whoever does not want to be called is left alone by every channel, because the office has one
word for both. Minors are reached by their guarantor alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from gateway.core.audiences.filters import CHANNELS, Channel
from gateway.core.normalize.languages import iso_639_1
from gateway.core.normalize.values import day, e164, emails, key, text

Row = Mapping[str, Any]

ADULT: Final = 18
QUIET_FROM: Final = "21:00"
QUIET_TO: Final = "08:00"
"""Nobody is called or texted between these, by the office's wall (47 CFR 64.1200(c)(1))."""

NEVER: Final = frozenset({"Deceased", "Archived", "Deleted"})
"""Statuses of those who are in no audience."""

DO_NOT_CONTACT: Final = "do-not-contact"
SEE_NOTES: Final = "see-notes"
NO_GUARANTOR: Final = "minor-without-guarantor"
NO_CONSENT: Final = "no-consent"
REFUSED: Final = "consent-refused"
NO_ADDRESS: Final = "no-address"
CONSENT: Final = "consent"
NO_OBJECTION: Final = "no-objection"

_METHODS: Final = {
    "HmPhone": "voice",
    "WkPhone": "voice",
    "WirelessPh": "voice",
    "Email": "email",
    "Mail": "mail",
    "TextMessage": "sms",
}
_MAILED: Final = re.compile(r"[^\s,;@]+@[^\s,;@]+")
_CALLED: Final = ("WirelessPhone", "HmPhone", "WkPhone")
_BY_METHOD: Final = {"HmPhone": "HmPhone", "WkPhone": "WkPhone", "WirelessPh": "WirelessPhone"}


@dataclass(frozen=True, slots=True)
class Way:
    """One channel. `address` is there only where it is `allowed`; `why` says what it goes by, or what stands in it."""

    channel: Channel
    allowed: bool
    address: str | None
    why: str
    preferred: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """How somebody is reached: `contact` is whose addresses those are, the patient's or a minor's guarantor's row."""

    contact: Row | None
    ways: tuple[Way, ...]

    def is_open(self, channels: Sequence[Channel]) -> bool:
        """Whether one of these is allowed."""
        return any(one.allowed and one.channel in channels for one in self.ways)

    def obstacle(self, channels: Sequence[Channel]) -> str:
        """The one reason that is counted where none of these is allowed: what somebody said goes before what is
        missing."""
        found = {one.why for one in self.ways if one.channel in channels}
        return next((one for one in _ORDER if one in found), NO_ADDRESS)


_ORDER: Final = (DO_NOT_CONTACT, SEE_NOTES, NO_GUARANTOR, REFUSED, NO_CONSENT, NO_ADDRESS)


def age_on(row: Row, today: date) -> int | None:
    """Whole years; None where no birth date is known."""
    born = day(row.get("Birthdate"))
    if born is None:
        return None
    at = date.fromisoformat(born)
    return today.year - at.year - ((today.month, today.day) < (at.month, at.day))


def is_minor(row: Row, today: date) -> bool:
    """Whether somebody is under age. Who has no birth date is taken for grown up."""
    age = age_on(row, today)
    return age is not None and age < ADULT


def guarantor_of(row: Row) -> int | None:
    """The key of whoever pays for somebody else; None where that is themselves or nobody."""
    found = key(row.get("Guarantor"))
    return found if found and found != key(row.get("PatNum")) else None


def is_nobody(row: Row, carriers: frozenset[str]) -> bool:
    """Whether a row is no person: capitation income is booked on a patient without a birth date who is named for the
    carrier. `carriers` are `folded` names."""
    if day(row.get("Birthdate")) is not None:
        return False
    first, last = text(row.get("FName")) or "", text(row.get("LName")) or ""
    return bool({folded(one) for one in (last, f"{first} {last}", f"{last} {first}")} & carriers)


def folded(name: str) -> str:
    """A name for comparing: letters and digits only, in one case."""
    return "".join(one for one in name.casefold() if one.isalnum())


def reach_of(row: Row, guarantor: Row | None, *, today: date, is_recall: bool) -> Reach:
    """How the patient of `row` may be reached. `guarantor`: the row of whoever pays, if that is somebody else.

    `is_recall`: it is about a recall, for which a patient may have a wish of its own.
    """
    if not is_minor(row, today):
        return Reach(row, _ways((row,), is_recall=is_recall))
    if guarantor is None or guarantor.get("PatStatus") in NEVER or is_minor(guarantor, today):
        return Reach(None, _shut(NO_GUARANTOR))
    # What either of them refuses is refused; addresses are the guarantor's.
    return Reach(guarantor, _ways((guarantor, row), is_recall=is_recall))


def language_of(row: Row) -> str | None:
    """ISO 639-1, where the office has noted one that has a code."""
    spoken = text(row.get("Language"))
    return iso_639_1(spoken) if spoken else None


def _ways(rows: tuple[Row, ...], *, is_recall: bool) -> tuple[Way, ...]:
    wishes = ("PreferContactMethod", "PreferRecallMethod") if is_recall else ("PreferContactMethod",)
    said = [str(row.get(name) or "") for row in rows for name in wishes]
    if "DoNotCall" in said:
        return _shut(DO_NOT_CONTACT)
    if "SeeNotes" in said:
        return _shut(SEE_NOTES)
    contact = rows[0]
    wish = next((one for one in (str(contact.get(name) or "") for name in reversed(wishes)) if one in _METHODS), "")
    preferred = _METHODS.get(wish)
    found = (
        _texting(contact, [row.get("TxtMsgOk") for row in rows]),
        _open("email", _email(contact)),
        _open("voice", _called(contact, wish)),
        _open("mail", _postal(contact)),
    )
    return tuple(
        Way(one.channel, one.allowed, one.address, one.why, preferred=one.allowed and one.channel == preferred)
        for one in found
    )


def _shut(why: str) -> tuple[Way, ...]:
    return tuple(Way(one, allowed=False, address=None, why=why) for one in CHANNELS)


def _open(channel: Channel, address: str | None) -> Way:
    return Way(channel, address is not None, address, NO_ADDRESS if address is None else NO_OBJECTION)


def _texting(contact: Row, said: Sequence[object]) -> Way:
    number = e164(contact.get("WirelessPhone") or "")
    if "No" in said:
        return Way("sms", allowed=False, address=None, why=REFUSED)
    # A child's own number is not used, so that only its guarantor has to have said yes.
    if said[0] != "Yes":
        return Way("sms", allowed=False, address=None, why=NO_CONSENT)
    if number is None:
        return Way("sms", allowed=False, address=None, why=NO_ADDRESS)
    return Way("sms", allowed=True, address=number, why=CONSENT)


def _email(row: Row) -> str | None:
    found = emails(str(row.get("Email") or ""))
    return next((one["address"] for one in found if _MAILED.fullmatch(one["address"])), None)


def _called(row: Row, wish: str) -> str | None:
    first = _BY_METHOD.get(wish)
    columns = (first, *_CALLED) if first else _CALLED
    return next((number for one in columns if (number := e164(row.get(one) or "")) is not None), None)


def _postal(row: Row) -> str | None:
    line1, line2, city, state, code = (text(row.get(one)) for one in ("Address", "Address2", "City", "State", "Zip"))
    if not (line1 and city and state and code):
        return None
    return ", ".join(one for one in (line1, line2, city, f"{state} {code}") if one)
