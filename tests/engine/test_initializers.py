"""Initializers: every registered one is tested.

Seeds, numbers per lane, published variances, and files.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdbatch import registry
from gdbatch.engine import Task
from gdbatch.errors import SweepFileError
from gdbatch.plan import Plan
from gdbatch.random_streams import generator
from gdbatch.sweep_file import read_sweep
from tests.documents import TEXT, plan_of
from tests.engine.helpers import Array

LAYERS = [3, 4, 2]
NEEDED: dict[str, dict[str, Any]] = {
    "constant": {"value": 0.25},
    "point": {"values": [0.1 * place for place in range(20)]},
    "file": {"file": "sets.npz"},
}
KINDS = sorted(registry.family("init").keys() - {"module"})  # which networks do not have
FIXED = ("constant", "point")
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with sets of parameters for six seeds of a 3→4→2 network."""
    random = np.random.default_rng(8)
    shapes = {"weight_1": (3, 4), "weight_2": (4, 2), "bias_1": (4,), "bias_2": (2,)}
    sets: dict[str, Any] = {name: random.normal(size=(6, *shape)) for name, shape in shapes.items()}
    np.savez(tmp_path / "sets.npz", **{name: sets[name] for name in ("weight_1", "weight_2")})
    np.savez(tmp_path / "biased.npz", **sets)
    np.savez(tmp_path / "shared.npz", **{name: array[0] for name, array in sets.items()})
    np.savez(tmp_path / "swapped.npz", weight_1=np.ones((4, 3)), weight_2=np.ones((4, 2)))
    np.savez(tmp_path / "deep.npz", weight_1=np.ones((3, 4)), weight_2=np.ones((4, 4)),
             weight_3=np.ones((4, 2)))  # fmt: skip
    np.savez(tmp_path / "uneven.npz", weight_1=np.ones((6, 3, 4)), weight_2=np.ones((5, 4, 2)))
    np.savez(tmp_path / "broken.npz", weight_1=np.full((3, 4), np.nan), weight_2=np.ones((4, 2)))
    np.savez(tmp_path / "place.npz", parameters=np.array([0.5, -1.5]))
    (tmp_path / "text.npz").write_text("no arrays")
    monkeypatch.chdir(tmp_path)
    return tmp_path


NETWORK = {
    "kind": "network", "layers": LAYERS, "bias": True, "inputs": [[1, 2, 3]], "targets": [[0, 1]]
}  # fmt: skip


def task_of(init: dict[str, Any], axes: dict[str, Any] | None = None, seeds: int = 6) -> Task:
    plan = plan_of(
        problem=NETWORK,
        init=init,
        train={"max_steps": 10},
        axes={"seed": {"count": seeds}, "learning_rate": [1.0], **(axes or {})},
    )
    return plan.task_of(0, np.arange(plan.trials))


def starts(init: dict[str, Any], axes: dict[str, Any] | None = None, seeds: int = 6) -> Array:
    task = task_of(init, axes, seeds)
    return task.initial_parameters(np.arange(len(task)))


def refused(init: dict[str, Any], axes: dict[str, Any] | None = None) -> str:
    with pytest.raises(SweepFileError) as caught:
        starts(init, axes)
    (problem,) = caught.value.problems
    return f"{problem.key}: {problem.message}"


# every entry -----------------------------------------------------------------------------------


@every_kind
def test_the_start_depends_only_on_the_seed(kind: str) -> None:
    init = {"kind": kind, **NEEDED.get(kind, {}), "biases": 0.5}
    task = task_of(init)
    found = task.initial_parameters(np.arange(6))
    assert found.shape == (task.problem.n_parameters, 6)
    assert np.isfinite(found).all()
    assert (found[task.problem.is_bias] == 0.5).all()
    assert len(np.unique(found, axis=1).T) == (1 if kind in FIXED else 6)
    for rows in ([5], [3, 0, 3]):
        assert np.array_equal(task.initial_parameters(np.array(rows)), found[:, rows])


