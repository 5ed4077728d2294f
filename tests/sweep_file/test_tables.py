"""Samples from tables with named columns: what is selected, and which tables are refused.

How labels and categories become numbers, what is held out, and how features are standardized.
"""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbatch.errors import SweepFileError
from gdbatch.ingredients.problems.preparation import Samples, _quotas
from gdbatch.ingredients.problems.samples import SampleOptions
from gdbatch.plan import Plan
from gdbatch.sweep_file import read_sweep
from tests.documents import document

FLOWERS = """\
length,colour,width,species
1.0,red,5,setosa
2.0,blue,5,virginica
3.0,red,5,setosa
4.0,green,5,virginica
5.0,red,5,setosa
6.0,blue,5,virginica
"""


def table(folder: Path, text: str = FLOWERS, **options: Any) -> SampleOptions:
    """The problem of a network that is trained on a CSV file."""
    return problem(data=written(folder, text), **options)


def written(folder: Path, text: str = FLOWERS) -> str:
    """The path of a CSV file."""
    (folder / "flowers.csv").write_text(text, encoding="utf-8")
    return str(folder / "flowers.csv")


def problem(entropy: int = 0, **options: Any) -> SampleOptions:
    found = plan(entropy, **options).sweep.first.problem
    assert isinstance(found, SampleOptions)
    return found


def plan(entropy: int = 0, **options: Any) -> Plan:
    given = {"kind": "network", "layers": ["inputs", "outputs"], **options}
    tables: dict[str, Any] = {
        "problem": given,
        "entropy": entropy,
        "axes": {"learning_rate": [1.0]},
    }
    return Plan(read_sweep(document(train={"max_steps": 1}, **tables)))


CLASSES: dict[str, Any] = {"target": "species", "loss": "cross_entropy"}
NUMERIC: dict[str, Any] = {**CLASSES, "features": ["length", "width"]}


def test_features_are_all_columns_but_the_target(tmp_path: Path) -> None:
    samples = table(tmp_path, "a,b,y\n1,2,3\n4,5,6\n", target="a").samples
    assert samples.features == ("b", "y")
    assert samples.inputs.tolist() == [[2, 3], [5, 6]]
    assert samples.targets.tolist() == [[1], [4]]
    assert samples.classes == ()
    both = table(tmp_path, "a,b,y\n1,2,3\n4,5,6\n", target=["y", "a"], features=["b"]).samples
    assert both.inputs.tolist() == [[2], [5]]
    assert both.targets.tolist() == [[3, 1], [6, 4]]


def test_labels_become_classes_in_sorted_order(tmp_path: Path) -> None:
    for last in (1, "outputs"):
        options = {**NUMERIC, "loss": "binary_cross_entropy", "layers": ["inputs", last]}
        one = table(tmp_path, **options).samples
        assert one.classes == ("setosa", "virginica")
        assert one.targets.tolist() == [[0], [1], [0], [1], [0], [1]]
    each = table(tmp_path, **NUMERIC).samples
    assert each.targets.tolist() == [[1, 0], [0, 1]] * 3


@pytest.mark.parametrize("labels", [["10", "9", "10"], ["10.0", "9", "1e1"]])
def test_whole_numbers_are_labels_in_numerical_order(tmp_path: Path, labels: list[str]) -> None:
    text = "x,y\n" + "".join(f"{index},{label}\n" for index, label in enumerate(labels))
    samples = table(tmp_path, text, target="y", loss="cross_entropy").samples
    assert samples.classes == ("9", "10")
    assert samples.targets.tolist() == [[0, 1], [1, 0], [0, 1]]


def test_probabilities_stay_numbers(tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "target": "y",
        "loss": "binary_cross_entropy",
        "layers": ["inputs", 1],
    }
    samples = table(tmp_path, "x,y\n1,0.25\n2,1\n", **options).samples
    assert samples.targets.tolist() == [[0.25], [1]]


