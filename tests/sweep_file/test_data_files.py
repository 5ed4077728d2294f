"""Data files: what is read from them, and what is said of those that cannot be.

Every refusal names the sweep's key and line, the data file, and in a CSV the line there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdbatch.errors import SweepFileError
from gdbatch.sweep_file import Sweep, read_sweep
from tests.documents import TEXT


def read_with(folder: Path, data: str, layers: str = "[2, 1]") -> Sweep:
    text = TEXT.replace("inputs = [[0.1]]\ntargets = [[0.3]]\n", f"data = '{data}'\n")
    path = folder / "sweep.toml"
    path.write_text(text.replace("layers = [1, 1]", f"layers = {layers}"), encoding="utf-8")
    return read_sweep(path)


def refusal(folder: Path, data: str) -> str:
    with pytest.raises(SweepFileError) as caught:
        read_with(folder, data)
    assert caught.value.exit_code == 2
    (problem,) = caught.value.problems
    lines = (folder / "sweep.toml").read_text(encoding="utf-8").splitlines()
    assert problem.key == "problem.data"
    assert problem.line is not None
    assert lines[problem.line - 1].startswith("data =")
    assert problem.source == str(folder / "sweep.toml")
    assert str(caught.value).startswith(f"{folder / 'sweep.toml'}, line {problem.line}: ")
    return problem.message


CSV_FORMS = {
    "plain": "0,1,2\n3,4,5\n",
    "with names": "a,b,t\n0,1,2\n3,4,5\n",
    "from Windows": "a,b,t\r\n0,1,2\r\n3,4,5\r\n",
    "with a byte order mark": "\ufeff0,1,2\n3,4,5\n",
    "with blank lines": "\n0,1,2\n\n3,4,5\n\n",
    "with spaces and exponents": " 0, 1e0 ,2.0\n3,4,5",
    "quoted": '"0","1","2"\n"3","4","5"\n',
}


@pytest.mark.parametrize("text", CSV_FORMS.values(), ids=CSV_FORMS)
def test_a_csv_is_inputs_then_targets(tmp_path: Path, text: str) -> None:
    (tmp_path / "points.csv").write_bytes(text.encode())
    inputs, targets = read_with(tmp_path, "points.csv").first.problem.samples
    assert inputs.tolist() == [[0, 1], [3, 4]]
    assert targets.tolist() == [[2], [5]]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int16", "uint8"])
def test_an_npz_is_inputs_and_targets(tmp_path: Path, dtype: str) -> None:
    inputs, targets = np.array([[0, 1], [3, 4]], dtype), np.array([[2], [5]], dtype)
    np.savez(tmp_path / "points.npz", inputs=inputs, targets=targets)
    samples = read_with(tmp_path, "points.npz").first.problem.samples
    assert [part.dtype for part in samples] == [np.float64, np.float64]
    assert [part.tolist() for part in samples] == [[[0, 1], [3, 4]], [[2], [5]]]


def test_a_data_file_stands_beside_the_sweep_file_whatever_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "points.csv").write_text("1,2,3\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    inputs, _ = read_with(tmp_path, "data/points.csv").first.problem.samples
    assert inputs.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("0,1,2\n3,four,5\n", 2, ["column 2", '"four" is not a finite number']),
        ("a,b,t\n0,1,2\n3,,5\n", 3, ["column 2", "a value is missing"]),
        ("0,1,2\n3, ,5\n", 2, ["column 2", "a value is missing"]),
        ("0,1,nan\n", 1, ["column 3", '"nan" is not a finite number']),
        ("0,1,2\n0,1,-inf\n", 2, ["column 3", '"-inf"']),
        ("0,1,1e999\n", 1, ["column 3", '"1e999"']),
        ("0,1,2\n3,4\n", 2, ["2 columns", "3", "2 inputs", "1 targets"]),
        ("0,1,2\n3,4,5,6\n", 2, ["4 columns", "3"]),
        ("0;1;2\n", None, ["no sample"]),
    ],
)
def test_a_bad_csv(tmp_path: Path, text: str, line: int | None, words: list[str]) -> None:
    (tmp_path / "points.csv").write_text(text)
    message = refusal(tmp_path, "points.csv")
    assert str(tmp_path / "points.csv") + (f", line {line}" if line else "") in message
    for word in words:
        assert word in message


def test_lines_are_those_of_the_file_even_after_a_quoted_line_end(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text('"a\nb",c,t\n0,1,2\n3,x,5\n')
    assert "points.csv, line 4, column 2" in refusal(tmp_path, "points.csv")


@pytest.mark.parametrize("text", ["", "\n\n", "a,b,t\n"], ids=["empty", "blank", "header only"])
def test_a_csv_without_samples(tmp_path: Path, text: str) -> None:
    (tmp_path / "points.csv").write_text(text)
    message = refusal(tmp_path, "points.csv")
    assert "points.csv" in message
    assert "no sample" in message


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00", b"0,1,2\n\xe9,1,2\n", b"0,1,\x002\n", b'0,1,"2\n' + b"9" * 200_000],
    ids=["UTF-16", "Latin-1", "a zero byte", "a quote that never ends"],
)
def test_a_csv_that_is_no_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "points.csv").write_bytes(content)
    assert "points.csv" in refusal(tmp_path, "points.csv")


good = np.ones((2, 2))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"inputs": good}, ['no array "targets"', "it holds inputs"]),
        ({}, ['no array "inputs"', "nothing"]),
        ({"inputs": good, "targets": np.ones((3, 1))}, ["2 inputs", "3 targets"]),
        ({"inputs": np.ones((2, 3)), "targets": np.ones((2, 1))}, ["(2, 3)", "(samples, 2)"]),
        ({"inputs": np.ones(2), "targets": np.ones((2, 1))}, ["(2,)", "(samples, 2)"]),
        ({"inputs": np.ones((0, 2)), "targets": np.ones((0, 1))}, ["(0, 2)"]),
        ({"inputs": good * np.nan, "targets": np.ones((2, 1))}, ['"inputs"', "finite"]),
        ({"inputs": good * 1j, "targets": np.ones((2, 1))}, ['"inputs"']),
        ({"inputs": good.astype(str), "targets": np.ones((2, 1))}, ['"inputs"']),
        ({"inputs": good.astype(bool), "targets": np.ones((2, 1))}, ['"inputs"']),
    ],
)
def test_a_bad_npz(tmp_path: Path, arrays: dict[str, Any], words: list[str]) -> None:
    np.savez(tmp_path / "points.npz", **arrays)
    message = refusal(tmp_path, "points.npz")
    for word in ["points.npz", *words]:
        assert word in message


class Trap:
    """Unpickled, it would leave a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    trap = np.array([[Trap(tmp_path / "mark")]], dtype=object)
    np.savez(tmp_path / "points.npz", inputs=trap, targets=trap)
    assert "points.npz" in refusal(tmp_path, "points.npz")
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"no zip at all", b"PK\x03\x04 but not much of one", b"\x80\x04N."],
    ids=["empty", "text", "a torn zip", "a pickle"],
)
def test_an_npz_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "points.npz").write_bytes(content)
    assert "points.npz" in refusal(tmp_path, "points.npz")


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("how", ["torn", "flipped"])
def test_a_damaged_npz_is_refused_or_read_whole(tmp_path: Path, fraction: float, how: str) -> None:
    inputs, targets = np.arange(40.0).reshape(20, 2), np.arange(20.0).reshape(20, 1)
    np.savez_compressed(tmp_path / "points.npz", inputs=inputs, targets=targets)
    content = bytearray((tmp_path / "points.npz").read_bytes())
    place = int(fraction * len(content))
    if how == "torn":
        del content[place:]
    else:
        content[place] ^= 0xFF
    (tmp_path / "points.npz").write_bytes(content)
    try:
        sweep = read_with(tmp_path, "points.npz")
    except SweepFileError as error:
        assert "points.npz" in str(error)  # noqa: PT017
    else:  # a byte that says nothing, such as a date
        assert np.array_equal(sweep.first.problem.samples[0], inputs)
        assert np.array_equal(sweep.first.problem.samples[1], targets)


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("1,2,3\n")
    (tmp_path / "other.npz").write_bytes(b"")
    message = refusal(tmp_path, "point.csv")
    assert str(tmp_path / "point.csv") in message
    assert 'did you mean "points.csv"?' in message


