"""Single values of a row, as the API shows them. The forms on the wire are read by `open_dental.wire`; here are the
shapes the objects want, with the commonest form first, because a list has thousands of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from typing import Any, Final

from gateway.core.practices import Practice
from gateway.core.resources.secrets import is_secret, labels_secret
from open_dental import wire

CURRENCY: Final = "USD"
"""Open Dental keeps no currency; its offices are American ones (Canadian offices would need a practice setting)."""


class Words(dict[Any, "str | None"]):
    """An enumeration: the vendor's words and ours. A word nobody knows becomes `other`; `drift` finds such words."""

    def __init__(self, known: Mapping[str, str | None]) -> None:
        super().__init__()
        self.update({None: None, "": None})
        self.update(known)

    def __missing__(self, word: object) -> str:
        return "other"

    def upstream(self, word: str) -> list[str]:
        """The vendor's words for one of ours."""
        return [theirs for theirs, ours in self.items() if ours == word]


@dataclass(frozen=True, slots=True, order=True)
class Drift:
    """A word that nobody knew: a sign that Open Dental has moved on. The words are the vendor's, no person's."""

    obj: str
    field: str
    word: str


def drift(obj: str, watched: Mapping[str, Words], rows: Iterable[Mapping[str, Any]]) -> list[Drift]:
    """The words in `rows` that the enumerations of `watched` (column -> enumeration) do not know."""
    rows = list(rows)
    return sorted(
        Drift(obj, column, str(word))
        for column, words in watched.items()
        for word in {row.get(column) for row in rows}
        if word not in words
    )


class Memo(dict[int, str]):
    """Ids of the few rows that the many refer to (providers, operatories, locations), each made once."""

    def __init__(self, make: Callable[[int], str]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, row_key: int) -> str:
        if len(self) >= 4096:
            self.clear()
        made = self[row_key] = self._make(row_key)
        return made


def text(value: object) -> str | None:
    """A text without the blanks around it, or None. A number where a text is usual is written out."""
    if value.__class__ is str:
        return value.strip() or None
    if value is None or isinstance(value, bool | float):
        return None
    return str(value)


def key(value: object) -> int:
    """A key, bare or quoted; 0 for none, and for what is no number of 64 bits."""
    if value.__class__ is int:
        return value if _LOWEST <= value <= _HIGHEST else 0
    return whole(value) or 0


def whole(value: object) -> int | None:
    """A whole number, or None for nothing and for what is none of 64 bits."""
    try:
        found = wire.integer(value)
    except ValueError:
        return None
    return found if found is None or _LOWEST <= found <= _HIGHEST else None


def flag(value: object) -> bool | None:
    """A boolean; None where nothing says so."""
    try:
        return wire.flag(value)
    except ValueError:
        return None


def day(value: object) -> str | None:
    """A calendar day, never shifted; None for year 0001 and for what is no day."""
    if value.__class__ is str and len(value) == 10 and value[4] == "-" == value[7]:
        try:
            date.fromisoformat(value)
        except ValueError:
            return None
        return None if value[:4] == "0001" else value
    try:
        found = wire.day(value)
    except ValueError:
        return None
    return None if found is None else found.isoformat()


_AMOUNTS: dict[object, str | None] = {}
_DECIMALS: dict[str, str | None] = {}
_MOST_AMOUNTS: Final = 16_384
_NO_AMOUNT: Final = Decimal(10**12)
_LOWEST, _HIGHEST = -(2**63), 2**63 - 1


def amount(value: object) -> str | None:
    """An amount as decimal text with two places, signed as it is; None for nothing."""
    if value.__class__ is Decimal:
        # A Decimal's own hash costs more than its text.
        written = str(value)
        try:
            return _DECIMALS[written]
        except KeyError:
            return _keep(_DECIMALS, written, _amount(value))
    try:
        return _AMOUNTS[value]
    except KeyError:
        # A float would share its key with an equal int, and it is refused.
        return _amount(value) if value.__class__ is float else _keep(_AMOUNTS, value, _amount(value))
    except TypeError:
        return None


def _amount(value: object) -> str | None:
    try:
        exact = wire.money(value)
    except ValueError:
        return None
    # Of what nobody owes a thousandfold could not be written any more.
    return None if exact is None or abs(exact) >= _NO_AMOUNT else f"{exact + 0:f}"


def _keep(known: dict[Any, str | None], written: object, shown: str | None) -> str | None:
    if len(known) >= _MOST_AMOUNTS:
        known.clear()
    known[written] = shown
    return shown


def money(value: object) -> dict[str, str] | None:
    """An amount with its currency; None for nothing."""
    shown = amount(value)
    return None if shown is None else {"amount": shown, "currency": CURRENCY}


def money_of(exact: Decimal) -> dict[str, str]:
    """A computed amount with its currency."""
    return {"amount": f"{exact.quantize(_CENT, context=_WIDE) + 0:f}", "currency": CURRENCY}


