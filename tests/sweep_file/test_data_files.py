"""Data files: what is read from them, and which ones are refused.

Every refusal names the key and line in the sweep file, the data file and, in a CSV, the line there.
"""

from __future__ import annotations

import io
import re
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gdbatch.errors import SweepFileError
from gdbatch.ingredients.problems.samples import SampleOptions
from gdbatch.sweep_file import Sweep, read_sweep
from tests.documents import TEXT, plan_of
from tests.engine.helpers import Array

BLOBS = {"kind": "blobs", "samples": 20, "labels": [0.0, 1.0]}


def read_with(folder: Path, data: str, layers: str = "[2, 1]") -> Sweep:
    text = TEXT.replace("inputs = [[0.1]]\ntargets = [[0.3]]\n", f"data = '{data}'\n")
    path = folder / "sweep.toml"
    path.write_text(text.replace("layers = [1, 1]", f"layers = {layers}"), encoding="utf-8")
    return read_sweep(path)


def samples_of(sweep: Sweep) -> tuple[Array, Array]:
    problem = sweep.first.problem
    assert isinstance(problem, SampleOptions)
    return problem.samples.inputs, problem.samples.targets


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
    "plain": "0,1.0,2\n3,4,5\n",
    "with names": "a,b,t\n0,1,2\n3,4,5\n",
    "with names and gaps": "a,,t\n0,1,2\n3,4,5\n",
    "from Windows": "a,b,t\r\n0,1,2\r\n3,4,5\r\n",
    "with a byte order mark": "\ufeffa,b,t\n0,1,2\n3,4,5\n",
    "with blank lines": "\n0,+1,2\n  \n3,4,5\n\n",
    "with spaces and exponents": " 0, 1e0 ,2.0\n3,4,\t5",
    "quoted": '"0","1","2.0"\n"3","4","5"\n',
    "with points at the ends": ".0,1.,2\n3,4.e0,.5E+1\n",
}


@pytest.mark.parametrize("text", CSV_FORMS.values(), ids=CSV_FORMS)
def test_a_csv_is_inputs_then_targets(tmp_path: Path, text: str) -> None:
    (tmp_path / "points.csv").write_bytes(text.encode())
    inputs, targets = samples_of(read_with(tmp_path, "points.csv"))
    assert inputs.tolist() == [[0, 1], [3, 4]]
    assert targets.tolist() == [[2], [5]]


def test_the_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    (tmp_path / "POINTS.CSV").write_text("1,2,3\n")
    assert samples_of(read_with(tmp_path, "POINTS.CSV"))[1].tolist() == [[3]]


@pytest.mark.parametrize("dtype", ["float64", "float32", "int16", "uint8"])
def test_an_npz_is_inputs_and_targets(tmp_path: Path, dtype: str) -> None:
    inputs, targets = np.array([[0, 1], [3, 4]], dtype), np.array([[2], [5]], dtype)
    np.savez(tmp_path / "points.npz", inputs=inputs, targets=targets)
    samples = samples_of(read_with(tmp_path, "points.npz"))
    assert [part.dtype for part in samples] == [np.float64, np.float64]
    assert [part.tolist() for part in samples] == [[[0, 1], [3, 4]], [[2], [5]]]


def test_paths_of_data_files_are_relative_to_the_sweep_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "points.csv").write_text("1,2,3\n")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    inputs, _ = samples_of(read_with(tmp_path, "data/points.csv"))
    assert inputs.tolist() == [[1, 2]]


