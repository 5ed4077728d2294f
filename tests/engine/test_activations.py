"""Activations: all forms of each against hundreds of digits, over the range of floats.

The engines use the array and fused forms, readers and the reference trainer the plain form.
"""

from __future__ import annotations

import functools
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from numba import njit
from numba.extending import register_jitable

from gdbatch.engine.fused import functions as fused_functions  # noqa: F401  exp and tanh of vectors
from gdbatch.engine.fused.vectors import lanes_of, load, spread, store
from gdbatch.ingredients.activations.protocol import Activation
from tests.engine.exact import exactly, relative_errors
from tests.engine.helpers import ACTIVATIONS, F32, F64, Array, activation_of

DTYPES = pytest.mark.parametrize("dtype", [F64, F32], ids=str)
every_activation = pytest.mark.parametrize("name", ACTIVATIONS)


# they or their slopes cross zero between their tails
DIPPING = ("gelu", "gelu_tanh", "mish", "silu")


def sops(dtype: np.dtype[Any], name: str = "") -> Array:
    """From -800 to 800, with both tails, both zeros, and down to the smallest subnormals."""
    tiny = np.finfo(dtype).smallest_subnormal
    near = np.geomspace(tiny, 1, 40)
    far = np.concatenate([np.linspace(1, 100, 45), np.linspace(100, 800, 29)])
    sizes = np.unique(np.concatenate([[0, tiny, np.finfo(dtype).tiny], near, far]).astype(dtype))
    numbers = np.concatenate([-sizes[::-1], sizes])
    return numbers[numbers < -math.log(CLAMP[dtype])] if name == "exponential" else numbers


def in_arrays(activation: Activation, sop: Array) -> tuple[Array, Array]:
    """Values and derivatives by the array form."""
    value, residuals, delta = np.empty_like(sop), np.empty_like(sop), np.ones_like(sop)
    activation.forward(sop, value, residuals)
    kept = value.copy()
    activation.backward(delta, sop, value, residuals)  # may overwrite the values
    return kept, delta


def one_by_one(activation: Activation, sop: Array) -> tuple[Array, Array]:
    """Values and derivatives by the plain form, at NumPy scalars."""
    with np.errstate(over="ignore"):  # as `train_reference` does
        values = [activation.value(s) for s in sop]
        slopes = [activation.derivative(s) for s in sop]
    assert {type(number) for number in values + slopes} == {sop.dtype.type}
    return np.array(values), np.array(slopes)


