"""The samples of a problem: written in the sweep file, read from a data file, or drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field, PrivateAttr, SerializeAsAny

from ... import registry
from ...errors import IngredientError
from ...random_streams import generator
from ..data_files import Samples, read_samples
from ..datasets.protocol import Dataset, DatasetOptions
from ..options import Context
from .protocol import ProblemOptions


class SampleOptions(ProblemOptions):
    """Options of problems that learn from samples."""

    inputs: list[list[float]] | None = Field(None, description="One list of inputs a sample.")
    targets: list[list[float]] | None = Field(None, description="One list of targets a sample.")
    data: str | SerializeAsAny[DatasetOptions] | None = Field(
        None,
        description="Instead: a CSV (inputs, then targets) or npz (`inputs`, `targets`) file, or a "
        "table with the kind of a dataset that is drawn.",
    )
    _samples: Samples = PrivateAttr()

    @property
    def samples(self) -> Samples:
        """Inputs (samples, n) and targets (samples, n), wherever they came from."""
        return self._samples

    def resolved(self) -> dict[str, Any]:
        """The options, with the samples themselves for what they come from."""
        inputs, targets = self._samples
        return super().resolved() | {"data": None, "inputs": inputs, "targets": targets}

    def _take_samples(
        self, context: Context, n_inputs: int | None, n_targets: int, who: str
    ) -> None:
        """Read, draw or take the samples; any number of inputs is right where that is None.

        who: what needs so many of them, for messages.
        """
        if self.data is None:
            self._samples = self._inline_samples(n_inputs, n_targets, who)
            return
        if self.inputs is not None or self.targets is not None:
            raise IngredientError("give either data or inputs and targets, not both", "data")
        if isinstance(self.data, str):
            self._samples = read_samples(context.path(self.data), n_inputs, n_targets)
        else:
            self._samples = _drawn_samples(self.data, context)
            found = tuple(part.shape[1] for part in self._samples)
            wanted = found[0] if n_inputs is None else n_inputs, n_targets
            if found != wanted:
                raise IngredientError(
                    f"{self.data.kind} has {found[0]} inputs and {found[1]} targets a sample, but "
                    f"{who} needs {wanted[0]} and {wanted[1]}",
                    "data",
                )

    def _inline_samples(self, n_inputs: int | None, n_targets: int, who: str) -> Samples:
        arrays = []
        for key, wanted in (("inputs", n_inputs), ("targets", n_targets)):
            rows: list[list[float]] | None = getattr(self, key)
            if not rows or not rows[0]:
                each = "some" if wanted is None else wanted
                raise IngredientError(
                    f"{key} are missing: one list of {each} a sample, or data = a file or a table",
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
                f"there are {len(arrays[1])} lists of targets for {len(arrays[0])} of inputs",
                "targets",
            )
        return arrays[0], arrays[1]


def _drawn_samples(options: DatasetOptions, context: Context) -> Samples:
    entry: Dataset = registry.get("dataset", options.kind)
    return entry.draw(options, generator(context.entropy, f"data {options.kind}", options.seed))
