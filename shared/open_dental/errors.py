"""Everything that can go wrong upstream, named for what it means to whoever sent the call.

* OpenDentalError
  - Refused               an answer came and nothing was done; the same call will be refused again
    . Invalid             names the parameter where the answer does
    . NotFound            row, parent, or (on some lists) nothing that matches
    . Gone                the method was withdrawn
    . VersionTooOld       the office does not know the method yet
    . KeyNotAssigned      the key exists, but no office has pasted it in
    . Unauthorized        401: key or permission, the answer does not say which; see `Unauthorized.settled`
      / KeyRefused        the key is wrong or disabled
      / PermissionMissing names the permission that the catalogue asks for
  - Unavailable           nothing was done; the same call may succeed later
    . NotSent             no byte of the request left
    . Throttled           carries `retry_after`, in seconds
    . PracticeOffline     the office's connector does not answer
  - OutcomeUnknown        it may have been done; a read may be repeated, a write must be looked for
    . TimedOut            the vendor's own limit of 60 seconds
    . Interrupted         the relay lost the office on the way
    . LostAnswer          sent, and no whole answer came
    . Garbage             HTML, half a JSON text, or nothing where rows were due

`str()` of any of them holds our own words, the operation and the status: safe to log. What the vendor wrote is in
`.message`: for people who may see the practice's data, never for logs.

Source: https://www.opendental.com/site/apispecification.html; texts as public clients report them, so they are looked
for anywhere, in any case, and every class has a home for answers without a known text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from open_dental.catalogue import Operation

MESSAGE_LIMIT = 1000
"""Longest vendor text kept, in characters."""

DEFAULT_RETRY_AFTER_S = 5.0
"""What public clients wait after a 429 that names no time."""


class OpenDentalError(Exception):
    """A call that did not end well."""

    says: ClassVar[str] = "the call failed"
    nothing_done: bool = True
    """True where the office certainly did nothing: whatever was asked may be asked again."""

    def __init__(
        self, *, operation: str | None = None, status: int | None = None, message: str = "", reason: str = ""
    ) -> None:
        self.operation = operation
        """Catalogue id, or None for a call outside the catalogue."""
        self.status = status
        """HTTP status of the answer, None if there was none."""
        self.message = message
        """The vendor's text. May hold protected data."""
        self.reason = reason
        """Our own finer word for it, e.g. the name of a network error."""
        super().__init__(self._said())

    def _said(self) -> str:
        said = f"{self.operation or 'call'}: {self.says}"
        known = [text for text in (f"status {self.status}" if self.status else "", self.reason) if text]
        return f"{said} ({', '.join(known)})" if known else said


class Refused(OpenDentalError):
    """An answer came, nothing was done, and the same call will be refused again."""

    says = "Open Dental refused it"


class Invalid(Refused):
    """A parameter, a field or a rule of the office stands against it."""

    says = "Open Dental calls it invalid"

    def __init__(
        self,
        *,
        operation: str | None = None,
        status: int | None = None,
        message: str = "",
        reason: str = "",
        param: str | None = None,
    ) -> None:
        self.param = param
        """The parameter that the vendor's text names, spelled as in the catalogue."""
        super().__init__(operation=operation, status=status, message=message, reason=reason or (param or ""))


class NotFound(Refused):
    """No such row or parent; on some filtered lists also: nothing matches."""

    says = "no such record"


class Gone(Refused):
    """The method was withdrawn."""

    says = "the method was withdrawn"


class VersionTooOld(Refused):
    """The office's version does not know the method."""

    says = "the office's version does not know the method"

    def __init__(
        self,
        *,
        operation: str | None = None,
        status: int | None = None,
        message: str = "",
        reason: str = "",
        since: str | None = None,
    ) -> None:
        self.since = since
        """The version that the catalogue names, None where it names none."""
        super().__init__(
            operation=operation, status=status, message=message, reason=reason or (f"since {since}" if since else "")
        )


class KeyNotAssigned(Refused):
    """The customer key exists, but no office has added it in its API setup."""

    says = "no office has added the key"


