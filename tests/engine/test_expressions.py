"""Expressions: random ones against autodiff, their Hessians, their cost, and training on them."""

from __future__ import annotations

import math
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import autograd
import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gdbatch import run_sweep
from gdbatch.engine import train
from gdbatch.ingredients.functions.expression.operations import FUNCTIONS
from gdbatch.ingredients.problems.protocol import Evaluation
from tests.documents import plan_of
from tests.engine.helpers import F32, F64, outcomes, present
from tests.engine.test_functions import FORMULAS, evaluated, problem_of
from tests.engine.test_theory import task_of

ROSENBROCK = {
    "expression": "b*(y - x**2)**2 + (1 - x)**2",
    "variables": ["x", "y"],
    "constants": {"b": 100.0},
}


def expression(text: str, *variables: str, **constants: float) -> Any:
    names = list(variables or ("x",))
    return problem_of("expression", expression=text, variables=names, constants=constants)


# derivatives ---------------------------------------------------------------------------------

LEAVES = ["x", "y", "v[1]", "k", "2", "0.5", "pi"]
# finite everywhere, with bounded values, so that derivatives do not explode
TAME = ["sin({})", "cos({})", "tanh({})", "arctan({})", "sigmoid({})", "exp(-({})**2)"]
SMOOTH = [*TAME, "softplus({})", "sqrt(1 + ({})**2)", "log(1 + ({})**2)", "-({})", "({})**3"]
PAIRS = ["({}) + ({})", "({}) - ({})", "({})*({})", "({})/(2 + ({})**2)", "({}) + ({})**2"]
SCALARS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        st.builds(str.format, st.sampled_from(SMOOTH), inner),
        st.builds(str.format, st.sampled_from(PAIRS), inner, inner),
        st.builds(
            "sum(({0})*v + {1}) - dot(v, ({1})/(1 + v**2)) + sum((v[1:] - ({0})*v[:-1])**2)".format,
            inner,
            inner,
        ),
    ),
    max_leaves=7,
)


@pytest.mark.filterwarnings("ignore:Output seems independent of input")
@settings(max_examples=25, deadline=None)
@given(SCALARS, st.integers(0, 2**32))
def test_random_expressions_match_autodiff(text: str, seed: int) -> None:
    text = f"({text}) + 0*(x + y + k + sum(v))"
    problem = expression(text, "x", "y", "v[3]", k=0.7)
    x = np.random.default_rng(seed).uniform(-1.5, 1.5, (5, 8))

    def value(point: Any) -> Any:
        return FORMULAS["expression"](problem.options, point)

    direction = np.random.default_rng(seed + 1).normal(size=x.shape)
    found, product = evaluated(problem, x), problem.hessian(x, {}).product(direction)
    assert found.loss is not None
    assert found.gradient is not None
    for lane in (0, 7):
        gradient = autograd.grad(value)(x[:, lane])
        along = autograd.hessian(value)(x[:, lane]) @ direction[:, lane]
        assert found.loss[lane] == pytest.approx(value(x[:, lane]), rel=1e-9, abs=1e-11)
        for one, wanted in ((found.gradient, gradient), (product, along)):
            size = max(1, np.abs(wanted).max())
            assume(size < 1e8)
            assert np.allclose(one[:, lane], wanted, rtol=1e-9, atol=1e-11 * size)


@pytest.mark.parametrize("name", [name for name, one in FUNCTIONS.items() if one.arity == 1])
def test_functions_are_accurate_in_their_tails(name: str) -> None:
    places = np.array([-700.0, -40.0, -3.0, -1e-9, 1e-9, 0.4, 3.0, 40.0, 700.0])
    if name in ("arccos", "arcsin"):
        places = np.array([-0.9999, -0.5, -1e-9, 1e-9, 0.1, 0.3, 0.5, 0.9, 0.9999])
    if name in ("log", "log1p", "sqrt"):
        places = np.array([1e-300, 1e-9, 0.1, 0.9, 1.0, 2.0, 30.0, 1e9, 1e300])
    if name in ("cosh", "sinh", "exp", "expm1"):
        places = places / 2
    exact: Any = {
        "abs": abs,
        "arccos": mpmath.acos,
        "arcsin": mpmath.asin,
        "arctan": mpmath.atan,
        "relu": lambda x: mpmath.mpf(max(x, 0)),
        "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
        "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    }.get(name) or getattr(mpmath, name)
    found = evaluated(expression(f"{name}(x)"), places[None])
    with mpmath.workdps(700 if name in ("expm1", "softplus", "tanh") else 60):
        for x, loss, slope in zip(
            places, present(found.loss), *present(found.gradient), strict=True
        ):
            value = float(exact(mpmath.mpf(float(x))))
            step = mpmath.mpf(float(x)) * mpmath.mpf(10) ** -20
            ahead, behind = (exact(mpmath.mpf(float(x)) + sign * step) for sign in (1, -1))
            derivative = float((ahead - behind) / (2 * step))
            assert loss == pytest.approx(value, rel=1e-14, abs=1e-300)
            # 1 - tanh² and 1 - x² lose digits near ±1
            absolute = 1e-15 if name == "tanh" else 1e-300
            assert slope == pytest.approx(derivative, rel=1e-11, abs=absolute)


@pytest.mark.parametrize(
    ("text", "slope"),
    [("abs(x)", 0.0), ("relu(x)", 0.0), ("max(x, 0)", 0.5), ("min(2*x, x)", 1.5), ("x**0", 0.0),
     ("sum(v)*0 + x", 1.0), ("x - x", 0.0), ("(x + 1)**-2", -2.0), ("2**x", math.log(2))],
)  # fmt: skip
def test_derivatives_at_kinks_and_of_simplified_terms(text: str, slope: float) -> None:
    problem = expression(text + " + 0*x", "x", "v[2]") if "v" in text else expression(text)
    at = np.zeros((problem.n_parameters, 8))
    assert present(evaluated(problem, at).gradient)[0] == pytest.approx([slope] * 8)


def test_hessian_products_use_the_constants_of_each_lane() -> None:
    problem = expression("a*x**2/2 + x**4", a=1.0)
    a = np.arange(8.0)
    x = np.full((1, 8), 0.5)
    found = problem.hessian(x, {"constants.a": a}).product(np.ones((1, 8)))
    assert np.allclose(found[0], a + 3, rtol=1e-15)


# cost ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "variables", "calls"),
    [
        (ROSENBROCK["expression"], ["x", "y"], 13),
        ("sum(x**2 + b*(1 - cos(2*pi*x)))", ["x[9]"], 11),
        ("(x**2 - b)**2/4", ["x"], 5),
        ("sin(x + b)*sin(x + b) + sin(b + x)", ["x"], 8),
        ("b*x**2/2", ["x"], 3),
    ],
)
def test_equal_subexpressions_are_computed_once(
    text: str, variables: list[str], calls: int
) -> None:
    problem = expression(text, *variables, b=3.0)
    lanes = np.zeros((problem.n_parameters, 8))
    compiled = problem.function._compiled
    work = np.zeros((compiled.work_rows, 8))
    arrays = {"parameter": lanes, "out": lanes.copy(), "work": work, "loss": np.zeros(8)}
    assert len(compiled.value_and_gradient.bind(arrays, {"b": np.array(3.0)})) <= calls


