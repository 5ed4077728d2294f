"""A lane's bits depend neither on its slot, nor on the width of the block, nor on its neighbours.

So a trial has the same bits as it would have alone, in any order of work.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from gdbatch.engine import Task, train
from gdbatch.ingredients.problems.network.problem import Network
from gdbatch.training import Training
from tests.engine.helpers import (
    ACTIVATIONS,
    F32,
    F64,
    FORMS,
    Array,
    bytes_of,
    evaluated,
    network,
    outcomes,
    random_parameters,
    some_of,
    task_of,
)

WORK: dict[str, dict[str, Any]] = {
    "1-1": {"layers": [1, 1], "inputs": [[0.7]], "targets": [[0.3]]},
    "1-1 identity": {"layers": [1, 1], "samples": 1, "activation": "identity"},
    "2-4-1 with bias": {
        "layers": [2, 4, 1], "samples": 4, "bias": True, "activation": ["sigmoid", "identity"]
    },
    "2-3-3 classifier": {"layers": [2, 3, 3], "loss": "binary_cross_entropy", "bias": True},
    "2-3-9 softmax": {"layers": [2, 3, 9], "loss": "cross_entropy", "bias": True},
    "3-8-8-1": {
        "layers": [3, 8, 8, 1], "samples": 32, "activation": ["tanh", "tanh", "identity"],
        "loss": "mean_squared_error"
    },
}  # fmt: skip
TRIALS = 40
# one set of kernels, whatever the shape
WORK |= {f"{name}, fused": WORK[name] for name in ("1-1", "2-3-3 classifier", "2-4-1 with bias")}
STOPS = {"3-8-8-1": {"loss": 0.15}}
STOP = {"prediction_error": 0.2}

# kernels take half a minute to compile: without --long only one shape per number type
IN_SHORT = {("1-1, fused", F32), ("2-4-1 with bias, fused", F64)}


every_work = pytest.mark.parametrize(
    ("work", "dtype"),
    [
        pytest.param(
            work,
            dtype,
            id=f"{work}-{dtype}",
            marks=pytest.mark.long if "fused" in work and (work, dtype) not in IN_SHORT else [],
        )
        for work in WORK
        for dtype in (F64, F32)
    ],
)
both_dtypes = pytest.mark.parametrize("dtype", [F64, F32], ids=str)

Ends = list[tuple[bytes, ...]]


def training_of(work: str, dtype: np.dtype[Any]) -> Training:
    engine = "fused" if "fused" in work else "numpy"
    return Training(150, dtype, STOPS.get(work, STOP), 3, divergence_factor=None, engine=engine)


def sweep_of(work: str, dtype: np.dtype[Any]) -> Task:
    """Rates over five decades: some trials converge, others overflow in the same block."""
    training = training_of(work, dtype)
    rates = np.tile(np.geomspace(1e-3, 3e2, TRIALS // 2), 2)
    return task_of(network(**WORK[work]), training, rates, np.repeat([0, 1], TRIALS // 2))


@cache
def expected(work: str, dtype: np.dtype[Any]) -> Ends:
    """The ends of all trials, trained together."""
    return bytes_of(train(sweep_of(work, dtype), keep_parameters=True))


def ends_in_blocks(task: Task, width: int, monkeypatch: pytest.MonkeyPatch) -> Ends:
    monkeypatch.setattr(task.problem, "block_width", lambda dtype: width)
    return bytes_of(train(task, keep_parameters=True))


# trials --------------------------------------------------------------------------------------


@every_work
def test_the_sweeps_have_several_outcomes(work: str, dtype: np.dtype[Any]) -> None:
    results = train(sweep_of(work, dtype))
    found = {*outcomes(results)}
    assert {"converged", "unfinished"} <= found
    # only an unbounded output overflows
    assert ("diverged" in found) == ("identity" in work or "with bias" in work or "8" in work)
    assert len({*results.steps}) > TRIALS // 8


@every_work
def test_a_trial_alone_has_the_same_results(work: str, dtype: np.dtype[Any]) -> None:
    task = sweep_of(work, dtype)
    for row in range(0, TRIALS, 3):
        alone = train(some_of(task, [row]), keep_parameters=True)
        assert bytes_of(alone) == [expected(work, dtype)[row]]


@every_work
@pytest.mark.parametrize("width", [1, 3, 8, 13, 29, 64])
def test_the_width_of_blocks_changes_nothing(
    work: str, dtype: np.dtype[Any], width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ends_in_blocks(sweep_of(work, dtype), width, monkeypatch)
    assert found == expected(work, dtype)


@every_work
def test_the_order_of_trials_changes_nothing(
    work: str, dtype: np.dtype[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    backwards = np.arange(TRIALS)[::-1]
    mixed = np.random.default_rng(0).permutation(TRIALS)
    for width, order in ((TRIALS, backwards), (11, mixed)):
        found = ends_in_blocks(some_of(sweep_of(work, dtype), order), width, monkeypatch)
        assert found == [expected(work, dtype)[row] for row in order]


@every_work
@pytest.mark.parametrize("cut", [1, 7, 31])
def test_splitting_a_task_changes_nothing(work: str, dtype: np.dtype[Any], cut: int) -> None:
    task = sweep_of(work, dtype)
    parts = (np.arange(cut), np.arange(cut, TRIALS))
    found = [bytes_of(train(some_of(task, rows), keep_parameters=True)) for rows in parts]
    assert found[0] + found[1] == expected(work, dtype)


@every_work
def test_diverging_neighbours_do_not_affect_a_trial(work: str, dtype: np.dtype[Any]) -> None:
    training = training_of(work, dtype)
    rates = np.full(TRIALS, 1e30)
    rates[[5, 38]] = 0.01, 0.3
    crowd = task_of(network(**WORK[work]), training, rates, np.arange(TRIALS))
    found = bytes_of(train(crowd, keep_parameters=True))
    for row in (5, 38):
        alone = train(some_of(crowd, [row]), keep_parameters=True)
        assert math.isfinite(alone.final_loss[0])
        assert bytes_of(alone) == [found[row]]


@pytest.mark.long
@every_work
def test_every_width_up_to_a_hundred_changes_nothing(
    work: str, dtype: np.dtype[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for width in range(1, 101):
        assert ends_in_blocks(sweep_of(work, dtype), width, monkeypatch) == expected(work, dtype)


# forms of arithmetic -------------------------------------------------------------------------


def in_bytes(array: Array) -> bytes:
    """An array's bits, with the same bits for every NaN."""
    return np.where(np.isnan(array), array.dtype.type(np.nan), array).tobytes()


