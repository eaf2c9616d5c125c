"""What an office calls things, and what it means by them: definitions, preferences, kinds of visit, codes, own fields.

Rows of an office's own set-up, which are read once a day and kept as reference rows (`ports.REFERENCE`). `OfficeWords`
holds those that were at hand and answers from them; `core.reads.lists.Reading.words` brings them.

A definition's name is free text that every office chooses, so nothing here decides by it: what a confirmation status
means is said by preferences that name the definition, what an adjustment does by its value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final

from open_dental import wire

if TYPE_CHECKING:
    from gateway.core.normalize.values import Drift

Row = Mapping[str, Any]


class Table(StrEnum):
    """What can be known of an office, by the catalogue's name of the resource."""

    DEFINITIONS = "definitions"
    PREFERENCES = "preferences"
    APPOINTMENT_TYPES = "appointmenttypes"
    PROCEDURE_CODES = "procedurecodes"
    APPOINTMENT_FIELDS = "apptfielddefs"
    PATIENT_FIELDS = "patfielddefs"
    OPERATORIES = "operatories"
    RECALL_TYPES = "recalltypes"
    COVERAGE_CATEGORIES = "covcats"
    CODE_GROUPS = "codegroups"

    @property
    def operation(self) -> str:
        """What lists it."""
        return f"{self.value}.list"


CONFIRMATIONS: Final = {
    "AppointmentTimeArrivedTrigger": "arrived",
    "AppointmentTimeSeatedTrigger": "seated",
    "AppointmentTimeDismissedTrigger": "dismissed",
    "ApptEConfirmStatusAccepted": "confirmed",
    "ApptEConfirmStatusDeclined": "not_accepted",
    "ApptEConfirmStatusSendFailed": "failed",
    "ApptEConfirmStatusSent": "sent",
}
"""Preference whose value is a DefNum -> what that status means. An office may let two of them name one: the first
counts. Sources: https://www.opendental.com/site/apiappointments.html, confirmed; /manual/confirmationsetup.html."""

PREFERENCES: Final = (*CONFIRMATIONS, "AppointmentTimeIncrement")
"""The preferences that are read and kept. The others are nobody's business here: there are passwords among them."""

NONE_OF: Final = {
    "allergies": "AllergiesIndicateNone",
    "medications": "MedicationsIndicateNone",
    "conditions": "ProblemsIndicateNone",
}
"""Preference whose value is the key of the definition by which an office says that a patient has none."""

CONFIRMATION: Final = "ApptConfirmed"
BILLING_TYPE: Final = "BillingTypes"
PAYMENT_TYPE: Final = "PaymentTypes"
INSURANCE_PAYMENT_TYPE: Final = "InsurancePaymentType"


def input_of(table: Table) -> dict[str, Any]:
    """The input of the fetch that brings `table` whole."""
    if table is Table.PREFERENCES:
        return input_of_preferences(PREFERENCES)
    # Rows keep the words that the office has hidden since.
    query = {"includeHidden": True} if table is Table.DEFINITIONS else {}
    return {"resource": table.value, "queries": [query]}


def input_of_preferences(names: Iterable[str]) -> dict[str, Any]:
    """The input of the fetch `fetch.preferences` that brings these."""
    return {"names": sorted(names)}


