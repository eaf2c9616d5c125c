"""What an operator decides of a practice itself: whether it may be called at all, and by which ways."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from gateway.core.access import allow
from gateway.core.callers import Caller, Verb
from gateway.core.ports import Services
from gateway.core.practices import Mode
from gateway.core.reads.practices import shown_practice


class FallbackChange(BaseModel):
    """The second way to the office: `mode` `remote` or `service`, and its address, which the stage must allow.

    `base_url` may be left out where it is Open Dental's own service.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode
    base_url: Annotated[str, StringConstraints(max_length=200)] | None = None


class PracticeChange(BaseModel):
    """The body of `PATCH /practices/{id}`; at least one member.

    `calls`: `stopped` is the kill switch. No call goes out any more that has not left a second later; what needs
    one is refused, writes wait, and copies are shown as before. `allowed` goes on where it stopped, and has an office
    that is not called because its key was refused, or because it did not answer, be tried within the next minute.
    `fallback`: the way that is taken while the one that the practice was connected by does not answer; null for none.
    The answer is then an operation, with the practice's calls stopped or allowed already where that is said, too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    calls: Literal["stopped", "allowed"] | None = None
    fallback: FallbackChange | None = None

    @property
    def is_of_the_ways(self) -> bool:
        """Whether a fallback is said, or that there is to be none."""
        return "fallback" in self.model_fields_set

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.calls is None and ("calls" in self.model_fields_set or not self.is_of_the_ways):
            raise ValueError("say whether calls are stopped or allowed, or which fallback there is")
        return self


def change_practice(practice_id: str, change: PracticeChange, *, caller: Caller, on: Services) -> dict[str, Any]:
    """Do what is said, and show the practice: scope `practices.calls:write`, which shows no more than that it acted.

    Saying again what is so already changes nothing, nor who said it first and when. No agreement is asked for.

    Raises: NotFound, ScopeMissing.
    """
    practice = allow(caller, practice_id, "practices.calls", Verb.WRITE, on=on, protected=False)
    if change.calls is not None:
        on.paces.switch(practice.id, killed=change.calls == "stopped", by=caller.id, at=on.clock.now())
        if change.calls == "allowed":
            # Whoever says so has just had the office mended, say: nobody need wait for the hour's next try.
            on.paces.try_again(practice.id, on.clock.now())
    return shown_practice(practice, on=on)
