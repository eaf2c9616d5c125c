"""Raw writes that a use case of ours does with its checks: they are refused here, with the address of their twin.

Whoever books an appointment without looking at the day double-books somebody, and a payment that is sent without its
splits is booked to whom the office's preferences say. The twins look first; a row of this table keeps that from being
walked around. A twin that is added is a line here, and a test holds each line to the functions that are deployed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TWINS: Final[Mapping[str, tuple[str, str]]] = {
    "appointments.create": ("POST", "/appointments"),
    "appointments.update": ("PATCH", "/appointments/{id}"),
    "appointments.Break": ("PATCH", "/appointments/{id}"),
    "appointments.Confirm": ("PATCH", "/appointments/{id}"),
    "claimpayments.create": ("POST", "/payments"),
    "claimpayments.Batch": ("POST", "/payments"),
    "claimprocs.update": ("POST", "/payments"),
    "claims.create": ("POST", "/claims"),
    "claims.update": ("PATCH", "/claims/{id}"),
    "claims.Status": ("PATCH", "/claims/{id}"),
    "commlogs.create": ("POST", "/communications"),
    "patients.create": ("POST", "/patients"),
    "patients.update": ("PATCH", "/patients/{id}"),
    "payments.create": ("POST", "/payments"),
    "payments.Partial": ("POST", "/payments"),
    "payments.Refund": ("POST", "/payments"),
    "procedurelogs.create": ("POST", "/procedures"),
    "procedurelogs.update": ("PATCH", "/procedures/{id}"),
    "recalls.update": ("PATCH", "/recalls/{id}"),
}
"""Operation of the catalogue -> method and path of the use case that does it."""