_CENT: Final = Decimal("0.01")
_WIDE: Final = Context(prec=60)
"""A fee times a number of units of 64 bits, with cents."""
_NOTHING: Final = Decimal(0)


def exact(value: object) -> Decimal:
    """An amount to reckon with; 0 for nothing."""
    shown = amount(value)
    return _NOTHING if shown is None else Decimal(shown)


def exact_or_unset(value: object) -> Decimal | None:
    """An amount whose -1 stands for "not set"; None for that and for nothing."""
    shown = amount(value)
    return None if shown is None or shown == "-1.00" else Decimal(shown)


_NORTH_AMERICAN = re.compile(r"\(?([2-9]\d\d)\)?[ .-]?([2-9]\d\d)[ .-]?(\d{4})")
_EXTENSION = re.compile(r"(?i)\s*(?:x|ext\.?|extension|#)\s*\d*\s*$")
_PUNCTUATION = str.maketrans("", "", " \t()-./\u00a0\u2013")


def e164(raw: object) -> str | None:
    """A telephone number in E.164, taken as North American where it names no country; None if it cannot be one.

    The fields are free text. An extension is dropped (the raw text keeps it); words make it unreadable.
    """
    if not isinstance(raw, str):
        raw = str(raw)
    plain = _NORTH_AMERICAN.fullmatch(raw)
    if plain is not None:
        return "+1" + plain[1] + plain[2] + plain[3]
    digits = _EXTENSION.sub("", raw).translate(_PUNCTUATION)
    if digits.startswith("+"):
        abroad = digits[1:]
        known = abroad.isascii() and abroad.isdigit() and 8 <= len(abroad) <= 15 and abroad[0] != "0"
        if not known or abroad[0] == "1":
            digits = abroad
        else:
            return digits
    if len(digits) == 11 and digits[0] == "1":
        digits = digits[1:]
    if len(digits) == 10 and digits.isascii() and digits.isdigit() and digits[0] >= "2" and digits[3] >= "2":
        return "+1" + digits
    return None


def emails(raw: str) -> list[dict[str, Any]]:
    """The addresses of one field, several with commas (or semicolons) between them; the first is primary."""
    if "," not in raw and ";" not in raw:
        only = raw.strip()
        return [{"address": only, "primary": True}] if only else []
    parts = dict.fromkeys(part for piece in raw.replace(";", ",").split(",") if (part := piece.strip()))
    return [{"address": address, "primary": at == 0} for at, address in enumerate(parts)]


FIELD_KINDS: Final = Words(
    {
        "Text": "text",
        "PickList": "choice",
        "Date": "date",
        "Checkbox": "flag",
        "Currency": "amount",
        "CareCreditStatus": "other",
        "CareCreditPreApprovalAmt": "other",
        "CareCreditAvailableCredit": "other",
        "InCaseOfEmergency": "other",
    }
)
"""FieldType of patfielddefs and apptfielddefs."""


