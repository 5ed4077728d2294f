"""Tables in memory: pandas DataFrames, NumPy arrays and scikit-learn's Bunches; Parquet files."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import IngredientError
from .cells import MAX_SHOWN, quoted, why_no_word
from .limits import MAX_NUMBERS
from .table import Column, Table

if TYPE_CHECKING:
    import pandas as pd

Load = Callable[[list[str]], "pd.DataFrame"]


class FrameTable(Table):
    """The columns of a pandas DataFrame, loaded when they are read."""

    def __init__(
        self,
        source: str,
        names: Iterable[str],
        load: Load,
        target: Sequence[str] = (),
        classes: Sequence[str] = (),
    ) -> None:
        self.source, self.names, self._load = source, tuple(names), load
        self.target, self.classes = tuple(target), tuple(classes)
        self.check_names()

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows and of columns."""
        return len(self._load([*self.names])), len(self.names)

    def digest(self) -> str:
        """The digest of the names and values of all columns."""
        digest = hashlib.sha256(repr((self.target, self.classes)).encode())
        frame = self._load([*self.names])
        for name in self.names:
            column = frame[name]
            if _is_numeric(column):
                content = column.to_numpy(np.float64, na_value=np.nan).tobytes()
            else:
                content = "\0".join(map(str, column.tolist())).encode("utf-8", "surrogatepass")
            digest.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogatepass") + content)
        return digest.hexdigest()

    def read(self, numbers: Sequence[str], words: Sequence[str]) -> Mapping[str, Column]:
        """See `Table`; rows are counted from 0."""
        frame = self._load([*numbers, *words])
        if not len(frame):
            raise IngredientError(f"{self.source} has no rows", "data")
        return {
            **{name: _numbers(frame[name]) for name in numbers},
            **{name: _words(frame[name]) for name in words},
        }


class _Frame:
    """Loads columns of a DataFrame; unlike a closure, it can be sent to workers."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def __call__(self, names: list[str]) -> pd.DataFrame:
        return self._frame[names]


def table_in_memory(data: object) -> FrameTable:
    """The table of a DataFrame, a tuple (X, y) or a Bunch; raises IngredientError."""
    import pandas as pd

    source = "the data"
    if isinstance(data, pd.DataFrame):
        return frame_table(data, source)
    if isinstance(data, Mapping) and {"data", "target"} <= data.keys():
        return bunch_table(data, source)
    if isinstance(data, tuple | list) and len(data) == 2:
        return _with_targets(_frame(data[0], ()), np.asarray(data[1]), source, ())
    raise IngredientError(
        "data from Python must be a pandas DataFrame, a tuple (X, y) of arrays or a Bunch of "
        f"scikit-learn, not {type(data).__name__}",
        "data",
    )


def frame_table(
    frame: pd.DataFrame, source: str, target: Sequence[str] = (), classes: Sequence[str] = ()
) -> FrameTable:
    """The table of a DataFrame; names of columns become strings."""
    named = frame.rename(columns=str)
    return FrameTable(source, named.columns, _Frame(named), target, classes)


def bunch_table(bunch: Mapping[str, Any], source: str) -> FrameTable:
    """The table of a scikit-learn Bunch: its data, and its target with the classes' names."""
    data, target = bunch["data"], np.asarray(bunch["target"])
    found = bunch.get("target_names")
    classes = [] if found is None else [str(name) for name in found]
    is_labelled = target.ndim == 1 and target.dtype.kind in "iu" and len(classes) > 1
    if is_labelled:
        target = np.array(classes)[target]
    names = [str(name) for name in bunch.get("feature_names", ())]
    return _with_targets(_frame(data, names), target, source, classes if is_labelled else ())


def _frame(inputs: Any, names: Sequence[str]) -> pd.DataFrame:
    """Inputs as a DataFrame, whose columns are `input_0`, … if they have no names."""
    import pandas as pd

    if isinstance(inputs, pd.DataFrame):
        return inputs.rename(columns=str).reset_index(drop=True)
    array = np.asarray(inputs)
    if array.ndim != 2:
        message = f"the inputs have shape {array.shape}, but must be (samples, features)"
        raise IngredientError(message, "data")
    fits = len(names) == array.shape[1]
    return pd.DataFrame(array, columns=[*names] if fits else _numbered("input", array.shape[1]))


