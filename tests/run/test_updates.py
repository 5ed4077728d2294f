"""Sweeps over the numbers of optimizers and schedules, from the document to the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.documents import document
from tests.run.helpers import finished_parts, parts_of, sweep_in

AXES: dict[str, Any] = {
    "learning_rate.0": {"log10": [-2, 1], "num": 4},
    "learning_rate.1": {"log10": [-2, 1], "num": 4},
    "optimizer.beta1": [0.0, 0.9],
    "schedule.steps": [100, 200],
    "seed": {"count": 3},
}


def adaptive(**axes: Any) -> dict[str, Any]:
    """Adam with a cosine schedule, a rate per layer, clipping and weight decay."""
    return document(
        {
            "problem": {
                "kind": "network", "layers": [2, 4, 1], "bias": True,
                "inputs": [[0, 0], [0, 1], [1, 0], [1, 1]], "targets": [[0], [1], [1], [0]],
            },
            "init": {"kind": "normal"},
            "optimizer": {"kind": "adam", "clip_norm": 1.0, "weight_decay": 1e-4},
            "schedule": {"kind": "cosine", "warm_up": 10},
            "train": {"max_steps": 300, "stop": {"loss": 0.05}},
            "record.final_parameters": True,
            "axes": AXES | axes,
        }
    )  # fmt: skip


def test_a_sweep_over_updates_is_a_table_like_any_other(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", adaptive())
    trials = run.trials()
    assert len(trials) == 4 * 4 * 2 * 2 * 3
    # `steps` is a column of results
    axes = ["seed", "learning_rate.0", "learning_rate.1", "beta1", "schedule.steps"]
    assert list(trials.columns[1:6]) == axes
    assert {"converged", "unfinished"} <= {*trials["outcome"].astype(str)}
    assert not (trials["outcome"].astype(str) == "stalled").any()
    assert parts_of(sweep_in(tmp_path / "again", adaptive(), jobs=2).path) == parts_of(run.path)
    rates = pq.read_table(finished_parts(run.path)[0])["learning_rate.0"].to_numpy()
    assert np.isin(rates, 10.0 ** np.arange(-2, 2)).all()


@pytest.mark.parametrize("values", [[[0.1, 0.2], [0.3, 0.4]], [1.0, [1.0, 2.0]]])
def test_whole_lists_of_rates_are_shown_as_text(tmp_path: Path, values: list[Any]) -> None:
    source = adaptive()
    for key in ("learning_rate.0", "learning_rate.1"):
        del source["axes"][key]
    source["axes"]["learning_rate"] = values
    trials = sweep_in(tmp_path / "run", source).trials()
    assert [*dict.fromkeys(trials["learning_rate"])] == [
        "-".join(map(str, value)) if isinstance(value, list) else str(value) for value in values
    ]
