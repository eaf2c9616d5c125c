"""What every resource does unless a behaviour says otherwise: list, get, create, update, delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from infra.sandbox.practice import facts, schema
from infra.sandbox.practice.enums import PatStatus
from infra.sandbox.practice.filters import FORMATS, PAGING, STRICT, column_of, condition
from infra.sandbox.practice.handlers import GUARDS, HANDLERS, HOOKS, Rejected, Reply, Request
from infra.sandbox.practice.keys import ENTERPRISE, PERMISSIONS
from infra.sandbox.practice.office import Office
from infra.sandbox.practice.paging import Listing, order_of
from infra.sandbox.practice.wire import TWINS, Formats, Misfit, Twin, to_column

# Actions that are lists of their resource under another name.
_LIST_ACTIONS = {"patients.Simple", "appointments.ASAP", "appointments.WebSchedList"}
_LIST_ORDERS = {"appointments.ASAP": (("AptDateTime", "asc"),)}
# A row of these exists for every patient, made when first needed.
_ONE_PER_PATIENT = {"patientnote", "ehrpatient"}

# Answers that came without their row in older offices.
_ROW_SINCE = {"commlogs.create": "23.3.7", "patfields.update": "25.3"}
# Fields the catalogue calls required although another one may stand in their place.
_OR_ANOTHER = {("medicationpats.create", "medName")}

# Log types of the plain writes; behaviours log their own.
_LOGGED = {
    "patients.create": "PatientCreate",
    "patients.update": "PatientEdit",
    "adjustments.create": "AdjustmentCreate",
    "adjustments.update": "AdjustmentEdit",
    "appointments.create": "AppointmentCreate",
    "appointments.update": "AppointmentEdit",
    "commlogs.create": "CommlogCreate",
    "commlogs.update": "CommlogEdit",
    "payments.create": "PaymentCreate",
    "payments.update": "PaymentEdit",
    "procedurelogs.create": "ProcEdit",
    "procedurelogs.update": "ProcEdit",
    "procedurelogs.delete": "ProcDelete",
    "claims.create": "ClaimEdit",
    "claims.update": "ClaimEdit",
    "claims.delete": "ClaimDelete",
    "claimpayments.create": "InsPayCreate",
    "claimpayments.update": "InsPayEdit",
    "recalls.update": "RecallEdit",
    "patplans.create": "PatPlanCreate",
    "providers.create": "ProviderAdd",
    "providers.update": "ProviderEdit",
    "subscriptions.create": "ApiSubscription",
    "subscriptions.update": "ApiSubscription",
    "subscriptions.delete": "ApiSubscription",
}


def is_simulated(operation: facts.Operation) -> bool:
    """Whether the practice answers `operation`, by a behaviour or as plain rows; keys are answered for at its door."""
    if operation.id in HANDLERS or operation.id in _LIST_ACTIONS or operation.id == "securityperms.list":
        return True
    if operation.resource == "apikeys":
        return True
    return operation.kind != "action" and facts.resources()[operation.resource].table is not None


def answer(office: Office, request: Request, *, base_url: str = "", max_limit: int = 100) -> Reply:
    """Do what `request` asks, in one transaction. Raises Rejected."""
    operation = request.operation
    _require(request)
    if not is_simulated(operation):
        raise Rejected(400, f"{operation.id} is not part of this simulated practice.")
    handler = HANDLERS.get(operation.id)
    guards = GUARDS.get(operation.id, ())
    if handler is not None or guards:
        _check_types(request)
    # A read needs no transaction; what a behaviour might write comes with one.
    if handler is None and operation.method == "GET":
        for guard in guards:
            guard(office, request)
        return _read(office, request, max_limit)
    with office.store.transaction():
        for guard in guards:
            guard(office, request)
        if handler is not None:
            return handler(office, request)
        write = {"create": _create, "update": _update, "delete": _delete}[operation.kind]
        return write(office, request, base_url)


def known(office: Office, operation: facts.Operation, query: Mapping[str, str]) -> dict[str, str]:
    """The parameters this operation of this version knows. Raises Rejected 400 where the others are refused."""
    names = {parameter.name for parameter in operation.query if _exists(office, parameter)} | FORMATS
    if operation.paginated or operation.shape == "array":
        names |= PAGING
    if operation.id in STRICT:
        future = {parameter.name for parameter in operation.query}
        for name in query:
            if name not in names | future:
                raise Rejected(400, f"'{name}' is not a valid parameter.")
    return {name: value for name, value in query.items() if name in names}


def known_body(office: Office, operation: facts.Operation, body: Any) -> Any:
    """The body without the fields that are newer than the office."""
    if not isinstance(body, dict):
        return body
    newer = {parameter.name for parameter in operation.body if not _exists(office, parameter)}
    return {name: value for name, value in body.items() if name not in newer}


def _exists(office: Office, parameter: facts.Parameter) -> bool:
    return parameter.since is None or office.at_least(parameter.since)


def _require(request: Request) -> None:
    for parameter in request.operation.query:
        if parameter.required and not request.query.get(parameter.name):
            raise Rejected(400, f"{parameter.name} is required")
    if not request.operation.body:
        return
    if not isinstance(request.body, dict):
        raise Rejected(400, "The body must be a JSON object.")
    for parameter in request.operation.body:
        if (request.operation.id, parameter.name) in _OR_ANOTHER:
            continue
        if parameter.required and request.body.get(parameter.name) in (None, ""):
            raise Rejected(400, f"{parameter.name} is required")


_KIND_OF_TYPE: dict[str, schema.ColumnKind] = {
    "int": "int",
    "int_string": "int",
    "float": "money",
    "decimal_string": "money",
    "bool": "bool",
    "bool_string": "bool",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
    "color": "color",
    "string": "text",
}


def _check_types(request: Request) -> None:
    """Refuse values that are not of their documented type, so that behaviours meet only such. Raises Rejected 400."""
    given = request.body if isinstance(request.body, dict) else {}
    for parameters, values in ((request.operation.query, request.query), (request.operation.body, given)):
        for parameter in parameters:
            if values.get(parameter.name) is not None:
                _check_type(parameter, values[parameter.name])


def _check_type(parameter: facts.Parameter, value: Any) -> None:
    name = parameter.name
    if parameter.type == "enum":
        words = {word.replace(" ", "").lower() for word in parameter.enum}
        if not isinstance(value, str) or (words and value.replace(" ", "").lower() not in words):
            raise Rejected(400, f"{name} is invalid.")
    elif parameter.type == "int_array":
        parts = value if isinstance(value, list) else str(value).strip("[]").split(",")
        for part in parts:
            if part != "":
                _value(schema.Column(name, "int"), part, name)
    elif parameter.type in _KIND_OF_TYPE:
        _value(schema.Column(name, _KIND_OF_TYPE[parameter.type]), value, name)


def _read(office: Office, request: Request, max_limit: int) -> Reply:
    operation = request.operation
    resource = facts.resources()[operation.resource]
    if operation.id == "securityperms.list":
        granted = request.key.permissions
        if request.key.tier == "enterprise":
            # A special permission, so it is taken to be listed like the others: that is how a client learns its pace.
            granted |= {ENTERPRISE}
        return Reply(200, [_permission(name, granted) for name in (*PERMISSIONS, ENTERPRISE)])
    if operation.shape == "object":
        row = _one(office, request, resource)
        return Reply(200, _render(office, request, [row])[0])
    return Reply(200, _render(office, request, _list(office, request, resource, max_limit)))


def _permission(name: str, granted: frozenset[str]) -> dict[str, str]:
    return {"Permission": f"Api{name}", "HasPermission": "true" if name in granted else "false"}


def _render(office: Office, request: Request, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    formats = Formats(
        date=request.query.get("DateFormatString", ""),
        datetime=request.query.get("DateTimeFormatString", ""),
        zone_offset=office.zone_offset(),
    )
    operation = request.operation
    shown = office.render_many(operation.resource, rows, operation.id, formats=formats)
    # The other query behind a provider list by clinic does not ask for the clock.
    if operation.id == "providers.list" and "ClinicNum" in request.query:
        for row in shown:
            row.pop("serverDateTime", None)
    return shown


def _list(office: Office, request: Request, resource: facts.Resource, max_limit: int) -> list[dict[str, Any]]:
    operation = request.operation
    table = str(resource.table)
    _check_references(office, operation, operation.query, request.query, lists=True)
    wanted = condition(office, operation, request.query)
    for name, value in _path_columns(resource, request).items():
        wanted.add(f'"{name}" = ?', value)
    order = order_of(table, _LIST_ORDERS.get(operation.id, resource.order))
    # Values that move with the clock would fill the memory of places with lists nobody asks again.
    listing = Listing(table, wanted.sql, tuple(wanted.args), order, wanted.volatile)
    limit = min(_count(request, "Limit", max_limit), max_limit)
    return office.pager.page(listing, limit=limit, offset=_count(request, "Offset", 0))


def _count(request: Request, name: str, default: int) -> int:
    text = request.query.get(name)
    if text is None:
        return default
    if not text.isdigit() or len(text) > 15:
        raise Rejected(400, f"{name} is invalid.")
    return int(text)


def _path_columns(resource: facts.Resource, request: Request) -> dict[str, int]:
    columns = schema.tables()[str(resource.table)].columns
    return {name: request.id() for name in request.path if name in columns}


def _one(office: Office, request: Request, resource: facts.Resource) -> dict[str, Any]:
    """The row a request speaks of: by the id of its URL, or by the required names in query or body."""
    table = schema.tables()[str(resource.table)]
    where: dict[str, object] = dict(_path_columns(resource, request))
    if not where:
        given = request.body if isinstance(request.body, dict) else {}
        names = [*request.operation.query, *request.operation.body]
        for parameter in names:
            column = table.columns.get(parameter.name)
            if column is None or not parameter.required or parameter.name == "FieldValue":
                continue
            where[parameter.name] = _value(column, {**given, **request.query}.get(parameter.name), parameter.name)
    if list(where) == [table.key]:
        key = int(str(where[table.key]))
        row = office.store.get(table.name, key)
        if row is None and table.name in _ONE_PER_PATIENT and office.store.get("patient", key):
            office.store.insert(table.name, {table.key: key})
            row = office.store.get(table.name, key)
    else:
        found = office.store.find(table.name, where)
        row = found[0] if found else None
    if row is None:
        raise Rejected(404, f"{singular(resource.title)} not found")
    return row


def singular(title: str) -> str:
    """ "Patients" -> "Patient", "Allergies" -> "Allergy"."""
    if title.endswith("ies"):
        return title[:-3] + "y"
    return title[:-1] if title.endswith("s") and not title.endswith("ss") else title


def _value(column: schema.Column, value: Any, name: str) -> Any:
    try:
        return to_column(column, value)
    except Misfit as problem:
        raise Rejected(400, f"{name} {problem}." if "format" in str(problem) else f"{name} is invalid.") from None
    except ValueError:
        raise Rejected(400, f"{name} is invalid.") from None


def columns_from(office: Office, operation: facts.Operation, body: Mapping[str, Any]) -> dict[str, Any]:
    """What the documented fields of `body` mean for the row. Raises Rejected."""
    resource = facts.resources()[operation.resource]
    changes: dict[str, Any] = {}
    _check_references(office, operation, operation.body, body, lists=False)
    for parameter in operation.body:
        if parameter.name not in body or body[parameter.name] is None:
            continue
        changes.update(column_values(office, resource, parameter.name, body[parameter.name]))
    return changes


def column_values(office: Office, resource: facts.Resource, name: str, value: Any) -> dict[str, Any]:
    """The columns that one wire field stands for: its own, or the one behind a display name. Raises Rejected."""
    twin = TWINS.get(resource.name, {}).get(name)
    column = column_of(resource, name)
    by_name = isinstance(value, str) and (column is None or (column.kind == "int" and not value.lstrip("-").isdigit()))
    if twin is not None and by_name:
        return {twin.column: _named(office, twin, name, value)}
    if column is None:
        return {}
    if column.kind == "datetime" and isinstance(value, str) and len(value) == 8 and value.count(":") == 2:
        # DateTimeArrived and its sisters are sent as a time of day; the visit's date joins in the behaviour.
        return {column.name: f"0001-01-01 {_value(schema.Column('', 'time'), value, name)}"}
    return {column.name: _value(column, value, name)}


def _named(office: Office, twin: Twin, name: str, value: str) -> int:
    if value == "":
        return 0
    found = office.store.find(twin.table, {twin.shown: value})
    if not found:
        raise Rejected(400, f"{name} is invalid.")
    return int(found[0][schema.tables()[twin.table].key])


def _check_references(
    office: Office,
    operation: facts.Operation,
    parameters: Iterable[facts.Parameter],
    given: Mapping[str, Any],
    *,
    lists: bool,
) -> None:
    """Refuse keys of rows that do not exist: 404 where the page lists it, else 400; lists without 404 stay empty."""
    if lists and 404 not in operation.errors:
        return
    own_key = facts.resources()[operation.resource].key
    for parameter in parameters:
        text = str(given.get(parameter.name) or "0")
        # What is no number, or none the database can hold, is refused where it is read.
        if parameter.ref is None or parameter.type not in ("int", "int_string") or not text.isdigit() or len(text) > 18:
            continue
        table, _, column = parameter.ref.partition(".")
        shape = schema.tables().get(table)
        number = int(text)
        # -1 stands for "none" in some resources; clinics are off in most offices, and then any number passes.
        if shape is None or shape.key != column or number <= 0 or table == "clinic" or parameter.name == own_key:
            continue
        if office.store.get(table, number) is None:
            title = next((r.title for r in facts.resources().values() if r.table == table), table.capitalize())
            raise Rejected(404 if 404 in operation.errors else 400, f"{singular(title)} not found")


def _defaults(office: Office, operation: facts.Operation, row: Mapping[str, Any]) -> dict[str, Any]:
    resource = facts.resources()[operation.resource]
    defaults: dict[str, Any] = {}
    for parameter in operation.body:
        column = column_of(resource, parameter.name)
        if parameter.default is None or column is None or column.name in row or column.name == "":
            continue
        value = _default(office, parameter.default, row)
        try:
            defaults[column.name] = to_column(column, value)
        except ValueError:
            # A default told in words describes a rule: a behaviour's business.
            continue
    return defaults


def _default(office: Office, told: Any, row: Mapping[str, Any]) -> Any:
    if told == "today":
        return office.today()
    if isinstance(told, str) and told in row:
        return row[told]
    if isinstance(told, str) and told.startswith("patient."):
        patient = office.store.get("patient", int(row.get("PatNum", 0)))
        return patient[told.partition(".")[2]] if patient else None
    return told


def _create(office: Office, request: Request, base_url: str) -> Reply:
    operation = request.operation
    resource = facts.resources()[operation.resource]
    table = str(resource.table)
    row = columns_from(office, operation, request.body)
    row = _defaults(office, operation, row) | row
    _living(office, table, row)
    key = office.store.insert(table, row)
    return _written(office, request, key, base_url)


def _update(office: Office, request: Request, base_url: str) -> Reply:
    operation = request.operation
    resource = facts.resources()[operation.resource]
    table = schema.tables()[str(resource.table)]
    row = _one(office, request, resource)
    changes = columns_from(office, operation, request.body or {})
    changes.pop(table.key, None)
    _living(office, table.name, row)
    office.store.update(table.name, row[table.key], changes)
    return _written(office, request, row[table.key], base_url)


def _living(office: Office, table: str, row: Mapping[str, Any]) -> None:
    """Refuse a change to what belongs to a deleted patient (https://www.opendental.com/site/apipatients.html)."""
    owner = int(row.get("PatNum") or 0) if table != "patient" else 0
    patient = office.store.get("patient", owner) if owner else None
    if patient is not None and patient["PatStatus"] == PatStatus.DELETED:
        raise Rejected(400, "PatNum is invalid. The patient is deleted.")


def _delete(office: Office, request: Request, _base_url: str) -> Reply:
    resource = facts.resources()[request.operation.resource]
    table = schema.tables()[str(resource.table)]
    row = _one(office, request, resource)
    _living(office, table.name, row)
    office.store.delete(table.name, row[table.key])
    _finish(office, request, row[table.key], row)
    return Reply(request.operation.status)


def _written(office: Office, request: Request, key: int, base_url: str) -> Reply:
    operation = request.operation
    table = str(facts.resources()[operation.resource].table)
    _finish(office, request, key, office.store.get(table, key) or {})
    body: Any = None
    row = office.store.get(table, key)
    told = office.at_least(_ROW_SINCE.get(operation.id, ""))
    if operation.shape in ("object", "array") and row is not None and told:
        shown = _render(office, request, [row])
        body = shown if operation.shape == "array" else shown[0]
    elif operation.shape == "scalar":
        body = key
    location = f"{base_url}/{operation.resource}/{key}" if operation.location_header else None
    return Reply(operation.status, body, location)


def _finish(office: Office, request: Request, key: int, row: Mapping[str, Any]) -> None:
    operation = request.operation
    for hook in HOOKS.get(operation.id, ()):
        hook(office, request, key)
    if operation.id in _LOGGED:
        office.log(_LOGGED[operation.id], int(row.get("PatNum") or 0), f"{operation.id}.", key)
