"""What the README says of security names what would fail, and that is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
SECTION = re.search(r"^## Security$(.*?)^### ", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def rows() -> list[list[str]]:
    assert SECTION is not None
    cells = [line.strip("|").split("|") for line in SECTION[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in cells[2:]]


def test_every_row_names_a_test_that_is_there() -> None:
    found = rows()

    assert len(found) >= 14
    for what, _, shown in found:
        paths = re.findall(r"`([a-z_0-9/]+(?:\.py|/))`", shown)
        assert paths, what
        for path in paths:
            assert (ROOT / "tests" / path).exists(), path


def test_every_promise_named_is_a_promise() -> None:
    promised = set(re.findall(r"^- \[(P\d+)\]", (ROOT / "README.md").read_text(), re.MULTILINE))

    named = {name for _, _, shown in rows() for name in re.findall(r"P\d\d", shown)}

    assert named <= promised
