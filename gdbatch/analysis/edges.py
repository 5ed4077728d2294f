"""Edges that a sweep bisected to: the answer of a summary of edges, in numbers and in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from .words import apart, number


@dataclass(frozen=True)
class EdgeAnswer:
    """Where stable turns into unstable for one combination of the other axes, over seeds."""

    axis: str  # what was refined
    combination: dict[str, Any] = field(default_factory=dict)
    searches: int = 0
    edges: int = 0  # searches that met one
    rising: int = 0  # of these, at how many trials become stable instead of ceasing to be
    all_stable: int = 0
    none_stable: int = 0
    low: float | None = None  # all edges lie from here
    q25: float | None = None
    median: float | None = None
    q75: float | None = None
    high: float | None = None  # to here


def edge_answers(summary: pd.DataFrame, axes: Sequence[str], refined: str) -> list[EdgeAnswer]:
    """The answers of a summary of edges, one a row; `axes` are the axis columns in plan order."""
    keys = [
        axis for axis in axes if axis not in ("seed", refined) and summary[axis].nunique() > 1
    ]  # fmt: skip
    answers = []
    for row in summary.to_dict("records"):
        known: dict[str, Any] = {"combination": {key: row[key] for key in keys}}
        for name in ("searches", "edges", "rising", "all_stable", "none_stable"):
            known[name] = int(row[name])
        for name in ("low", "q25", "median", "q75", "high"):
            place = float(row[f"edge_{name}"])
            known[name] = None if math.isnan(place) else place
        answers.append(EdgeAnswer(refined, **known))
    return answers


def edges_as_words(answers: Sequence[EdgeAnswer]) -> str:
    """The answers as a person would tell them."""
    return "\n\n".join("\n".join(_words(one)) for one in answers)


def _words(one: EdgeAnswer) -> list[str]:
    name = one.axis.replace("_", " ")
    lines = []
    if one.combination:
        lines.append(", ".join(f"{key} = {value}" for key, value in one.combination.items()))
    if one.low is not None and one.high is not None:
        low, high = apart(one.low, one.high)
        lines.append(f"edge of {name}: between {low} and {high}")
        if one.searches > 1 and one.median is not None:
            spread = f"median of {one.searches:,} searches: {number(one.median, 6)}"
            if one.q25 is not None and one.q75 is not None:
                spread += f" (quartiles {number(one.q25, 6)} to {number(one.q75, 6)})"
            lines.append(spread)
    if one.rising:
        lines.append(f"in {one.rising:,} of {one.searches:,} trials become stable there")
    if one.all_stable:
        lines.append(f"no edge in {_share(one.all_stable, one)}: all trials stable")
    if one.none_stable:
        lines.append(f"no edge in {_share(one.none_stable, one)}: no trial stable")
    return lines


def _share(count: int, one: EdgeAnswer) -> str:
    return "the bracket" if one.searches == 1 else f"{count:,} of {one.searches:,} searches"
