"""The table of what is deployed: every function, what starts it and what it may touch; every table of the database.

A row is all that an endpoint, a job or a table needs here: stacks, roles, environment variables, API paths and the
tests are made from the rows. What a row does not name, its function may not touch.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Verbs = frozenset[str]

GET: Verbs = frozenset({"GetItem"})
QUERY: Verbs = frozenset({"Query"})
READ: Verbs = GET | QUERY
READ_MANY: Verbs = READ | {"BatchGetItem"}
# By their keys or in their order; nothing needs one alone.
READ_SEVERAL: Verbs = QUERY | {"BatchGetItem"}
# A transaction needs the permissions of the items in it and has none of its own.
WRITE: Verbs = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
UPDATE: Verbs = frozenset({"UpdateItem"})
# Nothing that is there is read, changed or taken away.
ADD: Verbs = frozenset({"PutItem"})
READ_WRITE_MANY: Verbs = READ_MANY | {"PutItem", "UpdateItem", "BatchWriteItem"}

SEND: Verbs = frozenset({"SendMessage"})
EXTEND: Verbs = frozenset({"ChangeMessageVisibility"})

READ_BODIES: Verbs = frozenset({"GetObject"})
READ_WRITE_BODIES: Verbs = READ_BODIES | {"PutObject"}

TIDY: Verbs = frozenset({"ListBucket", "DeleteObject"})
# A link is good for what its maker may read. A file that came under a patient's name is copied to one of ours.
HAND_OUT: Verbs = TIDY | {"GetObject", "PutObject"}

# Who may not list is told "forbidden" of an object that is not there.
READ_EXPORTS: Verbs = frozenset({"GetObject", "ListBucket"})
KEEP_EXPORTS: Verbs = READ_EXPORTS | {"PutObject"}

# Calls of offices' machines: kept by one function, worked off by another. Who may not list is told "forbidden" of an
# object that is gone.
KEEP_CALLS: Verbs = frozenset({"PutObject"})
WORK_OFF_CALLS: Verbs = frozenset({"GetObject", "DeleteObject", "ListBucket"})

READ_SECRET: Verbs = frozenset({"GetSecretValue"})
# Pending keys become current or are dropped; both are moves of a label, or the end of a secret never verified.
KEEP_SECRET: Verbs = READ_SECRET | {"UpdateSecretVersionStage", "DeleteSecret"}
MAKE_SECRET: Verbs = KEEP_SECRET | {"CreateSecret", "PutSecretValue"}


@dataclass(frozen=True)
class Index:
    """A global secondary index: string partition, sort by number or text, keys plus the attributes named here."""

    name: str
    partition: str
    sort: str
    include: tuple[str, ...] = ()
    sort_type: Literal["number", "text"] = "number"


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One table with string keys `pk` and `sk`; its name reaches functions as `{NAME}_TABLE`."""

    name: str
    holds: str
    indexes: tuple[Index, ...] = ()
    stream: bool = False
    """Whether each change, with the item before and after it, can be read from a stream for 24 hours."""


TABLES: tuple[TableRow, ...] = (
    TableRow(
        name="callers", holds="API clients, hashes of their keys and sessions, counts of wrong keys and of requests."
    ),
    TableRow(name="practices", holds="Practices and the fingerprints of their customer keys."),
    TableRow(
        name="pace",
        holds="One item a practice: lease, turn number, breakers; and one a key: next free slot, interval.",
        indexes=(Index("due", "due_shard", "due_at", ("practice_id",)),),
    ),
    TableRow(
        name="ledger",
        holds="Operations, their steps and requests, and the idempotency keys that lead to them.",
        indexes=(Index("due", "due_shard", "due_at", ("practice_id", "attempt", "state")),),
    ),
    TableRow(name="holds", holds="Times that callers keep for some minutes: days of chairs and providers, and holds."),
    # Beside the practices' own records whoever makes groups could write those.
    TableRow(name="groups", holds="Groups of practices, and which group a practice is in."),
    TableRow(
        name="audit",
        holds="Who was shown what of whom, and who changed it; entries are added, never changed.",
        stream=True,
    ),
    TableRow(name="audit_index", holds="The same by patient, made from its stream."),
    TableRow(
        name="runs",
        holds="Runs of workflows with what they were started with, and what became of their steps.",
        indexes=(
            Index(
                "made",
                "made_for",
                "made_place",
                (
                    *("run_id", "workflow", "client_id", "attempt", "state", "started_at", "by_client"),
                    *("ended_at", "result", "code"),
                ),
                sort_type="text",
            ),
        ),
    ),
    TableRow(name="cache", holds="Rows that fetches brought, kept for minutes."),
    TableRow(
        name="records",
        holds="The mirror: copies of the practices' rows, and how far each practice's are.",
        # Two parents are the most that a resource has. Indexes hold keys; what they lead to is read from the table.
        indexes=(
            Index("parent_1", "parent_1", "sk", sort_type="text"),
            Index("parent_2", "parent_2", "sk", sort_type="text"),
            Index("day", "day_month", "day_place", sort_type="text"),
            Index("change", "change_month", "change_place", sort_type="text"),
        ),
        stream=True,
    ),
    TableRow(
        name="events",
        holds="What happened, for 30 days, in ids and words of status; and which state of each row was told last.",
        indexes=(Index("log", "log_day", "log_place", ("body",), sort_type="text"),),
    ),
    TableRow(name="exports", holds="Runs of the export, how far each is, and up to when each practice is published."),
    TableRow(
        name="webhooks",
        holds="Endpoints of clients, how they answer, and what is to be or was delivered to them.",
        indexes=(
            Index("due", "due_shard", "due_at", ("turn", "object_id")),
            Index("made", "made_for", "made_place", ("body", "turn"), sort_type="text"),
        ),
    ),
)


