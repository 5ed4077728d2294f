"""The fused engine: functions against 50 digits, trials against the reference and NumPy."""

from __future__ import annotations

import importlib
import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numba import njit

from gdbatch import registry
from gdbatch.engine import engine_named, train
from gdbatch.engine.fused import compiled
from gdbatch.engine.fused import functions as fused_functions
from gdbatch.engine.fused.vector_arithmetic import multiply_add
from gdbatch.engine.fused.vectors import lanes_of, load, store
from gdbatch.errors import SweepFileError
from gdbatch.numerics import elementary
from gdbatch.sweep_file import read_sweep
from gdbatch.training import Training
from tests.documents import document
from tests.engine.helpers import (
    ACTIVATIONS,
    F32,
    F64,
    LOSSES,
    Array,
    evaluated,
    network,
    outcomes,
    random_parameters,
    task_of,
    with_outputs,
)
from tests.engine.test_against_reference import CHOSEN, assert_equals_reference, trainings
from tests.engine.updating import different_numbers, valid_numbers, with_updates
from tests.left_out import assert_few_left_out, count_left_out

both_dtypes = pytest.mark.parametrize("dtype", [F64, F32], ids=str)
FUSED = [name for name, one in registry.family("optimizer").items() if one.fused is not None]

# functions -----------------------------------------------------------------------------------


@njit(error_model="numpy")
def fill(rows: Any, vectors: Any) -> None:
    for vector in range(vectors):
        number = load(rows, 0, vector)
        store(rows, 1, vector, elementary.exp(number))
        store(rows, 2, vector, elementary.tanh(number))
        store(rows, 3, vector, multiply_add(number, number, -(number * number)))
        value, rest = elementary.sigmoid(number)
        store(rows, 4, vector, value)
        store(rows, 5, vector, rest)


