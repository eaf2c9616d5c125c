"""Which subscriptions an office takes; `firing` is what becomes of them.

https://www.opendental.com/site/apisubscriptions.html
"""

from __future__ import annotations

from infra.sandbox.practice.firing import NAMED_MACHINES_SINCE, WATCHED
from infra.sandbox.practice.handlers import Office, Rejected, Request, after, before

_SAME = ("CustomerKey", "EndPointUrl", "Workstation", "WatchTable", "UiEventType")


@before("subscriptions.create")
def name_machines(office: Office, request: Request) -> None:
    """Since 26.2.1 a subscription says which machines fire it. Raises Rejected 400."""
    if office.at_least(NAMED_MACHINES_SINCE) and not request.body.get("Workstation"):
        raise Rejected(400, "Workstation is required: a machine, or All Workstations.")


@after("subscriptions.create")
def belong_to_the_key(office: Office, request: Request, key: int) -> None:
    """Bind the new row to the caller's key and start it now. Raises Rejected 400 for one that exists unexpired."""
    made = office.store.get("apisubscription", key) or {}
    if bool(made["WatchTable"]) == bool(made["UiEventType"]):
        raise Rejected(400, "Either WatchTable or UiEventType is required.")
    if made["WatchTable"]:
        if not office.at_least(WATCHED[made["WatchTable"]].since):
            raise Rejected(400, f"WatchTable {made['WatchTable']} needs a newer version.")
        if made["PollingSeconds"] < 1:
            raise Rejected(400, "PollingSeconds is required with WatchTable.")
    changes: dict[str, object] = {"CustomerKey": request.key.customer}
    if made["UiEventType"]:
        changes["PollingSeconds"] = 0
    if made["DateTimeStart"].startswith("0001"):
        changes["DateTimeStart"] = office.now()
    office.store.update("apisubscription", key, changes)
    made |= changes
    twins = office.store.find("apisubscription", {name: made[name] for name in _SAME})
    for twin in twins:
        runs = twin["DateTimeStop"].startswith("0001") or twin["DateTimeStop"] > office.now()
        if twin["SubscriptionNum"] != key and runs:
            raise Rejected(400, "A subscription like this one exists already.")
