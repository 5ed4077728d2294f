"""Samples of a problem: given in the sweep file or from Python, read from a file, or drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, SerializeAsAny

from ... import registry
from ...errors import IngredientError
from ...numerics.buffers import DType
from ..data_files import (
    Labels,
    Rows,
    Selection,
    are_whole,
    counted,
    is_csv,
    named_rows,
    read_columns,
    read_samples,
    select,
    shown_names,
    words_of,
)
from ..datasets.given import GivenData
from ..datasets.protocol import DataOptions, DatasetOptions, DataSource
from ..options import Context, FromFamily
from .preparation import Outputs, Request, Samples, prepare
from .protocol import ProblemOptions, refuse_overflow

_BY_NAME = ("target", "features", "categorical", "weight")  # which select columns of a table
_PREPARED = (*_BY_NAME, "standardize", "validation")  # their effect is in the samples
_DATASET = FromFamily(
    "dataset",
    otherwise='a file is no table: write data = "FILE", and header and the like beside data',
)


class SampleOptions(ProblemOptions):
    """Options of problems that are trained on samples."""

    inputs: list[list[float]] | None = Field(None, description="One list of inputs per sample.")
    targets: list[list[float]] | list[str | int | float] | None = Field(
        None, description="One list of targets, or one label, per sample."
    )
    data: Annotated[str | SerializeAsAny[DataOptions] | None, _DATASET] = Field(
        None,
        description="In place of inputs and targets: a CSV or Parquet file with named columns, a "
        "CSV file (inputs, then targets), an npz file (arrays `inputs` and `targets`), or a table "
        "with the kind of a dataset.",
    )
    header: bool | None = Field(
        None,
        description="Whether the first row of the CSV file is a header; by default, if it has text "
        "but no numbers.",
    )
    target: str | list[str] | None = Field(
        None, description="The column to predict, or a list of columns."
    )
    features: list[str] | None = Field(
        None, min_length=1, description="The columns of inputs; by default all others."
    )
    categorical: list[str] | None = Field(
        None,
        description="Features whose values are categories: one column of 0 and 1 per category, in "
        "sorted order.",
    )
    weight: str | None = Field(None, description="The column with the weights of the samples.")
    standardize: bool = Field(
        False,
        description="Whether to subtract each feature's mean and divide by its standard deviation, "
        "both of the training part.",
    )
    validation: float | str | None = Field(
        None,
        description="What to hold out: a share of the samples, such as 0.2, drawn once per run and "
        "stratified for classes; or a file like `data`.",
    )
    _samples: Samples = PrivateAttr()
    _held_out: Samples | None = PrivateAttr(None)

    @property
    def samples(self) -> Samples:
        """The samples to train on, from any source."""
        return self._samples

    @property
    def held_out(self) -> Samples | None:
        """The samples kept for validation, prepared like `samples`."""
        return self._held_out

    def resolved(self) -> dict[str, object]:
        """The options, with the samples themselves in place of their source."""
        samples, held_out = self._samples, self._held_out
        resolved = super().resolved()
        for key in _PREPARED:
            resolved.pop(key, None)
        resolved |= {"data": None, "header": None}
        resolved |= {"inputs": samples.inputs, "targets": samples.targets}
        if samples.weights is not None:
            resolved["weights"] = samples.weights
        if held_out is not None:
            resolved["held_out"] = [held_out.inputs, held_out.targets]
            if held_out.weights is not None:
                resolved["held_out_weights"] = held_out.weights
        return resolved

    def check_dtype(self, dtype: DType) -> None:
        """Raises IngredientError if a number of the problem overflows `dtype`."""
        super().check_dtype(dtype)
        for samples in filter(None, (self._samples, self._held_out)):
            for key, numbers in (("inputs", samples.inputs), ("targets", samples.targets)):
                refuse_overflow(numbers, dtype, key if self.data is None else "data")

    def _take_samples(
        self, context: Context, n_inputs: int | None, outputs: Outputs, who: str
    ) -> None:
        """Read, draw or take the samples; n_inputs is None if any number of inputs is allowed.

        who: what requires these numbers of inputs and outputs, for messages.
        """
        self._check_keys()
        if self.data is None:
            rows = self._inline_rows(n_inputs, outputs, who)
        elif isinstance(self.data, str):
            rows = self._read(context, self.data, n_inputs, outputs)
        else:
            rows = self._from_dataset(context, self.data, outputs)
        held_out = self._held_out_rows(context, rows, outputs)
        share = self.validation if isinstance(self.validation, float | int) else None
        request = Request(outputs, self.standardize, share, context.entropy if share else 0)
        if self.data is None:
            self._samples, self._held_out = prepare(rows, held_out, request)
        else:
            self._samples, self._held_out = context.read(prepare, rows, held_out, request)
        self._check_widths(rows, n_inputs, outputs, who)

    def _check_keys(self) -> None:
        """Raise IngredientError for keys that do not apply to the source of the samples."""
        data = self.data
        if self.header is not None and not (isinstance(data, str) and is_csv(data)):
            raise IngredientError("header applies to CSV files only; leave it out", "header")
        if data is not None and (self.inputs is not None or self.targets is not None):
            raise IngredientError("give either data or inputs and targets, not both", "data")
        if not (isinstance(data, str) or (data is not None and data.has_columns)):
            for key in _BY_NAME:
                if getattr(self, key) is not None:
                    if data is None and self.inputs is None:
                        raise IngredientError(
                            f"{key} names columns, but of which table? Set data to a file, or pass "
                            "the data from Python: run_sweep(…, data=…)",
                            "data",
                        )
                    raise IngredientError(
                        f"{key} names columns of a table, but these samples are no table with "
                        'named columns; leave it out, or give such a table: data = "FILE.csv"',
                        key,
                    )
        if isinstance(self.validation, float | int) and not 0 < self.validation < 1:
            raise IngredientError(
                f"a share of the samples lies between 0 and 1, such as 0.2, not "
                f"{self.validation:g}",
                "validation",
            )
        if isinstance(self.validation, str) and not isinstance(data, str):
            raise IngredientError(
                "a file of validation samples goes with data = a file; give a share, such as "
                "validation = 0.2",
                "validation",
            )

    def _selection(self, outputs: Outputs) -> Selection:
        target = [self.target] if isinstance(self.target, str) else self.target or []
        return Selection(
            tuple(target),
            None if self.features is None else tuple(self.features),
            tuple(self.categorical or ()),
            self.weight,
            outputs.labels,
        )

    def _read(self, context: Context, file: str, n_inputs: int | None, outputs: Outputs) -> Rows:
        """The rows of a file: of its named columns, or by their place."""
        path, selection = context.path(file), self._selection(outputs)
        if selection.is_given or file.lower().endswith(".parquet"):
            return context.read(read_columns, path, selection, self.header)
        if is_csv(file) and outputs.count is None:
            raise IngredientError(
                'name the column to predict, target = "…", or give the number of outputs in layers',
                "target",
            )
        labels = outputs.labels
        try:
            return context.read(read_samples, path, n_inputs, outputs.count, self.header, labels)
        except IngredientError as error:
            if not (labels and is_csv(file) and path.is_file()):
                raise
            message = f'{error.message}; if a column holds labels, name it: target = "…"'
            raise IngredientError(message, *error.key) from None

    def _from_dataset(self, context: Context, options: DataOptions, outputs: Outputs) -> Rows:
        selection = self._selection(outputs)
        if isinstance(options, GivenData):
            return context.read(select, options.table, selection)
        entry: type[DataSource] = registry.get("dataset", options.kind)
        text = options.model_dump_json()  # options may hold lists, so the cache knows their text
        return context.read(_read_dataset, entry, text, context.entropy, selection)

    def _held_out_rows(self, context: Context, rows: Rows, outputs: Outputs) -> Rows | None:
        """The rows of the file of validation samples, with the columns of `rows`."""
        if not isinstance(self.validation, str):
            return None
        path, labels = context.path(self.validation), rows.labels is not None
        try:
            if rows.outputs:
                weight, categorical = self.weight, tuple(rows.categories)
                selection = Selection(rows.outputs, rows.order, categorical, weight, labels)
                return context.read(read_columns, path, selection, self.header)
            count = outputs.count if rows.targets is None else rows.targets.shape[1]
            width = rows.inputs.shape[1]
            return context.read(read_samples, path, width, count, self.header, labels)
        except IngredientError as error:
            raise IngredientError(error.message, "validation") from None

    def _inline_rows(self, n_inputs: int | None, outputs: Outputs, who: str) -> Rows:
        inputs = _inline_array("inputs", self.inputs, n_inputs, who)
        labels = None
        if self.targets and not isinstance(self.targets[0], list):
            targets, labels = _inline_labels(self.targets, outputs)
            count = len(self.targets)
        else:
            targets = _inline_array("targets", self.targets, outputs.count, who)
            count = len(targets)
        if len(inputs) != count:
            given = counted(count, "target" if labels is None else "label")
            message = f"{counted(len(inputs), 'list')} of inputs, but {given}"
            raise IngredientError(message, "targets")
        if labels is None:
            assert targets is not None
            return named_rows((inputs, targets), "the sweep")
        return replace(named_rows((inputs, inputs), "the sweep"), targets=None, labels=labels)

    def _check_widths(self, rows: Rows, n_inputs: int | None, outputs: Outputs, who: str) -> None:
        """Raise IngredientError unless there are as many inputs and targets as wanted."""
        samples = self._samples
        found = samples.inputs.shape[1], samples.targets.shape[1]
        wanted = found[0] if n_inputs is None else n_inputs, outputs.count or found[1]
        if outputs.labels and found[1] == 1 and wanted[1] > 1:
            raise IngredientError(
                f"{rows.source}: labels are words or whole numbers, but these are numbers such as "
                f"{samples.targets[samples.targets != np.floor(samples.targets)][0]:g}",
                "target",
            )
        if found == wanted:
            return
        if isinstance(self.data, DatasetOptions):
            raise IngredientError(
                f"{self.data.kind} has {found[0]} inputs and {found[1]} targets per sample, "
                f"but {who} needs {wanted[0]} and {wanted[1]}",
                "data",
            )
        counts = f"{counted(found[0], 'feature')} and {counted(found[1], 'target')}"
        hint = ""
        if n_inputs is not None:
            hint = '; write "inputs" and "outputs" at the ends of layers to take these numbers'
        raise IngredientError(
            f"{rows.source} has {counts} ({shown_names(samples.features)}), but {who} needs "
            f"{wanted[0]} and {wanted[1]}{hint}",
            "data" if n_inputs is None else "layers",
        )


def _inline_array(key: str, rows: object, wanted: int | None, who: str) -> NDArray[np.float64]:
    """Lists of numbers of the sweep file as an array (samples, numbers)."""
    if not isinstance(rows, list) or not rows or not rows[0]:
        each = "numbers" if wanted is None else f"{wanted} numbers"
        raise IngredientError(
            f"{key} are missing: give one list of {each} per sample, or set data to a file or "
            "a table (from Python, run_sweep takes data=…)",
            key,
        )
    width = len(rows[0]) if wanted is None else wanted
    for index, row in enumerate(rows):
        if len(row) != width:
            raise IngredientError(
                f"sample {index} has {len(row)} numbers, but {who} needs {width}", key
            )
    return np.array(rows, dtype=np.float64)


def _inline_labels(
    labels: Sequence[object], outputs: Outputs
) -> tuple[NDArray[np.float64] | None, Labels | None]:
    """One target per sample: a number, or a label, which may be a whole number."""
    n_words = sum(isinstance(one, str) for one in labels)
    if n_words == len(labels):
        if not outputs.labels:
            raise IngredientError(
                'labels need a loss of classes, such as loss = "cross_entropy"', "targets"
            )
        return None, np.array(labels, np.str_)
    if n_words:
        raise IngredientError("the labels are partly words, partly numbers; quote all", "targets")
    numbers = np.array(labels, np.float64)
    if outputs.labels and are_whole(numbers):
        return None, words_of(numbers)
    if outputs.count in (1, None):
        return numbers[:, None], None
    raise IngredientError(
        f"give a list of {outputs.count} targets per sample, or one label per sample and a loss of "
        "classes",
        "targets",
    )


def _read_dataset(entry: type[DataSource], text: str, entropy: int, selection: Selection) -> Rows:
    return entry.read(entry.Options.model_validate_json(text), entropy, selection)