def of_vectors(numbers: Array) -> Array:
    """exp, tanh, the rounding error of x², and the sigmoid and its complement."""
    lanes = lanes_of(numbers.dtype)
    rows = np.zeros((6, -(-len(numbers) // lanes) * lanes), numbers.dtype)
    rows[0, : len(numbers)] = numbers
    fill(rows, rows.shape[1] // lanes)
    return rows[1:, : len(numbers)]


def ulps_off(found: Array, numbers: Array, exact: Any) -> Array:
    """Errors in ulp of the exact values."""
    with mpmath.workdps(50):
        wanted = [exact(mpmath.mpf(float(number))) for number in numbers]
        return np.array(
            [
                float(abs(mpmath.mpf(float(one)) - true) / float(np.spacing(one.dtype.type(true))))
                for one, true in zip(found, wanted, strict=True)
            ]
        )


def spread_out(lowest: float, highest: float, dtype: np.dtype[Any]) -> Array:
    """Numbers throughout a range, with more of them near 0 on both sides."""
    random = np.random.default_rng(1)
    near = 10 ** random.uniform(-300 if dtype == F64 else -35, 0, 1000)
    numbers = np.concatenate([random.uniform(lowest, highest, 3000), near, -near, [0, lowest]])
    numbers = numbers.astype(dtype)
    return numbers[(lowest <= numbers) & (numbers <= highest)]


@both_dtypes
def test_exp_is_within_an_ulp_over_its_range(dtype: np.dtype[Any]) -> None:
    bits = 8 * dtype.itemsize
    numbers = spread_out(fused_functions._LOWEST[bits], fused_functions._HIGHEST[bits], dtype)
    assert ulps_off(of_vectors(numbers)[0], numbers, mpmath.exp).max() <= 1.0


@both_dtypes
def test_tanh_is_within_three_ulps(dtype: np.dtype[Any]) -> None:
    numbers = spread_out(-30.0, 30.0, dtype)
    found = of_vectors(numbers)[1]
    assert ulps_off(found, numbers, mpmath.tanh).max() <= 3.0
    assert (np.abs(found) <= 1).all()


@both_dtypes
def test_the_sigmoid_and_its_complement_are_within_four_ulps(
    dtype: np.dtype[Any],
) -> None:
    bits = 8 * dtype.itemsize
    far, lowest = fused_functions._FAR[bits], fused_functions._LOWEST[bits]
    numbers = np.concatenate([spread_out(lowest, far, dtype), spread_out(-4.0, 4.0, dtype)])
    value, rest = of_vectors(numbers)[3:]
    assert ulps_off(value, numbers, lambda x: 1 / (1 + mpmath.exp(-x))).max() <= 4.0
    assert ulps_off(rest, numbers, lambda x: 1 / (1 + mpmath.exp(x))).max() <= 4.0


@both_dtypes
def test_the_sigmoid_is_clamped_and_propagates_nan(dtype: np.dtype[Any]) -> None:
    bits = 8 * dtype.itemsize
    far, lowest = fused_functions._FAR[bits], fused_functions._LOWEST[bits]
    numbers = np.array([lowest, far, -np.inf, np.inf, -1e4, 1e4, np.nan], dtype)
    value, rest = of_vectors(numbers)[3:]
    assert value[:6].tolist() == [value[0], 1] * 3
    assert rest[:6].tolist() == [rest[0], rest[1]] * 3
    assert 0 < rest[1] < 2 * np.exp(-far) and 0 < value[0] < 2 * np.exp(lowest)
    assert np.isnan(value[6]) and np.isnan(rest[6])


@both_dtypes
def test_exp_and_tanh_are_clamped_and_propagate_nan(dtype: np.dtype[Any]) -> None:
    bits = 8 * dtype.itemsize
    ends = [fused_functions._LOWEST[bits], fused_functions._HIGHEST[bits]]
    numbers = np.array([*ends, -np.inf, np.inf, np.nan, np.nan, 1e4, -1e4], dtype)
    exp, tanh = of_vectors(numbers)[:2]
    assert exp[2:4].tolist() == exp[:2].tolist() == exp[[7, 6]].tolist()
    assert tanh[2:4].tolist() == tanh[[7, 6]].tolist() == [-1, 1]
    assert np.isnan(exp[4:6]).all() and np.isnan(tanh[4:6]).all()


def test_a_fused_multiply_add_rounds_once() -> None:
    # x² has 106 bits: its rounding error is exact only without a rounding in between
    numbers = np.random.default_rng(2).normal(size=64)
    lost = of_vectors(numbers)[2]
    with mpmath.workdps(50):
        assert lost.tolist() == [float(mpmath.mpf(x) ** 2 - mpmath.mpf(x * x)) for x in numbers]


# evaluations ---------------------------------------------------------------------------------


# each takes ten seconds to compile: most run only with --long
KERNELS_IN_SHORT = {
    ("binary_cross_entropy", 1, F64),
    ("cross_entropy", 2, F32),
    ("huber", 0, F64),  # with leaky_relu and elu: all have options
    ("mean_squared_error", 2, F32),
}
TOGETHER = [
    pytest.param(
        loss,
        third,
        dtype,
        marks=[] if (loss, third, dtype) in KERNELS_IN_SHORT else pytest.mark.long,
    )
    for loss in LOSSES
    for third in range(3)
    for dtype in (F64, F32)
]


@pytest.mark.parametrize(("loss", "third", "dtype"), TOGETHER)
def test_evaluations_match_numpy(loss: str, third: int, dtype: np.dtype[Any]) -> None:
    names = with_outputs(ACTIVATIONS[third::3][:3], loss)
    layers = [2, 3, 5, 2]
    options: dict[str, Any] = {"activation": names, "loss": loss, "bias": third != 1}
    ours = network(layers, **options, form="fused")
    theirs = network(layers, **options, form="elementwise")
    parameters = random_parameters(ours, 37, kink=1e-3).astype(dtype)
    found, wanted = (vars(evaluated(one, parameters, dtype)) for one in (ours, theirs))
    for name in ("gradient", "loss", "predictions", "prediction_error"):
        array = wanted[name]
        # dozens of rounded operations on numbers of order one
        size = np.abs(array).max()
        assert np.abs(found[name] - array).max() <= 100 * np.finfo(dtype).eps * size, name


# trials --------------------------------------------------------------------------------------


# each needs its own kernels, which take a dozen seconds to compile
LONG_CHOSEN = ("a line", "derivative at prediction")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(one, id=name, marks=pytest.mark.long if name in LONG_CHOSEN else [])
        for name, one in CHOSEN.items()
    ],
)
def test_stable_trials_equal_the_reference(options: dict[str, Any]) -> None:
    training = Training(130, stop={"loss": 0.05, "prediction_error": 0.2}, hold=3, engine="fused")
    rates, seeds = np.geomspace(0.02, 1.5, 7), [0, 1]
    task = task_of(network(**options), training, np.tile(rates, 2), np.repeat(seeds, 7))
    found = list(assert_equals_reference(task))
    assert_few_left_out(found, 0.2)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=4),
    st.booleans(),
    trainings(fused=True),
    st.lists(st.floats(-2.5, 2.5).map(lambda power: 10**power), min_size=1, max_size=3),
    st.integers(0, 10**6),
)
def test_random_stable_trials_equal_the_reference(
    layers: list[int], bias: bool, training: Training, rates: list[float], seed: int
) -> None:
    problem = network(layers, bias=bias, data=seed % 1000, activation="sigmoid")
    training = replace(training, engine="fused")
    found = list(assert_equals_reference(task_of(problem, training, rates, seed)))
    # an example that compares nothing does not count, and Hypothesis limits their number
    assume(count_left_out(found) < len(found))


