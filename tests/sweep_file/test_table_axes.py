"""Whole tables and their kinds as axes, and any value by its dotted key."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdbatch.errors import SweepFileError
from gdbatch.ingredients.problems.minibatches import Batch
from gdbatch.plan import Plan
from gdbatch.sweep_file import read_sweep
from tests.documents import document, plan_of

ADAM, MOMENTUM = {"kind": "adam"}, {"kind": "momentum", "momentum": 0.5}
RATES = {"learning_rate": [0.1, 1.0]}
SAMPLES = {"problem.inputs": [[0.1], [0.2]], "problem.targets": [[0.3], [0.4]]}


def without(table: str, axes: dict[str, Any], changes: dict[str, Any] | None = None) -> Plan:
    """The plan of the small sweep without one of its tables, and with other axes."""
    source = document(changes, axes=axes)
    del source[table]
    return Plan(read_sweep(source))


def columns_of(plan: Plan) -> dict[str, list[Any]]:
    columns = plan.columns(np.arange(plan.trials))
    return {name: np.asarray(values).tolist() for name, values in columns.items()}


def refusal(table: str, axes: dict[str, Any], changes: dict[str, Any] | None = None) -> list[str]:
    with pytest.raises(SweepFileError) as caught:
        without(table, axes, changes)
    return [f"{problem.key}: {problem.message}" for problem in caught.value.problems]


# tables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [["optimizer", "learning_rate"], ["learning_rate", "optimizer"]])
def test_optimizers_train_side_by_side(names: list[str]) -> None:
    axes = {"optimizer": [ADAM, MOMENTUM], **RATES}
    plan = without("optimizer", {name: axes[name] for name in names})
    assert plan.groups == 2
    assert columns_of(plan) == {
        "optimizer": ["adam", "adam", "momentum", "momentum"],
        "learning_rate": [0.1, 1.0, 0.1, 1.0],
    }
    first, second = (plan.group(number).sections.optimizer for number in (0, 1))
    assert (first.kind, second.kind) == ("adam", "momentum")
    numbers = plan.task_of(1, np.arange(2, 4)).optimizer_hyperparameters
    assert np.asarray(numbers["learning_rate"]).tolist() == [0.1, 1.0]
    assert numbers["momentum"] == 0.5


def test_a_label_is_the_value_in_the_column() -> None:
    slow = MOMENTUM | {"label": "slow"}
    fast = MOMENTUM | {"momentum": 0.9, "label": "fast"}
    plan = without("optimizer", {"optimizer": [slow, fast, ADAM], "learning_rate": [1.0]})
    assert columns_of(plan)["optimizer"] == ["slow", "fast", "adam"]
    assert plan.axes[0].place_of("fast") == 1


def test_a_label_belongs_to_the_trials() -> None:
    one, other = (
        without("optimizer", {"optimizer": [ADAM | {"label": label}, MOMENTUM], **RATES})
        for label in ("a", "b")
    )
    assert one.hash != other.hash


def test_tables_may_have_their_own_rates() -> None:
    tables = [ADAM | {"learning_rate": 0.1}, MOMENTUM | {"learning_rate": 1.0}]
    plan = without("optimizer", {"optimizer": tables})
    assert [plan.group(one).sections.optimizer.learning_rate for one in (0, 1)] == [0.1, 1.0]


def test_a_number_that_all_tables_have_varies_in_each() -> None:
    tables = [{"kind": "momentum"}, {"kind": "nesterov"}]
    plan = without("optimizer", {"optimizer": tables, "momentum": [0.1, 0.2], **RATES})
    assert (plan.groups, plan.trials) == (2, 8)
    assert all(axis.per_lane for axis in plan.axes[1:])


TABLES: dict[str, tuple[str, dict[str, Any], dict[str, Any], str, list[str]]] = {
    "init": ("init", {"init": [{"kind": "uniform"}, {"kind": "normal"}]}, {}, "init",
             ["uniform", "normal"]),
    "schedule": (
        "description", {"schedule": [{"kind": "constant"}, {"kind": "cosine", "steps": 9}]}, {},
        "schedule", ["constant", "cosine"]),
    "a schedule of the default kind": (
        "description", {"schedule": [{"warm_up": 3}, {"kind": "cosine", "steps": 9}]}, {},
        "schedule", ["constant", "cosine"]),
    "functions": (
        "problem", {"problem": [{"kind": "function", "function": name}
                                for name in ("rosenbrock", "himmelblau")]},
        {"train": {"max_steps": 5}}, "problem", ["rosenbrock", "himmelblau"]),
    "datasets": (
        "description", {"problem.data": [{"kind": "xor"}, {"kind": "two_moons"}]},
        {"problem": {"kind": "network", "layers": [2, 1]}}, "data", ["xor", "two_moons"]),
    "datasets, and their noise": (
        "description", {"data": [{"kind": "xor"}, {"kind": "two_moons"}], "noise": [0.2]},
        {"problem": {"kind": "network", "layers": [2, 1]}}, "data", ["xor", "two_moons"]),
    "kinds": ("optimizer", {"optimizer.kind": ["adam", "momentum"]}, {}, "optimizer",
              ["adam", "momentum"]),
    "kinds of a table": ("description", {"optimizer.kind": ["adam", "momentum"]},
                         {"optimizer": {"decoupled": True}}, "optimizer", ["adam", "momentum"]),
    "kinds of functions": (
        "description", {"problem.function": ["rosenbrock", "himmelblau"]},
        {"problem": {"kind": "function"}, "train": {"max_steps": 5}}, "function",
        ["rosenbrock", "himmelblau"]),
    "stop rules": (
        "description", {"train.stop": [{"loss": 1e-3}, {"loss": 1e-3, "hold": 2}]},
        {"train": {"max_steps": 5}}, "stop", ["loss=0.001", "loss=0.001,hold=2"]),
    "divergence": (
        "description", {"train.divergence": [False, {"loss": 10.0}]}, {}, "divergence",
        ["False", "loss=10.0"]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("absent", "axes", "changes", "column", "values"), TABLES.values(), ids=TABLES
)
def test_any_table_can_be_an_axis(
    absent: str,
    axes: dict[str, Any],
    changes: dict[str, Any],
    column: str,
    values: list[str],
) -> None:
    plan = without(absent, {**axes, "learning_rate": [1.0]}, changes)
    assert plan.groups == 2
    assert columns_of(plan)[column] == values


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "the table is there too": (
        {"optimizer": [ADAM]}, {"optimizer.kind": "adam"},
        "axes.optimizer: optimizer is an axis, and there is a table [optimizer] too; remove one"),
    "equal labels": (
        {"optimizer": [MOMENTUM, {"kind": "momentum"}]}, {},
        'axes.optimizer[1]: two values have the label "momentum"; give each table its '
        "own label"),
    "a label that is a number": (
        {"optimizer": [ADAM | {"label": 3}]}, {}, "axes.optimizer[0].label: a label is a string"),
    "equal tables": (
        {"optimizer": [ADAM, ADAM]}, {}, "axes.optimizer[1]: values 1 and 2 are equal"),
    "tables that mean the same": (
        {"optimizer": [{"kind": "momentum", "label": "a"},
                       {"kind": "momentum", "momentum": 0.9, "label": "b"}]}, {},
        "axes.optimizer[1]: is the same as value 1 with all defaults filled in"),
    "an unknown kind": (
        {"optimizer": [ADAM, {"kind": "momentun"}]}, {},
        'axes.optimizer[1].kind: unknown optimizer "momentun"; did you mean "momentum"?'),
    "an unknown kind by its key": (
        {"optimizer.kind": ["adam", "momentun"]}, {},
        'axes."optimizer.kind"[1]: unknown optimizer "momentun"'),
    "a value beyond its bound": (
        {"optimizer": [ADAM, MOMENTUM | {"momentum": 2.0}]}, {},
        "axes.optimizer[1].momentum: must be a number below 1, not 2.0"),
    "a value in the first table": (
        {"optimizer": [MOMENTUM | {"momentum": 2.0}, ADAM]}, {},
        "axes.optimizer[0].momentum: must be a number below 1, not 2.0"),
    "names": (
        {"optimizer": ["adam", "momentum"]}, {},
        'axes.optimizer[0]: must be a table, such as { kind = "adam" }; to vary the kind only, '
        'write "optimizer.kind" = '),
    "a number that a table has": (
        {"optimizer": [ADAM, MOMENTUM], "momentum": [0.1, 0.2]}, {},
        "axes.momentum: optimizer.momentum is an axis and has a value in value 2 of the axis "
        "optimizer too"),
    "kind alone": (
        {"kind": ["adam", "momentum"]}, {},
        'axes.kind: "kind" could be "problem.kind" or "init.kind" or "optimizer.kind"'),
    "the engine": (
        {"optimizer": [ADAM], "engine": ["numpy", "fused"]}, {},
        'axes.engine: "engine" cannot be an axis; one engine trains the whole run'),
}  # fmt: skip


@pytest.mark.parametrize(("axes", "changes", "message"), REFUSED.values(), ids=REFUSED)
def test_invalid_table_axes_are_refused(
    axes: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    absent = "description" if changes else "optimizer"
    messages = refusal(absent, axes | RATES, changes)
    assert any(one.startswith(message) for one in messages), messages


@pytest.mark.parametrize(
    ("axes", "key"),
    [
        ({"problem.data": [{"kind": "xor"}, {"kind": "xor", "seed": 1}]}, "problem.data"),
        ({"problem.data": []}, "problem.data"),
        ({"problem.layers": {"linear": [0, 1], "num": 1}}, "problem.layers"),
        ({"init": [{"kind": "normal"}, {"kind": "normal", "scale": 2.0}]}, "init"),
    ],
)
def test_an_invalid_axis_gives_one_error(axes: dict[str, Any], key: str) -> None:
    problem = {"kind": "network", "layers": [2, 1], "data": {"kind": "xor"}}
    source = document({"problem": problem, "optimizer.learning_rate": 1.0}, axes=axes)
    source.pop(key) if key == "init" else source["problem"].pop(key.partition(".")[2], None)
    with pytest.raises(SweepFileError) as caught:
        read_sweep(source)
    assert len(caught.value.problems) == 1, caught.value
    assert key in caught.value.problems[0].key


def test_other_errors_than_those_of_an_invalid_axis_are_reported() -> None:
    source = document(
        {"problem": {"kind": "network", "layers": [2, 1], "lss": 1}},
        axes={"problem.data": [{"kind": "xor"}, {"kind": "xor", "seed": 1}]},
    )
    with pytest.raises(SweepFileError, match='unknown key "lss"'):
        read_sweep(source)


def test_a_value_of_one_kind_does_not_fit_the_other() -> None:
    axes = {"optimizer": [ADAM, {"kind": "momentum"}], "momentum": [0.5], **RATES}
    assert "unknown key" in "\n".join(refusal("optimizer", axes))


# values by their dotted keys ---------------------------------------------------------------------


def test_the_size_of_a_minibatch_needs_no_table() -> None:
    plan = plan_of(SAMPLES, axes={"train.batch.size": [1, 2], "learning_rate": [1.0]})
    batches = [plan.group(number).sections.train.training().batch for number in (0, 1)]
    assert batches == [Batch(1), Batch(2)]
    assert columns_of(plan)["size"] == [1, 2]


def test_a_rule_needs_no_table() -> None:
    axes = {"train.stop.gradient_norm": [1e-2, 1e-3], "learning_rate": [1.0]}
    plan = plan_of({"train": {"max_steps": 5}}, axes=axes)
    stops = [plan.group(number).sections.train.training().stop for number in (0, 1)]
    assert stops == [{"gradient_norm": 1e-2}, {"gradient_norm": 1e-3}]


def test_a_number_in_nested_lists_can_be_an_axis() -> None:
    plan = plan_of(axes={"problem.inputs.0.0": [0.1, 0.2], "learning_rate": [1.0]})
    inputs = [plan.group(number).sections.problem.resolved()["inputs"] for number in (0, 1)]
    assert np.array(inputs).tolist() == [[[0.1]], [[0.2]]]


def test_a_list_may_consist_of_axes() -> None:
    axes = {"init.values.0": [1.0, 2.0], "init.values.1": [3.0], "learning_rate": [1.0]}
    problem = {"kind": "function", "function": "rosenbrock"}
    plan = plan_of(
        {"problem": problem, "init": {"kind": "point"}, "train": {"max_steps": 5}}, axes=axes
    )
    assert np.asarray(plan.task_of(0, np.arange(2)).init_hyperparameters["values"]).tolist() == [
        [1.0, 2.0],
        [3.0, 3.0],
    ]