@dataclass(frozen=True)
class Route:
    """One method of one path, spelled as OpenAPI does (`/patients/{id}`)."""

    method: Literal["GET", "HEAD", "POST", "PATCH", "DELETE"]
    path: str


@dataclass(frozen=True)
class Http:
    """Requests of these routes, and HEAD wherever there is GET. `public` ones are not shown to the authorizer."""

    routes: tuple[Route, ...]
    public: bool = False

    def all_routes(self) -> tuple[Route, ...]:
        """The routes as API Gateway must know them: it takes HEAD for a method like any other."""
        heads = (Route("HEAD", route.path) for route in self.routes if route.method == "GET")
        return (*self.routes, *heads)


@dataclass(frozen=True)
class Authorizes:
    """Every request of a route that is not public, before its function sees it."""


@dataclass(frozen=True)
class Consumes:
    """Messages of one queue, `batch_size` at a time; failed ones are reported one by one."""

    queue: str
    batch_size: int
    limited: bool = False
    """Whether the stage's `worker_concurrency` bounds it."""


TOLD_OF = (
    "appointments", "procedurelogs", "claims", "claimprocs", "claimpayments", "payments", "paysplits", "patients",
    "recalls", "treatplans", "commlogs",
    "due_recalls", "findings", "intake", "merges", "mirror", "operations", "practice", "web_sched", "webhooks",
)  # fmt: skip
"""Kinds of rows in the mirrors' table that events are of: resources, and what the gateway itself has to tell."""


@dataclass(frozen=True)
class Follows:
    """Changes of the items of one table whose partitions end with one of `kinds`, `batch_size` at a time, in order.

    An item that is followed says in `cause` what it was stored for; of those whose cause is `no_news` nothing starts.
    What fails for good lies in the bodies bucket, whole, because the stream itself forgets after 24 hours.
    """

    table: str
    kinds: tuple[str, ...]
    no_news: str
    batch_size: int


@dataclass(frozen=True)
class FollowsNew:
    """New items of one table whose partitions begin with `begins`, `batch_size` at a time; what fails as above."""

    table: str
    begins: str
    batch_size: int


@dataclass(frozen=True)
class Every:
    """The clock, once in so many minutes."""

    minutes: int
    parts: int = 1
    """Invocations beside each other, each told which of them it is: `{"part": 0, "of": 4}`. A rule starts five."""


@dataclass(frozen=True)
class Steps:
    """Steps of these state machines, whose roles alone may invoke it."""

    machines: tuple[str, ...]


@dataclass(frozen=True)
class Hears:
    """Events of these types from the gateway's own bus, at least once and in any order, each by itself.

    `account`: from the account's default bus instead, what Step Functions tells of the stage's machines.
    """

    types: tuple[str, ...]
    bus: Literal["own", "account"] = "own"


@dataclass(frozen=True, kw_only=True)
class MachineRow:
    """One state machine: the file `infra/workflows/{name}.asl.json`, what it calls, what starts it by itself."""

    name: str
    does: str
    calls: tuple[str, ...]
    """Functions, which its file names as `${name}`."""
    by: Hears | None = None
    """Events that start it; its input is the event's `detail`, beside `as`, the client that its steps are done for."""
    at: str | None = None
    """When it starts by itself, as EventBridge writes it: `cron(15 7 * * ? *)`, UTC."""
    distributed: bool = False
    """Whether it has a Distributed Map, which starts executions of its own."""


