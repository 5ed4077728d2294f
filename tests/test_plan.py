"""The plan: which trials there are, in which order, and how they are cut, hashed and recorded.

Orders are compared with those of explicit nested loops.
"""

from __future__ import annotations

import itertools
import json
import math
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdbatch.errors import SweepFileError
from gdbatch.ingredients.data_files import read_samples
from gdbatch.ingredients.problems import samples
from gdbatch.plan import RESULTS_VERSION, Cut, Plan
from gdbatch.plan.identity import differences
from gdbatch.sweep_file import read_sweep
from tests.documents import document, plan_of

NETWORK = {"kind": "network", "layers": [1, 1], "inputs": [[0.1]], "targets": [[0.3]]}


def rows_of(plan: Plan, names: list[str]) -> list[tuple[Any, ...]]:
    columns = plan.columns(np.arange(plan.trials))
    return list(zip(*(list(columns[name]) for name in names), strict=True))


# order -------------------------------------------------------------------------------------


def test_structural_axes_are_slowest_then_seeds_then_the_file_order() -> None:
    plan = plan_of(
        {
            "problem": NETWORK,
            "axes": {
                "learning_rate": [1.0, 10.0],
                "seed": [7, 3],
                "activation": ["tanh", "relu"],
                "init.low": [-1.0, -2.0, -3.0],
                "problem.bias": [False, True],
            },
        }
    )
    names = ["activation", "bias", "seed", "learning_rate", "low"]
    assert list(plan.columns(np.arange(1))) == names
    assert [axis.column for axis in plan.axes] == names
    assert rows_of(plan, names) == list(
        itertools.product(["tanh", "relu"], [False, True], [7, 3], [1.0, 10.0], [-1.0, -2.0, -3.0])
    )


def test_a_zip_with_the_seed_takes_the_place_of_the_seed() -> None:
    plan = plan_of(
        {"axes": {"init.low": [0, -1], "zip": [{"learning_rate": [1, 10], "seed": [5, 6]}]}}
    )
    assert rows_of(plan, ["seed", "learning_rate", "low"]) == [
        (5, 1, 0), (5, 1, -1), (6, 10, 0), (6, 10, -1),
    ]  # fmt: skip


def test_a_sweep_without_axes_has_one_trial() -> None:
    plan = plan_of({"optimizer.learning_rate": 1.0}, axes={})
    assert plan.trials == plan.shard_count == 1
    (shard,) = plan.shards()
    task = plan.task(shard)
    assert task.seeds.tolist() == [0]
    assert task.optimizer_hyperparameters["learning_rate"] == 1.0


# properties of any plan --------------------------------------------------------------------

AXES: dict[str, Any] = {
    "learning_rate": st.lists(st.sampled_from([0.1, 1.0, 10.0]), min_size=1, unique=True),
    "seed": st.integers(1, 20_000).map(lambda count: {"count": count}),
    "init.low": st.integers(2, 5).map(lambda num: {"linear": [-1, 0], "num": num}),
    "activation": st.lists(st.sampled_from(["tanh", "relu"]), min_size=1, unique=True),
    "problem.bias": st.lists(st.booleans(), min_size=1, unique=True),
}


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    names = draw(st.permutations(list(AXES)))
    axes = {name: draw(AXES[name]) for name in names[: draw(st.integers(1, 5))]}
    optimizer = {"kind": "gradient_descent"}
    if "learning_rate" not in axes:
        optimizer["learning_rate"] = 1.0  # type: ignore[assignment]
    return plan_of({"problem": NETWORK, "optimizer": optimizer, "axes": axes})


@settings(max_examples=40, deadline=None)
@given(plans())
def test_shards_cover_all_trials_once_in_order_inside_their_groups(plan: Plan) -> None:
    shards = list(plan.shards())
    assert [shard.number for shard in shards] == list(range(plan.shard_count))
    assert shards[0].start == 0
    assert shards[-1].stop == plan.trials
    for one, following in itertools.pairwise(shards):
        assert one.stop == following.start
    for shard in shards:
        group = plan.group(shard.group)
        assert group.number == shard.group
        assert group.start <= shard.start < shard.stop <= group.start + group.trials
        assert len(shard) == shard.stop - shard.start
    groups = [plan.group(number) for number in range(plan.groups)]
    assert sum(group.trials for group in groups) == plan.trials


