"""Refined axes: their rows, their midpoints, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbatch.errors import GdbatchError, SweepFileError
from gdbatch.sweep_file import read_sweep
from gdbatch.sweep_file.forms import Refine
from tests.documents import document

FINITE = st.floats(allow_nan=False, allow_infinity=False, width=64)


def form(low: float, high: float, tolerance: float = 0.0) -> Refine:
    return Refine(refine=[low, high], tolerance=tolerance)


@pytest.mark.parametrize(
    ("low", "high", "tolerance", "rows"),
    [
        (0, 1, 0.5, 3),
        (0, 1, 0.25, 4),
        (0, 1, 0.3, 4),
        (-4, 4, 1e-3, 2 + 13),
        (1, 2, 0, 2 + 52),  # 2⁵² floats
        (1, 4, 0, 2 + 53),
        (0, 1, 0, 2 + 62),
        (1, math.nextafter(1, 2), 0, 2),
        (-1, 1, 0, 2 + 63),
        (-1e308, 1e-300, 0, 2 + 64),
    ],
)
def test_rows_are_the_ends_and_the_midpoints(
    low: float, high: float, tolerance: float, rows: int
) -> None:
    assert form(low, high, tolerance).size == rows


@given(FINITE, FINITE, st.randoms(use_true_random=False))
def test_halving_ends_at_neighbouring_floats(low: float, high: float, random: Any) -> None:
    if not low < high or not math.isfinite(high - low):
        return
    refined = form(low, high)
    for _ in range(refined.size - 2):
        (middle,) = refined.middle(np.array([low]), np.array([high])).tolist()
        assert low <= middle <= high
        low, high = (middle, high) if random.random() < 0.5 else (low, middle)
    assert low == high or math.nextafter(low, high) == high


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(1e-6, 0.9))
def test_halving_ends_within_the_tolerance(low: float, width: float, share: float) -> None:
    high, tolerance = low + width, width * share
    refined = form(low, high, tolerance)
    ends = np.array([low]), np.array([high])
    for row in range(refined.size - 2):
        middle = refined.middle(*ends)
        ends = (middle, ends[1]) if row % 3 else (ends[0], middle)
    assert ends[1] - ends[0] <= tolerance * (1 + 1e-9) + math.ulp(abs(low) + width)


def test_before_training_the_first_midpoint_stands_in_for_all() -> None:
    values = form(1, 4, 0.5).values(np.arange(5), np.random.default_rng)
    assert values.tolist() == [1, 4, 2.5, 2.5, 2.5]


GOOD = {"refine": [1.0, 2.0]}
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "the ends the wrong way round": ({"learning_rate": {"refine": [2.0, 1.0]}},
        "axes.learning_rate.refine", "refine = [2.0, 1.0]: the lower end must come first"),
    "no bracket": ({"learning_rate": {"refine": [1.0, 1.0]}},
        "axes.learning_rate.refine", "the lower end must come first"),
    "one end": ({"learning_rate": {"refine": [1.0]}},
        "axes.learning_rate.refine", "must be a list of at least 2"),
    "no number": ({"learning_rate": {"refine": ["a", 1.0]}},
        "axes.learning_rate.refine[0]", "must be a number"),
    "an infinite end": ({"learning_rate": {"refine": [1.0, math.inf]}},
        "axes.learning_rate.refine[1]", "must be a finite number"),
    "a bracket that overflows": ({"init.low": {"refine": [-1.7e308, 1.7e308]}},
        'axes."init.low".refine', "overflow"),
    "a negative tolerance": ({"learning_rate": {**GOOD, "tolerance": -1.0}},
        "axes.learning_rate.tolerance", "must be 0 or more, not -1.0"),
    "a tolerance as wide as the bracket": ({"learning_rate": {**GOOD, "tolerance": 1.0}},
        "axes.learning_rate.tolerance", "tolerance = 1 must be below the width 1"),
    "a tolerance finer than floats": ({"learning_rate": {**GOOD, "tolerance": 1e-17}},
        "axes.learning_rate.tolerance", "leave it out to go down to neighbouring floats"),
    "a number of values": ({"learning_rate": {**GOOD, "num": 3}},
        "axes.learning_rate.num", 'unknown key "num"'),
    "a tolerance alone": ({"learning_rate": {"tolerance": 1.0}},
        "axes.learning_rate", "an axis is a list of values, or a table with one of"),
    "two of them": ({"learning_rate": GOOD, "init.high": GOOD},
        'axes."init.high"', "only one axis of a sweep can be refined"),
    "seeds": ({"seed": GOOD}, "axes.seed", "seed cannot be refined"),
    "a structure": ({"problem.bias": GOOD}, 'axes."problem.bias"', "bias cannot be refined"),
    "a budget": ({"train.divergence.loss": GOOD}, 'axes."train.divergence.loss"',
        "refine a number that does not split the sweep into groups"),
    "inside a zip": ({"zip": [{"learning_rate": GOOD, "init.high": [1.0, 2.0]}]},
        "axes.zip[0].learning_rate", "cannot be part of a zip"),
    "an end that is no learning rate": ({"learning_rate": {"refine": [-1.0, 1.0]}},
        "axes.learning_rate", "must be"),
}  # fmt: skip


@pytest.mark.parametrize(("axes", "key", "words"), WRONG.values(), ids=WRONG)
def test_an_axis_that_cannot_be_refined_is_refused_in_one_message(
    axes: dict[str, Any], key: str, words: str
) -> None:
    rest = {} if "learning_rate" in str(axes) else {"optimizer.learning_rate": 1.0}
    with pytest.raises(SweepFileError) as caught:
        read_sweep(document(rest, axes=axes))
    (problem,) = caught.value.problems
    assert (problem.key, words in problem.message) == (key, True), problem


def test_refined_values_cannot_select_recorded_trials() -> None:
    record = {"trials": {"learning_rate": [1.0]}}
    with pytest.raises(SweepFileError, match="select by other axes"):
        read_sweep(document(axes={"learning_rate": GOOD}, record=record))


@pytest.mark.parametrize("family", ["problem", "init", "optimizer", "schedule"])
@pytest.mark.parametrize("table", [3, {}, {"kind": "none such"}, {"kind": "function"}])
def test_errors_in_other_tables_are_still_reported(family: str, table: Any) -> None:
    axes = {"learning_rate": GOOD, "init.high": [1.0]}
    try:
        read_sweep(document({family: table}, axes=axes))
    except GdbatchError:
        return
    assert (family, table) == ("schedule", {})
