"""The summary: one row a learning rate (and per other axis but the seed), over all seeds.

Every count and quantile of `summary.csv` is made here.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..outcomes import OUTCOMES, is_stable

OUTCOME_COLUMNS = ("converged", "diverged", "stalled", "unfinished")
QUANTILES = {"steps_q25": 0.25, "steps_median": 0.5, "steps_q75": 0.75}
EDGES = {"edge_q25": 0.25, "edge_median": 0.5, "edge_q75": 0.75}
_NORMAL_95 = statistics.NormalDist().inv_cdf(0.975)


def summarise(trials: pd.DataFrame, axes: Sequence[str], completes: bool = False) -> pd.DataFrame:
    """The summary of `trials` over seeds; `axes` are the axis columns in plan order.

    A trial that did not converge counts as one that needs infinitely many steps; a quantile is
    the smallest number of steps by which that share of all trials had converged, empty where
    that is never. `success_low` and `success_high` are the 95 % Wilson interval (Wilson 1927).
    completes: the sweep has no stop rule, which trials that all diverged do not show.
    """
    return summarise_parts([trials], axes, completes)


def summarise_parts(
    parts: Iterable[pd.DataFrame], axes: Sequence[str], completes: bool = False
) -> pd.DataFrame:
    """The same of trials that come in parts; holds three numbers a trial, and not the parts."""
    keys = [axis for axis in axes if axis != "seed"]
    groups = _Groups(keys)
    codes, all_steps, losses, outcomes = [], [], [], []
    for part in parts:
        outcome = pd.Categorical(part["outcome"].astype(str), categories=OUTCOMES).codes
        converged = outcome == OUTCOMES.index("converged")
        codes.append(groups.codes(part))
        outcomes.append(outcome)
        all_steps.append(np.where(converged, part["steps"].to_numpy(dtype=float), np.inf))
        loss = part["final_loss"].to_numpy(dtype=float)
        losses.append(np.where(np.isnan(loss), np.inf, loss))
    code, table = groups.table(_joined(codes))
    _count_outcomes(table, code, _joined(outcomes), completes)
    order = np.argsort(code, kind="stable")
    del code
    count = table["trials"].to_numpy()
    first = np.cumsum(count) - count
    ordered = _sorted_by_group(_joined(all_steps), order, first)
    for column, share in QUANTILES.items():
        value = ordered[first + _rank(share, count)]
        table[column] = np.where(np.isfinite(value), value, np.nan)
    del ordered
    ordered = _sorted_by_group(_joined(losses), order, first)
    table["final_loss_median"] = ordered[first + _rank(0.5, count)]
    return table


def _joined(parts: list[Any]) -> Any:
    """The parts as one array; the list is emptied, so that no number is held twice for long."""
    whole = np.concatenate(parts, axis=-1)
    parts.clear()
    return whole


def summarise_edges(
    parts: Iterable[pd.DataFrame],
    axes: Sequence[str],
    refined: str,
    rows: int,
    completes: bool = False,
) -> pd.DataFrame:
    """The summary of a sweep whose axis `refined` was bisected, `rows` trials a search.

    One row a combination of the other axes, over seeds. `edge_low` and `edge_high` bracket every
    edge found, which counts as the middle of its own bracket; in the quantiles, one that was not
    met because all trials were stable counts as +infinite, because none was, as -infinite.
    """
    keys = [axis for axis in axes if axis not in ("seed", refined)]
    groups = _Groups(keys)
    codes, found = [], []
    for part in parts:
        outcome = pd.Categorical(part["outcome"].astype(str), categories=OUTCOMES).codes
        codes.append(groups.codes(part.iloc[::rows]))
        stable = is_stable(np.asarray(outcome), not completes).reshape(-1, rows)
        found.append(_brackets(part[refined].to_numpy(dtype=float).reshape(-1, rows), stable))
    code, table = groups.table(_joined(codes))
    low, middle, high, rising = np.concatenate(found, axis=1)
    count = np.bincount(code, minlength=len(table))
    is_edge = np.isfinite(low)
    which = {"edges": is_edge, "rising": rising == 1, "all_stable": low == np.inf,
             "none_stable": low == -np.inf}  # fmt: skip
    table["trials"], table["searches"] = rows * count, count
    for name, chosen in which.items():
        table[name] = np.bincount(code[chosen], minlength=len(table))
    first = np.cumsum(count) - count
    ordered = _sorted_by_group(middle, np.argsort(code, kind="stable"), first)
    quantiles = {name: ordered[first + _rank(share, count)] for name, share in EDGES.items()}
    ends = pd.DataFrame({"low": low, "high": high})[is_edge].groupby(code[is_edge])
    values = {"edge_low": ends["low"].min().reindex(table.index).to_numpy(), **quantiles,
              "edge_high": ends["high"].max().reindex(table.index).to_numpy()}  # fmt: skip
    for name, value in values.items():
        table[name] = np.where(np.isfinite(value), value, np.nan)
    return table


def _brackets(values: NDArray[np.float64], stable: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Lower end, middle, upper end of each search's last bracket, and whether it rises.

    (4, searches); the bracket is +infinite where all trials were stable, -infinite where none was.
    """
    rising = ~stable[:, 0] & stable[:, 1]
    middles, is_low = values[:, 2:], stable[:, 2:] != rising[:, None]
    low = np.where(is_low, middles, values[:, :1]).max(axis=1, initial=-np.inf)
    high = np.where(is_low, values[:, 1:2], middles).min(axis=1, initial=np.inf)
    low, high = np.maximum(low, values[:, 0]), np.minimum(high, values[:, 1])
    low_is_stable = np.where(is_low.any(axis=1), ~rising, stable[:, 0])
    high_is_stable = np.where(is_low.all(axis=1), stable[:, 1], rising)
    beyond = np.where(low_is_stable, np.inf, -np.inf)
    middle = low + (high - low) / 2
    is_edge = low_is_stable != high_is_stable
    return np.array([*np.where(is_edge, [low, middle, high], beyond), rising])


