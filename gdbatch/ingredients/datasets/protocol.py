"""Interface of datasets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Annotated, Any, ClassVar

from numpy.random import Generator
from pydantic import Field

from ...random_streams import generator
from ..data_files import Arrays, Rows, Selection, are_whole, named_rows, words_of
from ..options import Options

Count = Annotated[int, Field(ge=1, le=100_000)]
Width = Annotated[int, Field(ge=1, le=1000)]
Noise = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Labels = Annotated[list[float], Field(min_length=2, max_length=2)]


class DataOptions(Options):
    """Options that all data have: `data = { kind = … }` in `[problem]`."""

    has_columns: ClassVar[bool] = False  # with names, so that some can be selected

    kind: str


class DatasetOptions(DataOptions):
    """Options that all drawn datasets share."""

    samples: Count = Field(100, description="Number of samples.")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of the samples.")


class DataSource(ABC):
    """Where samples come from; used as a class."""

    Options: ClassVar[type[DataOptions]]

    @classmethod
    @abstractmethod
    def read(cls, options: Any, entropy: int, selection: Selection) -> Rows:
        """All samples; `selection` says which columns, if they have names."""


class Dataset(DataSource):
    """One kind of data drawn from a seed."""

    Options: ClassVar[type[DatasetOptions]]

    @classmethod
    def read(cls, options: Any, entropy: int, selection: Selection) -> Rows:
        """The samples, drawn from the dataset's own random stream; whole targets may be labels."""
        random = generator(entropy, f"data {options.kind}", options.seed)
        arrays = cls.draw(options, random)
        for array in arrays:
            array.flags.writeable = False
        rows = named_rows(arrays, f"the dataset {options.kind}")
        targets = arrays[1]
        if selection.labels and targets.shape[1] == 1 and are_whole(targets):
            return replace(rows, targets=None, labels=words_of(targets[:, 0]))
        return rows

    @staticmethod
    @abstractmethod
    def draw(options: Any, random: Generator) -> Arrays:
        """Inputs (samples, n) and targets (samples, n), drawn only from `random`."""
