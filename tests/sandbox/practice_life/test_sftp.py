"""Files that the office sends to the caller's SFTP server, to a real one on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from infra.sandbox.sftp_site import SftpSite

from .conftest import Desk

USER, PASSWORD = "practice-test", "not-a-real-password"


@pytest.fixture
def kept() -> dict[str, bytes]:
    return {}


@pytest.fixture
def site(kept: dict[str, bytes]) -> Iterator[SftpSite]:
    with SftpSite(username=USER, password=PASSWORD, keep=kept.__setitem__) as listening:
        yield listening


def document(desk: Desk, name: str = "MillerEllen2_0.pdf", **more: object) -> int:
    return desk.store.insert("document", {"PatNum": desk.patient(), "FileName": name, "Note": "", **more})


def told(site: SftpSite, path: str, **more: object) -> dict[str, Any]:
    address = f"127.0.0.1:{site.port}/{path}"
    return {"SftpAddress": address, "SftpUsername": USER, "SftpPassword": PASSWORD, **more}


def test_a_documents_file_is_written_to_the_callers_server(desk: Desk, site: SftpSite, kept: dict[str, bytes]) -> None:
    key = document(desk)
    before = desk.counts()
    assert desk.ask("documents.DownloadSftp", body=told(site, "in/ours.pdf", DocNum=key)) is None

    assert list(kept) == ["in/ours.pdf"]
    page = kept["in/ours.pdf"]
    assert page.startswith(b"%PDF-1.4") and f"document {key}".encode() in page
    # The table of a PDF says where its objects begin.
    place = int(page.rpartition(b"startxref\n")[2].split()[0])
    assert page[place:].startswith(b"xref")
    assert desk.counts() == before


def test_without_a_name_the_file_keeps_its_own(desk: Desk, site: SftpSite, kept: dict[str, bytes]) -> None:
    desk.ask("documents.DownloadSftp", body=told(site, "in/folder", DocNum=document(desk)))
    desk.prefer("SftpAddressIsFolder", 1)
    desk.ask("documents.DownloadSftp", body=told(site, "in/x.pdf", DocNum=document(desk)))

    assert list(kept) == ["in/folder/MillerEllen2_0.pdf", "in/x.pdf/MillerEllen2_0.pdf"]


def test_a_mount_becomes_one_picture(desk: Desk, site: SftpSite, kept: dict[str, bytes]) -> None:
    mount = desk.store.insert("mount", {"PatNum": desk.patient(), "Description": "Full set"})
    desk.ask("documents.DownloadSftp", body=told(site, "mount.jpg", MountNum=mount))

    assert kept["mount.jpg"].startswith(b"\xff\xd8") and kept["mount.jpg"].endswith(b"\xff\xd9")


def test_folders_are_made_and_files_overwritten(desk: Desk, site: SftpSite, kept: dict[str, bytes]) -> None:
    first, second = document(desk), document(desk)
    for key in (first, second):
        desk.ask("documents.DownloadSftp", body=told(site, "a/b/c/one.pdf", DocNum=key))

    assert {"a", "a/b", "a/b/c"} <= site.folders
    assert list(kept) == ["a/b/c/one.pdf"] and f"document {second}".encode() in kept["a/b/c/one.pdf"]


def test_a_wrong_extension_trouble_with_the_server_and_an_unknown_document_are_refused(
    desk: Desk, site: SftpSite, kept: dict[str, bytes]
) -> None:
    key = document(desk)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{deaf.getsockname()[1]}/a.pdf"
        wrong: list[tuple[int, dict[str, Any]]] = [
            (400, told(site, "a.jpg", DocNum=key)),
            (400, told(site, "a.pdf", DocNum=key) | {"SftpPassword": "wrong"}),
            (400, told(site, "a.pdf", DocNum=key) | {"SftpUsername": "somebody"}),
            (400, told(site, "a.pdf", DocNum=key) | {"SftpAddress": nobody}),
            (400, told(site, "a.pdf", DocNum=key) | {"SftpAddress": "no address"}),
            (404, told(site, "a.pdf", DocNum=999)),
            (404, told(site, "a.jpg", MountNum=999)),
            (404, told(site, "a.pdf")),
        ]
        for status, body in wrong:
            refused = desk.refused("documents.DownloadSftp", body=body)
            assert refused.status == status, body
            assert PASSWORD not in refused.text
    assert kept == {}


def test_what_nobody_in_the_office_has_opened_has_no_file_yet(desk: Desk, site: SftpSite) -> None:
    key = document(desk, "x.pdf", Note="_rawBase64_:JVBERi0=")

    assert desk.refused("documents.DownloadSftp", body=told(site, "a.pdf", DocNum=key)).status == 400
