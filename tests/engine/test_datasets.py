"""Datasets drawn from a seed: every registered one is tested.

Shapes, seeds, and the claims of their docstrings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gdbatch import registry
from gdbatch.errors import SweepFileError
from gdbatch.ingredients.datasets.protocol import Dataset
from gdbatch.plan import Plan
from gdbatch.sweep_file import read_sweep
from tests.documents import document
from tests.engine.helpers import Array

NEEDED: dict[str, dict[str, Any]] = {"teacher": {"layers": [3, 5, 2]}}
DRAWN = registry.family("dataset").items()
KINDS = sorted(name for name, entry in DRAWN if issubclass(entry, Dataset))
FIXED = ("chebyshev", "xor")  # not random without noise
every_kind = pytest.mark.parametrize("kind", KINDS)


def plan_of(data: dict[str, Any], layers: list[int], entropy: int = 0, **axes: Any) -> Plan:
    problem = {"kind": "network", "layers": layers, "data": data}
    sweep = document(problem=problem, entropy=entropy, axes={"learning_rate": [1.0], **axes})
    return Plan(read_sweep(sweep))


def widths(kind: str) -> list[int]:
    given = NEEDED.get(kind, {}).get("layers")
    if given:
        return [given[0], given[-1]]
    fields = registry.get("dataset", kind).Options.model_fields
    inputs = {"chebyshev": 1}.get(kind, fields["inputs"].default if "inputs" in fields else 2)
    return [inputs, 1]


def drawn(kind: str, entropy: int = 0, **options: Any) -> tuple[Array, Array]:
    data = {"kind": kind, **NEEDED.get(kind, {}), **options}
    layers = [options.get("inputs", widths(kind)[0]), options.get("outputs", widths(kind)[1])]
    if options.get("classes", 2) > 2:
        layers[1] = options["classes"]
    options_ = plan_of(data, layers, entropy).sweep.first.problem
    samples = options_.samples  # type: ignore[attr-defined]
    return samples.inputs, samples.targets


@every_kind
def test_samples_are_drawn_from_a_seed(kind: str) -> None:
    inputs, targets = drawn(kind, samples=30)
    assert inputs.shape == (30, widths(kind)[0])
    assert targets.shape == (30, widths(kind)[1])
    assert np.isfinite(inputs).all()
    assert np.isfinite(targets).all()
    again = drawn(kind, samples=30)
    assert np.array_equal(inputs, again[0])
    assert np.array_equal(targets, again[1])
    for other in (drawn(kind, samples=30, seed=1), drawn(kind, samples=30, entropy=1)):
        same = np.array_equal(inputs, other[0]) and np.array_equal(targets, other[1])
        assert same == (kind in FIXED)


@every_kind
def test_noise_has_the_given_deviation(kind: str) -> None:
    if "noise" not in registry.get("dataset", kind).Options.model_fields:
        return
    plain, noisy = (drawn(kind, samples=4000, noise=noise) for noise in (0.0, 0.3))
    differences = np.concatenate([(noisy[0] - plain[0]).ravel(), (noisy[1] - plain[1]).ravel()])
    differences = differences[differences != 0]
    assert differences.std() == pytest.approx(0.3, rel=0.05)


@every_kind
def test_a_dataset_is_part_of_the_plan(kind: str) -> None:
    layers = widths(kind)
    data = {"kind": kind, **NEEDED.get(kind, {})}
    plain = plan_of(data, layers)
    assert plain.group(0).problem.n_predictions == layers[1] * len(
        plain.sweep.first.problem.samples  # type: ignore[attr-defined]
    )
    assert plain.hash != plan_of(data | {"samples": 17}, layers).hash
    resolved: Any = plain.resolved()
    assert resolved["problem"]["data"]["kind"] == kind


def test_linear_targets_are_linear() -> None:
    inputs, targets = drawn("linear", inputs=3, outputs=2, samples=50)
    weights = np.linalg.lstsq(inputs, targets)[0]
    assert np.allclose(inputs @ weights, targets, atol=1e-13)


def test_a_teacher_has_the_given_layers() -> None:
    inputs, targets = drawn("teacher", layers=[3, 5, 2], samples=20_000)
    assert 0.1 < targets.var() < 1
    weights = np.linalg.lstsq(inputs, targets)[0]
    assert 0.01 < (targets - inputs @ weights).var() < targets.var()  # not linear
    inputs, targets = drawn("teacher", layers=[3, 2], samples=50)
    assert np.allclose(inputs @ np.linalg.lstsq(inputs, targets)[0], targets, atol=1e-13)


def test_pure_noise_is_normal() -> None:
    for part in drawn("normal", inputs=16, samples=5000):
        assert part.mean() == pytest.approx(0, abs=0.05)
        assert part.std() == pytest.approx(1, rel=0.05)


def test_moons_are_half_circles() -> None:
    inputs, targets = drawn("two_moons", samples=501, noise=0.0, labels=[-1.0, 1.0])
    upper, lower = inputs[targets[:, 0] == -1], inputs[targets[:, 0] == 1]
    assert [len(upper), len(lower)] == [251, 250]
    assert np.allclose(np.hypot(*upper.T), 1)
    assert np.allclose(np.hypot(lower[:, 0] - 1, lower[:, 1] - 0.5), 1)
    assert upper[:, 1].min() >= 0
    assert lower[:, 1].max() <= 0.5


def test_circles_have_their_radii() -> None:
    inputs, targets = drawn("circles", noise=0.0, ratio=0.3)
    assert np.allclose(np.hypot(*inputs.T), np.where(targets[:, 0] == 1, 0.3, 1.0))
    assert abs(inputs.mean()) < 0.2


@pytest.mark.parametrize("classes", [2, 4])
def test_blobs_lie_around_their_centres(classes: int) -> None:
    inputs, targets = drawn("blobs", classes=classes, inputs=3, samples=4000, spread=0.01)
    names = np.argmax(targets, axis=1) if classes > 2 else targets[:, 0].astype(int)
    assert (targets.sum(axis=1) == 1).all() or classes == 2
    assert np.bincount(names).tolist() == [4000 // classes] * classes
    centres = np.array([inputs[names == name].mean(axis=0) for name in range(classes)])
    assert (inputs - centres[names]).std() == pytest.approx(0.01, rel=0.05)


def test_exclusive_or() -> None:
    inputs, targets = drawn("xor")
    assert inputs.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert targets.tolist() == [[0], [1], [1], [0]]
    assert np.array_equal(drawn("xor", samples=9)[1][:, 0], [0, 1, 1, 0, 0, 1, 1, 0, 0])


@pytest.mark.parametrize("degree", [0, 1, 2, 5])
def test_chebyshev_polynomials(degree: int) -> None:
    inputs, targets = drawn("chebyshev", degree=degree, samples=11)
    polynomial = np.polynomial.chebyshev.chebval(inputs, [0] * degree + [1])
    assert np.allclose(targets, polynomial, atol=1e-14)
    # the roots of T_n
    assert np.allclose(np.polynomial.chebyshev.chebval(inputs, [0] * 11 + [1]), 0, atol=1e-13)
    even, _ = drawn("chebyshev", degree=degree, samples=11, spacing="even")
    assert np.allclose(even[:, 0], np.linspace(-1, 1, 11))


def test_dataset_axes_split_the_plan() -> None:
    data = {"kind": "two_moons", "samples": 10}
    axes: dict[str, Any] = {"problem.data.noise": [0.0, 0.5], "problem.data.seed": {"count": 3}}
    plan = plan_of(data, [2, 1], **axes, seed={"count": 2})
    assert plan.groups == 6
    assert [axis.column for axis in plan.axes] == [
        "noise", "problem.data.seed", "seed", "learning_rate"
    ]  # fmt: skip
    problems: Any = [plan.group(number).problem for number in range(6)]
    inputs = [problem.layers.inputs for problem in problems]
    assert len({part.tobytes() for part in inputs}) == 6
    assert np.array_equal(inputs[0], drawn("two_moons", samples=10, noise=0.0)[0])


@pytest.mark.parametrize(
    ("data", "layers", "key", "words"),
    [
        ({}, [2, 1], "problem.data", ['missing key "kind"', "two_moons"]),
        ({"kind": "moons"}, [2, 1], "problem.data.kind", ['did you mean "two_moons"?']),
        ({"kind": 3}, [2, 1], "problem.data.kind", ["string"]),
        ({"kind": "xor", "nois": 1}, [2, 1], "problem.data.nois", ['did you mean "noise"?']),
        ({"kind": "xor", "noise": -1}, [2, 1], "problem.data.noise", ["0 or more"]),
        ({"kind": "xor", "labels": [1]}, [2, 1], "problem.data.labels", ["at least 2"]),
        ({"kind": "xor", "samples": 10**9}, [2, 1], "problem.data.samples", ["or less"]),
        (
            {"kind": "xor"},
            [3, 1],
            "problem.data",
            ["2 inputs and 1 targets", "layers = [3, 1] needs 3 and 1"],
        ),
        ({"kind": "teacher"}, [3, 1], "problem.data.layers", ["missing"]),
        ({"kind": "circles", "ratio": 2}, [2, 1], "problem.data.ratio", ["1 or less"]),
    ],
)
def test_a_wrong_dataset_is_rejected(
    data: dict[str, Any], layers: list[int], key: str, words: list[str]
) -> None:
    with pytest.raises(SweepFileError) as caught:
        plan_of(data, layers)
    (problem,) = caught.value.problems
    assert problem.key == key
    for word in words:
        assert word in problem.message


def test_a_misspelt_dataset_with_axes_is_reported_once() -> None:
    axes: dict[str, Any] = {"problem.data.noise": [0.0]}
    with pytest.raises(SweepFileError) as caught:
        plan_of({"kind": "moons"}, [2, 1], **axes)
    assert [problem.key for problem in caught.value.problems] == ["problem.data.kind"]
