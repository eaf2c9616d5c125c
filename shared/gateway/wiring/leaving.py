"""A practice that leaves: `python -m gateway.wiring.remove practice prac_... [--yes] [--stage STAGE]`.

Without `--yes` it counts what is kept of the practice; with it, the practice is removed as by `DELETE /practices/{id}`,
step by step, here instead of by a state machine; one that has begun goes on where it stands. It ends with the
certificate of erasure. What waits for the office waits for a day at most; ended by Ctrl-C it may be said again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence

from botocore.exceptions import NoRegionError
from botocore.session import get_session

from gateway.adapters.leaving import TABLES, Leaver
from gateway.core.access import OFFBOARD
from gateway.core.callers import Caller, Client, ClientKind
from gateway.core.errors import AppError, NotFound
from gateway.core.removal import certificate
from gateway.core.removal.beginning import Removing, begin_removal
from gateway.core.removal.records import STEPS
from gateway.core.removal.steps import take_step
from gateway.wiring.erasing import ErasingServices
from gateway.wiring.stage import NO_REGION, add_stage, look_up

COMMAND = "cli_command"
"""Whom the trail names where nobody's client began."""


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.wiring.remove practice",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("practice", metavar="prac_...")
    parser.add_argument("--yes", action="store_true", help="remove it, for good")
    add_stage(parser)
    options = parser.parse_args(arguments)
    look_up(options, parser)
    try:
        on = ErasingServices()
        told = removed(options.practice, on=on, sleep=on.clock.sleep) if options.yes else _counted(options.practice, on)
        print(told)  # noqa: T201
    except KeyError as error:
        parser.exit(1, f"{error.args[0]}: not set; say --stage\n")
    except NoRegionError:
        parser.exit(1, NO_REGION)
    except AppError as error:
        parser.exit(1, f"{error}\n")


def removed(practice_id: str, *, on: ErasingServices, sleep: Callable[[float], None]) -> str:
    """Take all steps of a removal; its certificate, as JSON. Raises: AppError."""
    begun = on.removals.load(practice_id)
    client = Client(
        COMMAND if begun is None else begun.client_id,
        "An operator's command",
        frozenset({practice_id}),
        frozenset({f"{OFFBOARD}:write"}),
        ClientKind.OPERATOR,
    )
    caller = Caller(client)
    begin_removal(practice_id, Removing(confirm=practice_id), caller=caller, on=on, runs=False)
    for step in STEPS:
        while (again := take_step(practice_id, step, caller=caller, on=on, erasing=on).look_again_s) is not None:
            sys.stderr.write(f"{step} goes on; next look in {again} s\n")
            sleep(again)
    removal = on.removals.load(practice_id)
    if removal is None or removal.certificate is None:
        raise NotFound("there is no certificate")
    said = {"certificate": certificate.read(removal.certificate, signer=on.signer), "signature": removal.certificate}
    return json.dumps(said, indent=2)


def _counted(practice_id: str, on: ErasingServices) -> str:
    on.practices.get(practice_id)
    session = get_session()
    kept = Leaver(
        practice_id,
        dynamodb=session.create_client("dynamodb"),
        s3=session.create_client("s3"),
        secretsmanager=session.create_client("secretsmanager"),
        tables={name: os.environ[f"{name.upper()}_TABLE"] for name in TABLES},
        bucket=os.environ["BODIES_BUCKET"],
        exports=os.environ["EXPORTS_BUCKET"],
        secret=f"{os.environ['VAULT_PREFIX'].rstrip('/')}/{practice_id}",
    ).find()
    counts = ", ".join(f"{name} {len(keys)}" for name, keys in kept.items.items())
    told = [
        f"would be deleted with --yes: items: {counts}; {len(kept.bodies)} long bodies; "
        f"{'its keys' if kept.has_secret else 'no keys'}",
        f"{kept.unsettled} operations have not settled" if kept.unsettled else "",
        "a tombstone, the practice's agreements and the audit trail stay",
    ]
    return "\n".join(filter(None, told))
