"""Optimizers, schedules, minibatches and learning rates per layer in sweep files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdbatch.ingredients.problems.minibatches import Batch
from gdbatch.plan import Plan
from gdbatch.plan.recorded import recorded_values
from gdbatch.sweep_file import read_sweep
from tests.documents import TEXT, document, plan_of
from tests.sweep_file.test_bad_input import marked, refuse

RATES = "learning_rate = [1.0, 100.0, 1000.0]\n"
DESCENT = 'kind = "gradient_descent"\n'
DEEP: dict[str, Any] = {
    "problem": {
        "kind": "network", "layers": [2, 3, 1], "bias": True,
        "inputs": [[0.0, 1.0]], "targets": [[0.5]],
    }
}  # fmt: skip


def with_tables(optimizer: str = DESCENT, schedule: str = "", axes: str = RATES) -> str:
    text = TEXT.replace(DESCENT, optimizer).replace(RATES, axes)
    return text.replace("[train]", f"[schedule]\n{schedule}\n[train]" if schedule else "[train]")


# schedules -----------------------------------------------------------------------------------


def test_without_a_table_the_rate_is_constant() -> None:
    task = plan_of().task_of(0, np.arange(12))
    assert not task.rate_varies
    assert task.is_autonomous
    assert plan_of({"schedule.kind": "constant"}).hash == plan_of().hash


def test_a_warm_up_needs_no_kind() -> None:
    plan = plan_of({"schedule.warm_up": 5})
    assert plan.sweep.first.schedule.kind == "constant"
    assert plan.task_of(0, np.arange(12)).rate_varies
    assert plan.hash != plan_of().hash


def test_an_ambiguous_number_of_a_schedule_needs_its_whole_key() -> None:
    plan = plan_of(
        {
            "schedule": {"kind": "inverse_time"},
            "axes": {"learning_rate": [1.0], "decay": [0.0, 0.5], "warm_up": [0, 10]},
        }
    )
    assert [axis.key for axis in plan.axes] == [
        "optimizer.learning_rate", "schedule.decay", "schedule.warm_up",
    ]  # fmt: skip
    assert plan.groups == 1


BAD_SCHEDULES: dict[str, tuple[str, str, list[str]]] = {
    # the table, the key named in the error, words of the message
    "linear below zero": ("kind = 'linear'\nsteps = 10\nfinal = -0.5 # HERE", "schedule.final",
            ["negative", "-0.5", "0 or more"]),
    "cosine below zero": ("kind = 'cosine'\nsteps = 10\nfinal = -1 # HERE", "schedule.final",
            ["negative", "-1", "0 or more"]),
    "polynomial below zero": ("kind = 'polynomial'\nsteps = 10\nfinal = -1 # HERE",
            "schedule.final", ["negative", "0 or more"]),
    "inverse time below zero": ("kind = 'inverse_time'\ndecay = -0.01 # HERE", "schedule.decay",
            ["negative after 100 steps", "-0.01", "0 or more"]),
    "exponential below zero": ("kind = 'exponential'\ndecay = -0.9 # HERE", "schedule.decay",
            ["negative", "-0.9", "0 or more"]),
    "steps below zero": ("kind = 'step'\nevery = 5\ndecay = -0.1 # HERE", "schedule.decay",
            ["negative", "-0.1", "0 or more"]),
    "a warm-up below zero": ("warm_up = -1 # HERE", "schedule.warm_up", ["0 or more", "-1"]),
    "no steps": ("kind = 'cosine'\nsteps = 0 # HERE", "schedule.steps", ["1 or more", "0"]),
    "a kind that is none": ("kind = 'cosin' # HERE", "schedule.kind",
            ['did you mean "cosine"?', "allowed: constant, cosine, exponential"]),
    "a key of another kind": ("decay = 0.5 # HERE", "schedule.decay",
            ['unknown key "decay"', "warm_up"]),
}  # fmt: skip


@pytest.mark.parametrize(("table", "key", "words"), BAD_SCHEDULES.values(), ids=BAD_SCHEDULES)
def test_a_bad_schedule_is_refused_in_one_message(
    tmp_path: Path, table: str, key: str, words: list[str]
) -> None:
    text = with_tables(schedule=table)
    (problem,) = refuse(tmp_path, text).problems
    assert (problem.key, problem.line) == (key, marked(text))
    assert all(word in problem.message for word in words), problem.message


def test_the_error_names_the_axis_that_makes_a_schedule_negative(tmp_path: Path) -> None:
    axis = RATES + '"schedule.final" = { linear = [0.5, -0.5], num = 11 } # HERE\n'
    text = with_tables(schedule="kind = 'cosine'\nsteps = 10", axes=axis)
    (problem,) = refuse(tmp_path, text).problems
    assert (problem.key, problem.line) == ('axes."schedule.final"', marked(text))
    assert "negative" in problem.message


# optimizers ----------------------------------------------------------------------------------

BAD_OPTIMIZERS: dict[str, tuple[str, str, str, list[str]]] = {
    # the table, the axes, the key named in the error, words of the message
    "momentum of 1": ("kind = 'momentum'\nmomentum = 1.0 # HERE\n", RATES, "optimizer.momentum",
            ["a number below 1", "1.0"]),
    "negative decay": (DESCENT + "weight_decay = -1 # HERE\n", RATES, "optimizer.weight_decay",
            ["0 or more"]),
    "clipping to nothing": (DESCENT + "clip_norm = 0 # HERE\n", RATES, "optimizer.clip_norm",
            ["a number above 0"]),
    "an epsilon of 0": ("kind = 'adam'\nepsilon = 0 # HERE\n", RATES, "optimizer.epsilon",
            ["a number above 0"]),
    "momentum of another kind": (DESCENT + "momentum = 0.9 # HERE\n", RATES, "optimizer.momentum",
            ['unknown key "momentum"', "learning_rate"]),
    "an axis beyond the bound": ("kind = 'adam'\n", RATES + "beta2 = [0.9, 1.5] # HERE\n",
            "axes.beta2[1]", ["a number below 1", "1.5"]),
    # learning rates by layer
    "too many rates": (DESCENT + "learning_rate = [0.1, 0.2] # HERE\n", "",
            "optimizer.learning_rate[1]", ["2 learning rates for 1 layers", "one per layer"]),
    "no rates": (DESCENT + "learning_rate = [] # HERE\n", "", "optimizer.learning_rate",
            ["a list of at least 1"]),
    "a rate of 0 in a list": (DESCENT + "learning_rate = [0.0] # HERE\n", "",
            "optimizer.learning_rate[0]", ["a number above 0"]),
    "an axis of a layer that is not there": (
            DESCENT, '"learning_rate.0" = [1.0]\n"learning_rate.1" = [1.0] # HERE\n',
            'axes."learning_rate.1"[0]', ["2 learning rates for 1 layers"]),
    "an axis of all rates and of one": (DESCENT, RATES + '"learning_rate.0" = [1.0] # HERE\n',
            'axes."learning_rate.0"', ["is an axis already"]),
    "one number and an axis of a layer": (
            DESCENT + "learning_rate = 1.0\n", '"learning_rate.0" = [1.0] # HERE\n',
            'axes."learning_rate.0"', ["not a list"]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("optimizer", "axes", "key", "words"), BAD_OPTIMIZERS.values(), ids=BAD_OPTIMIZERS
)
def test_a_bad_optimizer_is_refused_in_one_message(
    tmp_path: Path, optimizer: str, axes: str, key: str, words: list[str]
) -> None:
    text = with_tables(optimizer, axes=axes)
    (problem,) = refuse(tmp_path, text).problems
    assert (problem.key, problem.line) == (key, marked(text))
    assert all(word in problem.message for word in words), problem.message


FUSED: dict[str, tuple[dict[str, Any], str]] = {
    "lion": ({"optimizer.kind": "lion"}, "adamw, gradient_descent, momentum, nesterov"),
    "a schedule": ({"schedule": {"kind": "cosine", "steps": 9}}, "does not support schedule"),
    "a warm-up": ({"schedule.warm_up": 3}, "does not support schedule"),
    "weight decay": ({"optimizer.weight_decay": 0.1}, "does not support weight_decay"),
    "l1": ({"optimizer.l1": 0.1}, "does not support l1"),
    "clipping": ({"optimizer.clip_value": 1.0}, "does not support clip_value"),
    "clipping the norm": ({"optimizer.clip_norm": 1.0}, "does not support clip_norm"),
    "a rate a layer": (
        {"axes": {}, "optimizer.learning_rate": [0.5]}, "does not support learning rates by layer",
    ),
    "decay on an axis": (
        {"axes": {"learning_rate": [1.0], "weight_decay": [0.0, 0.1]}},
        "does not support weight_decay",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), FUSED.values(), ids=FUSED)
def test_the_fused_engine_refuses_in_one_line(changes: dict[str, Any], words: str) -> None:
    from gdbatch.errors import SweepFileError

    source = document({"train.engine": "fused"} | changes)
    with pytest.raises(SweepFileError) as caught:
        read_sweep(source)
    (problem,) = caught.value.problems
    assert words in problem.message
    Plan(read_sweep(source, engine="numpy"))


# learning rates by layer ---------------------------------------------------------------------


def test_rates_by_layer_are_axes_inside_a_block() -> None:
    plan = plan_of(
        DEEP
        | {"axes": {"learning_rate.0": [0.1, 0.2], "optimizer.learning_rate.1": [1.0, 2.0, 3.0]}}
    )
    assert (plan.groups, plan.trials) == (1, 6)
    columns = plan.columns(np.arange(6))
    assert columns["learning_rate.0"].tolist() == [0.1] * 3 + [0.2] * 3
    assert columns["learning_rate.1"].tolist() == [1.0, 2.0, 3.0] * 2
    lanes = plan.task_of(0, np.arange(6)).fresh_lanes(np.arange(6))
    rates = lanes["number.learning_rate"]
    assert rates.shape == (13, 6)  # 2·3 weights and 3 biases, 3 weights and a bias
    assert (rates[:9] == columns["learning_rate.0"]).all()
    assert (rates[9:] == columns["learning_rate.1"]).all()


def test_a_list_gives_each_layer_its_rate_and_an_axis_varies_one_of_them() -> None:
    fixed = plan_of(DEEP | {"optimizer.learning_rate": [0.1, 0.2], "axes": {}})
    constants = fixed.task_of(0, np.arange(1)).constants("number")
    assert constants["learning_rate"].shape == (13, 1)
    assert constants["learning_rate"][8:10, 0].tolist() == [0.1, 0.2]
    moved = plan_of(
        DEEP | {"optimizer.learning_rate": [0.1, 0.2], "axes": {"learning_rate.1": [7.0, 8.0]}}
    )
    rates = moved.task_of(0, np.arange(2)).optimizer_hyperparameters["learning_rate"]
    assert np.asarray(rates).tolist() == [[0.1, 0.1], [7.0, 8.0]]


def test_an_axis_of_whole_lists_splits_the_plan() -> None:
    plan = plan_of(DEEP | {"axes": {"learning_rate": [[0.1, 0.2], [0.3, 0.4]]}})
    assert plan.groups == 2
    assert plan.columns(np.arange(2))["learning_rate"] == ["0.1-0.2", "0.3-0.4"]
    numbers = plan.task_of(1, np.arange(1, 2)).optimizer_hyperparameters
    assert numbers["learning_rate"] == (0.3, 0.4)


# minibatches ---------------------------------------------------------------------------------


def test_minibatch_options_are_read_and_change_the_plan() -> None:
    samples = {"problem.inputs": [[0.1], [0.2]], "problem.targets": [[0.3], [0.4]]}
    plan = plan_of(samples | {"train.batch": {"size": 2}})
    assert plan.group(0).sections.train.training().batch == Batch(2)
    assert plan.hash != plan_of(samples).hash
    both = plan_of(
        samples | {"train.batch": {}, "optimizer.learning_rate": 1.0},
        axes={"train.batch.size": [1, 2], "seed": {"count": 2}},
    )
    assert both.axes[0].column == "size"
    sizes = [both.group(number).sections.train.training().batch for number in (0, 1)]
    assert sizes == [Batch(1), Batch(2)]


@pytest.mark.parametrize(
    ("batch", "per_epoch"),
    [({"drop_last": False}, 3), ({"drop_last": True}, 2), ({}, 2.5), ({"replacement": True}, 2.5)],
)
def test_epochs_are_resolved_to_steps(batch: dict[str, Any], per_epoch: float) -> None:
    five = {"kind": "linear", "inputs": 1, "samples": 5}
    plan = plan_of(
        problem={"kind": "network", "layers": [1, 1], "data": five},
        train={"max_epochs": 7, "every_epochs": 3, "batch": {"size": 2, **batch}},
        record={"every_epochs": 2},
        axes={"learning_rate": [0.1], "seed": {"count": 1}},
    )
    training = plan.group(0).training
    steps = training.max_steps, training.every, recorded_values(plan.sweep.record, plan.group(0))[0]
    assert steps == tuple(int(per_epoch * epochs) for epochs in (7, 3, 2))


def test_an_epoch_without_minibatches_is_one_update() -> None:
    plan = plan_of(train={"max_epochs": 7, "every_epochs": 3}, record={"every_epochs": 2})
    training = plan.group(0).training
    assert (training.max_steps, training.every) == (7, 3)
    assert recorded_values(plan.sweep.record, plan.group(0))[0] == 2


def test_epochs_count_the_updates_of_each_batch_size() -> None:
    plan = plan_of(
        problem={
            "kind": "network", "layers": [1, 1],
            "data": {"kind": "linear", "inputs": 1, "samples": 12},
        },
        train={"max_epochs": 2, "batch": {}},
        axes={"train.batch.size": [3, 12], "learning_rate": [0.1], "seed": {"count": 1}},
    )  # fmt: skip
    assert [plan.group(number).training.max_steps for number in (0, 1)] == [8, 2]


BUDGETS: dict[str, tuple[str, str, str, list[str]]] = {
    # [train], further tables, the key that is blamed, words of the message
    "twice": ("max_steps = 50\nmax_epochs = 5 # HERE", "", "train.max_epochs",
            ["max_steps is given too"]),
    "every twice": ("max_steps = 50\nevery = 1\nevery_epochs = 1 # HERE", "", "train.every_epochs",
            ["every is given too"]),
    "recorded twice": ("max_steps = 50", "[record]\nevery = 2\nevery_epochs = 1 # HERE",
            "record.every_epochs", ["every is given too"]),
    "too short": ("max_epochs = 5\nstop = { loss = 1.0, hold = 9 } # HERE", "", "train.stop.hold",
            ["the 6 checks", "max_epochs = 5, which is 5 updates"]),
    "half an epoch": ("max_epochs = 0.5 # HERE", "", "train.max_epochs", ["whole number"]),
}  # fmt: skip


@pytest.mark.parametrize(("train", "rest", "key", "words"), BUDGETS.values(), ids=BUDGETS)
def test_a_bad_budget_is_refused(
    tmp_path: Path, train: str, rest: str, key: str, words: list[str]
) -> None:
    text = TEXT.replace(f"max_steps = 50\n{STOP}", f"{train}\n{rest}")
    (problem,) = refuse(tmp_path, text).problems
    assert (problem.key, problem.line) == (key, marked(text))
    assert all(word in problem.message for word in words), problem.message


BAD_BIASES: dict[str, tuple[str, str, list[str]]] = {
    # the biases, the key that is blamed, words of the message
    "half a range": ("{ kind = 'uniform', low = 1.0 }", "init.biases.high", ["needs it too"]),
    "a range of a kind that has one": ("{ kind = 'fan_in', low = 1.0 }", "init.biases.low",
            ["has none"]),
    "an empty range": ("{ kind = 'uniform', low = 1.0, high = 1.0 }", "init.biases.high",
            ["above low = 1"]),
    "only a name": ("'fan_in'", "init.biases", ["a number or a table"]),
}  # fmt: skip


@pytest.mark.parametrize(("biases", "key", "words"), BAD_BIASES.values(), ids=BAD_BIASES)
def test_bad_biases_are_refused(tmp_path: Path, biases: str, key: str, words: list[str]) -> None:
    text = TEXT.replace("[init]", f"[init]\nbiases = {biases} # HERE")
    (problem,) = refuse(tmp_path, text).problems
    assert (problem.key, problem.line) == (key, marked(text))
    assert all(word in problem.message for word in words), problem.message


def test_distributions_of_biases_are_an_axis_of_tables() -> None:
    ranges = [{"kind": "uniform", "low": 0.0, "high": 1.0}, {"kind": "fan_in"}, 0.5]
    plan = plan_of(axes={"biases": ranges, "learning_rate": [1.0], "seed": {"count": 2}})
    assert (plan.groups, plan.trials) == (3, 6)
    several = plan_of(
        {"init.biases": {"kind": "uniform", "low": 0.0}},
        axes={"init.biases.high": [1.0, 2.0], "learning_rate": [1.0], "seed": {"count": 2}},
    )
    assert several.groups == 2


STOP = "stop = { prediction_error = 1e-2, hold = 2 }"
BAD_BATCHES: dict[str, tuple[str, str, list[str]]] = {
    # what stands in [train], the key that is blamed, words of the message
    "larger than the data": ("batch = { size = 2 } # HERE", "train.batch.size",
            ["a minibatch of 2 is larger than the data: at most 1 here"]),
    "of nothing": ("batch = { size = 0 } # HERE", "train.batch.size", ["1 or more"]),
    "of half a sample": ("batch = { size = 0.5 } # HERE", "train.batch.size", ["whole number"]),
    "without a size": ("batch = { replacement = true } # HERE", "train.batch.size", ["missing"]),
    "a mere number": ("batch = 1 # HERE", "train.batch", ["table"]),
    "tracked otherwise": ("batch = { size = 1, tracked = 'fulll' } # HERE", "train.batch.tracked",
            ["full", "batch"]),
    "dropped otherwise": ("batch = { size = 1, drop_last = 'yes' } # HERE",
            "train.batch.drop_last", ["carry", "true or false"]),
    "dropped without epochs": ("batch = { size = 1, replacement = true, drop_last = true } # HERE",
            "train.batch.drop_last", ["epochs", "leave one of them out"]),
    "misspelt": ("batch = { size = 1, replacment = true } # HERE", "train.batch.replacment",
            ['did you mean "replacement"?']),
    "compiled": ("batch = { size = 1 }\nengine = 'fused' # HERE", "train.engine",
            ["does not support minibatches"]),
}  # fmt: skip


@pytest.mark.parametrize(("line", "key", "words"), BAD_BATCHES.values(), ids=BAD_BATCHES)
def test_a_bad_minibatch_is_refused(tmp_path: Path, line: str, key: str, words: list[str]) -> None:
    text = TEXT.replace(STOP, f"{STOP}\n{line}")
    (problem,) = refuse(tmp_path, text).problems
    assert (problem.key, problem.line) == (key, marked(text))
    for word in words:
        assert word in problem.message


def test_minibatches_need_samples(tmp_path: Path) -> None:
    text = TEXT[: TEXT.index("[problem]")] + (
        "[problem]\nkind = 'function'\nfunction = 'cubic'\n\n" + TEXT[TEXT.index("[init]") :]
    )
    text = text.replace(STOP, "batch = { size = 1 } # HERE")
    (problem,) = refuse(tmp_path, text).problems
    assert (problem.key, problem.line) == ("train.batch", marked(text))
    assert "no samples" in problem.message
