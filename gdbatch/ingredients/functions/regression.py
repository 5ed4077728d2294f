"""What least squares and logistic regression share: weights, samples and a ridge penalty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, model_validator

from ...errors import IngredientError
from ...numerics.buffers import DType
from ..options import Floats, LaneNumber, context_of
from ..problems.feature_scales import FeatureScales, feature_scales
from ..problems.preparation import Outputs, Samples
from ..problems.samples import SampleOptions
from .protocol import Function, FunctionOptions, variables


class RegressionOptions(FunctionOptions, SampleOptions):
    """Options that regressions share; each sample has one target."""

    has_labels: ClassVar[bool] = False  # whether the targets are two classes, 0 and 1

    ridge: LaneNumber = Field(0.0, ge=0, description="c of the penalty ½ c ‖w‖².")
    intercept: bool = Field(False, description="Whether every sample has an additional input, 1.")

    @model_validator(mode="after")
    def _with_samples(self, info: ValidationInfo) -> RegressionOptions:
        if self.weight is not None:
            message = f"{self.function} has no sample weights; leave weight out, or use a network"
            raise IngredientError(message, "weight")
        self._take_samples(context_of(info), None, Outputs(1, self.has_labels), self.function)
        return self


class Regression(Function):
    """A function of the weighted sums of the inputs, averaged over samples."""

    options: RegressionOptions

    def __init__(self, options: RegressionOptions, samples: Samples | None = None) -> None:
        """samples: those to evaluate on; None: those of the options."""
        super().__init__(options)
        self._part = samples or options.samples
        inputs, targets = self._part.inputs, self._part.targets
        if options.intercept:
            inputs = np.hstack([inputs, np.ones((len(inputs), 1))])
        self.inputs: NDArray[np.float64] = inputs  # (samples, weights)
        self.targets: NDArray[np.float64] = targets  # (samples, 1)
        self.n_samples = len(inputs)
        self.names = variables(inputs.shape[1], "w")
        self.work_rows = 3 * len(inputs) + 1
        self._cast: dict[DType, tuple[Floats, Floats]] = {}

    def held_out(self) -> Regression | None:
        """The same function of the held-out samples, if there are any."""
        samples = self.options.held_out
        return None if samples is None else type(self)(self.options, samples)

    @property
    def feature_scales(self) -> FeatureScales | None:
        """How differently scaled the features of the samples are."""
        return feature_scales(self._part.inputs, self._part.features)

    def samples(self, dtype: DType) -> tuple[Floats, Floats]:
        """Inputs (samples, weights) and targets (samples, 1) in the number type of the lanes."""
        if dtype not in self._cast:
            self._cast[dtype] = self.inputs.astype(dtype), self.targets.astype(dtype)
        return self._cast[dtype]

    def samples_in(self, numbers: Mapping[str, Floats], dtype: DType) -> tuple[Floats, Floats]:
        """The samples to evaluate on.

        They are those of `samples` or, if lanes have different samples, inputs
        (weights, samples, lanes) and targets (samples, lanes). If not all of them count, there are
        also numbers["weights"] (samples, lanes) of mean 1.
        """
        if "inputs" in numbers:
            return numbers["inputs"], numbers["targets"]
        return self.samples(dtype)

    @staticmethod
    def weigh(terms: Floats, numbers: Mapping[str, Floats], out: Floats) -> Floats:
        """Terms (samples, lanes) times the samples' weights, if there are any, in `out`."""
        if "weights" not in numbers:
            return terms
        return np.multiply(terms, numbers["weights"], out)

    @staticmethod
    def fill_sums(inputs: Floats, x: Floats, sums: Floats) -> None:
        """Fill `sums` (samples, lanes) with the weighted sum of each sample's inputs."""
        np.einsum("sp,pl->sl" if inputs.ndim == 2 else "psl,pl->sl", inputs, x, out=sums)

    @staticmethod
    def fill_weight_gradients(inputs: Floats, by_sum: Floats, gradient: Floats) -> None:
        """Fill `gradient` from the derivatives with respect to the weighted sums."""
        np.einsum("sp,sl->pl" if inputs.ndim == 2 else "psl,sl->pl", inputs, by_sum, out=gradient)

    @staticmethod
    def average_with_ridge(
        count: int,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        """Turn the sums over `count` samples into means, and add the ridge penalty."""
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
