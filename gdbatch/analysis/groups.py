"""Groups of trials that share the values of some columns, built up part by part."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_MOST_EXACT = 1000
_NORMAL_95 = statistics.NormalDist().inv_cdf(0.975)


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
        ordered = self._sorted(values)
        ranks = [np.ceil(share * self._count).astype(np.int64) - 1 for share in shares]
        return [ordered[self._first + rank] for rank in ranks]

    def median_interval(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Ends of a 95% interval for the median of each group; NaN with fewer than 6 values.

        The ends are order statistics, so nothing is assumed about the distribution (David and
        Nagaraja 2003, section 7.1).
        """
        ordered, rank = self._sorted(values), _interval_ranks(self._count)
        known = rank > 0
        low = ordered[self._first + np.maximum(rank, 1) - 1]
        high = ordered[self._first + self._count - np.maximum(rank, 1)]
        return np.where(known, low, np.nan), np.where(known, high, np.nan)

    def _sorted(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values of each group in ascending order, group after group."""
        ordered = values[self._order]
        for group in np.split(ordered, self._first[1:]):
            group.sort()
        return ordered


def _interval_ranks(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each number of values, the rank of the lower end of a 95% interval for their median.

    The interval reaches from this rank to the same one from above; 0 if no interval is wide enough.
    """
    distinct, which = np.unique(counts, return_inverse=True)
    return np.array([interval_rank(int(count)) for count in distinct], np.int64)[which]


def interval_rank(count: int) -> int:
    """The largest rank r for which fewer than r of `count` fair coins are heads in at most 2.5%.

    >>> [interval_rank(count) for count in (5, 6, 20, 100)]
    [0, 1, 6, 40]
    """
    if count > _MOST_EXACT:  # the normal approximation, rounded outward
        return math.floor((count - _NORMAL_95 * math.sqrt(count)) / 2)
    below, rank = 0, 0
    while (below := below + math.comb(count, rank)) <= 2**count // 40:
        rank += 1
    return rank
