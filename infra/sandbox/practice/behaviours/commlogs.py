"""Contacts with patients: what one is filled with. Source: https://www.opendental.com/site/apicommlogs.html."""

from __future__ import annotations

from infra.sandbox.practice.behaviours.ground import Row, body_of
from infra.sandbox.practice.handlers import Request, after
from infra.sandbox.practice.office import Office


@after("commlogs.create")
def fill_commlog(office: Office, request: Request, key: int) -> None:
    """A contact is of now and of the miscellaneous kind, unless it says otherwise."""
    body, defaults = body_of(request), Row()
    if not body.get("CommDateTime"):
        defaults["CommDateTime"] = office.now()
    if not body.get("CommType") and not body.get("commType"):
        kinds = [row["DefNum"] for row in office.definitions("CommLogTypes") if "MISC" in row["ItemValue"].split(",")]
        defaults["CommType"] = kinds[0] if kinds else 0
    if defaults:
        office.store.update("commlog", key, defaults)
