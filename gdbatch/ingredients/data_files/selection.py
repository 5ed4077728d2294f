"""Selects the columns of a table: targets, features and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import IngredientError, nearest
from .cells import counted
from .limits import MAX_WORDS
from .rows import Labels, Rows, Selection, are_whole, words_of
from .table import Column, Table, shown_names


def select(table: Table, selection: Selection) -> Rows:
    """The rows of a table.

    Raises IngredientError about the option that names a wrong column, or about `data`.
    """
    chosen = _Choice(table, selection)
    wants_label = selection.labels and len(chosen.target) == 1
    numeric = [name for name in chosen.features if name not in selection.categorical]
    weight = [selection.weight] if selection.weight else []
    numbers = [*numeric, *weight, *(() if wants_label else chosen.target)]
    words = [*selection.categorical, *(chosen.target if wants_label else ())]
    columns = table.read(numbers, words)
    _check_text(table, columns, numeric, chosen.target, wants_label)
    _check_cells(table, columns)
    targets, labels = None, None
    if wants_label:
        targets, labels = _labels(table, chosen.target[0], columns[chosen.target[0]])
    else:
        targets = _stacked(columns, chosen.target)
    return Rows(
        _stacked(columns, numeric),
        targets,
        labels,
        _weights(table, selection.weight, columns),
        table.source,
        tuple(numeric),
        chosen.target,
        {name: _categories(table, name, columns[name]) for name in selection.categorical},
        chosen.features,
        table.classes,
    )


class _Choice:
    """The names of the target and feature columns; raises IngredientError if they are wrong."""

    def __init__(self, table: Table, selection: Selection) -> None:
        self._table = table
        named = ("target", selection.target), ("features", selection.features or ())
        weight = ("weight", (selection.weight,) if selection.weight else ())
        for key, names in (*named, ("categorical", selection.categorical), weight):
            self._check(key, names)
        self.target = selection.target or table.target
        if not self.target:
            raise IngredientError(
                'name the column to predict, such as target = "'
                f'{table.names[-1]}"; {table.source} has {shown_names(table.names)}',
                "target",
            )
        others = {*self.target, selection.weight}
        if selection.features is None:
            self.features = self._all_but(others)
        else:
            self.features = selection.features
            for name in self.features:
                if name in others:
                    what = "target" if name in self.target else "weight"
                    message = f'"{name}" is the {what}, so it cannot be a feature; remove it'
                    raise IngredientError(message, "features")
        if selection.weight in self.target:
            raise IngredientError(f'"{selection.weight}" is the target; name another', "weight")
        for name in selection.categorical:
            if name not in self.features:
                hint = nearest(name, self.features)
                raise IngredientError(f'"{name}" is not one of the features; {hint}', "categorical")

    def _check(self, key: str, names: Sequence[str]) -> None:
        for index, name in enumerate(names):
            if name not in self._table.names or not name:
                hint = nearest(name, shown_or_all(self._table.names))
                message = f'{self._table.source} has no column "{name}"; {hint}'
                raise IngredientError(message, key)
            if name in names[:index]:
                raise IngredientError(f'"{name}" is listed twice; remove one', key)

    def _all_but(self, others: set[str | None]) -> tuple[str, ...]:
        for place, name in enumerate(self._table.names, 1):
            if not name:
                raise IngredientError(
                    f"column {place} of {self._table.source} has no name (a row number?); remove "
                    "it from the file, or list the features: features = [ … ]",
                    "data",
                )
        features = tuple(name for name in self._table.names if name not in others)
        if not features:
            message = f"{self._table.source} has no columns besides the target"
            raise IngredientError(message, "data")
        return features


def shown_or_all(names: Sequence[str]) -> list[str]:
    """The names to suggest: those that are not empty."""
    return [name for name in names if name]


def _check_text(
    table: Table,
    columns: Mapping[str, Column],
    features: Sequence[str],
    target: Sequence[str],
    wants_label: bool,
) -> None:
    """Raise IngredientError for columns of text that must hold numbers."""
    text = [name for name in features if columns[name].is_text]
    if text:
        quoted = ", ".join(f'"{name}"' for name in text)
        what = f"the column {quoted} holds" if len(text) == 1 else f"the columns {quoted} hold"
        raise IngredientError(
            f"{what} text ({columns[text[0]].faults[0]}); encode it with categorical = [{quoted}], "
            "or leave it out of features",
            "data",
        )
    for name in () if wants_label else target:
        if columns[name].is_text:
            raise IngredientError(
                f'the target "{name}" holds text ({columns[name].faults[0]}): for classes, choose '
                'a loss of classes, such as loss = "cross_entropy"',
                "target",
            )


def _check_cells(table: Table, columns: Mapping[str, Column]) -> None:
    """Raise IngredientError if any cell is wrong."""
    wrong = [f'column "{name}", {one.fault}' for name, one in columns.items() if one.n_faults]
    if wrong:
        rest = len(wrong) - 2
        more = f"; and {rest:,} more columns" if rest > 0 else ""
        raise IngredientError(f"{table.source}: {'; '.join(wrong[:2])}{more}", "data")


def _labels(
    table: Table, name: str, column: Column
) -> tuple[NDArray[np.float64] | None, Labels | None]:
    """The labels of a column; or its numbers, if they are not whole."""
    if column.among:
        raise IngredientError(
            f'{table.source}: the target "{name}" has words among numbers ({column.among}); '
            "correct them, or write all labels in words",
            "target",
        )
    if column.numbers is not None and not are_whole(column.numbers):
        return column.numbers[:, None], None
    return None, as_words(column)


def _categories(table: Table, name: str, column: Column) -> Labels:
    words = as_words(column)
    count = len(np.unique(words))
    if count > MAX_WORDS:
        message = f'{table.source}: the column "{name}" has {counted(count, "different value")}; '
        raise IngredientError(f"{message}at most {MAX_WORDS:,} can be categories", "categorical")
    return words


def as_words(column: Column) -> Labels:
    """The labels or categories of a column; whole numbers are written as such."""
    if column.numbers is None:
        assert column.words is not None
        return column.words
    return words_of(column.numbers)


def _stacked(columns: Mapping[str, Column], names: Sequence[str]) -> NDArray[np.float64]:
    stacked = np.empty((len(next(iter(columns.values()))), len(names)))
    for place, name in enumerate(names):
        stacked[:, place] = columns[name].numbers
    return stacked


def _weights(
    table: Table, name: str | None, columns: Mapping[str, Column]
) -> NDArray[np.float64] | None:
    if name is None:
        return None
    weights = columns[name].numbers
    assert weights is not None
    negative = np.flatnonzero(weights < 0)
    if negative.size:
        raise IngredientError(
            f'{table.source}: the weight "{name}" of sample {negative[0]} is '
            f"{weights[negative[0]]:g}; weights must not be negative",
            "weight",
        )
    if not weights.any():
        raise IngredientError(f'{table.source}: all weights "{name}" are 0', "weight")
    return weights
