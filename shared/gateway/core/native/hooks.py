"""The address at which a practice's machines post their events: unguessable, and worth nothing without the key.

The path is made of the practice's id and of the fingerprint of its present customer key, under the deployment's own
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
    digest = signer.secret("hook", f"{practice.id} {practice.key_fingerprint}")
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def hook_path(practice: Practice, signer: Signer) -> str:
    """`/hooks/{practice id}/{token}`, to be put behind the API's address."""
    return f"{PREFIX}/{practice.id}/{hook_token(practice, signer)}"


def proves(practice: Practice, *, token: str, customer_key: str, signer: Signer) -> bool:
    """Whether a call came by this practice's path with its present customer key; takes equally long either way."""
    by_path = hmac.compare_digest(token.encode(), hook_token(practice, signer).encode())
    by_key = hmac.compare_digest(signer.fingerprint(customer_key).encode(), practice.key_fingerprint.encode())
    return by_path and by_key
