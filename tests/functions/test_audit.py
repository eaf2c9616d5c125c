"""The audit trail over the whole road: every answer before it leaves, and who may see which trail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from gateway.adapters.archive import added_in
from gateway.adapters.audit import item_of
from gateway.core.audit import AuditEntry, Phase
from gateway.core.audit.archiving import archive, mentions_of, name_of
from gateway.core.callers import Client
from gateway.core.errors import Unavailable
from gateway.core.ids import row_id
from gateway.core.objects import audit as objects
from tests.fakes.deployment import CLIENT, IDS, Answered, Deployment, deployed
from tests.fakes.drop import FakeDrop
from tests.fakes.mirroring import mirror

ELM, OAK, FOREIGN = IDS
SCOPES = (
    "*:read",
    "audit:read",
    "appointments:write",
    "patients:write",
    "communications:write",
    "resources:read",
    "document_contents:read",
)
SLOW_AUDIT = "audit-unavailable"


@pytest.fixture(scope="module")
def office() -> Iterator[Deployment]:
    """A practice with a mirror, and a second one."""
    with deployed("--patients", "8", practices=2, scopes=SCOPES) as d:
        d.read_up()
        for practice_id in (ELM, OAK):
            mirror(d, practice_id=practice_id)
        yield d


@pytest.fixture
def d(office: Deployment) -> Deployment:
    office.on.audit.entries.clear()
    office.on.audit.refuses.clear()
    office.on.audit.is_down = False
    office.on.archive.kept.clear()
    office.on.audit_index.mentions.clear()
    office.on.audit_index.read_up_to = None
    office.grant(*SCOPES)
    return office


def paths(d: Deployment) -> dict[str, dict[str, Any]]:
    """A question of each family."""
    patient, today = d.id_of("patient", 3), str(d.today)
    lists = (
        "appointments procedures claims payments adjustments payment_plans coverages recalls communications"
        " treatment_plans perio_exams allergies medications conditions documents"
    )
    return {
        **{f"/{name}": {"patient_id": patient} for name in lists.split()},
        **{f"/{name}": {"practice_id": ELM} for name in ("providers", "operatories", "carriers", "definitions")},
        "/patients": {"practice_id": ELM, "limit": 5},
        f"/patients/{patient}": {},
        f"/patients/{patient}/360": {},
        "/balances": {"patient_id": patient},
        "/day": {"practice_id": ELM, "date": today},
        "/tasks": {"patient_id": patient},
        "/practices": {},
        "/resources/patients": {"practice_id": ELM, "limit": 5},
        "/resources/appointments": {"practice_id": ELM, "limit": 5, "include": "raw"},
        "/fhir/R4/Patient": {"_id": patient.replace("_", "-")},
        "/fhir/R4/AllergyIntolerance": {"patient": f"Patient/{patient}"},
        "/events": {"practice_id": ELM},
        "/audit": {"practice_id": ELM},
    }


def shown_in(body: Any, practice_id: str = ELM) -> set[str]:
    """The patients in a body, member by member: another way than the gateway's own."""
    found: set[str] = set()
    if isinstance(body, dict):
        for name, value in body.items():
            if name.replace("_", "").lower() in {"patnum", "guarantor", "superfamily", "subscriber"}:
                found |= {row_id("patient", practice_id, int(value))} if str(value).isdigit() and int(value) else set()
            found |= shown_in(value, practice_id)
    elif isinstance(body, list):
        found = found.union(*(shown_in(one, practice_id) for one in body))
    elif isinstance(body, str):
        found = {one.replace("-", "_") for one in re.findall(r"pat[_-][a-z2-7]{29}", body)}
    return found


def answers(d: Deployment) -> list[AuditEntry]:
    return [one for one in d.on.audit.entries if one.phase is Phase.ANSWERED]


def test_whomever_an_answer_of_any_family_shows_is_in_the_trail(d: Deployment) -> None:
    seen = 0
    for path, query in paths(d).items():
        d.on.audit.entries.clear()
        answer = d.get(path, **query)
        assert answer.status == 200, (path, answer.body)
        named = {id_ for one in answers(d) for id_ in one.patient_ids}
        assert named == shown_in(answer.body) | shown_in([path, *query.values()]), path
        assert {one.status for one in answers(d)} == {200}
        assert {one.action for one in answers(d)} <= {"GET " + re.sub(r"pat_\w+", "{id}", path), *_templates(path)}
        seen += len(named)
    assert seen > 25


