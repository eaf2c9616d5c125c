"""What an operator decides of a practice itself: whether it may be called at all."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.ports import Services
from gateway.core.reads.practices import shown_practice


class PracticeChange(BaseModel):
    """The body of `PATCH /practices/{id}`; at least one member.

    `calls`: `stopped` is the kill switch. No call goes out any more that has not left a second later; what needs
    one is refused, writes wait, and copies are shown as before. `allowed` goes on where it stopped.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    calls: Literal["stopped", "allowed"] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set or self.calls is None:
            raise ValueError("say whether calls are stopped or allowed")
        return self


def change_practice(practice_id: str, change: PracticeChange, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Do what is said, and show the practice: scope `practices.calls:write`, which shows no more than that it acted.

    Saying again what is so already changes nothing, nor who said it first and when. No agreement is asked for.

    Raises: NotFound, ScopeMissing.
    """
    practice = allow(caller, practice_id, "practices.calls", Verb.WRITE, on=on, protected=False)
    if change.calls is not None:
        on.paces.switch(practice.id, killed=change.calls == "stopped", by=caller.id, at=on.clock.now())
    return shown_practice(practice, on=on)
