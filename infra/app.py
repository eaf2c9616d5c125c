"""The CDK app: `python -m infra.app` writes cdk.out.

Context (CDK's `-c name=value`, or `app(context)`): `stage` (see `stages.py`; `dev`), `region`, `alarm_email`,
`networks`, `sftp_drop`, `message_sender` (JSON files), `layer` and `parquet_layer` (folders that
`bundling.build_layer` filled, for another platform than Lambda's), `functions` (another folder of handlers), `nag=off`.
The environment's `CDK_VALIDATION=false` leaves out cdk-nag and CDK's own rules.
"""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from infra.bundling import PARQUET, ROOT, cached_layer
from infra.node import use_bundled_node

use_bundled_node()

import aws_cdk as cdk  # noqa: E402
from cdk_nag import AwsSolutionsChecks, HIPAASecurityChecks, ServerlessChecks  # noqa: E402

from infra.acknowledged import ACKNOWLEDGED  # noqa: E402
from infra.alarms import ALARMS, AlarmRow  # noqa: E402
from infra.catalogue import FUNCTIONS, HTTP_STACKS, MACHINES, TABLES, FunctionRow, MachineRow, TableRow, stack_of  # noqa: E402
from infra.stacks.api import ApiStack  # noqa: E402
from infra.stacks.core import CoreStack, timeout_of  # noqa: E402
from infra.stacks.data import DataStack  # noqa: E402
from infra.stacks.flows import FlowsStack  # noqa: E402
from infra.stacks.http import HttpStack  # noqa: E402
from infra.stacks.warehouse import WarehouseStack  # noqa: E402
from infra.stages import Stage, stage_for  # noqa: E402


def app(
    context: Mapping[str, str] | None = None,
    *,
    functions: Iterable[FunctionRow] = FUNCTIONS,
    tables: Iterable[TableRow] = TABLES,
    alarms: Iterable[AlarmRow] = ALARMS,
    machines: Iterable[MachineRow] = MACHINES,
    outdir: Path | None = None,
) -> cdk.App:
    """Return the app, ready for `synth()`.

    `context` adds to what `cdk.json` and the CDK CLI say. Nothing here calls AWS.

    Raises:
        ValueError: the stage is unknown, or two rows claim one route.
        FileNotFoundError: a row has no folder in `functions/`.
    """
    # Only the CLI reads cdk.json; without this, its feature flags would hold for half of the ways to synthesize.
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    root = cdk.App(context={**flags, **(context or {})}, outdir=str(outdir) if outdir else None)

    def said(name: str) -> str | None:
        value = root.node.try_get_context(name)
        return None if value is None else str(value)

    names = ("stage", "region", "alarm_email", "networks", "sftp_drop", "message_sender")
    stage = stage_for({name: value for name in names if (value := said(name))})
    env = cdk.Environment(account=os.environ.get("CDK_DEFAULT_ACCOUNT"), region=stage.region)
    code = Path(said("functions") or ROOT / "functions")
    layer = Path(given).resolve() if (given := said("layer")) else cached_layer()
    parquet = Path(given).resolve() if (given := said("parquet_layer")) else cached_layer(group=PARQUET)

    rows, tables = tuple(functions), tuple(tables)
    working = [row for row in rows if stack_of(row) == "core"]
    called = [row for row in rows if row not in working]

    def name(part: str) -> str:
        return f"open-dental-gateway-{stage.name}-{part}"

    take_timeout = timeout_of(working, "hooks")
    data = DataStack(root, name("data"), tables=tables, take_timeout=take_timeout, stage=stage, env=env)
    core = CoreStack(
        root,
        name("core"),
        rows=working,
        tables=tables,
        alarms=alarms,
        code=code,
        layer=layer,
        parquet_layer=parquet,
        stage=stage,
        env=env,
    )
    api = ApiStack(root, name("api"), rows=called, stage=stage, env=env)
    for part in (f"http-{number}" for number in range(1, HTTP_STACKS + 1)):
        share = [row for row in called if stack_of(row) == part]
        http = HttpStack(root, name(part), rows=share, tables=tables, code=code, layer=layer, stage=stage, env=env)
        http.add_stack_dependency(core)
        # A route leads to a function that is there.
        api.add_stack_dependency(http)
    if stage.athena:
        warehouse = WarehouseStack(root, name("warehouse"), stage=stage, env=env)
        warehouse.add_stack_dependency(data)
    flows = FlowsStack(root, name("flows"), rows=working, machines=machines, stage=stage, env=env)
    core.add_stack_dependency(data)
    flows.add_stack_dependency(api)
    cdk.Tags.of(root).add("application", "open-dental-gateway")
    cdk.Tags.of(root).add("stage", stage.name)

    if said("nag") != "off" and os.environ.get("CDK_VALIDATION") != "false":
        acknowledge(root, stage)
        cdk.Validations.of(root).add_plugins(
            AwsSolutionsChecks(root), HIPAASecurityChecks(root), ServerlessChecks(root)
        )
    return root


def acknowledge(root: cdk.App, stage: Stage) -> None:
    """Tell cdk-nag which findings stand, on the very constructs that have them."""
    for construct in root.node.find_all():
        path = construct.node.path.partition("/")[2]
        for row in ACKNOWLEDGED:
            if fnmatch.fnmatchcase(path, row.where):
                reason = f"{row.reason} What would end it: {row.ends}"
                cdk.Validations.of(construct).acknowledge(
                    cdk.Acknowledgment(id=f"{row.pack}::{row.id_in(stage)}", reason=reason)
                )


if __name__ == "__main__":
    app(outdir=Path(os.environ.get("CDK_OUTDIR", ROOT / "cdk.out"))).synth()