@every_kind
def test_biases_can_be_drawn_without_changing_the_weights(kind: str) -> None:
    init = {"kind": kind, **NEEDED.get(kind, {})}
    with_zeros, bias = starts(init), task_of(init).problem.is_bias
    uniform: dict[str, Any] = {"kind": "uniform", "low": -1.0, "high": 3.0}
    third = 3**-0.5  # the units below are 3 and 4
    ends = [(-1.0, 3.0)] * 6, [(-third, third)] * 4 + [(-0.5, 0.5)] * 2
    for biases, limits in zip((uniform, {"kind": "fan_in"}), ends, strict=True):
        found = starts({**init, "biases": biases})
        assert np.array_equal(found[~bias], with_zeros[~bias])
        assert np.array_equal(found[bias], starts({"kind": "normal", "biases": biases})[bias])
        low, high = np.array(limits).T[:, :, None]
        drawn = (found[bias] - low) / (high - low)
        assert ((drawn >= 0) & (drawn < 1)).all()
        assert len(np.unique(drawn)) == drawn.size
        # 36 uniform numbers: the mean is 0.5 ± 4 · 0.29/6
        assert abs(drawn.mean() - 0.5) < 0.19
        assert drawn.max() - drawn.min() > 0.7


def test_biases_by_fan_in_start_as_at_the_base_width() -> None:
    wide = NETWORK | {"layers": [3, "width", 2], "base_width": 4, "width": 16}

    def largest(parametrization: str) -> float:
        plan = plan_of(
            problem=wide | {"parametrization": parametrization},
            init={"kind": "lecun", "biases": {"kind": "fan_in"}},
            axes={"seed": {"count": 20}, "learning_rate": [1.0]},
        )
        task = plan.task_of(0, np.arange(20))
        return float(np.abs(task.initial_parameters(np.arange(20))[-2:]).max())  # of 40 biases

    assert 0.4 < largest("mup") <= 0.5
    assert 0.2 < largest("standard") <= 0.25


def test_lanes_with_drawn_biases_differ_in_the_initializers_numbers() -> None:
    biases = {"kind": "fan_in"}
    both = starts({"kind": "uniform", "biases": biases}, {"init.high": [1.0, 2.0]}, seeds=3)
    for place, high in enumerate((1.0, 2.0)):
        alone = starts({"kind": "uniform", "high": high, "biases": biases}, seeds=3)
        assert np.array_equal(both[:, place::2], alone)


@every_kind
def test_options_may_differ_between_lanes(kind: str) -> None:
    options = registry.get("init", kind).Options
    table = {"kind": kind, **NEEDED.get(kind, {})}
    context = options.model_validate(table)
    for key in options.lane_keys():
        given = getattr(context, key)
        axis = f"init.{key}.1" if isinstance(given, list) else f"init.{key}"
        old = given[1] if isinstance(given, list) else given
        new = old + 0.75
        rest = {name: value for name, value in table.items() if name != key or "." in axis[5:]}
        # the last axis is the fastest: lanes alternate between the two numbers
        together = starts(rest, {axis: [old, new]}, seeds=3)
        assert np.array_equal(together[:, ::2], starts(table, seeds=3))
        fixed = list(given) if isinstance(given, list) else new
        if isinstance(given, list):
            fixed[1] = new
        assert np.array_equal(together[:, 1::2], starts({**rest, key: fixed}, seeds=3))


@pytest.mark.parametrize("kind", [one for one in KINDS if one not in FIXED])
def test_scales_and_offsets_per_layer(kind: str) -> None:
    options, table = registry.get("init", kind).Options, {"kind": kind, **NEEDED.get(kind, {})}
    if "scale" not in options.model_fields:
        assert kind == "uniform"  # which has low and high instead
        return
    offset = "offset" if "offset" in options.model_fields else "mean"
    plain = starts(table)
    layer = np.array([1] * 12 + [0] * 4 + [2] * 8 + [0] * 2)[:, None]  # weights, biases, …
    expected = np.where(layer == 0, plain, np.where(layer == 1, 0.5 * plain + 3, 2 * plain - 1))
    found = starts({**table, "scale": [0.5, 2.0], offset: [3.0, -1.0]})
    assert np.allclose(found, expected, rtol=1e-15)
    varied = starts({**table, "scale": [1.0, 2.0], offset: [3.0, -1.0]}, {"init.scale.0": [0.5]})
    assert np.array_equal(varied, found)


def test_uniform_and_normal_draws_do_not_change() -> None:
    for seed in range(3):
        uniform, normal = (generator(0, "init", seed) for _ in range(2))
        weights = np.r_[:12, 16:24]
        assert np.array_equal(starts({"kind": "uniform"})[weights, seed], uniform.random(20))
        drawn = normal.standard_normal(20)
        assert np.array_equal(starts({"kind": "normal"})[weights, seed], drawn)


