"""Equal values on an axis are refused, and no axis is enumerated to find them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbatch.errors import SweepFileError
from gdbatch.sweep_file import read_sweep
from gdbatch.sweep_file.axis import Axis
from gdbatch.sweep_file.forms import parse_axis
from gdbatch.sweep_file.repeats import repeated_places
from tests.documents import document

FLOAT32 = {"train.dtype": "float32"}
NETWORK = {"kind": "network", "inputs": [[0.1]], "targets": [[0.3]]}

REPEATED: dict[str, tuple[dict[str, Any], dict[str, Any], str, str]] = {
    # axes, other changes, the key named in the error, words of the message
    "rates": ({"learning_rate": [0.1, 0.1, 0.5]}, {}, "axes.learning_rate[1]",
        "values 1 and 2 are equal (0.1)"),
    "a whole number and a float": ({"learning_rate": [1, 0.5, 1.0]}, {}, "axes.learning_rate[2]",
        "values 1 and 3 (1 and 1.0) are equal"),
    "both zeros": ({"learning_rate": [1.0], "init.low": [0.0, -0.0]}, {}, 'axes."init.low"[1]',
        "values 1 and 2"),
    "seeds": ({"learning_rate": [1.0], "seed": [3, 3, 3, 3, 4]}, {}, "axes.seed[1]",
        "values 1 and 2 are equal (3)"),
    "in float32": ({"learning_rate": [0.1, 0.10000000001]}, FLOAT32, "axes.learning_rate[1]",
        "(0.1 and 0.10000000001) are equal in float32"),
    "in one of two types": ({"learning_rate": [0.1, 0.10000000001],
        "train.dtype": ["float64", "float32"]}, {}, "axes.learning_rate[1]", "equal in float32"),
    "layers": ({"learning_rate": [1.0], "layers": [[1, 1], [1, 2, 1], [1, 1]]},
        {"problem": NETWORK}, "axes.layers[2]", "values 1 and 3 are equal ([1, 1])"),
    "names": ({"learning_rate": [1.0], "activation": ["tanh", "tanh"]},
        {"problem": NETWORK | {"layers": [1, 1]}}, "axes.activation[1]", 'equal ("tanh")'),
    "a grid without a width": ({"learning_rate": {"linear": [1, 1], "num": 3}}, {},
        "axes.learning_rate", "values 1 and 2 are equal (1.0)"),
    "a grid finer than floats": ({"learning_rate": {"linear": [1, 1 + 1e-13], "num": 2**40}}, {},
        "axes.learning_rate", "are equal"),
    "a grid finer than float32": ({"learning_rate": {"linear": [1, 1.0001], "num": 10_000}},
        FLOAT32, "axes.learning_rate", "are equal in float32"),
    "powers finer than float32": ({"learning_rate": {"log10": [0, 1], "num": 30_000_000}},
        FLOAT32, "axes.learning_rate", "are equal in float32"),
    "a range finer than floats": ({"learning_rate": {"range": [1, 2, 1e-16]}}, {},
        "axes.learning_rate", "are equal"),
    "a zip": ({"zip": [{"learning_rate": [1, 2, 1], "init.low": [0.5, 0.5, 0.5]}]}, {},
        "axes.zip[0]", "values 1 and 3 of this zip are equal"),
}  # fmt: skip


@pytest.mark.parametrize(("axes", "changes", "key", "words"), REPEATED.values(), ids=REPEATED)
def test_repeated_values_are_refused(
    axes: dict[str, Any], changes: dict[str, Any], key: str, words: str
) -> None:
    with pytest.raises(SweepFileError) as caught:
        read_sweep(document(changes, axes=axes))
    (problem,) = caught.value.problems
    assert (problem.key, words in problem.message) == (key, True), problem
    assert "a repeated trial would count as two" in problem.message


DISTINCT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "close in float64": ({"learning_rate": [0.1, 0.10000000001]}, {}),
    "a fine grid": ({"learning_rate": {"linear": [1, 1.0001], "num": 10_000}}, {}),
    "fine powers": ({"learning_rate": {"log10": [0, 1], "num": 10_000_000}}, FLOAT32),
    "drawn values": ({"learning_rate": {"uniform": [1, 1 + 4e-16], "num": 50}}, {}),
    "a refined axis": ({"learning_rate": {"refine": [1, 2]}}, FLOAT32),
    "a zip of which one differs": (
        {"zip": [{"learning_rate": [1, 1, 2], "init.low": [0.0, -1.0, 0.0]}]}, {}),
    "one and true": ({"learning_rate": [1.0], "problem.bias": [True, False]}, {}),
}  # fmt: skip


@pytest.mark.parametrize(("axes", "changes"), DISTINCT.values(), ids=DISTINCT)
def test_different_values_are_accepted(axes: dict[str, Any], changes: dict[str, Any]) -> None:
    source = document(changes, axes=axes)
    read_sweep(source)


FORMS = st.one_of(
    st.builds(
        lambda ends, num: {"linear": list(ends), "num": num},
        st.tuples(st.floats(-10, 10, width=32), st.floats(-10, 10, width=32)),
        st.integers(2, 3000),
    ),
    st.builds(
        lambda first, width, num: {"log10": [first, first + width], "num": num},
        st.floats(-8, 8),
        st.floats(1e-5, 1e-2) | st.just(0.0),
        st.integers(2, 5000),
    ),
)


@given(FORMS, st.sampled_from(["float32", "float64"]))
def test_a_repeat_is_found_if_there_is_one(form: dict[str, Any], name: str) -> None:
    parsed = parse_axis(form)
    axis = Axis("init.low", "low", parsed, True, 0)
    dtype: np.dtype[np.floating] = np.dtype(name)
    values = np.asarray(axis.values(np.arange(parsed.size)), np.float64).astype(dtype)
    places = repeated_places([axis], dtype)
    assert (places is None) == (len(np.unique(values)) == len(values))
    if places is not None:
        assert values[places[0]] == values[places[1]]


def test_a_huge_axis_is_checked_quickly() -> None:
    start = time.perf_counter()
    read_sweep(document(axes={"learning_rate": {"log10": [-3, 3], "num": 10**9},
                              "seed": {"count": 2**40}}))  # fmt: skip
    assert time.perf_counter() - start < 2
