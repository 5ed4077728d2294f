"""Ctrl-C: exit code 130, one message, no process left behind, and a run that can be resumed.

The same holds for SIGTERM and SIGHUP, with their own exit codes. A terminal sends the signal to
every process of the group, `kill -INT` to one.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gdbatch.api import load_run
from gdbatch.engine import train
from gdbatch.errors import GdbatchError
from gdbatch.run import runner
from gdbatch.search import grid
from tests.run import helpers
from tests.run.helpers import (
    finished_parts,
    members_of,
    message,
    parts_of,
    slow,
    start,
    structured,
    sweep_in,
    wait_until,
    workers_of,
    write_sweep,
)

SAID = "interrupted; finished shards are kept; run the same command to resume"


def started(folder: Path, *options: str) -> subprocess.Popen[str]:
    write_sweep(folder / "slow.toml", slow())
    return start("sweep", "slow.toml", "-o", "run", *options, cwd=folder)


def ends_as_interrupted(process: subprocess.Popen[str], *codes: int) -> None:
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode in (130, *codes)
    assert stdout == ""
    assert message(stderr) == SAID
    wait_until(lambda: not members_of(process.pid), 20)


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["to it", "to the group"])
def test_ctrl_c_ends_in_one_message_and_keeps_what_is_finished(
    tmp_path: Path, slow_parts: dict[str, bytes], jobs: str, send: Callable[[int, int], None]
) -> None:
    process = started(tmp_path, "-j", jobs)
    wait_until(lambda: len(finished_parts(tmp_path / "run")) >= 2)
    send(process.pid, signal.SIGINT)
    ends_as_interrupted(process)
    kept = finished_parts(tmp_path / "run")
    assert 2 <= len(kept) < 10
    assert all(part.read_bytes() == slow_parts[f"trials/{part.name}"] for part in kept)
    assert len(load_run(tmp_path / "run").trials()) == len(kept)
    assert "finished" not in load_run(tmp_path / "run").manifest


def test_an_interrupted_run_resumes_to_the_same_bytes(
    tmp_path: Path, slow_parts: dict[str, bytes]
) -> None:
    process = started(tmp_path, "-j", "1", "--quiet")
    wait_until(lambda: len(finished_parts(tmp_path / "run")) >= 3)
    os.killpg(process.pid, signal.SIGINT)
    ends_as_interrupted(process)
    kept = len(finished_parts(tmp_path / "run"))
    totals = sweep_in(tmp_path / "run", slow()).totals
    assert totals is not None and totals.kept_shards == kept
    assert parts_of(tmp_path / "run") == slow_parts


@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["to it", "to the group"])
def test_ctrl_c_while_workers_start_is_not_lost(
    tmp_path: Path, send: Callable[[int, int], None]
) -> None:
    process = started(tmp_path, "-j", "2")
    wait_until(lambda: workers_of(process.pid))
    send(process.pid, signal.SIGINT)
    ends_as_interrupted(process)
    assert len(finished_parts(tmp_path / "run")) < 10
    with pytest.raises(GdbatchError, match="no trials"):
        load_run(tmp_path / "run").trials()


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGTERM, "terminated"), (signal.SIGHUP, "the terminal was closed")],
)
def test_other_signals_end_a_run_like_ctrl_c(
    tmp_path: Path, slow_parts: dict[str, bytes], jobs: str, number: int, words: str
) -> None:
    process = started(tmp_path, "-j", jobs)
    wait_until(lambda: len(finished_parts(tmp_path / "run")) >= 2)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert message(stderr) == SAID.replace("interrupted", words)
    wait_until(lambda: not members_of(process.pid), 20)
    kept = finished_parts(tmp_path / "run")
    assert all(part.read_bytes() == slow_parts[f"trials/{part.name}"] for part in kept)


def test_a_command_that_nohup_started_ignores_a_closed_terminal(
    tmp_path: Path, slow_parts: dict[str, bytes]
) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    process = started(tmp_path, "-j", "1", "--quiet")
    signal.signal(signal.SIGHUP, before)
    wait_until(lambda: finished_parts(tmp_path / "run"))
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert parts_of(tmp_path / "run") == slow_parts


def test_ctrl_c_during_the_imports_is_one_message(tmp_path: Path) -> None:
    """The import of Typer stands in for all others."""
    (tmp_path / "typer.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    code = "import sys; sys.path.insert(0, '.'); from gdbatch.__main__ import main; main()"
    result = helpers.process("list", cwd=tmp_path, how=("-c", code))
    assert result.returncode == 130
    assert message(result.stderr) == "interrupted"


def test_ctrl_c_twice_is_still_one_message(tmp_path: Path) -> None:
    """An impatient user, while the workers or the interpreter are being ended.

    A shell reports a process that the signal itself has ended as 130 too.
    """
    process = started(tmp_path, "-j", "2")
    wait_until(lambda: finished_parts(tmp_path / "run"))
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(0.05)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGINT)
    ends_as_interrupted(process, -signal.SIGINT)


def test_an_interrupt_reaches_python_programs_and_the_observer_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []
    # a shell starts its background jobs with the signal ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupted(task: Any, *rest: Any) -> Any:
        if task.problem.options.bias:
            signal.raise_signal(signal.SIGINT)
        return train(task, *rest)

    class Ear(runner.Observer):
        def stop(self) -> None:
            heard.append("stop")

    monkeypatch.setattr(grid, "train", interrupted)
    monkeypatch.setattr("gdbatch.api.ProgressBar", Ear)
    with pytest.raises(KeyboardInterrupt):
        sweep_in(tmp_path / "run", progress=True)
    assert heard == ["stop"]
    assert len(finished_parts(tmp_path / "run")) == 2
    monkeypatch.undo()
    signal.signal(signal.SIGINT, before)
    totals = sweep_in(tmp_path / "run", structured()).totals
    assert totals is not None and totals.kept_shards == 2
