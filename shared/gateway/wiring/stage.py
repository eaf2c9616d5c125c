"""`--stage prod` of an operator's command: looks up what it would else need variables for.

A stage's stacks say in SSM what their tables, keys and buckets are called. A variable that is set already stays, and is
named where the stage says otherwise; only another STAGE is refused, because nobody can mean both.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, Final

from botocore.exceptions import NoRegionError
from botocore.session import get_session

from gateway.adapters import stage_names
from gateway.core.errors import Unavailable

NO_REGION: Final = "no AWS region: set AWS_DEFAULT_REGION to the one of the deployment\n"

_TABLES: Final = "data/tables/"
_ALSO: Final = {
    "data/bodies/name": "BODIES_BUCKET",
    "data/exports/name": "EXPORTS_BUCKET",
    "data/keys/records": "VAULT_KEY_ARN",
    "data/signing-secret": "HMAC_SECRET_ARN",
}


def add_stage(parser: argparse.ArgumentParser, *verbs: argparse.ArgumentParser) -> None:
    """Let the command be told its stage, before its verb or behind it."""
    for one, default in ((parser, None), *((verb, argparse.SUPPRESS) for verb in verbs)):
        one.add_argument(
            "--stage", default=default, help="prod, say: looks up in SSM what the environment does not name"
        )


def only_stage(options: argparse.Namespace, parser: argparse.ArgumentParser) -> str:
    """The stage's name, of `--stage` or STAGE, for a command that needs nothing else. Exits where there is none."""
    named = os.environ.get("STAGE") or None
    if options.stage is not None and named not in {None, options.stage}:
        parser.exit(2, f"--stage {options.stage}: STAGE is {named}; unset it, or say that\n")
    stage: str | None = options.stage or named
    if stage is None:
        parser.exit(1, "which stage? say --stage sandbox, dev or prod, or set STAGE\n")
    return stage


def look_up(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Set what the environment lacks, if there is a `--stage`. Exits, with a line, where that cannot be."""
    if options.stage is None:
        return
    stage = only_stage(options, parser)
    try:
        client: Any = get_session().create_client("ssm")
        found = stage_names.published(client, stage=stage)
    except NoRegionError:
        parser.exit(1, NO_REGION)
    except Unavailable as error:
        parser.exit(1, f"{error}\n")
    names = variables(stage, found)
    if not found:
        parser.exit(1, f"there is no stage {stage} in {client.meta.region_name}\n")
    for name, value in names.items():
        if os.environ.setdefault(name, value) != value:
            sys.stderr.write(f"{name} is the environment's, not that of {stage}\n")


def variables(stage: str, published: dict[str, str]) -> dict[str, str]:
    """What a function of `stage` would be told of what its stacks have `published`."""
    tables = {
        f"{path.removeprefix(_TABLES).upper()}_TABLE": arn.rpartition("/")[2]
        for path, arn in published.items()
        if path.startswith(_TABLES) and not path.endswith("/stream")
    }
    also = {name: published[path] for path, name in _ALSO.items() if path in published}
    return {"STAGE": stage, "VAULT_PREFIX": f"open-dental-gateway/{stage}/practices", **tables, **also}
