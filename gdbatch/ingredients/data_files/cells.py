"""The cells of a CSV file: numbers, missing values and text, and how messages quote them."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence

from ...errors import IngredientError
from .limits import MAX_WORD

# ASCII digits only: float() would also accept 1_2 and digits of other scripts
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE | re.ASCII)
_MISSING = frozenset({"", "?", "na", "n/a", "nan", "+nan", "-nan", "none", "null"})
_NO_WORD = _MISSING - {"none"}  # which may well be a category
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_MAX_SHOWN_LENGTH = 40  # of a cell
MAX_SHOWN = 3  # wrong cells, in a message
NO_COMMENT = "looks like a comment, which a CSV file cannot have; remove the line"

Row = tuple[int, list[str]]  # line, cells


def rows_of(path: str, content: bytes) -> Iterator[Row]:
    """The rows that are not blank; raises IngredientError about the option `data`."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        for cells in reader:
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield reader.line_num, cells
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise IngredientError(f"{path}, line {line}: not UTF-8 text", "data") from None
    except csv.Error as error:
        raise IngredientError(f"{path} is not a CSV file: {error}", "data") from None


def number_in(cell: str) -> float | None:
    """The finite number in a cell."""
    text = cell.strip(" \t")
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def is_missing(cell: str) -> bool:
    """Whether a cell is empty or stands for a missing value."""
    return cell.strip(" \t").lower() in _MISSING


def why_no_word(cell: str) -> str:
    """Why a cell is no label or category, or ""."""
    text = cell.strip(" \t")
    if not text:
        return "a value is missing"
    if len(text) > MAX_WORD:
        return f"{quoted(text)} has {len(text):,} characters; at most {MAX_WORD} are allowed"
    return f"{quoted(text)} is a missing value" if text.lower() in _NO_WORD else ""


def is_text(cell: str) -> bool:
    """Whether a cell is neither a number, however large, nor missing."""
    text = cell.strip(" \t")
    return not (is_missing(cell) or _NUMBER.fullmatch(text) or _INFINITE.fullmatch(text))


def why_wrong(cell: str) -> str:
    """Why a cell is no finite number."""
    text = cell.strip(" \t")
    if not text:
        return "a value is missing"
    if is_missing(text):
        return f"{quoted(text)} is a missing value"
    if _INFINITE.fullmatch(text):
        return f"{quoted(text)} is not finite"
    if _NUMBER.fullmatch(text):
        return f"{quoted(text)} overflows float64"
    return f"{quoted(text)} is not a number"


def is_comment(cells: Sequence[str]) -> bool:
    """Whether a row is a comment, which CSV files cannot have."""
    return cells[0].lstrip().startswith("#") and all(number_in(cell) is None for cell in cells[1:])


def other_separator(cells: Sequence[str]) -> str:
    """What separates the values of a row, in words, if not commas."""
    for separator, name in _SEPARATORS.items():
        if any(separator in cell for cell in cells):
            return name
    return "spaces" if len(cells) == 1 and len(cells[0].split()) > 1 else ""


def quoted(cell: str) -> str:
    """A cell for a message: short, and without control characters."""
    shown = cell if len(cell) <= _MAX_SHOWN_LENGTH else cell[:_MAX_SHOWN_LENGTH] + "…"
    escaped = (one if one.isprintable() else one.encode("unicode_escape").decode() for one in shown)
    return f'"{"".join(escaped)}"'


def listed(faults: Sequence[str], count: int) -> str:
    """The first few of `count` faults, and how many more there are."""
    rest = count - len(faults)
    return "; ".join(faults) + (f"; and {rest:,} more" if rest else "")


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "column"), counted(2, "column")
    ('1 column', '2 columns')
    """
    return f"{number:,} {noun}" + "s" * (number != 1)
