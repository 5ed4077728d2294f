"""What least squares and logistic regression have in common: weights on samples, and a ridge."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, model_validator

from ..options import Floats, LaneNumber, context_of
from ..problems.samples import SampleOptions
from .protocol import FunctionOptions, variables


class RegressionOptions(FunctionOptions, SampleOptions):
    """Options that regressions share; a sample has one target."""

    ridge: LaneNumber = Field(0.0, ge=0, description="c of the penalty ½ c ‖w‖².")
    intercept: bool = Field(False, description="Whether every sample has one more input, 1.")

    @model_validator(mode="after")
    def _with_samples(self, info: ValidationInfo) -> RegressionOptions:
        self._take_samples(context_of(info), None, 1, self.function)
        return self


class Regression:
    """Weights of the inputs, and what follows from their weighted sums."""

    def __init__(self, options: RegressionOptions) -> None:
        inputs, targets = options.samples
        if options.intercept:
            inputs = np.hstack([inputs, np.ones((len(inputs), 1))])
        self.inputs: NDArray[np.float64] = inputs  # (samples, weights)
        self.targets: NDArray[np.float64] = targets  # (samples, 1)
        self.n_samples = len(inputs)
        self.names = variables(inputs.shape[1], "w")
        self.work_rows = 3 * len(inputs) + 1
        self._cast = {np.dtype(np.float64): (inputs, targets)}

    def samples(
        self, dtype: np.dtype[Any], numbers: Mapping[str, Floats] = MappingProxyType({})
    ) -> tuple[Floats, Floats]:
        """Inputs and targets in the type of the lanes.

        (samples, weights) and (samples, 1); where `numbers` has those of each lane,
        (weights, samples, lanes) and (samples, lanes).
        """
        if "inputs" in numbers:
            return numbers["inputs"], numbers["targets"]
        if dtype not in self._cast:
            self._cast[dtype] = self.inputs.astype(dtype), self.targets.astype(dtype)
        return self._cast[dtype]

    @staticmethod
    def add_up(inputs: Floats, x: Floats, sums: Floats) -> None:
        """The weighted sum of each sample's inputs, (samples, lanes)."""
        np.einsum("sp,pl->sl" if inputs.ndim == 2 else "psl,pl->sl", inputs, x, out=sums)

    @staticmethod
    def pass_back(inputs: Floats, slopes: Floats, gradient: Floats) -> None:
        """From how the loss changes with these sums to how with the weights."""
        np.einsum("sp,sl->pl" if inputs.ndim == 2 else "psl,sl->pl", inputs, slopes, out=gradient)

    def add_ridge(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        """Make a sum over samples in `gradient` and `loss` their mean, and add the penalty."""
        count = len(self.samples(x.dtype, numbers)[1])
        ridge, penalty = numbers["ridge"], work[-1]
        if loss is not None:
            np.divide(loss, count, loss)
            np.einsum("pl,pl->l", x, x, out=penalty)
            np.multiply(penalty, ridge, penalty)
            np.multiply(penalty, 0.5, penalty)
            np.add(loss, penalty, loss)
        np.divide(gradient, count, gradient)
        for row, weight in zip(gradient, x, strict=True):
            np.multiply(weight, ridge, penalty)
            np.add(row, penalty, row)
