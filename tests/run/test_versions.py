"""Runs written by another version, with another cut or with other columns.

No row is lost or counted twice, and a run that cannot be resumed is refused and not changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from gdbatch import registry
from gdbatch.api import Run, load_run
from gdbatch.errors import RunError, UsageError
from gdbatch.plan import Plan
from gdbatch.plan.cut import Cut
from gdbatch.run import columns
from gdbatch.run.columns import Column, Rows, Values
from gdbatch.run.directory import RunDirectory
from gdbatch.sweep_file import read_sweep
from tests.documents import document
from tests.run.helpers import command, everything_in, message, parts_of, structured, sweep_in

OLD = Path(__file__).parent / "fixtures" / "version_0_1_0"
ROWS = {"grid": 48, "bisection": 24, "map": None}


# runs of version 0.1.0 -----------------------------------------------------------------------


@pytest.fixture(params=ROWS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A run that version 0.1.0 wrote."""
    return Path(shutil.copytree(OLD / request.param, tmp_path / request.param))


def raw(path: Path, kind: str) -> pd.DataFrame:
    return pd.concat(
        [pd.read_parquet(part) for part in sorted((path / kind).iterdir())], ignore_index=True
    )


def test_every_row_of_an_old_run_is_loaded(old: Path) -> None:
    before = everything_in(old)
    run = load_run(old)
    assert len(run.trials()) == (ROWS[old.name] or len(raw(old, "trials")))
    pd.testing.assert_frame_equal(run.trials(), raw(old, "trials"), check_categorical=False)
    pd.testing.assert_frame_equal(run.trajectories(), raw(old, "trajectories"))
    completeness = run.directory.completeness()
    assert completeness.is_complete and completeness.strays == ()
    assert everything_in(old) == before


def test_the_summary_of_an_old_run_has_the_same_counts(old: Path) -> None:
    written, found = pd.read_csv(old / "summary.csv"), load_run(old).summary
    counts = {"trials", "searches", "converged", "diverged", "stalled", "unfinished"}
    shared = [
        name for name in written if name in found and name in counts | set(load_run(old).axes)
    ]
    assert len(shared) >= 3
    pd.testing.assert_frame_equal(written[shared], found[shared], check_dtype=False)
    assert found["trials"].sum() == len(load_run(old).trials())


def test_an_old_run_is_summarised_and_plotted_by_the_commands(old: Path) -> None:
    result = command("summary", old)
    assert result.exit_code == 0 and result.stdout
    before = everything_in(old)
    result = command("plot", old)
    assert result.exit_code == 0 and result.stdout.count(".png") >= 1
    assert before.items() <= everything_in(old).items()
    assert len(load_run(old).trials())


def test_a_missing_part_of_an_old_run_is_counted(old: Path) -> None:
    (old / "trials" / "part-000001.parquet").unlink()
    promised = 4 if old.name == "grid" else 2
    assert str(RunDirectory(old).completeness()) == f"{promised - 1} of {promised} shards"


def test_a_damaged_part_of_an_old_run_is_reported(old: Path) -> None:
    part = old / "trials" / "part-000001.parquet"
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    with pytest.raises(RunError, match="part-000001"):
        load_run(old).trials()


def test_an_old_run_is_not_resumed_and_keeps_every_byte(old: Path) -> None:
    before = everything_in(old)
    result = command("sweep", OLD / f"{old.name}.toml", "-o", old, "-j", "1")
    assert result.exit_code == 2
    said = message(result.stderr)
    assert "gdbatch 0.1.0" in said and "-o" in said and "--fresh" in said
    assert everything_in(old) == before


def test_an_old_run_can_be_replaced(old: Path) -> None:
    (old / "trials.csv").write_text("mine")
    source = OLD / f"{old.name}.toml"
    run = sweep_in(old, str(source), fresh=True)
    assert all(len(path.name) == len("part-000000000000.parquet")
               for path in old.glob("tr*/part-*"))  # fmt: skip
    assert parts_of(old) == parts_of(sweep_in(old.parent / "new", str(source)).path)
    assert run.directory.completeness().is_complete
    assert (old / "trials.csv").read_text() == "mine"


# runs with another cut -----------------------------------------------------------------------

SWEEP = document({"axes": {"seed": {"count": 6}, "learning_rate": [1.0, 100.0]}})
CUT = Cut(((1, ((2, 5), (1, 2))),))


