"""What the README says of problems is what the code says in them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[4]
README = (ROOT / "README.md").read_text()


def reasons() -> Iterator[str]:
    """The words that the core gives a `reason`, where it says them as text."""
    for path in (ROOT / "shared" / "gateway" / "core").rglob("*.py"):
        for call in (one for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, ast.Call)):
            for given in call.keywords:
                if given.arg == "reason":
                    values = [one for one in ast.walk(given.value) if isinstance(one, ast.Constant)]
                    yield from (str(one.value) for one in values if isinstance(one.value, str))


def test_the_readme_lists_every_reason() -> None:
    table = README.partition("| about | `reason` |\n|---|---|\n")[2].split("\n\n")[0]
    known = set(re.findall(r"`([a-z-]+)`", table))
    # The visit's own status, which the table names as such.
    statuses = {"arrived", "status"}

    assert known
    assert set(reasons()) - statuses <= known


def test_the_readmes_links_within_it_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    }

    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= headings