def test_a_missing_npz_among_npz_files_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "points.npz").write_bytes(b"")
    assert 'did you mean "points.npz"?' in refusal(tmp_path, "point.npz")


@pytest.mark.parametrize(
    "name", ["gone/points.csv", ".", "", "x" * 300 + ".csv", "../" * 3000 + "a.csv"],
    ids=["no folder", "a folder", "no name", "a long name", "a long path"],
)  # fmt: skip
def test_a_name_that_is_no_file(tmp_path: Path, name: str) -> None:
    assert "no such data file" in refusal(tmp_path, name)


def test_another_kind_of_file(tmp_path: Path) -> None:
    (tmp_path / "points.txt").write_text("1,2,3\n")
    message = refusal(tmp_path, "points.txt")
    assert re.search(r"\.csv or \.npz, not '\.txt'", message)


# regressions, which take any number of inputs ---------------------------------------------------


def read_regression(folder: Path, line: str) -> Sweep:
    text = TEXT.replace("inputs = [[0.1]]\ntargets = [[0.3]]\n", line + "\n")
    text = text.replace('kind = "network"\nlayers = [1, 1]\nactivation = "sigmoid"',
                        'kind = "function"\nfunction = "least_squares"')  # fmt: skip
    text = text.replace("prediction_error", "gradient_norm")
    (folder / "sweep.toml").write_text(text, encoding="utf-8")
    return read_sweep(folder / "sweep.toml")