# each takes half a minute to compile; this one has all that the others have
IN_SHORT = ("adam",)


@pytest.mark.parametrize(
    "optimizer",
    [name if name in IN_SHORT else pytest.param(name, marks=pytest.mark.long) for name in FUSED],
)
def test_stable_trials_equal_the_reference_under_every_fused_optimizer(
    optimizer: str,
) -> None:
    """Every number differs between lanes; no tanh saturates, where ulps of it matter."""
    found = []
    line: dict[str, Any] = {"activation": "tanh", "inputs": [[1.0]], "targets": [[0.3]]}
    for problem, rates in (
        (network([2, 3, 1], activation="tanh", bias=True), np.geomspace(0.003, 0.3, 9)),
        (network([1, 1], **line), np.geomspace(0.003, 0.3, 9)),
    ):
        training = Training(150, stop={"loss": 0.05, "gradient_norm": 3.0}, hold=3, engine="fused")
        numbers: dict[str, Any] = different_numbers("optimizer", optimizer, 9, spread=0.5)
        for name in ("learning_rate", "weight_decay", "l1", "clip_norm", "clip_value"):
            del numbers[name]
        base = task_of(problem, training, rates, np.arange(9))
        ours = with_updates(base, optimizer, weight_decay=0.0, **numbers)
        found += list(assert_equals_reference(ours))
    assert "converged" in found
    assert_few_left_out(found, 0.3)


@pytest.mark.parametrize("optimizer", FUSED)
def test_fused_updates_equal_the_plain_form(optimizer: str) -> None:
    """Fused forms also run as plain Python."""
    entry, numbers = registry.get("optimizer", optimizer), valid_numbers("optimizer", optimizer)
    state = tuple(np.float64(0) for _ in entry.state)
    row_state = tuple(np.float64(0) for _ in entry.row_state)
    chosen = tuple(np.float64(numbers[name]) for name in entry.fused_hyperparameters)
    weight, expected, memory = np.float64(0.5), np.float64(0.5), dict[str, Any]()
    for slope in np.random.default_rng(2).normal(0, 1, 100):
        weight, state, row_state = entry.fused(
            weight, slope, state, row_state, chosen, np.float64(0.01)
        )
        expected = entry.update_one(expected, slope, 0.01, numbers, memory)
        assert weight == pytest.approx(expected, rel=1e-12, abs=1e-12)


@both_dtypes
@pytest.mark.parametrize(
    "stop",
    [
        {},
        {"prediction_error": 1e-2},
        {"loss": 1e-3},
        {"gradient_norm": 1e-2},
        {"prediction_error": 1e-2, "gradient_norm": 1e-1},
    ],
    ids=" and ".join,
)
@pytest.mark.parametrize("hold", [1, 3, 100])
@pytest.mark.parametrize("layers", [[1, 1], [2, 3, 2]], ids=str)
def test_results_match_the_numpy_engine(
    layers: list[int], hold: int, stop: dict[str, float], dtype: np.dtype[Any]
) -> None:
    problem = network(layers, samples=1, activation="sigmoid")
    training = Training(300, dtype, stop, hold)
    rates = np.geomspace(1e-2, 10, 60)  # far below the edge: smooth descents
    ours, theirs = (
        train(task_of(problem, replace(training, engine=engine), rates), None, True)
        for engine in ("fused", "numpy")
    )
    # stalls are exact only between runs of one engine
    compared = ~np.isin([outcomes(ours), outcomes(theirs)], "stalled").any(axis=0)
    assert compared.mean() > 0.3
    assert (ours.outcome == theirs.outcome)[compared].all()
    # the last bits of float32 may decide when a threshold is reached
    distance = np.abs(ours.steps - theirs.steps)[compared].max()
    assert distance <= (0 if dtype == F64 else 1)
    assert ours.final_parameters is not None and theirs.final_parameters is not None
    gap = np.abs(ours.final_parameters - theirs.final_parameters).max()
    assert gap <= (1e-12 if dtype == F64 else 1e-4)


