"""The summary of independent trials: one row per combination of the axes, over all seeds.

Every count and quantile of `summary.csv` is computed here, except for refined axes.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import outcomes
from ..ingredients.problems.quantities import rises
from .groups import Groups, Quantiles
from .outcome_columns import is_stable, outcome_codes

_QUANTILES = {"steps_q25": 0.25, "steps_median": 0.5, "steps_q75": 0.75}
_OF_LOSS = ("final_loss_median", "final_loss_low", "final_loss_high")
_NORMAL_95 = statistics.NormalDist().inv_cdf(0.975)

Number = TypeVar("Number", bound=np.generic)


@dataclass
class _Ends:
    """How trials ended: a few numbers per trial, collected part by part to save memory."""

    groups: list[NDArray[np.int32]] = field(default_factory=list)
    outcomes: list[NDArray[np.int8]] = field(default_factory=list)
    steps: list[NDArray[np.float64]] = field(default_factory=list)  # infinite if not converged
    losses: list[NDArray[np.float64]] = field(default_factory=list)
    stable: list[NDArray[np.bool_]] = field(default_factory=list)
    flat: list[NDArray[np.bool_]] = field(default_factory=list)  # the gradient is zero

    def add(self, part: pd.DataFrame, groups: NDArray[np.int32]) -> None:
        """Add the trials of one part, given their groups."""
        outcome = outcome_codes(part)
        converged = outcomes.has("is_convergence", outcome)
        self.groups.append(groups)
        self.outcomes.append(outcome)
        self.steps.append(np.where(converged, part["steps"].to_numpy(dtype=float), np.inf))
        loss = part["final_loss"].to_numpy(dtype=float)
        self.losses.append(np.where(np.isnan(loss), np.inf, loss))
        self.stable.append(is_stable(part, outcome))
        self.flat.append(part["gradient_norm"].to_numpy(dtype=float) == 0)


def summarise(
    parts: Iterable[pd.DataFrame], axes: Sequence[str], further: Sequence[str] = ()
) -> pd.DataFrame:
    """The summary of trials over seeds; `axes` are the axis columns in plan order.

    `further` are columns of measures; `NAME_median` is the median of each, and a missing value
    counts as the worst. `NAME_low` and `NAME_high` are a 95% interval of the median.

    A trial that did not converge counts as one that needs infinitely many steps. A quantile is the
    smallest number of steps within which that share of all trials converged; it is empty if
    that share never did. `success_low` and `success_high` are the 95% Wilson interval (Wilson
    1927). `stationary` counts stalled trials whose gradient is zero, or whose loss is the lowest
    of the sweep.
    """
    groups = Groups([axis for axis in axes if axis != "seed"])
    ends = _Ends()
    measured: dict[str, list[NDArray[np.float64]]] = {name: [] for name in further}
    for part in parts:
        ends.add(part, groups.codes(part))
        for name, found in measured.items():
            found.append(_worst_if_missing(part, name))
    code, table = groups.table(_joined(ends.groups))
    outcome = _joined(ends.outcomes)
    losses = _joined(ends.losses)
    stationary = _joined(ends.flat)
    stationary |= losses == losses.min(initial=np.inf)
    stationary &= outcomes.has("is_stall", outcome) & np.isfinite(losses)
    masks = {name: outcome == place for place, name in enumerate(outcomes.names())}
    masks |= {"stable": _joined(ends.stable), "stationary": stationary}
    _count(table, code, masks)
    quantiles = Quantiles(code, len(table))
    del code, outcome, masks
    steps = quantiles.of(_joined(ends.steps), list(_QUANTILES.values()))
    for column, value in zip(_QUANTILES, steps, strict=True):
        table[column] = np.where(np.isfinite(value), value, np.nan)
    (table["final_loss_median"],) = quantiles.of(losses, [0.5])
    table["final_loss_low"], table["final_loss_high"] = quantiles.median_interval(losses)
    for name, parts_of in measured.items():
        values = _joined(parts_of)
        (table[f"{name}_median"],) = quantiles.of(values, [0.5])
        table[f"{name}_low"], table[f"{name}_high"] = quantiles.median_interval(values)
    return table


def _worst_if_missing(part: pd.DataFrame, name: str) -> NDArray[np.float64]:
    values = part[name].to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isnan(values), -np.inf if rises(name) else np.inf, values)


def summary_columns() -> tuple[str, ...]:
    """The columns of a summary besides the axes."""
    counts = ("trials", *outcomes.names(), "stable", "stationary")
    rates = ("success_rate", "success_low", "success_high")
    return (*counts, *rates, *_QUANTILES, *_OF_LOSS)


def _joined(parts: list[NDArray[Number]]) -> NDArray[Number]:
    """The parts as one array; empties the list, so that no number stays in memory twice."""
    whole = np.concatenate(parts, axis=-1)
    parts.clear()
    return whole


def _count(
    table: pd.DataFrame, code: NDArray[np.int32], masks: dict[str, NDArray[np.bool_]]
) -> None:
    """Add the counts, the success rate and its interval to the table."""
    count = np.bincount(code, minlength=len(table))
    table["trials"] = count
    for name, which in masks.items():
        table[name] = np.bincount(code[which], minlength=len(table))
    converged = table[outcomes.names_with("is_convergence")].sum(axis=1).to_numpy()
    table["success_rate"] = converged / count
    table["success_low"], table["success_high"] = wilson(converged, count)


def wilson(
    successes: NDArray[np.integer], trials: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ends of the 95% Wilson score interval of a success rate."""
    z2 = _NORMAL_95**2
    rate = successes / trials
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = np.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2)) * _NORMAL_95
    half /= 1 + z2 / trials
    low = np.where(successes == 0, 0.0, middle - half)  # exactly 0, without rounding
    return low, np.where(successes == trials, 1.0, middle + half)
