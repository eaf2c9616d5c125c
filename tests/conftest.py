"""Where several processes share a run (`-n 2 --dist loadscope`), what shares something costly stays together."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

HERE = Path(__file__).parent
IS_SHARED = "PYTEST_XDIST_WORKER" in os.environ

# How long an example takes says something of the machine, and nothing of the rule.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the sandbox, which waits most, where others do the rest. A run in one process is left as it is."""
    if IS_SHARED:
        items.sort(key=lambda item: _share(item.path.relative_to(HERE).as_posix()) != "sandbox")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Give each file to one process, all templates to one, and the sandbox to one.

    Marks of groups would do the same, but with pytest 9.2 the plugin overlooks them
    (https://github.com/pytest-dev/pytest-xdist/issues/1386).
    """
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 (only where the plugin is)

    class ByShare(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return _share(nodeid.partition("::")[0].removeprefix(f"{HERE.name}/"))

    config.option.loadscopereorder = False
    return ByShare(config, log)


def _share(file: str) -> str:
    """Which tests stay together with those of a file, that is named from this folder on."""
    parts = PurePosixPath(file).parts
    if parts[0] == "sandbox" and (len(parts) == 2 or parts[1] == "writes"):
        return "sandbox"
    return "infra" if parts[0] == "infra" else file
