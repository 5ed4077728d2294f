"""The summary: one row a learning rate (and per other axis but the seed), over all seeds.

Every count and quantile of `summary.csv` is made here.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

OUTCOME_COLUMNS = ("converged", "diverged", "stalled", "unfinished")
QUANTILES = {"steps_q25": 0.25, "steps_median": 0.5, "steps_q75": 0.75}
_NORMAL_95 = statistics.NormalDist().inv_cdf(0.975)


def summarise(trials: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """The summary of `trials` over seeds; `axes` are the axis columns in plan order.

    A trial that did not converge counts as one that needs infinitely many steps; a quantile is
    the smallest number of steps by which that share of all trials had converged, empty where
    that is never. `success_low` and `success_high` are the 95 % Wilson interval (Wilson 1927).
    """
    keys = [axis for axis in axes if axis != "seed"]
    code, table = _groups(trials, keys)
    count = np.bincount(code, minlength=len(table))
    outcome = trials["outcome"].astype(str).to_numpy()
    table["trials"] = count
    for name in OUTCOME_COLUMNS:
        table[name] = _count(code, outcome == name, len(table))
    if (outcome == "completed").any():  # only sweeps without a stop rule have such
        table["completed"] = _count(code, outcome == "completed", len(table))
    table["success_rate"] = table["converged"] / count
    table["success_low"], table["success_high"] = wilson(table["converged"].to_numpy(), count)
    steps = np.where(outcome == "converged", trials["steps"].to_numpy(dtype=float), np.inf)
    ordered, first = _sorted_by_group(code, steps, count)
    for column, share in QUANTILES.items():
        value = ordered[first + _rank(share, count)]
        table[column] = np.where(np.isfinite(value), value, np.nan)
    losses = trials["final_loss"].to_numpy(dtype=float)
    ordered, first = _sorted_by_group(code, np.where(np.isnan(losses), np.inf, losses), count)
    table["final_loss_median"] = ordered[first + _rank(0.5, count)]
    return table


def wilson(successes: NDArray[Any], trials: NDArray[Any]) -> tuple[Any, Any]:
    """95 % Wilson score interval of a success rate, as lower and upper ends."""
    z2 = _NORMAL_95**2
    rate = successes / trials
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = np.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) * _NORMAL_95
    half /= 1 + z2 / trials
    low = np.where(successes == 0, 0.0, middle - half)  # exact at both ends, without rounding
    return low, np.where(successes == trials, 1.0, middle + half)


def _groups(trials: pd.DataFrame, keys: list[str]) -> tuple[NDArray[np.int64], pd.DataFrame]:
    """A group number a trial, and the groups' keys: numbers ascending, text as it came."""
    code = np.zeros(len(trials), np.int64)
    columns: list[Any] = []
    for key in keys:
        numeric = pd.api.types.is_numeric_dtype(trials[key])
        one, values = pd.factorize(trials[key], sort=numeric)
        code = code * len(values) + one
        columns.append(values)
    present, code = np.unique(code, return_inverse=True)
    table: dict[str, Any] = {}
    for key, values in zip(reversed(keys), reversed(columns), strict=True):
        present, place = np.divmod(present, len(values))
        table[key] = values[place]
    rows = {key: table[key] for key in keys}
    return code, pd.DataFrame(rows, index=range(int(code.max()) + 1 if len(code) else 0))


def _count(code: NDArray[np.int64], which: NDArray[np.bool_], groups: int) -> NDArray[np.int64]:
    return np.bincount(code[which], minlength=groups)


def _sorted_by_group(
    code: NDArray[np.int64], values: NDArray[np.float64], count: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Values in ascending order inside each group, and where each group begins."""
    return values[np.lexsort((values, code))], np.cumsum(count) - count


def _rank(share: float, count: NDArray[np.int64]) -> NDArray[np.int64]:
    rank: NDArray[np.int64] = np.ceil(share * count).astype(np.int64) - 1
    return rank
