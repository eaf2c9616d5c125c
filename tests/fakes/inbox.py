"""Calls of offices' machines, in memory."""

from __future__ import annotations

from collections.abc import Callable

from gateway.adapters.inbox import name_of, read_name
from gateway.core.errors import Unavailable
from gateway.core.native.ports import Post


class FakeInbox:
    """Fills `core.native.ports.Inbox`; `posts` are kept by name, in the order in which they came."""

    def __init__(self) -> None:
        self.posts: dict[str, Post] = {}
        self.is_down = False
        self.at_put: Callable[[str], None] = lambda _: None
        """Told the name of each call once it is kept, as the bucket's queue is."""

    def put(self, post: Post) -> None:
        self._works()
        name = name_of(post)
        self.posts[name] = post
        self.at_put(name)

    def get(self, name: str) -> Post | None:
        read_name(name)
        self._works()
        return self.posts.get(name)

    def drop(self, name: str) -> None:
        read_name(name)
        self._works()
        self.posts.pop(name, None)

    def _works(self) -> None:
        if self.is_down:
            raise Unavailable("the inbox did not answer")