def test_labels_of_another_loss_stay_numbers(tmp_path: Path) -> None:
    samples = table(tmp_path, "x,y\n1,3\n2,7\n", target="y").samples
    assert samples.targets.tolist() == [[3], [7]]


@pytest.mark.parametrize("targets", [["b", "a", "b"], [2, 1, 2]])
def test_labels_in_the_sweep_file(targets: list[Any]) -> None:
    options: dict[str, Any] = {"inputs": [[1.0], [2.0], [3.0]], "loss": "binary_cross_entropy"}
    samples = problem(targets=targets, layers=[1, 1], **options).samples
    assert samples.targets.tolist() == [[1], [0], [1]]
    assert samples.classes == tuple(map(str, sorted(set(targets))))


def test_one_number_per_sample_in_the_sweep_file() -> None:
    samples = problem(inputs=[[1.0], [2.0]], targets=[0.5, 2], layers=[1, 1]).samples
    assert samples.targets.tolist() == [[0.5], [2]]


def test_categories_become_columns_of_zeros_and_ones(tmp_path: Path) -> None:
    samples = table(tmp_path, **CLASSES, categorical=["colour"], standardize=True).samples
    names = ("length", "colour=blue", "colour=green", "colour=red", "width")
    assert samples.features == names
    assert samples.inputs[:, 1:4].tolist() == [
        [0, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0],
    ]  # fmt: skip
    assert samples.inputs[:, 4].tolist() == [0] * 6  # constant, so only centred


def test_weights_have_mean_one(tmp_path: Path) -> None:
    text = "x,w,y\n1,1,0\n2,3,1\n3,0,1\n4,4,0\n"
    options = table(tmp_path, text, target="y", weight="w", validation=0.5)
    assert options.samples.features == ("x",)
    for part in (options.samples, options.held_out):
        assert part is not None
        assert part.weights is not None
        assert part.weights.mean() == 1


@pytest.mark.parametrize("name", ["flowers.csv.gz", "flowers.parquet"])
def test_other_files_give_the_same_plan(tmp_path: Path, name: str) -> None:
    options: dict[str, Any] = {**CLASSES, "categorical": ["colour"], "validation": 0.34}
    written(tmp_path)
    (tmp_path / "flowers.csv.gz").write_bytes(gzip.compress(FLOWERS.encode()))
    frame = pd.read_csv(tmp_path / "flowers.csv").set_index("length", drop=False)
    frame.reset_index(drop=True).to_parquet(tmp_path / "flowers.parquet")
    plans = [plan(data=str(tmp_path / one), **options) for one in ("flowers.csv", name)]
    assert plans[0].hash == plans[1].hash


def test_labels_in_an_npz(tmp_path: Path) -> None:
    options: dict[str, Any] = {"loss": "cross_entropy", "data": str(tmp_path / "x.npz")}
    inputs = np.arange(6.0).reshape(3, 2)
    for labels in (np.array(["b", "a", "b"]), np.array([2, 1, 2]), np.array([[2], [1], [2]])):
        np.savez(tmp_path / "x.npz", inputs=inputs, targets=labels)
        assert problem(**options).samples.targets.tolist() == [[0, 1], [1, 0], [0, 1]]
    np.savez(tmp_path / "x.npz", inputs=inputs, targets=np.arange(3.0))
    assert problem(data=str(tmp_path / "x.npz")).samples.targets.tolist() == [[0], [1], [2]]


# parts ------------------------------------------------------------------------------------------


def parts(options: SampleOptions) -> tuple[Samples, Samples]:
    assert options.held_out is not None
    return options.samples, options.held_out


