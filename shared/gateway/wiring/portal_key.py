"""Keep the developer's portal key: `python -m gateway.wiring.portal_key < portal-key`.

With it the gateway makes and disables customer keys by itself when a practice's key is exchanged. It is read from the
standard input, so that it stands in no history and no list of processes. Reads VAULT_PREFIX and VAULT_KEY_ARN as the
function behind POST /practices/{id}/rotations has them, and the region as AWS's own command does.

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

_KEY: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.wiring.portal_key",
        description="Keep the developer's portal key, which comes by the standard input, in place of an earlier one.",
        epilog="environment: VAULT_PREFIX and VAULT_KEY_ARN as the function `rotations` has them; AWS_DEFAULT_REGION",
    )
    parser.parse_args(arguments)
    if not os.environ.get("VAULT_PREFIX"):
        parser.exit(1, "VAULT_PREFIX: not set; the function behind POST /practices/{id}/rotations has what it takes\n")
    key = sys.stdin.readline().strip()
    if not _KEY.fullmatch(key):
        parser.exit(2, "the standard input holds no key as Open Dental's portal shows it\n")
    try:
        vault = services().vault
    except NoRegionError:
        parser.exit(1, "no AWS region: set AWS_DEFAULT_REGION to the one of the deployment\n")
    vault.put_portal(key)
    print("The portal key is kept.")  # noqa: T201


if __name__ == "__main__":
    main()
