"""The map over two numeric axes: every cell has the outcome and the steps of its trials.

Untried cells differ from those that did not converge.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import same_color

from gdbatch.figures import FigureData, draw
from gdbatch.figures.style import outcome_colours
from tests.figures.data import (
    NAMES,
    RATE,
    figure_data,
    rates,
)
from tests.figures.looking import drawn


def meshes_of(axes: Axes) -> list[QuadMesh]:
    return [one for one in axes.collections if isinstance(one, QuadMesh)]


def values_of(mesh: QuadMesh) -> np.ma.MaskedArray[Any, Any]:
    return np.ma.masked_array(mesh.get_array())


def test_the_map_shows_the_summary_cell_by_cell() -> None:
    data = figure_data({"high": [1.0, 2.0, 3.0], RATE: rates(9)})
    left, right, bar = drawn("map", data).axes
    assert (left.get_xlabel(), left.get_ylabel()) == ("learning rate", "high")
    assert (left.get_xscale(), left.get_yscale()) == ("log", "linear")
    wanted = data.summary.pivot(index="high", columns=RATE, values="steps_median").to_numpy()
    shown = values_of(meshes_of(right)[-1]).filled(np.nan).reshape(3, 9)
    np.testing.assert_array_equal(shown, wanted)
    names = ["converged", "unfinished", "diverged"]
    expected = [names[place] for place in data.summary[names].to_numpy().argmax(axis=1)]
    (mesh,) = meshes_of(left)
    cells = mesh.cmap(mesh.norm(values_of(mesh).ravel()))
    for colour, name in zip(cells, expected, strict=True):
        assert same_color(colour, outcome_colours()[name])
    assert bar.get_label() == "<colorbar>"


def test_the_labels_of_the_two_panels_are_well_apart() -> None:
    left, right, _ = drawn("map", figure_data({"high": [1, 2], RATE: rates(100)}, seeds=1)).axes
    left.figure.draw_without_rendering()  # type: ignore[union-attr]
    (low, high), places = left.get_xlim(), left.get_xticks()
    shown = [place for place, tick in enumerate(places) if low <= tick <= high]
    last = left.get_xticklabels()[shown[-1]].get_window_extent()
    first = right.get_xticklabels()[shown[0]].get_window_extent()
    assert first.x0 - last.x1 > 12


def test_a_map_distinguishes_unconverged_from_untried_cells() -> None:
    data = figure_data({"high": [1, 2, 3], RATE: rates(9)})
    kept = data.summary.drop(index=[0, 1])
    right = drawn("map", FigureData(**{**vars(data), "summary": kept})).axes[1]
    tried, steps = (np.ma.getmaskarray(values_of(mesh)) for mesh in meshes_of(right))
    assert tried.sum() == 2
    assert steps.sum() == kept["steps_median"].isna().sum() + 2


def test_steps_of_zero_are_the_fewest_steps_of_a_map() -> None:
    data = figure_data(
        {"high": [1, 2], RATE: rates(4)}, lambda values, seed: ("converged", 10 * seed, 0.0), 1
    )
    mesh = meshes_of(drawn("map", data).axes[1])[-1]
    assert not np.ma.getmaskarray(values_of(mesh)).any()
    assert np.isfinite(mesh.norm(values_of(mesh))).all()


def test_a_map_of_more_axes_is_one_slice_and_says_which() -> None:
    data = figure_data({"activation": NAMES, "low": [-1, -2], "high": [1, 2, 3], RATE: rates(5)})
    figure = drawn("map", data)
    assert figure.get_suptitle() == "made_up (activation sigmoid, low -2)"
    assert figure.axes[0].get_ylabel() == "high"  # the axis with more values
    (mesh,) = meshes_of(figure.axes[0])
    assert values_of(mesh).size == 15


@pytest.mark.parametrize(
    "axes",
    [
        {RATE: rates(5)},
        {"activation": NAMES, RATE: rates(5)},
        {"bias": [False, True], RATE: rates(5)},
        {"low": [1.0], RATE: rates(5)},
    ],
)
def test_there_is_no_map_without_two_numeric_axes_that_vary(axes: dict[str, Any]) -> None:
    assert draw("map", figure_data(axes)) is None


def test_there_is_no_map_of_axes_that_move_together() -> None:
    axes: dict[str, Any] = {"high": [1, 2, 3], "low": [-1, -2, -3], RATE: [1.0, 2.0, 3.0]}
    assert draw("map", figure_data(axes, zipped=True)) is None


def test_there_is_no_map_of_a_slice_in_which_an_axis_does_not_vary() -> None:
    axes: dict[str, Any] = {
        "low": [1, 2, 2] * 2,
        "high": [1, 1, 2] * 2,
        RATE: [1.0] * 3 + [2.0] * 3,
    }
    assert draw("map", figure_data(axes, zipped=True)) is None