def _templates(path: str) -> set[str]:
    """How a route is spelled whose path has a part that is no id."""
    fhir = {"GET /fhir/R4/{type}"} if path.startswith("/fhir") else set()
    return fhir | ({"GET /resources/{resource}"} if path.startswith("/resources") else set())


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/resources/chartmodules/3/ProgNotes", {}),
        ("/resources/chartmodules/3/PatientInfo", {}),
        ("/resources/accountmodules/3/Aging", {}),
        ("/resources/rxpats", {"PatNum": "3"}),
        ("/resources/patfields", {"pat_num": "3"}),
        ("/adjustments", {"patient_id": "{patient}"}),
        ("/payment_plans", {"patient_id": "{patient}"}),
    ],
)
def test_whoever_is_asked_after_is_in_the_trail_though_no_row_says_whose_it_is_or_there_is_none(
    d: Deployment, path: str, query: dict[str, str]
) -> None:
    """A chart's rows have no number of the patient's, and that somebody has no debts is told of them, too."""
    patient = d.id_of("patient", 3)
    many = {"practice_id": ELM, **{name: value.format(patient=patient) for name, value in query.items()}}
    answer = d.get(path, **many)

    assert (answer.status, shown_in(answer.body)) == (200, set()), answer.body
    assert [one.patient_ids for one in answers(d)] == [(patient,)]


@pytest.mark.parametrize("spelled", ["{patient}", "\\u0070{tail}"])
def test_however_a_body_spells_an_id_the_trail_reads_it(d: Deployment, spelled: str) -> None:
    patient = d.id_of("patient", 3)
    about = spelled.format(patient=patient, tail=patient[1:])
    body = f'{{"patient_id":"{about}","code":"D0120","status":"planned"}}'
    refused = d.send("POST", "/procedures", body=body, key="spelled", headers={"Content-Type": "application/json"})

    assert refused.status == 403
    assert [one.trail for one in d.on.audit.entries] == [ELM, ELM]


def test_an_entry_says_who_asked_what_why_and_from_where_it_came(d: Deployment) -> None:
    patient = d.id_of("patient", 3)
    d.send("GET", f"/patients/{patient}", headers={"Purpose-Of-Use": "TREAT"})
    (entry,) = d.on.audit.entries

    assert (entry.client_id, entry.action, entry.purpose) == (CLIENT, "GET /patients/{id}", "TREAT")
    assert (entry.status, entry.served_from, entry.practice_id) == (200, "mirror", ELM)
    assert entry.patient_ids[0] == patient and entry.request_id


def test_a_purpose_that_hl7_does_not_know_is_refused_by_name(d: Deployment) -> None:
    refused = d.send("GET", f"/patients/{d.id_of('patient', 3)}", headers={"Purpose-Of-Use": "CURIOSITY"})

    assert (refused.status, refused.body["code"], refused.body["param"]) == (400, "invalid", "Purpose-Of-Use")
    assert "CURIOSITY" not in str(refused.body) and [one.purpose for one in answers(d)] == [None]


def test_what_confirms_what_somebody_holds_counts_as_showing_it(d: Deployment) -> None:
    path = f"/patients/{d.id_of('patient', 3)}"
    first = d.get(path)
    again = d.send("GET", path, headers={"If-None-Match": first.headers["ETag"]})
    silent = d.send("HEAD", path)
    named = [one.patient_ids for one in answers(d)]

    assert (again.status, again.body, silent.body) == (304, None, None)
    assert named[0] and named == [named[0]] * 3


def test_a_search_in_a_body_shows_whom_it_finds_and_changes_nothing(d: Deployment) -> None:
    found = d.post("/patients/search", {"practice_id": ELM, "status": ["active"], "limit": 3})

    assert found.status == 200, found.body
    assert {one.phase for one in d.on.audit.entries} == {Phase.ANSWERED}
    assert {id_ for one in answers(d) for id_ in one.patient_ids} == shown_in(found.body)


