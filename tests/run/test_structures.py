"""Runs of sweeps of every shape: several architectures, zips, no rate, no axis at all.

All parts of a run have the same columns, and its tables load completely.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from gdbatch.api import Run
from tests.documents import document
from tests.run.helpers import finished_parts, sweep_in

NETWORK = {"kind": "network", "inputs": [[0.1]], "targets": [[0.3]]}
NO_AXES = {"problem": {**NETWORK, "layers": [1, 1]}, "axes": {}}
BIASED = {"1-1": ["weight_1_0_0", "bias_1_0"],
          "1-2-1": ["weight_1_0_0", "weight_1_0_1", "bias_1_0", "bias_1_1",
                    "weight_2_0_0", "weight_2_1_0", "bias_2_0"]}  # fmt: skip


def architectures(**record: Any) -> dict[str, Any]:
    """Two architectures, 1→1 and 1→2→1, with biases."""
    axes = {"problem.layers": [[1, 1], [1, 2, 1]], "learning_rate": [1.0, 100.0]}
    return document({"problem": {**NETWORK, "bias": True}, "axes": axes}, record=record)


def widths(values: list[str]) -> dict[str, Any]:
    """One sample and three samples: one prediction and three."""
    samples = {
        "problem.inputs": [[[0.1]], [[0.1], [0.2], [0.3]]],
        "problem.targets": [[[0.3]], [[0.3], [0.35], [0.4]]],
    }
    return document(
        {"problem": {"kind": "network", "layers": [1, 1]}},
        axes={"zip": [samples], "learning_rate": [1.0, 100.0]},
        record={"every": 10, "values": values},
    )


def same_schema_everywhere(run: Run) -> bool:
    first, *others = [pq.read_schema(path) for path in finished_parts(run.path)]
    return bool(others) and all(one.equals(first) for one in others)


# architectures side by side ----------------------------------------------------------------


def test_final_parameters_of_architectures_share_their_columns(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", architectures(final_parameters=True))
    assert same_schema_everywhere(run)
    names = {name for one in BIASED.values() for name in one}
    assert names == {
        name for name in map(str, run.trials()) if name.startswith(("weight_", "bias_"))
    }
    for layers, own in BIASED.items():
        rows = run.trials()[run.trials()["layers"] == layers]
        assert rows[own].notna().all(axis=None)
        assert rows[sorted(names - set(own))].isna().all(axis=None)


def test_other_readers_see_nulls_for_parameters_that_an_architecture_lacks(
    tmp_path: Path,
) -> None:
    run = sweep_in(tmp_path / "run", architectures(final_parameters=True))
    table = pl.read_parquet(run.path / "trials")
    assert table.height == 4
    assert table["weight_2_1_0"].null_count() == 2
    assert table["weight_1_0_0"].null_count() == 0
    assert len(pd.read_parquet(run.path / "trials")) == 4


def test_recorded_parameters_of_architectures_load_together(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", architectures(every=10, values=["parameters"]))
    for layers, own in BIASED.items():
        rows = run.trajectories()[run.trajectories()["layers"] == layers]
        assert len(rows)
        present = [str(name) for name in rows if rows[name].notna().all()]
        assert {name for name in present if name.startswith(("weight_", "bias_"))} == set(own)


def test_recorded_predictions_of_different_widths_load_together(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", widths(["loss", "prediction"]))
    table = run.trajectories()
    assert table["loss"].notna().all()
    wide = table["inputs"] == table["inputs"].iloc[-1]
    assert 0 < wide.sum() < len(table)
    for number in (1, 2):
        assert table.loc[wide, f"prediction_{number}"].notna().all()
        assert table.loc[~wide, f"prediction_{number}"].isna().all()
    names = [name for name in map(str, table) if name.startswith("prediction")]
    assert table.loc[~wide, names].notna().sum(axis=1).eq(1).all()
    assert table.loc[wide, names].notna().sum(axis=1).eq(3).all()


def test_figures_can_be_drawn_of_different_widths(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", widths(["loss", "prediction"]))
    assert run.plot("loss").axes


def test_a_run_with_only_some_recorded_parts_loads(tmp_path: Path) -> None:
    source = architectures(every=10, trials={"layers": ["1-2-1"], "learning_rate": [100.0]})
    run = sweep_in(tmp_path / "run", source)
    assert len(list((run.path / "trajectories").iterdir())) == 1
    assert set(run.trajectories()["trial"]) == {3}
    assert len(run.trials()) == 4


# axes of every shape -----------------------------------------------------------------------


def test_a_sweep_without_axes_is_one_row(tmp_path: Path) -> None:
    source = document(NO_AXES | {"optimizer.learning_rate": 100.0})
    run = sweep_in(tmp_path / "run", source)
    assert list(run.trials()) == ["trial", "outcome", "steps", "initial_loss", "final_loss",
                                "gradient_norm"]  # fmt: skip
    assert run.trials()["trial"].tolist() == [0]
    assert run.summary["trials"].tolist() == [1]
    assert pd.read_csv(run.path / "summary.csv")["converged"].tolist() == [1]
    assert len(run.answer) == 0
    assert set(run.trajectories()["trial"]) == {0}


def test_a_sweep_over_seeds_alone_has_one_summary_row(tmp_path: Path) -> None:
    source = document(NO_AXES | {"optimizer.learning_rate": 100.0, "axes.seed": {"count": 20}})
    run = sweep_in(tmp_path / "run", source)
    assert run.trials()["seed"].tolist() == list(range(20))
    assert run.summary["trials"].tolist() == [20]
    assert run.trials()["initial_loss"].nunique() == 20


def test_a_sweep_over_another_number_answers_for_it(tmp_path: Path) -> None:
    source = document(
        NO_AXES
        | {"optimizer.learning_rate": 100.0, "axes": {"init.low": [-1.0, 0.0, 0.5], "seed": [1, 2]}}
    )
    run = sweep_in(tmp_path / "run", source)
    assert list(run.trials())[:3] == ["trial", "seed", "low"]
    assert run.summary["low"].tolist() == [-1.0, 0.0, 0.5]
    (answer,) = run.answer
    assert answer.axis == "low"


def test_zipped_axes_move_together_each_in_a_column(tmp_path: Path) -> None:
    zipped = {"learning_rate": [1.0, 100.0, 1000.0], "init.low": [-1.0, -0.5, 0.0]}
    source = document({"problem": NO_AXES["problem"], "axes": {"zip": [zipped], "seed": [4, 2]}})
    run = sweep_in(tmp_path / "run", source)
    rows = run.trials()[["seed", "learning_rate", "low"]].itertuples(index=False, name=None)
    pairs = [(1.0, -1.0), (100.0, -0.5), (1000.0, 0.0)]
    assert list(rows) == [(seed, *pair) for seed in (4, 2) for pair in pairs]
    assert len(run.summary) == 3


def test_a_rate_zipped_with_a_structure_moves_with_its_group(tmp_path: Path) -> None:
    zipped = {"problem.layers": [[1, 1], [1, 2, 1]], "learning_rate": [1.0, 50.0]}
    run = sweep_in(tmp_path / "run", document({"problem": NETWORK, "axes": {"zip": [zipped]}}))
    rows = run.trials()[["layers", "learning_rate"]].itertuples(index=False, name=None)
    assert list(rows) == [("1-1", 1.0), ("1-2-1", 50.0)]
    assert len(finished_parts(run.path)) == 2


def test_columns_that_would_collide_have_the_whole_key(tmp_path: Path) -> None:
    axes = {"problem.loss": ["squared_error", "mean_squared_error"], "learning_rate": [1.0]}
    run = sweep_in(tmp_path / "run", document({"axes": axes, "record": {"values": ["loss"]}}))
    assert "problem.loss" in run.trials()
    assert {"problem.loss", "loss"} <= set(run.trajectories())


def test_divergence_is_a_row_like_any_other(tmp_path: Path) -> None:
    problem = {**NETWORK, "layers": [1, 1], "activation": "identity"}
    source = document({"problem": problem, "axes.learning_rate": [1.0, 1e4]})
    run = sweep_in(tmp_path / "run", source)
    diverged = run.trials()[run.trials()["learning_rate"] == 1e4]
    assert set(diverged["outcome"]) == {"diverged"}
    assert diverged["final_loss"].map(math.isfinite).all()
    assert diverged["gradient_norm"].isna().all()
    assert len(run.trials()) == 8
    assert run.summary["diverged"].tolist() == [0, 4]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_are_stored_in_float64_whatever_the_training_dtype(
    tmp_path: Path, dtype: str
) -> None:
    source = document({"train.dtype": dtype, "record": {"final_parameters": True}})
    run = sweep_in(tmp_path / "run", source)
    for name in ("initial_loss", "final_loss", "gradient_norm", "weight_1_0_0"):
        assert run.trials()[name].dtype == "float64"
