"""Documents' files, all the way: the simulated office signs in at a real SFTP server and writes, behind which is a fake
bucket; the gateway's functions hand out links to what came."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.adapters.drop import DropLogin
from gateway.core import sweeping
from gateway.core.errors import Unavailable
from gateway.core.ids import row_id
from gateway.core.objects.document import Document, DocumentContent
from gateway.wiring import worker
from infra.sandbox.sftp_site import SftpSite
from tests.fakes.deployment import IDS, Answered, Deployment, deployed
from tests.fakes.drop import FakeDrop
from tests.fakes.gateway_events import Context
from tests.fakes.services import Life
from tests.functions.test_events import event_of, handler_of

USER, PASSWORD = "odg-drop-user", "hunter2-in-the-drop"
SCOPES = ("*:read", "document_contents:read")


class _Secrets:
    """Secrets Manager with one secret."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803 - AWS's spelling
        assert SecretId == "arn:test"
        return {"SecretString": self.text}


class _Locked:
    """A bucket that lets nobody delete."""

    def tidy(self, *, before: datetime) -> int:
        raise Unavailable("the bucket did not answer")


@dataclass
class House:
    """A deployment with an SFTP server of its own."""

    office: Deployment
    drop: FakeDrop
    site: SftpSite
    secrets: _Secrets

    def document(self, extension: str = "pdf") -> str:
        """The id of some document whose file has that extension."""
        row = next(one for one in self.office.rows("document") if one["FileName"].endswith(extension))
        return self.office.id_of("document", row["DocNum"])

    def content(self, document: str, **headers: str) -> Answered:
        """Ask for the file."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.office.send("GET", f"/documents/{document}/content", headers=named)

    def pushes(self) -> int:
        """How often the office was asked to send a file."""
        return self.office.upstream_calls.count("documents.DownloadSftp")


@contextmanager
def housed(*, scopes: tuple[str, ...] = SCOPES, host: str | None = None, practices: int = 1) -> Iterator[House]:
    with ExitStack() as stack:
        site = stack.enter_context(SftpSite(username=USER, password=PASSWORD, keep=lambda _path, _content: None))
        secrets: Any = _Secrets(PASSWORD)
        address = f"{host or f'127.0.0.1:{site.port}'}/odg/"
        login = DropLogin(lambda: secrets, address=address, username=USER, secret_arn="arn:test")
        office = stack.enter_context(deployed(scopes=scopes, practices=practices, drop_login=login))
        office.on.drop = drop = FakeDrop(office.on.clock.now)
        # The server's folder is the bucket's prefix.
        site.keep = lambda path, content: drop.keep(path.removeprefix("odg/"), content)
        yield House(office, drop, site, secrets)


@pytest.fixture
def house() -> Iterator[House]:
    with housed() as made:
        yield made


def everything_kept(office: Deployment) -> str:
    """All that the ledger, the cache and the queue hold, as text."""
    on = office.on
    return repr((on.ledger.entries, on.ledger.keys, on.ledger.twins, on.cache.rows, on.calls.turns, on.notices.notes))


@pytest.mark.parametrize(
    ("extension", "starts", "type_"), [("pdf", b"%PDF-", "application/pdf"), ("jpg", b"\xff\xd8", "image/jpeg")]
)
def test_a_documents_file_comes_through_the_sftp_server_and_is_had_by_a_link(
    house: House, extension: str, starts: bytes, type_: str
) -> None:
    document = house.document(extension)
    answer = house.content(document)

    assert answer.status == 200, answer.body
    DocumentContent.model_validate(answer.body, strict=True)
    content = house.drop.fetch(answer.body["url"])
    number = next(
        one["DocNum"]
        for one in house.office.rows("document")
        if house.office.id_of("document", one["DocNum"]) == document
    )
    assert content.startswith(starts) and f"document {number}".encode() in content
    assert (answer.body["content_type"], answer.body["size_bytes"]) == (type_, len(content))
    assert (answer.body["meta"]["served_from"], answer.body["meta"]["upstream_calls"]) == ("live", 2)
    assert house.office.upstream_calls == ["documents.get", "documents.DownloadSftp"]


def test_a_document_says_where_its_file_can_be_had(house: House) -> None:
    document = house.document()
    single = house.office.get(f"/documents/{document}").body
    Document.model_validate(single, strict=True)

    assert single["content"] == {"status": "available", "path": f"/documents/{document}/content"}
    assert house.office.get(single["content"]["path"]).status == 200
    listed = house.office.get("/documents", patient_id=single["patient_id"]).body["data"]
    assert {one["content"]["path"] for one in listed} == {f"/documents/{one['id']}/content" for one in listed}
    assert house.pushes() == 1


def test_a_document_says_why_its_file_cannot_be_had(house: House) -> None:
    document = house.document()
    facts: list[tuple[dict[str, Any], str, int, str]] = [
        ({"permissions": frozenset({"ReadAll"})}, "permission-missing", 403, "permission-missing"),
        ({"permissions": frozenset(), "version": "24.1.20.0"}, "version-too-old", 409, "version-too-old"),
    ]
    patient = house.office.get(f"/documents/{document}").body["patient_id"]
    for known, reason, status, code in facts:
        house.office.know_anew(**known)
        (one, *_) = house.office.get("/documents", patient_id=patient).body["data"]
        assert one["content"] == {"status": "unavailable", "reason": reason}
        refused = house.content(one["id"])
        assert (refused.status, refused.body["code"]) == (status, code)
    house.office.on.drop = None
    refused = house.content(document)
    assert (refused.status, refused.body["code"], refused.body["reason"]) == (409, "conflict", "needs-sftp")
    assert house.pushes() == 0


@pytest.mark.parametrize(
    "scopes", [("*:read",), ("documents:read",), ("document_contents:read",), ("*:read", "*:write")]
)
def test_a_file_takes_the_scope_of_documents_and_one_of_its_own_that_no_wildcard_has(scopes: tuple[str, ...]) -> None:
    with housed(scopes=scopes) as house:
        answer = house.content(house.document())
        assert (answer.status, answer.body["code"]) == (403, "scope-missing")
        assert house.office.upstream_calls == []
        house.office.grant("documents:read", "document_contents:read")
        assert house.content(house.document()).status == 200


def test_another_practices_document_and_one_that_is_not_there_are_not_found() -> None:
    with housed(practices=2) as house:
        client = house.office.on.callers.client("cli_ada")
        house.office.on.callers.put_client(replace(client, practices=frozenset({IDS[0]})))

        assert house.content(row_id("document", IDS[1], 1)).status == 404
        assert house.content(row_id("document", IDS[0], 999_999)).status == 404
        assert house.content(row_id("patient", IDS[0], 1)).status == 404
        assert house.content(row_id("document", IDS[0], -999)).status == 404
        assert house.pushes() == 1  # for the mount, which only the office can look up


def test_a_mount_becomes_one_picture(house: House) -> None:
    patient = house.office.rows("patient")[0]["PatNum"]
    mount = house.office.simulated.office.store.insert("mount", {"PatNum": patient, "Description": "Full set"})
    answer = house.content(house.office.id_of("document", -mount))

    assert (answer.status, answer.body["content_type"], answer.body["meta"]["upstream_calls"]) == (200, "image/jpeg", 1)
    assert f"mount {mount}".encode() in house.drop.fetch(answer.body["url"])


def test_nothing_in_the_bucket_is_named_after_anybody(house: House) -> None:
    names = {row["FileName"].rpartition(".")[0] for row in house.office.rows("document")}
    house.content(house.document())
    house.office.simulated.office.store.set_preference("SftpAddressIsFolder", "1")
    answer = house.content(house.document(), cache_control="no-cache")

    # That office took the whole address for a folder, and the file came under its own name.
    assert answer.status == 200 and house.site.sizes
    assert any(name in path for path in house.site.sizes for name in names)
    assert house.drop.fetch(answer.body["url"]).startswith(b"%PDF-")
    assert len(house.drop.files) == 2
    for path in house.drop.files:
        folder, _, name = path.partition("/")
        assert len(folder) == 32 and int(folder, 16) and name == "content.pdf"
    saved_as = parse_qs(urlsplit(answer.body["url"]).query)["as"]
    assert saved_as == [f"{house.document()}.pdf"]


def test_a_link_is_made_for_each_answer_and_kept_nowhere(house: House) -> None:
    first, second = house.content(house.document()), house.content(house.document())

    assert house.pushes() == 1
    assert second.body["meta"]["served_from"] == "cache" and first.body["url"] != second.body["url"]
    for answer in (first, second):
        assert answer.headers["Cache-Control"] == "no-store" and "ETag" not in answer.headers
        assert "bucket.test" not in everything_kept(house.office)
        assert parse_qs(urlsplit(answer.body["url"]).query)["signature"][0] not in everything_kept(house.office)
    # What lies where cannot be worked out from what callers and logs see.
    (operation,) = house.office.on.ledger.entries
    assert operation not in repr(house.drop.files)


def test_the_sftp_servers_password_is_kept_nowhere_and_logged_nowhere(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert house.content(house.document()).status == 200
    house.secrets.text = "hunter3-which-is-wrong"
    refused = house.content(house.document(), cache_control="no-cache")

    said = everything_kept(house.office) + caplog.text + json.dumps(refused.body)
    assert "fetch.document_content" in said
    assert not [secret for secret in (PASSWORD, "hunter3", "hunter2") if secret in said]
    assert USER not in everything_kept(house.office) + json.dumps(refused.body)


def test_a_wrong_password_is_said_in_the_offices_words_without_the_password(house: House) -> None:
    house.secrets.text = "wrong-password"
    refused = house.content(house.document())

    assert (refused.status, refused.body["code"]) == (422, "upstream-invalid")
    assert refused.body["upstream"] == {"status": 400, "message": "SFTP error: permission denied for [sftp]."}
    assert house.drop.files == {}


def test_a_server_that_nobody_reaches_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:
        # Bound and not listening: whoever connects is refused.
        taken.bind(("127.0.0.1", 0))
        with housed(host=f"127.0.0.1:{taken.getsockname()[1]}") as house:
            refused = house.content(house.document())

    assert (refused.status, refused.body["code"]) == (422, "upstream-invalid")
    assert refused.body["upstream"]["message"] == "SFTP error: could not write to [sftp]."


@pytest.mark.parametrize("secret", ["", '{"password": 5}', '{"user": "x"}'])
def test_a_secret_without_a_password_asks_the_office_nothing(house: House, secret: str) -> None:
    house.secrets.text = secret
    refused = house.content(house.document())

    assert (refused.status, refused.body["code"]) == (503, "unavailable")
    assert "password" in refused.body["detail"]
    assert house.site.sizes == {}


def test_a_password_may_be_a_member_of_its_secret_and_a_new_one_acts_at_once(house: House) -> None:
    house.secrets.text = json.dumps({"Password": PASSWORD})
    assert house.content(house.document()).status == 200
    house.site.password, house.secrets.text = "12345678", "12345678"
    assert house.content(house.document(), cache_control="no-cache").status == 200


def test_an_answer_that_was_lost_is_asked_for_again_in_the_same_place(house: House) -> None:
    house.office.faulty("drop_answer", "documents.DownloadSftp")
    answer = house.content(house.document(), prefer="wait=25")

    assert answer.status == 200, answer.body
    assert house.pushes() == 2
    assert len(house.site.sizes) == len(house.drop.files) == 1


def test_a_worker_that_dies_anywhere_leaves_one_file_in_one_place_and_no_password(house: House) -> None:
    world = house.office.on.world
    lives: list[Life] = []
    world.next_life = lambda: lives.pop() if lives else None
    for steps in range(30):
        house.drop.files.clear()
        house.site.sizes.clear()
        lives[:] = [Life(left=steps)]
        started = house.content(house.document(), cache_control="no-cache", prefer="respond-async")
        assert world.work()
        assert PASSWORD not in everything_kept(house.office)
        world.run(400)
        assert house.office.get(f"/operations/{started.body['id']}").body["state"] == "succeeded"
        (path,) = house.drop.files
        assert {f"odg/{path}"} == {*house.site.sizes}

    assert world.crashes > 12, "the worker hardly ever died"


def test_whoever_does_not_wait_follows_the_operation_and_asks_again(house: House) -> None:
    document = house.document()
    started = house.content(document, prefer="respond-async")

    assert started.status == 202
    shown = house.office.settled(started, seconds=120)
    assert (shown["state"], shown["result"], shown["kind"]) == ("succeeded", None, "fetch.document_content")
    assert house.content(document).body["meta"]["served_from"] == "cache"
    assert house.pushes() == 1


def test_a_file_that_is_gone_from_the_bucket_is_sent_again(house: House) -> None:
    house.content(house.document())
    house.drop.files.clear()

    assert house.content(house.document()).status == 200
    assert house.pushes() == 2


def test_a_file_that_was_sent_elsewhere_is_said(house: House) -> None:
    house.site.keep = lambda path, content: None
    answer = house.content(house.document())

    assert (answer.status, answer.body["code"]) == (502, "upstream-broken")


def test_files_are_deleted_half_an_hour_after_they_came_and_nothing_else_is(house: House) -> None:
    house.content(house.document())
    house.drop.keep("somebody/elses.pdf", b"%PDF-")
    house.office.on.clock.seconds += 29 * 60
    assert sweeping.tidy(house.office.on) == 0
    house.office.on.clock.seconds += 61
    assert sweeping.tidy(house.office.on) == 1

    assert list(house.drop.files) == ["somebody/elses.pdf"]
    house.office.on.drop = None
    assert sweeping.tidy(house.office.on) == 0


def test_the_minute_of_the_sweeper_deletes_files_and_goes_on_where_it_cannot(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def minute() -> dict[str, int]:
        swept: dict[str, int] = handler_of("sweeper/minute")(event_of("sweeper/minute"), Context())
        return swept

    said: list[str] = []
    monkeypatch.setattr(import_module("functions.sweeper.handler").logger, "exception", said.append)
    house.content(house.document())
    house.office.on.clock.seconds += 31 * 60
    worker.use(house.office.on)
    try:
        house.office.on.drop = _Locked()
        assert minute() == {"put": 0, "unknown": 0}
        assert said == ["files in the SFTP server's bucket could not be deleted"]
        house.office.on.drop = house.drop
        assert minute() == {"put": 0, "unknown": 0}
    finally:
        worker.use(None)
    assert house.drop.files == {}


def test_a_document_that_nobody_in_the_office_has_opened_is_refused_as_the_office_does(house: House) -> None:
    row = house.office.rows("document")[0]
    house.office.simulated.office.store.update("document", row["DocNum"], {"Note": "_rawBase64_:JVBERi0="})
    refused = house.content(house.office.id_of("document", row["DocNum"]))

    assert (refused.status, refused.body["upstream"]["message"]) == (422, "The file does not exist.")


def test_no_raw_road_leads_to_the_sftp_operations() -> None:
    scopes = ("*:read", "resources:read", "resources:documents.DownloadSftp", "document_contents:read")
    with housed(scopes=scopes) as house:
        body = {"doc_num": 1, "sftp_address": "x/y", "sftp_username": "u", "sftp_password": "p"}
        for action in ("DownloadSftp", "UploadSftp", "Thumbnails", "DownloadMount"):
            refused = house.office.send("POST", f"/resources/documents/{action}", body=body, key=action)
            assert (refused.status, refused.body["code"]) == (403, "operation-closed")
        assert house.office.upstream_calls == []
