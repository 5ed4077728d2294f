"""A broken sweep file is refused with its file, line and key, what is allowed and the nearest name.

Whatever it contains, the only exception is a GdbatchError.
"""

from __future__ import annotations

import copy
import datetime
import math
import tempfile
import tomllib
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gdbatch.errors import GdbatchError, SweepFileError
from gdbatch.plan import Plan
from gdbatch.sweep_file import read_sweep
from tests.documents import TEXT, document


def refuse(folder: Path, text: str) -> SweepFileError:
    path = folder / "sweep.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SweepFileError) as caught:
        Plan(read_sweep(path))
    assert caught.value.exit_code == 2
    return caught.value


def marked(text: str) -> int:
    (line,) = [number for number, one in enumerate(text.splitlines(), 1) if "# HERE" in one]
    return line


def swapped(old: str, new: str) -> str:
    assert TEXT.count(old) == 1
    return TEXT.replace(old, new)


STOP = "stop = { prediction_error = 1e-2, hold = 2 }"
RATES = "learning_rate = [1.0, 100.0, 1000.0]"
SEEDS = "seed = { count = 4 }"
DESCENT = 'kind = "gradient_descent"'

# the text in the file, its replacement, the key named in the error, and words of the message
MISSPELT: dict[str, tuple[str, str, str, list[str]]] = {
    "top": ("description =", "descripton = 1 # HERE\ndescription =", "descripton",
            ['unknown key "descripton"', 'did you mean "description"?']),
    "top, nothing near": ("description =", "zzz = 1 # HERE\ndescription =", "zzz",
            ['unknown key "zzz"', "allowed: ", "name", "axes", "record"]),
    "a table": ("[axes]", "[recrod] # HERE\n[axes]", "recrod", ['did you mean "record"?']),
    "problem": ("activation =", "activaton = 'tanh' # HERE\nactivation =", "problem.activaton",
            ['unknown key "activaton"', 'did you mean "activation"?']),
    "init": ('kind = "uniform"', 'kind = "uniform"\nhihg = 2.0 # HERE', "init.hihg",
            ['did you mean "high"?']),
    "optimizer": (DESCENT, DESCENT + "\nlearnig_rate = 1.0 # HERE", "optimizer.learnig_rate",
            ['did you mean "learning_rate"?']),
    "train": ("max_steps = 50", "max_steps = 50\ndtyp = 'float32' # HERE", "train.dtyp",
            ['did you mean "dtype"?']),
    "stop": (STOP, STOP.replace("}", ", predicton_error = 1 } # HERE"),
            "train.stop.predicton_error", ['did you mean "prediction_error"?']),
    "divergence": (STOP, STOP + "\ndivergence = { los = 1e8 } # HERE", "train.divergence.los",
            ['unknown key "los"', 'did you mean "loss"?']),
    "record": ("[axes]", "[record]\nevry = 2 # HERE\n[axes]", "record.evry",
            ['did you mean "every"?']),
    "a recorded value": ("[axes]", "[record]\nvalues = ['loss',\n'predicton'] # HERE\n[axes]",
            "record.values[1]", ['did you mean "prediction"?']),
    "a recorded axis": ("[axes]", "[record]\ntrials = { sed = [0] } # HERE\n[axes]",
            "record.trials.sed", ['did you mean "seed"?']),
    "activation": ('activation = "sigmoid"', 'activation = "sigmod" # HERE', "problem.activation",
            ['did you mean "sigmoid"?']),
    "activation of a layer": ('activation = "sigmoid"', "activation = [\n'tnh'] # HERE",
            "problem.activation[0]", ['did you mean "tanh"?']),
    "loss": ("activation =", "loss = 'squared_eror' # HERE\nactivation =", "problem.loss",
            ['did you mean "squared_error"?']),
    "problem kind": ('kind = "network"', 'kind = "netwrok" # HERE', "problem.kind",
            ['did you mean "network"?']),
    "init kind": ('kind = "uniform"', 'kind = "unifrom" # HERE', "init.kind",
            ['did you mean "uniform"?']),
    "optimizer kind": (DESCENT, 'kind = "sgd" # HERE', "optimizer.kind",
            ["allowed: ", "gradient_descent", 'did you mean "gradient_descent"?']),
    "dtype": ("max_steps = 50", "max_steps = 50\ndtype = 'float46' # HERE", "train.dtype",
            ['"float64"', '"float32"', '"float46"']),
    "axis": (RATES, "learning_rat = [1.0] # HERE", "axes.learning_rat",
            ['did you mean "learning_rate"?']),
    "axis, nothing near": (SEEDS, SEEDS + "\nzzz = [1] # HERE", "axes.zzz",
            ["cannot be an axis", "such as learning_rate"]),
    "axis form": (RATES, "learning_rate = { lo10 = [0, 1], num = 2 } # HERE", "axes.learning_rate",
            ['did you mean "log10"?']),
    "key of an axis form": (RATES, "learning_rate = { log10 = [0, 1], nun = 2 } # HERE",
            "axes.learning_rate.nun", ['did you mean "num"?']),
}  # fmt: skip

