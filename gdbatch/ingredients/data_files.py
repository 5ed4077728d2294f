"""Reads samples from data files: CSV with one sample a row, or npz with `inputs` and `targets`.

Only numbers are read; nothing is unpickled. Every error names the file and, in a CSV, the line.
"""

from __future__ import annotations

import csv
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import IngredientError, nearest

Samples = tuple[NDArray[np.float64], NDArray[np.float64]]


def read_samples(
    path: Path, n_inputs: int | None, n_targets: int, header: bool | None = None
) -> Samples:
    """Inputs (samples, n_inputs) and targets (samples, n_targets); raises IngredientError.

    Where n_inputs is None, there may be any number of them.
    """
    readers = {".csv": _read_csv, ".npz": _read_npz}
    expect_file(path, tuple(readers), "data file", "data")
    try:
        return readers[path.suffix](path, n_inputs, n_targets)
    except OSError as error:
        raise IngredientError(f"cannot read {path}: {error.strerror or error}", "data") from None


def expect_file(path: Path, endings: tuple[str, ...], what: str, key: str) -> None:
    """Raises IngredientError, about the option `key`, where there is no such file."""
    if not os.path.isfile(path):  # which, unlike Path.is_file, takes any name
        siblings = (
            [one.name for ending in endings for one in sorted(path.parent.glob(f"*{ending}"))]
            if os.path.isdir(path.parent)
            else []
        )
        hint = nearest(path.name, siblings)
        raise IngredientError(f"no such {what}: {path}" + (f"; {hint}" if hint else ""), key)
    if path.suffix not in endings:
        allowed = " or ".join(endings)
        raise IngredientError(f"a {what} ends in {allowed}, not {path.suffix!r}", key)


def read_arrays(path: Path, key: str) -> dict[str, NDArray[np.float64]]:
    """The arrays of an npz file of finite numbers, by name; raises IngredientError about `key`."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, zipfile.BadZipFile, EOFError, zlib.error, AttributeError) as error:
        raise IngredientError(f"{path} is not an npz file of numbers: {error}", key) from None
    except OSError as error:
        raise IngredientError(f"cannot read {path}: {error.strerror or error}", key) from None
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise IngredientError(f'{path}: "{name}" holds values that are not finite', key)
    return {name: array.astype(np.float64) for name, array in arrays.items()}


def _read_csv(path: Path, n_inputs: int | None, n_targets: int) -> Samples:
    rows: list[list[float]] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            for index, cells in enumerate(reader):
                if not cells or (index == 0 and not any(_is_number(cell) for cell in cells)):
                    continue  # a blank line, or the names of the columns
                if n_inputs is None:
                    n_inputs = max(1, len(cells) - n_targets)
                rows.append(_numbers(path, reader.line_num, cells, n_inputs, n_targets))
    except (UnicodeDecodeError, csv.Error) as error:
        raise IngredientError(f"{path} is not a CSV text file: {error}", "data") from None
    if not rows:
        raise IngredientError(f"{path} holds no sample", "data")
    table = np.array(rows)
    return table[:, :n_inputs], table[:, n_inputs:]


def _numbers(path: Path, line: int, cells: list[str], n_inputs: int, n_targets: int) -> list[float]:
    width = n_inputs + n_targets
    if len(cells) != width:
        raise IngredientError(
            f"{path}, line {line}: {len(cells)} columns, but there must be {width} "
            f"({n_inputs} inputs, then {n_targets} targets)",
            "data",
        )
    for column, cell in enumerate(cells, 1):
        if not _is_number(cell):
            what = f'"{cell}" is not a finite number' if cell.strip() else "a value is missing"
            raise IngredientError(f"{path}, line {line}, column {column}: {what}", "data")
    return [float(cell) for cell in cells]


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _read_npz(path: Path, n_inputs: int | None, n_targets: int) -> Samples:
    arrays = read_arrays(path, "data")
    parts = []
    for name, width in (("inputs", n_inputs), ("targets", n_targets)):
        if name not in arrays:
            found = ", ".join(arrays) or "nothing"
            raise IngredientError(f'{path} has no array "{name}"; it holds {found}', "data")
        array = arrays[name]
        fits = array.ndim == 2 and array.size and width in (None, array.shape[1])
        if not fits:
            raise IngredientError(
                f'{path}: "{name}" has the shape {array.shape}, but it must be '
                f"(samples, {'inputs' if width is None else width})",
                "data",
            )
        parts.append(array)
    inputs, targets = parts
    if len(inputs) != len(targets):
        raise IngredientError(f"{path}: {len(inputs)} inputs, but {len(targets)} targets", "data")
    return inputs, targets
