"""The figure of a sweep whose learning rate was refined: edges against another axis."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gdbatch.figures import FigureData, draw
from tests.figures.data import RATE, rates
from tests.figures.looking import curves_of, drawn, legend_of, points


def edges_data(
    axes: dict[str, Sequence[Any]], searches: int = 9, found: bool = True, **more: Any
) -> FigureData:
    """Edges at a thousand over the product of the numbers."""
    rows = []
    for values in itertools.product(*axes.values()):
        numbers = [one for one in values if isinstance(one, int | float) and one is not False]
        edge = 1000 / float(np.prod(numbers)) if found else np.nan
        places = {name: edge * (1 + 0.1 * place) for place, name in zip(
            (-2, -1, 0, 1, 2), ("low", "q25", "median", "q75", "high"), strict=True)}  # fmt: skip
        rows.append(dict(zip(axes, values, strict=True)) | {"searches": searches}
                    | {f"edge_{name}": place for name, place in places.items()})  # fmt: skip
    options: dict[str, Any] = {"trajectories": None, "targets": None, "curvature": None} | more
    return FigureData("edges", pd.DataFrame(rows), axes=(*axes, RATE), refined=RATE, **options)


@pytest.mark.parametrize("count", [2, 3, 100])
def test_the_median_edge_stands_over_the_axis_with_most_values(count: int) -> None:
    figure = drawn("convergence", edges_data({"high": rates(count, 0, 2), "bias": [True, False]}))
    axes = figure.axes[0]
    curves = curves_of(axes)
    assert [points(line)[0] for line in curves] == [rates(count, 0, 2)] * 2
    assert points(curves[0])[1] == pytest.approx([1000 / value for value in rates(count, 0, 2)])
    assert legend_of(figure) == ["True", "False"]
    assert axes.get_ylabel().startswith("edge of the learning rate")
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_curves_of_many_numbers_are_shades() -> None:
    data = edges_data({"high": list(range(1, 71)), "momentum": list(range(1, 90))})
    axes = drawn("convergence", data).axes[0]
    assert len(curves_of(axes)) == 60
    assert axes.get_title(loc="left") == "60 of 70 curves"


@pytest.mark.parametrize(
    "names", [[], ["sigmoid"], ["sigmoid", "tanh"], [f"a{i}" for i in range(50)]]
)
def test_without_an_axis_of_numbers_there_is_a_line_a_name(names: list[str]) -> None:
    axes = drawn("convergence", edges_data({"activation": names} if names else {})).axes[0]
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert shown == (names[:40] if len(names) > 1 else [""])
    assert "edge of the learning rate" in axes.get_xlabel()


def test_no_edge_is_said() -> None:
    axes = drawn("convergence", edges_data({"high": [1, 2, 3]}, found=False)).axes[0]
    assert [text.get_text() for text in axes.texts] == ["no search met an edge"]


def test_theory_is_a_line_and_there_is_no_map() -> None:
    data = edges_data({"high": [1, 2, 3], "low": [1, 2]}, curvature=0.004)
    (theory,) = [
        line for line in drawn("convergence", data).axes[0].get_lines() if line.get_label() == "2/λ"
    ]
    assert points(theory)[1] == [500, 500]
    assert draw("map", data) is None
