"""The summary of bisections: the bracket that each search ended with, and their quantiles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbatch.analysis import SweepFacts, analysis_of, answer_of, summarise_edges

ROWS = 8
AXES = ("high", "seed", "rate")
Stable = Callable[[float], bool]


def search(stable: Stable, low: float = 0.0, high: float = 64.0) -> tuple[list[Any], Any]:
    """The trials of one bisection as (value, stable), and its last bracket, one step at a time."""
    rows = [(low, stable(low)), (high, stable(high))]
    rising = rows[1][1] and not rows[0][1]
    for _ in range(ROWS - 2):
        middle = (low + high) / 2
        rows.append((middle, stable(middle)))
        if rows[-1][1] != rising:
            low = middle
        else:
            high = middle
    known = dict(rows)
    return rows, (low, high) if known[low] != known[high] else (
        math.inf if known[low] else -math.inf
    )


def table_of(searches: dict[Any, list[Stable]]) -> pd.DataFrame:
    """Trials of some searches for each value of an axis, in plan order."""
    rows = [
        {"high": value, "seed": seed, "rate": rate, "initial_loss": 1.0, "gradient_norm": 0.1,
         "outcome": "unfinished", "steps": 9, "final_loss": 0.5 if is_stable else 2.0}
        for value, several in searches.items()
        for seed, stable in enumerate(several)
        for rate, is_stable in search(stable)[0]
    ]  # fmt: skip
    return pd.DataFrame(rows)


def summary_of(searches: dict[Any, list[Stable]]) -> pd.DataFrame:
    table = table_of(searches)
    parts = [table.iloc[start : start + 3 * ROWS] for start in range(0, len(table), 3 * ROWS)]
    return summarise_edges(parts, AXES, "rate", ROWS)


def inside(among: set[int]) -> Stable:
    return lambda rate: math.floor(rate) in among


@given(st.lists(st.sets(st.integers(0, 64)), min_size=1, max_size=5))
def test_the_bracket_is_where_the_search_ended_whatever_is_stable(stable: list[set[int]]) -> None:
    several = [inside(among) for among in stable]
    (row,) = summary_of({1: several}).to_dict("records")
    ends = [search(one)[1] for one in several]
    brackets = [end for end in ends if isinstance(end, tuple)]
    assert row["searches"] == len(several) and row["trials"] == ROWS * len(several)
    assert row["edges"] == len(brackets)
    assert row["all_stable"] == ends.count(math.inf)
    assert row["none_stable"] == ends.count(-math.inf)
    assert row["rising"] == sum(one(64) and not one(0) for one in several)
    if brackets:
        assert row["edge_low"] == min(low for low, _ in brackets)
        assert row["edge_high"] == max(high for _, high in brackets)
    middles = sorted(end if isinstance(end, float) else sum(end) / 2 for end in ends)
    median = middles[math.ceil(len(middles) / 2) - 1]
    assert row["edge_median"] == median or (math.isinf(median) and np.isnan(row["edge_median"]))


def below(edge: float) -> Stable:
    return lambda rate: rate < edge


def test_there_is_a_row_for_each_value_of_the_other_axes() -> None:
    summary = summary_of({2: [below(11), below(30)], 1: [below(5), below(99)]})
    assert summary["high"].tolist() == [1, 2]
    assert summary["edges"].tolist() == [1, 2]
    assert summary["all_stable"].tolist() == [1, 0]
    assert summary["edge_low"].tolist() == [4, 10]
    assert summary["edge_high"].tolist() == [5, 30]
    assert summary["edge_median"].tolist() == [4.5, 10.5]
    assert np.isnan(summary["edge_q75"][0]) and summary["edge_q75"][1] == 29.5


@pytest.mark.parametrize(
    ("outcome", "loss", "found"),
    [("stalled", 0.5, [1, 0]), ("converged", 0.5, [1, 0]), ("stalled", 1.5, [0, 1]),
     ("diverged", 0.5, [0, 1])],
)  # fmt: skip
def test_a_trial_is_stable_if_it_did_not_diverge_and_ended_below_its_start(
    outcome: str, loss: float, found: list[int]
) -> None:
    table = table_of({1: [below(20)]})
    table.loc[table["final_loss"] == 0.5, ["outcome", "final_loss"]] = outcome, loss
    summary = summarise_edges([table], AXES, "rate", ROWS)
    assert summary[["edges", "none_stable"]].to_numpy().tolist() == [found]


def test_the_columns_are_the_declared_ones() -> None:
    facts = SweepFacts(AXES, 100, search={"kind": "bisection", "axis": "rate", "rows": ROWS})
    columns = list(analysis_of(facts).summary_columns())
    assert list(summary_of({1: [below(11)]}).columns) == ["high", *columns]


def words_of(searches: dict[Any, list[Stable]]) -> str:
    facts = SweepFacts(AXES, 100, search={"kind": "bisection", "axis": "rate", "rows": ROWS})
    return str(answer_of(analysis_of(facts), summary_of(searches)))


def test_the_text_has_the_edge_its_spread_and_missing_edges() -> None:
    assert words_of({1: [below(11)]}) == "edge of stability: rate between 10 and 11"
    assert words_of({1: [below(99)]}) == "no edge in the bracket: all trials are stable"
    assert words_of({1: [lambda rate: rate > 11]}).splitlines() == [
        "edge of stability: rate between 11 and 12",
        "in the bracket the stable trials are above the edge",
    ]
    assert words_of({1: [below(11), below(13), below(-1)], 2: [below(5)]}).splitlines() == [
        "high = 1",
        "edge of stability: rate between 10 and 13",
        "median of 3 searches: 10.5",
        "no edge in 1 of 3 searches: no trial is stable",
        "",
        "high = 2",
        "edge of stability: rate between 4 and 5",
    ]