# variances -------------------------------------------------------------------------------------

VARIANCES = {
    "xavier": lambda below, units: 2 / (below + units),
    "he": lambda below, units: 2 / below,
    "lecun": lambda below, units: 1 / below,
}


def layers_of(init: dict[str, Any], layers: list[int]) -> list[Array]:
    problem = {"kind": "network", "layers": layers}
    problem |= {"inputs": [[0] * layers[0]], "targets": [[0] * layers[-1]]}
    plan = plan_of(problem=problem, init=init, axes={"learning_rate": [1.0]})
    task = plan.task_of(0, np.arange(1))
    flat, matrices = task.initial_parameters(np.arange(1))[:, 0], []
    for shape in itertools.pairwise(layers):
        size = shape[0] * shape[1]
        matrices.append(flat[:size].reshape(shape))
        flat = flat[size:]
    return matrices


@pytest.mark.parametrize("distribution", [None, "normal", "uniform"])
@pytest.mark.parametrize("kind", VARIANCES)
def test_variances_match_their_sources(kind: str, distribution: str | None) -> None:
    init = {"kind": kind} if distribution is None else {"kind": kind, "distribution": distribution}
    for matrix in layers_of(init, [100, 300, 80]):
        expected = VARIANCES[kind](*matrix.shape)
        # about 27,000 draws: the relative error of a normal variance is √(2/n), a hundredth
        assert matrix.var() == pytest.approx(expected, rel=0.04)
        assert abs(matrix.mean()) < 4 * np.sqrt(expected / matrix.size)
        bounded = np.abs(matrix).max() <= np.sqrt(3 * expected)
        assert bounded == ((distribution or ("uniform" if kind == "xavier" else "")) == "uniform")


def test_orthogonal_layers_keep_lengths() -> None:
    for matrix in layers_of({"kind": "orthogonal", "scale": 2.0}, [7, 7, 3, 5]):
        below, units = matrix.shape
        product = matrix.T @ matrix if below >= units else matrix @ matrix.T
        assert np.allclose(product, 4 * np.eye(min(below, units)), atol=1e-13)


# points and files ------------------------------------------------------------------------------

SADDLE = {"kind": "function", "function": "saddle"}


def function_starts(init: dict[str, Any], axes: dict[str, Any]) -> Array:
    train = {"max_steps": 10}
    plan = plan_of(problem=SADDLE, init=init, train=train, axes={"learning_rate": [1.0], **axes})
    return plan.task_of(0, np.arange(plan.trials)).initial_parameters(np.arange(plan.trials))


def test_two_start_coordinates_as_axes() -> None:
    axes = {"init.values.0": {"linear": [-1, 1], "num": 3}, "values.1": [5.0, 6.0]}
    found = function_starts({"kind": "point"}, axes)
    assert found.tolist() == [[-1, -1, 0, 0, 1, 1], [5, 6, 5, 6, 5, 6]]
    one = function_starts({"kind": "point", "values": [9.0, 2.0]}, {"init.values.0": [3.0, 4.0]})
    assert one.tolist() == [[3, 4], [2, 2]]


def test_an_axis_of_whole_points_splits_the_plan() -> None:
    points = [[1.0, 2.0], [3.0, 4.0]]
    axes = {"init.values": points, "learning_rate": [1.0]}
    plan = plan_of(problem=SADDLE, init={"kind": "point"}, train={"max_steps": 10}, axes=axes)
    assert plan.groups == 2
    for number in range(2):
        start = plan.task_of(number, np.array([number])).initial_parameters(np.array([0]))
        assert start[:, 0].tolist() == points[number]
    assert plan.columns(np.arange(2))["values"] == ["1.0-2.0", "3.0-4.0"]


def test_a_function_starts_from_a_file() -> None:
    found = function_starts({"kind": "file", "file": "place.npz", "scale": 2.0}, {})
    assert found.tolist() == [[1.0], [-3.0]]


