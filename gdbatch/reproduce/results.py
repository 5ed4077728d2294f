"""Published numbers beside the measured ones, and the registry of reproductions.

A reproduction is one function under the name of its sweep. Everything it measures comes from the
tables of a run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..analysis import number
from ..api import Run, run_sweep

DIGITS = 4


@dataclass(frozen=True)
class Finding:
    """One published number, and the two numbers between which it was measured."""

    result: str
    published: float
    low: float
    high: float
    tolerance: float = 0.0  # relative: how exactly the two can be expected to agree
    why: str = ""  # the reason, if the published number is known to differ

    @property
    def difference(self) -> float:
        """The relative distance of the published number from the measured range; 0 inside."""
        slack = self.tolerance * abs(self.published)
        if self.low - slack <= self.published <= self.high + slack:
            return 0.0
        nearer = self.low if self.low > self.published else self.high
        return (nearer - self.published) / abs(self.published or 1.0)

    @property
    def agreement(self) -> str:
        """`yes`, or by how much the numbers differ, and why."""
        difference = self.difference
        if difference == 0:
            return "yes"
        if math.isnan(difference):
            return "no: nothing was measured"
        factor = 1 + difference
        if factor >= 2:
            words = f"no: {number(factor, 3)} times as large"
        else:
            words = (
                f"no: {number(100 * abs(difference), 2)}% {'higher' if difference > 0 else 'lower'}"
            )
        return f"{words}; {self.why}" if self.why else words

    @property
    def measured(self) -> str:
        """The measured number, or both ends of its range."""
        low, high = number(self.low, DIGITS), number(self.high, DIGITS)
        return low if low == high else f"{low} to {high}"


@dataclass(frozen=True)
class Train:
    """Runs the sweep of a reproduction, or a variant called `part`, and draws its figure."""

    one: Reproduction
    folder: str  # a directory or STORE://PLACE
    quick: bool
    jobs: int
    progress: bool

    def __call__(self, part: str = "", overrides: Sequence[str] = (), drawn: bool = True) -> Run:
        one = self.one
        run = run_sweep(
            one.sweep,
            out=f"{self.folder}/{one.sweep}_{part}" if part else f"{self.folder}/{one.sweep}",
            jobs=self.jobs,
            progress=self.progress,
            overrides=[*(one.quick if self.quick else ()), *overrides],
        )
        if drawn:
            run.save_figures([one.figure])
        return run


Findings = Callable[[Train], list[Finding]]


@dataclass(frozen=True)
class Reproduction:
    """A shipped sweep, and what was published about it."""

    sweep: str
    source: str
    figure: str  # the figure that shows it
    quick: tuple[str, ...]  # overrides of --quick
    find: Findings


REPRODUCTIONS: dict[str, Reproduction] = {}


def reproduction(
    sweep: str, source: str, figure: str = "convergence", quick: tuple[str, ...] = ()
) -> Callable[[Findings], Findings]:
    """Function decorator: registers a reproduction under the name of its sweep."""

    def add(function: Findings) -> Findings:
        REPRODUCTIONS[sweep] = Reproduction(sweep, source, figure, quick, function)
        return function

    return add