@pytest.fixture
def other_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose writer cut the plan into three shards; the current code makes one."""
    with monkeypatch.context() as patched:
        patched.setattr(Plan, "cut", CUT)
        path = sweep_in(tmp_path / "run", SWEEP).path
    assert len(list((path / "trials").iterdir())) == 3
    assert Plan(read_sweep(SWEEP)).cut != CUT
    return path


def test_a_resume_follows_the_cut_of_the_run(other_cut: Path) -> None:
    before = parts_of(other_cut)
    totals = sweep_in(other_cut, SWEEP).totals
    assert totals is not None
    assert (totals.computed_shards, totals.kept_shards, totals.trials) == (0, 3, 12)
    (other_cut / "trials" / "part-000000000001.parquet").unlink()
    run = sweep_in(other_cut, SWEEP)
    assert run.totals is not None
    assert (run.totals.computed_shards, run.totals.kept_shards, run.totals.trials) == (1, 2, 12)
    assert parts_of(other_cut) == before
    assert run.trials()["trial"].tolist() == list(range(12))


def test_another_cut_gives_the_same_rows(other_cut: Path, tmp_path: Path) -> None:
    today = sweep_in(tmp_path / "today", SWEEP)
    pd.testing.assert_frame_equal(load_run(other_cut).trials(), today.trials())
    pd.testing.assert_frame_equal(load_run(other_cut).trajectories(), today.trajectories())


def test_a_part_of_another_cut_is_neither_loaded_nor_overwritten(
    other_cut: Path, tmp_path: Path
) -> None:
    today = sweep_in(tmp_path / "today", SWEEP).path
    name = "trials/part-000000000000.parquet"
    shutil.copy(today / name, other_cut / name)
    before = parts_of(other_cut)
    with pytest.raises(RunError, match="does not belong there"):
        load_run(other_cut).trials()
    with pytest.raises(UsageError, match="does not belong there"):
        sweep_in(other_cut, SWEEP)
    assert parts_of(other_cut) == before


def test_parts_beyond_the_cut_are_ignored_and_kept(other_cut: Path, tmp_path: Path) -> None:
    today = sweep_in(tmp_path / "today", SWEEP).path
    shutil.copy(other_cut / "trials/part-000000000002.parquet", today / "trials")
    run = sweep_in(today, SWEEP)
    assert run.trials()["trial"].tolist() == list(range(12))
    (stray,) = run.directory.completeness().strays
    assert "part-000000000002.parquet is not part of this run" in stray
    assert (today / "trials/part-000000000002.parquet").exists()


def test_a_lost_manifest_is_not_rebuilt_with_another_cut(other_cut: Path) -> None:
    (other_cut / "manifest.json").unlink()
    before = everything_in(other_cut)
    with pytest.raises(UsageError, match="cannot be rebuilt"):
        sweep_in(other_cut, SWEEP)
    assert everything_in(other_cut) == before


# manifests -----------------------------------------------------------------------------------


def rewritten(path: Path, change: Callable[[dict[str, Any]], object], seal: bool = True) -> None:
    """Change the manifest of a run, by default with the right checksum."""
    data = json.loads((path / "manifest.json").read_text())
    change(data)
    if seal:
        rest = {name: value for name, value in data.items() if name != "checksum"}
        data["checksum"] = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
    (path / "manifest.json").write_text(json.dumps(data))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sweep_in(tmp_path_factory.mktemp("sound") / "run").path


@pytest.fixture
def path(tmp_path: Path, sound: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "run"))


NEWER = {
    "version": lambda data: data.update(gdbatch="99.0.0"),
    "format": lambda data: data.update(format=99),
    "format, with other keys": lambda data: (data.update(format=99), data.pop("cut")),
}


@pytest.mark.parametrize("change", NEWER.values(), ids=NEWER)
@pytest.mark.parametrize("seal", [True, False])
def test_a_run_of_a_newer_version_is_refused(
    path: Path, change: Callable[[dict[str, Any]], object], seal: bool
) -> None:
    rewritten(path, change, seal)
    before = everything_in(path)
    works: list[Callable[[], object]] = [
        lambda: load_run(path),
        lambda: sweep_in(path),
        lambda: sweep_in(path, fresh=True),
    ]
    for work in works:
        with pytest.raises(UsageError, match="newer than this one"):
            work()
    assert everything_in(path) == before


DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no axes": lambda data: data.update(axes=[]),
    "a text for a number": lambda data: data.update(trials="48"),
    "no shards": lambda data: data.pop("shards"),
    "no facts": lambda data: data.update(facts=None),
    "no targets": lambda data: data["facts"].pop("targets"),
    "a number for a table": lambda data: data["sweep"].update(train=3),
    "no stop": lambda data: data["sweep"]["train"].pop("stop"),
    "no name": lambda data: data["sweep"].pop("name"),
    "an axis without a key": lambda data: data["sweep"]["axes"][0][0].pop("key"),
    "no cut": lambda data: data.pop("cut"),
    "another cut": lambda data: data.update(cut=[[4, 11]]),
    "a cut of nothing": lambda data: data.update(cut=[[4, 0]]),
    "a path in derived": lambda data: data.update(derived=["../notes.txt"]),
    "an absolute path": lambda data: data.update(derived=["/etc/hosts"]),
}


@pytest.mark.parametrize("seal", [True, False])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_manifest_is_refused_and_rebuilt(
    path: Path, sound: Path, damage: Callable[[dict[str, Any]], object], seal: bool
) -> None:
    rewritten(path, damage, seal)
    with pytest.raises(UsageError, match=r"manifest\.json is damaged"):
        load_run(path)
    totals = sweep_in(path).totals
    assert totals is not None and totals.kept_shards == 4
    assert load_run(path).manifest["facts"] == load_run(sound).manifest["facts"]


def test_every_changed_bit_of_a_manifest_is_found(path: Path) -> None:
    manifest = path / "manifest.json"
    written = manifest.read_bytes()
    before = load_run(path).manifest
    for place in range(0, len(written), 7):
        damaged = bytearray(written)
        damaged[place] ^= 1 << (place % 7)
        manifest.write_bytes(damaged)
        with contextlib.suppress(UsageError):
            assert load_run(path).manifest == before  # white space has changed


def test_the_error_says_how_to_repair_a_damaged_manifest(path: Path) -> None:
    (path / "manifest.json").write_text("{")
    result = command("summary", path)
    assert result.exit_code == 2
    assert "run the sweep again to rebuild it" in message(result.stderr)


# decisions of the first writer -----------------------------------------------------------------


class OutsideRatio(Column):
    """The final loss as a share of the initial one."""

    place, type = 1000, pa.float64()

    def values(self, rows: Rows) -> Values:
        return np.asarray(rows.results.final_loss / rows.results.initial_loss)


@pytest.fixture
def with_own_column(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The column `outside_ratio`, as from a plug-in."""
    family = dict(registry.family("column")) | {"outside_ratio": OutsideRatio}
    monkeypatch.setattr(registry, "family", lambda name: family)
    columns.registered.cache_clear()
    columns.registered()
    monkeypatch.undo()
    return monkeypatch