@dataclass(frozen=True, kw_only=True)
class FunctionRow:
    """One Lambda: the folder `functions/{name}/`, what starts it, what it may use."""

    name: str
    does: str
    trigger: Http | Authorizes | Consumes | Follows | FollowsNew | Every | Steps | Hears
    timeout_s: int
    memory_mb: int = 1024
    snapstart: bool = False
    """Only where the measured first answer needs it: a snapshot costs about 2 USD per version and month."""
    tables: Mapping[str, Verbs] = field(default_factory=dict)
    puts: Mapping[str, str] = field(default_factory=dict)
    """Tables of which it puts items in some partitions only, and how `pk` is spelled there: `*` stands for anything."""
    queues: Mapping[str, Verbs] = field(default_factory=dict)
    bodies: Verbs = frozenset()
    """Requests and answers too long for an item, in the bodies bucket."""
    inbox: Verbs = frozenset()
    """Calls of S3 on what lies in the bodies bucket under `hooks/`, and on nothing else there."""
    bus: bool = False
    """Puts events on the event bus."""
    drop: Verbs = frozenset()
    """Calls of S3 on what lies behind the stage's SFTP server; nothing where a stage has none."""
    drop_login: bool = False
    """Says to Open Dental how to sign in at the stage's SFTP server; nothing where a stage has none."""
    hmac: bool = False
    """Reads the secret that signs cursors and fingerprints keys."""
    vault: Verbs = frozenset()
    """Calls of Secrets Manager on the practices' keys."""
    archive: Verbs = frozenset()
    """Calls of S3 on the bucket that keeps the audit trail for six years."""
    counts: bool = False
    """Counts its callers' requests, and adds to the audit trail what they are answered; every function behind the
    authorizer does."""
    settings: frozenset[Literal["OPEN_ENROLMENT", "BASE_URL_ALLOW", "NETWORK", "HAS_DROP"]] = frozenset()
    """Values of the stage that it needs besides its name."""
    exports: Verbs = frozenset()
    """Calls of S3 on the bucket that exports lie in."""
    makes_parquet: bool = False
    """Has the layer with what makes Parquet as well."""
    asks_routes: bool = False
    """Asks the functions behind the routes as API Gateway does."""
    machines: tuple[str, ...] = ()
    """State machines that it starts."""
    stops: bool = False
    """Whether it stops executions of the stage's machines."""
    shares: frozenset[Literal["turns", "reads", "writes"]] = frozenset()
    """Which of `SHARED` it has the grants of, and uses by the same code as everybody who has them."""


# API Gateway gives up after 29 s; a function that ends before can still say what happened.
_HTTP_TIMEOUT_S = 28

# Who asks joins the pace, opens an operation, takes it back where its turn is refused, wakes it where it is parked.
_TURN: Mapping[str, Verbs] = {
    "callers": GET,
    "practices": GET,
    "pace": GET | UPDATE,
    "ledger": READ | {"PutItem", "DeleteItem"},
}
_FETCH: Mapping[str, Verbs] = {**_TURN, "cache": GET, "records": READ_MANY}


def _reads(name: str, does: str, *routes: Route) -> FunctionRow:
    return FunctionRow(
        name=name,
        does=does,
        trigger=Http(routes),
        timeout_s=_HTTP_TIMEOUT_S,
        tables=_FETCH,
        queues={"calls": SEND},
        # What was answered may be too long for an item; what is asked never is.
        bodies=READ_BODIES,
        # Cursors.
        hmac=True,
        counts=True,
        shares=frozenset({"turns", "reads"}),
    )


def _writes(name: str, does: str, *routes: Route) -> FunctionRow:
    return FunctionRow(
        name=name,
        does=does,
        trigger=Http(routes),
        timeout_s=_HTTP_TIMEOUT_S,
        tables=_TURN,
        queues={"calls": SEND},
        bodies=READ_BODIES,
        counts=True,
        shares=frozenset({"turns", "writes"}),
    )


SHARED: Mapping[str, FunctionRow] = {
    "turns": FunctionRow(
        name="turns",
        does="Puts turns on the queue and follows them (`core.requests`).",
        trigger=Http(()),
        timeout_s=_HTTP_TIMEOUT_S,
        tables=_TURN,
        queues={"calls": SEND},
    ),
    "reads": _reads("reads", "Answers from the mirror, the cache or by a turn (`core.requests.fetch`)."),
    "writes": _writes("writes", "Takes writes and follows them (`core.requests.submit`)."),
}
"""Shapes that many rows have in common. What one of these functions uses of a shape, all of them may need: the code
behind it is one, and which of them a rare cause meets is chance."""


def _list_and_get(path: str) -> tuple[Route, Route]:
    return Route("GET", path), Route("GET", f"{path}/{{id}}")


def _all_of_resources() -> tuple[Route, ...]:
    """Every method at every depth: a resource that is added to the catalogue needs no route."""
    paths = [f"/resources/{{resource}}{more}" for more in ("", "/{key}", "/{key}/{action}")]
    methods: tuple[Literal["GET", "POST", "PATCH", "DELETE"], ...] = ("GET", "POST", "PATCH", "DELETE")
    return Route("GET", "/resources"), *(Route(method, path) for path in paths for method in methods)