WRONG: dict[str, tuple[str, str, str, list[str]]] = {
    # types
    "name": ('name = "small"', "name = 3 # HERE", "name", ["string in quotes", "3"]),
    "steps as a text": ("max_steps = 50", "max_steps = '50' # HERE", "train.max_steps",
            ["whole number", '"50"']),
    "half a step": ("max_steps = 50", "max_steps = 50.5 # HERE", "train.max_steps",
            ["whole number", "50.5"]),
    "steps below 0": ("max_steps = 50", "max_steps = -1 # HERE", "train.max_steps", ["0", "-1"]),
    "layers as a text": ("layers = [1, 1]", "layers = '1-1' # HERE", "problem.layers",
            ["list", '"1-1"']),
    "one layer": ("layers = [1, 1]", "layers = [1] # HERE", "problem.layers", ["at least 2"]),
    "an empty layer": ("layers = [1, 1]", "layers = [1,\n 0, 1] # HERE", "problem.layers[1]",
            ["1 or more", "0"]),
    "bias as a number": ("activation =", "bias = 1 # HERE\nactivation =", "problem.bias",
            ["true or false", "1"]),
    "an input as a text": ("inputs = [[0.1]]", "inputs = [\n['a']] # HERE", "problem.inputs[0][0]",
            ["number", '"a"']),
    "an input that is true": ("inputs = [[0.1]]", "inputs = [\n[true]] # HERE",
            "problem.inputs[0][0]", ["number", "true"]),
    "an input that is NaN": ("inputs = [[0.1]]", "inputs = [\n[nan]] # HERE",
            "problem.inputs[0][0]", ["finite", "nan"]),
    "an infinite target": ("targets = [[0.3]]", "targets = [[inf]] # HERE",
            "problem.targets[0][0]", ["finite", "inf"]),
    "a table as a value": ("[init]\nkind = \"uniform\"", "", "init", ["[init]", "missing"]),
    "kind as a number": ('kind = "network"', "kind = 3 # HERE", "problem.kind", ["network"]),
    "kind as a list": ('kind = "network"', "kind = [] # HERE", "problem.kind", ["network"]),
    "kind as a table": (DESCENT, "kind = { a = 1 } # HERE", "optimizer.kind",
            ["gradient_descent"]),
    "kind missing": (f"[optimizer]\n{DESCENT}", "[optimizer] # HERE", "optimizer",
            ["kind", "gradient_descent"]),
    "stop as a number": (STOP, "stop = 1e-3 # HERE", "train.stop", ["0.001"]),
    "divergence as true": (STOP, STOP + "\ndivergence = true # HERE", "train.divergence",
            ["true"]),
    "record as a number": ("[axes]", "[axes]", "record", ["table"]),
    "an axis as a number": (RATES, "learning_rate = 3 # HERE", "axes.learning_rate",
            ["a list of values", "log10", "section"]),
    # numbers
    "a negative rate": (RATES, "learning_rate = [1.0, -1.0] # HERE", "axes.learning_rate[1]",
            ["above 0", "-1.0"]),
    "a rate of 0": (RATES, "learning_rate = [0] # HERE", "axes.learning_rate[0]",
            ["above 0"]),
    "a rate that is NaN": (RATES, "learning_rate = [1.0, nan, 2.0] # HERE", "axes.learning_rate[1]",
            ["finite", "nan"]),
    "an infinite rate": (RATES, "learning_rate = [inf] # HERE", "axes.learning_rate[0]",
            ["finite", "inf"]),
    "a rate as a text": (RATES, "learning_rate = [1.0, '2'] # HERE", "axes.learning_rate[1]",
            ["number", '"2"']),
    "rates that pass 0": (RATES, "learning_rate = { linear = [1, -1], num = 3 } # HERE",
            "axes.learning_rate", ["above 0"]),
    "one rate that is 0": (f"{RATES}\n", "", "optimizer.learning_rate", ["missing"]),
    "a fixed rate of 0": (f"{DESCENT}\n", f"{DESCENT}\nlearning_rate = 0 # HERE\n",
            "optimizer.learning_rate", ["above 0", "0"]),
    "low above high": ('kind = "uniform"', 'kind = "uniform"\nlow = 2.0\nhigh = 1.0 # HERE',
            "init.high", ["below low"]),
    # samples
    "layers that do not fit the inputs": ("layers = [1, 1]\n", "layers = [2, 1]\n",
            "problem.inputs", ["1 numbers", "[2, 1]", "needs 2"]),
    "layers that do not fit the targets": ("layers = [1, 1]\n", "layers = [1, 2]\n",
            "problem.targets", ["1 numbers", "needs 2"]),
    "ragged inputs": ("inputs = [[0.1]]", "inputs = [[0.1], [0.2, 0.3]] # HERE", "problem.inputs",
            ["sample 1", "2 numbers", "needs 1"]),
    "more inputs than targets": ("targets = [[0.3]]", "targets = [[0.3], [0.4]] # HERE",
            "problem.targets", ["1 list of inputs, but 2 targets"]),
    "no inputs": ("inputs = [[0.1]]\n", "", "problem.inputs", ["missing", "data"]),
    "data and inputs": ("inputs = [[0.1]]", "inputs = [[0.1]]\ndata = 'a.csv' # HERE",
            "problem.data", ["not both"]),
    "too many activations": ('activation = "sigmoid"', "activation = ['tanh', 'tanh'] # HERE",
            "problem.activation", ["2 activations", "1 layers"]),
    # rules that contradict each other
    "hold that cannot be": (STOP, "stop = { loss = 1e-2, hold = 52 } # HERE", "train.stop.hold",
            ["52", "50"]),
    "a stop above the divergence": (STOP,
            "stop = { loss = 2e8 } # HERE\ndivergence = { loss = 1e8 }", "train.stop.loss",
            ["2e+08", "1e+08", "below"]),
    "two limits of divergence": (STOP, STOP + "\ndivergence = { loss = 1e8, factor = 2.0 } # HERE",
            "train.divergence", ["either factor or loss"]),
    "no rule": (STOP, "stop = { hold = 2 } # HERE", "train.stop",
            ["prediction_error", "loss", "gradient_norm"]),
    "hold of 0": (STOP, "stop = { loss = 1e-2, hold = 0 } # HERE", "train.stop.hold", ["1", "0"]),
    # names
    "a path": ('name = "small"', "name = '../small' # HERE", "name", ["../small", "not a path"]),
    "an absolute path": ('name = "small"', "name = '/small' # HERE", "name", ["not a path"]),
    "a hidden name": ('name = "small"', "name = '.small' # HERE", "name", ["letters"]),
    "no letters": ('name = "small"', "name = '' # HERE", "name", ["letters"]),
    "a name with a line end": ('name = "small"', 'name = "small\\n" # HERE', "name", ["letters"]),
    "negative entropy": ('name = "small"', 'name = "small"\nentropy = -1 # HERE', "entropy",
            ["0", "-1"]),
    # axes
    "an empty axis": (RATES, "learning_rate = [] # HERE", "axes.learning_rate",
            ["at least one value"]),
    "no values": (RATES, "learning_rate = { linear = [1, 2], num = 0 } # HERE",
            "axes.learning_rate.num", ["1", "0"]),
    "no seeds": (SEEDS, "seed = { count = 0 } # HERE", "axes.seed.count", ["1", "0"]),
    "an empty range": (SEEDS, "seed = { range = [3, 3, 1] } # HERE", "axes.seed.range",
            ["no value"]),
    "a range without a step": (SEEDS, "seed = { range = [0, 3, 0] } # HERE", "axes.seed.range",
            ["no value"]),
    "three ends": (RATES, "learning_rate = { linear = [1, 2, 3], num = 3 } # HERE",
            "axes.learning_rate.linear", ["2"]),
    "no num": (RATES, "learning_rate = { linear = [1, 2] } # HERE", "axes.learning_rate.num",
            ["missing"]),
    "an end that is NaN": (RATES, "learning_rate = { linear = [1, nan], num = 3 } # HERE",
            "axes.learning_rate.linear[1]", ["finite", "nan"]),
    "two forms": (RATES, "learning_rate = { linear = [1, 2], log10 = [0, 1], num = 3 } # HERE",
            "axes.learning_rate", ["one of count, linear, log10"]),
    "log10 that overflows": (RATES, "learning_rate = { log10 = [0, 400], num = 3 } # HERE",
            "axes.learning_rate.log10", ["10^400 overflows", "from -323 to 308"]),
    "log10 that underflows": (RATES, "learning_rate = { log10 = [-400, 0], num = 3 } # HERE",
            "axes.learning_rate.log10", ["10^-400 underflows"]),
    "linear that overflows": (
            RATES, "learning_rate = { linear = [1e308, 1.7e308], num = 9 } # HERE",
            "axes.learning_rate", ["overflow"]),
    "uniform with its ends reversed": (
            RATES, "learning_rate = { uniform = [2, 1], num = 3 } # HERE",
            "axes.learning_rate.uniform", ["lower end must come first"]),
    "log_uniform with its ends reversed": (
            RATES, "learning_rate = { log_uniform = [2, 1], num = 3 } # HERE",
            "axes.learning_rate.log_uniform", ["lower end must come first"]),
    "log_uniform from 0": (RATES, "learning_rate = { log_uniform = [0, 1], num = 3 } # HERE",
            "axes.learning_rate.log_uniform", ["above 0"]),
    "an axis that is given too": (DESCENT, DESCENT + "\nlearning_rate = 1.0",
            "axes.learning_rate", ["[optimizer]", "remove one"]),
    "an axis twice": (RATES, RATES + '\n"optimizer.learning_rate" = [1.0] # HERE',
            'axes."optimizer.learning_rate"', ["an axis already"]),
    "an axis without quotes": (SEEDS, SEEDS + "\ninit.low = [0.0] # HERE", "axes.init",
            ["quotes", '"init.low"']),
    "an axis in no section": (SEEDS, SEEDS + "\nname = ['a', 'b'] # HERE", "axes.name",
            ["cannot be an axis"]),
    "a negative seed": (SEEDS, "seed = [0, -1] # HERE", "axes.seed[1]", ["whole number", "-1"]),
    "half a seed": (SEEDS, "seed = [0.5] # HERE", "axes.seed[0]", ["whole number", "0.5"]),
    "seeds on a line": (SEEDS, "seed = { linear = [0, 1], num = 3 } # HERE", "axes.seed",
            ["whole number"]),
    "a seed that is true": (SEEDS, "seed = [true] # HERE", "axes.seed[0]", ["whole number"]),
    "a seed as a text": (SEEDS, "seed = ['1'] # HERE", "axes.seed[0]", ["whole number"]),
    "a seed beyond 64 bits": (SEEDS, f"seed = [{2**63}] # HERE", "axes.seed[0]", ["whole number"]),
    "random values that pass low": (SEEDS, "low = { uniform = [0, 2], num = 9 } # HERE",
            "axes.low", ["below low"]),
    # zips
    "a zip of unequal lengths": (
            f"{RATES}\n{SEEDS}", "[[axes.zip]] # HERE\nlearning_rate = [1, 2]\nseed = [1, 2, 3]",
            "axes.zip[0]", ["equally long", "2", "3"]),
    "a zip of one": (f"{RATES}\n", f"{RATES}\n[[axes.zip]] # HERE\nlow = [0]\n[axes.x]\n",
            "axes.zip[0]", ["two or more"]),
    "a bad axis in a zip": (
            f"{RATES}\n{SEEDS}", "[[axes.zip]]\nlearning_rate = [1]\nseed = [-1] # HERE",
            "axes.zip[0].seed[0]", ["whole number"]),
    "a zip as a number": (SEEDS, SEEDS + "\nzip = 3 # HERE", "axes.zip[0]", ["[[axes.zip]]"]),
    # record
    "every of 0": ("[axes]", "[record]\nevery = 0 # HERE\n[axes]", "record.every", ["1", "0"]),
    "no values of an axis": ("[axes]", "[record]\ntrials = { seed = [] } # HERE\n[axes]",
            "record.trials.seed", ["at least one"]),
    "a value that no axis has": ("[axes]", "[record]\ntrials = { seed = [99] } # HERE\n[axes]",
            "record.trials.seed", ["99", "nearest is 3"]),
}  # fmt: skip
WRONG["record as a number"] = ('name = "small"', 'name = "small"\nrecord = 3 # HERE', "record",
                               ["table"])  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [*MISSPELT.values(), *WRONG.values()],
    ids=[*(f"misspelt: {name}" for name in MISSPELT), *WRONG],
)
def test_an_error_names_its_line_and_key(
    tmp_path: Path, old: str, new: str, key: str, words: list[str]
) -> None:
    text = swapped(old, new)
    error = refuse(tmp_path, text)
    blamed = [problem for problem in error.problems if problem.key == key]
    assert blamed, f"{key} is not blamed:\n{error}"
    told = " | ".join(problem.message for problem in blamed)
    for word in words:
        assert word in told
    source = str(tmp_path / "sweep.toml")
    assert all(problem.source == source for problem in error.problems)
    if "# HERE" in text:
        assert f"{source}, line {marked(text)}: {key}: " in str(error)
    elif "missing" not in words:
        assert blamed[0].line is not None


