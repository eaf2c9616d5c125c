"""What every row has in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_pascal


class OpenDentalModel(BaseModel):
    """A row as Open Dental holds it, with its spelling undone: names, quoted values, and "nothing" as None.

    Fields are named like the column unless they say otherwise. A field that the office's version does not send yet is
    None (or "" or 0 where the declaration says so); one that we do not know is dropped. A row that lacks its key or
    holds what cannot be read is a `pydantic.ValidationError`: its text names fields and no values, its `errors()` do.
    """

    model_config = ConfigDict(
        alias_generator=to_pascal, populate_by_name=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Self:
        """Read one row of `wire.loads`.

        Raises:
            pydantic.ValidationError: see the class.
        """
        return cls.model_validate(row)