def test_a_share_is_held_out_of_each_class(tmp_path: Path) -> None:
    text = "x,y\n" + "".join(f"{index},{'ab'[index % 3 == 0]}\n" for index in range(30))
    options: dict[str, Any] = {"target": "y", "loss": "cross_entropy", "validation": 0.2}
    train, held = parts(table(tmp_path, text, **options))
    assert held.targets.sum(axis=0).tolist() == [4, 2]
    assert sorted([*train.inputs[:, 0], *held.inputs[:, 0]]) == [*range(30)]
    assert (np.diff(train.inputs[:, 0]) > 0).all()  # in the order of the file
    again = parts(table(tmp_path, text, **options))[1]
    assert held.inputs.tolist() == again.inputs.tolist()
    other = parts(table(tmp_path, text, entropy=1, **options))[1]
    assert held.inputs.tolist() != other.inputs.tolist()


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.floats(0.01, 0.99))
def test_quotas_are_within_one_of_the_share(sizes: list[int], share: float) -> None:
    taken = _quotas(sizes, share)
    assert abs(sum(taken) - share * sum(sizes)) <= 0.5 + 1e-9
    for size, number in zip(sizes, taken, strict=True):
        assert abs(number - share * size) <= 1 + 1e-9
        assert 0 <= number <= size


def test_a_dataset_of_two_classes_is_stratified() -> None:
    options: dict[str, Any] = {
        "loss": "binary_cross_entropy",
        "data": {"kind": "two_moons"},
        "validation": 0.1,
    }
    _, held = parts(problem(**options))
    assert held.targets[:, 0].tolist().count(1.0) == 5
    assert len(held) == 10


