"""Logistic regression."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import model_validator

from ...errors import IngredientError
from ...registry import register
from ..activations.saturating import Sigmoid
from ..losses.cross_entropy import BinaryCrossEntropy
from ..options import Floats
from ..problems.preparation import Samples
from .protocol import Minimum
from .regression import Regression, RegressionOptions

_MAX_UPDATES = 100
_LOSS, _SIGMOID = BinaryCrossEntropy(), Sigmoid()


@register("function", "logistic_regression")
class LogisticRegression(Regression):
    """mean [log(1 + exp s) - t s] + ½ c ‖w‖², s = x·w: logistic regression, ridge c (Cox 1958).

    Gradient: mean (1/(1 + exp(-s)) - t) x + c w.
    Minimum: by Newton's method; without a ridge there is none if the classes are separable.
    """

    class Options(RegressionOptions):
        has_labels = True
        function: Literal["logistic_regression"]

        @model_validator(mode="after")
        def _check_targets(self) -> LogisticRegression.Options:
            for samples in filter(None, (self.samples, self.held_out)):
                if samples.targets.min() < 0 or samples.targets.max() > 1:
                    message = "logistic_regression needs targets from 0 to 1"
                    raise IngredientError(message, "targets")
            return self

    examples = (
        {"data": {"kind": "two_moons", "noise": 0.4}, "intercept": True},
        {"data": {"kind": "blobs"}, "ridge": 0.1},
        {"inputs": [[1.0], [-2.0]], "targets": [[1.0], [0.0]]},
    )

    def __init__(self, options: Options, samples: Samples | None = None) -> None:
        super().__init__(options, samples)
        self.minimum = self._minimum(options.ridge)

    def _minimum(self, ridge: float) -> Minimum | None:
        inputs, targets = self.inputs, self.targets[:, 0]
        count, width = inputs.shape
        weights = np.zeros(width)
        for _ in range(_MAX_UPDATES):
            sums = inputs @ weights
            probabilities = 0.5 + 0.5 * np.tanh(sums / 2)
            gradient = inputs.T @ (probabilities - targets) / count + ridge * weights
            spread = (probabilities * (1 - probabilities))[:, None]
            with np.errstate(over="ignore", invalid="ignore"):
                hessian = inputs.T @ (spread * inputs) / count + ridge * np.eye(width)
            if not np.isfinite(hessian).all():
                return Minimum([math.nan] * width, math.nan, math.inf)
            eigenvalues = np.linalg.eigvalsh(hessian)
            if eigenvalues[0] <= 1e-9 * eigenvalues[-1]:  # flat: the classes are separable
                return None
            update = np.linalg.solve(hessian, gradient)
            if np.abs(update).max() <= 1e-15 * max(1.0, np.abs(weights).max()):
                break
            weights -= update
        else:
            return None
        loss = np.mean(np.logaddexp(0, sums) - targets * sums) + 0.5 * ridge * weights @ weights
        return Minimum(weights.tolist(), float(loss), float(eigenvalues[-1]))

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        inputs, targets = self.samples_in(numbers, x.dtype)
        count = len(targets)
        sums, probabilities, rest = (
            work[:count],
            work[count : 2 * count],
            work[2 * count : 3 * count],
        )
        self.fill_sums(inputs, x, sums)
        if loss is not None:
            _LOSS.terms(probabilities, sums, targets, probabilities, rest)
            terms = self.weigh(probabilities, numbers, probabilities)
            np.add.reduce(terms, axis=0, out=loss)
        _SIGMOID.forward(sums, probabilities, rest)
        np.subtract(probabilities, targets, probabilities)
        slopes = self.weigh(probabilities, numbers, probabilities)
        self.fill_weight_gradients(inputs, slopes, gradient)
        self.average_with_ridge(len(targets), x, numbers, loss, gradient, work)
