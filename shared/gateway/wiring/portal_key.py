"""Keep the developer's portal key: `python -m gateway.wiring.portal_key --stage prod < portal-key`.

With it the gateway makes and disables customer keys by itself when a practice's key is exchanged. It is read from the
standard input, so that it stands in no history and no list of processes. Without `--stage` it reads VAULT_PREFIX and
VAULT_KEY_ARN as the function behind POST /practices/{id}/rotations has them; the region as AWS's own command does.

Source: https://www.opendental.com/site/apikeys.html.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import Final

from botocore.exceptions import NoRegionError

from gateway.wiring.services import services
from gateway.wiring.stage import NO_REGION, add_stage, look_up

_KEY: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.wiring.portal_key",
        description="Keep the developer's portal key, which comes by the standard input, in place of an earlier one.",
        epilog="environment, without --stage: VAULT_PREFIX and VAULT_KEY_ARN as the function `rotations` has them; "
        "AWS_DEFAULT_REGION",
    )
    add_stage(parser)
    look_up(parser.parse_args(arguments), parser)
    if not os.environ.get("VAULT_PREFIX"):
        parser.exit(1, "VAULT_PREFIX: not set; say --stage, and it is looked up\n")
    key = sys.stdin.readline().strip()
    if not _KEY.fullmatch(key):
        parser.exit(2, "the standard input holds no key as Open Dental's portal shows it\n")
    try:
        vault = services().vault
    except NoRegionError:
        parser.exit(1, NO_REGION)
    vault.put_portal(key)
    print("The portal key is kept.")  # noqa: T201


if __name__ == "__main__":
    main()