@pytest.mark.parametrize(
    ("path", "query", "scopes", "status", "trail"),
    [
        ("/patients/{elm}", {}, ("appointments:read",), 403, ELM),
        ("/patients/{nobody}", {}, SCOPES, 404, ELM),
        ("/patients/{foreign}", {}, SCOPES, 404, CLIENT),
        ("/patients", {"practice_id": ELM, "nonsense": "1"}, SCOPES, 400, ELM),
        ("/patients", {"practice_id": FOREIGN}, SCOPES, 404, CLIENT),
    ],
)
def test_errors_are_told_where_they_belong_and_never_in_the_trail_of_somebody_elses_practice(
    d: Deployment, path: str, query: dict[str, str], scopes: tuple[str, ...], status: int, trail: str
) -> None:
    d.grant(*scopes)
    where = {
        "elm": d.id_of("patient", 3),
        "nobody": d.id_of("patient", 999_999),
        "foreign": row_id("patient", FOREIGN, 3),
    }
    refused = d.get(path.format_map(where), **query)
    (entry,) = d.on.audit.entries

    assert (refused.status, entry.status, entry.code) == (status, status, refused.body["code"])
    assert (entry.trail, entry.patient_ids) == (trail, ())


def test_whom_nobody_knows_leaves_no_entry(d: Deployment) -> None:
    refused = d.send("GET", f"/patients/{d.id_of('patient', 3)}", client_id="cli_nobody")

    assert (refused.status, d.on.audit.entries) == (401, [])


@pytest.mark.parametrize("path", ["/patients/{elm}", "/patients/{nobody}", "/practices", "/fhir/R4/metadata"])
def test_what_is_not_in_the_trail_does_not_leave_whatever_it_is(d: Deployment, path: str) -> None:
    d.on.audit.is_down = True
    refused = d.get(path.format(elm=d.id_of("patient", 3), nobody=d.id_of("patient", 999_999)))

    assert refused.status == 503
    assert "transient" in str(refused.body) if "fhir" in path else refused.body["code"] == SLOW_AUDIT
    assert int(refused.headers["Retry-After"]) >= 1
    assert not shown_in(refused.body) and "ETag" not in refused.headers


def test_a_write_is_meant_before_anything_is_queued_and_answered_after(d: Deployment) -> None:
    patient = d.id_of("patient", 3)
    turns: list[int] = []
    note = d.on.audit.note

    def noting(*entries: AuditEntry, once: bool = False) -> None:
        turns.append(len(d.on.calls.turns))
        note(*entries, once=once)

    d.on.audit.note = noting
    began = len(d.on.calls.turns)
    try:
        answer = d.patch(f"/patients/{patient}", {"name": {"first": "Zed"}})
    finally:
        d.on.audit.note = note
    assert answer.status == 200, answer.body
    told = [(one.action, one.phase) for one in d.on.audit.entries]

    assert told == [
        ("PATCH /patients/{id}", Phase.INTENT),
        ("patients.update", Phase.INTENT),
        ("patients.update", Phase.DONE),
        ("PATCH /patients/{id}", Phase.ANSWERED),
    ]
    assert turns[0] == began, "it was queued before it was in the trail"
    assert {one.trail for one in d.on.audit.entries} == {ELM}
    assert {one.operation_id for one in d.on.audit.entries} == {None, answer.body["id"]}
    assert all(patient in one.patient_ids for one in d.on.audit.entries[1:])


def test_a_change_of_a_row_says_whose_row_it_is_though_it_is_addressed_by_its_key(d: Deployment) -> None:
    visit = next(one for one in d.rows("appointment", "PatNum > 0 AND AptStatus = 1"))
    answer = d.patch(f"/appointments/{d.id_of('appointment', int(visit['AptNum']))}", {"note": "moved"})
    assert answer.status == 200, answer.body
    written = [one for one in d.on.audit.entries if one.step is not None]

    assert [(one.action, one.phase) for one in written] == [
        ("appointments.Note" if "Note" in written[0].action else "appointments.update", phase)
        for phase in (Phase.INTENT, Phase.DONE)
    ]
    assert [one.patient_ids for one in written] == [(row_id("patient", ELM, int(visit["PatNum"])),)] * 2


def test_a_write_that_cannot_be_in_the_trail_is_not_queued(d: Deployment) -> None:
    d.on.audit.is_down = True
    began = len(d.on.calls.turns)
    refused = d.patch(f"/patients/{d.id_of('patient', 3)}", {"name": {"first": "Zed"}})

    assert (refused.status, refused.body["code"]) == (503, SLOW_AUDIT)
    assert len(d.on.calls.turns) == began


