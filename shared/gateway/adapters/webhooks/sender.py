"""The way out to endpoints: one POST over a connection of its own, to a checked address, within one span of time."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Final

import httpcore
import httpx

from gateway.adapters.webhooks.network import Forbidden, GuardedNetwork, Resolve, resolve
from gateway.core.webhooks.deliveries import Outcome

TIME_LIMIT_S: Final = 10.0
READ_AT_MOST: Final = 64 * 1024
EXCERPT: Final = 256
_WORDS: Final[Mapping[type[Exception], str]] = {
    Forbidden: "address-not-allowed",
    httpcore.UnsupportedProtocol: "not-https",
    httpcore.TimeoutException: "timeout",
    httpcore.ConnectError: "no-connection",
    httpcore.NetworkError: "connection-broken",
    httpcore.ProtocolError: "connection-broken",
    httpx.InvalidURL: "url",
    ValueError: "url",
}
_FAILURES: Final = tuple(_WORDS)
USER_AGENT: Final = "open-dental-gateway-webhooks/1"


class HttpSender:
    """Fills `core.webhooks.ports.Sender`.

    `plain`: whether http, and this machine itself, will do: in the sandbox and nowhere else. `trusted` is who vouches
    for endpoints' certificates; None: whom httpx trusts.
    """

    def __init__(
        self,
        *,
        plain: bool = False,
        resolver: Resolve = resolve,
        limit_s: float = TIME_LIMIT_S,
        trusted: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plain = plain
        self._resolver = resolver
        self._limit_s = limit_s
        self._trusted = trusted
        self._monotonic = monotonic

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """See `Sender.post`."""
        began = self._monotonic()
        network = GuardedNetwork(
            until=began + self._limit_s, loopback=self._plain, resolver=self._resolver, monotonic=self._monotonic
        )
        status, error, excerpt = None, None, ""
        try:
            status, excerpt = self._post(url, headers, body, network)
        except _FAILURES as failure:
            error = _word_for(failure)
        return Outcome(status, error, excerpt, took_ms=int((self._monotonic() - began) * 1000))

    def _post(self, url: str, headers: Mapping[str, str], body: bytes, network: GuardedNetwork) -> tuple[int, str]:
        """The status, and how the answer begins."""
        parsed = httpx.URL(url)
        if parsed.scheme != "https" and not (self._plain and parsed.scheme == "http"):
            raise httpcore.UnsupportedProtocol("endpoints are called by https")
        sent = {
            "Host": parsed.netloc.decode("ascii"),
            "User-Agent": USER_AGENT,
            "Content-Type": "application/json",
            "Accept": "*/*",
            # A packed answer could be small on the way and endless here.
            "Accept-Encoding": "identity",
            "Connection": "close",
            "Content-Length": str(len(body)),
            **headers,
        }
        target = httpcore.URL(scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path)
        # The pool below httpx: it follows nothing, keeps no cookies and reads no proxy from the environment.
        with (
            httpcore.ConnectionPool(
                ssl_context=self._context, network_backend=network, retries=0, max_keepalive_connections=0
            ) as pool,
            pool.stream("POST", target, headers=list(sent.items()), content=body) as answer,
        ):
            return answer.status, _beginning(answer.iter_stream())

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self._trusted or httpx.create_ssl_context(trust_env=False)


def _beginning(pieces: Iterable[bytes]) -> str:
    """What an answer begins with. The status has been said: however the rest comes, it does not take that back."""
    read = b""
    try:
        for piece in pieces:
            read += piece
            if len(read) >= READ_AT_MOST:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass
    return read[:EXCERPT].decode("utf-8", errors="replace")


def _word_for(error: Exception) -> str:
    """Our word for what went wrong; an error's own text may hold what the endpoint said."""
    if isinstance(error, httpcore.ConnectError) and isinstance(error.__context__, ssl.SSLError):
        return "tls"
    return next(word for kind, word in _WORDS.items() if isinstance(error, kind))
