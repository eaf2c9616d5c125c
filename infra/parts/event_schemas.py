"""What lies on the bus, for whoever looks it up in EventBridge: the schemas of `events/types/`.

EventBridge would not find them out itself: it looks into no bus that is sealed with a key of one's own.
"""

from __future__ import annotations

import json
from pathlib import Path

from aws_cdk import aws_eventschemas as eventschemas
from constructs import Construct

from infra.bundling import ROOT
from infra.parts.event_bus import SOURCE
from infra.parts.names import camel
from infra.stages import Stage

SCHEMAS = ROOT / "events" / "types"
_SUFFIX = ".schema.json"


class EventSchemas(Construct):
    """A registry of our own, and in it a schema for each type of event."""

    def __init__(self, scope: Construct, id_: str, *, stage: Stage, folder: Path = SCHEMAS) -> None:
        super().__init__(scope, id_)
        registry = eventschemas.CfnRegistry(
            self,
            "Registry",
            registry_name=f"{SOURCE}-{stage.name}",
            description=f"Events of the Open Dental gateway ({stage.name})",
        )
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            type_ = path.name.removesuffix(_SUFFIX)
            schema = json.loads(path.read_text())
            eventschemas.CfnSchema(
                self,
                camel(type_.replace(".", "_")),
                registry_name=registry.attr_registry_name,
                type="JSONSchemaDraft4",
                # As EventBridge names what it finds out itself, so that its console shows whose it is.
                schema_name=f"{SOURCE}@{type_}",
                description=schema["description"],
                content=json.dumps(schema, separators=(",", ":")),
            )
