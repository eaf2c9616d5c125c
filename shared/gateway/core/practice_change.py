"""What an operator changes of a practice: the body of `PATCH /practices/{id}`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from gateway.core.practices import Mode


class FallbackChange(BaseModel):
    """The second way to the office: `mode` `remote` or `service`, and its address, which the stage must allow.

    `base_url` may be left out where it is Open Dental's own service.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Mode
    base_url: Annotated[str, StringConstraints(max_length=200)] | None = None


class PracticeChange(BaseModel):
    """The body of `PATCH /practices/{id}`; only what is named is changed.

    `fallback`: the way that is taken while the one that the practice was connected by does not answer; null for none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fallback: FallbackChange | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("say what is to be changed")
        return self
