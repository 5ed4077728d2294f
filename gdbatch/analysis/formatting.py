"""Formats numbers as people write them."""

from __future__ import annotations

import math

DIGITS = 4  # of a value of an axis, unless two values need more to be told apart
_ALL_DIGITS = 17  # distinguish any two float64


def number(value: float, digits: int = 3) -> str:
    """Formats a number: 0.01, 2,268, 1e-5, 1e8; below a million no decimal is rounded to zero."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 1000 <= abs(value) < 999_999.5:
        before_the_point = math.floor(math.log10(abs(value))) + 1
        return f"{value:,.{max(0, digits - before_the_point)}f}"
    mantissa, _, power = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}e{int(power)}" if power else mantissa


def digits_apart(low: float, high: float) -> int:
    """The number of digits that tells two numbers apart, at least four."""
    digits = DIGITS
    while digits < _ALL_DIGITS and number(low, digits) == number(high, digits):
        digits += 1
    return digits


def apart(low: float, high: float) -> tuple[str, str]:
    """Formats two numbers with enough digits to tell them apart."""
    digits = digits_apart(low, high)
    return number(low, digits), number(high, digits)


def combination_words(combination: dict[str, object]) -> str:
    """Formats values of axes: `activation = tanh, bias = True`."""
    return ", ".join(f"{axis} = {value}" for axis, value in combination.items())


def count(number_of: int, what: str) -> str:
    """Formats a count with its noun: `1 trial`, `2,000 trials`."""
    return f"{number_of:,} {what}" if number_of == 1 else f"{number_of:,} {what}s"