def test_of_a_file_the_trail_says_whose_it_is_though_the_answer_does_not() -> None:
    with deployed(scopes=SCOPES) as d:
        d.on.drop = FakeDrop(d.on.clock.now)
        (document, *_) = d.rows("document", "PatNum > 0")
        d.before_call = lambda operation: None
        answer = d.get(f"/documents/{d.id_of('document', int(document['DocNum']))}/content")
        named = {id_ for one in answers(d) for id_ in one.patient_ids}

    if answer.status == 200:
        assert not shown_in(answer.body)
        assert named == {row_id("patient", ELM, int(document["PatNum"]))}


# -- who may see it


def test_a_trail_is_shown_to_who_has_the_scope_that_no_wildcard_has(d: Deployment) -> None:
    d.grant("*:read")
    refused = d.get("/audit", practice_id=ELM)

    assert (refused.status, refused.body["scope"]) == (403, "audit:read")
    d.grant("audit:read")
    assert d.get("/audit", practice_id=ELM).status == 200
    assert d.get("/audit", practice_id=FOREIGN).status == 404
    assert d.get("/audit", patient_id=row_id("patient", FOREIGN, 3)).status == 404


def shown(answer: Answered) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    assert answer.headers["Cache-Control"] == "no-store"
    for one in answer.body["data"]:
        objects.AuditEntry.model_validate(one, strict=True)
    rows: list[dict[str, Any]] = answer.body["data"]
    return rows


def test_who_saw_this_patient_is_answered_at_once_and_reading_that_is_in_the_trail_too(d: Deployment) -> None:
    patient = d.id_of("patient", 3)
    for path in (f"/patients/{patient}", "/providers", f"/patients/{d.id_of('patient', 5)}"):
        d.get(path, **({"practice_id": ELM} if path == "/providers" else {}))
    d.on.clock.seconds += 1
    found = shown(d.get("/audit", patient_id=patient))

    assert [(one["action"], one["patient_ids"]) for one in found] == [("GET /patients/{id}", [patient])]
    again = shown(d.get("/audit", patient_id=patient))
    assert [one["action"] for one in again] == ["GET /audit", "GET /patients/{id}"]


def test_a_trail_is_read_by_client_action_and_time_page_by_page(d: Deployment) -> None:
    d.on.callers.put_client(Client("cli_ben", "Ben", frozenset({ELM, OAK}), frozenset({"*:read"})))
    path, began = f"/patients/{d.id_of('patient', 3)}", d.on.clock.now()
    for who in (CLIENT, "cli_ben", CLIENT, CLIENT):
        d.on.clock.seconds += 60
        d.send("GET", path, client_id=who)
    query: dict[str, Any] = {"practice_id": ELM, "client_id": CLIENT, "action": "GET /patients/{id}"}
    pages, cursor = [], None
    while True:
        page = d.get("/audit", **query, limit=2, **({"cursor": cursor} if cursor else {}))
        pages.append(shown(page))
        if not (cursor := page.body["next_cursor"]):
            break

    assert [len(one) for one in pages] == [2, 1]
    times = [one["at"] for page in pages for one in page]
    assert all(later > earlier for later, earlier in pairwise(times))
    until = (began + timedelta(seconds=130)).isoformat()
    assert len(shown(d.get("/audit", **query, until=until))) == 1
    assert len(shown(d.get("/audit", **query, since=until))) == 2
    other = d.get("/audit", practice_id=ELM, cursor=d.get("/audit", **query, limit=1).body["next_cursor"])
    assert (other.status, other.body["param"]) == (400, "cursor")


def test_a_clients_own_trail_is_for_itself_and_for_who_has_all_its_practices(d: Deployment) -> None:
    d.on.callers.put_client(Client("cli_ben", "Ben", frozenset({ELM}), frozenset({"*:read"})))
    d.on.callers.put_client(Client("cli_eve", "Eve", frozenset({ELM, FOREIGN}), frozenset({"*:read", "audit:read"})))
    for who in ("cli_ben", "cli_eve", CLIENT):
        d.send("GET", f"/patients/{row_id('patient', FOREIGN, 3)}" if who != "cli_eve" else "/practices", client_id=who)

    assert [one["client_id"] for one in shown(d.get("/audit", client_id="cli_ben"))] == ["cli_ben"]
    assert {one["client_id"] for one in shown(d.get("/audit", client_id=CLIENT))} == {CLIENT}
    assert d.get("/audit", client_id="cli_eve").status == 404
    assert d.get("/audit", client_id="cli_who").status == 404


