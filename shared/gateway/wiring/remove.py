"""What a stage leaves behind: `python -m gateway.wiring.remove [--confirm STAGE]`; of one practice: `... practice -h`.

After `cdk destroy --all`, and not before. Without `--confirm` it counts what is left; with the stage's name it deletes
the practices' keys, the tables and the buckets, and for good. The audit trail stays, and the key that opens it. Takes
the stage from `--stage` or STAGE, and the region as AWS's own command does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from botocore.exceptions import NoRegionError
from botocore.session import get_session

from gateway.adapters.removing import NOTHING, RECOVERY_DAYS, Remains, StillThere
from gateway.core.errors import Unavailable
from gateway.wiring import leaving
from gateway.wiring.stage import NO_REGION, add_stage, only_stage


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    said = sys.argv[1:] if arguments is None else arguments
    if said[:1] == ["practice"]:
        leaving.main(said[1:])
        return
    parser = argparse.ArgumentParser(
        prog="python -m gateway.wiring.remove",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--confirm", metavar="STAGE", help="delete; has to be the stage again")
    add_stage(parser)
    options = parser.parse_args(said)
    stage = only_stage(options, parser)
    if options.confirm not in {None, stage}:
        parser.exit(2, f"--confirm: the stage is {stage}\n")
    try:
        session = get_session()
        dynamodb = session.create_client("dynamodb")
        remains = Remains(
            cloudformation=session.create_client("cloudformation"),
            dynamodb=dynamodb,
            s3=session.create_client("s3"),
            secretsmanager=session.create_client("secretsmanager"),
            stage=stage,
        )
        left = remains.find()
        if left == NOTHING:
            parser.exit(1, f"nothing is left of a stage {stage} in {dynamodb.meta.region_name}\n")
        told = f"{len(left.secrets)} secrets, {len(left.tables)} tables, {len(left.buckets)} buckets"
        kept = f"{len(left.kept)} stay: {', '.join(left.kept) or 'none'}"
        if options.confirm is None:
            print(f"{told} would be deleted; say --confirm {stage}\n{kept}")  # noqa: T201
            return
        remains.remove(left)
        print(f"{told} deleted; the secrets end in {RECOVERY_DAYS} days\n{kept}")  # noqa: T201
    except NoRegionError:
        parser.exit(1, NO_REGION)
    except (StillThere, Unavailable) as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
