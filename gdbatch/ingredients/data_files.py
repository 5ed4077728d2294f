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


def read_samples(path: Path, n_inputs: int, n_targets: int) -> Samples:
    """Inputs (samples, n_inputs) and targets (samples, n_targets); raises IngredientError."""
    readers = {".csv": _read_csv, ".npz": _read_npz}
    if not os.path.isfile(path):  # which, unlike Path.is_file, takes any name
        siblings = (
            [one.name for ending in readers for one in sorted(path.parent.glob(f"*{ending}"))]
            if os.path.isdir(path.parent)
            else []
        )
        hint = nearest(path.name, siblings)
        raise IngredientError(f"no such data file: {path}" + (f"; {hint}" if hint else ""), "data")
    if path.suffix not in readers:
        raise IngredientError(f"a data file ends in .csv or .npz, not {path.suffix!r}", "data")
    try:
        return readers[path.suffix](path, n_inputs, n_targets)
    except OSError as error:
        raise IngredientError(f"cannot read {path}: {error.strerror or error}", "data") from None


def _read_csv(path: Path, n_inputs: int, n_targets: int) -> Samples:
    width = n_inputs + n_targets
    rows: list[list[float]] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            for index, cells in enumerate(reader):
                if not cells or (index == 0 and not any(_is_number(cell) for cell in cells)):
                    continue  # a blank line, or the names of the columns
                rows.append(_numbers(path, reader.line_num, cells, width, n_inputs, n_targets))
    except (UnicodeDecodeError, csv.Error) as error:
        raise IngredientError(f"{path} is not a CSV text file: {error}", "data") from None
    if not rows:
        raise IngredientError(f"{path} holds no sample", "data")
    table = np.array(rows)
    return table[:, :n_inputs], table[:, n_inputs:]


def _numbers(
    path: Path, line: int, cells: list[str], width: int, n_inputs: int, n_targets: int
) -> list[float]:
    if len(cells) != width:
        raise IngredientError(
            f"{path}, line {line}: {len(cells)} columns, but the layers need {width} "
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


def _read_npz(path: Path, n_inputs: int, n_targets: int) -> Samples:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, zipfile.BadZipFile, EOFError, zlib.error, AttributeError) as error:
        raise IngredientError(f"{path} is not an npz file of numbers: {error}", "data") from None
    result = []
    for name, width in (("inputs", n_inputs), ("targets", n_targets)):
        if name not in arrays:
            found = ", ".join(arrays) or "nothing"
            raise IngredientError(f'{path} has no array "{name}"; it holds {found}', "data")
        array = arrays[name]
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise IngredientError(f'{path}: "{name}" holds values that are not finite', "data")
        if array.ndim != 2 or array.shape[1] != width or len(array) == 0:
            raise IngredientError(
                f'{path}: "{name}" has the shape {array.shape}, but the layers need '
                f"(samples, {width})",
                "data",
            )
        result.append(array.astype(np.float64))
    if len(result[0]) != len(result[1]):
        raise IngredientError(
            f"{path}: {len(result[0])} inputs, but {len(result[1])} targets", "data"
        )
    return result[0], result[1]
