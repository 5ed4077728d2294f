"""A package outside gdbatch adds one component of every family, and gdbatch knows them everywhere.

`gdbatch_outside` is installed by putting its folder on PYTHONPATH, beside the files of pip.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest

HERE = Path(__file__).resolve().parent
FILES = {path.stem: path for path in (HERE / "gdbatch_outside").glob("[a-z]*.py")}
PARTS = {
    "activations": "outside_softsign",
    "losses": "outside_half_squared_error",
    "optimizers": "outside_signum",
    "schedules": "outside_inverse_root",
    "initializers": "outside_signs",
    "datasets": "outside_sine",
    "functions": "outside_styblinski_tang",
    "measures": "outside_largest_loss",
    "stop rules": "outside_loss_drop",
    "outcomes": "outside_improved",
    "columns": "outside_descent",
    "figures": "outside_success",
    "axis forms": "outside_halvings",
    "stores": "outside_sqlite",
    "engines": "outside_plain",
    "executors": "outside_threads",
    "searches": "outside_thinned",
    "commands": "outside_count",
}
LIMITS = {"executor": 120, "engine": 120, "store": 60}  # lines; 40 for all others

NETWORK: dict[str, Any] = {
    "name": "network",
    "problem": {
        "kind": "network",
        "layers": [1, 2, 1],
        "activation": "outside_softsign",
        "loss": "outside_half_squared_error",
        "data": {"kind": "outside_sine", "samples": 5},
    },
    "init": {"kind": "outside_signs", "size": 0.5},
    "optimizer": {"kind": "outside_signum"},
    "schedule": {"kind": "outside_inverse_root"},
    "train": {"max_steps": 60, "stop": {"outside_loss_drop": 3.0}},
    "axes": {
        "problem.data.noise": [0.1, 0.2],
        "optimizer.beta": [0.0, 0.9],
        "learning_rate": [1e-6, 0.02, 0.05, 0.2],
        "seed": {"count": 5},
    },
    "record": {"measures": ["outside_largest_loss"]},
}
FUNCTION = NETWORK | {
    "name": "function",
    "problem": {"kind": "function", "function": "outside_styblinski_tang"},
    "optimizer": {"kind": "gradient_descent"},
    "train": {"max_steps": 60, "stop": {"gradient_norm": 1e-6}},
    "axes": {"learning_rate": [1e-3, 0.02, 0.1], "seed": {"count": 2}},
}


def python(*arguments: str | Path, cwd: Path) -> str:
    """The output of a program, with the plug-in installed."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(HERE), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def gdbatch(*arguments: str | Path, cwd: Path) -> str:
    """The output of a command."""
    return python("-m", "gdbatch", *arguments, cwd=cwd)


