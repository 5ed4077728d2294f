"""CSV files of numbers: comma-separated, one sample per row, optionally with a header."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import IngredientError
from .cells import (
    MAX_SHOWN,
    NO_COMMENT,
    Row,
    counted,
    is_comment,
    is_text,
    listed,
    number_in,
    other_separator,
    quoted,
    rows_of,
    why_wrong,
)
from .limits import MAX_NUMBERS


def parse_csv(
    path: str, content: bytes, n_inputs: int | None, n_targets: int, header: bool | None
) -> NDArray[np.float64]:
    """The numbers (rows, columns); raises IngredientError about the option `data`.

    n_inputs: None allows any number. header: whether the first row is a header; None: if it has
    text but no numbers.
    """
    parser = _Parser(path, n_inputs, n_targets)
    rows = rows_of(path, content)
    first = next(rows, None)
    if first is not None:
        if header is None:
            header = parser.is_header(first)
        if not header:
            parser.add(first)
        for row in rows:
            parser.add(row)
    return parser.table(first)


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
        texts = [cell for cell in cells if is_text(cell)]
        n_numbers = sum(number_in(cell) is not None for cell in cells)
        if texts and n_numbers:
            raise self._error(
                f"{quoted(texts[0])} is not a number; if this row has column names, "
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
            number = number_in(cell)
            if number is not None:
                self._numbers.append(number)
                continue
            self._n_wrong += 1
            if len(self._wrong) < MAX_SHOWN:
                self._wrong.append(f"line {line}, column {column}: {why_wrong(cell)}")
        if len(self._numbers) > MAX_NUMBERS:
            raise self._error(f"at most {MAX_NUMBERS:,} numbers can be read", line)

    def table(self, first: Row | None) -> NDArray[np.float64]:
        """All numbers (rows, columns); raises IngredientError if there are none, or wrong cells."""
        if self._n_wrong:
            raise IngredientError(f"{self._path}, {listed(self._wrong, self._n_wrong)}", "data")
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
        if is_comment(cells):
            raise self._error(f"{quoted(','.join(cells))} {NO_COMMENT}", line)
        separator = other_separator(cells)
        if separator:
            raise self._error(
                f"the values are separated by {separator}, but must be separated by commas", line
            )
        n_inputs = n_inputs or 1
        at_least = "at least " if width is None else ""
        raise self._error(
            f"{counted(len(cells), 'column')}, but there must be {at_least}"
            f"{n_inputs + self._n_targets} ({counted(n_inputs, 'input')}, then "
            f"{counted(self._n_targets, 'target')})",
            line,
        )

    def _error(self, message: str, line: int) -> IngredientError:
        return IngredientError(f"{self._path}, line {line}: {message}", "data")