@settings(max_examples=40, deadline=None)
@given(plans(), st.data())
def test_trial_numbers_are_indices_in_plan_order(plan: Plan, data: st.DataObject) -> None:
    sizes = [dimension[0].form.size for dimension in [*plan.structural, *plan.lanes]]
    assert math.prod(sizes) == plan.trials
    chosen = data.draw(st.lists(st.integers(0, plan.trials - 1), min_size=1, max_size=20))
    places = plan.indices(np.array(chosen))
    assert [np.ravel_multi_index(place, sizes) for place in zip(*places, strict=True)] == chosen
    columns = plan.columns(np.array(chosen))
    for dimension, place in zip(plan.dimensions, places, strict=True):
        for axis in dimension:
            assert list(columns[axis.column]) == list(axis.column_values(place))


@settings(max_examples=25, deadline=None)
@given(plans())
def test_a_group_has_the_structural_values_of_its_columns(plan: Plan) -> None:
    for number in range(plan.groups):
        group = plan.group(number)
        columns = plan.columns(np.array([group.start, group.start + group.trials - 1]))
        for key, value in group.structural.items():
            assert list(columns[key.rsplit(".", 1)[-1]]) == [value, value]
            section, name = key.split(".")
            assert getattr(getattr(group.sections, section), name) == value


@settings(max_examples=25, deadline=None)
@given(plans())
def test_a_task_gives_each_trial_the_numbers_of_its_columns(plan: Plan) -> None:
    for shard in itertools.islice(plan.shards(), 4):
        task = plan.task(shard)
        assert len(task) == len(shard)
        trials = np.arange(shard.start, shard.stop)
        columns = plan.columns(trials)
        numbers = {
            "learning_rate": task.optimizer_hyperparameters["learning_rate"],
            "low": task.init_hyperparameters["low"],
            "seed": task.seeds,
        }
        defaults = {"learning_rate": 1.0, "low": 0.0, "seed": 0}
        for name, found in numbers.items():
            wanted = columns.get(name, defaults[name])
            assert np.array_equal(np.broadcast_to(found, len(trials)),
                                  np.broadcast_to(wanted, len(trials)))  # fmt: skip
        assert set(task.init_hyperparameters) == {"low", "high", "biases"}


@settings(max_examples=15, deadline=None)
@given(plans())
def test_a_plan_is_the_same_after_pickling(plan: Plan) -> None:
    again = pickle.loads(pickle.dumps(plan))
    assert again.hash == plan.hash
    assert list(itertools.islice(again.shards(), 5)) == list(itertools.islice(plan.shards(), 5))


def test_an_option_at_its_default_is_not_part_of_the_identity() -> None:
    # a later version may add options; runs made without them must still be resumed
    written = {"train.divergence": {"factor": 1e8}, "train.dtype": "float64", "problem.bias": False}
    assert plan_of(written).hash == plan_of({}).hash
    assert "dtype" not in plan_of(written).group(0).sections.train.resolved()
    assert plan_of({"train.dtype": "float32"}).hash != plan_of({}).hash


# size --------------------------------------------------------------------------------------


def test_a_plan_of_a_trillion_trials_is_cheap() -> None:
    read_sweep(document())  # so that all imports are done
    tracemalloc.start()
    try:
        plan = plan_of(
            {
                "axes": {
                    "learning_rate": {"log10": [-3, 3], "num": 10**6},
                    "seed": {"count": 10**6},
                }
            }
        )
        assert plan.trials == 10**12
        assert len(plan.hash) == 64
        assert plan.shard_count > 10**6
        first = list(itertools.islice(plan.shards(), 3))
        assert sum(len(shard) for shard in first) == first[-1].stop
        columns = plan.columns(np.array([0, 10**12 - 1]))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert columns["learning_rate"].tolist() == [1e-3, 1e3]
    assert columns["seed"].tolist() == [0, 10**6 - 1]
    assert peak < 50e6


