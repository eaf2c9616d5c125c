"""The address at which a practice's machines post their events: unguessable, and worth nothing without the key.

The path is made of the practice's id and of the fingerprint of a customer key that it has, under the deployment's own
secret: it lies nowhere, and ends with the key. A call proves itself by that path and by the customer key that Open
Dental sends with it (https://www.opendental.com/site/apievents.html); each alone opens nothing.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.core.ports import Signer
    from gateway.core.practices import Practice

PREFIX: Final = "/hooks"
"""What the firewall knows the paths by, and whose rest no log shows."""


def hook_token(practice: Practice, signer: Signer) -> str:
    """The secret part of the practice's path, for its present customer key."""
    return _token(practice.id, practice.key_fingerprint, signer)


def hook_path(practice: Practice, signer: Signer) -> str:
    """`/hooks/{practice id}/{token}`, to be put behind the API's address."""
    return f"{PREFIX}/{practice.id}/{hook_token(practice, signer)}"


def proven_by(practice: Practice, *, token: str, customer_key: str, signer: Signer) -> str | None:
    """The fingerprint of the customer key that a call came with, by that key's own path; None: it proves nothing.

    While one key is exchanged for another both are good. It takes equally long whichever it is, and for none.
    """
    by_key = signer.fingerprint(customer_key).encode()
    found = None
    for fingerprint in (practice.key_fingerprint, *practice.other_fingerprints):
        is_its_path = hmac.compare_digest(token.encode(), _token(practice.id, fingerprint, signer).encode())
        if hmac.compare_digest(by_key, fingerprint.encode()) and is_its_path:
            found = fingerprint
    return found


def _token(practice_id: str, fingerprint: str, signer: Signer) -> str:
    digest = signer.secret("hook", f"{practice_id} {fingerprint}")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