BAD_CSV: dict[str, tuple[str, int, list[str]]] = {
    "a word": ("0.5,1,2\n3,four,5\n", 2, ["column 2", '"four" is not a number']),
    "a gap": ("a,b,t\n0,1,2\n3,,5\n", 3, ["column 2", "a value is missing"]),
    "a space": ("0.5,1,2\n3, ,5\n", 2, ["column 2", "a value is missing"]),
    "nan": ("0,1,nan\n", 1, ["column 3", '"nan" is a missing value']),
    "NA": ("0,1,2.5\n0,NA,2\n", 2, ["column 2", '"NA" is a missing value']),
    "inf": ("0,1.5,2\n0,1,-inf\n", 2, ["column 3", '"-inf" is not finite']),
    "overflow": ("0,1,1e999\n", 1, ["column 3", '"1e999" overflows float64']),
    "underscores": ("a,b,t\n0.5,1_2,0.9\n", 2, ["column 2", '"1_2" is not a number']),
    "full-width digits": ("0.5,１２,0.9\n", 1, ['"１２" is not a number']),
    "Arabic digits": ("a,b,t\n0.5,٣,0.9\n", 2, ['"٣" is not a number']),
    "hexadecimal": ("a,b,t\n0.5,0x1p3,0.9\n", 2, ['"0x1p3" is not a number']),
    "a no-break space": ("a,b,t\n0.5,\u00a01,0.9\n", 2, ["is not a number"]),
    "control characters": ("a,b,t\n0.5,\x1b[2J,0.9\n", 2, [r'"\x1b[2J" is not a number']),
    "a long cell": ("a,b,t\n0.5," + "x" * 9999 + ",0.9\n", 2, ['"' + "x" * 40 + '…"']),
    "too few": ("0.5,1,2\n3,4\n", 2, ["2 columns", "must be 3", "2 inputs", "1 target"]),
    "too many": ("0.5,1,2\n3,4,5,6\n", 2, ["4 columns", "must be 3"]),
    "too few names": ("a,b\n0,1,2\n", 1, ["2 columns", "must be 3"]),
    "only nan first": ("nan,nan,nan\n0.5,0.1,0.9\n", 1, ["column 1", '"nan" is a missing value']),
    "only gaps first": (",,\n0.5,0.1,0.9\n", 1, ["column 1", "a value is missing"]),
    "only inf first": ("inf,inf,inf\n0.5,0.1,0.9\n", 1, ['"inf" is not finite']),
    "names and numbers": ("a,b,2020\n0,1,2\n", 1, ['"a" is not a number', "header = true"]),
    "column numbers": ("0,1,2\n0.5,0.1,0.9\n", 1, ["0,1,2", "header = true", "header = false"]),
    "semicolons": ("a;b;t\n1;2;3\n", 1, ["separated by semicolons", "commas"]),
    "decimal commas": ("0,5;1,2;0,9\n", 1, ["separated by semicolons"]),
    "tabs": ("1\t2\t3\n4\t5\t6\n", 1, ["separated by tabs"]),
    "spaces": ("a b t\n1 2 3\n", 1, ["separated by spaces"]),
    "a comment": ("# a comment\n1,2,3\n", 1, ['"# a comment" looks like a comment']),
    "a comment between": ("1,2,3\n# no, two\n", 2, ["looks like a comment", "remove the line"]),
    "bars": ("1|2|3\n", 1, ["separated by vertical bars"]),
}


@pytest.mark.parametrize(("text", "line", "words"), BAD_CSV.values(), ids=BAD_CSV)
def test_a_bad_csv(tmp_path: Path, text: str, line: int, words: list[str]) -> None:
    (tmp_path / "points.csv").write_text(text, encoding="utf-8")
    message = refusal(tmp_path, "points.csv")
    assert f"{tmp_path / 'points.csv'}, line {line}" in message
    for word in words:
        assert word in message
    assert len(message) < 500


@pytest.mark.parametrize(
    ("text", "header", "first"),
    [
        ("0,1,2\n0.5,0.1,0.9\n", True, [0.5, 0.1]),
        ("0,1,2\n0.5,0.1,0.9\n", False, [0, 1]),
        ("a,b,2020\n3,4,5\n", True, [3, 4]),
        ("nan,nan,nan\n3,4,5\n", True, [3, 4]),
        ("a,b,t\n3,4,5\n", True, [3, 4]),
    ],
)
def test_header_decides_whether_the_first_row_is_data(
    tmp_path: Path, text: str, header: bool, first: list[float]
) -> None:
    (tmp_path / "points.csv").write_text(text)
    line = f"points.csv'\nheader = {str(header).lower()}  # '"
    inputs, _ = samples_of(read_with(tmp_path, line))
    assert inputs[0].tolist() == first