class Unauthorized(Refused):
    """401 without words: the key or its permission.

    Ask `securityperms.list` (every REST key should be able to), hand what it says to `settled`, and raise what that
    returns. If `securityperms.list` itself is refused, ask `Client.capability()`: a key that may do FHIR alone is
    still a right key.
    """

    says = "the key was not let through"

    def __init__(
        self,
        *,
        operation: str | None = None,
        status: int | None = None,
        message: str = "",
        reason: str = "",
        permission: str | None = None,
    ) -> None:
        self.permission = permission
        """The permission that the operation needs by the catalogue, without the prefix `Api`."""
        super().__init__(operation=operation, status=status, message=message, reason=reason)

    def settled(self, permissions: Mapping[str, bool] | None, *, key_is_right: bool = False) -> Unauthorized:
        """Say what it was, from the key's permissions as `securityperms` lists them; None: those were refused too.

        `key_is_right` says that `Client.capability()` got an answer. Names are taken with or without the prefix `Api`.
        A permission that the key has (or that is not listed) settles nothing: then self is returned.
        """
        held = {name.removeprefix("Api").casefold(): has for name, has in (permissions or {}).items()}
        if permissions is None:
            kind: type[Unauthorized] = PermissionMissing if key_is_right else KeyRefused
        elif self.permission and held.get(self.permission.casefold()) is False:
            kind = PermissionMissing
        else:
            return self
        return kind(operation=self.operation, status=self.status, message=self.message, permission=self.permission)


class KeyRefused(Unauthorized):
    """The developer key or the customer key is wrong or disabled."""

    says = "the key is wrong or disabled"


class PermissionMissing(Unauthorized):
    """The key is right, but lacks the permission for this method."""

    says = "the key lacks the permission"

    def _said(self) -> str:
        said = super()._said()
        return f"{said}: needs {self.permission}" if self.permission else said


class Unavailable(OpenDentalError):
    """Nothing was done; the same call may succeed later."""

    says = "Open Dental is not available"


class NotSent(Unavailable):
    """No connection came about, so no byte of the request left: safe to repeat."""

    says = "it was not sent"


class Throttled(Unavailable):
    """Too many calls of this key are waiting at the vendor."""

    says = "Open Dental asked for a pause"

    def __init__(
        self,
        *,
        operation: str | None = None,
        status: int | None = None,
        message: str = "",
        reason: str = "",
        retry_after: float = DEFAULT_RETRY_AFTER_S,
    ) -> None:
        self.retry_after = retry_after
        """Seconds to wait."""
        super().__init__(operation=operation, status=status, message=message, reason=reason)


class PracticeOffline(Unavailable):
    """The office's connector is down, or two of them share one registration key."""

    says = "the practice is offline"


class OutcomeUnknown(OpenDentalError):
    """It may have been done. A read may be repeated; a write must be looked for first."""

    says = "its outcome is unknown"
    nothing_done = False


class TimedOut(OutcomeUnknown):
    """The vendor gave up after 60 seconds; the office may still finish it."""

    says = "Open Dental did not finish it within 60 seconds"


class Interrupted(OutcomeUnknown):
    """The relay reports trouble on its way to the office or back."""

    says = "the way to the practice broke"


class LostAnswer(OutcomeUnknown):
    """It was sent at least in part, and no whole answer came."""

    says = "its answer was lost"


class Garbage(OutcomeUnknown):
    """An answer came that cannot be Open Dental's."""

    says = "the answer makes no sense"


def classify(
    status: int,
    body: bytes,
    content_type: str | None,
    operation: Operation | None,
    *,
    retry_after: float | None = None,
) -> OpenDentalError | None:
    """Name what an answer means, from its status and its text; None if it is a good one.

    `body` may be a JSON string, an object, plain text or HTML: the vendor's errors are JSON strings, those of the
    machines in front of it are not. `operation` is None for calls outside the catalogue.
    """
    if 200 <= status < 300:
        return _of_good_status(status, body, content_type, operation)
    html = _is_html(body, content_type)
    message = "" if html else text_of(body)
    return _of_bad_status(status, message, operation, html=html, retry_after=retry_after)


def text_of(body: bytes) -> str:
    """Find the vendor's words in an error body, at most `MESSAGE_LIMIT` characters of them."""
    raw = body.decode("utf-8-sig", errors="replace").strip()
    try:
        return next(_texts_in(json.loads(raw)), "")[:MESSAGE_LIMIT]
    except (ValueError, RecursionError):
        return raw.strip('"')[:MESSAGE_LIMIT]


_TEXT_KEYS = ("message", "error", "detail", "errormessage", "text", "details", "issue", "errors", "title")


def _texts_in(said: object) -> Iterator[str]:
    if isinstance(said, str):
        if said.strip():
            yield said.strip()
    elif isinstance(said, Mapping):
        by_name = {str(name).casefold(): value for name, value in said.items()}
        for name in _TEXT_KEYS:
            yield from _texts_in(by_name.get(name))
    elif isinstance(said, list):
        for one in said:
            yield from _texts_in(one)


def _is_html(body: bytes, content_type: str | None) -> bool:
    start = body[:64].lstrip(b"\xef\xbb\xbf \r\n\t")
    # A page begins with a tag whatever its header says; a JSON text never does.
    return start.startswith(b"<") or (
        "html" in (content_type or "").casefold() and not start.startswith((b'"', b"{", b"["))
    )


