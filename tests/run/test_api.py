"""The Python interface: `run_sweep`, `load_run` and `Run`.

The commands, which only parse and print, have their own tests.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import gdbatch
from gdbatch import errors, figures, registry
from gdbatch.analysis import EdgeAnswer, GridAnswer, MapAnswer, summarise
from gdbatch.api import Run, load_run, run_sweep
from gdbatch.engine import Results, Task
from gdbatch.errors import (
    FigureError,
    FigureWarning,
    GdbatchError,
    RunError,
    ShardError,
    SweepFileError,
    UsageError,
)
from gdbatch.figures import FigureData
from gdbatch.search import grid
from tests.documents import TEXT, document
from tests.run.helpers import (
    command,
    killed_at,
    parts_of,
    structured,
    sweep_in,
    write_sweep,
)

SHORT = ["train.max_steps = 20", "record.every = 10"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return sweep_in(tmp_path_factory.mktemp("runs") / "run", document())


# the names -----------------------------------------------------------------------------------


def test_the_package_exports_the_public_names() -> None:
    assert gdbatch.run_sweep is run_sweep
    assert gdbatch.load_run is load_run
    assert gdbatch.Run is Run
    assert gdbatch.GridAnswer is GridAnswer
    assert {"run_sweep", "load_run", "Run", "__version__"} <= set(dir(gdbatch))
    for name in dir(gdbatch):
        assert getattr(gdbatch, name) is not None
    with pytest.raises(AttributeError, match="sweep_run"):
        _ = gdbatch.sweep_run  # type: ignore[attr-defined]


def test_every_error_is_exported_and_drawn_in_the_tree() -> None:
    made = [
        one
        for one in vars(errors).values()
        if isinstance(one, type)
        and issubclass(one, Exception)
        and one.__module__ == errors.__name__
    ]
    assert len(made) > 8
    for one in made:
        assert getattr(gdbatch, one.__name__) is one
        assert f" {one.__name__} " in str(errors.__doc__)


def test_the_options_of_run_sweep_are_keyword_only() -> None:
    expected = {"out": None, "jobs": -1, "engine": None, "executor": "local", "fresh": False,
                "progress": False, "figures": False,
                "on_error": "raise"}  # fmt: skip
    first, *options = inspect.signature(run_sweep).parameters.values()
    found = {one.name: one.default for one in options}
    assert expected.items() <= found.items()
    assert {one.kind for one in options} == {inspect.Parameter.KEYWORD_ONLY}
    assert first.default is inspect.Parameter.empty


# sources -------------------------------------------------------------------------------------


def test_a_dict_and_a_file_of_it_give_the_same_run(tmp_path: Path) -> None:
    from_dict = sweep_in(tmp_path / "a", structured())
    path = write_sweep(tmp_path / "sweep.toml", structured())
    from_path = sweep_in(tmp_path / "b", path)
    from_text = sweep_in(tmp_path / "c", str(path))
    assert parts_of(from_dict.path) == parts_of(from_path.path) == parts_of(from_text.path)


def test_a_dict_is_not_modified(tmp_path: Path) -> None:
    source = structured()
    sweep_in(tmp_path / "run", source, overrides=["train.max_steps = 3"])
    assert source == structured()


def test_numpy_values_in_a_dict_are_values(tmp_path: Path) -> None:
    source = document({"axes.learning_rate": np.array([1.0, 10.0]), "axes.seed": range(2),
                       "train.max_steps": np.int64(5)})  # fmt: skip
    run = sweep_in(tmp_path / "run", source)
    assert run.trials()["learning_rate"].tolist() == [1.0, 10.0, 1.0, 10.0]


def test_a_shipped_sweep_runs_by_its_name_into_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = run_sweep("tutorial_claims", jobs=1, figures=False, overrides=SHORT)
    assert run.path == Path("results") / "tutorial_claims"
    assert (tmp_path / "results" / "tutorial_claims" / "manifest.json").is_file()
    assert run.name == "tutorial_claims"
    assert run.trials()["steps"].max() == 20
    assert len(run.trials()) == 6


def test_a_local_file_takes_precedence_over_a_shipped_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("xor").write_text(TEXT)
    assert sweep_in(tmp_path / "run", "xor").name == "small"


# runs ----------------------------------------------------------------------------------------


def test_a_run_shows_its_name_and_path(run: Run) -> None:
    assert run.name == "small"
    assert run.path.is_dir()
    assert run.axes == ["seed", "learning_rate"]
    assert repr(run) == f"<gdbatch.Run small: 12 trials in {run.path}>"
    assert run.totals is not None
    assert run.totals.trials == sum(run.totals.outcomes.values()) == 12
    assert run.totals.updates == run.trials()["steps"].sum()
    assert load_run(run.path).totals is None


TABLES: dict[str, Callable[[Run], pd.DataFrame]] = {
    "trials": lambda run: run.trials(),
    "trajectories": lambda run: run.trajectories(),
    "summary": lambda run: run.summary,
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_the_tables_are_frames_read_once(run: Run, table: Callable[[Run], pd.DataFrame]) -> None:
    assert isinstance(table(run), pd.DataFrame)
    assert table(run) is table(run)
    assert table(run).index.equals(pd.RangeIndex(len(table(run))))


@pytest.mark.parametrize("is_read_already", [False, True])
def test_reading_some_columns_of_a_table(run: Run, is_read_already: bool) -> None:
    loaded = load_run(run.path)
    if is_read_already:
        loaded.trials()
    columns = ["steps", "learning_rate"]
    pd.testing.assert_frame_equal(loaded.trials(columns), run.trials()[columns])
    pd.testing.assert_frame_equal(loaded.trajectories(["loss"]), run.trajectories()[["loss"]])
    with pytest.raises(UsageError, match='trials have no column "stepz"; did you mean "steps"'):
        loaded.trials(["stepz"])


def test_a_column_that_only_some_groups_have_is_empty_elsewhere(tmp_path: Path) -> None:
    source = document({"problem.layers": [1, 1]}, record={"every": 10, "values": ["parameters"]})
    del source["problem"]["layers"]
    source["axes"] = {"problem.layers": [[1, 1], [1, 2, 1]], "learning_rate": [1.0]}
    run = sweep_in(tmp_path / "run", source)
    whole = run.trajectories()
    last = whole.columns[-1]  # a weight of the second layer
    some = load_run(run.path).trajectories(["layers", last])
    pd.testing.assert_frame_equal(some, whole[["layers", last]])
    assert some[last].isna().equals(some["layers"] == "1-1")


def test_the_summary_is_computed_from_the_trials(run: Run) -> None:
    pd.testing.assert_frame_equal(run.summary, summarise([run.trials()], run.axes))
    assert run.summary["trials"].tolist() == [4, 4, 4]


def test_the_answer_is_that_of_the_summary(run: Run) -> None:
    (answer,) = run.answer
    assert isinstance(answer, GridAnswer)
    assert str(run.answer).startswith("best learning rate: 1,000 (median ")
    fastest = run.summary.iloc[int(run.summary["steps_median"].argmin())]
    assert answer.best == fastest["learning_rate"] == 1000
    assert answer.best_steps == fastest["steps_median"]


def test_a_loaded_run_has_the_same_tables(run: Run) -> None:
    for path in (run.path, str(run.path)):
        loaded = load_run(path)
        for table in TABLES.values():
            pd.testing.assert_frame_equal(table(loaded), table(run))
        assert loaded.answer == run.answer


def test_a_moved_run_can_be_loaded(run: Run, tmp_path: Path) -> None:
    moved = tmp_path / "moved elsewhere"
    moved.symlink_to(run.path)
    pd.testing.assert_frame_equal(load_run(moved).trials(), run.trials())


def test_an_interrupted_run_loads_with_its_finished_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run"
    killed_at(monkeypatch, "trials/part-000000000001.parquet", lambda: sweep_in(path))
    loaded = load_run(path)
    assert loaded.trials()["trial"].tolist() == list(range(12))
    assert loaded.summary["trials"].sum() == 12
    assert len(loaded.answer) == 1
    assert loaded.plot("convergence").axes
    assert repr(loaded) == f"<gdbatch.Run small: 48 trials in {path}, partial: 1 of 4 shards>"
    assert str(loaded.answer).startswith("partial: 1 of 4 shards\n")


FIXTURES = Path(__file__).parent / "fixtures" / "version_0_1_0"


@pytest.mark.parametrize(
    ("name", "entry"), [("grid", GridAnswer), ("bisection", EdgeAnswer), ("map", MapAnswer)]
)
def test_a_run_of_version_0_1_0_has_an_answer(name: str, entry: type) -> None:
    loaded = load_run(FIXTURES / name)
    assert loaded.partial == ""
    assert isinstance(loaded.answer[0], entry)
    assert loaded.plot({"bisection": "edges", "map": "map"}.get(name, "convergence")).axes


# figures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["convergence", "loss", "prediction"])
def test_a_plot_is_a_figure_outside_of_pyplot(run: Run, kind: str) -> None:
    figure = run.plot(kind)
    assert isinstance(figure, Figure)
    assert figure.axes
    from matplotlib import pyplot

    assert pyplot.get_fignums() == []


def test_a_sweep_draws_every_figure_that_has_data_as_png_and_svg(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", document(), figures=True)
    names = {path.name for path in (run.path / "figures").iterdir()}
    kinds = {name.split(".")[0] for name in names}
    assert {"convergence", "loss", "prediction"} <= kinds <= set(figures.names())
    assert names == {f"{kind}.{suffix}" for kind in kinds for suffix in ("png", "svg")}


def test_without_figures_there_are_none_and_matplotlib_can_still_draw(run: Run) -> None:
    assert not (run.path / "figures").exists()
    assert (run.path / "summary.csv").is_file()


def test_saved_figures_are_at_the_returned_paths(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", document())
    paths = [*map(Path, run.save_figures(["loss"]))]
    assert paths == [run.path / "figures" / "loss.png", run.path / "figures" / "loss.svg"]
    assert all(path.stat().st_size > 1000 for path in paths)


@pytest.fixture
def broken_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figure of losses raises."""

    def broken(data: FigureData) -> Figure | None:
        raise ZeroDivisionError("no such limits")

    figures.names()
    monkeypatch.setitem(registry._entries["figure"], "loss", broken)