def _with_targets(
    frame: pd.DataFrame, targets: np.ndarray[Any, Any], source: str, classes: Sequence[str]
) -> FrameTable:
    import pandas as pd

    if targets.ndim in (1, 2) and len(targets) != len(frame):
        message = f"there are {len(frame)} inputs, but {len(targets)} targets"
        raise IngredientError(message, "data")
    if targets.ndim not in (1, 2):
        message = f"the targets have shape {targets.shape}, but must be (samples,) or "
        raise IngredientError(f"{message}(samples, outputs)", "data")
    names = ["target"] if targets.ndim == 1 else _numbered("target", targets.shape[1])
    columns = pd.DataFrame(targets.reshape(len(frame), -1), columns=names)
    return frame_table(pd.concat([frame, columns], axis=1), source, names, classes)


def _numbered(stem: str, count: int) -> list[str]:
    return [f"{stem}_{index}" for index in range(count)]


# Parquet ----------------------------------------------------------------------------------------


def parquet_table(path: str, content: bytes) -> FrameTable:
    """The table of a Parquet file; raises IngredientError about the option `data`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def damaged(error: Exception) -> IngredientError:
        first = str(error).partition("\n")[0]
        return IngredientError(f"{path} is not a Parquet file, or it is damaged: {first}", "data")

    try:
        file = pq.ParquetFile(io.BytesIO(content))
        schema, rows = file.schema_arrow, file.metadata.num_rows
        index = (schema.pandas_metadata or {}).get("index_columns", ())
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        raise damaged(error) from None

    def load(names: list[str]) -> pd.DataFrame:
        if rows * len(names) > MAX_NUMBERS:
            message = f"{path} has {rows:,} rows; at most {MAX_NUMBERS:,} values can be read"
            raise IngredientError(message, "data")
        try:
            frame: pd.DataFrame = file.read(columns=names).to_pandas(ignore_metadata=True)
        except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
            raise damaged(error) from None
        return frame

    return FrameTable(path, [name for name in schema.names if name not in index], load)


# columns ----------------------------------------------------------------------------------------


def _numbers(column: pd.Series[Any]) -> Column:
    """A column that must hold numbers."""
    if _is_numeric(column):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        wrong = np.flatnonzero(~np.isfinite(numbers)).tolist()
        shown = (f"row {row}: {_why_not_finite(numbers[row])}" for row in wrong[:MAX_SHOWN])
        return Column(numbers, faults=tuple(shown), n_faults=len(wrong))
    found, faults, texts = [], [], 0
    for row, cell in enumerate(column.tolist()):
        number = _number(cell)
        if number is None:
            texts += not _is_missing(cell)
            faults.append(f"row {row}: {_shown(cell)}")
        else:
            found.append(number)
    is_text = texts > 0 and not found
    return Column(np.array(found), None, tuple(faults[:MAX_SHOWN]), len(faults), is_text)


def _words(column: pd.Series[Any]) -> Column:
    """A column of labels or categories."""
    if _is_numeric(column) and column.dtype.kind != "b":
        return _numbers(column)
    cells = column.tolist()
    reasons = ((row, _why_no_word(cell)) for row, cell in enumerate(cells))
    faults = [f"row {row}: {reason}" for row, reason in reasons if reason]
    if faults:
        return Column(None, np.array([], np.str_), tuple(faults[:MAX_SHOWN]), len(faults))
    numbers = [_number(cell) for cell in cells]
    if all(number is not None for number in numbers):
        return Column(np.array(numbers, np.float64))
    words = np.array([str(cell).strip() for cell in cells], np.str_)
    if all(number is None for number in numbers):
        return Column(None, words)
    first = next(row for row, number in enumerate(numbers) if number is None)
    return Column(None, words, among=f"row {first}: {quoted(str(cells[first]))}")


def _is_numeric(column: pd.Series[Any]) -> bool:
    return getattr(column.dtype, "kind", "O") in "fiub"


def _number(cell: object) -> float | None:
    """The finite number in a cell; a string is no number."""
    if isinstance(cell, bool | np.bool_ | str):
        return None
    try:
        number = float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_missing(cell: object) -> bool:
    import pandas as pd

    if isinstance(cell, str):
        return not cell.strip()
    if not pd.api.types.is_scalar(cell):
        return False
    return bool(pd.isna(cell))  # type: ignore[call-overload]


def _why_no_word(cell: object) -> str:
    return why_no_word("" if _is_missing(cell) else str(cell))


def _why_not_finite(number: float) -> str:
    return "a value is missing" if math.isnan(number) else f"{number} is not finite"


def _shown(cell: object) -> str:
    if _is_missing(cell):
        return "a value is missing"
    return f"{quoted(str(cell))} is not a number"