def test_names_without_a_header_are_refused(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("a,b,t\n3,4,5\n")
    message = refusal(tmp_path, "points.csv'\nheader = false  # '")
    assert 'line 1, column 1: "a" is not a number' in message


@pytest.mark.parametrize("source", ["data = 'points.npz'", "data = { kind = 'xor' }"])
def test_only_a_csv_has_a_header(tmp_path: Path, source: str) -> None:
    np.savez(tmp_path / "points.npz", inputs=np.ones((2, 2)), targets=np.ones((2, 1)))
    text = TEXT.replace("inputs = [[0.1]]\ntargets = [[0.3]]\n", f"{source}\nheader = true\n")
    (tmp_path / "sweep.toml").write_text(text.replace("layers = [1, 1]", "layers = [2, 1]"))
    with pytest.raises(SweepFileError, match=r"problem\.header: header applies to CSV files only"):
        read_sweep(tmp_path / "sweep.toml")


@pytest.mark.parametrize("table", ["file = 'a.csv', header = true", "kind = 'csv', path = 'a'"])
def test_a_file_in_a_table_is_told_how_files_are_given(tmp_path: Path, table: str) -> None:
    text = TEXT.replace("inputs = [[0.1]]\ntargets = [[0.3]]\n", f"data = {{ {table} }}\n")
    (tmp_path / "sweep.toml").write_text(text)
    with pytest.raises(SweepFileError) as caught:
        read_sweep(tmp_path / "sweep.toml")
    (problem,) = caught.value.problems
    assert problem.message.endswith('write data = "FILE", and header and the like beside data')


@pytest.mark.parametrize("text", ["0,1\n1,0\n", "0,1\n"])
def test_two_columns_of_zeros_and_ones_are_data(tmp_path: Path, text: str) -> None:
    (tmp_path / "points.csv").write_text(text)
    samples = samples_of(read_with(tmp_path, "points.csv", "[1, 1]"))
    assert samples[0][0].tolist() == [0]


def test_only_the_first_few_bad_cells_are_shown(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("a,b,t\n" + "x,1,nan\n" * 10_000)
    message = refusal(tmp_path, "points.csv")
    assert message.endswith(
        'line 2, column 1: "x" is not a number; line 2, column 3: "nan" is a missing value; '
        'line 3, column 1: "x" is not a number; and 19,997 more'
    )


def test_line_numbers_count_quoted_line_breaks(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text('"a\nb",c,t\n0,1,2\n3,x,5\n')
    assert "points.csv, line 4, column 2" in refusal(tmp_path, "points.csv")


@pytest.mark.parametrize("text", ["", "\n\n", "a,b,t\n"], ids=["empty", "blank", "header only"])
def test_a_csv_without_samples(tmp_path: Path, text: str) -> None:
    (tmp_path / "points.csv").write_text(text)
    message = refusal(tmp_path, "points.csv")
    assert "points.csv" in message
    assert "has no samples" in message


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00", b"0,1,2\n\xe9,1,2\n", b"0,1,\x002\n", b'0,1,"2\n' + b"9" * 200_000],
    ids=["UTF-16", "Latin-1", "a zero byte", "a quote that never ends"],
)
def test_a_binary_csv(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "points.csv").write_bytes(content)
    assert "points.csv" in refusal(tmp_path, "points.csv")


good, column = np.ones((2, 2)), np.ones((2, 1))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"inputs": good}, ['no array "targets"', "it holds inputs"]),
        ({}, ['no array "inputs"', "nothing"]),
        ({"inputs": good, "targets": np.ones((3, 1))},
            ['"inputs" has 2 samples, but "targets" has 3']),
        ({"inputs": np.ones((2, 3)), "targets": column}, ["(2, 3)", "(samples, 2)"]),
        ({"inputs": np.ones(2), "targets": column}, ["(2,)", "(samples, 2)"]),
        ({"inputs": np.ones((0, 2)), "targets": np.ones((0, 1))},
            ['"inputs" has shape (0, 2), so it is empty']),
        ({"inputs": good, "targets": np.ones((0, 1))}, ['"targets" has shape (0, 1)', "empty"]),
        ({"inputs": good * np.nan, "targets": column},
            ['"inputs" has values that are not finite: nan at [0, 0], and 3 more']),
        ({"inputs": good, "targets": np.array([[1.0], [np.inf]])},
            ['"targets" has values that are not finite: inf at [1, 0]']),
        ({"inputs": good * 1j, "targets": column}, ['"inputs" has type complex128, not numbers']),
        ({"inputs": good, "targets": np.array([["1"], ["2"]])},
            ['"targets" has type <U1, not numbers']),
        ({"inputs": good.astype(bool), "targets": column}, ['"inputs" has type bool, not numbers']),
        ({"inputs": good.astype(object), "targets": column},
            ['"inputs" has type object, not numbers']),
    ],
)  # fmt: skip
def test_a_bad_npz(tmp_path: Path, arrays: dict[str, Any], words: list[str]) -> None:
    np.savez(tmp_path / "points.npz", **arrays)
    message = refusal(tmp_path, "points.npz")
    for word in ["points.npz", *words]:
        assert word in message


