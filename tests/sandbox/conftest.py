"""One sandbox for the whole run: starting it is most of what these tests cost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.sandbox.box import Options, Sandbox

STAND_IN = Path(__file__).parent / "stand_in"


def stand_in_options(home: Path) -> Options:
    """Return options that run the stand-in app with stand-in practices, in `home`."""
    return Options(
        app=(str(STAND_IN / "app.py"),),
        layer=False,
        home=home,
        practice_command=(str(STAND_IN / "practice.py"),),
        make_client=lambda environment: "client-key",
        sftp=False,
        network=False,
    )


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The gateway itself with two connected practices: for whatever is tested end to end."""
    options = Options(home=tmp_path_factory.mktemp("gateway"), patients=60, record_calls=True)
    with Sandbox.start(options) as running:
        yield running


@pytest.fixture(scope="session")
def unconnected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """The gateway's own stacks, without practices: for what the deployment alone shows."""
    options = Options(home=tmp_path_factory.mktemp("unconnected"), practices=0, connect=False)
    with Sandbox.start(options) as running:
        yield running


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox of a small app with one of everything the gateway deploys."""
    with Sandbox.start(stand_in_options(tmp_path_factory.mktemp("sandbox"))) as running:
        yield running
