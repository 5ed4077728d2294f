"""The figure of edges that bisections found, against another axis."""

from __future__ import annotations

import pytest

from tests.figures.data import edges_data, rates
from tests.figures.looking import all_drawn, curves_of, drawn, legend_of, points


@pytest.mark.parametrize("count", [2, 3, 100])
def test_the_median_edge_is_drawn_over_the_axis_with_the_most_values(count: int) -> None:
    figure = drawn("edges", edges_data({"high": rates(count, 0, 2), "bias": [True, False]}))
    axes = figure.axes[0]
    curves = curves_of(axes)
    assert [points(line)[0] for line in curves] == [rates(count, 0, 2)] * 2
    assert points(curves[0])[1] == pytest.approx([1000 / value for value in rates(count, 0, 2)])
    assert legend_of(figure) == ["True", "False"]
    assert axes.get_ylabel().startswith("edge of the learning rate")
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_curves_of_many_numbers_are_shades() -> None:
    data = edges_data({"high": list(range(1, 71)), "momentum": list(range(1, 90))})
    axes = drawn("edges", data).axes[0]
    assert len(curves_of(axes)) == 60
    assert axes.get_title(loc="left") == "60 of 70 curves"


@pytest.mark.parametrize(
    "names", [[], ["sigmoid"], ["sigmoid", "tanh"], [f"a{i}" for i in range(50)]]
)
def test_without_a_numeric_axis_there_is_a_line_per_name(names: list[str]) -> None:
    axes = drawn("edges", edges_data({"activation": names} if names else {})).axes[0]
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert shown == (names[:40] if len(names) > 1 else [""])
    assert "edge of the learning rate" in axes.get_xlabel()


def test_the_figure_says_that_there_is_no_edge() -> None:
    axes = drawn("edges", edges_data({"high": [1, 2, 3]}, found=False)).axes[0]
    assert [text.get_text() for text in axes.texts] == ["no search found an edge"]


def test_theory_is_a_line_and_there_is_no_other_figure() -> None:
    data = edges_data({"high": [1, 2, 3], "low": [1, 2]}, curvature=0.004)
    (theory,) = [
        line for line in drawn("edges", data).axes[0].get_lines() if line.get_label() == "2/λ"
    ]
    assert points(theory)[1] == [500, 500]
    assert list(all_drawn(data)) == ["edges"]
