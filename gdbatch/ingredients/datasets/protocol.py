"""Interface of datasets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

from numpy.random import Generator
from pydantic import Field

from ..data_files import Arrays
from ..options import Options

Count = Annotated[int, Field(ge=1, le=100_000)]
Width = Annotated[int, Field(ge=1, le=1000)]
Noise = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Labels = Annotated[list[float], Field(min_length=2, max_length=2)]


class DatasetOptions(Options):
    """Options that all datasets share: `data = { kind = … }` in `[problem]`."""

    kind: str
    samples: Count = Field(100, description="Number of samples.")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of the samples.")


class Dataset(ABC):
    """One kind of data; used as a class."""

    Options: ClassVar[type[DatasetOptions]]

    @staticmethod
    @abstractmethod
    def draw(options: Any, random: Generator) -> Arrays:
        """Inputs (samples, n) and targets (samples, n), drawn only from `random`."""