def test_an_invalid_group_is_refused_wherever_it_is() -> None:
    layers = [*([1, width, 1] for width in range(1, 600)), [1, 1, 1, 1]]
    axes = {"problem.layers": layers, "problem.activation": ["tanh", ["tanh", "relu"]]}
    problem = {"kind": "network", "inputs": [[0.1]], "targets": [[0.3]]}
    plan = plan_of({"problem": problem, "optimizer.learning_rate": 0.1, "axes": axes})
    told = r"problem.layers = \[1, 1, 1, 1\], .*: 2 activations for 3 layers"
    with pytest.raises(SweepFileError, match=told):
        assert plan.hash


def test_more_trials_than_can_be_numbered_are_refused() -> None:
    with pytest.raises(SweepFileError, match="fewer than 2⁶³"):
        plan_of({"axes": {"learning_rate": {"log10": [0, 1], "num": 2**32},
                          "seed": {"count": 2**32}}})  # fmt: skip


# identity ----------------------------------------------------------------------------------

CHANGES: dict[str, tuple[dict[str, Any], bool]] = {
    "a rate": ({"axes.learning_rate": [1.0, 100.0, 1001.0]}, True),
    "the order of rates": ({"axes.learning_rate": [100.0, 1.0, 1000.0]}, True),
    "the seeds": ({"axes.seed": {"count": 5}}, True),
    "other seeds": ({"axes.seed": [4, 5, 6, 7]}, True),
    "entropy": ({"entropy": 1}, True),
    "dtype": ({"train.dtype": "float32"}, True),
    "max_steps": ({"train.max_steps": 51}, True),
    "the stop rule": ({"train.stop": {"prediction_error": 2e-2, "hold": 2}}, True),
    "hold": ({"train.stop": {"prediction_error": 1e-2, "hold": 3}}, True),
    "the divergence": ({"train.divergence": {"loss": 1e7}}, True),
    "no divergence": ({"train.divergence": False}, True),
    "an input": ({"problem.inputs": [[0.2]]}, True),
    "a target": ({"problem.targets": [[0.2]]}, True),
    "the activation": ({"problem.activation": "tanh"}, True),
    "the slope": ({"problem.derivative_at": "prediction"}, True),
    "bias": ({"problem.bias": True}, True),
    "the initializer": ({"init.low": -1.0}, True),
    "final parameters": ({"record.final_parameters": True}, True),
    "a measure": ({"record.measures": ["best_loss"]}, True),
    "another axis": ({"axes.low": [0.0]}, True),
    "the name": ({"name": "other"}, False),
    "the description": ({"description": "Other words."}, False),
    "how often is recorded": ({"record.every": 7}, False),
    "what is recorded": ({"record.values": ["loss"]}, False),
    "who is recorded": ({"record.trials": {"seed": [1]}}, False),
    "a default written out": ({"init.high": 1.0, "train.dtype": "float64"}, False),
}


@pytest.mark.parametrize(("changes", "other"), CHANGES.values(), ids=CHANGES)
def test_the_hash_covers_what_changes_trials_and_nothing_else(
    changes: dict[str, Any], other: bool
) -> None:
    assert (plan_of(changes).hash != plan_of().hash) is other


def test_the_order_of_axes_changes_trials() -> None:
    def hash_of(*names: str) -> str:
        axes = {"learning_rate": [1.0, 2.0], "low": [0.0, -1.0]}
        return plan_of({"axes": {name: axes[name] for name in names}}).hash

    assert hash_of("learning_rate", "low") != hash_of("low", "learning_rate")


def test_the_recording_has_its_own_hash() -> None:
    assert plan_of({"record.every": 7}).recording_hash != plan_of().recording_hash
    for changes in ({"name": "other"}, {"record.measures": ["best_loss"]}):
        assert plan_of(changes).recording_hash == plan_of().recording_hash


def test_the_hash_covers_the_content_of_a_data_file_not_its_name(tmp_path: Path) -> None:
    def hash_of(name: str, text: str) -> str:
        (tmp_path / name).write_text(text)
        problem = {"kind": "network", "layers": [1, 1], "data": str(tmp_path / name)}
        return plan_of({"problem": problem}).hash

    first = hash_of("a.csv", "0.1,0.3\n0.2,0.4\n")
    assert hash_of("b.csv", "0.1,0.3\n0.2,0.4\n") == first
    assert hash_of("c.csv", "x,y\n1e-1,0.3\n0.2,0.4\n") == first
    assert hash_of("a.csv", "0.1,0.3\n0.2,0.5\n") != first
    assert hash_of("a.csv", "0.2,0.4\n0.1,0.3\n") != first


