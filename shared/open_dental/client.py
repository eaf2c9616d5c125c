"""One call to one practice over HTTP: spelled as the catalogue says, answered as typed Python or as one of our errors.

No pace, no retries, no redirects: when to call and whether to call again is decided by whoever knows what the call was
for. Nothing of a call is logged, and no error carries a header, a body or a query in its text.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urlsplit

import httpx

from open_dental import wire
from open_dental.catalogue import Operation
from open_dental.catalogue import operation as catalogued
from open_dental.errors import Garbage, KeyRefused, LostAnswer, NotSent, OpenDentalError, Unauthorized, classify
from open_dental.rows import is_flat, let_in
from open_dental.versions import Version

REMOTE: Final = "https://api.opendental.com/api/v1"
"""The vendor's hosts. Source: https://www.opendental.com/site/apispecification.html."""

ANSWER_LIMIT: Final = 32 * 1024 * 1024
"""Bytes of an answer, unpacked, above which it is dropped: 10,000 rows of the widest resource stay under it."""

BODY_LIMIT: Final = 16_800_000
"""Bytes of a request: as many characters as the vendor takes, and what we write is ASCII."""

Gate = Callable[[], None]
"""Called right before a call's first byte is sent; returns when it may be."""

# Sent with dates of an answer in mind; accepted by every list although the catalogue names them nowhere.
_EVERYWHERE: Final = {"DateFormatString": "string", "DateTimeFormatString": "string"}
_OF_LISTS: Final = {"Limit": "int", "Offset": "int"}


