"""The values of every form of axis, its names and its column; bad axes are in test_bad_input."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbatch import registry
from gdbatch.errors import SweepFileError
from gdbatch.sweep_file import read_sweep
from gdbatch.sweep_file.axis import Axis
from gdbatch.sweep_file.forms import parse_axis
from gdbatch.sweep_file.schema import json_schema
from tests.documents import document, plan_of


def values_of(form: Any, entropy: int = 0, key: str = "init.low") -> list[Any]:
    parsed = parse_axis(form)
    axis = Axis(key, key, parsed, True, entropy)
    values = axis.values(np.arange(parsed.size))
    return values if isinstance(values, list) else values.tolist()


# forms -------------------------------------------------------------------------------------

EXAMPLES: dict[str, dict[str, Any]] = {  # one of every form
    "count": {"count": 4},
    "linear": {"linear": [0, 1], "num": 3},
    "log10": {"log10": [0, 1], "num": 3},
    "log_uniform": {"log_uniform": [1, 2], "num": 3},
    "range": {"range": [0, 1, 0.5]},
    "refine": {"refine": [0.5, 2.0], "tolerance": 0.1},
    "uniform": {"uniform": [0, 1], "num": 3},
}


def test_every_form_has_an_example() -> None:
    assert list(EXAMPLES) == list(registry.family("axis_form"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_form_keeps_its_contract(name: str) -> None:
    form = parse_axis(EXAMPLES[name])
    assert isinstance(form, registry.get("axis_form", name))
    values = np.array(values_of(EXAMPLES[name]), float)
    assert values.shape == (form.size,)
    axis = Axis("init.low", "low", form, True, 0)
    for place in (0, form.size - 1):
        assert np.asarray(axis.values(np.array([place]))) == values[place]
    low, high = np.min(np.array(form.ends(), float)), np.max(np.array(form.ends(), float))
    assert ((low <= values) & (values <= high)).all()
    steps = np.diff(values)
    assert not form.is_monotone or (steps > 0).all() or (steps < 0).all()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_schema_knows_every_form(name: str) -> None:
    changes: dict[str, Any] = {"axes": {"learning_rate": EXAMPLES[name]}}
    assert valid(document(changes))
    changes["axes"]["learning_rate"] = EXAMPLES[name] | {"nun": 3}
    assert not valid(document(changes))


def valid(source: dict[str, Any]) -> bool:
    return bool(jsonschema.Draft202012Validator(json_schema()).is_valid(source))


def test_a_list_is_its_values() -> None:
    assert values_of([3, 1.5, 2]) == [3, 1.5, 2]


def test_a_linear_axis_is_exact_at_round_values() -> None:
    assert values_of({"linear": [0, 1], "num": 11}) == [place / 10 for place in range(11)]
    assert values_of({"linear": [1, -1], "num": 5}) == [1.0, 0.5, 0.0, -0.5, -1.0]


numbers = st.floats(-1e6, 1e6)


@given(numbers, numbers, st.integers(2, 200))
def test_a_linear_axis_hits_both_ends_exactly(first: float, last: float, num: int) -> None:
    values = values_of({"linear": [first, last], "num": num})
    assert len(values) == num
    assert (values[0], values[-1]) == (first, last)


@given(numbers, numbers, st.integers(2, 50))
def test_a_linear_axis_is_evenly_spaced(first: float, last: float, num: int) -> None:
    values = values_of({"linear": [first, last], "num": num})
    step = (Fraction(last) - Fraction(first)) / (num - 1)
    size = max(abs(first), abs(last))
    for place, value in enumerate(values):
        assert abs(Fraction(value) - (Fraction(first) + place * step)) <= 4 * math.ulp(size)


@pytest.mark.parametrize(("form", "value"), [("linear", 2), ("log10", 100)])
def test_a_spaced_axis_of_one_value_needs_equal_ends(form: str, value: float) -> None:
    assert values_of({form: [2, 2], "num": 1}) == [value]
    with pytest.raises(ValueError, match="num = 1 leaves no room for both ends, 2 and 3"):
        values_of({form: [2, 3], "num": 1})


def test_a_log10_axis_is_exact_at_whole_powers() -> None:
    values = values_of({"log10": [-6, 6], "num": 121})
    assert values[::10] == [float(f"1e{power}") for power in range(-6, 7)]


@given(st.floats(-200, 200), st.floats(-200, 200), st.integers(2, 60))
def test_a_log10_axis_has_even_ratios_and_both_ends(first: float, last: float, num: int) -> None:
    values = values_of({"log10": [first, last], "num": num})
    assert len(values) == num
    assert values[0] == pytest.approx(10**first, rel=1e-13)
    assert values[-1] == pytest.approx(10**last, rel=1e-13)
    exponents = np.log10(values)
    assert np.allclose(np.diff(exponents), (last - first) / (num - 1), rtol=0, atol=1e-11)


def test_count_counts_from_zero() -> None:
    assert values_of({"count": 4}) == [0, 1, 2, 3]


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-9, 9).filter(bool))
def test_a_range_of_whole_numbers_equals_pythons_range(first: int, end: int, step: int) -> None:
    expected = list(range(first, end, step))
    if expected:
        values = values_of({"range": [first, end, step]})
        assert values == expected
        assert all(isinstance(value, int) for value in values)
    else:
        with pytest.raises(ValueError, match="has no values"):
            parse_axis({"range": [first, end, step]})


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ([0, 1, 0.25], [0, 0.25, 0.5, 0.75]),
        ([0, 0.3, 0.1], [0, 0.1, 0.2]),
        ([1, 1.3, 0.1], [1, 1.1, 1.2]),
        ([1, 0, -0.4], [1, 0.6, 0.2]),
    ],
)
def test_a_range_stops_before_its_end(form: list[float], expected: list[float]) -> None:
    assert values_of({"range": form}) == pytest.approx(expected, abs=1e-12)


@given(st.integers(-1000, 1000), st.integers(1, 300), st.integers(1, 40))
def test_a_range_of_decimals_stops_before_its_end(first: int, span: int, step: int) -> None:
    form = [first / 10, (first + span) / 10, step / 10]
    expected = [place / 10 for place in range(first, first + span, step)]
    values = values_of({"range": form})
    assert len(values) == len(expected)
    assert values == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "form", [{"uniform": [-2, 3], "num": 500}, {"log_uniform": [1e-3, 1e4], "num": 500}]
)
def test_random_values_lie_between_their_ends_and_fill_them(form: dict[str, Any]) -> None:
    values = np.array(values_of(form))
    low, high = next(iter(form.values()))
    assert len(values) == 500
    assert len(set(values.tolist())) == 500
    assert (values >= low).all()
    assert (values <= high).all()
    spread = np.log(values / low) / np.log(high / low) if low > 0 else (values - low) / (high - low)
    # evenly spread: 500 draws leave no tenth of the axis with fewer than 20
    assert np.histogram(spread, 10, (0, 1))[0].min() >= 20


@pytest.mark.parametrize("name", ["uniform", "log_uniform"])
def test_random_values_are_drawn_once_from_entropy_and_key(name: str) -> None:
    form = {name: [1, 2], "num": 20}
    once = values_of(form, entropy=7)
    assert values_of(form, entropy=7) == once
    assert set(values_of(form, entropy=8)).isdisjoint(once)
    assert set(values_of(form, entropy=7, key="init.high")).isdisjoint(once)
    parsed = parse_axis(form)
    axis = Axis("init.low", "low", parsed, True, 7)
    assert np.asarray(axis.values(np.array([13, 2, 2]))).tolist() == [once[13], once[2], once[2]]


def test_random_axes_depend_on_the_entropy_of_the_file() -> None:
    def rates(entropy: int) -> list[float]:
        plan = plan_of(
            {"axes.learning_rate": {"log_uniform": [0.1, 10], "num": 5}}, entropy=entropy
        )
        return [float(one) for one in plan.columns(np.arange(5))["learning_rate"]]

    assert rates(1) == rates(1)
    assert set(rates(1)).isdisjoint(rates(2))


# names and columns -------------------------------------------------------------------------


def keys_and_columns(**axes: Any) -> dict[str, str]:
    changes = {"axes": axes}
    return {axis.key: axis.column for axis in read_sweep(document(changes)).axes}


def test_a_short_name_means_the_only_key_that_ends_in_it() -> None:
    assert keys_and_columns(learning_rate=[1], low=[0], bias=[True], seed=[0]) == {
        "optimizer.learning_rate": "learning_rate",
        "init.low": "low",
        "problem.bias": "bias",
        "seed": "seed",
    }


def test_a_dotted_axis_has_the_last_part_as_its_column() -> None:
    assert keys_and_columns(**{"optimizer.learning_rate": [1], "init.high": [2.0]}) == {
        "optimizer.learning_rate": "learning_rate",
        "init.high": "high",
    }


def test_a_reserved_or_repeated_name_is_replaced_by_the_whole_key() -> None:
    plan = plan_of(
        {
            "train.stop": {"hold": 1},
            "axes": {
                "learning_rate": [1],
                "train.stop.loss": [1e-3, 1e-4],
                "train.divergence.loss": [10.0],
                "problem.loss": ["squared_error", "mean_squared_error"],
            },
        }
    )
    assert [axis.column for axis in plan.axes if "loss" in axis.column] == [
        "train.stop.loss",
        "train.divergence.loss",
        "problem.loss",
    ]
    assert list(plan.columns(np.arange(1)))[-1] == "learning_rate"


def test_no_axis_column_is_a_column_of_results() -> None:
    plan = plan_of(
        {"train.stop": {}, "axes": {"learning_rate": [1], "train.stop.gradient_norm": [0.1]}}
    )
    assert "gradient_norm" not in plan.columns(np.arange(1))


def test_lists_are_shown_as_text() -> None:
    plan = plan_of(
        {
            "problem": {"kind": "network", "inputs": [[1.0, 2.0, 3.0]], "targets": [[0.5]]},
            "axes": {"learning_rate": [1], "layers": [[3, 2, 1], [3, 1]]},
        }
    )
    assert plan.columns(np.arange(2))["layers"] == ["3-2-1", "3-1"]


def test_an_axis_may_mix_lists_and_strings() -> None:
    plan = plan_of(
        {
            "problem": {
                "kind": "network", "layers": [1, 2, 1], "inputs": [[1.0]], "targets": [[0.5]],
            },
            "axes": {"learning_rate": [1], "activation": ["tanh", ["relu", "sigmoid"]]},
        }
    )  # fmt: skip
    assert plan.columns(np.arange(2))["activation"] == ["tanh", "relu-sigmoid"]
    problems: Any = [plan.group(number).problem for number in (0, 1)]
    assert [problem.options.activation_names() for problem in problems] == [
        ["tanh", "tanh"],
        ["relu", "sigmoid"],
    ]


# keys that axes vary -----------------------------------------------------------------------


def test_a_structural_axis_reaches_its_section() -> None:
    plan = plan_of(
        {"train": {"dtype": "float64"}, "axes": {"learning_rate": [1], "max_steps": [5, 7]}}
    )
    assert plan.groups == 2
    assert [plan.group(number).sections.train.max_steps for number in (0, 1)] == [5, 7]


def test_a_nested_key_can_be_an_axis() -> None:
    plan = plan_of(
        {"train.stop": {"loss": 0.1}, "axes": {"learning_rate": [1], "train.stop.hold": [1, 3]}}
    )
    assert [plan.group(number).sections.train.training().hold for number in (0, 1)] == [1, 3]
    assert plan.columns(np.arange(2))["hold"] == [1, 3]


def test_the_axes_of_a_zip_move_together() -> None:
    plan = plan_of(
        {
            "axes": {
                "zip": [{"learning_rate": [1, 10, 100], "init.low": [-1, -2, -3]}],
                "seed": {"count": 2},
            }
        }
    )
    assert plan.trials == 6
    columns = plan.columns(np.arange(6))
    assert list(zip(columns["seed"], columns["learning_rate"], columns["low"], strict=True)) == [
        (seed, rate, low) for seed in (0, 1) for rate, low in ((1, -1), (10, -2), (100, -3))
    ]


def test_several_zips_multiply() -> None:
    plan = plan_of(
        {
            "axes": {
                "zip": [
                    {"learning_rate": [1, 10], "init.low": {"linear": [0, 1], "num": 2}},
                    {"init.high": [2, 3], "biases": [4, 5]},
                ]
            }
        }
    )
    columns = plan.columns(np.arange(4))
    rows = list(zip(*(columns[name] for name in ("learning_rate", "low", "high", "biases")),
                    strict=True))  # fmt: skip
    assert rows == [
        (*one, *two) for one, two in itertools.product([(1, 0), (10, 1)], [(2, 4), (3, 5)])
    ]


def test_a_zip_of_a_structural_and_a_per_lane_axis() -> None:
    plan = plan_of(
        {
            "problem": {
                "kind": "network", "layers": [1, 1], "inputs": [[0.1]], "targets": [[0.3]],
            },
            "axes": {
                "seed": {"count": 2},
                "zip": [{"activation": ["tanh", "sigmoid"], "learning_rate": [0.5, 50]}],
            },
        }
    )  # fmt: skip
    columns = plan.columns(np.arange(4))
    assert columns["activation"] == ["tanh", "tanh", "sigmoid", "sigmoid"]
    assert columns["learning_rate"].tolist() == [0.5, 0.5, 50, 50]
    rates = [
        np.broadcast_to(plan.task(shard).optimizer_hyperparameters["learning_rate"], len(shard))
        for shard in plan.shards()
    ]
    assert np.concatenate(rates).tolist() == [0.5, 0.5, 50, 50]


def test_a_numpy_array_is_a_list_of_values() -> None:
    sweep = read_sweep(document({"axes.learning_rate": np.array([1.0, 2.0])}))
    assert sweep.axes[0].values(np.arange(2)) == [1.0, 2.0]


def test_a_whole_number_is_a_number() -> None:
    sweep = read_sweep(document({"axes.learning_rate": [1, 10]}))
    assert np.asarray(sweep.axes[0].column_values(np.arange(2))).dtype == np.float64


def test_the_message_for_an_ambiguous_short_name() -> None:
    with pytest.raises(SweepFileError, match=r'could be .*"problem.loss" or "train.stop.loss"'):
        read_sweep(document({"axes.loss": [1.0]}))
