"""The figure of sharpness: the start and end of trials, and 2/η."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gdbatch.figures import draw
from tests.figures.data import RATE, all_of, figure_data, rates, rule, sharpened
from tests.figures.looking import curves_of, drawn, legend_of, points

RATES = rates(9, -2, 0)


def test_medians_of_start_and_end_are_drawn_beside_two_over_the_rate() -> None:
    axes = drawn("sharpness", sharpened({RATE: RATES})).axes[0]
    theory, end, start = curves_of(axes)
    assert points(end)[0] == points(start)[0] == RATES
    assert points(end)[1] == pytest.approx([2.02 / rate for rate in RATES])
    assert points(start)[1] == pytest.approx([1.2] * len(RATES))  # of 1 to 1.4
    assert np.prod(points(theory), axis=0) == pytest.approx([2.0] * len(points(theory)[0]))
    assert theory.get_label() == "2/learning rate"
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_rates_from_zero_have_a_linear_axis() -> None:
    axes = drawn("sharpness", sharpened({RATE: [0.0, 0.1, 0.2]}, all_of("diverged"))).axes[0]
    assert axes.get_xscale() == "linear"
    theory, *_ = curves_of(axes)
    assert points(theory) == ([0.1, 0.2], [20.0, 10.0])


def test_the_ends_of_diverged_trials_are_not_drawn() -> None:
    values = [1.0, 400.0, 600.0]  # the last is above the edge of the formula
    _, end, start = curves_of(drawn("sharpness", sharpened({RATE: values}, rule)).axes[0])
    assert np.isfinite(points(end)[1]).tolist() == [True, True, False]
    assert np.isfinite(points(start)[1]).all()


def test_ends_far_flatter_than_any_start_are_cut_off() -> None:
    data = sharpened({RATE: RATES})
    assert data.trials is not None
    flat = data.trials["final_sharpness"].where(data.trials[RATE] < 0.5, 1e-90)
    low, high = drawn("sharpness", replace(data, trials=data.trials.assign(final_sharpness=flat))
                      ).axes[0].get_ylim()  # fmt: skip
    assert 1e-6 < low < 1e-3 and 202 < high < 1000


def test_other_axes_are_curves_and_another_number_has_no_edge() -> None:
    figure = drawn("sharpness", sharpened({"layers": ["1-4-1", "1-8-1"], RATE: RATES}))
    assert legend_of(figure) == ["1-4-1", "1-8-1", "at the end", "at the start"]
    assert len(curves_of(figure.axes[0])) == 1 + 2 * 2
    axes = drawn("sharpness", sharpened({"width": [1, 2, 3]}, all_of("completed"))).axes[0]
    assert [line.get_label() == "2/learning rate" for line in curves_of(axes)] == [False] * 2


def test_extremes_are_named_if_they_are_drawn() -> None:
    few = drawn("sharpness", sharpened({RATE: RATES})).axes[0].get_ylabel()
    many = drawn("sharpness", sharpened({RATE: rates(50, -2, 0)})).axes[0].get_ylabel()
    one = drawn("sharpness", sharpened({RATE: RATES}, seeds=1)).axes[0].get_ylabel()
    assert (few, many) == ("sharpness\n(median, quartiles and extremes)",
                           "sharpness\n(median and quartiles)")  # fmt: skip
    assert one == "sharpness"


def test_without_the_measure_or_without_a_number_there_is_nothing() -> None:
    data = sharpened({RATE: RATES})
    assert data.trials is not None
    assert draw("sharpness", figure_data({RATE: RATES})) is None
    assert (
        draw("sharpness", replace(data, trials=data.trials.drop(columns="final_sharpness"))) is None
    )
    searched = data.summary.drop(columns=RATE)
    assert draw("sharpness", replace(data, summary=searched)) is None
    nowhere = data.trials.assign(initial_sharpness=math.nan)
    assert draw("sharpness", replace(data, trials=nowhere)) is None