FUNCTIONS: tuple[FunctionRow, ...] = (
    FunctionRow(
        name="authorizer",
        does="Says whose token a request carries, by strongly consistent reads; the answer is not cached.",
        trigger=Authorizes(),
        timeout_s=5,
        memory_mb=512,
        # A session that two keys opened is good while they are: whether they are the practice's, and are taken.
        tables={"callers": GET, "practices": GET, "pace": GET},
        # When a key was used last, once an hour: it can neither make a key nor revive one.
        puts={"callers": "used#*"},
    ),
    FunctionRow(
        name="authenticate",
        does="Turns a practice's keys into a session, and connects a practice that is not known yet.",
        trigger=Http((Route("POST", "/authenticate"),), public=True),
        timeout_s=_HTTP_TIMEOUT_S,
        # That a session was opened is in the practice's trail; nobody else tells of a route without an authorizer.
        tables={**_TURN, "callers": READ | WRITE, "practices": GET | WRITE, "audit": ADD},
        queues={"calls": SEND},
        hmac=True,
        vault=MAKE_SECRET,
        settings=frozenset({"OPEN_ENROLMENT", "BASE_URL_ALLOW"}),
        shares=frozenset({"turns"}),
    ),
    FunctionRow(
        name="session",
        does="Ends the session whose token the request carries.",
        # Asks for the token itself: an ended session ended again is 204, which the authorizer would call 401.
        trigger=Http((Route("DELETE", "/session"),), public=True),
        timeout_s=_HTTP_TIMEOUT_S,
        memory_mb=512,
        # That a session was ended is in a trail, too.
        tables={"callers": GET | UPDATE, "audit": ADD},
    ),
    FunctionRow(
        name="practices",
        does="Shows practices, what works there and how far mirrors are; turns these on and off.",
        trigger=Http(
            (
                *_list_and_get("/practices"),
                Route("GET", "/practices/{id}/sync"),
                Route("PATCH", "/practices/{id}/sync"),
                Route("GET", "/practices/{id}/capabilities"),
            )
        ),
        timeout_s=_HTTP_TIMEOUT_S,
        tables={"callers": GET, "practices": GET | QUERY | UPDATE, "pace": GET | UPDATE, "records": QUERY},
        settings=frozenset({"HAS_DROP"}),
        # Whether a mirror is wanted is part of how far it is.
        puts={"records": "sync#*"},
        counts=True,
    ),
    FunctionRow(
        name="health",
        does="Says how the deployment is, and how one practice is, from what is kept of both.",
        trigger=Http((Route("GET", "/health"), Route("GET", "/practices/{id}/health"))),
        timeout_s=_HTTP_TIMEOUT_S,
        tables={
            "callers": GET,
            "practices": GET,
            "pace": READ,
            "ledger": QUERY,
            "records": QUERY,
            "webhooks": READ,
        },
        counts=True,
    ),
    FunctionRow(
        name="rotations",
        does="Has practices' keys exchanged for new ones, shows how far that is, and calls it off.",
        # Apart from the practices: it reads and keeps keys.
        trigger=Http(
            (
                Route("GET", "/practices/{id}/rotations"),
                Route("POST", "/practices/{id}/rotations"),
                Route("GET", "/practices/{id}/rotations/{rotation_id}"),
                Route("DELETE", "/practices/{id}/rotations/{rotation_id}"),
            )
        ),
        timeout_s=_HTTP_TIMEOUT_S,
        memory_mb=512,
        tables={"callers": GET, "practices": GET | WRITE, "pace": GET | UPDATE},
        hmac=True,
        # A key that was sent waits in the practice's secret; a developer key that still lies in there gets its own.
        vault=READ_SECRET | {"CreateSecret", "PutSecretValue"},
        counts=True,
    ),
    FunctionRow(
        name="practice_baa",
        # Apart from the function above, which cannot open a practice.
        does="Records, shows and closes the agreement without which no patients' data of a practice is touched.",
        trigger=Http(tuple(Route(method, "/practices/{id}/baa") for method in ("GET", "POST", "DELETE"))),
        timeout_s=_HTTP_TIMEOUT_S,
        memory_mb=512,
        tables={"callers": GET, "practices": READ | {"PutItem", "UpdateItem"}, "pace": GET | UPDATE},
        hmac=True,
        counts=True,
    ),
    FunctionRow(
        name="groups",
        does="Makes, shows, changes and deletes groups of practices that share patients' data.",
        trigger=Http(
            (
                *_list_and_get("/groups"),
                Route("POST", "/groups"),
                Route("PATCH", "/groups/{id}"),
                Route("DELETE", "/groups/{id}"),
            )
        ),
        timeout_s=_HTTP_TIMEOUT_S,
        tables={"callers": GET, "practices": GET, "groups": READ | {"PutItem", "DeleteItem"}},
        hmac=True,
        counts=True,
    ),
    replace(
        _reads(
            "patients",
            "Lists, searches and shows patients, also across the practices of a group.",
            *_list_and_get("/patients"),
            # Filters in a body, for those who do not want a name or birth date in a URL.
            Route("POST", "/patients/search"),
        ),
        tables={**_FETCH, "groups": READ},
    ),
    replace(
        _reads(
            "patient_360",
            "Shows all that the office knows of a patient, section by section; also the group's other offices.",
            Route("GET", "/patients/{id}/360"),
        ),
        # Its group is looked up by the practice; one answer has no cursor.
        tables={**_FETCH, "groups": GET},
        hmac=False,
    ),
    replace(
        _reads(
            "day",
            "Shows a day: its visits, each with what the desk needs to know of the patient.",
            Route("GET", "/day"),
        ),
        hmac=False,
    ),
    _reads("appointments", "Lists and shows appointments.", *_list_and_get("/appointments")),
    _reads(
        "procedurelogs",
        "Lists and shows procedures.",
        *_list_and_get("/procedurelogs"),
        *_list_and_get("/procedures"),
    ),
    _reads("claims", "Lists and shows claims and their lines.", *_list_and_get("/claims")),
    _reads("payments", "Lists and shows patients' and carriers' payments.", *_list_and_get("/payments")),
    _reads("adjustments", "Lists and shows discounts and charges that are no work.", *_list_and_get("/adjustments")),
    _reads("payment_plans", "Lists and shows payment plans and their charges.", *_list_and_get("/payment_plans")),
    _reads("balances", "Shows what families owe, and since when.", *_list_and_get("/balances")),
    _reads("coverages", "Lists and shows insurance coverage and its benefits.", *_list_and_get("/coverages")),
    _reads("providers", "Lists and shows who works there.", *_list_and_get("/providers")),
    _reads("locations", "Lists and shows the practice's clinics.", *_list_and_get("/locations")),
    _reads("operatories", "Lists and shows the chairs.", *_list_and_get("/operatories")),
    _reads("carriers", "Lists and shows insurance companies.", *_list_and_get("/carriers")),
    _reads("appointment_types", "Lists and shows the office's kinds of visit.", *_list_and_get("/appointment_types")),
    _reads("schedules", "Lists and shows who works when, and what is blocked.", *_list_and_get("/schedules")),
    _reads("procedure_codes", "Lists and shows the codes that procedures have.", *_list_and_get("/procedure_codes")),
    _reads("recall_types", "Lists and shows why patients are called back.", *_list_and_get("/recall_types")),
    _reads("definitions", "Lists and shows the words that the office defines.", *_list_and_get("/definitions")),
    _reads("allergies", "Lists and shows patients' allergies.", *_list_and_get("/allergies")),
    _reads("medications", "Lists and shows patients' medications.", *_list_and_get("/medications")),
    _reads("conditions", "Lists and shows patients' problems.", *_list_and_get("/conditions")),
    _reads("communications", "Lists and shows contacts with patients.", *_list_and_get("/communications")),
    _reads("recalls", "Lists and shows when patients should come again.", *_list_and_get("/recalls")),
    _reads("tasks", "Lists and shows the staff's tasks.", *_list_and_get("/tasks")),
    _reads("task_lists", "Lists and shows where tasks lie.", *_list_and_get("/task_lists")),
    replace(
        _reads(
            "documents",
            "Lists and shows what lies in patients' folders, and hands out links to the files.",
            *_list_and_get("/documents"),
            Route("GET", "/documents/{id}/content"),
        ),
        drop=HAND_OUT,
    ),
    _reads("treatment_plans", "Lists and shows proposed treatment.", *_list_and_get("/treatment_plans")),
    _reads("perio_exams", "Lists and shows exams of the gums.", *_list_and_get("/perio_exams")),
    replace(
        _reads(
            "fhir",
            "Reads and searches the practices' data as FHIR R4 resources.",
            Route("GET", "/fhir/R4/metadata"),
            *(_list_and_get("/fhir/R4/{type}")),
            # Parameters in a body, as FHIR has it.
            Route("POST", "/fhir/R4/{type}/_search"),
        ),
        # What is kept is not free.
        tables={**_FETCH, "holds": QUERY},
    ),
    replace(
        _reads("slots", "Finds free times.", Route("GET", "/slots"), Route("GET", "/slots/next_available")),
        tables={**_FETCH, "holds": QUERY},
        hmac=False,
    ),
    FunctionRow(
        name="hold_slot",
        does="Keeps a free time for some minutes, and lets it go.",
        trigger=Http((Route("POST", "/slots/hold"), Route("DELETE", "/slots/hold/{id}"))),
        timeout_s=_HTTP_TIMEOUT_S,
        tables={"callers": GET, "practices": GET, "holds": READ | {"PutItem"}},
        hmac=True,
        counts=True,
    ),
    # Writes lie apart from the reads of their paths, which start the faster for it.
    # Whose hold a booking names.
    replace(
        _writes(
            "create_appointment",
            "Books an appointment.",
            Route("POST", "/create_appointment"),
            Route("POST", "/appointments"),
        ),
        tables={**_TURN, "holds": GET},
    ),
    _writes(
        "update_appointment",
        "Moves, confirms, seats or breaks an appointment.",
        Route("PATCH", "/appointments/{id}"),
    ),
    _writes(
        "write_patient", "Adds and changes patients.", Route("POST", "/patients"), Route("PATCH", "/patients/{id}")
    ),
    _writes(
        "write_procedure",
        "Charts and changes procedures.",
        *(Route("POST", path) for path in ("/procedures", "/procedurelogs")),
        *(Route("PATCH", f"{path}/{{id}}") for path in ("/procedures", "/procedurelogs")),
    ),
    _writes("write_claim", "Makes claims and moves them on.", Route("POST", "/claims"), Route("PATCH", "/claims/{id}")),
    _writes("write_communication", "Logs contacts with patients.", Route("POST", "/communications")),
    _writes("write_recall", "Changes when patients should come again.", Route("PATCH", "/recalls/{id}")),
    _writes(
        "create_payment",
        "Enters a patient's or an insurance payment.",
        Route("POST", "/create_payment"),
        Route("POST", "/payments"),
    ),
    # Where keys may be sent is for it to say: a turn of its reaches from one network into another.
    replace(
        _writes(
            "change_practice",
            "Says whether an office may be called, and by which ways.",
            Route("PATCH", "/practices/{id}"),
        ),
        bodies=frozenset(),
        settings=frozenset({"BASE_URL_ALLOW"}),
        shares=frozenset({"turns"}),
    ),
    FunctionRow(
        name="resources",
        does="Reaches everything Open Dental's API has, typed, each write under a scope of its own.",
        trigger=Http(_all_of_resources()),
        timeout_s=_HTTP_TIMEOUT_S,
        tables=_FETCH,
        queues={"calls": SEND},
        bodies=READ_BODIES,
        hmac=True,
        counts=True,
        shares=frozenset({"turns", "reads", "writes"}),
    ),
    FunctionRow(
        name="operations",
        does="Shows how far an operation is and what became of it.",
        trigger=Http((Route("GET", "/operations/{id}"),)),
        timeout_s=_HTTP_TIMEOUT_S,
        # Asked after an operation that is parked, it wakes it, and takes none back.
        tables={**_TURN, "ledger": READ | ADD},
        queues={"calls": SEND},
        bodies=READ_BODIES,
        counts=True,
        shares=frozenset({"turns", "writes"}),
    ),
    FunctionRow(
        name="events",
        does="Lists and shows what happened at the practices.",
        trigger=Http(_list_and_get("/events")),
        timeout_s=_HTTP_TIMEOUT_S,
        tables={"callers": GET, "practices": GET, "events": READ_SEVERAL},
        hmac=True,
        counts=True,
    ),
    FunctionRow(
        name="webhooks",
        does="Makes, shows, changes, tries and deletes clients' webhooks; has events sent again.",
        trigger=Http(
            (
                *_list_and_get("/webhooks"),
                Route("POST", "/webhooks"),
                Route("PATCH", "/webhooks/{id}"),
                Route("DELETE", "/webhooks/{id}"),
                *(Route("POST", f"/webhooks/{{id}}/{what}") for what in ("rotate", "test", "redeliver")),
                # An operator's, who approves whole objects.
                *(Route("POST", f"/webhooks/{{id}}/{what}") for what in ("approve", "withdraw")),
                Route("GET", "/webhooks/{id}/deliveries"),
            )
        ),
        timeout_s=_HTTP_TIMEOUT_S,
        tables={"callers": GET, "practices": GET, "events": READ_SEVERAL, "webhooks": READ | ADD},
        hmac=True,
        counts=True,
    ),
    FunctionRow(
        name="workflows",
        does="Starts workflows for clients, stops and restarts them, shows how far they are.",
        trigger=Http(
            (
                *_list_and_get("/workflow_runs"),
                Route("POST", "/workflow_runs"),
                *(Route("POST", f"/workflow_runs/{{id}}/{what}") for what in ("restart", "stop")),
            )
        ),
        timeout_s=_HTTP_TIMEOUT_S,
        tables={"callers": GET, "practices": GET, "runs": READ | {"PutItem", "UpdateItem"}},
        machines=("book", "reconcile"),
        stops=True,
        counts=True,
    ),
    FunctionRow(
        name="audit",
        does="Shows who saw or changed what, by practice, by client and by patient.",
        trigger=Http((Route("GET", "/audit"), Route("GET", "/audit/disclosures"))),
        timeout_s=_HTTP_TIMEOUT_S,
        tables={"callers": GET, "practices": GET, "audit": QUERY, "audit_index": READ},
        hmac=True,
        counts=True,
    ),
    FunctionRow(
        name="reconciliation",
        does="Shows what does not add up in a practice's money, balances by age, and its journal.",
        trigger=Http(
            (
                *_list_and_get("/reconciliation/findings"),
                Route("GET", "/reconciliation/aging"),
                Route("GET", "/reconciliation/journal"),
            )
        ),
        timeout_s=_HTTP_TIMEOUT_S,
        tables={"callers": GET, "practices": GET, "records": READ_MANY},
        hmac=True,
        counts=True,
    ),
    FunctionRow(
        name="hooks",
        does="Takes what practices' machines tell by themselves, and keeps it until it is worked off.",
        # Its path and Open Dental's own key are what a call proves itself by.
        trigger=Http((Route("POST", "/hooks/{practice_id}/{token}"),), public=True),
        timeout_s=_HTTP_TIMEOUT_S,
        memory_mb=512,
        tables={"practices": GET},
        inbox=KEEP_CALLS,
        hmac=True,
    ),
    FunctionRow(
        name="upstream_worker",
        does="Works off the turns of all practices: the only function that calls Open Dental.",
        trigger=Consumes("calls", batch_size=1, limited=True),
        timeout_s=150,
        tables={
            # Differences of rows are counted one by one, and records changed where they stand.
            "practices": GET | QUERY | WRITE,
            # Which practices are in trouble is kept beside their pace.
            "pace": GET | UPDATE | {"PutItem", "DeleteItem"},
            "ledger": READ | WRITE,
            "cache": GET | {"PutItem"},
            "records": READ_WRITE_MANY | {"DeleteItem"},
            "holds": READ | {"PutItem"},
            # Which changes were never told.
            "events": frozenset({"BatchGetItem"}),
            # Each write before it is sent, and what became of it.
            "audit": ADD,
            # Whether a client that wrote some time ago is still let to.
            "callers": GET,
        },
        # Never SEND, neither here nor to `ticks`: Lambda stops a chain that comes back to itself, in silence.
        queues={"calls": EXTEND},
        bodies=READ_WRITE_BODIES,
        # A pair that is proven is kept anew: its developer key lies in a secret of its own.
        vault=MAKE_SECRET,
        drop_login=True,
        # A turn of a practice that another network reaches is handed over; its keys are sent nowhere.
        settings=frozenset({"NETWORK"}),
        # What patients are found by lies in the mirror as HMAC.
        hmac=True,
    ),
    FunctionRow(
        name="task",
        does="Makes one step of a workflow: a request of the API, for whom the run belongs to.",
        trigger=Steps(("book",)),
        # A route answers within 28 s.
        timeout_s=60,
        memory_mb=512,
        tables={"callers": GET, "runs": GET | {"PutItem"}},
        asks_routes=True,
    ),
    FunctionRow(
        name="exports",
        does="Has practices' objects exported, and shows how far that is and what files came of it.",
        trigger=Http(
            (
                Route("GET", "/exports"),
                Route("POST", "/exports"),
                Route("GET", "/exports/{id}"),
                Route("GET", "/exports/{id}/files"),
            )
        ),
        timeout_s=_HTTP_TIMEOUT_S,
        tables={"callers": GET, "practices": GET, "exports": READ | {"PutItem"}},
        exports=READ_EXPORTS,
        # The same key names the same run.
        hmac=True,
        counts=True,
        machines=("export",),
    ),
    FunctionRow(
        name="prepare_export",
        does="Says of which practices an export is; makes the run where the clock has started it.",
        trigger=Steps(("export",)),
        timeout_s=60,
        memory_mb=512,
        tables={"exports": READ | {"PutItem"}},
    ),
    FunctionRow(
        name="export_practice",
        does="Writes one practice's objects as files, from its mirror, as far as its time goes.",
        trigger=Steps(("export",)),
        timeout_s=900,
        memory_mb=2048,
        tables={
            "callers": GET,
            "practices": GET,
            "records": READ_MANY,
            "cache": GET,
            "exports": READ | {"PutItem"},
            "audit": ADD,
        },
        # The office's words may be too long for an item.
        bodies=READ_BODIES,
        exports=KEEP_EXPORTS,
        makes_parquet=True,
    ),
    FunctionRow(
        name="publish_export",
        does="Puts the one file that makes an export visible, and moves the marks on.",
        trigger=Steps(("export",)),
        timeout_s=300,
        memory_mb=1024,
        tables={"exports": GET | {"PutItem", "DeleteItem"}},
        exports=KEEP_EXPORTS,
    ),
    FunctionRow(
        name="reconcile_practice",
        does="Looks for what does not add up in one practice's money, and keeps what it finds.",
        trigger=Steps(("reconcile",)),
        # All of a practice's money is read: half a million rows, where there are 100,000 procedures.
        timeout_s=900,
        memory_mb=1769,
        tables={"callers": GET, "practices": GET, "records": READ},
        # What it finds, and no row of the office's.
        puts={"records": "*#findings"},
    ),
    FunctionRow(
        name="workflow_ends",
        does="Notes what became of a run when its execution is over.",
        trigger=Hears(("Step Functions Execution Status Change",), bus="account"),
        timeout_s=30,
        memory_mb=512,
        tables={"runs": UPDATE},
    ),
    FunctionRow(
        name="lane",
        does="Finds the background turns that are due and spreads them over the coming minute.",
        # A practice takes it some 10 ms.
        trigger=Every(minutes=1, parts=4),
        timeout_s=50,
        memory_mb=512,
        # How it went is told beside the paces.
        tables={"pace": READ | UPDATE | ADD},
        queues={"ticks": SEND},
    ),
    FunctionRow(
        name="tick",
        does="Forwards a background turn to the calls queue when its second has come.",
        trigger=Consumes("ticks", batch_size=10),
        timeout_s=30,
        memory_mb=512,
        # On which network's queue a practice's turns wait.
        tables={"practices": GET},
        queues={"calls": SEND},
    ),
    FunctionRow(
        name="take_hooks",
        does="Works off what practices' machines told: rows into the mirrors, and hints what to look at.",
        trigger=Consumes("hooks", batch_size=1),
        timeout_s=120,
        tables={
            "practices": GET,
            # Rows are stored by the words that lead to them, some of which are taken back.
            "records": READ_WRITE_MANY | {"DeleteItem"},
            "pace": GET | UPDATE,
        },
        inbox=WORK_OFF_CALLS,
        # What patients are found by lies in the mirror as HMAC.
        hmac=True,
    ),
    FunctionRow(
        name="publish_events",
        does="Tells what changed in the mirrors: to the event log, the event bus and the webhooks.",
        trigger=Follows("records", kinds=TOLD_OF, no_news="load", batch_size=100),
        timeout_s=120,
        tables={
            "practices": GET,
            "records": READ_MANY,
            "cache": GET,
            # Which states were told, and what was told of them.
            "events": frozenset({"BatchGetItem", "PutItem", "UpdateItem"}),
            "callers": GET,
            "webhooks": QUERY,
        },
        # It begins deliveries, and makes and approves no endpoint.
        puts={"webhooks": "delivery#*", "pace": "fleet"},
        queues={"deliveries": SEND},
        bodies=READ_BODIES,
        bus=True,
    ),
    FunctionRow(
        name="archive_audit",
        does="Keeps the audit trail where nobody can change it, and finds entries by patient.",
        trigger=FollowsNew("audit", begins="audit#", batch_size=200),
        timeout_s=120,
        memory_mb=512,
        tables={"audit_index": frozenset({"BatchWriteItem"})},
        archive=frozenset({"PutObject"}),
    ),
    FunctionRow(
        name="deliver_webhooks",
        does="Posts events to the endpoints that want them.",
        trigger=Consumes("deliveries", batch_size=1),
        timeout_s=40,
        memory_mb=512,
        tables={
            "callers": GET,
            "practices": GET,
            "events": frozenset({"BatchGetItem"}),
            "webhooks": GET | ADD,
            # What a full body has is read from the mirror and nowhere else, with the words that the cache has.
            "records": READ_MANY,
            "cache": GET,
            # Whom it shows to an endpoint.
            "audit": ADD,
        },
        bodies=READ_BODIES,
        # That an endpoint was disabled is told like any fact of the gateway's own.
        puts={"records": "row#*#webhooks"},
        hmac=True,
    ),
    FunctionRow(
        name="webhook_retries",
        does="Queues the deliveries that are due: retries, and those whose message was lost.",
        trigger=Every(minutes=1),
        timeout_s=50,
        memory_mb=512,
        tables={"webhooks": QUERY},
        puts={"pace": "fleet"},
        queues={"deliveries": SEND},
    ),
    FunctionRow(
        name="sweeper",
        does="Wakes parked and forgotten turns, counts operations of unknown outcome, deletes files handed out.",
        trigger=Every(minutes=1),
        timeout_s=50,
        memory_mb=512,
        # It puts entries again and settles none.
        tables={"ledger": READ | ADD, "pace": READ | WRITE},
        queues={"calls": SEND},
        # Of open operations what lies there is read with them, and kept on for longer.
        bodies=READ_WRITE_BODIES,
        drop=TIDY,
    ),
)


