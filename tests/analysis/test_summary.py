"""The summary: counts, shares, intervals and quantiles, over seeds and in order.

It is compared with a slow summary, computed trial by trial.
"""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdbatch import outcomes
from gdbatch.analysis import summarise
from gdbatch.analysis.groups import interval_rank
from gdbatch.analysis.summary import summary_columns, wilson
from gdbatch.errors import UsageError
from tests.analysis.tables import random_trials, summary_of, tables, trials_of

RATE = ["learning_rate", "seed"]
NORMAL_95 = 1.959963984540054


def row_of(*cells: Any) -> dict[str, Any]:
    """The one row of a summary of these trials at one learning rate."""
    (row,) = summary_of(trials_of({1.0: cells}, ["learning_rate"]), RATE).to_dict("records")
    return {str(name): value for name, value in row.items()}


# against a slow one ------------------------------------------------------------------------


def slow_quantile(values: list[float], numerator: int) -> float:
    """The smallest value at or below which so many quarters of all values are."""
    for value in sorted(values):
        if 4 * sum(other <= value for other in values) >= numerator * len(values):
            return value
    raise AssertionError("the largest value is above none")


def slow_wilson(successes: int, trials: int) -> tuple[float, float]:
    z2, rate = NORMAL_95**2, successes / trials
    root = NORMAL_95 * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials * trials))
    low, high = ((rate + z2 / (2 * trials) + sign * root) / (1 + z2 / trials) for sign in (-1, 1))
    return low, high


def slow_row(part: list[dict[str, Any]], least: float) -> dict[str, Any]:
    row: dict[str, Any] = {"trials": len(part)}
    for outcome in outcomes.names():
        row[outcome] = sum(trial["outcome"] == outcome for trial in part)
    row["stable"] = sum(
        trial["outcome"] != "diverged" and not trial["final_loss"] > trial["initial_loss"]
        for trial in part
    )
    row["stationary"] = sum(
        trial["outcome"] == "stalled"
        and math.isfinite(trial["final_loss"])
        and (trial["gradient_norm"] == 0 or trial["final_loss"] == least)
        for trial in part
    )
    row["success_rate"] = row["converged"] / len(part)
    row["success_low"], row["success_high"] = slow_wilson(row["converged"], len(part))
    steps = [
        float(trial["steps"]) if trial["outcome"] == "converged" else math.inf for trial in part
    ]
    for name, numerator in (("steps_q25", 1), ("steps_median", 2), ("steps_q75", 3)):
        quantile = slow_quantile(steps, numerator)
        row[name] = quantile if math.isfinite(quantile) else math.nan
    losses = [trial["final_loss"] for trial in part]
    losses = [math.inf if math.isnan(loss) else loss for loss in losses]
    row["final_loss_median"] = slow_quantile(losses, 2)
    row["final_loss_low"], row["final_loss_high"] = slow_interval(losses)
    return row


