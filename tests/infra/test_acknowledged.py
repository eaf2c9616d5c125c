"""cdk-nag finds nothing that is not in the table, and the table holds nothing that is not found."""

from __future__ import annotations

import fnmatch
from dataclasses import replace

import pytest

from infra.acknowledged import ACKNOWLEDGED, CHECKOV, Acknowledged
from infra.stages import STAGES, SftpDrop
from tests.infra.drops import DROP_SAID
from tests.infra.templates import Assembly

# Words of the rules that are repaired, never acknowledged.
NEVER = ("SQS", "DLQ", "CloudWatchLogGroupEncrypted", "SSLRequests", "TLS", "Public", "S3BucketLevel", "SNS", "KMS")
# S3 delivers its access logs to no bucket with another kind of key; see the row.
EXCEPT = {
    "HIPAA.Security-S3DefaultEncryptionKMS",
    # Of the dead-letter queues themselves.
    "Serverless-SQSRedrivePolicy",
}


@pytest.fixture(params=["assembly", "networked", "dropped"])
def synthesized(request: pytest.FixtureRequest) -> Assembly:
    """The stage by itself, with practices in networks of their own, and with an SFTP server of the user's own."""
    found: Assembly = request.getfixturevalue(request.param)
    return found


def test_cdk_nag_and_cdks_own_rules_find_nothing(synthesized: Assembly) -> None:
    found = [
        (violation["ruleName"], [place["constructPath"] for place in violation["violatingConstructs"]])
        for plugin in synthesized.report()["pluginReports"]
        for violation in plugin["violations"]
    ]

    assert found == []
    assert {"AwsSolutions", "HIPAA.Security", "Serverless"} <= {
        plugin["pluginName"] for plugin in synthesized.report()["pluginReports"]
    }


@pytest.mark.parametrize("acknowledged", ACKNOWLEDGED, ids=lambda row: f"{row.rule}-{row.where}")
def test_an_acknowledgement_is_needed(
    assembly: Assembly, networked: Assembly, dropped: Assembly, acknowledged: Acknowledged
) -> None:
    row = STAGES[assembly.stage]
    with_drop = replace(row, sftp_drop=SftpDrop(**DROP_SAID))
    places = [
        place["constructPath"].partition("/")[2]
        for synthesized, stage in ((assembly, row), (networked, row), (dropped, with_drop))
        for plugin in synthesized.report()["pluginReports"]
        for finding in plugin.get("suppressedViolations", ())
        if finding["ruleName"] == acknowledged.id_in(stage)
        for place in finding["violatingConstructs"]
    ]

    assert [place for place in places if fnmatch.fnmatchcase(place, acknowledged.where)]


def test_at_most_15_different_rules_are_acknowledged_and_7_of_those_that_ask_again() -> None:
    rules = {row.rule for row in ACKNOWLEDGED}
    again = {rule for rule in rules if rule.startswith("Serverless-")}

    assert len(rules - again) <= 15
    assert len(again) <= 7


def test_what_must_be_repaired_is_not_acknowledged() -> None:
    for row in ACKNOWLEDGED:
        if row.rule not in EXCEPT:
            assert not [word for word in NEVER if word in row.rule], row.rule
        assert not (row.finding or "").startswith("Action::")


@pytest.mark.parametrize("acknowledged", [*ACKNOWLEDGED, *CHECKOV], ids=lambda row: f"{row.rule}-{row.where}")
def test_an_acknowledgement_says_why_and_until_when(acknowledged: Acknowledged) -> None:
    assert len(acknowledged.reason) > 40
    assert acknowledged.ends.endswith(".")
    # cdk-nag knows a finding by the exact text, so a place is a pattern but a finding is not.
    assert "?" not in (acknowledged.finding or "")