def test_divergence_is_the_same_outcome_at_the_same_step() -> None:
    problem = network([2, 3, 1], activation="identity")
    rates = [1e-3, 5.0, 50.0, 1e300]
    ours, theirs = (
        train(task_of(problem, Training(50, engine=engine), rates)) for engine in ("fused", "numpy")
    )
    assert outcomes(ours) == outcomes(theirs) == ["completed"] + ["diverged"] * 3
    assert ours.steps.tolist() == theirs.steps.tolist()


# requirements and cache ----------------------------------------------------------------------


def fused_document(**changes: Any) -> dict[str, Any]:
    return document(train={"max_steps": 20, "engine": "fused"}, **changes)


def test_the_engine_is_refused_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SweepFileError, match=r'train.engine: .*pip install "gdbatch\[fused\]"'):
        read_sweep(fused_document())


def test_four_different_activations_are_refused() -> None:
    names = ["sigmoid", "tanh", "relu", "identity"]
    problem = {
        "kind": "network",
        "layers": [1, 2, 2, 2, 1],
        "activation": names,
        "inputs": [[0.1]],
        "targets": [[0.3]],
    }
    with pytest.raises(SweepFileError, match="at most 3 different activations"):
        read_sweep(fused_document(problem=problem))


@pytest.mark.long
def test_an_unwritable_cache_only_costs_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full_disk(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    problem = network([1, 1], activation="relu")
    training = Training(20, stop={"loss": 1e-3}, engine="fused")
    wanted = train(task_of(problem, replace(training, engine="numpy"), [0.1, 0.2]))
    compiled._made.cache_clear()
    monkeypatch.setattr("numba.core.caching.Cache.save_overload", full_disk)
    monkeypatch.setattr("numba.core.caching.Cache.load_overload", lambda *arguments: None)
    found = train(task_of(problem, training, [0.1, 0.2]))
    compiled._made.cache_clear()
    assert found.steps.tolist() == wanted.steps.tolist()


def test_kernels_are_not_cached_without_a_cache_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nowhere(arithmetic: Any, step: Any, is_plain: bool, stamp: int, keep: bool) -> Any:
        if keep:
            raise RuntimeError("cannot cache function: no locator available")
        return "kernels"

    compiled._made.cache_clear()
    monkeypatch.setattr(compiled, "make_kernels", nowhere)
    assert compiled.kernels_for(network([1, 1]).layers) == "kernels"  # type: ignore[comparison-overlap]
    compiled._made.cache_clear()


def test_cached_kernels_depend_on_every_file_of_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "fused_plugin_for_a_test"
    package.mkdir()
    (package / "__init__.py").write_text(
        "from .helper import double\n\ndef f(x): return double(x)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    stamps = []
    for factor in (2, 3):
        (package / "helper.py").write_text(f"def double(x): return {factor} * x\n")
        importlib.invalidate_caches()
        function = importlib.import_module(package.name).f
        compiled._digest_of.cache_clear()
        stamps += [compiled.stamp_of(function) for _ in range(2)]
    assert stamps[0] == stamps[1] != stamps[2] == stamps[3]
    compiled._digest_of.cache_clear()


def test_kernels_of_functions_without_a_file_are_not_cached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "a_module_without_a_file"
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    scope: dict[str, Any] = {"__name__": name}
    exec("def function(x): return x", scope)
    assert compiled.stamp_of(scope["function"]) is None


def test_every_activation_and_loss_has_a_fused_form() -> None:
    engine = engine_named("fused")
    descent = registry.get("optimizer", "gradient_descent").Options(
        kind="gradient_descent", learning_rate=1.0
    )
    constant = registry.get("schedule", "constant").Options()
    for name in ACTIVATIONS:
        assert (
            engine.refusal(network([1, 1], activation=name), descent, constant, Training(1)) == ""
        )
        assert callable(registry.get("activation", name).fused)
    for name in LOSSES:
        assert callable(registry.get("loss", name).fused)


def test_the_next_process_loads_cached_kernels(tmp_path: Path) -> None:
    script = """
import numpy as np
from gdbatch.engine import engine_named
from gdbatch.engine.fused import compiled
from tests.engine.helpers import Training, task_of, network
problem = network([1, 1], activation="identity")
engine_named("fused").prepare(task_of(problem, Training(5, engine="fused"), [0.1]))
print(sum(sum(one.stats.cache_misses.values()) for one in compiled.kernels_for(problem.layers)))
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    compiled = [
        int(
            subprocess.run(
                [sys.executable, "-c", script],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for _ in range(2)
    ]
    assert compiled == [3, 0]
