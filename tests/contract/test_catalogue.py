"""The catalogue's files against the format they promise, and against the rulings about what may be called."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from open_dental import wire
from open_dental.catalogue import Operation, UnknownOperation, UnknownResource, model, operation, resource, resources

DATA = Path(model.__file__).parent / "data"
ALL = [one for name in resources() for one in resource(name).operations]
IDS = [one.id for one in ALL]

# PUTs that leave something more behind each time: a line of text, a row, or the other of two states.
APPENDING = {
    "appointments.Note",
    "appointments.Break",
    "procedurelogs.GroupNoteUpdate",
    "recalls.Status",
    "recalls.SwitchType",
    "claims.Split",
    "claims.Status",
    "popups.update",
    "payplans.Close",
    # Each one keeps the former state as a further row of history.
    "insverifies.update",
    # Signs anew with the time of day, and may store a further PDF in the office.
    "treatplans.update",
}


def test_108_resources_with_365_operations_are_catalogued() -> None:
    assert (len(resources()), len(ALL)) == (108, 365)


def test_an_id_names_one_operation_even_without_regard_to_case() -> None:
    assert [id_ for id_, count in Counter(id_.casefold() for id_ in IDS).items() if count > 1] == []


@pytest.mark.parametrize("name", resources())
def test_a_file_holds_the_resource_it_is_named_for(name: str) -> None:
    it = resource(name)

    assert it.resource == name
    assert it.operations
    for one in it.operations:
        assert one.id.startswith(f"{name}.")
        assert one.path.split("/")[1] == name
        assert operation(one.id) is one


@pytest.mark.parametrize("name", resources())
def test_every_type_has_a_reader_and_a_writer(name: str) -> None:
    it = resource(name)
    fields = [*it.fields, *(field for fields in it.action_fields.values() for field in fields)]
    params = [param for one in it.operations for param in (*one.query, *one.body)]

    assert {field.type for field in fields} <= set(wire.READERS)
    assert {param.type for param in params} <= set(wire.WRITERS)


@pytest.mark.parametrize("name", resources())
def test_key_order_sync_and_action_fields_name_what_exists(name: str) -> None:
    it = resource(name)
    columns = {field.name for field in it.fields}
    params = {param.name for one in it.operations for param in one.query}

    if it.key and columns:
        assert it.key in columns
    assert {column for column, _ in it.order} <= columns
    assert set(it.action_fields) <= {one.id for one in it.operations}
    if it.sync:
        assert it.sync.cursor_param in params
        assert it.sync.cursor_field in columns | {field.name for one in it.action_fields.values() for field in one}


@pytest.mark.parametrize("one", ALL, ids=IDS)
def test_method_and_effect_agree(one: Operation) -> None:
    """A write marked as a read would be sent twice; so would one that adds and is marked as one that sets."""
    # Of these posts one only asks, and one leaves a file outside of the office, again the same one under the same name.
    if one.id in {"queries.ShortQuery", "documents.DownloadSftp"} or one.method == "GET":
        expected = "read"
    elif one.method == "POST" or one.id in APPENDING:
        expected = "add"
    else:
        expected = "set"

    assert one.effect == expected


@pytest.mark.parametrize("one", ALL, ids=IDS)
def test_what_could_leak_keys_or_make_the_office_call_out_is_closed(one: Operation) -> None:
    names = [param.name.casefold() for param in (*one.query, *one.body)]
    calls_out = "sftp" in one.id.casefold() or any("sftp" in name or "url" in name for name in names)
    closed = (
        one.resource in {"apikeys", "queries", "subscriptions"}
        or one.id in {"userods.create", "userods.update"}
        or calls_out
    )

    assert one.exposure == ("closed" if closed else "open" if one.effect == "read" else "guarded")


def test_an_operation_that_nobody_has_marked_does_not_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What may be called by whom is decided when an operation is added, never by a default."""
    for mark in ("exposure", "effect"):
        facts = json.loads((DATA / "recalls.json").read_text())
        del facts["operations"][0][mark]
        (tmp_path / "recalls.json").write_text(json.dumps(facts))
        monkeypatch.setattr(model, "_data", lambda: tmp_path)
        with pytest.raises(KeyError, match=mark):
            model.resource.__wrapped__("recalls")


@pytest.mark.parametrize("one", ALL, ids=IDS)
def test_marks_are_of_the_listed_words(one: Operation) -> None:
    assert one.kind in {"list", "get", "create", "update", "delete", "action"}
    assert one.shape in {"object", "array", "none", "scalar"}
    assert one.status in {200, 201}
    assert set(one.errors) <= {400, 401, 404, 410}
    assert re.fullmatch(r"/[a-z]+(/(\w+|{\w+}))*", one.path)


def test_an_operation_nobody_catalogued_is_unknown_and_reaches_no_file() -> None:
    for id_ in ("appointments.explode", "nothing.list", "../../secrets.list", ""):
        with pytest.raises(UnknownOperation, match="catalogued"):
            operation(id_)
    with pytest.raises(UnknownResource, match="catalogued"):
        resource("../versions")


def test_what_is_text_in_one_answer_is_no_number_in_another() -> None:
    """Postal codes, telephone numbers and codes lose the zeros they begin with."""
    numbers = {"int", "float"}
    for name in resources():
        it = resource(name)
        types: dict[str, set[str]] = {}
        for one in it.operations:
            for field in it.fields_of(one):
                types.setdefault(field.name, set()).add(field.type)
        odd = [field for field, kinds in types.items() if "string" in kinds and kinds & numbers]
        assert odd == [], name