def compiled(activation: Activation, sop: Array) -> tuple[Array, Array]:
    """Values and derivatives by the fused form, on vectors of lanes."""
    lanes = lanes_of(sop.dtype)
    rows = np.zeros((3, -(-len(sop) // lanes) * lanes), sop.dtype)
    rows[0, : len(sop)] = sop
    numbers = np.array(activation.options.numbers, sop.dtype)
    kernel_of(type(activation))(rows, rows.shape[1] // lanes, numbers)
    return rows[1, : len(sop)], rows[2, : len(sop)]


@functools.cache
def kernel_of(activation: type[Activation]) -> Any:
    form: Any = register_jitable(activation.fused)
    has_number = bool(activation().options.numbers)
    plain = register_jitable(lambda sop, numbers: form(sop))
    with_number = register_jitable(lambda sop, numbers: form(sop, spread(numbers[0])))
    fused = with_number if has_number else plain

    @njit(error_model="numpy")
    def fill(rows: Any, vectors: Any, numbers: Any) -> None:
        for vector in range(vectors):
            value, slope = fused(load(rows, 0, vector), numbers)
            store(rows, 1, vector, value)
            store(rows, 2, vector, slope)

    return fill


def parametrized(*forms: Any) -> Any:
    return pytest.mark.parametrize("form", forms, ids=lambda form: form.__name__)


FORMS, ALL_FORMS = (
    parametrized(in_arrays, one_by_one),
    parametrized(in_arrays, one_by_one, compiled),
)

# the error of a few rounded operations and of NumPy's exp, log1p, tanh, sin and cos, which are
# within 4 ulp where they are vectorised
ULPS = 6
FAR = 1e8  # where every activation is near its limit
# the engines clamp exp here, so that it does not overflow
CLAMP = {F64: math.exp(-700), F32: math.exp(-87)}


def assert_accurate(
    found: Array, exact: list[Decimal], smallest: float, absolute: bool = False
) -> None:
    """Within some ulp, or small where the exact number is below `smallest`.

    absolute: within some ulp of 1, where the exact number is below that.
    """
    eps = float(np.finfo(found.dtype).eps)
    errors = np.array(relative_errors(found.tolist(), exact, 1.0 if absolute else 0.0))
    if absolute:
        assert errors.max() <= ULPS * eps
        return
    counted = np.array([abs(one) >= smallest or one == 0 for one in exact])
    assert errors[counted].max() <= ULPS * eps
    assert (np.abs(found[~counted]) <= 1.8 * smallest).all()  # selu multiplies exp(s) by 1.76


@DTYPES
@ALL_FORMS
@every_activation
def test_values_are_accurate_in_both_tails(name: str, form: Any, dtype: np.dtype[Any]) -> None:
    sop = sops(dtype, name)
    value, _ = form(activation_of(name), sop)
    # subnormal numbers have fewer digits
    exact = exactly(name, tuple(sop.tolist()))[0]
    assert_accurate(value, exact, float(np.finfo(dtype).tiny), name in DIPPING)


@DTYPES
@ALL_FORMS
@every_activation
def test_derivatives_are_accurate_in_both_tails(name: str, form: Any, dtype: np.dtype[Any]) -> None:
    sop = sops(dtype, name)
    _, slope = form(activation_of(name), sop)
    # 1 - tanh² is accurate to an ulp of 1, not of itself
    exact = exactly(name, tuple(sop.tolist()))[1]
    assert_accurate(slope, exact, CLAMP[dtype], absolute=name == "tanh" or name in DIPPING)


@DTYPES
@every_activation
def test_array_and_plain_forms_agree(name: str, dtype: np.dtype[Any]) -> None:
    activation, eps = activation_of(name), float(np.finfo(dtype).eps)
    sop = sops(dtype)
    sop = sop[np.abs(sop) < (700 if dtype == F64 else 87)]
    for found, wanted in zip(in_arrays(activation, sop), one_by_one(activation, sop), strict=True):
        # each is within ULPS of the truth; slopes of tanh are of order one
        floor = 1.0 if name == "tanh" or name in DIPPING else float(np.finfo(dtype).tiny)
        assert (np.abs(found - wanted) <= 2 * ULPS * eps * (np.abs(wanted) + floor)).all()


@DTYPES
@every_activation
def test_nan_propagates(name: str, dtype: np.dtype[Any]) -> None:
    nothing = np.full(3, np.nan, dtype)
    for form in (in_arrays, one_by_one, compiled):
        for found in form(activation_of(name), nothing):
            assert np.isnan(found).all() or name == "identity"
    assert np.isnan(in_arrays(activation_of(name), nothing)[0]).all()


@DTYPES
@FORMS
@pytest.mark.parametrize("name", sorted({*ACTIVATIONS} - {"sin", "softsign", *DIPPING}))
def test_infinities_give_the_limits(name: str, form: Any, dtype: np.dtype[Any]) -> None:
    activation = activation_of(name)
    with np.errstate(invalid="ignore", over="ignore"):
        value, slope = form(activation, np.array([-np.inf, np.inf], dtype))
    values, slopes = exactly(name, (-FAR, FAR))
    assert value == pytest.approx([limit(one) for one in values], rel=1e-6)
    wanted = [limit(one) for one in slopes]
    assert slope == pytest.approx(wanted, abs=1.8 * CLAMP[dtype], rel=1e-6)


def limit(exact: Decimal) -> float:
    """The limit at infinity of what has this value at FAR."""
    return math.copysign(math.inf, exact) if exact.copy_abs() > 1000 else round(float(exact), 6)


@ALL_FORMS
@pytest.mark.parametrize(("name", "slope"), [("relu", 0.0), ("leaky_relu", 0.01)])
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_the_derivative_at_a_kink_is_the_left_one(
    form: Any, name: str, slope: float, zero: float
) -> None:
    found = form(activation_of(name), np.array([zero]))
    assert [part.tolist() for part in found] == [[0.0], [slope]]


@DTYPES
@every_activation
def test_every_shape_and_stride_gives_the_same_bits(name: str, dtype: np.dtype[Any]) -> None:
    activation = activation_of(name)
    random = np.random.default_rng(3)
    sop = random.normal(0, 20, (9, 4, 7)).astype(dtype)
    wanted = [part.reshape(sop.shape) for part in in_arrays(activation, sop.reshape(-1))]
    wide = [np.empty((9, 5, 7), dtype) for _ in range(3)]
    value, residuals, delta = (array[:, :4] for array in wide)  # as if a bias input followed
    delta[...] = 1
    activation.forward(sop, value, residuals)
    assert np.array_equal(value, wanted[0])
    activation.backward(delta, sop, value, residuals)
    assert np.array_equal(delta, wanted[1])


@every_activation
def test_values_stay_within_bounds(name: str) -> None:
    activation = activation_of(name)
    lowest, highest = activation.bounds
    for dtype in (F64, F32):
        value, _ = in_arrays(activation, sops(dtype, name))
        assert value.min() >= lowest
        assert value.max() <= highest


@every_activation
@pytest.mark.parametrize("value", [-3.0, -0.9, -0.2, 0.0, 1e-9, 0.3, 0.5, 0.99, 1.0, 2.5])
def test_the_inverse_finds_the_sum_of_products(name: str, value: float) -> None:
    activation = activation_of(name)
    lowest, highest = activation.bounds
    sop = activation.inverse(value)
    if type(activation).inverse is Activation.inverse:
        assert math.isnan(sop)
    elif lowest < value < highest:
        # condition numbers are below 10² here
        assert activation.value(np.float64(sop)) == pytest.approx(value, rel=1e-13)
    else:
        assert math.isnan(sop)
