"""Groups of trials that share the values of some columns, built up part by part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class Groups:
    """Numbers the combinations of values in some columns."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = list(keys)
        # for each column: value → index in order of appearance
        self._places: dict[str, dict[object, int]] = {key: {} for key in keys}

    def codes(self, part: pd.DataFrame) -> NDArray[np.int32]:
        """The index of each row's value in each column; (columns, rows)."""
        rows = np.zeros((len(self._keys), len(part)), np.int32)
        for row, key in zip(rows, self._keys, strict=True):
            places = self._places[key]
            local, values = pd.factorize(part[key])
            known = [places.setdefault(value, len(places)) for value in values]
            row[:] = np.array(known, np.int32)[local]
        return rows

    def table(self, codes: NDArray[np.int32]) -> tuple[NDArray[np.int32], pd.DataFrame]:
        """The group of each row, and a table of the groups' values.

        Groups are sorted: numbers ascending, text in order of appearance.
        """
        code = np.zeros(codes.shape[1], np.int32)
        found: dict[str, NDArray[np.generic]] = {}
        for row, key in zip(codes, self._keys, strict=True):
            values = pd.Series(list(self._places[key]))
            found[key] = values.to_numpy()
            rank = np.arange(len(values))
            if pd.api.types.is_numeric_dtype(values):
                rank[np.argsort(found[key], kind="stable")] = np.arange(len(values))
            if len(found) == 1:
                code = rank.astype(np.int32)[row]
                continue
            # renumbered after every column: the product of many columns' lengths overflows int64
            both = code * np.int64(len(values)) + rank[row]
            code = np.unique(both, return_inverse=True)[1].astype(np.int32)
        member = np.zeros(int(code.max()) + 1 if len(code) else 0, np.int64)
        member[code] = np.arange(len(code))  # any row of a group has its values
        rows = {key: found[key][row[member]] for row, key in zip(codes, self._keys, strict=True)}
        return code, pd.DataFrame(rows, index=range(len(member)))


class Quantiles:
    """Quantiles inside each group: always one of the values, never a mean of two."""

    def __init__(self, code: NDArray[np.int32], groups: int) -> None:
        self._count = np.bincount(code, minlength=groups)
        self._first = np.cumsum(self._count) - self._count
        self._order = np.argsort(code, kind="stable")

    def of(self, values: NDArray[np.float64], shares: Sequence[float]) -> list[NDArray[np.float64]]:
        """For each share, the smallest value at or below which that share of its group lies."""
        ordered = values[self._order]
        for group in np.split(ordered, self._first[1:]):
            group.sort()
        ranks = [np.ceil(share * self._count).astype(np.int64) - 1 for share in shares]
        return [ordered[self._first + rank] for rank in ranks]
