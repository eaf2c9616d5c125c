"""Files of documents: invented like everything else, each its own, and openable with what opens the real ones."""

from __future__ import annotations

import base64

# One grey point. A comment behind the header makes each picture a file of its own.
_PICTURE = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////"
    "////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxD/2Q=="
)
_HEADER = 20
"""Bytes of it in front of everything else: the start of a picture, and what a JFIF file says first."""


def invented(extension: str, text: str) -> bytes:
    """A file of the type that `extension` (lower case, without the dot) stands for; `text` is in it, ASCII."""
    if extension in {"jpg", "jpeg"}:
        comment = text.encode("ascii")
        said = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        return _PICTURE[:_HEADER] + said + _PICTURE[_HEADER:]
    if extension == "pdf":
        return _page(text)
    return text.encode("ascii")


def _page(text: str) -> bytes:
    shown = f"BT /F1 18 Tf 72 720 Td ({text}) Tj ET".encode("ascii")
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(shown), shown),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    page, places = b"%PDF-1.4\n", list[int]()
    for number, content in enumerate(objects, start=1):
        places.append(len(page))
        page += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    end = b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
    return page + end % (size, table, size, len(page))
