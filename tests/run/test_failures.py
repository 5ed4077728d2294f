"""Runs that fail: a shard that raises, a full disk, a killed worker.

Finished shards are kept, one message says what happened, and a resume completes the run.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gdbatch.api import Run, load_run, run_sweep
from gdbatch.engine import train
from gdbatch.errors import GdbatchError, RunError
from gdbatch.search import grid
from tests.run.helpers import (
    MODULE,
    WITHOUT_FIGURES,
    command,
    environment,
    everything_in,
    finished_parts,
    members_of,
    message,
    parts_of,
    process,
    slow,
    start,
    structured,
    sweep_in,
    wait_until,
    workers_of,
    write_sweep,
)


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of commands, with the structured sweep; no figures are drawn."""
    write_sweep(tmp_path / "sweep.toml", structured())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Run, "save_figures", lambda *_, **__: [])
    return tmp_path


# shards that fail --------------------------------------------------------------------------


@pytest.fixture
def failing_shard(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Training the shard with bias at the sum of products raises."""

    def failing(task: Any, *rest: Any) -> Any:
        options = task.problem.options
        if options.bias and options.derivative_at == "sop":
            raise FloatingPointError("the sun was in my eyes")
        return train(task, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(grid, "train", failing)
        yield patched


def test_a_failed_shard_is_reported_and_the_others_are_kept(
    tmp_path: Path, failing_shard: pytest.MonkeyPatch
) -> None:
    run = run_sweep(structured(), out=tmp_path / "run", jobs=1, on_error="keep")
    assert run.totals is not None
    (failure,) = run.totals.failures
    assert "shard 2" in failure and "FloatingPointError" in failure and "sun" in failure
    assert (run.totals.computed_shards, run.totals.trials) == (3, 36)
    assert run.trials()["trial"].tolist() == [*range(24), *range(36, 48)]
    assert [path.name[-9] for path in finished_parts(run.path)] == ["0", "1", "3"]
    assert run.manifest["totals"]["failures"] == [failure]


def test_the_command_ends_with_exit_code_3_and_answers_for_the_rest(
    in_folder: Path, failing_shard: pytest.MonkeyPatch
) -> None:
    result = command("sweep", "sweep.toml", "-o", "run", "-j", "1")
    assert result.exit_code == 3
    assert result.stderr.count("error:") == 1
    assert "FloatingPointError" in result.stderr
    assert "bias = True, derivative_at = prediction" in result.stdout
    assert "bias = True, derivative_at = sop" not in result.stdout


def test_a_resume_trains_the_shard_that_failed(
    tmp_path: Path, failing_shard: pytest.MonkeyPatch
) -> None:
    path = run_sweep(structured(), out=tmp_path / "run", jobs=1, on_error="keep").path
    failing_shard.undo()
    totals = sweep_in(path).totals
    assert totals is not None and (totals.computed_shards, totals.kept_shards) == (1, 3)
    assert parts_of(path) == parts_of(sweep_in(tmp_path / "new").path)


def test_a_sweep_with_only_failed_shards_ends_in_messages(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> Any:
        raise ZeroDivisionError("always")

    monkeypatch.setattr(grid, "train", failing)
    result = command("sweep", "sweep.toml", "-o", "run", "-j", "1", "--csv", "--json")
    assert result.exit_code == 3
    assert result.stderr.count("ZeroDivisionError") == 4
    assert finished_parts(in_folder / "run") == []
    with pytest.raises(GdbatchError, match="no trials"):
        load_run("run").trials()


# disks that fail ---------------------------------------------------------------------------


def test_an_unwritable_directory_is_reported_in_one_message(in_folder: Path) -> None:
    result = command("sweep", "sweep.toml", "-o", "/proc/gdbatch/run", "-j", "1")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert message(result.stderr).startswith("error: cannot write to /proc/gdbatch/run")


FULL_AT = [
    "manifest.json",
    "trajectories/part-000000000000.parquet",
    "trials/part-000000000002.parquet",
    "summary.csv",
]


@pytest.mark.parametrize("full_at", FULL_AT)
def test_a_full_disk_ends_a_run_in_one_message_with_nothing_half_written(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, full_at: str
) -> None:
    replace, full = os.replace, []

    def no_space(source: Path, target: Path) -> None:
        if str(target).endswith(full_at):
            full.append(target)
        if full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", no_space)
        patched.setattr(os, "link", no_space)
        result = command("sweep", "sweep.toml", "-o", "run", "-j", "1")
    assert full
    assert result.exit_code == 1
    assert message(result.stderr).startswith("error: cannot write run/" + full_at)
    assert "No space left on device" in result.stderr
    whole = parts_of(sweep_in(in_folder / "whole").path)
    stood = parts_of(in_folder / "run")
    assert stood.items() <= whole.items()  # and no temporary file either
    assert full_at not in everything_in(in_folder / "run")
    sweep_in(in_folder / "run")
    assert parts_of(in_folder / "run") == whole


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_file_size_limit_is_reported_in_one_message(tmp_path: Path, jobs: str) -> None:
    """A real error of the system in the middle of a part, as with a quota."""
    big = structured({"axes.seed": {"count": 3000}})
    write_sweep(tmp_path / "big.toml", big)
    result = subprocess.run(
        [sys.executable, *WITHOUT_FIGURES, "sweep", "big.toml", "-o", "run", "-j", jobs],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert result.returncode == 1
    assert result.stdout == ""
    told = message(result.stderr)
    assert told.startswith("error: cannot write run/trials/part-00000000000")
    assert finished_parts(tmp_path / "run") == []
    assert not list((tmp_path / "run").rglob(".*"))


def test_a_full_disk_is_a_run_error_in_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sweep_in(tmp_path / "run")
    (tmp_path / "run" / "trials" / "part-000000000001.parquet").unlink()
    monkeypatch.setattr(os, "replace", no_space)
    with pytest.raises(RunError, match="No space left"):
        sweep_in(tmp_path / "run")


# workers that are killed -------------------------------------------------------------------


def test_a_killed_worker_ends_the_run_in_one_message_and_a_resume_completes_it(
    tmp_path: Path,
) -> None:
    write_sweep(tmp_path / "slow.toml", slow())
    running = start("sweep", "slow.toml", "-o", "run", "-j", "2", cwd=tmp_path)
    wait_until(lambda: len(finished_parts(tmp_path / "run")) >= 2)
    os.kill(workers_of(running.pid)[0], signal.SIGKILL)
    stdout, stderr = running.communicate(timeout=60)
    assert running.returncode == 1
    assert stdout == ""
    assert message(stderr).startswith("error: a worker process was killed")
    stood = parts_of(tmp_path / "run")
    kept = len(finished_parts(tmp_path / "run"))
    assert 2 <= kept < 10
    totals = sweep_in(tmp_path / "run", slow()).totals
    assert totals is not None and totals.kept_shards == kept
    after = parts_of(tmp_path / "run")
    assert all(after[name] == stood[name] for name in stood if name.startswith("trials/part"))


def test_workers_end_soon_after_their_parent_is_killed(tmp_path: Path) -> None:
    write_sweep(tmp_path / "slow.toml", slow())
    running = start("sweep", "slow.toml", "-o", "run", "-j", "2", cwd=tmp_path)
    wait_until(lambda: finished_parts(tmp_path / "run"))
    workers = workers_of(running.pid)
    assert len(workers) == 2
    running.kill()
    running.wait()
    wait_until(lambda: not members_of(running.pid), 3)
    running.communicate()


# files in the current folder ---------------------------------------------------------------

SHADOWING = ["random", "joblib", "queue", "logging", "copy", "numpy", "numba"]


@pytest.mark.parametrize("how", [("-P", *WITHOUT_FIGURES), MODULE], ids=["command", "module"])
def test_nothing_is_imported_from_the_current_folder(tmp_path: Path, how: tuple[str, ...]) -> None:
    slow_enough = structured({"axes.seed": {"count": 20_000}}, record={"trials": {"seed": [0]}})
    write_sweep(tmp_path / "sweep.toml", slow_enough)
    for name in SHADOWING:
        text = f"open({str(tmp_path / 'imported')!r}, 'a').write({name!r})\nraise SystemExit(3)\n"
        (tmp_path / f"{name}.py").write_text(text)
    arguments = ("sweep", "sweep.toml", "-o", "run", "-j", "2", "--no-figures")
    result = process(*arguments, cwd=tmp_path, how=how)
    assert not (tmp_path / "imported").exists()
    assert result.returncode == 0, result.stderr
    assert load_run(tmp_path / "run").manifest["workers"] == 2
