"""Books of key exchanges, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gateway.core.rotation.records import Book, Superseded


@dataclass
class FakeRotations:
    """Fills `core.rotation.records.Rotations`."""

    books: dict[str, Book] = field(default_factory=dict)

    def load(self, practice_id: str) -> Book:
        return self.books.get(practice_id, Book(practice_id))

    def save(self, book: Book) -> Book:
        if self.load(book.practice_id).rev != book.rev:
            raise Superseded
        saved = self.books[book.practice_id] = replace(book, rev=book.rev + 1)
        return saved
