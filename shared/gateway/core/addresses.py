"""Where a practice's keys may be sent, and from which network: what a stage allows."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from gateway.core.errors import Invalid
from gateway.core.practices import REMOTE_NETWORK, Mode

DEFAULT_BASE_URL: Final = "https://api.opendental.com/api/v1"

LOCAL_REFUSED: Final = (
    "mode local answers on the loopback address of a workstation only, which no gateway reaches; "
    "connect by mode remote, or by the office's API Service with mode service"
)
CLOUD_REFUSED: Final = (
    "mode cloud answers on the machine of somebody who is signed in only; an office that Open Dental hosts "
    "is reached by mode remote"
)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the stage allows: whether practices may connect themselves, and which addresses keys may be sent to."""

    is_open: bool = False
    base_urls: tuple[str, ...] = ("https://api.opendental.com",)
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The addresses inside each network of the stage, which are reached from within it only."""

    @classmethod
    def of_environment(cls) -> Enrolment:
        """Read OPEN_ENROLMENT (`true` or not), BASE_URL_ALLOW (comma-separated) and NETWORKS (JSON, if any)."""
        urls = tuple(url.strip() for url in os.environ.get("BASE_URL_ALLOW", "").split(",") if url.strip())
        networks = {name: tuple(inside) for name, inside in json.loads(os.environ.get("NETWORKS", "{}")).items()}
        return cls(os.environ.get("OPEN_ENROLMENT", "").lower() == "true", urls or cls().base_urls, networks)


def address_of(base_url: str | None, mode: Mode, enrolment: Enrolment) -> tuple[str, str]:
    """Where the keys will be sent, and from which network: only to what the stage allows, host by host.

    Plain http is for what lies inside a network, and for this machine.

    Raises: Invalid: it is not allowed, or nobody can be reached there in this mode.
    """
    if mode is Mode.LOCAL:
        raise Invalid(LOCAL_REFUSED, param="mode")
    if mode is Mode.CLOUD:
        raise Invalid(CLOUD_REFUSED, param="mode")
    if base_url is None:
        if mode is not Mode.REMOTE:
            raise Invalid("base_url is needed in this mode", param="base_url")
        return DEFAULT_BASE_URL, REMOTE_NETWORK
    refusal = Invalid("base_url is not among the addresses that this deployment may send keys to", param="base_url")
    if not base_url.isprintable() or not base_url.isascii():
        # urlsplit drops tabs and line breaks in silence.
        raise refusal
    try:
        url = urlsplit(normal(base_url))
        is_plain = url.username is None and url.password is None and not url.query and not url.fragment
        # A port that is none raises here, and a percent sign could hide a dot from the check of the path.
        is_plain = is_plain and url.port != 0 and ".." not in url.path and "%" not in url.path
        network = _network_of(url, enrolment) if is_plain else None
    except ValueError:
        raise refusal from None
    if network is None:
        raise refusal
    if network != REMOTE_NETWORK and mode is not Mode.SERVICE:
        raise Invalid("an address inside a network is an office's own server: mode service", param="mode")
    if url.hostname == urlsplit(DEFAULT_BASE_URL).hostname and mode is not Mode.REMOTE:
        # Other modes have no throttle, and this address has.
        raise Invalid("Open Dental's own service is reached in mode remote", param="mode")
    return url.geturl(), network


def _network_of(url: SplitResult, enrolment: Enrolment) -> str | None:
    """The network that `url` is reached from, or None if the stage does not allow it."""
    for name, inside in enrolment.networks.items():
        if any(_covers(urlsplit(one), url) for one in inside):
            return name
    allowed = [urlsplit(one) for one in enrolment.base_urls]
    safe = (one for one in allowed if one.scheme == "https" or one.hostname in _LOOPBACK)
    return REMOTE_NETWORK if any(_covers(one, url) for one in safe) else None


_LOOPBACK = frozenset({"127.0.0.1", "localhost"})


def _covers(allowed: SplitResult, url: SplitResult) -> bool:
    """Whether `url` is at the allowed origin and under its path; an entry without a port leaves loopback's open."""
    any_port = allowed.port is None and allowed.hostname in _LOOPBACK
    path = allowed.path.rstrip("/")
    return (
        (url.scheme, url.hostname) == (allowed.scheme, allowed.hostname)
        and (any_port or url.port == allowed.port)
        and (url.path == path or url.path.startswith(f"{path}/"))
    )


def normal(base_url: str) -> str:
    return base_url.strip().rstrip("/")
