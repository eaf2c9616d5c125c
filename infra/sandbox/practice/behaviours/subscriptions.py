"""Subscriptions as rows of one customer key; nothing fires yet.

https://www.opendental.com/site/apisubscriptions.html
"""

from __future__ import annotations

from infra.sandbox.practice.handlers import Office, Rejected, Request, after

_SAME = ("CustomerKey", "EndPointUrl", "Workstation", "WatchTable", "UiEventType")


@after("subscriptions.create")
def belong_to_the_key(office: Office, request: Request, key: int) -> None:
    """Bind the new row to the caller's key and start it now. Raises Rejected 400 for one that exists unexpired."""
    made = office.store.get("apisubscription", key) or {}
    if bool(made["WatchTable"]) == bool(made["UiEventType"]):
        raise Rejected(400, "Either WatchTable or UiEventType is required.")
    changes: dict[str, object] = {"CustomerKey": request.key.customer}
    if made["DateTimeStart"].startswith("0001"):
        changes["DateTimeStart"] = office.now()
    office.store.update("apisubscription", key, changes)
    made |= changes
    twins = office.store.find("apisubscription", {name: made[name] for name in _SAME})
    for twin in twins:
        runs = twin["DateTimeStop"].startswith("0001") or twin["DateTimeStop"] > office.now()
        if twin["SubscriptionNum"] != key and runs:
            raise Rejected(400, "A subscription like this one exists already.")
