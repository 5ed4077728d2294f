"""Period doubling of gradient descent on functions of one variable."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from .edges import edge_of
from .results import Finding, Train, reproduction

_STEP = 5e-4  # between the rates at which orbits settle
_SAME = 1e-3  # recorded points this close are the same point of an orbit


def _periods(train: Train, end: float) -> pd.DataFrame:
    """Trials that had time to settle, with the periods of their orbits."""
    overrides: Sequence[str] = (
        'record = { measures = ["period"] }',
        "train.max_steps = 20_000",
        f"axes.learning_rate = {{ linear = [{end - 2500 * _STEP}, {end}], num = 2501 }}",
    )
    return train("periods", overrides, drawn=False).trials()


def _doubling(what: str, published: float, trials: pd.DataFrame, period: int) -> Finding:
    """Between the last rate with a shorter period and the first rate with this one.

    Orbits in between have not settled: close to a doubling this takes arbitrarily long, so the
    result may be off by one rate.
    """
    rate = trials["learning_rate"]
    first = float(rate[trials["period"] == period].min())
    last = float(rate[(trials["period"] < period) & (rate < first)].max())
    return Finding(what, published, last, first, _STEP / published)


def _first_of(orbits: pd.DataFrame, period: int) -> tuple[float, float]:
    """The last rate without an orbit of this period, and the first with one."""
    late = orbits[orbits["step"] > orbits["step"].max() - 3 * period]
    paths = late.pivot(index="learning_rate", columns="step", values="x")
    again = (paths - paths.shift(period, axis=1)).abs().max(axis=1) < _SAME
    at_rest = (paths - paths.shift(1, axis=1)).abs().max(axis=1) < _SAME
    return edge_of(paths.index.to_series(), ~(again & ~at_rest))


@reproduction("bifurcation_logistic", "May 1976", "bifurcation")
def _logistic(train: Train) -> list[Finding]:
    orbits = train().trajectories()
    trials = _periods(train, 3.05)
    lost = edge_of(trials["learning_rate"], trials["outcome"] != "diverged")
    return [
        _doubling("x³/3 - x²/2: period 2 from", 2.0, trials, 2),
        _doubling("period 4 from √6", math.sqrt(6), trials, 4),
        Finding("period 3 from √8", math.sqrt(8), *_first_of(orbits, 3)),
        Finding("unbounded above", 3.0, *lost),
    ]


@reproduction("bifurcation_double_well", "closed form", "bifurcation")
def _double_well(train: Train) -> list[Finding]:
    orbits = train().trajectories()
    trials = _periods(train, 2.05)
    trials = trials[trials["value"] > 0]
    lost = edge_of(trials["learning_rate"], trials["outcome"] != "diverged")
    late = orbits[(orbits["value"] > 0) & (orbits["step"] > orbits["step"].max() / 2)]
    lowest = late.groupby("learning_rate")["x"].min()
    hop = edge_of(lowest.index.to_series(), lowest > 0)
    return [
        _doubling("(x² - μ)²/4: period 2 from η μ", 1.0, trials, 2),
        _doubling("period 4 from √5 - 1", math.sqrt(5) - 1, trials, 4),
        Finding("hops between the wells from 3√3/2 - 1", 1.5 * math.sqrt(3) - 1, *hop),
        Finding("diverges above", 2.0, *lost),
    ]
