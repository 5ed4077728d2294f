"""CSV files whose columns are selected by name."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ...errors import IngredientError
from .cells import (
    MAX_SHOWN,
    NO_COMMENT,
    Row,
    counted,
    is_comment,
    is_text,
    number_in,
    other_separator,
    quoted,
    rows_of,
    why_no_word,
    why_wrong,
)
from .limits import MAX_NUMBERS
from .table import Column, Table


class CsvTable(Table):
    """A CSV file; the first row names the columns.

    Raises IngredientError. named: whether the first row certainly holds names.
    """

    def __init__(self, path: str, content: bytes, named: bool) -> None:
        self.source, self._content = path, content
        line, cells = next(rows_of(path, content), (1, []))
        if not cells:
            raise IngredientError(f"{path} is empty", "data")
        separator = other_separator(cells)
        if len(cells) == 1 and is_comment(cells):
            message = f"{path}, line {line}: {quoted(cells[0])} {NO_COMMENT}"
            raise IngredientError(message, "data")
        if separator and len(cells) == 1:
            raise IngredientError(
                f"{path}, line {line}: the values are separated by {separator}, but must be "
                "separated by commas",
                "data",
            )
        self.names = tuple(cell.strip(" \t") for cell in cells)
        if not named and not any(map(is_text, cells)):
            raise IngredientError(
                f"{path}, line {line}: the first row holds numbers, but must name the columns; add "
                "such a row, or set header = true if these are names",
                "data",
            )
        self.check_names()

    def read(self, numbers: Sequence[str], words: Sequence[str]) -> Mapping[str, Column]:
        """See `Table`; raises IngredientError if a row is too short or too long."""
        places = {name: self.names.index(name) for name in (*numbers, *words)}
        of_numbers = [(places[name], _Numbers()) for name in numbers]
        of_words = [(places[name], _Words()) for name in words]
        count = 0
        for line, cells in self._samples():
            if len(cells) != len(self.names):
                found = counted(len(cells), "column")
                message = f"{found}, but the first row names {len(self.names)}"
                if is_comment(cells):
                    message = f"{quoted(','.join(cells))} {NO_COMMENT}"
                raise IngredientError(f"{self.source}, line {line}: {message}", "data")
            count += 1
            if count * len(places) > MAX_NUMBERS:
                message = f"at most {MAX_NUMBERS:,} values can be read"
                raise IngredientError(f"{self.source}, line {line}: {message}", "data")
            for place, column in of_numbers:
                column.add(line, cells[place])
            for place, words_column in of_words:
                words_column.add(line, cells[place])
        if not count:
            raise IngredientError(f"{self.source} has no samples, only a header", "data")
        found_numbers = (column.column() for _, column in of_numbers)
        found_words = (column.column() for _, column in of_words)
        return dict(zip(places, (*found_numbers, *found_words), strict=True))

    def _samples(self) -> Iterator[Row]:
        rows = rows_of(self.source, self._content)
        next(rows)
        return rows


class _Faults:
    """The first few wrong cells of a column."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.count = 0

    def add(self, line: int, reason: str) -> None:
        self.count += 1
        if len(self.shown) < MAX_SHOWN:
            self.shown.append(f"line {line}: {reason}")


class _Numbers:
    """A column that must hold numbers."""

    def __init__(self) -> None:
        self._numbers, self._faults, self._texts = array("d"), _Faults(), 0

    def add(self, line: int, cell: str) -> None:
        number = number_in(cell)
        if number is None:
            self._faults.add(line, why_wrong(cell))
            self._texts += is_text(cell)
        else:
            self._numbers.append(number)

    def column(self) -> Column:
        faults = self._faults
        return Column(
            np.array(self._numbers),
            faults=tuple(faults.shown),
            n_faults=faults.count,
            is_text=self._texts > 0 and not self._numbers,
        )


class _Words:
    """A column of labels or categories."""

    def __init__(self) -> None:
        self._words: list[str] = []
        self._faults, self._among = _Faults(), ""
        self._n_numbers = 0

    def add(self, line: int, cell: str) -> None:
        word = cell.strip(" \t")
        fault = why_no_word(word)
        if fault:
            self._faults.add(line, fault)
            return
        if number_in(word) is not None:
            self._n_numbers += 1
        elif not self._among:
            self._among = f"line {line}: {quoted(cell)}"
        self._words.append(sys.intern(word))

    def column(self) -> Column:
        faults = tuple(self._faults.shown), self._faults.count
        if self._words and self._n_numbers == len(self._words):
            return Column(np.array([float(word) for word in self._words]), None, *faults)
        among = self._among if self._n_numbers else ""
        return Column(None, np.array(self._words, np.str_), *faults, among=among)
