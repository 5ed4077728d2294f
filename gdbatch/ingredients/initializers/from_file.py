"""The initializer that reads its parameters from a file."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from ...errors import IngredientError
from ...registry import register
from ..data_files import expect_file, read_arrays
from ..options import Floats, context_of
from ..problems.parameters import ParameterArray
from ..problems.protocol import Problem
from .by_layer import ScaledInitializer, ScaledOptions
from .protocol import BiasOptions, Hyperparameters


@register("init", "file")
class FromFile(ScaledInitializer):
    """Parameters from an npz file: one set for all seeds, or one per seed.

    A network has one array per layer, `weight_1` of shape (units below, units), …, and `bias_1`, …
    of shape (units,) unless its biases start at `biases`; a function has one array `parameters`.
    If every array has an additional first axis, seed s starts from set s. The weights become
    offset + scale × weight.
    """

    class Options(ScaledOptions):
        kind: Literal["file"]
        file: str = Field(description="An npz file with one array per layer.")
        _content: dict[str, NDArray[np.float64]] = PrivateAttr()

        @model_validator(mode="after")
        def _read(self, info: ValidationInfo) -> FromFile.Options:
            context = context_of(info)
            path = context.path(self.file)
            expect_file(path, (".npz",), "init file", "file")
            self._content = context.read(read_arrays, path, "file")
            return self

        def resolved(self) -> dict[str, object]:
            return super().resolved() | {"file": None, "content": self._content}

    def __init__(self, options: Options, problem: Problem) -> None:
        super().__init__(options, problem)
        held = options._content
        self._with_biases = any(one.is_bias and one.name in held for one in problem.arrays)
        wanted = problem.arrays if self._with_biases else self.arrays
        if {one.name for one in wanted} != set(held):
            found, needed = ", ".join(held) or "nothing", ", ".join(one.name for one in wanted)
            raise IngredientError(
                f"{options.file} holds {found}, but the problem starts from {needed}", "file"
            )
        in_sets = held[wanted[0].name].ndim > len(wanted[0].shape)
        self.sets = len(held[wanted[0].name]) if in_sets else None
        flat = [_flat(options, one, self.sets) for one in wanted]
        self._sets: NDArray[np.float64] = np.concatenate(flat, axis=1)

    @classmethod
    def spread(cls, below: int, units: int) -> None:
        return None

    @property
    def drawn_biases(self) -> BiasOptions | None:
        """The distribution of the biases, if they are not in the file."""
        return None if self._with_biases else super().drawn_biases

    def draw(self, random: Generator, seed: int) -> Floats:
        if self.sets is not None and seed >= self.sets:
            raise IngredientError(missing_set(self.sets, seed), "file")
        parameters: Floats = self._sets[0 if self.sets is None else seed]
        return parameters

    def start(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        if not self._with_biases:
            return super().start(draws, hyperparameters)
        parameters = draws.copy()
        parameters[~self.is_bias] = self.shape(draws[~self.is_bias], hyperparameters)
        return parameters


def _flat(
    options: FromFile.Options, wanted: ParameterArray, sets: int | None
) -> NDArray[np.float64]:
    """All sets of one array, (sets, parameters); raises IngredientError if its shape is wrong."""
    shape = wanted.shape if sets is None else (sets, *wanted.shape)
    array = options._content[wanted.name]
    if array.shape != shape or not array.size:
        raise IngredientError(
            f'{options.file}: "{wanted.name}" has shape {array.shape}, but the problem needs '
            f"{shape}",
            "file",
        )
    return array.reshape(-1, wanted.size)


def missing_set(sets: int, seed: int) -> str:
    """The message about a seed for which an init file has no set."""
    return f"the init file has {sets} sets, for seeds 0 to {sets - 1}, but none for seed {seed}"
