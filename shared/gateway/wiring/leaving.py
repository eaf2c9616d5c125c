"""A practice that leaves: `python -m gateway.wiring.remove practice prac_... [--yes] [--stage STAGE]`.

Without `--yes` it counts what is kept of the practice; with it, that is deleted for good: its keys, its mirror, its
events, its operations, its copies for minutes. It does so only once the practice's agreement is closed and its calls
are stopped. The record of the practice and of its agreements stays, and so does the audit trail, for six years.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from botocore.exceptions import NoRegionError
from botocore.session import get_session

from gateway.adapters.leaving import TABLES, Leaver
from gateway.adapters.removing import RECOVERY_DAYS
from gateway.core.errors import NotFound, Unavailable
from gateway.wiring.services import Services
from gateway.wiring.stage import NO_REGION, add_stage, look_up


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway.wiring.remove practice",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("practice", metavar="prac_...")
    parser.add_argument("--yes", action="store_true", help="delete")
    add_stage(parser)
    options = parser.parse_args(arguments)
    look_up(options, parser)
    try:
        print(_done(options.practice, is_meant=options.yes))  # noqa: T201
    except KeyError as error:
        parser.exit(1, f"{error.args[0]}: not set; say --stage\n")
    except NoRegionError:
        parser.exit(1, NO_REGION)
    except (NotFound, Unavailable, _StillHere) as error:
        parser.exit(1, f"{error}\n")


class _StillHere(Exception):
    """The practice is in use."""


def _done(practice_id: str, *, is_meant: bool) -> str:
    on = Services()
    practice = on.practices.get(practice_id)
    lacks = [
        *(["its agreement is in force: DELETE /practices/{id}/baa"] if practice.is_open(on.clock.now().date()) else []),
        *(
            []
            if on.paces.view(practice_id).killed
            else ['its calls are allowed: PATCH /practices/{id} {"calls": "stopped"}']
        ),
    ]
    session = get_session()
    leaver = Leaver(
        practice_id,
        dynamodb=session.create_client("dynamodb"),
        s3=session.create_client("s3"),
        secretsmanager=session.create_client("secretsmanager"),
        tables={name: os.environ[f"{name.upper()}_TABLE"] for name in TABLES},
        bucket=os.environ["BODIES_BUCKET"],
        exports=os.environ["EXPORTS_BUCKET"],
        secret=f"{os.environ['VAULT_PREFIX'].rstrip('/')}/{practice_id}",
    )
    if is_meant and lacks:
        raise _StillHere("; ".join(lacks))
    kept = leaver.find()
    counts = ", ".join(f"{name} {len(keys)}" for name, keys in kept.items.items())
    told = [
        f"items: {counts}; {len(kept.bodies)} long bodies; {len(kept.exports)} exported files; "
        f"{'its keys' if kept.has_secret else 'no keys'}",
        f"{kept.unsettled} operations have not settled: look at the office before" if kept.unsettled else "",
        "the practice's record, its agreements and the audit trail stay",
    ]
    if not is_meant:
        told = [f"would be deleted with --yes: {told[0]}", *told[1:], *(f"before that: {one}" for one in lacks)]
    else:
        leaver.remove(kept)
        told[0] = f"deleted: {told[0]}; the keys can be brought back for {RECOVERY_DAYS} days"
    return "\n".join(filter(None, told))