# -- archive and index


def streamed(entries: list[AuditEntry], at: float) -> list[Any]:
    """Entries as their table's stream tells of them."""
    records = []
    for number, entry in enumerate(entries):
        item = item_of(entry)
        told = {"Keys": {"pk": item["pk"], "sk": item["sk"]}, "NewImage": item, "SequenceNumber": str(1000 + number)}
        records.append({"eventName": "INSERT", "dynamodb": {**told, "ApproximateCreationDateTime": at}})
    return [added_in(one) for one in records]


def test_six_years_of_a_patient_come_from_the_index_and_the_last_minutes_from_the_trail(d: Deployment) -> None:
    patient, now = d.id_of("patient", 3), d.on.clock.now()
    old = [
        AuditEntry(f"aud_{day}", ELM, now - timedelta(days=day), CLIENT, "GET /claims", "r", status=200,
                   purpose="HPAYMT", patient_ids=(patient,))
        for day in (1, 700, 2100)
    ]  # fmt: skip
    refused = replace(old[0], id="aud_no", at=old[0].at - timedelta(hours=1), status=403)
    archive(streamed([*old, refused], now.timestamp()), d.on)
    d.get(f"/patients/{patient}")
    listed = d.get("/audit", patient_id=patient, limit=3)
    rest = d.get("/audit", patient_id=patient, limit=3, cursor=listed.body["next_cursor"])

    assert [one["action"] for one in shown(listed)] == ["GET /patients/{id}", "GET /claims", "GET /claims"]
    assert listed.body["meta"]["indexed_to"] is not None
    assert [one["id"] for one in shown(rest)] == ["aud_700", "aud_2100"]
    told = d.get("/audit/disclosures", patient_id=patient)
    for one in told.body["data"]:
        objects.Disclosure.model_validate(one, strict=True)
    assert [(one["kind"], one["purpose"], one["disclosed_to"]) for one in told.body["data"]] == [
        ("patients", None, "Ada"),
        *[("claims", "HPAYMT", "Ada")] * 3,
    ]


def test_a_batch_that_is_archived_again_is_one_object_and_one_line_a_patient(d: Deployment) -> None:
    patient, now = d.id_of("patient", 3), d.on.clock.now()
    entries = [
        AuditEntry(f"aud_{number}", ELM, now, CLIENT, "GET /claims", "r", status=200, patient_ids=(patient,))
        for number in range(3)
    ]
    batch = streamed(entries, now.timestamp())
    for _ in range(2):
        archive(batch, d.on)

    assert list(d.on.archive.kept) == [name_of(batch)]
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/1000-1002\.ndjson\.gz", name_of(batch))
    assert [line["id"] for line in d.on.archive.kept[name_of(batch)]] == ["aud_0", "aud_1", "aud_2"]
    assert len(d.on.audit_index.mentions) == 3
    assert [one.patient_id for one in mentions_of(entries[0])] == [patient]


def test_the_index_is_no_further_than_the_archive(d: Deployment) -> None:
    """What is found by patient and lies nowhere for good could not be shown in six years."""

    class Full:
        def keep(self, *_: Any) -> None:
            raise Unavailable("the archive does not answer")

    kept, d.on.archive = d.on.archive, Full()  # type: ignore[assignment]
    entry = AuditEntry("aud_1", ELM, d.on.clock.now(), CLIENT, "GET /claims", "r", patient_ids=(d.id_of("patient", 3),))
    with pytest.raises(Unavailable):
        archive(streamed([entry], 0.0), d.on)
    d.on.archive = kept

    assert (d.on.audit_index.mentions, d.on.audit_index.up_to()) == ({}, None)


def test_marks_beside_the_trails_are_no_entries() -> None:
    mark = {"eventName": "INSERT", "dynamodb": {"Keys": {"pk": {"S": f"once#{ELM}"}, "sk": {"S": "aud_1"}}}}
    gone = {"eventName": "REMOVE", "dynamodb": {"Keys": {"pk": {"S": f"audit#{ELM}"}, "sk": {"S": "x"}}}}

    assert [added_in(mark), added_in(gone)] == [None, None]
