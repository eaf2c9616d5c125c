"""Reads the synthesized templates as JSON: a hundred times faster than asking CDK again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Resource = dict[str, Any]
HTTP_PARTS = ("http-1", "http-2", "http-3", "http-4")
PARTS = ("data", "core", *HTTP_PARTS, "api", "flows")

# Four fifths of what CloudFormation takes, so that whoever comes too close still has room to think.
MOST_RESOURCES = 400
MOST_PARAMETERS = 160
MOST_BYTES = 800_000


@dataclass(frozen=True)
class Assembly:
    """What one synthesis wrote for one stage."""

    folder: Path
    stage: str

    @cached_property
    def templates(self) -> Mapping[str, dict[str, Any]]:
        """By stack, in the order of deployment."""
        # The sandbox's stage has no tables for Athena.
        parts = (*PARTS, *(["warehouse"] if self.path("warehouse").exists() else []))
        return {part: json.loads(self.path(part).read_text()) for part in parts}

    def path(self, part: str) -> Path:
        return self.folder / f"open-dental-gateway-{self.stage}-{part}.template.json"

    def report(self) -> dict[str, Any]:
        """What CDK's and cdk-nag's rules found and what was acknowledged."""
        found: dict[str, Any] = json.loads((self.folder / "validation-report.json").read_text())
        return found

    def resources(self, *types: str) -> Iterator[tuple[str, str, Resource]]:
        """Yield (stack, logical id, resource) of these types."""
        for part, template in self.templates.items():
            for logical_id, resource in template["Resources"].items():
                if resource["Type"] in types:
                    yield part, logical_id, resource

    def one(self, type_: str) -> Resource:
        """The only resource of this type."""
        ((_, _, resource),) = self.resources(type_)
        return resource

    def function(self, name: str, *, network: str | None = None) -> tuple[str, str, Resource]:
        """The function of the row called `name`, in `network` or in none, with its stack and logical id."""
        (found,) = (
            entry
            for entry in self.resources("AWS::Lambda::Function")
            if entry[2]["Properties"].get("Handler") == f"{name}.handler.lambda_handler"
            and self._network_of(entry[2]) == network
        )
        return found

    def _network_of(self, function: Resource) -> str | None:
        """The network whose worker's security group the function has."""
        groups = function["Properties"].get("VpcConfig", {}).get("SecurityGroupIds", [])
        descriptions = [
            resource["Properties"]["GroupDescription"]
            for _, logical_id, resource in self.resources("AWS::EC2::SecurityGroup")
            if logical_id in mentioned(groups)
        ]
        return descriptions[0].rpartition(" ")[2] if descriptions else None

    def statements(self, name: str, *, network: str | None = None) -> list[dict[str, Any]]:
        """All policy statements that allow something to the role of the function called `name`."""
        part, _, function = self.function(name, network=network)
        role = function["Properties"]["Role"]["Fn::GetAtt"][0]
        return [
            statement
            for _, _, policy in self.resources("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")
            if {"Ref": role} in policy["Properties"].get("Roles", [])
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Allow" and role in self.templates[part]["Resources"]
        ]

    def actions(self, name: str, *, network: str | None = None) -> set[str]:
        """Every action that the role of the function called `name` may take, on anything."""
        statements = self.statements(name, network=network)
        return {action for statement in statements for action in listed(statement["Action"])}

    def body(self) -> dict[str, Any]:
        """The OpenAPI body of the API."""
        found: dict[str, Any] = self.one("AWS::ApiGateway::RestApi")["Properties"]["Body"]
        return found


def variables_of(function: Resource) -> dict[str, Any]:
    """The environment variables of a function."""
    found: dict[str, Any] = function["Properties"]["Environment"]["Variables"]
    return found


def called_name(node: Any) -> str:
    """The name of the function whose alias `live` an ARN, or a URI with it, leads to; everyone calls the alias."""
    (found,) = re.findall(r":function:([\w-]+):live\b", joined(node))
    return str(found)


def joined(node: Any) -> str:
    """What `Fn::Join` makes of `node`, with `$` for whatever only AWS knows."""
    if isinstance(node, str):
        return node
    separator, pieces = node.get("Fn::Join", ("", ["$"]))
    return str(separator).join(piece if isinstance(piece, str) else joined(piece) for piece in pieces)


def listed(value: Any) -> list[Any]:
    """IAM writes one as itself and several as a list."""
    return value if isinstance(value, list) else [value]


def mentioned(node: Any) -> set[str]:
    """Every logical id that `node` refers to."""
    if isinstance(node, list):
        return {name for value in node for name in mentioned(value)}
    if not isinstance(node, dict):
        return set()
    if "Ref" in node:
        return {node["Ref"]}
    if "Fn::GetAtt" in node:
        return {node["Fn::GetAtt"][0]}
    return {name for value in node.values() for name in mentioned(value)}
