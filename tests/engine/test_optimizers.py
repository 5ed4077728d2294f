"""Every registered optimizer keeps the engine's contract.

Its two forms agree on random gradients, lanes are independent, and updates depend only on state.
"""

from __future__ import annotations

import inspect
import math
import tracemalloc
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from gdbatch import registry
from gdbatch.engine import Recording, Task, train
from gdbatch.engine.updates import Updates
from gdbatch.reference import train_reference
from gdbatch.training import Training
from tests.documents import plan_of
from tests.engine.helpers import (
    F32,
    F64,
    Array,
    bytes_of,
    network,
    outcomes,
    present,
    reference_of,
    single,
    some_of,
    started_at,
    task_of,
)
from tests.engine.updating import (
    OPTIMIZERS,
    any_updates,
    updates_of,
    valid_numbers,
    with_updates,
)

every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS)
both_dtypes = pytest.mark.parametrize("dtype", [F64, F32], ids=str)
STEPS = 100


def plain_task(lanes: int, dtype: np.dtype[Any] = F64, **training: Any) -> Task:
    """Trials at rates around 0.01 of a network with two layers."""
    training = {"max_steps": 100} | training
    rates = np.geomspace(0.003, 0.1, lanes)
    problem = network([2, 3, 1], activation="tanh", bias=True)
    return task_of(problem, Training(dtype=dtype, **training), rates, np.arange(lanes))


def random_gradients(shape: tuple[int, ...], steps: int = STEPS) -> Array:
    """Gradients (steps, parameters, lanes) of several sizes, some slopes exactly 0."""
    random = np.random.default_rng(19)
    sizes = 10.0 ** random.uniform(-3, 1, (1, *shape))
    gradients: Array = random.normal(0, sizes, (steps, *shape))
    gradients[random.random(gradients.shape) < 0.05] = 0.0
    return gradients


def path_of(task: Task, gradients: Array) -> Array:
    """Parameters (steps, parameters, lanes) after each update with the given gradients."""
    lanes = task.fresh_lanes(np.arange(len(task)))
    gradient: Array = np.empty_like(lanes["parameters"])
    updates, path = Updates(task, lanes, gradient), []
    with np.errstate(divide="ignore"):
        for one in gradients:
            gradient[:] = one
            updates.make()
            lanes["step"][:] += 1
            path.append(lanes["parameters"].copy())
    return np.array(path)


# two forms -----------------------------------------------------------------------------------


@every_optimizer
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("seed", [0, 1], ids=["coupled", "decoupled"])
def test_array_and_plain_forms_agree(optimizer: str, schedule: str, seed: int) -> None:
    task = any_updates(plain_task(9), optimizer, schedule, seed)
    starts = task.initial_parameters(np.arange(9))
    gradients = random_gradients(starts.shape)
    path = path_of(task, gradients)
    for lane in range(9):
        updates = updates_of(task, lane)
        weights, memories = list(starts[:, lane]), [dict[str, Any]() for _ in starts]
        for step in range(STEPS):
            weights = updates.next(weights, list(gradients[step, :, lane]), memories, step)
            assert path[step, :, lane] == pytest.approx(np.array(weights), rel=1e-12, abs=1e-12)


# state ---------------------------------------------------------------------------------------


@every_optimizer
@both_dtypes
def test_an_update_depends_only_on_the_columns(optimizer: str, dtype: np.dtype[Any]) -> None:
    """Lanes moved to another block halfway end with the same bits."""
    task = any_updates(plain_task(11, dtype), optimizer, "exponential")
    lanes = task.fresh_lanes(np.arange(11))
    gradients = random_gradients(lanes["parameters"].shape, 20).astype(dtype)
    gradient: Array = np.empty_like(lanes["parameters"])
    updates = Updates(task, lanes, gradient)
    with np.errstate(divide="ignore"):
        for one in gradients[:10]:
            gradient[:] = one
            updates.make()
            lanes["step"][:] += 1
        order = np.random.default_rng(0).permutation(11)[:8]
        moved = lanes.take(order)
        other: Array = np.empty_like(moved["parameters"])
        moved_updates = Updates(task, moved, other)
        for one in gradients[10:]:
            gradient[:], other[:] = one, one[:, order]
            updates.make()
            moved_updates.make()
            lanes["step"][:] += 1
            moved["step"][:] += 1
    for name, array in moved.columns.items():
        assert array.tobytes() == lanes.take(order).columns[name].tobytes(), name