def test_the_small_sweep_is_valid(tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text(TEXT)
    assert Plan(read_sweep(tmp_path / "sweep.toml")).trials == 12


@pytest.mark.parametrize(
    "rates",
    ["{ linear = [3, 1], num = 3 }", "{ log10 = [2, -2], num = 5 }", "{ range = [9, 0, -2] }"],
)
def test_a_decreasing_axis_is_valid(tmp_path: Path, rates: str) -> None:
    (tmp_path / "sweep.toml").write_text(swapped(RATES, f"learning_rate = {rates}"))
    read_sweep(tmp_path / "sweep.toml")


@pytest.mark.parametrize(
    "stop", ["{ loss = 1e-2, hold = 51 }", "{ loss = 2e8 }", "{ loss = 2e8 }\ndivergence = false"]
)
def test_rules_at_their_limits_are_valid(tmp_path: Path, stop: str) -> None:
    (tmp_path / "sweep.toml").write_text(swapped(STOP, f"stop = {stop}"))
    read_sweep(tmp_path / "sweep.toml")


def test_axis_values_that_conflict_with_other_keys_are_refused(tmp_path: Path) -> None:
    text = swapped(SEEDS, "low = [0, 1, 5] # HERE").replace("[axes]", "[axes]\nhigh = [2, 3]")
    error = refuse(tmp_path, text)
    assert [problem.line for problem in error.problems] == [marked(text)]
    assert "low = 5" in str(error)


def test_combinations_of_structural_axes_are_checked(tmp_path: Path) -> None:
    text = swapped('layers = [1, 1]\nactivation = "sigmoid"\n', "").replace(
        "[axes]", "[axes]\nlayers = [[1, 1], [1, 2, 1]]\nactivation = ['tanh', ['tanh', 'tanh']]"
    )
    assert "activations for" in str(refuse(tmp_path, text))


@pytest.mark.parametrize(
    ("key", "name", "meant"),
    [
        ("optimizer.kind", "sgd", "gradient_descent"),
        ("optimizer.kind", "SGD", "gradient_descent"),
        ("init.kind", "Xavier-normal", "xavier"),
        ("init.kind", "kaiming", "he"),
        ("problem.loss", "mse", "mean_squared_error"),
        ("problem.loss", "bce", "binary_cross_entropy"),
        ("problem.loss", "nll", "cross_entropy"),
        ("problem.activation", "linear", "identity"),
    ],
)
def test_common_names_of_other_libraries_are_recognised(key: str, name: str, meant: str) -> None:
    with pytest.raises(SweepFileError, match=f'"{name}"; did you mean "{meant}"'):
        read_sweep(document({key: name}))


def test_a_large_bound_is_a_power_of_two() -> None:
    with pytest.raises(SweepFileError, match="must be a number below 2¹²⁸, not"):
        read_sweep(document({"entropy": 2**128}))


def test_a_missing_key_names_the_line_of_its_table(tmp_path: Path) -> None:
    error = refuse(tmp_path, swapped("[train]\nmax_steps = 50", "[train] # HERE"))
    (problem,) = error.problems
    assert (problem.key, problem.message) == (
        "train.max_steps", "this key is missing; give it, or max_epochs",
    )  # fmt: skip
    assert problem.line == marked(swapped("[train]\nmax_steps = 50", "[train] # HERE"))


def test_a_missing_key_of_an_implicit_table_names_the_line_of_the_subtable(tmp_path: Path) -> None:
    text = swapped(f"[train]\nmax_steps = 50\n{STOP}", "[train.stop] # HERE\nloss = 1.0")
    (problem,) = refuse(tmp_path, text).problems
    assert (problem.key, problem.line) == ("train.max_steps", marked(text))


def test_all_errors_are_reported_in_the_order_of_lines(tmp_path: Path) -> None:
    text = (
        TEXT.replace("max_steps = 50", "max_steps = -50")
        .replace('name = "small"', 'name = "a/b"')
        .replace("inputs = [[0.1]]", "inputs = [[nan]]")
        .replace("count = 4", "cuont = 4")
        .replace('"uniform"', '"unifrom"')
        .replace("[axes]", "[record]\nevry = 3\n[axes]")
    )
    error = refuse(tmp_path, text)
    lines = text.splitlines()
    wanted = ["name =", "inputs =", 'kind = "unifrom"', "max_steps =", "evry =", "seed ="]
    lines_of_problems = [problem.line for problem in error.problems]
    assert lines_of_problems == sorted(lines_of_problems)  # type: ignore[type-var]
    told = [lines[line - 1] for line in lines_of_problems if line]
    assert [next(word for word in wanted if line.startswith(word)) for line in told] == wanted
    assert str(error).splitlines() == [str(problem) for problem in error.problems]


def test_the_same_error_is_reported_once(tmp_path: Path) -> None:
    text = swapped("inputs = [[0.1]]", "inputs = [['a']] # HERE").replace(
        "[1.0, 100.0, 1000.0]", "{ log10 = [0, 3], num = 50 }"
    )
    assert len(refuse(tmp_path, text).problems) == 1


# invalid TOML ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name = \n", ["TOML", "line 1"]),
        (b"name = 'a'\nname = 'b'\n", ["TOML", "line 2"]),
        (b"\xff\xfen\x00", ["UTF-8"]),
        (b"name = '\xe9'", ["UTF-8"]),
        (b"\x00", ["TOML"]),
        (b"PAR1\x15\x04", ["TOML"]),
        (b"a = " + b"[" * 100_000, ["deep"]),
        (b"a = " + b"{a=" * 100_000, ["deep"]),
    ],
    ids=["no value", "twice", "UTF-16", "Latin-1", "a zero byte", "Parquet", "arrays", "tables"],
)
def test_invalid_toml_is_refused(tmp_path: Path, content: bytes, words: list[str]) -> None:
    path = tmp_path / "sweep.toml"
    path.write_bytes(content)
    with pytest.raises(SweepFileError) as caught:
        read_sweep(path)
    assert str(caught.value).startswith(str(path))
    for word in words:
        assert word in str(caught.value)


