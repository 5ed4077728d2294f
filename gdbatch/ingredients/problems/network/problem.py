"""Layered networks as problems, built from their options."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ....numerics.buffers import DType
from ....numerics.lanczos import Hessian
from ....registry import register
from ...activations.protocol import Activation
from ...losses.protocol import Loss
from ..feature_scales import FeatureScales, feature_scales
from ..layers import Layers
from ..preparation import Samples
from ..protocol import ChosenSamples, Problem, lanes_in_cache
from ..scaling import Scaling
from .classes import targets_and_weights
from .curvature import NetworkHessian
from .elementwise import ElementwiseEvaluator
from .evaluator import NetworkEvaluator
from .options import NetworkOptions
from .products import ProductsEvaluator

# above these, a product per lane beats elementwise arithmetic: 1,000 multiplications of a forward
# pass in float64, 2,000 in float32, on several samples (measured on 15 shapes, AVX-512, NumPy 2.4)
_PRODUCTS_FROM_BYTES = 8000
_PRODUCTS_FROM_SAMPLES = 4


@register("problem", "network")
class Network(Problem):
    """A fully connected network of any depth and width, trained on samples."""

    Options = NetworkOptions
    options: NetworkOptions
    layers: Layers

    def __init__(self, options: NetworkOptions, samples: Samples | None = None) -> None:
        """samples: those to evaluate on; None: those of the options."""
        self.options = options
        if samples is None and options.held_out is not None:
            self.held_out = Network(options, options.held_out)
        samples = samples or options.samples
        loss = options.loss_with_options()
        targets, weights = targets_and_weights(
            loss, samples, options.label_smoothing, options.class_weight, options.samples
        )
        self.layers = Layers(
            options.units,
            tuple(options.activations()),
            loss,
            samples.inputs,
            targets,
            options.bias,
            None,
            options.derivative_at == "prediction",
            weights,
        )
        self.arrays = self.layers.arrays
        self._scale_layers()
        self.n_samples = self.layers.n_samples
        self.has_classes = self.layers.has_classes
        self.n_predictions = self.layers.n_predictions
        self._given_targets = samples.targets
        self.curvature = _curvature_at_solution(self.layers)

    @cached_property  # a sweep is validated often, and data may be large
    def targets(self) -> list[float]:  # type: ignore[override]
        """One target per prediction, as given."""
        targets: list[float] = self._given_targets.ravel().tolist()
        return targets

    @cached_property
    def loss_bound(self) -> float:  # type: ignore[override]
        """Upper bound of |loss| at finite parameters."""
        loss = self.layers.loss
        lowest, highest = self.layers.activations[-1].bounds
        weights = np.ones(self.n_samples) if self.layers.weights is None else self.layers.weights
        bounds: Iterator[float] = (
            weight * loss.bound(lowest, highest, target)
            for weight, row in zip(weights.tolist(), self.layers.targets.tolist(), strict=True)
            for target in row
            if weight
        )
        return loss.scale(self.layers.n_terms) * sum(bounds)

    def _scale_layers(self) -> None:
        """Set the multipliers of the layers, given and by the parametrization, and `scaling`."""
        scales, options = self.options.layer_scale, self.options
        if options.rule.scales:
            base = replace(self.layers, units=options.base_units).arrays
            self.scaling = Scaling(options.rule, self.arrays, base)
            given = scales or [1.0] * len(self.layers.shapes)
            both = zip(given, self.scaling.multipliers(), strict=True)
            product = [one * other for one, other in both]
            scales = scales if product == given else product
        if scales:
            self.layers = replace(self.layers, scales=tuple(scales))

    @property
    def parameter_names(self) -> list[str]:
        """`weight_LAYER_FROM_TO` and `bias_LAYER_TO`; layers count from 1, units from 0."""
        names = []
        for layer, (rows, units) in enumerate(self.layers.shapes, 1):
            for row in range(rows):
                stem = f"weight_{layer}_{row}_"
                if self.layers.bias and row == rows - 1:
                    stem = f"bias_{layer}_"
                names += [f"{stem}{unit}" for unit in range(units)]
        return names

    @property
    def feature_scales(self) -> FeatureScales | None:
        """How differently scaled the features of the samples are."""
        return feature_scales(self.layers.inputs, self.options.samples.features)

    def block_width(self, dtype: DType, samples: int | None = None) -> int:
        """The power of two of lanes whose arrays about fill an L2 cache."""
        samples = samples or self.n_samples
        work = sum(
            (3 + self.layers.keeps_sops(index)) * units  # value, residuals, delta
            for index, units in enumerate(self.layers.units[1:])
        )
        return lanes_in_cache(3 * self.n_parameters + samples * work, dtype)

    def evaluator(
        self, lanes: int, dtype: DType, chosen: ChosenSamples | None = None
    ) -> NetworkEvaluator:
        """An evaluator for blocks of `lanes` lanes, on the chosen samples or on all."""
        samples = self.n_samples if chosen is None else len(chosen)
        form = ProductsEvaluator if self._in_products(samples, dtype) else ElementwiseEvaluator
        return form(self.layers, lanes, dtype, chosen)

    def _in_products(self, samples: int, dtype: DType) -> bool:
        """Whether a matrix product per lane beats elementwise arithmetic."""
        large = samples * self.n_parameters * dtype.itemsize >= _PRODUCTS_FROM_BYTES
        return large and samples >= _PRODUCTS_FROM_SAMPLES

    def hessian(
        self, parameters: NDArray[np.float64], lane_data: Mapping[str, NDArray[np.float64]]
    ) -> Hessian:
        """The Hessian of the loss at parameters (parameters, lanes)."""
        return NetworkHessian(self.layers, parameters)


def _curvature_at_solution(layers: Layers) -> float | None:
    """Largest eigenvalue of the update's Jacobian at the solution, per unit learning rate.

    It is known for one layer and one sample if the outputs can reach their targets: the maximum
    over the outputs of factor · f'(s) · f'(where the derivative is evaluated) · ‖x‖², with x scaled
    as the weights are. For the tutorial's sigmoid and squared error it is 2·(p(1-p))²·‖x‖².
    """
    if len(layers.shapes) != 1 or layers.n_samples != 1:
        return None
    activation, loss = layers.activations[0], layers.loss
    if not (isinstance(activation, Activation) and isinstance(loss, Loss)):
        return None
    if not loss.is_quadratic_at_target:
        return None
    scale = layers.scales[0] if layers.scales else 1.0
    with np.errstate(over="ignore"):
        norm = scale * scale * float(np.sum(layers.inputs**2)) + layers.bias
    largest = 0.0
    for target in layers.targets.ravel().tolist():
        sop = activation.inverse(target)
        if not math.isfinite(sop):
            return None
        at = target if layers.derivative_at_prediction else sop
        derivative = float(activation.derivative(np.float64(sop)))
        used = 1.0 if layers.loss_takes_sop else float(activation.derivative(np.float64(at)))
        largest = max(largest, derivative * used)
    curvature = loss.factor(layers.n_terms) * largest * norm
    return curvature if math.isfinite(curvature) else None
