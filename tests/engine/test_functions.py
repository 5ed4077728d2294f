"""Functions of n variables: every registered one is tested.

Gradients against finite differences and autodiff, the claims of docstrings, and lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

from gdbatch import registry
from gdbatch.errors import SweepFileError
from gdbatch.ingredients.functions.expression.operations import FUNCTIONS, REDUCTIONS
from gdbatch.ingredients.functions.problem import FunctionProblem
from gdbatch.ingredients.problems.protocol import Evaluation
from tests.documents import plan_of
from tests.engine.helpers import F32, F64, Array, present

LANES = 12
ALL_FUNCTIONS = [*FUNCTIONS, *REDUCTIONS]  # of expressions
CASES = [
    (name, index)
    for name, entry in registry.family("function").items()
    for index in range(len(entry.examples))
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
Case = tuple[str, int]


def problem_of(name: str, **options: Any) -> FunctionProblem:
    table = {"kind": "function", "function": name, **options}
    train, axes = {"max_steps": 1}, {"learning_rate": [1.0]}
    problem = plan_of(problem=table, train=train, axes=axes).group(0).problem
    assert isinstance(problem, FunctionProblem)
    return problem


def example(case: Case) -> FunctionProblem:
    name, index = case
    return problem_of(name, **registry.get("function", name).examples[index])


def points(problem: FunctionProblem, lanes: int = LANES, seed: int = 0) -> Array:
    return np.random.default_rng([5, seed]).normal(0, 1.2, (problem.n_parameters, lanes))


def evaluated(
    problem: FunctionProblem,
    x: Array,
    dtype: np.dtype[Any] = F64,
    numbers: Mapping[str, Array] | None = None,
) -> Evaluation:
    x = np.ascontiguousarray(x, dtype)
    lanes = x.shape[1]
    out = Evaluation(np.full_like(x, np.nan), np.full(lanes, np.nan, dtype))
    problem.evaluator(lanes, dtype).prepare(x, numbers or {}, np.zeros(lanes, np.int64), out)()
    return out


def loss_of(problem: FunctionProblem, x: Array) -> Array:
    loss = evaluated(problem, x).loss
    assert loss is not None
    return loss


def assert_close(found: Any, wanted: Any, tolerance: float) -> None:
    """Lane by lane in units of the largest number of the lane, or of one."""
    found, wanted = np.atleast_2d(found), np.atleast_2d(wanted)
    assert found.shape == wanted.shape
    size = np.maximum(1.0, np.abs(wanted).max(axis=0))
    assert (np.abs(found - wanted) <= tolerance * size).all(), np.abs(found - wanted).max()


# every function again, written for autograd --------------------------------------------------


def _beale(o: Any, x: Any) -> Any:
    powers = [1.5 - x[0] + x[0] * x[1], 2.25 - x[0] + x[0] * x[1] ** 2]
    return powers[0] ** 2 + powers[1] ** 2 + (2.625 - x[0] + x[0] * x[1] ** 3) ** 2


def _least_squares(o: Any, x: Any) -> Any:
    inputs, targets = _samples(o)
    errors = anp.dot(inputs, x) - targets[:, 0]
    return anp.mean(errors**2) / 2 + o.ridge / 2 * anp.sum(x**2)


def _logistic_regression(o: Any, x: Any) -> Any:
    inputs, targets = _samples(o)
    sums, shares = anp.dot(inputs, x), targets[:, 0]
    losses = shares * anp.log(1 + anp.exp(-sums)) + (1 - shares) * anp.log(1 + anp.exp(sums))
    return anp.mean(losses) + o.ridge / 2 * anp.sum(x**2)


def _samples(o: Any) -> tuple[Any, Any]:
    inputs, targets = o.samples.inputs, o.samples.targets
    return (np.c_[inputs, np.ones(len(inputs))] if o.intercept else inputs), targets


def _expression(o: Any, x: Any) -> Any:
    known = {name: getattr(anp, name) for name in ALL_FUNCTIONS if hasattr(anp, name)}
    known |= {
        "max": anp.maximum,
        "min": anp.minimum,
        "pi": anp.pi,
        "relu": lambda s: anp.maximum(s, 0),
        "sigmoid": lambda s: 1 / (1 + anp.exp(-s)),
        "softplus": lambda s: anp.logaddexp(0, s),
    }
    variables: dict[str, Any] = {}
    start = 0
    for text in o.variables:
        name, _, size = text.rstrip("]").partition("[")
        count = int(size or 1)
        variables[name] = x[start : start + count] if size else x[start]
        start += count
    return eval(o.expression, known | variables | o.constants)


def _product(o: Any, x: Any) -> Any:
    u, v = x[: o.size], x[o.size :]
    return 0.5 * (o.scale * anp.dot(u, v) - o.y) ** 2


def _rosenbrock(o: Any, x: Any) -> Any:
    return anp.sum(o.b * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


FORMULAS: dict[str, Callable[[Any, Any], Any]] = {
    "beale": _beale,
    "chain": lambda o, x: 0.5 * (anp.prod(x) - o.y) ** 2,
    "cubic": lambda o, x: x[0] ** 3 / 3 - x[0] ** 2 / 2,
    "double_well": lambda o, x: (x[0] ** 2 - o.mu) ** 2 / 4,
    "himmelblau": lambda o, x: (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2,
    "expression": _expression,
    "least_squares": _least_squares,
    "logistic_regression": _logistic_regression,
    "product": _product,
    "quadratic": lambda o, x: 0.5 * anp.sum(anp.array(o.eigenvalues) * x**2),
    "rastrigin": lambda o, x: anp.sum(x**2 + o.a * (1 - anp.cos(2 * anp.pi * x))),
    "rosenbrock": _rosenbrock,
    "saddle": lambda o, x: (x[0] ** 2 - x[1] ** 2) / 2,
}


# values and gradients ------------------------------------------------------------------------


@every_case
def test_gradients_equal_finite_differences(case: Case) -> None:
    problem = example(case)
    # central differences: h²/6 times a third derivative, plus the rounding of the loss over h
    step, x = 1e-5, points(problem)
    expected = np.empty_like(x)
    for place in range(len(x)):
        moved = np.zeros_like(x)
        moved[place] = step
        expected[place] = (loss_of(problem, x + moved) - loss_of(problem, x - moved)) / (2 * step)
    assert_close(evaluated(problem, x).gradient, expected, 1e-7)


@every_case
def test_values_and_gradients_equal_autograd(case: Case) -> None:
    problem, formula = example(case), FORMULAS[case[0]]

    def value(x: Any) -> Any:
        return formula(problem.options, x)

    x, gradient = points(problem), autograd.grad(value)
    assert_close(loss_of(problem, x), [value(column) for column in x.T], 1e-13)
    expected = np.array([gradient(column) for column in x.T]).T
    assert_close(evaluated(problem, x).gradient, expected, 1e-13)


@every_case
def test_the_stated_minimum_is_a_minimum(case: Case) -> None:
    problem = example(case)
    minimum = problem.function.minimum
    if minimum is None:
        assert problem.curvature is None
        return
    at = np.array(minimum.at)[:, None]
    assert np.abs(present(evaluated(problem, at).gradient)).max() <= 1e-13 * max(
        1, minimum.curvature
    )
    assert loss_of(problem, at)[0] == pytest.approx(minimum.loss, abs=1e-14)
    step = np.eye(len(at)) * 1e-5
    ahead, behind = (present(evaluated(problem, at + sign * step).gradient) for sign in (1, -1))
    hessian = (ahead - behind) / 2e-5
    assert np.abs(hessian - hessian.T).max() <= 1e-6 * max(1, minimum.curvature)
    eigenvalues = np.linalg.eigvalsh(hessian)
    assert eigenvalues[-1] == pytest.approx(minimum.curvature, rel=1e-6, abs=1e-6)
    assert eigenvalues[0] >= -1e-6
    assert problem.curvature == (minimum.curvature or None)


@every_case
def test_float32_equals_float64_to_rounding(case: Case) -> None:
    problem = example(case)
    x = points(problem).astype(F32)
    narrow, wide = evaluated(problem, x, F32), evaluated(problem, x)
    assert narrow.gradient.dtype == narrow.loss.dtype == F32  # type: ignore[union-attr]
    assert_close(narrow.gradient, wide.gradient, 1e-4)
    assert_close(narrow.loss, wide.loss, 1e-4)


# lanes ---------------------------------------------------------------------------------------


@every_case
@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
def test_a_lane_is_the_same_in_every_slot_and_width(case: Case, dtype: np.dtype[Any]) -> None:
    problem = example(case)
    x = points(problem, 131).astype(dtype)
    x[:, 40] = np.nan
    wide = evaluated(problem, x, dtype)
    for width in range(8, 70, 5):
        begin = 37 * width % (131 - width)
        part = slice(begin, begin + width)
        narrow = evaluated(problem, x[:, part], dtype)
        for name in ("gradient", "loss"):
            there = np.ascontiguousarray(getattr(wide, name)[..., part])
            assert np.array_equal(getattr(narrow, name), there, equal_nan=True), (name, width)


@every_case
def test_only_requested_arrays_are_filled(case: Case) -> None:
    problem = example(case)
    x = points(problem)
    kept, lean = x.copy(), Evaluation(np.empty_like(x))
    problem.evaluator(LANES, F64).prepare(x, {}, np.zeros(LANES, np.int64), lean)()
    assert np.array_equal(x, kept)
    assert np.array_equal(present(lean.gradient), present(evaluated(problem, x).gradient))
    assert lean.loss is None
    error = np.zeros(LANES)
    wanted = Evaluation(np.empty_like(x), prediction_error=error)
    problem.evaluator(LANES, F64).prepare(x, {}, np.zeros(LANES, np.int64), wanted)()
    assert np.isnan(error).all()
    flat = Evaluation(None, loss=np.empty(LANES))
    problem.evaluator(LANES, F64).prepare(x, {}, np.zeros(LANES, np.int64), flat)()
    assert np.array_equal(present(flat.loss), present(evaluated(problem, x).loss))


@every_case
def test_options_may_differ_between_lanes(case: Case) -> None:
    name, index = case
    problem, options = example(case), dict(registry.get("function", case[0]).examples[index])
    x, random = points(problem), np.random.default_rng(3)
    numbers: dict[str, Array] = {}
    for key, given in problem.options.lane_numbers().items():
        numbers[key] = random.uniform(0.5, 2.0, (*given.shape[:-1], LANES))
    together = evaluated(problem, x, numbers=numbers)
    for lane in range(LANES):
        here: dict[str, Any] = {}
        for key, number in numbers.items():
            option, _, inner = key.partition(".")
            value = number[..., lane].tolist()
            here[option] = {**here.get(option, {}), inner: value} if inner else value
        alone = evaluated(problem_of(name, **(options | here)), x)
        mine, wanted = (present(one.gradient)[:, lane] for one in (alone, together))
        assert np.array_equal(mine, wanted)
        assert alone.loss is not None and together.loss is not None
        assert alone.loss[lane] == together.loss[lane]


@every_case
def test_variables_have_distinct_names(case: Case) -> None:
    names = example(case).parameter_names
    assert len(set(names)) == len(names) == example(case).n_parameters
    assert example(case).arrays[0].size == len(names)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("rosenbrock", {"b": 1e308}),
        ("rastrigin", {"a": 1e308}),
        ("chain", {"y": 1e300}),
        ("product", {"y": 1e308, "scale": 10.0}),
        ("least_squares", {"inputs": [[1e200, 1e200], [1.0, 1.0]], "targets": [[1.0], [1.0]]}),
        ("logistic_regression", {"inputs": [[1e200, 1.0], [1.0, 1.0]], "targets": [[1.0], [0.0]]}),
    ],
)
def test_an_overflowing_curvature_is_rejected(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(SweepFileError, match="the curvature at the minimum overflows"):
        problem_of(name, **options)
