"""The edges found by bisections: their summary and the answers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..registry import register
from .formatting import apart, combination_words, digits_apart, number
from .groups import Groups, Quantiles
from .outcome_columns import is_stable, outcome_codes
from .protocol import Analysis

_COUNTS = ("trials", "searches", "edges", "rising", "all_stable", "none_stable")
_QUANTILES = {"edge_q25": 0.25, "edge_median": 0.5, "edge_q75": 0.75}


@dataclass(frozen=True)
class EdgeAnswer:
    """Where trials become unstable, for one combination of the other axes, over seeds."""

    axis: str  # the refined one
    combination: dict[str, object] = field(default_factory=dict)
    searches: int = 0
    edges: int = 0  # searches that found one
    rising: int = 0  # of these, edges with the stable trials above instead of below
    all_stable: int = 0
    none_stable: int = 0
    low: float | None = None  # all edges lie between low
    q25: float | None = None
    median: float | None = None
    q75: float | None = None
    high: float | None = None  # and high


@register("analysis", "bisection")
class BisectionAnalysis(Analysis):
    """Bisections along one axis: brackets of the edges, and their quantiles over seeds."""

    @staticmethod
    def summary_columns() -> Sequence[str]:
        return (*_COUNTS, "edge_low", *_QUANTILES, "edge_high")

    def summarise(self, parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
        search = self.facts.search
        return summarise_edges(parts, self.facts.axes, search["axis"], search["rows"])

    def answers(self, summary: pd.DataFrame) -> list[EdgeAnswer]:
        return edge_answers(summary, self.facts.axes, self.facts.search["axis"])

    def words(self, answers: Sequence[EdgeAnswer], summary: pd.DataFrame) -> str:
        return "\n\n".join("\n".join(_words(one)) for one in answers)


# the summary -----------------------------------------------------------------------------------


def summarise_edges(
    parts: Iterable[pd.DataFrame], axes: Sequence[str], refined: str, rows: int
) -> pd.DataFrame:
    """The summary of a sweep whose axis `refined` was bisected, `rows` trials per search.

    One row per combination of the other axes, over seeds. `edge_low` and `edge_high` enclose all
    edges; each counts as the middle of its own bracket. In the quantiles, a search without an edge
    counts as +infinity if all its trials were stable, and as -infinity if none was.
    """
    groups = Groups([axis for axis in axes if axis not in ("seed", refined)])
    codes, found = [], []
    for part in parts:
        codes.append(groups.codes(part.iloc[::rows]))
        stable = is_stable(part, outcome_codes(part)).reshape(-1, rows)
        found.append(_brackets(part[refined].to_numpy(dtype=float).reshape(-1, rows), stable))
    code, table = groups.table(np.concatenate(codes, axis=-1))
    low, middle, high, rising = np.concatenate(found, axis=1)
    count = np.bincount(code, minlength=len(table))
    is_edge = np.isfinite(low)
    which = {"edges": is_edge, "rising": rising == 1, "all_stable": low == np.inf,
             "none_stable": low == -np.inf}  # fmt: skip
    table["trials"], table["searches"] = rows * count, count
    for name, chosen in which.items():
        table[name] = np.bincount(code[chosen], minlength=len(table))
    quantiles = Quantiles(code, len(table)).of(middle, list(_QUANTILES.values()))
    ends = pd.DataFrame({"low": low, "high": high})[is_edge].groupby(code[is_edge])
    values = {
        "edge_low": ends["low"].min().reindex(table.index).to_numpy(),
        **dict(zip(_QUANTILES, quantiles, strict=True)),
        "edge_high": ends["high"].max().reindex(table.index).to_numpy(),
    }
    for name, value in values.items():
        table[name] = np.where(np.isfinite(value), value, np.nan)
    return table


def _brackets(values: NDArray[np.float64], stable: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Lower end, middle and upper end of each search's narrowest bracket, and whether it rises.

    (4, searches); the bracket is +infinity where all trials were stable, -infinity where none was.
    """
    rising = ~stable[:, 0] & stable[:, 1]  # the first two trials are the ends
    order = np.argsort(values, axis=1, kind="stable")
    values = np.take_along_axis(values, order, axis=1)
    stable = np.take_along_axis(stable, order, axis=1)
    is_edge = (stable[:, :-1] != stable[:, 1:]) & (stable[:, 1:] == rising[:, None])
    width = np.where(is_edge, np.diff(values, axis=1), np.inf)
    place = width.argmin(axis=1)[:, None]
    low, high = (np.take_along_axis(values, place + one, axis=1)[:, 0] for one in (0, 1))
    beyond = np.where(stable.all(axis=1), np.inf, -np.inf)
    brackets = np.where(is_edge.any(axis=1), [low, low + (high - low) / 2, high], beyond)
    return np.array([*brackets, rising])


# the answer ------------------------------------------------------------------------------------


def edge_answers(summary: pd.DataFrame, axes: Sequence[str], refined: str) -> list[EdgeAnswer]:
    """The answers of a summary of edges, one per row; `axes` are the axis columns in plan order."""
    keys = [
        axis for axis in axes if axis not in ("seed", refined) and summary[axis].nunique() > 1
    ]  # fmt: skip
    return [
        EdgeAnswer(
            refined,
            {key: row[key] for key in keys},
            searches=int(row["searches"]),
            edges=int(row["edges"]),
            rising=int(row["rising"]),
            all_stable=int(row["all_stable"]),
            none_stable=int(row["none_stable"]),
            low=_place(row["edge_low"]),
            q25=_place(row["edge_q25"]),
            median=_place(row["edge_median"]),
            q75=_place(row["edge_q75"]),
            high=_place(row["edge_high"]),
        )
        for row in summary.to_dict("records")
    ]


def _place(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _words(one: EdgeAnswer) -> list[str]:
    lines = [combination_words(one.combination)] if one.combination else []
    if one.low is not None and one.high is not None:
        low, high = apart(one.low, one.high)
        name = one.axis.replace("_", " ")
        lines.append(f"edge of stability: {name} between {low} and {high}")
        if one.searches > 1 and one.median is not None:
            digits = digits_apart(one.low, one.high)
            spread = f"median of {one.searches:,} searches: {number(one.median, digits)}"
            if one.q25 is not None and one.q75 is not None:
                quartiles = f"{number(one.q25, digits)} to {number(one.q75, digits)}"
                spread += f" (quartiles {quartiles})"
            lines.append(spread)
    if one.rising:
        lines.append(f"in {_share(one.rising, one)} the stable trials are above the edge")
    if one.all_stable:
        lines.append(f"no edge in {_share(one.all_stable, one)}: all trials are stable")
    if one.none_stable:
        lines.append(f"no edge in {_share(one.none_stable, one)}: no trial is stable")
    return lines


def _share(count: int, one: EdgeAnswer) -> str:
    return "the bracket" if one.searches == 1 else f"{count:,} of {one.searches:,} searches"