@pytest.mark.usefixtures("broken_figure")
def test_a_figure_that_cannot_be_drawn_is_a_warning_that_names_it(tmp_path: Path) -> None:
    message = 'the figure "loss" cannot be drawn: ZeroDivisionError: no such limits'
    with pytest.warns(FigureWarning, match=message):
        run = sweep_in(tmp_path / "run", document(), figures=True)
    drawn = {path.stem for path in (run.path / "figures").iterdir()}
    assert "convergence" in drawn and "loss" not in drawn
    told: list[str] = []
    run.save_figures(on_failure=told.append)
    assert told == [message]
    for draw in (lambda: run.plot("loss"), lambda: run.save_figures(["loss"])):
        with pytest.raises(FigureError, match=message):
            draw()


@pytest.mark.usefixtures("broken_figure")
def test_the_command_answers_before_it_warns_of_a_figure(tmp_path: Path) -> None:
    path = write_sweep(tmp_path / "sweep.toml", document())
    done = command("sweep", path, "-o", tmp_path / "run", "-j", "1", "-q")
    assert done.exit_code == 0
    assert 'warning: the figure "loss" cannot be drawn' in done.stderr
    assert command("plot", tmp_path / "run", "loss").exit_code == 1


def test_no_figures_draws_none(tmp_path: Path) -> None:
    path = write_sweep(tmp_path / "sweep.toml", document())
    command("sweep", path, "-o", tmp_path / "run", "-j", "1", "--no-figures")
    assert not (tmp_path / "run" / "figures").exists()


