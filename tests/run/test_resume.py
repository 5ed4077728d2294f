"""A sweep into a directory that is not empty: resumes, refuses, replaces or cleans up.

Files that gdbatch did not write are never touched.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gdbatch.api import Run, load_run
from gdbatch.errors import UsageError
from gdbatch.plan import Plan
from gdbatch.run.directory import RunDirectory
from gdbatch.sweep_file import read_sweep
from tests.run.helpers import (
    command,
    everything_in,
    killed_at,
    message,
    parts_of,
    structured,
    sweep_in,
    write_sweep,
)

OTHER = structured({"axes.learning_rate": [1.0, 100.0, 1001.0]})


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of commands, with the structured sweep and another; no figures."""
    write_sweep(tmp_path / "sweep.toml", structured())
    write_sweep(tmp_path / "other.toml", OTHER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Run, "save_figures", lambda *_, **__: [])
    return tmp_path


def hidden_in(path: Path) -> list[str]:
    return [str(file.relative_to(path)) for file in path.rglob(".*")]


# resuming ----------------------------------------------------------------------------------


def test_a_finished_run_is_kept_unchanged(tmp_path: Path) -> None:
    path = sweep_in(tmp_path / "run").path
    before = everything_in(path)
    totals = sweep_in(path).totals
    assert totals is not None
    assert (totals.computed_shards, totals.kept_shards, totals.trials) == (0, 4, 48)
    after = everything_in(path)
    for name in before:
        if name.startswith(("trials/", "trajectories/")):
            assert after[name] == before[name]
    assert set(after) == set(before)


def test_a_resume_reports_kept_and_computed_shards(in_folder: Path) -> None:
    command("sweep", "sweep.toml", "-o", "run", "-j", "1")
    (in_folder / "run" / "trials" / "part-000000000002.parquet").unlink()
    result = command("sweep", "sweep.toml", "-o", "run", "-j", "1")
    assert result.exit_code == 0
    assert "3 shards kept" in result.stderr
    assert "48 trials" in result.stderr
    totals = json.loads((in_folder / "run" / "manifest.json").read_text())["totals"]
    assert (totals["shards_computed"], totals["shards_kept"]) == (1, 3)
    for number in range(3):
        (in_folder / "run" / "trials" / f"part-{number:012d}.parquet").unlink()
    assert "(1 shard kept)" in command("sweep", "sweep.toml", "-o", "run", "-j", "1").stderr


