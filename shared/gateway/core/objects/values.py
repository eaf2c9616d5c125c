"""The kinds of value that all objects share, in JSON form: what the published schema says of them.

The models describe answers; the dicts themselves are made by `core.normalize`, and a test holds one to the other.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

Instant = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "UTC, with Z"}),
]
LocalTime = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"),
    WithJsonSchema({"type": "string", "description": "Wall time of the office, without a zone; `time_zone` names it"}),
]
Day = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-\d\d-\d\d$"),
    WithJsonSchema({"type": "string", "format": "date", "description": "A calendar day of the office, never shifted"}),
]
Version = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{32}$"),
    WithJsonSchema({"type": "string", "description": "Hash of the content of the row in Open Dental"}),
]
Amount = Annotated[
    str,
    StringConstraints(pattern=r"^-?\d+\.\d\d$"),
    WithJsonSchema({"type": "string", "description": "Decimal text with two places"}),
]


Note = Annotated[str, Field(json_schema_extra={"x-scope": "notes"})]
"""Free text of the staff, null for clients without the scope `notes` (`core.notes` knows these members by name)."""


def _id(prefix: str) -> StringConstraints:
    return StringConstraints(pattern=rf"^{prefix}_[a-z2-7]{{16,29}}$")


PracticeId = Annotated[str, _id("prac")]
GroupId = Annotated[str, _id("grp")]
PatientId = Annotated[str, _id("pat")]
AppointmentId = Annotated[str, _id("appt")]
ProcedureId = Annotated[str, _id("proc")]
ClaimId = Annotated[str, _id("clm")]
ClaimLineId = Annotated[str, _id("cln")]
PaymentId = Annotated[str, _id("pay")]
ProviderId = Annotated[str, _id("prov")]
LocationId = Annotated[str, _id("loc")]
OperatoryId = Annotated[str, _id("op")]
CoverageId = Annotated[str, _id("cov")]
CarrierId = Annotated[str, _id("car")]
DefinitionId = Annotated[str, _id("def")]
DepositId = Annotated[str, _id("dep")]
AppointmentTypeId = Annotated[str, _id("apt")]
RecallId = Annotated[str, _id("rcl")]
RecallTypeId = Annotated[str, _id("rct")]
AdjustmentId = Annotated[str, _id("adj")]
PaymentPlanId = Annotated[str, _id("pln")]
PlanChargeId = Annotated[str, _id("plc")]
TreatmentPlanId = Annotated[str, _id("txp")]
PerioExamId = Annotated[str, _id("per")]
CommunicationId = Annotated[str, _id("com")]
DocumentId = Annotated[str, _id("doc")]
AllergyId = Annotated[str, _id("alg")]
MedicationId = Annotated[str, _id("med")]
ConditionId = Annotated[str, _id("cnd")]
ScheduleId = Annotated[str, _id("sch")]
SlotHoldId = Annotated[str, _id("hld")]
TaskId = Annotated[str, _id("tsk")]
TaskListId = Annotated[str, _id("tls")]
ProcedureCodeId = Annotated[str, _id("cod")]
ExportId = Annotated[str, _id("exp")]
FindingId = Annotated[str, _id("fnd")]
OperationId = Annotated[str, _id("opn")]


class Part(BaseModel):
    """A part of an object."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Money(Part):
    """An amount: decimal text, never a binary fraction. Positive unless its field says signed."""

    amount: Amount
    currency: Literal["USD"]


class Source(Part):
    """Where the row can be found in Open Dental."""

    system: Literal["open_dental"]
    table: str
    key: Annotated[str, StringConstraints(pattern=r"^-?\d+$")]
    """A 64-bit number, as text so that no JSON reader rounds it."""
    practice_id: PracticeId


class Labelled(Part):
    """A definition of the office: what it is called there."""

    id: DefinitionId
    label: str | None


class Extension(Part):
    """A field of the office's own, as it is filled in."""

    name: str
    kind: Literal["text", "choice", "date", "flag", "amount", "other"] | None
    """None where the office's definition of the field is not known."""
    value: str | None
    """As the office wrote it; a flag is `1`. Days that were typed in the office may be in any form. Null for clients
    without the scope `notes` where the kind is `text`, `other` or not known."""


class Unavailable(Part):
    """Why a practice is not in a list that goes over several."""

    code: str
    """`mirror-off`, `not-loaded`, `too-old`, `not-mirrored`, or a problem's code."""
    detail: str


class PracticeMeta(Part):
    """What a page that goes over several practices says of one of them: `unavailable`, or how old its part is."""

    practice_id: PracticeId
    as_of: Instant | None = None
    age_seconds: float | None = None
    served_from: Literal["cache", "live", "mirror"] | None = None
    upstream_calls: Annotated[int, Field(ge=0)] | None = None
    unavailable: Unavailable | None = None


Withheld = Annotated[
    list[Literal["notes"]],
    Field(description="What the client's scopes do not show: it is null everywhere, whether there is anything or not"),
]


class Meta(Part):
    """What an answer says of itself."""

    as_of: Instant
    """Nothing in the answer is older."""
    age_seconds: float
    served_from: Literal["cache", "live", "mirror"] | None
    """`mirror`: the practice's copies, which are kept up to date; `cache`: what Open Dental answered minutes ago; None
    where nothing had to be read."""
    practice_id: PracticeId | None
    """None where the list goes over several; `practices` has them."""
    practices: list[PracticeMeta] | None = None
    """Those that this page is about, where the list goes over several."""
    upstream_calls: Annotated[int, Field(ge=0)]
    """Calls of Open Dental that this answer cost."""
    omitted: list[str]
    """Fields left out because they would have cost more calls, or because Open Dental's list hides them."""
    withheld: Withheld | None = None


class Object(Part):
    """What every row of Open Dental has as an object."""

    source: Source
    practice_id: PracticeId
    updated_at: Instant | None = None
    """Open Dental's stamp, read in the practice's zone."""
    synced_at: Instant
    """When it was read: nothing in the object is older."""
    deleted_at: Instant | None
    version: Version | None = None
    raw: dict[str, Any] | None = None
    """The row as Open Dental sent it, with `include=raw`; never a social security number, key or password."""
    meta: Meta | None = None
    """On single objects; lists have one for all."""
