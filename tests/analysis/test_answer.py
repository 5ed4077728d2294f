"""The answer of a grid: best value, range, edge and warnings, per combination of the other axes.

Tables of trials are written by hand; the answers for random ones are compared with a slow search.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdbatch import outcomes
from gdbatch.analysis import (
    FEWEST_STEPS,
    Criterion,
    GridAnswer,
    choice_axis,
    grid_answers,
    grid_words,
)
from gdbatch.api import run_sweep
from tests.analysis.tables import summary_of, tables, trials_of
from tests.documents import document

RATE, NAME = "learning_rate", "learning rate"
LOSS = Criterion("final_loss")
EDGE = "edge of stability: between "


def answers_of(
    cells: Mapping[Any, Sequence[Any]],
    axes: Sequence[str] = (RATE,),
    criterion: Criterion = FEWEST_STEPS,
) -> list[GridAnswer]:
    """The answers to trials, given by the values of their axes."""
    names = [*axes, "seed"]
    return grid_answers(summary_of(trials_of(cells, list(axes)), names), names, criterion)


def answer_of(
    cells: Mapping[Any, Sequence[Any]], criterion: Criterion = FEWEST_STEPS
) -> GridAnswer:
    (one,) = answers_of(cells, criterion=criterion)
    return one


def cell(
    steps: int, converged: int = 20, trials: int = 20, rest: str = "diverged"
) -> list[int | str]:
    """So many trials that converged after so many steps; the rest has another outcome."""
    return [steps] * converged + [rest] * (trials - converged)


VALLEY = {1.0: cell(90), 10.0: cell(9), 100.0: cell(30), 1000.0: cell(40, 3)}


# best, range, edge -------------------------------------------------------------------------


def test_the_best_rate_has_the_fewest_median_steps() -> None:
    one = answer_of(VALLEY)
    assert (one.axis, one.best, one.best_steps) == (RATE, 10, 9)
    assert (one.trials, one.values) == (20, 4)
    assert one.combination == {}
    assert one.best_value is None
    assert one.warnings == ()


def test_reliability_is_the_share_and_the_interval_at_the_best_rate() -> None:
    one = answer_of({1.0: cell(90), 10.0: cell(9, 19), 100.0: cell(30)})
    assert one.best == 10
    assert one.success == 0.95
    assert one.success_low == pytest.approx(0.7639, abs=1e-4)
    assert one.success_high == pytest.approx(0.9911, abs=1e-4)


def test_the_order_of_trials_or_of_the_summary_changes_nothing() -> None:
    turned = {rate: VALLEY[rate] for rate in (100.0, 1.0, 1000.0, 10.0)}
    assert answer_of(turned) == answer_of(VALLEY)
    summary = summary_of(trials_of(VALLEY, [RATE]), [RATE, "seed"])
    assert grid_answers(summary.iloc[[2, 0, 3, 1]], [RATE, "seed"]) == [answer_of(VALLEY)]


def test_the_range_is_where_95_percent_converge() -> None:
    one = answer_of(
        {0.1: cell(900, 18), 1.0: cell(90, 19), 10.0: cell(9), 100.0: cell(30, 19),
         200.0: cell(30, 18), 1000.0: cell(1, 1)}
    )  # fmt: skip
    assert (one.converges_from, one.converges_to) == (1, 100)


def test_a_rate_at_which_too_few_converge_is_not_the_best_however_fast() -> None:
    one = answer_of({1.0: cell(90), 10.0: cell(50), 100.0: cell(70), 1000.0: cell(2, 18)})
    assert (one.best, one.edge) == (10, (100, 1000))


def test_a_range_ends_at_the_first_gap_on_either_side_of_the_best_rate() -> None:
    rates = {2.0**power: cell(100 - power) for power in range(10)}
    rates[4.0] = cell(1, 10)
    rates[64.0] = cell(1, 10)
    rates[16.0] = cell(3)
    one = answer_of(rates)
    assert (one.best, one.converges_from, one.converges_to) == (16, 8, 32)
    assert one.edge == (2, 4)


def test_the_best_rate_may_lie_on_an_island_beyond_the_edge() -> None:
    one = answer_of({1.0: cell(90), 10.0: cell(9), 20.0: cell(8, 2), 30.0: cell(4), 40.0: cell(9)})
    assert (one.best, one.converges_from, one.converges_to) == (30, 30, 40)
    assert one.edge == (10, 20)


# the edge of stability ---------------------------------------------------------------------


def test_the_edge_lies_between_the_last_stable_rate_and_the_next() -> None:
    one = answer_of({1.0: cell(90), 10.0: cell(9, 19), 100.0: cell(30, 18), 200.0: cell(30)})
    assert (one.stable_to, one.edge) == (10, (10, 100))


def test_a_rate_that_is_too_slow_for_the_budget_is_stable() -> None:
    slow = cell(9, 3, rest="unfinished")
    one = answer_of({0.1: slow, 0.2: slow, 0.8: cell(9), 0.97: slow, 1.05: cell(1, 0)})
    assert (one.converges_from, one.converges_to) == (0.8, 0.8)
    assert one.edge == (0.97, 1.05)
    assert one.too_slow == ((0.1, 0.2), (0.97, 0.97))
    words = grid_words([one], max_steps=40).splitlines()
    assert "edge of stability: between 0.97 and 1.05" in words
    assert "too slow to converge in 40 steps: 0.1 to 0.2 and 0.97" in words


def test_a_trial_that_ends_above_its_start_is_unstable() -> None:
    above = [("unfinished", 1.5)] * 3
    one = answer_of({1.0: [5, 5, 5], 2.0: [3, 3, 3], 3.0: above})
    assert (one.edge, one.too_slow) == ((2, 3), ())


def test_without_an_unstable_rate_there_is_no_edge() -> None:
    one = answer_of({1.0: cell(90), 10.0: cell(9), 100.0: cell(30)})
    assert (one.stable_to, one.edge) == (100, None)
    assert "edge of stability: not reached; the largest value tried is still stable" in (
        grid_words([one]).splitlines()
    )


def test_no_edge_is_found_if_the_smallest_rate_is_unstable() -> None:
    one = answer_of({1.0: cell(90, 2), 10.0: cell(9), 100.0: cell(30)})
    assert (one.stable_to, one.edge) == (None, None)
    assert (one.converges_from, one.converges_to) == (10, 100)
    assert "edge of stability: not found; the smallest value tried is already unstable" in (
        grid_words([one]).splitlines()
    )


def test_one_weight_is_stable_up_to_two_over_its_curvature(tmp_path: Path) -> None:
    """p = w, loss (w - 2)²: λ = 2, so 2/λ = 1; 0.97 only needs more than 40 steps."""
    source = document(
        problem={"kind": "network", "layers": [1, 1], "activation": "identity",
                 "inputs": [[1.0]], "targets": [[2.0]]},
        init={"kind": "constant", "value": 0.5},
        train={"max_steps": 40, "stop": {"prediction_error": 1e-2}},
        axes={RATE: [0.1, 0.5, 0.8, 0.97, 1.05]},
    )  # fmt: skip
    words = str(run_sweep(source, out=tmp_path / "run", jobs=1).answer).splitlines()
    assert "edge of stability: between 0.97 and 1.05" in words
    assert "too slow to converge in 40 steps: 0.97" in words


# stalled trials ----------------------------------------------------------------------------


def test_a_trial_at_the_lowest_loss_is_at_a_stationary_point() -> None:
    one = answer_of({1.0: [("stalled", 0.0)], 2.0: [("completed", 0.1)]}, criterion=LOSS)
    assert (one.stalled, one.stationary) == (1, 1)
    assert "stalled: 1 trial; is at a stationary point" in grid_words([one]).splitlines()


def test_other_stalled_trials_have_the_remedy_of_the_outcome() -> None:
    stalled = [("stalled", 0.5)] * 2
    one = answer_of({1.0: [5, 5], 2.0: stalled})
    assert f"stalled: 2 trials; try {outcomes.Stalled.remedy}" in grid_words([one]).splitlines()
    both = answer_of({1.0: [("completed", 0.5)] * 2, 2.0: [("stalled", 0.1), ("stalled", 0.9)]},
                     criterion=LOSS)  # fmt: skip
    assert (
        "stalled: 2 trials; 1 of them is at a stationary point; for the others try "
        f"{outcomes.Stalled.remedy}"
    ) in grid_words([both]).splitlines()


# ties --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "place"),
    [
        ([9, 5, 5, 5, 9], 2),
        ([9, 5, 5, 5, 5, 9], 2),
        ([9, 5, 5, 9], 1),
        ([9, 9, 5, 5, 5, 5, 5, 9], 4),
    ],
)
def test_the_middle_of_equally_fast_rates_is_best(steps: list[int], place: int) -> None:
    one = answer_of({float(number): cell(count) for number, count in enumerate(steps)})
    assert (one.best, one.best_steps) == (place, 5)


def test_faster_slow_trials_win_a_tie_of_medians() -> None:
    slow, fast = [5] * 10 + [50] * 10, [5] * 10 + [20] * 10
    one = answer_of({1.0: cell(9), 2.0: slow, 3.0: slow, 4.0: fast, 5.0: slow, 6.0: cell(9)})
    assert one.best == 4


def test_a_slow_quarter_that_never_converges_loses_a_tie_of_medians() -> None:
    never, slow = cell(5, 10), [5] * 10 + [10**6] * 5 + ["diverged"] * 5
    one = answer_of({1.0: never, 2.0: never, 3.0: slow, 4.0: never, 5.0: never})
    assert one.best == 3


# against a slow search ---------------------------------------------------------------------


def slow_answer(cells: Mapping[float, Sequence[int | str]]) -> dict[str, Any]:
    """Best rate, range and edge, by looking at every rate for each question."""
    rates = sorted(cells)

    def steps(rate: float, quarters: int) -> float:
        found = sorted(one if isinstance(one, int) else math.inf for one in cells[rate])
        return found[math.ceil(quarters * len(found) / 4) - 1]

    def enough(rate: float) -> bool:
        return 100 * sum(isinstance(one, int) for one in cells[rate]) >= 95 * len(cells[rate])

    possible = [rate for rate in rates if steps(rate, 2) < math.inf]
    unstable = [rate for rate in rates if not enough(rate)]
    below = [rate for rate in rates if rate < min(unstable, default=math.inf)]
    edge = (below[-1], unstable[0]) if below and unstable else None
    if not possible:
        return {"best": None, "range": (None, None), "edge": edge}
    some = any(map(enough, rates))
    possible = [rate for rate in possible if enough(rate)] if some else possible
    least = min((steps(rate, 2), steps(rate, 3)) for rate in possible)
    flat = [rate for rate in possible if (steps(rate, 2), steps(rate, 3)) == least]
    best = flat[(len(flat) - 1) // 2]
    if not some:
        return {"best": best, "range": (None, None), "edge": edge}
    fails_above = min((rate for rate in unstable if rate > best), default=math.inf)
    fails_below = max((rate for rate in unstable if rate < best), default=-math.inf)
    inside = [rate for rate in rates if fails_below < rate < fails_above]
    return {"best": best, "range": (inside[0], inside[-1]), "edge": edge}


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([3, 4, 5]), st.sampled_from([0, 5, 10, 18, 19, 20])), min_size=1,
        max_size=12,
    )
)  # fmt: skip
def test_best_range_and_edge_equal_those_of_a_slow_search(found: list[tuple[int, int]]) -> None:
    cells = {1.5**place: cell(steps, count) for place, (steps, count) in enumerate(found)}
    one = answer_of(cells)
    assert {
        "best": one.best,
        "range": (one.converges_from, one.converges_to),
        "edge": one.edge,
    } == slow_answer(cells)


# warnings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("rates", "end"), [((1.0, 2.0, 3.0), "last"), ((3.0, 2.0, 1.0), "first")])
def test_a_best_rate_at_an_end_of_the_axis_is_a_warning(rates: tuple[float, ...], end: str) -> None:
    one = answer_of(dict(zip(rates, [cell(9), cell(7), cell(5)], strict=True)))
    assert one.best == rates[-1]
    assert one.warnings == (
        f"the best {NAME} is the {end} one tried: "
        "the true best may lie beyond it, so widen the axis",
    )


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([9, 5, 5, 5], ["is no better than the last"]),
        ([5, 5, 5, 9], ["is no better than the first"]),
        ([9, 5, 5], ["is no better than the last"]),
        ([5, 5, 5], ["is no better than the first", "is no better than the last"]),
        ([5, 5], ["is the first", "is no better than the last"]),
        ([9, 5, 5, 9], []),
    ],
)
def test_a_rate_at_an_end_that_is_as_fast_as_the_best_is_a_warning(
    steps: list[int], said: list[str]
) -> None:
    one = answer_of({float(place): cell(count) for place, count in enumerate(steps)})
    assert one.warnings == tuple(
        f"the best {NAME} {words} one tried: the true best may lie beyond it, so widen the axis"
        for words in said
    )


def test_a_single_rate_is_not_an_end_of_the_axis() -> None:
    one = answer_of({1.0: cell(9)})
    assert (one.best, one.values, one.warnings) == (1, 1, ())


@pytest.mark.parametrize("outcome", ["diverged", "stalled", "unfinished"])
def test_without_convergence_there_is_no_best_rate(outcome: str) -> None:
    one = answer_of({1.0: [outcome] * 3, 2.0: [outcome] * 3})
    assert (one.best, one.best_steps, one.success, one.converges_from) == (None,) * 4
    assert (one.trials, one.values) == (3, 2)
    assert one.warnings == ("at every value, fewer than half of the trials converged",)


def test_there_is_no_best_rate_if_fewer_than_half_converge() -> None:
    one = answer_of({1.0: cell(5, 9), 2.0: cell(5, 0)})
    assert one.best is None
    assert one.warnings == ("at every value, fewer than half of the trials converged",)


def test_the_best_rate_has_a_warning_and_no_range_if_too_few_converge() -> None:
    one = answer_of({1.0: cell(9, 2), 2.0: cell(9, 10), 3.0: cell(7, 18), 4.0: cell(9, 18)})
    assert (one.best, one.best_steps, one.success) == (3, 7, 0.9)
    assert (one.converges_from, one.converges_to) == (None, None)
    assert one.warnings == (f"at every {NAME}, fewer than 95% of the trials converged",)


# combinations ------------------------------------------------------------------------------


def test_every_combination_of_the_other_axes_has_an_answer_in_plan_order() -> None:
    cells = {
        (name, bias, rate): cell(steps)
        for name, first in (("tanh", 1), ("relu", 2))
        for bias in (False, True)
        for rate, steps in ((1.0, 9), (10.0, first + bias), (100.0, 9))
    }
    answers = answers_of(cells, ("activation", "bias", RATE))
    assert [one.combination for one in answers] == [
        {"activation": name, "bias": bias} for name in ("tanh", "relu") for bias in (False, True)
    ]
    assert [one.best_steps for one in answers] == [1, 2, 2, 3]
    assert {one.values for one in answers} == {3}


def test_a_single_other_axis_is_a_combination() -> None:
    answers = answers_of({(low, rate): cell(5) for low in (-2, -1) for rate in (1.0, 2.0, 3.0)},
                         ("low", RATE))  # fmt: skip
    assert [one.combination for one in answers] == [{"low": -2}, {"low": -1}]


def test_rates_that_move_together_with_another_axis_are_one_sweep_of_rates() -> None:
    answers = answers_of(
        {(1.0, 0.9): cell(9), (2.0, 0.8): cell(5), (3.0, 0.7): cell(9)}, (RATE, "momentum")
    )
    assert [(one.best, one.values) for one in answers] == [(2, 3)]


@settings(max_examples=40, deadline=None)
@given(tables())
def test_answers_cover_every_row_with_at_most_one_per_value(
    table: tuple[pd.DataFrame, list[str]],
) -> None:
    trials, axes = table
    summary = summary_of(trials, axes)
    answers = grid_answers(summary, axes)
    assert sum(one.values for one in answers) == (len(summary) if answers else 0)
    for one in answers:
        rows = summary
        for name, value in one.combination.items():
            rows = rows[rows[name] == value]
        assert one.values == rows[one.axis].nunique() == len(rows)
        assert {*one.combination} <= {*axes} - {"seed", one.axis}


# which axis --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axes", "chosen"),
    [
        (["low", RATE, "high"], RATE),
        (["low", "high"], "high"),
        (["low", "activation"], "low"),
        (["seed", "low"], "low"),
        (["activation", "seed"], None),
        (["seed"], None),
        ([], None),
        (["activation", RATE], RATE),
    ],
)
def test_the_answer_is_about_the_learning_rate_or_the_last_numeric_axis(
    axes: list[str], chosen: str | None
) -> None:
    values = {RATE: 0.5, "low": -1, "high": 2.0, "activation": "relu", "seed": 0}
    summary = summary_of(
        trials_of({tuple(values[axis] for axis in axes if axis != "seed"): [1]},
                  [axis for axis in axes if axis != "seed"]), axes,
    )  # fmt: skip
    assert choice_axis(summary, axes) == chosen
    assert [one.axis for one in grid_answers(summary, axes)] == ([chosen] if chosen else [])


def test_a_boolean_axis_has_no_best_value() -> None:
    summary = summary_of(trials_of({False: [3], True: [5]}, ["bias"]), ["bias", "seed"])
    assert choice_axis(summary, ["bias", "seed"]) is None


def test_a_sweep_without_learning_rates_is_answered_for_its_numeric_axis() -> None:
    (one,) = answers_of({-3.0: cell(9), -2.0: cell(4), -1.0: cell(9)}, ("low",))
    assert (one.axis, one.best) == ("low", -2)
    assert grid_words([one]).startswith("best low: -2 (median 4 steps)")


# sweeps without a stop rule ----------------------------------------------------------------


def done(loss: float, trials: int = 3) -> list[tuple[str, float]]:
    return [("completed", loss)] * trials


def test_without_a_stop_rule_the_lowest_median_loss_is_best() -> None:
    one = answer_of({1.0: done(0.5), 2.0: done(0.125), 3.0: done(0.25)}, criterion=LOSS)
    assert (one.best, one.best_value, one.best_steps) == (2, 0.125, None)
    assert (one.success, one.converges_from) == (None, None)
    assert (one.stable_to, one.edge, one.too_slow) == (3, None, ())
    assert one.warnings == (
        "the sweep has no stop rule, so the answer compares final losses, not speed",
    )


def test_without_a_stop_rule_a_rate_with_a_divergence_is_not_best() -> None:
    shaky = [("completed", 1e-9), ("completed", 1e-9), ("diverged", 1e8)]
    assert (
        answer_of(
            {1.0: done(0.5), 2.0: done(0.25), 3.0: shaky, 4.0: done(9.0)}, criterion=LOSS
        ).best
        == 2
    )


def test_without_a_stop_rule_a_stalled_trial_counts_with_its_loss() -> None:
    assert (
        answer_of(
            {1.0: done(0.5), 2.0: [("stalled", 0.25)] * 3, 3.0: done(0.75)}, criterion=LOSS
        ).best
        == 2
    )


@pytest.mark.parametrize(
    ("losses", "best", "said"),
    [
        ([0.125, 0.5, 0.75], 0, "is the first"),
        ([0.75, 0.5, 0.125], 2, "is the last"),
        ([0.75, 0.125, 0.125, 0.125], 2, "is no better than the last"),
    ],
)
def test_without_a_stop_rule_a_best_rate_at_an_end_is_a_warning(
    losses: list[float], best: float, said: str
) -> None:
    one = answer_of({float(place): done(loss) for place, loss in enumerate(losses)}, criterion=LOSS)
    assert one.best == best
    assert one.warnings[1:] == (
        f"the best {NAME} {said} one tried: the true best may lie beyond it, so widen the axis",
    )


def test_without_a_stop_rule_a_divergence_everywhere_leaves_no_best_rate() -> None:
    shaky = [("completed", 1e-9), ("diverged", 1e8)]
    one = answer_of({1.0: shaky, 2.0: shaky}, criterion=LOSS)
    assert (one.best, one.best_value) == (None, None)
    assert one.warnings[1:] == (f"at every {NAME}, some trials diverged",)


# words and data ----------------------------------------------------------------------------


def test_the_text_has_the_best_range_edge_and_reliability() -> None:
    assert grid_words([answer_of(VALLEY)]) == (
        "best learning rate: 10 (median 9 steps)\n"
        "converges (at least 95% of trials): 1 to 100\n"
        "edge of stability: between 100 and 1,000\n"
        "reliability: 20 trials per learning rate; "
        "at the best one, 100.0% converged (95% interval 83.9% to 100.0%)"
    )


def test_the_text_of_single_trials_has_no_shares() -> None:
    words = grid_words([answer_of({1.0: [12345], 2.0: [1], 3.0: [7]})])
    assert words.splitlines() == [
        "best learning rate: 2 (1 step)",
        "converges: 1 to 3",
        "edge of stability: not reached; the largest value tried is still stable",
        "reliability: unknown, with one trial per learning rate",
    ]
    assert "(12,345 steps)" in grid_words([answer_of({1.0: [12345]})])


def test_the_text_names_each_combination() -> None:
    cells = {(name, bias, 1.0): cell(5) for name in ("tanh", "relu") for bias in (False, True)}
    paragraphs = grid_words(answers_of(cells, ("activation", "bias", RATE))).split("\n\n")
    assert [paragraph.splitlines()[0] for paragraph in paragraphs] == [
        f"activation = {name}, bias = {bias}" for name in ("tanh", "relu") for bias in (False, True)
    ]


@pytest.mark.parametrize("count", [12, 13, 300])
def test_the_text_shows_only_the_best_of_many_combinations(count: int) -> None:
    answers = [
        GridAnswer("learning_rate", {"momentum": place}, best=1.0, best_steps=abs(place - 7) + 3.0,
               success=1.0, success_low=0.9, success_high=1.0)
        for place in range(count)
    ]  # fmt: skip
    words = grid_words(answers)
    if count == 12:
        assert words.count("momentum = ") == 12
    else:
        assert words.splitlines()[0].startswith(f"the best of {count} combinations of momentum")
        assert words.splitlines()[1] == "momentum = 7"
        assert "best learning rate: 1 (median 3 steps)" in words


def test_without_a_stop_rule_the_text_has_the_loss_and_every_warning() -> None:
    one = answer_of({1.0: done(0.5), 2.0: done(0.123456)}, criterion=LOSS)
    told = grid_words([one]).splitlines()
    assert told[0] == ("lowest median loss without a divergence: 0.123 at learning rate 2")
    assert [line.split(":")[0] for line in told[1:]] == ["edge of stability", *["warning"] * 2]


def test_without_convergence_the_text_is_only_the_warning() -> None:
    assert grid_words([answer_of({1.0: cell(1, 0)})]) == (
        "warning: at every value, fewer than half of the trials converged"
    )
    assert grid_words([]) == ""


@pytest.mark.parametrize("rates", [(1000.1, 1000.2, 1000.3), (0.12341, 0.12342, 0.12343)])
def test_the_two_sides_of_an_edge_are_formatted_differently(rates: tuple[float, ...]) -> None:
    words = grid_words([answer_of(dict(zip(rates, [cell(9), cell(5), cell(1, 0)], strict=True)))])
    (edge,) = (line for line in words.splitlines() if line.startswith(EDGE))
    low, high = edge.removeprefix(EDGE).split(" and ")
    assert low != high
    assert (float(low.replace(",", "")), float(high.replace(",", ""))) == rates[1:]


@settings(max_examples=40, deadline=None)
@given(tables())
def test_every_answer_is_plain_data(table: tuple[pd.DataFrame, list[str]]) -> None:
    trials, axes = table
    answers = grid_answers(summary_of(trials, axes), axes)
    for one in answers:
        data = dataclasses.asdict(one)
        again = json.loads(json.dumps(data))
        again["warnings"] = tuple(again["warnings"])
        again["edge"] = tuple(again["edge"]) if again["edge"] else None
        again["too_slow"] = tuple(tuple(ends) for ends in again["too_slow"])
        assert again == data
    assert (grid_words(answers) == "") is (answers == [])


def test_an_answer_of_a_finite_loss_is_strict_json() -> None:
    for cells in (VALLEY, {1.0: cell(1, 0)}, {1.0: done(0.5)}, {1.0: cell(9, 15)}):
        json.dumps(dataclasses.asdict(answer_of(cells)), allow_nan=False)