@every_optimizer
def test_a_zero_gradient_moves_nothing(optimizer: str) -> None:
    """And once an update changes nothing, no later one does: a stall."""
    task = with_updates(plain_task(8), optimizer, weight_decay=0.0)
    lanes = task.fresh_lanes(np.arange(8))
    gradient: Array = np.zeros_like(lanes["parameters"])
    updates, resting = Updates(task, lanes, gradient), 0
    begin = lanes["parameters"].copy()
    moving = {"parameters": lanes["parameters"], **lanes.part("state")}
    for _ in range(40_000):  # until Adam's bias corrections come to rest
        before = {name: array.copy() for name, array in moving.items()}
        gradient[:] = 0
        updates.make()
        same = all(np.array_equal(before[name], moving[name]) for name in moving)
        resting = resting + 1 if same else 0
        if resting == 3:
            break
    assert resting == 3
    assert np.array_equal(lanes["parameters"], begin)


@every_optimizer
def test_no_update_allocates(optimizer: str) -> None:
    task = any_updates(plain_task(4000), optimizer, "polynomial")
    lanes = task.fresh_lanes(np.arange(4000))
    gradient: Array = np.ones_like(lanes["parameters"])
    updates = Updates(task, lanes, gradient)
    with np.errstate(divide="ignore"):
        np.setbufsize(256)  # as in training
        updates.make()
        tracemalloc.start()
        updates.make()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 4000 * 8  # a row


# trials --------------------------------------------------------------------------------------


@cache
def expected(optimizer: str, dtype: np.dtype[Any]) -> tuple[Task, list[tuple[bytes, ...]]]:
    """Trials with a stop rule that about half of them meet, trained together."""
    task = any_updates(plain_task(21, dtype, max_steps=140), optimizer, "cosine", 1)
    median = float(np.nanmedian(train(task).final_loss))
    task = replace(task, training=replace(task.training, stop={"loss": median}, hold=3))
    results = train(task, keep_parameters=True)
    assert len({*results.steps}) > 1
    return task, bytes_of(results)


