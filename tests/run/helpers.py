"""Sweeps of several shards, and helpers that run the command and inspect its files.

This file has no tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gdbatch.api import Run, run_sweep
from gdbatch.cli import application
from gdbatch.run import runner
from tests.documents import document

MODULE = ("-m", "gdbatch")
# drawing takes seconds, and most tests of the command are not about figures; their sweeps are also
# too short to be worth the workers that they ask for
WITHOUT_FIGURES = (
    "-c",
    "import gdbatch.api as api; api.Run.save_figures = lambda *_, **__: []; "
    "import gdbatch.run.runner as runner; runner._WORTH_WORKERS = 0; "
    "from gdbatch.__main__ import main; main()",
)
_TERMINAL_VARIABLES = ("FORCE_COLOR", "PY_COLORS", "NO_COLOR", "GITHUB_ACTIONS", "TERMINAL_WIDTH")


# sweeps ------------------------------------------------------------------------------------


def structured(changes: Mapping[str, Any] | None = None, **tables: Any) -> dict[str, Any]:
    """Four shards, each with its own structure, trained in a fraction of a second."""
    axes = {
        "problem.bias": [False, True],
        "problem.derivative_at": ["sop", "prediction"],
        "learning_rate": [1.0, 100.0, 1000.0],
        "seed": {"count": 4},
    }
    return document({"axes": axes, "record.final_parameters": True, **(changes or {})}, **tables)


def slow() -> dict[str, Any]:
    """Two quick shards and eight that take a moment each, so that something can happen between."""
    axes = {"train.max_steps": [5, 6, *range(12_000, 12_008)], "learning_rate": [0.1]}
    return document({"axes": axes}, train={}, record={"every": 4000})


def sweep_in(path: Path, source: Any = None, **options: Any) -> Run:
    """A run of the structured sweep, or of another, in this process and without figures."""
    options = {"jobs": 1, "figures": False} | options
    run = run_sweep(structured() if source is None else source, out=path, **options)
    assert run.totals is not None and run.totals.failures == []
    return run


def write_sweep(path: Path, source: Mapping[str, Any]) -> Path:
    """A document as a sweep file."""
    path.write_text("".join(f"{key} = {_toml(value)}\n" for key, value in source.items()))
    return path


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)} = {_toml(inner)}" for key, inner in value.items())
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    return json.dumps(value)


# kills -------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands in for `kill -9`."""


def killed_at(monkeypatch: pytest.MonkeyPatch, target: str, work: Callable[[], object]) -> None:
    """Do some work until a file would get its final name, and nothing on the disk after that.

    Fails where no file of that name is ever put in place.
    """

    def dead(*_: Any, **__: Any) -> None:
        raise Killed

    def or_die(usual: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
        def put_in_place(source: Path, place: Path) -> None:
            if not str(place).endswith(target):
                usual(source, place)
                return
            for name in ("link", "replace", "rename", "unlink", "remove", "rmdir"):
                patched.setattr(os, name, dead)
            raise Killed

        return put_in_place

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", or_die(os.replace))
        patched.setattr(os, "link", or_die(os.link))
        patched.setattr(os, "getpid", lambda: 2**22 + 1)  # a process that no longer exists later
        with pytest.raises(Killed):
            work()


# files -------------------------------------------------------------------------------------


def parts_of(path: Path) -> dict[str, bytes]:
    """The bytes of every file under trials/ and trajectories/."""
    return {
        str(file.relative_to(path)): file.read_bytes()
        for kind in ("trials", "trajectories")
        for file in sorted((path / kind).glob("*"))
    }


def check_that_bytes_do_not_depend_on_who_trains(
    monkeypatch: pytest.MonkeyPatch, folder: Path, source: Mapping[str, Any]
) -> dict[str, bytes]:
    """Run a sweep of two shards at once, killed after the first and resumed, and by two workers.

    Returns the bytes, which are the same each time.
    """
    whole = parts_of(sweep_in(folder / "whole", source).path)
    part = "trials/part-000000000001.parquet"
    killed_at(monkeypatch, part, lambda: sweep_in(folder / "killed", source))
    totals = sweep_in(folder / "killed", source).totals
    assert totals is not None and (totals.kept_shards, totals.computed_shards) == (1, 1)
    assert parts_of(folder / "killed") == whole
    monkeypatch.setattr(runner, "_WORTH_WORKERS", 0)
    assert sweep_in(folder / "two", source, jobs=2).manifest["workers"] == 2
    assert parts_of(folder / "two") == whole
    return whole


def everything_in(path: Path) -> dict[str, tuple[bytes, int]]:
    """The bytes and the modification time of every file."""
    return {
        str(file.relative_to(path)): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


# the command -------------------------------------------------------------------------------


def command(*arguments: str | Path) -> Result:
    """The command in this process; fails if it raises an exception."""
    result = CliRunner().invoke(
        application(), [str(one) for one in arguments], env={"COLUMNS": "100"}
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "this is a bug" not in result.stderr
    return result


def environment(**variables: str) -> dict[str, str]:
    """This environment, without variables that change the output to a terminal."""
    kept = {name: value for name, value in os.environ.items() if name not in _TERMINAL_VARIABLES}
    return kept | {"COLUMNS": "100"} | variables


def process(*arguments: str | Path, cwd: Path, how: tuple[str, ...] = MODULE) -> Any:
    """The finished command, run in its own process."""
    return subprocess.run(
        [sys.executable, *how, *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def start(*arguments: str | Path, cwd: Path) -> subprocess.Popen[str]:
    """The command as a process that leads its own group; it draws no figures."""
    return subprocess.Popen(
        [sys.executable, *WITHOUT_FIGURES, *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(happened: Callable[[], object], seconds: float = 60) -> None:
    """Wait for a condition, a few milliseconds at a time."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.003)


def finished_parts(path: Path) -> list[Path]:
    """The parts of `trials` that have their final names."""
    return sorted((path / "trials").glob("part-*.parquet"))


def message(stderr: str) -> str:
    """The only line that was printed; fails if there are more."""
    (line,) = [line for line in stderr.splitlines() if line.strip()]
    return line


def workers_of(process: int) -> list[int]:
    """The worker processes that a sweep has started."""
    workers = []
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        with contextlib.suppress(OSError):  # it ended as we looked
            if b"popen_loky" in Path(f"/proc/{child}/cmdline").read_bytes():
                workers.append(int(child))
    return workers


def members_of(group: int) -> list[int]:
    """The processes of a group that are still alive."""
    members = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it ended as we looked
            state, _, its_group = status.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                members.append(int(status.parent.name))
    return members
