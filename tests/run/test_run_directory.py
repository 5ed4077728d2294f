"""The run directory: its files, its columns and their types, and the programs that can read them.

The values in the tables are tested with the engine.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gdbatch import outcomes
from gdbatch.api import Run, load_run
from gdbatch.plan import Plan
from gdbatch.run.columns import Column, registered
from gdbatch.sweep_file import read_sweep
from tests.documents import document
from tests.run.helpers import finished_parts, killed_at, structured, sweep_in

OUTCOME = pa.dictionary(pa.int8(), pa.string())
MEASURES = {
    "outcome": OUTCOME,
    "steps": pa.int64(),
    "initial_loss": pa.float64(),
    "final_loss": pa.float64(),
    "gradient_norm": pa.float64(),
}
AXES = {
    "bias": pa.bool_(),
    "derivative_at": pa.string(),
    "seed": pa.int64(),
    "learning_rate": pa.float64(),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return sweep_in(tmp_path_factory.mktemp("runs") / "run")


def parts(run: Run, kind: str = "trials") -> list[Path]:
    return sorted((run.path / kind).iterdir())


def expected_columns(axes: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """The declared columns of a run without measures, in order."""
    several = {"axes": axes, "final_parameters": parameters, "measures": {}}
    expected: dict[str, Any] = {}
    for one in registered():
        expected |= {one.name: one.type} if isinstance(one, Column) else several[one.name]
    return expected


def columns_of(path: Path) -> dict[str, pa.DataType]:
    schema = pq.read_schema(path)
    return dict(zip(schema.names, schema.types, strict=True))


# files -------------------------------------------------------------------------------------


def test_a_run_has_exactly_the_documented_files(run: Run) -> None:
    found = {str(file.relative_to(run.path)) for file in run.path.rglob("*") if file.is_file()}
    numbered = [f"{kind}/part-{n:012d}.parquet" for kind in ("trials", "trajectories")
                for n in range(4)]  # fmt: skip
    assert found == {"manifest.json", "summary.csv", *numbered}


def test_names_of_parts_sort_in_shard_order(tmp_path: Path) -> None:
    axes = {"train.max_steps": list(range(1, 13)), "learning_rate": [1.0]}
    run = sweep_in(tmp_path / "run", document({"axes": axes}, train={}))
    names = [path.name for path in parts(run)]
    assert all(re.fullmatch(r"part-\d{12}\.parquet", name) for name in names)
    trials = [pq.read_table(run.path / "trials" / name)["trial"].to_pylist() for name in names]
    assert trials == [[n] for n in range(12)]


def test_the_manifest_has_plan_versions_machine_and_totals(run: Run) -> None:
    manifest = json.loads((run.path / "manifest.json").read_text())
    plan = Plan(read_sweep(structured()))
    assert manifest["plan_hash"] == plan.hash
    assert {key: manifest[key] for key in plan.identity()} == plan.identity()
    assert {"python", "numpy", "pyarrow"} <= set(manifest["versions"])
    assert manifest["machine"]
    assert manifest["seconds"] >= 0
    assert manifest["started"] <= manifest["finished"]
    assert manifest["totals"]["trials"] == plan.trials == 48
    assert manifest["totals"]["failures"] == []


def test_summary_csv_is_the_summary_with_the_documented_columns(run: Run) -> None:
    names = ["bias", "derivative_at", "learning_rate", "trials", *outcomes.names(), "stable",
             "stationary", "success_rate", "success_low", "success_high",
             "steps_q25", "steps_median", "steps_q75",
             "final_loss_median", "final_loss_low", "final_loss_high"]  # fmt: skip
    table = pd.read_csv(run.path / "summary.csv")
    assert list(table) == names
    pd.testing.assert_frame_equal(table, run.summary, check_dtype=False)
    assert len(table) == 12


# columns -----------------------------------------------------------------------------------


def test_every_part_has_the_documented_columns_in_plain_types(run: Run) -> None:
    parameters = {"weight_1_0_0": pa.float64(), "bias_1_0": pa.float64()}
    expected = expected_columns(AXES, parameters)
    assert {"trial": pa.int64(), **MEASURES}.items() <= expected.items()
    for path in parts(run):
        found = columns_of(path)
        assert found == expected
        assert list(found) == list(expected)


def test_every_part_of_trajectories_has_the_documented_columns(run: Run) -> None:
    recorded = {"step": pa.int64(), "loss": pa.float64(), "prediction": pa.float64()}
    for path in parts(run, "trajectories"):
        expected = {"trial": pa.int64()} | AXES | recorded
        assert columns_of(path) == expected
        assert list(columns_of(path)) == list(expected)


def test_final_parameters_are_stored_only_on_request(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", document())
    axes = {"seed": pa.int64(), "learning_rate": pa.float64()}
    assert columns_of(parts(run)[0]) == expected_columns(axes, {})


def test_outcomes_have_the_same_categories_in_every_part(run: Run) -> None:
    seen = set()
    for path in parts(run):
        (chunk,) = pq.read_table(path)["outcome"].chunks
        assert chunk.dictionary.to_pylist() == list(outcomes.names())
        seen.add(frozenset(chunk.to_pylist()))
    assert len(seen) > 1  # some parts have outcomes that others do not have
    assert list(run.trials()["outcome"].cat.categories) == list(outcomes.names())


def test_trials_are_numbered_from_zero_without_a_gap_in_plan_order(run: Run) -> None:
    plan = Plan(read_sweep(structured()))
    assert run.trials()["trial"].tolist() == list(range(plan.trials))
    columns = plan.columns(np.arange(plan.trials))
    for name in AXES:
        assert run.trials()[name].tolist() == list(columns[name])
    for shard, path in zip(plan.shards(), parts(run), strict=True):
        assert pq.read_table(path)["trial"].to_pylist() == list(range(shard.start, shard.stop))


def test_trajectories_are_in_the_order_of_trials_and_steps(run: Run) -> None:
    keys = run.trajectories()[["trial", "step"]]
    assert keys.equals(keys.sort_values(["trial", "step"], ignore_index=True))
    last = run.trajectories().groupby("trial")["step"].max()
    assert last.tolist() == run.trials().set_index("trial")["steps"][last.index].tolist()


def test_a_part_states_its_plan_and_shard_but_no_time_or_machine(run: Run) -> None:
    for kind in ("trials", "trajectories"):
        for number, path in enumerate(parts(run, kind)):
            file = pq.ParquetFile(path)
            names = {b"gdbatch", b"gdbatch_checksum", b"ARROW:schema"}
            assert set(file.metadata.metadata) == names
            key = json.loads(file.metadata.metadata[b"gdbatch"])
            assert key["plan"] == run.manifest["plan_hash"]
            assert key["shard"] == number
            assert (key["first"], key["end"]) == (12 * number, 12 * number + 12)
            assert key["rows"] == file.metadata.num_rows
            assert set(key) == {"plan", "shard", "first", "end", "rows", "recording"}
            assert re.fullmatch(r"parquet-cpp-arrow version [\d.]+", file.metadata.created_by)


TYPES: dict[str, tuple[str, list[Any], pa.DataType, list[Any]]] = {
    "whole numbers": ("train.max_steps", [5, 6], pa.int64(), [5, 6]),
    "numbers": ("init.low", [-1, 0], pa.float64(), [-1.0, 0.0]),
    "booleans": ("problem.bias", [True, False], pa.bool_(), [True, False]),
    "texts": ("activation", ["tanh", "relu"], pa.string(), ["tanh", "relu"]),
    "lists": ("problem.layers", [[1, 3, 1], [1, 1]], pa.string(), ["1-3-1", "1-1"]),
    "seeds": ("seed", [7, 3], pa.int64(), [7, 3]),
    "texts and lists": (
        "problem.activation", ["tanh", ["relu"]], pa.string(), ["tanh", "relu"],
    ),
    "lists of lists": (
        "problem.inputs", [[[0.1]], [[0.25]]], pa.string(), ["0.1", "0.25"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("key", "values", "kind", "shown"), TYPES.values(), ids=TYPES)
def test_an_axis_has_one_plain_type_in_every_part(
    tmp_path: Path, key: str, values: list[Any], kind: pa.DataType, shown: list[Any]
) -> None:
    source = document({"axes": {key: values, "learning_rate": [1.0]}})
    section, _, name = key.rpartition(".")
    source.get(section or "problem", {}).pop(name, None)
    run = sweep_in(tmp_path / "run", source)
    assert {columns_of(path)[name] for path in parts(run)} == {kind}
    assert run.trials()[name].tolist() == shown


# readers -----------------------------------------------------------------------------------


def rows_of_pandas(folder: Path) -> int:
    return len(pd.read_parquet(folder))


def rows_of_polars(folder: Path) -> int:
    return len(pl.read_parquet(folder))


def rows_of_duckdb(folder: Path) -> int:
    query = f"select count(*) from read_parquet('{folder}/*.parquet')"
    (row,) = duckdb.execute(query).fetchall()
    return int(row[0])


READERS = [rows_of_pandas, rows_of_polars, rows_of_duckdb]


def test_pandas_reads_the_directory_as_it_is(run: Run) -> None:
    pd.testing.assert_frame_equal(pd.read_parquet(run.path / "trials"), run.trials())


def test_polars_reads_the_directory_as_it_is(run: Run) -> None:
    table = pl.read_parquet(run.path / "trials")
    assert table.columns == list(run.trials())
    assert table.schema["outcome"] in (pl.Categorical, pl.Enum)
    for name in table.columns:
        numbers = run.trials()[name].astype(object)
        assert table[name].to_list() == numbers.where(numbers.notna(), None).tolist()


def test_duckdb_reads_the_parts_as_they_are(run: Run) -> None:
    names = ["trial", "bias", "derivative_at", "learning_rate", "outcome", "steps", "final_loss"]
    rows = duckdb.execute(
        f"select {', '.join(names)} from read_parquet('{run.path}/trials/*.parquet') order by trial"
    ).fetchall()
    assert rows == list(run.trials()[names].astype(object).itertuples(index=False, name=None))


@pytest.mark.parametrize("rows_of", READERS)
def test_readers_see_only_complete_parts_while_a_run_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_of: Callable[[Path], int]
) -> None:
    """Just before a part gets its name, its temporary file exists."""
    trials, seen = tmp_path / "run" / "trials", []
    replace = os.replace

    def look_and_replace(source: Path, target: Path) -> None:
        if finished_parts(tmp_path / "run"):
            seen.append((len(finished_parts(tmp_path / "run")), rows_of(trials)))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look_and_replace)
    sweep_in(tmp_path / "run")
    assert {whole for whole, _ in seen} == {1, 2, 3, 4}
    assert all(rows == 12 * whole for whole, rows in seen)


@pytest.mark.parametrize("rows_of", READERS)
def test_readers_skip_the_leftovers_of_a_killed_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_of: Callable[[Path], int]
) -> None:
    killed_at(monkeypatch, "trials/part-000000000002.parquet", lambda: sweep_in(tmp_path / "run"))
    assert rows_of(tmp_path / "run" / "trials") == len(load_run(tmp_path / "run").trials()) == 24
