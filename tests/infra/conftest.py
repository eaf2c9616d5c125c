"""One synthesis for all tests of this folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.app import app
from infra.bundling import ROOT
from infra.catalogue import FUNCTIONS
from tests.infra.drops import DROP_SAID
from tests.infra.networks import CLINIC_SAID, OTHER_SAID
from tests.infra.templates import Assembly

PROD = "prod"


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the layer's place: what is in it does not matter to the templates."""
    folder = tmp_path_factory.mktemp("layer") / "stand-in"
    (folder / "python" / "gateway").mkdir(parents=True)
    (folder / "python" / "gateway" / "__init__.py").touch()
    return folder


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory, layer: Path) -> Assembly:
    """The stage that real practices would be on, checked by cdk-nag and CDK's own rules on the way."""
    return _checked(tmp_path_factory.mktemp("cdk.out"), layer)


@pytest.fixture(scope="session")
def networked(tmp_path_factory: pytest.TempPathFactory, layer: Path) -> Assembly:
    """The same stage with practices in two networks, as an operator's file says, checked as well."""
    out = tmp_path_factory.mktemp("networked")
    (out / "networks.json").write_text(json.dumps([CLINIC_SAID, OTHER_SAID]))
    return _checked(out / "cdk.out", layer, networks=str(out / "networks.json"))


@pytest.fixture(scope="session")
def dropped(tmp_path_factory: pytest.TempPathFactory, layer: Path) -> Assembly:
    """The same stage with an SFTP server of the user's own, as an operator's file says, checked as well."""
    out = tmp_path_factory.mktemp("dropped")
    (out / "sftp_drop.json").write_text(json.dumps(DROP_SAID))
    return _checked(out / "cdk.out", layer, sftp_drop=str(out / "sftp_drop.json"))


def _checked(out: Path, layer: Path, **context: str) -> Assembly:
    synthesized = app(
        {"stage": PROD, "layer": str(layer), "parquet_layer": str(layer), "alarm_email": "ops@example.com", **context},
        outdir=out,
    )
    try:
        synthesized.synth()
    except RuntimeError as error:
        # The report says what was found; the tests of it show that better than a stack trace of jsii.
        if "ValidationFailed" not in str(error):
            raise
    return Assembly(out, PROD)


@pytest.fixture(scope="session")
def handlers() -> list[str]:
    """The folders of `functions/` that hold a handler."""
    return sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that ask for `row` run once for each function."""
    if "row" in metafunc.fixturenames:
        metafunc.parametrize("row", FUNCTIONS, ids=lambda row: row.name)
