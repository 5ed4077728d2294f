"""The same sweep gives the same bytes, for any workers and after any number of interruptions.

Also which changes make it another sweep, and which do not.
"""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gdbatch.api import Run, load_run
from gdbatch.errors import UsageError
from gdbatch.run import runner
from gdbatch.run.directory import part_name
from tests.documents import document
from tests.run.helpers import (
    everything_in,
    finished_parts,
    killed_at,
    parts_of,
    slow,
    start,
    structured,
    sweep_in,
    wait_until,
    write_sweep,
)

Bytes = dict[str, bytes]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Bytes:
    """The parts of the structured sweep, trained at once by one process."""
    return parts_of(sweep_in(tmp_path_factory.mktemp("whole") / "run").path)


def test_there_are_bytes_to_compare(whole: Bytes) -> None:
    assert len(whole) == 8
    assert len(set(whole.values())) == 8


# workers -----------------------------------------------------------------------------------


def test_a_second_run_gives_the_same_bytes(tmp_path: Path, whole: Bytes) -> None:
    assert parts_of(sweep_in(tmp_path / "other" / "run").path) == whole


def test_two_workers_give_the_same_bytes_also_when_called_from_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Bytes
) -> None:
    monkeypatch.setattr(runner, "_WORTH_WORKERS", 0)
    runs: list[Run] = []
    thread = threading.Thread(target=lambda: runs.append(sweep_in(tmp_path / "run", jobs=2)))
    thread.start()
    thread.join()
    (run,) = runs
    assert run.totals is not None and run.totals.computed_shards == 4
    assert run.manifest["workers"] == 2
    assert parts_of(run.path) == whole


# interruptions and resumes -----------------------------------------------------------------

LOST = {
    "the first trials part": [("trials", 0)],
    "the last trials part": [("trials", 3)],
    "a trajectories part": [("trajectories", 1)],
    "both parts of a shard": [("trials", 2), ("trajectories", 2)],
    "parts of two shards": [("trials", 0), ("trajectories", 3)],
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_only_lost_parts_are_trained_again_and_to_the_same_bytes(
    tmp_path: Path, whole: Bytes, lost: list[tuple[str, int]]
) -> None:
    path = sweep_in(tmp_path / "run").path
    for kind, shard in lost:
        (path / part_name(kind, shard)).unlink()
    totals = sweep_in(path).totals
    assert totals is not None
    shards = {shard for _, shard in lost}
    assert (totals.computed_shards, totals.kept_shards) == (len(shards), 4 - len(shards))
    assert totals.trials == 48
    assert parts_of(path) == whole


@pytest.mark.parametrize("kind", ["trials", "trajectories"])
def test_a_lost_folder_is_restored_with_the_same_bytes(
    tmp_path: Path, whole: Bytes, kind: str
) -> None:
    path = sweep_in(tmp_path / "run").path
    shutil.rmtree(path / kind)
    sweep_in(path)
    assert parts_of(path) == whole


RENAMES = [
    "manifest.json",
    "trajectories/part-000000000000.parquet",
    "trials/part-000000000000.parquet",
    "trajectories/part-000000000002.parquet",
    "trials/part-000000000003.parquet",
    "summary.csv",
]


@pytest.mark.parametrize("name", RENAMES)
def test_a_run_killed_before_any_file_is_complete_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Bytes, name: str
) -> None:
    path = tmp_path / "run"
    killed_at(monkeypatch, name, lambda: sweep_in(path))
    stood = [*path.glob("trials/part-*"), *path.glob("trajectories/part-*")]
    assert all(part.read_bytes() == whole[str(part.relative_to(path))] for part in stood)
    run = sweep_in(path)
    assert parts_of(path) == whole
    assert len(run.trials()) == 48


def test_a_run_ended_by_kill_9_resumes_to_the_same_bytes(tmp_path: Path, slow_parts: Bytes) -> None:
    write_sweep(tmp_path / "slow.toml", slow())
    process = start("sweep", "slow.toml", "-o", "run", "-j", "2", cwd=tmp_path)
    wait_until(lambda: finished_parts(tmp_path / "run"))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    stood = {path.name: path.read_bytes() for path in finished_parts(tmp_path / "run")}
    assert 0 < len(stood) < 10
    assert all(slow_parts[f"trials/{name}"] == written for name, written in stood.items())
    assert len(load_run(tmp_path / "run").trials()) == len(stood)
    totals = sweep_in(tmp_path / "run", slow()).totals
    assert totals is not None and totals.kept_shards == len(stood)
    assert parts_of(tmp_path / "run") == slow_parts


