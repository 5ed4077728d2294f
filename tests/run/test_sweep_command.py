"""`gdbatch sweep`: what goes to stdout and stderr, its options, and dry runs.

The analysis has its own tests; here it is about the output.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pytest

from gdbatch.api import Run, load_run
from gdbatch.outcomes import names
from gdbatch.plan import Plan
from gdbatch.run.progress import ProgressBar
from gdbatch.run.runner import ShardReport
from gdbatch.sweep_file import read_sweep
from tests.documents import TEXT, document
from tests.run.helpers import (
    MODULE,
    command,
    environment,
    message,
    parts_of,
    process,
    structured,
    sweep_in,
    write_sweep,
)

MILLION_MILLION = """\
[axes]
learning_rate = { log10 = [-3, 3], num = 1_000_000 }
seed = { count = 1_000_000 }
"""


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of commands, with the small sweep; no figures are drawn."""
    (tmp_path / "small.toml").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Run, "save_figures", lambda *_, **__: [])
    return tmp_path


# stdout and stderr -------------------------------------------------------------------------


def test_the_answer_goes_to_stdout_all_else_to_stderr_and_files_under_results(
    tmp_path: Path,
) -> None:
    """A complete run, with figures and both streams piped."""
    (tmp_path / "small.toml").write_text(TEXT)
    result = process("sweep", "small.toml", "-j", "1", cwd=tmp_path)
    assert result.returncode == 0
    assert result.stdout.startswith("best learning rate: ")
    assert "converges" in result.stdout and "reliability" in result.stdout
    assert re.fullmatch(r"12 trials in [\d.]+ s: results/small", message(result.stderr))
    assert "\x1b" not in result.stdout + result.stderr
    figures = {path.name for path in (tmp_path / "results" / "small" / "figures").iterdir()}
    assert {"convergence.png", "convergence.svg"} <= figures
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results", "small.toml"]


def test_stdout_holds_only_the_json_answer(in_folder: Path) -> None:
    result = command("sweep", "small.toml", "-o", "run", "-j", "1", "--json")
    answer = json.loads(result.stdout)
    assert answer["run"] == "run"
    (one,) = answer["answers"]
    assert one["axis"] == "learning_rate"
    assert one["best"] == 1000.0
    assert one["trials"] == 4


def test_json_is_strict_even_if_nothing_converges(in_folder: Path) -> None:
    """NaN and Infinity are not JSON."""
    result = command("sweep", "small.toml", "-o", "run", "-j", "1", "--json",
                     "--set", "train.max_steps = 1")  # fmt: skip
    assert result.exit_code == 0

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    assert json.loads(result.stdout, parse_constant=refuse)["answers"][0]["best"] is None


