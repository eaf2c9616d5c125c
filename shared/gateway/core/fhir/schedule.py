"""Schedule -> Schedule (https://hl7.org/fhir/R4/schedule.html).

A stretch of hours that somebody works, with its chairs. Blockouts, holidays and employees' hours have no resource: what
they take away shows in which Slots are free.

| field | element |
|---|---|
| id | id |
| source.practice_id | identifier.system |
| source.table | identifier.system |
| source.key | identifier.value |
| updated_at | meta.lastUpdated |
| version | meta.versionId |
| provider_id | actor.reference |
| operatory_ids | actor.reference |
| location_id | actor.reference |
| start_at | planningHorizon.start |
| end_at | planningHorizon.end |
| time_zone | extension.valueCode |
| note | comment |
| date, local_start, local_end, local_ambiguous, local_nonexistent, is_whole_day | - (follow from the instants) |
| kind, kind_source, blockout_type, is_closed, employee_key | - (provider hours have none of these) |
| source.system, practice_id | - (the practice is in the identifier's system) |
| synced_at, deleted_at, raw, meta | - (of the answer, not of the hours) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.core.fhir.elements import absent, made, reference, resource, row_identifier, several
from gateway.core.fhir.location import TIME_ZONE


def schedule(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The Schedule of a schedule object of the kind `provider_hours`."""
    actors = [shown["provider_id"], *shown["operatory_ids"], shown["location_id"]]
    return made(
        {
            **resource("Schedule", shown),
            "extension": [{"url": TIME_ZONE, "valueCode": shown["time_zone"]}],
            "identifier": [row_identifier(shown["source"])],
            "active": True,
            "actor": several(map(reference, actors)) or [absent()],
            "planningHorizon": made({"start": shown["start_at"], "end": shown["end_at"]}),
            "comment": shown["note"],
        }
    )
