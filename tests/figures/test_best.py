"""The figure of the best rate against another numeric axis."""

from __future__ import annotations

from typing import Any

import pytest

from gdbatch.figures import draw
from tests.figures.data import LOSS, RATE, all_of, figure_data, rates
from tests.figures.looking import curves_of, drawn, legend_of, points

TRIED = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0]


def ends(values: dict[str, Any], seed: int) -> tuple[str, int, float]:
    """The best rate is 8/width, or 1 if it transfers."""
    best = 1.0 if values["rule"] == "mup" else 8 / values["width"]
    return "completed", 9, 1 + abs(values[RATE] - best)


def test_a_curve_of_best_rates_for_each_combination_of_the_other_axes() -> None:
    axes: dict[str, Any] = {"rule": ["standard", "mup"], "width": [4, 8, 16, 32], RATE: TRIED}
    figure = drawn("best", figure_data(axes, ends, criterion=LOSS))
    assert [points(line) for line in curves_of(figure.axes[0])] == [
        ([4, 8, 16, 32], [2.0, 1.0, 0.5, 0.25]),
        ([4, 8, 16, 32], [1.0] * 4),
    ]
    assert legend_of(figure) == ["standard", "mup"]
    assert figure.axes[0].get_xlabel() == "width"


@pytest.mark.parametrize(
    "axes", [{RATE: rates(9)}, {"width": [4, 8], RATE: rates(9)}, {"rule": ["a"], RATE: rates(9)}]
)
def test_there_is_none_without_three_values_of_another_numeric_axis(axes: dict[str, Any]) -> None:
    assert draw("best", figure_data(axes)) is None


def test_there_is_none_if_nothing_is_best() -> None:
    assert draw("best", figure_data({"width": [4, 8, 16], RATE: TRIED}, all_of("diverged"))) is None
