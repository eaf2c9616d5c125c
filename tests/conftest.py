"""Where several processes share a run (`-n 2 --dist loadgroup`), what shares something costly stays together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each file to one process, all templates to one, and the sandbox to one, which begins with it: it waits most.

    A run in one process is left as it is. Before the plugin reads the groups.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item.path.relative_to(HERE))))
    items.sort(key=lambda item: _group(item.path.relative_to(HERE)) != "sandbox")


def _group(file: Path) -> str:
    folder = file.parts[0]
    if folder == "sandbox" and (len(file.parts) == 2 or file.parts[1] == "writes"):
        return folder
    return folder if folder == "infra" else str(file)
