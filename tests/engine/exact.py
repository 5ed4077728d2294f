"""Helpers: activations and their derivatives to hundreds of digits, in decimal arithmetic."""

from __future__ import annotations

import functools
from collections.abc import Callable
from decimal import Context, Decimal, localcontext

import mpmath

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


def _normal(s: Decimal) -> Decimal:
    with mpmath.workdps(80):
        tail = mpmath.erfc(-mpmath.mpf(str(s)) / mpmath.sqrt(2)) / 2
        return Decimal(mpmath.nstr(tail, 70))


def _gelu_slope(s: Decimal) -> Decimal:
    return _normal(s) + s * (-s * s / 2).exp() / _TWO_PI.sqrt()


def _inner(s: Decimal) -> Decimal:
    return (4 / _TWO_PI).sqrt() * (s + Decimal("0.044715") * s**3)


def _gelu_tanh_slope(s: Decimal) -> Decimal:
    slope = (4 / _TWO_PI).sqrt() * (1 + 3 * Decimal("0.044715") * s**2)
    return (1 + _tanh(_inner(s))) / 2 + s * _tanh_slope(_inner(s)) * slope / 2


def _mish_slope(s: Decimal) -> Decimal:
    return _tanh(_softplus(s)) + s * _tanh_slope(_softplus(s)) * _sigmoid(s)


_SCALE, _ALPHA = Decimal("1.0507009873554805"), Decimal("1.6732632423543772")

FORMULAS: dict[str, tuple[Callable[[Decimal], Decimal], Callable[[Decimal], Decimal]]] = {
    "elu": (lambda s: s if s > 0 else s.exp() - 1, lambda s: _ONE if s > 0 else s.exp()),
    "exponential": (lambda s: s.exp(), lambda s: s.exp()),
    "gelu": (lambda s: s * _normal(s), _gelu_slope),
    "gelu_tanh": (lambda s: s * (1 + _tanh(_inner(s))) / 2, _gelu_tanh_slope),
    "hard_tanh": (
        lambda s: max(min(s, _ONE), -_ONE),
        lambda s: Decimal(int(-1 < s < 1)),
    ),
    "identity": (lambda s: s, lambda s: _ONE),
    "leaky_relu": (
        lambda s: max(s, s * Decimal("0.01")),
        lambda s: _ONE if s > 0 else Decimal("0.01"),
    ),
    "mish": (lambda s: s * _tanh(_softplus(s)), _mish_slope),
    "relu6": (
        lambda s: max(min(s, Decimal(6)), Decimal(0)),
        lambda s: Decimal(int(0 < s < 6)),
    ),
    "selu": (
        lambda s: _SCALE * (s if s > 0 else _ALPHA * (s.exp() - 1)),
        lambda s: _SCALE * (_ONE if s > 0 else _ALPHA * s.exp()),
    ),
    "silu": (
        lambda s: s * _sigmoid(s),
        lambda s: _sigmoid(s) + s * _sigmoid_slope(s),
    ),
    "softsign": (lambda s: s / (1 + abs(s)), lambda s: 1 / (1 + abs(s)) ** 2),
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


def relative_errors(found: list[float], exact: list[Decimal], least: float = 0.0) -> list[float]:
    """|found - exact| / |exact|, or / least where it is smaller; |found| where exact is 0."""
    with localcontext(_CONTEXT):
        return [
            float(abs(Decimal(one) - other) / (max(abs(other), Decimal(least)) or 1))
            for one, other in zip(found, exact, strict=True)
        ]