DEEP = {
    "a section": "a" + ".a" * 2000 + " = 1\n",
    "a value": "[problem]\nlayers" + ".a" * 2000 + " = 1\n",
    "an axis": "[axes]\nlearning_rate" + ".a" * 2000 + " = 1\n",
    "values of an axis": "[axes]\nactivation = [{ a" + ".a" * 2000 + " = 1 }]\n",
    "a header": "[record" + ".a" * 2000 + "]\n",
    "arrays": "[axes]\nlearning_rate = " + "[" * 150 + "]" * 150 + "\n",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_deep_nesting_that_tomllib_reads(tmp_path: Path, text: str) -> None:
    tomllib.loads(text)
    error = refuse(tmp_path, text)
    assert str(tmp_path / "sweep.toml") in str(error)


@pytest.mark.parametrize("name", ["gone.toml", ".", "x" * 300, "a\0b"])
def test_a_path_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(SweepFileError, match="cannot be read"):
        read_sweep(tmp_path / name)


# --set -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.max_steps", ["KEY=VALUE"]),
        ("=3", ["KEY=VALUE"]),
        ("train..max_steps=3", ["KEY=VALUE"]),
        ("a b=3", ["KEY=VALUE"]),
        ("problem.activation=tanh", ["not a TOML value", """'problem.activation="tanh"'"""]),
        ("train.max_steps=", ["not a TOML value"]),
        ("train.max_steps=3\nx = 4", ["not a TOML value"]),
        ("train.max_steps=" + "[" * 9999, ["--set"]),
        ("name.x=3", ["name", "not a table"]),
        ("train.max_step=3", ["train.max_step", 'did you mean "max_steps"?']),
        ("train.max_steps=-3", ["train.max_steps", "-3"]),
        ("axes.learning_rate=[]", ["axes.learning_rate", "at least one value"]),
        ("problem.inputs=[[nan]]", ["problem.inputs[0][0]", "finite"]),
    ],
)
def test_the_error_names_a_bad_override(tmp_path: Path, override: str, words: list[str]) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text(TEXT)
    with pytest.raises(SweepFileError) as caught:
        read_sweep(path, [override])
    for word in ["--set " + override.split("=")[0], *words]:
        assert word in str(caught.value)
    assert "line" not in str(caught.value).split(":")[0]