def assert_same_bits(problem: Network, dtype: np.dtype[Any], widths: Any) -> None:
    """Consecutive lanes of a wide block have the same bits in a narrow one."""
    parameters: Array = random_parameters(problem, 131, scale=2.0).astype(dtype)
    parameters[:, 40] = np.nan
    with np.errstate(over="ignore", invalid="ignore"):
        wide = vars(evaluated(problem, parameters, dtype))
        for width in widths:
            begin = 37 * width % (131 - width)
            narrow = vars(evaluated(problem, parameters[:, begin : begin + width], dtype))
            for name, array in narrow.items():
                if array is None:  # not requested
                    continue
                there = wide[name][..., begin : begin + width]
                assert in_bytes(array) == in_bytes(there), (name, width)


@both_dtypes
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_evaluation_is_the_same_in_every_slot_and_width(
    activation: str, form: str, dtype: np.dtype[Any]
) -> None:
    problem = network([2, 3, 2], form=form, activation=activation, samples=3, bias=True)
    assert_same_bits(problem, dtype, range(8, 70, 3))


SHAPES = [name for name in WORK if "fused" not in name]
EVALUATED = [
    pytest.param(work, form, dtype, marks=[pytest.mark.long] if (place + turn) % 2 else [])
    if form == "fused"
    else pytest.param(work, form, dtype)
    for form in (*FORMS, "fused")
    for place, work in enumerate(SHAPES)
    for turn, dtype in enumerate((F64, F32))
]


@pytest.mark.parametrize(("work", "form", "dtype"), EVALUATED)
def test_every_shape_is_the_same_in_every_slot_and_width(
    work: str, form: str, dtype: np.dtype[Any]
) -> None:
    assert_same_bits(network(**WORK[work], form=form), dtype, range(8, 70, 5))


# one seed ------------------------------------------------------------------------------------


def test_a_seed_gives_the_same_start_at_every_rate_and_in_every_order() -> None:
    training = Training(0, F64)
    problem = network([2, 3, 2], bias=True)
    seeds = np.array([3, 1, 3, 2**40, 1])
    task = task_of(problem, training, [1.0, 2.0, 3.0, 4.0, 5.0], seeds, biases=0.25)
    starts = task.initial_parameters(np.arange(5))
    assert np.array_equal(starts[:, 0], starts[:, 2])
    assert np.array_equal(starts[:, 1], starts[:, 4])
    assert len(np.unique(starts, axis=1).T) == 3
    for rows in ([4], [3, 0], [2, 2, 1]):
        assert np.array_equal(task.initial_parameters(np.array(rows)), starts[:, rows])
    assert (starts[problem.is_bias] == 0.25).all()
    assert problem.is_bias.sum() == 5


def test_float32_starts_where_float64_does() -> None:
    problem = network([2, 3, 2])
    narrow, wide = (
        train(task_of(problem, Training(0, dtype), [1.0], 9), keep_parameters=True)
        for dtype in (F32, F64)
    )
    assert wide.final_parameters is not None
    assert narrow.final_parameters is not None
    rounded = wide.final_parameters.astype(F32).astype(F64)
    assert np.array_equal(narrow.final_parameters, rounded)