def test_a_regression_takes_as_many_inputs_as_there_are(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("0,1,2\n3,4,5\n")
    np.savez(tmp_path / "points.npz", inputs=[[0, 1], [3, 4]], targets=[[2], [5]])
    for line in ("data = 'points.csv'", "data = 'points.npz'",
                 "inputs = [[0, 1], [3, 4]]\ntargets = [[2], [5]]"):  # fmt: skip
        inputs, targets = read_regression(tmp_path, line).first.problem.samples
        assert inputs.tolist() == [[0, 1], [3, 4]]
        assert targets.tolist() == [[2], [5]]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("data = 'ragged.csv'", ["ragged.csv, line 2", "4 columns", "3"]),
        ("data = 'narrow.csv'", ["narrow.csv, line 1", "1 columns", "1 inputs"]),
        ("data = 'wide.npz'", ['"targets"', "(2, 2)", "(samples, 1)"]),
        ("data = 'flat.npz'", ['"inputs"', "(2,)", "(samples, inputs)"]),
        ("data = { kind = 'blobs', classes = 3 }", ["2 inputs and 3 targets", "2 and 1"]),
        ("inputs = [[1, 2], [3]]\ntargets = [[1], [2]]", ["sample 1 has 1 numbers", "2"]),
        ("inputs = [[]]\ntargets = [[1]]", ["inputs are missing"]),
        ("inputs = [[1]]\ntargets = [[1, 2]]", ["sample 0 has 2 numbers", "1"]),
    ],
)
def test_samples_that_no_regression_takes(tmp_path: Path, line: str, words: list[str]) -> None:
    (tmp_path / "ragged.csv").write_text("0,1,2\n3,4,5,6\n")
    (tmp_path / "narrow.csv").write_text("0\n3\n")
    np.savez(tmp_path / "wide.npz", inputs=good, targets=good)
    np.savez(tmp_path / "flat.npz", inputs=np.ones(2), targets=np.ones((2, 1)))
    with pytest.raises(SweepFileError) as caught:
        read_regression(tmp_path, line)
    (problem,) = caught.value.problems
    assert problem.line is not None
    for word in words:
        assert word in problem.message
