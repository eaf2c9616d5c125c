"""The families of what the front desk keeps: communications, recalls, tasks and their lists."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import Field

from gateway.core.inputs import Day
from gateway.core.normalize import desk
from gateway.core.normalize.values import day, flag, key
from gateway.core.office_words import NO_WORDS, Table
from gateway.core.practices import Practice
from gateway.core.reads.families import Bound, Family, Related, Wide, beside, expands, set_up
from gateway.core.reads.lists import Filter, Reading, Row, Where, along
from gateway.core.reads.queries import Id, ListQuery, ObjectQuery

_OF_PATIENT: Final = Bound("patient_id", "PatNum", "patient")


class HintedQuery(ObjectQuery):
    """What an object can be asked for that some offices find only under its patient."""

    patient_id: Id | None = None


class CommunicationsQuery(ListQuery):
    """Filters of `GET /communications`."""

    patient_id: Id | None = None
    type_id: Id | None = None
    """A definition of the category `communication_type`."""
    mode: (
        list[Literal["email", "mail", "phone", "in_person", "text", "email_and_text", "phone_and_text", "fax", "other"]]
        | None
    ) = None
    direction: Literal["sent", "received"] | None = None
    date_from: Day | None = None
    date_to: Day | None = None
    """Days of `local_at`, both included."""


class RecallsQuery(ListQuery):
    """Filters of `GET /recalls`. Without `patient_id` Open Dental is asked for all of them, 100 or 1000 a call."""

    patient_id: Id | None = None
    type_id: Id | None = None
    status_id: Id | None = None
    """A definition of the category `recall_status`."""
    due_from: Day | None = None
    due_to: Day | None = None
    """Days of `due_on`, both included; a recall without one is left out."""
    is_scheduled: bool | None = None
    """Whether a visit is booked for it."""
    include_disabled: bool = False
    """Also those disabled for good. They come in any case by `ids` and `updated_since`."""


class TasksQuery(ListQuery):
    """Filters of `GET /tasks`."""

    task_list_id: Id | None = None
    patient_id: Id | None = None
    appointment_id: Id | None = None
    status: list[Literal["new", "viewed", "done"]] | None = None
    created_from: Day | None = None
    created_to: Day | None = None
    """The office's days on which it was entered first, both included."""
    expand: Annotated[list[Literal["notes"]], Field(max_length=1)] = Field(default_factory=list)
    """`notes` costs a call for each task of the page."""


class TaskQuery(ObjectQuery):
    """What one task can be asked for. The ids are hints for offices before 24.4.13."""

    task_list_id: Id | None = None
    patient_id: Id | None = None
    appointment_id: Id | None = None


class TaskListsQuery(ListQuery):
    """Filters of `GET /task_lists`."""

    status: list[Literal["active", "archived"]] | None = None
    parent_id: Id | None = None


def _types(rows: Sequence[Row], reading: Reading, _query: ObjectQuery, _single: bool) -> Related:  # noqa: FBT001
    """The names of the types, which are kept for a day."""
    types = set_up(reading, "recalltypes", (key(row.get("RecallTypeNum")) for row in rows))
    return ({}, ("type.label",)) if types is None else ({"types": types}, ())


def _notes(rows: Sequence[Row], reading: Reading, query: ObjectQuery, single: bool) -> Related:  # noqa: FBT001
    """What the office calls the priorities, and the notes where they were asked for."""
    named = {number for row in rows if (number := key(row.get("PriorityDefNum")))}
    words = reading.words(Table.DEFINITIONS, definitions=named) if named else NO_WORDS
    omitted = ["priority.label"] if named and not words.knows(Table.DEFINITIONS) else []
    found = None
    if single or expands(query, "notes"):
        queries = [{"TaskNum": key(row.get("TaskNum"))} for row in rows]
        found = beside(reading, "tasknotes", queries, params=("TaskNum",))
    if found is None:
        return {"words": words}, [*omitted, "notes"]
    notes = defaultdict[int, list[Row]](list)
    for one in found:
        notes[key(one.get("TaskNum"))].append(one)
    return {"notes": notes, "words": words}, omitted