@pytest.fixture(autouse=True)
def _without_plug_ins() -> Any:
    yield
    columns.registered.cache_clear()


def test_a_plug_in_column_is_in_the_trials_of_every_sweep(
    tmp_path: Path, with_own_column: pytest.MonkeyPatch
) -> None:
    run = sweep_in(tmp_path / "run")
    assert list(run.trials())[-1] == "outside_ratio"
    expected = run.trials()["final_loss"] / run.trials()["initial_loss"]
    pd.testing.assert_series_equal(run.trials()["outside_ratio"], expected, check_names=False)
    assert run.manifest["columns"]["outside_ratio"] == "double"


def test_a_resume_with_other_columns_is_refused_by_name(
    tmp_path: Path, with_own_column: pytest.MonkeyPatch
) -> None:
    path = sweep_in(tmp_path / "run").path
    columns.registered.cache_clear()
    before = everything_in(path)
    with pytest.raises(UsageError, match="this installation does not define: outside_ratio"):
        sweep_in(path)
    assert everything_in(path) == before
    assert "outside_ratio" in load_run(path).trials()


def test_a_new_column_does_not_change_a_run(path: Path, with_own_column: object) -> None:
    before = everything_in(path)
    with pytest.raises(
        UsageError, match="lacks columns that this installation defines: outside_ratio"
    ):
        sweep_in(path)
    assert everything_in(path) == before


def test_only_a_machine_with_the_same_vector_instructions_resumes_a_run(path: Path) -> None:
    rewritten(path, lambda data: data.update(simd="AVX1024"))
    totals = sweep_in(path).totals  # nothing is left to train
    assert totals is not None and totals.kept_shards == 4
    (path / "trials" / "part-000000000002.parquet").unlink()
    with pytest.raises(UsageError, match="AVX1024"):
        sweep_in(path)


def test_one_of_two_plans_that_start_at_once_is_refused(tmp_path: Path) -> None:
    other = structured({"axes.learning_rate": [1.0, 100.0, 1001.0]})
    plans = [Plan(read_sweep(source)) for source in (structured(), other)]
    for number in range(20):
        barrier, refused = threading.Barrier(2), []

        def start(plan: Plan, path: Path = tmp_path / str(number)) -> None:
            barrier.wait()  # noqa: B023
            try:
                RunDirectory(path).prepare(plan, False)
            except UsageError as error:
                refused.append(str(error))  # noqa: B023

        threads = [threading.Thread(target=start, args=(plan,)) for plan in plans]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (said,) = refused
        assert "another plan" in said


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    run = sweep_in(Path("~/run"), document())
    assert run.path == tmp_path / "home" / "run"
    assert isinstance(load_run("~/run"), Run)
    assert not (tmp_path / "~").exists()
