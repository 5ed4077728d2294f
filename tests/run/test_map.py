"""An adaptive map has the pixels of the full map, and all boundaries that it detects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbatch.analysis import as_map, boundary, every_pixel
from gdbatch.api import Run
from gdbatch.plan import Cut
from gdbatch.search.adaptive_map import AdaptiveMap
from gdbatch.sweep_file.shipped import find_sweep
from tests.documents import document, plan_of
from tests.run.helpers import (
    check_that_bytes_do_not_depend_on_who_trains,
    command,
    sweep_in,
    write_sweep,
)

RATE, MOMENTUM = "learning_rate", "momentum"


def heavy_ball(rows: int = 70, columns: int = 45, **tables: Any) -> dict[str, Any]:
    """The map of a parabola under heavy ball, whose edge is the line η = 2 + 2β."""
    axes = {
        f"optimizer.{MOMENTUM}": {"linear": [0.0, 0.9], "num": rows},
        RATE: {"linear": [0.1, 4.5], "num": columns},
    }
    return document(
        problem={"kind": "function", "function": "quadratic", "eigenvalues": [1.0]},
        init={"kind": "constant", "value": 1.0},
        optimizer={"kind": "momentum"},
        train={"max_steps": 400, "divergence": {"loss": 10.0}},
        axes=axes,
        **({"map": {"axes": [MOMENTUM, RATE], "coarse": 8}} | tables),
    )


def full(source: dict[str, Any]) -> dict[str, Any]:
    return {key: table for key, table in source.items() if key != "map"}


def kinds_of(run: Run, column: str = "outcome") -> np.ndarray:
    """The value of each pixel."""
    y, x = run.axes[-2:]
    table = every_pixel(run.trials(), x, y)
    return as_map(table, x, y, table[column].astype(str).to_numpy()).to_numpy()


def assert_pixels_are_those_of(run: Run, whole: Run) -> None:
    trials = run.trials().set_index("trial")
    assert trials.index.is_monotonic_increasing and trials.index.is_unique
    assert trials.equals(whole.trials().set_index("trial").loc[trials.index])


@pytest.mark.parametrize(("rows", "columns"), [(70, 45), (9, 9), (65, 33), (2, 100), (100, 2)])
def test_the_edge_of_heavy_ball_is_found_completely(
    tmp_path: Path, rows: int, columns: int
) -> None:
    source = heavy_ball(rows, columns)
    run, whole = sweep_in(tmp_path / "map", source), sweep_in(tmp_path / "full", full(source))
    assert_pixels_are_those_of(run, whole)
    assert (kinds_of(run) == kinds_of(whole)).all()
    if rows * columns > 2000:
        assert len(run.trials()) < len(whole.trials()) / 3


def test_pixels_on_both_sides_of_a_boundary_are_trained(tmp_path: Path) -> None:
    source = heavy_ball()
    run, whole = sweep_in(tmp_path / "map", source), sweep_in(tmp_path / "full", full(source))
    edge = boundary(kinds_of(whole) == "diverged")
    trained = np.zeros((70, 45), bool)
    trained.ravel()[run.trials()["trial"]] = True
    beside = np.zeros_like(trained)
    for down in (0, 1):
        for right in (0, 1):
            beside[down : 69 + down, right : 44 + right] |= edge
    assert edge.any() and trained[beside].all()


def test_a_fractal_map_is_a_sixth_of_the_work(tmp_path: Path) -> None:
    """A chaotic boundary has islands, but few of them are missed."""
    fewer = [f'axes."init.values.{place}".num = 192' for place in (0, 1)]
    source = find_sweep("map_himmelblau")
    run = sweep_in(tmp_path / "map", source, overrides=fewer)
    without = "".join(source.read_text().partition("[map]")[:1])
    plain = tmp_path / "plain.toml"
    plain.write_text(without)
    whole = sweep_in(tmp_path / "full", plain, overrides=fewer)
    assert_pixels_are_those_of(run, whole)
    assert len(run.trials()) < 0.35 * len(whole.trials())
    assert (kinds_of(run) != kinds_of(whole)).mean() < 0.01


@pytest.mark.long
def test_the_shipped_map_trains_less_than_half_of_its_pixels(tmp_path: Path) -> None:
    run = sweep_in(tmp_path, find_sweep("map_himmelblau"))
    (answer,) = run.answer
    assert answer.pixels == 512**2
    assert answer.saved > 0.8


def test_neighbours_may_differ_in_a_measure(tmp_path: Path) -> None:
    """Without a limit nothing diverges in these few steps, but the edge is found."""
    source = heavy_ball(record={"measures": [{"kind": "trained", "last": 5}]})
    source["train"] = {"max_steps": 100, "divergence": False}
    source["map"] = {"axes": [RATE, MOMENTUM], "by": "trained"}
    run, whole = sweep_in(tmp_path / "map", source), sweep_in(tmp_path / "full", full(source))
    assert "diverged" not in set(whole.trials()["outcome"])
    assert set(run.trials()["trained"]) == {0, 1}
    assert_pixels_are_those_of(run, whole)
    assert (kinds_of(run, "trained") == kinds_of(whole, "trained")).all()


def test_each_combination_of_other_axes_has_its_own_map(tmp_path: Path) -> None:
    source = heavy_ball(20, 20)
    del source["problem"]["eigenvalues"], source["init"]["value"]
    source["axes"]["problem.eigenvalues"] = [[1.0], [2.0]]
    source["axes"]["seed"] = {"count": 2}
    source["axes"]["init.value"] = [0.5, 1.0]
    run, whole = sweep_in(tmp_path / "map", source), sweep_in(tmp_path / "full", full(source))
    assert run.axes[-2:] == [MOMENTUM, RATE]
    trials = run.trials().set_index(["eigenvalues", "seed", "value", MOMENTUM, RATE])
    same = whole.trials().set_index(["eigenvalues", "seed", "value", MOMENTUM, RATE])
    same = same.loc[trials.index]
    for name in ("outcome", "steps", "final_loss"):
        assert trials[name].equals(same[name]), name
    (answer,) = run.answer
    assert answer.pixels == 8 * 400 and answer.trained == len(trials)


def test_recorded_pixels_are_trained(tmp_path: Path) -> None:
    source = heavy_ball()
    plan = plan_of({}, **{key: source[key] for key in source if key != "name"})
    rate = plan.columns(np.array([13]))[RATE][0]
    momentum = plan.columns(np.array([3 * 45]))[MOMENTUM][0]
    source["record"] = {"every": 10, "trials": {RATE: [rate], MOMENTUM: [momentum]}}
    run = sweep_in(tmp_path, source)
    assert set(run.trajectories()["trial"]) == {3 * 45 + 13} <= set(run.trials()["trial"])
    last = run.trajectories().iloc[-1]
    ended = run.trials().set_index("trial").loc[3 * 45 + 13]
    assert last["step"] == ended["steps"] and last["loss"] == ended["final_loss"]


# the plan ------------------------------------------------------------------------------------


@given(st.integers(1, 5000), st.integers(1, 50), st.integers(1, 3))
def test_tiles_are_adjacent_bands(rows: int, columns: int, maps: int) -> None:
    one = AdaptiveMap(("a", "b"), ("a", "b"), rows, columns, 8, "outcome")
    cut = Cut.of([(maps, one.cut(one.pixels, 1000))])
    assert cut.trials == maps * one.pixels
    for start, stop in cut.ranges():
        assert start // one.pixels == (stop - 1) // one.pixels
        assert start % one.pixels % (32 * columns) == 0 == stop % columns
        assert stop - start < 64 * columns


def test_each_tile_is_a_shard() -> None:
    source = heavy_ball()
    source["axes"]["seed"] = {"count": 3}
    plan = plan_of({}, **{key: source[key] for key in source if key != "name"})
    shards = list(plan.shards())
    assert [len(shard) for shard in shards] == [32 * 45, 38 * 45] * 3
    assert len(shards) == plan.shard_count
    assert shards[-1].stop == plan.trials == 3 * 70 * 45


def test_the_options_of_a_map_change_the_plan() -> None:
    changes: list[dict[str, Any]] = [{}, {"map": {"axes": [MOMENTUM, RATE], "coarse": 4}}]
    sources = [*(heavy_ball(**change) for change in changes), full(heavy_ball())]
    tables = [{key: one[key] for key in one if key != "name"} for one in sources]
    assert len({plan_of({}, **one).hash for one in tables}) == 3


def test_two_workers_and_a_killed_run_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_that_bytes_do_not_depend_on_who_trains(monkeypatch, tmp_path, heavy_ball())


# answers -------------------------------------------------------------------------------------


def test_the_command_prints_the_saving_and_draws_all_pixels(tmp_path: Path) -> None:
    path = write_sweep(tmp_path / "ball.toml", heavy_ball())
    planned = command("sweep", path, "--dry-run")
    assert "at most" in planned.stdout
    made = command("sweep", path, "-o", tmp_path / "run", "-j", "1")
    assert made.exit_code == 0
    assert "of 3,150 pixels" in made.stdout and "% saved)" in made.stdout
    assert "3,150 pixels in " in made.stderr
    drawn = {file.name for file in (tmp_path / "run" / "figures").glob("*.png")}
    assert "map.png" in drawn and "convergence.png" not in drawn
    (told,) = json.loads(command("summary", tmp_path / "run", "--json").stdout)["answers"]
    assert told["pixels"] == 3150 > told["trained"]
    assert sum(told["outcomes"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("table", "key", "told"),
    [
        ({"axes": [MOMENTUM, "learning_rat"]}, "map.axes[1]", 'did you mean "learning_rate"?'),
        ({"axes": [MOMENTUM, "seed"]}, "map.axes[1]", "not a seed"),
        ({"axes": [MOMENTUM, "max_steps"]}, "map.axes[1]", "into groups"),
        ({"axes": [MOMENTUM, "value"]}, "map.axes[1]", "part of a zip"),
        ({"axes": [RATE, RATE]}, "map.axes", "given twice"),
        ({"axes": [RATE]}, "map.axes", "a list of at least 2"),
        ({"axes": [MOMENTUM, RATE], "coarse": 6}, "map.coarse", "must be a power of two"),
        ({"axes": [MOMENTUM, RATE], "coarse": 64}, "map.coarse", "32 or less"),
        ({"axes": [MOMENTUM, RATE], "by": "steps"}, "map.by", "outcome, period"),
        ({"axes": [MOMENTUM, RATE], "coarser": 4}, "map.coarser", 'did you mean "coarse"?'),
    ],
)
def test_an_invalid_map_is_refused(
    tmp_path: Path, table: dict[str, Any], key: str, told: str
) -> None:
    source = heavy_ball(map=table, record={"measures": ["period"]})
    source["init"], source["train"] = {"kind": "constant"}, {}
    source["axes"] |= {"seed": {"count": 2}, "train.max_steps": [10, 20]}
    source["axes"]["zip"] = [{"init.value": [1.0, 2.0], "optimizer.weight_decay": [0.0, 0.1]}]
    done = command("sweep", write_sweep(tmp_path / "bad.toml", source))
    assert done.exit_code == 2
    (line,) = [line for line in done.stderr.splitlines() if key in line]
    assert told in line


def test_a_sweep_refines_an_axis_or_a_map(tmp_path: Path) -> None:
    source = heavy_ball()
    source["axes"][RATE] = {"refine": [1.0, 4.0], "tolerance": 0.1}
    done = command("sweep", write_sweep(tmp_path / "bad.toml", source))
    assert done.exit_code == 2
    assert "one axis is refined" in done.stderr