def test_the_largest_rates_can_be_drawn(tmp_path: Path) -> None:
    source = document({"axes.learning_rate": [1.0, 1e308]})
    run = sweep_in(tmp_path / "run", source, figures=True)
    assert (run.path / "figures" / "convergence.svg").exists()


def test_a_figure_without_data_is_refused_by_name(tmp_path: Path) -> None:
    source = document({"optimizer.learning_rate": 1.0}, axes={"seed": [1, 2]})
    run = sweep_in(tmp_path / "run", source)
    with pytest.raises(UsageError, match="convergence"):
        run.plot("convergence")


# errors --------------------------------------------------------------------------------------


def test_an_invalid_sweep_raises_all_its_errors_and_writes_nothing(tmp_path: Path) -> None:
    wrong = document({"problem.activation": "sigmoit", "train.max_stepz": 5})
    with pytest.raises(SweepFileError) as caught:
        run_sweep(wrong, out=tmp_path / "run")
    assert len(caught.value.problems) == 2
    assert {problem.key for problem in caught.value.problems} == {
        "problem.activation",
        "train.max_stepz",
    }
    assert isinstance(caught.value, UsageError)
    assert not (tmp_path / "run").exists()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an executor": ({"executor": "locl"}, 'did you mean "local"'),
    "an engine": ({"engine": "fuzed"}, "engine"),
    "no worker": ({"jobs": 0}, "0"),
    "what to do with failures": ({"on_error": "ignore"}, "on_error"),
    "a value": ({"overrides": ["train.max_steps = -1"]}, "max_steps"),
    "no value": ({"overrides": ["train.max_steps"]}, "max_steps"),
}


