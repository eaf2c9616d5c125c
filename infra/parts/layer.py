"""Layers: what every function imports, and what one of them needs beside it."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.bundling import has_bytecode


class Layer(Construct):
    """A folder that functions import from: the dependencies and our two packages, or what `holds` says.

    Each stack with functions has a version of its own, made of the same folder: a layer handed over by name would
    change under published versions without their noticing, so aliases would go on serving the old one.
    """

    def __init__(self, scope: Construct, id_: str, *, folder: Path, holds: str | None = None) -> None:
        super().__init__(scope, id_)
        self.version = lambda_.LayerVersion(
            self,
            "Version",
            description=holds or "Dependencies and shared packages of the Open Dental gateway",
            code=lambda_.Code.from_asset(
                str(folder), asset_hash_type=cdk.AssetHashType.CUSTOM, asset_hash=folder.name, exclude=[".complete"]
            ),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        if holds is None and not has_bytecode(folder):
            cdk.Annotations.of(self).add_info(
                "The layer has no bytecode, as this machine has no Python 3.13: cold starts take about twice as long."
            )