def extensions(fields: Iterable[Mapping[str, Any]], defined: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The office's own fields (rows with `FieldName` and `FieldValue`) that are filled in, by name.

    `defined` are the rows that say of what kind they are. Values stay as they were typed, in whatever form. What is
    named as a secret, a social security number say, is none of them.
    """
    kinds = {row.get("FieldName"): FIELD_KINDS[row.get("FieldType")] for row in defined}
    filled = {
        name: value
        for row in fields
        if (name := text(row.get("FieldName"))) and (value := text(row.get("FieldValue"))) and not labels_secret(name)
    }
    return [{"name": name, "kind": kinds.get(name), "value": filled[name]} for name in sorted(filled)]


# The content hash

_OWN_COLUMNS_IN_LOWER_CASE: Final = frozenset({"colorOverride"})
_BETWEEN: Final = "\x1f"
SERVER_CLOCK: Final = "serverDateTime"


def content_version(row: Mapping[str, Any]) -> str:
    """The hash of what a row holds: equal for equal content, whichever answer of Open Dental brought it.

    Left out are the server's clock and joined names (spelled in lower case: they change without the row). 12 and "12",
    62.5 and 62.50 are one value each. 32 hexadecimal characters.
    """
    mark, columns = _content_of(tuple(row))
    values = [value if (value := row[name]).__class__ is str else _plain(value) for name in columns]
    return _digest(mark + _BETWEEN.join(values))


def shown_version(row: Mapping[str, Any]) -> str:
    """`content_version` as it is shown: what is shown to nobody, or not to everybody, counts as empty.

    Whoever sees all else of a row could try numbers against its hash until one fits: a social security number has nine
    digits.
    """
    hidden = {name: "" for name in row if _is_hidden(name) and row[name]}
    return content_version({**row, **hidden} if hidden else row)


class Shape:
    """Reads rows of a known set of columns in two halves, and hashes them in a third of the time.

    The `few` are columns whose values the rows of an office share in a few hundred combinations. Whoever remembers
    what a combination means (in `office`, bounded, and without anything personal) remembers its `template` with it:
    the text that is hashed, with places left for the other columns. They check the classes of those values when they
    make it: afterwards true and 1 are one value to a dict, but no column has both.
    """

    __slots__ = ("_few", "_names", "_own", "few", "rest")

    def __init__(self, columns: Iterable[str], *, few: Iterable[str], rest: Iterable[str]) -> None:
        """`columns`: all names of the row but the server's clock. `rest`: those outside `few`, as the caller unpacks
        them: in the order that they are hashed in, then the joined names.
        """
        columns, few, rest = list(columns), list(few), list(rest)
        self._own = sorted(filter(_is_content, columns))
        self._few = few
        self._names = len(columns)
        ordered = [name for name in self._own if name not in few]
        ordered += [name for name in rest if not _is_content(name)]
        if rest != ordered or sorted(few + rest) != sorted(columns):
            raise ValueError("the columns are hashed in another order than they are read")
        self.few = itemgetter(*few)
        self.rest = itemgetter(*rest)

    def template(self, few: Iterable[object]) -> str:
        """The text to be hashed of rows with these values of `few`."""
        known = dict(zip(self._few, few, strict=True))
        places = [str(known[name]).replace("%", "%%") if name in known else "%s" for name in self._own]
        # Joined names are read, which proves that they are there, and written with no width.
        joined = sum(not _is_content(name) for name in self._few)
        between = _BETWEEN.join(places)
        return _columns_mark(self._own).replace("%", "%%") + between + "%.0s" * (self._names - len(self._own) - joined)

    def version(self, row: Mapping[str, Any], template: str, rest: tuple[object, ...]) -> str:
        """`shown_version` of a row whose `few` have made `template`. Decimals in `rest` must be texts already, and what
        is hidden empty.
        """
        names = len(row)
        # More names than were read: an office that knows more columns.
        if names == self._names or (names == self._names + 1 and SERVER_CLOCK in row):
            try:
                return sha256((template % rest).encode()).hexdigest()[:32]
            except UnicodeEncodeError:
                pass
        return shown_version(row)


@lru_cache(maxsize=1024)
def _content_of(names: tuple[str, ...]) -> tuple[str, list[str]]:
    """The mark and the order of what is hashed in rows with these names: a list's rows have the same ones."""
    columns = sorted(filter(_is_content, names))
    return _columns_mark(columns), columns


def _is_content(name: str) -> bool:
    return not name[:1].islower() or name in _OWN_COLUMNS_IN_LOWER_CASE


def _columns_mark(columns: list[str]) -> str:
    """So that a value cannot move from one column to another unseen."""
    return _digest(_BETWEEN.join(columns)) + _BETWEEN


def _digest(content: str) -> str:
    try:
        return sha256(content.encode()).hexdigest()[:32]
    except UnicodeEncodeError:
        # Half a character cannot be written in UTF-8 otherwise.
        return sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32]


_PLAIN: dict[str, str] = {}


def _plain(value: object) -> str:
    if value.__class__ is not Decimal:
        return str(value)
    written = str(value)
    known = _PLAIN.get(written)
    if known is None:
        if len(_PLAIN) >= _MOST_AMOUNTS:
            _PLAIN.clear()
        shown = f"{value:f}"
        known = _PLAIN[written] = (shown.rstrip("0").rstrip(".") or "0") if "." in shown else shown
    return known


def plain_and_money(value: object) -> tuple[str, dict[str, str] | None]:
    """An amount of a row as the hash writes it, and as `money`."""
    if value.__class__ is not Decimal:
        return str(value), money(value)
    written = str(value)
    known = _BOTH.get(written)
    if known is None:
        if len(_BOTH) >= _MOST_AMOUNTS:
            _BOTH.clear()
        known = _BOTH[written] = _plain(value), money(value)
    return known


_BOTH: dict[str, tuple[str, dict[str, str] | None]] = {}
_WIDEST: Final = 100


def raw_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row for `include=raw`: as Open Dental sent it, without what nobody may see. Amounts become texts.

    Numbers beyond 2^53 become texts too: many a JSON reader would change their last digits.
    """
    return {name: _raw_value(value) for name, value in row.items() if not _is_hidden(name)}


@lru_cache(maxsize=4096)
def _is_hidden(name: str) -> bool:
    return is_secret(name) or "password" in name.lower()


def _raw_value(value: object) -> object:
    if isinstance(value, Decimal):
        # 1E+999999999 is short, and as many bytes as it says once it is written out.
        return f"{value:f}" if abs(value.adjusted()) < _WIDEST else str(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**53:
        return str(value)
    if isinstance(value, dict):
        return raw_row(value)
    if isinstance(value, list):
        return [_raw_value(one) for one in value]
    return value


def source(practice: Practice, table: str, row_key: int) -> dict[str, str]:
    """Where the row can be found in Open Dental."""
    return {"system": "open_dental", "table": table, "key": str(row_key), "practice_id": practice.id}
