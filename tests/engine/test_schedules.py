"""Every registered schedule: two forms that agree, independent lanes, no negative factor."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gdbatch import registry
from gdbatch.engine import Recording, Task, train
from gdbatch.training import Training
from tests.documents import plan_of
from tests.engine.helpers import F32, F64, Array, single, task_of
from tests.engine.updating import (
    SCHEDULES,
    different_numbers,
    updates_of,
    valid_numbers,
    with_updates,
)

every_schedule = pytest.mark.parametrize("schedule", SCHEDULES)


def filled(schedule: str, steps: Array, numbers: dict[str, Any]) -> Array:
    """Factors (lanes,) at steps (lanes,)."""
    factor = np.empty(len(steps))
    arrays = {name: np.asarray(number) for name, number in numbers.items()}
    registry.get("schedule", schedule).fill(steps.astype(float), arrays, factor)
    return factor


@every_schedule
def test_array_and_plain_forms_agree(schedule: str) -> None:
    entry, numbers = registry.get("schedule", schedule), different_numbers("schedule", schedule, 7)
    for step in (0, 1, 2, 6, 7, 29, 30, 31, 1000):
        found = filled(schedule, np.full(7, step), numbers)
        for lane in range(7):
            mine = {name: number[lane] for name, number in numbers.items()}
            assert found[lane] == pytest.approx(entry.factor_at(step, mine), rel=1e-14, abs=1e-16)


@every_schedule
def test_a_schedule_begins_at_1_and_is_never_negative(schedule: str) -> None:
    numbers = valid_numbers("schedule", schedule)
    factors = filled(schedule, np.arange(100_000), numbers)
    assert factors[0] == 1
    assert factors.min() >= 0
    assert np.isfinite(factors).all()


@every_schedule
def test_factors_are_the_same_in_every_slot_and_width(schedule: str) -> None:
    numbers = different_numbers("schedule", schedule, 131)
    steps = np.random.default_rng(3).integers(0, 60, 131)
    wide = filled(schedule, steps, numbers)
    constant = filled(schedule, steps, valid_numbers("schedule", schedule))
    for width in range(8, 70):
        begin = 37 * width % (131 - width)
        part = slice(begin, begin + width)
        mine = {name: number[part] for name, number in numbers.items()}
        assert filled(schedule, steps[part], mine).tobytes() == wide[part].tobytes()
        same = filled(schedule, steps[part], valid_numbers("schedule", schedule))
        assert same.tobytes() == constant[part].tobytes()


@every_schedule
def test_every_hyperparameter_is_an_axis_within_a_group(schedule: str) -> None:
    numbers = valid_numbers("schedule", schedule)
    for name, number in numbers.items():
        others = {key: value for key, value in numbers.items() if key != name}
        plan = plan_of(
            {
                "schedule": {"kind": schedule, **others},
                "axes": {"learning_rate": [0.1, 1.0], f"schedule.{name}": [number, number + 1]},
            }
        )
        assert plan.groups == 1
        found = plan.task_of(0, np.arange(4)).schedule_hyperparameters[name]
        assert np.asarray(found).tolist() == [number, number + 1] * 2


@every_schedule
def test_the_summary_fits_a_line(schedule: str) -> None:
    assert 20 <= len(registry.summary(registry.get("schedule", schedule))) <= 100


# values --------------------------------------------------------------------------------------

VALUES: dict[str, tuple[dict[str, float], list[tuple[int, float]]]] = {
    "constant": ({}, [(0, 1), (10**9, 1)]),
    "step": ({"decay": 0.5, "every": 10}, [(9, 1), (10, 0.5), (19, 0.5), (20, 0.25)]),
    "exponential": ({"decay": 0.9}, [(1, 0.9), (2, 0.81)]),
    "inverse_time": ({"decay": 0.25}, [(4, 0.5), (12, 0.25)]),
    "linear": ({"steps": 10, "final": 0.5}, [(5, 0.75), (10, 0.5), (99, 0.5)]),
    "polynomial": ({"steps": 10, "final": 0, "power": 2}, [(5, 0.25), (9, 0.01), (11, 0)]),
    "cosine": (
        {"steps": 12, "final": 0.2},
        [(4, 0.2 + 0.8 * 0.75), (6, 0.6), (8, 0.2 + 0.8 * 0.25), (12, 0.2), (50, 0.2)],
    ),
}


@pytest.mark.parametrize("schedule", VALUES)
def test_factors_equal_known_values(schedule: str) -> None:
    numbers, points = VALUES[schedule]
    steps = np.array([step for step, _ in points])
    wanted = [value for _, value in points]
    assert filled(schedule, steps, numbers) == pytest.approx(wanted, rel=1e-15, abs=1e-16)


# trials --------------------------------------------------------------------------------------


def falling(schedule: str, trials: int, max_steps: int, dtype: Any, **changes: Any) -> Task:
    """The loss is (w - 1)² and w starts at 0: the rate can be read off each step."""
    base = task_of(
        single(target=1.0), Training(max_steps, dtype), np.full(trials, 0.05),
        init="constant", value=0.0,
    )  # fmt: skip
    return with_updates(base, schedule=schedule, **changes)


@every_schedule
@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
def test_every_step_uses_its_own_rate(schedule: str, dtype: Any) -> None:
    """While stepping, in blocks that trials join later, and in trajectories."""
    warm_up = np.array([0.0, 3.0, 10.0, 2.5] * 3)
    task = falling(schedule, 12, 200, dtype, warm_up=warm_up)
    problem: Any = task.problem
    problem.block_width = lambda dtype: 8
    stopping = replace(task.training, stop={"loss": 0.2})  # which frees lanes for other trials
    for training in (task.training, stopping):
        mine = replace(task, training=training)
        recording = Recording(np.arange(12), 1, ("parameters",))
        results = train(mine, recording, keep_parameters=True)
        table = results.trajectories
        for row in range(12):
            updates, weight = updates_of(mine, row), dtype.type(0)
            path = table["parameters"][0, table["row"] == row]
            assert len(path) == results.steps[row] + 1
            for step, found in enumerate(path):
                assert found == pytest.approx(float(weight), rel=50 * float(np.finfo(dtype).eps))
                rate = dtype.type(0.05 * updates.factor(step))
                weight = weight - rate * 2 * (weight - 1)
            assert results.final_parameters is not None
            assert results.final_parameters[0, row] == path[-1]


def test_a_linear_warm_up_precedes_the_schedule() -> None:
    task = falling("exponential", 1, 9, F64, warm_up=4.0, schedule_hyperparameters={"decay": 0.5})
    updates = updates_of(task, 0)
    factors = [updates.factor(step) for step in range(8)]
    assert factors == [0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 0.25, 0.125]


def test_an_inverse_time_rate_converges_where_a_constant_rate_cycles() -> None:
    """Robbins and Monro: under sign descent, a constant rate ends in a cycle of that size."""
    base = task_of(single(target=1.0), Training(2000), [0.3], init="constant", value=0.15 + 1.0)
    ends = {}
    for schedule, numbers in (("constant", {}), ("inverse_time", {"decay": 0.5})):
        trial = with_updates(base, "signsgd", schedule, schedule_hyperparameters=numbers)
        results = train(trial, keep_parameters=True)
        assert results.final_parameters is not None
        ends[schedule] = abs(results.final_parameters[0, 0] - 1.0)
    assert ends["constant"] == pytest.approx(0.15)
    assert ends["inverse_time"] < 0.001


def test_large_step_numbers_are_exact() -> None:
    steps = np.array([2**24, 2**24 + 1, 2**40 + 1])
    found = filled("step", steps, {"decay": 0.5, "every": 2.0**24 + 1})
    assert found[:2].tolist() == [1.0, 0.5]
    assert found[2] == math.pow(0.5, (2**40 + 1) // (2**24 + 1))
