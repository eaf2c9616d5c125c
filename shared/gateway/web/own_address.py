"""The address under which this API is called from outside, for those who are told to call it.

Only API Gateway's own word counts: `requestContext.domainName` is the domain that it serves, its own or the user's, and
`requestContext.path` begins with what is mounted there before our paths, a stage or a base path or nothing. The Host
header is the caller's word, and whoever could say it would have practices' data sent to himself.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.core.practices import SANDBOX

_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_MOUNTED: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")


def told(event: Mapping[str, Any]) -> str | None:
    """By a REST proxy event, `https://domain[/stage or base path]`; None where it says no domain."""
    about = event.get("requestContext") or {}
    domain, path = str(about.get("domainName") or "").lower(), str(about.get("path") or "")
    route = str(event.get("resource") or "")
    parts = path.strip("/").split("/")
    depth = route.strip("/").count("/") + 1
    mounted = "".join(f"/{part}" for part in parts[: len(parts) - depth])
    if len(parts) < depth or not _DOMAIN.fullmatch(domain) or not _MOUNTED.fullmatch(mounted):
        return None
    return f"https://{domain}{mounted}"


def emulated(event: Mapping[str, Any], host: str) -> str | None:
    """By an event of an emulator, which says no domain: its address on this machine; None for any other host."""
    about = event.get("requestContext") or {}
    api, stage = str(about.get("apiId") or ""), str(about.get("stage") or "")
    if about.get("domainName") or not _is_loopback(host) or not _MOUNTED.fullmatch(f"/{api}/{stage}"):
        return None
    return f"http://{host}/_aws/execute-api/{api}/{stage}"


def own_address(api_url: str | None, emulated_url: str | None, *, stage: str) -> str | None:
    """The address that others may be told: https, but for the sandbox's, which leads to this machine only."""
    return api_url or (emulated_url if stage == SANDBOX else None)


def _is_loopback(host: str) -> bool:
    try:
        parts = urlsplit(f"//{host}")
        is_plain = parts.netloc == host and "@" not in host and parts.port is not None
        return is_plain and ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
