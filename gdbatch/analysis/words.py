"""Answers and numbers as people write them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .answer import ENOUGH, Answer

_DIGITS = 4  # of a learning rate, where they tell the two sides of the edge apart
_MOST_BLOCKS = 12  # of combinations of the other axes; of more the best one is told
_ALL_DIGITS = 17  # tell any two numbers apart


def as_words(answers: Sequence[Answer]) -> str:
    """The answers as a person would tell them."""
    found = [one for one in answers if one.best is not None]
    if len(answers) <= _MOST_BLOCKS or not found:
        return "\n\n".join(_words(one) for one in answers[:_MOST_BLOCKS])
    measured = [one.best_steps if one.best_loss is None else one.best_loss for one in found]
    best = found[int(np.argmin(np.array(measured, dtype=float)))]
    names = ", ".join(best.combination)
    return (
        f"the best of {len(answers):,} combinations of {names} (all of them are in summary.csv):\n"
        + _words(best)
    )


def _words(one: Answer) -> str:
    name = one.axis.replace("_", " ")
    digits = _digits(one)
    lines = []
    if one.combination:
        lines.append(", ".join(f"{key} = {value}" for key, value in one.combination.items()))
    if one.best is not None and one.best_loss is not None:
        best = number(one.best, digits)
        lines.append(f"lowest loss at {name} {best}: median {number(one.best_loss)}")
    elif one.best is not None:
        assert one.best_steps is not None and one.success is not None
        best = number(one.best, digits)
        lines.append(f"best {name}: {best} (median {one.best_steps:,.0f} steps)")
        if one.converges_from is not None and one.converges_to is not None:
            lines.append(
                f"converges (at least {ENOUGH:.0%} of seeds): "
                f"{number(one.converges_from, digits)} to {number(one.converges_to, digits)}"
            )
            lines.append(
                f"edge: between {number(one.edge[0], digits)} and {number(one.edge[1], digits)}"
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


def _digits(one: Answer) -> int:
    """As many digits as it takes to tell the two sides of the edge apart."""
    return _digits_apart(*one.edge) if one.edge else _DIGITS


def _digits_apart(low: float, high: float) -> int:
    digits = _DIGITS
    while digits < _ALL_DIGITS and number(low, digits) == number(high, digits):
        digits += 1
    return digits


def apart(low: float, high: float) -> tuple[str, str]:
    """Two numbers for people, with as many digits as it takes to tell them apart."""
    digits = _digits_apart(low, high)
    return number(low, digits), number(high, digits)


def _count(one: Answer) -> str:
    return "1 trial" if one.seeds == 1 else f"{one.seeds:,} trials"


def number(value: float, digits: int = 3) -> str:
    """A number for people: 0.01, 2,268, 1e-5, 1e8; whole ones below a million are whole."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 1000 <= abs(value) < 999_999.5:
        before_the_point = math.floor(math.log10(abs(value))) + 1
        return f"{value:,.{max(0, digits - before_the_point)}f}"
    mantissa, _, power = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}e{int(power)}" if power else mantissa
