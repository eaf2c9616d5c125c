"""The certificate of erasure: what was erased, what stays, what could not be done; signed by the deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, StringConstraints

from gateway.core.access import AUDIT, allow
from gateway.core.callers import Caller, Verb
from gateway.core.errors import NotFound
from gateway.core.ports import Services, Signer
from gateway.core.removal.kinds import ERASED, STAYS
from gateway.core.removal.records import Erasure, Removal
from gateway.core.walltime import instant_text, optional_instant_text

_LABEL: Final = b"certificate of erasure\0"

PROBLEMS: Final[Mapping[str, str]] = {
    "subscriptions-stay": "The office did not answer for a day: what its machines were asked to tell was not ended "
    "there. They call a path that is answered 404; end them in Open Dental, Setup, Advanced Setup, API.",
    "writes-unknown": "Whether these writes were done is not known: look for them at the office.",
    "writes-unfinished": "These writes were not brought to their end within a day; nothing of them is sent any more.",
}
"""What could not be done, for people."""


class Shown(BaseModel):
    """The body of `POST /practices/{id}/erasure_certificate/verify`: the `signature` of a certificate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signature: Annotated[str, StringConstraints(min_length=1, max_length=60_000)]


def made(removal: Removal, *, stage: str, at: datetime) -> dict[str, Any]:
    """What is certified of a removal whose steps are all done. Times are ISO 8601 in UTC.

    A `count` is of at least so many: a step that was cut off has deleted more than it could count.
    """
    return {
        "id": removal.id,
        "practice_id": removal.practice_id,
        "stage": stage,
        "requested_by": removal.client_id,
        "requested_at": instant_text(removal.began_at),
        "completed_at": instant_text(at),
        "erased": [
            {"kind": kind.name, "says": kind.says, "count": done.count, "erased_at": optional_instant_text(done.at)}
            for kind in ERASED
            for done in [removal.erased.get(kind.name, Erasure())]
        ],
        "keys": {
            "fingerprints": list(removal.fingerprints),
            "deleted_at": optional_instant_text(removal.keys_deleted_at),
        },
        "stays": [{"what": one.what, "why": one.why, "until": one.until} for one in STAYS],
        "not_done": [
            {"code": one.code, "says": PROBLEMS[one.code], "count": one.count, "operation_ids": list(one.ids)}
            for one in removal.problems
        ],
    }


def signed(certificate: Mapping[str, Any], *, signer: Signer) -> str:
    """The certificate with its signature, as one text."""
    return signer.sign(_LABEL + json.dumps(certificate, sort_keys=True, separators=(",", ":")).encode())


def read(text: str, *, signer: Signer) -> dict[str, Any] | None:
    """What a signed certificate says; None where this deployment did not sign it."""
    payload = signer.verify(text)
    if payload is None or not payload.startswith(_LABEL):
        return None
    said: dict[str, Any] = json.loads(payload.removeprefix(_LABEL))
    return said


def certificate_of(practice_id: str, *, caller: Caller, on: Services) -> dict[str, Any]:
    """The certificate of a practice that was removed: scope `audit:read`.

    Raises: ScopeMissing. NotFound: no such practice, or its removal is not done.
    """
    allow(caller, practice_id, AUDIT, Verb.READ, on=on, protected=False)
    removal = on.removals.load(practice_id)
    certificate = None
    if removal is not None and removal.certificate is not None:
        certificate = read(removal.certificate, signer=on.signer)
    if removal is None or certificate is None:
        raise NotFound("there is no certificate: the practice is not removed")
    return {"certificate": certificate, "signature": removal.certificate}


def verified(practice_id: str, shown: Shown, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Whether a text is a certificate that this deployment has signed for the practice, and what it says then: scope
    `audit:read`.

    Raises: ScopeMissing. NotFound.
    """
    allow(caller, practice_id, AUDIT, Verb.READ, on=on, protected=False)
    certificate = read(shown.signature, signer=on.signer)
    is_good = certificate is not None and certificate["practice_id"] == practice_id
    return {"practice_id": practice_id, "valid": is_good, "certificate": certificate if is_good else None}