def test_quiet_prints_nothing_and_does_everything(in_folder: Path) -> None:
    result = command("sweep", "small.toml", "-o", "run", "-j", "1", "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert len(load_run("run").trials()) == 12
    assert (in_folder / "run" / "summary.csv").is_file()


def test_quiet_with_json_prints_only_the_json(in_folder: Path) -> None:
    result = command("sweep", "small.toml", "-o", "run", "-j", "1", "-q", "--json")
    assert json.loads(result.stdout)["answers"]
    assert result.stderr == ""


def test_quiet_still_prints_errors(in_folder: Path) -> None:
    result = command("sweep", "smal.toml", "--quiet")
    assert result.exit_code == 2
    assert "small.toml" in message(result.stderr)


def test_a_sweep_of_one_trial_says_so_and_one_over_seeds_does_not(in_folder: Path) -> None:
    one = document({"optimizer.learning_rate": 100.0}, axes={})
    write_sweep(in_folder / "one.toml", one)
    write_sweep(in_folder / "seeds.toml", one | {"axes": {"seed": {"count": 30}}})
    result = command("sweep", "one.toml", "-o", "one", "-j", "1")
    assert (result.exit_code, result.stdout) == (0, "one trial: converged\n")
    result = command("sweep", "seeds.toml", "-o", "seeds", "-j", "1")
    assert result.exit_code == 0
    assert re.match(r"30 trials: \d+ converged", result.stdout)
    assert "one trial" not in result.stdout


# the progress bar --------------------------------------------------------------------------


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def shown_on(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, columns: int = 120) -> str:
    """What a progress bar writes to a stream over a run of two shards, one kept."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    bar = ProgressBar()
    bar.start(3000, 1000)
    bar.shard_done(ShardReport(1, 2000, dict.fromkeys(names(), 0) | {"converged": 2000}, 5))
    bar.stop()
    return stream.getvalue()


def test_a_terminal_sees_trials_rate_and_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", shown_on(Terminal(), monkeypatch))
    assert "3000/3000 trials" in shown
    assert "/s" in shown
    assert "converged 2,000" in shown
    assert "diverged" not in shown


@pytest.mark.parametrize("columns", [40, 80])
def test_a_narrow_terminal_still_sees_trials_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    written = shown_on(Terminal(), monkeypatch, columns)
    shown = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", written)
    assert "3000/3000" in shown
    assert re.search(r"· left \d+:\d\d", shown)


def test_no_color_is_honoured_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def colors(text: str) -> list[str]:
        codes = [code for found in re.findall(r"\x1b\[([\d;]*)m", text)
                 for code in found.split(";")]  # fmt: skip
        return [code for code in codes if re.fullmatch(r"[34]\d|9\d|10\d", code)]

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colors(shown_on(Terminal(), monkeypatch))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colors(shown_on(Terminal(), monkeypatch))


def test_a_pipe_gets_no_progress_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown_on(io.StringIO(), monkeypatch) == ""


# options -----------------------------------------------------------------------------------


def test_csv_has_the_rows_and_values_of_the_parts(in_folder: Path) -> None:
    write_sweep(in_folder / "structured.toml", structured())
    result = command("sweep", "structured.toml", "-o", "run", "-j", "1", "--csv")
    assert result.exit_code == 0
    table = pyarrow.csv.read_csv("run/trials.csv")
    trials = pa.concat_tables(load_run("run").directory.parts("trials"))
    assert table.column_names == trials.column_names
    for name in table.column_names:
        assert table[name].to_pylist() == trials[name].to_pylist()


def test_without_csv_no_csv_file_is_written(in_folder: Path) -> None:
    command("sweep", "small.toml", "-o", "run", "-j", "1")
    assert not (in_folder / "run" / "trials.csv").exists()


def test_set_changes_values_and_the_last_one_wins(in_folder: Path) -> None:
    options = ["--set", "axes.seed = { count = 2 }", "--set", "axes.learning_rate = [5, 6]",
               "--set", "train.max_steps = 7", "--set", "train.max_steps = 8"]  # fmt: skip
    result = command("sweep", "small.toml", "-o", "run", "-j", "1", *options)
    assert result.exit_code == 0
    trials = load_run("run").trials()
    assert trials["learning_rate"].tolist() == [5, 6, 5, 6]
    assert trials["steps"].max() == 8
    assert load_run("run").manifest["sweep"]["train"]["max_steps"] == 8


def test_an_error_in_a_set_value_names_it(in_folder: Path) -> None:
    result = command("sweep", "small.toml", "--set", "train.max_stepz = 7")
    assert result.exit_code == 2
    told = message(result.stderr)
    assert "--set train.max_stepz" in told and 'did you mean "max_steps"?' in told
    assert not (in_folder / "results").exists()


def test_engine_overrides_that_of_the_file(in_folder: Path) -> None:
    result = command("sweep", "small.toml", "-o", "run", "-j", "1", "--engine", "numpy")
    assert result.exit_code == 0
    result = command("sweep", "small.toml", "-o", "other", "--engine", "numpyy")
    assert result.exit_code == 2
    assert message(result.stderr) == (
        'error: --engine numpyy: train.engine: unknown engine "numpyy"; did you mean "numpy"?'
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["small.toml", "-j", "0"],
        ["small.toml", "-j", "many"],
        ["small.toml", "--csvs"],
        ["small.toml", "other.toml"],
        ["small.toml", "--set"],
        ["small.toml", "--set", "train.max_steps"],
        [],
        [""],
        ["."],
        ["small.toml\x00"],
    ],
    ids=repr,
)
def test_an_invalid_command_line_is_refused_and_nothing_is_written(
    in_folder: Path, arguments: list[str]
) -> None:
    result = command("sweep", *arguments)
    assert result.exit_code == 2
    assert result.stderr and not result.stdout
    assert "Traceback" not in result.stderr
    assert [path.name for path in in_folder.iterdir()] == ["small.toml"]


@pytest.mark.parametrize(
    ("name", "meant"), [("one_imput", "one_input"), ("xorr", "xor"), ("smal.toml", "small.toml")]
)
def test_a_misspelt_sweep_gets_the_nearest_name(in_folder: Path, name: str, meant: str) -> None:
    result = command("sweep", name)
    assert result.exit_code == 2
    told = message(result.stderr)
    assert told == f'error: there is no sweep file "{name}"; did you mean "{meant}"?'


def test_all_errors_of_a_file_are_reported_with_their_lines(in_folder: Path) -> None:
    wrong = TEXT.replace('"sigmoid"', '"sigmoit"').replace("max_steps", "max_stepz")
    wrong = wrong.replace('kind = "uniform"', 'kind = "uniform"\nlow = "zero"')
    wrong = wrong.replace("seed = { count = 4 }", "seed = { count = -4 }")
    (in_folder / "wrong.toml").write_text(wrong)
    result = process("sweep", "wrong.toml", cwd=in_folder)
    assert result.returncode == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert all(line.startswith("error: wrong.toml, line ") for line in lines)
    for name in ("sigmoit", "max_stepz", "low", "seed"):
        assert sum(name in line for line in lines) == 1
    numbers = [int(line.split("line ")[1].split(":")[0]) for line in lines]
    assert numbers == sorted(numbers)
    assert "Traceback" not in result.stderr
    assert not (in_folder / "results").exists()


# dry runs ----------------------------------------------------------------------------------


def test_a_dry_run_prints_the_cost_and_writes_nothing(in_folder: Path) -> None:
    write_sweep(in_folder / "structured.toml", structured())
    result = command("sweep", "structured.toml", "--dry-run", "-j", "1")
    assert result.exit_code == 0
    rows = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    plan = Plan(read_sweep(structured()))
    axes = [axis.column for axis in plan.axes]
    assert list(rows) == [*axes, "trials", "groups", "shards", "time", "disk"]
    assert [rows[name] for name in axes] == [axis.preview() for axis in plan.axes]
    assert (rows["trials"], rows["groups"], rows["shards"]) == ("48", "4", "4")
    assert re.fullmatch(r"(about|at most) .+ on 1 workers?", rows["time"])
    assert re.fullmatch(r"about [\d,.]+ k?B", rows["disk"])
    assert {path.name for path in in_folder.iterdir()} == {"small.toml", "structured.toml"}


def test_a_dry_run_as_json_counts_like_the_plan(in_folder: Path) -> None:
    source = structured({"axes.seed": {"count": 30_000}})
    write_sweep(in_folder / "structured.toml", source)
    cost = json.loads(command("sweep", "structured.toml", "--dry-run", "--json").stdout)
    plan = Plan(read_sweep(source))
    assert (cost["trials"], cost["groups"], cost["shards"]) == (360_000, 4, plan.shard_count)
    assert plan.shard_count > 4
    assert cost["seconds"] > 0
    assert cost["bytes"] > 0
    assert not (in_folder / "results").exists()


def test_a_dry_run_predicts_the_size_of_the_real_one(in_folder: Path) -> None:
    source = document({"axes.seed": {"count": 3000}})
    write_sweep(in_folder / "sweep.toml", source)
    cost = json.loads(command("sweep", "sweep.toml", "--dry-run", "--json", "-j", "1").stdout)
    run = sweep_in(in_folder / "run", source)
    size = sum(len(part) for name, part in parts_of(run.path).items() if name.startswith("trials"))
    assert size / 4 < cost["bytes"] < size * 4


def test_a_dry_run_refuses_what_the_sweep_would_refuse(in_folder: Path) -> None:
    result = command("sweep", "small.toml", "--dry-run", "--set", "train.max_steps = -1")
    assert result.exit_code == 2
    assert "max_steps" in message(result.stderr)


def test_a_dry_run_of_a_trillion_trials_is_cheap(tmp_path: Path) -> None:
    """The peak is measured in a child of a small process: a fork counts its parent's memory."""
    (tmp_path / "vast.toml").write_text(TEXT.split("[axes]")[0] + MILLION_MILLION)
    measure = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
        "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    small = [sys.executable, *MODULE, "sweep", "vast.toml", "--dry-run"]
    result = subprocess.run(
        [sys.executable, "-c", measure, *small],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    rows = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert rows["trials"] == "1,000,000,000,000"
    assert int(rows["shards"].replace(",", "")) > 10**6
    assert int(rows["peak"]) < 200_000  # kB
    assert not (tmp_path / "results").exists()
