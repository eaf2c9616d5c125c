"""Files that the office sends to somebody's SFTP server. It really connects there and writes.

Source: https://www.opendental.com/site/apidocuments.html, DownloadSftp. Its page says that the address is a path with a
file's name at the end or without one, that folders are made and files overwritten, that a wrong extension and trouble
with the server are 400, and an unknown document 404. The texts are ours, and that an extension is wrong which is not
the file's own. One public client has seen port 22 used whatever was said; here it may be said (`host:2222/folder`),
because a test cannot have 22. It has also seen the whole address taken for a folder, which the preference
`SftpAddressIsFolder` "1" does. A document that was left by Upload or SetByUrl and that nobody in the office has opened
has no file yet, and is refused: the page is silent about it.
"""

from __future__ import annotations

import asyncio
import re

from infra.sandbox.practice.behaviours.ground import body_of, number, row_of
from infra.sandbox.practice.files import invented
from infra.sandbox.practice.handlers import Rejected, Reply, Request, handles
from infra.sandbox.practice.office import Office

PATIENCE_S = 10
_ADDRESS = re.compile(r"(?P<host>[A-Za-z0-9.-]+)(:(?P<port>\d{1,5}))?/(?P<path>.*)")
_WAITING = ("_rawBase64_:", "_download_:")


@handles("documents.DownloadSftp")
def download(office: Office, request: Request) -> Reply:
    """Send a document's file, or one picture of a mount, to the caller's server."""
    mount = number(request, "MountNum")
    if mount:
        row_of(office, "mount", mount)
        own, content = f"mount{mount}.jpg", invented("jpg", f"Invented picture of mount {mount}")
    else:
        document = row_of(office, "document", number(request, "DocNum"))
        if str(document["Note"] or "").startswith(_WAITING):
            raise Rejected(400, "The file does not exist.")
        own = str(document["FileName"])
        content = invented(_extension(own), f"Invented file of document {document['DocNum']}")
    body = body_of(request)
    address = _ADDRESS.fullmatch(str(body["SftpAddress"]))
    if address is None:
        raise Rejected(400, "SftpAddress is invalid.")
    folder, _, name = address["path"].rpartition("/")
    if office.store.preference("SftpAddressIsFolder") == "1" or "." not in name:
        folder, name = address["path"], own
    if _extension(name) != _extension(own):
        raise Rejected(400, "Invalid file extension.")
    login = str(body["SftpUsername"]), str(body["SftpPassword"])
    asyncio.run(_push(address["host"], int(address["port"] or 22), *login, folder=folder, name=name, content=content))
    return Reply(request.operation.status, location=f"{address['host']}/{folder}/{name}")


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""


async def _push(host: str, port: int, user: str, password: str, *, folder: str, name: str, content: bytes) -> None:
    import asyncssh  # noqa: PLC0415 - a practice starts without it

    try:
        async with (
            # Whose key the server has is not asked, as far as anybody has seen.
            asyncssh.connect(
                host,
                port,
                username=user,
                password=password,
                known_hosts=None,
                client_keys=None,
                agent_path=None,
                config=None,
                preferred_auth="password",
                connect_timeout=PATIENCE_S,
                login_timeout=PATIENCE_S,
            ) as connection,
            connection.start_sftp_client() as sftp,
        ):
            if folder:
                await sftp.makedirs(folder, exist_ok=True)
            async with sftp.open(f"{folder}/{name}" if folder else name, "wb") as file:
                await file.write(content)
    except asyncssh.PermissionDenied as error:
        raise Rejected(400, f"SFTP error: permission denied for {user}.") from error
    except (asyncssh.Error, OSError, TimeoutError) as error:
        raise Rejected(400, f"SFTP error: could not write to {host}.") from error