def test_the_hash_covers_every_group(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.csv").write_text("0.1,0.3\n")
    files = [str(tmp_path / f"{number}.csv") for number in range(3)]
    problem = {"kind": "network", "layers": [1, 1]}
    axes = {"problem.data": files, "train.max_steps": list(range(1, 401)), "learning_rate": [1.0]}

    def hash_now() -> str:
        return plan_of({"problem": problem, "axes": axes}, train={}).hash

    assert plan_of({"problem": problem, "axes": axes}, train={}).groups == 1200
    before = hash_now()
    assert hash_now() == before
    Path(files[-1]).write_text("0.1,0.4\n")
    assert hash_now() != before


def test_the_parameters_of_all_groups_are_known() -> None:
    changes = {
        "problem": {"kind": "network", "inputs": [[0.1]], "targets": [[0.3]]},
        "axes.layers": [[1, 1], [1, 2, 1], [1, 1, 1]],
    }
    assert plan_of(changes).parameter_names == ()
    assert plan_of(changes | {"record.final_parameters": True}).parameter_names == (
        "weight_1_0_0", "weight_1_0_1", "weight_2_0_0", "weight_2_1_0",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, []),
        ({"name": "other", "description": "Other words.", "record.every": 3}, []),
        ({"train.max_steps": 51}, ["train.max_steps: 50 → 51"]),
        (
            {"entropy": 1, "axes.learning_rate": [1.0, 2.0]},
            ["entropy: 0 → 1", "axes.learning_rate: [1.0, 100.0, 1000.0] → [1.0, 2.0]"],
        ),
        ({"axes.seed": {"count": 5}}, ["axes.seed.count: 4 → 5"]),
        (
            {"record.measures": ["best_loss"]},
            ['record.measures: not set → [{"kind": "best_loss"}]'],
        ),
        ({"axes.low": [0.0]}, ["axes.low: not set → [0.0]"]),
        (
            {"axes": {"seed": {"count": 4}, "learning_rate": [1.0, 100.0, 1000.0]}},
            ['the order of axes: ["learning_rate", "seed"] → ["seed", "learning_rate"]'],
        ),
    ],
)
def test_differences_are_named_by_key(changes: dict[str, Any], lines: list[str]) -> None:
    found = differences(plan_of().identity(), plan_of(changes).identity())
    assert sorted(found) == sorted(lines)
    assert bool(found) is (plan_of().hash != plan_of(changes).hash)


def test_differences_name_an_axis_as_the_sweep_file_does() -> None:
    old = plan_of(axes={"learning_rate": [1.0, 3.0]})
    new = plan_of(axes={"zip": [{"optimizer.learning_rate": [2.0, 4.0], "low": [0.0, 0.5]}]})
    written = {axis.key: axis.written for axis in new.axes}
    assert differences(old.identity(), new.identity(), written) == [
        'axes.zip[0]."optimizer.learning_rate": [1.0, 3.0] → [2.0, 4.0]',
        "axes.zip[0].low: not set → [0.0, 0.5]",
    ]


def test_different_data_are_named(tmp_path: Path) -> None:
    def identity_of(text: str) -> dict[str, object]:
        (tmp_path / "data.csv").write_text(text)
        problem = {"kind": "network", "layers": [1, 1], "data": str(tmp_path / "data.csv")}
        return plan_of({"problem": problem}).identity()

    found = differences(identity_of("0.1,0.3\n"), identity_of("0.1,0.4\n"))
    assert found == ["problem: the content of a file or dataset"]


def test_options_that_an_older_version_did_not_know_are_not_named() -> None:
    now = plan_of({}).identity()
    sweep: Any = now["sweep"]
    train = {key: value for key, value in sweep["train"].items() if key != "dtype"}
    old = {**now, "sweep": {**sweep, "train": {**train, "max_steps": 1}}, "results_version": 1}
    steps = sweep["train"]["max_steps"]
    assert differences(old, now) == [
        f"train.max_steps: 1 → {steps}",
        f"the version of results: 1 → {RESULTS_VERSION}",
    ]


def test_another_results_version_is_named() -> None:
    now = plan_of().identity()
    assert differences({**now, "results_version": 1}, now) == [
        f"the version of results: 1 → {RESULTS_VERSION}"
    ]