def test_a_fresh_run_gives_the_same_bytes(tmp_path: Path, whole: Bytes) -> None:
    path = sweep_in(tmp_path / "run").path
    totals = sweep_in(path, fresh=True).totals
    assert totals is not None and totals.computed_shards == 4
    assert parts_of(path) == whole


# changes that make another sweep -----------------------------------------------------------

SAME: dict[str, dict[str, Any]] = {
    "another name": {"name": "other"},
    "another description": {"description": "Other words."},
    "a default written out": {"problem.loss": "squared_error", "entropy": 0},
}


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME)
def test_names_and_descriptions_change_no_byte_and_allow_a_resume(
    tmp_path: Path, whole: Bytes, changes: dict[str, Any]
) -> None:
    assert parts_of(sweep_in(tmp_path / "new", structured(changes)).path) == whole
    path = sweep_in(tmp_path / "run").path
    totals = sweep_in(path, structured(changes)).totals
    assert totals is not None and (totals.computed_shards, totals.kept_shards) == (0, 4)


OTHER: dict[str, dict[str, Any]] = {
    "a learning rate": {"axes.learning_rate": [1.0, 100.0, 1001.0]},
    "more seeds": {"axes.seed": {"count": 5}},
    "no final parameters": {"record.final_parameters": False},
}


@pytest.mark.parametrize("changes", OTHER.values(), ids=OTHER)
def test_other_values_are_another_plan_with_other_bytes(
    tmp_path: Path, whole: Bytes, changes: dict[str, Any]
) -> None:
    first = sweep_in(tmp_path / "run")
    other = sweep_in(tmp_path / "other", structured(changes))
    assert other.manifest["plan_hash"] != first.manifest["plan_hash"]
    assert not set(parts_of(other.path).values()) & set(whole.values())
    with pytest.raises(UsageError, match="another plan"):
        sweep_in(tmp_path / "run", structured(changes))


def test_another_recording_keeps_the_trials_and_trains_again(tmp_path: Path, whole: Bytes) -> None:
    path = sweep_in(tmp_path / "run").path
    run = sweep_in(path, structured({"record.every": 7}))
    again = parts_of(path)
    for name, written in whole.items():
        assert (again[name] == written) is name.startswith("trials/")
    ends = run.trials().set_index("trial")["steps"][run.trajectories()["trial"]].to_numpy()
    assert ((run.trajectories()["step"] % 7 == 0) | (run.trajectories()["step"] == ends)).all()
    sweep_in(path)
    assert parts_of(path) == whole


@pytest.fixture
def of_data(tmp_path: Path) -> Callable[[str, str], dict[str, Any]]:
    """A sweep of a data file with some text in it."""

    def source(name: str, text: str) -> dict[str, Any]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        return document(
            {"problem": {"kind": "network", "layers": [1, 1], "data": str(tmp_path / name)}}
        )

    return source


def test_a_data_file_under_another_name_is_the_same_sweep(
    tmp_path: Path, of_data: Callable[[str, str], dict[str, Any]]
) -> None:
    first = sweep_in(tmp_path / "run", of_data("a.csv", "0.1,0.3\n0.2,0.4\n"))
    before = parts_of(first.path)
    other = of_data("elsewhere/b.csv", "0.1,0.3\n0.2,0.4\n")
    again = sweep_in(tmp_path / "run", other)
    assert again.totals is not None and again.totals.kept_shards == 1
    assert parts_of(sweep_in(tmp_path / "new", other).path) == before


def test_a_data_file_with_other_content_is_another_sweep(
    tmp_path: Path, of_data: Callable[[str, str], dict[str, Any]]
) -> None:
    sweep_in(tmp_path / "run", of_data("a.csv", "0.1,0.3\n0.2,0.4\n"))
    before = everything_in(tmp_path / "run")
    with pytest.raises(UsageError, match="another plan"):
        sweep_in(tmp_path / "run", of_data("a.csv", "0.1,0.3\n0.2,0.5\n"))
    assert everything_in(tmp_path / "run") == before