def _count_outcomes(
    table: pd.DataFrame, code: NDArray[np.int32], outcome: NDArray[np.int8], completes: bool
) -> None:
    """Put counts, success rate and its interval into the table."""
    count = np.bincount(code, minlength=len(table))
    table["trials"] = count
    for name in OUTCOMES:
        which = outcome == OUTCOMES.index(name)
        if name in OUTCOME_COLUMNS or completes or which.any():
            table[name] = np.bincount(code[which], minlength=len(table))
    table["success_rate"] = table["converged"] / count
    table["success_low"], table["success_high"] = wilson(table["converged"].to_numpy(), count)


def wilson(successes: NDArray[Any], trials: NDArray[Any]) -> tuple[Any, Any]:
    """95 % Wilson score interval of a success rate, as lower and upper ends."""
    z2 = _NORMAL_95**2
    rate = successes / trials
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = np.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) * _NORMAL_95
    half /= 1 + z2 / trials
    low = np.where(successes == 0, 0.0, middle - half)  # exact at both ends, without rounding
    return low, np.where(successes == trials, 1.0, middle + half)


class _Groups:
    """Numbers for the combinations of some columns' values."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys
        self._places: dict[str, dict[Any, int]] = {key: {} for key in keys}  # in order of coming

    def codes(self, part: pd.DataFrame) -> NDArray[np.int32]:
        """For each key, the place of each row's value, (keys, rows)."""
        rows = np.zeros((len(self._keys), len(part)), np.int32)
        for row, key in zip(rows, self._keys, strict=True):
            places = self._places[key]
            local, values = pd.factorize(part[key])
            known = [places.setdefault(value, len(places)) for value in values]
            row[:] = np.array(known, np.int32)[local]
        return rows

    def table(self, codes: NDArray[np.int32]) -> tuple[NDArray[np.int32], pd.DataFrame]:
        """A group number a row, and the groups' keys: numbers ascending, text as it came."""
        code = np.zeros(codes.shape[1], np.int32)
        found: dict[str, Any] = {}
        for row, key in zip(codes, self._keys, strict=True):
            values = pd.Series(list(self._places[key]))
            found[key] = values.to_numpy()
            rank = np.arange(len(values))
            if pd.api.types.is_numeric_dtype(values):
                rank[np.argsort(found[key], kind="stable")] = np.arange(len(values))
            if len(found) == 1:
                code = rank.astype(np.int32)[row]
                continue
            # numbered anew after every key: a product of many keys' lengths has no int64
            both = code * np.int64(len(values)) + rank[row]
            code = np.unique(both, return_inverse=True)[1].astype(np.int32)
        member = np.zeros(int(code.max()) + 1 if len(code) else 0, np.int64)
        member[code] = np.arange(len(code))  # any row of each group has its values
        rows = {key: found[key][row[member]] for row, key in zip(codes, self._keys, strict=True)}
        return code, pd.DataFrame(rows, index=range(len(member)))


def _sorted_by_group(
    values: NDArray[np.float64], order: NDArray[np.int64], first: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Values ascending inside each group; `order` brings groups, which begin at `first`."""
    ordered = values[order]
    for group in np.split(ordered, first[1:]):
        group.sort()
    return ordered


def _rank(share: float, count: NDArray[np.int64]) -> NDArray[np.int64]:
    rank: NDArray[np.int64] = np.ceil(share * count).astype(np.int64) - 1
    return rank
