"""Published results, trained again: each is a shipped sweep, and what is measured in its tables.

A reproduction is one function here, under the name of its sweep. What it measures comes from the
tables of its run; what is published stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from .analysis import number
from .api import Run, run_sweep
from .errors import RunError, UsageError, nearest

_DIGITS = 4


@dataclass(frozen=True)
class Finding:
    """One published number, and between which two numbers it was measured to be."""

    result: str
    published: float
    low: float
    high: float
    tolerance: float = 0.0  # relative: how exactly the two can be expected to agree
    why: str = ""  # the reason, where it is known that the published number does not come out

    @property
    def difference(self) -> float:
        """How far the measured numbers are from the published one, relative to it; 0 inside."""
        slack = self.tolerance * abs(self.published)
        if self.low - slack <= self.published <= self.high + slack:
            return 0.0
        nearer = self.low if self.low > self.published else self.high
        return (nearer - self.published) / abs(self.published or 1.0)

    @property
    def agreement(self) -> str:
        """Yes, or by how much not, and why."""
        difference = self.difference
        if difference == 0:
            return "yes"
        if math.isnan(difference):
            return "no: nothing was measured"
        factor = 1 + difference
        if factor >= 2:
            words = f"no: {number(factor, 3)} times as much"
        else:
            words = (
                f"no: {number(100 * abs(difference), 2)} % {'above' if difference > 0 else 'below'}"
            )
        return f"{words}; {self.why}" if self.why else words

    @property
    def measured(self) -> str:
        """The measured number, or both ends."""
        low, high = number(self.low, _DIGITS), number(self.high, _DIGITS)
        return low if low == high else f"{low} to {high}"


class Train(Protocol):
    """Runs the sweep of a reproduction, or a part of it that is called `part`."""

    def __call__(self, part: str = "", overrides: Sequence[str] = ()) -> Run: ...


Findings = Callable[[Train], list[Finding]]


@dataclass(frozen=True)
class Reproduction:
    """A shipped sweep and what was published of it."""

    sweep: str
    source: str
    figure: str  # the kind of figure that shows it
    quick: tuple[str, ...]  # overrides of --quick
    find: Findings


REPRODUCTIONS: dict[str, Reproduction] = {}


def reproduction(
    sweep: str, source: str, figure: str = "convergence", quick: tuple[str, ...] = ()
) -> Callable[[Findings], Findings]:
    """Function decorator: registers what finds a published result under the name of its sweep."""

    def add(function: Findings) -> Findings:
        REPRODUCTIONS[sweep] = Reproduction(sweep, source, figure, quick, function)
        return function

    return add


def reproduce(
    names: Sequence[str] = (),
    *,
    out: str | Path | None = None,
    quick: bool = False,
    jobs: int = -1,
    progress: bool = False,
) -> pd.DataFrame:
    """Reproduce published results, by default all; goes on where an earlier call stopped.

    out: the folder of the run directories, by default `results/reproduce`, or
    `results/reproduce-quick`. quick: coarser sweeps. Returns a table: result, source, published,
    measured, agreement. Raises UsageError for a name that is none, RunError where a part of a
    sweep failed.
    """
    for name in names:
        if name not in REPRODUCTIONS:
            raise UsageError(f'nothing to reproduce is called "{name}"; '
                             f"{nearest(name, REPRODUCTIONS)}")  # fmt: skip
    folder = Path("results") / ("reproduce-quick" if quick else "reproduce")
    folder = folder if out is None else Path(out)
    rows = []
    for name in names or REPRODUCTIONS:
        one = REPRODUCTIONS[name]
        for finding in one.find(_trainer(one, folder, quick, jobs, progress)):
            published = number(finding.published, _DIGITS)
            rows.append(
                (finding.result, one.source, published, finding.measured, finding.agreement)
            )
    return pd.DataFrame(rows, columns=["result", "source", "published", "measured", "agreement"])


def _trainer(one: Reproduction, folder: Path, quick: bool, jobs: int, progress: bool) -> Train:
    def train(part: str = "", overrides: Sequence[str] = ()) -> Run:
        run = run_sweep(
            one.sweep,
            out=folder / (f"{one.sweep}_{part}" if part else one.sweep),
            jobs=jobs,
            progress=progress,
            figures=False,
            overrides=[*(one.quick if quick else ()), *overrides],
        )
        assert run.totals is not None
        if run.totals.failures:
            raise RunError("\n".join(run.totals.failures))
        run.save_figures([one.figure])
        return run

    return train


def as_markdown(table: pd.DataFrame) -> str:
    """A table that reads well as it is, and in a page."""
    rows = [list(table), *table.astype(str).to_numpy().tolist()]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| "
        + " | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        + " |"
        for row in rows
    )


# what is measured --------------------------------------------------------------------------


def _edge(rates: pd.Series, holds: pd.Series) -> tuple[float, float]:
    """The last rate up to which something holds, and the next one; NaN where there is no edge."""
    order = np.argsort(rates.to_numpy(), kind="stable")
    values, held = rates.to_numpy()[order], holds.to_numpy(dtype=bool)[order]
    if held.all() or not held[0]:
        return math.nan, math.nan
    last = int(np.argmin(held)) - 1
    return float(values[last]), float(values[last + 1])


def _around(values: pd.Series, best: float) -> tuple[float, float]:
    """The neighbours of a value on its axis: where a minimum lies that was found on it."""
    tried = np.unique(values)
    place = int(np.searchsorted(tried, best))
    return float(tried[max(place - 1, 0)]), float(tried[min(place + 1, len(tried) - 1)])


def _rate(trial: pd.Series) -> float:
    """The factor by which the distance to the minimum of a quadratic shrank at every step."""
    logarithm = math.log(trial["final_loss"]) - math.log(trial["initial_loss"])
    return math.exp(logarithm / (2 * trial["steps"]))


@reproduction("quadratic_descent", "Polyak 1987")
def _quadratic_descent(train: Train) -> list[Finding]:
    trials = train().trials
    converged = trials["outcome"] == "converged"
    best = trials[converged].sort_values("steps").iloc[0]
    rate = _rate(best)
    edge = _edge(trials["learning_rate"], trials["outcome"] != "diverged")
    around = _around(trials["learning_rate"], best["learning_rate"])
    mu, largest = 0.1, 1.0  # the curvatures in the file
    kappa = largest / mu
    return [
        Finding("quadratic, gradient descent: stable below 2/L", 2 / largest, *edge),
        Finding("its best rate 2/(μ + L)", 2 / (mu + largest), *around, 0.001),
        Finding("its factor a step there", (kappa - 1) / (kappa + 1), rate, rate, 0.001),
    ]


@reproduction("critical_product", "Liang and Montúfar 2025", "map", ("axes.learning_rate.num=101",))
def _critical_product(train: Train) -> list[Finding]:
    trials = train().trials
    u, v, y = trials["values.0"], trials["values.1"], trials["y"]
    size = u**2 + v**2
    critical = np.minimum(1 / np.abs(y), 8 / (size + np.sqrt(size**2 - 16 * y * (u * v - y))))
    ratio = trials["learning_rate"] / critical
    converged = trials["outcome"] == "converged"
    below, above = converged[ratio <= 0.995].mean(), converged[ratio >= 1.005].mean()
    return [
        Finding("½ (u v - y)²: share that converges below 0.995 η*", 1.0, below, below),
        Finding("share that converges above 1.005 η*", 0.0, above, above),
    ]