@both_dtypes
@every_optimizer
def test_results_do_not_depend_on_block_and_order(
    optimizer: str, dtype: np.dtype[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, ends = expected(optimizer, dtype)
    for row in (0, 13, 20):
        alone = train(some_of(task, [row]), keep_parameters=True)
        assert bytes_of(alone) == [ends[row]]
    mixed = np.random.default_rng(1).permutation(21)
    for width in (1, 8, 13):
        monkeypatch.setattr(task.problem, "block_width", lambda dtype, width=width: width)
        shuffled = train(some_of(task, mixed), keep_parameters=True)
        assert bytes_of(shuffled) == [ends[row] for row in mixed]


@every_optimizer
def test_stepping_event_location_and_recording_agree(optimizer: str) -> None:
    """The recorded end is the reported end, even if the budget is shorter than an interval."""
    base = any_updates(plain_task(9, max_steps=70), optimizer, "linear", 1)
    long = train(replace(base, training=Training(200)), keep_parameters=True)
    recording = Recording(np.arange(9), 7, ("loss", "parameters"))
    found = train(replace(base, training=Training(200)), recording, keep_parameters=True)
    assert long.final_parameters is not None and found.final_parameters is not None
    assert np.array_equal(long.final_parameters, found.final_parameters)
    table = found.trajectories
    last = table["step"] == 200
    assert np.array_equal(table["parameters"][:, last], found.final_parameters)
    assert np.array_equal(table["loss"][0, last], found.final_loss)
    # each recorded step is the end of a run with that budget
    for step in (7, 49):
        short = train(replace(base, training=Training(step)), keep_parameters=True)
        assert short.final_parameters is not None
        at = table["parameters"][:, table["step"] == step]
        assert np.array_equal(at, short.final_parameters)


# the sweep file ------------------------------------------------------------------------------


@every_optimizer
def test_every_hyperparameter_is_an_axis_within_a_group(optimizer: str) -> None:
    for name, number in valid_numbers("optimizer", optimizer).items():
        if name == "learning_rate":
            continue
        values = [number, number / 2 if number else 0.01]
        plan = plan_of(
            {
                "optimizer": {"kind": optimizer},
                "axes": {"learning_rate": [0.1, 1.0], f"optimizer.{name}": values},
            }
        )
        assert plan.groups == 1
        assert plan.columns(np.arange(4))[name].tolist() == [*values, *values]
        numbers = plan.task_of(0, np.arange(4)).optimizer_hyperparameters
        assert np.asarray(numbers[name]).tolist() == [*values, *values]


@every_optimizer
def test_the_summary_states_equation_and_source(optimizer: str) -> None:
    entry = registry.get("optimizer", optimizer)
    line = registry.summary(entry)
    assert len(line) <= 100
    assert any(year in line for year in map(str, range(1847, 2100)))
    described = inspect.getdoc(entry) or ""
    assert "η" in described or "Adam" in line


# shared options ------------------------------------------------------------------------------


def one_update(gradient: list[float], dtype: np.dtype[Any] = F64, **numbers: Any) -> list[float]:
    """How far one update of gradient descent at rate 1 moves weights from 0."""
    problem = network([1, len(gradient)])
    base = task_of(problem, Training(1, dtype), [1.0], init="constant", value=0.0)
    path = path_of(with_updates(base, **numbers), np.array(gradient)[None, :, None])
    return [float(one) for one in -path[0, :, 0]]


def test_clipping_by_value_clips_each_component() -> None:
    assert one_update([3.0, -0.5, -7.0], clip_value=2.0) == [2.0, -0.5, -2.0]
    assert math.isnan(one_update([math.nan], clip_value=2.0)[0])
    assert one_update([math.inf], clip_value=2.0) == [2.0]


def test_clipping_by_norm_keeps_the_direction() -> None:
    assert one_update([3.0, -4.0], clip_norm=1.0) == pytest.approx([0.6, -0.8], rel=1e-15)
    assert one_update([3.0, -4.0], clip_norm=5.0) == [3.0, -4.0]
    assert one_update([0.0, 0.0], clip_norm=1.0) == [0.0, 0.0]
    assert math.isnan(one_update([math.nan, 1.0], clip_norm=1.0)[1])


@pytest.mark.parametrize(("dtype", "size"), [(F64, 1e200), (F64, 1e-250), (F32, 1e30)])
def test_clipping_by_norm_neither_overflows_nor_underflows(
    dtype: np.dtype[Any], size: float
) -> None:
    found = one_update([3 * size, -4 * size], dtype, clip_norm=size)
    assert found == pytest.approx([0.6 * size, -0.8 * size], rel=1e-6)


def test_weight_decay_is_coupled_or_decoupled() -> None:
    problem = network([1, 2])
    base = task_of(problem, Training(1), [0.5], init="constant", value=2.0)
    gradient = np.array([[[1.0], [0.0]]])
    coupled = path_of(with_updates(base, weight_decay=0.25), gradient)[0, :, 0]
    assert coupled.tolist() == [2 - 0.5 * (1 + 0.25 * 2), 2 - 0.5 * 0.25 * 2]
    # under sign descent, coupled decay moves weights by the rate, decoupled decay in proportion
    pulled = path_of(with_updates(base, "signsgd", weight_decay=0.25), gradient)[0, :, 0]
    assert pulled.tolist() == [1.5, 1.5]
    shrunk = with_updates(base, "signsgd", decoupled=True, weight_decay=0.25)
    assert path_of(shrunk, gradient)[0, :, 0].tolist() == [1.75 - 0.5, 1.75]


def test_decay_of_weights_spares_biases() -> None:
    problem = network([1, 1], bias=True)
    base = task_of(problem, Training(1), [0.5], init="constant", value=2.0, biases=2.0)
    for numbers, after in (
        ({"weight_decay": 0.25}, 1.75),
        ({"weight_decay": 0.25, "decoupled": True}, 1.75),
        ({"l1": 0.25}, 1.875),
        ({"l1": 0.25, "weight_decay": 0.25, "decoupled": True}, 1.625),
    ):
        task = with_updates(base, **numbers)  # type: ignore[arg-type]
        for spares, bias in ((False, after), (True, 2.0)):
            other = replace(task, decayed="weights") if spares else task
            path = path_of(other, np.zeros((1, 2, 1)))
            assert path[0, :, 0].tolist() == [after, bias]


def test_l1_with_gradient_descent_is_soft_thresholded() -> None:
    """(w - 1)² + l1 |w| has its minimum at 1 - l1/2, or at 0 from l1 = 2 on."""
    one = single("identity", 1.0, 1.0)
    penalties = np.array([0.0, 0.3, 1.9, 2.1, 5.0])
    training = Training(400)
    results = train(
        with_updates(task_of(one, training, [0.02] * 5, init="constant", value=3.0), l1=penalties),
        keep_parameters=True,
    )
    (found,) = present(results.final_parameters)
    np.testing.assert_allclose(found[:3], 1 - penalties[:3] / 2, rtol=0, atol=1e-6)
    # around the kink, weights move to and fro by less than an update
    assert (np.abs(found[3:]) <= 0.02 * (penalties[3:] + 2)).all()


def test_at_the_kink_of_l1_a_trial_stalls_or_oscillates() -> None:
    one = single("identity", 1.0, 0.0)  # w²
    training = Training(400, stop={"loss": 1e-9})
    starts = [0.0, 0.105]  # at 0.105, updates of at least 0.01 overshoot the kink
    task = with_updates(started_at(starts, one, training, [0.1, 0.1]), l1=0.1)
    assert outcomes(train(replace(task, training=Training(400)))) == ["stalled", "completed"]
    assert outcomes(train(task)) == ["converged", "oscillating"]


def test_learning_rates_by_layer_include_biases() -> None:
    problem = network([2, 2, 1], bias=True)
    base = task_of(problem, Training(1), [1.0], init="constant", value=0.0)
    for rates in ((0.5, 0.25), np.array([[0.5], [0.25]])):
        path = path_of(with_updates(base, learning_rate=rates), np.ones((1, 9, 1)))
        assert (-path[0, :, 0]).tolist() == [0.5] * 6 + [0.25] * 3


# stalls --------------------------------------------------------------------------------------


def dead_relu(optimizer: str, schedule: str = "constant", **numbers: Any) -> Task:
    """A relu that one long step turns off for good, which leaves no gradient."""
    base = task_of(single("relu", target=0.5), Training(5000), [2.0], init="constant", value=1.0)
    return with_updates(base, optimizer, schedule, **numbers)


def test_a_changing_velocity_is_not_a_stall() -> None:
    """A trial stalls only once its velocity underflows, after the weight has stopped changing."""
    plain = train(dead_relu("gradient_descent"), keep_parameters=True)
    assert outcomes(plain) == ["stalled"]
    assert plain.steps.tolist() == [2]
    task = dead_relu("momentum", momentum=0.5)
    heavy = train(task, keep_parameters=True)
    assert outcomes(heavy) == ["stalled"]
    # 0.5ᵗ decreases until it underflows to 0
    assert 1000 < heavy.steps[0] < 1200
    assert heavy.final_parameters is not None
    assert heavy.final_parameters[0, 0] == pytest.approx(1 - 2 * 1.0 * 2)
    end = train_reference(reference_of(single("relu", target=0.5)), [1.0], 2.0, Training(5000))
    assert (end.outcome, end.steps) == ("stalled", 2)
    heavy_end = train_reference(
        reference_of(single("relu", target=0.5)),
        [1.0],
        updates_of(task, 0),
        Training(5000),
    )
    assert (heavy_end.outcome, heavy_end.steps) == ("stalled", heavy.steps[0])


def test_trials_with_a_schedule_never_stall() -> None:
    for changes in (
        {"schedule": "exponential", "schedule_hyperparameters": {"decay": 0.5}},
        {"warm_up": 10.0},
        {"warm_up": np.array([0.0])},
    ):
        task = dead_relu("gradient_descent", **changes)
        assert outcomes(train(task)) == ["completed"]
        reference = reference_of(single("relu", target=0.5))
        end = train_reference(reference, [1.0], updates_of(task, 0), Training(5000))
        assert end.outcome == "completed"
