"""Users of the program and the groups they are in.

Source: https://www.opendental.com/site/apiuserods.html.
"""

from __future__ import annotations

from infra.sandbox.practice.behaviours.ground import body_of, columns, number, numbers, row_of, shown
from infra.sandbox.practice.handlers import Rejected, Reply, Request, handles
from infra.sandbox.practice.office import Office


@handles("userods.create")
def create_user(office: Office, request: Request) -> Reply:
    """Add a user to one group. The answer, unlike any list, repeats the group and the password as they were sent."""
    body = body_of(request)
    group = row_of(office, "usergroup", number(request, "UserGroupNum"))["UserGroupNum"]
    if office.store.find("userod", {"UserName": str(body["UserName"])}):
        raise Rejected(400, "UserName is already in use.")
    given = columns(office, request, UserGroupNum=None, Password=None)
    key = office.store.insert("userod", given)
    office.store.insert("usergroupattach", {"UserNum": key, "UserGroupNum": group})
    answer = shown(office, request, key)
    return Reply(answer.status, answer.body | {"UserGroupNum": group, "Password": str(body["Password"])})


@handles("userods.update")
def update_user(office: Office, request: Request) -> Reply:
    """Change what a user is linked to; a list of groups replaces the ones he was in."""
    row = row_of(office, "userod", request.id())
    changes = columns(office, request, userGroupNums=None)
    if "userGroupNums" in body_of(request):
        groups = numbers(request, "userGroupNums")
        if not groups:
            raise Rejected(400, "userGroupNums is invalid. A user is in one group at least.")
        for group in groups:
            row_of(office, "usergroup", group)
        for attach in office.store.find("usergroupattach", {"UserNum": row["UserNum"]}):
            office.store.delete("usergroupattach", attach["UserGroupAttachNum"])
        for group in groups:
            office.store.insert("usergroupattach", {"UserNum": row["UserNum"], "UserGroupNum": group})
    office.store.update("userod", row["UserNum"], changes)
    return shown(office, request, row["UserNum"])
