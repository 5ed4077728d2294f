"""Reads data files, by extension."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import IngredientError, nearest
from .cells import counted
from .csv_columns import CsvTable
from .csv_table import parse_csv
from .frames import parquet_table
from .limits import MAX_FILE_BYTES, as_size
from .npz import NUMBERS, STRINGS, NpzFile
from .rows import Rows, Selection, named_rows
from .selection import select

_ENDINGS = (".csv", ".csv.gz", ".parquet", ".npz")


def read_samples(
    path: Path,
    n_inputs: int | None,
    n_targets: int | None,
    header: bool | None = None,
    labels: bool = False,
) -> Rows:
    """Inputs and targets by their place: the first columns of a CSV file, and the last ones.

    Raises IngredientError. n_inputs: None allows any number. header: whether the first row of a CSV
    file is a header; None: if it has text but no numbers. labels: whether the targets of an npz
    file may be labels.
    """
    expect_file(path, _ENDINGS, "data file", "data")
    content = _content(path, "data")
    if is_csv(path.name):
        assert n_targets is not None, "a CSV file does not say how many targets it has"
        table = parse_csv(str(path), content, n_inputs, n_targets, header)
        table.flags.writeable = False
        return named_rows((table[:, :-n_targets], table[:, -n_targets:]), str(path))
    return _npz_rows(str(path), content, n_inputs, n_targets, labels)


def read_columns(path: Path, selection: Selection, header: bool | None = None) -> Rows:
    """The selected columns of a CSV or Parquet file; raises IngredientError."""
    expect_file(path, _ENDINGS, "data file", "data")
    content = _content(path, "data")
    if is_csv(path.name):
        if header is False:
            message = "columns are named in the first row, so header cannot be false"
            raise IngredientError(message, "header")
        return select(CsvTable(str(path), content, named=header is True), selection)
    if path.suffix.lower() == ".npz":
        raise IngredientError(
            f"{path} has arrays without names of columns; leave out target, features, categorical "
            "and weight",
            "data",
        )
    return select(parquet_table(str(path), content), selection)


def is_csv(name: str) -> bool:
    """Whether a file of this name is a CSV file, compressed or not."""
    return name.lower().endswith((".csv", ".csv.gz"))


def read_arrays(path: Path, key: str) -> dict[str, NDArray[np.float64]]:
    """All arrays of an npz file, by name; raises IngredientError about the option `key`."""
    file = NpzFile(str(path), _content(path, key), key)
    return {name: file.read(name) for name in file.names}


def expect_file(path: Path, endings: tuple[str, ...], what: str, key: str) -> None:
    """Raises IngredientError about the option `key` unless `path` is a file with such an ending."""
    if os.path.isdir(path):
        raise IngredientError(f"{path} is a directory, not a {what}", key)
    if not os.path.isfile(path):  # unlike Path.is_file, it accepts any name
        siblings = (
            [one.name for ending in endings for one in sorted(path.parent.glob(f"*{ending}"))]
            if os.path.isdir(path.parent)
            else []
        )
        hint = nearest(path.name, siblings)
        raise IngredientError(f"no such {what}: {path}" + (f"; {hint}" if hint else ""), key)
    if not path.name.lower().endswith(endings):
        allowed = " or ".join(filter(None, (", ".join(endings[:-1]), endings[-1])))
        raise IngredientError(f"a {what} ends in {allowed}, not {path.suffix!r}", key)


def _content(path: Path, key: str) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise IngredientError(
                f"{path} is {as_size(size)} large; at most {as_size(MAX_FILE_BYTES)} can be read",
                key,
            )
        content = path.read_bytes()
    except OSError as error:
        raise IngredientError(f"cannot read {path}: {error.strerror or error}", key) from None
    return _unpacked(content, path, key) if path.suffix.lower() == ".gz" else content


def _unpacked(content: bytes, path: Path, key: str) -> bytes:
    """The contents of a gzip file, up to the largest size that is read."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            unpacked = file.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        message = f"{path} is not a gzip file, or it is damaged: {error}"
        raise IngredientError(message, key) from None
    if len(unpacked) > MAX_FILE_BYTES:
        message = f"{path} unpacks to more than {as_size(MAX_FILE_BYTES)}, which is not read"
        raise IngredientError(message, key)
    return unpacked


def _npz_rows(
    path: str, content: bytes, n_inputs: int | None, n_targets: int | None, labels: bool
) -> Rows:
    file = NpzFile(path, content, "data")
    kinds = NUMBERS + STRINGS if labels else NUMBERS
    shapes = [file.shape_of("inputs"), file.shape_of("targets", kinds)]
    is_flat = len(shapes[1]) == 1 and (labels or n_targets in (1, None))
    is_label = labels and (is_flat or (shapes[1][1:] == (1,) and n_targets != 1))
    if is_flat or is_label:
        shapes[1] = (shapes[1][0], n_targets or 1)
    for name, shape, width in zip(
        ("inputs", "targets"), shapes, (n_inputs, n_targets), strict=True
    ):
        if 0 in shape:
            message = f'{path}: "{name}" has shape {shape}, so it is empty; it needs a sample'
            raise IngredientError(message, "data")
        if len(shape) != 2 or width not in (None, shape[1]):
            raise IngredientError(
                f'{path}: "{name}" has shape {shape}, but must be '
                f"(samples, {name if width is None else width})",
                "data",
            )
    if shapes[0][0] != shapes[1][0]:
        raise IngredientError(
            f'{path}: "inputs" has {counted(shapes[0][0], "sample")}, but "targets" has '
            f"{shapes[1][0]:,}",
            "data",
        )
    inputs = file.read("inputs")
    rows = named_rows((inputs, inputs), path)
    if is_label:
        return replace(rows, targets=None, labels=file.labels("targets").reshape(-1))
    targets = file.read("targets").reshape(len(inputs), -1)
    inputs.flags.writeable = targets.flags.writeable = False
    return replace(rows, targets=targets)
