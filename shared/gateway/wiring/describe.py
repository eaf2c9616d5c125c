"""`python -m gateway.wiring.describe > openapi.json`: the whole API as one OpenAPI 3.1 document.

It is made from what is deployed, and kept nowhere: a client's generator gets the one of the version that it talks to.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from gateway.web.app import HttpApp
from gateway.web.description.document import describe


def apps(functions: Path | None = None) -> dict[str, HttpApp]:
    """The HTTP apps of all functions, by the names of their folders."""
    folder = functions or Path(import_module("functions").__path__[0])
    found = {}
    for handler in sorted(folder.glob("*/handler.py")):
        name = handler.parent.name
        app = getattr(import_module(f"functions.{name}.handler"), "app", None)
        if isinstance(app, HttpApp):
            found[name] = app
    return found


def description(server: str | None = None) -> dict[str, Any]:
    """The document."""
    return describe(apps(), server=server)


def main() -> None:
    """Write it to standard output."""
    parser = argparse.ArgumentParser(prog="python -m gateway.wiring.describe", description=__doc__)
    parser.add_argument("--server", help="address of the API with its stage, such as the stack's output ApiUrl")
    json.dump(description(parser.parse_args().server), sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