@pytest.mark.parametrize(("options", "told"), WRONG.values(), ids=WRONG)
def test_an_invalid_option_is_a_usage_error_and_writes_nothing(
    tmp_path: Path, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        sweep_in(tmp_path / "run", document(), **options)
    assert not (tmp_path / "run").exists()


def test_a_missing_file_is_a_usage_error_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match='did you mean "two_inputs"'):
        run_sweep("two_imputs")


def test_a_path_without_a_run_is_a_usage_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="missing or empty"):
            load_run(path)


def test_an_unknown_figure_is_a_usage_error_with_the_nearest_name(run: Run) -> None:
    with pytest.raises(UsageError, match='did you mean "prediction"'):
        run.plot("predicton")


def test_figures_that_cannot_be_written_are_a_run_error(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", document())
    (run.path / "figures").write_text("in the way")
    with pytest.raises(RunError, match="figures"):
        run.save_figures(["loss"])


def test_shards_that_fail_raise_once_the_others_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train: Callable[..., Results] = vars(grid)["train"]

    def failing(task: Task, *rest: Any) -> Results:
        if task.seeds[0] == 0 and failing_once:
            failing_once.clear()
            raise FloatingPointError("bad luck")
        return train(task, *rest)

    failing_once = [True]
    monkeypatch.setattr(grid, "train", failing)
    with pytest.raises(ShardError, match="bad luck") as caught:
        run_sweep(structured(), out=tmp_path / "run", jobs=1)
    assert len(caught.value.failures) == 1
    assert caught.value.exit_code == 3
    loaded = load_run(caught.value.location)
    assert loaded.partial == "3 of 4 shards"
    assert len(loaded.trials()) == 36
    assert (loaded.path / "summary.csv").exists()
    assert sweep_in(tmp_path / "run").partial == ""


def test_every_error_can_be_caught_by_one_name_with_the_exit_code_of_the_command() -> None:
    assert (RunError.exit_code, UsageError.exit_code, SweepFileError.exit_code) == (1, 2, 2)
    assert all(issubclass(one, GdbatchError) for one in (RunError, UsageError, SweepFileError))
