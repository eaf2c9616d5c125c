"""What outlives its stack where data is kept, and why: all of it, and nothing besides."""

from __future__ import annotations

import re

from infra.bundling import ROOT
from infra.catalogue import TABLES
from infra.parts.names import camel
from tests.infra.templates import Assembly

STAYS = {
    **{f"{camel(row.name)}Table": "practices' data, or who saw it; refuses deletion besides" for row in TABLES},
    "Bodies": "requests and answers that the ledger refers to",
    "BodiesAccessLogs": "who touched them",
    "AuditArchiveBucket": "who saw whom, for six years (45 CFR 164.316); locked besides",
    "AuditArchiveAccessLogs": "who touched that",
    "KeysRecords": "without it nothing above can be opened, the audit trail among it",
    "KeysTraces": "without it no log can be read",
    "ExportFilesExports": "warehouses read it, and may have nothing else",
    "ExportFilesAccessLogs": "who read what has left the house stays answerable",
    "SigningSecret": "fingerprints of customer keys are made with it, and practices are found by them",
}
"""Resource (its logical id without the hash) -> why it stays. Log groups stay as well: they end by themselves."""


def retained(assembly: Assembly, *, logs: bool) -> set[str]:
    return {
        re.sub(r"[0-9A-F]{8}$", "", logical_id)
        for template in assembly.templates.values()
        for logical_id, resource in template["Resources"].items()
        if "Retain" in (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy"))
        and (resource["Type"] == "AWS::Logs::LogGroup") is logs
    }


def test_nothing_else_stays_and_all_of_that_does(assembly: Assembly) -> None:
    assert retained(assembly, logs=False) == STAYS.keys()


def test_logs_stay_and_end_by_themselves(assembly: Assembly) -> None:
    groups = [group for _, _, group in assembly.resources("AWS::Logs::LogGroup")]

    assert groups and all(group["Properties"]["RetentionInDays"] == 365 for group in groups)
    assert len(retained(assembly, logs=True)) == len(groups)


def test_the_readme_says_what_stays() -> None:
    text = (ROOT / "infra" / "README.md").read_text().partition("\n### What stays\n")[2].partition("\n#")[0]

    assert all(f"`{name}`" in text for name in ("Bodies", "BodiesAccessLogs", "KeysRecords", "KeysTraces"))
    assert "SigningSecret" in text and "tables" in text
