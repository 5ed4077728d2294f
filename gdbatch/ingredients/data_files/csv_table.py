"""CSV files of numbers: comma-separated, one sample per row, optionally with a header."""

from __future__ import annotations

import csv
import io
import math
import re
from array import array
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import IngredientError
from .limits import MAX_NUMBERS

# ASCII digits only: float() would also accept 1_2 and digits of other scripts
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE | re.ASCII)
_MISSING = frozenset({"", "?", "na", "n/a", "nan", "+nan", "-nan", "none", "null"})
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_MAX_SHOWN = 3  # wrong cells
_MAX_SHOWN_LENGTH = 40  # of a cell

Row = tuple[int, list[str]]  # line, cells


def parse_csv(
    path: str, content: bytes, n_inputs: int | None, n_targets: int, header: bool | None
) -> NDArray[np.float64]:
    """The numbers (rows, columns); raises IngredientError about the option `data`.

    n_inputs: None allows any number. header: whether the first row is a header; None: if it has
    text but no numbers.
    """
    parser = _Parser(path, n_inputs, n_targets)
    try:
        rows = _rows(content.decode("utf-8-sig"))
        first = next(rows, None)
        if first is not None:
            if header is None:
                header = parser.is_header(first)
            if not header:
                parser.add(first)
            for row in rows:
                parser.add(row)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise IngredientError(f"{path}, line {line}: not UTF-8 text", "data") from None
    except csv.Error as error:
        raise IngredientError(f"{path} is not a CSV file: {error}", "data") from None
    return parser.table(first)


def _rows(text: str) -> Iterator[Row]:
    """The rows that are not blank."""
    reader = csv.reader(io.StringIO(text, newline=""))
    for cells in reader:
        if len(cells) > 1 or (cells and cells[0].strip()):
            yield reader.line_num, cells


class _Parser:
    """Collects the numbers of the rows, and the first few wrong cells."""

    def __init__(self, path: str, n_inputs: int | None, n_targets: int) -> None:
        self._path, self._n_inputs, self._n_targets = path, n_inputs, n_targets
        self._numbers = array("d")
        self._wrong: list[str] = []
        self._n_wrong = 0
        self.counts_up = False  # whether the first row may be column numbers

    def is_header(self, row: Row) -> bool:
        """Whether the first row is a header; raises IngredientError if that is ambiguous."""
        line, cells = row
        self._check_width(line, cells)
        texts = [cell for cell in cells if _is_text(cell)]
        n_numbers = sum(_number(cell) is not None for cell in cells)
        if texts and n_numbers:
            raise self._error(
                f"{_quoted(texts[0])} is not a number; if this row has column names, "
                "set header = true",
                line,
            )
        self.counts_up = [cell.strip(" \t") for cell in cells] == [*map(str, range(len(cells)))]
        return bool(texts)

    def add(self, row: Row) -> None:
        """Add the numbers of a row; raises IngredientError if it has too few or too many."""
        line, cells = row
        self._check_width(line, cells)
        if self._n_inputs is None:
            self._n_inputs = len(cells) - self._n_targets
        for column, cell in enumerate(cells, 1):
            number = _number(cell)
            if number is not None:
                self._numbers.append(number)
                continue
            self._n_wrong += 1
            if len(self._wrong) < _MAX_SHOWN:
                self._wrong.append(f"line {line}, column {column}: {_why_wrong(cell)}")
        if len(self._numbers) > MAX_NUMBERS:
            raise self._error(f"at most {MAX_NUMBERS:,} numbers can be read", line)

    def table(self, first: Row | None) -> NDArray[np.float64]:
        """All numbers (rows, columns); raises IngredientError if there are none, or wrong cells."""
        if self._n_wrong:
            rest = self._n_wrong - len(self._wrong)
            more = f"; and {rest:,} more" if rest else ""
            raise IngredientError(f"{self._path}, {'; '.join(self._wrong)}{more}", "data")
        if not self._numbers or self._n_inputs is None:
            raise IngredientError(f"{self._path} has no samples", "data")
        table = np.array(self._numbers).reshape(-1, self._n_inputs + self._n_targets)
        if self.counts_up and first is not None and len(table) > 1:
            # two columns of 0 and 1 are more likely to be data
            whole = bool((table == np.floor(table)).all())
            if table.shape[1] > 2 or not whole:
                raise self._error(
                    f"the first row, {','.join(first[1])}, looks like column numbers; set header = "
                    "true if it is not a sample, header = false if it is",
                    first[0],
                )
        return table

    def _check_width(self, line: int, cells: Sequence[str]) -> None:
        n_inputs = self._n_inputs
        width = None if n_inputs is None else n_inputs + self._n_targets
        if len(cells) == width or (width is None and len(cells) > self._n_targets):
            return
        separator = _other_separator(cells)
        if separator:
            raise self._error(
                f"the values are separated by {separator}, but must be separated by commas", line
            )
        n_inputs = n_inputs or 1
        at_least = "at least " if width is None else ""
        raise self._error(
            f"{_count(len(cells), 'column')}, but there must be {at_least}"
            f"{n_inputs + self._n_targets} ({_count(n_inputs, 'input')}, then "
            f"{_count(self._n_targets, 'target')})",
            line,
        )

    def _error(self, message: str, line: int) -> IngredientError:
        return IngredientError(f"{self._path}, line {line}: {message}", "data")


def _number(cell: str) -> float | None:
    """The finite number in a cell."""
    text = cell.strip(" \t")
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def _is_text(cell: str) -> bool:
    text = cell.strip(" \t")
    patterns = (_NUMBER, _INFINITE)
    return text.lower() not in _MISSING and not any(one.fullmatch(text) for one in patterns)


def _why_wrong(cell: str) -> str:
    text = cell.strip(" \t")
    if not text:
        return "a value is missing"
    if text.lower() in _MISSING:
        return f"{_quoted(text)} is a missing value"
    if _INFINITE.fullmatch(text):
        return f"{_quoted(text)} is not finite"
    if _NUMBER.fullmatch(text):
        return f"{_quoted(text)} overflows float64"
    return f"{_quoted(text)} is not a number"


def _other_separator(cells: Sequence[str]) -> str:
    """What separates the values of a row, in words, if not commas."""
    for separator, name in _SEPARATORS.items():
        if any(separator in cell for cell in cells):
            return name
    return "spaces" if len(cells) == 1 and len(cells[0].split()) > 1 else ""


def _quoted(cell: str) -> str:
    """A cell for a message: short, and without control characters."""
    shown = cell if len(cell) <= _MAX_SHOWN_LENGTH else cell[:_MAX_SHOWN_LENGTH] + "…"
    escaped = (one if one.isprintable() else one.encode("unicode_escape").decode() for one in shown)
    return f'"{"".join(escaped)}"'


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)
