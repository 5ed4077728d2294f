"""Refined axes: the edge that is found, the trials, the plan, and the independence of workers."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdbatch.api import Run, load_run
from gdbatch.plan import Plan
from gdbatch.sweep_file import read_sweep
from tests.documents import document, plan_of
from tests.run.helpers import (
    check_that_bytes_do_not_depend_on_who_trains,
    command,
    sweep_in,
    write_sweep,
)

RATE = "learning_rate"


def quadratic(eigenvalue: float, bracket: list[float]) -> dict[str, Any]:
    """A parabola from x = 1; a trial that climbs above the start has diverged."""
    return document(
        problem={"kind": "function", "function": "quadratic", "eigenvalues": [eigenvalue]},
        init={"kind": "constant", "value": 1.0},
        train={"max_steps": 100, "divergence": {"loss": eigenvalue / 2}},
        axes={RATE: {"refine": bracket}},
    )


def searching(axes: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Two shards with four searches of 13 trials each around the edge of the one-weight network."""
    several = {
        RATE: {"refine": [1000.0, 4000.0], "tolerance": 2.0},
        "problem.derivative_at": ["sop", "prediction"],
        "seed": {"count": 4},
    }
    train = {"max_steps": 300, "stop": {"prediction_error": 1e-2, "hold": 2}}
    return document({"axes": several if axes is None else axes, **more}, train=train)


def bracket_of(run: Run) -> tuple[float, float]:
    (edge,) = run.answer
    assert edge.low is not None and edge.high is not None
    return edge.low, edge.high


# where the edge is ---------------------------------------------------------------------------


@pytest.mark.parametrize("eigenvalue", [0.5, 1.0, 4.0])
def test_the_edge_of_a_parabola_is_two_over_its_curvature_to_the_last_bit(
    tmp_path: Path, eigenvalue: float
) -> None:
    run = sweep_in(tmp_path, quadratic(eigenvalue, [0.3 / eigenvalue, 7 / eigenvalue]))
    edge = 2 / eigenvalue
    assert bracket_of(run) == (edge, math.nextafter(edge, math.inf))


def test_the_edge_of_any_parabola_is_that_of_a_plain_loop(tmp_path: Path) -> None:
    eigenvalue, low, high = 2.9, 0.1, 1.0

    def climbs(rate: float) -> bool:
        place = 1.0
        for _ in range(100):
            place -= rate * (eigenvalue * place)
            if 0.5 * (eigenvalue * place * place) > eigenvalue / 2:
                return True
        return False

    run = sweep_in(tmp_path, quadratic(eigenvalue, [low, high]))
    while math.nextafter(low, high) < high:
        middle = (low + high) / 2
        low, high = (low, middle) if climbs(middle) else (middle, high)
    assert bracket_of(run) == (low, high)
    assert low == pytest.approx(2 / eigenvalue, rel=1e-14)


def test_the_edge_of_the_tutorial_lies_within_the_grid_step(tmp_path: Path) -> None:
    train = {"max_steps": 3_000, "stop": {"prediction_error": 1e-3, "hold": 50}}
    bracket = {"refine": [2239.0, 2512.0]}
    run = sweep_in(tmp_path, document(train=train, axes={RATE: bracket, "seed": [3]}))
    low, high = bracket_of(run)
    curvature = 2 * (0.3 * 0.7 * 0.1) ** 2
    assert 2239 < low < 2 / curvature * 1.001 < 2512
    assert high == math.nextafter(low, high)
    # the search agrees with a sweep of these two rates
    both = sweep_in(tmp_path / "both", document(train=train, axes={RATE: [low, high], "seed": [3]}))
    assert both.summary["stable"].tolist() == [1, 0]


def test_any_number_of_a_lane_can_be_refined(tmp_path: Path) -> None:
    source = quadratic(1.0, [0.0, 1.0])
    source["axes"] = {"momentum": {"refine": [0.0, 0.9], "tolerance": 1e-6}, RATE: [2.5, 3.0]}
    source["optimizer"] = {"kind": "momentum"}
    source["train"] = {"max_steps": 10_000, "divergence": {"loss": 1e8}}
    # heavy ball is stable where the rate is below 2 + 2 momentum
    run = sweep_in(tmp_path, source)
    assert run.summary[RATE].tolist() == [2.5, 3.0]
    assert run.summary["edge_median"].tolist() == pytest.approx([0.25, 0.5], abs=2e-3)
    assert run.summary["rising"].tolist() == [1, 1]


# the trials ----------------------------------------------------------------------------------


def test_every_row_equals_a_trial_of_a_sweep_over_its_values(tmp_path: Path) -> None:
    run = sweep_in(tmp_path / "run", searching(record={"final_parameters": True}))
    trials = run.trials()
    assert len(trials) == 2 * 4 * 13
    assert list(trials.columns[:4]) == ["trial", "derivative_at", "seed", RATE]
    rates = sorted(set(trials[RATE]))
    listed = {RATE: rates, "problem.derivative_at": ["sop", "prediction"], "seed": {"count": 4}}
    alone = sweep_in(tmp_path / "alone", searching(listed, record={"final_parameters": True}))
    keys = ["derivative_at", "seed", RATE]
    expected = alone.trials().set_index(keys).loc[trials.set_index(keys).index].reset_index()
    for name in trials.columns[4:]:
        assert trials[name].equals(expected[name]), name
    first = trials[RATE].to_numpy().reshape(-1, 13)
    assert (first[:, 0] == 1000).all() and (first[:, 1] == 4000).all()
    assert (first[:, 2] == 2500).all()


