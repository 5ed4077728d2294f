"""The answer: which learning rate is best, which converge, where the edge is, how sure that is.

One answer for each combination of the other axes, seeds apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

ENOUGH = 0.95  # share of seeds that must converge


@dataclass(frozen=True)
class Answer:
    """What a sweep says for one combination of its other axes."""

    axis: str  # what is chosen: learning_rate, or the last numeric axis
    combination: dict[str, Any] = field(default_factory=dict)
    seeds: int = 0  # trials behind every value
    values: int = 0
    best: float | None = None
    best_steps: float | None = None  # median, over all trials
    success: float | None = None  # share that converged at the best value
    success_low: float | None = None
    success_high: float | None = None
    converges_from: float | None = None  # range around the best in which ENOUGH converge
    converges_to: float | None = None
    edge: tuple[float, float] | None = None  # the range's last value, and the next one tried
    best_loss: float | None = None  # median, of a sweep without stop rule
    warnings: tuple[str, ...] = ()


def choice_axis(summary: pd.DataFrame, axes: Sequence[str]) -> str | None:
    """The axis that an answer is about."""
    scales = [axis for axis in axes if axis != "seed" and is_scale(summary[axis])]
    if "learning_rate" in scales:
        return "learning_rate"
    return scales[-1] if scales else None


def is_scale(column: pd.Series[Any]) -> bool:
    """Whether a column holds numbers; truth values are none."""
    kinds = pd.api.types
    return kinds.is_numeric_dtype(column) and not kinds.is_bool_dtype(column)


def other_axes(table: pd.DataFrame, axes: Sequence[str], chosen: str) -> list[str]:
    """The axes that tell sweeps of the chosen one apart: not seeds, nor what moves with it."""
    groups = table.groupby(chosen)
    return [
        axis
        for axis in axes
        if axis not in ("seed", chosen) and (groups[axis].nunique() > 1).any()
    ]  # fmt: skip


def answer(summary: pd.DataFrame, axes: Sequence[str]) -> list[Answer]:
    """The answers of a summary; `axes` are the axis columns in plan order."""
    axis = choice_axis(summary, axes)
    if axis is None:
        return []
    others = other_axes(summary, axes, axis)
    if not others:
        return [_answer(summary, axis, {})]
    answers = []
    for values, part in summary.groupby(others, sort=False, dropna=False):
        combination = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in zip(others, values, strict=True)
        }
        answers.append(_answer(part, axis, combination))
    return answers


def _answer(part: pd.DataFrame, axis: str, combination: dict[str, Any]) -> Answer:
    part = part.sort_values(axis)
    known: dict[str, Any] = {
        "axis": axis,
        "combination": combination,
        "seeds": int(part["trials"].max()),
        "values": len(part),
    }
    if "completed" in part:
        return _lowest_loss(part, axis, known)
    enough = (part["success_rate"] >= ENOUGH).to_numpy()
    steps = part["steps_median"].to_numpy()
    if np.isnan(steps).all():
        warning = "nowhere did half of the trials converge"
        return Answer(**known, warnings=(warning,))
    candidates = enough & ~np.isnan(steps) if enough.any() else ~np.isnan(steps)
    slow_quarter = np.nan_to_num(part["steps_q75"].to_numpy(), nan=np.inf)
    flat = _lowest(np.where(candidates, steps, np.inf), slow_quarter)
    place = _middle(flat)
    best = part.iloc[place]
    known |= {
        "best": float(best[axis]),
        "best_steps": float(best["steps_median"]),
        "success": float(best["success_rate"]),
        "success_low": float(best["success_low"]),
        "success_high": float(best["success_high"]),
    }
    warnings = []
    if not enough.any():
        warnings.append(f"at no {axis} did {ENOUGH:.0%} of the trials converge")
    else:
        known |= _range(part[axis].to_numpy(dtype=float), enough, place)
    return Answer(**known, warnings=(*warnings, *_end_warnings(axis, flat)))


def _lowest(values: Any, then: Any) -> Any:
    """Which values are the lowest, and of equals lowest in `then`."""
    lowest = values == values.min()
    among = np.where(lowest, then, np.inf)
    return lowest & (among == among.min())


def _middle(flat: Any) -> int:
    """The middle of a flat bottom is farthest from both of its ends."""
    places = np.flatnonzero(flat)
    return int(places[(len(places) - 1) // 2])


def _end_warnings(axis: str, flat: Any) -> list[str]:
    """A warning for each end of the axis that nothing tried is better than."""
    if len(flat) == 1:
        return []
    place = _middle(flat)
    return [
        f"the best {axis} {'is' if place == at else 'is no better than'} the {end} of the axis: "
        "widen it, the true best may lie beyond"
        for end, at in (("first", 0), ("last", len(flat) - 1))
        if flat[at]
    ]


def _range(values: Any, enough: Any, place: int) -> dict[str, Any]:
    """The unbroken stretch of values around the best one in which enough trials converge."""
    low = high = place
    while low > 0 and enough[low - 1]:
        low -= 1
    while high + 1 < len(values) and enough[high + 1]:
        high += 1
    edge = None
    if high + 1 < len(values):
        edge = (float(values[high]), float(values[high + 1]))
    return {
        "converges_from": float(values[low]),
        "converges_to": float(values[high]),
        "edge": edge,
    }


def _lowest_loss(part: pd.DataFrame, axis: str, known: dict[str, Any]) -> Answer:
    loss = part["final_loss_median"].where(part["diverged"] == 0).to_numpy(dtype=float)
    warnings = ["the sweep has no stop rule, so it says which loss was reached, not how fast"]
    if np.isnan(loss).all():
        return Answer(**known, warnings=(*warnings, f"some trials diverged at every {axis}"))
    flat = loss == np.nanmin(loss)
    best = part.iloc[_middle(flat)]
    return Answer(
        **known,
        best=float(best[axis]),
        best_loss=float(best["final_loss_median"]),
        warnings=(*warnings, *_end_warnings(axis, flat)),
    )
