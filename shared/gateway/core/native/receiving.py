"""Use case: take a call of an office's machine. It is proven and kept, and nothing of it is looked at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.core.errors import BaaMissing, NotAllowed, NotFound
from gateway.core.native.hooks import proven_by
from gateway.core.native.ports import Post
from gateway.core.practices import Practice

if TYPE_CHECKING:
    from gateway.core.native.ports import ReceivingServices

NOBODY: Final = Practice(id="nobody", name="", time_zone="UTC", key_fingerprint="0" * 32)
"""Whom a call to a practice that is not there is compared with, so that it takes the same way."""

_IDS: Final = re.compile(r"[a-z0-9_]{1,64}")
_ODD: Final = re.compile(r"[^A-Za-z0-9 :._-]")
_MOST_LETTERS: Final = 64


def receive(
    practice_id: str,
    token: str,
    customer_key: str,
    *,
    event: str,
    workstation: str,
    body: bytes,
    on: ReceivingServices,
) -> str:
    """Keep the call, if it came by the practice's own path with a customer key it has; returns the practice's id.

    Raises:
        NotFound: it proves nothing, for whatever reason: one answer for all of them.
        BaaMissing, NotAllowed: nothing may be kept of this practice now. The office goes on trying for three days.
        Unavailable: it was not kept; the office tries again.
    """
    practice = _practice(practice_id, on)
    shown = {"token": _utf8(token), "customer_key": _utf8(customer_key)}
    fingerprint = proven_by(practice or NOBODY, **shown, signer=on.signer)
    if fingerprint is None or practice is None:
        raise NotFound("no such path")
    now = on.clock.now()
    if practice.state != "active":
        raise NotAllowed("the practice is not active here")
    if not practice.is_open(now.date()):
        raise BaaMissing("the practice's agreement has ended")
    on.inbox.put(Post(practice.id, now, cut(event), cut(workstation), fingerprint, body))
    return practice.id


def cut(text: str) -> str:
    """A header as it may be kept beside a body: short, and of letters that nothing takes for anything else."""
    return _ODD.sub("", text)[:_MOST_LETTERS].strip()


def _utf8(text: str) -> str:
    """Half a character, which the events of requests can hold, cannot be compared; a whole one proves nothing."""
    return text.encode(errors="replace").decode()


def _practice(practice_id: str, on: ReceivingServices) -> Practice | None:
    # What cannot be an id is not asked for: the database would refuse the question, and that would be told apart.
    asked = practice_id if _IDS.fullmatch(practice_id) else NOBODY.id
    try:
        return on.practices.get(asked)
    except NotFound:
        return None