@dataclass(frozen=True, slots=True)
class Keys:
    """The two keys of one practice. Their text shows only as a header on the wire."""

    developer: str = field(repr=False)
    customer: str = field(repr=False)

    def __post_init__(self) -> None:
        for name, text in (("developer", self.developer), ("customer", self.customer)):
            # Anything else could end the header and begin another.
            if not text.isascii() or not text.isalnum():
                raise ValueError(f"the {name} key is not made of letters and digits")

    def authorization(self) -> str:
        """Return the header's value: one scheme for REST and FHIR, in all modes."""
        return f"ODFHIR {self.developer}/{self.customer}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long each part of a call may take, in seconds."""

    connect_s: float = 10
    send_s: float = 10
    """Between two pieces of a request that is being sent."""
    answer_s: float = 65
    """Above the vendor's own limit of 60: who gives up earlier leaves work behind that may still be done."""
    stall_s: float = 5
    """Between two pieces of an answer that has begun."""
    limit_s: float = 72
    """All in all: the wait for an answer is cut to what connecting and sending have left of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a call that ended well."""

    status: int
    data: Any = field(repr=False)
    """Rows with int, Decimal, str, bool and None in them; a str where the vendor answered a sentence; None if empty."""
    server_date_time: datetime | None = None
    """The office server's clock as its first row tells it, wall time; None where the answer has none."""
    location: str | None = field(default=None, repr=False)
    """A URL, or for file transfers a path that names the patient."""
    retry_after: float | None = None
    """Seconds."""

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of a list; see `wire.rows`."""
        return [] if self.data is None else wire.rows(self.data)


@dataclass(frozen=True, slots=True)
class Capability:
    """What the FHIR side says of itself."""

    server_version: Version | None
    fhir_version: str | None


# A socket takes 0 for "do not wait at all", and answers at once with an error of another kind.
_SHORTEST_WAIT_S: Final = 0.01


class Client:
    """Open Dental's API for the one practice that the customer key leads to.

    Not for use by several threads at once: the vendor answers one call of a key at a time anyhow.
    """

    def __init__(
        self,
        keys: Keys,
        base_url: str = REMOTE,
        *,
        transport: httpx.BaseTransport | None = None,
        timeouts: Timeouts | None = None,
        answer_limit: int = ANSWER_LIMIT,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`base_url` ends with `/api/v1`; `transport` and `monotonic` stand in for network and clock in tests.

        Raises:
            ValueError: the base URL is no plain http or https address.
        """
        _check(base_url)
        _keep_quiet()
        self._keys = keys
        self._base_url = base_url.rstrip("/")
        self._timeouts = timeouts or Timeouts()
        self._answer_limit = answer_limit
        self._monotonic = monotonic
        self._reader = self._http_client(transport, keep_alive=True)
        # A connection that died while it rested looks alive until the answer fails to come, and a write without an
        # answer is a write to be looked for: writes pay for a connection of their own.
        self._writer = self._http_client(transport, keep_alive=False)

    def call(
        self,
        operation_id: str,
        *,
        path: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        gate: Gate | None = None,
    ) -> Answer:
        """Make one call and return its answer. Costs one request of the practice's pace.

        `gate` is called when the connection stands and nothing has been sent, and may wait: so a call leaves in its
        moment however long connecting took. It is not called if no connection comes about.

        Values are Python's (int, Decimal, bool, date, naive datetime, ...); the catalogue decides how each is written.

        Raises:
            UnknownOperation: the catalogue has no such operation.
            ValueError: a name that the operation does not take, or a value that has no form of its type. The vendor
                ignores unknown filters and then answers the whole list, so none is sent.
            OpenDentalError: the call did not end well; the class says what is known of its outcome.
        """
        operation = catalogued(operation_id)
        url = self._base_url + operation.url(path) + _query_string(operation, query or {})
        content = _content(operation, body)
        status, headers, raw = self._exchange(operation.method, url, content, operation, gate)
        retry_after = _seconds(headers.get("retry-after"))
        if not 200 <= status < 300:
            raise _classified(status, raw, headers, operation, retry_after)
        data = _data(status, raw, headers, operation)
        if isinstance(data, list) and not all(row.__class__ is dict for row in data):
            # Of nothing in the catalogue is a list anything but rows.
            raise Garbage(operation=operation.id, status=status, reason="no rows")
        rows = data if isinstance(data, list) else [data] if isinstance(data, dict) else []
        if not is_flat(raw, len(rows)):
            let_in(rows, operation.resource, operation)
        return Answer(
            status=status,
            data=data,
            server_date_time=_server_clock(data),
            location=headers.get("location"),
            retry_after=retry_after,
        )

    def capability(self, gate: Gate | None = None) -> Capability:
        """Ask the FHIR side what it is: the one question that a key without any REST permission may ask.

        So an answer proves the key right. The FHIR side exists only on the vendor's hosts.
        Source: https://www.opendental.com/site/fhirspecification.html.

        Raises:
            KeyRefused: 401 here too, so it was the key and not a permission.
            OpenDentalError: as for `call`.
        """
        url = self._base_url.removesuffix("/api/v1") + "/fhir/v2/capabilitystatement"
        status, headers, raw = self._exchange("GET", url, None, None, gate)
        if not 200 <= status < 300:
            error = _classified(status, raw, headers, None, _seconds(headers.get("retry-after")))
            if type(error) is Unauthorized:
                raise KeyRefused(operation=None, status=status, message=error.message)
            raise error
        return _capability(_data(status, raw, headers, None))

    def fhir(
        self, kind: str, *, id: int | None = None, query: Mapping[str, str] | None = None, gate: Gate | None = None
    ) -> list[dict[str, Any]]:
        """Read or search one resource type of the FHIR side; the resources of the one Bundle that it answers.

        `kind` is the type in lower case. Costs one request of the same pace. There are no pages: a search that nothing
        bounds answers everything, and may end in the vendor's own time limit.
        Source: https://www.opendental.com/site/fhirspecification.html.

        Raises:
            ValueError: `kind` is no name of a type.
            OpenDentalError: as for `call`.
        """
        if not kind.isalpha() or not kind.islower():
            raise ValueError("no resource type")
        url = self._base_url.removesuffix("/api/v1") + f"/fhir/v2/{kind}"
        if id is not None:
            url += f"/{id}"
        if query:
            url += "?" + urlencode(list(query.items()), quote_via=quote, safe="")
        status, headers, raw = self._exchange("GET", url, None, None, gate)
        if not 200 <= status < 300:
            raise _classified(status, _plain_text(raw), headers, None, _seconds(headers.get("retry-after")))
        data = _data(status, raw, headers, None)
        if isinstance(data, dict) and data.get("resourceType") == "Bundle":
            entries = data.get("entry") or []
            if not isinstance(entries, list):
                raise Garbage(status=status, reason="no FHIR")
            return [
                one["resource"] for one in entries if isinstance(one, dict) and isinstance(one.get("resource"), dict)
            ]
        if isinstance(data, dict) and "resourceType" in data:
            return [data]
        raise Garbage(status=status, reason="no FHIR")

    def close(self) -> None:
        """Close the connections that are left."""
        self._reader.close()
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _http_client(self, transport: httpx.BaseTransport | None, *, keep_alive: bool) -> httpx.Client:
        times = self._timeouts
        return httpx.Client(
            transport=transport,
            verify=_certificates(encrypted=self._base_url.startswith("https:")),
            timeout=httpx.Timeout(
                connect=times.connect_s, write=times.send_s, read=times.answer_s, pool=times.connect_s
            ),
            limits=httpx.Limits(
                max_connections=1, max_keepalive_connections=1 if keep_alive else 0, keepalive_expiry=10
            ),
            follow_redirects=False,
            # Neither .netrc nor proxy variables of the machine may change who gets the keys.
            trust_env=False,
            # Nor may a machine on the way mark one practice's calls for the next.
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        )

    def _exchange(
        self, method: str, url: str, content: bytes | None, operation: Operation | None, gate: Gate | None
    ) -> tuple[int, httpx.Headers, bytes]:
        read = operation is None or operation.effect == "read"
        http = self._reader if read else self._writer
        id_ = operation.id if operation else None
        headers = {
            "Authorization": self._keys.authorization(),
            # Wanted on every call, also where there is no body: 400 without it.
            # Source: https://www.opendental.com/site/apispecification.html
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        request = _request(http, method, url, headers, content)
        waits: dict[str, float] = request.extensions["timeout"]
        give_up_at = self._monotonic() + self._timeouts.limit_s

        def cut_the_wait(event: str, _: object) -> None:
            nonlocal give_up_at
            if gate is not None and event.endswith("send_request_headers.started"):
                held_from = self._monotonic()
                gate()
                give_up_at += self._monotonic() - held_from
            # httpx counts each wait from zero, so the total is kept here, where it has just been sent.
            if event.endswith("send_request_body.complete"):
                waits["read"] = max(_SHORTEST_WAIT_S, min(waits["read"], give_up_at - self._monotonic()))

        request.extensions["trace"] = cut_the_wait
        failure: OpenDentalError
        try:
            response = http.send(request, stream=True)
            try:
                waits["read"] = self._timeouts.stall_s
                pieces, size = list[bytes](), 0
                for piece in response.iter_bytes():
                    pieces.append(piece)
                    size += len(piece)
                    if size > self._answer_limit:
                        raise _TooLong
                    if self._monotonic() > give_up_at:
                        raise httpx.ReadTimeout("the answer trickled", request=request)
                return response.status_code, response.headers, b"".join(pieces)
            finally:
                response.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
            failure = NotSent(operation=id_, reason=type(error).__name__)
        except httpx.DecodingError as error:
            failure = Garbage(operation=id_, reason=type(error).__name__)
        except (httpx.HTTPError, httpx.StreamError) as error:
            failure = LostAnswer(operation=id_, reason=type(error).__name__)
        except _TooLong:
            failure = Garbage(operation=id_, reason="too long")
        # Raised here, not above: httpx's errors hold the request with its headers, and some quote the answer.
        raise failure


def _check(base_url: str) -> None:
    parts = urlsplit(base_url)
    try:
        plain = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        plain = False
    if not plain or parts.username or parts.query or parts.fragment:
        raise ValueError("the base URL is a plain http or https address")


def _request(
    http: httpx.Client, method: str, url: str, headers: dict[str, str], content: bytes | None
) -> httpx.Request:
    try:
        return http.build_request(method, url, headers=headers, content=content)
    except httpx.InvalidURL:
        raise ValueError("path and query are too long for a URL") from None


class _TooLong(Exception):
    """The answer is above the limit."""


def _query_string(operation: Operation, query: Mapping[str, object]) -> str:
    types = {one.name: one.type for one in operation.query} | _EVERYWHERE
    if operation.paginated:
        types |= _OF_LISTS
    pairs = []
    for name, value in query.items():
        if name not in types:
            raise ValueError(f"{operation.id} takes no parameter {name}")
        pairs.append((name, _written(operation, name, value, types[name], wire.write_query)))
    # A space is %20 here: the vendor takes a plus for a plus.
    return "?" + urlencode(pairs, quote_via=quote, safe="") if pairs else ""


def _content(operation: Operation, body: Mapping[str, object] | None) -> bytes | None:
    if body is None:
        return None
    types = {one.name: one.type for one in operation.body}
    written = {}
    for name, value in body.items():
        if name not in types:
            raise ValueError(f"{operation.id} takes no field {name}")
        written[name] = _written(operation, name, value, types[name], wire.write)
    try:
        content = wire.dumps(written).encode()
    except TypeError as error:
        raise ValueError(f"{operation.id}: {error}") from None
    if len(content) > BODY_LIMIT:
        raise ValueError(f"{operation.id}: the body is above {BODY_LIMIT} bytes")
    return content


def _written(operation: Operation, name: str, value: object, type_name: str, write: Any) -> Any:
    try:
        return write(type_name, value)
    except wire.Malformed as error:
        raise ValueError(f"{operation.id}: {name} is {error}") from None


def _classified(
    status: int, raw: bytes, headers: httpx.Headers, operation: Operation | None, retry_after: float | None
) -> OpenDentalError:
    error = classify(status, raw, headers.get("content-type"), operation, retry_after=retry_after)
    return error or Garbage(operation=operation.id if operation else None, status=status)


def _data(status: int, raw: bytes, headers: httpx.Headers, operation: Operation | None) -> Any:
    try:
        data = wire.loads(raw) if raw.strip() else None
    except wire.Malformed:
        data = raw.decode("utf-8", errors="replace").strip()
    if not isinstance(data, dict | list):
        # Rows are the rule and need no second look; whatever else it is, the text decides.
        error = classify(status, raw, headers.get("content-type"), operation)
        if error is not None:
            raise error
    return data


def _server_clock(data: object) -> datetime | None:
    first = data[0] if isinstance(data, list) and data else data
    if not isinstance(first, dict):
        return None
    try:
        return wire.moment(first.get("serverDateTime"))
    except wire.Malformed:
        # Somebody asked for another date format; the rows are good all the same.
        return None


def _seconds(text: str | None) -> float | None:
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86_400 else None


def _plain_text(raw: bytes) -> bytes:
    """An OperationOutcome's first text as the bare JSON text that the REST side refuses with."""
    try:
        outcome = wire.loads(raw)
        text = outcome["issue"][0]["details"]["text"]
    except (wire.Malformed, KeyError, IndexError, TypeError):
        return raw
    return wire.dumps(text).encode() if isinstance(text, str) else raw


def _capability(data: object) -> Capability:
    entry = (data.get("entry") or [data]) if isinstance(data, dict) else []
    first = entry[0] if isinstance(entry, list) and entry and isinstance(entry[0], dict) else {}
    statement = first.get("resource", first)
    if not isinstance(statement, dict) or statement.get("resourceType") != "CapabilityStatement":
        raise Garbage(reason="no capability statement")
    software = statement.get("software")
    said = software.get("version") if isinstance(software, dict) else None
    try:
        version = Version.parse(said) if isinstance(said, str) else None
    except ValueError:
        version = None
    fhir = statement.get("fhirVersion")
    return Capability(server_version=version, fhir_version=fhir if isinstance(fhir, str) else None)


@cache
def _certificates(*, encrypted: bool) -> ssl.SSLContext:
    """Make the TLS context once a process: reading the authorities takes longer than most calls."""
    if encrypted:
        return httpx.create_ssl_context(trust_env=False)
    # Trusts nobody: an address without TLS has no use for authorities, and nothing else gets through.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


_TALKERS: Final = ("httpx", "httpcore", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy")


def _only_warnings(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def _keep_quiet() -> None:
    """Silence the libraries' own records of calls: they hold URLs with query strings, and headers."""
    for name in _TALKERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        # The level can be set back by whoever turns debugging on; the filter cannot.
        logger.addFilter(_only_warnings)