def test_an_empty_directory_is_filled(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert len(sweep_in(tmp_path / "run").trials()) == 48


def test_parent_directories_are_created(tmp_path: Path) -> None:
    assert len(sweep_in(tmp_path / "not" / "yet" / "there").trials()) == 48


# refusing ----------------------------------------------------------------------------------


def test_the_run_of_another_plan_is_refused_and_not_touched(in_folder: Path) -> None:
    sweep_in(in_folder / "run")
    before = everything_in(in_folder / "run")
    result = command("sweep", "other.toml", "-o", "run")
    assert result.exit_code == 2
    assert result.stdout == ""
    said = message(result.stderr)
    assert "another plan (axes.learning_rate: [1.0, 100.0, 1000.0] → " in said
    assert "--fresh" in result.stderr
    assert everything_in(in_folder / "run") == before
    with pytest.raises(UsageError, match="another plan"):
        sweep_in(in_folder / "run", OTHER)


@pytest.mark.parametrize("fresh", [[], ["--fresh"]], ids=["plain", "fresh"])
def test_a_directory_without_a_run_is_refused_and_not_touched(
    in_folder: Path, fresh: list[str]
) -> None:
    (in_folder / "thesis" / "trials").mkdir(parents=True)
    (in_folder / "thesis" / "chapter.txt").write_text("Learning rates.")
    before = everything_in(in_folder / "thesis")
    result = command("sweep", "sweep.toml", "-o", "thesis", *fresh)
    assert result.exit_code == 2
    assert "thesis" in result.stderr and "no run" in result.stderr
    assert everything_in(in_folder / "thesis") == before


@pytest.mark.parametrize("fresh", [[], ["--fresh"]], ids=["plain", "fresh"])
def test_a_manifest_of_another_program_is_not_a_run(in_folder: Path, fresh: list[str]) -> None:
    """Many programs, such as web extensions, have a manifest.json beside their folders."""
    (in_folder / "extension" / "figures").mkdir(parents=True)
    (in_folder / "extension" / "manifest.json").write_text('{"manifest_version": 3}')
    (in_folder / "extension" / "figures" / "icon.svg").write_text("<svg/>")
    before = everything_in(in_folder / "extension")
    result = command("sweep", "sweep.toml", "-o", "extension", *fresh)
    assert result.exit_code == 2
    assert "manifest.json" in result.stderr
    assert everything_in(in_folder / "extension") == before


BROKEN = [
    "",
    "{",
    "[]",
    '{"plan_hash"',
    "\x00\x01",
    '{"plan_hash": "?"}',
    '{"manifest_version": 3}',
]


@pytest.mark.parametrize("text", BROKEN)
def test_a_damaged_manifest_is_rebuilt_by_the_same_sweep(in_folder: Path, text: str) -> None:
    path = sweep_in(in_folder / "run").path
    before = parts_of(path)
    (path / "manifest.json").write_text(text)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"run/manifest\.json"):
            load_run(path)
    result = command("sweep", "other.toml", "-o", "run")
    assert result.exit_code == 2
    assert "run/manifest.json" in result.stderr and "cannot be rebuilt" in message(result.stderr)
    totals = sweep_in(path).totals
    assert totals is not None and (totals.computed_shards, totals.kept_shards) == (0, 4)
    assert parts_of(path) == before
    assert len(load_run(path).trials()) == 48


def test_a_missing_manifest_is_rebuilt(tmp_path: Path) -> None:
    path = sweep_in(tmp_path / "run").path
    (path / "manifest.json").unlink()
    totals = sweep_in(path).totals
    assert totals is not None and totals.kept_shards == 4


def test_fresh_replaces_a_run_without_a_manifest(tmp_path: Path) -> None:
    path = sweep_in(tmp_path / "run", OTHER).path
    (path / "manifest.json").unlink()
    assert len(sweep_in(path, fresh=True).trials()) == 48


def test_a_path_that_is_a_file_is_refused_and_not_touched(in_folder: Path) -> None:
    (in_folder / "run").write_text("notes")
    for fresh in ([], ["--fresh"]):
        result = command("sweep", "sweep.toml", "-o", "run", *fresh)
        assert result.exit_code == 2
        assert message(result.stderr) == "error: run is a file; the run needs a directory"
    assert (in_folder / "run").read_text() == "notes"


def test_a_path_below_a_file_is_refused_in_one_message(in_folder: Path) -> None:
    (in_folder / "notes").write_text("notes")
    result = command("sweep", "sweep.toml", "-o", "notes/run")
    assert result.exit_code in (1, 2)
    assert message(result.stderr).startswith("error: ")
    assert (in_folder / "notes").read_text() == "notes"


def test_a_run_is_recognised_by_its_manifest(tmp_path: Path) -> None:
    path = sweep_in(tmp_path / "run").path
    assert RunDirectory(path).manifest()["trials"] == 48
    (path / "manifest.json").unlink()
    with pytest.raises(UsageError, match=r"is not a run: it has no manifest\.json"):
        load_run(path)


# replacing ---------------------------------------------------------------------------------


def test_fresh_replaces_the_run_of_another_plan(in_folder: Path) -> None:
    path = sweep_in(in_folder / "run", OTHER).path
    part = path / "trials" / "part-000000000003.parquet"
    shutil.copy(part, path / "trials" / "part-000000000004.parquet")
    result = command("sweep", "sweep.toml", "-o", "run", "-j", "1", "--fresh")
    assert result.exit_code == 0
    assert parts_of(path) == parts_of(sweep_in(in_folder / "new").path)
    assert load_run(path).manifest["plan_hash"] == Plan(read_sweep(structured())).hash