def _of_good_status(
    status: int, body: bytes, content_type: str | None, operation: Operation | None
) -> OpenDentalError | None:
    id_ = operation.id if operation else None
    if _is_html(body, content_type):
        return Garbage(operation=id_, status=status, reason="html")
    # A read whose work is seen elsewhere (`documents.DownloadSftp`) answers nothing, or a sentence.
    read = operation is None or (operation.effect == "read" and operation.shape != "none")
    if not body.strip():
        return Garbage(operation=id_, status=status, reason="empty") if read else None
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        # Some writes are answered with a sentence; one that promises a row and breaks off in it is no sentence.
        sentence = operation is not None and not read and not body.lstrip().startswith((b"{", b"[", b'"'))
        return None if sentence else Garbage(operation=id_, status=status, reason="broken json")
    if read and not isinstance(said, dict | list) and (operation is None or operation.shape in {"array", "object"}):
        return Garbage(operation=id_, status=status, message=text_of(body), reason="no rows")
    return None


def _of_bad_status(  # noqa: PLR0911 - one status, one line.
    status: int, message: str, operation: Operation | None, *, html: bool, retry_after: float | None
) -> OpenDentalError:
    id_ = operation.id if operation else None
    if status == 429:
        pause = DEFAULT_RETRY_AFTER_S if retry_after is None else retry_after
        return Throttled(operation=id_, status=status, message=message, retry_after=pause)
    if (said := _of_text(status, message, operation)) is not None:
        return said
    if status in {401, 403}:
        return _of_401(status, message, operation)
    if status in _BY_STATUS:
        return _BY_STATUS[status](operation=id_, status=status, message=message)
    if status >= 500:
        return Interrupted(operation=id_, status=status, message=message)
    if html or status < 400:
        return Garbage(operation=id_, status=status, reason="html" if html else "redirect")
    if status == 404:
        return NotFound(operation=id_, status=status, message=message)
    return Invalid(operation=id_, status=status, message=message, param=_param_named_in(message, operation))


_BY_STATUS: dict[int, type[OpenDentalError]] = {
    405: VersionTooOld,
    408: TimedOut,
    410: Gone,
    504: TimedOut,
}

_OF_THE_VERSION = re.compile(r"version issue|is not a valid (method|resource)")


def _of_text(status: int, message: str, operation: Operation | None) -> OpenDentalError | None:
    """Know an answer by its words, whatever its status: 400 stands for a dozen different things."""
    id_ = operation.id if operation else None
    text = message.casefold()
    if "econnector" in text:
        return PracticeOffline(operation=id_, status=status, message=message)
    if "failed to communicate with the api service" in text:
        offline = PracticeOffline(operation=id_, status=status, message=message)
        # The relay does not say whether it lost the service before or after handing the call over.
        offline.nothing_done = operation is None or operation.effect == "read"
        return offline
    if "not been assigned" in text:
        return KeyNotAssigned(operation=id_, status=status, message=message)
    if status in {400, 404} and _OF_THE_VERSION.search(text):
        # We call only what is catalogued, so a method that the office does not know is one it does not know yet.
        since = str(operation.since) if operation and operation.since else None
        return VersionTooOld(operation=id_, status=status, message=message, since=since)
    if status == 400 and "unexpected error" in text:
        return Interrupted(operation=id_, status=status, message=message)
    return None


_OF_A_PERMISSION = re.compile(r"permission|not allowed|not permitted|read.?only")
_OF_A_KEY = re.compile(r"\bkeys?\b|developerkey|customerkey|credential|disabled|expired|authorization header")
_OF_A_STATEMENT = re.compile(r"read.?only|select|statement|\bquery\b")


def _of_401(status: int, message: str, operation: Operation | None) -> OpenDentalError:
    id_ = operation.id if operation else None
    permission = operation.permission if operation else None
    text = message.casefold()
    if operation is not None and operation.resource == "queries" and _OF_A_STATEMENT.search(text):
        return Invalid(operation=id_, status=status, message=message, param="SqlCommand")
    # "This key has no permission ..." speaks of both: the permission is then the news.
    if _OF_A_PERMISSION.search(text):
        return PermissionMissing(operation=id_, status=status, message=message, permission=permission)
    if _OF_A_KEY.search(text):
        return KeyRefused(operation=id_, status=status, message=message, permission=permission)
    return Unauthorized(operation=id_, status=status, message=message, permission=permission)


def _param_named_in(message: str, operation: Operation | None) -> str | None:
    if operation is None:
        return None
    words = set(re.findall(r"\w+", message))
    names = [*(one.name for one in (*operation.body, *operation.query)), *operation.path_params]
    return next((name for name in names if name in words), None)
