"""The `sandbox` command with the stand-in app, for tests that end it in ways a fixture cannot."""

import sys
from pathlib import Path

from infra.sandbox.__main__ import main
from infra.sandbox.box import Options

STAND_IN = Path(__file__).parent / "stand_in"

if __name__ == "__main__":
    base = Options(
        app=(str(STAND_IN / "app.py"),),
        layer=False,
        practice_command=(str(STAND_IN / "practice.py"),),
        make_client=lambda environment: "client-key",
        sftp=False,
    )
    sys.exit(main(sys.argv[1:], base=base))
