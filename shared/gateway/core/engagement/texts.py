"""What messages say: fields with names, texts of our own in English and Spanish, and how a time is said in each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from string import Formatter
from typing import Final

from gateway.core.engagement.rules import Kind, Rule, Text

_ALWAYS: Final = frozenset({"patient_first_name", "practice_name", "location_name"})
_OF_VISITS: Final = _ALWAYS | {"local_start", "local_date", "local_time"}

FIELDS: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.REMINDER: _OF_VISITS,
    Kind.AFTER_VISIT: _OF_VISITS,
    Kind.RECALL: _ALWAYS | {"due_on"},
    Kind.PAYMENT_REQUEST: _ALWAYS | {"balance"},
}
"""What a text of each kind may name in braces."""

DEFAULTS: Final[Mapping[Kind, Mapping[str, Text]]] = {
    Kind.REMINDER: {
        "en": Text(
            "Hello {patient_first_name}, you have an appointment at {practice_name} on {local_start}.",
            "Your appointment at {practice_name}",
        ),
        "es": Text(
            "Hola {patient_first_name}, tiene una cita en {practice_name} el {local_start}.",
            "Su cita en {practice_name}",
        ),
    },
    Kind.RECALL: {
        "en": Text(
            "Hello {patient_first_name}, it is time for your next visit to {practice_name}. Please call us to book it.",
            "Time for your next visit to {practice_name}",
        ),
        "es": Text(
            "Hola {patient_first_name}, es hora de su próxima visita a {practice_name}. Llámenos para reservarla.",
            "Es hora de su próxima visita a {practice_name}",
        ),
    },
    Kind.PAYMENT_REQUEST: {
        "en": Text(
            "Hello {patient_first_name}, your balance at {practice_name} is {balance}.",
            "Your balance at {practice_name}",
        ),
        "es": Text(
            "Hola {patient_first_name}, su saldo en {practice_name} es de {balance}.",
            "Su saldo en {practice_name}",
        ),
    },
    Kind.AFTER_VISIT: {
        "en": Text(
            "Hello {patient_first_name}, thank you for your visit to {practice_name}. Please call us if you have any "
            "questions.",
            "Thank you for your visit to {practice_name}",
        ),
        "es": Text(
            "Hola {patient_first_name}, gracias por su visita a {practice_name}. Llámenos si tiene alguna pregunta.",
            "Gracias por su visita a {practice_name}",
        ),
    },
}
"""What is said where a rule has no words of its own."""

_DAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
}
_MONTHS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "es": (
        "enero", "febrero", "marzo", "abril", "mayo", "junio",
        "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
    ),
}  # fmt: skip

_NAME: Final = re.compile(r"[a-z_]+")


def wrong_field(text: str, kind: Kind) -> str | None:
    """The first thing in braces that a text of this kind may not name, braces that do not fit among them; None where
    all is well.
    """
    try:
        for _, name, spec, conversion in Formatter().parse(text):
            if name is None:
                continue
            if name not in FIELDS[kind] or spec or conversion:
                return name if _NAME.fullmatch(name) else "{...}"
    except ValueError:
        return "{...}"
    return None


def texts_of(rule: Rule) -> Mapping[str, Text]:
    """By language: the rule's own, or ours where it has none at all."""
    return rule.texts or DEFAULTS[rule.kind]


def language_for(rule: Rule, spoken: str | None) -> str:
    """In which language somebody is written to who speaks `spoken` (ISO 639-1, None: not known)."""
    known = texts_of(rule)
    if spoken in known:
        return str(spoken)
    return rule.language if rule.language in known else next(iter(known))


def filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its fields filled in. What has no value is left out, with the blanks that would be doubled by it."""
    shown = "".join(
        literal + ("" if name is None else values.get(name, "")) for literal, name, _, _ in Formatter().parse(text)
    )
    return " ".join(shown.split())


def date_words(day: date, language: str) -> str:
    """A day as people say it; in a language that has no names here, as a date."""
    if language == "en":
        return f"{_DAYS['en'][day.weekday()]}, {_MONTHS['en'][day.month - 1]} {day.day}"
    if language == "es":
        return f"{_DAYS['es'][day.weekday()]} {day.day} de {_MONTHS['es'][day.month - 1]}"
    return day.isoformat()


def time_words(wall: datetime, language: str) -> str:
    """A time of day as people say it."""
    if language == "en":
        return f"{(wall.hour - 1) % 12 + 1}:{wall.minute:02} {'AM' if wall.hour < 12 else 'PM'}"
    return f"{wall.hour}:{wall.minute:02}"


def start_words(wall: datetime, language: str) -> str:
    """Day and time of a visit as people say them."""
    between = {"en": " at ", "es": " a las "}.get(language, " ")
    return f"{date_words(wall.date(), language)}{between}{time_words(wall, language)}"
