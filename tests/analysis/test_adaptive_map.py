"""Maps: tables as grids of pixels, pixels that were not trained, and what the answer says."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gdbatch.analysis import SweepFacts, analysis_of, answer_of, as_map, every_pixel
from gdbatch.errors import UsageError
from tests.analysis.tables import trials_of

FACTS = SweepFacts(
    ("seed", "momentum", "rate"), 40, search={"kind": "adaptive_map", "axes": ["momentum", "rate"]}
)
TRIALS = trials_of(
    {(0.0, 1.0): [3], (0.0, 2.0): ["diverged"], (0.9, 1.0): [9], (0.9, 2.0): [8]},
    ["momentum", "rate"],
)


def test_the_answer_counts_trained_pixels_and_outcomes() -> None:
    analysis = analysis_of(FACTS)
    answer = answer_of(analysis, analysis.summarise([TRIALS]))
    (one,) = answer
    assert (one.axes, one.pixels, one.trained, one.saved) == (("momentum", "rate"), 40, 4, 0.9)
    assert one.outcomes == {"converged": 0.75, "diverged": 0.25}
    assert str(answer) == (
        "map of momentum and rate: trained 4 of 40 pixels (90.0% saved)\n"
        "of the trained pixels, most of which lie at a boundary: 75.0% converged, 25.0% diverged"
    )
    assert analysis.sparse_map == ("momentum", "rate")


def test_the_answer_of_a_partial_run_has_no_saving() -> None:
    analysis = analysis_of(replace(FACTS, is_complete=False))
    answer = answer_of(analysis, analysis.summarise([TRIALS]), "1 of 4 shards")
    assert (answer[0].pixels, answer[0].saved) == (None, None)
    assert str(answer).splitlines()[:2] == [
        "partial: 1 of 4 shards",
        "map of momentum and rate: trained 4 pixels",
    ]


def test_a_search_without_an_analysis_is_refused() -> None:
    with pytest.raises(UsageError, match='unknown analysis "gird"; did you mean "grid"'):
        analysis_of(replace(FACTS, search={"kind": "gird"}))


@pytest.mark.parametrize("names", [("rate", "momentum"), ("value", "index"), ("shown", "x")])
def test_a_table_becomes_a_grid_whatever_its_axes_are_called(names: tuple[str, str]) -> None:
    x, y = names
    pixels = list(itertools.product([1.0, 2.0], [10.0, 20.0, 30.0]))
    table = pd.DataFrame(pixels, columns=[y, x]).sample(frac=1, random_state=0)
    grid = as_map(table, x, y, (table[x] + table[y]).to_numpy())
    np.testing.assert_array_equal(grid.columns, [10, 20, 30])
    np.testing.assert_array_equal(grid.index, [1, 2])
    assert grid.to_numpy().tolist() == [[11, 21, 31], [12, 22, 32]]


def test_missing_pixels_get_the_numbers_of_the_nearest() -> None:
    table = pd.DataFrame({"y": [0, 0, 0, 2, 1], "x": [0, 1, 5, 1, 0], "kind": [1, 2, 3, 4, 5]})
    whole = every_pixel(table, "x", "y")
    grid = as_map(whole, "x", "y", whole["kind"].to_numpy())
    np.testing.assert_array_equal(grid, [[1, 2, 3], [5, 2, 3], [5, 4, 4]])