def write_npz(path: Path, **members: bytes) -> None:
    """An archive with valid samples and further or replaced members."""
    arrays = {"inputs": good, "targets": column}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            if f"{name}.npy" not in members:
                archive.writestr(f"{name}.npy", npy(array))
        for name, content in members.items():
            archive.writestr(name, content)


def npy(array: Array, **header: Any) -> bytes:
    """An array as a file, whose header may be wrong."""
    buffer = io.BytesIO()
    if header:
        facts = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(buffer, facts | header)
        return buffer.getvalue() + array.tobytes()
    np.save(buffer, array)
    return buffer.getvalue()


def test_unused_arrays_are_ignored(tmp_path: Path) -> None:
    """Notes, names of features and even unreadable members are ignored."""
    others = {
        "notes.txt": b"from run 3",
        "note": b"\x93NUMPY",
        "damaged.npy": b"nothing",
        "names.npy": npy(np.array(["area", "age"])),
        "gaps.npy": npy(good * np.nan),
    }
    write_npz(tmp_path / "points.npz", **others)
    inputs, targets = samples_of(read_with(tmp_path, "points.npz"))
    assert inputs.tolist() == good.tolist()
    assert targets.tolist() == column.tolist()


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (npy(good, shape=(10**9, 2)), ["shape (1000000000, 2)", "at most"]),
        (npy(good, shape=(10**6, 2)), ['"inputs" is damaged', "15.3 MiB"]),
        (npy(good, shape=(-2, -2)), ['"inputs" is damaged']),
        (npy(good, shape="two"), ['"inputs" is damaged']),
        (npy(good, descr="<f9"), ['"inputs" is damaged']),
        (npy(good)[:-1], ['"inputs" is damaged']),
        (npy(good) + b"more", ['"inputs" is damaged']),
        (npy(good)[:20], ['"inputs" is damaged']),
        (b"\x93NUMPY\x03\x00\x04\x00\x00\x00{}  ", ['"inputs" is damaged', "version 3.0"]),
        (b"\x93NUMPY\x01\x00\x04\x00{[(", ['"inputs" is damaged']),
        (b"", ['"inputs" is damaged']),
    ],
)
def test_a_member_with_a_wrong_header(tmp_path: Path, member: bytes, words: list[str]) -> None:
    write_npz(tmp_path / "points.npz", **{"inputs.npy": member})
    message = refusal(tmp_path, "points.npz")
    for word in words:
        assert word in message


def test_a_huge_member_is_not_unpacked(tmp_path: Path) -> None:
    """320 MB of zeros, which compress to 300 kB."""
    zeros = npy(np.zeros((1, 2)), shape=(20_000_000, 2))[:-16]
    with zipfile.ZipFile(tmp_path / "points.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("targets.npy", npy(column))
        with archive.open("inputs.npy", "w") as member:
            member.write(zeros)
            for _ in range(20):
                member.write(bytes(16_000_000))
    tracemalloc.start()
    message = refusal(tmp_path, "points.npz")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert '"inputs" has 20,000,000 samples, but "targets" has 2' in message
    assert most < 50e6


@pytest.mark.parametrize(
    ("offset", "value", "words"),
    [(8, 1, '"inputs" is encrypted'), (10, 99, '"inputs" cannot be unpacked')],
    ids=["encrypted", "packed by an unknown method"],
)
def test_a_member_that_cannot_be_unpacked(
    tmp_path: Path, offset: int, value: int, words: str
) -> None:
    write_npz(tmp_path / "points.npz")
    content = bytearray((tmp_path / "points.npz").read_bytes())
    content[content.index(b"PK\x01\x02") + offset] = value  # the first entry of the directory
    (tmp_path / "points.npz").write_bytes(content)
    assert words in refusal(tmp_path, "points.npz")


def test_a_single_array_is_not_an_npz(tmp_path: Path) -> None:
    with (tmp_path / "points.npz").open("wb") as file:
        np.save(file, np.ones((2, 3)))
    assert "is a single array (npy), not an npz file" in refusal(tmp_path, "points.npz")


@pytest.mark.parametrize("line", ["data = 'points.csv'", "inputs = [[1e39, 1]]\ntargets = [[1]]"])
def test_samples_that_overflow_the_number_type_are_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "points.csv").write_text("1e39,1,1\n")
    text = TEXT.replace("inputs = [[0.1]]\ntargets = [[0.3]]\n", line + "\n")
    text = text.replace("layers = [1, 1]", "layers = [2, 1]")
    (tmp_path / "sweep.toml").write_text(text)
    read_sweep(tmp_path / "sweep.toml")
    (tmp_path / "sweep.toml").write_text(text.replace("[train]", "[train]\ndtype = 'float32'"))
    key = "data" if "data" in line else "inputs"
    with pytest.raises(SweepFileError, match=rf"problem\.{key}: 1e\+39 overflows float32"):
        read_sweep(tmp_path / "sweep.toml")


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
def test_a_file_that_is_not_an_npz(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "points.npz").write_bytes(content)
    assert "points.npz" in refusal(tmp_path, "points.npz")


