"""The initializer that reads its parameters from a file."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from ...errors import IngredientError
from ...registry import register
from ..data_files import expect_file, read_arrays
from ..options import Floats, context_of
from ..problems.protocol import ParameterArray, Problem
from .by_layer import ScaledInitializer, ScaledOptions


@register("init", "file")
class FromFile(ScaledInitializer):
    """Parameters from an npz file, the same for every seed, or a set a seed.

    One array a layer, `weight_1` of (units below, units), …, and, unless biases start at `biases`,
    `bias_1`, … of (units,); of a function one array `parameters`. With one more axis in front of
    each, seed s starts from set s. The weights become offset + scale × weight.
    """

    class Options(ScaledOptions):
        kind: Literal["file"]
        file: str = Field(description="An npz file with one array a layer.")
        _content: dict[str, NDArray[np.float64]] = PrivateAttr()

        @model_validator(mode="after")
        def _read(self, info: ValidationInfo) -> FromFile.Options:
            path = context_of(info).path(self.file)
            expect_file(path, (".npz",), "init file", "file")
            self._content = read_arrays(path, "file")
            return self

        def resolved(self) -> dict[str, Any]:
            digest = hashlib.sha256()
            for name, array in sorted(self._content.items()):
                digest.update(f"{name}{array.shape}".encode() + array.tobytes())
            return super().resolved() | {"file": None, "content": digest.hexdigest()}

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
        self._sets: NDArray[np.float64] = np.concatenate(
            [self._flat(one) for one in wanted], axis=1
        )

    def _flat(self, wanted: ParameterArray) -> NDArray[np.float64]:
        """The sets of one array, (sets, parameters)."""
        shape = wanted.shape if self.sets is None else (self.sets, *wanted.shape)
        array: NDArray[np.float64] = self.options._content[wanted.name]
        if array.shape != shape or not array.size:
            raise IngredientError(
                f'{self.options.file}: "{wanted.name}" has the shape {array.shape}, but the '
                f"problem needs {shape}",
                "file",
            )
        return array.reshape(-1, wanted.size)

    def draw(self, random: Generator, seed: int) -> Floats:
        if self.sets is not None and seed >= self.sets:
            raise IngredientError(missing_set(self.sets, seed), "file")
        parameters: Floats = self._sets[0 if self.sets is None else seed]
        return parameters

    def start(self, draws: Floats, numbers: dict[str, Any]) -> Floats:
        if not self._with_biases:
            return super().start(draws, numbers)
        parameters = draws.copy()
        parameters[~self.is_bias] = self.shape(draws[~self.is_bias], numbers)
        return parameters


def missing_set(sets: int, seed: int) -> str:
    """What is wrong with a seed beyond the sets of an init file."""
    return f"the init file holds {sets} sets, for the seeds 0 to {sets - 1}; none for {seed}"
