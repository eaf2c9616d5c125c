"""Who may leave something in the inbox, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest

from gateway.core.errors import BaaMissing, NotAllowed, NotFound, Unavailable
from gateway.core.native import receiving
from gateway.core.native.hooks import hook_token
from gateway.core.native.receiving import receive
from gateway.core.practices import Baa, Practice
from tests.fakes.identity import FakePractices, FakeSigner
from tests.fakes.inbox import FakeInbox
from tests.fakes.services import FakeClock

KEY, OTHER_KEY = "FakeCustomerKey0", "FakeCustomerKey1"
SIGNER = FakeSigner()


def practice(name: str, key: str, **more: Any) -> Practice:
    known: dict[str, Any] = {"time_zone": "America/Chicago", "baa": Baa("test-baa", "A. Test", date(2026, 1, 1))} | more
    return Practice(f"prac_{name * 16}", name, key_fingerprint=SIGNER.fingerprint(key), **known)


ELM, OAK = practice("a", KEY), practice("b", OTHER_KEY)


@dataclass
class On:
    practices: Any = field(default_factory=lambda: FakePractices({one.id: one for one in (ELM, OAK)}))
    signer: Any = SIGNER
    inbox: Any = field(default_factory=FakeInbox)
    clock: Any = field(default_factory=FakeClock)


@pytest.fixture
def on() -> On:
    return On()


def call(
    on: On, *, to: str = ELM.id, token: str | None = None, key: str = KEY, body: bytes = b"[]", **headers: str
) -> str:
    own = hook_token(on.practices.get(to), SIGNER) if token is None else token
    told = {"event": "WatchTable: Patient", "workstation": "SERVER-1"} | headers
    return receive(to, own, key, body=body, on=on, **told)


def test_a_call_by_the_practices_own_path_with_its_key_is_kept_as_it_came(on: On) -> None:
    assert call(on, body=b"\xff not even JSON") == ELM.id

    (post,) = on.inbox.posts.values()
    assert (post.practice_id, post.body, post.received_at) == (ELM.id, b"\xff not even JSON", on.clock.now())
    assert (post.event, post.workstation, post.key_fingerprint) == (
        "WatchTable: Patient",
        "SERVER-1",
        ELM.key_fingerprint,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": ""},
        {"key": OTHER_KEY},
        {"key": f"ODFHIR {KEY}"},
        {"key": "\ud800"},
        {"token": ""},
        {"token": "A" * 43},
        {"token": hook_token(OAK, SIGNER)},
        {"token": "\ud800é"},
        {"to": OAK.id, "token": hook_token(ELM, SIGNER)},
        {"to": OAK.id, "token": hook_token(OAK, SIGNER)},
        {"to": "prac_cccccccccccccccc", "token": hook_token(ELM, SIGNER)},
        {"to": "nobody", "token": hook_token(receiving.NOBODY, SIGNER)},
        {"to": "../" * 900, "token": "x"},
        {"to": "\ud800", "token": "x"},
        {"to": "", "token": ""},
    ],
)
def test_whatever_proves_nothing_has_one_answer_and_leaves_nothing(on: On, wrong: Any) -> None:
    """Key and path of two practices together are none; who tries is not told which of them was wrong."""
    with pytest.raises(NotFound) as refused:
        call(on, **wrong)

    assert (refused.value.detail, refused.value.param, refused.value.more) == ("no such path", None, {})
    assert on.inbox.posts == {}


def test_a_practice_that_is_not_there_takes_the_same_way(on: On, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def watched(of: Practice, **told: Any) -> str:
        compared.append(of.id)
        return of.key_fingerprint

    monkeypatch.setattr(receiving, "proven_by", watched)
    with pytest.raises(NotFound):
        call(on, to="prac_cccccccccccccccc", token="x")

    assert compared == [receiving.NOBODY.id]


def test_a_path_ends_with_its_key(on: On) -> None:
    """A key that the office has replaced opens nothing any more, with the old path or with the new one."""
    old = hook_token(ELM, SIGNER)
    on.practices.put(replace(ELM, key_fingerprint=SIGNER.fingerprint("FakeCustomerKey2")))

    for token, key in ((old, KEY), (old, "FakeCustomerKey2"), (None, KEY)):
        with pytest.raises(NotFound):
            call(on, token=token, key=key)
    assert call(on, key="FakeCustomerKey2") == ELM.id


def test_while_a_key_is_exchanged_each_of_both_opens_its_own_path(on: On) -> None:
    coming = SIGNER.fingerprint("FakeCustomerKey2")
    paths = {KEY: hook_token(ELM, SIGNER), "FakeCustomerKey2": hook_token(replace(ELM, key_fingerprint=coming), SIGNER)}
    on.practices.put(replace(ELM, other_fingerprints=(coming,)))

    for key, token in paths.items():
        assert call(on, token=token, key=key) == ELM.id
    kept = {post.key_fingerprint for post in on.inbox.posts.values()}
    assert kept == {ELM.key_fingerprint, coming}
    for key, token in zip(paths, reversed(paths.values()), strict=True):
        with pytest.raises(NotFound):
            call(on, token=token, key=key)


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"baa": Baa("test-baa", "A. Test", date(2026, 1, 1), date(2026, 3, 1))}, BaaMissing),
        ({"state": "disabled"}, NotAllowed),
        ({"state": "pending"}, NotAllowed),
    ],
)
def test_nothing_is_kept_of_a_practice_of_which_nothing_may_be(on: On, facts: Any, error: type[Exception]) -> None:
    """The office goes on trying for three days, so that nothing is lost where an agreement is renewed in time."""
    on.practices.put(replace(ELM, **facts))

    with pytest.raises(error):
        call(on)
    assert on.inbox.posts == {}
    # Who does not prove himself is not told of it.
    with pytest.raises(NotFound):
        call(on, key=OTHER_KEY)


def test_what_could_not_be_kept_is_not_taken(on: On) -> None:
    on.inbox.is_down = True

    with pytest.raises(Unavailable):
        call(on)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("WatchTable: Appointment", "WatchTable: Appointment"),
        ("x" * 900, "x" * 64),
        ("Watch\r\nX-Amz-Meta-Key: 1", "WatchX-Amz-Meta-Key: 1"),
        ("\ud800é<script>", "script"),
        ("", ""),
    ],
)
def test_headers_are_kept_short_and_plain(on: On, sent: str, kept: str) -> None:
    call(on, event=sent, workstation=sent)

    (post,) = on.inbox.posts.values()
    assert (post.event, post.workstation) == (kept, kept)