@pytest.mark.parametrize("fraction", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("how", ["torn", "flipped"])
def test_a_damaged_npz_is_refused_or_read_completely(
    tmp_path: Path, fraction: float, how: str
) -> None:
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
    else:  # a byte without effect, such as a date
        assert np.array_equal(samples_of(sweep)[0], inputs)
        assert np.array_equal(samples_of(sweep)[1], targets)


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
def test_a_path_that_is_not_a_file(tmp_path: Path, name: str) -> None:
    expected = "no such data file" if name.endswith("csv") else "is a directory, not a data file"
    assert expected in refusal(tmp_path, name)


def test_an_unknown_file_type(tmp_path: Path) -> None:
    (tmp_path / "points.txt").write_text("1,2,3\n")
    message = refusal(tmp_path, "points.txt")
    assert re.search(r"\.csv, \.csv\.gz, \.parquet or \.npz, not '\.txt'", message)


# regressions, which accept any number of inputs -------------------------------------------------


def read_regression(folder: Path, line: str) -> Sweep:
    text = TEXT.replace("inputs = [[0.1]]\ntargets = [[0.3]]\n", line + "\n")
    text = text.replace('kind = "network"\nlayers = [1, 1]\nactivation = "sigmoid"',
                        'kind = "function"\nfunction = "least_squares"')  # fmt: skip
    text = text.replace("prediction_error", "gradient_norm")
    (folder / "sweep.toml").write_text(text, encoding="utf-8")
    return read_sweep(folder / "sweep.toml")


def test_a_regression_accepts_any_number_of_inputs(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("0,1.0,2\n3,4,5\n")
    np.savez(tmp_path / "points.npz", inputs=[[0, 1], [3, 4]], targets=[[2], [5]])
    for line in ("data = 'points.csv'", "data = 'points.npz'",
                 "inputs = [[0, 1], [3, 4]]\ntargets = [[2], [5]]"):  # fmt: skip
        inputs, targets = samples_of(read_regression(tmp_path, line))
        assert inputs.tolist() == [[0, 1], [3, 4]]
        assert targets.tolist() == [[2], [5]]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("data = 'ragged.csv'", ["ragged.csv, line 2", "4 columns", "3"]),
        ("data = 'narrow.csv'", ["narrow.csv, line 1", "1 column,", "at least 2", "1 input,"]),
        ("data = 'wide.npz'", ['"targets"', "(2, 2)", "(samples, 1)"]),
        ("data = 'flat.npz'", ['"inputs"', "(2,)", "(samples, inputs)"]),
        ("data = { kind = 'blobs', classes = 3 }", ["2 inputs and 3 targets", "2 and 1"]),
        ("inputs = [[1, 2], [3]]\ntargets = [[1], [2]]", ["sample 1 has 1 numbers", "2"]),
        ("inputs = [[]]\ntargets = [[1]]", ["inputs are missing"]),
        ("inputs = [[1]]\ntargets = [[1, 2]]", ["sample 0 has 2 numbers", "1"]),
    ],
)
def test_samples_that_no_regression_accepts(tmp_path: Path, line: str, words: list[str]) -> None:
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


def test_whole_targets_of_a_drawn_dataset_become_classes_of_a_softmax() -> None:
    problem = {"kind": "network", "layers": [2, 2], "loss": "cross_entropy", "data": BLOBS}
    options: Any = plan_of(problem=problem).group(0).sections.problem
    assert options.samples.classes == ("0", "1")
    assert options.samples.targets.sum(axis=1).tolist() == [1.0] * 20