def test_overrides_are_applied_in_order(tmp_path: Path) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text(TEXT)
    sweep = read_sweep(
        path,
        [
            "train.max_steps = 7",
            "train.max_steps=8",
            "train.divergence.loss=3.0",
            'problem.activation="tanh"',
            "axes.learning_rate={ count = 1 }",
            "axes.learning_rate=[5]",
            'axes."init.low"=[-1, 0]',
        ],
    )
    assert sweep.first.train.max_steps == 8
    assert sweep.first.train.training().divergence_limit == 3
    problem: Any = sweep.first.problem
    assert problem.activation_names() == ["tanh"]
    assert sweep.first.optimizer.learning_rate == 5
    assert [axis.key for axis in sweep.axes] == ["optimizer.learning_rate", "seed", "init.low"]


# oversized input ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "axes",
    [
        {"learning_rate": [1.0], "seed": {"range": [0, 10**400, 1]}},
        {"learning_rate": {"range": [1, 1e308, 1e-308]}},
        {"learning_rate": {"range": [10**400, 10**401, 1]}},
        {"learning_rate": {"linear": [1, 2], "num": 10**30}},
        {"learning_rate": {"log10": [0, 1], "num": 10**400}},
        {"learning_rate": {"linear": [1, 10**400], "num": 2}},
        {"learning_rate": {"linear": [1, 2], "num": 2**62}, "seed": {"count": 2**62}},
        {"learning_rate": [10**400]},
        {"learning_rate": {"uniform": [1, 2], "num": 10**12}},
        {"learning_rate": [1.0], "seed": [10**400]},
        {"learning_rate": [1.0], "init.low": {"linear": [-1e308, 0], "num": 10**400}},
    ],
)
def test_axes_too_large_to_count_are_refused(axes: dict[str, Any]) -> None:
    with pytest.raises(SweepFileError):
        Plan(read_sweep(document({"axes": axes})))


