"""Data from Python and real data: which objects `run_sweep` takes, and what a run knows of them."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets

from gdbatch.api import Run, run_sweep
from gdbatch.errors import SweepFileError, UsageError
from gdbatch.ingredients.problems.feature_scales import FeatureScales
from gdbatch.ingredients.problems.samples import SampleOptions
from gdbatch.plan import Plan
from gdbatch.sweep_file import read_sweep
from tests.documents import document

FRAME = pd.DataFrame(
    {"length": [1, 2, 3, 4], 7: [0.5, 0.25, 0.75, 1.0], "kind": ["b", "a", "b", "a"]}
)


def sweep_of(**options: Any) -> dict[str, Any]:
    given = {"kind": "network", "layers": ["inputs", "outputs"], "loss": "cross_entropy", **options}
    return document(problem=given, train={"max_steps": 3}, axes={"learning_rate": [0.1, 0.2]})


def problem(given: object = None, /, **options: Any) -> SampleOptions:
    found = read_sweep(sweep_of(**options), data=given).first.problem
    assert isinstance(found, SampleOptions)
    return found


def plan(given: object, /, **options: Any) -> Plan:
    return Plan(read_sweep(sweep_of(**options), data=given))


def run(folder: Path, data: object = None, **options: Any) -> Run:
    return run_sweep(sweep_of(**options), data=data, out=folder / "run", jobs=1)


def test_every_form_of_the_same_data_gives_the_same_plan(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "x.csv", index=False)
    inputs, labels = FRAME[["length", 7]], FRAME["kind"]
    bunch = {"data": inputs.to_numpy(), "target": np.array([1, 0, 1, 0])}
    names = {"feature_names": ["length", "7"], "target_names": np.array(["a", "b"])}
    hashes = [
        plan(None, data=str(tmp_path / "x.csv"), target="kind").hash,
        plan(FRAME, target="kind").hash,
        plan((inputs, labels)).hash,
        plan((inputs.to_numpy(), labels.tolist())).hash,
        plan({**bunch, **names}).hash,
    ]
    assert len(set(hashes)) == 1


def test_workers_receive_the_data() -> None:
    there = pickle.loads(pickle.dumps(plan(FRAME, target="kind").for_workers()))
    assert there.group(0).problem.layers.inputs.tolist() == FRAME[["length", 7]].values.tolist()


def test_a_run_resumes_with_the_same_data_only(tmp_path: Path) -> None:
    first = run(tmp_path, FRAME, target="kind")
    given = first.manifest["sweep"]["problem"]["data"]
    assert (given["type"], given["rows"], given["columns"]) == ("DataFrame", 4, 3)
    again = run(tmp_path, FRAME.copy(), target="kind")
    assert again.totals is not None
    assert again.totals.kept_shards == 1
    assert "learning rate" in str(again.answer)
    with pytest.raises(UsageError, match=r"DataFrame from Python, 4 rows, 3 columns"):
        run(tmp_path, FRAME.assign(length=[1, 2, 3, 5]), target="kind")
    with pytest.raises(SweepFileError, match=r"pass the data from Python: run_sweep"):
        run(tmp_path, target="kind")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([1, 2, 3], "not list"),
        ("x.csv", "not str"),
        ((np.ones(3), np.ones(3)), "shape (3,)"),
        ((np.ones((3, 1)), np.ones(2)), "3 inputs, but 2 targets"),
        ((np.ones((3, 1)), np.ones((3, 1, 1))), "the targets have shape"),
        ((np.array([["a"], ["b"]]), ["x", "y"]), '"input_0" holds text'),
        (FRAME.assign(length=[1, 2, 3, np.nan]), "row 3: a value is missing"),
        (pd.DataFrame(columns=["x", "kind"]), "has no rows"),
        (pd.DataFrame([[1, 2, 3]], columns=["x", "x", "kind"]), 'several columns called "x"'),
        (FRAME.assign(kind=["a", 1, "a", 1]), "words among numbers"),
    ],
)
def test_bad_data_from_python(data: object, words: str) -> None:
    options = {} if isinstance(data, tuple) else {"target": "kind"}
    with pytest.raises(SweepFileError) as caught:
        problem(data, **options)
    (fault,) = caught.value.problems
    assert words in fault.message


SHAPES = {
    "breast_cancer": (569, 30, 1),
    "diabetes": (442, 10, 1),
    "digits": (1797, 64, 10),
    "iris": (150, 4, 3),
    "wine": (178, 13, 3),
}


@pytest.mark.parametrize(("name", "shape"), SHAPES.items())
def test_real_data(name: str, shape: tuple[int, int, int]) -> None:
    losses = {"breast_cancer": "binary_cross_entropy", "diabetes": "squared_error"}
    options = {"loss": losses.get(name, "cross_entropy"), "data": {"kind": "sklearn", "name": name}}
    samples = problem(**options).samples
    assert (*samples.inputs.shape, samples.targets.shape[1]) == shape
    bunch = getattr(datasets, f"load_{name}")()
    if name == "diabetes":
        scaled = samples.inputs - samples.inputs.mean(axis=0)
        np.testing.assert_allclose(scaled / np.linalg.norm(scaled, axis=0), bunch.data, atol=1e-12)
        assert samples.targets[:, 0].tolist() == bunch.target.tolist()
        return
    assert samples.inputs.tolist() == bunch.data.tolist()
    assert samples.classes == tuple(map(str, bunch.target_names))
    labels = samples.targets.argmax(axis=1) if shape[2] > 1 else samples.targets[:, 0]
    assert labels.tolist() == bunch.target.tolist()


def test_columns_of_real_data_can_be_selected() -> None:
    features = ["petal width (cm)", "petal length (cm)"]
    options = problem(data={"kind": "sklearn", "name": "iris"}, features=features, validation=0.1)
    assert options.samples.features == tuple(features)
    assert options.held_out is not None
    assert options.held_out.targets.sum(axis=0).tolist() == [5, 5, 5]


def test_scikit_learn_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(SweepFileError, match=r"problem\.data: .*pip install scikit-learn"):
        problem(data={"kind": "sklearn", "name": "iris"})


@pytest.mark.parametrize("kind", ["network", "function"])
def test_the_answer_names_an_unscaled_feature(tmp_path: Path, kind: str) -> None:
    frame = pd.DataFrame({"area": [0, 2000, 1000, 1000], "share": [0.1, 0.2, 0.1, 0.2]})
    frame["one"], frame["y"] = 1, [0.1, 0.2, 0.3, 0.4]
    options: dict[str, Any] = {"loss": "squared_error", "target": "y"}
    if kind == "function":
        options = {"function": "least_squares", "target": "y"}
    tables = sweep_of()
    tables["problem"] = {"kind": kind, **options}
    if kind == "network":
        tables["problem"]["layers"] = ["inputs", "outputs"]
    unscaled = Plan(read_sweep(tables, data=frame))
    scales = unscaled.group(0).problem.feature_scales
    assert isinstance(scales, FeatureScales)
    assert (scales.widest, scales.narrowest) == ("area", "share")
    assert scales.ratio == pytest.approx(5e5 / 0.0025)
    words = str(run_sweep(tables, data=frame, out=tmp_path / "plain", jobs=1).answer)
    assert '"area" has 2.0e+08 times the variance of "share"' in words
    assert "standardize = true" in words
    tables["problem"]["standardize"] = True
    scaled = run_sweep(tables, data=frame, out=tmp_path / "scaled", jobs=1)
    assert "standardize" not in str(scaled.answer)
