"""Width and depth of a network as numbers of the sweep file, and so as axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from gdbatch.api import run_sweep
from gdbatch.ingredients.problems.network.options import NetworkOptions

DATA = {"kind": "chebyshev", "samples": 4, "degree": 2}


def options(**given: Any) -> NetworkOptions:
    one = {"inputs": [[1.0, 2.0]], "targets": [[0.5]]}
    return NetworkOptions.model_validate({"kind": "network", **one, **given})


@pytest.mark.parametrize(
    ("given", "units"),
    [
        ({"layers": ["inputs", "width", "outputs"], "width": 8}, (2, 8, 1)),
        ({"layers": ["inputs", "width", "outputs"], "width": 8, "depth": 3}, (2, 8, 8, 8, 1)),
        ({"layers": [2, 3, "width", 4, "width", 1], "width": 8}, (2, 3, 8, 4, 8, 1)),
        ({"layers": [2, 3, "width", 1], "width": 8, "depth": 2}, (2, 3, 8, 8, 1)),
    ],
)
def test_width_and_depth_become_units(given: dict[str, Any], units: tuple[int, ...]) -> None:
    assert options(**given).units == units


@pytest.mark.parametrize(
    ("given", "key", "words"),
    [
        ({"layers": [2, "width", 1]}, "width", "width is missing"),
        ({"layers": [2, 3, 1], "width": 8}, "width", "width is not used"),
        ({"layers": [2, 3, 1], "depth": 2}, "depth", "depth is not used"),
        ({"layers": ["width", 3, 1], "width": 8}, "layers", "for hidden layers"),
        ({"layers": [2, "width", "width", 1], "width": 8, "depth": 2}, "depth", "a single one"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        options(**given)
    (error,) = caught.value.errors()
    assert error["ctx"]["error"].key[0] == key
    assert words in str(error["ctx"]["error"])


def test_the_width_is_a_column_of_numbers_and_trains_as_the_written_layers_do(
    tmp_path: Path,
) -> None:
    tables: dict[str, Any] = {
        "name": "widths",
        "problem": {"kind": "network", "activation": "tanh", "data": DATA},
        "init": {"kind": "lecun"},
        "optimizer": {"kind": "gradient_descent", "learning_rate": 0.1},
        "train": {"max_steps": 5},
    }
    shape = {"layers": ["inputs", "width", "outputs"], "depth": 2}
    axes = {"width": [2, 3], "seed": {"count": 2}}
    by_width = run_sweep(
        {**tables, "problem": tables["problem"] | shape, "axes": axes}, out=tmp_path / "w"
    ).trials()
    written = {"problem.layers": [[1, 2, 2, 1], [1, 3, 3, 1]], "seed": {"count": 2}}
    by_layers = run_sweep({**tables, "axes": written}, out=tmp_path / "l").trials()
    assert by_width["width"].dtype == np.int64
    assert by_width["width"].tolist() == [2, 2, 3, 3]
    assert by_width["final_loss"].tolist() == by_layers["final_loss"].tolist()