# recording ---------------------------------------------------------------------------------


def recorded(plan: Plan) -> list[dict[str, Any]]:
    """The axis values of every recorded trial."""
    rows = []
    for shard in plan.shards():
        recording = plan.recording(shard)
        if recording is None:
            continue
        trials = recording.rows + shard.start
        columns = plan.columns(trials)
        rows += [{name: values[i] for name, values in columns.items()} for i in range(len(trials))]
    return rows


@pytest.mark.parametrize(("num", "expected"), [(2, 2), (4, 4), (9, 9), (10, 9), (500, 9)])
def test_by_default_at_most_nine_rates_of_the_first_seed_are_recorded(
    num: int, expected: int
) -> None:
    plan = plan_of(
        {"axes": {"learning_rate": {"log10": [0, 3], "num": num}, "seed": [8, 2, 3],
                  "low": [-1.0, -2.0]}}
    )  # fmt: skip
    rows = recorded(plan)
    rates = [row["learning_rate"] for row in rows]
    assert len(rows) == len(set(rates)) == expected
    assert {row["seed"] for row in rows} == {8}
    assert {row["low"] for row in rows} == {-1.0}
    assert rates[0] == 1
    assert num == 1 or rates[-1] == 1000


def test_by_default_every_structure_is_recorded() -> None:
    plan = plan_of({"problem": NETWORK, "axes.activation": ["tanh", "relu"]})
    assert [(row["activation"], row["learning_rate"]) for row in recorded(plan)] == [
        (name, rate) for name in ("tanh", "relu") for rate in (1, 100, 1000)
    ]


def test_chosen_trials_are_recorded_and_no_others() -> None:
    plan = plan_of({"record.trials": {"seed": [3, 1], "learning_rate": [100]}})
    assert recorded(plan) == [
        {"seed": 1, "learning_rate": 100.0},
        {"seed": 3, "learning_rate": 100.0},
    ]


def test_an_axis_that_is_not_chosen_is_recorded_completely() -> None:
    rows = recorded(plan_of({"record.trials": {"seed": [2]}}))
    assert rows == [{"seed": 2, "learning_rate": rate} for rate in (1.0, 100.0, 1000.0)]


@pytest.mark.parametrize("rate", [{"log10": [-2, 5], "num": 141}, {"log10": [5, -2], "num": 141}])
def test_a_value_is_found_on_a_long_axis(rate: dict[str, Any]) -> None:
    plan = plan_of({"axes.learning_rate": rate, "record.trials": {"learning_rate": [10, 1e5]}})
    assert {row["learning_rate"] for row in recorded(plan)} == {10.0, 1e5}


def test_strings_and_lists_are_chosen_as_shown() -> None:
    plan = plan_of(
        {
            "problem": {"kind": "network", "inputs": [[0.1]], "targets": [[0.3]]},
            "axes.layers": [[1, 1], [1, 3, 1]],
            "record.trials": {"layers": ["1-3-1"], "seed": [0]},
        }
    )
    assert {row["layers"] for row in recorded(plan)} == {"1-3-1"}


def test_an_unknown_value_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(SweepFileError, match=r"90 is not a value.*nearest is 100"):
        plan_of({"record.trials": {"learning_rate": [90]}})


def test_recording_interval_and_values() -> None:
    plan = plan_of({"record": {"every": 7, "values": ["gradient_norm"]}})
    recording = plan.recording(next(plan.shards()))
    assert recording is not None
    assert (recording.every, recording.values) == (7, ("gradient_norm",))


def test_by_default_the_length_of_a_trajectory_is_limited() -> None:
    plan = plan_of({"train.max_steps": 10**7})
    recording = plan.recording(next(plan.shards()))
    assert recording is not None
    assert 10**7 // recording.every <= 10_000
    assert plan_of().recording(next(plan_of().shards())).every == 1  # type: ignore[union-attr]


# cuts --------------------------------------------------------------------------------------

CUT = Cut(((2, ((1, 10), (2, 4))), (1, ((3, 5),))))


def cut_of(*runs: tuple[int, int]) -> Cut:
    return Cut.of([(1, runs)])


