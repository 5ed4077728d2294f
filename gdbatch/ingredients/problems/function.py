"""Functions of n variables as problems: the parameters are the variables, the loss is the value.

Each function is an entry of its own in `ingredients.functions`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import registry
from ...numerics.buffers import new_buffer
from ...registry import register
from ..functions.protocol import Function, FunctionOptions
from ..options import Floats
from .protocol import Chosen, Evaluation, ParameterArray, lanes_in_cache


@register("problem", "function")
class FunctionProblem:
    """A function of n variables, with its exact gradient."""

    Options = FunctionOptions
    uses_step = False
    n_predictions = 0
    loss_bound = math.inf

    def __init__(self, options: FunctionOptions) -> None:
        self.options = options
        self.function: Function = registry.get("function", options.function)(options)
        self.parameter_names = list(self.function.names)
        self.n_parameters = len(self.parameter_names)
        self.is_bias = np.zeros(self.n_parameters, bool)
        self.arrays = [ParameterArray("parameters", (self.n_parameters,))]
        self.targets: list[float] = []
        self.n_samples = getattr(self.function, "n_samples", 0)  # those of regressions
        minimum = self.function.minimum
        self.curvature = minimum.curvature if minimum and minimum.curvature > 0 else None

    def block_width(self, dtype: np.dtype[Any], samples: int | None = None) -> int:
        """The power of two of lanes whose arrays fill about a second-level cache."""
        of_lanes = (samples or 0) * (self.n_parameters + 1)  # samples that each has of its own
        numbers = 3 * self.n_parameters + self.function.work_rows + 2 + of_lanes
        return lanes_in_cache(numbers, dtype)

    def evaluator(
        self, lanes: int, dtype: np.dtype[Any], chosen: Chosen | None = None
    ) -> FunctionEvaluator:
        """Scratch and constants for blocks of `lanes` lanes."""
        return FunctionEvaluator(self, lanes, dtype, chosen)


class FunctionEvaluator:
    """A function made ready for blocks of one width; see `protocol.Evaluator`."""

    def __init__(
        self,
        problem: FunctionProblem,
        lanes: int,
        dtype: np.dtype[Any],
        chosen: Chosen | None,
    ) -> None:
        self._fill = problem.function.fill
        self._work = new_buffer((problem.function.work_rows, lanes), dtype)
        constants = problem.options.constants()
        self._numbers = {name: number.astype(dtype) for name, number in constants.items()}
        self._gradient = new_buffer((problem.n_parameters, lanes), dtype)  # if nobody wants it
        self._chosen = chosen
        if chosen is not None:
            function: Any = problem.function
            inputs, targets = function.samples(dtype)
            self._tables = {"inputs": np.ascontiguousarray(inputs.T), "targets": targets[:, 0]}
            for name, table in self._tables.items():
                self._numbers[name] = new_buffer((*table.shape[:-1], *chosen.shape), dtype)

    def evaluate(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        step: NDArray[np.int64],
        out: Evaluation,
    ) -> None:
        """Fill `out` for all lanes; nothing is predicted."""
        if self._chosen is not None:
            for name, table in self._tables.items():
                np.take(table, self._chosen, -1, self._numbers[name], "clip")
        numbers = {**self._numbers, **lane_data}
        gradient = self._gradient if out.gradient is None else out.gradient
        self._fill(parameters, numbers, out.loss, gradient, self._work)
        if out.prediction_error is not None:
            out.prediction_error.fill(np.nan)
