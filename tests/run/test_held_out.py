"""Held-out data in a run: columns, early stopping, the objective, and wrong requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdbatch.api import load_run
from gdbatch.errors import SweepFileError
from gdbatch.plan import Plan
from gdbatch.sweep_file import read_sweep
from tests.documents import document
from tests.run.helpers import parts_of, sweep_in

CLASSES: dict[str, Any] = {
    "kind": "network",
    "layers": [2, 2],
    "bias": True,
    "loss": "cross_entropy",
    "data": {"kind": "blobs", "samples": 40, "labels": [0.0, 1.0], "spread": 0.8},
    "validation": 0.25,
}
PLAIN = {key: value for key, value in CLASSES.items() if key != "validation"}
REGRESSION = {**CLASSES, "layers": [2, 1], "loss": "squared_error"}


def classifier(changes: dict[str, Any] | None = None, **tables: Any) -> dict[str, Any]:
    """A small classifier with held-out data, three learning rates and four seeds."""
    train = {"max_steps": 60, "every": 5, "stop": {"patience": 2}}
    return document(changes, **{"problem": CLASSES, "train": train} | tables)


def complaint(**tables: Any) -> str:
    with pytest.raises(SweepFileError) as caught:
        read_sweep(classifier(**tables))
    return str(caught.value)


def test_trials_have_the_values_at_the_end_and_the_best_ones(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", classifier())
    trials = run.trials()
    assert list(trials)[-7:] == [
        "accuracy",
        "validation_loss",
        "best_validation_loss",
        "best_validation_step",
        "validation_accuracy",
        "best_validation_accuracy",
        "best_validation_accuracy_step",
    ]
    stopped = trials[trials["outcome"] == "early_stopped"]
    assert len(stopped)
    assert (stopped["steps"] == stopped["best_validation_step"] + 10).all()
    assert (trials["best_validation_loss"] <= trials["validation_loss"]).all()
    assert trials["accuracy"].between(0, 1).all()
    assert (trials["validation_accuracy"] * 10 % 1 < 1e-9).all()  # of ten samples


def test_a_resumed_run_has_the_same_bytes(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", classifier())
    before = parts_of(run.path)
    (run.path / next(iter(before))).unlink()
    sweep_in(tmp_path / "run", classifier())
    assert parts_of(run.path) == before


def test_recorded_values_include_held_out_ones(tmp_path: Path) -> None:
    values = ["loss", "validation_loss", "accuracy"]
    run = sweep_in(tmp_path / "run", classifier(record={"every": 5, "values": values}))
    table = run.trajectories()
    assert table is not None
    end = table.groupby("trial").last()
    trials = run.trials().set_index("trial").loc[end.index]
    np.testing.assert_array_equal(end["validation_loss"], trials["validation_loss"])
    np.testing.assert_array_equal(end["accuracy"], trials["accuracy"])
    best = table[table["step"] % 5 == 0].groupby("trial")["validation_loss"].min()
    np.testing.assert_array_equal(best, trials["best_validation_loss"])


def test_the_answer_is_about_the_validation_loss_or_the_objective(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", classifier())
    (one,) = run.answer
    medians = run.summary.set_index("learning_rate")["validation_loss_median"]
    assert (one.objective, one.best_value) == ("validation_loss", medians.min())
    assert one.best == medians.idxmin()
    other = classifier(answer={"objective": "validation_accuracy", "success": 0.5})
    assert Plan(read_sweep(other)).hash == run.manifest["plan_hash"]
    (one,) = sweep_in(tmp_path / "run", other).answer
    highest = run.summary["validation_accuracy_median"].max()
    assert (one.objective, one.best_value, one.required) == ("validation_accuracy", highest, 0.5)
    assert "highest median validation accuracy" in str(load_run(tmp_path / "run").answer)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"problem": PLAIN}, "train.stop.on: there is no held-out data; set problem.validation"),
        (
            {"problem": REGRESSION, "train": {"max_steps": 9, "stop": {"accuracy": 0.9}}},
            "train.stop.accuracy: this problem has no classes",
        ),
        (
            {"train": {"max_steps": 9, "stop": {"patience": 2, "on": "validation_los"}}},
            'did you mean "validation_loss"',
        ),
        ({"train": {"max_steps": 9, "stop": {"accuracy": 1.5}}}, "must be at most 1, not 1.5"),
        (
            {"train": {"max_steps": 9, "stop": {"accuracy": 1.0, "on": "accuracy"}}},
            "on applies to patience, which is missing",
        ),
        ({"problem": PLAIN, "record": {"measures": ["validation_loss"]}}, "no held-out data"),
        ({"record": {"measures": ["accuracy", "accuracy"]}}, 'there is a column "accuracy"'),
        ({"answer": {"objective": "steps"}}, "the sweep has no stop rule"),
        ({"answer": {"objective": "best_los"}}, "is not in the results"),
        ({"answer": {"success": 1.0}}, "answer.success: must be a number below 1"),
    ],
)
def test_what_cannot_be_is_refused_in_words(tables: dict[str, Any], message: str) -> None:
    assert message in complaint(**tables)