MACHINES: tuple[MachineRow, ...] = (
    MachineRow(
        name="book",
        does="Finds or adds a patient, finds a free time, keeps and books it, confirms, and logs the contact.",
        calls=("task",),
    ),
    MachineRow(
        name="export",
        does="Exports practices' objects to the warehouse, each practice by itself, and publishes what came of it.",
        calls=("prepare_export", "export_practice", "publish_export"),
        # Past midnight in all of the United States, and before anybody there begins to work.
        at="cron(30 8 * * ? *)",
        distributed=True,
    ),
    MachineRow(
        name="reconcile",
        does="Looks for what does not add up in practices' money: of one, or of all that a client has.",
        calls=("reconcile_practice",),
        # After offices' aging and plan charges of the night, before anybody works.
        at="cron(15 10 * * ? *)",
    ),
)


HTTP_STACKS = 4
"""Over how many stacks the functions lie that the API calls. Another number would move most of them."""


def stack_of(row: FunctionRow) -> str:
    """Return the stack that the row's function lies in: `core`, or one of `http-1` to `http-4` if the API calls it.

    Nothing but the row's own name chooses among the latter, so what is added, taken away or changed beside it moves
    no function. One that moves is deleted in one stack and made in another, and does not answer meanwhile.
    """
    if not isinstance(row.trigger, Http | Authorizes):
        return "core"
    return f"http-{zlib.crc32(row.name.encode()) % HTTP_STACKS + 1}"


def function(name: str) -> FunctionRow:
    """Return the row called `name`."""
    return next(row for row in FUNCTIONS if row.name == name)
