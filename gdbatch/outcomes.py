"""Outcomes: the ways a trial can end.

An outcome is one class with a code, a colour, a remedy and a test. The first line of its docstring
explains it to readers of `trials`. `classify` applies the tests in order of precedence. Between
checks, engines detect only the events that built-in outcomes depend on; an outcome from a plug-in
can refine those, or the end of the budget.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from . import registry
from .registry import register

Mask = NDArray[np.bool_]
Floats = NDArray[np.floating]

CONTINUES = -1  # the code of a lane that has not ended


@dataclass(frozen=True)
class Check:
    """What is known about some lanes after an update; arrays are (lanes,)."""

    step: NDArray[np.int64]  # updates made
    max_steps: int
    has_stop_rule: bool
    loss: Floats
    initial_loss: Floats
    parameters: Floats  # (parameters, lanes)
    is_finite: Mask  # the loss and all parameters
    is_within_limit: Mask  # |loss| is at most the limit of divergence
    is_in_streak: Mask  # all stop rules hold
    has_held: Mask  # and have held for `hold` checks in a row
    is_unchanged: Mask  # the last update changed nothing, and no later one will
    is_out_of_patience: Mask  # no better value in the last `patience` evaluations
    is_oscillating: Mask  # in the last updates of the budget; see `oscillates`

    @property
    def is_at_end(self) -> Mask:
        """Whether the budget is used up."""
        return np.asarray(self.step == self.max_steps)


class Outcome(ABC):
    """One way a trial can end; used as a class."""

    # in arrays of outcomes; never reused. If it is left out, as plug-ins do, `names` assigns the
    # next free one
    code: ClassVar[int] = -1
    precedence: ClassVar[int]  # if several outcomes apply, the lowest wins
    colour: ClassVar[str]  # in figures, "#RRGGBB"
    remedy: ClassVar[str] = ""  # what to try
    is_stable: ClassVar[bool] = True  # whether such trials count as stable
    is_divergence: ClassVar[bool] = False  # whether the final gradient is meaningless
    # whether the stop rules held, so that the trial ends at the first check of the streak
    is_convergence: ClassVar[bool] = False
    is_stall: ClassVar[bool] = False  # whether the parameters stopped moving
    is_too_slow: ClassVar[bool] = False  # whether the trial might converge in a larger budget
    lacks_stop_rule: ClassVar[bool] = False  # whether there was nothing to converge to

    @staticmethod
    @abstractmethod
    def applies(check: Check) -> Mask:
        """Which lanes have ended this way."""


@register("outcome", "converged")
class Converged(Outcome):
    """All stop rules held for `hold` checks in a row, the first at `steps`."""

    code, precedence, colour = 0, 20, "#0072B2"
    is_convergence = True

    @staticmethod
    def applies(check: Check) -> Mask:
        return check.has_held


@register("outcome", "diverged")
class Diverged(Outcome):
    """The loss or a parameter became infinite or NaN, or the loss exceeded its limit."""

    code, precedence, colour = 1, 10, "#660D11"
    remedy = "a smaller learning rate"
    is_stable = False
    is_divergence = True

    @staticmethod
    def applies(check: Check) -> Mask:
        return ~(check.is_finite & check.is_within_limit)


@register("outcome", "stalled")
class Stalled(Outcome):
    """An update changed nothing, and no later one can: a stationary point or a saturated unit."""

    code, precedence, colour = 2, 30, "#BF7F00"
    remedy = "a smaller learning rate or different starts"
    is_stall = True

    @staticmethod
    def applies(check: Check) -> Mask:
        return check.is_unchanged & ~check.is_in_streak


@register("outcome", "early_stopped")
class EarlyStopped(Outcome):
    """Patience ran out: the last `patience` evaluations found no better value."""

    code, precedence, colour = 6, 40, "#005A3C"

    @staticmethod
    def applies(check: Check) -> Mask:
        return check.is_out_of_patience


@register("outcome", "oscillating")
class Oscillating(Outcome):
    """The step budget ran out while the parameters oscillated without progress.

    The last updates tell it from slow progress; see `oscillates`. With momentum, which also
    oscillates while it converges, this is a heuristic.
    """

    code, precedence, colour = 5, 50, "#2B0033"
    remedy = "a smaller learning rate"
    is_stable = False

    @staticmethod
    def applies(check: Check) -> Mask:
        return check.is_at_end & check.is_oscillating


@register("outcome", "unfinished")
class Unfinished(Outcome):
    """The step budget ran out before the stop rules held."""

    code, precedence, colour = 3, 60, "#CCCCCC"
    remedy = "a larger learning rate or more steps"
    is_too_slow = True

    @staticmethod
    def applies(check: Check) -> Mask:
        return check.is_at_end & check.has_stop_rule


@register("outcome", "completed")
class Completed(Outcome):
    """The step budget ran out; there was no stop rule."""

    code, precedence, colour = 4, 70, "#56B4E9"
    lacks_stop_rule = True

    @staticmethod
    def applies(check: Check) -> Mask:
        return check.is_at_end & (not check.has_stop_rule)


@functools.cache
def by_precedence() -> tuple[type[Outcome], ...]:
    """All outcomes in order of precedence."""
    known = registry.family("outcome")
    return tuple(sorted((known[name] for name in names()), key=lambda one: one.precedence))


@functools.cache
def names() -> tuple[str, ...]:
    """The names of all outcomes, in the order of their codes."""
    known = registry.family("outcome")
    named = {outcome.code: name for name, outcome in known.items() if outcome.code >= 0}
    for name, outcome in known.items():
        if outcome.code < 0:
            outcome.code = len(named)
            named[outcome.code] = name
    if sorted(named) != list(range(len(known))):
        raise ValueError(f"the codes of the outcomes must be 0 to {len(known) - 1}, each used once")
    return tuple(named[code] for code in range(len(named)))


def has(fact: str, codes: NDArray[np.integer]) -> Mask:
    """Whether a fact, such as "is_stable", holds for the outcome of each trial."""
    return np.asarray(_facts(fact)[codes])


def names_with(fact: str) -> list[str]:
    """The names of the outcomes for which a fact holds, in the order of their codes."""
    return [name for name, holds in zip(names(), _facts(fact), strict=True) if holds]


@functools.cache
def _facts(fact: str) -> Mask:
    known = registry.family("outcome")
    return np.array([getattr(known[name], fact) for name in names()], bool)


def stable(codes: NDArray[np.integer], initial_loss: Floats, final_loss: Floats) -> Mask:
    """Which trials count as stable: their outcome is stable, and their loss did not grow.

    If one of the losses is NaN, only the outcome counts.
    """
    grown = np.greater(final_loss, initial_loss)
    return np.asarray(has("is_stable", codes) & ~grown)


def classify(check: Check) -> NDArray[np.int8]:
    """The code of each lane's outcome, (lanes,); CONTINUES for lanes that have not ended."""
    codes = np.full(np.shape(check.loss), CONTINUES, np.int8)
    for outcome in reversed(by_precedence()):
        np.copyto(codes, np.int8(outcome.code), where=outcome.applies(check))
    return codes


