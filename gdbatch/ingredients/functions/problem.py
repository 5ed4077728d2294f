"""A function of n variables as a problem, with the variables as its parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ... import registry
from ...errors import IngredientError
from ...numerics.buffers import DType, new_buffer
from ...numerics.lanczos import Hessian
from ...registry import register
from ..options import Floats
from ..problems.feature_scales import FeatureScales
from ..problems.parameters import ParameterArray
from ..problems.protocol import (
    Call,
    ChosenSamples,
    Evaluation,
    Evaluator,
    Problem,
    lanes_in_cache,
)
from .protocol import Function, FunctionOptions


@register("problem", "function")
class FunctionProblem(Problem):
    """A function of n variables with its exact gradient; the loss is its value."""

    Options = FunctionOptions
    options: FunctionOptions

    def __init__(self, options: FunctionOptions, function: Function | None = None) -> None:
        """function: what to evaluate; None: that of the options."""
        self.options = options
        if function is None:
            function = registry.get("function", options.function)(options)
            other = function.held_out()
            self.held_out = None if other is None else FunctionProblem(options, other)
        self.function: Function = function
        self.arrays = [ParameterArray("parameters", (len(self.function.names),))]
        self.n_samples = self.function.n_samples
        self.n_checked_starts = self.function.n_checked_starts
        minimum = self.function.minimum
        if minimum and not math.isfinite(minimum.curvature):
            raise IngredientError("the curvature at the minimum overflows; use smaller numbers")
        self.curvature = minimum.curvature if minimum and minimum.curvature > 0 else None

    @property
    def parameter_names(self) -> list[str]:
        """The names of the variables."""
        return list(self.function.names)

    @property
    def feature_scales(self) -> FeatureScales | None:
        """How differently scaled the features of the samples are, if there are any."""
        return self.function.feature_scales

    def block_width(self, dtype: DType, samples: int | None = None) -> int:
        """The power of two of lanes whose arrays about fill an L2 cache."""
        per_lane = (samples or 0) * (self.n_parameters + 1)  # samples of one lane
        numbers = 3 * self.n_parameters + self.function.work_rows + 2 + per_lane
        return lanes_in_cache(numbers, dtype)

    def evaluator(
        self, lanes: int, dtype: DType, chosen: ChosenSamples | None = None
    ) -> FunctionEvaluator:
        """An evaluator for blocks of `lanes` lanes."""
        return FunctionEvaluator(self, lanes, dtype, chosen)

    def hessian(
        self, parameters: NDArray[np.float64], lane_data: Mapping[str, NDArray[np.float64]]
    ) -> Hessian | None:
        """The exact Hessian at parameters (parameters, lanes), if the function has one."""
        return self.function.hessian(parameters, {**self.options.lane_numbers(), **lane_data})

    def check(self, starts: NDArray[np.float64]) -> None:
        """Raises IngredientError if the function is not defined at starts (parameters, lanes)."""
        self.function.check(starts)


class FunctionEvaluator(Evaluator):
    """A function with the work arrays for blocks of one width."""

    def __init__(
        self,
        problem: FunctionProblem,
        lanes: int,
        dtype: DType,
        chosen: ChosenSamples | None,
    ) -> None:
        self._function = problem.function
        self._work = new_buffer((problem.function.work_rows, lanes), dtype)
        constants = problem.options.lane_numbers()
        self._numbers: dict[str, Floats] = {
            name: number.astype(dtype) for name, number in constants.items()
        }
        self._unused_gradient = new_buffer((problem.n_parameters, lanes), dtype)
        self._select: list[Call] = []
        if chosen is not None:
            inputs, targets = problem.function.samples(dtype)
            tables = {"inputs": np.ascontiguousarray(inputs.T), "targets": targets[:, 0]}
            for name, table in tables.items():
                shape = *table.shape[:-1], *chosen.indices.shape
                self._numbers[name] = taken = new_buffer(shape, dtype)
                self._select.append(partial(np.take, table, chosen.indices, -1, taken, "clip"))
            partial_batches = chosen.weights(lambda count: 1 / count, dtype)
            if partial_batches is not None:
                self._numbers["weights"], fill = partial_batches
                self._select.append(fill)

    def prepare(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        steps: NDArray[np.int64],
        out: Evaluation,
    ) -> Call:
        """See `Evaluator`; there are no predictions."""
        select = self._select
        numbers = {**self._numbers, **lane_data}
        gradient = self._unused_gradient if out.gradient is None else out.gradient
        unknown = [one for one in (out.prediction_error, out.accuracy) if one is not None]
        fill = self._function.prepare(parameters, numbers, out.loss, gradient, self._work)

        def evaluate() -> None:
            for call in select:
                call()
            fill()
            for array in unknown:
                array.fill(np.nan)

        return evaluate