def test_standardization_uses_the_training_part(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    rows = random.normal([5, -300, 1e-200], [2, 1e6, 1e-202], (40, 3))
    text = "a,b,c,y\n" + "".join(",".join(map(repr, row)) + ",0.5\n" for row in rows.tolist())
    options: dict[str, Any] = {"target": "y", "validation": 0.25}
    plain, scaled = (
        parts(table(tmp_path, text, **options, standardize=standardize))
        for standardize in (False, True)
    )
    mean, deviation = plain[0].inputs.mean(axis=0), plain[0].inputs.std(axis=0)
    deviation[2] = 1e-200 * (plain[0].inputs[:, 2] / 1e-200).std()  # its square underflows
    for before, after in zip(plain, scaled, strict=True):
        np.testing.assert_allclose(after.inputs, (before.inputs - mean) / deviation, rtol=1e-9)
    np.testing.assert_allclose(scaled[0].inputs.std(axis=0), 1, rtol=1e-14)


def test_standardization_does_not_depend_on_the_order_of_samples(tmp_path: Path) -> None:
    numbers = np.random.default_rng(2).normal(1e8, 1, 200).tolist()
    text = ["x,y\n" + "".join(f"{x!r},0\n" for x in order) for order in (numbers, numbers[::-1])]
    one, other = (table(tmp_path, each, target="y", standardize=True).samples for each in text)
    assert one.inputs[:, 0].tolist() == other.inputs[::-1, 0].tolist()
    same = table(tmp_path, "x,y\n" + "0.1,0\n" * 3, target="y", standardize=True).samples
    assert same.inputs.tolist() == [[0], [0], [0]]


def test_a_file_of_validation_samples_shares_classes_and_columns(tmp_path: Path) -> None:
    (tmp_path / "valid.csv").write_text("species,note,colour,length,width\nvirginica,x,red,9,1\n"
                                        "setosa,y,red,8,1\n")  # fmt: skip
    options: dict[str, Any] = {
        **CLASSES,
        "categorical": ["colour"],
        "features": ["colour", "length"],
    }
    options["validation"] = str(tmp_path / "valid.csv")
    _, held = parts(table(tmp_path, **options))
    assert held.inputs.tolist() == [[0, 0, 1, 9], [0, 0, 1, 8]]
    assert held.targets.tolist() == [[0, 1], [1, 0]]


def test_a_file_of_validation_samples_by_place(tmp_path: Path) -> None:
    (tmp_path / "valid.csv").write_text("1,2,3\n")
    options: dict[str, Any] = {"layers": [2, 1], "validation": str(tmp_path / "valid.csv")}
    train, held = parts(table(tmp_path, "4,5,6\n7,8,9\n", **options))
    assert held.inputs.tolist() == [[1, 2]]
    assert train.targets.tolist() == [[6], [9]]


def test_the_plan_depends_on_samples_not_on_how_they_are_given(tmp_path: Path) -> None:
    file: dict[str, Any] = {"data": written(tmp_path, "a,b,y\n1,2,3\n4,5,6\n7,8,9\n")}
    lists: dict[str, Any] = {"inputs": [[1, 2], [4, 5], [7, 8]], "targets": [[3], [6], [9]]}
    plans = [plan(**lists, layers=[2, 1]), plan(**file, layers=[2, 1]), plan(**file, target="y")]
    assert len({one.hash for one in plans}) == 1
    assert plan(**file, target="y", validation=0.4).hash != plans[0].hash
    assert plan(**file, target="y", standardize=True).hash != plans[0].hash


@pytest.mark.parametrize("function", ["least_squares", "logistic_regression"])
def test_regressions_have_held_out_samples(tmp_path: Path, function: str) -> None:
    given: dict[str, Any] = {"kind": "function", "function": function, "data": written(tmp_path)}
    given |= {"target": "species", "features": ["length"], "validation": 0.34}
    if function == "least_squares":
        given |= {"target": "length", "features": ["width"]}
    tables = {"problem": given, "train": {"max_steps": 1}, "axes": {"learning_rate": [1.0]}}
    found = Plan(read_sweep(document() | tables)).group(0).problem
    assert found.held_out is not None
    assert (found.n_samples, found.held_out.n_samples) == (4, 2)
    assert found.held_out.parameter_names == found.parameter_names
    given["weight"] = "width"
    with pytest.raises(SweepFileError, match="has no sample weights"):
        read_sweep(document() | tables)


# refused ----------------------------------------------------------------------------------------

BAD: dict[str, tuple[str, dict[str, Any], str, list[str]]] = {
    "no such target": (
        FLOWERS,
        {"target": "specie"},
        "target",
        ['no column "specie"', 'did you mean "species"?'],
    ),
    "no target": (
        FLOWERS,
        {"features": ["length"]},
        "target",
        ['target = "species"', "length, colour"],
    ),
    "no such feature": (FLOWERS, {**CLASSES, "features": ["lenght"]}, "features", ['"length"?']),
    "a feature twice": (
        FLOWERS,
        {**CLASSES, "features": ["length", "length"]},
        "features",
        ['"length" is listed twice'],
    ),
    "the target among features": (
        FLOWERS,
        {**CLASSES, "features": ["length", "species"]},
        "features",
        ['"species" is the target'],
    ),
    "text": (
        FLOWERS,
        CLASSES,
        "data",
        ['"colour" holds text', 'line 2: "red"', 'categorical = ["colour"]'],
    ),
    "a word among numbers": (
        FLOWERS.replace("3.0", "three"),
        {**CLASSES, "categorical": ["colour"]},
        "data",
        ['column "length", line 4: "three" is not a number'],
    ),
    "a gap": (
        FLOWERS.replace("3.0", ""),
        {**CLASSES, "categorical": ["colour"]},
        "data",
        ["line 4: a value is missing"],
    ),
    "text to predict": (
        FLOWERS,
        {"target": "species", "features": ["length"]},
        "target",
        ["setosa", 'loss = "cross_entropy"'],
    ),
    "labels of two kinds": (
        FLOWERS.replace("virginica", "7"),
        NUMERIC,
        "target",
        ["words among numbers", 'line 2: "setosa"'],
    ),
    "a missing label": (
        FLOWERS.replace("virginica", "?", 1),
        NUMERIC,
        "data",
        ['column "species", line 3', "missing"],
    ),
    "one class": (
        FLOWERS.replace("virginica", "setosa"),
        NUMERIC,
        "target",
        ['label "setosa"', "two classes"],
    ),
    "three classes for one output": (
        FLOWERS.replace("virginica", "other", 1),
        {**NUMERIC, "loss": "binary_cross_entropy", "layers": [2, 1]},
        "layers",
        ["3 classes (other, setosa, virginica)", "cross_entropy"],
    ),
    "too many units": (FLOWERS, {**NUMERIC, "layers": [2, 3]}, "layers", ["2 classes", "3 units"]),
    "too few inputs": (
        FLOWERS,
        {**NUMERIC, "layers": [3, 2]},
        "layers",
        ["2 features and 2 targets (length, width)", "needs 3 and 2"],
    ),
    "no samples": ("a,y\n", {"target": "y"}, "data", ["has no samples"]),
    "nothing": ("", {"target": "y"}, "data", ["is empty"]),
    "a name twice": (
        "a,y,a\n1,2,3\n",
        {"target": "y"},
        "data",
        ['several columns called "a" (columns 1, 3)'],
    ),
    "no names": ("1,2\n3,4\n", {"target": "y"}, "data", ["must name the columns"]),
    "row numbers": (",x,y\n0,1,2\n1,3,4\n", {"target": "y"}, "data", ["column 1", "has no name"]),
    "a short row": ("x,y\n1,2\n3\n", {"target": "y"}, "data", ["line 3: 1 column, but", "names 2"]),
    "semicolons": ("x;y\n1;2\n", {"target": "y"}, "data", ["semicolons"]),
    "a negative weight": (
        "x,w,y\n1,2,3\n1,-2,3\n",
        {"target": "y", "weight": "w"},
        "weight",
        ["sample 1 is -2"],
    ),
    "no weight": (
        "x,w,y\n1,0,3\n1,0,3\n",
        {"target": "y", "weight": "w"},
        "weight",
        ["all weights"],
    ),
    "the target as weight": (
        "x,y\n1,0\n1,0\n",
        {"target": "y", "weight": "y"},
        "weight",
        ["is the target"],
    ),
    "a category that is no feature": (
        FLOWERS,
        {**NUMERIC, "categorical": ["colour"]},
        "categorical",
        ["not one of the features"],
    ),
    "too small a part": (
        FLOWERS,
        {**NUMERIC, "validation": 0.1},
        "validation",
        ['none of the 3 samples of the class "virginica"'],
    ),
    "too large a part": (
        "x,y\n1,0\n2,0\n",
        {"target": "y", "validation": 0.9},
        "validation",
        ["all of the 2 samples"],
    ),
    "the whole": (FLOWERS, {**NUMERIC, "validation": 1}, "validation", ["between 0 and 1"]),
    "a comment": ("# the year 1936\nx,y\n1,2\n", {"target": "y"}, "data", ["like a comment"]),
    "a long label": (
        FLOWERS.replace("virginica", "x" * 300, 1),
        NUMERIC,
        "data",
        ["300 characters"],
    ),
    "numbers too large": (
        "x,y\n1.7e308,0\n1.7e308,0\n-1.7e308,1\n",
        {"target": "y", "standardize": True},
        "standardize",
        ['"x" is too large'],
    ),
    "labels that are no labels": (
        "x,y\n1,0.5\n2,0.25\n",
        {"target": "y", "loss": "cross_entropy", "layers": [1, 2]},
        "target",
        ["whole numbers", "0.5"],
    ),
    "units that no place has": (
        FLOWERS,
        {**NUMERIC, "layers": ["outputs", 1]},
        "layers[0]",
        ["last place"],
    ),
}


@pytest.mark.parametrize(("text", "options", "key", "words"), BAD.values(), ids=BAD)
def test_a_bad_table(
    tmp_path: Path, text: str, options: dict[str, Any], key: str, words: list[str]
) -> None:
    with pytest.raises(SweepFileError) as caught:
        table(tmp_path, text, **options)
    (fault,) = caught.value.problems
    assert fault.key == f"problem.{key}"
    for word in words:
        assert word in fault.message
    assert len(fault.message) < 500


VALID = {
    "no such file": (None, ["no such data file"]),
    "another label": ("length,width,species\n1,1,setosa\n1,1,virginia\n",
                      ['"virginia" (sample 1) is not a class', 'did you mean "virginica"?']),
    "a missing column": ("length,species\n1,setosa\n1,virginica\n", ['no column "width"']),
    "too few": ("length,width,species\n1,1,setosa\n", ["1 samples for 2 classes"]),
    "numbers": ("length,width,species\n1,1,0.5\n2,3,0.25\n", ["labels"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), VALID.values(), ids=VALID)
def test_a_bad_file_of_validation_samples(
    tmp_path: Path, text: str | None, words: list[str]
) -> None:
    if text is not None:
        (tmp_path / "valid.csv").write_text(text)
    with pytest.raises(SweepFileError) as caught:
        table(tmp_path, **NUMERIC, validation=str(tmp_path / "valid.csv"))
    (fault,) = caught.value.problems
    assert fault.key == "problem.validation"
    for word in words:
        assert word in fault.message


BAD_INLINE: dict[str, tuple[dict[str, Any], str, str]] = {
    "words and numbers": ({"targets": ["a", 1]}, "targets", "quote all"),
    "labels without classes": ({"targets": ["a", "b"]}, "targets", "cross_entropy"),
    "too few labels": ({"targets": [1]}, "targets", "2 lists of inputs, but 1 target"),
    "columns": ({"targets": [1, 2], "target": "y"}, "target", "no table"),
    "a file": ({"targets": [1, 2], "validation": "a.csv"}, "validation", "give a share"),
}


@pytest.mark.parametrize(("options", "key", "word"), BAD_INLINE.values(), ids=BAD_INLINE)
def test_bad_targets_in_the_sweep_file(options: dict[str, Any], key: str, word: str) -> None:
    with pytest.raises(SweepFileError) as caught:
        problem(inputs=[[1.0], [2.0]], layers=[1, 1], **options)
    (fault,) = caught.value.problems
    assert fault.key == f"problem.{key}"
    assert word in fault.message


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1", b"\x1f\x8b\x08"]
)
@pytest.mark.parametrize("name", ["x.parquet", "x.csv.gz"])
def test_a_damaged_file(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SweepFileError, match=r"x\.") as caught:
        problem(data=str(tmp_path / name), target="y")
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.6, 0.9, 0.99])
def test_a_torn_file(tmp_path: Path, fraction: float) -> None:
    frame = pd.DataFrame({"x": np.arange(50.0), "y": np.arange(50.0)})
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_csv(tmp_path / "x.csv.gz", index=False)
    for path in sorted(tmp_path.iterdir()):
        content = path.read_bytes()
        path.write_bytes(content[: int(fraction * len(content))])
        with pytest.raises(SweepFileError, match="damaged"):
            problem(data=str(path), target="y")


def test_missing_values_in_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, math.nan], "y": pd.array([1, None], "Int64"), "t": [1.0, 2.0]})
    frame["when"] = pd.Timestamp("2020-01-01")
    frame.to_parquet(tmp_path / "x.parquet")
    wrong = {
        "x": 'column "x", row 1: a value is missing',
        "y": 'column "y", row 1: a value is missing',
        "when": '"when" holds text (row 0: "2020-01-01 00:00:00" is not a number)',
    }
    for name, message in wrong.items():
        with pytest.raises(SweepFileError, match=r"problem\.data") as caught:
            problem(data=str(tmp_path / "x.parquet"), target="t", features=[name])
        assert message in str(caught.value)
