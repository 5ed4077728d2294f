"""Reads data files, by extension."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import IngredientError, nearest
from .csv_table import parse_csv
from .limits import MAX_FILE_BYTES, as_size
from .npz import NpzFile

Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]


def read_samples(
    path: Path, n_inputs: int | None, n_targets: int, header: bool | None = None
) -> Arrays:
    """Inputs (samples, n_inputs) and targets (samples, n_targets), read-only.

    Raises IngredientError. n_inputs: None allows any number. header: whether the first row of a CSV
    file is a header; None: if it has text but no numbers.
    """
    expect_file(path, (".csv", ".npz"), "data file", "data")
    content = _content(path, "data")
    if path.suffix.lower() == ".csv":
        return _csv_samples(str(path), content, n_inputs, n_targets, header)
    return _npz_samples(str(path), content, n_inputs, n_targets)


def read_arrays(path: Path, key: str) -> dict[str, NDArray[np.float64]]:
    """All arrays of an npz file, by name; raises IngredientError about the option `key`."""
    file = NpzFile(str(path), _content(path, key), key)
    return {name: file.read(name) for name in file.names}


def expect_file(path: Path, endings: tuple[str, ...], what: str, key: str) -> None:
    """Raises IngredientError about the option `key` unless `path` is a file with such an ending."""
    if not os.path.isfile(path):  # unlike Path.is_file, it accepts any name
        siblings = (
            [one.name for ending in endings for one in sorted(path.parent.glob(f"*{ending}"))]
            if os.path.isdir(path.parent)
            else []
        )
        hint = nearest(path.name, siblings)
        raise IngredientError(f"no such {what}: {path}" + (f"; {hint}" if hint else ""), key)
    if path.suffix.lower() not in endings:
        allowed = " or ".join(endings)
        raise IngredientError(f"a {what} ends in {allowed}, not {path.suffix!r}", key)


def _content(path: Path, key: str) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise IngredientError(
                f"{path} is {as_size(size)} large; at most {as_size(MAX_FILE_BYTES)} can be read",
                key,
            )
        return path.read_bytes()
    except OSError as error:
        raise IngredientError(f"cannot read {path}: {error.strerror or error}", key) from None


def _csv_samples(
    path: str, content: bytes, n_inputs: int | None, n_targets: int, header: bool | None
) -> Arrays:
    table = parse_csv(path, content, n_inputs, n_targets, header)
    table.flags.writeable = False
    return table[:, :-n_targets], table[:, -n_targets:]


def _npz_samples(path: str, content: bytes, n_inputs: int | None, n_targets: int) -> Arrays:
    file = NpzFile(path, content, "data")
    shapes = [file.shape_of("inputs"), file.shape_of("targets")]
    for name, shape, width in zip(
        ("inputs", "targets"), shapes, (n_inputs, n_targets), strict=True
    ):
        if len(shape) != 2 or 0 in shape or width not in (None, shape[1]):
            raise IngredientError(
                f'{path}: "{name}" has shape {shape}, but must be '
                f"(samples, {'inputs' if width is None else width})",
                "data",
            )
    if shapes[0][0] != shapes[1][0]:
        raise IngredientError(f"{path}: {shapes[0][0]} inputs, but {shapes[1][0]} targets", "data")
    inputs, targets = file.read("inputs"), file.read("targets")
    inputs.flags.writeable = targets.flags.writeable = False
    return inputs, targets
