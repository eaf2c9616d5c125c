"""Which addresses may be connected to, checked at the connection itself: a name may mean another address by then.

Whoever names an endpoint would else have the gateway call what only the gateway can reach: its own metadata, its
neighbours in the network, itself.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final, TypeAlias

import httpcore
from httpcore import SOCKET_OPTION, NetworkBackend, NetworkStream

Address: TypeAlias = IPv4Address | IPv6Address
Resolve: TypeAlias = Callable[[str, int], list[str]]

# What `is_global` calls public in some version of Python, or that leads into other networks.
_FORBIDDEN_4: Final = tuple(
    IPv4Network(one)
    for one in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_FORBIDDEN_6: Final = tuple(
    IPv6Network(one)
    for one in (
        "2001::/23",  # Teredo, benchmarks, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4: holds an IPv4 address
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)


class Forbidden(httpcore.ConnectError):
    """The name means an address that nothing is sent to."""


def is_public(text: str, *, loopback: bool = False) -> bool:
    """Whether an address is one of the public internet. `loopback`: whether this machine's own will do as well.

    IPv6 is what is given out to be routed (2000::/3) and nothing else: so mapped, translated and unique local forms
    never are.
    """
    try:
        address: Address = ip_address(text)
    except ValueError:
        return False
    if address.is_loopback and loopback:
        return True
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in one for one in _FORBIDDEN_4)
    if address.scope_id is not None or address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not any(address in one for one in _FORBIDDEN_6)


def resolve(host: str, port: int) -> list[str]:
    """The addresses that a name has now. Raises: OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class GuardedNetwork(NetworkBackend):
    """Connects to public addresses only: a name is resolved once, and what is connected to is what was checked.

    `until` is the moment of `monotonic` at which whatever goes over its connections is cut off.
    """

    def __init__(
        self,
        *,
        until: float,
        loopback: bool,
        resolver: Resolve = resolve,
        backend: NetworkBackend | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._until = until
        self._loopback = loopback
        self._resolve = resolver
        self._backend = backend or httpcore.SyncBackend()
        self._monotonic = monotonic

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the whole call has one end
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> NetworkStream:
        """Connect to the first address of the name that answers.

        Raises: Forbidden: one of its addresses is none to connect to, whatever the others are.
        """
        try:
            addresses = self._resolve(host.strip("[]"), port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name has no address") from error
        if not addresses or not all(is_public(one, loopback=self._loopback) for one in addresses):
            raise Forbidden("the address is none of the public internet")
        failed: Exception = httpcore.ConnectError("nobody answers")
        for address in addresses:
            try:
                # An address is not resolved again.
                stream = self._backend.connect_tcp(address, port, self._left(), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            return _Bounded(stream, self._left)
        raise failed

    def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> NetworkStream:
        """Never."""
        raise Forbidden("the address is none of the public internet")

    def sleep(self, seconds: float) -> None:
        """Never: nothing is tried again here."""
        raise AssertionError(seconds)

    def _left(self) -> float:
        left = self._until - self._monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the call has had its time")
        return left


class _Bounded(NetworkStream):
    """A connection each of whose steps has what is left of the call's time: drops of an answer do not prolong it."""

    def __init__(self, stream: NetworkStream, left: Callable[[], float]) -> None:
        self._stream = stream
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: Any,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> NetworkStream:
        return _Bounded(self._stream.start_tls(ssl_context, server_hostname, self._left()), self._left)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