# oscillation --------------------------------------------------------------------------------------

OSCILLATION_PARTS = 8  # number of parts that the last updates are divided into
_MOST_UPDATES, _FEWEST_UPDATES = 256, 16
_ROUNDING = 16  # units in the last place of the largest parameter


def oscillation_updates(max_steps: int) -> int:
    """How many updates at the end of the budget are examined for oscillation; 0 if too few.

    >>> oscillation_updates(400), oscillation_updates(10_000), oscillation_updates(60)
    (100, 256, 0)
    """
    updates = min(_MOST_UPDATES, max_steps // 4)
    return updates if updates >= _FEWEST_UPDATES else 0


def exceeds_rounding(move: Floats, parameters: Floats) -> Mask:
    """Whether an update is more than rounding, (lanes,); both arrays are (parameters, lanes).

    At a minimum, parameters may jump between neighbouring floats forever: not an oscillation.
    """
    rounding = _ROUNDING * np.finfo(parameters.dtype).eps * np.abs(parameters).max(axis=0)
    return np.asarray(np.abs(move).max(axis=0) > rounding)


def oscillates(has_opposed: Mask, largest_move: Floats, least_loss: Floats) -> Mask:
    """Which lanes oscillated without progress in the last updates.

    has_opposed: whether an update that `exceeds_rounding` had a negative dot product with the one
    before. largest_move, least_loss: the largest norm of an update and the smallest loss in each
    part of these updates, (parts, lanes). Progress means that one of these falls from every part to
    the next. The loss alone would miss cycles between points of equal loss.
    """
    return np.asarray(has_opposed & ~_always_falls(largest_move) & ~_always_falls(least_loss))


def _always_falls(values: Floats) -> Mask:
    return np.asarray((values[1:] < values[:-1]).all(axis=0))
