"""Convergence against the learning rate: curves, bands, strips and lines match the summary."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import same_color, to_hex, to_rgb
from matplotlib.patches import StepPatch

from gdbatch.analysis import Criterion
from gdbatch.figures import FigureData
from gdbatch.figures.style import outcome_colours
from tests.figures.data import (
    EDGE,
    LAYERS,
    LOSS,
    NAMES,
    RATE,
    Ends,
    all_of,
    completed,
    figure_data,
    rates,
    rule,
)
from tests.figures.looking import curves_of, drawn, legend_of, marks_of, points, visible

# convergence -------------------------------------------------------------------------------


def test_the_curve_is_the_median_of_the_summary() -> None:
    data = figure_data({RATE: rates(61)})
    top = drawn("convergence", data).axes[0]
    (line,) = curves_of(top)
    x, y = points(line)
    assert x == data.summary[RATE].tolist()
    np.testing.assert_array_equal(y, data.summary["steps_median"])
    assert (top.get_xscale(), top.get_yscale()) == ("log", "log")
    assert top.get_ylabel() == "steps to converge\n(median and quartiles)"


def test_a_curve_is_in_the_order_of_its_rates_whatever_the_order_of_the_table() -> None:
    data = figure_data({RATE: rates(21)})
    mixed = FigureData(**{**vars(data), "summary": data.summary.sample(frac=1, random_state=1)})
    (line,), (expected,) = (curves_of(drawn("convergence", one).axes[0]) for one in (mixed, data))
    np.testing.assert_array_equal(line.get_xydata(), expected.get_xydata())


@pytest.mark.parametrize("count", [1, 3, 61, 1000])
def test_all_finite_values_are_inside_the_axes(count: int) -> None:
    data = figure_data({RATE: rates(count, -1, 2)}, seeds=9)
    low, high = drawn("convergence", data).axes[0].get_ylim()
    values = data.summary[["steps_q25", "steps_median", "steps_q75"]].to_numpy()
    assert low < np.nanmin(values) <= np.nanmax(values) < high


def band_of(axes: Axes) -> np.ndarray[Any, Any]:
    (band,) = (one for one in axes.collections if isinstance(one, PolyCollection))
    return np.concatenate([path.vertices for path in band.get_paths()])


def test_the_band_spans_the_quartiles() -> None:
    data = figure_data({RATE: [1.0, 10.0, 100.0]}, seeds=8)
    corners = {tuple(corner) for corner in band_of(drawn("convergence", data).axes[0]).tolist()}
    for _, row in data.summary.iterrows():
        assert row["steps_q25"] < row["steps_q75"]
        assert {(row[RATE], row["steps_q25"]), (row[RATE], row["steps_q75"])} <= corners


def test_an_infinite_quartile_runs_off_the_top_of_the_figure() -> None:
    def most(values: dict[str, Any], seed: int) -> tuple[str, int, float]:
        return ("diverged", 1, 1e9) if seed < 3 else ("converged", 10 * seed, 0.0)

    data = figure_data({RATE: [1.0, 2.0, 3.0]}, most, seeds=8)
    assert data.summary["steps_q75"].isna().all() and data.summary["steps_median"].notna().all()
    top = drawn("convergence", data).axes[0]
    assert band_of(top)[:, 1].max() > 10 * top.get_ylim()[1]


def test_one_seed_has_no_band_and_says_so() -> None:
    top = drawn("convergence", figure_data({RATE: rates(31)}, seeds=1)).axes[0]
    assert not any(isinstance(one, PolyCollection | LineCollection) for one in top.collections)
    assert top.get_ylabel() == "steps to converge\n(median)"


@pytest.mark.parametrize("count", [5, 99])
def test_an_isolated_rate_that_converges_is_visible(count: int) -> None:
    places = [float(place + 1) for place in range(count)]

    def lonely(values: dict[str, Any], seed: int) -> tuple[str, int, float]:
        return ("converged", 5 + seed, 0.0) if values[RATE] == 3 else ("diverged", 1, 1e9)

    top = drawn("convergence", figure_data({RATE: places}, lonely)).axes[0]
    assert any(visible(top, line) for line in curves_of(top))
    quartiles = [
        segment[:, 1].tolist()
        for one in top.collections
        if hasattr(one, "get_segments")
        for segment in one.get_segments()
    ]
    assert quartiles == [[5, 7]]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_few_structures_have_a_curve_a_band_and_a_strip_each(count: int) -> None:
    figure = drawn("convergence", figure_data({"layers": LAYERS[:count], RATE: rates(21)}))
    top, *strips = figure.axes
    bands = [one for one in top.collections if isinstance(one, PolyCollection)]
    assert len(curves_of(top)) == len(bands) == len(strips) == count
    if count > 1:
        assert [axes.get_title(loc="left") for axes in strips] == [
            f"layers {name}" for name in LAYERS[:count]
        ]


@pytest.mark.parametrize("count", [5, 12, 16])
def test_more_structures_are_all_drawn_told_apart_and_named(count: int) -> None:
    names = [f"2-{width}-1" for width in range(count)]
    figure = drawn("convergence", figure_data({"layers": names, RATE: rates(21)}))
    top, strip = figure.axes
    lines = curves_of(top)
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == count == len(lines)
    assert legend_of(figure)[:count] == names
    assert strip.get_title(loc="left") == f"all {count} curves together"
    assert not any(isinstance(one, PolyCollection) for one in top.collections)


def test_only_some_of_too_many_structures_are_drawn_and_the_figure_says_how_many() -> None:
    figure = drawn("convergence", figure_data({"x": NAMES, "y": LAYERS, RATE: rates(5)}))
    top = figure.axes[0]
    assert len(curves_of(top)) == 16
    assert top.get_title(loc="left") == "16 of 36 curves"
    named = legend_of(figure)[:16]
    assert named[0] == "sigmoid, 2-1-1" and named[-1] == "relu, 2-12-1"
    # evenly spread: both axes appear with all of their values
    assert {name.split(", ")[0] for name in named} == set(NAMES)
    assert len({name.split(", ")[1] for name in named}) > 6


@pytest.mark.parametrize(("count", "curves"), [(6, 6), (20, 20), (200, 60)])
def test_a_numeric_axis_has_shades_in_its_order(count: int, curves: int) -> None:
    data = figure_data({"low": list(range(count)), RATE: rates(5)}, seeds=1)
    figure = drawn("convergence", data)
    lines = curves_of(figure.axes[0])
    assert len(lines) == curves
    lightness = [np.dot(to_rgb(line.get_color()), (0.3, 0.6, 0.1)) for line in lines]
    assert all(one < other for one, other in itertools.pairwise(lightness))
    bars = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
    assert len(bars) == (count > 9)
    assert ("5" in legend_of(figure)) is (count <= 9)


def test_axes_that_move_together_with_the_rate_are_one_curve() -> None:
    data = figure_data({RATE: rates(9), "low": list(range(9))}, zipped=True)
    (line,) = curves_of(drawn("convergence", data).axes[0])
    assert points(line)[0] == data.summary[RATE].tolist()


def test_without_a_stop_rule_the_curve_is_the_loss() -> None:
    data = figure_data({RATE: rates(21)}, completed, criterion=LOSS)
    top = drawn("convergence", data).axes[0]
    (line,) = curves_of(top)
    assert points(line)[1] == data.summary["final_loss_median"].tolist()
    assert top.get_ylabel() == "median final loss"


def test_an_accuracy_has_a_linear_axis_from_0_to_1() -> None:
    data = figure_data({RATE: rates(9)}, completed, criterion=Criterion("accuracy"))
    shares = np.linspace(0.1, 0.9, 9)
    data = replace(
        data, summary=data.summary.assign(accuracy_median=shares, accuracy_low=0, accuracy_high=1)
    )
    top = drawn("convergence", data).axes[0]
    assert (top.get_yscale(), top.get_ylabel()) == ("linear", "median accuracy")
    assert top.get_ylim()[0] <= 0 < 1 <= top.get_ylim()[1] < 1.1
    assert "best learning rate" in legend_of(drawn("convergence", data))[0]


@pytest.mark.parametrize("outcome", ["unfinished", "diverged", "stalled"])
def test_without_convergence_the_figure_says_so(outcome: str) -> None:
    figure = drawn("convergence", figure_data({RATE: rates(21)}, all_of(outcome)))
    top, strip = figure.axes
    assert [text.get_text() for text in top.texts] == [
        "at every value, fewer than half\nof the trials converged"
    ]
    assert curves_of(top) == []
    assert legend_of(figure) == [outcome]
    (patch,) = strip.patches
    assert same_color(patch.get_facecolor(), outcome_colours()[outcome])


def test_zero_steps_have_a_place_below_one_step() -> None:
    data = figure_data(
        {RATE: rates(5)}, lambda values, seed: ("converged", int(values[RATE] * 100) - 1, 0.0)
    )
    assert data.summary["steps_median"].min() == 0
    assert data.summary["steps_median"].max() > 1e5
    top = drawn("convergence", data).axes[0]
    height = top.transData.transform([(1.0, value) for value in (0.0, 30.0, 1e6)])[:, 1]
    frame = top.get_window_extent()
    assert frame.y0 < height[0] < height[1] < height[2]
    assert 0.3 < (height[2] - height[1]) / frame.height < 0.9


@pytest.mark.parametrize(
    ("ends", "criterion"),
    [(all_of("converged", steps=0), Criterion()), (all_of("completed", loss=0.0), LOSS)],
)
def test_an_axis_of_zeros_has_no_negative_numbers(ends: Ends, criterion: Criterion) -> None:
    data = figure_data({RATE: rates(5)}, ends, criterion=criterion)
    top = drawn("convergence", data).axes[0]
    (line,) = curves_of(top)
    assert points(line)[1] == [0] * 5
    assert -0.1 < top.get_ylim()[0] < 0
    assert [tick for tick in top.get_yticks() if top.get_ylim()[0] <= tick < 0] == []


# the best value ----------------------------------------------------------------------------


def stars_of(axes: Axes) -> list[tuple[float, float]]:
    return [
        (float(place[0]), float(place[1]))
        for one in axes.collections
        if isinstance(one, PathCollection)
        for place in np.asarray(one.get_offsets())
    ]


def test_a_star_marks_the_best_rate_which_the_legend_names() -> None:
    data = figure_data({RATE: [10.0, 200.0, 499.0, 600.0]})
    figure = drawn("convergence", data)
    assert stars_of(figure.axes[0]) == [(499, data.summary["steps_median"][2])]
    assert legend_of(figure)[0] == "best learning rate: 499"


def test_every_curve_has_a_star_of_its_colour() -> None:
    shift = {"sigmoid": 1.0, "tanh": 10.0, "relu": 100.0}

    def shifted(values: dict[str, Any], seed: int) -> Any:
        return rule({RATE: values[RATE] * shift[values["activation"]]}, seed)

    figure = drawn("convergence", figure_data({"activation": NAMES, RATE: rates(31)}, shifted))
    top = figure.axes[0]
    assert stars_of(top) == [(rates(31)[at], 3) for at in (23, 18, 13)]
    stars = [one for one in top.collections if isinstance(one, PathCollection)]
    for star, line in zip(stars, curves_of(top), strict=True):
        assert to_hex(np.asarray(star.get_facecolor())[0]) == to_hex(line.get_color())
    assert "best learning rate" in legend_of(figure)


def test_without_a_stop_rule_the_star_marks_the_lowest_loss() -> None:
    data = figure_data({RATE: [10.0, 100.0, 400.0, 600.0]}, completed, criterion=LOSS)
    assert stars_of(drawn("convergence", data).axes[0]) == [(400, 1 / 400)]


def test_without_convergence_there_is_no_star() -> None:
    figure = drawn("convergence", figure_data({RATE: rates(21)}, all_of("diverged")))
    assert stars_of(figure.axes[0]) == []


# shares ------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, 40, 41, 1000])
def test_the_strip_shows_the_share_of_every_outcome_at_every_rate(count: int) -> None:
    data = figure_data({RATE: rates(count)}, seeds=3)
    strip = drawn("convergence", data).axes[1]
    top = np.zeros(count)
    patches = [one for one in strip.patches if isinstance(one, StepPatch)]
    for name, patch in zip(
        [name for name in outcome_colours() if data.summary[name].sum()],
        reversed(patches), strict=True,
    ):  # fmt: skip
        assert same_color(patch.get_facecolor(), outcome_colours()[name])
        top += 100 * data.summary[name] / data.summary["trials"]
        values, edges, _ = patch.get_data()
        np.testing.assert_allclose(values, top)
        assert (edges[:-1] < data.summary[RATE]).all() and (data.summary[RATE] < edges[1:]).all()
    np.testing.assert_allclose(top, 100)
    assert strip.get_ylim() == (0, 100)


def test_a_strip_of_many_structures_counts_the_trials_of_all() -> None:
    data = figure_data(
        {"layers": LAYERS, RATE: rates(5)},
        lambda values, seed: ("converged" if values["layers"] == LAYERS[0] else "stalled", 3, 0.0),
    )
    strip = drawn("convergence", data).axes[1]
    values = strip.patches[-1].get_data().values  # type: ignore[attr-defined]
    np.testing.assert_allclose(values, 100 / len(LAYERS))


# 1/λ and 2/λ -------------------------------------------------------------------------------


@pytest.mark.parametrize("spread", [rates(31), [float(rate) for rate in range(100, 900, 20)]])
def test_lines_mark_one_and_two_over_the_curvature(spread: list[float]) -> None:
    figure = drawn("convergence", figure_data({RATE: spread}, curvature=2 / EDGE))
    for axes in figure.axes:
        assert marks_of(axes) == [EDGE / 2, EDGE]
    top = figure.axes[0]
    highest = np.nanmax([points(line)[1] for line in curves_of(top)])
    # the names are above the curve
    assert top.transAxes.inverted().transform(top.transData.transform((1, highest)))[1] < 0.9
    texts = {text.get_text(): text.xy for text in figure.axes[0].texts}  # type: ignore[attr-defined]
    assert texts == {"2/λ = 500": (EDGE, 1.0), "1/λ = 250": (EDGE / 2, 1.0)}


@pytest.mark.parametrize(
    ("curvature", "expected"),
    [(None, []), (0.0, []), (1e-9, []), (1e9, []), (2 / 10, [10.0]), (1 / 1000, [1000.0])],
)
def test_a_line_beyond_the_rates_is_omitted(curvature: float | None, expected: list[float]) -> None:
    spread = [10.0, 30.0, 100.0, 300.0, 1000.0]
    figure = drawn("convergence", figure_data({RATE: spread}, curvature=curvature))
    assert marks_of(figure.axes[0]) == expected
    assert len(figure.axes[0].texts) == len(expected)


def test_the_curvature_is_marked_for_learning_rates_only() -> None:
    figure = drawn("convergence", figure_data({"low": [1.0, 2.0, 3.0]}, curvature=1.0))
    assert marks_of(figure.axes[0]) == []