class OfficeWords:
    """What is known of an office. A table that is not known gives None wherever it would be needed; `knows` tells it
    from a word that the office does not have.
    """

    def __init__(self, rows: Mapping[Table, Iterable[Row] | None]) -> None:
        self._rows = {table: list(found) for table, found in rows.items() if found is not None}

    def knows(self, *tables: Table) -> bool:
        """Whether these are at hand."""
        return all(table in self._rows for table in tables)

    # Definitions

    def definition(self, def_num: int) -> Row | None:
        """The row of a definition, hidden or not."""
        return self._definitions.get(def_num)

    def label(self, def_num: int) -> str | None:
        """The office's name of it."""
        row = self.definition(def_num)
        return None if row is None else _text(row.get("ItemName"))

    def value(self, def_num: int) -> str | None:
        """What it means to the program, in a form that depends on its category."""
        row = self.definition(def_num)
        return None if row is None else _text(row.get("ItemValue"))

    def category(self, def_num: int) -> str | None:
        """The vendor's name of its category (`ApptConfirmed`, `PaymentTypes` ...)."""
        row = self.definition(def_num)
        return None if row is None else _text(row.get("category"))

    def of_category(self, category: str) -> list[Row]:
        """The definitions of a category, in the office's order."""
        return self._by_category.get(category, [])

    def by_label(self, category: str, label: str | None) -> int | None:
        """The definition that rows name by its label; None where the office has none, or several of that name."""
        found = [_key(row.get("DefNum")) for row in self.of_category(category) if _text(row.get("ItemName")) == label]
        return found[0] if len(found) == 1 else None

    def drift(self, obj: str, column: str, rows: Iterable[Row]) -> list[Drift]:
        """Definitions that `rows` name in `column` and the office does not list: their numbers, no words."""
        if not self.knows(Table.DEFINITIONS):
            return []
        # Normalizers import this module.
        from gateway.core.normalize.values import Drift  # noqa: PLC0415

        named = {number for row in rows if (number := _key(row.get(column)))}
        return [Drift(obj, column, str(number)) for number in sorted(named - self._definitions.keys())]

    # Preferences

    def preference(self, name: str) -> str | None:
        """The value of a preference, which is always text; None for an empty one."""
        return self._preferences.get(name)

    def preferred_definition(self, name: str) -> int:
        """The definition that a preference names; 0 for none."""
        return _key(self.preference(name))

    # Visits

    def confirmation(self, def_num: int) -> str | None:
        """What a visit's confirmation status means: `unconfirmed`, `sent`, `confirmed`, `not_accepted`, `failed`,
        `arrived`, `seated`, `dismissed`; `other` for what only the office knows the meaning of.
        """
        if not def_num or not self.knows(Table.DEFINITIONS, Table.PREFERENCES):
            return None
        return self._confirmations.get(def_num, "other")

    def appointment_type(self, number: int) -> Row | None:
        """The row of a kind of visit."""
        return self._types.get(number)

    # Chairs, codes and fields

    def operatory(self, number: int) -> Row | None:
        """The row of a chair."""
        return self._chairs.get(number)

    @property
    def operatories(self) -> list[Row]:
        """The rows of all chairs."""
        return self._of(Table.OPERATORIES)

    @property
    def recall_types(self) -> list[Row]:
        """The rows of the kinds of recall."""
        return self._of(Table.RECALL_TYPES)

    @cached_property
    def areas(self) -> dict[int, str] | None:
        """CodeNum -> TreatArea, as `normalize.procedure` takes them; None where they are not known."""
        if not self.knows(Table.PROCEDURE_CODES):
            return None
        return {_key(row.get("CodeNum")): str(row.get("TreatArea") or "") for row in self._of(Table.PROCEDURE_CODES)}

    def fields(self, table: Table) -> list[Row]:
        """The custom fields of visits or patients, as the office defines them."""
        return self._of(table)

    # Insurance

    @property
    def coverage_categories(self) -> list[Row]:
        """The rows of the categories of work that benefits speak of."""
        return self._of(Table.COVERAGE_CATEGORIES)

    @property
    def code_groups(self) -> list[Row]:
        """The rows of the groups of codes that limits speak of."""
        return self._of(Table.CODE_GROUPS)

    def _of(self, table: Table) -> list[Row]:
        return self._rows.get(table, [])

    @cached_property
    def _definitions(self) -> dict[int, Row]:
        return {_key(row.get("DefNum")): row for row in self._of(Table.DEFINITIONS)}

    @cached_property
    def _by_category(self) -> dict[str, list[Row]]:
        found = dict[str, list[Row]]()
        for row in self._of(Table.DEFINITIONS):
            found.setdefault(str(row.get("category") or ""), []).append(row)
        return found

    @cached_property
    def _preferences(self) -> dict[str, str | None]:
        return {str(row.get("PrefName")): _text(row.get("ValueString")) for row in self._of(Table.PREFERENCES)}

    @cached_property
    def _types(self) -> dict[int, Row]:
        return {_key(row.get("AppointmentTypeNum")): row for row in self._of(Table.APPOINTMENT_TYPES)}

    @cached_property
    def _chairs(self) -> dict[int, Row]:
        return {_key(row.get("OperatoryNum")): row for row in self._of(Table.OPERATORIES)}

    @cached_property
    def _confirmations(self) -> dict[int, str]:
        found = {
            number: meaning
            for name, meaning in reversed(CONFIRMATIONS.items())
            if (number := self.preferred_definition(name))
        }
        shown = [_key(row.get("DefNum")) for row in self.of_category(CONFIRMATION) if not _flag(row.get("isHidden"))]
        if shown:
            # New visits get the first one, whatever it is called.
            found.setdefault(shown[0], "unconfirmed")
        return found


_PAID_BY: Final = (
    ("check", ("check", "cheque")),
    ("cash", ("cash",)),
    ("card", ("card", "credit", "debit", "visa", "master", "amex", "discover", "carecredit")),
    ("eft", ("eft", "ach", "electronic", "wire", "transfer", "direct deposit", "zelle")),
)
"""Words in an office's own name of a payment type, and what they make likely. The first that fits wins."""


def payment_method(words: OfficeWords, def_num: int, *, label: str | None = None) -> dict[str, Any]:
    """How a payment of this type (of `PaymentTypes` or `InsurancePaymentType`) was made: `{category, label, inferred}`.

    `label` is what the payment's row calls it. Payment types are names an office makes up, so the category is a guess
    from the name, and says so.
    """
    name = words.label(def_num) or label
    return {"category": _paid_by(name or ""), "label": name, "inferred": True}


@lru_cache(maxsize=1024)
def _paid_by(name: str) -> str:
    folded = name.casefold()
    return next((made for made, parts in _PAID_BY if any(part in folded for part in parts)), "other")


NO_WORDS: Final = OfficeWords({})
"""Of an office of which nothing is known."""


def _key(value: object) -> int:
    """A key, bare or quoted; 0 for none."""
    try:
        return wire.integer(value) or 0
    except ValueError:
        return 0


def _text(value: object) -> str | None:
    return (str(value).strip() or None) if value is not None else None


def _flag(value: object) -> bool | None:
    try:
        return wire.flag(value)
    except ValueError:
        return None
