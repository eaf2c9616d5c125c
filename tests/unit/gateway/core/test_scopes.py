"""The scopes that clients can be given are those that use cases ask for, and those that the README shows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from gateway.core import access
from gateway.core.authenticate import OWN_SCOPES
from gateway.core.scopes import RAW_WRITE, SCOPES, unknown

ROOT = Path(__file__).parents[4]
CORE = ROOT / "shared" / "gateway" / "core"

_ASKS = {"allow": "read", "allow_client": "read", "practice_of": "read", "allowed": "write"}
"""Function -> the verb it asks for, where none of its arguments says one."""

_OF_THEIR_MAKERS = {"operations:read"}
"""Whoever made a request may ask how it stands; nobody else may, whatever the scope."""


def _text(argument: ast.expr) -> str | None:
    """A text, also where it is one of the names that `access` has for one."""
    value = getattr(access, argument.id, None) if isinstance(argument, ast.Name) else getattr(argument, "value", None)
    return value if isinstance(value, str) else None


def asked() -> Iterator[str]:
    """`{object}:{verb}` of every place in the core that says its object as text."""
    for path in CORE.rglob("*.py"):
        for call in (one for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.Call)):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            texts = [text for one in call.args if (text := _text(one)) is not None]
            verbs = {one.attr.lower() for one in call.args if isinstance(one, ast.Attribute) and one.attr.isupper()}
            if name in _ASKS and texts:
                yield f"{texts[0]}:{next(iter(verbs & {'read', 'write'}), _ASKS[name])}"
            for given in call.keywords:
                if given.arg in {"obj", "scope"} and isinstance(given.value, ast.Constant):
                    yield f"{given.value.value!s}:read"


def test_every_scope_that_is_asked_for_can_be_given_and_opens_something() -> None:
    elsewhere = {"notes", "*:read", "practices:connect", "patients.ssn", "patients.match", "webhooks.full:approve"}

    assert set(asked()) - _OF_THEIR_MAKERS == set(SCOPES) - elsewhere


def test_what_practices_own_clients_have_opens_something() -> None:
    assert unknown(OWN_SCOPES) == []


def test_the_readme_shows_every_scope_and_no_other() -> None:
    table = (ROOT / "README.md").read_text().partition("| scope | what it opens |\n|---|---|\n")[2].split("\n\n")[0]
    shown = [scope for row in table.splitlines() for scope in re.findall(r"`([^`]+)`", row.split(" | ")[0])]

    assert sorted(shown) == sorted([*SCOPES, RAW_WRITE])
