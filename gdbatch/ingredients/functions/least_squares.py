"""Linear least squares."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from ...registry import register
from ..options import Floats
from ..problems.preparation import Samples
from .protocol import Minimum, largest_eigenvalue
from .regression import Regression, RegressionOptions


@register("function", "least_squares")
class LeastSquares(Regression):
    """½ mean (x·w - t)² + ½ c ‖w‖² over samples: linear regression with ridge c (Gauss 1809).

    Gradient: mean (x·w - t) x + c w.
    Minimum: the solution of (XᵀX/n + c) w = Xᵀt/n with the smallest ‖w‖; its curvature is the
    largest eigenvalue of XᵀX/n + c.
    """

    class Options(RegressionOptions):
        function: Literal["least_squares"]

    examples = (
        {"data": {"kind": "linear", "inputs": 3, "noise": 0.5, "samples": 10}},
        {"inputs": [[1.0], [2.0]], "targets": [[1.0], [0.5]], "intercept": True, "ridge": 0.3},
    )

    def __init__(self, options: Options, samples: Samples | None = None) -> None:
        super().__init__(options, samples)
        count, width = self.inputs.shape
        with np.errstate(over="ignore", invalid="ignore"):
            hessian = self.inputs.T @ self.inputs / count + options.ridge * np.eye(width)
        curvature = largest_eigenvalue(hessian)
        if not math.isfinite(curvature):
            self.minimum = Minimum([math.nan] * width, math.nan, curvature)
            return
        weights = np.linalg.lstsq(hessian, self.inputs.T @ self.targets / count)[0]
        residuals = self.inputs @ weights - self.targets
        loss = 0.5 * np.mean(residuals**2) + 0.5 * options.ridge * np.sum(weights**2)
        self.minimum = Minimum(weights[:, 0].tolist(), float(loss), curvature)

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        inputs, targets = self.samples_in(numbers, x.dtype)
        residuals, products = work[: len(targets)], work[len(targets) : 2 * len(targets)]
        self.fill_sums(inputs, x, residuals)
        np.subtract(residuals, targets, residuals)
        weighted = self.weigh(residuals, numbers, products)
        if loss is not None:
            np.einsum("sl,sl->l", residuals, weighted, out=loss)
            np.multiply(loss, 0.5, loss)
        self.fill_weight_gradients(inputs, weighted, gradient)
        self.average_with_ridge(len(targets), x, numbers, loss, gradient, work)
