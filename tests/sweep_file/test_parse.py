"""Reading files, dicts and overrides: byte order marks, paths, hints for TOML, and locations.

Oversized input is refused quickly, with a short message.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from gdbatch.errors import SweepFileError
from gdbatch.plan import Plan
from gdbatch.sweep_file import read_sweep
from gdbatch.sweep_file.toml_hints import explained
from tests.documents import TEXT, document

RATES = "[1.0, 100.0, 1000.0]"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "sweep.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def messages(source: Any, overrides: Any = ()) -> list[str]:
    with pytest.raises(SweepFileError) as caught:
        read_sweep(source, overrides)
    return str(caught.value).splitlines()


# files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_byte_order_mark_is_skipped(tmp_path: Path, ends: str) -> None:
    path = write(tmp_path, b"\xef\xbb\xbf" + TEXT.replace("\n", ends).encode())
    assert read_sweep(path).name == "small"
    path = write(tmp_path, b"\xef\xbb\xbf" + TEXT.replace("small", "a/b").encode())
    assert messages(path)[0].startswith(f"{path}, line 1: name: ")


HINTS: dict[str, tuple[str, str]] = {
    "a bare point": ("rate = .001", "a number needs a digit before its point: 0.001, not .001"),
    "a bare point in a list": ("rates = [1.0, .5]", "0.001, not .001"),
    "a last point": ("rate = 1.", "a number needs a digit after its point: 1.0, not 1."),
    "a path of Windows": ('data = "C:\\Users\\x.csv"', "a backslash begins an escape"),
    "another path of Windows": ('data = "data\\xor.csv"', "write the path in '…', or with /"),
    "True": ("bias = True", "write true or false in lower case"),
    "None": ("clip_norm = None", "TOML has no null; leave the key out instead"),
    "text": ("kind = network", "text needs quotes"),
    "a path": ("data = ~/a.csv", "text needs quotes"),
    "curly quotes": ("kind = “network”", "strings take straight quotes"),
    "a colon": ("max_steps: 50", 'write key = value, with "=" instead of ":"'),
    "nothing": ("max_steps =", 'the value after "=" is missing'),
    "a leading zero": ("max_steps = 050", "a number cannot begin with 0"),
    "grouped digits": ("max_steps = 10,000", "group digits with _: 10_000"),
    "lines of a table": ("stop = { loss = 1,\n hold = 2 }", "must be on one line"),
    "an open list": ("layers = [1, 2\nbias = true", "a list needs its closing ]"),
    "twice": ("a = 1\na = 2", "this key or table appears twice"),
    "a table twice": ("[a]\n[a]", "this key or table appears twice"),
    "a mere word": ("what", "a line must be key = value, a [table], or a # comment"),
    "a letter with an accent": ("é = 1", "needs quotes"),
}


@pytest.mark.parametrize(("text", "hint"), HINTS.values(), ids=HINTS)
def test_invalid_toml_gets_a_hint(tmp_path: Path, text: str, hint: str) -> None:
    path = write(tmp_path, f"name = 'x'\n{text}\n")
    (message,) = messages(path)
    assert message.startswith(f"{path}, line ")
    assert ": is not TOML: " in message
    assert hint in message


def test_a_message_without_a_location_is_kept() -> None:
    assert explained("Something new", "a = 1") == ("Something new", None)


def test_files_in_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path, TEXT.replace("inputs = [[0.1]]\ntargets = [[0.3]]", "data = '~/a.csv'"))
    (tmp_path / "a.csv").write_text("0.1,0.3\n")
    assert read_sweep("~/sweep.toml").name == "small"
    read_sweep(document({"problem": {"kind": "network", "layers": [1, 1]}}),
               ["problem.data='~/a.csv'"])  # fmt: skip


# overrides ---------------------------------------------------------------------------------------


def test_overrides_may_be_a_dict() -> None:
    overrides = {"train.max_steps": 7, "axes.seed": {"count": 2}, 'axes."init.low"': (-1.0, 0.0)}
    sweep = read_sweep(document(), overrides)
    assert sweep.first.train.max_steps == 7
    assert Plan(sweep).trials == 3 * 2 * 2


def test_the_error_names_a_bad_override_of_a_dict() -> None:
    (message,) = messages(document(), {"train.max_step": 7})
    assert message.startswith('override "train.max_step": train.max_step: unknown key')
    assert messages(document(), {"a b": 1}) == ['override "a b": is not a dotted key']


def test_all_bad_overrides_are_named() -> None:
    assert [message.split(":")[0] for message in messages(document(), ["a", "b"])] == [
        "--set a", "--set b",
    ]  # fmt: skip


def test_an_override_has_the_hints_of_a_file() -> None:
    assert "0.001, not .001" in messages(document(), ["train.max_steps=.5"])[0]


# warnings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponents", [[1e-4, 1], [1, 1e-4], [0.001, 0.1], [0.1, 10]])
def test_values_in_place_of_exponents_give_a_warning(exponents: list[float]) -> None:
    sweep = read_sweep(document({"axes.learning_rate": {"log10": exponents, "num": 5}}))
    (warning,) = sweep.warnings
    assert warning.startswith("axes.learning_rate: log10 = [")
    assert "are exponents" in warning


@pytest.mark.parametrize("exponents", [[-4, 0], [0, 1], [-2.0, -0.01], [0.5, 1], [-0.5, 0.05]])
def test_exponents_give_no_warning(exponents: list[float]) -> None:
    source = document({"axes.learning_rate": {"log10": exponents, "num": 5}})
    assert read_sweep(source).warnings == ()


@pytest.mark.parametrize(
    ("axis", "shown"),
    [
        ({"log10": [-2, 3], "num": 51}, "0.01, 0.0125893, …, 1000 (51 values)"),
        ([1.0, 10.0, 100.0], "1, 10, 100"),
        ([5.0], "5"),
        ({"refine": [1, 2], "tolerance": 0.25}, "1, 2, …, 1.5 (4 values)"),
    ],
)
def test_an_axis_shows_its_first_second_and_last_value(axis: Any, shown: str) -> None:
    (first, *_) = read_sweep(document({"axes.learning_rate": axis})).axes
    assert first.preview() == shown


# oversized input ---------------------------------------------------------------------------------

LARGE: dict[str, tuple[str, str]] = {
    # the text in place of the rates or at the end, and words of the message
    "a key of many parts": (TEXT + "a" + ".a" * 100_000 + " = 1\n", "more than 100 dotted parts"),
    "a header of many parts": (TEXT + "[a" + ".'b c'" * 100_000 + "]\n", "100 dotted parts"),
    "a long number": (TEXT.replace("[axes]", "[axes]\nx = " + "9" * 5000), "thousands of digits"),
    "long entropy": ("entropy = " + "9" * 300 + "\n" + TEXT, "entropy: must be a number below"),
    "long steps": (
        TEXT.replace("max_steps = 50", "max_steps = " + "9" * 300),
        "1,000,000,000,000 or less",
    ),
    "a long name": (TEXT.replace('"sigmoid"', '"' + "x" * 100_000 + '"'), "unknown activation"),
    "a long key": ("x" * 100_000 + " = 1\n" + TEXT, 'unknown key "xxx'),
    "a place far beyond": (
        TEXT.replace('kind = "uniform"', 'kind = "point"').replace(
            "[axes]", '[axes]\n"init.values.999999" = [1.0]'
        ),
        "init.values is missing: write the list",
    ),
    "many wrong numbers": (
        TEXT.replace("inputs = [[0.1]]", "inputs = [" + "['a'],\n" * 20_000 + "]"),
        "19,980 more problems",
    ),
    "exponents": (TEXT.replace(RATES, "{ log10 = [-2e300, -0.01], num = 3 }"), "underflows"),
    "a word among many rates": (
        TEXT.replace(RATES, f"[{', '.join(map(str, range(1, 100_000)))}, 'x']"),
        'axes.learning_rate[99999]: must be a number, not "x"',
    ),
}


@pytest.mark.parametrize(("text", "words"), LARGE.values(), ids=LARGE)
def test_oversized_input_is_refused_quickly(tmp_path: Path, text: str, words: str) -> None:
    start = time.perf_counter()
    told = messages(write(tmp_path, text))
    assert time.perf_counter() - start < 5
    assert words in "\n".join(told)
    assert len(told) <= 21
    assert max(map(len, told)) < 1300


@pytest.mark.parametrize(
    "changes",
    [
        {"entropy": 10**5000},
        {"axes.seed": [10**5000]},
        {"train.max_steps": -(10**5000)},
        {"axes.learning_rate": [10**5000]},
        {"problem.activation": "\x1b[31m" * 1000},
        {"\x1b[2J\n" + "x" * 9999: 1},
    ],
)
def test_messages_are_short_and_printable(changes: dict[str, Any]) -> None:
    for message in messages(document(changes)):
        assert len(message) < 1300
        assert message.isprintable()


def test_an_axis_of_many_values_is_read_in_seconds(tmp_path: Path) -> None:
    values = ", ".join(str(1 + place / 10**5) for place in range(10**5))
    start = time.perf_counter()
    sweep = read_sweep(write(tmp_path, TEXT.replace(RATES, f"[{values}]")))
    assert Plan(sweep).trials == 4 * 10**5
    assert time.perf_counter() - start < 4


def test_a_wide_network_is_read_quickly() -> None:
    data = {"kind": "normal", "samples": 2, "inputs": 16}
    problem = {"kind": "network", "layers": [16, 1_000_000, 1], "data": data}
    start = time.perf_counter()
    read_sweep(document({"problem": problem}))
    assert time.perf_counter() - start < 3