def test_fresh_leaves_nothing_of_the_old_run(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run")
    old = ["trials.csv", "report.html", "figures/loss.svg", "figures/loss.png"]
    for name in old:
        run.directory.put_derived(name, [b"of the old plan"])
    sweep_in(run.path, OTHER, fresh=True)
    assert not [name for name in old if (run.path / name).exists()]


FOREIGN = ["notes.txt", "figures/mine.png", "trials/README", "scripts/plot.py", ".git/config",
           "report.html", "trials.csv", "trials/part-of-mine.parquet"]  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_fresh_keeps_files_that_gdbatch_did_not_write(tmp_path: Path, name: str) -> None:
    path = sweep_in(tmp_path / "run").path
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).write_text("mine")
    sweep_in(path, OTHER, fresh=True)
    assert (path / name).is_file() and (path / name).read_text() == "mine"


@pytest.mark.parametrize("name", FOREIGN)
def test_a_resume_keeps_files_that_gdbatch_did_not_write(tmp_path: Path, name: str) -> None:
    path = sweep_in(tmp_path / "run").path
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).write_text("mine")
    (path / "trials" / "part-000000000000.parquet").unlink()
    sweep_in(path)
    assert (path / name).read_text() == "mine"


def test_a_killed_fresh_run_is_not_mistaken_for_the_old_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sweep_in(tmp_path / "run", OTHER).path
    killed_at(
        monkeypatch,
        "trials/part-000000000001.parquet",
        lambda: sweep_in(path, structured(), fresh=True),
    )
    assert len(load_run(path).trials()) == 12
    totals = sweep_in(path).totals
    assert totals is not None and totals.kept_shards == 1


# cleaning up -------------------------------------------------------------------------------

LEFT = [
    "trials/part-000000000001.parquet",
    "trajectories/part-000000000001.parquet",
    "manifest.json",
    "summary.csv",
]


@pytest.mark.parametrize("name", LEFT)
def test_a_resume_clears_the_temporary_file_that_a_kill_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = sweep_in(tmp_path / "run").path
    if name.startswith("tr"):
        (path / "trials" / "part-000000000001.parquet").unlink()
    killed_at(monkeypatch, name, lambda: sweep_in(path))
    assert hidden_in(path)
    sweep_in(path)
    assert hidden_in(path) == []


def test_a_resume_clears_half_a_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = sweep_in(tmp_path / "run")
    figure = "figures/loss.svg"
    killed_at(monkeypatch, figure, lambda: run.directory.put_derived(figure, [b"<svg/>"]))
    assert hidden_in(run.path)
    sweep_in(run.path)
    assert hidden_in(run.path) == []


def test_old_temporary_files_of_other_machines_are_cleared(tmp_path: Path) -> None:
    """Whether a remote process is alive is unknown, but no write takes a day."""
    path = sweep_in(tmp_path / "run").path
    new = path / ".gdbatch-1-1-another-node~part-000000000000.parquet"
    old = path / ".gdbatch-2-2-another-node~part-000000000001.parquet"
    for file in (new, old):
        file.write_text("half")
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    sweep_in(path)
    assert hidden_in(path) == [new.name]


SECOND_WRITER = """\
import json, sys
from gdbatch.plan import Plan
from gdbatch.run.directory import RunDirectory
from gdbatch.sweep_file import read_sweep
RunDirectory(sys.argv[1]).prepare(Plan(read_sweep(json.loads(sys.argv[2]))), False)
"""


def test_a_second_writer_does_not_disturb_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any number of writers can work on one run, on several machines too."""
    path, replace, started = tmp_path / "run", os.replace, list[Path]()

    def replace_later(source: Path, target: Path) -> None:
        if Path(target).name == "part-000000000002.parquet" and not started:
            started.append(target)
            arguments = [sys.executable, "-c", SECOND_WRITER, str(path), json.dumps(structured())]
            subprocess.run(arguments, check=True)
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_later)
    assert len(sweep_in(path).trials()) == 48
    assert started