def test_trajectories_have_the_rates_that_were_trained(tmp_path: Path) -> None:
    record = {"every": 50, "trials": {"seed": [1]}}
    run = sweep_in(tmp_path, searching(record=record))
    chosen = run.trials()[run.trials()["seed"] == 1].set_index("trial")
    ends = run.trajectories().groupby("trial").last()
    assert ends.index.equals(chosen.index)
    for mine, theirs in ((RATE, RATE), ("step", "steps")):
        assert ends[mine].tolist() == chosen[theirs].tolist()


@pytest.mark.parametrize(
    ("bracket", "found", "approached"),
    [([100.0, 200.0], "all_stable", 200.0), ([6000.0, 6100.0], "none_stable", 6000.0)],
)
def test_a_bracket_without_an_edge_is_a_result(
    tmp_path: Path, bracket: list[float], found: str, approached: float
) -> None:
    axes = {RATE: {"refine": bracket, "tolerance": 1.0}, "seed": [0, 1]}
    train = {"max_steps": 100, "stop": {"prediction_error": 1e-9 if found[0] == "n" else 1e-2}}
    run = sweep_in(tmp_path, document(axes=axes, train=train))
    assert len(run.trials()) == 18
    row = run.summary.iloc[0]
    assert (row["searches"], row["edges"], row[found]) == (2, 0, 2)
    assert row[["edge_low", "edge_q25", "edge_median", "edge_q75", "edge_high"]].isna().all()
    assert abs(run.trials()[RATE].iloc[8] - approached) <= 1
    assert "no edge in 2 of 2 searches" in str(run.answer)


# the plan ------------------------------------------------------------------------------------


def test_a_shard_holds_whole_searches_in_plans_of_any_size() -> None:
    for seeds in (1, 3, 1000, 10**5, 10**6):
        refined = {"refine": [1.0, 4.0]}
        plan = plan_of(axes={RATE: refined, "seed": {"count": seeds}, "init.high": [1.0, 2.0]})
        rows = plan.search.unit
        assert plan.trials == 2 * seeds * rows
        shards = list(plan.shards())
        assert all(shard.start % rows == 0 == len(shard) % rows for shard in shards)
        assert shards[-1].stop == plan.trials


def test_a_refined_plan_of_a_trillion_trials_is_cheap() -> None:
    refined = {"refine": [1.0, 2.0], "tolerance": 2**-8}
    plan = plan_of(axes={RATE: refined, "seed": {"count": 10**11}})
    assert plan.trials == 10**12
    assert len(plan.hash) == 64
    assert len(next(plan.shards())) % 10 == 0


def test_the_bracket_and_the_tolerance_change_the_plan() -> None:
    forms = [
        {"refine": [1.0, 2.0]},
        {"refine": [1.0, 4.0]},
        {"refine": [1.0, 2.0], "tolerance": 1e-3},
        {"refine": [1.0, 2.0], "tolerance": 1.1e-3},
    ]
    assert len({plan_of(axes={RATE: form}).hash for form in forms}) == 4


# workers -------------------------------------------------------------------------------------


def test_two_workers_and_a_killed_run_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = check_that_bytes_do_not_depend_on_who_trains(monkeypatch, tmp_path, searching())
    assert len(whole) == 4


def test_a_search_does_not_depend_on_its_neighbours(tmp_path: Path) -> None:
    many = sweep_in(tmp_path / "many", searching()).trials()
    bracket = {"refine": [1000.0, 4000.0], "tolerance": 2.0}
    axes = {RATE: bracket, "problem.derivative_at": ["prediction"], "seed": [2]}
    alone = sweep_in(tmp_path / "alone", searching(axes)).trials()
    same = many[(many["seed"] == 2) & (many["derivative_at"] == "prediction")].reset_index(
        drop=True
    )
    columns = [name for name in alone.columns if name != "trial"]
    assert alone[columns].equals(same[columns])


# the command ---------------------------------------------------------------------------------


def test_the_command_prints_the_edge_and_its_spread(tmp_path: Path) -> None:
    path = write_sweep(tmp_path / "edge.toml", searching())
    planned = command("sweep", path, "--dry-run", "--json")
    assert json.loads(planned.stdout)["trials"] == 104
    made = command("sweep", path, "-o", tmp_path / "run", "-j", "1")
    assert made.exit_code == 0
    assert made.stdout.count("edge of stability: learning rate between ") == 2
    assert made.stdout.count("median of 4 searches: ") == 2
    told = json.loads(command("summary", tmp_path / "run", "--json").stdout)
    assert [one["edges"] for one in told["answers"]] == [4, 4]
    drawn = {path.name for path in (tmp_path / "run" / "figures").glob("*.png")}
    assert "edges.png" in drawn and not {"convergence.png", "map.png"} & drawn
    loaded = load_run(tmp_path / "run")
    assert len(loaded.answer) == 2
    assert np.isfinite(loaded.summary["edge_median"]).all()


def test_a_plan_read_again_is_the_same() -> None:
    assert Plan(read_sweep(searching())).hash == Plan(read_sweep(searching())).hash


def test_measures_are_those_of_the_rates_that_were_trained(tmp_path: Path) -> None:
    record = {"measures": [{"kind": "best_loss"}, {"kind": "sharpness"}]}
    run = sweep_in(tmp_path / "run", searching(record=record)).trials()
    axes = {RATE: sorted(set(run[RATE])), "seed": [3]}
    alone = sweep_in(tmp_path / "alone", searching(axes, record=record)).trials()
    mine = run[(run["seed"] == 3) & (run["derivative_at"] == "sop")].set_index(RATE)
    names = alone.columns[list(alone.columns).index("gradient_norm") + 1 :]
    assert {"best_loss", "best_loss_step"} < set(names)
    for name in names:
        assert mine[name].equals(alone.set_index(RATE)[name].loc[mine.index]), name
