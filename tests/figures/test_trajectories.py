"""Loss and prediction against the step: a line per trial, and none is misleading.

Covers thinning, divergence and non-finite values.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gdbatch.figures import FigureData
from tests.figures.data import (
    CASES,
    LAYERS,
    NAMES,
    RATE,
    rates,
    recorded,
)
from tests.figures.looking import all_drawn, curves_of, drawn, legend_of, marks_of, points, visible


@pytest.mark.parametrize("count", [1, 3, 9, 10, 300])
@pytest.mark.parametrize("kind", ["loss", "prediction"])
def test_every_recorded_trial_is_a_line_of_its_values(kind: str, count: int) -> None:
    data = recorded({RATE: rates(count, -2, 0.5)}, steps=range(0, 60, 7))
    assert data.trajectories is not None
    figure = drawn(kind, data)
    lines = curves_of(figure.axes[0])
    assert len(lines) == count
    parts = [part for _, part in data.trajectories.groupby(RATE)]
    for part, line in zip(reversed(parts), lines, strict=True):
        x, y = points(line)
        assert x == (part["step"] + 1).tolist()
        assert y == part[kind].tolist()
    bars = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
    assert len(bars) == (count > 9)
    assert len(legend_of(figure)) == (0 if count in (1, 10, 300) else count)


def test_only_some_of_too_many_trials_are_drawn_and_the_figure_says_how_many() -> None:
    figure = drawn("loss", recorded({RATE: rates(1000, -2, 0.5)}, steps=[0, 1, 2]))
    top = figure.axes[0]
    assert len(curves_of(top)) == 300
    assert top.get_title(loc="left") == "300 of 1,000 trials"
    colours = {line.get_color() for line in curves_of(top)}
    assert len(colours) > 200  # over the whole axis, not only its beginning


def test_a_rate_has_one_colour_and_the_other_axis_has_dashes() -> None:
    data = recorded({"bias": [False, True], RATE: [0.1, 1.0, 2.0]})
    figure = drawn("loss", data)
    looks = [(line.get_color(), line.get_linestyle()) for line in curves_of(figure.axes[0])]
    assert len(set(looks)) == 6
    assert len({colour for colour, _ in looks}) == 3
    assert legend_of(figure) == ["0.1", "1", "2", "bias False", "bias True"]


def test_more_lines_of_a_colour_than_there_are_dashes_are_counted() -> None:
    figure = drawn("loss", recorded({"layers": LAYERS, RATE: [0.1, 1.0]}))
    (legend,) = figure.legends
    assert legend.get_title().get_text() == "learning rate\n(12 lines of each,\nby layers)"


def test_without_a_numeric_axis_text_distinguishes_lines() -> None:
    figure = drawn("loss", recorded({"activation": NAMES}))
    assert legend_of(figure) == NAMES
    assert len({line.get_color() for line in curves_of(figure.axes[0])}) == 3


def test_losses_are_drawn_on_two_logarithmic_axes_and_predictions_on_one() -> None:
    data = recorded({RATE: [0.1, 1.0]})
    loss, prediction = (drawn(kind, data).axes[0] for kind in ("loss", "prediction"))
    assert (loss.get_xscale(), loss.get_yscale()) == ("log", "log")
    assert (prediction.get_xscale(), prediction.get_yscale()) == ("log", "linear")


@pytest.mark.parametrize("kind", ["loss", "prediction"])
def test_non_finite_values_are_omitted_and_the_rest_is_drawn(kind: str) -> None:
    data = CASES["values that are not numbers"][0]()
    assert data.trajectories is not None
    lines = curves_of(drawn(kind, data).axes[0])
    finite = np.isfinite(data.trajectories[kind]).groupby(data.trajectories["trial"]).sum()
    assert sorted(len(points(line)[0]) for line in lines) == sorted(finite)
    assert finite.min() == 0
    for line in lines:
        assert np.isfinite(line.get_xydata()).all()


def test_a_line_of_one_or_two_steps_can_be_seen() -> None:
    for steps in ([0], [0, 1]):
        axes = drawn("loss", recorded({RATE: [0.1, 1.0]}, steps=steps)).axes[0]
        assert all(visible(axes, line) for line in curves_of(axes))
        low, high = axes.get_xlim()
        assert 0.5 < low < 1 < high < 3


def test_a_loss_that_reaches_zero_goes_down_to_the_end_of_the_axes() -> None:
    axes = drawn("loss", CASES["a loss that reaches zero"][0]()).axes[0]
    assert axes.get_ylim()[0] > 1e-4
    for line in curves_of(axes):
        assert points(line)[1][-1] == 0


def test_an_oscillation_keeps_its_height_when_a_line_is_thinned() -> None:
    steps = np.arange(20_000)
    data = recorded(
        {RATE: [1.0]}, steps=steps.tolist(), value=lambda rate, at: np.where(at % 2, 1.0, -0.5)
    )
    (line,) = curves_of(drawn("prediction", data).axes[0])
    x, y = (np.array(one) for one in points(line))
    assert len(x) < 1000
    assert (x[0], x[-1]) == (1, 20_000)
    assert (np.diff(x) > 0).all()
    for start, end in itertools.pairwise(np.geomspace(20, 20_000, 40)):
        part = y[(x >= start) & (x < end)]
        np.testing.assert_allclose([part.min(), part.max()], [0.2, 0.5])


def test_a_single_spike_is_not_lost_when_a_line_is_thinned() -> None:
    data = recorded(
        {RATE: [1.0]},
        steps=range(20_000),
        value=lambda rate, at: np.where(at == 12_345, 3.0, 0.0),
    )
    (line,) = curves_of(drawn("prediction", data).axes[0])
    assert dict(zip(*points(line), strict=True))[12_346.0] == pytest.approx(0.9)


def test_diverging_losses_do_not_flatten_the_others() -> None:
    data = CASES["lines that run away"][0]()
    assert data.trajectories is not None
    axes = drawn("loss", data).axes[0]
    assert data.trajectories["loss"].max() > 1e12
    assert data.trajectories["loss"].iloc[0] == 1
    assert 1e4 < axes.get_ylim()[1] < 1e10
    assert axes.get_title(loc="left") == "some lines are cut off"
    away = max(curves_of(axes), key=lambda line: max(points(line)[1]))
    assert max(points(away)[1]) > axes.get_ylim()[1]


def test_losses_that_stay_near_are_all_in_view() -> None:
    data = recorded({RATE: [0.1, 20.0]}, value=lambda rate, at: 1 + rate * at % 40)
    assert data.trajectories is not None
    axes = drawn("loss", data).axes[0]
    low, high = axes.get_ylim()
    values = data.trajectories["loss"]
    assert values.max() > 100
    assert low < values.min() and values.max() < high
    assert axes.get_title(loc="left") == ""


def test_a_figure_says_that_lines_are_cut_off_and_that_there_are_more() -> None:
    data = recorded({RATE: rates(1000, -2, 2)}, steps=[0, 1, 2, 40])
    for kind in ("loss", "prediction"):
        said = drawn(kind, data).axes[0].get_title(loc="left")
        assert said == "300 of 1,000 trials, some lines are cut off"


def test_diverging_predictions_do_not_flatten_the_others() -> None:
    data = CASES["lines that run away"][0]()
    assert data.trajectories is not None
    axes = drawn("prediction", data).axes[0]
    assert data.trajectories["prediction"].max() > 1e6
    low, high = axes.get_ylim()
    assert -1 < low < 0.3 and 0.5 < high < 2  # the target and the start are in view
    assert axes.get_title(loc="left") == "some lines are cut off"
    away = max(curves_of(axes), key=lambda line: max(points(line)[1]))
    assert max(points(away)[1]) > high


def test_predictions_that_stay_near_are_all_in_view() -> None:
    data = recorded({RATE: [0.1, 20.0]}, value=lambda rate, at: np.cos(rate * at) / 2)
    assert data.trajectories is not None
    axes = drawn("prediction", data).axes[0]
    low, high = axes.get_ylim()
    values = data.trajectories["prediction"]
    assert low < values.min() and values.max() < high
    assert axes.get_title(loc="left") == ""


@pytest.mark.parametrize(("count", "panels"), [(1, 1), (2, 2), (3, 3), (4, 4), (12, 4)])
def test_predictions_have_a_panel_each_with_its_target(count: int, panels: int) -> None:
    columns = [f"prediction_{place}" for place in range(count)]
    data = recorded({RATE: [0.1, 1.0]}, columns=columns)
    targets = tuple(0.25 + place / 8 for place in range(count))
    figure = drawn("prediction", FigureData(**{**vars(data), "targets": targets}))
    assert len(figure.axes) == panels
    for place, axes in enumerate(figure.axes):
        assert axes.get_ylabel() == f"prediction {place}"
        assert axes.texts[0].get_text() == f"target\n{targets[place]:.3g}"
        level = [line for line in axes.get_lines() if line.get_transform() != axes.transData]
        assert points(level[0])[1] == [targets[place]] * 2
        assert len(curves_of(axes)) == 2
    assert ("the first 4 of 12 predictions" in figure.get_suptitle()) is (count == 12)


def test_predictions_without_targets_have_no_target() -> None:
    data = recorded({RATE: [0.1, 1.0]})
    axes = drawn("prediction", FigureData(**{**vars(data), "targets": None})).axes[0]
    assert [*axes.texts, *marks_of(axes)] == []


@pytest.mark.parametrize(
    ("columns", "kinds"),
    [
        (["gradient_norm"], []),
        (["loss"], ["loss"]),
        (["prediction"], ["prediction"]),
        (["prediction_error"], []),
        (["prediction_0", "prediction_error"], ["prediction"]),
    ],
)
def test_only_what_was_recorded_is_drawn(columns: list[str], kinds: list[str]) -> None:
    figures = all_drawn(recorded({RATE: [0.1, 1.0]}, columns=columns))
    assert list(figures) == ["convergence", *kinds]


def test_groups_with_fewer_predictions_have_fewer_lines() -> None:
    data = recorded({"layers": LAYERS[:2], RATE: [0.1]}, columns=["prediction_0", "prediction_1"])
    assert data.trajectories is not None
    data.trajectories.loc[data.trajectories["trial"] == 0, "prediction_1"] = np.nan
    first, second = drawn("prediction", data).axes
    assert [len(points(line)[0]) for line in curves_of(first)] == [60, 60]
    assert sorted(len(points(line)[0]) for line in curves_of(second)) == [0, 60]
