"""The answer of a grid: the best value of an axis, and where trials converge and are stable.

There is one answer for each combination of the other axes, over all seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .. import outcomes, registry
from ..ingredients.problems.quantities import rises
from ..registry import register
from .axes import choice_axis, other_axes
from .formatting import DIGITS, combination_words, count, digits_apart, number
from .protocol import FEWEST_STEPS, Analysis, Criterion
from .summary import summarise, summary_columns

_MOST_BLOCKS = 12  # combinations listed one by one; of more, only the best is shown
_MOST_RANGES = 4

Mask = NDArray[np.bool_]
Range = tuple[float, float]


@dataclass(frozen=True)
class GridAnswer:
    """The answer for one combination of the other axes."""

    axis: str  # what is chosen: learning_rate, or the last numeric axis
    combination: dict[str, object] = field(default_factory=dict)
    trials: int = 0  # at every value
    values: int = 0
    best: float | None = None
    best_steps: float | None = None  # median, over all trials
    best_value: float | None = None  # median of another objective than steps
    best_low: float | None = None  # 95% interval of that median; None with fewer than 6 trials
    best_high: float | None = None
    success: float | None = None  # share that converged at the best value
    success_low: float | None = None
    success_high: float | None = None
    converges_from: float | None = None  # the range around the best value with enough successes
    converges_to: float | None = None
    stable_to: float | None = None  # the largest value up to which enough trials are stable
    edge: Range | None = None  # of stability: that value, and the next one tried
    too_slow: tuple[Range, ...] = ()  # stable, but the budget ended first
    stalled: int = 0  # trials, at all values
    stationary: int = 0  # of these, at a stationary point
    objective: str = "steps"
    required: float = 0.95  # the share of trials that counts as enough
    warnings: tuple[str, ...] = ()


@register("analysis", "grid")
class GridAnalysis(Analysis):
    """Independent trials: counts and quantiles over seeds, the best value, and the edge."""

    @staticmethod
    def summary_columns() -> Sequence[str]:
        return summary_columns()

    def summarise(self, parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
        return summarise(parts, self.facts.axes, self.facts.further)

    def answers(self, summary: pd.DataFrame) -> list[GridAnswer]:
        return grid_answers(summary, self.facts.axes, self.facts.criterion)

    def words(self, answers: Sequence[GridAnswer], summary: pd.DataFrame) -> str:
        return grid_words(answers, self.facts.max_steps) or _counts(summary)


def grid_answers(
    summary: pd.DataFrame, axes: Sequence[str], criterion: Criterion = FEWEST_STEPS
) -> list[GridAnswer]:
    """The answers of a summary; `axes` are the axis columns in plan order."""
    axis = choice_axis(summary, axes)
    if axis is None:
        return []
    others = other_axes(summary, axes, axis)
    if not others:
        return [answer_about(summary, axis, criterion)]
    answers = []
    for values, part in summary.groupby(others, sort=False, dropna=False):
        combination = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in zip(others, values, strict=True)
        }
        answers.append(replace(answer_about(part, axis, criterion), combination=combination))
    return answers


def answer_about(part: pd.DataFrame, axis: str, criterion: Criterion = FEWEST_STEPS) -> GridAnswer:
    """The answer of those rows of a summary that differ in one axis only."""
    part = part.sort_values(axis)
    values = part[axis].to_numpy(dtype=float)
    stable = (part["stable"] >= criterion.success * part["trials"]).to_numpy()
    stable_to, edge = _stability(values, stable)
    known = GridAnswer(
        axis,
        trials=int(part["trials"].max()),
        values=len(part),
        stable_to=stable_to,
        edge=edge,
        stalled=int(part[outcomes.names_with("is_stall")].to_numpy().sum()),
        stationary=int(part["stationary"].sum()),
        objective=criterion.objective,
        required=criterion.success,
    )
    known = replace(known, too_slow=_too_slow(part, values, stable, criterion.success))
    if criterion.objective == "steps":
        return _with_fewest_steps(known, part)
    return _with_best_value(known, part, criterion)


def _stability(values: NDArray[np.float64], stable: Mask) -> tuple[float | None, Range | None]:
    """The largest value up to which all are stable, and the edge: this and the next value."""
    if not stable.all():
        unstable = int(np.argmin(stable))
        if unstable == 0:
            return None, None
        low, high = values[unstable - 1 : unstable + 1].tolist()
        return low, (low, high)
    return float(values[-1]), None


def _too_slow(
    part: pd.DataFrame, values: NDArray[np.float64], stable: Mask, enough: float
) -> tuple[Range, ...]:
    """Ranges of stable values at which the budget ended before most trials could converge."""
    too_slow, converged = map(outcomes.names_with, ("is_too_slow", "is_convergence"))
    others = [name for name in outcomes.names() if name not in (*too_slow, *converged)]
    mostly_too_slow = part[too_slow].sum(axis=1) >= part[others].max(axis=1)
    slow = stable & (mostly_too_slow & (part["success_rate"] < enough)).to_numpy()
    starts = np.flatnonzero(slow & ~np.append(False, slow[:-1]))
    ends = np.flatnonzero(slow & ~np.append(slow[1:], False))
    return tuple(zip(values[starts].tolist(), values[ends].tolist(), strict=True))


# the best value --------------------------------------------------------------------------------


def _with_fewest_steps(known: GridAnswer, part: pd.DataFrame) -> GridAnswer:
    enough = (part["success_rate"] >= known.required).to_numpy()
    steps = part["steps_median"].to_numpy(dtype=float)
    if np.isnan(steps).all():
        return replace(known, warnings=("at every value, fewer than half of the trials converged",))
    candidates = enough & ~np.isnan(steps) if enough.any() else ~np.isnan(steps)
    slow_quarter = np.nan_to_num(part["steps_q75"].to_numpy(dtype=float), nan=np.inf)
    flat = _lowest(np.where(candidates, steps, np.inf), slow_quarter)
    place = _middle(flat)
    best = part.iloc[place]
    found = replace(
        known,
        best=float(best[known.axis]),
        best_steps=float(best["steps_median"]),
        success=float(best["success_rate"]),
        success_low=float(best["success_low"]),
        success_high=float(best["success_high"]),
    )
    warnings = _end_warnings(known.axis, flat)
    if not enough.any():
        name = known.axis.replace("_", " ")
        few = f"at every {name}, fewer than {known.required:.0%} of the trials converged"
        return replace(found, warnings=(few, *warnings))
    low, high = _around(place, enough)
    values = part[known.axis].to_numpy(dtype=float)
    return replace(
        found,
        converges_from=float(values[low]),
        converges_to=float(values[high]),
        warnings=tuple(warnings),
    )


def _with_best_value(known: GridAnswer, part: pd.DataFrame, criterion: Criterion) -> GridAnswer:
    """The lowest median of the objective, or the highest if larger values are better."""
    diverged = part[outcomes.names_with("is_divergence")].sum(axis=1)
    loss = part[criterion.column].where(diverged == 0).to_numpy(dtype=float)
    if criterion.is_share:
        loss = -loss
    name, by_default = (
        known.axis.replace("_", " "),
        part[outcomes.names_with("lacks_stop_rule")].to_numpy().any(),
    )
    warnings = []
    if criterion.objective == "final_loss" and by_default:
        warnings = ["the sweep has no stop rule, so the answer compares final losses, not speed"]
    if np.isnan(loss).all():
        return replace(known, warnings=(*warnings, f"at every {name}, some trials diverged"))
    flat = loss == np.nanmin(loss)
    best = part.iloc[_middle(flat)]
    return replace(
        known,
        best=float(best[known.axis]),
        best_value=float(best[criterion.column]),
        best_low=_finite(best[f"{criterion.objective}_low"]),
        best_high=_finite(best[f"{criterion.objective}_high"]),
        warnings=(*warnings, *_end_warnings(known.axis, flat)),
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _lowest(values: NDArray[np.float64], then: NDArray[np.float64]) -> Mask:
    """Which values are the lowest; ties are broken by `then`."""
    lowest = values == values.min()
    among = np.where(lowest, then, np.inf)
    is_lowest: Mask = lowest & (among == among.min())
    return is_lowest


def _middle(flat: Mask) -> int:
    """The middle of equally good values, which is farthest from both of their ends."""
    places = np.flatnonzero(flat)
    return int(places[(len(places) - 1) // 2])


def _around(place: int, enough: Mask) -> tuple[int, int]:
    """The first and last index of the unbroken range around an index."""
    low = high = place
    while low > 0 and enough[low - 1]:
        low -= 1
    while high + 1 < len(enough) and enough[high + 1]:
        high += 1
    return low, high


def _end_warnings(axis: str, flat: Mask) -> list[str]:
    """A warning for each end of the axis at which the value is as good as any other."""
    if len(flat) == 1:
        return []
    place, name = _middle(flat), axis.replace("_", " ")
    return [
        f"the best {name} {'is' if place == at else 'is no better than'} the {end} one tried: "
        "the true best may lie beyond it, so widen the axis"
        for end, at in (("first", 0), ("last", len(flat) - 1))
        if flat[at]
    ]


# words -----------------------------------------------------------------------------------------


def grid_words(answers: Sequence[GridAnswer], max_steps: int | None = None) -> str:
    """The answers as text; of more than a dozen combinations, only the best one."""
    found = [one for one in answers if one.best is not None]
    if len(answers) <= _MOST_BLOCKS or not found:
        return "\n\n".join(_words(one, max_steps) for one in answers[:_MOST_BLOCKS])
    measured = [one.best_steps if one.best_value is None else one.best_value for one in found]
    sign = -1 if rises(found[0].objective) else 1
    best = found[int(np.argmin(sign * np.array(measured, dtype=float)))]
    names = ", ".join(best.combination)
    return (
        f"the best of {len(answers):,} combinations of {names} (all are in summary.csv):\n"
        + _words(best, max_steps)
    )


def _words(one: GridAnswer, max_steps: int | None) -> str:
    name = one.axis.replace("_", " ")
    digits = digits_apart(*one.edge) if one.edge else DIGITS
    lines = [combination_words(one.combination)] if one.combination else []
    if one.best is not None and one.best_value is not None:
        lines.append(
            f"{'highest' if rises(one.objective) else 'lowest'} median "
            f"{_named(one.objective)} without a divergence: {number(one.best_value)} "
            f"at {name} {number(one.best, digits)}{_interval(one)}"
        )
    elif one.best is not None and one.best_steps is not None:
        steps = f"{one.best_steps:,.0f} {'step' if one.best_steps == 1 else 'steps'}"
        median = steps if one.trials == 1 else f"median {steps}"
        lines.append(f"best {name}: {number(one.best, digits)} ({median})")
    if one.converges_from is not None and one.converges_to is not None:
        most = "" if one.trials == 1 else f" (at least {one.required:.0%} of trials)"
        lines.append(f"converges{most}: {_range((one.converges_from, one.converges_to), digits)}")
    lines += _edge_words(one)
    if one.too_slow:
        budget = "the budget" if max_steps is None else count(max_steps, "step")
        lines.append(f"too slow to converge in {budget}: {_ranges(one.too_slow, digits)}")
    lines += _stalled_words(one)
    lines += _reliability_words(one, name)
    return "\n".join([*lines, *(f"warning: {warning}" for warning in one.warnings)])


def _interval(one: GridAnswer) -> str:
    if one.best_low is None or one.best_high is None:
        return ""
    ends = f"{number(one.best_low)} to {number(one.best_high)}"
    return f" (95% interval of the median: {ends}, {one.trials:,} trials)"


def _named(objective: str) -> str:
    """An objective in words; the final loss is the loss."""
    return "loss" if objective == "final_loss" else objective.replace("_", " ")


def _edge_words(one: GridAnswer) -> list[str]:
    if one.values == 1:
        return []
    if one.edge is not None:
        digits = digits_apart(*one.edge)
        low, high = (number(value, digits) for value in one.edge)
        return [f"edge of stability: between {low} and {high}"]
    if one.stable_to is not None:
        return ["edge of stability: not reached; the largest value tried is still stable"]
    return ["edge of stability: not found; the smallest value tried is already unstable"]


def _stalled_words(one: GridAnswer) -> list[str]:
    if not one.stalled:
        return []
    text = f"stalled: {count(one.stalled, 'trial')}"
    rest = one.stalled - one.stationary
    if one.stationary:
        those = f"{one.stationary:,} of them " if rest else ""
        verb = "is" if one.stationary == 1 else "are"
        text += f"; {those}{verb} at a stationary point"
    if rest:
        others = "for the others try" if one.stationary else "try"
        remedies = (
            registry.get("outcome", name).remedy for name in outcomes.names_with("is_stall")
        )
        text += f"; {others} {' or '.join(filter(None, remedies))}"
    return [text]


def _reliability_words(one: GridAnswer, name: str) -> list[str]:
    if one.success is None:
        return []
    if one.trials == 1:
        return [f"reliability: unknown, with one trial per {name}"]
    return [
        f"reliability: {one.trials:,} trials per {name}; at the best one, {one.success:.1%} "
        f"converged (95% interval {one.success_low:.1%} to {one.success_high:.1%})"
    ]


def _range(ends: Range, digits: int) -> str:
    low, high = (number(value, digits) for value in ends)
    return low if ends[0] == ends[1] else f"{low} to {high}"


def _ranges(ranges: Sequence[Range], digits: int) -> str:
    shown = [_range(ends, digits) for ends in ranges[:_MOST_RANGES]]
    if len(ranges) > _MOST_RANGES:
        shown.append(f"{len(ranges) - _MOST_RANGES} further ranges")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _counts(summary: pd.DataFrame) -> str:
    """How many trials had each outcome, for a sweep without a numeric axis."""
    counts = summary[list(outcomes.names())].sum()
    shown = [f"{count:,} {outcome}" for outcome, count in counts.items() if count]
    if counts.sum() == 1:
        return f"one trial: {shown[0].removeprefix('1 ')}"
    return f"{counts.sum():,} trials: {', '.join(shown)}; there is no numeric axis to compare"
