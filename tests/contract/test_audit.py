"""Audit trails and their index by patient: the fakes and the tables keep one contract each."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from gateway.adapters.archive import S3Archive
from gateway.adapters.audit import DynamoAudit, DynamoAuditIndex, entry_of
from gateway.core.audit import MOST_PATIENTS, PATIENTS_MATCH, AuditEntry, Mention, Phase
from gateway.core.errors import AuditUnavailable, Unavailable
from gateway.core.ids import new_id, row_id
from tests.contract.conftest import REGION, make_table
from tests.fakes.audit import FakeAudit, FakeAuditIndex

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ALWAYS = (NOON - timedelta(days=9), NOON + timedelta(days=999))
ELM, OAK = (new_id("practice") for _ in range(2))


def an_entry(**changes: Any) -> AuditEntry:
    entry = AuditEntry(
        id=new_id("audit_entry"),
        practice_id=ELM,
        at=NOON,
        client_id="cli_ada",
        action="GET /patients/{id}",
        request_id="req-1",
        purpose="TREAT",
        status=200,
        served_from="mirror",
        patient_ids=(row_id("patient", ELM, 1), row_id("patient", ELM, 2)),
    )
    return replace(entry, **changes)


@pytest.fixture(params=["fake", "dynamodb"])
def audit(request: pytest.FixtureRequest) -> Any:
    if request.param == "fake":
        return FakeAudit()
    request.getfixturevalue("aws")
    return DynamoAudit(make_table("audit", due=False), table="audit")


@pytest.fixture(params=["fake", "dynamodb"])
def index(request: pytest.FixtureRequest) -> Any:
    if request.param == "fake":
        return FakeAuditIndex()
    request.getfixturevalue("aws")
    return DynamoAuditIndex(make_table("audit_index", due=False), table="audit_index")


def trail(audit: Any, of: str, *, after: tuple[datetime, str] | None = None, limit: int = 100) -> list[AuditEntry]:
    found: list[AuditEntry] = audit.page(of, since=ALWAYS[0], until=ALWAYS[1], after=after, limit=limit)
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"practice_id": None, "patient_ids": (), "code": "not-found", "status": 404},
        {"phase": Phase.UNKNOWN, "operation_id": "opn_1", "step": "create", "action": "appointments.create"},
        {"action": PATIENTS_MATCH, "group_id": "grp_1", "agreement": "binder 7", "outcome": {"certain": 1}},
        {"part": 2, "parts": 3, "object_ids": ("whk_1",)},
    ],
)
def test_an_entry_comes_back_as_it_was_added(audit: Any, changes: dict[str, Any]) -> None:
    entry = an_entry(**changes)
    audit.note(entry)

    assert trail(audit, entry.trail) == [entry]


def test_a_trail_is_read_from_the_youngest_page_by_page_and_shows_nothing_of_another(audit: Any) -> None:
    times = [NOON, NOON + timedelta(microseconds=1), NOON + timedelta(seconds=1), NOON + timedelta(days=400)]
    entries = [an_entry(at=at) for at in times]
    audit.note(*entries)
    audit.note(an_entry(practice_id=OAK), an_entry(practice_id=None))
    youngest = entries[::-1]

    assert trail(audit, ELM) == youngest
    assert trail(audit, ELM, limit=3) == youngest[:3]
    assert trail(audit, ELM, after=(youngest[2].at, youngest[2].id)) == youngest[3:]
    assert audit.page(ELM, since=times[1], until=times[3], after=None, limit=9) == youngest[1:3]
    assert audit.page(ELM, since=times[3], until=times[1], after=None, limit=9) == []
    assert (len(trail(audit, OAK)), len(trail(audit, "cli_ada"))) == (1, 1)


def test_an_entry_noted_twice_is_there_once_and_as_it_was_first(audit: Any) -> None:
    entry = an_entry()
    audit.note(entry)
    audit.note(replace(entry, client_id="cli_mallory"))

    assert trail(audit, ELM) == [entry]


def test_what_is_told_again_after_a_crash_at_another_time_is_there_once(audit: Any) -> None:
    entry = an_entry(phase=Phase.INTENT)
    for seconds in (0, 1, 500):
        audit.note(replace(entry, at=NOON + timedelta(seconds=seconds)), once=True)
    audit.note(replace(entry, practice_id=OAK), once=True)

    assert trail(audit, ELM) == [entry]
    assert len(trail(audit, OAK)) == 1


def test_of_many_entries_all_are_there(audit: Any) -> None:
    audit.note(*(an_entry(part=number, parts=230) for number in range(1, 231)))

    assert {one.part for one in trail(audit, ELM, limit=500)} == set(range(1, 231))


def test_no_entry_ever_disappears_by_itself(aws: None) -> None:
    audit = DynamoAudit(make_table("audit", due=False), table="audit")
    audit.note(an_entry())
    audit.note(an_entry(), once=True)

    assert not [item for item in audit._client.scan(TableName="audit")["Items"] if "expires_at" in item]


def test_an_entry_of_the_most_patients_fits_and_of_more_is_refused(aws: None) -> None:
    audit = DynamoAudit(make_table("audit", due=False), table="audit")
    audit.note(an_entry(patient_ids=tuple(f"pat_{'a' * 29}" for _ in range(MOST_PATIENTS))))
    with pytest.raises(AuditUnavailable):
        audit.note(an_entry(patient_ids=("pat_1",) * (MOST_PATIENTS + 1)))


@pytest.mark.parametrize(("entries", "once"), [(1, False), (2, False), (1, True)])
def test_an_entry_that_cannot_be_written_is_audit_unavailable(entries: int, *, once: bool) -> None:
    client: Any = boto3.client("dynamodb", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(client) as stubbed, pytest.raises(AuditUnavailable):
        stubbed.add_client_error("put_item" if entries == 1 and not once else "transact_write_items", "ServerError")
        DynamoAudit(client, table="audit").note(*(an_entry() for _ in range(entries)), once=once)


def test_an_entry_of_before_there_were_phases_is_still_read() -> None:
    patient = row_id("patient", ELM, 1)
    kept = {
        "pk": {"S": f"audit#{ELM}"},
        "sk": {"S": "2026-03-02T12:00:00.000000Z#aud_1"},
        "id": {"S": "aud_1"},
        "at": {"S": "2026-03-02T12:00:00.000000Z"},
        "practice_id": {"S": ELM},
        "client_id": {"S": "cli_ada"},
        "action": {"S": PATIENTS_MATCH},
        "request_id": {"S": "req-1"},
        "object_ids": {"S": f'["{patient}", "whk_1"]'},
        "outcome": {"S": '{"certain": 1}'},
    }

    entry = entry_of(kept)

    assert (entry.patient_ids, entry.object_ids, entry.phase) == ((patient,), ("whk_1",), Phase.ANSWERED)


def a_mention(number: int, at: datetime = NOON, entry_id: str = "aud_1") -> Mention:
    return Mention(row_id("patient", ELM, number), ELM, at, entry_id, "cli_ada", "GET /patients", status=200)


def test_mentions_are_found_by_patient_the_youngest_first_and_once(index: Any) -> None:
    times = [NOON + timedelta(days=day) for day in range(3)]
    theirs = [a_mention(7, at, f"aud_{day}") for day, at in enumerate(times)]
    others = [a_mention(number) for number in range(100, 160)]
    for _ in range(2):
        index.add([*theirs, *others, theirs[0]], up_to=times[-1])
    patient = row_id("patient", ELM, 7)

    def found(after: tuple[datetime, str] | None = None, limit: int = 9) -> list[Mention]:
        page: list[Mention] = index.page(patient, since=ALWAYS[0], until=ALWAYS[1], after=after, limit=limit)
        return page

    assert found() == theirs[::-1]
    assert found(limit=2) == theirs[:0:-1]
    assert found(after=(theirs[1].at, theirs[1].entry_id)) == [theirs[0]]
    assert index.page(row_id("patient", OAK, 7), since=ALWAYS[0], until=ALWAYS[1], after=None, limit=9) == []


def test_the_index_says_how_far_it_has_read(index: Any) -> None:
    assert index.up_to() is None
    index.add([], up_to=NOON)

    assert index.up_to() == NOON


def test_an_index_that_takes_nothing_is_unavailable_and_says_that_it_is_as_far_as_before(aws: None) -> None:
    index = DynamoAuditIndex(make_table("audit_index", due=False), table="audit_index", pause=lambda _: None)
    index.add([], up_to=NOON)
    taken = index._client.batch_write_item
    index._client.batch_write_item = lambda RequestItems: {"UnprocessedItems": RequestItems}  # type: ignore[assignment,misc] # noqa: N803
    with pytest.raises(Unavailable):
        index.add([a_mention(1)], up_to=NOON + timedelta(hours=1))
    index._client.batch_write_item = taken  # type: ignore[method-assign]

    assert index.up_to() == NOON


def test_an_archived_part_is_lines_of_json_and_the_same_part_is_the_same_bytes(aws: None) -> None:
    client: Any = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket="archive", ObjectLockEnabledForBucket=True)
    archive = S3Archive(lambda: client, bucket="archive")
    lines = [{"id": "aud_1", "patient_ids": []}, {"id": "aud_2", "patient_ids": ["pat_1"]}]
    for _ in range(2):
        archive.keep("2026/03/02/1-2.ndjson.gz", lines)
    versions = client.list_object_versions(Bucket="archive")["Versions"]
    kept = [
        client.get_object(Bucket="archive", Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
        for one in versions
    ]

    assert [json.loads(line) for line in gzip.decompress(kept[0]).splitlines()] == lines
    assert len(kept) == 2 and kept[0] == kept[1]


def test_an_archive_that_takes_nothing_is_unavailable(aws: None) -> None:
    client: Any = boto3.client("s3", region_name=REGION)
    with pytest.raises(Unavailable):
        S3Archive(lambda: client, bucket="nowhere").keep("1-2", [{"id": "aud_1"}])