@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
def test_an_evaluation_allocates_nothing(dtype: np.dtype[Any]) -> None:
    text = "sum(a*x**3 + abs(x)**a) + max(x[0], 1)**2.5 + sum(exp(x[1:]/a))"
    problem = expression(text, "x[3]", a=1.5)
    lanes = 1 << 14
    x = np.full((3, lanes), 0.3, dtype)
    out = Evaluation(np.empty_like(x), np.empty(lanes, dtype))
    numbers = {"constants.a": np.full(lanes, 1.5, dtype)}
    evaluate = problem.evaluator(lanes, dtype).prepare(x, numbers, np.zeros(lanes, np.int64), out)
    evaluate()
    tracemalloc.start()
    evaluate()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < lanes


# training ------------------------------------------------------------------------------------


def test_training_equals_the_shipped_function() -> None:
    limits: dict[str, Any] = {"max_steps": 3000, "stop": {"gradient_norm": 1e-2}}
    rates = [1e-4, 1e-3, 2e-3, 0.1]
    shipped, mine = (
        train(task_of({"function": name, **options}, [0.9, 0.7], rates, **limits))
        for name, options in (("rosenbrock", {}), ("expression", ROSENBROCK))
    )
    assert outcomes(mine) == outcomes(shipped)
    assert np.array_equal(mine.steps, shipped.steps)
    assert np.allclose(mine.final_loss, shipped.final_loss, rtol=1e-10, equal_nan=True)


def test_a_value_that_is_not_real_is_a_divergence_without_warnings() -> None:
    # x jumps from 0.5 to 0.5 - rate · 2: below 0, log x is not real, though 1/x is finite
    function = {"expression": "log(x)", "variables": ["x"]}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = train(
            task_of({"function": "expression", **function}, [0.5], [0.1, 0.3], max_steps=400)
        )
    assert outcomes(results) == ["diverged", "diverged"]
    assert results.steps[1] == 1
    assert results.final_loss[1] == math.log(0.5)


def test_constants_vary_inside_a_block() -> None:
    problem = {"kind": "function", "function": "expression", "variables": ["x"]}
    plan = plan_of(
        problem=problem | {"expression": "a*x**2/2 + b", "constants": {"b": 1.0}},
        init={"kind": "constant", "value": 1.0},
        train={"max_steps": 400, "stop": {"gradient_norm": 1e-6}},
        axes={"learning_rate": [0.4, 0.6], "a": [1.0, 2.0, 4.0]},
    )
    (shard,) = plan.shards()
    columns = plan.columns(np.arange(6))
    results = train(plan.task(shard))
    below_edge = columns["learning_rate"] * columns["a"] < 2
    assert [one == "converged" for one in outcomes(results)] == below_edge.tolist()


def test_bisection_finds_the_edge_of_each_constant_and_constants_can_be_refined(
    tmp_path: Path,
) -> None:
    sweep: dict[str, Any] = {
        "name": "edges",
        "problem": {
            "kind": "function",
            "function": "expression",
            "expression": "a*x**2/2",
            "variables": ["x"],
        },
        "init": {"kind": "constant", "value": 1.0},
        "optimizer": {"kind": "gradient_descent"},
        "train": {"max_steps": 2000, "stop": {"loss": 1e-12}},
        "record": {"measures": [{"kind": "sharpness"}]},
    }
    refined = {"refine": [0.1, 10.0], "tolerance": 1e-3}
    for axes, edges in (
        ({"a": [1.0, 2.0, 4.0], "learning_rate": refined}, [2.0, 1.0, 0.5]),
        ({"learning_rate": [0.5, 1.0], "a": refined}, [4.0, 2.0]),
    ):
        run = run_sweep(sweep | {"axes": axes}, out=tmp_path / str(len(edges)), figures=False)
        assert np.allclose(run.summary["edge_median"], edges, atol=2e-3)
        trials = run.trials()
        assert np.array_equal(trials["initial_sharpness"], trials["a"])