# generated input ---------------------------------------------------------------------------

words = st.sampled_from(
    [
        "", "a", "é", "\0", "loss", "kind", "network", "uniform", "seed", "zip", "learning_rate",
        "optimizer.learning_rate", "init.low", "layers", "activation", "stop", "data", "num",
        "log10", "linear", "count", "range", "log_uniform", "trials", "a.csv", "train.stop",
        "max_steps", "every", "values", "hold", "dtype", "float32", "bias", "problem", "x" * 300,
        "train.divergence", "train.divergence.loss", "train.stop.loss", "axes",
        "binary_cross_entropy", "function", "rosenbrock", "problem.data.noise", "init.values.0",
        "values.1", "eigenvalues", "eigenvalues.1", "data", "scale.0", "file", "python", "xor",
        "orthogonal", "point", "problem.data", "init.offset", "problem.function", "layer_scale.0",
    ]
) | st.text(max_size=5)  # fmt: skip
scalars = (
    st.booleans()
    | st.integers(-3, 5)
    | st.sampled_from([2**31, 2**62, 2**63, 2**64, 10**30, -(10**30), 10**400])
    | st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-320, 1e308, -1e308, 1e-3])
    | st.floats()
    | words
    | st.sampled_from(
        [datetime.date(2020, 1, 1), datetime.time(1, 2), datetime.datetime(2020, 1, 1, 1)]
    )
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
forms = st.one_of(
    st.lists(scalars, min_size=1, max_size=3),
    st.builds(
        lambda name, ends, num: {name: ends, "num": num},
        st.sampled_from(["linear", "log10", "uniform", "log_uniform"]),
        st.lists(scalars, min_size=2, max_size=2),
        st.integers(1, 5) | scalars,
    ),
    st.builds(lambda ends: {"range": ends}, st.lists(scalars, min_size=3, max_size=3)),
    st.builds(lambda count: {"count": count}, scalars),
)


