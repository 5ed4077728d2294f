"""Samples of a problem: given in the sweep file, read from a data file, or drawn."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, PrivateAttr, SerializeAsAny

from ... import registry
from ...errors import IngredientError
from ...numerics.buffers import DType
from ...random_streams import generator
from ..data_files import Arrays, read_samples
from ..datasets.protocol import Dataset, DatasetOptions
from ..options import Context, FromFamily
from .preparation import Samples
from .protocol import ProblemOptions, refuse_overflow


class SampleOptions(ProblemOptions):
    """Options of problems that are trained on samples."""

    inputs: list[list[float]] | None = Field(None, description="One list of inputs per sample.")
    targets: list[list[float]] | None = Field(None, description="One list of targets per sample.")
    data: Annotated[str | SerializeAsAny[DatasetOptions] | None, FromFamily("dataset")] = Field(
        None,
        description="In place of inputs and targets: a CSV file (inputs, then targets), an npz "
        "file (arrays `inputs` and `targets`), or a table with the kind of a dataset to draw.",
    )
    header: bool | None = Field(
        None,
        description="Whether the first row of the CSV file is a header; by default, if it has text "
        "but no numbers.",
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
        samples = self._samples
        source = {"data": None, "header": None}
        return super().resolved() | source | {"inputs": samples.inputs, "targets": samples.targets}

    def check_dtype(self, dtype: DType) -> None:
        """Raises IngredientError if a number of the problem overflows `dtype`."""
        super().check_dtype(dtype)
        for samples in filter(None, (self._samples, self._held_out)):
            for key, numbers in (("inputs", samples.inputs), ("targets", samples.targets)):
                refuse_overflow(numbers, dtype, key if self.data is None else "data")

    def _take_samples(
        self, context: Context, n_inputs: int | None, n_targets: int, who: str
    ) -> None:
        """Read, draw or take the samples; n_inputs is None if any number of inputs is allowed.

        who: what requires these numbers of inputs and targets, for messages.
        """
        is_csv = isinstance(self.data, str) and self.data.lower().endswith(".csv")
        if self.header is not None and not is_csv:
            raise IngredientError("header applies to CSV files only; leave it out", "header")
        if self.data is None:
            self._samples = Samples(*self._inline_samples(n_inputs, n_targets, who))
            return
        if self.inputs is not None or self.targets is not None:
            raise IngredientError("give either data or inputs and targets, not both", "data")
        if isinstance(self.data, str):
            path = context.path(self.data)
            arrays = context.read(read_samples, path, n_inputs, n_targets, self.header)
        else:
            arrays = _drawn_samples(self.data, context)
            found = tuple(part.shape[1] for part in arrays)
            wanted = found[0] if n_inputs is None else n_inputs, n_targets
            if found != wanted:
                raise IngredientError(
                    f"{self.data.kind} has {found[0]} inputs and {found[1]} targets per sample, "
                    f"but {who} needs {wanted[0]} and {wanted[1]}",
                    "data",
                )
        self._samples = Samples(*arrays)

    def _inline_samples(self, n_inputs: int | None, n_targets: int, who: str) -> Arrays:
        given = (("inputs", self.inputs, n_inputs), ("targets", self.targets, n_targets))
        arrays = []
        for key, rows, wanted in given:
            if not rows or not rows[0]:
                each = "numbers" if wanted is None else f"{wanted} numbers"
                raise IngredientError(
                    f"{key} are missing: give one list of {each} per sample, or set data to "
                    "a file or a table",
                    key,
                )
            width = len(rows[0]) if wanted is None else wanted
            for index, row in enumerate(rows):
                if len(row) != width:
                    raise IngredientError(
                        f"sample {index} has {len(row)} numbers, but {who} needs {width}", key
                    )
            arrays.append(np.array(rows, dtype=np.float64))
        if len(arrays[0]) != len(arrays[1]):
            raise IngredientError(
                f"there are {len(arrays[0])} lists of inputs, but {len(arrays[1])} of targets",
                "targets",
            )
        return arrays[0], arrays[1]


def _drawn_samples(options: DatasetOptions, context: Context) -> Arrays:
    entry: type[Dataset] = registry.get("dataset", options.kind)
    return entry.draw(options, generator(context.entropy, f"data {options.kind}", options.seed))
