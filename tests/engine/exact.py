"""Helpers: activations and their derivatives to hundreds of digits, in decimal arithmetic."""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Context, Decimal, localcontext

# enough for 1 + x and 1 - x to keep 60 digits where x is the smallest number of float64
_CONTEXT = Context(prec=400, Emin=-(10**9), Emax=10**9)
_TWO_PI = 2 * Decimal(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628"
)
_ONE = Decimal(1)


def _sigmoid(s: Decimal) -> Decimal:
    return 1 / (1 + (-s).exp())


def _sigmoid_slope(s: Decimal) -> Decimal:
    e = (-abs(s)).exp()
    return e / (1 + e) ** 2


def _tanh(s: Decimal) -> Decimal:
    e = (-2 * abs(s)).exp()
    return ((1 - e) / (1 + e)).copy_sign(s)


def _tanh_slope(s: Decimal) -> Decimal:
    return 4 * _sigmoid_slope(2 * s)


def _softplus(s: Decimal) -> Decimal:
    return max(s, Decimal(0)) + (1 + (-abs(s)).exp()).ln()


def _series(s: Decimal, term: Decimal, order: int) -> Decimal:
    """term·(1 - s²/(n+1)(n+2) + …), with n = `order`, to 60 digits of numbers of order one."""
    total = Decimal(0)
    while abs(term) > Decimal("1e-60") * abs(total):
        total += term
        term *= -s * s / ((order + 1) * (order + 2))
        order += 2
    return total


def _reduced(s: Decimal) -> Decimal:
    return s - (s / _TWO_PI).to_integral_value() * _TWO_PI


def _sin(s: Decimal) -> Decimal:
    return _series(_reduced(s), _reduced(s), 1)


def _cos(s: Decimal) -> Decimal:
    return _series(_reduced(s), _ONE, 0)


FORMULAS: dict[str, tuple[Callable[[Decimal], Decimal], Callable[[Decimal], Decimal]]] = {
    "identity": (lambda s: s, lambda s: _ONE),
    "leaky_relu": (
        lambda s: max(s, s * Decimal("0.01")),
        lambda s: _ONE if s > 0 else Decimal("0.01"),
    ),
    "relu": (lambda s: max(s, Decimal(0)), lambda s: Decimal(int(s > 0))),
    "sigmoid": (_sigmoid, _sigmoid_slope),
    "sin": (_sin, _cos),
    "softplus": (_softplus, _sigmoid),
    "tanh": (_tanh, _tanh_slope),
}


@functools.cache
def exactly(name: str, sops: tuple[float, ...]) -> tuple[list[Decimal], list[Decimal]]:
    """Values and derivatives of an activation at the exact binary values of `sops`."""
    with localcontext(_CONTEXT):
        points = [Decimal(sop) for sop in sops]
        value, slope = FORMULAS[name]
        return [value(s) for s in points], [slope(s) for s in points]


def relative_errors(found: list[float], exact: list[Decimal]) -> list[float]:
    """|found - exact| / |exact|, or |found| where exact is 0."""
    with localcontext(_CONTEXT):
        return [
            float(abs(Decimal(one) - other) / (abs(other) or 1))
            for one, other in zip(found, exact, strict=True)
        ]