def test_a_cut_gives_the_range_of_every_shard() -> None:
    ranges = [
        (0, 10),
        (10, 14),
        (14, 18),
        (18, 28),
        (28, 32),
        (32, 36),
        (36, 41),
        (41, 46),
        (46, 51),
    ]
    assert list(CUT.ranges()) == ranges
    assert [CUT.range_of(shard) for shard in range(9)] == ranges
    assert (CUT.shards, CUT.trials) == (9, 51)
    for number in (-1, 9):
        with pytest.raises(IndexError):
            CUT.range_of(number)


def test_a_cut_merges_what_repeats() -> None:
    assert cut_of((1, 5), (0, 7), (2, 5), (1, 3)) == Cut(((1, ((3, 5), (1, 3))),))
    assert Cut.of([(1, [(2, 5)]), (3, [(1, 5)])]) == Cut(((1, ((5, 5),)),))
    assert Cut.of([(1, [(2, 5), (1, 3)])] * 1000) == Cut(((1000, ((2, 5), (1, 3))),))


@given(
    st.lists(st.tuples(st.integers(1, 3), st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)),
                                                   min_size=1)), min_size=1)
)  # fmt: skip
def test_a_merged_cut_has_the_same_shards(repeats: list[tuple[int, list[tuple[int, int]]]]) -> None:
    lengths = [
        length for times, runs in repeats for _ in range(times)
        for shards, length in runs for _ in range(shards)
    ]  # fmt: skip
    ends = list(itertools.accumulate(lengths))
    ranges = list(zip([0, *ends], ends, strict=False))
    cut = Cut.of(repeats)
    assert list(cut.ranges()) == ranges
    assert [cut.range_of(shard) for shard in range(len(ranges))] == ranges


def test_a_cut_survives_the_round_trip_through_plain_data() -> None:
    assert Cut.from_data(json.loads(json.dumps(CUT.as_data()))) == CUT


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        [[1]],
        [[1, 2]],
        [[1, []]],
        [[0, [[1, 2]]]],
        [[1, [[1, 2.0]]]],
        [[True, [[1, 2]]]],
    ],
)
def test_invalid_data_is_not_a_cut(data: object) -> None:
    with pytest.raises(ValueError, match="a cut"):
        Cut.from_data(data)


def test_a_plan_accepts_another_cut() -> None:
    plan = plan_of()
    other = plan.with_cut(cut_of((2, 5), (1, 2)))
    assert [(shard.start, shard.stop) for shard in other.shards()] == [(0, 5), (5, 10), (10, 12)]
    assert other.hash == plan.hash
    assert pickle.loads(pickle.dumps(other)).cut == other.cut
    for wrong in (cut_of((1, 11)), cut_of((1, 13)), cut_of((2, 12))):
        with pytest.raises(ValueError, match="the cut"):
            plan.with_cut(wrong)


def test_a_shard_of_another_cut_lies_inside_a_group() -> None:
    plan = plan_of({"axes": {"problem.bias": [False, True], "learning_rate": [1.0, 2.0, 3.0, 4.0]}})
    for right in (cut_of((4, 2)), cut_of((2, 4)), cut_of((1, 3), (1, 1), (1, 4))):
        assert plan.with_cut(right).cut == right
    for wrong in (cut_of((2, 3), (1, 2)), cut_of((1, 8)), cut_of((1, 2), (1, 4), (1, 2))):
        with pytest.raises(ValueError, match="does not fit"):
            plan.with_cut(wrong)


def test_a_data_file_is_read_once_for_all_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: list[Path] = []

    def counted(path: Path, *options: Any) -> Any:
        paths.append(path)
        return read_samples(path, *options)

    monkeypatch.setattr(samples, "read_samples", counted)
    names = ["a.csv", "b.csv"]
    for name in names:
        (tmp_path / name).write_text("0.1,0.3\n0.2,0.4\n")
    problem = {"kind": "network", "layers": [1, 1]}
    axes = {
        "problem.activation": ["tanh", "relu", "sigmoid"],
        "problem.data": [str(tmp_path / name) for name in names],
        "train.max_steps": [5, 6],
        "learning_rate": [1.0],
    }
    plan = plan_of({"problem": problem, "axes": axes}, train={})
    assert plan.groups == 12
    assert len(plan.hash) == 64
    list(plan.shards())
    assert sorted(path.name for path in paths) == names