def slow_interval(values: Sequence[float]) -> tuple[float, float]:
    """The narrowest order statistics between which the median lies in 95% of all samples."""
    count, ordered = len(values), sorted(values)
    for rank in range(count // 2, 0, -1):
        outside = 2 * sum(math.comb(count, heads) for heads in range(rank)) / 2**count
        if outside <= 0.05:
            return ordered[rank - 1], ordered[count - rank]
    return math.nan, math.nan


def slow_summary(trials: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in trials.to_dict("records")
    ]
    keys = [axis for axis in axes if axis != "seed"]
    values = {key: list(dict.fromkeys(row[key] for row in rows)) for key in keys}
    for key, found in values.items():
        if not isinstance(found[0], str):
            values[key] = sorted(found)
    least = min((row["final_loss"] for row in rows if row["final_loss"] >= 0), default=math.inf)
    summary = []
    for combination in itertools.product(*values.values()):
        at = dict(zip(keys, combination, strict=True))
        part = [row for row in rows if all(row[key] == at[key] for key in keys)]
        if part:
            summary.append(at | slow_row(part, least))
    return pd.DataFrame(summary)


@settings(max_examples=80, deadline=None)
@given(tables())
def test_a_summary_equals_one_computed_trial_by_trial(
    table: tuple[pd.DataFrame, list[str]],
) -> None:
    trials, axes = table
    pd.testing.assert_frame_equal(
        summary_of(trials, axes), slow_summary(trials, axes), check_dtype=False, rtol=1e-12
    )


@settings(max_examples=25, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_a_summary_of_numbers_does_not_depend_on_the_order_of_trials(
    table: tuple[pd.DataFrame, list[str]], random: Any
) -> None:
    trials, axes = table
    axes = [axis for axis in axes if axis != "activation"]
    order = list(range(len(trials)))
    random.shuffle(order)
    pd.testing.assert_frame_equal(summary_of(trials.iloc[order], axes), summary_of(trials, axes))


@settings(max_examples=40, deadline=None)
@given(tables(), st.lists(st.integers(0, 60), max_size=4))
def test_a_summary_of_parts_equals_that_of_the_whole(
    table: tuple[pd.DataFrame, list[str]], cuts: list[int]
) -> None:
    trials, axes = table
    ends = [0, *sorted(min(cut, len(trials)) for cut in cuts), len(trials)]
    parts = [trials.iloc[start:end] for start, end in itertools.pairwise(ends)]
    pd.testing.assert_frame_equal(summarise(iter(parts), axes), summary_of(trials, axes))


@settings(max_examples=25, deadline=None)
@given(tables())
def test_a_summary_does_not_modify_the_trials(table: tuple[pd.DataFrame, list[str]]) -> None:
    trials, axes = table
    before = trials.copy(deep=True)
    summary_of(trials, axes)
    pd.testing.assert_frame_equal(trials, before)


# counts ------------------------------------------------------------------------------------


def test_every_trial_is_counted_under_its_outcome() -> None:
    row = row_of(3, "diverged", "diverged", "stalled", "unfinished", "unfinished", "unfinished", 9)
    counts = {name: row[name] for name in ("trials", *outcomes.names()) if row[name]}
    assert counts == {"trials": 8, "converged": 2, "diverged": 2, "stalled": 1, "unfinished": 3}
    assert row["success_rate"] == 0.25


def test_every_outcome_has_a_column_whether_it_occurs_or_not() -> None:
    table = summary_of(
        trials_of({1.0: ["completed"], 2.0: ["diverged", "completed"]}, ["learning_rate"]), RATE
    )
    columns = list(table.columns)
    first = columns.index("trials") + 1
    assert columns[first : first + len(outcomes.names())] == list(outcomes.names())
    assert table["completed"].tolist() == [1, 1]
    assert table["diverged"].tolist() == [0, 1]
    assert table["success_rate"].tolist() == [0, 0]


def test_an_unregistered_outcome_is_refused() -> None:
    with pytest.raises(UsageError, match='outcome "vanished"'):
        row_of("vanished")
    unused = trials_of({1.0: [3]}, ["learning_rate"])
    unused["outcome"] = pd.Categorical(unused["outcome"], ["vanished", "converged"])
    assert summary_of(unused, RATE)["converged"].tolist() == [1]


def test_a_trial_is_stable_unless_it_diverged_or_ended_above_its_start() -> None:
    row = row_of(3, "stalled", "unfinished", "completed", ("unfinished", 1.0))
    assert row["stable"] == 5
    row = row_of("diverged", ("unfinished", 1.01), ("completed", math.inf))
    assert row["stable"] == 0


def test_a_stalled_trial_is_stationary_at_a_zero_gradient_or_at_the_lowest_loss() -> None:
    trials = trials_of(
        {1.0: [("stalled", 0.25), ("stalled", 0.25), ("stalled", 0.125), ("unfinished", 0.125)]},
        ["learning_rate"],
    )
    trials.loc[0, "gradient_norm"] = 0.0
    assert summary_of(trials, RATE)["stationary"].tolist() == [2]


def test_the_columns_are_in_the_documented_order() -> None:
    assert list(row_of(3)) == [
        "learning_rate", "trials", *outcomes.names(), "stable", "stationary",
        "success_rate", "success_low", "success_high",
        "steps_q25", "steps_median", "steps_q75",
        "final_loss_median", "final_loss_low", "final_loss_high",
    ]  # fmt: skip
    assert list(row_of(3))[1:] == list(summary_columns())


# the interval ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (1, 10, 0.0179, 0.4042),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (0, 1, 0.0, 0.7935),
        (1, 1, 0.2065, 1.0),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (95, 100, 0.8882, 0.9785),
    ],
)
def test_the_interval_has_the_published_ends(
    successes: int, trials: int, low: float, high: float
) -> None:
    found = wilson(np.array([successes]), np.array([trials]))
    assert [round(float(end[0]), 4) for end in found] == [low, high]