def containers(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value, *(one for inner in value.values() for one in containers(inner))]
    if isinstance(value, list):
        return [value, *(one for inner in value for one in containers(inner))]
    return []


SMALL: dict[str, Any] = {"max_steps": 50, "stop": {"gradient_norm": 1e-3}}
STARTS: list[dict[str, Any]] = [
    {},
    {
        "problem": {"kind": "function", "function": "quadratic", "eigenvalues": [1.0, 2.0]},
        "init": {"kind": "point", "values": [1.0, 0.5]},
        "train": SMALL,
    },
    {
        "problem": {
            "kind": "function",
            "function": "logistic_regression",
            "data": {"kind": "blobs", "samples": 8},
        },
        "init": {"kind": "normal", "scale": [1.0]},
        "train": SMALL,
    },
    {
        "problem": {
            "kind": "network",
            "layers": [2, 2, 1],
            "layer_scale": [0.5, 2.0],
            "data": {"kind": "xor", "noise": 0.1},
        },
        "init": {"kind": "xavier", "offset": [0.0, 1.0]},
    },
    {"problem": {"kind": "python", "file": "gone.py"}, "train": SMALL},
]


@st.composite
def mutations(draw: st.DrawFn) -> dict[str, Any]:
    record = {"every": 3, "trials": {"seed": [0]}, "values": ["loss"]}
    result = document({}, record=record, **draw(st.sampled_from(STARTS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.sampled_from(containers(result)))
        what = draw(st.sampled_from(["delete", "replace", "replace", "insert", "axis", "move"]))
        new = copy.deepcopy(draw(forms if what == "axis" else values))
        if what == "axis" and isinstance(result.get("axes"), dict):
            result["axes"][draw(words)] = new
        elif isinstance(place, dict):
            if what in ("delete", "replace", "move") and place:
                key = draw(st.sampled_from(sorted(place)))
                old = place.pop(key)
                if what == "replace":
                    place[key] = new
                if what == "move" and isinstance(result.get("axes"), dict):
                    result["axes"][key] = [copy.deepcopy(old), new]
            else:
                place[draw(words)] = new
        elif what in ("delete", "replace") and place:
            index = draw(st.integers(0, len(place) - 1))
            place[index : index + 1] = [new] if what == "replace" else []
        else:
            place.insert(draw(st.integers(0, len(place))), new)
    return result


def works_or_is_refused(source: Any) -> None:
    with warnings.catch_warnings():
        # an exception of another kind would be an error
        warnings.simplefilter("ignore")
        try:
            assert Plan(read_sweep(source)).trials >= 1
        except GdbatchError as error:
            assert str(error)  # noqa: PT017
            assert error.exit_code == 2  # noqa: PT017


@settings(max_examples=600, deadline=None)
@given(mutations())
@example(document({"axes": {"learning_rate": [1.0], "train.stop": [{"loss": 1.0}]}}))
@example(document({"axes": {"learning_rate": [1.0], "problem.data": ["x" * 300]}}))
@example(document({"optimizer": {"kind": {}}}))
@example(document({"problem": 3}))
@example(document({"problem.targets": [[1e200]]}))
def test_any_document_is_accepted_or_refused(changed: dict[str, Any]) -> None:
    works_or_is_refused(changed)


@st.composite
def spoilt_texts(draw: st.DrawFn) -> bytes:
    text = TEXT
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        length = draw(st.sampled_from([0, 0, 1, 3, 20]))
        piece = draw(
            st.text(max_size=4)
            | st.sampled_from(["[", "]", "=", '"', "'''", "\n[axes.zip]\n", "nan", "-", "\n",
                               "[[axes.zip]]\n", "\r", "\0", "{", "}", ".", "_", "a = 1\n"])
        )  # fmt: skip
        text = text[:start] + piece + text[start + length :]
    return text.encode("utf-8", "surrogatepass")


@settings(max_examples=400, deadline=None)
@given(spoilt_texts() | st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_file_is_accepted_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sweep.toml"
        path.write_bytes(content)
        works_or_is_refused(path)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12) | st.builds("{}={}".format, words, st.text(max_size=6) | words))
def test_any_override_is_accepted_or_refused(override: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            read_sweep(document(), [override])
        except GdbatchError as error:
            assert "--set" in str(error)  # noqa: PT017