def test_a_file_has_one_set_or_one_per_seed(files: Path) -> None:
    with np.load(files / "biased.npz") as held:
        expected = np.concatenate(
            [held[name].reshape(6, -1) for name in ("weight_1", "bias_1", "weight_2", "bias_2")], 1
        )
    assert np.array_equal(starts({"kind": "file", "file": "biased.npz"}).T, expected)
    shared = starts({"kind": "file", "file": "shared.npz"}, seeds=50)
    assert (expected[0] == shared.T).all()


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("swapped.npz", ["swapped.npz", '"weight_1"', "(4, 3)", "(3, 4)"]),
        ("deep.npz", ["weight_1, weight_2, weight_3", "starts from weight_1, weight_2"]),
        ("uneven.npz", ['"weight_2"', "(5, 4, 2)", "(6, 4, 2)"]),
        ("broken.npz", ['"weight_1"', "finite"]),
        ("place.npz", ["holds parameters", "weight_1, weight_2"]),
        ("text.npz", ["text.npz", "not an npz file"]),
        ("set.npz", ["no such init file", 'did you mean "sets.npz"?']),
        ("sets.csv", ["no such init file"]),
    ],
)
def test_a_file_that_does_not_fit_is_rejected(file: str, words: list[str]) -> None:
    message = refused({"kind": "file", "file": file})
    assert message.startswith("init.file: ")
    for word in words:
        assert word in message


def test_a_seed_without_a_set_is_rejected(files: Path) -> None:
    message = refused({"kind": "file", "file": "sets.npz"}, {"seed": {"count": 7}})
    assert message.startswith("axes.seed: ")
    assert "6 sets" in message and "none for seed 6" in message


def test_file_contents_are_part_of_the_plan(files: Path) -> None:
    text = TEXT.replace('kind = "uniform"', 'kind = "file"\nfile = "one.npz"')
    (files / "sweep.toml").write_text(text.replace("count = 4", "count = 1"))
    hashes = []
    for weight in (1.0, 2.0):
        np.savez(files / "one.npz", weight_1=np.array([[weight]]))
        hashes.append(Plan(read_sweep(files / "sweep.toml")).hash)
        (files / "one.npz").rename(files / "two.npz")
        other = (files / "sweep.toml").read_text().replace("one.npz", "two.npz")
        (files / "other.toml").write_text(other)
        assert Plan(read_sweep(files / "other.toml")).hash == hashes[-1]
    assert hashes[0] != hashes[1]


@pytest.mark.parametrize(
    ("init", "words"),
    [
        ({"kind": "point", "values": [1.0]}, ["init.values", "1 initial values", "20 weights"]),
        ({"kind": "he", "scale": [1.0]}, ["init.scale", "1 numbers", "2 layers"]),
        ({"kind": "normal", "mean": [1.0, 2.0, 3.0]}, ["init.mean", "3 numbers", "2 layers"]),
        ({"kind": "normal", "scale": [1.0, -2.0]}, ["init.scale[1]", "0 or more", "-2"]),
        ({"kind": "xavier", "distribution": "cauchy"}, ["init.distribution", '"normal"']),
        ({"kind": "file"}, ["init.file", "missing"]),
    ],
)
def test_options_that_do_not_fit_are_rejected(init: dict[str, Any], words: list[str]) -> None:
    message = refused(init)
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("init", "axes", "words"),
    [
        ({"kind": "normal"}, {"init.scale.2": [1.0]}, ["missing"]),
        ({"kind": "normal", "scale": 1.0}, {"init.scale.0": [1.0]}, ["not a list"]),
        ({"kind": "normal", "scale": [1.0, 1.0]}, {"init.scale.2": [1.0]}, ["init.scale.1"]),
        ({"kind": "normal", "scale": [1.0, 1.0]}, {"init.scale.0": [1.0, -1.0]}, ["0 or more"]),
        ({"kind": "normal"}, {"init.scale": [1.0], "init.scale.0": [1.0]}, ["axis already"]),
        (
            {"kind": "normal", "scale": [1.0, 1.0]},
            {"init.scale.1000000000": [1.0]},
            ["cannot be an axis"],
        ),
    ],
)
def test_wrong_axes_of_list_elements_are_rejected(
    init: dict[str, Any], axes: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(SweepFileError) as caught:
        starts(init, axes)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("kind", ["xavier", "orthogonal"])
def test_initializers_by_layer_need_layers(kind: str) -> None:
    with pytest.raises(SweepFileError, match=r"init\.kind.*needs the layers of a network"):
        function_starts({"kind": kind}, {})