def test_the_interval_equals_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    trials = np.repeat([1, 2, 3, 10, 97, 1000], 5)
    successes = np.round(trials * np.tile([0, 0.1, 0.5, 0.93, 1], 6)).astype(int)
    expected = [
        stats.binomtest(int(k), int(n)).proportion_ci(0.95, method="wilson")
        for k, n in zip(successes, trials, strict=True)
    ]
    low, high = wilson(successes, trials)
    np.testing.assert_allclose(low, [one.low for one in expected], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(high, [one.high for one in expected], rtol=1e-12)


@given(st.integers(1, 10**9), st.floats(0, 1))
def test_the_interval_contains_the_rate_and_lies_within_0_and_1(trials: int, share: float) -> None:
    successes = np.array([round(share * trials)])
    low, high = wilson(successes, np.array([trials]))
    assert 0 <= low[0] <= successes[0] / trials <= high[0] <= 1
    mirrored_low, mirrored_high = wilson(trials - successes, np.array([trials]))
    np.testing.assert_allclose([1 - mirrored_high, 1 - mirrored_low], [low, high], atol=1e-12)


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_more_trials_narrow_the_interval(successes: int, failures: int) -> None:
    few = wilson(np.array([successes]), np.array([successes + failures]))
    many = wilson(np.array([2 * successes]), np.array([2 * (successes + failures)]))
    assert few[0][0] < many[0][0] < many[1][0] < few[1][0]


# quantiles ---------------------------------------------------------------------------------


def quantiles_of(*cells: Any) -> list[float | None]:
    row = row_of(*cells)
    found = [row["steps_q25"], row["steps_median"], row["steps_q75"]]
    return [None if math.isnan(value) else value for value in found]


def test_quantiles_are_steps_that_a_trial_took() -> None:
    assert quantiles_of(7) == [7, 7, 7]
    assert quantiles_of(10, 20) == [10, 10, 20]
    assert quantiles_of(40, 10, 30, 20) == [10, 20, 30]
    assert quantiles_of(50, 40, 10, 30, 20) == [20, 30, 40]


def test_a_trial_that_did_not_converge_needs_infinitely_many_steps() -> None:
    for outcome in ("diverged", "stalled", "unfinished"):
        assert quantiles_of(10, 20, 30, outcome) == [10, 20, 30]
        assert quantiles_of(10, 20, outcome, outcome) == [10, 20, None]
        assert quantiles_of(10, outcome, outcome, outcome) == [10, None, None]
        assert quantiles_of(outcome, outcome, outcome, outcome) == [None, None, None]


def test_half_of_the_trials_are_enough_for_a_median_and_fewer_are_not() -> None:
    assert quantiles_of(*[5] * 50, *["diverged"] * 50)[1] == 5
    assert quantiles_of(*[5] * 50, *["diverged"] * 51)[1] is None


def test_zero_steps_are_not_missing() -> None:
    assert quantiles_of(0, 0, 0) == [0, 0, 0]


def test_the_steps_of_a_completed_trial_are_not_steps_to_converge() -> None:
    assert quantiles_of("completed", "completed") == [None, None, None]


def test_an_infinite_quantile_is_an_empty_cell_of_the_csv_file() -> None:
    table = summary_of(trials_of({1.0: [4, "diverged", "diverged", "diverged"]},
                                ["learning_rate"]), RATE)  # fmt: skip
    assert table[["steps_q25", "steps_median", "steps_q75"]].to_csv(index=False).splitlines()[
        1
    ] == ("4.0,,")


def test_the_median_loss_is_over_all_trials_whatever_their_outcome() -> None:
    cells = [("diverged", 1e8), ("stalled", 0.25), ("unfinished", 0.5), ("completed", 0.125)]
    assert row_of(*cells)["final_loss_median"] == 0.25
    assert row_of(*cells, ("completed", 0.75))["final_loss_median"] == 0.5


def test_a_loss_that_was_never_finite_counts_as_infinite() -> None:
    lost = ("diverged", math.nan)
    assert row_of(("diverged", 2.0), lost)["final_loss_median"] == 2
    assert row_of(("diverged", 2.0), lost, lost)["final_loss_median"] == math.inf


def test_the_interval_of_a_median_covers_it() -> None:
    """Of 95% or more of all samples, whatever their distribution, and not of much more."""
    for count in (*range(6, 60), 999, 1000, 1001, 1002, 5000):
        below = sum(math.comb(count, heads) for heads in range(interval_rank(count)))
        more = below + math.comb(count, interval_rank(count))
        assert 40 * below <= 2**count
        assert 40 * more > 2**count or count > 1000
    assert abs(interval_rank(1001) - interval_rank(1000)) <= 1


# rows --------------------------------------------------------------------------------------


def test_rows_are_in_plan_order_with_numbers_ascending_and_text_as_it_came() -> None:
    cells = {
        (name, bias, rate): [1]
        for name in ("tanh", "relu")
        for bias in (True, False)
        for rate in (10.0, 0.5, 100.0)
    }
    axes = ["activation", "bias", "learning_rate"]
    table = summary_of(trials_of(cells, axes), [axes[0], "seed", *axes[1:]])
    assert list(zip(*(table[axis] for axis in axes), strict=True)) == [
        (name, bias, rate)
        for name in ("tanh", "relu")
        for bias in (False, True)
        for rate in (0.5, 10.0, 100.0)
    ]
    assert table.index.tolist() == list(range(12))


def test_numbers_and_booleans_keep_their_types() -> None:
    table = summary_of(trials_of({("relu", True, 3, 0.5): [1]}, ["a", "b", "c", "d"]), list("abcd"))
    assert [table[name].dtype.kind for name in "bcd"] == ["b", "i", "f"]
    assert table["trials"].dtype == table["converged"].dtype == np.int64


def test_rates_that_differ_in_the_last_bit_are_two_rates() -> None:
    rates = [0.1, math.nextafter(0.1, 1)]
    table = summary_of(trials_of({rate: [1, 2] for rate in rates}, ["learning_rate"]), RATE)
    assert table["learning_rate"].tolist() == rates


def test_combinations_that_were_not_run_have_no_row() -> None:
    table = summary_of(trials_of({(1, 0.5): [1], (2, 0.25): [1, 2]}, ["low", "learning_rate"]),
                      ["low", "seed", "learning_rate"])  # fmt: skip
    assert table[["low", "learning_rate", "trials"]].to_numpy().tolist() == [
        [1, 0.5, 1],
        [2, 0.25, 2],
    ]


@pytest.mark.parametrize("axes", [[], ["seed"]])
def test_without_an_axis_there_is_one_row_of_all_trials(axes: list[str]) -> None:
    table = summary_of(trials_of({(): [1, 2, "diverged"]}, []), axes)
    assert table["trials"].tolist() == [3]
    assert table["converged"].tolist() == [2]


@pytest.mark.parametrize("axes", [["learning_rate", "seed"], ["learning_rate"]])
def test_no_trials_give_no_rows(axes: list[str]) -> None:
    nothing = trials_of({1.0: [1]}, ["learning_rate"]).iloc[:0]
    assert len(summary_of(nothing, axes)) == 0


# size --------------------------------------------------------------------------------------


def test_many_trials_need_little_more_memory_than_their_table() -> None:
    rates, seeds = np.logspace(-3, 3, 300), np.arange(1000)
    trials = random_trials(300_000, learning_rate=np.tile(rates, 1000), seed=seeds.repeat(300))
    tracemalloc.start()
    try:
        table = summary_of(trials, RATE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert table["trials"].tolist() == [1000] * 300
    assert np.array_equal(table["learning_rate"], rates)
    assert table[list(outcomes.names())].to_numpy().sum() == 300_000
    assert peak < 60e6


def test_axes_that_move_together_need_memory_for_their_rows_only() -> None:
    places = np.arange(50_000)
    trials = random_trials(len(places), learning_rate=places / 7.0, low=-places)
    tracemalloc.start()
    try:
        table = summary_of(trials, ["low", "learning_rate"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.array_equal(table["low"], -places[::-1])
    assert np.array_equal(table["learning_rate"], places[::-1] / 7)
    assert peak < 50e6


@pytest.mark.parametrize("count", [6, 7, 10])
def test_many_axes_that_move_together_keep_their_values(count: int) -> None:
    places = np.arange(1000)
    axes = {f"axis_{number}": places + number / 16 for number in range(count)}
    table = summary_of(random_trials(len(places), **axes), list(axes))
    for name, values in axes.items():
        assert np.array_equal(table[name], values)