def _not_disabled(query: ListQuery) -> Filter | None:
    """Who asks by id or for changes keeps a copy, and must learn that a recall was disabled."""
    if getattr(query, "include_disabled", False) or query.ids is not None or query.updated_since is not None:
        return None
    return lambda row: not flag(row.get("IsDisabled"))


def _due(query: RecallsQuery, _: Practice) -> Where:
    """Recalls that are due on some days."""
    if query.due_from is None and query.due_to is None:
        return ()
    first = "" if query.due_from is None else query.due_from.isoformat()
    return (("DateDue", first, "9999-12-31" if query.due_to is None else query.due_to.isoformat()),)


def _to_do(query: TasksQuery, _: Practice) -> Where:
    """Tasks that are not done, or else those of some days."""
    if query.status is not None and "done" not in query.status:
        return along("TaskStatus", (word for ours in query.status for word in desk.TASK_STATUS.upstream(ours)))
    if query.created_from is None:
        return ()
    last = "9999-12-31" if query.created_to is None else query.created_to.isoformat()
    return (("DateTimeOriginal", query.created_from.isoformat(), last),)


COMMUNICATIONS: Final = Family(
    obj="communications",
    kind="communication",
    resource="commlogs",
    row_key="CommlogNum",
    normalize=desk.communication,
    bounds=(_OF_PATIENT,),
    matches=(
        Bound("type_id", "CommType", "definition"),
        Bound("mode", "Mode_", words=desk.MODE),
        Bound("direction", "SentOrReceived", words=desk.DIRECTION),
    ),
    ranges={"date": lambda row: day(str(row.get("CommDateTime"))[:10])},
    stamp="DateTStamp",
    watched=desk.COMMUNICATIONS,
)

RECALLS: Final = Family(
    obj="recalls",
    kind="recall",
    resource="recalls",
    row_key="RecallNum",
    normalize=desk.recall,
    bounds=(_OF_PATIENT,),
    # The list by due date shows texts for people, without the recalls' keys.
    whole=True,
    get_whole=False,
    matches=(Bound("type_id", "RecallTypeNum", "recall_type"), Bound("status_id", "RecallStatus", "definition")),
    tests={"is_scheduled": lambda row, wanted, _: (day(row.get("DateScheduled")) is not None) is wanted},
    ranges={"due": lambda row: day(row.get("DateDue"))},
    stamp="DateTStamp",
    relate=_types,
    watched=desk.RECALLS,
    hides=_not_disabled,
    wide=Wide(frozenset(), _due),
)

TASKS: Final = Family(
    obj="tasks",
    kind="task",
    resource="tasks",
    row_key="TaskNum",
    normalize=desk.task,
    bounds=(
        Bound("task_list_id", "TaskListNum", "task_list"),
        Bound("patient_id", "KeyNum", "patient", also={"ObjectType": "Patient"}),
        Bound("appointment_id", "KeyNum", "appointment", also={"ObjectType": "Appointment"}),
        Bound("status", "TaskStatus", words=desk.TASK_STATUS),
    ),
    # Open Dental takes the moment after which a task was made.
    narrows=(
        Bound(
            "created_from",
            "DateTimeOriginal",
            column="",
            written=lambda first: f"{first - timedelta(days=1)} 23:59:59",
        ),
    ),
    # Unless told otherwise Open Dental shows those of the last 14 days.
    fixed={"DateTimeOriginal": "1900-01-01 00:00:00"},
    ranges={"created": lambda row: day(str(row.get("DateTimeOriginal"))[:10])},
    stamp="SecDateTEdit",
    relate=_notes,
    watched=desk.TASKS,
    wide=Wide(frozenset({"TaskStatus", "DateTimeOriginal"}), _to_do),
)

TASK_LISTS: Final = Family(
    obj="task_lists",
    kind="task_list",
    resource="tasklists",
    row_key="TaskListNum",
    normalize=desk.task_list,
    bounds=(Bound("status", "TaskListStatus", words=desk.LIST_STATUS),),
    whole=True,
    # Without a status only the active ones come, and one call has one status.
    parts=({"TaskListStatus": "Active"}, {"TaskListStatus": "Archived"}),
    matches=(Bound("parent_id", "Parent", "task_list"),),
    watched=desk.TASK_LISTS,
)
