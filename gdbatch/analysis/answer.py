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
    numeric = [
        axis for axis in axes if axis != "seed" and pd.api.types.is_numeric_dtype(summary[axis])
    ]
    if "learning_rate" in numeric:
        return "learning_rate"
    return numeric[-1] if numeric else None


def answer(summary: pd.DataFrame, axes: Sequence[str]) -> list[Answer]:
    """The answers of a summary; `axes` are the axis columns in plan order."""
    axis = choice_axis(summary, axes)
    if axis is None:
        return []
    others = [name for name in axes if name not in ("seed", axis)]
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
    place = _fastest(np.where(candidates, steps, np.inf), part["steps_q75"].to_numpy())
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
    if len(part) > 1 and place in (0, len(part) - 1):
        end = "first" if place == 0 else "last"
        warnings.append(
            f"the best {axis} is the {end} of the axis: widen it, the true best may lie beyond"
        )
    return Answer(**known, warnings=tuple(warnings))


def _fastest(steps: Any, slow_quarter: Any) -> int:
    """The place of the fewest steps; of equals those with the best slow quarter, there the middle.

    The middle of a flat bottom is farthest from both of its ends.
    """
    best = steps == steps.min()
    slow = np.where(best, np.nan_to_num(slow_quarter, nan=np.inf), np.inf)
    best &= slow == slow.min()
    places = np.flatnonzero(best)
    return int(places[(len(places) - 1) // 2])


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
    loss = part["final_loss_median"].where(part["diverged"] == 0)
    warnings = ["the sweep has no stop rule, so it says which loss was reached, not how fast"]
    if loss.isna().all():
        return Answer(**known, warnings=(*warnings, f"some trials diverged at every {axis}"))
    place = int(np.nanargmin(loss.to_numpy(dtype=float)))
    if len(part) > 1 and place in (0, len(part) - 1):
        warnings.append(f"the best {axis} is at an end of the axis")
    best = part.iloc[place]
    return Answer(
        **known,
        best=float(best[axis]),
        best_loss=float(best["final_loss_median"]),
        warnings=tuple(warnings),
    )


def as_words(answers: Sequence[Answer]) -> str:
    """The answers as a person would tell them."""
    return "\n\n".join(_words(one) for one in answers)


def _words(one: Answer) -> str:
    name = one.axis.replace("_", " ")
    lines = []
    if one.combination:
        lines.append(", ".join(f"{key} = {value}" for key, value in one.combination.items()))
    if one.best is not None and one.best_loss is not None:
        lines.append(f"lowest loss at {name} {number(one.best)}: median {one.best_loss:.3g}")
    elif one.best is not None:
        assert one.best_steps is not None and one.success is not None
        lines.append(f"best {name}: {number(one.best)} (median {one.best_steps:,.0f} steps)")
        if one.converges_from is not None and one.converges_to is not None:
            lines.append(
                f"converges (at least {ENOUGH:.0%} of seeds): "
                f"{number(one.converges_from)} to {number(one.converges_to)}"
            )
            lines.append(
                f"edge: between {number(one.edge[0])} and {number(one.edge[1])}"
                if one.edge
                else "edge: not reached; the largest value tried still converges"
            )
        lines.append(
            f"how sure: {_count(one)} at every {name}; at the best one "
            f"{one.success:.1%} converged (95% interval "
            f"{one.success_low:.1%} to {one.success_high:.1%})"
        )
    lines += [f"warning: {warning}" for warning in one.warnings]
    return "\n".join(lines)


def _count(one: Answer) -> str:
    return "1 trial" if one.seeds == 1 else f"{one.seeds:,} trials"


def number(value: float) -> str:
    """A number for people: 1,122 or 0.0316."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