def write(folder: Path, sweep: dict[str, Any]) -> Path:
    """A sweep file; JSON values other than tables are also valid TOML."""
    lines = [f"{key} = {_toml(value)}" for key, value in sweep.items()]
    path = folder / f"{sweep['name']}.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = ", ".join(f"{json.dumps(key)} = {_toml(one)}" for key, one in value.items())
        return f"{{ {pairs} }}"
    return json.dumps(value)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the network by two workers."""
    folder = tmp_path_factory.mktemp("outside")
    path = write(folder, NETWORK)
    gdbatch("sweep", path, "-j", "2", "-o", folder / "run", cwd=folder)
    return folder / "run"


def test_every_component_is_a_single_short_file() -> None:
    assert len(FILES) == len(PARTS)
    for name, path in FILES.items():
        assert len(path.read_text(encoding="utf-8").splitlines()) < LIMITS.get(name, 40), name


def test_list_and_help_know_every_component(tmp_path: Path) -> None:
    listed = gdbatch("list", cwd=tmp_path).split("\n\n")
    shown = {block.partition("\n")[0]: block for block in listed}
    described = "from gdbatch.cli.pages import find; print(*map(find, sys.argv[1:]))"
    done = python("-c", f"import sys; {described}", *PARTS.values(), cwd=tmp_path)
    for family, name in PARTS.items():
        assert f"\n  {name} " in shown[family]
        assert f"# {name} (" in done


def test_help_pages_and_the_command_line_know_them(tmp_path: Path) -> None:
    results = gdbatch("help", "results", cwd=tmp_path)
    for family in ("outcomes", "measures", "figures", "columns"):
        assert f"| `{PARTS[family]}` |" in results
    assert "outside_loss_drop" in gdbatch("help", "training", cwd=tmp_path)
    assert "outside_count" in gdbatch("--help", cwd=tmp_path)
    assert "A run directory" in gdbatch("outside_count", "--help", cwd=tmp_path)


@pytest.mark.parametrize("sweep", [NETWORK, FUNCTION], ids=lambda sweep: sweep["name"])
def test_the_schema_knows_every_ingredient(tmp_path: Path, sweep: dict[str, Any]) -> None:
    schema = json.loads(gdbatch("schema", cwd=tmp_path))
    jsonschema.validate(sweep, schema)
    valid = jsonschema.Draft202012Validator(schema).is_valid
    for table in ("problem", "init", "optimizer", "schedule", "train"):
        assert not valid(sweep | {table: sweep[table] | {"misspelt": 1}})
    stop = {"max_steps": 60, "stop": {"loss_dorp": 4.0}}
    assert not valid(sweep | {"train": stop})


def test_trials_have_the_outcome_the_column_and_the_measure(run: Path) -> None:
    trials = pd.read_parquet(run / "trials")
    assert len(trials) == 80
    assert {"converged", "outside_improved"} <= set(trials["outcome"])
    descent = trials["initial_loss"] - trials["final_loss"]
    assert (trials["outside_descent"] == descent).all()
    assert (trials["outside_largest_loss"] >= trials["initial_loss"]).all()
    converged = trials[trials["outcome"] == "converged"]
    assert (converged["initial_loss"] >= 3 * converged["final_loss"]).all()
    improved = trials[trials["outcome"] == "outside_improved"]
    assert (improved["steps"] == 60).all()
    assert (improved["final_loss"] < improved["initial_loss"] / 2).all()


def test_the_summary_counts_the_outcome(run: Path) -> None:
    trials = pd.read_parquet(run / "trials")
    summary = pd.read_csv(run / "summary.csv")
    assert summary["outside_improved"].sum() == (trials["outcome"] == "outside_improved").sum()


def test_the_answer_asks_whether_the_outcome_is_too_slow(run: Path) -> None:
    answer = gdbatch("summary", run, cwd=run.parent)
    assert answer.count("too slow to converge in 60 steps: 1e-6 to 0.2") == 4


def test_the_figures_are_drawn(run: Path) -> None:
    for ending in ("png", "svg"):
        assert (run / "figures" / f"outside_success.{ending}").is_file()
        assert (run / "figures" / f"convergence.{ending}").is_file()
    assert "outside_success.png" in gdbatch("plot", run, "outside_success", cwd=run.parent)


def test_the_command_runs(run: Path) -> None:
    assert gdbatch("outside_count", run, cwd=run.parent) == "80\n"


def test_a_stop_rule_can_be_an_axis(tmp_path: Path) -> None:
    axes = {
        "train.stop.outside_loss_drop": [1.0, 4.0],
        "learning_rate": [0.02],
        "seed": {"count": 5},
    }
    path = write(tmp_path, NETWORK | {"train": {"max_steps": 60}, "axes": axes})
    gdbatch("sweep", path, "-j", "1", "-o", "run", "--no-figures", cwd=tmp_path)
    trials = pd.read_parquet(tmp_path / "run" / "trials")
    steps = trials.groupby("outside_loss_drop")["steps"].max()
    assert steps[1.0] == 0 < steps[4.0]


def test_a_function_trains(tmp_path: Path) -> None:
    path = write(tmp_path, FUNCTION)
    gdbatch("sweep", path, "-j", "1", "-o", "run", "--no-figures", cwd=tmp_path)
    trials = pd.read_parquet(tmp_path / "run" / "trials")
    best = trials.loc[trials["learning_rate"] == 0.02, "final_loss"]
    assert (best < -24).all()  # ½ (x⁴ - 16 x² + 5 x) is at least -39.17, and -25.03 at the other


def test_a_search_has_a_table_of_its_own(tmp_path: Path) -> None:
    sweep = FUNCTION | {"outside_thinned": {"every": 3}}
    schema = json.loads(gdbatch("schema", cwd=tmp_path))
    jsonschema.validate(sweep, schema)
    assert not jsonschema.Draft202012Validator(schema).is_valid(
        sweep | {"outside_thinned": {"evry": 3}}
    )
    path = write(tmp_path, sweep)
    gdbatch("sweep", path, "-j", "1", "-o", "run", "--no-figures", cwd=tmp_path)
    assert pd.read_csv(tmp_path / "run" / "summary.csv")["trials"].tolist() == [2]
    trials = pd.read_parquet(tmp_path / "run" / "trials")
    assert trials["trial"].tolist() == [0, 3]
    assert (trials["learning_rate"] == 1e-3).all()


def test_an_axis_has_the_form(tmp_path: Path) -> None:
    axes = {"learning_rate": {"outside_halvings": 3, "first": 0.1}, "seed": {"count": 2}}
    jsonschema.validate(FUNCTION | {"axes": axes}, json.loads(gdbatch("schema", cwd=tmp_path)))
    path = write(tmp_path, FUNCTION | {"axes": axes})
    gdbatch("sweep", path, "-j", "1", "-o", "run", "--no-figures", cwd=tmp_path)
    trials = pd.read_parquet(tmp_path / "run" / "trials")
    assert sorted(set(trials["learning_rate"])) == [0.025, 0.05, 0.1]
    assert "| `outside_halvings` |" in gdbatch("help", "axes", cwd=tmp_path)


def test_the_store_keeps_a_run(tmp_path: Path, run: Path) -> None:
    path, url = write(tmp_path, NETWORK), "outside_sqlite://run.db"
    answer = gdbatch("sweep", path, "-j", "2", "-o", url, cwd=tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {"network.toml", "run.db"}
    assert gdbatch("sweep", path, "-j", "1", "-o", url, cwd=tmp_path) == answer  # resumes
    for command in ("summary", "plot", "outside_count"):
        assert gdbatch(command, url, cwd=tmp_path).replace(url, str(run)) == gdbatch(
            command, run, cwd=tmp_path
        )
    done = python(
        "-c",
        "import sys, gdbatch\n"
        "run = gdbatch.run_sweep(sys.argv[1], out=sys.argv[2], jobs=1)\n"
        "assert run.totals.computed_shards == 0 and run.location == sys.argv[2]\n"
        "assert run.trials().equals(gdbatch.load_run(sys.argv[3]).trials())\n"
        "try: run.path\n"
        "except gdbatch.UsageError as error: print(error)",
        path, url, run,
        cwd=tmp_path,
    )  # fmt: skip
    assert "outside_sqlite://run.db is not a local directory" in done
    assert {one.name for one in tmp_path.iterdir()} == {"network.toml", "run.db"}


def test_the_store_passes_the_contract_tests(tmp_path: Path) -> None:
    (tmp_path / "test_store.py").write_text(
        "from gdbatch.testing import StoreTests\n"
        "from gdbatch_outside.store import Sqlite\n"
        "class TestSqlite(StoreTests):\n"
        "    def make_store(self, tmp_path):\n"
        "        return Sqlite(str(tmp_path / 'run.db'))\n"
    )
    assert " passed" in python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path)


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_executor_gives_the_same_bytes(tmp_path: Path, run: Path, jobs: int) -> None:
    path = write(tmp_path, NETWORK)
    options = ["--executor", "outside_threads", "-j", str(jobs), "--no-figures"]
    gdbatch("sweep", path, *options, "-o", "run", cwd=tmp_path)
    parts = sorted(path.name for path in (run / "trials").glob("*.parquet"))
    assert parts
    for part in parts:
        expected = (run / "trials" / part).read_bytes()
        assert (tmp_path / "run" / "trials" / part).read_bytes() == expected


def test_the_engine_trains_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, NETWORK)
    tables = {}
    for engine in ("numpy", "outside_plain"):
        options = ["--engine", engine, "-j", "1", "--no-figures", "-o", engine]
        gdbatch("sweep", path, *options, cwd=tmp_path)
        tables[engine] = pd.read_parquet(tmp_path / engine / "trials")
    pd.testing.assert_frame_equal(tables["outside_plain"], tables["numpy"], rtol=1e-9)


def test_refusals_of_the_engine_are_reported(tmp_path: Path) -> None:
    done = python(
        "-c",
        "import sys, gdbatch\n"
        "try: gdbatch.run_sweep(sys.argv[1], engine='outside_plain')\n"
        "except gdbatch.SweepFileError as error: print(error)",
        write(tmp_path, FUNCTION),
        cwd=tmp_path,
    )
    assert 'the engine "outside_plain" trains networks only' in done
